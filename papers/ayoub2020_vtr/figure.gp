# Reads the runs of runs.txt (variable `runs`: their folder); writes regret.csv, the
# sum over all episodes of J* - J of each seed's greedy policy, errors.csv, the last
# count-weighted error of the rows (column row_error), and figure.svg.
load '../../plots/style.gp'
set terminal svg size 1120,450 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
system(sprintf("{ echo name,seed,regret,last_return; awk -F, 'NR == FNR { if ($1 ~ /^true/) { split($1, x, \"_\"); best[x[2]] = $12 } best[11] = 1; next } FNR == 1 { close_run(); split(FILENAME, d, \"/\"); run = d[length(d) - 2]; seed = d[length(d) - 1]; sub(\"seed-\", \"\", seed); split(run, part, \"_\"); sum = 0; next } { sum += best[part[2]] - $10; last = $10 } END { close_run() } function close_run() { if (run != \"\" && run !~ /^(true|tiny)/) printf \"%%s,%%s,%%.6g,%%.6g\\n\", run, seed, sum, last }' results.csv %s/*/seed-*/metrics.csv; } > regret.csv", runs))
system(sprintf("{ echo name,error,standard_error; for d in %s/*_*_*; do tail -qn 1 $d/seed-*/metrics.csv | awk -F, -v name=${d##*/} 'NF == 14 { n++; m += $14; v += $14 * $14 } END { if (n > 1) { a = m / n; s = v / n - a * a; printf \"%%s,%%.4f,%%.4f\\n\", name, a, sqrt((s > 0 ? s : 0) / (n - 1)) } }'; done; } > errors.csv", runs))
# Cumulative regret of a run: episode, median over seeds, least, largest.
curve(run) = sprintf("< awk -F, 'FNR > 1 { sum[FILENAME] += %.12g - $10; x[$1, ++n[$1]] = sum[FILENAME] } END { for (i = 1; i in n; i++) { m = n[i]; for (a = 1; a <= m; a++) { t = x[i, a]; for (b = a; b > 1 && s[b - 1] > t; b--) s[b] = s[b - 1]; s[b] = t } print i, (s[int((m + 1) / 2)] + s[int(m / 2) + 1]) / 2, s[1], s[m] } }' %s/%s/seed-*/metrics.csv", best5, runs, run)
mean(run) = real(system(sprintf("awk -F, '$1 == \"%s\" { m += $3; n++ } END { print m / n }' regret.csv", run)))
set multiplot title 'RiverSwim: the regret of value targets and of counts, with optimism and without'
set tmargin at screen 0.9
set bmargin at screen 0.15
best5 = real(system("awk -F, '$1 == \"true_5_0\" { print $12 }' results.csv"))
set logscale xy
set xlabel 'episode, 5 states'
set ylabel 'cumulative regret, median' offset 1.5,0
set lmargin at screen 0.085
set rmargin at screen 0.36
set xrange [1:1000]
set yrange [3:7000]
unset key
plot curve('vtr_5_10') using 1:3:4 with filledcurves lc rgb '#0072b2', \
     mean('random_5_0') * x with lines dt 3 lw 2 lc rgb '#999999', \
     curve('greedy_5_3') using 1:2 with lines lw 3 lc rgb '#d55e00', \
     curve('mle_5_3') using 1:2 with lines lw 2 dt 2 lc rgb '#e69f00', \
     curve('count_5_10') using 1:2 with lines lw 3 lc rgb '#009e73', \
     curve('count_5_3') using 1:2 with lines lw 2 dt 2 lc rgb '#009e73', \
     curve('vtr_5_10') using 1:2 with lines lw 3 lc rgb '#0072b2', \
     curve('vtr_5_30') using 1:2 with lines lw 2 dt 2 lc rgb '#0072b2'
sums(method, states) = sprintf("< awk -F, -v want='^%s_%s_' '$1 ~ want { split($1, x, \"_\"); k = x[3]; n[k]++; m[k] += $3; v[k] += $3 * $3 } END { for (k in n) { a = m[k] / n[k]; s = v[k] / n[k] - a * a; print k / 10, a, sqrt((s > 0 ? s : 0) / (n[k] - 1)) } }' regret.csv | sort -n", method, states)
set xlabel 'radius of the ellipsoid, 3 states'
set ylabel 'regret after 1000 episodes' offset 1,0
set lmargin at screen 0.465
set rmargin at screen 0.735
set xrange [0.2:4.5]
set yrange [3:10000]
set xtics (0.3, 1, 3)
set key at screen 0.745, graph 0.97 left top Left reverse spacing 1.35
plot 1000 * mean('random_3_0') with lines dt 3 lw 2 lc rgb '#999999' title 'random model', \
     NaN with lines lw 3 lc rgb '#d55e00' title 'value targets, eps 0.3', \
     NaN with lines lw 2 dt 2 lc rgb '#e69f00' title 'likelihood (counts), eps 0.3', \
     sums('greedy', '3') using ($1 == 0.3 ? 0.23 : NaN):2:3 with yerrorbars lw 2 pt 7 ps 0.8 lc rgb '#d55e00' notitle, \
     sums('mle', '3') using ($1 == 0.3 ? 0.23 : NaN):2:3 with yerrorbars lw 2 pt 5 ps 0.8 lc rgb '#e69f00' notitle, \
     sums('count', '3') using 1:2:3 with yerrorlines lw 2 pt 5 ps 0.8 lc rgb '#009e73' notitle, \
     NaN with lines lw 3 lc rgb '#009e73' title 'counts, optimism 1', \
     NaN with lines lw 2 dt 2 lc rgb '#009e73' title 'counts, optimism 0.3', \
     sums('vtr', '3') using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.8 lc rgb '#0072b2' notitle, \
     NaN with lines lw 3 lc rgb '#0072b2' title 'value targets, optimism 1', \
     NaN with lines lw 2 dt 2 lc rgb '#0072b2' title 'value targets, optimism 3'
unset multiplot

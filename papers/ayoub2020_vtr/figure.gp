# Reads the runs of runs.txt (variable `runs`: their folder); writes regret.csv, the
# sum over all episodes of J* - J of each seed's greedy policy, errors.csv, the last
# count-weighted error of the rows (column row_error), and figure.svg.
load '../../plots/style.gp'
set terminal svg size 900,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
system(sprintf("{ echo name,seed,regret,last_return; awk -F, 'NR == FNR { if ($1 ~ /^true/) { split($1, x, \"_\"); best[x[2]] = $12 } best[11] = 1; next } FNR == 1 { close_run(); split(FILENAME, d, \"/\"); run = d[length(d) - 2]; seed = d[length(d) - 1]; sub(\"seed-\", \"\", seed); split(run, part, \"_\"); sum = 0; next } { sum += best[part[2]] - $10; last = $10 } END { close_run() } function close_run() { if (run != \"\" && run !~ /^(true|tiny)/) printf \"%%s,%%s,%%.6g,%%.6g\\n\", run, seed, sum, last }' results.csv %s/*/seed-*/metrics.csv; } > regret.csv", runs))
system(sprintf("{ echo name,error,standard_error; for d in %s/*_*_*; do tail -qn 1 $d/seed-*/metrics.csv | awk -F, -v name=${d##*/} 'NF == 14 { n++; m += $14; v += $14 * $14 } END { if (n > 1) { a = m / n; s = v / n - a * a; printf \"%%s,%%.4f,%%.4f\\n\", name, a, sqrt((s > 0 ? s : 0) / (n - 1)) } }'; done; } > errors.csv", runs))
curve(run, best) = sprintf("< awk -F, 'FNR > 1 { sum[FILENAME] += %.12g - $10; x = sum[FILENAME]; if (!n[$1]++) { low[$1] = x; high[$1] = x } m[$1] += x; if (x < low[$1]) low[$1] = x; if (x > high[$1]) high[$1] = x } END { for (i = 1; i in n; i++) print i, m[i] / n[i], low[i], high[i] }' %s/%s/seed-*/metrics.csv", best, runs, run)
set multiplot layout 1,2 title 'Both models swim upstream with optimism; how much they need differs'
best5 = real(system("awk -F, '$1 == \"true_5_0\" { print $12 }' results.csv"))
set logscale xy
set xlabel 'episode, 5 states'
set ylabel 'cumulative regret'
set xrange [1:1000]
set yrange [3:1e6] # room for the key above the curves
set ytics 100
set key at graph 0.02, graph 1 left top
plot curve('vtr_5_10', best5) using 1:3:4 with filledcurves lc rgb '#0072b2' notitle, \
     curve('greedy_5_3', best5) using 1:2 with lines lw 3 lc rgb '#d55e00' title 'value targets, eps 0.3', \
     curve('count_5_10', best5) using 1:2 with lines lw 3 lc rgb '#009e73' title 'counts, optimism 1', \
     curve('vtr_5_10', best5) using 1:2 with lines lw 3 lc rgb '#0072b2' title 'value targets, optimism 1', \
     curve('vtr_5_30', best5) using 1:2 with lines lw 2 dt 2 lc rgb '#0072b2' title 'value targets, optimism 3', \
     curve('count_5_3', best5) using 1:2 with lines lw 2 dt 2 lc rgb '#009e73' title 'counts, optimism 0.3'
sums(method, states) = sprintf("< awk -F, -v want='^%s_%s_' '$1 ~ want { split($1, x, \"_\"); k = x[3]; n[k]++; m[k] += $3; v[k] += $3 * $3 } END { for (k in n) { a = m[k] / n[k]; s = v[k] / n[k] - a * a; print k / 10, a, sqrt((s > 0 ? s : 0) / (n[k] - 1)) } }' regret.csv | sort -n", method, states)
set xlabel 'radius of the ellipsoid, 3 states'
set ylabel 'regret after 1000 episodes'
set xrange [0.2:4.5]
set yrange [3:10000]
set xtics (0.3, 1, 3)
set key at graph 0.02, graph 1 left top
plot sums('vtr', '3') using 1:2:3 with yerrorbars lw 2 pt 7 ps 0.8 lc rgb '#0072b2' title 'value targets', \
     sums('vtr', '3') using 1:2 with lines lw 2 lc rgb '#0072b2' notitle, \
     sums('count', '3') using 1:2:3 with yerrorbars lw 2 pt 5 ps 0.8 lc rgb '#009e73' title 'counts', \
     sums('count', '3') using 1:2 with lines lw 2 lc rgb '#009e73' notitle
unset multiplot

# Reads results.csv; writes table.csv (means and standard errors over seeds, of the real
# return and of what the model promises), paired.csv (differences of real returns, paired over
# seeds: q(theta) that hears of success less the cut and less the likeliest model) and figure.svg.
# Support-known points: a little right.
load '../../plots/style.gp'
set terminal svg size 1060,420 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
system("awk -F, 'function error(sum, squares, n, a, s) { if (n < 2) return 0; a = sum / n; s = squares / n - a * a; return sqrt((s > 0 ? s : 0) / (n - 1)) } NR > 1 { if (!n[$1]++) name[++k] = $1; m[$1] += $12; v[$1] += $12 * $12; p[$1] += $11; w[$1] += $11 * $11; f[$1] += $5 } END { print \"name,value,error,promise,promise_error,elbo\"; for (i = 1; i <= k; i++) { r = name[i]; printf \"%s,%.3f,%.3f,%.3f,%.3f,%.4f\\n\", r, m[r] / n[r], error(m[r], v[r], n[r]), p[r] / n[r], error(p[r], w[r], n[r]), f[r] / n[r] } }' results.csv > table.csv")
system("{ echo first,second,difference,error; for n in 10 30 100 300 1000 10000; do for pair in whole,cut whole,ml known_whole,known_cut; do awk -F, -v a=${pair%,*}_$n -v b=${pair#*,}_$n '$1 == a { x[$2] = $12 } $1 == b { y[$2] = $12 } END { for (s in x) if (s in y) { d = x[s] - y[s]; n++; m += d; v += d * d } if (n > 1) { m /= n; v = v / n - m * m; printf \"%s,%s,%.3f,%.3f\\n\", a, b, m, sqrt((v > 0 ? v : 0) / (n - 1)) } }' results.csv; done; done; } > paired.csv")
curve(method) = sprintf("< awk -F, -v want='^%s_[0-9]+$' '$1 ~ want { x = $1; sub(/.*_/, \"\", x); print x, $2, $3, $4, $5 }' table.csv", method)
line(run, column) = real(system(sprintf("awk -F, '$1 == \"%s\" { print $%d }' table.csv", run, column)))
best = line('true', 2)
set multiplot title 'The chain: what each policy earns, and what its model promises'
set tmargin at screen 0.9
set bmargin at screen 0.17
set logscale x
set xrange [8:12500]
set xlabel 'steps of data'
unset key
set lmargin at screen 0.07
set rmargin at screen 0.38
set yrange [14:27]
set ylabel 'real return'
plot best with lines dt 2 lw 2 lc rgb '#555555', \
     curve('whole') using 1:2:3 with yerrorlines lw 3 pt 7 ps 0.8 lc rgb '#0072b2', \
     curve('known_whole') using (1.1 * $1):2:3 with yerrorlines lw 1.5 dt 3 pt 6 ps 0.8 lc rgb '#0072b2', \
     curve('cut') using 1:2:3 with yerrorlines lw 2 pt 5 ps 0.8 lc rgb '#009e73', \
     curve('known_cut') using (1.1 * $1):2:3 with yerrorlines lw 1.5 dt 3 pt 4 ps 0.8 lc rgb '#009e73', \
     curve('ml') using 1:2:3 with yerrorlines lw 2 pt 9 ps 0.8 lc rgb '#d55e00', \
     line('random', 2) with lines dt 3 lw 2 lc rgb '#999999'
set lmargin at screen 0.455
set rmargin at screen 0.77
set yrange [10:35]
set ylabel 'return that the model promises'
set key at screen 0.785, graph 0.9 left top Left reverse spacing 1.4
plot best with lines dt 2 lw 2 lc rgb '#555555' title 'true model', \
     curve('whole') using 1:4:5 with yerrorlines lw 3 pt 7 ps 0.8 lc rgb '#0072b2' title 'variational EM', \
     curve('known_whole') using (1.1 * $1):4:5 with yerrorlines lw 1.5 dt 3 pt 6 ps 0.8 lc rgb '#0072b2' title '... support known', \
     curve('cut') using 1:4:5 with yerrorlines lw 2 pt 5 ps 0.8 lc rgb '#009e73' title 'posterior of data alone', \
     curve('known_cut') using (1.1 * $1):4:5 with yerrorlines lw 1.5 dt 3 pt 4 ps 0.8 lc rgb '#009e73' title '... support known', \
     curve('ml') using 1:4:5 with yerrorlines lw 2 pt 9 ps 0.8 lc rgb '#d55e00' title 'maximum likelihood', \
     line('random', 4) with lines dt 3 lw 2 lc rgb '#999999' title 'random model'
unset multiplot

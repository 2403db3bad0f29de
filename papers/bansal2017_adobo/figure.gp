# Reads results.csv and the runs (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 900,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
mean(run, column) = sprintf("< awk -F, '$1 == \"%s\" { x += $%d; n++ } END { print x / n }' results.csv", run, column)
over(run) = sprintf("< awk -F, 'FNR > 1 { x = $10; if (!n[$1]++) { low[$1] = x; high[$1] = x } m[$1] += x; if (x < low[$1]) low[$1] = x; if (x > high[$1]) high[$1] = x; if ($1 > k) k = $1 } END { for (i = 1; i <= k; i++) print i, m[i] / n[i], low[i], high[i] }' %s/%s/seed-*/metrics.csv", runs, run)
set multiplot layout 1,2 title 'A linear model of a cart that is not linear: sought by its plan''s return, or by likelihood'
set xrange [0:80]
set yrange [0:12]
set xlabel 'evaluations on the real system'
set ylabel 'real return'
set key at graph 1, graph 0.36 right top Right noreverse
plot over('bo') using (5 * $1):3:4 with filledcurves lc rgb '#0072b2' notitle, \
     mean('true', 12) using (0):1:(80):(0) with vectors nohead lw 1.5 dt 2 lc rgb '#555555' title 'true model', \
     over('bo') using (5 * $1):2 with linespoints lw 3 pt 7 ps 0.4 lc rgb '#0072b2' title 'Bayesian search (10 seeds)', \
     mean('ml', 12) using (0):1:(80):(0) with vectors nohead lw 3 lc rgb '#d55e00' title 'maximum likelihood'
rows = 'random ml ml_plan bo simplex implicit true'
set xrange [-1:16]
set yrange [0.4:7.6]
set ytics ('random model' 1, 'ML, uniform data' 2, 'ML, data of its plan' 3, 'J, Bayesian search' 4, 'J, simplex' 5, 'J, implicit gradient' 6, 'true model' 7)
unset ylabel
unset grid
set grid xtics linecolor '#e4e4e4'
set xlabel 'return'
set lmargin 19
unset key
set label 1 'paid' at 6.9, 2.42 center textcolor rgb '#0072b2' font ',14'
set label 2 'promised' at 14.2, 2.5 center textcolor rgb '#d55e00' font ',14'
plot for [i = 1:7] mean(word(rows, i), 11) using 1:(i) with points pt 6 ps 1.4 lw 2 lc rgb '#d55e00', \
     for [i = 1:7] mean(word(rows, i), 12) using 1:(i) with points pt 7 ps 1.1 lc rgb '#0072b2'
unset multiplot

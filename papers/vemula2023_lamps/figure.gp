# Reads the runs of runs.txt (variable `runs`: their folder); writes figure.svg.
# Means over 10 seeds by awk; bands: least to largest. Points: read off the paper.
load '../../plots/style.gp'
set terminal svg size 900,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
of(run, column, sign) = sprintf("< awk -F, 'FNR > 1 { x = %d * $%d; if (!n[$1]++) { low[$1] = x; high[$1] = x } m[$1] += x; if (x < low[$1]) low[$1] = x; if (x > high[$1]) high[$1] = x } END { for (i = 1; i in n; i++) print 3 * i, m[i] / n[i], low[i], high[i] }' %s/%s/seed-*/metrics.csv", sign, column, runs, run)
$published << EOD
60 1
100 0.20
200 0.055
300 0.015
EOD
set multiplot layout 1,2 title 'The model that predicts best is the one that plans wrong'
set xlabel 'interactions'
set xrange [0:300]
set yrange [0:1]
set ylabel 'weight of the bad model'
set key at graph 1, graph 0.9 right top Right noreverse
plot of('moment', 13, 1) using 1:3:4 with filledcurves lc rgb '#0072b2' notitle, \
     of('sysid', 13, 1) using 1:2 with lines lw 3 lc rgb '#d55e00' title 'predict: 0-1 loss', \
     of('moment', 13, 1) using 1:2 with lines lw 3 lc rgb '#0072b2' title 'value moments', \
     of('calibrated', 13, 1) using 1:2 with lines lw 2 dt 2 lc rgb '#009e73' title 'value moments, calibrated', \
     $published using 1:2 with points pt 4 ps 0.9 lw 2 lc rgb '#000000' title 'paper'
set ylabel 'cost of an episode'
set yrange [0.25:0.75]
set key at graph 1, graph 0.88 right top
plot of('sysid', 10, -1) using 1:2 with lines lw 3 lc rgb '#d55e00' title 'predict: 0-1 loss', \
     of('random', 10, -1) using 1:2 with lines lw 2 dt 3 lc rgb '#999999' title 'random model', \
     of('moment', 10, -1) using 1:2 with lines lw 3 lc rgb '#0072b2' title 'value moments', \
     of('calibrated', 10, -1) using 1:2 with lines lw 2 dt 2 lc rgb '#009e73' title 'value moments, calibrated', \
     of('true', 10, -1) using 1:2 with lines lw 1.5 dt 4 lc rgb '#555555' title 'true model'
unset multiplot

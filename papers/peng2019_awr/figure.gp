# Reads results.csv and the metrics of the runs (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 980,440 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
# thousand steps, mean of a column and the mean -+ twice its standard error over the seeds, of rows where `rows` holds
curve(run, column, rows) = sprintf("< awk -F, 'FNR == 1 { for (i = 1; i <= NF; i++) if ($i == \"%s\") c = i; next } %s { k = $2; n[k]++; s[k] += $c; q[k] += $c * $c } END { for (k in n) { m = s[k] / n[k]; v = q[k] / n[k] - m * m; e = (v > 0 && n[k] > 1) ? 2 * sqrt(v / (n[k] - 1)) : 0; print k / 1000, m, m - e, m + e } }' %s/%s/seed-*/metrics.csv | sort -n", column, rows, runs, run)
# of the return those that hold an evaluation of their own: the first and every fifth
return(run) = curve(run, 'return_real', '$1 == 1 || $1 % 5 == 0')
share(run, column) = curve(run, column, '1')
mean_of(name) = real(system(sprintf("awk -F, '$1 == \"%s\" { s += $12; n++ } END { print s / n }' results.csv", name)))
random = mean_of('random')
set multiplot layout 1, 2
set tmargin 3.4; set bmargin 3.4; set lmargin 10
set xrange [0:9.2]
set xtics 3
set xlabel 'thousand steps in the world' offset 0,0.3
set style fill transparent solid 0.2 noborder
set ylabel 'return of 20 episodes' offset 0.5,0
set yrange [-1800:0]
set ytics 500
set key at graph 1.13, graph 0.03 right bottom Left reverse samplen 1.5 font ',13'
set title "Pendulum-v1: AWR learns sooner, SAC ends higher\nmeans over seeds +- two standard errors" textcolor '#222222' font ',14'
set label 1 'random actions' at 9.1, random + 75 right textcolor rgb '#777777' font ',13'
plot return('awr') using 1:3:4 with filledcurves lc rgb '#D55E00' notitle, \
     return('recent') using 1:3:4 with filledcurves lc rgb '#CC79A7' notitle, \
     return('sac') using 1:3:4 with filledcurves lc rgb '#0072B2' notitle, \
     random with lines lw 2 dt 3 lc rgb '#777777' notitle, \
     return('awr') using 1:2 with linespoints pt 7 ps 0.4 lw 3 lc rgb '#D55E00' title 'AWR on all data', \
     return('recent') using 1:2 with linespoints pt 7 ps 0.4 lw 2 lc rgb '#CC79A7' title 'AWR on the last 1000 steps', \
     return('sac') using 1:2 with linespoints pt 7 ps 0.4 lw 3 lc rgb '#0072B2' title 'SAC'
set label 1 'effective samples' at 0.25, 0.365 left textcolor rgb '#222222' font ',13'
set label 2 'weights clipped at 20 (dashed)' at 0.25, 0.205 left textcolor rgb '#222222' font ',13'
set yrange [0:0.5]
set ytics 0.1
set key at graph 0.03, graph 0.98 left top Left reverse samplen 2 font ',13'
set ylabel 'share of a batch' offset 0.5,0
set title "Of a batch a third counts, a seventh is clipped\nmeans over seeds +- two standard errors" textcolor '#222222' font ',14'
plot share('awr', 'weight_ess') using 1:3:4 with filledcurves lc rgb '#D55E00' notitle, \
     share('recent', 'weight_ess') using 1:3:4 with filledcurves lc rgb '#CC79A7' notitle, \
     share('awr', 'weights_clipped') using 1:3:4 with filledcurves lc rgb '#D55E00' notitle, \
     share('recent', 'weights_clipped') using 1:3:4 with filledcurves lc rgb '#CC79A7' notitle, \
     share('awr', 'weight_ess') using 1:2 with lines lw 3 lc rgb '#D55E00' title 'AWR on all data', \
     share('recent', 'weight_ess') using 1:2 with lines lw 2 lc rgb '#CC79A7' title 'AWR on the last 1000 steps', \
     share('awr', 'weights_clipped') using 1:2 with lines lw 3 dt 2 lc rgb '#D55E00' notitle, \
     share('recent', 'weights_clipped') using 1:2 with lines lw 2 dt 2 lc rgb '#CC79A7' notitle
unset multiplot

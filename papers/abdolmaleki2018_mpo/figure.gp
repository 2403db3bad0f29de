# Reads results.csv and the metrics of the runs (variable `runs`: their folder); writes
#   reached.csv     the steps at which an evaluation of each seed first is above -200 (Pendulum-v1) or 100 (the
#                   swing-up), nothing where none is;
#   divergence.csv  the mean KL of an iteration's batches over seeds and iterations: its mean, least and most, the
#                   largest distance from epsilon, and least and most from the eleventh iteration on;
#   figure.svg
system(sprintf("{ echo name,seed,env_steps; for run in exact gradient sac swingup swingup_sac; do case $run in swingup*) level=100 ;; *) level=-200 ;; esac; for seed in 0 1 2 3 4 5 6 7 8 9; do f=%s/$run/seed-$seed/metrics.csv; [ ! -f $f ] || awk -F, -v name=$run,$seed -v level=$level 'NR > 1 && ($1 == 1 || $1 %% 5 == 0) && $10 > level { at = $2; exit } END { print name \",\" at }' $f; done; done; } > reached.csv", runs))
system(sprintf("{ echo name,rows,mean,least,most,off_epsilon,later_least,later_most; for run in exact gradient; do awk -F, -v name=$run 'FNR == 1 { for (i = 1; i <= NF; i++) if ($i == \"kl_nonparametric\") c = i; next } { k = $c; n++; s += k; if (n == 1 || k < a) a = k; if (n == 1 || k > b) b = k; e = k > 0.1 ? k - 0.1 : 0.1 - k; if (e > off) off = e } $1 > 10 { if (!m++ || k < d) d = k; if (m == 1 || k > g) g = k } END { printf \"%%s,%%d,%%.5g,%%.4g,%%.4g,%%.1e,%%.4g,%%.4g\\n\", name, n, s / n, a, b, off, d, g }' %s/$run/seed-*/metrics.csv; done; } > divergence.csv", runs))
load '../../plots/style.gp'
set terminal svg size 980,800 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
# thousand steps, mean of a column and the mean -+ twice its standard error over the seeds, of rows where `rows` holds
curve(run, column, rows) = sprintf("< awk -F, 'FNR == 1 { for (i = 1; i <= NF; i++) if ($i == \"%s\") c = i; next } %s { k = $2; n[k]++; s[k] += $c; q[k] += $c * $c } END { for (k in n) { m = s[k] / n[k]; v = q[k] / n[k] - m * m; e = (v > 0 && n[k] > 1) ? 2 * sqrt(v / (n[k] - 1)) : 0; print k / 1000, m, m - e, m + e } }' %s/%s/seed-*/metrics.csv | sort -n", column, rows, runs, run)
# of the return those that hold an evaluation of their own: the first and every fifth
return(run) = curve(run, 'return_real', '$1 == 1 || $1 % 5 == 0')
mean(run, column) = curve(run, column, '1')
# the least and the largest of a column over the seeds
range(run, column) = sprintf("< awk -F, 'FNR == 1 { for (i = 1; i <= NF; i++) if ($i == \"%s\") c = i; next } { k = $2; if (!(k in a) || $c < a[k]) a[k] = $c; if (!(k in b) || $c > b[k]) b[k] = $c } END { for (k in a) print k / 1000, a[k], b[k] }' %s/%s/seed-*/metrics.csv | sort -n", column, runs, run)
mean_of(name) = real(system(sprintf("awk -F, '$1 == \"%s\" { s += $12; n++ } END { print s / n }' results.csv", name)))
random = mean_of('random')
swing_random = mean_of('swingup_random')
set multiplot layout 2, 2
set tmargin 3.4; set bmargin 3.4; set lmargin 10
set xrange [0:15.3]
set xtics 5
set xlabel 'thousand steps in the world' offset 0,0.3
set style fill transparent solid 0.2 noborder
set key at graph 0.98, graph 0.04 right bottom Left reverse samplen 2 font ',13'
set ylabel 'return of 20 episodes' offset 0.5,0
set yrange [-1850:0]
set ytics 500
set title "Pendulum-v1: MPO ends where SAC does, a little later\nmeans of ten seeds +- two standard errors" textcolor '#222222' font ',14'
set label 1 'random actions' at 14.9, random + 75 right textcolor rgb '#777777' font ',13'
plot return('exact') using 1:3:4 with filledcurves lc rgb '#D55E00' notitle, \
     return('gradient') using 1:3:4 with filledcurves lc rgb '#000000' notitle, \
     return('sac') using 1:3:4 with filledcurves lc rgb '#0072B2' notitle, \
     random with lines lw 2 dt 3 lc rgb '#777777' notitle, \
     return('exact') using 1:2 with linespoints pt 7 ps 0.4 lw 3 lc rgb '#D55E00' title 'MPO, exact dual', \
     return('gradient') using 1:2 with lines lw 2 dt 2 lc rgb '#000000' title 'MPO, dual by Adam', \
     return('sac') using 1:2 with linespoints pt 7 ps 0.4 lw 3 lc rgb '#0072B2' title 'SAC'
set yrange [-20:150]
set ytics 50
set key at graph 0.03, graph 0.97 left top Left reverse samplen 2 font ',13'
set title "cartpole_swingup: both far below the most, 200\nmeans of five seeds +- two standard errors" textcolor '#222222' font ',14'
set label 1 'random actions' at 14.9, swing_random - 7 right textcolor rgb '#777777' font ',13'
plot return('swingup') using 1:3:4 with filledcurves lc rgb '#D55E00' notitle, \
     return('swingup_sac') using 1:3:4 with filledcurves lc rgb '#0072B2' notitle, \
     swing_random with lines lw 2 dt 3 lc rgb '#777777' notitle, \
     return('swingup') using 1:2 with linespoints pt 7 ps 0.4 lw 3 lc rgb '#D55E00' title 'MPO, exact dual', \
     return('swingup_sac') using 1:2 with linespoints pt 7 ps 0.4 lw 3 lc rgb '#0072B2' title 'SAC'
unset label 1
set yrange [0:0.16]
set ytics 0.05
set key at graph 0.98, graph 0.04 right bottom Left reverse samplen 2 font ',13'
set ylabel 'KL(q || pi_old), nats' offset 0.5,0
set title "The exact dual holds the KL at epsilon = 0.1\nPendulum-v1: mean, least and most of ten seeds" textcolor '#222222' font ',14'
plot range('gradient', 'kl_nonparametric') using 1:2:3 with filledcurves lc rgb '#000000' notitle, \
     mean('gradient', 'kl_nonparametric') using 1:2 with lines lw 2 dt 2 lc rgb '#000000' title 'MPO, dual by Adam', \
     mean('exact', 'kl_nonparametric') using 1:2 with lines lw 3 lc rgb '#D55E00' title 'MPO, exact dual'
set ylabel 'temperature eta' offset 0.5,0
set yrange [0:2]
set ytics 0.5
set title "... by a temperature about that of Adam's steps\nmeans of ten seeds +- two standard errors" textcolor '#222222' font ',14'
plot mean('gradient', 'eta') using 1:3:4 with filledcurves lc rgb '#000000' notitle, \
     mean('exact', 'eta') using 1:3:4 with filledcurves lc rgb '#D55E00' notitle, \
     mean('gradient', 'eta') using 1:2 with lines lw 2 dt 2 lc rgb '#000000' title 'MPO, dual by Adam', \
     mean('exact', 'eta') using 1:2 with lines lw 3 lc rgb '#D55E00' title 'MPO, exact dual'
unset multiplot

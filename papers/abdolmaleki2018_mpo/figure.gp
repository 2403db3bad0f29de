# Reads the metrics of the runs (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 980,760 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
# environment steps, mean of a column and twice its standard error over the seeds
curve(run, column) = sprintf("< awk -F, 'FNR == 1 { for (i = 1; i <= NF; i++) if ($i == \"%s\") c = i; next } { k = $2; n[k]++; s[k] += $c; q[k] += $c * $c } END { for (k in n) { m = s[k] / n[k]; v = q[k] / n[k] - m * m; e = (v > 0 && n[k] > 1) ? 2 * sqrt(v / (n[k] - 1)) : 0; print k / 1000, m, m - e, m + e } }' %s/%s/seed-*/metrics.csv | sort -n", column, runs, run)
# the largest and the least of a column over the seeds
range(run, column) = sprintf("< awk -F, 'FNR == 1 { for (i = 1; i <= NF; i++) if ($i == \"%s\") c = i; next } { k = $2; if (!(k in a) || $c < a[k]) a[k] = $c; if (!(k in b) || $c > b[k]) b[k] = $c } END { for (k in a) print k / 1000, a[k], b[k] }' %s/%s/seed-*/metrics.csv | sort -n", column, runs, run)
set multiplot layout 2, 2
set tmargin 2.6; set bmargin 3.4; set lmargin 10
set xrange [0:15]
set xtics 5
set xlabel 'thousand steps in the world' offset 0,0.3
set style fill transparent solid 0.2 noborder
set key at graph 0.98, graph 0.04 right bottom Left reverse samplen 2 font ',14'
set ylabel 'return' offset 0.5,0
set yrange [-1700:0]
set ytics 500
set title 'Pendulum-v1' textcolor '#222222' font ',14'
plot curve('exact', 'return_real') using 1:3:4 with filledcurves lc rgb '#D55E00' notitle, \
     curve('sac', 'return_real') using 1:3:4 with filledcurves lc rgb '#0072B2' notitle, \
     curve('exact', 'return_real') using 1:2 with lines lw 3 lc rgb '#D55E00' title 'MPO, exact dual', \
     curve('gradient', 'return_real') using 1:2 with lines lw 2 dt 2 lc rgb '#000000' title 'MPO, dual by Adam', \
     curve('sac', 'return_real') using 1:2 with lines lw 3 lc rgb '#0072B2' title 'SAC'
set yrange [*:*]
set ytics auto
set key at graph 0.03, graph 0.97 left top Left reverse samplen 2 font ',14'
set title 'cartpole_swingup' textcolor '#222222' font ',14'
plot curve('swingup', 'return_real') using 1:3:4 with filledcurves lc rgb '#D55E00' notitle, \
     curve('swingup_sac', 'return_real') using 1:3:4 with filledcurves lc rgb '#0072B2' notitle, \
     curve('swingup', 'return_real') using 1:2 with lines lw 3 lc rgb '#D55E00' title 'MPO, exact dual', \
     curve('swingup_sac', 'return_real') using 1:2 with lines lw 3 lc rgb '#0072B2' title 'SAC'
set key at graph 0.98, graph 0.97 right top Left reverse samplen 2 font ',14'
set ylabel 'KL(q || pi_old), nats' offset 0.5,0
set logscale y
set format y '%g'
set title 'The E-step on Pendulum-v1: epsilon = 0.1' textcolor '#222222' font ',14'
plot range('gradient', 'kl_nonparametric') using 1:2:3 with filledcurves lc rgb '#000000' notitle, \
     curve('gradient', 'kl_nonparametric') using 1:2 with lines lw 2 dt 2 lc rgb '#000000' title 'a step of Adam', \
     curve('exact', 'kl_nonparametric') using 1:2 with lines lw 3 lc rgb '#D55E00' title 'exact'
set ylabel 'eta' offset 0.5,0
set title 'Its temperature' textcolor '#222222' font ',14'
plot curve('gradient', 'eta') using 1:2 with lines lw 2 dt 2 lc rgb '#000000' title 'a step of Adam', \
     curve('exact', 'eta') using 1:2 with lines lw 3 lc rgb '#D55E00' title 'exact'
unset multiplot

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
set xlabel 'thousand steps in the world' offset 0,0.3
set style fill transparent solid 0.2 noborder
set xrange [0:31]
set xtics 5
set ylabel 'return' offset 0.5,0
set yrange [0:210]
set ytics 50
set key at graph 0.98, graph 0.04 right bottom Left reverse samplen 2 font ',13'
set title 'cartpole_continuous' textcolor '#222222' font ',14'
plot curve('reps', 'return_real') using 1:3:4 with filledcurves lc rgb '#D55E00' notitle, \
     curve('sac', 'return_real') using 1:3:4 with filledcurves lc rgb '#0072B2' notitle, \
     curve('reps', 'return_real') using 1:2 with lines lw 3 lc rgb '#D55E00' title 'REPS, linear policy', \
     curve('sac', 'return_real') using 1:2 with lines lw 3 lc rgb '#0072B2' title 'SAC, 2 x 64 units'
set key at graph 0.98, graph 0.03 right bottom Left reverse samplen 2 font ',12'
set title 'REPS: epsilon, and the features of V' textcolor '#222222' font ',14'
plot curve('reps', 'return_real') using 1:2 with lines lw 3 lc rgb '#D55E00' title '0.5, quadratic', \
     curve('small', 'return_real') using 1:2 with lines lw 2 lc rgb '#000000' title '0.1, quadratic', \
     curve('large', 'return_real') using 1:2 with lines lw 2 lc rgb '#009E73' title '2, quadratic', \
     curve('fourier', 'return_real') using 1:2 with lines lw 2 lc rgb '#CC79A7' title '0.5, 50 cosines'
set yrange [0:2.1]
set ytics 0.5
set key at graph 0.03, graph 0.97 left top Left reverse samplen 2 font ',12'
set key at graph 0.98, graph 0.97 right top Left reverse samplen 2 font ',12'
set ylabel 'KL(q || p), nats' offset 0.5,0
set title 'KL of the samples: least and most of ten seeds' textcolor '#222222' font ',14'
plot range('large', 'kl_samples') using 1:2:3 with filledcurves lc rgb '#009E73' notitle, \
     range('reps', 'kl_samples') using 1:2:3 with filledcurves lc rgb '#D55E00' notitle, \
     curve('large', 'kl_samples') using 1:2 with lines lw 2 lc rgb '#009E73' title '2', \
     curve('reps', 'kl_samples') using 1:2 with lines lw 3 lc rgb '#D55E00' title '0.5', \
     curve('small', 'kl_samples') using 1:2 with lines lw 2 lc rgb '#000000' title '0.1'
set yrange [0:1]
set ytics 0.2
set key at graph 0.98, graph 0.04 right bottom Left reverse samplen 2 font ',12'
set ylabel 'effective share of the samples' offset 0.5,0
set title 'Effective samples' textcolor '#222222' font ',14'
plot curve('large', 'weight_ess') using 1:2 with lines lw 2 lc rgb '#009E73' title '2', \
     curve('reps', 'weight_ess') using 1:2 with lines lw 3 lc rgb '#D55E00' title '0.5', \
     curve('small', 'weight_ess') using 1:2 with lines lw 2 lc rgb '#000000' title '0.1'
unset multiplot

# Reads the metrics of the runs (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 980,420 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
# environment steps, mean of a column and twice its standard error over the seeds
curve(run, column) = sprintf("< awk -F, 'FNR == 1 { for (i = 1; i <= NF; i++) if ($i == \"%s\") c = i; next } { k = $2; n[k]++; s[k] += $c; q[k] += $c * $c } END { for (k in n) { m = s[k] / n[k]; v = q[k] / n[k] - m * m; e = (v > 0 && n[k] > 1) ? 2 * sqrt(v / (n[k] - 1)) : 0; print k / 1000, m, m - e, m + e } }' %s/%s/seed-*/metrics.csv | sort -n", column, runs, run)
# the largest and the least of a column over the seeds
range(run, column) = sprintf("< awk -F, 'FNR == 1 { for (i = 1; i <= NF; i++) if ($i == \"%s\") c = i; next } { k = $2; if (!(k in a) || $c < a[k]) a[k] = $c; if (!(k in b) || $c > b[k]) b[k] = $c } END { for (k in a) print k / 1000, a[k], b[k] }' %s/%s/seed-*/metrics.csv | sort -n", column, runs, run)
set multiplot layout 1, 2
set tmargin 2.6; set bmargin 3.4; set lmargin 10
set xrange [0:9]
set xtics 3
set xlabel 'thousand steps in the world' offset 0,0.3
set style fill transparent solid 0.2 noborder
set ylabel 'return' offset 0.5,0
set yrange [-2400:0]
set ytics 500
set key at graph 0.98, graph 0.04 right bottom Left reverse samplen 2 font ',13'
set title 'Pendulum-v1' textcolor '#222222' font ',14'
plot curve('awr', 'return_real') using 1:3:4 with filledcurves lc rgb '#D55E00' notitle, \
     curve('sac', 'return_real') using 1:3:4 with filledcurves lc rgb '#0072B2' notitle, \
     curve('awr', 'return_real') using 1:2 with lines lw 3 lc rgb '#D55E00' title 'AWR, four updates a step', \
     curve('recent', 'return_real') using 1:2 with lines lw 2 lc rgb '#CC79A7' title 'the last 1000 steps alone', \
     curve('sac', 'return_real') using 1:2 with lines lw 3 lc rgb '#0072B2' title 'SAC, an update a step'
set yrange [0:1]
set ytics 0.2
set key at graph 0.98, graph 0.97 right top Left reverse samplen 2 font ',13'
set ylabel 'share of a batch' offset 0.5,0
set title 'Weights of AWR' textcolor '#222222' font ',14'
plot curve('awr', 'weight_ess') using 1:2 with lines lw 3 lc rgb '#D55E00' title 'effective samples', \
     curve('recent', 'weight_ess') using 1:2 with lines lw 2 lc rgb '#CC79A7' title '... of the last 1000 steps', \
     curve('awr', 'weights_clipped') using 1:2 with lines lw 2 dt 2 lc rgb '#D55E00' title 'clipped weights'
unset multiplot

# Reads results.csv and the runs' metrics (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 980,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
# what the true model's plan earns more, garnet by garnet: mean and twice its standard error
loss(run) = sprintf("< awk -F, '$1 == \"true\" { best[$2] = $12 } $1 == \"%s\" { got[$2] = $12 } END { for (k in got) { x = best[k] - got[k]; n++; s += x; q += x * x } m = s / n; v = q / n - m * m; print m, 2 * sqrt((v > 0 ? v : 0) / (n - 1)) }' results.csv", run)
# round, mean of return_real and twice its standard error
curve(run) = sprintf("< awk -F, 'FNR == 1 { next } { k = $1; n[k]++; s[k] += $10; q[k] += $10 * $10 } END { for (k in n) { m = s[k] / n[k]; v = q[k] / n[k] - m * m; e = 2 * sqrt((v > 0 ? v : 0) / (n[k] - 1)); print k, m, e } }' %s/%s/seed-*/metrics.csv | sort -n", runs, run)
array method[3] = ['ml', 'itervaml', 'paml']
array text[3] = ['maximum likelihood', 'IterVAML', 'PAML']
array ink[3] = ['#000000', '#0072B2', '#D55E00']
array form[3] = [7, 5, 9]
set multiplot layout 1, 2
set tmargin 2.6; set bmargin 3.4; set lmargin 9
set xrange [0:4]
set xtics ('random model' 0.5, 'rank 3' 1.75, 'rank 10' 3.25) nomirror
set xlabel ' ' offset 0,0.3
set ylabel 'return lost against the true model' offset 0.5,0
set yrange [-0.5:6.5]
set ytics 1
set key at graph 0.98, graph 0.98 right top Left reverse samplen 1 font ',14'
set title 'Garnets: PAML and IterVAML plan as the true model does' textcolor '#222222' font ',14'
plot 0 with lines lw 1.5 dt 2 lc rgb '#009E73' title 'true model', \
     loss('random') using (0.5):1:2 with yerrorbars pt 2 ps 1 lw 2 lc rgb '#777777' notitle, \
     for [i = 1:3] loss('rank3_' . method[i]) using (1.35 + 0.2 * i):1:2 with yerrorbars pt form[i] ps 1.1 lw 2 lc rgb ink[i] title text[i], \
     for [i = 1:3] loss('rank10_' . method[i]) using (2.85 + 0.2 * i):1:2 with yerrorbars pt form[i] ps 1.1 lw 2 lc rgb ink[i] notitle
set key at graph 0.98, graph 0.04 right bottom Left reverse samplen 2 font ',14'
set xrange [0.5:25.5]
set xtics autofreq
set xtics 5
set xlabel 'round of five episodes' offset 0,0.3
set yrange [-10.5:-7]
set ylabel 'return in the world' offset 0.5,0
set title 'LQR: idle states cost likelihood nothing, PAML some' textcolor '#222222' font ',14'
plot curve('lqr2_ml') using 1:2 with linespoints lw 2.5 pt 7 ps 0.6 lc rgb '#000000' title 'maximum likelihood, d = 2', \
     curve('lqr6_ml') using 1:2 with linespoints lw 2.5 dt 2 pt 6 ps 0.6 lc rgb '#777777' title '... d = 6', \
     curve('lqr2_paml') using 1:2:3 with yerrorbars lw 1 pt 7 ps 0.01 lc rgb '#D55E00' notitle, \
     curve('lqr2_paml') using 1:2 with linespoints lw 2.5 pt 9 ps 0.7 lc rgb '#D55E00' title 'PAML, d = 2', \
     curve('lqr6_paml') using 1:2:3 with yerrorbars lw 1 pt 7 ps 0.01 lc rgb '#E69F00' notitle, \
     curve('lqr6_paml') using 1:2 with linespoints lw 2.5 dt 2 pt 8 ps 0.7 lc rgb '#E69F00' title '... d = 6'
unset multiplot

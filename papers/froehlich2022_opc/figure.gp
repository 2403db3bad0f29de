# Reads the metrics of the runs (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 980,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
# iteration, mean of return_real and twice its standard error over the seeds
curve(run) = sprintf("< awk -F, 'FNR == 1 { next } { k = $1; n[k]++; s[k] += $10; q[k] += $10 * $10 } END { for (k in n) { m = s[k] / n[k]; v = q[k] / n[k] - m * m; e = (v > 0 && n[k] > 1) ? 2 * sqrt(v / (n[k] - 1)) : 0; print k, m, e } }' %s/%s/seed-*/metrics.csv | sort -n", runs, run)
set multiplot layout 1, 2
set tmargin 2.6; set bmargin 3.4; set lmargin 9
set xrange [0.5:20.5]
set xtics 5
set xlabel 'episode of 20 steps' offset 0,0.3
set ylabel 'return in the world' offset 0.5,0
set yrange [-2.8:-1.3]
set key at graph 0.98, graph 0.04 right bottom Left reverse samplen 2 font ',14'
set title 'No noise: the correction repairs a wrong model' textcolor '#222222' font ',14'
plot curve('true') using 1:2 with lines lw 2 dt 2 lc rgb '#009E73' title 'true model', \
     curve('wrong') using 1:2 with linespoints lw 2.5 pt 7 ps 0.6 lc rgb '#000000' title 'wrong model', \
     curve('corrected') using 1:2 with linespoints lw 3 pt 9 ps 0.8 lc rgb '#D55E00' title 'wrong model, corrected'
set yrange [-4.2:-1.6]
unset ylabel
set title 'Noise, W = 0.01 I: it takes draws for errors' textcolor '#222222' font ',14'
plot curve('noisy_true') using 1:2 with lines lw 2 dt 2 lc rgb '#009E73' title 'true model', \
     curve('noisy_learnt') using 1:2 with linespoints lw 2.5 pt 5 ps 0.5 lc rgb '#0072B2' title 'learnt model', \
     curve('noisy_learnt_corrected') using 1:2:3 with yerrorbars lw 1 pt 7 ps 0.01 lc rgb '#56B4E9' notitle, \
     curve('noisy_learnt_corrected') using 1:2 with linespoints lw 2.5 pt 4 ps 0.6 lc rgb '#56B4E9' title 'learnt model, corrected', \
     curve('noisy_wrong') using 1:2 with linespoints lw 2.5 pt 7 ps 0.6 lc rgb '#000000' title 'wrong model', \
     curve('noisy_corrected') using 1:2:3 with yerrorbars lw 1 pt 7 ps 0.01 lc rgb '#D55E00' notitle, \
     curve('noisy_corrected') using 1:2 with linespoints lw 3 pt 9 ps 0.8 lc rgb '#D55E00' title 'wrong model, corrected'
unset multiplot

# Reads results.csv and the curves of the runs; writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 980,380 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
# steps, mean and twice the standard error of column c over the runs method_STEPS
of(method, c) = sprintf("< awk -F'[,_]' '$1 == \"%s\" && $2 ~ /^[0-9]+$/ { n[$2]++; s[$2] += $(%d); q[$2] += $(%d) ^ 2 } END { for (k in n) { m = s[k] / n[k]; print k, m, 2 * sqrt((q[k] / n[k] - m * m) / (n[k] - 1)) } }' results.csv | sort -n", method, c, c)
mean(run, c) = real(system(sprintf("awk -F, '$1 == \"%s\" { n++; s += $%d } END { print s / n }' results.csv", run, c)))
swim(run) = sprintf('%s/%s/plots/return.dat', runs, run)
REAL = 13; GAP = 14
array method[4] = ['whole', 'one', 'cut', 'posterior']
array text[4] = ['whole F', 'one posterior', 'cut, likelihood', 'cut, posterior']
array ink[4] = ['#D55E00', '#E69F00', '#0072B2', '#56B4E9']
set multiplot layout 1, 3
set tmargin 3; set bmargin 3.6
set logscale x
set xtics (30, 100, 300, 1000)
set xrange [25:1200]
set xlabel 'real transitions' offset 0,0.3
set key at graph 1.04, graph 1.02 right top Right noreverse samplen 1.6 font ',13'
set title 'Promised in vain' textcolor '#222222'
set ylabel 'promised less earned' offset 1,0
plot for [i = 1:4] of(method[i], GAP) using 1:2:3 with yerrorbars lw 1.5 pt 7 ps 0.01 lc rgb ink[i] notitle, \
     for [i = 1:4] of(method[i], GAP) using 1:2 with linespoints lw 3 pt 7 ps 0.6 lc rgb ink[i] title text[i], \
     0 with lines lw 1.5 dt 2 lc rgb '#555555' notitle
set title 'Data given: wishes cost return' textcolor '#222222'
set ylabel 'earned'
set key at graph 1.0, graph 0.1 right bottom Right noreverse samplen 2 font ',13'
plot for [i = 1:4] of(method[i], REAL) using 1:2:3 with yerrorbars lw 1.5 pt 7 ps 0.01 lc rgb ink[i] notitle, \
     for [i = 1:4] of(method[i], REAL) using 1:2 with linespoints lw 3 pt 7 ps 0.6 lc rgb ink[i] notitle, \
     mean('true', 12) with lines lw 1.5 dt 2 lc rgb '#555555' title 'true model', \
     mean('random', 12) with lines lw 1.5 dt 3 lc rgb '#555555' title 'random model'
unset logscale x
unset key
set xtics autofreq
set xrange [1:30]
set xlabel 'round of 20 transitions'
set title 'Data sought: wishes are tried' textcolor '#222222'
plot swim('swim_cut') using 1:5 with lines lw 3 lc rgb ink[3], \
     swim('swim_whole') using 1:5 with lines lw 3 lc rgb ink[1], \
     mean('swim_true', 12) with lines lw 1.5 dt 2 lc rgb '#555555', \
     mean('swim_random', 12) with lines lw 1.5 dt 3 lc rgb '#555555'
unset multiplot

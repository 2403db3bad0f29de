# Reads results.csv; writes figure.svg. Mean of 3 seeds; bars: least to largest.
load '../../plots/style.gp'
set terminal svg size 820,380 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
of(run) = sprintf("< awk -F, '$1 == \"%s\" { x = $12; if (!n++) { low = x; high = x } m += x; if (x < low) low = x; if (x > high) high = x } END { print m / n, low, high }' results.csv", run)
set title 'Acting on beliefs in grids never seen: QMDP, its kernel learnt from actions' offset -8,0
set xrange [0:0.85]
set yrange [0.4:7.6]
set ytics ('random model' 1, 'QMDP, untrained' 2, 'QMDP, 100 actions seen' 3, 'QMDP, 300 actions seen' 4, 'QMDP, 1000 actions seen' 5, 'QMDP, true kernel' 6, 'belief planner' 7)
unset grid
set grid xtics linecolor '#e4e4e4'
set xlabel 'return'
unset key
rows = 'random untrained qmdp_100 qmdp_300 qmdp_1000 kernel_known beliefs'
plot for [i = 1:7] of(word(rows, i)) using 1:(i):2:3 with xerrorbars pt 7 ps 1.2 lw 2 lc rgb i >= 3 && i <= 5 ? '#0072b2' : '#555555' notitle

# Reads results.csv; writes figure.svg. Mean of 3 seeds; bars: least to largest.
load '../../plots/style.gp'
set terminal svg size 900,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
of(run) = sprintf("< awk -F, '$1 == \"%s\" { x = $12; if (!n++) { low = x; high = x } m += x; if (x < low) low = x; if (x > high) high = x } END { print m / n, low, high }' results.csv", run)
set multiplot layout 1,2 title 'A kernel for all cells, learnt from an expert''s actions in 20 mazes, plans in 20 others'
set xrange [0:0.9]
set xtics 0.2
set yrange [0.4:6.6]
set ytics ('random model' 1, 'own kernel a cell, logpi' 2, 'shared kernel, logpi (VIN)' 3, 'shared kernel, logp' 4, 'true model, same planner' 5, 'optimum' 6)
unset grid
set grid xtics linecolor '#e4e4e4'
set xlabel 'return in unseen mazes'
set lmargin 23
unset key
rows = 'random unshared vin ml true optimum'
plot for [i = 1:6] of(word(rows, i)) using 1:(i):2:3 with xerrorbars pt 7 ps 1.2 lw 2 lc rgb i == 3 ? '#0072b2' : '#555555' notitle
set lmargin 10
unset grid
set grid ytics linecolor '#e4e4e4'
set yrange [0:0.9]
set ytics auto
set ylabel 'return in unseen mazes'
set xrange [0.5:3.5]
set xtics ('5' 1, '10' 2, 'to the end' 3)
set xlabel 'backups when it is used'
set key at graph 1, graph 0.3 right top Right noreverse
plot '< (echo 1; echo 2; echo 3)' using 1:(0/0) notitle, \
     sprintf("< for r in vin_at_5 vin_at_10 vin; do awk -F, -v r=$r '$1 == r { m += $12; n++ } END { print m / n }' results.csv; done") using ($0 + 1):1 with linespoints lw 3 pt 7 ps 0.8 lc rgb '#0072b2' title 'trained with 20 backups', \
     sprintf("< for r in vin_5_at_5 vin_5; do awk -F, -v r=$r '$1 == r { m += $12; n++ } END { print m / n }' results.csv; done") using ($0 * 2 + 1):1 with linespoints lw 3 pt 5 ps 0.8 lc rgb '#d55e00' title 'trained with 5'
unset multiplot

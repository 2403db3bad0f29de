# Reads results.csv; writes figure.svg: a point a seed, a bar at the mean.
load '../../plots/style.gp'
set terminal svg size 900,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
each(name, x) = sprintf("< awk -F, '$1 == \"%s\" { print %g + ($2 - 2) * 0.05, $12 }' results.csv", name, x)
mean(name, x) = sprintf("< awk -F, '$1 == \"%s\" { m += $12; n++ } END { print %g, m / n, 0.3 }' results.csv", name, x)
set title 'Which values the model is held to decides what its plan is worth'
set ylabel 'real return of the plan'
set xrange [0.4:7.9]
set xtics ("random\nmodel" 1, "maximum\nlikelihood" 2, "VAML:\nall values" 3, "VAML: those\nof policies" 4, "maximum\nlikelihood" 5.3, "VAML:\nall values" 6.3, "VAML: those\nof policies" 7.3)
unset xlabel
set bmargin 4
set label 1 'rank 5' at 3, graph 0.06 center
set label 2 'rank 20' at 6.3, graph 0.06 center
set arrow 1 from 4.65, graph 0 to 4.65, graph 1 nohead lc rgb '#cccccc'
set key off
true = system("awk -F, '$1 == \"true\" { print $12; exit }' results.csv") + 0
set arrow 2 from 0.4, true to 7.9, true nohead dt 2 lw 2 lc rgb '#555555'
set label 3 'true model' at 0.5, true offset 0, -0.7
plot each('random', 1) pt 7 ps 0.6 lc rgb '#888888', mean('random', 1) using 1:2:3 with xerrorbars lw 3 pt 0 lc rgb '#888888', \
     each('mle-5', 2) pt 7 ps 0.6 lc rgb '#d55e00', mean('mle-5', 2) using 1:2:3 with xerrorbars lw 3 pt 0 lc rgb '#d55e00', \
     each('all-5', 3) pt 7 ps 0.6 lc rgb '#009e73', mean('all-5', 3) using 1:2:3 with xerrorbars lw 3 pt 0 lc rgb '#009e73', \
     each('policies-5', 4) pt 7 ps 0.6 lc rgb '#0072b2', mean('policies-5', 4) using 1:2:3 with xerrorbars lw 3 pt 0 lc rgb '#0072b2', \
     each('mle-20', 5.3) pt 7 ps 0.6 lc rgb '#d55e00', mean('mle-20', 5.3) using 1:2:3 with xerrorbars lw 3 pt 0 lc rgb '#d55e00', \
     each('all-20', 6.3) pt 7 ps 0.6 lc rgb '#009e73', mean('all-20', 6.3) using 1:2:3 with xerrorbars lw 3 pt 0 lc rgb '#009e73', \
     each('policies-20', 7.3) pt 7 ps 0.6 lc rgb '#0072b2', mean('policies-20', 7.3) using 1:2:3 with xerrorbars lw 3 pt 0 lc rgb '#0072b2'

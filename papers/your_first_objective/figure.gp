# Reads results.csv; writes figure.svg: a point a seed, a bar at the mean.
load '../../plots/style.gp'
set terminal svg size 900,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
each(name, x) = sprintf("< awk -F, '$1 == \"%s\" { print %g + ($2 - 4.5) * 0.04, $12 }' results.csv", name, x)
mean(name, x) = sprintf("< awk -F, '$1 == \"%s\" { m += $12; n++ } END { print %g, m / n, 0.3 }' results.csv", name, x)
set title 'A new objective beside its parents: 500 transitions, rank 5 of 40, 10 seeds'
set ylabel 'real return of the plan'
set xrange [0.4:5.6]
set xtics ('random model' 1, 'logp' 2, 'value term' 3, 'both' 4, 'both, weighed' 5)
set key off
unset xlabel
true = system("awk -F, '$1 == \"true\" { print $12; exit }' results.csv") + 0
set arrow 1 from 0.4, true to 5.6, true nohead dt 2 lw 2 lc rgb '#555555'
set label 1 'true model' at 0.5, true offset 0, -0.8
plot each('random', 1) pt 7 ps 0.6 lc rgb '#888888', mean('random', 1) using 1:2:3 with xerrorbars lw 3 pt 0 lc rgb '#888888', \
     each('mle', 2) pt 7 ps 0.6 lc rgb '#d55e00', mean('mle', 2) using 1:2:3 with xerrorbars lw 3 pt 0 lc rgb '#d55e00', \
     each('itervaml', 3) pt 7 ps 0.6 lc rgb '#0072b2', mean('itervaml', 3) using 1:2:3 with xerrorbars lw 3 pt 0 lc rgb '#0072b2', \
     each('blend', 4) pt 7 ps 0.6 lc rgb '#009e73', mean('blend', 4) using 1:2:3 with xerrorbars lw 3 pt 0 lc rgb '#009e73', \
     each('mine', 5) pt 7 ps 0.6 lc rgb '#cc79a7', mean('mine', 5) using 1:2:3 with xerrorbars lw 3 pt 0 lc rgb '#cc79a7'

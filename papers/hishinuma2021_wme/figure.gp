# Reads results.csv; writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 760,460 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
of(run, column) = real(system(sprintf("awk -F, '$1 == \"%s\" { s += $%d; n++ } END { print s / n }' results.csv", run, column)))
points(what) = sprintf("< awk -F, '$1 ~ /^%s_/ { split($1, x, \"_\"); print x[2], $11 }' results.csv | sort -n", what)
set title 'Weighted by its own visits, the model can tell what the policy earns'
set xrange [-0.05:1.05]
set yrange [0:220]
set xlabel 'exponent of the weight (visits in the model / data)'
set ylabel 'return that the model promises'
set key inside right center Left reverse
set label 1 'unweighted' at 0.02, of('unweighted', 11) - 14 tc rgb '#d55e00'
plot of('true', 12) with lines lw 2 dt 4 lc rgb '#555555' title 'real return', \
     points('weighted') using 1:2 with linespoints lw 3 pt 7 ps 0.7 lc rgb '#0072b2' title 'weight frozen in each M-step', \
     points('full') using 1:2 with points pt 4 ps 1.4 lw 2.5 lc rgb '#e69f00' title 'with the gradient of the weight', \
     '+' using (0):(of('unweighted', 11)) every ::0::0 with points pt 7 ps 1.2 lc rgb '#d55e00' notitle, \
     of('random', 11) with lines lw 2 dt 3 lc rgb '#999999' title 'random model'

# Reads results.csv; writes figure.svg. Means over 10 seeds.
load '../../plots/style.gp'
set terminal svg size 980,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
mean(run, column) = sprintf("< awk -F, '$1 == \"%s\" { x += $%d; n++ } END { print x / n }' results.csv", run, column)
over(run) = sprintf("< awk -F, '{ w = $1 == \"%s_3\" ? 0.3 : $1 == \"%s\" ? 0.5 : $1 == \"%s_8\" ? 0.8 : 0 } w { x[w] += $12; n[w]++ } END { for (w in x) print w, x[w] / n[w] }' results.csv | sort -n", run, run, run)
rows = 'random ml implicit differences gp simplex true'
set multiplot layout 1,2 margins 0.20,0.98,0.15,0.76 spacing 0.13 title 'One wind for all cells: the likeliest model walks into it, others of its class do not'
set xrange [-0.01:0.26]
set yrange [0.4:7.6]
set ytics ('random model' 1, 'maximum likelihood' 2, 'J, implicit gradient' 3, 'J, differences' 4, 'J, Bayesian search' 5, 'J, simplex search' 6, 'true model' 7)
set xtics 0.1
unset grid
set grid xtics linecolor '#e4e4e4'
set xlabel 'return, wind 0.5'
set key at graph 0, graph 1.02 left bottom horizontal Left reverse samplen 1 font ',13'
plot for [i = 1:7] mean(word(rows, i), 11) using 1:(i) with points pt 6 ps 1.4 lw 2 lc rgb '#d55e00' title i == 1 ? 'promised by the model' : '', \
     for [i = 1:7] mean(word(rows, i), 12) using 1:(i) with points pt 7 ps 1.1 lc rgb '#0072b2' title i == 1 ? 'paid by the world' : ''
unset grid
set grid ytics linecolor '#e4e4e4'
set xrange [0.25:0.85]
set xtics 0.1
set logscale y
set yrange [1e-6:1]
set ytics auto format '%.0e'
set ylabel 'real return'
set xlabel 'wind under the cliff'
set key at graph 0, graph 1.02 left bottom horizontal Left reverse samplen 2 width -4 font ',13'
plot over('true') with linespoints lw 2 dt 2 pt 4 ps 0.8 lc rgb '#555555' title 'true model', \
     over('simplex') with linespoints lw 3 pt 7 ps 0.7 lc rgb '#0072b2' title 'J, simplex search', \
     over('ml') with linespoints lw 3 pt 5 ps 0.7 lc rgb '#d55e00' title 'maximum likelihood'
unset multiplot

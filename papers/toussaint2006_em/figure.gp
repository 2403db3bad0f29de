# Reads the runs of runs.txt (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 760,420 font 'sans,14' noenhanced background '#ffffff'
set output 'figure.svg'
set datafile separator ','
set logscale x
set xrange [1:200]
set yrange [0:1.5]
set xlabel 'EM round'
set ylabel 'real return J from the start'
set key outside right center reverse Left spacing 1.3
set title 'EM climbs to the optimum round by round; a greedy M-step jumps there'
m(run, seed) = sprintf('%s/%s/seed-%d/metrics.csv', runs, run, seed)
optimum = real(system("awk -F, '$1 == \"optimum\" { print $12 }' results.csv"))
plot optimum with lines lw 1.5 dt 2 lc rgb '#555555' title 'optimum', \
     m('greedy', 0) skip 1 using 1:10 with linespoints lw 2 pt 7 ps 0.5 lc rgb '#d55e00' title 'greedy M-step, true model', \
     m('em', 0) skip 1 using 1:10 with lines lw 3 lc rgb '#0072b2' title 'EM, true model', \
     for [k=0:9] m('learned', k) skip 1 using 1:10 with lines lw 1 lc rgb '#009e73' title (k == 0 ? 'EM, maximum likelihood (10 seeds)' : ''), \
     for [k=0:9] m('one_posterior', k) skip 1 using 1:10 with lines lw 1 lc rgb '#cc79a7' title (k == 0 ? 'EM, one posterior (10 seeds)' : ''), \
     for [k=0:9] m('random', k) skip 1 using 1:10 with lines lw 1 lc rgb '#999999' title (k == 0 ? 'EM, random model (10 seeds)' : '')

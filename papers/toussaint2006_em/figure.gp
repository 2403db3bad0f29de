# Reads the runs of runs.txt (variable `runs`: their folder); writes figure.svg.
# Bands: least to largest of 10 seeds; lines: their mean (written by elbo plot).
load '../../plots/style.gp'
set terminal svg size 760,460 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
set logscale x
set datafile separator ', '
set xrange [1:200]
set yrange [0:1.5]
set xlabel 'EM round'
set ylabel 'real return J from the start'
set key above left Left reverse maxrows 3 samplen 2
csv(run) = sprintf('%s/%s/seed-0/metrics.csv', runs, run)
dat(run) = sprintf('%s/%s/plots/return.dat', runs, run)
optimum = real(system("awk -F, '$1 == \"optimum\" { print $12 }' results.csv"))
plot dat('learned') using 1:6:7 with filledcurves lc rgb '#009e73' notitle, \
     dat('one_posterior') using 1:6:7 with filledcurves lc rgb '#cc79a7' notitle, \
     optimum with lines lw 1.5 dt 2 lc rgb '#555555' title 'optimum', \
     csv('greedy') every ::1 using 1:(column(10)) with linespoints lw 2 pt 7 ps 0.5 lc rgb '#d55e00' title 'greedy M-step, true model', \
     csv('em') every ::1 using 1:(column(10)) with lines lw 3 lc rgb '#0072b2' title 'EM, true model', \
     dat('learned') using 1:5 with lines lw 2 lc rgb '#009e73' title 'EM, learnt model (cut)', \
     dat('one_posterior') using 1:5 with lines lw 2 dt 4 lc rgb '#cc79a7' title 'EM, one posterior', \
     dat('random') using 1:5 with lines lw 2 lc rgb '#999999' title 'EM, random model'

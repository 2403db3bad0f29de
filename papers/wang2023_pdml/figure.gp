# Reads the runs of runs.txt (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 900,470 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
set datafile separator ','
set xrange [0:30]
set yrange [0:75]
csv(run) = sprintf('%s/%s/seed-0/metrics.csv', runs, run)
of(run) = real(system(sprintf("awk -F, '$1 == \"%s\" { print $12; exit }' results.csv", run)))
set multiplot layout 1,2 title 'A model that forgets walks into the wall again'
set xlabel 'round'
set ylabel 'real return J'
set tmargin at screen 0.76
set key at screen 0.05, screen 0.91 left top Left reverse maxrows 2 samplen 1.5 width -3
set lmargin at screen 0.08
set rmargin at screen 0.48
plot of('true') with lines lw 1.5 dt 4 lc rgb '#555555' title 'true model', \
     csv('aggregate') every ::1 using 1:10 with lines lw 3 lc rgb '#0072b2' title 'all visits so far', \
     csv('current') every ::1 using 1:10 with lines lw 2 lc rgb '#d55e00' title 'current visits', \
     of('mle') with lines lw 2 dt 2 lc rgb '#009e73' title 'max. likelihood'
unset ylabel
set format y ''
set key at screen 0.55, screen 0.91
set lmargin at screen 0.57
set rmargin at screen 0.97
plot of('true') with lines lw 1.5 dt 4 lc rgb '#555555' notitle, \
     csv('all') every ::1 using 1:10 with lines lw 3 lc rgb '#0072b2' title 'all rounds alike', \
     csv('last') every ::1 using 1:10 with lines lw 1.5 dt 2 lc rgb '#d55e00' title 'last round only', \
     csv('pdml') every ::1 using 1:10 with lines lw 2.5 lc rgb '#cc79a7' title 'PDML weights', \
     of('random') with lines lw 2 dt 3 lc rgb '#999999' title 'random model'
unset multiplot

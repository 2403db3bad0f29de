# Reads the runs of runs.txt (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 760,460 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
set datafile separator ','
set title 'The first policy steps are best in the model that predicts worst'
set xrange [0:60]
set yrange [0:12]
set xlabel 'round (small policy steps)'
set ylabel 'real return J'
set key at graph 0.99, graph 0.21 right bottom Left reverse
csv(run) = sprintf('%s/%s/seed-0/metrics.csv', runs, run)
plot csv('true') every ::1 using 1:10 with lines lw 1.5 dt 4 lc rgb '#555555' title 'true model', \
     csv('gamps') every ::1 using 1:10 with lines lw 3 lc rgb '#0072b2' title 'gradient-aware weights (GAMPS)', \
     csv('visits') every ::1 using 1:10 with lines lw 3 dt 2 lc rgb '#d55e00' title 'maximum likelihood, the policy''s visits', \
     csv('even') every ::1 using 1:10 with lines lw 2 lc rgb '#009e73' title 'maximum likelihood, all rows', \
     csv('random') every ::1 using 1:10 with lines lw 2 dt 3 lc rgb '#999999' title 'random model'

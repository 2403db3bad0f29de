# Reads the runs of runs.txt (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 760,420 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
set datafile separator ','
csv(run) = sprintf('%s/%s/seed-0/metrics.csv', runs, run)
random = real(system("awk -F, '$1 == \"random\" { s += ($13 < 0 ? -$13 : $13); n++ } END { print s / n }' results.csv"))
truth = real(system(sprintf("tail -n 1 %s | cut -d, -f10", csv('td_implicit'))))
set multiplot layout 1,2 margins 0.13,0.98,0.18,0.74 spacing 0.15
set logscale xy
set format y '%.0e'
set xlabel 'gradient steps'
set xrange [1:400]
set yrange [1e-4:1]
set key at screen 0.99,0.99 top right maxrows 2 samplen 1.5 width -1 font ',14'
set label 1 "true model: 0\nmaximum likelihood of P and r:\n0 after one step" at screen 0.02,0.96 font ',14' tc rgb '#333333'
set ylabel 'error of the mean value'
plot csv('td_direct') every ::1 using 1:(abs(column(9) - truth)) with lines lw 3 lc rgb '#d55e00' title 'V itself', \
     csv('td_implicit') every ::1 using 1:(abs(column(9) - truth)) with lines lw 3 lc rgb '#0072b2' title 'V = (I - γP)⁻¹ r', \
     csv('td_reward') every ::1 using 1:(abs(column(9) - truth)) with lines lw 2 dt 2 lc rgb '#009e73' title 'the same, r alone', \
     random with lines lw 1.5 dt 3 lc rgb '#777777' title 'random model'
set ylabel 'mean squared TD error'
set yrange [1e-7:0.1]
unset key
unset label 1
plot csv('td_direct') every ::1 using 1:(-2 * column(7)) with lines lw 3 lc rgb '#d55e00' notitle, \
     csv('td_implicit') every ::1 using 1:(-2 * column(7)) with lines lw 3 lc rgb '#0072b2' notitle, \
     csv('td_reward') every ::1 using 1:(-2 * column(7)) with lines lw 2 dt 2 lc rgb '#009e73' notitle

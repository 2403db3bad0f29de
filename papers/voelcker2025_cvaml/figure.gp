# Reads results.csv; writes figure.svg. return_model is the model's probability of B,
# return_real the world's.
load '../../plots/style.gp'
set terminal svg size 900,470 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
of(name) = sprintf("< awk -F, '$1 ~ /^%s-/ { n[$12]++; m[$12] += $11; if (n[$12] == 1 || $11 < low[$12]) low[$12] = $11; if (n[$12] == 1 || $11 > high[$12]) high[$12] = $11 } END { for (p in n) print p, m[p] / n[p], low[p], high[p] }' results.csv | sort -g", name)
set title 'One model sample inside the loss: the model forgets that the world is noisy'
set xlabel 'the world''s probability of B'
set ylabel 'the model''s'
set xrange [0.05:0.95]
set yrange [-0.03:1.03]
set xtics 0.1
set key at screen 0.645, 0.80 left top vertical Left reverse samplen 2 spacing 1.35
set rmargin at screen 0.63
plot of('random') using 1:3:4 with filledcurves lc rgb '#bbbbbb' title 'random model (10 seeds)', \
     of('absolute') using 1:2 with steps lw 6 lc rgb '#f0c8a8' title '|E V - V(next)|: a median', \
     of('sampled') using 1:2 with linespoints pt 7 ps 0.7 lw 2 lc rgb '#d55e00' title 'sampled: E (V(y) - V(next))^2', \
     of('muzero') using 1:2:3:4 with yerrorbars pt 6 ps 1.2 lw 1.5 lc rgb '#d55e00' title '... of 2 samples (10 seeds)', \
     of('mle') using 1:2 with lines lw 7 lc rgb '#cfd8dc' title 'maximum likelihood', \
     of('calibrated') using 1:2 with lines lw 2 lc rgb '#0072b2' title 'calibrated: (E V - V(next))^2', \
     of('cvaml') using 1:2:3:4 with yerrorbars pt 4 ps 1.2 lw 1.5 lc rgb '#009e73' title 'CVAML of 2 samples (10 seeds)', \
     x with lines lw 1 dt 3 lc rgb '#000000' title 'true model'

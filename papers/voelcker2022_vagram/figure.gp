# Reads results.csv; writes figure.svg. A point a seed: return_real of the last row.
load '../../plots/style.gp'
set terminal svg size 900,470 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
of(name) = sprintf("< awk -F, -v n=%s '$1 == n { print $12 }' results.csv", name)
set title 'Pendulum-v1 with four distractors after 3200 steps: a point a seed'
set ylabel 'return of an episode'
set yrange [-1900:0]
set xrange [0.4:6.6]
set xtics ('SAC' 1, 'truth' 1.7, 'random' 2.4, '4 units' 3.5, '16 units' 4.7, '64 units' 5.9)
unset xlabel
set key outside right top vertical Left reverse samplen 1 spacing 1.3
set rmargin 28
plot of('random') using (2.4):1 with points pt 1 ps 1.2 lw 2 lc rgb '#888888' notitle, \
     of('sac') using (1):1 with points pt 7 ps 1.1 lc rgb '#999999' notitle, \
     of('truth') using (1.7):1 with points pt 7 ps 1.1 lc rgb '#000000' notitle, \
     for [w in '4 16 64'] of('mle-'.w) using (w eq '4' ? 3.35 : w eq '16' ? 4.45 : 5.8):1 with points pt 6 ps 1.2 lw 2 lc rgb '#d55e00' title (w eq '4' ? 'maximum likelihood' : ''), \
     for [w in '4 16 64'] of('vagram-'.w) using (w eq '4' ? 3.65 : w eq '16' ? 4.6 : 6.0):1 with points pt 7 ps 1.2 lc rgb '#0072b2' title (w eq '4' ? 'VaGraM' : ''), \
     of('mle-16-long') using (4.45):1 with points pt 2 ps 0.9 lw 1.5 lc rgb '#d55e00' title '... six times the epochs', \
     of('vagram-16-long') using (4.6):1 with points pt 2 ps 0.9 lw 1.5 lc rgb '#0072b2' title '... six times the epochs', \
     of('mse-16') using (4.75):1 with points pt 4 ps 1.2 lw 2 lc rgb '#009e73' title 'squared error', \
     of('itervaml-16') using (4.9):1 with points pt 8 ps 1.3 lw 2 lc rgb '#cc79a7' title 'IterVAML'

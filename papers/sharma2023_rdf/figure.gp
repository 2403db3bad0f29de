# Reads results.csv; writes figure.svg. One point a seed: seed i of a run and of its _seen.
load '../../plots/style.gp'
set terminal svg size 980,420 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
pair(run) = sprintf("< awk -F, '$1 == \"%s_seen\" { x[$2] = $12 } $1 == \"%s\" { y[$2] = $12 } END { for (s in x) print x[s], y[s] }' results.csv", run, run)
set title 'Models that are equal at the reward at hand differ when rewards change'
set xrange [-0.01:0.16]
set yrange [0:0.55]
set xlabel 'return, reward at hand'
set ylabel 'return, rewards not seen'
set rmargin at screen 0.62
set key at screen 0.635, graph 0.9 left top Left reverse samplen 1 spacing 1.6
plot pair('true') with points pt 4 ps 2.2 lw 2 lc rgb '#555555' title 'true model', \
     pair('rdf') with points pt 7 ps 1.6 lc rgb '#0072b2' title 'robust: J and E J of rewards to come', \
     pair('df') with points pt 9 ps 1.3 lc rgb '#d55e00' title 'decision-focused: J', \
     pair('ml') with points pt 5 ps 1.2 lc rgb '#009e73' title 'maximum likelihood', \
     pair('random') with points pt 6 ps 1 lw 2 lc rgb '#999999' title 'random model'

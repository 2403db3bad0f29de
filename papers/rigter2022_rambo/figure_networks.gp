# Reads results.csv; writes figure_networks.svg.
load '../../plots/style.gp'
set terminal svg size 860,470 font 'sans,15' noenhanced background '#ffffff'
set output 'figure_networks.svg'
set datafile separator ','
blue = '#0072b2'; red = '#d55e00'
set label 3 'The adversary of networks: held by its data (lambda 10, 1), and not (0.1, 0.01)' at screen 0.5, 0.955 center
set key at screen 0.97, 0.91 right top horizontal maxrows 2
set xlabel ''
set tmargin 6
set bmargin 3.5
set ylabel 'steps upright, of 200'
set yrange [-32:208]
set ytics 50
set xrange [-0.6:7.6]
set xtics ("likelihood\n" 0, "adversary\nlambda 10" 1, "\n1" 2, "score(2)\n1" 3, "\n0.1" 4, "\n0.01" 5, "true\nmodel" 6, "random\nmodel" 7)
n(name) = name eq 'net_plain' ? 0 : name eq 'net_10' ? 1 : name eq 'net_1' ? 2 : name eq 'net_1_score' ? 3 : name eq 'net_0.1' ? 4 : name eq 'net_0.01' ? 5 : name eq 'net_true' ? 6 : name eq 'net_random' ? 7 : NaN
on(y) = y < 0 ? NaN : y
off(y) = y < 0 ? -12 : NaN
apart(seed) = 0.05 * (seed - 2)
set arrow 1 from graph 0, first -3 to graph 1, first -3 nohead lc rgb '#999999'
set label 1 '< -8000' at 3.84, -24 center tc rgb red font ',12'
set label 2 '< -80 000' at 4.84, -24 center tc rgb red font ',12'
plot 'results.csv' using (n(strcol(1)) - 0.16 + apart($2)):(on($11)) with points pt 5 ps 0.7 lc rgb red title 'promised', \
     '' using (n(strcol(1)) - 0.16 + apart($2)):(off($11)) with points pt 11 ps 0.8 lc rgb red title 'promised, off the axis', \
     '' using (n(strcol(1)) + 0.16 + apart($2)):12 with points pt 7 ps 0.7 lc rgb blue title 'earned (each seed, a set of data)'

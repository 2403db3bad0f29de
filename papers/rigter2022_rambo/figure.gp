# Reads results.csv; writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 860,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
set datafile separator ','
blue = '#0072b2'; red = '#d55e00'; grey = '#555555'
set multiplot layout 1,2 title 'An adversary that must fit the data promises what the world can keep'
set xlabel ''
set ylabel 'return of one transition'
set yrange [-1.4:2.3]
set xrange [-0.6:5.6]
set xtics rotate by -30 ('likelihood' 0, 'budget 0.03' 1, '0.1' 2, '0.3' 3, 'true' 4, 'random' 5)
l(name) = name eq 'line' ? 0 : name eq 'line_0.03' ? 1 : name eq 'line_0.1' ? 2 : name eq 'line_0.3' ? 3 : name eq 'line_true' ? 4 : name eq 'line_random' ? 5 : NaN
first(seed, x) = seed == 0 ? x : NaN
set style fill solid 1
set boxwidth 0.36
plot 'results.csv' using (first($2,l(strcol(1)))-0.18):11 with boxes lc rgb red title 'promised', \
     '' using (first($2,l(strcol(1)))+0.18):12 with boxes lc rgb blue title 'earned'
set ylabel 'return in a garnet'
set yrange [-6:14]
set xrange [-0.6:6.6]
set xtics rotate by -30 ('likelihood' 0, 'budget 0.03' 1, '0.1' 2, '0.3' 3, 'ball a row' 4, 'true' 5, 'random' 6)
g(name) = name eq 'plan' ? 0 : name eq 'budget_0.03' ? 1 : name eq 'budget_0.1' ? 2 : name eq 'budget_0.3' ? 3 : name eq 'robust_0.1' ? 4 : name eq 'true' ? 5 : name eq 'random' ? 6 : NaN
plot 'results.csv' using (g(strcol(1))-0.12):11 with points pt 5 ps 0.6 lc rgb red title 'promised', \
     '' using (g(strcol(1))+0.12):12 with points pt 7 ps 0.6 lc rgb blue title 'earned (each seed, a world)'
unset multiplot

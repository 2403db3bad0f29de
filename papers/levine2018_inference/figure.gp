# Reads results.csv; writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 820,400 font 'sans,14' noenhanced background '#ffffff'
set output 'figure.svg'
set datafile separator ','
beta(name) = name[1:5] eq 'tilt_' ? real(name[6:*]) : name eq 'exact' ? 1 : NaN
set multiplot layout 1,2 title 'Exact inference expects the world to cooperate, and pays for it'
set logscale x
set xlabel 'beta: price of bending the dynamics'
set ylabel 'return from the middle cell'
set xrange [0.7:1500]
set yrange [300:520]
set key bottom right reverse Left
plot 'results.csv' using (beta(strcol(1))):($5) with linespoints lw 2 pt 5 lc rgb '#d55e00' title 'F: promised', \
     '' using (beta(strcol(1))):12 with linespoints lw 2 pt 7 lc rgb '#0072b2' title 'J: real', \
     '' using (strcol(1) eq 'variational' ? 1200 : NaN):12 with points pt 9 ps 1.4 lc rgb '#000000' title 'q = p (J)'
unset logscale x
set xlabel ''
set xrange [-0.6:5.6]
set xtics rotate by -35 ('q = p' 0, 'exact' 1, 'robust' 2, 'learnt, q = p' 3, 'learnt, exact' 4, 'random' 5)
x(name) = name eq 'variational' ? 0 : name eq 'exact' ? 1 : name eq 'robust_1' ? 2 : name eq 'learned' ? 3 : name eq 'learned_exact' ? 4 : name eq 'random' ? 5 : NaN
plot 'results.csv' using (x(strcol(1))-0.1):($6-$7-$8) with points pt 5 ps 0.8 lc rgb '#d55e00' title 'F_control: promised', \
     '' using (x(strcol(1))+0.1):12 with points pt 7 ps 0.8 lc rgb '#0072b2' title 'J: real'
unset multiplot

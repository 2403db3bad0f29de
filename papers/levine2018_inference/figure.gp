# Reads results.csv; writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 860,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
set datafile separator ','
beta(name) = name[1:5] eq 'tilt_' ? real(name[6:*]) : name eq 'exact' ? 1 : NaN
clamped = real(system("awk -F, '$1 == \"variational\" { print $12 }' results.csv"))
set multiplot layout 1,2 title 'Exact inference expects the world to cooperate, and pays for it'
set logscale x
set xtics (1, 1.5, 2, 3, 5, 10)
set xlabel 'beta, the price of bending the dynamics'
set ylabel 'return from the middle cell'
set xrange [0.93:11]
set yrange [300:500]
plot 'results.csv' using (beta(strcol(1))):($6-$7-$8) with linespoints lw 2 pt 5 ps 0.6 lc rgb '#d55e00' title 'F_control, promised', \
     '' using (beta(strcol(1))):12 with linespoints lw 2 pt 7 ps 0.6 lc rgb '#0072b2' title 'J, real', \
     clamped with lines dt 2 lw 1.5 lc rgb '#555555' title 'J of q = p'
unset logscale x
set xlabel ''
set ylabel 'return from the middle cell'
set yrange [0:500]
set xrange [-0.6:7.6]
set rmargin 5
set xtics rotate by -40 ('true: q = p' 0, 'true: exact' 1, 'true: robust' 2, 'ML: q = p' 3, 'ML: exact' 4, 'posterior: q = p' 5, 'posterior: exact' 6, 'random' 7)
x(name) = name eq 'variational' ? 0 : name eq 'exact' ? 1 : name eq 'robust_1' ? 2 : name eq 'ml' ? 3 : name eq 'ml_exact' ? 4 : name eq 'learned' ? 5 : name eq 'learned_exact' ? 6 : name eq 'random' ? 7 : NaN
plot 'results.csv' using (x(strcol(1))-0.12):($6-$7-$8) with points pt 5 ps 0.6 lc rgb '#d55e00' title 'F_control, promised', \
     '' using (x(strcol(1))+0.12):12 with points pt 7 ps 0.6 lc rgb '#0072b2' title 'J, real (each seed)'
unset multiplot

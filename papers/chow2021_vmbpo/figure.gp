# Reads results.csv; writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 860,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
set datafile separator ','
blue = '#0072b2'; red = '#d55e00'; grey = '#555555'
set multiplot layout 1,2 title 'The scale of rewards decides how much luck VMBPO counts on'
scale(name) = name[1:6] eq 'scale_' ? real(name[7:*]) : NaN
clamped = real(system("awk -F, '$1 == \"clamped\" { print $12 }' results.csv"))
set logscale x
set xtics (0.1, 0.3, 0.7, 2)
set xrange [0.08:2.5]
set yrange [300:480]
set xlabel 'c, the scale of the rewards'
set ylabel 'return from the middle cell'
set arrow 1 from log(2),300 to log(2),480 nohead dt 3 lc rgb grey
set label 1 'log 2' at log(2)*0.97,310 right textcolor rgb grey
plot 'results.csv' using (scale(strcol(1))):($6/scale(strcol(1))) with linespoints lw 2 pt 5 ps 0.6 lc rgb red title 'promised, under q', \
     '' using (scale(strcol(1))):12 with linespoints lw 2 pt 7 ps 0.6 lc rgb blue title 'earned', \
     clamped with lines dt 2 lw 1.5 lc rgb grey title 'earned with q = p'
unset arrow 1
unset label 1
unset logscale x
set xlabel ''
set ylabel 'return from the middle cell'
set yrange [200:480]
set xrange [-0.6:6.6]
set rmargin 5
set xtics rotate by -40 ('true: q = p' 0, 'true: VMBPO' 1, 'ML: q = p' 2, 'ML: VMBPO' 3, 'posterior: q = p' 4, 'posterior: VMBPO' 5, 'random' 6)
x(name) = name eq 'clamped' ? 0 : name eq 'scale_1' ? 1 : name eq 'ml_clamped' ? 2 : name eq 'ml' ? 3 : name eq 'learned_clamped' ? 4 : name eq 'learned' ? 5 : name eq 'random' ? 6 : NaN
plot 'results.csv' using (x(strcol(1))-0.12):6 with points pt 5 ps 0.6 lc rgb red title 'promised, under q', \
     '' using (x(strcol(1))+0.12):12 with points pt 7 ps 0.6 lc rgb blue title 'earned (each seed)'
unset multiplot

# Reads the runs and results.csv; writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 900,700 font 'sans,14' noenhanced background '#ffffff'
set output 'figure.svg'
set datafile separator ','
blue = '#0072b2'; red = '#d55e00'; green = '#009e73'; grey = '#555555'
set multiplot layout 2,2 title 'Charging the model by log p/q keeps its promise a bound'
f(run) = runs.'/'.run.'/seed-0/metrics.csv'
set xlabel 'iteration'
set ylabel 'log return from the start'
set xrange [1:20]
set yrange [2.29:2.49]
plot f('bound') using 1:(log($9-$6)) with linespoints lw 2 pt 5 ps 0.4 lc rgb red title 'VMBPO objective, no bound', \
     '' using 1:(log($10)) with linespoints lw 2 pt 7 ps 0.4 lc rgb blue title 'log J, real', \
     '' using 1:3 with linespoints lw 2 pt 9 ps 0.5 lc rgb green title 'MnM bound'
set ylabel 'J of the policy, real'
set yrange [0:1.5]
optimum = real(system("awk -F, '$1 == \"low_true\" { print $12 }' results.csv"))
noise = real(system("awk -F, '$1 == \"low_random\" { s += $12; n++ } END { print s/n }' results.csv"))
plot optimum with lines dt 2 lw 1.5 lc rgb grey title 'true model', \
     f('low') using 1:10 with linespoints lw 2 pt 9 ps 0.5 lc rgb green title 'MnM: log rewards', \
     f('low_raw') using 1:10 with linespoints lw 2 pt 5 ps 0.4 lc rgb red title 'VMBPO: raw rewards', \
     noise with lines dt 3 lw 1.5 lc rgb grey title 'random model'
unset xlabel
set xrange [-0.6:5.6]
set yrange [0:245]
set style fill solid 1
set boxwidth 0.36
set xtics rotate by -30 ('MnM' 0, 'MnM, aliased' 1, '... no ratio' 2, 'likelihood' 3, 'true' 4, 'random' 5)
set ylabel 'J with a wall in the way'
w(name) = name eq 'wall' ? 0 : name eq 'wall_aliased' ? 1 : name eq 'wall_no_ratio' ? 2 : name eq 'wall_likelihood' ? 3 : name eq 'wall_true' ? 4 : name eq 'wall_random' ? 5 : NaN
s0(seed, x) = seed == 0 ? x : NaN
plot 'results.csv' using (s0($2,w(strcol(1)))-0.18):11 with boxes lc rgb red title 'promised', \
     '' using (s0($2,w(strcol(1)))+0.18):12 with boxes lc rgb blue title 'earned'
set xrange [-0.6:2.6]
set yrange [0:560]
set xtics rotate by 0 ('true model' 0, 'MnM' 1, 'VMBPO' 2)
set ylabel 'J among risky cells'
r(name) = name eq 'risk_true' ? 0 : name eq 'risk' ? 1 : name eq 'risk_raw' ? 2 : NaN
plot 'results.csv' using (r(strcol(1))-0.18):11 with boxes lc rgb red title 'promised', \
     '' using (r(strcol(1))+0.18):12 with boxes lc rgb blue title 'earned'
unset multiplot

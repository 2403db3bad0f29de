# Reads results.csv; writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 860,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
set datafile separator ','
blue = '#0072b2'; red = '#d55e00'; green = '#009e73'; orange = '#e69f00'; grey = '#555555'
# n, mean and standard error of the value of driving on, over seeds
curve(kind) = "< awk -F, -v k=".kind."_ 'index($1, k) == 1 { n = substr($1, length(k) + 1); v = 2*$6 - 1.08; s[n] += v; q[n] += v*v; c[n]++ } END { for (n in s) { m = s[n]/c[n]; d = q[n]/c[n] - m*m; print n \",\" m \",\" sqrt((d > 0 ? d : 0)/(c[n] - 1)) } }' results.csv | sort -n"
set multiplot layout 1,2 title 'Weights p/q tell a bell curve that the middle stays free'
set logscale x
set xtics (10, 30, 100, 300, 1000)
set xrange [8:1300]
set yrange [-1:3.2]
set xlabel 'real transitions of driving on'
set ylabel 'value of driving on'
plot 1.8 with lines dt 2 lw 1.5 lc rgb grey title 'truth', \
     curve('sampled') using 1:2:3 with yerrorlines lw 1.5 pt 7 ps 0.5 lc rgb orange title 'classifier, 1 model sample each', \
     curve('normed') using 1:2:3 with yerrorlines lw 1.5 pt 9 ps 0.5 lc rgb green title 'the same, normalised', \
     curve('classifier') using 1:2:3 with yerrorlines lw 2 pt 5 ps 0.5 lc rgb blue title 'classifier, expected samples', \
     curve('plain') using 1:2:3 with yerrorlines lw 2 pt 13 ps 0.7 lc rgb red title 'not weighted'
unset logscale x
set xlabel ''
set ylabel ''
set yrange [0:2.1]
set xrange [-0.6:5.6]
set style fill solid 1
set boxwidth 0.36
set xtics rotate by -30 ('likelihood' 0, 'DAM, exact' 1, 'DAM, classifier' 2, 'DAM, clip 2' 3, 'true' 4, 'random' 5)
x(name) = name eq 'plan' ? 0 : name eq 'plan_exact' ? 1 : name eq 'plan_classifier' ? 2 : name eq 'plan_clipped' ? 3 : name eq 'true' ? 4 : name eq 'random' ? 5 : NaN
first(seed, x) = seed == 0 ? x : NaN
plot 'results.csv' using (first($2,x(strcol(1)))-0.18):6 with boxes lc rgb red title 'promised', \
     '' using (first($2,x(strcol(1)))+0.18):12 with boxes lc rgb blue title 'earned (seed 0)'
unset multiplot

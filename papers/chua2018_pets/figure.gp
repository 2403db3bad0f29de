# Reads the metrics of the runs (variable `runs`: their folder); writes trials.csv, the
# return of every trial (0: the random one), and figure.svg. published.csv is mbrl-lib's.
system(sprintf("{ echo name,seed,trial,return; for f in %s/*/seed-*/metrics.csv; do d=${f%%/seed-*}; n=${d##*/}; s=${f##*/seed-}; [ $n = tiny ] || awk -F, -v n=$n -v s=${s%%/*} 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == \"return_real\") c = i; next } { printf \"%%s,%%s,%%d,%%.6g\\n\", n, s, $1 - 1, $c }' $f; done; } > trials.csv", runs))
load '../../plots/style.gp'
set terminal svg size 980,420 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
# trial, mean, least, most over the seeds; rows of one seed with blank lines between
mean(run) = sprintf("< awk -F, '$1 == \"%s\" { t = $3; n[t]++; m[t] += $4; if (n[t] == 1 || $4 < low[t]) low[t] = $4; if (n[t] == 1 || $4 > high[t]) high[t] = $4 } END { for (t in n) print t, m[t] / n[t], low[t], high[t] }' trials.csv | sort -n", run)
seeds(run) = sprintf("< awk -F, '$1 == \"%s\" { if ($2 != s) print \"\"; s = $2; print $3, $4 }' trials.csv", run)
level(run) = real(system(sprintf("awk -F, '$1 == \"%s\" { n++; m += $4 } END { print m / n }' trials.csv", run)))
blue = '#0072B2'; red = '#D55E00'; green = '#009E73'; grey = '#777777'
set multiplot layout 1,2
set tmargin 2.6; set bmargin 3.4; set lmargin 9
set xlabel 'trial (0: random actions)' offset 0,0.3
set ylabel 'return' offset 0.5,0
set title 'Continuous CartPole: solved within trials' textcolor '#222222' font ',14'
set xrange [-0.3:8.3]
set yrange [0:215]
set ytics 50
set key at graph 0.99, graph 0.12 right bottom Left reverse samplen 2 font ',13'
plot mean('balance') using 1:3:4 with filledcurves fc rgb blue fs transparent solid 0.15 notitle, \
     mean('balance') using 1:2 with linespoints lw 3 pt 7 ps 0.6 lc rgb blue title 'PETS, 10 seeds', \
     mean('balance_single') using 1:2 with linespoints lw 2 pt 6 ps 0.6 lc rgb red title 'one deterministic net', \
     mean('balance_random') using 1:2 with linespoints lw 2 dt 3 pt 2 ps 0.6 lc rgb grey title 'random net', \
     level('balance_true') with lines lw 2 dt 2 lc rgb green title 'true model', \
     "< grep -v '#' published.csv | tr , ' '" using 1:2 with points pt 4 ps 0.9 lw 2 lc rgb '#000000' title 'mbrl-lib, one seed'
set title 'Swing-up: 10 seeds, thin lines are those of PETS' textcolor '#222222' font ',14'
set xrange [-0.3:8.3]
set key at graph 0.02, graph 0.97 left top
set yrange [-20:255]
plot seeds('swing') using 1:2 with lines lw 1 lc rgb '#88bbdd' notitle, \
     mean('swing') using 1:2 with linespoints lw 3 pt 7 ps 0.6 lc rgb blue title 'PETS, mean', \
     mean('swing_single') using 1:2 with linespoints lw 2 pt 6 ps 0.6 lc rgb red title 'one deterministic net', \
     level('swing_true') with lines lw 2 dt 2 lc rgb green title 'true model'
unset multiplot

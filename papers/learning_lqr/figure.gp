# Reads the metrics of the runs (variable `runs`: their folder); writes regret.csv (over
# episodes 2 to 20 and in the last one, a row a system) and figure.svg. The regret of the
# first episode, the same for all, is left out.
system(sprintf("{ echo name,seed,regret,last; for f in %s/*/seed-*/metrics.csv; do d=${f%%/seed-*}; n=${d##*/}; s=${f##*/seed-}; [ $n = tiny ] || awk -F, -v n=$n -v s=${s%%/*} 'NR == 1 && $NF != \"regret\" { exit } $1 == 1 { first = $NF } { before = now; now = $NF } END { if (NR > 2) printf \"%%s,%%s,%%.6g,%%.6g\\n\", n, s, now - first, now - before }' $f; done; } > regret.csv", runs))
load '../../plots/style.gp'
set terminal svg size 980,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
# episode, mean and twice its standard error over the systems
curve(run) = sprintf("< awk -F, 'FNR == 1 { next } $1 == 1 { first = $NF } { k = $1; x = $NF - first; n[k]++; s[k] += x; q[k] += x * x } END { for (k in n) { m = s[k] / n[k]; print k, m, 2 * sqrt((q[k] / n[k] - m * m) / (n[k] - 1)) } }' %s/%s/seed-*/metrics.csv | sort -n", runs, run)
# rank and regret after the last episode, a system each
sorted(run) = sprintf("< for f in %s/%s/seed-*/metrics.csv; do awk -F, '$1 == 1 { first = $NF } END { print $NF - first }' $f; done | sort -g | awk '{ print NR, $1 }'", runs, run)
array method[5] = ['ml', 'cut', 'robust_100', 'tilt_1', 'closed_1']
array text[5] = ['certainty equivalence', 'the cut', 'robust, beta = -100', 'tilt, beta = 1', 'closed cut, beta = 1']
array ink[5] = ['#000000', '#56B4E9', '#CC79A7', '#E69F00', '#D55E00']
array form[5] = [1, 2, 3, 1, 2]
array mark[5] = [7, 6, 5, 9, 11]
set multiplot layout 1, 2
set tmargin 2.6; set bmargin 3.4; set lmargin 10
set xrange [0.5:20.5]
set xtics 5
set xlabel 'systems, from the least regret to the most' offset 0,0.3
set logscale y
set yrange [1:1e16]
set ytics ('1' 1, '10^4' 1e4, '10^8' 1e8, '10^{12}' 1e12, '10^{16}' 1e16)
set ytics ('1' 1, '1e4' 1e4, '1e8' 1e8, '1e12' 1e12, '1e16' 1e16)
set ylabel 'regret over 20 episodes' offset 0.5,0
set key at graph 0.02, graph 0.99 left top Left reverse samplen 2 font ',14'
set title 'Little excitation (0.03): a quarter of the systems blow up, not under tilts' textcolor '#222222' font ',14'
top = 1e16
plot sorted('thin_random') using 1:($2 > top ? top : $2) with points pt 2 ps 0.7 lc rgb '#777777' title 'random model', \
     for [i = 1:5] sorted('thin_' . method[i]) using 1:2 with linespoints lw 2.5 dt form[i] pt mark[i] ps 0.6 lc rgb ink[i] title text[i]
unset logscale y
unset key
set yrange [0:130]
set ytics autofreq
set xlabel 'episode of 50 steps' offset 0,0.3
set ylabel 'cumulative regret, mean' offset 0.5,0
set title 'Enough (0.3): tilts cost' textcolor '#222222' font ',14'
set key at graph 0.02, graph 0.99 left top Left reverse samplen 2 font ',14'
plot curve('rich_true') using 1:2 with lines lw 2 dt 2 lc rgb '#009E73' title 'true model', \
     keyentry with points pt 2 lc rgb '#777777' title 'random model: off the scale', \
     for [i = 1:5] curve('rich_' . method[i]) using ($1 + 0.1 * (i - 3)):2:3 with yerrorbars lw 1 pt 7 ps 0.01 lc rgb ink[i] notitle, \
     for [i = 1:5] curve('rich_' . method[i]) using 1:2 with lines lw 3 dt form[i] lc rgb ink[i] notitle
unset multiplot

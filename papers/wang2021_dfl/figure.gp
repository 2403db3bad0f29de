# Reads results.csv; writes figure.svg. Mean of three worlds; thin points: each of them.
load '../../plots/style.gp'
set terminal svg size 900,380 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
of(run) = sprintf("< awk -F, '$1 ~ /^%s_[abc]$/ { print $12 }' results.csv", run)
mean(run) = sprintf("< awk -F, '$1 ~ /^%s_[abc]$/ { x += $12; n++ } END { print x / n }' results.csv", run)
set multiplot layout 1,2 title 'Rewards predicted from features: by squared error, or by what the plan earns'
set xrange [-2:30]
set yrange [0.4:6.6]
set ytics ('two-stage' 1, 'identity' 2, 'Woodbury (8)' 3, 'exact' 4, 'true rewards' 5, 'from a log' 6)
unset grid
set grid xtics linecolor '#e4e4e4'
unset key
set lmargin 13
rows = 'seen_two_stage seen_identity seen_woodbury seen_exact true seen_cwpdis'
set xlabel 'return in the 10 grids learnt from'
plot for [i in '1 2 3 4 6'] of(word(rows, int(i))) using 1:(int(i)) with points pt 6 ps 0.8 lc rgb '#999999' notitle, \
     for [i in '1 2 3 4 6'] mean(word(rows, int(i))) using 1:(int(i)) with points pt 7 ps 1.4 lc rgb int(i) == 1 ? '#d55e00' : '#0072b2' notitle
rows = 'two_stage identity woodbury exact true cwpdis'
set xlabel 'return in 6 unseen grids'
plot for [i = 1:6] of(word(rows, int(i))) using 1:(int(i)) with points pt 6 ps 0.8 lc rgb '#999999' notitle, \
     for [i = 1:6] mean(word(rows, int(i))) using 1:(int(i)) with points pt 7 ps 1.4 lc rgb int(i) == 1 ? '#d55e00' : int(i) == 5 ? '#555555' : '#0072b2' notitle
unset multiplot

# Reads results.csv; writes figure.svg. Left: what the picked resource pays in unseen
# instances of five worlds; right: the return in the maze, five data sets.
load '../../plots/style.gp'
set terminal svg size 900,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
of(run) = sprintf("< awk -F, '$1 ~ /^%s_[a-e]$/ { print $12 }' results.csv", run)
mean(run) = sprintf("< awk -F, '$1 ~ /^%s_[a-e]$/ { x += $12; n++ } END { print x / n }' results.csv", run)
walk(run) = sprintf("< awk -F, '$1 == \"%s\" { print $12 }' results.csv", run)
midwalk(run) = sprintf("< awk -F, '$1 == \"%s\" { x += $12; n++ } END { print x / n }' results.csv", run)
colour(i) = i == 1 ? '#d55e00' : i == 2 ? '#0072b2' : i == 3 ? '#009e73' : '#555555'
set multiplot layout 1,2 title 'The same too small class, its errors weighed by what the plan earns'
unset grid
set grid xtics linecolor '#e4e4e4'
unset key
set lmargin 14
set yrange [0.4:5.6]
set ytics ('squared error' 1, 'TaskMet' 2, 'plan alone (DFL)' 3, 'uniform picks' 4, 'true rewards' 5)
set xrange [-3:3.3]
set xlabel 'pay of the picked resource, unseen instances'
rows = 'mse metric dfl uniform known'
plot for [i = 1:5] of(word(rows, i)) using 1:(i) with points pt 6 ps 0.8 lc rgb '#999999' notitle, \
     for [i = 1:5] mean(word(rows, i)) using 1:(i) with points pt 7 ps 1.4 lc rgb colour(i) notitle
set ytics ('likelihood' 1, 'TaskMet' 2, 'plan alone (DFL)' 3, 'random model' 4, 'true model' 5)
set xrange [5:67]
set xlabel 'return of the soft plan in the maze'
rows = 'maze_mle maze_metric maze_dfl maze_random maze_true'
plot for [i = 1:5] walk(word(rows, i)) using 1:(i) with points pt 6 ps 0.8 lc rgb '#999999' notitle, \
     for [i = 1:5] midwalk(word(rows, i)) using 1:(i) with points pt 7 ps 1.4 lc rgb colour(i) notitle
unset multiplot

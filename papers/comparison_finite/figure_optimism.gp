# Reads results.csv; writes figure_optimism.svg: when optimism pays. As figure.gp: dots are
# earned, line ends promised, on a scale from the random model (0) to the true one (1).
load '../../plots/style.gp'
set terminal svg size 900,270 font 'sans,14' noenhanced background '#ffffff'
set output 'figure_optimism.svg'
keys = 'true random ml whole adversary'
table(world) = sprintf("< awk -v w=%s -v runs='%s' -v keys='%s' -f rows.awk results.csv", world, runs, keys)
array world[2] = ['given', 'sought']
array head[2] = ['data given: 100 transitions, 30 Garnets', 'data sought: 20 a round, RiverSwim']
low = -0.3; high = 2.6
cut(x) = x > high ? high : x < low ? low : x
over(e, p) = p > e + 0.1 && p > 0.1
blue = '#0072b2'; orange = '#d55e00'; grey = '#888888'
set multiplot
set yrange [5.6:0.4]
set xrange [low - 0.05:high + 0.1]
set xtics ('random' 0, 'true' 1, '2' 2) scale 0
unset key
set xlabel ''
set tmargin 4.2; set bmargin 2; set lmargin 0; set rmargin 0
set grid noxtics noytics
set border 1
set arrow 1 from 1, graph 0 to 1, graph 1 nohead lw 1.5 lc rgb '#009e73'
set arrow 2 from 0, graph 0 to 0, graph 1 nohead lw 1 dt 2 lc rgb '#aaaaaa'
set label 1 'dots: earned' at screen 0.01,0.94 tc rgb '#222222'
set label 2 '●  reaches the true model (within 0.1)' at screen 0.14,0.94 tc rgb blue
set label 3 '━  promised beyond what is earned (▸: far)' at screen 0.53,0.94 tc rgb orange
do for [w = 1:2] {
    set origin 0.2 + (w - 1) * 0.4, 0
    set size 0.385, 1
    set title head[w] textcolor '#222222' offset 0,-0.4
    if (w == 1) { set ytics scale 0 ('true model' 1, 'random model' 2, 'cut, κ = 0' 3, 'whole F, κ = 1' 4, 'adversary, κ = -1' 5) } else { unset ytics }
    plot table(world[w]) using (cut($2)):1:(cut($4) - cut($2)):(0) with vectors nohead lw 3 lc rgb '#cccccc', \
         '' using (over($2, $4) ? cut($2) : NaN):1:(cut($4) - cut($2)):(0) with vectors nohead lw 5 lc rgb orange, \
         '' using ($4 > high ? high + 0.03 : NaN):1 with points pt 9 ps 0.9 lc rgb orange, \
         '' using ($3 > 0 ? cut($2) : NaN):1:3 with xerrorbars pt 7 ps 0.01 lw 1.5 lc rgb '#222222', \
         '' using ($2 >= 0.9 ? NaN : cut($2)):1 with points pt 7 ps 0.8 lc rgb grey, \
         '' using ($2 >= 0.9 ? cut($2) : NaN):1 with points pt 7 ps 1.1 lc rgb blue
}
unset multiplot

# Reads results.csv and the maze's rounds (variable `runs`); writes figure.svg: what each
# setting earns (dot) and promises (end of its line), on a scale where the random model
# earns 0 and the true one 1. Blue dots reach the true model; orange lines over-promise. Also
# maze.csv, the maze's means over rounds, and paired.csv, differences on the same seeds.
system(sprintf('awk -f maze.awk %s/maze_*/seed-0/metrics.csv > maze.csv; awk -f paired.awk results.csv > paired.csv', runs))
load '../../plots/style.gp'
set terminal svg size 900,910 font 'sans,14' noenhanced background '#ffffff'
set output 'figure.svg'
keys = 'true random ml . visits tom gamps ampl wme lambert online pdml dam . vaml cvaml both mixed ve pve mml advantage lamps sampled paml . free tilt vmbpo robust whole adversary budget . omd unroll taskmet return search'
names = "'true model' 'random model' 'maximum likelihood' '' 'own visits °' 'TOM °' 'GAMPS °' 'AMPL' 'WME' 'distance (Lambert) °' 'online, all alike' 'online, PDML' 'DAM: on returns' '' 'IterVAML' 'CVAML, 2 samples' 'IterVAML, own visits °' 'logp + IterVAML' 'VE, 10 policies' 'PVE, 10 policies' 'MML, one moment' 'model advantage' 'LAMPS, half expert °' 'sampled values' 'PAML: policy gradient °' '' 'free q (MnM) °' 'optimistic tilt' 'VMBPO' 'robust ball' 'whole F, κ = 1' 'adversary, κ = -1' 'adversary, budget' '' 'OMD, implicit' 'OMD, unrolled' 'TaskMet °' 'real return, implicit °' 'real return, search °'"
table(world) = sprintf("< awk -v w=%s -v runs='%s' -v keys='%s' -f rows.awk results.csv", world, runs, keys)
array world[3] = ['maze', 'garnet', 'rooms']
array head[3] = ['maze, tied cells', '30 Garnets, rank 3 of 20', 'four rooms, rank 8 of 104']
low = -0.45; high = 2.2
cut(x) = x > high ? high : x < low ? low : x
over(e, p) = p > e + 0.1 && p > 0.1
blue = '#0072b2'; orange = '#d55e00'; grey = '#888888'
set multiplot
set yrange [39.7:0.3]
set xrange [low - 0.05:high + 0.1]
set xtics ('random' 0, 'true' 1, '2' 2) scale 0
unset key
set tmargin 4.4; set bmargin 2; set lmargin 0; set rmargin 0
set grid noxtics noytics
set border 1
set arrow 1 from 1, graph 0 to 1, graph 1 nohead lw 1.5 lc rgb '#009e73'
set arrow 2 from 0, graph 0 to 0, graph 1 nohead lw 1 dt 2 lc rgb '#aaaaaa'
set xlabel ''
set label 1 'dots: earned' at screen 0.01,0.98 font ',14' tc rgb '#222222'
set label 2 '●  reaches the true model (within 0.1)' at screen 0.14,0.98 font ',14' tc rgb blue
set label 3 '━  promised beyond what is earned (▸: far)' at screen 0.53,0.98 font ',14' tc rgb orange
do for [g = 1:5] {
    at = word('4 14 26 34 0', g) + 0
    if (at > 0) { set label 10 + g word('weight likelihood transition gradient', g) at screen 0.005, first at font ',14' tc rgb '#555555' }
}
do for [w = 1:3] {
    set origin 0.23 + (w - 1) * 0.258, 0
    set size 0.245, 1
    set title head[w] textcolor '#222222' offset 0,-0.4
    if (w == 1) {
        set ytics scale 0
        do for [i = 1:39] { set ytics add (word(names, i) i) }
    } else {
        unset ytics
        do for [g = 1:4] { unset label 10 + g }
        do for [g = 1:3] { unset label g }
    }
    plot table(world[w]) using (cut($2)):1:(cut($4) - cut($2)):(0) with vectors nohead lw 3 lc rgb '#cccccc', \
         '' using (over($2, $4) ? cut($2) : NaN):1:(cut($4) - cut($2)):(0) with vectors nohead lw 5 lc rgb orange, \
         '' using ($4 > high ? high + 0.03 : NaN):1 with points pt 9 ps 0.9 lc rgb orange, \
         '' using ($3 > 0 ? cut($2) : NaN):1:3 with xerrorbars pt 7 ps 0.01 lw 1.5 lc rgb '#222222', \
         '' using ($2 >= 0.9 ? NaN : cut($2)):1 with points pt 7 ps 0.8 lc rgb grey, \
         '' using ($2 >= 0.9 ? cut($2) : NaN):1 with points pt 7 ps 1.1 lc rgb blue
}
unset multiplot

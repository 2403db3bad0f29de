# Reads results.csv; writes figure.svg: what each setting earns (bar, 0 that of the
# random model, 1 that of the true one) and promises (open circle), on the same scale.
load '../../plots/style.gp'
set terminal svg size 900,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
keys = 'ml weight vaml both omd mixed advantage sampled free whole adversary'
# row, earned, its standard error and promised of every setting of a world, scaled
table(world) = sprintf("< awk -F, -v w=%s -v keys='%s' '{ n[$1]++; r[$1] += $12; q[$1] += $12 ^ 2; m[$1] += $11 } END { z = r[w \"_random\"] / n[w \"_random\"]; u = r[w \"_true\"] / n[w \"_true\"] - z; k = split(keys, name, \" \"); for (i = 1; i <= k; i++) { x = w \"_\" name[i]; if (x in n) { a = r[x] / n[x]; v = q[x] / n[x] - a * a; if (v < 0) v = 0; e = n[x] > 1 ? 2 * sqrt(v / (n[x] - 1)) : 0; p = (m[x] / n[x] - z) / u; print i, (a - z) / u, e / u, (p > 2.2 ? 2.2 : p < -0.5 ? -0.5 : p), (p > 2.2) } } }' results.csv", world, keys)
array world[3] = ['maze', 'rooms', 'garnet']
array head[3] = ['maze, tied cells', 'four rooms, rank 20 of 104', '30 Garnets, rank 3 of 20']
set multiplot
set yrange [11.7:0.3]
set xrange [-0.5:2.35]
set xtics ('random' 0, 'true' 1, '2' 2)
unset key
set tmargin 2.6; set bmargin 4.4; set lmargin 0; set rmargin 0
set grid xtics noytics linecolor '#cccccc'
set border 1
set xlabel ''
do for [w = 1:3] {
    set origin 0.22 + (w - 1) * 0.262, 0
    set size 0.245, 1
    set title head[w] textcolor '#222222'
    if (w == 1) {
        set ytics scale 0 ('maximum likelihood' 1, 'weight: own visits' 2, \
            'IterVAML' 3, 'IterVAML, weighted' 4, 'OMD, implicit gradient' 5, \
            'likelihood + IterVAML' 6, 'model advantage' 7, 'sampled values' 8, \
            'free q, log ratio' 9, 'whole F (kappa = 1)' 10, 'adversary (kappa = -1)' 11)
    } else {
        unset ytics
    }
    if (w == 2) { set xlabel 'bar: earned; circle: promised (arrow: beyond)' offset 0,-0.4 } else { set xlabel ' ' offset 0,-0.4 }
    plot table(world[w]) using ($2 / 2):1:(abs($2) / 2):(0.32) with boxxyerror fillstyle solid 0.75 lc rgb '#0072B2', \
         '' using 2:1:3 with xerrorbars pt 7 ps 0.01 lw 2 lc rgb '#222222', \
         '' using ($5 > 0 ? NaN : $4):1 with points pt 6 ps 1.1 lw 2.4 lc rgb '#D55E00', \
         '' using ($5 > 0 ? $4 : NaN):1 with points pt 9 ps 1.2 lw 2 lc rgb '#D55E00'
}
unset multiplot

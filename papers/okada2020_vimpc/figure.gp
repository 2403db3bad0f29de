# Reads the metrics of the runs (variable `runs`: their folder); writes trials.csv, the
# return of every trial of the learnt runs (0: the random one), and figure.svg.
system(sprintf("{ echo name,seed,trial,return; for f in %s/learnt_*/seed-*/metrics.csv; do d=${f%%/seed-*}; n=${d##*/}; s=${f##*/seed-}; awk -F, -v n=$n -v s=${s%%/*} 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == \"return_real\") c = i; next } { printf \"%%s,%%s,%%d,%%.6g\\n\", n, s, $1 - 1, $c }' $f; done; } > trials.csv", runs))
load '../../plots/style.gp'
set terminal svg size 980,440 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
array run[8] = ['true_cem', 'true_icem', 'true_mppi', 'true_exp', 'true_exp_entropy', 'true_elite_5', 'true_exp_5', 'true_exp_5_entropy']
array text[8] = ['CEM', 'iCEM', 'MPPI', 'exp, M = 1', 'exp, M = 1, entropy', 'elite, M = 5', 'exp, M = 5', 'exp, M = 5, entropy']
# place, return of each seed; place, mean
seeds(i) = sprintf("< awk -F, '$1 == \"%s\" { print %d + ($2 - 4.5) * 0.04, $12 }' results.csv", run[i], i)
mean(i) = sprintf("< awk -F, '$1 == \"%s\" { n++; m += $12 } END { if (n) print %d, m / n }' results.csv", run[i], i)
blue = '#0072B2'; red = '#D55E00'; green = '#009E73'
set multiplot layout 1,2
set tmargin 2.6; set bmargin 7; set lmargin 9
set ylabel 'return of the swing-up' offset 0.5,0
set yrange [-10:250]
set ytics 50
set xrange [0.4:8.6]
set xlabel ''
set xtics rotate by 35 right offset 0.6,0 ()
do for [i = 1:8] { set xtics add (text[i] i) }
set title 'True model, 3 refits to 100 sequences: each seed, mean' textcolor '#222222' font ',14'
unset key
plot for [i = 1:8] seeds(i) using 1:2 with points pt 6 ps 0.7 lc rgb i == 1 ? red : blue, \
     for [i = 1:8] mean(i) using 1:2 with points pt 5 ps 1 lc rgb '#000000'
learnt(name) = sprintf("< awk -F, '$1 == \"learnt_%s\" { t = $3; n[t]++; m[t] += $4; if (n[t] == 1 || $4 < low[t]) low[t] = $4; if (n[t] == 1 || $4 > high[t]) high[t] = $4 } END { for (t in n) print t, m[t] / n[t], low[t], high[t] }' trials.csv | sort -n", name)
set title 'Learnt ensembles: mean, least and most' textcolor '#222222' font ',14'
set xtics norotate center offset 0,0 autofreq
set xrange [-0.3:8.5]
set xlabel 'trial (0: random actions)' offset 0,0.3
set key at graph 0.02, graph 0.99 left top Left reverse samplen 2 font ',13'
plot learnt('cem') using 1:2:3:4 with yerrorbars lw 1 pt 7 ps 0.01 lc rgb red notitle, \
     learnt('cem') using 1:2 with linespoints lw 3 pt 7 ps 0.6 lc rgb red title 'CEM (PETS)', \
     learnt('mppi') using ($1 + 0.07):2:3:4 with yerrorbars lw 1 pt 7 ps 0.01 lc rgb green notitle, \
     learnt('mppi') using ($1 + 0.07):2 with linespoints lw 2 pt 9 ps 0.7 lc rgb green title 'MPPI', \
     learnt('exp_5') using ($1 - 0.07):2:3:4 with yerrorbars lw 1 pt 7 ps 0.01 lc rgb blue notitle, \
     learnt('exp_5') using ($1 - 0.07):2 with linespoints lw 3 pt 5 ps 0.6 lc rgb blue title 'exp, M = 5 (PaETS)'
unset multiplot

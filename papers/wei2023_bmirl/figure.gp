# Reads the runs of runs.txt (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 760,440 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
last(run) = sprintf("<for s in 0 1 2 3 4 5 6 7 8 9; do tail -n 1 %s/%s/seed-$s/metrics.csv; done | awk -F, '{ print (NR - 5.5) / 25, $NF }'", runs, run)
floor = real(system(sprintf("tail -n 1 %s/known/seed-0/metrics.csv | awk -F, '{ print $NF }'", runs)))
$paper << EOD
1 0.252049
2 0.107692
3 0.107656
4 0.107073
EOD
set xrange [0.5:5.5]
set logscale y
set yrange [0.08:4]
set ytics (0.1, 0.2, 0.5, 1, 2)
set xtics ("likelihood,\nthen reward" 1, "joint,\nλ = 0.001" 2, "joint,\nλ = 0.5" 3, "joint,\nλ = 10" 4, "random model,\ntrue reward" 5)
set xlabel ''
set bmargin 3.4
set ylabel 'KL(expert || learnt policy), mean over states'
set key above
plot floor with lines lw 1.5 dt 2 lc rgb '#555555' title "true model: the expert's other discount", \
     last('two_stage') using (1 + $1):2 with points pt 7 ps 0.8 lc rgb '#d55e00' title 'model first, then reward (10 seeds)', \
     for [i = 2:4] last(word('x bm_0.001 bm_0.5 bm_10', i)) using (i + $1):2 with points pt 7 ps 0.8 lc rgb '#0072b2' title (i == 2 ? 'model and reward as one plan (10 seeds)' : ''), \
     last('random') using (5 + $1):2 with points pt 7 ps 0.8 lc rgb '#888888' notitle, \
     $paper using 1:2 with points pt 4 ps 2 lw 2 lc rgb '#000000' title 'paper (its notebook, one seed)'

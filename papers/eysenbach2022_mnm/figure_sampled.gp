# Reads the runs and results.csv; writes figure_sampled.svg: figure 2a, left; and reached.csv: the
# iteration at which the greedy policy of a seed first earns more than 0.5, and the one from which
# it earns no less, nothing where none is.
load '../../plots/style.gp'
set terminal svg size 700,420 font 'sans,14' noenhanced background '#ffffff'
set output 'figure_sampled.svg'
set datafile separator ','
f(run, seed) = runs.'/'.run.'/seed-'.seed.'/metrics.csv'
optimum = real(system("awk -F, '$1 == \"low_true\" { print $12 }' results.csv"))
noise = real(system("awk -F, '$1 == \"low_random\" { s += $12; n++ } END { print s/n }' results.csv"))
system(sprintf("{ echo name,seed,first,for_good; for d in %s/sampled_*/seed-*; do run=${d%%/*}; run=${run##*/}; awk -F, -v name=$run -v seed=${d##*-} 'FNR > 1 && $10 > 0.5 { if (!first) first = $1; if (!from) from = $1 } FNR > 1 && $10 <= 0.5 { from = \"\" } END { print name \",\" seed \",\" first \",\" from }' $d/metrics.csv; done | sort -t, -k1,1 -k2n; } > reached.csv", runs))
set title 'Learners that draw their paths: ten seeds each'
set xlabel 'iteration'
set ylabel 'J of the greedy policy, real'
set xrange [1:1501]
set yrange [0:2.05]
set key default
set key inside left top reverse Left maxrows 3
plot optimum with lines dt 2 lw 1.5 lc rgb '#555555' title 'true model, planned', \
     noise with lines dt 3 lw 1.5 lc rgb '#555555' title 'random model', \
     for [s=0:9] f('sampled_q', s) using 1:10 every 10 with lines lw 1 lc rgb '#0072b2' title (s ? '' : 'Q-learning'), \
     for [s=0:9] f('sampled_vmbpo', s) using 1:10 every 10 with lines lw 1 lc rgb '#d55e00' title (s ? '' : 'VMBPO: raw rewards'), \
     for [s=0:9] f('sampled_shifted', s) using 1:10 every 10 with lines lw 1 lc rgb '#cc79a7' title (s ? '' : 'Q-learning: r - 0.69'), \
     for [s=0:9] f('sampled_mnm', s) using 1:10 every 10 with lines lw 1 lc rgb '#009e73' title (s ? '' : 'MnM: log rewards')

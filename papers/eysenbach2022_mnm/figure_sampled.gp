# Reads the runs and results.csv; writes figure_sampled.svg: figure 2a, left.
load '../../plots/style.gp'
set terminal svg size 700,420 font 'sans,14' noenhanced background '#ffffff'
set output 'figure_sampled.svg'
set datafile separator ','
f(run, seed) = runs.'/'.run.'/seed-'.seed.'/metrics.csv'
optimum = real(system("awk -F, '$1 == \"low_true\" { print $12 }' results.csv"))
noise = real(system("awk -F, '$1 == \"low_random\" { s += $12; n++ } END { print s/n }' results.csv"))
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

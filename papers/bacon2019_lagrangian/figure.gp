# Reads the runs of runs.txt (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 760,420 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
set datafile separator ', '
dat(run) = sprintf('%s/%s/plots/return.dat', runs, run)
last(run) = real(system(sprintf("for s in 0 1 2 3 4 5 6 7 8 9; do tail -n 1 %s/%s/seed-$s/metrics.csv; done | awk -F, '{ x += $10 } END { print x / NR }'", runs, run)))
set xlabel 'M-step of 5 BFGS iterations'
set ylabel 'real return J, mean of 10 first models'
set xrange [1:8]
set key above left Left reverse maxrows 3 samplen 2
plot last('known') with lines lw 1.5 dt 2 lc rgb '#555555' title 'world known', \
     last('likelihood') with lines lw 2 lc rgb '#009e73' title 'maximum likelihood, rank 2', \
     last('random') with lines lw 2 lc rgb '#999999' title 'random model', \
     dat('exact') using 1:5 with lines lw 5 lc rgb '#56b4e9' title 'implicit: one linear solve', \
     dat('adjoint') using 1:5 with lines lw 2 dt 2 lc rgb '#000000' title 'multiplier, converged', \
     dat('adjoint_200') using 1:5 with linespoints lw 2 pt 7 ps 0.5 lc rgb '#d55e00' title 'multiplier, 200 steps'

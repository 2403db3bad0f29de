# Reads the runs of runs.txt (variable `runs`: their folder); writes reached.csv, the real
# steps at which an evaluation of each seed first is above -200 (Pendulum-v1) or 475
# (CartPole-v1), nothing where none is, and figure.svg: interquartile means over seeds of
# return_real at each evaluation, between the quartiles.
load '../../plots/style.gp'
set terminal svg size 900,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
system(sprintf("{ echo name,seed,env_steps; for d in %s/*_*_*/seed-*; do run=${d%%/*}; run=${run##*/}; awk -F, -v name=$run -v seed=${d##*-} 'BEGIN { level = name ~ /pendulum/ ? -200 : 475 } FNR > 1 && $10 > level && ($1 == 1 || $1 %% 25 == 0) { at = $2; exit } END { print name \",\" seed \",\" at }' $d/metrics.csv; done | sort -t, -k1,1 -k2n; } > reached.csv", runs))
curve(run) = sprintf("< awk -F, 'FNR > 1 && ($1 == 1 || $1 %% 25 == 0) { print $2, $10 }' %s/%s/seed-*/metrics.csv | sort -k1n -k2n | awk '$1 != at { out() } { at = $1; v[++n] = $2 } END { out() } function part(i) { a = i - 1 > n / 4 ? i - 1 : n / 4; b = i < 3 * n / 4 ? i : 3 * n / 4; return b > a ? b - a : 0 } function out(   i, m) { if (n) { for (i = 1; i <= n; i++) m += part(i) * v[i]; print at, m / (n / 2), v[int((n + 3) / 4)], v[n + 1 - int((n + 3) / 4)] } n = 0 }'", runs, run)
set multiplot layout 1,2 title 'Updates save real steps: beside a model, and without one'
set xlabel 'real steps, Pendulum-v1'
set ylabel 'return of 20 episodes'
set xrange [0:5000]
set yrange [-1700:0]
set xtics 1000
set key at graph 1.12, graph 0.36 right top Left reverse samplen 1.5 font ',13'
set arrow 1 from 0,-200 to 5000,-200 nohead dt 3 lc rgb '#444444'
plot curve('mbpo_pendulum_10') using 1:3:4 with filledcurves lc rgb '#0072b2' notitle, \
     curve('sac_pendulum_1') using 1:3:4 with filledcurves lc rgb '#d55e00' notitle, \
     curve('sac_pendulum_1') using 1:2 with lines lw 3 lc rgb '#d55e00' title 'SAC, 1 update', \
     curve('sac_pendulum_10') using 1:2 with lines lw 3 lc rgb '#e69f00' title 'SAC, 10 updates', \
     curve('mbpo_pendulum_10') using 1:2 with lines lw 3 lc rgb '#0072b2' title 'MBPO, 10 updates', \
     curve('true_pendulum_10') using 1:2 with lines lw 2.5 dt 2 lc rgb '#009e73' title '... true model', \
     curve('random_pendulum_10') using 1:2 with lines lw 2.5 dt 3 lc rgb '#777777' title '... random model'
set xlabel 'real steps, CartPole-v1'
set ylabel ''
set xrange [0:2000]
set yrange [0:520]
set xtics 500
set arrow 1 from 0,475 to 2000,475 nohead dt 3 lc rgb '#444444'
set key at graph 0.03, graph 1.0 left top Left reverse samplen 2 font ',13' maxrows 3
set yrange [0:720]
set ytics ('0' 0, '100' 100, '200' 200, '300' 300, '400' 400, '500' 500)
plot curve('mbpo_cartpole_20') using 1:3:4 with filledcurves lc rgb '#0072b2' notitle, \
     curve('sac_cartpole_1') using 1:3:4 with filledcurves lc rgb '#d55e00' notitle, \
     curve('sac_cartpole_1') using 1:2 with lines lw 3 lc rgb '#d55e00' title 'SAC, 1 update', \
     curve('sac_cartpole_20') using 1:2 with lines lw 3 lc rgb '#e69f00' title 'SAC, 20 updates', \
     curve('mbpo_cartpole_20') using 1:2 with lines lw 3 lc rgb '#0072b2' title 'MBPO, 20 updates', \
     curve('true_cartpole_20') using 1:2 with lines lw 2.5 dt 2 lc rgb '#009e73' title '... true model', \
     curve('random_cartpole_20') using 1:2 with lines lw 2.5 dt 3 lc rgb '#777777' title '... random model'
unset multiplot

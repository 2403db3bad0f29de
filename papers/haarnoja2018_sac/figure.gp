# Reads the metrics of the runs (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 980,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
# env_steps in thousands, the middle half's mean of return_real over the seeds (IQM),
# and its first and third quartile
curve(run) = sprintf("< tail -qn +2 %s/%s/seed-*/metrics.csv | sort -t, -k2,2n -k10,10g | awk -F, 'function flush() { if (!n) return; q = int(n / 4); s = 0; for (i = q + 1; i <= n - q; i++) s += v[i]; print step / 1000, s / (n - 2 * q), v[q + 1], v[n - q] } $2 != step { flush(); n = 0; step = $2 } { v[++n] = $10 } END { flush() }'", runs, run)
set multiplot layout 1, 2
set tmargin 2.6; set bmargin 3.4; set lmargin 9
set xrange [0:20.5]
set xtics 5
set xlabel 'environment steps / 1000' offset 0,0.3
set ylabel 'return in the world' offset 0.5,0
set yrange [-1800:0]
set key at graph 0.98, graph 0.04 right bottom Left reverse samplen 2 font ',14'
set title 'Pendulum-v1' textcolor '#222222' font ',14'
plot -200 with lines lw 1 dt 3 lc rgb '#888888' title '-200', \
     curve('sac') using 1:3:4 with filledcurves fs transparent solid 0.18 noborder lc rgb '#D55E00' notitle, \
     curve('ddpg') using 1:2 with lines lw 2 dt 2 lc rgb '#0072B2' title 'DDPG', \
     curve('td3') using 1:2 with lines lw 2 lc rgb '#56B4E9' title 'TD3', \
     curve('exact') using 1:2 with lines lw 2 lc rgb '#000000' title 'one critic, alpha = 0.1', \
     curve('sac') using 1:2 with lines lw 3 lc rgb '#D55E00' title 'SAC'
set yrange [0:520]
unset ylabel
set title 'CartPole-v1, over its two choices' textcolor '#222222' font ',14'
plot curve('cartpole') using 1:3:4 with filledcurves fs transparent solid 0.18 noborder lc rgb '#D55E00' notitle, \
     curve('cartpole_exact') using 1:2 with lines lw 2 lc rgb '#000000' title 'one critic, alpha = 1', \
     curve('cartpole') using 1:2 with lines lw 3 lc rgb '#D55E00' title 'SAC'
unset multiplot

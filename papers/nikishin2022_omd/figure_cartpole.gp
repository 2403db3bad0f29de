# Reads the runs cartpole_* of runs.txt (variable `runs`: their folder); writes cartpole.csv,
# the evaluations of each seed, and from it figure_cartpole.svg.
load '../../plots/style.gp'
set terminal svg size 900,450 font 'sans,15' noenhanced background '#ffffff'
set output 'figure_cartpole.svg'
system(sprintf("{ echo name,seed,env_steps,return_model,return_real; for d in %s/cartpole_*/seed-*; do run=${d%%/*}; run=${run##*/}; awk -F, -v name=$run -v seed=${d##*-} 'FNR > 1 && ($1 == 1 || $1 %% 495 == 0) { print name \",\" seed \",\" $2 \",\" $9 \",\" $10 }' $d/metrics.csv; done | sort -t, -k1,1 -k2n -k3n; } > cartpole.csv", runs))
# real steps, mean and standard error over seeds
curve(run) = sprintf("< awk -F, -v name=%s '$1 == name { n[$3]++; s[$3] += $5; q[$3] += $5 ^ 2 } END { for (t in n) { m = s[t] / n[t]; v = q[t] / n[t] - m ^ 2; print t / 1000, m, (v > 0 && n[t] > 1 ? sqrt(v / (n[t] - 1)) : 0) } }' cartpole.csv | sort -n", run)
# one seed's evaluations
one(run, seed) = sprintf("< awk -F, '$1 == \"%s\" && $2 == %d { print $3 / 1000, $5 }' cartpole.csv", run, seed)
blue = '#0072b2'; orange = '#d55e00'; green = '#009e73'
set tmargin at screen 0.82; set bmargin at screen 0.15
set lmargin at screen 0.09; set rmargin at screen 0.97
set xlabel 'thousand real steps, CartPole-v1; a model of width 2'
set ylabel 'return of 20 episodes'
set xrange [0:100]
set yrange [0:520]
set xtics 20
set key at screen 0.99,0.985 top right Left reverse maxrows 2 samplen 2 font ',14'
plot for [k = 0:9] one('cartpole_omd_2', k) using 1:2 with lines lw 1 lc rgb blue notitle, \
     for [k = 0:9] one('cartpole_ml_2', k) using 1:2 with lines lw 1 lc rgb orange notitle, \
     curve('cartpole_omd_2') using 1:2 with lines lw 3.5 lc rgb blue title 'OMD', \
     curve('cartpole_ml_2') using 1:2 with lines lw 3.5 lc rgb orange title 'maximum likelihood', \
     curve('cartpole_true') using 1:2 with lines lw 2.5 dt 2 lc rgb green title 'true model', \
     curve('cartpole_untrained') using 1:2 with lines lw 2.5 dt 3 lc rgb '#777777' title 'untrained model'

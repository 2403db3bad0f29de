# Reads results.csv and the metrics of the runs (variable `runs`: their folder); writes
#   reached.csv  the steps at which an evaluation of each seed first is 190 of 200 or more, nothing where none is, and
#                the largest fall of the return from one evaluation to the next;
#   dual.csv     of each seed the rounds, those whose eta stands on its least value, 1e-8, of the others the largest
#                |KL of the samples - epsilon|, and the largest KL of all;
#   figure.svg
system(sprintf("{ echo name,seed,env_steps,fall; for run in reps small large fourier sac; do every=2; [ $run != sac ] || every=5; for seed in 0 1 2 3 4 5 6 7 8 9; do f=%s/$run/seed-$seed/metrics.csv; [ ! -f $f ] || awk -F, -v name=$run,$seed -v every=$every 'NR > 1 && ($1 == 1 || $1 %% every == 0) { if (n++ && last - $10 > fall) fall = last - $10; last = $10; if (!at && $10 >= 190) at = $2 } END { printf \"%%s,%%s,%%g\\n\", name, at, fall }' $f; done; done; } > reached.csv", runs))
system(sprintf("{ echo name,seed,rounds,least_eta,kl_off_epsilon,kl_most; for run in reps small large fourier; do epsilon=0.5; [ $run != small ] || epsilon=0.1; [ $run != large ] || epsilon=2; for seed in 0 1 2 3 4 5 6 7 8 9; do awk -F, -v name=$run,$seed -v epsilon=$epsilon 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { n++; if ($(at[\"kl_samples\"]) > most) most = $(at[\"kl_samples\"]) } $(at[\"eta\"]) < 1.001e-8 { least++; next } { e = $(at[\"kl_samples\"]) - epsilon; if (e < 0) e = -e; if (e > off) off = e } END { printf \"%%s,%%d,%%d,%%.1e,%%.12g\\n\", name, n, least, off, most }' %s/$run/seed-$seed/metrics.csv; done; done; } > dual.csv", runs))
load '../../plots/style.gp'
set terminal svg size 980,800 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
# thousand steps, mean of a column and the mean -+ twice its standard error over the seeds, of rows where `rows` holds
curve(run, column, rows) = sprintf("< awk -F, 'FNR == 1 { for (i = 1; i <= NF; i++) if ($i == \"%s\") c = i; next } %s { k = $2; n[k]++; s[k] += $c; q[k] += $c * $c } END { for (k in n) { m = s[k] / n[k]; v = q[k] / n[k] - m * m; e = (v > 0 && n[k] > 1) ? 2 * sqrt(v / (n[k] - 1)) : 0; print k / 1000, m, m - e, m + e } }' %s/%s/seed-*/metrics.csv | sort -n", column, rows, runs, run)
# of the return those that hold an evaluation of their own
return(run) = curve(run, 'return_real', run eq 'sac' ? '$1 == 1 || $1 % 5 == 0' : '$1 == 1 || $1 % 2 == 0')
mean(run, column) = curve(run, column, '1')
# the least and the largest of a column over the seeds
range(run, column) = sprintf("< awk -F, 'FNR == 1 { for (i = 1; i <= NF; i++) if ($i == \"%s\") c = i; next } { k = $2; if (!(k in a) || $c < a[k]) a[k] = $c; if (!(k in b) || $c > b[k]) b[k] = $c } END { for (k in a) print k / 1000, a[k], b[k] }' %s/%s/seed-*/metrics.csv | sort -n", column, runs, run)
mean_of(name) = real(system(sprintf("awk -F, '$1 == \"%s\" { s += $12; n++ } END { print s / n }' results.csv", name)))
random = mean_of('random')
set multiplot layout 2, 2
set tmargin 3.4; set bmargin 3.4; set lmargin 9; set rmargin 11
set xlabel 'thousand steps in the world' offset 0,0.3
set style fill transparent solid 0.2 noborder
set xrange [0:31]
set xtics 5
unset key
set ylabel 'return of 20 episodes' offset 0.5,0
set yrange [0:220]
set ytics 50
set label 1 'random forces' at 30.8, random - 10 right textcolor rgb '#777777' font ',13'
set label 2 'epsilon 2' at 31.6, 203 textcolor rgb '#009E73' font ',13'
set label 3 'epsilon 0.5' at 31.6, 184 textcolor rgb '#D55E00' font ',13'
set label 4 'epsilon 0.1' at 31.6, 107 textcolor rgb '#000000' font ',13'
set title "cartpole_continuous: a larger epsilon learns sooner\nmeans of ten seeds +- two standard errors" textcolor '#222222' font ',14'
plot return('large') using 1:3:4 with filledcurves lc rgb '#009E73', \
     return('reps') using 1:3:4 with filledcurves lc rgb '#D55E00', \
     return('small') using 1:3:4 with filledcurves lc rgb '#000000', \
     random with lines lw 2 dt 3 lc rgb '#777777', \
     return('large') using 1:2 with linespoints pt 7 ps 0.4 lw 2 lc rgb '#009E73', \
     return('reps') using 1:2 with linespoints pt 7 ps 0.4 lw 3 lc rgb '#D55E00', \
     return('small') using 1:2 with linespoints pt 7 ps 0.4 lw 2 lc rgb '#000000'
set label 4 "epsilon 0.5,\n50 cosines" at 31.6, 106 textcolor rgb '#CC79A7' font ',13'
set label 5 'SAC' at 9.5, 186 textcolor rgb '#0072B2' font ',13'
set title "SAC is as soon as REPS at epsilon 2\nmeans over seeds +- two standard errors" textcolor '#222222' font ',14'
plot return('sac') using 1:3:4 with filledcurves lc rgb '#0072B2', \
     return('reps') using 1:3:4 with filledcurves lc rgb '#D55E00', \
     return('fourier') using 1:3:4 with filledcurves lc rgb '#CC79A7', \
     random with lines lw 2 dt 3 lc rgb '#777777', \
     return('large') using 1:2 with linespoints pt 7 ps 0.4 lw 2 lc rgb '#009E73', \
     return('reps') using 1:2 with linespoints pt 7 ps 0.4 lw 3 lc rgb '#D55E00', \
     return('fourier') using 1:2 with linespoints pt 7 ps 0.4 lw 2 lc rgb '#CC79A7', \
     return('sac') using 1:2 with linespoints pt 7 ps 0.4 lw 3 lc rgb '#0072B2'
unset label 1; unset label 5
set yrange [0:2.1]
set ytics 0.5
set ylabel 'KL(q || p), nats' offset 0.5,0
set label 2 at 31.6, 0.03
set label 3 at 31.6, 0.28
set label 4 'epsilon 0.1' at 31.6, 0.14 textcolor rgb '#000000'
set title "The KL is epsilon until eta is at its least value\nmean, least and most of ten seeds" textcolor '#222222' font ',14'
plot range('large', 'kl_samples') using 1:2:3 with filledcurves lc rgb '#009E73', \
     range('reps', 'kl_samples') using 1:2:3 with filledcurves lc rgb '#D55E00', \
     mean('large', 'kl_samples') using 1:2 with lines lw 2 lc rgb '#009E73', \
     mean('reps', 'kl_samples') using 1:2 with lines lw 3 lc rgb '#D55E00', \
     mean('small', 'kl_samples') using 1:2 with lines lw 2 lc rgb '#000000'
set yrange [0:1]
set ytics 0.2
set ylabel 'effective share of the samples' offset 0.5,0
set label 2 at 31.6, 0.98
set label 3 at 31.6, 0.84
set label 4 at 31.6, 0.92
set title "A larger epsilon uses fewer of the first samples\nmeans of ten seeds +- two standard errors" textcolor '#222222' font ',14'
plot mean('large', 'weight_ess') using 1:3:4 with filledcurves lc rgb '#009E73', \
     mean('reps', 'weight_ess') using 1:3:4 with filledcurves lc rgb '#D55E00', \
     mean('small', 'weight_ess') using 1:3:4 with filledcurves lc rgb '#000000', \
     mean('large', 'weight_ess') using 1:2 with lines lw 2 lc rgb '#009E73', \
     mean('reps', 'weight_ess') using 1:2 with lines lw 3 lc rgb '#D55E00', \
     mean('small', 'weight_ess') using 1:2 with lines lw 2 lc rgb '#000000'
unset multiplot

# Reads the runs of runs.txt (variable `runs`: their folder); writes figure.svg.
# Bars: standard error of 10 worlds, one a seed.
# And wide.csv, of the large models: nats a row that teaches and a row held out, iterations that
# lowered the likelihood, eigenvalues that were floored.
load '../../plots/style.gp'
set terminal svg size 900,400 font 'sans,14' noenhanced background '#ffffff'
set output 'figure.svg'
system(sprintf("{ echo name,teaching,held_out,lowered,floored; for n in wide_true wide12 wide73 wide_random; do awk -F, -v name=$n 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { lowered += NR > 2 && $3 < last - 1e-9 * (last < 0 ? -last : last); last = $3; floored += at[\"model_floored\"] ? $at[\"model_floored\"] : 0; n = $at[\"ess\"]; held = $at[\"predictive\"] } END { printf \"%%s,%%.2f,%%.2f,%%d,%%d\\n\", name, last / n, held, lowered, floored }' %s/$n/seed-0/metrics.csv; done; } > wide.csv", runs))
files(run) = sprintf('%s/%s/seed-*/metrics.csv ', runs, run)
last(run) = system("tail -qn 1 ".files(run)."| awk -F, '{ s += $NF; q += $NF * $NF; n++ } END { print s / n, sqrt((q - s * s / n) / (n - 1) / n) }'")
# What the true model has more, pair by pair of worlds.
gap(truth, run) = system("awk -F, 'FNR == 1 && NR > 1 { v[++n] = x } { x = $NF } END { v[++n] = x; m = n / 2; for (i = 1; i <= m; i++) { d = v[i] - v[i + m]; s += d; q += d * d } print s / m, sqrt((q - s * s / m) / (m - 1) / m) }' ".files(truth).files(run))
set print $em
do for [k = 1:6] { print k, ' ', last(sprintf('em%d', k)) }
set print $vb
do for [k = 1:6] { print k, ' ', last(sprintf('vb%d', k)) }
set print $em_gap
do for [x in '1 4 16'] { n = int(x); s = n == 1 ? '' : 'x'.x; print 200 * n, ' ', gap('true'.s, 'em3'.s) }
set print $vb_gap
do for [x in '1 4 16'] { n = int(x); s = n == 1 ? '' : 'x'.x; print 200 * n, ' ', gap('true'.s, 'vb3'.s) }
set print
truth = real(word(last('true'), 1))
drawn = real(word(last('random'), 1))
set multiplot layout 1,2
unset key
set key at 0.8,-4.7 left top vertical Left reverse samplen 2
set xlabel 'latent states of the model (the worlds have 3)'
set ylabel 'held-out log density, nats per row'
set xrange [0.7:6.3]
set yrange [-8:-2.4]
plot truth with lines lw 2 dt 2 lc rgb '#555555' title 'true model', \
     $vb using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.6 lc rgb '#009e73' title 'variational EM', \
     $em using 1:2:3 with yerrorlines lw 2 pt 5 ps 0.6 lc rgb '#0072b2' title 'EM (maximum likelihood)', \
     drawn with lines lw 2 dt 3 lc rgb '#999999' title 'random model'
unset key
set autoscale y
set key inside right top vertical Left reverse samplen 2
set logscale xy
set xlabel 'rows that teach'
set ylabel 'true model less learnt, nats per row'
set xrange [150:4500]
set yrange [0.004:1]
set xtics (200, 800, 3200)
# elbo check counts 62; an affine change of the states' coordinates leaves 12 free
p = 62 - 12
plot p / (2.0 * x) with lines lw 2 dt 2 lc rgb '#555555' title 'parameters / (2 rows)', \
     $vb_gap using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.6 lc rgb '#009e73' title 'variational EM', \
     $em_gap using 1:2:3 with yerrorlines lw 2 pt 5 ps 0.6 lc rgb '#0072b2' title 'EM'
unset multiplot

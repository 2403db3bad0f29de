# Reads the metrics of the runs (variable `runs`: their folder); writes models.csv (a row a
# model), correlations.csv and figure.svg.
system(sprintf("awk -f rows.awk %s/on_policy/seed-*/metrics.csv %s/epochs_*/seed-*/metrics.csv > models.csv", runs, runs))
system("awk -f correlate.awk models.csv > correlations.csv")
mean_of(name) = real(system(sprintf("awk -F, '$1 == \"%s\" { s += $12; n++ } END { print (n ? s / n : -1) }' results.csv", name)))
best = mean_of('true'); worst = mean_of('random')
load '../../plots/style.gp'
set terminal svg size 1080,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
set datafile separator ','
only(n) = sprintf("< awk -F, '$1 == \"%s\"' models.csv", n)
set multiplot layout 1, 3
set tmargin 2.6; set bmargin 3.6; set lmargin 7; set rmargin 3
set yrange [0:215]
set key off
set ylabel 'return, mean of 4 episodes' offset 0.5,0
# the likelihood of steps far from the data falls by powers of ten
squash(l) = l > -30 ? l : -30 - 20 * log10(-l / 30)
set xtics ('30' 30, '0' 0, '-30' -30, '-3e3' squash(-3e3), '-3e5' squash(-3e5))
set xlabel 'log p, an expert''s steps, nats' offset 0,0.3
rho(r) = system(sprintf("awk -F, '$1 == \"%s\" && $2 == \"spearman\" { printf \"%%.2f [%%.2f, %%.2f]\", $3, $4, $5 }' correlations.csv", r))
set title 'Spearman ' . rho('expert') textcolor '#222222' font ',14'
plot only('on_policy') using (squash($5)):4 with points pt 7 ps 0.5 lc rgb colour[1], best with lines lw 2 dt 2 lc rgb '#009E73', worst with lines lw 2 dt 3 lc rgb '#777777'
set xtics 5
set ylabel ''
set xlabel 'log p, rows held out, nats' offset 0,0.3
set title 'Spearman ' . rho('on_policy') textcolor '#222222' font ',14'
set label 1 'true model' at graph 0.03, first best + 9 textcolor rgb '#009E73' font ',13'
set label 2 'random model' at graph 0.5, first worst + 8 textcolor rgb '#777777' font ',13'
plot only('on_policy') using 6:4 with points pt 7 ps 0.5 lc rgb colour[2], best with lines lw 2 dt 2 lc rgb '#009E73', worst with lines lw 2 dt 3 lc rgb '#777777'
unset label
set xtics 20
set xlabel 'epochs on 2000 uniform steps' offset 0,0.3
set title 'Only better likelihoods are kept' textcolor '#222222' font ',14'
set key at graph 0.98, graph 0.02 right bottom Right noreverse samplen 2 font ',13'
curve(n) = sprintf("< awk -F, '$1 == \"epochs_%s\" { n[$3]++; s[$3] += $4 } END { for (k in n) print 3 * k \",\" s[k] / n[k] }' models.csv | sort -t, -n", n)
array kind[4] = ['d', 'de', 'p', 'pe']
array text[4] = ['deterministic', '5 deterministic', 'Gaussian', '5 Gaussian']
plot for [i = 1:4] curve(kind[i]) using 1:2 with linespoints lw 2 pt 7 ps 0.3 lc rgb colour[i] title text[i], best with lines lw 2 dt 2 lc rgb '#009E73' notitle
unset multiplot

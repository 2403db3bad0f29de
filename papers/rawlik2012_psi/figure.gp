# Reads results.csv and the runs' metrics (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 980,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
last(run) = real(system(sprintf("awk -F, '$1 == \"%s\" { print $12 }' results.csv", run)))
best = last('optimum')
real_of(run) = sprintf("< awk -F, 'FNR > 1 { n[$1]++; s[$1] += $10 } END { for (k in n) printf \"%%d %%.17g\\n\", k, s[k] / n[k] }' %s/%s/seed-*/metrics.csv | sort -n", runs, run)
set multiplot layout 1, 2
set tmargin 2.6; set bmargin 3.4; set lmargin 9
set logscale x
set xrange [1:2000]
set xlabel 'backups k' offset 0,0.3
set ylabel 'return in the maze' offset 0.5,0
set yrange [-0.05:2.6]
set key at graph 0.03, graph 0.98 left top Left reverse samplen 2 font ',14'
set title 'Soft steps come to the hard optimum' textcolor '#222222' font ',14'
plot best with lines lw 2 dt 2 lc rgb '#009E73' title 'optimum', \
     last('soft_0.1') with lines lw 1.5 dt 3 lc rgb '#777777' title 'soft, temperature 0.1', \
     real_of('psi') using 1:2 with lines lw 3 lc rgb '#D55E00' title 'psi, eta = 1', \
     last('random') with lines lw 1.5 dt 4 lc rgb '#777777' title 'random model', \
     real_of('psi_eta10') using 1:2 with lines lw 2.5 dt 2 lc rgb '#0072B2' title 'psi, eta = 10'
set logscale y
set yrange [1e-9:5]
set format y '%g'
set ylabel 'optimum - return' offset 0.5,0
set key at graph 0.03, graph 0.05 left bottom Left reverse samplen 2 font ',14'
set title 'What is left of the error' textcolor '#222222' font ',14'
plot real_of('psi') using 1:(best - $2) with lines lw 3 lc rgb '#D55E00' title 'psi, eta = 1', \
     real_of('psi_eta10') using 1:(best - $2) with lines lw 2.5 dt 2 lc rgb '#0072B2' title 'psi, eta = 10'
unset multiplot

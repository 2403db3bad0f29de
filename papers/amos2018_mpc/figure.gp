# figure.svg: the loss of imitation; what each learner promises and what it earns.
load '../../plots/style.gp'
eval terminal('svg', 1100, 500)
set output 'figure.svg'
set datafile separator ','
run(n) = sprintf('%s/imitation/seed-%d/metrics.csv', runs, n)
expert = system("awk -F, '$1 == \"true\" { print $12 }' results.csv") + 0
fitted = system("awk -F, '$1 == \"ml\" { print $12; exit }' results.csv") + 0
random = system("awk -F, '$1 == \"start\" { s += $12; n++ } END { print s / n }' results.csv") + 0
set multiplot layout 1,2
set xlabel 'steps of the optimiser'
set xrange [0:5200]
set logscale y
set format y '1e%T'
set key off
set title 'squared error of the actions'
plot for [n=0:7] run(n) using (100*$1):(-$7) with lines linewidth 1.6 linecolor rgb colour_of(1)
unset logscale y
set format y '%.6g'
set key at graph 0.99,0.5 right top vertical nobox width -4
set yrange [-6:-2.5]
set title 'return'
plot for [n=0:7] run(n) using (100*$1):9 with lines linewidth 1.6 linecolor rgb colour_of(1) \
         title (n ? '' : 'promised'), \
     for [n=0:7] run(n) using (100*$1):10 with lines linewidth 1.6 linecolor rgb colour_of(2) \
         title (n ? '' : 'earned'), \
     expert with lines linewidth 2 dashtype 2 linecolor rgb colour_of(7) title 'the expert', \
     fitted with lines linewidth 2 dashtype 3 linecolor rgb colour_of(3) title 'likelihood', \
     NaN with lines linecolor rgb '#ffffff' title sprintf('at the start %.0f', random)
unset multiplot

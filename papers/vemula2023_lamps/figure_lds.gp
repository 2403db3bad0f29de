# figure_lds.svg: what the learnt controllers cost in the alternating system.
load '../../plots/style.gp'
eval terminal('svg', 1100, 620)
set output 'figure_lds.svg'
set datafile separator ','
run(name, n) = sprintf('%s/lds-%s/seed-%d/metrics.csv', runs, name, n)
cost(name) = -(system("awk -F, '$1 == \"lds-" . name . "\" { print $12; exit }' results.csv") + 0)
set xlabel 'transitions'
set xrange [0:3000]
set tmargin at screen 0.66
set bmargin at screen 0.14
set multiplot
set lmargin at screen 0.08
set rmargin at screen 0.48
set yrange [3e-15:1e-4]
set logscale y
set format y '1e%T'
set xtics 1000
set key at screen 0.03,0.98 left top maxrows 4 width 2
set label 1 'cost' at screen 0.02,0.70
plot cost('start') with lines linewidth 2 dashtype 2 linecolor rgb colour_of(6) title 'model at the start', \
     for [n=0:4] run('mm-free', n) using 2:(-$10) with lines linewidth 2 linecolor rgb colour_of(2) \
         title (n ? '' : 'value moments'), \
     run('mm-tight', 0) using 2:(-$10) with lines linewidth 2 linecolor rgb colour_of(5) \
         title 'value moments, to rounding', \
     for [n=0:4] run('mm', n) using 2:(-$10) with lines linewidth 5 linecolor rgb colour_of(4) \
         title (n ? '' : 'value moments and ridge (LAMPS)'), \
     for [n=0:4] run('ridge', n) using 2:(-$10) with lines linewidth 2 linecolor rgb colour_of(3) \
         title (n ? '' : 'least squares and ridge'), \
     for [n=0:4] run('least', n) using 2:(-$10) with lines linewidth 2 linecolor rgb colour_of(1) \
         title (n ? '' : 'least squares'), \
     cost('zero') with lines linewidth 2 dashtype 3 linecolor rgb colour_of(7) title 'no control', \
     cost('expert') with lines linewidth 2 dashtype 2 linecolor rgb colour_of(7) title 'true model'
set lmargin at screen 0.58
set rmargin at screen 0.97
unset logscale y
set format y '%.0f'
set yrange [6:10.5]
set ytics 1
set key off
set label 1 'cost, 1e-15' at screen 0.55,0.70
plot 1e15*cost('start') with lines linewidth 2 dashtype 2 linecolor rgb colour_of(6) title 'model at the start', \
     for [n=0:4] run('mm-free', n) using 2:(-1e15*$10) with lines linewidth 2 linecolor rgb colour_of(2) \
         title (n ? '' : 'value moments'), \
     run('mm-tight', 0) using 2:(-1e15*$10) with lines linewidth 2 linecolor rgb colour_of(5) \
         title 'value moments, to rounding', \
     for [n=0:4] run('mm', n) using 2:(-1e15*$10) with lines linewidth 5 linecolor rgb colour_of(4) \
         title (n ? '' : 'value moments and ridge (LAMPS)'), \
     for [n=0:4] run('ridge', n) using 2:(-1e15*$10) with lines linewidth 2 linecolor rgb colour_of(3) \
         title (n ? '' : 'least squares and ridge'), \
     for [n=0:4] run('least', n) using 2:(-1e15*$10) with lines linewidth 2 linecolor rgb colour_of(1) \
         title (n ? '' : 'least squares'), \
     1e15*cost('zero') with lines linewidth 2 dashtype 3 linecolor rgb colour_of(7) title 'no control', \
     1e15*cost('expert') with lines linewidth 2 dashtype 2 linecolor rgb colour_of(7) title 'true model'
unset multiplot

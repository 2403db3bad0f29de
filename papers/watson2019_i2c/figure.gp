# Reads the metrics of the runs (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 980,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
metrics(run, seed) = sprintf('%s/%s/seed-%d/metrics.csv', runs, run, seed)
set datafile separator ','
set multiplot layout 1, 2
set tmargin 2.6; set bmargin 3.4; set lmargin 10
set xrange [0:200]
set yrange [0:48000]
set ylabel 'cost of a swing-up' offset 0.5,0
set key at graph 1.0, graph 0.8 right top Right noreverse samplen 2 font ',14'
set title 'Ten first inputs: seven end as expected' textcolor '#222222'
good = '1 2 4 5 6 7 9'
bad = '0 3 8'
plot for [s in good] metrics('swing_normal', int(s)) skip 1 using 1:(-2 * $10) with lines lw 1.5 lc rgb '#0072B2' notitle, \
     for [s in bad] metrics('swing_normal', int(s)) skip 1 using 1:(-2 * $10) with lines lw 2.5 lc rgb '#D55E00' notitle, \
     keyentry with lines lw 2 lc rgb '#0072B2' title 'real cost, seven seeds', \
     keyentry with lines lw 2.5 lc rgb '#D55E00' title 'real cost, three seeds', \
     40025 with lines lw 1.5 dt 2 lc rgb '#555555' title 'no input: hangs'
set title 'The three have the higher evidence' textcolor '#222222'
set xrange [0:32000]
set yrange [-1040:-995]
set xtics 0,10000
set xlabel 'cost: expected (ring), real (dot)' offset 0,0.3
set ylabel 'F after 200 rounds' offset 0.5,0
unset key
plot for [s in good] sprintf("< tail -n 1 %s", metrics('swing_normal', int(s))) using 14:3 with points pt 6 ps 1.2 lw 1.5 lc rgb '#0072B2', \
     for [s in good] sprintf("< tail -n 1 %s", metrics('swing_normal', int(s))) using (-2 * $10):3 with points pt 7 ps 0.7 lc rgb '#0072B2', \
     for [s in bad] sprintf("< tail -n 1 %s", metrics('swing_normal', int(s))) using 14:3 with points pt 6 ps 1.2 lw 1.5 lc rgb '#D55E00', \
     for [s in bad] sprintf("< tail -n 1 %s", metrics('swing_normal', int(s))) using (-2 * $10):3 with points pt 7 ps 0.7 lc rgb '#D55E00', \
     for [s in bad] sprintf("< tail -n 1 %s", metrics('swing_normal', int(s))) using 14:3:(-2 * $10 - $14):(0) with vectors lw 1 lc rgb '#D55E00'
unset multiplot

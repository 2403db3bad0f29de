# Reads results.csv; writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 900,450 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
radius = '0.316 0.632 0.947 1.263 1.895 2.842 4.105 5.053'
noise = '0.02 0.05 0.1 0.2 0.3 1'
# x, mean and standard error of J over an arm's seeds
arm(name, x) = sprintf("<awk -F, -v name=%s 'BEGIN { most = split(\"%s\", k, \" \") } index($1, name \"_\") == 1 && substr($1, length(name) + 2) ~ /^[1-8]$/ { i = substr($1, length(name) + 2); n[i]++; sum[i] += $12; square[i] += $12 ^ 2 } END { for (i = 1; i <= most; i++) if (n[i]) { m = sum[i] / n[i]; v = square[i] / n[i] - m ^ 2; print k[i], m, (v > 0 ? sqrt(v / (n[i] - 1)) : 0) } }' results.csv", name, x)
mean(name) = real(system(sprintf("awk -F, '$1 == \"%s\" { s += $12; n++ } END { print s / n }' results.csv", name)))
true = mean('true')
random = mean('random')
$paper << EOD
0.316 -.83 -.60
0.632 -.72 -.33
0.947 -.48 .13
1.263 .19 .59
1.895 .67 1.00
2.842 .92 1.027
4.105 1.00 1.027
5.053 1.015 1.027
EOD
blue = '#0072b2'; orange = '#d55e00'; green = '#009e73'
set multiplot
set tmargin at screen 0.76; set bmargin at screen 0.15
set lmargin at screen 0.11; set rmargin at screen 0.66
set xlabel 'bound on the model, κ'
set ylabel 'return of its plan in the world, J'
set xrange [0:5.3]
set yrange [-1:1.15]
set key at screen 0.99,0.985 top right Left reverse maxrows 3 samplen 2 font ',14'
plot true with lines lw 1.5 dt 2 lc rgb '#555555' title 'true model', \
     random with lines lw 1.5 dt 3 lc rgb '#777777' title 'random model', \
     arm('omd', radius) using 1:2:3 with yerrorbars pt 7 ps 0.4 lw 1.5 lc rgb blue notitle, \
     arm('omd', radius) using 1:2 with lines lw 3 lc rgb blue title 'OMD', \
     arm('ml', radius) using 1:2 with linespoints lw 3 pt 7 ps 0.4 lc rgb orange title 'maximum likelihood', \
     arm('identity', radius) using 1:2 with lines lw 2 dt 4 lc rgb green title 'OMD, identity', \
     arm('omd_joint', radius) using 1:2 with lines lw 2 dt 2 lc rgb '#56b4e9' title 'OMD, one norm', \
     $paper using 1:3 with points pt 4 ps 1.2 lw 2 lc rgb '#000000' title 'published, OMD', \
     $paper using 1:2 with points pt 6 ps 1.2 lw 2 lc rgb '#000000' title 'published, likelihood'
set lmargin at screen 0.73; set rmargin at screen 0.985
unset ylabel
unset key
set format y ''
set logscale x
set xlabel 'noise in the plan, κ = 6'
set xrange [0.016:1.3]
set xtics ('0.02' 0.02, '0.1' 0.1, '0.3' 0.3, '1' 1)
$noise << EOD
0.02 1.027 1.027
0.1 0.74 0.90
0.3 0.4 0.4
1 0 0
EOD
plot true with lines lw 1.5 dt 2 lc rgb '#555555', \
     arm('inverse', noise) using 1:2:3 with yerrorbars pt 7 ps 0.4 lw 1.5 lc rgb blue, \
     arm('inverse', noise) using 1:2 with lines lw 3 lc rgb blue, \
     arm('noisy_identity', noise) using 1:2:3 with yerrorbars pt 7 ps 0.4 lw 1.5 lc rgb green, \
     arm('noisy_identity', noise) using 1:2 with lines lw 2 dt 4 lc rgb green, \
     $noise using 1:2 with points pt 4 ps 1.2 lw 2 lc rgb blue, \
     $noise using 1:3 with points pt 4 ps 1.2 lw 2 lc rgb green
unset multiplot

# Reads the runs of runs.txt (variable `runs`: their folder); writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 760,440 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
radius = '0.316 0.632 0.947 1.263 1.895 2.842 4.105 5.053'
# radius, mean, least and largest J of an arm's seeds, from results.csv
arm(name) = sprintf("<awk -F, -v name=%s 'BEGIN { split(\"%s\", k, \" \") } index($1, name \"_\") == 1 && substr($1, length(name) + 2) ~ /^[1-8]$/ { i = substr($1, length(name) + 2); x = $12; n[i]++; sum[i] += x; if (n[i] == 1 || x < low[i]) low[i] = x; if (n[i] == 1 || x > high[i]) high[i] = x } END { for (i = 1; i <= 8; i++) if (n[i]) print k[i], sum[i] / n[i], low[i], high[i] }' results.csv", name, radius)
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
set xlabel 'bound on the model, κ'
set ylabel 'return of its plan in the world, J'
set xrange [0:5.3]
set yrange [-1:1.15]
set key above left Left reverse maxrows 3 samplen 2
plot 1.0272727 with lines lw 1.5 dt 2 lc rgb '#555555' title 'optimum', \
     arm('omd') using 1:3:4 with filledcurves lc rgb '#0072b2' notitle, \
     arm('omd') using 1:2 with linespoints lw 3 pt 7 ps 0.5 lc rgb '#0072b2' title 'OMD (10 seeds)', \
     arm('omd_joint') using 1:2 with lines lw 2 dt 2 lc rgb '#56b4e9' title "OMD, the text's one norm (5)", arm('identity') using 1:2 with lines lw 2 dt 4 lc rgb '#009e73' title 'OMD, identity for the inverse (5)', \
     $paper using 1:3 with points pt 4 ps 1.2 lw 2 lc rgb '#000000' title 'published, OMD', \
     $paper using 1:2 with points pt 6 ps 1.2 lw 2 lc rgb '#000000' title 'published, maximum likelihood'

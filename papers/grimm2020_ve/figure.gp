# Reads results.csv; writes paired.csv (VE less likelihood, paired over seeds: mean, standard error
# and in how many seeds VE is ahead; the last row is the gap at rank 30 less that at rank 4) and
# figure.svg: mean, least and largest of 10 seeds, points of one rank a little apart.
load '../../plots/style.gp'
set terminal svg size 900,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
system("awk -F, '$1 ~ /^(ve|mle)-/ { split($1, a, \"-\"); gap[a[2], $2] += (a[1] == \"ve\" ? 1 : -1) * $12; seeds = $2 > seeds ? $2 : seeds } function row(what, n, s, m, v, up) { n = seeds + 1; m = v = up = 0; for (s in d) { m += d[s]; v += d[s] * d[s]; up += d[s] > 0 } m /= n; v = v / n - m * m; printf \"%s,%.3f,%.3f,%d,%d\\n\", what, m, sqrt(v / (n - 1)), up, n } END { print \"rank,gap,error,ahead,seeds\"; for (i = split(\"4 12 30\", k, \" \"); i; i--) { j = k[4 - i]; for (s = 0; s <= seeds; s++) d[s] = gap[j, s]; row(j) } for (s = 0; s <= seeds; s++) d[s] = gap[30, s] - gap[4, s]; row(\"30 less 4\") }' results.csv > paired.csv")
of(name, column) = sprintf("< awk -F, '$1 ~ /^%s-/ { split($1, a, \"-\"); k = a[2]; x = $%d; n[k]++; m[k] += x; if (n[k] == 1 || x < low[k]) low[k] = x; if (n[k] == 1 || x > high[k]) high[k] = x } END { for (k in n) print k, m[k] / n[k], low[k], high[k] }' results.csv | sort -g", name, column)
flat(name) = sprintf("< awk -F, '$1 == \"%s\" { m += $12; n++ } END { print 3.5, m / n; print 34, m / n }' results.csv", name)
set title 'Four rooms: a small model plans better when it is fitted to values'
set xlabel 'rank of the model (the world has 104 states)'
set ylabel 'real return of the plan'
set logscale x
set xrange [3.5:34]
set xtics (4, 12, 30)
set yrange [0:*]
set key at screen 0.70, 0.80 left top vertical Left reverse samplen 2 spacing 1.4
set rmargin at screen 0.68
plot flat('true') using 1:2 with lines lw 2 dt 2 lc rgb '#555555' title 'true model', \
     of('itervaml', 12) using ($1 * 0.96):2:3:4 with yerrorbars pt 9 ps 1.2 lw 2 lc rgb '#009e73' title 'values of its own plans', \
     of('ve', 12) using 1:2:3:4 with yerrorlines pt 7 lw 2 lc rgb '#0072b2' title 'VE: values of 20 policies', \
     of('mle', 12) using ($1 * 1.03):2:3:4 with yerrorlines pt 5 lw 2 lc rgb '#d55e00' title 'maximum likelihood', \
     flat('random') using 1:2 with lines lw 2 dt 3 lc rgb '#888888' title 'random model'

# Reads results.csv; writes order.csv (per order of equivalence, over ten first models: the
# divergence of the kernel learnt from the world's, nats a row, and the plan's real value; so of
# likelihood and of ten random models) and figure_order.svg.
load '../../plots/style.gp'
set terminal svg size 960,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure_order.svg'
system("awk -F, '$1 == \"order_true\" { floor = $15; next } $1 ~ /^order_/ { sub(/^order_/, \"\", $1); if (!n[$1]++) name[++k] = $1; x[$1, n[$1]] = $15; v[$1] += $12 } END { print \"order,least,median,largest,value\"; for (i = 1; i <= k; i++) { r = name[i]; m = n[r]; for (a = 1; a <= m; a++) s[a] = x[r, a] - floor; for (a = 2; a <= m; a++) for (b = a; b > 1 && s[b] < s[b - 1]; b--) { t = s[b]; s[b] = s[b - 1]; s[b - 1] = t } printf \"%s,%.5g,%.5g,%.5g,%.5f\\n\", r, s[1], (s[int((m + 1) / 2)] + s[int(m / 2) + 1]) / 2, s[m], v[r] / m } }' results.csv > order.csv")
data = "< awk -F, '$1 ~ /^([0-9]+|inf)$/ { print ++n, $2, $3, $4 }' order.csv"
median(run) = real(system(sprintf("awk -F, '$1 == \"%s\" { print $3 }' order.csv", run)))
set logscale y
set xrange [0.5:7.5]
set yrange [1e-6:5]
set ytics ('0.000001' 1e-6, '0.00001' 1e-5, '0.0001' 0.0001, '0.001' 0.001, '0.01' 0.01, '0.1' 0.1, '1' 1)
set xtics ('1' 1, '2' 2, '4' 3, '8' 4, '16' 5, '32' 6, 'infinity' 7)
set xlabel 'order k of the equivalence'
set ylabel 'KL(world || model), nats a row'
set rmargin at screen 0.74
set key at screen 0.76, graph 0.9 left top Left reverse spacing 1.4
set title 'Ten models of one world: how far from it 1000 steps leave them'
plot median('random') with lines dt 3 lw 2 lc rgb '#999999' title 'random model', \
     data using 1:3:2:4 with yerrorbars lw 2 pt 7 ps 1 lc rgb '#0072b2' title 'order k', \
     median('mle') with lines lw 2 lc rgb '#d55e00' title 'likelihood'

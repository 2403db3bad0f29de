# Reads results.csv; writes order.csv (per order of equivalence, over ten first models: the
# divergence of the kernel learnt from the world's, nats a row, and the plan's real value)
# and figure_order.svg.
load '../../plots/style.gp'
set terminal svg size 760,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure_order.svg'
system("awk -F, '$1 == \"order_true\" { floor = $15; next } $1 ~ /^order_/ { sub(/^order_/, \"\", $1); if (!n[$1]++) name[++k] = $1; x[$1, n[$1]] = $15; v[$1] += $12 } END { print \"order,least,median,largest,value\"; for (i = 1; i <= k; i++) { r = name[i]; m = n[r]; for (a = 1; a <= m; a++) s[a] = x[r, a] - floor; for (a = 2; a <= m; a++) for (b = a; b > 1 && s[b] < s[b - 1]; b--) { t = s[b]; s[b] = s[b - 1]; s[b - 1] = t } printf \"%s,%.5f,%.5f,%.5f,%.5f\\n\", r, s[1], (s[int((m + 1) / 2)] + s[int(m / 2) + 1]) / 2, s[m], v[r] / m } }' results.csv > order.csv")
data = "< awk -F, 'NR > 1 { print NR - 1, $2, $3, $4 }' order.csv"
set logscale y
set xrange [0.5:7.5]
set yrange [1e-4:2]
set format y '10^{%T}'
set ytics ('0.0001' 0.0001, '0.001' 0.001, '0.01' 0.01, '0.1' 0.1, '1' 1)
set xtics ('1' 1, '2' 2, '4' 3, '8' 4, '16' 5, '32' 6, 'infinity' 7)
set xlabel 'order k of the equivalence'
set ylabel 'KL(world || model), nats a row'
unset key
set title 'Ten models of one world: from order 1 to 32 the cloud grows'
plot data using 1:3:2:4 with yerrorbars lw 2 pt 7 ps 1 lc rgb '#0072b2'

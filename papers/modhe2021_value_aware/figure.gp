# Reads results.csv; writes table.csv (regret J* - J: mean, standard error over the
# worlds, and the difference from maximum likelihood on the same worlds) and
# figure.svg.
load '../../plots/style.gp'
set terminal svg size 820,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
system("awk -F, 'NR > 1 { J[$1, $2] = $12; P[$1, $2] = $11; if (!seen[$1]++) name[++n] = $1; if (!s[$2]++) seed[++m] = $2 } END { print \"name,regret,error,less_than_mle,error,promised_less_real\"; for (i = 1; i <= n; i++) { a = b = c = d = g = 0; for (k = 1; k <= m; k++) { r = J[\"true\", seed[k]] - J[name[i], seed[k]]; a += r; b += r * r; e = J[name[i], seed[k]] - J[\"mle\", seed[k]]; c += e; d += e * e; g += P[name[i], seed[k]] - J[name[i], seed[k]] } a /= m; c /= m; printf \"%s,%.4f,%.4f,%.4f,%.4f,%.4f\\n\", name[i], a, sqrt((b / m - a * a) / (m - 1)), c, sqrt((d / m - c * c) / (m - 1)), g / m } }' results.csv > table.csv; awk -F, 'NR > 1 { J[$1, $2] = $12; if ($2 > last) last = $2 } END { print \"fresh_less_stale,mean,error,worlds_better,worlds\"; split(\"l2 l1\", a, \" \"); for (i = 1; i <= 2; i++) { m = v = w = 0; for (s = 0; s <= last; s++) { d = J[a[i], s] - J[a[i] \"_stale\", s]; m += d; v += d * d; w += d > 0 } m /= last + 1; printf \"%s,%.4f,%.4f,%d,%d\\n\", a[i], m, sqrt((v / (last + 1) - m * m) / last), w, last + 1 } }' results.csv > paired.csv")
set datafile separator ','
at(name) = name eq 'mle' ? 0 : name eq 'l2' ? 1 : name eq 'l2_stale' ? 2 : name eq 'l1' ? 3 : name eq 'l1_stale' ? 4 : name eq 'l1_median' ? 5 : name eq 'l1_sampled' ? 6 : name eq 'random' ? 7 : NaN
set xrange [-0.6:7.6]
set yrange [0:*]
set xlabel ''
set xtics rotate by -30 ('likelihood' 0, 'L2, fresh V' 1, 'L2, stale V' 2, 'L1, fresh V' 3, 'L1, stale V' 4, 'L1 of one s''' 5, 'L1 of one s'', y' 6, 'random' 7)
set ylabel 'return lost to the best policy'
set title 'A model too coarse to predict: what each loss costs the plan (20 worlds)'
unset key
set boxwidth 0.6
set style fill solid 0.85 noborder
hue(name) = name eq 'mle' ? 0x555555 : name eq 'random' ? 0xbbbbbb : name[1:2] eq 'l2' ? 0x0072b2 : name eq 'l1' || name eq 'l1_stale' ? 0x009e73 : 0xd55e00
plot 'table.csv' every ::1 using (at(strcol(1))):2:(hue(strcol(1))) with boxes lc rgb variable, \
     '' every ::1 using (at(strcol(1))):($2 - $3):(0):(2 * $3) with vectors heads size screen 0.008,90 lw 2 lc rgb '#000000'

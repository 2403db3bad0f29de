# Reads results.csv; writes paired.csv (return_real less that of the same seeds, so the same data,
# at c = 0: mean, standard error, seeds better by more than 50, worse by more than 50) and
# figure.svg; ranks.csv, over the data of seeds 0 to 9 the rank correlation of a penalty along an
# untrained policy with what c = 0 earns. Drawn are the runs' last rows: return_real, a point a
# seed, and a bar at its interquartile mean; below on the right how far return_model is from it.
load '../../plots/style.gp'
set terminal svg size 900,780 font 'sans,14' noenhanced background '#ffffff'
set output 'figure.svg'
system("{ echo first,second,seeds,difference,error,better,worse; for pair in c5,c0 c20,c0 c50,c0 c200,c0 d50,c0 d200,c0 h20_c0,c0 h20_d50,h20_c0 sac,c0 true,c0 few_c50,few_c0 few_d50,few_c0 few_h20_c50,few_h20_c0 few_h20_d50,few_h20_c0 narrow_d50,narrow_c0 c50,sac d50,sac h20_c0,sac h20_c0,true few_true,few_c0 few_h20_true,few_h20_c0; do awk -F, -v a=${pair%,*} -v b=${pair#*,} '$1 == a { x[$2] = $12 } $1 == b { y[$2] = $12 } END { for (s in x) if (s in y) { d = x[s] - y[s]; n++; m += d; v += d * d; up += d > 50; down += d < -50 } if (n > 1) { m /= n; v = v / n - m * m; printf \"%s,%s,%d,%.0f,%.0f,%d,%d\\n\", a, b, n, m, sqrt((v > 0 ? v : 0) / (n - 1)), up, down } }' results.csv; done; } > paired.csv")
system("{ echo penalty,rank_correlation; for k in aleatoric disagreement; do awk -F, -v k=$k '$1 == \"c0\" && $2 < 10 { y[$2] = $12 } $1 == k { x[$2] = $6 } END { for (i = 0; i < 10; i++) { a = b = 0; for (j = 0; j < 10; j++) { a += x[j] < x[i]; b += y[j] < y[i] } d += (a - b) ^ 2 } printf \"%s,%.2f\\n\", k, 1 - 6 * d / 990 }' results.csv; done; } > ranks.csv")
of(name) = sprintf("< awk -F, -v n=%s '$1 == n { print $12, $2 }' results.csv", name)
gap(name) = sprintf("< awk -F, -v n=%s '$1 == n { d = $11 - $12; print d < 0 ? -d : d, $2 }' results.csv", name)
iqm(name) = sprintf("< awk -F, -v n=%s '$1 == n { print $12 }' results.csv | sort -n | awk '{ v[++n] = $1 } END { k = int(n / 4); for (i = k + 1; i <= n - k; i++) m += v[i]; print m / (n - 2 * k) }'", name)
spread(x, seed) = x + 0.055 * (seed - 4.5 - 10 * (seed > 9)) + 0.0275 * (seed > 9)
unset xlabel
unset key
set multiplot
set origin 0, 0.51
set size 1, 0.48
set title 'Data: 1000 random steps. Return of a real episode: a point a seed, a bar their IQM'
set yrange [-1850:0]
set ytics 400
arms = 'c0 c5 c20 c50 c200 d50 d200 h20_c0 h20_d50 sac true random behaviour'
set xrange [0.4:13.6]
set xtics ('c = 0' 1, 'c = 5' 2, 'c = 20' 3, 'c = 50' 4, 'c = 200' 5, 'd = 50' 6, 'd = 200' 7, "c = 0\nh = 20" 8, "d = 50\nh = 20" 9, "SAC\nalone" 10, "true\nmodel" 11, "random\nmodel" 12, "random\nactions" 13)
hue(i) = i == 1 || i == 8 ? '#d55e00' : i < 6 ? '#0072b2' : i < 8 || i == 9 ? '#009e73' : '#777777'
plot for [i = 1:13] of(word(arms, i)) using (spread(i, $2)):1 with points pt 6 ps 0.7 lw 1.5 lc rgb hue(i), \
     for [i = 1:13] iqm(word(arms, i)) using (i - 0.36):1:(0.72):(0) with vectors nohead lw 3.5 lc rgb hue(i)
set origin 0, 0.005
set size 0.61, 0.49
set title 'Fewer data, and narrow ones' font ',13'
other = 'few_c0 few_c50 few_d50 few_true few_h20_c0 few_h20_c50 few_h20_d50 few_h20_true narrow_c0 narrow_d50 narrow_true'
place(i) = i < 5 ? i : i < 9 ? i + 0.5 : i + 1
set xrange [0.4:12.6]
set xtics ("c = 0\n" 1, "50" 2, "d =\n50" 3, "true\n" 4, "c = 0\nh = 20" 5.5, "50\n20" 6.5, "d = 50\n20" 7.5, "true\n20" 8.5, "c = 0\n" 10, "d =\n50" 11, "true\n" 12) font ',12'
tone(i) = i == 1 || i == 5 || i == 9 ? '#d55e00' : i == 2 || i == 6 ? '#0072b2' : i == 3 || i == 7 || i == 10 ? '#009e73' : '#777777'
set arrow 1 from 9.25, graph 0 to 9.25, graph 1 nohead lc rgb '#999999'
set label 1 '400 random steps' at 4.9, -60 center font ',12'
set label 2 '1000 first steps' at 10.95, -60 center font ',12'
plot for [i = 1:11] of(word(other, i)) using (spread(place(i), $2)):1 with points pt 6 ps 0.7 lw 1.5 lc rgb tone(i), \
     for [i = 1:11] iqm(word(other, i)) using (place(i) - 0.36):1:(0.72):(0) with vectors nohead lw 3.5 lc rgb tone(i)
unset arrow 1
unset label 1
unset label 2
set origin 0.6, 0.005
set size 0.4, 0.49
set title '1000 steps: |in model - real|' font ',13'
set xrange [0.4:7.6]
set xtics ("c = 0\n" 1, "5\n" 2, "20\n" 3, "50\n" 4, "200\n" 5, "d =\n50" 6, "d =\n200" 7) font ',12'
set yrange [0.5:500000]
set logscale y
set ytics ('1' 1, '10' 10, '100' 100, '1000' 1000, '10 000' 1e4, '100 000' 1e5)
plot for [i = 1:7] gap(word(arms, i)) using (spread(i, $2)):1 with points pt 6 ps 0.7 lw 1.5 lc rgb hue(i)
unset multiplot

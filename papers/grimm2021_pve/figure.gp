# Reads results.csv; writes table.csv (mean over seeds of the plan's real value, its
# standard error, and of what the model promises), paired.csv (differences of real values, paired
# over seeds: mean, standard error, in how many the first is ahead) and figure.svg.
load '../../plots/style.gp'
set terminal svg size 960,440 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
system("awk -F, 'NR > 1 { if (!n[$1]++) name[++k] = $1; m[$1] += $12; v[$1] += $12 * $12; p[$1] += $11 } END { print \"name,value,error,promise\"; for (i = 1; i <= k; i++) { r = name[i]; a = m[r] / n[r]; s = v[r] / n[r] - a * a; printf \"%s,%.3f,%.3f,%.1f\\n\", r, a, (n[r] > 1 ? sqrt((s > 0 ? s : 0) / (n[r] - 1)) : 0), p[r] / n[r] } }' results.csv > table.csv")
system("{ echo first,second,difference,error,ahead,seeds; for pair in det,stoch det,mle stoch,mle longdet,longstoch det,blind; do for n in 5 10 20 40; do awk -F, -v a=${pair%,*}_$n -v b=${pair#*,}_$n '$1 == a { x[$2] = $12 } $1 == b { y[$2] = $12 } END { for (s in x) if (s in y) { d = x[s] - y[s]; n++; m += d; v += d * d; up += d > 0 } if (n > 1) { m /= n; v = v / n - m * m; printf \"%s,%s,%.3f,%.3f,%d,%d\\n\", a, b, m, sqrt((v > 0 ? v : 0) / (n - 1)), up, n } }' results.csv; done; done; } > paired.csv")
curve(class) = sprintf("< awk -F, -v want='%s' '{ split($1, x, \"_\") } x[1] == want { print x[2], $2, $3 }' table.csv", class)
line(run) = real(system(sprintf("awk -F, '$1 == \"%s\" { print $2 }' table.csv", run)))
best = line('true')
random = line('random')
set logscale x 2
set xrange [4.3:46]
set yrange [0:80]
set xtics (5, 10, 20, 40)
set xlabel 'rank of the model''s kernels'
set ylabel 'real value of the model''s plan'
set rmargin at screen 0.74
set key at screen 0.76, graph 0.9 left top Left reverse spacing 1.4
set title 'Four rooms: what plans earn, by the policies whose values the model meets'
plot best with lines dt 2 lw 2 lc rgb '#555555' title 'true model', \
     curve('det') using 1:2:3 with yerrorlines lw 3 pt 9 ps 0.8 lc rgb '#0072b2' title 'deterministic', \
     curve('longdet') using ($1*1.04):2:3 with yerrorbars lw 1.5 pt 8 ps 1 lc rgb '#0072b2' title '... ten times the steps', \
     curve('stoch') using 1:2:3 with yerrorlines lw 2 pt 5 ps 0.8 lc rgb '#009e73' title 'stochastic', \
     curve('longstoch') using ($1*1.08):2:3 with yerrorbars lw 1.5 pt 4 ps 1 lc rgb '#009e73' title '... ten times the steps', \
     curve('mle') using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.8 lc rgb '#d55e00' title 'likelihood', \
     random with lines dt 3 lw 2 lc rgb '#999999' title 'random model'

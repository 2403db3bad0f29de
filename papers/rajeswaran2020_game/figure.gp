# Reads the runs (variable `runs`: their folder) and results.csv; writes rounds.csv (per run:
# mean over seeds of the last ten rounds' real return, its standard error, what the model
# promises there, and how much the return moves from round to round) and figure.svg.
load '../../plots/style.gp'
set terminal svg size 900,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
system(sprintf("{ echo name,value,error,promise,movement,rounds10; for d in %s/*/; do name=$(basename $d); case $name in tiny) continue;; esac; awk -F, -v name=$name 'FNR == 1 { files++; next } { v[files, $1] = $10; p[files, $1] = $9; if ($1 > most) most = $1 } END { from = most > 10 ? most - 10 : 0; for (f = 1; f <= files; f++) { s = 0; g = 0; m = 0; for (i = from + 1; i <= most; i++) { s += v[f, i]; g += p[f, i]; if (i > from + 1) m += (v[f, i] - v[f, i - 1]) ^ 2 } n = most - from; s /= n; a += s; b += s * s; q += g / n; if (n > 1) move += sqrt(m / (n - 1)); e += v[f, most > 10 ? 10 : most] } a /= files; printf \"%%s,%%.3f,%%.3f,%%.3f,%%.3f,%%.3f\\n\", name, a, sqrt((b / files - a * a) / (files - 1)), q / files, move / files, e / files }' $d/seed-*/metrics.csv; done; } > rounds.csv", runs))
line(run) = real(system(sprintf("awk -F, '$1 == \"%s\" { print $2 }' rounds.csv", run)))
curve(run) = sprintf("< awk -F, 'FNR > 1 { n[$1]++; m[$1] += $10 } END { for (i = 1; i in n; i++) print i, m[i] / n[i] }' %s/%s/seed-*/metrics.csv", runs, run)
best = line('true')
random = line('random')
set xlabel 'round of 200 transitions'
set ylabel 'real return, mean of 10 worlds'
set xrange [1:40]
set key at screen 0.99, graph 0.95 right top Left reverse
set rmargin at screen 0.64
set title 'Who leads the game: the policy, the model, or nobody'
plot best with lines dt 2 lw 2 lc rgb '#555555' title 'true model', \
     curve('pal') with lines lw 3 lc rgb '#0072b2' title 'policy leads (PAL)', \
     curve('mal') with lines lw 3 lc rgb '#d55e00' title 'model leads (MAL)', \
     curve('both_all') with lines lw 2 lc rgb '#009e73' title 'best responses, all data', \
     curve('both_last') with lines lw 2 lc rgb '#cc79a7' title 'best responses, last data', \
     random with lines dt 3 lw 2 lc rgb '#999999' title 'random model'

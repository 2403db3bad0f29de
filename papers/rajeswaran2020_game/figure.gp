# Reads the runs (variable `runs`: their folder) and results.csv; writes rounds.csv (per run:
# mean over seeds of the last ten rounds' real return, its standard error, what the model
# promises there, how much the return moves from round to round, the real return of round 10, and
# the errors of movement and of promise less return), paired.csv (real returns of pairs of runs
# less one another, paired over worlds: mean, standard error, worlds where the first is ahead)
# and figure.svg.
load '../../plots/style.gp'
set terminal svg size 1060,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
system(sprintf("{ echo name,value,error,promise,movement,rounds10,movement_error,gap,gap_error; for d in %s/*/; do name=$(basename $d); case $name in tiny) continue;; esac; awk -F, -v name=$name 'function error(sum, squares, m, s) { m = sum / files; s = squares / files - m * m; return sqrt((s > 0 ? s : 0) / (files - 1)) } FNR == 1 { files++; next } { v[files, $1] = $10; p[files, $1] = $9; if ($1 > most) most = $1 } END { from = most > 10 ? most - 10 : 0; for (f = 1; f <= files; f++) { s = 0; g = 0; m = 0; for (i = from + 1; i <= most; i++) { s += v[f, i]; g += p[f, i]; if (i > from + 1) m += (v[f, i] - v[f, i - 1]) ^ 2 } n = most - from; s /= n; g /= n; a += s; b += s * s; q += g; h += g - s; hh += (g - s) ^ 2; if (n > 1) { m = sqrt(m / (n - 1)); move += m; moves += m * m } e += v[f, most > 10 ? 10 : most] } printf \"%%s,%%.3f,%%.3f,%%.3f,%%.3f,%%.3f,%%.3f,%%.3f,%%.3f\\n\", name, a / files, error(a, b), q / files, move / files, e / files, error(move, moves), h / files, error(h, hh) }' $d/seed-*/metrics.csv; done; } > rounds.csv", runs))
# Real return of `first` less that of `second` over rounds `from` to `to`, by world.
system(sprintf("{ echo first,second,from,to,difference,error,ahead,worlds; for what in mal,pal,1,1 mal,pal,3,3 mal,pal,10,10 mal,pal,1,10 mal,pal,31,40 pal,both_last,31,40 mal,both_last,31,40 pal,both_all,31,40 mal,both_all,31,40 mal,both_all,10,10; do set -- $(echo $what | tr , ' '); awk -F, -v what=$what -v a=/$1/ -v from=$3 -v to=$4 'FNR == 1 { split(FILENAME, part, \"/seed-\"); seed = part[2] } FNR > 1 && $1 >= from && $1 <= to { d[seed] += (index(FILENAME, a) ? 1 : -1) * $10 / (to - from + 1) } END { for (s in d) { n++; m += d[s]; v += d[s] * d[s]; up += d[s] > 0 } m /= n; printf \"%%s,%%.3f,%%.3f,%%d,%%d\\n\", what, m, sqrt((v / n - m * m) / (n - 1)), up, n }' %s/$1/seed-*/metrics.csv %s/$2/seed-*/metrics.csv; done; } > paired.csv", runs, runs))
line(run) = real(system(sprintf("awk -F, '$1 == \"%s\" { print $2 }' rounds.csv", run)))
curve(run) = sprintf("< awk -F, 'FNR > 1 { n[$1]++; m[$1] += $10 } END { for (i = 1; i in n; i++) print i, m[i] / n[i] }' %s/%s/seed-*/metrics.csv", runs, run)
# The same less PAL's of the same world: round, mean, one standard error below and above.
less_pal(run) = sprintf("< awk -F, 'FNR == 1 { split(FILENAME, part, \"/seed-\"); seed = part[2] } FNR > 1 { if (index(FILENAME, \"/pal/\")) pal[seed, $1] = $10; else { d = $10 - pal[seed, $1]; n[$1]++; m[$1] += d; v[$1] += d * d } } END { for (i = 1; i in n; i++) { a = m[i] / n[i]; s = v[i] / n[i] - a * a; s = sqrt((s > 0 ? s : 0) / (n[i] - 1)); print i, a, a - s, a + s } }' %s/pal/seed-*/metrics.csv %s/%s/seed-*/metrics.csv", runs, runs, run)
best = line('true')
random = line('random')
set multiplot title 'Who leads the game: the policy, the model, or nobody'
set tmargin at screen 0.9
set bmargin at screen 0.16
set xlabel 'round of 200 transitions'
set xrange [1:40]
set lmargin at screen 0.065
set rmargin at screen 0.37
set ylabel 'real return, mean of 10 worlds'
unset key
plot best with lines dt 2 lw 2 lc rgb '#555555', \
     curve('pal') with lines lw 3 lc rgb '#0072b2', \
     curve('mal') with lines lw 3 lc rgb '#d55e00', \
     curve('both_all') with lines lw 2 lc rgb '#009e73', \
     curve('both_last') with lines lw 2 lc rgb '#cc79a7', \
     random with lines dt 3 lw 2 lc rgb '#999999'
set lmargin at screen 0.46
set rmargin at screen 0.755
set ylabel 'real return less PAL''s' offset 1,0
set key at screen 0.765, graph 0.9 left top Left reverse spacing 1.4
plot NaN with lines dt 2 lw 2 lc rgb '#555555' title 'true model', \
     less_pal('both_last') using 1:3:4 with filledcurves lc rgb '#cc79a7' notitle, \
     less_pal('both_all') using 1:3:4 with filledcurves lc rgb '#009e73' notitle, \
     less_pal('mal') using 1:3:4 with filledcurves lc rgb '#d55e00' notitle, \
     0 with lines lw 3 lc rgb '#0072b2' title 'policy leads (PAL)', \
     less_pal('mal') using 1:2 with lines lw 3 lc rgb '#d55e00' title 'model leads (MAL)', \
     less_pal('both_all') using 1:2 with lines lw 2 lc rgb '#009e73' title 'best responses, all data', \
     less_pal('both_last') using 1:2 with lines lw 2 lc rgb '#cc79a7' title 'best responses, last data', \
     NaN with lines dt 3 lw 2 lc rgb '#999999' title 'random model'
unset multiplot

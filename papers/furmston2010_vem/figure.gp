# Reads results.csv; writes table.csv (means and standard errors over seeds) and figure.svg.
load '../../plots/style.gp'
set terminal svg size 900,400 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
system("awk -F, 'NR > 1 { if (!n[$1]++) name[++k] = $1; m[$1] += $12; v[$1] += $12 * $12; p[$1] += $11; f[$1] += $5 } END { print \"name,value,error,promise,elbo\"; for (i = 1; i <= k; i++) { r = name[i]; a = m[r] / n[r]; s = v[r] / n[r] - a * a; printf \"%s,%.3f,%.3f,%.3f,%.4f\\n\", r, a, (n[r] > 1 ? sqrt((s > 0 ? s : 0) / (n[r] - 1)) : 0), p[r] / n[r], f[r] / n[r] } }' results.csv > table.csv")
curve(method) = sprintf("< awk -F, -v want='%s' '{ split($1, x, \"_\") } x[1] == want { print x[2], $2, $3, $4 }' table.csv", method)
line(run) = real(system(sprintf("awk -F, '$1 == \"%s\" { print $2 }' table.csv", run)))
best = line('true')
random = line('random')
set multiplot layout 1,2 title 'The chain: one posterior of policy and transitions'
set logscale x
set xrange [8:12500]
set xlabel 'steps of data'
set key at graph 0.98, graph 0.46 right top
set yrange [4:27]
set ylabel 'real return'
plot best with lines dt 2 lw 2 lc rgb '#555555' title 'true model', \
     curve('whole') using 1:2:3 with yerrorlines lw 3 pt 7 ps 0.8 lc rgb '#0072b2' title 'variational EM', \
     curve('cut') using 1:2:3 with yerrorlines lw 2 pt 5 ps 0.8 lc rgb '#009e73' title 'posterior of data alone', \
     curve('ml') using 1:2:3 with yerrorlines lw 2 pt 9 ps 0.8 lc rgb '#d55e00' title 'maximum likelihood', \
     random with lines dt 3 lw 2 lc rgb '#999999' title 'random model'
set yrange [10:35]
set ylabel 'return that the model promises'
unset key
plot best with lines dt 2 lw 2 lc rgb '#555555', \
     curve('whole') using 1:4 with linespoints lw 3 pt 7 ps 0.8 lc rgb '#0072b2', \
     curve('cut') using 1:4 with linespoints lw 2 pt 5 ps 0.8 lc rgb '#009e73', \
     curve('ml') using 1:4 with linespoints lw 2 pt 9 ps 0.8 lc rgb '#d55e00'
unset multiplot

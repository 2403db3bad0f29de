# Reads results.csv; writes table.csv (J* - J, mean and standard error over the
# worlds) and figure.svg.
load '../../plots/style.gp'
set terminal svg size 700,430 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
system("awk -F, 'NR > 1 { J[$1, $2] = $12; if (!seen[$1]++) name[++n] = $1; if (!s[$2]++) seed[++m] = $2 } END { print \"name,loss,error\"; for (i = 1; i <= n; i++) { a = b = 0; for (k = 1; k <= m; k++) { r = J[\"true\", seed[k]] - J[name[i], seed[k]]; a += r; b += r * r } a /= m; v = b / m - a * a; printf \"%s,%.4f,%.4f\\n\", name[i], a, sqrt((v > 0 ? v : 0) / (m - 1)) } }' results.csv > table.csv")
curve(class) = sprintf("< awk -F, -v want='%s' '{ split($1, x, \"_\") } x[1] == want { print x[2], $2, $3 }' table.csv", class)
random = real(system("awk -F, '$1 == \"random\" { print $2 }' table.csv"))
set logscale x 2
set xrange [0.85:9.5]
set yrange [0:*]
set xtics (1, 2, 4, 8)
set xlabel 'rank of the model''s kernels'
set ylabel 'return lost to the best policy'
set key above
set title 'Two factors that know the values of policies plan better than eight that predict'
plot random with lines dt 3 lw 2 lc rgb '#999999' title 'random model', \
     curve('mle') using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.8 lc rgb '#d55e00' title 'likelihood', \
     curve('stoch') using 1:2:3 with yerrorlines lw 2 pt 5 ps 0.8 lc rgb '#009e73' title 'values of stochastic policies', \
     curve('det') using 1:2:3 with yerrorlines lw 3 pt 9 ps 0.8 lc rgb '#0072b2' title 'values of deterministic policies'

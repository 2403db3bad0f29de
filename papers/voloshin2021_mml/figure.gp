# Reads results.csv; writes table.csv (mean of |J_model - J| over the worlds, its
# standard error) and figure.svg.
load '../../plots/style.gp'
set terminal svg size 1560,460 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
system("awk -F, 'NR > 1 { e = $13 < 0 ? -$13 : $13; if (!n[$1]++) name[++k] = $1; m[$1] += e; v[$1] += e * e } END { print \"name,error,standard_error\"; for (i = 1; i <= k; i++) { r = name[i]; a = m[r] / n[r]; s = v[r] / n[r] - a * a; printf \"%s,%.5f,%.5f\\n\", r, a, sqrt((s > 0 ? s : 0) / (n[r] - 1)) } }' results.csv > table.csv")
curve(loss) = sprintf("< awk -F, -v want='%s' '{ split($1, x, \"_\") } x[1] == want { print x[2] == \"exact\" ? 128000 : x[2], $2, $3 }' table.csv", loss)
set multiplot layout 1,3
random = real(system("awk -F, '$1 == \"random\" { print $2 }' table.csv"))
set logscale xy
set xrange [400:180000]
set yrange [5e-5:3]
set xtics ('500' 500, '2000' 2000, '8000' 8000, '32000' 32000, 'exact' 128000)
set xlabel 'samples of another policy'
set ylabel 'error of the model''s return' offset 1,0
set format y '%g'
set key at graph 0.02, graph 0.5 left top font ",13" spacing 0.9
set title 'Random worlds, states in five groups'
plot random with lines dt 3 lw 2 lc rgb '#999999' title 'random model', \
     curve('mle') using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#d55e00' title 'likelihood', \
     curve('vaml') using 1:2:3 with yerrorlines lw 2 dt 2 pt 9 ps 0.7 lc rgb '#e69f00' title 'VAML: weights of an L2 ball', \
     curve('flat') using 1:2:3 with yerrorlines lw 2 pt 5 ps 0.7 lc rgb '#009e73' title 'moment, w = 1', \
     curve('own') using 1:2:3 with yerrorlines lw 2 pt 11 ps 0.7 lc rgb '#56b4e9' title 'moment, w of the model', \
     curve('rkhs') using 1:2:3 with yerrorlines lw 2 pt 13 ps 0.7 lc rgb '#cc79a7' title 'kernels of weights, values', \
     curve('mml') using 1:2:3 with yerrorlines lw 3 pt 7 ps 0.8 lc rgb '#0072b2' title 'moment, w of the world'
random = real(system("awk -F, '$1 == \"line-random\" { print $2 }' table.csv"))
set xrange [240:13000]
set yrange [0.002:20]
set xtics ('300' 300, '1000' 1000, '3000' 3000, '10000' 10000)
set xlabel 'samples of uniform actions'
set key at graph 0.02, graph 0.44 left top
set title 'A noisy line, a model with half the noise'
plot random with lines dt 3 lw 2 lc rgb '#999999' title 'random model', \
     curve('line-mle') using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#d55e00' title 'likelihood', \
     curve('line-vaml') using 1:2:3 with yerrorlines lw 2 dt 2 pt 9 ps 0.7 lc rgb '#e69f00' title 'VAML', \
     curve('line-rkhs') using 1:2:3 with yerrorlines lw 2 pt 13 ps 0.7 lc rgb '#cc79a7' title 'kernels of weights, values', \
     curve('line-own') using 1:2:3 with yerrorlines lw 2 pt 11 ps 0.7 lc rgb '#56b4e9' title 'linear class, w of the model', \
     curve('line-span') using 1:2:3 with yerrorlines lw 3 pt 7 ps 0.8 lc rgb '#0072b2' title 'linear class, w of the world'
guess = real(system("awk -F, '$1 == \"linear-guess\" { print $2 }' table.csv"))
set yrange [0.001:20]
set xlabel 'samples of random actions'
set title 'A linear-Gaussian world, a quarter of the variance'
plot guess with lines dt 3 lw 2 lc rgb '#999999' title 'the guess A = B = 1', \
     curve('linear-mle') using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#d55e00' title 'likelihood', \
     curve('linear-vaml') using 1:2:3 with yerrorlines lw 2 dt 2 pt 9 ps 0.7 lc rgb '#e69f00' title 'VAML', \
     curve('linear-span') using 1:2:3 with yerrorlines lw 2 pt 13 ps 0.7 lc rgb '#cc79a7' title 'linear class, quadratics of (s, a)', \
     curve('linear-flat') using 1:2:3 with yerrorlines lw 2 pt 5 ps 0.7 lc rgb '#009e73' title 'moment, w = 1', \
     curve('linear-ratio') using 1:2:3 with yerrorlines lw 3 pt 7 ps 0.8 lc rgb '#0072b2' title 'moment, w a ratio of Gaussians'
unset multiplot

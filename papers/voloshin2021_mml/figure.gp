# Reads results.csv; writes table.csv (mean of |J_model - J| over the worlds, its
# standard error) and figure.svg.
load '../../plots/style.gp'
set terminal svg size 1120,560 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
system("awk -F, 'NR > 1 { e = $13 < 0 ? -$13 : $13; if (!n[$1]++) name[++k] = $1; m[$1] += e; v[$1] += e * e } END { print \"name,error,standard_error\"; for (i = 1; i <= k; i++) { r = name[i]; a = m[r] / n[r]; s = v[r] / n[r] - a * a; printf \"%s,%.5f,%.5f\\n\", r, a, sqrt((s > 0 ? s : 0) / (n[r] - 1)) } }' results.csv > table.csv")
curve(loss) = sprintf("< awk -F, -v want='%s' '{ split($1, x, \"_\") } x[1] == want { print x[2] == \"exact\" ? 128000 : x[2], $2, $3 }' table.csv", loss)
set multiplot layout 1,3 margins 0.1,0.985,0.13,0.58 spacing 0.075
random = real(system("awk -F, '$1 == \"random\" { print $2 }' table.csv"))
set logscale xy
set xrange [400:180000]
set yrange [5e-5:3]
set xtics ('500' 500, '2000' 2000, '8000' 8000, '32000' 32000, 'exact' 128000)
set xlabel 'samples of another policy'
set ylabel 'error of the model''s return' offset 0.5,0
set format y '%g'
set key at graph -0.12, graph 1.06 left bottom Left reverse samplen 1.6 maxcols 1 font ',13' spacing 1.1
set label 1 "Random worlds,\nstates in five groups" at graph 0.45, screen 0.96 center textcolor '#222222' font ',14'
plot random with lines dt 3 lw 2 lc rgb '#999999' title 'random model', \
     curve('mle') using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#d55e00' title 'likelihood', \
     curve('vaml') using 1:2:3 with yerrorlines lw 2 dt 2 pt 9 ps 0.7 lc rgb '#e69f00' title 'VAML: weights of an L2 ball', \
     curve('flat') using 1:2:3 with yerrorlines lw 2 pt 5 ps 0.7 lc rgb '#009e73' title 'moment, w = 1', \
     curve('own') using 1:2:3 with yerrorlines lw 2 pt 11 ps 0.7 lc rgb '#56b4e9' title 'moment, w of the model', \
     curve('rkhs') using 1:2:3 with yerrorlines lw 2 pt 13 ps 0.7 lc rgb '#cc79a7' title 'kernels of weights, values', \
     curve('mml') using 1:2:3 with yerrorlines lw 3 pt 7 ps 0.8 lc rgb '#0072b2' title 'moment, w of the world'
unset ylabel
random = real(system("awk -F, '$1 == \"line-random\" { print $2 }' table.csv"))
set xrange [240:13000]
set yrange [0.002:20]
set xtics ('300' 300, '1000' 1000, '3000' 3000, '10000' 10000)
set xlabel 'samples of uniform actions'
set label 1 "A noisy line,\na model with half the noise" at graph 0.45, screen 0.96 center textcolor '#222222' font ',14'
plot random with lines dt 3 lw 2 lc rgb '#999999' title 'random model', \
     curve('line-mle') using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#d55e00' title 'likelihood', \
     curve('line-vaml') using 1:2:3 with yerrorlines lw 2 dt 2 pt 9 ps 0.7 lc rgb '#e69f00' title 'VAML', \
     curve('line-rkhs') using 1:2:3 with yerrorlines lw 2 pt 13 ps 0.7 lc rgb '#cc79a7' title 'kernels of weights, values', \
     curve('line-own') using 1:2:3 with yerrorlines lw 2 pt 11 ps 0.7 lc rgb '#56b4e9' title 'linear class, w of the model', \
     curve('line-span') using 1:2:3 with yerrorlines lw 3 pt 7 ps 0.8 lc rgb '#0072b2' title 'linear class, w of the world'
guess = real(system("awk -F, '$1 == \"linear-guess\" { print $2 }' table.csv"))
set yrange [0.001:20]
set xlabel 'samples of random actions'
set label 1 "A linear-Gaussian world,\na quarter of the variance" at graph 0.45, screen 0.96 center textcolor '#222222' font ',14'
plot guess with lines dt 3 lw 2 lc rgb '#999999' title 'the guess A = B = 1', \
     curve('linear-mle') using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#d55e00' title 'likelihood', \
     curve('linear-vaml') using 1:2:3 with yerrorlines lw 2 dt 2 pt 9 ps 0.7 lc rgb '#e69f00' title 'VAML', \
     curve('linear-span') using 1:2:3 with yerrorlines lw 2 pt 13 ps 0.7 lc rgb '#cc79a7' title 'linear class, quadratics of (s, a)', \
     curve('linear-flat') using 1:2:3 with yerrorlines lw 2 pt 5 ps 0.7 lc rgb '#009e73' title 'moment, w = 1', \
     curve('linear-ratio') using 1:2:3 with yerrorlines lw 3 pt 7 ps 0.8 lc rgb '#0072b2' title 'moment, w a ratio of Gaussians'
unset multiplot

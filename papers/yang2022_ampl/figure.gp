# Reads results.csv; writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 760,440 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
of(run, column) = real(system(sprintf("awk -F, '$1 == \"%s\" { s += $%d; n++ } END { print s / n }' results.csv", run, column)))
names = "random even moment normalised rulsif dualdice visits"
titles = '"random model" "weight 1" "moment" "and mean 1" "RuLSIF" "DualDICE" "exact ratio"'
colours = "#999999 #e69f00 #d55e00 #d55e00 #56b4e9 #56b4e9 #0072b2"
set title "One moment of the critic (AMPL) does not tell the weight"
set style fill solid 0.9 noborder
set boxwidth 0.62
set xrange [0.4:7.6]
set yrange [0:225]
set ylabel 'return that the model promises'
unset xlabel
set xtics scale 0 font ',12'
do for [i = 1:7] { set xtics add (word(titles, i) i) }
set key inside left top
plot for [i = 1:7] '+' using (i):(of(word(names, i), 11)) every ::0::0 with boxes lc rgb word(colours, i) notitle, \
     of('true', 12) with lines lw 2.5 dt 4 lc rgb '#222222' title 'real return'

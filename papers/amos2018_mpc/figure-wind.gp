# figure-wind.svg: what ten learners of each kind cost in a wind that no model has.
load '../../plots/style.gp'
eval terminal('svg', 760, 440)
set output 'figure-wind.svg'
costs(name, place) = sprintf("<awk -F, -v name=%s -v at=%g '$1 == name { print at + ($2 - 4.5) / 25, -$12 }' results.csv", name, place)
best = -(system("awk -F, '$1 == \"wind_true\" { print $12; exit }' results.csv") + 0)
set logscale y
set yrange [10:20000]
set xrange [0.4:5.6]
set xtics ('imitation' 1, 'both' 2, 'system id.' 3, 'J (oracle)' 4, 'random' 5)
set xlabel ''
set ylabel 'cost in the world'
set key inside left top
plot best with lines linewidth 2 dashtype 2 linecolor rgb colour_of(7) title 'true model', \
     for [i = 1:5] costs(word('wind_imitation wind_both wind_sysid wind_J wind_random', i), i) \
         with points pointtype 7 pointsize 0.7 linecolor rgb (i == 5 ? '#999999' : colour_of(i)) notitle

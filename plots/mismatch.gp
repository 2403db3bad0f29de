# plots/mismatch.gp -- objective mismatch in one picture: the way that each policy
# takes, drawn on the world where that has two coordinates, under what the model
# promises and what the world pays; below, both over the iterations, and the bound.

data = 'mismatch.dat'
track = 'mismatch.track'
array drawn[runs]
array caption[runs]
array final[runs]
array promise[runs]
array pay[runs]
pictures = 0
longest = 1
do for [i = 1:runs] {
    stats data index i - 1 using 1 nooutput
    last = STATS_records - 1
    final[i] = STATS_max
    longest = STATS_max > longest ? STATS_max : longest
    stats data index i - 1 every ::last::last using 5:8 nooutput
    promise[i] = STATS_max_x
    pay[i] = STATS_max_y
    caption[i] = sprintf("promises %.4g, earns %.4g", promise[i], pay[i])
    stats track index 2 * i - 2 using 2 nooutput
    drawn[i] = exists("STATS_records") && STATS_records > 0
    pictures = pictures || drawn[i]
}
wide = runs > 1 ? runs : 2
grey = '#444444'

do for [form in forms] {
    if (form eq 'txt') {
        set terminal dumb noenhanced mono 79 20
        set origin 0, 0; set size 1, 1; set xrange [*:*]
        set lmargin -1; set rmargin -1; set tmargin -1; set bmargin -1
        set output kind.'.'.form
        set grid noytics
        set key above maxrows (runs > 1 ? 4 : 2)
        set ylabel 'return'
        plot for [i = 1:runs] data index i - 1 using 1:5 with lines \
                 title label[i].', promised' noenhanced, \
             for [i = 1:runs] data index i - 1 using 1:8 with lines \
                 title label[i].', real' noenhanced
        set output
    } else {
        low = pictures ? 0.44 : 1
        dot = form eq 'svg' ? 0.7 : 1.6
        eval terminal(form, 400 * wide, pictures ? 820 : 360)
        set output kind.'.'.form
        set multiplot
        unset key; unset xlabel; unset ylabel
        set lmargin 1; set rmargin 1; set bmargin 0.5; set tmargin 3.2
        do for [i = 1:(pictures ? runs : 0)] {
            set origin (i - 1.0) / runs, low
            set size 1.0 / runs, 1 - low
            set size ratio -1
            unset tics; unset border; unset grid
            set label 1 label[i] at graph 0.5, screen 0.975 center noenhanced \
                textcolor rgb colour_of(i)
            set label 2 caption[i] at graph 0.5, screen 0.937 center \
                noenhanced textcolor '#222222'
            set xrange [*:*]; set yrange [*:*]
            if (drawn[i]) {
                stats track index 2 * i - 2 using 2:1 nooutput
                set xrange [STATS_min_x - 0.5:STATS_max_x + 0.5]
                set yrange [STATS_max_y + 0.5:STATS_min_y - 0.5]
                set object 1 rectangle from graph 0, graph 0 to graph 1, graph 1 \
                    fillcolor rgb '#555555' fillstyle solid noborder behind
                set style fill solid 1 border rgb '#dddddd'
                plot track index 2 * i - 2 \
                         using 2:($3 == 1 ? NaN : $1):(0.5):(0.5) \
                         with boxxyerror linecolor rgb '#f4f4f4', \
                     '' index 2 * i - 2 \
                         using 2:($3 == 2 ? $1 : NaN):(0.5):(0.5) \
                         with boxxyerror linecolor rgb '#009E73', \
                     '' index 2 * i - 1 using 2:1 with lines linewidth 4 \
                         linecolor rgb colour_of(i), \
                     '' index 2 * i - 1 every ::0::0 using 2:1 with points \
                         pointtype 7 pointsize dot linecolor rgb colour_of(i), \
                     '' index 2 * i - 1 using 2:($3 == 1 ? $1 : NaN) \
                         with points pointtype 2 pointsize 1.6 * dot linewidth 6 \
                         linecolor rgb '#000000', \
                     '' index 2 * i - 1 using 2:($3 == 2 ? $1 : NaN) \
                         with points pointtype 7 pointsize dot \
                         linecolor rgb '#ffffff'
                unset object 1
            } else {
                plot [0:1] [0:1] NaN
            }
            unset label 1; unset label 2
        }
        set yrange [*:*]
        set size noratio
        set border 3 linecolor rgb grey
        set xtics nomirror out scale 0.6 textcolor '#222222' autofreq
        if (longest <= 10) { set xtics 1 }
        set ytics nomirror out scale 0.6 textcolor '#222222' autofreq
        set grid ytics linecolor '#e4e4e4' linewidth 0.8
        set xlabel 'iteration' offset 0,0.4
        set lmargin 9; set rmargin 2; set tmargin 3.4; set bmargin 3
        set xrange [1:longest > 1 ? longest : 2]
        set origin 0, 0; set size 0.5, (pictures ? low - 0.01 : 1)
        set ylabel 'return' offset 0.6,0
        set key above horizontal maxrows 1 samplen 2.4
        # A run that converged stays where it is. Solid lines first: after a dashed
        # arrow the SVG terminal draws all arrows dashed.
        do for [i = 1:runs] {
            set arrow i from final[i], pay[i] to longest, pay[i] nohead \
                linewidth 2.4 dashtype 1 linecolor rgb colour_of(i)
            set arrow runs + i from final[i], promise[i] to longest, promise[i] \
                nohead linewidth 2.4 dashtype (8, 5) linecolor rgb colour_of(i)
        }
        plot for [i = 1:runs] data index i - 1 using 1:5 with lines \
                 linewidth 2.4 dashtype (8, 5) linecolor rgb colour_of(i) \
                 notitle, \
             for [i = 1:runs] data index i - 1 using 1:8 with lines \
                 linewidth 2.4 linecolor rgb colour_of(i) notitle, \
             NaN with lines dashtype (8, 5) linewidth 2.4 \
                 linecolor rgb grey title 'promised', \
             NaN with lines linewidth 2.4 linecolor rgb grey title 'real'
        unset arrow
        set origin 0.5, 0
        set ylabel 'ELBO [nats]' offset 0,0
        set lmargin 11
        if (pictures) { unset key } else { set key above maxrows 2 }
        plot for [i = 1:runs] data index i - 1 using 1:2 with linespoints \
                 pointtype 7 pointsize 0.5 linewidth 2.4 \
                 linecolor rgb colour_of(i) title label[i] noenhanced
        unset multiplot
        set output
    }
}

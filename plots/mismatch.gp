# plots/mismatch.gp -- objective mismatch in one picture: what each run's model
# promises and what the world pays, the bound beside it, and the way that each
# policy takes, drawn on the world where that has two coordinates.

data = 'mismatch.dat'
track = 'mismatch.track'
array drawn[runs]
array caption[runs]
do for [i = 1:runs] {
    stats data index i - 1 using 5:8 nooutput
    last = STATS_records - 1
    stats data index i - 1 every ::last::last using 5:8 nooutput
    caption[i] = sprintf("%s: promises %.4g, earns %.4g", label[i], STATS_max_x, STATS_max_y)
    stats track index 2 * i - 2 using 2 nooutput
    drawn[i] = STATS_records > 0
}

do for [form in forms] {
    set origin 0, 0; set size 1, 1; set lmargin 4; set tmargin 2
    if (form eq 'txt') {
        set terminal dumb noenhanced mono 79 24
        set lmargin -1
        set output kind.'.'.form
        set grid noytics
        set key above maxrows 4
        set ylabel 'return'
        plot for [i = 1:runs] data index i - 1 using 1:5 with lines \
                 title label[i].', promised' noenhanced, \
             for [i = 1:runs] data index i - 1 using 1:8 with lines \
                 title label[i].', real' noenhanced
        set output
    } else {
        eval terminal(form, 440 * runs, 780)
        set output kind.'.'.form
        set multiplot
        do for [i = 1:runs] {
            # the way through the world
            set origin (i - 1.0) / runs, 0.44
            set size 1.0 / runs, 0.56
            set title caption[i] noenhanced textcolor '#222222'
            set size ratio -1
            unset key; unset xlabel; unset ylabel
            unset tics; unset border; unset grid
            set autoscale; set lmargin 1; set rmargin 1
            if (drawn[i]) {
                stats track index 2 * i - 2 using 2:1 nooutput
                set xrange [STATS_min_x - 0.5:STATS_max_x + 0.5]
                set yrange [STATS_max_y + 0.5:STATS_min_y - 0.5]
                set object 1 rectangle from STATS_min_x - 0.5, STATS_min_y - 0.5 \
                    to STATS_max_x + 0.5, STATS_max_y + 0.5 \
                    fillcolor rgb '#555555' fillstyle solid noborder behind
                set style fill solid 1
                plot track index 2 * i - 2 using 2:($3 == 1 ? NaN : $1):(0.5):(0.5) \
                         with boxxyerror linecolor rgb '#f2f2f2' , \
                     '' index 2 * i - 2 using 2:($3 == 2 ? $1 : NaN):(0.5):(0.5) \
                         with boxxyerror linecolor rgb '#009E73', \
                     '' index 2 * i - 1 using 2:1 with lines linewidth 4 \
                         linecolor rgb colour_of(i), \
                     '' index 2 * i - 1 every ::0::0 using 2:1 with points \
                         pointtype 7 pointsize 1.4 linecolor rgb colour_of(i), \
                     '' index 2 * i - 1 using 2:($3 == 1 ? $1 : NaN) with points \
                         pointtype 2 pointsize 2.4 linewidth 5 \
                         linecolor rgb '#D00000'
                unset object 1
                set style fill transparent solid 0.22 noborder
            } else {
                plot [0:1] [0:1] NaN
            }
            set size noratio
            set title ''
            unset xrange; unset yrange
            set autoscale
        }
        set border 3 linecolor '#444444'
        set xtics nomirror out scale 0.6 textcolor '#222222'
        set ytics nomirror out scale 0.6 textcolor '#222222'
        set rmargin 3
        set grid ytics linecolor '#e4e4e4' linewidth 0.8
        set xlabel 'iteration' offset 0,0.3
        set lmargin 9
        set origin 0, 0; set size 0.5, 0.42
        set ylabel 'return' offset 0,0
        set key center right maxrows 2 opaque
        plot for [i = 1:runs] data index i - 1 using 1:5 with lines linewidth 2 \
                 dashtype (10, 6) linecolor rgb colour_of(i) notitle, \
             for [i = 1:runs] data index i - 1 using 1:8 with lines linewidth 2 \
                 linecolor rgb colour_of(i) notitle, \
             NaN with lines dashtype (10, 6) linewidth 2 linecolor rgb '#444444' title 'promised', \
             NaN with lines linewidth 2 linecolor rgb '#444444' title 'real'
        set origin 0.5, 0; set size 0.5, 0.42
        set lmargin 11
        set ylabel 'ELBO [nats]' offset 0,0
        unset key
        plot for [i = 1:runs] data index i - 1 using 1:2 with lines linewidth 2 \
                 linecolor rgb colour_of(i) notitle
        unset multiplot
        set output
    }
}

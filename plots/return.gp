
# plots/return.gp -- what the model promises and what the world gives. The shaded
# gap is the model exploitation.

data = 'return.dat'
set key maxrows runs
set ylabel 'return' offset 1,0
promised(i) = label[i].', in the model'
given(i) = label[i].', in the world'

do for [form in forms] {
    eval terminal(form, 640, 420)
    set output kind.'.'.form
    if (form eq 'txt') {
        set grid noytics
        plot for [i = 1:runs] data index i - 1 using 1:2 with lines \
                 title promised(i) noenhanced, \
             for [i = 1:runs] data index i - 1 using 1:5 with lines \
                 title given(i) noenhanced
    } else {
        plot for [i = 1:runs] data index i - 1 using 1:2:5 with filledcurves \
                 linecolor rgb colour_of(i) notitle, \
             for [i = 1:runs] data index i - 1 using 1:2 with lines \
                 linewidth 2 dashtype (12, 6) linecolor rgb colour_of(i) \
                 title promised(i) noenhanced, \
             for [i = 1:runs] data index i - 1 using 1:5 with lines \
                 linewidth 2 linecolor rgb colour_of(i) \
                 title given(i) noenhanced
    }
    set output
}

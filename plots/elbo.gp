
# plots/elbo.gp -- the bound against iterations, one curve a run: the mean over its
# seeds, in a band from the least to the largest.

data = 'elbo.dat'
set title (runs == 1 ? label[1] : '') noenhanced textcolor '#222222'
set ylabel 'ELBO [nats]' offset 1,0
set key maxrows (runs + 2) / 3
if (runs == 1) { set key off }

do for [form in forms] {
    eval terminal(form, 640, 420)
    set output kind.'.'.form
    if (form eq 'txt') {
        set grid noytics
        plot for [i = 1:runs] data index i - 1 using 1:2 with lines \
            title label[i] noenhanced
    } else {
        plot for [i = 1:runs] data index i - 1 using 1:3:4 with filledcurves \
                 linecolor rgb colour_of(i) notitle, \
             for [i = 1:runs] data index i - 1 using 1:2 with lines \
                 linewidth 2 linecolor rgb colour_of(i) dashtype dash_of(i) \
                 title label[i] noenhanced
    }
    set output
}

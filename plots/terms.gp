
# plots/terms.gp -- the parts of the bound with the signs they have in it, one panel
# a run: what is above zero pays, what is below is charged.

data = 'terms.dat'
set ylabel 'nats' offset 1,0
set xzeroaxis linetype 1 linecolor '#888888'

do for [form in forms] {
    eval terminal(form, runs > 1 ? 560 * runs : 720, 460)
    set output kind.'.'.form
    if (form eq 'txt') {
        set grid noytics
        set key top right
    } else {
        set key outside right top vertical Left reverse
    }
    if (runs > 1 && form ne 'txt') { set multiplot layout 1, runs }
    do for [i = 1:(form eq 'txt' ? 1 : runs)] {
        set title 'Terms: '.label[i] noenhanced textcolor '#222222'
        plot data index i - 1 using 1:5 with lines linewidth 2 \
                 linecolor rgb colour[3] title 'reward', \
             '' index i - 1 using 1:(-$8) with lines linewidth 2 \
                 linecolor rgb colour[2] title '-KL policy', \
             '' index i - 1 using 1:(-$11) with lines linewidth 2 \
                 linecolor rgb colour[5] title '-KL transition', \
             '' index i - 1 using 1:14 with lines linewidth 2 \
                 linecolor rgb colour[1] title 'likelihood', \
             '' index i - 1 using 1:17 with lines linewidth 2 \
                 linecolor rgb colour[6] title 'prior', \
             '' index i - 1 using 1:(has_stop_kl ? -$20 : 1/0) with lines \
                 linewidth 2 linecolor rgb colour[4] \
                 title (has_stop_kl ? '-KL stop' : ''), \
             '' index i - 1 using 1:2 with lines linewidth 3 \
                 dashtype (10, 5) linecolor rgb colour[7] title 'ELBO'
    }
    if (runs > 1 && form ne 'txt') { unset multiplot }
    set output
}


# plots/terms.gp -- the parts of the bound with the signs they have in it, one panel
# a run: what is above zero pays, what is below is charged. A part that is zero
# throughout is left out.

data = 'terms.dat'
array part[6] = ['reward', '-KL policy', '-KL transition', 'likelihood', \
                 'prior', '-KL stop']
array sign[6] = [1, -1, -1, 1, 1, -1]
array ink[6] = [3, 2, 5, 1, 6, 4]
array shown[6]

set ylabel 'nats'
set xzeroaxis linetype 1 linecolor '#888888'
set rmargin

do for [form in forms] {
    eval terminal(form, runs > 1 ? 560 * runs : 720, 460)
    set output kind.'.'.form
    if (form eq 'txt') {
        set grid noytics
        set key above maxrows 2
    } else {
        set key outside right top maxrows 9
    }
    if (runs > 1 && form ne 'txt') { set multiplot layout 1, runs }
    do for [i = 1:(form eq 'txt' ? 1 : runs)] {
        do for [k = 1:6] {
            stats data index i - 1 using 2 + 3 * k nooutput
            shown[k] = STATS_min != 0 || STATS_max != 0
        }
        set title label[i] noenhanced textcolor '#222222'
        plot for [k = 1:6] data index i - 1 \
                 using 1:(shown[k] ? sign[k] * column(2 + 3 * k) : 1/0) \
                 with lines linewidth 2 linecolor rgb colour[ink[k]] \
                 title (shown[k] ? part[k] : ''), \
             data index i - 1 using 1:2 with lines linewidth 3 \
                 dashtype (10, 5) linecolor rgb colour[7] title 'ELBO'
    }
    if (runs > 1 && form ne 'txt') { unset multiplot }
    set output
}

# plots/terms.gp -- the parts of the bound with the signs they have in it: what
# control adds above; what learning the model adds below, counted from the first row,
# since its level is that of the data. One column a run. A part that is zero throughout is left out.

data = 'terms.dat'
array part[6] = ['reward', '-KL policy', '-KL transition', '-KL stop', \
                 'likelihood', 'prior']
array field[6] = [1, 2, 3, 6, 4, 5]
array sign[6] = [1, -1, -1, -1, 1, 1]
array ink[6] = [3, 2, 5, 4, 1, 6]
array shown[6]
array origin[6]
array first[2] = [1, 5]
array last[2] = [4, 6]
array side[2] = ['control [nats]', 'model, change [nats]']

at(k) = 2 + 3 * field[k]
learns = 0
do for [i = 1:runs] {
    do for [k = 5:6] {
        stats data index i - 1 using (column(at(k))) nooutput
        if (STATS_min != 0 || STATS_max != 0) { learns = 1 }
    }
}
rows = 1 + learns

do for [form in forms] {
    if (form eq 'txt') {
        set terminal dumb noenhanced mono 79 18 * rows
        set grid noytics
        columns = 1
    } else {
        eval terminal(form, 760 * runs, 330 * rows)
        columns = runs
    }
    set output kind.'.'.form
    set key outside right top maxrows 4
    set rmargin (form eq 'txt' ? 19 : 22)
    set lmargin 11
    set multiplot layout rows, columns
    do for [row = 1:rows] {
        do for [i = 1:columns] {
            any = 0
            do for [k = first[row]:last[row]] {
                stats data index i - 1 using (column(at(k))) nooutput
                shown[k] = STATS_min != 0 || STATS_max != 0
                any = any || shown[k]
                stats data index i - 1 every ::0::0 using (column(at(k))) nooutput
                origin[k] = row == 1 ? 0 : STATS_min
            }
            set title (row == 1 ? label[i] : '') noenhanced \
                textcolor '#222222'
            set xlabel (row == rows ? 'iteration' : '')
            set ylabel side[row]
            plot for [k = first[row]:last[row]] data index i - 1 \
                     using 1:(shown[k] ? sign[k] * (column(at(k)) - origin[k]) : any ? 1/0 : 0) \
                     with lines linewidth 2.5 linecolor rgb colour[ink[k]] \
                     title (shown[k] ? part[k] : '')
        }
    }
    unset multiplot
    set output
}

# Reads epochs.csv, which figure.gp wrote; writes figure_epochs.svg.
load '../../plots/style.gp'
set terminal svg size 1080,640 font 'sans,15' noenhanced background '#ffffff'
set output 'figure_epochs.svg'
set datafile separator ','
blocks(n) = sprintf("< awk -F, -v OFS=, '$1 == \"%s\" && $2 != \"fall\" { split($2, a, \"-\"); $2 = 1.5 * (a[1] + a[2]); print }' epochs.csv", n)
mean_of(name) = real(system(sprintf("awk -F, '$1 == \"%s\" { s += $12; n++ } END { print (n ? s / n : -1) }' results.csv", name)))
array task[2] = ['balance', 'swing-up']
array true[2] = ['true', 'swing_true_small']
array random[2] = ['random', 'swing_random']
array top[2] = [180, 180]
model(k, i) = word(k == 1 ? 'epochs_p epochs_pe' : 'swing_epochs_p swing_epochs_pe', i)
array label[2] = ['one Gaussian network', 'five']
set multiplot layout 2, 2 title "One set of 2000 uniform steps, more epochs; means of fifteen epochs, bars: one standard error over 5 runs"
set tmargin 2.2; set bmargin 3; set lmargin 9; set rmargin 2.5
do for [row = 1:2] {
    do for [k = 1:2] {
        best = mean_of(true[k]); worst = mean_of(random[k])
        unset label
        set xrange [0:(k == 1 ? 60 : 120)]
        set xlabel (row == 2 ? 'epochs' : '') offset 0,0.4
        set title (row == 1 ? task[k] : "") offset 0,-0.4
        if (row == 1) { set key off; set yrange [-10:top[k]]; set label 2 'random model' at graph 0.75, first worst + 9 textcolor rgb '#777777' font ',13'; set label 1 'true model' at graph 0.02, first best + 8 textcolor rgb '#777777' font ',13' }
        if (row == 2) { set key inside bottom right vertical Left reverse samplen 2; set yrange [0:32] }
        set ylabel (k == 1 ? (row == 1 ? 'return' : 'log p held out, nats a step') : '') offset 0.5,0
        if (row == 1) {
            plot for [i = 1:2] blocks(model(k, i)) using 2:4:5 with yerrorlines pt 7 ps 0.6 lw 1.6 lc rgb colour[i], \
                best with lines lw 2 dt 2 lc rgb '#777777', worst with lines lw 2 dt 3 lc rgb '#777777'
        } else {
            plot for [i = 1:2] blocks(model(k, i)) using 2:6:7 with yerrorlines pt 7 ps 0.6 lw 1.6 lc rgb colour[i] title (k == 1 ? label[i] : '')
        }
    }
}
unset multiplot

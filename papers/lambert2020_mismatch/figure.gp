# Reads the metrics of the runs (variable `runs`: their folder); writes models.csv and
# adversary.csv (a row a model), correlations.csv, trials.csv, epochs.csv and figure.svg.
system(sprintf("awk -f rows.awk %s/on_policy/seed-*/metrics.csv %s/swing/seed-*/metrics.csv %s/epochs_*/seed-*/metrics.csv %s/swing_epochs_*/seed-*/metrics.csv > models.csv", runs, runs, runs, runs))
system("echo run,regime,statistic,value,low,high,models,runs > correlations.csv; for r in on_policy swing; do awk -v run=$r -f correlate.awk models.csv; done >> correlations.csv")
system("echo run,trial,runs,return,error,on_policy_mean,expert_median,grid_median > trials.csv; for r in on_policy swing; do awk -v run=$r -f trials.awk models.csv; done >> trials.csv")
system("echo run,iterations,runs,return,return_error,logp,logp_error > epochs.csv; for r in epochs_d epochs_de epochs_p epochs_pe swing_epochs_p swing_epochs_pe; do awk -v run=$r -f epochs.awk models.csv; done >> epochs.csv")
system("echo name,seed,logp,return > adversary.csv")
adversary(c, name) = system(sprintf("awk -v c=%s -f adversary.awk %s/%s/seed-*/metrics.csv >> adversary.csv", c, runs, name))
adversary_rows = adversary("0.02", "adversary") . adversary("0", "adversary_fit") . adversary("0.00125", "networks") . adversary("0.01", "networks_dear")
mean_of(name) = real(system(sprintf("awk -F, '$1 == \"%s\" { s += $12; n++ } END { print (n ? s / n : -1) }' results.csv", name)))
load '../../plots/style.gp'
set terminal svg size 1080,840 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
set datafile separator ','
only(n) = sprintf("< awk -F, '$1 == \"%s\"' models.csv", n)
rho(n, r) = system(sprintf("awk -F, '$1 == \"%s\" && $2 == \"%s\" && $3 == \"spearman\" { printf \"%%.2f, 95 %%%% [%%.2f, %%.2f]\", $4, $5, $6 }' correlations.csv", n, r))
# the likelihood of steps far from the data falls by powers of ten
squash(l) = l > -30 ? l : -30 - 20 * log10(-l / 30)
array column[3] = [5, 6, 7]
array regime[3] = ['expert', 'on_policy', 'grid']
array what[3] = ['an expert''s steps', 'rows held out', 'steps of a grid']
array name[2] = ['on_policy', 'swing']
array task[2] = ['balance', 'swing-up']
array true[2] = ['true', 'swing_true']
array random[2] = ['random', 'swing_random']
array top[2] = [215, 205]
set multiplot layout 2, 3 title "Return of a model and its log-likelihood; Spearman's rank correlation with its 95 % interval"
set tmargin 2.6; set bmargin 4.8; set lmargin 7.5; set rmargin 2.5
set key off
do for [k = 1:2] {
    best = mean_of(true[k]); worst = mean_of(random[k])
    set yrange [-12:top[k]]
    do for [i = 1:3] {
        set title task[k] . ': Spearman ' . rho(name[k], regime[i]) textcolor '#222222' font ',13'
        set xlabel 'log p, ' . what[i] . (i == 2 ? ", nats\n " : ", nats\n(left of the line by powers of ten)") offset 0,0.3
        set ylabel (i == 1 ? 'return, mean of 4 episodes' : '') offset 0.5,0
        if (i == 2) { set xtics 5 } else { set xtics ('30' 30, '0' 0, '-30' -30, '-3e3' squash(-3e3), '-3e5' squash(-3e5)) }
        unset label
        unset arrow
        if (i != 2) { set arrow 1 from -30, graph 0 to -30, graph 1 nohead lw 1 lc rgb '#bbbbbb' back }
        if (i == 2) {
            set label 1 'true model' at graph 0.03, first best + 9 textcolor rgb '#009E73' font ',13'
            set label 2 'random model' at graph 0.55, first worst + 8 textcolor rgb '#777777' font ',13'
        }
        plot only(name[k]) using (i == 2 ? $6 : squash(column(column[i]))):4 with points pt 7 ps 0.5 lc rgb colour[i], \
            best with lines lw 2 dt 2 lc rgb '#009E73', worst with lines lw 2 dt 3 lc rgb '#777777'
    }
}
unset multiplot

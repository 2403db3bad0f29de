# Reads results.csv (its logs have 250 episodes) and log.csv (1000); writes paired.csv (returns
# of a method less another's, paired over the three worlds: mean, standard error, worlds where
# the first is ahead) and figure.svg: dots, means of three worlds; rings, each of them.
load '../../plots/style.gp'
set terminal svg size 980,440 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
# A row is a run of results.csv, or a method of log.csv with a + before it.
of(run, grids) = run[1:1] eq '+' ? \
    sprintf("< awk -F, '$1 == \"0.6\" && $3 == \"%s\" && $4 == \"%s\" { print $7 }' log.csv", grids, run[2:]) : \
    sprintf("< awk -F, '$1 ~ /^%s%s_[abc]$/ { print $12 }' results.csv", grids eq 'seen' ? 'seen_' : '', run)
mean(run, grids) = of(run, grids) . " | awk '{ x += $1; n++ } END { print x / n }'"
rows = 'two_stage identity woodbury adam exact true logged cwpdis instances +two_stage +pooled +instances'
names = "'two-stage' 'identity' 'Woodbury (8)' 'exact, Adam' 'exact, BFGS' 'true rewards' 'log of 250: two-stage' '... pooled' '... by instance' 'log of 1000: two-stage' '... pooled' '... by instance'"
hue(i) = i == 6 ? '#555555' : i == 1 || i == 7 || i == 10 ? '#d55e00' : '#0072b2'
system("{ echo grids,first,second,difference,error,ahead; for grids in seen unseen; do for pair in exact,two_stage woodbury,exact identity,exact adam,exact woodbury,adam identity,adam cwpdis,logged instances,logged +instances,+two_stage +pooled,+two_stage; do awk -F, -v grids=$grids -v a=${pair%,*} -v b=${pair#*,} 'FILENAME == \"log.csv\" { if ($1 == \"0.6\" && $3 == grids) x[\"+\" $4, $5] = $7; next } { name = $1; world = substr(name, length(name)); name = substr(name, 1, length(name) - 2); if (sub(/^seen_/, \"\", name) == (grids == \"seen\")) x[name, world] = $12 } END { for (i = split(\"a b c\", w, \" \"); i; i--) { d = x[a, w[i]] - x[b, w[i]]; m += d / 3; v += d * d / 3; up += d > 0 } printf \"%s,%s,%s,%.3f,%.3f,%d\\n\", grids, a, b, m, sqrt((v - m * m) / 2), up }' results.csv log.csv; done; done; } > paired.csv")
set multiplot title 'Rewards predicted from features: by squared error, or by what the plan earns'
set tmargin at screen 0.91
set bmargin at screen 0.16
set yrange [12.6:0.4]
unset grid
set grid xtics linecolor '#e4e4e4'
unset key
set xtics 10
do for [panel = 1:2] {
    grids = panel == 1 ? 'seen' : 'unseen'
    set lmargin at screen (panel == 1 ? 0.22 : 0.63)
    set rmargin at screen (panel == 1 ? 0.58 : 0.98)
    set xrange [0:31]
    set label 1 sprintf('random kernel: %.0f', real(system(substr(mean('random', grids), 3, -1)))) at graph 0.03, first 6 textcolor '#777777'
    set ytics ('' 0)
    do for [i = 1:words(names)] { set ytics add ((panel == 1 ? word(names, i) : '') i) }
    set xlabel panel == 1 ? 'return in the 10 grids learnt from' : 'return in 6 unseen grids'
    plot for [i = 1:words(rows)] of(word(rows, i), grids) using 1:(i) with points pt 6 ps 0.8 lc rgb '#999999' notitle, \
         for [i = 1:words(rows)] mean(word(rows, i), grids) using 1:(i) with points pt 7 ps 1.3 lc rgb hue(i) notitle
}
unset multiplot

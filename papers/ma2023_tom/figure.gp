# Reads results.csv; writes figure.svg.
load '../../plots/style.gp'
set terminal svg size 860,460 font 'sans,15' noenhanced background '#ffffff'
set output 'figure.svg'
gaps(what) = sprintf("< awk -F, '$1 ~ /^%s_0(\\.[13])?$/ { split($1, x, \"_\"); n = split($1, x, \"_\"); s[x[n]] += 100 * $13 / $12; k[x[n]]++ } END { for (i in s) print i, s[i] / k[i] }' results.csv | sort -n", what)
set title 'With noise, only KL and an exact ratio weigh by the policy''s visits'
set style data histograms
set style histogram clustered gap 1.5
set style fill solid 0.9 noborder
set boxwidth 0.9
set yrange [-90:20]
set xlabel 'probability that a move fails'
set ylabel 'error of the promised return, %'
set xzeroaxis lt 1 lc rgb '#444444'
set xrange [-0.55:2.55]
set rmargin at screen 0.74
set key at screen 0.77, screen 0.75 left top Left reverse maxcols 1 spacing 1.6
plot gaps('even') using 2:xtic(1) lc rgb '#e69f00' title 'likelihood alone', \
     gaps('visits') using 2 lc rgb '#555555' title 'policy''s visits', \
     gaps('kl') using 2 lc rgb '#0072b2' title 'KL, exact ratio', \
     gaps('chi2') using 2 lc rgb '#d55e00' title 'chi2, exact ratio', \
     gaps('chi2_none') using 2 lc rgb '#cc79a7' title 'chi2, no ratio', \
     gaps('released') using 2 lc rgb '#009e73' title 'chi2, as released', \
     gaps('random') using 2 lc rgb '#bbbbbb' title 'random model', \
     NaN with lines lw 1.5 lc rgb '#444444' title 'true model: 0'

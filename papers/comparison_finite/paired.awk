# Of the worlds' settings from results.csv: earned, less what the true model and what
# maximum likelihood earn on the same seeds; means and standard errors.
BEGIN { FS = OFS = ","; print "name,seeds,less_true,less_true_se,over_likelihood,over_likelihood_se" }
NR > 1 && /^(garnet|rooms)_/ {
    x[$1, $2] = $12
    if (!($1 in seen)) name[++count] = $1
    seen[$1] = 1
    if ($2 > last) last = $2 + 0
}
function compare(a, b,    s, d, n, sum, square, mean) {
    for (s = 0; s <= last; s++) {
        if (!((a, s) in x) || !((b, s) in x)) continue
        d = x[a, s] - x[b, s]; n++; sum += d; square += d * d
    }
    mean = sum / n
    seeds = n
    return sprintf("%.4g,%.2g", mean, n > 1 && square > n * mean ^ 2 ? sqrt((square / n - mean ^ 2) / (n - 1)) : 0)
}
END {
    for (k = 1; k <= count; k++) {
        world = name[k]; sub(/_.*/, "", world)
        a = compare(name[k], world "_true")
        print name[k], seeds, a, compare(name[k], world "_ml")
    }
}

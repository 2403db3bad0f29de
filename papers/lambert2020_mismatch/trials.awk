# trials.awk -- models of one run's setting by their trial: awk -v run=swing -f trials.awk models.csv
#
# Mean and standard error of the return, means and medians of log-likelihoods, over runs.
BEGIN { FS = OFS = "," }
$1 == run { i = $3; m = ++n[i]; if (i > last) last = i; for (c = 4; c <= 7; c++) x[i, c, m] = $c }
function sort(v, k,    i, j, t) {
    for (i = 2; i <= k; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
}
function mean(i, c,    s, k) { for (k = 1; k <= n[i]; k++) s += x[i, c, k]; return s / n[i] }
function error(i, c,    s, k, a) {
    a = mean(i, c)
    for (k = 1; k <= n[i]; k++) s += (x[i, c, k] - a) ^ 2
    return n[i] > 1 ? sqrt(s / (n[i] - 1) / n[i]) : 0
}
function median(i, c,    v, k) {
    for (k = 1; k <= n[i]; k++) v[k] = x[i, c, k]
    sort(v, n[i])
    return n[i] % 2 ? v[(n[i] + 1) / 2] : (v[n[i] / 2] + v[n[i] / 2 + 1]) / 2
}
END {
    for (i = 1; i <= last; i++)
        if (n[i]) printf "%s,%d,%d,%.4g,%.2g,%.4g,%.4g,%.4g\n", run, i, n[i], mean(i, 4), error(i, 4), mean(i, 6), median(i, 5), median(i, 7)
}

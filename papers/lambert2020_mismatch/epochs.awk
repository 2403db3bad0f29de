# epochs.awk -- the same data, more epochs: awk -v run=epochs_p -f epochs.awk models.csv
#
# Means of five iterations over runs, with standard errors; and "fall": the last five less the
# best five, whose place each run is told by the means of the other runs, so that no run chooses
# its own best.
BEGIN { FS = OFS = ","; WIDTH = 5 }
$1 == run {
    if (!($2 in seen)) { seen[$2] = 1; runs[++m] = $2 }
    b = int(($3 - 1) / WIDTH) + 1
    if (b > last) last = b
    J[$2, b] += $4 / WIDTH; l[$2, b] += $6 / WIDTH
}
# mean and standard error over runs of x[1 .. m]
function line(what, x, y) { print run, what, m, numbers(x), numbers(y) }
function numbers(x,    i, s, q) {
    for (i = 1; i <= m; i++) s += x[i] / m
    for (i = 1; i <= m; i++) q += (x[i] - s) ^ 2
    return sprintf("%.4g,%.2g", s, m > 1 ? sqrt(q / (m - 1) / m) : 0)
}
# where runs other than i have their best five
function best(i,    b, k, s, most, at) {
    for (b = 1; b <= last; b++) {
        s = 0
        for (k = 1; k <= m; k++) if (k != i) s += J[runs[k], b]
        if (!at || s > most) { most = s; at = b }
    }
    return at
}
END {
    for (b = 1; b <= last; b++) {
        for (i = 1; i <= m; i++) { x[i] = J[runs[i], b]; y[i] = l[runs[i], b] }
        line(WIDTH * (b - 1) + 1 "-" WIDTH * b, x, y)
    }
    for (i = 1; i <= m; i++) {
        b = best(i)
        x[i] = J[runs[i], last] - J[runs[i], b]; y[i] = l[runs[i], last] - l[runs[i], b]
    }
    line("fall", x, y)
}

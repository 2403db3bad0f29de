# correlate.awk -- correlation of log-likelihood and return over models, with intervals.
#
#   awk -v run=on_policy -f correlate.awk models.csv    (rows.awk; those of `run` count)
#
# Pearson's and Spearman's, and Spearman's of what is left when each iteration's mean rank
# is taken off (models with as much data). Models of one run are dependent: runs are drawn
# with replacement, 1000 times, whole; 2.5 and 97.5 per cent. Only the standard generator
# below is used, so that all awks give the same numbers.
BEGIN { FS = OFS = ","; DRAWS = 1000; state = 20201 }
$1 == run {
    n++; at[n] = $3; x[n, 0] = $4; x[n, 1] = $5; x[n, 2] = $6; x[n, 3] = $7
    if (!($2 in seen)) { seen[$2] = 1; runs[++m] = $2 }
    rows[$2] = rows[$2] " " n
}
# Park and Miller 1988
function even() { state = (16807 * state) % 2147483647; return state / 2147483647 }
function rank(k, from, to,    i, j, less, same) {
    for (i = 1; i <= k; i++) {
        less = same = 0
        for (j = 1; j <= k; j++) {
            if (x[pick[j], from] < x[pick[i], from]) less++
            else if (x[pick[j], from] == x[pick[i], from]) same++
        }
        y[i, to] = less + (same + 1) / 2
    }
}
function correlation(k,    i, a, b, aa, bb, ab) {
    for (i = 1; i <= k; i++) { a += y[i, 0]; b += y[i, 1] }
    a /= k; b /= k
    for (i = 1; i <= k; i++) {
        aa += (y[i, 0] - a) ^ 2; bb += (y[i, 1] - b) ^ 2; ab += (y[i, 0] - a) * (y[i, 1] - b)
    }
    return aa * bb > 0 ? ab / sqrt(aa * bb) : 0
}
function level(k, c,    i, s, q) {
    for (i = 1; i <= k; i++) { s[at[pick[i]]] += y[i, c]; q[at[pick[i]]]++ }
    for (i = 1; i <= k; i++) y[i, c] -= s[at[pick[i]]] / q[at[pick[i]]]
}
# out[1 .. 3] of regime r over the rows picked
function all(k, r, out,    i) {
    for (i = 1; i <= k; i++) { y[i, 0] = x[pick[i], 0]; y[i, 1] = x[pick[i], r] }
    out[1] = correlation(k)
    rank(k, 0, 0); rank(k, r, 1)
    out[2] = correlation(k)
    level(k, 0); level(k, 1)
    out[3] = correlation(k)
}
function sort(v, k,    i, j, t) {
    for (i = 2; i <= k; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
}
END {
    split("expert on_policy grid", name, " "); split("pearson spearman spearman_same_trial", what, " ")
    for (r = 1; r <= 3; r++) {
        for (i = 1; i <= n; i++) pick[i] = i
        all(n, r, value)
        for (d = 1; d <= DRAWS; d++) {
            k = 0
            for (i = 1; i <= m; i++) {
                h = split(rows[runs[1 + int(m * even())]], list, " ")
                for (j = 1; j <= h; j++) pick[++k] = list[j]
            }
            all(k, r, out)
            for (c = 1; c <= 3; c++) drawn[c, d] = out[c]
        }
        for (c = 1; c <= 3; c++) {
            for (d = 1; d <= DRAWS; d++) v[d] = drawn[c, d]
            sort(v, DRAWS)
            printf "%s,%s,%s,%.3f,%.3f,%.3f,%d,%d\n", run, name[r], what[c], value[c], v[25], v[976], n, m
        }
    }
}

# The maze's table from metrics.csv of its runs: means of the last ten rounds, of all where
# there are fewer.
BEGIN { FS = OFS = ","; print "name,rounds,return_real,return_model,nll" }
function out(    i, first, real, model, nll) {
    first = m > 10 ? m - 9 : 1
    for (i = first; i <= m; i++) { real += R[i]; model += M[i]; nll += N[i] }
    m = m - first + 1
    print name, m, sprintf("%.6g", real / m), sprintf("%.6g", model / m),
        at ? sprintf("%.6g", nll / m) : ""
}
FNR == 1 {
    if (name) out()
    m = at = 0
    name = FILENAME
    sub(/\/seed-0\/metrics.csv$/, "", name)
    sub(/.*\//, "", name)
    for (i = 1; i <= NF; i++) if ($i == "nll") at = i
    next
}
{ R[++m] = $10; M[m] = $9; N[m] = $at }
END { if (name) out() }

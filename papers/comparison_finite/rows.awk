# Rows of the figure for one world (w) from results.csv: number, earned, two standard errors,
# promised, and their names in the order of `keys`; 0 is the random model, 1 the true one.
# The maze has one seed and settings that alternate: there the last ten rounds of `runs` count.
BEGIN { FS = ","; count = split(keys, key, " ") }
NR > 1 { n[$1]++; earned[$1] += $12; square[$1] += $12 ^ 2; promised[$1] += $11 }
function rounds(name,    file, line, x, m, first) {
    file = runs "/" name "/seed-0/metrics.csv"
    while ((getline line < file) > 0) if (line !~ /^iteration/) all[++m] = line
    close(file)
    first = m > 10 ? m - 9 : 1
    earned[name] = promised[name] = n[name] = square[name] = 0
    for (i = first; i <= m; i++) {
        split(all[i], x, ",")
        earned[name] += x[10]; promised[name] += x[9]; n[name]++
    }
}
END {
    zero = earned[w "_random"] / n[w "_random"]
    unit = earned[w "_true"] / n[w "_true"] - zero
    for (k = 1; k <= count; k++) {
        name = w "_" key[k]
        if (!(name in n)) continue
        if (w == "maze" && key[k] !~ /^(random|true)$/) rounds(name)
        mean = earned[name] / n[name]
        v = square[name] / n[name] - mean ^ 2
        e = w != "maze" && n[name] > 1 && v > 0 ? 2 * sqrt(v / (n[name] - 1)) : 0
        print k, (mean - zero) / unit, e / unit, (promised[name] / n[name] - zero) / unit
    }
}

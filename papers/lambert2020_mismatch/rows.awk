# rows.awk -- a row a model: awk -f rows.awk RUNS/NAME/seed-N/metrics.csv ...
BEGIN { FS = OFS = ","; print "name,seed,iteration,return,expert,on_policy,grid" }
FNR == 1 {
    k = split(FILENAME, part, "/")
    name = part[k - 2]; seed = substr(part[k - 1], 6)
    for (i = 1; i <= NF; i++) at[$i] = i
    next
}
{
    printf "%s,%s,%d,%.10g,%.10g,%.10g,%.10g\n", name, seed, $1, $(at["return_real"]), \
        -$(at["nll_expert"]), $(at["fit_holdout"]), -$(at["nll_grid"])
}

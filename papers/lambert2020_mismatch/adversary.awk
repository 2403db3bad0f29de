# adversary.awk -- a row a model: -v c=0.02 -f adversary.awk RUNS/NAME/seed-N/metrics.csv
#
# log p a step of the data, of which the objective is log p - c J, and J; of networks those of
# the search's own episodes, in the iterations that search.
BEGIN { FS = OFS = "," }
FNR == 1 {
    k = split(FILENAME, part, "/")
    name = part[k - 2]; seed = substr(part[k - 1], 6)
    split("", at)
    for (i = 1; i <= NF; i++) at[$i] = i
    next
}
"search_J" in at {
    if ($(at["search_plans"]) == 0) next
    printf "%s_fit,%s,%.6g,%.6g\n", name, seed, $(at["search_l_fit"]) + c * $(at["search_J_fit"]), $(at["search_J_fit"])
    printf "%s,%s,%.6g,%.6g\n", name, seed, $(at["search_l"]) + c * $(at["search_J"]), $(at["search_J"])
    next
}
{ printf "%s,%s,%.6g,%.6g\n", name, seed, $(at["likelihood_term"]) / $(at["ess"]) + c * $(at["return_real"]), $(at["return_real"]) }

#!/bin/sh
# papers/run.sh PROGRAM [FOLDER...] -- run the experiments of the paper folders.
#
# Each line of a folder's runs.txt is "name file overrides"; run directories go to
# runs/papers/<folder>/<name>. The last rows of all seeds become results.csv,
# tiny.yaml's become tiny.csv (asserted by the tests), figure.gp makes figure.svg.
set -eu
program=$1
shift
here=$(dirname "$0")
[ $# -gt 0 ] || set -- "$here"/*/

last_rows() { # name directory
    for metrics in "$2"/seed-*/metrics.csv; do
        seed=${metrics%/metrics.csv}
        awk -F, -v OFS=, -v name="$1" -v seed="${seed##*/seed-}" '
            NR == 1 { for (i = 1; i <= 12; i++) head = head OFS $i }
            { last = $0; n = split($0, x, ","); row = ""
              for (i = 1; i <= 12; i++) row = row OFS x[i] }
            END { print name, seed row }' "$metrics"
    done
}

for folder in "$@"; do
    folder=${folder%/}
    name=${folder##*/}
    [ -f "$folder/runs.txt" ] || continue
    out=runs/papers/$name
    mkdir -p "$out"
    start=$(date +%s)
    results=$folder/results.csv
    echo "name,seed,iteration,env_steps,elbo,reward_term,policy_kl,transition_kl,likelihood_term,prior_term,return_model,return_real,value_gap,ess" >"$results.tmp"
    grep -v '^#' "$folder/runs.txt" | while read -r run file overrides; do
        [ -n "$run" ] || continue
        # shellcheck disable=SC2086 # overrides are words without blanks
        "$program" run -q -f "$folder/$file" $overrides -o "$out/$run" >/dev/null
        last_rows "$run" "$out/$run" >>"$results.tmp"
        "$program" plot -q return "$out/$run" # return.dat: mean and range of seeds
    done
    mv "$results.tmp" "$results"
    "$program" run -q -f "$folder/tiny.yaml" -o "$out/tiny" >/dev/null
    cp "$out/tiny/seed-0/metrics.csv" "$folder/tiny.csv"
    (cd "$folder" && gnuplot -d -e "runs='../../$out'" figure.gp)
    echo "$name: $(($(date +%s) - start)) s"
done

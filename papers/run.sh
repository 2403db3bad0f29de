#!/bin/sh
# papers/run.sh PROGRAM [FOLDER...] -- run the experiments of the paper folders.
#
# Each line of a folder's runs.txt is "name file key=value ..." (quote a value that has
# blanks, as 'inference.weight=1 + s'); run directories go to runs/papers/<folder>/<name>, as many at once as there are cores (JOBS=n). The
# last rows of all seeds become results.csv, tiny.yaml's become tiny.csv (asserted by
# the tests), each line of comparisons.txt ("elbo compare" options and names of runs)
# a table in compared.txt, and figure*.gp make the figures. A run that fails stops
# all, by its name. Results are the same for any number of jobs.
set -eu

# One run and the data of its curves; called below through xargs.
if [ "$1" = --run ]; then
    program=$2 folder=$3 out=$4 name=$5 file=$6
    shift 6
    if "$program" run -q -f "$folder/$file" "$@" -o "$out/$name" >"$out/$name.log" 2>&1 &&
        "$program" plot -q return "$out/$name" >>"$out/$name.log" 2>&1; then
        rm "$out/$name.log"
        exit 0
    fi
    { echo "papers/run.sh: $folder: run $name failed:"; sed 's/^/    /' "$out/$name.log"; } >&2
    exit 255 # xargs starts no other
fi

program=$1
shift
here=$(dirname "$0")
jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}
[ $# -gt 0 ] || set -- "$here"/*/

# name, seed and the columns that always exist, of each seed's last row; and nll, where a
# run of the folder has it.
last_rows() { # name directory ",nll" or nothing
    for metrics in "$2"/seed-*/metrics.csv; do
        seed=${metrics%/metrics.csv}
        echo "${seed##*/seed-} $metrics"
    done | sort -n | while read -r seed metrics; do
        awk -F, -v OFS=, -v name="$1" -v seed="$seed" -v more="$3" '
            NR == 1 { for (i = 1; i <= NF; i++) if ($i == "nll") nll = i }
            { row = ""; for (i = 1; i <= 12; i++) row = row OFS $i; last = nll ? $nll : "" }
            END { print name, seed row (more ? OFS last : "") }' "$metrics"
    done
}

# The lines that say something.
lines() { grep -vE "^[[:space:]]*(#|$)" "$1" | sed "s/[[:space:]]*$//"; }

run_folder() { # folder name
    out=runs/papers/$2
    mkdir -p "$out"
    twice=$(lines "$1/runs.txt" | awk '{ print $1 }' | sort | uniq -d)
    [ -z "$twice" ] || { echo "papers/run.sh: $1/runs.txt: twice: $twice" >&2; return 1; }

    # One thread a run, since the runs share the cores.
    { lines "$1/runs.txt"; [ ! -f "$1/tiny.yaml" ] || echo "tiny tiny.yaml"; } |
        OMP_NUM_THREADS=1 xargs -P "$jobs" -L 1 "$0" --run "$program" "$1" "$out" || return 1

    results=$1/results.csv
    nll=
    ! head -qn 1 "$out"/*/seed-*/metrics.csv | grep -q ",nll" || nll=,nll
    echo "name,seed,iteration,env_steps,elbo,reward_term,policy_kl,transition_kl,likelihood_term,prior_term,return_model,return_real,value_gap,ess$nll" >"$results.tmp"
    lines "$1/runs.txt" | while read -r run rest; do
        last_rows "$run" "$out/$run" "$nll"
    done >>"$results.tmp"
    mv "$results.tmp" "$results"
    [ ! -f "$1/tiny.yaml" ] || cp "$out/tiny/seed-0/metrics.csv" "$1/tiny.csv"

    if [ -f "$1/comparisons.txt" ]; then
        lines "$1/comparisons.txt" | while read -r words; do
            # shellcheck disable=SC2086 # a line is words without blanks
            (cd "$out" && "$program" compare $words) || exit 1
            echo
        done >"$1/compared.txt.tmp" || return 1
        mv "$1/compared.txt.tmp" "$1/compared.txt"
    fi
    for figure in "$1"/figure*.gp; do
        [ -f "$figure" ] || continue
        (cd "$1" && gnuplot -d -e "runs='../../$out'" "${figure##*/}") || return 1
    done
}

case $program in
/*) ;;
*) program=$PWD/$program ;;
esac
for folder in "$@"; do
    folder=${folder%/}
    if [ ! -f "$folder/runs.txt" ]; then
        [ -d "$folder" ] || { echo "papers/run.sh: no folder $folder" >&2; exit 1; }
        continue
    fi
    start=$(date +%s)
    run_folder "$folder" "${folder##*/}"
    echo "${folder##*/}: $(($(date +%s) - start)) s"
done

#!/bin/sh
# cost.sh PROGRAM -- one seed of each line of costly.txt; writes cost.csv: seconds by the
# clock, and what the plan earns and the model promises.
set -eu
program=$1
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export program out

{
    echo name,seconds,return_real,return_model
    grep -v '^#' costly.txt | OMP_NUM_THREADS=1 xargs -L 1 sh -c '
        name=$1 file=$2
        shift 2
        start=$(date +%s.%N)
        "$program" run -q "$file" seed=0 "$@" -o "$out/$name" >/dev/null || exit 255
        end=$(date +%s.%N)
        tail -n 1 "$out/$name/seed-0/metrics.csv" |
            awk -F, -v OFS=, -v name="$name" -v from="$start" -v to="$end" \
                "{ print name, sprintf(\"%.1f\", to - from), \$10, \$9 }"' cost
} >cost.csv.tmp
mv cost.csv.tmp cost.csv

#!/bin/sh
# stopped.sh PROGRAM -- settings that are not in runs.txt since some seeds stop; writes
# stopped.csv: which, and the program's words.
set -eu
program=$1
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

try() { # name file overrides
    name=$1 file=$2
    shift 2
    OMP_NUM_THREADS=1 "$program" run -q "$file" model.rank="$rank" "$@" -o "$out/$name" 2>&1 |
        sed -n "s/^elbo: seed \([0-9]*\): \(.*\)/$name,\1,\"\2\"/p" | grep -v warning || :
}

{
    echo name,seed,message
    rank=3
    try garnet_budget garnet.yaml inference.feedback=-1 'inference.data_scale=budget(0.1)'
    try garnet_free garnet.yaml 'inference.transition=free(ratio=clip(5), beta=1)'
    try garnet_free_weak garnet.yaml 'inference.transition=free(ratio=clip(5), beta=0.1)'
    rank=8
    try rooms_free rooms.yaml 'inference.transition=free(ratio=clip(5), beta=1)'
    try rooms_tom rooms.yaml 'inference.weight=tom(kl, exact, current, 0.1)'
} >stopped.csv.tmp
mv stopped.csv.tmp stopped.csv

#!/bin/sh
# log.sh PROGRAM -- worlds a, b, c from logs of 100 episodes an instance (1000 in all)
# by the soft policy that knows the rewards with a share of random actions. Writes
# log.csv: share, steps, grids judged, method, world, return promised and real.
set -eu
program=$1
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
error='sq(r - (Q(s,a) - gamma*E(V(y))))'

one() { # share steps world start grids method likelihood pool
    OMP_NUM_THREADS=1 "$program" run -q grids.yaml "inference.likelihood=$7" inference.data.pool=$8 \
        inference.data.policy=expert inference.data.epsilon=$1 inference.data.steps=$2 \
        env.transitions=transitions-$3.csv env.start=start-$3.csv env.initial=$4-$3.csv \
        model.rewards=rewards-$3.csv -o "$out/run" --force |
        sed 's/.*return_model *\([^ ]*\) *return_real *\([^ ]*\).*/\1,\2/;s/^/'$1,$2,$5,$6,$3,/
}

{
    echo share,steps,grids,method,world,return_model,return_real
    for log in '0.6 20000' '0.2 20000'; do
        for world in a b c; do
            for grids in start:seen initial:unseen; do
                set -- $log $world ${grids%:*} ${grids#*:}
                one "$@" instances "Jcwpdis - 0.1*$error" start
                one "$@" pooled "Jcwpdis - 0.1*$error" all
                one "$@" two_stage "-0.5*$error" all
            done
        done
    done
} >log.csv.tmp
mv log.csv.tmp log.csv

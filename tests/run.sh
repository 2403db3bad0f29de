#!/bin/sh
# tests/run.sh PROGRAM -- every suite, in as many parts at once as there are cores
# (PARTS=n sets how many). Exits with 1 when a part failed.
set -u

program=${1:?usage: run.sh PROGRAM}
parts=${PARTS:-$(getconf _NPROCESSORS_ONLN)}
: "${OMP_WAIT_POLICY:=passive}" # parts share the cores: threads that wait sleep
export OMP_WAIT_POLICY
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT INT TERM

part() { # K
    "$program" --part "$1/$parts" >"$out/$1" 2>&1 || : >"$out/failed"
}

k=0
while [ $((k += 1)) -le "$parts" ]; do part "$k" & done
wait
cat "$out"/[0-9]*
[ ! -e "$out/failed" ]

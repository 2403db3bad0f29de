#!/bin/sh
# tests/bench/run.sh BUILD -- benchmarks as ratios taken in one run.
#
# Ours and the peer take turns (A B A B ...), thread counts are equal, and the
# medians over the pairs are compared. Both sides obey OPENBLAS_CORETYPE, set or
# not. PYTHON names an interpreter with numpy and scipy (default python3), BAYESPY
# one with BayesPy (default PYTHON), TORCH one with PyTorch (default /usr/bin/python3,
# Debian's); without them the peers are left out. PAIRS: how many. Exits 1 when a target
# that could be measured was missed.
set -eu

build=${1:?usage: run.sh BUILD}
here=$(dirname "$0")
python=${PYTHON:-python3}
pairs=${PAIRS:-5}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT INT TERM

# Memory that was freed stays with the process: first touches are what would be
# timed otherwise. For both sides.
export MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=4000000000 \
    MALLOC_TOP_PAD_=268435456

threads() {
    export OMP_NUM_THREADS="$1" OPENBLAS_NUM_THREADS="$1"
}

# median FILE NAME: of the values of NAME in FILE.
median() {
    awk -v name="$2" '$1 == name { print $2 }' "$1" | sort -g |
        awk '{ x[NR] = $1 } END { if (NR) print x[int((NR + 1) / 2)] }'
}

# ratio NAME FILE PEER_FILE [PEER_NAME]: of the medians.
ratio() {
    awk -v a="$(median "$2" "$1")" -v b="$(median "$3" "${4:-$1}")" \
        'BEGIN { if (a > 0 && b > 0) printf "%.3g", a / b }'
}

# report WHAT VALUE at-least|at-most TARGET
report() {
    verdict=$(awk -v x="${2:-0}" -v how="$3" -v t="$4" 'BEGIN {
        print (how == "at-least" ? x >= t : x <= t) ? "pass" : "MISS" }')
    printf '%-58s %8s  %-8s %5s  %s\n' "$1" "${2:--}" "$3" "$4" "$verdict"
    [ "$verdict" = pass ] || echo missed >>"$out/missed"
}

skip() {
    printf '%-58s %8s  %s\n' "$1" - "skipped: $2"
}

# same_sum FILE PEER_FILE NAME [TOLERANCE]: both must have done the same.
same_sum() {
    awk -v a="$(median "$1" "$3")" -v b="$(median "$2" "$3")" -v t="${4:-1e-9}" 'BEGIN {
        d = a - b; exit !((d < 0 ? -d : d) <= t * a) }' || {
        echo "run.sh: $3 differs between a benchmark and its peer" >&2
        exit 1
    }
}

peer=
"$python" -c 'import numpy, scipy.sparse' 2>/dev/null && peer=yes
grep -qs avx512f /proc/cpuinfo && export ATEN_CPU_CAPABILITY=avx512
torch=${TORCH:-/usr/bin/python3}
"$torch" -c 'import torch' 2>/dev/null || torch=
bayespy=
"${BAYESPY:-$python}" -c 'import bayespy' 2>/dev/null && bayespy=${BAYESPY:-$python}

tabular() { # PROCESS THREADS: files $out/PROCESS.THREADS and .peer
    threads "$2"
    i=0
    while [ $i -lt "$pairs" ]; do
        "$build/bench/bench_tabular" "$1" >>"$out/$1.$2"
        [ -z "$peer" ] ||
            "$python" "$here/peer_tabular.py" "$1" >>"$out/$1.$2.peer"
        i=$((i + 1))
    done
    [ -z "$peer" ] || same_sum "$out/$1.$2" "$out/$1.$2.peer" "$1_sum"
}

against_peer() { # PROCESS THREADS TARGET WHAT
    if [ -n "$peer" ]; then
        report "$4" "$(ratio "$1" "$out/$1.$2" "$out/$1.$2.peer")" at-least "$3"
    else
        skip "$4" "no numpy and scipy in $python"
    fi
}

# A step with a loss that is an expression, against the same loss in C.
language() {
    i=0
    while [ $i -lt "$pairs" ]; do
        "$build/bench/bench_language" >>"$out/language"
        i=$((i + 1))
    done
    for world in rooms grid dense; do
        report "IterVAML as an expression / by hand in time, $world" \
            "$(median "$out/language" ${world}_ratio)" at-most 1.2
    done
}

# Steps of CartPole-v1 a second of processor time: one world, 4096 together.
cartpole() {
    one="CartPole steps, one world: elbo / a Python function"
    many="CartPole steps, 4096 worlds: elbo / numpy"
    if [ -z "$peer" ]; then
        skip "$one" "no numpy in $python"
        skip "$many" "no numpy in $python"
        return
    fi
    i=0
    while [ $i -lt "$pairs" ]; do
        "$build/bench/bench_cartpole" >>"$out/cartpole"
        "$python" "$here/peer_cartpole.py" >>"$out/cartpole.peer"
        i=$((i + 1))
    done
    for worlds in one many; do
        same_sum "$out/cartpole" "$out/cartpole.peer" ${worlds}_sum
    done
    report "$one" "$(ratio one_rate "$out/cartpole" "$out/cartpole.peer")" at-least 30
    report "$many" "$(ratio many_rate "$out/cartpole" "$out/cartpole.peer")" at-least 12
}

# A forward-backward pass of an HMM with so many states.
hmm() { # STATES TARGET
    what="HMM forward-backward, $1 states: elbo / numpy in time"
    if [ -z "$peer" ]; then
        skip "$what" "no numpy and scipy in $python"
        return
    fi
    i=0
    while [ $i -lt "$pairs" ]; do
        "$build/bench/bench_hmm" "$1" >>"$out/hmm.$1"
        "$python" "$here/peer_hmm.py" "$1" >>"$out/hmm.$1.peer"
        i=$((i + 1))
    done
    same_sum "$out/hmm.$1" "$out/hmm.$1.peer" count
    report "$what" "$(ratio ms "$out/hmm.$1.peer" "$out/hmm.$1")" at-least "$2"
}

# Training steps of networks. PyTorch's threads are its own or the BLAS's, as in sac.
networks() { # KIND THREADS TARGET
    what="Training step, $1: elbo / PyTorch, $2 thread(s)"
    f=$out/networks.$1.$2
    i=0
    while [ $i -lt "$pairs" ]; do
        OMP_NUM_THREADS=$2 "$build/bench/bench_networks" "$1" >>"$f"
        OMP_NUM_THREADS=$2 "$build/bench/bench_networks" sgemm >>"$f"
        if [ -n "$torch" ]; then
            OMP_NUM_THREADS=$2 OPENBLAS_NUM_THREADS=1 \
                "$torch" "$here/peer_networks.py" "$1" >>"$f.own"
            [ "$2" = 1 ] || OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=$2 \
                "$torch" "$here/peer_networks.py" "$1" >>"$f.blas"
        fi
        i=$((i + 1))
    done
    if [ -n "$torch" ]; then
        same_sum "$f" "$f.own" loss 1e-5
        [ "$2" != 1 ] || cp "$f.own" "$f.blas"
        best=$(printf '%s\n' "$(median "$f.own" steps)" "$(median "$f.blas" steps)" |
            sort -g | tail -n 1)
        echo "steps $best" >"$f.peer"
        report "$what" "$(ratio steps "$f" "$f.peer")" at-least "$3"
    else
        skip "$what" "no PyTorch in ${TORCH:-/usr/bin/python3}"
    fi
    [ "$1" != ensemble ] ||
        report "Training step: products / sgemm n = 1024, $2 thread(s)" \
            "$(ratio gflops "$f" "$f" sgemm)" at-least 0.65
}

# EM and variational EM of a latent linear system, in processor time.
kalman() { # NX EM_TARGET STEADY_TARGET VB_TARGET
    i=0
    while [ $i -lt "$pairs" ]; do
        "$build/bench/bench_kalman" "$1" >>"$out/kalman.$1"
        [ -z "$peer" ] ||
            "$python" "$here/peer_kalman.py" em "$1" >>"$out/kalman.$1.em"
        [ -z "$bayespy" ] ||
            "$bayespy" "$here/peer_kalman.py" vb "$1" >>"$out/kalman.$1.vb"
        i=$((i + 1))
    done
    what="Kalman EM, $1 states: elbo / numpy in time"
    if [ -n "$peer" ]; then
        same_sum "$out/kalman.$1" "$out/kalman.$1.em" loglik
        report "$what" "$(ratio em "$out/kalman.$1.em" "$out/kalman.$1")" \
            at-least "$2"
        report "$what, steady" \
            "$(ratio em "$out/kalman.$1.em" "$out/kalman.$1" em_steady)" \
            at-least "$3"
    else
        skip "$what" "no numpy and scipy in $python"
    fi
    report "Kalman EM, $1 states, steady: change of log-likelihood" \
        "$(median "$out/kalman.$1" steady_gap)" at-most 1e-6
    what="LDS variational EM, $1 states: elbo / BayesPy in time"
    if [ -n "$bayespy" ]; then
        report "$what" "$(ratio vb "$out/kalman.$1.vb" "$out/kalman.$1")" \
            at-least "$4"
    else
        skip "$what" "no bayespy in ${BAYESPY:-$python}"
    fi
}

# Updates of soft actor-critic. PyTorch's products have its own threads or the BLAS's,
# whichever is faster: both at once would fight.
sac() { # THREADS TARGET
    what="SAC update: elbo / PyTorch, $1 thread(s)"
    if [ -z "$torch" ]; then
        skip "$what" "no PyTorch in ${TORCH:-/usr/bin/python3}"
        return
    fi
    i=0
    while [ $i -lt "$pairs" ]; do
        OMP_NUM_THREADS=$1 OPENBLAS_NUM_THREADS=1 "$build/bench/bench_sac" >>"$out/sac.$1"
        OMP_NUM_THREADS=$1 OPENBLAS_NUM_THREADS=1 \
            "$torch" "$here/peer_sac.py" >>"$out/sac.$1.own"
        OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=$1 \
            "$torch" "$here/peer_sac.py" >>"$out/sac.$1.blas"
        i=$((i + 1))
    done
    best=$(printf '%s\n' "$(median "$out/sac.$1.own" sac_updates)" \
        "$(median "$out/sac.$1.blas" sac_updates)" | sort -g | tail -n 1)
    echo "sac_updates $best" >"$out/sac.$1.peer"
    report "$what" "$(ratio sac_updates "$out/sac.$1" "$out/sac.$1.peer")" at-least "$2"
}

# One step of 100 000 states through an ensemble, noise and all. PyTorch's threads as
# above.
rollout() { # THREADS TARGET
    i=0
    while [ $i -lt "$pairs" ]; do
        OMP_NUM_THREADS=$1 OPENBLAS_NUM_THREADS=1 \
            "$build/bench/bench_rollout" >>"$out/rollout.$1"
        if [ -n "$torch" ]; then
            OMP_NUM_THREADS=$1 OPENBLAS_NUM_THREADS=1 \
                "$torch" "$here/peer_rollout.py" >>"$out/rollout.$1.own"
            OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=$1 \
                "$torch" "$here/peer_rollout.py" >>"$out/rollout.$1.blas"
        fi
        i=$((i + 1))
    done
    [ "$1" != 1 ] ||
        report "rollout through an ensemble: of the sgemm rate at n = 1024" \
            "$(median "$out/rollout.1" of_gemm)" at-least 0.55
    what="rollout through an ensemble: elbo / PyTorch, $1 thread(s)"
    if [ -z "$torch" ]; then
        skip "$what" "no PyTorch in ${TORCH:-/usr/bin/python3}"
        return
    fi
    best=$(printf '%s\n' "$(median "$out/rollout.$1.own" states_per_second)" \
        "$(median "$out/rollout.$1.blas" states_per_second)" | sort -g | tail -n 1)
    echo "states_per_second $best" >"$out/rollout.$1.peer"
    report "$what" \
        "$(ratio states_per_second "$out/rollout.$1" "$out/rollout.$1.peer")" at-least "$2"
}

# Milliseconds of 20 starts of a command.
starts() {
    begin=$(date +%s%N)
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        "$@" >/dev/null
    done
    echo "ms $((($(date +%s%N) - begin) / 1000000))"
}

start_up() {
    what='elbo --version / an empty program with the same libraries'
    if [ ! -x "$build/elbo" ]; then
        skip "$what" "no $build/elbo"
        return
    fi
    i=0
    while [ $i -lt "$pairs" ]; do
        starts "$build/elbo" --version >>"$out/start"
        starts "$build/bench/bench_start" >>"$out/start.peer"
        i=$((i + 1))
    done
    report "$what" "$(ratio ms "$out/start" "$out/start.peer")" at-most 1.5
}

cores=$(getconf _NPROCESSORS_ONLN)
printf '%-58s %8s  %-8s %5s\n' 'ratio' 'measured' 'target' ''
for t in 1 2; do
    if [ "$cores" -lt $t ]; then
        skip "$t threads" "$cores core"
        continue
    fi
    tabular grid $t
    against_peer grid $t $((2 * t)) \
        "VI sweep, 10^6 states: elbo / scipy, $t thread(s)"
    report "VI sweep: bytes / STREAM triad, $t thread(s)" \
        "$(median "$out/grid.$t" grid_of_triad)" at-least 0.8
    report "soft VI / hard VI in time, CSR, $t thread(s)" \
        "$(median "$out/grid.$t" soft_cost)" at-most 1.5
    tabular garnet $t
    against_peer garnet $t "$([ $t = 1 ] && echo 1.2 || echo 1.0)" \
        "VI sweep, dense 500 x 10: elbo / numpy, $t thread(s)"
done
sac 1 1.25
if [ "$cores" -gt 1 ]; then
    sac 2 2.0
else
    skip "SAC update, 2 threads" "$cores core"
fi
avx512=yes
grep -q avx512f /proc/cpuinfo 2>/dev/null || avx512=
[ "${OPENBLAS_CORETYPE:-}" != Haswell ] || avx512=
networks ensemble 1 "$([ $avx512 ] && echo 1.25 || echo 1.15)"
if [ "$cores" -gt 1 ]; then
    networks ensemble 2 "$([ $avx512 ] && echo 2.0 || echo 1.7)"
else
    skip "Training step of an ensemble, 2 threads" "$cores core"
fi
networks small 1 10
rollout 1 1.1
if [ "$cores" -gt 1 ]; then
    rollout 2 1.5
else
    skip "rollout through an ensemble, 2 threads" "$cores core"
fi
threads 1
language
cartpole
kalman 4 25 150 50
kalman 10 9 60 25
kalman 50 1.6 8 4
hmm 4 80
hmm 10 40
hmm 50 12
hmm 200 1.7
start_up
[ ! -e "$out/missed" ]

#!/bin/sh
# tests/program.sh ELBO -- the program from outside: exit codes, run directories,
# signals, kills, damaged checkpoints, figures.
#
# KILLS=n sets how often a run is killed at a random instant (100).
set -u

[ $# -eq 1 ] || { echo "usage: $0 path/to/elbo" >&2; exit 2; }
elbo=$(realpath "$1") || exit 2
tree=$(realpath "$(dirname "$0")/..")
: "${ELBO_PLOTS:=$tree/plots}"
export ELBO_PLOTS
kills=${KILLS:-100}
passed=0
failed=0
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

# check NAME COMMAND...: it must succeed.
check() {
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok $name"
    else
        failed=$((failed + 1))
        echo "not ok $name"
        sed 's/^/    /' "$work/err" "$work/out" 2>/dev/null | head -20
    fi
}

# exits CODE ARGUMENT...: elbo's exit code; its output is in $work/out and err.
exits() {
    want=$1
    shift
    "$elbo" "$@" >"$work/out" 2>"$work/err"
    got=$?
    [ "$got" -eq "$want" ] && return 0
    echo "    elbo $*: exit $got, not $want"
    return 1
}

says() { grep -qF -- "$1" "$work/err"; }   # on stderr
tells() { grep -qF -- "$1" "$work/out"; }  # on stdout

# The digest of all that a resumed run must reproduce.
digest() {
    cat "$1"/seed-*/metrics.csv "$1"/seed-*/summary.json \
        $(for seed in "$1"/seed-*; do ls "$seed"/checkpoint/*.ck | tail -n 1; done) |
        sha256sum
}
same() { [ "$(digest "$1")" = "$(digest "$2")" ]; }
# await FILE: until it has something in it, a minute at most.
await() {
    tries=0
    while [ ! -s "$1" ] && [ $tries -lt 3000 ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
    [ -s "$1" ]
}
leaves_nothing() { [ -z "$(find . -name '.elbo-*' -print)" ]; }

cat >small.yaml <<'E'
name: small
seed: 0..1
env: {name: chain, slip: 0.2385, discount: 0.9}
model: tabular
control: {name: soft_value_iteration, temperature: 0.385}
inference: {iterations: 3, data: {steps: 385}}
E

# About half a second.
cat >half.yaml <<'E'
name: half
seed: [2, 5]
env: {name: riverswim, discount: 0.95}
model: tabular
control: {name: soft_value_iteration, temperature: 0.1}
inference:
  iterations: 300
  checkpoint_every: 7
  data: {mode: online, policy: current, steps: 20, epsilon: 0.1}
E

# Does not end by itself; its checkpoints are taken by time.
sed -e 's/name: half/name: endless/' -e 's/iterations: 300/iterations: 100000/' \
    -e '/checkpoint_every/d' half.yaml >endless.yaml

cat >table.yaml <<'E'
name: table
env: {name: chain, discount: 0.9}
model: tabular
control: soft_value_iteration
inference: {iterations: 2, data: {source: file, file: sub/d.csv}}
E
mkdir sub
cat >sub/d.csv <<'E'
state,action,reward,next_state,terminated
0,0,2,0,0
0,1,0,1,0
E

# ---- words ----

version_is() { exits 0 --version && [ "$(cat out)" = "elbo $(cat "$tree/inference/program/VERSION")" ]; }
check version_is_the_file_VERSION version_is
help_works() { exits 0 --help && tells "elbo run FILE" && [ ! -s err ]; }
check help_goes_to_stdout help_works
verb_help() {
    for verb in run resume plot compare check list; do
        exits 0 $verb --help && tells "usage: elbo $verb" || return 1
    done
}
check every_verb_has_help verb_help
no_verb() { exits 2 && says "usage"; }
check no_verb_is_wrong_usage no_verb
bad_verb() { exits 2 rum && says 'did you mean "run"?'; }
check an_unknown_verb_gets_a_suggestion bad_verb
bad_option() { exits 2 run small.yaml --quit && says 'did you mean "--quiet"?'; }
check an_unknown_option_gets_a_suggestion bad_option
bad_words() {
    exits 2 run && exits 2 resume a b && exits 2 plot elbo && exits 2 check &&
        exits 2 list envs a b && exits 2 run small.yaml -o && exits 2 run small.yaml -o '' &&
        exits 2 list -o x && exits 2 --nonsense && exits 2 -x
}
check wrong_words_are_wrong_usage bad_words
dashes() { exits 66 check -- -q && says "-q: error:"; }
check two_dashes_end_the_options dashes

# ---- list and check ----

lists() {
    exits 0 list && tells "four_rooms" && tells "inference.data" || return 1
    for word in envs models control terms factors words papers; do
        exits 0 list $word && [ -s out ] && [ ! -s err ] || return 1
    done
    exits 0 list words Ed && tells "conditional mean" || return 1
    exits 0 list envs chain && tells "small_reward" && ! tells "garnet"
}
check list_shows_the_tables lists
published() {
    exits 0 list terms itervaml && tells "-0.5*sq(E(V(y)) - V(next))" &&
        tells "calibrated surrogate" && tells "Farahmand" &&
        exits 0 list terms policies && tells "oracle"
}
check list_has_the_published_objectives published
judged() {
    mine=$tree/papers/your_first_objective/mine.yaml
    exits 0 check "$mine" && tells "surrogate, calibrated" && tells "no published objective" &&
        tells "8 compared with differences" &&
        exits 0 check "$mine" "inference.likelihood=-0.5*E(sq(V(y)-V(next)))" &&
        tells "uncalibrated" && tells "muzero_sampled" &&
        exits 0 check "$mine" 'inference.transition=free(ratio=clip(5))' \
            inference.likelihood=logp inference.weight=1 &&
        tells "feedback     1" && tells "8 compared with differences" &&
        exits 78 check "$mine" inference.likelihood=logpi
}
check check_says_what_an_objective_is judged
readme() {
    awk '/^```/ { if (inside) close(file); inside = /yaml/; if (inside) file = "readme-" ++n ".yaml"; next } inside { print >file }' "$tree/README.md"
    set -- readme-*.yaml
    [ $# -ge 4 ] || return 1
    for file; do exits 0 check "$file" && [ ! -s err ] || return 1; done
}
check every_experiment_of_the_README_is_accepted readme
list_typo() {
    exits 2 list evns && says '"envs"' && exits 2 list envs chian && says '"chain"'
}
check list_suggests_names list_typo
list_papers() {
    exits 0 list papers && tells "value equivalence (21)" && tells papers/toussaint2006_em &&
        exits 0 list papers VaGraM && tells 2204.01464 && exits 0 list papers levine2018_inference &&
        tells 1805.00909 && exits 0 list papers vagram && tells 2204.01464 &&
        exits 2 list papers VaGrma && says '"VaGraM"'
}
check list_papers_shows_all_or_one list_papers
check_small() { exits 0 check small.yaml && tells "objective" && [ ! -e runs ]; }
check check_tells_the_objective_and_writes_nothing check_small

# ---- exit codes of experiments ----

wrong_value() { exits 78 run small.yaml env.slip=2 && says "argument 3: error: slip"; }
check a_wrong_override_value_is_78 wrong_value
wrong_place() {
    exits 78 run small.yaml -q -o runs/x seed=1 env.slip=2 && says "argument 7: error: slip"
}
check an_argument_is_counted_as_the_user_sees_it wrong_place
malformed() { exits 2 run small.yaml slip && exits 2 run small.yaml =2 && exits 2 run small.yaml env..slip=1; }
check a_malformed_override_is_2 malformed
wrong_file() {
    sed 's/slip/slop/' small.yaml >wrong.yaml
    exits 78 run wrong.yaml && says 'wrong.yaml:3:20: error: unknown key "slop"' && says '^'
}
check a_wrong_file_is_78_with_place_and_caret wrong_file
frozen() {
    exits 78 check small.yaml control.name=psi_learning control.temperature=0 && says "argument 4: error: control.temperature: must be above 0"
}
check a_prior_that_could_never_change_blames_the_temperature frozen
# blamed PLACE WORDS ARGUMENT...: by check and by run, which leaves nothing.
blamed() {
    place=$1 words=$2
    shift 2
    for verb in check run; do
        exits 78 $verb part.yaml "$@" && says "$place: error: " && says "$words" && says '^' && [ ! -e runs/part ] || return 1
    done
}
parts() {
    cat >part.yaml <<'E'
name: part
env:
  name: garnet
  states: 3
  branching: 2
model:
  name: tabular
control: soft_value_iteration
inference: {iterations: 1, data: {steps: 7}}
E
    blamed "argument 3" "branching 5 is more than 3 states" env.branching=5 &&
        blamed part.yaml:8:10 "10000 actions, at most" env.actions=10000 &&
        blamed "argument 5" "dense model" env.states=100000 env.branching=1 model.support=all &&
        blamed "argument 4" "coordinates" model.name=softmax "inference.likelihood=logp-norm(E(y)-next)" &&
        blamed "argument 3" "one of block and groups" model.name=aliased || return 1
    sed -i 's/^  name: tabular/  name: aliased\n  groups: 4/' part.yaml
    blamed part.yaml:8:11 "groups: 4 of 3 states" || return 1
    sed -i -e '/branching/d' -e 's/^  states: 3/  forward: 0.75/' -e 's/garnet/riverswim/' part.yaml
    blamed part.yaml:4:12 "forward 0.75 and stay 0.6 exceed 1" || return 1
    sed -i -e 's/^  forward: 0.75/  map: "XX"/' -e 's/riverswim/gridworld/' part.yaml
    blamed part.yaml:4:8 "map" || return 1
    sed -i 's/^  map: .*/  rows: 1/' part.yaml
    blamed part.yaml:3:9 "1 x 1" env.cols=1
}
check what_a_part_refuses_is_78_at_its_setting parts
memory() {
    for verb in check run; do
        exits 78 $verb small.yaml inference.data.mode=online inference.data.policy=current inference.iterations=1e6 inference.data.steps=1e9 &&
            says "argument 6: error: needs more memory than this machine has: data: 1000000000000000 transitions" || return 1
    done
    # 1 GiB is all there is; sanitizers cannot start in it
    (ulimit -v 1048576 && exec "$elbo" --version >out 2>err) || return 0
    (ulimit -v 1048576 && exec "$elbo" check small.yaml env.name=gridworld env.rows=60000 env.cols=60000 2>err)
    [ $? -eq 78 ] && says "argument 3: error: needs more memory than this machine has: grid: "
}
check what_does_not_fit_into_memory_is_78 memory
no_file() {
    exits 66 run nope.yaml && exits 66 check . && exits 66 check /dev/zero &&
        exits 66 resume nope && exits 66 plot elbo nope
}
check what_does_not_exist_is_66 no_file
no_table() { exits 66 run small.yaml inference.data.source=file inference.data.file=nope.csv; }
check a_missing_table_is_66 no_table
fifo() { mkfifo fifo && exits 66 check fifo; }
check a_fifo_is_not_waited_for fifo
bad_table() {
    sed 's/0,1,0,1,0/0,1,zero,1,0/' sub/d.csv >sub/bad.csv
    exits 65 run table.yaml inference.data.file=sub/bad.csv && says "bad.csv:3:5" &&
        exits 65 check table.yaml inference.data.file=sub/bad.csv && [ ! -e runs/table ]
}
check a_bad_table_is_65_and_leaves_nothing bad_table
denied() {
    sed -e 's/{name: chain/{name: gridworld, map: "SG"/' table.yaml >end.yaml
    printf 'state,action,reward,next_state,terminated\n0,0,0,0,0\n0,1,1,1,0\n' >sub/end.csv
    for verb in run check; do
        exits 65 $verb end.yaml inference.data.file=sub/end.csv && says "sub/end.csv:3:9: " && says "for sure" || return 1
    done
    [ ! -e runs/end ]
}
check a_table_that_denies_a_sure_end_is_65_with_its_place denied
outside() {
    ln -s /etc/passwd link.csv
    exits 78 run table.yaml inference.data.file=/etc/passwd &&
        exits 78 run table.yaml inference.data.file=../d.csv &&
        exits 78 run table.yaml inference.data.file=link.csv
}
check a_table_outside_the_folder_is_refused outside
full() {
    "$elbo" list >/dev/full 2>err
    [ $? -eq 74 ] || return 1
    "$elbo" run small.yaml -q -o runs/full >/dev/full 2>err
    [ $? -eq 74 ] && says "standard output" || return 1
    "$elbo" --version >&- 2>err
    [ $? -eq 74 ]
}
check a_full_or_closed_stdout_is_74 full

limited() {
    (ulimit -f 1 && exec "$elbo" run half.yaml -q -o runs/limited) >out 2>err
    [ $? -eq 74 ] && says "File too large"
}
check a_file_size_limit_is_74 limited
gone() {
    { "$elbo" run small.yaml -o runs/gone -q; echo $? >code; } 2>err | :
    [ "$(cat code)" -eq 74 ] && says "standard output"
}
check a_closed_pipe_is_74 gone
heavy() {
    exits 0 run small.yaml -q -o runs/heavy inference.weight=1e300 &&
        ! grep -qE 'nan|inf' runs/heavy/seed-0/metrics.csv && rm -r runs/heavy
}
check a_huge_weight_has_a_finite_ess heavy

# ---- run directories ----

contents() {
    rm -rf runs
    exits 0 run small.yaml && [ ! -s err ] && [ "$(grep -c '^seed [01]  ' out)" -eq 2 ] || return 1
    [ "$(ls runs/small | tr '\n' ' ')" = "experiment.yaml manifest.json plots resolved.yaml seed-0 seed-1 " ] &&
        [ "$(ls runs/small/seed-1 | tr '\n' ' ')" = "checkpoint metrics.csv summary.json timing.csv " ] &&
        cmp -s small.yaml runs/small/experiment.yaml && leaves_nothing
}
check a_run_directory_has_what_the_contract_says contents
columns() {
    head -n 1 runs/small/seed-0/metrics.csv | grep -q '^iteration,env_steps,elbo,reward_term,policy_kl,transition_kl,likelihood_term,prior_term,return_model,return_real,value_gap,ess' &&
        ! grep -qiE 'nan|inf' runs/small/seed-0/metrics.csv &&
        [ "$(head -n 1 runs/small/seed-0/timing.csv)" = iteration,seconds ] &&
        [ "$(wc -l <runs/small/seed-0/timing.csv)" -eq "$(wc -l <runs/small/seed-0/metrics.csv)" ]
}
check metrics_have_their_columns columns
sums() {
    awk -F, 'NR > 1 { d = $3 - ($4 - $5 - $6 + $7 + $8); s = 0
                      for (i = 4; i <= 8; i++) s += $i < 0 ? -$i : $i
                      if (d * d > 1e-24 * s * s) exit 1 }' runs/small/seed-*/metrics.csv
}
check the_elbo_is_the_sum_of_its_terms sums
summary() {
    grep -q '"verdict": "\(converged\|budget\)"' runs/small/seed-0/summary.json &&
        grep -q '"objective"' runs/small/seed-0/summary.json &&
        grep -q '"best"' runs/small/seed-0/summary.json
}
check the_summary_has_a_verdict summary
resolved_runs() {
    exits 0 run runs/small/resolved.yaml -o runs/again -q && same runs/small runs/again
}
check the_resolved_file_is_the_same_experiment resolved_runs
origins() {
    exits 0 run small.yaml env.slip=0.385 -o runs/origins -q &&
        grep -q 'slip: 0.385 .*# argument 3$' runs/origins/resolved.yaml &&
        grep -q 'discount: 0.9 .*# small.yaml:3:44$' runs/origins/resolved.yaml &&
        grep -q 'likelihood: logp .*# default$' runs/origins/resolved.yaml &&
        grep -q '"env.slip=0.385"' runs/origins/manifest.json
}
check the_resolved_file_tells_origins origins
rerun() {
    digest runs/small >before
    exits 0 run small.yaml && says "replaced" && digest runs/small >after && cmp -s before after &&
        leaves_nothing
}
check the_same_experiment_replaces_its_run_with_the_same_bits rerun
other() {
    exits 74 run small.yaml seed=3 && says "--force" && says "-o" && [ -d runs/small/seed-0 ] || return 1
    exits 0 run small.yaml seed=3 --force && [ -d runs/small/seed-3 ] && [ ! -e runs/small/seed-0 ]
}
check another_experiment_is_replaced_only_by_force other
foreign() {
    mkdir -p mine && echo precious >mine/file
    exits 74 run small.yaml -o mine && exits 74 run small.yaml -o mine -f &&
        [ "$(cat mine/file)" = precious ] && leaves_nothing
}
check a_foreign_directory_is_never_touched foreign
empty() { mkdir -p empty && exits 0 run small.yaml -q -o empty && [ -f empty/manifest.json ]; }
check an_empty_directory_is_used empty
a_file() { echo x >file && exits 74 run small.yaml -o file && exits 74 run small.yaml -o file/below && [ "$(cat file)" = x ]; }
check a_file_in_place_of_a_directory_is_74 a_file
unwritable() { exits 74 run small.yaml -o /proc/elbo/x && says "/proc/elbo" && exits 74 run small.yaml -o /dev/null; }
check an_unwritable_place_is_74_with_its_path unwritable
deep() { exits 0 run small.yaml -q -o a/b/c/ && [ -f a/b/c/manifest.json ]; }
check parents_are_made deep
odd() {
    d="odd '\$(touch canary) \`touch canary\` é"
    exits 0 run small.yaml -q -o "$d" && exits 0 resume "$d" -q && exits 0 plot elbo "$d" -q && [ ! -e canary ]
}
check odd_directory_names_are_only_names odd

# ---- threads ----

threads() {
    exits 0 run half.yaml -q -o runs/t1 || return 1
    for n in 1 2 4; do
        OMP_NUM_THREADS=$n "$elbo" run half.yaml -q -o runs/t2 -f >/dev/null 2>err && same runs/t1 runs/t2 || return 1
    done
    "$elbo" run half.yaml seed=2 -q -o runs/alone >/dev/null 2>err &&
        cmp -s runs/alone/seed-2/metrics.csv runs/t1/seed-2/metrics.csv
}
check the_number_of_threads_changes_nothing threads

# What libgomp read at the last start of the program.
spins() { # VARIABLE=VALUE...
    env OMP_DISPLAY_ENV=verbose OMP_NUM_THREADS=2 "$@" "$elbo" --version 2>&1 >/dev/null |
        sed -n "s/.*GOMP_SPINCOUNT = '\(.*\)'/\1/p" | tail -1
}
waiting() {
    [ "$(spins X=)" = 0 ] && [ "$(spins GOMP_SPINCOUNT=7)" = 7 ] &&
        [ "$(spins OMP_WAIT_POLICY=active)" -gt 1000 ]
}
check threads_that_wait_sleep_unless_told_otherwise waiting

# ---- resume ----

finished() {
    digest runs/t1 >before
    exits 0 resume runs/t1 && tells "was finished" && digest runs/t1 >after && cmp -s before after
}
check a_finished_run_says_so finished
from_start() {
    cp -r runs/t1 runs/start
    rm runs/start/seed-*/checkpoint/*
    exits 0 resume runs/start -q && same runs/t1 runs/start
}
check a_run_without_checkpoints_starts_over from_start

newest() { ls "$1"/seed-2/checkpoint/*.ck | tail -n 1; }
truncated() {
    rm -rf runs/d && cp -r runs/t1 runs/d
    head -c 1000 "$(newest runs/t1)" >"$(newest runs/d)"
    exits 0 resume runs/d && says "checkpoint 300 is refused" && same runs/t1 runs/d
}
check a_truncated_checkpoint_is_refused_and_the_one_before_used truncated
flipped() {
    rm -rf runs/d && cp -r runs/t1 runs/d
    file=$(newest runs/d)
    byte=$(od -An -tu1 -j 2385 -N 1 "$file" | tr -d ' ')
    printf "\\$(printf %o $((byte ^ 16)))" | dd of="$file" bs=1 seek=2385 conv=notrunc 2>/dev/null
    exits 0 resume runs/d && says "is refused" && same runs/t1 runs/d
}
check a_flipped_bit_is_refused_and_the_one_before_used flipped
all_bad() {
    rm -rf runs/d && cp -r runs/t1 runs/d
    for file in runs/d/seed-*/checkpoint/*; do : >"$file"; done
    exits 0 resume runs/d && says "starting from the beginning" && same runs/t1 runs/d
}
check without_a_good_checkpoint_it_starts_over all_bad
half_line() {
    rm -rf runs/d && cp -r runs/t1 runs/d
    rm "$(newest runs/d)"
    printf '295,17' >>runs/d/seed-2/metrics.csv
    exits 0 resume runs/d -q && same runs/t1 runs/d
}
check a_half_written_row_is_cut half_line
missing() {
    rm -rf runs/d && cp -r runs/t1 runs/d
    rm runs/d/seed-2/metrics.csv
    exits 65 resume runs/d && says "seed-2/metrics.csv: 0 bytes" && [ ! -e runs/d/seed-2/metrics.csv ]
}
check missing_metrics_are_65_and_stay_missing missing
row_gone() {
    rm -rf runs/d && cp -r runs/t1 runs/d
    rm "$(newest runs/d)"
    sed -i 5d runs/d/seed-2/metrics.csv
    cp runs/d/seed-2/metrics.csv gone.csv
    exits 65 resume runs/d && says "seed-2/metrics.csv: changed: the row that ends at byte" &&
        cmp -s gone.csv runs/d/seed-2/metrics.csv
}
check metrics_that_lost_a_row_are_65_and_stay_as_they_are row_gone
lost_seed() {
    rm -rf runs/d && cp -r runs/t1 runs/d && rm -r runs/d/seed-5
    exits 65 compare runs/d && says "elbo resume runs/d" && exits 0 resume runs/d -q && same runs/t1 runs/d
}
check a_seed_whose_folder_is_gone_starts_over lost_seed
moved() {
    mkdir -p home/sub && cp table.yaml home && cp sub/d.csv home/sub || return 1
    exits 0 run home/table.yaml -q -o home/runs/table && mv home "odd home" || return 1
    rm "odd home"/runs/table/seed-0/checkpoint/*
    exits 0 resume "odd home/runs/table" && (cd "odd home/runs/table" && exits 0 resume . -q) || return 1
    echo 0,0,2,0,0 >>"odd home/sub/d.csv"
    exits 65 resume "odd home/runs/table" && says "d.csv: changed" || return 1
    mkdir runs/away && mv "odd home/runs/table" runs/away && exits 66 resume runs/away/table && says "sub/d.csv"
}
check a_run_moved_with_its_experiment_is_resumed moved
changed() {
    exits 0 run table.yaml -q && echo 0,0,2,0,0 >>sub/d.csv && exits 65 resume runs/table && says "sub/d.csv" || return 1
    rm sub/d.csv && exits 66 resume runs/table || return 1
    cp -r runs/t1 runs/e && echo >>runs/e/experiment.yaml && exits 65 resume runs/e && says "experiment.yaml" || return 1
    cp -r runs/t1 runs/m && echo >runs/m/manifest.json && exits 65 resume runs/m
}
check what_changed_since_the_start_is_65 changed

# ---- signals ----

# interrupted SIGNAL CODE
interrupted() {
    rm -rf runs/i
    "$elbo" run endless.yaml -q -o runs/i >out 2>err &
    pid=$!
    await runs/i/seed-5/metrics.csv && await runs/i/seed-2/metrics.csv || return 1
    sleep 0.1
    kill -"$1" $pid
    wait $pid
    [ $? -eq "$2" ] && says "elbo resume runs/i" && grep -q "SIG$1" runs/i/seed-2/summary.json &&
        grep -q '"stopped"' runs/i/seed-2/summary.json && [ -n "$(ls runs/i/seed-2/checkpoint)" ]
}
check sigint_ends_with_130_and_a_checkpoint interrupted INT 130
check sigterm_ends_with_143_and_a_checkpoint interrupted TERM 143
continued() {
    rm -rf runs/c
    "$elbo" run half.yaml inference.checkpoint_every=0 -q -o runs/c >out 2>err &
    pid=$!
    await runs/c/seed-2/metrics.csv || return 1
    kill -INT $pid
    wait $pid
    [ $? -eq 130 ] && exits 0 resume runs/c -q && same runs/t1 runs/c
}
check an_interrupted_run_continues_to_the_same_bits continued
busy() {
    rm -rf runs/i
    "$elbo" run endless.yaml -q -o runs/i >out 2>/dev/null &
    pid=$!
    await runs/i/manifest.json || return 1
    exits 74 resume runs/i && says "in use by process $pid" &&
        exits 74 run endless.yaml -o runs/i && says "in use"
    code=$?
    kill -TERM $pid
    wait $pid
    return $code
}
check a_running_directory_is_left_alone busy
# Pairs of runs into one directory: one wins, and the files are all its own.
sed -e 's/name: half/name: race/' -e 's/seed: .*/seed: 2/' -e 's/iterations: 300/iterations: 60/' half.yaml >race.yaml
"$elbo" run race.yaml -q -o runs/race-0 >/dev/null 2>&1
"$elbo" run race.yaml -q -f -o runs/race-1 env.forward=0.2385 >/dev/null 2>&1
race() {
    rm -rf runs/race
    [ "$1" = fresh ] || "$elbo" run race.yaml -q -o runs/race seed=3 >/dev/null 2>&1
    "$elbo" run race.yaml -q -f -o runs/race >out-0 2>err-0 &
    pid=$!
    "$elbo" run race.yaml -q -f -o runs/race env.forward=0.2385 >out 2>err
    codes=$?
    wait $pid
    codes="$? $codes"
    cat err-0 >>err
    case $codes in
    "0 74") winner=0 ;;
    "74 0") winner=1 ;;
    "0 0") winner="0 1" ;; # one after the other
    *) echo "    $1: exits $codes" && return 1 ;;
    esac
    [ "$codes" = "0 0" ] || says "in use" || return 1
    for k in $winner; do
        cmp -s runs/race-"$k"/seed-2/metrics.csv runs/race/seed-2/metrics.csv &&
            cmp -s runs/race-"$k"/seed-2/summary.json runs/race/seed-2/summary.json &&
            cmp -s runs/race-"$k"/resolved.yaml runs/race/resolved.yaml && [ -z "$(find runs -name '.elbo-*')" ] && return 0
    done
    echo "    $1: exits $codes, not the files of run $winner"
    return 1
}
races() {
    i=0
    while [ $i -lt 12 ]; do
        race fresh && race again || return 1
        i=$((i + 1))
    done
}
check two_runs_into_one_directory_never_mix races
race_resume() {
    rm -rf runs/r && cp -r runs/t1 runs/r && rm runs/r/seed-*/checkpoint/*
    "$elbo" resume runs/r -q >out 2>err &
    pid=$!
    "$elbo" run half.yaml -q -o runs/r >out-1 2>err-1
    code=$?
    wait $pid
    codes="$? $code"
    case $codes in "0 74" | "74 0" | "66 0" | "0 0") same runs/t1 runs/r && leaves_nothing ;; *) echo "    exits $codes" && false ;; esac
}
check a_resume_and_a_run_of_one_directory_never_mix race_resume
gate() {
    : >runs/.elbo-gate.lock # of a process that was killed
    exits 0 run small.yaml -q -o runs/gate && leaves_nothing || return 1
    ln -s "$work/canary" runs/.elbo-gate.lock
    exits 74 run small.yaml -q -o runs/gate && says ".elbo-gate.lock" && [ ! -e canary ]
    code=$?
    rm runs/.elbo-gate.lock
    return $code
}
check a_stale_lock_is_taken_and_a_link_never_followed gate
twice() {
    "$elbo" run small.yaml model=true env.discount=0.999999999 control.tolerance=0 control.sweeps=1e9 -q -o runs/twice >out 2>err &
    pid=$!
    await runs/twice/seed-0/metrics.csv || return 1
    kill -INT $pid
    sleep 0.05
    kill -INT $pid 2>/dev/null
    wait $pid
    [ $? -eq 130 ]
}
check a_second_sigint_ends_at_once twice

cat >walled.yaml <<'E'
name: walled
env: {name: gridworld, map: S#G/.../..., discount: 0.9, actions: 5, reward_on: current, goal_absorbing: false}
model: true
control: value_iteration
inference: {iterations: 2, data: {steps: 0}}
E
ways() {
    exits 0 run walled.yaml -q -o runs/round && exits 0 run walled.yaml model=random -q -o runs/lost &&
        exits 0 plot mismatch runs/round runs/lost || return 1
    printf '%s\n' 'v # G' '> > ^' '. . .' >wanted
    sed -n 3,5p out | cut -c1-5 | cmp -s - wanted && tells "promises 6.561, earns 6.561" && tells "> X ." &&
        [ -s runs/round/plots/mismatch.svg ] && [ -s runs/round/plots/mismatch.png ]
}
check plot_mismatch_draws_the_ways ways
no_ways() {
    sed 's/env:.*/env: {name: garnet, discount: 0.9}/' small.yaml >garnet.yaml
    exits 0 run garnet.yaml -q -o runs/garnet -f && exits 0 plot mismatch runs/garnet && tells "promised" && ! tells "promises" &&
        [ -s runs/garnet/plots/mismatch.svg ]
}
check plot_mismatch_of_a_world_without_a_map_has_the_curves no_ways

demo() {
    exits 0 run "$tree/tests/data/demo.yaml" -q -o runs/plain && exits 0 run "$tree/tests/data/demo.yaml" -q -o runs/weighted \
        'inference.weight=occupancy(aggregate, current, 0.1) / occupancy(data)' &&
        exits 0 run "$tree/tests/data/demo.yaml" -q -o runs/free 'inference.transition=free(ratio=clip(5), beta=10)' &&
        exits 0 plot mismatch runs/plain runs/weighted runs/free || return 1
    # promises far more than it earns; the others promise what they earn
    tail -qn 1 runs/plain/seed-0/metrics.csv runs/weighted/seed-0/metrics.csv runs/free/seed-0/metrics.csv | awk -F, '
        { promised[NR] = $9; real[NR] = $10 }
        END { exit !(promised[1] > 100 && real[1] < 10.001 && real[2] > 61.8 && real[3] > 61.8 &&
              promised[2] < 61.9 && promised[3] < 61.9) }' && grep -q 'plain  *weighted' out && tells X
}
check the_demo_shows_mismatch_and_two_cures demo

# ---- states that are not seen ----

latent() {
    exits 0 check "$tree/tests/data/lds.yaml" && tells "2 outputs and 1 input a step, states not seen" || return 1
    exits 0 run "$tree/tests/data/lds.yaml" -q -o runs/lds && exits 0 plot return runs/lds -q || return 1
    exits 0 list models lds && tells "em|variational" && exits 0 list envs sequences && tells "nan is a missing y" || return 1
    # what it promises comes to what it earns, and that is more than at first
    awk -F, 'NR == 2 { first = $10 } END { exit !($10 > first && $9 - $10 < 0.03 * -$10 && $10 - $9 < 0.03 * -$10) }' runs/lds/seed-0/metrics.csv
}
check a_world_seen_in_part_is_learnt_and_controlled latent
sequences() {
    printf 'sequence,y1,y2\n0,1,2\n0,,1\n0,0.5,nan\n1,2,1\n1,1,0\n' >seen.csv
    printf 'name: s\nenv: {name: sequences, file: seen.csv}\nmodel: {name: lds, states: 1}\ncontrol: {name: none}\n' >seen.yaml
    exits 0 run seen.yaml -q -o runs/seen || return 1
    echo '0,1,1' >>seen.csv
    exits 65 run seen.yaml -q -o runs/unseen && says 'seen.csv:7:1: sequence 0 after 1'
}
check sequences_come_from_files_and_faults_have_their_place sequences

# ---- compare ----

compare_runs() {
    exits 0 run small.yaml seed=0..6 -q -o runs/seven && exits 0 run small.yaml seed=3..8 inference.data.steps=38 -q -o runs/six || return 1
    exits 0 compare runs/seven runs/six && [ ! -s err ] || return 1
    [ "$(head -n 1 out)" = "return_real in the last row; bootstrap: 10000 replications, percentile intervals, level 0.95, seed 0" ] &&
        grep -q '^runs/seven  7  ' out && grep -q '^runs/six    6  ' out && grep -q '^runs/seven  runs/six  ' out &&
        [ "$(wc -l <out)" -eq 8 ]
}
check compare_tells_its_method_each_run_and_each_pair compare_runs
compare_means() {
    tail -qn 1 runs/seven/seed-*/metrics.csv | awk -F, '{ s += $10; ss += $10 * $10 }
        END { printf "%.6g +- %.3g\n", s / NR, sqrt((ss - s * s / NR) / (NR - 1) / NR) }' >mean
    tells "$(cat mean)" || return 1
    exits 0 compare runs/seven --metric=elbo --at mean && awk -F, 'FNR > 1 { s += $3; n++ } END { printf "%.6g\n", s / n }' runs/seven/seed-*/metrics.csv >mean &&
        tells "$(cat mean) +- " && tells "elbo averaged over all rows"
}
check compare_averages_what_awk_does compare_means
compare_options() {
    exits 0 compare runs/seven runs/six --interval bca --level 0.9 --seed=2385 --bootstrap 20000 --at best &&
        tells "in the row of the best elbo; bootstrap: 20000 replications, bca intervals, level 0.9, seed 2385" || return 1
    cp out bca
    for n in 1 2; do
        OMP_NUM_THREADS=$n "$elbo" compare runs/seven runs/six --interval bca --level 0.9 --seed=2385 --bootstrap 20000 --at best |
            cmp -s - bca || return 1
    done
    exits 0 compare runs/seven runs/six --interval bca --level 0.9 --seed=2386 --bootstrap 20000 --at best && ! cmp -s out bca
}
check compare_has_the_same_bits_for_any_number_of_threads compare_options
compare_pairs() {
    exits 0 compare runs/seven runs/six runs/seven && [ "$(sed '1,/^left/d' out | wc -l)" -eq 3 ] &&
        exits 0 compare runs/seven runs/six runs/seven runs/six runs/six && [ "$(sed '1,/^left/d' out | wc -l)" -eq 4 ]
}
check compare_takes_all_pairs_of_a_few_runs compare_pairs
compare_worlds() {
    exits 0 run small.yaml env.slip=0.25 seed=0..4 -q -o runs/slip && exits 0 compare runs/seven runs/slip &&
        says "runs/seven, runs/slip: not the same environment: env.slip: 0.2385, 0.25" &&
        exits 0 compare runs/seven runs/slip -q && [ ! -s err ] || return 1
    printf 'name: r\nseed: 0..4\nenv: {name: riverswim, discount: 0.95}\nmodel: tabular\ncontrol: {name: soft_value_iteration}\ninference: {iterations: 2, data: {steps: 100}}\n' >river.yaml
    exits 0 run river.yaml -q -o runs/river && exits 0 compare runs/seven runs/river && says "not the same environment: env.name: chain, riverswim"
}
check compare_says_when_the_worlds_differ compare_worlds
compare_tasks() {
    exits 0 run river.yaml seed=10..14 inference.iterations=3 -q -o runs/river2 || return 1
    exits 0 compare runs/seven,runs/river runs/six,runs/river2 && [ ! -s err ] && tells "2 tasks" &&
        grep -q '^runs/seven,runs/river  12 ' out || return 1
    for task in seven river; do
        tail -qn 1 runs/$task/seed-*/metrics.csv | awk -F, '{ s += $10 } END { printf "%.17g\n", s / NR }'
    done | awk '{ s += $1 } END { printf "%.6g +- \n", s / NR }' >mean
    tells "$(cat mean)" || return 1
    for task in "seven six" "river river2"; do
        set -- $task
        tail -qn 1 runs/$1/seed-*/metrics.csv | cut -d, -f10 >left
        tail -qn 1 runs/$2/seed-*/metrics.csv | cut -d, -f10 >right
        awk 'NR == FNR { y[n++] = $1; next } { for (i = 0; i < n; i++) w += $1 > y[i] ? 1 : $1 == y[i] ? 0.5 : 0; m++ }
            END { printf "%.17g\n", w / (n * m) }' right left
    done | awk '{ s += $1 } END { printf "runs/seven,runs/river  runs/six,runs/river2  %.6g [\n", s / NR }' >chance
    tells "$(cat chance)" || return 1
    exits 2 compare runs/seven,runs/river runs/six && says "the same tasks" &&
        exits 66 compare runs/seven, && exits 0 compare runs/seven,runs/river runs/river,runs/seven && says "not the same environment"
}
check compare_draws_seeds_within_tasks compare_tasks
compare_words() {
    exits 2 compare && exits 2 compare runs/seven --metric return_rael && says '"return_real"' &&
        exits 2 compare runs/seven --at lst && says '"last"' && exits 2 compare runs/seven --levl 1 && says '"--level"' &&
        exits 2 compare runs/seven --level 1 && exits 2 compare runs/seven --seed -1 && exits 2 compare runs/seven --seed &&
        exits 2 compare runs/seven --bootstrap= && exits 2 compare runs/seven --interval exact && exits 2 run small.yaml --metric elbo
}
check compare_refuses_wrong_words_with_the_nearest_right_one compare_words
compare_seeds() {
    exits 0 run small.yaml seed=2 -q -o runs/one && exits 65 compare runs/seven runs/one && says "runs/one: a run of 1 seed" && [ ! -s out ] || return 1
    exits 0 run small.yaml seed=0..3 -q -o runs/four && exits 0 compare runs/four && says "only 4 seeds" &&
        exits 0 compare runs/four -q && [ ! -s err ] || return 1
    exits 66 compare nope && says nope && exits 66 compare sub
}
check compare_wants_two_seeds_and_says_when_they_are_few compare_seeds
compare_unfinished() {
    exits 65 compare runs/i && says "runs/i: seed 2" && says "SIG" || return 1
    rm runs/four/seed-3/summary.json
    exits 65 compare runs/four && says "seed 3 is not finished" && says "elbo resume runs/four" || return 1
    exits 0 resume runs/four -q && exits 0 compare runs/four -q || return 1
    sed -i '$d' runs/four/seed-1/metrics.csv
    exits 65 compare runs/four && says "seed-1/metrics.csv: " || return 1
    echo '{' >runs/four/seed-0/summary.json
    exits 65 compare runs/four && says "seed-0/summary.json: line"
}
check compare_refuses_seeds_that_did_not_finish compare_unfinished

# ---- paper folders ----

mkdir -p folder/one
cp small.yaml folder/one/
printf '# name file overrides\n\na small.yaml seed=0..2 \nb small.yaml "inference.likelihood= logp" seed=0..2\n' >folder/one/runs.txt
echo 'a b --metric elbo' >folder/one/comparisons.txt
echo "set terminal dumb; set output 'figure.txt'; plot runs.'/a/plots/return.dat' using 1:2" >folder/one/figure.gp
papers() { # JOBS FOLDER
    JOBS=$1 "$tree/papers/run.sh" "$elbo" "$2" >out 2>err
}
paper_folder() {
    papers 1 folder/one && grep -q '^one: [0-9]* s$' out && cp folder/one/results.csv first || return 1
    papers 3 folder/one && cmp -s first folder/one/results.csv &&
        [ "$(cut -d, -f1,2 first | tr '\n' ' ')" = "name,seed a,0 a,1 a,2 b,0 b,1 b,2 " ] &&
        grep -q '^a  *b  ' folder/one/compared.txt && [ -s folder/one/figure.txt ]
}
check a_paper_folder_has_the_same_results_for_any_number_of_jobs paper_folder
paper_failure() {
    echo 'bad small.yaml env.slip=2' >>folder/one/runs.txt
    ! papers 2 folder/one && says "run bad failed" && says "env.slip" && cmp -s first folder/one/results.csv || return 1
    echo 'a small.yaml' >>folder/one/runs.txt
    ! papers 2 folder/one && says "twice: a" && ! papers 2 folder/none && says "no folder"
}
check a_failing_run_of_a_paper_stops_by_its_name paper_failure

# ---- kills ----

now() { date +%s%N; }
began=$(now)
"$elbo" run half.yaml -q -o runs/reference >/dev/null 2>&1
span=$(((($(now) - began) / 1000000) + 1)) # ms

# killed LANE COUNT: runs killed at random instants, resumed (some killed again),
# compared. Prints one line a failure.
killed() {
    state=$((2385 + $1 * 7919))
    dir=runs/kill-$1
    i=0
    while [ $i -lt "$2" ]; do
        rm -rf "$dir"
        verb="run half.yaml -o"
        rounds=$((1 + i % 3))
        while [ $rounds -gt 0 ]; do
            state=$(((state * 1103515245 + 12345) % 2147483648))
            ms=$((state / 65536 % (span / (1 + i % 3) + 1)))
            # The words of the verb are meant to be split.
            "$elbo" $verb "$dir" -q >/dev/null 2>&1 &
            pid=$!
            sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
            kill -KILL $pid 2>/dev/null
            wait $pid 2>/dev/null
            [ -d "$dir" ] && verb=resume
            rounds=$((rounds - 1))
        done
        "$elbo" $verb "$dir" -q >/dev/null 2>"err-$1" || { echo "round $i: exit $?"; cat "err-$1"; }
        same runs/reference "$dir" || echo "round $i: other bits"
        i=$((i + 1))
    done
}
kills_survive() {
    killed 1 $((kills / 2)) >lane-1 2>&1 &
    lane=$!
    killed 2 $((kills - kills / 2)) >lane-2 2>&1
    wait $lane
    cat lane-1 lane-2 >out
    : >err
    [ ! -s out ]
}
check "${kills}_kills_lose_nothing" kills_survive
stale() {
    exits 0 run half.yaml -q -o runs/kill-1 -f && exits 0 run half.yaml -q -o runs/kill-2 -f && leaves_nothing
}
check what_dead_processes_left_is_removed stale

# A run of networks: what optimisers, replays, rollouts and episodes on their way keep.
cat >network.yaml <<'END'
name: network
seed: 4
env: {name: Pendulum-v1, horizon: 50}
model: {name: ensemble, width: 16, layers: 2, members: 3, epochs: 3}
control: {name: sac, width: 16, batch: 32, tune: true, rollout_length: 3, rollout_batch: 60, rollout_keep: 4}
inference:
  iterations: 120
  checkpoint_every: 7
  m_step_every: 3
  data: {mode: online, policy: current, steps: 20, initial: 60, streams: 2, capacity: 3000}
  evaluation: {episodes: 4, every: 5}
END
rows() { cat "$1/seed-4/metrics.csv" 2>/dev/null | wc -l; }
network() {
    exits 0 run network.yaml -q -o runs/network || return 1
    OMP_NUM_THREADS=2 "$elbo" run network.yaml -q -o runs/net >/dev/null 2>&1 &
    pid=$!
    tries=0
    while [ "$(rows runs/net)" -lt 20 ] && [ $((tries += 1)) -lt 3000 ]; do sleep 0.02; done
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    [ "$(rows runs/net)" -ge 20 ] && [ "$(rows runs/net)" -lt "$(rows runs/network)" ] || return 1
    exits 0 resume runs/net -q && same runs/network runs/net
}
check a_killed_run_of_networks_is_resumed_to_the_same_bits network

# ---- figures ----

figures() {
    for kind in elbo terms return; do
        exits 0 plot $kind runs/t1 runs/small && tells "runs/t1/plots/$kind.svg" && [ ! -s err ] || return 1
        for end in gp dat svg png txt; do [ -s runs/t1/plots/$kind.$end ] || return 1; done
    done
    exits 0 plot elbo runs/t1 -q && [ ! -s out ]
}
no_gnuplot() {
    PATH=/nonexistent "$elbo" plot elbo runs/t1 >out 2>err
    [ $? -eq 66 ] && says "gnuplot-nox"
}
bad_kind() { exits 2 plot eblo runs/t1 && says '"elbo"'; }
bad_metrics() {
    cp -r runs/small runs/p
    echo 4,x >>runs/p/seed-3/metrics.csv
    exits 65 plot elbo runs/p && says "metrics.csv:"
}
if command -v gnuplot >/dev/null; then check figures_are_drawn figures; fi
check without_gnuplot_it_is_named no_gnuplot
check an_unknown_figure_gets_a_suggestion bad_kind
check broken_metrics_are_65 bad_metrics

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

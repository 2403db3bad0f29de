#!/bin/sh
# tests/hostile.sh ELBO -- expressions that mean harm, or are typed wrong: every slot
# that takes one answers with a place and an exit code, and never crashes; what it
# suggests is accepted.
set -u

[ $# -eq 1 ] || { echo "usage: $0 path/to/elbo" >&2; exit 2; }
elbo=$(realpath "$1") || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
passed=0
failed=0

cat >base.yaml <<'E'
name: hostile
seed: 0
env: {name: chain, discount: 0.9}
model: softmax
control: {name: soft_value_iteration, temperature: 0.1}
inference:
  iterations: 2
  data: {steps: 100}
E

# Control tasks by networks: a control with an equation, and a planner.
cat >networks.yaml <<'E'
name: networks
env: {name: Pendulum-v1, horizon: 8}
model: {name: ensemble, width: 6, layers: 1, members: 1, steps: 2, batch: 8}
control: {name: sac, width: 6, layers: 1, batch: 8, updates: 0.2, rollout_batch: 8, real_ratio: 0}
inference: {iterations: 2, data: {mode: online, policy: current, steps: 10}}
E
sed -e 's/networks/plans/' -e 's/^control:.*/control: {name: cem, horizon: 3, population: 6, iterations: 2, particles: 2}/' \
    networks.yaml >plans.yaml
base=base.yaml

# The keys that take an expression.
keys="inference.likelihood inference.weight control.reward control.return_weight"

fail() {
    failed=$((failed + 1))
    echo "not ok $1"
    sed 's/^\(.\{0,160\}\).*/    \1/' err | head -5
}

# answers CODE TEXT VERB KEY=VALUE...: the exit code, and TEXT on stderr, once.
answers() {
    code=$1 expected=$2 verb=$3
    shift 3
    out=
    [ "$verb" = run ] && out="-q -f -o run"
    # shellcheck disable=SC2086 # words without blanks
    "$elbo" $verb $base "$@" $out >out 2>err
    got=$?
    if [ $got -eq "$code" ] && { [ -z "$expected" ] || [ "$(grep -cF -- "$expected" err)" -eq 1 ]; }; then
        passed=$((passed + 1))
    else
        fail "$verb $(echo "$*" | cut -c1-70): exit $got, not $code, or not \"$expected\""
    fi
}

# In the file rather than on the command line, which holds 128 KiB a word.
in_file() { # CODE TEXT KEY, the value on stdin
    long=$(cat)
    room=${3%.*}
    sed '/^inference:/,$d; /^control:/d' base.yaml >large.yaml
    [ "$room" = control ] || echo 'control: {name: soft_value_iteration}' >>large.yaml
    { echo "$room:"
      if [ "$room" = control ]; then echo '  name: soft_value_iteration'; else echo '  data: {steps: 100}'; fi
      printf '  %s: %s\n' "${3##*.}" "$long"
      [ "$room" = inference ] || echo 'inference: {data: {steps: 100}}'; } >>large.yaml
    "$elbo" check large.yaml >out 2>err
    got=$?
    if [ $got -eq "$1" ] && grep -qF -- "$2" err && [ "$(wc -c <err)" -lt 2000 ]; then
        passed=$((passed + 1))
    else
        fail "check $3 of $(wc -c <large.yaml) bytes: exit $got, not $1, or not \"$2\""
    fi
}

repeat() { awk -v n="$2" -v text="$1" 'BEGIN { while (n--) printf "%s", text }'; }

for key in $keys; do
    deep="$(repeat '(' 10000)logp$(repeat ')' 10000)"
    answers 78 "argument 3: error: nested more than 256 deep" check "$key=$deep"
    answers 78 "nested more than" check "$key=$(repeat '-' 10000)logp"
    answers 78 "nested more than" check "$key=$(repeat 'sq(' 10000)logp"
    answers 78 "operations in a chain" check "$key=logp$(repeat '+1' 10000)"
    repeat '1+' 524000 | in_file 78 "large.yaml:" "$key"
    repeat 'x' 1040000 | in_file 78 "large.yaml:" "$key"
    repeat '(' 1040000 | in_file 78 "large.yaml:" "$key"
    repeat 'x' 2000000 | in_file 78 "" "$key"
    answers 78 'unknown name logq' check "$key=logq"
    answers 78 'unknown name' check "$key=nonsense"
    answers 78 'unknown function' check "$key=system(1)"
    answers 78 'expected' check "$key=E(V(y)"
    answers 78 'expected an operator' check "$key=logp)"
    answers 78 'it needs arguments' check "$key=V"
    answers 78 'scalar, not a vector' check "$key=logp/(s-3)"
    answers 78 'no value' check "$key="
    answers 78 'error' check "$key=\$(reboot)"
    answers 78 'error' check "$key=logp; rm"
    answers 78 'too large' check "$key=logp*1e400"
    answers 78 'error' check "$key=logp^s"
    answers 78 'error' check "$key=max(logp)"
    answers 78 'error' check "$key=exp()"
    answers 78 'error' check "$key=E(V(y),1,2,3)"
    answers 78 'error' check "$key=$(printf 'logp\303(')"
    answers 78 'error' check "$key=[1,2]"
    answers 78 'error' check "$key={a: 1}"
    answers 78 'error' check "$key=nan*logp"
    answers 78 'error' check "$key=inf*logp"
done

answers 78 'did you mean "logp"?' check inference.likelihood=logq
answers 78 'means nothing here' check control.reward='V(next)'

# A value that is not finite names its sample or its state; the run ends on that
# check.
for text in 'logp/0' 'logp/(r-r)' 'log(-1)*logp' 'sqrt(-1)*logp' '(1e308*1e308)*logp' \
    'exp(1000)*logp' 'logp+log(0)' 'logp/(gamma-0.9)'; do
    answers 1 "likelihood, sample " run "inference.likelihood=$text"
    answers 1 "weight, sample " run "inference.weight=$text"
done
answers 1 "weight, sample 0: -1 is negative" run inference.weight=0-1
for text in 'r/0' 'log(-1)' 'sqrt(r-2)' 'exp(1000)' '1/(r-r)' '1e308*1e308'; do
    answers 1 "control.reward: state 0, action 0" run "control.reward=$text"
    answers 1 "control.return_weight: state 0, action 0" run "control.return_weight=$text"
done
answers 1 "below 0" run control.return_weight=0-1

# Arguments of slots that are no expressions.
answers 78 'did you mean "tilt"?' check inference.transition='tlit(1)'
answers 78 'beta must not be 0' check inference.transition='tilt(0)'
answers 78 'is not closed' check inference.transition="tilt($(repeat '(' 10000)1)"
answers 78 'error' check inference.transition="$(repeat 'tilt(' 10000)"
answers 78 'error' check inference.transition='tilt(nan)'
answers 78 'error' check inference.transition='tilt(1e400)'
answers 78 'error' check inference.transition='tilt(1, kl=stpe)'
answers 78 'error' check inference.transition='tilt(1, 2, 3)'
answers 78 'error' check inference.transition='robust()'
answers 78 'error' check inference.transition='robust(-1)'
answers 78 'error' check inference.gradient="$(repeat '(' 10000)"
answers 78 'did you mean "stop"?' check inference.gradient=stpo
for text in 'unroll(0)' 'unroll(2, -1)' 'unroll(-3)' 'unroll(1e400)' 'unroll(nan)' 'implicit(implicit(exact))' \
    'implicit(woodbury(rank))' 'score(0)' 'score(x)' 'score(1, 2, 3)' 'unroll(2'; do
    answers 78 'error' check inference.likelihood=logpi "inference.gradient=$text"
done
for text in 'free(ratio=clip(-1))' 'free(ratio=clip(x))' 'free(ratio=exat)' 'free(beta=0)' 'free(mode=maybe)' \
    'free(ratio=classifier(0, -1))' 'robust(0.1, ball=lk)'; do
    answers 78 'error' check inference.likelihood=logp "inference.transition=$text"
done
answers 78 'error' check inference.weight=-1

# A plan has no samples, and so no round that one was collected in.
for key in control.reward control.return_weight; do
    answers 78 "argument 3: error: recent means nothing here" check "$key=recent(2)"
    answers 78 "argument 3: error: pdml means nothing here" check "$key=r + pdml"
    answers 78 "unknown function recnt" check "$key=recnt(2)"
    grep -q 'did you mean' err && fail "$key=recnt(2): a suggestion that is refused"
done

# What a control's gradient may be is what is accepted of it, as far as it is said.
base=networks.yaml
q='inference.likelihood=-0.5*sq(Q(s,a) - r)'
for text in 'search(evolution)' 'unroll(2)' implicit; do
    answers 78 "must be stop, implicit(identity), implicit(cg), implicit(neumann(k)), unroll(k, rate) with a rate above 0 or, with feedback, score(n)" check "inference.gradient=$text" "$q"
    answers 78 "must be stop" check "inference.gradient=$text" control.name=mpo control.width=6
done
for text in 'implicit(identity)' 'implicit(cg)' 'implicit(neumann(2))' 'unroll(2, 0.1)'; do
    answers 0 "" check "inference.gradient=$text" "$q"
done
answers 78 "likelihood: J: the return in the world is told of planners alone" check inference.likelihood=J
answers 78 "likelihood: recent: a factor of finite worlds" check 'inference.likelihood=logp*recent(3)'
answers 78 "weight: metric: a factor of finite worlds" check 'inference.weight=metric(J)'
answers 78 "argument 3: error: wrappers: remove: all 3" check 'env.wrappers=remove(0, 3)'
answers 78 "argument 4: error: reward: the task does not tell it" check 'env.wrappers=noise(1)' model.reward=told
answers 78 "argument 3: error: std must be above std_floor" check control.std_floor=1 control.name=mpo
answers 78 "error: rollout_length must be a number of steps" check control.rollout_length=1.5
answers 78 "argument 4: error: feedback: this task's reward" check env.name=Acrobot-v1 inference.feedback=-1
answers 0 "" run control.rollout_keep=1000000
answers 1 "no loss was finite before" run control.temperature=1e300
base=plans.yaml
j='inference.likelihood=logp - 0.001*J'
for text in 'implicit(identity)' 'unroll(2)'; do
    answers 78 "must be stop or search(evolution)" check "inference.gradient=$text" "$j"
done
answers 0 "" check 'inference.gradient=search(evolution)' "$j"
answers 78 "argument 3: error: gradient: gp searches 10" check 'inference.gradient=search(gp)' "$j"
base=base.yaml

# suggests KEY WRONG: what is suggested is accepted in the place of what was wrong.
suggests() {
    "$elbo" check base.yaml "$1=$2" >out 2>err
    name=$(sed -n 's/.*did you mean "\([^"]*\)"?.*/\1/p' err | head -n 1)
    wrong=$(sed -n 's/.*unknown [a-z]* \([A-Za-z_]*\);.*/\1/p; s/.*not "\([^"]*\)".*/\1/p' err | head -n 1)
    [ -n "$name" ] && [ -n "$wrong" ] || { fail "$1=$2: no suggestion"; return; }
    set -- "$1=$(echo "$2" | sed "s/$wrong/$name/")"
    case $1 in inference.gradient=stop) ;; inference.gradient*) set -- "$1" inference.likelihood=logpi ;; esac
    answers 0 "" check "$@"
}

for text in logq 'logp + lgo(2)' 'logp - sqq(E(V(y)) - V(next))' 'logp*abss(r)' 'logp + gama' \
    'logp - E(sq(V(x) - V(next)))' 'logp*mean(rr)' 'logp*clpi(r, 0, 1)' 'logp + stp(r)' \
    'logp - Vra(V(y))' 'logp + Edd(r)' 'logp - reul(r)' 'logp + sqtr(4)' 'logp + mni(r, 1)'; do
    suggests inference.likelihood "$text"
done
suggests inference.likelihood 'logp*occupancy(rela)'
for text in 'exp(logp) + lgo(2)' 'occupancy(rela)' 'clpi(r, 0, 1)' 'r*gama' 'V(nxt)'; do
    suggests inference.weight "$text"
    [ "$text" = 'exp(logp) + lgo(2)' ] || [ "$text" = 'V(nxt)' ] || suggests control.reward "$text"
done
answers 78 'unknown name nxt' check control.reward='V(nxt)'
grep -q 'did you mean' err && fail 'control.reward=V(nxt): a suggestion that is refused'
suggests inference.gradient 'unrol(3)'
suggests inference.gradient 'implicit(exct)'
suggests inference.transition 'free(ratio=clip(5), mode=consistnt)'
suggests inference.transition 'tlit(2)'
suggests inference.transition 'robsut(0.1)'
suggests inference.transition 'modle'
suggests inference.gradient stpo
suggests inference.optimality exponentail

echo "hostile: $passed passed, $failed failed"
[ "$failed" -eq 0 ]

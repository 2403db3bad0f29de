/* inference/language/words.c -- every word of the language, declared once. */
#include "inference/language/words.h"

#include <string.h>

enum {
    SAMPLE = ELBO_ON_SAMPLE,
    NEXT = ELBO_ON_SAMPLE | ELBO_ON_NEXT,
    Y = ELBO_ON_Y,
    MODEL = ELBO_ON_SAMPLE | ELBO_ON_THETA,
    PLANNER = ELBO_ON_PLANNER
};

/* What the rules have in common. */
#define NAME(is, on)    .bare = true, .type = ELBO_TYPE_##is, .depends = (on)
#define CALL(args, is)  .takes = (args), .gives = ELBO_GIVES_##is
#define OF_STATES(args) CALL(args, SCALAR)
#define ELEMENTWISE     CALL("f", WIDEST)
#define AVERAGE(args)                                                          \
    CALL(args, WIDEST), .least = 1, .adds = MODEL, .removes = Y,               \
                        .effect = ELBO_BINDS_Y

/* X(name, signature, doc, rule) */
#define WORDS(X)                                                               \
    X(s, "s", "the state", NAME(STATE, SAMPLE))                                \
    X(a, "a", "the action", NAME(ACTION, SAMPLE))                              \
    X(r, "r", "the reward", NAME(SCALAR, NEXT))                                \
    X(next, "next", "the state that came next", NAME(STATE, NEXT))             \
    X(gamma, "gamma", "the discount", NAME(SCALAR, 0))                         \
    X(y, "y", "the state that comes, inside E, Var, roll, T and Td",                \
      NAME(STATE, Y))                                                          \
    X(logp, "logp", "log p_theta(next|s, a)",                                  \
      NAME(SCALAR, NEXT | ELBO_ON_THETA))                                      \
    X(rhat, "rhat", "the model's reward at (s, a)", NAME(SCALAR, MODEL))       \
    X(aleatoric, "aleatoric",                                                  \
      "the largest |std| of the ensemble's members at (s, a)",                 \
      NAME(SCALAR, MODEL))                                                     \
    X(disagreement, "disagreement",                                            \
      "the largest distance between two members' means at (s, a)",             \
      NAME(SCALAR, MODEL))                                                     \
    X(E, "E(f) or E(f, n)",                                                    \
      "mean of f over y ~ p_theta(.|s, a), exact or of n samples",             \
      AVERAGE("fn"))                                                           \
    X(Var, "Var(f)", "variance of f over y ~ p_theta(.|s, a)", AVERAGE("f"))   \
    X(roll, "roll(k, f)",                                                      \
      "mean of f(y) over y, k steps ahead by the model and the policy",        \
      CALL("nf", WIDEST), .adds = MODEL | PLANNER, .removes = Y,               \
      .effect = ELBO_BINDS_Y)                                                  \
    X(T, "T(k, f)",                                                            \
      "mean of k discounted rewards and f(y), by the model and the policy",    \
      CALL("n1", SCALAR), .adds = MODEL | PLANNER, .removes = Y,               \
      .effect = ELBO_BINDS_Y)                                                  \
    X(Td, "Td(k, f)", "the same k steps in the data's own process",            \
      CALL("n1", SCALAR), .adds = SAMPLE | PLANNER, .removes = Y,              \
      .effect = ELBO_BINDS_Y)                                                  \
    X(Epi, "Epi(f)", "mean of f(s, a) over a ~ pi(.|s)", CALL("f", WIDEST),    \
      .adds = SAMPLE | PLANNER, .effect = ELBO_HIDES_Y)                        \
    X(V, "V(state)", "the planner's value in the model", OF_STATES("S"),       \
      .adds = PLANNER)                                                         \
    X(Q, "Q(state, action)", "the planner's action value in the model",        \
      OF_STATES("SA"), .adds = PLANNER)                                        \
    X(A, "A(state, action)", "the planner's advantage, Q - V",                 \
      OF_STATES("SA"), .adds = PLANNER)                                        \
    X(gradV, "gradV(state)", "gradient of V in the state's coordinates",       \
      CALL("S", VECTOR), .adds = PLANNER, .coordinates = true)                 \
    X(logpi, "logpi or logpi(state, action)", "log pi(a|s)",                   \
      NAME(SCALAR, SAMPLE | PLANNER), OF_STATES("SA"), .adds = PLANNER,        \
      .by_policy = true)                                                       \
    X(occupancy, "occupancy", "discounted occupancy of (s, a)",                \
      NAME(SCALAR, SAMPLE | PLANNER))                                          \
    X(J, "J", "the policy's return in the environment", NAME(SCALAR, PLANNER), \
      .by_policy = true)                                                       \
    X(Jcwpdis, "Jcwpdis",                                                      \
      "the policy's return as the data's episodes weigh it (CWPDIS)",          \
      NAME(SCALAR, PLANNER), .by_policy = true)                                \
    X(Jmodel, "Jmodel", "the policy's return in the model",                    \
      NAME(SCALAR, PLANNER))                                                   \
    X(gradJ_error, "gradJ_error",                                              \
      "norm of the model's error in the policy's gradient, the policy held",   \
      NAME(SCALAR, ELBO_ON_THETA | PLANNER))                                   \
    X(V_then, "V_then(state)", "V as it was when the sample was collected",    \
      OF_STATES("S"), .adds = SAMPLE)                                          \
    X(V_target, "V_target(state)", "the target copy of V", OF_STATES("S"))     \
    X(exp, "exp(f)", "exponential", ELEMENTWISE)                               \
    X(log, "log(f)", "natural logarithm", ELEMENTWISE)                         \
    X(sq, "sq(f)", "square", ELEMENTWISE)                                      \
    X(sqrt, "sqrt(f)", "square root", ELEMENTWISE)                             \
    X(abs, "abs(f)", "absolute value", ELEMENTWISE)                            \
    X(relu, "relu(f)", "max(f, 0)", ELEMENTWISE)                               \
    X(min, "min(f, g)", "the smaller", CALL("ff", WIDEST))                     \
    X(max, "max(f, g)", "the larger", CALL("ff", WIDEST))                      \
    X(clip, "clip(f, low, high)", "f kept between two numbers",                \
      CALL("fcc", WIDEST), .effect = ELBO_BOUNDS)                              \
    X(sum, "sum(f)", "sum of a vector's entries", CALL("v", SCALAR))           \
    X(dot, "dot(f, g)", "inner product of two vectors", CALL("vv", SCALAR))    \
    X(norm, "norm(f)", "Euclidean norm of a vector", CALL("v", SCALAR))        \
    X(normalize, "normalize(f)", "a vector over its norm", CALL("v", VECTOR))  \
    X(distance, "distance(state, state)", "Euclidean distance",                \
      CALL("vv", SCALAR), .coordinates = true)                                 \
    X(usq, "usq(E(f, n) - c)", "unbiased estimate of sq(E(f) - c)",            \
      CALL("1", SCALAR), .effect = ELBO_UNBIASED)                              \
    X(stop, "stop(f)", "f, not differentiated", CALL("x", SAME),               \
      .effect = ELBO_STOPS)                                                    \
    X(fixed_pi, "fixed_pi(f)", "f where the policy does not respond to theta", \
      CALL("x", SAME), .effect = ELBO_HOLDS_PI)                                \
    X(Ed, "Ed(f)", "conditional mean of f over the data at (s, a)",            \
      CALL("f", WIDEST), .removes = ELBO_ON_NEXT)                              \
    X(mean, "mean(f)", "mean of f over the batch", CALL("f", WIDEST),          \
      .removes = NEXT, .effect = ELBO_HIDES_Y)                                 \
    X(worst, "worst(f, width)",                                                \
      "the largest mean of w(s, a) f over the unit ball of a kernel's w",      \
      CALL("1c", SCALAR), .removes = NEXT, .effect = ELBO_NEARS)

const elbo_word elbo_words[] = {
#define WORD(name, signature, doc, ...) {#name, signature, doc},
    WORDS(WORD)
#undef WORD
        {0}};

const elbo_rule elbo_rules[] = {
#define RULE(word, signature, doc, ...) {.name = #word, __VA_ARGS__},
    WORDS(RULE)
#undef RULE
        {0}};

const elbo_rule *elbo_rule_find(const char *name)
{
    for (const elbo_rule *rule = elbo_rules; rule->name; rule++)
        if (strcmp(rule->name, name) == 0) return rule;
    return NULL;
}

bool elbo_expr_reads(const elbo_expr *expr, const char *name)
{
    if (expr->name && strcmp(expr->name, name) == 0) return true;
    for (size_t i = 0; i < expr->n; i++)
        if (elbo_expr_reads(expr->arg[i], name)) return true;
    return false;
}

size_t elbo_rule_least(const elbo_rule *rule)
{
    return rule->least ? rule->least : elbo_rule_most(rule);
}

size_t elbo_rule_most(const elbo_rule *rule)
{
    return rule->takes ? strlen(rule->takes) : 0;
}

#include "inference/value_set.h"

#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/standing.h"
#include "inference/value_set_state.h"

enum { MOST_MEMBERS = 100000 };

static const elbo_option policies[] = {
    {"n",           ELBO_INT, "", 1, MOST_MEMBERS, NULL, NULL,
     "how many policies; of kind=actions there are no more than actions", NULL},
    {"kind",           ELBO_CHOICE, "", 0, 0, "actions|deterministic|stochastic",
     "deterministic", "one action everywhere; an action drawn for each state; probabilities "
     "drawn "
     "from the flat Dirichlet distribution", NULL},
    {"world", ELBO_CHOICE, "", 0, 0, "real|data", "real",
     "where their values are computed: real is an oracle", NULL},
    {"from", ELBO_CHOICE, "", 0, 0, "chance|search", "chance",
     "drawn blindly; or greedy policies met by value iteration in the world, a "
     "tenth of the states updated each time, and a tenth of them redrawn",
     NULL},
    {"fresh", ELBO_BOOL, "", 0, 0, NULL, "false",
     "others in each iteration: the M-steps are those of a larger set's batches",
     NULL},
    {"value", ELBO_CHOICE, "", 0, 0, "own|uniform", "own",
     "V: the policy's own, and Q; or a function uniform in [-1, 1] beside each, with "
     "the planner's Q: for T(k, f) and Td(k, f)",
     NULL},
    {0        },
};

static const elbo_option functions[] = {
    {"n", ELBO_INT, "", 1, MOST_MEMBERS, NULL, NULL, "how many functions",
     NULL},
    {0},
};

static const elbo_option indicators[] = {
    {"n", ELBO_INT, "", 1, MOST_MEMBERS, NULL, NULL,
     "how many groups; no more than states", NULL},
    {0},
};

static const elbo_option kernel[] = {
    {"width", ELBO_REAL, "cells", 0, 1e9, NULL, NULL,
     "of the Gaussian kernel on the coordinates; 0: states have nothing in common",
     NULL},
    {0},
};

enum { PLANNER, POLICIES, FUNCTIONS, INDICATORS, KERNEL, KINDS };

/* clang-format off */
const elbo_value_kind elbo_value_kinds[] = {
    [PLANNER] = {"planner", "", "none: V, Q and pi are the planner's", NULL},
    [POLICIES] = {"policies", "Grimm et al., NeurIPS 2020 and 2021",
                  "policies and their exact values", policies},
    [FUNCTIONS] = {"functions", "Grimm et al., NeurIPS 2020",
                   "functions of states, uniform in [-1, 1]", functions},
    [INDICATORS] = {"indicators", "Farahmand et al., AISTATS 2017",
                    "indicators of groups of states", indicators},
    [KERNEL] = {"kernel", "Voloshin, Jiang, Yue, AISTATS 2021",
                "functions whose outer products add up to a kernel of states",
                kernel},
    [KINDS] = {0},
};
/* clang-format on */

/* ---- text ---- */

static size_t find_kind(const char *name)
{
    size_t i = 0;

    while (i < KINDS && strcmp(elbo_value_kinds[i].name, name) != 0) i++;
    return i;
}

static const elbo_option *lookup(const char *name, bool *known,
                                 const char **nearest)
{
    const size_t kind = find_kind(name);
    const char *names[KINDS];

    for (size_t i = 0; i < KINDS; i++) names[i] = elbo_value_kinds[i].name;
    *known = kind < KINDS;
    if (!*known) *nearest = elbo_name_nearest(name, names, KINDS);
    return *known ? elbo_value_kinds[kind].options : NULL;
}

static elbo_status parse(const char *text, elbo_arena *arena, size_t *kind,
                         elbo_values *values, size_t *column,
                         const char **nearest)
{
    const char *name;

    ELBO_TRY(
        elbo_call_parse(text, lookup, arena, &name, values, column, nearest));
    *kind = find_kind(name);
    return ELBO_OK;
}

/* The same word where it outlives the arena. */
static const char *lasting(const char *word)
{
    static const char *const arguments[] = {"n",     "kind",  "world", "from",
                                            "fresh", "value", "width"};

    for (size_t i = 0; word && i < KINDS; i++)
        if (strcmp(word, elbo_value_kinds[i].name) == 0)
            return elbo_value_kinds[i].name;
    for (size_t i = 0; word && i < sizeof arguments / sizeof *arguments; i++)
        if (strcmp(word, arguments[i]) == 0) return arguments[i];
    return NULL;
}

elbo_status elbo_value_set_check(const char *text, size_t *column,
                                 const char **nearest)
{
    elbo_arena *const arena = elbo_arena_alloc(1024);
    const char *word = NULL;
    elbo_values values;
    size_t kind;

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "values: no arena");

    const elbo_status s = parse(text, arena, &kind, &values, column, &word);

    if (nearest) *nearest = lasting(word);
    elbo_arena_free(arena);
    return s;
}

elbo_status elbo_value_set_oracle(const char *text, bool *oracle)
{
    elbo_arena *const arena = elbo_arena_alloc(1024);
    elbo_values values;
    size_t kind;

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "values: no arena");

    const elbo_status s = parse(text, arena, &kind, &values, NULL, NULL);

    *oracle = s == ELBO_OK && kind == POLICIES
              && (elbo_choice_is(&values, "from", "search")
                  || (elbo_choice_is(&values, "world", "real")
                      && elbo_choice_is(&values, "value", "own")));
    elbo_arena_free(arena);
    return s;
}

/* ---- members ---- */

void elbo_value_set_draw(elbo_value_set *set, const char *stream,
                         uint64_t first)
{
    const size_t nS = set->truth->nS;

    for (size_t k = 0; k < set->n; k++) {
        elbo_rng rng = elbo_rng_stream(set->seed, stream, first + k);

        for (size_t s = 0; s < nS; s++)
            set->V[k * (nS + 1) + s] = 2 * elbo_rng_uniform(&rng) - 1;
    }
}

static void fill_indicators(elbo_value_set *set)
{
    const size_t nS = set->truth->nS;

    for (size_t s = 0; s < nS; s++) set->V[s * set->n / nS * (nS + 1) + s] = 1;
}

/* K(s, t) of the kernel. */
static double near(const elbo_value_set *set, size_t s, size_t t, double width)
{
    double sum = 0;

    if (s == t) return 1;
    if (!(width > 0)) return 0;
    for (size_t k = 0; k < set->dim; k++) {
        const double off = (double)set->coord[s * set->dim + k]
                           - (double)set->coord[t * set->dim + k];

        sum += off * off;
    }
    return exp(-sum / (2 * width * width));
}

/* The state of the largest residual of K less the members so far. */
static size_t pivot_of(const double left[], size_t nS)
{
    size_t at = 0;

    for (size_t s = 1; s < nS; s++)
        if (left[s] > left[at]) at = s;
    return at;
}

/* Pivoted Cholesky: K = sum_k V_k V_k' to `least` in each entry (Higham 1990). */
static elbo_status fill_kernel(elbo_value_set *set, double width,
                               elbo_arena *ws)
{
    static const double least = 1e-13;
    const size_t nS = set->truth->nS, room = set->n;
    double *const left = elbo_arena_doubles(ws, nS);

    ELBO_TRY(elbo_arena_check(ws, "a kernel's values"));
    for (size_t s = 0; s < nS; s++) left[s] = 1;
    for (set->n = 0; set->n < room; set->n++) {
        const size_t at = pivot_of(left, nS);
        double *const V = set->V + set->n * (nS + 1);
        const double root = sqrt(left[at]);

        if (left[at] < least) break;
        for (size_t s = 0; s < nS; s++) {
            double sum = near(set, s, at, width);

            for (size_t k = 0; k < set->n; k++)
                sum -= set->V[k * (nS + 1) + s] * set->V[k * (nS + 1) + at];
            V[s] = sum / root;
            left[s] -= V[s] * V[s];
        }
        left[at] = 0;
    }
    return ELBO_OK;
}

static elbo_status take(elbo_value_set *set, bool policy, elbo_arena *arena)
{
    const size_t nS = set->truth->nS, rows = nS * set->truth->nA;
    size_t states, all;

    if (!elbo_size_mul(set->n, nS + 1, &states)
        || !elbo_size_mul(set->n, rows, &all))
        return ELBO_FAIL(ELBO_ESIZE, "values: %zu members", set->n);
    set->V = elbo_arena_take(arena, states, sizeof(double));
    if (policy) {
        set->pi = elbo_arena_take(arena, all, sizeof(double));
        set->logpi = elbo_arena_take(arena, all, sizeof(double));
        set->Q = elbo_arena_take(arena, all, sizeof(double));
    }
    return elbo_arena_check(arena, "a set of values");
}

static elbo_status check_size(const elbo_value_set *set, size_t kind,
                              const elbo_values *values)
{
    const size_t nS = set->truth->nS, nA = set->truth->nA;

    if (kind == INDICATORS && set->n > nS)
        return ELBO_FAIL(ELBO_EINVAL, "values: %zu groups of %zu states",
                         set->n, nS);
    if (kind == KERNEL && elbo_real(values, "width") > 0 && !set->coord)
        return ELBO_FAIL(ELBO_EINVAL,
                         "values: states of this world have no coordinates: the "
                         "width must be 0");
    if (kind == POLICIES && elbo_choice_is(values, "kind", "actions")
        && elbo_choice_is(values, "from", "search"))
        return ELBO_FAIL(ELBO_EINVAL,
                         "values: a search meets policies, not one action "
                         "everywhere");
    if (kind == POLICIES && elbo_choice_is(values, "kind", "actions")
        && set->n > nA)
        return ELBO_FAIL(ELBO_EINVAL, "values: %zu policies of %zu actions",
                         set->n, nA);
    return ELBO_OK;
}

static elbo_status fill(elbo_value_set *set, size_t kind,
                        const elbo_values *values, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_status s = ELBO_OK;

    if (kind == FUNCTIONS) elbo_value_set_draw(set, "values", 0);
    if (kind == INDICATORS) fill_indicators(set);
    if (kind == KERNEL) s = fill_kernel(set, elbo_real(values, "width"), ws);
    if (kind == POLICIES) {
        set->actions = elbo_choice_is(values, "kind", "actions");
        set->stochastic = elbo_choice_is(values, "kind", "stochastic");
        set->of_data = elbo_choice_is(values, "world", "data");
        set->search = elbo_choice_is(values, "from", "search");
        set->fresh = elbo_flag(values, "fresh");
        set->uniform = elbo_choice_is(values, "value", "uniform");
        s = elbo_value_set_renew(set, 0, ws);
    }

    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_value_set_open(const char *text,
                                const elbo_value_ground *ground,
                                elbo_arena *arena, elbo_arena *ws,
                                elbo_value_set **out)
{
    elbo_value_set *const set = elbo_arena_take(arena, 1, sizeof *set);
    elbo_values values;
    size_t kind;

    *out = NULL;
    ELBO_TRY(elbo_arena_check(arena, "a set of values"));
    ELBO_TRY(parse(text, arena, &kind, &values, NULL, NULL));
    if (kind == PLANNER) return ELBO_OK;
    set->truth = ground->truth;
    set->coord = ground->coord;
    set->dim = ground->dim;
    set->seed = ground->seed;
    set->n = kind == KERNEL ? ground->truth->nS
                            : (size_t)elbo_int(&values, "n");
    ELBO_TRY(check_size(set, kind, &values));
    ELBO_TRY(take(set, kind == POLICIES, arena));
    *out = set;
    return fill(set, kind, &values, ws);
}

static elbo_status fit(elbo_value_set *set, const elbo_data *data,
                       uint64_t iteration, elbo_arena *ws)
{
    const size_t nS = set->truth->nS, rows = nS * set->truth->nA;

    if (set->fresh) ELBO_TRY(elbo_value_set_renew(set, iteration, ws));
    if (!set->of_data || set->uniform) return ELBO_OK;
    for (size_t k = 0; k < set->n; k++)
        ELBO_TRY(elbo_data_values(data, set->truth, set->pi + k * rows,
                                  set->V + k * (nS + 1), set->Q + k * rows,
                                  ws));
    return ELBO_OK;
}

elbo_status elbo_value_set_fit(elbo_value_set *set, const elbo_data *data,
                               uint64_t iteration, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = fit(set, data, iteration, ws);

    elbo_arena_release(ws, mark);
    return s;
}

size_t elbo_value_set_size(const elbo_value_set *set)
{
    return set ? set->n : 0;
}

bool elbo_value_set_policies(const elbo_value_set *set)
{
    return set->logpi;
}

elbo_member elbo_value_set_member(const elbo_value_set *set, size_t k)
{
    const size_t nS = set->truth->nS, rows = nS * set->truth->nA;

    return (elbo_member){
        .V = set->V + k * (nS + 1),
        .Q = set->Q && !set->uniform ? set->Q + k * rows : NULL,
        .logpi = set->logpi ? set->logpi + k * rows : NULL,
    };
}

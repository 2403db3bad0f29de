#include "inference/value_set.h"

#include <gsl/gsl_randist.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/evaluate.h"
#include "inference/standing.h"

enum { MOST_MEMBERS = 100000 };

struct elbo_value_set {
    const elbo_mdp *truth;
    const int32_t *coord; /* [nS x dim] or NULL */
    size_t dim, n;
    double *V; /* [n x (nS + 1)] */
    /* Of policies; else NULL. */
    double *pi, *logpi, *Q; /* [n x nS x nA] */
    bool of_data, search, fresh;
    bool actions, stochastic; /* their kind */
    uint64_t seed;
};

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
    static const char *const arguments[] = {"n", "kind", "world", "from",
                                            "fresh", "width"};

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
              && (elbo_choice_is(&values, "world", "real")
                  || elbo_choice_is(&values, "from", "search"));
    elbo_arena_free(arena);
    return s;
}

/* ---- members ---- */

static void draw_functions(elbo_value_set *set, uint64_t seed)
{
    const size_t nS = set->truth->nS;

    for (size_t k = 0; k < set->n; k++) {
        elbo_rng rng = elbo_rng_stream(seed, "values", k);

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

static void draw_row(double pi[], size_t nA, bool stochastic, elbo_rng *rng)
{
    elbo_gsl_rng adaptor;
    double sum = 0;

    if (!stochastic) {
        pi[elbo_rng_below(rng, nA)] = 1;
        return;
    }
    for (size_t a = 0; a < nA; a++)
        sum += pi[a] = gsl_ran_exponential(elbo_rng_gsl(&adaptor, rng), 1);
    for (size_t a = 0; a < nA; a++) pi[a] /= sum;
}

/* Batch number `batch` of them. */
static void draw_policies(elbo_value_set *set, uint64_t batch)
{
    const size_t nS = set->truth->nS, nA = set->truth->nA, rows = nS * nA;

    for (size_t k = 0; k < set->n; k++) {
        elbo_rng rng =
            elbo_rng_stream(set->seed, "values", batch * set->n + k);

        for (size_t s = 0; s < nS; s++) {
            double *const pi = set->pi + k * rows + s * nA;

            if (set->actions)
                pi[k] = 1;
            else
                draw_row(pi, nA, set->stochastic, &rng);
        }
    }
}

/* ---- policies met on a search ---- */

static const double share = 0.1; /* of states that are updated, or redrawn */
enum { UPDATES = 10 };           /* between two members */

static size_t best_action(const double Q[], size_t nA)
{
    size_t best = 0;

    for (size_t a = 1; a < nA; a++)
        if (Q[a] > Q[best]) best = a;
    return best;
}

/* V(s) <- max Q(s, .) in a tenth of the states, UPDATES times. */
static void update_some(const elbo_mdp *mdp, double V[], double Q[],
                        elbo_rng *rng)
{
    for (size_t k = 0; k < UPDATES; k++) {
        elbo_backup_rows(mdp, V, Q);
        for (size_t s = 0; s < mdp->nS; s++)
            if (elbo_rng_uniform(rng) < share)
                V[s] = Q[s * mdp->nA + best_action(Q + s * mdp->nA, mdp->nA)];
    }
}

/* Greedy in Q, but a random row in a tenth of the states (Grimm et al. 2021,
 * as their code has it). */
static void blur(double pi[], const double Q[], size_t nS, size_t nA,
                 bool stochastic, elbo_rng *rng)
{
    for (size_t s = 0; s < nS; s++)
        if (elbo_rng_uniform(rng) < share)
            draw_row(pi + s * nA, nA, stochastic, rng);
        else
            pi[s * nA + best_action(Q + s * nA, nA)] = 1;
}

static elbo_status search_policies(elbo_value_set *set, uint64_t batch,
                                   elbo_arena *ws)
{
    const elbo_mdp *const truth = set->truth;
    const size_t nS = truth->nS, rows = nS * truth->nA;
    double *const V = elbo_arena_take(ws, nS + 1, sizeof *V);
    double *const Q = elbo_arena_doubles(ws, rows);
    elbo_rng rng = elbo_rng_stream(set->seed, "values search", batch);

    ELBO_TRY(elbo_arena_check(ws, "a search of policies"));
    for (size_t s = 0; s < nS; s++) V[s] = elbo_rng_uniform(&rng);
    for (size_t k = 0; k < set->n; k++) {
        elbo_backup_rows(truth, V, Q);
        blur(set->pi + k * rows, Q, nS, truth->nA, set->stochastic, &rng);
        update_some(truth, V, Q, &rng);
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

/* V, Q of every policy in the real world. */
static elbo_status evaluate(elbo_value_set *set, elbo_arena *ws)
{
    const elbo_mdp *const truth = set->truth;
    const size_t nS = truth->nS, rows = nS * truth->nA;
    double *const V = elbo_arena_take(ws, 2 * (nS + 1), sizeof *V);

    ELBO_TRY(elbo_arena_check(ws, "the values of a policy"));
    for (size_t k = 0; k < set->n; k++) {
        const elbo_chain chain = {
            .mdp = truth, .pi = set->pi + k * rows, .q = truth->P};

        ELBO_TRY(elbo_evaluate(&chain, truth->r, V, ws));
        V[nS] = 0;
        memcpy(set->V + k * (nS + 1), V, (nS + 1) * sizeof *V);
        elbo_backup_rows(truth, V, set->Q + k * rows);
    }
    return ELBO_OK;
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

/* Batch number `batch` of policies, and their values in the world. */
static elbo_status renew(elbo_value_set *set, uint64_t batch, elbo_arena *ws)
{
    const size_t all = set->n * set->truth->nS * set->truth->nA;

    memset(set->pi, 0, all * sizeof *set->pi);
    if (set->search)
        ELBO_TRY(search_policies(set, batch, ws));
    else
        draw_policies(set, batch);
    for (size_t i = 0; i < all; i++) set->logpi[i] = log(set->pi[i]);
    return set->of_data ? ELBO_OK : evaluate(set, ws);
}

static elbo_status fill(elbo_value_set *set, size_t kind,
                        const elbo_values *values, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_status s = ELBO_OK;

    if (kind == FUNCTIONS) draw_functions(set, set->seed);
    if (kind == INDICATORS) fill_indicators(set);
    if (kind == KERNEL) s = fill_kernel(set, elbo_real(values, "width"), ws);
    if (kind == POLICIES) {
        set->actions = elbo_choice_is(values, "kind", "actions");
        set->stochastic = elbo_choice_is(values, "kind", "stochastic");
        set->of_data = elbo_choice_is(values, "world", "data");
        set->search = elbo_choice_is(values, "from", "search");
        set->fresh = elbo_flag(values, "fresh");
        s = renew(set, 0, ws);
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

    if (set->fresh) ELBO_TRY(renew(set, iteration, ws));
    if (!set->of_data) return ELBO_OK;
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
        .Q = set->Q ? set->Q + k * rows : NULL,
        .logpi = set->logpi ? set->logpi + k * rows : NULL,
    };
}

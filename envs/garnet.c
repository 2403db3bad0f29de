/* envs/garnet.c -- random finite worlds with a given branching factor. */
#include <stdlib.h>

#include "envs/instance.h"
#include "envs/layout.h"
#include "envs/registry.h"

static const elbo_option options[] = {
    {.name = "states",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e6,
     .fallback = "50",
     .doc = "number of states"},
    {.name = "actions",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e4,
     .fallback = "4",
     .doc = "number of actions"},
    {.name = "branching",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e6,
     .fallback = "3",
     .doc = "distinct successors of each state and action, at most `states`"},
    ELBO_INSTANCE_OPTION,
    {.name = "reward",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "state|action",
     .fallback = "state",
     .doc =
         "a reward for each state that is left, or for each state and action"},
    {.name = "reward_law",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "normal|uniform",
     .fallback = "normal",
     .doc = "rewards are drawn from N(0, 1), or uniformly from [0, 1)"},
    {.name = "sparsity",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0",
     .doc = "the probability that a reward is set to 0"},
    {.name = "start",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "uniform|first",
     .fallback = "uniform",
     .doc = "start anywhere, or in state 0"},
    {0       },
};

typedef struct garnet {
    size_t nA, b;
    uint32_t *next; /* [nS x nA x b] ascending in each row */
    double *prob;   /* [nS x nA x b] */
    double *reward; /* [nS x nA] */
} garnet;

static int by_number(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

static int by_state(const void *x, const void *y)
{
    const uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

    return (a > b) - (a < b);
}

/* b distinct states of nS, each set equally likely (Floyd's algorithm). `taken`
 * [nS] is all 0 before and after. */
static void draw_states(uint32_t next[], size_t b, size_t nS, uint8_t taken[],
                        elbo_rng *rng)
{
    for (size_t k = 0; k < b; k++) {
        const size_t last = nS - b + k, draw = elbo_rng_below(rng, last + 1);
        const size_t s = taken[draw] ? last : draw;

        taken[s] = 1;
        next[k] = (uint32_t)s;
    }
    for (size_t k = 0; k < b; k++) taken[next[k]] = 0;
    qsort(next, b, sizeof *next, by_state);
}

/* The lengths of the b pieces into which b - 1 uniform cuts divide [0, 1]. */
static void draw_pieces(double prob[], size_t b, elbo_rng *rng)
{
    for (size_t k = 0; k + 1 < b; k++) prob[k] = elbo_rng_uniform(rng);
    qsort(prob, b - 1, sizeof *prob, by_number);
    prob[b - 1] = 1;
    for (size_t k = b; k-- > 1;) prob[k] -= prob[k - 1];
}

static void draw_rewards(const elbo_values *values, size_t nS,
                         uint64_t instance, garnet *g)
{
    const bool by_action = elbo_choice_is(values, "reward", "action");
    const bool normal = elbo_choice_is(values, "reward_law", "normal");
    const double sparsity = elbo_real(values, "sparsity");

    for (size_t i = 0; i < nS * g->nA; i++) {
        elbo_rng rng = elbo_rng_stream(instance, "garnet reward",
                                       by_action ? i : i / g->nA * g->nA);
        double r = elbo_rng_uniform(&rng);
        const bool zero = elbo_rng_uniform(&rng) < sparsity;

        if (normal) elbo_rng_normals(&rng, &r, 1);
        g->reward[i] = zero ? 0 : r;
    }
}

static elbo_status draw(const elbo_values *values, size_t nS, uint64_t seed,
                        elbo_arena *arena, garnet *g)
{
    const uint64_t instance = elbo_instance(values, seed);
    const size_t rows = nS * g->nA;

    g->next = elbo_arena_take(arena, rows, g->b * sizeof *g->next);
    g->prob = elbo_arena_take(arena, rows, g->b * sizeof *g->prob);
    g->reward = elbo_arena_doubles(arena, rows);

    uint8_t *const taken = elbo_arena_take(arena, nS, 1);

    ELBO_TRY(elbo_arena_check(arena, "garnet"));
    for (size_t i = 0; i < rows; i++) {
        elbo_rng rng = elbo_rng_stream(instance, "garnet", i);

        draw_states(g->next + i * g->b, g->b, nS, taken, &rng);
        draw_pieces(g->prob + i * g->b, g->b, &rng);
    }
    draw_rewards(values, nS, instance, g);
    return ELBO_OK;
}

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_world *out)
{
    const size_t nS = (size_t)elbo_int(values, "states");
    garnet *const g = elbo_arena_take(arena, 1, sizeof *g);

    (void)folder;
    ELBO_TRY(elbo_arena_check(arena, "garnet"));
    g->nA = (size_t)elbo_int(values, "actions");
    g->b = (size_t)elbo_int(values, "branching");
    if (g->b > nS)
        return ELBO_FAIL(ELBO_EINVAL, "branching %zu is more than %zu states",
                         g->b, nS);
    ELBO_TRY(draw(values, nS, out->seed, arena, g));
    *out = (elbo_world){
        .env = &elbo_garnet,
        .self = g,
        .nS = nS,
        .nA = g->nA,
        .most = g->b,
        .mu = elbo_choice_is(values, "start", "first")
                  ? elbo_start_at(nS, 0, arena)
                  : elbo_start_uniform(nS, NULL, arena),
    };
    return elbo_arena_check(arena, "garnet");
}

static size_t outcomes(const void *world, size_t s, size_t a,
                       elbo_outcome out[])
{
    const garnet *const g = world;
    const size_t row = s * g->nA + a;

    for (size_t k = 0; k < g->b; k++)
        out[k] = (elbo_outcome){.next = g->next[row * g->b + k],
                                .prob = g->prob[row * g->b + k],
                                .reward = g->reward[row]};
    return g->b;
}

const elbo_env elbo_garnet = {
    .name = "garnet",
    .source = "Archibald, McKinnon, Thomas, On the generation of Markov "
              "decision processes, JORS 46 (1995)",
    .doc = "a random world: distinct successors, random probabilities",
    .options = options,
    .open = open_world,
    .outcomes = outcomes,
};

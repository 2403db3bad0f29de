/* envs/chain.c -- going forward pays late, going back pays at once.
 *
 * Actions: 0 forward, 1 back to the first state. Forward pays nothing but in
 * the last state, where it stays and pays `large`; back pays `small`. With
 * probability `slip` the other action takes effect, and pays. Always forward
 * earns 3.6768 a step in the long run with the defaults.
 */
#include "envs/layout.h"
#include "envs/registry.h"

enum { FORWARD, BACK, N_ACTIONS };

static const elbo_option options[] = {
    {.name = "states",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e6,
     .fallback = "5",
     .doc = "length of the chain"},
    {.name = "slip",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.2",
     .doc = "probability that the other action takes effect"},
    {.name = "small_reward",
     .type = ELBO_REAL,
     .unit = "",
     .low = -1e12,
     .high = 1e12,
     .fallback = "2",
     .doc = "reward of going back"},
    {.name = "large_reward",
     .type = ELBO_REAL,
     .unit = "",
     .low = -1e12,
     .high = 1e12,
     .fallback = "10",
     .doc = "reward of going forward in the last state"},
    {.name = "start",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "first|uniform",
     .fallback = "first",
     .doc = "start in state 0, or anywhere"},
    {0                  },
};

typedef struct chain {
    size_t nS;
    double slip, small, large;
} chain;

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_world *out)
{
    const size_t nS = (size_t)elbo_int(values, "states");
    chain *const c = elbo_arena_take(arena, 1, sizeof *c);

    (void)folder;
    ELBO_TRY(elbo_arena_check(arena, "chain"));
    *c = (chain){.nS = nS,
                 .slip = elbo_real(values, "slip"),
                 .small = elbo_real(values, "small_reward"),
                 .large = elbo_real(values, "large_reward")};
    *out = (elbo_world){
        .env = &elbo_chain,
        .self = c,
        .nS = nS,
        .nA = N_ACTIONS,
        .most = N_ACTIONS,
        .mu = elbo_choice_is(values, "start", "first")
                  ? elbo_start_at(nS, 0, arena)
                  : elbo_start_uniform(nS, NULL, arena),
        .coord = elbo_grid_coord(1, nS, arena),
        .dim = 2,
    };
    return elbo_arena_check(arena, "chain");
}

static size_t outcomes(const void *world, size_t s, size_t a,
                       elbo_outcome out[])
{
    const chain *const c = world;
    const bool last = s + 1 == c->nS;
    const double forward = a == FORWARD ? 1 - c->slip : c->slip;
    const double back = a == BACK ? 1 - c->slip : c->slip;
    size_t n = 0;

    n = elbo_outcome_add(out, n,
                         (elbo_outcome){.next = (uint32_t)(last ? s : s + 1),
                                        .prob = forward,
                                        .reward = last ? c->large : 0});
    return elbo_outcome_add(
        out, n, (elbo_outcome){.next = 0, .prob = back, .reward = c->small});
}

const elbo_env elbo_chain = {
    .name = "chain",
    .source = "Dearden, Friedman, Russell, Bayesian Q-learning, AAAI 1998",
    .doc = "a chain: a small reward at its start, a large one at its end",
    .options = options,
    .open = open_world,
    .outcomes = outcomes,
};

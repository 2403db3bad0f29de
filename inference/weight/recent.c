/* inference/weight/recent.c -- recent(rounds): 1 for the samples of the last rounds
 * of collection, 0 for older ones.
 *
 * The policy's own data and no others: the model of Rajeswaran, Mordatch, Kumar
 * (2020) when the policy leads the game (PAL); all data, a weight of 1, when the
 * model leads (MAL).
 */
#include "inference/weight/factors.h"

static const elbo_option options[] = {
    {.name = "rounds",
     .type = ELBO_INT,
     .unit = "iterations",
     .low = 1,
     .high = 1e6,
     .fallback = "1",
     .doc = "how many count, the present one among them"},
    {0},
};

static elbo_status update(void *self, const elbo_values *values,
                          const elbo_factor_view *view, double out[],
                          elbo_arena *ws)
{
    const uint64_t rounds = (uint64_t)elbo_int(values, "rounds");

    (void)self;
    (void)ws;
    for (size_t i = 0; i < view->epochs; i++)
        out[i] = i + rounds > view->iteration;
    return ELBO_OK;
}

const elbo_factor elbo_factor_recent = {
    .name = "recent",
    .source = "Rajeswaran, Mordatch, Kumar, A Game Theoretic Framework for "
              "Model Based Reinforcement Learning, ICML 2020",
    .doc = "1 for samples of the last rounds, else 0",
    .shape = ELBO_FACTOR_EPOCH,
    .options = options,
    .update = update,
};

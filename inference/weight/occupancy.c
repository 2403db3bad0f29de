/* inference/weight/occupancy.c -- occupancy(where, policy, epsilon): how often
 * (s, a) is met.
 *
 *   real, model  discounted visits of a policy, exact, in the world or the model
 *   data         shares of the data
 *   uniform      1 / (nS nA)
 *   aggregate    the mean of `uniform` and of the real visits of the policies of
 *                all E-steps so far
 */
#include "inference/weight/factors.h"
#include "inference/weight/visits.h"

static const elbo_option options[] = {
    {.name = "where",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "real|model|data|aggregate|uniform",
     .doc = "whose dynamics; aggregate: the world's, over all policies so far"},
    ELBO_POLICY_OPTIONS,
    {0},
};

static bool is(const elbo_values *values, const char *where)
{
    return elbo_choice_is(values, "where", where);
}

static bool oracle(const elbo_values *values)
{
    return is(values, "real") || is(values, "aggregate")
           || (is(values, "model") && elbo_target_oracle(values));
}

static elbo_status open(const elbo_values *values, const elbo_factor_view *view,
                        elbo_arena *arena, void **self)
{
    elbo_target *target = elbo_arena_take(arena, 1, sizeof *target);

    ELBO_TRY(elbo_arena_check(arena, "an occupancy"));
    *self = target;
    return elbo_target_open(values, view, arena, target);
}

static elbo_status follow(const elbo_target *target, const elbo_values *values,
                          const elbo_factor_view *view, const char *where,
                          double out[], elbo_arena *ws)
{
    double *pi = elbo_arena_doubles(ws, view->post->stages * view->world->nS
                                            * view->world->nA);

    ELBO_TRY(elbo_arena_check(ws, "an occupancy's policy"));
    elbo_target_policy(target, values, view, pi);
    return elbo_visits_of(view, where, pi, out, ws);
}

/* mean <- mean + (visits - mean) / (1 + policies), `uniform` being the first. */
static elbo_status aggregate(const elbo_target *target,
                             const elbo_values *values,
                             const elbo_factor_view *view, double mean[],
                             elbo_arena *ws)
{
    const size_t rows = view->world->nS * view->world->nA;
    const double members = 1 + (double)view->iteration;
    double *now = elbo_arena_doubles(ws, rows);

    if (view->iteration == 0)
        return elbo_visits_of(view, "uniform", NULL, mean, ws);
    ELBO_TRY(elbo_arena_check(ws, "an aggregate"));
    ELBO_TRY(follow(target, values, view, "real", now, ws));
    for (size_t i = 0; i < rows; i++) mean[i] += (now[i] - mean[i]) / members;
    return ELBO_OK;
}

static elbo_status update(void *self, const elbo_values *values,
                          const elbo_factor_view *view, double out[],
                          elbo_arena *ws)
{
    if (is(values, "aggregate"))
        return aggregate(self, values, view, out, ws);
    return follow(self, values, view, elbo_text(values, "where"), out, ws);
}

const elbo_factor elbo_factor_occupancy = {
    .name = "occupancy",
    .source = "exact policy evaluation",
    .doc = "share of visits of (s, a); the bare word is the planner's own",
    .shape = ELBO_FACTOR_ROW,
    .options = options,
    .oracle = oracle,
    .open = open,
    .update = update,
};

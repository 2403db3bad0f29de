/* inference/weight/ampl.c -- ampl(class, policy, epsilon): a marginal importance
 * weight from the critic's one moment (Yang et al. 2022).
 *
 *   E_D[w (Q(s, a) - gamma Q(s', pi))] = (1 - gamma) E_mu Q(s, pi)
 * with Q the planner's. One equation does not tell w: of all solutions this is the
 * nearest to w = 1 in the mean square over D, w = 1 + c g, with
 * g = Q(s, a) - gamma E_D[Q(s', pi) | s, a]; `normalised` keeps E_D w = 1 as well,
 * w = 1 + c (g - E_D g). It may be negative: relu(ampl(...)).
 */
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/weight/factors.h"
#include "inference/weight/visits.h"

static const elbo_option options[] = {
    {.name = "class",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "moment|normalised",
     .fallback = "moment",
     .doc = "the equations that w solves"},
    ELBO_POLICY_OPTIONS,
    {0},
};

static elbo_status open(const elbo_values *values, const elbo_factor_view *view,
                        elbo_arena *arena, void **self)
{
    elbo_target *target = elbo_arena_take(arena, 1, sizeof *target);

    ELBO_TRY(elbo_arena_check(arena, "a moment's weight"));
    *self = target;
    if (view->post->stages > 1)
        return ELBO_FAIL(ELBO_EINVAL, "ampl has no horizon");
    return elbo_target_open(values, view, arena, target);
}

double elbo_ampl_weights(const double d[], const double g[], size_t n,
                         double moment, bool normalised, double w[])
{
    double mean = 0, square = 0;

    for (size_t i = 0; i < n; i++) mean += d[i] * g[i];

    const double centre = normalised ? mean : 0;

    for (size_t i = 0; i < n; i++) square += d[i] * g[i] * (g[i] - centre);

    const double c = square > 0 ? (moment - mean) / square : 0;

    for (size_t i = 0; i < n; i++) w[i] = 1 + c * (g[i] - centre);
    return c;
}

/* g by rows and (1 - gamma) E_mu Q(s, pi). */
static elbo_status read_critic(const elbo_factor_view *view, const double pi[],
                               double g[], double *moment, elbo_arena *ws)
{
    const size_t rows = view->world->nS * view->world->nA;
    const double *Q = view->post->Q, gamma = view->truth->gamma;
    double *entries =
        elbo_arena_doubles(ws, view->belief->mean.pattern->nnz);
    double *start = elbo_arena_doubles(ws, rows);
    gsl_matrix *P = elbo_arena_mat(ws, rows, rows);

    ELBO_TRY(elbo_arena_check(ws, "a moment's critic"));
    ELBO_TRY(elbo_visits_entries(view, entries, ws));
    elbo_visits_chain(view, entries, pi, P);
    elbo_visits_start(view, pi, start);
    *moment = (1 - gamma) * elbo_dot(start, Q, rows);
    for (size_t i = 0; i < rows; i++)
        g[i] = Q[i] - gamma * elbo_dot(gsl_matrix_ptr(P, i, 0), Q, rows);
    return ELBO_OK;
}

static elbo_status update(void *self, const elbo_values *values,
                          const elbo_factor_view *view, double out[],
                          elbo_arena *ws)
{
    const size_t rows = view->world->nS * view->world->nA;
    double *pi = elbo_arena_doubles(ws, rows), *g = elbo_arena_doubles(ws, rows);
    double *d = elbo_arena_doubles(ws, rows), moment;

    ELBO_TRY(elbo_arena_check(ws, "a moment's weight"));
    elbo_target_policy(self, values, view, pi);
    ELBO_TRY(read_critic(view, pi, g, &moment, ws));
    elbo_visits_data(view, d);
    elbo_ampl_weights(d, g, rows, moment,
                      elbo_choice_is(values, "class", "normalised"), out);
    return ELBO_OK;
}

const elbo_factor elbo_factor_ampl = {
    .name = "ampl",
    .source = "Yang, Zhang, Feng, Zhou, Alternating Offline Model Training and "
              "Policy Learning, NeurIPS 2022",
    .doc = "the weight nearest to 1 that the critic's moment allows",
    .shape = ELBO_FACTOR_ROW,
    .options = options,
    .oracle = elbo_target_oracle,
    .open = open,
    .update = update,
};

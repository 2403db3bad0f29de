/* control/reps_samples.c -- the samples that REPS weighs, and features of their flow.
 *
 * An end leads to an absorbing state that pays nothing: one more sample, with a feature
 * of its own and the mass gamma / (1 - gamma) for each end. That mass takes part in the
 * KL, so where ends are frequent the rows have more than epsilon to themselves.
 */
#include <string.h>

#include "control/reps_state.h"


static void take_row(elbo_reps_samples *s, size_t i, const elbo_replay *from, size_t slot,
                     double mass)
{
    const size_t no = from->no, nu = from->nu;

    memcpy(s->o + i * no, from->o + slot * no, no * sizeof(float));
    memcpy(s->u + i * nu, from->u + slot * nu, nu * sizeof(float));
    memcpy(s->next + i * no, from->next + slot * no, no * sizeof(float));
    s->r[i] = (double)from->reward[slot];
    s->end[i] = from->end[slot];
    s->first[i] = from->step[slot] == 0;
    s->p[i] = mass;
}

static elbo_status take_samples(const elbo_reps *a, const elbo_task_estep *estep,
                                elbo_reps_samples *s, elbo_arena *ws)
{
    const elbo_replay *const data = estep->data, *const made = estep->rollouts;
    const size_t no = a->problem.world->no, nu = a->problem.world->nu;
    const size_t held = data->n, all = made ? made->n : 0;
    const size_t n = a->window && a->window < held ? a->window : held;
    const double share = all == 0 ? 1 : n == 0 ? 0 : estep->real;

    if (n + all == 0)
        return ELBO_FAIL(ELBO_EDATA,
                         "no transition to learn from: neither data nor "
                         "rollouts hold a row");
    *s = (elbo_reps_samples){
        .n = n + all,
        .o = elbo_arena_take(ws, (n + all) * no, sizeof(float)),
        .u = elbo_arena_take(ws, (n + all) * nu, sizeof(float)),
        .next = elbo_arena_take(ws, (n + all) * no, sizeof(float)),
        .end = elbo_arena_take(ws, n + all, sizeof(bool)),
        .first = elbo_arena_take(ws, n + all, sizeof(bool)),
        .r = elbo_arena_doubles(ws, n + all + 1),
        .p = elbo_arena_doubles(ws, n + all + 1),
        .q = elbo_arena_doubles(ws, n + all + 1),
        .D = elbo_arena_mat(ws, n + all + 1, a->features.m + 1),
    };
    ELBO_TRY(elbo_arena_check(ws, "control reps"));
    for (size_t i = 0; i < n; i++) /* the newest n */
        take_row(s, i, data, (data->pushed - n + i) % data->capacity,
                 share / (double)n);
    for (size_t i = 0; i < all; i++)
        take_row(s, n + i, made, i,
                 (1 - share) / (double)all
                     * (estep->rollout_weight ? estep->rollout_weight[i] : 1));
    return ELBO_OK;
}

/* The absorbing state's mass, then p sums to 1. */
static void close_measure(const elbo_reps *a, elbo_reps_samples *s)
{
    const double gamma = a->problem.gamma;
    double ended = 0, total = 0;

    for (size_t i = 0; i < s->n; i++) ended += s->end[i] ? s->p[i] : 0;
    s->r[s->n] = 0;
    s->p[s->n] = ended * gamma / (1 - gamma);
    for (size_t i = 0; i <= s->n; i++) total += s->p[i];
    for (size_t i = 0; i <= s->n; i++) s->p[i] /= total;
}

/* ---- the flow ---- */

/* E_mu phi over the rows where an episode began, by their mass, into phi0 [m].
 */
static void starts(const elbo_reps_samples *s, size_t m, const double phi[],
                   double phi0[])
{
    double total = 0, all = 0;

    for (size_t i = 0; i < s->n; i++) {
        total += s->first[i] ? s->p[i] : 0;
        all += s->p[i];
    }
    memset(phi0, 0, m * sizeof *phi0);
    for (size_t i = 0; i < s->n; i++) {
        const double share =
            total > 0 ? (s->first[i] ? s->p[i] / total : 0) : s->p[i] / all;

        for (size_t k = 0; k < m; k++) phi0[k] += share * phi[i * m + k];
    }
}

/* after [n x m] and going [n]: the model's means over draws of phi at the
 * successor, where it goes on, and of whether it does. */
static elbo_status imagine(const elbo_reps *a, const elbo_reps_samples *s, double after[],
                           double going[], elbo_arena *ws)
{
    const elbo_task_belief *const belief = a->problem.belief;
    const size_t n = s->n, m = a->features.m;
    float *const next =
        elbo_arena_take(ws, n * a->problem.world->no, sizeof *next);
    float *const reward = elbo_arena_take(ws, n, sizeof *reward);
    uint8_t *const end = elbo_arena_take(ws, n, 1);
    uint32_t *const member = elbo_arena_u32(ws, n), *const elite =
                                                        elbo_arena_u32(
                                                            ws,
                                                            belief->members);
    elbo_rng *const rng = elbo_arena_take(ws, n, sizeof *rng);
    double *const phi = elbo_arena_doubles(ws, n * m);

    ELBO_TRY(elbo_arena_check(ws, "control reps"));

    const size_t elites = belief->model->elites(belief, elite);

    memset(after, 0, n * m * sizeof *after);
    memset(going, 0, n * sizeof *going);
    for (size_t d = 0; d < a->draws; d++) {
        for (size_t i = 0; i < n; i++) {
            rng[i] = elbo_rng_stream(a->problem.seed, "control draws",
                                     (a->rounds * a->draws + d) * n + i);
            member[i] = elite[elbo_rng_below(&rng[i], elites)];
        }
        ELBO_TRY(belief->model->draw(belief, n, s->o, s->u, member, rng, false,
                                     next, reward, end, ws));
        ELBO_TRY(elbo_reps_features_rows(&a->features, n, next, phi, ws));
        for (size_t i = 0; i < n; i++) {
            if (end[i]) continue;
            going[i] += 1 / (double)a->draws;
            for (size_t k = 0; k < m; k++)
                after[i * m + k] += phi[i * m + k] / (double)a->draws;
        }
    }
    return ELBO_OK;
}

/* D_i = gamma phi(o') - phi(o) + (1 - gamma) phi0, with the absorbing state's
 * feature last: 0 at observations, 1 there. */
static elbo_status flow_features(elbo_reps *a, elbo_reps_samples *s, elbo_arena *ws)
{
    const size_t n = s->n, m = a->features.m;
    const double gamma = a->problem.gamma;
    double *const phi = elbo_arena_doubles(ws, n * m);
    double *const after = elbo_arena_doubles(ws, n * m);
    double *const phi0 = s->phi0 = elbo_arena_doubles(ws, m);
    double *const going = elbo_arena_doubles(ws, n);

    ELBO_TRY(elbo_arena_check(ws, "control reps"));
    elbo_reps_features_scale(&a->features, n, s->o);
    ELBO_TRY(elbo_reps_features_rows(&a->features, n, s->o, phi, ws));
    starts(s, m, phi, phi0);
    if (a->draws > 0) {
        ELBO_TRY(imagine(a, s, after, going, ws));
    } else {
        ELBO_TRY(elbo_reps_features_rows(&a->features, n, s->next, after, ws));
        for (size_t i = 0; i < n; i++) going[i] = s->end[i] ? 0 : 1;
        for (size_t k = 0; k < n * m; k++) after[k] *= going[k / m];
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < m; k++)
            gsl_matrix_set(s->D, i, k,
                           gamma * after[i * m + k] - phi[i * m + k]
                               + (1 - gamma) * phi0[k]);
        gsl_matrix_set(s->D, i, m, gamma * (1 - going[i]));
    }
    for (size_t k = 0; k < m; k++)
        gsl_matrix_set(s->D, n, k, (1 - gamma) * phi0[k]);
    gsl_matrix_set(s->D, n, m, gamma - 1);
    return ELBO_OK;
}

elbo_status elbo_reps_gather(elbo_reps *reps, const elbo_task_estep *estep,
                             elbo_reps_samples *out, elbo_arena *ws)
{
    ELBO_TRY(take_samples(reps, estep, out, ws));
    close_measure(reps, out);
    return flow_features(reps, out, ws);
}

/* inference/weight/gamps.c -- gamps(where, policy, epsilon): where the error of a
 * policy gradient comes from (D'Oro et al. 2020).
 *
 *   nu(s, a)  ~ d(s, a) |grad log pi(a|s)|,  d the discounted visits
 *   eta(s, a) = sum nu(s', a') d_{s', a'}(s, a)
 * the visits reached after state-actions of large score: the weight of model errors
 * in the bound on the error of the gradient with the model's Q. The score is that
 * of a table of logits, |grad|^2 = 1 - 2 pi(a|s) + sum_b pi(b|s)^2; its scale
 * cancels. Where every score is 0, eta is d.
 */
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/evaluate.h"
#include "inference/weight/factors.h"
#include "inference/weight/visits.h"

static const elbo_option options[] = {
    {.name = "where",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "real|model",
     .fallback = "real",
     .doc = "whose dynamics"},
    ELBO_POLICY_OPTIONS,
    {0},
};

static bool oracle(const elbo_values *values)
{
    return elbo_choice_is(values, "where", "real")
           || elbo_target_oracle(values);
}

static elbo_status open(const elbo_values *values, const elbo_factor_view *view,
                        elbo_arena *arena, void **self)
{
    elbo_target *target = elbo_arena_take(arena, 1, sizeof *target);

    ELBO_TRY(elbo_arena_check(arena, "a weight of gradients"));
    *self = target;
    if (view->post->stages > 1)
        return ELBO_FAIL(ELBO_EINVAL, "gamps has no horizon");
    return elbo_target_open(values, view, arena, target);
}

double elbo_gamps_score(const double pi[], size_t nA, size_t a)
{
    double square = 1 - 2 * pi[a];

    for (size_t b = 0; b < nA; b++) square += pi[b] * pi[b];
    return square > 0 ? sqrt(square) : 0;
}

/* After one step from nu: start[s'] = sum_row nu(row) P(s'|row), without END. */
static void advance(const elbo_kernel *P, const double nu[], double start[])
{
    const size_t rows = P->pattern->nS * P->pattern->nA;

    memset(start, 0, P->pattern->nS * sizeof *start);
    for (size_t row = 0; row < rows; row++)
        for (size_t i = elbo_row_begin(P->pattern, row);
             i < elbo_row_end(P->pattern, row); i++) {
            const size_t next = elbo_successor(P->pattern, row, i);

            if (next < P->pattern->nS) start[next] += nu[row] * P->prob[i];
        }
}

elbo_status elbo_gamps_visits(const elbo_mdp *mdp, const elbo_kernel *P,
                              const double pi[], const double score[],
                              double eta[], elbo_arena *ws)
{
    const size_t rows = mdp->nS * mdp->nA;
    double *nu = elbo_arena_doubles(ws, rows), *rho = elbo_arena_doubles(ws, rows);
    double *start = elbo_arena_doubles(ws, mdp->nS);
    elbo_mdp later = *mdp;
    elbo_chain chain = {.mdp = mdp, .pi = pi, .q = *P};
    double all = 0;

    ELBO_TRY(elbo_arena_check(ws, "a weight of gradients"));
    ELBO_TRY(elbo_occupancy(&chain, nu, ws));
    memcpy(eta, nu, rows * sizeof *eta);
    for (size_t i = 0; i < rows; i++) all += nu[i] *= score[i];
    if (all > 0) {
        /* from each nu: it itself, then the visits from where it leads to */
        advance(P, nu, start);
        later.mu = start;
        chain.mdp = &later;
        ELBO_TRY(elbo_occupancy(&chain, rho, ws));
        for (size_t i = 0; i < rows; i++) eta[i] = nu[i] + mdp->gamma * rho[i];
    }
    all = elbo_sum(eta, rows);
    for (size_t i = 0; i < rows; i++) eta[i] /= all;
    return ELBO_OK;
}

static elbo_status update(void *self, const elbo_values *values,
                          const elbo_factor_view *view, double out[],
                          elbo_arena *ws)
{
    const size_t nA = view->world->nA, rows = view->world->nS * nA;
    const elbo_kernel *P = elbo_choice_is(values, "where", "real")
                               ? &view->truth->P
                               : &view->belief->mean;
    double *pi = elbo_arena_doubles(ws, rows);
    double *score = elbo_arena_doubles(ws, rows);

    ELBO_TRY(elbo_arena_check(ws, "a weight of gradients"));
    elbo_target_policy(self, values, view, pi);
    for (size_t i = 0; i < rows; i++)
        score[i] = elbo_gamps_score(pi + i / nA * nA, nA, i % nA);
    return elbo_gamps_visits(view->truth, P, pi, score, out, ws);
}

const elbo_factor elbo_factor_gamps = {
    .name = "gamps",
    .source = "D'Oro, Metelli, Tirinzoni, Papini, Restelli, Gradient-Aware "
              "Model-based Policy Search, AAAI 2020",
    .doc = "visits reached after state-actions of large score; over "
           "occupancy(data) a weight",
    .shape = ELBO_FACTOR_ROW,
    .options = options,
    .oracle = oracle,
    .open = open,
    .update = update,
};

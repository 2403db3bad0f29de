/* inference/weight/distance_to.c -- distance_to(policy): how far (s, a) lies from a
 * policy's path (Lambert et al. 2020: weights exp(-distance)).
 *
 * The path starts in the likeliest state and takes the likeliest action and
 * successor in the world until it ends or comes back. The distance is that of
 * coordinates, and another action is 1 away:
 * d = min_t sqrt(|s - s_t|^2 + [a != a_t]).
 */
#include <math.h>

#include "inference/weight/factors.h"
#include "inference/weight/visits.h"

static const elbo_option options[] = {ELBO_POLICY_OPTIONS, {0}};

static bool oracle(const elbo_values *values)
{
    (void)values;
    return true;
}

static elbo_status open(const elbo_values *values, const elbo_factor_view *view,
                        elbo_arena *arena, void **self)
{
    elbo_target *target = elbo_arena_take(arena, 1, sizeof *target);

    ELBO_TRY(elbo_arena_check(arena, "a distance"));
    *self = target;
    if (!view->world->coord)
        return ELBO_FAIL(ELBO_EINVAL,
                         "states of this world have no coordinates");
    return elbo_target_open(values, view, arena, target);
}

static size_t largest(const double x[], size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

static size_t likeliest(const elbo_kernel *P, size_t row)
{
    const size_t first = elbo_row_begin(P->pattern, row);

    return elbo_successor(
        P->pattern, row,
        first + largest(P->prob + first, elbo_row_end(P->pattern, row) - first));
}

static void approach(const elbo_world *world, size_t at, double out[])
{
    const size_t nA = world->nA, dim = world->dim;

    for (size_t row = 0; row < world->nS * nA; row++) {
        double square = row % nA != at % nA;

        for (size_t k = 0; k < dim; k++) {
            const double off = world->coord[row / nA * dim + k]
                               - world->coord[at / nA * dim + k];

            square += off * off;
        }
        out[row] = fmin(out[row], sqrt(square));
    }
}

static elbo_status update(void *self, const elbo_values *values,
                          const elbo_factor_view *view, double out[],
                          elbo_arena *ws)
{
    const size_t nS = view->world->nS, nA = view->world->nA;
    double *pi = elbo_arena_doubles(ws, view->post->stages * nS * nA);
    size_t s = largest(view->truth->mu, nS);

    ELBO_TRY(elbo_arena_check(ws, "a distance's policy"));
    elbo_target_policy(self, values, view, pi);
    for (size_t i = 0; i < nS * nA; i++) out[i] = HUGE_VAL;
    for (size_t t = 0; t < nS && s < nS; t++) {
        const size_t stage = t % view->post->stages;
        const size_t a = largest(pi + (stage * nS + s) * nA, nA);

        if (out[s * nA + a] == 0) break;
        approach(view->world, s * nA + a, out);
        s = likeliest(&view->truth->P, s * nA + a);
    }
    return ELBO_OK;
}

const elbo_factor elbo_factor_distance_to = {
    .name = "distance_to",
    .source = "Lambert, Amos, Yadan, Calandra, Objective Mismatch in Model-based "
              "Reinforcement Learning, L4DC 2020",
    .doc = "distance of (s, a) from a policy's likeliest path in the world",
    .shape = ELBO_FACTOR_ROW,
    .options = options,
    .oracle = oracle,
    .open = open,
    .update = update,
};

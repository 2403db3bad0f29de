/* inference/bound_profile.c -- min over q of F_control, the policy fixed.
 *
 * Policy iteration for the adversary: evaluate (pi, q) exactly, answer by the
 * worst q (a tilt's, or of a ball), repeat. V falls from round to round, and
 * quadratically fast at the end.
 */
#include <math.h>
#include <string.h>

#include "inference/backup.h"
#include "inference/bound.h"
#include "inference/evaluate.h"

enum { ROUNDS = 200 }; /* beyond the horizon */

static const double still = 1e-14; /* relative change of V that ends it */

/* b = r - alpha KL(pi || pi0) - charge KL(q || p). */
static void charged_reward(const elbo_problem *problem,
                           const elbo_posterior *post, double b[])
{
    const size_t rows = post->nS * post->nA;
    const double charge = elbo_tilt_charge(&problem->tilt);

    elbo_policy_reward(problem, post, b);
    if (charge == 0) return;
    for (size_t t = 0; t < post->stages; t++) {
        const elbo_kernel q = elbo_posterior_kernel(post, problem, t);

        for (size_t row = 0; row < rows; row++)
            b[t * rows + row] -=
                charge * elbo_row_kl(&q, &problem->mdp.P, row);
    }
}

/* The largest |V - old|, and old <- V. *size is the largest |V|. */
static double moved(const double V[], double old[], size_t n, double *size)
{
    double change = 0;

    *size = 0;
    for (size_t i = 0; i < n; i++) {
        change = fmax(change, fabs(V[i] - old[i]));
        *size = fmax(*size, fabs(V[i]));
        old[i] = V[i];
    }
    return change;
}

static elbo_status profile(const elbo_problem *problem,
                           const elbo_posterior *given, double *value,
                           double *error, double rho[], elbo_arena *ws)
{
    const size_t stages = given->stages;
    const size_t n = stages * (given->nS + 1);
    elbo_posterior post = *given;
    double *b = elbo_arena_doubles(ws, stages * given->nS * given->nA);
    double *old = elbo_arena_doubles(ws, n);
    double change = HUGE_VAL, size = 0;
    elbo_parts parts = {0};

    post.q = elbo_arena_doubles(ws, stages * post.nnz);
    post.V = elbo_arena_doubles(ws, n + given->nS + 1);
    ELBO_TRY(elbo_arena_check(ws, "bound: the adversary's q"));
    memset(post.V, 0, (n + given->nS + 1) * sizeof *post.V);
    memset(old, 0, n * sizeof *old);

    for (size_t i = 0; i < ROUNDS + stages && change > still * size; i++) {
        const elbo_chain chain = {
            .mdp = &problem->mdp,
            .pi = post.pi,
            .q = elbo_posterior_kernel(&post, problem, 0),
            .q_stride = stages > 1 ? post.nnz : 0,
        };

        elbo_posterior_tilt(problem, &post);
        charged_reward(problem, &post, b);
        ELBO_TRY(elbo_evaluate(&chain, b, post.V, ws));
        change = moved(post.V, old, n, &size);
    }
    ELBO_TRY(elbo_bound_control(problem, &post, &parts, rho, ws));
    *value = elbo_parts_control(&parts);
    *error = change;
    return ELBO_OK;
}

elbo_status elbo_bound_profile(const elbo_problem *problem,
                               const elbo_posterior *post, double *value,
                               double *error, double rho[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = profile(problem, post, value, error, rho, ws);

    elbo_arena_release(ws, mark);
    return s;
}

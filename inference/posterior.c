#include "inference/posterior.h"

#include <assert.h>
#include <math.h>

#include "inference/core/alloc.h"

static void fill(double x[], size_t n, double value)
{
    for (size_t i = 0; i < n; i++) x[i] = value;
}

/* q = p on every stage: the tilt by a value that is the same everywhere, so
 * that the rows of a sub-stochastic p are normalised. */
static void start_q(elbo_posterior *post, const elbo_problem *problem)
{
    for (size_t t = 0; t < post->stages; t++)
        problem->tilt.kind->posterior(&problem->tilt, &problem->mdp.P, post->V,
                                      0, post->nS * post->nA,
                                      post->q + t * post->nnz);
}

elbo_status elbo_posterior_init(elbo_posterior *post,
                                const elbo_problem *problem, elbo_arena *arena)
{
    const elbo_mdp *mdp = &problem->mdp;
    const size_t stages = elbo_stages(mdp), nnz = mdp->P.pattern->nnz;
    const bool tilted = problem->tilt.kind->posterior != NULL;
    size_t policy, values, kernels = 0;

    if (!elbo_size_mul(stages, mdp->nS * mdp->nA, &policy)
        || !elbo_size_mul(stages + 1, mdp->nS + 1, &values)
        || (tilted && !elbo_size_mul(stages, nnz, &kernels)))
        return ELBO_FAIL(ELBO_ESIZE,
                         "posterior: %zu stages of %zu states, %zu actions",
                         stages, mdp->nS, mdp->nA);
    *post = (elbo_posterior){.stages = stages,
                             .nS = mdp->nS,
                             .nA = mdp->nA,
                             .nnz = nnz,
                             .pi0 = elbo_arena_doubles(arena, policy),
                             .pi = elbo_arena_doubles(arena, policy),
                             .V = elbo_arena_doubles(arena, values),
                             .Q = elbo_arena_doubles(arena, policy),
                             .q = tilted ? elbo_arena_doubles(arena, kernels)
                                         : NULL};
    ELBO_TRY(elbo_arena_check(arena, "posterior"));
    fill(post->pi0, policy, 1 / (double)mdp->nA);
    fill(post->pi, policy, 1 / (double)mdp->nA);
    fill(post->V, values, 0);
    fill(post->Q, policy, 0);
    if (tilted) start_q(post, problem);
    return ELBO_OK;
}

elbo_kernel elbo_posterior_kernel(const elbo_posterior *post,
                                  const elbo_problem *problem, size_t stage)
{
    assert(stage < post->stages);

    const elbo_kernel p = problem->mdp.P;

    if (!post->q) return p;
    return (elbo_kernel){.pattern = p.pattern,
                         .prob = post->q + stage * post->nnz};
}

elbo_status elbo_posterior_check(const elbo_posterior *post, size_t stage)
{
    const double *V = post->V + stage * (post->nS + 1);
    const double *Q = post->Q + stage * post->nS * post->nA;

    for (size_t s = 0; s < post->nS; s++) {
        for (size_t a = 0; a < post->nA; a++)
            if (!isfinite(Q[s * post->nA + a]))
                return ELBO_FAIL(ELBO_ENOTFINITE,
                                 "stage %zu, state %zu, action %zu: Q is %g",
                                 stage, s, a, Q[s * post->nA + a]);
        if (!isfinite(V[s]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "stage %zu, state %zu: V is %g",
                             stage, s, V[s]);
    }
    return ELBO_OK;
}

void elbo_policy_reward(const elbo_problem *problem, const elbo_posterior *post,
                        double b[])
{
    const size_t nA = post->nA, rows = post->nS * nA;
    const bool charged = problem->alpha > 0 && isfinite(problem->alpha);

    for (size_t i = 0; i < post->stages * rows; i += nA) {
        const double kl =
            charged ? problem->alpha
                          * elbo_policy_kl(post->pi + i, post->pi0 + i, nA)
                    : 0;

        for (size_t a = 0; a < nA; a++)
            b[i + a] = problem->mdp.r[i % rows + a] - kl;
    }
}

double elbo_policy_kl(const double pi[], const double pi0[], size_t nA)
{
    double kl = 0;

    for (size_t a = 0; a < nA; a++)
        kl += pi[a] > 0 ? elbo_kl_term(pi[a], pi0[a]) : pi0[a];
    return kl;
}

/* The shape that a saved posterior must have to be loaded again. */
enum { STAGES, STATES, ACTIONS, ENTRIES, SHAPE };

static void shape_of(const elbo_posterior *post, uint64_t shape[SHAPE])
{
    shape[STAGES] = post->stages;
    shape[STATES] = post->nS;
    shape[ACTIONS] = post->nA;
    shape[ENTRIES] = post->q ? post->nnz : 0; /* no q: nothing depends on it */
}

void elbo_posterior_save(const elbo_posterior *post, elbo_writer *out)
{
    const size_t policy = post->stages * post->nS * post->nA;
    uint64_t shape[SHAPE];

    shape_of(post, shape);
    for (size_t i = 0; i < SHAPE; i++) elbo_put_u64(out, shape[i]);
    elbo_put_doubles(out, post->pi0, policy);
    elbo_put_doubles(out, post->pi, policy);
    elbo_put_doubles(out, post->V, (post->stages + 1) * (post->nS + 1));
    elbo_put_doubles(out, post->Q, policy);
    if (post->q) elbo_put_doubles(out, post->q, post->stages * post->nnz);
}

static elbo_status check_shape(const elbo_posterior *post, elbo_reader *in)
{
    static const char *const names[SHAPE] = {"stages", "states", "actions",
                                             "entries of q"};
    uint64_t expected[SHAPE], found;

    shape_of(post, expected);
    for (size_t i = 0; i < SHAPE; i++) {
        ELBO_TRY(elbo_get_u64(in, &found));
        if (found != expected[i])
            return ELBO_FAIL(ELBO_EDATA,
                             "posterior: %llu %s were saved, %llu expected",
                             (unsigned long long)found, names[i],
                             (unsigned long long)expected[i]);
    }
    return ELBO_OK;
}

elbo_status elbo_posterior_load(elbo_posterior *post, elbo_reader *in)
{
    const size_t policy = post->stages * post->nS * post->nA;

    ELBO_TRY(check_shape(post, in));
    ELBO_TRY(elbo_get_doubles(in, post->pi0, policy));
    ELBO_TRY(elbo_get_doubles(in, post->pi, policy));
    ELBO_TRY(
        elbo_get_doubles(in, post->V, (post->stages + 1) * (post->nS + 1)));
    ELBO_TRY(elbo_get_doubles(in, post->Q, policy));
    if (!post->q) return ELBO_OK;
    return elbo_get_doubles(in, post->q, post->stages * post->nnz);
}

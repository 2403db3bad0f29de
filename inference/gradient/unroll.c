/* inference/gradient/unroll.c -- k backups from V = 0, and back through them.
 *
 *   V_0 = 0,  V_{j+1} = T(V_j);  pi, Q and q are those of the last backup
 */
#include <string.h>

#include "inference/backup.h"
#include "inference/gradient/kinds.h"
#include "inference/gradient/spread.h"

static const elbo_option options[] = {
    {.name = "k",
     .type = ELBO_INT,
     .unit = "backups",
     .low = 1,
     .high = 1e6,
     .doc = "backups from V = 0; of networks, steps of the critics from where they stand"},
    {.name = "rate",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .fallback = "0",
     .doc = "of networks, where it must be above 0, and of them alone: eta of w <- w - "
            "eta dL/dw, L the critics' error on the model's transitions"},
    {0},
};

static elbo_status set(const elbo_values *values, elbo_route *out)
{
    out->n = (size_t)elbo_int(values, "k");
    out->rate = elbo_real(values, "rate");
    return ELBO_OK;
}

/* V_0 .. V_{k-1}. */
static size_t trace_size(const elbo_route *route, size_t nS)
{
    return route->n * (nS + 1);
}

static elbo_status plan(const elbo_route *route, const elbo_problem *problem,
                        elbo_posterior *post, double trace[])
{
    const elbo_tilt *const tilt = &problem->tilt;
    const size_t nS = post->nS, rows = nS * post->nA, width = nS + 1;
    const double *const last = trace + (route->n - 1) * width;

    memset(trace, 0, width * sizeof *trace);
    for (size_t j = 0; j + 1 < route->n; j++)
        elbo_backup(problem, post->pi0, trace + j * width,
                    trace + (j + 1) * width, NULL, NULL);
    elbo_backup(problem, post->pi0, last, post->V, post->Q, post->pi);
    if (post->q)
        tilt->kind->posterior(tilt, &problem->mdp.P, last, 0, rows, post->q);
    return ELBO_OK;
}

static elbo_status pull(const elbo_pull *x, elbo_arena *ws)
{
    const elbo_problem *const problem = x->plan->problem;
    const elbo_tilt *const tilt = &problem->tilt;
    const elbo_posterior *const post = x->plan->post;
    const size_t nS = post->nS, nA = post->nA, rows = nS * nA;
    double *const V = elbo_arena_doubles(ws, nS + 1);
    double *const Q = elbo_arena_doubles(ws, rows);
    double *const pi = elbo_arena_doubles(ws, rows);
    elbo_kernel q = problem->mdp.P;

    if (post->q) {
        q = (elbo_kernel){.pattern = q.pattern,
                          .prob = elbo_arena_doubles(ws, post->nnz)};
    }
    ELBO_TRY(elbo_arena_check(ws, "the unrolled planner"));
    for (size_t j = x->route->n; j-- > 0;) {
        const double *const from = x->trace + j * (nS + 1);

        elbo_backup(problem, post->pi0, from, V, Q, pi);
        if (post->q)
            tilt->kind->posterior(tilt, &problem->mdp.P, from, 0, rows, q.prob);
        for (size_t row = 0; row < rows; row++)
            x->gQ[row] += pi[row] * x->gV[row / nA];
        ELBO_TRY(elbo_spread_theta(problem, from, x->gQ, &x->into, ws));
        memset(x->gV, 0, nS * sizeof *x->gV);
        elbo_spread_values(&q, problem->mdp.gamma, x->gQ, x->gV);
        memset(x->gQ, 0, rows * sizeof *x->gQ);
    }
    return ELBO_OK;
}

/* Of the planner that it is. */
static bool exact(const elbo_route *route)
{
    (void)route;
    return true;
}

const elbo_gradient elbo_gradient_unroll = {
    .name = "unroll",
    .source = "Tamar et al., NeurIPS 2016 (value iteration networks)",
    .formula = "V = T^k(0), reverse mode through the k backups",
    .doc = "a planner of k backups, or, of networks, critics after k steps of gradient "
           "descent, differentiated as it is",
    .options = options,
    .set = set,
    .plan = plan,
    .trace_size = trace_size,
    .pull = pull,
    .exact = exact,
    .way = &elbo_task_way_unroll,
};

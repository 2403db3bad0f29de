/* inference/gradient/implicit.c -- the implicit function theorem at V = T(V).
 *
 *   lambda_V = b + gamma P_pi' lambda_V,  lambda_Q = gQ' + pi lambda_V
 * or back through the stages of a horizon.
 */
#include <string.h>

#include "inference/gradient/kinds.h"
#include "inference/gradient/spread.h"

static elbo_status check_solver(const char *text, size_t *column,
                                const char **nearest)
{
    elbo_arena *const arena = elbo_arena_alloc(1024);
    elbo_route route = {0};
    const char *word = NULL;

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "a solver's name");

    const elbo_status s = elbo_solver_parse(text, arena, &route, column, &word);

    if (nearest) *nearest = elbo_gradient_lasting(word);
    elbo_arena_free(arena);
    return s;
}

static const elbo_option options[] = {
    {.name = "solver",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "exact",
     .doc = "of the adjoint equation: exact, cg, neumann(k), identity, "
            "woodbury(rank) or adjoint", .check = check_solver},
    {.name = "reach",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "all|reward|kernel",
     .fallback = "all",
     .doc = "what the data term moves through the planner: all of theta, or one "
            "part, the other keeping to what names it directly (two stages)"},
    {.name = "noise",
     .type = ELBO_REAL,
     .unit = "reward",
     .low = 0,
     .high = 1e6,
     .fallback = "0",
     .doc = "standard deviation of Gaussian noise on the planner's Q in each "
            "derivative: what an unsolved plan does to it"},
    {0      },
};

static elbo_status set(const elbo_values *values, elbo_route *out)
{
    if (elbo_choice_is(values, "reach", "reward"))
        out->reach = ELBO_REACH_REWARD;
    if (elbo_choice_is(values, "reach", "kernel"))
        out->reach = ELBO_REACH_KERNEL;
    out->noise = elbo_real(values, "noise");
    return elbo_solver_parse(elbo_text(values, "solver"), values->arena, out,
                             NULL, NULL);
}

/* With a horizon: from the first stage on, each is moved by those before. */
static elbo_status pull_stages(const elbo_pull *x, elbo_arena *ws)
{
    const elbo_problem *const problem = x->plan->problem;
    const elbo_posterior *const post = x->plan->post;
    const size_t rows = post->nS * post->nA, width = post->nS + 1;

    for (size_t t = 0; t < post->stages; t++) {
        const elbo_kernel q = elbo_posterior_kernel(post, problem, t);
        const double *const pi = post->pi + t * rows;
        double *const gQ = x->gQ + t * rows, *const gV = x->gV + t * width;

        for (size_t row = 0; row < rows; row++)
            gQ[row] += pi[row] * gV[row / post->nA];
        ELBO_TRY(elbo_spread_theta(problem, post->V + (t + 1) * width, gQ,
                                   &x->into, ws));
        elbo_spread_values(&q, problem->mdp.gamma, gQ, gV + width);
    }
    return ELBO_OK;
}

static elbo_status pull_fixed_point(const elbo_pull *x, elbo_arena *ws)
{
    const elbo_plan *const plan = x->plan;
    const elbo_problem *const problem = plan->problem;
    const size_t nS = plan->post->nS, nA = plan->post->nA;
    const elbo_kernel q = elbo_posterior_kernel(plan->post, problem, 0);
    const elbo_chain chain = elbo_plan_chain(plan, &problem->mdp, &q);
    double *const b = elbo_arena_doubles(ws, nS);
    double *const lambda = elbo_arena_doubles(ws, nS);
    elbo_sparse P, P_t;

    ELBO_TRY(elbo_arena_check(ws, "the adjoint equation"));
    ELBO_TRY(elbo_chain_matrix(&chain, &P, ws));
    ELBO_TRY(elbo_sparse_transpose(&P, &P_t, ws));
    memcpy(b, x->gV, nS * sizeof *b);
    elbo_spread_values(&q, problem->mdp.gamma, x->gQ, b);

    const elbo_adjoint system = {&P, &P_t, problem->mdp.gamma, b, x->gV};

    ELBO_TRY(elbo_solver_solve(x->route->solver, &system, x->route, lambda,
                               x->info, ws));
    for (size_t row = 0; row < nS * nA; row++)
        x->gQ[row] += plan->post->pi[row] * lambda[row / nA];
    return elbo_spread_theta(problem, plan->post->V, x->gQ, &x->into, ws);
}

static elbo_status pull(const elbo_pull *x, elbo_arena *ws)
{
    return x->plan->problem->mdp.horizon ? pull_stages(x, ws)
                                         : pull_fixed_point(x, ws);
}

static bool exact(const elbo_route *route)
{
    return route->solver->exact && route->reach == ELBO_REACH_ALL
           && route->noise == 0;
}

const elbo_gradient elbo_gradient_implicit = {
    .name = "implicit",
    .source = "Nikishin et al., AAAI 2022; Wei et al., CoRL 2023",
    .formula = "lambda = (I - gamma P_pi)'^-1 b, then through dT/dtheta",
    .doc = "the implicit function theorem at the planner's fixed point, or, of "
           "networks, at the critics' equation (identity, cg, neumann)",
    .options = options,
    .set = set,
    .pull = pull,
    .exact = exact,
    .way = &elbo_task_way_implicit,
};

#include "tests/gradient_cases.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/backup.h"

static const char plain[] = "init_scale=0.7";
static const char learned[] = "init_scale=0.7 reward=learned";
static const char state[] = "support=states init_scale=0.7 reward=state";
static const char rank[] = "rank=3 reward=learned";

const gradient_setting gradient_settings[] = {
    {"softmax",  plain,   "model",                 0.4 },
    {"softmax",  learned, "tilt(1.7)",             0.4 },
    {"softmax",  learned, "tilt(0.8, kl=next)",    0.13},
    {"softmax",  plain,   "tilt(-1.3)",            0.4 },
    {"softmax",  learned, "robust(0.11)",          0.4 },
    {"softmax",  plain,   "robust(0.07, ball=tv)", 0.4 },
    {"low_rank", rank,    "model",                 0.07},
    {"softmax",  state,   "robust(0.02)",           0.4 },
    {"low_rank", rank,    "tilt(2.3)",             1.3 },
};

const int n_gradient_settings =
    sizeof gradient_settings / sizeof *gradient_settings;

static double *random_slopes(gradient_case *g, elbo_rng *rng, size_t n)
{
    double *const x = elbo_arena_doubles(g->c.arena, n);

    elbo_rng_normals(rng, x, n);
    return x;
}

static void take_slopes(gradient_case *g)
{
    const size_t nS = g->post.nS, rows = nS * g->post.nA;
    elbo_rng rng = elbo_rng_stream(5, "test slopes", 0);

    g->slopes = (elbo_slopes){
        .V = random_slopes(g, &rng, nS + 1),
        .Q = random_slopes(g, &rng, rows),
        .logpi = random_slopes(g, &rng, rows),
        .occupancy = random_slopes(g, &rng, rows),
        .occupancy_held = random_slopes(g, &rng, rows),
        .J = 0.31,
        .Jmodel = -0.72,
        .Jmodel_held = 0.44,
    };
}

void gradient_case_open(gradient_case *g, const gradient_setting *setting,
                        const char *route)
{
    *g = (gradient_case){.ws = elbo_arena_alloc(1 << 14)};
    case_garnet(&g->c, "states=7 actions=3 branching=3", 4, 0.9, 0);
    g->belief = case_model(&g->c, setting->model, setting->options);
    g->problem = case_control(&g->c, g->belief.mean, setting->transition,
                              setting->alpha);
    if (g->belief.reward) {
        elbo_rng rng = elbo_rng_stream(9, "test rewards", 0);

        elbo_rng_normals(&rng, g->belief.theta + g->belief.n_kernel,
                         g->belief.n_reward);
        g->belief.model->update(&g->belief);
        g->problem.mdp.r = g->belief.reward;
    }
    g->post = case_posterior(&g->c, &g->problem, 3);
    g->plan =
        (elbo_plan){&g->c.truth, &g->problem, &g->belief.mean, &g->post, true};
    take_slopes(g);
    gradient_case_route(g, route);
}

void gradient_case_close(gradient_case *g)
{
    elbo_arena_free(g->ws);
    case_garnet_close(&g->c);
}

void gradient_case_route(gradient_case *g, const char *route)
{
    case_ok(elbo_gradient_parse(route, g->c.arena, &g->route, NULL, NULL));
    if (g->route.kind->trace_size)
        g->trace = elbo_arena_doubles(
            g->c.arena, g->route.kind->trace_size(&g->route, g->post.nS));
}

void gradient_case_solve(gradient_case *g)
{
    elbo_solve_info info;

    if (g->route.kind->plan) {
        case_ok(
            g->route.kind->plan(&g->route, &g->problem, &g->post, g->trace));
        return;
    }
    g->problem.tolerance = 1e-14;
    g->problem.sweeps = 2000;
    case_ok(elbo_solve(&g->problem, &g->post, &info, g->ws));
}

/* The occupancy of a policy, and its return, by sweeps of their definitions. */
static double follow(gradient_case *g, const elbo_mdp *mdp,
                     const elbo_kernel *P, const double pi[], double rho[])
{
    const size_t nS = mdp->nS, nA = mdp->nA;
    double d[8], next[8], J = 0;

    memcpy(d, mdp->mu, nS * sizeof *d);
    memset(rho, 0, nS * nA * sizeof *rho);
    (void)g;
    for (int t = 0; t < 500; t++) {
        memset(next, 0, sizeof next);
        for (size_t row = 0; row < nS * nA; row++) {
            const double visits = d[row / nA] * pi[row];

            rho[row] += visits;
            J += visits * mdp->r[row];
            for (size_t i = elbo_row_begin(P->pattern, row);
                 i < elbo_row_end(P->pattern, row); i++)
                next[elbo_successor(P->pattern, row, i)] +=
                    mdp->gamma * visits * P->prob[i];
        }
        memcpy(d, next, nS * sizeof *d);
    }
    return J;
}

static double weigh_occupancy(const double slope[], const double rho[],
                              size_t n)
{
    double sum = 0, steps = 0;

    for (size_t i = 0; i < n; i++) steps += rho[i];
    for (size_t i = 0; i < n; i++) sum += slope[i] * rho[i] / steps;
    return sum;
}

double gradient_case_value(gradient_case *g, const double held[])
{
    const elbo_slopes *const x = &g->slopes;
    const elbo_posterior *const post = &g->post;
    const size_t nS = post->nS, rows = nS * post->nA;
    double rho[24], sum = 0;

    gradient_case_solve(g);
    for (size_t s = 0; s < nS; s++) sum += x->V[s] * post->V[s];
    for (size_t row = 0; row < rows; row++) {
        sum += x->Q[row] * post->Q[row];
        sum += x->logpi[row] * log(post->pi[row]);
    }
    sum +=
        x->Jmodel * follow(g, &g->problem.mdp, &g->belief.mean, post->pi, rho);
    sum += weigh_occupancy(x->occupancy, rho, rows);
    sum +=
        x->Jmodel_held * follow(g, &g->problem.mdp, &g->belief.mean, held, rho);
    sum += weigh_occupancy(x->occupancy_held, rho, rows);
    sum += x->J * follow(g, &g->c.truth, &g->c.truth.P, post->pi, rho);
    return sum;
}

elbo_gradient_info gradient_case_pull(gradient_case *g, double G[])
{
    const size_t nnz = g->belief.mean.pattern->nnz;
    elbo_gradient_info info = {0};
    const elbo_pull pull = {
        .route = &g->route,
        .plan = &g->plan,
        .slopes = &g->slopes,
        .trace = g->trace,
        .into = {G, g->belief.reward ? G + nnz : NULL},
        .seed = 17,
        .info = &info,
    };

    memset(G, 0, elbo_belief_slopes(&g->belief) * sizeof *G);
    case_ok(elbo_gradient_pull(&pull, g->ws));
    return info;
}

#include "inference/bound.h"

#include <assert.h>
#include <math.h>

#include "inference/core/parallel.h"
#include "inference/evaluate.h"

/* One stage of (pi, q, theta), as the sums over its rows (s, a) see it. */
typedef struct view {
    const elbo_problem *problem;
    const double *rho, *pi, *pi0; /* [nS x nA] */
    elbo_kernel q, p;
    const double *V, *Q; /* linear only: the exact values of pi under p */
    double J;            /* linear only */
} view;

typedef double row_term(const view *v, size_t row);

typedef struct row_sum {
    const view *v;
    row_term *term;
} row_sum;

static double sum_rows_of(void *arg, size_t first, size_t last)
{
    const row_sum *sum = arg;
    double total = 0;

    for (size_t row = first; row < last; row++) total += sum->term(sum->v, row);
    return total;
}

static double sum_rows(const view *v, row_term *term)
{
    const elbo_mdp *mdp = &v->problem->mdp;
    const size_t rows = mdp->nS * mdp->nA;
    row_sum sum = {v, term};

    return elbo_parallel_sum(rows, 20 * (rows + v->p.pattern->nnz), &sum,
                             sum_rows_of);
}

double elbo_parts_control(const elbo_parts *parts)
{
    return parts->reward - parts->policy_kl - parts->transition_kl
           - parts->stop_kl;
}

double elbo_parts_total(const elbo_parts *parts)
{
    return elbo_parts_control(parts) + parts->likelihood + parts->prior;
}

double elbo_parts_scale(const elbo_parts *parts)
{
    return fabs(parts->reward) + fabs(parts->policy_kl)
           + fabs(parts->transition_kl) + fabs(parts->stop_kl)
           + fabs(parts->likelihood) + fabs(parts->prior);
}

static elbo_status check_finite(const elbo_parts *parts)
{
    const double x[] = {parts->reward, parts->policy_kl, parts->transition_kl,
                        parts->stop_kl};
    const char *const names[] = {"reward_term", "policy_kl", "transition_kl",
                                 "stop_kl"};

    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        if (!isfinite(x[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "bound: %s is %g", names[i],
                             x[i]);
    return ELBO_OK;
}

/* ---- exponential: sum rho [r - alpha log pi / pi0 - c KL(q || p)] ---- */

static double reward_row(const view *v, size_t row)
{
    return v->rho[row] * v->problem->mdp.r[row];
}

/* A state's visits stand at its first row, so that its KL is summed as one. */
static double policy_row(const view *v, size_t row)
{
    const size_t nA = v->problem->mdp.nA;
    double visits = 0;

    if (row % nA != 0) return 0;
    for (size_t a = 0; a < nA; a++) visits += v->rho[row + a];
    return visits * elbo_policy_kl(v->pi + row, v->pi0 + row, nA);
}

static double transition_row(const view *v, size_t row)
{
    return v->rho[row] != 0 ? v->rho[row] * elbo_row_kl(&v->q, &v->p, row) : 0;
}

/* What a class's row costs, its charge in it. */
static double class_row(const view *v, size_t row)
{
    return v->rho[row] != 0 ? v->rho[row] * v->problem->tilt.held->cost[row]
                            : 0;
}

static elbo_chain chain_of(const elbo_problem *problem,
                           const elbo_posterior *post)
{
    return (elbo_chain){
        .mdp = &problem->mdp,
        .pi = post->pi,
        .q = elbo_posterior_kernel(post, problem, 0),
        .q_stride = post->q && post->stages > 1 ? post->nnz : 0,
    };
}

static elbo_status exponential(const elbo_problem *problem,
                               const elbo_posterior *post, elbo_parts *parts,
                               double rho[], elbo_arena *ws)
{
    const double alpha = problem->alpha;
    const double charge = elbo_tilt_charge(&problem->tilt);
    const size_t rows = post->nS * post->nA;
    const elbo_chain chain = chain_of(problem, post);

    ELBO_TRY(elbo_occupancy(&chain, rho, ws));
    parts->reward = parts->policy_kl = parts->transition_kl = parts->stop_kl =
        0;
    for (size_t t = 0; t < post->stages; t++) {
        const view v = {
            .problem = problem,
            .rho = rho + t * rows,
            .pi = post->pi + t * rows,
            .pi0 = post->pi0 + t * rows,
            .q = elbo_posterior_kernel(post, problem, t),
            .p = problem->mdp.P,
        };

        parts->reward += sum_rows(&v, reward_row);
        if (alpha > 0 && isfinite(alpha))
            parts->policy_kl += alpha * sum_rows(&v, policy_row);
        if (problem->tilt.held)
            parts->transition_kl += sum_rows(&v, class_row);
        else if (charge != 0)
            parts->transition_kl += charge * sum_rows(&v, transition_row);
    }
    return check_finite(parts);
}

/* ---- linear: the posterior over the trajectory and its stop ---- */

/* Expected V one step on, without the discount: (P V)(s, a). */
static double ahead(const view *v, size_t row)
{
    const elbo_pattern *pattern = v->p.pattern;
    double sum = 0;

    for (size_t i = elbo_row_begin(pattern, row);
         i < elbo_row_end(pattern, row); i++)
        sum += v->p.prob[i] * v->V[elbo_successor(pattern, row, i)];
    return sum;
}

/* x = rho Q / J: how often the posterior's trajectory comes by. */
static double visits(const view *v, size_t row)
{
    const double Q = v->Q[row];

    return Q > 0 && v->pi[row] > 0 && v->rho[row] > 0 ? v->rho[row] * Q / v->J
                                                      : 0;
}

static double stop_chance(const view *v, size_t row)
{
    return v->problem->mdp.r[row] / v->Q[row];
}

static double linear_reward_row(const view *v, size_t row)
{
    const double x = visits(v, row), r = v->problem->mdp.r[row];

    return x > 0 && r > 0 ? x * stop_chance(v, row) * log(r) : 0;
}

static double linear_policy_row(const view *v, size_t row)
{
    const size_t nA = v->problem->mdp.nA, s = row / nA;
    const double x = visits(v, row);
    double V = 0; /* of the rows' Q, so that no action is likelier than 1 */

    if (!(x > 0)) return 0;
    for (size_t a = 0; a < nA; a++) V += v->pi[s * nA + a] * v->Q[s * nA + a];
    return x * log(v->Q[row] / V);
}

/* x (1 - h) KL(P V / PV || P), P also where it is sub-stochastic. */
static double linear_transition_row(const view *v, size_t row)
{
    const elbo_pattern *pattern = v->p.pattern;
    const double x = visits(v, row), PV = ahead(v, row);
    double kl = 0;

    if (!(x > 0 && PV > 0)) return 0;
    for (size_t i = elbo_row_begin(pattern, row);
         i < elbo_row_end(pattern, row); i++) {
        const double V = v->V[elbo_successor(pattern, row, i)];

        if (v->p.prob[i] > 0 && V > 0)
            kl += v->p.prob[i] * V / PV * log(V / PV);
    }
    return x * (1 - stop_chance(v, row)) * kl;
}

static double linear_stop_row(const view *v, size_t row)
{
    const double gamma = v->problem->mdp.gamma, x = visits(v, row);
    double kl = 0;

    if (!(x > 0)) return 0;

    const double h = stop_chance(v, row);
    const double on = gamma * ahead(v, row) / v->Q[row]; /* 1 - h, exactly */

    if (h > 0) kl += h * log(h / (1 - gamma));
    if (on > 0) kl += on * log(on / gamma);
    return x * kl;
}

/* KL(start | mu), the posterior's start being mu V / J. */
static double linear_start(const view *v)
{
    const elbo_mdp *mdp = &v->problem->mdp;
    double kl = 0;

    for (size_t s = 0; s < mdp->nS; s++) {
        const double V = v->V[s];

        if (mdp->mu[s] > 0 && V > 0)
            kl += mdp->mu[s] * V / v->J * log(V / v->J);
    }
    return kl;
}

static elbo_status check_rewards(const elbo_mdp *mdp)
{
    for (size_t row = 0; row < mdp->nS * mdp->nA; row++)
        if (!(mdp->r[row] >= 0))
            return ELBO_FAIL(ELBO_EDATA,
                             "linear optimality: state %zu, action %zu: reward "
                             "%g is below 0",
                             row / mdp->nA, row % mdp->nA, mdp->r[row]);
    return ELBO_OK;
}

/* V, Q and J of pi under p. Solves leave values of a rounding below 0 where no
 * reward can be reached; Q is made of the mended V, so that it agrees with it.
 */
static elbo_status linear_view(const elbo_problem *problem,
                               const elbo_posterior *post, const double rho[],
                               view *v, elbo_arena *ws)
{
    const elbo_mdp *mdp = &problem->mdp;
    const size_t nS = mdp->nS, rows = nS * mdp->nA;
    double *V = elbo_arena_doubles(ws, 2 * (nS + 1));
    double *Q = elbo_arena_doubles(ws, rows);
    const elbo_chain chain = {.mdp = mdp, .pi = post->pi, .q = mdp->P};

    ELBO_TRY(elbo_arena_check(ws, "bound: values"));
    ELBO_TRY(elbo_evaluate(&chain, mdp->r, V, ws));
    for (size_t s = 0; s <= nS; s++) V[s] = fmax(V[s], 0);
    *v = (view){.problem = problem,
                .rho = rho,
                .pi = post->pi,
                .p = mdp->P,
                .V = V,
                .Q = Q};
    for (size_t row = 0; row < rows; row++)
        Q[row] = mdp->r[row] + mdp->gamma * ahead(v, row);
    v->J = elbo_dot(mdp->mu, V, nS);
    if (!(v->J > 0))
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "bound: log J is not finite: the policy earns J = %g",
                         v->J);
    return ELBO_OK;
}

static elbo_status linear(const elbo_problem *problem,
                          const elbo_posterior *post, elbo_parts *parts,
                          double rho[], elbo_arena *ws)
{
    const elbo_chain chain = {
        .mdp = &problem->mdp, .pi = post->pi, .q = problem->mdp.P};
    view v;

    ELBO_TRY(check_rewards(&problem->mdp));
    ELBO_TRY(elbo_occupancy(&chain, rho, ws));
    ELBO_TRY(linear_view(problem, post, rho, &v, ws));
    parts->reward = sum_rows(&v, linear_reward_row);
    parts->policy_kl = sum_rows(&v, linear_policy_row);
    parts->transition_kl =
        sum_rows(&v, linear_transition_row) + linear_start(&v);
    parts->stop_kl = sum_rows(&v, linear_stop_row);
    return check_finite(parts);
}

elbo_status elbo_bound_control(const elbo_problem *problem,
                               const elbo_posterior *post, elbo_parts *parts,
                               double rho[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const bool is_linear = problem->optimality == ELBO_LINEAR;

    assert(!is_linear || !problem->mdp.horizon);

    const elbo_status s =
        (is_linear ? linear : exponential)(problem, post, parts, rho, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* ---- expected counts ---- */

typedef struct counting {
    const view *v;
    double factor;
    double *C;
} counting;

/* C += factor rho q. */
static void count_rows(void *arg, size_t chunk, size_t first, size_t last)
{
    const counting *c = arg;
    const elbo_pattern *pattern = c->v->p.pattern;

    (void)chunk;
    for (size_t row = first; row < last; row++) {
        const double visit = c->factor * fmax(c->v->rho[row], 0);

        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++)
            c->C[i] += visit * c->v->q.prob[i];
    }
}

/* C += factor x (1 - h) P V / PV = factor rho gamma P V / J. */
static void count_linear_rows(void *arg, size_t chunk, size_t first,
                              size_t last)
{
    const counting *c = arg;
    const view *v = c->v;
    const elbo_pattern *pattern = v->p.pattern;
    const double scale = c->factor * v->problem->mdp.gamma / v->J;

    (void)chunk;
    for (size_t row = first; row < last; row++) {
        const double visit = scale * fmax(v->rho[row], 0);

        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++)
            c->C[i] +=
                visit * v->p.prob[i] * v->V[elbo_successor(pattern, row, i)];
    }
}

static elbo_status count(const elbo_problem *problem,
                         const elbo_posterior *post, const double rho[],
                         double kappa, double C[], elbo_arena *ws)
{
    const size_t rows = post->nS * post->nA;
    const double charge = elbo_tilt_charge(&problem->tilt);
    view v = {.problem = problem, .p = problem->mdp.P};
    counting c = {&v, kappa, C};

    if (problem->optimality == ELBO_LINEAR) {
        ELBO_TRY(linear_view(problem, post, rho, &v, ws));
        elbo_parallel(rows, 4 * v.p.pattern->nnz, &c, count_linear_rows);
        return ELBO_OK;
    }
    if (charge == 0) return ELBO_OK;
    c.factor = kappa * charge;
    for (size_t t = 0; t < post->stages; t++) {
        v.rho = rho + t * rows;
        v.q = elbo_posterior_kernel(post, problem, t);
        elbo_parallel(rows, 2 * v.p.pattern->nnz, &c, count_rows);
    }
    return ELBO_OK;
}

elbo_status elbo_bound_counts(const elbo_problem *problem,
                              const elbo_posterior *post, const double rho[],
                              double kappa, double C[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = count(problem, post, rho, kappa, C, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* inference/gradient.h -- the gradient slot: how the data term sees theta
 * through the planner.
 *
 * The planner's fixed point is V = T(V), with Q = r + ce_p(V) and V the soft
 * maximum of Q. Given an objective's slopes gV, gQ, glogpi there,
 *   gQ' = gQ + glogpi / alpha           gV' = gV - sum_a glogpi / alpha
 *   lambda_V = b + gamma P_pi' lambda_V     b = gV' + gamma q' gQ'
 *   lambda_Q = gQ' + pi lambda_V
 *   dF/dp(s'|s,a) += lambda_Q dce/dp        dF/dr(s,a) += lambda_Q
 * by the envelope theorem (dce/dV = gamma q) for every transition setting. The
 * solvers of `implicit` differ in how lambda_V is found; `unroll` goes back
 * through the backups themselves. (Christianson 1994; Nikishin et al. 2022, who
 * solve for lambda_Q.) With a horizon the equation is triangular: from the first
 * stage on
 *   lambda_Q,t = gQ'_t + pi_t lambda_V,t
 *   lambda_V,t+1 = gV'_t+1 + gamma q_t' lambda_Q,t
 * and `implicit` is this one pass, exactly.
 *
 * occupancy and Jmodel: with W, Q_g the values of a reward g, the slope, under
 * (pi, p), and rho pi's occupancy,
 *   dF/dp(s'|s,a) += rho gamma W(s')        glogpi += rho Q_g
 * J likewise, in the environment, without the first.
 */
#ifndef ELBO_GRADIENT_H
#define ELBO_GRADIENT_H

#include "inference/core/options.h"
#include "inference/plan.h"

typedef struct elbo_gradient elbo_gradient;
typedef struct elbo_solver elbo_solver;

/* Which of theta's parts the data term may move through the planner. */
typedef enum elbo_reach {
    ELBO_REACH_ALL,
    ELBO_REACH_REWARD, /* learned rewards: the kernel keeps to direct terms */
    ELBO_REACH_KERNEL
} elbo_reach;

/* The slot as set in one experiment; a plain value. */
typedef struct elbo_route {
    const elbo_gradient *kind;
    const elbo_solver *solver; /* of `implicit`; else NULL */
    size_t n;                  /* backups, terms, rank, rollouts */
    double rate;               /* of gradient descent, of `unroll` on networks; 0: not
                                  given */
    elbo_reach reach;          /* what moves, of `implicit` */
    double noise;              /* standard deviation of what is added to the plan's
                                  Q before each derivative, of `implicit` */
    double tolerance;          /* of an iterative solver, relative to |b| */
    size_t limit;              /* ... and its iterations at most */
    const struct elbo_ascender *search; /* of `search`: n evaluations */
    double step, box;                   /* ... as elbo_ascent's */
    bool output; /* ... of networks, the output layers alone */
    size_t from; /* ... in control tasks, the first iteration with one */
    size_t episodes; /* ... a return; 0: as many as an evaluation has */
} elbo_route;

/* How well; added up over calls, so that a run can tell. */
typedef struct elbo_gradient_info {
    size_t solves, iterations;
    size_t unconverged; /* solves that ended on their limit */
    double residual;    /* the largest of all solves, relative to |b| */
} elbo_gradient_info;

/* Where derivatives go. */
typedef struct elbo_into {
    double *p; /* [nnz] dF/dp */
    double *r; /* [nS x nA] dF/dr, or NULL: rewards are known */
} elbo_into;

/* One pull: what the kinds see. All borrowed. */
typedef struct elbo_pull {
    const elbo_route *route;
    const elbo_plan *plan;
    const elbo_slopes *slopes; /* of the objective */
    const double *trace;       /* as `plan` of the kind left it; or NULL */
    double *gV, *gQ; /* gV' as V (END's are not read), gQ' as Q: by
                        elbo_gradient_pull */
    elbo_into into;
    uint64_t seed, index; /* of a kind that draws */
    elbo_gradient_info *info;
} elbo_pull;

struct elbo_gradient {
    const char *name, *source, *formula, *doc;
    const elbo_option *options;
    /* The call's arguments into *out; NULL: it has none. */
    elbo_status (*set)(const elbo_values *values, elbo_route *out);
    /* Its own plan from post->pi0, and a trace of trace_size doubles for the
     * pull; NULL: the control's E-step, which must then end in a fixed point.
     */
    elbo_status (*plan)(const elbo_route *route, const elbo_problem *problem,
                        elbo_posterior *post, double trace[]);
    size_t (*trace_size)(const elbo_route *route, size_t nS);
    /* into += what the folded slopes gV, gQ send to theta. NULL: nothing is
     * sent (stop), or no derivative is taken at all. */
    elbo_status (*pull)(const elbo_pull *pull, elbo_arena *ws);
    bool held; /* the policy stands still: only `Jmodel` moves, through p */
    bool (*exact)(const elbo_route *route); /* NULL: it is not */
    /* Through the critics of control tasks (inference/gradient/task_pull.h); NULL: it
     * does not go there. */
    const struct elbo_task_way *way;
};

/* How lambda_V = b + gamma P' lambda_V is solved, or what stands in for it. */
typedef struct elbo_adjoint {
    const elbo_sparse *P, *P_t; /* the chain of (pi, q), and its transpose */
    double gamma;
    const double *b;     /* [n] gV' + gamma q' gQ' */
    const double *start; /* [n] gV': what `identity` leaves of it */
} elbo_adjoint;

/* M x = b by products: of networks, M is the curvature of what critics minimise
 * (inference/task_gradient.h). */
typedef struct elbo_operator {
    const void *self;
    size_t n;
    void (*apply)(const void *self, const double x[], double y[]); /* M x */
    void (*transposed)(const void *self, const double x[], double y[]);
    const double *b, *start; /* [n], as in elbo_adjoint */
} elbo_operator;

struct elbo_solver {
    const char *name, *source, *formula, *doc;
    const elbo_option *options;
    void (*set)(const elbo_values *values, elbo_route *out);
    bool exact;
    /* One of the two: by products alone (info may be NULL), or by the chain itself. */
    elbo_status (*iterate)(const elbo_operator *system, const elbo_route *route,
                           double x[], elbo_gradient_info *info, elbo_arena *ws);
    elbo_status (*solve)(const elbo_adjoint *system, const elbo_route *route,
                         double x[], elbo_gradient_info *info, elbo_arena *ws);
};

/* x [n] of a chain's system, by whichever the solver has. */
elbo_status elbo_solver_solve(const elbo_solver *solver,
                              const elbo_adjoint *system, const elbo_route *route,
                              double x[], elbo_gradient_info *info, elbo_arena *ws);

/* inference/gradient/registry.c; both end in NULL. */
extern const elbo_gradient *const elbo_gradients[];
extern const elbo_solver *const elbo_solvers[];

/* "stop", "unroll(40)", "unroll(3, 0.1)", "implicit(neumann(20))", "score(1000)". ELBO_EINVAL as
 * in elbo_call_parse. */
elbo_status elbo_gradient_parse(const char *text, elbo_arena *arena,
                                elbo_route *out, size_t *column,
                                const char **nearest);
/* The same as an option's check. */
elbo_status elbo_gradient_check(const char *text, size_t *column,
                                const char **nearest);

/* Whether the slot is `stop`. */
bool elbo_route_stops(const elbo_route *route);
/* Whether its derivatives are those of the objective with its planner,
 * `unroll`'s k backups or the fixed point, once its solver converges. */
bool elbo_route_exact(const elbo_route *route);

/* into += all that the slopes send to theta through the plan. Slopes may be
 * changed. ELBO_ENOTFINITE when a derivative is not finite. */
elbo_status elbo_gradient_pull(const elbo_pull *pull, elbo_arena *ws);

#endif

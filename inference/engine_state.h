/* inference/engine_state.h -- the engine from within: for the engine and its
 * families alone. */
#ifndef ELBO_ENGINE_STATE_H
#define ELBO_ENGINE_STATE_H

#include "inference/factor.h"
#include "inference/family.h"
#include "inference/norm_bound.h"
#include "inference/returns.h"
#include "inference/standing.h"
#include "inference/value_set.h"

/* evaluation.nll: whose visits a model is judged on. */
typedef enum elbo_judged {
    ELBO_JUDGED_NONE,
    ELBO_JUDGED_DATA,   /* of who collects D */
    ELBO_JUDGED_CURRENT /* of the present policy */
} elbo_judged;

/* What the experiment says, as numbers. */
typedef struct elbo_settings {
    const elbo_likelihood *likelihood;
    double weight; /* of every sample, unless there is a weigher */
    double kappa;
    double lambda; /* of the data term, or of each sample (lambda_each) */
    bool lambda_each;
    double budget; /* xi: lambda is then a multiplier, found in each M-step */
    bool previous; /* pi0 <- pi at the start of each E-step */
    bool online, current;
    bool population, by_rows; /* D is a distribution; over rows, not visits */
    size_t stages;            /* ... of so many stages, told apart; or 1 */
    size_t steps;
    uint64_t iterations;
    double tolerance;
    elbo_ascent ascent; /* of M-steps along a gradient */
    elbo_norm_bound bound;
    elbo_judged judged;
} elbo_settings;

/* What control maximises, where it is not r in the model as it is. */
typedef struct elbo_returns {
    elbo_return_facts reward_facts, weight_facts;
    elbo_objective *reward, *weight; /* NULL: r, 1 */
    double *r, *planned; /* [nS x nA] of the E-step, and of the outer plan */
    double *w; /* [nnz] */
    double *P; /* [nnz] p w */
} elbo_returns;

struct elbo_engine {
    const elbo_family *family;
    elbo_arena *arena, *ws; /* arena owns the engine too */
    elbo_settings set;
    const char *columns[ELBO_ROW_COLUMNS + 1]; /* of its rows, then NULL */
    uint64_t iteration;
    double F; /* of the last row */
    bool converged;
    /* Under evaluation.regret: what the best policy of the world earns, and the
     * present one; the sum so far. */
    bool regretted;
    double best, present, regret;

    struct elbo_course *course;     /* of continuous worlds */
    struct elbo_task_run *task;     /* of control tasks */
    struct elbo_linear *linear;     /* of linear-Gaussian worlds ... */
    struct elbo_observed *observed; /* of observed ones; all below: of finite
                                       ones */
    elbo_world world;
    elbo_mdp truth;
    elbo_model_context context;
    elbo_belief belief;
    elbo_problem problem;
    elbo_controller controller;
    elbo_posterior post;
    elbo_data data;
    elbo_collector collector;
    elbo_behaviour behaviour;
    elbo_class held;     /* of `free`: what problem.tilt.held points to */
    double *environment; /* of `free`: the truth on the model's pattern */
    elbo_regression regression; /* of a Gaussian model: what D asks of it */
    elbo_likelihood expression; /* opened, if set.likelihood is one */
    elbo_returns returns;
    /* Truth and problem as objectives see them: mu is where data start. */
    elbo_mdp seen_truth;
    elbo_problem seen_problem;
    elbo_outer *outer;          /* NULL: gradient: stop */
    const double *expert;       /* [stages x nS x nA] of expert_kl, or NULL */
    bool planned;               /* ... and reads V, Q, pi, ... */
    elbo_objective *weigher;    /* w(x) as an expression, or NULL */
    bool weigher_planned;       /* ... which reads V, Q, pi, ... */
    elbo_factor_set *factors;   /* of all expressions */
    elbo_value_set *members;    /* of control.values; NULL: the planner alone */
    elbo_standing standing;     /* values that stand still, for all of them */
    double *C;   /* [nnz] lambda-scaled weighted counts of the data */
    elbo_tally tally; /* weight: a number */
    double *rho; /* [stages x nS x nA] occupancy of the last bound */
};

elbo_status elbo_settings_read(const elbo_setup *setup, elbo_arena *arena,
                               elbo_settings *out);

/* The settings of the slots, read together: what is right alone may not be so
 * in company. `alpha` is 0 for hard controls. */
typedef struct elbo_slots {
    elbo_tilt tilt;
    elbo_route route;
    double alpha, gamma;
    elbo_optimality optimality;
} elbo_slots;
elbo_status elbo_slots_read(const elbo_setup *setup, elbo_arena *arena,
                            elbo_slots *out);

/* xi of "budget(xi)", inference.data_scale; 0: another one. */
double elbo_budget_read(const char *data_scale);

/* env.horizon: 0 for none. */
size_t elbo_horizon_read(const elbo_setup *setup);

/* transition: free (inference/finite_free.c). `prepare` gives the problem its p,
 * before the posterior is made; `start` gives q its first value, after. */
elbo_status elbo_engine_prepare_free(elbo_engine *engine);
elbo_status elbo_engine_start_free(elbo_engine *engine);
/* What the log ratio says of p now, before the M-step, ... */
elbo_status elbo_engine_see(elbo_engine *engine);
/* ... and after theta has moved: q and its charge follow. */
elbo_status elbo_engine_hold(elbo_engine *engine);
/* Whether theta has no part in F: `free`, where any row will do or q is moved in
 * the E-step. */
bool elbo_engine_idle(const elbo_engine *engine);

/* finite_data.c: D <- D + collect, the factors and the weights at what stands,
 * and the counts that follow. */
elbo_status elbo_engine_learn_from(elbo_engine *engine);

/* Memory for D and who collects it. */
elbo_status elbo_engine_open_data(elbo_engine *engine, const elbo_setup *setup,
                                  uint64_t seed);

/* The weight's own samples: after each change of D. */
elbo_status elbo_engine_open_samples(elbo_engine *engine);

/* d [kept x nS x nA], which sums to 1: the discounted visits in the world (of all
 * stages together where 1 is kept) of who collects D (every row alike where D is
 * taken so), or of the present policy. Scratch stays taken: mark before. */
elbo_status elbo_engine_visits(elbo_engine *engine, elbo_judged whose,
                               size_t kept, double d[]);

/* The M-step as set; its C is the engine's. */
elbo_mstep elbo_engine_mstep(const elbo_engine *engine);
/* An M-step whose data term is a constraint (inference/finite_budget.c). */
elbo_status elbo_engine_budgeted(elbo_engine *engine, elbo_row *row);

/* C from D: after each change of D or w. */
elbo_status elbo_engine_count(elbo_engine *engine);
/* |D| as counted last. */
double elbo_engine_size(const elbo_engine *engine);

/* Before both expressions. */
elbo_status elbo_engine_open_standing(elbo_engine *engine,
                                      const elbo_setup *setup);

/* The weight as an expression, once the data are there. */
elbo_status elbo_engine_open_weight(elbo_engine *engine, const char *text);

/* An expression as set.likelihood, once the data are there. */
elbo_status elbo_engine_open_objective(elbo_engine *engine, const char *text);

/* What factors may look at, as things stand. */
elbo_factor_view elbo_engine_view(elbo_engine *engine);

/* An expression's factors among the run's, and what it reads of the planner, as
 * things stand. */
elbo_status elbo_engine_join(elbo_engine *engine, elbo_objective *objective);
elbo_status elbo_engine_bind(elbo_engine *engine, elbo_objective *objective);

/* control.reward and control.return_weight (inference/finite_return.c), once the
 * factors are there; then the problem's rewards and kernel, before each E-step. */
elbo_status elbo_engine_open_returns(elbo_engine *engine, const char *reward,
                                     const char *weight);
elbo_status elbo_engine_returns(elbo_engine *engine);
void elbo_engine_close_returns(elbo_engine *engine);
/* The outer plan's rewards follow theta through control.reward. */
void elbo_engine_follow_rewards(elbo_engine *engine, elbo_outer *outer);

/* The outer objective, where the gradient slot asks for one. */
elbo_status elbo_engine_open_outer(elbo_engine *engine, const elbo_setup *setup,
                                   uint64_t seed);

/* seen_truth and seen_problem as the two stand now. */
void elbo_engine_seen(elbo_engine *engine);

/* What it reads beside the plan: new samples for its E(f, n) at theta, V in the
 * data. `part`: 0 before the M-step, 1 for the row (2 is the weight's). */
elbo_status elbo_engine_prepare(elbo_engine *engine, uint64_t part);

/* What the expression reads of the planner, from (pi, V, Q) and theta as they
 * are: frozen until the next call. */
elbo_status elbo_engine_plan(elbo_engine *engine);
/* The same for the weight. */
elbo_status elbo_engine_plan_weight(elbo_engine *engine);

/* The data term and the prior at theta: parts->likelihood and parts->prior. */
elbo_status elbo_engine_learnt(const elbo_engine *engine, elbo_parts *parts);

/* ELBO_ENOTFINITE names the first column of the row that is not finite. */
elbo_status elbo_row_check(const elbo_row *row, elbo_optimality optimality,
                           const char *const columns[]);

/* The first columns of engine->columns, those of every run; how many. */
size_t elbo_engine_name_fixed(elbo_engine *engine);
/* The regret's, if it is wanted, and the end of the list. */
void elbo_engine_name_last(elbo_engine *engine, size_t n);

/* engine->columns of a finite world, once the problem is known. */
void elbo_engine_name_columns(elbo_engine *engine);

/* One row's parts, returns, ESS and own columns at (pi, q, theta); the control
 * parts are there already. */
elbo_status elbo_engine_record(elbo_engine *engine, elbo_row *row);

#endif

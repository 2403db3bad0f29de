/* inference/linear_state.h -- the family of linear-Gaussian worlds from within:
 * for linear_*.c alone.
 */
#ifndef ELBO_LINEAR_STATE_H
#define ELBO_LINEAR_STATE_H

#include "inference/engine_state.h"
#include "inference/linear_data.h"
#include "inference/linear_objective.h"
#include "inference/messages/lqr_gradient.h"

/* One stage of (pi, q) as the engine keeps it, whoever answered it. */
typedef struct elbo_linear_stage {
    elbo_linear_policy pi;
    gsl_matrix *A, *B, *W; /* of q: what `map` points to */
    gsl_vector *c;
    elbo_linear_dynamics map;
    elbo_quadratic V, Q;
    elbo_quadratic target; /* V_target */
} elbo_linear_stage;

typedef struct elbo_linear {
    elbo_linear_world world;
    elbo_linear_context context;
    size_t horizon, stages; /* stages = max(horizon, 1) */
    elbo_linear_dynamics *truth; /* [ntruth] the world's maps: 1, or one a stage */
    size_t ntruth;
    elbo_linear_belief belief;
    double alpha;
    elbo_tilt tilt;
    bool adversarial, charged;
    /* Of transition: corrected, [stages]; NULL: another. */
    elbo_linear_dynamics *corrected;
    gsl_vector **shift; /* their c */
    gsl_matrix *prior_precision; /* of pi0; NULL: flat */
    elbo_linear_prior *prior;    /* [nprior]: pi0 = N(K x + k, prior_precision^-1) */
    size_t nprior;               /* 0: flat; 1, or of each stage */
    const elbo_control *control;
    const elbo_values *control_own;

    bool planned; /* an E-step has been made */
    elbo_linear_stage *stage;    /* [stages] (pi, q) */
    elbo_linear_policy *pi;      /* [stages] the same, as chains want them */
    elbo_linear_dynamics *q;     /* [stages] */

    elbo_linear_data data;
    elbo_linear_collector collector;
    elbo_linear_behaviour behaviour;
    elbo_moments *D;   /* [belief.stages] lambda-scaled weighted moments of D */
    elbo_moments *S;   /* the same and the expected ones: what theta is fitted to */
    double mass;       /* |D| */

    elbo_linear_objective *objective; /* NULL: logp */
    elbo_linear_objective *weigher;   /* NULL: a number */
    elbo_route route;                 /* ... of the objective */
    elbo_linear_policy *slope_real; /* [stages] the world's dJ/d policy; NULL: not read */
    bool potential;                   /* the M-step's objective must rise */
    double target_rate;
    bool targeted; /* V_target has been copied once */
} elbo_linear;

/* linear_rules.c: which settings go together, and what they are. */
elbo_status elbo_linear_check(const elbo_setup *setup, size_t skip,
                              const char **section, const char **key);
const char *elbo_linear_kind(const elbo_setup *setup);
const char *elbo_linear_named(const elbo_setup *setup);
elbo_status elbo_linear_oracles(const elbo_setup *setup, elbo_arena *arena,
                                const char *const **out);

/* linear_open.c */
elbo_status elbo_linear_open_parts(elbo_engine *engine, const elbo_setup *setup,
                                   uint64_t seed, const char **section);

/* linear_gather.c: D, and its moments.
 * The true world's own plan at the temperature alpha, [stages], for the data's policy
 * optimal or expert and for the prior optimal. */
elbo_status elbo_linear_solve_world(elbo_engine *engine, double alpha,
                                    const elbo_linear_policy **out);
elbo_status elbo_linear_open_data(elbo_engine *engine, const elbo_setup *setup,
                                  uint64_t seed);
elbo_status elbo_linear_gather(elbo_engine *engine, elbo_row *row);

/* linear_expressions.c: the two slots' expressions. Their data and weights, after
 * each change of D ... */
elbo_status elbo_linear_open_expressions(elbo_engine *engine,
                                         const elbo_setup *setup, uint64_t seed);
elbo_status elbo_linear_weigh(elbo_engine *engine);
/* ... or at the weights that stand, as after loading them ... */
elbo_status elbo_linear_reopen(elbo_engine *engine);
/* ... what the objective reads of (pi, V, Q) as they are, from here on ... */
elbo_status elbo_linear_bind(elbo_engine *engine, elbo_linear_objective *objective);
/* ... and V_target, after each E-step. */
void elbo_linear_move_targets(elbo_engine *engine);

/* linear_learn.c: the data term and the prior at theta, as the M-step sees them. */
elbo_status elbo_linear_learnt(elbo_engine *engine, double *likelihood,
                               double *prior);
/* theta along the gradient; S: the moments of E-step that feedback counts, or NULL. */
elbo_status elbo_linear_follow(elbo_engine *engine, elbo_mstep_info *info);
/* kappa (expected log p) + data term + prior; grad [n] unless NULL is written. */
elbo_status elbo_linear_objective_at(elbo_engine *engine, const double theta[],
                                     double *value, double grad[]);

/* linear_engine.c: what stands still in the M-step that follows: what the objective
 * reads of (pi, V, Q), and S. */
elbo_status elbo_linear_prepare(elbo_engine *engine);
/* The planner's part in the objective, where it stands still. */
elbo_status elbo_linear_bind_standing(elbo_engine *engine);

/* linear_outer.c: the data term with the planner solved at the belief's theta;
 * slope [belief.stages] unless NULL is written. */
elbo_status elbo_linear_outer_value(elbo_engine *engine, double *value,
                                    elbo_linear_slope slope[]);

/* linear_correct.c: what plans and F take for the model, *n maps: its means, or the
 * corrected ones ... */
const elbo_linear_dynamics *elbo_linear_predictions(const elbo_linear *linear,
                                                    size_t *n);
elbo_status elbo_linear_open_correction(elbo_engine *engine);
/* ... as the latest real episode has it: before each E-step. */
elbo_status elbo_linear_correct(elbo_engine *engine);

/* linear_policy.c: gradJ_error, where the likelihood reads it: memory; the world's
 * gradient at the policy that stands; the error at theta, into the objective; and its
 * part of the objective's slope, added (NULL: not wanted). */
elbo_status elbo_linear_open_policy(elbo_engine *engine);
elbo_status elbo_linear_real_gradient(elbo_engine *engine);
elbo_status elbo_linear_gradient_error(elbo_engine *engine);
elbo_status elbo_linear_gradient_error_slope(elbo_engine *engine,
                                             elbo_linear_slope slope[]);
/* linear_outer.c: slope += scale times what a stage's dynamics carry. */
void elbo_linear_slope_add(elbo_linear_slope *to, double scale,
                           const elbo_lqr_gradient *from);

/* linear_check.c */
elbo_status elbo_linear_check_gradient(elbo_engine *engine,
                                       elbo_derivative_check *out);

/* linear_record.c: as elbo_family's. */
elbo_status elbo_linear_record(elbo_engine *engine, elbo_row *row);
elbo_status elbo_linear_judge(elbo_engine *engine, double *best, double *present);
/* J of the policy in the raw reward under a map: -HUGE_VAL, and ELBO_OK, where it is
 * infinite. */
elbo_status elbo_linear_return(elbo_engine *engine, const elbo_linear_policy pi[],
                               const elbo_linear_dynamics *map, size_t n, double *J);

/* Moments of the discounted visits of `how` in the world, one a stage, and their
 * mass; in e->ws. */
elbo_status elbo_linear_visits(elbo_engine *engine,
                               const elbo_linear_behaviour *how,
                               elbo_linear_moments **out, double *mass);

/* The control problem in theta: `geo` where q is charged against it. */
elbo_lqr elbo_linear_problem(const elbo_engine *engine);
/* (pi, q) in the order of the stages; with the world's map, or another, for q. */
elbo_linear_chain elbo_linear_chain_of(const elbo_linear *l);
elbo_linear_chain elbo_linear_chain_in(const elbo_linear *l,
                                       const elbo_linear_dynamics *map,
                                       size_t n);
/* out <- what an E-step answered. */
void elbo_linear_stage_set(elbo_linear_stage *out, const elbo_lqr_stage *in);

/* Moments of an occupancy as those of a regression on (z, 1), added: S += w m. */
void elbo_linear_count(elbo_moments *S, double w, const elbo_linear_moments *m);

/* linear_save.c */
void elbo_linear_save(const elbo_engine *engine, elbo_writer *out);
elbo_status elbo_linear_load(elbo_engine *engine, elbo_reader *in);

#endif

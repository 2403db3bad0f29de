/* inference/task_state.h -- the family of control tasks from within: for
 * task_*.c alone.
 *
 *   D         <- D + collect(world, pi): steps in worlds side by side; a time limit
 *               truncates an episode and is no end
 *   M-step      theta on D, and on rollouts where feedback is not 0, by the model's
 *               optimiser
 *   rollouts    branched from states of D in the model, the elite drawn at each step
 *   E-step      improvements of the policy on batches of D and of rollouts
 *   record      by sampling, on streams of its own
 *
 * An episode lasts until its end or T steps: env.horizon, else the task's own
 * limit, else until gamma^t is below 1/1000. Over such episodes
 *
 *   return_real, return_model   E sum_t r_t, undiscounted, of the policy as it is
 *                               judged, in the world and under p_theta
 *   reward_term, policy_kl      E sum_t gamma^t r_t and
 *                               alpha E sum_t gamma^t log pi/pi0, discounted, under
 *                               (pi, q = p_theta)
 *   likelihood_term             lambda E_D[w l]
 *   prior_term                  log p(theta)
 *
 * with p_theta the mean of the elites' densities. elbo_se is the standard error
 * of reward_term - policy_kl; the rest of F is exact.
 */
#ifndef ELBO_TASK_STATE_H
#define ELBO_TASK_STATE_H

#include "inference/engine_state.h"
#include "inference/returns.h"
#include "inference/task_control.h"
#include "inference/task_factor.h"
#include "inference/task_feedback.h"
#include "inference/task_schedule.h"
#include "inference/task_transition.h"

/* Episodes side by side, in the world or in a model. Capacity is fixed when it
 * is taken; those that are over can be dropped. */
typedef struct elbo_task_fleet {
    size_t n;
    double *x, *next;     /* [nx x n] in the world */
    double *a, *reward;   /* [na x n], [n] of the last step */
    double *kl;           /* [n] of its transition under q */
    double *gain, *stay;  /* [n] of a step in a model: what control maximises of
                             it; w of Q = gain + gamma w V */
    uint8_t *end, *first; /* [n] */
    float *o, *after, *u; /* rows: before the step, after it, the action */
    float *paid;          /* [n] reward, as models give it */
    float *memory;        /* rows, of the control */
    double *logpi;        /* [n] */
    uint32_t *who,
        *member; /* [n] the episode's number; the elite of the step */
    elbo_rng *noise, *draws; /* [n] of the world or model; of the policy */
} elbo_task_fleet;

typedef enum elbo_task_manner {
    ELBO_TASK_UNIFORM, /* pi0, whatever the control */
    ELBO_TASK_EXPLORE, /* as data are collected */
    ELBO_TASK_JUDGED
} elbo_task_manner;

/* Who collects, from iteration to iteration. */
typedef struct elbo_task_collector {
    elbo_task_fleet fleet;
    uint32_t *step, *episode; /* [streams] of each world's episode */
    double *earned;           /* [streams] so far, undiscounted */
    uint32_t episodes;        /* begun, of all streams */
    /* Of the episodes that were over since the last evaluation. */
    double finished, sum, squares;
    double least, most; /* reward of a step, of all time */
} elbo_task_collector;

/* Of rollouts of one iteration. */
typedef struct elbo_task_rolled {
    size_t started, ended; /* ended: in a state that the model calls an end */
    double steps;          /* of all of them */
} elbo_task_rolled;

/* A mean over sampled episodes, and its standard error (0 for one). */
typedef struct elbo_task_mean {
    double value, error;
} elbo_task_mean;

/* What a row carries until the next evaluation. */
typedef struct elbo_task_score {
    elbo_parts parts;
    elbo_task_mean real, model, control; /* control: F_control */
    double gap, gap_before;              /* model - real; at the evaluation before */
    size_t judged;                       /* evaluations so far, up to 2 */
    bool ahead;                          /* ... and beyond doubt */
    bool exploited, diverging;           /* what the row flags */
    double nll_expert, nll_grid;         /* nats a step, of evaluation.regimes */
} elbo_task_score;

/* gradient: search. */
enum { ELBO_TASK_SEARCH_COLUMNS = 5 };
typedef struct elbo_task_search_state {
    elbo_ascent how;
    bool output; /* the output layers alone */
    size_t from; /* the first iteration with a search, from 1 */
    size_t episodes; /* a return */
    size_t n;    /* numbers searched, of all members */
    /* Of the last M-step, as columns: plans, l at the fit and at theta, J likewise. */
    double found[ELBO_TASK_SEARCH_COLUMNS];
} elbo_task_search_state;

typedef struct elbo_task_run {
    elbo_task_world world;
    elbo_task_belief belief;
    elbo_task_problem problem;
    const elbo_task_control *control;
    void *solver;
    size_t memory; /* floats a world that the control keeps */
    size_t T;      /* of an episode */
    bool explores; /* the bound is of pi as it explores: soft, at alpha > 0 */

    elbo_replay data, rollouts;
    elbo_task_collector collector;
    double *weight; /* [data.capacity]; NULL: all 1 */
    elbo_route route; /* of the gradient slot; its solver: it goes through the critics */
    elbo_task_objective *objective; /* NULL: logp */
    elbo_task_objective *weigher;   /* NULL: the weight is a number */
    elbo_task_search_state *search; /* NULL: another gradient */
    elbo_task_feedback *feedback;   /* NULL: 0 */
    elbo_task_objective *rewarder, *returner; /* control.reward, return_weight;
                                                 NULL: r, 1 */
    elbo_task_factor_set *factors;  /* of both */
    elbo_task_transition transition; /* q, of rollouts and the bound */
    size_t initial, streams;
    size_t trials;   /* episodes an iteration; 0: steps are collected */
    size_t gathered; /* steps by the policy in this iteration */
    bool uniform; /* data.policy */

    elbo_task_schedule schedule;
    size_t batch, keep; /* rollouts an iteration; iterations that stay */
    bool replays;       /* their first step has the data's action and end */
    double epsilon;     /* share of pi0 in collection */
    size_t *kept;       /* [keep] rows of the last iterations, oldest first */
    double *going;      /* [rollouts.capacity] w of what follows; NULL: all 1 */
    double paid_least, paid_most; /* that control.reward ever said of a rollout */
    double updates, real_ratio;
    uint64_t fit_every, judge_every;
    size_t episodes, imagined; /* of an evaluation: real ones, in the model */

    bool regimes; /* evaluation.regimes: the data that they ask about */
    elbo_replay expert, grid;

    elbo_task_fit fit; /* of the last M-step */
    double unsolved;   /* solves or descents of the gradient slot in it that fell short */
    elbo_task_rolled rolled;
    double owed; /* a fraction of an improvement */
    elbo_task_score score;
} elbo_task_run;

/* ---- task_fleet.c ---- */

/* Memory for n episodes, for good or until the mark is released: elbo_arena_ok.
 */
void elbo_task_fleet_take(elbo_task_fleet *fleet, const elbo_task_run *run,
                          size_t n, elbo_arena *arena);
/* New episodes in the world: all n, with their observations. */
void elbo_task_fleet_reset(elbo_task_fleet *fleet, const elbo_task_run *run);
/* Episode i alone. */
void elbo_task_fleet_restart(elbo_task_fleet *fleet, const elbo_task_run *run,
                             size_t i);
/* Actions of all n: u. */
elbo_status elbo_task_fleet_act(elbo_task_fleet *fleet,
                                const elbo_task_run *run,
                                elbo_task_manner manner, elbo_arena *ws);
/* ... and what follows in the world: next, after, reward, end. */
void elbo_task_fleet_step(elbo_task_fleet *fleet, const elbo_task_run *run);
/* ... or in the model, from o alone: after, reward, end; under p_theta, or under q of
 * the transition slot, with kl. */
elbo_status elbo_task_fleet_imagine(elbo_task_fleet *fleet,
                                    const elbo_task_run *run, bool posterior,
                                    elbo_arena *ws);
/* What came after is now, for those that are not over; `over` [n], NULL: none
 * is. The others keep their order. */
void elbo_task_fleet_advance(elbo_task_fleet *fleet, const elbo_task_run *run,
                             const uint8_t over[]);

/* ---- task_data.c ---- */
elbo_status elbo_task_open_data(elbo_engine *engine, const elbo_setup *setup);
elbo_status elbo_task_gather(elbo_engine *engine, elbo_row *row);

/* ---- task_rollout.c ---- */
elbo_status elbo_task_open_rollouts(elbo_engine *engine,
                                    const elbo_setup *setup);
/* This iteration's, into run->rollouts; those too old are gone. */
elbo_status elbo_task_roll(elbo_engine *engine);

/* ---- task_reward.c ---- */
elbo_status elbo_task_open_rewards(elbo_engine *engine, const elbo_setup *setup);
/* gain and stay of the steps just taken in the model. `round` tells apart all
 * steps of a run, for streams. */
elbo_status elbo_task_pay(elbo_engine *engine, elbo_task_fleet *fleet,
                          uint64_t round);

/* ---- task_return.c: evaluations ---- */
/* score->real, model, control and parts->reward, policy_kl, at the engine's
 * iteration: episode j of evaluation i draws from streams of its own, whatever
 * was evaluated before. ELBO_ENOTFINITE. */
elbo_status elbo_task_judge(elbo_engine *engine, elbo_task_score *score);
/* What collection earned since it was asked last; where no episode was over, what
 * was found then stands, at first what the running ones have so far. */
void elbo_task_judge_collected(elbo_task_run *run, elbo_task_score *score);

/* The mean return of n episodes of the policy as it is judged, in the world, at the
 * engine's iteration: of streams (seed, purpose). ELBO_ENOTFINITE. */
elbo_status elbo_task_earn(elbo_engine *engine, const char *purpose, size_t n,
                           double *out);

/* ---- task_search.c ---- */
extern const char *const elbo_task_search_columns[]; /* ends in NULL */
/* run->search, where the gradient slot is search. */
elbo_status elbo_task_open_search(elbo_engine *engine, const elbo_setup *setup);
/* theta <- the best found, from where the fit of this M-step left it. */
elbo_status elbo_task_search(elbo_engine *engine, double scale);
void elbo_task_search_save(const elbo_engine *engine, elbo_writer *out);
elbo_status elbo_task_search_load(elbo_engine *engine, elbo_reader *in);

/* ---- task_regimes.c ---- */
elbo_status elbo_task_open_regimes(elbo_engine *engine, const elbo_setup *setup);
elbo_status elbo_task_regimes(elbo_engine *engine, elbo_task_score *score);

/* ---- task_expressions.c ---- */
elbo_status elbo_task_open_expressions(elbo_engine *engine,
                                       const elbo_setup *setup);
elbo_status elbo_task_open_transition(elbo_engine *engine,
                                      const elbo_setup *setup);
/* run->feedback, where inference.feedback is not 0. */
elbo_status elbo_task_open_feedback(elbo_engine *engine);
void elbo_task_close_expressions(elbo_engine *engine);
/* The factors and the weights of the data, as things stand: each iteration. */
elbo_status elbo_task_weigh(elbo_engine *engine);
/* What the likelihood reads of the control, as it stands: before each M-step. */
elbo_status elbo_task_plan(elbo_engine *engine);
elbo_task_view elbo_task_view_of(const elbo_engine *engine);
elbo_task_sight elbo_task_sight_of(elbo_task_run *run);
/* l [data.n] of the likelihood that is an expression. */
elbo_status elbo_task_expressed(elbo_engine *engine, double l[]);

/* ---- task_record.c ---- */
elbo_status elbo_task_record(elbo_engine *engine, elbo_row *row);
void elbo_task_name_columns(elbo_engine *engine);

/* ---- task_save.c ---- */
void elbo_task_save(const elbo_engine *engine, elbo_writer *out);
elbo_status elbo_task_load(elbo_engine *engine, elbo_reader *in);

/* ---- task_rules.c ---- */
elbo_status elbo_task_check(const elbo_setup *setup, size_t skip,
                            const char **section, const char **key);

/* ---- task_slots.c ---- */
/* The rules of weight and likelihood, counted on from *skip. */
elbo_status elbo_task_check_slots(const elbo_setup *setup, size_t *skip,
                                  const char **section, const char **key);
const char *elbo_task_kind(const elbo_setup *setup);
const char *elbo_task_named(const elbo_setup *setup);
elbo_status elbo_task_expression(const elbo_setup *setup, const char *key,
                                 const char *text, elbo_arena *arena,
                                 size_t *column, const char **nearest);

/* ---- task_open.c ---- */
elbo_status elbo_task_open_parts(elbo_engine *engine, const elbo_setup *setup,
                                 uint64_t seed, const char **section);

#endif

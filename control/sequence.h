/* control/sequence.h -- planning as inference over action sequences: one loop whose
 * settings are CEM, iCEM, MPPI and variational-inference MPC.
 *
 *   q(a) = sum_m pi_m q_m(a), a = a_0 .. a_{H-1}; q_m is independent over steps: a
 *   Gaussian for each component of u in the box [-1, 1]^nu, a categorical of choices
 *
 *   repeat   a_k ~ q,  k = 1 .. N
 *            R_kp = sum_t gamma^t r_t, as the model rolls particle p out under a_k
 *            w_k = E_p f(R_kp) q(a_k)^-kappa   (or f(E_p R_kp)), normalised
 *            q   = argmax sum_k w_k log q(a_k)   (of a mixture: one step of EM)
 *
 * f is the likelihood that a plan is optimal. f = 1 from the elite quantile on is
 * the cross-entropy method; f = exp(R / lambda) with a fixed variance MPPI; kappa > 0 and
 * M > 1 the entropy-regularised mixtures of variational-inference MPC. With f =
 * exp(R / lambda) the posterior's prior is the last q at kappa = 0, pi0 (uniform) at
 * kappa = 1. f outside of E_p is neutral to the model's uncertainty, inside it is
 * optimistic for exp: log E exp is above the mean.
 *
 * A return that is not finite has weight 0 and is counted. A rollout ends where the
 * model says so: the reward of that step is its last.
 *
 * A planner acts by one number, not by a density: log pi/pi0 is told as 0, policy_kl is 0.
 *
 * Sources: Rubinstein, Davidson 1999; Chua et al. 2018 (PETS); Pinneri et al. 2020
 * (iCEM); Williams et al. 2017 (MPPI); Okada, Taniguchi 2020 (variational-inference
 * MPC).
 */
#ifndef ELBO_SEQUENCE_H
#define ELBO_SEQUENCE_H

#include "inference/task_control.h"

typedef enum elbo_propagation {
    ELBO_TS1,        /* a particle's member is drawn anew at each step */
    ELBO_TSINF,      /* a particle keeps its member */
    ELBO_EXPECTATION /* one particle: the mean over members of their means */
} elbo_propagation;

typedef struct elbo_sequence_config {
    size_t horizon, population, iterations; /* H, N of the first iteration */
    size_t components;                      /* M */
    bool exponential;                       /* f: exp, else the elite indicator */
    double elites;                          /* share of the population */
    double temperature;                     /* lambda; 0: the best sequence alone */
    double ess;       /* > 0: lambda is set so that so many sequences count */
    double entropy;   /* kappa */
    bool refit_std;   /* else it stays at initial_std */
    double initial_std, std_floor;
    double smoothing; /* share of the old mean and variance that stays */
    bool truncated;   /* normals cut at two deviations that fit the box (PETS), else
                         clipped to the box */
    double colour;    /* the noise's spectrum is f^-colour over the horizon */
    double keep;      /* share of the elites that join the next population */
    double decay;     /* the population shrinks by this factor an iteration */
    bool mean_last;   /* the mean is one of the last population */
    bool best;        /* act by the best of the last population, else by the mean of
                         the heaviest component */
    bool warm;        /* start at the last plan, shifted */
    size_t replan;    /* steps between plans */
    size_t particles; /* P */
    elbo_propagation propagation;
    bool inside;      /* f inside of E_p */
    bool common;      /* particle p has the same noise under every sequence */
    double exploration; /* deviation of what is added as data are collected; of
                           choices: the share that is drawn uniformly */
} elbo_sequence_config;

/* From a control's own options; what its table lacks is as in plain CEM. The
 * temperature is the problem's. ELBO_EINVAL. */
elbo_status elbo_sequence_configure(const elbo_values *options,
                                    const elbo_task_problem *problem,
                                    elbo_sequence_config *out);

/* q. `var` is not used for choices, whose `mean` holds probabilities. */
typedef struct elbo_sequence_q {
    size_t M, H, nu;
    bool choices;
    double *weight;     /* [M] pi */
    double *mean, *var; /* [M x H x nu] */
} elbo_sequence_q;

/* Memory; elbo_arena_ok tells. */
elbo_sequence_q elbo_sequence_q_of(const elbo_sequence_config *config,
                                   const elbo_task_world *world,
                                   elbo_arena *arena);
/* The first q: mean 0, or uniform over the choices; of a mixture the means are drawn
 * from that, since equal components never part. */
void elbo_sequence_start(const elbo_sequence_config *config, elbo_rng *rng,
                         elbo_sequence_q *q);

/* B [H x H]: B z has the spectrum f^-colour and unit variance at every step if z [H]
 * is white. The mean (f = 0) has the power of f = 1/H. */
void elbo_sequence_basis(double colour, size_t H, double B[]);
/* One sequence a [H x nu]. `z` is scratch [H x (nu + 1)]. */
void elbo_sequence_draw(const elbo_sequence_config *config,
                        const elbo_sequence_q *q, const double B[],
                        elbo_rng *rng, double z[], float a[]);
/* log q(a), up to a constant. Where draws are clipped or cut, the density is that of
 * the normal before. `term` is scratch [M] and holds log pi_m q_m(a) after it. */
double elbo_sequence_log(const elbo_sequence_config *config,
                         const elbo_sequence_q *q, const float a[],
                         double term[]);

/* What is to be rolled out from the observation o [no]. */
typedef struct elbo_sequence_rollout {
    const elbo_task_problem *problem;
    const elbo_sequence_config *config;
    const float *o;
    uint64_t seed, first; /* streams (seed, "particles", first ...) */
} elbo_sequence_rollout;
/* Particles of a rollout: config->particles, 1 of ELBO_EXPECTATION. */
size_t elbo_sequence_particles(const elbo_sequence_config *config);
/* R [n x P] of the sequences a [n x H x nu]; NaN where the model or its rewards were
 * not finite. *rows += the rows the model has drawn. */
elbo_status elbo_sequence_returns(const elbo_sequence_rollout *rollout, size_t n,
                                  const float a[], double R[], uint64_t *rows,
                                  elbo_arena *ws);

typedef struct elbo_sequence_info {
    double expected;    /* sum_k w_k E_p R_kp */
    double ess;         /* 1 / sum_k w_k^2, the entropy's share included */
    double temperature; /* lambda as it was */
    size_t best;        /* the sequence of the largest E_p R_kp */
    size_t refused;     /* sequences without a finite return */
} elbo_sequence_info;
/* w [n] from R [n x P] and log q [n] (NULL: kappa is 0); `elites` of them are elite.
 * value [n] = E_p R_kp, -inf where it is not finite. ELBO_ENOTFINITE: all are. */
elbo_status elbo_sequence_weights(const elbo_sequence_config *config, size_t n,
                                  size_t elites, const double R[],
                                  const double logq[], double w[],
                                  double value[], elbo_sequence_info *info,
                                  elbo_arena *ws);

/* q from a [n x H x nu] with weights w [n] that sum to 1. A component without weight
 * stays as it is. */
elbo_status elbo_sequence_refit(const elbo_sequence_config *config, size_t n,
                                const float a[], const double w[],
                                elbo_sequence_q *q, elbo_arena *ws);

/* The members of elbo_task_control that all of them share. */
elbo_status elbo_sequence_open(const elbo_values *options,
                               const elbo_task_problem *problem,
                               elbo_arena *arena, void **self);
size_t elbo_sequence_memory(const void *self);
elbo_status elbo_sequence_act(void *self, const elbo_task_act *act,
                              elbo_arena *ws);
extern const char *const elbo_sequence_columns[];
void elbo_sequence_column_values(const void *self, double out[]);
void elbo_sequence_save(const void *self, elbo_writer *out);
elbo_status elbo_sequence_load(void *self, elbo_reader *in);

/* Such a control, as a member of elbo_control. */
#define ELBO_SEQUENCE_CONTROL(kind_, soft_)                                    \
    {                                                                          \
        .kind = (kind_), .box = true, .choices = true, .plans = true,          \
        .soft = (soft_), .open = elbo_sequence_open,                           \
        .memory = elbo_sequence_memory, .act = elbo_sequence_act,              \
        .column_names = elbo_sequence_columns,                                 \
        .columns = elbo_sequence_column_values, .save = elbo_sequence_save,    \
        .load = elbo_sequence_load                                             \
    }

#endif

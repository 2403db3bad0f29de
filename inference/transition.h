/* inference/transition.h -- the transition slot: q(s'|s,a) row by row.
 *
 * A setting of this slot turns a row p and the successors' values V into the
 * row's certainty equivalent and its q. With temperature beta and discount gamma
 * (design.md section 1; Donsker and Varadhan):
 *   model         gamma E_p V                           q = p      KL not charged
 *   tilt, step    beta log E_p exp(gamma V / beta)      q ~ p exp(gamma V / beta)
 *   tilt, next    gamma beta log E_p exp(V / beta)      q ~ p exp(V / beta)
 *   robust        gamma min E_q V                       q: D(q, p) <= radius
 *   free          as tilt, where p is the ENVIRONMENT and q is in a class:
 *                 gamma E_q V - charge KL(q || p)       q: the model's, or a tilt
 *   optimistic    gamma max E_q V                       q: in the ellipsoid of a
 *                                                       Gaussian model
 *   corrected     gamma E_p V(y + r_t)                  q: p shifted by its latest
 *                                                       errors, in linear worlds
 * beta > 0 maximises over q (optimistic), beta < 0 and `robust` minimise. A tilt's
 * KL is charged in F with the coefficient beta, or gamma beta under `next`; that
 * of `robust` is a constraint and is not charged.
 */
#ifndef ELBO_TRANSITION_H
#define ELBO_TRANSITION_H

#include "inference/core/options.h"
#include "inference/mdp.h"

/* MIXED: the KL weighs beta as under STEP, the exponent is V / beta as under NEXT:
 * free(mode=notebook) alone, which no one bound explains. */
typedef enum elbo_kl { ELBO_KL_STEP, ELBO_KL_NEXT, ELBO_KL_MIXED } elbo_kl;

/* D(q, p): KL(q || p) in nats, or total variation, sum |q - p| / 2. */
typedef enum elbo_ball { ELBO_BALL_KL, ELBO_BALL_TV } elbo_ball;

/* How `free` sees log p / q: exactly, clipped, or estimated from data. */
typedef enum elbo_ratio {
    ELBO_RATIO_EXACT,
    ELBO_RATIO_CLIP,
    ELBO_RATIO_CLASSIFIER
} elbo_ratio;

typedef struct elbo_transition elbo_transition;
struct elbo_belief;
struct elbo_posterior;
struct elbo_problem;
struct elbo_solve_info;

/* Of `free`: the class that q is confined to, and its present member. */
typedef struct elbo_class {
    struct elbo_belief *belief;
    elbo_kernel q;    /* the member */
    double *cost;     /* [nS x nA] what a row of q is charged */
    elbo_kernel base; /* the member nearest to p: what mode=notebook tilts */
} elbo_class;

/* The slot as set in one experiment; a plain value. */
typedef struct elbo_tilt {
    const elbo_transition *kind;
    double beta; /* of `tilt`; +inf for all others */
    elbo_kl kl;
    double gamma;
    double radius; /* of `robust` and `optimistic` */
    elbo_ball ball;
    /* of `free` */
    elbo_ratio ratio;
    double clip;     /* of log p / q, and of a row's KL under mode=notebook */
    double ridge;    /* of the classifier */
    size_t samples;  /* ... the model's for each real one; 0: their expectation */
    elbo_class *held; /* NULL: any row will do */
} elbo_tilt;

/* A number that a kind tells about each row (s, a), given q and the values V
 * [nS + 1] that it answers. Its mean over the occupancy is a column of
 * metrics.csv. */
typedef struct elbo_transition_column {
    const char *name;
    double (*of)(const elbo_tilt *tilt, const elbo_kernel *q,
                 const elbo_kernel *p, const double V[], size_t row);
} elbo_transition_column;

enum { ELBO_TRANSITION_COLUMNS = 4 }; /* a kind has so many at most */

struct elbo_transition {
    const char *name, *source, *formula, *doc;
    const elbo_option *options; /* arguments in the order of the call */
    /* Certainty equivalents of rows first .. last - 1 into out[row - first].
     * V is [nS + 1]. A sub-stochastic p is taken as it is. */
    void (*expect)(const elbo_tilt *tilt, const elbo_kernel *p, const double V[],
                   size_t first, size_t last, double out[]);
    /* For states first .. last - 1, the best of r + ce over all actions into
     * V[s - first], in one pass over the process. False, and V undefined, for
     * layouts that have none and where a Q is not a number. NULL: no layout
     * has. */
    bool (*best)(const elbo_tilt *tilt, const elbo_mdp *mdp,
                 const double V_next[], size_t first, size_t last, double V[]);
    /* The same rows of q into q[entry], in the pattern of p. NULL: q = p. Rows of
     * q sum to 1 also where those of p sum to less. A row whose tilt leaves no
     * mass keeps p's normalised row. */
    void (*posterior)(const elbo_tilt *tilt, const elbo_kernel *p,
                      const double V[], size_t first, size_t last, double q[]);
    /* d expect / d p(entry) of the same rows into out[entry], each entry on its own
     * (rows need not go on summing to 1; those of `robust` are normalised). With
     * respect to V(s') the derivative is gamma q(s'), by the envelope theorem.
     * NULL: theta is not followed through this setting. */
    void (*slopes)(const elbo_tilt *tilt, const elbo_kernel *p, const double V[],
                   size_t first, size_t last, double out[]);
    /* The call's arguments into *out, which holds this kind and the defaults of
     * all else. NULL: it has none. ELBO_EINVAL with *fault, the argument. */
    elbo_status (*set)(const elbo_values *values, elbo_tilt *out,
                       const char **fault);
    /* Whether q is an opponent, who minimises F_control. NULL: it is not. */
    bool (*adversarial)(const elbo_tilt *tilt);
    const elbo_transition_column *columns; /* ends in {0}; NULL: none */
    /* p is the environment, and the model is the class of q. */
    bool free;
    /* q is chosen from the kernels that the model leaves open, and an E-step need
     * not raise F_control, whose q of old the model may have ruled out. */
    bool chosen;
    /* (pi, q) moved at once by the kind's own rule, in the place of the control's
     * E-step; *info: residual is the largest change of q. NULL: the control's. */
    elbo_status (*estep)(const struct elbo_problem *problem,
                         struct elbo_posterior *post,
                         struct elbo_solve_info *info, elbo_arena *ws);
};

extern const elbo_transition elbo_transition_model, elbo_transition_tilt,
    elbo_transition_robust, elbo_transition_optimistic,
    elbo_transition_corrected, elbo_transition_free, elbo_transition_notebook;
/* inference/transition/registry.c; ends in NULL. */
extern const elbo_transition *const elbo_transitions[];

/* "model", "tilt(2)", "tilt(beta=-1, kl=next)", "robust(0.1, ball=tv)". `kl` is
 * control.kl: the default of tilt's own. tilt(inf) and robust(0) are `model`, by
 * the same code path; free(mode=notebook) is a kind of its own, `notebook`, that
 * no text names. ELBO_EINVAL as in elbo_call_parse. */
elbo_status elbo_transition_parse(const char *text, elbo_kl kl, double gamma,
                                  elbo_arena *arena, elbo_tilt *out,
                                  size_t *column, const char **nearest);
/* The same as an option's check. */
elbo_status elbo_transition_check(const char *text, size_t *column,
                                  const char **nearest);

/* The coefficient of KL(q || p) in F: 0, beta or gamma beta. */
double elbo_tilt_charge(const elbo_tilt *tilt);

/* What each row of the class's member costs: its charge times KL(q || p), under
 * mode=notebook clipped. ELBO_ENOTFINITE names a row that puts mass where p has
 * none. */
elbo_status elbo_class_charge(const elbo_tilt *tilt, const elbo_kernel *p,
                              elbo_class *held);

/* Whether q minimises F_control: F is then a robust value, no bound. */
bool elbo_tilt_adversarial(const elbo_tilt *tilt);

/* q log(q / p) + p - q >= 0 for q > 0, p >= 0, to its own digits where they are
 * close; inf at p = 0. */
double elbo_kl_term(double q, double p);

/* sum_s' q log(q / p) of one row; 0 log 0 = 0. With a sub-stochastic p it may be
 * any non-negative number or, with rounding, a negative one of its order. */
double elbo_row_kl(const elbo_kernel *q, const elbo_kernel *p, size_t row);

#endif

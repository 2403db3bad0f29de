/* inference/language/program.h -- a checked expression compiled onto the tape,
 * for finite worlds.
 *
 * The batch is given once, at compile time, by its structure: unique
 * transitions with weights. Values that change between runs (the model's
 * probabilities, V, the policy) are leaves. Sums over y are exact: segments
 * over a row's entries.
 *
 * At END, V, Q, logpi, occupancy, gradV and the coordinates are 0. gradV is the
 * central difference over the neighbouring cells along each coordinate,
 * one-sided at borders, 0 where there is no neighbour. Ed and mean weigh the
 * data as the objective does, and equally where all weights are 0. E f = sum p
 * f; a mean of what does not depend on y is itself. roll(k, f), f a function of y
 * alone, follows the policy and the model from each state on, exactly; so do T(k, f)
 * with the rewards on the way, and Td(k, f) in the data (inference/language/steps.c). Epi(f)
 * takes pi over the actions that the batch has at s, scaled to sum to 1 over
 * them (0 where pi takes none of them). A weight of 0 hides no
 * value that is not finite.
 *
 * With a horizon a sample has its stage: V, Q, logpi, occupancy, gradV, V_then and
 * V_target at s are that stage's, those at next and y the next one's, of which the
 * last is END for all states; Ed and Epi are means over what is of one (s, a), or
 * s, and one stage.
 */
#ifndef ELBO_PROGRAM_H
#define ELBO_PROGRAM_H

#include "inference/core/tape.h"
#include "inference/language/expression.h"

/* The batch and the kernel's pattern, as plain arrays (this room stands below
 * the decision process). Borrowed until elbo_program_free. */
typedef struct elbo_batch {
    size_t nS, nA;         /* column nS of the pattern is END, worth 0 */
    size_t n;              /* unique transitions */
    const uint32_t *row;   /* [n] s * nA + a */
    const uint32_t *next;  /* [n] successor's column, nS for END */
    const uint32_t *entry; /* [n] of (row, next) in the pattern */
    const double *r;       /* [n] */
    const double *weight;  /* [n] lambda w, added up over equal samples */
    size_t nnz;
    const size_t *start;       /* [nS * nA + 1] entries of a row */
    const uint32_t *successor; /* [nnz] columns */
    double gamma;
    const int32_t *coord; /* [(nS + 1) x dim] or NULL; END's row is zeros */
    size_t dim;
    size_t epochs;         /* rounds of collection; V_then has a block for each */
    const uint32_t *epoch; /* [n] < epochs, or NULL: all 0 and epochs is 1 */
    size_t stages;         /* of a horizon: then every table over states has a
                              block a stage; 0: none */
    const uint32_t *stage; /* [n] < stages; read where stages > 0 */
} elbo_batch;

/* Blocks of V: one, or one a stage and a last one. Of Q, logpi and occupancy. */
static inline size_t elbo_batch_values(const elbo_batch *batch)
{
    return batch->stages ? batch->stages + 1 : 1;
}
static inline size_t elbo_batch_plans(const elbo_batch *batch)
{
    return batch->stages ? batch->stages : 1;
}

typedef struct elbo_program elbo_program;

/* Compile; the tree is borrowed too. ELBO_EINVAL with *column for what the language knows but this
 * version does not compile on finite worlds (roll, gradV without coordinates,
 * ...). */
elbo_status elbo_program_alloc(const elbo_expr *expr, const elbo_batch *batch,
                               elbo_program **out, size_t *column);
void elbo_program_free(elbo_program *program);

/* What the names stand for in this run; NULL where the expression does not name
 * it (elbo_program_needs tells). */
typedef struct elbo_bindings {
    const double *p;         /* [nnz] the model's kernel: differentiated */
    const double *rhat;      /* [nS x nA] its rewards: likewise, unless known */
    bool rhat_known;         /* not theta's: G has no room for them */
    const double *V;         /* [values x (nS + 1)] */
    const double *Q;         /* [plans x nS x nA] */
    const double *logpi;     /* [plans x nS x nA] */
    const double *occupancy; /* [plans x nS x nA] normalised */
    double J, Jmodel, Jcwpdis;
    double gradJ_error; /* theta moves it, though not through p's own leaf */
    const double *V_then;   /* [epochs x values x (nS + 1)] */
    const double *V_target; /* [values x (nS + 1)] */
    const double *const *factor; /* one an element of elbo_expr_factors, in its
                                    order and of the factor's shape */
    /* What elbo_program_slopes reads under fixed_pi of V .. Jmodel: the planner
     * with its policy held; NULL: these. */
    const struct elbo_bindings *held;
} elbo_bindings;

/* Derivatives of the total with respect to what the planner gave: each is added
 * to. `held`: what stands under fixed_pi, moved by theta but not by the policy
 * (V, Q and A need no such distinction: at the planner's optimum they do not move
 * with pi; logpi and J held do not move at all). */
typedef struct elbo_slopes {
    double *V;              /* [values x (nS + 1)] */
    double *Q;              /* [plans x nS x nA] */
    double *logpi;          /* [plans x nS x nA] */
    double *occupancy;      /* [plans x nS x nA] */
    double *occupancy_held; /* [plans x nS x nA] */
    double J, Jmodel, Jmodel_held, Jcwpdis, gradJ_error;
    /* One an element of elbo_expr_factors, of the factor's shape: of those that
     * learn. NULL, or an element NULL: not wanted. */
    double *const *factor;
} elbo_slopes;

/* *value = sum over the batch of weight * expression; G += its derivative with
 * respect to p [nnz] and, behind it where it needs "rhat", to rhat [nS x nA];
 * unless NULL. ELBO_ENOTFINITE: *sample is the transition at
 * which the first non-finite value arose. */
elbo_status elbo_program_run(elbo_program *program, const elbo_bindings *bind,
                             double *value, double G[], size_t *sample);

/* The same, and the derivatives through the planner: gradient != stop. What
 * stands under stop is a constant to both; END's entries are not written. The
 * first call compiles the expression once more: ELBO_ENOMEM, ELBO_ESIZE. */
elbo_status elbo_program_slopes(elbo_program *program,
                                const elbo_bindings *bind, double *value,
                                double G[], elbo_slopes *slopes,
                                size_t *sample);

/* G += the derivative of the sum of `weight` [n], in the place of the batch's own,
 * times the expression; G as above. Means over the batch keep the batch's weights. */
elbo_status elbo_program_pull(elbo_program *program, const elbo_bindings *bind,
                              const double weight[], double G[],
                              size_t *sample);

/* out[n]: the expression at each transition of the batch, unweighted.
 * ELBO_ENOTFINITE as above. */
elbo_status elbo_program_values(elbo_program *program,
                                const elbo_bindings *bind, double out[],
                                size_t *sample);

/* Draws for every E(f, n): n states from p for each transition, the k-th one's
 * from stream (seed, "expectation", 256 index + k). From then on E(f, n) is
 *
 *   1/n sum_j f(y_j) p(y_j) / p_drawn(y_j)
 *
 * whose value where p = p_drawn is the mean of the samples and whose derivative
 * is the score function's, 1/n sum_j f(y_j) d log p(y_j): both unbiased for E f
 * and its derivative (not so a nonlinear function of it), and one function of p
 * between two draws, which a search can climb. usq(E(f, n) - c) is the mean of
 * (z_j - c)(z_k - c) over j != k, z_j being the terms of that sum. */
void elbo_program_draw(elbo_program *program, const double p[], uint64_t seed,
                       uint64_t index);

/* From here on what stands under stop keeps its values of the last run, or no
 * longer (differences then see what derivatives see). Once elbo_program_slopes
 * has been called that holds of its values alone; before, a stop over what theta
 * reaches directly is held only where the program is not tiled: false. */
bool elbo_program_hold(elbo_program *program, bool held);

/* Whether it reads "p", "rhat", "V", ...; "samples": whether it has E(f, n). */
bool elbo_program_needs(const elbo_program *program, const char *name);

#endif

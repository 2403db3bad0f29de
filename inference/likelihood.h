/* inference/likelihood.h -- the likelihood slot l_theta(x) on finite worlds.
 *
 * A likelihood gives its value and its gradient with respect to the model's
 * kernel, which the model pulls back to theta. `logp` is a function of the
 * weighted data counts; any other expression of the language is an objective
 * opened on the run's data (inference/objective.h).
 */
#ifndef ELBO_LIKELIHOOD_H
#define ELBO_LIKELIHOOD_H

#include "inference/core/options.h"
#include "inference/mdp.h"
#include "inference/objective.h"
#include "inference/regression.h"

typedef struct elbo_likelihood {
    const char *name, *source, *formula, *doc;
    bool term;      /* its name is no expression of the language */
    bool conjugate; /* value = sum C log p: closed M-steps apply */
    /* *value = sum over data of w l, given C [nnz] (elbo_data_counts); G[nnz]
     * += d value / d prob unless NULL. ELBO_ENOTFINITE names (s, a, s'). */
    elbo_status (*value)(const elbo_kernel *p, const double C[], double *value,
                         double G[]);
    elbo_objective *objective; /* in the place of `value`; else NULL */
    const elbo_regression *regression; /* likewise, of a Gaussian model */
} elbo_likelihood;

/* By `value`, or by the objective, which has counts of its own. */
elbo_status elbo_likelihood_value(const elbo_likelihood *likelihood,
                                  const elbo_kernel *p, const double C[],
                                  double *value, double G[]);

extern const elbo_likelihood elbo_likelihood_logp, elbo_likelihood_brier;
/* Every other expression, until an objective is opened for it. */
extern const elbo_likelihood elbo_likelihood_expression;
extern const elbo_likelihood *const elbo_likelihoods[]; /* ends in NULL */

elbo_status elbo_likelihood_parse(const char *text, const elbo_likelihood **out,
                                  size_t *column, const char **nearest);
/* The likelihood of that name that is no expression; NULL: none. */
const elbo_likelihood *elbo_likelihood_term(const char *text);
/* What the text depends on: elbo_expr's set. */
elbo_status elbo_likelihood_depends(const char *text, unsigned *depends);
/* Whether it reads of the planner (V Q A gradV logpi occupancy J Jmodel),
 * outside of stop, more than `name`. */
elbo_status elbo_likelihood_reads_beyond(const char *text, const char *name,
                                         bool *out);
elbo_status elbo_likelihood_check(const char *text, size_t *column,
                                  const char **nearest);

/* The weight slot w(x): an expression, read before each M-step at the present
 * theta and then frozen (elbo_weight_open); or a number, which is not negative. */
typedef struct elbo_weight {
    bool constant;
    double number;    /* if constant */
    unsigned depends; /* elbo_expr's set */
} elbo_weight;
elbo_status elbo_weight_parse(const char *text, elbo_weight *out,
                              size_t *column, const char **nearest);
elbo_status elbo_weight_check(const char *text, size_t *column,
                              const char **nearest);

#endif

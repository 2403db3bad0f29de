/* inference/regression.h -- likelihoods that are squares of a row's weights.
 *
 *   l(x) = -1/2 sum_j (f_j . p(.|s,a) - f_j(s'))^2
 *
 * with features f_j of the successor. Their statistics are, for each row,
 *   A = sum w f f'      b = sum w f f(s')      c = sum w f(s')^2
 * so that the data term is  sum_rows -1/2 (p'A p - 2 b'p + c): the conjugate of
 * a Gaussian posterior over rows. A feature may be a value function as it was
 * when the sample came (value-targeted regression, Ayoub et al. 2020): each
 * sample is added once, when it is collected.
 */
#ifndef ELBO_REGRESSION_H
#define ELBO_REGRESSION_H

#include "inference/core/checkpoint.h"
#include "inference/mdp.h"

typedef struct elbo_regression elbo_regression;

typedef struct elbo_regression_kind {
    const char *name; /* the likelihood's text, without blanks */
    /* Add one sample: V [nS + 1] is the value of its successors then. */
    void (*add)(elbo_regression *regression, size_t row, size_t next, double w,
                const double V[]);
} elbo_regression_kind;

struct elbo_regression {
    const elbo_regression_kind *kind;
    size_t rows, width; /* nS nA, nS + 1 */
    double scale;       /* of all that was added: lambda / |D| */
    double *A;          /* [rows x width x width] */
    double *b;          /* [rows x width] */
    double *c;          /* [rows] */
    double *n;          /* [rows] weights of what was added */
};

/* NULL: the likelihood is none of them. Blanks do not count. */
const elbo_regression_kind *elbo_regression_find(const char *likelihood);

/* Nothing added yet. ELBO_ENOMEM, ELBO_ESIZE. */
elbo_status elbo_regression_init(elbo_regression *regression,
                                 const elbo_regression_kind *kind, size_t nS,
                                 size_t nA, elbo_arena *arena);

/* Add one sample of weight w; V [nS + 1]. */
void elbo_regression_add(elbo_regression *regression, size_t row, size_t next,
                         double w, const double V[]);

/* The data term at a dense kernel, or its mean where the kernel has a spread. */
double elbo_regression_value(const elbo_regression *regression,
                             const elbo_kernel *p);

void elbo_regression_save(const elbo_regression *regression, elbo_writer *out);
elbo_status elbo_regression_load(elbo_regression *regression, elbo_reader *in);

#endif

/* models/gaussian.c -- a Gaussian posterior over the weights of every row.
 *
 *   x(s,a) ~ N(0, I / lambda)    lambda = prior_precision
 *   posterior N(m, S)            S = (lambda I + A)^-1    m = S b
 *
 * with A and b the statistics of a likelihood that is a square of the row
 * (inference/regression.h): ridge regression, exact and closed. m need not be a
 * distribution; what a row is worth is decided by transition: optimistic.
 *
 * theta holds the means m, row by row, then the precisions S^-1.
 *
 * The column row_error knows the world: the mean of sum_s' |m(s') - p(s')| over the
 * data's rows, the count-weighted model error of Ayoub et al. (2020).
 */
#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/regression.h"
#include "models/registry.h"
#include "models/support.h"

typedef struct gaussian {
    size_t rows, width;
    const uint8_t *known;
    double lambda;
    double *S;       /* [rows x width x width] */
    double *log_det; /* [rows] of the precisions */
    const elbo_kernel *truth;
    double *n; /* [rows] of the data */
} gaussian;

static const elbo_option options[] = {
    {"prior_precision", ELBO_REAL, "", 1e-12, 1e12, NULL, "1",
     "lambda, the precision of a weight before data: the ridge", NULL},
    {0},
};

static double *precision(const elbo_belief *belief, size_t row)
{
    const gaussian *const self = belief->self;
    const size_t n = self->width;

    return belief->theta + self->rows * n + row * n * n;
}

/* S and log det of one row. ELBO_ENOTPD. */
static elbo_status invert(const gaussian *self, const double P[], size_t row)
{
    const size_t n = self->width;
    const lapack_int order = (lapack_int)n;
    double *const S = self->S + row * n * n;

    memcpy(S, P, n * n * sizeof *S);
    if (LAPACKE_dpotrf(LAPACK_ROW_MAJOR, 'L', order, S, order) != 0)
        return ELBO_FAIL(ELBO_ENOTPD, "row %zu: its precision is not positive",
                         row);
    self->log_det[row] = 0;
    for (size_t i = 0; i < n; i++)
        self->log_det[row] += 2 * log(S[i * n + i]);
    if (LAPACKE_dpotri(LAPACK_ROW_MAJOR, 'L', order, S, order) != 0)
        return ELBO_FAIL(ELBO_ENOTPD, "row %zu: no covariance", row);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) S[j * n + i] = S[i * n + j];
    return ELBO_OK;
}

static elbo_status rebuild(elbo_belief *belief)
{
    const gaussian *const self = belief->self;
    const size_t n = self->width;

    for (size_t row = 0; row < self->rows; row++) {
        if (self->known[row]) continue;
        memcpy(belief->mean.prob + row * n, belief->theta + row * n,
               n * sizeof(double));
        ELBO_TRY(invert(self, precision(belief, row), row));
    }
    return ELBO_OK;
}

static void update(elbo_belief *belief)
{
    (void)rebuild(belief); /* `load` has refused what cannot be inverted */
}

static elbo_status load(elbo_belief *belief, elbo_reader *in)
{
    (void)in;
    if (rebuild(belief) == ELBO_OK) return ELBO_OK;
    return ELBO_FAIL(ELBO_EDATA, "checkpoint: a precision is not positive");
}

/* S^-1 = lambda I + A, m = S b */
static elbo_status regress(elbo_belief *belief, const elbo_regression *r)
{
    const gaussian *const self = belief->self;
    const size_t n = self->width;

    memcpy(self->n, r->n, self->rows * sizeof *self->n);
    for (size_t row = 0; row < self->rows; row++) {
        double *const P = precision(belief, row);
        double *const m = belief->theta + row * n;
        const double *const S = self->S + row * n * n;

        if (self->known[row]) continue;
        for (size_t i = 0; i < n * n; i++)
            P[i] = r->scale * r->A[row * n * n + i];
        for (size_t i = 0; i < n; i++) P[i * n + i] += self->lambda;
        ELBO_TRY(invert(self, P, row));
        for (size_t i = 0; i < n; i++) {
            m[i] = 0;
            for (size_t j = 0; j < n; j++)
                m[i] += S[i * n + j] * r->scale * r->b[row * n + j];
        }
        memcpy(belief->mean.prob + row * n, m, n * sizeof *m);
    }
    return ELBO_OK;
}

/* -KL(N(m, S) || N(0, I / lambda)) of one row */
static double row_log_prior(const elbo_belief *belief, size_t row)
{
    const gaussian *const self = belief->self;
    const size_t n = self->width;
    const double *const m = belief->theta + row * n;
    double squares = 0;

    for (size_t i = 0; i < n; i++)
        squares += m[i] * m[i] + self->S[(row * n + i) * n + i];
    return -0.5
           * (self->lambda * squares - (double)n + self->log_det[row]
              - (double)n * log(self->lambda));
}

static double log_prior(const elbo_belief *belief, double grad[])
{
    const gaussian *const self = belief->self;
    double sum = 0;

    (void)grad; /* a posterior is fitted, never followed by its gradient */
    for (size_t row = 0; row < self->rows; row++)
        if (!self->known[row]) sum += row_log_prior(belief, row);
    return sum;
}

/* sum_s' |m(s') - p(s')| of one row. */
static double row_error(const elbo_belief *belief, size_t row)
{
    const gaussian *const self = belief->self;
    double sum = 0;

    for (size_t i = 0; i < self->width; i++) {
        const size_t entry = elbo_entry(self->truth->pattern, row, i);

        sum += fabs(belief->mean.prob[row * self->width + i]
                    - (entry == (size_t)-1 ? 0 : self->truth->prob[entry]));
    }
    return sum;
}

static size_t columns(const elbo_belief *belief, double out[])
{
    const gaussian *const self = belief->self;
    double sum = 0, all = 0;

    if (!out) return 1;
    for (size_t row = 0; row < self->rows; row++) {
        if (self->known[row] || !(self->n[row] > 0)) continue;
        sum += self->n[row] * row_error(belief, row);
        all += self->n[row];
    }
    *out = all > 0 ? sum / all : 0;
    return 1;
}

static const char *const column_names[] = {"row_error", NULL};

static elbo_status open_model(const elbo_values *values,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_belief *out)
{
    const size_t nS = context->mdp->nS, rows = nS * context->mdp->nA;
    const size_t width = nS + 1;
    gaussian *const self = elbo_arena_take(arena, 1, sizeof *self);
    const elbo_pattern *pattern;
    size_t squares;

    ELBO_TRY(elbo_arena_check(arena, "a Gaussian model"));
    ELBO_TRY(elbo_support_dense(context, arena, &pattern));
    if (!elbo_size_mul(pattern->nnz, width, &squares)
        || squares > ELBO_DENSE_ENTRIES)
        return ELBO_FAIL(ELBO_EINVAL,
                         "covariances of %zu rows of %zu weights have more than "
                         "%d entries",
                         rows, width, ELBO_DENSE_ENTRIES);
    *self = (gaussian){.rows = rows,
                       .width = width,
                       .known = context->known,
                       .lambda = elbo_real(values, "prior_precision"),
                       .S = elbo_arena_take(arena, squares, sizeof(double)),
                       .log_det = elbo_arena_doubles(arena, rows),
                       .truth = &context->mdp->P,
                       .n = elbo_arena_take(arena, rows, sizeof(double))};
    *out = (elbo_belief){
        .model = &elbo_model_gaussian,
        .self = self,
        .n = pattern->nnz + squares,
        .theta = elbo_arena_take(arena, pattern->nnz + squares, sizeof(double)),
        .mean = elbo_support_kernel(pattern, context->known, arena),
    };
    ELBO_TRY(elbo_arena_check(arena, "a Gaussian model's covariances"));
    out->mean.spread = self->S;
    out->geo = out->mean;
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < width; i++)
            precision(out, row)[i * width + i] = self->lambda;
    return rebuild(out);
}

const elbo_model elbo_model_gaussian = {
    .name = "gaussian",
    .source = "ridge regression; Ayoub, Jia, Szepesvari, Wang, Yang (2020)",
    .doc = "a Gaussian posterior over the weights of every row",
    .options = options,
    .open = open_model,
    .update = update,
    .regress = regress,
    .log_prior = log_prior,
    .load = load,
    .column_names = column_names,
    .columns = columns,
};

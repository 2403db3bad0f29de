/* inference/language/gaussian.h -- a checked expression compiled onto the tape,
 * for linear-Gaussian worlds.
 *
 *   y ~ N(A s + B a + c, W)         s, next, y [nx]   a [nu]   z = (s, a) [nz]
 *
 * Inside E and Var a value is a polynomial in y, inside Epi in a; V, Q, logpi and
 * r are quadratics. With f(y) = f0 + g'y + y'H y, H symmetric, b = g + 2 H m:
 *   E f = f(m) + tr(H W)
 *   Cov(f, h) = b_f'W b_h + 2 tr(H_f W H_h W)           (Isserlis 1918)
 *   E(f h) = E f E h + Cov(f, h)
 * so that E is exact up to degree 4 for scalars and 2 for vectors, Var to 2 and 1.
 * What has no closed form (abs, exp, ... of y) and what these worlds have not (Ed,
 * occupancy, rhat of their own, roll, samples, factors) is refused in words.
 *
 * Where the plan has stages V differs from one to the next: V(s) is the
 * transition's own stage, V(next) and V(y) the one after, and a mix of both has
 * none. A weight of 0 hides no value that is not finite.
 */
#ifndef ELBO_GAUSSIAN_H
#define ELBO_GAUSSIAN_H

#include "inference/core/tape.h"
#include "inference/language/expression.h"

/* What a run binds, one row a stage; quadratics are -1/2 x'P x + p'x + c. X(name,
 * columns, rows), rows: of the model, the plan, values with their successor, or those of all
 * rounds. */
#define ELBO_GAUSSIAN_LIST(X)                                                  \
    X(M, nx *(nz + 1), MODEL) /* (A B c) */                                    \
    X(W, nx *nx, MODEL)                                                        \
    X(PRECISION, nx *nx, MODEL) /* W^-1 */                                     \
    X(LOGDET, 1, MODEL)         /* log |W| */                                  \
    X(V_P, nx *nx, VALUE)                                                      \
    X(V_p, nx, VALUE)                                                          \
    X(V_c, 1, VALUE)                                                           \
    X(Q_P, nz *nz, PLAN)                                                       \
    X(Q_p, nz, PLAN)                                                           \
    X(Q_c, 1, PLAN)                                                            \
    X(PI_K, nu *nx, PLAN) /* u ~ N(K s + k, S) */                              \
    X(PI_k, nu, PLAN)                                                          \
    X(PI_S, nu *nu, PLAN)                                                      \
    X(PI_PRECISION, nu *nu, PLAN)                                              \
    X(PI_LOGDET, 1, PLAN)                                                      \
    X(J, 1, ONE)                                                               \
    X(JMODEL, 1, ONE)                                                          \
    X(GRADJ_ERROR, 1, ONE)                                                     \
    X(R_P, nz *nz, ONE) /* the reward, known */                                \
    X(R_p, nz, ONE)                                                            \
    X(R_c, 1, ONE)                                                             \
    X(TARGET_P, nx *nx, VALUE) /* V_target */                                  \
    X(TARGET_p, nx, VALUE)                                                     \
    X(TARGET_c, 1, VALUE)                                                      \
    X(THEN_P, nx *nx, EPOCH) /* V_then: the values of each round */            \
    X(THEN_p, nx, EPOCH)                                                       \
    X(THEN_c, 1, EPOCH)

typedef enum elbo_gaussian_table {
#define ELBO_GAUSSIAN_ENUM(name, cols, rows) ELBO_GAUSSIAN_##name,
    ELBO_GAUSSIAN_LIST(ELBO_GAUSSIAN_ENUM)
#undef ELBO_GAUSSIAN_ENUM
        ELBO_GAUSSIAN_TABLES
} elbo_gaussian_table;

/* Borrowed until elbo_gaussian_free. */
typedef struct elbo_gaussian_batch {
    size_t nx, nu;
    size_t model_stages; /* 1, or a regression a stage */
    size_t horizon;      /* 0: none, one stage for ever */
    size_t n;            /* transitions, at least 1 */
    const double *x, *u, *y; /* [n x nx], [n x nu], [n x nx] */
    const double *weight;    /* [n] lambda w */
    const uint32_t *step;    /* [n] steps of its episode before it */
    double gamma;
    size_t epochs;         /* rounds of collection; 0: one */
    const uint32_t *epoch; /* [n] < epochs, of each transition; NULL: all 0 */
} elbo_gaussian_batch;

/* Rows and columns of a table. */
size_t elbo_gaussian_rows(const elbo_gaussian_batch *batch,
                          elbo_gaussian_table table);
size_t elbo_gaussian_cols(const elbo_gaussian_batch *batch,
                          elbo_gaussian_table table);

typedef struct elbo_gaussian elbo_gaussian;

/* Compile; the tree is borrowed too. ELBO_EINVAL with *column for what has no
 * meaning here; ELBO_ENOMEM, ELBO_ESIZE. */
elbo_status elbo_gaussian_alloc(const elbo_expr *expr,
                                const elbo_gaussian_batch *batch,
                                elbo_gaussian **out, size_t *column);
void elbo_gaussian_free(elbo_gaussian *program); /* NULL ok */

bool elbo_gaussian_reads(const elbo_gaussian *program, elbo_gaussian_table table);

/* *value = sum of weight * expression at the tables (what is not read may be
 * NULL); slopes[i], unless `slopes` or it is NULL: the derivative with respect to
 * table i, written. ELBO_ENOTFINITE names transition and column. */
elbo_status elbo_gaussian_run(elbo_gaussian *program,
                              const double *const table[ELBO_GAUSSIAN_TABLES],
                              double *value,
                              double *const slopes[ELBO_GAUSSIAN_TABLES]);

/* out [n]: the expression at each transition, unweighted. */
elbo_status elbo_gaussian_values(elbo_gaussian *program,
                                 const double *const table[ELBO_GAUSSIAN_TABLES],
                                 double out[]);

/* What stands under stop keeps its values of the last run, or no longer. */
void elbo_gaussian_hold(elbo_gaussian *program, bool held);

#endif

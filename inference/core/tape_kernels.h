/* inference/core/tape_kernels.h -- products, rows' maxima and the table.
 *
 * Included by tape_f64.c and tape_f32.c after the other passes.
 */

/* A factor of a product: a [rows x cols], taken as it is or transposed. */
typedef struct factor {
    const REAL *a;
    size_t rows, cols;
    bool transpose;
} factor;

static factor factor_of(const elbo_tape_node *node, const void *buffer,
                        bool transpose)
{
    return (factor){buffer, node->rows, node->cols, transpose};
}

static factor transposed(factor A)
{
    A.transpose = !A.transpose;
    return A;
}

/* C = op(A) op(B) + beta C. Shapes fit in int (elbo_tape_matmul). */
static void multiply(factor A, factor B, REAL beta, REAL *C)
{
    const int n = (int)(A.transpose ? A.cols : A.rows);
    const int k = (int)(A.transpose ? A.rows : A.cols);
    const int m = (int)(B.transpose ? B.rows : B.cols);

    if (n == 0 || m == 0) return;
    if (k == 0) {
        if (beta == 0) memset(C, 0, (size_t)n * (size_t)m * sizeof *C);
        return;
    }
    GEMM(CblasRowMajor, A.transpose ? CblasTrans : CblasNoTrans,
         B.transpose ? CblasTrans : CblasNoTrans, n, m, k, 1, A.a, (int)A.cols,
         B.a, (int)B.cols, beta, C, m);
}

static void forward_matmul(const elbo_tape_node *out, const elbo_tape_node *x,
                           const elbo_tape_node *y)
{
    multiply(factor_of(x, x->value, out->transpose_x),
             factor_of(y, y->value, out->transpose_y), 0, out->value);
}

/* For out = X Y with adjoint G: to += G Y', stored as X is. */
static void pull_left(const elbo_tape_node *out, factor G, factor Y, void *to)
{
    if (out->transpose_x)
        multiply(Y, transposed(G), 1, to);
    else
        multiply(G, transposed(Y), 1, to);
}

/* to += X' G, stored as Y is. */
static void pull_right(const elbo_tape_node *out, factor X, factor G, void *to)
{
    if (out->transpose_y)
        multiply(transposed(G), X, 1, to);
    else
        multiply(transposed(X), G, 1, to);
}

static void backward_matmul(const elbo_tape_node *out, const elbo_tape_node *x,
                            const elbo_tape_node *y)
{
    const factor X = factor_of(x, x->value, out->transpose_x);
    const factor Y = factor_of(y, y->value, out->transpose_y);
    const factor G = factor_of(out, out->adjoint, false);

    if (x->adjoint) pull_left(out, G, Y, x->adjoint);
    if (y->adjoint) pull_right(out, X, G, y->adjoint);
}

/* X. Y + X Y. */
static void tangent_matmul(const elbo_tape_node *out, const elbo_tape_node *x,
                           const elbo_tape_node *y)
{
    const bool tx = out->transpose_x, ty = out->transpose_y;
    const factor X = factor_of(x, x->value, tx), Y = factor_of(y, y->value, ty);

    memset(out->tangent, 0, out->size * sizeof(REAL));
    if (x->tangent) multiply(factor_of(x, x->tangent, tx), Y, 1, out->tangent);
    if (y->tangent) multiply(X, factor_of(y, y->tangent, ty), 1, out->tangent);
}

/* X*. += G. Y' + G Y.',  Y*. += X' G. + X.' G. */
static void second_matmul(const elbo_tape_node *out, const elbo_tape_node *x,
                          const elbo_tape_node *y)
{
    const bool tx = out->transpose_x, ty = out->transpose_y;
    const factor G = factor_of(out, out->adjoint, false);
    const factor dG = factor_of(out, out->adjoint_tangent, false);

    if (x->adjoint) {
        pull_left(out, dG, factor_of(y, y->value, ty), x->adjoint_tangent);
        if (y->tangent)
            pull_left(out, G, factor_of(y, y->tangent, ty), x->adjoint_tangent);
    }
    if (y->adjoint) {
        pull_right(out, factor_of(x, x->value, tx), dG, y->adjoint_tangent);
        if (x->tangent)
            pull_right(out, factor_of(x, x->tangent, tx), G,
                       y->adjoint_tangent);
    }
}

/* The first of the largest entries; a NaN counts as largest. */
static size_t argmax(const REAL x[], size_t n)
{
    size_t best = 0;

    for (size_t j = 0; j < n; j++) {
        if (isnan(x[j])) return j;
        if (x[j] > x[best]) best = j;
    }
    return best;
}

static void forward_rowmax(const elbo_tape_node *out, const elbo_tape_node *x,
                           const elbo_tape_node *y)
{
    const REAL *from = x->value;
    REAL *to = out->value;

    (void)y;
    for (size_t i = 0; i < out->size; i++, from += x->cols)
        to[i] = from[argmax(from, x->cols)];
}

static void pull_rowmax(const elbo_tape_node *x, const REAL g[], REAL to[])
{
    const REAL *value = x->value;

    for (size_t i = 0; i < x->rows; i++)
        to[i * x->cols + argmax(value + i * x->cols, x->cols)] += g[i];
}

static void backward_rowmax(const elbo_tape_node *out, const elbo_tape_node *x,
                            const elbo_tape_node *y)
{
    (void)y;
    pull_rowmax(x, out->adjoint, x->adjoint);
}

static void tangent_rowmax(const elbo_tape_node *out, const elbo_tape_node *x,
                           const elbo_tape_node *y)
{
    const REAL *value = x->value, *from = x->tangent;
    REAL *to = out->tangent;

    (void)y;
    for (size_t i = 0; i < out->size; i++)
        to[i] = from[i * x->cols + argmax(value + i * x->cols, x->cols)];
}

static void second_rowmax(const elbo_tape_node *out, const elbo_tape_node *x,
                          const elbo_tape_node *y)
{
    (void)y;
    pull_rowmax(x, out->adjoint_tangent, x->adjoint_tangent);
}

/* -inf of nothing, and of what is all -inf. */
static REAL logsumexp(const REAL x[], size_t n)
{
    const REAL top = n ? x[argmax(x, n)] : (REAL)-INFINITY;
    double sum = 0;

    if (!isfinite(top)) return top;
    for (size_t j = 0; j < n; j++) sum += (double)EXP(x[j] - top);
    return top + (REAL)log(sum);
}

/* An entry's share of the sum; 0 where there is no sum, so that a masked row
 * has the derivative 0. */
static inline REAL share(REAL x, REAL out)
{
    return isinf(out) && out < 0 ? 0 : EXP(x - out);
}

static void forward_logsumexp(const elbo_tape_node *out,
                              const elbo_tape_node *x, const elbo_tape_node *y)
{
    const REAL *from = x->value;
    REAL *to = out->value;

    (void)y;
    for (size_t i = 0; i < out->size; i++)
        to[i] = logsumexp(from + i * x->cols, x->cols);
}

static void backward_logsumexp(const elbo_tape_node *out,
                               const elbo_tape_node *x, const elbo_tape_node *y)
{
    const REAL *from = x->value, *o = out->value, *g = out->adjoint;
    REAL *to = x->adjoint;

    (void)y;
    for (size_t i = 0, at = 0; i < out->size; i++)
        for (size_t j = 0; j < x->cols; j++, at++)
            to[at] += g[i] * share(from[at], o[i]);
}

static void tangent_logsumexp(const elbo_tape_node *out,
                              const elbo_tape_node *x, const elbo_tape_node *y)
{
    const REAL *from = x->value, *o = out->value, *v = x->tangent;
    REAL *to = out->tangent;

    (void)y;
    for (size_t i = 0, at = 0; i < out->size; i++) {
        double sum = 0;

        for (size_t j = 0; j < x->cols; j++, at++)
            sum += (double)(share(from[at], o[i]) * v[at]);
        to[i] = (REAL)sum;
    }
}

/* With p the shares and o. = p'x.:  x*. += p (g. + g (x. - o.)). */
static void second_logsumexp(const elbo_tape_node *out, const elbo_tape_node *x,
                             const elbo_tape_node *y)
{
    const REAL *from = x->value, *v = x->tangent;
    const REAL *o = out->value, *mean = out->tangent;
    const REAL *g = out->adjoint, *dg = out->adjoint_tangent;
    REAL *to = x->adjoint_tangent;

    (void)y;
    for (size_t i = 0, at = 0; i < out->size; i++)
        for (size_t j = 0; j < x->cols; j++, at++)
            to[at] +=
                share(from[at], o[i]) * (dg[i] + g[i] * (v[at] - mean[i]));
}

static void fill(void *to, size_t n, double x)
{
    REAL *out = to;

    for (size_t i = 0; i < n; i++) out[i] = (REAL)x;
}

static void load(void *to, const double from[], size_t n)
{
    REAL *out = to;

    for (size_t i = 0; i < n; i++) out[i] = (REAL)from[i];
}

static void store(double to[], const void *from, size_t n)
{
    const REAL *x = from;

    for (size_t i = 0; i < n; i++) to[i] = (double)x[i];
}

static void load_f32(void *to, const float from[], size_t n)
{
    REAL *out = to;

    for (size_t i = 0; i < n; i++) out[i] = (REAL)from[i];
}

static void store_f32(float to[], const void *from, size_t n)
{
    const REAL *x = from;

    for (size_t i = 0; i < n; i++) to[i] = (float)x[i];
}

static size_t not_finite(const void *buffer, size_t n)
{
    const REAL *x = buffer;

    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return i;
    return n;
}

#define PASSES(op)                                                             \
    {                                                                          \
        forward_##op, backward_##op, tangent_##op, second_##op                 \
    }
const elbo_kernels KERNELS = {
    .real = sizeof(REAL),
    .fill = fill,
    .load = load,
    .store = store,
    .load_f32 = load_f32,
    .store_f32 = store_f32,
    .not_finite = not_finite,
    .of = {
           [ELBO_ELEMENTWISE] = PASSES(elementwise),
           [ELBO_MATMUL] = PASSES(matmul),
           [ELBO_SUM_ALL] = PASSES(sum_all),
           [ELBO_SUM_ROWS] = PASSES(sum_rows),
           [ELBO_SUM_COLS] = PASSES(sum_cols),
           [ELBO_LOGSUMEXP] = PASSES(logsumexp),
           [ELBO_ROWMAX] = PASSES(rowmax),
           [ELBO_GATHER] = PASSES(gather),
           [ELBO_SEGMENTS] = PASSES(segments),
           [ELBO_RESHAPE] = PASSES(reshape),
           [ELBO_COLUMNS] = PASSES(columns),
           [ELBO_JOIN] = PASSES(join),
           }
};
#undef PASSES

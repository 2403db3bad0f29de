/* inference/core/tape_kernels.h -- rows' maxima and the table.
 *
 * Included by tape_f64.c and tape_f32.c after the other passes.
 */

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
           [ELBO_DENSE] = PASSES(dense),
           [ELBO_DOT] = PASSES(dot),
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

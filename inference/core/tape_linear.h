/* inference/core/tape_linear.h -- sums, and passes over linear nodes.
 *
 * Included by tape_f64.c and tape_f32.c, which define REAL. The tangent of a
 * linear operation is its forward pass on tangents, and its second pass the
 * backward one on adjoint tangents.
 */

/* In double whatever the precision, in eight lanes. */
static double total(const REAL x[], size_t n)
{
    double lane[8] = {0};
    size_t i = 0;

    for (; n - i >= 8; i += 8)
        for (size_t k = 0; k < 8; k++) lane[k] += (double)x[i + k];
    for (; i < n; i++) lane[i % 8] += (double)x[i];
    return ((lane[0] + lane[1]) + (lane[2] + lane[3]))
           + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

/* sum x y in the same way. */
static double total_product(const REAL x[], const REAL y[], size_t n)
{
    double lane[8] = {0};
    size_t i = 0;

    for (; n - i >= 8; i += 8)
        for (size_t k = 0; k < 8; k++) lane[k] += (double)(x[i + k] * y[i + k]);
    for (; i < n; i++) lane[i % 8] += (double)(x[i] * y[i]);
    return ((lane[0] + lane[1]) + (lane[2] + lane[3]))
           + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

static void add(REAL *restrict to, const REAL *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] += x[i];
}

static void add_number(REAL to[], REAL x, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] += x;
}

/* Linear operations: apply(out, x, from, to) and its transpose pull. */

static void apply_sum_all(const elbo_tape_node *out, const elbo_tape_node *x,
                          const REAL *from, REAL *to)
{
    (void)out;
    *to = (REAL)total(from, x->size);
}

static void pull_sum_all(const elbo_tape_node *out, const elbo_tape_node *x,
                         const REAL *from, REAL *to)
{
    (void)out;
    add_number(to, *from, x->size);
}

static void apply_sum_rows(const elbo_tape_node *out, const elbo_tape_node *x,
                           const REAL *from, REAL *to)
{
    for (size_t i = 0; i < out->size; i++)
        to[i] = (REAL)total(from + i * x->cols, x->cols);
}

static void pull_sum_rows(const elbo_tape_node *out, const elbo_tape_node *x,
                          const REAL *from, REAL *to)
{
    for (size_t i = 0; i < out->size; i++)
        add_number(to + i * x->cols, from[i], x->cols);
}

static void apply_sum_cols(const elbo_tape_node *out, const elbo_tape_node *x,
                           const REAL *from, REAL *to)
{
    memset(to, 0, out->size * sizeof *to);
    for (size_t i = 0; i < x->rows; i++) add(to, from + i * x->cols, x->cols);
}

static void pull_sum_cols(const elbo_tape_node *out, const elbo_tape_node *x,
                          const REAL *from, REAL *to)
{
    (void)out;
    for (size_t i = 0; i < x->rows; i++) add(to + i * x->cols, from, x->cols);
}

static void apply_gather(const elbo_tape_node *out, const elbo_tape_node *x,
                         const REAL *from, REAL *to)
{
    const size_t m = x->cols;

    for (size_t i = 0; i < out->rows; i++)
        memcpy(to + i * m, from + out->index[i] * m, m * sizeof *to);
}

static void pull_gather(const elbo_tape_node *out, const elbo_tape_node *x,
                        const REAL *from, REAL *to)
{
    const size_t m = x->cols;

    for (size_t i = 0; i < out->rows; i++)
        add(to + out->index[i] * m, from + i * m, m);
}

static void apply_segments(const elbo_tape_node *out, const elbo_tape_node *x,
                           const REAL *from, REAL *to)
{
    const size_t m = x->cols;

    memset(to, 0, out->size * sizeof *to);
    for (size_t i = 0; i < out->rows; i++)
        for (size_t k = out->start[i]; k < out->start[i + 1]; k++)
            add(to + i * m, from + k * m, m);
}

static void pull_segments(const elbo_tape_node *out, const elbo_tape_node *x,
                          const REAL *from, REAL *to)
{
    const size_t m = x->cols;

    for (size_t i = 0; i < out->rows; i++)
        for (size_t k = out->start[i]; k < out->start[i + 1]; k++)
            add(to + k * m, from + i * m, m);
}

static void apply_reshape(const elbo_tape_node *out, const elbo_tape_node *x,
                          const REAL *from, REAL *to)
{
    (void)x;
    memcpy(to, from, out->size * sizeof *to);
}

static void pull_reshape(const elbo_tape_node *out, const elbo_tape_node *x,
                         const REAL *from, REAL *to)
{
    (void)x;
    add(to, from, out->size);
}

static void apply_columns(const elbo_tape_node *out, const elbo_tape_node *x,
                          const REAL *from, REAL *to)
{
    const size_t n = out->cols, first = (size_t)out->k[0];

    for (size_t i = 0; i < out->rows; i++)
        memcpy(to + i * n, from + i * x->cols + first, n * sizeof *to);
}

static void pull_columns(const elbo_tape_node *out, const elbo_tape_node *x,
                         const REAL *from, REAL *to)
{
    const size_t n = out->cols, first = (size_t)out->k[0];

    for (size_t i = 0; i < out->rows; i++)
        add(to + i * x->cols + first, from + i * n, n);
}

#define LINEAR_PASS(pass, op, way, source, target)                             \
    static void pass##_##op(const elbo_tape_node *out,                         \
                            const elbo_tape_node *x, const elbo_tape_node *y)  \
    {                                                                          \
        (void)y;                                                               \
        way##_##op(out, x, source, target);                                    \
    }
#define LINEAR(op)                                                             \
    LINEAR_PASS(forward, op, apply, x->value, out->value)                      \
    LINEAR_PASS(backward, op, pull, out->adjoint, x->adjoint)                  \
    LINEAR_PASS(tangent, op, apply, x->tangent, out->tangent)                  \
    LINEAR_PASS(second, op, pull, out->adjoint_tangent, x->adjoint_tangent)
LINEAR_PASS(forward, sum_all, apply, x->value, out->value)
LINEAR_PASS(tangent, sum_all, apply, x->tangent, out->tangent)
LINEAR_PASS(second, sum_all, pull, out->adjoint_tangent, x->adjoint_tangent)
LINEAR(sum_rows)
LINEAR(sum_cols)
LINEAR(gather)
LINEAR(segments)
LINEAR(reshape)
LINEAR(columns)

static void backward_sum_all(const elbo_tape_node *out, const elbo_tape_node *x,
                             const elbo_tape_node *y)
{
    const REAL g = *(const REAL *)out->adjoint;
    REAL *const to = x->adjoint;

    (void)y;
    if (x->reached)
        add_number(to, g, x->size);
    else
        for (size_t i = 0; i < x->size; i++) to[i] = g;
}
#undef LINEAR
#undef LINEAR_PASS

/* x at `first` of out's rows: to its place, or added back from it. NULL is 0. */
static void place(const elbo_tape_node *out, const elbo_tape_node *x,
                  size_t first, const REAL *from, REAL *to)
{
    for (size_t i = 0; i < x->rows; i++) {
        REAL *const at = to + i * out->cols + first;

        if (from)
            memcpy(at, from + i * x->cols, x->cols * sizeof *at);
        else
            memset(at, 0, x->cols * sizeof *at);
    }
}

static void fetch(const elbo_tape_node *out, const elbo_tape_node *x,
                  size_t first, const REAL *from, REAL *to)
{
    for (size_t i = 0; i < x->rows; i++)
        add(to + i * x->cols, from + i * out->cols + first, x->cols);
}

static void forward_join(const elbo_tape_node *out, const elbo_tape_node *x,
                         const elbo_tape_node *y)
{
    place(out, x, 0, x->value, out->value);
    place(out, y, x->cols, y->value, out->value);
}

static void backward_join(const elbo_tape_node *out, const elbo_tape_node *x,
                          const elbo_tape_node *y)
{
    if (x->adjoint) fetch(out, x, 0, out->adjoint, x->adjoint);
    if (y->adjoint) fetch(out, y, x->cols, out->adjoint, y->adjoint);
}

static void tangent_join(const elbo_tape_node *out, const elbo_tape_node *x,
                         const elbo_tape_node *y)
{
    place(out, x, 0, x->tangent, out->tangent);
    place(out, y, x->cols, y->tangent, out->tangent);
}

static void second_join(const elbo_tape_node *out, const elbo_tape_node *x,
                        const elbo_tape_node *y)
{
    const REAL *const from = out->adjoint_tangent;

    if (x->adjoint) fetch(out, x, 0, from, x->adjoint_tangent);
    if (y->adjoint) fetch(out, y, x->cols, from, y->adjoint_tangent);
}

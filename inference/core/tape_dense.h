/* inference/core/tape_dense.h -- passes over f(x W + b).
 *
 * Included after tape_products.h and the soft functions. With G = g f' and g
 * the adjoint of out: backward   x* += G W'    W* += x' G    b* += column sums
 * of G f' is told by the value of out, or was kept (SiLU). Each pass over
 * entries does all that is to be done with them.
 */

/* f(z) of n entries; f' is kept where slope is not NULL. */
static void activate(elbo_activation f, size_t n, REAL z[restrict],
                     REAL slope[restrict])
{
    REAL unused;

    switch (f) {
    case ELBO_ACT_NONE:
        return;
    case ELBO_ACT_RELU:
        for (size_t j = 0; j < n; j++) z[j] = relu(z[j]);
        return;
    case ELBO_ACT_LEAKY_RELU:
        for (size_t j = 0; j < n; j++) z[j] = leaky_relu(z[j]);
        return;
    case ELBO_ACT_TANH:
        for (size_t j = 0; j < n; j++) z[j] = TANH(z[j]);
        return;
    case ELBO_ACT_SILU:
        if (slope)
            for (size_t j = 0; j < n; j++) z[j] = silu(z[j], &slope[j]);
        else
            for (size_t j = 0; j < n; j++) z[j] = silu(z[j], &unused);
        return;
    }
}

/* One row of g f', by the value o or by what was kept. */
static void pull_row(elbo_activation f, size_t n, const REAL o[restrict],
                     const REAL slope[restrict], const REAL g[restrict],
                     REAL to[restrict])
{
    switch (f) {
    case ELBO_ACT_NONE:
        for (size_t j = 0; j < n; j++) to[j] = g[j];
        return;
    case ELBO_ACT_RELU:
        for (size_t j = 0; j < n; j++) to[j] = o[j] > 0 ? g[j] : 0;
        return;
    case ELBO_ACT_LEAKY_RELU:
        for (size_t j = 0; j < n; j++) to[j] = g[j] * (o[j] > 0 ? 1 : LEAK);
        return;
    case ELBO_ACT_TANH:
        for (size_t j = 0; j < n; j++) to[j] = g[j] * ((1 - o[j]) * (1 + o[j]));
        return;
    case ELBO_ACT_SILU:
        for (size_t j = 0; j < n; j++) to[j] = g[j] * slope[j];
        return;
    }
}

/* to = g f'; its columns are added to sum, if that is not NULL. */
static void pull_activation(const elbo_tape_node *out, const REAL g[],
                            REAL to[], REAL sum[])
{
    const elbo_activation f = (elbo_activation)out->rule;
    const REAL *const o = out->value, *const slope = out->slope;
    const size_t n = out->cols;

    for (size_t at = 0; at < out->size; at += n) {
        pull_row(f, n, o + at, slope ? slope + at : NULL, g + at, to + at);
        if (sum) add(sum, to + at, n);
    }
}

static void forward_dense(const elbo_tape_node *out, const elbo_tape_node *x,
                          const elbo_tape_node *W)
{
    product p = product_of(factor_of(x, x->value, false),
                           factor_of(W, W->value, false), out->bias->value,
                           out->value);

    p.start_row = 0; /* b under every row */
    run_product(&p);
    activate((elbo_activation)out->rule, out->size, out->value, out->slope);
}

/* The first to write to an argument's adjoint need not read it. */
static void backward_dense(const elbo_tape_node *out, const elbo_tape_node *x,
                           const elbo_tape_node *W)
{
    const elbo_tape_node *const b = out->bias;
    const factor G = factor_of(out, out->room, false);

    if (b->adjoint && !b->reached)
        memset(b->adjoint, 0, out->cols * sizeof(REAL));
    pull_activation(out, out->adjoint, out->room, b->adjoint);
    if (W->adjoint)
        multiply(transposed(factor_of(x, x->value, false)), G,
                 W->reached || W == b, W->adjoint);
    if (x->adjoint)
        multiply(G, transposed(factor_of(W, W->value, false)),
                 x->reached || x == W || x == b, x->adjoint);
}

/* z. = x. W + x W. + b. */
static void tangent_affine(const elbo_tape_node *out, const elbo_tape_node *x,
                           const elbo_tape_node *W, REAL to[])
{
    const REAL *const b = out->bias->tangent;
    const size_t n = out->cols;

    memset(to, 0, out->size * sizeof *to);
    for (size_t at = 0; b && at < out->size; at += n) add(to + at, b, n);
    if (x->tangent)
        multiply(factor_of(x, x->tangent, false), factor_of(W, W->value, false),
                 1, to);
    if (W->tangent)
        multiply(factor_of(x, x->value, false), factor_of(W, W->tangent, false),
                 1, to);
}

static void tangent_dense(const elbo_tape_node *out, const elbo_tape_node *x,
                          const elbo_tape_node *W)
{
    tangent_affine(out, x, W, out->room);
    pull_activation(out, out->room, out->tangent, NULL);
}

/* to = f''(z), z made again where out does not tell. */
static void bends(const elbo_tape_node *out, const elbo_tape_node *x,
                  const elbo_tape_node *W, REAL to[])
{
    const REAL *const o = out->value, *const b = out->bias->value;
    const size_t n = out->cols;

    memset(to, 0, out->size * sizeof *to);
    if (out->rule == ELBO_ACT_TANH)
        for (size_t i = 0; i < out->size; i++)
            to[i] = -2 * o[i] * ((1 - o[i]) * (1 + o[i]));
    if (out->rule != ELBO_ACT_SILU) return;
    multiply(factor_of(x, x->value, false), factor_of(W, W->value, false), false,
             to);
    for (size_t at = 0; at < out->size; at += n)
        for (size_t j = 0; j < n; j++)
            to[at + j] = silu_bend(to[at + j] + b[j]);
}

/* G = g f' and dG = g. f' + g f'' z. */
static void second_activation(const elbo_tape_node *out,
                              const elbo_tape_node *x, const elbo_tape_node *W,
                              REAL G[], REAL dG[])
{
    const REAL *const g = out->adjoint;

    tangent_affine(out, x, W, G);
    bends(out, x, W, dG);
    for (size_t i = 0; i < out->size; i++) dG[i] *= g[i] * G[i];
    pull_activation(out, out->adjoint_tangent, G, NULL);
    add(dG, G, out->size);
    pull_activation(out, g, G, NULL);
}

/* x*. += dG W' + G W.',  W*. += x' dG + x.' G,  b*. += column sums of dG. */
static void second_dense(const elbo_tape_node *out, const elbo_tape_node *x,
                         const elbo_tape_node *W)
{
    REAL *const G = out->room, *const dG = G + out->size;
    const factor of_G = factor_of(out, G, false);
    const factor of_dG = factor_of(out, dG, false);
    const size_t n = out->cols;
    REAL *const b = out->bias->adjoint_tangent;

    second_activation(out, x, W, G, dG);
    for (size_t at = 0; b && at < out->size; at += n) add(b, dG + at, n);
    if (x->adjoint) {
        REAL *const to = x->adjoint_tangent;

        multiply(of_dG, factor_of(W, W->value, true), true, to);
        if (W->tangent) multiply(of_G, factor_of(W, W->tangent, true), true, to);
    }
    if (W->adjoint) {
        REAL *const to = W->adjoint_tangent;

        multiply(factor_of(x, x->value, true), of_dG, true, to);
        if (x->tangent) multiply(factor_of(x, x->tangent, true), of_G, true, to);
    }
}

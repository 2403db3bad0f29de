/* inference/core/tape_products.h -- passes over products of matrices, and over
 * sums of products.
 *
 * Included by tape_f64.c and tape_f32.c, which define REAL, the type product and
 * what runs it (product.h).
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

/* C = S + op(A) op(B). Shapes fit in int (elbo_tape_matmul). */
static product product_of(factor A, factor B, const REAL *S, REAL *C)
{
    return (product){.rows = A.transpose ? A.cols : A.rows,
                     .cols = B.transpose ? B.rows : B.cols,
                     .inner = A.transpose ? A.rows : A.cols,
                     .A = A.a,
                     .B = B.a,
                     .transpose_A = A.transpose,
                     .transpose_B = B.transpose,
                     .start = S,
                     .start_row = B.transpose ? B.rows : B.cols,
                     .C = C};
}

/* C = op(A) op(B), or adds it. */
static void multiply(factor A, factor B, bool adds, REAL *C)
{
    const product p = product_of(A, B, adds ? C : NULL, C);

    run_product(&p);
}

static void forward_matmul(const elbo_tape_node *out, const elbo_tape_node *x,
                           const elbo_tape_node *y)
{
    multiply(factor_of(x, x->value, out->transpose_x),
             factor_of(y, y->value, out->transpose_y), false, out->value);
}

/* For out = X Y with adjoint G: to += G Y', stored as X is. */
static void pull_left(const elbo_tape_node *out, factor G, factor Y, void *to)
{
    if (out->transpose_x)
        multiply(Y, transposed(G), true, to);
    else
        multiply(G, transposed(Y), true, to);
}

/* to += X' G, stored as Y is. */
static void pull_right(const elbo_tape_node *out, factor X, factor G, void *to)
{
    if (out->transpose_y)
        multiply(transposed(G), X, true, to);
    else
        multiply(transposed(X), G, true, to);
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
    if (x->tangent) multiply(factor_of(x, x->tangent, tx), Y, true, out->tangent);
    if (y->tangent) multiply(X, factor_of(y, y->tangent, ty), true, out->tangent);
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

static void forward_dot(const elbo_tape_node *out, const elbo_tape_node *x,
                        const elbo_tape_node *y)
{
    *(REAL *)out->value = (REAL)total_product(x->value, y->value, x->size);
}

/* to += g x, or = where nothing is there yet. */
static void add_times(REAL *restrict to, REAL g, const REAL x[], size_t n,
                      bool fresh)
{
    if (fresh)
        for (size_t i = 0; i < n; i++) to[i] = g * x[i];
    else
        for (size_t i = 0; i < n; i++) to[i] += g * x[i];
}

static void backward_dot(const elbo_tape_node *out, const elbo_tape_node *x,
                         const elbo_tape_node *y)
{
    const REAL g = *(const REAL *)out->adjoint;

    if (x->adjoint) add_times(x->adjoint, g, y->value, x->size, !x->reached);
    if (y->adjoint)
        add_times(y->adjoint, g, x->value, y->size, !y->reached && y != x);
}

/* sum x. y + x y. */
static void tangent_dot(const elbo_tape_node *out, const elbo_tape_node *x,
                        const elbo_tape_node *y)
{
    double sum = 0;

    if (x->tangent) sum += total_product(x->tangent, y->value, x->size);
    if (y->tangent) sum += total_product(x->value, y->tangent, x->size);
    *(REAL *)out->tangent = (REAL)sum;
}

/* x*. += g. y + g y.,  y*. += g. x + g x. */
static void second_dot(const elbo_tape_node *out, const elbo_tape_node *x,
                       const elbo_tape_node *y)
{
    const REAL g = *(const REAL *)out->adjoint;
    const REAL dg = *(const REAL *)out->adjoint_tangent;
    REAL *const to_x = x->adjoint_tangent, *const to_y = y->adjoint_tangent;

    if (to_x) add_times(to_x, dg, y->value, x->size, false);
    if (to_x && y->tangent) add_times(to_x, g, y->tangent, x->size, false);
    if (to_y) add_times(to_y, dg, x->value, x->size, false);
    if (to_y && x->tangent) add_times(to_y, g, x->tangent, x->size, false);
}

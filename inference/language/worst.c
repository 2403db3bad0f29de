/* inference/language/worst.c -- the mean of f at the adversary's weights.
 *
 *   worst(f, width) = max mean(w f) over w of (s, a), |w|_K <= 1
 *                   = sqrt(m' K m),   m(s,a) = the row's part of mean(f)
 *   K((s,a), (t,b)) = [a = b] exp(-|s - t|^2 / (2 width^2)),  [s = t] at width 0
 *
 * K is the reproducing kernel of the weights' class: the maximum is the norm of the
 * mean's representer (Voloshin, Jiang, Yue, Minimax model learning, AISTATS 2021,
 * where the class is over (s, a, s'): with a kernel of s' too, control.values).
 */
#include <float.h>
#include <math.h>

#include "inference/language/meaning.h"
#include "inference/language/quantity.h"

/* |s - t|^2 in cells; of one state 0. */
static double apart(const elbo_batch *batch, size_t s, size_t t)
{
    double sum = 0;

    for (size_t k = 0; batch->coord && k < batch->dim; k++) {
        const double off = (double)batch->coord[s * batch->dim + k]
                           - (double)batch->coord[t * batch->dim + k];

        sum += off * off;
    }
    return sum;
}

static double near(const elbo_batch *batch, size_t row, size_t other,
                   double width)
{
    const size_t nA = batch->nA;

    if (row == other) return 1;
    if (row % nA != other % nA || !(width > 0)) return 0;
    return exp(-apart(batch, row / nA, other / nA) / (2 * width * width));
}

/* K over the batch's rows. */
static elbo_quantity kernel(elbo_compiler *c, double width)
{
    const elbo_layout *const layout = &c->program->layout;
    const size_t n = layout->rows;
    double *const K = elbo_arena_take(c->program->arena, n * n, sizeof *K);

    if (!K) {
        if (c->status == ELBO_OK)
            c->status = ELBO_FAIL(ELBO_ENOMEM, "a kernel of %zu rows", n);
        return elbo_quantity_number(0);
    }
    for (size_t i = 0; i < n * n; i++)
        K[i] = near(layout->batch, layout->row[i / n], layout->row[i % n],
                    width);
    return elbo_quantity_constant(c, ELBO_AT_ROW, n, K);
}

/* At 0 the slope is taken as 0, as that of a norm. */
elbo_quantity elbo_worst_mean(elbo_compiler *c, const elbo_expr *e)
{
    elbo_quantity_untiled(c);

    const elbo_quantity f = elbo_compile_quantity(c, e->arg[0]);

    if (c->status != ELBO_OK) return elbo_quantity_number(0);
    if (c->program->layout.rows == 0) return elbo_quantity_number(0);
    if (f.at & ELBO_AT_STATE)
        return elbo_refuse(c, e, "it is a mean over data: it has no y");

    const elbo_quantity m = elbo_batch_row_parts(c, f);
    const elbo_quantity Km =
        elbo_quantity_times(c, kernel(c, e->arg[1]->number), m);
    const elbo_quantity form = elbo_quantity_sum(
        c, elbo_quantity_binary(c, ELBO_MUL, m, Km), ELBO_AT_ALL);

    c->column = c->status == ELBO_OK ? e->column : c->column;
    return elbo_quantity_unary(
        c, ELBO_SQRT,
        elbo_quantity_binary(c, ELBO_MAX, elbo_quantity_number(DBL_MIN), form));
}

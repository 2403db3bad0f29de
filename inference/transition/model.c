/* inference/transition/model.c -- q = p: the clamped dynamics.
 *
 * ce = gamma E_p V, the limit of every tilt as beta -> inf.
 */
#include <gsl/gsl_cblas.h>

#include "inference/transition.h"

/* Entries are asked for this far ahead: the processor's own guess ends with
 * each page. */
enum { AHEAD = 512 };

/* Rows of `width` entries; a constant width lets the compiler unroll. */
static inline void fixed_rows(size_t width, double gamma, const elbo_kernel *p,
                              const double V[], size_t first, size_t last,
                              double out[])
{
    const double *prob = p->prob + first * width;
    const uint32_t *next = p->pattern->next + first * width;

    for (size_t row = 0; row < last - first; row++) {
        double sum = 0;

        __builtin_prefetch(prob + row * width + AHEAD);
        __builtin_prefetch(next + row * width + 2 * AHEAD);
        for (size_t k = 0; k < width; k++)
            sum += prob[row * width + k] * V[next[row * width + k]];
        out[row] = gamma * sum;
    }
}

static void by_width(double gamma, const elbo_kernel *p, const double V[],
                     size_t first, size_t last, double out[])
{
    switch (p->pattern->width) {
#define ELBO_WIDTH(n)                                                          \
    case n:                                                                    \
        fixed_rows(n, gamma, p, V, first, last, out);                          \
        break;
        ELBO_WIDTH(1)
        ELBO_WIDTH(2)
        ELBO_WIDTH(3)
        ELBO_WIDTH(4)
        ELBO_WIDTH(5)
        ELBO_WIDTH(6)
        ELBO_WIDTH(7)
    default:
        ELBO_WIDTH(8)
#undef ELBO_WIDTH
    }
}

static void csr_rows(double gamma, const elbo_kernel *p, const double V[],
                     size_t first, size_t last, double out[])
{
    const size_t *start = p->pattern->start;
    const uint32_t *next = p->pattern->next;

    for (size_t row = first; row < last; row++) {
        double sum = 0;

        for (size_t i = start[row]; i < start[row + 1]; i++)
            sum += p->prob[i] * V[next[i]];
        out[row - first] = gamma * sum;
    }
}

static void expect(const elbo_tilt *tilt, const elbo_kernel *p,
                   const double V[], size_t first, size_t last, double out[])
{
    const int columns = (int)p->pattern->nS + 1;

    if (p->pattern->start)
        csr_rows(tilt->gamma, p, V, first, last, out);
    else if (p->pattern->next)
        by_width(tilt->gamma, p, V, first, last, out);
    else if (first < last)
        cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)(last - first), columns,
                    tilt->gamma, p->prob + first * p->pattern->width, columns,
                    V, 1, 0, out, 1);
}

/* d ce / dp = gamma V. */
static void slopes(const elbo_tilt *tilt, const elbo_kernel *p,
                   const double V[], size_t first, size_t last, double out[])
{
    for (size_t row = first; row < last; row++) {
        const size_t end = elbo_row_end(p->pattern, row);

        for (size_t i = elbo_row_begin(p->pattern, row); i < end; i++)
            out[i] = tilt->gamma * V[elbo_successor(p->pattern, row, i)];
    }
}

const elbo_transition elbo_transition_model = {
    .name = "model",
    .source = "Levine 2018, arXiv 1805.00909, section 3",
    .formula = "q = p,  gamma E_p V",
    .doc = "the dynamics are the model's: soft value iteration",
    .expect = expect,
    .slopes = slopes,
};

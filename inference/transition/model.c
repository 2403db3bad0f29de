/* inference/transition/model.c -- q = p: the clamped dynamics.
 *
 * ce = gamma E_p V, the limit of every tilt as beta -> inf.
 */
#include <math.h>

#include "inference/core/explog.h"
#include "inference/transition.h"

/* Entries are asked for this far ahead: the processor's own guess ends with
 * each page. */
enum { AHEAD = 512, LINE = 8, LANES = 32 };

/* States of more actions are not screened. */
enum { SCREENED = 256 };

/* sum p V over one row's `width` entries; a constant width lets the compiler
 * unroll. */
static inline double fixed_row(size_t width, const double prob[],
                               const uint32_t next[], const double V[])
{
    double sum = prob[0] * V[next[0]];

    for (size_t k = 1; k < width; k++) sum += prob[k] * V[next[k]];
    return sum;
}

/* What comes after n entries, a line at a time. */
static inline void ask_ahead(size_t n, const double prob[],
                             const uint32_t next[])
{
    for (size_t k = 0; k < n; k += LINE) __builtin_prefetch(prob + AHEAD + k);
    for (size_t k = 0; k < n; k += 2 * LINE)
        __builtin_prefetch(next + 2 * AHEAD + k);
}

static inline void fixed_rows(size_t width, double gamma, const elbo_kernel *p,
                              const double V[], size_t first, size_t last,
                              double out[])
{
    const double *prob = p->prob + first * width;
    const uint32_t *next = p->pattern->next + first * width;

    for (size_t i = 0; i < last - first; i++) {
        ask_ahead(width, prob, next);
        out[i] = gamma * fixed_row(width, prob, next, V);
        prob += width;
        next += width;
    }
}

/* max of r + gamma E_p V; whether each of them is a number (what is not finite
 * may be taken for none). Constant nA and width let the compiler unroll both. */
static inline __attribute__((always_inline)) bool
fixed_best(size_t nA, size_t width, double gamma, const elbo_mdp *mdp,
           const double V_next[], size_t first, size_t last, double V[])
{
    const double *prob = mdp->P.prob + first * nA * width;
    const uint32_t *next = mdp->P.pattern->next + first * nA * width;
    const double *r = mdp->r + first * nA;
    double bad = 0; /* 0, or NaN */

    for (size_t s = 0; s < last - first; s++) {
        double best = -HUGE_VAL, sum = 0;

        __builtin_prefetch(r + AHEAD);
        ask_ahead(nA * width, prob, next);
#pragma GCC unroll 5
        for (size_t a = 0; a < nA; a++) {
            const size_t i = a * width;
            const double Q =
                gamma * fixed_row(width, prob + i, next + i, V_next) + r[a];

            sum += Q;
            best = Q > best ? Q : best;
        }
        bad += sum - sum;
        V[s] = best;
        prob += nA * width;
        next += nA * width;
        r += nA;
    }
    return bad == 0;
}

/* The same with a constant number of actions where it is a common one. */
static inline __attribute__((always_inline)) bool
fixed_choice(size_t width, double gamma, const elbo_mdp *mdp,
             const double V_next[], size_t first, size_t last, double V[])
{
    switch (mdp->nA) {
    case 2:
        return fixed_best(2, width, gamma, mdp, V_next, first, last, V);
    case 3:
        return fixed_best(3, width, gamma, mdp, V_next, first, last, V);
    case 4:
        return fixed_best(4, width, gamma, mdp, V_next, first, last, V);
    case 5:
        return fixed_best(5, width, gamma, mdp, V_next, first, last, V);
    default:
        return fixed_best(mdp->nA, width, gamma, mdp, V_next, first, last, V);
    }
}

/* call with the pattern's width, 1 to 8, as a constant. */
#define ELBO_BY_WIDTH(pattern, call)                                           \
    switch ((pattern)->width) {                                                \
    case 1:                                                                    \
        call(1);                                                               \
        break;                                                                 \
    case 2:                                                                    \
        call(2);                                                               \
        break;                                                                 \
    case 3:                                                                    \
        call(3);                                                               \
        break;                                                                 \
    case 4:                                                                    \
        call(4);                                                               \
        break;                                                                 \
    case 5:                                                                    \
        call(5);                                                               \
        break;                                                                 \
    case 6:                                                                    \
        call(6);                                                               \
        break;                                                                 \
    case 7:                                                                    \
        call(7);                                                               \
        break;                                                                 \
    default:                                                                   \
        call(8);                                                               \
    }

static void by_width(double gamma, const elbo_kernel *p, const double V[],
                     size_t first, size_t last, double out[])
{
#define ELBO_ROWS(n) fixed_rows(n, gamma, p, V, first, last, out)
    ELBO_BY_WIDTH(p->pattern, ELBO_ROWS)
#undef ELBO_ROWS
}

/* p V over n entries, in as many sums as keep a reader of the caches busy; a
 * row is worth the same wherever it stands in a block. */
#define ELBO_DENSE_ROW(name, number)                                           \
    static double name(size_t n, const number p[restrict],                     \
                       const double V[restrict])                               \
    {                                                                          \
        enum { SCALE = sizeof(double) / sizeof(number) };                      \
        double sum[LANES] = {0};                                               \
        size_t i = 0;                                                          \
                                                                               \
        for (; n - i >= LANES; i += LANES) {                                   \
            for (size_t k = 0; k < LANES; k += SCALE * LINE)                   \
                __builtin_prefetch(p + i + k + SCALE * AHEAD);                 \
            for (size_t k = 0; k < LANES; k++)                                 \
                sum[k] += (double)p[i + k] * V[i + k];                         \
        }                                                                      \
        for (size_t k = 0; i + k < n; k++)                                     \
            sum[k] += (double)p[i + k] * V[i + k];                             \
        for (size_t half = LANES / 2; half; half /= 2)                         \
            for (size_t k = 0; k < half; k++) sum[k] += sum[half + k];         \
        return sum[0];                                                         \
    }
ELBO_DENSE_ROW(dense_row, double)
ELBO_DENSE_ROW(rough_row, float)
#undef ELBO_DENSE_ROW

/* How far gamma E_p V may be from the same of `rough`. Rounding moves an entry by
 * 2^-24 of itself, or where single precision ends by 2^-150; both sums round by
 * less. `mass` counts each entry twice. */
static double rough_error(double gamma, const elbo_kernel *p, const double V[])
{
    const size_t n = p->pattern->width;
    uint64_t largest = 0; /* bits are ordered as what has no sign is, NaN above */

    for (size_t i = 0; i < n; i++) {
        const uint64_t x = elbo_bits(fabs(V[i]));

        largest = x > largest ? x : largest;
    }
    return gamma * elbo_from_bits(largest)
           * (0x1p-24 * p->mass + 0x1p-149 * (double)n);
}

/* The best of one state's actions, of which those that by `rough` cannot be are
 * not evaluated. *bad becomes NaN where a Q is not a number. */
static double screened_best(const elbo_tilt *tilt, const elbo_mdp *mdp,
                            const double V_next[], double error, size_t s,
                            double *bad)
{
    const size_t nA = mdp->nA, width = mdp->P.pattern->width;
    const double *const r = mdp->r + s * nA;
    const size_t first = s * nA * width;
    double Q[SCREENED], top = -HUGE_VAL, size = 0, best = -HUGE_VAL;

    for (size_t a = 0; a < nA; a++) {
        Q[a] = tilt->gamma
                   * rough_row(width, mdp->P.rough + first + a * width, V_next)
               + r[a];
        top = Q[a] > top ? Q[a] : top;
        size = fabs(Q[a]) > size ? fabs(Q[a]) : size;
    }

    const double least = top - 2 * (error + 0x1p-50 * size);

    for (size_t a = 0; a < nA; a++) {
        if (Q[a] < least) continue; /* but for NaN */
        Q[a] = tilt->gamma
                   * dense_row(width, mdp->P.prob + first + a * width, V_next)
               + r[a];
        *bad += Q[a] - Q[a];
        best = Q[a] > best ? Q[a] : best;
    }
    return best;
}

static bool dense_best(const elbo_tilt *tilt, const elbo_mdp *mdp,
                       const double V_next[], size_t first, size_t last,
                       double V[])
{
    double bad = 0;

    if (!mdp->P.rough || mdp->nA > SCREENED) return false;

    const double error = rough_error(tilt->gamma, &mdp->P, V_next);

    for (size_t s = first; s < last; s++)
        V[s - first] = screened_best(tilt, mdp, V_next, error, s, &bad);
    return bad == 0;
}

static bool best(const elbo_tilt *tilt, const elbo_mdp *mdp,
                 const double V_next[], size_t first, size_t last, double V[])
{
    if (mdp->P.pattern->start) return false;
    if (!mdp->P.pattern->next)
        return dense_best(tilt, mdp, V_next, first, last, V);
#define ELBO_BEST(n)                                                           \
    return fixed_choice(n, tilt->gamma, mdp, V_next, first, last, V)
    ELBO_BY_WIDTH(mdp->P.pattern, ELBO_BEST)
#undef ELBO_BEST
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

static void dense_rows(double gamma, const elbo_kernel *p, const double V[],
                       size_t first, size_t last, double out[])
{
    const size_t width = p->pattern->width;

    for (size_t row = first; row < last; row++)
        out[row - first] = gamma * dense_row(width, p->prob + row * width, V);
}

static void expect(const elbo_tilt *tilt, const elbo_kernel *p,
                   const double V[], size_t first, size_t last, double out[])
{
    if (p->pattern->start)
        csr_rows(tilt->gamma, p, V, first, last, out);
    else if (p->pattern->next)
        by_width(tilt->gamma, p, V, first, last, out);
    else
        dense_rows(tilt->gamma, p, V, first, last, out);
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
    .best = best,
    .slopes = slopes,
};

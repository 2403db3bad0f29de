/* inference/transition/tilt.c -- q ~ p exp(V / b): optimistic or robust.
 *
 *   ce = gamma (V* + b log E_p exp((V - V*) / b))
 * with b = beta / gamma (step) or beta (next), so that gamma b is the KL's
 * charge under both, and V* the best successor's value for beta > 0, the
 * worst's for beta < 0: no exponent is positive.
 */
#include <math.h>

#include "inference/core/explog.h"
#include "inference/transition.h"

/* Exponentials are taken so many at a time, in the first cache. */
enum { PIECE = 512 };

/* b of the exponent V / b. */
static double temperature(const elbo_tilt *tilt)
{
    return tilt->kl == ELBO_KL_STEP ? tilt->beta / tilt->gamma : tilt->beta;
}

/* What a row is tilted by. */
typedef struct tilted {
    const elbo_kernel *p;
    const double *V;
    double b;
} tilted;

/* V*: over the successors that p reaches; 0 when there is none. */
static double reference(const tilted *t, size_t row)
{
    const elbo_pattern *pattern = t->p->pattern;
    const size_t end = elbo_row_end(pattern, row);
    double best = 0;
    bool found = false;

    for (size_t i = elbo_row_begin(pattern, row); i < end; i++) {
        const double v = t->V[elbo_successor(pattern, row, i)];

        if (t->p->prob[i] > 0 && (!found || (t->b > 0 ? v > best : v < best))) {
            best = v;
            found = true;
        }
    }
    return best;
}

/* (V - V*) / b of entries begin .. end - 1 of a row. Where p is 0 it might be
 * positive, and is left out. */
static void exponents(const tilted *t, size_t row, double best, size_t begin,
                      size_t end, double x[])
{
    for (size_t i = begin; i < end; i++) {
        const double v = t->V[elbo_successor(t->p->pattern, row, i)];

        x[i - begin] = t->p->prob[i] > 0 ? (v - best) / t->b : 0;
    }
}

/* sum p exp(x) = 1 + excess: both are kept, for either alone loses digits
 * somewhere. */
typedef struct row_sum {
    double mass, weight, excess;
} row_sum;

static void add_entries(row_sum *sum, size_t n, const double prob[],
                        const double weight[], const double minus_one[])
{
    for (size_t i = 0; i < n; i++) {
        sum->mass += prob[i];
        sum->weight += prob[i] * weight[i];
        sum->excess += prob[i] * minus_one[i];
    }
}

static double certainty(const elbo_tilt *tilt, double b, double best,
                        const row_sum *sum)
{
    const double excess = sum->excess + (sum->mass - 1);

    return tilt->gamma * (best + b * elbo_log_near(sum->weight, excess));
}

/* A row that is longer than a piece. */
static double long_row(const elbo_tilt *tilt, const tilted *t, size_t row)
{
    const size_t end = elbo_row_end(t->p->pattern, row);
    const double best = reference(t, row);
    double x[PIECE], minus_one[PIECE];
    row_sum sum = {0};

    for (size_t i = elbo_row_begin(t->p->pattern, row), n; i < end; i += n) {
        n = end - i < PIECE ? end - i : PIECE;
        exponents(t, row, best, i, i + n, x);
        elbo_exp_all(n, x, minus_one);
        add_entries(&sum, n, t->p->prob + i, x, minus_one);
    }
    return certainty(tilt, t->b, best, &sum);
}

/* The row after the last of those from `row` on that fit in a piece together.
 */
static size_t group_end(const elbo_pattern *p, size_t row, size_t last)
{
    const size_t begin = elbo_row_begin(p, row);
    size_t end = row;

    while (end < last && end - row < PIECE
           && elbo_row_end(p, end) - begin <= PIECE)
        end++;
    return end;
}

/* Rows first .. last - 1, of one piece together. */
static void group(const elbo_tilt *tilt, const tilted *t, size_t first,
                  size_t last, double out[])
{
    const elbo_pattern *pattern = t->p->pattern;
    const size_t begin = elbo_row_begin(pattern, first);
    double best[PIECE], x[PIECE], minus_one[PIECE];

    for (size_t row = first; row < last; row++) {
        const size_t i = elbo_row_begin(pattern, row);

        best[row - first] = reference(t, row);
        exponents(t, row, best[row - first], i, elbo_row_end(pattern, row),
                  x + (i - begin));
    }
    elbo_exp_all(elbo_row_end(pattern, last - 1) - begin, x, minus_one);
    for (size_t row = first; row < last; row++) {
        const size_t i = elbo_row_begin(pattern, row);
        const size_t n = elbo_row_end(pattern, row) - i;
        row_sum sum = {0};

        add_entries(&sum, n, t->p->prob + i, x + (i - begin),
                    minus_one + (i - begin));
        out[row - first] = certainty(tilt, t->b, best[row - first], &sum);
    }
}

/* log p + V / b where p may underflow, and the largest of them. */
static double log_weight(const tilted *t, size_t row, size_t i)
{
    return t->p->log_prob[i]
           + t->V[elbo_successor(t->p->pattern, row, i)] / t->b;
}

static double largest_weight(const tilted *t, size_t row)
{
    const size_t end = elbo_row_end(t->p->pattern, row);
    double most = -HUGE_VAL;

    for (size_t i = elbo_row_begin(t->p->pattern, row); i < end; i++)
        most = fmax(most, log_weight(t, row, i));
    return most;
}

/* ce = gamma b log sum exp(log p + V / b). */
static double row_in_logs(const elbo_tilt *tilt, const tilted *t, size_t row)
{
    const size_t end = elbo_row_end(t->p->pattern, row);
    const double most = largest_weight(t, row);
    double sum = 0;

    for (size_t i = elbo_row_begin(t->p->pattern, row); i < end; i++)
        sum += exp(log_weight(t, row, i) - most);
    return tilt->gamma * t->b * (most + log(sum));
}

static void posterior_in_logs(const tilted *t, size_t row, double q[])
{
    const size_t begin = elbo_row_begin(t->p->pattern, row);
    const size_t end = elbo_row_end(t->p->pattern, row);
    const double most = largest_weight(t, row);
    double sum = 0;

    for (size_t i = begin; i < end; i++)
        sum += q[i] = exp(log_weight(t, row, i) - most);
    for (size_t i = begin; i < end; i++) q[i] /= sum;
}

static void expect(const elbo_tilt *tilt, const elbo_kernel *p,
                   const double V[], size_t first, size_t last, double out[])
{
    const tilted t = {p, V, temperature(tilt)};

    if (p->log_prob) {
        for (size_t row = first; row < last; row++)
            out[row - first] = row_in_logs(tilt, &t, row);
        return;
    }
    for (size_t row = first, end; row < last; row = end) {
        end = group_end(p->pattern, row, last);
        if (end > row)
            group(tilt, &t, row, end, out + (row - first));
        else
            out[end++ - first] = long_row(tilt, &t, row);
    }
}

/* q = x / sum x; where no mass is left, p instead of x. */
static void normalise(size_t n, const double prob[], double q[])
{
    double sum = 0, mass = 0;

    for (size_t i = 0; i < n; i++) {
        sum += q[i];
        mass += prob[i];
    }
    for (size_t i = 0; i < n; i++)
        if (sum > 0)
            q[i] /= sum;
        else
            q[i] = mass > 0 ? prob[i] / mass : 0;
}

static void posterior(const elbo_tilt *tilt, const elbo_kernel *p,
                      const double V[], size_t first, size_t last, double q[])
{
    const tilted t = {p, V, temperature(tilt)};
    double minus_one[PIECE];

    for (size_t row = first; row < last; row++) {
        const size_t begin = elbo_row_begin(p->pattern, row);
        const size_t end = elbo_row_end(p->pattern, row);
        const double best = reference(&t, row);

        if (p->log_prob) {
            posterior_in_logs(&t, row, q);
            continue;
        }
        for (size_t i = begin, n; i < end; i += n) {
            n = end - i < PIECE ? end - i : PIECE;
            exponents(&t, row, best, i, i + n, q + i);
            elbo_exp_all(n, q + i, minus_one);
            for (size_t k = i; k < i + n; k++) q[k] *= p->prob[k];
        }
        normalise(end - begin, p->prob + begin, q + begin);
    }
}

/* d ce / dp = gamma b exp((V - V*) / b) / sum p exp((V - V*) / b). Where p is 0
 * the exponent may be positive without bound; it is cut short of infinity. */
static void slopes(const elbo_tilt *tilt, const elbo_kernel *p,
                   const double V[], size_t first, size_t last, double out[])
{
    static const double most = 300;
    const tilted t = {p, V, temperature(tilt)};

    for (size_t row = first; row < last; row++) {
        const size_t begin = elbo_row_begin(p->pattern, row);
        const size_t end = elbo_row_end(p->pattern, row);
        const double best = reference(&t, row);
        double sum = 0;

        for (size_t i = begin; i < end; i++) {
            const double v = V[elbo_successor(p->pattern, row, i)];

            out[i] = exp(fmin((v - best) / t.b, most));
            sum += p->prob[i] * out[i];
        }
        for (size_t i = begin; i < end; i++)
            out[i] *= sum > 0 ? tilt->gamma * t.b / sum : 0;
    }
}

static elbo_status set(const elbo_values *values, elbo_tilt *out,
                       const char **fault)
{
    const size_t kl = elbo_option_find(values->options, "kl");

    out->beta = elbo_real(values, *fault = "beta");
    if (values->value[kl].given)
        out->kl =
            elbo_choice_is(values, "kl", "next") ? ELBO_KL_NEXT : ELBO_KL_STEP;
    if (isinf(out->beta)) {
        out->kind = &elbo_transition_model;
        out->beta = HUGE_VAL;
    }
    if (fabs(out->beta) < 1e-300)
        return ELBO_FAIL(ELBO_EINVAL,
                         "tilt: beta must not be 0: its limits from above and "
                         "below, the best and the worst successor, differ");
    return ELBO_OK;
}

static bool adversarial(const elbo_tilt *tilt)
{
    return tilt->beta < 0;
}

static const elbo_option options[] = {
    {.name = "beta",
     .type = ELBO_REAL,
     .unit = "",
     .low = -HUGE_VAL,
     .high = HUGE_VAL,
     .doc = "temperature of the dynamics: above 0 optimistic, below 0 robust, "
            "inf none"},
    {.name = "kl",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "step|next",
     .fallback = "step",
     .doc = "where the KL's discount stands; control.kl unless given"},
    {0},
};

const elbo_transition elbo_transition_tilt = {
    .name = "tilt",
    .source = "Chow et al. 2020, arXiv 2006.05443 (beta > 0); Hansen and "
              "Sargent 2008 (beta < 0)",
    .formula = "q ~ p exp(gamma V / beta),  beta log E_p exp(gamma V / beta)",
    .doc = "the dynamics bend towards value (optimistic), or away (robust)",
    .options = options,
    .expect = expect,
    .posterior = posterior,
    .slopes = slopes,
    .set = set,
    .adversarial = adversarial,
};

/* inference/transition/optimistic.c -- the best row that the data leave open.
 *
 * Where the model's rows are Gaussian, m with covariance S, the ellipsoid
 * { x : (x - m)' S^-1 (x - m) <= radius^2 } gives, by Cauchy and Schwarz,
 *   ce = gamma max E_x V = gamma (m'V + radius sqrt(V'S V))
 * kept between the least and the largest V, as that of a distribution is. x
 * itself is none: q is the mixture of the worst and the best successor that is
 * worth the same.
 */
#include <math.h>

#include "inference/transition.h"

/* What a row is worth. */
typedef struct worth {
    double value, low, high; /* of E_q V; of V */
    size_t worst, best;      /* entries, from the row's first */
} worth;

static double spread_of(const elbo_kernel *p, const double V[], size_t row)
{
    const size_t n = p->pattern->width;
    const double *const S = p->spread + row * n * n;
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double SV = 0;

        for (size_t j = 0; j < n; j++) SV += S[i * n + j] * V[j];
        sum += V[i] * SV;
    }
    return sqrt(fmax(sum, 0));
}

static worth worth_of(const elbo_tilt *tilt, const elbo_kernel *p,
                      const double V[], size_t row)
{
    const size_t n = p->pattern->width;
    const double *const m = p->prob + row * n;
    worth w = {.value = 0, .low = V[0], .high = V[0]};

    for (size_t j = 0; j < n; j++) {
        w.value += m[j] * V[j];
        if (V[j] < w.low) w.low = V[w.worst = j];
        if (V[j] > w.high) w.high = V[w.best = j];
    }
    if (p->spread && tilt->radius > 0)
        w.value += tilt->radius * spread_of(p, V, row);
    w.value = fmin(fmax(w.value, w.low), w.high);
    return w;
}

static void expect(const elbo_tilt *tilt, const elbo_kernel *p,
                   const double V[], size_t first, size_t last, double out[])
{
    for (size_t row = first; row < last; row++)
        out[row - first] = tilt->gamma * worth_of(tilt, p, V, row).value;
}

static void posterior(const elbo_tilt *tilt, const elbo_kernel *p,
                      const double V[], size_t first, size_t last, double q[])
{
    const size_t n = p->pattern->width;

    for (size_t row = first; row < last; row++) {
        const worth w = worth_of(tilt, p, V, row);
        const double span = w.high - w.low;
        const double best = span > 0 ? (w.value - w.low) / span : 0;

        for (size_t j = 0; j < n; j++) q[row * n + j] = 0;
        q[row * n + w.worst] += 1 - best;
        q[row * n + w.best] += best;
    }
}

/* What optimism adds to the mean's own value. */
static double bonus(const elbo_tilt *tilt, const elbo_kernel *q,
                    const elbo_kernel *p, const double V[], size_t row)
{
    elbo_tilt none = *tilt;

    (void)q;
    none.radius = 0;
    return tilt->gamma
           * (worth_of(tilt, p, V, row).value - worth_of(&none, p, V, row).value);
}

static elbo_status set(const elbo_values *values, elbo_tilt *out,
                       const char **fault)
{
    out->radius = elbo_real(values, *fault = "radius");
    return ELBO_OK;
}

static const elbo_option options[] = {
    {.name = "radius",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1e300,
     .doc = "of the ellipsoid, in standard deviations; 0: the mean's own value"},
    {0},
};

static const elbo_transition_column columns[] = {
    {"bonus", bonus},
    {0},
};

const elbo_transition elbo_transition_optimistic = {
    .name = "optimistic",
    .source = "Abbasi-Yadkori et al. 2011; Ayoub et al. 2020",
    .formula = "gamma clip(m'V + radius sqrt(V'S V), min V, max V)",
    .doc = "the best dynamics in a Gaussian model's confidence ellipsoid",
    .options = options,
    .expect = expect,
    .posterior = posterior,
    .set = set,
    .columns = columns,
    .chosen = true,
};

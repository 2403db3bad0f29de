#include "inference/messages/reweight.h"

#include <assert.h>
#include <math.h>

enum { STEPS = 200 };
/* Of the KL, over epsilon. */
static const double TOLERANCE = 1e-13;

/* What one row adds. */
typedef struct row_sums {
    double log_z, mean, variance, squares; /* of X under q; sum of q^2 */
} row_sums;

static double prior_at(const elbo_reweight *r, size_t k)
{
    return r->p ? r->p[k] : 1 / (double)r->cols;
}

/* X is taken from the row's maximum over p's support: no exp exceeds 1. */
static row_sums tilt_row(const elbo_reweight *r, size_t i, double eta,
                         double q[])
{
    const double *const X = r->X + i * r->cols;
    const size_t first = i * r->cols;
    row_sums s = {0};
    double top = -INFINITY, Z = 0, second = 0;

    for (size_t j = 0; j < r->cols; j++)
        if (prior_at(r, first + j) > 0) top = fmax(top, X[j]);
    for (size_t j = 0; j < r->cols; j++) {
        const double p = prior_at(r, first + j), x = X[j] - top;
        const double w = p > 0 ? p * exp(x / eta) : 0;

        Z += w;
        s.mean += w > 0 ? w * x : 0;
        s.squares += w * w;
        if (q) q[first + j] = w;
    }
    s.mean /= Z;
    s.squares /= Z * Z;
    for (size_t j = 0; j < r->cols; j++) {
        const double p = prior_at(r, first + j), x = X[j] - top - s.mean;
        const double w = p > 0 ? p * exp((X[j] - top) / eta) / Z : 0;

        second += w > 0 ? w * x * x : 0;
        if (q) q[first + j] = w;
    }
    s.variance = second;
    s.log_z = log(Z);
    /* From here on about the row's maximum again: KL needs the difference
     * alone. */
    s.mean = s.mean / eta - s.log_z;
    s.log_z = top / eta + s.log_z;
    return s;
}

static double mass_at(const elbo_reweight *r, size_t i)
{
    return r->mass ? r->mass[i] : 1;
}

/* *slope = dKL / dlog eta = -E Var_q(X) / eta^2. */
static void tilt(const elbo_reweight *r, double eta, double q[],
                 elbo_reweight_info *info, double *slope)
{
    double total = 0, log_z = 0, kl = 0, variance = 0, ess = 0;

    for (size_t i = 0; i < r->rows; i++) {
        const double mass = mass_at(r, i);

        if (!(mass > 0) && !q) continue;

        const row_sums s = tilt_row(r, i, eta, q);

        if (!(mass > 0)) continue;
        total += mass;
        log_z += mass * s.log_z;
        kl += mass * s.mean;
        variance += mass * s.variance;
        ess += mass / ((double)r->cols * s.squares);
    }
    if (!(total > 0)) total = 1;
    info->eta = eta;
    info->dual = eta * (r->epsilon + log_z / total);
    info->kl = fmax(kl / total, 0);
    info->ess = ess / total;
    *slope = -variance / total / (eta * eta);
}

static elbo_status check(const elbo_reweight *r)
{
    assert(r->cols > 0 && r->epsilon > 0);
    assert(r->low > 0 && r->low <= r->high && isfinite(r->high));
    for (size_t k = 0; k < r->rows * r->cols; k++)
        if (!isfinite(r->X[k]) && prior_at(r, k) > 0)
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "re-weighting: %g at row %zu, column %zu", r->X[k],
                             k / r->cols, k % r->cols);
    return ELBO_OK;
}

elbo_status elbo_reweight_at(const elbo_reweight *problem, double eta,
                             double q[], elbo_reweight_info *info)
{
    double slope;

    assert(eta > 0);
    ELBO_TRY(check(problem));
    *info = (elbo_reweight_info){0};
    tilt(problem, eta, q, info, &slope);
    return ELBO_OK;
}

static double inside(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

/* On a bound the KL is on the wrong side of epsilon, and no eta has it. */
static bool ends_on(const elbo_reweight *r, double eta, bool upper,
                    elbo_reweight_info *info)
{
    double slope;

    tilt(r, eta, NULL, info, &slope);
    return upper ? info->kl >= r->epsilon : info->kl <= r->epsilon;
}

/* The root of KL(eta) = epsilon, which falls from low to high. */
static double find_root(const elbo_reweight *r, double guess,
                        elbo_reweight_info *info)
{
    double low = log(r->low), high = log(r->high);
    double x = inside(log(guess), low, high);

    for (info->steps = 1; info->steps < STEPS; info->steps++) {
        double slope;

        tilt(r, exp(x), NULL, info, &slope);

        const double gap = info->kl - r->epsilon;

        if (fabs(gap) <= TOLERANCE * r->epsilon) break;
        if (gap > 0)
            low = x;
        else
            high = x;

        const double newton = slope < 0 ? x - gap / slope : low;
        const double next =
            newton > low && newton < high ? newton : (low + high) / 2;

        if (next == x || !(next > low && next < high)) break;
        x = next;
    }
    return exp(x);
}

elbo_status elbo_reweight_solve(const elbo_reweight *problem, double guess,
                                double q[], elbo_reweight_info *info)
{
    double eta = problem->high, slope;

    assert(guess > 0);
    ELBO_TRY(check(problem));
    *info = (elbo_reweight_info){0};

    const bool lower = ends_on(problem, problem->low, false, info);
    const bool upper = !lower && ends_on(problem, problem->high, true, info);
    size_t steps = 0;
    bool any = !problem->mass;

    for (size_t i = 0; !any && i < problem->rows; i++)
        any = problem->mass[i] > 0;
    if (lower) eta = any ? problem->low : problem->high;
    if (!lower && !upper) {
        eta = find_root(problem, guess, info);
        steps = info->steps;
    }
    tilt(problem, eta, q, info, &slope);
    info->steps = steps;
    info->bound = lower || upper;
    return ELBO_OK;
}

double elbo_weight_ess(size_t n, const double w[])
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++) {
        sum += w[i];
        squares += w[i] * w[i];
    }
    return squares > 0 ? sum * sum / squares : 0;
}

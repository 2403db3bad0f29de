#include "inference/core/statistics.h"

#include <assert.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/core/rng.h"

/* A draw, a count and a copy of a value, in floating-point operations. */
enum { WORK_A_VALUE = 20 };

/* ---- estimates ---- */

double elbo_sample_mean(const elbo_sample *sample)
{
    return elbo_sum(sample->x, sample->n) / (double)sample->n;
}

double elbo_sample_median(const elbo_sample *sample)
{
    const size_t i = (sample->n - 1) / 2, k = sample->n / 2;

    return 0.5 * sample->x[i] + 0.5 * sample->x[k];
}

double elbo_sample_iqm(const elbo_sample *sample)
{
    const size_t cut = sample->n / 4;
    const elbo_sample middle = {sample->x + cut, sample->n - 2 * cut};

    return elbo_sample_mean(&middle);
}

double elbo_sample_error(const elbo_sample *sample)
{
    const double mean = elbo_sample_mean(sample), n = (double)sample->n;
    double square = 0;

    assert(sample->n >= 2);
    for (size_t i = 0; i < sample->n; i++)
        square += (sample->x[i] - mean) * (sample->x[i] - mean);
    return sqrt(square / (n - 1) / n);
}

/* ---- over tasks ---- */

double elbo_tasks_mean(const elbo_sample task[], size_t n)
{
    double sum = 0;

    for (size_t k = 0; k < n; k++) sum += elbo_sample_mean(&task[k]);
    return sum / (double)n;
}

double elbo_tasks_error(const elbo_sample task[], size_t n)
{
    double square = 0;

    if (n == 1) return elbo_sample_error(task);
    for (size_t k = 0; k < n; k++) {
        const double error = elbo_sample_error(&task[k]);

        square += error * error;
    }
    return sqrt(square) / (double)n;
}

/* How many of the tasks' means are below x, or up to it. */
static size_t rank_of(const elbo_sample task[], size_t n, double x, bool up_to)
{
    size_t rank = 0;

    for (size_t k = 0; k < n; k++) {
        const double mean = elbo_sample_mean(&task[k]);

        rank += mean < x || (up_to && mean <= x);
    }
    return rank;
}

/* The i-th smallest of the tasks' means. */
static double mean_at(const elbo_sample task[], size_t n, size_t i)
{
    for (size_t k = 0; k < n; k++) {
        const double mean = elbo_sample_mean(&task[k]);

        if (rank_of(task, n, mean, false) <= i
            && i < rank_of(task, n, mean, true))
            return mean;
    }
    return NAN; /* a mean is */
}

double elbo_tasks_median(const elbo_sample task[], size_t n)
{
    if (n == 1) return elbo_sample_median(task);
    return 0.5 * mean_at(task, n, (n - 1) / 2) + 0.5 * mean_at(task, n, n / 2);
}

/* How many values of all tasks are below x, or up to it. Each ascends. */
static size_t pooled_rank(const elbo_sample task[], size_t n, double x,
                          bool up_to)
{
    size_t rank = 0;

    for (size_t k = 0; k < n; k++) {
        size_t low = 0, high = task[k].n;

        while (low < high) {
            const size_t middle = low + (high - low) / 2;

            if (task[k].x[middle] < x || (up_to && task[k].x[middle] <= x))
                low = middle + 1;
            else
                high = middle;
        }
        rank += low;
    }
    return rank;
}

/* How many of the pooled values that equal x stand at places cut .. all - cut. */
static size_t kept(const elbo_sample task[], size_t n, double x, size_t cut,
                   size_t all)
{
    const size_t first = pooled_rank(task, n, x, false);
    const size_t last = pooled_rank(task, n, x, true);
    const size_t low = first > cut ? first : cut;
    const size_t high = last < all - cut ? last : all - cut;

    return high > low ? high - low : 0;
}

double elbo_tasks_iqm(const elbo_sample task[], size_t n)
{
    size_t all = 0;
    double sum = 0;

    if (n == 1) return elbo_sample_iqm(task);
    for (size_t k = 0; k < n; k++) all += task[k].n;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < task[k].n; i++) {
            const double x = task[k].x[i];
            const bool seen = (i > 0 && task[k].x[i - 1] == x)
                              || pooled_rank(task, k, x, true)
                                     > pooled_rank(task, k, x, false);

            if (!seen) sum += x * (double)kept(task, n, x, all / 4, all);
        }
    return sum / (double)(all - 2 * (all / 4));
}

/* Both ascend, so the values of y below and up to x only grow in number. */
static double beats(const elbo_sample *x, const elbo_sample *y)
{
    size_t below = 0, up_to = 0;
    double halves = 0; /* two for a win, one for a tie */

    for (size_t i = 0; i < x->n; i++) {
        while (below < y->n && y->x[below] < x->x[i]) below++;
        while (up_to < y->n && y->x[up_to] <= x->x[i]) up_to++;
        halves += (double)(below + up_to);
    }
    return halves / (2 * (double)x->n * (double)y->n);
}

double elbo_improvement(const elbo_sample group[], size_t n)
{
    const size_t tasks = n / 2;
    double sum = 0;

    assert(n > 0 && n % 2 == 0);
    for (size_t k = 0; k < tasks; k++)
        sum += beats(&group[k], &group[tasks + k]);
    return sum / (double)tasks;
}

double elbo_mean_difference(const elbo_sample group[], size_t n)
{
    assert(n > 0 && n % 2 == 0);
    return elbo_tasks_mean(group, n / 2)
           - elbo_tasks_mean(group + n / 2, n / 2);
}

/* ---- intervals from replicates ---- */

static double quantile(const double x[], size_t n, double p)
{
    const double at = p * (double)(n - 1);
    const size_t i = (size_t)at;

    if (i + 1 >= n) return x[n - 1];
    return x[i] + (at - (double)i) * (x[i + 1] - x[i]);
}

elbo_interval elbo_interval_percentile(const double replicates[], size_t n,
                                       double level)
{
    const double tail = 0.5 * (1 - level);

    return (elbo_interval){quantile(replicates, n, tail),
                           quantile(replicates, n, 1 - tail)};
}

/* The share of the replicates below the estimate, ties half; never 0 or 1. */
static double share_below(const double replicates[], size_t n, double estimate)
{
    const double total = (double)n;
    size_t below = 0, up_to = 0;

    while (below < n && replicates[below] < estimate) below++;
    while (up_to < n && replicates[up_to] <= estimate) up_to++;
    return fmin(fmax(0.5 * (double)(below + up_to), 0.5), total - 0.5) / total;
}

/* Phi(z0 + z / (1 - a z)), z = z0 + Phi^-1(p)                (Efron 1987)
 * and its limit where the fraction has passed its pole. */
static double corrected_share(double z0, double a, double p)
{
    const double z = z0 + gsl_cdf_ugaussian_Pinv(p);
    const double rest = 1 - a * z;

    if (rest <= 0) return z > 0 ? 1 : 0;
    return gsl_cdf_ugaussian_P(z0 + z / rest);
}

elbo_interval elbo_interval_bca(const double replicates[], size_t n,
                                double estimate, double acceleration,
                                double level)
{
    const double tail = 0.5 * (1 - level);
    const double z0 =
        gsl_cdf_ugaussian_Pinv(share_below(replicates, n, estimate));
    const double low = corrected_share(z0, acceleration, tail);
    const double high = corrected_share(z0, acceleration, 1 - tail);

    return (elbo_interval){quantile(replicates, n, low),
                           quantile(replicates, n, high)};
}

/* ---- the bootstrap ---- */

/* One call: what is asked, and room for each chunk of replicates. */
typedef struct bootstrap {
    const elbo_bootstrap *plan;
    elbo_statistic *statistic;
    const elbo_sample *group;
    size_t n_groups, n_values; /* values: of all groups */
    double *replicate;         /* [replicates] */
    double *value;             /* [ELBO_CHUNKS x n_values] */
    size_t *count;             /* [ELBO_CHUNKS x n_values] */
    elbo_sample *drawn;        /* [ELBO_CHUNKS x n_groups] */
} bootstrap;

/* n of the sample's values with replacement. They are counted, not sorted: the
 * sample ascends, so its copies do. */
static void resample(const elbo_sample *from, elbo_rng *rng, size_t count[],
                     double out[])
{
    memset(count, 0, from->n * sizeof *count);
    for (size_t i = 0; i < from->n; i++) count[elbo_rng_below(rng, from->n)]++;
    for (size_t i = 0; i < from->n; i++)
        for (size_t k = count[i]; k > 0; k--) *out++ = from->x[i];
}

static void replicate_range(void *arg, size_t chunk, size_t first, size_t last)
{
    const bootstrap *const b = arg;
    size_t *const count = b->count + chunk * b->n_values;
    elbo_sample *const drawn = b->drawn + chunk * b->n_groups;

    for (size_t i = first; i < last; i++) {
        elbo_rng rng = elbo_rng_stream(b->plan->seed, "bootstrap", i);
        double *value = b->value + chunk * b->n_values;

        for (size_t g = 0; g < b->n_groups; g++) {
            resample(&b->group[g], &rng, count, value);
            drawn[g] = (elbo_sample){value, b->group[g].n};
            value += b->group[g].n;
        }
        b->replicate[i] = b->statistic(drawn, b->n_groups);
    }
}

/* u_gj = (n_g - 1) / n_g (mean_j t_gj - t_gj), where t_gj is the statistic
 * without value j of group g: the linearised statistic is a sum of independent
 * terms with these values. */
static void jackknife(const bootstrap *b, size_t g, double u[])
{
    const elbo_sample *const whole = &b->group[g];
    const size_t n = whole->n;
    double *const left = b->value; /* [n - 1] */
    double shift = 0; /* of the mean from the first, exactly 0 if all agree */

    memcpy(b->drawn, b->group, b->n_groups * sizeof *b->drawn);
    b->drawn[g] = (elbo_sample){left, n - 1};
    memcpy(left, whole->x + 1, (n - 1) * sizeof *left);
    for (size_t j = 0; j < n; j++) {
        u[j] = b->statistic(b->drawn, b->n_groups);
        shift += (u[j] - u[0]) / (double)n;
        if (j + 1 < n) left[j] = whole->x[j];
    }

    const double mean = u[0] + shift;

    for (size_t j = 0; j < n; j++)
        u[j] = (mean - u[j]) * (double)(n - 1) / (double)n;
}

/* A sixth of the skewness of the linearised statistic. Scaled, so that no power
 * overflows. */
static double acceleration(const bootstrap *b, double u[])
{
    double *next = u;
    double largest = 0, square = 0, cube = 0;

    for (size_t g = 0; g < b->n_groups; next += b->group[g++].n)
        jackknife(b, g, next);
    for (size_t i = 0; i < b->n_values; i++) {
        if (!isfinite(u[i])) return NAN;
        largest = fmax(largest, fabs(u[i]));
    }
    if (largest == 0) return 0;
    for (size_t i = 0; i < b->n_values; i++) {
        const double v = u[i] / largest;

        square += v * v;
        cube += v * v * v;
    }
    return cube / (6 * square * sqrt(square));
}

static elbo_status check(const bootstrap *b, double estimate)
{
    const size_t n = b->plan->replicates;
    size_t i = 0;

    if (!isfinite(estimate))
        return ELBO_FAIL(ELBO_ENOTFINITE, "bootstrap: the statistic is %g",
                         estimate);
    while (i < n && isfinite(b->replicate[i])) i++;
    if (i == n) return ELBO_OK;
    return ELBO_FAIL(ELBO_ENOTFINITE,
                     "bootstrap: the statistic of replicate %zu of %zu is %g",
                     i, n, b->replicate[i]);
}

static elbo_status interval(bootstrap *b, elbo_interval *out, elbo_arena *ws)
{
    const elbo_bootstrap *const plan = b->plan;
    const size_t n = plan->replicates, chunks = ELBO_CHUNKS;
    double *const u = elbo_arena_doubles(ws, b->n_values);
    const double estimate = b->statistic(b->group, b->n_groups);
    double a = 0;

    b->replicate = elbo_arena_doubles(ws, n);
    b->value = elbo_arena_doubles(ws, chunks * b->n_values);
    b->count = elbo_arena_sizes(ws, chunks * b->n_values);
    b->drawn = elbo_arena_take(ws, chunks * b->n_groups, sizeof *b->drawn);
    ELBO_TRY(elbo_arena_check(ws, "the bootstrap"));
    elbo_parallel(n, WORK_A_VALUE * n * b->n_values, b, replicate_range);
    ELBO_TRY(check(b, estimate));
    gsl_sort(b->replicate, 1, n);
    if (plan->bca) a = acceleration(b, u);
    if (!isfinite(a))
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "bootstrap: the statistic without one of %zu values "
                         "is not finite",
                         b->n_values);
    *out = plan->bca
               ? elbo_interval_bca(b->replicate, n, estimate, a, plan->level)
               : elbo_interval_percentile(b->replicate, n, plan->level);
    return ELBO_OK;
}

elbo_status elbo_bootstrap_interval(const elbo_bootstrap *plan,
                                    elbo_statistic *statistic,
                                    const elbo_sample group[], size_t n_groups,
                                    elbo_interval *out, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    bootstrap b = {.plan = plan,
                   .statistic = statistic,
                   .group = group,
                   .n_groups = n_groups};
    elbo_status s;

    assert(plan->replicates > 0 && plan->level > 0 && plan->level < 1);
    for (size_t g = 0; g < n_groups; g++) {
        if (group[g].n < 2)
            return ELBO_FAIL(ELBO_EDATA,
                             "bootstrap: group %zu of %zu has %zu values, "
                             "at least 2 are needed",
                             g + 1, n_groups, group[g].n);
        b.n_values += group[g].n;
    }
    s = interval(&b, out, ws);
    elbo_arena_release(ws, mark);
    return s;
}

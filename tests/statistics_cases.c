#include "tests/statistics_cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inference/core/rng.h"

int samples_ascend(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

void samples_fill(double x[], size_t n, uint64_t index)
{
    elbo_rng rng = elbo_rng_stream(2385, "samples", index);

    for (size_t i = 0; i < n; i++)
        x[i] = ldexp((double)elbo_rng_below(&rng, 37), -3) - 2.0009765625;
    qsort(x, n, sizeof *x, samples_ascend);
}

/* Takes the smallest and the largest away, floor(n / 4) times. */
double slow_iqm(const double from[], size_t n)
{
    double x[MOST], sum = 0;

    memcpy(x, from, n * sizeof *x);
    for (size_t cut = n / 4; cut > 0; cut--)
        for (int sign = 1; sign >= -1; sign -= 2) {
            size_t k = 0;

            for (size_t i = 1; i < n; i++)
                if (sign * x[i] < sign * x[k]) k = i;
            x[k] = x[--n];
        }
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

double slow_median(const double x[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t below = 0, above = 0;

        for (size_t k = 0; k < n; k++) {
            below += x[k] < x[i];
            above += x[k] > x[i];
        }
        if (n % 2 && below <= n / 2 && above <= n / 2) return x[i];
    }

    double low = -INFINITY, high = INFINITY; /* even: the two in the middle */

    for (size_t i = 0; i < n; i++) {
        size_t up_to = 0, from = 0;

        for (size_t k = 0; k < n; k++) {
            up_to += x[k] <= x[i];
            from += x[k] >= x[i];
        }
        if (from > n / 2) low = fmax(low, x[i]);
        if (up_to > n / 2) high = fmin(high, x[i]);
    }
    return 0.5 * (low + high);
}

double slow_mean(const double x[], size_t n)
{
    double sum = 0;

    for (size_t i = n; i-- > 0;) sum += x[i];
    return sum / (double)n;
}

double slow_improvement(const double x[], size_t nx, const double y[],
                        size_t ny)
{
    double wins = 0;

    for (size_t i = 0; i < nx; i++)
        for (size_t k = 0; k < ny; k++)
            wins += x[i] > y[k] ? 1 : x[i] == y[k] ? 0.5 : 0;
    return wins / (double)(nx * ny);
}

double normal(double z)
{
    return 0.5 * erfc(-z / sqrt(2));
}

double normal_quantile(double p)
{
    double low = -40, high = 40;

    for (int i = 0; i < 200; i++) {
        const double z = 0.5 * (low + high);

        if (normal(z) < p)
            low = z;
        else
            high = z;
    }
    return low;
}

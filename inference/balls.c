#include "inference/balls.h"

#include <assert.h>
#include <math.h>

static void add_norms(const elbo_balls *balls, const double x[], double sum[])
{
    for (size_t j = 0; j < balls->n; j++) {
        const double u = balls->weight[j] * x[j];

        sum[balls->ball[j]] += u * u;
    }
}

double elbo_balls_norm(const elbo_balls *balls, size_t b, const double x[])
{
    double sum[ELBO_MOST_BALLS] = {0};

    assert(b < balls->n_balls && balls->n_balls <= ELBO_MOST_BALLS);
    add_norms(balls, x, sum);
    return sqrt(sum[b]);
}

void elbo_balls_project(const elbo_balls *balls, double x[])
{
    double factor[ELBO_MOST_BALLS] = {0};

    add_norms(balls, x, factor);
    for (size_t b = 0; b < balls->n_balls; b++) {
        const double norm = sqrt(factor[b]);

        factor[b] = norm > balls->radius ? balls->radius / norm : 1;
    }
    for (size_t j = 0; j < balls->n; j++) x[j] *= factor[balls->ball[j]];
}

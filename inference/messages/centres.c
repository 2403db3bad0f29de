#include "inference/messages/centres.h"

#include <math.h>

#include "inference/messages/partial.h"

static double distance(size_t ny, const double a[], const double b[])
{
    double sum = 0;

    for (size_t i = 0; i < ny; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/* Mean and variance of what is seen of channel j; 0 and 1 where nothing is. */
static void channel(const elbo_hmm_sequence seq[], size_t n, size_t ny, size_t j,
                    double *mean, double *variance)
{
    double seen = 0, sum = 0, squares = 0;

    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++)
            for (size_t t = 0; t < seq[i].T; t++) {
                const double y = seq[i].y[t * ny + j];

                if (isnan(y)) continue;
                seen += !pass;
                sum += pass ? 0 : y;
                squares += pass ? (y - sum / seen) * (y - sum / seen) : 0;
            }
    *mean = seen > 0 ? sum / seen : 0;
    *variance = seen > 0 ? squares / seen : 1;
}

static void take_row(const double y[], size_t ny, const double mean[],
                     elbo_centres *out)
{
    double *const to = out->y + out->rows * ny;
    bool *const lost = out->lost + out->rows * ny;

    if (elbo_partial_seen(y, ny) == 0) return;
    for (size_t j = 0; j < ny; j++) {
        lost[j] = isnan(y[j]);
        to[j] = lost[j] ? mean[j] : y[j];
    }
    out->rows++;
}

/* near[i]: the squared distance of row i to the nearest centre so far. */
static void assign(elbo_centres *c, size_t ny, size_t K, elbo_rng *rng,
                   double near[])
{
    for (size_t i = 0; i < c->rows; i++) near[i] = HUGE_VAL;
    for (size_t k = 0; k < K; k++) {
        double sum = 0;

        for (size_t i = 0; k && i < c->rows; i++) sum += near[i];

        const size_t at = k && sum > 0 ? elbo_rng_categorical(rng, near, c->rows)
                                       : elbo_rng_below(rng, c->rows);

        for (size_t i = 0; i < c->rows; i++) {
            const double d = distance(ny, c->y + i * ny, c->y + at * ny);

            if (!(d < near[i])) continue;
            near[i] = d;
            c->of[i] = k;
        }
    }
}

elbo_status elbo_centres_draw(const elbo_hmm_sequence seq[], size_t n, size_t ny,
                              size_t K, elbo_rng *rng, elbo_centres *out,
                              elbo_arena *ws)
{
    double *const mean = elbo_arena_doubles(ws, ny);
    size_t T = 0;

    for (size_t i = 0; i < n; i++) T += seq[i].T;

    double *const near = elbo_arena_doubles(ws, T);

    *out = (elbo_centres){.y = elbo_arena_doubles(ws, T * ny),
                          .lost = elbo_arena_take(ws, T * ny, sizeof *out->lost),
                          .of = elbo_arena_sizes(ws, T),
                          .variance = elbo_arena_doubles(ws, ny)};
    ELBO_TRY(elbo_arena_check(ws, "gaussian: centres"));
    for (size_t j = 0; j < ny; j++)
        channel(seq, n, ny, j, &mean[j], &out->variance[j]);
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < seq[i].T; t++)
            take_row(seq[i].y + t * ny, ny, mean, out);
    if (out->rows == 0)
        return ELBO_FAIL(ELBO_EDATA, "gaussian: every row is missing");
    assign(out, ny, K, rng, near);
    return ELBO_OK;
}

/* inference/gradient/bayes.c -- Bayesian optimisation of a few numbers.
 *
 *   first 2 d + 2 points of a shifted Sobol sequence in |x_j| <= box
 *   then   x <- argmax E max(f(x) - best, 0) under a Gaussian process of all
 *          points known, over Sobol points, points near the best, and a simplex
 *          search from the three best of them
 *
 * Reference: Jones, Schonlau and Welch 1998 (EGO). Values are standardised, x
 * is divided by the box. A point that fails counts as the worst that is known.
 */
#include <gsl/gsl_math.h>
#include <gsl/gsl_qrng.h>
#include <math.h>
#include <string.h>

#include "inference/ascent.h"
#include "inference/core/rng.h"
#include "inference/gradient/gaussian_process.h"

enum {
    MOST = 10,        /* parameters */
    POINTS = 512,     /* of the sequence, per choice */
    NEAR = 128,       /* around the best */
    LOCAL = 3,        /* simplex searches */
    LOCAL_STEPS = 120 /* evaluations of each */
};

static const double near = 0.1; /* standard deviation, in boxes */

typedef struct bayes {
    elbo_climb *climb;
    elbo_archive *archive;
    size_t d;
    double box;
    double *u;   /* [n x d] the archive in boxes */
    double *y;   /* [n] standardised */
    double best; /* the largest y */
    elbo_gp gp;
} bayes;

static void clamp(double u[], size_t d)
{
    for (size_t j = 0; j < d; j++) u[j] = fmin(fmax(u[j], -1), 1);
}

/* The next POINTS points of the sequence, moved by one random vector. */
static elbo_status draw_points(const bayes *b, size_t n, elbo_rng *rng,
                               double out[])
{
    gsl_qrng *const sobol = gsl_qrng_alloc(gsl_qrng_sobol, (unsigned)b->d);
    double shift[MOST];

    if (!sobol) return ELBO_FAIL(ELBO_ENOMEM, "a Sobol sequence");
    for (size_t j = 0; j < b->d; j++) shift[j] = elbo_rng_uniform(rng);
    for (size_t i = 0; i < n; i++) {
        double *const u = out + i * b->d;

        gsl_qrng_get(sobol, u);
        for (size_t j = 0; j < b->d; j++)
            u[j] = 2 * fmod(u[j] + shift[j], 1) - 1;
    }
    gsl_qrng_free(sobol);
    return ELBO_OK;
}

/* ---- the process and its acquisition ---- */

static elbo_status fit(bayes *b, elbo_arena *ws)
{
    const elbo_archive *const archive = b->archive;
    const size_t n = archive->n, d = b->d;
    double mean = 0, square = 0;

    b->u = elbo_arena_doubles(ws, n * d);
    b->y = elbo_arena_doubles(ws, n);
    ELBO_TRY(elbo_arena_check(ws, "the points known"));
    for (size_t i = 0; i < n; i++) mean += archive->y[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        square += gsl_pow_2(archive->y[i] - mean) / (double)n;

    const double sd = square > 0 ? sqrt(square) : 1;

    for (size_t i = 0; i < n; i++) b->y[i] = (archive->y[i] - mean) / sd;
    for (size_t i = 0; i < n * d; i++) b->u[i] = archive->x[i] / b->box;
    b->best = b->y[elbo_archive_best(archive)];
    return elbo_gp_fit(&(elbo_gp_data){n, d, b->u, b->y}, ws, &b->gp);
}

static double improvement(const bayes *b, const double u[])
{
    double mean, sd;

    elbo_gp_predict(&b->gp, u, &mean, &sd);
    return elbo_expected_improvement(mean, sd, b->best);
}

/* As a function for the simplex; outside the box it is what the nearest point
 * inside is worth. */
static elbo_status improvement_at(void *self, const double u[], double *value,
                                  double grad[])
{
    const bayes *const b = self;
    double inside[MOST];

    (void)grad;
    memcpy(inside, u, b->d * sizeof *u);
    clamp(inside, b->d);
    *value = improvement(b, inside);
    return ELBO_OK;
}

static elbo_status list_candidates(const bayes *b, elbo_rng *rng, double u[])
{
    const size_t d = b->d;
    const double *const top = b->u + elbo_archive_best(b->archive) * d;
    double *const around = u + POINTS * d;

    ELBO_TRY(draw_points(b, POINTS, rng, u));
    elbo_rng_normals(rng, around, NEAR * d);
    for (size_t i = 0; i < NEAR; i++) {
        for (size_t j = 0; j < d; j++)
            around[i * d + j] = top[j] + near * around[i * d + j];
        clamp(around + i * d, d);
    }
    return ELBO_OK;
}

/* The index of the largest value, which is then taken out. */
static size_t take_best(double value[], size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (value[i] > value[best]) best = i;
    value[best] = -1;
    return best;
}

/* u <- the point of largest expected improvement; *value is that. */
static elbo_status acquire(bayes *b, elbo_rng *rng, double u[], double *value,
                           elbo_arena *ws)
{
    enum { CANDIDATES = POINTS + NEAR };
    const size_t d = b->d;
    double *const at = elbo_arena_doubles(ws, CANDIDATES * d);
    double *const worth = elbo_arena_doubles(ws, CANDIDATES);
    const elbo_summit f = {b, d, 1, improvement_at};
    const elbo_ascent how = {.method = &elbo_ascender_nelder_mead,
                             .iterations = LOCAL_STEPS,
                             .tolerance = 1e-4,
                             .step = near};

    ELBO_TRY(elbo_arena_check(ws, "candidates"));
    ELBO_TRY(list_candidates(b, rng, at));
    for (size_t i = 0; i < CANDIDATES; i++)
        worth[i] = improvement(b, at + i * d);
    *value = -1;
    for (size_t k = 0; k < LOCAL; k++) {
        double *const x = at + take_best(worth, CANDIDATES) * d;
        elbo_ascent_info info;

        ELBO_TRY(elbo_ascend(&how, &f, x, &info, ws));
        if (!(info.after > *value)) continue;
        *value = info.after;
        memcpy(u, x, d * sizeof *x);
        clamp(u, d);
    }
    return ELBO_OK;
}

/* ---- the search ---- */

/* The next point to evaluate, in boxes; *done: nothing is to be gained. */
static elbo_status choose(bayes *b, double u[], bool *done, elbo_arena *ws)
{
    elbo_rng rng =
        elbo_rng_stream(b->climb->how->seed, "search", b->archive->count);
    double value;

    *done = false;
    if (b->archive->n < 2 * b->d + 2) {
        double first[(2 * MOST + 2) * MOST];

        /* one sequence for all of the design */
        rng = elbo_rng_stream(b->climb->how->seed, "search", 0);
        ELBO_TRY(draw_points(b, b->archive->n, &rng, first));
        memcpy(u, first + (b->archive->n - 1) * b->d, b->d * sizeof *u);
        return ELBO_OK;
    }
    ELBO_TRY(fit(b, ws));
    ELBO_TRY(acquire(b, &rng, u, &value, ws));
    *done = value <= b->climb->how->tolerance;
    return ELBO_OK;
}

static elbo_status advance(bayes *b, elbo_arena *ws)
{
    elbo_climb *const climb = b->climb;
    double value;
    bool done;

    ELBO_TRY(choose(b, climb->x, &done, ws));
    if (done) {
        climb->info->converged = true;
        return ELBO_OK;
    }
    for (size_t j = 0; j < b->d; j++) climb->x[j] *= b->box;
    climb->info->iterations++;
    elbo_climb_try(climb, climb->x, &value, NULL);
    if (!isfinite(value)) value = b->archive->y[elbo_archive_worst(b->archive)];
    elbo_archive_add(b->archive, climb->x, value);
    return ELBO_OK;
}

/* What is known of another function is forgotten: the start tells. */
static void refresh(bayes *b)
{
    elbo_archive *const archive = b->archive;
    const double now = b->climb->info->before;
    const size_t at = elbo_archive_find(archive, b->climb->x);
    const double far = 1e-7 * (1 + fabs(now));

    if (at < archive->n && fabs(archive->y[at] - now) <= far) return;
    archive->n = 0;
    elbo_archive_add(archive, b->climb->x, now);
}

static elbo_status run(elbo_climb *climb)
{
    const elbo_ascent *const how = climb->how;
    const size_t d = climb->f->n;
    bayes b = {.climb = climb, .d = d, .box = how->box};
    elbo_archive own;

    b.archive = how->archive ? how->archive : &own;
    if (!how->archive)
        ELBO_TRY(elbo_archive_init(&own, ELBO_GP_POINTS, d, climb->ws));
    refresh(&b);
    while (!climb->fatal && !climb->info->converged
           && climb->info->iterations < how->iterations) {
        const elbo_mark mark = elbo_arena_mark(climb->ws);
        const elbo_status s = advance(&b, climb->ws);

        elbo_arena_release(climb->ws, mark);
        ELBO_TRY(s);
    }
    return ELBO_OK;
}

const elbo_ascender elbo_ascender_gp = {
    .name = "gp",
    .source = "Jones, Schonlau and Welch 1998, J. Global Optim. 13",
    .doc = "Bayesian optimisation: a Gaussian process and expected improvement",
    .remembers = true,
    .most = MOST,
    .run = run,
};

/* inference/ascent_spg.c -- spectral projected gradient: maxima in balls.
 *
 *   d = P(u + t g) - u,   u <- u + c d   with c halved until f gains enough,
 *   t <- s's / -s'y       from the last step s and the gradient's change y
 *
 * in the coordinates u = weight * x, where P is the Euclidean projection. It
 * ends where |P(u + g) - u| is small: the gradient is then normal to the balls
 * that bind (KKT).
 */
#include <math.h>
#include <string.h>

#include "inference/ascent.h"
#include "inference/core/parallel.h"

enum { LAST = 10 }; /* f must exceed the least of so many values */

/* Armijo's share of the slope; the range of t; the least share of a step. */
static const double share = 1e-4, t_least = 1e-10, t_most = 1e10;
static const double c_least = 1e-12;

/* All in the coordinates u, f divided by scale. */
typedef struct spg {
    elbo_climb *climb;
    double *u, *g; /* [n] where it stands, and the gradient there */
    double *next, *next_g;
    double *d; /* [n] direction */
    double f, next_f, t;
    double last[LAST]; /* values before, -inf where there are none */
} spg;

static double weight(const spg *p, size_t j)
{
    const elbo_balls *const balls = p->climb->how->balls;

    return balls ? balls->weight[j] : 1;
}

static void to_x(const spg *p, const double u[], double x[])
{
    for (size_t j = 0; j < p->climb->f->n; j++) x[j] = u[j] / weight(p, j);
}

static double value_at(spg *p, const double u[], double g[])
{
    elbo_climb *const climb = p->climb;
    double value;

    to_x(p, u, climb->x);
    elbo_climb_try(climb, climb->x, &value, g);
    for (size_t j = 0; j < climb->f->n; j++)
        g[j] /= weight(p, j) * climb->f->scale;
    return value / climb->f->scale;
}

/* d = P(u + t g) - u; returns |d|. */
static double direction(spg *p, double t)
{
    const elbo_balls *const balls = p->climb->how->balls;
    const size_t n = p->climb->f->n;

    for (size_t j = 0; j < n; j++)
        p->d[j] = (p->u[j] + t * p->g[j]) / weight(p, j);
    if (balls) elbo_balls_project(balls, p->d);
    for (size_t j = 0; j < n; j++) p->d[j] = p->d[j] * weight(p, j) - p->u[j];
    return sqrt(elbo_dot(p->d, p->d, n));
}

/* The next point along d; false: no step gains. */
static bool search_line(spg *p)
{
    const size_t n = p->climb->f->n;
    const double gain = elbo_dot(p->g, p->d, n);
    double least = p->f;

    for (size_t i = 0; i < LAST; i++)
        if (isfinite(p->last[i])) least = fmin(least, p->last[i]);
    for (double c = 1; c > c_least && !p->climb->fatal; c /= 2) {
        for (size_t j = 0; j < n; j++) p->next[j] = p->u[j] + c * p->d[j];
        p->next_f = value_at(p, p->next, p->next_g);
        if (p->next_f >= least + share * c * gain) return true;
    }
    return false;
}

static void swap(double **a, double **b)
{
    double *const kept = *a;

    *a = *b;
    *b = kept;
}

/* Moves to the next point and takes the spectral length from the step. */
static void advance(spg *p)
{
    double ss = 0, sy = 0;

    for (size_t j = 0; j < p->climb->f->n; j++) {
        const double s = p->next[j] - p->u[j];

        ss += s * s;
        sy -= s * (p->next_g[j] - p->g[j]);
    }
    p->t = sy > 0 ? fmin(fmax(ss / sy, t_least), t_most) : t_most;
    p->last[p->climb->info->iterations % LAST] = p->f;
    swap(&p->u, &p->next);
    swap(&p->g, &p->next_g);
    p->f = p->next_f;
}

static void climb_on(spg *p)
{
    elbo_ascent_info *const info = p->climb->info;
    const double tolerance = p->climb->how->tolerance;

    while (!p->climb->fatal && info->iterations < p->climb->how->iterations) {
        info->converged = direction(p, 1) <= tolerance * fmax(1, fabs(p->f));
        if (info->converged) return;
        info->iterations++;
        direction(p, p->t);
        if (!search_line(p)) {
            info->converged = true; /* to rounding */
            return;
        }
        advance(p);
    }
}

static elbo_status run(elbo_climb *climb)
{
    const size_t n = climb->f->n;
    spg p = {.climb = climb};

    p.u = elbo_arena_doubles(climb->ws, n);
    p.g = elbo_arena_doubles(climb->ws, n);
    p.next = elbo_arena_doubles(climb->ws, n);
    p.next_g = elbo_arena_doubles(climb->ws, n);
    p.d = elbo_arena_doubles(climb->ws, n);
    ELBO_TRY(elbo_arena_check(climb->ws, "a projected gradient"));
    for (size_t i = 0; i < LAST; i++) p.last[i] = -HUGE_VAL;
    for (size_t j = 0; j < n; j++) p.u[j] = climb->x[j] * weight(&p, j);
    p.f = value_at(&p, p.u, p.g);

    const double steep = direction(&p, 1);

    p.t = steep > 0 ? fmin(fmax(1 / steep, t_least), t_most) : 1;
    climb_on(&p);
    return ELBO_OK;
}

const elbo_ascender elbo_ascender_spg = {
    .name = "spg",
    .source = "Birgin, Martinez and Raydan 2000, SIAM J. Optim. 10(4), SPG2",
    .doc = "projected gradient with spectral steps: maxima inside norm_bound",
    .bounded = true,
    .run = run,
};

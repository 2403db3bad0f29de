/* inference/course_return.c -- what a controller earns in a continuous world. */
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/course.h"

enum { MOST = 16 }; /* states, inputs of a world at most */

/* One evaluation: the controller, with factors L L' = S. */
typedef struct evaluation {
    const elbo_course *course;
    elbo_trajectory_view pi;
    double *L; /* [T x nu x nu] */
    /* Where: a map of (x, u), and a factor of its noise [nx x nx]. */
    elbo_map f;
    gsl_matrix *noise;
} evaluation;

static elbo_status factor(const elbo_course *c, evaluation *v, elbo_arena *ws)
{
    const size_t nu = c->plant.dynamics->nu, T = c->problem.T;

    v->course = c;
    v->pi = c->control->view(c->solver);
    v->L = elbo_arena_doubles(ws, T * nu * nu);
    ELBO_TRY(elbo_arena_check(ws, "an evaluation"));
    memcpy(v->L, v->pi.S, T * nu * nu * sizeof *v->L);
    for (size_t t = 0; t < T; t++) {
        gsl_matrix_view S = gsl_matrix_view_array(v->L + t * nu * nu, nu, nu);

        if (elbo_chol_psd(&S.matrix) != ELBO_OK)
            return elbo_fail_prefix("the policy of step %zu", t);
    }
    return ELBO_OK;
}

void elbo_course_disturb(double x[], const gsl_matrix *L, elbo_rng *rng)
{
    double e[MOST];

    elbo_rng_normals(rng, e, L->size1);
    for (size_t i = 0; i < L->size1; i++)
        for (size_t j = 0; j <= i; j++) x[i] += gsl_matrix_get(L, i, j) * e[j];
}

void elbo_course_steer(const elbo_course *c, size_t t, const double x[], double u[])
{
    const elbo_trajectory_view pi = c->control->view(c->solver);
    const size_t nx = c->plant.dynamics->nx, nu = c->plant.dynamics->nu;

    for (size_t i = 0; i < nu; i++) {
        const double *const K = pi.K + (t * nu + i) * nx;

        u[i] = pi.k[t * nu + i];
        for (size_t j = 0; j < nx; j++) u[i] += K[j] * x[j];
    }
}

static double episode(const evaluation *v, size_t number)
{
    const elbo_course *const c = v->course;
    const elbo_dynamics *const d = c->plant.dynamics;
    elbo_rng rng = elbo_rng_stream(c->problem.seed, "evaluation", number);
    double z[2 * MOST], next[MOST], cost = 0;
    double *const x = z, *const u = z + d->nx;

    memcpy(x, d->start, d->nx * sizeof *x);
    elbo_course_disturb(x, c->start, &rng);
    for (size_t t = 0; t < c->problem.T; t++) {
        const gsl_matrix_const_view L = gsl_matrix_const_view_array(
            v->L + t * d->nu * d->nu, d->nu, d->nu);

        elbo_course_steer(c, t, x, u);
        elbo_course_disturb(u, &L.matrix, &rng);
        cost += elbo_plant_cost(&c->plant, x, u);
        v->f.value(v->f.self, z, next);
        elbo_course_disturb(next, v->noise, &rng);
        memcpy(x, next, d->nx * sizeof *x);
    }
    return -(cost + elbo_plant_cost_end(&c->plant, x)) / 2;
}

static double some_episodes(void *arg, size_t first, size_t last)
{
    double sum = 0;

    for (size_t i = first; i < last; i++) sum += episode(arg, i);
    return sum;
}

/* The world, or the model. */
static elbo_status place(const elbo_course *c, bool model, evaluation *v,
                         elbo_arena *ws)
{
    const size_t nx = c->plant.dynamics->nx;

    v->f = model ? c->belief.f : elbo_plant_step(&c->plant);
    v->noise = model ? elbo_arena_mat(ws, nx, nx) : c->noise;
    ELBO_TRY(elbo_arena_check(ws, "an evaluation"));
    if (!model) return ELBO_OK;
    gsl_matrix_memcpy(v->noise, c->belief.W);
    return elbo_chol_psd(v->noise);
}

elbo_status elbo_course_return(elbo_engine *e, bool model, double *J)
{
    const elbo_course *const c = e->course;
    const elbo_mark mark = elbo_arena_mark(e->ws);
    evaluation v;
    elbo_status s = factor(c, &v, e->ws);

    if (s == ELBO_OK) s = place(c, model, &v, e->ws);
    if (s == ELBO_OK)
        *J = elbo_parallel_sum(c->episodes, 200 * c->episodes * c->problem.T, &v,
                               some_episodes)
             / (double)c->episodes;
    elbo_arena_release(e->ws, mark);
    if (s == ELBO_OK && !isfinite(*J))
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "the return of %zu episodes in the %s is %g",
                         c->episodes, model ? "model" : "world", *J);
    return s;
}

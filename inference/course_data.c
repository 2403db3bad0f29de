/* inference/course_data.c -- the data of continuous worlds: whole episodes, steered
 * by the controller or at random.
 */
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/course.h"

enum { MOST = 16 }; /* states, inputs of a world at most */

elbo_status elbo_course_open_data(elbo_engine *e, const elbo_setup *setup,
                                  uint64_t seed)
{
    elbo_course *const c = e->course;
    const elbo_dynamics *const d = c->plant.dynamics;
    const size_t rounds = e->set.online ? (size_t)e->set.iterations : 1;
    const int64_t cut = elbo_int(setup->data, "episode_steps");
    size_t capacity;

    if (!elbo_size_mul(e->set.steps, rounds, &capacity))
        return ELBO_FAIL(ELBO_ESIZE,
                         "data: %zu iterations of %zu steps are too many", rounds,
                         e->set.steps);
    c->behaviour = (elbo_course_behaviour){
        .current = e->set.current,
        .epsilon = e->set.current ? elbo_real(setup->data, "epsilon") : 1,
        .noise = elbo_real(setup->data, "noise"),
        .limit = elbo_real(setup->data, "state_limit"),
        .episode_steps = cut > 0 ? (size_t)cut : c->problem.T,
    };
    ELBO_TRY(elbo_linear_data_init(&c->data, d->nx, d->nu, capacity, e->arena));
    return elbo_linear_collector_init(&c->collector, d->nx, seed, e->arena);
}

/* u = K x + k of the step, if the controller steers and its plan goes so far, and
 * noise. */
static void act(const elbo_course *c, elbo_linear_collector *at, double u[])
{
    const elbo_course_behaviour *const how = &c->behaviour;
    const size_t nu = c->plant.dynamics->nu;
    double e[MOST];

    memset(u, 0, nu * sizeof *u);
    if (how->current && c->planned && at->step < c->problem.T)
        elbo_course_steer(c, at->step, at->x, u);
    if (how->epsilon > 0 && elbo_rng_uniform(&at->rng) < how->epsilon) {
        elbo_rng_normals(&at->rng, e, nu);
        for (size_t i = 0; i < nu; i++) u[i] += how->noise * e[i];
    }
    for (size_t i = 0; i < nu; i++) {
        double slope;

        u[i] = elbo_plant_clip(u[i], c->plant.limit, &slope);
    }
}

static void step(elbo_course *c)
{
    const elbo_dynamics *const d = c->plant.dynamics;
    elbo_linear_collector *const at = &c->collector;
    elbo_linear_data *const data = &c->data;
    const size_t i = data->n++, nx = d->nx;
    double *const u = data->u + i * d->nu, *const y = data->y + i * nx;
    bool far = false;

    if (!at->running) {
        memcpy(at->x, d->start, nx * sizeof *y);
        elbo_course_disturb(at->x, c->start, &at->rng);
        at->step = 0;
        at->episodes++;
    }
    memcpy(data->x + i * nx, at->x, nx * sizeof *y);
    act(c, at, u);
    d->step(c->plant.self, at->x, u, y);
    elbo_course_disturb(y, c->noise, &at->rng);
    data->w[i] = 1;
    data->step[i] = (uint32_t)at->step;
    memcpy(at->x, y, nx * sizeof *y);
    at->step++;
    for (size_t j = 0; j < nx; j++)
        far = far || !(fabs(y[j]) <= c->behaviour.limit);
    at->running = !far && at->step < c->behaviour.episode_steps;
}

elbo_status elbo_course_gather(elbo_engine *e, elbo_row *row)
{
    elbo_course *const c = e->course;
    const size_t before = c->data.n;

    if (e->iteration == 0 || e->set.online)
        for (size_t i = 0; i < e->set.steps; i++) step(c);
    for (size_t i = before; i < c->data.n; i++) c->data.w[i] = e->set.weight;
    row->env_steps = c->data.n;
    return ELBO_OK;
}

/* Rows of (x, u) side by side; Y is the data's own. Weights carry lambda. */
elbo_status elbo_course_rows(elbo_engine *e, elbo_plant_data *out)
{
    const elbo_course *const c = e->course;
    const elbo_linear_data *const data = &c->data;
    const size_t nx = data->nx, nu = data->nu, n = data->n;
    gsl_matrix *const Z = elbo_arena_mat(e->ws, n, nx + nu);
    gsl_matrix *const Y = elbo_arena_mat(e->ws, n, nx);
    double *const w = elbo_arena_doubles(e->ws, n);
    const double scale =
        e->set.lambda_each ? e->set.lambda : e->set.lambda / (double)n;

    ELBO_TRY(elbo_arena_check(e->ws, "the data's rows"));
    for (size_t i = 0; i < n; i++) {
        double *const z = Z->data + i * Z->tda;

        memcpy(z, data->x + i * nx, nx * sizeof *z);
        memcpy(z + nx, data->u + i * nu, nu * sizeof *z);
        memcpy(Y->data + i * Y->tda, data->y + i * nx, nx * sizeof *z);
        w[i] = scale * data->w[i];
    }
    *out = (elbo_plant_data){Z, Y, w};
    return ELBO_OK;
}

/* inference/observed_return.c -- what a controller earns: exactly where all is seen, else
 * the mean over courses of what is lost, exact for each.
 */
#include <math.h>

#include "inference/core/parallel.h"
#include "inference/observed_control.h"

static const double negligible = 1e-10; /* of gamma^t */
static const double settled = 1e-3;     /* of a return, in the second half of a course */

elbo_status elbo_observed_controller_lose(elbo_observed_controller *controller,
                                          double missing, size_t courses,
                                          uint64_t seed, elbo_arena *arena)
{
    elbo_observed_controller *const c = controller;
    const double forever = ceil(log(negligible) / log(c->gamma));

    c->courses = courses;
    c->steps = c->T > 0 ? c->T : (size_t)fmax(forever, 2);

    const size_t each = (c->steps + 1) * c->ny;

    c->seen = elbo_arena_take(arena, courses * each, sizeof *c->seen);
    ELBO_TRY(elbo_arena_check(arena, "courses of what is not seen"));
    for (size_t i = 0; i < courses; i++) {
        elbo_rng rng = elbo_rng_stream(seed, "missing", i);

        for (size_t j = 0; j < each; j++)
            c->seen[i * each + j] = !(elbo_rng_uniform(&rng) < missing);
    }
    return ELBO_OK;
}

/* Over T steps (0: for ever) with the gains L [T + 1]. */
static elbo_status earn(const elbo_observed_controller *c, gsl_matrix *const L[],
                        size_t T, const elbo_observed_system *truth, double *J,
                        elbo_arena *ws)
{
    const elbo_lqg lqg = {
        .nx = c->nx,
        .nu = c->nu,
        .ny = c->ny,
        .T = T,
        .truth = &truth->step,
        .model = &c->model.step,
        .L = (const gsl_matrix *const *)L,
        .policy = c->policy,
        .ntruth = 1,
        .nmodel = 1,
        .nL = T + 1,
        .npolicy = c->stages,
        .gamma = c->gamma,
    };

    return elbo_lqg_return(&lqg, &truth->reward, 1, NULL, truth->m0, truth->P0,
                           c->model.m0, J, ws);
}

/* Of one course; without a horizon its second half must add next to nothing. */
static elbo_status course(const elbo_observed_controller *c, size_t i,
                          const elbo_observed_system *truth, double *J,
                          elbo_arena *ws)
{
    const size_t T = c->steps;
    gsl_matrix **const L = elbo_arena_take(ws, T + 1, sizeof *L);
    double half;

    ELBO_TRY(elbo_arena_check(ws, "a course"));
    for (size_t t = 0; t <= T; t++) L[t] = elbo_arena_mat(ws, c->nx, c->ny);
    ELBO_TRY(elbo_arena_check(ws, "a course"));
    ELBO_TRY(elbo_filter_gains(&c->model.step, 1, c->model.P0,
                               c->seen + i * (T + 1) * c->ny, L, T + 1, ws));
    ELBO_TRY(earn(c, L, T, truth, J, ws));
    if (c->T > 0) return ELBO_OK;
    ELBO_TRY(earn(c, L, T / 2, truth, &half, ws));
    if (fabs(*J - half) <= settled * fabs(*J)) return ELBO_OK;
    return ELBO_FAIL(ELBO_ENOCONV,
                     "a course earns %g in %zu steps, and %g in half of them", *J, T,
                     half);
}

typedef struct courses {
    const elbo_observed_controller *c;
    const elbo_observed_system *truth;
    double *J; /* [courses] */
    elbo_status status[ELBO_CHUNKS];
    elbo_error *error; /* [chunks] */
} courses;

static void some_courses(void *arg, size_t chunk, size_t first, size_t last)
{
    courses *const s = arg;
    elbo_arena *const ws = first < last ? elbo_arena_alloc(1 << 16) : NULL;
    elbo_status status = ELBO_OK;

    if (first == last) return;
    if (!ws) status = ELBO_FAIL(ELBO_ENOMEM, "courses: memory of a chunk");
    for (size_t i = first; status == ELBO_OK && i < last; i++) {
        const elbo_mark mark = elbo_arena_mark(ws);

        status = course(s->c, i, s->truth, &s->J[i], ws);
        elbo_arena_release(ws, mark);
    }
    elbo_arena_free(ws);
    s->status[chunk] = status;
    if (status != ELBO_OK) s->error[chunk] = *elbo_last_error();
}

static elbo_status mean_return(const elbo_observed_controller *c,
                               const elbo_observed_system *truth, double *J,
                               elbo_arena *ws)
{
    courses *const s = elbo_arena_take(ws, 1, sizeof *s);
    const size_t nx = 2 * c->nx;

    ELBO_TRY(elbo_arena_check(ws, "courses"));
    s->c = c;
    s->truth = truth;
    s->J = elbo_arena_doubles(ws, c->courses);
    s->error = elbo_arena_take(ws, ELBO_CHUNKS, sizeof *s->error);
    ELBO_TRY(elbo_arena_check(ws, "courses"));
    elbo_parallel(c->courses, 20 * c->courses * c->steps * nx * nx * nx, s,
                  some_courses);
    for (size_t i = 0; i < ELBO_CHUNKS; i++)
        if (s->status[i] != ELBO_OK) {
            elbo_error_restore(&s->error[i]);
            return s->status[i];
        }
    *J = elbo_sum(s->J, c->courses) / (double)c->courses;
    return ELBO_OK;
}

elbo_status elbo_observed_controller_return(const elbo_observed_controller *c,
                                            const elbo_observed_system *truth,
                                            double *J, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = c->courses > 0 ? mean_return(c, truth, J, ws)
                                         : earn(c, c->L, c->T, truth, J, ws);

    elbo_arena_release(ws, mark);
    return s;
}

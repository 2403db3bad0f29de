#include "inference/observed_draw.h"

#include <gsl/gsl_blas.h>
#include <math.h>

static const double far = 1e150; /* what runs away is beyond it */

/* Square roots of covariances and room for one row. */
typedef struct drawer {
    const elbo_observed_world *world;
    const elbo_observed_behaviour *how;
    elbo_rng *rng;
    gsl_matrix *start, *noise, *sight; /* L L' = P0, Q, R; of a chain R alone */
    gsl_vector *x, *next, *e;          /* [nx], [nx], [nx + ny + nu] */
    elbo_observed_filter filter;       /* of a controller */
    elbo_arena *ws;
} drawer;

static elbo_status take_root(const gsl_matrix *S, elbo_arena *ws, gsl_matrix **L)
{
    *L = elbo_arena_mat(ws, S->size1, S->size1);
    ELBO_TRY(elbo_arena_check(ws, "data: drawing"));
    return elbo_psd_factor(S, *L, ws);
}

static elbo_status prepare_lds(drawer *d, elbo_arena *ws)
{
    const elbo_lgssm *const sys = d->world->lds;
    const size_t nx = sys->nx, n = nx + sys->ny + sys->nu;

    d->x = elbo_arena_vec(ws, nx);
    d->next = elbo_arena_vec(ws, nx);
    d->e = elbo_arena_vec(ws, n);
    if (d->how->controller)
        ELBO_TRY(elbo_observed_filter_init(d->how->controller, &d->filter, ws));
    ELBO_TRY(take_root(sys->P0, ws, &d->start));
    ELBO_TRY(take_root(sys->steps->Q, ws, &d->noise));
    return take_root(sys->steps->R, ws, &d->sight);
}

/* y += L e, e standard normals. */
static void disturb(const drawer *d, const gsl_matrix *L, gsl_vector *y)
{
    gsl_vector_view e = gsl_vector_subvector(d->e, 0, L->size1);

    elbo_rng_normals(d->rng, e.vector.data, L->size1);
    gsl_blas_dgemv(CblasNoTrans, 1, L, &e.vector, 1, y);
}

static void random_inputs(const drawer *d, double u[], size_t nu)
{
    if (nu == 0 || !(d->how->epsilon > 0)) return;
    if (d->how->epsilon < 1 && elbo_rng_uniform(d->rng) >= d->how->epsilon) return;
    elbo_rng_normals(d->rng, d->e->data, nu);
    for (size_t i = 0; i < nu; i++) u[i] += d->how->noise * d->e->data[i];
}

/* out = M x + N u + c */
static void follow(const gsl_matrix *M, const gsl_vector *x, const gsl_matrix *N,
                   const double u[], const gsl_vector *c, gsl_vector *out)
{
    if (c)
        gsl_vector_memcpy(out, c);
    else
        gsl_vector_set_zero(out);
    gsl_blas_dgemv(CblasNoTrans, 1, M, x, 1, out);
    if (!N) return;

    gsl_vector_const_view a = gsl_vector_const_view_array(u, N->size2);

    gsl_blas_dgemv(CblasNoTrans, 1, N, &a.vector, 1, out);
}

/* Values that are not seen: each of its own, or of a chain whole rows. */
static void lose(const drawer *d, size_t T, double y[])
{
    const size_t ny = d->world->ny, group = d->world->hmm ? ny : 1;

    for (size_t i = 0; i < T * ny; i += group) {
        if (!(elbo_rng_uniform(d->rng) < d->world->missing)) continue;
        for (size_t j = 0; j < group; j++) y[i + j] = (double)NAN;
    }
}

/* y_t of the present state, before what is not seen of it is lost. */
static void sight(const drawer *d, const double u[], gsl_vector *y)
{
    const elbo_lgssm_step *const s = d->world->lds->steps;

    follow(s->C, d->x, s->D, u, s->d, y);
    disturb(d, d->sight, y);
}

/* u_t of a controller, which sees y_t with its holes. */
static elbo_status control(drawer *d, size_t t, gsl_vector *y, double u[])
{
    const elbo_observed_controller *const c = d->how->controller;
    gsl_vector_view a = gsl_vector_view_array(u, c->nu);

    if (d->world->missing > 0) lose(d, 1, y->data);
    ELBO_TRY(elbo_observed_controller_act(c, t, y, &d->filter, &a.vector, d->ws));
    random_inputs(d, u, c->nu);
    elbo_observed_controller_predict(c, &a.vector, &d->filter);
    return ELBO_OK;
}

static elbo_status draw_lds(drawer *d, size_t T, double y[], double u[])
{
    const elbo_lgssm *const sys = d->world->lds;
    const elbo_lgssm_step *const s = sys->steps;

    const elbo_observed_controller *const c = d->how->controller;

    gsl_vector_memcpy(d->x, sys->m0);
    disturb(d, d->start, d->x);
    if (c) elbo_observed_filter_start(c, &d->filter);
    for (size_t t = 0; t < T; t++) {
        double *const ut = u + t * sys->nu;
        gsl_vector_view to = gsl_vector_view_array(y + t * sys->ny, sys->ny);

        if (!c) random_inputs(d, ut, d->world->nu);
        sight(d, ut, &to.vector);

        const double size = gsl_blas_dasum(&to.vector);

        if (c) ELBO_TRY(control(d, t, &to.vector, ut));
        follow(s->A, d->x, s->B, ut, s->b, d->next);
        disturb(d, d->noise, d->next);
        gsl_vector_memcpy(d->x, d->next);
        if (!(size + gsl_blas_dasum(d->x) < far))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "row %zu runs away: cut sequences by "
                             "data.episode_steps or env.horizon",
                             t + 1);
    }
    return ELBO_OK;
}

/* ---- chains ---- */

static elbo_status prepare_chain(drawer *d, elbo_arena *ws)
{
    const elbo_observed_chain *const c = d->world->hmm;

    if (c->symbols > 0) return ELBO_OK;
    d->e = elbo_arena_vec(ws, c->ny);
    return take_root(c->covariance, ws, &d->sight);
}

static void emit(drawer *d, size_t state, double y[])
{
    const elbo_observed_chain *const c = d->world->hmm;

    if (c->symbols > 0) {
        *y = (double)elbo_rng_categorical(d->rng, c->symbol + state * c->symbols,
                                          c->symbols);
        return;
    }

    gsl_vector_view to = gsl_vector_view_array(y, c->ny);

    for (size_t i = 0; i < c->ny; i++) y[i] = c->mean[state * c->ny + i];
    disturb(d, d->sight, &to.vector);
}

static void draw_chain(drawer *d, size_t T, double y[])
{
    const elbo_hmm *const c = &d->world->hmm->chain;
    size_t state = elbo_rng_categorical(d->rng, c->start, c->K);

    for (size_t t = 0; t < T; t++) {
        emit(d, state, y + t * d->world->ny);
        state = elbo_rng_categorical(d->rng, c->transition + state * c->K, c->K);
    }
}

/* ---- both ---- */

static elbo_status draw(drawer *d, size_t rows, elbo_observed_data *data)
{
    const size_t most = d->how->episode_steps;

    for (size_t left = rows, T; left > 0; left -= T) {
        double *y, *u;

        T = most > 0 && most < left ? most : left;
        ELBO_TRY(elbo_observed_append(data, T, &y, &u));
        if (d->world->hmm)
            draw_chain(d, T, y);
        else if (draw_lds(d, T, y, u) != ELBO_OK)
            return elbo_fail_prefix("data: sequence %zu", data->n);
        if (d->world->missing > 0 && !d->how->controller) lose(d, T, y);
    }
    return ELBO_OK;
}

elbo_status elbo_observed_draw(const elbo_observed_world *world,
                               const elbo_observed_behaviour *how, size_t rows,
                               elbo_rng *rng, elbo_observed_data *data,
                               elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    drawer d = {.world = world, .how = how, .rng = rng, .ws = ws};
    elbo_status s = world->hmm ? prepare_chain(&d, ws) : prepare_lds(&d, ws);

    if (s == ELBO_OK) s = draw(&d, rows, data);
    elbo_arena_release(ws, mark);
    return s;
}

#include "inference/observed_control.h"

#include <gsl/gsl_blas.h>
#include <math.h>

/* ---- systems ---- */

elbo_status elbo_observed_system_init(elbo_observed_system *system, size_t nx,
                                      size_t ny, size_t nu, elbo_arena *arena)
{
    *system = (elbo_observed_system){
        .A = elbo_arena_mat(arena, nx, nx),
        .B = elbo_arena_mat(arena, nx, nu),
        .Q = elbo_arena_mat(arena, nx, nx),
        .C = elbo_arena_mat(arena, ny, nx),
        .R = elbo_arena_mat(arena, ny, ny),
        .P0 = elbo_arena_mat(arena, nx, nx),
        .b = elbo_arena_vec(arena, nx),
        .d = elbo_arena_vec(arena, ny),
        .m0 = elbo_arena_vec(arena, nx),
        .reward = elbo_quadratic_take(arena, nx + nu),
    };
    ELBO_TRY(elbo_arena_check(arena, "a system to control"));
    system->step = (elbo_lgssm_step){.A = system->A,
                                     .B = system->B,
                                     .Q = system->Q,
                                     .b = system->b,
                                     .C = system->C,
                                     .R = system->R,
                                     .d = system->d};
    return ELBO_OK;
}

/* The leading block; the rest is 0. */
static void pad(gsl_matrix *to, const gsl_matrix *from)
{
    gsl_matrix_set_zero(to);
    for (size_t i = 0; from && i < from->size1; i++)
        for (size_t j = 0; j < from->size2; j++)
            gsl_matrix_set(to, i, j, gsl_matrix_get(from, i, j));
}

static void pad_vector(gsl_vector *to, const gsl_vector *from)
{
    gsl_vector_set_zero(to);
    for (size_t i = 0; from && i < from->size; i++)
        gsl_vector_set(to, i, gsl_vector_get(from, i));
}

/* E r given (x, u): with h = goal - d it is
 * -1/2 (C x - h)'Q (C x - h) - 1/2 tr(Q R) - 1/2 u'R_u u. */
static void set_reward(elbo_observed_system *s, const elbo_observed_cost *cost)
{
    const size_t nx = s->A->size1, ny = s->C->size1;
    elbo_quadratic *const r = &s->reward;

    elbo_quadratic_zero(r);
    for (size_t i = 0; i < ny; i++)
        for (size_t j = 0; j < ny; j++) {
            const double q = gsl_matrix_get(cost->Q, i, j);
            const double hi = gsl_vector_get(cost->goal, i) - gsl_vector_get(s->d, i);
            const double hj = gsl_vector_get(cost->goal, j) - gsl_vector_get(s->d, j);

            r->c -= q * (hi * hj + gsl_matrix_get(s->R, i, j)) / 2;
            for (size_t k = 0; k < nx; k++) {
                const double qc = q * gsl_matrix_get(s->C, i, k);

                *gsl_vector_ptr(r->p, k) += qc * hj;
                for (size_t l = 0; l < nx; l++)
                    *gsl_matrix_ptr(r->P, k, l) += qc * gsl_matrix_get(s->C, j, l);
            }
        }
    elbo_sym_mean(r->P);
    elbo_quadratic_add_square(r, nx, cost->R, NULL);
}

void elbo_observed_system_set(elbo_observed_system *system, const elbo_lgssm *sys,
                              const elbo_observed_cost *cost)
{
    const elbo_lgssm_step *const from = sys->steps;

    pad(system->A, from->A);
    pad(system->B, from->B);
    pad(system->Q, from->Q);
    pad(system->C, from->C);
    pad(system->R, from->R);
    pad(system->P0, sys->P0);
    pad_vector(system->b, from->b);
    pad_vector(system->d, from->d);
    pad_vector(system->m0, sys->m0);
    set_reward(system, cost);
}

/* ---- controllers ---- */

elbo_status elbo_observed_controller_init(elbo_observed_controller *controller,
                                          size_t nx, size_t ny, size_t nu, size_t T,
                                          double gamma, elbo_arena *arena)
{
    const size_t stages = T > 0 ? T : 1;

    *controller = (elbo_observed_controller){
        .nx = nx,
        .ny = ny,
        .nu = nu,
        .T = T,
        .stages = stages,
        .gamma = gamma,
        .L = elbo_arena_take(arena, T + 1, sizeof *controller->L),
        .policy = elbo_arena_take(arena, stages, sizeof *controller->policy),
    };
    ELBO_TRY(elbo_arena_check(arena, "a controller"));
    for (size_t t = 0; t <= T; t++) controller->L[t] = elbo_arena_mat(arena, nx, ny);
    for (size_t t = 0; t < stages; t++)
        controller->policy[t] = elbo_linear_policy_take(arena, nx, nu);
    ELBO_TRY(elbo_arena_check(arena, "a controller"));
    return elbo_observed_system_init(&controller->model, nx, ny, nu, arena);
}

static elbo_status plan_policy(elbo_observed_controller *c,
                               const elbo_observed_control *control,
                               const elbo_values *options, elbo_arena *ws)
{
    const elbo_observed_system *const s = &c->model;
    const elbo_linear_dynamics map = {.A = s->A, .B = s->B, .W = s->Q, .c = s->b};
    elbo_lqr problem = elbo_lqr_defaults;
    elbo_linear_posterior best;

    problem.nx = c->nx;
    problem.nu = c->nu;
    problem.T = c->T;
    problem.dynamics = &map;
    problem.ndynamics = 1;
    problem.reward = &s->reward;
    problem.nreward = 1;
    problem.gamma = c->gamma;
    ELBO_TRY(control->plan(options, &problem, ws, &best));
    for (size_t t = 0; t < c->stages; t++) {
        const elbo_linear_policy *const pi = &best.stage[t].pi;

        gsl_matrix_memcpy(c->policy[t].K, pi->K);
        gsl_vector_memcpy(c->policy[t].k, pi->k);
        gsl_matrix_memcpy(c->policy[t].S, pi->S);
    }
    return ELBO_OK;
}

static elbo_status plan(elbo_observed_controller *c,
                        const elbo_observed_control *control,
                        const elbo_values *options, elbo_arena *ws)
{
    const elbo_observed_system *const s = &c->model;

    ELBO_TRY(plan_policy(c, control, options, ws));
    if (c->courses > 0) return ELBO_OK;
    if (c->T == 0) return elbo_filter_gain(&s->step, c->L[0], NULL, ws);
    return elbo_filter_gains(&s->step, 1, s->P0, NULL, c->L, c->T + 1, ws);
}

elbo_status elbo_observed_controller_plan(elbo_observed_controller *controller,
                                          const elbo_observed_control *control,
                                          const elbo_values *options,
                                          const elbo_lgssm *sys,
                                          const elbo_observed_cost *cost,
                                          elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    elbo_observed_system_set(&controller->model, sys, cost);

    const elbo_status s = plan(controller, control, options, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* ---- a step ---- */

elbo_status elbo_observed_filter_init(const elbo_observed_controller *c,
                                      elbo_observed_filter *filter, elbo_arena *arena)
{
    *filter = (elbo_observed_filter){
        .p = elbo_arena_vec(arena, c->nx),
        .b = elbo_arena_vec(arena, c->nx),
        .e = elbo_arena_vec(arena, c->ny),
        .P = elbo_arena_mat(arena, c->nx, c->nx),
        .L = elbo_arena_mat(arena, c->nx, c->ny),
        .seen = elbo_arena_take(arena, c->ny, sizeof *filter->seen),
    };
    return elbo_arena_check(arena, "a controller's filter");
}

void elbo_observed_filter_start(const elbo_observed_controller *c,
                                elbo_observed_filter *filter)
{
    gsl_vector_memcpy(filter->p, c->model.m0);
    gsl_matrix_memcpy(filter->P, c->model.P0);
}

static size_t at(size_t t, size_t n)
{
    return t < n ? t : n - 1;
}

/* e = y - C p - d, 0 where y is not seen. */
static void innovate(const elbo_observed_controller *c, const gsl_vector *y,
                     elbo_observed_filter *f)
{
    gsl_vector_memcpy(f->e, y);
    gsl_vector_sub(f->e, c->model.d);
    gsl_blas_dgemv(CblasNoTrans, -1, c->model.C, f->p, 1, f->e);
    for (size_t i = 0; i < c->ny; i++) {
        f->seen[i] = !isnan(gsl_vector_get(y, i));
        if (!f->seen[i]) gsl_vector_set(f->e, i, 0);
    }
}

elbo_status elbo_observed_controller_act(const elbo_observed_controller *c, size_t t,
                                         const gsl_vector *y,
                                         elbo_observed_filter *filter, gsl_vector *u,
                                         elbo_arena *ws)
{
    const elbo_linear_policy *const pi = &c->policy[at(t, c->stages)];
    const gsl_matrix *L = filter->L;

    innovate(c, y, filter);
    if (c->courses > 0)
        ELBO_TRY(elbo_filter_step(&c->model.step, filter->seen, filter->P, filter->L,
                                  ws));
    else
        L = c->L[at(t, c->T + 1)];

    /* b = p + L e, u = K b + k */
    gsl_vector_memcpy(filter->b, filter->p);
    gsl_blas_dgemv(CblasNoTrans, 1, L, filter->e, 1, filter->b);
    gsl_vector_memcpy(u, pi->k);
    gsl_blas_dgemv(CblasNoTrans, 1, pi->K, filter->b, 1, u);
    return ELBO_OK;
}

void elbo_observed_controller_predict(const elbo_observed_controller *c,
                                      const gsl_vector *u,
                                      elbo_observed_filter *filter)
{
    gsl_vector_memcpy(filter->p, c->model.b);
    gsl_blas_dgemv(CblasNoTrans, 1, c->model.A, filter->b, 1, filter->p);
    gsl_blas_dgemv(CblasNoTrans, 1, c->model.B, u, 1, filter->p);
}

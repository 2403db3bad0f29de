/* tests/test_ilqr.c -- iLQR: LQR in one step, gradients by differences,
 * swing-ups. */
#include "inference/messages/ilqr.h"

#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "envs/registry.h"
#include "inference/core/alloc.h"
#include "inference/core/rng.h"
#include "tests/linear_control.h"
#include "tests/lqr_cases.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

/* A problem whose parts live in an arena. */
typedef struct task {
    linear_map f, h, h_end;
    elbo_plant plant;
    double limit;
    gsl_matrix *u;
    elbo_ilqr_problem p;
} task;

/* u_t = amplitude sin(t) */
static void first_inputs(task *w, double amplitude)
{
    for (size_t t = 0; t < w->u->size1; t++)
        for (size_t i = 0; i < w->u->size2; i++)
            gsl_matrix_set(w->u, t, i, amplitude * sin((double)(t + i)));
}

/* The LQR-equivalence experiment. */
static void lqr_task(task *w, elbo_arena *ws)
{
    static const double goal[] = {10, 10, 0}, start[] = {5, 5};
    static const double weight[] = {10, 10, 1};

    *w = (task){.f = lq_dynamics(goal, lq_A, lq_B, ws),
                .h = identity_map(LQ_NX + LQ_NU, ws),
                .h_end = identity_map(LQ_NX, ws),
                .u = elbo_arena_mat(ws, LQ_T, LQ_NU)};
    w->p = (elbo_ilqr_problem){.nx = LQ_NX,
                               .nu = LQ_NU,
                               .T = LQ_T,
                               .f = linear_map_of(&w->f),
                               .h = linear_map_of(&w->h),
                               .h_end = linear_map_of(&w->h_end),
                               .x0 = vector_of(LQ_NX, start, ws),
                               .goal = vector_of(LQ_NX + LQ_NU, goal, ws),
                               .goal_end = vector_of(LQ_NX, goal, ws),
                               .W = diagonal(weight, LQ_NX + LQ_NU, 1, ws),
                               .W_end = diagonal(weight, LQ_NX, 1, ws),
                               .u = w->u};
    first_inputs(w, 2.385);
}

/* A world of its own cost but for the input's weight. */
static void world_task(task *w, const elbo_dynamics *d, size_t T,
                       const char *settings, double weight_u, elbo_arena *ws)
{
    gsl_matrix *const W = diagonal(d->weight, d->nz, 1, ws);

    *w = (task){.u = elbo_arena_mat(ws, T, d->nu)};
    ck_assert_int_eq(elbo_plant_open(d, settings, ws, &w->plant), ELBO_OK);
    gsl_matrix_set(W, d->nz - 1, d->nz - 1, weight_u);
    w->limit = w->plant.limit;
    w->p =
        (elbo_ilqr_problem){.nx = d->nx,
                            .nu = d->nu,
                            .T = T,
                            .f = elbo_plant_step(&w->plant),
                            .h = elbo_plant_observe(&w->plant),
                            .h_end = elbo_plant_observe_end(&w->plant),
                            .x0 = vector_of(d->nx, d->start, ws),
                            .goal = vector_of(d->nz, d->goal, ws),
                            .goal_end = vector_of(d->nz_end, d->goal, ws),
                            .W = W,
                            .W_end = diagonal(d->weight_end, d->nz_end, 1, ws),
                            .limit = &w->limit,
                            .u = w->u};
}

static elbo_ilqr *opened(const task *w, double lambda, elbo_arena *ws)
{
    elbo_ilqr_config c = elbo_ilqr_defaults;
    elbo_ilqr *ilqr;

    c.lambda = lambda;
    ck_assert_int_eq(elbo_ilqr_open(&c, &w->p, ws, &ilqr), ELBO_OK);
    return ilqr;
}

/* Published numbers: cost, first input, last state. */
START_TEST(one_iteration_on_a_linear_world_is_lqr)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_ilqr_info info;
    task w;

    lqr_task(&w, ws);

    elbo_ilqr *const ilqr = opened(&w, 0, ws);
    const double before = elbo_ilqr_trajectory(ilqr).cost;

    ck_assert_int_eq(elbo_ilqr_iterate(ilqr, &info, ws), ELBO_OK);

    const elbo_ilqr_view view = elbo_ilqr_trajectory(ilqr);

    ck_assert(info.step == 1);
    ck_assert_double_eq_tol(info.cost, 23094.12582364921, 1e-9);
    ck_assert_double_eq_tol(before - info.cost, info.promised, 1e-10 * before);
    ck_assert_double_eq_tol(view.u[0], 70.5157474415931, 1e-10);
    ck_assert_double_eq_tol(view.x[2 * LQ_T], 10.0098932541, 1e-10);
    ck_assert_double_eq_tol(view.x[2 * LQ_T + 1], 9.9773435756, 1e-10);
    ck_assert_double_eq_tol(view.K[0], -5.8777869752, 1e-10);
    ck_assert_double_eq_tol(view.K[1], -8.2253625131, 1e-10);
    ck_assert_double_eq_tol(view.K[2 * 59], -1, 1e-10);
    ck_assert_int_eq(elbo_ilqr_iterate(ilqr, &info, ws), ELBO_OK);
    ck_assert(info.converged);
    ck_assert_double_lt(info.gradient, 1e-6); /* 1e9 at first */
    elbo_arena_free(ws);
}
END_TEST

/* J of inputs by a roll-out of its own. */
static double cost_of(const task *w, const double u[])
{
    const elbo_ilqr_problem *const p = &w->p;
    double xu[8], next[8], z[8], cost = 0;

    memcpy(xu, p->x0->data, p->nx * sizeof *xu);
    for (size_t t = 0; t <= p->T; t++) {
        const elbo_map *const h = t < p->T ? &p->h : &p->h_end;
        const gsl_matrix *const W = t < p->T ? p->W : p->W_end;

        if (t < p->T) xu[p->nx] = u[t];
        h->value(h->self, xu, z);
        for (size_t i = 0; i < h->ny; i++)
            cost += gsl_matrix_get(W, i, i)
                    * pow(z[i] - gsl_vector_get(p->goal, i), 2);
        if (t == p->T) break;
        p->f.value(p->f.self, xu, next);
        memcpy(xu, next, p->nx * sizeof *xu);
    }
    return cost;
}

/* Largest |dJ/du_t| by central differences. */
static double gradient_of(const task *w, const double u[], double h,
                          elbo_arena *ws)
{
    double *const v = elbo_arena_doubles(ws, w->p.T), largest = 0;

    memcpy(v, u, w->p.T * sizeof *v);
    for (size_t t = 0; t < w->p.T; t++) {
        double high, low;

        v[t] = u[t] + h;
        high = cost_of(w, v);
        v[t] = u[t] - h;
        low = cost_of(w, v);
        v[t] = u[t];
        largest = fmax(largest, fabs(high - low) / (2 * h));
    }
    return largest;
}

START_TEST(gradients_match_differences_and_vanish_at_the_solution)
{
    static const elbo_dynamics *const worlds[] = {&elbo_cart_pole,
                                                  &elbo_double_pendulum};
    /* over more steps the double pendulum is too unstable for differences */
    static const size_t lengths[] = {500, 40};
    elbo_arena *const ws = elbo_arena_alloc(1 << 20);
    elbo_ilqr_info info;
    task w;

    world_task(&w, worlds[_i], lengths[_i], "limit=1e9", _i ? 0.1 : 1, ws);
    first_inputs(&w, 1);

    elbo_ilqr *const ilqr = opened(&w, 100, ws);
    const double first = gradient_of(&w, w.u->data, 1e-4, ws);

    ck_assert_int_eq(elbo_ilqr_iterate(ilqr, &info, ws), ELBO_OK);
    ck_assert_double_eq_tol(info.gradient, first, 1e-5 * first);
    ck_assert_int_eq(elbo_ilqr_solve(ilqr, 300, &info, ws), ELBO_OK);
    ck_assert(info.converged);

    const elbo_ilqr_view view = elbo_ilqr_trajectory(ilqr);

    ck_assert_double_eq_tol(cost_of(&w, view.u), view.cost, 1e-9 * view.cost);
    ck_assert_double_lt(gradient_of(&w, view.u, 1e-4, ws), 1e-2);
    ck_assert_double_lt(info.gradient, 1e-3);
    elbo_arena_free(ws);
}
END_TEST

/* Every start falls to some local minimum, never rising; of eight, the best
 * swings up. i2c's roll-outs of the same costs: 14 210, 84 992, 15 622. */
static const struct {
    const elbo_dynamics *world;
    double weight_u, cost;
    size_t angle, angles, iterations;
} swing_ups[] = {
    {&elbo_pendulum,        2,   12586.487961, 0, 1, 150},
    {&elbo_cart_pole,       1,   76076.165524, 1, 1, 60 },
    {&elbo_double_pendulum, 0.1, 15566.891131, 0, 2, 60 },
};

static double descend(task *w, double amplitude, double lambda,
                      size_t iterations, double x[], elbo_arena *ws)
{
    elbo_ilqr_info info;
    double last;

    first_inputs(w, amplitude);

    elbo_ilqr *const ilqr = opened(w, lambda, ws);

    last = elbo_ilqr_trajectory(ilqr).cost;
    for (size_t k = 0; k < iterations; k++) {
        ck_assert_int_eq(elbo_ilqr_iterate(ilqr, &info, ws), ELBO_OK);
        ck_assert_double_le(info.cost, last);
        ck_assert(info.step > 0 || info.converged || info.stuck);
        last = info.cost;
        if (info.converged || info.stuck) break;
    }

    const elbo_ilqr_view view = elbo_ilqr_trajectory(ilqr);

    for (size_t t = 0; t < w->p.T; t++)
        ck_assert_double_le(fabs(view.u[t]), w->limit);
    memcpy(x, view.x + w->p.T * w->p.nx, w->p.nx * sizeof *x);
    return view.cost;
}

START_TEST(worlds_swing_up_within_their_limits)
{
    static const double amplitudes[] = {0.01, 0.1, 1, 3}, lambdas[] = {1, 100};
    elbo_arena *const ws = elbo_arena_alloc(1 << 20);
    double best = HUGE_VAL, end[8], x[8];
    task w;

    world_task(&w, swing_ups[_i].world, swing_ups[_i].world->horizon, "",
               swing_ups[_i].weight_u, ws);
    for (size_t i = 0; i < 8; i++) {
        const double cost = descend(&w, amplitudes[i / 2], lambdas[i % 2],
                                    swing_ups[_i].iterations, x, ws);

        if (cost >= best) continue;
        best = cost;
        memcpy(end, x, sizeof end);
    }
    ck_assert_double_lt(best, 1.001 * swing_ups[_i].cost);
    for (size_t i = 0; i < swing_ups[_i].angles; i++)
        ck_assert_double_lt(
            fabs(remainder(end[swing_ups[_i].angle + i], 2 * M_PI)), 0.1);
    elbo_arena_free(ws);
}
END_TEST

static void save_to(const char *path, const elbo_ilqr *ilqr)
{
    elbo_writer *const out = elbo_writer_alloc();

    elbo_writer_section(out, "ilqr");
    elbo_ilqr_save(ilqr, out);
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    elbo_writer_free(out);
}

static elbo_status load_from(const char *path, elbo_ilqr *ilqr)
{
    elbo_reader *in;

    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "ilqr"), ELBO_OK);

    const elbo_status s = elbo_ilqr_load(ilqr, in);

    elbo_reader_free(in);
    return s;
}

START_TEST(a_checkpoint_continues_to_the_same_bits)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 20);
    elbo_ilqr_info a, b;
    task w, other;

    world_task(&w, &elbo_pendulum, 100, "", 2, ws);
    lqr_task(&other, ws);
    first_inputs(&w, 0.5);

    elbo_ilqr *const whole = opened(&w, 1, ws), *const resumed =
                                                    opened(&w, 7, ws);

    for (size_t k = 0; k < 12; k++)
        ck_assert(!elbo_ilqr_iterate(whole, &a, ws));
    save_to(scratch_path, whole);
    ck_assert_int_eq(load_from(scratch_path, resumed), ELBO_OK);
    ck_assert_int_eq(load_from(scratch_path, opened(&other, 1, ws)),
                     ELBO_EDATA);
    for (size_t k = 0; k < 12; k++) {
        ck_assert(!elbo_ilqr_iterate(whole, &a, ws));
        ck_assert(!elbo_ilqr_iterate(resumed, &b, ws));
        ck_assert(memcmp(&a, &b, sizeof a) == 0);
    }
    elbo_arena_free(ws);
}
END_TEST

/* The controller is the trajectory, and feedback off it, within the limits. */
START_TEST(acting_follows_the_trajectory)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 20);
    elbo_ilqr_info info;
    double u, x[2];
    task w;

    world_task(&w, &elbo_pendulum, 100, "", 2, ws);
    first_inputs(&w, 1);

    elbo_ilqr *const ilqr = opened(&w, 100, ws);

    ck_assert_int_eq(elbo_ilqr_solve(ilqr, 60, &info, ws), ELBO_OK);

    const elbo_ilqr_view view = elbo_ilqr_trajectory(ilqr);

    for (size_t t = 0; t < w.p.T; t++) {
        elbo_ilqr_act(ilqr, t, view.x + 2 * t, &u);
        ck_assert_double_eq_tol(u, view.u[t], 1e-14);
        memcpy(x, view.x + 2 * t, sizeof x);
        x[1] += 0.05;
        elbo_ilqr_act(ilqr, t, x, &u);
        ck_assert_double_eq_tol(
            u, fmax(-2, fmin(2, view.u[t] + 0.05 * view.K[2 * t + 1])), 1e-13);
    }
    elbo_arena_free(ws);
}
END_TEST

static void broken(const void *self, const double xu[], double next[])
{
    (void)self;
    next[0] = xu[0] + (xu[0] > 3 ? nan("") : xu[2]);
    next[1] = xu[1];
}

START_TEST(wrong_settings_and_worlds_are_refused)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 20);
    elbo_ilqr_config c = elbo_ilqr_defaults;
    const double none = 0;
    elbo_ilqr *ilqr;
    task w;

    lqr_task(&w, ws);
    c.lambda = -1;
    ck_assert_int_eq(elbo_ilqr_open(&c, &w.p, ws, &ilqr), ELBO_EINVAL);
    c = elbo_ilqr_defaults;
    c.factor = 1;
    ck_assert_int_eq(elbo_ilqr_open(&c, &w.p, ws, &ilqr), ELBO_EINVAL);
    c = elbo_ilqr_defaults;
    w.p.limit = &none;
    ck_assert_int_eq(elbo_ilqr_open(&c, &w.p, ws, &ilqr), ELBO_EINVAL);
    w.p.limit = NULL;
    w.p.f.value = broken;
    ck_assert_int_eq(elbo_ilqr_open(&c, &w.p, ws, &ilqr), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "ilqr: step 0"));
    elbo_arena_free(ws);
}
END_TEST

START_TEST(lost_allocations_are_reported)
{
    elbo_arena *const parts = elbo_arena_alloc(1 << 16);
    elbo_ilqr_info info;
    elbo_status s;
    long n = 0;
    task w;

    lqr_task(&w, parts);
    do {
        elbo_ilqr *ilqr;

        elbo_alloc_budget(n++);

        elbo_arena *const arena = elbo_arena_alloc(64);

        s = arena ? elbo_ilqr_open(&elbo_ilqr_defaults, &w.p, arena, &ilqr)
                  : ELBO_ENOMEM;
        if (s == ELBO_OK) s = elbo_ilqr_iterate(ilqr, &info, arena);
        elbo_arena_free(arena);
        elbo_alloc_budget(-1);
    } while (s == ELBO_ENOMEM);
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(n, 3);
    elbo_arena_free(parts);
}
END_TEST

Suite *suite_ilqr(void)
{
    Suite *const s = suite_create("ilqr");
    TCase *const t = tcase_create("ilqr");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, one_iteration_on_a_linear_world_is_lqr);
    tcase_add_loop_test(
        t, gradients_match_differences_and_vanish_at_the_solution, 0, 2);
    tcase_add_loop_test(t, worlds_swing_up_within_their_limits, 0, 3);
    tcase_add_test(t, a_checkpoint_continues_to_the_same_bits);
    tcase_add_test(t, acting_follows_the_trajectory);
    tcase_add_test(t, wrong_settings_and_worlds_are_refused);
    tcase_add_test(t, lost_allocations_are_reported);
    suite_add_tcase(s, t);
    return s;
}

/* tests/test_observed_missing.c -- control on a filter that does not see all of y, and
 * files whose rows are seen in part.
 */
#include <gsl/gsl_blas.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/observed_cases.h"
#include "tests/suites.h"

static const case_text blind = {
    .env_own = "states=3 outputs=2 inputs=2 offset=0.5 drift=0.2 goal=1 missing=0.4",
    .env_common = "horizon=12 discount=0.9",
    .control = "lqg",
    .data = "steps=360 episode_steps=12",
};

static elbo_engine *open_case(case_setup *c, int kind, const char *common,
                              unsigned instance)
{
    case_text text = blind;

    text.model = kind ? "lds" : "true";
    text.model_own = kind == 0   ? NULL
                     : kind == 1 ? "states=2 feedthrough=false"
                                 : "states=4 feedthrough=false estimate=variational";
    if (common) text.env_common = common;
    return observed_open(c, &text, instance);
}

/* ---- what is earned ---- */

/* Of a world that is stepped here: courses are the controller's own, in turn. */
typedef struct play {
    const elbo_observed *o;
    elbo_observed_filter filter;
    gsl_matrix *start, *noise, *sight; /* roots of P0, Q, R */
    gsl_vector *x, *next, *y, *e, *u;
    elbo_rng rng;
} play;

static void play_init(play *p, const elbo_engine *e)
{
    const elbo_observed *const o = e->observed;
    const elbo_lgssm *const w = o->world.lds;

    *p = (play){.o = o,
                .start = elbo_arena_mat(e->ws, w->nx, w->nx),
                .noise = elbo_arena_mat(e->ws, w->nx, w->nx),
                .sight = elbo_arena_mat(e->ws, w->ny, w->ny),
                .x = elbo_arena_vec(e->ws, w->nx),
                .next = elbo_arena_vec(e->ws, w->nx),
                .y = elbo_arena_vec(e->ws, w->ny),
                .e = elbo_arena_vec(e->ws, w->nx + w->ny),
                .u = elbo_arena_vec(e->ws, w->nu),
                .rng = elbo_rng_stream(5, "test", 0)};
    case_ok(elbo_observed_filter_init(&o->controller, &p->filter, e->ws));
    case_ok(elbo_psd_factor(w->P0, p->start, e->ws));
    case_ok(elbo_psd_factor(w->steps->Q, p->noise, e->ws));
    case_ok(elbo_psd_factor(w->steps->R, p->sight, e->ws));
}

static void disturb(play *p, const gsl_matrix *L, gsl_vector *to)
{
    gsl_vector_view e = gsl_vector_subvector(p->e, 0, L->size1);

    elbo_rng_normals(&p->rng, e.vector.data, L->size1);
    gsl_blas_dgemv(CblasNoTrans, 1, L, &e.vector, 1, to);
}

static double reward(const elbo_observed_cost *cost, const gsl_vector *y,
                     const gsl_vector *u)
{
    double r = 0;

    for (size_t i = 0; i < y->size; i++)
        for (size_t j = 0; j < y->size; j++)
            r -= gsl_matrix_get(cost->Q, i, j)
                 * (gsl_vector_get(y, i) - gsl_vector_get(cost->goal, i))
                 * (gsl_vector_get(y, j) - gsl_vector_get(cost->goal, j)) / 2;
    for (size_t i = 0; i < u->size; i++)
        for (size_t j = 0; j < u->size; j++)
            r -= gsl_matrix_get(cost->R, i, j) * gsl_vector_get(u, i)
                 * gsl_vector_get(u, j) / 2;
    return r;
}

static double episode(play *p, size_t course, size_t T, elbo_arena *ws)
{
    const elbo_observed_controller *const c = &p->o->controller;
    const elbo_lgssm *const w = p->o->world.lds;
    const elbo_lgssm_step *const s = w->steps;
    double J = 0, discount = 1;

    gsl_vector_memcpy(p->x, w->m0);
    disturb(p, p->start, p->x);
    elbo_observed_filter_start(c, &p->filter);
    for (size_t t = 0; t < T; t++, discount *= c->gamma) {
        const bool *const seen = c->seen + (course * (c->steps + 1) + t) * c->ny;

        gsl_vector_memcpy(p->y, s->d);
        gsl_blas_dgemv(CblasNoTrans, 1, s->C, p->x, 1, p->y);
        disturb(p, p->sight, p->y);

        double y[4];

        memcpy(y, p->y->data, c->ny * sizeof *y);
        for (size_t i = 0; i < c->ny; i++)
            if (!seen[i]) gsl_vector_set(p->y, i, (double)NAN);
        case_ok(elbo_observed_controller_act(c, t, p->y, &p->filter, p->u, ws));
        elbo_observed_controller_predict(c, p->u, &p->filter);
        memcpy(p->y->data, y, c->ny * sizeof *y);
        J += discount * reward(p->o->world.cost, p->y, p->u);
        gsl_vector_memcpy(p->next, s->b);
        gsl_blas_dgemv(CblasNoTrans, 1, s->A, p->x, 1, p->next);
        gsl_blas_dgemv(CblasNoTrans, 1, s->B, p->u, 1, p->next);
        disturb(p, p->noise, p->next);
        gsl_vector_memcpy(p->x, p->next);
    }
    return J;
}

/* J of the row against the mean of what episodes earn on the same courses. */
START_TEST(the_return_is_what_episodes_earn)
{
    case_setup c;
    elbo_engine *const e =
        open_case(&c, _i / 2, _i % 2 ? "discount=0.9" : NULL, 2);
    const size_t T = _i % 2 ? 120 : 12, n = 4000;
    double sum = 0, squares = 0;
    elbo_row row;
    play p;

    observed_iterate(e, &row, 5);
    play_init(&p, e);
    ck_assert_uint_eq(p.o->controller.courses, 32);
    for (size_t i = 0; i < n; i++) {
        const double J = episode(&p, i % 32, T, e->ws);

        sum += J;
        squares += J * J;
    }

    const double N = (double)n, mean = sum / N;
    const double error = sqrt((squares / N - mean * mean) / N);

    ck_assert_double_lt(error, 0.05 * fabs(mean));
    ck_assert_double_eq_tol(row.return_real, mean, 4.5 * error);
    if (_i < 2) ck_assert(row.return_real == row.return_model);
    observed_close(&c, e);
}
END_TEST

/* A mean over 4000 courses against the sum over all 16 of y_0, y_1. */
START_TEST(courses_are_those_of_independent_losses)
{
    enum { T = 2, NY = 2, ALL = 16 };
    case_setup c;
    case_text text = blind;
    elbo_row row;
    double each[ALL], J = 0, second = 0;

    text.model = "true";
    text.env_common = "horizon=2 discount=0.9";
    text.data = "steps=4";
    text.evaluation = "episodes=4000";

    elbo_engine *const e = observed_open(&c, &text, (unsigned)_i);
    elbo_observed_controller *const k = &e->observed->controller;

    observed_iterate(e, &row, 1);
    ck_assert_uint_eq(k->courses, 4000);

    elbo_observed_controller one = *k;
    bool seen[(T + 1) * NY] = {0};

    one.courses = 1;
    one.seen = seen;
    for (size_t i = 0; i < ALL; i++) {
        double p = 1;

        for (size_t j = 0; j < T * NY; j++) {
            seen[j] = i >> j & 1;
            p *= seen[j] ? 0.6 : 0.4;
        }
        case_ok(elbo_observed_controller_return(&one, &e->observed->truth, &each[i],
                                                e->ws));
        J += p * each[i];
        second += p * each[i] * each[i];
    }
    ck_assert_double_eq_tol(row.return_real, J, 4.5 * sqrt((second - J * J) / 4000));
    ck_assert_double_gt(each[ALL - 1], J); /* who sees all earns most, who nothing */
    ck_assert_double_lt(each[0], J);       /* the least */
    observed_close(&c, e);
}
END_TEST

/* On every course a policy that is a little off earns less in the model. */
START_TEST(the_plan_is_the_optimum_on_every_course)
{
    case_setup c;
    elbo_engine *const e = open_case(&c, 1, NULL, (unsigned)_i);
    elbo_observed *const o = e->observed;
    elbo_row row;

    observed_iterate(e, &row, 3);
    for (size_t k = 0; k < 12; k++) {
        elbo_observed_controller one = o->controller;
        gsl_matrix *const M = one.policy[k].K;
        double *const x = gsl_matrix_ptr(M, k % M->size1, (k / 3) % M->size2);
        const double kept = *x;
        double best, J;

        one.courses = 1;
        one.seen += k * (one.steps + 1) * one.ny;
        case_ok(elbo_observed_controller_return(&one, &o->model, &best, e->ws));
        for (int sign = -1; sign <= 1; sign += 2) {
            *x = kept + 1e-3 * sign;
            case_ok(elbo_observed_controller_return(&one, &o->model, &J, e->ws));
            ck_assert_double_le(J, best + 1e-11 * fabs(J));
        }
        *x = kept;
    }
    observed_close(&c, e);
}
END_TEST

/* Where nothing is lost it is the controller that sees all, over a horizon; without
 * one its filter settles first, and earns no less than the steady gain. */
START_TEST(nothing_lost_is_everything_seen)
{
    case_setup a, b;
    case_text text = blind;
    elbo_row row, whole;

    text.model = "true";
    text.env_common = _i ? "discount=0.9" : "horizon=12 discount=0.9";
    text.env_own = "states=3 outputs=2 inputs=2 offset=0.5 goal=1 missing=1e-300";

    elbo_engine *const e = observed_open(&a, &text, 4);

    text.env_own = "states=3 outputs=2 inputs=2 offset=0.5 goal=1";

    elbo_engine *const f = observed_open(&b, &text, 4);

    observed_iterate(e, &row, 1);
    observed_iterate(f, &whole, 1);
    if (_i == 0)
        ck_assert_double_eq_tol(row.return_real, whole.return_real,
                                1e-11 * fabs(whole.return_real));
    ck_assert_double_ge(row.return_real,
                        whole.return_real - 1e-9 * fabs(whole.return_real));
    ck_assert_double_eq_tol(row.return_real, whole.return_real,
                            0.05 * fabs(whole.return_real));
    observed_close(&a, e);
    observed_close(&b, f);
}
END_TEST

/* What was drawn is what the controller says to what it saw. */
START_TEST(sequences_are_drawn_on_what_is_seen)
{
    enum { T = 12, N = 20 };
    case_setup c;
    elbo_engine *const e = open_case(&c, 1, NULL, 6);
    elbo_observed *const o = e->observed;
    const elbo_observed_behaviour how = {.episode_steps = T,
                                         .controller = &o->controller};
    elbo_rng rng = elbo_rng_stream(7, "test", 0);
    elbo_observed_filter filter;
    elbo_observed_data data;
    size_t lost = 0;
    elbo_row row;

    observed_iterate(e, &row, 2);
    case_ok(elbo_observed_data_init(&data, 2, 2, N, N * T, c.arena));
    case_ok(elbo_observed_draw(&o->world, &how, N * T, &rng, &data, e->ws));
    case_ok(elbo_observed_filter_init(&o->controller, &filter, e->ws));
    for (size_t i = 0; i < N * T; i++) {
        const gsl_vector_const_view y =
            gsl_vector_const_view_array(data.y + 2 * i, 2);
        double u[2];
        gsl_vector_view at = gsl_vector_view_array(u, 2);

        for (size_t j = 0; j < 2; j++) lost += isnan(data.y[2 * i + j]) ? 1 : 0;
        if (i % T == 0) elbo_observed_filter_start(&o->controller, &filter);
        case_ok(elbo_observed_controller_act(&o->controller, i % T, &y.vector,
                                             &filter, &at.vector, e->ws));
        elbo_observed_controller_predict(&o->controller, &at.vector, &filter);
        ck_assert(u[0] == data.u[2 * i] && u[1] == data.u[2 * i + 1]);
    }
    ck_assert_uint_gt(lost, N * T / 2);
    ck_assert_uint_lt(lost, N * T);
    observed_close(&c, e);
}
END_TEST

/* A world that runs away while it is not seen. */
START_TEST(what_does_not_settle_is_told)
{
    case_setup c;
    case_text text = blind;
    elbo_row row;

    text.env_own = "!A=1.3 B=1 C=1 missing=0.9";
    text.env_common = "discount=0.99";
    text.model = "true";
    text.data = "steps=9";

    elbo_engine *const e = observed_open(&c, &text, 1);

    case_fails(elbo_engine_iterate(e, &row), ELBO_ECHECK,
               "the controller does not stabilise");
    observed_close(&c, e);
}
END_TEST

/* ---- files ---- */

/* Two regimes, columns lost here and there: read, learnt from, predicted. */
START_TEST(chains_learn_from_files_with_holes)
{
    enum { ROWS = 120 };
    char path[] = "/tmp/elbo-missing-XXXXXX", own[64], lines[ROWS * 48] = {0};
    case_text text = {.env = "sequences", .env_own = own, .control = "none",
                      .model = "hmm",
                      .model_own = _i ? "states=2 estimate=variational" : "states=2",
                      .evaluation = "held_out=0.3 held_out_of=steps"};
    elbo_rng rng = elbo_rng_stream(3, "file", 0);
    size_t at = (size_t)snprintf(lines, sizeof lines, "sequence,y1,y2\n");
    double before = -HUGE_VAL;
    case_setup c;
    elbo_row row;

    for (size_t i = 0; i < ROWS; i++) {
        const double middle = i / 20 % 2 ? 3 : -3;
        char y[2][20] = {"", ""};
        double noise[2];

        elbo_rng_normals(&rng, noise, 2);
        for (size_t j = 0; j < 2; j++)
            if (elbo_rng_uniform(&rng) > 0.3)
                snprintf(y[j], sizeof y[j], "%.3f", middle + noise[j]);
        at += (size_t)snprintf(lines + at, sizeof lines - at, "%zu,%s,%s\n",
                               1 + i / 40, y[0], y[1]);
    }
    case_file(path, lines);
    snprintf(own, sizeof own, "!file=%s", path + strlen("/tmp/"));

    elbo_engine *const e = observed_open(&c, &text, 1);

    for (int k = 0; k < 15; k++) {
        observed_iterate(e, &row, 1);
        ck_assert_double_ge(row.elbo, before - 1e-9 * fabs(row.elbo));
        before = row.elbo;
    }
    /* two bells of deviation 1: log 2 pi e = 2.84 a whole row, less what is lost */
    ck_assert_double_gt(row.own.x[row.own.n - 1], -3.2);
    unlink(path);
    observed_close(&c, e);
}
END_TEST

Suite *suite_observed_missing(void)
{
    Suite *const suite = suite_create("observed_missing");
    TCase *const t = tcase_create("control"), *const files = tcase_create("files");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_return_is_what_episodes_earn, 0, 6);
    tcase_add_loop_test(t, courses_are_those_of_independent_losses, 0, 3);
    tcase_add_loop_test(t, the_plan_is_the_optimum_on_every_course, 0, 4);
    tcase_add_loop_test(t, nothing_lost_is_everything_seen, 0, 2);
    tcase_add_test(t, sequences_are_drawn_on_what_is_seen);
    tcase_add_test(t, what_does_not_settle_is_told);
    suite_add_tcase(suite, t);
    tcase_add_loop_test(files, chains_learn_from_files_with_holes, 0, 2);
    suite_add_tcase(suite, files);
    return suite;
}

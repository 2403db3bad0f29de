/* tests/test_linear_data.c -- where transitions of linear-Gaussian worlds come
 * from. */
#include <check.h>
#include <math.h>
#include <unistd.h>

#include "tests/linear_cases.h"
#include "tests/suites.h"

enum { N = 3, M = 2 };

/* Five times the standard error of sum z_i z_j over the data's episodes. */
static double spread(const elbo_linear_data *data, size_t i, size_t j,
                     size_t episodes)
{
    const size_t steps = data->n / episodes;
    double sum = 0, squares = 0;

    for (size_t k = 0; k < episodes; k++) {
        double one = 0;

        for (size_t t = 0; t < steps; t++) {
            const double *x = data->x + (k * steps + t) * N;
            const double *u = data->u + (k * steps + t) * M;
            const double z[] = {x[0], x[1], x[2], u[0], u[1], 1};

            one += z[i] * z[j];
        }
        sum += one;
        squares += one * one;
    }

    const double n = (double)episodes, mean = sum / n;

    return 5 * sqrt(n * fmax(squares / n - mean * mean, 0));
}

/* What is drawn has the moments of what is exact, within five standard errors of
 * 4000 episodes: the random actions' share of the variance of u, 0.245 a step, is
 * more than ten of them. */
START_TEST(a_population_is_the_limit_of_its_samples)
{
    const case_text exact = {
        .env_common = "horizon=5 discount=1",
        .control_common = "temperature=0.2",
        .data = "source=population policy=expert steps=20000 epsilon=0.5 noise=0.7"};
    case_text drawn = exact;
    case_setup a, b;
    elbo_row row;

    drawn.data = "policy=expert steps=20000 epsilon=0.5 noise=0.7";

    elbo_engine *p = linear_open(&a, &exact, 2), *q = linear_open(&b, &drawn, 2);

    case_ok(elbo_engine_iterate(p, &row));
    ck_assert_uint_eq(row.env_steps, 20000);
    case_ok(elbo_engine_iterate(q, &row));
    ck_assert_uint_eq(row.env_steps, 20000);

    const elbo_moments *x = &p->linear->D[0], *y = &q->linear->D[0];
    const elbo_linear_data *data = &q->linear->data;

    ck_assert_double_eq_tol(x->n, 20000, 1e-8);
    for (size_t i = 0; i < N + M + 1; i++)
        for (size_t j = 0; j < N + M + 1; j++)
            ck_assert_double_eq_tol(gsl_matrix_get(x->Szz, i, j), gsl_matrix_get(y->Szz, i, j),
                                    spread(data, i, j, 4000) + 1e-8);
    for (size_t k = 0; k < M; k++)
        ck_assert_double_lt(2 * spread(data, N + k, N + k, 4000), 0.245 * 20000);
    case_stop(&a, p);
    case_stop(&b, q);
}
END_TEST

START_TEST(transitions_are_read_from_a_file)
{
    char path[] = "/tmp/elbo-linear-XXXXXX";
    elbo_arena *arena = elbo_arena_alloc(1 << 12);
    elbo_linear_data data;
    elbo_moments S;

    case_file(path, "u1,x1,y1\n1,2,3\n-1,0.5,0.25\n");
    case_ok(elbo_linear_data_read(&data, path, 1, 1, arena));
    case_ok(elbo_moments_init(&S, 1, 3, arena));
    case_ok(elbo_linear_data_moments(&data, 2, 1, &S, arena));
    ck_assert(S.n == 4);
    ck_assert_double_eq_tol(gsl_matrix_get(S.Szz, 0, 1), 2 * (2 * 1 - 0.5), 1e-15);
    ck_assert_double_eq_tol(gsl_matrix_get(S.Syz, 0, 0), 2 * (6 + 0.125), 1e-15);
    ck_assert_double_eq_tol(gsl_matrix_get(S.Syz, 0, 2), 2 * 3.25, 1e-15);
    unlink(path);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(a_fault_in_a_file_has_its_place)
{
    char path[] = "/tmp/elbo-linear-XXXXXX";
    elbo_arena *arena = elbo_arena_alloc(1 << 12);
    elbo_linear_data data;

    case_file(path, "u1,x1,y1\n1,2,3\n-1,nan,0.25\n");
    case_fails(elbo_linear_data_read(&data, path, 1, 1, arena), ELBO_EDATA,
               ":3:4");
    unlink(path);
    elbo_arena_free(arena);
}
END_TEST

/* Continuous time by steps: against many small explicit ones. */
START_TEST(a_held_input_follows_the_differential_equation)
{
    static const char *const worlds[] = {"boeing747", "spring_mass"};
    case_setup c;
    elbo_engine *e = linear_open(
        &c,
        &(case_text){.env = worlds[_i],
                     .env_own = "dt=0.25",
                     .model = "true",
                     .data = "steps=0"},
        0);
    const elbo_linear_world *w = &e->linear->world;
    case_setup d;
    case_text fine = {.env = worlds[_i],
                      .env_own = "dt=0.125",
                      .model = "true",
                      .data = "steps=0"};
    elbo_engine *half = linear_open(&d, &fine, 0);
    const elbo_linear_world *h = &half->linear->world;

    /* exp(F dt) = exp(F dt/2)^2, and B = (A_half + I) B_half */
    for (size_t i = 0; i < w->nx; i++) {
        for (size_t j = 0; j < w->nx; j++) {
            double sum = 0;

            for (size_t k = 0; k < w->nx; k++)
                sum += gsl_matrix_get(h->dynamics.A, i, k)
                       * gsl_matrix_get(h->dynamics.A, k, j);
            ck_assert_double_eq_tol(gsl_matrix_get(w->dynamics.A, i, j), sum, 1e-12);
        }
        for (size_t j = 0; j < w->nu; j++) {
            double sum = gsl_matrix_get(h->dynamics.B, i, j);

            for (size_t k = 0; k < w->nx; k++)
                sum += gsl_matrix_get(h->dynamics.A, i, k)
                       * gsl_matrix_get(h->dynamics.B, k, j);
            ck_assert_double_eq_tol(gsl_matrix_get(w->dynamics.B, i, j), sum, 1e-12);
        }
    }
    case_stop(&d, half);
    case_stop(&c, e);
}
END_TEST

Suite *suite_linear_data(void)
{
    Suite *s = suite_create("linear_data");
    TCase *t = tcase_create("data");

    tcase_add_test(t, a_population_is_the_limit_of_its_samples);
    tcase_add_test(t, transitions_are_read_from_a_file);
    tcase_add_test(t, a_fault_in_a_file_has_its_place);
    tcase_add_loop_test(t, a_held_input_follows_the_differential_equation, 0, 2);
    suite_add_tcase(s, t);
    return s;
}

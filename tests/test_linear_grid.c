/* tests/test_linear_grid.c -- the language of linear-Gaussian worlds against the
 * finite one, on a line of cells.
 */
#include <check.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "inference/language/program.h"
#include "tests/linear_cases.h"
#include "tests/suites.h"

enum { CELLS = 4001, SAMPLES = 5 };

static const char *const common[] = {
    "E(V(y))", "Var(V(y))", "-0.5*E(sq(V(y)-V(next)))", "-0.5*sq(E(V(y))-V(next))",
    "E(V(y)*V(y))", "sum(E(y)-next)", "sum(gradV(next)*(E(y)-next))",
    "logp-stop(logp)+abs(mean(E(V(y))-V(next)))",
};
enum { COMMON = sizeof common / sizeof *common };

/* Cells of width h about 0, p a Gaussian's density times h: sums over cells are
 * integrals up to the tails, for smooth f. */
START_TEST(a_fine_grid_in_the_finite_language_agrees)
{
    const double h = 0.005, A = 0.8, B = 0.5, c = 0.1, W = 0.09, P = 1.3, p1 = 0.4;
    const double s[SAMPLES] = {-1, -0.5, 0.2, 0.7, 1.5};
    const double u[SAMPLES] = {0.3, -0.8, 0.1, 1, -0.4};
    const double y[SAMPLES] = {-0.6, -0.7, 0.4, 1, 0.9};
    const double one[SAMPLES] = {1, 1, 1, 1, 1}, zero[SAMPLES] = {0};
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    size_t *start = elbo_arena_sizes(arena, CELLS + 1);
    uint32_t *successor = elbo_arena_u32(arena, SAMPLES * CELLS);
    double *prob = elbo_arena_doubles(arena, SAMPLES * CELLS);
    double *V = elbo_arena_doubles(arena, CELLS + 1);
    int32_t *coord = elbo_arena_take(arena, CELLS + 1, sizeof *coord);
    uint32_t row[SAMPLES], next[SAMPLES], entry[SAMPLES], step[SAMPLES] = {0};
    double finite[SAMPLES], gaussian[SAMPLES];
    const double level = -1.1;
    size_t k = 0, sample, column;
    elbo_expr *expr;
    elbo_program *program;
    elbo_gaussian *other;
    const elbo_scope cells = {.coordinates = true, .finite = true};
    const elbo_scope line = {.coordinates = true};

    for (size_t i = 0; i < CELLS; i++) {
        const double x = h * ((double)i - CELLS / 2);

        coord[i] = (int32_t)i - CELLS / 2;
        V[i] = -P * x * x / 2 + p1 * x + level;
    }
    V[CELLS] = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        row[i] = (uint32_t)(CELLS / 2 + lround(s[i] / h));
        next[i] = (uint32_t)(CELLS / 2 + lround(y[i] / h));
        entry[i] = (uint32_t)(i * CELLS) + next[i];
        for (size_t j = 0; j < CELLS; j++, k++) {
            const double off =
                h * ((double)j - CELLS / 2) - (A * s[i] + B * u[i] + c);

            successor[k] = (uint32_t)j;
            prob[k] = h / sqrt(2 * M_PI * W) * exp(-off * off / (2 * W));
        }
    }
    for (size_t i = 0; i <= CELLS; i++) {
        start[i] = 0;
        for (size_t j = 0; j < SAMPLES; j++) start[i] += row[j] < i ? CELLS : 0;
    }

    const elbo_batch batch = {.nS = CELLS, .nA = 1, .n = SAMPLES, .row = row,
                              .next = next, .entry = entry, .r = zero, .weight = one,
                              .nnz = SAMPLES * CELLS, .start = start,
                              .successor = successor, .gamma = 0.9, .coord = coord,
                              .dim = 1, .epochs = 1};
    const elbo_gaussian_batch plain = {.nx = 1, .nu = 1, .model_stages = 1,
                                       .n = SAMPLES, .x = s, .u = u, .y = y,
                                       .weight = one, .step = step, .gamma = 0.9};
    const double M[] = {A, B, c}, precision = 1 / W, logdet = log(W);
    const double *table[ELBO_GAUSSIAN_TABLES] = {
        [ELBO_GAUSSIAN_M] = M,           [ELBO_GAUSSIAN_W] = &W,
        [ELBO_GAUSSIAN_V_P] = &P,        [ELBO_GAUSSIAN_V_p] = &p1,
        [ELBO_GAUSSIAN_V_c] = &level,    [ELBO_GAUSSIAN_PRECISION] = &precision,
        [ELBO_GAUSSIAN_LOGDET] = &logdet};
    const elbo_bindings bind = {.p = prob, .V = V};
    /* a state counts cells there */
    const double unit = strstr(common[_i], "gradV") ? 1
                        : strstr(common[_i], "next)") == common[_i] + 9 ? h : 1;

    case_ok(elbo_expression_parse(common[_i], arena, &expr, &column));
    case_ok(elbo_expression_check(expr, &cells, &column, NULL));
    case_ok(elbo_program_alloc(expr, &batch, &program, &column));
    case_ok(elbo_program_values(program, &bind, finite, &sample));
    elbo_program_free(program);
    case_ok(elbo_expression_check(expr, &line, &column, NULL));
    case_ok(elbo_gaussian_alloc(expr, &plain, &other, &column));
    case_ok(elbo_gaussian_values(other, table, gaussian));
    elbo_gaussian_free(other);
    for (size_t i = 0; i < SAMPLES; i++)
        ck_assert_msg(fabs(unit * finite[i] - gaussian[i]) <= 1e-9,
                      "%s, sample %zu: %.12g on the grid, %.12g", common[_i], i,
                      unit * finite[i], gaussian[i]);
    elbo_arena_free(arena);
}
END_TEST

Suite *suite_linear_grid(void)
{
    Suite *s = suite_create("linear_grid");
    TCase *t = tcase_create("linear_objective");
    tcase_add_loop_test(t, a_fine_grid_in_the_finite_language_agrees, 0, COMMON);
    suite_add_tcase(s, t);
    return s;
}

#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/norm_bound.h"
#include "tests/mstep_cases.h"
#include "tests/suites.h"

enum { N = 5 };

/* f = -1/2 sum a (x - c)^2 and the balls that x may be kept in. */
typedef struct hill {
    double a[N], c[N], weight[N];
    uint8_t ball[N];
    elbo_balls balls;
} hill;

static const hill slope_of_a_hill = {
    .a = {1, 4,  0.5, 9, 2 },
    .c = {3, -2, 5,   1, -4},
    .weight = {1, 2,  0.5, 3, 1 },
};

static hill hill_of(size_t n_balls, double radius)
{
    hill h = slope_of_a_hill;

    for (size_t j = 0; j < N; j++) h.ball[j] = n_balls == 2 && j >= 3;
    h.balls = (elbo_balls){.n_balls = n_balls, .n = N, .radius = radius};
    return h;
}

static elbo_status hill_value(void *self, const double x[], double *value,
                              double grad[])
{
    const hill *const h = self;

    *value = 0;
    for (size_t j = 0; j < N; j++) {
        const double d = x[j] - h->c[j];

        if (x[j] > 40) return ELBO_FAIL(ELBO_ENOTFINITE, "a cliff");
        *value -= 0.5 * h->a[j] * d * d;
        if (grad) grad[j] = -h->a[j] * d;
    }
    return ELBO_OK;
}

static elbo_status climb(const elbo_ascender *method, hill *h, double x[],
                         double rate, size_t iterations, elbo_ascent_info *info)
{
    elbo_arena *const ws = elbo_arena_alloc(4096);
    const elbo_summit f = {h, N, 1, hill_value};

    h->balls.ball = h->ball;
    h->balls.weight = h->weight;

    const elbo_ascent how = {.method = method,
                             .iterations = iterations,
                             .tolerance = 1e-11,
                             .rate = rate,
                             .balls = h->balls.n ? &h->balls : NULL};
    const elbo_status s = elbo_ascend(&how, &f, x, info, ws);

    elbo_arena_free(ws);
    return s;
}

/* The bounded maximum by its multiplier: x = a c / (a + mu w^2) with mu >= 0
 * such that the norm is the radius, by bisection. */
static void solve_ball(const hill *h, size_t b, double x[])
{
    double low = 0, high = 1e9;

    for (int i = 0; i < 400; i++) {
        const double mu = i == 0 ? 0 : 0.5 * (low + high);
        double norm = 0;

        for (size_t j = 0; j < N; j++) {
            const double w = h->weight[j];

            if (h->ball[j] != b) continue;
            x[j] = h->a[j] * h->c[j] / (h->a[j] + mu * w * w);
            norm += w * w * x[j] * x[j];
        }
        if (i == 0 && sqrt(norm) <= h->balls.radius) return;
        if (sqrt(norm) > h->balls.radius)
            low = mu;
        else
            high = mu;
    }
}

static const struct {
    size_t n_balls;
    double radius;
} bounds[] = {
    {1, 2.5},
    {1, 0.1},
    {1, 1e6},
    {2, 2.5},
    {2, 6.1},
    {2, 7  }
};

START_TEST(spg_finds_the_maximum_in_its_balls)
{
    hill h = hill_of(bounds[_i].n_balls, bounds[_i].radius);
    double x[N] = {0}, best[N];
    elbo_ascent_info info;

    assert_ok(climb(&elbo_ascender_spg, &h, x, 0, 1000, &info));
    for (size_t b = 0; b < h.balls.n_balls; b++) solve_ball(&h, b, best);
    for (size_t j = 0; j < N; j++) ck_assert_double_eq_tol(x[j], best[j], 1e-8);
    ck_assert(info.converged);
}
END_TEST

START_TEST(without_a_bound_all_find_the_top)
{
    hill h = hill_of(1, 1);
    double x[N] = {0};
    elbo_ascent_info info;

    h.balls.n = 0;
    assert_ok(climb(elbo_ascenders[_i], &h, x, 0.05, 5000, &info));
    for (size_t j = 0; j < N; j++) ck_assert_double_eq_tol(x[j], h.c[j], 1e-5);
    ck_assert_double_gt(info.after, info.before + 10);
}
END_TEST

/* The first step of Adam is the rate times the gradient's sign; the second by
 * hand from the formula. */
START_TEST(adam_takes_the_papers_steps)
{
    hill h = hill_of(1, 1);
    double x[N] = {0}, m = 0, v = 0, y = 0;
    elbo_ascent_info info;

    h.balls.n = 0;
    assert_ok(climb(&elbo_ascender_adam, &h, x, 0.1, 1, &info));
    for (size_t j = 0; j < N; j++)
        ck_assert_double_eq_tol(x[j], copysign(0.1, h.c[j]), 1e-8);

    memset(x, 0, sizeof x);
    assert_ok(climb(&elbo_ascender_adam, &h, x, 0.1, 3, &info));
    for (int i = 1; i <= 3; i++) {
        const double g = 1 * (3 - y);

        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        y += 0.1 * (m / (1 - pow(0.9, i)))
             / (sqrt(v / (1 - pow(0.999, i))) + 1e-8);
    }
    ck_assert_double_eq_tol(x[0], y, 1e-14);
    ck_assert_uint_eq(info.iterations, 3);
}
END_TEST

START_TEST(adam_stays_in_its_balls)
{
    hill h = hill_of(2, 2.5);
    double x[N] = {0};
    elbo_ascent_info info;

    assert_ok(climb(&elbo_ascender_adam, &h, x, 0.1, 200, &info));
    for (size_t b = 0; b < 2; b++)
        ck_assert_double_eq_tol(elbo_balls_norm(&h.balls, b, x), 2.5, 1e-12);
}
END_TEST

START_TEST(a_start_that_fails_leaves_x)
{
    hill h = hill_of(1, 1);
    double x[N] = {41, 1, 2, 3, 4};
    elbo_ascent_info info;

    h.balls.n = 0;
    ck_assert_int_eq(climb(elbo_ascenders[_i], &h, x, 1, 5, &info),
                     ELBO_ENOTFINITE);
    ck_assert_double_eq(x[0], 41);
    ck_assert_double_eq(x[4], 4);
}
END_TEST

START_TEST(a_cliff_is_turned_back_from)
{
    hill h = hill_of(1, 1);
    double x[N] = {0};
    elbo_ascent_info info;

    h.balls.n = 0;
    h.c[0] = 39.9;
    assert_ok(climb(elbo_ascenders[_i], &h, x, 0.1, 3000, &info));
    ck_assert_double_gt(x[0], 30);
}
END_TEST

/* ---- an M-step in a ball ---- */

static const char *const kept[] = {"joint(1.7)", "leaves(1.2, scale=2)",
                                   "notebook(1.3, 0.7)", "joint(1e4)"};

/* At the maximum in the balls the gradient is mu w^2 theta, mu >= 0, and 0 in a
 * ball that does not bind. */
START_TEST(a_bounded_m_step_satisfies_kkt)
{
    const plan cut = {"softmax", "support=world reward=learned init_scale=0.01",
                      "model",   0,
                      1,         0};
    elbo_mstep_info info;
    elbo_norm_bound bound;
    mstep_case m;
    double value;

    mstep_case_open(&m, &model_case_grid, NULL, &cut);

    const size_t n = m.c.belief.n;
    double *const grad = elbo_arena_doubles(m.c.arena, n);
    double *const theta = m.c.belief.theta;

    assert_ok(elbo_norm_bound_parse(kept[_i], m.c.arena, &bound, NULL, NULL));
    assert_ok(elbo_norm_bound_balls(&bound, &m.c.belief, m.c.arena,
                                    &m.step.ascent.balls));

    const elbo_balls *const balls = m.step.ascent.balls;

    elbo_balls_project(balls, theta);
    m.c.belief.model->update(&m.c.belief);
    m.step.ascent.method = &elbo_ascender_spg;
    m.step.ascent.tolerance = 1e-10;
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    ck_assert(info.converged);
    assert_ok(elbo_mstep_objective(&m.step, &m.c.belief, &value, grad, m.ws));
    ck_assert_double_eq(value, info.after);
    for (size_t b = 0; b < balls->n_balls; b++) {
        const double norm = elbo_balls_norm(balls, b, theta);
        const bool binds = norm > bound.radius * (1 - 1e-9);
        double up = 0, down = 0, mu;

        ck_assert_double_le(norm, bound.radius * (1 + 1e-12));
        for (size_t j = 0; j < n; j++) {
            const double w2 = balls->weight[j] * balls->weight[j];

            if (balls->ball[j] != b) continue;
            up += grad[j] * theta[j];
            down += w2 * theta[j] * theta[j];
        }
        mu = binds ? up / down : 0;
        ck_assert_double_ge(mu, 0);
        if (b == 0) ck_assert(binds == (_i < 3));
        for (size_t j = 0; j < n; j++)
            if (balls->ball[j] == b)
                ck_assert_double_eq_tol(
                    grad[j],
                    mu * balls->weight[j] * balls->weight[j] * theta[j], 1e-4);
    }
    mstep_case_close(&m);
}
END_TEST

/* The released code's rule by hand, on arrays of its own order. */
START_TEST(the_notebooks_rule_divides_the_first_slices)
{
    model_case c;
    elbo_norm_bound bound;
    const elbo_balls *balls;
    double kernel = 0, reward = 0;

    model_case_open(&c, &model_case_grid, NULL, 0);
    model_case_belief(&c, "softmax", "reward=learned init_scale=0.7");
    model_case_shake(&c, 0.3, 5);
    assert_ok(elbo_norm_bound_parse("notebook(3, scale=0.1)", c.arena, &bound,
                                    NULL, NULL));
    assert_ok(elbo_norm_bound_balls(&bound, &c.belief, c.arena, &balls));

    const size_t nS = c.mdp.nS, nA = c.mdp.nA, m = nS + 1;
    const double *const theta = c.belief.theta;

    /* the last state's rows are known and have no parameters */
    for (size_t s = 0; s + 1 < nS; s++)
        for (size_t a = 0; a < nA; a++)
            for (size_t k = 0; k < m; k++) {
                const double x = theta[(s * nA + a) * m + k];

                kernel += a == 0 ? x * x / 0.01 : x * x;
            }
    for (size_t s = 0; s < nS; s++)
        for (size_t a = 0; a < nA; a++) {
            const double x = theta[c.belief.n_kernel + s * nA + a];

            reward += s == 0 ? x * x / 0.01 : x * x;
        }
    ck_assert_double_eq_tol(elbo_balls_norm(balls, 0, theta), sqrt(kernel),
                            1e-10);
    ck_assert_double_eq_tol(elbo_balls_norm(balls, 1, theta), sqrt(reward),
                            1e-10);
    model_case_close(&c);
}
END_TEST

static const struct {
    const char *text, *part;
} bad[] = {
    {"joint",                "radius"},
    {"joint(-1)",            "radius"},
    {"jiont(1)",             "jiont" },
    {"notebook(1, scale=0)", "scale" },
    {"joint(1, 2, 3)",       "joint" },
    {"5",                    ""      },
};

START_TEST(a_bound_that_is_none_is_refused)
{
    size_t column = 99;
    const char *nearest = NULL;

    ck_assert_int_eq(elbo_norm_bound_check(bad[_i].text, &column, &nearest),
                     ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, bad[_i].part));
    ck_assert_uint_lt(column, 99);
    if (strcmp(bad[_i].text, "jiont(1)") == 0)
        ck_assert_str_eq(nearest, "joint");
}
END_TEST

START_TEST(models_without_what_a_rule_needs_are_refused)
{
    model_case c;
    elbo_norm_bound bound;
    const elbo_balls *balls;

    model_case_open(&c, &model_case_grid, NULL, 0);
    model_case_belief(&c, _i ? "low_rank" : "tabular", _i ? "rank=3" : "");
    assert_ok(
        elbo_norm_bound_parse("notebook(3)", c.arena, &bound, NULL, NULL));
    ck_assert_int_eq(elbo_norm_bound_balls(&bound, &c.belief, c.arena, &balls),
                     ELBO_EINVAL);
    model_case_close(&c);
}
END_TEST

START_TEST(every_lost_allocation_leaves_x)
{
    long budget = 0;
    elbo_status s = ELBO_ENOMEM;

    while (s == ELBO_ENOMEM) {
        hill h = hill_of(1, 2);
        double x[N] = {0.25, 0, 0, 0, 0};
        elbo_ascent_info info;
        const elbo_summit f = {&h, N, 1, hill_value};
        const elbo_ascent how = {.method = elbo_ascenders[_i],
                                 .iterations = 20,
                                 .tolerance = 1e-9,
                                 .rate = 0.1};

        elbo_alloc_budget(budget++);

        elbo_arena *const ws = elbo_arena_alloc(64);

        s = ws ? elbo_ascend(&how, &f, x, &info, ws) : ELBO_ENOMEM;
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
        if (s == ELBO_ENOMEM) ck_assert_double_eq(x[0], 0.25);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(budget, 2);
}
END_TEST

Suite *suite_ascent(void)
{
    enum {
        BOUNDS = sizeof bounds / sizeof *bounds,
        KEPT = sizeof kept / sizeof *kept,
        BAD = sizeof bad / sizeof *bad
    };
    Suite *const suite = suite_create("ascent");
    TCase *const t = tcase_create("ascent");
    int methods = 0;

    while (elbo_ascenders[methods]) methods++;
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, spg_finds_the_maximum_in_its_balls, 0, BOUNDS);
    tcase_add_loop_test(t, without_a_bound_all_find_the_top, 0, methods);
    tcase_add_test(t, adam_takes_the_papers_steps);
    tcase_add_test(t, adam_stays_in_its_balls);
    tcase_add_loop_test(t, a_start_that_fails_leaves_x, 0, methods);
    tcase_add_loop_test(t, a_cliff_is_turned_back_from, 0, methods);
    tcase_add_loop_test(t, a_bounded_m_step_satisfies_kkt, 0, KEPT);
    tcase_add_test(t, the_notebooks_rule_divides_the_first_slices);
    tcase_add_loop_test(t, a_bound_that_is_none_is_refused, 0, BAD);
    tcase_add_loop_test(t, models_without_what_a_rule_needs_are_refused, 0, 2);
    tcase_add_loop_test(t, every_lost_allocation_leaves_x, 0, methods);
    suite_add_tcase(suite, t);
    return suite;
}

/* tests/test_td3.c -- deterministic policy gradients against a Riccati
 * equation. */
#include <math.h>

#include "control/actor_critic.h"
#include "tests/sac_cases.h"
#include "tests/suites.h"

/* x' = a x + b u, r = -(x^2 + c u^2), discounted. */
static const double a = 0.9, b = 0.5, c = 0.1, gamma_ = 0.9;

/* V = -P x^2: P = 1 + gamma a^2 P - (gamma a b P)^2 / (c + gamma b^2 P). */
static double riccati(double *K)
{
    double P = 1;

    for (size_t i = 0; i < 1000; i++) {
        const double S = c + gamma_ * b * b * P;

        *K = gamma_ * a * b * P / S;
        P = 1 + gamma_ * a * a * P - *K * *K * S;
    }
    return P;
}

static void push_plant(learning *l, size_t rows)
{
    elbo_rng rng = elbo_rng_stream(2385, "plant", 0);

    for (size_t i = 0; i < rows; i++) {
        const double x = 1.2 * elbo_rng_uniform(&rng) - 0.6;
        const double u = 2 * elbo_rng_uniform(&rng) - 1;
        const float o = (float)x, v = (float)u, next = (float)(a * x + b * u);

        learning_push(l, &o, &v, -(x * x + c * u * u), &next, false);
    }
}

static double act(learning *l, double x)
{
    const float o = (float)x;
    const uint8_t first = 0;
    elbo_rng rng = elbo_rng_stream(1, "act", 0);
    float u;
    elbo_task_act question = {
        .n = 1, .o = &o, .first = &first, .rng = &rng, .u = &u};

    ck_assert_int_eq(l->task->act(l->self, &question, l->ws), ELBO_OK);
    return (double)u;
}

/* The discounted return from x. */
static double return_from(learning *l, double x)
{
    double sum = 0, weight = 1;

    for (size_t t = 0; t < 150; t++, weight *= gamma_) { /* 0.9^150 = 1e-7 */
        const double u = act(l, x);

        sum -= weight * (x * x + c * u * u);
        x = a * x + b * u;
    }
    return sum;
}

static const char *const settings[] = {
    "width=32 batch=64 rate=0.001 tau=0.02 activation=silu",
    "critics=1 smoothing=0 delay=1 width=32 batch=64 rate=0.001 tau=0.02 "
    "activation=silu",
};

/* Optimal: u = -K x, V = -P x^2. Smoothing makes the policy's Q that of noisy
 * actions: its constant moves, and not its maximiser, where all is quadratic.
 */
START_TEST(the_policy_earns_what_the_riccati_equation_says)
{
    learning l = learning_make(1, 1, false, 1024);
    double K, lost = 0, whole = 0;
    const double P = riccati(&K);

    l.problem.gamma = gamma_;
    l.problem.temperature = 0;
    push_plant(&l, 1024);
    learning_open(&l, "td3", settings[_i]);
    ck_assert_int_eq(learning_improve(&l, 2500), ELBO_OK);
    for (double x = -0.5; x <= 0.51; x += 0.25) {
        const double best = -P * x * x, got = return_from(&l, x);

        ck_assert_double_le(got, best + 1e-6);
        lost += best - got;
        whole -= best;
        ck_assert_double_eq_tol(act(&l, x), -K * x, 0.05);
    }
    ck_assert_double_le(lost, 0.02 * whole);
    learning_free(&l);
}
END_TEST

/* Without noise two worlds act alike; with it, they differ and keep to the box.
 */
START_TEST(exploration_is_noise_on_the_action_within_the_box)
{
    enum { N = 200 };
    learning l = learning_make(1, 1, false, 4);
    float o[N] = {0}, u[N];
    double logpi[N], square = 0, middle;
    elbo_rng rng[N];

    l.problem.temperature = 0;
    learning_open(&l, "td3", "width=8 batch=4 exploration=0.2");
    middle = act(&l, 0);
    for (size_t i = 0; i < N; i++) rng[i] = elbo_rng_stream(3, "act", i);
    elbo_task_act question = {
        .n = N, .o = o, .rng = rng, .explore = true, .u = u, .logpi = logpi};

    ck_assert_int_eq(l.task->act(l.self, &question, l.ws), ELBO_OK);
    for (size_t i = 0; i < N; i++) {
        ck_assert(fabsf(u[i]) <= 1 && logpi[i] == 0);
        square += ((double)u[i] - middle) * ((double)u[i] - middle) / N;
    }
    ck_assert_double_lt(fabs(middle), 0.4); /* the box is not felt */
    /* the deviation of a sample deviation is 0.2 / sqrt(2 N) */
    ck_assert_double_eq_tol(sqrt(square), 0.2, 4 * 0.2 / sqrt(2 * N));
    learning_free(&l);
}
END_TEST

Suite *suite_td3(void)
{
    Suite *suite = suite_create("td3");
    TCase *t = tcase_create("td3");

    tcase_add_loop_test(t, the_policy_earns_what_the_riccati_equation_says, 0,
                        2);
    tcase_add_test(t, exploration_is_noise_on_the_action_within_the_box);
    suite_add_tcase(suite, t);
    return suite;
}

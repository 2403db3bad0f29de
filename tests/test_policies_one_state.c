/* tests/test_policies_one_state.c -- in one state MPO, REPS and AWR end at a policy that
 * is known.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/messages/reweight.h"
#include "tests/policy_cases.h"
#include "tests/suites.h"

/* One state, and 300 uniform actions that earn -(u - 0.3)^2, or 1 and 0 for two
 * choices, and end. */
enum { SHOTS = 300 };
static void fill_state(policy_subject *s, float o[])
{
    elbo_rng rng = elbo_rng_stream(8, "state", 0);
    float u[TASK_MOST] = {0};

    for (size_t i = 0; i < s->world.no; i++) o[i] = 0.3F;
    ck_assert_int_eq(
        elbo_replay_init(&s->data, s->world.no, s->world.nu, SHOTS, task_arena),
        ELBO_OK);
    for (uint32_t k = 0; k < SHOTS; k++) {
        const double x = 2 * elbo_rng_uniform(&rng) - 1;

        for (size_t d = 0; d < s->world.nu; d++)
            u[d] = s->world.choices ? (float)(d == k % s->world.nu) : (float)x;

        const elbo_replay_row row = {
            .o = o,
            .u = u,
            .next = o,
            .reward = s->world.choices ? u[0] : (float)(-(x - 0.3) * (x - 0.3)),
            .end = true,
            .episode = k};

        ck_assert_int_eq(elbo_replay_push(&s->data, &row), ELBO_OK);
    }
    s->estep = (elbo_task_estep){.data = &s->data, .real = 1, .updates = 100};
}

/* The weighted mean of the first component of actions, by the formula of each:
 * MPO's rounds end at the best action, AWR weighs by the advantage over the
 * mean, REPS by the dual of the rewards alone (every transition starts and
 * ends). */
static double weighted_mean(const policy_subject *s, int kind)
{
    double r[SHOTS], q[SHOTS], mean = 0, square = 0, sum = 0, total = 0;
    const bool standardised =
        !strstr(policy_kinds[kind].settings, "standardise=false");

    for (size_t i = 0; i < SHOTS; i++)
        mean += (r[i] = (double)s->data.reward[i]) / SHOTS;
    for (size_t i = 0; i < SHOTS; i++)
        square += (r[i] - mean) * (r[i] - mean) / SHOTS;
    if (strcmp(policy_kinds[kind].name, "mpo") == 0) return s->world.choices ? 1 : 0.3;
    if (strcmp(policy_kinds[kind].name, "reps") == 0) {
        const elbo_reweight dual = {.rows = 1,
                                    .cols = SHOTS,
                                    .X = r,
                                    .epsilon = 0.5,
                                    .low = 1e-8,
                                    .high = 1e8};
        elbo_reweight_info info;

        ck_assert_int_eq(elbo_reweight_solve(&dual, 1, q, &info), ELBO_OK);
    }
    for (size_t i = 0; i < SHOTS; i++) {
        if (strcmp(policy_kinds[kind].name, "awr") == 0)
            q[i] = fmin(exp(standardised ? (r[i] - mean) / (sqrt(square) + 1e-5)
                                         : (r[i] - mean) / 3),
                        20);
        sum += q[i] * (double)s->data.u[i * s->world.nu];
        total += q[i];
    }
    return sum / total;
}

START_TEST(in_one_state_the_policy_is_what_its_formula_says)
{
    const bool mpo = strcmp(policy_kinds[_i].name, "mpo") == 0;
    policy_subject s;
    float o[TASK_MOST], u[TASK_MOST];
    double logpi;
    const uint8_t first = 1;
    elbo_rng rng = elbo_rng_stream(1, "act", 0);

    policy_open(&s, _i,
                 strcmp(policy_kinds[_i].name, "reps") == 0
                     ? "rate=5e-3 batch=128 epsilon=0.05 window=0"
                     : "rate=5e-3 clip=inf batch=128",
                 0.9);
    fill_state(&s, o);
    if (strcmp(policy_kinds[_i].name, "reps") == 0) s.estep.updates = 600;
    for (size_t r = 0; r < (s.estep.updates > 100 ? 1 : 12); r++) policy_improve(&s);

    const elbo_task_act act = {
        .n = 1, .o = o, .first = &first, .rng = &rng, .u = u, .logpi = &logpi};

    ck_assert_int_eq(s.control->act(s.self, &act, policy_ws), ELBO_OK);

    const double likeliest = exp(logpi) / 2;
    const double got = !s.world.choices ? (double)u[0]
                       : u[0] > 0       ? likeliest
                                        : 1 - likeliest;

    ck_assert_double_eq_tol(got, weighted_mean(&s, _i), mpo ? 0.1 : 0.05);
}
END_TEST

Suite *suite_policies_one_state(void)
{
    Suite *const s = suite_create("policies_one_state");
    TCase *const t = tcase_create("policies_one_state");

    tcase_add_checked_fixture(t, policy_set_up, policy_tear_down);
    tcase_add_loop_test(t, in_one_state_the_policy_is_what_its_formula_says, 0,
                        POLICY_KINDS);
    suite_add_tcase(s, t);
    return s;
}

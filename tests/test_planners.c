/* tests/test_planners.c -- CEM, iCEM, MPPI and variational-inference MPC
 * against closed forms, and what a planner remembers. */
#include <math.h>
#include <string.h>

#include "tests/planner_worlds.h"
#include "tests/suites.h"

enum { N = LQ_STATES };

static const float lq_start[N] = {0.35F, 0.2F};

/* The first action of the Riccati recursion over T steps, from x. */
static double riccati_action(size_t T, const float x[])
{
    double P[N][N] = {{0}}, K[N] = {0};

    for (size_t t = 0; t < T; t++) {
        double PA[N][N], PB[N], S = planner_R, next[N][N];

        for (size_t i = 0; i < N; i++) {
            PB[i] = P[i][0] * planner_B[0] + P[i][1] * planner_B[1];
            for (size_t j = 0; j < N; j++)
                PA[i][j] = P[i][0] * planner_A[j] + P[i][1] * planner_A[N + j];
        }
        S += planner_B[0] * PB[0] + planner_B[1] * PB[1];
        for (size_t j = 0; j < N; j++)
            K[j] = (planner_B[0] * PA[0][j] + planner_B[1] * PA[1][j]) / S;
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < N; j++)
                next[i][j] = planner_Q[i * N + j] + planner_A[i] * PA[0][j]
                             + planner_A[N + i] * PA[1][j] - S * K[i] * K[j];
        memcpy(P, next, sizeof P);
    }
    return -(K[0] * (double)x[0] + K[1] * (double)x[1]);
}

static void lq_open(stand_in *s)
{
    stand_in_open(s, N, 1, 0, 1);
    s->one = linear_quadratic;
}

/* The first action from lq_start. */
static double first_action(const stand_in *s, const char *control,
                           const char *settings, uint64_t seed)
{
    planner_trial t = trial_of(s, control, settings, 1, seed);
    double u;

    memcpy(t.o, lq_start, sizeof lq_start);
    trial_act(&t);
    u = (double)t.act.u[0];
    trial_end(&t);
    return u;
}

/* CEM shrinks q around the optimum; what is left is its deviation over the root
 * of the elite, below 1e-3 after so many iterations. */
START_TEST(cem_icem_and_vimpc_find_the_riccati_action)
{
    static const struct {
        const char *control, *settings;
    } cases[] = {
        {"cem",   "horizon=8 population=400 iterations=25 particles=1"   },
        {"cem",
         "horizon=8 population=400 iterations=25 particles=1 bounds=clip"},
        {"icem",
         "horizon=8 population=400 iterations=25 particles=1 colour=0.5 "
         "decay=1.02 act=mean"                                           },
        {"vimpc",
         "horizon=8 population=400 iterations=30 particles=1 components=1 "
         "f=elite"                                                       },
        {"vimpc",
         "horizon=8 population=400 iterations=30 particles=1 components=1 "
         "ess=40"                                                        },
    };
    const double best = riccati_action(8, lq_start);
    stand_in s;

    lq_open(&s);
    ck_assert_double_lt(fabs(best), 0.9); /* the bounds are inactive */
    ck_assert_double_gt(fabs(best), 0.1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_double_eq_tol(
            first_action(&s, cases[i].control, cases[i].settings, i), best,
            1e-3);
}
END_TEST

/* The noise has mean 0, and the optimum of a linear-quadratic world does not
 * know of it; one realisation moves each return by far less than the elite
 * differ. */
START_TEST(noise_of_the_model_leaves_the_plan_where_it_is)
{
    const double best = riccati_action(8, lq_start);
    stand_in s;

    lq_open(&s);
    s.noise = 0.02;
    ck_assert_double_eq_tol(
        first_action(&s, "cem",
                     "horizon=8 population=300 iterations=12 "
                     "particles=30 common_noise=true",
                     4),
        best, 0.05);
}
END_TEST

/* Over two steps R = const - c a_0^2 - 2 d a_0 - R a_1^2: a posterior in closed
 * form. */
static void two_steps(double *c, double *d)
{
    *c = planner_R, *d = 0;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            const double Ax = planner_A[j * N] * (double)lq_start[0]
                              + planner_A[j * N + 1] * (double)lq_start[1];

            *c += planner_Q[i * N + j] * planner_B[i] * planner_B[j];
            *d += planner_Q[i * N + j] * planner_B[i] * Ax;
        }
}

/* q' is proportional to q exp(R / lambda): a Gaussian product. */
START_TEST(mppi_moves_to_the_mean_of_the_gaussian_posterior)
{
    enum { POPULATION = 10000 };
    const double lambda = 0.05, variance = 0.2 * 0.2;
    double c, d, mean = 0;
    stand_in s;

    lq_open(&s);
    two_steps(&c, &d);
    s.problem.temperature = lambda;
    for (int i = 1; i <= 3; i++) {
        char settings[128];
        const double precision = 1 / variance + 2 * c / lambda;

        mean = (mean / variance - 2 * d / lambda) / precision;
        snprintf(
            settings, sizeof settings,
            "horizon=2 population=%d particles=1 bounds=clip initial_std=0.2 "
            "iterations=%d",
            POPULATION, i);
        /* the deviation of a_0 over the root of the ESS, which is over a
         * quarter; earlier iterations leave less than theirs */
        ck_assert_double_eq_tol(first_action(&s, "mppi", settings, (uint64_t)i),
                                mean,
                                5 * 2 * sqrt(variance / (POPULATION / 4)));
    }
}
END_TEST

/* At kappa = 1 the prior is uniform: the posterior is exp(R / lambda) itself,
 * whatever q it is drawn from, with variance lambda / (2 c). */
START_TEST(the_whole_entropy_makes_the_prior_uniform)
{
    const double lambda = 0.01;
    double c, d;
    stand_in s;

    lq_open(&s);
    two_steps(&c, &d);
    s.problem.temperature = lambda;

    planner_trial t =
        trial_of(&s, "vimpc",
                 "horizon=2 population=10000 particles=1 bounds=clip "
                 "initial_std=0.25 iterations=1 components=1 "
                 "smoothing=0 entropy=1",
                 1, 3);

    memcpy(t.o, lq_start, sizeof lq_start);
    trial_act(&t);

    const double ess = trial_column(&t, "plan_ess");
    const double v0 = lambda / (2 * c), v1 = lambda / (2 * planner_R);

    ck_assert_double_gt(ess, 500);
    ck_assert_double_eq_tol((double)t.act.u[0], -d / c, 5 * sqrt(v0 / ess));
    ck_assert_double_eq_tol(trial_column(&t, "plan_std"),
                            (sqrt(v0) + sqrt(v1)) / 2, 5 * sqrt(v0 / ess));
    trial_end(&t);
}
END_TEST

/* u = 1 where the digits of the choices are 2, 0, 1, 2; each right one pays 1,
 * all four 3 more. */
static void combination(const stand_in *self, const float o[], const float u[],
                        uint32_t member, elbo_rng *rng, bool mean, float next[],
                        float *reward, uint8_t *end)
{
    static const size_t digits[4] = {2, 0, 1, 2};
    const size_t t = (size_t)o[0];
    const bool right = u[digits[t]] > 0;

    (void)self, (void)member, (void)rng, (void)mean;
    ck_assert_double_eq((double)(u[0] + u[1] + u[2]), 1); /* one-hot */
    next[0] = o[0] + 1;
    next[1] = o[1] + (float)right;
    *reward = (float)right + (next[1] > 3.5F ? 3 : 0);
    *end = 0;
}

START_TEST(choices_are_planned_by_their_probabilities)
{
    static const char *const controls[] = {"cem", "icem", "mppi", "vimpc"};
    static const float digits[] = {2, 0, 1, 2};
    stand_in s;

    stand_in_open(&s, 2, 3, 3, 1);
    s.one = combination;
    s.problem.temperature = 0.3;
    for (size_t i = 0; i < 4; i++) {
        planner_trial t = trial_of(&s, controls[i],
                                   "horizon=4 population=300 iterations=8 "
                                   "particles=1 replan=4",
                                   1, i);

        for (size_t step = 0; step < 4; step++) {
            trial_act(&t);
            for (size_t j = 0; j < 3; j++)
                ck_assert_double_eq((double)t.act.u[j],
                                    (float)j == digits[step]);
        }
        trial_end(&t);
    }
}
END_TEST

/* Best at -0.6 and at 0.6 (a little better). */
static void two_hills(const stand_in *self, const float o[], const float u[],
                      uint32_t member, elbo_rng *rng, bool mean, float next[],
                      float *reward, uint8_t *end)
{
    (void)self, (void)o, (void)member, (void)rng, (void)mean;
    next[0] = 0;
    *reward = expf(-50 * (u[0] - 0.6F) * (u[0] - 0.6F))
              + expf(-50 * (u[0] + 0.6F) * (u[0] + 0.6F));
    *end = 0;
}

/* With one refit from a wide q the mean of a Gaussian lies in the valley; that
 * of a mixture's heaviest component on a hill. */
START_TEST(a_mixture_takes_a_side_where_one_gaussian_takes_the_middle)
{
    const char *const common =
        "horizon=1 population=500 particles=1 iterations=40 "
        "bounds=clip entropy=1 smoothing=0 components=%d";
    stand_in s;

    stand_in_open(&s, 1, 1, 0, 1);
    s.one = two_hills;
    s.problem.temperature = 0.2;
    for (uint64_t seed = 0; seed < 3; seed++) {
        char settings[160];

        snprintf(settings, sizeof settings, common, 1);
        ck_assert_double_lt(fabs(first_action(&s, "vimpc", settings, seed)),
                            0.2);
        snprintf(settings, sizeof settings, common, 2);
        ck_assert_double_eq_tol(fabs(first_action(&s, "vimpc", settings, seed)),
                                0.6, 0.1);
    }
}
END_TEST

/* u is its own reward, but from 0 on it is no number. */
static void refuses_positive(const stand_in *self, const float o[],
                             const float u[], uint32_t member, elbo_rng *rng,
                             bool mean, float next[], float *reward,
                             uint8_t *end)
{
    (void)self, (void)o, (void)member, (void)rng, (void)mean;
    next[0] = 0;
    *reward = u[0] > 0 ? NAN : u[0];
    *end = 0;
}

START_TEST(a_plan_that_is_not_finite_is_never_chosen)
{
    static const char *const controls[] = {"cem", "icem", "mppi", "vimpc"};
    stand_in s;

    stand_in_open(&s, 1, 1, 0, 1);
    s.one = refuses_positive;
    for (size_t i = 0; i < 4; i++) {
        planner_trial t = trial_of(
            &s, controls[i],
            "horizon=1 population=50 iterations=1 particles=2 act=best", 1, i);

        for (size_t k = 0; k < 20; k++) {
            t.first[0] = 1;
            trial_act(&t);
            ck_assert_double_le((double)t.act.u[0], 0);
            ck_assert_double_gt((double)t.act.u[0],
                                -0.3); /* the best of the rest */
        }
        /* half of 50 x 20 and of what iCEM adds, 6 standard errors */
        ck_assert_double_eq_tol(trial_column(&t, "plan_refused"), 500, 6 * 16);
        trial_end(&t);
    }
}
END_TEST

/* One Gaussian refit to the elite is the cross-entropy method, to the bits. */
START_TEST(vimpc_with_one_component_and_the_elite_is_cem)
{
    static const char *const settings =
        "horizon=6 population=60 iterations=4 particles=2";
    stand_in s;

    lq_open(&s);
    s.noise = 0.1;
    for (uint64_t seed = 0; seed < 3; seed++) {
        char same[96];
        const double cem = first_action(&s, "cem", settings, seed);

        snprintf(same, sizeof same, "%s components=1 f=elite", settings);
        ck_assert_double_eq(first_action(&s, "vimpc", same, seed), cem);
        snprintf(same, sizeof same, "%s components=1 ess=6", settings);
        ck_assert_double_ne(first_action(&s, "vimpc", same, seed), cem);
    }
}
END_TEST

/* Two settings that contradict each other. */
START_TEST(settings_that_do_not_fit_are_refused_with_numbers)
{
    static const struct {
        const char *control, *settings, *text;
    } bad[] = {
        {"cem",  "horizon=5 replan=6",   "at most the horizon, 5, not 6"     },
        {"mppi", "population=10 ess=11", "at most the population, 10, not 11"}
    };
    stand_in s;

    lq_open(&s);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const elbo_control *const c = elbo_control_find(bad[i].control);
        elbo_arena *const arena = elbo_arena_alloc(1 << 12);
        elbo_values values;
        void *self;

        ck_assert_int_eq(elbo_values_init(&values, c->options, arena), ELBO_OK);
        ck_assert_int_eq(elbo_values_parse(&values, bad[i].settings), ELBO_OK);
        ck_assert_int_eq(c->task->open(&values, &s.problem, arena, &self),
                         ELBO_EINVAL);
        ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, bad[i].text));
        elbo_arena_free(arena);
    }
}
END_TEST

Suite *suite_planners(void)
{
    Suite *s = suite_create("planners");
    TCase *t = tcase_create("planners");

    tcase_add_test(t, cem_icem_and_vimpc_find_the_riccati_action);
    tcase_add_test(t, noise_of_the_model_leaves_the_plan_where_it_is);
    tcase_add_test(t, mppi_moves_to_the_mean_of_the_gaussian_posterior);
    tcase_add_test(t, the_whole_entropy_makes_the_prior_uniform);
    tcase_add_test(t, choices_are_planned_by_their_probabilities);
    tcase_add_test(t,
                   a_mixture_takes_a_side_where_one_gaussian_takes_the_middle);
    tcase_add_test(t, a_plan_that_is_not_finite_is_never_chosen);
    tcase_add_test(t, vimpc_with_one_component_and_the_elite_is_cem);
    tcase_add_test(t, settings_that_do_not_fit_are_refused_with_numbers);
    suite_add_tcase(s, t);
    return s;
}

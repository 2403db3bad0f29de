/* tests/test_reps.c -- REPS on a linear world against Riccati, its closed-form
 * M-step, and what averaging over a model's draws is for.
 */
#include <check.h>
#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "control/registry.h"
#include "control/weighted_fit.h"
#include "tests/network_cases.h"
#include "tests/suites.h"

static elbo_arena *arena, *ws;

static void setup(void)
{
    arena = elbo_arena_alloc(1 << 18);
    ws = elbo_arena_alloc(1 << 18);
}

static void teardown(void)
{
    elbo_arena_free(arena);
    elbo_arena_free(ws);
}

/* ---- the M-step ---- */

enum { N = 40, NO = 3, NU = 2 };

static elbo_task_policy policy_on(elbo_task_world *w, bool choices,
                                  size_t hidden)
{
    elbo_task_policy p = {.world = w, .std = 0.7, .floor = 1e-3};

    *w = (elbo_task_world){.no = NO,
                           .nu = NU,
                           .na = choices ? 1 : NU,
                           .choices = choices ? NU : 0};
    ck_assert_int_eq(elbo_mlp_shape(&p.mlp, NO, hidden, 5,
                                    choices ? NU : 2 * NU, ELBO_ACT_TANH),
                     ELBO_OK);
    return p;
}

static void draw_rows(float o[], float a[], double weight[])
{
    elbo_rng rng = elbo_rng_stream(3, "rows", 0);
    double z[N * (NO + NU)];

    elbo_rng_normals(&rng, z, N * (NO + NU));
    for (size_t k = 0; k < N * NO; k++) o[k] = (float)z[k];
    for (size_t i = 0; i < N; i++) {
        for (size_t d = 0; d < NU; d++)
            a[i * NU + d] = (float)(0.3 * z[N * NO + i * NU + d]
                                    + 0.5 * z[i * NO + d] - 0.1);
        weight[i] = exp(2 * elbo_rng_uniform(&rng));
    }
}

static void set_floats(elbo_tape *t, elbo_node leaf, size_t n, const float x[])
{
    double wide[N * (NO + NU)];

    for (size_t k = 0; k < n; k++) wide[k] = (double)x[k];
    elbo_tape_set(t, leaf, wide);
}

/* The weighted likelihood of a policy on a tape of doubles. */
static elbo_node likelihood(const elbo_task_policy *p, elbo_tape *t,
                            elbo_mlp_leaves *leaves, const float o[],
                            const float a[], const double weight[])
{
    *leaves = elbo_mlp_leaf(&p->mlp, t, true);

    const elbo_node at = elbo_tape_constant(t, N, NO),
                    act = elbo_tape_constant(t, N, NU);
    const elbo_node w = elbo_tape_constant(t, N, 1);
    const elbo_task_policy_nodes pi = elbo_task_policy_node(p, leaves, t, at);
    const elbo_node loss = elbo_task_policy_nll(p, &pi, t, act, w);

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    set_floats(t, at, N * NO, o);
    set_floats(t, act, N * NU, a);
    elbo_tape_set(t, w, weight);
    return loss;
}

START_TEST(the_weighted_likelihood_has_the_gradient_that_differences_see)
{
    float o[N * NO], a[N * NU];
    double weight[N];
    elbo_task_world w;
    const elbo_task_policy p = policy_on(&w, _i > 0, 1);
    elbo_tape *const t = elbo_tape_place(ELBO_F64, arena);
    elbo_mlp_leaves leaves;

    draw_rows(o, a, weight);

    const elbo_node loss = likelihood(&p, t, &leaves, o, a, weight);

    network_check_gradient(&p.mlp, &leaves, t, loss,
                           network_draw(&p.mlp, 2, arena), 1e-7);
}
END_TEST

/* At the closed form the gradient in the mean vanishes, and that in the std's
 * bias. */
START_TEST(the_closed_form_of_a_linear_policy_is_its_maximum_likelihood)
{
    float o[N * NO], a[N * NU];
    double weight[N], slope[NO * 2 * NU], bias[2 * NU],
        theta[(NO + 1) * 2 * NU];
    elbo_task_world w;
    const elbo_task_policy p = policy_on(&w, false, 0);
    elbo_weighted_fit fit;
    elbo_tape *const t = elbo_tape_place(ELBO_F64, arena);
    elbo_mlp_leaves leaves;

    draw_rows(o, a, weight);

    const elbo_node loss = likelihood(&p, t, &leaves, o, a, weight);

    ck_assert_int_eq(
        elbo_weighted_fit_init(&fit, &p, N, &elbo_adam_defaults, 1, arena),
        ELBO_OK);
    ck_assert_int_eq(elbo_weighted_fit_linear(&fit, N, o, a, weight, 0, ws),
                     ELBO_OK);
    for (size_t k = 0; k < fit.size; k++) theta[k] = (double)fit.theta[k];
    elbo_mlp_set(&p.mlp, &leaves, t, theta);
    elbo_tape_forward(t);
    elbo_tape_backward(t, loss);
    elbo_tape_gradient(t, leaves.W[0], slope);
    elbo_tape_gradient(t, leaves.b[0], bias);
    for (size_t d = 0; d < NU; d++) { /* theta is rounded to floats */
        for (size_t j = 0; j < NO; j++)
            ck_assert_double_eq_tol(slope[j * 2 * NU + d], 0, 2e-3);
        ck_assert_double_eq_tol(bias[d], 0, 2e-3);
        ck_assert_double_eq_tol(bias[NU + d], 0, 2e-3);
    }
}
END_TEST

/* ---- a double integrator: dt 0.01, cost 100 x^2 + 10 v^2 + 0.1 u^2 a step
 * ---- */

static const double DT = 0.01, FORCE = 10, GAMMA = 0.985;

static void lq_reset(const void *self, size_t n, elbo_rng rng[], double x[])
{
    (void)self;
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < 2; i++)
            x[i * n + j] = 0.2 * elbo_rng_uniform(&rng[j]) - 0.1;
}

static double lq_step(double x[2], double u)
{
    const double cost = 100 * x[0] * x[0] + 10 * x[1] * x[1] + 0.1 * u * u;

    x[0] += DT * x[1] + DT * DT / 2 * u; /* Runge and Kutta's is exact here */
    x[1] += DT * u;
    return -cost;
}

/* Discounted Riccati by value iteration: u = -K x. */
static void riccati(double K[2])
{
    const double A[2][2] = {
        {1, DT},
        {0, 1 }
    };
    const double B[2] = {DT * DT / 2, DT};
    double P[2][2] = {{0}};

    for (size_t k = 0; k < 20000; k++) {
        double PA[2][2], PB[2], S = 0.1, next[2][2];

        for (size_t i = 0; i < 2; i++) {
            PB[i] = P[i][0] * B[0] + P[i][1] * B[1];
            for (size_t j = 0; j < 2; j++)
                PA[i][j] = P[i][0] * A[0][j] + P[i][1] * A[1][j];
        }
        S += GAMMA * (B[0] * PB[0] + B[1] * PB[1]);
        for (size_t j = 0; j < 2; j++)
            K[j] = GAMMA * (B[0] * PA[0][j] + B[1] * PA[1][j]) / S;
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 2; j++)
                next[i][j] =
                    (i == j ? (i ? 10 : 100) : 0)
                    + GAMMA
                          * (A[0][i] * PA[0][j] + A[1][i] * PA[1][j]
                             - (A[0][i] * PB[0] + A[1][i] * PB[1]) * K[j]);
        memcpy(P, next, sizeof P);
    }
}

/* Discounted return of u = k'x + c over 250 steps from the corners of the
 * start. */
static double lq_return(const double k[2], double c)
{
    double sum = 0;

    for (int corner = 0; corner < 4; corner++) {
        double x[2] = {corner & 1 ? 0.1 : -0.1, corner & 2 ? 0.1 : -0.1},
               discount = 1;

        for (size_t t = 0; t < 250; t++, discount *= GAMMA)
            sum +=
                discount / 4
                * lq_step(x, fmin(fmax(k[0] * x[0] + k[1] * x[1] + c, -FORCE),
                                  FORCE));
    }
    return sum;
}

typedef struct lq_run {
    elbo_task_world world;
    const elbo_task_control *control;
    void *self;
    elbo_replay data;
    double x[2];
    uint32_t step, episode;
    elbo_rng rng;
} lq_run;

/* Steps under the present policy; an episode ends by the die of its discount.
 */
static void lq_collect(lq_run *r, size_t steps)
{
    const uint8_t first = 0;

    for (size_t t = 0; t < steps; t++) {
        const float o[2] = {(float)r->x[0], (float)r->x[1]};
        float u, next[2];
        const elbo_task_act act = {.n = 1,
                                   .o = o,
                                   .first = &first,
                                   .rng = &r->rng,
                                   .explore = true,
                                   .u = &u};

        ck_assert_int_eq(r->control->act(r->self, &act, ws), ELBO_OK);

        const double reward = lq_step(r->x, FORCE * (double)u);

        next[0] = (float)r->x[0], next[1] = (float)r->x[1];

        const elbo_replay_row row = {.o = o,
                                     .u = &u,
                                     .next = next,
                                     .reward = (float)reward,
                                     .step = r->step++,
                                     .episode = r->episode};

        ck_assert_int_eq(elbo_replay_push(&r->data, &row), ELBO_OK);
        if (elbo_rng_uniform(&r->rng) < GAMMA) continue;
        lq_reset(NULL, 1, &r->rng, r->x);
        r->step = 0;
        r->episode++;
    }
}

/* u = k'x + c of the policy, by its means. */
static void lq_gain(const lq_run *r, double k[2], double *c)
{
    const float o[6] = {0, 0, 0.01F, 0, 0, 0.01F};
    const uint8_t first[3] = {0};
    elbo_rng rng[3] = {r->rng, r->rng, r->rng};
    float u[3];
    const elbo_task_act act = {
        .n = 3, .o = o, .first = first, .rng = rng, .u = u};

    ck_assert_int_eq(r->control->act(r->self, &act, ws), ELBO_OK);
    *c = FORCE * (double)u[0];
    k[0] = (FORCE * (double)u[1] - *c) / 0.01;
    k[1] = (FORCE * (double)u[2] - *c) / 0.01;
}

static void lq_open(lq_run *r, const char *settings)
{
    static const double low = -10, high = 10;
    elbo_values values;

    *r = (lq_run){
        .world =
            {.nx = 2, .no = 2, .na = 1, .nu = 1, .low = &low, .high = &high},
        .control = elbo_control_reps.task,
        .rng = elbo_rng_stream(6, "lq", 0)
    };
    ck_assert_int_eq(
        elbo_values_init(&values, elbo_control_reps.options, arena), ELBO_OK);
    ck_assert_int_eq(elbo_values_parse(&values, settings), ELBO_OK);

    const elbo_task_problem problem = {
        .world = &r->world, .gamma = GAMMA, .seed = 2};

    ck_assert_int_eq(r->control->open(&values, &problem, arena, &r->self),
                     ELBO_OK);
    ck_assert_int_eq(elbo_replay_init(&r->data, 2, 1, 5000, arena), ELBO_OK);
    lq_reset(NULL, 1, &r->rng, r->x);
}

/* Rounds of 5000 steps. With a ridge of 1e-9 it stops far from here: the dual's
 * curvature in w is that of the flow, small over eta. */
START_TEST(on_a_double_integrator_it_comes_near_riccati)
{
    static const char *const settings[] = {
        "layers=0 features=quadratic epsilon=0.1",
        "layers=0 features_n=15 epsilon=0.1"};
    double K[2], k[2], c;
    lq_run r;

    riccati(K);
    for (size_t i = 0; i < 2; i++) K[i] = -K[i];
    lq_open(&r, settings[_i]);
    lq_gain(&r, k, &c);

    const double best = lq_return(K, 0), start = lq_return(k, c);

    for (size_t round = 0; round < 30; round++) {
        const elbo_task_estep estep = {
            .data = &r.data, .real = 1, .updates = 1};
        double columns[ELBO_TASK_CONTROL_COLUMNS];

        lq_collect(&r, 5000);
        ck_assert_msg(r.control->improve(r.self, &estep, ws) == ELBO_OK, "%s",
                      elbo_last_error()->text);
        r.control->columns(r.self, columns);
        lq_gain(&r, k, &c);
        ck_assert_double_eq_tol(columns[1], 0.1, 1e-9);
    }
    ck_assert_double_lt(start, 100 * best); /* it began unstable */
    ck_assert_double_gt(lq_return(k, c), best - 0.002 * fabs(best));
    for (size_t i = 0; i < 2; i++)
        ck_assert_double_eq_tol(k[i], K[i], 0.02 * fabs(K[i]));
}
END_TEST

/* ---- a gamble: what one successor in an exponential does ---- */

/* From 0 choice 0 leads to +1 or -1 by a fair coin, choice 1 earns 0.1 and
 * ends; +1 and -1 earn themselves and end. */
static elbo_status toss(const elbo_task_belief *belief, size_t n,
                        const float o[], const float u[],
                        const uint32_t member[], elbo_rng rng[], bool mean,
                        float next[], float reward[], uint8_t end[],
                        elbo_arena *room)
{
    (void)belief, (void)member, (void)mean, (void)room;
    for (size_t i = 0; i < n; i++) {
        const bool gamble = o[i] == 0 && u[2 * i] > 0;

        next[i] =
            gamble ? (elbo_rng_uniform(&rng[i]) < 0.5 ? -1.F : 1.F) : o[i];
        reward[i] = gamble ? 0 : o[i] == 0 ? 0.1F : o[i];
        end[i] = !gamble;
    }
    return ELBO_OK;
}

static size_t only_member(const elbo_task_belief *belief, uint32_t out[])
{
    (void)belief;
    out[0] = 0;
    return 1;
}

/* The chance of the gamble after one round on 4000 transitions of a fair
 * policy. */
static double gambles(const char *settings)
{
    static const elbo_task_model model = {.draw = toss, .elites = only_member};
    const elbo_task_world world = {
        .nx = 1, .no = 1, .na = 1, .nu = 2, .choices = 2};
    const elbo_task_belief belief = {
        .model = &model, .world = &world, .members = 1};
    const elbo_task_problem problem = {
        .world = &world, .belief = &belief, .gamma = 0.9, .seed = 1};
    const elbo_task_control *const control = elbo_control_reps.task;
    elbo_rng rng = elbo_rng_stream(1, "gamble", 0);
    elbo_values values;
    elbo_replay data;
    void *self;
    float o = 0;
    uint32_t step = 0;
    double logpi;

    ck_assert_int_eq(
        elbo_values_init(&values, elbo_control_reps.options, arena), ELBO_OK);
    ck_assert_int_eq(elbo_values_parse(&values, settings), ELBO_OK);
    ck_assert_int_eq(control->open(&values, &problem, arena, &self), ELBO_OK);
    ck_assert_int_eq(elbo_replay_init(&data, 1, 2, 4000, arena), ELBO_OK);
    for (uint32_t t = 0; t < 4000; t++) {
        const float first = elbo_rng_uniform(&rng) < 0.5 ? 1 : 0,
                    u[2] = {first, 1 - first};
        float next, reward;
        uint8_t end;

        toss(&belief, 1, &o, u, NULL, &rng, false, &next, &reward, &end, NULL);

        const elbo_replay_row row = {.o = &o,
                                     .u = u,
                                     .next = &next,
                                     .reward = reward,
                                     .end = end,
                                     .step = step};

        ck_assert_int_eq(elbo_replay_push(&data, &row), ELBO_OK);
        step = end ? 0 : step + 1;
        o = end ? 0 : next;
    }

    const elbo_task_estep estep = {.data = &data, .real = 1, .updates = 400};

    ck_assert_msg(control->improve(self, &estep, ws) == ELBO_OK, "%s",
                  elbo_last_error()->text);
    o = 0;

    float u[2];
    const uint8_t first = 1;
    const elbo_task_act act = {
        .n = 1, .o = &o, .first = &first, .rng = &rng, .u = u, .logpi = &logpi};

    ck_assert_int_eq(control->act(self, &act, ws), ELBO_OK);

    const double likeliest = exp(logpi) / 2;

    return u[0] > 0 ? likeliest : 1 - likeliest;
}

START_TEST(
    one_successor_in_the_exponential_seeks_risk_and_the_models_mean_does_not)
{
    ck_assert_double_gt(gambles("layers=1 width=8 rate=1e-2 features=quadratic "
                                "epsilon=0.03"),
                        0.53);
    ck_assert_double_lt(gambles("layers=1 width=8 rate=1e-2 features=quadratic "
                                "epsilon=0.03 draws=200"),
                        0.37);
}
END_TEST

Suite *suite_reps(void)
{
    Suite *suite = suite_create("reps");
    TCase *t = tcase_create("reps");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(
        t, the_weighted_likelihood_has_the_gradient_that_differences_see, 0, 2);
    tcase_add_test(
        t, the_closed_form_of_a_linear_policy_is_its_maximum_likelihood);
    tcase_add_loop_test(t, on_a_double_integrator_it_comes_near_riccati, 0, 2);
    tcase_add_test(
        t,
        one_successor_in_the_exponential_seeks_risk_and_the_models_mean_does_not);
    suite_add_tcase(suite, t);
    return suite;
}

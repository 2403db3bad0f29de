/* tests/test_awr.c -- one improvement by AWR in plain C, from V before and after it and
 * the batches that its streams draw.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "control/minibatch.h"
#include "control/registry.h"
#include "inference/messages/reweight.h"
#include "inference/networks/td_lambda.h"
#include "tests/network_cases.h"
#include "tests/suites.h"
#include "tests/task_cases.h"

enum { ESS, CLIPPED, SPREAD, CRITIC, POLICY, COLUMNS };
enum { HELD = 150, MADE = 70, BATCH = 64 };

static const double discount = 0.95;

static elbo_arena *ws;

static void setup(void)
{
    task_set_up();
    ws = elbo_arena_alloc(1 << 18);
}

static void teardown(void)
{
    elbo_arena_free(ws);
    task_tear_down();
}

static const struct {
    const char *settings;
    double lambda, beta, clip, real;
    bool standardise;
} cases[] = {
    {"lambda=0.8 beta=0.7 weight_clip=2", 0.8, 0.7, 2, 0.3, true},
    {"lambda=0.2 beta=3 weight_clip=0.6 standardise=false", 0.2, 3, 0.6, 0.75, false},
};

typedef struct bench {
    elbo_task_world world;
    const elbo_task_control *control;
    void *awr;
    elbo_replay rows[2]; /* data, rollouts */
    double weight[MADE];
    elbo_task_estep estep;
} bench;

static void open_bench(bench *b, int i)
{
    const elbo_control *const control = elbo_control_find("awr");
    elbo_values values;

    b->world = task_open("Pendulum-v1", "", "none", 3);
    b->control = control->task;
    ck_assert(!elbo_values_init(&values, control->options, task_arena));
    ck_assert(!elbo_values_parse(&values, "width=16 batch=64 value_rate=0.01"));
    ck_assert(!elbo_values_parse(&values, cases[i].settings));

    const elbo_task_problem problem = {
        .world = &b->world, .gamma = discount, .seed = 5};

    ck_assert(!b->control->open(&values, &problem, task_arena, &b->awr));
    network_fill(&b->world, HELD, 40, 1, &b->rows[0], task_arena);
    network_fill(&b->world, MADE, 5, 2, &b->rows[1], task_arena);
    for (size_t k = 0; k < MADE; k++) b->weight[k] = 0.5 + 0.02 * (double)k;
    b->estep = (elbo_task_estep){.data = &b->rows[0],
                                 .rollouts = &b->rows[1],
                                 .rollout_weight = b->weight,
                                 .real = cases[i].real,
                                 .updates = 1};
}

/* G and A of data, then of rollouts, under V as it is. */
static void advantages(const bench *b, double lambda, double G[2][HELD],
                       double A[2][HELD])
{
    float V[HELD];

    for (size_t k = 0; k < 2; k++) {
        const elbo_replay *const r = &b->rows[k];

        ck_assert(!b->control->value(b->awr, r->n, r->next, V, NULL, ws));
        ck_assert(!elbo_td_lambda(r, V, discount, lambda, G[k], ws));
        ck_assert(!b->control->value(b->awr, r->n, r->o, V, NULL, ws));
        for (size_t i = 0; i < r->n; i++) A[k][i] = G[k][i] - (double)V[i];
    }
}

/* The rows of the first update by this stream: of[i] 0 of the data, and slots. */
static void draw(const bench *b, const char *stream, elbo_minibatch *batch)
{
    elbo_rng rng = elbo_rng_stream(5, stream, 0);

    ck_assert(!elbo_minibatch_init(batch, &b->world, BATCH, task_arena));
    ck_assert(!elbo_minibatch_draw(batch, &b->estep, &rng));
}

START_TEST(an_improvement_is_its_formulas)
{
    const double real = cases[_i].real;
    const size_t of_data = (size_t)lround(real * BATCH);
    double G[2][HELD], A[2][HELD], columns[COLUMNS], w[BATCH];
    double loss = 0, mean = 0, std = 0, clipped = 0;
    elbo_minibatch value, policy;
    bench b;

    open_bench(&b, _i);
    draw(&b, "control value", &value);
    draw(&b, "control", &policy);
    advantages(&b, cases[_i].lambda, G, A);
    for (size_t i = 0; i < BATCH; i++) {
        const double off = A[i >= of_data][value.slot[i]];

        loss += (double)value.weight[i] * off * off / (2 * BATCH);
    }
    ck_assert(!b.control->improve(b.awr, &b.estep, ws));
    b.control->columns(b.awr, columns);
    ck_assert_double_eq_tol(columns[CRITIC], loss, 1e-4 * loss);

    advantages(&b, cases[_i].lambda, G, A);
    for (size_t i = 0; i < HELD; i++) mean += real * A[0][i] / HELD;
    for (size_t i = 0; i < MADE; i++) mean += (1 - real) * A[1][i] / MADE;
    for (size_t i = 0; i < HELD; i++) std += real * pow(A[0][i] - mean, 2) / HELD;
    for (size_t i = 0; i < MADE; i++) std += (1 - real) * pow(A[1][i] - mean, 2) / MADE;
    std = sqrt(std);
    ck_assert_double_eq_tol(columns[SPREAD], std, 1e-5 * std);
    for (size_t i = 0; i < BATCH; i++) {
        double x = A[i >= of_data][policy.slot[i]];

        if (cases[_i].standardise) x = (x - mean) / (std + 1e-5);
        x = exp(x / cases[_i].beta);
        clipped += x > cases[_i].clip;
        w[i] = fmin(x, cases[_i].clip) * (double)policy.weight[i];
    }
    ck_assert(clipped > 2 && clipped < BATCH - 2);
    ck_assert_double_eq_tol(columns[CLIPPED], clipped / BATCH, 1e-12);
    ck_assert_double_eq_tol(columns[ESS], elbo_weight_ess(BATCH, w) / BATCH, 1e-5);
}
END_TEST

Suite *suite_awr(void)
{
    Suite *const s = suite_create("awr");
    TCase *const t = tcase_create("awr");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, an_improvement_is_its_formulas, 0,
                        sizeof cases / sizeof *cases);
    suite_add_tcase(s, t);
    return s;
}

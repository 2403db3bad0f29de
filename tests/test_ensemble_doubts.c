/* tests/test_ensemble_doubts.c -- what members say of each other: how uncertain they are
 * of a row, and how far apart.
 */
#include <math.h>

#include "tests/engine_cases.h"
#include "tests/ensemble_cases.h"
#include "tests/suites.h"

/* Mean and deviation of o' by one member, in double from its nodes. */
static void by_nodes(const elbo_task_belief *belief, size_t member,
                     const elbo_replay *d, double mean[], double std[])
{
    elbo_tape *const tape = elbo_tape_alloc(ELBO_F64);
    const elbo_ensemble *const e = belief->self;
    double *const theta = elbo_arena_doubles(ensemble_ws, e->size);
    double *const x = elbo_arena_doubles(ensemble_ws, d->n * d->no);
    elbo_task_nodes nodes = {
        .rows = d->n,
        .o = elbo_tape_constant(tape, d->n, d->no),
        .u = elbo_tape_constant(tape, d->n, d->nu),
        .reward = elbo_tape_constant(tape, d->n, 1),
        .next = elbo_tape_constant(tape, d->n, d->no),
        .end = elbo_tape_constant(tape, d->n, 1),
    };

    case_ok(elbo_ensemble_node(belief, member, false, tape, &nodes));
    case_ok(elbo_tape_finish(tape));
    for (size_t i = 0; i < d->n * d->no; i++) x[i] = (double)d->o[i];
    elbo_tape_set(tape, nodes.o, x);
    for (size_t i = 0; i < d->n * d->nu; i++) x[i] = (double)d->u[i];
    elbo_tape_set(tape, nodes.u, x);
    for (size_t j = 0; j < e->size; j++)
        theta[j] = (double)elbo_ensemble_theta(e, member)[j];
    elbo_ensemble_set(e, theta, tape, &nodes);
    elbo_tape_forward(tape);
    elbo_tape_get(tape, nodes.mean, mean);
    elbo_tape_get(tape, nodes.std, std);
    elbo_tape_free(tape);
}

/* Far from where they began, where components are alike. */
static void move_members(const elbo_task_belief *belief)
{
    const elbo_ensemble *const e = belief->self;

    for (size_t m = 0; m < belief->members; m++)
        for (size_t j = 0; j < e->size; j++)
            elbo_ensemble_theta(e, m)[j] += (float)(0.4 * sin((double)(m + 7 * j)));
}

/* The largest over all members, and over all pairs of them, row by row. */
static void check_doubts(const elbo_task_belief *belief, const elbo_replay *d)
{
    enum { MOST = 4, N = 30 };
    double mean[MOST][2 * N], std[MOST][2 * N];
    float aleatoric[N], apart[N];

    ck_assert(belief->members <= MOST && d->n == N);
    case_ok(belief->model->doubts(belief, N, d->o, d->u, aleatoric, apart,
                                  ensemble_ws));
    for (size_t m = 0; m < belief->members; m++)
        by_nodes(belief, m, d, mean[m], std[m]);
    for (size_t i = 0; i < N; i++) {
        double noise = 0, most = 0;

        for (size_t m = 0; m < belief->members; m++) {
            noise = fmax(noise, hypot(std[m][2 * i], std[m][2 * i + 1]));
            for (size_t k = 0; k < belief->members; k++)
                most = fmax(most,
                            hypot(mean[m][2 * i] - mean[k][2 * i],
                                  mean[m][2 * i + 1] - mean[k][2 * i + 1]));
        }
        ck_assert_double_eq_tol((double)aleatoric[i], noise, 1e-5 * (1 + noise));
        ck_assert_double_eq_tol((double)apart[i], most, 1e-5 * (1 + most));
    }
}

START_TEST(doubts_are_those_of_the_worst_member_and_the_worst_pair)
{
    static const char *const settings[] = {
        "members=4 elites=2 width=9 epochs=2",
        "members=3 width=7 head=mixture components=3 epochs=2",
        "members=3 width=7 head=deterministic epochs=2",
        "members=1 width=7",
    };
    const elbo_task_world world = ensemble_world();
    elbo_replay data = ensemble_rows(200, 0.3, 2);
    elbo_task_belief belief =
        ensemble_open(&elbo_model_ensemble, settings[_i], &world, 5);

    ensemble_fit(&belief, &data);
    move_members(&belief);
    data.n = 30;
    check_doubts(&belief, &data);
}
END_TEST

/* Of a learnt reward the deviation counts too: that of the model's own draws. */
START_TEST(what_is_learnt_of_rewards_is_in_doubt_as_well)
{
    enum { DRAWS = 40000 };
    const elbo_task_world world = ensemble_world();
    const elbo_replay data = ensemble_rows(200, 0.3, 2);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble, "members=1 width=9 reward=learnt epochs=3", &world,
        5);
    double sum[3] = {0}, square[3] = {0}, variance = 0;
    float aleatoric, apart;

    ensemble_fit(&belief, &data);

    const ensemble_draws x = ensemble_draw_first(&belief, &data, DRAWS);

    for (size_t k = 0; k < DRAWS; k++) {
        const double y[] = {(double)x.next[2 * k], (double)x.next[2 * k + 1],
                            (double)x.reward[k]};

        for (size_t j = 0; j < 3; j++) {
            sum[j] += y[j] / DRAWS;
            square[j] += y[j] * y[j] / DRAWS;
        }
    }
    for (size_t j = 0; j < 3; j++) variance += square[j] - sum[j] * sum[j];
    case_ok(belief.model->doubts(&belief, 1, data.o, data.u, &aleatoric, &apart,
                                 ensemble_ws));
    /* a sum of three variances: its relative error is below sqrt(2 / DRAWS) */
    ck_assert_double_eq_tol(pow((double)aleatoric, 2), variance,
                            5 * sqrt(2.0 / DRAWS) * variance);
    ck_assert(apart == 0);
}
END_TEST

Suite *suite_ensemble_doubts(void)
{
    Suite *const s = suite_create("ensemble_doubts");
    TCase *const t = tcase_create("ensemble_doubts");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_loop_test(
        t, doubts_are_those_of_the_worst_member_and_the_worst_pair, 0, 4);
    tcase_add_test(t, what_is_learnt_of_rewards_is_in_doubt_as_well);
    suite_add_tcase(s, t);
    return s;
}

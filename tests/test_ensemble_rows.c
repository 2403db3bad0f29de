/* tests/test_ensemble_rows.c -- which rows a network learns from and is judged
 * by, and which member and stream a draw follows.
 */
#include <math.h>
#include <string.h>

#include "tests/ensemble_cases.h"
#include "tests/suites.h"

/* ---- rows held out ---- */

/* l = -1/2 |mean - next|^2 + logp / 4 */
static elbo_node build(void *self, size_t member, elbo_tape *tape,
                       const elbo_task_nodes *nodes)
{
    const elbo_node d =
        elbo_tape_binary(tape, ELBO_SUB, nodes->mean, nodes->next);
    const elbo_node sum =
        elbo_tape_sum(tape, elbo_tape_unary(tape, ELBO_SQ, d), ELBO_ROWS);

    (void)self, (void)member;
    return elbo_tape_binary(tape, ELBO_ADD, elbo_tape_scale(tape, sum, -0.5),
                            elbo_tape_scale(tape, nodes->logp, 0.25));
}

/* Recomputed on a tape of all rows held out, from the theta that stays. */
START_TEST(holdout_is_the_objective_of_training_at_the_theta_that_stays)
{
    const elbo_task_world world = ensemble_world();
    const elbo_replay data = ensemble_rows(300, 0.3, 11);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble,
        "members=2 layers=1 width=16 epochs=12 batch=32 holdout=0.3 "
        "improvement=0 rate=1e-2",
        &world, 5);
    const elbo_ensemble *const e = belief.self;
    const elbo_task_likelihood likelihood = {.build = build};
    elbo_task_mstep mstep = ensemble_mstep(&data);
    double weight[300], l[300];
    elbo_ensemble_rows rows;
    elbo_task_fit info;

    for (size_t i = 0; i < 300; i++) weight[i] = (double)(i % 3);
    mstep.weight = weight;
    mstep.likelihood = &likelihood;
    ck_assert_int_eq(belief.model->fit(&belief, &mstep, &info, ensemble_ws),
                     ELBO_OK);
    ck_assert_int_eq(elbo_ensemble_split(e, &data, &rows, ensemble_arena),
                     ELBO_OK);
    ck_assert_uint_gt(rows.held, 50);
    ck_assert_uint_eq(rows.n + rows.held, 300);
    for (size_t m = 0; m < 2; m++) {
        elbo_tape *const tape = elbo_tape_alloc(ELBO_F32);
        elbo_task_nodes nodes = {
            .rows = 300,
            .o = elbo_tape_constant(tape, 300, 2),
            .u = elbo_tape_constant(tape, 300, 1),
            .next = elbo_tape_constant(tape, 300, 2),
            .reward = elbo_tape_constant(tape, 300, 1),
            .end = elbo_tape_constant(tape, 300, 1),
        };
        double sum = 0;

        ck_assert_int_eq(belief.model->node(&belief, m, false, tape, &nodes),
                         ELBO_OK);

        const elbo_node term = build(NULL, m, tape, &nodes);

        ck_assert_int_eq(elbo_tape_finish(tape), ELBO_OK);
        elbo_tape_set_f32(tape, nodes.o, data.o);
        elbo_tape_set_f32(tape, nodes.u, data.u);
        elbo_tape_set_f32(tape, nodes.next, data.next);
        elbo_tape_set_f32(tape, nodes.reward, data.reward);
        elbo_tape_set_f32(tape, nodes.end, data.reward);
        elbo_tape_forward(tape);
        elbo_tape_get(tape, term, l);
        for (size_t i = 0; i < rows.held; i++)
            sum += weight[rows.test[i]] * l[rows.test[i]];
        ck_assert_double_eq_tol(e->holdout[m], sum / (double)rows.held, 1e-5);
        elbo_tape_free(tape);
    }
    ck_assert(e->score[e->elite[0]] >= e->score[e->elite[1]]);
    ck_assert_double_eq_tol(info.holdout, 0.5 * (e->holdout[0] + e->holdout[1]),
                            1e-12);
}
END_TEST

START_TEST(a_row_stays_where_it_was_put_while_data_grow)
{
    const elbo_task_world world = ensemble_world();
    const elbo_task_belief belief =
        ensemble_open(&elbo_model_ensemble,
                      "members=4 bootstrap=indices holdout=0.2", &world, 5);
    const elbo_ensemble *const e = belief.self;
    const elbo_replay few = ensemble_rows(200, 0.3, 11),
                      more = ensemble_rows(300, 0.3, 11);
    elbo_ensemble_rows a, b, own;

    ck_assert_int_eq(elbo_ensemble_split(e, &few, &a, ensemble_arena), ELBO_OK);
    ck_assert_int_eq(elbo_ensemble_split(e, &more, &b, ensemble_arena),
                     ELBO_OK);
    ck_assert_mem_eq(a.test, b.test, a.held * sizeof *a.test);
    ck_assert_mem_eq(a.slot, b.slot, a.n * sizeof *a.slot);
    for (size_t m = 0; m < 4; m++) {
        const uint64_t then = elbo_ensemble_hash(e, m, 0, 200);
        size_t n = 0;

        ck_assert_int_eq(
            elbo_ensemble_bootstrap(e, m, &few, &a, &own, ensemble_arena),
            ELBO_OK);
        /* a Poisson sum of a.n rows: 5 deviations */
        ck_assert_double_eq_tol((double)own.n, (double)a.n,
                                5 * sqrt((double)a.n));
        ck_assert_int_eq(
            elbo_ensemble_bootstrap(e, m, &more, &b, &own, ensemble_arena),
            ELBO_OK);
        for (size_t i = 0; i < own.n; i++) n += own.slot[i] < 200;
        ck_assert_uint_gt(n, 0);
        ck_assert(elbo_ensemble_hash(e, m, 0, 200) == then);
        for (size_t k = 0; k < m; k++)
            ck_assert(elbo_ensemble_hash(e, k, 0, 200) != then);
    }
}
END_TEST

START_TEST(members_learn_from_rows_of_their_own)
{
    const elbo_task_world world = ensemble_world();
    const elbo_replay data = ensemble_rows(120, 0.3, 11);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble,
        "members=3 layers=1 width=8 epochs=2 bootstrap=indices", &world, 5);
    const elbo_ensemble *const e = belief.self;

    ensemble_fit(&belief, &data);
    for (size_t m = 1; m < 3; m++)
        ck_assert(memcmp(elbo_ensemble_theta(e, 0), elbo_ensemble_theta(e, m),
                         e->size * sizeof *e->theta)
                  != 0);
}
END_TEST

START_TEST(one_row_or_a_batch_of_one_is_learnt_from)
{
    const elbo_task_world world = ensemble_world();
    const elbo_replay one = ensemble_rows(1, 0.3, 11),
                      five = ensemble_rows(5, 0.3, 11);
    elbo_task_belief belief =
        ensemble_open(&elbo_model_ensemble,
                      "members=2 layers=1 width=8 epochs=3 batch=1", &world, 5);
    const elbo_ensemble *const e = belief.self;
    elbo_task_fit info = ensemble_fit(&belief, &one);

    ck_assert(isnan(e->holdout[0]) && isfinite(info.holdout));
    ck_assert_uint_eq(info.steps, 6);
    info = ensemble_fit(&belief, &five);
    ck_assert(isfinite(info.train));
}
END_TEST

/* ---- draws ---- */

/* Which member a row is drawn by is the caller's: a row's successor depends on
 * its own member and stream alone. */
START_TEST(a_row_follows_its_own_member_and_stream)
{
    enum { N = 64 };
    const elbo_task_world world = ensemble_world();
    const elbo_replay data = ensemble_rows(N, 0.3, 11);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble, "members=3 layers=1 width=8 epochs=2", &world, 5);
    float next[2 * N], one[2], reward[N], r;
    uint8_t end[N], ended;
    uint32_t member[N];
    elbo_rng rng[N];

    ensemble_fit(&belief, &data);
    for (size_t i = 0; i < N; i++) {
        member[i] = (uint32_t)(i * i % 3);
        rng[i] = elbo_rng_stream(9, "draw", i);
    }
    ck_assert_int_eq(belief.model->draw(&belief, N, data.o, data.u, member, rng,
                                        false, next, reward, end, ensemble_ws),
                     ELBO_OK);
    for (size_t i = 0; i < N; i++) {
        elbo_rng own = elbo_rng_stream(9, "draw", i);

        ck_assert_int_eq(belief.model->draw(&belief, 1, data.o + 2 * i,
                                            data.u + i, &member[i], &own, false,
                                            one, &r, &ended, ensemble_ws),
                         ELBO_OK);
        ck_assert_double_eq_tol((double)one[0], (double)next[2 * i], 1e-5);
        ck_assert_double_eq_tol((double)one[1], (double)next[2 * i + 1], 1e-5);
        ck_assert(own.count == rng[i].count && own.used == rng[i].used);
    }
}
END_TEST

static const char *const learnt[] = {
    "members=1 layers=2 width=7 epochs=2 batch=16 reward=learnt terminal=learnt",
    "members=1 layers=2 width=7 epochs=2 batch=16 reward=learnt terminal=learnt "
    "head=mixture components=3",
};

/* What a task does not tell: rewards by the head's last target, ends by its Bernoulli
 * part, at one row, from the network's outputs. */
START_TEST(learnt_rewards_and_ends_are_drawn_by_their_heads)
{
    enum { N = 20000 };
    const elbo_task_world world = ensemble_world();
    elbo_task_belief belief =
        ensemble_open(&elbo_model_ensemble, learnt[_i], &world, 5);
    const elbo_ensemble *const e = belief.self;
    const elbo_ensemble_parts p = elbo_ensemble_outputs(e);
    const elbo_replay data = ensemble_rows(24, 0.3, 17);
    double total = 0, m = 0, second = 0, sum = 0, squares = 0, ends = 0;
    float z[8], out[64];

    ensemble_fit(&belief, &data);
    elbo_ensemble_input(e, data.o, data.u, z);
    ck_assert_int_eq(elbo_mlp_forward(&e->mlp, elbo_ensemble_theta(e, 0), 1, z,
                                      out, ensemble_ws),
                     ELBO_OK);
    for (size_t k = 0; k < e->K; k++) {
        const float *const bounds =
            elbo_ensemble_theta(e, 0) + elbo_mlp_size(&e->mlp);
        const size_t at = k * e->D + 2;
        const double pi = e->K > 1 ? exp((double)out[p.pi + k]) : 1;
        const double v = (double)elbo_ensemble_bounded(
            out[p.v + at], bounds[at], bounds[elbo_ensemble_bounds(e) + at]);
        const double mu = (double)out[p.mu + at];

        total += pi;
        m += pi * mu;
        second += pi * (exp(v) + mu * mu);
    }
    m /= total;

    const double scale = (double)e->out_scale[2];
    const double std = scale * sqrt(second / total - m * m);
    const double q = 1 / (1 + exp(-(double)out[p.end]));

    const ensemble_draws x = ensemble_draw_first(&belief, &data, N);

    for (size_t i = 0; i < N; i++) {
        sum += (double)x.reward[i] / N;
        ends += (double)x.end[i] / N;
    }
    for (size_t i = 0; i < N; i++) squares += pow((double)x.reward[i] - sum, 2) / N;
    ck_assert_double_eq_tol(sum, (double)e->out_mean[2] + scale * m,
                            5 * std / sqrt(N) + 1e-5);
    ck_assert_double_eq_tol(sqrt(squares), std, 5 * std / sqrt(N) + 1e-5);
    ck_assert(q > 0.05 && q < 0.95);
    ck_assert_double_eq_tol(ends, q, 5 * sqrt(q * (1 - q) / N));
}
END_TEST

/* An untrained network: the same for a seed, another for another, nothing
 * learnt. */
START_TEST(a_random_model_is_drawn_once_and_never_learns)
{
    const elbo_task_world world = ensemble_world(),
                          mute = ensemble_mute_world(3, 2);
    const elbo_replay data = ensemble_rows(20, 0.3, 11);
    const elbo_model *const model = elbo_model_find("random");
    elbo_task_belief a = ensemble_open(model, "", &world, 1);
    elbo_task_belief b = ensemble_open(model, "", &world, 1);
    elbo_task_belief c = ensemble_open(model, "", &world, 2);
    elbo_task_belief *const all[] = {&a, &b, &c};
    float next[3][40], reward[20];
    uint32_t member[20] = {0};
    uint8_t end[20];
    elbo_rng rng[20];

    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < 20; i++) rng[i] = elbo_rng_stream(1, "draw", i);
        ck_assert_int_eq(model->task->draw(all[k], 20, data.o, data.u, member,
                                           rng, true, next[k], reward, end,
                                           ensemble_ws),
                         ELBO_OK);
        for (size_t i = 0; i < 20; i++)
            ck_assert(reward[i] == next[k][2 * i] - data.u[i] * data.u[i]);
    }
    ck_assert_mem_eq(next[0], next[1], sizeof next[0]);
    ck_assert_mem_ne(next[0], next[2], sizeof next[0]);
    ck_assert(model->task->fit == NULL);
    ck_assert_uint_eq(a.n, 0);
    (void)ensemble_open(model, "", &mute,
                        1); /* what is not told is the network's */
}
END_TEST

Suite *suite_ensemble_rows(void)
{
    Suite *const s = suite_create("ensemble_rows");
    TCase *const t = tcase_create("ensemble_fit");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(
        t, holdout_is_the_objective_of_training_at_the_theta_that_stays);
    tcase_add_test(t, a_row_stays_where_it_was_put_while_data_grow);
    tcase_add_test(t, members_learn_from_rows_of_their_own);
    tcase_add_test(t, one_row_or_a_batch_of_one_is_learnt_from);
    tcase_add_test(t, a_row_follows_its_own_member_and_stream);
    tcase_add_loop_test(t, learnt_rewards_and_ends_are_drawn_by_their_heads, 0, 2);
    tcase_add_test(t, a_random_model_is_drawn_once_and_never_learns);
    suite_add_tcase(s, t);
    return s;
}

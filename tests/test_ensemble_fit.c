/* tests/test_ensemble_fit.c -- what the M-step of networks finds, keeps and
 * refuses: closed forms, calibration, rows held out and drawn, faults in words.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/ensemble_cases.h"
#include "tests/suites.h"

static elbo_replay mute_rows(size_t n, size_t no, size_t nu)
{
    elbo_replay data;

    ck_assert_int_eq(elbo_replay_init(&data, no, nu, n, ensemble_arena),
                     ELBO_OK);
    return data;
}

static void push(elbo_replay *data, const float o[], const float u[],
                 const float next[])
{
    const elbo_replay_row row = {.o = o, .u = u, .next = next};

    ck_assert_int_eq(elbo_replay_push(data, &row), ELBO_OK);
}

/* ---- closed forms ---- */

/* Weighted least squares of o' - o on (o, 1), the noise known. */
START_TEST(an_affine_network_is_weighted_least_squares)
{
    enum { N = 50 };
    const elbo_task_world world = ensemble_mute_world(1, 0);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble,
        "members=1 layers=0 head=deterministic noise=0.6 "
        "reward=learnt terminal=never normalise=none holdout=0 batch=64 "
        "epochs=4000 "
        "rate=1e-2",
        &world, 5);
    const elbo_ensemble *const e = belief.self;
    elbo_replay data = mute_rows(N, 1, 0);
    elbo_rng rng = elbo_rng_stream(3, "rows", 0);
    double weight[N], S = 0, Sx = 0, Sy = 0, Sxx = 0, Sxy = 0, noise[2];
    elbo_task_mstep mstep = ensemble_mstep(&data);
    elbo_task_fit info;

    for (size_t i = 0; i < N; i++) {
        elbo_rng_normals(&rng, noise, 2);

        const float o = (float)noise[0];
        const float next =
            o + 0.7F - 0.4F * o + (float)(0.5 * noise[1] * noise[0]);
        const double w = weight[i] = 0.1 + 0.04 * (double)i;
        const double x = (double)o, y = (double)next - x;

        push(&data, &o, NULL, &next);
        S += w;
        Sx += w * x;
        Sy += w * y;
        Sxx += w * x * x;
        Sxy += w * x * y;
    }
    mstep.weight = weight;
    ck_assert_int_eq(belief.model->fit(&belief, &mstep, &info, ensemble_ws),
                     ELBO_OK);

    const double slope = (S * Sxy - Sx * Sy) / (S * Sxx - Sx * Sx);
    const size_t outputs = e->mlp.width[1];

    ck_assert_double_eq_tol((double)e->theta[0], slope, 1e-4);
    ck_assert_double_eq_tol((double)e->theta[outputs], (Sy - slope * Sx) / S,
                            1e-4);
}
END_TEST

/* An observation that stands still: the mean and variance of its weighted
 * changes. */
START_TEST(a_constant_input_learns_the_weighted_mean_and_variance)
{
    enum { N = 60 };
    const elbo_task_world world = ensemble_mute_world(1, 0);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble,
        "members=1 layers=0 bounds=fixed highest=6 lowest=-12 reward=learnt "
        "terminal=never normalise=inputs holdout=0 batch=64 epochs=3000 "
        "rate=1e-2",
        &world, 5);
    elbo_replay data = mute_rows(N, 1, 0);
    elbo_rng rng = elbo_rng_stream(4, "rows", 0);
    const float o = 2.385F, u = 0;
    double weight[N], y[N], S = 0, mean = 0, variance = 0, noise[2], logp[1];
    elbo_task_mstep mstep = ensemble_mstep(&data);
    elbo_task_fit info;

    for (size_t i = 0; i < N; i++) {
        elbo_rng_normals(&rng, noise, 2);

        const float next = o + 0.3F + (float)(0.2 * noise[0]);

        push(&data, &o, &u, &next);
        weight[i] = 0.1 + 0.04 * (double)i;
        y[i] = (double)next;
        S += weight[i];
        mean += weight[i] * y[i];
    }
    mean /= S;
    for (size_t i = 0; i < N; i++)
        variance += weight[i] * (y[i] - mean) * (y[i] - mean) / S;
    mstep.weight = weight;
    ck_assert_int_eq(belief.model->fit(&belief, &mstep, &info, ensemble_ws),
                     ELBO_OK);

    /* rewards are all 0 in these rows: their density is a term of its own */
    elbo_tape *const tape = elbo_tape_alloc(ELBO_F32);
    elbo_task_nodes nodes = {
        .rows = 1,
        .o = elbo_tape_constant(tape, 1, 1),
        .u = elbo_tape_constant(tape, 1, 0),
        .next = elbo_tape_constant(tape, 1, 1),
        .reward = elbo_tape_constant(tape, 1, 1),
        .end = elbo_tape_constant(tape, 1, 1),
    };

    ck_assert_int_eq(belief.model->node(&belief, 0, false, tape, &nodes),
                     ELBO_OK);
    ck_assert_int_eq(elbo_tape_finish(tape), ELBO_OK);
    elbo_tape_set_f32(tape, nodes.o, &o);
    elbo_tape_set_f32(tape, nodes.next, &o);
    elbo_tape_set_f32(tape, nodes.reward, &u);
    elbo_tape_set_f32(tape, nodes.end, &u);
    elbo_tape_forward(tape);
    elbo_tape_get(tape, nodes.mean, logp);
    ck_assert_double_eq_tol(logp[0], mean, 1e-3 * sqrt(variance));
    elbo_tape_get(tape, nodes.std, logp);
    ck_assert_double_eq_tol(logp[0], sqrt(variance), 1e-3 * sqrt(variance));
    elbo_tape_free(tape);
}
END_TEST

/* ---- calibration ---- */

static double spread_at(double x)
{
    return 0.1 + 0.15 * (1 + tanh(2 * x));
}

static elbo_replay uneven_rows(size_t n, uint64_t seed)
{
    elbo_replay data = mute_rows(n, 1, 0);
    elbo_rng rng = elbo_rng_stream(seed, "uneven", 0);
    double noise[2];

    for (size_t i = 0; i < n; i++) {
        const double x = 3 * elbo_rng_uniform(&rng) - 1.5;

        elbo_rng_normals(&rng, noise, 2);

        const float o = (float)x;
        const float next = (float)(x + sin(3 * x) + spread_at(x) * noise[0]);

        push(&data, &o, NULL, &next);
    }
    return data;
}

static void no_reward(const void *self, size_t n, const float o[], const float u[],
                      const float next[], float out[])
{
    (void)self, (void)o, (void)u, (void)next;
    for (size_t i = 0; i < n; i++) out[i] = 0;
}

/* Coverage has a standard error of 0.01 at 2000 rows; deviations are learnt
 * from 3000 rows by a network, to a tenth. */
START_TEST(uneven_noise_is_learnt_and_covered)
{
    enum { N = 2000 };
    elbo_task_world world = ensemble_mute_world(1, 0);
    static const elbo_task told = {.reward = no_reward};
    const elbo_replay data = uneven_rows(3000, 1), fresh = uneven_rows(N, 2);
    double std[N], mean[N], apart = 0;
    size_t in68 = 0, in95 = 0;

    world.task = &told;

    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble,
        "members=1 layers=2 width=24 terminal=never epochs=150 batch=64 "
        "rate=3e-3 improvement=0 patience=40 activation=tanh",
        &world, 7);
    elbo_tape *const tape = elbo_tape_alloc(ELBO_F32);
    elbo_task_nodes nodes = {
        .rows = N,
        .o = elbo_tape_constant(tape, N, 1),
        .u = elbo_tape_constant(tape, N, 0),
        .next = elbo_tape_constant(tape, N, 1),
        .reward = elbo_tape_constant(tape, N, 1),
        .end = elbo_tape_constant(tape, N, 1),
    };

    ensemble_fit(&belief, &data);
    ck_assert_int_eq(belief.model->node(&belief, 0, false, tape, &nodes),
                     ELBO_OK);
    ck_assert_int_eq(elbo_tape_finish(tape), ELBO_OK);
    elbo_tape_set_f32(tape, nodes.o, fresh.o);
    elbo_tape_set_f32(tape, nodes.next, fresh.next);
    elbo_tape_set_f32(tape, nodes.reward, fresh.reward);
    elbo_tape_set_f32(tape, nodes.end, fresh.reward);
    elbo_tape_forward(tape);
    elbo_tape_get(tape, nodes.mean, mean);
    elbo_tape_get(tape, nodes.std, std);
    for (size_t i = 0; i < N; i++) {
        const double d = fabs((double)fresh.next[i] - mean[i]) / std[i];

        in68 += d < 1;
        in95 += d < 1.959964;
        apart += fabs(log(std[i] / spread_at((double)fresh.o[i]))) / N;
    }
    ck_assert_double_eq_tol((double)in68 / N, 0.6827, 0.04);
    ck_assert_double_eq_tol((double)in95 / N, 0.95, 0.02);
    ck_assert_double_lt(apart, 0.1);
    elbo_tape_free(tape);
}
END_TEST

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

/* ---- faults ---- */

static void fails(elbo_task_belief *belief, const elbo_task_mstep *mstep,
                  elbo_status status, const char *const words[])
{
    elbo_task_fit info;

    ck_assert_int_eq(belief->model->fit(belief, mstep, &info, ensemble_ws),
                     status);
    for (size_t i = 0; words[i]; i++)
        ck_assert_msg(strstr(elbo_last_error()->text, words[i]),
                      "\"%s\" not in \"%s\"", words[i],
                      elbo_last_error()->text);
}

static elbo_task_belief plain(const elbo_task_world *world)
{
    return ensemble_open(&elbo_model_ensemble,
                         "members=3 layers=2 width=8 epochs=4", world, 5);
}

START_TEST(a_planted_nan_is_named_with_member_and_layer)
{
    const elbo_task_world world = ensemble_world();
    const elbo_replay data = ensemble_rows(120, 0.3, 11);
    const elbo_task_mstep mstep = ensemble_mstep(&data);
    elbo_task_belief belief = plain(&world);
    const elbo_ensemble *const e = belief.self;

    elbo_ensemble_theta(e, 1)[(3 + 1) * 8 + 17] = NAN;
    fails(&belief, &mstep, ELBO_ENOTFINITE,
          (const char *const[]){"member 1", "layer 2's parameters",
                                "before the first step", NULL});
}
END_TEST

/* The third binding of member 2 in training brings a NaN. */
typedef struct poison {
    elbo_node leaf;
    size_t calls;
} poison;

static elbo_node build_poison(void *self, size_t member, elbo_tape *tape,
                              const elbo_task_nodes *nodes)
{
    poison *const p = (poison *)self + member;

    p->leaf = elbo_tape_constant(tape, 1, 1);
    return elbo_tape_binary(tape, ELBO_ADD, nodes->logp, p->leaf);
}

static void bind_poison(void *self, size_t member, elbo_tape *tape,
                        const elbo_replay *data, const uint32_t slot[],
                        size_t n, elbo_rng *rng)
{
    poison *const p = (poison *)self + member;
    const double x = member == 2 && ++p->calls == 3 ? (double)NAN : 0;

    (void)data, (void)slot, (void)n, (void)rng;
    elbo_tape_set(tape, p->leaf, &x);
}

START_TEST(an_objective_that_is_lost_on_the_way_is_named_with_its_step)
{
    const elbo_task_world world = ensemble_world();
    const elbo_replay data = ensemble_rows(120, 0.3, 11);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble, "members=3 layers=2 width=8 epochs=4 holdout=0",
        &world, 5);
    poison p[3] = {{0}};
    const elbo_task_likelihood likelihood = {p, build_poison, bind_poison};
    elbo_task_mstep mstep = ensemble_mstep(&data);

    mstep.likelihood = &likelihood;
    fails(&belief, &mstep, ELBO_ENOTFINITE,
          (const char *const[]){"member 2",
                                "objective is nan at step 2 (epoch 2)",
                                "last finite objective", NULL});
}
END_TEST

START_TEST(what_cannot_be_learnt_from_is_refused_in_words)
{
    const elbo_task_world world = ensemble_world();
    const elbo_replay none = ensemble_rows(0, 0.3, 11),
                      data = ensemble_rows(9, 0.3, 11);
    double weight[9] = {1, 1, 1, -2};
    elbo_task_mstep mstep = ensemble_mstep(&none);
    elbo_task_belief belief = plain(&world);

    fails(&belief, &mstep, ELBO_EINVAL,
          (const char *const[]){"no row to learn", NULL});
    mstep.data = &data;
    mstep.weight = weight;
    fails(&belief, &mstep, ELBO_ENOTFINITE,
          (const char *const[]){"weight of row 3 is -2", NULL});
    mstep.weight = NULL;
    mstep.scale = 0;
    fails(&belief, &mstep, ELBO_EINVAL,
          (const char *const[]){"scale is 0", NULL});
}
END_TEST

/* settings, and a word of the reason. */
static const struct {
    const char *settings, *reason;
    bool mute;
} bad[] = {
    {"elites=6",                    "6 of 5 members",         false},
    {"decay=1e-3,1e-4",             "2 numbers for 4 layers", false},
    {"decay=1e-3,x",                "one or one a layer",     false},
    {"precision=1,2,3,4,5,6,7,8,9", "at most 8",              false},
    {"lowest=1",                    "above highest",          false},
    {"",                            "reward must be learnt",  true },
    {"reward=learnt",               "terminal must be",       true },
};

START_TEST(options_that_do_not_fit_are_refused)
{
    const elbo_task_world told = ensemble_world(),
                          mute = ensemble_mute_world(2, 1);
    elbo_task_belief belief;

    ck_assert_int_eq(ensemble_try_open(&elbo_model_ensemble, bad[_i].settings,
                                       bad[_i].mute ? &mute : &told, 1,
                                       &belief),
                     ELBO_EINVAL);
    ck_assert_msg(strstr(elbo_last_error()->text, bad[_i].reason), "\"%s\"",
                  elbo_last_error()->text);
}
END_TEST

/* ---- corners ---- */

START_TEST(one_row_or_a_batch_of_one_is_learnt_from)
{
    const elbo_task_world world = ensemble_world();
    const elbo_replay one = ensemble_rows(1, 0.3, 11),
                      five = ensemble_rows(5, 0.3, 11);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble,
        "members=2 layers=1 width=8 epochs=3 batch=1", &world,
        5);
    const elbo_ensemble *const e = belief.self;
    elbo_task_fit info = ensemble_fit(&belief, &one);

    ck_assert(isnan(e->holdout[0]) && isfinite(info.holdout));
    ck_assert_uint_eq(info.steps, 6);
    info = ensemble_fit(&belief, &five);
    ck_assert(isfinite(info.train));
}
END_TEST

START_TEST(a_constant_feature_keeps_its_scale)
{
    const elbo_task_world world = ensemble_mute_world(2, 1);
    elbo_replay data = mute_rows(40, 2, 1);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble,
        "members=1 layers=1 width=8 epochs=3 reward=learnt terminal=learnt",
        &world, 5);
    const elbo_ensemble *const e = belief.self;

    for (size_t i = 0; i < 40; i++) {
        const float x = (float)(0.1 * (double)i), o[] = {x, 1e4F}, u = 0.5F;
        const float next[] = {x + 0.1F * sinf(x), 1e4F};

        push(&data, o, &u, next);
    }
    ensemble_fit(&belief, &data);
    ck_assert(e->in_scale[1] == 1 && e->in_mean[1] == 1e4F);
    ck_assert(e->in_scale[2] == 1 && e->in_mean[2] == 0.5F);
    ck_assert(e->out_scale[1] == 1 && e->out_mean[1] == 0);
    ck_assert(e->out_scale[2] == 1); /* the reward is 0 throughout */
    ck_assert(e->in_scale[0] > 1 && e->out_scale[0] < 1);
}
END_TEST

/* log N(W; 0, 1/tau) by hand, and how tau follows the rows. */
START_TEST(the_prior_is_a_gaussian_over_the_weights)
{
    const elbo_task_world world = ensemble_world();
    const elbo_replay data = ensemble_rows(50, 0.3, 11);
    elbo_task_belief belief =
        ensemble_open(&elbo_model_ensemble,
                      "members=2 layers=1 width=4 epochs=1 bounds=fixed "
                      "decay=1e-2,0 precision=0,3",
                      &world, 5);
    const elbo_ensemble *const e = belief.self;
    elbo_task_mstep mstep = ensemble_mstep(&data);
    elbo_task_fit info;
    double sum = 0;

    mstep.scale = 0.5;
    ck_assert_int_eq(belief.model->fit(&belief, &mstep, &info, ensemble_ws),
                     ELBO_OK);
    for (size_t m = 0; m < 2; m++) {
        const float *const theta = elbo_ensemble_theta(e, m);

        for (size_t i = 0; i < 3 * 4; i++) /* tau = 0.5 * 50 * 0.01 */
            sum += 0.5 * log(0.25 / (2 * 3.14159265358979))
                   - 0.125 * pow((double)theta[i], 2);
        for (size_t i = 3 * 4 + 4; i < 3 * 4 + 4 + 4 * 4; i++)
            sum += 0.5 * log(3 / (2 * 3.14159265358979))
                   - 1.5 * pow((double)theta[i], 2);
    }
    ck_assert_double_eq_tol(belief.model->log_prior(&belief), sum,
                            1e-9 * fabs(sum));
}
END_TEST

/* A ridge in closed form: slope = Sxy / (Sxx + n lambda / precision of the
 * noise). */
START_TEST(weight_decay_is_a_ridge_on_the_mean_objective)
{
    enum { N = 50 };
    const elbo_task_world world = ensemble_mute_world(1, 0);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble,
        "members=1 layers=0 head=deterministic noise=0.5 reward=learnt "
        "terminal=never "
        "normalise=none holdout=0 batch=64 epochs=4000 rate=1e-2 decay=0.3",
        &world, 5);
    const elbo_ensemble *const e = belief.self;
    elbo_replay data = mute_rows(N, 1, 0);
    double Sxx = 0, Sxy = 0, Sx = 0, Sy = 0;

    for (size_t i = 0; i < N; i++) {
        const float o = (float)sin((double)i), next = o + 0.6F * o + 0.1F;

        push(&data, &o, NULL, &next);
        Sx += (double)o / N;
        Sy += (double)(next - o) / N;
        Sxx += (double)(o * o) / N;
        Sxy += (double)(o * (next - o)) / N;
    }
    ensemble_fit(&belief, &data);
    ck_assert_double_eq_tol((double)e->theta[0],
                            (Sxy - Sx * Sy) / (Sxx - Sx * Sx + 0.3 * 0.25),
                            1e-4);
}
END_TEST

/* An untrained network: the same for a seed, another for another, nothing learnt. */
START_TEST(a_random_model_is_drawn_once_and_never_learns)
{
    const elbo_task_world world = ensemble_world(), mute = ensemble_mute_world(3, 2);
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
        ck_assert_int_eq(model->task->draw(all[k], 20, data.o, data.u, member, rng, true,
                                           next[k], reward, end, ensemble_ws),
                         ELBO_OK);
        for (size_t i = 0; i < 20; i++)
            ck_assert(reward[i] == next[k][2 * i] - data.u[i] * data.u[i]);
    }
    ck_assert_mem_eq(next[0], next[1], sizeof next[0]);
    ck_assert_mem_ne(next[0], next[2], sizeof next[0]);
    ck_assert(model->task->fit == NULL);
    ck_assert_uint_eq(a.n, 0);
    (void)ensemble_open(model, "", &mute, 1); /* what is not told is the network's */
}
END_TEST

Suite *suite_ensemble_fit(void)
{
    Suite *const s = suite_create("ensemble_fit");
    TCase *const t = tcase_create("ensemble_fit");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(t, an_affine_network_is_weighted_least_squares);
    tcase_add_test(t, a_constant_input_learns_the_weighted_mean_and_variance);
    tcase_add_test(t, uneven_noise_is_learnt_and_covered);
    tcase_add_test(
        t, holdout_is_the_objective_of_training_at_the_theta_that_stays);
    tcase_add_test(t, a_row_stays_where_it_was_put_while_data_grow);
    tcase_add_test(t, members_learn_from_rows_of_their_own);
    tcase_add_test(t, a_row_follows_its_own_member_and_stream);
    tcase_add_test(t, a_planted_nan_is_named_with_member_and_layer);
    tcase_add_test(t,
                   an_objective_that_is_lost_on_the_way_is_named_with_its_step);
    tcase_add_test(t, what_cannot_be_learnt_from_is_refused_in_words);
    tcase_add_loop_test(t, options_that_do_not_fit_are_refused, 0,
                        sizeof bad / sizeof *bad);
    tcase_add_test(t, a_random_model_is_drawn_once_and_never_learns);
    tcase_add_test(t, one_row_or_a_batch_of_one_is_learnt_from);
    tcase_add_test(t, a_constant_feature_keeps_its_scale);
    tcase_add_test(t, the_prior_is_a_gaussian_over_the_weights);
    tcase_add_test(t, weight_decay_is_a_ridge_on_the_mean_objective);
    suite_add_tcase(s, t);
    return s;
}

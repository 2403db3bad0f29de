/* tests/test_ensemble_fit.c -- what the M-step of networks finds: closed forms,
 * calibration, priors.
 */
#include <math.h>

#include "inference/messages/mniw.h"
#include "tests/ensemble_cases.h"
#include "tests/suites.h"

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
    elbo_replay data = ensemble_mute_rows(N, 1, 0);
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

        ensemble_push(&data, &o, NULL, &next);
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

/* The same from the conjugate regression of linear-Gaussian worlds: its posterior mean is
 * where a network of one weight with a Gaussian prior ends. K is in units of the noise's
 * precision; the offset has no prior. */
START_TEST(a_network_of_one_weight_ends_at_the_conjugate_posteriors_mean)
{
    enum { N = 30 };
    const double tau = 40, noise = 0.6;
    const elbo_task_world world = ensemble_mute_world(1, 0);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble,
        "members=1 layers=0 head=deterministic noise=0.6 precision=40 "
        "reward=learnt terminal=never normalise=none holdout=0 batch=64 "
        "epochs=4000 rate=1e-2",
        &world, 5);
    const elbo_ensemble *const e = belief.self;
    const size_t outputs = e->mlp.width[1];
    elbo_replay data = ensemble_mute_rows(N, 1, 0);
    gsl_matrix *const Z = elbo_arena_mat(ensemble_arena, N, 2);
    gsl_matrix *const Y = elbo_arena_mat(ensemble_arena, N, 1);
    elbo_rng rng = elbo_rng_stream(3, "rows", 0);
    elbo_task_mstep mstep = ensemble_mstep(&data);
    double weight[N], z[2];
    elbo_moments S;
    elbo_mniw q;
    elbo_task_fit info;

    for (size_t i = 0; i < N; i++) {
        elbo_rng_normals(&rng, z, 2);

        const float o = (float)z[0];
        const float next = o + 0.2F + 0.7F * o + (float)(noise * z[1]);

        ensemble_push(&data, &o, NULL, &next);
        weight[i] = 0.1 + 0.04 * (double)i;
        gsl_matrix_set(Z, i, 0, (double)o);
        gsl_matrix_set(Z, i, 1, 1);
        gsl_matrix_set(Y, i, 0, (double)next - (double)o);
    }
    mstep.weight = weight;
    ck_assert_int_eq(belief.model->fit(&belief, &mstep, &info, ensemble_ws),
                     ELBO_OK);
    ck_assert_int_eq(elbo_moments_init(&S, 1, 2, ensemble_arena), ELBO_OK);
    ck_assert_int_eq(elbo_moments_rows(&S, Y, Z, weight), ELBO_OK);
    ck_assert_int_eq(elbo_mniw_init(&q, 1, 2, ensemble_arena), ELBO_OK);
    elbo_mniw_isotropic(&q, tau * noise * noise, 1, 2);
    gsl_matrix_set(q.K, 1, 1, 1e-9);
    ck_assert_int_eq(elbo_mniw_posterior(&q, &S, &q, ensemble_ws), ELBO_OK);
    ck_assert_double_eq_tol((double)e->theta[0], gsl_matrix_get(q.M, 0, 0), 1e-4);
    ck_assert_double_eq_tol((double)e->theta[outputs], gsl_matrix_get(q.M, 0, 1),
                            1e-4);
    ck_assert_double_lt(gsl_matrix_get(q.M, 0, 0), 0.6); /* the prior pulls */
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
    elbo_replay data = ensemble_mute_rows(N, 1, 0);
    elbo_rng rng = elbo_rng_stream(4, "rows", 0);
    const float o = 2.385F, u = 0;
    double weight[N], y[N], S = 0, mean = 0, variance = 0, noise[2], logp[1];
    elbo_task_mstep mstep = ensemble_mstep(&data);
    elbo_task_fit info;

    for (size_t i = 0; i < N; i++) {
        elbo_rng_normals(&rng, noise, 2);

        const float next = o + 0.3F + (float)(0.2 * noise[0]);

        ensemble_push(&data, &o, &u, &next);
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
    elbo_replay data = ensemble_mute_rows(n, 1, 0);
    elbo_rng rng = elbo_rng_stream(seed, "uneven", 0);
    double noise[2];

    for (size_t i = 0; i < n; i++) {
        const double x = 3 * elbo_rng_uniform(&rng) - 1.5;

        elbo_rng_normals(&rng, noise, 2);

        const float o = (float)x;
        const float next = (float)(x + sin(3 * x) + spread_at(x) * noise[0]);

        ensemble_push(&data, &o, NULL, &next);
    }
    return data;
}

static void no_reward(const void *self, size_t n, const float o[],
                      const float u[], const float next[], float out[])
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

/* ---- scales and priors ---- */

START_TEST(a_constant_feature_keeps_its_scale)
{
    const elbo_task_world world = ensemble_mute_world(2, 1);
    elbo_replay data = ensemble_mute_rows(40, 2, 1);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble,
        "members=1 layers=1 width=8 epochs=3 reward=learnt terminal=learnt",
        &world, 5);
    const elbo_ensemble *const e = belief.self;

    for (size_t i = 0; i < 40; i++) {
        const float x = (float)(0.1 * (double)i), o[] = {x, 1e4F}, u = 0.5F;
        const float next[] = {x + 0.1F * sinf(x), 1e4F};

        ensemble_push(&data, o, &u, next);
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
    elbo_replay data = ensemble_mute_rows(N, 1, 0);
    double Sxx = 0, Sxy = 0, Sx = 0, Sy = 0;

    for (size_t i = 0; i < N; i++) {
        const float o = (float)sin((double)i), next = o + 0.6F * o + 0.1F;

        ensemble_push(&data, &o, NULL, &next);
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

/* ---- so many steps ---- */

typedef struct watched {
    size_t calls, repeats;
} watched;

static void watch_rows(void *self, size_t member, elbo_tape *tape,
                       const elbo_replay *data, const uint32_t slot[], size_t n,
                       elbo_rng *rng)
{
    watched *const w = self;

    (void)member, (void)tape, (void)data, (void)rng;
    w->calls++;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) w->repeats += slot[i] == slot[j];
}

START_TEST(an_m_step_may_be_so_many_steps_on_rows_drawn_anew)
{
    const elbo_task_world world = ensemble_world();
    const elbo_replay data = ensemble_rows(120, 0.3, 11);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble,
        "members=1 layers=1 width=8 steps=5 batch=40 holdout=0 holdout_most=40",
        &world, 5);
    watched w = {0};
    const elbo_task_likelihood likelihood = {.self = &w, .bind = watch_rows};
    elbo_task_mstep mstep = ensemble_mstep(&data);
    elbo_task_fit info;
    double first = 0;

    mstep.likelihood = &likelihood;
    for (mstep.round = 0; mstep.round < 400; mstep.round++) {
        ck_assert_int_eq(belief.model->fit(&belief, &mstep, &info, ensemble_ws),
                         ELBO_OK);
        ck_assert_uint_eq(info.steps, 5);
        ck_assert_uint_eq(info.epochs, 0);
        if (mstep.round == 0) first = info.train;
    }
    ck_assert_uint_eq(w.calls, 400 * (5 + 1)); /* and once to judge */
    ck_assert_uint_eq(w.repeats, 0);
    ck_assert_double_gt(info.train, first + 1);
}
END_TEST

Suite *suite_ensemble_fit(void)
{
    Suite *const s = suite_create("ensemble_fit");
    TCase *const t = tcase_create("ensemble_fit");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(t, an_affine_network_is_weighted_least_squares);
    tcase_add_test(t, a_network_of_one_weight_ends_at_the_conjugate_posteriors_mean);
    tcase_add_test(t, a_constant_input_learns_the_weighted_mean_and_variance);
    tcase_add_test(t, uneven_noise_is_learnt_and_covered);
    tcase_add_test(t, a_constant_feature_keeps_its_scale);
    tcase_add_test(t, the_prior_is_a_gaussian_over_the_weights);
    tcase_add_test(t, weight_decay_is_a_ridge_on_the_mean_objective);
    tcase_add_test(t, an_m_step_may_be_so_many_steps_on_rows_drawn_anew);
    suite_add_tcase(s, t);
    return s;
}

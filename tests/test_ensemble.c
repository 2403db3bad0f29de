/* tests/test_ensemble.c -- networks that predict a change: derivatives,
 * densities and draws against their definitions.
 */
#include <gsl/gsl_math.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/ensemble_cases.h"
#include "tests/suites.h"

static const char *const heads[] = {
    "head=gaussian reward=learnt terminal=learnt",
    "head=deterministic noise=0.7 reward=learnt",
    "head=mixture components=3 terminal=learnt",
    "head=gaussian bounds=fixed terminal=never layers=0",
    "head=gaussian reward=learnt predicts=next",
    "posterior=mean_field precision=1",
};
enum { HEADS = sizeof heads / sizeof *heads };

static elbo_task_belief small(const char *more, const elbo_task_world *world)
{
    char settings[256];

    snprintf(settings, sizeof settings,
             "members=3 layers=2 width=7 epochs=2 batch=16 decay=1e-3 %s",
             more);
    return ensemble_open(&elbo_model_ensemble, settings, world, 5);
}

/* ---- the objective ---- */

/* A task of member 1 on `data`, its tape built in double. */
static elbo_ensemble_task on_tape(const elbo_task_belief *belief,
                                  const elbo_task_mstep *mstep)
{
    elbo_ensemble *const e = belief->self;
    elbo_ensemble_task t = {.belief = belief, .mstep = mstep, .member = 1};

    ck_assert_int_eq(
        elbo_ensemble_split(e, mstep->data, &t.rows, ensemble_arena), ELBO_OK);
    ck_assert_int_eq(elbo_ensemble_prepare(&t, ensemble_arena), ELBO_OK);
    ck_assert_int_eq(elbo_ensemble_build(&t, ELBO_F64), ELBO_OK);
    for (size_t i = 0; i < t.batch; i++) t.slot[i] = t.rows.slot[i];
    elbo_ensemble_bind(&t);
    return t;
}

static double objective_at(elbo_ensemble_task *t, const double theta[])
{
    double value;

    elbo_ensemble_set(t->belief->self, theta, t->tape, &t->nodes);
    elbo_tape_forward(t->tape);
    elbo_tape_get(t->tape, t->objective, &value);
    return value;
}

START_TEST(gradients_match_central_differences)
{
    const elbo_task_world world = ensemble_world();
    elbo_task_belief belief = small(heads[_i], &world);
    elbo_ensemble *const e = belief.self;
    const elbo_replay data = ensemble_rows(40, 0.3, 11);
    double weight[40], *const theta =
                           elbo_arena_doubles(ensemble_arena, e->size);
    double *const grad = elbo_arena_doubles(ensemble_arena, e->size);
    elbo_task_mstep mstep = ensemble_mstep(&data);
    const size_t n = elbo_mlp_size(&e->mlp), bounds = elbo_ensemble_bounds(e);

    for (size_t i = 0; i < 40; i++) weight[i] = 0.5 + 0.05 * (double)i;
    mstep.weight = weight;
    elbo_ensemble_scale(e, &data);
    for (size_t i = 0; i < e->size; i++)
        theta[i] = (double)elbo_ensemble_theta(e, 1)[i] + 0.1 * sin((double)i);

    elbo_ensemble_task t = on_tape(&belief, &mstep);
    const elbo_ensemble_leaves l = elbo_ensemble_leaves_of(&t.nodes);

    objective_at(&t, theta);
    elbo_tape_backward(t.tape, t.objective);
    for (size_t k = 0, at = 0; k < e->mlp.layers; k++) {
        elbo_tape_gradient(t.tape, l.mlp.W[k], grad + at);
        at += e->mlp.width[k] * e->mlp.width[k + 1];
        elbo_tape_gradient(t.tape, l.mlp.b[k], grad + at);
        at += e->mlp.width[k + 1];
    }
    for (size_t i = n; i < e->size; i++) grad[i] = 0;
    if (bounds && e->config.learn_bounds) {
        elbo_tape_gradient(t.tape, l.highest, grad + n);
        elbo_tape_gradient(t.tape, l.lowest, grad + n + bounds);
    }
    for (size_t i = 0; i < e->size; i++) {
        const double kept = theta[i], h = 1e-5;
        const bool fixed = i >= n && !e->config.learn_bounds;

        if (fixed) continue;
        theta[i] = kept + h;

        const double above = objective_at(&t, theta);

        theta[i] = kept - h;

        const double difference = (above - objective_at(&t, theta)) / (2 * h);

        theta[i] = kept;
        ck_assert_double_eq_tol(grad[i], difference,
                                1e-7 * (1 + fabs(difference)));
    }
    elbo_tape_free(t.tape);
}
END_TEST

/* ---- densities ---- */

/* log p of row `slot` under one member's head, in double, from its outputs. */
static double direct(const elbo_ensemble *e, size_t member,
                     const elbo_replay *data, size_t slot)
{
    const elbo_ensemble_parts p = elbo_ensemble_outputs(e);
    const float *const theta = elbo_ensemble_theta(e, member);
    const float *const bounds = theta + elbo_mlp_size(&e->mlp);
    const size_t nb = elbo_ensemble_bounds(e);
    float z[8], out[64];
    double likelihood = 0, total = 0;

    elbo_ensemble_input(e, data->o + 2 * slot, data->u + slot, z);
    ck_assert_int_eq(elbo_mlp_forward(&e->mlp, theta, 1, z, out, ensemble_ws),
                     ELBO_OK);
    for (size_t k = 0; k < e->K; k++) {
        const double weight = e->config.head == ELBO_HEAD_MIXTURE
                                  ? exp((double)out[p.pi + k])
                                  : 1;
        double density = 1;

        for (size_t j = 0; j < e->D; j++) {
            const size_t at = k * e->D + j;
            const double y = j < 2 ? (double)data->next[2 * slot + j]
                                         - (e->config.absolute
                                                ? 0
                                                : (double)data->o[2 * slot + j])
                                   : (double)data->reward[slot];
            double sigma = e->config.noise;

            if (nb) {
                const double raw = (double)out[p.v + at],
                             hi = (double)bounds[at];
                const double lo = (double)bounds[nb + at];
                const double under = hi - log(1 + exp(hi - raw));

                sigma = exp(0.5 * (lo + log(1 + exp(under - lo))));
            }
            sigma *= (double)e->out_scale[j];

            const double mu =
                (double)e->out_mean[j]
                + (double)e->out_scale[j] * (double)out[p.mu + at];

            density *=
                exp(-0.5 * pow((y - mu) / sigma, 2)) / (sigma * sqrt(2 * M_PI));
        }
        likelihood += weight * density;
        total += weight;
    }

    double sum = log(likelihood / total);

    if (e->config.end == ELBO_LEARNT) {
        const double q = 1 / (1 + exp(-(double)out[p.end]));

        sum += log(data->end[slot] ? q : 1 - q);
    }
    return sum;
}

START_TEST(log_density_is_the_mean_over_the_elites_computed_directly)
{
    const elbo_task_world world = ensemble_world();
    char settings[128];

    snprintf(settings, sizeof settings, "%s elites=2", heads[_i]);

    elbo_task_belief belief = small(settings, &world);
    const elbo_ensemble *const e = belief.self;
    const elbo_replay data = ensemble_rows(40, 0.3, 11);
    uint32_t elite[3], slot[40];
    double out[40];

    ensemble_fit(&belief, &data);
    ck_assert_uint_eq(belief.model->elites(&belief, elite), 2);
    for (size_t i = 0; i < 40; i++) slot[i] = (uint32_t)(39 - i);
    ck_assert_int_eq(
        belief.model->log_density(&belief, &data, slot, 40, out, ensemble_ws),
        ELBO_OK);
    for (size_t i = 0; i < 40; i++) {
        const double p = 0.5
                         * (exp(direct(e, elite[0], &data, slot[i]))
                            + exp(direct(e, elite[1], &data, slot[i])));

        ck_assert_double_eq_tol(out[i], log(p), 1e-5 * (1 + fabs(log(p))));
    }
}
END_TEST

START_TEST(a_tape_of_floats_says_what_the_density_says)
{
    const elbo_task_world world = ensemble_world();
    elbo_task_belief belief = small(heads[_i], &world);
    const elbo_ensemble *const e = belief.self;
    const elbo_replay data = ensemble_rows(24, 0.3, 17);
    elbo_tape *const tape = elbo_tape_alloc(ELBO_F32);
    double logp[24], mean[48], end[24];
    elbo_task_nodes nodes = {
        .rows = 24,
        .o = elbo_tape_constant(tape, 24, 2),
        .u = elbo_tape_constant(tape, 24, 1),
        .next = elbo_tape_constant(tape, 24, 2),
        .reward = elbo_tape_constant(tape, 24, 1),
        .end = elbo_tape_constant(tape, 24, 1),
    };
    float next[48], reward[24];
    uint8_t ended[24];
    uint32_t member[24];
    elbo_rng rng[24];

    ck_assert_int_eq(belief.model->node(&belief, 2, false, tape, &nodes),
                     ELBO_OK);
    ck_assert_int_eq(elbo_tape_finish(tape), ELBO_OK);
    ensemble_fit(&belief,
                 &data); /* the leaves follow theta and the normalisers */
    elbo_tape_set_f32(tape, nodes.o, data.o);
    elbo_tape_set_f32(tape, nodes.u, data.u);
    elbo_tape_set_f32(tape, nodes.next, data.next);
    elbo_tape_set_f32(tape, nodes.reward, data.reward);
    for (size_t i = 0; i < 24; i++) end[i] = data.end[i];
    elbo_tape_set(tape, nodes.end, end);
    elbo_tape_forward(tape);
    elbo_tape_get(tape, nodes.logp, logp);
    elbo_tape_get(tape, nodes.mean, mean);
    for (size_t i = 0; i < 24; i++) {
        const double p = direct(e, 2, &data, i);

        ck_assert_double_eq_tol(logp[i], p, 2e-5 * (1 + fabs(p)));
        member[i] = 2;
        rng[i] = elbo_rng_stream(1, "draw", i);
    }
    ck_assert_int_eq(belief.model->draw(&belief, 24, data.o, data.u, member,
                                        rng, true, next, reward, ended,
                                        ensemble_ws),
                     ELBO_OK);
    for (size_t i = 0; i < 48; i++)
        ck_assert_double_eq_tol((double)next[i], mean[i],
                                1e-5 * (1 + fabs(mean[i])));
    elbo_tape_free(tape);
}
END_TEST

/* ---- draws ---- */

/* Moments of draws at one row against the tape's mean and deviation, within 5
 * standard errors. */
START_TEST(draws_have_the_mean_and_deviation_of_the_head)
{
    enum { N = 20000 };
    const elbo_task_world world = ensemble_world();
    elbo_task_belief belief = small(heads[_i], &world);
    const elbo_replay data = ensemble_rows(24, 0.3, 17);
    elbo_tape *const tape = elbo_tape_alloc(ELBO_F32);
    elbo_task_nodes nodes = {
        .rows = 1,
        .o = elbo_tape_constant(tape, 1, 2),
        .u = elbo_tape_constant(tape, 1, 1),
        .next = elbo_tape_constant(tape, 1, 2),
        .reward = elbo_tape_constant(tape, 1, 1),
        .end = elbo_tape_constant(tape, 1, 1),
    };
    double mean[2], std[2];

    ensemble_fit(&belief, &data);
    ck_assert_int_eq(belief.model->node(&belief, 0, false, tape, &nodes),
                     ELBO_OK);
    ck_assert_int_eq(elbo_tape_finish(tape), ELBO_OK);
    elbo_tape_set_f32(tape, nodes.o, data.o);
    elbo_tape_set_f32(tape, nodes.u, data.u);
    elbo_tape_set_f32(tape, nodes.next, data.next);
    elbo_tape_set_f32(tape, nodes.reward, data.reward);
    elbo_tape_set(tape, nodes.end, (double[]){0});
    elbo_tape_forward(tape);
    elbo_tape_get(tape, nodes.mean, mean);
    elbo_tape_get(tape, nodes.std, std);

    const ensemble_draws x = ensemble_draw_first(&belief, &data, N);

    for (size_t j = 0; j < 2; j++) {
        double sum = 0, squares = 0;

        for (size_t i = 0; i < N; i++) sum += (double)x.next[2 * i + j];
        for (size_t i = 0; i < N; i++)
            squares += pow((double)x.next[2 * i + j] - sum / N, 2);

        const double s = sqrt(squares / N);

        ck_assert_double_eq_tol(sum / N, mean[j], 5 * std[j] / sqrt(N) + 1e-5);
        /* the deviation's error: at most 2 kurtoses of a Gaussian */
        ck_assert_double_eq_tol(s, std[j], 5 * std[j] / sqrt(N) + 1e-5);
    }
    elbo_tape_free(tape);
}
END_TEST

/* ---- the same bits ---- */

/* So many rows that threads share them. */
START_TEST(any_number_of_threads_learns_and_draws_the_same_bits)
{
    enum { N = 6000 };
    static const int threads[] = {1, 2, 4};
    static float next[3][2 * N], reward[3][N];
    static uint8_t end[3][N];
    static uint32_t member[N];
    static elbo_rng rng[N];
    const elbo_task_world world = ensemble_world();
    const elbo_replay data = ensemble_rows(300, 0.3, 11),
                      states = ensemble_rows(N, 0.3, 12);
    elbo_task_belief belief[3];
    const int kept = omp_get_max_threads();

    for (size_t k = 0; k < 3; k++) {
        omp_set_num_threads(threads[k]);
        belief[k] =
            small("reward=learnt terminal=learnt bootstrap=indices", &world);
        ensemble_fit(&belief[k], &data);
        for (size_t i = 0; i < N; i++) {
            member[i] = (uint32_t)(i * i % 3);
            rng[i] = elbo_rng_stream(1, "draw", i);
        }
        ck_assert_int_eq(belief[k].model->draw(&belief[k], N, states.o, states.u,
                                               member, rng, false, next[k],
                                               reward[k], end[k], ensemble_ws),
                         ELBO_OK);
    }
    omp_set_num_threads(kept);
    for (size_t k = 1; k < 3; k++) {
        const elbo_ensemble *const a = belief[0].self, *const b =
                                                           belief[k].self;

        ck_assert_mem_eq(a->theta, b->theta, 3 * a->size * sizeof *a->theta);
        ck_assert_mem_eq(next[0], next[k], sizeof next[0]);
        ck_assert_mem_eq(reward[0], reward[k], sizeof reward[0]);
        ck_assert_mem_eq(end[0], end[k], sizeof end[0]);
    }
}
END_TEST

START_TEST(a_saved_model_continues_to_the_same_bits)
{
    const elbo_task_world world = ensemble_world();
    const elbo_replay data = ensemble_rows(100, 0.3, 11);
    elbo_task_belief belief = small(heads[_i], &world),
                     again = small(heads[_i], &world);
    const elbo_ensemble *const a = belief.self, *const b = again.self;
    elbo_writer *const out = elbo_writer_alloc();
    elbo_reader *in;
    char path[] = "/tmp/elbo-ensemble-XXXXXX";
    const int file = mkstemp(path);

    ck_assert_int_ge(file, 0);
    close(file);
    ensemble_fit(&belief, &data);
    elbo_writer_section(out, "model");
    belief.model->save(&belief, out);
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "model"), ELBO_OK);
    ck_assert_int_eq(again.model->load(&again, in), ELBO_OK);
    ensemble_fit(&belief, &data);
    ensemble_fit(&again, &data);
    ck_assert_mem_eq(a->theta, b->theta, 3 * a->size * sizeof *a->theta);
    ck_assert_mem_eq(a->score, b->score, 3 * sizeof *a->score);
    ck_assert(belief.model->log_prior(&belief)
              == again.model->log_prior(&again));
    elbo_reader_free(in);
    elbo_writer_free(out);
    unlink(path);
}
END_TEST

Suite *suite_ensemble(void)
{
    Suite *const s = suite_create("ensemble");
    TCase *const t = tcase_create("ensemble");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_loop_test(t, gradients_match_central_differences, 0, HEADS);
    tcase_add_loop_test(
        t, log_density_is_the_mean_over_the_elites_computed_directly, 0, HEADS - 1);
    tcase_add_loop_test(t, a_tape_of_floats_says_what_the_density_says, 0,
                        HEADS);
    tcase_add_loop_test(t, draws_have_the_mean_and_deviation_of_the_head, 0,
                        HEADS);
    tcase_add_test(t, any_number_of_threads_learns_and_draws_the_same_bits);
    tcase_add_loop_test(t, a_saved_model_continues_to_the_same_bits, 0, HEADS);
    suite_add_tcase(s, t);
    return s;
}

/* tests/test_actor_critic.c -- what policies with critics owe: their batches,
 * state, values, actions and failures.
 */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "control/actor_critic.h"
#include "inference/core/alloc.h"
#include "tests/sac_cases.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

/* Every way a policy is made. */
static const struct {
    const char *control, *settings;
    bool choices;
} kinds[] = {
    {"sac", "tune=true interval=3 tau=0.1",  false},
    {"sac", "tune=true value_samples=5",     true },
    {"sac", "critics=1 value_samples=5",     false},
    {"td3", "tau=0.1",                       false},
    {"td3", "critics=1 smoothing=0 delay=1", false},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* On `rows` random rows of 3 observations and 2 actions, with small networks.
 */
static learning of_kind(size_t kind, const char *networks, size_t rows)
{
    learning l = learning_make(3, 2, kinds[kind].choices, rows + 1);
    char settings[256];

    if (strcmp(kinds[kind].control, "td3") == 0) l.problem.temperature = 0;
    learning_fill(&l, rows, 1);
    ck_assert_int_lt(snprintf(settings, sizeof settings, "%s %s",
                              kinds[kind].settings, networks),
                     (int)sizeof settings);
    learning_open(&l, kinds[kind].control, settings);
    return l;
}

START_TEST(targets_keep_to_ends_and_to_their_rows)
{
    learning l = learning_make(2, 1, false, 8);
    const float o[] = {0.1f, 0.2f}, next[] = {-0.3f, 0.4f}, u = 0.385f;

    learning_push(&l, o, &u, 2.385, next, true);
    learning_push(&l, next, &u, -1.5, o, false);
    learning_open(&l, "sac", "width=8 batch=16 critics=2");
    ck_assert_int_eq(learning_improve(&l, 1), ELBO_OK);

    const elbo_actor_critic *const s = l.self;
    size_t over = 0;

    for (size_t i = 0; i < s->batch.rows; i++) {
        const bool end = s->batch.o[2 * i] == o[0];

        over += end;
        ck_assert(s->batch.going[i] == (end ? 0 : 1));
        ck_assert(s->batch.next[2 * i] == (end ? next[0] : o[0]));
        ck_assert(s->batch.reward[i] == (end ? 2.385f : -1.5f));
        ck_assert((s->y[i] == s->batch.reward[i]) == end);
    }
    ck_assert(over > 0 && over < s->batch.rows);
    learning_free(&l);
}
END_TEST

START_TEST(a_batch_mixes_data_and_rollouts_by_their_share)
{
    learning l = learning_make(1, 1, false, 4),
             model = learning_make(1, 1, false, 4);
    const double weight[4] = {0.25, 0.25, 0.25, 0.25};
    const double after[4] = {0.385, 0.385, 0.385, 0.385};
    const float real = 1, imagined = -1, u = 0;
    elbo_task_estep estep = {.data = &l.data,
                             .rollouts = &model.data,
                             .rollout_weight = weight,
                             .return_weight = after,
                             .real = 0.05,
                             .updates = 1};

    learning_push(&l, &real, &u, 1, &real, false);
    learning_push(&model, &imagined, &u, 1, &imagined, false);
    learning_open(&l, "sac", "width=8 batch=64");
    ck_assert_int_eq(l.task->improve(l.self, &estep, l.ws), ELBO_OK);

    const elbo_actor_critic *const s = l.self;

    for (size_t i = 0; i < 64; i++) {
        ck_assert(s->batch.o[i] == (i < 3 ? real : imagined)); /* 3.2 rows */
        ck_assert(s->batch.weight[i] == (i < 3 ? 1 : 0.25f));
        ck_assert(s->batch.going[i] == (i < 3 ? 1 : 0.385f));
    }
    learning_free(&l);
    learning_free(&model);
}
END_TEST

/* The policy and all slow networks move together, at every third update. */
START_TEST(what_is_delayed_moves_at_its_updates_alone)
{
    learning l = learning_make(3, 2, false, 64);
    float theta[3 * 8 + 8 + 8 * 8 + 8 + 8 * 2 + 2],
        slow[5 * 8 + 8 + 8 * 8 + 8 + 8 + 1];

    learning_fill(&l, 64, 1);
    learning_open(&l, "td3", "width=8 batch=16 delay=3 tau=0.5");

    const elbo_actor_critic *const s = l.self;

    ck_assert_uint_eq(s->actor.n, sizeof theta / sizeof *theta);
    ck_assert_uint_eq(s->critic[0].n, sizeof slow / sizeof *slow);
    for (size_t update = 1; update <= 9; update++) {
        memcpy(theta, s->actor.theta, sizeof theta);
        memcpy(slow, s->critic[1].target, sizeof slow);
        ck_assert_int_eq(learning_improve(&l, 1), ELBO_OK);
        ck_assert((memcmp(theta, s->actor.theta, sizeof theta) != 0)
                  == (update % 3 == 0));
        ck_assert((memcmp(slow, s->critic[1].target, sizeof slow) != 0)
                  == (update % 3 == 0));
    }
    learning_free(&l);
}
END_TEST

/* y = r + gamma Q'(o', pi'(o')), by hand. */
START_TEST(the_targets_of_ddpg_are_those_by_hand)
{
    learning l = learning_make(3, 2, false, 64);
    float head[2], input[5], q;

    learning_fill(&l, 64, 1);
    learning_open(&l, "td3",
                  "critics=1 smoothing=0 delay=1 width=16 batch=16 tau=0.5");

    const elbo_actor_critic *const s = l.self;

    ck_assert_int_eq(learning_improve(&l, 3), ELBO_OK);

    /* The slow networks as the last targets saw them: one step back. */
    float actor[512], critic[512];

    ck_assert(s->actor.n <= 512 && s->critic[0].n <= 512);
    memcpy(actor, s->actor.target, s->actor.n * sizeof *actor);
    memcpy(critic, s->critic[0].target, s->critic[0].n * sizeof *critic);
    ck_assert_int_eq(learning_improve(&l, 1), ELBO_OK);
    for (size_t i = 0; i < s->batch.rows; i++) {
        const float *const next = s->batch.next + 3 * i;

        ck_assert_int_eq(
            elbo_mlp_forward(&s->shape.actor, actor, 1, next, head, l.ws),
            ELBO_OK);
        memcpy(input, next, 3 * sizeof *input);
        for (size_t k = 0; k < 2; k++)
            input[3 + k] = (float)tanh((double)head[k]);
        ck_assert_int_eq(
            elbo_mlp_forward(&s->shape.critic, critic, 1, input, &q, l.ws),
            ELBO_OK);
        ck_assert_double_eq_tol((double)s->y[i],
                                (double)s->batch.reward[i]
                                    + 0.9 * (double)s->batch.going[i]
                                          * (double)q,
                                1e-5);
    }
    learning_free(&l);
}
END_TEST

static void check_same(const learning *a, const learning *b)
{
    const elbo_actor_critic *const s = a->self, *const t = b->self;

    ck_assert_mem_eq(s->actor.theta, t->actor.theta,
                     s->actor.n * sizeof(float));
    for (size_t k = 0; k < s->shape.critics; k++) {
        ck_assert_mem_eq(s->critic[k].theta, t->critic[k].theta,
                         s->critic[k].n * sizeof(float));
        ck_assert_mem_eq(s->critic[k].target, t->critic[k].target,
                         s->critic[k].n * sizeof(float));
    }
    ck_assert(s->alpha == t->alpha);

    double x[ELBO_TASK_CONTROL_COLUMNS] = {0};
    double y[ELBO_TASK_CONTROL_COLUMNS] = {0};

    a->task->columns(a->self, x);
    b->task->columns(b->self, y);
    ck_assert_mem_eq(x, y, sizeof x);
}

START_TEST(a_saved_learner_goes_on_to_the_same_bits)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        learning a = of_kind(kind, "width=16 batch=32", 64);
        learning b = of_kind(kind, "width=16 batch=32", 64);

        ck_assert_int_eq(learning_improve(&a, 7), ELBO_OK);
        learning_save(&a, scratch_path);
        ck_assert_int_eq(learning_load(&b, scratch_path), ELBO_OK);
        check_same(&a, &b);
        ck_assert_int_eq(learning_improve(&a, 8), ELBO_OK);
        ck_assert_int_eq(learning_improve(&b, 8), ELBO_OK);
        check_same(&a, &b);
        learning_free(&a);
        learning_free(&b);
    }
}
END_TEST

START_TEST(another_shape_is_not_loaded)
{
    learning a = learning_make(3, 2, false, 8),
             b = learning_make(3, 2, false, 8);

    learning_open(&a, "sac", "width=16 batch=8");
    learning_open(&b, "sac", "width=17 batch=8");
    learning_save(&a, scratch_path);
    ck_assert_int_eq(learning_load(&b, scratch_path), ELBO_EDATA);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "policy"));
    learning_free(&a);
    learning_free(&b);
}
END_TEST

START_TEST(threads_change_no_bit)
{
    const int before = omp_get_max_threads();

    for (size_t kind = 0; kind < KINDS; kind++) {
        learning l[3];

        for (int k = 0; k < 3; k++) {
            l[k] = of_kind(kind, "width=64 batch=512", 64);
            omp_set_num_threads(1 << k);
            ck_assert_int_eq(learning_improve(&l[k], 2), ELBO_OK);
        }
        omp_set_num_threads(before);
        check_same(&l[0], &l[1]);
        check_same(&l[0], &l[2]);
        for (int k = 0; k < 3; k++) learning_free(&l[k]);
    }
}
END_TEST

START_TEST(a_warm_update_allocates_nothing)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        learning l = of_kind(kind, "width=32 batch=256", 64);

        ck_assert_int_eq(learning_improve(&l, 2), ELBO_OK);

        const unsigned long before = elbo_alloc_count();

        ck_assert_int_eq(learning_improve(&l, 20), ELBO_OK);
        ck_assert_uint_eq(elbo_alloc_count(), before);
        learning_free(&l);
    }
}
END_TEST

/* V on a tape of doubles is the control's own, and its slopes are those of
 * differences and those that the control gives. */
START_TEST(the_value_on_a_tape_is_the_controls_own)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        enum { N = 40, NO = 3 };
        static const double h = 1e-6;
        learning l = of_kind(kind, "width=16 batch=32 activation=tanh", 64);
        float o[N * NO], V[N], gradient[N * NO];
        double x[N * NO], v[N], slope[N * NO], above[N], below[N];
        elbo_tape *const tape = elbo_tape_alloc(ELBO_F64);
        const elbo_node leaf = elbo_tape_input(tape, N, NO);
        elbo_node node;

        ck_assert_int_eq(l.task->value_node(l.self, tape, leaf, &node),
                         ELBO_OK);
        ck_assert_int_eq(elbo_tape_finish(tape), ELBO_OK);
        ck_assert_int_eq(learning_improve(&l, 20),
                         ELBO_OK); /* after the tape was made */
        for (size_t i = 0; i < N * NO; i++)
            x[i] = (double)(o[i] = (float)sin(1.385 * (double)i));
        ck_assert_int_eq(l.task->value(l.self, N, o, V, gradient, l.ws),
                         ELBO_OK);
        elbo_tape_set(tape, leaf, x);
        elbo_tape_forward(tape);
        elbo_tape_get(tape, node, v);
        elbo_tape_backward(tape, node);
        elbo_tape_gradient(tape, leaf, slope);
        for (size_t i = 0; i < N; i++)
            ck_assert_double_eq_tol((double)V[i], v[i], 1e-5);
        for (size_t j = 0; j < NO; j++) {
            for (size_t i = 0; i < N; i++) x[i * NO + j] += h;
            elbo_tape_set(tape, leaf, x);
            elbo_tape_forward(tape);
            elbo_tape_get(tape, node, above);
            for (size_t i = 0; i < N; i++) x[i * NO + j] -= 2 * h;
            elbo_tape_set(tape, leaf, x);
            elbo_tape_forward(tape);
            elbo_tape_get(tape, node, below);
            for (size_t i = 0; i < N; i++) {
                const size_t at = i * NO + j;

                x[at] += h;
                ck_assert_double_eq_tol((above[i] - below[i]) / (2 * h),
                                        slope[at], 1e-7);
                ck_assert_double_eq_tol((double)gradient[at], slope[at], 1e-4);
            }
        }
        elbo_tape_free(tape);
        learning_free(&l);
    }
}
END_TEST

static void become_slow(elbo_learner *from)
{
    if (from->target)
        memcpy(from->theta, from->target, from->n * sizeof *from->theta);
}

/* V_target is what V would be if the networks were their slow copies. */
START_TEST(the_slow_value_is_that_of_the_slow_networks)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        enum { N = 40, NO = 3 };
        learning l = of_kind(kind, "width=16 batch=32 tau=0.1", 64);
        elbo_actor_critic *const s = l.self;
        float o[N * NO], V[N], slow[N];
        double x[N * NO], on_tape[N], apart = 0;
        elbo_tape *const tape = elbo_tape_alloc(ELBO_F64);
        const elbo_node leaf = elbo_tape_constant(tape, N, NO);
        elbo_node node;

        ck_assert_int_eq(l.task->target_node(l.self, tape, leaf, &node),
                         ELBO_OK);
        ck_assert_int_eq(elbo_tape_finish(tape), ELBO_OK);
        ck_assert_int_eq(learning_improve(&l, 20), ELBO_OK);
        for (size_t i = 0; i < N * NO; i++)
            x[i] = (double)(o[i] = (float)sin(1.385 * (double)i));
        ck_assert_int_eq(l.task->target_value(l.self, N, o, slow, l.ws),
                         ELBO_OK);
        elbo_tape_set(tape, leaf, x);
        elbo_tape_forward(tape);
        elbo_tape_get(tape, node, on_tape);
        ck_assert_int_eq(l.task->value(l.self, N, o, V, NULL, l.ws), ELBO_OK);
        for (size_t i = 0; i < N; i++)
            apart = fmax(apart, fabs((double)V[i] - (double)slow[i]));
        ck_assert_double_gt(apart, 1e-4);
        become_slow(&s->actor);
        for (size_t k = 0; k < s->shape.critics; k++)
            become_slow(&s->critic[k]);
        ck_assert_int_eq(l.task->value(l.self, N, o, V, NULL, l.ws), ELBO_OK);
        for (size_t i = 0; i < N; i++) {
            ck_assert_double_eq_tol((double)slow[i], (double)V[i], 1e-6);
            ck_assert_double_eq_tol((double)slow[i], on_tape[i], 1e-5);
        }
        elbo_tape_free(tape);
        learning_free(&l);
    }
}
END_TEST

/* log pi of what was drawn is what the draw said; V over choices is the sum of
 * pi (Q - alpha log pi/pi0), and of a hard policy Q of what it does. */
START_TEST(values_and_densities_of_actions_agree_with_draws_and_with_v)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        enum { N = 20 };
        learning l = of_kind(kind, "width=16 batch=32", 64);
        const bool choices = kinds[kind].choices;
        float u[2 * N], Q[N], V[N], logpi[N];
        double drawn[N];
        elbo_rng rng[N];

        ck_assert_int_eq(learning_improve(&l, 9), ELBO_OK);
        for (size_t i = 0; i < N; i++) rng[i] = elbo_rng_stream(5, "act", i);

        const float *const o = l.data.o;
        const bool soft = l.task->log_policy != NULL;
        elbo_task_act act = {.n = N,
                             .o = o,
                             .rng = rng,
                             .explore = soft,
                             .u = u,
                             .logpi = drawn};

        ck_assert_int_eq(l.task->act(l.self, &act, l.ws), ELBO_OK);
        ck_assert_int_eq(l.task->action_value(l.self, N, o, u, Q, l.ws),
                         ELBO_OK);
        ck_assert_int_eq(l.task->value(l.self, N, o, V, NULL, l.ws), ELBO_OK);
        for (size_t i = 0; i < N && !soft; i++)
            if (kind == KINDS - 1) /* one critic: V is its own */
                ck_assert_double_eq_tol((double)Q[i], (double)V[i], 1e-5);
        if (soft) {
            ck_assert_int_eq(l.task->log_policy(l.self, N, o, u, logpi, l.ws),
                             ELBO_OK);
            for (size_t i = 0; i < N; i++)
                ck_assert_double_eq_tol((double)logpi[i], drawn[i], 1e-4);
        }
        for (size_t i = 0; i < N && choices; i++) {
            double sum = 0;

            for (size_t k = 0; k < 2; k++) {
                const float one[2] = {k == 0, k == 1};

                ck_assert_int_eq(
                    l.task->action_value(l.self, 1, o + 3 * i, one, Q, l.ws),
                    ELBO_OK);
                ck_assert_int_eq(
                    l.task->log_policy(l.self, 1, o + 3 * i, one, logpi, l.ws),
                    ELBO_OK);
                sum += exp((double)logpi[0]) / 2
                       * ((double)Q[0]
                          - l.task->temperature(l.self) * (double)logpi[0]);
            }
            ck_assert_double_eq_tol(sum, (double)V[i], 1e-5);
        }
        learning_free(&l);
    }
}
END_TEST

/* Draws of worlds do not depend on their neighbours; the judged action draws
 * nothing. */
START_TEST(a_world_acts_the_same_in_any_company)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        learning l = of_kind(kind, "width=16 batch=8", 8);
        const float o[] = {0.1f, 0.2f, -0.5f, 0.385f, 1, -1, 0, 2, -2};
        float all[6], one[2];
        double logpi[3], alone;
        elbo_rng rng[3], fresh;

        for (size_t i = 0; i < 3; i++) rng[i] = elbo_rng_stream(5, "act", i);
        fresh = rng[2];
        elbo_task_act act = {.n = 3,
                             .o = o,
                             .rng = rng,
                             .explore = true,
                             .u = all,
                             .logpi = logpi};

        ck_assert_int_eq(l.task->act(l.self, &act, l.ws), ELBO_OK);
        act = (elbo_task_act){.n = 1,
                              .o = o + 6,
                              .rng = &fresh,
                              .explore = true,
                              .u = one,
                              .logpi = &alone};
        ck_assert_int_eq(l.task->act(l.self, &act, l.ws), ELBO_OK);
        ck_assert_mem_eq(one, all + 4, sizeof one);
        ck_assert(alone == logpi[2]);

        const elbo_rng before = fresh;

        act.explore = false;
        ck_assert_int_eq(l.task->act(l.self, &act, l.ws), ELBO_OK);
        ck_assert_mem_eq(&fresh, &before, sizeof fresh);
        learning_free(&l);
    }
}
END_TEST

Suite *suite_actor_critic(void)
{
    Suite *suite = suite_create("actor_critic");
    TCase *t = tcase_create("actor_critic");

    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, targets_keep_to_ends_and_to_their_rows);
    tcase_add_test(t, a_batch_mixes_data_and_rollouts_by_their_share);
    tcase_add_test(t, what_is_delayed_moves_at_its_updates_alone);
    tcase_add_test(t, the_targets_of_ddpg_are_those_by_hand);
    tcase_add_test(t, a_saved_learner_goes_on_to_the_same_bits);
    tcase_add_test(t, another_shape_is_not_loaded);
    tcase_add_test(t, threads_change_no_bit);
    tcase_add_test(t, a_warm_update_allocates_nothing);
    tcase_add_test(t, the_value_on_a_tape_is_the_controls_own);
    tcase_add_test(t,
                   values_and_densities_of_actions_agree_with_draws_and_with_v);
    tcase_add_test(t, the_slow_value_is_that_of_the_slow_networks);
    tcase_add_test(t, a_world_acts_the_same_in_any_company);
    suite_add_tcase(suite, t);
    return suite;
}

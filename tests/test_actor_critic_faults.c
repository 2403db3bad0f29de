/* tests/test_actor_critic_faults.c -- what policies with critics refuse, and
 * how they say what went wrong.
 */
#include <math.h>
#include <string.h>

#include "control/actor_critic.h"
#include "inference/core/alloc.h"
#include "tests/sac_cases.h"
#include "tests/suites.h"

START_TEST(what_cannot_be_learnt_is_said_in_words)
{
    learning l = learning_make(2, 1, false, 8);
    const elbo_task_estep none = {.data = &l.data, .real = 1, .updates = 0};

    learning_open(&l, "sac", "width=8 batch=4");
    ck_assert_int_eq(l.task->improve(l.self, &none, l.ws), ELBO_OK);
    ck_assert_int_eq(learning_improve(&l, 1), ELBO_EDATA);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "no transitions"));
    learning_free(&l);

    l = learning_make(2, 1, false, 8);
    l.world.nu = 0;
    ck_assert_int_eq(learning_try_open(&l, "sac", ""), ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "size 0"));
    learning_free(&l);

    l = learning_make(2, 1, false, 8);
    l.problem.temperature = 0;
    ck_assert_int_eq(learning_try_open(&l, "sac", "width=8 tune=true"),
                     ELBO_EINVAL);
    l.problem.temperature = INFINITY;
    ck_assert_int_eq(learning_try_open(&l, "sac", "width=8"), ELBO_EINVAL);
    learning_free(&l);
}
END_TEST

START_TEST(a_batch_of_one_and_no_temperature_are_learnt_from)
{
    learning l = learning_make(2, 1, false, 8);

    l.problem.temperature = 0;
    learning_fill(&l, 1, 1);
    learning_open(&l, "sac", "width=8 batch=1 critics=1");
    ck_assert_int_eq(learning_improve(&l, 50), ELBO_OK);
    learning_free(&l);
}
END_TEST

START_TEST(what_is_not_finite_is_named)
{
    learning l = learning_make(2, 1, false, 8);
    const double weight[] = {1, (double)NAN};
    elbo_task_estep estep = {.data = &l.data,
                             .rollouts = &l.data,
                             .rollout_weight = weight,
                             .updates = 20};

    learning_fill(&l, 2, 1);
    learning_open(&l, "sac", "width=8 batch=4");
    ck_assert_int_eq(learning_improve(&l, 3), ELBO_OK);
    ck_assert_int_eq(l.task->improve(l.self, &estep, l.ws), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(
        strstr(elbo_last_error()->text, "row 1 has the weight nan"));

    elbo_actor_critic *const s = l.self;
    float *const broken =
        &s->critic[1].theta[2 * 8 + 8 + 8 + 3]; /* in layer 2 */

    *broken = NAN;
    ck_assert_int_eq(learning_improve(&l, 3), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "sac: critic 2"));
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "layer 2 of 3"));
    ck_assert_ptr_nonnull(
        strstr(elbo_last_error()->text, "last finite loss was"));
    learning_free(&l);
}
END_TEST

/* With and without a loss to tell of. */
START_TEST(a_fault_tells_what_was_finite_before)
{
    static const struct {
        const char *name, *settings;
    } of[] = {{"mpo", "width=8 batch=4"}, {"awr", "width=8 batch=4"}, {"reps", "width=8"}};
    learning l = learning_make(2, 1, false, 64);
    double weight[64];
    elbo_task_estep estep = {.data = &l.data,
                             .rollouts = &l.data,
                             .rollout_weight = weight,
                             .updates = 20};

    for (size_t i = 0; i < 64; i++) weight[i] = NAN;
    learning_fill(&l, 32, 1);
    learning_open(&l, of[_i].name, of[_i].settings);
    ck_assert_int_eq(l.task->improve(l.self, &estep, l.ws), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "no loss was finite before"));
    learning_open(&l, of[_i].name, of[_i].settings);
    ck_assert_int_eq(learning_improve(&l, 3), ELBO_OK);
    ck_assert_int_eq(l.task->improve(l.self, &estep, l.ws), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "the last finite loss was"));
    learning_free(&l);
}
END_TEST

/* Deadly: large steps towards targets that run away. The bound tells. */
START_TEST(a_critic_that_diverges_shows_in_its_columns)
{
    learning l = learning_make(2, 1, false, 64);
    double columns[ELBO_TASK_CONTROL_COLUMNS];

    learning_fill(&l, 64, 1);
    learning_open(&l, "sac", "width=32 batch=32 critics=1");
    ck_assert_int_eq(learning_improve(&l, 200), ELBO_OK);
    l.task->columns(l.self, columns);
    ck_assert_double_lt(columns[4], columns[5]);
    learning_free(&l);

    l = learning_make(2, 1, false, 64);
    learning_fill(&l, 64, 1);
    learning_open(&l, "sac",
                  "width=32 batch=32 critics=1 tau=1 rate=1 clip=10");
    ck_assert(learning_improve(&l, 200) != ELBO_OK
              || (l.task->columns(l.self, columns), columns[4] > columns[5]));
    learning_free(&l);
}
END_TEST

START_TEST(each_allocation_that_fails_is_told)
{
    static const char *const names[] = {"sac", "td3"};

    for (size_t i = 0; i < 2; i++) {
        elbo_status status;
        long n = 0;

        do { /* each allocation of an open fails once */
            learning l = learning_make(3, 2, false, 8);

            l.problem.temperature = i == 0;
            elbo_arena_free(l.arena);
            l.arena = elbo_arena_alloc(1 << 12);

            const elbo_control *const control = elbo_control_find(names[i]);
            elbo_values values;

            ck_assert_int_eq(
                elbo_values_init(&values, control->options, l.arena), ELBO_OK);
            ck_assert_int_eq(elbo_values_parse(&values, "width=24 batch=256"),
                             ELBO_OK);
            l.problem.world = &l.world;
            elbo_alloc_budget(n++);
            status = control->task->open(&values, &l.problem, l.arena, &l.self);
            elbo_alloc_budget(-1);
            ck_assert(status == ELBO_OK || status == ELBO_ENOMEM);
            learning_free(&l);
        } while (status == ELBO_ENOMEM);
        ck_assert_int_gt(n, 3);
    }
}
END_TEST

Suite *suite_actor_critic_faults(void)
{
    Suite *suite = suite_create("actor_critic_faults");
    TCase *t = tcase_create("faults");

    tcase_add_test(t, what_cannot_be_learnt_is_said_in_words);
    tcase_add_test(t, a_batch_of_one_and_no_temperature_are_learnt_from);
    tcase_add_test(t, what_is_not_finite_is_named);
    tcase_add_loop_test(t, a_fault_tells_what_was_finite_before, 0, 3);
    tcase_add_test(t, a_critic_that_diverges_shows_in_its_columns);
    tcase_add_test(t, each_allocation_that_fails_is_told);
    suite_add_tcase(suite, t);
    return suite;
}

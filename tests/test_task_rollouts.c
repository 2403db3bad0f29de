/* tests/test_task_rollouts.c -- the model's rollouts row by row: how long they are, what
 * they start from and pay, and how long they stay.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "tests/suites.h"
#include "tests/task_stand_ins.h"

/* ---- where they go ---- */

START_TEST(rollouts_are_as_long_as_the_schedule_says)
{
    case_text text = stand_in_text;
    const elbo_replay *r;
    case_setup c;
    elbo_row row;

    stand_in_reset();
    /* room for the longest; the text of a schedule holds blanks */
    text.control_common = "rollout_length=3 rollout_batch=10 rollout_keep=2";

    elbo_engine *e = stand_in_start(&c, &text, 7);

    e->task->schedule = (elbo_task_schedule){1, 3, 1, 3};
    r = &e->task->rollouts;
    for (uint32_t k = 1; k <= 5; k++) {
        const uint32_t length = k < 3 ? k : 3, before = k < 4 ? k - 1 : 3;
        uint32_t most = 0;

        case_ok(elbo_engine_iterate(e, &row));
        ck_assert_uint_eq(r->n, 10 * (length + before));
        for (size_t i = r->n - 10 * length; i < r->n; i++)
            if (r->step[i] > most) most = r->step[i];
        ck_assert_uint_eq(most, length - 1);
        ck_assert_double_eq(stand_in_column(e, &row, "rollout_steps"), length);
        ck_assert_double_eq(stand_in_column(e, &row, "rollouts_ended"), 0);
    }
    case_stop(&c, e);
}
END_TEST

/* Behind an end there is nothing; each row follows on the one before; the first starts
 * in the data. */
START_TEST(rollouts_stop_at_ends)
{
    case_text text = stand_in_text;
    double ended = 0, at[10] = {0};
    bool over[10] = {false};
    case_setup c;
    elbo_row row;

    stand_in_reset();
    stand_ins.end = 0.9;
    text.control_common = "rollout_length=6 rollout_batch=10";

    elbo_engine *e = stand_in_start(&c, &text, 7);
    const elbo_replay *const r = &e->task->rollouts, *const d = &e->task->data;

    case_ok(elbo_engine_iterate(e, &row));
    for (size_t i = 0; i < r->n; i++) {
        const uint32_t k = r->episode[i];
        bool known = r->step[i] > 0;

        ck_assert_uint_lt(k, 10);
        ck_assert(!over[k]);
        for (size_t j = 0; j < d->n; j++) known = known || d->o[j] == r->o[i];
        ck_assert(known);
        ck_assert(r->step[i] == 0 || (double)r->o[i] == at[k]);
        ck_assert_int_eq(r->end[i], (double)r->next[i] > 0.9);
        at[k] = (double)r->next[i];
        over[k] = r->end[i];
        ended += r->end[i];
    }
    ck_assert_double_gt(ended, 0);
    ck_assert_double_lt((double)r->n, 60);
    ck_assert_double_eq(stand_in_column(e, &row, "rollouts_ended"), ended);
    ck_assert_double_eq_tol(stand_in_column(e, &row, "rollout_steps"), (double)r->n / 10, 1e-12);
    case_stop(&c, e);
}
END_TEST

/* Starts and noise of an iteration are its own: with the data and the law as they were,
 * no step is that of the iteration before. */
START_TEST(each_iteration_has_starts_and_noise_of_its_own)
{
    enum { N = 200 };
    case_text text = stand_in_text;
    double from[2][N], noise[2][N];
    size_t equal = 0;
    case_setup c;
    elbo_row row;

    stand_in_reset();
    text.control_common = "rollout_length=1 rollout_batch=200";
    text.data = "steps=200";

    elbo_engine *e = stand_in_start(&c, &text, 7);
    const elbo_replay *const r = &e->task->rollouts;

    for (size_t k = 0; k < 2; k++) {
        case_ok(elbo_engine_iterate(e, &row));
        ck_assert_uint_eq(r->n, N);
        for (size_t i = 0; i < N; i++) {
            from[k][i] = (double)r->o[i];
            noise[k][i] = (double)r->next[i] - stand_ins.a * (double)r->o[i]
                          - stand_ins.b * (double)r->u[i];
        }
    }
    for (size_t i = 0; i < N; i++) {
        equal += from[0][i] == from[1][i];
        ck_assert_double_gt(fabs(noise[0][i] - noise[1][i]), 1e-6);
    }
    ck_assert_uint_lt(equal, 10);
    case_stop(&c, e);
}
END_TEST

/* A rollout's first step in the data's own rows: their action, their end. */
START_TEST(rollouts_may_start_as_the_data_went_on)
{
    static const case_text text = {
        .env = "CartPole-v1",
        .env_common = "horizon=30",
        .model = "ensemble",
        .model_own = "width=8 layers=1 members=1 epochs=1 terminal=never",
        .control = "sac",
        .control_own = "width=8 batch=16",
        .control_common = "rollout_length=2 rollout_batch=200 rollout_first=data",
        .inference = "iterations=6",
        .data = "mode=online policy=current steps=200",
    };
    case_setup c;
    elbo_row row;
    size_t ends = 0;
    elbo_engine *e = case_start(&c, &text, 7);

    case_ok(elbo_engine_iterate(e, &row));

    const elbo_replay *const data = &e->task->data, *const r = &e->task->rollouts;

    for (size_t i = 0; i < r->n; i++) {
        bool found = false;

        ck_assert(r->step[i] == 0 || !r->end[i]); /* the model knows none */
        ends += r->end[i];
        for (size_t k = 0; k < data->n && r->step[i] == 0; k++)
            found = found
                    || (memcmp(r->o + 4 * i, data->o + 4 * k, 4 * sizeof *r->o) == 0
                        && memcmp(r->u + 2 * i, data->u + 2 * k, 2 * sizeof *r->u) == 0
                        && r->end[i] == data->end[k]);
        ck_assert(r->step[i] > 0 || found);
    }
    ck_assert_uint_gt(ends, 0);
    ck_assert_uint_gt(r->n, 200);
    ck_assert_uint_eq(r->n, 400 - ends);
    case_stop(&c, e);
}
END_TEST

/* ---- what is kept ---- */

enum { MOST = 100 };

/* One iteration's rows. */
typedef struct kept {
    size_t n;
    elbo_replay_row row[MOST];
    float o[MOST], u[MOST], next[MOST];
} kept;

static void copy(const elbo_replay *r, size_t first, kept *out)
{
    out->n = r->n - first;
    ck_assert_uint_le(out->n, MOST);
    for (size_t i = 0; i < out->n; i++) {
        out->o[i] = r->o[first + i];
        out->u[i] = r->u[first + i];
        out->next[i] = r->next[first + i];
        out->row[i] = (elbo_replay_row){.reward = r->reward[first + i],
                                        .end = r->end[first + i],
                                        .step = r->step[first + i],
                                        .episode = r->episode[first + i]};
    }
}

static void check_kept(const elbo_replay *r, size_t first, const kept *was)
{
    for (size_t i = 0; i < was->n; i++) {
        ck_assert(r->o[first + i] == was->o[i] && r->u[first + i] == was->u[i]);
        ck_assert(r->next[first + i] == was->next[i]);
        ck_assert(r->reward[first + i] == was->row[i].reward);
        ck_assert(r->end[first + i] == was->row[i].end);
        ck_assert(r->step[first + i] == was->row[i].step);
        ck_assert(r->episode[first + i] == was->row[i].episode);
    }
}

/* Three iterations' rows, oldest first, as they were; their paths have numbers of their
 * own. */
START_TEST(what_is_kept_stays_as_it_was)
{
    static kept all[8];
    case_text text = stand_in_text;
    case_setup c;
    elbo_row row;

    stand_in_reset();
    stand_ins.end = 0.9;
    text.control_common = "rollout_length=4 rollout_batch=10 rollout_keep=3";

    elbo_engine *e = stand_in_start(&c, &text, 7);
    const elbo_replay *const r = &e->task->rollouts;

    for (size_t k = 0; k < 8; k++) {
        size_t first = 0;

        case_ok(elbo_engine_iterate(e, &row));
        for (size_t j = k < 2 ? 0 : k - 2; j < k; first += all[j++].n)
            check_kept(r, first, &all[j]);
        copy(r, first, &all[k]);
        ck_assert_uint_ge(all[k].n, 10);
        ck_assert_uint_lt(all[k].n, 40);
        for (size_t i = 0; i < all[k].n; i++)
            ck_assert_uint_eq(all[k].row[i].episode / 10, k);
    }
    case_stop(&c, e);
}
END_TEST

/* ---- what they pay ---- */

/* What follows an end is worth nothing to control.reward as well. */
START_TEST(a_reward_of_what_follows_ends_with_the_episode)
{
    case_text text = stand_in_text;
    size_t ended = 0;
    case_setup c;
    elbo_row row;

    stand_in_reset();
    stand_ins.end = 0.9;
    stand_ins.value = 5;
    text.control_common = "rollout_length=3 rollout_batch=40 reward=r+V(next)";

    elbo_engine *e = stand_in_start(&c, &text, 7);
    const elbo_replay *const r = &e->task->rollouts;

    case_ok(elbo_engine_iterate(e, &row));
    for (size_t i = 0; i < r->n; i++) {
        const double x = (double)r->o[i], u = (double)r->u[i];

        ck_assert_double_eq_tol((double)r->reward[i],
                                -x * x - stand_ins.c * u * u + (r->end[i] ? 0 : 5),
                                1e-5);
        ended += r->end[i];
    }
    ck_assert_uint_gt(ended, 5);
    case_stop(&c, e);
}
END_TEST

START_TEST(what_follows_counts_by_no_negative_weight)
{
    case_text text = stand_in_text;
    case_setup c;
    elbo_row row;

    stand_in_reset();
    text.control_common = "rollout_length=2 rollout_batch=10 return_weight=0.5-sum(sq(s))";

    elbo_engine *e = stand_in_start(&c, &text, 7);

    case_fails(elbo_engine_iterate(e, &row), ELBO_ECHECK, "must not be negative");
    case_stop(&c, e);
}
END_TEST

/* A value is judged by what rollouts pay: at 50 more a step 300 can be earned, in the
 * world alone it could not. */
START_TEST(what_rollouts_pay_is_what_can_be_earned)
{
    case_text text = stand_in_text;
    case_setup c;
    elbo_row row;

    stand_in_reset();
    stand_ins.value = _i ? -300 : 300;
    text.control_common = _i ? "rollout_length=2 rollout_batch=10 reward=r-50"
                             : "rollout_length=2 rollout_batch=10 reward=r+50";

    elbo_engine *e = stand_in_start(&c, &text, 7);

    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_double_eq(stand_in_column(e, &row, "diverging"), 0);
    case_stop(&c, e);
}
END_TEST

Suite *suite_task_rollouts(void)
{
    Suite *const s = suite_create("task_rollouts");
    TCase *const t = tcase_create("rollouts");

    tcase_add_test(t, rollouts_are_as_long_as_the_schedule_says);
    tcase_add_test(t, rollouts_stop_at_ends);
    tcase_add_test(t, each_iteration_has_starts_and_noise_of_its_own);
    tcase_add_test(t, rollouts_may_start_as_the_data_went_on);
    tcase_add_test(t, what_is_kept_stays_as_it_was);
    tcase_add_test(t, a_reward_of_what_follows_ends_with_the_episode);
    tcase_add_test(t, what_follows_counts_by_no_negative_weight);
    tcase_add_loop_test(t, what_rollouts_pay_is_what_can_be_earned, 0, 2);
    suite_add_tcase(s, t);
    return s;
}

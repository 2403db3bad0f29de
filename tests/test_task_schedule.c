/* tests/test_task_schedule.c -- how rollouts lengthen. */
#include <check.h>

#include "inference/task_schedule.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

START_TEST(rollouts_lengthen_on_a_line)
{
    elbo_task_schedule s;

    case_ok(elbo_task_schedule_parse("1->15 over 20..150", &s, NULL));
    ck_assert_uint_eq(elbo_task_schedule_at(&s, 1), 1);
    ck_assert_uint_eq(elbo_task_schedule_at(&s, 20), 1);
    ck_assert_uint_eq(elbo_task_schedule_at(&s, 85), 8);
    ck_assert_uint_eq(elbo_task_schedule_at(&s, 149), 14);
    ck_assert_uint_eq(elbo_task_schedule_at(&s, 150), 15);
    ck_assert_uint_eq(elbo_task_schedule_at(&s, 10000), 15);
    ck_assert_uint_eq(elbo_task_schedule_most(&s), 15);
    case_ok(elbo_task_schedule_parse("4->0 over 0..2", &s, NULL));
    ck_assert_uint_eq(elbo_task_schedule_at(&s, 1), 2);
    ck_assert_uint_eq(elbo_task_schedule_at(&s, 2), 0);
    case_ok(elbo_task_schedule_parse("7", &s, NULL));
    ck_assert_uint_eq(elbo_task_schedule_at(&s, 1), 7);
    ck_assert_uint_eq(elbo_task_schedule_at(&s, 99), 7);
}
END_TEST

static const struct {
    const char *text;
    size_t column;
} no_schedule[] = {
    {"", 0},          {"x", 0},           {"1-3", 1},
    {"1->", 3},       {"1->3 from 2", 5}, {"1->3 over 2", 11},
    {"1->3 over 2..", 13}, {"1->3 over 5..5", 13}, {"1->3 over 2..5 x", 14},
    {"10000000", 0},
};

START_TEST(a_schedule_that_is_none_is_refused_at_its_place)
{
    elbo_task_schedule s;
    size_t column = 99;

    ck_assert_int_eq(elbo_task_schedule_parse(no_schedule[_i].text, &s, &column),
                     ELBO_EINVAL);
    ck_assert_uint_eq(column, no_schedule[_i].column);
}
END_TEST

Suite *suite_task_schedule(void)
{
    Suite *s = suite_create("task_schedule");
    TCase *t = tcase_create("schedule");

    tcase_add_test(t, rollouts_lengthen_on_a_line);
    tcase_add_loop_test(t, a_schedule_that_is_none_is_refused_at_its_place, 0,
                        (int)(sizeof no_schedule / sizeof *no_schedule));
    suite_add_tcase(s, t);
    return s;
}

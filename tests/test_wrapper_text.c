/* tests/test_wrapper_text.c -- how a list of wrappers is read, and what is
 * refused. */
#include <string.h>

#include "inference/wrapper.h"
#include "tests/suites.h"
#include "tests/task_cases.h"

/* clang-format off */
static const struct {
    const char *text;
    size_t column;
    const char *reason, *nearest;
} wrong[] = {
    {"", 0, "a name is expected", NULL},
    {"limt(3)", 0, "unknown name limt", "limit"},
    {"limit(3)  distractor(white, 2)", 10, "unknown name distractor",
     "distractors"},
    {"limit(3) distractors(whit, 2)", 21, "kind must be one of", "white"},
    {"noise(0.1) limit(0)", 17, "n must be in [1, 1000000000], not 0", NULL},
    {"noise(0.1, 2)", 11, "noise takes at most 1 argument", NULL},
    {"noise(sigm=0.1)", 6, "noise has no argument sigm", "sigma"},
    {"noise(0.1", 9, "noise: a parenthesis is not closed", NULL},
    {"noise(0.1), limit(3)", 10, "a name is expected", NULL},
    {"limit(3) none", 9, "unknown name none", NULL},
    {"repeat", 6, "repeat: n is missing", NULL},
    {"limit(2) distractors(white, 2, rho=0.5)", 9,
     "distractors: rho is for ar1, not for white", NULL},
    {"distractors(ar1, 2, decay=0.5)", 0,
     "distractors: decay is for decaying, not for ar1", NULL},
};
/* clang-format on */

START_TEST(a_wrong_list_is_refused_in_its_place)
{
    size_t column = 99;
    const char *nearest = "unset";

    ck_assert_int_eq(elbo_wrappers_check(wrong[_i].text, &column, &nearest),
                     ELBO_EINVAL);
    ck_assert_uint_eq(column, wrong[_i].column);
    ck_assert_msg(strstr(elbo_last_error()->text, wrong[_i].reason) != NULL,
                  "%s", elbo_last_error()->text);
    if (wrong[_i].nearest) ck_assert_pstr_eq(nearest, wrong[_i].nearest);
}
END_TEST

START_TEST(right_lists_are_accepted)
{
    static const char *const right[] = {
        "none",
        "limit(3)",
        "  limit( n = 3 )  ",
        "noise (1e-3)\trepeat(2)",
        "distractors(white, 4) noise(0.01) remove(2) repeat(2)",
        "limit(3)noise(1)"};

    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        ck_assert_msg(elbo_wrappers_check(right[i], NULL, NULL) == ELBO_OK,
                      "%s", elbo_last_error()->text);
}
END_TEST

/* clang-format off */
static const struct {
    const char *wrappers, *reason;
} misfits[] = {
    {"remove(4)", "remove: 1 from number 4 on go beyond the 4 observations"},
    {"remove(0, 4)", "remove: all 4 observations would go"},
    {"distractors(redundant, 13)",
     "4 observations have 12 redundant ones, not 13"},
    {"repeat(501)", "repeat: 501 steps an action are more than the 500"},
    {"distractors(white, 200) distractors(white, 200)",
     "distractors: 4 states and 404 observations are more than 256"},
};
/* clang-format on */

START_TEST(a_wrapper_that_does_not_fit_is_refused_in_words)
{
    elbo_task_world w;

    ck_assert_int_eq(
        task_try_open("CartPole-v1", "", misfits[_i].wrappers, 0, &w),
        ELBO_EINVAL);
    ck_assert_msg(strstr(elbo_last_error()->text, misfits[_i].reason) != NULL,
                  "%s", elbo_last_error()->text);
}
END_TEST

static int count(size_t bytes, size_t each)
{
    return (int)(bytes / each);
}

Suite *suite_wrapper_text(void)
{
    Suite *s = suite_create("wrapper_text");
    TCase *t = tcase_create("text");

    tcase_add_checked_fixture(t, task_set_up, task_tear_down);
    tcase_add_loop_test(t, a_wrong_list_is_refused_in_its_place, 0,
                        count(sizeof wrong, sizeof *wrong));
    tcase_add_test(t, right_lists_are_accepted);
    tcase_add_loop_test(t, a_wrapper_that_does_not_fit_is_refused_in_words, 0,
                        count(sizeof misfits, sizeof *misfits));
    suite_add_tcase(s, t);
    return s;
}

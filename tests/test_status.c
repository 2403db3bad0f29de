/* tests/test_status.c -- the last failure: its text, its place, its thread. */
#include "inference/core/status.h"

#include <omp.h>
#include <string.h>

#include "tests/suites.h"

START_TEST(a_failure_keeps_its_status_place_and_text)
{
    const int line = __LINE__ + 1;
    const elbo_status s = ELBO_FAIL(ELBO_ENOTPD, "minor %d of %d", 3, 8);

    ck_assert_int_eq(s, ELBO_ENOTPD);
    ck_assert_int_eq(elbo_last_error()->status, ELBO_ENOTPD);
    ck_assert_int_eq(elbo_last_error()->line, line);
    ck_assert_str_eq(elbo_last_error()->file, __FILE__);
    ck_assert_str_eq(elbo_last_error()->text, "minor 3 of 8");
}
END_TEST

START_TEST(every_status_has_a_text_of_its_own)
{
    for (int i = 0; i < ELBO_STATUS_COUNT; i++) {
        const char *text = elbo_status_text((elbo_status)i);

        ck_assert_str_ne(text, "");
        ck_assert_str_ne(text, "unknown status");
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(text, elbo_status_text((elbo_status)j));
    }
    ck_assert_str_eq(elbo_status_text(ELBO_ENOMEM), "out of memory");
    ck_assert_str_eq(elbo_status_text(ELBO_STATUS_COUNT), "unknown status");
}
END_TEST

START_TEST(a_long_text_is_cut_at_the_end)
{
    char filler[2 * ELBO_ERROR_TEXT];

    memset(filler, 'x', sizeof filler);
    filler[sizeof filler - 1] = '\0';
    (void)ELBO_FAIL(ELBO_EDATA, "a%s", filler);
    ck_assert_uint_eq(strlen(elbo_last_error()->text), ELBO_ERROR_TEXT - 1);
    ck_assert_int_eq(elbo_last_error()->text[0], 'a');
}
END_TEST

START_TEST(a_prefix_goes_before_the_text_and_keeps_the_place)
{
    (void)ELBO_FAIL(ELBO_EDATA, "line %d", 7);

    const int line = elbo_last_error()->line;

    ck_assert_int_eq(elbo_fail_prefix("seed %d", 4), ELBO_EDATA);
    ck_assert_str_eq(elbo_last_error()->text, "seed 4: line 7");
    ck_assert_int_eq(elbo_last_error()->line, line);
}
END_TEST

START_TEST(a_prefix_of_a_full_text_cuts_the_old_one)
{
    char filler[ELBO_ERROR_TEXT];

    memset(filler, 'x', sizeof filler);
    filler[sizeof filler - 1] = '\0';
    (void)ELBO_FAIL(ELBO_EDATA, "%s", filler);
    elbo_fail_prefix("before");
    ck_assert_uint_eq(strlen(elbo_last_error()->text), ELBO_ERROR_TEXT - 1);
    ck_assert_int_eq(strncmp(elbo_last_error()->text, "before: xx", 10), 0);

    elbo_fail_prefix("%s", filler);
    ck_assert_uint_eq(strlen(elbo_last_error()->text), ELBO_ERROR_TEXT - 1);
    ck_assert_int_eq(strncmp(elbo_last_error()->text, "xxxxxxxxxx", 10), 0);
}
END_TEST

START_TEST(the_last_text_may_be_an_argument_of_the_next)
{
    (void)ELBO_FAIL(ELBO_EIO, "disk");
    (void)ELBO_FAIL(ELBO_EDATA, "table: %s", elbo_last_error()->text);
    ck_assert_str_eq(elbo_last_error()->text, "table: disk");
    ck_assert_int_eq(elbo_last_error()->status, ELBO_EDATA);
}
END_TEST

START_TEST(a_failure_is_kept_per_thread_and_can_be_handed_over)
{
    elbo_error theirs[2] = {{.line = -1}, {.line = -1}};

    (void)ELBO_FAIL(ELBO_ESIZE, "mine");
#pragma omp parallel num_threads(2)
    {
        const int i = omp_get_thread_num();

        (void)ELBO_FAIL(i ? ELBO_EIO : ELBO_ESIZE, "thread %d", i);
#pragma omp barrier
        theirs[i] = *elbo_last_error();
    }
    ck_assert_str_eq(elbo_last_error()->text, "thread 0");
    ck_assert_str_eq(theirs[1].text, "thread 1");
    elbo_error_restore(&theirs[1]);
    ck_assert_int_eq(elbo_last_error()->status, ELBO_EIO);
    ck_assert_str_eq(elbo_last_error()->text, "thread 1");
    ck_assert_int_eq(elbo_last_error()->line, theirs[1].line);
}
END_TEST

static elbo_status try_then_count(elbo_status first, int *count)
{
    ELBO_TRY(first);
    ++*count;
    return ELBO_OK;
}

START_TEST(try_returns_a_failure_and_passes_ok)
{
    int count = 0;

    ck_assert_int_eq(try_then_count(ELBO_ENOCONV, &count), ELBO_ENOCONV);
    ck_assert_int_eq(count, 0);
    ck_assert_int_eq(try_then_count(ELBO_OK, &count), ELBO_OK);
    ck_assert_int_eq(count, 1);
}
END_TEST

Suite *suite_status(void)
{
    Suite *suite = suite_create("status");
    TCase *t = tcase_create("status");

    tcase_add_test(t, a_failure_keeps_its_status_place_and_text);
    tcase_add_test(t, every_status_has_a_text_of_its_own);
    tcase_add_test(t, a_long_text_is_cut_at_the_end);
    tcase_add_test(t, a_prefix_goes_before_the_text_and_keeps_the_place);
    tcase_add_test(t, a_prefix_of_a_full_text_cuts_the_old_one);
    tcase_add_test(t, the_last_text_may_be_an_argument_of_the_next);
    tcase_add_test(t, a_failure_is_kept_per_thread_and_can_be_handed_over);
    tcase_add_test(t, try_returns_a_failure_and_passes_ok);
    suite_add_tcase(suite, t);
    return suite;
}

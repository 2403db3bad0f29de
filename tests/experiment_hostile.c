/* tests/experiment_hostile.c -- bytes that mean harm, or nothing at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference/core/rng.h"
#include "tests/experiment_cases.h"

START_TEST(bytes_that_are_not_utf8_are_refused_at_their_place)
{
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {
        {"\xff",             1},
        {"\xc0\xaf",         2},
        {"\xe0\x80\xaf",     3},
        {"\xed\xa0\x80",     3},
        {"\xf4\x90\x80\x80", 4},
        {"\x80",             1},
        {"\xe2\x82",         2},
        {"\0",               1}
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[64] = "name: good\nseed: \xc3\xa4";
        const size_t n = strlen(text);

        memcpy(text + n, rows[i].bytes, rows[i].n);
        ck_assert_int_eq(case_parse(text, n + rows[i].n), ELBO_ECONFIG);
        ck_assert_uint_eq(case_complaints.n, 1);
        ck_assert_str_eq(case_complaints.list[0].place, "x.yaml:2:8");
        ck_assert_str_eq(case_complaints.list[0].text,
                         rows[i].bytes[0] ? "a byte that is not UTF-8"
                                          : "a NUL byte");
    }
}
END_TEST

START_TEST(a_byte_order_mark_is_read_over)
{
    char text[CASE_TEXT + 3] = "\xef\xbb\xbf";

    case_build(text + 3, 0, NULL);
    ck_assert_int_eq(case_parse(text, strlen(text)), ELBO_OK);
    case_build(text + 3, 1, "nam: good");
    ck_assert_int_eq(case_parse(text, strlen(text)), ELBO_ECONFIG);
    ck_assert_str_eq(case_complaints.list[0].place, "x.yaml:1:1");
    ck_assert_str_eq(case_complaints.list[0].caret, "    nam: good\n    ^");
}
END_TEST

START_TEST(an_alias_bomb_is_refused_without_being_expanded)
{
    static const char text[] = "a: &a [x,x,x,x,x,x,x,x,x]\n"
                               "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                               "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                               "d: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n";
    size_t aliases = 0, anchors = 0;

    ck_assert_int_eq(case_parse(text, sizeof text - 1), ELBO_ECONFIG);
    for (size_t i = 0; i < case_complaints.n; i++) {
        aliases += strstr(case_complaints.list[i].text, "aliases are") != NULL;
        anchors += strstr(case_complaints.list[i].text, "anchors are") != NULL;
    }
    ck_assert_uint_eq(aliases, 27);
    ck_assert_uint_eq(anchors, 3);
}
END_TEST

START_TEST(nesting_is_cut_at_32_levels)
{
    enum { DEEP = 100000 };
    static const char *const open[] = {"[", "{a: ", "- "};
    static const char *const places[] = {"x.yaml:1:33", "x.yaml:1:129",
                                         "x.yaml:1:65"};
    const size_t n = strlen(open[_i]);
    char *const text = malloc(DEEP * n);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < DEEP; i++) memcpy(text + i * n, open[_i], n);
    ck_assert_int_eq(case_parse(text, DEEP * n), ELBO_ECONFIG);
    ck_assert_str_eq(case_complaints.list[case_complaints.n - 1].place,
                     places[_i]);
    ck_assert_str_eq(case_complaints.list[case_complaints.n - 1].text,
                     "nested more than 32 levels deep");
    free(text);
}
END_TEST

START_TEST(too_many_nodes_and_too_large_files_are_refused)
{
    enum { MANY = 1 << 19 };
    char *const text = malloc(2 * MANY + 8);

    ck_assert_ptr_nonnull(text);
    memcpy(text, "seed: [", 7);
    for (size_t i = 0; i < MANY; i++) memcpy(text + 7 + 2 * i, "1,", 2);
    ck_assert_int_eq(case_parse(text, 2 * MANY + 7), ELBO_ECONFIG);
    ck_assert_uint_eq(case_complaints.n, 1);
    ck_assert_str_eq(case_complaints.list[0].place, "x.yaml:1:1");
    ck_assert_str_eq(case_complaints.list[0].text,
                     "the file has 1048583 bytes, the limit is 1048576");
    ck_assert_int_eq(case_parse(text, 40000), ELBO_ECONFIG);
    ck_assert_str_eq(case_complaints.list[case_complaints.n - 1].text,
                     "more than 10000 keys and values");
    free(text);
}
END_TEST

static void check_order(void)
{
    for (size_t i = 0; i < case_complaints.n; i++) {
        ck_assert_int_eq(strncmp(case_complaints.list[i].place, "x.yaml:", 7),
                         0);
        ck_assert_uint_gt(strlen(case_complaints.list[i].text), 0);
    }
}

START_TEST(damaged_files_are_refused_or_read_and_never_crash)
{
    static const char bytes[] = "{}[]:,-#&*!|>'\"%@` \n\tax0.\xc3";
    elbo_rng rng = elbo_rng_stream(385, "damage", 0);
    size_t refused = 0;

    for (size_t k = 0; k < 2385; k++) {
        char text[CASE_TEXT];
        size_t n;

        case_build(text, 0, NULL);
        n = strlen(text);
        for (size_t edits = 1 + k % 3; edits > 0; edits--)
            text[elbo_rng_below(&rng, n)] =
                bytes[elbo_rng_below(&rng, sizeof bytes - 1)];
        if (k % 7 == 0) n = elbo_rng_below(&rng, n);

        const elbo_status s = case_parse(text, n);

        ck_assert(s == ELBO_OK || s == ELBO_ECONFIG || s == ELBO_ENOINPUT);
        ck_assert_int_eq(s == ELBO_OK, case_complaints.n == 0);
        ck_assert_int_eq(s == ELBO_OK, case_experiment != NULL);
        check_order();
        refused += s != ELBO_OK;
    }
    ck_assert_uint_gt(refused, 1000);
}
END_TEST

TCase *tcase_experiment_hostile(void)
{
    TCase *t = tcase_create("hostile");

    tcase_add_checked_fixture(t, case_set_up, case_tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, bytes_that_are_not_utf8_are_refused_at_their_place);
    tcase_add_test(t, a_byte_order_mark_is_read_over);
    tcase_add_test(t, an_alias_bomb_is_refused_without_being_expanded);
    tcase_add_loop_test(t, nesting_is_cut_at_32_levels, 0, 3);
    tcase_add_test(t, too_many_nodes_and_too_large_files_are_refused);
    tcase_add_test(t, damaged_files_are_refused_or_read_and_never_crash);
    return t;
}

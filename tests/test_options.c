/* tests/test_options.c -- options: values are strict, defaults stand. */
#include "inference/core/options.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "tests/suites.h"

/* ---- a table with one option of every type ---- */

static elbo_status check_even(const char *text, size_t *column,
                              const char **nearest)
{
    if (strlen(text) % 2 == 0) return ELBO_OK;
    *column = strlen(text);
    *nearest = "even";
    return ELBO_FAIL(ELBO_EINVAL, "an odd length");
}

static const elbo_option table[] = {
    {.name = "quiet",      .type = ELBO_BOOL, .fallback = "false"},
    {.name = "steps",
     .type = ELBO_INT,
     .low = -5,
     .high = 9e18,
     .fallback = "200"},
    {.name = "slip",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = ".2"},
    {.name = "beta",
     .type = ELBO_REAL,
     .low = -HUGE_VAL,
     .high = HUGE_VAL,
     .fallback = "inf"},
    {.name = "kl",
     .type = ELBO_CHOICE,
     .choices = "step|next|steps",
     .fallback = "step"},
    {.name = "map",       .type = ELBO_PATH, .fallback = ""},
    {.name = "term",
     .type = ELBO_TEXT,
     .fallback = "logp",
     .check = check_even},
    {.name = "note",            .type = ELBO_TEXT},
    {0                   }
};

enum { QUIET, STEPS, SLIP, BETA, KL, MAP, TERM, NOTE };

static elbo_arena *arena;
static elbo_values values;

static void set_up(void)
{
    arena = elbo_arena_alloc(4096);
    ck_assert_int_eq(elbo_values_init(&values, table, arena), ELBO_OK);
}

static void tear_down(void)
{
    elbo_arena_free(arena);
}

static void accept(size_t i, const char *text)
{
    size_t column;
    const char *nearest;

    ck_assert_msg(elbo_values_set(&values, i, text, &column, &nearest)
                      == ELBO_OK,
                  "%s: %s", text, elbo_last_error()->text);
    ck_assert_str_eq(values.value[i].text, text);
    ck_assert(values.value[i].given);
}

/* The value stays, and the fault is at `column`. */
static void refuse(size_t i, const char *text, size_t column)
{
    const elbo_value before = values.value[i];
    size_t at = 999;
    const char *nearest = "unset";

    ck_assert_msg(elbo_values_set(&values, i, text, &at, &nearest)
                      == ELBO_EINVAL,
                  "%s is accepted", text);
    ck_assert_msg(at == column, "%s: column %zu", text, at);
    ck_assert_ptr_eq(values.value[i].text, before.text);
    ck_assert_int_eq(values.value[i].given, before.given);
    ck_assert_int_eq(values.value[i].integer, before.integer);
    ck_assert_mem_eq(&values.value[i].real, &before.real, sizeof before.real);
    ck_assert_int_eq(elbo_values_set(&values, i, text, NULL, NULL),
                     ELBO_EINVAL);
}

static const char *why(void)
{
    return elbo_last_error()->text;
}

/* ---- values ---- */

START_TEST(defaults_stand_until_a_value_is_given)
{
    ck_assert_uint_eq(values.n, 8);
    ck_assert(!elbo_flag(&values, "quiet"));
    ck_assert_int_eq(elbo_int(&values, "steps"), 200);
    ck_assert(elbo_real(&values, "steps") == 200);
    ck_assert(elbo_real(&values, "slip") == 0.2);
    ck_assert(elbo_real(&values, "beta") == HUGE_VAL);
    ck_assert(elbo_choice_is(&values, "kl", "step"));
    ck_assert_str_eq(elbo_text(&values, "map"), "");
    ck_assert_str_eq(elbo_text(&values, "term"), "logp");
    ck_assert_ptr_null(elbo_text(&values, "note"));
    for (size_t i = 0; i < values.n; i++) ck_assert(!values.value[i].given);
}
END_TEST

START_TEST(a_table_may_be_absent)
{
    elbo_values none;

    ck_assert_int_eq(elbo_values_init(&none, NULL, arena), ELBO_OK);
    ck_assert_uint_eq(none.n, 0);
    ck_assert_int_eq(elbo_values_parse(&none, "  "), ELBO_OK);
    ck_assert_int_eq(elbo_values_parse(&none, "x=1"), ELBO_EINVAL);
    ck_assert(elbo_option_find(NULL, "x") == (size_t)-1);
}
END_TEST

START_TEST(an_option_is_found_by_its_whole_name)
{
    ck_assert_uint_eq(elbo_option_find(table, "slip"), SLIP);
    ck_assert_uint_eq(elbo_option_find(table, "note"), NOTE);
    ck_assert(elbo_option_find(table, "sli") == (size_t)-1);
    ck_assert(elbo_option_find(table, "slips") == (size_t)-1);
    ck_assert(elbo_option_find(table, "") == (size_t)-1);
}
END_TEST

START_TEST(reals_are_decimal_numbers_and_nothing_else)
{
    static const struct {
        const char *text;
        double x;
    } right[] = {
        {"2.385",  2.385    },
        {"-2.385", -2.385   },
        {"+.5",    .5       },
        {"5.",     5        },
        {"1e-3",   1e-3     },
        {"1E+3",   1e3      },
        {"0",      0        },
        {"00.10",  .1       },
        {"inf",    HUGE_VAL },
        {".inf",   HUGE_VAL },
        {"-inf",   -HUGE_VAL},
        {"-.inf",  -HUGE_VAL},
        {"+inf",   HUGE_VAL },
        {"1e-400", 0        },
    };
    static const struct {
        const char *text;
        size_t column;
    } wrong[] = {
        {"",         0},
        {" 1",       0},
        {"1 ",       1},
        {"0x10",     1},
        {"1e",       1},
        {"nan",      0},
        {".nan",     0},
        {"NaN",      0},
        {"Inf",      0},
        {"infinity", 0},
        {"1,5",      1},
        {"1.5f",     3},
        {"--1",      0},
        {"1.2.3",    3},
        {".",        0},
        {"e5",       0},
        {"1e+",      1},
        {"+",        0},
        {"1e999",    0},
        {"-1e999",   0},
        {"..inf",    0},
        {"1_000",    1},
        {"inf ",     0},
        {"0x1p3",    1},
    };

    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        accept(BETA, right[i].text);
        ck_assert(elbo_real(&values, "beta") == right[i].x);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuse(BETA, wrong[i].text, wrong[i].column);
}
END_TEST

START_TEST(a_real_stays_in_its_closed_range)
{
    accept(SLIP, "0");
    accept(SLIP, "1");
    accept(SLIP, "-0");
    refuse(SLIP, "1.0000001", 0);
    refuse(SLIP, "-1", 0);
    ck_assert_str_eq(why(), "slip must be in [0, 1], not -1");
    refuse(SLIP, "inf", 0);
    ck_assert_str_eq(why(), "slip must be in [0, 1], not inf");
    refuse(SLIP, "x\n\"", 0);
    ck_assert_str_eq(why(),
                     "slip must be a number in [0, 1], not \"x\\x0a\"\"");
}
END_TEST

START_TEST(whole_numbers_are_exact_to_64_bits)
{
    static const struct {
        const char *text;
        int64_t i;
    } right[] = {
        {"0",                   0                  },
        {"-5",                  -5                 },
        {"+7",                  7                  },
        {"007",                 7                  },
        {"1e6",                 1000000            },
        {"2.5e1",               25                 },
        {"2385.000",            2385               },
        {"9007199254740993",    9007199254740993   }, /* 2^53 + 1 */
        {"8999999999999999999", 8999999999999999999},
    };
    static const struct {
        const char *text;
        size_t column;
    } wrong[] = {
        {"",                      0},
        {"2.5",                   0},
        {"1e-1",                  0},
        {"0x10",                  1},
        {"1 000",                 1},
        {"-6",                    0},
        {"inf",                   0},
        {"nan",                   0},
        {"-",                     0},
        {"1e17",                  0},
        {"12a",                   2},
        {" 1",                    0},
        {"9223372036854775807",   0},
        {"99999999999999999999",  0},
        {"-99999999999999999999", 0},
    };

    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        accept(STEPS, right[i].text);
        ck_assert_int_eq(elbo_int(&values, "steps"), right[i].i);
        ck_assert(elbo_real(&values, "steps") == (double)right[i].i);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuse(STEPS, wrong[i].text, wrong[i].column);
}
END_TEST

START_TEST(flags_are_true_or_false)
{
    accept(QUIET, "true");
    ck_assert(elbo_flag(&values, "quiet"));
    refuse(QUIET, "yes", 0);
    refuse(QUIET, "True", 0);
    refuse(QUIET, "1", 0);
    refuse(QUIET, "", 0);
    ck_assert(elbo_flag(&values, "quiet"));
    ck_assert_str_eq(why(), "quiet must be true or false, not \"\"");
    accept(QUIET, "false");
    ck_assert(!elbo_flag(&values, "quiet"));
}
END_TEST

START_TEST(choices_are_whole_and_the_nearest_is_told)
{
    const char *nearest = NULL;

    accept(KL, "steps");
    ck_assert(elbo_choice_is(&values, "kl", "steps"));
    ck_assert(!elbo_choice_is(&values, "kl", "step"));
    refuse(KL, "", 0);
    refuse(KL, "step|next", 0);
    refuse(KL, "ste", 0);
    elbo_values_set(&values, KL, "nxet", NULL, &nearest);
    ck_assert_str_eq(nearest, "next");
    ck_assert_str_eq(why(),
                     "kl must be one of step, next, steps, not \"nxet\"");
    elbo_values_set(&values, KL, "backward", NULL, &nearest);
    ck_assert_ptr_null(nearest);
}
END_TEST

START_TEST(paths_stay_inside_the_folder)
{
    accept(MAP, "maps/four_rooms.txt");
    accept(MAP, "a..b");
    accept(MAP, ".../x");
    refuse(MAP, "", 0);
    refuse(MAP, "/etc/passwd", 0);
    refuse(MAP, "..", 0);
    refuse(MAP, "../x", 0);
    refuse(MAP, "maps/../../x", 5);
    refuse(MAP, "maps/..", 5);
}
END_TEST

START_TEST(a_text_is_judged_by_its_check)
{
    const char *nearest = NULL;

    accept(TERM, "V(y)");
    accept(TERM, "");
    refuse(TERM, "odd", 3);
    elbo_values_set(&values, TERM, "odd", NULL, &nearest);
    ck_assert_str_eq(nearest, "even");
    accept(NOTE, "any text at all");
}
END_TEST

START_TEST(a_long_value_is_cut_in_the_message)
{
    char text[5000];

    memset(text, '\1', sizeof text);
    text[sizeof text - 1] = '\0';
    refuse(SLIP, text, 0);
    ck_assert_uint_lt(strlen(why()), 200);
    ck_assert_ptr_nonnull(strstr(why(), "\\x01\\x01"));
    memset(text, '7', sizeof text - 1);
    refuse(SLIP, text, 0);
    ck_assert_uint_lt(strlen(why()), 200);
    refuse(STEPS, text, 0);
}
END_TEST

START_TEST(settings_are_parsed_in_one_line)
{
    ck_assert_int_eq(
        elbo_values_parse(&values, " slip=0.5  note=a=b\tsteps=7 "), ELBO_OK);
    ck_assert(elbo_real(&values, "slip") == 0.5);
    ck_assert_str_eq(elbo_text(&values, "note"), "a=b");
    ck_assert_int_eq(elbo_int(&values, "steps"), 7);
    ck_assert(!values.value[KL].given);

    ck_assert_int_eq(elbo_values_parse(&values, "slipp=0.5"), ELBO_EINVAL);
    ck_assert_str_eq(why(), "unknown option slipp");
    ck_assert_int_eq(elbo_values_parse(&values, "slip"), ELBO_EINVAL);
    ck_assert_int_eq(elbo_values_parse(&values, "slip=2"), ELBO_EINVAL);
}
END_TEST

START_TEST(a_required_option_must_be_given)
{
    ck_assert_int_eq(elbo_values_parse(&values, "slip=0.5"), ELBO_EINVAL);
    ck_assert_str_eq(why(), "note is missing");
}
END_TEST

Suite *suite_options(void)
{
    Suite *suite = suite_create("options");
    TCase *t = tcase_create("values");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, defaults_stand_until_a_value_is_given);
    tcase_add_test(t, a_table_may_be_absent);
    tcase_add_test(t, an_option_is_found_by_its_whole_name);
    tcase_add_test(t, reals_are_decimal_numbers_and_nothing_else);
    tcase_add_test(t, a_real_stays_in_its_closed_range);
    tcase_add_test(t, whole_numbers_are_exact_to_64_bits);
    tcase_add_test(t, flags_are_true_or_false);
    tcase_add_test(t, choices_are_whole_and_the_nearest_is_told);
    tcase_add_test(t, paths_stay_inside_the_folder);
    tcase_add_test(t, a_text_is_judged_by_its_check);
    tcase_add_test(t, a_long_value_is_cut_in_the_message);
    tcase_add_test(t, settings_are_parsed_in_one_line);
    tcase_add_test(t, a_required_option_must_be_given);
    suite_add_tcase(suite, t);
    return suite;
}

/* tests/test_options.c -- options: strict values, calls, and near names. */
#include "inference/core/options.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "inference/core/alloc.h"
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
    {.name = "quiet", .type = ELBO_BOOL, .fallback = "false"},
    {.name = "steps", .type = ELBO_INT, .low = -5, .high = 9e18,
     .fallback = "200"},
    {.name = "slip", .type = ELBO_REAL, .low = 0, .high = 1, .fallback = "0.2"},
    {.name = "beta", .type = ELBO_REAL, .low = -INFINITY, .high = INFINITY,
     .fallback = "inf"},
    {.name = "kl", .type = ELBO_CHOICE, .choices = "step|next|steps",
     .fallback = "step"},
    {.name = "map", .type = ELBO_PATH, .fallback = ""},
    {.name = "term", .type = ELBO_TEXT, .fallback = "logp",
     .check = check_even},
    {.name = "note", .type = ELBO_TEXT},
    {0}};

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
    ck_assert_int_eq(
        elbo_values_set(&values, i, text, NULL, NULL), ELBO_EINVAL);
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
    ck_assert(elbo_real(&values, "beta") == INFINITY);
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
        {"2.385", 2.385}, {"-2.385", -2.385}, {"+.5", .5},     {"5.", 5},
        {"1e-3", 1e-3},   {"1E+3", 1e3},      {"0", 0},        {"00.10", .1},
        {"inf", INFINITY}, {".inf", INFINITY}, {"-inf", -INFINITY},
        {"-.inf", -INFINITY}, {"+inf", INFINITY}, {"1e-400", 0},
    };
    static const struct {
        const char *text;
        size_t column;
    } wrong[] = {
        {"", 0},      {" 1", 0},   {"1 ", 1},   {"0x10", 1}, {"1e", 1},
        {"nan", 0},   {".nan", 0}, {"NaN", 0},  {"Inf", 0},  {"infinity", 0},
        {"1,5", 1},   {"1.5f", 3}, {"--1", 0},  {"1.2.3", 3}, {".", 0},
        {"e5", 0},    {"1e+", 1},  {"+", 0},    {"1e999", 0}, {"-1e999", 0},
        {"..inf", 0}, {"1_000", 1}, {"inf ", 0}, {"0x1p3", 1},
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
        {"0", 0},
        {"-5", -5},
        {"+7", 7},
        {"007", 7},
        {"1e6", 1000000},
        {"2.5e1", 25},
        {"2385.000", 2385},
        {"9007199254740993", 9007199254740993}, /* 2^53 + 1 */
        {"8999999999999999999", 8999999999999999999},
    };
    static const struct {
        const char *text;
        size_t column;
    } wrong[] = {
        {"", 0},    {"2.5", 0},  {"1e-1", 0}, {"0x10", 1}, {"1 000", 1},
        {"-6", 0},  {"inf", 0},  {"nan", 0},  {"-", 0},    {"1e17", 0},
        {"12a", 2}, {" 1", 0},   {"9223372036854775807", 0},
        {"99999999999999999999", 0},          {"-99999999999999999999", 0},
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
    ck_assert_str_eq(why(), "kl must be one of step, next, steps, not \"nxet\"");
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

/* ---- calls ---- */

static const elbo_option tilt[] = {
    {.name = "beta", .type = ELBO_REAL, .low = -100, .high = 100,
     .fallback = "2.385"},
    {.name = "kl", .type = ELBO_CHOICE, .choices = "step|next",
     .fallback = "step"},
    {.name = "ratio", .type = ELBO_TEXT, .fallback = "exact"},
    {0}};
static const elbo_option robust[] = {
    {.name = "radius", .type = ELBO_REAL, .low = 0, .high = 9},
    {0}};

static const elbo_option *lookup(const char *name, bool *known,
                                 const char **nearest)
{
    static const char *const names[] = {"tilt", "robust", "model"};

    *known = true;
    if (strcmp(name, "tilt") == 0) return tilt;
    if (strcmp(name, "robust") == 0) return robust;
    *known = strcmp(name, "model") == 0;
    *nearest = elbo_name_nearest(name, names, 3);
    return NULL;
}

static elbo_values got;
static const char *called;

static void accept_call(const char *text, const char *name)
{
    size_t column;
    const char *nearest;

    ck_assert_msg(elbo_call_parse(text, lookup, arena, &called, &got, &column,
                                  &nearest)
                      == ELBO_OK,
                  "%s: %s", text, why());
    ck_assert_str_eq(called, name);
}

START_TEST(calls_take_arguments_by_place_and_by_name)
{
    accept_call("model", "model");
    ck_assert_uint_eq(got.n, 0);
    accept_call(" model ( ) ", "model");
    accept_call("tilt", "tilt");
    ck_assert(elbo_real(&got, "beta") == 2.385);
    ck_assert(!got.value[0].given);
    accept_call("tilt()", "tilt");
    accept_call("tilt(2)", "tilt");
    ck_assert(elbo_real(&got, "beta") == 2);
    ck_assert(elbo_choice_is(&got, "kl", "step"));
    accept_call("tilt(-3.5, next)", "tilt");
    ck_assert(elbo_real(&got, "beta") == -3.5);
    ck_assert(elbo_choice_is(&got, "kl", "next"));
    accept_call("\ttilt( 2 ,kl = next )", "tilt");
    ck_assert(elbo_choice_is(&got, "kl", "next"));
    accept_call("tilt(kl=next,beta=7)", "tilt");
    ck_assert(elbo_real(&got, "beta") == 7);
    accept_call("tilt(ratio=clip(2, 3), beta=1)", "tilt");
    ck_assert_str_eq(elbo_text(&got, "ratio"), "clip(2, 3)");
    ck_assert(elbo_real(&got, "beta") == 1);
    accept_call("robust(0.25)", "robust");
    ck_assert(elbo_real(&got, "radius") == 0.25);
}
END_TEST

static const struct wrong_call {
    const char *text;
    size_t column;
    const char *nearest, *why;
} wrong_calls[] = {
    {"", 0, NULL, "a name is expected"},
    {"  (2)", 2, NULL, "a name is expected"},
    {"2tilt", 0, NULL, "a name is expected"},
    {" titl(2)", 1, "tilt", "unknown name titl"},
    {"elsewhere", 0, NULL, "unknown name elsewhere"},
    {"tilt(bta=2)", 5, "beta", "tilt has no argument bta"},
    {"tilt(2, 2=3)", 8, NULL, "kl must be one of"},
    {"tilt(2, beta=3)", 8, NULL, "tilt: beta is given twice"},
    {"tilt(kl=step, kl=next)", 14, NULL, "tilt: kl is given twice"},
    {"tilt(kl=next, 2)", 14, NULL, "without a name follows"},
    {"tilt(2", 6, NULL, "not closed"},
    {"tilt(", 5, NULL, "not closed"},
    {"tilt(ratio=clip(2)", 18, NULL, "not closed"},
    {"tilt)", 4, NULL, "nothing may follow"},
    {"tilt(2))", 7, NULL, "nothing may follow"},
    {"tilt(2) x", 8, NULL, "nothing may follow"},
    {"tilt 2", 5, NULL, "nothing may follow"},
    {"tilt(,2)", 5, NULL, "an argument is empty"},
    {"tilt(2,)", 7, NULL, "an argument is empty"},
    {"tilt(beta=)", 10, NULL, "an argument is empty"},
    {"tilt(1, next, a, b)", 17, NULL, "at most 3 arguments"},
    {"model(1)", 6, NULL, "at most 0 arguments"},
    {"robust(1, 2)", 10, NULL, "at most 1 argument"},
    {"tilt(101)", 5, NULL, "beta must be in [-100, 100], not 101"},
    {"tilt(kl= nxt)", 9, "next", "kl must be one of"},
    {"tilt(beta=2.3x)", 13, NULL, "beta must be a number"},
    {"robust", 6, NULL, "robust: radius is missing"},
    {"robust()", 8, NULL, "robust: radius is missing"},
};
enum { WRONG_CALLS = sizeof wrong_calls / sizeof *wrong_calls };

START_TEST(a_wrong_call_is_located_and_explained)
{
    const struct wrong_call *w = &wrong_calls[_i];
    size_t column = 999;
    const char *nearest = "unset";

    ck_assert_int_eq(elbo_call_parse(w->text, lookup, arena, &called, &got,
                                     &column, &nearest),
                     ELBO_EINVAL);
    ck_assert_msg(strstr(why(), w->why), "%s: %s", w->text, why());
    ck_assert_msg(column == w->column, "%s: column %zu", w->text, column);
    if (w->nearest)
        ck_assert_str_eq(nearest, w->nearest);
    else
        ck_assert_ptr_null(nearest);
    ck_assert_int_eq(elbo_call_parse(w->text, lookup, arena, &called, &got,
                                     NULL, NULL),
                     ELBO_EINVAL);
}
END_TEST

START_TEST(each_allocation_fails_once_and_cleanly)
{
    elbo_status s = ELBO_ENOMEM;
    long n = 0;
    char text[400], note[400];

    memset(note, 'x', sizeof note);
    note[sizeof note - 1] = '\0';
    snprintf(text, sizeof text, "tilt(kl=next, ratio=%.300s)", note);
    for (; s == ELBO_ENOMEM; n++) {
        elbo_alloc_budget(n);

        elbo_arena *ws = elbo_arena_alloc(64);

        if (ws) {
            s = elbo_values_init(&got, table, ws);
            if (s == ELBO_OK) s = elbo_values_parse(&got, "kl=next note=x");
            if (s == ELBO_OK)
                s = elbo_call_parse(text, lookup, ws, &called, &got, NULL,
                                    NULL);
        }
        elbo_alloc_budget(-1);
        elbo_arena_free(ws);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(n, 5);
}
END_TEST

/* ---- names ---- */

START_TEST(distances_are_those_counted_by_hand)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } pair[] = {
        {"", "", 0},          {"", "abc", 3},        {"tilt", "tilt", 0},
        {"tilt", "titl", 1},  {"tilt", "tlit", 1},   {"kitten", "sitting", 3},
        {"ca", "abc", 3},     {"a", "b", 1},         {"gridworld", "gird", 6},
        {"chain", "chian", 1}, {"model", "mdoel", 1}, {"abcd", "badc", 2},
    };

    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        ck_assert_uint_eq(elbo_name_distance(pair[i].a, pair[i].b),
                          pair[i].distance);
        ck_assert_uint_eq(elbo_name_distance(pair[i].b, pair[i].a),
                          pair[i].distance);
    }
}
END_TEST

/* The definition, by recursion over prefixes. */
static size_t slow(const char *a, size_t na, const char *b, size_t nb)
{
    if (na == 0) return nb;
    if (nb == 0) return na;

    size_t d = slow(a, na - 1, b, nb - 1) + (a[na - 1] != b[nb - 1]);
    const size_t drop = slow(a, na - 1, b, nb) + 1;
    const size_t add = slow(a, na, b, nb - 1) + 1;

    if (drop < d) d = drop;
    if (add < d) d = add;
    if (na > 1 && nb > 1 && a[na - 1] == b[nb - 2] && a[na - 2] == b[nb - 1]) {
        const size_t swap = slow(a, na - 2, b, nb - 2) + 1;

        if (swap < d) d = swap;
    }
    return d;
}

START_TEST(distances_agree_with_the_recursive_definition)
{
    uint32_t x = 2385;

    for (int trial = 0; trial < 300; trial++) {
        char a[7] = "", b[7] = "";

        for (size_t i = 0; i < 6; i++) {
            x = 1664525 * x + 1013904223;
            a[i] = "abc"[(x >> 20) % 3];
            b[i] = "abc"[(x >> 25) % 3];
        }
        a[(x >> 8) % 7] = b[(x >> 12) % 7] = '\0';
        ck_assert_uint_eq(elbo_name_distance(a, b),
                          slow(a, strlen(a), b, strlen(b)));
    }
}
END_TEST

START_TEST(the_nearest_name_is_near_enough_and_the_first)
{
    static const char *const names[] = {"gridworld", "four_rooms", "chain",
                                        "chair", "soft_value_iteration"};

    ck_assert_str_eq(elbo_name_nearest("fuor_rooms", names, 5), "four_rooms");
    ck_assert_str_eq(elbo_name_nearest("chaim", names, 5), "chain");
    ck_assert_str_eq(elbo_name_nearest("chairs", names, 5), "chair");
    ck_assert_str_eq(elbo_name_nearest("value_iteration", names, 5),
                     "soft_value_iteration");
    ck_assert_ptr_null(elbo_name_nearest("taxi", names, 5));
    ck_assert_ptr_null(elbo_name_nearest("chain", names, 0));
}
END_TEST

START_TEST(without_memory_there_is_only_no_suggestion)
{
    static const char *const names[] = {"chain"};

    elbo_alloc_budget(0);

    const char *nearest = elbo_name_nearest("chian", names, 1);

    elbo_alloc_budget(-1);
    ck_assert_ptr_null(nearest);
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

    t = tcase_create("calls");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, calls_take_arguments_by_place_and_by_name);
    tcase_add_loop_test(t, a_wrong_call_is_located_and_explained, 0,
                        WRONG_CALLS);
    tcase_add_test(t, each_allocation_fails_once_and_cleanly);
    suite_add_tcase(suite, t);

    t = tcase_create("names");
    tcase_add_test(t, distances_are_those_counted_by_hand);
    tcase_add_test(t, distances_agree_with_the_recursive_definition);
    tcase_add_test(t, the_nearest_name_is_near_enough_and_the_first);
    tcase_add_test(t, without_memory_there_is_only_no_suggestion);
    suite_add_tcase(suite, t);
    return suite;
}

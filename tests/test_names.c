/* tests/test_names.c -- how far names are apart, and which is the nearest. */
#include <stdint.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/options.h"
#include "tests/suites.h"

START_TEST(distances_are_those_counted_by_hand)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } pair[] = {
        {"",          "",        0},
        {"",          "abc",     3},
        {"tilt",      "tilt",    0},
        {"tilt",      "titl",    1},
        {"tilt",      "tlit",    1},
        {"kitten",    "sitting", 3},
        {"ca",        "abc",     3},
        {"a",         "b",       1},
        {"gridworld", "gird",    5},
        {"chain",     "chian",   1},
        {"model",     "mdoel",   1},
        {"abcd",      "badc",    2},
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

Suite *suite_names(void)
{
    Suite *suite = suite_create("names");
    TCase *t = tcase_create("names");

    tcase_add_test(t, distances_are_those_counted_by_hand);
    tcase_add_test(t, distances_agree_with_the_recursive_definition);
    tcase_add_test(t, the_nearest_name_is_near_enough_and_the_first);
    tcase_add_test(t, without_memory_there_is_only_no_suggestion);
    suite_add_tcase(suite, t);
    return suite;
}

#include "tests/transition_cases.h"

#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/transition.h"

static elbo_arena *arena;

static void setup(void)
{
    arena = elbo_arena_alloc(1 << 16);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

static elbo_tilt parsed(const char *text, elbo_kl kl)
{
    elbo_tilt tilt;

    ck_assert_msg(
        elbo_transition_parse(text, kl, 0.75, arena, &tilt, NULL, NULL)
            == ELBO_OK,
        "%s: %s", text, elbo_last_error()->text);
    ck_assert_double_eq(tilt.gamma, 0.75);
    return tilt;
}

START_TEST(settings_are_parsed_with_their_defaults)
{
    elbo_tilt t = parsed("model", ELBO_KL_NEXT);

    ck_assert_ptr_eq(t.kind, &elbo_transition_model);
    ck_assert_double_eq(t.beta, HUGE_VAL);
    ck_assert_double_eq(elbo_tilt_charge(&t), 0);
    t = parsed("tilt(2)", ELBO_KL_STEP);
    ck_assert_ptr_eq(t.kind, &elbo_transition_tilt);
    ck_assert_int_eq(t.kl, ELBO_KL_STEP);
    ck_assert_double_eq(elbo_tilt_charge(&t), 2);
    t = parsed("tilt(2)", ELBO_KL_NEXT);
    ck_assert_int_eq(t.kl, ELBO_KL_NEXT);
    ck_assert_double_eq(elbo_tilt_charge(&t), 1.5);
    t = parsed("tilt( beta = -1.5 , kl=next )", ELBO_KL_STEP);
    ck_assert_int_eq(t.kl, ELBO_KL_NEXT);
    ck_assert_double_eq(elbo_tilt_charge(&t), -1.125);
    t = parsed("tilt(-1.5, step)", ELBO_KL_NEXT);
    ck_assert_int_eq(t.kl, ELBO_KL_STEP);
}
END_TEST

START_TEST(an_infinite_temperature_is_the_model)
{
    elbo_tilt t = parsed("tilt(inf)", ELBO_KL_STEP);

    ck_assert_ptr_eq(t.kind, &elbo_transition_model);
    ck_assert_double_eq(elbo_tilt_charge(&t), 0);
    t = parsed("tilt(-inf, kl=next)", ELBO_KL_STEP);
    ck_assert_ptr_eq(t.kind, &elbo_transition_model);
    ck_assert_double_eq(elbo_tilt_charge(&t), 0);
}
END_TEST

START_TEST(wrong_settings_say_where_and_what_would_be_right)
{
    static const struct {
        const char *text;
        size_t column;
        const char *nearest;
    } wrong[] = {
        {"tild(2)",                0,  "tilt" },
        {"modle",                  0,  "model"},
        {"freely(1)",              0,  "free" },
        {"tilt(2, kl=nxt)",        11, "next" },
        {"tilt(2, bta=3)",         8,  "beta" },
        {"tilt(0)",                5,  NULL   },
        {"tilt(kl=next, beta=0)",  14, NULL   },
        {"tilt(kl=next, beta=-0)", 14, NULL   },
        {"model(1)",               6,  NULL   },
        {"tilt()",                 6,  NULL   },
        {"tilt(nan)",              5,  NULL   },
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t column = 99;
        const char *nearest = "unset";

        ck_assert_int_eq(
            elbo_transition_check(wrong[i].text, &column, &nearest),
            ELBO_EINVAL);
        ck_assert_msg(column == wrong[i].column, "%s: column %zu",
                      wrong[i].text, column);
        if (wrong[i].nearest)
            ck_assert_str_eq(nearest, wrong[i].nearest);
        else
            ck_assert_ptr_null(nearest);
        ck_assert_int_eq(elbo_transition_check(wrong[i].text, NULL, NULL),
                         ELBO_EINVAL);
    }
    ck_assert_int_eq(elbo_transition_check("tilt(0)", NULL, NULL), ELBO_EINVAL);
    ck_assert_ptr_nonnull(
        strstr(elbo_last_error()->text, "beta must not be 0"));
    ck_assert_int_eq(elbo_transition_check("tilt(2)", NULL, NULL), ELBO_OK);
}
END_TEST

START_TEST(check_reports_missing_memory)
{
    elbo_alloc_budget(0);
    ck_assert_int_eq(elbo_transition_check("tilt(2)", NULL, NULL), ELBO_ENOMEM);
    elbo_alloc_budget(-1);
}
END_TEST

START_TEST(every_member_says_what_it_is)
{
    for (size_t i = 0; elbo_transitions[i]; i++) {
        const elbo_transition *k = elbo_transitions[i];

        ck_assert(k->name && k->source && k->formula && k->doc && k->expect);
        for (size_t j = 0; k->options && k->options[j].name; j++)
            ck_assert(k->options[j].doc && k->options[j].unit);
    }
    ck_assert(!elbo_transition_model.posterior);
}
END_TEST

TCase *tcase_transition_settings(void)
{
    TCase *t = tcase_create("transition_settings");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, settings_are_parsed_with_their_defaults);
    tcase_add_test(t, an_infinite_temperature_is_the_model);
    tcase_add_test(t, wrong_settings_say_where_and_what_would_be_right);
    tcase_add_test(t, check_reports_missing_memory);
    tcase_add_test(t, every_member_says_what_it_is);
    return t;
}

/* tests/experiment_resolved.c -- an experiment written down is the same one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/experiment_cases.h"

START_TEST(the_resolved_experiment_tells_where_values_come_from)
{
    char *words[] = {NULL, (char[]){"control.temperature=0.385"}};
    const char *r;

    ck_assert_int_eq(case_parse_with(words, 2), ELBO_OK);
    r = strstr(case_experiment->resolved, "  slip: 0.25");
    ck_assert_ptr_nonnull(r);
    r = strchr(r, '#');
    ck_assert_int_eq(strncmp(r, "# x.yaml:3:26\n", 14), 0);
    r = strchr(strstr(case_experiment->resolved, "  temperature: 0.385"), '#');
    ck_assert_int_eq(strncmp(r, "# argument 2\n", 13), 0);
    r = strchr(strstr(case_experiment->resolved, "  likelihood: logp"), '#');
    ck_assert_int_eq(strncmp(r, "# default\n", 10), 0);
    for (r = case_experiment->resolved; (r = strstr(r, ": ")); r++) {
        const char *const hash = strchr(r, '#');

        ck_assert_ptr_nonnull(hash);
        ck_assert(strchr(r, '\n') > hash);
    }
}
END_TEST

/* Every environment, model and control that are right together. */
START_TEST(the_resolved_experiment_reads_as_the_same_experiment)
{
    size_t n = 0;

    for (size_t e = 0; elbo_envs[e]; e++)
        for (size_t m = 0; elbo_models[m]; m++)
            for (size_t c = 0; elbo_controls[c]; c++) {
                char text[CASE_TEXT], *again, *settings;

                snprintf(text, sizeof text,
                         "name: a-%zu\nenv: %s\nmodel: %s\ncontrol: %s\n"
                         "inference: {optimality: %s}\n",
                         n, elbo_envs[e]->name, elbo_models[m]->name,
                         elbo_controls[c]->name,
                         elbo_controls[c]->optimality == ELBO_LINEAR
                             ? "linear"
                             : "exponential");
                if (case_parse(text, strlen(text)) != ELBO_OK) continue;
                again = strdup(case_experiment->resolved);
                settings = strdup(case_experiment->settings);
                ck_assert_msg(
                    case_parse(again, strlen(again)) == ELBO_OK,
                    "%s: %s %s\n%s", elbo_controls[c]->name,
                    case_complaints.n ? case_complaints.list[0].place : "",
                    case_complaints.n ? case_complaints.list[0].text : "",
                    again);
                ck_assert_str_eq(case_experiment->settings, settings);
                free(again);
                free(settings);
                n++;
            }
    ck_assert_uint_ge(n, 50);
}
END_TEST

START_TEST(odd_texts_survive_the_resolved_experiment)
{
    char text[CASE_TEXT], *again, *settings;

    case_build(text, 6,
               "inference:\n  transition: \"tilt( 2.385 , kl=next)\"\n"
               "  data_scale: \"|D|\"\n  weight: '2.385'");
    ck_assert_int_eq(case_parse(text, strlen(text)), ELBO_OK);
    ck_assert_str_eq(elbo_text(case_experiment->setup.inference, "transition"),
                     "tilt( 2.385 , kl=next)");
    again = strdup(case_experiment->resolved);
    settings = strdup(case_experiment->settings);
    ck_assert_int_eq(case_parse(again, strlen(again)), ELBO_OK);
    ck_assert_str_eq(case_experiment->settings, settings);
    ck_assert_str_eq(elbo_text(case_experiment->setup.inference, "transition"),
                     "tilt( 2.385 , kl=next)");
    free(again);
    free(settings);
}
END_TEST

START_TEST(a_contradiction_is_blamed_on_the_key)
{
    char text[CASE_TEXT];

    case_build(text, 5, "control: {name: value_iteration, temperature: 2.385}");
    ck_assert_int_eq(case_parse(text, strlen(text)), ELBO_ECONFIG);
    ck_assert_uint_eq(case_complaints.n, 1);
    ck_assert_str_eq(case_complaints.list[0].place, "x.yaml:5:47");
}
END_TEST

START_TEST(seeds_are_numbers_ranges_and_lists)
{
    static const struct {
        const char *line;
        size_t n;
        uint64_t last;
    } rows[] = {
        {"seed: 7",                   1,  7                   },
        {"seed: 0..9",                10, 9                   },
        {"seed: [1, 2]",              2,  2                   },
        {"seed: [5, 0..2, 9]",        5,  9                   },
        {"seed: \"[3,4]\"",           2,  4                   },
        {"seed: 9223372036854775807", 1,  9223372036854775807u},
        {"",                          1,  0                   }
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[CASE_TEXT];

        case_build(text, 2, rows[i].line);
        ck_assert_int_eq(case_parse(text, strlen(text)), ELBO_OK);
        ck_assert_uint_eq(case_experiment->n_seeds, rows[i].n);
        ck_assert_uint_eq(case_experiment->seeds[rows[i].n - 1], rows[i].last);
    }
}
END_TEST

TCase *tcase_experiment_resolved(void)
{
    TCase *t = tcase_create("resolved");

    tcase_add_checked_fixture(t, case_set_up, case_tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_resolved_experiment_tells_where_values_come_from);
    tcase_add_test(t, the_resolved_experiment_reads_as_the_same_experiment);
    tcase_add_test(t, odd_texts_survive_the_resolved_experiment);
    tcase_add_test(t, a_contradiction_is_blamed_on_the_key);
    tcase_add_test(t, seeds_are_numbers_ranges_and_lists);
    return t;
}

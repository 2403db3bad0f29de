/* tests/test_experiment.c -- the experiment file: what it says, what the
 * command line changes in it, and (in experiment_*.c) what is refused, where
 * and why.
 */
#include <stdio.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/experiment_cases.h"
#include "tests/suites.h"

START_TEST(the_unchanged_file_is_right)
{
    char text[CASE_TEXT];

    case_build(text, 0, NULL);
    ck_assert_int_eq(case_parse(text, strlen(text)), ELBO_OK);
    ck_assert_str_eq(case_experiment->name, "good");
    ck_assert_uint_eq(case_experiment->n_seeds, 1);
    ck_assert_uint_eq(case_experiment->seeds[0], 3);
    ck_assert_str_eq(case_experiment->setup.env->name, "chain");
    ck_assert_double_eq(elbo_real(case_experiment->setup.env_own, "slip"),
                        0.25);
    ck_assert_int_eq(elbo_int(case_experiment->setup.inference, "iterations"),
                     7);
    ck_assert_int_eq(elbo_int(case_experiment->setup.data, "steps"), 385);
    ck_assert_uint_eq(case_experiment->source_bytes, strlen(text));
    ck_assert_str_eq(case_experiment->source, text);
}
END_TEST

START_TEST(an_override_replaces_a_leaf_and_may_add_one)
{
    char *words[] = {NULL,
                     (char[]){"env.slip=0.5"},
                     NULL,
                     (char[]){"inference.tolerance=2.385e-7"},
                     (char[]){"seed=[4, 7..9]"},
                     (char[]){"inference.evaluation.episodes=5"}};

    ck_assert_int_eq(case_parse_with(words, 6), ELBO_OK);
    ck_assert_double_eq(elbo_real(case_experiment->setup.env_own, "slip"), 0.5);
    ck_assert_double_eq(
        elbo_real(case_experiment->setup.inference, "tolerance"), 2.385e-7);
    ck_assert_uint_eq(case_experiment->n_seeds, 4);
    ck_assert_uint_eq(case_experiment->seeds[3], 9);
    ck_assert_int_eq(elbo_int(case_experiment->setup.evaluation, "episodes"),
                     5);
    ck_assert_ptr_nonnull(strstr(case_experiment->resolved, "# argument 2\n"));
    ck_assert_ptr_nonnull(strstr(case_experiment->resolved, "# argument 6\n"));
}
END_TEST

START_TEST(an_override_of_a_room_names_its_component)
{
    char *words[] = {(char[]){"env=riverswim"}, (char[]){"model=true"}};

    /* riverswim has no slip: the file's key is then the one to blame. */
    ck_assert_int_eq(case_parse_with(words, 2), ELBO_ECONFIG);
    ck_assert_uint_eq(case_complaints.n, 1);
    ck_assert_str_eq(case_complaints.list[0].place, "x.yaml:3:20");
    words[0] = (char[]){"env=garnet"};
    words[1] = (char[]){"model.name=random"};

    static const char text[] = "name: g\nenv: chain\nmodel: tabular\n"
                               "control: soft_value_iteration\n";

    ck_assert_int_eq(elbo_experiment_parse("x.yaml", text, sizeof text - 1,
                                           words, 2, &case_complaints,
                                           &case_experiment),
                     ELBO_OK);
    ck_assert_str_eq(case_experiment->setup.env->name, "garnet");
    ck_assert_str_eq(case_experiment->setup.model->name, "random");
    elbo_experiment_free(case_experiment);
    words[0] = (char[]){"env.discount=0.385"};
    ck_assert_int_eq(elbo_experiment_parse("x.yaml", text, sizeof text - 1,
                                           words, 1, &case_complaints,
                                           &case_experiment),
                     ELBO_OK);
    ck_assert_str_eq(case_experiment->setup.env->name, "chain");
    ck_assert_double_eq(
        elbo_real(case_experiment->setup.env_common, "discount"), 0.385);
}
END_TEST

START_TEST(an_override_mends_what_the_file_has_wrong)
{
    static const char text[] = "name: g\nenv: {name: chan, slip: many}\n"
                               "model: tabular\ncontrol: value_iteration\n";
    char *words[] = {(char[]){"env.slip=0.2385"}, (char[]){"env.name=chain"}};

    ck_assert_int_eq(elbo_experiment_parse("x.yaml", text, sizeof text - 1,
                                           words, 2, &case_complaints,
                                           &case_experiment),
                     ELBO_OK);
    ck_assert_double_eq(elbo_real(case_experiment->setup.env_own, "slip"),
                        0.2385);
}
END_TEST

START_TEST(a_wrong_override_is_blamed_by_its_argument)
{
    /* clang-format off */
    static const struct {
        const char *word, *text, *caret;
        elbo_status status;
    } rows[] = {
        {"env.slip=2", "slip must be in [0, 1], not 2",
         "    env.slip=2\n             ^", ELBO_ECONFIG},
        {"env.slp=0.2", "did you mean \"slip\"?", "    env.slp=0.2\n    ^",
         ELBO_ECONFIG},
        {"env.slip=", "slip has no value", "    env.slip=\n    ^",
         ELBO_ECONFIG},
        {"inference.data=3", "inference.data must be a map", NULL,
         ELBO_ECONFIG},
        {"name.x=3", "\"name\" is no map in the file", NULL, ELBO_ECONFIG},
        {"env.slip.x=3", "\"slip\" is no map in the file", NULL, ELBO_ECONFIG},
        {"env.slip", "an override is key.path=value, not \"env.slip\"", NULL,
         ELBO_EUSAGE},
        {"=3", "an empty key in \"=3\"", NULL, ELBO_EUSAGE},
        {"env..slip=3", "an empty key in", "    env..slip=3\n        ^",
         ELBO_EUSAGE},
        {".slip=3", "an empty key in", NULL, ELBO_EUSAGE},
        {"env.=3", "an empty key in", NULL, ELBO_EUSAGE},
        {"env.slip=\xff", "not UTF-8", NULL, ELBO_ECONFIG},
        {"seed=x", "seed must be a whole number", NULL, ELBO_ECONFIG},
        {"inference.transition=tlit(2)", "did you mean \"tilt\"?", NULL,
         ELBO_ECONFIG},
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char word[64];
        char *words[] = {NULL, NULL, word};

        snprintf(word, sizeof word, "%s", rows[i].word);
        ck_assert_int_eq(case_parse_with(words, 3), rows[i].status);
        ck_assert_uint_eq(case_complaints.n, 1);
        ck_assert_str_eq(case_complaints.list[0].place, "argument 3");
        ck_assert_msg(strstr(case_complaints.list[0].text, rows[i].text), "%s",
                      case_complaints.list[0].text);
        if (rows[i].caret)
            ck_assert_str_eq(case_complaints.list[0].caret, rows[i].caret);
    }
}
END_TEST

START_TEST(each_allocation_may_fail_once)
{
    char text[CASE_TEXT];
    elbo_status s = ELBO_ENOMEM;
    long n = 0;

    case_build(text, 0, NULL);
    for (; s == ELBO_ENOMEM; n++) {
        elbo_complaints_free(&case_complaints);
        elbo_alloc_budget(n);
        s = elbo_complaints_init(&case_complaints);
        if (s == ELBO_OK)
            s = elbo_experiment_parse("x.yaml", text, strlen(text), NULL, 0,
                                      &case_complaints, &case_experiment);
        elbo_alloc_budget(-1);
        ck_assert_int_eq(s == ELBO_OK, case_experiment != NULL);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(n, 3);
}
END_TEST

static TCase *tcase_text(void)
{
    TCase *t = tcase_create("text");

    tcase_add_checked_fixture(t, case_set_up, case_tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_unchanged_file_is_right);
    tcase_add_test(t, an_override_replaces_a_leaf_and_may_add_one);
    tcase_add_test(t, an_override_of_a_room_names_its_component);
    tcase_add_test(t, an_override_mends_what_the_file_has_wrong);
    tcase_add_test(t, a_wrong_override_is_blamed_by_its_argument);
    tcase_add_test(t, each_allocation_may_fail_once);
    return t;
}

Suite *suite_experiment(void)
{
    Suite *s = suite_create("experiment");

    suite_add_tcase(s, tcase_text());
    suite_add_tcase(s, tcase_experiment_bad());
    suite_add_tcase(s, tcase_experiment_hostile());
    suite_add_tcase(s, tcase_experiment_files());
    suite_add_tcase(s, tcase_experiment_typos());
    suite_add_tcase(s, tcase_experiment_resolved());
    return s;
}

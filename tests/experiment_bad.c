/* tests/experiment_bad.c -- what is refused, where, and with which words. */
#include <stdio.h>
#include <string.h>

#include "tests/experiment_cases.h"

/* clang-format off */
static const struct bad {
    size_t line; /* replaced */
    const char *by, *place, *text;
} bads[] = {
    {1, "name: good\nnam: good", "x.yaml:2:1",
     "unknown key \"nam\" in the top level; did you mean \"name\"?"},
    {1, "name: go od", "x.yaml:1:7", "name must be at most 100 of"},
    {1, "name: .good", "x.yaml:1:7", "not start with . or -"},
    {1, "name: -good", "x.yaml:1:7", "not start with . or -"},
    {1, "name: a/b", "x.yaml:1:7", "name must be at most 100 of"},
    {1, "name: [good]", "x.yaml:1:7", "name must be at most 100 of"},
    {1, "name:", "x.yaml:1:6", "name must be at most 100 of"},
    {1, "name: good\nname: better", "x.yaml:2:1",
     "duplicate key \"name\", first set in line 1"},
    {1, "name: &a good", "x.yaml:1:7", "anchors are refused: &a"},
    {1, "name: !!str good", "x.yaml:1:7",
     "tags are refused: tag:yaml.org,2002:str"},
    {1, "name: good\n<<: {seed: 1}", "x.yaml:2:1", "merge keys are refused"},
    {1, "%YAML 1.1\n---\nname: good", "x.yaml:1:1", "directives are refused"},
    {1, "name: good\ntemperature: 3", "x.yaml:2:1",
     "unknown key \"temperature\" in the top level: it belongs into control"},
    {1, "name: good\nsteps: 3", "x.yaml:2:1",
     "unknown key \"steps\" in the top level: it belongs into inference.data"},
    {1, "name: good\nzzzzzz: 3", "x.yaml:2:1",
     "unknown key \"zzzzzz\" in the top level"},
    {1, "name: \"a\\0b\"", "x.yaml:1:7", "a NUL in a text"},
    {2, "seed: -1", "x.yaml:2:7", "seed must be a whole number from 0"},
    {2, "seed: 1.5", "x.yaml:2:7", "seed must be a whole number from 0"},
    {2, "seed: 12abc", "x.yaml:2:7", "not \"12abc\""},
    {2, "seed: 9223372036854775808", "x.yaml:2:7", "seed must be a whole"},
    {2, "seed: 9..0", "x.yaml:2:7", "seed range 9..0 must rise"},
    {2, "seed: 0..5000", "x.yaml:2:7", "at most 4096 seeds"},
    {2, "seed: [1, 1]", "x.yaml:2:11", "seed 1 stands twice"},
    {2, "seed: [0..3, 2]", "x.yaml:2:14", "seed 2 stands twice"},
    {2, "seed: []", "x.yaml:2:7", "no seed in the list"},
    {2, "seed: {a: 1}", "x.yaml:2:7", "not a map"},
    {2, "seed: [[1]]", "x.yaml:2:8", "a seed must be a number or a range"},
    {2, "seed:", "x.yaml:2:6", "not \"\""},
    {2, "seed: \"[1, 2\"", "x.yaml:2:7", "not \"[1, 2\""},
    {3, "env: {name: chan, slip: 0.25}", "x.yaml:3:13",
     "unknown environment \"chan\"; did you mean \"chain\"?"},
    {3, "env: nowhere_at_all", "x.yaml:3:6",
     "unknown environment \"nowhere_at_all\"; see elbo list envs"},
    {3, "env: {slip: 0.25}", "x.yaml:3:6", "env needs the key \"name\""},
    {3, "env: {name: [chain]}", "x.yaml:3:13",
     "env needs the name of a component"},
    {3, "env: {name: chain, slip: 1.25}", "x.yaml:3:26",
     "slip must be in [0, 1], not 1.25"},
    {3, "env: {name: chain, wrappers: limit(9)}", "x.yaml:3:30",
     "env.wrappers: finite worlds have no use for them: must be none"},
    {3, "env: {name: Pendulum-v1, wrappers: \"limit(9) nois(1)\"}", "x.yaml:3:46",
     "unknown name nois; did you mean \"noise\"?"},
    {3, "env: {name: Pendulum-v1, wrappers: noise(-1)}", "x.yaml:3:42",
     "sigma must be in [0, 1000000], not -1"},
    {3, "env: {name: chain, slip: .nan}", "x.yaml:3:26",
     "slip must be a number in [0, 1], not \".nan\""},
    {3, "env: {name: chain, slip: 1e}", "x.yaml:3:27", "slip must be a number"},
    {3, "env: {name: chain, slip: [0.1]}", "x.yaml:3:26",
     "slip must be one value, not a list"},
    {3, "env: {name: chain, slip: {a: 1}}", "x.yaml:3:26",
     "slip must be one value, not a map"},
    {3, "env: {name: chain, slip: \"0.25\"}", "x.yaml:3:26",
     "slip must be a bare value, not the text \"0.25\""},
    {3, "env: {name: chain, slip: }", "x.yaml:3:20", "slip has no value"},
    {3, "env: {name: chain, slp: 0.25}", "x.yaml:3:20",
     "unknown key \"slp\" in env; did you mean \"slip\"?"},
    {3, "env: {name: chain, temperature: 1}", "x.yaml:3:20",
     "it belongs into control"},
    {3, "env: {name: chain, states: 2.5}", "x.yaml:3:28",
     "states must be a whole number"},
    {3, "env: {name: chain, states: 99999999999999999999}", "x.yaml:3:28",
     "states must be in"},
    {3, "env: {name: chain, states: -1}", "x.yaml:3:28", "states must be in"},
    {3, "env: {name: chain, start: frist}", "x.yaml:3:27",
     "did you mean \"first\"?"},
    {3, "env: {name: chain, slip: 0.25, slip: 0.5}", "x.yaml:3:32",
     "duplicate key \"slip\""},
    {3, "env: {name: chain, horizon: some}", "x.yaml:3:29",
     "horizon must be none or a whole number"},
    {3, "env: [chain]", "x.yaml:3:6", "env needs the name of a component"},
    {3, "env: {name: table}", "x.yaml:3:13", "table needs the key"},
    {3, "", "x.yaml:1:1", "missing the key \"env\""},
    {4, "", "x.yaml:1:1", "missing the key \"model\""},
    {5, "", "x.yaml:1:1", "missing the key \"control\""},
    {4, "model: {name: tabluar}", "x.yaml:4:15",
     "unknown model \"tabluar\"; did you mean \"tabular\"?"},
    {4, "model: *m", "x.yaml:4:8", "aliases are refused: *m"},
    {5, "control: soft_value_iteraton", "x.yaml:5:10",
     "did you mean \"soft_value_iteration\"?"},
    {5, "control: {name: soft_value_iteration, temperature: -0.5}",
     "x.yaml:5:52", "temperature must be in [0, inf], not -0.5"},
    {5, "control: {name: soft_value_iteration, kl: stp}", "x.yaml:5:43",
     "did you mean \"step\"?"},
    {6, "inference:\n  transition: tlit(2)", "x.yaml:7:15",
     "did you mean \"tilt\"?"},
    {6, "inference:\n  likelihood: logq", "x.yaml:7:15",
     "did you mean \"logp\"?"},
    {6, "inference:\n  feedback: 1.01", "x.yaml:7:13",
     "feedback must be in [-1, 1], not 1.01"},
    {6, "inference:\n  weight: -1", "x.yaml:7:11", ""},
    {6, "inference:\n  evaluation: 3", "x.yaml:7:15",
     "inference.evaluation must be a map of settings"},
    {6, "inference:\n  evaluation: {episods: 3}", "x.yaml:7:16",
     "in inference.evaluation; did you mean \"episodes\"?"},
    {7, "  iterations: 0", "x.yaml:7:15", "iterations must be in [1, "},
    {7, "  iteratons: 7", "x.yaml:7:3",
     "unknown key \"iteratons\" in inference; did you mean \"iterations\"?"},
    {7, "  iterations: many", "x.yaml:7:15",
     "iterations must be a whole number"},
    {7, "  iterations: 7 # ok\n  sweeps: 3", "x.yaml:8:3",
     "it belongs into control"},
    {9, "    stps: 385", "x.yaml:9:5",
     "unknown key \"stps\" in inference.data; did you mean \"steps\"?"},
    {9, "    mode: onlin", "x.yaml:9:11", "did you mean \"online\"?"},
    {9, "    steps: 385\n---\nname: b", "x.yaml:10:1", "a second document"},
    {9, "    file: /etc/passwd", "x.yaml:9:11",
     "file must be a file inside the experiment's folder"},
    {9, "    file: ../x.csv", "x.yaml:9:11",
     "file must be a file inside the experiment's folder"},
    {9, "    steps: \"385", "x.yaml:10:1", "unexpected end of stream"},
    {9, "    steps: 385\n  tolerance: 1e-9x", "x.yaml:10:18",
     "tolerance must be a number"},
};
/* clang-format on */

START_TEST(a_wrong_file_is_refused_at_the_right_place)
{
    const struct bad *const b = &bads[_i];
    char text[CASE_TEXT];

    case_build(text, b->line, b->by);
    ck_assert_int_eq(case_parse(text, strlen(text)), ELBO_ECONFIG);
    ck_assert_ptr_null(case_experiment);
    ck_assert_msg(case_complaints.n == 1, "%s: %zu errors, the second: %s",
                  b->by, case_complaints.n,
                  case_complaints.n > 1 ? case_complaints.list[1].text : "");
    ck_assert_str_eq(case_complaints.list[0].place, b->place);
    ck_assert_msg(strstr(case_complaints.list[0].text, b->text), "%s: %s",
                  b->by, case_complaints.list[0].text);
}
END_TEST

START_TEST(all_errors_come_in_one_pass_in_order_of_place)
{
    static const char text[] =
        "name: de mo\n"
        "sed: 1\n"
        "env: {name: chian, discount: 2}\n"
        "model: tabular\n"
        "control: {name: value_iteraton, kl: x}\n"
        "inference: {iterations: 0, data: {steps: -1}}\n";
    static const char *const places[] = {
        "x.yaml:1:7",  "x.yaml:2:1",  "x.yaml:3:13", "x.yaml:3:30",
        "x.yaml:5:17", "x.yaml:5:37", "x.yaml:6:25", "x.yaml:6:42"};
    const size_t n = sizeof places / sizeof *places;

    ck_assert_int_eq(case_parse(text, sizeof text - 1), ELBO_ECONFIG);
    ck_assert_uint_eq(case_complaints.n, n);
    for (size_t i = 0; i < n; i++)
        ck_assert_str_eq(case_complaints.list[i].place, places[i]);
}
END_TEST

/* An expression of one family's worlds in another's. */
START_TEST(an_expression_of_other_worlds_has_its_place)
{
    static const char linear[] =
        "name: good\nenv: random_linear\n"
        "model: {name: linear_gaussian, estimate: point}\ncontrol: lqr\n"
        "inference:\n  likelihood: logp - abs(E(V(y)) - Ed(V(next)))\n"
        "  weight: 'exp(2*occupancy)'\n";
    static const char finite[] =
        "name: good\nenv: chain\nmodel: softmax\n"
        "control: soft_value_iteration\n"
        "inference:\n  likelihood: logp - 0.5*sq(V(E(y)) - V(next))\n";

    ck_assert_int_eq(case_parse(linear, sizeof linear - 1), ELBO_ECONFIG);
    ck_assert_uint_eq(case_complaints.n, 2);
    ck_assert_str_eq(case_complaints.list[0].place, "x.yaml:6:36");
    ck_assert_ptr_nonnull(strstr(case_complaints.list[0].text, "no two samples"));
    ck_assert_str_eq(case_complaints.list[1].place, "x.yaml:7:18");
    ck_assert_int_eq(case_parse(finite, sizeof finite - 1), ELBO_ECONFIG);
    ck_assert_uint_eq(case_complaints.n, 1);
    ck_assert_str_eq(case_complaints.list[0].place, "x.yaml:6:31");
    ck_assert_ptr_nonnull(strstr(case_complaints.list[0].text, "must be a state"));
}
END_TEST

START_TEST(what_stands_before_a_syntax_error_is_judged_too)
{
    static const char text[] = "name: good\nsed: 1\nenv: {name: chian}\n"
                               "model: ]\n";

    ck_assert_int_eq(case_parse(text, sizeof text - 1), ELBO_ECONFIG);
    ck_assert_uint_eq(case_complaints.n, 3);
    ck_assert_str_eq(case_complaints.list[0].place, "x.yaml:2:1");
    ck_assert_str_eq(case_complaints.list[1].place, "x.yaml:3:13");
    ck_assert_str_eq(case_complaints.list[2].place, "x.yaml:4:8");
}
END_TEST

START_TEST(the_caret_stands_under_the_fault)
{
    char text[CASE_TEXT];

    case_build(text, 3, "env: {name: chain, slip: 1.25}");
    ck_assert_int_eq(case_parse(text, strlen(text)), ELBO_ECONFIG);
    ck_assert_str_eq(case_complaints.list[0].caret,
                     "    env: {name: chain, slip: 1.25}\n"
                     "                             ^");
}
END_TEST

START_TEST(the_caret_counts_characters_and_keeps_tabs)
{
    static const char text[] = "\"n\xc3\xa4me\":\t[\t\"\xe2\x82\xac\", <\t]\n";

    ck_assert_int_eq(case_parse(text, sizeof text - 1), ELBO_ECONFIG);
    ck_assert_str_eq(case_complaints.list[0].place, "x.yaml:1:1");
    static const char tab[] = "name: good\nseed: {\t\"\xc3\xa4\": *x}\n";

    ck_assert_int_eq(case_parse(tab, sizeof tab - 1), ELBO_ECONFIG);
    for (size_t i = 0; i < case_complaints.n; i++)
        if (strcmp(case_complaints.list[i].place, "x.yaml:2:14") == 0) {
            ck_assert_str_eq(case_complaints.list[i].caret,
                             "    seed: {\t\"\xc3\xa4\": *x}\n"
                             "           \t     ^");
            return;
        }
    ck_abort_msg("no complaint at 2:14");
}
END_TEST

START_TEST(no_control_byte_of_the_file_reaches_the_terminal)
{
    static const char text[] = "name: good\n\"\\e[31m\\u202e\\x9bx\": 3\n"
                               "\xc2\x9b: 1\nseed: \x1b[2J\n";

    ck_assert_int_eq(case_parse(text, sizeof text - 1), ELBO_ECONFIG);
    ck_assert_uint_ge(case_complaints.n, 1);
    for (size_t i = 0; i < case_complaints.n; i++) {
        const char *const parts[] = {case_complaints.list[i].text,
                                     case_complaints.list[i].caret};

        for (size_t k = 0; k < 2; k++) {
            ck_assert_ptr_null(strchr(parts[k], '\x1b'));
            ck_assert_ptr_null(strstr(parts[k], "\xc2\x9b"));
            ck_assert_ptr_null(strstr(parts[k], "\xe2\x80\xae"));
        }
    }
}
END_TEST

TCase *tcase_experiment_bad(void)
{
    TCase *t = tcase_create("bad");

    tcase_add_checked_fixture(t, case_set_up, case_tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_wrong_file_is_refused_at_the_right_place, 0,
                        (int)(sizeof bads / sizeof *bads));
    tcase_add_test(t, an_expression_of_other_worlds_has_its_place);
    tcase_add_test(t, all_errors_come_in_one_pass_in_order_of_place);
    tcase_add_test(t, what_stands_before_a_syntax_error_is_judged_too);
    tcase_add_test(t, the_caret_stands_under_the_fault);
    tcase_add_test(t, the_caret_counts_characters_and_keeps_tabs);
    tcase_add_test(t, no_control_byte_of_the_file_reaches_the_terminal);
    return t;
}

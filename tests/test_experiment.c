/* tests/test_experiment.c -- the experiment file: what is refused, where and why;
 * what is accepted, and that it can be written down and read again.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inference/core/alloc.h"
#include "inference/program/experiment.h"
#include "inference/program/form.h"
#include "tests/suites.h"

enum { TEXT = 1 << 13, LINES = 9 };

static const char *const good[LINES] = {
    "name: good",
    "seed: 3",
    "env: {name: chain, slip: 0.25}",
    "model: {name: tabular}",
    "control: {name: soft_value_iteration}",
    "inference:",
    "  iterations: 7",
    "  data:",
    "    steps: 385",
};

/* The good file with one line (from 1; 0: none) replaced, into out [TEXT]. */
static void build(char *out, size_t line, const char *by)
{
    size_t n = 0;

    for (size_t i = 0; i < LINES; i++)
        n += (size_t)snprintf(out + n, TEXT - n, "%s\n",
                              i + 1 == line ? by : good[i]);
}

static elbo_complaints complaints;
static elbo_experiment *experiment;

static void set_up(void)
{
    ck_assert_int_eq(elbo_complaints_init(&complaints), ELBO_OK);
    experiment = NULL;
}

static void tear_down(void)
{
    elbo_experiment_free(experiment);
    elbo_complaints_free(&complaints);
}

static elbo_status parse(const char *text, size_t bytes)
{
    elbo_experiment_free(experiment);
    elbo_complaints_free(&complaints);
    ck_assert_int_eq(elbo_complaints_init(&complaints), ELBO_OK);
    return elbo_experiment_parse("x.yaml", text, bytes, NULL, 0, &complaints,
                                 &experiment);
}

static elbo_status parse_with(char *const overrides[], size_t n)
{
    char text[TEXT];

    build(text, 0, NULL);
    return elbo_experiment_parse("x.yaml", text, strlen(text), overrides, n,
                                 &complaints, &experiment);
}

/* ---- what is wrong, and where ---- */

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
    {3, "env: {name: chain, slip: .nan}", "x.yaml:3:26",
     "slip must be a number in [0, 1], not \".nan\""},
    {3, "env: {name: chain, slip: 1e}", "x.yaml:3:27",
     "slip must be a number"},
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

START_TEST(a_wrong_file_is_refused_at_the_right_place)
{
    const struct bad *const b = &bads[_i];
    char text[TEXT];

    build(text, b->line, b->by);
    ck_assert_int_eq(parse(text, strlen(text)), ELBO_ECONFIG);
    ck_assert_ptr_null(experiment);
    ck_assert_msg(complaints.n == 1, "%s: %zu errors, the second: %s", b->by,
                  complaints.n, complaints.n > 1 ? complaints.list[1].text : "");
    ck_assert_str_eq(complaints.list[0].place, b->place);
    ck_assert_msg(strstr(complaints.list[0].text, b->text), "%s: %s", b->by,
                  complaints.list[0].text);
}
END_TEST

START_TEST(the_unchanged_file_is_right)
{
    char text[TEXT];

    build(text, 0, NULL);
    ck_assert_int_eq(parse(text, strlen(text)), ELBO_OK);
    ck_assert_str_eq(experiment->name, "good");
    ck_assert_uint_eq(experiment->n_seeds, 1);
    ck_assert_uint_eq(experiment->seeds[0], 3);
    ck_assert_str_eq(experiment->setup.env->name, "chain");
    ck_assert_double_eq(elbo_real(experiment->setup.env_own, "slip"), 0.25);
    ck_assert_int_eq(elbo_int(experiment->setup.inference, "iterations"), 7);
    ck_assert_int_eq(elbo_int(experiment->setup.data, "steps"), 385);
    ck_assert_uint_eq(experiment->source_bytes, strlen(text));
    ck_assert_str_eq(experiment->source, text);
}
END_TEST

START_TEST(all_errors_come_in_one_pass_in_order_of_place)
{
    static const char text[] = "name: de mo\n"
                               "sed: 1\n"
                               "env: {name: chian, discount: 2}\n"
                               "model: tabular\n"
                               "control: {name: value_iteraton, kl: x}\n"
                               "inference: {iterations: 0, data: {steps: -1}}\n";
    static const char *const places[] = {
        "x.yaml:1:7",  "x.yaml:2:1",  "x.yaml:3:13", "x.yaml:3:30",
        "x.yaml:5:17", "x.yaml:5:37", "x.yaml:6:25", "x.yaml:6:42"};
    const size_t n = sizeof places / sizeof *places;

    ck_assert_int_eq(parse(text, sizeof text - 1), ELBO_ECONFIG);
    ck_assert_uint_eq(complaints.n, n);
    for (size_t i = 0; i < n; i++)
        ck_assert_str_eq(complaints.list[i].place, places[i]);
}
END_TEST

START_TEST(what_stands_before_a_syntax_error_is_judged_too)
{
    static const char text[] = "name: good\nsed: 1\nenv: {name: chian}\n"
                               "model: ]\n";

    ck_assert_int_eq(parse(text, sizeof text - 1), ELBO_ECONFIG);
    ck_assert_uint_eq(complaints.n, 3);
    ck_assert_str_eq(complaints.list[0].place, "x.yaml:2:1");
    ck_assert_str_eq(complaints.list[1].place, "x.yaml:3:13");
    ck_assert_str_eq(complaints.list[2].place, "x.yaml:4:8");
}
END_TEST

START_TEST(the_caret_stands_under_the_fault)
{
    char text[TEXT];

    build(text, 3, "env: {name: chain, slip: 1.25}");
    ck_assert_int_eq(parse(text, strlen(text)), ELBO_ECONFIG);
    ck_assert_str_eq(complaints.list[0].caret,
                     "    env: {name: chain, slip: 1.25}\n"
                     "                             ^");
}
END_TEST

START_TEST(the_caret_counts_characters_and_keeps_tabs)
{
    static const char text[] = "\"n\xc3\xa4me\":\t[\t\"\xe2\x82\xac\", <\t]\n";

    ck_assert_int_eq(parse(text, sizeof text - 1), ELBO_ECONFIG);
    ck_assert_str_eq(complaints.list[0].place, "x.yaml:1:1");
    static const char tab[] = "name: good\nseed: {\t\"\xc3\xa4\": *x}\n";

    ck_assert_int_eq(parse(tab, sizeof tab - 1), ELBO_ECONFIG);
    for (size_t i = 0; i < complaints.n; i++)
        if (strcmp(complaints.list[i].place, "x.yaml:2:14") == 0) {
            ck_assert_str_eq(complaints.list[i].caret,
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

    ck_assert_int_eq(parse(text, sizeof text - 1), ELBO_ECONFIG);
    ck_assert_uint_ge(complaints.n, 1);
    for (size_t i = 0; i < complaints.n; i++) {
        const char *const parts[] = {complaints.list[i].text,
                                     complaints.list[i].caret};

        for (size_t k = 0; k < 2; k++) {
            ck_assert_ptr_null(strchr(parts[k], '\x1b'));
            ck_assert_ptr_null(strstr(parts[k], "\xc2\x9b"));
            ck_assert_ptr_null(strstr(parts[k], "\xe2\x80\xae"));
        }
    }
}
END_TEST

/* ---- hostile files ---- */

START_TEST(bytes_that_are_not_utf8_are_refused_at_their_place)
{
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {{"\xff", 1},         {"\xc0\xaf", 2},     {"\xe0\x80\xaf", 3},
                {"\xed\xa0\x80", 3}, {"\xf4\x90\x80\x80", 4}, {"\x80", 1},
                {"\xe2\x82", 2},     {"\0", 1}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[64] = "name: good\nseed: \xc3\xa4";
        const size_t n = strlen(text);

        memcpy(text + n, rows[i].bytes, rows[i].n);
        ck_assert_int_eq(parse(text, n + rows[i].n), ELBO_ECONFIG);
        ck_assert_uint_eq(complaints.n, 1);
        ck_assert_str_eq(complaints.list[0].place, "x.yaml:2:8");
        ck_assert_str_eq(complaints.list[0].text,
                         rows[i].bytes[0] ? "a byte that is not UTF-8"
                                          : "a NUL byte");
    }
}
END_TEST

START_TEST(a_byte_order_mark_is_read_over)
{
    char text[TEXT + 3] = "\xef\xbb\xbf";

    build(text + 3, 0, NULL);
    ck_assert_int_eq(parse(text, strlen(text)), ELBO_OK);
    build(text + 3, 1, "nam: good");
    ck_assert_int_eq(parse(text, strlen(text)), ELBO_ECONFIG);
    ck_assert_str_eq(complaints.list[0].place, "x.yaml:1:1");
    ck_assert_str_eq(complaints.list[0].caret, "    nam: good\n    ^");
}
END_TEST

START_TEST(an_alias_bomb_is_refused_without_being_expanded)
{
    static const char text[] = "a: &a [x,x,x,x,x,x,x,x,x]\n"
                               "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                               "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                               "d: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n";
    size_t aliases = 0, anchors = 0;

    ck_assert_int_eq(parse(text, sizeof text - 1), ELBO_ECONFIG);
    for (size_t i = 0; i < complaints.n; i++) {
        aliases += strstr(complaints.list[i].text, "aliases are") != NULL;
        anchors += strstr(complaints.list[i].text, "anchors are") != NULL;
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
    ck_assert_int_eq(parse(text, DEEP * n), ELBO_ECONFIG);
    ck_assert_str_eq(complaints.list[complaints.n - 1].place, places[_i]);
    ck_assert_str_eq(complaints.list[complaints.n - 1].text,
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
    ck_assert_int_eq(parse(text, 2 * MANY + 7), ELBO_ECONFIG);
    ck_assert_uint_eq(complaints.n, 1);
    ck_assert_str_eq(complaints.list[0].place, "x.yaml:1:1");
    ck_assert_str_eq(complaints.list[0].text,
                     "the file has 1048583 bytes, the limit is 1048576");
    ck_assert_int_eq(parse(text, 40000), ELBO_ECONFIG);
    ck_assert_str_eq(complaints.list[complaints.n - 1].text,
                     "more than 10000 keys and values");
    free(text);
}
END_TEST

static void check_order(void)
{
    for (size_t i = 0; i < complaints.n; i++) {
        ck_assert_int_eq(strncmp(complaints.list[i].place, "x.yaml:", 7), 0);
        ck_assert_uint_gt(strlen(complaints.list[i].text), 0);
    }
}

START_TEST(damaged_files_are_refused_or_read_and_never_crash)
{
    static const char bytes[] = "{}[]:,-#&*!|>'\"%@` \n\tax0.\xc3";
    elbo_rng rng = elbo_rng_stream(385, "damage", 0);
    size_t refused = 0;

    for (size_t k = 0; k < 2385; k++) {
        char text[TEXT];
        size_t n;

        build(text, 0, NULL);
        n = strlen(text);
        for (size_t edits = 1 + k % 3; edits > 0; edits--)
            text[elbo_rng_below(&rng, n)] =
                bytes[elbo_rng_below(&rng, sizeof bytes - 1)];
        if (k % 7 == 0) n = elbo_rng_below(&rng, n);

        const elbo_status s = parse(text, n);

        ck_assert(s == ELBO_OK || s == ELBO_ECONFIG || s == ELBO_ENOINPUT);
        ck_assert_int_eq(s == ELBO_OK, complaints.n == 0);
        ck_assert_int_eq(s == ELBO_OK, experiment != NULL);
        check_order();
        refused += s != ELBO_OK;
    }
    ck_assert_uint_gt(refused, 1000);
}
END_TEST

/* ---- suggestions ---- */

typedef struct tally {
    size_t typos, suggested, right;
} tally;

/* Put `word` into the file at the format's place, parse it, and give the
 * complaint that speaks of it; NULL: none does. */
static const char *complaint_on(const char *format, size_t line,
                                const char *word)
{
    char by[512], text[TEXT];

    snprintf(by, sizeof by, format, word);
    build(text, line, by);
    if (parse(text, strlen(text)) == ELBO_OK) return NULL;
    for (size_t i = 0; i < complaints.n; i++) {
        const char *const c = complaints.list[i].text;

        if (strstr(c, "unknown") || strstr(c, "must be one of")) return c;
    }
    return NULL;
}

static void try_typo(const char *format, size_t line, const char *right,
                     const char *typo, tally *t)
{
    char suggestion[128] = "";
    const char *c;

    if (!*typo || strcmp(typo, right) == 0) return;
    c = complaint_on(format, line, typo);
    if (!c) return; /* another right word, one edit away */
    t->typos++;
    c = strstr(c, "did you mean \"");
    if (!c) return;
    t->suggested++;
    snprintf(suggestion, sizeof suggestion, "%s", c + 14);
    suggestion[strcspn(suggestion, "\"")] = '\0';
    t->right += strcmp(suggestion, right) == 0;
    c = complaint_on(format, line, suggestion);
    ck_assert_msg(!c, "%s: \"%s\" was suggested and is refused: %s", typo,
                  suggestion, c);
}

/* All deletions and swaps of neighbours, and one letter put in or put instead at
 * every place. */
static void try_word(const char *format, size_t line, const char *right,
                     tally *t)
{
    const size_t n = strlen(right);

    for (size_t i = 0; i <= n; i++) {
        char typo[128];
        const int k = (int)i;

        snprintf(typo, sizeof typo, "%.*sq%s", k, right, right + i);
        try_typo(format, line, right, typo, t);
        if (i == n) break;
        snprintf(typo, sizeof typo, "%.*s%s", k, right, right + i + 1);
        try_typo(format, line, right, typo, t);
        snprintf(typo, sizeof typo, "%.*sz%s", k, right, right + i + 1);
        try_typo(format, line, right, typo, t);
        if (i + 1 == n) break;
        snprintf(typo, sizeof typo, "%.*s%c%c%s", k, right, right[i + 1],
                 right[i], right + i + 2);
        try_typo(format, line, right, typo, t);
    }
}

/* Each choice of an option, set by "KEY: %s". */
static void try_choices(const char *format, size_t line,
                        const elbo_option *option, tally *t)
{
    char whole[512];
    const char *c = option->choices;

    if (option->type != ELBO_CHOICE) return;
    while (*c) {
        char choice[64];
        const size_t n = strcspn(c, "|");

        snprintf(choice, sizeof choice, "%.*s", (int)n, c);
        snprintf(whole, sizeof whole, format, option->name, "%s");
        if (n > 2) try_word(whole, line, choice, t);
        c += n + (c[n] == '|');
    }
}

/* `keys` has a %s for the key, `values` two: key and value. */
static void try_table(const elbo_option *options, size_t line, const char *keys,
                      const char *values, tally *t)
{
    for (size_t i = 0; options && options[i].name; i++) {
        try_word(keys, line, options[i].name, t);
        try_choices(values, line, &options[i], t);
    }
}

START_TEST(every_suggestion_is_itself_accepted)
{
    static const size_t lines[] = {3, 4, 5};
    tally t = {0};

    for (size_t k = 0; k < ELBO_SHELVES; k++) {
        const elbo_shelf shelf = elbo_shelf_of(k);
        char keys[128], values[128], name[64];

        snprintf(name, sizeof name, "%s: {name: %%s}", shelf.room);
        for (size_t i = 0; i < elbo_shelf_size(&shelf); i++) {
            const elbo_label l = shelf.at(i);

            snprintf(keys, sizeof keys, "%s: {name: %s, %%s: }", shelf.room,
                     l.name);
            snprintf(values, sizeof values, "%s: {name: %s, %%s: %%s}",
                     shelf.room, l.name);
            try_word(name, lines[k], l.name, &t);
            try_table(l.options, lines[k], keys, values, &t);
            if (i == 0)
                try_table(shelf.common, lines[k], keys, values, &t);
        }
    }
    try_table(elbo_inference_options, 7, "  %s: ", "  %s: %s", &t);
    try_table(elbo_data_options, 9, "    %s: ", "    %s: %s", &t);
    try_table(elbo_evaluation_options, 7, "  evaluation: {%s: }",
              "  evaluation: {%s: %s}", &t);
    ck_assert_msg(t.typos >= 2000, "%zu typos", t.typos);
    ck_assert_msg(t.right * 100 >= t.typos * 90, "%zu of %zu right", t.right,
                  t.typos);
}
END_TEST

START_TEST(a_component_has_no_key_that_every_component_has)
{
    for (size_t k = 0; k < ELBO_SHELVES; k++) {
        const elbo_shelf shelf = elbo_shelf_of(k);

        for (size_t i = 0; i < elbo_shelf_size(&shelf); i++)
            for (const elbo_option *o = shelf.at(i).options; o && o->name; o++) {
                ck_assert_str_ne(o->name, "name");
                ck_assert_uint_eq(elbo_option_find(shelf.common, o->name),
                                  (size_t)-1);
            }
    }
}
END_TEST

/* ---- overrides ---- */

START_TEST(an_override_replaces_a_leaf_and_may_add_one)
{
    char *words[] = {NULL, (char[]){"env.slip=0.5"}, NULL,
                     (char[]){"inference.tolerance=2.385e-7"},
                     (char[]){"seed=[4, 7..9]"},
                     (char[]){"inference.evaluation.episodes=5"}};

    ck_assert_int_eq(parse_with(words, 6), ELBO_OK);
    ck_assert_double_eq(elbo_real(experiment->setup.env_own, "slip"), 0.5);
    ck_assert_double_eq(elbo_real(experiment->setup.inference, "tolerance"),
                        2.385e-7);
    ck_assert_uint_eq(experiment->n_seeds, 4);
    ck_assert_uint_eq(experiment->seeds[3], 9);
    ck_assert_int_eq(elbo_int(experiment->setup.evaluation, "episodes"), 5);
    ck_assert_ptr_nonnull(strstr(experiment->resolved, "# argument 2\n"));
    ck_assert_ptr_nonnull(strstr(experiment->resolved, "# argument 6\n"));
}
END_TEST

START_TEST(an_override_of_a_room_names_its_component)
{
    char *words[] = {(char[]){"env=riverswim"}, (char[]){"model=true"}};

    /* riverswim has no slip: the file's key is then the one to blame. */
    ck_assert_int_eq(parse_with(words, 2), ELBO_ECONFIG);
    ck_assert_uint_eq(complaints.n, 1);
    ck_assert_str_eq(complaints.list[0].place, "x.yaml:3:20");
    words[0] = (char[]){"env=garnet"};
    words[1] = (char[]){"model.name=random"};

    static const char text[] = "name: g\nenv: chain\nmodel: tabular\n"
                               "control: soft_value_iteration\n";

    ck_assert_int_eq(elbo_experiment_parse("x.yaml", text, sizeof text - 1,
                                           words, 2, &complaints, &experiment),
                     ELBO_OK);
    ck_assert_str_eq(experiment->setup.env->name, "garnet");
    ck_assert_str_eq(experiment->setup.model->name, "random");
    elbo_experiment_free(experiment);
    words[0] = (char[]){"env.discount=0.385"};
    ck_assert_int_eq(elbo_experiment_parse("x.yaml", text, sizeof text - 1,
                                           words, 1, &complaints, &experiment),
                     ELBO_OK);
    ck_assert_str_eq(experiment->setup.env->name, "chain");
    ck_assert_double_eq(elbo_real(experiment->setup.env_common, "discount"),
                        0.385);
}
END_TEST

START_TEST(an_override_mends_what_the_file_has_wrong)
{
    static const char text[] = "name: g\nenv: {name: chan, slip: many}\n"
                               "model: tabular\ncontrol: value_iteration\n";
    char *words[] = {(char[]){"env.slip=0.2385"}, (char[]){"env.name=chain"}};

    ck_assert_int_eq(elbo_experiment_parse("x.yaml", text, sizeof text - 1,
                                           words, 2, &complaints, &experiment),
                     ELBO_OK);
    ck_assert_double_eq(elbo_real(experiment->setup.env_own, "slip"), 0.2385);
}
END_TEST

START_TEST(a_wrong_override_is_blamed_by_its_argument)
{
    static const struct {
        const char *word, *text, *caret;
        elbo_status status;
    } rows[] = {
        {"env.slip=2", "slip must be in [0, 1], not 2",
         "    env.slip=2\n             ^", ELBO_ECONFIG},
        {"env.slp=0.2", "did you mean \"slip\"?",
         "    env.slp=0.2\n    ^", ELBO_ECONFIG},
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

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char word[64];
        char *words[] = {NULL, NULL, word};

        snprintf(word, sizeof word, "%s", rows[i].word);
        ck_assert_int_eq(parse_with(words, 3), rows[i].status);
        ck_assert_uint_eq(complaints.n, 1);
        ck_assert_str_eq(complaints.list[0].place, "argument 3");
        ck_assert_msg(strstr(complaints.list[0].text, rows[i].text), "%s",
                      complaints.list[0].text);
        if (rows[i].caret)
            ck_assert_str_eq(complaints.list[0].caret, rows[i].caret);
    }
}
END_TEST

/* ---- the resolved experiment ---- */

START_TEST(the_resolved_experiment_tells_where_values_come_from)
{
    char *words[] = {NULL, (char[]){"control.temperature=0.385"}};
    const char *r;

    ck_assert_int_eq(parse_with(words, 2), ELBO_OK);
    r = strstr(experiment->resolved, "  slip: 0.25");
    ck_assert_ptr_nonnull(r);
    r = strchr(r, '#');
    ck_assert_int_eq(strncmp(r, "# x.yaml:3:26\n", 14), 0);
    r = strchr(strstr(experiment->resolved, "  temperature: 0.385"), '#');
    ck_assert_int_eq(strncmp(r, "# argument 2\n", 13), 0);
    r = strchr(strstr(experiment->resolved, "  likelihood: logp"), '#');
    ck_assert_int_eq(strncmp(r, "# default\n", 10), 0);
    for (r = experiment->resolved; (r = strstr(r, ": ")); r++) {
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
                char text[TEXT], *again, *settings;

                snprintf(text, sizeof text,
                         "name: a-%zu\nenv: %s\nmodel: %s\ncontrol: %s\n"
                         "inference: {optimality: %s}\n",
                         n, elbo_envs[e]->name, elbo_models[m]->name,
                         elbo_controls[c]->name,
                         elbo_controls[c]->optimality == ELBO_LINEAR
                             ? "linear"
                             : "exponential");
                if (parse(text, strlen(text)) != ELBO_OK) continue;
                again = strdup(experiment->resolved);
                settings = strdup(experiment->settings);
                ck_assert_msg(parse(again, strlen(again)) == ELBO_OK,
                              "%s: %s %s\n%s", elbo_controls[c]->name,
                              complaints.n ? complaints.list[0].place : "",
                              complaints.n ? complaints.list[0].text : "",
                              again);
                ck_assert_str_eq(experiment->settings, settings);
                free(again);
                free(settings);
                n++;
            }
    ck_assert_uint_ge(n, 50);
}
END_TEST

START_TEST(odd_texts_survive_the_resolved_experiment)
{
    char text[TEXT], *again, *settings;

    build(text, 6, "inference:\n  transition: \"tilt( 2.385 , kl=next)\"\n"
                   "  data_scale: \"|D|\"\n  weight: '2.385'");
    ck_assert_int_eq(parse(text, strlen(text)), ELBO_OK);
    ck_assert_str_eq(elbo_text(experiment->setup.inference, "transition"),
                     "tilt( 2.385 , kl=next)");
    again = strdup(experiment->resolved);
    settings = strdup(experiment->settings);
    ck_assert_int_eq(parse(again, strlen(again)), ELBO_OK);
    ck_assert_str_eq(experiment->settings, settings);
    ck_assert_str_eq(elbo_text(experiment->setup.inference, "transition"),
                     "tilt( 2.385 , kl=next)");
    free(again);
    free(settings);
}
END_TEST

START_TEST(a_contradiction_is_blamed_on_the_key)
{
    char text[TEXT];

    build(text, 5, "control: {name: value_iteration, temperature: 2.385}");
    ck_assert_int_eq(parse(text, strlen(text)), ELBO_ECONFIG);
    ck_assert_uint_eq(complaints.n, 1);
    ck_assert_str_eq(complaints.list[0].place, "x.yaml:5:47");
}
END_TEST

START_TEST(seeds_are_numbers_ranges_and_lists)
{
    static const struct {
        const char *line;
        size_t n;
        uint64_t last;
    } rows[] = {{"seed: 7", 1, 7},
                {"seed: 0..9", 10, 9},
                {"seed: [1, 2]", 2, 2},
                {"seed: [5, 0..2, 9]", 5, 9},
                {"seed: \"[3,4]\"", 2, 4},
                {"seed: 9223372036854775807", 1, 9223372036854775807u},
                {"", 1, 0}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[TEXT];

        build(text, 2, rows[i].line);
        ck_assert_int_eq(parse(text, strlen(text)), ELBO_OK);
        ck_assert_uint_eq(experiment->n_seeds, rows[i].n);
        ck_assert_uint_eq(experiment->seeds[rows[i].n - 1], rows[i].last);
    }
}
END_TEST

/* ---- files ---- */

static char folder[64];

static void make_folder(void)
{
    set_up();
    snprintf(folder, sizeof folder, "/tmp/elbo-experiment-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
    static const char *const names[] = {"x.yaml", "d.csv", "fifo", "link",
                                        "sub/d.csv", "sub"};
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        remove(path);
    }
    rmdir(folder);
    tear_down();
}

static void put_file(const char *name, const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static elbo_status read_experiment(const char *data_file)
{
    char text[TEXT], line[256], path[128];

    snprintf(line, sizeof line, "    source: file\n    file: %s", data_file);
    build(text, 9, line);
    put_file("x.yaml", text);
    snprintf(path, sizeof path, "%s/x.yaml", folder);
    return elbo_experiment_read(path, NULL, 0, &complaints, &experiment);
}

START_TEST(a_table_inside_the_folder_is_accepted)
{
    char path[128];

    put_file("d.csv", "state\n");
    ck_assert_int_eq(read_experiment("d.csv"), ELBO_OK);
    ck_assert_str_eq(experiment->folder, folder);
    elbo_experiment_free(experiment);
    experiment = NULL;
    snprintf(path, sizeof path, "%s/sub", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    put_file("sub/d.csv", "state\n");
    ck_assert_int_eq(read_experiment("./sub/d.csv"), ELBO_OK);
}
END_TEST

START_TEST(a_missing_table_is_a_missing_input)
{
    ck_assert_int_eq(read_experiment("d.csv"), ELBO_ENOINPUT);
    ck_assert_uint_eq(complaints.n, 1);
    ck_assert_ptr_nonnull(strstr(complaints.list[0].text,
                                 "file: \"d.csv\": No such file"));
    ck_assert_ptr_nonnull(strstr(complaints.list[0].place, "x.yaml:10:11"));
}
END_TEST

START_TEST(a_table_behind_a_link_that_leaves_the_folder_is_refused)
{
    char path[128];

    snprintf(path, sizeof path, "%s/link", folder);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    ck_assert_int_eq(read_experiment("link"), ELBO_ECONFIG);
    ck_assert_ptr_nonnull(strstr(complaints.list[0].text, "through a link"));
}
END_TEST

START_TEST(only_regular_files_are_read)
{
    char path[128];

    snprintf(path, sizeof path, "%s/fifo", folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(read_experiment("fifo"), ELBO_ENOINPUT);

    const char *const paths[] = {path, folder, "/dev/zero",
                                 "/nonexistent/x.yaml"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        ck_assert_int_eq(elbo_experiment_read(paths[i], NULL, 0, &complaints,
                                              &experiment),
                         ELBO_ENOINPUT);
        ck_assert_uint_eq(complaints.n, 1);
        ck_assert_str_eq(complaints.list[0].place, paths[i]);
        ck_assert_ptr_null(experiment);
    }
}
END_TEST

START_TEST(each_allocation_may_fail_once)
{
    char text[TEXT];
    elbo_status s = ELBO_ENOMEM;
    long n = 0;

    build(text, 0, NULL);
    for (; s == ELBO_ENOMEM; n++) {
        elbo_complaints_free(&complaints);
        elbo_alloc_budget(n);
        s = elbo_complaints_init(&complaints);
        if (s == ELBO_OK)
            s = elbo_experiment_parse("x.yaml", text, strlen(text), NULL, 0,
                                      &complaints, &experiment);
        elbo_alloc_budget(-1);
        ck_assert_int_eq(s == ELBO_OK, experiment != NULL);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(n, 3);
}
END_TEST

Suite *suite_experiment(void)
{
    Suite *s = suite_create("experiment");
    TCase *t = tcase_create("text"), *files = tcase_create("files");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_unchanged_file_is_right);
    tcase_add_loop_test(t, a_wrong_file_is_refused_at_the_right_place, 0,
                        (int)(sizeof bads / sizeof *bads));
    tcase_add_test(t, all_errors_come_in_one_pass_in_order_of_place);
    tcase_add_test(t, what_stands_before_a_syntax_error_is_judged_too);
    tcase_add_test(t, the_caret_stands_under_the_fault);
    tcase_add_test(t, the_caret_counts_characters_and_keeps_tabs);
    tcase_add_test(t, no_control_byte_of_the_file_reaches_the_terminal);
    tcase_add_test(t, bytes_that_are_not_utf8_are_refused_at_their_place);
    tcase_add_test(t, a_byte_order_mark_is_read_over);
    tcase_add_test(t, an_alias_bomb_is_refused_without_being_expanded);
    tcase_add_loop_test(t, nesting_is_cut_at_32_levels, 0, 3);
    tcase_add_test(t, too_many_nodes_and_too_large_files_are_refused);
    tcase_add_test(t, damaged_files_are_refused_or_read_and_never_crash);
    tcase_add_test(t, every_suggestion_is_itself_accepted);
    tcase_add_test(t, a_component_has_no_key_that_every_component_has);
    tcase_add_test(t, an_override_replaces_a_leaf_and_may_add_one);
    tcase_add_test(t, an_override_of_a_room_names_its_component);
    tcase_add_test(t, an_override_mends_what_the_file_has_wrong);
    tcase_add_test(t, a_wrong_override_is_blamed_by_its_argument);
    tcase_add_test(t, the_resolved_experiment_tells_where_values_come_from);
    tcase_add_test(t, the_resolved_experiment_reads_as_the_same_experiment);
    tcase_add_test(t, odd_texts_survive_the_resolved_experiment);
    tcase_add_test(t, a_contradiction_is_blamed_on_the_key);
    tcase_add_test(t, seeds_are_numbers_ranges_and_lists);
    tcase_add_test(t, each_allocation_may_fail_once);
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_add_test(files, a_table_inside_the_folder_is_accepted);
    tcase_add_test(files, a_missing_table_is_a_missing_input);
    tcase_add_test(files,
                   a_table_behind_a_link_that_leaves_the_folder_is_refused);
    tcase_add_test(files, only_regular_files_are_read);
    suite_add_tcase(s, t);
    suite_add_tcase(s, files);
    return s;
}

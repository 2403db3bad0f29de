/* tests/experiment_typos.c -- a suggestion is itself accepted. */
#include <stdio.h>
#include <string.h>

#include "inference/program/shelf.h"
#include "tests/experiment_cases.h"

typedef struct tally {
    size_t typos, suggested, right;
} tally;

/* Put `word` into the file at the format's place, parse it, and give the
 * complaint that speaks of it; NULL: none does. */
static const char *complaint_on(const char *format, size_t line,
                                const char *word)
{
    char by[512], text[CASE_TEXT];

    snprintf(by, sizeof by, format, word);
    case_build(text, line, by);
    if (case_parse(text, strlen(text)) == ELBO_OK) return NULL;
    for (size_t i = 0; i < case_complaints.n; i++) {
        const char *const c = case_complaints.list[i].text;

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

/* All deletions and swaps of neighbours, and one letter put in or put instead
 * at every place. */
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
            if (i == 0) try_table(shelf.common, lines[k], keys, values, &t);
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
            for (const elbo_option *o = shelf.at(i).options; o && o->name;
                 o++) {
                ck_assert_str_ne(o->name, "name");
                ck_assert_uint_eq(elbo_option_find(shelf.common, o->name),
                                  (size_t)-1);
            }
    }
}
END_TEST

TCase *tcase_experiment_typos(void)
{
    TCase *t = tcase_create("typos");

    tcase_add_checked_fixture(t, case_set_up, case_tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_suggestion_is_itself_accepted);
    tcase_add_test(t, a_component_has_no_key_that_every_component_has);
    return t;
}

#include "inference/program/command.h"

#include <stdio.h>
#include <string.h>

#include "inference/core/options.h"
#include "inference/program/diagnostics.h"
#include "inference/program/version.h"

/* clang-format off */
const elbo_verb elbo_verbs[] = {
    {"run", "run FILE [key=value ...] [-o DIR] [-q] [-f]",
     "run one experiment, all its seeds; DIR is runs/<name> by default", "oqf",
     1, (size_t)-1, true, elbo_run_main, NULL},
    {"resume", "resume DIR [-q]", "continue a run, to the same bits", "q", 1, 1,
     false, elbo_resume_main, NULL},
    {"plot", "plot elbo|terms|return|mismatch DIR... [-q]",
     "draw elbo, terms, return or mismatch of one or several runs", "q", 2, (size_t)-1,
     false, elbo_plot_main, NULL},
    {"compare",
     "compare DIR[,DIR...]... [--metric NAME] [--at last|best|mean] [-q]",
     "statistics over the seeds of one or several finished runs", "q", 1,
     (size_t)-1, false, elbo_compare_main, elbo_compare_options},
    {"check", "check FILE [key=value ...]",
     "validate an experiment and tell what its objective is", "q", 1,
     (size_t)-1, true, elbo_check_main, NULL},
    {"list", "list [envs|models|control|terms|factors|words|papers] [NAME]",
     "what can be named in an experiment, with every option", "", 0, 2, false,
     elbo_list_main, NULL},
    {0},
};
/* clang-format on */

static const struct option_row {
    char letter;
    const char *word, *value, *doc;
} option_rows[] = {
    {'o', "output", "DIR", "the run directory"                    },
    {'q', "quiet",  NULL,  "no progress, no notes, no curve"      },
    {'f', "force",  NULL,  "replace the run of another experiment"},
    {'h', "help",   NULL,  "this text"                            },
};

enum { OPTIONS = sizeof option_rows / sizeof *option_rows, VERBS = 16 };

static void help_own(const elbo_option *own)
{
    for (; own && own->name; own++) {
        const char *const values = own->choices             ? own->choices
                                   : own->type == ELBO_TEXT ? "NAME"
                                                            : "N";

        printf("  --%s %s\n      %s [%s]\n", own->name, values, own->doc,
               own->fallback);
    }
}

static void help_options(const char *letters)
{
    puts("\noptions:");
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option_row *const o = &option_rows[i];
        char form[32];

        if (o->letter != 'h' && !strchr(letters, o->letter)) continue;
        snprintf(form, sizeof form, "-%c, --%s %s", o->letter, o->word,
                 o->value ? o->value : "");
        printf("  %-18s %s\n", form, o->doc);
    }
}

void elbo_help_verb(const elbo_verb *verb)
{
    printf("usage: elbo %s\n\n%s\n", verb->usage, verb->doc);
    if (verb->overrides)
        puts("\nkey=value overrides one setting of the file, as in "
             "env.slip=0.2");
    help_options(verb->options);
    help_own(verb->own);
}

void elbo_help(void)
{
    puts("elbo " ELBO_VERSION
         " -- variational EM for model-based reinforcement learning\n\n"
         "usage:");
    for (const elbo_verb *v = elbo_verbs; v->name; v++)
        printf("  elbo %s\n      %s\n", v->usage, v->doc);
    puts("  elbo [VERB] --help\n  elbo --version");
    puts("\nexit codes: 0 ok, 1 stopped by a check, 2 usage, 65 bad data,\n"
         "66 no such input, 70 internal, 74 output failed, 78 wrong "
         "experiment,\n130 and 143 ended by a signal");
}

static bool takes(const elbo_verb *verb, char letter)
{
    return letter == 'h' || strchr(verb->options, letter);
}

static int refuse_option(const elbo_verb *verb, const char *word)
{
    const char *names[OPTIONS + ELBO_VERB_OPTIONS];
    size_t n = 0;
    char name[64];

    snprintf(name, sizeof name, "%s", word + strspn(word, "-"));
    name[strcspn(name, "=")] = '\0';
    for (size_t i = 0; i < OPTIONS; i++)
        if (takes(verb, option_rows[i].letter))
            names[n++] = option_rows[i].word;
    for (const elbo_option *o = verb->own; o && o->name; o++)
        names[n++] = o->name;

    const char *const nearest =
        word[1] == '-' ? elbo_name_nearest(name, names, n) : NULL;

    if (nearest)
        elbo_say("unknown option \"%s\" of %s; did you mean \"--%s\"?", word,
                 verb->name, nearest);
    else
        elbo_say("unknown option \"%s\" of %s; see elbo %s --help", word,
                 verb->name, verb->name);
    return ELBO_EXIT_USAGE;
}

/* The option of a word, and *value where the word holds one: "--output=DIR". */
static const struct option_row *find_option(const elbo_verb *verb, char *word,
                                            char **value)
{
    *value = NULL;
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option_row *const o = &option_rows[i];
        const size_t n = strlen(o->word);

        if (!takes(verb, o->letter)) continue;
        if (strncmp(word, "--", 2) == 0) {
            if (strncmp(word + 2, o->word, n) != 0) continue;
            if (word[2 + n] == '=' && o->value) *value = word + 3 + n;
            if (!word[2 + n] || *value) return o;
        } else if (word[1] == o->letter) {
            if (word[2] && o->value) *value = word + 2;
            if (!word[2] || *value) return o;
        }
    }
    return NULL;
}

/* The value of option `word`: what stands behind "=", or the next word. */
static int take_value(int argc, char *argv[], int *i, const char *word,
                      const char *doc, char **value)
{
    if (!*value && *i + 1 == argc) {
        elbo_say("option %s needs a value: %s", argv[*i], doc);
        return ELBO_EXIT_USAGE;
    }
    if (!*value) *value = argv[++*i];
    if (**value) return 0;
    elbo_say("option --%s has an empty value", word);
    return ELBO_EXIT_USAGE;
}

/* The index of the verb's own option that a word names, or (size_t)-1. */
static size_t find_own(const elbo_option *own, char *word, char **value)
{
    *value = NULL;
    if (strncmp(word, "--", 2) != 0) return (size_t)-1;
    for (size_t i = 0; own && own[i].name; i++) {
        const size_t n = strlen(own[i].name);

        if (strncmp(word + 2, own[i].name, n) != 0) continue;
        if (word[2 + n] == '=') *value = word + 3 + n;
        if (!word[2 + n] || *value) return i;
    }
    return (size_t)-1;
}

/* Takes argv[*i], and the next word when it is the option's value. */
static int take_option(int argc, char *argv[], int *i, elbo_command *out)
{
    const elbo_option *const own = out->verb->own;
    char *value;
    const size_t k = find_own(own, argv[*i], &value);
    int code = 0;

    if (k != (size_t)-1) {
        code = take_value(argc, argv, i, own[k].name, own[k].doc, &value);
        out->given[k] = value;
        return code;
    }

    const struct option_row *const o = find_option(out->verb, argv[*i], &value);

    if (!o) return refuse_option(out->verb, argv[*i]);
    if (o->value) code = take_value(argc, argv, i, o->word, o->value, &value);
    if (code) return code;
    if (o->letter == 'o') out->output = value;
    out->quiet |= o->letter == 'q';
    out->force |= o->letter == 'f';
    out->help |= o->letter == 'h';
    return 0;
}

int elbo_command_values(const elbo_command *command, elbo_arena *arena,
                        elbo_values *out)
{
    const elbo_option *const own = command->verb->own;
    const elbo_status s = elbo_values_init(out, own, arena);

    if (s != ELBO_OK) return elbo_say_failure(s);
    for (size_t i = 0; i < out->n; i++) {
        const char *nearest = NULL;

        if (!command->given[i]
            || elbo_values_set(out, i, command->given[i], NULL, &nearest)
                   == ELBO_OK)
            continue;
        if (nearest)
            elbo_say("--%s; did you mean \"%s\"?", elbo_last_error()->text,
                     nearest);
        else
            elbo_say("--%s", elbo_last_error()->text);
        return ELBO_EXIT_USAGE;
    }
    return 0;
}

static int find_verb(const char *word, const elbo_verb **out)
{
    const char *names[VERBS];
    size_t n = 0;

    for (const elbo_verb *v = elbo_verbs; v->name; v++) {
        if (strcmp(v->name, word) == 0) {
            *out = v;
            return 0;
        }
        names[n++] = v->name;
    }

    const char *const nearest = elbo_name_nearest(word, names, n);
    const char *const kind = word[0] == '-' ? "option" : "verb";

    if (nearest && word[0] != '-')
        elbo_say("unknown verb \"%s\"; did you mean \"%s\"?", word, nearest);
    else
        elbo_say("unknown %s \"%s\"; see elbo --help", kind, word);
    return ELBO_EXIT_USAGE;
}

int elbo_command_parse(int argc, char *argv[], elbo_command *out)
{
    bool options = true;
    int code = find_verb(argv[1], &out->verb);

    out->n_overrides = (size_t)argc - 1;
    for (int i = 0; i < argc; i++) out->overrides[i] = NULL;
    for (int i = 2; i < argc && code == 0; i++) {
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && argv[i][0] == '-' && argv[i][1])
            code = take_option(argc, argv, &i, out);
        else if (out->verb->overrides && out->n_words > 0)
            out->overrides[i - 1] = argv[i];
        else
            out->word[out->n_words++] = argv[i];
    }
    if (code || out->help) return code;
    if (out->n_words < out->verb->least || out->n_words > out->verb->most) {
        elbo_say("usage: elbo %s", out->verb->usage);
        return ELBO_EXIT_USAGE;
    }
    return 0;
}

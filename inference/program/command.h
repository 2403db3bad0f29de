/* inference/program/command.h -- the words of the command line, sorted.
 */
#ifndef ELBO_COMMAND_H
#define ELBO_COMMAND_H

#include "inference/core/options.h"

enum { ELBO_VERB_OPTIONS = 8 };

typedef struct elbo_command elbo_command;

typedef struct elbo_verb {
    const char *name, *usage, *doc;
    const char *options; /* letters it takes: "oqf" */
    size_t least, most;  /* words */
    bool overrides;      /* words after the first are key.path=value */
    int (*main)(const elbo_command *command);
    const elbo_option *own; /* --name VALUE; at most ELBO_VERB_OPTIONS */
} elbo_verb;

struct elbo_command {
    const elbo_verb *verb;
    char **word; /* [n_words] what is no option */
    size_t n_words;
    char **overrides; /* [n_overrides] entry k is argv[k + 1] or NULL */
    size_t n_overrides;
    const char *output; /* -o, or NULL */
    bool quiet, force, help;
    const char *given[ELBO_VERB_OPTIONS]; /* of the verb's own; NULL: default */
};

/* Ends in a row without a name. */
extern const elbo_verb elbo_verbs[];

/* argv[1] is the verb. `word` and `overrides` have room for argc pointers and
 * are set by the caller. 0, or an exit code after saying why. */
int elbo_command_parse(int argc, char *argv[], elbo_command *out);

/* The verb's own options, validated: 0, or an exit code after saying why. */
int elbo_command_values(const elbo_command *command, elbo_arena *arena,
                        elbo_values *out);

void elbo_help(void);
void elbo_help_verb(const elbo_verb *verb);

/* The verbs. */
extern const elbo_option elbo_compare_options[];
int elbo_compare_main(const elbo_command *command);
int elbo_run_main(const elbo_command *command);
int elbo_resume_main(const elbo_command *command);
int elbo_plot_main(const elbo_command *command);
int elbo_check_main(const elbo_command *command);
int elbo_list_main(const elbo_command *command);

#endif

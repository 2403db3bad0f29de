/* tests/main.c -- runs every suite, or those named on the command line, or with
 * --part k/n every n-th from the k-th on: tests/run.sh runs n parts at once.
 *
 * A suite whose file is not linked in (a partial build names its own files) is
 * weak and left out; the full build links all, and says so if one is missing.
 */
#include <gsl/gsl_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference/core/linalg.h"
#include "tests/suites.h"

#define WEAK(name) extern Suite *suite_##name(void) __attribute__((weak));
ELBO_SUITES(WEAK)

static const struct {
    const char *name;
    Suite *(*make)(void);
} suites[] = {
#define ROW(name) {#name, suite_##name},
    ELBO_SUITES(ROW)
};

enum { SUITES = sizeof suites / sizeof *suites };

static bool parted(int argc, char *argv[], size_t *part, size_t *parts)
{
    return argc == 3 && strcmp(argv[1], "--part") == 0
           && sscanf(argv[2], "%zu/%zu", part, parts) == 2 && *parts > 0;
}

static bool wanted(size_t number, int argc, char *argv[])
{
    size_t part, parts;

    if (parted(argc, argv, &part, &parts)) return number % parts == part % parts;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], suites[number].name) == 0) return true;
    return argc < 2;
}

/* A name that is no suite's would run nothing, and so fail nothing. */
static int unknown(int argc, char *argv[])
{
    size_t part, parts;
    int n = 0;

    if (parted(argc, argv, &part, &parts)) return 0;
    for (int i = 1; i < argc; i++) {
        size_t k = 0;

        while (k < SUITES && strcmp(argv[i], suites[k].name) != 0) k++;
        if (k == SUITES) n++, fprintf(stderr, "no suite is named %s\n", argv[i]);
    }
    return n;
}

/* Of one test, where its case sets none: for those that hang, on the slowest
 * machine. */
static const char patience[] = "60";

int main(int argc, char *argv[])
{
    if (unknown(argc, argv) > 0) return EXIT_FAILURE;
    setenv("CK_DEFAULT_TIMEOUT", patience, 0);

    SRunner *runner = srunner_create(suite_create("elbo"));
    int missing = 0;

    if (elbo_linalg_start() != ELBO_OK) {
        fprintf(stderr, "%s\n", elbo_last_error()->text);
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < SUITES; i++) {
        if (!wanted(i, argc, argv)) continue;
        if (suites[i].make)
            srunner_add_suite(runner, suites[i].make());
        else
            missing++, fprintf(stderr, "no suite %s\n", suites[i].name);
    }
    srunner_run_all(runner, CK_ENV);

    const int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed || missing ? EXIT_FAILURE : EXIT_SUCCESS;
}

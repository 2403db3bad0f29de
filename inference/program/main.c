/* inference/program/main.c -- the program: one verb, then out. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inference/program/command.h"
#include "inference/program/diagnostics.h"
#include "inference/program/version.h"

/* A run must not open its files as 0, 1 or 2: what stood closed is taken by
 * something that cannot be written, so output to it still fails. */
static void fill_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            _exit(70);
}

/* A thread of libgomp's that waits for others spins for some milliseconds first;
 * where cores are busy otherwise it holds the one that its partner waits for, and
 * a run of several threads nearly stops. libgomp reads the remedy before main
 * begins, so the program starts once more. What the user has set stays. */
static void wait_asleep(char *argv[])
{
    char path[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    if (omp_get_max_threads() == 1 || getenv("GOMP_SPINCOUNT")
        || getenv("OMP_WAIT_POLICY") || n < 0)
        return;
    path[n] = '\0';
    if (setenv("OMP_WAIT_POLICY", "passive", 0) == 0) execv(path, argv);
}

static int dispatch(int argc, char *argv[], elbo_command *command)
{
    if (argc < 2) {
        elbo_say("usage: elbo VERB ...; see elbo --help");
        return ELBO_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("elbo " ELBO_VERSION);
        return ELBO_EXIT_OK;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        elbo_help();
        return ELBO_EXIT_OK;
    }

    const int code = elbo_command_parse(argc, argv, command);

    if (code) return code;
    if (!command->help) return command->verb->main(command);
    elbo_help_verb(command->verb);
    return ELBO_EXIT_OK;
}

int main(int argc, char *argv[])
{
    wait_asleep(argv);

    const size_t n = (size_t)argc + 1;
    elbo_command command = {.word = calloc(n, sizeof(char *)),
                            .overrides = calloc(n, sizeof(char *))};
    int code = ELBO_EXIT_INTERNAL;

    fill_standard_files();
    /* a write that meets a limit or a closed pipe fails; it does not kill */
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (command.word && command.overrides)
        code = dispatch(argc, argv, &command);
    else
        elbo_say("out of memory");
    free(command.word);
    free(command.overrides);

    const int bad = ferror(stdout);

    if (fflush(stdout) != 0 || bad) {
        elbo_say("standard output: %s", errno ? strerror(errno) : "failed");
        if (code == ELBO_EXIT_OK) code = ELBO_EXIT_IO;
    }
    return code;
}

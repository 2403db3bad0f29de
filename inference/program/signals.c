#include "inference/program/signals.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { SIGNALLED = 128 };

static volatile sig_atomic_t pending;

static void handle(int signal)
{
    if (pending && signal == SIGINT) _exit(SIGNALLED + SIGINT);
    if (!pending) pending = signal;
}

void elbo_signals_start(void)
{
    struct sigaction action, before;

    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* nohup asks to be left alone. */
    if (sigaction(SIGHUP, NULL, &before) != 0 || before.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
}

int elbo_signal_pending(void)
{
    return pending;
}

const char *elbo_signal_name(int signal)
{
    switch (signal) {
    case SIGINT:
        return "SIGINT";
    case SIGTERM:
        return "SIGTERM";
    case SIGHUP:
        return "SIGHUP";
    default:
        return "a signal";
    }
}

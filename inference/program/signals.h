/* inference/program/signals.h -- SIGINT, SIGTERM, SIGHUP end a run at the next
 * iteration; a second SIGINT ends the process at once.
 */
#ifndef ELBO_SIGNALS_H
#define ELBO_SIGNALS_H

void elbo_signals_start(void);

/* The signal that asked to stop, 0: none did. */
int elbo_signal_pending(void);

/* "SIGINT". */
const char *elbo_signal_name(int signal);

#endif

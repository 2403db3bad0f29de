/* control/greedy.h -- the policy that is greedy on Q, and stays where it may.
 *
 * A row keeps its action while that is within rounding of the best one:
 * computed ties then never alternate, and policy iteration ends.
 */
#ifndef ELBO_GREEDY_H
#define ELBO_GREEDY_H

#include <stddef.h>

/* What rounding may hide in exactly evaluated Q [n]: 1e-12 of its largest. */
double elbo_greedy_slack(const double Q[], size_t n);

/* The first best action that pi0 allows (NULL: all are), nA if it allows none. */
size_t elbo_greedy_action(const double pi0[], const double Q[], size_t nA);

/* Q and pi are [nS x nA]. Rows go to their first best action, unless they hold
 * an action (with probability 1) that is within `slack` of it. Actions with pi0
 * = 0 are not allowed; pi0 may be NULL: all are. Returns how many rows changed.
 */
size_t elbo_greedy_improve(const double pi0[], const double Q[], size_t nS,
                           size_t nA, double slack, double pi[]);

#endif

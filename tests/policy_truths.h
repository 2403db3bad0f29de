/* tests/policy_truths.h -- expressions of the policy's actions and of paths, and what
 * each is worth on the lab's rows in plain C.
 */
#ifndef ELBO_POLICY_TRUTHS_H
#define ELBO_POLICY_TRUTHS_H

#include "tests/network_truths.h"

typedef struct policy_truth {
    network_truth of;
    bool certain;       /* of a model without noise */
    bool choices_alone; /* the other policy is too large for the sums */
} policy_truth;

/* Those in closed form stand first. */
enum { POLICY_EXACT = 8, POLICY_TRUTHS = 16 };
extern const policy_truth policy_truths[];

#endif

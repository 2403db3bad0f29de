/* tests/network_truths.h -- expressions of networks, and what each is worth on
 * the lab's rows in plain C.
 */
#ifndef ELBO_NETWORK_TRUTHS_H
#define ELBO_NETWORK_TRUTHS_H

#include "tests/network_lab.h"

/* At row i. sampled: a mean of samples, whose expectation is `want`. */
typedef struct network_truth {
    const char *text;
    double (*want)(const net_lab *l, size_t i);
    bool sampled;
} network_truth;

/* Those in closed form stand first. */
enum { NETWORK_EXACT = 16, NETWORK_TRUTHS = 27 };
extern const network_truth network_truths[];
enum { NETWORK_DRAWS = 4000 };

/* The lab's program is what the truth says at each row: as bound to one set of samples, to
 * `tolerance` (1 + |want|); or its mean over many, within five of its deviations. */
void network_is(net_lab *l, const network_truth *t, elbo_rng *rng, double tolerance);
void network_is_on_average(net_lab *l, const network_truth *t, elbo_rng *rng);

/* V, 0 where the row ends: of any state, and of next. */
double network_V_at(const net_lab *l, size_t i, const double y[]);
double network_V_next(const net_lab *l, size_t i);
/* -1/2 (E V(y) - V(next))^2, and Var V(y). */
double network_itervaml(const net_lab *l, size_t i);
double network_V_variance(const net_lab *l, size_t i);

#endif

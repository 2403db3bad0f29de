#include "control/greedy.h"

#include <math.h>
#include <string.h>

double elbo_greedy_slack(const double Q[], size_t n)
{
    static const double rounding = 1e-12;
    double top = 0;

    for (size_t i = 0; i < n; i++) top = fmax(top, fabs(Q[i]));
    return rounding * top;
}

size_t elbo_greedy_action(const double pi0[], const double Q[], size_t nA)
{
    size_t best = nA;

    for (size_t a = 0; a < nA; a++) {
        if (pi0 && pi0[a] <= 0) continue;
        if (best == nA || Q[a] > Q[best]) best = a;
    }
    return best;
}

/* The action a row should hold. */
static size_t choose(const double pi0[], const double Q[], size_t nA,
                     double slack, const double pi[])
{
    const size_t best = elbo_greedy_action(pi0, Q, nA);

    for (size_t a = 0; a < nA; a++) {
        if (pi0 && pi0[a] <= 0) continue;
        if (pi[a] >= 1.0 && Q[a] >= Q[best] - slack) return a;
    }
    return best;
}

size_t elbo_greedy_improve(const double pi0[], const double Q[], size_t nS,
                           size_t nA, double slack, double pi[])
{
    size_t changed = 0;

    for (size_t s = 0; s < nS; s++) {
        const size_t i = s * nA;
        const size_t a = choose(pi0 ? pi0 + i : NULL, Q + i, nA, slack, pi + i);

        if (pi[i + a] >= 1.0) continue;
        memset(pi + i, 0, nA * sizeof *pi);
        pi[i + a] = 1.0;
        changed++;
    }
    return changed;
}

/* tests/program_published.c -- published objectives, from their papers' formulas. */
#include "tests/program_published.h"

#include "tests/program_words.h"

#define PUBLISHED(name)                                                        \
    double program_##name(const program_world *w, const double p[],            \
                          const double held[], size_t x)

/* -1/2 |E y - s'|^2 */
PUBLISHED(mse)
{
    double sum = 0;

    UNUSED;
    for (size_t k = 0; k < DIM; k++)
        sum += sq(mean_at(w, p, x, k) - at(w, w->next[x], k));
    return -0.5 * sum;
}

/* One Bellman step in the model less one in the data. */
PUBLISHED(value_equivalence)
{
    const double model = w->rhat[w->row[x]] + gamma_ * mean_V(w, p, x);

    UNUSED;
    return -0.5 * sq(model - (w->r[x] + gamma_ * next_V(w, x)));
}

/* V is that of the round in which the sample was collected. */
PUBLISHED(vtr)
{
    const double *V = w->V_then + w->epoch[x] * (NS + 1);

    UNUSED;
    OVER_Y(m, p, V[y])
    return -0.5 * sq(m - V[w->next[x]]);
}

/* (grad V(s') . (E y - s'))^2: V's error to first order. */
PUBLISHED(vagram_unbounded)
{
    double sum = 0;

    UNUSED;
    for (size_t k = 0; k < DIM; k++)
        sum += slope(w, w->next[x], k)
               * (mean_at(w, p, x, k) - at(w, w->next[x], k));
    return -0.5 * sq(sum);
}

PUBLISHED(l1_sampled)
{
    UNUSED;
    OVER_Y(m, p, fabs(w->V[y] - next_V(w, x)))
    return -m;
}

PUBLISHED(lamps_mm)
{
    UNUSED;
    return -fabs(mean_V(w, p, x) - next_V(w, x));
}

/* One moment of the whole batch. */
PUBLISHED(mml_uniform)
{
    UNUSED;
    OVER_DATA(m, false, mean_V(w, p, z) - next_V(w, z))
    return -fabs(m);
}

PUBLISHED(omd_target)
{
    UNUSED;
    return -0.5 * sq(Q_of(w, x) - (w->r[x] + gamma_ * w->V_target[w->next[x]]));
}

/* control/mpo_multiplier.c -- multipliers of constraints, by gradient steps on
 * the dual min_a a (epsilon - KL). */
#include <math.h>

#include "control/mpo_state.h"

static const double FLOOR = 1e-8;

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

void elbo_multiplier_set(elbo_multiplier *m)
{
    for (size_t k = 0; k < m->n; k++)
        m->a[k] = isfinite(m->epsilon) ? softplus((double)m->x[k]) + FLOOR : 0;
}

void elbo_multiplier_init(elbo_multiplier *m, size_t n, double epsilon,
                          double start, double rate, elbo_arena *arena)
{
    elbo_adam_config config = elbo_adam_defaults;

    *m = (elbo_multiplier){
        .n = n,
        .epsilon = epsilon,
        .x = elbo_arena_take(arena, n, sizeof(float)),
        .slope = elbo_arena_take(arena, n, sizeof(float)),
        .a = elbo_arena_doubles(arena, n),
    };
    config.rate = rate;
    elbo_adam_init(&m->adam, &config, n, arena);
    if (!elbo_arena_ok(arena)) return;
    /* softplus(x) = start */
    for (size_t k = 0; k < n; k++)
        m->x[k] = (float)(start > 30 ? start : log(expm1(start)));
    elbo_multiplier_set(m);
}

void elbo_multiplier_step(elbo_multiplier *m, const double kl[])
{
    if (!isfinite(m->epsilon)) return;
    for (size_t k = 0; k < m->n; k++)
        m->slope[k] =
            (float)((m->epsilon - kl[k]) / (1 + exp(-(double)m->x[k])));
    elbo_adam_step(&m->adam, m->x, m->slope, NULL);
    elbo_multiplier_set(m);
}

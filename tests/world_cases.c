#include "tests/world_cases.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char world_folder[] = "tests/data/gymnasium";

elbo_arena *world_arena;

void world_set_up(void)
{
    world_arena = elbo_arena_alloc(1 << 16);
    ck_assert_ptr_nonnull(world_arena);
}

void world_tear_down(void)
{
    elbo_arena_free(world_arena);
}

elbo_status world_try_open(const char *name, const char *settings,
                           const char *folder, elbo_arena *arena,
                           elbo_world *out)
{
    const elbo_env *const env = elbo_env_find(name);
    elbo_values values;

    ck_assert_ptr_nonnull(env);
    ELBO_TRY(elbo_values_init(&values, env->options, arena));
    ELBO_TRY(elbo_values_parse(&values, settings));
    return env->open(&values, folder, arena, out);
}

elbo_world world_open(const char *name, const char *settings)
{
    elbo_world w;
    const elbo_status s =
        world_try_open(name, settings, world_folder, world_arena, &w);

    ck_assert_msg(s == ELBO_OK, "%s: %s", name, elbo_last_error()->text);
    return w;
}

size_t world_outcomes(const elbo_world *w, size_t s, size_t a,
                      elbo_outcome out[])
{
    const size_t n = w->env->outcomes(w->self, s, a, out);

    ck_assert_uint_ge(n, 1);
    ck_assert_uint_le(n, w->most);
    return n;
}

bool world_outcome_is(const elbo_outcome *x, const elbo_outcome *y)
{
    return x->next == y->next && x->terminal == y->terminal
           && memcmp(&x->prob, &y->prob, sizeof x->prob) == 0
           && !(x->reward < y->reward || x->reward > y->reward);
}

void world_same(const elbo_world *x, const elbo_world *y)
{
    elbo_outcome *const a = elbo_arena_take(world_arena, x->most, sizeof *a);
    elbo_outcome *const b = elbo_arena_take(world_arena, y->most, sizeof *b);

    ck_assert_uint_eq(x->nS, y->nS);
    ck_assert_uint_eq(x->nA, y->nA);
    ck_assert_mem_eq(x->mu, y->mu, x->nS * sizeof *x->mu);
    for (size_t row = 0; row < x->nS * x->nA; row++) {
        const size_t n = world_outcomes(x, row / x->nA, row % x->nA, a);

        ck_assert_uint_eq(world_outcomes(y, row / x->nA, row % x->nA, b), n);
        for (size_t i = 0; i < n; i++)
            ck_assert_msg(world_outcome_is(&a[i], &b[i]),
                          "%s: state %zu, action %zu, outcome %zu",
                          x->env->name, row / x->nA, row % x->nA, i);
    }
}

/* V[nS + 1] <- max (or, by `mean`, the average) over a of r + gamma E V. */
static void sweep(const elbo_world *w, double gamma, bool mean, double V[],
                  double next[])
{
    elbo_outcome *const out = malloc(w->most * sizeof *out);

    for (size_t s = 0; s < w->nS; s++) {
        double best = -DBL_MAX, sum = 0;

        for (size_t a = 0; a < w->nA; a++) {
            /* Check's marks are too slow for this loop. */
            const size_t n = w->env->outcomes(w->self, s, a, out);
            double q = 0;

            for (size_t i = 0; i < n; i++)
                q += out[i].prob
                     * (out[i].reward
                        + (out[i].terminal ? 0 : gamma * V[out[i].next]));
            best = fmax(best, q);
            sum += q;
        }
        next[s] = mean ? sum / (double)w->nA : best;
    }
    memcpy(V, next, w->nS * sizeof *V);
    free(out);
}

double *world_solve(const elbo_world *w, double gamma, size_t sweeps, bool mean)
{
    double *const V = elbo_arena_take(world_arena, w->nS, sizeof *V);
    double *const next = elbo_arena_take(world_arena, w->nS, sizeof *next);

    for (size_t k = 0; k < sweeps; k++) sweep(w, gamma, mean, V, next);
    return V;
}

#include "tests/task_cases.h"

elbo_arena *task_arena;

void task_set_up(void)
{
    task_arena = elbo_arena_alloc(1 << 16);
    ck_assert_ptr_nonnull(task_arena);
}

void task_tear_down(void)
{
    elbo_arena_free(task_arena);
}

elbo_status task_try_open(const char *name, const char *settings,
                          const char *wrappers, uint64_t seed,
                          elbo_task_world *out)
{
    const elbo_env *const env = elbo_env_find(name);
    elbo_values values;

    ck_assert_ptr_nonnull(env);
    ck_assert_ptr_nonnull(env->task);
    ELBO_TRY(elbo_values_init(&values, env->options, task_arena));
    ELBO_TRY(elbo_values_parse(&values, settings));
    return elbo_task_open(env, &values, wrappers, seed, task_arena, out);
}

elbo_task_world task_open(const char *name, const char *settings,
                          const char *wrappers, uint64_t seed)
{
    elbo_task_world w;
    const elbo_status s = task_try_open(name, settings, wrappers, seed, &w);

    ck_assert_msg(s == ELBO_OK, "%s: %s", name, elbo_last_error()->text);
    ck_assert_uint_le(w.nx, TASK_MOST);
    ck_assert_uint_le(w.no, TASK_MOST);
    return w;
}

double task_step(const elbo_task_world *w, const double x[], const double a[],
                 elbo_rng *rng, double next[], uint8_t *terminal)
{
    double reward;

    w->task->step(w->self, 1, x, a, rng, next, &reward, terminal);
    return reward;
}

void task_act(const elbo_task_world *w, size_t n, elbo_rng rng[], double a[])
{
    for (size_t i = 0; i < w->na; i++)
        for (size_t j = 0; j < n; j++)
            a[i * n + j] = w->choices > 0
                               ? (double)elbo_rng_below(&rng[j], w->choices)
                               : w->low[i]
                                     + (w->high[i] - w->low[i])
                                           * elbo_rng_uniform(&rng[j]);
}

const elbo_env *task_at(size_t i)
{
    for (size_t k = 0; elbo_envs[k]; k++)
        if (elbo_envs[k]->task && i-- == 0) return elbo_envs[k];
    return NULL;
}

size_t task_count(void)
{
    size_t n = 0;

    while (task_at(n)) n++;
    return n;
}

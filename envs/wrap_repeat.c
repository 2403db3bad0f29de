/* envs/wrap_repeat.c -- each action several times in a row. */
#include <string.h>

#include "envs/registry.h"

static const elbo_option options[] = {
    {.name = "n",
     .type = ELBO_INT,
     .unit = "steps",
     .low = 1,
     .high = 1e6,
     .doc = "steps of the world an action"},
    {0},
};

typedef struct repeated {
    elbo_task_world inner;
    size_t times;
} repeated;

/* One world: x [nx] goes up to `times` steps on. */
static double repeat(const repeated *w, double x[], const double a[],
                     elbo_rng *rng, uint8_t *terminal)
{
    double next[ELBO_TASK_WIDEST], sum = 0;

    *terminal = 0;
    for (size_t k = 0; k < w->times && !*terminal; k++) {
        double reward;

        w->inner.task->step(w->inner.self, 1, x, a, rng, next, &reward,
                            terminal);
        memcpy(x, next, w->inner.nx * sizeof *x);
        sum += reward;
    }
    return sum;
}

static void step(const void *self, size_t n, const double x[], const double a[],
                 elbo_rng rng[], double next[], double reward[],
                 uint8_t terminal[])
{
    const repeated *const w = self;
    double alone[ELBO_TASK_WIDEST], action[ELBO_TASK_WIDEST];

    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < w->inner.nx; i++) alone[i] = x[i * n + j];
        for (size_t i = 0; i < w->inner.na; i++) action[i] = a[i * n + j];
        reward[j] = repeat(w, alone, action, &rng[j], &terminal[j]);
        for (size_t i = 0; i < w->inner.nx; i++) next[i * n + j] = alone[i];
    }
}

static elbo_status wrap(const elbo_values *values, size_t place,
                        elbo_arena *arena, elbo_task_world *out)
{
    const size_t times = (size_t)elbo_int(values, "n");
    elbo_task *task;
    void *self;

    (void)place;
    if (out->limit > 0 && times > out->limit)
        return ELBO_FAIL(
            ELBO_EINVAL,
            "repeat: %zu steps an action are more than the %zu of an "
            "episode",
            times, out->limit);
    ELBO_TRY(elbo_wrap(sizeof(repeated), arena, out, &self, &task));
    ((repeated *)self)->times = times;
    out->limit /= times;
    task->step = step;
    if (times > 1) {
        task->reward = NULL;
        task->reward_node = NULL;
    }
    return ELBO_OK;
}

const elbo_wrapper elbo_wrapper_repeat = {
    .name = "repeat",
    .source = "Gymnasium's frame skip",
    .doc = "takes each action n times, adds the rewards up and stops at the "
           "end; the "
           "sum is no function of what is observed; the limit is divided by n",
    .options = options,
    .wrap = wrap,
};

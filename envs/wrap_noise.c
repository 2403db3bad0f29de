/* envs/wrap_noise.c -- observations with independent normal errors. */
#include "envs/registry.h"

static const elbo_option options[] = {
    {.name = "sigma",
     .type = ELBO_REAL,
     .unit = "of each observation",
     .low = 0,
     .high = 1e6,
     .doc = "standard deviation of the error"},
    {0},
};

typedef struct noisy {
    elbo_task_world inner;
    double sigma;
} noisy;

static void observe(const void *self, size_t n, const double x[],
                    elbo_rng rng[], float o[])
{
    const noisy *const w = self;
    const size_t no = w->inner.no;
    double error[ELBO_TASK_WIDEST];

    w->inner.task->observe(w->inner.self, n, x, rng, o);
    for (size_t j = 0; j < n; j++) {
        elbo_rng_normals(&rng[j], error, no);
        for (size_t i = 0; i < no; i++)
            o[j * no + i] += (float)(w->sigma * error[i]);
    }
}

static elbo_status wrap(const elbo_values *values, size_t place,
                        elbo_arena *arena, elbo_task_world *out)
{
    elbo_task *task;
    void *self;

    (void)place;
    ELBO_TRY(elbo_wrap(sizeof(noisy), arena, out, &self, &task));
    ((noisy *)self)->sigma = elbo_real(values, "sigma");
    task->observe = observe;
    task->state = NULL;
    task->reward = NULL;
    task->terminal = NULL;
    task->reward_node = NULL;
    return ELBO_OK;
}

const elbo_wrapper elbo_wrapper_noise = {
    .name = "noise",
    .source = "sensors' errors; no paper's constants",
    .doc = "adds N(0, sigma^2) to each observation; reward and end are then no "
           "functions of what is observed",
    .options = options,
    .wrap = wrap,
};

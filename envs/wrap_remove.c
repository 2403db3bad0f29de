/* envs/wrap_remove.c -- observations with components left out. */
#include <string.h>

#include "envs/registry.h"

static const elbo_option options[] = {
    {.name = "first",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .doc = "number of the first component that goes, from 0"},
    {.name = "n",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e6,
     .fallback = "1",
     .doc = "how many go"},
    {0    },
};

typedef struct reduced {
    elbo_task_world inner;
    size_t first, n;
} reduced;

static void observe(const void *self, size_t n, const double x[],
                    elbo_rng rng[], float o[])
{
    const reduced *const w = self;
    const size_t nx = w->inner.nx, no = w->inner.no, left = no - w->n;
    double alone[ELBO_TASK_WIDEST];
    float row[ELBO_TASK_WIDEST];

    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < nx; i++) alone[i] = x[i * n + j];
        w->inner.task->observe(w->inner.self, 1, alone, &rng[j], row);
        memcpy(&o[j * left], row, w->first * sizeof *row);
        memcpy(&o[j * left + w->first], &row[w->first + w->n],
               (left - w->first) * sizeof *row);
    }
}

static elbo_status wrap(const elbo_values *values, size_t place,
                        elbo_arena *arena, elbo_task_world *out)
{
    const size_t first = (size_t)elbo_int(values, "first");
    const size_t n = (size_t)elbo_int(values, "n");
    elbo_task *task;
    void *self;

    (void)place;
    if (first + n > out->no)
        return ELBO_FAIL(ELBO_EINVAL,
                         "remove: %zu from number %zu on go beyond the %zu "
                         "observations, whose numbers start at 0",
                         n, first, out->no);
    if (n == out->no)
        return ELBO_FAIL(ELBO_EINVAL, "remove: all %zu observations would go",
                         n);
    ELBO_TRY(elbo_wrap(sizeof(reduced), arena, out, &self, &task));
    ((reduced *)self)->first = first;
    ((reduced *)self)->n = n;
    out->no -= n;
    task->observe = observe;
    task->state = NULL;
    task->reward = NULL;
    task->terminal = NULL;
    task->reward_node = NULL;
    return ELBO_OK;
}

const elbo_wrapper elbo_wrapper_remove = {
    .name = "remove",
    .source =
        "Joseph, Geramifard, Roberts, How, Roy 2013: misspecified features",
    .doc = "leaves observations out; reward and end are then no functions of "
           "what is "
           "observed",
    .options = options,
    .wrap = wrap,
};

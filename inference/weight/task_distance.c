/* inference/weight/task_distance.c -- distance_to(current): how far (o, u) lies
 * from the path of the policy (Lambert et al. 2020: weights exp(-distance)).
 *
 * The path is the last collection's first episode. Distances are Euclidean, of
 * each component in units of its deviation over the data.
 */
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/weight/task_factors.h"

static const elbo_option options[] = {
    {.name = "whose",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "current",
     .fallback = "current",
     .doc = "the policy's path in the last collection"},
    {0     },
};

static elbo_status open(const elbo_values *values, const elbo_task_view *view,
                        elbo_arena *arena, void **self)
{
    (void)values, (void)view, (void)arena;
    *self = NULL;
    return ELBO_OK;
}

typedef struct job {
    size_t d, n, steps;
    const float *x;       /* [n x d], normalised */
    const uint32_t *path; /* [steps] slots */
    double *out;
} job;

static void nearest_rows(void *arg, size_t first, size_t last)
{
    const job *const j = arg;

    for (size_t i = first; i < last; i++) {
        double best = HUGE_VAL;

        for (size_t t = 0; t < j->steps; t++) {
            const float *const a = j->x + i * j->d, *const b =
                                                        j->x
                                                        + j->path[t] * j->d;
            double sum = 0;

            for (size_t k = 0; k < j->d; k++)
                sum += (double)(a[k] - b[k]) * (double)(a[k] - b[k]);
            best = fmin(best, sum);
        }
        j->out[i] = sqrt(best);
    }
}

/* Columns in units of their deviation; constant ones count for nothing. */
static void normalise(size_t n, size_t d, float x[])
{
    for (size_t k = 0; k < d; k++) {
        double mean = 0, square = 0;

        for (size_t i = 0; i < n; i++) mean += (double)x[i * d + k] / (double)n;
        for (size_t i = 0; i < n; i++)
            square += pow((double)x[i * d + k] - mean, 2) / (double)n;
        for (size_t i = 0; i < n; i++)
            x[i * d + k] = square > 0 ? x[i * d + k] / (float)sqrt(square) : 0;
    }
}

/* The rows of the last collection's first episode. */
static size_t find_path(const elbo_task_view *view, uint32_t path[])
{
    const elbo_replay *const data = view->data;
    const size_t rows =
        view->recent > 0 && view->recent < data->n ? view->recent : data->n;
    const uint32_t episode = data->episode[elbo_slot_back(data, rows - 1)];
    size_t n = 0;

    for (size_t k = rows; k-- > 0;) {
        const size_t slot = elbo_slot_back(data, k);

        if (data->episode[slot] == episode) path[n++] = (uint32_t)slot;
    }
    return n;
}

static elbo_status update(void *self, const elbo_task_view *view,
                          double values[], elbo_arena *ws)
{
    const elbo_replay *const data = view->data;
    const size_t d = elbo_pair_size(data), n = data->n;
    float *const x = elbo_arena_take(ws, n * d, sizeof *x);
    uint32_t *const path = elbo_arena_u32(ws, n);
    job j;

    (void)self;
    ELBO_TRY(elbo_arena_check(ws, "distances"));
    for (size_t i = 0; i < n; i++) elbo_put_pair(data, i, x + i * d);
    normalise(n, d, x);
    j = (job){d, n, find_path(view, path), x, path, values};
    elbo_parallel_rows(n, n * j.steps * d, &j, nearest_rows);
    return ELBO_OK;
}

const elbo_task_factor elbo_task_distance = {
    .name = "distance_to",
    .source = "Lambert, Amos, Yadan, Calandra 2020",
    .doc = "distance_to(current): of (s, a) from the policy's last path",
    .options = options,
    .open = open,
    .update = update,
};

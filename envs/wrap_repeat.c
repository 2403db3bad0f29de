/* envs/wrap_repeat.c -- each action several times in a row. */
#include <stdbool.h>
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

/* Worlds that go side by side. */
enum { BLOCK = 32 };

typedef struct block {
    size_t n, steps;                          /* so far */
    double room[2][ELBO_TASK_WIDEST * BLOCK]; /* states in turn */
    double *x;                                /* of them, [nx x n] */
    double a[ELBO_TASK_WIDEST * BLOCK], sum[BLOCK];
    uint8_t end[BLOCK];
} block;

/* rows of n columns, of a batch of `all` from column `first`. */
static void gather(const double batch[], size_t rows, size_t all, size_t first,
                   size_t n, double out[])
{
    for (size_t i = 0; i < rows; i++)
        memcpy(out + i * n, batch + i * all + first, n * sizeof *out);
}

/* All worlds of the block, until the first of them ends. */
static void side_by_side(const repeated *w, block *b, elbo_rng rng[])
{
    double reward[BLOCK];
    bool ended = false;

    for (; b->steps < w->times && !ended; b->steps++) {
        double *const next = b->x == b->room[0] ? b->room[1] : b->room[0];

        w->inner.task->step(w->inner.self, b->n, b->x, b->a, rng, next, reward,
                            b->end);
        b->x = next;
        for (size_t j = 0; j < b->n; j++) {
            b->sum[j] += reward[j];
            ended = ended || b->end[j];
        }
    }
}

/* What is left of world j, which has not ended. */
static void alone(const repeated *w, block *b, size_t j, elbo_rng *rng)
{
    const size_t nx = w->inner.nx, n = b->n;
    double x[ELBO_TASK_WIDEST], next[ELBO_TASK_WIDEST], a[ELBO_TASK_WIDEST];

    gather(b->x, nx, n, j, 1, x);
    gather(b->a, w->inner.na, n, j, 1, a);
    for (size_t k = b->steps; k < w->times && !b->end[j]; k++) {
        double reward;

        w->inner.task->step(w->inner.self, 1, x, a, rng, next, &reward,
                            &b->end[j]);
        memcpy(x, next, nx * sizeof *x);
        b->sum[j] += reward;
    }
    for (size_t i = 0; i < nx; i++) b->x[i * n + j] = x[i];
}

static void step(const void *self, size_t n, const double x[], const double a[],
                 elbo_rng rng[], double next[], double reward[],
                 uint8_t terminal[])
{
    const repeated *const w = self;
    const size_t nx = w->inner.nx;
    block b;

    for (size_t first = 0; first < n; first += b.n) {
        elbo_rng *const own = rng ? rng + first : NULL;

        b.n = n - first < BLOCK ? n - first : BLOCK;
        b.steps = 0;
        b.x = b.room[0];
        gather(x, nx, n, first, b.n, b.x);
        gather(a, w->inner.na, n, first, b.n, b.a);
        for (size_t j = 0; j < b.n; j++) b.sum[j] = 0;
        side_by_side(w, &b, own);
        for (size_t j = 0; j < b.n && b.steps < w->times; j++)
            if (!b.end[j]) alone(w, &b, j, own ? own + j : NULL);
        for (size_t i = 0; i < nx; i++)
            memcpy(next + i * n + first, b.x + i * b.n, b.n * sizeof *next);
        memcpy(reward + first, b.sum, b.n * sizeof *reward);
        memcpy(terminal + first, b.end, b.n);
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

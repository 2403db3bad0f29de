#include "inference/networks/td_lambda.h"

#include <stdlib.h>

/* A row's place in its episode, and its slot. */
typedef struct place {
    uint32_t episode, step, slot;
} place;

static int by_path(const void *a, const void *b)
{
    const place *const x = a, *const y = b;

    if (x->episode != y->episode) return x->episode < y->episode ? -1 : 1;
    if (x->step != y->step) return x->step < y->step ? -1 : 1;
    return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static void follow(const elbo_replay *replay, const place row[],
                   const float next_value[], double gamma, double lambda,
                   double G[])
{
    for (size_t i = replay->n; i-- > 0;) {
        const uint32_t s = row[i].slot;
        double after = 0;

        if (!replay->end[s]) {
            after = (double)next_value[s];
            if (i + 1 < replay->n && row[i + 1].episode == row[i].episode
                && row[i + 1].step == row[i].step + 1)
                after += lambda * (G[row[i + 1].slot] - after);
        }
        G[s] = (double)replay->reward[s] + gamma * after;
    }
}

elbo_status elbo_td_lambda(const elbo_replay *replay, const float next_value[],
                           double gamma, double lambda, double G[],
                           elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    place *const row = elbo_arena_take(ws, replay->n, sizeof *row);
    const elbo_status s = elbo_arena_check(ws, "returns");

    if (s == ELBO_OK) {
        for (uint32_t i = 0; i < replay->n; i++)
            row[i] = (place){replay->episode[i], replay->step[i], i};
        qsort(row, replay->n, sizeof *row, by_path);
        follow(replay, row, next_value, gamma, lambda, G);
    }
    elbo_arena_release(ws, mark);
    return s;
}

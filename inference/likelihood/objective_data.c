/* inference/likelihood/objective_data.c -- samples as a batch's unique transitions.
 */
#include <stdlib.h>

#include "inference/likelihood/objective_state.h"

typedef struct sample {
    uint32_t entry, row, next, number, epoch, stage;
    double r, w;
} sample;

/* By entry, epoch, stage, reward, number: a total order, so that sums have one
 * order. */
static int compare(const void *left, const void *right)
{
    const sample *const x = left, *const y = right;

    if (x->entry != y->entry) return x->entry < y->entry ? -1 : 1;
    if (x->epoch != y->epoch) return x->epoch < y->epoch ? -1 : 1;
    if (x->stage != y->stage) return x->stage < y->stage ? -1 : 1;
    if (x->r < y->r || x->r > y->r) return x->r < y->r ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* The samples as the batch's unique transitions. */
static void merge(elbo_objective *o, const sample from[], size_t n,
                  double scale)
{
    size_t k = 0;

    o->batch.epochs = 1;
    for (size_t i = 0; i < n; i++) {
        const bool same = k > 0 && !o->by_sample
                          && from[i].entry == o->entry[k - 1]
                          && from[i].epoch == o->epoch[k - 1]
                          && !(o->by_stage && from[i].stage != o->stage[k - 1])
                          && !(from[i].r > o->r[k - 1]);

        o->of[from[i].number] = (uint32_t)(same ? k - 1 : k);
        if (same) {
            o->weight[k - 1] += scale * from[i].w;
            continue;
        }
        o->row[k] = from[i].row;
        o->next[k] = from[i].next;
        o->entry[k] = from[i].entry;
        o->first[k] = from[i].number;
        o->epoch[k] = from[i].epoch;
        if (o->by_stage) o->stage[k] = from[i].stage;
        if (o->batch.epochs <= from[i].epoch)
            o->batch.epochs = from[i].epoch + 1;
        o->r[k] = from[i].r;
        o->weight[k++] = scale * from[i].w;
    }
    o->batch.n = k;
}

static elbo_status gather(elbo_objective *o, const elbo_pattern *pattern,
                          const elbo_data *data, double scale, elbo_arena *ws)
{
    const size_t nS = pattern->nS, nA = pattern->nA;
    const uint32_t stages = (uint32_t)o->batch.stages;
    sample *const all = elbo_arena_take(ws, data->n, sizeof *all);

    ELBO_TRY(elbo_arena_check(ws, "the objective's samples"));
    for (size_t i = 0; i < data->n; i++) {
        const size_t row = data->s[i] * nA + data->a[i];
        const size_t next = data->terminal[i] ? nS : data->next[i];
        const size_t entry = elbo_entry(pattern, row, next);

        if (entry == (size_t)-1)
            return ELBO_FAIL(ELBO_EDATA,
                             "data: sample %zu: state %u, action %u cannot be "
                             "followed by state %u in this model",
                             i, data->s[i], data->a[i], data->next[i]);
        all[i] = (sample){.entry = (uint32_t)entry,
                          .row = (uint32_t)row,
                          .next = (uint32_t)next,
                          .number = (uint32_t)i,
                          .epoch = o->by_epoch ? data->epoch[i] : 0,
                          .stage = stages ? data->step[i] % stages : 0,
                          .r = data->r[i],
                          .w = data->mass[i] * (o->weight_slot ? 1 : data->w[i])};
    }
    qsort(all, data->n, sizeof *all, compare);
    merge(o, all, data->n, scale);
    return ELBO_OK;
}

elbo_status elbo_objective_data(elbo_objective *objective,
                                const elbo_pattern *pattern,
                                const elbo_data *data, double scale,
                                elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = gather(objective, pattern, data, scale, ws);
    elbo_program *program;
    size_t column;

    elbo_arena_release(ws, mark);
    ELBO_TRY(s);
    ELBO_TRY(elbo_program_alloc(objective->expr, &objective->batch, &program,
                                &column));
    elbo_program_free(objective->program);
    objective->program = program;
    objective->data = data;
    return ELBO_OK;
}

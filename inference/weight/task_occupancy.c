/* inference/weight/task_occupancy.c -- occupancy(current)/occupancy(data): how
 * much oftener the present policy meets (o, u) than the data have it, by a
 * classifier of the last collection's rows against all rows.
 */
#include <math.h>

#include "inference/weight/task_factors.h"

static const elbo_option options[] = {
    {.name = "where",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "current",
     .doc = "the policy's last collection, over occupancy(data)"},
    ELBO_CLASSIFIER_OPTIONS,
    {0     },
};

typedef struct occupancy {
    elbo_logistic classifier;
    double clip;
    size_t steps;
} occupancy;

static elbo_status open(const elbo_values *values, const elbo_task_view *view,
                        elbo_arena *arena, void **self)
{
    const elbo_logistic_config config = elbo_classifier_config(values);
    occupancy *const f = elbo_arena_take(arena, 1, sizeof *f);

    ELBO_TRY(elbo_arena_check(arena, "an occupancy"));
    *self = f;
    f->clip = elbo_real(values, "clip");
    f->steps = (size_t)elbo_int(values, "steps");
    return elbo_logistic_open(&f->classifier, &config,
                              elbo_pair_size(view->data), view->seed,
                              "occupancy classifier", arena);
}

/* x [n x pair] of all rows. */
static float *all_pairs(const elbo_replay *data, elbo_arena *ws)
{
    const size_t d = elbo_pair_size(data);
    float *const x = elbo_arena_take(ws, data->n * d, sizeof *x);

    for (size_t i = 0; x && i < data->n; i++) elbo_put_pair(data, i, x + i * d);
    return x;
}

static void draw_batch(occupancy *f, const elbo_task_view *view, elbo_rng *rng)
{
    const elbo_replay *const data = view->data;
    const size_t B = f->classifier.config.batch, d = f->classifier.inputs;

    for (size_t i = 0; i < B; i++) {
        const size_t slot =
            i < B / 2 ? elbo_slot_back(data, elbo_rng_below(rng, view->recent))
                      : elbo_rng_below(rng, data->n);

        elbo_put_pair(data, slot, f->classifier.x + i * d);
    }
}

/* Where all rows are of the last collection the ratio is 1. */
static elbo_status update(void *self, const elbo_task_view *view,
                          double values[], elbo_arena *ws)
{
    occupancy *const f = self;
    const elbo_replay *const data = view->data;
    elbo_rng rng = elbo_rng_stream(view->seed, "occupancy", view->round);
    float *const x = all_pairs(data, ws);
    float *const L = elbo_arena_take(ws, data->n, sizeof *L);

    ELBO_TRY(elbo_arena_check(ws, "an occupancy"));
    elbo_logistic_scale(&f->classifier, data->n, x);
    if (view->recent == 0 || view->recent >= data->n) {
        for (size_t i = 0; i < data->n; i++) values[i] = 1;
        return ELBO_OK;
    }
    for (size_t k = 0; k < f->steps; k++) {
        draw_batch(f, view, &rng);
        ELBO_TRY(elbo_logistic_step(&f->classifier));
    }
    ELBO_TRY(elbo_logistic_ratio(&f->classifier, data->n, x, L, ws));
    for (size_t i = 0; i < data->n; i++)
        values[i] = exp(fmin(fmax((double)L[i], -f->clip), f->clip));
    return ELBO_OK;
}

static void save(const void *self, elbo_writer *out)
{
    elbo_logistic_save(&((const occupancy *)self)->classifier, out);
}

static elbo_status load(void *self, elbo_reader *in)
{
    return elbo_logistic_load(&((occupancy *)self)->classifier, in);
}

const elbo_task_factor elbo_task_occupancy = {
    .name = "occupancy",
    .source = "Sugiyama, Suzuki, Kanamori 2012; Liu et al. 2018",
    .doc = "occupancy(current)/occupancy(data): a ratio of visits, by a "
           "classifier",
    .options = options,
    .open = open,
    .update = update,
    .save = save,
    .load = load,
};

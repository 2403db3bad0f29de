/* inference/weight/task_logratio.c -- logratio: log p / q of the world and the
 * model at (o, u, next), by two classifiers of the world's transitions against
 * the model's.
 *
 *   log p(next|o,u) / q(next|o,u) = L(o, u, next) - L(o, u)
 *
 * The model's transitions start where the data do or, half of them, where its
 * rollouts do, so that the two differ in (o, u) as well: the second classifier
 * takes that off (Eysenbach et al. 2021).
 */
#include "inference/weight/task_logratio.h"

#include <math.h>
#include <string.h>

#include "inference/weight/task_factors.h"

static const elbo_option options[] = {
    {.name = "of",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "classifier",
     .fallback = "classifier",
     .doc = "where it is from: real transitions told from the model's"},
    ELBO_CLASSIFIER_OPTIONS,
    {0  },
};

elbo_status elbo_task_ratio_open(elbo_task_ratio *f,
                                 const elbo_logistic_config *config,
                                 double clip, size_t steps,
                                 const elbo_task_view *view, elbo_arena *arena)
{
    const size_t pair = elbo_pair_size(view->data);

    f->clip = clip;
    f->steps = steps;
    ELBO_TRY(elbo_logistic_open(&f->triple, config, pair + view->data->no,
                                view->seed, "transition classifier", arena));
    return elbo_logistic_open(&f->pair, config, pair, view->seed,
                              "pair classifier", arena);
}

/* ---- the model's transitions ---- */

/* n of them, drawn anew: rows (o, u, next). */
static elbo_status imagine(const elbo_task_view *view, size_t n, elbo_rng *rng,
                           float x[], elbo_arena *ws)
{
    const elbo_task_belief *const belief = view->belief;
    const size_t no = view->data->no, nu = view->data->nu, d = 2 * no + nu;
    float *const o = elbo_arena_take(ws, n * no, sizeof *o);
    float *const u = elbo_arena_take(ws, n * nu, sizeof *u);
    float *const next = elbo_arena_take(ws, n * no, sizeof *next);
    float *const reward = elbo_arena_take(ws, n, sizeof *reward);
    uint8_t *const end = elbo_arena_take(ws, n, sizeof *end);
    uint32_t *const elite = elbo_arena_u32(ws, belief->members);
    uint32_t *const member = elbo_arena_u32(ws, n);
    elbo_rng *const noise = elbo_arena_take(ws, n, sizeof *noise);
    size_t elites;

    ELBO_TRY(elbo_arena_check(ws, "the model's transitions"));
    elites = belief->model->elites(belief, elite);
    for (size_t i = 0; i < n; i++) {
        const bool rolled = view->rollouts && view->rollouts->n > 0 && i % 2;
        const elbo_replay *const from = rolled ? view->rollouts : view->data;
        const size_t slot = elbo_rng_below(rng, from->n);

        memcpy(o + i * no, from->o + slot * no, no * sizeof *o);
        memcpy(u + i * nu, from->u + slot * nu, nu * sizeof *u);
        member[i] = elite[elbo_rng_below(rng, elites)];
        noise[i] = elbo_rng_stream(view->seed, "model transitions",
                                   elbo_rng_u32(rng)
                                       | (uint64_t)elbo_rng_u32(rng) << 32);
    }
    ELBO_TRY(belief->model->draw(belief, n, o, u, member, noise, false, next,
                                 reward, end, ws));
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * d, o + i * no, no * sizeof *x);
        memcpy(x + i * d + no, u + i * nu, nu * sizeof *x);
        memcpy(x + i * d + no + nu, next + i * no, no * sizeof *x);
    }
    return ELBO_OK;
}

static void put_triple(const elbo_replay *data, size_t slot, float out[])
{
    elbo_put_pair(data, slot, out);
    memcpy(out + elbo_pair_size(data), data->next + slot * data->no,
           data->no * sizeof *out);
}

/* ---- learning ---- */

static elbo_status step(elbo_task_ratio *f, const elbo_task_view *view,
                        elbo_rng *rng, elbo_arena *ws)
{
    const size_t half = f->triple.config.batch / 2, d = f->triple.inputs;
    float *const x = f->triple.x;

    for (size_t i = 0; i < half; i++)
        put_triple(view->data, elbo_rng_below(rng, view->data->n), x + i * d);
    ELBO_TRY(
        imagine(view, f->triple.config.batch - half, rng, x + half * d, ws));
    for (size_t i = 0; i < f->pair.config.batch; i++)
        memcpy(f->pair.x + i * f->pair.inputs, x + i * d,
               f->pair.inputs * sizeof *x);
    ELBO_TRY(elbo_logistic_step(&f->triple));
    return elbo_logistic_step(&f->pair);
}

/* x [n x triple] of all rows. */
static float *all_triples(const elbo_replay *data, elbo_arena *ws)
{
    const size_t d = elbo_pair_size(data) + data->no;
    float *const x = elbo_arena_take(ws, data->n * d, sizeof *x);

    for (size_t i = 0; x && i < data->n; i++) put_triple(data, i, x + i * d);
    return x;
}

static float *pairs_of(const elbo_task_ratio *f, size_t n, const float x[],
                       elbo_arena *ws)
{
    const size_t d = f->triple.inputs, p = f->pair.inputs;
    float *const out = elbo_arena_take(ws, n * p, sizeof *out);

    for (size_t i = 0; out && i < n; i++)
        memcpy(out + i * p, x + i * d, p * sizeof *out);
    return out;
}

elbo_status elbo_task_ratio_learn(elbo_task_ratio *f,
                                  const elbo_task_view *view, elbo_arena *ws)
{
    elbo_rng rng = elbo_rng_stream(view->seed, "log ratio", view->round);
    const size_t n = view->data->n;
    const float *const x = all_triples(view->data, ws);
    const float *const pairs = pairs_of(f, n, x, ws);

    ELBO_TRY(elbo_arena_check(ws, "a log ratio"));
    elbo_logistic_scale(&f->triple, n, x);
    elbo_logistic_scale(&f->pair, n, pairs);
    for (size_t k = 0; k < f->steps; k++) {
        const elbo_mark mark = elbo_arena_mark(ws);
        const elbo_status s = step(f, view, &rng, ws);

        elbo_arena_release(ws, mark);
        ELBO_TRY(s);
    }
    return ELBO_OK;
}

elbo_status elbo_task_ratio_at(const elbo_task_ratio *f, size_t n,
                               const float x[], double out[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const float *const pairs = pairs_of(f, n, x, ws);
    float *const L = elbo_arena_take(ws, 2 * n, sizeof *L);
    elbo_status s = elbo_arena_check(ws, "a log ratio");

    if (s == ELBO_OK) s = elbo_logistic_ratio(&f->triple, n, x, L, ws);
    if (s == ELBO_OK) s = elbo_logistic_ratio(&f->pair, n, pairs, L + n, ws);
    for (size_t i = 0; s == ELBO_OK && i < n; i++)
        out[i] = fmin(fmax((double)L[i] - (double)L[n + i], -f->clip), f->clip);
    elbo_arena_release(ws, mark);
    return s;
}

void elbo_task_ratio_save(const elbo_task_ratio *f, elbo_writer *out)
{
    elbo_logistic_save(&f->triple, out);
    elbo_logistic_save(&f->pair, out);
}

elbo_status elbo_task_ratio_load(elbo_task_ratio *f, elbo_reader *in)
{
    ELBO_TRY(elbo_logistic_load(&f->triple, in));
    return elbo_logistic_load(&f->pair, in);
}

/* ---- the factor ---- */

static elbo_status open(const elbo_values *values, const elbo_task_view *view,
                        elbo_arena *arena, void **self)
{
    const elbo_logistic_config config = elbo_classifier_config(values);
    elbo_task_ratio *const f = elbo_arena_take(arena, 1, sizeof *f);

    ELBO_TRY(elbo_arena_check(arena, "a log ratio"));
    *self = f;
    return elbo_task_ratio_open(f, &config, elbo_real(values, "clip"),
                                (size_t)elbo_int(values, "steps"), view, arena);
}

static elbo_status update(void *self, const elbo_task_view *view,
                          double values[], elbo_arena *ws)
{
    const float *x;

    ELBO_TRY(elbo_task_ratio_learn(self, view, ws));
    x = all_triples(view->data, ws);
    ELBO_TRY(elbo_arena_check(ws, "a log ratio"));
    return elbo_task_ratio_at(self, view->data->n, x, values, ws);
}

static elbo_status at(const void *self, const elbo_replay *rows, double out[],
                      elbo_arena *ws)
{
    const float *const x = all_triples(rows, ws);

    ELBO_TRY(elbo_arena_check(ws, "a log ratio"));
    return elbo_task_ratio_at(self, rows->n, x, out, ws);
}

static void save(const void *self, elbo_writer *out)
{
    elbo_task_ratio_save(self, out);
}

static elbo_status load(void *self, elbo_reader *in)
{
    return elbo_task_ratio_load(self, in);
}

const elbo_task_factor elbo_task_logratio = {
    .name = "logratio",
    .source = "Eysenbach et al. 2021, 2022",
    .doc = "log p / q of the world and the model at (s, a, next), by two "
           "classifiers",
    .options = options,
    .open = open,
    .update = update,
    .at = at,
    .save = save,
    .load = load,
};

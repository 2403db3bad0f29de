/* inference/observed_open.c -- an engine of observed worlds, part by part, and its
 * data.
 */
#include <stdio.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/textfile.h"
#include "inference/observed_state.h"

static elbo_status open_world(elbo_engine *e, const elbo_setup *setup, uint64_t seed)
{
    elbo_observed *const o = e->observed;

    o->world.seed = seed;
    o->horizon = elbo_horizon_read(setup);
    return setup->env->observed(setup->env_own, setup->folder, e->arena, &o->world);
}

static elbo_status open_model(elbo_engine *e, const elbo_setup *setup, uint64_t seed)
{
    elbo_observed *const o = e->observed;

    o->context = (elbo_observed_context){.world = &o->world, .seed = seed};
    return setup->model->observed->open(setup->model_own, &o->context, e->arena,
                                        &o->belief);
}

/* ---- data ---- */

static elbo_status read_file(elbo_engine *e, const elbo_setup *setup)
{
    elbo_observed *const o = e->observed;
    const char *path = elbo_textfile_path(
        setup->folder, elbo_text(setup->data, "file"), e->arena);

    ELBO_TRY(elbo_arena_check(e->arena, "the data's path"));
    return elbo_observed_data_read(&o->data, path, o->world.ny, o->world.nu,
                                   o->world.symbols, e->arena);
}

/* Room for all that will be drawn. */
static elbo_status open_drawn(elbo_engine *e, const elbo_setup *setup)
{
    elbo_observed *const o = e->observed;
    const size_t rounds = e->set.online ? (size_t)e->set.iterations : 1;
    size_t each = o->behaviour.episode_steps, sequences, rows;

    (void)setup;
    if (each == 0 || each > e->set.steps) each = e->set.steps;
    if (e->set.steps == 0)
        return ELBO_FAIL(ELBO_EINVAL, "steps must be at least 1");
    if (!elbo_size_mul(e->set.steps, rounds, &rows)
        || !elbo_size_mul((e->set.steps - 1) / each + 1, rounds, &sequences))
        return ELBO_FAIL(ELBO_ESIZE,
                         "data: %zu iterations of %zu steps are too many", rounds,
                         e->set.steps);
    return elbo_observed_data_init(&o->data, o->world.ny, o->world.nu, sequences,
                                   rows, e->arena);
}

static elbo_status open_data(elbo_engine *e, const elbo_setup *setup, uint64_t seed)
{
    elbo_observed *const o = e->observed;
    const bool uniform = elbo_choice_is(setup->data, "policy", "uniform");

    o->rng = elbo_rng_stream(seed, "data", 0);
    o->held = elbo_real(setup->evaluation, "held_out");
    o->held_steps = elbo_choice_is(setup->evaluation, "held_out_of", "steps");
    o->behaviour = (elbo_observed_behaviour){
        .epsilon = uniform ? 1 : elbo_real(setup->data, "epsilon"),
        .noise = elbo_real(setup->data, "noise"),
        .episode_steps = (size_t)elbo_int(setup->data, "episode_steps"),
    };
    if (o->behaviour.episode_steps == 0) o->behaviour.episode_steps = o->horizon;
    if (elbo_choice_is(setup->data, "source", "file")) return read_file(e, setup);
    if (!o->world.data) return open_drawn(e, setup);
    if (e->set.online)
        return ELBO_FAIL(ELBO_EINVAL, "a world that is a file has no more data: "
                                      "mode must be offline");
    o->data = *o->world.data;
    return ELBO_OK;
}

/* Some are held out where that is asked for, and some teach. */
static elbo_status hold_out(elbo_observed *o, size_t from)
{
    const elbo_observed_data *const d = &o->data;

    if (!(o->held > 0)) return ELBO_OK;
    elbo_observed_hold_out(&o->data, from, o->held, o->held_steps);

    const size_t taught = elbo_observed_taught(d);

    if (taught > 0 && taught < d->rows) return ELBO_OK;
    return ELBO_FAIL(ELBO_EINVAL,
                     "data: held_out: %g of %zu sequence%s is %s (held_out_of: steps "
                     "takes of each)",
                     o->held, d->n, d->n == 1 ? "" : "s",
                     taught > 0 ? "none" : "all of them");
}

static elbo_status learn_from(elbo_engine *e)
{
    elbo_observed *const o = e->observed;
    const size_t from = e->iteration > 0 ? o->data.n : 0;
    const bool drawn = !o->world.data && e->set.steps > 0;

    if (e->iteration > 0 && !e->set.online) return ELBO_OK;
    /* before the first plan there is no policy yet: random inputs alone */
    o->behaviour.controller = e->set.current && o->planned ? &o->controller : NULL;
    if (drawn)
        ELBO_TRY(elbo_observed_draw(&o->world, &o->behaviour, e->set.steps, &o->rng,
                                    &o->data, e->ws));
    ELBO_TRY(hold_out(o, from));
    o->inferred = false;
    return ELBO_OK;
}

elbo_status elbo_observed_start(elbo_engine *e)
{
    elbo_observed *const o = e->observed;
    elbo_observed_data first = o->data;

    if (!o->belief.model->start) return ELBO_OK;
    first.n = o->first;
    first.rows = first.first[first.n];
    return o->belief.model->start(&o->belief, &first, e->ws);
}

elbo_status elbo_observed_gather(elbo_engine *e, elbo_row *row)
{
    elbo_observed *const o = e->observed;

    ELBO_TRY(learn_from(e));
    row->env_steps = o->data.rows;
    if (o->started) return ELBO_OK;
    o->first = o->data.n;
    o->started = true;
    return elbo_observed_start(e);
}

/* ---- what is held out ---- */

static elbo_status predict_rows(elbo_engine *e, size_t i, size_t rows, double *value)
{
    const elbo_observed_belief *const belief = &e->observed->belief;
    elbo_observed_view view;

    *value = 0;
    if (rows == 0) return ELBO_OK;
    elbo_observed_sequence(&e->observed->data, i, rows, &view);
    return belief->model->predict(belief, &view.sequence, value, e->ws);
}

elbo_status elbo_observed_predictive(elbo_engine *e, double *value)
{
    const elbo_observed_data *const data = &e->observed->data;
    double sum = 0, rows = 0;

    for (size_t i = 0; i < data->n; i++) {
        const size_t T = elbo_observed_length(data, i);
        double whole, known;

        if (data->learnt[i] == T) continue;
        ELBO_TRY(predict_rows(e, i, T, &whole));
        ELBO_TRY(predict_rows(e, i, data->learnt[i], &known));
        sum += whole - known;
        rows += (double)(T - data->learnt[i]);
    }
    *value = rows > 0 ? sum / rows : 0;
    return ELBO_OK;
}

/* ---- the engine ---- */

static void name_columns(elbo_engine *e)
{
    const elbo_observed_belief *const belief = &e->observed->belief;
    const elbo_observed_model *const model = belief->model;
    const char *const *fixed = elbo_row_columns(ELBO_EXPONENTIAL);
    const size_t own = model->columns ? model->columns(belief, NULL) : 0;
    size_t n = 0;

    while (*fixed) e->columns[n++] = *fixed++;
    for (size_t i = 0; i < own; i++) e->columns[n++] = model->column_names[i];
    if (e->observed->held > 0) e->columns[n++] = "predictive";
    e->columns[n] = NULL;
}

elbo_status elbo_observed_open_parts(elbo_engine *e, const elbo_setup *setup,
                                     uint64_t seed, const char **section)
{
    e->observed = elbo_arena_take(e->arena, 1, sizeof *e->observed);
    ELBO_TRY(elbo_arena_check(e->arena, "the engine"));
    *section = "env";
    ELBO_TRY(open_world(e, setup, seed));
    *section = "model";
    ELBO_TRY(open_model(e, setup, seed));
    *section = "control";
    ELBO_TRY(elbo_observed_open_control(e, setup));
    *section = "data";
    ELBO_TRY(open_data(e, setup, seed));
    name_columns(e);
    return ELBO_OK;
}

elbo_extent elbo_observed_extent(const elbo_engine *e)
{
    const elbo_observed *const o = e->observed;
    const elbo_observed_data *const d = &o->data;
    const double nx = (double)o->belief.states, ny = (double)d->ny;
    const double longest =
        d->n > 0 ? (double)elbo_observed_longest(d) : (double)e->set.steps;
    elbo_extent x = {
        .parameters = o->belief.n,
        .bytes = 8 * ((double)d->capacity * (ny + (double)d->nu)
                      + longest * (3 * nx * nx + ny * (nx + ny))),
    };

    if (o->world.symbols > 0)
        snprintf(x.world, sizeof x.world, "one of %zu symbols a step",
                 o->world.symbols);
    else
        snprintf(x.world, sizeof x.world,
                 "%zu output%s and %zu input%s a step, states not seen", d->ny,
                 d->ny == 1 ? "" : "s", d->nu, d->nu == 1 ? "" : "s");
    return x;
}

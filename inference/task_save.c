/* inference/task_save.c -- the state of a run on a control task. */
#include <math.h>

#include "inference/task_state.h"

/* ---- episodes on their way ---- */

static void save_fleet(const elbo_task_fleet *f, const elbo_task_run *run,
                       elbo_writer *out)
{
    const elbo_task_world *const w = &run->world;

    elbo_put_doubles(out, f->x, w->nx * f->n);
    elbo_put_bytes(out, f->o, f->n * w->no * sizeof *f->o);
    elbo_put_bytes(out, f->memory, f->n * run->memory * sizeof *f->memory);
    elbo_put_bytes(out, f->first, f->n);
    for (size_t i = 0; i < f->n; i++) {
        elbo_rng_save(&f->noise[i], out);
        elbo_rng_save(&f->draws[i], out);
    }
}

static elbo_status load_fleet(elbo_task_fleet *f, const elbo_task_run *run,
                              elbo_reader *in)
{
    const elbo_task_world *const w = &run->world;

    ELBO_TRY(elbo_get_doubles(in, f->x, w->nx * f->n));
    ELBO_TRY(elbo_get_bytes(in, f->o, f->n * w->no * sizeof *f->o));
    ELBO_TRY(
        elbo_get_bytes(in, f->memory, f->n * run->memory * sizeof *f->memory));
    ELBO_TRY(elbo_get_bytes(in, f->first, f->n));
    for (size_t i = 0; i < f->n; i++) {
        ELBO_TRY(elbo_rng_load(&f->noise[i], in));
        ELBO_TRY(elbo_rng_load(&f->draws[i], in));
    }
    return ELBO_OK;
}

static void save_collector(const elbo_task_run *run, elbo_writer *out)
{
    const elbo_task_collector *const c = &run->collector;
    const double counts[] = {c->finished, c->sum, c->squares, c->least,
                             c->most};

    save_fleet(&c->fleet, run, out);
    elbo_put_bytes(out, c->step, run->streams * sizeof *c->step);
    elbo_put_bytes(out, c->episode, run->streams * sizeof *c->episode);
    elbo_put_doubles(out, c->earned, run->streams);
    elbo_put_u64(out, c->episodes);
    elbo_put_doubles(out, counts, sizeof counts / sizeof *counts);
}

static elbo_status load_collector(elbo_task_run *run, elbo_reader *in)
{
    elbo_task_collector *const c = &run->collector;
    double counts[5];
    uint64_t episodes = 0;

    ELBO_TRY(load_fleet(&c->fleet, run, in));
    ELBO_TRY(elbo_get_bytes(in, c->step, run->streams * sizeof *c->step));
    ELBO_TRY(elbo_get_bytes(in, c->episode, run->streams * sizeof *c->episode));
    ELBO_TRY(elbo_get_doubles(in, c->earned, run->streams));
    ELBO_TRY(elbo_get_u64(in, &episodes));
    ELBO_TRY(elbo_get_doubles(in, counts, sizeof counts / sizeof *counts));
    if (episodes > UINT32_MAX)
        return ELBO_FAIL(ELBO_EDATA, "checkpoint: %llu episodes",
                         (unsigned long long)episodes);
    c->episodes = (uint32_t)episodes;
    c->finished = counts[0];
    c->sum = counts[1];
    c->squares = counts[2];
    c->least = counts[3];
    c->most = counts[4];
    return ELBO_OK;
}

/* ---- what rows carry ---- */

enum { FIGURES = 28 };

static void read_figures(const elbo_task_run *run, double x[FIGURES])
{
    const elbo_task_score *const s = &run->score;
    const double all[FIGURES] = {
        s->parts.reward,
        s->parts.policy_kl,
        s->parts.likelihood,
        s->parts.prior,
        s->real.value,
        s->real.error,
        s->model.value,
        s->model.error,
        s->control.value,
        s->control.error,
        s->gap,
        s->ahead,
        s->exploited,
        s->diverging,
        run->owed,
        (double)run->fit.epochs,
        (double)run->fit.steps,
        run->fit.train,
        run->fit.holdout,
        run->fit.gradient_norm,
        s->parts.transition_kl,
        s->nll_expert,
        s->nll_grid,
        run->unsolved,
        run->paid_least,
        run->paid_most,
        s->gap_before,
        (double)s->judged,
    };

    for (size_t i = 0; i < FIGURES; i++) x[i] = all[i];
}

static void write_figures(elbo_task_run *run, const double x[FIGURES])
{
    run->score = (elbo_task_score){
        .parts = {.reward = x[0],
                  .policy_kl = x[1],
                  .likelihood = x[2],
                  .prior = x[3],
                  .transition_kl = x[20]},
        .real = {x[4],  x[5]  },
        .model = {x[6],         x[7]       },
        .control = {x[8],  x[9]},
        .gap = x[10],
        .ahead = x[11] != 0,
        .exploited = x[12] != 0,
        .diverging = x[13] != 0,
        .nll_expert = x[21],
        .nll_grid = x[22],
        .gap_before = x[26],
        .judged = x[27] > 1 ? 2 : x[27] > 0,
    };
    run->owed = x[14];
    run->unsolved = x[23];
    run->paid_least = x[24];
    run->paid_most = x[25];
    run->fit =
        (elbo_task_fit){(size_t)x[15], (size_t)x[16], x[17], x[18], x[19]};
}

/* ---- all of it ---- */

void elbo_task_save(const elbo_engine *e, elbo_writer *out)
{
    const elbo_task_run *const run = e->task;
    double x[FIGURES];

    elbo_writer_section(out, "data");
    elbo_replay_save(&run->data, out);
    save_collector(run, out);
    elbo_writer_section(out, "rollouts");
    elbo_replay_save(&run->rollouts, out);
    for (size_t i = 0; i < run->keep; i++) elbo_put_u64(out, run->kept[i]);
    if (run->going) elbo_put_doubles(out, run->going, run->rollouts.n);
    elbo_writer_section(out, "scores");
    read_figures(run, x);
    elbo_put_doubles(out, x, FIGURES);
    elbo_task_search_save(e, out);
    elbo_writer_section(out, "factors");
    elbo_task_factors_save(run->factors, out);
    elbo_writer_section(out, "transition");
    elbo_task_transition_save(&run->transition, out);
    elbo_writer_section(out, "model");
    if (run->belief.model->save) run->belief.model->save(&run->belief, out);
    elbo_writer_section(out, "control");
    if (run->control->save) run->control->save(run->solver, out);
}

static elbo_status load_rollouts(elbo_task_run *run, elbo_reader *in)
{
    uint64_t rows = 0, n = 0;

    ELBO_TRY(elbo_reader_section(in, "rollouts"));
    ELBO_TRY(elbo_replay_load(&run->rollouts, in));
    for (size_t i = 0; i < run->keep; i++) {
        ELBO_TRY(elbo_get_u64(in, &n));
        if (n > run->rollouts.n)
            return ELBO_FAIL(ELBO_EDATA,
                             "checkpoint: %llu of %zu rows of rollouts",
                             (unsigned long long)n, run->rollouts.n);
        run->kept[i] = (size_t)n;
        rows += n;
    }
    if (rows == run->rollouts.n)
        return run->going ? elbo_get_doubles(in, run->going, run->rollouts.n)
                          : ELBO_OK;
    return ELBO_FAIL(ELBO_EDATA, "checkpoint: %llu rows of rollouts are %zu",
                     (unsigned long long)rows, run->rollouts.n);
}

elbo_status elbo_task_load(elbo_engine *e, elbo_reader *in)
{
    elbo_task_run *const run = e->task;
    double x[FIGURES];

    ELBO_TRY(elbo_reader_section(in, "data"));
    ELBO_TRY(elbo_replay_load(&run->data, in));
    ELBO_TRY(load_collector(run, in));
    ELBO_TRY(load_rollouts(run, in));
    ELBO_TRY(elbo_reader_section(in, "scores"));
    ELBO_TRY(elbo_get_doubles(in, x, FIGURES));
    for (size_t i = 0; i < FIGURES; i++)
        if (!isfinite(x[i])
            || (i >= 14 && i <= 16 && !(x[i] >= 0 && x[i] < 1e15)))
            return ELBO_FAIL(ELBO_EDATA, "checkpoint: figure %zu is %g", i,
                             x[i]);
    write_figures(run, x);
    ELBO_TRY(elbo_task_search_load(e, in));
    ELBO_TRY(elbo_reader_section(in, "factors"));
    ELBO_TRY(elbo_task_factors_load(run->factors, in));
    ELBO_TRY(elbo_reader_section(in, "transition"));
    ELBO_TRY(elbo_task_transition_load(&run->transition, in));
    ELBO_TRY(elbo_reader_section(in, "model"));
    if (run->belief.model->load)
        ELBO_TRY(run->belief.model->load(&run->belief, in));
    ELBO_TRY(elbo_reader_section(in, "control"));
    return run->control->load ? run->control->load(run->solver, in) : ELBO_OK;
}

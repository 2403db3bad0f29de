#include "inference/engine.h"

#include <math.h>

#include "inference/engine_state.h"

enum { CHUNK = 1 << 16 };

/* ---- opening ---- */

static elbo_status open_parts(elbo_engine *e, const elbo_setup *setup,
                              uint64_t seed, const char **section)
{
    ELBO_TRY(elbo_settings_read(setup, e->arena, &e->set));
    e->regretted = elbo_flag(setup->evaluation, "regret");
    ELBO_TRY(e->family->open(e, setup, seed, section));
    if (!e->regretted) return ELBO_OK;
    *section = "evaluation";
    return e->family->judge(e, &e->best, &e->present);
}

elbo_status elbo_engine_open(const elbo_setup *setup, uint64_t seed,
                             elbo_engine **out)
{
    const char *section;

    return elbo_engine_open_parts(setup, seed, &section, out);
}

elbo_status elbo_engine_open_parts(const elbo_setup *setup, uint64_t seed,
                                   const char **section, elbo_engine **out)
{
    elbo_arena *arena = elbo_arena_alloc(CHUNK);
    elbo_engine *e = arena ? elbo_arena_take(arena, 1, sizeof *e) : NULL;

    *out = NULL;
    *section = NULL;
    if (!e) {
        elbo_arena_free(arena);
        return ELBO_FAIL(ELBO_ENOMEM, "the engine");
    }
    e->arena = arena;
    e->ws = elbo_arena_alloc(CHUNK);

    e->family = elbo_family_of(setup->env);

    const elbo_status s = e->ws ? open_parts(e, setup, seed, section)
                                : ELBO_FAIL(ELBO_ENOMEM, "the engine");

    if (s == ELBO_OK)
        *out = e;
    else
        elbo_engine_free(e);
    return s;
}

void elbo_engine_free(elbo_engine *engine)
{
    if (!engine) return;
    engine->family->close(engine);
    elbo_arena_free(engine->ws);
    elbo_arena_free(engine->arena);
}

/* ---- iterating ---- */

static elbo_status iterate(elbo_engine *e, elbo_row *row)
{
    const elbo_family *const family = e->family;
    double allowance = 0;

    ELBO_TRY(family->gather(e, row));
    if (e->regretted) e->regret += e->best - e->present;
    ELBO_TRY(family->m_step(e, row));
    ELBO_TRY(family->e_step(e, row, &allowance));
    ELBO_TRY(family->record(e, row));
    if (e->regretted) row->own.x[row->own.n++] = e->regret;
    e->present = row->return_real;
    if (family->watch) ELBO_TRY(family->watch(e, row, allowance));

    const double change = fabs(row->elbo - e->F);

    e->converged = e->iteration > 0 && !e->set.online
                   && !(family->restless && family->restless(e, row))
                   && change <= e->set.tolerance * (1 + fabs(row->elbo));
    e->F = row->elbo;
    e->iteration++;
    return ELBO_OK;
}

elbo_status elbo_engine_iterate(elbo_engine *engine, elbo_row *row)
{
    const unsigned long long number = engine->iteration + 1;

    *row = (elbo_row){.iteration = number};

    const elbo_status s = iterate(engine, row);

    if (s == ELBO_OK) return s;
    if (s == ELBO_ENOTFINITE) {
        const elbo_error error = *elbo_last_error();

        elbo_fail_at(ELBO_ECHECK, error.file, error.line, "%s", error.text);
    }
    return elbo_fail_prefix("iteration %llu", number);
}

elbo_verdict elbo_engine_verdict(const elbo_engine *engine)
{
    if (engine->converged) return ELBO_CONVERGED;
    return engine->iteration >= engine->set.iterations ? ELBO_BUDGET
                                                       : ELBO_RUNNING;
}

uint64_t elbo_engine_iteration(const elbo_engine *engine)
{
    return engine->iteration;
}

uint64_t elbo_engine_budget(const elbo_engine *engine)
{
    return engine->set.iterations;
}

elbo_optimality elbo_engine_optimality(const elbo_engine *engine)
{
    return engine->problem.optimality;
}

double elbo_engine_feedback(const elbo_engine *engine)
{
    return engine->set.kappa;
}

const char *const *elbo_engine_columns(const elbo_engine *engine)
{
    return engine->columns;
}

elbo_extent elbo_engine_extent(const elbo_engine *engine)
{
    return engine->family->extent(engine);
}

elbo_status elbo_engine_check_gradient(elbo_engine *engine,
                                       elbo_derivative_check *out)
{
    const elbo_mark mark = elbo_arena_mark(engine->ws);

    *out = (elbo_derivative_check){0};

    const elbo_status s = engine->family->check_gradient(engine, out);

    elbo_arena_release(engine->ws, mark);
    return s;
}

/* ---- state ---- */

void elbo_engine_save(const elbo_engine *engine, elbo_writer *out)
{
    elbo_writer_section(out, "engine");
    elbo_put_u64(out, engine->iteration);
    elbo_put_f64(out, engine->F);
    elbo_put_u64(out, engine->converged);
    elbo_put_f64(out, engine->present);
    elbo_put_f64(out, engine->regret);
    engine->family->save(engine, out);
}

static elbo_status load_own(elbo_engine *e, elbo_reader *in)
{
    uint64_t converged = 0;

    ELBO_TRY(elbo_reader_section(in, "engine"));
    ELBO_TRY(elbo_get_u64(in, &e->iteration));
    ELBO_TRY(elbo_get_f64(in, &e->F));
    ELBO_TRY(elbo_get_u64(in, &converged));
    ELBO_TRY(elbo_get_f64(in, &e->present));
    ELBO_TRY(elbo_get_f64(in, &e->regret));
    if (e->iteration > e->set.iterations || converged > 1 || isnan(e->F))
        return ELBO_FAIL(ELBO_EDATA,
                         "checkpoint: iteration %llu of %llu, F = %g",
                         (unsigned long long)e->iteration,
                         (unsigned long long)e->set.iterations, e->F);
    e->converged = converged;
    return ELBO_OK;
}

elbo_status elbo_engine_load(elbo_engine *engine, elbo_reader *in)
{
    ELBO_TRY(load_own(engine, in));
    return engine->family->load(engine, in);
}

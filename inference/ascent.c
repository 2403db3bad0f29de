#include "inference/ascent.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const elbo_ascender *const elbo_ascenders[] = {
    &elbo_ascender_bfgs,
    &elbo_ascender_adam,
    &elbo_ascender_spg,
    &elbo_ascender_gd,
    NULL,
};

const elbo_ascender *const elbo_searchers[] = {
    &elbo_ascender_nelder_mead,
    &elbo_ascender_differences,
    &elbo_ascender_evolution,
    &elbo_ascender_gp,
    NULL,
};

static const elbo_ascender *find(const elbo_ascender *const list[],
                                 const char *name)
{
    for (size_t i = 0; list[i]; i++)
        if (strcmp(list[i]->name, name) == 0) return list[i];
    return NULL;
}

const elbo_ascender *elbo_ascender_find(const char *name)
{
    const elbo_ascender *const along = find(elbo_ascenders, name);

    return along ? along : find(elbo_searchers, name);
}

void elbo_climb_try(elbo_climb *climb, const double x[], double *value,
                    double grad[])
{
    const elbo_summit *const f = climb->f;
    const elbo_status s = f->value(f->self, x, value, grad);

    if (s == ELBO_ENOMEM || s == ELBO_ESIZE) climb->fatal = s;
    if (s != ELBO_OK) {
        if (grad) memset(grad, 0, f->n * sizeof *grad);
        *value = -HUGE_VAL;
        return;
    }
    if (!(*value > climb->info->after)) return;
    climb->info->after = *value;
    memcpy(climb->best, x, f->n * sizeof *x);
}

/* x <- where the method stands, unless f fails there. */
static elbo_status take_last(elbo_climb *climb)
{
    double value;

    elbo_climb_try(climb, climb->x, &value, NULL);
    if (!isfinite(value)) return climb->fatal;
    climb->info->after = value;
    memcpy(climb->best, climb->x, climb->f->n * sizeof *climb->x);
    return climb->fatal;
}

elbo_status elbo_ascender_check(const elbo_ascender *method, size_t n)
{
    if (!method->most || n <= method->most) return ELBO_OK;
    return ELBO_FAIL(ELBO_EINVAL,
                     "gradient: %s searches %zu parameters at most, the model has %zu: use "
                     "nelder_mead, differences, evolution, or a model with fewer",
                     method->name, method->most, n);
}

static elbo_status run(elbo_climb *climb, double x[])
{
    const size_t n = climb->f->n;
    elbo_ascent_info *const info = climb->info;

    ELBO_TRY(elbo_ascender_check(climb->how->method, n));
    climb->x = elbo_arena_doubles(climb->ws, n);
    climb->best = elbo_arena_doubles(climb->ws, n);
    ELBO_TRY(elbo_arena_check(climb->ws, "a search for parameters"));
    ELBO_TRY(climb->f->value(climb->f->self, x, &info->before, NULL));
    info->after = info->before;
    memcpy(climb->x, x, n * sizeof *x);
    memcpy(climb->best, x, n * sizeof *x);
    ELBO_TRY(climb->how->method->run(climb));
    if (!climb->fatal && climb->how->last) ELBO_TRY(take_last(climb));
    if (climb->fatal) return climb->fatal;
    memcpy(x, climb->best, n * sizeof *x);
    return ELBO_OK;
}

elbo_status elbo_ascend(const elbo_ascent *how, const elbo_summit *f,
                        double x[], elbo_ascent_info *info, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_climb climb = {.f = f, .how = how, .info = info, .ws = ws};

    assert(!how->balls || (how->method->bounded && how->balls->n == f->n));
    *info = (elbo_ascent_info){0};

    const elbo_status s = run(&climb, x);

    elbo_arena_release(ws, mark);
    return s;
}

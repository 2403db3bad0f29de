/* inference/factors.c -- the factors of one run, and their arguments. */
#include "inference/factor.h"

#include <math.h>
#include <string.h>

/* One open factor. */
typedef struct open_factor {
    const elbo_factor *factor;
    const char *text; /* canonical */
    elbo_values options;
    void *self;
    double *values; /* [n] */
    size_t n;
    struct open_factor *rest;
} open_factor;

struct elbo_factor_set {
    elbo_arena *arena;
    open_factor *first, **end; /* in the order in which they joined */
};

/* ---- arguments ---- */

elbo_status elbo_factor_arguments(const elbo_factor_call *call,
                                  elbo_arena *arena, elbo_values *out,
                                  size_t *column, const char **nearest)
{
    const elbo_factor *factor = elbo_factor_find(call->what.name);

    *column = call->expr->column;
    *nearest = NULL;
    ELBO_TRY(elbo_values_init(out, factor->options, arena));
    if (call->n > out->n)
        return ELBO_FAIL(ELBO_EINVAL, "%s takes at most %zu argument%s, not %zu",
                         factor->name, out->n, out->n == 1 ? "" : "s", call->n);
    for (size_t i = 0; i < out->n; i++) {
        if (i >= call->n && out->value[i].text) continue;
        if (i >= call->n)
            return ELBO_FAIL(ELBO_EINVAL, "%s needs its argument %s",
                             factor->name, factor->options[i].name);

        const elbo_expr *arg = call->expr->arg[i];
        const char *text = elbo_expression_text(arg, arena);
        size_t within;

        ELBO_TRY(elbo_arena_check(arena, "a factor's arguments"));
        *column = arg->column;
        ELBO_TRY(elbo_values_set(out, i, text, &within, nearest));
    }
    return ELBO_OK;
}

elbo_status elbo_factors_check(const elbo_expr *expr, elbo_arena *arena,
                               size_t *column, const char **nearest)
{
    elbo_factor_call *calls;
    elbo_values unused;
    size_t n;

    ELBO_TRY(elbo_expr_factors(expr, arena, &calls, &n));
    for (size_t i = 0; i < n; i++)
        ELBO_TRY(elbo_factor_arguments(&calls[i], arena, &unused, column,
                                       nearest));
    *column = 0;
    return ELBO_OK;
}

/* ---- the set ---- */

elbo_status elbo_factors_open(elbo_arena *arena, elbo_factor_set **out)
{
    elbo_factor_set *set = elbo_arena_take(arena, 1, sizeof *set);

    ELBO_TRY(elbo_arena_check(arena, "the factors"));
    set->arena = arena;
    set->end = &set->first;
    *out = set;
    return ELBO_OK;
}

void elbo_factors_close(elbo_factor_set *set)
{
    for (open_factor *f = set ? set->first : NULL; f; f = f->rest)
        if (f->factor->close && f->self) f->factor->close(f->self);
}

static size_t count_of(elbo_factor_shape shape, const elbo_factor_view *view)
{
    const size_t nS = view->world->nS;
    const size_t n[] = {
        [ELBO_FACTOR_ROW] = nS * view->world->nA,
        [ELBO_FACTOR_ENTRY] = view->belief->mean.pattern->nnz,
        [ELBO_FACTOR_STATE] = nS + 1,
        [ELBO_FACTOR_EPOCH] = view->epochs,
    };

    return n[shape];
}

static elbo_status open_one(elbo_factor_set *set, const elbo_factor_call *call,
                            const elbo_factor_view *view)
{
    open_factor *f = elbo_arena_take(set->arena, 1, sizeof *f);
    const size_t n = count_of(call->what.shape, view);
    double *values = elbo_arena_doubles(set->arena, n);
    const char *text = elbo_arena_text(set->arena, call->text), *nearest;
    size_t column;

    ELBO_TRY(elbo_arena_check(set->arena, "a factor"));
    memset(values, 0, n * sizeof *values);
    *f = (open_factor){.factor = elbo_factor_find(call->what.name),
                       .text = text,
                       .values = values,
                       .n = n};
    ELBO_TRY(elbo_factor_arguments(call, set->arena, &f->options, &column,
                                   &nearest));
    *set->end = f; /* also what opens in part is closed */
    set->end = &f->rest;
    if (f->factor->open
        && f->factor->open(&f->options, view, set->arena, &f->self) != ELBO_OK)
        return elbo_fail_prefix("%s", text);
    return ELBO_OK;
}

static const open_factor *find(const elbo_factor_set *set, const char *text)
{
    const open_factor *f = set->first;

    while (f && strcmp(f->text, text) != 0) f = f->rest;
    return f;
}

elbo_status elbo_factors_join(elbo_factor_set *set, const elbo_expr *expr,
                              const elbo_factor_view *view,
                              const double *const **values)
{
    elbo_factor_call *calls;
    size_t n;

    ELBO_TRY(elbo_expr_factors(expr, set->arena, &calls, &n));

    const double **of = elbo_arena_take(set->arena, n, sizeof *of);

    ELBO_TRY(elbo_arena_check(set->arena, "an expression's factors"));
    for (size_t i = 0; i < n; i++) {
        if (!find(set, calls[i].text)) ELBO_TRY(open_one(set, &calls[i], view));
        of[i] = find(set, calls[i].text)->values;
    }
    *values = of;
    return ELBO_OK;
}

static elbo_status update_one(const open_factor *f,
                              const elbo_factor_view *view, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s =
        f->factor->update(f->self, &f->options, view, f->values, ws);

    elbo_arena_release(ws, mark);
    if (s != ELBO_OK) return elbo_fail_prefix("%s", f->text);
    for (size_t i = 0; i < f->n; i++)
        if (!isfinite(f->values[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "%s: value %zu of %zu is %g",
                             f->text, i, f->n, f->values[i]);
    return ELBO_OK;
}

elbo_status elbo_factors_update(elbo_factor_set *set,
                                const elbo_factor_view *view, elbo_arena *ws)
{
    for (const open_factor *f = set->first; f; f = f->rest)
        ELBO_TRY(update_one(f, view, ws));
    return ELBO_OK;
}

elbo_status elbo_factors_follow(elbo_factor_set *set,
                                const elbo_factor_view *view, elbo_arena *ws)
{
    for (const open_factor *f = set->first; f; f = f->rest)
        if (f->factor->follows) ELBO_TRY(update_one(f, view, ws));
    return ELBO_OK;
}

/* ---- checkpoints ---- */

void elbo_factors_save(const elbo_factor_set *set, elbo_writer *out)
{
    for (const open_factor *f = set->first; f; f = f->rest) {
        elbo_put_u64(out, f->n);
        elbo_put_doubles(out, f->values, f->n);
        if (f->factor->save) f->factor->save(f->self, out);
    }
}

elbo_status elbo_factors_load(elbo_factor_set *set, elbo_reader *in)
{
    for (open_factor *f = set->first; f; f = f->rest) {
        uint64_t n = 0;

        ELBO_TRY(elbo_get_u64(in, &n));
        if (n != f->n)
            return ELBO_FAIL(ELBO_EDATA,
                             "checkpoint: %s has %llu values, not %zu", f->text,
                             (unsigned long long)n, f->n);
        ELBO_TRY(elbo_get_doubles(in, f->values, f->n));
        if (f->factor->load) ELBO_TRY(f->factor->load(f->self, in));
    }
    return ELBO_OK;
}

#include "inference/weight/task_factors.h"

#include <math.h>
#include <string.h>

const elbo_task_factor *const elbo_task_factors[] = {
    &elbo_task_occupancy,
    &elbo_task_logratio,
    &elbo_task_distance,
    NULL,
};

const elbo_factor_name elbo_task_factor_words[] = {
    {"occupancy", ELBO_FACTOR_ROW, false},
    {"logratio",      ELBO_FACTOR_ENTRY, false},
    {"distance_to",  ELBO_FACTOR_ROW, false},
    {0     },
};

enum { MOST = 2 * ELBO_NETWORK_FACTORS, FACTORS = 3 };

/* ---- shared by factors ---- */

elbo_logistic_config elbo_classifier_config(const elbo_values *options)
{
    elbo_logistic_config config = elbo_logistic_defaults;

    config.width = (size_t)elbo_int(options, "width");
    return config;
}

void elbo_put_pair(const elbo_replay *data, size_t slot, float out[])
{
    memcpy(out, data->o + slot * data->no, data->no * sizeof *out);
    memcpy(out + data->no, data->u + slot * data->nu, data->nu * sizeof *out);
}

/* ---- arguments ---- */

static const elbo_task_factor *find(const char *name)
{
    for (size_t i = 0; elbo_task_factors[i]; i++)
        if (strcmp(elbo_task_factors[i]->name, name) == 0)
            return elbo_task_factors[i];
    return NULL;
}

static const elbo_option *lookup(const char *name, bool *known,
                                 const char **nearest)
{
    const elbo_task_factor *const factor = find(name);

    *known = factor != NULL;
    *nearest = NULL;
    return factor ? factor->options : NULL;
}

/* *column in the call's canonical text. */
static elbo_status arguments(const char *text, elbo_arena *arena,
                             const elbo_task_factor **factor,
                             elbo_values *values, size_t *column,
                             const char **nearest)
{
    const char *name;

    ELBO_TRY(
        elbo_call_parse(text, lookup, arena, &name, values, column, nearest));
    *factor = find(name);
    return ELBO_OK;
}

/* The denominator of a quotient of occupancies. */
static bool is_data(const elbo_expr *e)
{
    return strcmp(e->name, "occupancy") == 0 && e->n == 1
           && e->arg[0]->kind == ELBO_EXPR_NAME
           && strcmp(e->arg[0]->name, "data") == 0;
}

elbo_status elbo_task_factors_check(const elbo_expr *expr, elbo_arena *arena,
                                    size_t *column, const char **nearest)
{
    elbo_factor_call *call;
    size_t n;

    ELBO_TRY(elbo_expr_factors(expr, arena, &call, &n));
    for (size_t i = 0; i < n; i++) {
        const elbo_task_factor *factor;
        elbo_values values;
        size_t place;

        if (is_data(call[i].expr)) continue;
        *column = call[i].expr->column;
        ELBO_TRY(
            arguments(call[i].text, arena, &factor, &values, &place, nearest));
    }
    return ELBO_OK;
}

elbo_status elbo_task_factors_anywhere(const elbo_expr *expr, elbo_arena *arena,
                                       size_t *column)
{
    elbo_factor_call *call;
    size_t n;

    ELBO_TRY(elbo_expr_factors(expr, arena, &call, &n));
    for (size_t i = 0; i < n; i++) {
        if (find(call[i].what.name)->at) continue;
        *column = call[i].expr->column;
        return ELBO_FAIL(ELBO_EINVAL, "%s: it is known at rows of the data alone",
                         call[i].what.name);
    }
    return ELBO_OK;
}

/* ---- the set ---- */

typedef struct member {
    const char *text;
    const elbo_task_factor *factor;
    elbo_values options;
    void *self;
    double *values; /* [capacity] */
} member;

struct elbo_task_factor_set {
    elbo_arena *arena;
    size_t capacity, n;
    member member[MOST];
};

elbo_status elbo_task_factors_open(size_t capacity, elbo_arena *arena,
                                   elbo_task_factor_set **out)
{
    *out = elbo_arena_take(arena, 1, sizeof **out);
    ELBO_TRY(elbo_arena_check(arena, "the factors"));
    **out = (elbo_task_factor_set){.arena = arena, .capacity = capacity};
    return ELBO_OK;
}

static elbo_status add(elbo_task_factor_set *set, const char *text,
                       const elbo_task_view *view)
{
    member *const m = &set->member[set->n];
    const char *nearest;
    size_t column;

    if (set->n == MOST)
        return ELBO_FAIL(ELBO_EINVAL, "more than %d factors", MOST);
    m->text = text;
    ELBO_TRY(arguments(text, set->arena, &m->factor, &m->options, &column,
                       &nearest));
    m->values = elbo_arena_doubles(set->arena, set->capacity);
    ELBO_TRY(elbo_arena_check(set->arena, "the factors"));
    for (size_t i = 0; i < set->capacity; i++) m->values[i] = 1;
    ELBO_TRY(m->factor->open(&m->options, view, set->arena, &m->self));
    set->n++;
    return ELBO_OK;
}

/* Its number, or how many there are. */
static size_t number_of(const elbo_task_factor_set *set, const char *text)
{
    size_t k = 0;

    while (k < set->n && strcmp(set->member[k].text, text) != 0) k++;
    return k;
}

elbo_status elbo_task_factors_join(elbo_task_factor_set *set,
                                   elbo_task_objective *objective,
                                   const elbo_task_view *view)
{
    const bool pays = elbo_task_objective_role(objective) == ELBO_TASK_REWARD;
    const elbo_network_factor *factor;
    const size_t n = elbo_task_objective_factors(objective, &factor);

    for (size_t i = 0; i < n; i++) {
        const size_t k = number_of(set, factor[i].text);

        if (k == set->n && add(set, factor[i].text, view) != ELBO_OK)
            return elbo_fail_prefix("column %zu", factor[i].call->column + 1);
        if (!pays)
            elbo_task_objective_set_factor(objective, i, set->member[k].values);
    }
    return ELBO_OK;
}

elbo_status elbo_task_factors_at(const elbo_task_factor_set *set,
                                 elbo_task_objective *reward,
                                 const elbo_replay *rows, elbo_arena *ws)
{
    const elbo_network_factor *factor;
    const size_t n = elbo_task_objective_factors(reward, &factor);

    for (size_t i = 0; i < n; i++) {
        const member *const m = &set->member[number_of(set, factor[i].text)];
        double *const out = elbo_arena_doubles(ws, rows->n);

        ELBO_TRY(elbo_arena_check(ws, "the factors"));
        if (m->factor->at(m->self, rows, out, ws) != ELBO_OK)
            return elbo_fail_prefix("%s", m->text);
        elbo_task_objective_set_factor(reward, i, out);
    }
    return ELBO_OK;
}

static elbo_status update(member *m, const elbo_task_view *view, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = m->factor->update(m->self, view, m->values, ws);

    elbo_arena_release(ws, mark);
    if (s != ELBO_OK) return elbo_fail_prefix("%s", m->text);
    for (size_t i = 0; i < view->data->n; i++)
        if (!isfinite(m->values[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "%s: %g in row %zu", m->text,
                             m->values[i], i);
    return ELBO_OK;
}

elbo_status elbo_task_factors_update(elbo_task_factor_set *set,
                                     const elbo_task_view *view, elbo_arena *ws)
{
    for (size_t i = 0; i < set->n && view->data->n > 0; i++)
        ELBO_TRY(update(&set->member[i], view, ws));
    return ELBO_OK;
}

void elbo_task_factors_save(const elbo_task_factor_set *set, elbo_writer *out)
{
    elbo_put_u64(out, set->n);
    for (size_t i = 0; i < set->n; i++) {
        const member *const m = &set->member[i];

        elbo_put_doubles(out, m->values, set->capacity);
        if (m->factor->save) m->factor->save(m->self, out);
    }
}

elbo_status elbo_task_factors_load(elbo_task_factor_set *set, elbo_reader *in)
{
    uint64_t n = 0;

    ELBO_TRY(elbo_get_u64(in, &n));
    if (n != set->n)
        return ELBO_FAIL(ELBO_EDATA, "checkpoint: %llu factors, not %zu",
                         (unsigned long long)n, set->n);
    for (size_t i = 0; i < set->n; i++) {
        member *const m = &set->member[i];

        ELBO_TRY(elbo_get_doubles(in, m->values, set->capacity));
        if (m->factor->load) ELBO_TRY(m->factor->load(m->self, in));
    }
    return ELBO_OK;
}

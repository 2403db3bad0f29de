/* inference/language/lookup.c -- tables over states and (state, action), read
 * at s, next and y; END's rows, its coordinates too, are 0.
 */
#include <assert.h>
#include <string.h>

#include "inference/language/meaning.h"
#include "inference/language/quantity.h"

/* Where a state of the text stands; and it with the sample's action or stage. */
static const struct {
    const char *name;
    elbo_domain at, pairs;
    elbo_place_index *state, *value, *plan;
} states[] = {
    {"s",    ELBO_AT_ROW,    ELBO_AT_ROW,    elbo_place_s,     elbo_place_value_s,
     elbo_place_plan_s                                                              },
    {"next", ELBO_AT_SAMPLE, ELBO_AT_SAMPLE, elbo_place_next,
     elbo_place_value_next, elbo_place_plan_next                                    },
    {"y",    ELBO_AT_STATE,  ELBO_AT_ENTRY,  elbo_place_state, elbo_place_value_y,
     elbo_place_plan_y                                                              },
};

/* ... and its value in the transition's round of collection. */
static const struct {
    elbo_domain at;
    elbo_place_index *then;
} rounds[] = {
    {ELBO_AT_SAMPLE, elbo_place_then_s   },
    {ELBO_AT_SAMPLE, elbo_place_then_next},
    {ELBO_AT_PAIR,   elbo_place_then_y   },
};

enum { STATES = sizeof states / sizeof *states };

/* The state that an argument is, under any stop. */
static size_t state_of(const elbo_expr *e)
{
    while (e->kind == ELBO_EXPR_CALL) e = e->arg[0];
    for (size_t i = 0; i < STATES; i++)
        if (strcmp(e->name, states[i].name) == 0) return i;
    assert(!"a checked expression");
    return 0;
}

elbo_quantity elbo_lookup_state(elbo_compiler *c, elbo_quantity table,
                                const elbo_expr *state)
{
    const size_t i = state_of(state);

    if (states[i].at == ELBO_AT_STATE) return table;
    return elbo_quantity_gather(c, table, states[i].at, states[i].state);
}

/* Of a table with a block a stage, where there are stages. */
static elbo_quantity value_at(elbo_compiler *c, elbo_quantity table,
                              const elbo_expr *state)
{
    const size_t i = state_of(state);

    if (!c->program->batch.stages) return elbo_lookup_state(c, table, state);
    return elbo_quantity_gather(c, table, states[i].pairs, states[i].value);
}

static elbo_quantity plan_at(elbo_compiler *c, elbo_quantity table,
                             const elbo_expr *state)
{
    const size_t i = state_of(state);

    return elbo_quantity_gather(c, table, states[i].pairs, states[i].plan);
}

static bool is_number(elbo_table table)
{
    return table == ELBO_TABLE_J || table == ELBO_TABLE_JMODEL
           || table == ELBO_TABLE_JCWPDIS || table == ELBO_TABLE_GRADJ_ERROR;
}

static bool is_value(elbo_table table)
{
    return table == ELBO_TABLE_V || table == ELBO_TABLE_V_TARGET;
}

/* How many numbers a table binds, and how many of END stand behind them. */
static size_t bound(const elbo_batch *batch, elbo_table table, size_t *end)
{
    const size_t values = elbo_batch_values(batch) * (batch->nS + 1);

    *end = 0;
    if (is_number(table)) return 1;
    if (table == ELBO_TABLE_V_THEN)
        return (batch->epochs ? batch->epochs : 1) * values;
    *end = is_value(table) ? 1 : batch->nA;
    if (is_value(table)) return values - 1;
    return elbo_batch_plans(batch) * batch->nS * batch->nA;
}

/* Of the table's rows. */
static elbo_domain domain_of(const elbo_batch *batch, elbo_table table)
{
    if (is_number(table)) return ELBO_AT_ALL;
    return is_value(table) && batch->stages ? ELBO_AT_STAGE : ELBO_AT_STATE;
}

/* Past and frozen values do not move; nor does theta reach them. */
static bool is_frozen(elbo_table table)
{
    return table == ELBO_TABLE_V_THEN || table == ELBO_TABLE_V_TARGET;
}

/* Held, these do not move at all; occupancy and Jmodel move with the model. */
static bool is_still(elbo_table table)
{
    return table == ELBO_TABLE_LOGPI || table == ELBO_TABLE_J
           || table == ELBO_TABLE_JCWPDIS;
}

static elbo_quantity table_of(elbo_compiler *c, elbo_table table)
{
    const bool held = c->fixed_pi && c->program->sloped;
    const bool live =
        c->program->sloped && !is_frozen(table) && !(held && is_still(table));
    elbo_binding *const b =
        held ? &c->program->held[table] : &c->program->binding[table];
    size_t end;
    const size_t n = bound(&c->program->batch, table, &end);

    if (c->status != ELBO_OK || b->used) return b->value;
    b->last = elbo_arena_take(c->program->arena, n + end, sizeof *b->last);
    b->last_slope =
        live ? elbo_arena_doubles(c->program->arena, n + end) : b->last;
    if (!b->last || !b->last_slope) {
        c->status = ELBO_FAIL(ELBO_ENOMEM, "a table of %zu values", n + end);
        return elbo_quantity_number(0);
    }
    b->n = n;
    b->value = elbo_quantity_leaf(c, domain_of(&c->program->batch, table),
                                  n + end, 1, live);
    b->used = true;
    return b->value;
}

elbo_quantity elbo_lookup_scalar(elbo_compiler *c, elbo_table table)
{
    return table_of(c, table);
}

elbo_quantity elbo_lookup_here(elbo_compiler *c, elbo_table table)
{
    return elbo_quantity_gather(c, table_of(c, table), ELBO_AT_ROW,
                                elbo_place_plan_s);
}

elbo_quantity elbo_lookup_call(elbo_compiler *c, elbo_table table,
                               const elbo_expr *e)
{
    const elbo_quantity whole = table_of(c, table);

    return is_value(table) ? value_at(c, whole, e->arg[0])
                           : plan_at(c, whole, e->arg[0]);
}

/* One round: V_then is a function of states like any other. */
elbo_quantity elbo_lookup_then(elbo_compiler *c, const elbo_expr *e)
{
    const elbo_quantity table = table_of(c, ELBO_TABLE_V_THEN);
    const size_t i = state_of(e->arg[0]);

    if (c->program->batch.epochs <= 1) return value_at(c, table, e->arg[0]);
    return elbo_quantity_gather(c, table, rounds[i].at, rounds[i].then);
}

static elbo_quantity all_rows(elbo_compiler *c, elbo_quantity table)
{
    const size_t n = c->program->layout.size[ELBO_AT_MODEL_ROW];
    uint32_t *const index = elbo_arena_u32(c->program->arena, n);

    if (!index && c->status == ELBO_OK)
        c->status = ELBO_FAIL(ELBO_ENOMEM, "a policy of %zu rows", n);
    for (size_t i = 0; index && i < n; i++) index[i] = (uint32_t)i;
    return elbo_quantity_rows(c, table, ELBO_AT_MODEL_ROW, index);
}

elbo_quantity elbo_lookup_policy(elbo_compiler *c, elbo_domain at)
{
    const elbo_quantity logpi = table_of(c, ELBO_TABLE_LOGPI);
    const elbo_quantity rows =
        at == ELBO_AT_ROW
            ? elbo_quantity_gather(c, logpi, at, elbo_place_plan_s)
            : all_rows(c, logpi);

    return elbo_quantity_unary(c, ELBO_EXP, rows);
}

/* ---- coordinates ---- */

static bool has_coordinates(elbo_compiler *c, const char *what)
{
    if (c->status != ELBO_OK) return false;
    if (c->program->batch.coord) return true;
    c->status = ELBO_FAIL(
        ELBO_EINVAL, "states of this world have no coordinates: no %s", what);
    return false;
}

static elbo_quantity coordinates(elbo_compiler *c)
{
    const elbo_batch *const batch = &c->program->batch;
    const size_t n = batch->nS * batch->dim;

    if (c->coordinates.made) return c->coordinates;

    double *const x =
        elbo_arena_take(c->program->arena, n + batch->dim, sizeof *x);

    if (!x) {
        c->status = ELBO_FAIL(ELBO_ENOMEM, "coordinates of %zu states", n);
        return elbo_quantity_number(0);
    }
    for (size_t i = 0; i < n; i++) x[i] = batch->coord[i];
    c->coordinates = elbo_quantity_constant(c, ELBO_AT_STATE, batch->dim, x);
    return c->coordinates;
}

elbo_quantity elbo_lookup_coordinates(elbo_compiler *c, const elbo_expr *state)
{
    if (!has_coordinates(c, state->name)) return elbo_quantity_number(0);
    return elbo_lookup_state(c, coordinates(c), state);
}

elbo_quantity elbo_lookup_slope(elbo_compiler *c, const elbo_expr *e)
{
    elbo_quantity *const slope = &c->slope[c->fixed_pi];

    if (!has_coordinates(c, e->name)) return elbo_quantity_number(0);
    if (!slope->made)
        *slope = elbo_quantity_slope(c, table_of(c, ELBO_TABLE_V));
    return value_at(c, *slope, e->arg[0]);
}

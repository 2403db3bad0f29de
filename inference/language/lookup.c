/* inference/language/lookup.c -- tables over states and (state, action), read
 * at s, next and y; END's rows, its coordinates too, are 0.
 */
#include <assert.h>
#include <string.h>

#include "inference/language/meaning.h"
#include "inference/language/quantity.h"

/* Where a state of the text stands. */
static const struct {
    const char *name;
    elbo_domain at, pairs;
    elbo_place_index *state, *pair;
} states[] = {
    {"s",    ELBO_AT_ROW,    ELBO_AT_ROW,    elbo_place_s,     elbo_place_sa   },
    {"next", ELBO_AT_SAMPLE, ELBO_AT_SAMPLE, elbo_place_next,  elbo_place_nexta},
    {"y",    ELBO_AT_STATE,  ELBO_AT_ENTRY,  elbo_place_state, elbo_place_ya   },
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

static elbo_quantity at_pair(elbo_compiler *c, elbo_quantity table,
                             const elbo_expr *state)
{
    const size_t i = state_of(state);

    return elbo_quantity_gather(c, table, states[i].pairs, states[i].pair);
}

/* How many numbers a table binds, and how many END has. */
static size_t bound(const elbo_batch *batch, elbo_table table, size_t *end)
{
    *end = 0;
    if (table == ELBO_TABLE_J || table == ELBO_TABLE_JMODEL) return 1;
    *end = table == ELBO_TABLE_V ? 1 : batch->nA;
    return batch->nS * *end;
}

/* Held, these do not move at all; occupancy and Jmodel move with the model. */
static bool is_still(elbo_table table)
{
    return table == ELBO_TABLE_LOGPI || table == ELBO_TABLE_J;
}

static elbo_quantity table_of(elbo_compiler *c, elbo_table table)
{
    const bool held = c->fixed_pi && c->program->sloped && table != ELBO_TABLE_V
                      && table != ELBO_TABLE_Q;
    const bool live = c->program->sloped && !(held && is_still(table));
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
    b->value = elbo_quantity_leaf(c, end ? ELBO_AT_STATE : ELBO_AT_ALL, n + end,
                                  1, live);
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
                                elbo_place_sa);
}

elbo_quantity elbo_lookup_call(elbo_compiler *c, elbo_table table,
                               const elbo_expr *e)
{
    const elbo_quantity whole = table_of(c, table);

    return table == ELBO_TABLE_V ? elbo_lookup_state(c, whole, e->arg[0])
                                 : at_pair(c, whole, e->arg[0]);
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
    if (!has_coordinates(c, e->name)) return elbo_quantity_number(0);
    if (!c->slope.made)
        c->slope = elbo_quantity_slope(c, table_of(c, ELBO_TABLE_V));
    return elbo_lookup_state(c, c->slope, e->arg[0]);
}

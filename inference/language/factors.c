/* inference/language/factors.c -- auxiliary factors in a tree and on the tape.
 *
 * Each is a table that a run binds and theta does not move (an input of a twin's
 * `live`, if it learns), read at (s, a), at
 * the transition's entry or y's, at a state, or at the round of collection.
 */
#include <assert.h>
#include <string.h>

#include "inference/language/meaning.h"
#include "inference/language/quantity.h"

const char *elbo_factor_text(const elbo_expr *call, elbo_arena *arena)
{
    elbo_expr bare = *call;

    if (call->factor->shape == ELBO_FACTOR_STATE) bare.n--;
    if (bare.n == 0) bare.kind = ELBO_EXPR_NAME;
    return elbo_expression_text(&bare, arena);
}

static size_t count_calls(const elbo_expr *e)
{
    size_t n = e->factor != NULL;

    for (size_t i = 0; i < e->n; i++) n += count_calls(e->arg[i]);
    return n;
}

static size_t find(const elbo_factor_call calls[], size_t n, const char *text)
{
    size_t i = 0;

    while (i < n && strcmp(calls[i].text, text) != 0) i++;
    return i;
}

/* Depth first, from the left. */
static void list(const elbo_expr *e, elbo_arena *arena, elbo_factor_call out[],
                 size_t *n)
{
    if (e->factor) {
        const char *text = elbo_factor_text(e, arena);
        const bool of_state = e->factor->shape == ELBO_FACTOR_STATE;

        if (!text || find(out, *n, text) < *n) return;
        out[(*n)++] = (elbo_factor_call){text, *e->factor, e, e->n - of_state};
        return;
    }
    for (size_t i = 0; i < e->n; i++) list(e->arg[i], arena, out, n);
}

elbo_status elbo_expr_factors(const elbo_expr *expr, elbo_arena *arena,
                              elbo_factor_call **out, size_t *n)
{
    elbo_factor_call *calls =
        elbo_arena_take(arena, count_calls(expr), sizeof *calls);

    *n = 0;
    if (calls) list(expr, arena, calls, n);
    *out = calls;
    return elbo_arena_check(arena, "an expression's factors");
}

/* ---- on the tape ---- */

/* How many numbers the shape has. */
static size_t bound(const elbo_batch *batch, elbo_factor_shape shape)
{
    const size_t n[] = {
        [ELBO_FACTOR_ROW] = batch->nS * batch->nA,
        [ELBO_FACTOR_ENTRY] = batch->nnz,
        [ELBO_FACTOR_STATE] = batch->nS + 1,
        [ELBO_FACTOR_EPOCH] = batch->epochs ? batch->epochs : 1,
    };

    return n[shape];
}

elbo_status elbo_factors_init(elbo_program *program, const elbo_expr *expr)
{
    ELBO_TRY(elbo_expr_factors(expr, program->arena, &program->calls,
                               &program->n_factors));
    program->factor = elbo_arena_take(program->arena, program->n_factors,
                                      sizeof *program->factor);
    return elbo_arena_check(program->arena, "an objective's factors");
}

static elbo_quantity table_of(elbo_compiler *c, size_t i)
{
    elbo_program *const program = c->program;
    elbo_binding *const b = &program->factor[i];
    const elbo_factor_name what = program->calls[i].what;
    const size_t n = bound(&program->batch, what.shape);
    const bool live = program->sloped && what.learns;

    if (c->status != ELBO_OK || b->used) return b->value;
    b->last = elbo_arena_take(program->arena, n, sizeof *b->last);
    b->last_slope = live ? elbo_arena_doubles(program->arena, n) : b->last;
    if (!b->last || !b->last_slope) {
        c->status = ELBO_FAIL(ELBO_ENOMEM, "a factor's %zu values", n);
        return elbo_quantity_number(0);
    }
    b->n = n;
    b->value = elbo_quantity_leaf(c, ELBO_AT_STATE, n, 1, live);
    b->used = true;
    return b->value;
}

elbo_quantity elbo_factor_quantity(elbo_compiler *c, const elbo_expr *e)
{
    const char *text = elbo_factor_text(e, c->program->arena);

    if (c->status == ELBO_OK && !text)
        c->status = ELBO_FAIL(ELBO_ENOMEM, "a factor's name");
    if (c->status != ELBO_OK) return elbo_quantity_number(0);

    const size_t i = find(c->program->calls, c->program->n_factors, text);

    assert(i < c->program->n_factors);

    const elbo_quantity table = table_of(c, i);

    if (e->factor->shape == ELBO_FACTOR_STATE)
        return elbo_lookup_state(c, table, e->arg[e->n - 1]);
    if (e->factor->shape == ELBO_FACTOR_ROW)
        return elbo_quantity_gather(c, table, ELBO_AT_ROW, elbo_place_sa);
    if (e->factor->shape == ELBO_FACTOR_EPOCH)
        return elbo_quantity_gather(c, table, ELBO_AT_SAMPLE, elbo_place_epoch);
    if (e->depends & ELBO_ON_Y)
        return elbo_quantity_gather(c, table, ELBO_AT_ENTRY,
                                    elbo_place_pattern);
    return elbo_quantity_gather(c, table, ELBO_AT_SAMPLE, elbo_place_taken);
}

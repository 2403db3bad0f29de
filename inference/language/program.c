#include "inference/language/program.h"

#include <math.h>
#include <string.h>

#include "inference/language/compile.h"
#include "inference/language/fault.h"
#include "inference/language/meaning.h"
#include "inference/language/tiles.h"

enum { FIRST_BYTES = 16384 };

/* ---- making ---- */

/* Places of a tile: the last one is filled up with few others. */
static size_t even_tile(size_t n)
{
    const size_t tiles = (n + ELBO_TILE - 1) / ELBO_TILE;

    return tiles ? (n + tiles - 1) / tiles : 0;
}

/* Tiles of this unit, unless it is ALL; *too_wide: they do not do. */
static elbo_status compile(elbo_program *program, const elbo_expr *expr,
                           elbo_domain unit, size_t *column, bool *too_wide)
{
    elbo_compiler c = {.program = program, .end = &program->trace};

    ELBO_TRY(
        elbo_layout_init(&program->layout, &program->batch, program->arena));
    ELBO_TRY(elbo_factors_init(program, expr));

    const size_t n = program->layout.size[unit];

    program->tiled = unit != ELBO_AT_ALL && n > 0;
    program->unit = unit;
    program->tile = even_tile(n);

    const elbo_status s = elbo_compile(&c, expr);

    *too_wide = c.too_wide;
    if (s != ELBO_OK) *column = c.column;
    return s;
}

/* Room for the largest traced node, and the batch's constants in place. */
static elbo_status finish(elbo_program *program)
{
    size_t room = 1;

    ELBO_TRY(elbo_tape_finish(program->fixed));
    ELBO_TRY(elbo_tape_finish(program->live));
    for (const elbo_trace *t = program->trace; t; t = t->rest) {
        const size_t n = program->layout.size[t->value.at] * t->value.cols;

        if (n > room) room = n;
    }
    program->scratch = elbo_arena_doubles(program->arena, room);
    ELBO_TRY(elbo_arena_check(program->arena, "an objective"));
    for (const elbo_static *x = program->statics; x; x = x->rest)
        elbo_tape_set(program->fixed, x->node, x->values);
    return ELBO_OK;
}

static elbo_status open(elbo_program *program, const elbo_expr *expr,
                        elbo_domain unit, size_t *column, bool *too_wide)
{
    program->fixed = elbo_tape_alloc(ELBO_F64);
    program->live = elbo_tape_alloc(ELBO_F64);
    if (!program->fixed || !program->live)
        return ELBO_FAIL(ELBO_ENOMEM, "an objective's tapes");
    ELBO_TRY(compile(program, expr, unit, column, too_wide));
    return finish(program);
}

typedef struct choice {
    elbo_domain at;
    bool sloped;
} choice;

static elbo_status try_unit(const elbo_expr *expr, const elbo_batch *batch,
                            choice unit, elbo_program **out, size_t *column,
                            bool *too_wide)
{
    elbo_arena *const arena = elbo_arena_alloc(FIRST_BYTES);
    elbo_program *const program =
        arena ? elbo_arena_take(arena, 1, sizeof *program) : NULL;

    if (!program) {
        elbo_arena_free(arena);
        return ELBO_FAIL(ELBO_ENOMEM, "an objective");
    }
    program->arena = arena;
    program->batch = *batch;
    program->expr = expr;
    program->sloped = unit.sloped;

    const elbo_status s = open(program, expr, unit.at, column, too_wide);

    if (s == ELBO_OK)
        *out = program;
    else
        elbo_program_free(program);
    return s;
}

/* The smallest unit that does. */
elbo_status elbo_program_alloc(const elbo_expr *expr, const elbo_batch *batch,
                               elbo_program **out, size_t *column)
{
    static const choice units[] = {
        {ELBO_AT_ROW,    false},
        {ELBO_AT_SAMPLE, false},
        {ELBO_AT_ALL,    false}
    };
    elbo_status s = ELBO_OK;
    bool too_wide = true;

    *out = NULL;
    *column = 0;
    for (size_t i = 0; too_wide; i++) {
        too_wide = false;
        s = try_unit(expr, batch, units[i], out, column, &too_wide);
    }
    if (s == ELBO_OK) *column = 0;
    return s;
}

void elbo_program_free(elbo_program *program)
{
    if (!program) return;
    elbo_program_free(program->twin);
    elbo_tape_free(program->fixed);
    elbo_tape_free(program->live);
    elbo_arena_free(program->arena);
}

static bool reads_reward(const elbo_program *program)
{
    const elbo_intake *in = program->intakes;

    while (in && !elbo_intake_is_reward(in)) in = in->rest;
    return in;
}

bool elbo_program_needs(const elbo_program *program, const char *name)
{
    if (strcmp(name, "p") == 0) return program->intakes;
    if (strcmp(name, "samples") == 0) return program->draws;
    if (strcmp(name, "rhat") == 0) return reads_reward(program);
    for (elbo_table i = 0; i < ELBO_TABLES; i++)
        if (strcmp(name, elbo_table_names[i]) == 0)
            return program->binding[i].used;
    return false;
}

/* ---- running ---- */

/* Keeps the table and sets its leaf; false: it is as it was. */
static bool bind_table(elbo_program *program, elbo_binding *b, const double x[])
{
    const size_t size = b->n * sizeof *x;

    if (!b->used || (program->warm && memcmp(b->last, x, size) == 0))
        return false;
    memcpy(b->last, x, size);
    elbo_tape_set(b->value.live ? program->live : program->fixed, b->value.node,
                  b->last);
    return true;
}

static bool bind_each(elbo_program *program, elbo_binding to[],
                      const elbo_bindings *bind)
{
    const double *const bound[ELBO_TABLES] = {
        [ELBO_TABLE_V] = bind->V,
        [ELBO_TABLE_Q] = bind->Q,
        [ELBO_TABLE_LOGPI] = bind->logpi,
        [ELBO_TABLE_OCCUPANCY] = bind->occupancy,
        [ELBO_TABLE_J] = &bind->J,
        [ELBO_TABLE_JMODEL] = &bind->Jmodel,
        [ELBO_TABLE_JCWPDIS] = &bind->Jcwpdis,
        [ELBO_TABLE_GRADJ_ERROR] = &bind->gradJ_error,
        [ELBO_TABLE_V_TARGET] = bind->V_target,
        [ELBO_TABLE_V_THEN] = bind->V_then,
    };
    bool changed = false;

    for (elbo_table i = 0; i < ELBO_TABLES; i++)
        if (bind_table(program, &to[i], bound[i])) changed = true;
    return changed;
}

static bool bind_tables(elbo_program *program, const elbo_bindings *bind)
{
    bool changed = !program->warm;

    if (bind_each(program, program->binding, bind)) changed = true;
    if (bind_each(program, program->held, bind->held ? bind->held : bind))
        changed = true;
    for (size_t i = 0; i < program->n_factors; i++)
        if (bind_table(program, &program->factor[i], bind->factor[i]))
            changed = true;
    return changed;
}

/* What theta does not reach, where the live tape and the intakes need it. */
static void run_fixed(elbo_program *program)
{
    elbo_tape_forward(program->fixed);
    elbo_tile_carry(program);
    for (const elbo_intake *in = program->intakes; in; in = in->rest)
        if (in->f) elbo_tape_get(program->fixed, in->function, in->f);
    program->warm = true;
}

/* The intakes' x, and no derivatives yet. */
static void read_kernel(elbo_program *program, const elbo_bindings *bind)
{
    for (const elbo_intake *in = program->intakes; in; in = in->rest) {
        elbo_intake_forward(in, &program->layout, bind->p, bind->rhat);
        memset(in->g, 0,
               in->cols * program->layout.size[in->at] * sizeof *in->g);
    }
}

/* The total, and the intakes' derivatives when they are wanted. */
static double run_live(elbo_program *program, const elbo_bindings *bind,
                       bool wanted)
{
    const size_t tiles = elbo_tile_count(program);
    double total = 0;

    read_kernel(program, bind);
    for (size_t k = 0; k < tiles; k++) {
        double part;

        elbo_tile_forward(program, k);
        elbo_tape_get(program->live, program->total.node, &part);
        total += part;
        if (wanted) elbo_tile_backward(program, k);
    }
    return total;
}

static elbo_status add_derivative(const elbo_program *program,
                                  const elbo_bindings *bind, double G[],
                                  size_t *sample)
{
    ELBO_TRY(elbo_fault_derivative(program, sample));
    for (const elbo_intake *in = program->intakes; in; in = in->rest)
        if (!bind->rhat_known || !elbo_intake_is_reward(in))
            elbo_intake_backward(in, &program->layout, G);
    return ELBO_OK;
}

elbo_status elbo_program_run(elbo_program *program, const elbo_bindings *bind,
                             double *value, double G[], size_t *sample)
{
    const bool live = program->total.live;
    double total;

    *sample = 0;
    if (bind_tables(program, bind)) run_fixed(program);
    if (live)
        total = run_live(program, bind, G);
    else
        elbo_tape_get(program->fixed, program->total.node, &total);
    if (!isfinite(total)) return elbo_fault_value(program, total, sample);
    *value = total;
    return G && live ? add_derivative(program, bind, G, sample) : ELBO_OK;
}

/* The weights of the sum, in the layout's order. */
static void set_weights(elbo_program *program, const double weight[])
{
    const elbo_layout *const layout = &program->layout;

    for (size_t t = 0; t < program->batch.n; t++)
        program->scratch[t] = weight[layout->order[t]];
    elbo_tape_set(program->fixed, program->weight, program->scratch);
    program->warm = false;
}

elbo_status elbo_program_pull(elbo_program *program, const elbo_bindings *bind,
                              const double weight[], double G[], size_t *sample)
{
    double value;

    set_weights(program, weight);

    const elbo_status s = elbo_program_run(program, bind, &value, G, sample);

    set_weights(program, program->batch.weight);
    return s;
}

bool elbo_program_hold(elbo_program *program, bool held)
{
    const bool direct = program->expr->depends & ELBO_STOPS_THETA;

    if (program->twin) return elbo_program_hold(program->twin, held);
    if (held && (!program->warm || (direct && program->tiled))) return false;
    elbo_tape_hold(program->fixed, held);
    if (program->total.live && !program->tiled)
        elbo_tape_hold(program->live, held);
    return true;
}

/* ---- through the planner ---- */

static elbo_status make_twin(elbo_program *program)
{
    const choice all = {ELBO_AT_ALL, true};
    size_t column;
    bool too_wide;

    if (program->twin) return ELBO_OK;
    return try_unit(program->expr, &program->batch, all, &program->twin,
                    &column, &too_wide);
}

/* out[] += the total's derivative with respect to what the table binds; NULL:
 * not wanted. */
static void add_slope(const elbo_program *twin, const elbo_binding *b,
                      double out[])
{
    if (!out || !b->used || !b->value.live) return;
    elbo_tape_gradient(twin->live, b->value.node, b->last_slope);
    for (size_t i = 0; i < b->n; i++) out[i] += b->last_slope[i];
}

static void add_slopes(const elbo_program *twin, elbo_slopes *slopes)
{
    double *const out[ELBO_TABLES] = {
        [ELBO_TABLE_V] = slopes->V,
        [ELBO_TABLE_Q] = slopes->Q,
        [ELBO_TABLE_LOGPI] = slopes->logpi,
        [ELBO_TABLE_OCCUPANCY] = slopes->occupancy,
        [ELBO_TABLE_J] = &slopes->J,
        [ELBO_TABLE_JMODEL] = &slopes->Jmodel,
        [ELBO_TABLE_JCWPDIS] = &slopes->Jcwpdis,
        [ELBO_TABLE_GRADJ_ERROR] = &slopes->gradJ_error,
    };

    for (elbo_table i = 0; i < ELBO_TABLES; i++)
        add_slope(twin, &twin->binding[i], out[i]);
    add_slope(twin, &twin->held[ELBO_TABLE_V], slopes->V);
    add_slope(twin, &twin->held[ELBO_TABLE_Q], slopes->Q);
    add_slope(twin, &twin->held[ELBO_TABLE_OCCUPANCY], slopes->occupancy_held);
    add_slope(twin, &twin->held[ELBO_TABLE_JMODEL], &slopes->Jmodel_held);
    add_slope(twin, &twin->held[ELBO_TABLE_GRADJ_ERROR], &slopes->gradJ_error);
    for (size_t i = 0; slopes->factor && i < twin->n_factors; i++)
        add_slope(twin, &twin->factor[i], slopes->factor[i]);
}

elbo_status elbo_program_slopes(elbo_program *program,
                                const elbo_bindings *bind, double *value,
                                double G[], elbo_slopes *slopes, size_t *sample)
{
    *sample = 0;
    ELBO_TRY(make_twin(program));

    elbo_program *const twin = program->twin;

    elbo_draws_share(program, twin);
    if (!twin->total.live)
        return elbo_program_run(twin, bind, value, NULL, sample);
    if (bind_tables(twin, bind)) run_fixed(twin);

    const double total = run_live(twin, bind, true);

    if (!isfinite(total)) return elbo_fault_value(twin, total, sample);
    *value = total;
    ELBO_TRY(elbo_fault_slope(twin, sample));
    if (G) ELBO_TRY(add_derivative(twin, bind, G, sample));
    add_slopes(twin, slopes);
    return ELBO_OK;
}

/* ---- values ---- */

/* x [size of its domain], as the tapes have it now; live: tile by tile. */
static void read_quantity(elbo_program *program, const elbo_quantity *x,
                          double out[])
{
    const size_t tiles = x->live ? elbo_tile_count(program) : 1;

    if (x->is_number) out[0] = x->number;
    for (size_t k = 0; !x->is_number && k < tiles; k++) {
        size_t first = 0, n = program->layout.size[x->at];

        if (x->live) {
            elbo_tile_forward(program, k);
            n = elbo_tile_places(program, k, x->at, &first);
        }
        elbo_tape_get(x->live ? program->live : program->fixed, x->node,
                      program->scratch);
        memcpy(out + first, program->scratch, n * sizeof *out);
    }
}

/* Where transition t of the layout, in this row of it, finds its value. */
static size_t place_of(elbo_domain at, size_t row, size_t t)
{
    if (at == ELBO_AT_ALL) return 0;
    return at == ELBO_AT_ROW ? row : t;
}

static elbo_status multiply(elbo_program *program, double out[], elbo_arena *ws)
{
    const elbo_layout *const layout = &program->layout;
    const elbo_quantity *const x = &program->outer, *const y = &program->inner;
    double *const left = elbo_arena_doubles(ws, layout->size[x->at]);
    double *const right = elbo_arena_doubles(ws, layout->size[y->at]);

    ELBO_TRY(elbo_arena_check(ws, "an expression's values"));
    read_quantity(program, x, left);
    read_quantity(program, y, right);
    for (size_t row = 0; row < layout->rows; row++)
        for (size_t t = layout->samples[row]; t < layout->samples[row + 1]; t++)
            out[layout->order[t]] =
                left[place_of(x->at, row, t)] * right[place_of(y->at, row, t)];
    return ELBO_OK;
}

elbo_status elbo_program_values(elbo_program *program,
                                const elbo_bindings *bind, double out[],
                                size_t *sample)
{
    const elbo_mark mark = elbo_arena_mark(program->arena);

    *sample = 0;
    if (bind_tables(program, bind)) run_fixed(program);
    if (program->inner.live) read_kernel(program, bind);

    const elbo_status s = multiply(program, out, program->arena);

    elbo_arena_release(program->arena, mark);
    for (size_t i = 0; s == ELBO_OK && i < program->batch.n; i++)
        if (!isfinite(out[i])) return elbo_fault_value(program, out[i], sample);
    return s;
}

#include "inference/language/quantity.h"

static elbo_tape *tape_of(const elbo_compiler *c, bool live)
{
    return live ? c->program->live : c->program->fixed;
}

static size_t size_of(const elbo_compiler *c, elbo_domain at)
{
    return c->program->layout.size[at];
}

/* How many places a node holds. */
static size_t places_of(const elbo_compiler *c, elbo_domain at, bool live)
{
    return live && c->program->tiled && at != ELBO_AT_ALL ? c->program->tile
                                                          : size_of(c, at);
}

static bool is_tiled(const elbo_compiler *c, bool live)
{
    return live && c->program->tiled;
}

static bool give_up_tiles(elbo_compiler *c)
{
    c->too_wide = true;
    c->status = ELBO_ESIZE;
    return false;
}

/* What is at a smaller domain than the unit is spread to it. */
static bool fits_unit(elbo_compiler *c, elbo_domain at)
{
    const elbo_domain unit = c->program->unit;

    return (at | unit) == unit || give_up_tiles(c);
}

elbo_quantity elbo_quantity_number(double x)
{
    return (elbo_quantity){
        .made = true, .is_number = true, .number = x, .cols = 1};
}

/* Memory that lives as long as the program. */
static void *take(elbo_compiler *c, size_t n, size_t size)
{
    void *const block = elbo_arena_take(c->program->arena, n, size);

    if (!block && c->status == ELBO_OK)
        c->status = ELBO_FAIL(ELBO_ENOMEM, "an objective's %zu values", n);
    return block;
}

/* The node as a value of places, and so a suspect when a run goes wrong. */
static elbo_quantity traced(elbo_compiler *c, elbo_quantity x)
{
    elbo_trace *const trace = take(c, 1, sizeof *trace);

    if (!trace) return elbo_quantity_number(0);
    x.made = true;
    *trace = (elbo_trace){x, c->column, NULL};
    *c->end = trace;
    c->end = &trace->rest;
    return x;
}

/* Indices are 32 bits wide. */
static bool fits(elbo_compiler *c, elbo_domain at)
{
    if (size_of(c, at) <= UINT32_MAX) return true;
    c->status = ELBO_FAIL(ELBO_ESIZE, "the objective has %zu values at a time",
                          size_of(c, at));
    return false;
}

static elbo_node gather(elbo_compiler *c, elbo_tape *tape, elbo_node node,
                        elbo_domain at, elbo_place_index *of)
{
    elbo_arena *const arena = c->program->arena;
    const elbo_mark mark = elbo_arena_mark(arena);
    const size_t n = size_of(c, at);

    if (!fits(c, at)) return node;

    uint32_t *const index = take(c, n, sizeof *index);

    if (index) {
        elbo_layout_index(&c->program->layout, at, of, index);
        node = elbo_tape_gather(tape, node, index, n);
    }
    elbo_arena_release(arena, mark);
    return node;
}

/* The node's values at the places of a larger domain; what has one value
 * broadcasts by itself. */
static elbo_node spread(elbo_compiler *c, const elbo_quantity *x,
                        elbo_domain at)
{
    static elbo_place_index *const place[] = {
        [ELBO_AT_ROW] = elbo_place_row,
        [ELBO_AT_SAMPLE] = elbo_place_sample,
        [ELBO_AT_STATE] = elbo_place_state,
        [ELBO_AT_ENTRY] = elbo_place_entry,
    };

    if (x->at == at || x->at == ELBO_AT_ALL) return x->node;
    return gather(c, tape_of(c, x->live), x->node, at, place[x->at]);
}

/* The node of `fixed` as a constant of `live`. */
static elbo_node carry(elbo_compiler *c, elbo_node from, elbo_domain at,
                       size_t cols)
{
    const size_t rows = size_of(c, at), places = places_of(c, at, true);
    const size_t tiles = places ? (rows + places - 1) / places : 0;
    elbo_transfer *const t = take(c, 1, sizeof *t);
    double *const values = take(c, tiles * places * cols, sizeof *values);

    if (!t || !values) return from;
    *t = (elbo_transfer){
        .from = from,
        .to = elbo_tape_constant(c->program->live, places, cols),
        .values = values,
        .rows = rows,
        .cols = cols,
        .fill = tiles * places - rows,
        .rest = c->program->transfers,
    };
    c->program->transfers = t;
    return t->to;
}

/* x as an argument of a node at `at` on the live tape or the other. */
static elbo_node argument(elbo_compiler *c, const elbo_quantity *x,
                          elbo_domain at, bool live)
{
    if (x->is_number) return elbo_tape_number(tape_of(c, live), x->number);

    const elbo_node node = spread(c, x, at);

    if (x->live == live || c->status != ELBO_OK) return node;
    return carry(c, node, x->at == ELBO_AT_ALL ? x->at : at, x->cols);
}

elbo_quantity elbo_quantity_unary(elbo_compiler *c, elbo_unary op,
                                  elbo_quantity x)
{
    if (c->status != ELBO_OK) return elbo_quantity_number(0);
    if (x.is_number && op == ELBO_NEG) return elbo_quantity_number(-x.number);

    const elbo_node node = argument(c, &x, x.at, x.live);

    x.is_number = false;
    x.node = elbo_tape_unary(tape_of(c, x.live), op, node);
    return traced(c, x);
}

elbo_quantity elbo_quantity_power(elbo_compiler *c, elbo_quantity x, double k)
{
    if (c->status != ELBO_OK) return elbo_quantity_number(0);

    const elbo_node node = argument(c, &x, x.at, x.live);

    x.is_number = false;
    x.node = elbo_tape_pow(tape_of(c, x.live), node, k);
    return traced(c, x);
}

/* k x: the number need not be spread. */
static elbo_quantity scaled(elbo_compiler *c, double k, elbo_quantity x)
{
    const elbo_node node = argument(c, &x, x.at, x.live);

    x.node = elbo_tape_scale(tape_of(c, x.live), node, k);
    return traced(c, x);
}

elbo_quantity elbo_quantity_binary(elbo_compiler *c, elbo_binary op,
                                   elbo_quantity x, elbo_quantity y)
{
    elbo_quantity z = {
        .at = x.at | y.at,
        .cols = x.cols > y.cols ? x.cols : y.cols,
        .live = x.live || y.live,
    };

    if (c->status != ELBO_OK) return elbo_quantity_number(0);
    if (op == ELBO_MUL && x.is_number && !y.is_number)
        return scaled(c, x.number, y);
    if (op == ELBO_MUL && y.is_number && !x.is_number)
        return scaled(c, y.number, x);
    if (is_tiled(c, z.live)) {
        if (!fits_unit(c, z.at)) return elbo_quantity_number(0);
        z.at = c->program->unit;
    }

    const elbo_node left = argument(c, &x, z.at, z.live);
    const elbo_node right = argument(c, &y, z.at, z.live);

    if (c->status != ELBO_OK) return elbo_quantity_number(0);
    z.node = elbo_tape_binary(tape_of(c, z.live), op, left, right);
    return traced(c, z);
}

elbo_quantity elbo_quantity_entries(elbo_compiler *c, elbo_quantity x)
{
    if (c->status != ELBO_OK || x.is_number) return elbo_quantity_number(0);
    x.node = elbo_tape_sum(tape_of(c, x.live), x.node, ELBO_ROWS);
    x.cols = 1;
    return traced(c, x);
}

elbo_quantity elbo_quantity_sum(elbo_compiler *c, elbo_quantity x,
                                elbo_domain to)
{
    const elbo_layout *const layout = &c->program->layout;
    const size_t *const runs[] = {
        [ELBO_AT_SAMPLE] = layout->samples,
        [ELBO_AT_ENTRY] = layout->entries,
        [ELBO_AT_PAIR] = layout->pairs,
    };

    if (is_tiled(c, x.live)) give_up_tiles(c);
    if (c->status != ELBO_OK || x.is_number) return elbo_quantity_number(0);
    if (to == ELBO_AT_ALL)
        x.node = elbo_tape_sum(tape_of(c, x.live), x.node, ELBO_COLS);
    else
        x.node = elbo_tape_segments(tape_of(c, x.live), x.node, runs[x.at],
                                    size_of(c, to));
    x.at = to;
    return traced(c, x);
}

elbo_quantity elbo_quantity_times(elbo_compiler *c, elbo_quantity K,
                                  elbo_quantity x)
{
    const bool live = K.live || x.live;

    if (is_tiled(c, live)) give_up_tiles(c);
    if (c->status != ELBO_OK) return elbo_quantity_number(0);
    x.node = elbo_tape_matmul(tape_of(c, live), argument(c, &K, x.at, live),
                              false, argument(c, &x, x.at, live), false);
    x.live = live;
    if (c->status != ELBO_OK) return elbo_quantity_number(0);
    return traced(c, x);
}

elbo_quantity elbo_quantity_square(elbo_compiler *c, elbo_quantity x,
                                   const uint32_t order[],
                                   const size_t start[])
{
    const elbo_batch *const batch = &c->program->batch;
    const size_t n = batch->nS + 1;
    elbo_tape *const tape = tape_of(c, x.live);

    if (is_tiled(c, x.live)) give_up_tiles(c);
    if (c->status != ELBO_OK || !fits(c, x.at)) return elbo_quantity_number(0);
    x.node = elbo_tape_reshape(
        tape,
        elbo_tape_segments(
            tape, elbo_tape_gather(tape, x.node, order, batch->nnz), start,
            n * n),
        n, n);
    x.at = ELBO_AT_STATE;
    x.cols = n;
    return traced(c, x);
}

void elbo_quantity_untiled(elbo_compiler *c)
{
    if (c->program->tiled && c->status == ELBO_OK) give_up_tiles(c);
}

elbo_quantity elbo_quantity_rows(elbo_compiler *c, elbo_quantity x,
                                 elbo_domain at, const uint32_t index[])
{
    if (is_tiled(c, x.live)) give_up_tiles(c);
    if (c->status != ELBO_OK || !fits(c, at)) return elbo_quantity_number(0);
    x.node =
        elbo_tape_gather(tape_of(c, x.live), x.node, index, size_of(c, at));
    x.at = at;
    return traced(c, x);
}

elbo_quantity elbo_quantity_runs(elbo_compiler *c, elbo_quantity x,
                                 elbo_domain to, const size_t start[])
{
    if (is_tiled(c, x.live)) give_up_tiles(c);
    if (c->status != ELBO_OK) return elbo_quantity_number(0);
    x.node =
        elbo_tape_segments(tape_of(c, x.live), x.node, start, size_of(c, to));
    x.at = to;
    return traced(c, x);
}

elbo_quantity elbo_quantity_total(elbo_compiler *c, elbo_quantity weight,
                                  elbo_quantity x)
{
    if (c->status != ELBO_OK) return elbo_quantity_number(0);

    const elbo_node left = argument(c, &weight, x.at, x.live);
    const elbo_node right = argument(c, &x, x.at, x.live);

    if (c->status != ELBO_OK) return elbo_quantity_number(0);
    if (is_tiled(c, x.live)) c->program->transfers->ends_in_zeros = true;
    x.is_number = false;
    x.node = elbo_tape_dot(tape_of(c, x.live), left, right);
    x.at = ELBO_AT_ALL;
    return traced(c, x);
}

elbo_quantity elbo_quantity_gather(elbo_compiler *c, elbo_quantity table,
                                   elbo_domain at, elbo_place_index *of)
{
    if (c->status != ELBO_OK) return elbo_quantity_number(0);
    table.node = gather(c, tape_of(c, table.live), table.node, at, of);
    table.at = at;
    return traced(c, table);
}

elbo_quantity elbo_quantity_leaf(elbo_compiler *c, elbo_domain at, size_t rows,
                                 size_t cols, bool live)
{
    if (c->status != ELBO_OK) return elbo_quantity_number(0);
    return (elbo_quantity){
        .made = true,
        .node = live ? elbo_tape_input(c->program->live, rows, cols)
                     : elbo_tape_constant(c->program->fixed, rows, cols),
        .at = at,
        .cols = cols,
        .live = live,
    };
}

elbo_quantity elbo_quantity_constant(elbo_compiler *c, elbo_domain at,
                                     size_t cols, const double values[])
{
    elbo_static *const fixed = take(c, 1, sizeof *fixed);
    const elbo_quantity x =
        elbo_quantity_leaf(c, at, size_of(c, at), cols, false);

    if (!fixed || x.is_number) return elbo_quantity_number(0);
    *fixed = (elbo_static){x.node, values, c->program->statics};
    c->program->statics = fixed;
    return traced(c, x);
}

/* The place of x that each of the unit's takes; NULL where they are the same.
 */
static const uint32_t *place_in(elbo_compiler *c, elbo_domain at)
{
    const elbo_domain unit = c->program->unit;

    if (at == unit) return NULL;

    uint32_t *const place = take(c, size_of(c, unit), sizeof *place);

    if (place)
        elbo_layout_index(&c->program->layout, unit, elbo_place_row, place);
    return place;
}

elbo_quantity elbo_quantity_intake(elbo_compiler *c, elbo_intake_kind kind,
                                   elbo_quantity function, elbo_domain at)
{
    const bool whole = kind >= ELBO_P_SAMPLES;
    const bool tiled = c->program->tiled;
    const size_t cols = whole ? 1 : function.cols;
    const size_t n = size_of(c, at) * cols;

    if (c->status != ELBO_OK || !fits(c, at)) return elbo_quantity_number(0);
    if (tiled && !fits_unit(c, at)) return elbo_quantity_number(0);

    elbo_intake *const in = take(c, 1, sizeof *in);
    double *const x = take(c, n, sizeof *x), *const g = take(c, n, sizeof *g);
    double *const f =
        whole ? NULL : take(c, size_of(c, function.at) * cols, sizeof *f);
    const uint32_t *const place = tiled ? place_in(c, at) : NULL;
    const size_t places = places_of(c, at, true);
    double *const tile = tiled ? take(c, places * cols, sizeof *tile) : NULL;

    if (c->status != ELBO_OK) return elbo_quantity_number(0);
    *in = (elbo_intake){
        .kind = kind,
        .function = function.node,
        .leaf = elbo_tape_input(c->program->live, places, cols),
        .at = at,
        .cols = cols,
        .column = c->column,
        .f = f,
        .x = x,
        .g = g,
        .place = place,
        .tile = tile,
        .rest = c->program->intakes,
    };
    c->program->intakes = in;
    return traced(c, (elbo_quantity){.node = in->leaf,
                                     .at = tiled ? c->program->unit : at,
                                     .cols = cols,
                                     .live = true});
}

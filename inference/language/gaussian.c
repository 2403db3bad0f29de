#include "inference/language/gaussian.h"

#include <math.h>
#include <string.h>

#include "inference/language/gaussian_state.h"

enum { FIRST_BYTES = 16384 };

/* ---- tables ---- */

typedef enum kind { ONE, MODEL, PLAN, VALUE, EPOCH } kind;

static kind kind_of(elbo_gaussian_table table)
{
    static const kind kinds[] = {
#define KIND(name, cols, rows) [ELBO_GAUSSIAN_##name] = rows,
        ELBO_GAUSSIAN_LIST(KIND)
#undef KIND
    };

    return kinds[table];
}

static size_t values_of(const elbo_gaussian_batch *b)
{
    return b->horizon ? b->horizon + 1 : 1;
}

size_t elbo_gaussian_rows(const elbo_gaussian_batch *b, elbo_gaussian_table table)
{
    switch (kind_of(table)) {
    case MODEL: return b->model_stages;
    case PLAN: return b->horizon ? b->horizon : 1;
    case VALUE: return values_of(b);
    case EPOCH: return values_of(b) * (b->epochs ? b->epochs : 1);
    default: return 1;
    }
}

size_t elbo_gaussian_cols(const elbo_gaussian_batch *b, elbo_gaussian_table table)
{
    const size_t nx = b->nx, nu = b->nu, nz = nx + nu;
    const size_t cols[] = {
#define COLS(name, cols, rows) [ELBO_GAUSSIAN_##name] = cols,
        ELBO_GAUSSIAN_LIST(COLS)
#undef COLS
    };

    return cols[table];
}

/* The row of each transition; stages 0: one for all. */
static uint32_t *index_of(elbo_gaussian_compiler *c, size_t stages, bool later,
                          bool by_epoch)
{
    const elbo_gaussian_batch *const b = &c->program->batch;
    uint32_t *const index = elbo_arena_u32(c->program->arena, b->n);

    for (size_t i = 0; index && i < b->n; i++)
        index[i] = (uint32_t)(
            (stages ? b->step[i] % stages + later : 0)
            + (by_epoch && b->epoch ? b->epoch[i] * values_of(b) : 0));
    return index;
}

elbo_node elbo_gaussian_table_node(elbo_gaussian_compiler *c,
                                   elbo_gaussian_table table, bool later)
{
    elbo_gaussian *const p = c->program;
    const elbo_gaussian_batch *const b = &p->batch;
    const size_t rows = elbo_gaussian_rows(b, table);
    const size_t stages = kind_of(table) == MODEL ? b->model_stages : b->horizon;
    uint32_t *index;

    if (!p->used[table])
        p->input[table] =
            elbo_tape_input(p->tape, rows, elbo_gaussian_cols(b, table));
    p->used[table] = true;
    if (rows == 1) return p->input[table];
    index = index_of(c, stages, later, kind_of(table) == EPOCH);
    return index ? elbo_tape_gather(p->tape, p->input[table], index, b->n)
                 : p->input[table];
}

/* ---- making ---- */

static void make_inputs(elbo_gaussian_compiler *c)
{
    elbo_gaussian *const p = c->program;
    const elbo_gaussian_batch *const b = &p->batch;
    double *const z = elbo_arena_doubles(p->arena, b->n * (p->nz + 1));

    c->s = elbo_rows_constant(c, b->n, b->nx, b->x);
    c->a = elbo_rows_constant(c, b->n, b->nu, b->u);
    c->next = elbo_rows_constant(c, b->n, b->nx, b->y);
    for (size_t i = 0; z && i < b->n; i++) {
        double *const row = z + i * (p->nz + 1);

        memcpy(row, b->x + i * b->nx, b->nx * sizeof *z);
        memcpy(row + b->nx, b->u + i * b->nu, b->nu * sizeof *z);
        row[p->nz] = 1;
    }
    c->s_a_1 = elbo_rows_constant(c, b->n, p->nz + 1, z);
}

/* sum w f */
static elbo_node total_of(elbo_gaussian_compiler *c, elbo_node f)
{
    elbo_gaussian *const p = c->program;
    const elbo_gaussian_batch *const b = &p->batch;
    const elbo_node w = elbo_rows_constant(c, b->n, 1, b->weight);

    if (elbo_tape_rows(p->tape, f) > 1)
        return elbo_tape_matmul(p->tape, w, true, f, false);
    return elbo_rows_binary(c, ELBO_MUL, f, elbo_tape_sum(p->tape, w, ELBO_ALL));
}

static elbo_status compile(elbo_gaussian *p, const elbo_expr *expr, size_t *column)
{
    elbo_gaussian_compiler c = {.program = p};
    elbo_term x;

    make_inputs(&c);
    x = elbo_gaussian_term(&c, expr);
    if (c.status == ELBO_OK && x.f.cols != 1)
        elbo_gaussian_refuse(&c, "the whole must be a scalar");
    *column = c.column;
    ELBO_TRY(c.status);
    ELBO_TRY(elbo_arena_check(p->arena, "an objective"));
    c.column = expr->column;
    p->value = x.f.c;
    p->total = total_of(&c, x.f.c);
    p->scratch = elbo_arena_doubles(p->arena, p->batch.n);
    ELBO_TRY(elbo_arena_check(p->arena, "an objective"));
    ELBO_TRY(elbo_tape_finish(p->tape));
    for (const elbo_gaussian_constant *k = p->constants; k; k = k->rest)
        elbo_tape_point(p->tape, k->node, k->values);
    *column = 0;
    return ELBO_OK;
}

elbo_status elbo_gaussian_alloc(const elbo_expr *expr,
                                const elbo_gaussian_batch *batch,
                                elbo_gaussian **out, size_t *column)
{
    elbo_arena *const arena = elbo_arena_alloc(FIRST_BYTES);
    elbo_gaussian *const p = arena ? elbo_arena_take(arena, 1, sizeof *p) : NULL;
    elbo_status s;

    *out = NULL;
    *column = 0;
    if (!p) {
        elbo_arena_free(arena);
        return ELBO_FAIL(ELBO_ENOMEM, "an objective");
    }
    *p = (elbo_gaussian){.arena = arena,
                         .batch = *batch,
                         .nz = batch->nx + batch->nu,
                         .tape = elbo_tape_alloc(ELBO_F64)};
    s = p->tape ? compile(p, expr, column)
                : ELBO_FAIL(ELBO_ENOMEM, "an objective's tape");
    if (s == ELBO_OK)
        *out = p;
    else
        elbo_gaussian_free(p);
    return s;
}

void elbo_gaussian_free(elbo_gaussian *p)
{
    if (!p) return;
    elbo_tape_free(p->tape);
    elbo_arena_free(p->arena);
}

bool elbo_gaussian_reads(const elbo_gaussian *p, elbo_gaussian_table table)
{
    return p->used[table];
}

/* ---- running ---- */

/* The place of the text that made the node. */
static size_t column_of(const elbo_gaussian *p, elbo_node node)
{
    const elbo_gaussian_place *place = p->places;

    while (place->before && place->first > node) place = place->before;
    return place->column;
}

static elbo_status fault(const elbo_gaussian *p)
{
    size_t entry;
    const elbo_node node = elbo_tape_not_finite(p->tape, &entry);
    const size_t column = column_of(p, node) + 1;

    if (elbo_tape_rows(p->tape, node) == p->batch.n && p->batch.n > 1) {
        const size_t i = entry / elbo_tape_cols(p->tape, node);

        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "an expression is not finite at column %zu, in "
                         "transition %zu (step %u of its episode, s_1 = %g)",
                         column, i, (unsigned)p->batch.step[i],
                         p->batch.x[i * p->batch.nx]);
    }
    return ELBO_FAIL(ELBO_ENOTFINITE,
                     "an expression is not finite at column %zu, in all "
                     "transitions",
                     column);
}

static void forward(elbo_gaussian *p, const double *const table[])
{
    for (size_t i = 0; i < ELBO_GAUSSIAN_TABLES; i++)
        if (p->used[i]) elbo_tape_set(p->tape, p->input[i], table[i]);
    elbo_tape_forward(p->tape);
}

static bool all_finite(const double x[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

static elbo_status backward(elbo_gaussian *p, double *const slopes[])
{
    elbo_tape_backward(p->tape, p->total);
    for (size_t i = 0; i < ELBO_GAUSSIAN_TABLES; i++) {
        const size_t n = elbo_gaussian_rows(&p->batch, (elbo_gaussian_table)i)
                         * elbo_gaussian_cols(&p->batch, (elbo_gaussian_table)i);

        if (!slopes[i]) continue;
        memset(slopes[i], 0, n * sizeof(double));
        if (p->used[i]) elbo_tape_gradient(p->tape, p->input[i], slopes[i]);
        if (!all_finite(slopes[i], n))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "an expression's derivative is not finite");
    }
    return ELBO_OK;
}

elbo_status elbo_gaussian_run(elbo_gaussian *p,
                              const double *const table[ELBO_GAUSSIAN_TABLES],
                              double *value,
                              double *const slopes[ELBO_GAUSSIAN_TABLES])
{
    double total;

    forward(p, table);
    elbo_tape_get(p->tape, p->total, &total);
    if (!isfinite(total)) return fault(p);
    *value = total;
    return slopes ? backward(p, slopes) : ELBO_OK;
}

elbo_status elbo_gaussian_values(elbo_gaussian *p,
                                 const double *const table[ELBO_GAUSSIAN_TABLES],
                                 double out[])
{
    const size_t n = p->batch.n, rows = elbo_tape_rows(p->tape, p->value);

    forward(p, table);
    elbo_tape_get(p->tape, p->value, p->scratch);
    for (size_t i = 0; i < n; i++) out[i] = p->scratch[rows == n ? i : 0];
    return all_finite(out, n) ? ELBO_OK : fault(p);
}

void elbo_gaussian_hold(elbo_gaussian *p, bool held)
{
    elbo_tape_hold(p->tape, held);
}

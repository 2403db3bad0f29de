#include "inference/language/network.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "inference/language/network_state.h"

enum { FIRST_BYTES = 8192 };

void elbo_net_refuse(elbo_net_compiler *c, const char *format, ...)
{
    char text[ELBO_ERROR_TEXT];
    va_list args;

    if (c->status != ELBO_OK) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->status = ELBO_FAIL(ELBO_EINVAL, "%s", text);
}

/* ---- leaves ---- */

static size_t cols_of(const elbo_network *p, elbo_network_table table)
{
    const size_t no = p->frame.no;
    const size_t cols[] = {
#define COLS(name, cols) [ELBO_NETWORK_##name] = cols,
        ELBO_NETWORK_LIST(COLS)
#undef COLS
    };

    return cols[table];
}

static elbo_node make_leaf(elbo_net_compiler *c, size_t cols, int table,
                           int factor)
{
    elbo_network *const p = c->program;
    elbo_net_leaf *const leaf = elbo_arena_take(p->arena, 1, sizeof *leaf);
    const elbo_node node = elbo_tape_constant(p->frame.tape, p->rows, cols);

    if (!leaf) return node; /* the arena remembers */
    *leaf = (elbo_net_leaf){node, cols, table, factor, p->leaves};
    p->leaves = leaf;
    return node;
}

elbo_node elbo_net_table(elbo_net_compiler *c, elbo_network_table table)
{
    elbo_network *const p = c->program;
    const elbo_network_frame *const f = &p->frame;
    elbo_node *const node = &p->table[table];

    if (!p->used[table]
        && !(f->moving && f->moving(f->control, f->tape, table, node)))
        *node = make_leaf(c, cols_of(p, table), (int)table, -1);
    p->used[table] = true;
    if (!c->pi) return *node;
    return elbo_tape_gather(f->tape, *node, c->of_row, f->rows);
}

elbo_node elbo_net_factor(elbo_net_compiler *c, const char *text,
                          const elbo_expr *call)
{
    elbo_network *const p = c->program;
    size_t i = 0;

    while (i < p->n_factors && strcmp(p->factor[i].text, text) != 0) i++;
    if (i < p->n_factors) return p->factor_node[i];
    if (i == ELBO_NETWORK_FACTORS) {
        elbo_net_refuse(c, "more than %d factors", ELBO_NETWORK_FACTORS);
        return 0;
    }
    p->factor[i] = (elbo_network_factor){text, call};
    p->factor_node[i] = make_leaf(c, 1, -1, (int)i);
    p->n_factors++;
    return p->factor_node[i];
}

elbo_node elbo_net_share(elbo_net_compiler *c)
{
    if (!c->made_share) c->share = make_leaf(c, 1, -1, -1);
    c->made_share = true;
    return c->share;
}

/* ---- making ---- */

/* A number at each row. */
static elbo_node at_rows(elbo_net_compiler *c, elbo_node x)
{
    elbo_network *const p = c->program;
    uint32_t *const first = elbo_arena_u32(p->arena, p->frame.rows);

    return first ? elbo_tape_gather(p->frame.tape, x, first, p->frame.rows) : x;
}

static elbo_status compile(elbo_network *p, const elbo_expr *expr,
                           size_t *column)
{
    elbo_net_compiler c = {.program = p, .column = expr->column};
    elbo_net_term x = elbo_net_term_of(&c, expr);

    if (c.status == ELBO_OK) x = elbo_net_plain(&c, x);
    if (c.status == ELBO_OK && x.cols != 1)
        elbo_net_refuse(&c, "the whole must be a scalar");
    *column = c.column;
    ELBO_TRY(c.status);
    p->value = x.place == ELBO_NET_ONE ? at_rows(&c, x.x) : x.x;
    p->scratch = elbo_arena_doubles(p->arena, p->frame.rows * p->frame.no);
    *column = 0;
    return elbo_arena_check(p->arena, "an objective");
}

elbo_status elbo_network_alloc(const elbo_expr *expr,
                               const elbo_network_frame *frame,
                               elbo_network **out, size_t *column)
{
    elbo_arena *const arena = elbo_arena_alloc(FIRST_BYTES);
    elbo_network *const p = arena ? elbo_arena_take(arena, 1, sizeof *p) : NULL;
    elbo_status s;

    *out = NULL;
    *column = 0;
    if (!p) {
        elbo_arena_free(arena);
        return ELBO_FAIL(ELBO_ENOMEM, "an objective");
    }
    p->arena = arena;
    p->frame = *frame;
    p->rows = frame->rows;
    s = compile(p, expr, column);
    if (s == ELBO_OK)
        *out = p;
    else
        elbo_network_free(p);
    return s;
}

void elbo_network_free(elbo_network *p)
{
    if (p) elbo_arena_free(p->arena);
}

elbo_node elbo_network_value(const elbo_network *p)
{
    return p->value;
}

bool elbo_network_reads(const elbo_network *p, elbo_network_table table)
{
    return p->used[table];
}

size_t elbo_network_factors(const elbo_network *p,
                            const elbo_network_factor **out)
{
    *out = p->factor;
    return p->n_factors;
}

/* ---- binding ---- */

static uint32_t slot_of(const elbo_network_rows *rows, size_t i)
{
    return rows->slot[i < rows->n ? i : rows->n - 1];
}

static void fill_table(const elbo_network_rows *rows, const elbo_net_leaf *leaf,
                       size_t B, double out[])
{
    const float *const table = rows->table[leaf->table];

    for (size_t i = 0; i < B; i++)
        for (size_t k = 0; k < leaf->cols; k++)
            out[i * leaf->cols + k] =
                (double)table[slot_of(rows, i) * leaf->cols + k];
}

/* By the weights, or equally where all are 0; none beyond n. */
static void fill_shares(const elbo_network_rows *rows, size_t B, double out[])
{
    double sum = 0;

    for (size_t i = 0; i < rows->n; i++)
        sum += rows->weight ? rows->weight[rows->slot[i]] : 1;
    for (size_t i = 0; i < B; i++) {
        const double w = rows->weight && sum > 0
                             ? rows->weight[slot_of(rows, i)] / sum
                             : 1 / (double)rows->n;

        out[i] = i < rows->n ? w : 0;
    }
}

void elbo_network_bind(elbo_network *p, const elbo_network_rows *rows,
                       elbo_rng *rng)
{
    const size_t B = p->frame.rows;

    for (const elbo_net_leaf *leaf = p->leaves; leaf; leaf = leaf->rest) {
        if (leaf->table >= 0)
            fill_table(rows, leaf, B, p->scratch);
        else if (leaf->factor >= 0)
            for (size_t i = 0; i < B; i++)
                p->scratch[i] = rows->factor[leaf->factor][slot_of(rows, i)];
        else
            fill_shares(rows, B, p->scratch);
        elbo_tape_set(p->frame.tape, leaf->node, p->scratch);
    }
    for (elbo_net_normals *z = p->normals; z; z = z->rest) {
        elbo_rng_normals(rng, z->scratch, z->n);
        elbo_tape_set(p->frame.tape, z->node, z->scratch);
    }
}

/* ---- text ---- */

/* V of a world in which every size goes with every other. */
static elbo_status any_value(void *control, elbo_tape *tape, elbo_node o,
                             elbo_node *V)
{
    (void)control;
    *V = elbo_tape_sum(tape, o, ELBO_ROWS);
    return ELBO_OK;
}

static elbo_status any_action_value(void *control, elbo_tape *tape, elbo_node o,
                                    elbo_node u, elbo_node *Q)
{
    (void)control;
    *Q = elbo_tape_binary(tape, ELBO_ADD, o, u);
    return ELBO_OK;
}

static elbo_status any_policy(void *control, elbo_tape *tape, elbo_node o,
                              elbo_node noise, elbo_policy_nodes *out)
{
    (void)control, (void)noise;
    *out = (elbo_policy_nodes){.m = 1,
                               .u = o,
                               .share = elbo_tape_number(tape, 1),
                               .dense = true,
                               .logpi = o};
    return ELBO_OK;
}

static elbo_status any_step(const void *model, const void *of, elbo_tape *tape,
                            size_t rows, elbo_node o, elbo_node u,
                            elbo_network_step *out)
{
    (void)model, (void)of, (void)tape, (void)rows;
    *out = (elbo_network_step){o, u, u};
    return ELBO_OK;
}

static elbo_status try_on(elbo_tape *tape, const elbo_expr *expr,
                          const elbo_network_words *words, size_t *column)
{
    const elbo_node x = elbo_tape_constant(tape, 1, 1);
    elbo_network_frame frame = {.tape = tape,
                                .rows = 1,
                                .no = 1,
                                .nu = 1,
                                .o = x,
                                .u = x,
                                .reward = x,
                                .next = x,
                                .end = x,
                                .member = words->member,
                                .mean = x,
                                .std = x,
                                .logp = x,
                                .pays = true,
                                .rhat = x,
                                .gamma = 1,
                                .value = words->value ? any_value : NULL,
                                .target = words->target ? any_value : NULL,
                                .action_value =
                                    words->action_value ? any_action_value : NULL,
                                .policy = words->policy ? any_policy : NULL,
                                .step = words->steps ? any_step : NULL};
    elbo_network *program;

    memcpy(frame.has, words->has, sizeof frame.has);
    ELBO_TRY(elbo_network_alloc(expr, &frame, &program, column));
    elbo_network_free(program);
    return ELBO_OK;
}

static elbo_status try_compile(const elbo_expr *expr,
                               const elbo_network_words *words, size_t *column)
{
    elbo_tape *const tape = elbo_tape_alloc(ELBO_F64);
    elbo_status s;

    if (!tape) return ELBO_FAIL(ELBO_ENOMEM, "an objective's tape");
    s = try_on(tape, expr, words, column);
    elbo_tape_free(tape);
    return s;
}

elbo_network_words elbo_network_all(bool member)
{
    elbo_network_words words = {.member = member,
                                .value = true,
                                .target = true,
                                .action_value = true,
                                .policy = true,
                                .steps = member};

    for (size_t i = 0; i < ELBO_NETWORK_TABLES; i++) words.has[i] = true;
    return words;
}

elbo_status elbo_network_parse(const char *text,
                               const elbo_factor_name *factors,
                               const elbo_network_words *words,
                               elbo_arena *arena, elbo_expr **out,
                               size_t *column, const char **nearest)
{
    const elbo_scope scope = {.coordinates = true, .factors = factors};
    const char *near = NULL;
    size_t place = 0;
    elbo_status s = elbo_expression_parse(text, arena, out, &place);

    if (s == ELBO_OK) s = elbo_expression_check(*out, &scope, &place, &near);
    if (s == ELBO_OK) s = try_compile(*out, words, &place);
    if (column) *column = place;
    if (nearest) *nearest = near;
    return s;
}

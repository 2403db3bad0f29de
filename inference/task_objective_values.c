/* inference/task_objective_values.c -- what stands still in an M-step, and
 * values of expressions outside of it.
 */
#include <math.h>
#include <string.h>

#include "inference/task_objective_state.h"

enum { BLOCK = 1024, ROWS = 256 };

/* ---- tables ---- */

static const char *const names[] = {
    "V(s)",           "V(next)",   "gradV(s)",    "gradV(next)",
    "V_target(s)",    "V_target(next)", "Q(s, a)", "logpi",
    "logp",           "J",         "V_then(s)",   "V_then(next)",
    "aleatoric",      "disagreement"};

/* Rows first .. first + n - 1 of V and of its slope at o, where they are read.
 */
static elbo_status read_value(elbo_task_objective *o, const float at[],
                              size_t first, size_t n, elbo_network_table V,
                              elbo_network_table slope, elbo_arena *ws)
{
    const size_t no = o->sight.world->no;
    float *values = o->table[V] ? o->table[V] + first : NULL;
    float *const slopes = o->table[slope] ? o->table[slope] + first * no : NULL;

    if (!values && !slopes) return ELBO_OK;
    if (!values) values = elbo_arena_take(ws, n, sizeof *values);
    ELBO_TRY(elbo_arena_check(ws, "values of the data"));
    return o->sight.control->value(o->sight.solver, n, at + first * no, values,
                                   slopes, ws);
}

static elbo_status read_target(elbo_task_objective *o, const float at[],
                               size_t first, size_t n, elbo_network_table V,
                               elbo_arena *ws)
{
    if (!o->table[V]) return ELBO_OK;
    return o->sight.control->target_value(o->sight.solver, n,
                                          at + first * o->sight.world->no,
                                          o->table[V] + first, ws);
}

/* Nothing follows an end. */
static void end_values(const elbo_replay *d, size_t first, size_t n, float V[])
{
    for (size_t i = first; V && i < first + n; i++)
        if (d->end[i]) V[i] = 0;
}

static elbo_status read_density(elbo_task_objective *o, size_t first, size_t n,
                                elbo_arena *ws)
{
    const elbo_task_belief *const belief = o->sight.belief;
    float *const to = o->table[ELBO_NETWORK_LOGP];
    uint32_t *const slot = elbo_arena_u32(ws, n);
    double *const out = elbo_arena_doubles(ws, n);

    ELBO_TRY(elbo_arena_check(ws, "densities of the data"));
    for (size_t i = 0; i < n; i++) slot[i] = (uint32_t)(first + i);
    ELBO_TRY(belief->model->log_density(belief, o->data, slot, n, out, ws));
    for (size_t i = 0; i < n; i++) to[first + i] = (float)out[i];
    return ELBO_OK;
}

/* What the rows brought with them. */
static void read_then(elbo_task_objective *o, size_t first, size_t n)
{
    static const elbo_network_table of[] = {ELBO_NETWORK_THEN,
                                            ELBO_NETWORK_THEN_NEXT};

    for (size_t k = 0; k < 2; k++)
        for (size_t i = first; o->table[of[k]] && i < first + n; i++)
            o->table[of[k]][i] = o->data->then[2 * i + k];
}

static elbo_status read_doubts(elbo_task_objective *o, size_t first, size_t n,
                               elbo_arena *ws)
{
    const elbo_task_belief *const belief = o->sight.belief;
    const elbo_replay *const d = o->data;
    float *aleatoric = o->table[ELBO_NETWORK_ALEATORIC],
          *apart = o->table[ELBO_NETWORK_DISAGREEMENT];

    if (!aleatoric && !apart) return ELBO_OK;
    aleatoric =
        aleatoric ? aleatoric + first : elbo_arena_take(ws, n, sizeof(float));
    apart = apart ? apart + first : elbo_arena_take(ws, n, sizeof(float));
    ELBO_TRY(elbo_arena_check(ws, "the members' doubts"));
    return belief->model->doubts(belief, n, d->o + first * d->no,
                                 d->u + first * d->nu, aleatoric, apart, ws);
}

static elbo_status read_block(elbo_task_objective *o, size_t first, size_t n,
                              elbo_arena *ws)
{
    const elbo_replay *const d = o->data;
    const elbo_task_control *const control = o->sight.control;
    float *const Q = o->table[ELBO_NETWORK_Q], *const pi =
                                                   o->table[ELBO_NETWORK_LOGPI];
    const float *const at = d->o + first * d->no, *const u =
                                                      d->u + first * d->nu;

    ELBO_TRY(
        read_value(o, d->o, first, n, ELBO_NETWORK_V, ELBO_NETWORK_SLOPE, ws));
    ELBO_TRY(read_value(o, d->next, first, n, ELBO_NETWORK_V_NEXT,
                        ELBO_NETWORK_SLOPE_NEXT, ws));
    ELBO_TRY(read_target(o, d->o, first, n, ELBO_NETWORK_TARGET, ws));
    ELBO_TRY(read_target(o, d->next, first, n, ELBO_NETWORK_TARGET_NEXT, ws));
    if (Q)
        ELBO_TRY(
            control->action_value(o->sight.solver, n, at, u, Q + first, ws));
    if (pi)
        ELBO_TRY(
            control->log_policy(o->sight.solver, n, at, u, pi + first, ws));
    if (o->table[ELBO_NETWORK_LOGP]) ELBO_TRY(read_density(o, first, n, ws));
    ELBO_TRY(read_doubts(o, first, n, ws));
    read_then(o, first, n);
    end_values(d, first, n, o->table[ELBO_NETWORK_V_NEXT]);
    end_values(d, first, n, o->table[ELBO_NETWORK_TARGET_NEXT]);
    return ELBO_OK;
}

static elbo_status check_tables(const elbo_task_objective *o)
{
    const size_t n = o->data->n, no = o->sight.world->no;

    for (size_t k = 0; k < ELBO_NETWORK_TABLES; k++) {
        const size_t cols =
            k == ELBO_NETWORK_SLOPE || k == ELBO_NETWORK_SLOPE_NEXT ? no : 1;

        for (size_t i = 0; o->table[k] && i < n * cols; i++)
            if (!isfinite(o->table[k][i]))
                return ELBO_FAIL(
                    ELBO_ENOTFINITE,
                    "%s: %s is %g in row %zu (episode %u, step %u)", o->slot,
                    names[k], (double)o->table[k][i], i / cols,
                    (unsigned)o->data->episode[i / cols],
                    (unsigned)o->data->step[i / cols]);
    }
    return ELBO_OK;
}

void elbo_task_objective_rows(elbo_task_objective *o, const elbo_replay *data,
                              const double weight[])
{
    o->data = data;
    o->rows.weight = weight;
    for (size_t m = 0; m < o->sight.belief->members; m++)
        o->member[m].info = (elbo_gradient_info){0};
}

elbo_status elbo_task_objective_plan(elbo_task_objective *o,
                                     const elbo_replay *data,
                                     const double weight[], elbo_arena *ws)
{
    elbo_task_objective_rows(o, data, weight);
    for (size_t first = 0; first < data->n; first += BLOCK) {
        const size_t n = data->n - first < BLOCK ? data->n - first : BLOCK;
        const elbo_mark mark = elbo_arena_mark(ws);
        const elbo_status s = read_block(o, first, n, ws);

        elbo_arena_release(ws, mark);
        if (s != ELBO_OK) return elbo_fail_prefix("%s", o->slot);
    }
    return check_tables(o);
}

/* ---- an expression run by itself ---- */

/* On a tape of its own, ROWS rows at a time. */
typedef struct runner {
    elbo_task_objective *o;
    elbo_tape *tape;
    elbo_task_nodes nodes;
    elbo_network *program;
    uint32_t slot[ROWS];
    double *number; /* [ROWS x max(no, nu)] */
    elbo_rng rng;
} runner;

static elbo_status start(runner *r, elbo_precision precision,
                         const uint32_t *member, elbo_arena *ws)
{
    const elbo_task_sight *const sight = &r->o->sight;
    const size_t no = sight->world->no, nu = sight->world->nu;
    size_t column;

    r->tape = elbo_tape_alloc(precision);
    r->number = elbo_arena_doubles(ws, ROWS * (no > nu ? no : nu));
    if (!r->tape) return ELBO_FAIL(ELBO_ENOMEM, "%s", r->o->slot);
    ELBO_TRY(elbo_arena_check(ws, r->o->slot));
    elbo_task_leaves(r->o, r->tape, ROWS, &r->nodes);
    if (member)
        ELBO_TRY(sight->belief->model->node(sight->belief, *member, false,
                                            r->tape, &r->nodes));

    const elbo_network_frame f =
        elbo_task_frame(r->o, r->tape, &r->nodes, member != NULL);

    ELBO_TRY(elbo_network_alloc(r->o->expr, &f, &r->program, &column));
    return elbo_tape_finish(r->tape);
}

static void stop(runner *r)
{
    elbo_network_free(r->program);
    elbo_tape_free(r->tape);
}

static void set_rows(runner *r, elbo_node leaf, const float from[], size_t cols)
{
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < cols; k++)
            r->number[i * cols + k] = (double)from[r->slot[i] * cols + k];
    elbo_tape_set(r->tape, leaf, r->number);
}

/* Rows first .. first + n - 1; the last one fills the block up. */
static void run_block(runner *r, size_t first, size_t n, double out[])
{
    const elbo_replay *const d = r->o->data;
    elbo_network_rows rows = r->o->rows;

    for (size_t i = 0; i < ROWS; i++)
        r->slot[i] = (uint32_t)(first + (i < n ? i : n - 1));
    set_rows(r, r->nodes.o, d->o, d->no);
    if (d->nu) set_rows(r, r->nodes.u, d->u, d->nu);
    set_rows(r, r->nodes.next, d->next, d->no);
    set_rows(r, r->nodes.reward, d->reward, 1);
    for (size_t i = 0; i < ROWS; i++) r->number[i] = d->end[r->slot[i]];
    elbo_tape_set(r->tape, r->nodes.end, r->number);
    rows.slot = r->slot;
    rows.n = n;
    elbo_network_bind(r->program, &rows, &r->rng);
    elbo_tape_forward(r->tape);
    elbo_tape_get(r->tape, elbo_network_value(r->program), r->number);
    for (size_t i = 0; i < n; i++) out[first + i] += r->number[i];
}

static void run_all(runner *r, double out[])
{
    const size_t all = r->o->data->n;

    for (size_t first = 0; first < all; first += ROWS)
        run_block(r, first, all - first < ROWS ? all - first : ROWS, out);
}

static elbo_status fault(const elbo_task_objective *o, elbo_status status,
                         const char *what, size_t i, double x)
{
    return ELBO_FAIL(status, "%s: %g in row %zu (episode %u, step %u)%s",
                     o->slot, x, i, (unsigned)o->data->episode[i],
                     (unsigned)o->data->step[i], what);
}

static elbo_status values(elbo_task_objective *o, uint64_t round, double out[],
                          elbo_arena *ws)
{
    const elbo_task_belief *const belief = o->sight.belief;
    uint32_t *const elite = elbo_arena_u32(ws, belief->members);
    runner *const r = elbo_arena_take(ws, 1, sizeof *r);
    const size_t n = o->data->n;
    const char *const purpose =
        o->role == ELBO_TASK_REWARD ? o->slot : "expression";
    elbo_status s = ELBO_OK;

    ELBO_TRY(elbo_arena_check(ws, o->slot));

    const size_t elites = belief->model->elites(belief, elite);

    memset(out, 0, n * sizeof *out);
    for (size_t k = 0; s == ELBO_OK && k < elites; k++) {
        *r = (runner){.o = o};
        r->rng = elbo_rng_stream(o->sight.seed, purpose,
                                 round * belief->members + elite[k]);
        s = start(r, ELBO_F32, &elite[k], ws);
        if (s == ELBO_OK) run_all(r, out);
        stop(r);
    }
    for (size_t i = 0; s == ELBO_OK && i < n; i++) {
        out[i] /= (double)elites;
        if (!isfinite(out[i])) return fault(o, ELBO_ENOTFINITE, "", i, out[i]);
    }
    return s;
}

elbo_status elbo_task_objective_values(elbo_task_objective *o, uint64_t round,
                                       double out[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = values(o, round, out, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* Without a member. */
static elbo_status outside(elbo_task_objective *o, double w[], elbo_arena *ws)
{
    runner *const r = elbo_arena_take(ws, 1, sizeof *r);
    elbo_status s;

    ELBO_TRY(elbo_arena_check(ws, o->slot));
    *r = (runner){.o = o};
    memset(w, 0, o->data->n * sizeof *w);
    s = start(r, ELBO_F64, NULL, ws);
    if (s == ELBO_OK) run_all(r, w);
    stop(r);
    return s;
}

static elbo_status check_numbers(const elbo_task_objective *o, bool positive,
                                 const double w[])
{
    for (size_t i = 0; i < o->data->n; i++) {
        if (!isfinite(w[i])) return fault(o, ELBO_ENOTFINITE, "", i, w[i]);
        if (positive && w[i] < 0)
            return fault(o, ELBO_ECHECK, ": a weight must not be negative", i,
                         w[i]);
    }
    return ELBO_OK;
}

elbo_status elbo_task_objective_pay(elbo_task_objective *o, uint64_t round,
                                    bool positive, double out[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s =
        o->inside ? values(o, round, out, ws) : outside(o, out, ws);

    elbo_arena_release(ws, mark);
    return s == ELBO_OK ? check_numbers(o, positive, out) : s;
}

elbo_status elbo_task_objective_weights(elbo_task_objective *o, double w[],
                                        elbo_arena *ws)
{
    return elbo_task_objective_pay(o, 0, true, w, ws);
}

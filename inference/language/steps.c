/* inference/language/steps.c -- k steps by the policy: in the model, and in the
 * data's own process.
 *
 *   roll(k, f)(s, a) = sum_y p(y|s,a) f_{k-1}(y)
 *     f_j(s) = sum_a pi(a|s) sum_y p(y|s,a) f_{j-1}(y)              f_0 = f
 *   T(k, f)(s, a)  = rhat(s,a) + gamma sum_y p(y|s,a) g_{k-1}(y)
 *     g_j(s) = sum_a pi(a|s) T(j, f)(s, a)                          g_0 = f
 *   Td(k, f)(s, a) = Ed(r + gamma h_{k-1}(next))
 *     h_j(s) = sum_a pi(a|s) Td(j, f)(s, a)                         h_0 = f
 *
 * T is Bellman's operator of the policy, k times (Grimm et al. 2020, 2021: order k).
 * END stays where it is: f(END). Td takes no step where the data have none: the
 * share of pi that falls on actions without a row at s is worth f_{j-1}(s).
 *
 * In the model the policy's steps are one matrix M(s, y) = sum_a pi(a|s) p(y|s,a)
 * where that is no larger than the kernel, else each goes over the kernel's entries.
 */
#include <string.h>

#include "inference/language/meaning.h"
#include "inference/language/quantity.h"

/* The policy's steps in the model. */
typedef struct walk {
    elbo_quantity pi;     /* at the model's rows */
    elbo_quantity matrix; /* if made */
    const size_t *states; /* [nS + 2] runs of the rows of each state; END's is
                             empty */
    elbo_quantity end;    /* 1 at END, 0 at states */
} walk;

static void lack(elbo_compiler *c, const char *what)
{
    if (c->status == ELBO_OK)
        c->status = ELBO_FAIL(ELBO_ENOMEM, "%s of %zu states", what,
                              c->program->batch.nS);
}

static elbo_quantity end_mark(elbo_compiler *c)
{
    const size_t nS = c->program->batch.nS;
    double *mark;

    if (c->absorbed.made) return c->absorbed;
    mark = elbo_arena_take(c->program->arena, nS + 1, sizeof *mark);
    if (!mark) {
        lack(c, "a mark");
        return elbo_quantity_number(0);
    }
    mark[nS] = 1;
    c->absorbed = elbo_quantity_constant(c, ELBO_AT_STATE, 1, mark);
    return c->absorbed;
}

static size_t *state_runs(elbo_compiler *c)
{
    const elbo_batch *const batch = &c->program->batch;
    size_t *const start = elbo_arena_sizes(c->program->arena, batch->nS + 2);

    if (!start) {
        lack(c, "runs");
        return NULL;
    }
    for (size_t s = 0; s <= batch->nS; s++) start[s] = s * batch->nA;
    start[batch->nS + 1] = batch->nS * batch->nA;
    return start;
}

/* The entries in the order of (s, y), and where each (s, y) begins. */
static bool sort_entries(elbo_compiler *c, uint32_t **order, size_t **start)
{
    const elbo_batch *const batch = &c->program->batch;
    const size_t n = batch->nS + 1, rows = batch->nS * batch->nA;
    size_t *const at = elbo_arena_sizes(c->program->arena, n * n + 2);

    *order = elbo_arena_u32(c->program->arena, batch->nnz);
    *start = at;
    if (!at || !*order) {
        lack(c, "a matrix");
        return false;
    }
    memset(at, 0, (n * n + 2) * sizeof *at);
    for (size_t row = 0; row < rows; row++)
        for (size_t i = batch->start[row]; i < batch->start[row + 1]; i++)
            at[row / batch->nA * n + batch->successor[i] + 2]++;
    for (size_t k = 0; k <= n * n; k++) at[k + 1] += at[k];
    for (size_t row = 0; row < rows; row++)
        for (size_t i = batch->start[row]; i < batch->start[row + 1]; i++)
            (*order)[at[row / batch->nA * n + batch->successor[i] + 1]++] =
                (uint32_t)i;
    return true;
}

static elbo_quantity entries_of(elbo_compiler *c, elbo_quantity rows)
{
    const elbo_batch *const batch = &c->program->batch;
    uint32_t *const row = elbo_arena_u32(c->program->arena, batch->nnz);

    if (!row) {
        lack(c, "entries");
        return elbo_quantity_number(0);
    }
    for (size_t r = 0; r < batch->nS * batch->nA; r++)
        for (size_t i = batch->start[r]; i < batch->start[r + 1]; i++)
            row[i] = (uint32_t)r;
    return elbo_quantity_rows(c, rows, ELBO_AT_MODEL_ENTRY, row);
}

static elbo_quantity matrix_of(elbo_compiler *c, elbo_quantity pi)
{
    uint32_t *order;
    size_t *start;

    if (!sort_entries(c, &order, &start)) return elbo_quantity_number(0);
    return elbo_quantity_square(
        c,
        elbo_quantity_binary(c, ELBO_MUL, elbo_model_everywhere(c),
                             entries_of(c, pi)),
        order, start);
}

static walk begin_walk(elbo_compiler *c)
{
    const elbo_batch *const batch = &c->program->batch;
    walk w = {.pi = elbo_lookup_policy(c, ELBO_AT_MODEL_ROW),
              .states = state_runs(c),
              .end = end_mark(c)};

    if (batch->nnz / (batch->nS + 1) >= batch->nS + 1)
        w.matrix = matrix_of(c, w.pi);
    return w;
}

/* sum_a pi sum_y p f(y) at states; 0 at END. */
static elbo_quantity ahead(elbo_compiler *c, const walk *w, elbo_quantity f)
{
    const elbo_batch *const batch = &c->program->batch;

    if (w->matrix.made) return elbo_quantity_times(c, w->matrix, f);

    const elbo_quantity next =
        elbo_quantity_rows(c, f, ELBO_AT_MODEL_ENTRY, batch->successor);
    const elbo_quantity rows = elbo_quantity_runs(
        c, elbo_quantity_binary(c, ELBO_MUL, elbo_model_everywhere(c), next),
        ELBO_AT_MODEL_ROW, batch->start);

    return elbo_quantity_runs(c, elbo_quantity_binary(c, ELBO_MUL, rows, w->pi),
                              ELBO_AT_STATE, w->states);
}

/* x at states, f at END. */
static elbo_quantity stay(elbo_compiler *c, const walk *w, elbo_quantity x,
                          elbo_quantity f)
{
    return elbo_quantity_binary(
        c, ELBO_ADD, x, elbo_quantity_binary(c, ELBO_MUL, f, w->end));
}

/* What all three are called with: k > 1 steps of a function of y. */
static bool follows(elbo_compiler *c, const elbo_expr *e, elbo_quantity f,
                    size_t steps)
{
    const bool staged = c->program->batch.stages;

    if (c->status != ELBO_OK) return false;
    if (steps > 1 && staged)
        elbo_refuse(c, e, "with a horizon each step has a policy of its own, "
                          "which it does not follow");
    else if (f.at != ELBO_AT_STATE && !staged)
        elbo_refuse(c, e, "what it follows is a function of y alone");
    return c->status == ELBO_OK;
}

/* The call's k and f. */
static elbo_quantity read_call(elbo_compiler *c, const elbo_expr *e,
                               size_t *steps)
{
    const elbo_quantity f = elbo_compile_quantity(c, e->arg[1]);

    *steps = (size_t)e->arg[0]->number;
    if (c->status == ELBO_OK) c->column = e->column;
    return f;
}

elbo_quantity elbo_steps_roll(elbo_compiler *c, const elbo_expr *e)
{
    size_t steps;
    elbo_quantity f = read_call(c, e, &steps);

    if (!(f.at & ELBO_AT_STATE)) return f;
    if (!follows(c, e, f, steps)) return elbo_quantity_number(0);
    if (steps > 1) {
        const walk w = begin_walk(c);

        for (size_t j = 1; j < steps && c->status == ELBO_OK; j++)
            f = stay(c, &w, ahead(c, &w, f), f);
    }
    return elbo_model_mean(c, f);
}

/* ---- Bellman's operator ---- */

static elbo_quantity discounted(elbo_compiler *c, elbo_quantity reward,
                                elbo_quantity f)
{
    const elbo_quantity gamma = elbo_quantity_number(c->program->batch.gamma);

    return elbo_quantity_binary(c, ELBO_ADD, reward,
                                elbo_quantity_binary(c, ELBO_MUL, gamma, f));
}

elbo_quantity elbo_steps_model(elbo_compiler *c, const elbo_expr *e)
{
    size_t steps;
    elbo_quantity f = read_call(c, e, &steps);

    if (!follows(c, e, f, steps)) return elbo_quantity_number(0);
    if (steps > 1) {
        const walk w = begin_walk(c);
        const elbo_quantity reward = elbo_quantity_runs(
            c,
            elbo_quantity_binary(c, ELBO_MUL, elbo_model_rewards(c), w.pi),
            ELBO_AT_STATE, w.states);

        for (size_t j = 1; j < steps && c->status == ELBO_OK; j++)
            f = stay(c, &w, discounted(c, reward, ahead(c, &w, f)), f);
    }
    return discounted(c, elbo_model_reward(c), elbo_model_mean(c, f));
}

/* ---- the same in the data ---- */

/* Runs of the batch's rows of each state. */
static size_t *row_runs(elbo_compiler *c)
{
    const elbo_layout *const layout = &c->program->layout;
    const size_t nS = c->program->batch.nS, nA = c->program->batch.nA;
    size_t *const start = elbo_arena_sizes(c->program->arena, nS + 2);

    if (!start) {
        lack(c, "runs");
        return NULL;
    }
    for (size_t s = 0, row = 0; s <= nS + 1; s++) {
        while (row < layout->rows && layout->row[row] < s * nA) row++;
        start[s] = row;
    }
    return start;
}

/* Ed(r + gamma f(next)). */
static elbo_quantity data_step(elbo_compiler *c, elbo_quantity f)
{
    const elbo_quantity next =
        elbo_quantity_gather(c, f, ELBO_AT_SAMPLE, elbo_place_next);

    return elbo_batch_row_mean(c, discounted(c, elbo_batch_reward(c), next));
}

elbo_quantity elbo_steps_data(elbo_compiler *c, const elbo_expr *e)
{
    size_t steps;
    elbo_quantity f = read_call(c, e, &steps);

    if (c->status == ELBO_OK && c->program->batch.stages)
        return elbo_refuse(c, e, "with a horizon the data's steps are not "
                                 "followed");
    if (!follows(c, e, f, steps)) return elbo_quantity_number(0);
    if (f.live) elbo_quantity_untiled(c);
    if (steps == 1) return data_step(c, f);

    const elbo_quantity pi = elbo_lookup_policy(c, ELBO_AT_ROW);
    const size_t *const states = row_runs(c);

    if (c->status != ELBO_OK) return elbo_quantity_number(0);

    const elbo_quantity idle = elbo_quantity_binary(
        c, ELBO_SUB, elbo_quantity_number(1),
        elbo_quantity_runs(c, pi, ELBO_AT_STATE, states));

    for (size_t j = 1; j < steps && c->status == ELBO_OK; j++) {
        const elbo_quantity step = elbo_quantity_runs(
            c, elbo_quantity_binary(c, ELBO_MUL, pi, data_step(c, f)),
            ELBO_AT_STATE, states);

        f = elbo_quantity_binary(c, ELBO_ADD, step,
                                 elbo_quantity_binary(c, ELBO_MUL, idle, f));
    }
    return data_step(c, f);
}

#include <assert.h>
#include <math.h>
#include <string.h>

#include "models/ensemble.h"

static_assert(sizeof(elbo_ensemble_leaves)
                  <= sizeof(((elbo_task_nodes *)0)->leaf),
              "the leaves fit into those of the interface");

/* One member on its way onto a tape. */
typedef struct maker {
    const elbo_ensemble *e;
    elbo_tape *tape;
    elbo_task_nodes *nodes;
    size_t member;
    elbo_ensemble_leaves leaves;
    elbo_ensemble_parts parts;
    elbo_node outputs; /* [B x outputs] */
    elbo_node y;       /* [B x D] */
    elbo_node mu, v;   /* [B K x D]; v unset where the head is deterministic */
    elbo_node log_pi;  /* [B x K], of a mixture */
    elbo_node mean, spread; /* of y: [B x D] */
} maker;

static elbo_node add(const maker *m, elbo_node x, elbo_node y)
{
    return elbo_tape_binary(m->tape, ELBO_ADD, x, y);
}

static elbo_node sub(const maker *m, elbo_node x, elbo_node y)
{
    return elbo_tape_binary(m->tape, ELBO_SUB, x, y);
}

static elbo_node mul(const maker *m, elbo_node x, elbo_node y)
{
    return elbo_tape_binary(m->tape, ELBO_MUL, x, y);
}

static elbo_node of(const maker *m, elbo_unary op, elbo_node x)
{
    return elbo_tape_unary(m->tape, op, x);
}

/* A constant that points at the model's own; the one that is there already. */
static elbo_node row_leaf(const maker *m, elbo_node *leaf, const float x[],
                          size_t cols)
{
    if (*leaf != ELBO_TASK_NO_NODE) return *leaf;
    *leaf = elbo_tape_constant(m->tape, 1, cols);
    if (elbo_tape_precision(m->tape) == ELBO_F32)
        elbo_tape_point_f32(m->tape, *leaf, x);
    return *leaf;
}

/* n columns of x from the first. All of them are x itself. */
static elbo_node columns(const maker *m, elbo_node x, size_t first, size_t n)
{
    if (n == elbo_tape_cols(m->tape, x)) return x;
    return elbo_tape_columns(m->tape, x, first, n);
}

/* ---- inputs and targets ---- */

static elbo_node standard(const maker *m, elbo_node x, elbo_node mean,
                          elbo_node scale)
{
    return elbo_tape_binary(m->tape, ELBO_DIV, sub(m, x, mean), scale);
}

static elbo_node input(maker *m)
{
    elbo_ensemble_leaves *const l = &m->leaves;
    const size_t no = m->e->world->no, nu = m->e->world->nu;

    row_leaf(m, &l->o_mean, m->e->in_mean, no);
    row_leaf(m, &l->o_scale, m->e->in_scale, no);

    const elbo_node o = standard(m, m->nodes->o, l->o_mean, l->o_scale);

    if (nu == 0) return o;
    row_leaf(m, &l->u_mean, m->e->in_mean + no, nu);
    row_leaf(m, &l->u_scale, m->e->in_scale + no, nu);
    return elbo_tape_join(m->tape, o,
                          standard(m, m->nodes->u, l->u_mean, l->u_scale));
}

static elbo_node target(maker *m)
{
    elbo_ensemble_leaves *const l = &m->leaves;
    const size_t D = m->e->D;
    elbo_node y = m->e->config.absolute
                      ? m->nodes->next
                      : sub(m, m->nodes->next, m->nodes->o);

    if (D > m->e->world->no) y = elbo_tape_join(m->tape, y, m->nodes->reward);
    row_leaf(m, &l->out_mean, m->e->out_mean, D);
    row_leaf(m, &l->out_scale, m->e->out_scale, D);
    return standard(m, y, l->out_mean, l->out_scale);
}

/* ---- the head ---- */

static void bound_leaf(const maker *m, elbo_node *leaf, const float x[],
                       size_t n, bool learnt)
{
    if (!learnt || *leaf != ELBO_TASK_NO_NODE) {
        row_leaf(m, leaf, x, n);
        return;
    }
    *leaf = elbo_tape_input(m->tape, 1, n);
    if (elbo_tape_precision(m->tape) == ELBO_F32)
        elbo_tape_point_f32(m->tape, *leaf, x);
}

static elbo_node bounded(maker *m, elbo_node raw, bool learnt)
{
    elbo_ensemble_leaves *const l = &m->leaves;
    const size_t n = m->e->K * m->e->D;
    const float *const highest =
        elbo_ensemble_theta(m->e, m->member) + elbo_mlp_size(&m->e->mlp);

    learnt = learnt && m->e->config.learn_bounds;
    bound_leaf(m, &l->highest, highest, n, learnt);
    bound_leaf(m, &l->lowest, highest + n, n, learnt);

    const elbo_node under =
        sub(m, l->highest, of(m, ELBO_SOFTPLUS, sub(m, l->highest, raw)));

    return add(m, l->lowest, of(m, ELBO_SOFTPLUS, sub(m, under, l->lowest)));
}

/* [B x K D] as [B K x D]. */
static elbo_node unfold(const maker *m, elbo_node x)
{
    return elbo_tape_reshape(m->tape, x, m->nodes->rows * m->e->K, m->e->D);
}

static void head(maker *m, bool learnt)
{
    const elbo_ensemble *const e = m->e;
    const size_t KD = e->K * e->D;

    m->mu = unfold(m, columns(m, m->outputs, m->parts.mu, KD));
    if (e->config.head == ELBO_HEAD_DETERMINISTIC) return;
    m->v =
        unfold(m, bounded(m, columns(m, m->outputs, m->parts.v, KD), learnt));
    if (e->config.head != ELBO_HEAD_MIXTURE) return;

    const elbo_node raw = columns(m, m->outputs, m->parts.pi, e->K);

    m->log_pi = sub(m, raw, elbo_tape_logsumexp(m->tape, raw));
}

/* Row i of x K times. */
static elbo_node repeat(const maker *m, elbo_node x, uint32_t index[])
{
    const size_t n = m->nodes->rows * m->e->K;

    if (m->e->K == 1) return x;
    for (size_t i = 0; i < n; i++) index[i] = (uint32_t)(i / m->e->K);
    return elbo_tape_gather(m->tape, x, index, n);
}

/* sum_k pi_k x_k of x [B K x D]. */
static elbo_node average(const maker *m, elbo_node x, size_t start[])
{
    const size_t B = m->nodes->rows, K = m->e->K;

    if (m->e->config.head != ELBO_HEAD_MIXTURE) return x;
    for (size_t i = 0; i <= B; i++) start[i] = i * K;

    const elbo_node pi =
        elbo_tape_reshape(m->tape, of(m, ELBO_EXP, m->log_pi), B * K, 1);

    return elbo_tape_segments(m->tape, mul(m, pi, x), start, B);
}

/* The mean and deviation of y. A deterministic head has none. */
static void moments(maker *m, uint32_t index[], size_t start[])
{
    m->mean = average(m, m->mu, start);
    if (m->e->config.head == ELBO_HEAD_DETERMINISTIC) return;
    if (m->e->K == 1) {
        m->spread = of(m, ELBO_EXP, elbo_tape_scale(m->tape, m->v, 0.5));
        return;
    }

    const elbo_node apart =
        of(m, ELBO_SQ, sub(m, m->mu, repeat(m, m->mean, index)));

    m->spread = of(m, ELBO_SQRT,
                   average(m, add(m, of(m, ELBO_EXP, m->v), apart), start));
}

/* Of y under the head, less its normaliser's Jacobian: [B x 1]. */
static elbo_node log_density(const maker *m, uint32_t index[])
{
    static const double log_two_pi = 1.8378770664093454836;
    const elbo_ensemble *const e = m->e;
    const double D = (double)e->D, noise = e->config.noise;
    const elbo_node d = of(m, ELBO_SQ, sub(m, repeat(m, m->y, index), m->mu));
    elbo_node terms, constant;

    if (e->config.head == ELBO_HEAD_DETERMINISTIC) {
        terms = elbo_tape_scale(m->tape, d, 1 / (noise * noise));
        constant =
            elbo_tape_number(m->tape, -0.5 * D * (log_two_pi + 2 * log(noise)));
    } else {
        terms = add(m, mul(m, d, of(m, ELBO_EXP, of(m, ELBO_NEG, m->v))), m->v);
        constant = elbo_tape_number(m->tape, -0.5 * D * log_two_pi);
    }

    const elbo_node sums = elbo_tape_sum(m->tape, terms, ELBO_ROWS);
    const elbo_node out =
        add(m, elbo_tape_scale(m->tape, sums, -0.5), constant);

    if (e->config.head != ELBO_HEAD_MIXTURE) return out;
    return elbo_tape_logsumexp(
        m->tape, add(m, m->log_pi,
                     elbo_tape_reshape(m->tape, out, m->nodes->rows, e->K)));
}

/* log p(end) = end e - h(e). */
static elbo_node log_end(const maker *m)
{
    const elbo_node e = columns(m, m->outputs, m->parts.end, 1);

    return sub(m, mul(m, m->nodes->end, e), of(m, ELBO_SOFTPLUS, e));
}

/* ---- in the world's units ---- */

static void finish_moments(maker *m)
{
    elbo_task_nodes *const nodes = m->nodes;
    const size_t no = m->e->world->no;
    const bool learnt = m->e->D > no;
    const elbo_node y =
        add(m, m->leaves.out_mean, mul(m, m->leaves.out_scale, m->mean));
    const elbo_task *const task = m->e->world->task;

    nodes->mean = columns(m, y, 0, no);
    if (!m->e->config.absolute) nodes->mean = add(m, nodes->o, nodes->mean);
    nodes->certain = m->e->config.head == ELBO_HEAD_DETERMINISTIC;
    if (nodes->certain)
        nodes->std = elbo_tape_scale(m->tape, nodes->o, 0);
    else
        nodes->std = columns(m, mul(m, m->leaves.out_scale, m->spread), 0, no);
    nodes->rhat = ELBO_TASK_NO_NODE;
    if (learnt)
        nodes->rhat = elbo_tape_columns(m->tape, y, no, 1);
    else if (task->reward_node)
        nodes->rhat = task->reward_node(m->e->world->self, m->tape, nodes->o,
                                        nodes->u, nodes->mean);
}

elbo_status elbo_ensemble_node(const elbo_task_belief *belief, size_t member,
                               bool learnt, elbo_tape *tape,
                               elbo_task_nodes *nodes)
{
    const elbo_ensemble *const e = belief->self;
    const size_t n = nodes->rows * e->K;
    elbo_arena *const ws = elbo_arena_alloc(1 << 12);
    uint32_t *const index = ws ? elbo_arena_u32(ws, n) : NULL;
    size_t *const start = ws ? elbo_arena_sizes(ws, nodes->rows + 1) : NULL;
    maker m = {.e = e,
               .tape = tape,
               .nodes = nodes,
               .member = member,
               .parts = elbo_ensemble_outputs(e)};

    assert(member < e->members);
    if (!index || !start) {
        elbo_arena_free(ws);
        return ELBO_FAIL(ELBO_ENOMEM, "the nodes of %zu rows", nodes->rows);
    }
    memset(&m.leaves, 0xff, sizeof m.leaves); /* ELBO_TASK_NO_NODE */
    m.leaves.mlp = elbo_mlp_leaf(&e->mlp, tape, learnt);
    if (elbo_tape_precision(tape) == ELBO_F32)
        elbo_mlp_point(&e->mlp, &m.leaves.mlp, tape,
                       elbo_ensemble_theta(e, member));
    m.outputs = elbo_mlp_node(&e->mlp, &m.leaves.mlp, tape, input(&m));
    m.y = target(&m);
    head(&m, learnt);
    nodes->logp = sub(
        &m, log_density(&m, index),
        elbo_tape_sum(tape, of(&m, ELBO_LOG, m.leaves.out_scale), ELBO_ROWS));
    if (e->config.end == ELBO_LEARNT)
        nodes->logp = add(&m, nodes->logp, log_end(&m));
    moments(&m, index, start);
    finish_moments(&m);
    memcpy(nodes->leaf, &m.leaves, sizeof m.leaves);
    elbo_arena_free(ws);
    return ELBO_OK;
}

elbo_status elbo_ensemble_step(const elbo_task_belief *belief, elbo_tape *tape,
                               const elbo_task_nodes *of, elbo_task_nodes *out)
{
    const elbo_ensemble *const e = belief->self;
    elbo_arena *const ws = elbo_arena_alloc(1 << 12);
    uint32_t *const index = ws ? elbo_arena_u32(ws, out->rows * e->K) : NULL;
    size_t *const start = ws ? elbo_arena_sizes(ws, out->rows + 1) : NULL;
    maker m = {.e = e,
               .tape = tape,
               .nodes = out,
               .leaves = elbo_ensemble_leaves_of(of),
               .parts = elbo_ensemble_outputs(e)};
    const bool enough = index && start;

    if (enough) {
        m.outputs = elbo_mlp_node(&e->mlp, &m.leaves.mlp, tape, input(&m));
        head(&m, false);
        moments(&m, index, start);
        finish_moments(&m);
    }
    elbo_arena_free(ws);
    return enough ? ELBO_OK
                  : ELBO_FAIL(ELBO_ENOMEM, "the nodes of %zu rows", out->rows);
}

/* ---- values ---- */

elbo_ensemble_leaves elbo_ensemble_leaves_of(const elbo_task_nodes *nodes)
{
    elbo_ensemble_leaves leaves;

    memcpy(&leaves, nodes->leaf, sizeof leaves);
    return leaves;
}

size_t elbo_ensemble_learnt(const elbo_ensemble *e, const elbo_task_nodes *nodes,
                            elbo_node out[ELBO_ENSEMBLE_LEAVES])
{
    const elbo_ensemble_leaves leaves = elbo_ensemble_leaves_of(nodes);
    size_t n = 0;

    for (size_t l = 0; l < e->mlp.layers; l++) {
        out[n++] = leaves.mlp.W[l];
        out[n++] = leaves.mlp.b[l];
    }
    if (!e->config.learn_bounds || elbo_ensemble_bounds(e) == 0) return n;
    out[n++] = leaves.highest;
    out[n++] = leaves.lowest;
    return n;
}

static void set(elbo_tape *tape, elbo_node leaf, const float x[])
{
    if (leaf != ELBO_TASK_NO_NODE) elbo_tape_set_f32(tape, leaf, x);
}

void elbo_ensemble_set(const elbo_ensemble *e, const double theta[],
                       elbo_tape *tape, const elbo_task_nodes *nodes)
{
    const elbo_ensemble_leaves l = elbo_ensemble_leaves_of(nodes);
    const double *const highest = theta + elbo_mlp_size(&e->mlp);
    const size_t no = e->world->no;

    elbo_mlp_set(&e->mlp, &l.mlp, tape, theta);
    if (l.highest != ELBO_TASK_NO_NODE) {
        elbo_tape_set(tape, l.highest, highest);
        elbo_tape_set(tape, l.lowest, highest + elbo_ensemble_bounds(e));
    }
    set(tape, l.o_mean, e->in_mean);
    set(tape, l.o_scale, e->in_scale);
    set(tape, l.u_mean, e->in_mean + no);
    set(tape, l.u_scale, e->in_scale + no);
    set(tape, l.out_mean, e->out_mean);
    set(tape, l.out_scale, e->out_scale);
}

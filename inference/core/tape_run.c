#include <assert.h>

#include "inference/core/tape.h"
#include "inference/core/tape_graph.h"

static elbo_tape_node *node_of(const elbo_tape *tape, elbo_node x)
{
    assert(tape->finished && x < tape->count);
    return &tape->nodes[x];
}

static elbo_tape_node *leaf_of(const elbo_tape *tape, elbo_node x)
{
    elbo_tape_node *node = &tape->nodes[x];

    assert(x < tape->count
           && (node->operation == ELBO_LEAF_INPUT
               || node->operation == ELBO_LEAF_CONSTANT));
    return node;
}

void elbo_tape_set(elbo_tape *tape, elbo_node leaf, const double x[])
{
    const elbo_tape_node *node = leaf_of(tape, leaf);

    assert(tape->finished);
    tape->kernels->load(node->value, x, node->size);
}

/* In a tape that has failed there is no leaf. */
static bool lost(const elbo_tape *tape)
{
    return tape->too_large || (!tape->finished && !elbo_arena_ok(tape->arena));
}

/* No pass writes to a leaf's value. */
static void point(elbo_tape *tape, elbo_node leaf, const void *x)
{
    if (lost(tape)) return;
    leaf_of(tape, leaf)->value = (void *)x;
}

void elbo_tape_point(elbo_tape *tape, elbo_node leaf, const double x[])
{
    assert(tape->kernels == &elbo_kernels_f64);
    point(tape, leaf, x);
}

void elbo_tape_point_f32(elbo_tape *tape, elbo_node leaf, const float x[])
{
    assert(tape->kernels == &elbo_kernels_f32);
    point(tape, leaf, x);
}

elbo_node elbo_tape_borrow_f32(elbo_tape *tape, size_t rows, size_t cols,
                               const float x[])
{
    const elbo_node leaf = elbo_tape_constant(tape, rows, cols);

    elbo_tape_point_f32(tape, leaf, x);
    return leaf;
}

void elbo_tape_set_f32(elbo_tape *tape, elbo_node leaf, const float x[])
{
    const elbo_tape_node *node = leaf_of(tape, leaf);

    tape->kernels->load_f32(node->value, x, node->size);
}

void elbo_tape_get_f32(const elbo_tape *tape, elbo_node x, float out[])
{
    const elbo_tape_node *node = node_of(tape, x);

    tape->kernels->store_f32(out, node->value, node->size);
}

elbo_precision elbo_tape_precision(const elbo_tape *tape)
{
    return tape->kernels == &elbo_kernels_f32 ? ELBO_F32 : ELBO_F64;
}

void elbo_tape_get(const elbo_tape *tape, elbo_node x, double out[])
{
    const elbo_tape_node *node = node_of(tape, x);

    tape->kernels->store(out, node->value, node->size);
}

void elbo_tape_hold(elbo_tape *tape, bool held)
{
    assert(!held || tape->has_run);
    tape->held = held;
}

static bool is_stop(const elbo_tape_node *node)
{
    return node->operation == ELBO_ELEMENTWISE && node->rule == ELBO_STOP;
}

static void run(elbo_tape *tape, size_t n)
{
    assert(tape->finished);
    for (size_t i = 0; i < n; i++) {
        const elbo_tape_node *out = &tape->nodes[i];
        elbo_pass *forward = tape->kernels->of[out->operation].forward;

        if (tape->held && is_stop(out)) continue;
        if (forward) forward(out, &tape->nodes[out->x], &tape->nodes[out->y]);
    }
    tape->has_run = true;
    tape->has_gradient = tape->has_product = false;
}

void elbo_tape_forward(elbo_tape *tape)
{
    run(tape, tape->count);
}

void elbo_tape_forward_to(elbo_tape *tape, elbo_node y)
{
    assert(y < tape->count);
    run(tape, (size_t)y + 1);
}

/* What y depends on and an input moves; it stays so for the next run. */
static void mark_live(elbo_tape *tape, elbo_node y)
{
    elbo_tape_node *nodes = tape->nodes;

    for (size_t i = 0; i < tape->count; i++) nodes[i].reached = false;
    if (tape->marked && tape->derived == y) return;
    tape->marked = true;
    tape->derived = y;
    for (size_t i = 0; i < tape->count; i++) nodes[i].live = false;
    nodes[y].live = nodes[y].varies;
    for (size_t i = (size_t)y + 1; i-- > 0;) {
        if (!nodes[i].live) continue;
        nodes[nodes[i].x].live = nodes[nodes[i].x].varies;
        nodes[nodes[i].y].live = nodes[nodes[i].y].varies;
        if (nodes[i].operation == ELBO_DENSE)
            nodes[nodes[i].b].live = nodes[nodes[i].b].varies;
    }
}

/* Zeros to add to, unless out's pass writes every entry once. */
static void clear_adjoint(const elbo_tape *tape, const elbo_tape_node *out,
                          elbo_tape_node *x)
{
    const bool writes = out->operation == ELBO_SUM_ALL
                        || out->operation == ELBO_DENSE
                        || out->operation == ELBO_DOT
                        || (out->operation == ELBO_ELEMENTWISE
                            && x->size == out->size && x->size > 1);

    if (!x->live || x->reached || writes) return;
    tape->kernels->fill(x->adjoint, x->size, 0);
    x->reached = true;
}

/* out's adjoint to its arguments'. */
static void pull(const elbo_tape *tape, const elbo_tape_node *out)
{
    elbo_tape_node *const x = &tape->nodes[out->x], *y = &tape->nodes[out->y];
    elbo_pass *const backward = tape->kernels->of[out->operation].backward;

    if (!out->live || !backward) return;
    clear_adjoint(tape, out, x);
    clear_adjoint(tape, out, y);
    backward(out, x, y);
    x->reached = y->reached = true;
    if (out->operation == ELBO_DENSE) tape->nodes[out->b].reached = true;
}

void elbo_tape_backward(elbo_tape *tape, elbo_node y)
{
    elbo_tape_node *nodes = tape->nodes;

    assert(tape->has_run && y < tape->count);
    mark_live(tape, y);
    if (nodes[y].live) tape->kernels->fill(nodes[y].adjoint, nodes[y].size, 1);
    for (size_t i = (size_t)y + 1; i-- > 0;) pull(tape, &nodes[i]);
    tape->has_gradient = true;
    tape->has_product = false;
}

/* Zero for a node that the last derivatives did not reach. */
static void read_live(const elbo_tape *tape, const elbo_tape_node *node,
                      const void *buffer, double out[])
{
    assert(tape->has_gradient);
    if (node->live)
        tape->kernels->store(out, buffer, node->size);
    else
        for (size_t i = 0; i < node->size; i++) out[i] = 0;
}

void elbo_tape_gradient(const elbo_tape *tape, elbo_node x, double out[])
{
    const elbo_tape_node *node = node_of(tape, x);

    read_live(tape, node, node->adjoint, out);
}

void elbo_tape_gradient_f32(const elbo_tape *tape, elbo_node x, float out[])
{
    const elbo_tape_node *node = node_of(tape, x);

    assert(tape->has_gradient);
    if (node->live)
        tape->kernels->store_f32(out, node->adjoint, node->size);
    else
        for (size_t i = 0; i < node->size; i++) out[i] = 0;
}

const double *elbo_tape_adjoint(const elbo_tape *tape, elbo_node x)
{
    const elbo_tape_node *node = node_of(tape, x);

    assert(tape->has_gradient && tape->kernels == &elbo_kernels_f64);
    return node->live ? node->adjoint : NULL;
}

const float *elbo_tape_value_f32(const elbo_tape *tape, elbo_node x)
{
    assert(tape->kernels == &elbo_kernels_f32);
    return node_of(tape, x)->value;
}

const float *elbo_tape_adjoint_f32(const elbo_tape *tape, elbo_node x)
{
    const elbo_tape_node *node = node_of(tape, x);

    assert(tape->has_gradient && tape->kernels == &elbo_kernels_f32);
    return node->live ? node->adjoint : NULL;
}

void elbo_tape_point_adjoint_f32(elbo_tape *tape, elbo_node input, float to[])
{
    assert(tape->kernels == &elbo_kernels_f32);
    if (lost(tape)) return;

    elbo_tape_node *node = leaf_of(tape, input);

    assert(node->operation == ELBO_LEAF_INPUT);
    node->adjoint = to;
}

void elbo_tape_direction(elbo_tape *tape, elbo_node input, const double v[])
{
    const elbo_tape_node *node = node_of(tape, input);

    assert(node->operation == ELBO_LEAF_INPUT);
    tape->kernels->load(node->tangent, v, node->size);
}

/* Pearlmutter (1994): the tangent of the forward pass, then of the backward. */
void elbo_tape_hessian(elbo_tape *tape, elbo_node y)
{
    elbo_tape_node *nodes = tape->nodes;

    assert(tape->has_gradient && tape->derived == y);
    for (size_t i = 0; i <= y; i++) {
        elbo_pass *tangent = tape->kernels->of[nodes[i].operation].tangent;

        if (!nodes[i].live) continue;
        tape->kernels->fill(nodes[i].adjoint_tangent, nodes[i].size, 0);
        if (tangent) tangent(&nodes[i], &nodes[nodes[i].x], &nodes[nodes[i].y]);
    }
    for (size_t i = (size_t)y + 1; i-- > 0;) {
        elbo_pass *second = tape->kernels->of[nodes[i].operation].second;

        if (nodes[i].live && second)
            second(&nodes[i], &nodes[nodes[i].x], &nodes[nodes[i].y]);
    }
    tape->has_product = true;
}

void elbo_tape_product(const elbo_tape *tape, elbo_node x, double out[])
{
    const elbo_tape_node *node = node_of(tape, x);

    assert(tape->has_product);
    read_live(tape, node, node->adjoint_tangent, out);
}

elbo_node elbo_tape_not_finite(const elbo_tape *tape, size_t *entry)
{
    assert(tape->has_run);
    for (size_t i = 0; i < tape->count; i++) {
        const elbo_tape_node *node = &tape->nodes[i];

        *entry = tape->kernels->not_finite(node->value, node->size);
        if (*entry < node->size) return (elbo_node)i;
    }
    *entry = 0;
    return (elbo_node)tape->count;
}

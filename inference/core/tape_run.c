#include <assert.h>

#include "inference/core/tape.h"
#include "inference/core/tape_graph.h"

static elbo_tape_node *node_of(const elbo_tape *tape, elbo_node x)
{
    assert(tape->finished && x < tape->count);
    return &tape->nodes[x];
}

void elbo_tape_set(elbo_tape *tape, elbo_node leaf, const double x[])
{
    const elbo_tape_node *node = node_of(tape, leaf);

    assert(node->operation == ELBO_LEAF_INPUT
           || node->operation == ELBO_LEAF_CONSTANT);
    tape->kernels->load(node->value, x, node->size);
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

void elbo_tape_forward(elbo_tape *tape)
{
    assert(tape->finished);
    for (size_t i = 0; i < tape->count; i++) {
        const elbo_tape_node *out = &tape->nodes[i];
        elbo_pass *forward = tape->kernels->of[out->operation].forward;

        if (tape->held && is_stop(out)) continue;
        if (forward) forward(out, &tape->nodes[out->x], &tape->nodes[out->y]);
    }
    tape->has_run = true;
    tape->has_gradient = tape->has_product = false;
}

/* What y depends on and an input moves. */
static void mark_live(elbo_tape *tape, elbo_node y)
{
    elbo_tape_node *nodes = tape->nodes;

    for (size_t i = 0; i < tape->count; i++) nodes[i].live = false;
    nodes[y].live = nodes[y].varies;
    for (size_t i = (size_t)y + 1; i-- > 0;) {
        if (!nodes[i].live) continue;
        nodes[nodes[i].x].live = nodes[nodes[i].x].varies;
        nodes[nodes[i].y].live = nodes[nodes[i].y].varies;
    }
}

void elbo_tape_backward(elbo_tape *tape, elbo_node y)
{
    elbo_tape_node *nodes = tape->nodes;

    assert(tape->has_run && y < tape->count);
    mark_live(tape, y);
    for (size_t i = 0; i <= y; i++)
        if (nodes[i].live)
            tape->kernels->fill(nodes[i].adjoint, nodes[i].size, i == y);
    for (size_t i = (size_t)y + 1; i-- > 0;) {
        elbo_pass *backward = tape->kernels->of[nodes[i].operation].backward;

        if (nodes[i].live && backward)
            backward(&nodes[i], &nodes[nodes[i].x], &nodes[nodes[i].y]);
    }
    tape->has_gradient = true;
    tape->has_product = false;
    tape->derived = y;
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

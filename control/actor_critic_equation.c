/* control/actor_critic_equation.c -- what the critics of an actor-critic solve,
 * as nodes in which their parameters are inputs.
 */
#include <assert.h>
#include <string.h>

#include "control/actor_critic.h"

static_assert(ELBO_TASK_UNKNOWNS >= 2 * ELBO_CRITICS * ELBO_MLP_LAYERS,
              "the critics' leaves fit into those of the interface");

/* Critic by critic, layer by layer, W then b: in the order of their parameters.
 */
static void unknowns(void *self, elbo_tape *tape, elbo_task_unknowns *w)
{
    elbo_actor_critic *const s = self;
    const elbo_mlp *const mlp = &s->shape.critic;

    w->n = 0;
    for (size_t k = 0; k < s->shape.critics; k++) {
        const elbo_mlp_leaves leaves = elbo_mlp_leaf(mlp, tape, true);

        if (elbo_tape_precision(tape) == ELBO_F32)
            elbo_mlp_point(mlp, &leaves, tape, s->critic[k].theta);
        else
            elbo_mlp_point_f64(mlp, &leaves, tape, s->value.now.critic[k]);
        for (size_t l = 0; l < mlp->layers; l++) {
            w->leaf[w->n++] = leaves.W[l];
            w->leaf[w->n++] = leaves.b[l];
        }
    }
}

static elbo_mlp_leaves leaves_of(const elbo_actor_critic *s,
                                 const elbo_task_unknowns *w, size_t k)
{
    const size_t layers = s->shape.critic.layers;
    const elbo_node *const leaf = w->leaf + 2 * k * layers;
    elbo_mlp_leaves leaves = {{0}, {0}};

    for (size_t l = 0; l < layers; l++) {
        leaves.W[l] = leaf[2 * l];
        leaves.b[l] = leaf[2 * l + 1];
    }
    return leaves;
}

/* Q_k(o, u) */
static elbo_node value_of(const elbo_actor_critic *s, elbo_tape *tape,
                          const elbo_task_unknowns *w, size_t k, elbo_node o,
                          elbo_node u)
{
    const elbo_mlp_leaves leaves = leaves_of(s, w, k);
    const elbo_node input = s->shape.choices ? o : elbo_tape_join(tape, o, u);
    const elbo_node q = elbo_mlp_node(&s->shape.critic, &leaves, tape, input);

    if (!s->shape.choices) return q;
    return elbo_tape_sum(tape, elbo_tape_binary(tape, ELBO_MUL, q, u),
                         ELBO_ROWS);
}

static elbo_node action_value(void *self, elbo_tape *tape,
                              const elbo_task_unknowns *w, elbo_node o,
                              elbo_node u)
{
    const elbo_actor_critic *const s = self;
    elbo_node q = value_of(s, tape, w, 0, o, u);

    for (size_t k = 1; k < s->shape.critics; k++)
        q = elbo_tape_binary(tape, ELBO_MIN, q, value_of(s, tape, w, k, o, u));
    return q;
}

static elbo_node value(void *self, elbo_tape *tape, const elbo_task_unknowns *w,
                       elbo_node o)
{
    elbo_actor_critic *const s = self;
    elbo_soft_nodes nodes = {.o = o, .judged = true};

    for (size_t k = 0; k < s->shape.critics; k++)
        nodes.critic[k] = leaves_of(s, w, k);
    elbo_actor_critic_value_nodes(s, tape, false, &nodes);
    return nodes.V;
}

static elbo_node target(void *self, elbo_tape *tape, elbo_node o)
{
    elbo_soft_nodes nodes = {.o = o};

    elbo_actor_critic_value_nodes(self, tape, true, &nodes);
    return nodes.V;
}

/* y = r + gamma (1 - end) V'(next) */
static elbo_node aim(elbo_actor_critic *s, elbo_tape *tape,
                     const elbo_task_outcome *x)
{
    const elbo_node going =
        elbo_tape_binary(tape, ELBO_SUB, elbo_tape_number(tape, s->gamma),
                         elbo_tape_scale(tape, x->end, s->gamma));

    return elbo_tape_binary(
        tape, ELBO_ADD, x->reward,
        elbo_tape_binary(tape, ELBO_MUL, going, target(s, tape, x->next)));
}

static elbo_node loss(void *self, elbo_tape *tape, const elbo_task_unknowns *w,
                      const elbo_task_outcome *x)
{
    elbo_actor_critic *const s = self;
    const elbo_node y = aim(s, tape, x);
    const double rows = (double)elbo_tape_rows(tape, x->o);
    elbo_node sum = 0;

    for (size_t k = 0; k < s->shape.critics; k++) {
        const elbo_node q = value_of(s, tape, w, k, x->o, x->u);
        const elbo_node error = elbo_tape_unary(
            tape, ELBO_SQ, elbo_tape_binary(tape, ELBO_SUB, q, y));

        sum = k ? elbo_tape_binary(tape, ELBO_ADD, sum, error) : error;
    }
    return elbo_tape_scale(tape, elbo_tape_sum(tape, sum, ELBO_ALL),
                           0.5 / rows);
}

const elbo_task_equation elbo_actor_critic_equation = {
    .unknowns = unknowns,
    .loss = loss,
    .Q = action_value,
    .V = value,
    .target = target,
};

/* control/actor_critic_graph.c -- the graphs: one a network and
 * block of rows, built once; their leaves lie where the batch, the noise and
 * the parameters are.
 */
#include "control/actor_critic.h"

/* V of rows at `o`; the critics are `theta`, as `target` or as they learn. */
static void build_value(elbo_actor_critic *s, elbo_tape *tape, size_t rows,
                        const float o[], const float noise[], bool target,
                        elbo_soft_nodes *nodes)
{
    const elbo_soft_shape *const shape = &s->shape;

    const float *const actor =
        target && shape->hard ? s->actor.target : s->actor.theta;

    nodes->samples = 1;
    nodes->first = shape->hard && !target;
    nodes->smooth = shape->hard && target && s->smoothing > 0;
    nodes->o = elbo_tape_borrow_f32(tape, rows, shape->no, o);
    nodes->noise = shape->choices ? 0 : elbo_tape_borrow_f32(tape, rows, shape->nu, noise);
    nodes->alpha = elbo_tape_borrow_f32(tape, 1, 1, &s->alpha);
    elbo_soft_value(shape, tape, !target, nodes);
    elbo_mlp_point(&shape->actor, &nodes->actor, tape, actor);
    for (size_t k = 0; k < elbo_soft_critics(shape, nodes); k++)
        elbo_mlp_point(&shape->critic, &nodes->critic[k], tape,
                       target ? s->critic[k].target : s->critic[k].theta);
}

static elbo_status build_target(elbo_actor_critic *s, size_t b,
                                elbo_arena *arena)
{
    elbo_actor_critic_block *const block = &s->block[b];
    const size_t first = s->batch.first[b],
                 rows = s->batch.first[b + 1] - first;

    block->target = elbo_tape_place(ELBO_F32, arena);
    ELBO_TRY(elbo_arena_check(arena, s->name));
    build_value(s, block->target, rows, s->batch.next + first * s->batch.no,
                s->noise_next + first * s->batch.nu, true,
                &block->target_nodes);
    return elbo_tape_finish(block->target);
}

static elbo_status build_actor(elbo_actor_critic *s, size_t b,
                               elbo_arena *arena)
{
    elbo_actor_critic_block *const block = &s->block[b];
    const size_t first = s->batch.first[b],
                 rows = s->batch.first[b + 1] - first;
    elbo_tape *const tape = block->actor = elbo_tape_place(ELBO_F32, arena);

    ELBO_TRY(elbo_arena_check(arena, s->name));
    build_value(s, tape, rows, s->batch.o + first * s->batch.no,
                s->noise + first * s->batch.nu, false, &block->actor_nodes);

    const elbo_node weight = elbo_tape_borrow_f32(tape, rows, 1, s->batch.weight + first);
    const elbo_node sum = elbo_tape_sum(
        tape, elbo_tape_binary(tape, ELBO_MUL, weight, block->actor_nodes.V),
        ELBO_ALL);

    block->actor_loss = elbo_tape_scale(tape, sum, -1 / (double)s->batch.rows);
    ELBO_TRY(elbo_tape_finish(tape));
    elbo_mlp_point_gradient(&s->shape.actor, &block->actor_nodes.actor, tape,
                            s->actor.grad + b * s->actor.n);
    return ELBO_OK;
}

static elbo_status build_critic(elbo_actor_critic *s, size_t b, size_t k,
                                elbo_arena *arena)
{
    const elbo_minibatch *const batch = &s->batch;
    const size_t first = batch->first[b], rows = batch->first[b + 1] - first;
    elbo_tape *const tape = s->block[b].critic[k] =
        elbo_tape_place(ELBO_F32, arena);
    elbo_critic_nodes *const nodes = &s->block[b].critic_nodes[k];
    elbo_learner *const critic = &s->critic[k];

    ELBO_TRY(elbo_arena_check(arena, s->name));
    nodes->o = elbo_tape_borrow_f32(tape, rows, batch->no, batch->o + first * batch->no);
    nodes->u = elbo_tape_borrow_f32(tape, rows, batch->nu, batch->u + first * batch->nu);
    nodes->y = elbo_tape_borrow_f32(tape, rows, 1, s->y + first);
    nodes->weight = elbo_tape_borrow_f32(tape, rows, 1, batch->weight + first);
    elbo_critic_loss(&s->shape, tape, batch->rows, nodes);
    elbo_mlp_point(&s->shape.critic, &nodes->critic, tape, critic->theta);
    ELBO_TRY(elbo_tape_finish(tape));
    elbo_mlp_point_gradient(&s->shape.critic, &nodes->critic, tape,
                            critic->grad + b * critic->n);
    return ELBO_OK;
}

elbo_status elbo_actor_critic_graphs(elbo_actor_critic *s, elbo_arena *arena)
{
    for (size_t b = 0; b < s->batch.blocks; b++) {
        ELBO_TRY(build_target(s, b, arena));
        if (!s->aim_actor && !s->shape.softmax)
            ELBO_TRY(build_actor(s, b, arena));
        for (size_t k = 0; k < s->shape.critics; k++)
            ELBO_TRY(build_critic(s, b, k, arena));
    }
    return ELBO_OK;
}

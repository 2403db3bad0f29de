#include "control/actor_critic.h"

#include <math.h>

#include "control/network_options.h"

static elbo_status open_networks(elbo_actor_critic *s,
                                 const elbo_values *values, elbo_arena *arena)
{
    static const char *const names[] = {"critic 1", "critic 2"};
    const elbo_adam_config slow = elbo_network_adam(values, "rate");
    const elbo_adam_config fast = elbo_network_adam(values, "critic_rate");
    elbo_rng rng = elbo_rng_stream(s->seed, "control network", 0);

    ELBO_TRY(elbo_learner_init(&s->actor, "policy", &s->shape.actor,
                               s->batch.blocks, s->shape.hard, &slow, &rng,
                               arena));
    for (size_t k = 0; k < s->shape.critics; k++) {
        rng = elbo_rng_stream(s->seed, "control network", k + 1);
        ELBO_TRY(elbo_learner_init(&s->critic[k], names[k], &s->shape.critic,
                                   s->batch.blocks, true, &fast, &rng, arena));
    }
    return ELBO_OK;
}

elbo_status elbo_actor_critic_open(elbo_actor_critic *s,
                                   const elbo_values *values,
                                   const elbo_task_problem *problem, bool hard,
                                   elbo_arena *arena)
{
    const elbo_task_world *const world = problem->world;
    const size_t rows = (size_t)elbo_int(values, "batch");
    elbo_mlp hidden;

    s->gamma = problem->gamma;
    s->seed = problem->seed;
    s->shape = (elbo_soft_shape){.critics = (size_t)elbo_int(values, "critics"),
                                 .no = world->no,
                                 .nu = world->nu,
                                 .choices = world->choices > 0,
                                 .hard = hard,
                                 .softmax = s->shape.softmax};
    ELBO_TRY(elbo_network_hidden(values, &hidden));
    ELBO_TRY(elbo_soft_shape_init(&s->shape, &hidden));
    ELBO_TRY(elbo_minibatch_init(&s->batch, world, rows, arena));
    s->noise = elbo_arena_take(arena, rows * world->nu, sizeof(float));
    s->noise_next = elbo_arena_take(arena, rows * world->nu, sizeof(float));
    s->y = elbo_arena_take(arena, rows, sizeof(float));
    ELBO_TRY(elbo_arena_check(arena, s->name));
    ELBO_TRY(open_networks(s, values, arena));
    ELBO_TRY(elbo_actor_critic_graphs(s, arena));
    return elbo_actor_critic_value_open(s, arena);
}

double elbo_actor_critic_bound(const elbo_actor_critic *s)
{
    return (s->batch.largest_reward
            + s->gamma * (double)s->alpha * s->largest_kl)
           / (1 - s->gamma);
}

void elbo_actor_critic_save(const void *self, elbo_writer *out)
{
    const elbo_actor_critic *const s = self;
    const elbo_actor_critic_tally *const t = &s->tally;
    const double state[] = {s->log_alpha,
                            (double)s->alpha,
                            s->m,
                            s->v,
                            t->updates,
                            t->critic_loss,
                            t->kl,
                            t->q,
                            t->largest_q,
                            s->largest_kl,
                            s->batch.largest_reward};

    elbo_put_u64(out, s->updates);
    elbo_put_doubles(out, state, sizeof state / sizeof *state);
    elbo_learner_save(&s->actor, out);
    for (size_t k = 0; k < s->shape.critics; k++)
        elbo_learner_save(&s->critic[k], out);
}

elbo_status elbo_actor_critic_load(void *self, elbo_reader *in)
{
    elbo_actor_critic *const s = self;
    double state[11];

    ELBO_TRY(elbo_get_u64(in, &s->updates));
    ELBO_TRY(elbo_get_doubles(in, state, sizeof state / sizeof *state));
    s->log_alpha = state[0];
    s->alpha = (float)state[1];
    s->m = state[2];
    s->v = state[3];
    s->tally = (elbo_actor_critic_tally){state[4], state[5], state[6], state[7],
                                         state[8]};
    s->largest_kl = state[9];
    s->batch.largest_reward = state[10];
    ELBO_TRY(elbo_learner_load(&s->actor, in));
    for (size_t k = 0; k < s->shape.critics; k++)
        ELBO_TRY(elbo_learner_load(&s->critic[k], in));
    elbo_actor_critic_value_refresh(s);
    return ELBO_OK;
}

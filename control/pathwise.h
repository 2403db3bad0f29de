/* control/pathwise.h -- what control/pathwise.c unrolls, for its tests. */
#ifndef ELBO_PATHWISE_H
#define ELBO_PATHWISE_H

#include "control/actor_critic.h"

/* One member's rollouts from one block of a batch. */
typedef struct elbo_pathwise_graph {
    elbo_tape *tape;
    elbo_node *o, *u; /* [H + 1] and [H], where the ends are read */
    elbo_node kl;     /* [rows x 1] of the first actions */
    elbo_node
        loss; /* 1 x 1: the sum of -weight J, over the rows of all blocks */
    elbo_mlp_leaves actor;
} elbo_pathwise_graph;

typedef struct elbo_pathwise {
    size_t H, members;
    const elbo_task_belief *belief;
    const elbo_task_world *world;
    elbo_pathwise_graph *graph; /* [members x blocks] */
    float *noise;               /* [(H + 1) x rows x nu] of the policy */
    float *shock;               /* [H x rows x no] of the model */
    float *alive;               /* [(H + 1) x rows] no end was reached */
    float *zero;                /* [rows x no]: outcomes that nothing reads */
    uint8_t *end;               /* [rows] */
    uint32_t *elite;            /* [members] */
    size_t member;              /* of this update */
} elbo_pathwise;

/* -J of a member's paths from block b of the batch. In ELBO_F32 it reads
 * networks, noise and ends where they are; in ELBO_F64 copies of what they are
 * now, but for the actor's parameters, which are the caller's to set. The
 * arena's. */
elbo_status elbo_pathwise_unroll(elbo_actor_critic *s, elbo_pathwise *p,
                                 size_t member, size_t b,
                                 elbo_precision precision,
                                 elbo_pathwise_graph *g, elbo_arena *arena);

#endif

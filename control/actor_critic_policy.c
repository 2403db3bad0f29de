/* control/actor_critic_policy.c -- the policy's actions and their values on a
 * tape: what means over actions are taken of.
 *
 *   choices   all of them, with their probabilities
 *   soft      u = tanh(m + exp(l) z) of given z, or of the fixed ones that make V
 *   hard      u = tanh(m)
 */
#include <math.h>

#include "control/actor_critic.h"
#include "inference/language/network.h"

/* min_k Q_k, of the critics as they learn. */
elbo_status elbo_actor_critic_action_node(void *self, elbo_tape *tape,
                                          elbo_node o, elbo_node u,
                                          elbo_node *Q)
{
    const elbo_actor_critic *const s = self;
    const elbo_mlp *const mlp = &s->shape.critic;
    const elbo_node x = s->shape.choices ? o : elbo_tape_join(tape, o, u);

    for (size_t k = 0; k < s->shape.critics; k++) {
        const elbo_mlp_leaves leaves = elbo_actor_critic_own(
            mlp, tape, s->critic[k].theta, s->value.now.critic[k]);
        elbo_node q = elbo_mlp_node(mlp, &leaves, tape, x);

        if (s->shape.choices)
            q = elbo_tape_sum(tape, elbo_tape_binary(tape, ELBO_MUL, q, u),
                              ELBO_ROWS);
        *Q = k ? elbo_tape_binary(tape, ELBO_MIN, *Q, q) : q;
    }
    return ELBO_OK;
}

/* x [1 x ..] for each row of o. */
static elbo_node for_each_row(elbo_tape *tape, elbo_node o, elbo_node x)
{
    const elbo_node sum = elbo_tape_sum(tape, o, ELBO_ROWS);
    const elbo_node zero =
        elbo_tape_scale(tape, elbo_tape_unary(tape, ELBO_STOP, sum), 0);

    return elbo_tape_binary(tape, ELBO_ADD, zero, x);
}

/* One-hot rows of all choices, for each row of o: [B nu x nu]. */
static elbo_node every_choice(elbo_tape *tape, elbo_node o, size_t nu)
{
    elbo_node flat = 0;

    for (size_t i = 0; i < nu * nu; i++) {
        const elbo_node x = elbo_tape_number(tape, i % (nu + 1) == 0);

        flat = i ? elbo_tape_join(tape, flat, x) : x;
    }
    return elbo_tape_reshape(tape, for_each_row(tape, o, flat),
                             elbo_tape_rows(tape, o) * nu, nu);
}

static void choose(const elbo_actor_critic *s, elbo_tape *tape, elbo_node o,
                   elbo_node head, elbo_policy_nodes *out)
{
    const size_t nu = s->shape.nu, rows = elbo_tape_rows(tape, o);
    const elbo_node logp = elbo_tape_reshape(
        tape,
        elbo_tape_binary(tape, ELBO_SUB, head, elbo_tape_logsumexp(tape, head)),
        rows * nu, 1);

    out->m = nu;
    out->u = every_choice(tape, o, nu);
    out->share = elbo_tape_unary(tape, ELBO_EXP, logp);
    out->dense = true;
    out->logpi = elbo_tape_binary(tape, ELBO_ADD, logp,
                                  elbo_tape_number(tape, log((double)nu)));
}

/* o, each row m times. */
static elbo_node repeat(elbo_tape *tape, elbo_node o, size_t m)
{
    const size_t no = elbo_tape_cols(tape, o);
    elbo_node wide = o;

    for (size_t k = 1; k < m; k++) wide = elbo_tape_join(tape, wide, o);
    return elbo_tape_reshape(tape, wide, elbo_tape_rows(tape, o) * m, no);
}

static void draw(const elbo_actor_critic *s, elbo_tape *tape, elbo_node o,
                 elbo_node noise, elbo_policy_nodes *out)
{
    const size_t nu = s->shape.nu;
    const bool fixed = noise == ELBO_NO_POLICY_NOISE;
    const elbo_mlp_leaves leaves = elbo_actor_critic_own(
        &s->shape.actor, tape, s->actor.theta, s->value.now.actor);

    out->m = fixed ? s->value_samples : 1;
    if (fixed) {
        const elbo_node row = elbo_tape_constant(tape, 1, out->m * nu);

        if (elbo_tape_precision(tape) == ELBO_F32)
            elbo_tape_point_f32(tape, row, s->value.noise);
        else
            elbo_tape_point(tape, row, s->value.noise_f64);
        noise = elbo_tape_reshape(tape, for_each_row(tape, o, row),
                                  elbo_tape_rows(tape, o) * out->m, nu);
        o = repeat(tape, o, out->m);
    }
    elbo_soft_policy(&s->shape, tape, &leaves, o, noise, &out->u, &out->logpi);
    out->dense = true;
    out->share = elbo_tape_number(tape, 1 / (double)out->m);
}

elbo_status elbo_actor_critic_policy_node(void *self, elbo_tape *tape,
                                          elbo_node o, elbo_node noise,
                                          elbo_policy_nodes *out)
{
    const elbo_actor_critic *const s = self;
    const bool soft = !s->shape.choices && !s->shape.hard;

    *out = (elbo_policy_nodes){.m = 1};
    if (soft) {
        draw(s, tape, o, noise, out);
        return ELBO_OK;
    }

    const elbo_mlp_leaves leaves = elbo_actor_critic_own(
        &s->shape.actor, tape, s->actor.theta, s->value.now.actor);
    const elbo_node head = elbo_mlp_node(&s->shape.actor, &leaves, tape, o);

    if (s->shape.choices) {
        choose(s, tape, o, head, out);
        return ELBO_OK;
    }
    out->u = elbo_tape_unary(tape, ELBO_TANH, head);
    out->share = elbo_tape_number(tape, 1);
    return ELBO_OK;
}

size_t elbo_actor_critic_policy_noise(const void *self)
{
    const elbo_actor_critic *const s = self;

    return s->shape.choices || s->shape.hard ? 0 : s->shape.nu;
}

/* control/actor_critic_value.c -- how soft actor-critic acts, and what it says
 * states are worth.
 *
 * V(o) is the mean over a few fixed draws of the policy (in pairs of opposite
 * sign), so that it is one differentiable function of o; over choices it is
 * exact. Its critics are those that learn, not their slow copies.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "control/actor_critic.h"
#include "control/task_policy.h"

enum { ROWS = 32 }; /* of V at once */

/* One set of draws for every row of o: [rows samples x nu] from [samples x nu].
 */
static elbo_node spread_noise(elbo_tape *tape, elbo_node noise, elbo_node o)
{
    const size_t samples = elbo_tape_rows(tape, noise),
                 nu = elbo_tape_cols(tape, noise);
    const elbo_node sum = elbo_tape_sum(tape, o, ELBO_ROWS);
    const elbo_node zero =
        elbo_tape_scale(tape, elbo_tape_unary(tape, ELBO_STOP, sum), 0);
    const elbo_node row = elbo_tape_reshape(tape, noise, 1, samples * nu);

    return elbo_tape_reshape(tape, elbo_tape_binary(tape, ELBO_ADD, zero, row),
                             elbo_tape_rows(tape, o) * samples, nu);
}

/* The policy and the critics as they learn, or their slow copies: a soft policy has
 * none. */
static void point_leaves(elbo_actor_critic *s, elbo_tape *tape, bool target,
                         const elbo_soft_nodes *nodes)
{
    const elbo_soft_shape *const shape = &s->shape;
    const elbo_actor_critic_copies *const wide =
        target ? &s->value.slow : &s->value.now;

    if (elbo_tape_precision(tape) == ELBO_F32) {
        elbo_mlp_point(&shape->actor, &nodes->actor, tape,
                       target && s->actor.target ? s->actor.target
                                                 : s->actor.theta);
        for (size_t k = 0; k < shape->critics && !nodes->judged; k++)
            elbo_mlp_point(&shape->critic, &nodes->critic[k], tape,
                           target ? s->critic[k].target : s->critic[k].theta);
    } else {
        elbo_mlp_point_f64(&shape->actor, &nodes->actor, tape, wide->actor);
        for (size_t k = 0; k < shape->critics && !nodes->judged; k++)
            elbo_mlp_point_f64(&shape->critic, &nodes->critic[k], tape,
                               wide->critic[k]);
    }
}

static void point_numbers(elbo_actor_critic *s, elbo_tape *tape,
                          elbo_node noise, elbo_node alpha)
{
    const elbo_actor_critic_values *const v = &s->value;

    if (elbo_tape_precision(tape) == ELBO_F32) {
        elbo_tape_point_f32(tape, alpha, &s->alpha);
        if (!s->shape.choices) elbo_tape_point_f32(tape, noise, v->noise);
    } else {
        elbo_tape_point(tape, alpha, &v->alpha);
        if (!s->shape.choices) elbo_tape_point(tape, noise, v->noise_f64);
    }
}

void elbo_actor_critic_value_nodes(elbo_actor_critic *s, elbo_tape *tape,
                                   bool target, elbo_soft_nodes *nodes)
{
    elbo_node noise = 0;

    nodes->samples = s->value_samples;
    nodes->alpha = elbo_tape_constant(tape, 1, 1);
    if (!s->shape.choices) {
        noise = elbo_tape_constant(tape, s->value_samples, s->shape.nu);
        nodes->noise = spread_noise(tape, noise, nodes->o);
    }
    elbo_soft_value(&s->shape, tape, false, nodes);
    point_leaves(s, tape, target, nodes);
    point_numbers(s, tape, noise, nodes->alpha);
}

/* Pairs +z, -z; of an odd number the last is 0. */
static void draw_noise(elbo_actor_critic *s)
{
    const size_t nu = s->shape.nu;
    elbo_rng rng = elbo_rng_stream(s->seed, "control value", 0);

    for (size_t m = 0; m + 1 < s->value_samples; m += 2) {
        float *const z = s->value.noise + m * nu;

        elbo_minibatch_noise(&rng, nu, z);
        for (size_t i = 0; i < nu; i++) z[nu + i] = -z[i];
    }
    for (size_t i = 0; i < s->value_samples * nu; i++)
        s->value.noise_f64[i] = (double)s->value.noise[i];
}

static void take_copies(const elbo_actor_critic *s,
                        elbo_actor_critic_copies *copies, elbo_arena *arena)
{
    copies->actor = elbo_arena_doubles(arena, s->actor.n);
    for (size_t k = 0; k < s->shape.critics; k++)
        copies->critic[k] = elbo_arena_doubles(arena, s->critic[k].n);
}

elbo_status elbo_actor_critic_value_open(elbo_actor_critic *s,
                                         elbo_arena *arena)
{
    elbo_actor_critic_values *const v = &s->value;

    v->noise =
        elbo_arena_take(arena, s->value_samples * s->shape.nu, sizeof(float));
    v->noise_f64 = elbo_arena_doubles(arena, s->value_samples * s->shape.nu);
    take_copies(s, &v->now, arena);
    take_copies(s, &v->slow, arena);
    v->tape = elbo_tape_place(ELBO_F32, arena);
    ELBO_TRY(elbo_arena_check(arena, s->name));
    draw_noise(s);
    elbo_actor_critic_value_refresh(s);
    v->nodes.o = elbo_tape_input(v->tape, ROWS, s->shape.no);
    elbo_actor_critic_value_nodes(s, v->tape, false, &v->nodes);
    return elbo_tape_finish(v->tape);
}

static void widen(size_t n, const float from[], double to[])
{
    for (size_t i = 0; i < n; i++) to[i] = (double)from[i];
}

void elbo_actor_critic_value_refresh(elbo_actor_critic *s)
{
    elbo_actor_critic_values *const v = &s->value;
    const float *const slow = s->actor.target;

    v->alpha = (double)s->alpha;
    widen(s->actor.n, s->actor.theta, v->now.actor);
    widen(s->actor.n, slow ? slow : s->actor.theta, v->slow.actor);
    for (size_t k = 0; k < s->shape.critics; k++) {
        widen(s->critic[k].n, s->critic[k].theta, v->now.critic[k]);
        widen(s->critic[k].n, s->critic[k].target, v->slow.critic[k]);
    }
}

elbo_status elbo_actor_critic_value_node(void *self, elbo_tape *tape,
                                         elbo_node o, elbo_node *V)
{
    elbo_soft_nodes nodes = {.o = o};

    elbo_actor_critic_value_nodes(self, tape, false, &nodes);
    *V = nodes.V;
    return ELBO_OK;
}

static elbo_status values(elbo_actor_critic *s, size_t n, const float o[],
                          float V[], float gradient[], elbo_arena *ws)
{
    const size_t no = s->shape.no;
    const elbo_mark mark = elbo_arena_mark(ws);
    float *const room = elbo_arena_take(ws, ROWS * no, sizeof *room);
    const elbo_status status = elbo_arena_check(ws, "values of a policy");
    elbo_tape *const tape = s->value.tape;

    for (size_t first = 0; first < n && status == ELBO_OK; first += ROWS) {
        const size_t rows = n - first < ROWS ? n - first : ROWS;

        memcpy(room, o + first * no, rows * no * sizeof *room);
        elbo_tape_set_f32(tape, s->value.nodes.o, room);
        elbo_tape_forward(tape);
        memcpy(V + first, elbo_tape_value_f32(tape, s->value.nodes.V),
               rows * sizeof *V);
        if (!gradient) continue;
        elbo_tape_backward(tape, s->value.nodes.V);
        memcpy(gradient + first * no,
               elbo_tape_adjoint_f32(tape, s->value.nodes.o),
               rows * no * sizeof *gradient);
    }
    elbo_arena_release(ws, mark);
    return status;
}

elbo_status elbo_actor_critic_value(void *self, size_t n, const float o[],
                                    float V[], float gradient[], elbo_arena *ws)
{
    return values(self, n, o, V, gradient, ws);
}

elbo_mlp_leaves elbo_actor_critic_own(const elbo_mlp *mlp, elbo_tape *tape,
                                      const float theta[], const double wide[])
{
    const elbo_mlp_leaves leaves = elbo_mlp_leaf(mlp, tape, false);

    if (elbo_tape_precision(tape) == ELBO_F32)
        elbo_mlp_point(mlp, &leaves, tape, theta);
    else
        elbo_mlp_point_f64(mlp, &leaves, tape, wide);
    return leaves;
}

elbo_status elbo_actor_critic_target_node(void *self, elbo_tape *tape,
                                          elbo_node o, elbo_node *V)
{
    elbo_soft_nodes nodes = {.o = o};

    elbo_actor_critic_value_nodes(self, tape, true, &nodes);
    *V = nodes.V;
    return ELBO_OK;
}

elbo_status elbo_actor_critic_target_value(void *self, size_t n,
                                           const float o[], float V[],
                                           elbo_arena *ws)
{
    elbo_actor_critic *const s = self;
    elbo_status status;

    point_leaves(s, s->value.tape, true, &s->value.nodes);
    status = values(s, n, o, V, NULL, ws);
    point_leaves(s, s->value.tape, false, &s->value.nodes);
    return status;
}

/* World i's action from the outputs of the policy's network. */
static elbo_status act_one(const elbo_actor_critic *s, const elbo_task_act *act,
                           size_t i, const float head[], double z[])
{
    const size_t nu = s->shape.nu;
    float *const u = act->u + i * nu;
    double logpi;

    if (!s->shape.choices && act->explore)
        elbo_rng_normals(&act->rng[i], z, nu);
    if (s->shape.choices) {
        logpi = elbo_soft_choose(
            head, act->explore ? elbo_rng_uniform(&act->rng[i]) : -1, nu, u);
    } else if (s->shape.hard) {
        elbo_hard_sample(head, act->explore ? z : NULL, s->exploration, nu, u);
        logpi = (double)(head[0]
                         - head[0]); /* no KL; not finite if its network is */
    } else {
        logpi = elbo_soft_sample(head, act->explore ? z : NULL, nu, u);
    }
    if (!isfinite(logpi))
        return ELBO_FAIL(
            ELBO_ENOTFINITE,
            "%s: the policy's density is %g in world %zu of %zu, after "
            "%" PRIu64 " updates",
            s->name, logpi, i, act->n, s->updates);
    if (act->logpi) act->logpi[i] = logpi;
    return ELBO_OK;
}

/* min_k Q_k(o, .) / alpha, [n x nu]. */
static elbo_status critics_head(const elbo_actor_critic *s, size_t n,
                                const float o[], float head[], elbo_arena *ws)
{
    const size_t size = n * s->shape.nu;
    float *const q = elbo_arena_take(ws, size, sizeof *q);

    ELBO_TRY(elbo_arena_check(ws, "values of choices"));
    for (size_t k = 0; k < s->shape.critics; k++) {
        ELBO_TRY(elbo_mlp_forward(&s->shape.critic, s->critic[k].theta, n, o,
                                  k ? q : head, ws));
        for (size_t i = 0; k && i < size; i++) head[i] = fminf(head[i], q[i]);
    }
    for (size_t i = 0; i < size; i++) head[i] /= s->alpha;
    return ELBO_OK;
}

/* What the policy's density is read off, [n x outputs] of its network. */
static elbo_status policy_head(const elbo_actor_critic *s, size_t n,
                               const float o[], float head[], elbo_arena *ws)
{
    if (s->shape.softmax) return critics_head(s, n, o, head, ws);
    return elbo_mlp_forward(&s->shape.actor, s->actor.theta, n, o, head, ws);
}

elbo_status elbo_actor_critic_act(void *self, const elbo_task_act *act,
                                  elbo_arena *ws)
{
    const elbo_actor_critic *const s = self;
    const elbo_mark mark = elbo_arena_mark(ws);
    const size_t outputs = s->shape.actor.width[s->shape.actor.layers];
    float *const head = elbo_arena_take(ws, act->n * outputs, sizeof *head);
    double *const z = elbo_arena_doubles(ws, s->shape.nu);
    elbo_status status = elbo_arena_check(ws, "actions of a policy");

    if (status == ELBO_OK) status = policy_head(s, act->n, act->o, head, ws);
    for (size_t i = 0; i < act->n && status == ELBO_OK; i++)
        status = act_one(s, act, i, head + i * outputs, z);
    elbo_arena_release(ws, mark);
    return status;
}

elbo_status elbo_actor_critic_action_value(void *self, size_t n,
                                           const float o[], const float u[],
                                           float Q[], elbo_arena *ws)
{
    const elbo_actor_critic *const s = self;
    const size_t no = s->shape.no, nu = s->shape.nu;
    const size_t in = s->shape.critic.width[0], out = s->shape.choices ? nu : 1;
    const elbo_mark mark = elbo_arena_mark(ws);
    float *const x = elbo_arena_take(ws, n * in, sizeof *x);
    float *const q = elbo_arena_take(ws, n * out, sizeof *q);
    elbo_status status = elbo_arena_check(ws, "values of actions");

    for (size_t i = 0; i < n && status == ELBO_OK; i++) {
        memcpy(x + i * in, o + i * no, no * sizeof *x);
        if (!s->shape.choices)
            memcpy(x + i * in + no, u + i * nu, nu * sizeof *x);
    }
    for (size_t k = 0; k < s->shape.critics && status == ELBO_OK; k++) {
        status =
            elbo_mlp_forward(&s->shape.critic, s->critic[k].theta, n, x, q, ws);
        for (size_t i = 0; i < n && status == ELBO_OK; i++) {
            float of = s->shape.choices ? 0 : q[i];

            for (size_t a = 0; a < nu && s->shape.choices; a++)
                of += u[i * nu + a] * q[i * nu + a];
            Q[i] = k ? fminf(Q[i], of) : of;
        }
    }
    elbo_arena_release(ws, mark);
    return status;
}

elbo_status elbo_actor_critic_log_policy(void *self, size_t n, const float o[],
                                         const float u[], float logpi[],
                                         elbo_arena *ws)
{
    const elbo_actor_critic *const s = self;
    const size_t nu = s->shape.nu;
    const size_t outputs = s->shape.actor.width[s->shape.actor.layers];
    const elbo_mark mark = elbo_arena_mark(ws);
    float *const head = elbo_arena_take(ws, n * outputs, sizeof *head);
    elbo_status status = elbo_arena_check(ws, "densities of actions");

    if (status == ELBO_OK) status = policy_head(s, n, o, head, ws);
    for (size_t i = 0; i < n && status == ELBO_OK; i++)
        logpi[i] =
            (float)(s->shape.choices ? elbo_soft_chosen : elbo_soft_density)(
                head + i * outputs, u + i * nu, nu);
    elbo_arena_release(ws, mark);
    return status;
}

/* control/pathwise.c -- policy gradients through the model's paths.
 *
 * From a batch's observations o_0 the policy and one member of the model are
 * unrolled for H steps on one tape, noise and shocks reparameterised,
 *
 *   J = sum_{t < H} gamma^t [ rhat_t - alpha log pi/pi0 ] + gamma^H V(o_H)
 *   u_t = u(o_t, noise_t),   o_{t+1} = mean(o_t, u_t) + std(o_t, u_t) shock_t
 *
 * and the policy climbs dJ. V and its critics are those of soft actor-critic,
 * learnt on the same batches (control/actor_critic.h). H = 0 would be its own
 * loss. Each update one of the model's elites is drawn. What a task tells of
 * ends stops J there; the end itself has no derivative.
 *
 * Reference: Heess et al., NIPS 2015 (SVG); Clavera, Fu, Abbeel, ICLR 2020
 * (MAAC); Amos et al., L4DC 2021 (SAC-SVG).
 */
#include "control/pathwise.h"

#include <math.h>
#include <string.h>

#include "control/network_options.h"
#include "control/registry.h"

enum { MOST_STEPS = 64 };

static const elbo_option options[] = {
    {.name = "horizon",
     .type = ELBO_INT,
     .unit = "steps",
     .low = 1,
     .high = MOST_STEPS,
     .fallback = "3",
     .doc = "of the model that a path is differentiated through"},
    ELBO_SOFT_CRITIC_OPTIONS,
    ELBO_NETWORK_OPTIONS,
    {0},
};

/* ---- the graph ---- */

/* One path in the making. */
typedef struct path {
    elbo_actor_critic *s;
    elbo_pathwise *p;
    elbo_pathwise_graph *g;
    elbo_arena *arena;
    size_t member, first, rows;
    elbo_node alpha, sum; /* of what is paid so far, [rows x 1] */
    elbo_mlp_leaves critic[ELBO_CRITICS];
} path;

/* What a graph reads: x itself in float, in double a copy of it as it is. */
static elbo_node given(const path *a, size_t rows, size_t cols, const float x[])
{
    elbo_tape *const tape = a->g->tape;
    double *wide;
    elbo_node leaf;

    if (elbo_tape_precision(tape) == ELBO_F32)
        return elbo_tape_borrow_f32(tape, rows, cols, x);
    leaf = elbo_tape_constant(tape, rows, cols);
    wide = elbo_arena_doubles(a->arena, rows * cols);
    for (size_t i = 0; wide && i < rows * cols; i++) wide[i] = (double)x[i];
    if (wide) elbo_tape_point(tape, leaf, wide);
    return leaf;
}

/* In double, once the tape is finished. */
static void copy_critics(const path *a)
{
    for (size_t k = 0; k < a->s->shape.critics; k++) {
        const elbo_learner *const critic = &a->s->critic[k];
        double *const wide = elbo_arena_doubles(a->arena, critic->n);

        for (size_t i = 0; wide && i < critic->n; i++)
            wide[i] = (double)critic->theta[i];
        if (wide)
            elbo_mlp_set(&a->s->shape.critic, &a->critic[k], a->g->tape, wide);
    }
}

static elbo_node mul(const path *a, elbo_node x, elbo_node y)
{
    return elbo_tape_binary(a->g->tape, ELBO_MUL, x, y);
}

/* sum += gamma^t alive_t x */
static void pay(path *a, size_t t, elbo_node x)
{
    elbo_tape *const tape = a->g->tape;
    const size_t all = a->s->batch.rows;
    const elbo_node alive =
        given(a, a->rows, 1, a->p->alive + t * all + a->first);
    const elbo_node now =
        elbo_tape_scale(tape, mul(a, alive, x), pow(a->s->gamma, (double)t));

    a->sum = t ? elbo_tape_binary(tape, ELBO_ADD, a->sum, now) : now;
}

static elbo_node noise_at(const path *a, size_t t)
{
    const size_t all = a->s->batch.rows, nu = a->s->shape.nu;

    return given(a, a->rows, nu, a->p->noise + (t * all + a->first) * nu);
}

/* The model at (o_t, u_t); outcomes are leaves that its likelihood wants. */
static elbo_status ask_model(path *a, size_t t, elbo_task_nodes *nodes)
{
    const elbo_task_belief *const belief = a->p->belief;
    elbo_tape *const tape = a->g->tape;
    const size_t no = a->s->shape.no;

    *nodes = (elbo_task_nodes){
        .rows = a->rows,
        .o = a->g->o[t],
        .u = a->g->u[t],
        .reward = given(a, a->rows, 1, a->p->zero),
        .next = given(a, a->rows, no, a->p->zero),
        .end = given(a, a->rows, 1, a->p->zero),
    };
    ELBO_TRY(belief->model->node(belief, a->member, false, tape, nodes));
    return nodes->rhat == ELBO_TASK_NO_NODE ? ELBO_FAIL(
               ELBO_EINVAL,
               "pathwise: the reward is neither learnt by the model nor "
               "told with its derivative by the environment")
                                            : ELBO_OK;
}

static elbo_status unroll(path *a, size_t t)
{
    const size_t all = a->s->batch.rows, no = a->s->shape.no;
    elbo_tape *const tape = a->g->tape;
    elbo_task_nodes nodes;
    elbo_node kl;

    elbo_soft_policy(&a->s->shape, tape, &a->g->actor, a->g->o[t],
                     noise_at(a, t), &a->g->u[t], &kl);
    if (t == 0) a->g->kl = kl;
    ELBO_TRY(ask_model(a, t, &nodes));
    pay(a, t,
        elbo_tape_binary(tape, ELBO_SUB, nodes.rhat, mul(a, kl, a->alpha)));

    const elbo_node shock =
        given(a, a->rows, no, a->p->shock + (t * all + a->first) * no);

    a->g->o[t + 1] =
        elbo_tape_binary(tape, ELBO_ADD, nodes.mean, mul(a, nodes.std, shock));
    return ELBO_OK;
}

/* V(o_H), by critics that are constants here. */
static void close_path(path *a)
{
    const elbo_soft_shape *const shape = &a->s->shape;
    elbo_tape *const tape = a->g->tape;
    elbo_soft_nodes end = {.o = a->g->o[a->p->H],
                           .noise = noise_at(a, a->p->H),
                           .alpha = a->alpha,
                           .samples = 1,
                           .shared = true,
                           .actor = a->g->actor};

    elbo_soft_value(shape, tape, true, &end);
    memcpy(a->critic, end.critic, sizeof a->critic);
    for (size_t k = 0; k < shape->critics; k++)
        if (elbo_tape_precision(tape) == ELBO_F32)
            elbo_mlp_point(&shape->critic, &end.critic[k], tape,
                           a->s->critic[k].theta);
    pay(a, a->p->H, end.V);
}

elbo_status elbo_pathwise_unroll(elbo_actor_critic *s, elbo_pathwise *p,
                                 size_t member, size_t b,
                                 elbo_precision precision,
                                 elbo_pathwise_graph *g, elbo_arena *arena)
{
    const size_t first = s->batch.first[b], no = s->shape.no,
                 rows = s->batch.first[b + 1] - first;
    path a = {.s = s,
              .p = p,
              .g = g,
              .arena = arena,
              .member = member,
              .first = first,
              .rows = rows};

    g->tape = elbo_tape_place(precision, arena);
    g->o = elbo_arena_take(arena, p->H + 1, sizeof *g->o);
    g->u = elbo_arena_take(arena, p->H, sizeof *g->u);
    ELBO_TRY(elbo_arena_check(arena, "pathwise"));
    g->o[0] = given(&a, rows, no, s->batch.o + first * no);
    a.alpha = given(&a, 1, 1, &s->alpha);
    g->actor = elbo_mlp_leaf(&s->shape.actor, g->tape, true);
    for (size_t t = 0; t < p->H; t++) ELBO_TRY(unroll(&a, t));
    close_path(&a);

    const elbo_node weight = given(&a, rows, 1, s->batch.weight + first);
    const elbo_node total =
        elbo_tape_sum(g->tape, mul(&a, weight, a.sum), ELBO_ALL);

    g->loss = elbo_tape_scale(g->tape, total, -1 / (double)s->batch.rows);
    if (precision == ELBO_F32)
        elbo_mlp_point(&s->shape.actor, &g->actor, g->tape, s->actor.theta);
    ELBO_TRY(elbo_tape_finish(g->tape));
    if (precision == ELBO_F64) copy_critics(&a);
    return elbo_arena_check(arena, "pathwise");
}

/* The graph of a member and a block, which leaves its gradient with the actor.
 */
static elbo_status build(elbo_actor_critic *s, elbo_pathwise *p, size_t member,
                         size_t b, elbo_arena *arena)
{
    elbo_pathwise_graph *const g = &p->graph[member * s->batch.blocks + b];

    ELBO_TRY(elbo_pathwise_unroll(s, p, member, b, ELBO_F32, g, arena));
    elbo_mlp_point_gradient(&s->shape.actor, &g->actor, g->tape,
                            s->actor.grad + b * s->actor.n);
    return ELBO_OK;
}

/* ---- an update ---- */

/* alive_{t+1} from what the task tells of step t; whether any path has ended.
 */
static bool find_ends(const elbo_pathwise *p, const elbo_pathwise_graph *g,
                      const elbo_actor_critic *s, size_t first, size_t rows)
{
    bool any = false;

    for (size_t t = 0; t < p->H; t++) {
        const float *const now = p->alive + t * s->batch.rows + first;
        float *const after = p->alive + (t + 1) * s->batch.rows + first;

        p->world->task->terminal(
            p->world->self, rows, elbo_tape_value_f32(g->tape, g->o[t]),
            elbo_tape_value_f32(g->tape, g->u[t]),
            elbo_tape_value_f32(g->tape, g->o[t + 1]), p->end + first);
        for (size_t i = 0; i < rows; i++) {
            after[i] = p->end[first + i] ? 0 : now[i];
            any |= after[i] == 0;
        }
    }
    return any;
}

static void differentiate(void *arg, size_t from, size_t to)
{
    const elbo_actor_critic *const s = arg;
    elbo_pathwise *const p = s->own;

    for (size_t b = from; b < to; b++) {
        elbo_pathwise_graph *const g =
            &p->graph[p->member * s->batch.blocks + b];
        const size_t first = s->batch.first[b],
                     rows = s->batch.first[b + 1] - first;
        const bool told = p->world->task && p->world->task->terminal;

        for (size_t i = 0; i < rows; i++) /* till an end is found */
            for (size_t t = 0; t <= p->H; t++)
                p->alive[t * s->batch.rows + first + i] = 1;
        elbo_tape_forward(g->tape);
        if (told && find_ends(p, g, s, first, rows)) elbo_tape_forward(g->tape);
        elbo_tape_backward(g->tape, g->loss);
    }
}

static elbo_status aim_actor(elbo_actor_critic *s, elbo_rng *rng, double *loss,
                             double *kl)
{
    elbo_pathwise *const p = s->own;
    const size_t rows = s->batch.rows, blocks = s->batch.blocks;
    const size_t elites = p->belief->model->elites(p->belief, p->elite);
    const size_t cost =
        8 * rows * (p->H + 1) * (s->actor.n + p->belief->n / p->members);

    p->member = p->elite[elbo_rng_below(rng, elites)];
    elbo_minibatch_noise(rng, (p->H + 1) * rows * s->shape.nu, p->noise);
    elbo_minibatch_noise(rng, p->H * rows * s->shape.no, p->shock);
    elbo_actor_critic_share(blocks, cost, s, differentiate);
    for (size_t b = 0; b < blocks; b++) {
        const elbo_pathwise_graph *const g = &p->graph[p->member * blocks + b];
        const float *const each = elbo_tape_value_f32(g->tape, g->kl);

        *loss += (double)*elbo_tape_value_f32(g->tape, g->loss);
        for (size_t i = 0; i < s->batch.first[b + 1] - s->batch.first[b]; i++)
            *kl += (double)each[i] / (double)rows;
    }
    return ELBO_OK;
}

/* ---- the control ---- */

static elbo_status open_paths(elbo_actor_critic *s, elbo_pathwise *p,
                              elbo_arena *arena)
{
    const size_t rows = s->batch.rows, H = p->H, no = s->shape.no;

    p->graph =
        elbo_arena_take(arena, p->members * s->batch.blocks, sizeof *p->graph);
    p->noise =
        elbo_arena_take(arena, (H + 1) * rows * s->shape.nu, sizeof(float));
    p->shock = elbo_arena_take(arena, H * rows * no, sizeof(float));
    p->alive = elbo_arena_take(arena, (H + 1) * rows, sizeof(float));
    p->zero = elbo_arena_take(arena, rows * no, sizeof(float));
    p->end = elbo_arena_take(arena, rows, 1);
    p->elite = elbo_arena_u32(arena, p->members);
    ELBO_TRY(elbo_arena_check(arena, "pathwise"));
    for (size_t m = 0; m < p->members; m++)
        for (size_t b = 0; b < s->batch.blocks; b++)
            ELBO_TRY(build(s, p, m, b, arena));
    return ELBO_OK;
}

static elbo_status open_control(const elbo_values *values,
                                const elbo_task_problem *problem,
                                elbo_arena *arena, void **self)
{
    elbo_actor_critic *const s = elbo_arena_take(arena, 1, sizeof *s);
    elbo_pathwise *const p = elbo_arena_take(arena, 1, sizeof *p);

    ELBO_TRY(elbo_arena_check(arena, "pathwise"));
    if (!problem->belief || !problem->belief->model->node)
        return ELBO_FAIL(ELBO_EINVAL,
                         "pathwise needs a model that has derivatives");
    if (!isfinite(problem->temperature))
        return ELBO_FAIL(ELBO_EINVAL,
                         "pathwise needs a finite temperature, not %g",
                         problem->temperature);
    *p = (elbo_pathwise){.H = (size_t)elbo_int(values, "horizon"),
                         .members = problem->belief->members,
                         .belief = problem->belief,
                         .world = problem->world};
    *s = (elbo_actor_critic){
        .name = "pathwise",
        .aim_actor = aim_actor,
        .own = p,
        .tau = elbo_real(values, "tau"),
        .interval = (size_t)elbo_int(values, "interval"),
        .delay = 1,
        .alpha = (float)problem->temperature,
        .value_samples = (size_t)elbo_int(values, "value_samples"),
    };
    ELBO_TRY(elbo_actor_critic_open(s, values, problem, false, arena));
    *self = s;
    return open_paths(s, p, arena);
}

static const char *const column_names[] = {"critic_loss", "batch_kl", "q_mean",
                                           "q_largest",   "q_bound",  NULL};

static void columns(const void *self, double out[])
{
    const elbo_actor_critic *const s = self;
    const double n = fmax(s->tally.updates, 1);

    out[0] = s->tally.critic_loss / n;
    out[1] = s->tally.kl / n;
    out[2] = s->tally.q / n;
    out[3] = s->tally.largest_q;
    out[4] = elbo_actor_critic_bound(s);
}

static const elbo_task_control task = {
    .kind =
        "F of the policy in the model, its actions' KL from the uniform prior "
        "charged at the temperature",
    .box = true,
    .paths = true,
    .soft = true,
    .open = open_control,
    ELBO_ACTOR_CRITIC_TASK,
    .log_policy = elbo_actor_critic_log_policy,
};

const elbo_control elbo_control_pathwise = {
    .name = "pathwise",
    .source =
        "Heess et al., NIPS 2015; Clavera, Fu, Abbeel, ICLR 2020; Amos et al., "
        "L4DC 2021",
    .doc = "policy gradients through paths of a differentiable model, with a "
           "value at "
           "their end, over boxes in control tasks",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .task = &task,
};

#include "inference/task_feedback.h"

#include <math.h>

/* A member's nodes in the present M-step: leaves of B steps. */
typedef struct part {
    elbo_task_nodes at;           /* rows, o, u; and what the member says there */
    elbo_node discount, survival; /* gamma^t; gamma (1 - end): [B x 1] */
    elbo_node *noise;             /* [draws] of [B x no] */
    uint32_t *slot;               /* [B] */
    double *number;               /* [B x no], [B x nu] */
    elbo_arena *arena;
    elbo_status status;
    elbo_error error;
} part;

struct elbo_task_feedback {
    elbo_task_feedback_of of;
    elbo_task_addend addend;
    double scale; /* kappa / lambda, times steps a rollout */
    part *member; /* [members] */
};

/* ---- nodes ---- */

static elbo_node draw(const part *p, elbo_tape *tape, size_t k)
{
    if (p->at.certain) return p->at.mean;
    p->noise[k] = elbo_tape_constant(tape, p->at.rows, elbo_tape_cols(tape, p->at.mean));
    return elbo_tape_binary(
        tape, ELBO_ADD, p->at.mean,
        elbo_tape_binary(tape, ELBO_MUL, p->at.std, p->noise[k]));
}

/* gamma (1 - end) V(y) */
static elbo_status worth(const elbo_task_feedback *f, const part *p, elbo_tape *tape,
                         elbo_node y, elbo_node *out)
{
    elbo_node V;

    ELBO_TRY(f->of.control->value_node(f->of.solver, tape, y, &V));
    *out = elbo_tape_binary(tape, ELBO_MUL, p->survival, V);
    return ELBO_OK;
}

/* log N(y; mean, std^2) but for its constant: [B x 1] */
static elbo_node log_density(const part *p, elbo_tape *tape, elbo_node y)
{
    const elbo_node z =
        elbo_tape_binary(tape, ELBO_DIV,
                         elbo_tape_binary(tape, ELBO_SUB, y, p->at.mean), p->at.std);
    const elbo_node terms = elbo_tape_binary(
        tape, ELBO_ADD, elbo_tape_scale(tape, elbo_tape_unary(tape, ELBO_SQ, z), 0.5),
        elbo_tape_unary(tape, ELBO_LOG, p->at.std));

    return elbo_tape_unary(tape, ELBO_NEG, elbo_tape_sum(tape, terms, ELBO_ROWS));
}

/* The draws' mean value, whose derivative is the likelihood ratios'. */
static elbo_status scored(const elbo_task_feedback *f, const part *p, elbo_tape *tape,
                          elbo_node *out)
{
    const size_t n = f->of.draws;
    elbo_node *const value = elbo_arena_take(p->arena, n, sizeof *value);
    elbo_node *const y = elbo_arena_take(p->arena, n, sizeof *y);
    elbo_node mean = 0, slope = 0;

    ELBO_TRY(elbo_arena_check(p->arena, "feedback"));
    for (size_t k = 0; k < n; k++) {
        y[k] = elbo_tape_unary(tape, ELBO_STOP, draw(p, tape, k));
        ELBO_TRY(worth(f, p, tape, y[k], &value[k]));
        mean = k ? elbo_tape_binary(tape, ELBO_ADD, mean, value[k]) : value[k];
    }
    mean = elbo_tape_scale(tape, mean, 1 / (double)n);
    for (size_t k = 0; k < n; k++) {
        const elbo_node ahead = elbo_tape_binary(tape, ELBO_SUB, value[k], mean);
        const elbo_node one =
            elbo_tape_binary(tape, ELBO_MUL, ahead, log_density(p, tape, y[k]));

        slope = k ? elbo_tape_binary(tape, ELBO_ADD, slope, one) : one;
    }
    /* value less the mean of the others is n / (n - 1) of value less the mean of all */
    slope = elbo_tape_scale(tape, slope, 1 / (double)(n - 1));
    *out = elbo_tape_binary(
        tape, ELBO_ADD, mean,
        elbo_tape_binary(tape, ELBO_SUB, slope,
                         elbo_tape_unary(tape, ELBO_STOP, slope)));
    return ELBO_OK;
}

static elbo_status after(const elbo_task_feedback *f, const part *p, elbo_tape *tape,
                         elbo_node *out)
{
    if (f->of.draws > 0) return scored(f, p, tape, out);
    return worth(f, p, tape, draw(p, tape, 0), out);
}

static void take_leaves(part *p, elbo_tape *tape, const elbo_task_nodes *nodes)
{
    p->at = (elbo_task_nodes){
        .rows = nodes->rows,
        .o = elbo_tape_constant(tape, nodes->rows, elbo_tape_cols(tape, nodes->o)),
        .u = elbo_tape_constant(tape, nodes->rows, elbo_tape_cols(tape, nodes->u)),
    };
    p->discount = elbo_tape_constant(tape, nodes->rows, 1);
    p->survival = elbo_tape_constant(tape, nodes->rows, 1);
}

static elbo_status make(elbo_task_feedback *f, part *p, elbo_tape *tape,
                        const elbo_task_nodes *nodes, elbo_node *out)
{
    const size_t B = nodes->rows, no = f->of.rollouts->no, nu = f->of.rollouts->nu;
    elbo_node next;

    p->arena = elbo_arena_alloc(1 << 14);
    if (!p->arena) return ELBO_FAIL(ELBO_ENOMEM, "feedback");
    p->noise = elbo_arena_take(p->arena, f->of.draws + 1, sizeof *p->noise);
    p->slot = elbo_arena_u32(p->arena, B);
    p->number = elbo_arena_doubles(p->arena, B * (no > nu ? no : nu));
    ELBO_TRY(elbo_arena_check(p->arena, "feedback"));
    take_leaves(p, tape, nodes);
    ELBO_TRY(f->of.belief->model->step(f->of.belief, tape, nodes, &p->at));
    ELBO_TRY(after(f, p, tape, &next));
    next = elbo_tape_binary(tape, ELBO_ADD, p->at.rhat, next);
    *out = elbo_tape_scale(tape, elbo_tape_dot(tape, p->discount, next),
                           f->scale / (double)B);
    return ELBO_OK;
}

/* ---- the M-step's side; each member has one tape at a time ---- */

static elbo_node build(void *self, size_t member, elbo_tape *tape,
                       const elbo_task_nodes *nodes)
{
    elbo_task_feedback *const f = self;
    part *const p = &f->member[member];
    elbo_node out = 0;

    elbo_arena_free(p->arena);
    *p = (part){0};
    p->status = make(f, p, tape, nodes, &out);
    if (p->status == ELBO_OK) return out;
    p->error = *elbo_last_error();
    return elbo_tape_number(tape, 0);
}

static void set_rows(const part *p, elbo_tape *tape, elbo_node leaf, const float from[])
{
    const size_t cols = elbo_tape_cols(tape, leaf);

    for (size_t i = 0; i < p->at.rows; i++)
        for (size_t j = 0; j < cols; j++)
            p->number[i * cols + j] = (double)from[p->slot[i] * cols + j];
    elbo_tape_set(tape, leaf, p->number);
}

static void bind(void *self, size_t member, elbo_tape *tape, elbo_rng *rng)
{
    const elbo_task_feedback *const f = self;
    const part *const p = &f->member[member];
    const elbo_replay *const r = f->of.rollouts;
    const size_t B = p->at.rows;

    if (p->status != ELBO_OK) return;
    for (size_t i = 0; i < B; i++) p->slot[i] = (uint32_t)elbo_rng_below(rng, r->n);
    set_rows(p, tape, p->at.o, r->o);
    set_rows(p, tape, p->at.u, r->u);
    for (size_t i = 0; i < B; i++)
        p->number[i] = pow(f->of.gamma, r->step[p->slot[i]]);
    elbo_tape_set(tape, p->discount, p->number);
    for (size_t i = 0; i < B; i++)
        p->number[i] = r->end[p->slot[i]] ? 0 : f->of.gamma;
    elbo_tape_set(tape, p->survival, p->number);
    for (size_t k = 0; !p->at.certain && k < (f->of.draws ? f->of.draws : 1); k++) {
        elbo_rng_normals(rng, p->number, B * r->no);
        elbo_tape_set(tape, p->noise[k], p->number);
    }
}

/* ---- opening ---- */

/* Once, to see what the model tells. */
static elbo_status look(const elbo_task_feedback *f)
{
    elbo_tape *const tape = elbo_tape_alloc(ELBO_F32);
    const elbo_task_world *const w = f->of.belief->world;
    elbo_task_nodes x = {.rows = 1};
    elbo_status s = tape ? ELBO_OK : ELBO_FAIL(ELBO_ENOMEM, "feedback");

    if (s == ELBO_OK) {
        x.o = elbo_tape_constant(tape, 1, w->no);
        x.u = elbo_tape_constant(tape, 1, w->nu);
        x.reward = elbo_tape_constant(tape, 1, 1);
        x.next = elbo_tape_constant(tape, 1, w->no);
        x.end = elbo_tape_constant(tape, 1, 1);
        s = f->of.belief->model->node(f->of.belief, 0, true, tape, &x);
    }
    elbo_tape_free(tape);
    ELBO_TRY(s);
    if (x.rhat == ELBO_TASK_NO_NODE)
        return ELBO_FAIL(ELBO_EINVAL,
                         "feedback: this task's reward is not told to the model in a "
                         "form that has a slope: model.reward must be learnt");
    if (x.certain && f->of.draws > 0)
        return ELBO_FAIL(ELBO_EINVAL,
                         "gradient: score: a deterministic model has no density");
    return ELBO_OK;
}

elbo_status elbo_task_feedback_open(const elbo_task_feedback_of *of, elbo_arena *arena,
                                    elbo_task_feedback **out)
{
    elbo_task_feedback *const f = elbo_arena_take(arena, 1, sizeof *f);
    part *const member = elbo_arena_take(arena, of->belief->members, sizeof *member);

    *out = NULL;
    ELBO_TRY(elbo_arena_check(arena, "feedback"));
    *f = (elbo_task_feedback){
        .of = *of,
        .addend = {.self = f, .build = build, .bind = bind},
        .member = member,
    };
    ELBO_TRY(look(f));
    *out = f;
    return ELBO_OK;
}

void elbo_task_feedback_close(elbo_task_feedback *f)
{
    for (size_t m = 0; f && m < f->of.belief->members; m++)
        elbo_arena_free(f->member[m].arena);
}

const elbo_task_addend *elbo_task_feedback_plan(elbo_task_feedback *f, double lambda)
{
    const elbo_replay *const r = f->of.rollouts;
    size_t begun = 0;

    for (size_t i = 0; i < r->n; i++) begun += r->step[i] == 0;
    if (begun == 0) return NULL;
    f->scale = f->of.kappa / lambda * (double)r->n / (double)begun;
    return &f->addend;
}

elbo_status elbo_task_feedback_made(const elbo_task_feedback *f)
{
    for (size_t m = 0; m < f->of.belief->members; m++) {
        if (f->member[m].status == ELBO_OK) continue;
        elbo_error_restore(&f->member[m].error);
        return f->member[m].status;
    }
    return ELBO_OK;
}

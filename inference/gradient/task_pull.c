#include <math.h>

#include "inference/task_gradient.h"

struct elbo_task_pull {
    elbo_arena *arena;
    elbo_tape *tape;
    const elbo_route *route;
    const elbo_task_control *control;
    void *solver;
    elbo_task_nodes nodes;
    elbo_task_unknowns w;
    elbo_node noise; /* [B x no]; not there if the member is certain */
    elbo_node loss;
    size_t n;          /* numbers in w */
    double *slope, *v; /* [n] l_w, and what the solver makes of it */
    double *draw;      /* [B x no] */
};

bool elbo_task_gradient_serves(const elbo_route *route)
{
    if (elbo_route_stops(route)) return true;
    return route->solver && route->solver->iterate
           && route->reach == ELBO_REACH_ALL && route->noise == 0;
}

/* ---- nodes ---- */

/* The member's successor. */
static elbo_node successor(elbo_task_pull *p)
{
    const elbo_task_nodes *const x = &p->nodes;

    if (x->certain) return x->mean;
    p->noise =
        elbo_tape_constant(p->tape, x->rows, elbo_tape_cols(p->tape, x->o));
    return elbo_tape_binary(
        p->tape, ELBO_ADD, x->mean,
        elbo_tape_binary(p->tape, ELBO_MUL, x->std, p->noise));
}

static size_t size_of(const elbo_tape *tape, elbo_node x)
{
    return elbo_tape_rows(tape, x) * elbo_tape_cols(tape, x);
}

static elbo_status make(elbo_task_pull *p)
{
    const elbo_task_equation *const equation = p->control->equation;
    const elbo_task_nodes *const x = &p->nodes;
    const elbo_task_outcome outcome = {
        .o = x->o,
        .u = x->u,
        .reward = x->rhat == ELBO_TASK_NO_NODE ? x->reward : x->rhat,
        .next = successor(p),
        .end = x->end,
    };

    equation->unknowns(p->solver, p->tape, &p->w);
    p->loss = equation->loss(p->solver, p->tape, &p->w, &outcome);
    for (size_t i = 0; i < p->w.n; i++) p->n += size_of(p->tape, p->w.leaf[i]);
    p->slope = elbo_arena_doubles(p->arena, p->n);
    p->v = elbo_arena_doubles(p->arena, p->n);
    p->draw = elbo_arena_doubles(p->arena, size_of(p->tape, x->o));
    return elbo_arena_check(p->arena, "gradient: implicit");
}

elbo_status elbo_task_pull_alloc(const elbo_route *route,
                                 const elbo_task_control *control, void *solver,
                                 elbo_tape *tape, const elbo_task_nodes *nodes,
                                 elbo_task_pull **out)
{
    elbo_arena *const arena = elbo_arena_alloc(1 << 14);
    elbo_task_pull *const p =
        arena ? elbo_arena_take(arena, 1, sizeof *p) : NULL;

    *out = NULL;
    if (!p) {
        elbo_arena_free(arena);
        return ELBO_FAIL(ELBO_ENOMEM, "gradient: implicit");
    }
    *p = (elbo_task_pull){.arena = arena,
                          .tape = tape,
                          .route = route,
                          .control = control,
                          .solver = solver,
                          .nodes = *nodes};

    const elbo_status s = make(p);

    if (s == ELBO_OK)
        *out = p;
    else
        elbo_task_pull_free(p);
    return s;
}

void elbo_task_pull_free(elbo_task_pull *p)
{
    if (p) elbo_arena_free(p->arena);
}

/* ---- what an expression reads ---- */

static elbo_status value(void *self, elbo_tape *tape, elbo_node o, elbo_node *V)
{
    const elbo_task_pull *const p = self;

    *V = p->control->equation->V(p->solver, tape, &p->w, o);
    return ELBO_OK;
}

/* 0 where the episode is over. */
static elbo_node while_alive(const elbo_task_pull *p, elbo_node x)
{
    const elbo_node alive = elbo_tape_binary(
        p->tape, ELBO_SUB, elbo_tape_number(p->tape, 1), p->nodes.end);

    return elbo_tape_binary(p->tape, ELBO_MUL, x, alive);
}

static bool moving(void *self, elbo_tape *tape, elbo_network_table table,
                   elbo_node *out)
{
    const elbo_task_pull *const p = self;
    const elbo_task_equation *const of = p->control->equation;
    const elbo_task_nodes *const x = &p->nodes;

    switch (table) {
    case ELBO_NETWORK_V:
        *out = of->V(p->solver, tape, &p->w, x->o);
        return true;
    case ELBO_NETWORK_V_NEXT:
        *out = while_alive(p, of->V(p->solver, tape, &p->w, x->next));
        return true;
    case ELBO_NETWORK_TARGET:
        *out = of->target(p->solver, tape, x->o);
        return true;
    case ELBO_NETWORK_TARGET_NEXT:
        *out = while_alive(p, of->target(p->solver, tape, x->next));
        return true;
    case ELBO_NETWORK_Q:
        *out = of->Q(p->solver, tape, &p->w, x->o, x->u);
        return true;
    default:
        return false;
    }
}

void elbo_task_pull_frame(elbo_task_pull *p, elbo_network_frame *frame)
{
    frame->value = value;
    frame->moving = moving;
    frame->control = p;
}

void elbo_task_pull_bind(elbo_task_pull *p, elbo_rng *rng)
{
    if (p->nodes.certain) return;
    elbo_rng_normals(rng, p->draw, size_of(p->tape, p->nodes.o));
    elbo_tape_set(p->tape, p->noise, p->draw);
}

/* ---- derivatives ---- */

typedef void reader(const elbo_tape *tape, elbo_node x, double out[]);

static void read_unknowns(const elbo_task_pull *p, reader *read, double out[])
{
    for (size_t i = 0; i < p->w.n; i++) {
        read(p->tape, p->w.leaf[i], out);
        out += size_of(p->tape, p->w.leaf[i]);
    }
}

/* After elbo_tape_backward of the loss: second derivatives along x. */
static void differentiate(const elbo_task_pull *p, const double x[])
{
    for (size_t i = 0; i < p->w.n; i++) {
        elbo_tape_direction(p->tape, p->w.leaf[i], x);
        x += size_of(p->tape, p->w.leaf[i]);
    }
    elbo_tape_hessian(p->tape, p->loss);
}

static void curvature(const void *self, const double x[], double y[])
{
    const elbo_task_pull *const p = self;

    differentiate(p, x);
    read_unknowns(p, elbo_tape_product, y);
}

static elbo_status solve(elbo_task_pull *p, elbo_gradient_info *info)
{
    const elbo_solver *const solver = p->route->solver;
    const elbo_mark mark = elbo_arena_mark(p->arena);
    const elbo_operator system = {.self = p,
                                  .n = p->n,
                                  .apply = curvature,
                                  .transposed = curvature,
                                  .b = p->slope,
                                  .start = p->slope};
    const elbo_status s = solver->iterate(
        &system, p->route, p->v, solver->exact ? info : NULL, p->arena);

    elbo_arena_release(p->arena, mark);
    return s;
}

elbo_status elbo_task_pull_apply(elbo_task_pull *p, elbo_gradient_info *info)
{
    read_unknowns(p, elbo_tape_gradient, p->slope);
    elbo_tape_backward(p->tape, p->loss);
    ELBO_TRY(solve(p, info));
    for (size_t i = 0; i < p->n; i++) {
        if (!isfinite(p->v[i]))
            return ELBO_FAIL(
                ELBO_ENOTFINITE,
                "gradient: implicit(%s): the critics' parameter %zu of "
                "%zu would move by %g: the solve does not converge",
                p->route->solver->name, i, p->n, p->v[i]);
        p->v[i] = -p->v[i];
    }
    differentiate(p, p->v);
    return ELBO_OK;
}

double elbo_task_pull_held(elbo_task_pull *p)
{
    double sum = 0;

    elbo_tape_backward(p->tape, p->loss);
    read_unknowns(p, elbo_tape_gradient, p->slope);
    for (size_t i = 0; i < p->n; i++) sum += p->v[i] * p->slope[i];
    return sum;
}

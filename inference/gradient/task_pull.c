/* inference/gradient/task_pull.c -- the critics' equation beside a member on its tape, and
 * what an expression reads of the critics as they move with it.
 */
#include "inference/gradient/task_pull.h"

#include <math.h>

bool elbo_task_gradient_through(const elbo_route *route)
{
    const elbo_task_way *const way = route->kind->way;

    return way && way->serves(route);
}

const char *elbo_task_gradient_kind(const elbo_route *route)
{
    return route->kind->way->kind;
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
    ELBO_TRY(elbo_arena_check(p->arena, p->route->kind->name));
    return p->route->kind->way->open ? p->route->kind->way->open(p) : ELBO_OK;
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
        return ELBO_FAIL(ELBO_ENOMEM, "gradient: %s", route->kind->name);
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

/* ---- runs ---- */

elbo_status elbo_task_pull_forward(elbo_task_pull *p)
{
    const elbo_task_way *const way = p->route->kind->way;

    if (way->forward) return way->forward(p);
    elbo_tape_forward(p->tape);
    return ELBO_OK;
}

elbo_status elbo_task_pull_apply(elbo_task_pull *p, elbo_gradient_info *info,
                                 bool *more)
{
    return p->route->kind->way->apply(p, info, more);
}

double elbo_task_pull_held(elbo_task_pull *p)
{
    const elbo_task_way *const way = p->route->kind->way;

    return way->held ? way->held(p) : 0;
}

/* ---- what the ways share ---- */

void elbo_task_pull_read(const elbo_task_pull *p, elbo_task_pull_reader *read,
                         double out[])
{
    for (size_t i = 0; i < p->w.n; i++) {
        read(p->tape, p->w.leaf[i], out);
        out += size_of(p->tape, p->w.leaf[i]);
    }
}

void elbo_task_pull_differentiate(const elbo_task_pull *p, const double x[])
{
    for (size_t i = 0; i < p->w.n; i++) {
        elbo_tape_direction(p->tape, p->w.leaf[i], x);
        x += size_of(p->tape, p->w.leaf[i]);
    }
    elbo_tape_hessian(p->tape, p->loss);
}

elbo_status elbo_task_pull_finite(const elbo_task_pull *p, const double x[],
                                  const char *why)
{
    const elbo_route *const route = p->route;

    for (size_t i = 0; i < p->n; i++) {
        if (isfinite(x[i])) continue;
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "gradient: %s%s%s%s: of the critics' parameter %zu of %zu it "
                         "makes %g: %s",
                         route->kind->name, route->solver ? "(" : "",
                         route->solver ? route->solver->name : "",
                         route->solver ? ")" : "", i, p->n, x[i], why);
    }
    return ELBO_OK;
}

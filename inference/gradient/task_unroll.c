/* inference/gradient/task_unroll.c -- critics after k steps of gradient descent from where
 * they stand, and back through the steps.
 *
 *   w_0 = w,  w_{i+1} = w_i - eta L_w(w_i)
 *   lambda_k = l_w(w_k),  lambda_i = lambda_{i+1} - eta L_ww(w_i) lambda_{i+1}
 *   dl/dtheta = l_theta(w_k) - eta sum_{i<k} L_theta,w(w_i) lambda_{i+1}
 */
#include <assert.h>
#include <math.h>

#include "inference/gradient/kinds.h"
#include "inference/gradient/task_pull.h"

/* By how much L may rise in k steps, relative: it is a mean of floats. */
static const double rounding = 1e-5;

typedef struct descent {
    double *path;   /* [k + 1 x n] w_0 .. w_k */
    double *lambda; /* [n] */
    void *room;     /* [n] what the leaves read, in the tape's precision */
    bool begun;     /* w_0 is read */
    double first;   /* L(w_0) */
    size_t left;    /* steps to go back through */
} descent;

static bool serves(const elbo_route *route)
{
    return route->rate > 0;
}

static elbo_status begin(elbo_task_pull *p)
{
    descent *const d = elbo_arena_take(p->arena, 1, sizeof *d);

    ELBO_TRY(elbo_arena_check(p->arena, "gradient: unroll"));
    *d = (descent){.path = elbo_arena_doubles(p->arena, (p->route->n + 1) * p->n),
                   .lambda = elbo_arena_doubles(p->arena, p->n),
                   .room = elbo_arena_doubles(p->arena, p->n)};
    p->own = d;
    return elbo_arena_check(p->arena, "gradient: unroll");
}

/* ---- along the path ---- */

/* The critics' own numbers are read once; the leaves then stand apart from them. */
static void part(const elbo_task_pull *p, descent *d)
{
    const bool narrow = elbo_tape_precision(p->tape) == ELBO_F32;
    double *const wide = d->room;
    float *const floats = d->room;
    size_t at = 0;

    elbo_task_pull_read(p, elbo_tape_get, d->path);
    for (size_t i = 0; i < p->w.n; i++) {
        const elbo_node leaf = p->w.leaf[i];

        if (narrow)
            elbo_tape_point_f32(p->tape, leaf, floats + at);
        else
            elbo_tape_point(p->tape, leaf, wide + at);
        at += elbo_tape_rows(p->tape, leaf) * elbo_tape_cols(p->tape, leaf);
    }
    d->begun = true;
}

static double *point_of(const elbo_task_pull *p, size_t i)
{
    const descent *const d = p->own;

    return d->path + i * p->n;
}

static void stand(const elbo_task_pull *p, size_t i)
{
    const double *w = point_of(p, i);

    for (size_t j = 0; j < p->w.n; j++) {
        const elbo_node leaf = p->w.leaf[j];

        elbo_tape_set(p->tape, leaf, w);
        w += elbo_tape_rows(p->tape, leaf) * elbo_tape_cols(p->tape, leaf);
    }
}

/* L and its slope at w_i. */
static double linearise(const elbo_task_pull *p, size_t i)
{
    double L;

    stand(p, i);
    elbo_tape_forward_to(p->tape, p->loss);
    elbo_tape_get(p->tape, p->loss, &L);
    elbo_tape_backward(p->tape, p->loss);
    return L;
}

/* From w_i to w_{i+1}. */
static elbo_status step(elbo_task_pull *p, size_t i)
{
    const double *const w = point_of(p, i);
    double *const next = point_of(p, i + 1);
    const double L = linearise(p, i);

    if (i == 0) ((descent *)p->own)->first = L;
    elbo_task_pull_read(p, elbo_tape_gradient, p->slope);
    for (size_t j = 0; j < p->n; j++) next[j] = w[j] - p->route->rate * p->slope[j];
    if (elbo_task_pull_finite(p, next, "rate is too large, or the model not finite")
        == ELBO_OK)
        return ELBO_OK;
    return elbo_fail_prefix("step %zu of %zu, from L = %g", i + 1, p->route->n, L);
}

static elbo_status forward(elbo_task_pull *p)
{
    descent *const d = p->own;

    if (!d->begun) part(p, d);
    for (size_t i = 0; i < p->route->n; i++) ELBO_TRY(step(p, i));
    stand(p, p->route->n);
    elbo_tape_forward(p->tape);
    d->left = p->route->n;
    return ELBO_OK;
}

/* ---- and back ---- */

/* At l's derivatives, and L's value, at w_k. */
static void turn(const elbo_task_pull *p, descent *d, elbo_gradient_info *info)
{
    double last;

    elbo_task_pull_read(p, elbo_tape_gradient, d->lambda);
    elbo_tape_get(p->tape, p->loss, &last);
    info->solves++;
    info->unconverged += !(last <= d->first + rounding * fabs(d->first));
}

/* Through the step from w_i. */
static elbo_status apply(elbo_task_pull *p, elbo_gradient_info *info, bool *more)
{
    descent *const d = p->own;

    assert(d->left > 0);
    if (d->left == p->route->n) turn(p, d, info);
    linearise(p, --d->left);
    for (size_t j = 0; j < p->n; j++) p->v[j] = -p->route->rate * d->lambda[j];
    elbo_task_pull_differentiate(p, p->v);
    elbo_task_pull_read(p, elbo_tape_product, p->slope);
    for (size_t j = 0; j < p->n; j++) d->lambda[j] += p->slope[j];
    *more = d->left > 0;
    return elbo_task_pull_finite(p, d->lambda,
                                 "on the way back through the steps: rate is too large");
}

const elbo_task_way elbo_task_way_unroll = {
    .kind = "outer objective, by networks: the data term at critics after so many steps "
            "of gradient descent on the model's transitions, taken anew at each theta; F "
            "bounds no evidence, never watched",
    .serves = serves,
    .open = begin,
    .forward = forward,
    .apply = apply,
};

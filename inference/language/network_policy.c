/* inference/language/network_policy.c -- means over the policy's actions, and
 * over paths of the member's own model.
 *
 *   Epi(f)(s)        = sum_k share_k(s) f(s, a_k)
 *   roll(k, f)(s, a) = E f(y_k),  y_1 ~ p_theta(.|s, a),
 *                      y_j ~ p_theta(.|y_{j-1}, a_{j-1}),  a_j ~ pi(.|y_j)
 *
 * Within Epi the frame is one of B m rows (s, a_k), of which the data know
 * nothing but s.
 */
#include <string.h>

#include "inference/language/network_state.h"

enum { MOST_PATHS = 512 };

static elbo_tape *tape_of(const elbo_net_compiler *c)
{
    return c->program->frame.tape;
}

static elbo_node times(elbo_net_compiler *c, elbo_node x, elbo_node y)
{
    return elbo_tape_binary(tape_of(c), ELBO_MUL, x, y);
}

/* i / m, i < rows m. */
static uint32_t *repeats(elbo_net_compiler *c, size_t rows, size_t m)
{
    uint32_t *const index = elbo_arena_u32(c->program->arena, rows * m);

    for (size_t i = 0; index && i < rows * m; i++) index[i] = (uint32_t)(i / m);
    if (c->status == ELBO_OK)
        c->status = elbo_arena_check(c->program->arena, "actions of a policy");
    return index;
}

/* x [rows x ..], each row m times; of one row x itself. */
static elbo_node repeat(elbo_net_compiler *c, elbo_node x, size_t rows,
                        size_t m)
{
    const uint32_t *index;

    if (m == 1 || elbo_tape_rows(tape_of(c), x) != rows) return x;
    index = repeats(c, rows, m);
    return c->status == ELBO_OK
               ? elbo_tape_gather(tape_of(c), x, index, rows * m)
               : x;
}

/* Sums of runs of m rows, of [rows m x ..]. */
static elbo_node sum_runs(elbo_net_compiler *c, elbo_node x, size_t rows,
                          size_t m)
{
    size_t *start;

    if (m == 1 || elbo_tape_rows(tape_of(c), x) != rows * m) return x;
    start = elbo_arena_sizes(c->program->arena, rows + 1);
    for (size_t i = 0; start && i <= rows; i++) start[i] = i * m;
    c->status = elbo_arena_check(c->program->arena, "actions of a policy");
    return c->status == ELBO_OK ? elbo_tape_segments(tape_of(c), x, start, rows)
                                : x;
}

/* ---- Epi ---- */

/* The first word that depends on r or next, or NULL. */
static const elbo_expr *word_of_next(const elbo_expr *e)
{
    if (!(e->depends & ELBO_ON_NEXT)) return NULL;
    for (size_t i = 0; i < e->n; i++) {
        const elbo_expr *const found = word_of_next(e->arg[i]);

        if (found) return found;
    }
    return e->name ? e : NULL;
}

static bool asks_model(const elbo_expr *e)
{
    return elbo_expr_reads(e, "E") || elbo_expr_reads(e, "Var")
           || elbo_expr_reads(e, "rhat") || elbo_expr_reads(e, "roll");
}

/* The frame of rows (s, a_k). */
static void enter(elbo_net_compiler *c, const elbo_expr *f)
{
    elbo_network_frame *const frame = &c->program->frame;
    elbo_network_step at = {0};

    c->of_row = repeats(c, frame->rows, c->pi->m);
    if (c->status != ELBO_OK) return;
    frame->o = repeat(c, frame->o, frame->rows, c->pi->m);
    frame->rows *= c->pi->m;
    frame->u = c->pi->u;
    frame->end = elbo_tape_number(frame->tape, 0);
    if (!frame->member || !asks_model(f)) return;
    if (!frame->step) {
        elbo_net_refuse(c, "Epi: this model tells nothing of other actions");
        return;
    }
    c->status = frame->step(frame->model, frame->of, frame->tape, frame->rows,
                            frame->o, frame->u, &at);
    frame->mean = at.mean;
    frame->std = at.std;
    frame->rhat = at.rhat;
}

/* A mean of n samples at each (s, a_k): of sample j the mean over k. Samples stay
 * apart, so that products of two such means are unbiased. */
static elbo_net_term mean_of_samples(elbo_net_compiler *c, elbo_net_term x,
                                     elbo_node share, size_t m)
{
    const size_t B = c->program->frame.rows, n = x.draws->n;
    uint32_t *const index = elbo_arena_u32(c->program->arena, B * m * n);
    const elbo_node z = times(c, x.x, repeat(c, share, B * m, n));

    for (size_t i = 0; index && i < B * m * n; i++) {
        const size_t b = i / (n * m), j = i / m % n, k = i % m;

        index[i] = (uint32_t)((b * m + k) * n + j);
    }
    x.draws = elbo_net_draws_of_rows(c, n);
    if (c->status != ELBO_OK) return x;
    x.x = sum_runs(c, elbo_tape_gather(tape_of(c), z, index, B * m * n), B * n,
                   m);
    return x;
}

static elbo_net_term leave(elbo_net_compiler *c, const elbo_policy_nodes *pi,
                           elbo_net_term x)
{
    const size_t B = c->program->frame.rows;

    if (c->status != ELBO_OK || x.place == ELBO_NET_ONE) return x;
    if (x.form == ELBO_NET_MEAN) return mean_of_samples(c, x, pi->share, pi->m);
    if (elbo_tape_rows(tape_of(c), x.x) != B * pi->m) return x;
    x.x = sum_runs(c, times(c, x.x, pi->share), B, pi->m);
    return x;
}

/* f at (s, a_k), as the mean over k. */
static elbo_net_term policy_mean(elbo_net_compiler *c, const elbo_expr *f,
                                 const elbo_policy_nodes *pi)
{
    const elbo_network_frame outer = c->program->frame;
    elbo_net_draws *const y = c->y;
    const size_t scope = c->scope;
    elbo_net_term x = {.cols = 1};

    c->pi = pi;
    c->y = NULL;
    c->scope = ++c->scopes;
    enter(c, f);
    if (c->status == ELBO_OK) x = elbo_net_term_of(c, f);
    c->pi = NULL;
    c->y = y;
    c->scope = scope;
    c->program->frame = outer;
    return leave(c, pi, x);
}

elbo_net_term elbo_net_policy_mean(elbo_net_compiler *c, const elbo_expr *e)
{
    const elbo_network_frame *const frame = &c->program->frame;
    const elbo_expr *const later = word_of_next(e->arg[0]);
    elbo_policy_nodes pi = {0};

    if (c->pi) return elbo_net_without(c, e, "it cannot stand within Epi");
    if (later)
        return elbo_net_without(c, later,
                                "of other actions than the data's own no reward "
                                "and no next are known: Epi averages functions "
                                "of (s, a)");
    if (!frame->policy)
        return elbo_net_without(c, e, "this control's policy is not told");
    c->status = frame->policy(frame->control, frame->tape, frame->o,
                              ELBO_NO_POLICY_NOISE, &pi);
    if (c->status != ELBO_OK) return elbo_net_number(c, 0);
    return policy_mean(c, e->arg[0], &pi);
}

/* ---- roll ---- */

/* Paths on their way: `rows` of them, B n of first states and then one a choice,
 * with their shares. */
typedef struct paths {
    size_t n, rows;
    elbo_node y, share;
    bool shares;
} paths;

static void disturb(elbo_net_compiler *c, paths *p, elbo_node mean,
                    elbo_node std)
{
    const elbo_network_frame *const f = &c->program->frame;

    p->y = mean;
    if (f->certain) return;
    p->y = elbo_tape_binary(
        f->tape, ELBO_ADD, mean,
        times(c, std, elbo_net_noise(c, p->rows, f->no)));
}

/* y <- a successor of it under the policy. */
static void follow(elbo_net_compiler *c, const elbo_expr *e, paths *p)
{
    const elbo_network_frame *const f = &c->program->frame;
    elbo_policy_nodes pi = {0};
    elbo_network_step next = {0};
    const elbo_node noise = f->policy_noise
                                ? elbo_net_noise(c, p->rows, f->policy_noise)
                                : ELBO_NO_POLICY_NOISE;

    if (c->status == ELBO_OK)
        c->status = f->policy(f->control, f->tape, p->y, noise, &pi);
    if (c->status != ELBO_OK) return;
    if (p->rows * pi.m > f->rows * MOST_PATHS) {
        elbo_net_without(c, e,
                         "so many steps are too many paths: each choice of each "
                         "step is one of its own");
        return;
    }
    p->y = repeat(c, p->y, p->rows, pi.m);
    if (pi.m > 1 && p->shares)
        p->share = times(c, repeat(c, p->share, p->rows, pi.m), pi.share);
    else if (pi.m > 1)
        p->share = pi.share;
    p->shares = p->shares || pi.m > 1;
    p->rows *= pi.m;
    if (c->status == ELBO_OK)
        c->status = f->step(f->model, f->of, f->tape, p->rows, p->y, pi.u,
                            &next);
    if (c->status == ELBO_OK) disturb(c, p, next.mean, next.std);
}

static paths walk(elbo_net_compiler *c, const elbo_expr *e, size_t steps)
{
    const elbo_network_frame *const f = &c->program->frame;
    const bool noisy = !f->certain || f->policy_noise > 0;
    paths p = {.n = noisy ? ELBO_NETWORK_SAMPLES : 1};

    p.rows = f->rows * p.n;
    disturb(c, &p, repeat(c, f->mean, f->rows, p.n),
            repeat(c, f->std, f->rows, p.n));
    for (size_t j = 1; j < steps && c->status == ELBO_OK; j++) follow(c, e, &p);
    return p;
}

/* f of the paths' ends, a mean of n samples. */
static elbo_net_term ends(elbo_net_compiler *c, const elbo_expr *f,
                          const paths *p)
{
    const size_t B = c->program->frame.rows, each = p->rows / B;
    elbo_net_draws *const before = c->y;
    elbo_net_draws *const last = elbo_net_draws_of_rows(c, each);
    elbo_net_term x = {.cols = 1};

    if (c->status != ELBO_OK) return x;
    last->y = p->y;
    c->y = last;
    c->depth++;
    x = elbo_net_plain(c, elbo_net_term_of(c, f));
    c->depth--;
    c->y = before;
    if (c->status != ELBO_OK || x.place != ELBO_NET_SAMPLE) return x;
    if (p->shares)
        x.x = sum_runs(c, times(c, x.x, p->share), B * p->n, each / p->n);
    x.place = ELBO_NET_ROW;
    x.form = p->n > 1 ? ELBO_NET_MEAN : ELBO_NET_PLAIN;
    x.draws = elbo_net_draws_of_rows(c, p->n);
    return x;
}

elbo_net_term elbo_net_roll(elbo_net_compiler *c, const elbo_expr *e)
{
    const elbo_network_frame *const f = &c->program->frame;
    const size_t steps = (size_t)e->arg[0]->number;
    elbo_net_term x = {.cols = 1};
    paths p;

    if (steps == 1) return elbo_net_successor_mean(c, e, e->arg[1]);
    if (!f->member)
        return elbo_net_without(c, e, "no member of the model is at hand here");
    if (!f->policy)
        return elbo_net_without(c, e, "this control's policy is not told");
    if (!f->step)
        return elbo_net_without(c, e, "this model tells nothing of other rows");
    p = walk(c, e, steps);
    if (c->status == ELBO_OK) x = ends(c, e->arg[1], &p);
    if (c->status == ELBO_OK) c->column = e->column;
    return x;
}

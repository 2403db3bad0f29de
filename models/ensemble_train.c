/* models/ensemble_train.c -- the M-step of one member, on a tape of its own.
 *
 *   maximise  mean_rows w l + addend - penalty sum(max - min)
 *             + log N(W; 0, 1/tau) / rows
 *
 * by Adam on batches without replacement; the last of an epoch is filled up
 * from the epoch's first rows. Where an M-step is so many steps, each draws its
 * rows from all, again without replacement. The last term's gradient is a
 * weight decay of tau / rows.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/ensemble.h"

/* How many numbers are learnt. */
static size_t learnt(const elbo_ensemble *e)
{
    return e->q ? 2 * e->size : e->size;
}

elbo_status elbo_ensemble_prepare(elbo_ensemble_task *t, elbo_arena *arena)
{
    const elbo_ensemble *const e = t->belief->self;
    const size_t no = e->world->no, nu = e->world->nu;
    const size_t batch = e->config.batch;

    t->batch = batch < t->rows.n ? batch : t->rows.n;
    t->slot = elbo_arena_u32(arena, t->batch);
    t->grad = elbo_arena_take(arena, e->size, sizeof *t->grad);
    t->decay = elbo_arena_take(arena, e->size, sizeof *t->decay);
    t->best = elbo_arena_take(arena, learnt(e), sizeof *t->best);
    t->noise = elbo_arena_take(arena, e->q ? e->size : 0, sizeof *t->noise);
    t->slope = elbo_arena_take(arena, e->q ? 2 * e->size : 0, sizeof *t->slope);
    t->x = elbo_arena_take(arena, t->batch * (no > nu ? no : nu), sizeof *t->x);
    t->number =
        elbo_arena_doubles(arena, t->batch > e->size ? t->batch : e->size);
    return elbo_arena_check(arena, "a member's M-step");
}

/* ---- the objective ---- */

/* objective = sum of terms / B + addend - penalty sum(max - min) */
static void finish_objective(elbo_ensemble_task *t)
{
    const elbo_ensemble *const e = t->belief->self;
    const elbo_task_addend *const addend = t->mstep->addend;
    const elbo_ensemble_leaves leaves = elbo_ensemble_leaves_of(&t->nodes);
    elbo_node apart;

    t->objective =
        elbo_tape_scale(t->tape, elbo_tape_sum(t->tape, t->terms, ELBO_ALL),
                        1 / (double)t->batch);
    if (addend) {
        t->addend = addend->build(addend->self, t->member, t->tape, &t->nodes);
        t->objective = elbo_tape_binary(t->tape, ELBO_ADD, t->objective, t->addend);
    }
    if (!e->config.learn_bounds || elbo_ensemble_bounds(e) == 0) return;
    apart = elbo_tape_binary(t->tape, ELBO_SUB, leaves.highest, leaves.lowest);
    t->objective = elbo_tape_binary(
        t->tape, ELBO_SUB, t->objective,
        elbo_tape_scale(t->tape, elbo_tape_sum(t->tape, apart, ELBO_ALL),
                        e->config.penalty));
}

elbo_status elbo_ensemble_build(elbo_ensemble_task *t, elbo_precision precision)
{
    const elbo_ensemble *const e = t->belief->self;
    const elbo_task_likelihood *const likelihood = t->mstep->likelihood;
    const size_t B = t->batch;

    t->tape = elbo_tape_alloc(precision);
    if (!t->tape)
        return ELBO_FAIL(ELBO_ENOMEM, "the tape of member %zu", t->member);
    t->nodes = (elbo_task_nodes){
        .rows = B,
        .o = elbo_tape_constant(t->tape, B, e->world->no),
        .u = elbo_tape_constant(t->tape, B, e->world->nu),
        .reward = elbo_tape_constant(t->tape, B, 1),
        .next = elbo_tape_constant(t->tape, B, e->world->no),
        .end = elbo_tape_constant(t->tape, B, 1),
    };
    t->weight = elbo_tape_constant(t->tape, B, 1);
    ELBO_TRY(
        elbo_ensemble_node(t->belief, t->member, true, t->tape, &t->nodes));
    t->terms = t->nodes.logp;
    if (likelihood && likelihood->build)
        t->terms =
            likelihood->build(likelihood->self, t->member, t->tape, &t->nodes);
    t->terms = elbo_tape_binary(t->tape, ELBO_MUL, t->weight, t->terms);
    finish_objective(t);
    return elbo_tape_finish(t->tape);
}

static void set_rows(elbo_ensemble_task *t, elbo_node leaf, const float from[],
                     size_t cols)
{
    for (size_t i = 0; i < t->batch; i++)
        memcpy(t->x + i * cols, from + t->slot[i] * cols, cols * sizeof *from);
    elbo_tape_set_f32(t->tape, leaf, t->x);
}

void elbo_ensemble_bind(elbo_ensemble_task *t)
{
    const elbo_replay *const data = t->mstep->data;
    const elbo_task_likelihood *const likelihood = t->mstep->likelihood;

    set_rows(t, t->nodes.o, data->o, data->no);
    if (data->nu) set_rows(t, t->nodes.u, data->u, data->nu);
    set_rows(t, t->nodes.next, data->next, data->no);
    set_rows(t, t->nodes.reward, data->reward, 1);
    for (size_t i = 0; i < t->batch; i++) t->number[i] = data->end[t->slot[i]];
    elbo_tape_set(t->tape, t->nodes.end, t->number);
    for (size_t i = 0; i < t->batch; i++)
        t->number[i] = t->mstep->weight ? t->mstep->weight[t->slot[i]] : 1;
    elbo_tape_set(t->tape, t->weight, t->number);
    if (likelihood && likelihood->bind)
        likelihood->bind(likelihood->self, t->member, t->tape, data, t->slot,
                         t->batch, &t->rng);
    if (t->mstep->addend)
        t->mstep->addend->bind(t->mstep->addend->self, t->member, t->tape, &t->rng);
}

elbo_status elbo_ensemble_forward(elbo_ensemble_task *t)
{
    const elbo_task_likelihood *const likelihood = t->mstep->likelihood;

    if (likelihood && likelihood->forward)
        return likelihood->forward(likelihood->self, t->member, t->tape);
    elbo_tape_forward(t->tape);
    return ELBO_OK;
}

/* ---- faults ---- */

/* Says where: the first layer whose parameters or gradient are not finite. */
static elbo_status not_finite(const elbo_ensemble_task *t, const char *what,
                              double x)
{
    const elbo_ensemble *const e = t->belief->self;
    const size_t layer =
        elbo_mlp_not_finite(&e->mlp, elbo_ensemble_theta(e, t->member));
    const size_t slope = elbo_mlp_not_finite(&e->mlp, t->grad);
    char where[96] = "the network's parameters are finite";

    if (layer)
        snprintf(where, sizeof where, "layer %zu's parameters are not finite",
                 layer);
    else if (slope)
        snprintf(where, sizeof where, "layer %zu's gradient is not finite",
                 slope);
    if (t->steps == 0)
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "member %zu: %s is %g before the first step; %s",
                         t->member, what, x, where);
    return ELBO_FAIL(
        ELBO_ENOTFINITE,
        "member %zu: %s is %g at step %zu (epoch %zu); %s; the last finite "
        "objective was %g",
        t->member, what, x, t->steps, t->epoch, where, t->last);
}

/* ---- judging ---- */

/* Draws of q that it is judged by: the same in each epoch. */
enum { JUDGES = 4 };

/* The sum over the first n rows of the batch of terms and addend. */
static double sum_terms(elbo_ensemble_task *t, size_t n)
{
    double sum = 0, each = 0;

    elbo_tape_get(t->tape, t->terms, t->number);
    if (t->mstep->addend) elbo_tape_get(t->tape, t->addend, &each);
    for (size_t i = 0; i < n; i++) sum += t->number[i] + each;
    return sum;
}

/* At the theta that the tape points at. */
static elbo_status mean_here(elbo_ensemble_task *t, const uint32_t slot[],
                             size_t n, double *out)
{
    const elbo_ensemble *const e = t->belief->self;
    double sum = 0;

    t->rng = elbo_rng_stream(e->seed, "m-step judge", t->member);
    for (size_t first = 0; first < n; first += t->batch) {
        const size_t rows = n - first < t->batch ? n - first : t->batch;

        for (size_t i = 0; i < t->batch; i++)
            t->slot[i] = slot[(first + i) % n];
        elbo_ensemble_bind(t);
        ELBO_TRY(elbo_ensemble_forward(t));
        sum += sum_terms(t, rows);
    }
    *out = sum / (double)n;
    if (!isfinite(*out))
        return not_finite(t, "the objective on rows to judge by", *out);
    return ELBO_OK;
}

elbo_status elbo_ensemble_mean(elbo_ensemble_task *t, const uint32_t slot[],
                               size_t n, double *out)
{
    elbo_ensemble *const e = t->belief->self;
    const elbo_rng kept = t->rng;
    const size_t draws = e->q ? JUDGES : 1;
    double sum = 0, one;

    for (size_t k = 0; k < draws; k++) {
        elbo_rng rng = elbo_rng_stream(e->seed, "m-step judge of q", k);

        if (e->q) elbo_mean_field_draw(e, t->member, &rng, NULL);
        ELBO_TRY(mean_here(t, slot, n, &one));
        sum += one;
    }
    t->rng = kept;
    *out = sum / (double)draws;
    return ELBO_OK;
}

/* ---- steps ---- */

typedef void reader(const elbo_tape *tape, elbo_node x, double out[]);

/* grad -= what is read of each parameter: Adam goes down. */
static void subtract(elbo_ensemble_task *t, reader *read)
{
    elbo_node leaf[ELBO_ENSEMBLE_LEAVES];
    const size_t leaves =
        elbo_ensemble_learnt(t->belief->self, &t->nodes, leaf);
    float *grad = t->grad;

    for (size_t k = 0; k < leaves; k++) {
        const size_t n =
            elbo_tape_rows(t->tape, leaf[k]) * elbo_tape_cols(t->tape, leaf[k]);

        read(t->tape, leaf[k], t->number);
        for (size_t i = 0; i < n; i++) grad[i] -= (float)t->number[i];
        grad += n;
    }
}

/* The objective's derivatives, and theta's way through a planner, which they
 * lack. */
static elbo_status read_gradient(elbo_ensemble_task *t)
{
    const elbo_ensemble *const e = t->belief->self;
    const elbo_task_likelihood *const likelihood = t->mstep->likelihood;
    bool more = likelihood && likelihood->pull;

    memset(t->grad, 0, e->size * sizeof *t->grad);
    subtract(t, elbo_tape_gradient);
    while (more) {
        ELBO_TRY(likelihood->pull(likelihood->self, t->member, t->tape, &more));
        subtract(t, elbo_tape_product);
    }
    return ELBO_OK;
}

static elbo_status step(elbo_ensemble_task *t)
{
    elbo_ensemble *const e = t->belief->self;
    double value;

    if (e->q) elbo_mean_field_draw(e, t->member, &t->rng, t->noise);
    elbo_ensemble_bind(t);
    ELBO_TRY(elbo_ensemble_forward(t));
    elbo_tape_get(t->tape, t->objective, &value);
    if (!isfinite(value)) return not_finite(t, "the objective", value);
    t->last = value;
    elbo_tape_backward(t->tape, t->objective);
    ELBO_TRY(read_gradient(t));
    if (e->q) elbo_mean_field_slope(t);
    t->gradient_norm = e->q ? elbo_adam_step(&e->adam[0], e->q, t->slope, NULL)
                            : elbo_adam_step(&e->adam[t->member],
                                             elbo_ensemble_theta(e, t->member),
                                             t->grad, t->decay);
    t->steps++;
    if (!isfinite(t->gradient_norm))
        return not_finite(t, "the gradient's norm", t->gradient_norm);
    return ELBO_OK;
}

static void shuffle(uint32_t slot[], size_t n, elbo_rng *rng)
{
    for (size_t i = n; i > 1; i--) {
        const size_t j = elbo_rng_below(rng, i);
        const uint32_t kept = slot[j];

        slot[j] = slot[i - 1];
        slot[i - 1] = kept;
    }
}

static elbo_status one_epoch(elbo_ensemble_task *t)
{
    const size_t n = t->rows.n;

    t->epoch++;
    shuffle(t->rows.slot, n, &t->rng);
    for (size_t first = 0; first < n; first += t->batch) {
        for (size_t i = 0; i < t->batch; i++)
            t->slot[i] = t->rows.slot[(first + i) % n];
        ELBO_TRY(step(t));
    }
    return ELBO_OK;
}

/* An M-step of so many steps. */
static elbo_status all_steps(elbo_ensemble_task *t)
{
    const elbo_ensemble *const e = t->belief->self;
    const size_t n = t->rows.n;

    while (t->steps < e->config.steps) {
        for (size_t i = 0; i < t->batch; i++) {
            const size_t j = i + elbo_rng_below(&t->rng, n - i);
            const uint32_t drawn = t->rows.slot[j];

            t->rows.slot[j] = t->rows.slot[i];
            t->rows.slot[i] = t->slot[i] = drawn;
        }
        ELBO_TRY(step(t));
    }
    return ELBO_OK;
}

/* tau / rows of each weight, 0 of biases and bounds. */
static void set_decay(elbo_ensemble_task *t)
{
    const elbo_ensemble *const e = t->belief->self;
    double tau[ELBO_MLP_LAYERS];
    float *at = t->decay;

    elbo_ensemble_precision(e, e->rows, tau);
    for (size_t l = 0; l < e->mlp.layers; l++) {
        const size_t n = e->mlp.width[l] * e->mlp.width[l + 1];

        for (size_t i = 0; i < n; i++) at[i] = (float)(tau[l] / e->rows);
        at += n + e->mlp.width[l + 1];
    }
}

/* What is learnt, as `best` keeps it. */
static float *learnt_of(const elbo_ensemble_task *t)
{
    elbo_ensemble *const e = t->belief->self;

    return e->q ? e->q : elbo_ensemble_theta(e, t->member);
}

static void keep_best(elbo_ensemble_task *t, double mean)
{
    t->best_mean = mean;
    t->since = 0;
    memcpy(t->best, learnt_of(t), learnt(t->belief->self) * sizeof *t->best);
}

static elbo_status begin(elbo_ensemble_task *t)
{
    const elbo_ensemble *const e = t->belief->self;
    const elbo_ensemble_rows *const rows = &t->rows;
    double mean;

    t->begun = true;
    t->rng = elbo_rng_stream(t->mstep->seed, "m-step",
                             t->mstep->round << 16 | (uint64_t)t->member);
    set_decay(t);
    if (e->config.steps || !rows->held) return ELBO_OK;
    ELBO_TRY(elbo_ensemble_mean(t, rows->test, rows->held, &mean));
    keep_best(t, mean);
    return ELBO_OK;
}

static elbo_status judge(elbo_ensemble_task *t)
{
    const elbo_ensemble *const e = t->belief->self;
    const double least = e->config.improvement * fabs(t->best_mean);
    double now;

    if (!t->rows.held) return ELBO_OK;
    ELBO_TRY(elbo_ensemble_mean(t, t->rows.test, t->rows.held, &now));
    t->since++;
    if (now - t->best_mean > least) keep_best(t, now);
    return ELBO_OK;
}

/* The best theta on the rows held out stays; without any, and after so many
 * steps, the last. */
static elbo_status end(elbo_ensemble_task *t)
{
    const elbo_ensemble *const e = t->belief->self;
    const elbo_ensemble_rows *const rows = &t->rows;
    const size_t most = e->config.holdout_most;

    t->holdout = (double)NAN;
    if (rows->held && e->config.steps)
        ELBO_TRY(elbo_ensemble_mean(t, rows->test, rows->held, &t->holdout));
    else if (rows->held) {
        memcpy(learnt_of(t), t->best, learnt(e) * sizeof *t->best);
        t->holdout = t->best_mean;
    }
    return elbo_ensemble_mean(t, rows->slot, rows->n < most ? rows->n : most,
                              &t->train);
}

static bool goes_on(const elbo_ensemble_task *t)
{
    const elbo_ensemble_config *const c =
        &((const elbo_ensemble *)t->belief->self)->config;

    return c->steps == 0 && t->epoch < c->epochs && t->since < c->patience;
}

elbo_status elbo_ensemble_turn(elbo_ensemble_task *t, bool *more)
{
    if (!t->begun) ELBO_TRY(begin(t));
    ELBO_TRY(all_steps(t));
    if (goes_on(t)) {
        ELBO_TRY(one_epoch(t));
        ELBO_TRY(judge(t));
    }
    *more = goes_on(t);
    return *more ? ELBO_OK : end(t);
}

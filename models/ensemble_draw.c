/* models/ensemble_draw.c -- successors drawn from the members' heads.
 *
 * Rows are sorted by member and cut into blocks of one member each, so that a
 * block's layers stay in the cache; blocks go in parallel.
 */
#include <assert.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "inference/core/explog_f32.h"
#include "models/ensemble.h"

/* Below so many multiplications a team of threads costs more than it saves. */
enum { BLOCK = 256, WORK_THAT_PAYS = 400000 };

/* Sorted rows first .. last - 1 of one member. */
typedef struct part {
    size_t member, first, last;
} part;

typedef struct draws {
    const elbo_ensemble *e;
    elbo_ensemble_parts parts;
    const float *o, *u;
    const uint32_t *order; /* [n]: sorted row to row */
    elbo_rng *rng;
    bool mean;
    float *limit; /* [members x 2 x bounds] exp -highest, then exp lowest */
    part *part;   /* [n_part] */
    size_t n_part;
    float *next, *reward;
    uint8_t *end;
} draws;

/* What a thread has for a block. */
typedef struct room {
    float *z;     /* [BLOCK x (no + nu)] */
    float *layer; /* [2 x BLOCK x widest] */
    float *out;   /* [BLOCK x outputs] */
    float *y;     /* [BLOCK x D] */
    float *noise; /* [BLOCK x D] */
} room;

static inline float softplus(float x)
{
    return fmaxf(x, 0) + log1pf(expf(-fabsf(x)));
}

float elbo_ensemble_bounded(float raw, float highest, float lowest)
{
    const float under = highest - softplus(highest - raw);

    return lowest + softplus(under - lowest);
}

void elbo_ensemble_input(const elbo_ensemble *e, const float o[],
                         const float u[], float z[])
{
    const size_t no = e->world->no, nu = e->world->nu;

    for (size_t j = 0; j < no; j++)
        z[j] = (o[j] - e->in_mean[j]) / e->in_scale[j];
    for (size_t j = 0; j < nu; j++)
        z[no + j] = (u[j] - e->in_mean[no + j]) / e->in_scale[no + j];
}

/* ---- heads: y [rows x D], normalised ---- */

/* The component that speaks for a row: drawn. */
static size_t component(const draws *d, const float pi[], elbo_rng *rng)
{
    double p[32];
    float most = pi[0];

    for (size_t k = 1; k < d->e->K; k++) most = fmaxf(most, pi[k]);
    for (size_t k = 0; k < d->e->K; k++) p[k] = exp((double)(pi[k] - most));
    return elbo_rng_categorical(rng, p, d->e->K);
}

/* sum_k pi_k mu_k[j] */
static float mixed_mean(const draws *d, const float out[], size_t j)
{
    const float *const pi = out + d->parts.pi, *const mu = out + d->parts.mu;
    float most = pi[0];
    double total = 0, sum = 0;

    for (size_t k = 1; k < d->e->K; k++) most = fmaxf(most, pi[k]);
    for (size_t k = 0; k < d->e->K; k++) {
        const double p = exp((double)(pi[k] - most));

        total += p;
        sum += p * (double)mu[k * d->e->D + j];
    }
    return (float)(sum / total);
}

/* y += sqrt(exp v) noise. exp v of elbo_ensemble_bounded: exp softplus(x) is 1
 * + exp x. */
static void disturb(size_t n, const float highest[restrict],
                    const float lowest[restrict], const float v[restrict],
                    const float noise[restrict], float y[restrict])
{
    for (size_t j = 0; j < n; j++)
        y[j] += sqrtf(lowest[j] + 1 / (highest[j] + elbo_exp_f32(-v[j])))
                * noise[j];
}

static void draw_targets(const draws *d, const part *p, const room *r)
{
    const elbo_ensemble *const e = d->e;
    const bool mixture = e->config.head == ELBO_HEAD_MIXTURE;
    const size_t D = e->D, bounds = elbo_ensemble_bounds(e);
    const float *const limit = d->limit + p->member * 2 * bounds;

    for (size_t i = p->first; i < p->last; i++) {
        float *const out = r->out + (i - p->first) * d->parts.outputs;
        float *const y = r->y + (i - p->first) * D;
        const size_t k = mixture && !d->mean ? component(d, out + d->parts.pi,
                                                         &d->rng[d->order[i]])
                                             : 0;

        if (mixture && d->mean)
            for (size_t j = 0; j < D; j++) y[j] = mixed_mean(d, out, j);
        else
            memcpy(y, out + d->parts.mu + k * D, D * sizeof *y);
        if (!d->mean && bounds)
            disturb(D, limit + k * D, limit + bounds + k * D,
                    out + d->parts.v + k * D, r->noise + (i - p->first) * D, y);
    }
}

static bool draw_end(const draws *d, const float out[], elbo_rng *rng)
{
    const double logit = (double)out[d->parts.end];

    if (d->mean) return logit >= 0;
    return elbo_rng_uniform(rng) * (1 + exp(-logit)) < 1;
}

/* ---- a block ---- */

static void put(const draws *d, const part *p, const room *r)
{
    const elbo_ensemble *const e = d->e;
    const size_t no = e->world->no;

    for (size_t i = p->first; i < p->last; i++) {
        const size_t row = d->order[i];
        const float *const o = d->o + row * no;
        const float *const y = r->y + (i - p->first) * e->D;
        float *const next = d->next + row * no;

        for (size_t j = 0; j < no; j++)
            next[j] = (e->config.absolute ? 0 : o[j])
                      + (e->out_mean[j] + e->out_scale[j] * y[j]);
        if (e->D > no)
            d->reward[row] = e->out_mean[no] + e->out_scale[no] * y[no];
        if (e->config.end == ELBO_LEARNT)
            d->end[row] = draw_end(
                d, r->out + (i - p->first) * d->parts.outputs, &d->rng[row]);
    }
}

static void block(const draws *d, const part *p, const room *r)
{
    const elbo_ensemble *const e = d->e;
    const size_t no = e->world->no, nu = e->world->nu, n = p->last - p->first;

    for (size_t i = 0; i < n; i++) {
        const size_t row = d->order[p->first + i];

        elbo_ensemble_input(e, d->o + row * no, d->u + row * nu,
                            r->z + i * (no + nu));
    }
    elbo_mlp_rows(&e->mlp, elbo_ensemble_theta(e, p->member), n, r->z, r->out,
                  r->layer);
    if (!d->mean && elbo_ensemble_bounds(e))
        elbo_rng_normal_rows(d->rng, d->order + p->first, n, e->D, r->noise);
    draw_targets(d, p, r);
    put(d, p, r);
}

static void limits(const elbo_ensemble *e, float limit[])
{
    const size_t bounds = elbo_ensemble_bounds(e);

    for (size_t m = 0; m < e->members; m++)
        for (size_t i = 0; i < bounds; i++) {
            const float *const highest =
                elbo_ensemble_theta(e, m) + elbo_mlp_size(&e->mlp);

            limit[m * 2 * bounds + i] = expf(-highest[i]);
            limit[m * 2 * bounds + bounds + i] = expf(highest[bounds + i]);
        }
}

/* ---- all rows ---- */

/* order and first [members + 1]: rows of member m stand at first[m] .. */
static void sort(const elbo_ensemble *e, size_t n, const uint32_t member[],
                 uint32_t order[], size_t first[])
{
    for (size_t i = 0; i < n; i++) first[member[i] + 1]++;
    for (size_t m = 0; m < e->members; m++) first[m + 1] += first[m];
    for (size_t i = 0; i < n; i++) order[first[member[i]]++] = (uint32_t)i;
    for (size_t m = e->members; m > 0; m--) first[m] = first[m - 1];
    first[0] = 0;
}

static void cut(draws *d, const size_t first[])
{
    for (size_t m = 0; m < d->e->members; m++)
        for (size_t at = first[m]; at < first[m + 1]; at += BLOCK) {
            const size_t last =
                at + BLOCK < first[m + 1] ? at + BLOCK : first[m + 1];

            d->part[d->n_part++] = (part){m, at, last};
        }
}

static elbo_status check_finite(const draws *d, size_t n,
                                const uint32_t member[])
{
    const size_t no = d->e->world->no;

    for (size_t i = 0; i < n * no; i++)
        if (!isfinite(d->next[i]))
            return ELBO_FAIL(
                ELBO_ENOTFINITE,
                "row %zu by member %u: observation %zu is %g after %g", i / no,
                (unsigned)member[i / no], i % no, (double)d->next[i],
                (double)d->o[i]);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(d->reward[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "row %zu by member %u: the reward is %g", i,
                             (unsigned)member[i], (double)d->reward[i]);
    return ELBO_OK;
}

static void tell(const draws *d, size_t n)
{
    const elbo_task_world *const world = d->e->world;

    if (d->e->config.reward == ELBO_TOLD)
        world->task->reward(world->self, n, d->o, d->u, d->next, d->reward);
    if (d->e->config.end == ELBO_TOLD)
        world->task->terminal(world->self, n, d->o, d->u, d->next, d->end);
    if (d->e->config.end == ELBO_NEVER) memset(d->end, 0, n);
}

static elbo_status take_rooms(const draws *d, size_t threads, room out[],
                              elbo_arena *ws)
{
    const elbo_ensemble *const e = d->e;
    const size_t nin = e->world->no + e->world->nu;
    const size_t widest = elbo_mlp_widest(&e->mlp);

    for (size_t t = 0; out && t < threads; t++)
        out[t] = (room){
            .z = elbo_arena_take(ws, BLOCK * nin, sizeof(float)),
            .layer = elbo_arena_take(ws, 2 * BLOCK * widest, sizeof(float)),
            .out = elbo_arena_take(ws, BLOCK * d->parts.outputs, sizeof(float)),
            .y = elbo_arena_take(ws, BLOCK * e->D, sizeof(float)),
            .noise = elbo_arena_take(ws, BLOCK * e->D, sizeof(float)),
        };
    return elbo_arena_check(ws, "the model's draws");
}

static elbo_status draw(draws *d, size_t n, const uint32_t member[],
                        elbo_arena *ws)
{
    const elbo_ensemble *const e = d->e;
    const bool pays = n > BLOCK && n * elbo_mlp_size(&e->mlp) > WORK_THAT_PAYS;
    const size_t threads =
        pays && !omp_in_parallel() ? (size_t)omp_get_max_threads() : 1;
    uint32_t *const order = elbo_arena_u32(ws, n);
    size_t *const first = elbo_arena_sizes(ws, e->members + 1);
    room *const rooms = elbo_arena_take(ws, threads, sizeof *rooms);

    d->part = elbo_arena_take(ws, n / BLOCK + e->members, sizeof *d->part);
    d->limit = elbo_arena_take(ws, e->members * 2 * elbo_ensemble_bounds(e),
                               sizeof *d->limit);
    ELBO_TRY(take_rooms(d, threads, rooms, ws));
    limits(e, d->limit);
    sort(e, n, member, order, first);
    d->order = order;
    cut(d, first);
    if (threads == 1) {
        for (size_t k = 0; k < d->n_part; k++) block(d, &d->part[k], rooms);
    } else {
#pragma omp parallel for schedule(dynamic) num_threads((int)threads)
        for (size_t k = 0; k < d->n_part; k++)
            block(d, &d->part[k], &rooms[omp_get_thread_num()]);
    }
    tell(d, n);
    return check_finite(d, n, member);
}

elbo_status elbo_ensemble_draw(const elbo_task_belief *belief, size_t n,
                               const float o[], const float u[],
                               const uint32_t member[], elbo_rng rng[],
                               bool mean, float next[], float reward[],
                               uint8_t end[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    draws d = {.e = belief->self,
               .o = o,
               .u = u,
               .rng = rng,
               .mean = mean,
               .next = next,
               .reward = reward,
               .end = end};

    assert(next != o);
    d.parts = elbo_ensemble_outputs(d.e);

    const elbo_status s = draw(&d, n, member, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* models/ensemble_draw.c -- successors drawn from the members' heads. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "models/ensemble.h"

/* Rows are sorted by member, so that each network sees its own at once. */
typedef struct draws {
    const elbo_ensemble *e;
    elbo_ensemble_parts parts;
    const float *o, *u;
    const uint32_t *member;
    const uint32_t *order; /* [n]: sorted row to row */
    elbo_rng *rng;
    bool mean;
    float *limit; /* [members x 2 x bounds] exp -highest, then exp lowest */
    float *z;     /* [n x (no + nu)], sorted */
    float *out;   /* [n x outputs], sorted */
    float *next, *reward;
    uint8_t *end;
} draws;

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

static void inputs(void *arg, size_t first, size_t last)
{
    const draws *const d = arg;
    const size_t no = d->e->world->no, nu = d->e->world->nu;

    for (size_t i = first; i < last; i++) {
        const size_t row = d->order[i];

        elbo_ensemble_input(d->e, d->o + row * no, d->u + row * nu,
                            d->z + i * (no + nu));
    }
}

/* ---- heads ---- */

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

/* y, normalised, of one row. */
static void draw_target(const draws *d, size_t member, const float out[],
                        elbo_rng *rng, float y[])
{
    const elbo_ensemble *const e = d->e;
    const bool mixture = e->config.head == ELBO_HEAD_MIXTURE;
    const size_t D = e->D, bounds = elbo_ensemble_bounds(e);
    const float *const limit = d->limit + member * 2 * bounds;
    const size_t k =
        mixture && !d->mean ? component(d, out + d->parts.pi, rng) : 0;
    double noise[2];

    for (size_t j = 0; j < D; j++) {
        const size_t at = k * D + j;

        y[j] =
            mixture && d->mean ? mixed_mean(d, out, j) : out[d->parts.mu + at];
        if (d->mean || bounds == 0) continue;
        if (j % 2 == 0) elbo_rng_normals(rng, noise, 2);

        /* exp v of elbo_ensemble_bounded: exp softplus(x) is 1 + exp x */
        const float variance =
            limit[bounds + at] + 1 / (limit[at] + expf(-out[d->parts.v + at]));

        y[j] += sqrtf(variance) * (float)noise[j % 2];
    }
}

static bool draw_end(const draws *d, const float out[], elbo_rng *rng)
{
    const double logit = (double)out[d->parts.end];

    if (d->mean) return logit >= 0;
    return elbo_rng_uniform(rng) * (1 + exp(-logit)) < 1;
}

static void heads(void *arg, size_t first, size_t last)
{
    const draws *const d = arg;
    const elbo_ensemble *const e = d->e;
    const size_t no = e->world->no;

    for (size_t i = first; i < last; i++) {
        const size_t row = d->order[i];
        const float *const out = d->out + i * d->parts.outputs;
        float *const y =
            d->z + i * (no + e->world->nu); /* the input is used up */

        draw_target(d, d->member[row], out, &d->rng[row], y);
        for (size_t j = 0; j < no; j++)
            d->next[row * no + j] =
                d->o[row * no + j] + (e->out_mean[j] + e->out_scale[j] * y[j]);
        if (e->D > no)
            d->reward[row] = e->out_mean[no] + e->out_scale[no] * y[no];
        if (e->config.end == ELBO_LEARNT)
            d->end[row] = draw_end(d, out, &d->rng[row]);
    }
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

static elbo_status check_finite(const draws *d, size_t n)
{
    const size_t no = d->e->world->no;

    for (size_t i = 0; i < n * no; i++)
        if (!isfinite(d->next[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "row %zu by member %u: observation %zu is %g",
                             i / no, (unsigned)d->member[i / no], i % no,
                             (double)d->next[i]);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(d->reward[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "row %zu by member %u: the reward is %g", i,
                             (unsigned)d->member[i], (double)d->reward[i]);
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

static elbo_status draw(draws *d, size_t n, elbo_arena *ws)
{
    const elbo_ensemble *const e = d->e;
    const size_t nin = e->world->no + e->world->nu;
    uint32_t *const order = elbo_arena_u32(ws, n);
    size_t *const first = elbo_arena_sizes(ws, e->members + 1);
    /* y goes where z was: D <= no + 1, which is wider where there is no action
     */
    d->z = elbo_arena_take(ws, n * (nin > e->D ? nin : e->D), sizeof *d->z);
    d->out = elbo_arena_take(ws, n * d->parts.outputs, sizeof *d->out);
    d->limit = elbo_arena_take(ws, e->members * 2 * elbo_ensemble_bounds(e),
                               sizeof *d->limit);
    ELBO_TRY(elbo_arena_check(ws, "the model's draws"));
    limits(e, d->limit);
    sort(e, n, d->member, order, first);
    d->order = order;
    elbo_parallel_rows(n, n * nin, d, inputs);
    for (size_t m = 0; m < e->members; m++)
        if (first[m] < first[m + 1])
            ELBO_TRY(
                elbo_mlp_forward(&e->mlp, elbo_ensemble_theta(e, m),
                                 first[m + 1] - first[m], d->z + first[m] * nin,
                                 d->out + first[m] * d->parts.outputs, ws));
    elbo_parallel_rows(n, n * e->D * 100, d, heads);
    tell(d, n);
    return check_finite(d, n);
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
               .member = member,
               .rng = rng,
               .mean = mean,
               .next = next,
               .reward = reward,
               .end = end};

    assert(next != o);
    d.parts = elbo_ensemble_outputs(d.e);

    const elbo_status s = draw(&d, n, ws);

    elbo_arena_release(ws, mark);
    return s;
}

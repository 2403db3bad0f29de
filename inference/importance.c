#include "inference/importance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct span {
    uint32_t start;     /* its first state */
    size_t first, last; /* its samples [first, last) */
} span;

/* Those of one pool stand side by side. */
typedef struct episodes {
    size_t n, longest;
    span *of;         /* [n] */
    double *logw;     /* [n] log rho; -inf: no weight any more */
    double *tail;     /* [n] what the steps after its end send back */
    double *sent;     /* [samples] what its step sends back */
} episodes;

static elbo_status check(const elbo_data *data)
{
    for (size_t i = 0; i < data->n; i++) {
        if (!(data->chance[i] > 0))
            return ELBO_FAIL(ELBO_EDATA,
                             "sample %zu: how likely its action was is not known",
                             i);
        if (data->mass[i] < 1 || data->mass[i] > 1)
            return ELBO_FAIL(ELBO_EDATA,
                             "sample %zu is part of a distribution, of no episode",
                             i);
    }
    return ELBO_OK;
}

/* By start, then as they came. */
static int compare(const void *left, const void *right)
{
    const span *const x = left, *const y = right;

    if (x->start != y->start) return x->start < y->start ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

static elbo_status find_episodes(const elbo_data *data, episodes *e,
                                 elbo_arena *ws)
{
    *e = (episodes){.of = elbo_arena_take(ws, data->n, sizeof *e->of),
                    .logw = elbo_arena_doubles(ws, data->n),
                    .tail = elbo_arena_doubles(ws, data->n),
                    .sent = elbo_arena_doubles(ws, data->n)};
    ELBO_TRY(elbo_arena_check(ws, "the episodes of the data"));
    for (size_t i = 0; i < data->n; i++) {
        if (i == 0 || data->step[i] == 0)
            e->of[e->n++] = (span){data->by_start ? data->s[i] : 0, i, i};
        e->of[e->n - 1].last = i + 1;
    }
    for (size_t k = 0; k < e->n; k++) {
        const size_t length = e->of[k].last - e->of[k].first;

        if (length > e->longest) e->longest = length;
        e->logw[k] = e->tail[k] = 0;
    }
    if (e->n > 0) qsort(e->of, e->n, sizeof *e->of, compare);
    return ELBO_OK;
}

static double log_chance(const elbo_data *data, size_t i)
{
    return log(data->chance[i]);
}

static size_t place(const elbo_logged *own, size_t i)
{
    const elbo_data *const d = own->data;
    const size_t stage = own->stages > 1 ? d->step[i] % own->stages : 0;

    return stage * own->rows + d->s[i] * own->nA + d->a[i];
}

/* The sample of episode k at step t; (size_t)-1: it is over. */
static size_t sample_at(const episodes *e, size_t k, size_t t)
{
    return t < e->of[k].last - e->of[k].first ? e->of[k].first + t : (size_t)-1;
}

/* Episodes [first, last): a pool. */
typedef struct pool {
    size_t first, last;
} pool;

/* Weights of step t; the largest of them, -inf when none is left. */
static double weigh(const elbo_logged *own, const double logpi[], episodes *e,
                    pool of, size_t t)
{
    double most = -HUGE_VAL;

    for (size_t k = of.first; k < of.last; k++) {
        const size_t i = sample_at(e, k, t);

        if (i != (size_t)-1)
            e->logw[k] += logpi[place(own, i)] - log_chance(own->data, i);
        else if (!own->data->terminal[e->of[k].last - 1])
            e->logw[k] = -HUGE_VAL;
        most = fmax(most, e->logw[k]);
    }
    return most;
}

/* The step's mean reward, and what it sends back to the weights. */
static double step_mean(const elbo_logged *own, episodes *e, pool of, size_t t,
                        double most, double discount)
{
    double all = 0, paid = 0;

    for (size_t k = of.first; k < of.last; k++) {
        const size_t i = sample_at(e, k, t);
        const double w = exp(e->logw[k] - most);

        all += w;
        paid += i == (size_t)-1 ? 0 : w * own->data->r[i];
    }
    for (size_t k = of.first; k < of.last; k++) {
        const size_t i = sample_at(e, k, t);
        const double w = discount * exp(e->logw[k] - most) / all;

        if (i == (size_t)-1)
            e->tail[k] -= w * paid / all;
        else
            e->sent[i] = w * (own->data->r[i] - paid / all);
    }
    return paid / all;
}

/* slope += scale times what each step and all after it send back. */
static void send_back(const elbo_logged *own, const episodes *e, double scale,
                      double slope[])
{
    for (size_t k = 0; k < e->n; k++) {
        double sum = e->tail[k];

        for (size_t i = e->of[k].last; i-- > e->of[k].first;) {
            sum += e->sent[i];
            slope[place(own, i)] += scale * sum;
        }
    }
}

/* The pool's estimate, which counts by its share of the episodes. */
static double run_pool(const elbo_logged *own, const double logpi[],
                       episodes *e, pool of)
{
    const double share = (double)(of.last - of.first) / (double)e->n;
    double sum = 0, discount = share;

    for (size_t t = 0; t < e->longest; t++) {
        const double most = weigh(own, logpi, e, of, t);

        if (most == -HUGE_VAL) break;
        sum += discount * step_mean(own, e, of, t, most, discount);
        discount *= own->gamma;
    }
    return sum;
}

static elbo_status run(const elbo_logged *own, const double logpi[],
                       double *value, double scale, double slope[],
                       elbo_arena *ws)
{
    episodes e;
    pool of = {0, 0};

    ELBO_TRY(check(own->data));
    ELBO_TRY(find_episodes(own->data, &e, ws));
    memset(e.sent, 0, own->data->n * sizeof *e.sent);
    *value = 0;
    for (; of.first < e.n; of.first = of.last) {
        while (of.last < e.n && e.of[of.last].start == e.of[of.first].start)
            of.last++;
        *value += run_pool(own, logpi, &e, of);
    }
    if (slope) send_back(own, &e, scale, slope);
    return ELBO_OK;
}

elbo_status elbo_cwpdis(const elbo_logged *own, const double logpi[],
                        double *value, double scale, double slope[],
                        elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = run(own, logpi, value, scale, slope, ws);

    elbo_arena_release(ws, mark);
    return s;
}

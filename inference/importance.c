#include "inference/importance.h"

#include <math.h>
#include <string.h>

typedef struct episodes {
    size_t n, longest;
    size_t *first;    /* [n + 1] samples of an episode: a run */
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

static elbo_status find_episodes(const elbo_data *data, episodes *e,
                                 elbo_arena *ws)
{
    *e = (episodes){.first = elbo_arena_sizes(ws, data->n + 1),
                    .logw = elbo_arena_doubles(ws, data->n),
                    .tail = elbo_arena_doubles(ws, data->n),
                    .sent = elbo_arena_doubles(ws, data->n)};
    ELBO_TRY(elbo_arena_check(ws, "the episodes of the data"));
    for (size_t i = 0; i < data->n; i++)
        if (i == 0 || data->step[i] == 0) e->first[e->n++] = i;
    e->first[e->n] = data->n;
    for (size_t k = 0; k < e->n; k++) {
        const size_t length = e->first[k + 1] - e->first[k];

        if (length > e->longest) e->longest = length;
        e->logw[k] = e->tail[k] = 0;
    }
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
    return t < e->first[k + 1] - e->first[k] ? e->first[k] + t : (size_t)-1;
}

/* Weights of step t; the largest of them, -inf when none is left. */
static double weigh(const elbo_logged *own, const double logpi[], episodes *e,
                    size_t t)
{
    double most = -HUGE_VAL;

    for (size_t k = 0; k < e->n; k++) {
        const size_t i = sample_at(e, k, t);

        if (i != (size_t)-1)
            e->logw[k] += logpi[place(own, i)] - log_chance(own->data, i);
        else if (!own->data->terminal[e->first[k + 1] - 1])
            e->logw[k] = -HUGE_VAL;
        most = fmax(most, e->logw[k]);
    }
    return most;
}

/* The step's mean reward, and what it sends back to the weights. */
static double step_mean(const elbo_logged *own, episodes *e, size_t t,
                        double most, double discount)
{
    double all = 0, paid = 0;

    for (size_t k = 0; k < e->n; k++) {
        const size_t i = sample_at(e, k, t);
        const double w = exp(e->logw[k] - most);

        all += w;
        paid += i == (size_t)-1 ? 0 : w * own->data->r[i];
    }
    for (size_t k = 0; k < e->n; k++) {
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

        for (size_t i = e->first[k + 1]; i-- > e->first[k];) {
            sum += e->sent[i];
            slope[place(own, i)] += scale * sum;
        }
    }
}

static elbo_status run(const elbo_logged *own, const double logpi[],
                       double *value, double scale, double slope[],
                       elbo_arena *ws)
{
    double sum = 0, discount = 1;
    episodes e;

    ELBO_TRY(check(own->data));
    ELBO_TRY(find_episodes(own->data, &e, ws));
    memset(e.sent, 0, own->data->n * sizeof *e.sent);
    for (size_t t = 0; t < e.longest; t++) {
        const double most = weigh(own, logpi, &e, t);

        if (most == -HUGE_VAL) break;
        sum += discount * step_mean(own, &e, t, most, discount);
        discount *= own->gamma;
    }
    *value = sum;
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

#include "inference/standing.h"

#include <string.h>

#include "inference/core/alloc.h"
#include "inference/evaluate.h"

/* ---- the past, and slow copies ---- */

static size_t values_of(const elbo_standing *standing)
{
    return (standing->horizon ? standing->horizon + 1 : 1) * (standing->nS + 1);
}

static size_t rows_of(const elbo_standing *standing)
{
    return (standing->horizon ? standing->horizon : 1) * standing->nS
           * standing->nA;
}

elbo_status elbo_standing_open(elbo_standing *standing, elbo_arena *arena)
{
    const size_t values = values_of(standing), rows = rows_of(standing);
    size_t past;

    if (!elbo_size_mul(standing->rounds, values, &past))
        return ELBO_FAIL(ELBO_ESIZE, "V_then: %zu rounds of %zu values",
                         standing->rounds, values);
    standing->then = elbo_arena_take(arena, past, sizeof(double));
    standing->target = elbo_arena_take(arena, values, sizeof(double));
    standing->target_Q = elbo_arena_take(arena, rows, sizeof(double));
    standing->data = elbo_arena_take(arena, values, sizeof(double));
    standing->data_Q = elbo_arena_take(arena, rows, sizeof(double));
    return elbo_arena_check(arena, "values that stand still");
}

void elbo_standing_collect(elbo_standing *standing, size_t round,
                           const double V[])
{
    const size_t n = values_of(standing) - 1; /* END is worth 0 */

    if (round < standing->rounds)
        memcpy(standing->then + round * (n + 1), V, n * sizeof *V);
}

static void move(double x[], const double to[], size_t n, double rate)
{
    for (size_t i = 0; i < n; i++) x[i] += rate * (to[i] - x[i]);
}

void elbo_standing_plan(elbo_standing *standing, const elbo_posterior *post)
{
    const double rate = standing->targeted ? standing->rate : 1;

    move(standing->target, post->V, values_of(standing) - 1, rate);
    move(standing->target_Q, post->Q, rows_of(standing), rate);
    standing->targeted = true;
}

/* ---- the data's own process ---- */

/* The samples of each row, as the process's builder asks for them. */
typedef struct empirical {
    const elbo_data *data;
    size_t nA;
    const size_t *start;   /* [rows + 1] */
    const uint32_t *order; /* [n] samples, by row */
    const double *mass;    /* [rows] */
} empirical;

static size_t list_outcomes(const void *world, size_t s, size_t a,
                            elbo_outcome out[])
{
    const empirical *const x = world;
    const size_t row = s * x->nA + a;
    size_t n = 0;

    if (!(x->mass[row] > 0)) {
        out[0] = (elbo_outcome){.terminal = true, .prob = 1};
        return 1;
    }
    for (size_t k = x->start[row]; k < x->start[row + 1]; k++) {
        const size_t i = x->order[k];

        out[n++] = (elbo_outcome){.next = x->data->next[i],
                                  .terminal = x->data->terminal[i],
                                  .prob = x->data->mass[i] / x->mass[row],
                                  .reward = x->data->r[i]};
    }
    return n;
}

/* Samples by row, in their own order; the most that a row has. */
static elbo_status sort(const elbo_data *data, size_t rows, empirical *x,
                        size_t *most, elbo_arena *ws)
{
    size_t *const start = elbo_arena_take(ws, rows + 2, sizeof *start);
    uint32_t *const order = elbo_arena_u32(ws, data->n);
    double *const mass = elbo_arena_take(ws, rows, sizeof *mass);

    ELBO_TRY(elbo_arena_check(ws, "the data by rows"));
    for (size_t i = 0; i < data->n; i++) {
        const size_t row = data->s[i] * x->nA + data->a[i];

        start[row + 2]++;
        mass[row] += data->mass[i];
    }
    *most = 1;
    for (size_t row = 0; row < rows; row++)
        if (start[row + 2] > *most) *most = start[row + 2];
    for (size_t row = 0; row < rows; row++) start[row + 2] += start[row + 1];
    for (size_t i = 0; i < data->n; i++)
        order[start[data->s[i] * x->nA + data->a[i] + 1]++] = (uint32_t)i;
    x->data = data;
    x->start = start;
    x->order = order;
    x->mass = mass;
    return ELBO_OK;
}

void elbo_backup_rows(const elbo_mdp *mdp, const double V[], double Q[])
{
    const elbo_pattern *const pattern = mdp->P.pattern;

    for (size_t row = 0; row < mdp->nS * mdp->nA; row++) {
        const size_t end = elbo_row_end(pattern, row);

        Q[row] = mdp->r[row];
        for (size_t i = elbo_row_begin(pattern, row); i < end; i++)
            Q[row] += mdp->gamma * mdp->P.prob[i]
                      * V[elbo_successor(pattern, row, i)];
    }
}

static elbo_status fit(const elbo_data *data, const elbo_mdp *of,
                       const double pi[], double V[], double Q[],
                       elbo_arena *ws)
{
    const size_t nS = of->nS, nA = of->nA, stages = elbo_stages(of);
    const size_t values = of->horizon ? stages + 1 : 1;
    double *const all = elbo_arena_take(ws, (stages + 1) * (nS + 1), sizeof *all);
    double *const mu = elbo_arena_take(ws, nS, sizeof *mu);
    elbo_mdp mdp = {.nS = nS,
                    .nA = nA,
                    .mu = mu,
                    .gamma = of->gamma,
                    .horizon = of->horizon};
    double *b;
    empirical x = {.nA = nA};
    double *r;
    size_t most;

    ELBO_TRY(elbo_arena_check(ws, "values of the data"));
    ELBO_TRY(sort(data, nS * nA, &x, &most, ws));
    ELBO_TRY(elbo_mdp_build(&x, list_outcomes, nS, nA, most, ws, &mdp.P, &r));
    mdp.r = r;
    b = elbo_arena_doubles(ws, stages * nS * nA);
    ELBO_TRY(elbo_arena_check(ws, "rewards of the data"));
    for (size_t i = 0; i < stages * nS * nA; i++) b[i] = r[i % (nS * nA)];

    const elbo_chain chain = {.mdp = &mdp, .pi = pi, .q = mdp.P};

    ELBO_TRY(elbo_evaluate(&chain, b, all, ws));
    all[nS] = 0;
    memcpy(V, all, values * (nS + 1) * sizeof *V);
    for (size_t t = 0; t < stages; t++)
        elbo_backup_rows(&mdp, V + (of->horizon ? t + 1 : 0) * (nS + 1),
                         Q + t * nS * nA);
    return ELBO_OK;
}

elbo_status elbo_data_values(const elbo_data *data, const elbo_mdp *mdp,
                             const double pi[], double V[], double Q[],
                             elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = fit(data, mdp, pi, V, Q, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* ---- checkpoints ---- */

void elbo_standing_save(const elbo_standing *standing, elbo_writer *out)
{
    const size_t values = values_of(standing);

    elbo_put_u64(out, standing->rounds);
    elbo_put_u64(out, standing->targeted);
    elbo_put_doubles(out, standing->then, standing->rounds * values);
    elbo_put_doubles(out, standing->target, values - 1);
    elbo_put_doubles(out, standing->target_Q, rows_of(standing));
}

elbo_status elbo_standing_load(elbo_standing *standing, elbo_reader *in)
{
    const size_t values = values_of(standing);
    uint64_t rounds = 0, targeted = 0;

    ELBO_TRY(elbo_get_u64(in, &rounds));
    ELBO_TRY(elbo_get_u64(in, &targeted));
    if (rounds != standing->rounds || targeted > 1)
        return ELBO_FAIL(ELBO_EDATA,
                         "checkpoint: values of %llu rounds, not %zu",
                         (unsigned long long)rounds, standing->rounds);
    standing->targeted = targeted;
    ELBO_TRY(elbo_get_doubles(in, standing->then, rounds * values));
    ELBO_TRY(elbo_get_doubles(in, standing->target, values - 1));
    return elbo_get_doubles(in, standing->target_Q, rows_of(standing));
}

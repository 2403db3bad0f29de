#include "inference/weight/visits.h"

#include <string.h>

#include "inference/core/parallel.h"
#include "inference/evaluate.h"
#include "inference/optimal.h"

static size_t rows_of(const elbo_factor_view *view)
{
    return view->world->nS * view->world->nA;
}

/* ---- visits ---- */

elbo_status elbo_visits(const elbo_factor_view *view, const elbo_kernel *P,
                        const double pi[], double out[], elbo_arena *ws)
{
    const size_t rows = rows_of(view), stages = view->post->stages;
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_chain chain = {.mdp = view->truth, .pi = pi, .q = *P};
    double *rho = elbo_arena_doubles(ws, stages * rows);
    elbo_status s = elbo_arena_check(ws, "visits");

    if (s == ELBO_OK) s = elbo_occupancy(&chain, rho, ws);
    if (s == ELBO_OK) {
        const double all = elbo_sum(rho, stages * rows);

        memset(out, 0, rows * sizeof *out);
        for (size_t i = 0; i < stages * rows; i++)
            out[i % rows] += rho[i] / all;
    }
    elbo_arena_release(ws, mark);
    return s;
}

void elbo_visits_data(const elbo_factor_view *view, double out[])
{
    const elbo_data *data = view->data;
    const double all = elbo_sum(data->mass, data->n);

    memset(out, 0, rows_of(view) * sizeof *out);
    for (size_t i = 0; i < data->n; i++)
        out[data->s[i] * view->world->nA + data->a[i]] += data->mass[i] / all;
}

elbo_status elbo_visits_entries(const elbo_factor_view *view, double out[],
                                elbo_arena *ws)
{
    elbo_data even = *view->data;
    const double all = elbo_sum(even.mass, even.n);

    even.w = elbo_arena_doubles(ws, even.n);
    ELBO_TRY(elbo_arena_check(ws, "the data's visits"));
    for (size_t i = 0; i < even.n; i++) even.w[i] = 1;
    return elbo_data_counts(&even, view->belief->mean.pattern,
                            all > 0 ? 1 / all : 1, out);
}

elbo_status elbo_visits_of(const elbo_factor_view *view, const char *where,
                           const double pi[], double out[], elbo_arena *ws)
{
    const size_t rows = rows_of(view);

    if (strcmp(where, "real") == 0)
        return elbo_visits(view, &view->truth->P, pi, out, ws);
    if (strcmp(where, "model") == 0)
        return elbo_visits(view, &view->belief->mean, pi, out, ws);
    if (strcmp(where, "data") == 0)
        elbo_visits_data(view, out);
    else
        for (size_t i = 0; i < rows; i++) out[i] = 1 / (double)rows;
    return ELBO_OK;
}

void elbo_visits_start(const elbo_factor_view *view, const double pi[],
                       double out[])
{
    const size_t nA = view->world->nA;

    for (size_t i = 0; i < rows_of(view); i++)
        out[i] = view->truth->mu[i / nA] * pi[i];
}

void elbo_visits_chain(const elbo_factor_view *view, const double entries[],
                       const double pi[], gsl_matrix *P)
{
    const elbo_pattern *pattern = view->belief->mean.pattern;
    const size_t nA = view->world->nA;

    gsl_matrix_set_zero(P);
    for (size_t row = 0; row < rows_of(view); row++) {
        const size_t end = elbo_row_end(pattern, row);
        double all = 0;

        for (size_t i = elbo_row_begin(pattern, row); i < end; i++)
            all += entries[i];
        for (size_t i = elbo_row_begin(pattern, row); all > 0 && i < end; i++) {
            const size_t next = elbo_successor(pattern, row, i);

            for (size_t a = 0; next < view->world->nS && a < nA; a++)
                *gsl_matrix_ptr(P, row, next * nA + a) +=
                    entries[i] / all * pi[next * nA + a];
        }
    }
}

/* ---- policies ---- */

bool elbo_target_oracle(const elbo_values *options)
{
    return elbo_choice_is(options, "policy", "optimal");
}

elbo_status elbo_target_open(const elbo_values *options,
                             const elbo_factor_view *view, elbo_arena *arena,
                             elbo_target *out)
{
    const size_t n = view->post->stages * rows_of(view);

    out->fixed = NULL;
    if (elbo_choice_is(options, "policy", "current")) return ELBO_OK;
    if (elbo_choice_is(options, "policy", "optimal")) {
        elbo_posterior best;

        ELBO_TRY(
            elbo_optimal_policy(view->truth, view->problem, arena, &best));
        out->fixed = best.pi;
        return ELBO_OK;
    }
    out->fixed = elbo_arena_doubles(arena, n);
    ELBO_TRY(elbo_arena_check(arena, "a policy"));
    for (size_t i = 0; i < n; i++) out->fixed[i] = 1 / (double)view->world->nA;
    return ELBO_OK;
}

void elbo_target_policy(const elbo_target *target, const elbo_values *options,
                        const elbo_factor_view *view, double pi[])
{
    const double *from = target->fixed ? target->fixed : view->post->pi;
    const double epsilon = elbo_real(options, "epsilon");
    const size_t n = view->post->stages * rows_of(view);

    for (size_t i = 0; i < n; i++)
        pi[i] =
            (1 - epsilon) * from[i] + epsilon / (double)view->world->nA;
}

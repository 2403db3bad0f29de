/* inference/weight/ratio.c -- ratio(method, of, to, ...): a density ratio of two
 * distributions over (s, a), estimated.
 *
 * The exact ratio is occupancy(real)/occupancy(data); this one is what an
 * estimator with this regularisation would converge to.
 */
#include <string.h>

#include "inference/weight/density.h"
#include "inference/weight/factors.h"
#include "inference/weight/visits.h"

static const elbo_option options[] = {
    {.name = "method",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "kliep|ulsif|rulsif|logistic|dualdice",
     .doc = "the estimator"},
    {.name = "of",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = ELBO_VISITS_CHOICES,
     .fallback = "real",
     .doc = "the numerator (dualdice knows only data and policy)"},
    {.name = "to",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = ELBO_VISITS_CHOICES,
     .fallback = "data",
     .doc = "the denominator (dualdice: always data)"},
    {.name = "lambda",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1e9,
     .fallback = "0",
     .doc = "the ridge"},
    {.name = "share",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 0.999999,
     .fallback = "0.1",
     .doc = "of the numerator in rulsif's denominator: r is at most 1 / share"},
    {.name = "width",
     .type = ELBO_REAL,
     .unit = "cells",
     .low = 0,
     .high = 1e9,
     .fallback = "0",
     .doc = "of Gaussian kernels on the coordinates, an action each; 0: one "
            "feature a row"},
    ELBO_POLICY_OPTIONS,
    {0},
};

static bool oracle(const elbo_values *values)
{
    return elbo_target_oracle(values)
           || (!elbo_choice_is(values, "method", "dualdice")
               && (elbo_choice_is(values, "of", "real")
                   || elbo_choice_is(values, "to", "real")));
}

static elbo_status open(const elbo_values *values, const elbo_factor_view *view,
                        elbo_arena *arena, void **self)
{
    elbo_target *target = elbo_arena_take(arena, 1, sizeof *target);

    ELBO_TRY(elbo_arena_check(arena, "a ratio"));
    *self = target;
    if (elbo_real(values, "width") > 0 && !view->world->coord)
        return ELBO_FAIL(ELBO_EINVAL,
                         "states of this world have no coordinates: no width");
    if (elbo_choice_is(values, "method", "dualdice") && view->post->stages > 1)
        return ELBO_FAIL(ELBO_EINVAL, "dualdice has no horizon");
    return elbo_target_open(values, view, arena, target);
}

/* Kernels at the states' coordinates between rows of the same action. */
static elbo_status features(const elbo_values *values,
                            const elbo_factor_view *view, gsl_matrix **out,
                            elbo_arena *ws)
{
    const elbo_world *world = view->world;
    const size_t rows = world->nS * world->nA, dim = world->dim;
    const double width = elbo_real(values, "width");

    *out = NULL;
    if (!(width > 0)) return ELBO_OK;

    gsl_matrix *phi = elbo_arena_mat(ws, rows, rows);
    double *x = elbo_arena_doubles(ws, rows * dim);

    ELBO_TRY(elbo_arena_check(ws, "a ratio's features"));
    for (size_t i = 0; i < rows * dim; i++)
        x[i] = world->coord[i / dim / world->nA * dim + i % dim];
    elbo_density_kernels(x, dim, width, phi);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < rows; j++)
            if (i % world->nA != j % world->nA) gsl_matrix_set(phi, i, j, 0);
    *out = phi;
    return ELBO_OK;
}

static elbo_status dualdice(const elbo_values *values,
                            const elbo_factor_view *view, const double pi[],
                            double out[], elbo_arena *ws)
{
    const size_t rows = view->world->nS * view->world->nA;
    double *entries =
        elbo_arena_doubles(ws, view->belief->mean.pattern->nnz);
    double *start = elbo_arena_doubles(ws, rows);
    double *count = elbo_arena_doubles(ws, rows);
    gsl_matrix *P = elbo_arena_mat(ws, rows, rows);

    ELBO_TRY(elbo_arena_check(ws, "DualDICE"));
    ELBO_TRY(elbo_visits_entries(view, entries, ws));
    elbo_visits_chain(view, entries, pi, P);
    elbo_visits_start(view, pi, start);
    elbo_visits_data(view, count);
    for (size_t i = 0; i < rows; i++) count[i] *= elbo_data_size(view->data);
    return elbo_density_dualdice(P, start, count, view->truth->gamma,
                                 elbo_real(values, "lambda"), out, ws);
}

static elbo_status compare(const elbo_values *values,
                           const elbo_factor_view *view, const double pi[],
                           double out[], elbo_arena *ws)
{
    const char *method = elbo_text(values, "method");
    const size_t rows = view->world->nS * view->world->nA;
    const double lambda = elbo_real(values, "lambda");
    double *nu = elbo_arena_doubles(ws, rows), *de = elbo_arena_doubles(ws, rows);
    gsl_matrix *phi;

    ELBO_TRY(elbo_arena_check(ws, "a ratio"));
    ELBO_TRY(elbo_visits_of(view, elbo_text(values, "of"), pi, nu, ws));
    ELBO_TRY(elbo_visits_of(view, elbo_text(values, "to"), pi, de, ws));
    ELBO_TRY(features(values, view, &phi, ws));

    const elbo_density points = {.n = rows, .nu = nu, .de = de, .phi = phi};

    if (strcmp(method, "kliep") == 0)
        return elbo_density_kliep(&points, out, ws);
    if (strcmp(method, "logistic") == 0)
        return elbo_density_logistic(&points, lambda, out, ws);
    return elbo_density_lsif(&points,
                             strcmp(method, "rulsif") == 0
                                 ? elbo_real(values, "share")
                                 : 0,
                             lambda, out, ws);
}

static elbo_status update(void *self, const elbo_values *values,
                          const elbo_factor_view *view, double out[],
                          elbo_arena *ws)
{
    double *pi = elbo_arena_doubles(ws, view->post->stages * view->world->nS
                                            * view->world->nA);

    ELBO_TRY(elbo_arena_check(ws, "a ratio's policy"));
    elbo_target_policy(self, values, view, pi);
    if (elbo_choice_is(values, "method", "dualdice"))
        return dualdice(values, view, pi, out, ws);
    return compare(values, view, pi, out, ws);
}

const elbo_factor elbo_factor_ratio = {
    .name = "ratio",
    .source = "KLIEP, uLSIF, RuLSIF, logistic, DualDICE (inference/weight/"
              "density.h)",
    .doc = "a density ratio over (s, a), by an estimator",
    .shape = ELBO_FACTOR_ROW,
    .options = options,
    .oracle = oracle,
    .open = open,
    .update = update,
};

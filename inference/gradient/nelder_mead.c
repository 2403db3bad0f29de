/* inference/gradient/nelder_mead.c -- maxima by values alone: the simplex
 * method.
 *
 * The first simplex is x and x + step e_j. It ends when the simplex's mean size
 * is at most tolerance * step, or after so many evaluations.
 */
#include <gsl/gsl_multimin.h>
#include <math.h>

#include "inference/ascent.h"

static const double own_step = 0.5;
static const double worst = 1e300; /* GSL refuses what is not finite */

/* -f; past the budget nothing is evaluated and the search ends. */
static double cost(const gsl_vector *x, void *arg)
{
    elbo_climb *const climb = arg;
    double value;

    if (climb->fatal || climb->info->iterations >= climb->how->iterations)
        return worst;
    climb->info->iterations++;
    for (size_t j = 0; j < climb->f->n; j++) climb->x[j] = gsl_vector_get(x, j);
    elbo_climb_try(climb, climb->x, &value, NULL);
    return isfinite(value) ? -value : worst;
}

static void minimise(elbo_climb *climb, gsl_multimin_fminimizer *simplex,
                     gsl_vector *first)
{
    gsl_multimin_function f = {cost, climb->f->n, climb};
    elbo_ascent_info *const info = climb->info;
    const double step = climb->how->step > 0 ? climb->how->step : own_step;

    gsl_vector_set_all(first, step);
    if (gsl_multimin_fminimizer_set(simplex, &f, simplex->x, first)) return;
    while (!climb->fatal && info->iterations < climb->how->iterations) {
        if (gsl_multimin_fminimizer_iterate(simplex)) return;
        info->converged = gsl_multimin_fminimizer_size(simplex)
                          <= climb->how->tolerance * step;
        if (info->converged) return;
    }
}

static elbo_status run(elbo_climb *climb)
{
    const size_t n = climb->f->n;
    gsl_vector *const first = elbo_arena_vec(climb->ws, n);

    ELBO_TRY(elbo_arena_check(climb->ws, "a simplex"));

    gsl_multimin_fminimizer *const simplex =
        gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex2, n);

    if (!simplex)
        return ELBO_FAIL(ELBO_ENOMEM, "a simplex of %zu parameters", n);
    for (size_t j = 0; j < n; j++) gsl_vector_set(simplex->x, j, climb->x[j]);
    minimise(climb, simplex, first);
    gsl_multimin_fminimizer_free(simplex);
    return ELBO_OK;
}

const elbo_ascender elbo_ascender_nelder_mead = {
    .name = "nelder_mead",
    .source = "Nelder and Mead 1965; GSL's nmsimplex2",
    .doc = "a simplex that walks uphill by values alone",
    .run = run,
};

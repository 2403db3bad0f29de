/* inference/ascent_bfgs.c -- BFGS with GSL's line search: smooth functions of a
 * few thousand numbers, to many digits.
 */
#include <gsl/gsl_multimin.h>
#include <math.h>

#include "inference/ascent.h"
#include "inference/core/parallel.h"

/* The first trial step (distance in x) and how exact a line search is (the
 * share of the starting slope that may remain). */
static const double first_step = 1, line_tolerance = 0.1;

/* -f / scale: a point where f fails is infinitely bad, and the line search
 * turns back from it. */
static double cost_at(elbo_climb *climb, const gsl_vector *x, gsl_vector *g)
{
    const size_t n = climb->f->n;
    double value;

    for (size_t j = 0; j < n; j++) climb->x[j] = gsl_vector_get(x, j);
    elbo_climb_try(climb, climb->x, &value, g ? g->data : NULL);
    for (size_t j = 0; g && j < n; j++) g->data[j] /= -climb->f->scale;
    return -value / climb->f->scale;
}

static double cost(const gsl_vector *x, void *arg)
{
    return cost_at(arg, x, NULL);
}

static void cost_and_gradient(const gsl_vector *x, void *arg, double *value,
                              gsl_vector *g)
{
    *value = cost_at(arg, x, g);
}

static void slope(const gsl_vector *x, void *arg, gsl_vector *g)
{
    cost_at(arg, x, g);
}

static bool is_flat(const gsl_multimin_fdfminimizer *bfgs, double tolerance)
{
    const gsl_vector *const g = bfgs->gradient;

    return sqrt(elbo_dot(g->data, g->data, g->size))
           <= tolerance * fmax(1, fabs(bfgs->f));
}

/* Iterates until the gradient is flat, or no step gains: once more from the
 * steepest descent, then x is at the optimum to rounding. */
static void minimise(elbo_climb *climb, gsl_multimin_fdfminimizer *bfgs)
{
    gsl_multimin_function_fdf fdf = {cost, slope, cost_and_gradient,
                                     climb->f->n, climb};
    elbo_ascent_info *const info = climb->info;
    double stalled = HUGE_VAL;

    gsl_multimin_fdfminimizer_set(bfgs, &fdf, bfgs->x, first_step,
                                  line_tolerance);
    while (!info->converged && !climb->fatal
           && info->iterations < climb->how->iterations) {
        info->converged = is_flat(bfgs, climb->how->tolerance);
        if (info->converged) break;
        info->iterations++;
        if (gsl_multimin_fdfminimizer_iterate(bfgs) == GSL_SUCCESS) continue;

        info->converged = !(bfgs->f < stalled);
        stalled = bfgs->f;
        gsl_multimin_fdfminimizer_set(bfgs, &fdf, bfgs->x, first_step,
                                      line_tolerance);
    }
}

static elbo_status run(elbo_climb *climb)
{
    const size_t n = climb->f->n;
    gsl_multimin_fdfminimizer *const bfgs = gsl_multimin_fdfminimizer_alloc(
        gsl_multimin_fdfminimizer_vector_bfgs2, n);

    if (!bfgs) return ELBO_FAIL(ELBO_ENOMEM, "BFGS over %zu parameters", n);
    for (size_t j = 0; j < n; j++) gsl_vector_set(bfgs->x, j, climb->x[j]);
    minimise(climb, bfgs);
    gsl_multimin_fdfminimizer_free(bfgs);
    return ELBO_OK;
}

const elbo_ascender elbo_ascender_bfgs = {
    .name = "bfgs",
    .source = "Fletcher 1987, sections 3.2 and 2.6; GSL's vector_bfgs2",
    .doc = "quasi-Newton steps with a line search",
    .run = run,
};

/* models/tabular.c -- a Dirichlet posterior over every row of the kernel.
 *
 *   theta(s,a) ~ Dir(a)    prior: b = prior_count / outcomes, posterior: a = b
 * + C mean = a / a0          geo = exp(psi(a) - psi(a0))          a0 = sum a
 *
 * The parameters are the concentrations a. Entries that no count has reached
 * share one value a row, and so one digamma.
 */
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sf_psi.h>
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "models/registry.h"
#include "models/support.h"

/* Floating-point operations a digamma or log-gamma is worth, about. */
enum { SPECIAL = 100 };

/* exp of less than this may lose digits; psi(a0) takes at most 92 more. */
static const double deep = -600;

typedef struct tabular {
    elbo_support support;
    double prior_count; /* b0 */
    double *log_geo;    /* [nnz] E log theta, where exp of it may underflow */
} tabular;

/* One pass over the rows. */
typedef struct pass {
    const tabular *self;
    const elbo_belief *belief;
    const double *C; /* [nnz], or NULL */
} pass;

static const elbo_option options[] = {
    {"support", ELBO_CHOICE, "", 0, 0, "all|world", "all",
     "outcomes that may follow (s, a): all, or the reachable ones", NULL},
    {"prior_count",       ELBO_REAL, "transitions", 1e-6, 1e12, NULL, "1",
     "the prior's pseudo-counts a row, spread evenly", NULL},
    {0       },
};

static double prior_of(const tabular *self, size_t row)
{
    const size_t *const first = self->support.first;

    return self->prior_count / (double)(first[row + 1] - first[row]);
}

static double row_sum(const elbo_support *support, const double a[], size_t row)
{
    double sum = 0;

    for (size_t j = support->first[row]; j < support->first[row + 1]; j++)
        sum += a[j];
    return sum;
}

static void update_rows(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const p = arg;
    const elbo_support *const support = &p->self->support;
    const double *const a = p->belief->theta;

    (void)chunk;
    for (size_t row = first; row < last; row++) {
        if (support->first[row] == support->first[row + 1]) continue;

        const double b = prior_of(p->self, row);
        const double a0 = row_sum(support, a, row), psi0 = gsl_sf_psi(a0);
        const double geo_b = exp(gsl_sf_psi(b) - psi0);

        for (size_t j = support->first[row]; j < support->first[row + 1]; j++) {
            const size_t i = support->entry[j];

            p->belief->mean.prob[i] = a[j] / a0;
            if (p->self->log_geo)
                p->self->log_geo[i] = gsl_sf_psi(a[j]) - psi0;
            p->belief->geo.prob[i] =
                a[j] == b ? geo_b : exp(gsl_sf_psi(a[j]) - psi0);
        }
    }
}

static void update(elbo_belief *belief)
{
    const tabular *const self = belief->self;
    pass p = {self, belief, NULL};

    elbo_parallel(self->support.rows, belief->n * 4, &p, update_rows);
}

/* a <- b + C, the exact posterior. */
static elbo_status fit(elbo_belief *belief, const double C[])
{
    const tabular *const self = belief->self;
    const elbo_support *const support = &self->support;
    const size_t nA = support->pattern->nA;

    for (size_t row = 0; row < support->rows; row++) {
        double sum = 0;

        for (size_t j = support->first[row]; j < support->first[row + 1]; j++)
            sum +=
                C[support->entry[j]] >= 0 ? C[support->entry[j]] : (double)NAN;
        if (!isfinite(sum))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "counts of state %zu, action %zu sum to %g",
                             row / nA, row % nA, sum);
    }
    for (size_t row = 0; row < support->rows; row++) {
        if (support->first[row] == support->first[row + 1]) continue;

        const double b = prior_of(self, row);

        for (size_t j = support->first[row]; j < support->first[row + 1]; j++)
            belief->theta[j] = b + C[support->entry[j]];
    }
    update(belief);
    return ELBO_OK;
}

/* -KL(Dir(a) || Dir(b)) of one row; entries with a = b drop out. */
static double row_log_prior(const tabular *self, const double a[], size_t row)
{
    const elbo_support *const support = &self->support;
    const double b = prior_of(self, row);
    double kl = 0;
    bool moved = false;

    for (size_t j = support->first[row]; j < support->first[row + 1]; j++)
        moved |= a[j] != b;
    if (!moved) return 0;

    const double a0 = row_sum(support, a, row), psi0 = gsl_sf_psi(a0);
    const double lngamma_b = gsl_sf_lngamma(b);

    for (size_t j = support->first[row]; j < support->first[row + 1]; j++)
        if (a[j] != b)
            kl += lngamma_b - gsl_sf_lngamma(a[j])
                  + (a[j] - b) * (gsl_sf_psi(a[j]) - psi0);
    return -(kl + gsl_sf_lngamma(a0) - gsl_sf_lngamma(self->prior_count));
}

static double log_prior_rows(void *arg, size_t first, size_t last)
{
    const pass *const p = arg;
    double sum = 0;

    for (size_t row = first; row < last; row++)
        sum += row_log_prior(p->self, p->belief->theta, row);
    return sum;
}

static double log_prior(const elbo_belief *belief, double grad[])
{
    const tabular *const self = belief->self;
    pass p = {self, belief, NULL};

    (void)grad; /* a posterior is fitted, never followed by its gradient */
    return elbo_parallel_sum(self->support.rows, belief->n * 4, &p,
                             log_prior_rows);
}

/* sum C E log theta of one row. A count on an entry that is not learnt stands
 * on probability 1 (the END of a known row) or 0. */
static double row_expect_log(const pass *p, size_t row)
{
    const elbo_support *const support = &p->self->support;
    const size_t end = elbo_row_end(support->pattern, row);
    const size_t j_end = support->first[row + 1];
    const double *const a = p->belief->theta;
    const double psi0 =
        support->first[row] < j_end ? gsl_sf_psi(row_sum(support, a, row)) : 0;
    size_t j = support->first[row];
    double sum = 0;

    for (size_t i = elbo_row_begin(support->pattern, row); i < end; i++) {
        const bool learnt = j < j_end && support->entry[j] == i;

        if (p->C[i] > 0)
            sum += p->C[i]
                   * (learnt ? gsl_sf_psi(a[j]) - psi0
                             : log(p->belief->mean.prob[i]));
        j += learnt;
    }
    return sum;
}

static double expect_log_rows(void *arg, size_t first, size_t last)
{
    double sum = 0;

    for (size_t row = first; row < last; row++) sum += row_expect_log(arg, row);
    return sum;
}

static double expect_log(const elbo_belief *belief, const double C[])
{
    const tabular *const self = belief->self;
    pass p = {self, belief, C};

    return elbo_parallel_sum(self->support.rows,
                             belief->n * 4 + self->support.rows * SPECIAL, &p,
                             expect_log_rows);
}

/* Logarithms beside a kernel that may underflow; known rows are certain. */
static elbo_status keep_logs(tabular *self, elbo_kernel *geo, elbo_arena *arena)
{
    const elbo_support *const support = &self->support;
    double most = 0;

    for (size_t row = 0; row < support->rows; row++)
        if (support->first[row] < support->first[row + 1])
            most = fmin(most, gsl_sf_psi(prior_of(self, row)));
    if (most > deep) return ELBO_OK;
    self->log_geo = elbo_arena_doubles(arena, geo->pattern->nnz);
    ELBO_TRY(elbo_arena_check(arena, "a tabular model's logarithms"));
    for (size_t i = 0; i < geo->pattern->nnz; i++)
        self->log_geo[i] = geo->prob[i] > 0 ? log(geo->prob[i]) : -HUGE_VAL;
    geo->log_prob = self->log_geo;
    return ELBO_OK;
}

static elbo_status open_model(const elbo_values *values,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_belief *out)
{
    tabular *const self = elbo_arena_take(arena, 1, sizeof *self);

    ELBO_TRY(elbo_arena_check(arena, "a tabular model"));
    ELBO_TRY(elbo_support_init(values, context, arena, &self->support));
    self->prior_count = elbo_real(values, "prior_count");

    const elbo_support *const support = &self->support;
    const size_t n = support->first[support->rows];

    *out = (elbo_belief){
        .model = &elbo_model_tabular,
        .self = self,
        .n = n,
        .theta = elbo_arena_doubles(arena, n),
        .mean = elbo_support_kernel(support->pattern, context->known, arena),
        .geo = elbo_support_kernel(support->pattern, context->known, arena),
    };
    ELBO_TRY(elbo_arena_check(arena, "a tabular model's kernels"));
    out->geo.partial = true;
    ELBO_TRY(keep_logs(self, &out->geo, arena));
    for (size_t row = 0; row < support->rows; row++)
        for (size_t j = support->first[row]; j < support->first[row + 1]; j++)
            out->theta[j] = prior_of(self, row);
    update(out);
    return ELBO_OK;
}

const elbo_model elbo_model_tabular = {
    .name = "tabular",
    .source = "Dirichlet-multinomial rows; exp(E log theta) as in Beal (2003)",
    .doc = "a Dirichlet posterior over every row",
    .options = options,
    .open = open_model,
    .update = update,
    .fit = fit,
    .log_prior = log_prior,
    .expect_log = expect_log,
    .free_rows = true,
};

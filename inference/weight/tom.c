/* inference/weight/tom.c -- tom(divergence, ratio, ...): transition occupancy
 * matching (Ma et al. 2023), inference/weight/tom_dual.h.
 *
 * The log ratio R of the policy's transitions to the data's:
 *   exact     log d(s, a) / d_D(s, a), d the real discounted visits
 *   smoothed  log (x + 0.1) / 0.9 of that ratio x: what a classifier with the fake
 *             label 0.1 tends to, as released
 *   none      0
 */
#include <math.h>
#include <string.h>

#include "inference/weight/factors.h"
#include "inference/weight/tom_dual.h"
#include "inference/weight/visits.h"

static const elbo_option options[] = {
    {.name = "divergence",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "chi2|kl",
     .doc = "f of the divergence between occupancies"},
    {.name = "ratio",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "exact|smoothed|none",
     .fallback = "exact",
     .doc = "the log ratio of the policy's transitions to the data's"},
    ELBO_POLICY_OPTIONS,
    {0},
};

static bool oracle(const elbo_values *values)
{
    return !elbo_choice_is(values, "ratio", "none")
           || elbo_target_oracle(values);
}

static elbo_status open(const elbo_values *values, const elbo_factor_view *view,
                        elbo_arena *arena, void **self)
{
    elbo_target *target = elbo_arena_take(arena, 1, sizeof *target);

    ELBO_TRY(elbo_arena_check(arena, "a matching of occupancies"));
    *self = target;
    if (view->post->stages > 1 || view->truth->gamma >= 1)
        return ELBO_FAIL(ELBO_EINVAL,
                         "tom needs a discount below 1 and no horizon");
    return elbo_target_open(values, view, arena, target);
}

double elbo_tom_ratio(const char *how, double x)
{
    if (strcmp(how, "none") == 0) return 0;
    if (strcmp(how, "smoothed") == 0) return log((x + 0.1) / 0.9);
    return x > 0 ? log(x) : -HUGE_VAL;
}

/* R [nnz] by rows. */
static elbo_status read_ratio(const elbo_values *values,
                              const elbo_factor_view *view, const double pi[],
                              double R[], elbo_arena *ws)
{
    const elbo_pattern *pattern = view->belief->mean.pattern;
    const size_t rows = pattern->nS * pattern->nA;
    double *d = elbo_arena_doubles(ws, rows), *of = elbo_arena_doubles(ws, rows);

    ELBO_TRY(elbo_arena_check(ws, "a matching's ratio"));
    ELBO_TRY(elbo_visits_of(view, "real", pi, d, ws));
    elbo_visits_data(view, of);
    for (size_t row = 0; row < rows; row++)
        for (size_t e = elbo_row_begin(pattern, row);
             e < elbo_row_end(pattern, row); e++)
            R[e] = of[row] > 0 ? elbo_tom_ratio(elbo_text(values, "ratio"),
                                                d[row] / of[row])
                               : 0;
    return ELBO_OK;
}

static elbo_status update(void *self, const elbo_values *values,
                          const elbo_factor_view *view, double out[],
                          elbo_arena *ws)
{
    const elbo_pattern *pattern = view->belief->mean.pattern;
    const size_t rows = pattern->nS * pattern->nA;
    double *pi = elbo_arena_doubles(ws, rows);
    double *start = elbo_arena_doubles(ws, rows);
    double *mass = elbo_arena_doubles(ws, pattern->nnz);
    double *R = elbo_arena_doubles(ws, pattern->nnz);
    const elbo_tom tom = {
        .pattern = pattern,
        .mass = mass,
        .R = R,
        .pi = pi,
        .start = start,
        .gamma = view->truth->gamma,
        .f = elbo_choice_is(values, "divergence", "kl") ? ELBO_DIVERGENCE_KL
                                                        : ELBO_CHI2,
    };

    ELBO_TRY(elbo_arena_check(ws, "a matching of occupancies"));
    memset(out, 0, pattern->nnz * sizeof *out);
    if (view->data->n == 0) return ELBO_OK;
    elbo_target_policy(self, values, view, pi);
    elbo_visits_start(view, pi, start);
    ELBO_TRY(elbo_visits_entries(view, mass, ws));
    ELBO_TRY(read_ratio(values, view, pi, R, ws));
    return elbo_tom_solve(&tom, out, ws);
}

const elbo_factor elbo_factor_tom = {
    .name = "tom",
    .source = "Ma, Sivakumar, Yan, Bastani, Jayaraman, Transition Occupancy "
              "Matching, L4DC 2023",
    .doc = "weight of a transition by the dual of occupancy matching",
    .shape = ELBO_FACTOR_ENTRY,
    .options = options,
    .oracle = oracle,
    .open = open,
    .update = update,
};

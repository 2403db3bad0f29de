/* inference/weight/gamps_path.c -- gamps_path(policy, epsilon): the gradient-aware
 * weight from sampled episodes (D'Oro et al. 2020).
 *
 *   w_t = gamma^t prod_{l <= t} pi(a_l|s_l) / b(a_l|s_l)
 *               sum_{l <= t} |grad log pi(a_l|s_l)|
 * with b the chance that the action had when it was collected. A sample's weight
 * hangs on its past alone, so samples of equal (s, a, successor) may share the mean
 * of theirs: every sum over D is the same. Unbiased for eta / d_D up to a factor;
 * its variance grows with the length of episodes. Where every score is 0, w is 1.
 */
#include <math.h>
#include <string.h>

#include "inference/weight/factors.h"
#include "inference/weight/visits.h"

static const elbo_option options[] = {ELBO_POLICY_OPTIONS, {0}};

static elbo_status open(const elbo_values *values, const elbo_factor_view *view,
                        elbo_arena *arena, void **self)
{
    elbo_target *target = elbo_arena_take(arena, 1, sizeof *target);

    ELBO_TRY(elbo_arena_check(arena, "a weight of paths"));
    *self = target;
    if (view->post->stages > 1)
        return ELBO_FAIL(ELBO_EINVAL, "gamps_path has no horizon");
    return elbo_target_open(values, view, arena, target);
}

/* One episode so far. */
typedef struct path {
    double discount, ratio, score;
} path;

static elbo_status follow(const elbo_factor_view *view, const double pi[],
                          size_t i, path *x)
{
    const elbo_data *data = view->data;
    const size_t nA = view->world->nA;
    const size_t row = data->s[i] * nA + data->a[i];

    if (!(data->chance[i] > 0))
        return ELBO_FAIL(ELBO_EDATA,
                         "sample %zu: needs the chance of its action, which "
                         "only data.source: env tells",
                         i);
    if (data->step[i] == 0)
        *x = (path){.discount = 1, .ratio = 1};
    else
        x->discount *= view->truth->gamma;
    x->ratio *= pi[row] / data->chance[i];
    x->score += elbo_gamps_score(pi + data->s[i] * nA, nA, data->a[i]);
    return ELBO_OK;
}

/* sum [nnz] of the weights and n [nnz] of the samples; *largest weight. */
static elbo_status add_up(const elbo_factor_view *view, const double pi[],
                          double sum[], double n[], double *largest)
{
    const elbo_pattern *pattern = view->belief->mean.pattern;
    const elbo_data *data = view->data;
    path x = {.discount = 1, .ratio = 1};

    *largest = 0;
    for (size_t i = 0; i < data->n; i++) {
        const size_t next = data->terminal[i] ? pattern->nS : data->next[i];
        const size_t entry = elbo_entry(
            pattern, data->s[i] * pattern->nA + data->a[i], next);

        ELBO_TRY(follow(view, pi, i, &x));
        if (entry == (size_t)-1)
            return ELBO_FAIL(ELBO_EDATA,
                             "sample %zu cannot be in this model", i);
        sum[entry] += x.discount * x.ratio * x.score;
        n[entry]++;
        *largest = fmax(*largest, x.score);
    }
    return ELBO_OK;
}

static elbo_status update(void *self, const elbo_values *values,
                          const elbo_factor_view *view, double out[],
                          elbo_arena *ws)
{
    const size_t rows = view->world->nS * view->world->nA;
    const size_t nnz = view->belief->mean.pattern->nnz;
    double *pi = elbo_arena_doubles(ws, rows);
    double *n = elbo_arena_doubles(ws, nnz), largest;

    ELBO_TRY(elbo_arena_check(ws, "a weight of paths"));
    memset(n, 0, nnz * sizeof *n);
    memset(out, 0, nnz * sizeof *out);
    elbo_target_policy(self, values, view, pi);
    ELBO_TRY(add_up(view, pi, out, n, &largest));
    for (size_t e = 0; e < nnz; e++) {
        if (n[e] > 0) out[e] /= n[e];
        if (!(largest > 0)) out[e] = 1;
    }
    return ELBO_OK;
}

const elbo_factor elbo_factor_gamps_path = {
    .name = "gamps_path",
    .source = "D'Oro, Metelli, Tirinzoni, Papini, Restelli, Gradient-Aware "
              "Model-based Policy Search, AAAI 2020",
    .doc = "the gradient-aware weight from sampled episodes, per decision",
    .shape = ELBO_FACTOR_ENTRY,
    .options = options,
    .oracle = elbo_target_oracle,
    .open = open,
    .update = update,
};

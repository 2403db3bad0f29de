/* inference/weight/pdml.c -- pdml(max_rate, warm, floor): weights of rounds by the
 * distance of their policies from the present one (Wang et al. 2023).
 *
 * With TV_i the total variation between the policy of round i and the present one,
 * a mean over the data's states:
 *   omega_i ~ 1 / TV_i over the past policies, summing to 1
 *   round 0, before any E-step: warm times the weight of the oldest policy
 *   the present round: max(max_i omega_i, sum of the rest * rate / (1 - rate))
 * for rounds of one size; a sample's weight is that of its round.
 */
#include <math.h>
#include <string.h>

#include "inference/weight/factors.h"

static const elbo_option options[] = {
    {.name = "max_rate",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 0.999999,
     .fallback = "0.02",
     .doc = "the present round has at least this share of all weight"},
    {.name = "warm",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1e9,
     .fallback = "0.05",
     .doc = "of round 0, in units of the oldest policy's weight"},
    {.name = "floor",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-12,
     .high = 1,
     .fallback = "0.001",
     .doc = "distances below it count as this much"},
    {0},
};

/* The policies of the rounds so far. */
typedef struct history {
    size_t rows, most;
    uint64_t n;
    double *pi; /* [most x rows] */
} history;

static elbo_status open(const elbo_values *values, const elbo_factor_view *view,
                        elbo_arena *arena, void **self)
{
    const size_t rows = view->world->nS * view->world->nA;
    history *h = elbo_arena_take(arena, 1, sizeof *h);

    (void)values;
    if (view->post->stages > 1)
        return ELBO_FAIL(ELBO_EINVAL, "pdml has no horizon");
    if (view->epochs > SIZE_MAX / rows)
        return ELBO_FAIL(ELBO_ESIZE, "%zu policies are too many", view->epochs);
    ELBO_TRY(elbo_arena_check(arena, "the policies of the rounds"));
    *h = (history){.rows = rows, .most = view->epochs};
    h->pi = elbo_arena_doubles(arena, view->epochs * rows);
    *self = h;
    return elbo_arena_check(arena, "the policies of the rounds");
}

/* share [nS] of the data in each state; alike where there are none. */
static void weigh_states(const elbo_factor_view *view, double share[])
{
    const elbo_data *data = view->data;
    const size_t nS = view->world->nS;
    const double all = elbo_data_size(data);

    for (size_t s = 0; s < nS; s++) share[s] = all > 0 ? 0 : 1 / (double)nS;
    for (size_t i = 0; i < data->n; i++)
        share[data->s[i]] += data->mass[i] / all;
}

static double variation(const double pi[], const double of[],
                        const double share[], size_t nS, size_t nA)
{
    double sum = 0;

    for (size_t i = 0; i < nS * nA; i++)
        sum += share[i / nA] * fabs(pi[i] - of[i]) / 2;
    return sum;
}

void elbo_pdml_weights(const double distance[], size_t n, double max_rate,
                       double warm, double omega[])
{
    double all = 0, largest = 0;

    omega[n - 1] = 1;
    if (n == 1) return;
    omega[0] = warm;
    if (n == 2) return; /* no past policy */
    for (size_t i = 1; i + 1 < n; i++) all += 1 / distance[i];
    for (size_t i = 1; i + 1 < n; i++) {
        omega[i] = 1 / distance[i] / all;
        largest = fmax(largest, omega[i]);
    }
    omega[0] = warm * omega[1];
    omega[n - 1] =
        fmax(largest, (1 + omega[0]) * max_rate / (1 - max_rate));
}

static elbo_status update(void *self, const elbo_values *values,
                          const elbo_factor_view *view, double out[],
                          elbo_arena *ws)
{
    history *h = self;
    const size_t nA = view->world->nA, nS = view->world->nS;
    const double floor = elbo_real(values, "floor");
    double *share = elbo_arena_doubles(ws, nS);
    double *distance = elbo_arena_doubles(ws, h->most);

    ELBO_TRY(elbo_arena_check(ws, "distances of policies"));
    if (h->n == h->most) return ELBO_OK; /* offline: one round */
    memcpy(h->pi + h->n * h->rows, view->post->pi, h->rows * sizeof *h->pi);
    h->n++;
    weigh_states(view, share);
    for (size_t i = 0; i < h->n; i++)
        distance[i] = fmax(variation(h->pi + i * h->rows, view->post->pi, share,
                                     nS, nA),
                           floor);
    elbo_pdml_weights(distance, h->n, elbo_real(values, "max_rate"),
                      elbo_real(values, "warm"), out);
    return ELBO_OK;
}

static void save(const void *self, elbo_writer *out)
{
    const history *h = self;

    elbo_put_u64(out, h->n);
    elbo_put_doubles(out, h->pi, h->n * h->rows);
}

static elbo_status load(void *self, elbo_reader *in)
{
    history *h = self;

    ELBO_TRY(elbo_get_u64(in, &h->n));
    if (h->n > h->most)
        return ELBO_FAIL(ELBO_EDATA, "checkpoint: %llu policies, room for %zu",
                         (unsigned long long)h->n, h->most);
    return elbo_get_doubles(in, h->pi, h->n * h->rows);
}

const elbo_factor elbo_factor_pdml = {
    .name = "pdml",
    .source = "Wang, Wongkamjan, Jia, Huang, Live in the Moment, ICML 2023",
    .doc = "weight of a sample's round by its policy's distance from now",
    .shape = ELBO_FACTOR_EPOCH,
    .options = options,
    .open = open,
    .update = update,
    .save = save,
    .load = load,
};

/* inference/transition/logratio.c -- logratio(of, clip, ridge, samples): log p
 * / q of the environment and the model at each (s, a, s').
 *
 *   exact       from the true kernel, an oracle
 *   classifier  a logistic classifier's log odds (inference/ratio.h)
 * kept between -clip and clip; 0 where neither has mass.
 */
#include <math.h>

#include "inference/ratio.h"
#include "inference/weight/factors.h"

static const elbo_option options[] = {
    {.name = "of",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "exact|classifier",
     .fallback = "exact",
     .doc = "where it is from: the world's kernel, or data against the model's "
            "samples"},
    {.name = "clip",
     .type = ELBO_REAL,
     .unit = "nats",
     .low = 0,
     .high = 700,
     .fallback = "50",
     .doc = "it stays between -clip and clip"},
    {.name = "ridge",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-9,
     .high = 1e9,
     .fallback = "0.01",
     .doc = "of the classifier: precision of the prior on a log ratio"},
    {.name = "samples",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .fallback = "1",
     .doc = "of the classifier: the model's for each real one; 0: their "
            "expectation"},
    {0  },
};

static bool is_exact(const elbo_values *values)
{
    return elbo_choice_is(values, "of", "exact");
}

/* log p of the world, on the model's pattern: kept from the start. */
static elbo_status open(const elbo_values *values, const elbo_factor_view *view,
                        elbo_arena *arena, void **self)
{
    elbo_kernel *world = elbo_arena_take(arena, 1, sizeof *world);

    ELBO_TRY(elbo_arena_check(arena, "a log ratio"));
    if (!is_exact(values)) return ELBO_OK;
    *self = world;
    return elbo_kernel_onto(&view->truth->P, view->belief->mean.pattern, arena,
                            world);
}

static elbo_status update(void *self, const elbo_values *values,
                          const elbo_factor_view *view, double out[],
                          elbo_arena *ws)
{
    const elbo_kernel *q = &view->belief->mean, *world = self;
    const double clip = elbo_real(values, "clip");

    if (!world) {
        const elbo_classifier how = {elbo_real(values, "ridge"),
                                     (size_t)elbo_int(values, "samples")};
        elbo_rng rng = elbo_rng_stream(view->seed, "logratio", view->iteration);

        ELBO_TRY(elbo_ratio_classify(&how, view->data, q, out, &rng, ws));
    }
    for (size_t i = 0; i < q->pattern->nnz; i++) {
        if (world) out[i] = log(world->prob[i]) - log(q->prob[i]);
        out[i] = isnan(out[i]) ? 0 : fmax(-clip, fmin(clip, out[i]));
    }
    return ELBO_OK;
}

const elbo_factor elbo_factor_logratio = {
    .name = "logratio",
    .source = "Haghgoo et al. 2021, arXiv 2103.12999; Eysenbach et al. 2022, "
              "arXiv 2110.02758",
    .doc = "log p(next|s, a) / q(next|s, a), the world against the model",
    .shape = ELBO_FACTOR_ENTRY,
    .follows = true,
    .options = options,
    .oracle = is_exact,
    .open = open,
    .update = update,
};

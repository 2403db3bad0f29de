/* models/random.c -- rows drawn once, evenly from the simplex: nothing is
 * learnt.
 *
 *   p(.|s,a) ~ Dir(1) on the support, row i from stream (seed, "model", i)
 */
#include <gsl/gsl_randist.h>

#include "models/registry.h"
#include "models/support.h"

static const elbo_option options[] = {
    {"support", ELBO_CHOICE, "", 0, 0, "all|world", "all",
     "outcomes that may follow (s, a): all, or the reachable ones", NULL},
    {0      },
};

static size_t longest_row(const elbo_support *support)
{
    size_t most = 0;

    for (size_t row = 0; row < support->rows; row++) {
        const size_t n = support->first[row + 1] - support->first[row];

        most = n > most ? n : most;
    }
    return most;
}

static elbo_status open_model(const elbo_values *values,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_belief *out)
{
    elbo_support support;

    ELBO_TRY(elbo_support_init(values, context, arena, &support));

    const size_t most = longest_row(&support);
    double *const ones = elbo_arena_doubles(arena, most);
    double *const draw = elbo_arena_doubles(arena, most);
    const elbo_kernel P =
        elbo_support_kernel(support.pattern, context->known, arena);

    *out = (elbo_belief){
        .model = &elbo_model_random,
        .theta = elbo_arena_doubles(arena, 0),
        .mean = P,
        .geo = P,
    };
    ELBO_TRY(elbo_arena_check(arena, "a random model"));

    for (size_t k = 0; k < most; k++) ones[k] = 1;
    for (size_t row = 0; row < support.rows; row++) {
        const size_t first = support.first[row];
        const size_t n = support.first[row + 1] - first;
        elbo_rng rng = elbo_rng_stream(context->seed, "model", row);
        elbo_gsl_rng adaptor;

        if (n == 0) continue;
        gsl_ran_dirichlet(elbo_rng_gsl(&adaptor, &rng), n, ones, draw);
        for (size_t k = 0; k < n; k++)
            P.prob[support.entry[first + k]] = draw[k];
    }
    return ELBO_OK;
}

const elbo_model elbo_model_random = {
    .name = "random",
    .source = "a control of every figure",
    .doc = "rows drawn once, evenly from the simplex",
    .options = options,
    .open = open_model,
};

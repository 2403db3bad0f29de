/* inference/transition/free.c -- q in the model's class, p the environment.
 *
 * Where any row will do (a model of free rows), q is the tilt of p by V and ce
 * the tilt's. In a restricted class q is the member that the M-step chose, and
 *   ce = gamma E_q V - charge KL(q || p).
 * The log ratio log p / q IS minus that KL: it is charged there, once.
 */
#include <math.h>
#include <string.h>

#include "inference/transition.h"

static void expect(const elbo_tilt *tilt, const elbo_kernel *p,
                   const double V[], size_t first, size_t last, double out[])
{
    const elbo_class *held = tilt->held;

    if (!held) {
        elbo_transition_tilt.expect(tilt, p, V, first, last, out);
        return;
    }
    elbo_transition_model.expect(tilt, &held->q, V, first, last, out);
    for (size_t row = first; row < last; row++)
        out[row - first] -= held->cost[row];
}

static void posterior(const elbo_tilt *tilt, const elbo_kernel *p,
                      const double V[], size_t first, size_t last, double q[])
{
    if (!tilt->held) {
        elbo_transition_tilt.posterior(tilt, p, V, first, last, q);
        return;
    }

    const size_t begin = elbo_row_begin(p->pattern, first);

    memcpy(q + begin, tilt->held->q.prob + begin,
           (elbo_row_end(p->pattern, last - 1) - begin) * sizeof *q);
}

elbo_status elbo_class_charge(const elbo_tilt *tilt, const elbo_kernel *p,
                              elbo_class *held)
{
    const size_t nA = p->pattern->nA, rows = p->pattern->nS * nA;
    const bool clipped = tilt->kind->estep != NULL;
    const double charge = elbo_tilt_charge(tilt);

    for (size_t row = 0; row < rows; row++) {
        double kl = elbo_row_kl(&held->q, p, row);

        if (clipped) kl = fmin(fmax(kl, 0), tilt->clip);
        if (!isfinite(kl))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "free: state %zu, action %zu: the model reaches "
                             "where the world does not, so that KL(q || p) is "
                             "%g; take ratio=clip(5), or support: world",
                             row / nA, row % nA, kl);
        held->cost[row] = charge * kl;
    }
    return ELBO_OK;
}

/* ---- the setting ---- */

static const elbo_option clip_options[] = {
    {.name = "c",
     .type = ELBO_REAL,
     .unit = "nats",
     .low = 0,
     .high = 700,
     .doc = "the log ratio stays within -c and c; 0: it is left out"},
    {0},
};

static const elbo_option classifier_options[] = {
    {.name = "ridge",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-9,
     .high = 1e9,
     .fallback = "0.01",
     .doc = "precision of the prior on a log ratio"},
    {.name = "samples",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .fallback = "1",
     .doc = "the model's for each real one; 0: their expectation"},
    {0    },
};

static const struct {
    const char *name;
    elbo_ratio ratio;
    const elbo_option *options;
} ratios[] = {
    {"exact",      ELBO_RATIO_EXACT,      NULL              },
    {"clip",       ELBO_RATIO_CLIP,       clip_options      },
    {"classifier", ELBO_RATIO_CLASSIFIER, classifier_options},
};

enum { RATIOS = sizeof ratios / sizeof *ratios };

static const elbo_option *lookup_ratio(const char *name, bool *known,
                                       const char **nearest)
{
    const char *names[RATIOS];

    *known = false;
    for (size_t i = 0; i < RATIOS; i++) {
        names[i] = ratios[i].name;
        if (strcmp(name, names[i]) != 0) continue;
        *known = true;
        return ratios[i].options;
    }
    *nearest = elbo_name_nearest(name, names, RATIOS);
    return NULL;
}

static elbo_status read_ratio(const char *text, elbo_arena *arena,
                              elbo_tilt *out, size_t *column,
                              const char **nearest)
{
    const char *name;
    elbo_values own;

    ELBO_TRY(elbo_call_parse(text, lookup_ratio, arena, &name, &own, column,
                             nearest));
    for (size_t i = 0; i < RATIOS; i++)
        if (strcmp(name, ratios[i].name) == 0) out->ratio = ratios[i].ratio;
    if (out->ratio == ELBO_RATIO_CLIP) out->clip = elbo_real(&own, "c");
    if (out->ratio == ELBO_RATIO_CLASSIFIER) {
        out->ridge = elbo_real(&own, "ridge");
        out->samples = (size_t)elbo_int(&own, "samples");
    }
    return ELBO_OK;
}

static elbo_status check_ratio(const char *text, size_t *column,
                               const char **nearest)
{
    elbo_arena *arena = elbo_arena_alloc(1024);
    const char *word = NULL;
    elbo_tilt unused = {0};

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "free: no arena");

    const elbo_status s = read_ratio(text, arena, &unused, column, &word);

    *nearest = NULL;
    for (size_t i = 0; word && i < RATIOS; i++)
        if (strcmp(word, ratios[i].name) == 0) *nearest = ratios[i].name;
    elbo_arena_free(arena);
    return s;
}

static elbo_status set(const elbo_values *values, elbo_tilt *out,
                       const char **fault)
{
    const size_t kl = elbo_option_find(values->options, "kl");

    ELBO_TRY(read_ratio(elbo_text(values, *fault = "ratio"), values->arena, out,
                        NULL, NULL));
    out->beta = elbo_real(values, *fault = "beta");
    if (values->value[kl].given)
        out->kl =
            elbo_choice_is(values, "kl", "next") ? ELBO_KL_NEXT : ELBO_KL_STEP;
    if (!elbo_choice_is(values, *fault = "mode", "notebook")) return ELBO_OK;
    if (values->value[kl].given)
        return ELBO_FAIL(ELBO_EINVAL,
                         "free: mode=notebook mixes both places of the KL's "
                         "discount: no kl beside it");
    if (out->ratio == ELBO_RATIO_CLASSIFIER)
        return ELBO_FAIL(ELBO_EINVAL,
                         "free: mode=notebook has exact or clipped ratios");
    out->kind = &elbo_transition_notebook;
    out->kl = ELBO_KL_MIXED;
    return ELBO_OK;
}

static const elbo_option options[] = {
    {.name = "ratio",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "exact",
     .doc = "how log p / q is seen: exact, clip(c) or classifier(ridge, "
            "samples)", .check = check_ratio},
    {.name = "mode",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "consistent|notebook",
     .fallback = "consistent",
     .doc = "both steps raise one F, or damped best responses with mixed "
            "exponents"},
    {.name = "beta",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-300,
     .high = 1e300,
     .fallback = "1",
     .doc = "coefficient of KL(q || p), the expected log ratio, in F"},
    {.name = "kl",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "step|next",
     .fallback = "step",
     .doc = "where the KL's discount stands; control.kl unless given"},
    {0},
};

const elbo_transition elbo_transition_free = {
    .name = "free",
    .source = "Eysenbach et al. 2022, arXiv 2110.02758 (Mismatched No More)",
    .formula = "q = the model,  gamma E_q V - beta KL(q || p), p the "
               "environment",
    .doc = "the model is q and is compared with the environment by log p / q",
    .options = options,
    .expect = expect,
    .posterior = posterior,
    .set = set,
    .free = true,
};

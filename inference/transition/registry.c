#include <assert.h>
#include <gsl/gsl_sf_log.h>
#include <math.h>
#include <string.h>

#include "inference/transition.h"

const elbo_transition *const elbo_transitions[] = {
    &elbo_transition_model,
    &elbo_transition_tilt,
    NULL,
};

enum { MEMBERS = sizeof elbo_transitions / sizeof *elbo_transitions - 1 };

static const elbo_transition *find(const char *name)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (strcmp(elbo_transitions[i]->name, name) == 0)
            return elbo_transitions[i];
    return NULL;
}

static const elbo_option *lookup(const char *name, bool *known,
                                 const char **nearest)
{
    const elbo_transition *kind = find(name);
    const char *names[MEMBERS];

    for (size_t i = 0; i < MEMBERS; i++) names[i] = elbo_transitions[i]->name;
    *known = kind != NULL;
    if (!kind) *nearest = elbo_name_nearest(name, names, MEMBERS);
    return kind ? kind->options : NULL;
}

static elbo_status set_tilt(const elbo_values *values, elbo_tilt *out)
{
    const size_t kl = elbo_option_find(values->options, "kl");

    out->beta = elbo_real(values, "beta");
    if (values->value[kl].given)
        out->kl =
            elbo_choice_is(values, "kl", "next") ? ELBO_KL_NEXT : ELBO_KL_STEP;
    if (isinf(out->beta)) {
        out->kind = &elbo_transition_model;
        out->beta = HUGE_VAL;
    }
    if (fabs(out->beta) < 1e-300)
        return ELBO_FAIL(ELBO_EINVAL,
                         "tilt: beta must not be 0: its limits from above and "
                         "below, the best and the worst successor, differ");
    return ELBO_OK;
}

/* Where `beta` was written in the text of a call that was read. */
static size_t beta_column(const char *text)
{
    const char *named = strstr(text, "beta"), *open = strchr(text, '(');

    return (size_t)((named ? named : open + 1) - text);
}

elbo_status elbo_transition_parse(const char *text, elbo_kl kl, double gamma,
                                  elbo_arena *arena, elbo_tilt *out,
                                  size_t *column, const char **nearest)
{
    const char *name;
    elbo_values values;
    elbo_tilt tilt = {.beta = HUGE_VAL, .kl = kl, .gamma = gamma};

    ELBO_TRY(
        elbo_call_parse(text, lookup, arena, &name, &values, column, nearest));
    tilt.kind = find(name);
    if (tilt.kind == &elbo_transition_tilt
        && set_tilt(&values, &tilt) != ELBO_OK) {
        if (column) *column = beta_column(text);
        return ELBO_EINVAL;
    }
    *out = tilt;
    return ELBO_OK;
}

/* The same word in memory that stays, for one that a parser's arena holds. */
static const char *lasting(const char *word)
{
    static const char *const words[] = {"model", "tilt", "beta",
                                        "kl",    "step", "next"};

    for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], word) == 0) return words[i];
    return NULL;
}

elbo_status elbo_transition_check(const char *text, size_t *column,
                                  const char **nearest)
{
    elbo_arena *arena = elbo_arena_alloc(1024);
    const char *word = NULL;
    elbo_tilt tilt;

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "transition: no arena");

    const elbo_status s = elbo_transition_parse(text, ELBO_KL_STEP, 1, arena,
                                                &tilt, column, &word);

    if (nearest) *nearest = lasting(word);
    elbo_arena_free(arena);
    return s;
}

double elbo_tilt_charge(const elbo_tilt *tilt)
{
    if (isinf(tilt->beta)) return 0;
    return tilt->kl == ELBO_KL_NEXT ? tilt->gamma * tilt->beta : tilt->beta;
}

/* q log(q / p) = q (d - log(1 + d)) + (q - p) with d = (p - q) / q: where q and
 * p are close the first part is of second order and the others' sum is exact.
 */
double elbo_row_kl(const elbo_kernel *q, const elbo_kernel *p, size_t row)
{
    const size_t end = elbo_row_end(p->pattern, row);
    double kl = 0, shift = 0;

    assert(q->pattern == p->pattern);
    for (size_t i = elbo_row_begin(p->pattern, row); i < end; i++) {
        const double y = q->prob[i], x = p->prob[i];
        gsl_sf_result curve; /* log(1 + d) - d */

        if (y <= 0) continue;

        const double d = (x - y) / y;

        if (fabs(d) < 0.5 && gsl_sf_log_1plusx_mx_e(d, &curve) == 0) {
            kl -= y * curve.val;
            shift += y - x;
        } else {
            kl += y * (log(y) - log(x));
        }
    }
    return kl + shift;
}

#include <assert.h>
#include <gsl/gsl_sf_log.h>
#include <math.h>
#include <string.h>

#include "inference/transition.h"

const elbo_transition *const elbo_transitions[] = {
    &elbo_transition_model,
    &elbo_transition_tilt,
    &elbo_transition_robust,
    &elbo_transition_optimistic,
    &elbo_transition_corrected,
    &elbo_transition_free,
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

/* Where an argument was written in the text of a call that was read. */
static size_t column_of(const char *text, const char *argument)
{
    const char *named = strstr(text, argument), *open = strchr(text, '(');

    return (size_t)((named ? named : open + 1) - text);
}

elbo_status elbo_transition_parse(const char *text, elbo_kl kl, double gamma,
                                  elbo_arena *arena, elbo_tilt *out,
                                  size_t *column, const char **nearest)
{
    const char *name, *fault;
    elbo_values values;
    elbo_tilt tilt = {
        .beta = HUGE_VAL, .kl = kl, .gamma = gamma, .clip = HUGE_VAL};

    ELBO_TRY(
        elbo_call_parse(text, lookup, arena, &name, &values, column, nearest));
    tilt.kind = find(name);
    if (tilt.kind->set && tilt.kind->set(&values, &tilt, &fault) != ELBO_OK) {
        if (column) *column = column_of(text, fault);
        return ELBO_EINVAL;
    }
    *out = tilt;
    return ELBO_OK;
}

/* The same word in memory that stays, for one that a parser's arena holds. */
static const char *lasting(const char *word)
{
    static const char *const words[] = {"model", "tilt", "beta",   "kl",
                                        "step",  "next", "robust", "radius",
                                        "ball",  "tv",   "free",   "ratio",
                                        "mode",  "exact", "clip",
                                        "classifier", "consistent", "notebook",
                                        "ridge", "samples", "corrected"};

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

bool elbo_tilt_adversarial(const elbo_tilt *tilt)
{
    return tilt->kind->adversarial && tilt->kind->adversarial(tilt);
}

double elbo_kl_term(double q, double p)
{
    const double d = (p - q) / q;
    gsl_sf_result minus; /* log(1 + d) - d */

    if (fabs(d) < 0.5 && gsl_sf_log_1plusx_mx_e(d, &minus) == 0)
        return -q * minus.val;
    return q * (log(q) - log(p)) + (p - q);
}

/* KL = sum [q log(q / p) + p - q] + sum (q - p), both over q > 0. The first sum is
 * of second order where q and p are close; the second is the mass of p that q leaves
 * out, where both sum to 1, and else what it is. */
double elbo_row_kl(const elbo_kernel *q, const elbo_kernel *p, size_t row)
{
    const size_t end = elbo_row_end(p->pattern, row);
    double kl = 0, shift = 0;

    assert(q->pattern == p->pattern);
    for (size_t i = elbo_row_begin(p->pattern, row); i < end; i++) {
        const double y = q->prob[i], x = p->prob[i];

        if (p->log_prob) {
            if (y > 0) kl += y * (log(y) - p->log_prob[i]);
        } else if (y > 0) {
            kl += elbo_kl_term(y, x);
            if (p->partial) shift += y - x;
        } else if (!p->partial) {
            shift += x;
        }
    }
    return kl + shift;
}

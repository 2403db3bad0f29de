#include "inference/language/fault.h"

#include <math.h>

#include "inference/language/tiles.h"

/* Without a way out, so that the compiler makes vectors of it. */
static bool all_finite(const double x[], size_t n)
{
    size_t bad = 0;

    for (size_t i = 0; i < n; i++) bad += (size_t)!isfinite(x[i]);
    return bad == 0;
}

/* The first transition of the batch to which a value that is not finite
 * belongs, and that value; the batch's n: there is none. x are those of n
 * places. */
static size_t first_fault(const elbo_program *program, const double x[],
                          elbo_domain at, size_t place, size_t n, size_t cols,
                          double *value)
{
    size_t first = program->batch.n;

    if (all_finite(x, n * cols)) return first;
    for (size_t i = 0; i < n * cols; i++) {
        if (isfinite(x[i])) continue;

        const size_t sample =
            elbo_layout_sample(&program->layout, at, place + i / cols);

        if (sample >= first) continue;
        first = sample;
        *value = x[i];
    }
    return first;
}

static elbo_status complain(const elbo_program *program, const char *what,
                            size_t sample, size_t column, double value)
{
    const elbo_batch *const batch = &program->batch;
    const uint32_t row = batch->row[sample], next = batch->next[sample];

    return ELBO_FAIL(ELBO_ENOTFINITE,
                     "%s is %g at column %zu, in transition %zu (state %zu, "
                     "action %zu, successor %zu%s)",
                     what, value, column + 1, sample, row / batch->nA,
                     row % batch->nA, (size_t)next,
                     next == batch->nS ? ", the end" : "");
}

/* Over all tiles, each run again where the value is live. */
static size_t first_in_trace(elbo_program *program, const elbo_quantity *x,
                             double *value)
{
    const size_t tiles = x->live ? elbo_tile_count(program) : 1;
    size_t first = program->batch.n;

    for (size_t k = 0; k < tiles; k++) {
        double found = 0;
        size_t place = 0, n = program->layout.size[x->at];

        if (x->live) {
            elbo_tile_forward(program, k);
            n = elbo_tile_places(program, k, x->at, &place);
        }
        elbo_tape_get(x->live ? program->live : program->fixed, x->node,
                      program->scratch);

        const size_t sample = first_fault(program, program->scratch, x->at,
                                          place, n, x->cols, &found);

        if (sample >= first) continue;
        first = sample;
        *value = found;
    }
    return first;
}

elbo_status elbo_fault_value(elbo_program *program, double total,
                             size_t *sample)
{
    for (const elbo_trace *t = program->trace; t; t = t->rest) {
        double value = 0;

        /* a table's rows are of states that may not occur; a sum over the batch
         * is of no place, but shows where it is used */
        if (!(t->value.at & ELBO_AT_ROW)) continue;

        const size_t first = first_in_trace(program, &t->value, &value);

        if (first == program->batch.n) continue;
        *sample = first;
        return complain(program, "the objective", first, t->column, value);
    }
    *sample = 0;
    return ELBO_FAIL(ELBO_ENOTFINITE,
                     "the objective's sum over %zu transitions is %g",
                     program->batch.n, total);
}

/* A function of states, END apart, is of no transition in particular. */
static elbo_status check_states(const elbo_program *twin, const elbo_trace *t,
                                size_t *sample)
{
    const size_t cols = t->value.cols, n = twin->layout.size[t->value.at] * cols;
    const size_t states = twin->batch.nS + 1;

    for (size_t i = 0; i < n; i++) {
        const size_t state = i / cols % states;

        if (state == twin->batch.nS || isfinite(twin->scratch[i])) continue;
        *sample = 0;
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "the objective's derivative is %g at column %zu, of "
                         "state %zu",
                         twin->scratch[i], t->column + 1, state);
    }
    return ELBO_OK;
}

static elbo_status check_places(const elbo_program *twin, const elbo_trace *t,
                                size_t *sample)
{
    const elbo_domain at = t->value.at;
    double value = 0;
    const size_t first =
        first_fault(twin, twin->scratch, at, 0, twin->layout.size[at],
                    t->value.cols, &value);

    if (first == twin->batch.n) return ELBO_OK;
    *sample = first;
    return complain(twin, "the objective's derivative", first, t->column,
                    value);
}

elbo_status elbo_fault_slope(const elbo_program *twin, size_t *sample)
{
    for (const elbo_trace *t = twin->trace; t; t = t->rest) {
        const elbo_domain at = t->value.at;

        const bool states = at == ELBO_AT_STATE || at == ELBO_AT_STAGE;

        if (!t->value.live || !(states || at & ELBO_AT_ROW)) continue;
        elbo_tape_gradient(twin->live, t->value.node, twin->scratch);
        ELBO_TRY(states ? check_states(twin, t, sample)
                        : check_places(twin, t, sample));
    }
    return ELBO_OK;
}

elbo_status elbo_fault_derivative(const elbo_program *program, size_t *sample)
{
    for (const elbo_intake *in = program->intakes; in; in = in->rest) {
        double value = 0;
        const size_t first =
            first_fault(program, in->g, in->at, 0, program->layout.size[in->at],
                        in->cols, &value);

        if (first == program->batch.n) continue;
        *sample = first;
        return complain(program, "the objective's derivative", first,
                        in->column, value);
    }
    return ELBO_OK;
}

#include "models/support.h"

#include <string.h>

#include "inference/core/alloc.h"

elbo_status elbo_support_dense(const elbo_model_context *context,
                               elbo_arena *arena, const elbo_pattern **out)
{
    const size_t nS = context->mdp->nS, nA = context->mdp->nA;
    size_t rows, entries;
    elbo_pattern *pattern = NULL;

    if (!elbo_size_mul(nS, nA, &rows) || !elbo_size_mul(rows, nS + 1, &entries)
        || entries > ELBO_DENSE_ENTRIES)
        return ELBO_FAIL(ELBO_EINVAL,
                         "a dense model of %zu states and %zu actions has more "
                         "than %d entries; use support: world or a world with "
                         "fewer states",
                         nS, nA, ELBO_DENSE_ENTRIES);
    ELBO_TRY(elbo_pattern_dense(nS, nA, arena, &pattern));
    *out = pattern;
    return ELBO_OK;
}

/* Lists the entries that are learnt: those with truth > 0 (NULL: all of them), and
 * of `states` those before END. Counts only when entry is NULL. */
static size_t list_entries(const elbo_support *support, const double truth[],
                           bool states, size_t first[], uint32_t entry[])
{
    const elbo_pattern *const pattern = support->pattern;
    size_t n = 0;

    for (size_t row = 0; row < support->rows; row++) {
        const size_t end = elbo_row_end(pattern, row);

        first[row] = n;
        if (support->known[row]) continue;
        for (size_t i = elbo_row_begin(pattern, row); i < end; i++) {
            if (truth && !(truth[i] > 0)) continue;
            if (states && elbo_successor(pattern, row, i) == pattern->nS)
                continue;
            if (entry) entry[n] = (uint32_t)i;
            n++;
        }
    }
    return first[support->rows] = n;
}

elbo_status elbo_support_init(const elbo_values *options,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_support *out)
{
    const elbo_kernel *const truth = &context->mdp->P;
    const bool world = elbo_choice_is(options, "support", "world");
    const bool states = elbo_choice_is(options, "support", "states");

    *out = (elbo_support){.pattern = truth->pattern, .known = context->known};
    if (!world) ELBO_TRY(elbo_support_dense(context, arena, &out->pattern));
    if (out->pattern->nnz > UINT32_MAX)
        return ELBO_FAIL(ELBO_ESIZE, "a kernel of %zu entries, limit %lu",
                         out->pattern->nnz, (unsigned long)UINT32_MAX);
    out->rows = context->mdp->nS * context->mdp->nA;

    const double *const positive = world ? truth->prob : NULL;
    size_t *const first = elbo_arena_sizes(arena, out->rows + 1);

    ELBO_TRY(elbo_arena_check(arena, "the support's rows"));

    const size_t n = list_entries(out, positive, states, first, NULL);
    uint32_t *const entry = elbo_arena_u32(arena, n);

    ELBO_TRY(elbo_arena_check(arena, "the support's entries"));
    list_entries(out, positive, states, first, entry);
    out->first = first;
    out->entry = entry;
    return ELBO_OK;
}

elbo_kernel elbo_support_kernel(const elbo_pattern *pattern,
                                const uint8_t known[], elbo_arena *arena)
{
    const elbo_kernel P = {
        .pattern = pattern, .prob = elbo_arena_doubles(arena, pattern->nnz)};
    const size_t rows = pattern->nS * pattern->nA;

    if (!P.prob) return P;
    memset(P.prob, 0, pattern->nnz * sizeof *P.prob);
    for (size_t row = 0; row < rows; row++)
        if (known[row]) P.prob[elbo_entry(pattern, row, pattern->nS)] = 1;
    return P;
}

/* inference/language/batch.c -- rewards, weights and means over the data.
 *
 * Ed(f) and mean(f) weigh the transitions as the objective itself does; where
 * all weights are zero they weigh them equally.
 */
#include "inference/language/meaning.h"
#include "inference/language/quantity.h"

static double *take(elbo_compiler *c, size_t n)
{
    double *const x = elbo_arena_doubles(c->program->arena, n);

    if (!x && c->status == ELBO_OK)
        c->status = ELBO_FAIL(ELBO_ENOMEM, "the batch's %zu values", n);
    return x;
}

/* A column of the batch in the layout's order. */
static elbo_quantity column_of(elbo_compiler *c, const double values[])
{
    const elbo_layout *const layout = &c->program->layout;
    const size_t n = layout->size[ELBO_AT_SAMPLE];
    double *const x = take(c, n);

    if (!x) return elbo_quantity_number(0);
    for (size_t t = 0; t < n; t++) x[t] = values[layout->order[t]];
    return elbo_quantity_constant(c, ELBO_AT_SAMPLE, 1, x);
}

elbo_quantity elbo_batch_reward(elbo_compiler *c)
{
    if (!c->reward.made) c->reward = column_of(c, c->program->batch.r);
    return c->reward;
}

elbo_quantity elbo_batch_weight(elbo_compiler *c)
{
    return column_of(c, c->program->batch.weight);
}

/* share[t] of the transitions [first, last): their weights, scaled to sum to 1.
 */
static void fill_shares(const elbo_layout *layout, size_t first, size_t last,
                        double share[])
{
    double sum = 0;

    for (size_t t = first; t < last; t++)
        sum += layout->batch->weight[layout->order[t]];
    for (size_t t = first; t < last; t++)
        share[t] = sum > 0 ? layout->batch->weight[layout->order[t]] / sum
                           : 1 / (double)(last - first);
}

static elbo_quantity row_shares(elbo_compiler *c)
{
    const elbo_layout *const layout = &c->program->layout;
    double *const share = take(c, layout->size[ELBO_AT_SAMPLE]);

    if (!share) return elbo_quantity_number(0);
    for (size_t row = 0; row < layout->rows; row++)
        fill_shares(layout, layout->samples[row], layout->samples[row + 1],
                    share);
    return elbo_quantity_constant(c, ELBO_AT_SAMPLE, 1, share);
}

static elbo_quantity all_shares(elbo_compiler *c)
{
    const elbo_layout *const layout = &c->program->layout;
    const size_t n = layout->size[ELBO_AT_SAMPLE];
    double *const share = take(c, n);

    if (!share) return elbo_quantity_number(0);
    fill_shares(layout, 0, n, share);
    return elbo_quantity_constant(c, ELBO_AT_SAMPLE, 1, share);
}

elbo_quantity elbo_batch_row_mean(elbo_compiler *c, elbo_quantity x)
{
    if (x.at != ELBO_AT_SAMPLE) return x;
    if (!c->share.made) c->share = row_shares(c);
    return elbo_quantity_sum(c, elbo_quantity_binary(c, ELBO_MUL, x, c->share),
                             ELBO_AT_ROW);
}

elbo_quantity elbo_batch_row_parts(elbo_compiler *c, elbo_quantity x)
{
    if (!c->mean_share.made) c->mean_share = all_shares(c);

    const elbo_quantity share = c->mean_share;

    if (x.at == ELBO_AT_SAMPLE)
        return elbo_quantity_sum(
            c, elbo_quantity_binary(c, ELBO_MUL, x, share), ELBO_AT_ROW);
    return elbo_quantity_binary(c, ELBO_MUL, x,
                                elbo_quantity_sum(c, share, ELBO_AT_ROW));
}

elbo_quantity elbo_batch_mean(elbo_compiler *c, elbo_quantity x)
{
    if (x.at == ELBO_AT_ALL) return x;
    if (!c->mean_share.made) c->mean_share = all_shares(c);

    elbo_quantity share = c->mean_share;

    if (x.at == ELBO_AT_ROW) share = elbo_quantity_sum(c, share, ELBO_AT_ROW);
    return elbo_quantity_sum(c, elbo_quantity_binary(c, ELBO_MUL, x, share),
                             ELBO_AT_ALL);
}

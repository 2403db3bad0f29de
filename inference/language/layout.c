#include "inference/language/layout.h"

#include <string.h>

/* Rows are taken together where so many neighbours on average are alike. */
enum { ALIKE = 8 };

/* Places of a row's run, counted up: sums of `length` over runs. */
static void close_runs(size_t start[], size_t n)
{
    for (size_t i = 0; i < n; i++) start[i + 1] += start[i];
}

static size_t row_length(const elbo_batch *batch, size_t row)
{
    return batch->start[row + 1] - batch->start[row];
}

/* By state, stage and action. */
static size_t key_of(const elbo_batch *batch, size_t i)
{
    const size_t row = batch->row[i], nA = batch->nA;

    if (!batch->stages) return row;
    return (row / nA * batch->stages + batch->stage[i]) * nA + row % nA;
}

/* The batch's transitions sorted by key, equal keys in the batch's order. */
static void sort_samples(const elbo_batch *batch, size_t keys, size_t count[],
                         uint32_t order[])
{
    for (size_t i = 0; i < batch->n; i++) count[key_of(batch, i) + 1]++;
    close_runs(count, keys);
    for (size_t i = 0; i < batch->n; i++)
        order[count[key_of(batch, i)]++] = (uint32_t)i;
    /* each count now stands at its run's end, where the next one starts */
    memmove(count + 1, count, keys * sizeof *count);
    count[0] = 0;
}

/* Those of a state (of a stage, unless it is NULL) are a run. Returns how many
 * there are. */
static size_t group_states(const elbo_batch *batch, const uint32_t row[],
                           const uint32_t stage[], size_t rows, size_t states[],
                           uint32_t of_row[])
{
    size_t n = 0;

    for (size_t i = 0; i < rows; i++) {
        if (i == 0 || row[i] / batch->nA != row[i - 1] / batch->nA
            || (stage && stage[i] != stage[i - 1]))
            states[n++] = i;
        if (of_row) of_row[i] = (uint32_t)(n - 1);
    }
    states[n] = rows;
    return n;
}

/* The length of every run, 0 where they differ. */
static size_t common_length(const size_t start[], size_t n)
{
    const size_t length = n ? start[1] - start[0] : 0;

    for (size_t i = 1; i < n; i++)
        if (start[i + 1] - start[i] != length) return 0;
    return length;
}

/* How many runs from each on are of its length; NULL where they seldom are. */
static const uint32_t *count_alike(const size_t start[], size_t n,
                                   uint32_t alike[])
{
    size_t changes = 0;

    for (size_t i = n; i-- > 0;) {
        const bool same =
            i + 1 < n && start[i + 1] - start[i] == start[i + 2] - start[i + 1];

        alike[i] = same ? alike[i + 1] + 1 : 1;
        changes += !same;
    }
    return changes <= n / ALIKE ? alike : NULL;
}

elbo_status elbo_layout_init(elbo_layout *layout, const elbo_batch *batch,
                             elbo_arena *arena)
{
    const size_t all = batch->nS * batch->nA, n = batch->n;
    const size_t keys = all * elbo_batch_plans(batch);
    const size_t most = n < keys ? n : keys;
    size_t *const count = elbo_arena_sizes(arena, keys + 1);
    uint32_t *const row = elbo_arena_u32(arena, most);
    uint32_t *const stage = elbo_arena_u32(arena, batch->stages ? most : 0);
    uint32_t *const order = elbo_arena_u32(arena, n);
    size_t *const samples = elbo_arena_sizes(arena, most + 1);
    size_t *const entries = elbo_arena_sizes(arena, most + 1);
    size_t *const pairs = elbo_arena_sizes(arena, n + 1);
    size_t rows = 0;

    ELBO_TRY(elbo_arena_check(arena, "the objective's layout"));
    sort_samples(batch, keys, count, order);
    for (size_t i = 0; i < keys; i++) {
        const uint32_t first = count[i + 1] > count[i] ? order[count[i]] : 0;

        if (count[i + 1] == count[i]) continue;
        row[rows] = batch->row[first];
        if (batch->stages) stage[rows] = batch->stage[first];
        entries[rows + 1] = row_length(batch, row[rows]);
        samples[++rows] = count[i + 1];
    }
    close_runs(entries, rows);
    for (size_t t = 0; t < n; t++)
        pairs[t + 1] = row_length(batch, batch->row[order[t]]);
    close_runs(pairs, n);

    uint32_t *const alike = elbo_arena_u32(arena, rows);
    size_t *const states = elbo_arena_sizes(arena, rows + 1);
    uint32_t *const of_row = elbo_arena_u32(arena, rows);
    size_t *const apart =
        elbo_arena_sizes(arena, batch->stages ? rows + 1 : 0);

    ELBO_TRY(elbo_arena_check(arena, "the objective's states"));

    const size_t starts =
        group_states(batch, row, batch->stages ? stage : NULL, rows, states,
                     of_row);
    const size_t aparts =
        batch->stages ? group_states(batch, row, NULL, rows, apart, NULL) : 0;

    *layout = (elbo_layout){
        .batch = batch,
        .rows = rows,
        .row = row,
        .stage = batch->stages ? stage : NULL,
        .apart = batch->stages ? apart : NULL,
        .aparts = aparts,
        .samples = samples,
        .alike = count_alike(samples, rows, alike),
        .entries = entries,
        .width = common_length(batch->start, all),
        .order = order,
        .pairs = pairs,
        .states = states,
        .of_row = of_row,
        .size = {[ELBO_AT_ALL] = 1,
                 [ELBO_AT_ROW] = rows,
                 [ELBO_AT_SAMPLE] = n,
                 [ELBO_AT_STATE] = batch->nS + 1,
                 [ELBO_AT_ENTRY] = entries[rows],
                 [ELBO_AT_PAIR] = pairs[n],
                 [ELBO_AT_MODEL_ROW] = all,
                 [ELBO_AT_MODEL_ENTRY] = batch->start[all],
                 [ELBO_AT_START] = starts,
                 [ELBO_AT_STAGE] = elbo_batch_values(batch) * (batch->nS + 1)},
    };
    return ELBO_OK;
}

/* The places of one row's or one transition's entries. */
static uint32_t *fill_entries(const elbo_layout *layout, elbo_place *place,
                              elbo_place_index *of, uint32_t *out)
{
    const elbo_batch *const batch = layout->batch;
    const size_t row = layout->row[place->row], end = batch->start[row + 1];

    for (size_t i = batch->start[row]; i < end; i++) {
        place->entry = i;
        place->state = batch->successor[i];
        *out++ = of(layout, place);
    }
    return out;
}

void elbo_layout_index(const elbo_layout *layout, elbo_domain at,
                       elbo_place_index *of, uint32_t index[])
{
    uint32_t *out = index;

    if (at == ELBO_AT_ALL) *out = 0;
    if (at == ELBO_AT_STATE)
        for (size_t y = 0; y < layout->size[at]; y++)
            *out++ = of(layout, &(elbo_place){.state = y});
    if (!(at & ELBO_AT_ROW)) return;
    for (size_t row = 0; row < layout->rows; row++) {
        elbo_place place = {.row = row};
        const size_t end = layout->samples[row + 1];

        if (at == ELBO_AT_ROW) *out++ = of(layout, &place);
        if (at == ELBO_AT_ENTRY) out = fill_entries(layout, &place, of, out);
        if (at != ELBO_AT_SAMPLE && at != ELBO_AT_PAIR) continue;
        for (place.sample = layout->samples[row]; place.sample < end;
             place.sample++) {
            if (at == ELBO_AT_SAMPLE) *out++ = of(layout, &place);
            if (at == ELBO_AT_PAIR) out = fill_entries(layout, &place, of, out);
        }
    }
}

uint32_t elbo_place_row(const elbo_layout *layout, const elbo_place *place)
{
    (void)layout;
    return (uint32_t)place->row;
}

uint32_t elbo_place_sample(const elbo_layout *layout, const elbo_place *place)
{
    (void)layout;
    return (uint32_t)place->sample;
}

uint32_t elbo_place_entry(const elbo_layout *layout, const elbo_place *place)
{
    const size_t first = layout->batch->start[layout->row[place->row]];

    return (uint32_t)(layout->entries[place->row] + place->entry - first);
}

uint32_t elbo_place_state(const elbo_layout *layout, const elbo_place *place)
{
    (void)layout;
    return (uint32_t)place->state;
}

uint32_t elbo_place_s(const elbo_layout *layout, const elbo_place *place)
{
    return layout->row[place->row] / (uint32_t)layout->batch->nA;
}

uint32_t elbo_place_next(const elbo_layout *layout, const elbo_place *place)
{
    return layout->batch->next[layout->order[place->sample]];
}

uint32_t elbo_place_pattern(const elbo_layout *layout, const elbo_place *place)
{
    (void)layout;
    return (uint32_t)place->entry;
}

uint32_t elbo_place_taken(const elbo_layout *layout, const elbo_place *place)
{
    return layout->batch->entry[layout->order[place->sample]];
}

uint32_t elbo_place_epoch(const elbo_layout *layout, const elbo_place *place)
{
    const uint32_t *epoch = layout->batch->epoch;

    return epoch ? epoch[layout->order[place->sample]] : 0;
}

uint32_t elbo_place_sa(const elbo_layout *layout, const elbo_place *place)
{
    return layout->row[place->row];
}

/* The stage of the place's row, and the one after. */
static size_t now(const elbo_layout *layout, const elbo_place *place)
{
    return layout->stage ? layout->stage[place->row] : 0;
}

static size_t then(const elbo_layout *layout, const elbo_place *place)
{
    return layout->stage ? layout->stage[place->row] + 1 : 0;
}

static uint32_t of_value(const elbo_layout *layout, size_t stage, size_t state)
{
    return (uint32_t)(stage * (layout->batch->nS + 1) + state);
}

uint32_t elbo_place_value_s(const elbo_layout *layout, const elbo_place *place)
{
    return of_value(layout, now(layout, place), elbo_place_s(layout, place));
}

uint32_t elbo_place_value_next(const elbo_layout *layout,
                               const elbo_place *place)
{
    return of_value(layout, then(layout, place),
                    elbo_place_next(layout, place));
}

uint32_t elbo_place_value_y(const elbo_layout *layout, const elbo_place *place)
{
    return of_value(layout, then(layout, place), place->state);
}

static uint32_t in_round(const elbo_layout *layout, uint32_t value,
                         const elbo_place *place)
{
    return elbo_place_epoch(layout, place)
               * (uint32_t)layout->size[ELBO_AT_STAGE]
           + value;
}

uint32_t elbo_place_then_s(const elbo_layout *layout, const elbo_place *place)
{
    return in_round(layout, elbo_place_value_s(layout, place), place);
}

uint32_t elbo_place_then_next(const elbo_layout *layout,
                              const elbo_place *place)
{
    return in_round(layout, elbo_place_value_next(layout, place), place);
}

uint32_t elbo_place_then_y(const elbo_layout *layout, const elbo_place *place)
{
    return in_round(layout, elbo_place_value_y(layout, place), place);
}

/* At END, and after the last stage, no action is taken: zeros. */
static uint32_t of_plan(const elbo_layout *layout, size_t stage, size_t state,
                        const elbo_place *place)
{
    const elbo_batch *const batch = layout->batch;
    const size_t plans = elbo_batch_plans(batch), nS = batch->nS;
    const bool none = state == nS || stage >= plans;
    const size_t block = none ? plans * nS : stage * nS + state;

    return (uint32_t)(block * batch->nA + layout->row[place->row] % batch->nA);
}

uint32_t elbo_place_plan_s(const elbo_layout *layout, const elbo_place *place)
{
    return of_plan(layout, now(layout, place), elbo_place_s(layout, place),
                   place);
}

uint32_t elbo_place_plan_next(const elbo_layout *layout,
                              const elbo_place *place)
{
    return of_plan(layout, then(layout, place), elbo_place_next(layout, place),
                   place);
}

uint32_t elbo_place_plan_y(const elbo_layout *layout, const elbo_place *place)
{
    return of_plan(layout, then(layout, place), place->state, place);
}

/* The run to which i belongs: start[run] <= i < start[run + 1]. */
static size_t run_of(const size_t start[], size_t n, size_t i)
{
    size_t low = 0;

    while (n - low > 1) {
        const size_t middle = low + (n - low) / 2;

        if (start[middle] <= i)
            low = middle;
        else
            n = middle;
    }
    return low;
}

size_t elbo_layout_sample(const elbo_layout *layout, elbo_domain at, size_t i)
{
    const size_t n = layout->size[ELBO_AT_SAMPLE];

    if (at == ELBO_AT_PAIR) i = run_of(layout->pairs, n, i);
    if ((at & ELBO_AT_SAMPLE) == ELBO_AT_SAMPLE) return layout->order[i];
    if (at == ELBO_AT_ENTRY) i = run_of(layout->entries, layout->rows, i);
    return at & ELBO_AT_ROW ? layout->order[layout->samples[i]] : 0;
}

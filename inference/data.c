#include "inference/data.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/parallel.h"

/* Memory is taken, and filled, array by array: what cannot be had as a whole is
 * refused before the machine is full. */
static elbo_status check_room(size_t capacity)
{
    static const size_t each =
        5 * sizeof(uint32_t) + 4 * sizeof(double) + sizeof(uint8_t);
    const size_t room = elbo_alloc_room();

    if (capacity <= room / each) return ELBO_OK;
    return ELBO_FAIL(ELBO_ENOMEM,
                     "data: %zu transitions of %zu bytes; %zu bytes are free",
                     capacity, each, room);
}

elbo_status elbo_data_init(elbo_data *data, size_t capacity, elbo_arena *arena)
{
    ELBO_TRY(check_room(capacity));
    *data = (elbo_data){
        .capacity = capacity,
        .s = elbo_arena_u32(arena, capacity),
        .a = elbo_arena_u32(arena, capacity),
        .next = elbo_arena_u32(arena, capacity),
        .r = elbo_arena_doubles(arena, capacity),
        .terminal = elbo_arena_take(arena, capacity, sizeof *data->terminal),
        .w = elbo_arena_doubles(arena, capacity),
        .mass = elbo_arena_doubles(arena, capacity),
        .chance = elbo_arena_doubles(arena, capacity),
        .epoch = elbo_arena_u32(arena, capacity),
        .step = elbo_arena_u32(arena, capacity),
    };
    if (!elbo_arena_ok(arena))
        return ELBO_FAIL(ELBO_ENOMEM, "data: %zu transitions", capacity);
    for (size_t i = 0; i < capacity; i++) data->mass[i] = 1;
    for (size_t i = 0; i < capacity; i++) data->chance[i] = 0;
    return ELBO_OK;
}

void elbo_collector_init(elbo_collector *collector, uint64_t seed)
{
    *collector = (elbo_collector){.rng = elbo_rng_stream(seed, "data", 0)};
}

/* Of the first n episodes floor(n share) are the expert's. */
static bool is_expert(const elbo_behaviour *how, uint64_t episode)
{
    const double n = (double)episode;

    return how->expert
           && floor((n + 1) * how->expert_share) > floor(n * how->expert_share);
}

/* An action from (1 - epsilon) policy + epsilon uniform. */
static size_t act(const elbo_behaviour *how, const elbo_world *world,
                  elbo_collector *collector, double p[])
{
    const bool expert = is_expert(how, collector->episodes - 1);
    const size_t stages = expert ? how->expert_stages : how->stages;
    const size_t nA = world->nA, stage = collector->step % stages;
    const double *pi = (expert ? how->expert : how->policy)
                       + (stage * world->nS + collector->state) * nA;

    for (size_t a = 0; a < nA; a++)
        p[a] = (1 - how->epsilon) * pi[a] + how->epsilon / (double)nA;
    return elbo_rng_categorical(&collector->rng, p, nA);
}

/* Append one transition and leave the collector where the world is then. */
static void step(elbo_data *data, elbo_collector *collector,
                 const elbo_world *world, const elbo_behaviour *how, double p[],
                 elbo_outcome scratch[])
{
    const size_t i = data->n++;

    if (!collector->running) {
        collector->state = (uint32_t)elbo_rng_categorical(
            &collector->rng, world->start ? world->start : world->mu,
            world->nS);
        collector->step = 0;
        collector->episodes++;
    }

    const size_t a = act(how, world, collector, p);
    const elbo_outcome x =
        elbo_world_step(world, collector->state, a, &collector->rng, scratch);

    data->step[i] = (uint32_t)collector->step;
    data->s[i] = collector->state;
    data->a[i] = (uint32_t)a;
    data->r[i] = x.reward;
    data->next[i] = x.next;
    data->terminal[i] = x.terminal;
    data->w[i] = 1;
    data->chance[i] = p[a];

    collector->state = x.next;
    collector->step++;
    collector->steps++;
    collector->running =
        !x.terminal
        && !(how->episode_steps && collector->step >= how->episode_steps);
}

elbo_status elbo_collect(elbo_data *data, elbo_collector *collector,
                         const elbo_world *world, const elbo_behaviour *how,
                         size_t n, elbo_arena *ws)
{
    assert(how->stages > 0);
    if (n > data->capacity - data->n)
        return ELBO_FAIL(ELBO_ESIZE,
                         "data: %zu transitions do not fit: %zu of %zu taken",
                         n, data->n, data->capacity);

    const elbo_mark mark = elbo_arena_mark(ws);
    double *p = elbo_arena_doubles(ws, world->nA);
    elbo_outcome *scratch =
        elbo_arena_take(ws, world->most, sizeof(elbo_outcome));
    const elbo_status s = elbo_arena_check(ws, "data: collecting");

    for (size_t i = 0; s == ELBO_OK && i < n; i++)
        step(data, collector, world, how, p, scratch);
    elbo_arena_release(ws, mark);
    return s;
}

double elbo_data_size(const elbo_data *data)
{
    return elbo_sum(data->mass, data->n);
}

/* C += mass w of the samples from `first` on. */
static elbo_status add_counts(const elbo_data *data, const elbo_pattern *pattern,
                              size_t first, double C[])
{
    const size_t nS = pattern->nS, nA = pattern->nA;

    for (size_t i = first; i < data->n; i++) {
        const size_t next = data->terminal[i] ? nS : data->next[i];
        const size_t entry =
            elbo_entry(pattern, data->s[i] * nA + data->a[i], next);

        if (entry == (size_t)-1)
            return ELBO_FAIL(ELBO_EDATA,
                             "data: sample %zu: state %u, action %u cannot be "
                             "followed by state %u%s in this model",
                             i, data->s[i], data->a[i], data->next[i],
                             data->terminal[i] ? " as the last one" : "");
        C[entry] += data->mass[i] * data->w[i];
    }
    return ELBO_OK;
}

elbo_status elbo_data_counts(const elbo_data *data, const elbo_pattern *pattern,
                             double scale, double C[])
{
    memset(C, 0, pattern->nnz * sizeof *C);
    ELBO_TRY(add_counts(data, pattern, 0, C));
    for (size_t k = 0; k < pattern->nnz; k++) C[k] *= scale;
    return ELBO_OK;
}

elbo_status elbo_tally_add(elbo_tally *tally, const elbo_data *data,
                           const elbo_pattern *pattern)
{
    const size_t first = tally->n;

    if (first == 0) memset(tally->C, 0, pattern->nnz * sizeof *tally->C);
    if (first == 0) tally->mass = 0;
    ELBO_TRY(add_counts(data, pattern, first, tally->C));
    for (size_t i = first; i < data->n; i++) tally->mass += data->mass[i];
    tally->n = data->n;
    return ELBO_OK;
}

double elbo_tally_ess(const elbo_tally *tally, double weight)
{
    if (!(weight > 0) || !(tally->mass > 0)) return 0;
    return tally->mass * tally->mass / tally->mass;
}

/* In units of the largest weight: squares of the weights may overflow. */
double elbo_data_ess(const elbo_data *data)
{
    double largest = 0, sum = 0, squares = 0;

    for (size_t i = 0; i < data->n; i++)
        if (data->w[i] > largest) largest = data->w[i];
    if (!(largest > 0)) return 0;
    for (size_t i = 0; i < data->n; i++) {
        const double w = data->w[i] / largest;

        sum += data->mass[i] * w;
        squares += data->mass[i] * w * w;
    }
    return sum * sum / squares;
}

void elbo_data_save(const elbo_data *data, const elbo_collector *collector,
                    elbo_writer *out)
{
    const size_t n = data->n;

    elbo_put_u64(out, n);
    elbo_put_bytes(out, data->s, n * sizeof *data->s);
    elbo_put_bytes(out, data->a, n * sizeof *data->a);
    elbo_put_bytes(out, data->next, n * sizeof *data->next);
    elbo_put_doubles(out, data->r, n);
    elbo_put_bytes(out, data->terminal, n * sizeof *data->terminal);
    elbo_put_doubles(out, data->w, n);
    elbo_put_doubles(out, data->mass, n);
    elbo_put_doubles(out, data->chance, n);
    elbo_put_bytes(out, data->epoch, n * sizeof *data->epoch);
    elbo_put_bytes(out, data->step, n * sizeof *data->step);
    elbo_rng_save(&collector->rng, out);
    elbo_put_u64(out, collector->state);
    elbo_put_u64(out, collector->step);
    elbo_put_u64(out, collector->running);
    elbo_put_u64(out, collector->episodes);
    elbo_put_u64(out, collector->steps);
}

static elbo_status load_collector(elbo_collector *collector, elbo_reader *in)
{
    uint64_t state = 0, running = 0;

    ELBO_TRY(elbo_rng_load(&collector->rng, in));
    ELBO_TRY(elbo_get_u64(in, &state));
    ELBO_TRY(elbo_get_u64(in, &collector->step));
    ELBO_TRY(elbo_get_u64(in, &running));
    ELBO_TRY(elbo_get_u64(in, &collector->episodes));
    ELBO_TRY(elbo_get_u64(in, &collector->steps));
    if (state > UINT32_MAX || running > 1
        || (running && collector->episodes == 0))
        return ELBO_FAIL(
            ELBO_EDATA, "collector: state %llu, running %llu: no such place",
            (unsigned long long)state, (unsigned long long)running);
    collector->state = (uint32_t)state;
    collector->running = running;
    return ELBO_OK;
}

elbo_status elbo_data_load(elbo_data *data, elbo_collector *collector,
                           elbo_reader *in)
{
    uint64_t saved = 0;

    ELBO_TRY(elbo_get_u64(in, &saved));
    if (saved > data->capacity)
        return ELBO_FAIL(ELBO_EDATA,
                         "data: %llu transitions saved, room for %zu",
                         (unsigned long long)saved, data->capacity);

    const size_t n = (size_t)saved;

    ELBO_TRY(elbo_get_bytes(in, data->s, n * sizeof *data->s));
    ELBO_TRY(elbo_get_bytes(in, data->a, n * sizeof *data->a));
    ELBO_TRY(elbo_get_bytes(in, data->next, n * sizeof *data->next));
    ELBO_TRY(elbo_get_doubles(in, data->r, n));
    ELBO_TRY(elbo_get_bytes(in, data->terminal, n * sizeof *data->terminal));
    ELBO_TRY(elbo_get_doubles(in, data->w, n));
    ELBO_TRY(elbo_get_doubles(in, data->mass, n));
    ELBO_TRY(elbo_get_doubles(in, data->chance, n));
    ELBO_TRY(elbo_get_bytes(in, data->epoch, n * sizeof *data->epoch));
    ELBO_TRY(elbo_get_bytes(in, data->step, n * sizeof *data->step));
    ELBO_TRY(load_collector(collector, in));
    data->n = n;
    return ELBO_OK;
}

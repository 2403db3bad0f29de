/* inference/messages/lds_estep.c -- sequences side by side: their moments and
 * likelihoods, joined in the order of chunks. */
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/messages/lds_parts.h"

/* What the sequences of a chunk gave. */
typedef struct slice {
    elbo_moments S[ELBO_LDS_PARTS];
    double loglik;
    size_t singular, steady;
    elbo_status status;
    elbo_error error;
} slice;

struct elbo_lds_crew {
    size_t workers, slices; /* slices: chunks that are not empty, at most */
    elbo_kalman **k;        /* [workers] */
    slice *slice;           /* [slices] */
    const elbo_sequence *data;
    bool moments;
};

static size_t rows(const elbo_sequence data[], size_t n)
{
    size_t sum = 0;

    for (size_t i = 0; i < n; i++) sum += data[i].Y->size1;
    return sum;
}

/* Roughly, of a filter and a smoother; small ones pay for their loops. */
static size_t work(const elbo_lds *lds, const elbo_sequence data[], size_t n)
{
    return rows(data, n)
           * (200 + 2 * lds->nx * lds->nx * (lds->nx + lds->ny));
}

elbo_status elbo_lds_hire(const elbo_lds *lds, size_t n, size_t T, bool moments,
                          elbo_lds_crew **out)
{
    const elbo_kalman_config config = {.steady = lds->config.steady};
    elbo_lds_crew *const c = elbo_arena_take(lds->arena, 1, sizeof *c);
    size_t first, last;

    ELBO_TRY(elbo_arena_check(lds->arena, "lds"));
    c->workers = elbo_parallel_threads(n, SIZE_MAX);
    c->moments = moments;
    while (c->slices < ELBO_CHUNKS) {
        elbo_chunk(n, c->slices, &first, &last);
        if (first == last) break;
        c->slices++;
    }
    c->k = elbo_arena_take(lds->arena, c->workers, sizeof *c->k);
    c->slice = elbo_arena_take(lds->arena, c->slices, sizeof *c->slice);
    ELBO_TRY(elbo_arena_check(lds->arena, "lds"));
    for (size_t w = 0; w < c->workers; w++)
        ELBO_TRY(elbo_kalman_init(&config, lds->nx, lds->ny, lds->nu, T,
                                  lds->arena, &c->k[w]));
    for (size_t i = 0; moments && i < c->slices; i++)
        for (size_t p = 0; p < ELBO_LDS_PARTS; p++)
            ELBO_TRY(elbo_moments_init(&c->slice[i].S[p], lds->part[p].dim,
                                       lds->part[p].nz, lds->arena));
    *out = c;
    return ELBO_OK;
}

static elbo_status one(const elbo_lds_crew *c, elbo_kalman *k, size_t i,
                       slice *s)
{
    elbo_kalman_info info;

    if (c->moments) {
        ELBO_TRY(elbo_kalman_smooth(k, &c->data[i], &info));
        ELBO_TRY(elbo_kalman_moments(k, &s->S[0], &s->S[1], &s->S[2]));
    } else {
        ELBO_TRY(elbo_kalman_filter(k, &c->data[i], &info));
    }
    s->loglik += info.loglik;
    s->singular += info.singular;
    s->steady += info.steady;
    return ELBO_OK;
}

static void chunk_of(void *arg, size_t thread, size_t chunk, size_t first,
                     size_t last)
{
    const elbo_lds_crew *const c = arg;

    if (first == last) return;

    slice *const s = &c->slice[chunk];

    s->loglik = 0;
    s->singular = s->steady = 0;
    s->status = ELBO_OK;
    for (size_t p = 0; c->moments && p < ELBO_LDS_PARTS; p++)
        elbo_moments_clear(&s->S[p]);
    for (size_t i = first; s->status == ELBO_OK && i < last; i++) {
        s->status = one(c, c->k[thread], i, s);
        if (s->status != ELBO_OK) elbo_fail_prefix("sequence %zu", i);
    }
    if (s->status != ELBO_OK) s->error = *elbo_last_error();
}

elbo_status elbo_lds_run(elbo_lds *lds, elbo_lds_crew *c,
                         const elbo_lgssm *model, const elbo_sequence data[],
                         size_t n, elbo_lds_info *info)
{
    const size_t threads =
        elbo_parallel_threads(c->workers, work(lds, data, n));

    for (size_t w = 0; w < threads; w++)
        ELBO_TRY(elbo_kalman_model(c->k[w], model));
    c->data = data;
    elbo_parallel_on(threads, n, c, chunk_of);
    for (size_t p = 0; c->moments && p < ELBO_LDS_PARTS; p++)
        elbo_moments_clear(&lds->part[p].S);
    info->evidence = 0;
    for (size_t i = 0; i < c->slices && i < n; i++) {
        const slice *const s = &c->slice[i];

        if (s->status != ELBO_OK) {
            elbo_error_restore(&s->error);
            return s->status;
        }
        for (size_t p = 0; c->moments && p < ELBO_LDS_PARTS; p++)
            elbo_moments_join(&lds->part[p].S, 1, &s->S[p]);
        info->evidence += s->loglik;
        info->singular += s->singular;
        info->steady += s->steady;
    }
    return ELBO_OK;
}

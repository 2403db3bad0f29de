#include "inference/archive.h"

#include <math.h>
#include <string.h>

elbo_status elbo_archive_init(elbo_archive *archive, size_t capacity, size_t d,
                              elbo_arena *arena)
{
    *archive = (elbo_archive){
        .capacity = capacity,
        .d = d,
        .x = elbo_arena_take(arena, capacity * d, sizeof(double)),
        .y = elbo_arena_take(arena, capacity, sizeof(double)),
    };
    return elbo_arena_check(arena, "an archive of points");
}

void elbo_archive_add(elbo_archive *archive, const double x[], double y)
{
    size_t at = archive->n;

    archive->count++;
    if (at == archive->capacity) {
        at = elbo_archive_worst(archive);
        if (y <= archive->y[at]) return;
    } else {
        archive->n++;
    }
    memcpy(archive->x + at * archive->d, x, archive->d * sizeof *x);
    archive->y[at] = y;
}

size_t elbo_archive_find(const elbo_archive *archive, const double x[])
{
    for (size_t i = 0; i < archive->n; i++)
        if (memcmp(archive->x + i * archive->d, x, archive->d * sizeof *x) == 0)
            return i;
    return archive->n;
}

size_t elbo_archive_best(const elbo_archive *archive)
{
    size_t best = 0;

    for (size_t i = 1; i < archive->n; i++)
        if (archive->y[i] > archive->y[best]) best = i;
    return best;
}

size_t elbo_archive_worst(const elbo_archive *archive)
{
    size_t worst = 0;

    for (size_t i = 1; i < archive->n; i++)
        if (archive->y[i] < archive->y[worst]) worst = i;
    return worst;
}

void elbo_archive_save(const elbo_archive *archive, elbo_writer *out)
{
    elbo_put_u64(out, archive->n);
    elbo_put_u64(out, archive->count);
    elbo_put_doubles(out, archive->x, archive->n * archive->d);
    elbo_put_doubles(out, archive->y, archive->n);
}

elbo_status elbo_archive_load(elbo_archive *archive, elbo_reader *in)
{
    uint64_t n;

    ELBO_TRY(elbo_get_u64(in, &n));
    ELBO_TRY(elbo_get_u64(in, &archive->count));
    if (n > archive->capacity || archive->count < n)
        return ELBO_FAIL(ELBO_EDATA,
                         "checkpoint: an archive of %llu points, %llu ever, "
                         "room for %zu",
                         (unsigned long long)n,
                         (unsigned long long)archive->count, archive->capacity);
    archive->n = (size_t)n;
    ELBO_TRY(elbo_get_doubles(in, archive->x, archive->n * archive->d));
    ELBO_TRY(elbo_get_doubles(in, archive->y, archive->n));
    for (size_t i = 0; i < archive->n; i++)
        if (!isfinite(archive->y[i]))
            return ELBO_FAIL(ELBO_EDATA, "checkpoint: archived value %g",
                             archive->y[i]);
    return ELBO_OK;
}

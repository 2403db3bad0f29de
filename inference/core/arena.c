#include "inference/core/arena.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"

enum { ALIGN = 64, LARGEST_GROWTH = 1 << 20 };

/* The header of a block; its memory starts ALIGN bytes after it. */
typedef struct chunk {
    struct chunk *before, *after;
    size_t room, used; /* bytes */
} chunk;

_Static_assert(sizeof(chunk) <= ALIGN, "a chunk's header fits its place");

/* Chunks up to `current` are in use; all after it are free, in any order. */
struct elbo_arena {
    chunk *first, *current;
    size_t index;       /* of the current chunk */
    size_t least;       /* bytes of a chunk */
    size_t total;       /* bytes of all chunks */
    bool fixed;         /* never grows */
    elbo_status failed; /* ELBO_OK, or the first failure */
    size_t wanted;      /* bytes that failure asked for */
};

static chunk *chunk_alloc(size_t room)
{
    size_t bytes;
    chunk *c = elbo_size_add(room, ALIGN, &bytes) ? elbo_alloc(1, bytes) : NULL;

    if (c) *c = (chunk){.room = room};
    return c;
}

static void link_after(chunk *place, chunk *c)
{
    c->before = place;
    c->after = place->after;
    if (c->after) c->after->before = c;
    place->after = c;
}

static void unlink_chunk(chunk *c)
{
    c->before->after = c->after;
    if (c->after) c->after->before = c->before;
}

elbo_arena *elbo_arena_alloc(size_t bytes)
{
    elbo_arena *arena = elbo_alloc(1, sizeof *arena);
    const size_t least = bytes > ALIGN ? bytes : ALIGN;
    chunk *c = arena ? chunk_alloc(least) : NULL;

    if (!c) {
        elbo_free(arena);
        return NULL;
    }
    *arena =
        (elbo_arena){.first = c, .current = c, .least = least, .total = least};
    return arena;
}

void elbo_arena_free(elbo_arena *arena)
{
    if (!arena) return;
    for (chunk *c = arena->first, *after; c; c = after) {
        after = c->after;
        elbo_free(c);
    }
    elbo_free(arena);
}

/* A new chunk doubles the arena while it is small. */
static chunk *grow(elbo_arena *arena, size_t bytes)
{
    size_t room = arena->total < LARGEST_GROWTH ? arena->total : LARGEST_GROWTH;

    if (room < arena->least) room = arena->least;
    if (room < bytes) room = bytes;

    chunk *c = chunk_alloc(room);

    if (c) arena->total += room;
    return c;
}

/* Make a free chunk with `bytes` of room the current one: the first of those
 * kept that is large enough, else a new one. */
static bool advance(elbo_arena *arena, size_t bytes)
{
    chunk *c = arena->current->after;

    while (c && c->room < bytes) c = c->after;
    if (c)
        unlink_chunk(c);
    else if (arena->fixed || !(c = grow(arena, bytes)))
        return false;
    link_after(arena->current, c);
    c->used = 0;
    arena->current = c;
    arena->index++;
    return true;
}

static void *fail(elbo_arena *arena, elbo_status status, size_t wanted)
{
    arena->failed = status;
    arena->wanted = wanted;
    return NULL;
}

/* n * size bytes as they are, or NULL. */
static void *take(elbo_arena *arena, size_t n, size_t size)
{
    size_t bytes, padded;

    if (arena->failed) return NULL;
    if (!elbo_size_mul(n, size, &bytes)
        || !elbo_size_add(bytes ? bytes : 1, ALIGN - 1, &padded))
        return fail(arena, ELBO_ESIZE, n);
    padded -= padded % ALIGN;
    if (arena->current->room - arena->current->used < padded
        && !advance(arena, padded))
        return fail(arena, ELBO_ENOMEM, padded);

    chunk *const c = arena->current;
    char *const block = (char *)c + ALIGN + c->used;

    c->used += padded;
    return block;
}

elbo_arena *elbo_arena_within(elbo_arena *outer, size_t bytes)
{
    elbo_arena *const arena = take(outer, 1, sizeof *arena);
    chunk *const c = take(outer, bytes + ALIGN, 1);

    if (!arena || !c) return NULL;
    *c = (chunk){.room = bytes};
    *arena = (elbo_arena){
        .first = c, .current = c, .least = bytes, .total = bytes, .fixed = true};
    return arena;
}

void *elbo_arena_take(elbo_arena *arena, size_t n, size_t size)
{
    void *block = take(arena, n, size);

    return block ? memset(block, 0, n * size) : NULL;
}

double *elbo_arena_doubles(elbo_arena *arena, size_t n)
{
    double *x = take(arena, n, sizeof *x);

#ifndef NDEBUG
    for (size_t i = 0; x && i < n; i++) x[i] = (double)NAN;
#endif
    return x;
}

uint32_t *elbo_arena_u32(elbo_arena *arena, size_t n)
{
    return elbo_arena_take(arena, n, sizeof(uint32_t));
}

size_t *elbo_arena_sizes(elbo_arena *arena, size_t n)
{
    return elbo_arena_take(arena, n, sizeof(size_t));
}

char *elbo_arena_text(elbo_arena *arena, const char *text)
{
    const size_t n = strlen(text) + 1;
    char *copy = take(arena, n, 1);

    return copy ? memcpy(copy, text, n) : NULL;
}

gsl_vector *elbo_arena_vec(elbo_arena *arena, size_t n)
{
    gsl_vector *x = take(arena, 1, sizeof *x);
    double *data = elbo_arena_doubles(arena, n);

    if (!data) return NULL;
    *x = (gsl_vector){.size = n, .stride = 1, .data = data};
    return x;
}

gsl_matrix *elbo_arena_mat(elbo_arena *arena, size_t rows, size_t cols)
{
    size_t n;

    if (!elbo_size_mul(rows, cols, &n)) {
        if (!arena->failed) fail(arena, ELBO_ESIZE, rows);
        return NULL;
    }

    gsl_matrix *A = take(arena, 1, sizeof *A);
    double *data = elbo_arena_doubles(arena, n);

    if (!data) return NULL;
    *A = (gsl_matrix){.size1 = rows, .size2 = cols, .tda = cols, .data = data};
    return A;
}

bool elbo_arena_ok(const elbo_arena *arena)
{
    return arena->failed == ELBO_OK;
}

elbo_status elbo_arena_check(const elbo_arena *arena, const char *what)
{
    if (arena->failed == ELBO_ESIZE)
        return ELBO_FAIL(ELBO_ESIZE, "%s: %zu elements are too many", what,
                         arena->wanted);
    if (arena->failed)
        return ELBO_FAIL(ELBO_ENOMEM, "%s: no memory for %zu bytes", what,
                         arena->wanted);
    return ELBO_OK;
}

/* After a failure nothing can be taken, so such a mark need not say where it
 * stands; what it must say is that the failure is older than it. */
static const size_t failed_mark = SIZE_MAX;

elbo_mark elbo_arena_mark(const elbo_arena *arena)
{
    if (arena->failed) return (elbo_mark){.chunk = failed_mark};
    return (elbo_mark){.chunk = arena->index, .used = arena->current->used};
}

void elbo_arena_release(elbo_arena *arena, elbo_mark mark)
{
    if (mark.chunk == failed_mark) return;
    assert(mark.chunk <= arena->index);
    for (; arena->index > mark.chunk; arena->index--)
        arena->current = arena->current->before;
    assert(mark.used <= arena->current->used);
    arena->current->used = mark.used;
    arena->failed = ELBO_OK;
}

/* inference/core/arena.h -- memory with one owner: taken in order, freed at once.
 *
 * An arena grows by chunks and keeps them, so a warm loop allocates nothing. It
 * fails sticky: take all you need, ask elbo_arena_ok once. Unless NDEBUG, doubles
 * are filled with NaN, so that an unset read shows at once; other memory is zero.
 */
#ifndef ELBO_ARENA_H
#define ELBO_ARENA_H

#include <gsl/gsl_matrix.h>
#include <gsl/gsl_vector.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inference/core/status.h"

typedef struct elbo_arena elbo_arena;

/* A place to return to; opaque in spirit. */
typedef struct elbo_mark {
    size_t chunk, used;
} elbo_mark;

/* An arena whose chunks hold at least `bytes`; NULL when there is no memory. */
elbo_arena *elbo_arena_alloc(size_t bytes);

/* One that holds `bytes` of `outer`, never grows and goes with it, not by
 * elbo_arena_free: scratch of its own for what runs beside others. NULL when outer
 * has failed. */
elbo_arena *elbo_arena_within(elbo_arena *outer, size_t bytes);

/* Frees the arena and all that was taken from it; NULL is accepted. */
void elbo_arena_free(elbo_arena *arena);

/* Taken memory is 64-byte aligned. NULL for n = 0 is never returned: a
 * zero-sized request gives a valid pointer. NULL after a failure. */
void *elbo_arena_take(elbo_arena *arena, size_t n, size_t size); /* zeroed */
double *elbo_arena_doubles(elbo_arena *arena, size_t n);
uint32_t *elbo_arena_u32(elbo_arena *arena, size_t n);           /* zeroed */
size_t *elbo_arena_sizes(elbo_arena *arena, size_t n);           /* zeroed */
char *elbo_arena_text(elbo_arena *arena, const char *text);      /* a copy */
gsl_vector *elbo_arena_vec(elbo_arena *arena, size_t n);
gsl_matrix *elbo_arena_mat(elbo_arena *arena, size_t rows, size_t cols);

/* ELBO_OK, or ELBO_ENOMEM / ELBO_ESIZE as the first failure was; the failure is
 * forgotten by elbo_arena_release to a mark taken before it. */
bool elbo_arena_ok(const elbo_arena *arena);

/* Fails with ELBO_ENOMEM and the name of what wanted memory, unless ok. */
elbo_status elbo_arena_check(const elbo_arena *arena, const char *what);

elbo_mark elbo_arena_mark(const elbo_arena *arena);
void elbo_arena_release(elbo_arena *arena, elbo_mark mark);

#endif

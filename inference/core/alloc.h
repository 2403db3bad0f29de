/* inference/core/alloc.h -- the project's own heap, with checked sizes.
 *
 * All memory of the library comes from here, so that one test can make every
 * allocation fail once (elbo_alloc_budget).
 */
#ifndef ELBO_ALLOC_H
#define ELBO_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* 64-byte aligned, not cleared; NULL when there is no memory, when the budget
 * is spent, when n * size overflows or is more than elbo_alloc_room. Blocks of
 * 2 MiB and more are backed by huge pages where the system has them. */
void *elbo_alloc(size_t n, size_t size);

/* NULL is accepted. */
void elbo_free(void *block);

/* Allocation number n + 1 from now on fails, once and for all later ones too;
 * n < 0 lifts the limit. For tests. Counted over all threads. */
void elbo_alloc_budget(long n);

/* Bytes that may still be taken: the machine's physical memory less what is held,
 * and no more than the system has available and the process's control group allows.
 * Beyond it a system that overcommits would not refuse, but kill. (Small blocks ask
 * for the first only.) */
size_t elbo_alloc_room(void);

/* As if the machine had so many bytes; 0: what it has. For tests. */
void elbo_alloc_limit(size_t bytes);

/* The number of allocations made so far, for tests that count. */
unsigned long elbo_alloc_count(void);

/* *out = a * b or a + b; false, and *out untouched, when it overflows. */
bool elbo_size_mul(size_t a, size_t b, size_t *out);
bool elbo_size_add(size_t a, size_t b, size_t *out);

#endif

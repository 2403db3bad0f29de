/* inference/core/parallel.h -- loops and sums whose result no thread count changes.
 *
 * A range is cut into a fixed number of chunks that depends on its length alone;
 * threads take chunks, and partial results are joined pairwise in chunk order.
 */
#ifndef ELBO_PARALLEL_H
#define ELBO_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>

enum { ELBO_CHUNKS = 64 };

/* Chunk c of 0 .. n - 1 is [*first, *last). Some are empty when n < 64. */
void elbo_chunk(size_t n, size_t c, size_t *first, size_t *last);

/* body(arg, chunk, first, last) for every chunk; in parallel when work (a rough
 * number of floating-point operations) pays for it and not already inside a
 * parallel region. */
void elbo_parallel(size_t n, size_t work, void *arg,
                   void (*body)(void *arg, size_t chunk, size_t first,
                                size_t last));

/* The same for a body that has a workspace a thread: on `threads` of them, told
 * which of 0 .. threads - 1 it is. elbo_parallel_threads says how many there would
 * be, at most `most`: 1 where it does not pay or inside a parallel region. */
size_t elbo_parallel_threads(size_t most, size_t work);
void elbo_parallel_on(size_t threads, size_t n, void *arg,
                      void (*body)(void *arg, size_t thread, size_t chunk,
                                   size_t first, size_t last));

/* body(arg, first, last) over parts of 0 .. n - 1, for results that do not
 * depend on where it is cut: in one piece when work does not pay. */
void elbo_parallel_rows(size_t n, size_t work, void *arg,
                        void (*body)(void *arg, size_t first, size_t last));

/* n <= ELBO_CHUNKS long tasks in turns: turn(arg, task) until it returns false. A task
 * is in one thread's hands at a time, and those with the fewest turns go first, so
 * that no thread is idle before the last turns: seven tasks of the same length take two
 * threads three and a half times one's length, where one task a thread takes four. One
 * task after the other where one thread is all there is. */
void elbo_parallel_turns(size_t n, void *arg,
                         bool (*turn)(void *arg, size_t task));

/* The pairwise sum of the chunks' partial sums, in fixed order. */
double elbo_parallel_sum(size_t n, size_t work, void *arg,
                         double (*body)(void *arg, size_t first, size_t last));
/* The largest of the chunks' partial maxima; NaN if any of them is. */
double elbo_parallel_max(size_t n, size_t work, void *arg,
                         double (*body)(void *arg, size_t first, size_t last));

/* x'y and the sum of x, by the above. */
double elbo_dot(const double x[], const double y[], size_t n);
double elbo_sum(const double x[], size_t n);

#endif

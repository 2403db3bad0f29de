/* envs/shown.h -- what tasks share that show their states as they are, or that
 * pay the same at each step. */
#ifndef ELBO_SHOWN_H
#define ELBO_SHOWN_H

#include <stddef.h>

#include "inference/core/tape.h"

/* States x [nx x n] as rows o [n x nx], and back. */
static inline void elbo_show(size_t n, size_t nx, const double x[], float o[])
{
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < nx; i++) o[j * nx + i] = (float)x[i * n + j];
}

static inline void elbo_shown(size_t n, size_t nx, const float o[], double x[])
{
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < nx; i++) x[i * n + j] = (double)o[j * nx + i];
}

/* `value` in a column as high as x, whatever x is. */
static inline elbo_node elbo_same_node(elbo_tape *tape, elbo_node x,
                                       double value)
{
    const elbo_node zero =
        elbo_tape_scale(tape, elbo_tape_sum(tape, x, ELBO_ROWS), 0);

    return elbo_tape_binary(tape, ELBO_ADD, zero,
                            elbo_tape_number(tape, value));
}

#endif

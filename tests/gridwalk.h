/* tests/gridwalk.h -- GridWalk of DualDICE (Nachum et al. 2019): 10 x 10 cells,
 * actions x+ y+ x- y-, deterministic, a uniform start; by itself, in plain loops.
 */
#ifndef ELBO_TESTS_GRIDWALK_H
#define ELBO_TESTS_GRIDWALK_H

#include <gsl/gsl_matrix.h>

#include "inference/core/arena.h"

enum { WALK_S = 100, WALK_A = 4, WALK_ROWS = 400 };

typedef struct gridwalk {
    size_t next[WALK_ROWS];
    double r[WALK_ROWS];
    double target[WALK_ROWS], behaviour[WALK_ROWS]; /* policies */
    double d_target[WALK_ROWS], d_behaviour[WALK_ROWS];
    double start[WALK_ROWS]; /* of the target */
    gsl_matrix *P;           /* over rows, under the target; in the arena */
} gridwalk;

/* Target epsilon 0.1, behaviour 0.1 + 0.6 (1 - alpha). */
void gridwalk_init(gridwalk *w, double gamma, double alpha, elbo_arena *arena);

/* sum_i d_i x_i over rows. */
double gridwalk_mean(const double d[], const double x[]);

#endif

/* inference/balls.h -- bounds on the norm of parameters: balls that x lies in.
 *
 *   sqrt(sum_{j in b} (weight_j x_j)^2) <= radius      for each ball b
 */
#ifndef ELBO_BALLS_H
#define ELBO_BALLS_H

#include <stddef.h>
#include <stdint.h>

/* Every number lies in one ball and all balls have one radius. Borrowed. */
typedef struct elbo_balls {
    size_t n_balls; /* 1 or 2 */
    size_t n;
    const uint8_t *ball;  /* [n] */
    const double *weight; /* [n] positive */
    double radius;
} elbo_balls;

enum { ELBO_MOST_BALLS = 2 };

/* The norm of ball b. */
double elbo_balls_norm(const elbo_balls *balls, size_t b, const double x[]);

/* x scaled towards 0 in every ball whose norm is above its radius: the nearest
 * point of the balls in the coordinates weight * x. */
void elbo_balls_project(const elbo_balls *balls, double x[]);

#endif

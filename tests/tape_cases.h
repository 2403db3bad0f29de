/* tests/tape_cases.h -- graphs that end in one number, as functions of a
 * vector.
 *
 * The inputs' entries are one vector x; the graph is y(x).
 */
#ifndef ELBO_TAPE_CASES_H
#define ELBO_TAPE_CASES_H

#include <check.h>

#include "inference/core/tape.h"

enum { TAPE_INPUTS = 4, TAPE_MOST = 2048 };

typedef struct graph {
    elbo_tape *tape;
    elbo_node input[TAPE_INPUTS];
    size_t inputs;
    elbo_node weight, y; /* weight: a constant that makes y of a matrix */
    bool weighted;
    size_t n;         /* entries of all inputs */
    double low, high; /* the range of points */
    char name[96];
} graph;

/* Every operation on odd shapes; g is finished. */
size_t tape_cases(void);
void tape_case(graph *g, size_t which, elbo_precision precision);

/* A chain of 30 nodes and more, drawn from `seed`. */
void tape_random(graph *g, uint64_t seed, elbo_precision precision);

void graph_free(graph *g);

/* A point of the graph's range. */
void graph_point(const graph *g, uint64_t seed, double x[]);
/* y(x), all nodes evaluated; then the gradient, then its derivative along v. */
double graph_value(const graph *g, const double x[]);
void graph_gradient(const graph *g, double out[]);
void graph_product(const graph *g, const double v[], double out[]);

TCase *tape_derivatives(void);
TCase *tape_values(void);

#endif

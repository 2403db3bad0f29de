/* inference/language/quantity.h -- nodes of both tapes, made at the smallest
 * domain.
 *
 * An operation of two values stands where either does: arguments are spread to
 * the union of their domains, and carried from `fixed` to `live` when the other
 * is live. After a failure each gives the number 0.
 */
#ifndef ELBO_QUANTITY_H
#define ELBO_QUANTITY_H

#include "inference/language/compile.h"

elbo_quantity elbo_quantity_number(double x);
elbo_quantity elbo_quantity_unary(elbo_compiler *c, elbo_unary op,
                                  elbo_quantity x);
elbo_quantity elbo_quantity_binary(elbo_compiler *c, elbo_binary op,
                                   elbo_quantity x, elbo_quantity y);
elbo_quantity elbo_quantity_power(elbo_compiler *c, elbo_quantity x, double k);

/* The sum over a vector's entries, at each place. */
elbo_quantity elbo_quantity_entries(elbo_compiler *c, elbo_quantity x);

/* Sums over the runs that make up the places of `to`: entries of a row, pairs
 * of a transition, transitions of a row, all of anything. */
elbo_quantity elbo_quantity_sum(elbo_compiler *c, elbo_quantity x,
                                elbo_domain to);

/* K x of K [places x places] and x [places x cols] of one domain. Live ones are
 * not tiled. */
elbo_quantity elbo_quantity_times(elbo_compiler *c, elbo_quantity K,
                                  elbo_quantity x);

/* A number of each entry of the model as a matrix [states x states], END among
 * them: its entry k is the sum of x[order[start[k]]] .. x[order[start[k + 1] - 1]].
 * Live ones are not tiled. */
elbo_quantity elbo_quantity_square(elbo_compiler *c, elbo_quantity x,
                                   const uint32_t order[],
                                   const size_t start[]);

/* The sum over all places of weight * x: what the program is worth. The weight
 * is not live, and stands at the places of x. */
elbo_quantity elbo_quantity_total(elbo_compiler *c, elbo_quantity weight,
                                  elbo_quantity x);

/* What follows needs all places at once. */
void elbo_quantity_untiled(elbo_compiler *c);

/* Rows of x by number, index[places of `at`], and sums over runs of them, start
 * [places of `to` + 1]. Live ones are not tiled. */
elbo_quantity elbo_quantity_rows(elbo_compiler *c, elbo_quantity x,
                                 elbo_domain at, const uint32_t index[]);
elbo_quantity elbo_quantity_runs(elbo_compiler *c, elbo_quantity x,
                                 elbo_domain to, const size_t start[]);

/* Rows of a table at the places of a domain. */
elbo_quantity elbo_quantity_gather(elbo_compiler *c, elbo_quantity table,
                                   elbo_domain at, elbo_place_index *of);

/* A constant [size[at] x cols]; `values` must outlive the program's making. */
elbo_quantity elbo_quantity_constant(elbo_compiler *c, elbo_domain at,
                                     size_t cols, const double values[]);

/* What is read of the kernel; `function` of E: not live, a number of `at` or of
 * states; ignored for p itself. */
elbo_quantity elbo_quantity_intake(elbo_compiler *c, elbo_intake_kind kind,
                                   elbo_quantity function, elbo_domain at);

/* A constant of `fixed` or an input of `live` [rows x cols], not traced: no
 * place is its own. */
elbo_quantity elbo_quantity_leaf(elbo_compiler *c, elbo_domain at, size_t rows,
                                 size_t cols, bool live);

/* V of all states, END's too, to its slope in each coordinate; the batch has
 * coordinates. */
elbo_quantity elbo_quantity_slope(elbo_compiler *c, elbo_quantity V);

#endif

/* inference/likelihood/terms.h -- the terms of a sum, and a set of values.
 *
 * A data term is summed over the n members of control.values. Of its outermost sum
 * only the terms that read what the members replace are theirs: V, A and gradV, and
 * where they are policies Q, logpi, Epi, roll, T and Td too. Every other term is one term,
 * whatever the set: it is divided by n and so counts once.
 */
#ifndef ELBO_TERMS_H
#define ELBO_TERMS_H

#include "inference/language/expression.h"

/* The checked tree with its other terms over n, in the arena; it shares what it
 * does not change. ELBO_ENOMEM. */
elbo_status elbo_terms_share(const elbo_expr *expr, size_t n, bool policies,
                             elbo_arena *arena, elbo_expr **out);

#endif

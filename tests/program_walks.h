/* tests/program_walks.h -- oracles of objectives that take several steps. */
#ifndef ELBO_PROGRAM_WALKS_H
#define ELBO_PROGRAM_WALKS_H

#include "tests/program_cases.h"

program_oracle program_rolled;              /* roll(3, sq(V(y) + 0.3)) - r */
program_oracle program_rolled_far;          /* ... of coordinates, two steps */
program_oracle program_order_three;         /* T(3, .) beside r */
program_oracle program_order_three_in_data; /* Td(3, .) and rhat */
program_oracle program_order_one;           /* T(1, .) - Td(1, .) */

#endif

/* tests/lds_cases.h -- data for latent linear systems: random, and degenerate.
 */
#ifndef ELBO_TESTS_LDS_CASES_H
#define ELBO_TESTS_LDS_CASES_H

#include "inference/messages/lds.h"
#include "tests/kalman_cases.h"

enum { LDS_MOST_SEQUENCES = 12 };

/* Sequences of one system, the truth kept. */
typedef struct lds_case {
    kalman_case truth;
    elbo_sequence data[LDS_MOST_SEQUENCES];
    size_t n;
} lds_case;

void lds_case_open(lds_case *c, size_t nx, size_t ny, size_t nu, size_t n,
                   size_t T, uint64_t seed);
/* A system, lengths and holes drawn by the seed: nx, ny <= 5, nu <= 2. */
void lds_case_random(lds_case *c, uint64_t seed);
void lds_case_close(lds_case *c);

elbo_lds *lds_open(lds_case *c, const elbo_lds_config *config);

/* What data can be and a model must bear. */
typedef enum lds_degenerate {
    CONSTANT_CHANNEL,
    ALL_CONSTANT,
    COLLINEAR_INPUTS,
    FEWER_ROWS_THAN_STATES,
    ONE_ROW,
    A_CHANNEL_NEVER_SEEN,
    NOTHING_SEEN,
    TWICE_THE_SAME_CHANNEL,
    UNITS_FAR_APART,
    LDS_DEGENERATE
} lds_degenerate;
void lds_case_degenerate(lds_case *c, lds_degenerate what);

#endif

/* tests/program_published.h -- oracles of published objectives that no other case has. */
#ifndef ELBO_PROGRAM_PUBLISHED_H
#define ELBO_PROGRAM_PUBLISHED_H

#include "tests/program_cases.h"

program_oracle program_mse, program_value_equivalence, program_vtr;
program_oracle program_vagram_unbounded, program_l1_sampled, program_lamps_mm;
program_oracle program_mml_uniform, program_omd_target;

#endif

/* inference/finite.h -- the family of finite worlds from within: for finite*.c and
 * the engine alone.
 */
#ifndef ELBO_FINITE_H
#define ELBO_FINITE_H

#include "inference/engine_state.h"

/* The members of elbo_finite_family (inference/family.h) that have a file of their
 * own. */
elbo_status elbo_finite_check(const elbo_setup *setup, size_t skip,
                              const char **section, const char **key);
const char *elbo_finite_kind(const elbo_setup *setup);
const char *elbo_finite_named(const elbo_setup *setup);
elbo_status elbo_finite_oracles(const elbo_setup *setup, elbo_arena *arena,
                                const char *const **out);
elbo_status elbo_finite_open(elbo_engine *engine, const elbo_setup *setup,
                             uint64_t seed, const char **section);
void elbo_finite_close(elbo_engine *engine);
elbo_status elbo_finite_judge(elbo_engine *engine, double *best,
                              double *present);
void elbo_finite_save(const elbo_engine *engine, elbo_writer *out);
elbo_status elbo_finite_load(elbo_engine *engine, elbo_reader *in);
elbo_status elbo_finite_check_gradient(elbo_engine *engine,
                                       elbo_derivative_check *out);

#endif

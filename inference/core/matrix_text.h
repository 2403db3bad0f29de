/* inference/core/matrix_text.h -- matrices as a setting writes them.
 *
 * Numbers apart by blanks or commas, rows apart by semicolons: "1 0.1; 0 1".
 */
#ifndef ELBO_MATRIX_TEXT_H
#define ELBO_MATRIX_TEXT_H

#include "inference/core/arena.h"

/* For elbo_option.check: finite numbers, rows of one length. ELBO_EINVAL with
 * *column at the fault; *nearest (or NULL) is set to NULL. */
elbo_status elbo_matrix_check(const char *text, size_t *column,
                              const char **nearest);

/* A text that passed the check; the matrix is the arena's. */
elbo_status elbo_matrix_parse(const char *text, elbo_arena *arena,
                              gsl_matrix **out);

/* A vector [n] from one row or one column; one number stands for n alike.
 * ELBO_EINVAL "start: needs 4 numbers, not 3" with the setting's name. */
elbo_status elbo_vector_setting(const char *name, const char *text, size_t n,
                                elbo_arena *arena, gsl_vector **out);

/* A symmetric positive semi-definite matrix [n x n]: one number times the
 * identity, n numbers on the diagonal, or the whole. ELBO_EINVAL with the
 * setting's name for a wrong shape, an unsymmetric or an indefinite one (its
 * least eigenvalue is named); definite: also for a singular one. */
elbo_status elbo_covariance_setting(const char *name, const char *text, size_t n,
                                    bool definite, elbo_arena *arena,
                                    gsl_matrix **out);

#endif

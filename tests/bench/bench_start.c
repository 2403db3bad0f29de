/* tests/bench/bench_start.c -- a program that does nothing, linked to the
 * libraries of `elbo`: what the loader costs before `elbo` does anything.
 */
#include <gsl/gsl_cblas.h>
#include <gsl/gsl_errno.h>
#include <jansson.h>
#include <lapacke.h>
#include <omp.h>
#include <xxhash.h>
#include <yaml.h>

typedef void function(void);

/* One function of each, so that the linker keeps the library. */
static function *const volatile used[] = {
    (function *)gsl_set_error_handler_off,
    (function *)cblas_ddot,
    (function *)LAPACKE_dgetrf,
    (function *)yaml_get_version,
    (function *)json_null,
    (function *)XXH3_64bits,
    (function *)omp_get_max_threads,
};

int main(void)
{
    return used[0] == NULL;
}

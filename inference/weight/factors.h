/* inference/weight/factors.h -- the auxiliary factors, one file each.
 *
 * Distributions over (s, a) sum to 1. A factor that reads the true world says so
 * by `oracle`.
 */
#ifndef ELBO_WEIGHT_FACTORS_H
#define ELBO_WEIGHT_FACTORS_H

#include "inference/factor.h"

extern const elbo_factor elbo_factor_occupancy;
extern const elbo_factor elbo_factor_logratio; /* inference/transition */

#endif

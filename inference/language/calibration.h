/* inference/language/calibration.h -- what the maximum of an objective means,
 * read off its form.
 *
 * A sum of terms is as good as its worst. V and all else that the planner gives
 * is taken as given (gradient: stop). Calibrated: where the model class can be
 * right, the population optimum has the right conditional mean of the feature.
 *   logp, times a weight                         proper: a weighted likelihood
 *   -sq(X), -usq(X), -sum(sq(X))                 calibrated, X affine in exact
 *                                                means under the model, by
 *                                                factors that do not look at
 * next -abs(X), -norm(X)                            calibrated, where X sees
 * next only through Ed or mean -abs(X), -norm(X) of one next state
 * uncalibrated: fits the median -E(f), factors that look at next, sq(E(f,
 * n)...)  uncalibrated
 */
#ifndef ELBO_CALIBRATION_H
#define ELBO_CALIBRATION_H

#include "inference/language/expression.h"

/* From best to worst. */
typedef enum elbo_calibration {
    ELBO_NO_THETA, /* nothing is asked of the model directly */
    ELBO_PROPER,
    ELBO_CALIBRATED,
    ELBO_UNCALIBRATED,
    ELBO_CALIBRATION_UNKNOWN /* no form that is known here */
} elbo_calibration;

elbo_calibration elbo_expr_calibration(const elbo_expr *checked);

/* "calibrated: ..." */
const char *elbo_calibration_text(elbo_calibration calibration);

#endif

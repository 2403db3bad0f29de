/* inference/weight/factors.h -- the auxiliary factors, one file each.
 *
 * Distributions over (s, a) sum to 1. A factor that reads the true world says so
 * by `oracle`.
 */
#ifndef ELBO_WEIGHT_FACTORS_H
#define ELBO_WEIGHT_FACTORS_H

#include "inference/factor.h"

extern const elbo_factor elbo_factor_occupancy, elbo_factor_ratio,
    elbo_factor_gamps, elbo_factor_gamps_path, elbo_factor_tom,
    elbo_factor_pdml, elbo_factor_ampl, elbo_factor_distance_to,
    elbo_factor_value, elbo_factor_recent;
extern const elbo_factor elbo_factor_logratio; /* inference/transition */
extern const elbo_factor elbo_factor_metric;   /* inference/likelihood */

/* gamps.c: |grad log pi(a|s)| of a table of logits, up to their temperature. */
double elbo_gamps_score(const double pi[], size_t nA, size_t a);
/* eta [nS x nA] of any score [nS x nA] >= 0, summing to 1; one stage. */
elbo_status elbo_gamps_visits(const elbo_mdp *mdp, const elbo_kernel *P,
                              const double pi[], const double score[],
                              double eta[], elbo_arena *ws);
/* ampl.c: w [n] over rows with data d and critic terms g; returns c. */
double elbo_ampl_weights(const double d[], const double g[], size_t n,
                         double moment, bool normalised, double w[]);
/* pdml.c: omega [n] of rounds whose policies are at these distances > 0 from that
 * of round n - 1, n >= 1. */
void elbo_pdml_weights(const double distance[], size_t n, double max_rate,
                       double warm, double omega[]);
/* metric.c: out [nS x nA] = the task's slope along the metric's values, at which
 * the last M-step stands; theta is put back. */
elbo_status elbo_metric_slope(void *self, const elbo_factor_view *view,
                              const double values[], double out[],
                              elbo_arena *ws);
/* tom.c: the log ratio by its option, of a ratio x >= 0. */
double elbo_tom_ratio(const char *how, double x);

#endif

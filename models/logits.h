/* models/logits.h -- probabilities by softmax, for the models that follow
 * gradients.
 *
 *   p_k = exp(x_k) / sum_j exp(x_j)      x ~ N(0, 1 / precision), independent
 */
#ifndef ELBO_LOGITS_H
#define ELBO_LOGITS_H

#include <stddef.h>
#include <stdint.h>

/* p[at[k]] = softmax(x)[k]; `at` NULL: p[k]. n >= 1. */
void elbo_logits_softmax(const double x[], const uint32_t at[], size_t n,
                         double p[]);

/* grad_k += p_k (g_k - p'g), where p and g are read at at[k] as above. */
void elbo_logits_pullback(const double p[], const double g[],
                          const uint32_t at[], size_t n, double grad[]);

/* The normalised log density; grad[n] += its gradient unless NULL. */
double elbo_logits_log_prior(const double x[], size_t n, double precision,
                             double grad[]);

/* x = scale * standard normals of stream (seed, "model", 0). */
void elbo_logits_init(double x[], size_t n, double scale, uint64_t seed);

/* x = scale * uniforms on [0, 1) of the same stream. */
void elbo_logits_init_uniform(double x[], size_t n, double scale,
                              uint64_t seed);

#endif

/* tests/bent_world.h -- a control task in which the best and the worst affine model
 * are known.
 *
 *   world  x' = x + u + u^2 / 2 from x = 0.2, one step; r = -(x' - 0.7)^2
 *   model  x' ~ N(x + alpha + beta u, s^2): an ensemble of one affine map
 *   plan   u = (0.7 - x - alpha) / beta, cut to [-1, 1]
 *
 * or from x in [0.2, 1.2], by one draw of an episode's own stream.
 */
#ifndef ELBO_TEST_BENT_WORLD_H
#define ELBO_TEST_BENT_WORLD_H

#include "inference/task_state.h"
#include "models/ensemble.h"
#include "tests/engine_cases.h"

extern const double bent_start;
extern const elbo_env bent_env, bent_scattered; /* bent_text opens them */

case_text bent_text(const char *inference);
elbo_engine *bent_open(case_setup *c, const case_text *text, const elbo_env *env,
                       uint64_t seed);

/* What the model's world pays where the plan is by alpha and beta. */
double bent_earned(double start, double alpha, double beta);

/* Sums over the data, each over their number n: of w, w u, w u^2, w d, ... with
 * d = x' - x; and s. weight NULL: 1. */
typedef struct bent_sums {
    double n, w, u, u2, d, d2, du;
    double s;
} bent_sums;
bent_sums bent_sums_of(const elbo_engine *e, double (*weight)(double u));
double bent_mean_logp(const bent_sums *t, double alpha, double beta);

/* lambda mean w (logp - c J) - tau beta^2 / 2; its best point in [-1, 1] x
 * [0.05, 2.5], to 1e-4, and value. */
typedef struct bent_goal {
    bent_sums sums;
    double c, lambda, tau;
} bent_goal;
double bent_goal_at(const bent_goal *g, double alpha, double beta);
double bent_goal_best(const bent_goal *g, double best[2]);

/* alpha and beta as the model predicts from x = start. */
void bent_line(const elbo_engine *e, double start, double out[2]);

#endif

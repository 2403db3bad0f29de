/* inference/transition/corrected.c -- on-policy corrections: the model, shifted at
 * each stage by what it missed there in the latest real episode.
 *
 *   q = N(f(x, u) + r_t, W),   r_t = x_{t+1} - f(x_t, u_t)
 *
 * (Froehlich, Lefarov, Zeilinger, Berkenkamp 2022, "On-policy model errors in
 * reinforcement learning"). Neither a weight nor a tilt: the model is asked only
 * what a change of policy changes. It needs states that can be added, so it is a
 * setting of linear-Gaussian worlds (inference/linear_correct.c); a row of a finite
 * world has no shift, and what stands here is the clamp.
 */
#include "inference/transition.h"

static void expect(const elbo_tilt *tilt, const elbo_kernel *p, const double V[],
                   size_t first, size_t last, double out[])
{
    elbo_transition_model.expect(tilt, p, V, first, last, out);
}

const elbo_transition elbo_transition_corrected = {
    .name = "corrected",
    .source = "Froehlich, Lefarov, Zeilinger, Berkenkamp 2022",
    .formula = "q = p(s' - r_t), r_t = s'_t - E_p s' in the latest real episode",
    .doc = "in linear-Gaussian worlds: the model shifted, stage by stage, by its errors "
           "in the latest real episode",
    .expect = expect,
};

/* inference/task_feedback.h -- feedback: F_control's share of the M-step of control tasks.
 *
 *   theta maximises  kappa F_control + lambda E_D[w l] + log p(theta)
 *
 * F_control is what the E-step maximises: the soft return of the rollouts that are kept,
 * branched from data, whose last states are worth V. The policy, V and the states that
 * are passed stand still in an M-step, and so does whether a step ended its episode;
 * then, over n rollouts,
 *
 *   F_control = 1/n sum_steps gamma^t { rhat(o, u) + gamma (1 - end) E_{y ~ p_theta} V(y) }
 *
 * has the slope of the return (Sutton et al. 1999, theorem 1, read for a model in place
 * of a policy), each member as if it made each step. E V is one draw a row, either
 * reparameterised, or under gradient: score(n) by likelihood ratios (Williams 1992; as
 * the adversary of Rigter, Lacerda, Hawes, NeurIPS 2022, eq. 10):
 *
 *   1/n sum_k (gamma V(y_k) - mean of the others) dlog N(y_k; mean, std^2)
 *
 * With no rollouts yet there is no F_control, and the M-step is the data's alone.
 */
#ifndef ELBO_TASK_FEEDBACK_H
#define ELBO_TASK_FEEDBACK_H

#include "inference/gradient.h"
#include "inference/task_control.h"

typedef struct elbo_task_feedback elbo_task_feedback;

/* What it looks at; all borrowed for as long as it lives. */
typedef struct elbo_task_feedback_of {
    double kappa, gamma;
    size_t draws; /* of score; 0: one, reparameterised */
    const elbo_task_belief *belief;
    const elbo_task_control *control; /* has value_node */
    void *solver;
    const elbo_replay *rollouts;
} elbo_task_feedback_of;

/* From the arena, but for elbo_task_feedback_close. ELBO_EINVAL: the model tells no
 * reward, or is certain under score. */
elbo_status elbo_task_feedback_open(const elbo_task_feedback_of *of, elbo_arena *arena,
                                    elbo_task_feedback **out);
void elbo_task_feedback_close(elbo_task_feedback *f); /* NULL ok */

/* For an M-step whose data term weighs lambda; NULL: there are no rollouts. Then, after
 * it, whether its nodes could be made. */
const elbo_task_addend *elbo_task_feedback_plan(elbo_task_feedback *f, double lambda);
elbo_status elbo_task_feedback_made(const elbo_task_feedback *f);

#endif

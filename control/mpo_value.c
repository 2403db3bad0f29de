/* control/mpo_value.c -- V of MPO's policy by its critic.
 *
 *   box      mean over the 2 nu points mean(o) +- sqrt(nu) std_d(o) e_d of Q(o, u)
 *   choices  sum_a pi(a|o) Q(o, a)
 *
 * The points are the third-degree cubature of the policy's Gaussian, clipped to the
 * box: exact for a Q that is quadratic in u.
 */
#include <math.h>
#include <string.h>

#include "control/mpo_state.h"

/* +-sqrt(nu) e_d as a constant row: `sign` is the step. */
static elbo_node unit_row(elbo_tape *tape, size_t nu, size_t d, double step)
{
    elbo_node row = elbo_tape_number(tape, d == 0 ? step : 0);

    for (size_t k = 1; k < nu; k++)
        row = elbo_tape_join(tape, row,
                             elbo_tape_number(tape, d == k ? step : 0));
    return row;
}

static elbo_node box_value(elbo_mpo *mpo, elbo_tape *tape, elbo_node o,
                           const elbo_task_policy_nodes *pi)
{
    const size_t nu = mpo->problem.world->nu;
    elbo_node sum = 0;

    for (size_t k = 0; k < 2 * nu; k++) {
        const double step = (k % 2 ? -1 : 1) * sqrt((double)nu);
        const elbo_node moved = elbo_tape_binary(
            tape, ELBO_MUL, pi->std, unit_row(tape, nu, k / 2, step));
        const elbo_node u = elbo_tape_clip(
            tape, elbo_tape_binary(tape, ELBO_ADD, pi->mean, moved), -1, 1);
        const elbo_node Q =
            elbo_critic_least(&mpo->critic, tape, elbo_tape_join(tape, o, u));

        sum = k ? elbo_tape_binary(tape, ELBO_ADD, sum, Q) : Q;
    }
    return elbo_tape_scale(tape, sum, 1 / (2 * (double)nu));
}

elbo_status elbo_mpo_value_node(void *self, elbo_tape *tape, elbo_node o,
                                elbo_node *V)
{
    elbo_mpo *const mpo = self;
    const elbo_mlp_leaves leaves =
        elbo_mlp_own(&mpo->policy.mlp, tape, mpo->theta, mpo->wide);
    const elbo_task_policy_nodes pi =
        elbo_task_policy_node(&mpo->policy, &leaves, tape, o);

    if (mpo->problem.world->choices) {
        const elbo_node p = elbo_tape_unary(tape, ELBO_EXP, pi.mean);

        *V = elbo_tape_sum(
            tape,
            elbo_tape_binary(tape, ELBO_MUL, p,
                             elbo_critic_least(&mpo->critic, tape, o)),
            ELBO_ROWS);
        return ELBO_OK;
    }
    *V = box_value(mpo, tape, o, &pi);
    return ELBO_OK;
}

elbo_status elbo_mpo_value(void *self, size_t n, const float o[], float V[],
                           float gradient[], elbo_arena *ws)
{
    const elbo_mpo *const mpo = self;

    return elbo_task_value_by_node(elbo_mpo_value_node, self,
                                   mpo->problem.world->no, n, o, V, gradient,
                                   ws);
}

#include "control/mpo_loss.h"

static elbo_node times(elbo_tape *tape, elbo_node x, elbo_node y)
{
    return elbo_tape_binary(tape, ELBO_MUL, x, y);
}

/* sum_i w_i x_id, [1 x nu], or over d too, [1 x 1]. */
static elbo_node total(elbo_tape *tape, elbo_node x, elbo_node weight,
                       bool each)
{
    return elbo_tape_sum(tape, times(tape, x, weight),
                         each ? ELBO_COLS : ELBO_ALL);
}

static elbo_node squared_gap(elbo_tape *tape, elbo_node x, elbo_node y)
{
    return elbo_tape_unary(tape, ELBO_SQ,
                           elbo_tape_binary(tape, ELBO_SUB, x, y));
}

/* loss += sum_k a_k kl_k */
static elbo_node penalised(elbo_tape *tape, elbo_node loss, elbo_node a,
                           elbo_node kl)
{
    return elbo_tape_binary(tape, ELBO_ADD, loss,
                            elbo_tape_sum(tape, times(tape, a, kl), ELBO_ALL));
}

static void choice_loss(elbo_mpo_nodes *n, elbo_tape *tape,
                        const elbo_task_policy_nodes *pi)
{
    const elbo_node likelihood = times(tape, n->first, pi->mean);
    const elbo_node p_old = elbo_tape_unary(tape, ELBO_EXP, n->mean_old);
    const elbo_node gap =
        elbo_tape_binary(tape, ELBO_SUB, n->mean_old, pi->mean);

    n->kl_mean = total(tape, times(tape, p_old, gap), n->weight, false);
    n->loss =
        elbo_tape_scale(tape, total(tape, likelihood, n->weight, false), -1);
    n->loss = penalised(tape, n->loss, n->a_mean, n->kl_mean);
}

/* (first - mean)^2 / (2 std_old^2) and (mean - mean_old)^2 / (2 std_old^2). */
static void mean_loss(elbo_mpo_nodes *n, elbo_tape *tape, elbo_node mean,
                      bool each, double sets)
{
    const elbo_node twice =
        elbo_tape_scale(tape, elbo_tape_unary(tape, ELBO_SQ, n->std_old), 2);
    const elbo_node miss = elbo_tape_binary(
        tape, ELBO_DIV, squared_gap(tape, n->first, mean), twice);
    const elbo_node moved = elbo_tape_binary(
        tape, ELBO_DIV, squared_gap(tape, mean, n->mean_old), twice);

    n->kl_mean = total(tape, moved, n->weight, each);
    n->loss = elbo_tape_scale(tape, total(tape, miss, n->weight, false), sets);
    n->loss = penalised(tape, n->loss, n->a_mean, n->kl_mean);
}

/* log std + second / (2 std^2) and log(std / std_old) + std_old^2 / (2 std^2) -
 * 1/2. */
static void std_loss(elbo_mpo_nodes *n, elbo_tape *tape, elbo_node std,
                     bool each, double sets)
{
    const elbo_node twice =
        elbo_tape_scale(tape, elbo_tape_unary(tape, ELBO_SQ, std), 2);
    const elbo_node log_std = elbo_tape_unary(tape, ELBO_LOG, std);
    const elbo_node miss =
        elbo_tape_binary(tape, ELBO_ADD, log_std,
                         elbo_tape_binary(tape, ELBO_DIV, n->second, twice));
    const elbo_node ratio = elbo_tape_binary(
        tape, ELBO_DIV, elbo_tape_unary(tape, ELBO_SQ, n->std_old), twice);
    const elbo_node moved = elbo_tape_binary(
        tape, ELBO_SUB, log_std, elbo_tape_unary(tape, ELBO_LOG, n->std_old));
    const elbo_node kl = elbo_tape_binary(
        tape, ELBO_SUB, elbo_tape_binary(tape, ELBO_ADD, moved, ratio),
        elbo_tape_number(tape, 0.5));

    n->kl_std = total(tape, kl, n->weight, each);
    n->loss = elbo_tape_binary(
        tape, ELBO_ADD, n->loss,
        elbo_tape_scale(tape, total(tape, miss, n->weight, false), sets));
    n->loss = penalised(tape, n->loss, n->a_std, n->kl_std);
}

elbo_mpo_nodes elbo_mpo_loss(const elbo_task_policy *policy,
                             const elbo_mlp_leaves *leaves, elbo_tape *tape,
                             size_t rows, bool each_dimension, double sets)
{
    const size_t no = policy->world->no, nu = policy->world->nu;
    const bool choices = policy->world->choices > 0;
    const size_t k = each_dimension && !choices ? nu : 1;
    elbo_mpo_nodes n = {
        .o = elbo_tape_constant(tape, rows, no),
        .first = elbo_tape_constant(tape, rows, nu),
        .mean_old = elbo_tape_constant(tape, rows, nu),
        .weight = elbo_tape_constant(tape, rows, 1),
        .a_mean = elbo_tape_constant(tape, 1, k),
    };
    const elbo_task_policy_nodes pi =
        elbo_task_policy_node(policy, leaves, tape, n.o);

    if (choices) {
        choice_loss(&n, tape, &pi);
        return n;
    }
    n.std_old = elbo_tape_constant(tape, rows, nu);
    mean_loss(&n, tape, pi.mean, each_dimension, sets);
    if (policy->fixed) return n;
    n.second = elbo_tape_constant(tape, rows, nu);
    n.a_std = elbo_tape_constant(tape, 1, k);
    std_loss(&n, tape, pi.std, each_dimension, sets);
    return n;
}

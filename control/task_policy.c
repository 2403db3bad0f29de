#include "control/task_policy.h"

#include <assert.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

elbo_status elbo_task_policy_open(const elbo_values *options,
                                  const elbo_task_world *world, bool fixed,
                                  elbo_task_policy *out)
{
    const size_t heads = world->choices > 0 || fixed ? 1 : 2;

    *out = (elbo_task_policy){
        .world = world,
        .bounded = elbo_choice_is(options, "mean", "tanh"),
        .std = elbo_real(options, "std"),
        .floor = elbo_real(options, "std_floor"),
        .fixed = fixed,
    };
    if (world->nu == 0)
        return ELBO_FAIL(ELBO_EINVAL,
                         "a policy over 0 actions: the world has none");
    if (!fixed && !(out->std > out->floor))
        return ELBO_FAIL(ELBO_EINVAL, "std must be above std_floor, %g, not %g",
                         out->floor, out->std);
    return elbo_mlp_shape(&out->mlp, world->no,
                          (size_t)elbo_int(options, "layers"),
                          (size_t)elbo_int(options, "width"), heads * world->nu,
                          elbo_activation_named(elbo_text(options, "activation")));
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* softplus(c) = std - floor */
static double shift_of(const elbo_task_policy *policy)
{
    return log(expm1(policy->std - policy->floor));
}

double elbo_task_policy_raw_std(const elbo_task_policy *policy, double std)
{
    const double above = fmax(std - policy->floor, 1e-6);

    /* log(e^y - 1), which is y for large y */
    return above + log(-expm1(-above)) - shift_of(policy);
}

/* l <- log softmax(l) */
static void log_softmax(size_t n, float l[])
{
    double top = l[0], Z = 0;

    for (size_t a = 1; a < n; a++) top = fmax(top, l[a]);
    for (size_t a = 0; a < n; a++) Z += exp((double)l[a] - top);
    for (size_t a = 0; a < n; a++) l[a] = (float)((double)l[a] - top - log(Z));
}

static elbo_status forward(const elbo_task_policy *policy, const float theta[],
                           size_t n, const float o[], float mean[], float std[],
                           elbo_arena *ws)
{
    const size_t nu = policy->world->nu,
                 outputs = policy->mlp.width[policy->mlp.layers];
    const double shift = policy->fixed ? 0 : shift_of(policy);
    float *const out = elbo_arena_take(ws, n * outputs, sizeof *out);

    ELBO_TRY(elbo_arena_check(ws, "policy"));
    ELBO_TRY(elbo_mlp_forward(&policy->mlp, theta, n, o, out, ws));
    for (size_t i = 0; i < n; i++) {
        const float *const row = out + i * outputs;

        memcpy(mean + i * nu, row, nu * sizeof *mean);
        if (policy->world->choices) {
            log_softmax(nu, mean + i * nu);
            continue;
        }
        for (size_t d = 0; d < nu; d++) {
            if (policy->bounded) mean[i * nu + d] = tanhf(row[d]);
            std[i * nu + d] =
                (float)(policy->fixed
                            ? policy->std
                            : policy->floor
                                  + softplus((double)row[nu + d] + shift));
        }
    }
    return ELBO_OK;
}

elbo_status elbo_task_policy_forward(const elbo_task_policy *policy,
                                     const float theta[], size_t n,
                                     const float o[], float mean[], float std[],
                                     elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = forward(policy, theta, n, o, mean, std, ws);

    elbo_arena_release(ws, mark);
    return s;
}

elbo_task_policy_nodes elbo_task_policy_node(const elbo_task_policy *policy,
                                             const elbo_mlp_leaves *leaves,
                                             elbo_tape *tape, elbo_node o)
{
    const elbo_node out = elbo_mlp_node(&policy->mlp, leaves, tape, o);
    const size_t nu = policy->world->nu;
    elbo_task_policy_nodes nodes;

    if (policy->world->choices) {
        nodes.mean = elbo_tape_binary(tape, ELBO_SUB, out,
                                      elbo_tape_logsumexp(tape, out));
        nodes.std = nodes.mean;
        return nodes;
    }
    nodes.mean = policy->fixed ? out : elbo_tape_columns(tape, out, 0, nu);
    if (policy->bounded)
        nodes.mean = elbo_tape_unary(tape, ELBO_TANH, nodes.mean);
    if (policy->fixed) {
        nodes.std = elbo_tape_number(tape, policy->std);
        return nodes;
    }

    const elbo_node shifted =
        elbo_tape_binary(tape, ELBO_ADD, elbo_tape_columns(tape, out, nu, nu),
                         elbo_tape_number(tape, shift_of(policy)));

    nodes.std = elbo_tape_binary(tape, ELBO_ADD,
                                 elbo_tape_unary(tape, ELBO_SOFTPLUS, shifted),
                                 elbo_tape_number(tape, policy->floor));
    return nodes;
}

/* Of a box, a component: (a - mean)^2 / (2 std^2) + log std + log(2 pi) / 2. */
elbo_node elbo_task_policy_nll(const elbo_task_policy *policy,
                               const elbo_task_policy_nodes *nodes,
                               elbo_tape *tape, elbo_node a, elbo_node weight)
{
    elbo_node each;

    if (policy->world->choices) {
        each = elbo_tape_scale(
            tape, elbo_tape_binary(tape, ELBO_MUL, a, nodes->mean), -1);
    } else {
        const elbo_node gap = elbo_tape_binary(tape, ELBO_SUB, a, nodes->mean);
        const elbo_node z = elbo_tape_binary(tape, ELBO_DIV, gap, nodes->std);
        const elbo_node square =
            elbo_tape_scale(tape, elbo_tape_unary(tape, ELBO_SQ, z), 0.5);

        each = elbo_tape_binary(tape, ELBO_ADD, square,
                                elbo_tape_unary(tape, ELBO_LOG, nodes->std));
        each = elbo_tape_binary(tape, ELBO_ADD, each,
                                elbo_tape_number(tape, (M_LN2 + M_LNPI) / 2));
    }

    const elbo_node rows = elbo_tape_sum(tape, each, ELBO_ROWS);

    return elbo_tape_sum(tape, elbo_tape_binary(tape, ELBO_MUL, rows, weight),
                         ELBO_ALL);
}

/* One action in a box: a, its clip, and log density over the box's 2^-nu. */
static double act_in_box(const elbo_task_policy *policy,
                         const elbo_task_act *act, size_t j, const float mean[],
                         const float std[], double z[])
{
    const size_t nu = policy->world->nu;
    double logpi = 0;

    for (size_t d = 0; d < nu; d++) z[d] = 0;
    if (act->explore) elbo_rng_normals(&act->rng[j], z, nu);
    for (size_t d = 0; d < nu; d++) {
        const double a = (double)mean[d] + (double)std[d] * z[d];

        act->u[j * nu + d] = (float)fmin(fmax(a, -1), 1);
        logpi += M_LN2 - z[d] * z[d] / 2 - log((double)std[d])
                 - (M_LN2 + M_LNPI) / 2;
    }
    return logpi;
}

static double act_by_choice(const elbo_task_policy *policy,
                            const elbo_task_act *act, size_t j,
                            const float logp[], double p[])
{
    const size_t n = policy->world->nu;
    size_t chosen = 0;

    for (size_t a = 0; a < n; a++) p[a] = exp((double)logp[a]);
    if (act->explore) chosen = elbo_rng_categorical(&act->rng[j], p, n);
    for (size_t a = 1; !act->explore && a < n; a++)
        if (logp[a] > logp[chosen]) chosen = a;
    for (size_t a = 0; a < n; a++) act->u[j * n + a] = a == chosen ? 1 : 0;
    return (double)logp[chosen] + log((double)n);
}

static elbo_status act_rows(const elbo_task_policy *policy, const float theta[],
                            const elbo_task_act *act, elbo_arena *ws)
{
    const size_t nu = policy->world->nu;
    float *const mean = elbo_arena_take(ws, act->n * nu, sizeof *mean);
    float *const std = elbo_arena_take(ws, act->n * nu, sizeof *std);
    double *const room = elbo_arena_doubles(ws, nu);

    ELBO_TRY(elbo_arena_check(ws, "policy"));
    ELBO_TRY(forward(policy, theta, act->n, act->o, mean, std, ws));
    for (size_t j = 0; j < act->n; j++) {
        const float *const m = mean + j * nu;
        const double logpi =
            policy->world->choices
                ? act_by_choice(policy, act, j, m, room)
                : act_in_box(policy, act, j, m, std + j * nu, room);

        if (act->logpi) act->logpi[j] = logpi;
    }
    return ELBO_OK;
}

elbo_status elbo_task_policy_act(const elbo_task_policy *policy,
                                 const float theta[], const elbo_task_act *act,
                                 elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = act_rows(policy, theta, act, ws);

    elbo_arena_release(ws, mark);
    return s;
}

enum { VALUE_BLOCK = 512 };

/* The rows of one tape, filled up with the last of them. */
static void run_block(elbo_tape *tape, elbo_node in, elbo_node out, size_t no,
                      size_t rows, size_t block, const float o[], float room[],
                      float V[], float gradient[])
{
    for (size_t i = 0; i < block; i++)
        memcpy(room + i * no, o + (i < rows ? i : rows - 1) * no,
               no * sizeof *o);
    elbo_tape_set_f32(tape, in, room);
    elbo_tape_forward(tape);
    elbo_tape_get_f32(tape, out, room);
    memcpy(V, room, rows * sizeof *V);
    if (!gradient) return;
    elbo_tape_backward(tape, out);
    elbo_tape_gradient_f32(tape, in, room);
    memcpy(gradient, room, rows * no * sizeof *gradient);
}

static elbo_status value_rows(elbo_task_value_maker *node, void *self,
                              size_t no, size_t n, const float o[], float V[],
                              float gradient[], elbo_arena *ws)
{
    const size_t block = n < VALUE_BLOCK ? n : VALUE_BLOCK;
    float *const room = elbo_arena_take(ws, block * no, sizeof *room);
    elbo_tape *const tape = elbo_tape_place(ELBO_F32, ws);
    elbo_node in, out;

    ELBO_TRY(elbo_arena_check(ws, "value"));
    in = elbo_tape_input(tape, block, no);
    ELBO_TRY(node(self, tape, in, &out));
    ELBO_TRY(elbo_tape_finish(tape));
    for (size_t first = 0; first < n; first += block) {
        const size_t rows = n - first < block ? n - first : block;

        run_block(tape, in, out, no, rows, block, o + first * no, room,
                  V + first, gradient ? gradient + first * no : NULL);
    }
    return ELBO_OK;
}

elbo_status elbo_task_value_by_node(elbo_task_value_maker *node, void *self,
                                    size_t no, size_t n, const float o[],
                                    float V[], float gradient[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s =
        n ? value_rows(node, self, no, n, o, V, gradient, ws) : ELBO_OK;

    elbo_arena_release(ws, mark);
    return s;
}

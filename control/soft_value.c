#include "control/soft_value.h"

#include <assert.h>
#include <math.h>

/* Of the logarithm of the deviation. */
static const double least_log = -20, most_log = 2;
static const double half_log_2pi = 0.91893853320467274178;
static const double log_2 = 0.69314718055994530942;

elbo_status elbo_soft_shape_init(elbo_soft_shape *shape, const elbo_mlp *hidden)
{
    const size_t layers = hidden->layers - 1, width = hidden->width[1];
    const size_t no = shape->no, nu = shape->nu;
    const bool choices = shape->choices;

    if (nu == 0)
        return ELBO_FAIL(ELBO_EINVAL,
                         "an action space of size 0: nothing to choose");
    ELBO_TRY(elbo_mlp_shape(&shape->actor, no, layers, width,
                            choices || shape->hard ? nu : 2 * nu,
                            hidden->activation));
    return elbo_mlp_shape(&shape->critic, choices ? no : no + nu, layers, width,
                          choices ? nu : 1, hidden->activation);
}

size_t elbo_soft_critics(const elbo_soft_shape *shape,
                         const elbo_soft_nodes *nodes)
{
    return nodes->first ? 1 : shape->critics;
}

static elbo_node number(elbo_tape *tape, elbo_node x, elbo_binary op, double k)
{
    return elbo_tape_binary(tape, op, x, elbo_tape_number(tape, k));
}

/* Each row `samples` times. */
static elbo_node repeat(elbo_tape *tape, elbo_node x, size_t samples)
{
    const size_t rows = elbo_tape_rows(tape, x);

    if (samples == 1) return x;

    elbo_node part[ELBO_SOFT_SAMPLES];
    const size_t cols = elbo_tape_cols(tape, x);

    assert(samples <= ELBO_SOFT_SAMPLES);
    part[0] = x;
    for (size_t k = 1; k < samples; k++)
        part[k] = elbo_tape_join(tape, part[k - 1], x);
    return elbo_tape_reshape(tape, part[samples - 1], rows * samples, cols);
}

/* The mean of each row's `samples`, of [B samples x 1]. */
static elbo_node mean(elbo_tape *tape, elbo_node x, size_t samples)
{
    const size_t rows = elbo_tape_rows(tape, x) / samples;

    if (samples == 1) return x;
    x = elbo_tape_sum(tape, elbo_tape_reshape(tape, x, rows, samples),
                      ELBO_ROWS);
    return elbo_tape_scale(tape, x, 1 / (double)samples);
}

/* u and log pi/pi0 from the outputs of the policy's network. */
static elbo_node squash(elbo_tape *tape, elbo_node head, elbo_node noise,
                        size_t nu, elbo_node *u)
{
    const elbo_node m = elbo_tape_columns(tape, head, 0, nu);
    const elbo_node l = elbo_tape_clip(
        tape, elbo_tape_columns(tape, head, nu, nu), least_log, most_log);
    const elbo_node spread = elbo_tape_binary(
        tape, ELBO_MUL, elbo_tape_unary(tape, ELBO_EXP, l), noise);
    const elbo_node x = elbo_tape_binary(tape, ELBO_ADD, m, spread);
    /* x + softplus(-2 x) = -log(1 - u^2) / 2 + log 2 */
    const elbo_node soft =
        elbo_tape_unary(tape, ELBO_SOFTPLUS, elbo_tape_scale(tape, x, -2));
    const elbo_node slope =
        elbo_tape_scale(tape, elbo_tape_binary(tape, ELBO_ADD, x, soft), 2);
    const elbo_node square =
        elbo_tape_scale(tape, elbo_tape_unary(tape, ELBO_SQ, noise), -0.5);
    const elbo_node each = number(
        tape,
        elbo_tape_binary(tape, ELBO_ADD,
                         elbo_tape_binary(tape, ELBO_SUB, square, l), slope),
        ELBO_SUB, half_log_2pi + log_2);

    *u = elbo_tape_unary(tape, ELBO_TANH, x);
    return elbo_tape_sum(tape, each, ELBO_ROWS);
}

void elbo_soft_policy(const elbo_soft_shape *shape, elbo_tape *tape,
                      const elbo_mlp_leaves *actor, elbo_node o,
                      elbo_node noise, elbo_node *u, elbo_node *kl)
{
    const elbo_node head = elbo_mlp_node(&shape->actor, actor, tape, o);

    *kl = squash(tape, head, noise, shape->nu, u);
}

/* min_k Q_k(input), of constant critics unless they are given. */
static elbo_node least(const elbo_soft_shape *shape, elbo_tape *tape,
                       elbo_node input, elbo_soft_nodes *nodes)
{
    elbo_node q = 0;

    for (size_t k = 0; k < elbo_soft_critics(shape, nodes); k++) {
        if (!nodes->judged)
            nodes->critic[k] = elbo_mlp_leaf(&shape->critic, tape, false);

        const elbo_node qk =
            elbo_mlp_node(&shape->critic, &nodes->critic[k], tape, input);

        q = k ? elbo_tape_binary(tape, ELBO_MIN, q, qk) : qk;
    }
    return q;
}

static void value_of_choices(const elbo_soft_shape *shape, elbo_tape *tape,
                             elbo_node head, elbo_soft_nodes *nodes)
{
    const elbo_node q = least(shape, tape, nodes->o, nodes);
    const elbo_node logits =
        shape->softmax ? elbo_tape_binary(tape, ELBO_DIV, q, nodes->alpha) : head;
    const elbo_node logpi = elbo_tape_binary(tape, ELBO_SUB, logits,
                                             elbo_tape_logsumexp(tape, logits));
    const elbo_node pi = elbo_tape_unary(tape, ELBO_EXP, logpi);
    const elbo_node ratio =
        number(tape, logpi, ELBO_ADD, log((double)shape->nu));

    nodes->kl = elbo_tape_sum(tape, elbo_tape_binary(tape, ELBO_MUL, pi, ratio),
                              ELBO_ROWS);
    nodes->q =
        elbo_tape_sum(tape, elbo_tape_binary(tape, ELBO_MUL, pi, q), ELBO_ROWS);
}

/* The policy network's action, V = Q there. */
static void value_of_hard(const elbo_soft_shape *shape, elbo_tape *tape,
                          elbo_node head, elbo_soft_nodes *nodes)
{
    elbo_node u = elbo_tape_unary(tape, ELBO_TANH, head);

    if (nodes->smooth)
        u = elbo_tape_clip(
            tape, elbo_tape_binary(tape, ELBO_ADD, u, nodes->noise), -1, 1);
    nodes->q = least(shape, tape, elbo_tape_join(tape, nodes->o, u), nodes);
    nodes->kl = elbo_tape_sum(
        tape, elbo_tape_scale(tape, elbo_tape_unary(tape, ELBO_STOP, u), 0),
        ELBO_ROWS);
}

void elbo_soft_value(const elbo_soft_shape *shape, elbo_tape *tape, bool learnt,
                     elbo_soft_nodes *nodes)
{
    const size_t samples = nodes->samples;

    if (!nodes->shared)
        nodes->actor = elbo_mlp_leaf(&shape->actor, tape, learnt);

    const elbo_node head =
        elbo_mlp_node(&shape->actor, &nodes->actor, tape, nodes->o);

    assert(samples >= 1 && (samples == 1 || !(shape->choices || shape->hard)));
    if (shape->choices) {
        value_of_choices(shape, tape, head, nodes);
    } else if (shape->hard) {
        value_of_hard(shape, tape, head, nodes);
    } else {
        elbo_node u;
        const elbo_node kl = squash(tape, repeat(tape, head, samples),
                                    nodes->noise, shape->nu, &u);
        const elbo_node input =
            elbo_tape_join(tape, repeat(tape, nodes->o, samples), u);

        nodes->kl = mean(tape, kl, samples);
        nodes->q = mean(tape, least(shape, tape, input, nodes), samples);
    }
    nodes->V = elbo_tape_binary(
        tape, ELBO_SUB, nodes->q,
        elbo_tape_binary(tape, ELBO_MUL, nodes->kl, nodes->alpha));
}

void elbo_critic_loss(const elbo_soft_shape *shape, elbo_tape *tape,
                      size_t total, elbo_critic_nodes *nodes)
{
    const elbo_node input =
        shape->choices ? nodes->o : elbo_tape_join(tape, nodes->o, nodes->u);

    nodes->critic = elbo_mlp_leaf(&shape->critic, tape, true);
    nodes->q = elbo_mlp_node(&shape->critic, &nodes->critic, tape, input);
    if (shape->choices)
        nodes->q = elbo_tape_sum(
            tape, elbo_tape_binary(tape, ELBO_MUL, nodes->q, nodes->u),
            ELBO_ROWS);

    const elbo_node error = elbo_tape_unary(
        tape, ELBO_SQ, elbo_tape_binary(tape, ELBO_SUB, nodes->q, nodes->y));
    const elbo_node sum = elbo_tape_sum(
        tape, elbo_tape_binary(tape, ELBO_MUL, nodes->weight, error), ELBO_ALL);

    nodes->loss = elbo_tape_scale(tape, sum, 0.5 / (double)total);
}

/* log(1 + exp(x)) */
static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

double elbo_soft_sample(const float head[], const double noise[], size_t nu,
                        float u[])
{
    double sum = 0;

    for (size_t i = 0; i < nu; i++) {
        const double e = noise ? noise[i] : 0;
        const double l = fmin(fmax((double)head[nu + i], least_log), most_log);
        const double x = (double)head[i] + exp(l) * e;

        u[i] = (float)tanh(x);
        sum +=
            -e * e / 2 - l - half_log_2pi - log_2 + 2 * (x + softplus(-2 * x));
    }
    return sum;
}

double elbo_soft_choose(const float head[], double uniform, size_t nu,
                        float u[])
{
    double top = -INFINITY, sum = 0, below = 0;
    size_t choice = 0;

    for (size_t i = 0; i < nu; i++) {
        if ((double)head[i] > top) choice = i;
        top = fmax(top, (double)head[i]);
    }
    for (size_t i = 0; i < nu; i++) sum += exp((double)head[i] - top);
    for (size_t i = 0; i < nu && uniform >= 0; i++) {
        const double p = exp((double)head[i] - top) / sum;

        if (p > 0) choice = i; /* the last takes what rounding leaves */
        below += p;
        if (uniform < below) break;
    }
    for (size_t i = 0; i < nu; i++) u[i] = i == choice;
    return (double)head[choice] - top - log(sum) + log((double)nu);
}

double elbo_soft_density(const float head[], const float u[], size_t nu)
{
    static const double edge = 1 - 0x1p-24;
    double sum = 0;

    for (size_t i = 0; i < nu; i++) {
        const double x = atanh(fmin(fmax((double)u[i], -edge), edge));
        const double l = fmin(fmax((double)head[nu + i], least_log), most_log);
        const double e = (x - (double)head[i]) * exp(-l);

        sum +=
            -e * e / 2 - l - half_log_2pi - log_2 + 2 * (x + softplus(-2 * x));
    }
    return sum;
}

double elbo_soft_chosen(const float head[], const float u[], size_t nu)
{
    double top = -INFINITY, sum = 0, chosen = 0;

    for (size_t i = 0; i < nu; i++) top = fmax(top, (double)head[i]);
    for (size_t i = 0; i < nu; i++) {
        sum += exp((double)head[i] - top);
        chosen += (double)u[i] * ((double)head[i] - top);
    }
    return chosen - log(sum) + log((double)nu);
}

void elbo_hard_sample(const float head[], const double noise[],
                      double deviation, size_t nu, float u[])
{
    for (size_t i = 0; i < nu; i++) {
        const double x =
            tanh((double)head[i]) + (noise ? deviation * noise[i] : 0);

        u[i] = (float)fmin(fmax(x, -1), 1);
    }
}

double elbo_soft_entropy(const elbo_soft_shape *shape, double kl)
{
    const double nu = (double)shape->nu;

    return (shape->choices ? log(nu) : nu * log_2) - kl;
}

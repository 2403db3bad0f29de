/* tests/policy_truths.c -- Epi by sums over actions, roll by Gauss-Hermite sums over
 * paths.
 */
#include "tests/policy_truths.h"

#include <math.h>

/* A function of (s, a), in plain C. */
typedef double of_action(const net_lab *l, size_t i, double u, double logpi);

static double mean_over_actions(const net_lab *l, size_t i, of_action *f)
{
    double sum = 0;

    for (size_t k = 0; k < net_lab_actions(l); k++) {
        double share, logpi;
        const double u =
            net_lab_action(l, l->o + i * NO, k, &share, &logpi);

        sum += share * f(l, i, u, logpi);
    }
    return sum;
}

static double Q_of(const net_lab *l, size_t i, double u, double logpi)
{
    (void)logpi;
    return net_lab_Q(l, l->o + i * NO, u);
}

static double logpi_of(const net_lab *l, size_t i, double u, double logpi)
{
    (void)l, (void)i, (void)u;
    return logpi;
}

static double square_of(const net_lab *l, size_t i, double u, double logpi)
{
    (void)l, (void)i, (void)logpi;
    return u * u;
}

/* sq(rhat - A(s, a)) sum(E(y) * s) */
static double model_of(const net_lab *l, size_t i, double u, double logpi)
{
    const double *const o = l->o + i * NO;
    const double V = (double)l->table[ELBO_NETWORK_V][i];
    double mean[NO], std[NO];

    (void)logpi;
    net_lab_moments_at(l, o, u, mean, std);
    return pow(mean[0] + mean[1] - (net_lab_Q(l, o, u) - V), 2)
           * (mean[0] * o[0] + mean[1] * o[1]);
}

/* Var(sum(y)) + E(sum(sq(y))) */
static double moments_of(const net_lab *l, size_t i, double u, double logpi)
{
    double mean[NO], std[NO], sum = 0;

    (void)logpi;
    net_lab_moments_at(l, l->o + i * NO, u, mean, std);
    for (size_t k = 0; k < NO; k++)
        sum += 2 * std[k] * std[k] + mean[k] * mean[k];
    return sum;
}

/* E V(y), which no data end. */
static double V_of(const net_lab *l, size_t i, double u, double logpi)
{
    double mean[NO], std[NO], sum = 0;

    (void)logpi;
    net_lab_moments_at(l, l->o + i * NO, u, mean, std);
    for (size_t a = 0; a < LAB_POINTS; a++)
        for (size_t b = 0; b < LAB_POINTS; b++) {
            double p, q;
            const double x = net_lab_point(a, &p), z = net_lab_point(b, &q);
            const double y[NO] = {mean[0] + std[0] * x, mean[1] + std[1] * z};

            sum += p * q * net_lab_V(l, y);
        }
    return sum;
}

static double of_soft(const net_lab *l, size_t i)
{
    return l->r[i]
           * (mean_over_actions(l, i, Q_of)
              - 0.3 * mean_over_actions(l, i, logpi_of));
}

static double of_squares(const net_lab *l, size_t i)
{
    return mean_over_actions(l, i, square_of) * l->u[i]
           - (double)l->table[ELBO_NETWORK_Q][i];
}

static double of_model(const net_lab *l, size_t i)
{
    return mean_over_actions(l, i, model_of);
}

static double of_moments(const net_lab *l, size_t i)
{
    return mean_over_actions(l, i, moments_of);
}

static double of_constants(const net_lab *l, size_t i)
{
    return 2.385 + (double)l->table[ELBO_NETWORK_V][i];
}

static double of_calibrated(const net_lab *l, size_t i)
{
    return -0.5 * pow(mean_over_actions(l, i, V_of) - l->r[i], 2);
}

static double rhat_of(const net_lab *l, size_t i, double u, double logpi)
{
    double mean[NO], std[NO];

    (void)logpi;
    net_lab_moments_at(l, l->o + i * NO, u, mean, std);
    return mean[0] + mean[1];
}

/* After Epi the member is that of the data's own action again. */
static double of_own_action(const net_lab *l, size_t i)
{
    double mean[NO], std[NO];

    net_lab_moments(l, i, mean, std);
    return (mean_over_actions(l, i, rhat_of) - mean[0] - mean[1])
           * (std[0] * std[0] + std[1] * std[1]);
}

/* ---- paths ---- */

/* The mean of V, or of the sum of entries, `steps` ahead of (o, u). */
static double ahead(const net_lab *l, const double o[NO], double u,
                    size_t steps, bool value);

static double over_actions(const net_lab *l, const double y[NO], size_t steps,
                           bool value)
{
    double sum = 0;

    for (size_t k = 0; l->choices && k < LAB_CHOICES; k++) {
        double share, logpi;
        const double u = net_lab_action(l, y, k, &share, &logpi);

        sum += share * ahead(l, y, u, steps, value);
    }
    for (size_t k = 0; !l->choices && k < LAB_POINTS; k++) {
        double share;
        const double u = net_lab_draw(y, net_lab_point(k, &share));

        sum += share * ahead(l, y, u, steps, value);
    }
    return sum;
}

static double ahead(const net_lab *l, const double o[NO], double u,
                    size_t steps, bool value)
{
    const size_t points = l->certain ? 1 : LAB_POINTS;
    double mean[NO], std[NO], sum = 0;

    net_lab_moments_at(l, o, u, mean, std);
    for (size_t a = 0; a < points; a++)
        for (size_t b = 0; b < points; b++) {
            double p = 1, q = 1;
            const double x = l->certain ? 0 : net_lab_point(a, &p);
            const double z = l->certain ? 0 : net_lab_point(b, &q);
            const double y[NO] = {mean[0] + std[0] * x, mean[1] + std[1] * z};
            const double last = value ? net_lab_V(l, y) : y[0] + y[1];

            sum += p * q
                   * (steps == 1 ? last : over_actions(l, y, steps - 1, value));
        }
    return sum;
}

static double row_ahead(const net_lab *l, size_t i, size_t steps, bool value)
{
    return ahead(l, l->o + i * NO, l->u[i], steps, value)
           * (value ? 1 - l->end[i] : 1);
}

static double of_two_steps(const net_lab *l, size_t i)
{
    return row_ahead(l, i, 2, true);
}

static double of_two_squared(const net_lab *l, size_t i)
{
    return -0.5 * pow(row_ahead(l, i, 2, true) - l->r[i], 2);
}

static double of_one_step(const net_lab *l, size_t i)
{
    return row_ahead(l, i, 1, true);
}

static double of_three(const net_lab *l, size_t i)
{
    return row_ahead(l, i, 3, true) * row_ahead(l, i, 2, false) + l->u[i];
}

static double of_sum(const net_lab *l, size_t i)
{
    return 2 * row_ahead(l, i, 1, false);
}

/* ---- each case, by both policies ---- */

/* (roll V - E V) E V, by samples of roll's own and of E's. */
static double of_gain(const net_lab *l, size_t i)
{
    const double one = row_ahead(l, i, 1, true);

    return (row_ahead(l, i, 2, true) - one) * one;
}

/* Two means of the same, each of samples of its own. */
static double of_nothing(const net_lab *l, size_t i)
{
    (void)l, (void)i;
    return 0;
}

const policy_truth policy_truths[] = {
    {{"r*(Epi(Q(s, a)) - 0.3*Epi(logpi))", of_soft, false}, false, false},
    {{"Epi(sum(sq(a)))*sum(a) - Q(s, a)", of_squares, false}, false, false},
    {{"Epi(sq(rhat - A(s, a))*sum(E(y)*s))", of_model, false}, false, false},
    {{"Epi(Var(sum(y)) + E(sum(sq(y))))", of_moments, false}, false, false},
    {{"Epi(2.385) + Epi(V(s))", of_constants, false}, false, false},
    {{"(Epi(rhat) - rhat)*Var(sum(y))", of_own_action, false}, false, false},
    {{"roll(1, 2*sum(y))", of_sum, false}, false, false},
    {{"roll(3, V(y))*roll(2, sum(y)) + sum(a)", of_three, false}, true, true},
    {{"-0.5*sq(Epi(E(V(y))) - r)", of_calibrated, true}, false, false},
    {{"roll(1, V(y))", of_one_step, true}, false, false},
    {{"roll(2, V(y))", of_two_steps, true}, false, false},
    {{"-0.5*sq(roll(2, V(y)) - Ed(r))", of_two_squared, true}, false, false},
    {{"-0.5*sq(roll(2, V(y)) - r)", of_two_squared, true}, true, false},
    {{"sq(roll(2, V(y)) - roll(2, V(y)))", of_nothing, true}, false, false},
    {{"sq(roll(2, V(y)) - roll(2, V(y)))", of_nothing, true}, true, false},
    {{"(roll(2, V(y)) - E(V(y)))*E(V(y))", of_gain, true}, false, false},
};
_Static_assert(sizeof policy_truths / sizeof *policy_truths == POLICY_TRUTHS,
               "policy_truths.h counts them");

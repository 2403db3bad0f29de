#include "tests/network_truths.h"

#include <check.h>
#include <math.h>

static double sum_y(const net_lab *l, size_t i, const double y[])
{
    (void)l, (void)i;
    return y[0] + y[1];
}

static double squares(const net_lab *l, size_t i, const double y[])
{
    const double a = y[0] - l->next[i * NO], b = y[1] - l->next[i * NO + 1];

    return a * a + b * b;
}

static double weighed(const net_lab *l, size_t i, const double y[])
{
    const double a = l->o[i * NO] * y[0] - 1, b = l->o[i * NO + 1] * y[1] - 1;

    return l->r[i] * (a * a + b * b);
}

static double first_square(const net_lab *l, size_t i, const double y[])
{
    const double s = squares(l, i, y);

    return s * s;
}

double network_V_at(const net_lab *l, size_t i, const double y[])
{
    return (1 - l->end[i]) * net_lab_V(l, y);
}

static double V_square(const net_lab *l, size_t i, const double y[])
{
    return network_V_at(l, i, y) * network_V_at(l, i, y);
}

static double miss(const net_lab *l, size_t i, const double y[])
{
    return fabs(network_V_at(l, i, y)
                - (double)l->table[ELBO_NETWORK_V_NEXT][i]);
}

double network_V_next(const net_lab *l, size_t i)
{
    return (double)l->table[ELBO_NETWORK_V_NEXT][i];
}

static double of_logp(const net_lab *l, size_t i)
{
    double mean[NO], std[NO], sum = -NO * 0.5 * log(2 * acos(-1));

    net_lab_moments(l, i, mean, std);
    for (size_t k = 0; k < NO; k++)
        sum -= 0.5 * pow((l->next[i * NO + k] - mean[k]) / std[k], 2)
               + log(std[k]);
    return sum;
}

static double of_mse(const net_lab *l, size_t i)
{
    double mean[NO], std[NO];

    net_lab_moments(l, i, mean, std);
    return -0.5 * squares(l, i, mean);
}

static double of_vagram(const net_lab *l, size_t i)
{
    const float *const g = l->table[ELBO_NETWORK_SLOPE_NEXT] + i * NO;
    double mean[NO], std[NO], sum = 0;

    net_lab_moments(l, i, mean, std);
    for (size_t k = 0; k < NO; k++)
        sum -= 0.5 * pow((double)g[k] * (mean[k] - l->next[i * NO + k]), 2);
    return sum;
}

static double of_squares(const net_lab *l, size_t i)
{
    return net_lab_E(l, i, squares);
}

static double of_weighed(const net_lab *l, size_t i)
{
    return net_lab_E(l, i, weighed);
}

static double of_variance(const net_lab *l, size_t i)
{
    const double mean = net_lab_E(l, i, squares);

    return net_lab_E(l, i, first_square) - mean * mean;
}

static double of_planner(const net_lab *l, size_t i)
{
    const double Q = (double)l->table[ELBO_NETWORK_Q][i];
    const double V = (double)l->table[ELBO_NETWORK_V][i];

    return (Q - V) * exp((double)l->table[ELBO_NETWORK_LOGPI][i])
           + l->gamma * l->r[i];
}

static double of_calls(const net_lab *l, size_t i)
{
    const double *const o = l->o + i * NO, *const x = l->next + i * NO;
    const double d = hypot(o[0] - x[0], o[1] - x[1]);

    return sqrt(d) + fmax(l->u[i], 0) - fmin(d, 1)
           + fmin(fmax(l->r[i], -0.5), 0.5) + (o[0] + o[1]) / hypot(o[0], o[1])
           + log(2 + fabs(l->u[i])) + pow(d, 3);
}

static double of_mean(const net_lab *l, size_t i)
{
    double sum = 0, w = 0;

    (void)i;
    for (size_t k = 0; k < ROWS; k++) {
        sum += l->weight[k] * (net_lab_E(l, k, sum_y) - l->r[k]);
        w += l->weight[k];
    }
    return fabs(sum / w);
}

static double of_at_mean(const net_lab *l, size_t i)
{
    double mean[NO], std[NO];

    net_lab_moments(l, i, mean, std);
    return (1 - l->end[i]) * net_lab_V(l, mean);
}

/* What is of next alone ends with the episode. */
static double of_elsewhere(const net_lab *l, size_t i)
{
    const double *const s = l->o + i * NO, *const next = l->next + i * NO;

    return net_lab_V(l, (double[NO]){1.1 * s[0], 1.1 * s[1]})
           - 2 * network_V_at(l, i, (double[NO]){0.9 * next[0], 0.9 * next[1]});
}

static double of_standing(const net_lab *l, size_t i)
{
    const double old = (double)l->table[ELBO_NETWORK_THEN][i];
    const double last = (double)l->table[ELBO_NETWORK_THEN_NEXT][i];
    const double here = (double)l->table[ELBO_NETWORK_TARGET][i];
    const double there = (double)l->table[ELBO_NETWORK_TARGET_NEXT][i];
    double mean[NO], std[NO];

    net_lab_moments(l, i, mean, std);
    return (old - 2 * last) * here + there
           - (1 - l->end[i]) * net_lab_target(l, mean);
}

static double target_at(const net_lab *l, size_t i, const double y[])
{
    return (1 - l->end[i]) * net_lab_target(l, y);
}

static double of_slow_vaml(const net_lab *l, size_t i)
{
    const double aim = (double)l->table[ELBO_NETWORK_TARGET_NEXT][i];

    return -0.5 * pow(net_lab_E(l, i, target_at) - aim, 2);
}

static double of_factors(const net_lab *l, size_t i)
{
    return l->factor[1][i] * fmin(l->factor[0][i], 2);
}

double network_itervaml(const net_lab *l, size_t i)
{
    return -0.5 * pow(net_lab_E(l, i, network_V_at) - network_V_next(l, i), 2);
}

static double of_sampled(const net_lab *l, size_t i)
{
    const double E = net_lab_E(l, i, network_V_at), t = network_V_next(l, i);

    return -0.5 * (net_lab_E(l, i, V_square) - 2 * t * E + t * t);
}

static double of_product(const net_lab *l, size_t i)
{
    return net_lab_E(l, i, network_V_at) * net_lab_E(l, i, miss);
}

double network_V_variance(const net_lab *l, size_t i)
{
    return net_lab_E(l, i, V_square) - pow(net_lab_E(l, i, network_V_at), 2);
}

static double of_equivalence(const net_lab *l, size_t i)
{
    double mean[NO], std[NO];

    net_lab_moments(l, i, mean, std);
    return -0.5
           * pow(mean[0] + mean[1] + l->gamma * net_lab_E(l, i, network_V_at)
                     - (l->r[i] + l->gamma * network_V_next(l, i)),
                 2);
}

static double of_pair(const net_lab *l, size_t i)
{
    return of_logp(l, i) + 0.2 * network_itervaml(l, i);
}

const network_truth network_truths[] = {
    {"logp",                                                    of_logp,            false},
    {"-0.5*sum(sq(E(y) - next))",                               of_mse,             false},
    {"-0.5*sum(sq(stop(gradV(next))*(E(y) - next)))",           of_vagram,          false},
    {"E(sum(sq(y - next)))",                                    of_squares,         false},
    {"sum(E(sq(next - y)))",                                    of_squares,         false},
    {"E(dot(y - next, y - next)/1)",                            of_squares,         false},
    {"E(r*sum((s*y - 1)^2))",                                   of_weighed,         false},
    {"Var(sum(sq(y - next)))",                                  of_variance,        false},
    {"A(s, a)*exp(logpi) + gamma*r",                            of_planner,         false},
    {"sqrt(distance(s, next)) + relu(sum(a)) - min(norm(next - s), 1)"
     " + clip(r, -0.5, 0.5) + sum(normalize(s)) + log(2 + norm(a))"
     " + max(distance(s, next), 0)^3",                     of_calls,           false},
    {"abs(mean(E(sum(y)) - r))",                                of_mean,            false},
    {"abs(mean(rhat*0 + E(sum(y)) - Ed(r)))",                   of_mean,            false},
    {"V(E(y))",                                                 of_at_mean,         false},
    {"V(1.1*s) - 2*V(0.9*next)",                                of_elsewhere,       false},
    {"(V_then(s) - 2*V_then(next))*V_target(s) + V_target(next)"
     " - V_target(E(y))",                                       of_standing,        false},
    {"clip(logratio, 0, 2)*occupancy(current)/occupancy(data)", of_factors,
     false                                                                               },
    {"-0.5*sq(E(V(y)) - V(next))",                              network_itervaml,   true },
    {"-0.5*sq(E(V(y)) - Ed(V(next)))",                          network_itervaml,   true },
    {"-0.5*(V(next) - E(V(y)))^2",                              network_itervaml,   true },
    {"-0.5*usq(E(V(y), 3) - V(next))",                          network_itervaml,   true },
    {"-0.5*sq(E(V_target(y)) - V_target(next))",                of_slow_vaml,       true },
    {"-0.5*E(sq(V(y) - V(next)))",                              of_sampled,         true },
    {"-0.5*E(sq(V(y) - V(next)), 2)",                           of_sampled,         true },
    {"E(V(y))*E(abs(V(y) - V(next)))",                          of_product,         true },
    {"Var(V(y))",                                               network_V_variance, true },
    {"-0.5*sq(rhat + gamma*E(V(y)) - (r + gamma*V(next)))",     of_equivalence,
     true                                                                                },
    {"logp - 0.1*sq(E(V(y)) - V(next))",                        of_pair,            true },
};
_Static_assert(sizeof network_truths / sizeof *network_truths == NETWORK_TRUTHS,
               "network_truths.h counts them");

void network_is(net_lab *l, const network_truth *t, elbo_rng *rng, double tolerance)
{
    double got[ROWS];

    net_lab_bind(l, rng);
    net_lab_values(l, got);
    for (size_t i = 0; i < ROWS; i++) {
        const double want = t->want(l, i);

        ck_assert_msg(fabs(got[i] - want) <= tolerance * (1 + fabs(want)),
                      "%s, row %zu: %.17g, not %.17g", t->text, i, got[i], want);
    }
}

void network_is_on_average(net_lab *l, const network_truth *t, elbo_rng *rng)
{
    double got[ROWS], sum[ROWS] = {0}, square[ROWS] = {0};

    for (size_t k = 0; k < NETWORK_DRAWS; k++) {
        net_lab_bind(l, rng);
        net_lab_values(l, got);
        for (size_t i = 0; i < ROWS; i++) {
            sum[i] += got[i] / NETWORK_DRAWS;
            square[i] += got[i] * got[i] / NETWORK_DRAWS;
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        const double want = t->want(l, i);
        const double error =
            sqrt(fmax(square[i] - sum[i] * sum[i], 0) / NETWORK_DRAWS);

        ck_assert_msg(fabs(sum[i] - want) <= 5 * error + 1e-9,
                      "%s, row %zu: %g +- %g, not %g", t->text, i, sum[i], error, want);
    }
}

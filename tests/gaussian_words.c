/* tests/gaussian_words.c -- expressions in linear-Gaussian worlds, twice. */
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "tests/gaussian_lab.h"

/* ---- the words, one transition at a time ---- */

static double quadratic(const lab *l, elbo_gaussian_table P, size_t i, size_t later,
                        const double z[], size_t n)
{
    const double *const M = lab_row(l, P, i, later);
    const double *const p = lab_row(l, (elbo_gaussian_table)(P + 1), i, later);
    double f = *lab_row(l, (elbo_gaussian_table)(P + 2), i, later);

    for (size_t a = 0; a < n; a++) {
        f += p[a] * z[a];
        for (size_t b = 0; b < n; b++) f -= z[a] * M[a * n + b] * z[b] / 2;
    }
    return f;
}

static double V(const lab *l, size_t i, size_t later, const double x[])
{
    return quadratic(l, ELBO_GAUSSIAN_V_P, i, later, x, NX);
}

static double of_pair(const lab *l, elbo_gaussian_table P, size_t i, const double x[],
                      const double u[])
{
    double z[NZ];

    memcpy(z, x, NX * sizeof *z);
    memcpy(z + NX, u, NU * sizeof *z);
    return quadratic(l, P, i, 0, z, NZ);
}

static double Q(const lab *l, size_t i, const double x[], const double u[])
{
    return of_pair(l, ELBO_GAUSSIAN_Q_P, i, x, u);
}

static double reward(const lab *l, size_t i)
{
    return of_pair(l, ELBO_GAUSSIAN_R_P, i, l->x + i * NX, l->u + i * NU);
}

static void slope(const lab *l, size_t i, size_t later, const double x[], double g[])
{
    const double *const P = lab_row(l, ELBO_GAUSSIAN_V_P, i, later);
    const double *const p = lab_row(l, ELBO_GAUSSIAN_V_p, i, later);

    for (size_t a = 0; a < NX; a++) {
        g[a] = p[a];
        for (size_t b = 0; b < NX; b++) g[a] -= P[a * NX + b] * x[b];
    }
}

static void mean_of_y(const lab *l, size_t i, double m[])
{
    const double *const M = lab_row(l, ELBO_GAUSSIAN_M, i, 0);

    for (size_t a = 0; a < NX; a++) {
        m[a] = M[a * (NZ + 1) + NZ];
        for (size_t b = 0; b < NX; b++)
            m[a] += M[a * (NZ + 1) + b] * l->x[i * NX + b];
        for (size_t b = 0; b < NU; b++)
            m[a] += M[a * (NZ + 1) + NX + b] * l->u[i * NU + b];
    }
}

static void mean_of_u(const lab *l, size_t i, const double x[], double m[])
{
    const double *const K = lab_row(l, ELBO_GAUSSIAN_PI_K, i, 0);

    for (size_t a = 0; a < NU; a++) {
        m[a] = lab_row(l, ELBO_GAUSSIAN_PI_k, i, 0)[a];
        for (size_t b = 0; b < NX; b++) m[a] += K[a * NX + b] * x[b];
    }
}

static double log_normal(const double x[], const double m[], const double S[], size_t n)
{
    double inverse[NZ * NZ], logdet, f;

    lab_invert(S, n, inverse, &logdet);
    f = -(logdet + (double)n * log(2 * M_PI)) / 2;
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < n; b++)
            f -= (x[a] - m[a]) * inverse[a * n + b] * (x[b] - m[b]) / 2;
    return f;
}

static double logpi(const lab *l, size_t i, const double x[])
{
    double m[NU];

    mean_of_u(l, i, x, m);
    return log_normal(l->u + i * NU, m, lab_row(l, ELBO_GAUSSIAN_PI_S, i, 0), NU);
}

typedef double integrand(const lab *l, size_t i, const double y[]);

/* E f(y), y ~ N(m, S) [n]. */
static double hermite(const lab *l, size_t i, integrand *f, const double m[],
                      const double S[], size_t n)
{
    const double a = sqrt(3 - sqrt(6)), b = sqrt(3 + sqrt(6));
    const double node[] = {-b, -a, a, b};
    const double weight[] = {(3 - sqrt(6)) / 12, (3 + sqrt(6)) / 12,
                             (3 + sqrt(6)) / 12, (3 - sqrt(6)) / 12};
    double L[NX * NX] = {0}, sum = 0;
    size_t points = 1;

    for (size_t j = 0; j < n; j++) { /* Cholesky */
        points *= 4;
        for (size_t k = j; k < n; k++) {
            double s = S[k * n + j];

            for (size_t q = 0; q < j; q++) s -= L[k * n + q] * L[j * n + q];
            L[k * n + j] = k == j ? sqrt(s) : s / L[j * n + j];
        }
    }
    for (size_t p = 0; p < points; p++) {
        double y[NX], w = 1;
        size_t digits = p, at[NX];

        for (size_t j = 0; j < n; j++, digits /= 4) w *= weight[at[j] = digits % 4];
        for (size_t j = 0; j < n; j++) {
            y[j] = m[j];
            for (size_t q = 0; q <= j; q++) y[j] += L[j * n + q] * node[at[q]];
        }
        sum += w * f(l, i, y);
    }
    return sum;
}

static double E(const lab *l, size_t i, integrand *f)
{
    double m[NX];

    mean_of_y(l, i, m);
    return hermite(l, i, f, m, lab_row(l, ELBO_GAUSSIAN_W, i, 0), NX);
}

static double Epi(const lab *l, size_t i, integrand *f)
{
    double m[NU];

    mean_of_u(l, i, l->x + i * NX, m);
    return hermite(l, i, f, m, lab_row(l, ELBO_GAUSSIAN_PI_S, i, 0), NU);
}

static double dot(const double x[], const double y[], size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

#define S_(l, i)  ((l)->x + (i)*NX)
#define A_(l, i)  ((l)->u + (i)*NU)
#define NEXT(l, i) ((l)->y + (i)*NX)

/* ---- integrands ---- */

static double V_y(const lab *l, size_t i, const double y[])
{
    return V(l, i, 1, y);
}

static double V_y_2(const lab *l, size_t i, const double y[])
{
    return V_y(l, i, y) * V_y(l, i, y);
}

static double off_2(const lab *l, size_t i, const double y[])
{
    const double off = V(l, i, 1, y) - V(l, i, 1, NEXT(l, i));

    return off * off;
}

static double slope_along(const lab *l, size_t i, const double y[])
{
    double g[NX], off[NX];

    slope(l, i, 1, y, g);
    for (size_t a = 0; a < NX; a++) off[a] = y[a] - NEXT(l, i)[a];
    return dot(g, off, NX);
}

static double cubic(const lab *l, size_t i, const double y[])
{
    const double sum = y[0] + y[1] + y[2];

    return V_y(l, i, y) * dot(S_(l, i), y, NX) - reward(l, i) * sum * sum * sum;
}

static double fourth(const lab *l, size_t i, const double y[])
{
    return pow(dot(y, NEXT(l, i), NX), 4);
}

static double shared(const lab *l, size_t i, const double y[])
{
    const double *const s = S_(l, i), sum = s[0] + s[1] + s[2];

    return (dot(A_(l, i), A_(l, i), NU) - V_y(l, i, y)) / (1 + sum * sum);
}

static double Q_y(const lab *l, size_t i, const double y[])
{
    return Q(l, i, y, A_(l, i));
}

static double logpi_y(const lab *l, size_t i, const double y[])
{
    return logpi(l, i, y);
}

static double shifted(const lab *l, size_t i, const double y[])
{
    double x[NX];

    for (size_t a = 0; a < NX; a++) x[a] = 2 * y[a] + NEXT(l, i)[a] - S_(l, i)[a];
    return V(l, i, 0, x);
}

static double scaled(const lab *l, size_t i, const double y[])
{
    double x[NX];

    for (size_t a = 0; a < NX; a++) x[a] = y[a] * NEXT(l, i)[a];
    return V(l, i, 1, x) * V_y(l, i, y);
}

static double Q_u(const lab *l, size_t i, const double u[])
{
    return Q(l, i, S_(l, i), u);
}

static double A_u_2(const lab *l, size_t i, const double u[])
{
    const double A = Q_u(l, i, u) - V(l, i, 0, S_(l, i));

    return A * A;
}

/* ---- expressions ---- */

static double is_logp(const lab *l, size_t i)
{
    double m[NX];

    mean_of_y(l, i, m);
    return log_normal(NEXT(l, i), m, lab_row(l, ELBO_GAUSSIAN_W, i, 0), NX);
}

static double is_mean(const lab *l, size_t i)
{
    return E(l, i, V_y);
}

static double is_variance(const lab *l, size_t i)
{
    const double mean = E(l, i, V_y);

    return E(l, i, V_y_2) - mean * mean;
}

static double is_sampled(const lab *l, size_t i)
{
    return -0.5 * E(l, i, off_2);
}

static double is_vagram(const lab *l, size_t i)
{
    double m[NX], g[NX], sum = 0;

    mean_of_y(l, i, m);
    slope(l, i, 1, NEXT(l, i), g);
    for (size_t a = 0; a < NX; a++) {
        const double off = g[a] * (m[a] - NEXT(l, i)[a]);

        sum -= off * off / 2;
    }
    return sum;
}

static double is_along(const lab *l, size_t i)
{
    return E(l, i, slope_along);
}

static double is_cubic(const lab *l, size_t i)
{
    return E(l, i, cubic);
}

static double is_trace(const lab *l, size_t i)
{
    const double *const W = lab_row(l, ELBO_GAUSSIAN_W, i, 0);

    return W[0] + W[NX + 1] + W[2 * NX + 2];
}

static double is_bellman(const lab *l, size_t i)
{
    return Q(l, i, S_(l, i), A_(l, i)) - reward(l, i)
           - l->batch.gamma * V(l, i, 1, NEXT(l, i));
}

static double is_advantage(const lab *l, size_t i)
{
    return (Q(l, i, S_(l, i), A_(l, i)) - V(l, i, 0, S_(l, i)))
           * logpi(l, i, S_(l, i));
}

static double is_policy_Q(const lab *l, size_t i)
{
    return Epi(l, i, Q_u) - V(l, i, 0, S_(l, i));
}

static double is_policy_A(const lab *l, size_t i)
{
    return Epi(l, i, A_u_2);
}

static double is_imitation(const lab *l, size_t i)
{
    double m[NU], sum = 0;

    mean_of_u(l, i, S_(l, i), m);
    for (size_t a = 0; a < NU; a++)
        sum -= (A_(l, i)[a] - m[a]) * (A_(l, i)[a] - m[a]) / 2;
    return sum;
}

static double is_moment(const lab *l, size_t i)
{
    double sum = 0, mass = 0;

    (void)i;
    for (size_t k = 0; k < N; k++) {
        sum += l->weight[k] * (E(l, k, V_y) - V(l, k, 1, NEXT(l, k)));
        mass += l->weight[k];
    }
    return -fabs(sum / mass);
}

static double is_target(const lab *l, size_t i)
{
    double m[NX];

    mean_of_y(l, i, m);
    return V(l, i, 1, m)
           + quadratic(l, ELBO_GAUSSIAN_TARGET_P, i, 1, NEXT(l, i), NX);
}

static double then_y(const lab *l, size_t i, const double y[])
{
    return quadratic(l, ELBO_GAUSSIAN_THEN_P, i, 1, y, NX);
}

static double is_then(const lab *l, size_t i)
{
    const double off = E(l, i, then_y) - then_y(l, i, NEXT(l, i));

    return -0.5 * off * off;
}

static double is_returns(const lab *l, size_t i)
{
    (void)i;
    return *l->table[ELBO_GAUSSIAN_J] * *l->table[ELBO_GAUSSIAN_JMODEL]
           + l->batch.gamma;
}

static double is_many(const lab *l, size_t i)
{
    const double *const s = S_(l, i), *const y = NEXT(l, i), *const u = A_(l, i);
    double m[NX], step = 0, off = 0;

    mean_of_y(l, i, m);
    for (size_t a = 0; a < NX; a++) {
        step += (y[a] - s[a]) * (y[a] - s[a]);
        off += (y[a] - m[a]) * (y[a] - m[a]);
    }
    return exp(-sqrt(step)) * fmax(reward(l, i), -1)
           + fmin(V(l, i, 0, s), fmin(fmax(V(l, i, 1, y), -2), 2))
           + fmax(u[0] + u[1], 0) + sqrt(off) + dot(s, y, NX) / sqrt(dot(s, s, NX));
}

static double is_shared(const lab *l, size_t i)
{
    return E(l, i, shared);
}

static double is_fourth(const lab *l, size_t i)
{
    return E(l, i, fourth);
}

static double is_Q_y(const lab *l, size_t i)
{
    return E(l, i, Q_y);
}

static double is_logpi_y(const lab *l, size_t i)
{
    return E(l, i, logpi_y);
}

static double is_shifted(const lab *l, size_t i)
{
    return E(l, i, shifted);
}

static double is_scaled(const lab *l, size_t i)
{
    return E(l, i, scaled);
}

const lab_case lab_cases[LAB_CASES] = {
    {"logp", is_logp, false},
    {"E(V(y))", is_mean, false},
    {"Var(V(y))", is_variance, false},
    {"-0.5*E(sq(V(y) - V(next)))", is_sampled, false},
    {"-0.5*sum(sq(gradV(next)*(E(y) - next)))", is_vagram, false},
    {"E(dot(gradV(y), y - next))", is_along, false},
    {"E(sum(gradV(y)*(y - next)))", is_along, false},
    {"E(V(y)*dot(s, y) - r*sum(y)^3)", is_cubic, false},
    {"sum(Var(y - s))", is_trace, false},
    {"E(sum(sq(y - E(y))))", is_trace, false},
    {"Q(s, a) - (r + gamma*V(next))", is_bellman, false},
    {"A(s, a)*logpi", is_advantage, false},
    {"Epi(Q(s, a)) - V(s)", is_policy_Q, false},
    {"Epi(sq(A(s, a)))", is_policy_A, false},
    {"-0.5*sum(sq(a - Epi(a)))", is_imitation, false},
    {"-abs(mean(E(V(y)) - V(next)))", is_moment, false},
    {"V(E(y)) + V_target(next)", is_target, false},
    {"-0.5*sq(E(V_then(y)) - V_then(next))", is_then, false},
    {"J*Jmodel + gamma", is_returns, false},
    {"exp(-norm(next - s))*max(r, -1) + min(V(s), clip(V(next), -2, 2)) "
     "+ relu(sum(a)) + distance(next, E(y)) + dot(normalize(s), next)",
     is_many, false},
    {"E((dot(a, a) - V(y))/(1 + sq(sum(s))))", is_shared, false},
    {"E(dot(y, next)^4)", is_fourth, false},
    {"E(Q(y, a))", is_Q_y, true},
    {"E(logpi(y, a))", is_logpi_y, true},
    {"E(V(2*y + next - s))", is_shifted, true},
    {"E(V(next*y)*V(y))", is_scaled, false},
};

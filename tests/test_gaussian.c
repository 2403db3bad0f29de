/* tests/test_gaussian.c -- the language in linear-Gaussian worlds.
 *
 * Every expression is written down twice: as text, and as a function of ours whose
 * expectations are Gauss-Hermite sums of four points a dimension, exact for
 * polynomials up to degree 7.
 */
#include <check.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/rng.h"
#include "inference/language/gaussian.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

enum { NX = 3, NU = 2, NZ = NX + NU, N = 7, T = 4, MOST = 128 };

typedef struct lab {
    elbo_gaussian_batch batch;
    double x[N * NX], u[N * NU], y[N * NX], weight[N];
    uint32_t step[N];
    double store[ELBO_GAUSSIAN_TABLES][MOST], slope[ELBO_GAUSSIAN_TABLES][MOST];
    const double *table[ELBO_GAUSSIAN_TABLES];
    double *slopes[ELBO_GAUSSIAN_TABLES];
} lab;

/* ---- random tables ---- */

/* A positive definite [n x n], its inverse and log determinant by Gauss-Jordan. */
static void definite(elbo_rng *rng, size_t n, double S[])
{
    double L[NZ * NZ];

    elbo_rng_normals(rng, L, n * n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            S[i * n + j] = i == j ? 0.4 : 0;
            for (size_t k = 0; k < n; k++)
                S[i * n + j] += 0.3 * L[i * n + k] * L[j * n + k];
        }
}

static void invert(const double S[], size_t n, double out[], double *logdet)
{
    double A[NZ * NZ];

    memcpy(A, S, n * n * sizeof *A);
    *logdet = 0;
    for (size_t i = 0; i < n * n; i++) out[i] = i % (n + 1) == 0;
    for (size_t k = 0; k < n; k++) {
        const double pivot = A[k * n + k];

        *logdet += log(pivot);
        for (size_t j = 0; j < n; j++) {
            A[k * n + j] /= pivot;
            out[k * n + j] /= pivot;
        }
        for (size_t i = 0; i < n; i++) {
            const double f = A[i * n + k];

            for (size_t j = 0; i != k && j < n; j++) {
                A[i * n + j] -= f * A[k * n + j];
                out[i * n + j] -= f * out[k * n + j];
            }
        }
    }
}

static void symmetric(elbo_rng *rng, size_t n, double P[])
{
    elbo_rng_normals(rng, P, n * n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) P[i * n + j] = P[j * n + i];
}

static size_t rows(const lab *l, elbo_gaussian_table t)
{
    return elbo_gaussian_rows(&l->batch, t);
}

static size_t cols(const lab *l, elbo_gaussian_table t)
{
    return elbo_gaussian_cols(&l->batch, t);
}

/* [n x n] as rows of the table; 0: it is no square. */
static size_t square_of(elbo_gaussian_table t)
{
    switch (t) {
    case ELBO_GAUSSIAN_W:
    case ELBO_GAUSSIAN_PRECISION:
    case ELBO_GAUSSIAN_V_P:
    case ELBO_GAUSSIAN_TARGET_P: return NX;
    case ELBO_GAUSSIAN_PI_S:
    case ELBO_GAUSSIAN_PI_PRECISION: return NU;
    case ELBO_GAUSSIAN_Q_P:
    case ELBO_GAUSSIAN_R_P: return NZ;
    default: return 0;
    }
}

static void fill(lab *l, elbo_rng *rng, elbo_gaussian_table t)
{
    const size_t n = square_of(t), width = cols(l, t);

    ck_assert_uint_le(rows(l, t) * width, MOST);
    for (size_t k = 0; k < rows(l, t); k++) {
        double *const row = l->store[t] + k * width;

        if (t == ELBO_GAUSSIAN_W || t == ELBO_GAUSSIAN_PI_S)
            definite(rng, n, row);
        else if (n)
            symmetric(rng, n, row);
        else
            elbo_rng_normals(rng, row, width);
    }
}

static void set_up(lab *l, unsigned seed, size_t model_stages, size_t horizon)
{
    elbo_rng rng = elbo_rng_stream(seed, "lab", 0);

    *l = (lab){.batch = {.nx = NX,
                         .nu = NU,
                         .model_stages = model_stages,
                         .horizon = horizon,
                         .n = N,
                         .gamma = 0.9}};
    l->batch.x = l->x;
    l->batch.u = l->u;
    l->batch.y = l->y;
    l->batch.weight = l->weight;
    l->batch.step = l->step;
    elbo_rng_normals(&rng, l->x, N * NX);
    elbo_rng_normals(&rng, l->u, N * NU);
    elbo_rng_normals(&rng, l->y, N * NX);
    for (size_t i = 0; i < N; i++) {
        l->weight[i] = 0.5 + 0.25 * (double)i;
        l->step[i] = (uint32_t)((5 * i) % T);
    }
    for (size_t t = 0; t < ELBO_GAUSSIAN_TABLES; t++) {
        fill(l, &rng, (elbo_gaussian_table)t);
        l->table[t] = l->store[t];
        l->slopes[t] = l->slope[t];
    }
    for (size_t k = 0; k < rows(l, ELBO_GAUSSIAN_W); k++)
        invert(l->store[ELBO_GAUSSIAN_W] + k * NX * NX, NX,
               l->store[ELBO_GAUSSIAN_PRECISION] + k * NX * NX,
               &l->store[ELBO_GAUSSIAN_LOGDET][k]);
    for (size_t k = 0; k < rows(l, ELBO_GAUSSIAN_PI_S); k++)
        invert(l->store[ELBO_GAUSSIAN_PI_S] + k * NU * NU, NU,
               l->store[ELBO_GAUSSIAN_PI_PRECISION] + k * NU * NU,
               &l->store[ELBO_GAUSSIAN_PI_LOGDET][k]);
}

/* ---- the words, one transition at a time ---- */

static const double *row_of(const lab *l, elbo_gaussian_table t, size_t i,
                            size_t later)
{
    const size_t n = rows(l, t);
    const bool model = t <= ELBO_GAUSSIAN_LOGDET;
    const size_t k = n == 1 ? 0
                     : model ? l->step[i] % l->batch.model_stages
                             : l->step[i] % l->batch.horizon + later;

    return l->table[t] + k * cols(l, t);
}

static double quadratic(const lab *l, elbo_gaussian_table P, size_t i, size_t later,
                        const double z[], size_t n)
{
    const double *const M = row_of(l, P, i, later);
    const double *const p = row_of(l, (elbo_gaussian_table)(P + 1), i, later);
    double f = *row_of(l, (elbo_gaussian_table)(P + 2), i, later);

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
    const double *const P = row_of(l, ELBO_GAUSSIAN_V_P, i, later);
    const double *const p = row_of(l, ELBO_GAUSSIAN_V_p, i, later);

    for (size_t a = 0; a < NX; a++) {
        g[a] = p[a];
        for (size_t b = 0; b < NX; b++) g[a] -= P[a * NX + b] * x[b];
    }
}

static void mean_of_y(const lab *l, size_t i, double m[])
{
    const double *const M = row_of(l, ELBO_GAUSSIAN_M, i, 0);

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
    const double *const K = row_of(l, ELBO_GAUSSIAN_PI_K, i, 0);

    for (size_t a = 0; a < NU; a++) {
        m[a] = row_of(l, ELBO_GAUSSIAN_PI_k, i, 0)[a];
        for (size_t b = 0; b < NX; b++) m[a] += K[a * NX + b] * x[b];
    }
}

static double log_normal(const double x[], const double m[], const double S[], size_t n)
{
    double inverse[NZ * NZ], logdet, f;

    invert(S, n, inverse, &logdet);
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
    return log_normal(l->u + i * NU, m, row_of(l, ELBO_GAUSSIAN_PI_S, i, 0), NU);
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
    return hermite(l, i, f, m, row_of(l, ELBO_GAUSSIAN_W, i, 0), NX);
}

static double Epi(const lab *l, size_t i, integrand *f)
{
    double m[NU];

    mean_of_u(l, i, l->x + i * NX, m);
    return hermite(l, i, f, m, row_of(l, ELBO_GAUSSIAN_PI_S, i, 0), NU);
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
    return log_normal(NEXT(l, i), m, row_of(l, ELBO_GAUSSIAN_W, i, 0), NX);
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
    const double *const W = row_of(l, ELBO_GAUSSIAN_W, i, 0);

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

static const struct {
    const char *text;
    double (*want)(const lab *l, size_t i);
    bool timeless; /* only without a horizon */
} cases[] = {
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
enum { CASES = sizeof cases / sizeof *cases, SHAPES = 3 };

static const size_t shapes[SHAPES][2] = {{1, 0}, {1, T}, {T, T}};

static elbo_gaussian *compile(const char *text, const lab *l, elbo_arena *arena)
{
    const elbo_scope scope = {.coordinates = true};
    elbo_gaussian *program;
    elbo_expr *expr;
    size_t column;

    case_ok(elbo_expression_parse(text, arena, &expr, &column));
    case_ok(elbo_expression_check(expr, &scope, &column, NULL));
    case_ok(elbo_gaussian_alloc(expr, &l->batch, &program, &column));
    return program;
}

START_TEST(each_expression_is_what_it_says)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 14);
    lab *l = elbo_arena_take(arena, 1, sizeof *l);
    double got[N], total, sum = 0, size = 0;

    for (size_t k = 0; k < SHAPES; k++) {
        if (cases[_i].timeless && shapes[k][1]) continue;
        set_up(l, (unsigned)(3 * _i) + (unsigned)k, shapes[k][0], shapes[k][1]);

        elbo_gaussian *program = compile(cases[_i].text, l, arena);

        case_ok(elbo_gaussian_values(program, l->table, got));
        case_ok(elbo_gaussian_run(program, l->table, &total, NULL));
        sum = size = 0;
        for (size_t i = 0; i < N; i++) {
            const double want = cases[_i].want(l, i);

            ck_assert_msg(fabs(got[i] - want) <= 1e-10 * (1 + fabs(want)),
                          "%s: %.17g, not %.17g", cases[_i].text, got[i], want);
            sum += l->weight[i] * want;
            size += fabs(l->weight[i] * want);
        }
        ck_assert_double_eq_tol(total, sum, 1e-10 * (1 + size));
        elbo_gaussian_free(program);
    }
    elbo_arena_free(arena);
}
END_TEST

/* Entry j of a row and, of a symmetric matrix, its mirror. */
static size_t mirror(elbo_gaussian_table t, size_t width, size_t j)
{
    const size_t n = square_of(t), row = j / width * width, at = j % width;

    return n ? row + at % n * n + at / n : j;
}

static double nudged(lab *l, elbo_gaussian *program, elbo_gaussian_table t, size_t j,
                     double h)
{
    const size_t k = mirror(t, cols(l, t), j);
    const double a = l->store[t][j], b = l->store[t][k];
    double value;

    l->store[t][j] = a + h;
    l->store[t][k] = b + h;
    case_ok(elbo_gaussian_run(program, l->table, &value, NULL));
    l->store[t][j] = a;
    l->store[t][k] = b;
    return value;
}

START_TEST(each_derivative_is_the_difference_quotient)
{
    const double h = 1e-5;
    elbo_arena *arena = elbo_arena_alloc(1 << 14);
    lab *l = elbo_arena_take(arena, 1, sizeof *l);
    double value;

    for (size_t k = 0; k < SHAPES; k++) {
        if (cases[_i].timeless && shapes[k][1]) continue;
        set_up(l, 1000 + (unsigned)_i, shapes[k][0], shapes[k][1]);

        elbo_gaussian *program = compile(cases[_i].text, l, arena);
        double moved = 0;

        case_ok(elbo_gaussian_run(program, l->table, &value, l->slopes));
        for (size_t which = 0; which < ELBO_GAUSSIAN_TABLES; which++) {
            const elbo_gaussian_table t = (elbo_gaussian_table)which;

            for (size_t j = 0; j < rows(l, t) * cols(l, t); j++) {
                const size_t other = mirror(t, cols(l, t), j);
                const double up = nudged(l, program, t, j, h);
                const double down = nudged(l, program, t, j, -h);
                const double got =
                    l->slope[t][j] + (other == j ? 0 : l->slope[t][other]);
                const double want = (up - down) / (2 * h);

                moved = fmax(moved, fabs(want));
                ck_assert_msg(fabs(got - want)
                                  <= 1e-6 * (1 + fabs(want)) + 1e-10 * fabs(value) / h,
                              "%s, table %zu, entry %zu: %.10g, not %.10g",
                              cases[_i].text, which, j, got, want);
            }
        }
        ck_assert_double_gt(moved, 0.01);
        elbo_gaussian_free(program);
    }
    elbo_arena_free(arena);
}
END_TEST

START_TEST(what_is_stopped_has_no_slope_and_can_be_held)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 14);
    lab *l = elbo_arena_take(arena, 1, sizeof *l);
    double value, moved, held;
    elbo_gaussian *program;

    set_up(l, 5, 1, 0);
    program = compile("stop(E(V(y)))*sum(E(y)) + stop(E(V(y)*V(y)))", l, arena);
    case_ok(elbo_gaussian_run(program, l->table, &value, l->slopes));
    for (size_t j = 0; j < NX * NX; j++)
        ck_assert(l->slope[ELBO_GAUSSIAN_V_P][j] == 0
                  && l->slope[ELBO_GAUSSIAN_W][j] == 0);
    ck_assert_double_ne(l->slope[ELBO_GAUSSIAN_M][0], 0);
    elbo_gaussian_hold(program, true);
    l->store[ELBO_GAUSSIAN_V_P][0] += 1;
    case_ok(elbo_gaussian_run(program, l->table, &held, NULL));
    ck_assert_double_eq(held, value);
    elbo_gaussian_hold(program, false);
    case_ok(elbo_gaussian_run(program, l->table, &moved, NULL));
    ck_assert_double_gt(fabs(moved - value), 1e-3);
    elbo_gaussian_free(program);
    elbo_arena_free(arena);
}
END_TEST

/* ---- what has no meaning ---- */

static const struct {
    const char *text, *why;
    size_t column;
    bool staged;
} wrong[] = {
    {"E(abs(sum(y)))", "polynomials alone", 2, false},
    {"logp + E(exp(V(y)))", "polynomials alone", 9, false},
    {"E(V(y)*V(y)*V(y))", "degree 6", 2, false},
    {"E(V(y)^5)", "degree 4", 2, false},
    {"Var(V(y)*sum(y))", "degree 3", 0, false},
    {"E(1/(1 + sq(sum(y))))", "fraction", 2, false},
    {"E(sum(sq(y*y)))", "sum before", 6, false},
    {"E(V(y*y))", "degree 2", 2, false},
    {"-abs(E(V(y)) - Ed(V(next)))", "no two samples", 15, false},
    {"usq(E(V(y), 2) - V(next))", "exact", 0, false},
    {"E(V(y), 5)", "without samples", 0, false},
    {"r*occupancy", "no such word", 2, false},
    {"roll(3, V(y))", "no such word", 0, false},
    {"sq(r - rhat)", "write r", 7, false},
    {"fixed_pi(J)", "no such word", 0, false},
    {"sum(a - s)", "2 and 3 numbers", 4, false},
    {"V(a)", "not an action", 2, false},
    {"E(Epi(Q(s, a)))", "within E", 2, false},
    {"Epi(E(V(y)))", "not averaged", 4, false},
    {"Epi(dot(a, a)*V(next))", "(s, a)", 16, false},
    {"V(next - s)", "this state has none", 0, true},
    {"E(Q(y, a))", "must be s", 2, true},
};
enum { WRONG = sizeof wrong / sizeof *wrong };

START_TEST(what_has_no_meaning_is_refused_at_its_place)
{
    const elbo_scope scope = {.coordinates = true};
    elbo_arena *arena = elbo_arena_alloc(1 << 14);
    lab *l = elbo_arena_take(arena, 1, sizeof *l);
    elbo_gaussian *program;
    elbo_expr *expr;
    size_t column;
    elbo_status s;

    set_up(l, 1, 1, wrong[_i].staged ? T : 0);
    case_ok(elbo_expression_parse(wrong[_i].text, arena, &expr, &column));
    s = elbo_expression_check(expr, &scope, &column, NULL);
    if (s == ELBO_OK) s = elbo_gaussian_alloc(expr, &l->batch, &program, &column);
    ck_assert_msg(s == ELBO_EINVAL, "%s: %s", wrong[_i].text, elbo_status_text(s));
    ck_assert_msg(strstr(elbo_last_error()->text, wrong[_i].why) != NULL, "%s: %s",
                  wrong[_i].text, elbo_last_error()->text);
    ck_assert_msg(column == wrong[_i].column, "%s: column %zu", wrong[_i].text,
                  column);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(a_value_that_is_not_finite_has_its_place)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 14);
    lab *l = elbo_arena_take(arena, 1, sizeof *l);
    elbo_gaussian *program;
    double value;

    set_up(l, 2, 1, 0);
    for (size_t a = 0; a < NX; a++) l->y[4 * NX + a] = l->x[4 * NX + a];
    program = compile("logp + 1/sum(sq(next - s))", l, arena);
    case_fails(elbo_gaussian_run(program, l->table, &value, NULL), ELBO_ENOTFINITE,
               "column 8, in transition 4");
    elbo_gaussian_free(program);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(each_allocation_may_fail)
{
    const elbo_scope scope = {.coordinates = true};
    elbo_arena *arena = elbo_arena_alloc(1 << 14);
    lab *l = elbo_arena_take(arena, 1, sizeof *l);
    elbo_gaussian *program = NULL;
    elbo_status s = ELBO_ENOMEM;
    elbo_expr *expr;
    size_t column;
    long n = -1;

    set_up(l, 2, T, T);
    case_ok(elbo_expression_parse(cases[_i].text, arena, &expr, &column));
    case_ok(elbo_expression_check(expr, &scope, &column, NULL));
    while (s == ELBO_ENOMEM) {
        elbo_alloc_budget(++n);
        s = elbo_gaussian_alloc(expr, &l->batch, &program, &column);
        elbo_alloc_budget(-1);
    }
    if (!cases[_i].timeless) case_ok(s);
    ck_assert_int_gt(n, 2);
    elbo_gaussian_free(program);
    elbo_arena_free(arena);
}
END_TEST

Suite *suite_gaussian(void)
{
    Suite *s = suite_create("gaussian");
    TCase *t = tcase_create("gaussian");

    tcase_add_loop_test(t, each_expression_is_what_it_says, 0, CASES);
    tcase_add_loop_test(t, each_derivative_is_the_difference_quotient, 0, CASES);
    tcase_add_loop_test(t, each_allocation_may_fail, 0, CASES);
    tcase_add_test(t, what_is_stopped_has_no_slope_and_can_be_held);
    tcase_add_loop_test(t, what_has_no_meaning_is_refused_at_its_place, 0, WRONG);
    tcase_add_test(t, a_value_that_is_not_finite_has_its_place);
    suite_add_tcase(s, t);
    return s;
}

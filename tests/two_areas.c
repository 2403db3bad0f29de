#include "tests/two_areas.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/evaluate.h"
#include "inference/weight/factors.h"
#include "tests/engine_cases.h"

enum { GOAL = 39, AREA_B = 20 };

/* Effects: up right down left, then stay. */
static size_t lands(size_t s, size_t effect)
{
    static const int di[] = {1, 0, -1, 0, 0}, dj[] = {0, 1, 0, -1, 0};
    const int i = (int)(s / 5) + di[effect], j = (int)(s % 5) + dj[effect];

    return i < 0 || i > 7 || j < 0 || j > 4 ? s : (size_t)(i * 5 + j);
}

/* p(effect | s, a) of the world. */
static double effect_of(size_t s, size_t a, size_t effect)
{
    if (s >= AREA_B) return effect == a ? 0.9 : effect == 4 ? 0.1 : 0;
    if (effect == a) return 0.05;
    return effect == (a + 2) % 4 ? 0.85 : effect == 4 ? 0.1 : 0;
}

typedef struct effects {
    double p[AREA_A][EFFECTS];
    bool shared;
} effects;

static size_t outcomes(const void *model, size_t s, size_t a,
                       elbo_outcome out[])
{
    const effects *x = model;

    for (size_t e = 0; e < EFFECTS; e++)
        out[e] = (elbo_outcome){
            .next = (uint32_t)(s == GOAL ? s : lands(s, e)),
            .prob = s == GOAL   ? 1. / EFFECTS
                    : x->shared ? x->p[a][e]
                                : effect_of(s, a, e),
            .reward = s == GOAL};
    return EFFECTS;
}

void two_areas_init(two_areas *w, elbo_arena *arena)
{
    static const effects truth = {.shared = false};
    double *r;

    memset(w, 0, sizeof *w);
    case_ok(elbo_mdp_build(&truth, outcomes, AREA_S, AREA_A, EFFECTS, arena,
                           &w->mdp.P, &r));
    for (size_t s = 0; s < 5; s++) w->mu[s] = 0.2;
    w->mdp.nS = AREA_S;
    w->mdp.nA = AREA_A;
    w->mdp.r = r;
    w->mdp.mu = w->mu;
    w->mdp.gamma = 0.95;
    for (size_t s = 0; s < AREA_S; s++) {
        double all = 0;

        for (size_t a = 0; a < AREA_A; a++)
            all += exp(0.5 * sin((double)(1 + 4 * s + a)));
        for (size_t a = 0; a < AREA_A; a++)
            w->pi[s * 4 + a] = s < AREA_B
                                   ? a == 2
                                   : exp(0.5 * sin((double)(1 + 4 * s + a))) / all;
        for (size_t a = 0; a < AREA_A; a++)
            w->score[s * 4 + a] =
                elbo_gamps_score(w->pi + s * 4, AREA_A, a);
    }
}

double two_areas_return(const two_areas *w, elbo_arena *arena)
{
    const elbo_chain chain = {.mdp = &w->mdp, .pi = w->pi, .q = w->mdp.P};
    double rho[AREA_ROWS];

    case_ok(elbo_occupancy(&chain, rho, arena));
    return elbo_return(&w->mdp, rho);
}

void two_areas_visits(const two_areas *w, double d[], double eta[],
                      elbo_arena *arena)
{
    const elbo_chain chain = {.mdp = &w->mdp, .pi = w->pi, .q = w->mdp.P};

    case_ok(elbo_occupancy(&chain, d, arena));
    for (size_t i = 0; i < AREA_ROWS; i++) d[i] *= 1 - w->mdp.gamma;
    case_ok(elbo_gamps_visits(&w->mdp, &w->mdp.P, w->pi, w->score, eta, arena));
}

/* The weighted mean of the effects' distributions, goal left out. */
static void fit(const double weight[], effects *out)
{
    memset(out, 0, sizeof *out);
    out->shared = true;
    for (size_t a = 0; a < AREA_A; a++) {
        double all = 0;

        for (size_t e = 0; e < EFFECTS; e++) {
            out->p[a][e] = 1e-9;
            for (size_t s = 0; s < GOAL; s++)
                out->p[a][e] += weight[s * 4 + a] * effect_of(s, a, e);
            all += out->p[a][e];
        }
        for (size_t e = 0; e < EFFECTS; e++) out->p[a][e] /= all;
    }
}

/* Q of the policy under a kernel. */
static void evaluate(const two_areas *w, const elbo_kernel *P, double Q[],
                     elbo_arena *arena)
{
    const elbo_chain chain = {.mdp = &w->mdp, .pi = w->pi, .q = *P};
    double V[2 * (AREA_S + 1)];

    case_ok(elbo_evaluate(&chain, w->mdp.r, V, arena));
    V[AREA_S] = 0;
    for (size_t row = 0; row < AREA_ROWS; row++) {
        Q[row] = w->mdp.r[row];
        for (size_t i = elbo_row_begin(P->pattern, row);
             i < elbo_row_end(P->pattern, row); i++)
            Q[row] += w->mdp.gamma * P->prob[i]
                      * V[elbo_successor(P->pattern, row, i)];
    }
}

/* g [rows of B]: sum_s d(s) pi(b|s) (Q(s,b) - V(s)), the softmax's gradient. */
static void gradient(const two_areas *w, const double d[], const double Q[],
                     double g[])
{
    for (size_t s = 0; s < AREA_S; s++) {
        double V = 0;

        for (size_t a = 0; a < AREA_A; a++)
            V += w->pi[s * 4 + a] * Q[s * 4 + a];
        for (size_t a = 0; a < AREA_A; a++)
            g[s * 4 + a] = s < AREA_B ? 0 : d[s * 4 + a] * (Q[s * 4 + a] - V);
    }
}

static double dot(const double x[], const double y[])
{
    double sum = 0;

    for (size_t i = 0; i < AREA_ROWS; i++) sum += x[i] * y[i];
    return sum;
}

/* Of states, so that effects that clip together are one successor. */
static void compare(const elbo_kernel *P, const elbo_kernel *M,
                    const double d[], two_areas_fit *out)
{
    for (size_t row = 0; row < AREA_ROWS; row++)
        for (size_t s = 0; s < AREA_S; s++) {
            const size_t i = elbo_entry(P->pattern, row, s);
            const size_t j = elbo_entry(M->pattern, row, s);
            const double p = i == (size_t)-1 ? 0 : P->prob[i];
            const double m = j == (size_t)-1 ? 0 : M->prob[j];

            if (p > 0) out->kl += d[row] * p * log(p / m);
            out->accuracy += d[row] * fmin(p, m);
        }
}

void two_areas_judge(const two_areas *w, const double weight[],
                     const double d[], two_areas_fit *out, elbo_arena *arena)
{
    double Q[AREA_ROWS], M[AREA_ROWS], g[AREA_ROWS], h[AREA_ROWS], *r;
    effects model;
    elbo_kernel P;

    memset(out, 0, sizeof *out);
    fit(weight, &model);
    case_ok(elbo_mdp_build(&model, outcomes, AREA_S, AREA_A, EFFECTS, arena, &P,
                           &r));
    compare(&w->mdp.P, &P, d, out);
    evaluate(w, &w->mdp.P, Q, arena);
    evaluate(w, &P, M, arena);
    gradient(w, d, Q, g);
    gradient(w, d, M, h);
    out->cosine = dot(g, h) / sqrt(dot(g, g) * dot(h, h));
    for (size_t i = 0; i < AREA_ROWS; i++)
        out->q_error += d[i] * (Q[i] - M[i]) * (Q[i] - M[i]);
}

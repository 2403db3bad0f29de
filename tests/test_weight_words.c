/* tests/test_weight_words.c -- the papers' weights as experiments write them, beside
 * the ratios that they stand for, computed here from the world alone.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/engine_state.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

enum { S = 7, A = 3, N = S * A };

static const double discount = 0.9;

/* Shares of visits (s, a) of pi under a kernel that may end, by sweeps. */
static void visits(const elbo_engine *e, const elbo_kernel *P, const double pi[],
                   double d[])
{
    double at[S], all = 0;

    memcpy(at, e->truth.mu, sizeof at);
    for (size_t i = 0; i < N; i++) d[i] = 0;
    for (double kept = 1 - discount; kept > 1e-18; kept *= discount) {
        double next[S] = {0};

        for (size_t i = 0; i < N; i++) {
            const double here = at[i / A] * pi[i];

            d[i] += kept * here;
            for (size_t k = elbo_row_begin(P->pattern, i);
                 k < elbo_row_end(P->pattern, i); k++) {
                const size_t y = elbo_successor(P->pattern, i, k);

                if (y < S) next[y] += here * P->prob[k]; /* not the end */
            }
        }
        memcpy(at, next, sizeof at);
    }
    for (size_t i = 0; i < N; i++) all += d[i];
    for (size_t i = 0; i < N; i++) d[i] /= all;
}

/* An experiment after `rounds` iterations, the policies that its factors were read
 * with (at first the prior), and the model of the last one. */
typedef struct run {
    case_engine x;
    size_t rounds;
    double pi[4][N], d[N], data[N], model[N], V[S], Q[N];
} run;

static void start(run *r, const char *weight, size_t rounds)
{
    char inference[160];
    const case_text text = {
        .env_common = "discount=0.9",
        .control_common = "temperature=0.4 tolerance=1e-13",
        .inference = inference,
        .data = "source=population steps=500 policy=uniform"};
    const double uniform = 1. / A;
    double pi[N];
    elbo_row row;

    snprintf(inference, sizeof inference, "weight=%s iterations=%zu tolerance=0",
             weight, rounds);
    case_engine_open(&r->x, &text);

    elbo_engine *const e = r->x.engine;

    ck_assert_uint_eq(e->truth.nS, S);
    ck_assert_uint_eq(e->truth.nA, A);
    r->rounds = rounds;
    for (size_t k = 0; k < rounds; k++) {
        memcpy(r->pi[k], e->post.pi, sizeof r->pi[k]);
        memcpy(r->V, e->post.V, sizeof r->V);
        memcpy(r->Q, e->post.Q, sizeof r->Q);
        visits(e, &e->belief.mean, r->pi[k], r->model);
        case_ok(elbo_engine_iterate(e, &row));
    }
    for (size_t i = 0; i < N; i++) pi[i] = uniform;
    visits(e, &e->truth.P, r->pi[rounds - 1], r->d);
    visits(e, &e->truth.P, pi, r->data);
    /* the policy has moved, so that the ratio is none of the trivial ones */
    ck_assert_double_gt(fabs(r->d[0] / r->data[0] - 1), 0.01);
}

static void stop(run *r)
{
    case_engine_close(&r->x);
}

static size_t row_of(const run *r, size_t sample)
{
    const elbo_data *const D = &r->x.engine->data;

    return D->s[sample] * A + D->a[sample];
}

/* Each sample's weight is want[(s, a)]. */
static void expect(const run *r, const char *weight, const double want[],
                   double tolerance)
{
    const elbo_data *const D = &r->x.engine->data;

    ck_assert_uint_gt(D->n, N);
    for (size_t i = 0; i < D->n; i++) {
        const double w = want[row_of(r, i)];

        ck_assert_msg(fabs(D->w[i] - w) <= tolerance * (1 + w),
                      "%s, sample %zu: %.17g, not %.17g", weight, i, D->w[i], w);
    }
}

/* ---- ratios of visits, row by row ---- */

static double plain(const run *r, size_t i)
{
    return r->d[i] / r->data[i];
}

/* d / (a d + (1 - a) d_D): at most 1 / a. */
static double relative(const run *r, size_t i)
{
    return r->d[i] / (0.25 * r->d[i] + 0.75 * r->data[i]);
}

static double where_the_model_goes(const run *r, size_t i)
{
    return pow(r->model[i] / r->data[i], 0.2);
}

/* The exact data leave the estimators no choice. */
static const struct {
    const char *weight;
    double (*want)(const run *r, size_t i);
    double tolerance;
} exact[] = {
    {"occupancy(real)/occupancy(data)",          plain,                1e-10},
    {"ratio(kliep)",                             plain,                1e-10},
    {"ratio(ulsif)",                             plain,                1e-10},
    {"ratio(logistic)",                          plain,                1e-8 },
    {"ratio(dualdice)",                          plain,                1e-8 },
    {"tom(kl)",                                  plain,                1e-8 },
    {"ratio(rulsif,real,data,0,0.25)",           relative,             1e-10},
    {"(occupancy(model)/occupancy(data))^0.2",   where_the_model_goes, 1e-10},
};

START_TEST(what_is_exact_is_its_ratio_of_visits)
{
    double want[N];
    run r;

    start(&r, exact[_i].weight, 3);
    for (size_t i = 0; i < N; i++) want[i] = exact[_i].want(&r, i);
    expect(&r, exact[_i].weight, want, exact[_i].tolerance);
    stop(&r);
}
END_TEST

/* The mean of all rows alike and of the visits of every plan so far. */
START_TEST(the_aggregate_is_the_mean_of_all_policies_visits)
{
    static const char weight[] = "occupancy(aggregate,current,0.1)/occupancy(data)";
    double want[N];
    run r;

    start(&r, weight, 3);
    for (size_t i = 0; i < N; i++) want[i] = 1. / N / 3 / r.data[i];
    for (size_t k = 1; k < 3; k++) {
        double pi[N], d[N];

        for (size_t i = 0; i < N; i++) pi[i] = 0.9 * r.pi[k][i] + 0.1 / A;
        visits(r.x.engine, &r.x.engine->truth.P, pi, d);
        for (size_t i = 0; i < N; i++) want[i] += d[i] / 3 / r.data[i];
    }
    expect(&r, weight, want, 1e-10);
    stop(&r);
}
END_TEST

/* ---- GAMPS ---- */

/* eta: visits that follow (s', a') where the score is large, both by sweeps. */
START_TEST(gamps_weighs_by_what_follows_large_scores)
{
    static const char weight[] = "gamps(real)/occupancy(data)";
    double want[N], eta[N] = {0}, all = 0;
    run r;

    start(&r, weight, 2);

    const elbo_engine *const e = r.x.engine;
    const double *const pi = r.pi[1];
    const elbo_kernel *const P = &e->truth.P;

    for (size_t from = 0; from < N; from++) {
        const size_t s = from / A;
        double here[N] = {0}, norm = 0;

        /* grad log pi(a|s) in the logits of s */
        for (size_t a = 0; a < A; a++)
            norm += pow((a == from % A) - pi[s * A + a], 2);
        here[from] = r.d[from] * sqrt(norm);
        for (double kept = 1; kept > 1e-18; kept *= discount) {
            double next[N] = {0};

            for (size_t i = 0; i < N; i++) {
                eta[i] += kept * here[i];
                for (size_t k = elbo_row_begin(P->pattern, i);
                     k < elbo_row_end(P->pattern, i); k++) {
                    const size_t y = elbo_successor(P->pattern, i, k);

                    for (size_t a = 0; a < A; a++)
                        next[y * A + a] += here[i] * P->prob[k] * pi[y * A + a];
                }
            }
            memcpy(here, next, sizeof here);
        }
    }
    for (size_t i = 0; i < N; i++) all += eta[i];
    for (size_t i = 0; i < N; i++) want[i] = eta[i] / all / r.data[i];
    expect(&r, weight, want, 1e-10);
    stop(&r);
}
END_TEST

/* ---- TOM and AMPL: the equations that define them ---- */

static const char *const duals[] = {"tom(chi2)", "tom(chi2,none)", "tom(kl,none)",
                                    "tom(chi2,exact,current,0.2)"};

/* The weighed data are a flow of the policy, whatever f and R: what stands at (s, a)
 * is pi(a|s) times what starts at s or comes to it. */
START_TEST(weighed_by_tom_the_data_are_a_flow)
{
    const double epsilon = _i == 3 ? 0.2 : 0;
    double out[N] = {0}, in[S], all = 0;
    run r;

    start(&r, duals[_i], 2);

    const elbo_data *const D = &r.x.engine->data;

    for (size_t s = 0; s < S; s++)
        in[s] = (1 - discount) * r.x.engine->truth.mu[s];
    for (size_t i = 0; i < D->n; i++) all += D->mass[i];
    for (size_t i = 0; i < D->n; i++) {
        const double share = D->mass[i] / all * D->w[i];

        out[row_of(&r, i)] += share;
        in[D->next[i]] += discount * share;
    }
    for (size_t i = 0; i < N; i++) {
        const double pi = (1 - epsilon) * r.pi[1][i] + epsilon / A;

        ck_assert_double_eq_tol(out[i], pi * in[i / A], 1e-8);
    }
    stop(&r);
}
END_TEST

/* E_D[w (Q - gamma E V)] = (1 - gamma) E_mu V, V and Q the critic's of the last
 * plan, averaged by its policy; of all such w it is the nearest to 1. */
START_TEST(ampl_solves_the_critics_moment)
{
    double g[N], V[S] = {0}, moment = 0, square = 0, slack = 0, want[N];
    run r;

    start(&r, "ampl", 3);

    const elbo_engine *const e = r.x.engine;
    const elbo_kernel *const P = &e->truth.P;

    for (size_t i = 0; i < N; i++) V[i / A] += r.pi[2][i] * r.Q[i];
    for (size_t s = 0; s < S; s++) moment += (1 - discount) * e->truth.mu[s] * V[s];
    for (size_t i = 0; i < N; i++) {
        g[i] = r.Q[i];
        for (size_t k = elbo_row_begin(P->pattern, i);
             k < elbo_row_end(P->pattern, i); k++)
            g[i] -= discount * P->prob[k] * V[elbo_successor(P->pattern, i, k)];
        square += r.data[i] * g[i] * g[i];
        slack += r.data[i] * g[i];
    }
    for (size_t i = 0; i < N; i++) want[i] = 1 + (moment - slack) / square * g[i];
    expect(&r, "ampl", want, 1e-9);
    stop(&r);
}
END_TEST

Suite *suite_weight_words(void)
{
    Suite *const s = suite_create("weight_words");
    TCase *const t = tcase_create("weight_words");

    tcase_add_loop_test(t, what_is_exact_is_its_ratio_of_visits, 0,
                        sizeof exact / sizeof *exact);
    tcase_add_test(t, the_aggregate_is_the_mean_of_all_policies_visits);
    tcase_add_test(t, gamps_weighs_by_what_follows_large_scores);
    tcase_add_loop_test(t, weighed_by_tom_the_data_are_a_flow, 0,
                        sizeof duals / sizeof *duals);
    tcase_add_test(t, ampl_solves_the_critics_moment);
    suite_add_tcase(s, t);
    return s;
}

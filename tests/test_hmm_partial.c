/* tests/test_hmm_partial.c -- chains whose rows are seen in part: EM against all paths,
 * bounds that rise and are the best, predictive margins.
 */
#include <gsl/gsl_math.h>
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <string.h>

#include "inference/messages/hmm_learn.h"
#include "inference/messages/mniw.h"
#include "inference/messages/partial.h"
#include "inference/observed.h"
#include "tests/hmm_cases.h"
#include "tests/partial_cases.h"
#include "tests/suites.h"

enum { NY = 3 };

/* Of a state: n, sum y, sum y y'. */
typedef struct statistics {
    double n, y[NY], yy[NY * NY];
} statistics;

/* A brute-force E-step: all paths, dense conditioning. Returns log p(y). */
static double all_paths(const elbo_hmm *hmm, double *const parameters[],
                        const elbo_hmm_sequence *seq, statistics s[],
                        double start[], double transitions[], elbo_arena *ws)
{
    const size_t K = hmm->K;
    double *const logs = elbo_arena_doubles(ws, seq->T * K);
    double *const gamma = elbo_arena_doubles(ws, seq->T * K);
    double *const counts = elbo_arena_doubles(ws, K * K), most;
    elbo_hmm_posterior out = {.occupancy = gamma, .transitions = counts};
    gsl_matrix *const cov = elbo_arena_mat(ws, NY, NY);
    size_t best[16];
    double mean[NY];

    for (size_t t = 0; t < seq->T; t++)
        for (size_t k = 0; k < K; k++) {
            const gsl_matrix_view W =
                gsl_matrix_view_array(parameters[k] + NY, NY, NY);

            logs[t * K + k] = dense(&W.matrix, parameters[k], seq->y + t * NY, mean,
                                    cov, ws);
        }
    enumerate(hmm, logs, seq->T, &out, best, &most);
    for (size_t i = 0; i < K * K; i++) transitions[i] += counts[i];
    for (size_t k = 0; k < K; k++) {
        const gsl_matrix_view W = gsl_matrix_view_array(parameters[k] + NY, NY, NY);

        start[k] += gamma[k];
        for (size_t t = 0; t < seq->T; t++) {
            const double w = gamma[t * K + k];

            if (elbo_partial_seen(seq->y + t * NY, NY) == 0) continue;
            dense(&W.matrix, parameters[k], seq->y + t * NY, mean, cov, ws);
            s[k].n += w;
            for (size_t i = 0; i < NY; i++) {
                s[k].y[i] += w * mean[i];
                for (size_t j = 0; j < NY; j++)
                    s[k].yy[i * NY + j] +=
                        w * (mean[i] * mean[j] + gsl_matrix_get(cov, i, j));
            }
        }
    }
    return out.loglik;
}

START_TEST(em_with_holes_is_that_of_all_paths)
{
    enum { K = 2, N = 6, ROUNDS = 3 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(3, "partial em", (uint64_t)_i);
    const hmm_source source = draw_source(&rng, K, 4, NY, 1.7, ws);
    elbo_hmm_config c = source_config(&source, K, false);
    elbo_hmm_sequence data[N];
    double start[K], A[K * K], parameters[K][NY + NY * NY];
    double *const of[K] = {parameters[0], parameters[1]};
    elbo_hmm_learner *w;
    elbo_hmm_info info;

    c.emission_config.floor = 1e-12;
    for (size_t i = 0; i < N; i++) {
        data[i] = draw_sequence(&source, 6 + i % 5, &rng, ws);
        punch((double *)data[i].y, data[i].T * NY, 0.3, &rng);
    }
    ck_assert(!elbo_hmm_open(&c, data, N, 5, ws, &w));
    for (size_t round = 0; round < ROUNDS; round++) {
        statistics s[K] = {{0}};
        double first[K] = {0}, pairs[K * K] = {0}, loglik = 0;
        const elbo_hmm hmm = {K, start, A};

        elbo_hmm_mean(w, start, A);
        for (size_t k = 0; k < K; k++) elbo_hmm_emission(w, k, of[k]);
        for (size_t i = 0; i < N; i++)
            loglik += all_paths(&hmm, of, &data[i], s, first, pairs, ws);
        ck_assert(!elbo_hmm_iterate(w, data, N, &info, ws));
        ck_assert_double_eq_tol(info.elbo, loglik, 1e-11 * (1 + fabs(loglik)));
        ck_assert_uint_eq(info.floored, 0);
        elbo_hmm_mean(w, start, A);
        for (size_t k = 0; k < K; k++) {
            elbo_hmm_emission(w, k, of[k]);
            ck_assert_double_eq_tol(start[k], first[k] / (first[0] + first[1]), 1e-11);
            for (size_t j = 0; j < K; j++)
                ck_assert_double_eq_tol(
                    A[k * K + j],
                    pairs[k * K + j] / (pairs[k * K] + pairs[k * K + 1]), 1e-10);
            for (size_t i = 0; i < NY; i++) {
                const double mi = s[k].y[i] / s[k].n;

                ck_assert_double_eq_tol(parameters[k][i], mi, 1e-9);
                for (size_t j = 0; j < NY; j++)
                    ck_assert_double_eq_tol(parameters[k][NY + i * NY + j],
                                            s[k].yy[i * NY + j] / s[k].n
                                                - mi * s[k].y[j] / s[k].n,
                                            1e-8);
            }
        }
    }
    elbo_arena_free(ws);
}
END_TEST

/* EM and variational EM on 80 systems with up to 60 % of the values lost. */
START_TEST(the_objective_never_falls_with_holes)
{
    enum { N = 5 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(4, "partial", (uint64_t)_i);
    const size_t K = 1 + elbo_rng_below(&rng, 4), ny = 1 + (size_t)_i % 5;
    const hmm_source source = draw_source(&rng, K, 4, ny, 2.385, ws);
    const elbo_hmm_config c =
        source_config(&source, 1 + elbo_rng_below(&rng, 5), _i % 2);
    const double holes = 0.6 * elbo_rng_uniform(&rng);
    elbo_hmm_sequence data[N];
    elbo_hmm_learner *w;
    elbo_hmm_info info;
    double last = -HUGE_VAL;

    for (size_t i = 0; i < N; i++) {
        data[i] = draw_sequence(&source, 1 + elbo_rng_below(&rng, 40), &rng, ws);
        punch((double *)data[i].y, data[i].T * ny, holes, &rng);
    }
    ((double *)data[0].y)[0] = 1;
    ck_assert(!elbo_hmm_open(&c, data, N, (uint64_t)_i, ws, &w));
    for (size_t k = 0; k < 30; k++) {
        ck_assert(!elbo_hmm_iterate(w, data, N, &info, ws));
        ck_assert_double_ge(info.elbo, last - 1e-10 * (1 + fabs(last)));
        ck_assert(info.kl_emission >= 0);
        last = info.elbo;
    }
    elbo_arena_free(ws);
}
END_TEST

/* One state, maximum likelihood: where EM rests no parameter near by is better. */
START_TEST(em_rests_where_the_likelihood_of_what_is_seen_is_largest)
{
    enum { T = 80 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(6, "partial", 0);
    const hmm_source source = draw_source(&rng, 1, 4, NY, 1, ws);
    elbo_hmm_config c = source_config(&source, 1, false);
    elbo_hmm_sequence seq = draw_sequence(&source, T, &rng, ws);
    double at[NY + NY * NY], near[NY + NY * NY], mean[NY], value[2];
    gsl_matrix *const cov = elbo_arena_mat(ws, NY, NY);
    elbo_hmm_learner *w;
    elbo_hmm_info info;

    punch((double *)seq.y, T * NY, 0.35, &rng);
    c.tolerance = 1e-15;
    c.iterations = 5000;
    ck_assert(!elbo_hmm_open(&c, &seq, 1, 1, ws, &w));
    ck_assert(!elbo_hmm_solve(w, &seq, 1, &info, ws));
    elbo_hmm_emission(w, 0, at);
    for (size_t i = 0; i < NY; i++)
        for (size_t j = 0; j <= NY; j++) {
            for (int side = 0; side < 2; side++) {
                const gsl_matrix_view W = gsl_matrix_view_array(near + NY, NY, NY);
                const double h = side ? 1e-4 : -1e-4;

                memcpy(near, at, sizeof at);
                if (j == NY) {
                    near[i] += h;
                } else {
                    near[NY + i * NY + j] += h;
                    if (i != j) near[NY + j * NY + i] += h;
                }
                value[side] = 0;
                for (size_t t = 0; t < T; t++)
                    value[side] +=
                        dense(&W.matrix, near, seq.y + t * NY, mean, cov, ws);
                ck_assert_double_lt(value[side], info.elbo);
            }
            /* the derivative, beside a curvature of order T */
            ck_assert_double_eq_tol((value[1] - value[0]) / 2e-4, 0, 1e-3);
        }
    elbo_arena_free(ws);
}
END_TEST

/* One state, four rows, two values not seen. */
enum { FEW = 4 };
static const double few[FEW * 2] = {0.4, -0.3, 1.1,  (double)NAN,
                                    (double)NAN, 0.8, -0.6, 0.1};

typedef struct guess {
    const elbo_mniw *prior;
    elbo_arena *ws;
} guess;

/* Less the bound at q(lost) = N(x_0, e^2x_1) N(x_2, e^2x_3): the evidence of the
 * expected moments, and the entropy. */
static double bound_at(const gsl_vector *x, void *arg)
{
    const guess *const g = arg;
    const elbo_mark mark = elbo_arena_mark(g->ws);
    double sum = 0, evidence;
    elbo_moments S;
    elbo_mniw post;

    ck_assert(!elbo_moments_init(&S, 2, 1, g->ws));
    ck_assert(!elbo_mniw_init(&post, 2, 1, g->ws));
    for (size_t t = 0, lost = 0; t < FEW; t++) {
        double y[2] = {few[2 * t], few[2 * t + 1]};

        for (size_t i = 0; i < 2; i++) {
            if (!isnan(y[i])) continue;
            y[i] = gsl_vector_get(x, 2 * lost);
            *gsl_matrix_ptr(S.Syy, i, i) += exp(2 * gsl_vector_get(x, 2 * lost + 1));
            sum += 0.5 * log(2 * M_PI * M_E) + gsl_vector_get(x, 2 * lost + 1);
            lost++;
        }
        for (size_t i = 0; i < 2; i++) {
            *gsl_matrix_ptr(S.Syz, i, 0) += y[i];
            for (size_t j = 0; j < 2; j++)
                *gsl_matrix_ptr(S.Syy, i, j) += y[i] * y[j];
        }
    }
    gsl_matrix_set(S.Szz, 0, 0, FEW);
    S.n = FEW;
    ck_assert(!elbo_mniw_posterior(g->prior, &S, &post, g->ws));
    ck_assert(!elbo_mniw_evidence(g->prior, &post, FEW, &evidence, g->ws));
    elbo_arena_release(g->ws, mark);
    return -(sum + evidence);
}

static double best_bound(guess *g)
{
    gsl_multimin_function f = {.f = bound_at, .n = 4, .params = g};
    gsl_multimin_fminimizer *const w =
        gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex2, 4);
    gsl_vector *const x = gsl_vector_calloc(4), *const step = gsl_vector_alloc(4);
    double best;

    gsl_vector_set_all(step, 0.5);
    gsl_multimin_fminimizer_set(w, &f, x, step);
    for (int i = 0; i < 3000 && gsl_multimin_fminimizer_size(w) > 1e-9; i++)
        gsl_multimin_fminimizer_iterate(w);
    best = -gsl_multimin_fminimizer_minimum(w);
    gsl_multimin_fminimizer_free(w);
    gsl_vector_free(x);
    gsl_vector_free(step);
    return best;
}

/* log E p(y | theta), theta drawn from the prior, and its standard error. */
static double drawn_evidence(const elbo_mniw *prior, double *error, elbo_arena *ws)
{
    enum { DRAWS = 40000 };
    gsl_matrix *const M = elbo_arena_mat(ws, 2, 1), *const W = elbo_arena_mat(ws, 2, 2);
    gsl_matrix *const cov = elbo_arena_mat(ws, 2, 2);
    elbo_rng rng = elbo_rng_stream(7, "partial", 0);
    double sum = 0, squares = 0, mean[2];

    for (size_t i = 0; i < DRAWS; i++) {
        const elbo_mark mark = elbo_arena_mark(ws);
        double logp = 0;

        ck_assert(!elbo_mniw_sample(prior, &rng, M, W, ws));
        for (size_t t = 0; t < FEW; t++)
            logp += dense(W, M->data, few + 2 * t, mean, cov, ws);
        sum += exp(logp);
        squares += exp(2 * logp);
        elbo_arena_release(ws, mark);
    }

    const double p = sum / DRAWS;

    *error = sqrt((squares / DRAWS - p * p) / DRAWS) / p;
    return log(p);
}

/* The best of a mean field, and below the evidence. */
START_TEST(the_bound_is_the_best_below_the_evidence)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const elbo_hmm_sequence seq = {FEW, few};
    elbo_hmm_config c = elbo_hmm_defaults;
    elbo_mniw prior;
    elbo_hmm_learner *w;
    elbo_hmm_info info;
    double error;

    c.K = 1;
    c.emission = &elbo_emission_gaussian;
    c.emission_config.ny = 2;
    c.emission_config.strength = 1;
    c.emission_config.nu = 6;
    c.tolerance = 1e-13;
    ck_assert(!elbo_hmm_open(&c, &seq, 1, 1, ws, &w));
    ck_assert(!elbo_hmm_solve(w, &seq, 1, &info, ws));
    ck_assert(!elbo_mniw_init(&prior, 2, 1, ws));
    elbo_mniw_isotropic(&prior, 1, 1, 6);
    ck_assert_double_eq_tol(info.elbo, best_bound(&(guess){&prior, ws}), 1e-9);

    const double evidence = drawn_evidence(&prior, &error, ws);

    ck_assert_double_lt(error, 0.02);
    ck_assert_double_lt(info.elbo, evidence + 4 * error);
    elbo_arena_free(ws);
}
END_TEST

/* The predictive density of what is seen is the integral of that of all. */
START_TEST(predictive_margins_are_integrals)
{
    enum { T = 12, CELLS = 40000 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(8, "partial", 0);
    const hmm_source source = draw_source(&rng, 1, 4, 2, 1, ws);
    const elbo_hmm_config c = source_config(&source, 1, true);
    const elbo_hmm_sequence seq = draw_sequence(&source, T, &rng, ws);
    double y[2] = {0.7, (double)NAN}, sum = 0;
    const elbo_hmm_sequence one = {1, y};
    elbo_hmm_learner *w;
    elbo_hmm_info info;
    elbo_hmm_prediction margin, at;

    ck_assert(!elbo_hmm_open(&c, &seq, 1, 1, ws, &w));
    ck_assert(!elbo_hmm_solve(w, &seq, 1, &info, ws));
    ck_assert(!elbo_hmm_predict(w, &one, 1, &margin, ws));
    for (size_t i = 0; i < CELLS; i++) { /* y_2 = tan u: the tails are heavy */
        const double u = M_PI * (((double)i + 0.5) / CELLS - 0.5);

        y[1] = tan(u);
        ck_assert(!elbo_hmm_predict(w, &one, 1, &at, ws));
        sum += exp(at.plug_in) * (1 + y[1] * y[1]) * M_PI / CELLS;
    }
    ck_assert_double_eq_tol(log(sum), margin.plug_in, 1e-7);
    elbo_arena_free(ws);
}
END_TEST

/* A known chain predicts rows seen in part by their margins. */
START_TEST(known_chains_predict_what_is_seen)
{
    enum { K = 3, T = 6 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(9, "partial", (uint64_t)_i);
    const drawn_chain c = draw_chain(&rng, K, T, 1, 0, 1, ws);
    gsl_matrix *const W = draw_covariance(&rng, NY, ws);
    gsl_matrix *const Y = elbo_arena_mat(ws, T, NY), *const cov = draw_covariance(&rng, NY, ws);
    double means[K * NY], mean[NY], loglik, most, gamma[T * K], counts[K * K];
    elbo_hmm_posterior want = {.occupancy = gamma, .transitions = counts};
    const elbo_sequence x = {.Y = Y};
    size_t best[T];

    elbo_rng_normals(&rng, means, K * NY);
    elbo_rng_normals(&rng, Y->data, T * NY);
    punch(Y->data, T * NY, 0.4, &rng);

    const elbo_observed_chain chain = {.chain = c.hmm, .ny = NY, .mean = means,
                                       .covariance = W};

    for (size_t t = 0; t < T; t++)
        for (size_t k = 0; k < K; k++)
            c.log_emission[t * K + k] =
                dense(W, means + k * NY, Y->data + t * NY, mean, cov, ws);
    enumerate(&c.hmm, c.log_emission, T, &want, best, &most);
    ck_assert(!elbo_chain_predict(&chain, &x, &loglik, ws));
    ck_assert_double_eq_tol(loglik, want.loglik, 1e-11 * (1 + fabs(want.loglik)));
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_hmm_partial(void)
{
    Suite *const s = suite_create("hmm_partial");
    TCase *const t = tcase_create("hmm_partial");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, em_with_holes_is_that_of_all_paths, 0, 12);
    tcase_add_loop_test(t, the_objective_never_falls_with_holes, 0, 80);
    tcase_add_test(t, em_rests_where_the_likelihood_of_what_is_seen_is_largest);
    tcase_add_test(t, the_bound_is_the_best_below_the_evidence);
    tcase_add_test(t, predictive_margins_are_integrals);
    tcase_add_loop_test(t, known_chains_predict_what_is_seen, 0, 20);
    suite_add_tcase(s, t);
    return s;
}

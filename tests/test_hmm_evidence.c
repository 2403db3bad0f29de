/* tests/test_hmm_evidence.c -- the bound of variational HMMs against evidence
 * that is known: conjugate updates with one state, all paths with two. */
#include "inference/messages/hmm_learn.h"

#include <math.h>

#include "inference/messages/dirichlet.h"
#include "inference/messages/mniw.h"
#include "tests/hmm_cases.h"
#include "tests/suites.h"

/* One state: q(theta) is exact, and so is the bound. */
START_TEST(one_state_is_the_conjugate_update)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(7, "one", 0);
    hmm_source s = draw_source(&rng, 3, 5, 0, 0, ws);
    elbo_hmm_config c = source_config(&s, 1, true);
    double counts[5] = {0}, prior[5];
    elbo_hmm_sequence data[3];
    elbo_hmm_learner *w;
    elbo_hmm_info info;

    s.holes = 0.3;
    c.emission_config.prior = 0.7385;
    for (size_t i = 0; i < 5; i++) prior[i] = 0.7385;
    for (size_t i = 0; i < 3; i++) {
        data[i] = draw_sequence(&s, 9 + i, &rng, ws);
        for (size_t t = 0; t < data[i].T; t++)
            if (!isnan(data[i].y[t])) counts[(size_t)data[i].y[t]]++;
    }
    ck_assert_int_eq(elbo_hmm_open(&c, data, 3, 1, ws, &w), ELBO_OK);
    for (size_t k = 0; k < 2; k++)
        ck_assert_int_eq(elbo_hmm_iterate(w, data, 3, &info, ws), ELBO_OK);
    ck_assert_double_eq_tol(info.elbo,
                            elbo_dirichlet_evidence(prior, counts, 5), 1e-11);
    elbo_arena_free(ws);
}
END_TEST

enum { NY = 2 };

/* log p of T rows, mean and covariance integrated out under the default prior; their
 * posterior. */
static double gaussian_evidence(const double y[], size_t T, elbo_mniw *post,
                                elbo_arena *ws)
{
    const gsl_matrix_const_view Y = gsl_matrix_const_view_array(y, T, NY);
    gsl_matrix *const Z = elbo_arena_mat(ws, T, 1);
    elbo_mniw prior;
    elbo_moments S;
    double evidence;

    gsl_matrix_set_all(Z, 1);
    ck_assert(!elbo_mniw_init(&prior, NY, 1, ws));
    ck_assert(!elbo_mniw_init(post, NY, 1, ws));
    ck_assert(!elbo_moments_init(&S, NY, 1, ws));
    ck_assert(!elbo_moments_rows(&S, &Y.matrix, Z, NULL));
    elbo_mniw_isotropic(&prior, 1e-2, 1, NY + 2);
    ck_assert(!elbo_mniw_posterior(&prior, &S, post, ws));
    ck_assert(!elbo_mniw_evidence(&prior, post, (double)T, &evidence, ws));
    return evidence;
}

/* Few rows, of which the last has not been learnt from. */
START_TEST(one_gaussian_state_is_the_conjugate_update)
{
    const size_t T = (size_t)_i;
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(11, "one", 0);
    hmm_source s = draw_source(&rng, 2, 0, NY, 3, ws);
    const elbo_hmm_config c = source_config(&s, 1, true);
    const elbo_hmm_sequence all = draw_sequence(&s, T + 1, &rng, ws);
    const elbo_hmm_sequence seq = {T, all.y}, last = {1, all.y + T * NY};
    double emission[NY + NY * NY];
    elbo_mniw post, after;
    const double evidence = gaussian_evidence(all.y, T, &post, ws);
    elbo_hmm_learner *w;
    elbo_hmm_info info;
    elbo_hmm_prediction next;

    ck_assert_int_eq(elbo_hmm_open(&c, &seq, 1, 1, ws, &w), ELBO_OK);
    for (size_t k = 0; k < 2; k++)
        ck_assert_int_eq(elbo_hmm_iterate(w, &seq, 1, &info, ws), ELBO_OK);
    ck_assert_double_eq_tol(info.elbo, evidence, 1e-9);
    ck_assert_int_eq(elbo_hmm_predict(w, &last, 1, &next, ws), ELBO_OK);
    ck_assert_double_eq_tol(next.plug_in,
                            gaussian_evidence(all.y, T + 1, &after, ws) - evidence,
                            1e-9);
    ck_assert_uint_eq(elbo_hmm_emission(w, 0, emission), NY + NY * NY);
    for (size_t i = 0; i < NY; i++)
        ck_assert_double_eq_tol(emission[i], gsl_matrix_get(post.M, i, 0), 1e-11);
    for (size_t i = 0; i < NY * NY; i++)
        ck_assert_double_eq_tol(emission[NY + i],
                                gsl_matrix_get(post.Psi, i / NY, i % NY) / post.nu,
                                1e-11);
    elbo_arena_free(ws);
}
END_TEST

/* log p(y), parameters integrated out, by all paths: each path's evidence is
 * one of Dirichlet-multinomials. */
enum { E_K = 2, E_M = 3, E_T = 9 };

typedef struct evidence {
    const double *y;
    double start_prior, transition_prior, prior;
    double most, total;
    int pass;
} evidence;

static double path_evidence(const evidence *e, const size_t path[])
{
    double start[E_K] = {0}, transition[E_K][E_K] = {{0}};
    double symbols[E_K][E_M] = {{0}}, a[3][E_M];
    double sum;

    for (size_t i = 0; i < E_M; i++) {
        a[0][i] = e->start_prior;
        a[1][i] = e->transition_prior;
        a[2][i] = e->prior;
    }
    start[path[0]] = 1;
    for (size_t t = 0; t < E_T; t++) {
        if (t) transition[path[t - 1]][path[t]]++;
        if (!isnan(e->y[t])) symbols[path[t]][(size_t)e->y[t]]++;
    }
    sum = elbo_dirichlet_evidence(a[0], start, E_K);
    for (size_t k = 0; k < E_K; k++)
        sum += elbo_dirichlet_evidence(a[1], transition[k], E_K)
               + elbo_dirichlet_evidence(a[2], symbols[k], E_M);
    return sum;
}

static void add_evidence(void *arg, const size_t path[], double logp)
{
    evidence *const e = arg;
    const double x = path_evidence(e, path);

    (void)logp;
    if (e->pass == 0) e->most = fmax(e->most, x);
    if (e->pass == 1) e->total += exp(x - e->most);
}

START_TEST(the_bound_is_below_the_exact_evidence)
{
    static const double any[E_K * E_K] = {1, 1, 1, 1}, flat[E_T * E_K] = {0};
    const elbo_hmm all = {E_K, any, any};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(13, "evidence", (uint64_t)_i);
    hmm_source s = draw_source(&rng, E_K, E_M, 0, 0, ws);
    elbo_hmm_config c = source_config(&s, E_K, true);
    evidence e = {.most = -HUGE_VAL};
    elbo_hmm_learner *w;
    elbo_hmm_info info;

    s.holes = _i % 2 ? 0.2 : 0;

    const elbo_hmm_sequence seq = draw_sequence(&s, E_T, &rng, ws);

    e.y = seq.y;
    e.start_prior = c.start_prior = 0.5 + elbo_rng_uniform(&rng);
    e.transition_prior = c.transition_prior = 0.5 + elbo_rng_uniform(&rng);
    e.prior = c.emission_config.prior = 0.5 + elbo_rng_uniform(&rng);
    for (e.pass = 0; e.pass < 2; e.pass++)
        every_path(&all, flat, E_T, &e, add_evidence);

    const double exact = e.most + log(e.total);

    ck_assert_int_eq(elbo_hmm_open(&c, &seq, 1, (uint64_t)_i, ws, &w), ELBO_OK);
    for (size_t k = 0; k < 60; k++) {
        ck_assert_int_eq(elbo_hmm_iterate(w, &seq, 1, &info, ws), ELBO_OK);
        ck_assert_double_lt(info.elbo, exact);
    }
    ck_assert_double_gt(info.elbo, exact - 5); /* and not far below */
    elbo_arena_free(ws);
}
END_TEST

/* ---- what is told of a belief ---- */

/* All paths under mean probabilities; KL(start) from what the start's mean rests on:
 * its priors and a sequence each. */
START_TEST(the_plug_in_is_all_paths_of_the_mean_and_kl_is_the_chain_s)
{
    enum { K = 2, M = 3, SEQUENCES = 4, T = 8 };
    static const double even[K] = {0.6, 0.6};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(13, "plug in", (uint64_t)_i);
    hmm_source s = draw_source(&rng, K, M, 0, 0, ws);
    elbo_hmm_config c = source_config(&s, K, true);
    elbo_hmm_sequence data[SEQUENCES];
    double start[K], transition[K * K], mean[M], a[K], logs[T * K], most;
    elbo_hmm_posterior paths = {.occupancy = elbo_arena_doubles(ws, T * K),
                                .transitions = elbo_arena_doubles(ws, K * K)};
    size_t best[T];
    elbo_hmm_learner *w;
    elbo_hmm_info info;
    elbo_hmm_prediction got;

    c.start_prior = 0.6;
    for (size_t i = 0; i < SEQUENCES; i++)
        data[i] = draw_sequence(&s, T, &rng, ws);
    ck_assert_int_eq(elbo_hmm_open(&c, data, SEQUENCES, 1, ws, &w), ELBO_OK);
    for (size_t k = 0; k < 3; k++)
        ck_assert_int_eq(elbo_hmm_iterate(w, data, SEQUENCES, &info, ws), ELBO_OK);
    ck_assert_int_eq(elbo_hmm_infer(w, data, SEQUENCES, &info, ws), ELBO_OK);
    elbo_hmm_mean(w, start, transition);
    for (size_t k = 0; k < K; k++) a[k] = start[k] * (K * 0.6 + SEQUENCES);
    ck_assert_double_eq_tol(info.kl_start, elbo_dirichlet_kl(a, even, K), 1e-10);

    const elbo_hmm hmm = {K, start, transition};
    const elbo_hmm_sequence fresh = draw_sequence(&s, T, &rng, ws);

    for (size_t k = 0; k < K; k++) {
        elbo_hmm_emission(w, k, mean);
        for (size_t t = 0; t < T; t++)
            logs[t * K + k] = log(mean[(size_t)fresh.y[t]]);
    }
    enumerate(&hmm, logs, T, &paths, best, &most);
    ck_assert_int_eq(elbo_hmm_predict(w, &fresh, 1, &got, ws), ELBO_OK);
    ck_assert_double_eq_tol(got.plug_in, paths.loglik, 1e-11 * fabs(paths.loglik));
    ck_assert_double_lt(got.lower, got.plug_in - 1e-3);
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_hmm_evidence(void)
{
    Suite *const s = suite_create("hmm_evidence");
    TCase *const t = tcase_create("hmm_learn");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, one_state_is_the_conjugate_update);
    tcase_add_loop_test(t, one_gaussian_state_is_the_conjugate_update, 1, 9);
    tcase_add_loop_test(t, the_bound_is_below_the_exact_evidence, 0, 20);
    tcase_add_loop_test(
        t, the_plug_in_is_all_paths_of_the_mean_and_kl_is_the_chain_s, 0, 3);
    suite_add_tcase(s, t);
    return s;
}

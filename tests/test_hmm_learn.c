/* tests/test_hmm_learn.c -- EM and variational EM of HMMs: monotone, bounded by
 * exact evidence, equal to conjugate updates with one state. */
#include "inference/messages/hmm_learn.h"

#include <gsl/gsl_math.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/messages/dirichlet.h"
#include "inference/messages/mniw.h"
#include "tests/hmm_cases.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

/* Sequences of a drawn HMM: K states, categorical (ny = 0) with M symbols or
 * Gaussian with means `apart` from each other. */
typedef struct source {
    size_t K, M, ny;
    double apart, holes; /* share of missing rows */
    drawn_chain chain;
    double *emission; /* [K x M], or [K x ny] means */
} source;

static source draw_source(elbo_rng *rng, size_t K, size_t M, size_t ny,
                          double apart, elbo_arena *ws)
{
    source s = {.K = K,
                .M = M,
                .ny = ny,
                .apart = apart,
                .chain = draw_chain(rng, K, 1, 1, 0, 0, ws),
                .emission = elbo_arena_doubles(ws, K * (ny ? ny : M))};

    if (ny) elbo_rng_normals(rng, s.emission, K * ny);
    for (size_t k = 0; !ny && k < K; k++)
        draw_simplex(rng, s.emission + k * M, M, 1, 0);
    return s;
}

static void emit(const source *s, size_t k, elbo_rng *rng, double y[])
{
    if (elbo_rng_uniform(rng) < s->holes) {
        for (size_t i = 0; i < (s->ny ? s->ny : 1); i++) y[i] = nan("");
        return;
    }
    if (!s->ny) {
        y[0] = (double)elbo_rng_categorical(rng, s->emission + k * s->M, s->M);
        return;
    }
    elbo_rng_normals(rng, y, s->ny);
    for (size_t i = 0; i < s->ny; i++)
        y[i] += s->apart * s->emission[k * s->ny + i];
}

static elbo_hmm_sequence draw_sequence(const source *s, size_t T, elbo_rng *rng,
                                   elbo_arena *ws)
{
    const size_t width = s->ny ? s->ny : 1;
    double *const y = elbo_arena_doubles(ws, T * width);
    size_t k = elbo_rng_categorical(rng, s->chain.start, s->K);

    for (size_t t = 0; t < T; t++) {
        if (t)
            k = elbo_rng_categorical(rng, s->chain.transition + k * s->K, s->K);
        emit(s, k, rng, y + t * width);
    }
    return (elbo_hmm_sequence){T, y};
}

static elbo_hmm_config config_of(const source *s, size_t K, bool variational)
{
    elbo_hmm_config c = elbo_hmm_defaults;

    c.K = K;
    c.variational = variational;
    c.emission = s->ny ? &elbo_emission_gaussian : &elbo_emission_categorical;
    c.emission_config.symbols = s->M;
    c.emission_config.ny = s->ny ? s->ny : 1;
    c.emission_config.floor = 1e-3;
    c.tolerance = 1e-6;
    return c;
}

/* The objective of EM and the bound rise, on 200 systems: half each, of both
 * kinds of emission, with missing rows and unequal lengths. */
START_TEST(the_objective_never_falls)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(3, "monotone", (uint64_t)_i);
    const bool gaussian = _i % 2, variational = _i / 2 % 2;
    const size_t K = 1 + elbo_rng_below(&rng, 5);
    source s =
        draw_source(&rng, K, 4, gaussian ? 1 + (size_t)_i % 3 : 0, 2.385, ws);
    const elbo_hmm_config c =
        config_of(&s, 1 + elbo_rng_below(&rng, 6), variational);
    elbo_hmm_sequence data[6];
    elbo_hmm_learner *w;
    elbo_hmm_info info;
    double last = -HUGE_VAL;

    s.holes = _i % 3 ? 0 : 0.2;
    for (size_t i = 0; i < 6; i++)
        data[i] = draw_sequence(&s, 1 + elbo_rng_below(&rng, 40), &rng, ws);
    ck_assert_int_eq(elbo_hmm_open(&c, data, 6, (uint64_t)_i, ws, &w), ELBO_OK);
    for (size_t k = 0; k < 30; k++) {
        ck_assert_int_eq(elbo_hmm_iterate(w, data, 6, &info, ws), ELBO_OK);
        ck_assert_double_ge(info.elbo, last - 1e-10 * (1 + fabs(last)));
        ck_assert_uint_eq(info.iteration, k + 1);
        ck_assert(info.kl_start >= 0 && info.kl_transition >= 0
                  && info.kl_emission >= 0);
        last = info.elbo;
    }
    elbo_arena_free(ws);
}
END_TEST

/* One state: q(theta) is exact, and so is the bound. */
START_TEST(one_state_is_the_conjugate_update)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(7, "one", 0);
    source s = draw_source(&rng, 3, 5, 0, 0, ws);
    elbo_hmm_config c = config_of(&s, 1, true);
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

START_TEST(one_gaussian_state_is_the_conjugate_update)
{
    enum { NY = 2, T = 25 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(11, "one", 0);
    source s = draw_source(&rng, 2, 0, NY, 3, ws);
    const elbo_hmm_config c = config_of(&s, 1, true);
    const elbo_hmm_sequence seq = draw_sequence(&s, T, &rng, ws);
    const gsl_matrix_const_view Y = gsl_matrix_const_view_array(seq.y, T, NY);
    gsl_matrix *const Z = elbo_arena_mat(ws, T, 1);
    elbo_mniw prior, post;
    elbo_moments S;
    elbo_hmm_learner *w;
    elbo_hmm_info info;
    double evidence;

    gsl_matrix_set_all(Z, 1);
    ck_assert(!elbo_mniw_init(&prior, NY, 1, ws));
    ck_assert(!elbo_mniw_init(&post, NY, 1, ws));
    ck_assert(!elbo_moments_init(&S, NY, 1, ws));
    ck_assert(!elbo_moments_rows(&S, &Y.matrix, Z, NULL));
    elbo_mniw_isotropic(&prior, 1e-2, 1, NY + 2);
    ck_assert(!elbo_mniw_posterior(&prior, &S, &post, ws));
    ck_assert(!elbo_mniw_evidence(&prior, &post, T, &evidence, ws));
    ck_assert_int_eq(elbo_hmm_open(&c, &seq, 1, 1, ws, &w), ELBO_OK);
    for (size_t k = 0; k < 2; k++)
        ck_assert_int_eq(elbo_hmm_iterate(w, &seq, 1, &info, ws), ELBO_OK);
    ck_assert_double_eq_tol(info.elbo, evidence, 1e-9);
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
    source s = draw_source(&rng, E_K, E_M, 0, 0, ws);
    elbo_hmm_config c = config_of(&s, E_K, true);
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

/* State k emits symbol k with 0.8, or about 6 k. */
static void set_apart(source *s)
{
    for (size_t k = 0; k < s->K; k++)
        if (s->ny)
            s->emission[k] = (double)k;
        else
            for (size_t m = 0; m < s->M; m++)
                s->emission[k * s->M + m] =
                    m == k ? 0.8 : 0.2 / (double)(s->M - 1);
}

/* With 20 000 rows both learn the same, near to the truth. */
START_TEST(many_rows_leave_nothing_to_the_prior)
{
    enum { T = 20000, K = 3 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 20);
    elbo_rng rng = elbo_rng_stream(17, "many", 0);
    source s = draw_source(&rng, K, 6, _i ? 1 : 0, 6, ws);

    set_apart(&s);

    const elbo_hmm_sequence seq = draw_sequence(&s, T, &rng, ws);
    const elbo_hmm_sequence test = draw_sequence(&s, T, &rng, ws);
    elbo_hmm_prediction held[2];
    double transition[2][K * K], truth = 0;

    for (size_t v = 0; v < 2; v++) {
        const elbo_hmm_config c = config_of(&s, K, v);
        elbo_hmm_learner *w;
        elbo_hmm_info info;

        ck_assert_int_eq(elbo_hmm_open(&c, &seq, 1, 2, ws, &w), ELBO_OK);
        ck_assert_int_eq(elbo_hmm_solve(w, &seq, 1, &info, ws), ELBO_OK);
        ck_assert(info.converged && info.iteration < 1000);
        ck_assert_int_eq(elbo_hmm_predict(w, &test, 1, &held[v], ws), ELBO_OK);
        elbo_hmm_mean(w, NULL, transition[v]);
    }
    ck_assert_double_eq_tol(held[0].lower, held[0].plug_in, 1e-7 * T);
    ck_assert_double_le(held[1].lower, held[1].plug_in);
    ck_assert_double_eq_tol(held[1].plug_in, held[0].plug_in, 2e-4 * T);
    for (size_t i = 0; i < K * K; i++)
        ck_assert_double_eq_tol(transition[0][i], transition[1][i], 5e-3);
    if (_i) { /* the truth's own, on the same rows */
        double *const logs = elbo_arena_doubles(ws, T * K);
        elbo_hmm_posterior out = {0};

        for (size_t t = 0; t < T; t++)
            for (size_t k = 0; k < K; k++) {
                const double d = test.y[t] - 6 * s.emission[k];

                logs[t * K + k] = -0.5 * (d * d + log(2 * M_PI));
            }
        ck_assert(!elbo_hmm_forward_backward(&s.chain.hmm, logs, T, &out, ws));
        truth = out.loglik;
        ck_assert_double_eq_tol(held[1].plug_in, truth, 1e-3 * T);
    }
    elbo_arena_free(ws);
}
END_TEST

static void put(const char *path, const elbo_hmm_learner *w)
{
    elbo_writer *const out = elbo_writer_alloc();

    elbo_writer_section(out, "hmm");
    elbo_hmm_save(w, out);
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    elbo_writer_free(out);
}

static elbo_status get(const char *path, elbo_hmm_learner *w, elbo_arena *ws)
{
    elbo_reader *in;

    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "hmm"), ELBO_OK);

    const elbo_status s = elbo_hmm_load(w, in, ws);

    elbo_reader_free(in);
    return s;
}

START_TEST(a_checkpoint_continues_to_the_same_bits)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(19, "save", (uint64_t)_i);
    source s = draw_source(&rng, 3, 4, _i % 2 ? 2 : 0, 3, ws);
    const elbo_hmm_config c = config_of(&s, 3, _i / 2),
                          other = config_of(&s, 4, _i / 2);
    elbo_hmm_sequence data[2];
    elbo_hmm_learner *whole, *resumed, *wrong;
    elbo_hmm_info a, b;

    for (size_t i = 0; i < 2; i++)
        data[i] = draw_sequence(&s, 30 + 9 * i, &rng, ws);
    ck_assert(!elbo_hmm_open(&c, data, 2, 1, ws, &whole));
    ck_assert(!elbo_hmm_open(&c, data, 2, 2, ws, &resumed));
    ck_assert(!elbo_hmm_open(&other, data, 2, 2, ws, &wrong));
    for (size_t k = 0; k < 3; k++)
        ck_assert(!elbo_hmm_iterate(whole, data, 2, &a, ws));
    put(scratch_path, whole);
    ck_assert_int_eq(get(scratch_path, resumed, ws), ELBO_OK);
    ck_assert_int_eq(get(scratch_path, wrong, ws), ELBO_EDATA);
    for (size_t k = 0; k < 3; k++) {
        ck_assert(!elbo_hmm_iterate(whole, data, 2, &a, ws));
        ck_assert(!elbo_hmm_iterate(resumed, data, 2, &b, ws));
        ck_assert(memcmp(&a, &b, sizeof a) == 0);
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(any_number_of_threads_gives_the_same_bits)
{
    enum { N = 90 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(23, "threads", 0);
    source s = draw_source(&rng, 4, 5, 0, 0, ws);
    const elbo_hmm_config c = config_of(&s, 4, true);
    elbo_hmm_info info[2];
    elbo_hmm_sequence data[N];

    for (size_t i = 0; i < N; i++)
        data[i] = draw_sequence(&s, 40 + i, &rng, ws);
    for (int threads = 1; threads <= 2; threads++) {
        elbo_hmm_learner *w;

        omp_set_num_threads(threads);
        ck_assert(!elbo_hmm_open(&c, data, N, 1, ws, &w));
        for (size_t k = 0; k < 3; k++)
            ck_assert(!elbo_hmm_iterate(w, data, N, &info[threads - 1], ws));
    }
    omp_set_num_threads(1);
    ck_assert(memcmp(&info[0], &info[1], sizeof *info) == 0);
    elbo_arena_free(ws);
}
END_TEST

/* Well-separated states are found, and a path is decoded. */
START_TEST(separated_states_are_decoded)
{
    enum { K = 4, T = 600 };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(29, "decode", 0);
    source s = draw_source(&rng, K, 0, 2, 40, ws);
    const elbo_hmm_config c = config_of(&s, K, true);
    const elbo_hmm_sequence seq = draw_sequence(&s, T, &rng, ws);
    size_t *const path = elbo_arena_sizes(ws, T);
    elbo_hmm_learner *w;
    elbo_hmm_info info;
    double logp, m[6];

    ck_assert(!elbo_hmm_open(&c, &seq, 1, 1, ws, &w));
    for (size_t k = 0; k < 20; k++)
        ck_assert(!elbo_hmm_iterate(w, &seq, 1, &info, ws));
    ck_assert_uint_eq(elbo_hmm_emission(w, 0, NULL), 6);
    ck_assert_int_eq(elbo_hmm_decode(w, &seq, path, &logp, ws), ELBO_OK);
    for (size_t t = 0; t < T; t++) {
        elbo_hmm_emission(w, path[t], m);
        for (size_t i = 0; i < 2; i++)
            ck_assert_double_lt(fabs(seq.y[2 * t + i] - m[i]), 6);
    }
    elbo_arena_free(ws);
}
END_TEST

/* Fewer rows than states, and a column that never changes: ML is floored and
 * counts it, nothing becomes NaN. */
START_TEST(degenerate_data_stay_finite)
{
    static const double y[] = {1, 5, 2, 5, 4, 5};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const source s = {.ny = 2};
    const elbo_hmm_config c = config_of(&s, 5, _i);
    const elbo_hmm_sequence seq = {3, y};
    elbo_hmm_learner *w;
    elbo_hmm_info info;

    ck_assert(!elbo_hmm_open(&c, &seq, 1, 1, ws, &w));
    for (size_t k = 0; k < 20; k++) {
        ck_assert_int_eq(elbo_hmm_iterate(w, &seq, 1, &info, ws), ELBO_OK);
        ck_assert(isfinite(info.elbo));
        ck_assert(_i ? info.floored == 0 : info.floored > 0);
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(bad_data_and_settings_have_their_place)
{
    static const double symbols[] = {0, 1, 2, -1, 1};
    static const double halves[] = {1, 2, 3, (double)NAN};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_hmm_config c = elbo_hmm_defaults;
    const elbo_hmm_sequence data[] = {
        {2, symbols},
        {5, symbols}
    };
    const elbo_hmm_sequence gaps = {2, halves};
    elbo_hmm_learner *w;
    elbo_hmm_info info;

    c.emission_config.symbols = 3;
    ck_assert_int_eq(elbo_hmm_open(&c, data, 2, 1, ws, &w), ELBO_EDATA);
    ck_assert_str_eq(elbo_last_error()->text,
                     "sequence 1: row 3: -1 is no symbol 0 .. 2");
    c.emission_config.missing = -1;
    ck_assert_int_eq(elbo_hmm_open(&c, data, 2, 1, ws, &w), ELBO_OK);
    ck_assert_int_eq(elbo_hmm_iterate(w, data, 2, &info, ws), ELBO_OK);

    /* a symbol that ML has never seen makes a sequence impossible */
    c.variational = false;
    ck_assert_int_eq(elbo_hmm_open(&c, data, 1, 1, ws, &w), ELBO_OK);
    ck_assert_int_eq(elbo_hmm_iterate(w, data, 2, &info, ws), ELBO_EDATA);
    ck_assert_str_eq(elbo_last_error()->text,
                     "sequence 1: row 2: no state can emit it");
    ck_assert_int_eq(elbo_hmm_iterate(w, data, 1, &info, ws), ELBO_OK);

    c.emission = &elbo_emission_gaussian;
    c.emission_config.ny = 2;
    ck_assert_int_eq(elbo_hmm_open(&c, &gaps, 1, 1, ws, &w), ELBO_EDATA);
    ck_assert_str_eq(elbo_last_error()->text,
                     "sequence 0: row 1 is missing in part (column 1)");
    c.emission_config.nu = 0.5;
    ck_assert_int_eq(elbo_hmm_open(&c, &gaps, 1, 1, ws, &w), ELBO_EINVAL);
    c = elbo_hmm_defaults;
    c.transition_prior = 0;
    ck_assert_int_eq(elbo_hmm_open(&c, data, 1, 1, ws, &w), ELBO_EINVAL);
    c = elbo_hmm_defaults;
    c.emission_config.prior = -1;
    ck_assert_int_eq(elbo_hmm_open(&c, data, 1, 1, ws, &w), ELBO_EINVAL);
    ck_assert_ptr_eq(elbo_emission_find("gaussian"), &elbo_emission_gaussian);
    ck_assert_ptr_null(elbo_emission_find("poisson"));
    elbo_arena_free(ws);
}
END_TEST

START_TEST(lost_allocations_are_reported)
{
    elbo_arena *const parts = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(31, "memory", 0);
    source s = draw_source(&rng, 3, 0, 2, 3, parts);
    const elbo_hmm_config c = config_of(&s, 3, true);
    elbo_hmm_sequence data[3];
    elbo_hmm_info info;
    elbo_status status;
    long n = 0;

    for (size_t i = 0; i < 3; i++)
        data[i] = draw_sequence(&s, 500, &rng, parts);
    do {
        elbo_hmm_learner *w;

        elbo_alloc_budget(n++);

        elbo_arena *const ws = elbo_arena_alloc(64);

        status = ws ? elbo_hmm_open(&c, data, 3, 1, ws, &w) : ELBO_ENOMEM;
        if (status == ELBO_OK) status = elbo_hmm_iterate(w, data, 3, &info, ws);
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
    } while (status == ELBO_ENOMEM);
    ck_assert_int_eq(status, ELBO_OK);
    ck_assert_int_gt(n, 5);
    elbo_arena_free(parts);
}
END_TEST

Suite *suite_hmm_learn(void)
{
    Suite *const s = suite_create("hmm_learn");
    TCase *const t = tcase_create("hmm_learn");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_loop_test(t, the_objective_never_falls, 0, 200);
    tcase_add_test(t, one_state_is_the_conjugate_update);
    tcase_add_test(t, one_gaussian_state_is_the_conjugate_update);
    tcase_add_loop_test(t, the_bound_is_below_the_exact_evidence, 0, 20);
    tcase_add_loop_test(t, many_rows_leave_nothing_to_the_prior, 0, 2);
    tcase_add_loop_test(t, a_checkpoint_continues_to_the_same_bits, 0, 4);
    tcase_add_test(t, any_number_of_threads_gives_the_same_bits);
    tcase_add_test(t, separated_states_are_decoded);
    tcase_add_loop_test(t, degenerate_data_stay_finite, 0, 2);
    tcase_add_test(t, bad_data_and_settings_have_their_place);
    tcase_add_test(t, lost_allocations_are_reported);
    suite_add_tcase(s, t);
    return s;
}

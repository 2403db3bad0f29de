#include <check.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/parallel.h"
#include "inference/evaluate.h"
#include "inference/resolvent.h"
#include "tests/random_process.h"
#include "tests/suites.h"

static elbo_arena *arena;

static void setup(void)
{
    arena = elbo_arena_alloc(1 << 16);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

static elbo_chain chain_of(const elbo_mdp *mdp, const double *pi)
{
    return (elbo_chain){mdp, pi, mdp->P, 0};
}

static double *values(const elbo_chain *chain, const double b[])
{
    const size_t n = (elbo_stages(chain->mdp) + 1) * (chain->mdp->nS + 1);
    double *V = elbo_arena_doubles(arena, n);

    ck_assert_msg(elbo_evaluate(chain, b, V, arena) == ELBO_OK, "%s",
                  elbo_last_error()->text);
    return V;
}

static double *visits(const elbo_chain *chain)
{
    const elbo_mdp *mdp = chain->mdp;
    double *rho =
        elbo_arena_doubles(arena, elbo_stages(mdp) * mdp->nS * mdp->nA);

    ck_assert_msg(elbo_occupancy(chain, rho, arena) == ELBO_OK, "%s",
                  elbo_last_error()->text);
    return rho;
}

START_TEST(two_states_match_their_closed_form)
{
    const uint32_t next[] = {0, 1, 0, 2};
    const elbo_pattern pattern = {
        .nS = 2, .nA = 1, .width = 2, .next = next, .nnz = 4};
    double prob[] = {0.25, 0.75, 0.5, 0.5};
    const double r[] = {2.385, -1}, mu[] = {0.375, 0.625}, pi[] = {1, 1};
    const elbo_mdp mdp = {
        .nS = 2,
        .nA = 1,
        .P = {&pattern, prob},
        .r = r,
        .mu = mu,
        .gamma = 0.8
    };
    const elbo_chain chain = chain_of(&mdp, pi);
    const double *V = values(&chain, r), *rho = visits(&chain);

    /* (1 - 0.2) V0 = 2.385 + 0.6 V1,  V1 = -1 + 0.4 V0 */
    const double V0 = (2.385 - 0.6) / (0.8 - 0.24);

    ck_assert_double_eq_tol(V[0], V0, 1e-14);
    ck_assert_double_eq_tol(V[1], -1 + 0.4 * V0, 1e-14);
    ck_assert_double_eq(V[2], 0);

    /* (1 - 0.2) x0 = 0.375 + 0.4 x1,  x1 = 0.625 + 0.6 x0 */
    const double x0 = (0.375 + 0.25) / (0.8 - 0.24);

    ck_assert_double_eq_tol(rho[0], x0, 1e-14);
    ck_assert_double_eq_tol(rho[1], 0.625 + 0.6 * x0, 1e-14);
}
END_TEST

/* max |V - b_pi - gamma P_pi V| by the definition. */
static double defect(const elbo_chain *chain, const double b[],
                     const double V[])
{
    const elbo_mdp *mdp = chain->mdp;
    const elbo_pattern *p = chain->q.pattern;
    double worst = 0;

    for (size_t s = 0; s < mdp->nS; s++) {
        long double sum = 0;

        for (size_t row = s * mdp->nA; row < (s + 1) * mdp->nA; row++) {
            long double next = 0;

            for (size_t i = elbo_row_begin(p, row); i < elbo_row_end(p, row);
                 i++)
                next += (long double)chain->q.prob[i]
                        * (long double)V[elbo_successor(p, row, i)];
            sum += (long double)chain->pi[row]
                   * ((long double)b[row] + (long double)mdp->gamma * next);
        }
        worst = fmax(worst, fabs(V[s] - (double)sum));
    }
    return worst;
}

/* mu' V against sum rho b. */
static void check_identity(const elbo_chain *chain, const double b[],
                           double tolerance)
{
    const elbo_mdp *mdp = chain->mdp;
    const size_t rows = elbo_stages(mdp) * mdp->nS * mdp->nA;
    const double *V = values(chain, b), *rho = visits(chain);
    double scale = 0;

    for (size_t i = 0; i < rows; i++) {
        ck_assert_double_ge(rho[i], 0);
        scale += rho[i] * fabs(b[i]);
    }
    ck_assert_double_eq_tol(elbo_dot(mdp->mu, V, mdp->nS),
                            elbo_dot(rho, b, rows), tolerance * (1 + scale));
}

START_TEST(value_and_occupancy_agree_on_the_return)
{
    elbo_rng rng = elbo_rng_stream(1, "identity", 0);

    for (size_t trial = 0; trial < 24; trial++) {
        elbo_mdp mdp =
            random_process(&rng, 30 + trial, 3, 2 + trial % 9, 0.2, arena);
        const size_t rows = 3 * mdp.nS * 7;
        const double *b = random_doubles(&rng, rows, -2, 3, arena);

        mdp.P = in_layout(&mdp.P, 1 + trial % 2, arena);
        if (trial % 3 == 1) mdp.horizon = 7;
        if (trial % 3 == 2) mdp.gamma = 1; /* all come to END at last */

        const elbo_chain chain =
            chain_of(&mdp, random_policy(&rng, rows / 3, 3, trial % 2, arena));

        check_identity(&chain, b, 1e-13);
        if (!mdp.horizon)
            ck_assert_double_lt(defect(&chain, b, values(&chain, b)), 1e-12);
    }
}
END_TEST

START_TEST(a_kernel_of_its_own_and_one_that_loses_mass_agree_as_well)
{
    elbo_rng rng = elbo_rng_stream(2, "identity", 0);
    elbo_mdp mdp = random_process(&rng, 40, 2, 3, 0, arena);
    const double *b = random_doubles(&rng, 5 * 80, -2, 3, arena);
    elbo_chain chain =
        chain_of(&mdp, random_policy(&rng, 5 * 40, 2, false, arena));

    chain.q.prob = random_policy(&rng, 5 * 80, 3, false, arena);
    chain.q_stride = 240;
    mdp.horizon = 5;
    check_identity(&chain, b, 1e-14);
    mdp.horizon = 0;
    mdp.gamma = 1;
    for (size_t i = 0; i < 240; i++) chain.q.prob[i] *= 0.9;
    check_identity(&chain, b, 1e-13);
    ck_assert_double_lt(defect(&chain, b, values(&chain, b)), 1e-12);
}
END_TEST

START_TEST(occupancy_sums_to_the_expected_length)
{
    elbo_rng rng = elbo_rng_stream(3, "length", 0);
    elbo_mdp mdp = random_process(&rng, 40, 3, 4, 0, arena);
    const elbo_chain chain =
        chain_of(&mdp, random_policy(&rng, 40 * 11, 3, true, arena));

    ck_assert_double_eq_tol(elbo_sum(visits(&chain), 120), 1 / 0.07, 1e-11);
    mdp.horizon = 11;

    const double *rho = visits(&chain);

    for (size_t t = 0; t < 11; t++)
        ck_assert_double_eq_tol(elbo_sum(rho + 120 * t, 120),
                                pow(0.93, (double)t), 1e-14);
}
END_TEST

START_TEST(the_return_is_summed_over_all_stages)
{
    const double r[] = {2, 3, 5, 7}, rho[] = {1, 0, 0.5, 0, 0, 0.25, 0, 1};
    elbo_mdp mdp = {.nS = 2, .nA = 2, .r = r, .horizon = 2};

    ck_assert_double_eq(elbo_return(&mdp, rho), 2 + 2.5 + 0.75 + 7);
    mdp.horizon = 0;
    ck_assert_double_eq(elbo_return(&mdp, rho), 4.5);
}
END_TEST

/* Episodes that survive each step with probability gamma; counts of (s, a). */
static void simulate(const elbo_chain *chain, elbo_rng *rng, double count[])
{
    const elbo_mdp *mdp = chain->mdp;
    const elbo_pattern *p = chain->q.pattern;
    size_t s = elbo_rng_categorical(rng, mdp->mu, mdp->nS);

    while (s < mdp->nS) {
        const size_t row =
            s * mdp->nA
            + elbo_rng_categorical(rng, chain->pi + s * mdp->nA, mdp->nA);
        const size_t begin = elbo_row_begin(p, row);
        const size_t i = begin
                         + elbo_rng_categorical(rng, chain->q.prob + begin,
                                                elbo_row_end(p, row) - begin);

        count[row]++;
        s = elbo_rng_uniform(rng) < mdp->gamma ? elbo_successor(p, row, i)
                                               : mdp->nS;
    }
}

START_TEST(occupancy_matches_simulated_visits)
{
    enum { ROWS = 16, EPISODES = 20000 };
    elbo_rng rng = elbo_rng_stream(4, "simulation", 0);
    const elbo_mdp mdp = random_process(&rng, 8, 2, 3, 0.3, arena);
    const elbo_chain chain =
        chain_of(&mdp, random_policy(&rng, 8, 2, false, arena));
    const double *rho = visits(&chain);
    double sum[ROWS] = {0}, squares[ROWS] = {0};

    for (size_t k = 0; k < EPISODES; k++) {
        double count[ROWS] = {0};

        simulate(&chain, &rng, count);
        for (size_t i = 0; i < ROWS; i++) {
            sum[i] += count[i];
            squares[i] += count[i] * count[i];
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        const double mean = sum[i] / EPISODES;
        const double variance = squares[i] / EPISODES - mean * mean;

        ck_assert_double_eq_tol(rho[i], mean, 5 * sqrt(variance / EPISODES));
    }
}
END_TEST

/* n states under the rule of random_process, just above or below the switch. */
static elbo_chain large_chain(elbo_mdp *mdp, size_t n, double gamma)
{
    elbo_rng rng = elbo_rng_stream(5, "large", 0);

    *mdp = random_process(&rng, n, 3, 3, 0.02, arena);
    mdp->gamma = gamma;
    return chain_of(mdp, random_policy(&rng, n, 3, true, arena));
}

START_TEST(elimination_and_iteration_agree)
{
    elbo_mdp mdp;
    const size_t n = ELBO_DENSE_STATES;

    for (int k = 0; k < 3; k++) {
        const elbo_chain small = large_chain(&mdp, n, 1 - 0.05 * k);
        const double *V = values(&small, mdp.r), *rho = visits(&small);
        double *mu = elbo_arena_doubles(arena, n + 1);
        const double *pi = small.pi;

        /* one more state that leads nowhere makes it too large for LU */
        elbo_mdp more = mdp;
        elbo_pattern pattern = *mdp.P.pattern;
        const size_t nnz = pattern.nnz + 9;
        uint32_t *next = elbo_arena_u32(arena, nnz);
        double *prob = elbo_arena_doubles(arena, nnz);
        double *r = elbo_arena_doubles(arena, 3 * n + 3);
        double *pi_more = elbo_arena_doubles(arena, 3 * n + 3);

        for (size_t i = 0; i < nnz; i++) {
            const bool old = i < pattern.nnz;
            const uint32_t to = old ? pattern.next[i] : (uint32_t)n;

            next[i] = to == n ? (uint32_t)n + 1 : to;
            prob[i] = old ? mdp.P.prob[i] : i % 3 == 0;
        }
        for (size_t i = 0; i < 3 * n + 3; i++) {
            r[i] = i < 3 * n ? mdp.r[i] : 0;
            pi_more[i] = i < 3 * n ? pi[i] : i % 3 == 1;
        }
        memcpy(mu, mdp.mu, n * sizeof *mu);
        mu[n] = 0;
        more.nS = pattern.nS = n + 1;
        pattern.next = next;
        pattern.nnz = nnz;
        more.P = (elbo_kernel){.pattern = &pattern, .prob = prob};
        more.r = r;
        more.mu = mu;

        const elbo_chain large = chain_of(&more, pi_more);
        const double *W = values(&large, r), *sigma = visits(&large);

        for (size_t s = 0; s < n; s++)
            ck_assert_double_eq_tol(V[s], W[s], 1e-10 * (1 + fabs(V[s])));
        for (size_t i = 0; i < 3 * n; i++)
            ck_assert_double_eq_tol(rho[i], sigma[i], 1e-11);
        ck_assert_double_eq(W[n], 0);
    }
}
END_TEST

START_TEST(large_chains_are_solved_to_rounding)
{
    elbo_mdp mdp;

    for (int i = 0; i < 3; i++) {
        const double gamma[] = {0.9, 0.999, 1};
        const elbo_chain chain = large_chain(&mdp, 4001, gamma[i]);
        const double *V = values(&chain, mdp.r);
        double largest = 0;

        for (size_t s = 0; s < mdp.nS; s++) largest = fmax(largest, fabs(V[s]));
        ck_assert_double_lt(defect(&chain, mdp.r, V), 1e-11 * (1 + largest));
        check_identity(&chain, mdp.r, 1e-10);
    }
}
END_TEST

START_TEST(any_number_of_threads_gives_the_same_bits)
{
    elbo_mdp mdp;
    const elbo_chain chain = large_chain(&mdp, 9001, 0.99);
    const int threads = omp_get_max_threads();
    const double *V = NULL, *rho = NULL;

    for (int n = 1; n <= 4; n *= 2) {
        omp_set_num_threads(n);

        const double *W = values(&chain, mdp.r), *sigma = visits(&chain);

        if (V) ck_assert_mem_eq(V, W, 9001 * sizeof *V);
        if (rho) ck_assert_mem_eq(rho, sigma, 3 * 9001 * sizeof *V);
        V = W;
        rho = sigma;
    }
    omp_set_num_threads(threads);
}
END_TEST

/* State 0 stays or ends as its action says; 1 goes to 0; 2 stays for ever. */
static const uint32_t stays[] = {0, 3, 0, 0, 2, 2};
static const elbo_pattern staying = {
    .nS = 3, .nA = 2, .width = 1, .next = stays, .nnz = 6};
static const double one[] = {1, 1, 1, 1, 1, 1};

static elbo_mdp staying_process(const double mu[])
{
    static double prob[] = {1, 1, 1, 1, 1, 1};

    return (elbo_mdp){
        .nS = 3,
        .nA = 2,
        .P = {&staying, prob},
        .r = one,
        .mu = mu,
        .gamma = 1
    };
}

START_TEST(episodes_that_never_end_are_singular_without_discount)
{
    const double mu[] = {0.5, 0.5, 0};
    const double ends[] = {0.5, 0.5, 1, 0, 1, 0};
    const double stuck[] = {1, 0, 1, 0, 1, 0};
    elbo_mdp mdp = staying_process(mu);
    elbo_chain chain = chain_of(&mdp, stuck);
    double V[8], rho[6];

    ck_assert_int_eq(elbo_occupancy(&chain, rho, arena), ELBO_ESINGULAR);
    ck_assert_str_eq(elbo_last_error()->text,
                     "discount 1, no horizon: from state 0 the episode never "
                     "ends");
    ck_assert_int_eq(elbo_evaluate(&chain, one, V, arena), ELBO_ESINGULAR);

    /* state 2 has no value, but nothing visits it */
    chain.pi = ends;
    ck_assert_int_eq(elbo_evaluate(&chain, one, V, arena), ELBO_ESINGULAR);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "from state 2"));
    ck_assert_int_eq(elbo_occupancy(&chain, rho, arena), ELBO_OK);
    ck_assert_double_eq_tol(rho[0] + rho[1], 2, 1e-15);
    ck_assert_double_eq_tol(rho[2], 0.5, 1e-15);
    ck_assert_double_eq(rho[4], 0);

    /* a discount or a horizon makes all well */
    mdp.gamma = 0.5;
    chain.pi = stuck;
    ck_assert_int_eq(elbo_evaluate(&chain, one, V, arena), ELBO_OK);
    for (size_t s = 0; s < 3; s++) ck_assert_double_eq_tol(V[s], 2, 1e-15);
}
END_TEST

START_TEST(matrices_that_have_no_resolvent_are_refused)
{
    enum { N = ELBO_DENSE_STATES + 1 };
    elbo_sparse A = {.n = 2};
    size_t start[N + 1] = {0, 1, 2};
    uint32_t column[N] = {1, 0};
    double value[N] = {1, 1}, b[N] = {1, -0.5}, x[N];

    A.start = start;
    A.column = column;
    A.value = value;
    ck_assert_int_eq(elbo_resolvent(&A, 1, b, x, arena), ELBO_ESINGULAR);
    ck_assert_int_eq(elbo_resolvent(&A, 0.5, b, x, arena), ELBO_OK);
    ck_assert_double_eq_tol(x[0], 1, 1e-15);

    /* x = b + x has no solution, by any number of iterations */
    A.n = N;
    for (size_t i = 0; i < N; i++) {
        start[i + 1] = i + 1;
        column[i] = (uint32_t)i;
        value[i] = 1;
        b[i] = 0.25;
    }
    ck_assert_int_eq(elbo_resolvent(&A, 1, b, x, arena), ELBO_ENOCONV);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "residual"));
    for (size_t i = 0; i < N; i++) b[i] = 0;
    ck_assert_int_eq(elbo_resolvent(&A, 1, b, x, arena), ELBO_OK);
    ck_assert_double_eq(x[N / 2], 0);
}
END_TEST

START_TEST(evaluation_fails_cleanly_wherever_memory_ends)
{
    elbo_mdp mdp;
    elbo_status s = ELBO_ENOMEM;
    long failures = -1;
    const elbo_chain chain = large_chain(&mdp, 300, 1);

    while (s == ELBO_ENOMEM) {
        double V[602], rho[900];

        elbo_alloc_budget(++failures);

        elbo_arena *tight = elbo_arena_alloc(64);

        s = tight ? elbo_evaluate(&chain, mdp.r, V, tight) : ELBO_ENOMEM;
        if (s == ELBO_OK) s = elbo_occupancy(&chain, rho, tight);
        elbo_arena_free(tight);
        elbo_alloc_budget(-1);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(failures, 3);
}
END_TEST

Suite *suite_evaluate(void)
{
    Suite *suite = suite_create("evaluate");
    TCase *t = tcase_create("evaluate");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, two_states_match_their_closed_form);
    tcase_add_test(t, value_and_occupancy_agree_on_the_return);
    tcase_add_test(t,
                   a_kernel_of_its_own_and_one_that_loses_mass_agree_as_well);
    tcase_add_test(t, occupancy_sums_to_the_expected_length);
    tcase_add_test(t, the_return_is_summed_over_all_stages);
    tcase_add_test(t, occupancy_matches_simulated_visits);
    tcase_add_test(t, elimination_and_iteration_agree);
    tcase_add_test(t, large_chains_are_solved_to_rounding);
    tcase_add_test(t, any_number_of_threads_gives_the_same_bits);
    tcase_add_test(t, episodes_that_never_end_are_singular_without_discount);
    tcase_add_test(t, matrices_that_have_no_resolvent_are_refused);
    tcase_add_test(t, evaluation_fails_cleanly_wherever_memory_ends);
    suite_add_tcase(suite, t);
    return suite;
}

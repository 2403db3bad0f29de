#include "tests/backup_cases.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "inference/core/alloc.h"
#include "tests/random_process.h"

static elbo_arena *arena;

static void setup(void)
{
    arena = elbo_arena_alloc(1 << 16);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

static elbo_posterior solved(const elbo_problem *problem)
{
    elbo_posterior post;
    elbo_solve_info info;

    ck_assert_int_eq(elbo_posterior_init(&post, problem, arena), ELBO_OK);
    ck_assert_int_eq(elbo_solve(problem, &post, &info, arena), ELBO_OK);
    ck_assert(info.converged);
    ck_assert_double_le(info.residual, 2e-13);
    return post;
}

/* sum_a pi (Q - alpha log(pi / pi0)): V, if pi attains it. */
static double attained(const elbo_problem *problem, const elbo_posterior *post,
                       size_t first_row)
{
    double sum = 0;

    for (size_t row = first_row; row < first_row + post->nA; row++)
        if (post->pi[row] > 0)
            sum += post->pi[row]
                   * (post->Q[row]
                      - problem->alpha * log(post->pi[row] / post->pi0[row]));
    return sum;
}

START_TEST(solution_is_attained_by_its_own_pi_and_q)
{
    elbo_rng rng = elbo_rng_stream(1, "solve", 0);
    const double betas[] = {HUGE_VAL, 1.37, -1.37};
    const double alphas[] = {0, 0.31, 0.62, 0.93};

    for (size_t i = 0; i < 12; i++) {
        const elbo_mdp mdp = random_process(&rng, 31, 3, 4, 0.2, arena);
        const elbo_problem problem =
            problem_of(&mdp, alphas[i % 4], betas[i % 3], i % 2);
        const elbo_posterior post = solved(&problem);
        const elbo_kernel q = elbo_posterior_kernel(&post, &problem, 0);
        const double charge = elbo_tilt_charge(&problem.tilt);

        for (size_t s = 0; s < 31; s++)
            ck_assert_double_eq_tol(attained(&problem, &post, 3 * s), post.V[s],
                                    1e-12);
        for (size_t row = 0; row < 93; row++) {
            double next = 0; /* then Q */

            for (size_t e = 4 * row; e < 4 * row + 4; e++)
                next += q.prob[e] * post.V[mdp.P.pattern->next[e]];
            next = mdp.r[row] + 0.93 * next
                   - charge * elbo_row_kl(&q, &mdp.P, row);
            ck_assert_double_eq_tol(next, post.Q[row], 1e-12);
        }
    }
}
END_TEST

START_TEST(one_sweep_is_one_backup)
{
    elbo_rng rng = elbo_rng_stream(2, "solve", 0);
    const elbo_mdp mdp = random_process(&rng, 31, 3, 4, 0.2, arena);
    elbo_problem problem = problem_of(&mdp, 0.3, 1.7, ELBO_KL_STEP);
    elbo_posterior post;
    elbo_solve_info info;
    double *start = random_doubles(&rng, 32, -2, 2, arena);
    double V[2][32], Q[93], pi[93], q[372], residual = 0;

    ck_assert_int_eq(elbo_posterior_init(&post, &problem, arena), ELBO_OK);
    for (size_t sweeps = 1; sweeps < 4; sweeps++) {
        start[31] = 0;
        memcpy(V[0], start, sizeof V[0]);
        memcpy(post.V, start, sizeof V[0]);
        for (size_t k = 0; k < sweeps; k++)
            residual = elbo_backup(&problem, post.pi0, V[k % 2], V[(k + 1) % 2],
                                   Q, pi);
        problem.sweeps = sweeps;
        ck_assert_int_eq(elbo_solve(&problem, &post, &info, arena), ELBO_OK);
        ck_assert(!info.converged);
        ck_assert_uint_eq(info.sweeps, sweeps);
        ck_assert_double_eq(info.residual, residual);
        ck_assert_mem_eq(post.V, V[sweeps % 2], sizeof V[0]);
        ck_assert_mem_eq(post.Q, Q, sizeof Q);
        ck_assert_mem_eq(post.pi, pi, sizeof pi);
        problem.tilt.kind->posterior(&problem.tilt, &mdp.P, V[(sweeps + 1) % 2],
                                     0, 93, q);
        ck_assert_mem_eq(post.q, q, sizeof q);
    }
}
END_TEST

START_TEST(solve_stops_at_its_tolerance)
{
    elbo_rng rng = elbo_rng_stream(3, "solve", 0);
    const elbo_mdp mdp = random_process(&rng, 31, 3, 4, 0, arena);
    elbo_problem problem = problem_of(&mdp, 0.3, HUGE_VAL, ELBO_KL_STEP);
    const elbo_posterior exact = solved(&problem);
    elbo_posterior post;
    elbo_solve_info info;

    ck_assert_int_eq(elbo_posterior_init(&post, &problem, arena), ELBO_OK);
    problem.tolerance = 1e-3;
    ck_assert_int_eq(elbo_solve(&problem, &post, &info, arena), ELBO_OK);
    ck_assert(info.converged);
    ck_assert_double_le(info.residual, 1e-3);
    for (size_t s = 0; s < 31; s++)
        ck_assert_double_eq_tol(post.V[s], exact.V[s],
                                info.residual * 0.93 / 0.07 + 1e-11);
    ck_assert_uint_gt(info.sweeps, 20);
    ck_assert_int_eq(elbo_solve(&problem, &post, &info, arena), ELBO_OK);
    ck_assert_uint_eq(info.sweeps, 2);
}
END_TEST

/* max V - min V, END included. */
static double span(const elbo_posterior *post)
{
    double low = 0, high = 0;

    for (size_t s = 0; s < post->nS; s++) {
        low = fmin(low, post->V[s]);
        high = fmax(high, post->V[s]);
    }
    return high - low;
}

/* low <= a - b <= high in every state, up to the solver's tolerance. */
static void check_between(const elbo_posterior *a, const elbo_posterior *b,
                          double low, double high)
{
    for (size_t s = 0; s < a->nS; s++) {
        ck_assert_double_ge(a->V[s] - b->V[s], low - 1e-11);
        ck_assert_double_le(a->V[s] - b->V[s], high + 1e-11);
    }
}

START_TEST(limits_are_approached_within_their_bounds)
{
    elbo_rng rng = elbo_rng_stream(4, "solve", 0);

    for (size_t trial = 0; trial < 50; trial++) {
        const elbo_mdp mdp = random_process(&rng, 12, 4, 3, 0.2, arena);
        const double alpha = 0.01 * (double)(trial + 1);
        const double beta = 2 + 0.5 * (double)trial;
        elbo_problem problem = problem_of(&mdp, 0, HUGE_VAL, trial % 2);
        const elbo_posterior hard = solved(&problem);
        const double step = 0.93 * (trial % 2 ? 1 : 0.93);
        const double far = step * span(&hard) * span(&hard) / (8 * beta * 0.07);

        problem.alpha = alpha;

        const elbo_posterior warm = solved(&problem);

        check_between(&warm, &hard, -alpha * log(4) / 0.07, 0);
        problem = problem_of(&mdp, 0, beta, trial % 2);

        const elbo_posterior bold = solved(&problem);

        check_between(&bold, &hard, 0, far);
        problem = problem_of(&mdp, 0, -beta, trial % 2);

        const elbo_posterior wary = solved(&problem);

        check_between(&wary, &hard, -far, 0);
    }
}
END_TEST

/* A small process with horizon T, 3 states, 2 actions, an END. */
static elbo_mdp finite_process(uint64_t seed, size_t T)
{
    elbo_rng rng = elbo_rng_stream(seed, "horizon", 0);
    elbo_mdp mdp = random_process(&rng, 3, 2, 2, 0.4, arena);

    mdp.horizon = T;
    return mdp;
}

/* The return from s on at stage t under a policy of 0s and 1s, action bits
 * 3 t + s, by following every trajectory. */
static double follow(const elbo_mdp *mdp, size_t policy, size_t t, size_t s)
{
    if (t == mdp->horizon || s == mdp->nS) return 0;

    const size_t row = s * 2 + (policy >> (3 * t + s) & 1);
    double sum = mdp->r[row];

    for (size_t i = elbo_row_begin(mdp->P.pattern, row);
         i < elbo_row_end(mdp->P.pattern, row); i++)
        sum += mdp->gamma * mdp->P.prob[i]
               * follow(mdp, policy, t + 1,
                        elbo_successor(mdp->P.pattern, row, i));
    return sum;
}

START_TEST(hard_horizon_is_the_best_of_all_policies)
{
    const elbo_mdp mdp = finite_process(5, 3);
    const elbo_problem problem = problem_of(&mdp, 0, HUGE_VAL, ELBO_KL_STEP);
    const elbo_posterior post = solved(&problem);
    size_t chosen = 0;

    ck_assert_uint_eq(post.stages, 3);
    for (size_t i = 0; i < 9; i++)
        chosen |= (size_t)(post.pi[2 * i + 1] == 1) << i;
    for (size_t s = 0; s < 3; s++) {
        double best = -HUGE_VAL;

        for (size_t policy = 0; policy < 512; policy++)
            best = fmax(best, follow(&mdp, policy, 0, s));
        ck_assert_double_eq_tol(post.V[s], best, 1e-14);
        ck_assert_double_eq_tol(follow(&mdp, chosen, 0, s), best, 1e-14);
    }
    for (size_t s = 0; s <= 3; s++) ck_assert_double_eq(post.V[3 * 4 + s], 0);
}
END_TEST

/* sum over all trajectories from s of their prior probability times
 * exp(return / tau). */
static double evidence(const elbo_mdp *mdp, double tau, double so_far, size_t t,
                       size_t s)
{
    double sum = 0;

    if (t == mdp->horizon || s == mdp->nS) return exp(so_far / tau);
    for (size_t row = 2 * s; row < 2 * s + 2; row++)
        for (size_t i = elbo_row_begin(mdp->P.pattern, row);
             i < elbo_row_end(mdp->P.pattern, row); i++)
            sum += 0.5 * mdp->P.prob[i]
                   * evidence(mdp, tau, so_far + mdp->r[row], t + 1,
                              elbo_successor(mdp->P.pattern, row, i));
    return sum;
}

START_TEST(soft_horizon_is_the_log_evidence_of_all_trajectories)
{
    for (uint64_t seed = 0; seed < 5; seed++) {
        elbo_mdp mdp = finite_process(seed, 6);

        mdp.gamma = 1;

        const double tau = 0.4 + 0.23 * (double)seed;
        const elbo_problem problem = problem_of(&mdp, tau, tau, ELBO_KL_STEP);
        const elbo_posterior post = solved(&problem);

        for (size_t s = 0; s < 3; s++)
            ck_assert_double_eq_tol(
                post.V[s], tau * log(evidence(&mdp, tau, 0, 0, s)), 1e-13);
    }
}
END_TEST

START_TEST(what_is_not_finite_is_reported_with_its_place)
{
    elbo_rng rng = elbo_rng_stream(6, "solve", 0);
    elbo_mdp mdp = random_process(&rng, 31, 3, 4, 0.2, arena);
    double *r = random_doubles(&rng, 93, -1, 1, arena);
    elbo_posterior post;
    elbo_solve_info info;
    elbo_problem problem;

    /* a row without mass under a tilt */
    for (size_t i = 4 * (3 * 17 + 2); i < 4 * (3 * 17 + 3); i++)
        mdp.P.prob[i] = 0;
    problem = problem_of(&mdp, 0.3, 1.7, ELBO_KL_STEP);
    ck_assert_int_eq(elbo_posterior_init(&post, &problem, arena), ELBO_OK);
    ck_assert_int_eq(elbo_solve(&problem, &post, &info, arena),
                     ELBO_ENOTFINITE);
    ck_assert_str_eq(elbo_last_error()->text,
                     "stage 0, state 17, action 2: Q is -inf");

    /* a reward, at a stage of its own */
    r[5] = (double)NAN;
    mdp.r = r;
    mdp.horizon = 3;
    problem = problem_of(&mdp, 0, HUGE_VAL, ELBO_KL_STEP);
    ck_assert_int_eq(elbo_posterior_init(&post, &problem, arena), ELBO_OK);
    ck_assert_int_eq(elbo_solve(&problem, &post, &info, arena),
                     ELBO_ENOTFINITE);
    ck_assert_str_eq(elbo_last_error()->text,
                     "stage 2, state 1, action 2: Q is nan");

    /* no action allowed */
    r[5] = 1;
    for (size_t row = 2 * 93 + 3 * 8; row < 2 * 93 + 3 * 9; row++)
        post.pi0[row] = 0;
    ck_assert_int_eq(elbo_solve(&problem, &post, &info, arena),
                     ELBO_ENOTFINITE);
    ck_assert_str_eq(elbo_last_error()->text, "stage 2, state 8: V is -inf");
}
END_TEST

START_TEST(a_start_is_uniform_and_follows_the_kernel)
{
    elbo_rng rng = elbo_rng_stream(7, "start", 0);
    elbo_mdp mdp = random_process(&rng, 13, 4, 3, 0.2, arena);
    elbo_posterior post;
    elbo_problem problem = problem_of(&mdp, 1, HUGE_VAL, ELBO_KL_STEP);

    ck_assert_int_eq(elbo_posterior_init(&post, &problem, arena), ELBO_OK);
    ck_assert_ptr_null(post.q);
    ck_assert_ptr_eq(elbo_posterior_kernel(&post, &problem, 0).prob,
                     mdp.P.prob);
    elbo_posterior_tilt(&problem, &post); /* nothing to do */

    mdp.horizon = 3;
    mdp.P.partial = true;
    for (size_t i = 0; i < mdp.P.pattern->nnz; i++) mdp.P.prob[i] *= 0.5;
    problem = problem_of(&mdp, 1, -2, ELBO_KL_STEP);
    ck_assert_int_eq(elbo_posterior_init(&post, &problem, arena), ELBO_OK);
    ck_assert_uint_eq(post.stages, 3);
    for (size_t i = 0; i < 3 * 52; i++) {
        ck_assert_double_eq(post.pi[i], 0.25);
        ck_assert_double_eq(post.pi0[i], 0.25);
        ck_assert_double_eq(post.Q[i], 0);
    }
    for (size_t i = 0; i < 4 * 14; i++) ck_assert_double_eq(post.V[i], 0);
    for (size_t i = 0; i < 3 * post.nnz; i++)
        ck_assert_double_eq_tol(post.q[i], 2 * mdp.P.prob[i % post.nnz], 1e-15);
    ck_assert_ptr_eq(elbo_posterior_kernel(&post, &problem, 2).prob,
                     post.q + 2 * post.nnz);
}
END_TEST

START_TEST(tilting_afresh_uses_the_value_that_follows_each_stage)
{
    const elbo_mdp mdp = finite_process(9, 4);
    const elbo_problem problem = problem_of(&mdp, 1, 0.7, ELBO_KL_NEXT);
    elbo_posterior post = solved(&problem);
    const size_t nnz = 4 * post.nnz;
    double *q = elbo_arena_doubles(arena, nnz);

    memcpy(q, post.q, nnz * sizeof *q);
    memset(post.q, 0, nnz * sizeof *q);
    elbo_posterior_tilt(&problem, &post);
    ck_assert_mem_eq(post.q, q, nnz * sizeof *q);
}
END_TEST

/* The file that a posterior is saved to and loaded from. */
static void save(const elbo_posterior *post, char path[64])
{
    elbo_writer *out = elbo_writer_alloc();

    snprintf(path, 64, "/tmp/elbo-posterior-%ld", (long)getpid());
    elbo_writer_section(out, "posterior");
    elbo_posterior_save(post, out);
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    elbo_writer_free(out);
}

static elbo_status load(elbo_posterior *post, const char *path)
{
    elbo_reader *in;

    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "posterior"), ELBO_OK);

    const elbo_status s = elbo_posterior_load(post, in);

    elbo_reader_free(in);
    return s;
}

START_TEST(a_saved_posterior_is_loaded_to_the_same_bits)
{
    const elbo_mdp mdp = finite_process(11, 4);
    elbo_problem problem = problem_of(&mdp, 1, 0.7, ELBO_KL_NEXT);
    const elbo_posterior post = solved(&problem);
    elbo_posterior other;
    char path[64];

    ck_assert_int_eq(elbo_posterior_init(&other, &problem, arena), ELBO_OK);
    save(&post, path);
    ck_assert_int_eq(load(&other, path), ELBO_OK);
    ck_assert_mem_eq(other.pi0, post.pi0, 24 * sizeof *post.pi0);
    ck_assert_mem_eq(other.pi, post.pi, 24 * sizeof *post.pi);
    ck_assert_mem_eq(other.V, post.V, 20 * sizeof *post.V);
    ck_assert_mem_eq(other.Q, post.Q, 24 * sizeof *post.Q);
    ck_assert_mem_eq(other.q, post.q, 4 * post.nnz * sizeof *post.q);

    problem.mdp.horizon = 3;
    ck_assert_int_eq(elbo_posterior_init(&other, &problem, arena), ELBO_OK);
    ck_assert_int_eq(load(&other, path), ELBO_EDATA);
    ck_assert_str_eq(elbo_last_error()->text,
                     "posterior: 4 stages were saved, 3 expected");
    problem = problem_of(&mdp, 1, HUGE_VAL, ELBO_KL_NEXT);
    ck_assert_int_eq(elbo_posterior_init(&other, &problem, arena), ELBO_OK);
    ck_assert_int_eq(load(&other, path), ELBO_EDATA);
    unlink(path);
}
END_TEST

START_TEST(a_warm_solve_never_allocates)
{
    elbo_rng rng = elbo_rng_stream(12, "warm", 0);
    const elbo_mdp mdp = random_process(&rng, 200, 3, 4, 0.2, arena);
    const elbo_problem problem = problem_of(&mdp, 0.3, 1.7, ELBO_KL_STEP);
    elbo_posterior post = solved(&problem);
    const unsigned long before = elbo_alloc_count();
    elbo_solve_info info;

    ck_assert_int_eq(elbo_solve(&problem, &post, &info, arena), ELBO_OK);
    ck_assert_uint_eq(elbo_alloc_count(), before);
}
END_TEST

START_TEST(solving_fails_cleanly_wherever_memory_ends)
{
    elbo_rng rng = elbo_rng_stream(13, "memory", 0);
    const elbo_mdp mdp = random_process(&rng, 50, 3, 4, 0.2, arena);
    const elbo_problem problem = problem_of(&mdp, 0.3, 1.7, ELBO_KL_STEP);
    elbo_status s = ELBO_ENOMEM;
    long failures = -1;

    while (s == ELBO_ENOMEM) {
        elbo_posterior post;
        elbo_solve_info info;

        elbo_alloc_budget(++failures);

        elbo_arena *tight = elbo_arena_alloc(64);

        s = tight ? elbo_posterior_init(&post, &problem, tight) : ELBO_ENOMEM;
        if (s == ELBO_OK) s = elbo_solve(&problem, &post, &info, tight);
        elbo_arena_free(tight);
        elbo_alloc_budget(-1);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(failures, 3);
}
END_TEST

START_TEST(a_posterior_too_large_to_count_is_refused)
{
    elbo_mdp mdp = finite_process(14, 3);
    elbo_posterior post;

    mdp.horizon = SIZE_MAX / 4;

    const elbo_problem problem = problem_of(&mdp, 0.3, 1.7, ELBO_KL_STEP);

    ck_assert_int_eq(elbo_posterior_init(&post, &problem, arena), ELBO_ESIZE);
}
END_TEST

TCase *tcase_solve(void)
{
    TCase *t = tcase_create("solve");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, solution_is_attained_by_its_own_pi_and_q);
    tcase_add_test(t, one_sweep_is_one_backup);
    tcase_add_test(t, solve_stops_at_its_tolerance);
    tcase_add_test(t, limits_are_approached_within_their_bounds);
    tcase_add_test(t, hard_horizon_is_the_best_of_all_policies);
    tcase_add_test(t, soft_horizon_is_the_log_evidence_of_all_trajectories);
    tcase_add_test(t, what_is_not_finite_is_reported_with_its_place);
    tcase_add_test(t, a_start_is_uniform_and_follows_the_kernel);
    tcase_add_test(t, tilting_afresh_uses_the_value_that_follows_each_stage);
    tcase_add_test(t, a_saved_posterior_is_loaded_to_the_same_bits);
    tcase_add_test(t, a_warm_solve_never_allocates);
    tcase_add_test(t, solving_fails_cleanly_wherever_memory_ends);
    tcase_add_test(t, a_posterior_too_large_to_count_is_refused);
    return t;
}

#include "tests/backup_cases.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/random_process.h"

/* Just large enough to be rounded. */
enum { STATES = 256, ACTIONS = 4, WIDTH = STATES + 1, ROWS = STATES * ACTIONS };

static elbo_arena *arena;

static void setup(void)
{
    arena = elbo_arena_alloc(1 << 16);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

static elbo_mdp process(uint64_t seed)
{
    elbo_rng rng = elbo_rng_stream(seed, "rough", 0);
    elbo_mdp mdp = random_process(&rng, STATES, ACTIONS, 200, 0.01, arena);

    mdp.P = in_layout(&mdp.P, LAYOUT_DENSE, arena);
    ck_assert_uint_eq(mdp.P.pattern->nnz, ROWS * WIDTH);
    return mdp;
}

/* Every action of a state is the first one's, but for so much of its reward and
 * of its row. */
static void nearly_tie(elbo_mdp *mdp, double reward, double row)
{
    elbo_rng rng = elbo_rng_stream(2385, "ties", 0);
    double *const r = (double *)mdp->r;

    for (size_t i = 0; i < ROWS; i++) {
        const size_t first = i - i % ACTIONS;
        double *const p = mdp->P.prob;

        if (i == first) continue;
        r[i] = r[first] * (1 + reward * (elbo_rng_uniform(&rng) - 0.5));
        for (size_t k = 0; k < WIDTH; k++)
            p[i * WIDTH + k] = p[first * WIDTH + k]
                               * (1 + row * (elbo_rng_uniform(&rng) - 0.5));
    }
}

/* The best by rounded rows first, and by all rows in full. */
static void compare(const elbo_mdp *mdp, const double V_next[],
                    const char *what)
{
    const elbo_problem problem = problem_of(mdp, 0, HUGE_VAL, ELBO_KL_STEP);
    const elbo_tilt *const tilt = &problem.tilt;
    const size_t states = mdp->nS, actions = mdp->nA;
    double *const V = elbo_arena_doubles(arena, states);
    double *const Q = elbo_arena_doubles(arena, states * actions);
    elbo_mdp rough = *mdp;

    elbo_kernel_round(&mdp->P, arena, &rough.P);
    ck_assert_ptr_nonnull(rough.P.rough);
    ck_assert(tilt->kind->best(tilt, &rough, V_next, 0, states, V));
    tilt->kind->expect(tilt, &mdp->P, V_next, 0, states * actions, Q);
    for (size_t s = 0; s < states; s++) {
        double best = -HUGE_VAL;

        for (size_t i = s * actions; i < (s + 1) * actions; i++)
            best = fmax(best, Q[i] + mdp->r[i]);
        ck_assert_msg(V[s] == best, "%s, state %zu: %.17g, in full %.17g", what,
                      s, V[s], best);
    }
}

START_TEST(what_is_rounded_first_has_the_same_bits)
{
    static const double near[] = {1, 1e-6, 1e-8, 1e-10, 1e-14, 0};
    static const double scales[] = {1, 1e-9, 1e12};
    elbo_rng rng = elbo_rng_stream(38, "values", 0);

    for (size_t i = 0; i < 36; i++) {
        elbo_mdp mdp = process(i);
        const double scale = scales[i / 6 % 3];
        double *const V =
            random_doubles(&rng, WIDTH, -7.385 * scale, 2.385 * scale, arena);
        char what[64];

        V[STATES] = 0;
        if (i >= 18) nearly_tie(&mdp, near[i % 6], 0);
        if (i < 18) nearly_tie(&mdp, 0, near[i % 6]);
        snprintf(what, sizeof what, "process %zu", i);
        compare(&mdp, V, what);
    }
}
END_TEST

/* ---- rounding at its worst ---- */

/* States of which the last entries of a row fill no vector. */
enum { MANY = 278, ENTRIES = MANY + 1, FIRST = 272 };

/* Row by row nothing but p [actions] at entries [first, MANY), where V is `worth`. */
static elbo_mdp flat(size_t first, const double p[ACTIONS], double worth, double V[])
{
    elbo_rng rng = elbo_rng_stream(1, "flat", 0);
    elbo_mdp mdp = random_process(&rng, MANY, ACTIONS, 200, 0.01, arena);

    mdp.P = in_layout(&mdp.P, LAYOUT_DENSE, arena);
    for (size_t row = 0; row < MANY * ACTIONS; row++)
        for (size_t k = 0; k < ENTRIES; k++)
            mdp.P.prob[row * ENTRIES + k] =
                k >= first && k < MANY ? p[row % ACTIONS] : 0;
    memset((double *)mdp.r, 0, MANY * ACTIONS * sizeof *mdp.r);
    for (size_t k = 0; k < ENTRIES; k++) V[k] = k >= first && k < MANY ? worth : 0;
    return mdp;
}

/* The best action's entries are all rounded down by nearly half of what there is to
 * round, the others' up: of normal numbers, where single precision ends, and where all
 * of a row stands at its end. */
START_TEST(what_rounding_sets_back_most_is_still_found)
{
    static const struct {
        double low, high; /* just below and above what rounds up */
        size_t first;
    } cases[] = {
        {0x1p-9 * (1 + 0.9 * 0x1p-24), 0x1p-9 * (1 + 1.1 * 0x1p-24), 1},
        {0x1p-9 * (1 + 0.9 * 0x1p-24), 0x1p-9 * (1 + 1.1 * 0x1p-24), FIRST},
        {0.49 * 0x1p-149, 0.51 * 0x1p-149, 1},
    };
    const double low = cases[_i].low, high = cases[_i].high;
    const double n = (double)(MANY - cases[_i].first);
    double V[ENTRIES];
    const elbo_mdp mdp =
        flat(cases[_i].first, (double[]){low, high, high, high}, 1, V);
    const double gamma = problem_of(&mdp, 0, HUGE_VAL, ELBO_KL_STEP).tilt.gamma;

    for (size_t s = 0; s < MANY; s++)
        ((double *)mdp.r)[s * ACTIONS] = 1.5 * gamma * n * (high - low);
    compare(&mdp, V, "rounded apart");
}
END_TEST

/* In double the last bit of Q = 1 + gamma E V: the first action's is rounded up, those of
 * the others, who lose a little elsewhere, down; by rounded rows it is the other way. */
START_TEST(a_last_bit_that_rounding_turns_is_still_found)
{
    const double c = 0x1p-9, n = MANY - 2, d = 0.1;
    double V[ENTRIES];
    const elbo_mdp mdp = flat(2,
                              (double[]){c * (1 + (1 - d) * 0x1p-24),
                                         c * (1 + (1 + d) * 0x1p-24),
                                         c * (1 + (1 + d) * 0x1p-24),
                                         c * (1 + (1 + d) * 0x1p-24)},
                              1, V);
    const double gamma = problem_of(&mdp, 0, HUGE_VAL, ELBO_KL_STEP).tilt.gamma;
    const double worth =
        0x1p-53 / (gamma * n * c * (1 + (1 - 1.5 * d) * 0x1p-24));

    for (size_t k = 2; k < MANY; k++) V[k] = worth;
    V[1] = -worth;
    for (size_t row = 0; row < MANY * ACTIONS; row++) {
        ((double *)mdp.r)[row] = 1;
        if (row % ACTIONS)
            mdp.P.prob[row * ENTRIES + 1] = (double)(float)(n * c * 3 * d * 0x1p-24);
    }
    compare(&mdp, V, "last bit");
}
END_TEST

START_TEST(entries_below_single_precision_are_not_lost)
{
    elbo_mdp mdp = process(7);
    double V[WIDTH] = {0};

    /* all that tells the actions apart is what rounds to 0 */
    for (size_t i = 0; i < ROWS * WIDTH; i++) mdp.P.prob[i] *= 1e-44;
    memset((double *)mdp.r, 0, ROWS * sizeof *mdp.r);
    for (size_t s = 0; s < STATES; s++) V[s] = 1 + (double)(s % 7);
    compare(&mdp, V, "tiny");
}
END_TEST

START_TEST(a_solve_ends_where_single_backups_do)
{
    const elbo_mdp mdp = process(11);
    elbo_problem problem = problem_of(&mdp, 0, HUGE_VAL, ELBO_KL_STEP);
    elbo_posterior post;
    elbo_solve_info info;
    double V[2][WIDTH] = {{0}};

    problem.sweeps = 41;
    problem.tolerance = -1;
    ck_assert_int_eq(elbo_posterior_init(&post, &problem, arena), ELBO_OK);
    for (size_t i = 0; i < problem.sweeps; i++)
        elbo_backup(&problem, post.pi0, V[i % 2], V[1 - i % 2], NULL, NULL);
    ck_assert_int_eq(elbo_solve(&problem, &post, &info, arena), ELBO_OK);
    ck_assert_uint_eq(info.sweeps, 41);
    ck_assert_mem_eq(post.V, V[1], sizeof V[1]);
}
END_TEST

START_TEST(what_is_not_a_number_is_left_to_the_whole_rows)
{
    elbo_mdp mdp = process(13);
    const elbo_problem problem = problem_of(&mdp, 0, HUGE_VAL, ELBO_KL_STEP);
    const elbo_tilt *const tilt = &problem.tilt;
    const double wrong[] = {(double)NAN, HUGE_VAL, -HUGE_VAL};
    double V_next[WIDTH] = {0}, V[STATES];

    elbo_kernel_round(&mdp.P, arena, &mdp.P);
    for (size_t i = 0; i < 3; i++) {
        V_next[100] = wrong[i];
        ck_assert(!tilt->kind->best(tilt, &mdp, V_next, 0, STATES, V));
    }
    V_next[100] = 0;
    ((double *)mdp.r)[5] = (double)NAN;
    ck_assert(!tilt->kind->best(tilt, &mdp, V_next, 0, STATES, V));
}
END_TEST

START_TEST(what_cannot_be_rounded_goes_without)
{
    elbo_rng rng = elbo_rng_stream(19, "rough", 0);
    elbo_mdp mdp = process(17);
    const elbo_mdp small = random_process(&rng, 31, 3, 4, 0.2, arena);
    elbo_arena *const narrow = elbo_arena_alloc(64);
    elbo_kernel out;

    elbo_kernel_round(&small.P, arena, &out);
    ck_assert_ptr_null(out.rough);

    elbo_alloc_budget(0);
    elbo_kernel_round(&mdp.P, narrow, &out);
    elbo_alloc_budget(-1);
    ck_assert_ptr_null(out.rough);
    ck_assert(elbo_arena_ok(narrow));
    ck_assert_ptr_eq(out.prob, mdp.P.prob);
    elbo_arena_free(narrow);

    mdp.P.prob[3 * WIDTH] = 1e39;
    elbo_kernel_round(&mdp.P, arena, &out);
    ck_assert_ptr_null(out.rough);
    mdp.P.prob[3 * WIDTH] = (double)NAN;
    elbo_kernel_round(&mdp.P, arena, &out);
    ck_assert_ptr_null(out.rough);
}
END_TEST

TCase *tcase_rough(void)
{
    TCase *t = tcase_create("rough");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, what_is_rounded_first_has_the_same_bits);
    tcase_add_loop_test(t, what_rounding_sets_back_most_is_still_found, 0, 3);
    tcase_add_test(t, a_last_bit_that_rounding_turns_is_still_found);
    tcase_add_test(t, entries_below_single_precision_are_not_lost);
    tcase_add_test(t, a_solve_ends_where_single_backups_do);
    tcase_add_test(t, what_is_not_a_number_is_left_to_the_whole_rows);
    tcase_add_test(t, what_cannot_be_rounded_goes_without);
    return t;
}

/* tests/test_mismatch_weights.c -- the weights of the papers: published numbers,
 * identities, and the same thing by hand.
 */
#include <math.h>
#include <string.h>

#include "inference/engine_state.h"
#include "inference/evaluate.h"
#include "inference/weight/factors.h"
#include "inference/weight/tom_dual.h"
#include "tests/engine_cases.h"
#include "tests/gridwalk.h"
#include "tests/suites.h"
#include "tests/two_areas.h"
#include "tests/weight_runs.h"
#include "tests/world_cases.h"

/* ---- GAMPS: the grid of two areas ---- */

START_TEST(gamps_on_two_areas_has_its_published_numbers)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 16);
    two_areas w;
    double d[AREA_ROWS], eta[AREA_ROWS], mass[2] = {0};

    two_areas_init(&w, arena);
    two_areas_visits(&w, d, eta, arena);
    for (size_t row = 0; row < 4 * 5 * AREA_A; row++) {
        mass[0] += d[row];
        mass[1] += eta[row];
    }
    ck_assert_double_eq_tol(two_areas_return(&w, arena), 1.7457178423526944,
                            1e-12);
    ck_assert_double_eq_tol(mass[0], 0.29777396821022606, 1e-12);
    ck_assert_double_eq_tol(mass[1], 0.06325792395918287, 1e-12);
    elbo_arena_free(arena);
}
END_TEST

/* eta by its definition: one evaluation for each (s', a'). */
START_TEST(eta_is_the_sum_over_where_scores_are)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 16);
    two_areas w;
    double d[AREA_ROWS], eta[AREA_ROWS], want[AREA_ROWS] = {0}, all = 0;

    two_areas_init(&w, arena);
    two_areas_visits(&w, d, eta, arena);
    for (size_t from = 0; from < AREA_ROWS; from++) {
        const double nu = d[from] * w.score[from];
        double mu[AREA_S] = {0}, rho[AREA_ROWS];
        elbo_mdp mdp = w.mdp;
        const elbo_chain chain = {.mdp = &mdp, .pi = w.pi, .q = w.mdp.P};

        if (nu == 0) continue;
        for (size_t i = elbo_row_begin(mdp.P.pattern, from);
             i < elbo_row_end(mdp.P.pattern, from); i++)
            mu[elbo_successor(mdp.P.pattern, from, i)] += mdp.P.prob[i];
        mdp.mu = mu;
        case_ok(elbo_occupancy(&chain, rho, arena));
        want[from] += nu;
        all += nu;
        for (size_t i = 0; i < AREA_ROWS; i++) {
            want[i] += nu * mdp.gamma * rho[i];
            all += nu * mdp.gamma * rho[i];
        }
    }
    for (size_t i = 0; i < AREA_ROWS; i++)
        ck_assert_double_eq_tol(eta[i], want[i] / all, 1e-13);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(gamps_fits_worse_and_points_better)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 16);
    two_areas w;
    double d[AREA_ROWS], eta[AREA_ROWS];
    two_areas_fit ml, gamps;

    two_areas_init(&w, arena);
    two_areas_visits(&w, d, eta, arena);
    two_areas_judge(&w, d, d, &ml, arena);
    two_areas_judge(&w, eta, d, &gamps, arena);
    ck_assert_double_eq_tol(ml.kl, 0.20506070495290352, 1e-9);
    ck_assert_double_eq_tol(gamps.kl, 0.32362389575003869, 1e-9);
    ck_assert_double_eq_tol(ml.accuracy, 0.82736888583249668, 1e-9);
    ck_assert_double_eq_tol(gamps.accuracy, 0.78002207113490507, 1e-9);
    ck_assert_double_eq_tol(ml.cosine, 0.69754028388657396, 1e-9);
    ck_assert_double_eq_tol(gamps.cosine, 0.89366409624418575, 1e-9);
    ck_assert_double_eq_tol(ml.q_error, 9.4656935134149141, 1e-8);
    ck_assert_double_eq_tol(gamps.q_error, 1.4930686211312749, 1e-8);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(a_deterministic_policy_weighs_by_its_visits)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 16);
    two_areas w;
    double score[AREA_ROWS] = {0}, eta[AREA_ROWS], rho[AREA_ROWS];

    two_areas_init(&w, arena);
    const elbo_chain chain = {.mdp = &w.mdp, .pi = w.pi, .q = w.mdp.P};

    case_ok(elbo_gamps_visits(&w.mdp, &w.mdp.P, w.pi, score, eta, arena));
    case_ok(elbo_occupancy(&chain, rho, arena));
    for (size_t i = 0; i < AREA_ROWS; i++)
        ck_assert_double_eq_tol(eta[i], rho[i] * 0.05, 1e-14);
    ck_assert(elbo_gamps_score((double[]){0, 1, 0}, 3, 1) == 0);
    ck_assert_double_eq_tol(elbo_gamps_score((double[]){0.5, 0.3, 0.2}, 3, 1),
                            sqrt(0.7 * 0.7 + 0.25 + 0.04), 1e-15);
    elbo_arena_free(arena);
}
END_TEST

/* Sums over D by hand, sample by sample, are those of the entries' means; and with
 * many episodes the weighed data become eta. */
START_TEST(weights_of_paths_tend_to_eta)
{
    const case_text text = {
        .env_common = "discount=0.8",
        .control_common = "temperature=0.5",
        .inference = "weight=gamps_path iterations=2",
        .data = "steps=90000 mode=online episode_steps=30 policy=uniform"};
    case_setup setup;
    elbo_engine *e;
    elbo_row row;
    double pi[21], score[21], eta[21], got[21] = {0}, all = 0, w = 0;
    double discount = 1, ratio = 1, sum = 0;

    case_open_small(&setup, &text);
    case_ok(elbo_engine_open(&setup.setup, 3, &e));
    case_ok(elbo_engine_iterate(e, &row));
    memcpy(pi, e->post.pi, sizeof pi);
    e->set.steps = 0;
    case_ok(elbo_engine_iterate(e, &row));
    for (size_t i = 0; i < 21; i++)
        score[i] = elbo_gamps_score(pi + i / 3 * 3, 3, i % 3);
    case_ok(elbo_gamps_visits(&e->truth, &e->truth.P, pi, score, eta, e->ws));

    double *want = elbo_arena_doubles(setup.arena, e->belief.mean.pattern->nnz);

    memset(want, 0, e->belief.mean.pattern->nnz * sizeof *want);
    for (size_t i = 0; i < e->data.n; i++) {
        const size_t at = e->data.s[i] * 3 + e->data.a[i];

        if (i % 30 == 0) discount = ratio = 1, sum = 0;
        ratio *= pi[at] * 3;
        sum += score[at];
        w = discount * ratio * sum;
        discount *= 0.8;
        want[elbo_entry(e->belief.mean.pattern, at, e->data.next[i])] += w;
        got[at] += e->data.w[i];
        all += e->data.w[i];
    }
    for (size_t k = 0; k < e->belief.mean.pattern->nnz; k++)
        ck_assert_double_eq_tol(e->C[k], want[k], 1e-9 * (1 + want[k]));
    for (size_t i = 0; i < 21; i++)
        ck_assert_msg(fabs(got[i] / all - eta[i]) < 0.01, "%zu: %g, %g", i,
                      got[i] / all, eta[i]);
    elbo_engine_free(e);
    case_close(&setup);
}
END_TEST

/* The world of the papers is the one that the numbers are of. */
START_TEST(the_world_of_two_areas_is_the_replica)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 16);
    elbo_world world;
    two_areas w;

    case_ok(world_try_open("two_areas", "", NULL, arena, &world));
    two_areas_init(&w, arena);
    ck_assert_uint_eq(world.nS, AREA_S);
    ck_assert_uint_eq(world.nA, AREA_A);
    for (size_t row = 0; row < AREA_ROWS; row++) {
        const elbo_pattern *p = w.mdp.P.pattern;
        elbo_outcome out[EFFECTS];
        double q[AREA_S] = {0};
        const size_t n =
            world.env->outcomes(world.self, row / AREA_A, row % AREA_A, out);

        for (size_t k = 0; k < n; k++) {
            ck_assert(!out[k].terminal);
            ck_assert(out[k].reward == (row / AREA_A == AREA_S - 1));
            q[out[k].next] += out[k].prob;
        }
        for (size_t s = 0; s < AREA_S; s++) {
            const size_t i = elbo_entry(p, row, s);

            ck_assert_double_eq_tol(
                q[s], i == (size_t)-1 ? 0 : w.mdp.P.prob[i], 1e-15);
        }
        ck_assert_int_eq(world.coord[2 * (row / AREA_A)],
                         (int)(row / AREA_A / 5));
    }
    case_ok(world_try_open("two_areas", "steered=false", NULL, arena, &world));
    for (size_t a = 0; a < AREA_A; a++) {
        elbo_outcome out[EFFECTS];
        const size_t n = world.env->outcomes(world.self, 7, a, out);

        for (size_t k = 0; k < n; k++)
            if (out[k].next == 12)
                ck_assert_double_eq_tol(out[k].prob, 0.85, 1e-15);
    }
    elbo_arena_free(arena);
}
END_TEST

/* ---- TOM ---- */

/* Where successors are sure xi is the ratio of occupancies, whatever R and f. */
static void check_sure(elbo_divergence f, int how, double tolerance)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    gridwalk w;
    size_t start[WALK_ROWS + 1];
    uint32_t next[WALK_ROWS];
    double R[WALK_ROWS], xi[WALK_ROWS], most = 0, least = HUGE_VAL;
    const elbo_pattern pattern = {.nS = WALK_S, .nA = WALK_A, .start = start,
                                  .next = next, .nnz = WALK_ROWS};

    gridwalk_init(&w, 0.99, 0, arena);
    for (size_t i = 0; i < WALK_ROWS; i++) {
        start[i] = i;
        next[i] = (uint32_t)w.next[i];
        R[i] = how == 0   ? 0
               : how == 1 ? log(w.d_target[i] / w.d_behaviour[i])
                          : sin((double)i);
    }
    start[WALK_ROWS] = WALK_ROWS;

    const elbo_tom tom = {&pattern, w.d_behaviour, R, w.target, w.start, 0.99,
                          f};

    case_ok(elbo_tom_solve(&tom, xi, arena));
    for (size_t i = 0; i < WALK_ROWS; i++) {
        const double ratio = w.d_target[i] / w.d_behaviour[i];

        most = fmax(most, ratio);
        least = fmin(least, ratio);
        ck_assert_msg(fabs(xi[i] - ratio) < tolerance, "%d, %d: %zu: %g", f,
                      how, i, xi[i] - ratio);
    }
    ck_assert_double_eq_tol(least, 0.0062, 5e-5);
    ck_assert_double_eq_tol(most, 6.016, 5e-4);
    elbo_arena_free(arena);
}

START_TEST(tom_on_a_deterministic_world_needs_no_ratio)
{
    for (int how = 0; how < 3; how++) check_sure(ELBO_CHI2, how, 1e-10);
    check_sure(ELBO_DIVERGENCE_KL, 1, 1e-7);
}
END_TEST

/* Three cells in a row; in the right one every action fails half of the time and
 * goes left. xi's transitions from (right, right). */
static void three_cells(elbo_divergence f, bool exact, double q[2],
                        double *worst, elbo_arena *arena)
{
    static const size_t start[] = {0, 1, 2, 3, 4, 5, 7};
    static const uint32_t next[] = {0, 1, 0, 2, 1, 1, 2};
    /* the entry's row, its probability */
    static const size_t row[] = {0, 1, 2, 3, 4, 5, 5};
    double p[7] = {1, 1, 1, 1, 1, 0.5, 0.5};
    const elbo_pattern pattern = {
        .nS = 3, .nA = 2, .start = start, .next = next, .nnz = 7};
    const double mu[] = {0, 1, 0};
    const elbo_mdp mdp = {.nS = 3, .nA = 2, .mu = mu, .gamma = 0.9,
                          .P = {.pattern = &pattern, .prob = p}};
    double target[6], behaviour[6], d[6], of[6], first[6];
    double mass[7], R[7], xi[7];

    for (size_t i = 0; i < 6; i++) {
        target[i] = i % 2 == 0 ? 0.2 : 0.8;
        behaviour[i] = i % 2 == 0 ? 0.6 : 0.4;
        first[i] = mu[i / 2] * target[i];
    }

    const elbo_chain x = {.mdp = &mdp, .pi = target, .q = mdp.P};
    const elbo_chain y = {.mdp = &mdp, .pi = behaviour, .q = mdp.P};

    case_ok(elbo_occupancy(&x, d, arena));
    case_ok(elbo_occupancy(&y, of, arena));
    for (size_t e = 0; e < 7; e++) {
        mass[e] = 0.1 * of[row[e]] * p[e];
        R[e] = exact ? log(d[row[e]] / of[row[e]]) : 0;
    }

    const elbo_tom tom = {&pattern, mass, R, target, first, 0.9, f};

    case_ok(elbo_tom_solve(&tom, xi, arena));
    *worst = 0;
    for (size_t e = 0; e < 7; e++)
        *worst = fmax(*worst, fabs(xi[e] - d[row[e]] / of[row[e]]));
    q[0] = mass[5] * xi[5] / (mass[5] * xi[5] + mass[6] * xi[6]);
    q[1] = 1 - q[0];
}

START_TEST(tom_on_a_stochastic_world_implies_the_published_transitions)
{
    static const struct {
        elbo_divergence f;
        bool exact;
        double middle;
    } cases[] = {
        {ELBO_DIVERGENCE_KL, true,  0.5     },
        {ELBO_CHI2,          true,  0.557233},
        {ELBO_CHI2,          false, 0.596133},
        {ELBO_DIVERGENCE_KL, false, 0.676483},
    };
    elbo_arena *arena = elbo_arena_alloc(1 << 16);

    for (size_t i = 0; i < 4; i++) {
        double q[2], worst;

        three_cells(cases[i].f, cases[i].exact, q, &worst, arena);
        ck_assert_double_eq_tol(q[0], cases[i].middle, 1e-6);
        ck_assert(i == 0 ? worst < 1e-6 : worst > 1e-2);
    }
    elbo_arena_free(arena);
}
END_TEST

/* The released classifier's one-sided label smoothing. */
START_TEST(a_smoothed_ratio_is_too_large_where_it_is_small)
{
    static const double x[] = {0.02, 1, 2.9};
    static const double published[] = {0.133, 1.222, 3.333};

    for (size_t i = 0; i < 3; i++)
        ck_assert_double_eq_tol(exp(elbo_tom_ratio("smoothed", x[i])),
                                published[i], 5e-4);
    ck_assert(elbo_tom_ratio("none", 2.385) == 0);
    ck_assert_double_eq_tol(elbo_tom_ratio("exact", 2.385), log(2.385), 1e-15);
}
END_TEST

/* ---- PDML ---- */

START_TEST(pdml_weighs_rounds_by_the_released_rule)
{
    /* round 0 is the warm-up, rounds 1 to 3 have policies, round 4 is now */
    static const double distance[] = {0.5, 0.4, 0.2, 0.1, 0.001};
    const double all = 1 / 0.4 + 1 / 0.2 + 1 / 0.1;
    double w[5];

    elbo_pdml_weights(distance, 5, 0.02, 0.05, w);
    ck_assert_double_eq_tol(w[1], 2.5 / all, 1e-15);
    ck_assert_double_eq_tol(w[2], 5 / all, 1e-15);
    ck_assert_double_eq_tol(w[3], 10 / all, 1e-15);
    ck_assert_double_eq_tol(w[0], 0.05 * w[1], 1e-15);
    ck_assert_double_eq_tol(w[4], w[3], 1e-15);
    /* a share of one half of all weight */
    elbo_pdml_weights(distance, 5, 0.5, 0.05, w);
    ck_assert_double_eq_tol(w[4], w[0] + w[1] + w[2] + w[3], 1e-14);
    elbo_pdml_weights(distance, 2, 0.02, 0.05, w);
    ck_assert(w[0] == 0.05 && w[1] == 1);
    elbo_pdml_weights(distance, 1, 0.02, 0.05, w);
    ck_assert(w[0] == 1);
}
END_TEST

/* Each sample has the weight of its own round, by hand from the policies. */
START_TEST(pdml_weights_stand_beside_the_samples_of_their_round)
{
    const case_text text = {.inference = "weight=pdml(0.02,0.05,0.001)",
                            .data = "steps=40 mode=online policy=current"};
    case_setup setup;
    elbo_engine *e;
    elbo_row row;
    double pi[4][21], distance[4], share[7] = {0}, omega[4];

    case_open_small(&setup, &text);
    case_ok(elbo_engine_open(&setup.setup, 3, &e));
    for (size_t k = 0; k < 4; k++) {
        memcpy(pi[k], e->post.pi, sizeof pi[k]);
        case_ok(elbo_engine_iterate(e, &row));
    }
    for (size_t i = 0; i < 160; i++) share[e->data.s[i]] += 1. / 160;
    for (size_t k = 0; k < 4; k++) {
        distance[k] = 0;
        for (size_t i = 0; i < 21; i++)
            distance[k] += share[i / 3] * fabs(pi[k][i] - pi[3][i]) / 2;
        distance[k] = fmax(distance[k], 0.001);
    }
    elbo_pdml_weights(distance, 4, 0.02, 0.05, omega);
    for (size_t i = 0; i < 160; i++)
        ck_assert_double_eq_tol(e->data.w[i], omega[i / 40], 1e-12);
    elbo_engine_free(e);
    case_close(&setup);
}
END_TEST

/* ---- AMPL ---- */

/* The moment fixes the value of the policy and leaves the weight open: with the
 * exact critic every solution's weighted reward is the return. */
START_TEST(a_moment_identifies_the_return_and_not_the_ratio)
{
    static const double other[] = {0.3, -0.2};
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    gridwalk w;
    double V[WALK_S] = {0}, Q[WALK_ROWS], g[WALK_ROWS], x[WALK_ROWS];
    double moment = 0, worst[2] = {0}, error[2];

    gridwalk_init(&w, 0.9, 0.33, arena);
    for (size_t k = 0; k < 500; k++)
        for (size_t s = 0; s < WALK_S; s++) {
            double sum = 0;

            for (size_t i = s * WALK_A; i < (s + 1) * WALK_A; i++)
                sum += w.target[i] * (w.r[i] + 0.9 * V[w.next[i]]);
            V[s] = sum;
        }
    for (size_t i = 0; i < WALK_ROWS; i++) {
        Q[i] = w.r[i] + 0.9 * V[w.next[i]];
        g[i] = Q[i] - 0.9 * V[w.next[i]];
        moment += 0.1 * w.start[i] * Q[i];
    }
    for (int normalised = 0; normalised < 2; normalised++) {
        double value = 0;

        elbo_ampl_weights(w.d_behaviour, g, WALK_ROWS, moment, normalised, x);
        for (size_t i = 0; i < WALK_ROWS; i++) {
            worst[normalised] = fmax(
                worst[normalised],
                fabs(x[i] - w.d_target[i] / w.d_behaviour[i]));
            value += w.d_behaviour[i] * x[i] * w.r[i];
        }
        ck_assert_double_eq_tol(value, gridwalk_mean(w.d_target, w.r), 1e-10);
        ck_assert(worst[normalised] > 0.5);
        if (normalised)
            ck_assert_double_eq_tol(gridwalk_mean(w.d_behaviour, x), 1, 1e-12);
    }
    /* another reward is not served: the weight knows one test function */
    for (int k = 0; k < 2; k++) {
        double truth = 0, value = 0;

        elbo_ampl_weights(w.d_behaviour, g, WALK_ROWS, moment, k, x);
        for (size_t i = 0; i < WALK_ROWS; i++) {
            const double r = other[i % 2] * (double)(i / WALK_A % 10);

            truth += w.d_target[i] * r;
            value += w.d_behaviour[i] * x[i] * r;
        }
        error[k] = fabs(value - truth);
        ck_assert(error[k] > 1e-2);
    }
    elbo_arena_free(arena);
}
END_TEST

Suite *suite_mismatch_weights(void)
{
    Suite *s = suite_create("mismatch_weights");
    TCase *t = tcase_create("mismatch_weights");

    tcase_add_test(t, gamps_on_two_areas_has_its_published_numbers);
    tcase_add_test(t, eta_is_the_sum_over_where_scores_are);
    tcase_add_test(t, gamps_fits_worse_and_points_better);
    tcase_add_test(t, a_deterministic_policy_weighs_by_its_visits);
    tcase_add_test(t, tom_on_a_deterministic_world_needs_no_ratio);
    tcase_add_test(t, tom_on_a_stochastic_world_implies_the_published_transitions);
    tcase_add_test(t, a_smoothed_ratio_is_too_large_where_it_is_small);
    tcase_add_test(t, weights_of_paths_tend_to_eta);
    tcase_add_test(t, the_world_of_two_areas_is_the_replica);
    tcase_add_test(t, pdml_weighs_rounds_by_the_released_rule);
    tcase_add_test(t, pdml_weights_stand_beside_the_samples_of_their_round);
    tcase_add_test(t, a_moment_identifies_the_return_and_not_the_ratio);
    suite_add_tcase(s, t);
    suite_add_tcase(s, tcase_weight_runs());
    return s;
}

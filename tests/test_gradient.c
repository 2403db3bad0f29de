#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/gradient_cases.h"
#include "tests/suites.h"

/* ---- one backup ---- */

static double certainty(gradient_case *g, const double p[], size_t row,
                        const double V[])
{
    elbo_kernel P = g->belief.mean;
    double out;

    P.prob = (double *)p;
    g->problem.tilt.kind->expect(&g->problem.tilt, &P, V, row, row + 1, &out);
    return out;
}

START_TEST(slopes_of_a_backup_match_central_differences)
{
    gradient_case g;
    double V[8] = {0.3, -1.1, 2.2, 0.9, -0.4, 1.7, 0.05, 0}, slope[168], p[168];
    const double h = 1e-5;

    gradient_case_open(&g, &gradient_settings[_i], "implicit");

    const elbo_kernel *const P = &g.belief.mean;

    ck_assert_uint_eq(P->pattern->nnz, 168);
    g.problem.tilt.kind->slopes(&g.problem.tilt, P, V, 0, 21, slope);
    memcpy(p, P->prob, sizeof p);
    for (size_t row = 0; row < 21; row++)
        for (size_t i = elbo_row_begin(P->pattern, row);
             i < elbo_row_end(P->pattern, row); i++) {
            if (p[i] == 0) continue; /* END, which this model does not reach */
            p[i] = P->prob[i] + h;

            const double up = certainty(&g, p, row, V);

            p[i] = P->prob[i] - h;

            const double down = certainty(&g, p, row, V);

            p[i] = P->prob[i];
            ck_assert_double_eq_tol(slope[i], (up - down) / (2 * h),
                                    1e-6 * (1 + fabs(slope[i])));
        }
    gradient_case_close(&g);
}
END_TEST

/* ---- through the planner ---- */

static void move(gradient_case *g, size_t j, double x)
{
    g->belief.theta[j] = x;
    g->belief.model->update(&g->belief);
}

/* The pulled-back derivative against differences of the objective, whose
 * planner is solved again on either side. */
static void assert_gradient(gradient_case *g, double tolerance)
{
    elbo_belief *const b = &g->belief;
    double *const G = elbo_arena_doubles(g->c.arena, elbo_belief_slopes(b));
    double *const grad = elbo_arena_doubles(g->c.arena, b->n);
    double held[21], scale = 0;

    gradient_case_solve(g);
    gradient_case_pull(g, G);
    memcpy(held, g->post.pi, sizeof held);
    memset(grad, 0, b->n * sizeof *grad);
    b->model->pullback(b, G, grad);
    for (size_t j = 0; j < b->n; j++) scale = fmax(scale, fabs(grad[j]));
    ck_assert_double_gt(scale, 0.01);
    for (size_t j = 0; j < b->n; j += 1 + b->n / 37) {
        const double x = b->theta[j], h = 1e-3;
        double f[4];

        for (int k = 0; k < 4; k++) {
            static const double at[] = {-2, -1, 1, 2};

            move(g, j, x + at[k] * h);
            f[k] = gradient_case_value(g, held);
        }
        move(g, j, x);
        ck_assert_double_eq_tol(grad[j],
                                (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h),
                                tolerance * scale);
    }
}

START_TEST(implicit_matches_differences_through_the_converged_planner)
{
    gradient_case g;

    gradient_case_open(&g, &gradient_settings[_i], "implicit");
    assert_gradient(&g, 1e-6);
    gradient_case_close(&g);
}
END_TEST

START_TEST(unroll_matches_differences_through_its_backups)
{
    static const char *const routes[] = {"unroll(1)", "unroll(2)", "unroll(7)"};
    gradient_case g;

    gradient_case_open(&g, &gradient_settings[_i], routes[0]);
    for (size_t k = 0; k < 3; k++) {
        gradient_case_route(&g, routes[k]);
        assert_gradient(&g, 1e-6);
    }
    gradient_case_close(&g);
}
END_TEST

/* max |x - y| over max |y| */
static double distance(const double x[], const double y[], size_t n)
{
    double worst = 0, scale = 0;

    for (size_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs(x[i] - y[i]));
        scale = fmax(scale, fabs(y[i]));
    }
    return worst / scale;
}

/* A route's pull, and how far from the exact one. */
static double against_exact(gradient_case *g, const char *route,
                            elbo_gradient_info *info)
{
    const size_t n = elbo_belief_slopes(&g->belief);
    double *const exact = elbo_arena_doubles(g->c.arena, n);
    double *const other = elbo_arena_doubles(g->c.arena, n);

    gradient_case_route(g, "implicit(exact)");
    gradient_case_solve(g);
    gradient_case_pull(g, exact);
    gradient_case_route(g, route);
    gradient_case_solve(g);
    *info = gradient_case_pull(g, other);
    return distance(other, exact, n);
}

START_TEST(solvers_that_converge_agree_with_the_exact_one)
{
    static const char *const routes[] = {
        "implicit(cg)", "implicit(adjoint)", "implicit(woodbury(7))",
        "implicit(neumann(240))", "unroll(240)"};
    elbo_gradient_info info;
    gradient_case g;

    gradient_case_open(&g, &gradient_settings[_i], "implicit");
    for (size_t k = 0; k < sizeof routes / sizeof *routes; k++) {
        ck_assert_double_lt(against_exact(&g, routes[k], &info), 1e-8);
        ck_assert_uint_eq(info.unconverged, 0);
        ck_assert_double_lt(info.residual, 1e-9);
    }
    gradient_case_close(&g);
}
END_TEST

START_TEST(more_terms_ranks_and_backups_come_closer)
{
    /* clang-format off */
    static const char *const routes[][4] = {
        {"implicit(identity)", "implicit(neumann(10))",
         "implicit(neumann(40))", "implicit(neumann(120))"},
        {"unroll(4)", "unroll(20)", "unroll(60)", "unroll(175)"},
        {"implicit(woodbury(1))", "implicit(woodbury(3))",
         "implicit(woodbury(6))", "implicit(woodbury(99))"},
    };
    /* clang-format on */
    elbo_gradient_info info;
    gradient_case g;

    gradient_case_open(&g, &gradient_settings[0], "implicit");
    for (size_t k = 0; k < 3; k++) {
        double last = HUGE_VAL;

        for (size_t i = 0; i < 4; i++) {
            const double now = against_exact(&g, routes[k][i], &info);

            ck_assert_double_lt(now, last);
            last = now;
        }
        ck_assert_double_lt(last, k == 0 ? 1e-4 : 1e-8);
    }
    gradient_case_close(&g);
}
END_TEST

/* T contracts by gamma in the max norm and unroll starts at V = 0, so that
 * |V_k - V| <= gamma^k |V|. Its derivative is no slower: relative to the largest one
 * it is within 0.9^k of the implicit one, 1e-8 after 175 backups (0.9^175 is
 * 9.8e-9). */
START_TEST(unrolled_comes_to_implicit_at_the_rate_of_the_discount)
{
    static const int steps[] = {20, 60, 120, 175};
    elbo_gradient_info info;
    gradient_case g;
    double V[7];

    gradient_case_open(&g, &gradient_settings[_i], "implicit");
    gradient_case_solve(&g);
    memcpy(V, g.post.V, sizeof V);
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        const double rate = pow(0.9, steps[k]);
        char route[24];

        snprintf(route, sizeof route, "unroll(%d)", steps[k]);
        ck_assert_double_le(against_exact(&g, route, &info), rate);
        ck_assert_double_le(distance(g.post.V, V, 7), rate + 1e-14);
    }
    ck_assert_double_lt(against_exact(&g, "unroll(175)", &info), 1e-8);
    gradient_case_close(&g);
}
END_TEST

START_TEST(identity_sends_the_slopes_of_q_alone)
{
    const gradient_setting setting = {
        "softmax", "init_scale=0.7 reward=learned", "model", 0.4};
    gradient_case g;

    gradient_case_open(&g, &setting, "implicit(identity)");
    g.slopes.occupancy = g.slopes.occupancy_held = NULL;
    g.slopes.J = g.slopes.Jmodel = g.slopes.Jmodel_held = 0;

    double *const G =
        elbo_arena_doubles(g.c.arena, elbo_belief_slopes(&g.belief));

    gradient_case_solve(&g);
    gradient_case_pull(&g, G);
    for (size_t s = 0; s < 7; s++) {
        double sum = 0;

        for (size_t a = 0; a < 3; a++) sum += g.slopes.logpi[s * 3 + a] / 0.4;
        for (size_t a = 0; a < 3; a++) {
            const size_t row = s * 3 + a;

            ck_assert_double_eq_tol(G[168 + row],
                                    g.slopes.Q[row] + g.slopes.logpi[row] / 0.4
                                        + g.post.pi[row]
                                              * (g.slopes.V[s] - sum),
                                    1e-12);
        }
    }
    gradient_case_close(&g);
}
END_TEST

START_TEST(a_part_of_theta_may_stand_still)
{
    elbo_gradient_info info;
    gradient_case g;

    gradient_case_open(&g, &gradient_settings[1], "implicit");

    const size_t n = elbo_belief_slopes(&g.belief);
    double *const all = elbo_arena_doubles(g.c.arena, 3 * n);
    double *const reward = all + n, *const kernel = all + 2 * n;

    gradient_case_solve(&g);
    gradient_case_pull(&g, all);
    gradient_case_route(&g, "implicit(exact, reward)");
    ck_assert(!elbo_route_exact(&g.route));
    gradient_case_pull(&g, reward);
    gradient_case_route(&g, "implicit(reach=kernel)");
    info = gradient_case_pull(&g, kernel);
    ck_assert_uint_eq(info.solves, 1);
    for (size_t i = 0; i < n; i++) {
        ck_assert_double_eq(reward[i], i < 168 ? 0 : all[i]);
        ck_assert_double_eq(kernel[i], i < 168 ? all[i] : 0);
    }
    gradient_case_close(&g);
}
END_TEST

START_TEST(a_solver_that_stops_early_says_so)
{
    elbo_gradient_info info;
    gradient_case g;

    gradient_case_open(&g, &gradient_settings[0], "implicit");
    against_exact(&g, "implicit(cg(iterations=2))", &info);
    ck_assert_uint_eq(info.solves, 1);
    ck_assert_uint_eq(info.unconverged, 1);
    ck_assert_uint_eq(info.iterations, 2);
    ck_assert_double_gt(info.residual, 1e-4);
    against_exact(&g, "implicit(adjoint(iterations=5))", &info);
    ck_assert_uint_eq(info.unconverged, 1);
    gradient_case_close(&g);
}
END_TEST

/* ---- score ---- */

START_TEST(score_is_right_on_average_and_the_same_each_time)
{
    gradient_case g;
    double *exact, *drawn, *again;

    gradient_case_open(&g, &gradient_settings[0], "implicit");
    g.slopes = (elbo_slopes){.Jmodel_held = 0.7};
    exact = elbo_arena_doubles(g.c.arena, 3 * 168);
    drawn = exact + 168;
    again = drawn + 168;
    gradient_case_solve(&g);
    gradient_case_pull(&g, exact);

    double *const grad = elbo_arena_doubles(g.c.arena, 2 * g.belief.n);
    double *const mean = grad + g.belief.n;

    memset(grad, 0, 2 * g.belief.n * sizeof *grad);
    g.belief.model->pullback(&g.belief, exact, grad);
    gradient_case_route(&g, "score(40000)");
    gradient_case_pull(&g, drawn);
    gradient_case_pull(&g, again);
    ck_assert_mem_eq(drawn, again, 168 * sizeof *drawn);
    g.belief.model->pullback(&g.belief, drawn, mean);

    /* a visit's term is of the order of the gradient, and there are 40000 */
    ck_assert_double_lt(distance(mean, grad, g.belief.n), 0.05);
    ck_assert_double_gt(distance(mean, grad, g.belief.n), 1e-6);
    gradient_case_close(&g);
}
END_TEST

/* ---- text ---- */

/* clang-format off */
static const struct {
    const char *text;
    size_t column;
    const char *nearest, *reason;
} wrong[] = {
    {"implict", 0, "implicit", "unknown name implict"},
    {"unroll", 6, NULL, "k is missing"},
    {"unroll(0)", 7, NULL, "k must be in [1"},
    {"unroll(3, -1)", 10, NULL, "rate must be in [0"},
    {"unroll(3, rat=1)", 10, "rate", "no argument"},
    {"implicit(exakt)", 9, "exact", "unknown name exakt"},
    {"implicit(neumann)", 16, NULL, "k is missing"},
    {"implicit(cg(tolerance=2))", 22, NULL, "tolerance must be in"},
    {"implicit(cg(tolerence=2))", 12, "tolerance", "no argument"},
    {"score(-1)", 6, NULL, "n must be in"},
    {"stop(1)", 5, NULL, "takes at most 0"},
};
/* clang-format on */

START_TEST(a_wrong_setting_is_located)
{
    const char *nearest = "unset";
    size_t column = 99;

    case_fails(elbo_gradient_check(wrong[_i].text, &column, &nearest),
               ELBO_EINVAL, wrong[_i].reason);
    ck_assert_uint_eq(column, wrong[_i].column);
    ck_assert_pstr_eq(nearest, wrong[_i].nearest);
}
END_TEST

START_TEST(settings_are_read)
{
    elbo_arena *const arena = elbo_arena_alloc(1024);
    elbo_route route;

    case_ok(elbo_gradient_parse("implicit(cg(1e-4, 55))", arena, &route, NULL,
                                NULL));
    ck_assert_str_eq(route.kind->name, "implicit");
    ck_assert_str_eq(route.solver->name, "cg");
    ck_assert_double_eq(route.tolerance, 1e-4);
    ck_assert_uint_eq(route.limit, 55);
    ck_assert(elbo_route_exact(&route) && !elbo_route_stops(&route));
    case_ok(
        elbo_gradient_parse("implicit(identity)", arena, &route, NULL, NULL));
    ck_assert(!elbo_route_exact(&route));
    case_ok(elbo_gradient_parse("implicit(noise=0.2)", arena, &route, NULL,
                                NULL));
    ck_assert(route.noise == 0.2 && !elbo_route_exact(&route));
    case_ok(elbo_gradient_parse("implicit", arena, &route, NULL, NULL));
    ck_assert_str_eq(route.solver->name, "exact");
    case_ok(elbo_gradient_parse("score(n=31)", arena, &route, NULL, NULL));
    ck_assert_uint_eq(route.n, 31);
    ck_assert(!elbo_route_exact(&route));
    case_ok(elbo_gradient_parse("stop", arena, &route, NULL, NULL));
    ck_assert(elbo_route_stops(&route));
    elbo_arena_free(arena);
}
END_TEST

Suite *suite_gradient(void)
{
    Suite *const s = suite_create("gradient");
    TCase *const planner = tcase_create("planner");
    TCase *const text = tcase_create("text");

    tcase_set_timeout(planner, 60);
    tcase_add_loop_test(planner, slopes_of_a_backup_match_central_differences,
                        0, n_gradient_settings);
    tcase_add_loop_test(
        planner, implicit_matches_differences_through_the_converged_planner, 0,
        n_gradient_settings);
    tcase_add_loop_test(planner, unroll_matches_differences_through_its_backups,
                        0, n_gradient_settings);
    tcase_add_loop_test(planner, solvers_that_converge_agree_with_the_exact_one,
                        0, n_gradient_settings);
    tcase_add_test(planner, more_terms_ranks_and_backups_come_closer);
    tcase_add_loop_test(planner,
                        unrolled_comes_to_implicit_at_the_rate_of_the_discount,
                        0, n_gradient_settings);
    tcase_add_test(planner, identity_sends_the_slopes_of_q_alone);
    tcase_add_test(planner, a_part_of_theta_may_stand_still);
    tcase_add_test(planner, a_solver_that_stops_early_says_so);
    tcase_add_test(planner, score_is_right_on_average_and_the_same_each_time);
    suite_add_tcase(s, planner);
    tcase_add_loop_test(text, a_wrong_setting_is_located, 0,
                        sizeof wrong / sizeof *wrong);
    tcase_add_test(text, settings_are_read);
    suite_add_tcase(s, text);
    return s;
}

/* tests/test_rises.c -- what design.md section 6 says must rise, on 200 random
 * worlds a setting.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/engine_cases.h"
#include "tests/suites.h"

enum { WORLDS = 200 };

static const double slack = 1e-10; /* of the sum of absolute terms */

/* ---- whole runs: F never falls ---- */

/* clang-format off */
static const case_text runs[] = {
    /* a known model, solved soft control, pi0 <- pi */
    {.model = "true",
     .control_common = "temperature=0.7 prior=previous",
     .inference = "iterations=6"},
    {.model = "true",
     .control_common = "temperature=0.7 prior=previous",
     .inference = "iterations=6 transition=tilt(1.3)"},
    {.model = "true",
     .control_common = "temperature=0.7 prior=previous",
     .inference = "iterations=6 transition=tilt(1.3,kl=next)"},
    {.model = "true",
     .control_common = "temperature=0.7 prior=previous",
     .inference = "iterations=6 transition=tilt(-1.3)"},
    {.model = "true",
     .control_common = "temperature=0.7 prior=previous",
     .env_common = "discount=1 horizon=7",
     .inference = "iterations=6 transition=tilt(1.3)"},
    /* EM with linear rewards: log J */
    {.model = "true",
     .control = "em_policy",
     .inference = "iterations=10 optimality=linear"},
    {.model = "true",
     .control = "em_policy",
     .control_own = "m_step=greedy",
     .inference = "iterations=6 optimality=linear"},
    /* the closed cut: expected counts, a posterior over theta */
    {.control_common = "temperature=0.7",
     .inference = "iterations=8 feedback=1 transition=tilt(1.3)",
     .data = "steps=40"},
    {.control_common = "temperature=0.7",
     .inference = "iterations=8 feedback=1 transition=tilt(1.3,kl=next)",
     .data = "steps=40"},
    {.control_common = "temperature=0.7 prior=previous",
     .inference = "iterations=8 feedback=1 transition=tilt(0.4)",
     .data = "steps=40"},
    {.control = "value_iteration",
     .env_common = "discount=0.95 horizon=6",
     .inference = "iterations=6 feedback=1 transition=tilt(1.3)",
     .data = "steps=40"},
    {.control = "em_policy",
     .inference = "iterations=8 feedback=1 optimality=linear",
     .data = "steps=40"},
    /* the closed cut: a point estimate by its gradient */
    {.model = "softmax",
     .control_common = "temperature=0.7",
     .inference = "iterations=4 feedback=1 transition=tilt(1.3) "
                  "m_step_iterations=15",
     .data = "steps=40"},
    {.model = "softmax",
     .control_common = "temperature=0.7",
     .inference = "iterations=4 feedback=1 transition=tilt(1.3,kl=next) "
                  "m_step_iterations=15",
     .data = "steps=40"},
    {.model = "softmax",
     .control_common = "temperature=0.7",
     .inference = "iterations=4 feedback=1 m_step_iterations=15",
     .data = "steps=40"},
    {.model = "softmax",
     .control = "em_policy",
     .inference = "iterations=4 feedback=1 optimality=linear "
                  "m_step_iterations=15",
     .data = "steps=40"},
};
/* clang-format on */

enum { RUNS = sizeof runs / sizeof *runs };

static void check_rows(const elbo_setup *setup, unsigned world)
{
    elbo_engine *engine;
    elbo_row row;
    double last = -HUGE_VAL;

    case_ok(elbo_engine_open(setup, world, &engine));
    while (elbo_engine_iteration(engine) < elbo_engine_budget(engine)) {
        case_ok(elbo_engine_iterate(engine, &row));
        ck_assert_msg(
            row.elbo >= last - slack * (elbo_parts_scale(&row.parts) + 1),
            "world %u, iteration %llu: F fell by %g to %.17g", world,
            (unsigned long long)row.iteration, last - row.elbo, row.elbo);
        last = row.elbo;
    }
    elbo_engine_free(engine);
}

START_TEST(the_bound_never_falls)
{
    case_text text = runs[_i];
    char own[200];

    for (unsigned world = 0; world < WORLDS; world++) {
        case_setup c;

        snprintf(own, sizeof own,
                 "states=%u actions=%u branching=%u reward=action "
                 "reward_law=uniform instance=%u",
                 5 + world % 4, 2 + world % 2, 2 + world / 2 % 2, world);
        text.env_own = own;
        if (!runs[_i].env_common) text.env_common = "discount=0.8";
        case_open(&c, &text);
        check_rows(&c.setup, world);
        case_close(&c);
    }
}
END_TEST

/* ---- the cut, each half on its own ---- */

static const struct {
    const char *model, *transition;
    double alpha;
} cuts[] = {
    {"tabular", "model",             0.7},
    {"tabular", "tilt(1.3)",         0.7},
    {"tabular", "tilt(1.3,kl=next)", 0  },
    {"softmax", "model",             0.2},
    {"softmax", "tilt(1.3)",         0.7},
};

static double data_term(const elbo_belief *belief, const double C[])
{
    double value;

    case_ok(elbo_likelihood_logp.value(&belief->geo, C, &value, NULL));
    return value + belief->model->log_prior(belief, NULL);
}

static double control_term(const elbo_problem *problem,
                           const elbo_posterior *post, double rho[],
                           elbo_arena *ws)
{
    elbo_parts parts;

    case_ok(elbo_bound_control(problem, post, &parts, rho, ws));
    return elbo_parts_control(&parts);
}

static void check_halves(case_problem *c, unsigned world, const char *model,
                         const char *transition, double alpha)
{
    const bool charged = strcmp(transition, "model") != 0;
    elbo_arena *ws = elbo_arena_alloc(4096);
    elbo_belief belief = case_model(c, model, NULL);
    const elbo_problem problem =
        case_control(c, charged ? belief.geo : belief.mean, transition, alpha);
    elbo_posterior post;
    elbo_mstep_info learnt;
    elbo_solve_info solved;

    case_ok(elbo_posterior_init(&post, &problem, c->arena));
    elbo_posterior_tilt(&problem, &post);

    double *rho = elbo_arena_doubles(c->arena, post.stages * post.nS * post.nA);

    for (unsigned k = 0; k < 3; k++) { /* more data each time */
        const double *C =
            case_counts(c, belief.mean.pattern, world + k, 30 + 30 * k);
        const elbo_mstep step = {.likelihood = &elbo_likelihood_logp,
                                 .C = C,
                                 .problem = &problem,
                                 .post = &post,
                                 .ascent = {.method = &elbo_ascender_bfgs,
                                            .iterations = 12,
                                            .tolerance = 1e-8}};
        const double L = data_term(&belief, C);

        case_ok(elbo_mstep_run(&step, &belief, &learnt, ws));
        ck_assert_double_ge(data_term(&belief, C), L - slack * fabs(L));

        const double F = control_term(&problem, &post, rho, ws);

        case_ok(elbo_solve(&problem, &post, &solved, ws));
        ck_assert_double_ge(control_term(&problem, &post, rho, ws),
                            F - slack * (fabs(F) + 10));
    }
    elbo_arena_free(ws);
}

START_TEST(each_half_of_the_cut_rises)
{
    for (unsigned world = 0; world < WORLDS; world++) {
        case_problem c;

        case_garnet(&c, "states=6 actions=2 branching=3 reward=action", world,
                    0.8, 0);
        check_halves(&c, world, cuts[_i].model, cuts[_i].transition,
                     cuts[_i].alpha);
        case_garnet_close(&c);
    }
}
END_TEST

/* ---- unfinished solves ---- */

/* One sweep a round: the greedy policies of value iteration may get worse on
 * their way, and the residual tells by how much at most. */
START_TEST(an_unfinished_solve_may_lose_what_its_residual_allows)
{
    size_t falls = 0;

    for (unsigned world = 0; world < WORLDS; world++) {
        case_setup c;
        elbo_engine *engine;
        elbo_row row;
        double last = -HUGE_VAL;
        char own[100];

        snprintf(own, sizeof own,
                 "states=8 actions=3 reward=action instance=%u", world);
        case_open(&c, &(case_text){.env_own = own,
                                   .env_common = "discount=0.9",
                                   .model = "true",
                                   .control = "value_iteration",
                                   .control_common = "sweeps=1"});
        case_ok(elbo_engine_open(&c.setup, world, &engine));
        for (size_t k = 0; k < 8; k++) {
            case_ok(elbo_engine_iterate(engine, &row));
            falls += row.elbo < last - 1e-6;
            last = row.elbo;
        }
        elbo_engine_free(engine);
        case_close(&c);
    }
    ck_assert_uint_ge(falls, 20);
}
END_TEST

Suite *suite_rises(void)
{
    Suite *suite = suite_create("rises");
    TCase *t = tcase_create("rises");

    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, the_bound_never_falls, 0, RUNS);
    tcase_add_loop_test(t, each_half_of_the_cut_rises, 0,
                        (int)(sizeof cuts / sizeof *cuts));
    tcase_add_test(t, an_unfinished_solve_may_lose_what_its_residual_allows);
    suite_add_tcase(suite, t);
    return suite;
}

/* tests/robust_runs.c -- transition: robust(radius, ball) in E-steps, in the
 * bound and in whole runs.
 */
#include "tests/robust_cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/engine_cases.h"

static const char *const garnet =
    "states=9 actions=3 branching=4 reward=action reward_law=uniform";

/* clang-format off */
static const struct {
    const char *transition;
    double alpha;
} settings[] = {
    {"robust(0.07)",          0       },
    {"robust(0.3, ball=kl)",  0.7     },
    {"robust(0.2385,tv)",     0       },
    {"robust(0.1, ball=tv)",  0.7     },
    {"robust(radius=40)",     0.3     },
    {"robust(0.3)",           INFINITY},
};
/* clang-format on */
enum { SETTINGS = sizeof settings / sizeof *settings };

/* ---- settings ---- */

START_TEST(the_setting_is_parsed_and_checked)
{
    elbo_arena *arena = elbo_arena_alloc(4096);
    size_t column = 99;
    const char *nearest = NULL;
    elbo_tilt t;

    case_ok(elbo_transition_parse("robust(0.25, ball=tv)", ELBO_KL_NEXT, 0.75,
                                  arena, &t, NULL, NULL));
    ck_assert_ptr_eq(t.kind, &elbo_transition_robust);
    ck_assert(t.radius == 0.25 && t.ball == ELBO_BALL_TV && t.gamma == 0.75);
    ck_assert(elbo_tilt_charge(&t) == 0 && elbo_tilt_adversarial(&t));
    case_ok(elbo_transition_parse("robust(inf)", ELBO_KL_STEP, 0.75, arena, &t,
                                  NULL, NULL));
    ck_assert(isinf(t.radius) && t.ball == ELBO_BALL_KL);
    case_ok(elbo_transition_parse("robust(0)", ELBO_KL_STEP, 0.75, arena, &t,
                                  NULL, NULL));
    ck_assert_ptr_eq(t.kind, &elbo_transition_model);
    ck_assert(!elbo_tilt_adversarial(&t));
    case_ok(elbo_transition_parse("tilt(-2)", ELBO_KL_STEP, 0.75, arena, &t,
                                  NULL, NULL));
    ck_assert(elbo_tilt_adversarial(&t));
    t.beta = 2;
    ck_assert(!elbo_tilt_adversarial(&t));
    case_fails(elbo_transition_check("robust(-0.1)", &column, &nearest),
               ELBO_EINVAL, "radius");
    ck_assert_uint_eq(column, 7);
    case_fails(elbo_transition_check("robust", &column, &nearest), ELBO_EINVAL,
               "radius is missing");
    case_fails(elbo_transition_check("robust(1, ball=kk)", &column, &nearest),
               ELBO_EINVAL, "ball must be one of");
    ck_assert_str_eq(nearest, "kl");
    case_fails(elbo_transition_check("robst(1)", &column, &nearest),
               ELBO_EINVAL, "robst");
    ck_assert_str_eq(nearest, "robust");
    case_fails(elbo_transition_check("robust(radus=1)", &column, &nearest),
               ELBO_EINVAL, "radus");
    ck_assert_str_eq(nearest, "radius");
    elbo_arena_free(arena);
}
END_TEST

START_TEST(what_does_not_go_with_it_is_refused)
{
    static const struct {
        case_text text;
        const char *section, *key;
    } wrong[] = {
        {{.inference = "feedback=1 transition=robust(1)"},
         "inference", "feedback"  },
        {{.inference = "feedback=-1 transition=robust(1,tv)"},
         "inference", "feedback"  },
        {{.control = "em_policy",
          .inference = "optimality=linear transition=robust(1)"},
         "inference", "transition"},
    };
    const char *section, *key;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        case_setup c;

        case_open_small(&c, &wrong[i].text);
        ck_assert_int_eq(elbo_setup_check(&c.setup, 0, &section, &key),
                         ELBO_ECONFIG);
        ck_assert_str_eq(section, wrong[i].section);
        ck_assert_str_eq(key, wrong[i].key);
        case_ok(elbo_setup_check(&c.setup, 1, &section, &key));
        case_close(&c);
    }
}
END_TEST

START_TEST(it_says_that_it_is_a_robust_value)
{
    case_setup c;
    const char *section, *key;

    case_open_small(&c, &(case_text){.inference = "transition=robust(1)",
                                     .control_common = "kl=next"});
    case_ok(elbo_setup_check(&c.setup, 0, &section, &key));
    ck_assert_ptr_nonnull(strstr(elbo_setup_kind(&c.setup), "robust value"));
    case_close(&c);
    case_open_small(&c, &(case_text){.inference = "transition=robust(0)"});
    ck_assert_ptr_null(strstr(elbo_setup_kind(&c.setup), "robust value"));
    case_close(&c);
}
END_TEST

START_TEST(an_m_step_with_feedback_refuses_it)
{
    case_problem c;
    elbo_arena *ws = elbo_arena_alloc(1024);
    elbo_mstep_info info;

    case_garnet(&c, garnet, 1, 0.9, 0);

    elbo_belief belief = case_model(&c, "softmax", NULL);
    const elbo_problem problem =
        case_control(&c, belief.mean, "robust(0.1)", 0.7);
    const elbo_posterior post = case_posterior(&c, &problem, 1);
    const elbo_mstep step = {
        .likelihood = &elbo_likelihood_logp,
        .C = case_counts(&c, belief.mean.pattern, 1, 40),
        .kappa = 1,
        .problem = &problem,
        .post = &post,
        .ascent = {.method = &elbo_ascender_bfgs,
                   .iterations = 5,
                   .tolerance = 1e-8},
    };

    case_fails(elbo_mstep_run(&step, &belief, &info, ws), ELBO_EINVAL,
               "transition: robust");
    elbo_arena_free(ws);
    case_garnet_close(&c);
}
END_TEST

/* ---- the E-step's problem ---- */

static double *room(case_problem *c, const elbo_posterior *post)
{
    return elbo_arena_doubles(c->arena, post->stages * post->nS * post->nA);
}

START_TEST(the_backup_contracts_and_its_value_is_the_bound)
{
    elbo_arena *ws = elbo_arena_alloc(4096);

    for (unsigned world = 0; world < 10; world++) {
        case_problem c;

        case_garnet(&c, garnet, world, 0.87, world % 3 == 2 ? 6 : 0);

        const elbo_problem problem = case_control(
            &c, c.truth.P, settings[_i].transition, settings[_i].alpha);
        elbo_posterior post = case_posterior(&c, &problem, world);
        double V[10] = {0}, W[10] = {0}, TV[10], TW[10], most = 0, value = 0;
        elbo_solve_info info;
        elbo_parts parts;

        elbo_rng rng = elbo_rng_stream(world, "test contraction", 0);

        for (size_t s = 0; s < 9; s++) {
            V[s] = 4 * elbo_rng_uniform(&rng);
            W[s] = V[s] + elbo_rng_uniform(&rng) - 0.5;
            most = fmax(most, fabs(V[s] - W[s]));
        }
        elbo_backup(&problem, post.pi0, V, TV, NULL, NULL);
        elbo_backup(&problem, post.pi0, W, TW, NULL, NULL);
        for (size_t s = 0; s < 9; s++)
            ck_assert_double_le(fabs(TV[s] - TW[s]), 0.87 * most + 1e-14);

        case_ok(elbo_solve(&problem, &post, &info, ws));
        ck_assert(info.converged);
        case_ok(
            elbo_bound_control(&problem, &post, &parts, room(&c, &post), ws));
        for (size_t s = 0; s < 9; s++) value += c.truth.mu[s] * post.V[s];
        ck_assert_double_eq(parts.transition_kl, 0);
        ck_assert_double_eq_tol(elbo_parts_control(&parts), value, 1e-10);
        case_garnet_close(&c);
    }
    elbo_arena_free(ws);
}
END_TEST

/* Following pi (alpha = inf) the backup minimises over q alone. */
START_TEST(the_profile_is_the_least_value_of_the_policy)
{
    elbo_arena *ws = elbo_arena_alloc(4096);
    const char *transition = settings[_i].transition;

    for (unsigned world = 0; world < 10; world++) {
        const size_t horizon = world % 3 == 2 ? 5 : 0;
        double value, error, least = 0;
        case_problem c;
        elbo_solve_info info;
        elbo_parts parts;

        case_garnet(&c, garnet, world, 0.87, horizon);

        const elbo_problem hard = case_control(&c, c.truth.P, transition, 0);
        const elbo_problem follow =
            case_control(&c, c.truth.P, transition, INFINITY);
        elbo_posterior post = case_posterior(&c, &hard, world), other = post;
        double *rho = room(&c, &post);

        case_ok(elbo_bound_profile(&hard, &post, &value, &error, rho, ws));
        ck_assert_double_lt(error, 1e-11);
        case_ok(elbo_bound_control(&hard, &post, &parts, rho, ws));
        ck_assert_double_le(value, elbo_parts_control(&parts) + 1e-12);

        case_ok(elbo_posterior_init(&other, &follow, c.arena));
        memcpy(other.pi0, post.pi,
               post.stages * post.nS * post.nA * sizeof *post.pi);
        case_ok(elbo_solve(&follow, &other, &info, ws));
        for (size_t s = 0; s < 9; s++) least += c.truth.mu[s] * other.V[s];
        ck_assert_double_eq_tol(value, least, 1e-10);
        case_garnet_close(&c);
    }
    elbo_arena_free(ws);
}
END_TEST

/* The max over pi of the min over q is also the min over q of the max: no
 * policy does better against the q found, nor a q worse against the policy. */
START_TEST(policy_iteration_and_value_iteration_agree)
{
    elbo_arena *ws = elbo_arena_alloc(4096);
    const elbo_control *howard = elbo_control_find("policy_iteration");

    for (unsigned world = 0; world < 20; world++) {
        case_problem c;
        elbo_solve_info info;
        elbo_controller controller = {howard, NULL};

        case_garnet(&c, garnet, world, 0.93, 0);

        const elbo_problem problem =
            case_control(&c, c.truth.P, settings[_i].transition, 0);
        elbo_posterior swept = case_posterior(&c, &problem, 1);
        elbo_posterior howards = case_posterior(&c, &problem, 2);
        elbo_problem answer = problem; /* the world that q makes */
        elbo_posterior best;

        memcpy(howards.pi0, swept.pi0, 9 * 3 * sizeof *swept.pi0);
        case_ok(elbo_solve(&problem, &swept, &info, ws));
        case_ok(howard->estep(&controller, &problem, &howards, &info, ws));
        ck_assert(info.converged);
        ck_assert_uint_le(info.sweeps, 60);
        answer.mdp.P.prob = howards.q;
        answer.tilt = (elbo_tilt){
            .kind = &elbo_transition_model, .beta = HUGE_VAL, .gamma = 0.93};
        case_ok(elbo_posterior_init(&best, &answer, c.arena));
        case_ok(elbo_solve(&answer, &best, &info, ws));
        for (size_t s = 0; s < 9; s++) {
            ck_assert_double_eq_tol(swept.V[s], howards.V[s], 1e-9);
            ck_assert_double_eq_tol(best.V[s], howards.V[s], 1e-9);
        }
        case_garnet_close(&c);
    }
    elbo_arena_free(ws);
}
END_TEST

/* ---- whole runs ---- */

/* clang-format off */
static const case_text runs[] = {
    {.model = "true", .inference = "iterations=5 transition=robust(0.1)",
     .control_common = "temperature=0.7 prior=previous"},
    {.model = "true", .inference = "iterations=5 transition=robust(0.2,tv)",
     .control_common = "temperature=0.7 prior=previous"},
    {.control = "value_iteration",
     .inference = "iterations=5 transition=robust(0.1)",
     .data = "mode=online policy=current steps=20"},
    {.control = "policy_iteration",
     .inference = "iterations=5 transition=robust(0.2,tv)",
     .data = "mode=online policy=current steps=20"},
    {.model = "true", .control = "policy_iteration",
     .inference = "iterations=3 transition=robust(0.3)"},
    {.env_common = "discount=0.95 horizon=5", .control = "value_iteration",
     .inference = "iterations=4 transition=robust(0.3)",
     .data = "mode=online steps=20"},
};
/* clang-format on */
enum { RUNS = sizeof runs / sizeof *runs };

static void check_row(const elbo_engine *engine, const elbo_row *row)
{
    const char *const *names = elbo_engine_columns(engine);
    double x[ELBO_ROW_COLUMNS];
    const size_t n = elbo_row_values(row, ELBO_EXPONENTIAL, x);

    ck_assert_uint_eq(n, 14);
    ck_assert_str_eq(names[11], "ess");
    ck_assert_str_eq(names[12], "robust_multiplier");
    ck_assert_str_eq(names[13], "robust_kl");
    ck_assert_ptr_null(names[14]);
    ck_assert(x[12] >= 0 && x[13] >= -1e-15 && row->parts.transition_kl == 0);
    ck_assert_double_eq_tol(row->elbo,
                            row->parts.reward - row->parts.policy_kl
                                + row->parts.likelihood + row->parts.prior,
                            1e-12 * elbo_parts_scale(&row->parts));
    /* the opponent lowers the return that the model promises */
    ck_assert_double_le(row->parts.reward, row->return_model + 1e-9);
}

START_TEST(runs_are_quiet_and_their_columns_add_up)
{
    double moved = 0, price = 0;

    for (unsigned world = 0; world < 50; world++) {
        case_text text = runs[_i];
        case_setup c;
        elbo_engine *engine;
        elbo_row row;
        char own[200];

        snprintf(own, sizeof own, "%s instance=%u", garnet, world);
        text.env_own = own;
        if (!text.env_common) text.env_common = "discount=0.9";
        case_open(&c, &text);
        case_ok(elbo_engine_open(&c.setup, world, &engine));
        while (elbo_engine_verdict(engine) == ELBO_RUNNING) {
            case_ok(elbo_engine_iterate(engine, &row));
            check_row(engine, &row);
            if (!strstr(text.inference, "tv"))
                ck_assert_double_le(
                    row.own.x[1],
                    strtod(strchr(text.inference, '(') + 1, NULL) + 1e-10);
        }
        moved += row.own.x[1];
        price += row.own.x[0];
        elbo_engine_free(engine);
        case_close(&c);
    }
    ck_assert_double_gt(moved, 50 * 0.01);
    ck_assert_double_gt(price, 50 * 0.01);
}
END_TEST

/* The row of a known world: the value is elbo_solve's, the columns are means
 * over the occupancy of q, summed up here by hand. */
START_TEST(own_columns_are_means_over_the_occupancy)
{
    case_setup c;
    elbo_engine *engine;
    elbo_row row;
    elbo_arena *ws = elbo_arena_alloc(4096);
    double rho[9 * 3], steps = 0, multiplier = 0, kl = 0;
    elbo_parts parts;

    case_open(&c, &(case_text){.env_own = garnet,
                               .env_common = "discount=0.9",
                               .model = "true",
                               .control = "value_iteration",
                               .inference = "transition=robust(0.2)"});
    case_ok(elbo_engine_open(&c.setup, 3, &engine));
    case_ok(elbo_engine_iterate(engine, &row));

    const elbo_posterior *post = elbo_engine_posterior(engine);
    elbo_problem problem = {.mdp = *elbo_engine_truth(engine)};

    case_ok(elbo_transition_parse("robust(0.2)", ELBO_KL_STEP, 0.9, c.arena,
                                  &problem.tilt, NULL, NULL));
    case_ok(elbo_bound_control(&problem, post, &parts, rho, ws));

    const elbo_kernel q = elbo_posterior_kernel(post, &problem, 0);
    const elbo_transition_column *own = problem.tilt.kind->columns;

    for (size_t i = 0; i < 27; i++) {
        steps += rho[i];
        multiplier +=
            rho[i] * own[0].of(&problem.tilt, &q, &problem.mdp.P, post->V, i);
        kl += rho[i] * elbo_row_kl(&q, &problem.mdp.P, i);
    }
    ck_assert_double_eq_tol(steps, 10, 1e-9);
    ck_assert_double_eq_tol(row.own.x[0], multiplier / steps, 1e-12);
    ck_assert_double_eq_tol(row.own.x[1], kl / steps, 1e-13);
    ck_assert_double_eq_tol(row.own.x[1], 0.2, 1e-10);
    elbo_arena_free(ws);
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

TCase *tcase_robust_runs(void)
{
    TCase *t = tcase_create("robust_runs");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_setting_is_parsed_and_checked);
    tcase_add_test(t, what_does_not_go_with_it_is_refused);
    tcase_add_test(t, it_says_that_it_is_a_robust_value);
    tcase_add_test(t, an_m_step_with_feedback_refuses_it);
    tcase_add_loop_test(t, the_backup_contracts_and_its_value_is_the_bound, 0,
                        SETTINGS);
    tcase_add_loop_test(t, the_profile_is_the_least_value_of_the_policy, 0,
                        SETTINGS);
    tcase_add_loop_test(t, policy_iteration_and_value_iteration_agree, 0,
                        SETTINGS);
    tcase_add_loop_test(t, runs_are_quiet_and_their_columns_add_up, 0, RUNS);
    tcase_add_test(t, own_columns_are_means_over_the_occupancy);
    return t;
}

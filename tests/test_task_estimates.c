/* tests/test_task_estimates.c -- what the engine samples in control tasks, against
 * closed forms.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/suites.h"
#include "tests/task_stand_ins.h"

static double kl(void)
{
    const double p = stand_ins.p;

    return p * log(2 * p) + (1 - p) * log(2 * (1 - p));
}

/* ---- the bound ---- */

/* Of twenty runs the errors in units of their own estimate are standard normals: their
 * mean square is 1 +- 0.32, each is below 4. */
START_TEST(the_bound_is_exact_within_its_standard_error)
{
    double squares = 0;

    for (unsigned seed = 0; seed < 20; seed++) {
        case_setup c;
        elbo_row row;

        stand_in_reset();

        elbo_engine *e = stand_in_start(&c, &stand_in_text, seed);
        const double p = stand_ins.p;
        const double F = stand_in_return(0.9, 20, p - 0.5, 1. / 3, kl(), 0.3);

        case_ok(elbo_engine_iterate(e, &row));

        const double z = (row.elbo - F) / stand_in_column(e, &row, "elbo_se");

        ck_assert_double_lt(fabs(z), 4);
        ck_assert(row.elbo == row.parts.reward - row.parts.policy_kl);
        squares += z * z / 20;
        case_stop(&c, e);
    }
    ck_assert_double_gt(squares, 0.2);
    ck_assert_double_lt(squares, 2.2);
}
END_TEST

/* The KL alone has little noise: alpha KL sum_t gamma^t. */
START_TEST(the_policy_s_kl_is_discounted)
{
    case_setup c;
    elbo_row row;

    stand_in_reset();

    elbo_engine *e = stand_in_start(&c, &stand_in_text, 7);
    const double exact = 0.3 * kl() * (1 - pow(0.9, 20)) / (1 - 0.9);

    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_double_eq_tol(row.parts.policy_kl, exact, 0.05 * exact);
    case_stop(&c, e);
}
END_TEST

/* E KL(q || 1/K) of q ~ exp(z / b) over K draws z ~ N(0, 1). */
static double kl_of_four(double b)
{
    enum { K = 4, DRAWS = 200000 };
    elbo_rng rng = elbo_rng_stream(1, "test", 0);
    double mean = 0;

    for (int i = 0; i < DRAWS; i++) {
        double z[K], sum = 0, of_z = 0;

        elbo_rng_normals(&rng, z, K);
        for (int k = 0; k < K; k++) {
            sum += exp(z[k] / b);
            of_z += exp(z[k] / b) * z[k] / b;
        }
        mean += (of_z / sum - log(sum / K)) / DRAWS;
    }
    return mean;
}

/* Where V is a line, four successors are as far apart at each step, and their KL is that
 * of four normals: the charge times it, discounted. */
static const struct {
    const char *inference;
    double b, charge;
} tilts[] = {
    {"iterations=8 transition=tilt(0.5)",          0.5 / 0.9, 0.5      },
    {"iterations=8 transition=tilt(-0.5,kl=next)", 0.5,       -0.45    },
};

START_TEST(the_transitions_kl_is_discounted)
{
    const double tolerance = 0.03; /* 2000 courses of 20 steps: 0.7 % */
    case_text text = stand_in_text;
    case_setup c;
    elbo_row row;

    stand_in_reset();
    stand_ins.slope = 1.5;
    text.inference = tilts[_i].inference;
    text.control_common = "temperature=0.3 rollout_length=0 successors=4";
    text.evaluation = "episodes=10 rollouts=2000";

    elbo_engine *e = stand_in_start(&c, &text, 7);
    const double each = kl_of_four(tilts[_i].b / (stand_ins.slope * stand_ins.s));
    const double exact = tilts[_i].charge * each * (1 - pow(0.9, 20)) / (1 - 0.9);

    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_double_eq_tol(row.parts.transition_kl, exact, tolerance * fabs(exact));
    ck_assert_double_gt(each, 0.05);
    case_stop(&c, e);
}
END_TEST

/* Returns are undiscounted and of the policy as it is judged, in the world as in the
 * model. */
START_TEST(returns_are_undiscounted)
{
    case_text text = stand_in_text;
    case_setup c;
    elbo_row row;

    stand_in_reset();
    stand_ins.bias = 0.5;
    text.evaluation = "episodes=4000";

    elbo_engine *e = stand_in_start(&c, &text, 7);
    const double J = stand_in_return(1, 20, 0.5, 0.25, 0, 0);

    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_double_eq_tol(row.return_real, J, 4 * e->task->score.real.error);
    ck_assert_double_eq_tol(row.return_model, J + 20 * 0.5, 4 * e->task->score.model.error);
    case_stop(&c, e);
}
END_TEST

/* At temperature 0 the bound is of the judged policy, and has no KL. */
START_TEST(a_hard_policy_is_bounded_as_it_is_judged)
{
    case_text text = stand_in_text;
    case_setup c;
    elbo_row row;

    stand_in_reset();
    text.control_common = "temperature=0 rollout_length=0";

    elbo_engine *e = stand_in_start(&c, &text, 7);
    const double F = stand_in_return(0.9, 20, 0.5, 0.25, 0, 0);

    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_double_eq_tol(row.elbo, F, 4 * stand_in_column(e, &row, "elbo_se"));
    ck_assert(row.parts.policy_kl == 0);
    case_stop(&c, e);
}
END_TEST

/* ---- evaluations and training ---- */

/* The policy's bits, whatever is evaluated. */
START_TEST(evaluations_do_not_disturb_training)
{
    static const char *const how[] = {"episodes=5", "episodes=9 every=3",
                                      "episodes=0 rollouts=2", "episodes=5 every=4"};
    double p[4];
    float last[4];

    for (int k = 0; k < 4; k++) {
        case_text text = stand_in_text;
        case_setup c;
        elbo_row row;

        stand_in_reset();
        stand_ins.moves = true;
        text.evaluation = how[k];

        elbo_engine *e = stand_in_start(&c, &text, 7);

        for (int i = 0; i < 7; i++) case_ok(elbo_engine_iterate(e, &row));
        p[k] = stand_ins.p;
        last[k] = e->task->data.reward[7 * 25 - 1];
        case_stop(&c, e);
    }
    for (int k = 1; k < 4; k++) ck_assert(p[k] == p[0] && last[k] == last[0]);
    ck_assert(p[0] != 0.8);
}
END_TEST

/* What is evaluated at an iteration does not depend on what was before. */
START_TEST(an_evaluation_is_the_same_however_many_were_before)
{
    double J[2];

    for (int k = 0; k < 2; k++) {
        case_text text = stand_in_text;
        case_setup c;
        elbo_row row, before;

        stand_in_reset();
        text.evaluation = k ? "episodes=5 every=3" : "episodes=5";

        elbo_engine *e = stand_in_start(&c, &text, 7);

        case_ok(elbo_engine_iterate(e, &before));
        case_ok(elbo_engine_iterate(e, &row));
        ck_assert((row.return_real == before.return_real) == (k == 1));
        case_ok(elbo_engine_iterate(e, &row));
        J[k] = row.return_real;
        case_stop(&c, e);
    }
    ck_assert(J[0] == J[1]);
}
END_TEST

START_TEST(improvements_follow_the_steps)
{
    case_setup c;
    elbo_row row;

    stand_in_reset();

    elbo_engine *e = stand_in_start(&c, &stand_in_text, 7);

    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_uint_eq(stand_ins.updates, 12);
    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_uint_eq(stand_ins.updates, 25);
    ck_assert_double_eq(stand_in_column(e, &row, "real_share"), 0.05);
    case_stop(&c, e);
}
END_TEST

/* ---- flags ---- */

/* A model whose rewards come to be more than the world's, by a rise or a leap, is flagged
 * at its second evaluation, and not before; one that is off by as much as it was from the
 * first, or as before, is not. */
static const struct {
    double bias[6];
    bool flagged[6];
} leaving[] = {
    {{0, 0, 2, 4, 4, 0}, {false, false, false, true, true, false}  },
    {{0, 0, 4, 4, 4, 4}, {false, false, false, true, false, false} },
    {{4, 4, 4, 4, 4, 4}, {false, false, false, false, false, false}},
    {{4, 4, 0, 0, 9, 9}, {false, false, false, false, false, true} },
};

START_TEST(a_model_that_leaves_the_world_behind_is_flagged)
{
    const double *const bias = leaving[_i].bias;
    const bool *const flagged = leaving[_i].flagged;
    case_setup c;
    elbo_row row;

    stand_in_reset();

    elbo_engine *e = stand_in_start(&c, &stand_in_text, 7);

    for (int k = 0; k < 6; k++) {
        stand_ins.bias = bias[k];
        case_ok(elbo_engine_iterate(e, &row));
        ck_assert_int_eq(stand_in_column(e, &row, "exploited") > 0, flagged[k]);
        ck_assert_int_eq(strstr(row.warning, "leaves the real one") != NULL, flagged[k]);
    }
    case_stop(&c, e);
}
END_TEST

/* Values beyond max r / (1 - gamma), min r / (1 - gamma). */
START_TEST(a_critic_beyond_what_can_be_earned_is_flagged)
{
    static const double value[] = {-3, 400, -3, -500, NAN};
    static const bool flagged[] = {false, true, false, true, true};
    case_setup c;
    elbo_row row;

    stand_in_reset();

    elbo_engine *e = stand_in_start(&c, &stand_in_text, 7);

    for (int k = 0; k < 5; k++) {
        stand_ins.value = value[k];
        case_ok(elbo_engine_iterate(e, &row));
        ck_assert_int_eq(stand_in_column(e, &row, "diverging") > 0, flagged[k]);
        ck_assert_int_eq(strstr(row.warning, "diverges") != NULL, flagged[k]);
    }
    case_stop(&c, e);
}
END_TEST

/* ---- what is not finite ---- */

START_TEST(a_reward_that_is_no_number_stops_the_run)
{
    case_setup c;
    elbo_row row;

    stand_in_reset();

    elbo_engine *e = stand_in_start(&c, &stand_in_text, 7);

    case_ok(elbo_engine_iterate(e, &row));
    stand_ins.bias = NAN;
    case_fails(elbo_engine_iterate(e, &row), ELBO_ECHECK, "iteration 2: rollouts of the "
                                                          "model, member 0");
    stand_ins.bias = 0;
    stand_ins.c = NAN;
    case_fails(elbo_engine_iterate(e, &row), ELBO_ECHECK, "the world");
    case_stop(&c, e);
}
END_TEST

/* Where it shows first: as data are collected, in rollouts of the model, or, where data
 * are offline and none rolls out, in an evaluation. With what was finite before it. */
static const struct {
    const char *data, *rollouts, *place;
} lost_states[] = {
    {"mode=online policy=current steps=25", "rollout_length=2 rollout_batch=10",
     "the world: next observation[0] is nan at step "},
    {"mode=offline steps=25", "rollout_length=2 rollout_batch=10",
     "rollouts of the model, member 0: next observation[0] is nan at step 0 of "},
    {"mode=offline steps=25", "rollout_length=0", ": observation 0 of episode 0, step 0, "
                                                  "is nan after "},
};

START_TEST(a_state_that_is_no_number_stops_the_run)
{
    case_text text = stand_in_text;
    case_setup c;
    elbo_row row;
    char common[96];

    snprintf(common, sizeof common, "temperature=0.3 updates=0.5 %s",
             lost_states[_i].rollouts);
    text.control_common = common;
    text.data = lost_states[_i].data;
    stand_in_reset();

    elbo_engine *e = stand_in_start(&c, &text, 7);

    case_ok(elbo_engine_iterate(e, &row));
    stand_ins.a = NAN;
    case_fails(elbo_engine_iterate(e, &row), ELBO_ECHECK, lost_states[_i].place);
    ck_assert_msg(strstr(elbo_last_error()->text, "iteration 2")
                      && (_i == 2 || strstr(elbo_last_error()->text, "last finite")),
                  "%s", elbo_last_error()->text);
    case_stop(&c, e);
}
END_TEST

START_TEST(a_density_that_is_no_number_stops_the_run)
{
    case_setup c;
    elbo_row row;

    stand_in_reset();
    stand_ins.p = NAN;

    elbo_engine *e = stand_in_start(&c, &stand_in_text, 7);

    case_fails(elbo_engine_iterate(e, &row), ELBO_ECHECK, "is nan");
    case_stop(&c, e);
}
END_TEST

Suite *suite_task_estimates(void)
{
    Suite *s = suite_create("task_estimates");
    TCase *t = tcase_create("estimates");

    tcase_add_test(t, the_bound_is_exact_within_its_standard_error);
    tcase_add_test(t, the_policy_s_kl_is_discounted);
    tcase_add_loop_test(t, the_transitions_kl_is_discounted, 0, 2);
    tcase_add_test(t, returns_are_undiscounted);
    tcase_add_test(t, a_hard_policy_is_bounded_as_it_is_judged);
    tcase_add_test(t, evaluations_do_not_disturb_training);
    tcase_add_test(t, an_evaluation_is_the_same_however_many_were_before);
    tcase_add_test(t, improvements_follow_the_steps);
    tcase_add_loop_test(t, a_model_that_leaves_the_world_behind_is_flagged, 0,
                        sizeof leaving / sizeof *leaving);
    tcase_add_test(t, a_critic_beyond_what_can_be_earned_is_flagged);
    tcase_add_test(t, a_reward_that_is_no_number_stops_the_run);
    tcase_add_loop_test(t, a_state_that_is_no_number_stops_the_run, 0,
                        sizeof lost_states / sizeof *lost_states);
    tcase_add_test(t, a_density_that_is_no_number_stops_the_run);
    suite_add_tcase(s, t);
    return s;
}

/* tests/test_outer.c -- M-steps through the planner, from the text of an
 * experiment on.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/engine_state.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

/* clang-format off */
static const case_text settings[] = {
    {.inference = "likelihood=logpi+0.5*logp gradient=implicit"},
    {.inference = "likelihood=-0.5*sq(Q(s,a)-(r+gamma*Ed(V(next)))) "
                  "gradient=implicit(cg)"},
    {.model_own = "init_scale=0.7 reward=learned",
     .inference = "likelihood=-0.5*sq(Q(s,a)-(r+gamma*Ed(V(next))))+0.1*logp "
                  "gradient=implicit"},
    {.model_own = "init_scale=0.7 reward=learned",
     .inference = "likelihood=logpi+occupancy*V(s)+0.3*logp "
                  "gradient=implicit(adjoint) transition=tilt(1.7)"},
    {.model_own = "init_scale=0.7 reward=learned",
     .inference = "likelihood=Jcwpdis-0.1*sq(r-rhat)+0.2*logp gradient=implicit"},
    {.inference = "likelihood=J-0.3*Jmodel+0.2*logp gradient=implicit "
                  "transition=robust(0.1)"},
    {.model = "low_rank", .model_own = "rank=3",
     .inference = "likelihood=A(s,a)*logpi+0.2*E(V(y))*V(next) gradient=implicit "
                  "transition=robust(0.05,ball=tv)"},
    {.model = "low_rank", .model_own = "rank=2 reward=learned",
     .inference = "likelihood=logpi+J gradient=unroll(5)"},
    {.inference = "likelihood=logpi-sq(E(V(y))-V(next)) gradient=unroll(40) "
                  "transition=tilt(0.8,kl=next)"},
    {.inference = "likelihood=logpi+logp gradient=implicit feedback=0.4"},
    {.model_own = "init_scale=0.7 reward=learned",
     .inference = "likelihood=logpi+logp gradient=implicit feedback=0.4 "
                  "transition=tilt(1.3)"},
    {.model_own = "init_scale=0.7 reward=learned",
     .env_common = "discount=0.9 horizon=4",
     .inference = "likelihood=-0.5*sq(Q(s,a)-(r+gamma*Ed(V(next))))+logpi*J"
                  "-0.1*sq(r-rhat) gradient=implicit"},
    {.env_common = "discount=1 horizon=3",
     .inference = "likelihood=occupancy*V(next)-0.3*Jmodel+logpi(next,a) "
                  "gradient=implicit transition=tilt(1.7)"},
    {.model = "low_rank", .model_own = "rank=3",
     .env_common = "discount=0.9 horizon=5",
     .inference = "likelihood=A(s,a)*logpi+0.2*E(V(y))*V(next) "
                  "gradient=implicit transition=robust(0.1) feedback=0"},
    {.inference = "likelihood=logpi+logp gradient=implicit",
     .control_common = "temperature=0.4 tolerance=1e-13 sweeps=1000 "
                       "prior=previous"},
    {.inference = "likelihood=logpi+0.3*logp-0.1*Jmodel gradient=implicit",
     .control_common = "temperature=0.4 tolerance=1e-13 sweeps=1000 "
                       "reward=r-0.3*Var(V(y))+0.2*E(sq(V(y)))"},
    {.model_own = "init_scale=0.7 reward=learned",
     .inference = "likelihood=logpi-0.1*sq(r-rhat)+occupancy "
                  "gradient=unroll(6) transition=tilt(1.3)",
     .control_common = "temperature=0.4 reward=2*rhat-E(V(y))*rhat"},
    {.env_common = "discount=0.9 horizon=3",
     .model_own = "init_scale=0.7 reward=learned",
     .inference = "likelihood=logpi+J-sq(r-rhat) gradient=implicit feedback=0.3",
     .control_common = "temperature=0.4 reward=rhat-0.2*sq(rhat)"},
    {.env_common = "discount=0.9 horizon=3",
     .inference = "likelihood=logpi*V(s)+logp gradient=implicit feedback=0.3",
     .control_common = "temperature=0.4 prior=previous"},
    {.env_common = "discount=0.9 horizon=6",
     .inference = "likelihood=J+logp gradient=implicit feedback=0.3"},
};
/* clang-format on */

enum { SETTINGS = sizeof settings / sizeof *settings };

static case_text setting(int i)
{
    case_text text = settings[i];

    if (!text.model) text.model = "softmax";
    if (!text.model_own) text.model_own = "init_scale=0.7";
    if (!text.env_common) text.env_common = "discount=0.9";
    if (!text.control_common)
        text.control_common = "temperature=0.4 tolerance=1e-13 sweeps=1000";
    text.data = "steps=60";
    return text;
}

static elbo_mstep step_of(elbo_engine *e)
{
    return (elbo_mstep){.likelihood = e->set.likelihood,
                        .C = e->C,
                        .kappa = e->set.kappa,
                        .problem = &e->problem,
                        .post = &e->post,
                        .outer = e->outer};
}

static double value_at(elbo_engine *e, size_t j, double x)
{
    const elbo_mstep step = step_of(e);
    double value;

    e->belief.theta[j] = x;
    e->belief.model->update(&e->belief);
    case_ok(elbo_mstep_objective(&step, &e->belief, &value, NULL, e->ws));
    return value;
}

START_TEST(the_gradient_matches_differences_through_the_planner)
{
    const case_text text = setting(_i);
    case_engine x;
    elbo_row row;
    double value, scale = 0;

    case_engine_open(&x, &text);

    elbo_engine *const e = x.engine;
    elbo_belief *const b = &e->belief;
    const elbo_mstep step = step_of(e);
    double *const grad = elbo_arena_doubles(e->arena, b->n);
    elbo_rng rng = elbo_rng_stream(8, "test theta", 0);

    e->set.ascent.iterations = 1;
    case_ok(elbo_engine_iterate(e, &row));
    for (size_t j = 0; j < b->n; j++)
        b->theta[j] += 0.3 * (elbo_rng_uniform(&rng) - 0.5);
    b->model->update(b);
    case_ok(elbo_mstep_objective(&step, b, &value, grad, e->ws));
    ck_assert_uint_eq(e->outer->info.unconverged, 0);
    for (size_t j = 0; j < b->n; j++) scale = fmax(scale, fabs(grad[j]));
    ck_assert_double_gt(scale, 0.1);
    for (size_t j = 0; j < b->n; j += 1 + b->n / 17) {
        const double at = b->theta[j], h = 1e-3;
        const double slope =
            (value_at(e, j, at - 2 * h) - 8 * value_at(e, j, at - h)
             + 8 * value_at(e, j, at + h) - value_at(e, j, at + 2 * h))
            / (12 * h);

        value_at(e, j, at);
        ck_assert_double_eq_tol(grad[j], slope, 1e-6 * scale);
    }
    case_engine_close(&x);
}
END_TEST

/* The watchdog compares the outer objective across each M-step of these. */
START_TEST(runs_rise_until_they_end)
{
    const case_text text = setting(_i);
    case_engine x;
    elbo_row row;

    case_engine_open(&x, &text);
    x.engine->set.ascent.iterations = 8;
    ck_assert(x.engine->outer->potential);
    for (int i = 0; i < 4; i++) {
        case_ok(elbo_engine_iterate(x.engine, &row));
        ck_assert_double_ge(row.mstep.after, row.mstep.before);
        ck_assert_uint_eq(row.own.n,
                          1 + (strstr(text.inference, "robust") ? 2 : 0));
        ck_assert_double_eq(row.own.x[row.own.n - 1], 0);
    }
    case_engine_close(&x);
}
END_TEST

/* The plan's rewards move with theta, as the E-step's then do. */
START_TEST(rewards_of_theta_are_planned_at_each_theta)
{
    case_text text = setting(0);
    case_engine x;
    elbo_row row;
    double before[8];

    text.control_common = "temperature=0.4 tolerance=1e-13 "
                          "reward=r-0.3*Var(V(y))";
    case_engine_open(&x, &text);
    x.engine->set.ascent.iterations = 3;
    for (int k = 0; k < 3; k++) {
        const elbo_pattern *const pattern = x.engine->belief.mean.pattern;

        memcpy(before, x.engine->post.V, sizeof before);
        case_ok(elbo_engine_iterate(x.engine, &row));
        for (size_t i = 0; i < 21; i++) {
            double mean = 0, square = 0;

            for (size_t j = elbo_row_begin(pattern, i);
                 j < elbo_row_end(pattern, i); j++) {
                const double v = before[elbo_successor(pattern, i, j)];

                mean += x.engine->belief.mean.prob[j] * v;
                square += x.engine->belief.mean.prob[j] * v * v;
            }

            const double want =
                x.engine->truth.r[i] - 0.3 * (square - mean * mean);

            ck_assert_double_eq_tol(x.engine->returns.planned[i], want, 1e-11);
            ck_assert_double_eq_tol(x.engine->returns.r[i], want, 1e-11);
        }
        for (size_t s = 0; s < 7; s++)
            ck_assert_double_eq_tol(x.engine->outer->post.V[s],
                                    x.engine->post.V[s], 1e-9);
    }
    case_engine_close(&x);
}
END_TEST

/* The plan of the M-step is the one that the E-step then makes, from the policy
 * before it. */
START_TEST(a_previous_policy_is_the_prior_of_both)
{
    case_text text = setting(0);
    case_engine x;
    elbo_row row;

    text.control_common = "temperature=0.4 tolerance=1e-13 prior=previous";
    case_engine_open(&x, &text);
    x.engine->set.ascent.iterations = 3;
    for (int k = 0; k < 3; k++) {
        double V[8], Q[21], pi[21];

        memcpy(pi, x.engine->post.pi, sizeof pi);
        case_ok(elbo_engine_iterate(x.engine, &row));
        memset(V, 0, sizeof V);
        for (int sweep = 0; sweep < 400; sweep++) {
            elbo_backup_rows(&x.engine->problem.mdp, V, Q);
            for (size_t s = 0; s < 7; s++) {
                double sum = 0;

                for (size_t a = 0; a < 3; a++)
                    sum += pi[3 * s + a] * exp(Q[3 * s + a] / 0.4);
                V[s] = 0.4 * log(sum);
            }
        }
        for (size_t s = 0; s < 7; s++) {
            ck_assert_double_eq_tol(x.engine->post.V[s], V[s], 1e-9);
            ck_assert_double_eq_tol(x.engine->outer->post.V[s], V[s], 1e-9);
        }
    }
    case_engine_close(&x);
}
END_TEST

/* A drawn or cut gradient still moves theta, and never to the worse. */
START_TEST(approximate_gradients_run_unwatched)
{
    static const char *const routes[] = {
        "likelihood=logpi+0.5*logp gradient=implicit(identity)",
        "likelihood=logpi+0.5*logp gradient=implicit(neumann(4))",
        "likelihood=logpi+0.5*logp gradient=implicit(woodbury(2))",
        "likelihood=logp-0.5*Jmodel gradient=score(200)",
        "likelihood=logpi+0.5*logp gradient=implicit(cg(iterations=1))"};
    case_text text = setting(0);
    case_engine x;
    elbo_row row;

    text.inference = routes[_i];
    case_engine_open(&x, &text);
    ck_assert(x.engine->outer->potential == (_i == 4));
    case_ok(elbo_engine_iterate(x.engine, &row));
    ck_assert_double_gt(row.mstep.after, row.mstep.before);
    ck_assert((row.own.x[0] > 0) == (_i == 4));
    case_engine_close(&x);
}
END_TEST

START_TEST(a_target_under_stop_is_a_semi_gradient)
{
    case_text text = setting(0);
    case_engine x;
    elbo_row row;

    text.inference = "likelihood=-0.5*sq(Q(s,a)-(r+gamma*stop(V(next)))) "
                     "gradient=implicit m_step_iterations=5";
    case_engine_open(&x, &text);
    ck_assert(!x.engine->outer->potential);
    ck_assert_ptr_nonnull(
        strstr(elbo_setup_kind(&x.setup.setup), "semi-gradient"));
    case_ok(elbo_engine_iterate(x.engine, &row));
    case_engine_close(&x);
}
END_TEST

/* BM-IRL in small: actions of the world's own soft policy, and unvisited rows.
 */
START_TEST(imitation_through_the_planner_beats_the_model_alone)
{
    case_text text = setting(0);
    case_engine x;
    double fit[2];

    text.data = "steps=300 policy=optimal epsilon=0.2";
    for (int k = 0; k < 2; k++) {
        elbo_row row;

        text.inference = k ? "likelihood=logpi+logp gradient=implicit"
                           : "likelihood=logp gradient=stop";
        case_engine_open(&x, &text);
        for (int i = 0; i < 3; i++)
            case_ok(elbo_engine_iterate(x.engine, &row));
        fit[k] = 0;
        for (size_t i = 0; i < x.engine->data.n; i++)
            fit[k] +=
                log(x.engine->post
                        .pi[x.engine->data.s[i] * 3 + x.engine->data.a[i]]);
        case_engine_close(&x);
    }
    ck_assert_double_gt(fit[1], fit[0] + 20);
}
END_TEST

/* Plans of one M-step that noise was added to: Q apart from the solution's by normal
 * numbers, V and pi the soft maximum of what Q then is, other draws each time and
 * the same ones again. */
START_TEST(a_disturbed_plan_is_off_by_the_noise)
{
    enum { PLANS = 500, ROWS = 21 };
    case_text text = setting(0);
    double Q[ROWS], first[ROWS], sum = 0, squares = 0;
    case_engine x;

    text.inference = "likelihood=logpi+0.5*logp gradient=implicit(noise=0.25)";
    case_engine_open(&x, &text);

    elbo_outer *const o = x.engine->outer;
    const elbo_belief *const b = &x.engine->belief;

    ck_assert(!o->potential);
    o->route.noise = 0;
    case_ok(elbo_outer_plan(o, b, x.engine->ws));
    memcpy(Q, o->post.Q, sizeof Q);
    o->route.noise = 0.25;
    elbo_outer_begin(o, 7);
    for (int k = 0; k < PLANS; k++) {
        case_ok(elbo_outer_plan(o, b, x.engine->ws));
        if (k == 0) memcpy(first, o->post.Q, sizeof first);
        for (size_t i = 0; i < ROWS; i++) {
            const double off = o->post.Q[i] - Q[i];
            double mean = 0;

            sum += off;
            squares += off * off;
            for (size_t a = 0; a < 3; a++)
                mean += exp(o->post.Q[i / 3 * 3 + a] / 0.4) / 3;
            ck_assert_double_eq_tol(o->post.V[i / 3], 0.4 * log(mean), 1e-12);
            ck_assert_double_eq_tol(o->post.pi[i],
                                    exp(o->post.Q[i] / 0.4) / (3 * mean),
                                    1e-12);
        }
    }
    /* 10500 draws: four standard errors of their mean and variance */
    ck_assert_double_eq_tol(sum / (PLANS * ROWS), 0, 4 * 0.25 / 102);
    ck_assert_double_eq_tol(squares / (PLANS * ROWS), 0.0625,
                            4 * 0.0625 * sqrt(2) / 102);
    elbo_outer_begin(o, 7);
    case_ok(elbo_outer_plan(o, b, x.engine->ws));
    ck_assert_mem_eq(o->post.Q, first, sizeof first);
    case_engine_close(&x);
}
END_TEST

/* The policy that a solving control has in the true world, seen by a learner who
 * knows that world. */
START_TEST(an_expert_is_what_control_does_in_the_world)
{
    case_text text = {.model = "true",
                      .env_common = "discount=0.9",
                      .control_common = "temperature=0.4 tolerance=1e-13",
                      .data = "steps=500 policy=expert"};
    elbo_row row;
    case_engine x;
    double away;

    for (int k = 0; k < 2; k++) {
        case_open_small(&x.setup, &text);
        case_ok(elbo_values_parse(&x.setup.evaluation,
                                  k ? "expert_discount=0.5"
                                    : "expert_discount=0.9"));
        case_ok(elbo_engine_open(&x.setup.setup, 3, &x.engine));
        case_ok(elbo_engine_iterate(x.engine, &row));
        away = row.own.x[row.own.n - 1];
        if (k == 0) {
            ck_assert_double_eq_tol(away, 0, 1e-9);
            for (size_t i = 0; i < 21; i++)
                ck_assert_double_eq_tol(x.engine->behaviour.policy[i],
                                        x.engine->post.pi[i], 1e-9);
        }
        case_engine_close(&x);
    }
    ck_assert_double_gt(away, 1e-3);
}
END_TEST

/* The factor value(real): of the policy in the world, by sweeps. */
START_TEST(the_true_value_is_a_factor)
{
    case_text text = setting(0);
    elbo_row row;
    case_engine x;
    double V[8] = {0}, sum = 0;

    text.inference = "likelihood=-0.5*sq(V(s)-value(real,0.8,uniform,0,s)) "
                     "gradient=implicit data_scale=1";
    text.data = "source=population over=rows steps=21";
    case_engine_open(&x, &text);
    case_ok(elbo_engine_iterate(x.engine, &row));

    const elbo_mdp *const world = &x.engine->truth;

    for (int sweep = 0; sweep < 300; sweep++) {
        double next[8] = {0};

        for (size_t i = 0; i < 21; i++) {
            double Q = world->r[i];

            for (size_t k = elbo_row_begin(world->P.pattern, i);
                 k < elbo_row_end(world->P.pattern, i); k++)
                Q += 0.8 * world->P.prob[k]
                     * V[elbo_successor(world->P.pattern, i, k)];
            next[i / 3] += Q / 3;
        }
        memcpy(V, next, sizeof V);
    }
    for (size_t s = 0; s < 7; s++) {
        const double d = x.engine->post.V[s] - V[s];

        sum -= 0.5 * d * d / 7;
    }
    ck_assert_double_eq_tol(row.parts.likelihood, sum, 1e-9);
    case_engine_close(&x);
}
END_TEST

/* Adam's last theta, which is not the best one it saw. */
START_TEST(the_last_theta_of_adam_is_left_where_it_was)
{
    case_text text = setting(0);
    double value[2];

    for (int k = 0; k < 2; k++) {
        elbo_row row;
        case_engine x;

        text.inference =
            k ? "likelihood=logpi+0.5*logp gradient=implicit m_step=adam "
                "m_step_rate=1 m_step_iterations=7 m_step_keep=last"
              : "likelihood=logpi+0.5*logp gradient=implicit m_step=adam "
                "m_step_rate=1 m_step_iterations=7";
        case_engine_open(&x, &text);
        case_ok(elbo_engine_iterate(x.engine, &row));

        const elbo_mstep step = step_of(x.engine);

        case_ok(elbo_mstep_objective(&step, &x.engine->belief, &value[k], NULL,
                                     x.engine->ws));
        ck_assert_double_eq_tol(value[k], row.mstep.after,
                                1e-9 * fabs(value[k]));
        case_engine_close(&x);
    }
    ck_assert_double_lt(value[1], value[0] - 1e-3);
}
END_TEST

Suite *suite_outer(void)
{
    Suite *const s = suite_create("outer");
    TCase *const t = tcase_create("outer");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_gradient_matches_differences_through_the_planner,
                        0, SETTINGS);
    tcase_add_loop_test(t, runs_rise_until_they_end, 0, SETTINGS);
    tcase_add_test(t, a_previous_policy_is_the_prior_of_both);
    tcase_add_test(t, rewards_of_theta_are_planned_at_each_theta);
    tcase_add_loop_test(t, approximate_gradients_run_unwatched, 0, 5);
    tcase_add_test(t, a_target_under_stop_is_a_semi_gradient);
    tcase_add_test(t, imitation_through_the_planner_beats_the_model_alone);
    tcase_add_test(t, a_disturbed_plan_is_off_by_the_noise);
    tcase_add_test(t, an_expert_is_what_control_does_in_the_world);
    tcase_add_test(t, the_true_value_is_a_factor);
    tcase_add_test(t, the_last_theta_of_adam_is_left_where_it_was);
    suite_add_tcase(s, t);
    return s;
}

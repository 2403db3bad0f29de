/* tests/test_evidence.c -- what F is: exact evidences, and their order. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/engine_cases.h"
#include "tests/suites.h"

enum { WORLDS = 200, NS = 6, NA = 2 };

static const char *const law = "states=6 actions=2 branching=2 reward=action";

/* ---- undiscounted, with a horizon: F is the log evidence ---- */

/* The evidence of T more steps from s, over every trajectory. */
static double enumerate(const elbo_mdp *mdp, size_t s, size_t T)
{
    const elbo_pattern *pattern = mdp->P.pattern;
    double Z = 0;

    if (T == 0 || s == mdp->nS) return 1;
    for (size_t a = 0; a < mdp->nA; a++) {
        const size_t row = s * mdp->nA + a;

        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++)
            if (mdp->P.prob[i] > 0)
                Z += mdp->P.prob[i] * exp(mdp->r[row]) / (double)mdp->nA
                     * enumerate(mdp, elbo_successor(pattern, row, i), T - 1);
    }
    return Z;
}

START_TEST(F_is_the_log_evidence_of_each_start_state)
{
    for (unsigned world = 0; world < 20; world++) {
        case_problem c;
        elbo_arena *ws = elbo_arena_alloc(4096);
        elbo_posterior post;
        elbo_solve_info info;
        elbo_parts parts;
        double start[NS], rho[8 * NS * NA];

        case_garnet(&c, law, world, 1, 8);

        elbo_problem problem = case_control(&c, c.truth.P, "tilt(1)", 1);

        case_ok(elbo_posterior_init(&post, &problem, c.arena));
        case_ok(elbo_solve(&problem, &post, &info, ws));
        problem.mdp.mu = start;
        for (size_t s = 0; s < NS; s++) {
            const double evidence = log(enumerate(&c.truth, s, 8));

            for (size_t j = 0; j < NS; j++) start[j] = j == s;
            case_ok(elbo_bound_control(&problem, &post, &parts, rho, ws));
            ck_assert_double_eq_tol(elbo_parts_control(&parts), evidence,
                                    1e-12 * (1 + elbo_parts_scale(&parts)));
            ck_assert_double_eq_tol(post.V[s], evidence,
                                    1e-12 * (1 + fabs(evidence)));
        }
        elbo_arena_free(ws);
        case_garnet_close(&c);
    }
}
END_TEST

/* Any other (pi, q) is a lower bound, and clamping q = p is one. */
START_TEST(a_clamped_q_falls_short_of_the_evidence)
{
    case_problem c;
    elbo_arena *ws = elbo_arena_alloc(4096);
    elbo_posterior post;
    elbo_solve_info info;

    case_garnet(&c, law, 4, 1, 8);

    const elbo_problem problem = case_control(&c, c.truth.P, "model", 1);

    case_ok(elbo_posterior_init(&post, &problem, c.arena));
    case_ok(elbo_solve(&problem, &post, &info, ws));
    for (size_t s = 0; s < NS; s++)
        ck_assert_double_lt(post.V[s], log(enumerate(&c.truth, s, 8)) - 1e-3);
    elbo_arena_free(ws);
    case_garnet_close(&c);
}
END_TEST

/* ---- discounted: log E exp(sum gamma^t r) <= V_i <= V_ii <= log Z_stop ----
 */

/* Z(s,a) of the next step given the values of the successors. */
static double ahead(const elbo_mdp *mdp, size_t row, const double Z[])
{
    const elbo_pattern *pattern = mdp->P.pattern;
    double sum = 0;

    for (size_t i = elbo_row_begin(pattern, row);
         i < elbo_row_end(pattern, row); i++)
        sum += mdp->P.prob[i] * Z[elbo_successor(pattern, row, i)];
    return sum;
}

/* E exp(sum gamma^t r): back from step 400, where gamma^t r is below 1e-38. */
static void discounted_evidence(const elbo_mdp *mdp, double Z[NS + 1])
{
    double next[NS + 1];

    for (size_t s = 0; s <= NS; s++) Z[s] = 1;
    for (size_t t = 400; t-- > 0;) {
        const double discount = pow(mdp->gamma, (double)t);

        memcpy(next, Z, sizeof next);
        for (size_t s = 0; s < NS; s++) {
            Z[s] = 0;
            for (size_t a = 0; a < NA; a++)
                Z[s] += exp(discount * mdp->r[s * NA + a]) / NA
                        * ahead(mdp, s * NA + a, next);
        }
    }
}

/* Z = E e^r [(1 - gamma) + gamma P Z]. With r <= 0 it contracts by gamma. */
static void stopped_evidence(const elbo_mdp *mdp, double Z[NS + 1])
{
    double next[NS + 1];

    for (size_t s = 0; s <= NS; s++) Z[s] = 1;
    for (size_t k = 0; k < 400; k++) {
        memcpy(next, Z, sizeof next);
        for (size_t s = 0; s < NS; s++) {
            Z[s] = 0;
            for (size_t a = 0; a < NA; a++)
                Z[s] += exp(mdp->r[s * NA + a]) / NA
                        * (1 - mdp->gamma
                           + mdp->gamma * ahead(mdp, s * NA + a, next));
        }
    }
}

static void solved_value(case_problem *c, const char *transition, double V[])
{
    elbo_arena *ws = elbo_arena_alloc(4096);
    const elbo_problem problem = case_control(c, c->truth.P, transition, 1);
    elbo_posterior post;
    elbo_solve_info info;

    case_ok(elbo_posterior_init(&post, &problem, c->arena));
    case_ok(elbo_solve(&problem, &post, &info, ws));
    ck_assert(info.converged);
    memcpy(V, post.V, NS * sizeof *V);
    elbo_arena_free(ws);
}

START_TEST(discounted_values_stand_between_two_evidences)
{
    const double rounding = 1e-11;
    double widest = 0;

    for (unsigned world = 0; world < WORLDS; world++) {
        case_problem c;
        double low[NS + 1], high[NS + 1], step[NS], next[NS];
        double r[NS * NA], top = -HUGE_VAL;

        case_garnet(&c, law, world, 0.8, 0);
        for (size_t i = 0; i < NS * NA; i++) top = fmax(top, c.truth.r[i]);
        for (size_t i = 0; i < NS * NA; i++) r[i] = c.truth.r[i] - top;
        c.truth.r = r;
        discounted_evidence(&c.truth, low);
        stopped_evidence(&c.truth, high);
        solved_value(&c, "tilt(1,kl=step)", step);
        solved_value(&c, "tilt(1,kl=next)", next);
        for (size_t s = 0; s < NS; s++) {
            ck_assert_double_le(log(low[s]), step[s] + rounding);
            ck_assert_double_le(step[s], next[s] + rounding);
            ck_assert_double_le(next[s], log(high[s]) + rounding);
            widest = fmax(widest, log(high[s]) - log(low[s]));
        }
        case_garnet_close(&c);
    }
    ck_assert_double_gt(widest, 0.1); /* the order is not one of equals */
}
END_TEST

/* ---- every setting: the columns add up ---- */

/* clang-format off */
static const case_text settings[] = {
    {.model = "true"},
    {.model = "random", .inference = "transition=tilt(-2)"},
    {.control_common = "prior=previous temperature=0.3"},
    {.model = "softmax", .inference = "feedback=-1 m_step_iterations=20"},
    {.model = "softmax", .inference = "feedback=0.5 transition=tilt(2)"},
    {.inference = "feedback=1 transition=tilt(2,kl=next) weight=0.7"},
    {.control = "value_iteration", .env_common = "discount=0.9 horizon=5"},
    {.control = "policy_iteration", .inference = "transition=tilt(2)"},
    {.control = "policy_iteration", .inference = "transition=tilt(-2)"},
    {.inference = "transition=robust(0.1)"},
    {.control = "value_iteration", .inference = "transition=robust(0.2,tv)"},
    {.control = "psi_learning"},
    {.control_common = "temperature=inf"},
    {.control = "em_policy", .inference = "optimality=linear"},
    {.control = "em_policy", .inference = "optimality=linear feedback=1"},
    {.model = "true",
     .control = "em_policy",
     .inference = "optimality=linear"},
    {.data = "mode=online policy=current epsilon=0.1 steps=30"},
};
/* clang-format on */ enum { SETTINGS = sizeof settings / sizeof *settings };

static void open_setting(case_setup *c, const case_text *given, unsigned world)
{
    case_text text = *given;
    char own[200];

    snprintf(own, sizeof own, "%s reward_law=uniform instance=%u", law, world);
    text.env_own = own;
    if (!text.env_common) text.env_common = "discount=0.9";
    if (!text.data) text.data = "steps=60";
    case_open(c, &text);
}

static size_t column(const char *const *names, const char *name)
{
    size_t i = 0;

    while (names[i] && strcmp(names[i], name)) i++;
    ck_assert_msg(names[i] != NULL, "no column %s", name);
    return i;
}

static void check_columns(const elbo_engine *engine, const elbo_row *row)
{
    static const struct {
        const char *name;
        double sign;
    } terms[] = {
        {"reward_term",     1 },
        {"policy_kl",       -1},
        {"transition_kl",   -1},
        {"likelihood_term", 1 },
        {"prior_term",      1 },
        {"stop_kl",         -1},
    };
    const elbo_optimality optimality = elbo_engine_optimality(engine);
    const char *const *names = elbo_row_columns(optimality);
    const size_t n = optimality == ELBO_LINEAR ? 6 : 5;
    double x[20], sum = 0, scale = 0;

    elbo_row_values(row, optimality, x);
    for (size_t i = 0; i < n; i++) {
        const double term = x[column(names, terms[i].name)];

        sum += terms[i].sign * term;
        scale += fabs(term);
    }
    ck_assert_double_eq_tol(x[column(names, "elbo")], sum, 1e-12 * scale);
    ck_assert(x[column(names, "value_gap")]
              == x[column(names, "return_model")]
                     - x[column(names, "return_real")]);
}

START_TEST(columns_add_up_in_every_row)
{
    for (unsigned world = 0; world < 10; world++) {
        case_setup c;
        elbo_engine *engine;
        elbo_row row;

        open_setting(&c, &settings[_i], world);
        case_ok(elbo_engine_open(&c.setup, world, &engine));
        for (size_t k = 0; k < 4; k++) {
            case_ok(elbo_engine_iterate(engine, &row));
            check_columns(engine, &row);
        }
        elbo_engine_free(engine);
        case_close(&c);
    }
}
END_TEST

/* ---- linear rewards: elbo = log((1 - gamma) J) ---- */

/* J of the engine's policy in the world, rolled forward. */
static double rolled_return(const elbo_engine *engine, const elbo_kernel *P)
{
    const elbo_mdp *mdp = elbo_engine_truth(engine);
    const double *pi = elbo_engine_posterior(engine)->pi;
    double d[NS + 1], next[NS + 1], J = 0;

    memcpy(d, mdp->mu, NS * sizeof *d);
    for (size_t t = 0; t < 500; t++) {
        memset(next, 0, sizeof next);
        for (size_t row = 0; row < NS * NA; row++) {
            const double x = d[row / NA] * pi[row];

            J += x * mdp->r[row];
            for (size_t i = elbo_row_begin(P->pattern, row);
                 i < elbo_row_end(P->pattern, row); i++)
                next[elbo_successor(P->pattern, row, i)] +=
                    mdp->gamma * x * P->prob[i];
        }
        memcpy(d, next, NS * sizeof *d);
    }
    return J;
}

/* clang-format off */
static const case_text linear_settings[] = {
    {.model = "true",
     .control = "em_policy",
     .inference = "optimality=linear"},
    {.control = "em_policy", .inference = "optimality=linear feedback=1"},
};
/* clang-format on */

START_TEST(the_linear_bound_is_the_log_return_in_every_row)
{
    for (unsigned world = 0; world < 20; world++) {
        case_setup c;
        elbo_engine *engine;
        elbo_row row;

        open_setting(&c, &linear_settings[_i], world);
        case_ok(elbo_engine_open(&c.setup, world, &engine));
        for (size_t k = 0; k < 6; k++) {
            case_ok(elbo_engine_iterate(engine, &row));

            const elbo_belief *belief = elbo_engine_belief(engine);
            const double J = rolled_return(engine, &belief->geo);

            ck_assert_double_eq_tol(
                row.elbo - row.parts.likelihood - row.parts.prior, log(0.1 * J),
                1e-12 * (1 + elbo_parts_scale(&row.parts)));
            ck_assert_double_eq_tol(
                row.return_model, rolled_return(engine, &belief->mean), 1e-11);
            ck_assert_double_eq_tol(
                row.return_real,
                rolled_return(engine, &elbo_engine_truth(engine)->P), 1e-11);
        }
        elbo_engine_free(engine);
        case_close(&c);
    }
}
END_TEST

/* ---- the limit of many counts (Furmston and Barber 2010) ---- */

/* The policy after `rounds` of joint EM: N transitions a row as the world's law
 * says on average, expected counts added; N = 0: the world itself is the model.
 */
static void joint_em(unsigned world, double N, size_t rounds, double pi[])
{
    case_problem c;
    elbo_arena *ws = elbo_arena_alloc(4096);
    elbo_controller controller = {.control = elbo_control_find("em_policy")};
    elbo_values own;
    elbo_posterior post;
    elbo_mstep_info learnt;
    elbo_solve_info info;

    case_garnet(&c,
                "states=6 actions=2 branching=2 reward=action "
                "reward_law=uniform",
                world, 0.9, 0);

    elbo_belief belief = case_model(&c, N > 0 ? "tabular" : "true",
                                    N > 0 ? "support=world" : NULL);
    elbo_problem problem = case_control(&c, belief.geo, "model", 1);
    double *C = elbo_arena_doubles(c.arena, belief.mean.pattern->nnz);

    problem.optimality = ELBO_LINEAR;
    for (size_t i = 0; i < belief.mean.pattern->nnz; i++)
        C[i] = N * c.truth.P.prob[i];
    case_ok(elbo_values_init(&own, controller.control->options, c.arena));
    case_ok(elbo_posterior_init(&post, &problem, c.arena));
    case_ok(controller.control->open(&own, &problem, c.arena, &controller));

    const elbo_mstep step = {.likelihood = &elbo_likelihood_logp,
                             .C = C,
                             .kappa = 1,
                             .problem = &problem,
                             .post = &post};

    for (size_t k = 0; k < rounds; k++) {
        if (N > 0) case_ok(elbo_mstep_run(&step, &belief, &learnt, ws));
        case_ok(
            controller.control->estep(&controller, &problem, &post, &info, ws));
    }
    memcpy(pi, post.pi, NS * NA * sizeof *pi);
    elbo_arena_free(ws);
    case_garnet_close(&c);
}

static double distance(const double x[], const double y[])
{
    double most = 0;

    for (size_t i = 0; i < NS * NA; i++) most = fmax(most, fabs(x[i] - y[i]));
    return most;
}

START_TEST(many_counts_make_the_joint_EM_that_of_the_known_model)
{
    double few = 0;

    for (unsigned world = 0; world < 10; world++) {
        double known[NS * NA], sure[NS * NA], unsure[NS * NA];

        joint_em(world, 0, 6, known);
        joint_em(world, 1e9, 6, sure);
        joint_em(world, 3, 6, unsure);
        ck_assert_double_lt(distance(known, sure), 1e-6);
        few = fmax(few, distance(known, unsure));
    }
    ck_assert_double_gt(few, 1e-2); /* few counts do make a difference */
}
END_TEST

Suite *suite_evidence(void)
{
    Suite *suite = suite_create("evidence");
    TCase *t = tcase_create("evidence");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, F_is_the_log_evidence_of_each_start_state);
    tcase_add_test(t, a_clamped_q_falls_short_of_the_evidence);
    tcase_add_test(t, discounted_values_stand_between_two_evidences);
    tcase_add_loop_test(t, columns_add_up_in_every_row, 0, SETTINGS);
    tcase_add_loop_test(t, the_linear_bound_is_the_log_return_in_every_row, 0,
                        2);
    tcase_add_test(t, many_counts_make_the_joint_EM_that_of_the_known_model);
    suite_add_tcase(suite, t);
    return suite;
}

/* tests/test_likelihood.c -- the data term as an expression: from samples to a
 * batch, in the M-step, through the engine.
 */
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/engine_state.h"
#include "inference/evaluate.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

static const char itervaml[] = "likelihood=-0.5*sq(E(V(y))-V(next))";

static void iterate(case_engine *x, size_t n, elbo_row *row)
{
    for (size_t i = 0; i < n; i++) case_ok(elbo_engine_iterate(x->engine, row));
}

/* E V(y) of sample i's row. */
static double mean_V(const elbo_engine *e, size_t i)
{
    const elbo_pattern *pattern = e->belief.mean.pattern;
    const size_t row = e->data.s[i] * e->world.nA + e->data.a[i];
    double m = 0;

    for (size_t k = elbo_row_begin(pattern, row);
         k < elbo_row_end(pattern, row); k++)
        m +=
            e->belief.mean.prob[k] * e->post.V[elbo_successor(pattern, row, k)];
    return m;
}

static double next_V(const elbo_engine *e, size_t i)
{
    return e->data.terminal[i] ? 0 : e->post.V[e->data.next[i]];
}

/* clang-format off */
static const case_text runs[] = {
    {.model = "softmax", .inference = itervaml, .data = "steps=70"},
    {.model = "low_rank", .model_own = "rank=2", .inference = itervaml,
     .data = "steps=70"},
    {.model = "aliased", .model_own = "groups=3", .inference = itervaml,
     .data = "steps=70"},
    {.model = "softmax", .inference = itervaml,
     .data = "mode=online policy=current steps=15"},
    {.model = "true", .inference = itervaml, .data = "steps=70"},
};
/* clang-format on */
enum { RUNS = sizeof runs / sizeof *runs };

START_TEST(the_recorded_term_is_the_sum_over_samples)
{
    case_engine x;
    elbo_row row;

    case_engine_open(&x, &runs[_i]);
    for (int k = 0; k < 3; k++) {
        const elbo_engine *e = x.engine;
        double sum = 0;

        iterate(&x, 1, &row);
        for (size_t i = 0; i < e->data.n; i++)
            sum -= 0.5 * pow(mean_V(e, i) - next_V(e, i), 2);
        ck_assert_double_eq_tol(row.parts.likelihood, sum,
                                1e-12 * (1 + fabs(sum)));
    }
    case_engine_close(&x);
}
END_TEST

START_TEST(the_m_step_learns_the_values_of_the_data)
{
    case_engine x;
    elbo_row row;

    case_engine_open(&x, &runs[_i]);
    iterate(&x, 3, &row);
    if (x.engine->belief.n > 0) {
        ck_assert(!row.mstep.closed);
        ck_assert_double_gt(row.mstep.after, row.mstep.before);
    }
    case_engine_close(&x);
}
END_TEST

START_TEST(the_m_steps_gradient_is_that_of_differences)
{
    case_engine x;
    elbo_row row;
    double value, up, down;

    case_engine_open(&x, &runs[_i]);
    iterate(&x, 2, &row);

    elbo_engine *e = x.engine;
    const elbo_mstep step = {.likelihood = e->set.likelihood, .C = e->C};
    double *grad = elbo_arena_doubles(x.setup.arena, e->belief.n);

    /* away from the optimum, where all is flat */
    for (size_t j = 0; j < e->belief.n; j++)
        e->belief.theta[j] += 0.3 * sin(2.385 * (double)j);
    e->belief.model->update(&e->belief);
    case_ok(elbo_mstep_objective(&step, &e->belief, &value, grad, e->ws));
    for (size_t j = 0; j < e->belief.n; j++) {
        const double at = e->belief.theta[j], h = 1e-5;

        e->belief.theta[j] = at + h;
        e->belief.model->update(&e->belief);
        case_ok(elbo_mstep_objective(&step, &e->belief, &up, NULL, e->ws));
        e->belief.theta[j] = at - h;
        e->belief.model->update(&e->belief);
        case_ok(elbo_mstep_objective(&step, &e->belief, &down, NULL, e->ws));
        e->belief.theta[j] = at;
        ck_assert_double_eq_tol(grad[j], (up - down) / (2 * h),
                                1e-6 * (1 + fabs(grad[j]) + fabs(value)));
    }
    case_engine_close(&x);
}
END_TEST

/* The closed form and the language agree on logp: "0.5*(logp + logp)" is no
 * name, so it takes the long way. */
START_TEST(log_p_in_other_words_is_log_p)
{
    const case_text texts[] = {
        {.model = "softmax", .data = "steps=70"   },
        { .model = "softmax",
         .data = "steps=70",
         .inference = "likelihood=0.5*(logp+logp)"},
        { .model = "softmax",
         .data = "steps=70",
         .inference = "likelihood=(logp)"},
    };
    elbo_row row[3];

    for (int k = 0; k < 3; k++) {
        case_engine x;

        case_engine_open(&x, &texts[k]);
        ck_assert_int_eq(x.engine->set.likelihood == &elbo_likelihood_logp,
                         k != 1);
        iterate(&x, 2, &row[k]);
        case_engine_close(&x);
        /* at a gradient g of the search, their sum is within g^2 / (2 x the
         * prior's precision) of the maximum: 3e-10 at |g| = 70 x 1e-8 */
        ck_assert_double_eq_tol(row[k].parts.likelihood + row[k].parts.prior,
                                row[0].parts.likelihood + row[0].parts.prior,
                                1e-8);
    }
    ck_assert(row[2].elbo == row[0].elbo);
}
END_TEST

START_TEST(the_plan_is_that_of_the_recorded_policy)
{
    const case_text text = {
        .model = "softmax",
        .data = "steps=40",
        .inference = "weight=0.7 "
                     "likelihood=logp*occupancy+logpi+Jmodel-2*J+r*E(V(y))"};
    case_engine x;
    elbo_row row;

    case_engine_open(&x, &text);
    iterate(&x, 2, &row);

    const elbo_engine *e = x.engine;
    const elbo_chain chain = {
        .mdp = &e->truth, .pi = e->post.pi, .q = e->belief.mean};
    const size_t rows = e->post.nS * e->post.nA;
    double *rho = elbo_arena_doubles(x.setup.arena, rows), steps = 0, sum = 0;

    case_ok(elbo_occupancy(&chain, rho, e->ws));
    for (size_t i = 0; i < rows; i++) steps += rho[i];
    for (size_t i = 0; i < e->data.n; i++) {
        const size_t at = e->data.s[i] * e->world.nA + e->data.a[i];
        const size_t next = e->data.terminal[i] ? e->world.nS : e->data.next[i];
        const size_t entry = elbo_entry(e->belief.mean.pattern, at, next);

        sum += 0.7
               * (log(e->belief.mean.prob[entry]) * rho[at] / steps
                  + log(e->post.pi[at]) + row.return_model - 2 * row.return_real
                  + e->data.r[i] * mean_V(e, i));
    }
    ck_assert_double_eq_tol(row.parts.likelihood, sum, 1e-11 * (1 + fabs(sum)));
    case_engine_close(&x);
}
END_TEST

/* A hard policy gives some actions of the data probability 0. */
START_TEST(a_value_that_is_not_finite_stops_the_run_at_its_sample)
{
    const case_text text = {.model = "softmax",
                            .control = "value_iteration",
                            .data = "steps=40",
                            .inference = "likelihood=logp+logpi"};
    case_engine x;
    elbo_row row;

    case_engine_open(&x, &text);
    case_fails(elbo_engine_iterate(x.engine, &row), ELBO_ECHECK,
               "likelihood, sample ");
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "-inf"));
    case_engine_close(&x);
}
END_TEST

START_TEST(a_world_without_coordinates_is_told)
{
    const case_text text = {.model = "softmax",
                            .inference = "likelihood=logp-norm(E(y)-next)"};
    case_engine x;

    case_open_small(&x.setup, &text);
    case_fails(elbo_engine_open(&x.setup.setup, 3, &x.engine), ELBO_EINVAL,
               "coordinates");
    case_close(&x.setup);
}
END_TEST

START_TEST(a_world_with_coordinates_has_slopes)
{
    const case_text text = {
        .env = "gridworld",
        .env_own = "map=S..G/.#../.... slip=0.3 step_reward=-0.1",
        .model = "softmax",
        .control_common = "temperature=0.5",
        .env_common = "discount=0.9",
        .data = "steps=60",
        .inference =
            "likelihood=logp-0.5*sum(sq(stop(gradV(next))*(E(y)-next)))"};
    case_engine x;
    elbo_row row;
    double logp;

    case_engine_open(&x, &text);
    iterate(&x, 3, &row);
    case_ok(elbo_likelihood_logp.value(&x.engine->belief.mean, x.engine->C,
                                       &logp, NULL));
    ck_assert_double_lt(row.parts.likelihood, logp - 1e-3);
    case_engine_close(&x);
}
END_TEST

/* ---- samples to a batch ---- */

/* A garnet's true kernel, and 90 samples with two rewards each. */
typedef struct sampled {
    case_problem problem;
    elbo_data data;
} sampled;

static void sample(sampled *x)
{
    const elbo_pattern *pattern;
    unsigned seed = 77;

    case_garnet(&x->problem, "states=5 actions=2 branching=3", 1, 0.9, 0);
    pattern = x->problem.truth.P.pattern;
    case_ok(elbo_data_init(&x->data, 90, x->problem.arena));
    for (uint32_t i = 0; i < 90; i++) {
        const size_t row = (seed = seed * 1664525u + 1013904223u) % 10;
        const size_t entry = elbo_row_begin(pattern, row) + i % 2;
        const size_t next = elbo_successor(pattern, row, entry);

        x->data.s[i] = (uint32_t)(row / 2);
        x->data.a[i] = (uint32_t)(row % 2);
        x->data.terminal[i] = next == 5;
        x->data.next[i] = next == 5 ? 0 : (uint32_t)next;
        x->data.r[i] = i % 3 ? 2.385 : -0.77;
        x->data.w[i] = 0.1 + i % 7;
        x->data.n++;
    }
}

START_TEST(equal_samples_are_one_transition)
{
    sampled x;

    sample(&x);

    const elbo_kernel *P = &x.problem.truth.P;
    elbo_objective *o;
    double value, sum = 0;

    case_ok(elbo_objective_open("exp(r)*logp", &x.problem.world, &x.problem.truth,
                                P->pattern, 90, x.problem.arena, &o));
    case_ok(elbo_objective_value(o, P, &value, NULL));
    ck_assert(value == 0);
    case_ok(
        elbo_objective_data(o, P->pattern, &x.data, 0.385, x.problem.arena));
    case_ok(elbo_objective_value(o, P, &value, NULL));
    for (size_t i = 0; i < 90; i++) {
        const size_t next = x.data.terminal[i] ? 5 : x.data.next[i];
        const size_t row = x.data.s[i] * 2 + x.data.a[i];

        sum += 0.385 * x.data.w[i] * exp(x.data.r[i])
               * log(P->prob[elbo_entry(P->pattern, row, next)]);
    }
    ck_assert_double_eq_tol(value, sum, 1e-12 * fabs(sum));
    elbo_objective_close(o);
    case_garnet_close(&x.problem);
}
END_TEST

START_TEST(a_sample_outside_the_pattern_is_told)
{
    sampled x;
    elbo_objective *o;

    sample(&x);
    x.data.terminal[31] = 1;
    case_ok(elbo_objective_open("logp", &x.problem.world, &x.problem.truth,
                                x.problem.truth.P.pattern, 90,
                                x.problem.arena, &o));
    case_fails(elbo_objective_data(o, x.problem.truth.P.pattern, &x.data, 1,
                                   x.problem.arena),
               ELBO_EDATA, "sample 31");
    elbo_objective_close(o);
    elbo_objective_close(NULL);
    case_garnet_close(&x.problem);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    const case_text text = {
        .model = "softmax", .inference = itervaml, .data = "steps=20"};
    elbo_status s;
    case_setup c;
    long n = 0;

    case_open_small(&c, &text);
    do {
        elbo_engine *engine = NULL;
        elbo_row row;

        elbo_alloc_budget(n++);
        s = elbo_engine_open(&c.setup, 3, &engine);
        if (s == ELBO_OK) s = elbo_engine_iterate(engine, &row);
        elbo_alloc_budget(-1);
        elbo_engine_free(engine);
        ck_assert(s == ELBO_OK || s == ELBO_ENOMEM);
    } while (s != ELBO_OK);
    ck_assert_int_gt(n, 9);
    case_close(&c);
}
END_TEST

START_TEST(text_is_refused_with_its_place)
{
    static const struct {
        const char *text;
        size_t column;
        const char *part;
    } wrong[] = {
        {"logp+",             5, "operand"                    },
        {"logp+Epi(V(next))", 5, "Ed(...)"                    },
        {"logp*V(y)",         7, "y has a meaning only inside"},
        {"1+logq",            2, "unknown name logq"          },
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *nearest = NULL;
        size_t column = 99;

        case_fails(elbo_likelihood_check(wrong[i].text, &column, &nearest),
                   ELBO_EINVAL, wrong[i].part);
        ck_assert_uint_eq(column, wrong[i].column);
    }
    case_ok(
        elbo_likelihood_check("logp - 0.1*sq(E(V(y)) - V(next))", NULL, NULL));
    /* of networks alone */
    case_ok(elbo_likelihood_check("roll(2,V(y)*r)", NULL, NULL));

    elbo_arena *const arena = elbo_arena_alloc(1 << 12);
    elbo_expr *expr;
    size_t column = 99;

    case_fails(elbo_objective_parse_finite("roll(2,V(y)*r)", arena, &expr,
                                           &column, NULL),
               ELBO_EINVAL, "y alone");
    ck_assert_uint_eq(column, 0);
    elbo_arena_free(arena);
}
END_TEST

Suite *suite_likelihood(void)
{
    Suite *suite = suite_create("likelihood");
    TCase *t = tcase_create("likelihood");

    tcase_add_loop_test(t, the_recorded_term_is_the_sum_over_samples, 0, RUNS);
    tcase_add_loop_test(t, the_m_step_learns_the_values_of_the_data, 0, RUNS);
    tcase_add_loop_test(t, the_m_steps_gradient_is_that_of_differences, 0,
                        RUNS - 1);
    tcase_add_test(t, log_p_in_other_words_is_log_p);
    tcase_add_test(t, the_plan_is_that_of_the_recorded_policy);
    tcase_add_test(t, a_value_that_is_not_finite_stops_the_run_at_its_sample);
    tcase_add_test(t, a_world_without_coordinates_is_told);
    tcase_add_test(t, a_world_with_coordinates_has_slopes);
    tcase_add_test(t, equal_samples_are_one_transition);
    tcase_add_test(t, a_sample_outside_the_pattern_is_told);
    tcase_add_test(t, every_allocation_may_fail);
    tcase_add_test(t, text_is_refused_with_its_place);
    suite_add_tcase(suite, t);
    return suite;
}

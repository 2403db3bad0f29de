/* tests/test_network_policy.c -- Epi and roll in the language for networks. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/engine_cases.h"
#include "tests/policy_truths.h"
#include "tests/suites.h"

enum { CASES = POLICY_TRUTHS, EXACT = POLICY_EXACT };

static void open_lab(net_lab *l, uint64_t seed, size_t i, bool choices)
{
    size_t column;

    net_lab_set_up(l, seed);
    l->choices = choices;
    l->certain = policy_truths[i].certain;
    if (l->certain)
        for (size_t k = 0; k < NO; k++) l->theta[NZ * NO + k] = -800;
    case_ok(net_lab_compile(l, policy_truths[i].of.text, &column));
}

START_TEST(each_expression_in_closed_form_is_what_it_says)
{
    const policy_truth *const t = &policy_truths[_i];

    ck_assert(!t->of.sampled);
    for (int choices = t->choices_alone; choices < 2; choices++) {
        elbo_rng rng = elbo_rng_stream(1, "samples", 0);
        net_lab l;

        open_lab(&l, (uint64_t)_i, (size_t)_i, choices);
        network_is(&l, &t->of, &rng, 1e-10);
        net_lab_close(&l);
    }
}
END_TEST

START_TEST(each_expression_by_samples_is_unbiased)
{
    const policy_truth *const t = &policy_truths[_i];

    ck_assert(t->of.sampled);
    for (int choices = 0; choices < 2; choices++) {
        elbo_rng rng = elbo_rng_stream(7, "samples", (uint64_t)_i);
        net_lab l;

        open_lab(&l, 11, (size_t)_i, choices);
        network_is_on_average(&l, &t->of, &rng);
        net_lab_close(&l);
    }
}
END_TEST

/* Where the model hardly varies, and choices are all that does, samples leave no
 * doubt of the shares. */
START_TEST(samples_of_next_to_no_noise_are_the_mean_over_actions)
{
    const network_truth *const t = &policy_truths[_i].of;
    elbo_rng rng = elbo_rng_stream(7, "samples", (uint64_t)_i);
    size_t column;
    net_lab l;

    net_lab_set_up(&l, 11);
    l.choices = true;
    for (size_t k = 0; k < NO; k++) l.theta[NZ * NO + k] = -40;
    case_ok(net_lab_compile(&l, t->text, &column));
    network_is(&l, t, &rng, 1e-9);
    net_lab_close(&l);
}
END_TEST

START_TEST(each_derivative_is_the_difference_quotient)
{
    const double h = 1e-5;

    for (int choices = policy_truths[_i].choices_alone; choices < 2; choices++) {
        net_lab l;
        double gradient[NTHETA], value[ROWS], moved = 0, largest = 0;
        elbo_rng rng = elbo_rng_stream(3, "samples", 0);

        open_lab(&l, 20 + (uint64_t)_i, (size_t)_i, choices);
        net_lab_bind(&l, &rng);
        net_lab_values(&l, value);
        net_lab_gradient(&l, gradient);
        for (size_t j = 0; j < NTHETA; j++) {
            const double x = l.theta[j];
            double up[ROWS], down[ROWS], want = 0;

            l.theta[j] = x + h;
            net_lab_values(&l, up);
            l.theta[j] = x - h;
            net_lab_values(&l, down);
            l.theta[j] = x;
            for (size_t i = 0; i < ROWS; i++)
                want += (up[i] - down[i]) / (2 * h);
            moved = fmax(moved, fabs(want));
            ck_assert_msg(fabs(gradient[j] - want) <= 1e-6 * (1 + fabs(want)),
                          "%s, choices %d, %zu: %.10g, not %.10g",
                          policy_truths[_i].of.text, choices, j, gradient[j], want);
        }
        for (size_t i = 0; i < ROWS; i++) largest = fmax(largest, fabs(value[i]));
        if (l.expr->depends & ELBO_ON_THETA && largest > 0)
            ck_assert_double_gt(moved, 1e-3);
        net_lab_close(&l);
    }
}
END_TEST

/* One step ahead is E itself, draw by draw. */
START_TEST(one_step_ahead_is_the_mean_over_successors)
{
    static const char *const texts[] = {"sq(roll(1, V(y)) - r)",
                                        "sq(E(V(y)) - r)"};
    double got[2][ROWS];

    for (size_t k = 0; k < 2; k++) {
        net_lab l;
        elbo_rng rng = elbo_rng_stream(3, "samples", 0);
        size_t column;

        net_lab_set_up(&l, 5);
        case_ok(net_lab_compile(&l, texts[k], &column));
        net_lab_bind(&l, &rng);
        net_lab_values(&l, got[k]);
        net_lab_close(&l);
    }
    for (size_t i = 0; i < ROWS; i++) ck_assert(got[0][i] == got[1][i]);
}
END_TEST

START_TEST(what_a_control_or_model_does_not_tell_is_refused)
{
    static const struct {
        const char *text, *why;
        size_t column;
    } wrong[] = {
        {"logp + Epi(sum(a))", "policy is not told", 7},
        {"logp + roll(2, V(y))", "policy is not told", 7},
    };
    elbo_network_words words = elbo_network_all(true);
    elbo_arena *const arena = elbo_arena_alloc(1 << 12);
    elbo_expr *expr;
    size_t column;

    words.policy = false;
    for (size_t i = 0; i < 2; i++) {
        case_fails(elbo_network_parse(wrong[i].text, NULL, &words, arena, &expr,
                                      &column, NULL),
                   ELBO_EINVAL, wrong[i].why);
        ck_assert_uint_eq(column, wrong[i].column);
    }
    words = elbo_network_all(true);
    words.action_value = false;
    case_fails(elbo_network_parse("logp + Epi(Q(s, a))", NULL, &words, arena,
                                  &expr, &column, NULL),
               ELBO_EINVAL, "no value of an action");
    ck_assert_uint_eq(column, 11);
    words = elbo_network_all(true);
    words.steps = false;
    case_fails(elbo_network_parse("logp + roll(2, V(y))", NULL, &words, arena,
                                  &expr, &column, NULL),
               ELBO_EINVAL, "nothing of other rows");
    case_fails(elbo_network_parse("logp + Epi(E(V(y)))", NULL, &words, arena,
                                  &expr, &column, NULL),
               ELBO_EINVAL, "nothing of other actions");
    words = elbo_network_all(false);
    case_ok(elbo_network_parse("exp(A(s, a) - Epi(Q(s, a)))", NULL, &words,
                               arena, &expr, &column, NULL));
    case_fails(elbo_network_parse("1 + Epi(rhat)", NULL, &words, arena, &expr,
                                  &column, NULL),
               ELBO_EINVAL, "no member");
    elbo_arena_free(arena);
}
END_TEST

/* Four first states and three choices a step: 4 * 3^4 are 324, 3^5 are too many. */
START_TEST(so_many_paths_are_refused)
{
    static const char *const texts[] = {"1 + roll(5, V(y))",
                                        "1 + roll(6, V(y))"};

    for (size_t k = 0; k < 2; k++) {
        net_lab l;
        size_t column = 0;

        net_lab_set_up(&l, 5);
        l.choices = true;
        if (k == 0)
            case_ok(net_lab_compile(&l, texts[k], &column));
        else
            case_fails(net_lab_compile(&l, texts[k], &column), ELBO_EINVAL,
                       "too many paths");
        ck_assert_uint_eq(column, k == 0 ? 0 : 4);
        net_lab_close(&l);
    }
}
END_TEST

START_TEST(each_allocation_may_fail)
{
    net_lab l;
    elbo_status s = ELBO_ENOMEM;
    size_t column;
    long n = 0;

    while (s == ELBO_ENOMEM) {
        net_lab_set_up(&l, 1);
        l.choices = _i % 2;
        elbo_alloc_budget(n++);
        s = net_lab_compile(&l, policy_truths[_i].of.text, &column);
        elbo_alloc_budget(-1);
        net_lab_close(&l);
    }
    case_ok(s);
    ck_assert_int_gt(n, 4);
}
END_TEST

Suite *suite_network_policy(void)
{
    Suite *s = suite_create("network_policy");
    TCase *t = tcase_create("network_policy");

    tcase_add_loop_test(t, each_expression_in_closed_form_is_what_it_says, 0,
                        EXACT);
    tcase_add_loop_test(t, each_expression_by_samples_is_unbiased, EXACT,
                        CASES);
    tcase_add_loop_test(
        t, samples_of_next_to_no_noise_are_the_mean_over_actions, EXACT, CASES);
    tcase_add_loop_test(t, each_derivative_is_the_difference_quotient, 0,
                        CASES);
    tcase_add_test(t, one_step_ahead_is_the_mean_over_successors);
    tcase_add_test(t, what_a_control_or_model_does_not_tell_is_refused);
    tcase_add_test(t, so_many_paths_are_refused);
    tcase_add_loop_test(t, each_allocation_may_fail, 0, CASES);
    suite_add_tcase(s, t);
    return s;
}

#include <math.h>
#include <string.h>

#include "inference/likelihood.h"
#include "tests/model_cases.h"

static const tangle small = {7, 3, 5};

START_TEST(logp_is_the_sum_of_logarithms_with_its_gradient)
{
    model_case c;
    double value, expected = 0;

    model_case_open(&c, &model_case_tangle, &small, 0);
    model_case_belief(&c, "softmax", "init_scale=1.2");

    elbo_kernel *const p = &c.belief.mean;
    const size_t nnz = p->pattern->nnz;
    const double *const C = model_case_counts(&c, 4, 5);
    double *const G = elbo_arena_doubles(c.arena, nnz);

    for (size_t i = 0; i < nnz; i++) G[i] = 0.5;
    ck_assert_int_eq(elbo_likelihood_logp.value(p, C, &value, G), ELBO_OK);
    for (size_t i = 0; i < nnz; i++) {
        if (C[i] > 0) expected += C[i] * log(p->prob[i]);
        ck_assert_double_eq_tol(G[i] - 0.5, C[i] > 0 ? C[i] / p->prob[i] : 0,
                                1e-12 * (1 + G[i]));
    }
    ck_assert_double_eq_tol(value, expected, 1e-12 * fabs(expected));
    ck_assert(elbo_likelihood_logp.conjugate);
    model_case_close(&c);
}
END_TEST

START_TEST(logp_names_the_transition_that_cannot_be)
{
    model_case c;
    double value = 2.385;

    model_case_open(&c, &model_case_tangle, &small, 0);
    model_case_belief(&c, "softmax", "");

    double *const C = model_case_counts(&c, 1, 5);
    const size_t i = elbo_entry(c.belief.mean.pattern, 2 * 2 + 1, small.nS);

    C[i] = 3;
    c.belief.mean.prob[i] = 0;
    ck_assert_int_eq(
        elbo_likelihood_logp.value(&c.belief.mean, C, &value, NULL),
        ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text,
                                 "state 2, action 1, successor 7 (the end)"));
    ck_assert_double_eq(value, 2.385);
    model_case_close(&c);
}
END_TEST

START_TEST(likelihoods_are_found_by_name)
{
    const elbo_likelihood *found = NULL;
    const char *nearest = NULL;
    size_t column = 9;

    ck_assert_int_eq(elbo_likelihood_parse("logp", &found, NULL, NULL),
                     ELBO_OK);
    ck_assert_ptr_eq(found, &elbo_likelihood_logp);
    ck_assert_int_eq(elbo_likelihood_check("logq", &column, &nearest),
                     ELBO_EINVAL);
    ck_assert_uint_eq(column, 0);
    ck_assert_str_eq(nearest, "logp");
    ck_assert_int_eq(elbo_likelihood_check("", NULL, NULL), ELBO_EINVAL);
}
END_TEST

START_TEST(a_weight_is_an_expression_or_a_number_not_below_zero)
{
    static const char *const bad[] = {"",      "one", "-1", "inf",  "nan",
                                      "1e999", "2x",  "0x1", "next", "y"};
    elbo_weight w = {0};
    size_t column = 9;

    ck_assert_int_eq(elbo_weight_parse("2.385", &w, NULL, NULL), ELBO_OK);
    ck_assert(w.constant);
    ck_assert_double_eq(w.number, 2.385);
    ck_assert_int_eq(elbo_weight_parse("exp(V(next))", &w, NULL, NULL),
                     ELBO_OK);
    ck_assert(!w.constant && w.depends & ELBO_ON_PLANNER);
    ck_assert_int_eq(elbo_weight_check("0", NULL, NULL), ELBO_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(elbo_weight_check(bad[i], NULL, NULL) == ELBO_EINVAL,
                      "'%s'", bad[i]);
    ck_assert_int_eq(elbo_weight_parse("2.5x", &w, &column, NULL), ELBO_EINVAL);
    ck_assert_uint_eq(column, 3);
}
END_TEST

TCase *models_slots_case(void)
{
    TCase *const t = tcase_create("slots");

    tcase_add_test(t, logp_is_the_sum_of_logarithms_with_its_gradient);
    tcase_add_test(t, logp_names_the_transition_that_cannot_be);
    tcase_add_test(t, likelihoods_are_found_by_name);
    tcase_add_test(t, a_weight_is_an_expression_or_a_number_not_below_zero);
    return t;
}

/* tests/test_task_unroll.c -- derivatives of a data term through the critics' descent on
 * their equation, step by step.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/engine_cases.h"
#include "tests/equation_lab.h"
#include "tests/suites.h"

static const double step = 1e-5;

/* w, critic by critic, + k x [n_w] */
static void add_to_critics(const equation_lab *l, double k, const double x[])
{
    elbo_actor_critic *const s = l->b->critic;

    for (size_t c = 0; c < s->shape.critics; c++)
        for (size_t i = 0; i < s->critic[c].n; i++)
            s->value.now.critic[c][i] += k * *x++;
}

/* The objective at theta, the critics after k steps on L; they then stand as before. */
static double after_steps(const equation_lab *l, const double theta[], size_t k,
                          double eta)
{
    double x[EQUATION_MOST], total[EQUATION_MOST] = {0};

    for (size_t i = 0; i < k; i++) {
        equation_slope(l, theta, l->loss, x);
        add_to_critics(l, -eta, x);
        for (size_t j = 0; j < l->n_w; j++) total[j] += eta * x[j];
    }

    const double value = equation_run(l, theta, l->outer);

    add_to_critics(l, 1, total);
    return value;
}

/* The descent taken again at each theta, on a graph of its own. */
START_TEST(unrolled_is_the_derivative_through_the_steps)
{
    static const struct {
        size_t k;
        double eta;
    } cases[] = {{1, 0.4}, {3, 0.25}};
    const size_t group = (size_t)_i / EQUATION_CRITICS, text = group % 3 == 1,
                 seed = group / 3 % 2, k = cases[group / 6].k;
    const bool noisy = group % 3 == 2;
    const double eta = cases[group / 6].eta;
    equation_bench b;
    double direct[EQUATION_MOST], pulled[EQUATION_MOST], total[EQUATION_MOST];
    char gradient[64], model[256];

    snprintf(gradient, sizeof gradient, "unroll(%zu, %g)", k, eta);
    snprintf(model, sizeof model, "%s%s", noisy ? equation_noisy : equation_model,
             noisy ? " bounds=fixed" : "");
    equation_set_up(&b, (size_t)_i % EQUATION_CRITICS, gradient, model,
                    equation_texts[text]);

    /* what is learnt: bounds are not */
    const size_t n = elbo_mlp_size(&((const elbo_ensemble *)b.belief.self)->mlp);

    for (size_t j = 0; j < n; j++)
        b.theta[j] = (double)(float)(b.theta[j]
                                     + 0.3 * (double)seed * sin(1.7 * (double)j));
    equation_derive(&b, ELBO_F64, direct, pulled);
    for (size_t j = 0; j < n; j++) total[j] = direct[j] + pulled[j];

    equation_lab l = equation_open(&b, text);
    const double scale = equation_largest(n, total);

    ck_assert_uint_eq(elbo_task_objective_solved(b.objective).solves, 1);
    ck_assert_uint_eq(elbo_task_objective_solved(b.objective).unconverged, 0);
    ck_assert_double_ge(equation_largest(n, pulled), 1e-4);
    for (size_t j = 0; j < n; j++) {
        const double kept = b.theta[j];

        b.theta[j] = kept + step;

        const double above = after_steps(&l, b.theta, k, eta);

        b.theta[j] = kept - step;

        const double want = (above - after_steps(&l, b.theta, k, eta)) / (2 * step);

        b.theta[j] = kept;
        ck_assert_double_eq_tol(total[j], want, 1e-7 * scale);
    }
    elbo_tape_free(l.tape);
    equation_tear_down(&b);
}
END_TEST

Suite *suite_task_unroll(void)
{
    Suite *const s = suite_create("task_unroll");
    TCase *const t = tcase_create("task_unroll");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_loop_test(t, unrolled_is_the_derivative_through_the_steps, 0,
                        12 * EQUATION_CRITICS);
    suite_add_tcase(s, t);
    return s;
}

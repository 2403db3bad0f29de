/* tests/test_task_search.c -- gradient: search in control tasks, against worst
 * models that are known: tests/bent_world.h.
 */
#include <check.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "tests/bent_world.h"
#include "tests/suites.h"

/* A multiplier beneath which the worst model is near the fit, and one above
 * which it is far: a plan at the end of the box. */
static const struct {
    double c;
    const char *inference;
    double loss,
        J_off; /* of what is earned, at least; how exactly it is known */
} adversaries[] = {
    {1,
     "iterations=1 likelihood=logp-J "
     "gradient=search(evolution,400,step=0.05)",              0.002, 5e-4},
    {5,
     "iterations=1 likelihood=logp-5*J "
     "gradient=search(evolution,600,step=0.5)",               0.9,   0.03},
    {1,
     "iterations=1 likelihood=logp-J "
     "gradient=search(nelder_mead,300,step=0.1,over=output)", 0.002, 5e-4},
};

START_TEST(the_worst_model_that_its_likelihood_allows_is_found)
{
    const double c = adversaries[_i].c;
    const case_text text = bent_text(adversaries[_i].inference);
    case_setup setup;
    elbo_engine *const e = bent_open(&setup, &text, &bent_env, 5);
    double line[2], best[2];
    elbo_row row;

    case_ok(elbo_engine_iterate(e, &row));

    const bent_goal goal = {bent_sums_of(e, NULL), c, 1, 0};
    const double most = bent_goal_best(&goal, best);
    const double *const found = e->task->search->found; /* plans, l, l, J, J */

    bent_line(e, bent_start, line);
    /* what it maximised is what is known of the model that it found ... */
    ck_assert_double_eq_tol(found[4], bent_earned(bent_start, line[0], line[1]),
                            adversaries[_i].J_off);
    ck_assert_double_eq_tol(
        found[2], bent_mean_logp(&goal.sums, line[0], line[1]) - c * found[4],
        1e-4);
    ck_assert_double_eq_tol(row.parts.likelihood, goal.sums.n * found[2], 1e-3);
    /* ... which is the worst one; the fit was none of it */
    ck_assert_double_ge(found[2], most - c * adversaries[_i].J_off);
    ck_assert_double_eq_tol(found[4], bent_earned(bent_start, best[0], best[1]),
                            2 * adversaries[_i].J_off);
    ck_assert_double_lt(found[4], found[3] - adversaries[_i].loss);
    ck_assert_double_eq_tol(row.return_real, found[4], adversaries[_i].J_off);
    case_stop(&setup, e);
}
END_TEST

/* The same search for the best model: what a misfit costs is regained. */
START_TEST(with_a_plus_the_model_is_chosen_by_what_it_earns)
{
    const case_text text = bent_text(
        "iterations=1 likelihood=0.001*logp+J gradient=search(evolution,300)");
    case_setup setup;
    elbo_engine *const e = bent_open(&setup, &text, &bent_env, 5);
    elbo_row row;

    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_double_lt(e->task->search->found[3], -0.008);
    ck_assert_double_gt(e->task->search->found[4], -2e-4);
    ck_assert_double_gt(row.return_real, -5e-4);
    case_stop(&setup, e);
}
END_TEST

static case_text small_of(const char *inference)
{
    return (case_text){
        .env = "cartpole_continuous",
        .env_common = "horizon=8",
        .model = "ensemble",
        .model_own = "members=2 layers=1 width=6 epochs=3 batch=16",
        .control = "cem",
        .control_own = "horizon=4 population=12 iterations=2 particles=2",
        .inference = inference,
        .data = "mode=online policy=current episodes=1 initial=20",
        .evaluation = "episodes=2 rollouts=1",
    };
}

static const char small[] =
    "iterations=6 likelihood=logp-0.05*J "
    "gradient=search(evolution,9,step=0.05,over=output)";

START_TEST(a_search_resumes_to_the_same_bits)
{
    const case_text text = small_of(small);

    case_resumes(&text, 7);
}
END_TEST

START_TEST(a_search_has_the_same_bits_for_any_number_of_threads)
{
    const int threads = omp_get_max_threads();
    const case_text text = small_of(small);
    double x[3][ELBO_ROW_COLUMNS];
    size_t n = 0;

    for (int k = 0; k < 3; k++) {
        case_setup c;
        elbo_row row;

        omp_set_num_threads(1 << k);

        elbo_engine *const e = case_start(&c, &text, 7);

        for (int i = 0; i < 2; i++) case_ok(elbo_engine_iterate(e, &row));
        n = elbo_row_values(&row, ELBO_EXPONENTIAL, x[k]);
        case_stop(&c, e);
    }
    omp_set_num_threads(threads);
    ck_assert_mem_eq(x[0], x[1], n * sizeof(double));
    ck_assert_mem_eq(x[0], x[2], n * sizeof(double));
}
END_TEST

/* Before iteration `from` a run is the one without a search, bit for bit. */
START_TEST(a_search_may_come_after_fits)
{
    const case_text texts[] = {
        small_of("iterations=3"),
        small_of("iterations=3 likelihood=logp-9*J "
                 "gradient=search(evolution,40,step=0.01,from=3)")};
    double x[2][3];
    elbo_engine *e[2];
    case_setup c[2];
    elbo_row row;

    for (int k = 0; k < 2; k++) e[k] = case_start(&c[k], &texts[k], 3);
    for (int i = 0; i < 3; i++) {
        const elbo_ensemble *model[2];

        for (int k = 0; k < 2; k++) {
            case_ok(elbo_engine_iterate(e[k], &row));
            model[k] = e[k]->task->belief.self;
            x[k][i] = row.return_real;
        }
        const bool same = memcmp(elbo_ensemble_theta(model[0], 0),
                                 elbo_ensemble_theta(model[1], 0),
                                 model[0]->size * sizeof(float))
                          == 0;

        ck_assert_int_eq(same, i < 2);
        if (i < 2) ck_assert_double_eq(x[0][i], x[1][i]);
        ck_assert_double_eq(e[1]->task->search->found[0], i < 2 ? 0 : 40);
    }
    for (int k = 0; k < 2; k++) case_stop(&c[k], e[k]);
}
END_TEST

/* Over the output alone the layers below, and the bounds, stay as they were
 * fitted. */
START_TEST(only_the_output_layers_move)
{
    const case_text texts[] = {
        small_of("iterations=1 likelihood=logp-1e-9*J "
                 "gradient=search(evolution,1,over=output)"),
        small_of("iterations=1 likelihood=logp-9*J "
                 "gradient=search(evolution,60,step=0.5,over=output)")};
    const elbo_ensemble *model[2];
    elbo_engine *e[2];
    case_setup c[2];
    elbo_row row;

    for (int k = 0; k < 2; k++) {
        e[k] = case_start(&c[k], &texts[k], 3);
        case_ok(elbo_engine_iterate(e[k], &row));
        model[k] = e[k]->task->belief.self;
    }
    for (size_t m = 0; m < 2; m++) {
        const float *const x = elbo_ensemble_theta(model[0], m);
        const float *const y = elbo_ensemble_theta(model[1], m);
        const size_t first = (5 + 1) * 6, second = (6 + 1) * 8;

        ck_assert_mem_eq(x, y, first * sizeof *x);
        ck_assert_mem_ne(x + first, y + first, second * sizeof *x);
        ck_assert_mem_eq(x + first + second, y + first + second,
                         (model[0]->size - first - second) * sizeof *x);
    }
    ck_assert_double_gt(e[1]->task->search->found[2],
                        e[1]->task->search->found[1]);
    for (int k = 0; k < 2; k++) case_stop(&c[k], e[k]);
}
END_TEST

enum { WRONG = 7 };

START_TEST(what_cannot_be_searched_is_refused)
{
    static const struct {
        const char *inference, *control, *model, *key;
    } wrong[] = {
        {"likelihood=logp-J",                               "cem", "ensemble", "likelihood"},
        {"likelihood=-J gradient=search(evolution)",        "cem", "ensemble",
         "likelihood"                                                                      },
        {"likelihood=logp gradient=search(evolution)",      "cem", "ensemble",
         "gradient"                                                                        },
        {"likelihood=2*logp gradient=search(evolution)",    "cem", "ensemble",
         "gradient"                                                                        },
        {"likelihood=logp+V(s) gradient=search(evolution)", "sac", "ensemble",
         "gradient"                                                                        },
        {"weight=J",                                        "cem", "ensemble", "weight"    },
        {"likelihood=logp gradient=search(evolution)",      "cem", "true",
         "gradient"                                                                        },
    };
    _Static_assert(sizeof wrong / sizeof *wrong == WRONG, "each is tried");
    case_text text = small_of(wrong[_i].inference);

    text.model = wrong[_i].model;
    text.control = wrong[_i].control;
    text.control_own = NULL;
    if (strcmp(text.model, "true") == 0) text.model_own = NULL;
    case_refused(&text, "inference", wrong[_i].key);
}
END_TEST

START_TEST(a_posterior_without_a_point_is_told_at_the_start)
{
    case_text text = small_of("likelihood=logp-J gradient=search(evolution)");
    elbo_engine *engine;
    case_setup c;

    text.model_own =
        "members=2 layers=1 width=6 posterior=mean_field precision=1";
    case_open(&c, &text);
    case_fails(elbo_engine_open(&c.setup, 0, &engine), ELBO_EINVAL, "no point");
    case_close(&c);
    text.model_own = "members=2 layers=1 width=6";
    text.inference = "likelihood=logp-J gradient=search(gp)";
    case_open(&c, &text);
    case_fails(elbo_engine_open(&c.setup, 0, &engine), ELBO_EINVAL,
               "10 parameters at most");
    case_close(&c);
}
END_TEST

Suite *suite_task_search(void)
{
    enum { ADVERSARIES = sizeof adversaries / sizeof *adversaries };
    Suite *const s = suite_create("task_search");
    TCase *const t = tcase_create("task_search");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_worst_model_that_its_likelihood_allows_is_found,
                        0, ADVERSARIES);
    tcase_add_test(t, with_a_plus_the_model_is_chosen_by_what_it_earns);
    tcase_add_test(t, a_search_resumes_to_the_same_bits);
    tcase_add_test(t, a_search_has_the_same_bits_for_any_number_of_threads);
    tcase_add_test(t, a_search_may_come_after_fits);
    tcase_add_test(t, only_the_output_layers_move);
    tcase_add_loop_test(t, what_cannot_be_searched_is_refused, 0, WRONG);
    tcase_add_test(t, a_posterior_without_a_point_is_told_at_the_start);
    suite_add_tcase(s, t);
    return s;
}

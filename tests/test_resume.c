/* tests/test_resume.c -- the same bits after a resume, and for any number of
 * threads.
 */
#include <check.h>
#include <omp.h>
#include <string.h>
#include <unistd.h>

#include "tests/engine_cases.h"
#include "tests/suites.h"

static void expect_row(elbo_engine *engine, elbo_row *row)
{
    case_ok(elbo_engine_iterate(engine, row));
}

static bool same_row(const elbo_row *x, const elbo_row *y)
{
    double a[ELBO_ROW_COLUMNS], b[ELBO_ROW_COLUMNS];
    const size_t n = elbo_row_values(x, ELBO_LINEAR, a);

    elbo_row_values(y, ELBO_LINEAR, b);
    return memcmp(a, b, n * sizeof *a) == 0;
}

/* clang-format off */
static const case_text resumed[] = {
    {.data = "steps=60"},
    {.data = "mode=online policy=current steps=15 episode_steps=7"},
    {.data = "mode=online policy=optimal epsilon=0.2 steps=15"},
    {.data = "mode=online policy=random steps=15",
     .inference = "transition=tilt(2) weight=0.7"},
    {.model = "softmax", .inference = "feedback=1 m_step_iterations=10"},
    {.model = "low_rank",
     .model_own = "rank=2",
     .inference = "m_step_iterations=10",
     .data = "steps=60 mode=online"},
    {.model = "aliased",
     .model_own = "groups=3",
     .inference = "m_step_iterations=10",
     .data = "steps=60"},
    {.model = "softmax",
     .model_own = "init_scale=2 temperature=0.3",
     .inference = "m_step=adam m_step_iterations=10 "
                  "norm_bound=notebook(1.5,scale=0.3)",
     .data = "steps=15 mode=online"},
    {.model = "softmax",
     .inference = "m_step=spg m_step_iterations=10 norm_bound=joint(1.5)",
     .data = "steps=60"},
    {.model = "softmax",
     .model_own = "support=states reward=state",
     .control_common = "temperature=0.4",
     .inference = "likelihood=logpi+logp gradient=implicit m_step_iterations=9",
     .data = "mode=online policy=current steps=15"},
    {.model = "aliased",
     .model_own = "groups=3 prior_precision=0.1",
     .control_common = "temperature=0.4",
     .inference = "likelihood=metric(J)*logp m_step_iterations=9",
     .data = "mode=online steps=15"},
    {.model = "softmax",
     .inference = "likelihood=logp-0.1*fixed_pi(Jmodel) gradient=score(20) "
                  "m_step=adam m_step_iterations=5 m_step_keep=last",
     .data = "mode=online policy=current steps=15"},
    {.model = "low_rank",
     .model_own = "rank=2 reward=learned",
     .control_common = "temperature=0.4",
     .inference = "likelihood=logpi+J gradient=unroll(6) m_step_iterations=9",
     .data = "steps=60"},
    {.model = "candidates",
     .model_own = "members=world;random;swap(0,3,1,2) noise=0.1",
     .inference = "likelihood=-abs(E(V(y))-V(next))",
     .data = "mode=online policy=current expert=0.4 steps=15 episode_steps=4"},
    {.model = "gaussian",
     .env_common = "discount=0.9 horizon=4",
     .inference = "likelihood=brier transition=optimistic(0.7)",
     .data = "mode=online policy=current steps=9"},
    {.inference = "transition=free(ratio=classifier)",
     .data = "mode=online policy=current steps=15"},
    {.model = "softmax",
     .inference = "transition=free(ratio=clip(3)) m_step_iterations=10"},
    {.model = "aliased",
     .model_own = "groups=3",
     .control = "value_iteration",
     .inference = "transition=free(ratio=clip(5),mode=notebook)"},
    {.model = "softmax",
     .model_own = "support=world",
     .control_common = "reward=r-0.1*sqrt(Var(V(y)))",
     .inference = "feedback=-1 data_scale=budget(0.1) m_step_iterations=10",
     .data = "steps=60"},
    {.env_common = "horizon=4",
     .control_common = "return_weight=exp(logratio(classifier,2))",
     .data = "mode=online policy=current steps=15"},
    {.model = "softmax",
     .env_common = "discount=0.9 horizon=4",
     .control_common = "value=target target_rate=0.3",
     .inference = "likelihood=logp-sq(E(V_then(y))-V(next)) weight=exp(logpi) "
                  "m_step_iterations=5",
     .data = "mode=online policy=current steps=9"},
    {.model = "true", .control_common = "prior=previous"},
    {.model = "random",
     .data = "mode=online policy=current steps=15",
     .control_common = "prior=previous temperature=0.3"},
    {.control = "value_iteration",
     .env_common = "discount=0.9 horizon=4",
     .data = "mode=online policy=current steps=9"},
    {.control = "policy_iteration",
     .inference = "transition=tilt(-2)",
     .data = "mode=online policy=current steps=9"},
    {.control = "policy_iteration",
     .inference = "transition=robust(0.1)",
     .data = "mode=online policy=current steps=9"},
    {.env_common = "discount=0.9 horizon=4",
     .inference = "transition=robust(0.1,tv)",
     .data = "mode=online policy=current steps=9"},
    {.control = "psi_learning", .data = "mode=online steps=9"},
    {.control = "psi_learning",
     .env_common = "discount=0.9",
     .model = "true",
     .control_own = "rounds=2"},
    {.control = "em_policy", .inference = "optimality=linear feedback=1"},
    {.model = "softmax",
     .inference = "m_step_iterations=9 likelihood=-0.5*sq(E(V(y))-V(next))",
     .data = "mode=online policy=current steps=15"},
    {.model = "softmax",
     .inference = "m_step=adam m_step_iterations=3 "
                  "likelihood=usq(E(V_then(y),2)-V_target(next))*-1",
     .control_common = "value=target target_rate=0.3",
     .data = "mode=online policy=current steps=15"},
    {.inference = "feedback=1 transition=tilt(2,kl=next)",
     .env_common = "discount=0.9 horizon=4"},
};
/* clang-format on */

START_TEST(a_resumed_run_has_the_same_bits)
{
    char path[] = "/tmp/elbo-engine-XXXXXX";
    case_setup c;
    elbo_engine *whole, *first, *second;
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in = NULL;
    elbo_row x, y;

    case_file(path, "");
    case_open_small(&c, &resumed[_i]);
    case_ok(elbo_engine_open(&c.setup, 5, &whole));
    case_ok(elbo_engine_open(&c.setup, 5, &first));
    case_ok(elbo_engine_open(&c.setup, 5, &second));
    for (size_t k = 0; k < 3; k++) {
        expect_row(whole, &x);
        expect_row(first, &y);
        ck_assert(same_row(&x, &y));
    }
    elbo_engine_save(first, out);
    case_ok(elbo_writer_commit(out, path));
    case_ok(elbo_reader_open(path, &in));
    case_ok(elbo_engine_load(second, in));
    ck_assert_uint_eq(elbo_engine_iteration(second), 3);
    ck_assert_int_eq(elbo_engine_verdict(second), elbo_engine_verdict(first));
    for (size_t k = 0; k < 3; k++) {
        expect_row(whole, &x);
        expect_row(second, &y);
        ck_assert_msg(same_row(&x, &y), "row %zu differs: %.17g, %.17g", k + 4,
                      x.elbo, y.elbo);
    }
    elbo_reader_free(in);
    elbo_writer_free(out);
    unlink(path);
    elbo_engine_free(whole);
    elbo_engine_free(first);
    elbo_engine_free(second);
    case_close(&c);
}
END_TEST

START_TEST(a_checkpoint_of_another_experiment_does_not_fit)
{
    static const case_text others[] = {
        {.env_own = "states=6 actions=3", .data = "steps=50"},
        {.model = "softmax",              .data = "steps=20"},
        {.inference = "iterations=1",     .data = "steps=50"}
    };
    char path[] = "/tmp/elbo-engine-XXXXXX";
    case_setup c;
    elbo_engine *engine;
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in = NULL;
    elbo_row row;

    case_file(path, "");
    case_open_small(&c, &(case_text){.data = "steps=50"});
    case_ok(elbo_engine_open(&c.setup, 5, &engine));
    expect_row(engine, &row);
    expect_row(engine, &row);
    elbo_engine_save(engine, out);
    case_ok(elbo_writer_commit(out, path));
    case_ok(elbo_reader_open(path, &in));
    elbo_engine_free(engine);
    case_close(&c);
    for (size_t i = 0; i < 3; i++) {
        case_open_small(&c, &others[i]);
        case_ok(elbo_engine_open(&c.setup, 5, &engine));
        case_fails(elbo_engine_load(engine, in), ELBO_EDATA, "");
        elbo_engine_free(engine);
        case_close(&c);
    }
    elbo_reader_free(in);
    elbo_writer_free(out);
    unlink(path);
}
END_TEST

/* clang-format off */
static const case_text threaded[] = {
    {.inference = "feedback=1 transition=tilt(3)"},
    {.inference = "transition=robust(0.2)"},
    {.inference = "transition=robust(0.2,tv)"},
};
/* clang-format on */

START_TEST(rows_do_not_depend_on_the_number_of_threads)
{
    const int old = omp_get_max_threads();
    case_text text = threaded[_i];
    elbo_row row[2];

    text.env_own = "states=150 actions=4 branching=5 reward=action";
    text.env_common = "discount=0.9";
    text.data = "mode=online policy=current steps=200";
    for (int i = 0; i < 2; i++) {
        case_setup c;
        elbo_engine *engine;

        omp_set_num_threads(1 + i);
        case_open_small(&c, &text);
        case_ok(elbo_engine_open(&c.setup, 6, &engine));
        for (size_t k = 0; k < 3; k++) expect_row(engine, &row[i]);
        elbo_engine_free(engine);
        case_close(&c);
    }
    omp_set_num_threads(old);
    ck_assert(same_row(&row[0], &row[1]));
}
END_TEST

Suite *suite_resume(void)
{
    Suite *suite = suite_create("resume");
    TCase *t = tcase_create("resume");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_resumed_run_has_the_same_bits, 0,
                        (int)(sizeof resumed / sizeof *resumed));
    tcase_add_test(t, a_checkpoint_of_another_experiment_does_not_fit);
    tcase_add_loop_test(t, rows_do_not_depend_on_the_number_of_threads, 0,
                        (int)(sizeof threaded / sizeof *threaded));
    suite_add_tcase(suite, t);
    return suite;
}

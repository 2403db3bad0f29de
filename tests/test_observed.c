/* tests/test_observed.c -- the engine in observed worlds: what must rise, data of all
 * kinds, runs. */
#include <check.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "inference/core/alloc.h"
#include "tests/observed_cases.h"
#include "tests/suites.h"

/* ---- what must rise ---- */

static const case_text rising[] = {
    {.model_own = "states=2", .data = "steps=80 episode_steps=17"},
    {.env_own = "states=2 outputs=3 inputs=1 missing=0.3",
     .model_own = "states=3",
     .data = "steps=60 episode_steps=13"},
    {.env_own = "states=3 outputs=2 inputs=0",
     .model_own = "states=2 estimate=variational",
     .data = "steps=80 episode_steps=20"},
    {.env_own = "states=2 outputs=2 inputs=1 missing=0.4",
     .model_own = "states=2 estimate=variational prior_variance=3",
     .data = "steps=50 episode_steps=9"},
    {.env_own = "states=2 outputs=3 inputs=1 output_noise=1e-9",
     .model_own = "states=2 known=transition feedthrough=false",
     .data = "steps=60"},
    {.env_own = "states=2 outputs=2 inputs=1",
     .model_own = "states=2 known=start,emission estimate=variational",
     .data = "steps=60 episode_steps=31"},
    {.env_own = "states=2 outputs=2 inputs=2",
     .model_own = "states=3 feedthrough=false estimate=variational",
     .data = "steps=60 episode_steps=31"},
    {.env = "hmm",
     .env_own = "states=3 symbols=4 missing=0.2",
     .model_own = "states=3",
     .data = "steps=120 episode_steps=25"},
    {.env = "hmm",
     .env_own = "states=2 outputs=2 missing=0.1",
     .model_own = "states=4",
     .data = "steps=90 episode_steps=40"},
    {.env = "hmm",
     .env_own = "states=3 symbols=3",
     .model_own = "states=4 estimate=variational",
     .data = "steps=120 episode_steps=25"},
    {.env = "hmm",
     .env_own = "states=3 outputs=2",
     .model_own = "states=3 estimate=variational prior_count=0.3",
     .data = "steps=100"},
};

/* The watchdog stops a run that falls, and here F is compared again: 20 worlds a
 * setting, 220 in all. */
START_TEST(f_rises_and_its_parts_add_up)
{
    const size_t settings = sizeof rising / sizeof *rising;
    case_text text = rising[(size_t)_i % settings];
    case_setup c;
    elbo_row row;
    double F = -HUGE_VAL;

    text.inference = "iterations=15 tolerance=0";

    elbo_engine *engine =
        observed_open(&c, &text, (unsigned)((size_t)_i / settings));

    while (elbo_engine_verdict(engine) == ELBO_RUNNING) {
        case_ok(elbo_engine_iterate(engine, &row));
        ck_assert_double_ge(row.elbo,
                            F - 1e-10 * (fabs(F) + fabs(row.parts.prior)));
        ck_assert(row.elbo == row.parts.likelihood + row.parts.prior);
        ck_assert(row.parts.reward == 0 && row.parts.policy_kl == 0
                  && row.parts.transition_kl == 0);
        ck_assert(row.return_model == 0 && row.return_real == 0);
        F = row.elbo;
    }
    observed_close(&c, engine);
}
END_TEST

/* ---- degenerate data ---- */

static const struct {
    const char *what, *text;
    size_t floored, deficient; /* at least */
} degenerate[] = {
    {"a constant channel", "sequence,y1,y2\n"
                           "0,3,1\n0,3,0.5\n0,3,-0.7\n0,3,0.1\n0,3,2\n0,3,0.3\n",
     1, 0},
    {"collinear inputs", "sequence,y1,u1,u2\n"
                         "0,1,1,2\n0,0.5,-1,-2\n0,-0.2,3,6\n0,0.4,0,0\n0,1,2,4\n"
                         "0,0.9,1,2\n0,0.3,0.5,1\n0,-1,2,4\n",
     0, 1},
    {"fewer samples than states", "sequence,y1\n0,1\n0,2\n", 1, 0},
    {"sequences of one row", "sequence,y1,u1\n0,1,1\n1,2,1\n2,0.5,0\n", 0, 5},
    {"a channel never seen", "sequence,y1,y2\n0,1,\n0,2,nan\n0,1,NaN\n0,0,\n", 0, 0},
    {"nothing seen", "sequence,y1\n0,\n0,\n0,\n", 0, 0},
    {"one value, far away", "sequence,y1\n0,1e9\n0,\n0,1e9\n0,1e9\n", 1, 0},
};

START_TEST(degenerate_data_are_counted_and_never_nan)
{
    const size_t n = sizeof degenerate / sizeof *degenerate;
    const size_t i = (size_t)_i % n;
    char path[] = "/tmp/elbo-observed-XXXXXX", file[200];
    const bool vb = (size_t)_i >= n;
    size_t floored = 0, deficient = 0;
    case_setup c;
    elbo_row row;

    case_file(path, degenerate[i].text);
    snprintf(file, sizeof file, "!file=%s", strrchr(path, '/') + 1);

    elbo_engine *e = observed_open(
        &c,
        &(case_text){.env = "sequences",
                     .env_own = file,
                     .model = "lds",
                     .model_own = vb ? "states=3 estimate=variational" : "states=3",
                     .inference = "iterations=300 tolerance=0"},
        3);

    while (elbo_engine_verdict(e) == ELBO_RUNNING) {
        observed_iterate(e, &row, 1); /* a row with a value that is not finite fails */
        if (vb) continue;
        floored = row.own.x[0] > (double)floored ? (size_t)row.own.x[0] : floored;
        deficient =
            row.own.x[1] > (double)deficient ? (size_t)row.own.x[1] : deficient;
    }
    ck_assert_msg(vb || floored >= degenerate[i].floored, "%s: %zu floored",
                  degenerate[i].what, floored);
    ck_assert_msg(vb || deficient >= degenerate[i].deficient, "%s: %zu deficient",
                  degenerate[i].what, deficient);
    unlink(path);
    observed_close(&c, e);
}
END_TEST

/* ---- runs ---- */

static const case_text resumed[] = {
    {.env_own = "states=2 outputs=3 inputs=2 missing=0.2",
     .model_own = "states=3",
     .data = "steps=60 episode_steps=17",
     .evaluation = "held_out=0.2"},
    {.model_own = "states=3 estimate=variational",
     .data = "mode=online steps=30 episode_steps=10"},
    {.model_own = "states=2 known=emission",
     .data = "mode=online steps=23 episode_steps=10"},
    {.env = "hmm",
     .env_own = "states=3 symbols=4",
     .model_own = "states=3",
     .data = "mode=online steps=50 episode_steps=10"},
    {.env = "hmm",
     .env_own = "states=3 outputs=2",
     .model_own = "states=4 estimate=variational",
     .data = "steps=90 episode_steps=10"},
    {.env_common = "horizon=9",
     .control = "lqg",
     .model_own = "states=3 feedthrough=false",
     .data = "steps=50 mode=online policy=current epsilon=0.5"},
    {.env_common = "discount=0.9",
     .control = "lqg",
     .model_own = "states=2 feedthrough=false estimate=variational",
     .data = "steps=300 episode_steps=25 mode=online policy=current epsilon=0.5"},
    {.env_own = "states=2 outputs=3 missing=0.3",
     .env_common = "horizon=9",
     .control = "lqg",
     .model_own = "states=3 feedthrough=false",
     .data = "steps=60 mode=online policy=current epsilon=0.5"},
};

static void same_rows(const elbo_row *x, const elbo_row *y)
{
    double wx[ELBO_ROW_COLUMNS], wy[ELBO_ROW_COLUMNS];
    const size_t n = elbo_row_values(x, ELBO_EXPONENTIAL, wx);

    ck_assert_uint_eq(elbo_row_values(y, ELBO_EXPONENTIAL, wy), n);
    ck_assert(memcmp(wx, wy, n * sizeof *wx) == 0);
}

START_TEST(a_resumed_run_goes_on_to_the_same_bits)
{
    char path[] = "/tmp/elbo-observed-XXXXXX";
    case_setup a, b;
    elbo_engine *whole = observed_open(&a, &resumed[_i], 5);
    elbo_engine *half = observed_open(&b, &resumed[_i], 5);
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in;
    elbo_row x, y;

    case_file(path, "");
    observed_iterate(whole, &x, 5);
    observed_iterate(half, &y, 3);
    elbo_engine_save(half, out);
    case_ok(elbo_writer_commit(out, path));
    elbo_engine_free(half);
    case_ok(elbo_engine_open(&b.setup, 5, &half));
    case_ok(elbo_reader_open(path, &in));
    case_ok(elbo_engine_load(half, in));
    observed_iterate(half, &y, 2);
    same_rows(&x, &y);
    unlink(path);
    elbo_reader_free(in);
    elbo_writer_free(out);
    observed_close(&a, whole);
    observed_close(&b, half);
}
END_TEST

START_TEST(any_number_of_threads_gives_the_same_bits)
{
    case_text text = resumed[_i];
    const int threads = omp_get_max_threads();
    elbo_row x, y;
    case_setup a, b;

    omp_set_num_threads(1);

    elbo_engine *one = observed_open(&a, &text, 5);

    observed_iterate(one, &x, 4);
    omp_set_num_threads(3);

    elbo_engine *three = observed_open(&b, &text, 5);

    observed_iterate(three, &y, 4);
    omp_set_num_threads(threads);
    same_rows(&x, &y);
    observed_close(&a, one);
    observed_close(&b, three);
}
END_TEST

/* Every allocation fails once: what was opened is freed, and the failure is told. */
START_TEST(each_allocation_fails_once_and_is_told)
{
    case_setup c;
    elbo_engine *engine = observed_open(&c, &resumed[_i], 3);
    elbo_status s = ELBO_ENOMEM;
    elbo_row row;

    elbo_engine_free(engine);
    for (long n = 0; s == ELBO_ENOMEM && n < 3000; n++) {
        engine = NULL;
        elbo_alloc_budget(n);
        s = elbo_engine_open(&c.setup, 3, &engine);
        if (s == ELBO_OK) s = elbo_engine_iterate(engine, &row);
        elbo_alloc_budget(-1);
        elbo_engine_free(engine);
    }
    case_ok(s);
    case_close(&c);
}
END_TEST

/* A controller that lets the world run away earns minus infinity, and is told so. */
START_TEST(an_unstable_promise_is_refused_in_words)
{
    case_setup c;
    elbo_engine *e = observed_open(&c,
                                   &(case_text){.env_own = "A=1.3 B=1 C=1",
                                                .model = "random",
                                                .control = "lqg",
                                                .data = "steps=9"},
                                   5);
    elbo_row row;

    case_fails(elbo_engine_iterate(e, &row), ELBO_ECHECK,
               "return_real is -inf: the controller does not stabilise the world");
    observed_close(&c, e);
}
END_TEST

static const struct {
    const char *section, *key;
    case_text text;
} refused[] = {
    {"model",      "name",        {.model = "tabular"}                        },
    {"control",    "name",        {.control = "lqr"}                          },
    {"inference",  "weight",      {.inference = "weight=2"}                   },
    {"inference",  "likelihood",  {.inference = "likelihood=-0.5*sq(E(V(y))-V(next))"}},
    {"inference",  "transition",  {.inference = "transition=tilt(1)"}         },
    {"inference",  "feedback",    {.inference = "feedback=1"}                 },
    {"inference",  "data_scale",  {.inference = "data_scale=3"}               },
    {"control",    "temperature", {.control_common = "temperature=1"}         },
    {"data",       "policy",      {.data = "policy=current mode=online"}      },
    {"data",       "source",      {.data = "source=population"}               },
    {"data",       "file",        {.data = "source=file"}                     },
    {"evaluation", "nll",         {.evaluation = "nll=data"}                  },
};

START_TEST(settings_that_do_not_go_together_are_refused)
{
    case_text text = refused[_i].text;

    text.env = "lds";
    if (!text.model) text.model = "lds";
    if (!text.control) text.control = "none";
    case_refused(&text, refused[_i].section, refused[_i].key);
}
END_TEST

static const struct {
    const char *section, *part;
    case_text text;
} unfit[] = {
    {"model", "must be hmm", {.env = "hmm", .env_own = "symbols=3", .model = "lds"}},
    {"model", "which hmm does not read", {.env = "lds", .model = "hmm"}},
    {"model", "has 3 states, the model 2",
     {.env = "lds", .model = "lds", .model_own = "known=start states=2"}},
    {"env", "A must be square", {.env = "lds", .env_own = "A=1,2;3,4;5,6"}},
    {"control", "needs a world with costs", {.env = "hmm", .control = "lqg"}},
    {"control", "needs a world with costs",
     {.env = "lds", .env_own = "inputs=0", .control = "lqg"}},
    {"control", "feedthrough must be false", {.env = "lds", .control = "lqg"}},
    {"env", "sums to 0.9", {.env = "hmm", .env_own = "transition=0.5,0.4;0,1",
                            .model = "hmm"}},
};

START_TEST(parts_that_do_not_fit_say_why)
{
    case_text text = unfit[_i].text;
    const char *section;
    elbo_engine *engine;
    case_setup c;

    if (!text.control) text.control = "none";
    if (!text.model) text.model = text.env;
    case_open(&c, &text);
    case_fails(elbo_engine_open_parts(&c.setup, 1, &section, &engine), ELBO_EINVAL,
               unfit[_i].part);
    ck_assert_str_eq(section, unfit[_i].section);
    case_close(&c);
}
END_TEST

Suite *suite_observed(void)
{
    Suite *suite = suite_create("observed");
    TCase *tc = tcase_create("engine"), *data = tcase_create("data");
    TCase *runs = tcase_create("runs");
    const int degenerates = 2 * (int)(sizeof degenerate / sizeof *degenerate);

    tcase_add_loop_test(tc, f_rises_and_its_parts_add_up, 0, 220);
    suite_add_tcase(suite, tc);
    tcase_add_loop_test(data, degenerate_data_are_counted_and_never_nan, 0,
                        degenerates);
    suite_add_tcase(suite, data);
    tcase_add_loop_test(runs, a_resumed_run_goes_on_to_the_same_bits, 0,
                        sizeof resumed / sizeof *resumed);
    tcase_add_loop_test(runs, any_number_of_threads_gives_the_same_bits, 0,
                        sizeof resumed / sizeof *resumed);
    tcase_add_loop_test(runs, each_allocation_fails_once_and_is_told, 0,
                        sizeof resumed / sizeof *resumed);
    tcase_add_test(runs, an_unstable_promise_is_refused_in_words);
    tcase_add_loop_test(runs, settings_that_do_not_go_together_are_refused, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_loop_test(runs, parts_that_do_not_fit_say_why, 0,
                        sizeof unfit / sizeof *unfit);
    suite_add_tcase(suite, runs);
    return suite;
}

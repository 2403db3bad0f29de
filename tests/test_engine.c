#include <check.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inference/engine_state.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

static const char *const small =
    "states=7 actions=3 branching=3 reward=action reward_law=uniform";

static void open_case(case_setup *c, const case_text *given)
{
    case_text text = *given;

    if (!text.env && !text.env_own) text.env_own = small;
    case_open(c, &text);
}

static void expect_row(elbo_engine *engine, elbo_row *row)
{
    case_ok(elbo_engine_iterate(engine, row));
}

static bool same_row(const elbo_row *x, const elbo_row *y)
{
    double a[20], b[20];
    const size_t n = elbo_row_values(x, ELBO_LINEAR, a);

    elbo_row_values(y, ELBO_LINEAR, b);
    return memcmp(a, b, n * sizeof *a) == 0;
}

/* -- settings that do not go together
 * ------------------------------------------ */

static const struct {
    case_text text;
    const char *section, *key;
} clashes[] = {
    {{.env_common = "discount=0"},                                             "env",       "discount"   },
    {{.control = "em_policy"},                                                 "inference", "optimality" },
    {{.inference = "optimality=linear"},                                       "inference", "optimality" },
    {{.control = "em_policy",
      .inference = "optimality=linear transition=tilt(2)"},
     "inference",                                                                           "transition" },
    {{.control = "em_policy",
      .inference = "optimality=linear",
      .env_common = "horizon=5"},
     "env",                                                                                 "horizon"    },
    {{.control = "em_policy",
      .inference = "optimality=linear",
      .env_common = "discount=1"},
     "env",                                                                                 "discount"   },
    {{.control = "em_policy",
      .inference = "optimality=linear",
      .control_common = "temperature=0.5"},
     "control",                                                                             "temperature"},
    {{.control = "em_policy", .inference = "optimality=linear feedback=-0.5"},
     "inference",                                                                           "feedback"   },
    {{.control = "value_iteration", .control_common = "temperature=0.5"},
     "control",                                                                             "temperature"},
    {{.control = "value_iteration", .control_common = "prior=previous"},
     "control",                                                                             "prior"      },
    {{.control_common = "temperature=0 prior=previous"},                       "control",   "prior"      },
    {{.control = "psi_learning", .control_common = "temperature=0"},
     "control",                                                                             "prior"      },
    {{.control = "psi_learning", .control_common = "prior=uniform"},
     "control",                                                                             "prior"      },
    {{.control_common = "kl=step", .inference = "transition=tilt(2,kl=next)"},
     "control",                                                                             "kl"         },
    {{.control_common = "kl=next", .inference = "transition=tilt(2,kl=step)"},
     "control",                                                                             "kl"         },
    {{.inference = "feedback=1"},                                              "inference", "feedback"   },
    {{.inference = "feedback=-1"},                                             "inference", "feedback"   },
    {{.inference = "feedback=-1 transition=tilt(2)"},                          "inference", "feedback"   },
    {{.inference = "feedback=1 transition=tilt(-2)"},                          "inference", "feedback"   },
    {{.data = "source=file"},                                                  "data",      "file"       },
    {{.data = "source=file mode=online file=x.csv"},                           "data",      "mode"       },
    {{.data = "policy=current"},                                               "data",      "policy"     },
};
enum { CLASHES = sizeof clashes / sizeof *clashes };

START_TEST(a_clash_of_settings_names_the_one_to_blame)
{
    case_setup c;
    const char *section, *key;

    open_case(&c, &clashes[_i].text);
    ck_assert_int_eq(elbo_setup_check(&c.setup, 0, &section, &key),
                     ELBO_ECONFIG);
    ck_assert_str_eq(section, clashes[_i].section);
    ck_assert_str_eq(key, clashes[_i].key);
    case_ok(elbo_setup_check(&c.setup, 1, &section, &key));
    ck_assert(section == NULL && key == NULL);
    case_close(&c);
}
END_TEST

START_TEST(several_clashes_are_told_one_after_the_other)
{
    case_setup c;
    const char *section, *key;

    open_case(&c, &(case_text){.env_common = "horizon=5",
                               .control = "em_policy",
                               .control_common = "temperature=2",
                               .inference = "optimality=linear",
                               .data = "policy=current"});
    case_fails(elbo_setup_check(&c.setup, 0, &section, &key), ELBO_ECONFIG,
               "env.horizon: linear");
    case_fails(elbo_setup_check(&c.setup, 1, &section, &key), ELBO_ECONFIG,
               "control.temperature: linear");
    case_fails(elbo_setup_check(&c.setup, 2, &section, &key), ELBO_ECONFIG,
               "data.policy: current needs mode: online");
    case_ok(elbo_setup_check(&c.setup, 3, &section, &key));
    case_close(&c);
}
END_TEST

/* Right alone and in company. */
static const case_text sound[] = {
    {.model = "tabular"                          },
    {.control = "value_iteration",                 .control_common = "temperature=0"},
    {.control = "em_policy",                                            .inference = "optimality=linear feedback=1"},
    {.control_common = "kl=next",.inference = "transition=tilt(2)"},
    {.control_common = "kl=next",                  .inference = "transition=tilt(2,kl=next)"},
    {.model = "softmax",                                            .inference = "feedback=-1"},
    {.env_common = "discount=1"},
    {.data = "mode=online policy=current"                          },
    {.inference = "transition=tilt(-2)"                                           },
};

START_TEST(sound_settings_pass)
{
    case_setup c;
    const char *section, *key;

    open_case(&c, &sound[_i]);
    case_ok(elbo_setup_check(&c.setup, 0, &section, &key));
    case_close(&c);
}
END_TEST

static const struct {
    case_text text;
    const char *start;
} kinds[] = {
    {{.model = "true"},                                                     "bound, cut: F bounds the model's evidence"},
    {{.inference = "feedback=1 transition=tilt(2)"},
     "bound: F bounds the joint evidence"                                                                              },
    {{.inference = "feedback=0.5 transition=tilt(2)"},                      "bound, partly closed"                     },
    {{.inference = "transition=tilt(-2)"},                                  "robust value"                             },
    {{.control = "value_iteration"},                                        "value: at temperature 0"                  },
    {{.model = "softmax", .inference = "feedback=-1"},                      "adversarial"                              },
    {{.control = "em_policy", .inference = "optimality=linear"},
     "bound, cut: log((1 - gamma) J)"                                                                                  },
    {{.control = "em_policy", .inference = "optimality=linear feedback=1"},
     "bound on log((1 - gamma) J), linear rewards"                                                                     },
};

START_TEST(the_objective_says_what_it_is)
{
    case_setup c;

    open_case(&c, &kinds[_i].text);

    const char *kind = elbo_setup_kind(&c.setup);

    ck_assert_msg(strncmp(kind, kinds[_i].start, strlen(kinds[_i].start)) == 0,
                  "%s", kind);
    case_close(&c);
}
END_TEST

START_TEST(horizon_and_data_scale_take_words_or_numbers)
{
    elbo_arena *arena = elbo_arena_alloc(4096);
    elbo_values env, inference;

    case_ok(elbo_values_init(&env, elbo_env_options, arena));
    case_ok(elbo_values_init(&inference, elbo_inference_options, arena));
    case_ok(elbo_values_parse(&env, "horizon=none"));
    case_ok(elbo_values_parse(&env, "horizon=12"));
    case_ok(elbo_values_parse(&inference, "data_scale=|D|"));
    case_ok(elbo_values_parse(&inference, "data_scale=2.385"));
    case_fails(elbo_values_parse(&env, "horizon=0"), ELBO_EINVAL, "horizon");
    case_fails(elbo_values_parse(&env, "horizon=2.5"), ELBO_EINVAL, "horizon");
    case_fails(elbo_values_parse(&env, "horizon=12x"), ELBO_EINVAL, "horizon");
    case_fails(elbo_values_parse(&env, "horizon=-3"), ELBO_EINVAL, "horizon");
    case_fails(elbo_values_parse(&inference, "data_scale=0"), ELBO_EINVAL,
               "data_scale");
    case_fails(elbo_values_parse(&inference, "data_scale=D"), ELBO_EINVAL,
               "data_scale");
    case_fails(elbo_values_parse(&inference, "data_scale=inf"), ELBO_EINVAL,
               "data_scale");
    elbo_arena_free(arena);
}
END_TEST

/* -- rows
 * ---------------------------------------------------------------------- */

START_TEST(columns_stand_in_the_order_of_the_contract)
{
    static const char *const names[] = {
        "iteration",       "env_steps",  "elbo",
        "reward_term",     "policy_kl",  "transition_kl",
        "likelihood_term", "prior_term", "return_model",
        "return_real",     "value_gap",  "ess",
        "stop_kl"};
    const elbo_row row = {
        .iteration = 1,
        .env_steps = 2,
        .elbo = 3,
        .parts = {4, 5, 6, 13, 7, 8},
        .return_model = 9,
        .return_real = 10,
        .value_gap = 11,
        .ess = 12
    };
    double x[20];

    for (size_t i = 0; i < 13; i++)
        ck_assert_str_eq(elbo_row_columns(ELBO_LINEAR)[i], names[i]);
    ck_assert_ptr_null(elbo_row_columns(ELBO_LINEAR)[13]);
    for (size_t i = 0; i < 12; i++)
        ck_assert_str_eq(elbo_row_columns(ELBO_EXPONENTIAL)[i], names[i]);
    ck_assert_ptr_null(elbo_row_columns(ELBO_EXPONENTIAL)[12]);
    ck_assert_uint_eq(elbo_row_values(&row, ELBO_EXPONENTIAL, x), 12);
    ck_assert_uint_eq(elbo_row_values(&row, ELBO_LINEAR, x), 13);
    for (size_t i = 0; i < 13; i++) ck_assert(x[i] == (double)(i + 1));
}
END_TEST

/* The known world: the row is value iteration's, the gap is 0. */
START_TEST(a_known_model_promises_what_the_world_keeps)
{
    case_setup c;
    elbo_engine *engine;
    elbo_row row;

    open_case(&c, &(case_text){.model = "true",
                               .control = "value_iteration",
                               .data = "steps=50"});
    case_ok(elbo_engine_open(&c.setup, 3, &engine));
    expect_row(engine, &row);
    ck_assert_uint_eq(row.iteration, 1);
    ck_assert_uint_eq(row.env_steps, 50);
    ck_assert_double_eq_tol(row.ess, 50, 1e-12);
    ck_assert_double_eq_tol(row.value_gap, 0, 1e-10);
    ck_assert_double_eq_tol(row.return_model, row.parts.reward, 1e-10);
    ck_assert(row.parts.policy_kl == 0 && row.parts.transition_kl == 0);
    ck_assert(row.parts.prior == 0 && row.parts.likelihood < 0);
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

START_TEST(the_data_term_scales_by_weight_and_lambda)
{
    const case_text texts[] = {{.inference = "weight=0.5"},
                               {.inference = "data_scale=40"},
                               {.inference = "weight=0"}};
    elbo_row row[3];

    for (size_t i = 0; i < 3; i++) {
        case_setup c;
        case_text text = texts[i];
        elbo_engine *engine;

        text.data = "steps=80";
        open_case(&c, &text);
        case_ok(elbo_engine_open(&c.setup, 3, &engine));
        expect_row(engine, &row[i]);
        elbo_engine_free(engine);
        case_close(&c);
    }
    ck_assert_double_eq_tol(row[0].elbo, row[1].elbo, 1e-10);
    ck_assert_double_eq_tol(row[0].ess, 80, 1e-10);
    ck_assert(row[2].parts.likelihood == 0 && row[2].ess == 0);
    ck_assert_double_eq_tol(row[2].parts.prior, 0, 1e-12);
}
END_TEST

START_TEST(rows_that_end_for_sure_are_known)
{
    case_setup c;
    elbo_engine *engine;
    elbo_row row;
    size_t known = 0;

    open_case(&c, &(case_text){.env = "gridworld",
                               .env_own = "rows=3 cols=3 slip=0 "
                                          "goal_absorbing=true",
                               .data = "steps=30"});
    case_ok(elbo_engine_open(&c.setup, 3, &engine));
    expect_row(engine, &row);

    const elbo_kernel *mean = &engine->belief.mean;

    for (size_t i = 0; i < engine->world.nS * engine->world.nA; i++) {
        const size_t end = elbo_entry(mean->pattern, i, engine->world.nS);

        if (!engine->context.known[i]) continue;
        known++;
        ck_assert(end != (size_t)-1 && mean->prob[end] == 1);
    }
    ck_assert_uint_ge(known, 2); /* the two moves into the corner */
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

/* -- data
 * ---------------------------------------------------------------------- */

START_TEST(the_current_policy_collects_online)
{
    case_setup c;
    elbo_engine *engine;
    elbo_row row;
    double pi[21];

    open_case(&c, &(case_text){.control = "value_iteration",
                               .data = "mode=online policy=current steps=40"});
    case_ok(elbo_engine_open(&c.setup, 6, &engine));
    expect_row(engine, &row);
    for (size_t k = 1; k < 5; k++) {
        memcpy(pi, engine->post.pi, sizeof pi); /* one action a state */
        expect_row(engine, &row);
        ck_assert_uint_eq(row.env_steps, 40 * (k + 1));
        for (size_t i = 40 * k; i < engine->data.n; i++)
            ck_assert(pi[engine->data.s[i] * 3 + engine->data.a[i]] == 1);
    }
    ck_assert_int_eq(elbo_engine_verdict(engine), ELBO_RUNNING);
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

START_TEST(the_optimal_policy_collects_as_the_world_deserves)
{
    case_setup c;
    elbo_engine *engine, *known;
    elbo_row row;

    open_case(
        &c, &(case_text){.model = "random", .data = "policy=optimal steps=40"});
    case_ok(elbo_engine_open(&c.setup, 6, &engine));
    expect_row(engine, &row);

    case_setup v;

    open_case(&v, &(case_text){.model = "true", .control = "value_iteration"});
    case_ok(elbo_engine_open(&v.setup, 6, &known));
    expect_row(known, &row);
    for (size_t i = 0; i < 40; i++)
        ck_assert(known->post.pi[engine->data.s[i] * 3 + engine->data.a[i]]
                  == 1);
    elbo_engine_free(engine);
    elbo_engine_free(known);
    case_close(&c);
    case_close(&v);
}
END_TEST

START_TEST(the_random_policy_is_drawn_once_a_seed)
{
    case_setup c;
    elbo_engine *x, *y, *z;

    open_case(&c, &(case_text){.data = "policy=random"});
    case_ok(elbo_engine_open(&c.setup, 6, &x));
    case_ok(elbo_engine_open(&c.setup, 6, &y));
    case_ok(elbo_engine_open(&c.setup, 7, &z));

    const double *p = x->behaviour.policy;

    ck_assert(memcmp(p, y->behaviour.policy, 21 * sizeof *p) == 0);
    ck_assert(memcmp(p, z->behaviour.policy, 21 * sizeof *p) != 0);
    for (size_t s = 0; s < 7; s++)
        ck_assert_double_eq_tol(p[3 * s] + p[3 * s + 1] + p[3 * s + 2], 1,
                                1e-14);
    elbo_engine_free(x);
    elbo_engine_free(y);
    elbo_engine_free(z);
    case_close(&c);
}
END_TEST

static void write_file(char path[], const char *text)
{
    const int fd = mkstemp(path);

    ck_assert(fd >= 0);
    ck_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

START_TEST(data_come_from_a_file_in_the_folder)
{
    char path[] = "/tmp/elbo-engine-XXXXXX", data[80];
    case_setup c;
    elbo_engine *engine;
    elbo_row row;

    write_file(path, "state,action,reward,next_state,terminated\n"
                     "0,1,2.385,3,0\n0,1,2.385,3,0\n6,2,0,1,0\n");
    snprintf(data, sizeof data, "source=file file=%s", strrchr(path, '/') + 1);
    open_case(&c, &(case_text){.data = data});
    c.setup.folder = "/tmp";
    case_ok(elbo_engine_open(&c.setup, 6, &engine));
    expect_row(engine, &row);
    ck_assert_uint_eq(row.env_steps, 3);

    const elbo_kernel *mean = &engine->belief.mean;

    ck_assert_double_gt(mean->prob[elbo_entry(mean->pattern, 1, 3)], 0.6);
    elbo_engine_free(engine);
    case_close(&c);

    /* what a fixed model cannot do is bad data, with the sample's number */
    open_case(&c, &(case_text){.env_own = "states=7 actions=3 branching=1",
                               .model = "true",
                               .data = data});
    c.setup.folder = "/tmp";
    case_ok(elbo_engine_open(&c.setup, 6, &engine));
    case_fails(elbo_engine_iterate(engine, &row), ELBO_EDATA,
               "iteration 1: data: sample ");
    elbo_engine_free(engine);
    case_close(&c);
    unlink(path);
}
END_TEST

/* -- ends and failures
 * ---------------------------------------------------------- */

START_TEST(a_run_ends_converged_or_with_its_budget)
{
    case_setup c;
    elbo_engine *engine;
    elbo_row row;

    open_case(&c, &(case_text){.model = "true", .inference = "iterations=9"});
    case_ok(elbo_engine_open(&c.setup, 1, &engine));
    ck_assert_int_eq(elbo_engine_verdict(engine), ELBO_RUNNING);
    ck_assert_uint_eq(elbo_engine_budget(engine), 9);
    expect_row(engine, &row);
    ck_assert_int_eq(elbo_engine_verdict(engine), ELBO_RUNNING);
    expect_row(engine, &row);
    ck_assert_int_eq(elbo_engine_verdict(engine), ELBO_CONVERGED);
    elbo_engine_free(engine);
    case_close(&c);

    open_case(&c, &(case_text){.control_common = "prior=previous",
                               .inference = "iterations=3"});
    case_ok(elbo_engine_open(&c.setup, 1, &engine));
    for (size_t k = 0; k < 3; k++) {
        ck_assert_int_eq(elbo_engine_verdict(engine), ELBO_RUNNING);
        expect_row(engine, &row);
    }
    ck_assert_int_eq(elbo_engine_verdict(engine), ELBO_BUDGET);
    ck_assert_uint_eq(elbo_engine_iteration(engine), 3);
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

START_TEST(linear_optimality_refuses_rewards_below_zero)
{
    case_setup c;
    elbo_engine *engine = NULL;

    open_case(&c, &(case_text){.env_own = "states=7 actions=3 reward=action",
                               .control = "em_policy",
                               .inference = "optimality=linear"});
    case_fails(elbo_engine_open(&c.setup, 1, &engine), ELBO_EDATA, "state ");
    ck_assert_ptr_null(engine);
    case_close(&c);
}
END_TEST

START_TEST(a_log_of_nothing_stops_the_run)
{
    case_setup c;
    elbo_engine *engine;
    elbo_row row;

    open_case(&c, &(case_text){.env_own = "states=7 actions=3 sparsity=1",
                               .model = "true",
                               .control = "em_policy",
                               .inference = "optimality=linear"});
    case_ok(elbo_engine_open(&c.setup, 1, &engine));
    case_fails(elbo_engine_iterate(engine, &row), ELBO_ECHECK, "iteration 1: ");
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

START_TEST(a_world_without_end_cannot_go_undiscounted)
{
    case_setup c;
    elbo_engine *engine;
    elbo_row row;

    open_case(&c, &(case_text){.model = "true",
                               .env_common = "discount=1",
                               .control_common = "sweeps=20"});
    case_ok(elbo_engine_open(&c.setup, 1, &engine));
    case_fails(elbo_engine_iterate(engine, &row), ELBO_ESINGULAR,
               "iteration 1: ");
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

/* A control that promises to solve and walks downhill instead. */
static elbo_status fall(elbo_controller *controller,
                        const elbo_problem *problem, elbo_posterior *post,
                        elbo_solve_info *info, elbo_arena *ws)
{
    (void)controller;
    (void)ws;
    *info = (elbo_solve_info){.sweeps = 1, .converged = true};
    for (size_t s = 0; s < post->nS; s++) {
        const size_t nA = post->nA;
        size_t worst = 0;

        for (size_t a = 0; a < nA; a++) {
            post->pi[s * nA + a] = 0;
            if (problem->mdp.r[s * nA + a] < problem->mdp.r[s * nA + worst])
                worst = a;
        }
        post->pi[s * nA + worst] = 1;
    }
    return ELBO_OK;
}

static elbo_status open_faller(const elbo_values *options,
                               const elbo_problem *problem, elbo_arena *arena,
                               elbo_controller *out)
{
    (void)options;
    (void)problem;
    (void)arena;
    out->self = NULL;
    return ELBO_OK;
}

START_TEST(a_broken_promise_stops_the_run_and_names_the_step)
{
    static const elbo_control faller = {.name = "faller",
                                        .promise = ELBO_RISES,
                                        .open = open_faller,
                                        .estep = fall};
    elbo_control honest = faller;
    case_setup c;
    elbo_engine *engine;
    elbo_row row;

    open_case(&c, &(case_text){.model = "true"});
    c.setup.control = &faller;
    case_ok(elbo_engine_open(&c.setup, 1, &engine));
    case_fails(elbo_engine_iterate(engine, &row), ELBO_ECHECK,
               "iteration 1: E-step: F_control fell");
    elbo_engine_free(engine);

    honest.promise = ELBO_NO_PROMISE;
    c.setup.control = &honest;
    case_ok(elbo_engine_open(&c.setup, 1, &engine));
    expect_row(engine, &row);
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

/* -- resuming
 * ------------------------------------------------------------------- */

static const case_text resumed[] = {
    {.data = "steps=60"                                },
    {                                                         .data = "mode=online policy=current steps=15 episode_steps=7"                                                 },
    { .data = "mode=online policy=optimal epsilon=0.2 steps=15"      },
    {                                                                 .data = "mode=online policy=random steps=15",
     .inference = "transition=tilt(2) weight=0.7"},
    {            .model = "softmax",                                .inference = "feedback=1 m_step_iterations=10"},
    {                                                                                        .model = "low_rank",
     .model_own = "rank=2",
     .inference = "m_step_iterations=10",
     .data = "steps=60 mode=online"},
    {                                                                             .model = "aliased",
     .model_own = "groups=3",
     .inference = "m_step_iterations=10",
     .data = "steps=60"},
    {                                                                          .model = "true",                                                  .control_common = "prior=previous"},
    {                  .model = "random",
     .data = "mode=online policy=current steps=15",
     .control_common = "prior=previous temperature=0.3"},
    {                                                                        .control = "value_iteration",
     .env_common = "discount=0.9 horizon=4",
     .data = "mode=online policy=current steps=9"},
    {                                                         .control = "policy_iteration",
     .inference = "transition=tilt(-2)",
     .data = "mode=online policy=current steps=9"},
    {                                                                 .control = "psi_learning",                      .data = "mode=online steps=9"},
    {                                                                           .control = "psi_learning",
     .env_common = "discount=0.9",
     .model = "true",
     .control_own = "rounds=2"},
    {                 .control = "em_policy",                                                  .inference = "optimality=linear feedback=1"},
    {       .inference = "feedback=1 transition=tilt(2,kl=next)",
     .env_common = "discount=0.9 horizon=4"},
};

START_TEST(a_resumed_run_has_the_same_bits)
{
    char path[] = "/tmp/elbo-engine-XXXXXX";
    case_setup c;
    elbo_engine *whole, *first, *second;
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in = NULL;
    elbo_row x, y;

    write_file(path, "");
    open_case(&c, &resumed[_i]);
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

    write_file(path, "");
    open_case(&c, &(case_text){.data = "steps=50"});
    case_ok(elbo_engine_open(&c.setup, 5, &engine));
    expect_row(engine, &row);
    expect_row(engine, &row);
    elbo_engine_save(engine, out);
    case_ok(elbo_writer_commit(out, path));
    case_ok(elbo_reader_open(path, &in));
    elbo_engine_free(engine);
    case_close(&c);
    for (size_t i = 0; i < 3; i++) {
        open_case(&c, &others[i]);
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

START_TEST(rows_do_not_depend_on_the_number_of_threads)
{
    const int old = omp_get_max_threads();
    const case_text text = {
        .env_own = "states=150 actions=4 branching=5 reward=action",
        .env_common = "discount=0.9",
        .inference = "feedback=1 transition=tilt(3)",
        .data = "mode=online policy=current steps=200"};
    elbo_row row[2];

    for (int i = 0; i < 2; i++) {
        case_setup c;
        elbo_engine *engine;

        omp_set_num_threads(1 + i);
        open_case(&c, &text);
        case_ok(elbo_engine_open(&c.setup, 6, &engine));
        for (size_t k = 0; k < 3; k++) expect_row(engine, &row[i]);
        elbo_engine_free(engine);
        case_close(&c);
    }
    omp_set_num_threads(old);
    ck_assert(same_row(&row[0], &row[1]));
}
END_TEST

Suite *suite_engine(void)
{
    Suite *suite = suite_create("engine");
    TCase *t = tcase_create("engine");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_clash_of_settings_names_the_one_to_blame, 0,
                        CLASHES);
    tcase_add_test(t, several_clashes_are_told_one_after_the_other);
    tcase_add_loop_test(t, sound_settings_pass, 0,
                        (int)(sizeof sound / sizeof *sound));
    tcase_add_loop_test(t, the_objective_says_what_it_is, 0,
                        (int)(sizeof kinds / sizeof *kinds));
    tcase_add_test(t, horizon_and_data_scale_take_words_or_numbers);
    tcase_add_test(t, columns_stand_in_the_order_of_the_contract);
    tcase_add_test(t, a_known_model_promises_what_the_world_keeps);
    tcase_add_test(t, the_data_term_scales_by_weight_and_lambda);
    tcase_add_test(t, rows_that_end_for_sure_are_known);
    tcase_add_test(t, the_current_policy_collects_online);
    tcase_add_test(t, the_optimal_policy_collects_as_the_world_deserves);
    tcase_add_test(t, the_random_policy_is_drawn_once_a_seed);
    tcase_add_test(t, data_come_from_a_file_in_the_folder);
    tcase_add_test(t, a_run_ends_converged_or_with_its_budget);
    tcase_add_test(t, linear_optimality_refuses_rewards_below_zero);
    tcase_add_test(t, a_log_of_nothing_stops_the_run);
    tcase_add_test(t, a_world_without_end_cannot_go_undiscounted);
    tcase_add_test(t, a_broken_promise_stops_the_run_and_names_the_step);
    tcase_add_loop_test(t, a_resumed_run_has_the_same_bits, 0,
                        (int)(sizeof resumed / sizeof *resumed));
    tcase_add_test(t, a_checkpoint_of_another_experiment_does_not_fit);
    tcase_add_test(t, rows_do_not_depend_on_the_number_of_threads);
    suite_add_tcase(suite, t);
    return suite;
}

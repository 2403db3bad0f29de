#include <check.h>
#include <string.h>

#include "tests/engine_cases.h"
#include "tests/suites.h"

/* ---- settings that do not go together ---- */

/* clang-format off */
static const struct {
    case_text text;
    const char *section, *key;
} clashes[] = {
    {{.env_common = "discount=0"}, "env", "discount"},
    {{.control_common = "plan_rounds=2"}, "control", "plan_rounds"},
    {{.control_common = "prior_variance=1"}, "control", "prior_variance"},
    {{.data = "noise=2"}, "data", "noise"},
    {{.evaluation = "held_out=0.1"}, "evaluation", "held_out"},
    {{.control = "em_policy"}, "inference", "optimality"},
    {{.inference = "optimality=linear"}, "inference", "optimality"},
    {{.control = "em_policy",
      .inference = "optimality=linear transition=tilt(2)"},
     "inference", "transition"},
    {{.control = "em_policy",
      .inference = "optimality=linear",
      .env_common = "horizon=5"},
     "env", "horizon"},
    {{.control = "em_policy",
      .inference = "optimality=linear",
      .env_common = "discount=1"},
     "env", "discount"},
    {{.control = "em_policy",
      .inference = "optimality=linear",
      .control_common = "temperature=0.5"},
     "control", "temperature"},
    {{.control = "em_policy", .inference = "optimality=linear feedback=-0.5"},
     "inference", "feedback"},
    {{.control = "value_iteration", .control_common = "temperature=0.5"},
     "control", "temperature"},
    {{.control = "value_iteration", .control_common = "prior=previous"},
     "control", "prior"},
    {{.control_common = "temperature=0 prior=previous"}, "control", "prior"},
    {{.control = "psi_learning", .control_common = "temperature=0"},
     "control", "temperature"},
    {{.control = "psi_learning", .control_common = "temperature=inf"},
     "control", "temperature"},
    {{.control = "psi_learning", .control_common = "prior=uniform"},
     "control", "prior"},
    {{.control_common = "kl=step", .inference = "transition=tilt(2,kl=next)"},
     "control", "kl"},
    {{.control_common = "kl=next", .inference = "transition=tilt(2,kl=step)"},
     "control", "kl"},
    {{.inference = "feedback=1"}, "inference", "feedback"},
    {{.inference = "feedback=-1"}, "inference", "feedback"},
    {{.inference = "feedback=-1 transition=tilt(2)"}, "inference", "feedback"},
    {{.inference = "feedback=1 transition=tilt(-2)"}, "inference", "feedback"},
    {{.inference = "likelihood=-sq(E(V(y))-V(next))"},
     "inference", "likelihood"},
    {{.inference = "likelihood=logpi", .model = "softmax"},
     "inference", "likelihood"},
    {{.inference = "likelihood=r*stop(logp)", .model = "softmax"},
     "inference", "likelihood"},
    {{.inference = "likelihood=logp+stop(V(s))", .model = "softmax",
      .env_common = "horizon=5", .data = "source=file file=x.csv"},
     "data", "source"},
    {{.inference = "likelihood=logp-sq(roll(3,V(y)))", .model = "softmax",
      .env_common = "horizon=5"},
     "env", "horizon"},
    {{.inference = "likelihood=logp*V(s)", .model = "softmax",
      .env_common = "horizon=5", .control_common = "values=functions(2)"},
     "control", "values"},
    {{.inference = "likelihood=logpi gradient=unroll(5)", .model = "softmax",
      .env_common = "horizon=5"},
     "inference", "gradient"},
    {{.inference = "likelihood=logpi gradient=unroll(5,0.1)", .model = "softmax"},
     "inference", "gradient"},
    {{.inference = "likelihood=logp gradient=search(gp)", .model = "softmax"},
     "inference", "gradient"},
    {{.inference = "likelihood=J gradient=search(nelder_mead,over=output)",
      .model = "softmax"},
     "inference", "gradient"},
    {{.inference = "likelihood=J gradient=search(nelder_mead,from=2)",
      .model = "softmax"},
     "inference", "gradient"},
    {{.inference = "likelihood=J gradient=search(nelder_mead,episodes=2)",
      .model = "softmax"},
     "inference", "gradient"},
    {{.inference = "likelihood=J gradient=search(nelder_mead) "
                   "norm_bound=joint(1) m_step=spg",
      .model = "softmax"},
     "inference", "norm_bound"},
    {{.inference = "norm_bound=joint(1) m_step=spg"},
     "inference", "norm_bound"},
    {{.inference = "norm_bound=joint(1)", .model = "softmax"},
     "inference", "m_step"},
    {{.inference = "gradient=implicit", .model = "softmax"},
     "inference", "gradient"},
    {{.inference = "likelihood=logpi gradient=unroll(3) optimality=linear",
      .control = "em_policy", .model = "softmax"},
     "inference", "gradient"},
    {{.inference = "likelihood=logpi gradient=implicit",
      .control = "psi_learning", .model = "softmax"},
     "inference", "gradient"},
    {{.inference = "likelihood=logpi gradient=unroll(9)", .model = "softmax",
      .control = "psi_learning"},
     "inference", "gradient"},
    {{.inference = "likelihood=logpi gradient=implicit", .model = "softmax",
      .control_common = "return_weight=clip(exp(logratio),0,1)"},
     "inference", "gradient"},
    {{.inference = "likelihood=J gradient=implicit(identity)",
      .model = "softmax", .control_common = "temperature=0"},
     "inference", "gradient"},
    {{.inference = "likelihood=J gradient=implicit",
      .model = "softmax", .control = "policy_iteration"},
     "inference", "gradient"},
    {{.inference = "likelihood=logpi+Jmodel gradient=score(5)",
      .model = "softmax"},
     "inference", "gradient"},
    {{.inference = "likelihood=logpi gradient=implicit", .model = "tabular"},
     "inference", "likelihood"},
    {{.inference = "likelihood=logpi gradient=implicit(cg)",
      .model = "softmax", .env_common = "horizon=5"},
     "inference", "gradient"},
    {{.inference = "m_step_keep=last", .model = "softmax"},
     "inference", "m_step_keep"},
    {{.data = "source=file"}, "data", "file"},
    {{.data = "source=file mode=online file=x.csv"}, "data", "mode"},
    {{.data = "policy=current"}, "data", "policy"},
    {{.data = "source=file file=x.csv", .evaluation = "nll=data"},
     "evaluation", "nll"},
    {{.model = "gaussian", .evaluation = "nll=current",
      .inference = "likelihood=brier transition=optimistic(1)"},
     "evaluation", "nll"},
};
/* clang-format on */ enum { CLASHES = sizeof clashes / sizeof *clashes };

START_TEST(a_clash_of_settings_names_the_one_to_blame)
{
    case_setup c;
    const char *section, *key;

    case_open_small(&c, &clashes[_i].text);
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

    case_open_small(&c, &(case_text){.env_common = "horizon=5",
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
/* clang-format off */
static const case_text sound[] = {
    {.model = "tabular"},
    {.control = "value_iteration", .control_common = "temperature=0"},
    {.control = "em_policy", .inference = "optimality=linear feedback=1"},
    {.control_common = "kl=next", .inference = "transition=tilt(2)"},
    {.control_common = "kl=next", .inference = "transition=tilt(2,kl=next)"},
    {.model = "softmax", .inference = "feedback=-1"},
    {.model = "low_rank", .inference = "m_step=adam norm_bound=leaves(2)"},
    {.env_common = "discount=1"},
    {.data = "mode=online policy=current"},
    {.inference = "transition=tilt(-2)"},
    {.data = "source=file file=x.csv", .evaluation = "nll=current"},
    {.evaluation = "nll=data"},
};
/* clang-format on */

START_TEST(sound_settings_pass)
{
    case_setup c;
    const char *section, *key;

    case_open_small(&c, &sound[_i]);
    case_ok(elbo_setup_check(&c.setup, 0, &section, &key));
    case_close(&c);
}
END_TEST

/* clang-format off */
static const struct {
    case_text text;
    const char *start;
} kinds[] = {
    {{.model = "true"}, "bound, cut: F bounds the model's evidence"},
    {{.inference = "feedback=1 transition=tilt(2)"},
     "bound: F bounds the joint evidence"},
    {{.inference = "feedback=0.5 transition=tilt(2)"}, "bound, partly closed"},
    {{.inference = "transition=tilt(-2)"}, "robust value"},
    {{.control = "value_iteration"}, "value: at temperature 0"},
    {{.model = "softmax", .inference = "feedback=-1"}, "adversarial"},
    {{.model = "softmax", .inference = "likelihood=-sq(E(V(y))-V(next))"},
     "surrogate, calibrated"},
    {{.model = "softmax", .inference = "likelihood=logp-E(abs(V(y)-V(next)))"},
     "surrogate, uncalibrated"},
    {{.model = "softmax", .inference = "likelihood=logp*stop(logp)"},
     "semi-gradient"},
    {{.model = "softmax", .inference = "likelihood=logp+stop(V(s))"},
     "surrogate"},
    {{.control = "em_policy", .inference = "optimality=linear"},
     "bound, cut: log((1 - gamma) J)"},
    {{.control = "em_policy", .inference = "optimality=linear feedback=1"},
     "bound on log((1 - gamma) J), linear rewards"},
};
/* clang-format on */

START_TEST(the_objective_says_what_it_is)
{
    case_setup c;

    case_open_small(&c, &kinds[_i].text);

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

Suite *suite_settings(void)
{
    Suite *suite = suite_create("settings");
    TCase *t = tcase_create("settings");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_clash_of_settings_names_the_one_to_blame, 0,
                        CLASHES);
    tcase_add_test(t, several_clashes_are_told_one_after_the_other);
    tcase_add_loop_test(t, sound_settings_pass, 0,
                        (int)(sizeof sound / sizeof *sound));
    tcase_add_loop_test(t, the_objective_says_what_it_is, 0,
                        (int)(sizeof kinds / sizeof *kinds));
    tcase_add_test(t, horizon_and_data_scale_take_words_or_numbers);
    suite_add_tcase(suite, t);
    return suite;
}

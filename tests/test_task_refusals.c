/* tests/test_task_refusals.c -- what does not go together in control tasks, and which
 * setting is blamed for it.
 */
#include <check.h>
#include <string.h>

#include "inference/control.h"
#include "inference/task_control.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

static const case_text idle = {
    .env = "Pendulum-v1",
    .model = "true",
    .control = "none",
    .inference = "iterations=6",
    .data = "mode=online steps=40 initial=10 streams=5",
};

static const struct {
    const char *env_common, *control, *control_common, *inference, *data,
        *evaluation;
    const char *section, *key;
} wrong[] = {
    {.env_common = "discount=1", .control = "sac", .section = "env", .key = "discount"},
    {.control = "sac",
     .control_common = "temperature=inf",
     .section = "control",
     .key = "temperature"},
    {.control = "sac",
     .control_common = "rollout_length=1 real_ratio=1",
     .section = "control",
     .key = "real_ratio"},
    {.control = "sac",
     .data = "steps=0",
     .section = "data",
     .key = "steps"},
    {.control = "cem",
     .control_common = "rollout_length=1",
     .section = "control",
     .key = "rollout_length"},
    {.env_common = "discount=0", .section = "env", .key = "discount"},
    {.inference = "weight=V(next)", .section = "inference", .key = "weight"},
    {.inference = "likelihood=-0.5*sq(E(V(y))-V(next))",
     .section = "inference", .key = "likelihood"},
    {.inference = "data_scale=budget(1)", .section = "inference", .key = "data_scale"},
    {.inference = "gradient=unroll(3)", .section = "inference", .key = "gradient"},
    {.inference = "gradient=implicit", .section = "inference", .key = "gradient"},
    {.control = "sac", .control_common = "real_ratio=0",
     .inference = "gradient=implicit(identity)", .section = "inference",
     .key = "gradient"},
    {.control = "sac", .control_common = "real_ratio=0",
     .inference = "gradient=implicit(identity,noise=0.1) likelihood=logp+Q(s,a)",
     .section = "inference", .key = "gradient"},
    {.control = "sac", .control_common = "real_ratio=0",
     .inference = "gradient=unroll(3) likelihood=logp+Q(s,a)",
     .section = "inference", .key = "gradient"},
    {.control = "sac", .inference = "gradient=unroll(3,0.1) likelihood=logp+Q(s,a)",
     .section = "control", .key = "real_ratio"},
    {.control = "sac", .control_common = "real_ratio=0",
     .inference = "gradient=unroll(3,0.1) likelihood=logp+logpi",
     .section = "inference", .key = "likelihood"},
    {.control = "awr", .inference = "gradient=implicit(identity) likelihood=logp+V(s)",
     .section = "inference", .key = "gradient"},
    {.control = "sac", .inference = "gradient=implicit(cg) likelihood=logp+Q(s,a)",
     .section = "control", .key = "real_ratio"},
    {.control = "sac", .control_common = "real_ratio=0 rollout_length=0",
     .inference = "gradient=implicit(cg) likelihood=logp+Q(s,a)",
     .section = "control", .key = "rollout_length"},
    {.control = "sac", .control_common = "real_ratio=0",
     .inference = "gradient=implicit(cg) likelihood=logp+Q(s,a) transition=tilt(2)",
     .section = "inference", .key = "gradient"},
    {.control = "sac", .control_common = "real_ratio=0",
     .inference = "gradient=implicit(cg) likelihood=logp+logpi",
     .section = "inference", .key = "likelihood"},
    {.inference = "feedback=1", .section = "inference", .key = "feedback"},
    {.control_common = "temperature=1", .section = "control", .key = "temperature"},
    {.control_common = "rollout_length=2", .section = "control", .key = "rollout_length"},
    {.control_common = "updates=2", .section = "control", .key = "updates"},
    {.data = "mode=online steps=0", .section = "data", .key = "steps"},
    {.data = "policy=random", .section = "data", .key = "policy"},
    {.data = "policy=current", .section = "data", .key = "policy"},
    {.data = "steps=10 streams=3", .section = "data", .key = "steps"},
    {.data = "steps=10 initial=3 streams=5", .section = "data", .key = "initial"},
    {.data = "episodes=3", .section = "data", .key = "episodes"},
    {.data = "mode=online episodes=3 steps=10", .section = "data", .key = "steps"},
    {.data = "steps=0", .evaluation = "episodes=0", .section = "evaluation",
     .key = "episodes"},
};

START_TEST(contradictions_are_blamed)
{
    case_text text = idle;

    text.env_common = wrong[_i].env_common;
    text.control_common = wrong[_i].control_common;
    if (wrong[_i].control) text.control = wrong[_i].control;
    if (wrong[_i].inference) text.inference = wrong[_i].inference;
    if (wrong[_i].data) text.data = wrong[_i].data;
    if (wrong[_i].evaluation) text.evaluation = wrong[_i].evaluation;
    case_refused(&text, wrong[_i].section, wrong[_i].key);
}
END_TEST

/* A control of boxes on a choice, a control of choices on a box. */
START_TEST(controls_are_refused_where_they_cannot_act)
{
    size_t refused = 0;

    for (size_t i = 0; elbo_controls[i]; i++) {
        const elbo_task_control *const task = elbo_controls[i]->task;
        const char *section;
        elbo_engine *e;
        case_text text = idle;
        case_setup c;

        if (!task || (task->box && task->choices)) continue;
        text.env = task->box ? "CartPole-v1" : "Pendulum-v1";
        text.control = elbo_controls[i]->name;
        case_open(&c, &text);
        case_fails(elbo_engine_open_parts(&c.setup, 7, &section, &e), ELBO_EINVAL,
                   "does not serve");
        ck_assert_str_eq(section, "control");
        case_close(&c);
        refused++;
    }
    ck_assert_uint_gt(refused, 0);
}
END_TEST

/* Elsewhere nothing knows of replays and rollouts. */
START_TEST(other_families_have_no_use_for_its_settings)
{
    const case_text of_finite[] = {
        {.control_common = "rollout_length=2"}, {.control_common = "real_ratio=1"},
        {.data = "streams=2"},                  {.data = "initial=3"},
        {.evaluation = "every=2"},
    };

    case_refused(&of_finite[0], "control", "rollout_length");
    case_refused(&of_finite[1], "control", "real_ratio");
    case_refused(&of_finite[2], "data", "streams");
    case_refused(&of_finite[3], "data", "initial");
    case_refused(&of_finite[4], "evaluation", "every");
}
END_TEST

Suite *suite_task_refusals(void)
{
    Suite *const s = suite_create("task_refusals");
    TCase *const t = tcase_create("task_refusals");

    tcase_add_loop_test(t, contradictions_are_blamed, 0, 
                        sizeof wrong / sizeof *wrong);
    tcase_add_test(t, controls_are_refused_where_they_cannot_act);
    tcase_add_test(t, other_families_have_no_use_for_its_settings);
    suite_add_tcase(s, t);
    return s;
}

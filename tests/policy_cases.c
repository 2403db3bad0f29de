#include "tests/policy_cases.h"

#include "tests/network_cases.h"
#include "tests/scratch_folder.h"

const policy_kind policy_kinds[POLICY_KINDS] = {
    {"mpo",  "Pendulum-v1", "width=16 batch=24 samples=6 period=3"           },
    {"mpo",  "Pendulum-v1",
     "width=16 batch=24 samples=6 period=3 dual=gradient critics=2 mean=linear "
     "penalty=0.01 each_dimension=true clip=1"                               },
    {"mpo",  "CartPole-v1", "width=16 batch=24 period=3"                     },
    {"awr",  "Pendulum-v1", "width=16 batch=24"                              },
    {"awr",  "CartPole-v1",
     "width=16 batch=24 standardise=false lambda=0.5 beta=3"                 },
    {"reps", "Pendulum-v1", "width=16 batch=24 features_n=10"                },
    {"reps", "Pendulum-v1", "layers=0 features=quadratic window=100"         },
    {"reps", "CartPole-v1", "width=16 batch=24 features=network features_n=8"},
};

elbo_arena *policy_ws;

void policy_set_up(void)
{
    scratch_make();
    task_set_up();
    policy_ws = elbo_arena_alloc(1 << 18);
}

void policy_tear_down(void)
{
    elbo_arena_free(policy_ws);
    task_tear_down();
    scratch_remove();
}

void policy_open(policy_subject *s, int kind, const char *more, double gamma)
{
    const elbo_control *const control = elbo_control_find(policy_kinds[kind].name);
    elbo_values values;

    s->world = task_open(policy_kinds[kind].env, "", "none", 3);
    s->control = control->task;
    ck_assert_int_eq(elbo_values_init(&values, control->options, task_arena),
                     ELBO_OK);
    ck_assert_int_eq(elbo_values_parse(&values, policy_kinds[kind].settings), ELBO_OK);
    ck_assert_int_eq(elbo_values_parse(&values, more), ELBO_OK);

    const elbo_task_problem problem = {
        .world = &s->world, .gamma = gamma, .seed = 5};

    ck_assert_msg(s->control->open(&values, &problem, task_arena, &s->self)
                      == ELBO_OK,
                  "%s", elbo_last_error()->text);
}

void policy_open_with_data(policy_subject *s, int kind)
{
    policy_open(s, kind, "", 0.95);
    network_fill(&s->world, 150, 40, 1, &s->data, task_arena);
    network_fill(&s->world, 70, 5, 2, &s->rollouts, task_arena);
    s->estep = (elbo_task_estep){
        .data = &s->data, .rollouts = &s->rollouts, .real = 0.3, .updates = 4};
}

void policy_improve(policy_subject *s)
{
    ck_assert_msg(s->control->improve(s->self, &s->estep, policy_ws) == ELBO_OK, "%s",
                  elbo_last_error()->text);
    s->estep.round++;
}

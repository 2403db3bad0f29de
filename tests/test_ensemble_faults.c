/* tests/test_ensemble_faults.c -- what networks cannot learn from, in words.
 */
#include <math.h>
#include <string.h>

#include "tests/ensemble_cases.h"
#include "tests/suites.h"

static void fails(elbo_task_belief *belief, const elbo_task_mstep *mstep,
                  elbo_status status, const char *const words[])
{
    elbo_task_fit info;

    ck_assert_int_eq(belief->model->fit(belief, mstep, &info, ensemble_ws),
                     status);
    for (size_t i = 0; words[i]; i++)
        ck_assert_msg(strstr(elbo_last_error()->text, words[i]),
                      "\"%s\" not in \"%s\"", words[i],
                      elbo_last_error()->text);
}

static elbo_task_belief plain(const elbo_task_world *world)
{
    return ensemble_open(&elbo_model_ensemble,
                         "members=3 layers=2 width=8 epochs=4", world, 5);
}

START_TEST(a_planted_nan_is_named_with_member_and_layer)
{
    const elbo_task_world world = ensemble_world();
    const elbo_replay data = ensemble_rows(120, 0.3, 11);
    const elbo_task_mstep mstep = ensemble_mstep(&data);
    elbo_task_belief belief = plain(&world);
    const elbo_ensemble *const e = belief.self;

    elbo_ensemble_theta(e, 1)[(3 + 1) * 8 + 17] = NAN;
    fails(&belief, &mstep, ELBO_ENOTFINITE,
          (const char *const[]){"member 1", "layer 2's parameters",
                                "before the first step", NULL});
}
END_TEST

/* The third binding of member 2 in training brings a NaN. */
typedef struct poison {
    elbo_node leaf;
    size_t calls;
} poison;

static elbo_node build_poison(void *self, size_t member, elbo_tape *tape,
                              const elbo_task_nodes *nodes)
{
    poison *const p = (poison *)self + member;

    p->leaf = elbo_tape_constant(tape, 1, 1);
    return elbo_tape_binary(tape, ELBO_ADD, nodes->logp, p->leaf);
}

static void bind_poison(void *self, size_t member, elbo_tape *tape,
                        const elbo_replay *data, const uint32_t slot[],
                        size_t n, elbo_rng *rng)
{
    poison *const p = (poison *)self + member;
    const double x = member == 2 && ++p->calls == 3 ? (double)NAN : 0;

    (void)data, (void)slot, (void)n, (void)rng;
    elbo_tape_set(tape, p->leaf, &x);
}

START_TEST(an_objective_that_is_lost_on_the_way_is_named_with_its_step)
{
    const elbo_task_world world = ensemble_world();
    const elbo_replay data = ensemble_rows(120, 0.3, 11);
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble, "members=3 layers=2 width=8 epochs=4 holdout=0",
        &world, 5);
    poison p[3] = {{0}};
    const elbo_task_likelihood likelihood = {
        .self = p, .build = build_poison, .bind = bind_poison};
    elbo_task_mstep mstep = ensemble_mstep(&data);

    mstep.likelihood = &likelihood;
    fails(&belief, &mstep, ELBO_ENOTFINITE,
          (const char *const[]){"member 2",
                                "objective is nan at step 2 (epoch 2)",
                                "last finite objective", NULL});
}
END_TEST

START_TEST(what_cannot_be_learnt_from_is_refused_in_words)
{
    const elbo_task_world world = ensemble_world();
    const elbo_replay none = ensemble_rows(0, 0.3, 11),
                      data = ensemble_rows(9, 0.3, 11);
    double weight[9] = {1, 1, 1, -2};
    elbo_task_mstep mstep = ensemble_mstep(&none);
    elbo_task_belief belief = plain(&world);

    fails(&belief, &mstep, ELBO_EINVAL,
          (const char *const[]){"no row to learn", NULL});
    mstep.data = &data;
    mstep.weight = weight;
    fails(&belief, &mstep, ELBO_ENOTFINITE,
          (const char *const[]){"weight of row 3 is -2", NULL});
    mstep.weight = NULL;
    mstep.scale = 0;
    fails(&belief, &mstep, ELBO_EINVAL,
          (const char *const[]){"scale is 0", NULL});
}
END_TEST

/* settings, and a word of the reason. */
static const struct {
    const char *settings, *reason;
    bool mute;
} bad[] = {
    {"elites=6",                    "6 of 5 members",             false},
    {"decay=1e-3,1e-4",             "2 numbers for 4 layers",     false},
    {"decay=1e-3,x",                "one or one a layer",         false},
    {"precision=1,2,3,4,5,6,7,8,9", "at most 8",                  false},
    {"lowest=1",                    "above highest",              false},
    {"",                            "reward: the task does not",  true },
    {"reward=learnt",               "terminal: the task does not", true },
};

START_TEST(options_that_do_not_fit_are_refused)
{
    const elbo_task_world told = ensemble_world(),
                          mute = ensemble_mute_world(2, 1);
    elbo_task_belief belief;

    ck_assert_int_eq(ensemble_try_open(&elbo_model_ensemble, bad[_i].settings,
                                       bad[_i].mute ? &mute : &told, 1,
                                       &belief),
                     ELBO_EINVAL);
    ck_assert_msg(strstr(elbo_last_error()->text, bad[_i].reason), "\"%s\"",
                  elbo_last_error()->text);
}
END_TEST

Suite *suite_ensemble_faults(void)
{
    Suite *const s = suite_create("ensemble_faults");
    TCase *const t = tcase_create("ensemble_fit");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(t, a_planted_nan_is_named_with_member_and_layer);
    tcase_add_test(t,
                   an_objective_that_is_lost_on_the_way_is_named_with_its_step);
    tcase_add_test(t, what_cannot_be_learnt_from_is_refused_in_words);
    tcase_add_loop_test(t, options_that_do_not_fit_are_refused, 0,
                        sizeof bad / sizeof *bad);
    suite_add_tcase(s, t);
    return s;
}

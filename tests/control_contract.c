/* What every control owes: a loop over the registry. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/control_cases.h"

enum { CONTROLS = 6 };

/* A control at work on a Garnet, or on its table of stages. */
static trial contract_trial(const elbo_control *control, size_t horizon)
{
    trial t = trial_make();

    t.world = garnet(11, 31, 3, 0.85, t.arena);
    t.problem.mdp.horizon = horizon;
    trial_open(&t, control->name, "", control->hard ? 0 : 0.385, INFINITY);
    return t;
}

static void says_what_it_is(const elbo_control *control)
{
    ck_assert_ptr_eq(elbo_control_find(control->name), control);
    ck_assert_uint_gt(strlen(control->source), 10);
    ck_assert_uint_gt(strlen(control->doc), 10);
    ck_assert(!control->save == !control->load);
    for (const elbo_option *o = control->options; o && o->name; o++) {
        ck_assert_uint_gt(strlen(o->doc), 10);
        ck_assert_ptr_nonnull(o->unit);
        ck_assert_ptr_nonnull(o->fallback);
    }
}

START_TEST(every_control_says_what_it_is_and_is_found_by_name)
{
    size_t n = 0;

    for (size_t i = 0; elbo_controls[i]; i++) {
        says_what_it_is(elbo_controls[i]);
        n += elbo_controls[i]->estep != NULL; /* those of finite worlds */
    }
    ck_assert_uint_eq(n, CONTROLS);
    ck_assert_ptr_null(elbo_control_find("value"));
    ck_assert_ptr_null(elbo_control_find(""));
}
END_TEST

START_TEST(every_control_gives_a_policy_better_than_uniform)
{
    const elbo_control *control = elbo_controls[_i];

    for (size_t horizon = 0; horizon < 8; horizon += 7) {
        trial t = contract_trial(control, horizon);
        const elbo_posterior *post = &t.post;
        const double uniform = trial_return(&t);

        trial_steps(&t, 3);
        for (size_t s = 0; s < post->stages * post->nS; s++) {
            double sum = 0;

            for (size_t a = 0; a < post->nA; a++) {
                ck_assert(post->pi[s * post->nA + a] >= 0);
                ck_assert(isfinite(post->Q[s * post->nA + a]));
                sum += post->pi[s * post->nA + a];
            }
            ck_assert_double_eq_tol(sum, 1, 1e-13);
        }
        ck_assert_uint_ge(t.info.sweeps, 1);
        /* of the first stage's policy, kept for ever */
        ck_assert_double_gt(trial_return(&t), uniform + 0.01);
        trial_free(&t);
    }
}
END_TEST

START_TEST(no_control_depends_on_the_number_of_threads)
{
    const elbo_control *control = elbo_controls[_i];
    const int threads = omp_get_max_threads();
    trial one = trial_make(), two = trial_make();
    trial *both[] = {&one, &two};

    for (int k = 0; k < 2; k++) {
        trial *t = both[k];

        omp_set_num_threads(k + 1);
        t->world = garnet(5, 211, 4, 0.9, t->arena);
        t->problem.tolerance = 1e-6;
        trial_open(t, control->name, "", control->hard ? 0 : 0.4, INFINITY);
        trial_steps(t, 2);
    }
    omp_set_num_threads(threads);
    ck_assert(same_bits(one.post.V, two.post.V, 211));
    ck_assert(same_bits(one.post.Q, two.post.Q, 211 * 4));
    ck_assert(same_bits(one.post.pi, two.post.pi, 211 * 4));
    trial_free(&one);
    trial_free(&two);
}
END_TEST

START_TEST(a_warm_control_never_allocates)
{
    trial t = contract_trial(elbo_controls[_i], 0);

    trial_steps(&t, 1);

    const unsigned long before = elbo_alloc_count();

    trial_steps(&t, 3);
    ck_assert_uint_eq(elbo_alloc_count(), before);
    trial_free(&t);
}
END_TEST

/* Each allocation of opening and stepping fails once; nothing leaks. */
START_TEST(every_control_survives_each_lack_of_memory)
{
    const elbo_control *control = elbo_controls[_i];
    trial t = contract_trial(control, 0);
    elbo_status status;
    long n = 0;

    do {
        elbo_controller c;
        elbo_solve_info info;

        elbo_alloc_budget(n++);
        elbo_arena *arena = elbo_arena_alloc(1), *ws = elbo_arena_alloc(1);

        status = arena && ws ? control->open(&t.values, &t.problem, arena, &c)
                             : ELBO_ENOMEM;
        if (status == ELBO_OK)
            status = control->estep(&c, &t.problem, &t.post, &info, ws);
        elbo_arena_free(arena);
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
        ck_assert(status == ELBO_OK || status == ELBO_ENOMEM);
    } while (status != ELBO_OK);
    ck_assert_int_ge(n, 3);
    trial_free(&t);
}
END_TEST

START_TEST(more_actions_than_a_backup_takes_are_refused)
{
    trial t = contract_trial(elbo_controls[_i], 0);
    elbo_problem wide = t.problem;
    elbo_controller c;

    wide.mdp.nA = 2049;
    ck_assert_int_eq(elbo_controls[_i]->open(&t.values, &wide, t.arena, &c),
                     ELBO_ESIZE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "2049 actions"));
    trial_free(&t);
}
END_TEST

START_TEST(values_that_overflow_are_reported_with_their_place)
{
    const elbo_control *control = elbo_controls[_i];
    trial t = trial_make();
    elbo_status status = ELBO_OK;

    t.world = garnet(3, 7, 2, 0.9, t.arena);
    for (size_t i = 0; i < 14; i++) t.world.r[i] = 1.5e308;
    trial_open(&t, control->name, "", control->hard ? 0 : 2.385, INFINITY);
    for (int k = 0; k < 20 && status == ELBO_OK; k++) status = trial_step(&t);
    ck_assert_int_eq(status, ELBO_ENOTFINITE);
    ck_assert(strstr(elbo_last_error()->text, "state ")
              || strstr(elbo_last_error()->text, "round 0"));
    trial_free(&t);
}
END_TEST

TCase *tcase_control_contract(void)
{
    TCase *t = tcase_create("contract");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_control_says_what_it_is_and_is_found_by_name);
    tcase_add_loop_test(t, every_control_gives_a_policy_better_than_uniform, 0,
                        CONTROLS);
    tcase_add_loop_test(t, no_control_depends_on_the_number_of_threads, 0,
                        CONTROLS);
    tcase_add_loop_test(t, a_warm_control_never_allocates, 0, CONTROLS);
    tcase_add_loop_test(t, every_control_survives_each_lack_of_memory, 0,
                        CONTROLS);
    tcase_add_loop_test(t, more_actions_than_a_backup_takes_are_refused, 0,
                        CONTROLS);
    tcase_add_loop_test(t, values_that_overflow_are_reported_with_their_place,
                        0, CONTROLS);
    return t;
}

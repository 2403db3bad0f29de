/* tests/test_imitation.c -- what imitation through the planner makes of what was
 * never seen (Wei et al. 2023): papers/wei2023_bmirl in the frame's own terms.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/engine_state.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

enum { STATES = 25, ACTIONS = 5, ROWS = STATES * ACTIONS };

/* The 5 x 5 grid of the paper; demonstrations by the soft expert. */
static elbo_engine *learn(case_setup *c, const char *inference)
{
    const case_text text = {
        .env = "gridworld",
        .env_own = "map=S..../...../...../...../....G actions=5 "
                   "goal_absorbing=false reward_on=current goal_reward=0 "
                   "step_reward=-13.815511",
        .env_common = "discount=0.7",
        .model = "softmax",
        .model_own = "support=states prior_precision=1e-12 reward=state "
                     "reward_precision=1e-12",
        .control_common = "temperature=1",
        .inference = inference,
        .data = "policy=expert steps=5000 episode_steps=50"};
    elbo_engine *engine = NULL;
    elbo_row row;

    case_open(c, &text);
    case_ok(elbo_engine_open(&c->setup, 0, &engine));
    case_ok(elbo_engine_iterate(engine, &row));
    return engine;
}

/* Means over (s, a): of those unseen, the mass sent to the start; of those seen,
 * the mass on the true successor. */
typedef struct mass {
    double start, true_next;
    size_t unseen;
} mass;

static mass look(const elbo_engine *engine)
{
    const elbo_kernel *const p = &engine->belief.mean;
    const elbo_kernel *const truth = &engine->truth.P;
    bool seen[ROWS] = {false};
    mass m = {0};

    for (size_t i = 0; i < engine->data.n; i++)
        seen[engine->data.s[i] * ACTIONS + engine->data.a[i]] = true;
    for (size_t row = 0; row < ROWS; row++) {
        m.unseen += !seen[row];
        if (!seen[row]) m.start += p->prob[elbo_entry(p->pattern, row, 0)];
        for (size_t i = elbo_row_begin(truth->pattern, row);
             seen[row] && i < elbo_row_end(truth->pattern, row); i++)
            if (truth->prob[i] > 0.5)
                m.true_next += p->prob[elbo_entry(
                    p->pattern, row, elbo_successor(truth->pattern, row, i))];
    }
    m.start /= (double)m.unseen;
    m.true_next /= (double)(ROWS - m.unseen);
    return m;
}

#define ADAM                                                                   \
    " data_scale=1 m_step=adam m_step_rate=0.05 m_step_keep=last "             \
    "m_step_tolerance=0 m_step_iterations=1000"

static mass learnt(const char *inference)
{
    case_setup c;
    elbo_engine *const engine = learn(&c, inference);
    const mass m = look(engine);

    elbo_engine_free(engine);
    case_close(&c);
    return m;
}

/* The heavier the data's likelihood, the truer what was seen; what was not is where
 * the plan's pessimism goes. */
START_TEST(what_was_never_seen_leads_back_to_the_start)
{
    const mass two =
        learnt("likelihood=logpi+logp gradient=implicit(exact,reward)" ADAM);
    const mass loose =
        learnt("likelihood=logpi+0.001*logp gradient=implicit" ADAM);
    const mass half =
        learnt("likelihood=logpi+0.5*logp gradient=implicit" ADAM);
    const mass ten = learnt("likelihood=logpi+10*logp gradient=implicit" ADAM);

    ck_assert_uint_eq(ten.unseen, 58);
    ck_assert_double_eq_tol(two.start, 0.04, 1e-3); /* uniform */
    ck_assert_double_eq_tol(loose.start, 0.024, 1e-3);
    ck_assert_double_eq_tol(half.start, 0.619, 1e-3);
    ck_assert_double_eq_tol(ten.start, 0.678, 1e-3);
    ck_assert_double_eq_tol(two.true_next, 0.998, 1e-3);
    ck_assert_double_eq_tol(loose.true_next, 0.733, 1e-3);
    ck_assert_double_eq_tol(half.true_next, 0.977, 1e-3);
    ck_assert_double_eq_tol(ten.true_next, 0.998, 1e-3);
}
END_TEST

Suite *suite_imitation(void)
{
    Suite *const s = suite_create("imitation");
    TCase *const t = tcase_create("imitation");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, what_was_never_seen_leads_back_to_the_start);
    suite_add_tcase(s, t);
    return s;
}

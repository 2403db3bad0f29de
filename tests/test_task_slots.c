/* tests/test_task_slots.c -- runs of control tasks under other weights and
 * likelihoods.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/task_state.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"
#include "tests/task_stand_ins.h"

/* Soft actor-critic in a small ensemble; `slots` are the inference's settings.
 */
static case_text run_of(const char *slots)
{
    case_text text =
        case_sac("updates=0.25 rollout_batch=20 temperature=0.1", slots);

    text.env_common = "horizon=20 wrappers=distractors(ar1,2)";
    text.model_own = "members=2 layers=1 width=8 epochs=2 batch=32";
    return text;
}

static const char *const slots[] = {
    "iterations=6",
    "iterations=6 likelihood=-0.5*sq(E(V(y))-V(next))",
    "iterations=6 likelihood=-0.5*sum(sq(stop(gradV(next))*(E(y)-next)))",
    "iterations=6 likelihood=logp-0.1*sq(E(V(y))-V(next))",
    "iterations=6 weight=occupancy(current,3,20)/occupancy(data)",
    "iterations=6 weight=exp(logratio(classifier,2,10))",
    "iterations=6 weight=exp(-distance_to(current)) "
    "likelihood=-abs(E(V(y))-V(next))",
    "iterations=6 weight=exp(clip(A(s,a),-1,1)+clip(logpi,-2,0))",
    "iterations=6 likelihood=logp-0.1*sq(E(V_target(y))-V_target(next)) "
    "weight=exp(clip(V_then(next)-V(next),-1,1))",
    "iterations=6 feedback=-1 data_scale=10",
    "iterations=6 feedback=1 gradient=score(2)",
};
enum { SLOTS = sizeof slots / sizeof *slots };

START_TEST(rows_are_finite_and_a_resumed_run_goes_on_to_the_same_bits)
{
    const case_text text = run_of(slots[_i]);

    case_resumes(&text, 7);
}
END_TEST

START_TEST(rows_do_not_depend_on_the_number_of_threads)
{
    const case_text text = run_of(slots[_i]);

    case_threads(&text, 7, 2);
}
END_TEST

/* likelihood_term is lambda E_D[w l], at the theta and V of the row. */
START_TEST(the_data_term_is_the_expression_over_the_data)
{
    const case_text text =
        run_of("iterations=6 likelihood=-0.5*sum(sq(E(y)-next)) "
               "weight=2+r/20");
    case_setup c;
    elbo_row row;
    elbo_engine *e = case_start(&c, &text, 7);
    elbo_task_run *run;
    double sum = 0, w1 = 0, w2 = 0;

    for (int i = 0; i < 3; i++) case_ok(elbo_engine_iterate(e, &row));
    run = e->task;
    for (size_t i = 0; i < run->data.n; i++) {
        const double w = 2 + (double)run->data.reward[i] / 20;
        uint32_t elite[2];
        const size_t n = run->belief.model->elites(&run->belief, elite);

        for (size_t k = 0; k < n; k++) {
            float next[5], reward;
            uint8_t end;
            elbo_rng rng = {0};

            case_ok(run->belief.model->draw(
                &run->belief, 1, run->data.o + 5 * i, run->data.u + i,
                &elite[k], &rng, true, next, &reward, &end, e->ws));
            for (size_t j = 0; j < 5; j++)
                sum -= 0.5 * w / (double)n
                       * pow((double)(next[j] - run->data.next[5 * i + j]), 2);
        }
        w1 += w;
        w2 += w * w;
    }
    ck_assert_double_eq_tol(row.parts.likelihood, sum, 1e-4 * fabs(sum));
    ck_assert_double_eq_tol(row.ess, w1 * w1 / w2, 1e-3);
    case_stop(&c, e);
}
END_TEST

/* Rows keep what V was in the iteration that brought them, round the ring. */
START_TEST(rows_keep_the_values_of_their_own_time)
{
    enum { STEPS = 30, CAPACITY = 50, ROUNDS = 4 };
    const case_text text = {
        .env_common = "horizon=8",
        .control_common = "rollout_length=0",
        .inference = "iterations=4 weight=exp(V_then(s)-V_then(next))",
        .data = "mode=online policy=current steps=30 initial=6 streams=2 "
                "capacity=50",
        .evaluation = "episodes=2",
    };
    case_setup c;
    elbo_row row;

    stand_in_reset();
    stand_ins.end = 0.9;

    elbo_engine *e = stand_in_start(&c, &text, 7);
    const elbo_replay *const d = &e->task->data;
    size_t ends = 0;

    for (size_t round = 0; round < ROUNDS; round++) {
        stand_ins.value = 1.385 + (double)round;
        case_ok(elbo_engine_iterate(e, &row));
    }
    ck_assert_uint_eq(d->n, CAPACITY);
    for (size_t i = 0; i < d->n; i++) {
        const uint64_t id = elbo_replay_id(d, i), round = (id - 6) / STEPS;
        const double V = 1.385 + (double)round;

        ck_assert_uint_le(round, ROUNDS - 1);
        ck_assert_double_eq_tol((double)d->then[2 * i], V, 1e-6);
        ck_assert_double_eq_tol((double)d->then[2 * i + 1],
                                d->end[i] ? 0 : V, 1e-6);
        ck_assert_double_eq_tol(e->task->weight[i], d->end[i] ? exp(V) : 1,
                                1e-5 * exp(V));
        ends += d->end[i];
    }
    ck_assert(ends > 0 && ends < d->n);
    case_stop(&c, e);
}
END_TEST

START_TEST(an_objective_is_named)
{
    static const struct {
        const char *slots, *name, *kind;
    } want[] = {
        {"likelihood=-0.5*sum(sq(stop(gradV(next))*(E(y)-next)))", "vagram",
        "uncalibrated" },
        {"likelihood=-0.5*sq(E(V(y))-V(next))", "itervaml", "calibrated" },
        {"likelihood=-0.5*E(sq(V(y)-V(next)))",                    "muzero_sampled",
        "uncalibrated" },
        {"likelihood=-0.5*usq(E(V(y),2)-V(next))", "cvaml", "calibrated" },
        {"likelihood=-abs(E(V(y))-V(next))", "lamps_mm", "uncalibrated"},
        {"likelihood=logp-0.1*sq(E(V(y))-V(next))",                "mle_itervaml",
        "calibrated" },
        {"likelihood=logp", "mle", "" },
        {"feedback=-1", "mle", "adversarial" },
        {"feedback=1", "mle", "optimistic" },
        {"likelihood=-0.5*sq(E(V(y))-V(next)) feedback=1", "itervaml", "share" },
    };

    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const case_text text = run_of(want[i].slots);
        case_setup c;

        case_open(&c, &text);
        ck_assert_str_eq(elbo_setup_named(&c.setup), want[i].name);
        ck_assert_msg(strstr(elbo_setup_kind(&c.setup), want[i].kind) != NULL,
                      "%s", elbo_setup_kind(&c.setup));
        case_close(&c);
    }
}
END_TEST

enum { WRONG = 16 };

START_TEST(contradictions_are_blamed)
{
    static const struct {
        const char *slots, *model, *control, *key;
    } wrong[] = {
        {"likelihood=V(next)",                   "ensemble", "sac",  "likelihood"},
        {"likelihood=r*gamma",                   "ensemble", "sac",  "likelihood"},
        {"likelihood=J",                         "ensemble", "sac",  "likelihood"},
        {"likelihood=brier",                     "ensemble", "sac",  "likelihood"},
        {"likelihood=-abs(E(V(y))-Ed(V(next)))", "ensemble", "sac",
         "likelihood"                                                            },
        {"weight=E(r)",                          "ensemble", "sac",  "weight"    },
        {"weight=occupancy(real)",               "ensemble", "sac",  "weight"    },
        {"weight=V(next)",                       "ensemble", "none", "weight"    },
        {"likelihood=logp+E(V(y))",              "ensemble", "none", "likelihood"},
        {"likelihood=2*logp",                    "true",     "sac",  "likelihood"},
        {"likelihood=logp-sq(E(V_target(y)))",   "ensemble", "reps", "likelihood"},
        {"gradient=score(2)",                    "ensemble", "sac",  "gradient"  },
        {"gradient=score(1) feedback=-1",        "ensemble", "sac",  "gradient"  },
        {"feedback=-1",                          "true",     "sac",  "feedback"  },
        {"feedback=-1",                          "ensemble", "cem",  "feedback"  },
        {"feedback=-1 transition=tilt(1)",       "ensemble", "sac",  "feedback"  },
    };
    _Static_assert(sizeof wrong / sizeof *wrong == WRONG, "each is tried");
    case_text text = run_of(wrong[_i].slots);

    text.model = wrong[_i].model;
    text.control = wrong[_i].control;
    if (strcmp(text.model, "ensemble") != 0) text.model_own = NULL;
    if (strcmp(text.control, "sac") != 0)
        text.control_own = text.control_common = NULL;
    case_refused(&text, "inference", wrong[_i].key);
}
END_TEST

Suite *suite_task_slots(void)
{
    Suite *s = suite_create("task_slots");
    TCase *t = tcase_create("task_slots");

    tcase_add_loop_test(
        t, rows_are_finite_and_a_resumed_run_goes_on_to_the_same_bits, 0,
        SLOTS);
    tcase_add_loop_test(t, rows_do_not_depend_on_the_number_of_threads, 1,
                        SLOTS);
    tcase_add_test(t, the_data_term_is_the_expression_over_the_data);
    tcase_add_test(t, rows_keep_the_values_of_their_own_time);
    tcase_add_test(t, an_objective_is_named);
    tcase_add_loop_test(t, contradictions_are_blamed, 0, WRONG);
    suite_add_tcase(s, t);
    return s;
}

/* tests/control_q.c -- q_learning beside the notebook's loop: a list of samples, all of
 * them added up again in each round.
 */
#include <math.h>
#include <string.h>

#include "inference/core/rng.h"
#include "tests/control_cases.h"
#include "tests/engine_cases.h"

enum { S = 7, A = 3, ROUNDS = 40, PATH = 30, ALL = ROUNDS * PATH };

static const double gamma_ = 0.9, rate = 0.2, epsilon = 0.4;

typedef struct sample {
    size_t s, a, next;
    double r; /* less the KL of then */
} sample;

typedef struct learner {
    double Q[S][A];
    sample list[ALL];
    size_t n;
} learner;

static size_t greedy(const double Q[A])
{
    size_t best = 0;

    for (size_t a = 1; a < A; a++)
        if (Q[a] > Q[best]) best = a;
    return best;
}

/* q ~ p exp(gamma V / beta) of one row; returns beta KL(q || p). */
static double tilt(const double p[S], const double V[S], double beta, double q[S])
{
    double sum = 0, kl = 0;

    for (size_t y = 0; y < S; y++)
        sum += q[y] = isinf(beta) ? p[y] : p[y] * exp(gamma_ * V[y] / beta);
    for (size_t y = 0; y < S; y++) {
        q[y] /= sum;
        if (q[y] > 0) kl += q[y] * log(q[y] / p[y]);
    }
    return isinf(beta) ? 0 : beta * kl;
}

static void play(learner *l, const dense_world *w, double beta, size_t round)
{
    static const double even[A] = {1. / A, 1. / A, 1. / A};
    elbo_rng rng = elbo_rng_stream(0, "q_learning", round);
    double V[S], error[ALL];
    size_t s = elbo_rng_categorical(&rng, w->mu, S);

    for (size_t x = 0; x < S; x++) V[x] = l->Q[x][greedy(l->Q[x])];
    for (size_t k = 0; k < PATH; k++) {
        sample *const x = &l->list[l->n++];
        double q[S];

        x->s = s;
        x->a = elbo_rng_uniform(&rng) < (round ? epsilon : 1)
                   ? elbo_rng_categorical(&rng, even, A)
                   : greedy(l->Q[s]);
        x->r = w->r[s * A + x->a]
               - tilt(w->P + (s * A + x->a) * S, V, beta, q);
        x->next = s = elbo_rng_categorical(&rng, q, S);
    }
    for (size_t i = 0; i < l->n; i++) {
        const sample *const x = &l->list[i];

        error[i] = x->r + gamma_ * V[x->next] - l->Q[x->s][x->a];
    }
    for (size_t i = 0; i < l->n; i++)
        l->Q[l->list[i].s][l->list[i].a] += rate / PATH * error[i];
}

static const double betas[] = {0.7, -0.7, INFINITY};

START_TEST(q_learning_is_the_replay_of_a_list)
{
    static learner l;
    const double beta = betas[_i];
    trial t = trial_make();

    t.world = garnet(7, S, A, gamma_, t.arena);
    trial_open(&t, "q_learning", "steps=30 rate=0.2 epsilon=0.4", 0, beta);
    memset(&l, 0, sizeof l);
    for (size_t k = 0; k < ROUNDS; k++) {
        play(&l, &t.world, beta, k);
        ck_assert_int_eq(trial_step(&t), ELBO_OK);
        for (size_t i = 0; i < S * A; i++) {
            const size_t s = i / A, a = i % A, best = greedy(l.Q[s]);

            ck_assert_double_eq_tol(t.post.Q[i], l.Q[s][a], 1e-12);
            ck_assert_double_eq(t.post.pi[i], a == best);
            ck_assert_double_eq_tol(t.post.V[s], l.Q[s][best], 1e-12);
        }
    }
    ck_assert_double_gt(fabs(t.post.V[0]), 0.1);
    trial_free(&t);
}
END_TEST

/* With everything seen often it is value iteration's own answer. */
START_TEST(many_paths_find_the_optimum)
{
    trial t = trial_make(), best = trial_make();

    t.world = garnet(7, S, A, gamma_, t.arena);
    best.world = garnet(7, S, A, gamma_, best.arena);
    trial_open(&t, "q_learning", "steps=400 rate=0.02", 0, INFINITY);
    trial_open(&best, "value_iteration", "", 0, INFINITY);
    trial_steps(&t, 400);
    trial_steps(&best, 1);
    ck_assert_double_eq_tol(trial_return(&t), trial_return(&best), 1e-9);
    for (size_t s = 0; s < S; s++)
        ck_assert_double_eq_tol(t.post.V[s], best.post.V[s], 0.1);
    trial_free(&t);
    trial_free(&best);
}
END_TEST

START_TEST(a_learner_resumes_to_the_same_bits)
{
    case_resumes(&(case_text){.model = "softmax",
                              .control = "q_learning",
                              .control_own = "steps=20 rate=0.3",
                              .inference = "transition=tilt(2) tolerance=0",
                              .env_own = "states=7 actions=3 branching=3",
                              .data = "steps=60"},
                 3);
}
END_TEST

/* No row of `free` is a tilt of the model's. */
START_TEST(a_model_that_is_q_is_refused)
{
    const case_text text = {.control = "q_learning",
                            .model = "softmax",
                            .model_own = "support=world",
                            .inference = "transition=free",
                            .data = "steps=0"};
    const char *section;
    elbo_engine *engine;
    case_setup c;

    case_open_small(&c, &text);
    case_fails(elbo_engine_open_parts(&c.setup, 3, &section, &engine), ELBO_EINVAL,
               "q_learning draws from q");
    case_close(&c);
}
END_TEST

TCase *tcase_q_learning(void)
{
    TCase *const t = tcase_create("q_learning");

    tcase_add_loop_test(t, q_learning_is_the_replay_of_a_list, 0,
                        sizeof betas / sizeof *betas);
    tcase_add_test(t, many_paths_find_the_optimum);
    tcase_add_test(t, a_learner_resumes_to_the_same_bits);
    tcase_add_test(t, a_model_that_is_q_is_refused);
    return t;
}

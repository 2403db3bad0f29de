/* tests/test_planning_papers.c -- papers that plan inside the objective, beside
 * small versions of their own that share nothing with the engine but the data.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/engine_state.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

/* V = alpha log mean exp(Q / alpha), nA actions. */
static double soft(const double Q[], size_t nA, double alpha)
{
    double top = -HUGE_VAL, sum = 0;

    for (size_t a = 0; a < nA; a++) top = fmax(top, Q[a]);
    for (size_t a = 0; a < nA; a++) sum += exp((Q[a] - top) / alpha);
    return top + alpha * log(sum / (double)nA);
}

/* Q(s, a) of V in the model; the end is worth 0. */
static double backup(const elbo_engine *e, size_t row, const double V[])
{
    const elbo_kernel *const P = &e->belief.mean;
    double Q = e->problem.mdp.r[row];

    for (size_t k = elbo_row_begin(P->pattern, row);
         k < elbo_row_end(P->pattern, row); k++) {
        const size_t y = elbo_successor(P->pattern, row, k);

        if (y < e->world.nS) Q += e->truth.gamma * P->prob[k] * V[y];
    }
    return Q;
}

/* ---- Gehring et al. 2021: V = (I - gamma P)^-1 r under gradient steps ---- */

enum { WALK = 30, STEPS = 12, SWEEPS = 800 };

static const double gamma_ = 0.95;

typedef struct walk {
    double logit[WALK][WALK], R[WALK]; /* theta */
    double P[WALK][WALK], V[WALK];
    double real[WALK]; /* the true values */
} walk;

static size_t left(size_t s)
{
    return s > 0 ? s - 1 : 0;
}

static size_t right(size_t s)
{
    return s + 1 < WALK ? s + 1 : s;
}

static void evaluate(walk *w)
{
    memset(w->V, 0, sizeof w->V);
    for (size_t s = 0; s < WALK; s++) {
        double sum = 0;

        for (size_t y = 0; y < WALK; y++) sum += exp(w->logit[s][y]);
        for (size_t y = 0; y < WALK; y++) w->P[s][y] = exp(w->logit[s][y]) / sum;
    }
    for (int k = 0; k < SWEEPS; k++) {
        double V[WALK];

        for (size_t s = 0; s < WALK; s++) {
            V[s] = w->R[s];
            for (size_t y = 0; y < WALK; y++) V[s] += gamma_ * w->P[s][y] * w->V[y];
        }
        memcpy(w->V, V, sizeof V);
    }
}

static void solve_world(walk *w)
{
    for (int k = 0; k < SWEEPS; k++) {
        double V[WALK];

        for (size_t s = 0; s < WALK; s++)
            V[s] = (s + 1 == WALK)
                   + gamma_ / 2 * (w->real[left(s)] + w->real[right(s)]);
        memcpy(w->real, V, sizeof V);
    }
}

/* One step of `rate` on theta: the error's slope in V goes back through
 * V = r + gamma P V, lambda = b + gamma P' lambda. */
static void step(walk *w, bool td, double rate)
{
    double b[WALK], lambda[WALK] = {0};

    for (size_t s = 0; s < WALK; s++) {
        const double target =
            td ? (s + 1 == WALK) + gamma_ / 2 * (w->V[left(s)] + w->V[right(s)])
               : w->real[s];

        b[s] = -(w->V[s] - target) / WALK;
    }
    for (int k = 0; k < SWEEPS; k++) {
        double next[WALK];

        memcpy(next, b, sizeof b);
        for (size_t s = 0; s < WALK; s++)
            for (size_t y = 0; y < WALK; y++)
                next[y] += gamma_ * w->P[s][y] * lambda[s];
        memcpy(lambda, next, sizeof next);
    }
    for (size_t s = 0; s < WALK; s++) {
        double mean = 0;

        for (size_t y = 0; y < WALK; y++) mean += w->P[s][y] * w->V[y];
        for (size_t y = 0; y < WALK; y++)
            w->logit[s][y] +=
                rate * lambda[s] * gamma_ * w->P[s][y] * (w->V[y] - mean);
        w->R[s] += rate * lambda[s];
    }
    evaluate(w);
}

static const struct {
    const char *likelihood;
    bool td;
    double rate;
} losses[] = {
    {"-0.5*sq(V(s)-(r+0.95*stop(Ed(V(next)))))", true, 1},
    {"-0.5*sq(V(s)-value(real,0.95,s))", false, 0.1},
};

START_TEST(implicit_values_follow_the_steps_by_hand)
{
    static walk w;
    char inference[400];
    const case_text text = {
        .env = "table",
        .env_own = "transitions=papers/gehring2021_implicit/walk.csv",
        .env_common = "discount=0.95",
        .model = "softmax",
        .model_own = "support=states prior_precision=1e-12 reward=state "
                     "reward_precision=1e-12",
        .control_common = "temperature=inf tolerance=1e-14",
        .inference = inference,
        .data = "source=population over=rows steps=30"};
    case_setup c;
    elbo_engine *e;
    elbo_row row;

    snprintf(inference, sizeof inference,
             "likelihood=%s gradient=implicit data_scale=1 iterations=%d "
             "tolerance=0 m_step=gd m_step_rate=%g m_step_iterations=1 "
             "m_step_keep=last m_step_tolerance=0",
             losses[_i].likelihood, STEPS, losses[_i].rate);
    e = case_start(&c, &text, 3);
    memset(&w, 0, sizeof w);
    solve_world(&w);
    evaluate(&w);
    for (int k = 0; k < STEPS; k++) {
        step(&w, losses[_i].td, losses[_i].rate);
        case_ok(elbo_engine_iterate(e, &row));
        for (size_t s = 0; s < WALK; s++)
            ck_assert_msg(fabs(e->post.V[s] - w.V[s]) <= 1e-10 * (1 + w.V[s]),
                          "step %d, V(%zu): %.15g, not %.15g", k, s, e->post.V[s],
                          w.V[s]);
    }
    ck_assert_double_gt(w.V[WALK - 1], 0.1); /* it has gone somewhere */
    case_stop(&c, e);
}
END_TEST

/* ---- Tamar et al. 2016: log pi after k backups from V = 0 ---- */

START_TEST(an_unrolled_plan_is_its_backups)
{
    enum { K = 6 };
    const double alpha = 0.05;
    const case_text text = {
        .env = "mazes",
        .env_own = "mazes=4 unseen=1 side=4 obstacles=4 actions=4",
        .env_common = "discount=0.95",
        .model = "aliased",
        .model_own = "block=1000 prior_precision=0.01",
        .control_common = "temperature=0.05",
        .inference = "likelihood=logpi gradient=unroll(6) m_step_iterations=5 "
                     "iterations=3",
        .data = "policy=optimal steps=60"};
    case_setup c;
    elbo_engine *const e = case_start(&c, &text, 3);
    const size_t nS = e->world.nS, nA = e->world.nA;
    double *const V = elbo_arena_doubles(c.arena, nS);
    double *const Q = elbo_arena_doubles(c.arena, nS * nA);
    double sum = 0;
    elbo_row row;

    for (int k = 0; k < 2; k++) case_ok(elbo_engine_iterate(e, &row));
    memset(V, 0, nS * sizeof *V);
    for (int k = 0; k < K; k++) {
        for (size_t i = 0; i < nS * nA; i++) Q[i] = backup(e, i, V);
        for (size_t s = 0; s < nS; s++) V[s] = soft(Q + s * nA, nA, alpha);
    }
    for (size_t i = 0; i < e->data.n; i++) {
        const size_t s = e->data.s[i];

        sum += (Q[s * nA + e->data.a[i]] - V[s]) / alpha - log((double)nA);
    }
    ck_assert_double_lt(sum, -1);
    /* what the M-step climbed, less log p(theta); the record has the E-step's own plan */
    ck_assert_double_eq_tol(row.mstep.after - row.parts.prior, sum, 1e-10 * fabs(sum));
    case_stop(&c, e);
}
END_TEST

/* ---- Karkus et al. 2017: Q(b, a) = sum_s b(s) Q(s, a) ---- */

START_TEST(beliefs_are_worth_their_states)
{
    static const char path[] = "papers/karkus2017_qmdpnet/mixtures.csv";
    const double alpha = 0.1;
    const case_text text = {
        .env = "table",
        .env_own = "transitions=papers/karkus2017_qmdpnet/transitions.csv "
                   "initial=papers/karkus2017_qmdpnet/initial.csv "
                   "start=papers/karkus2017_qmdpnet/start.csv",
        .env_common = "discount=0.9",
        .model = "features",
        .model_own = "transitions=papers/karkus2017_qmdpnet/features.csv "
                     "mixtures=papers/karkus2017_qmdpnet/mixtures.csv "
                     "prior_precision=0.01 init_scale=0.5",
        .control_common = "temperature=0.1 tolerance=1e-13",
        .inference = "likelihood=logpi gradient=unroll(8) iterations=2 "
                     "m_step_iterations=4",
        .data = "policy=optimal steps=60"};
    case_setup c;
    elbo_engine *const e = case_start(&c, &text, 3);
    const size_t nS = e->world.nS, nA = e->world.nA;
    bool *const belief = elbo_arena_take(c.arena, nS, sizeof *belief);
    double *const V = elbo_arena_doubles(c.arena, nS);
    double *const mixed = elbo_arena_doubles(c.arena, nS * nA);
    double *const Q = elbo_arena_doubles(c.arena, nS * nA);
    FILE *const mixtures = fopen(path, "r");
    size_t state, part, beliefs = 0;
    double weight;
    elbo_row row;

    case_ok(elbo_engine_iterate(e, &row));
    memset(belief, 0, nS * sizeof *belief);
    memset(V, 0, nS * sizeof *V);
    memset(mixed, 0, nS * nA * sizeof *mixed);
    ck_assert_ptr_nonnull(mixtures);
    ck_assert_int_eq(fscanf(mixtures, "%*[^\n]"), 0);
    while (fscanf(mixtures, "%zu,%zu,%lf", &state, &part, &weight) == 3)
        belief[state] = true;
    /* the cells by themselves: beliefs are never met on the way */
    for (int k = 0; k < 400; k++)
        for (size_t s = 0; s < nS; s++) {
            for (size_t a = 0; a < nA && !belief[s]; a++)
                Q[s * nA + a] = backup(e, s * nA + a, V);
            if (!belief[s]) V[s] = soft(Q + s * nA, nA, alpha);
        }
    rewind(mixtures);
    ck_assert_int_eq(fscanf(mixtures, "%*[^\n]"), 0);
    while (fscanf(mixtures, "%zu,%zu,%lf", &state, &part, &weight) == 3)
        for (size_t a = 0; a < nA; a++) mixed[state * nA + a] += weight * Q[part * nA + a];
    fclose(mixtures);
    for (size_t s = 0; s < nS; s++) {
        beliefs += belief[s];
        for (size_t a = 0; a < nA && belief[s]; a++)
            ck_assert_double_eq_tol(e->post.Q[s * nA + a], mixed[s * nA + a], 1e-10);
    }
    ck_assert_uint_gt(beliefs, 20);
    case_stop(&c, e);
}
END_TEST

Suite *suite_planning_papers(void)
{
    Suite *const s = suite_create("planning_papers");
    TCase *const t = tcase_create("planning_papers");

    tcase_add_loop_test(t, implicit_values_follow_the_steps_by_hand, 0, 2);
    tcase_add_test(t, an_unrolled_plan_is_its_backups);
    tcase_add_test(t, beliefs_are_worth_their_states);
    suite_add_tcase(s, t);
    return s;
}

/* tests/test_pathwise.c -- gradients through a linear-Gaussian model with
 * quadratic rewards: closed forms, and the Riccati equation's gain.
 */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "control/pathwise.h"
#include "tests/network_cases.h"
#include "tests/sac_cases.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

/* x' = a x + b u + sigma e, r = -(x^2 + c u^2), discounted. */
static const double a = 0.9, b = 0.5, c = 0.1, gamma_ = 0.9;
static double sigma;
static bool rewards = true;

static elbo_node scaled(elbo_tape *tape, elbo_node x, double k)
{
    return elbo_tape_scale(tape, x, k);
}

static elbo_status plant_node(const elbo_task_belief *belief, size_t member,
                              bool learnt, elbo_tape *tape,
                              elbo_task_nodes *nodes)
{
    const elbo_node x = nodes->o, u = nodes->u;
    const elbo_node cost =
        elbo_tape_binary(tape, ELBO_ADD, elbo_tape_unary(tape, ELBO_SQ, x),
                         scaled(tape, elbo_tape_unary(tape, ELBO_SQ, u), c));

    (void)belief, (void)member, (void)learnt;
    nodes->mean = elbo_tape_binary(tape, ELBO_ADD, scaled(tape, x, a),
                                   scaled(tape, u, b));
    nodes->std = elbo_tape_number(tape, sigma);
    nodes->rhat = rewards ? scaled(tape, cost, -1) : ELBO_TASK_NO_NODE;
    nodes->logp = nodes->mean;
    return ELBO_OK;
}

static size_t both(const elbo_task_belief *belief, uint32_t out[])
{
    for (size_t m = 0; m < belief->members; m++) out[m] = (uint32_t)m;
    return belief->members;
}

/* An episode ends beyond 0.5. */
static void beyond(const void *self, size_t n, const float o[], const float u[],
                   const float next[], uint8_t terminal[])
{
    (void)self, (void)o, (void)u;
    for (size_t i = 0; i < n; i++) terminal[i] = fabsf(next[i]) > 0.5f;
}

/* One that is neither linear nor of one noise: o' = a o + b u + sin(2 o) u / 2
 * + exp(o / 2 - 1) e, and rhat -(o^2 + c u^2) cos u. */
static elbo_status bent_node(const elbo_task_belief *belief, size_t member,
                             bool learnt, elbo_tape *tape,
                             elbo_task_nodes *nodes)
{
    const elbo_node x = nodes->o, u = nodes->u;
    const elbo_node wave = elbo_tape_unary(tape, ELBO_SIN, scaled(tape, x, 2));

    ELBO_TRY(plant_node(belief, member, learnt, tape, nodes));
    nodes->mean = elbo_tape_binary(
        tape, ELBO_ADD, nodes->mean,
        scaled(tape, elbo_tape_binary(tape, ELBO_MUL, wave, u), 0.5));
    nodes->std =
        elbo_tape_unary(tape, ELBO_EXP,
                        elbo_tape_binary(tape, ELBO_SUB, scaled(tape, x, 0.5),
                                         elbo_tape_number(tape, 1)));
    nodes->rhat = elbo_tape_binary(tape, ELBO_MUL, nodes->rhat,
                                   elbo_tape_unary(tape, ELBO_COS, u));
    return ELBO_OK;
}

static const elbo_task_model bent = {.node = bent_node, .elites = both};
static const elbo_task_model plant = {.node = plant_node, .elites = both};
static const elbo_task ending = {.terminal = beyond}, endless = {0};

typedef struct path_case {
    learning l;
    elbo_task_belief belief;
} path_case;

static void open_case(path_case *k, const elbo_task *task, const char *settings)
{
    elbo_rng rng = elbo_rng_stream(2385, "plant", 0);

    k->l = learning_make(1, 1, false, 1024);
    k->l.world.task = task;
    k->belief = (elbo_task_belief){
        .model = &plant, .world = &k->l.world, .members = 2, .n = 2};
    k->l.problem.belief = &k->belief;
    k->l.problem.gamma = gamma_;
    k->l.problem.temperature = 0;
    for (size_t i = 0; i < 1024; i++) {
        const double x = 1.2 * elbo_rng_uniform(&rng) - 0.6;
        const double u = 2 * elbo_rng_uniform(&rng) - 1;
        const float o = (float)x, v = (float)u, next = (float)(a * x + b * u);

        learning_push(&k->l, &o, &v, -(x * x + c * u * u), &next, false);
    }
    learning_open(&k->l, "pathwise", settings);
}

/* The policy that plays u = tanh(beta) whatever it sees, critics that say 0. */
static void hold_action(elbo_actor_critic *s, double beta)
{
    memset(s->actor.theta, 0, s->actor.n * sizeof(float));
    s->actor.theta[s->actor.n - 2] = (float)beta;
    s->actor.theta[s->actor.n - 1] = -20; /* its deviation's logarithm */
    for (size_t k = 0; k < s->shape.critics; k++)
        memset(s->critic[k].theta, 0, s->critic[k].n * sizeof(float));
}

/* -J and its slope in beta on the present batch; the slope's noise is its
 * deviation if all shocks of a path were one. */
typedef struct answer {
    double loss, slope, noise;
} answer;

static answer by_hand(const elbo_minibatch *batch, size_t H, double beta,
                      bool ends)
{
    const double v = tanh(beta), B = (double)batch->rows;
    answer out = {0};

    for (size_t i = 0; i < batch->rows; i++) {
        double x = (double)batch->o[i], s = 0, variance = 0, weight = 1;

        for (size_t t = 0; t < H; t++, weight *= gamma_) {
            out.loss += weight * (x * x + variance + c * v * v) / B;
            out.slope += weight * 2 * (x * s + c * v) * (1 - v * v) / B;
            if (i == 0)
                out.noise +=
                    weight * 2 * s * sqrt(variance) * (1 - v * v) / sqrt(B);
            x = a * x + b * v;
            s = a * s + b;
            variance = a * a * variance + sigma * sigma;
            if (ends && fabs(x) > 0.5) break;
        }
    }
    return out;
}

static answer by_tape(elbo_actor_critic *s)
{
    elbo_rng rng = elbo_rng_stream(7, "paths", 0);
    answer out = {0};
    double kl = 0;

    ck_assert_int_eq(s->aim_actor(s, &rng, &out.loss, &kl), ELBO_OK);
    for (size_t block = 0; block < s->batch.blocks; block++)
        out.slope += (double)s->actor.grad[block * s->actor.n + s->actor.n - 2];
    return out;
}

START_TEST(a_held_action_has_the_slope_of_the_closed_form)
{
    static const double noise[] = {0, 0.2};

    for (size_t k = 0; k < 2; k++) {
        path_case at;

        sigma = noise[k];
        open_case(&at, &endless, "horizon=5 width=4 batch=4096");

        elbo_actor_critic *const s = at.l.self;

        ck_assert_int_eq(learning_improve(&at.l, 1),
                         ELBO_OK); /* draws the batch */
        for (double beta = -0.7; beta < 1; beta += 0.4385) {
            hold_action(s, beta);

            const answer want = by_hand(&s->batch, 5, beta, false);
            const answer got = by_tape(s);

            ck_assert_double_eq_tol(got.slope, want.slope,
                                    2e-5 + 4 * want.noise);
            /* x^2 has the deviation sqrt 2 of its variance, and of x's mean */
            ck_assert_double_eq_tol(got.loss, want.loss,
                                    2e-5 + 20 * sigma / 64);
        }
        learning_free(&at.l);
    }
    sigma = 0;
}
END_TEST

START_TEST(a_path_stops_where_the_task_tells_an_end)
{
    path_case at;

    open_case(&at, &ending, "horizon=6 width=4 batch=300");

    elbo_actor_critic *const s = at.l.self;

    ck_assert_int_eq(learning_improve(&at.l, 1), ELBO_OK);
    for (double beta = -0.7; beta < 1; beta += 0.4385) {
        hold_action(s, beta);

        const answer want = by_hand(&s->batch, 6, beta, true), got = by_tape(s);
        const answer endless_one = by_hand(&s->batch, 6, beta, false);

        ck_assert_double_eq_tol(got.slope, want.slope, 2e-5);
        ck_assert_double_eq_tol(got.loss, want.loss, 2e-5);
        ck_assert_double_gt(fabs(endless_one.loss - want.loss), 1e-3);
    }
    learning_free(&at.l);
}
END_TEST

/* Every parameter of the policy, by way of actions, the model's means and
 * deviations, rewards, the KL at temperature 0.3 and the critics at the end, in
 * double; and what the update climbs in float is that to float's rounding. Ends
 * are as the update found them. */
START_TEST(the_graph_in_double_has_the_slopes_of_differences)
{
    static const char *const settings[] = {
        "horizon=1 width=5 batch=12 activation=tanh",
        "horizon=4 width=5 batch=12 activation=tanh critics=1",
        "horizon=4 layers=1 width=6 batch=12 activation=silu"};
    path_case at;

    open_case(&at, _i == 2 ? &ending : &endless, "width=4");
    at.belief.model = &bent;
    at.l.problem.temperature = 0.3;
    learning_open(&at.l, "pathwise", settings[_i]);
    ck_assert_int_eq(learning_improve(&at.l, 3), ELBO_OK);

    elbo_actor_critic *const s = at.l.self;
    elbo_pathwise *const p = s->own;
    double *const theta = elbo_arena_doubles(at.l.arena, s->actor.n);

    (void)by_tape(s); /* the gradient at the parameters as they are now */
    for (size_t i = 0; i < s->actor.n; i++)
        theta[i] = (double)s->actor.theta[i];
    for (size_t block = 0; block < s->batch.blocks; block++) {
        const float *const grad = s->actor.grad + block * s->actor.n;
        float *const slope =
            elbo_arena_take(at.l.arena, s->actor.n, sizeof *slope);
        elbo_pathwise_graph g;

        ck_assert_int_eq(elbo_pathwise_unroll(s, p, p->member, block, ELBO_F64,
                                              &g, at.l.arena),
                         ELBO_OK);
        network_check_gradient(&s->shape.actor, &g.actor, g.tape, g.loss, theta,
                               1e-8);
        elbo_mlp_set(&s->shape.actor, &g.actor, g.tape, theta);
        elbo_tape_forward(g.tape);
        elbo_tape_backward(g.tape, g.loss);
        elbo_mlp_gradient(&s->shape.actor, &g.actor, g.tape, slope);
        for (size_t i = 0; i < s->actor.n; i++)
            ck_assert_double_eq_tol((double)grad[i], (double)slope[i],
                                    1e-5 * (1 + fabs((double)slope[i])));
    }
    learning_free(&at.l);
}
END_TEST

static double gain(void)
{
    double P = 1, K = 0;

    for (size_t i = 0; i < 1000; i++) {
        const double S = c + gamma_ * b * b * P;

        K = gamma_ * a * b * P / S;
        P = 1 + gamma_ * a * a * P - K * K * S;
    }
    return K;
}

START_TEST(the_policy_that_is_learnt_has_the_riccati_equations_gain)
{
    path_case at;

    sigma = 0.05;
    open_case(&at, &endless,
              "horizon=3 critics=1 width=32 batch=64 rate=0.002 tau=0.02 "
              "activation=silu");
    ck_assert_int_eq(learning_improve(&at.l, 1500), ELBO_OK);
    for (double x = -0.5; x <= 0.51; x += 0.25) {
        const float o = (float)x;
        float u;
        elbo_task_act act = {.n = 1, .o = &o, .u = &u};

        ck_assert_int_eq(at.l.task->act(at.l.self, &act, at.l.ws), ELBO_OK);
        ck_assert_double_eq_tol((double)u, -gain() * x, 0.05);
    }
    learning_free(&at.l);
    sigma = 0;
}
END_TEST

static void check_same(const path_case *x, const path_case *y)
{
    const elbo_actor_critic *const s = x->l.self, *const t = y->l.self;

    ck_assert_mem_eq(s->actor.theta, t->actor.theta,
                     s->actor.n * sizeof(float));
    ck_assert_mem_eq(s->critic[1].theta, t->critic[1].theta,
                     s->critic[1].n * sizeof(float));
}

START_TEST(a_saved_path_goes_on_to_the_same_bits_on_any_number_of_threads)
{
    static const char settings[] = "width=32 batch=512";
    const int before = omp_get_max_threads();
    path_case k[3];

    sigma = 0.1;
    for (int i = 0; i < 3; i++) {
        open_case(&k[i], &ending, settings);
        omp_set_num_threads(1 << i);
        if (i == 0) {
            ck_assert_int_eq(learning_improve(&k[0].l, 2), ELBO_OK);
            learning_save(&k[0].l, scratch_path);
        } else {
            ck_assert_int_eq(learning_load(&k[i].l, scratch_path), ELBO_OK);
        }
        ck_assert_int_eq(learning_improve(&k[i].l, 3), ELBO_OK);
        check_same(&k[0], &k[i]);
    }
    for (int i = 0; i < 3; i++) learning_free(&k[i].l);
    omp_set_num_threads(before);
    sigma = 0;
}
END_TEST

START_TEST(a_model_without_derivatives_or_rewards_is_refused)
{
    static const elbo_task_model stiff = {.elites = both};
    learning l = learning_make(1, 1, false, 4);
    elbo_task_belief belief = {
        .model = &stiff, .world = &l.world, .members = 1, .n = 1};

    l.problem.belief = &belief;
    ck_assert_int_eq(learning_try_open(&l, "pathwise", "width=4"), ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "derivatives"));
    belief.model = &plant;
    rewards = false;
    ck_assert_int_eq(learning_try_open(&l, "pathwise", "width=4"), ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "reward"));
    rewards = true;
    learning_free(&l);
}
END_TEST

Suite *suite_pathwise(void)
{
    Suite *suite = suite_create("pathwise");
    TCase *t = tcase_create("pathwise");

    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, a_held_action_has_the_slope_of_the_closed_form);
    tcase_add_test(t, a_path_stops_where_the_task_tells_an_end);
    tcase_add_loop_test(t, the_graph_in_double_has_the_slopes_of_differences, 0,
                        3);
    tcase_add_test(t, the_policy_that_is_learnt_has_the_riccati_equations_gain);
    tcase_add_test(
        t, a_saved_path_goes_on_to_the_same_bits_on_any_number_of_threads);
    tcase_add_test(t, a_model_without_derivatives_or_rewards_is_refused);
    suite_add_tcase(suite, t);
    return suite;
}

/* tests/test_task_objective.c -- expressions as the data term and the weight of
 * control tasks.
 */
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "inference/core/linalg.h"
#include "inference/task_objective.h"
#include "tests/engine_cases.h"
#include "tests/ensemble_cases.h"
#include "tests/suites.h"

/* ---- a control that tells all there is to tell ---- */

/* V = 2 tanh(z), or 2 z; z = 0.7 o_0 - 0.4 o_1 + 0.2 */
static double line(const float o[])
{
    return 0.7 * (double)o[0] - 0.4 * (double)o[1] + 0.2;
}

static elbo_status value(void *self, size_t n, const float o[], float V[],
                         float slope[], elbo_arena *ws)
{
    const bool bent = *(const bool *)self;

    (void)ws;
    for (size_t i = 0; i < n; i++) {
        const double z = line(o + 2 * i), t = tanh(z), d = bent ? 1 - t * t : 1;

        V[i] = (float)(2 * (bent ? t : z));
        if (slope) slope[2 * i] = (float)(2 * 0.7 * d);
        if (slope) slope[2 * i + 1] = (float)(2 * -0.4 * d);
    }
    return ELBO_OK;
}

static elbo_status value_node(void *self, elbo_tape *tape, elbo_node o,
                              elbo_node *V)
{
    const elbo_node w = elbo_tape_join(tape, elbo_tape_number(tape, 0.7),
                                       elbo_tape_number(tape, -0.4));
    elbo_node z = elbo_tape_matmul(tape, o, false, w, true);

    z = elbo_tape_binary(tape, ELBO_ADD, z, elbo_tape_number(tape, 0.2));
    if (*(const bool *)self) z = elbo_tape_unary(tape, ELBO_TANH, z);
    *V = elbo_tape_scale(tape, z, 2);
    return ELBO_OK;
}

static elbo_status action_value(void *self, size_t n, const float o[],
                                const float u[], float Q[], elbo_arena *ws)
{
    (void)self, (void)ws;
    for (size_t i = 0; i < n; i++) Q[i] = o[2 * i] + 3 * u[i];
    return ELBO_OK;
}

static elbo_status log_policy(void *self, size_t n, const float o[],
                              const float u[], float out[], elbo_arena *ws)
{
    (void)self, (void)o, (void)ws;
    for (size_t i = 0; i < n; i++) out[i] = -u[i] * u[i];
    return ELBO_OK;
}

static bool bent = true, straight = false;
static const elbo_task_control telling = {.value = value,
                                          .value_node = value_node,
                                          .action_value = action_value,
                                          .log_policy = log_policy};

typedef struct bench {
    elbo_task_world world;
    elbo_task_belief belief;
    elbo_replay data;
    elbo_task_sight sight;
} bench;

static void set_up(bench *b, const char *settings, size_t n, double noise,
                   bool *curve)
{
    b->world = ensemble_world();
    b->belief = ensemble_open(&elbo_model_ensemble, settings, &b->world, 5);
    b->data = ensemble_rows(n, noise, 2);
    b->sight = (elbo_task_sight){.world = &b->world,
                                 .belief = &b->belief,
                                 .control = &telling,
                                 .solver = curve,
                                 .gamma = 0.9,
                                 .seed = 4};
}

static elbo_task_objective *open_one(const bench *b, const char *text,
                                     bool weight)
{
    elbo_task_objective *o;

    case_ok(elbo_task_objective_open(weight ? "weight" : "likelihood", text,
                                     weight, &b->sight, b->data.capacity,
                                     ensemble_arena, &o));
    return o;
}

static elbo_task_fit fit(bench *b, elbo_task_objective *o)
{
    elbo_task_mstep mstep = ensemble_mstep(&b->data);
    elbo_task_fit info;

    case_ok(elbo_task_objective_plan(o, &b->data, NULL, ensemble_ws));
    mstep.likelihood = elbo_task_objective_likelihood(o);
    case_ok(b->belief.model->fit(&b->belief, &mstep, &info, ensemble_ws));
    case_ok(elbo_task_objective_made(o));
    return info;
}

/* ---- values ---- */

START_TEST(the_density_as_an_expression_is_the_model_s_own)
{
    enum { N = 300 };
    bench b;
    uint32_t slot[N];
    double want[N], got[N];

    set_up(&b, "members=1 width=9 reward=learnt", N, 0.3, &bent);

    elbo_task_objective *o = open_one(&b, "1*logp", false);

    fit(&b, o);
    for (size_t i = 0; i < N; i++) slot[i] = (uint32_t)i;
    case_ok(b.belief.model->log_density(&b.belief, &b.data, slot, N, want,
                                        ensemble_ws));
    case_ok(elbo_task_objective_values(o, 0, got, ensemble_ws));
    for (size_t i = 0; i < N; i++)
        ck_assert_double_eq_tol(got[i], want[i], 2e-4 * (1 + fabs(want[i])));
    elbo_task_objective_close(o);
}
END_TEST

/* Samples of the model's own draws, by the thousand. */
START_TEST(a_mean_over_the_model_is_that_of_its_draws)
{
    enum { N = 2, DRAWS = 20000 };
    bench b;
    double got[N] = {0}, once[N];
    uint32_t member[DRAWS] = {0};
    static float o[DRAWS * 2], u[DRAWS], next[DRAWS * 2], reward[DRAWS],
        V[DRAWS];
    static uint8_t end[DRAWS];
    static elbo_rng rng[DRAWS];

    set_up(&b, "members=1 width=9", N, 0.3, &bent);

    elbo_task_objective *e = open_one(&b, "logp*0 + E(V(y))", false);

    case_ok(elbo_task_objective_plan(e, &b.data, NULL, ensemble_ws));
    for (uint64_t k = 0; k < 5000; k++) {
        case_ok(elbo_task_objective_values(e, k, once, ensemble_ws));
        for (size_t i = 0; i < N; i++) got[i] += once[i] / 5000;
    }
    for (size_t i = 0; i < N; i++) {
        double sum = 0;

        for (size_t k = 0; k < DRAWS; k++) {
            rng[k] = elbo_rng_stream(9, "draws", k);
            memcpy(o + 2 * k, b.data.o + 2 * i, 2 * sizeof *o);
            u[k] = b.data.u[i];
        }
        case_ok(b.belief.model->draw(&b.belief, DRAWS, o, u, member, rng, false,
                                     next, reward, end, ensemble_ws));
        case_ok(value(&bent, DRAWS, next, V, NULL, NULL));
        for (size_t k = 0; k < DRAWS; k++) sum += (double)V[k] / DRAWS;
        ck_assert(!b.data.end[i]);
        ck_assert_double_eq_tol(got[i], sum,
                                5 * 2.0 / sqrt(DRAWS)); /* |V| <= 2 */
    }
    elbo_task_objective_close(e);
}
END_TEST

/* ---- learning ---- */

/* The affine map of (o, u, 1) whose squares against t are least, at row i. */
static void least_squares(const elbo_replay *d, const double t[], double out[])
{
    gsl_matrix *X = elbo_arena_mat(ensemble_ws, d->n, 4);
    gsl_matrix *XX = elbo_arena_mat(ensemble_ws, 4, 4);
    gsl_vector *Xt = elbo_arena_vec(ensemble_ws, 4);

    for (size_t i = 0; i < d->n; i++) {
        gsl_matrix_set(X, i, 0, (double)d->o[2 * i]);
        gsl_matrix_set(X, i, 1, (double)d->o[2 * i + 1]);
        gsl_matrix_set(X, i, 2, (double)d->u[i]);
        gsl_matrix_set(X, i, 3, 1);
    }
    gsl_vector_const_view view = gsl_vector_const_view_array(t, d->n);

    gsl_blas_dgemm(CblasTrans, CblasNoTrans, 1, X, X, 0, XX);
    gsl_blas_dgemv(CblasTrans, 1, X, &view.vector, 0, Xt);
    gsl_linalg_cholesky_decomp1(XX);
    gsl_linalg_cholesky_svx(XX, Xt);

    gsl_vector_view y = gsl_vector_view_array(out, d->n);

    gsl_blas_dgemv(CblasNoTrans, 1, X, Xt, 0, &y.vector);
}

/* A linear model under a linear value: the mean of V is affine in (o, u), and
 * its squared error has one optimum, that of least squares, whatever else the
 * model's two dimensions do. */
START_TEST(itervaml_of_a_linear_model_is_least_squares_on_values)
{
    enum { N = 200 };
    bench b;
    double t[N], want[N], V[N];
    float mean[2 * N], reward[N];
    uint32_t member[N] = {0};
    static elbo_rng rng[N];
    uint8_t end[N];

    set_up(
        &b,
        "members=1 layers=0 head=deterministic batch=200 epochs=3000 holdout=0 "
        "rate=0.01 terminal=never",
        N, 0.3, &straight);
    memset(b.data.end, 0, N);

    elbo_task_objective *o =
        open_one(&b, "-0.5*sq(E(V(y)) - Ed(V(next)))", false);

    fit(&b, o);
    for (size_t i = 0; i < N; i++) t[i] = 2 * line(b.data.next + 2 * i);
    least_squares(&b.data, t, want);
    case_ok(b.belief.model->draw(&b.belief, N, b.data.o, b.data.u, member, rng,
                                 true, mean, reward, end, ensemble_ws));
    for (size_t i = 0; i < N; i++) {
        V[i] = 2 * line(mean + 2 * i);
        ck_assert_double_eq_tol(V[i], want[i], 2e-3);
    }
    elbo_task_objective_close(o);
}
END_TEST

static const char *const objectives[] = {
    "logp",
    "-0.5*sq(E(V(y)) - V(next))",
    "-0.5*E(sq(V(y) - V(next)))",
    "-0.5*sum(sq(stop(gradV(next))*(E(y) - next)))",
    "logp - 0.1*sq(E(V(y)) - V(next))",
    "-abs(E(V(y)) - V(next))",
    "-0.5*sq(rhat + gamma*E(V(y)) - (r + gamma*V(next)))",
    "-0.5*usq(E(V(y), 2) - V(next))",
    "-abs(mean(E(V(y)) - V(next)))",
};
enum { OBJECTIVES = sizeof objectives / sizeof *objectives };

START_TEST(each_objective_gains_on_rows_it_did_not_see)
{
    bench b;

    set_up(&b,
           "members=2 layers=1 width=16 head=gaussian batch=64 epochs=1 "
           "holdout=0.2",
           600, 0.2, &bent);

    elbo_task_objective *o = open_one(&b, objectives[_i], false);
    const double before = fit(&b, o).holdout;
    double after = before;

    for (size_t k = 0; k < 8; k++) after = fit(&b, o).holdout;
    ck_assert_msg(after > before + 0.1 * fabs(before)
                      || (after > before && after > -1e-3),
                  "%s: %g, then %g", objectives[_i], before, after);
    elbo_task_objective_close(o);
}
END_TEST

START_TEST(an_m_step_is_the_same_for_any_number_of_threads)
{
    const int threads = omp_get_max_threads(), some[] = {1, 2, 4};
    elbo_ensemble *e[3];

    for (size_t k = 0; k < 3; k++) {
        bench b;

        omp_set_num_threads(some[k]);
        set_up(&b, "members=3 layers=1 width=8 epochs=2", 200, 0.2, &bent);

        elbo_task_objective *o = open_one(&b, objectives[4], false);

        fit(&b, o);
        e[k] = b.belief.self;
        elbo_task_objective_close(o);
    }
    omp_set_num_threads(threads);
    for (size_t k = 1; k < 3; k++)
        ck_assert(memcmp(e[0]->theta, e[k]->theta,
                         e[0]->members * e[0]->size * sizeof *e[0]->theta)
                  == 0);
}
END_TEST

/* All the way from a member's parameters, in double. */
START_TEST(each_derivative_is_the_difference_quotient)
{
    const double h = 1e-5;
    bench b;
    elbo_ensemble_task t = {0};
    double up, down, moved = 0;

    set_up(&b, "members=1 layers=1 width=5 activation=tanh batch=16", 40, 0.2,
           &bent);

    elbo_ensemble *const e = b.belief.self;
    elbo_task_objective *const o = open_one(&b, objectives[_i], false);
    elbo_task_mstep mstep = ensemble_mstep(&b.data);
    double *const theta = elbo_arena_doubles(ensemble_ws, e->size);
    double *const slope = elbo_arena_doubles(ensemble_ws, e->size);

    case_ok(elbo_task_objective_plan(o, &b.data, NULL, ensemble_ws));
    mstep.likelihood = elbo_task_objective_likelihood(o);
    t = (elbo_ensemble_task){.belief = &b.belief, .mstep = &mstep};
    elbo_ensemble_scale(e, &b.data);
    case_ok(elbo_ensemble_split(e, &b.data, &t.rows, ensemble_arena));
    case_ok(elbo_ensemble_prepare(&t, ensemble_arena));
    case_ok(elbo_ensemble_build(&t, ELBO_F64));
    case_ok(elbo_task_objective_made(o));
    for (size_t i = 0; i < t.batch; i++) t.slot[i] = (uint32_t)i;
    t.rng = elbo_rng_stream(1, "check", 0);
    elbo_ensemble_bind(&t);
    for (size_t j = 0; j < e->size; j++) theta[j] = (double)e->theta[j];
    elbo_ensemble_set(e, theta, t.tape, &t.nodes);
    elbo_tape_forward(t.tape);
    elbo_tape_backward(t.tape, t.objective);

    const elbo_ensemble_leaves l = elbo_ensemble_leaves_of(&t.nodes);
    const size_t n =
        elbo_tape_rows(t.tape, l.mlp.W[0]) * elbo_tape_cols(t.tape, l.mlp.W[0]);

    elbo_tape_gradient(t.tape, l.mlp.W[0], slope);
    elbo_tape_hold(t.tape, true);
    for (size_t j = 0; j < n; j++) {
        const double x = theta[j];

        theta[j] = x + h;
        elbo_ensemble_set(e, theta, t.tape, &t.nodes);
        elbo_tape_forward(t.tape);
        elbo_tape_get(t.tape, t.objective, &up);
        theta[j] = x - h;
        elbo_ensemble_set(e, theta, t.tape, &t.nodes);
        elbo_tape_forward(t.tape);
        elbo_tape_get(t.tape, t.objective, &down);
        theta[j] = x;

        const double want = (up - down) / (2 * h);

        moved = fmax(moved, fabs(want));
        ck_assert_msg(fabs(slope[j] - want) <= 1e-6 * (1 + fabs(want)),
                      "%s, %zu: %.10g, not %.10g", objectives[_i], j, slope[j],
                      want);
    }
    ck_assert_double_gt(moved, 1e-4);
    elbo_tape_free(t.tape);
    elbo_task_objective_close(o);
}
END_TEST

/* ---- weights ---- */

START_TEST(a_weight_is_its_expression_at_each_row)
{
    enum { N = 700 };
    bench b;
    double w[N], density[N];
    uint32_t slot[N];

    set_up(&b, "members=3 width=9", N, 0.3, &bent);
    for (size_t i = 0; i < N; i++) slot[i] = (uint32_t)i;

    elbo_task_objective *o = open_one(
        &b, "exp(clip(A(s, a), -1, 1)) + sq(V(next)) + exp(logpi + logp)",
        true);

    case_ok(elbo_task_objective_plan(o, &b.data, NULL, ensemble_ws));
    case_ok(elbo_task_objective_weights(o, w, ensemble_ws));
    case_ok(b.belief.model->log_density(&b.belief, &b.data, slot, N, density,
                                        ensemble_ws));
    for (size_t i = 0; i < N; i++) {
        const double u = (double)b.data.u[i],
                     Q = (double)b.data.o[2 * i] + 3 * u;
        const double A = Q - 2 * tanh(line(b.data.o + 2 * i));
        const double V =
            b.data.end[i] ? 0 : 2 * tanh(line(b.data.next + 2 * i));
        const double want =
            exp(fmin(fmax(A, -1), 1)) + V * V + exp(-u * u + density[i]);

        ck_assert_double_eq_tol(w[i], want, 1e-5 * (1 + want));
    }
    elbo_task_objective_close(o);
}
END_TEST

/* After the ring has gone round, a slot's weight is its new tenant's. */
START_TEST(weights_follow_rows_round_the_ring)
{
    enum { N = 50 };
    bench b;
    double w[N];

    set_up(&b, "members=1 width=4", N, 0.3, &bent);

    elbo_task_objective *o = open_one(&b, "sq(V(next)) + sq(r)", true);
    const elbo_replay more = ensemble_rows(30, 0.3, 77);

    case_ok(elbo_task_objective_plan(o, &b.data, NULL, ensemble_ws));
    for (size_t i = 0; i < more.n; i++) {
        const elbo_replay_row row = {.o = more.o + 2 * i,
                                     .u = more.u + i,
                                     .next = more.next + 2 * i,
                                     .reward = more.reward[i],
                                     .end = more.end[i]};

        case_ok(elbo_replay_push(&b.data, &row));
    }
    case_ok(elbo_task_objective_plan(o, &b.data, NULL, ensemble_ws));
    case_ok(elbo_task_objective_weights(o, w, ensemble_ws));
    for (size_t i = 0; i < N; i++) {
        const float *next = i < 30 ? more.next + 2 * i : b.data.next + 2 * i;
        const double r = (double)(i < 30 ? more.reward[i] : b.data.reward[i]);
        const double V = b.data.end[i] ? 0 : 2 * tanh(line(next));

        ck_assert_double_eq_tol(w[i], V * V + r * r,
                                1e-5 * (1 + V * V + r * r));
    }
    elbo_task_objective_close(o);
}
END_TEST

START_TEST(a_weight_that_is_none_names_its_row)
{
    bench b;
    double w[20];

    set_up(&b, "members=1 width=4", 20, 0.3, &bent);
    b.data.reward[13] = -4;
    b.data.episode[13] = 2;

    elbo_task_objective *o = open_one(&b, "max(r, -4) + 3.5", true);

    for (size_t i = 0; i < 20; i++)
        b.data.reward[i] = fmaxf(b.data.reward[i], -3);
    b.data.reward[13] = -4;
    case_ok(elbo_task_objective_plan(o, &b.data, NULL, ensemble_ws));
    case_fails(
        elbo_task_objective_weights(o, w, ensemble_ws), ELBO_ECHECK,
        "-0.5 in row 13 (episode 2, step 13): a weight must not be negative");
    o = open_one(&b, "log(r + 4)", true);
    case_ok(elbo_task_objective_plan(o, &b.data, NULL, ensemble_ws));
    case_fails(elbo_task_objective_weights(o, w, ensemble_ws), ELBO_ENOTFINITE,
               "-inf in row 13");
}
END_TEST

/* ---- what is not there ---- */

START_TEST(what_a_control_or_model_has_not_is_refused)
{
    static const elbo_task_control mute = {.plans = true};
    bench b;
    elbo_task_objective *o;

    set_up(&b, "members=1 width=4", 20, 0.3, &bent);
    b.sight.control = &mute;
    case_fails(elbo_task_objective_open("likelihood", "logp + E(V(y))", false,
                                        &b.sight, 9, ensemble_arena, &o),
               ELBO_EINVAL,
               "likelihood, column 10: V: this control has no value");
    case_fails(elbo_task_objective_open("weight", "exp(A(s, a))", true,
                                        &b.sight, 9, ensemble_arena, &o),
               ELBO_EINVAL,
               "weight, column 5: A: this control tells no value of an");
    case_fails(elbo_task_objective_open("weight", "E(r)", true, &b.sight, 9,
                                        ensemble_arena, &o),
               ELBO_EINVAL, "no member");
    case_fails(elbo_task_objective_open("likelihood", "V(a*s)*logp", false,
                                        &b.sight, 9, ensemble_arena, &o),
               ELBO_EINVAL, "V: ");
}
END_TEST

Suite *suite_task_objective(void)
{
    Suite *s = suite_create("task_objective");
    TCase *t = tcase_create("task_objective");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(t, the_density_as_an_expression_is_the_model_s_own);
    tcase_add_test(t, a_mean_over_the_model_is_that_of_its_draws);
    tcase_add_test(t, itervaml_of_a_linear_model_is_least_squares_on_values);
    tcase_add_loop_test(t, each_objective_gains_on_rows_it_did_not_see, 0,
                        OBJECTIVES - 1); /* the mean of a batch is mostly noise */
    tcase_add_test(t, an_m_step_is_the_same_for_any_number_of_threads);
    tcase_add_loop_test(t, each_derivative_is_the_difference_quotient, 0,
                        OBJECTIVES);
    tcase_add_test(t, a_weight_is_its_expression_at_each_row);
    tcase_add_test(t, weights_follow_rows_round_the_ring);
    tcase_add_test(t, a_weight_that_is_none_names_its_row);
    tcase_add_test(t, what_a_control_or_model_has_not_is_refused);
    suite_add_tcase(s, t);
    return s;
}

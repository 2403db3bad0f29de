/* tests/test_linear_critic.c -- the gradient slot of control tasks where critic
 * and model are linear: in closed form.
 */
#include <gsl/gsl_eigen.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/task_gradient.h"
#include "tests/engine_cases.h"
#include "tests/equation_lab.h"
#include "tests/suites.h"

/* Q = w'(o, u, 1), its slow copy a'o + 0.2 of a fixed policy. */
enum { FEATURES = 5 };
static double linear_w[FEATURES];
static const double slow[] = {0.6, -0.3};

static elbo_node features(elbo_tape *tape, elbo_node o, elbo_node u)
{
    const elbo_node one = elbo_tape_binary(
        tape, ELBO_ADD,
        elbo_tape_scale(tape, elbo_tape_columns(tape, o, 0, 1), 0),
        elbo_tape_number(tape, 1));

    return elbo_tape_join(tape, elbo_tape_join(tape, o, u), one);
}

static void linear_unknowns(void *self, elbo_tape *tape, elbo_task_unknowns *w)
{
    (void)self;
    w->n = 1;
    w->leaf[0] = elbo_tape_input(tape, FEATURES, 1);
    elbo_tape_point(tape, w->leaf[0], linear_w);
}

static elbo_node linear_Q(void *self, elbo_tape *tape,
                          const elbo_task_unknowns *w, elbo_node o, elbo_node u)
{
    (void)self;
    return elbo_tape_matmul(tape, features(tape, o, u), false, w->leaf[0],
                            false);
}

static elbo_node linear_target(void *self, elbo_tape *tape, elbo_node o)
{
    const elbo_node a = elbo_tape_join(tape, elbo_tape_number(tape, slow[0]),
                                       elbo_tape_number(tape, slow[1]));

    (void)self;
    return elbo_tape_binary(tape, ELBO_ADD,
                            elbo_tape_matmul(tape, o, false, a, true),
                            elbo_tape_number(tape, 0.2));
}

static elbo_node linear_loss(void *self, elbo_tape *tape,
                             const elbo_task_unknowns *w,
                             const elbo_task_outcome *x)
{
    const elbo_node alive =
        elbo_tape_binary(tape, ELBO_SUB, elbo_tape_number(tape, 1), x->end);
    const elbo_node next =
        elbo_tape_scale(tape,
                        elbo_tape_binary(tape, ELBO_MUL, alive,
                                         linear_target(self, tape, x->next)),
                        0.9);
    const elbo_node off =
        elbo_tape_binary(tape, ELBO_SUB, linear_Q(self, tape, w, x->o, x->u),
                         elbo_tape_binary(tape, ELBO_ADD, x->reward, next));

    return elbo_tape_scale(
        tape,
        elbo_tape_sum(tape, elbo_tape_unary(tape, ELBO_SQ, off), ELBO_ALL),
        0.5 / EQUATION_ROWS);
}

static const elbo_task_equation linear_equation = {.unknowns = linear_unknowns,
                                                   .loss = linear_loss,
                                                   .Q = linear_Q,
                                                   .target = linear_target};

static void feature(const equation_bench *b, size_t i, double out[FEATURES])
{
    for (size_t k = 0; k < 2; k++) {
        out[k] = (double)b->data.o[2 * i + k];
        out[2 + k] = (double)b->data.u[2 * i + k];
    }
    out[4] = 1;
}

/* ---- in closed form ---- */

/* L = w'Hw / 2 - c'w and more: H = Phi'Phi / B, c = Phi'y / B, Phi the features,
 * y = rhat + gamma (1 - end) (a'next + 0.2) of an affine model. */
typedef struct quadratic {
    gsl_matrix *V; /* [FEATURES x FEATURES] H = V diag(lambda) V' */
    gsl_vector *lambda;
    double solution[FEATURES];
} quadratic;

/* out = V diag(f) V' x */
static void along(const quadratic *q, const double f[], const double x[],
                  double out[])
{
    double sum[FEATURES] = {0};

    for (size_t j = 0; j < FEATURES; j++) {
        double c = 0;

        for (size_t i = 0; i < FEATURES; i++) c += gsl_matrix_get(q->V, i, j) * x[i];
        for (size_t i = 0; i < FEATURES; i++)
            sum[i] += gsl_matrix_get(q->V, i, j) * f[j] * c;
    }
    memcpy(out, sum, sizeof sum);
}

/* What a row's successor is worth to y: 0 at an end. */
static double counts(const equation_bench *b, size_t i)
{
    return b->data.end[i] ? 0 : 0.9;
}

/* theta: W [4 x 3], b [3]; an affine map's columns are the change of o, then r. */
static double aim_of(const equation_bench *b, size_t i, const double f[])
{
    double y[3] = {0};

    for (size_t k = 0; k < FEATURES; k++)
        for (size_t c = 0; c < 3; c++) y[c] += f[k] * b->theta[3 * k + c];
    return y[2]
           + counts(b, i)
                 * (slow[0] * (f[0] + y[0]) + slow[1] * (f[1] + y[1]) + 0.2);
}

static quadratic quadratic_of(const equation_bench *b)
{
    gsl_matrix *const H = elbo_arena_mat(ensemble_ws, FEATURES, FEATURES);
    gsl_eigen_symmv_workspace *const room = gsl_eigen_symmv_alloc(FEATURES);
    quadratic q = {.V = elbo_arena_mat(ensemble_ws, FEATURES, FEATURES),
                   .lambda = elbo_arena_vec(ensemble_ws, FEATURES)};
    double f[FEATURES], c[FEATURES] = {0};

    gsl_matrix_set_zero(H);
    for (size_t i = 0; i < EQUATION_ROWS; i++) {
        feature(b, i, f);
        for (size_t k = 0; k < FEATURES; k++) {
            c[k] += f[k] * aim_of(b, i, f) / EQUATION_ROWS;
            for (size_t j = 0; j < FEATURES; j++)
                *gsl_matrix_ptr(H, k, j) += f[k] * f[j] / EQUATION_ROWS;
        }
    }
    gsl_eigen_symmv(H, q.lambda, q.V, room);
    gsl_eigen_symmv_free(room);
    for (size_t k = 0; k < FEATURES; k++) f[k] = 1 / gsl_vector_get(q.lambda, k);
    along(&q, f, c, q.solution);
    return q;
}

/* l_w at w of l = -mean (Q - r - gamma (1 - end) V_target(next))^2 / 2. */
static void slope_of_l(const equation_bench *b, const double w[], double out[])
{
    memset(out, 0, FEATURES * sizeof *out);
    for (size_t i = 0; i < EQUATION_ROWS; i++) {
        const float *const next = b->data.next + 2 * i;
        double f[FEATURES], off = -(double)b->data.reward[i];

        feature(b, i, f);
        for (size_t k = 0; k < FEATURES; k++) off += f[k] * w[k];
        off -= counts(b, i)
               * (slow[0] * (double)next[0] + slow[1] * (double)next[1] + 0.2);
        for (size_t k = 0; k < FEATURES; k++) out[k] -= f[k] * off / EQUATION_ROWS;
    }
}

/* dl/dtheta by k steps of rate eta from w, or, k infinite, by their limit:
 *   w_k = w* + (I - eta H)^k (w - w*)
 *   (Phi v / B)' dy/dtheta,  v = (I - (I - eta H)^k) H^-1 l_w(w_k) */
static void closed_form(const equation_bench *b, double k, double eta,
                        const double w[], double out[])
{
    const quadratic q = quadratic_of(b);
    double f[FEATURES], at[FEATURES], v[FEATURES];

    for (size_t j = 0; j < FEATURES; j++) {
        f[j] = pow(1 - eta * gsl_vector_get(q.lambda, j), k);
        at[j] = w[j] - q.solution[j];
    }
    along(&q, f, at, at);
    for (size_t j = 0; j < FEATURES; j++) {
        at[j] += q.solution[j];
        f[j] = (1 - f[j]) / gsl_vector_get(q.lambda, j);
    }
    slope_of_l(b, at, v);
    along(&q, f, v, v);
    memset(out, 0, 3 * FEATURES * sizeof *out);
    for (size_t i = 0; i < EQUATION_ROWS; i++) {
        double c = 0;

        feature(b, i, f);
        for (size_t j = 0; j < FEATURES; j++) c += f[j] * v[j] / EQUATION_ROWS;
        for (size_t j = 0; j < FEATURES; j++) {
            out[3 * j] += c * counts(b, i) * slow[0] * f[j];
            out[3 * j + 1] += c * counts(b, i) * slow[1] * f[j];
            out[3 * j + 2] += c * f[j];
        }
    }
}

/* ---- by the gradient slot ---- */

static void set_up(equation_bench *b, const char *gradient)
{
    equation_set_up(
        b, 1, gradient,
        "members=1 layers=0 head=deterministic reward=learnt terminal=never "
        "normalise=none holdout=0 batch=60",
        equation_texts[0]);
    ck_assert_uint_eq(b->n, 3 * FEATURES);
}

/* The nodes of l, and of what moves in it. */
static void make_objective(equation_lab *l, elbo_task_pull *pull)
{
    elbo_network_frame frame = {0};
    elbo_node Q, next, unused;

    elbo_task_pull_frame(pull, &frame);
    ck_assert(frame.moving(frame.control, l->tape, ELBO_NETWORK_Q, &Q));
    ck_assert(
        frame.moving(frame.control, l->tape, ELBO_NETWORK_TARGET_NEXT, &next));
    ck_assert(
        !frame.moving(frame.control, l->tape, ELBO_NETWORK_LOGPI, &unused));

    const elbo_node y = equation_bin(l, ELBO_ADD, l->nodes.reward,
                                     elbo_tape_scale(l->tape, next, 0.9));

    l->outer = elbo_tape_scale(
        l->tape,
        elbo_tape_sum(l->tape,
                      equation_half_square(l, equation_bin(l, ELBO_SUB, Q, y)),
                      ELBO_ALL),
        1.0 / EQUATION_ROWS);
}

/* What goes through the critic, which stands at linear_w. */
static elbo_status derive(const equation_bench *b, double out[],
                          elbo_gradient_info *info)
{
    static const elbo_task_control control = {.equation = &linear_equation};
    equation_lab l = {.b = b, .tape = elbo_tape_alloc(ELBO_F64)};
    elbo_task_nodes *const x = &l.nodes;
    elbo_node leaf[ELBO_ENSEMBLE_LEAVES];
    double part[3 * FEATURES];
    bool more = true;
    elbo_task_pull *pull;

    equation_member(b, l.tape, x);
    case_ok(elbo_task_pull_alloc(&b->route, &control, NULL, l.tape, x, &pull));
    make_objective(&l, pull);
    case_ok(elbo_tape_finish(l.tape));
    equation_bind(&l);
    elbo_ensemble_set(b->belief.self, b->theta, l.tape, x);
    memset(out, 0, 3 * FEATURES * sizeof *out);
    memset(info, 0, sizeof *info);

    const elbo_status s = elbo_task_pull_forward(pull);

    if (s == ELBO_OK) elbo_tape_backward(l.tape, l.outer);
    while (s == ELBO_OK && more) {
        case_ok(elbo_task_pull_apply(pull, info, &more));
        equation_read(l.tape, elbo_ensemble_learnt(b->belief.self, x, leaf), leaf,
                      elbo_tape_product, part);
        for (size_t i = 0; i < 3 * FEATURES; i++) out[i] += part[i];
    }
    elbo_task_pull_free(pull);
    elbo_tape_free(l.tape);
    return s;
}

static double distance(const double x[], const double y[])
{
    double most = 0;

    for (size_t j = 0; j < 3 * FEATURES; j++) most = fmax(most, fabs(x[j] - y[j]));
    return most;
}

/* At the solution, by the inverse of H. */
START_TEST(of_a_linear_critic_and_model_it_has_a_closed_form)
{
    equation_bench b;
    double want[3 * FEATURES], got[3 * FEATURES];
    elbo_gradient_info info;

    set_up(&b, "implicit(cg(1e-13, 100))");
    memcpy(linear_w, quadratic_of(&b).solution, sizeof linear_w);
    closed_form(&b, (double)INFINITY, 0.5, linear_w, want);
    case_ok(derive(&b, got, &info));
    ck_assert_uint_eq(info.solves, 1);
    ck_assert_uint_eq(info.unconverged, 0);
    ck_assert_double_le(distance(got, want),
                        1e-10 * equation_largest(b.n, want));
    equation_tear_down(&b);
}
END_TEST

/* From a w that is far from the solution. */
START_TEST(of_k_steps_it_has_one_too)
{
    static const struct {
        size_t k;
        double eta;
    } cases[] = {{1, 0.3}, {2, 0.7}, {3, 0.1}, {7, 0.45}, {60, 0.2}};
    const size_t k = cases[_i].k;
    const double eta = cases[_i].eta;
    equation_bench b;
    double want[3 * FEATURES], got[3 * FEATURES], limit[3 * FEATURES];
    char gradient[64];
    elbo_gradient_info info;

    snprintf(gradient, sizeof gradient, "unroll(%zu, %g)", k, eta);
    set_up(&b, gradient);
    for (size_t i = 0; i < FEATURES; i++) linear_w[i] = 2 * sin((double)(3 * i + 1));
    closed_form(&b, (double)k, eta, linear_w, want);
    closed_form(&b, (double)INFINITY, eta, linear_w, limit);
    case_ok(derive(&b, got, &info));
    ck_assert_uint_eq(info.solves, 1);
    ck_assert_uint_eq(info.unconverged, 0);
    ck_assert_double_le(distance(got, want),
                        1e-11 * equation_largest(b.n, want));
    /* and it is no other */
    ck_assert_double_ge(distance(limit, want), 1e-5 * equation_largest(b.n, want));
    equation_tear_down(&b);
}
END_TEST

/* At the solution no step moves w: eta 1 is the series, and many steps the inverse. */
START_TEST(from_the_solution_it_is_the_series_and_comes_to_the_inverse)
{
    static const size_t steps[] = {1, 4, 16, 64, 256};
    equation_bench b;
    double cut[3 * FEATURES], whole[3 * FEATURES], got[3 * FEATURES], least = 1;
    elbo_gradient_info info;

    set_up(&b, "implicit(neumann(3))");

    const quadratic q = quadratic_of(&b);

    memcpy(linear_w, q.solution, sizeof linear_w);
    case_ok(derive(&b, cut, &info));
    equation_tear_down(&b);
    set_up(&b, "unroll(4, 1)");
    case_ok(derive(&b, got, &info));
    ck_assert_double_le(distance(got, cut), 1e-11 * equation_largest(b.n, cut));
    equation_tear_down(&b);
    set_up(&b, "implicit(cg(1e-13, 100))");
    case_ok(derive(&b, whole, &info));
    equation_tear_down(&b);
    for (size_t j = 0; j < FEATURES; j++) {
        least = fmin(least, gsl_vector_get(q.lambda, j));
        ck_assert_double_le(gsl_vector_get(q.lambda, j), 2);
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const double scale = equation_largest(b.n, whole);
        const double rate = pow(1 - 0.5 * least, (double)steps[i]);
        char gradient[64];

        snprintf(gradient, sizeof gradient, "unroll(%zu, 0.5)", steps[i]);
        set_up(&b, gradient);
        case_ok(derive(&b, got, &info));
        ck_assert_double_le(distance(got, whole), 10 * scale * (rate + 1e-12));
        if (steps[i] <= 16)
            ck_assert_double_ge(distance(got, whole), 1e-3 * scale * rate);
        equation_tear_down(&b);
    }
}
END_TEST

/* eta lambda above 2: each step is a larger one, and L rises. */
START_TEST(a_rate_that_is_too_large_is_told)
{
    equation_bench b;
    double got[3 * FEATURES];
    elbo_gradient_info info;

    memset(linear_w, 0, sizeof linear_w);
    set_up(&b, "unroll(3, 3)");
    case_ok(derive(&b, got, &info));
    ck_assert_uint_eq(info.unconverged, 1);
    equation_tear_down(&b);
    set_up(&b, "unroll(900, 3)");
    ck_assert_int_eq(derive(&b, got, &info), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "rate is too large"));
    equation_tear_down(&b);
}
END_TEST

/* One direction comes to rest in the first step, another grows from step to step, and
 * ends below where both began. */
START_TEST(a_descent_is_told_by_its_two_ends)
{
    equation_bench b;
    double got[3 * FEATURES];
    elbo_gradient_info info;
    char gradient[64];

    set_up(&b, "unroll(1, 1)");

    const quadratic q = quadratic_of(&b);
    const size_t low = gsl_vector_min_index(q.lambda),
                 high = gsl_vector_max_index(q.lambda);
    const double least = gsl_vector_get(q.lambda, low),
                 most = gsl_vector_get(q.lambda, high),
                 grows = pow(most / least - 1, 2);

    ck_assert_double_ge(grows, 1.5);
    equation_tear_down(&b);
    snprintf(gradient, sizeof gradient, "unroll(2, %.17g)", 1 / least);
    for (size_t i = 0; i < 2; i++) {
        const double resting = i ? grows * grows * grows : 0.1;

        for (size_t j = 0; j < FEATURES; j++)
            linear_w[j] = q.solution[j] + gsl_matrix_get(q.V, j, high)
                          + sqrt(resting * most / least) * gsl_matrix_get(q.V, j, low);
        set_up(&b, gradient);
        case_ok(derive(&b, got, &info));
        ck_assert_uint_eq(info.unconverged, i == 0);
        equation_tear_down(&b);
    }
}
END_TEST

Suite *suite_linear_critic(void)
{
    Suite *const s = suite_create("linear_critic");
    TCase *const t = tcase_create("linear_critic");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(t, of_a_linear_critic_and_model_it_has_a_closed_form);
    tcase_add_loop_test(t, of_k_steps_it_has_one_too, 0, 5);
    tcase_add_test(t, from_the_solution_it_is_the_series_and_comes_to_the_inverse);
    tcase_add_test(t, a_rate_that_is_too_large_is_told);
    tcase_add_test(t, a_descent_is_told_by_its_two_ends);
    suite_add_tcase(s, t);
    return s;
}

/* tests/test_linear_critic.c -- the gradient slot of control tasks where critic
 * and model are linear: in closed form.
 */
#include <gsl/gsl_linalg.h>
#include <math.h>
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

/* w* of an affine model, and l's derivative there: with Phi the features,
 *   w* = H^-1 Phi'y / B,  H = Phi'Phi / B,  y = rhat + gamma (1 - end) (a'next
 * + 0.2) dl/dtheta = (Phi H^-1 l_w / B)' dy/dtheta and y's derivatives are
 * those of an affine map: z for the reward's column, and gamma (1 - end) a_k z
 * for the k'th of the change. */
static void closed_form(const equation_bench *b, double out[])
{
    gsl_matrix *const H = elbo_arena_mat(ensemble_ws, FEATURES, FEATURES);
    gsl_vector *const v = elbo_arena_vec(ensemble_ws, FEATURES);
    gsl_permutation *const p = gsl_permutation_alloc(FEATURES);
    double f[FEATURES], total[3 * FEATURES] = {0};
    int sign;

    gsl_matrix_set_zero(H);
    gsl_vector_set_zero(v);
    for (size_t i = 0; i < EQUATION_ROWS; i++) {
        const double alive = b->data.end[i] ? 0 : 0.9;
        double y[3] = {0};

        /* theta: W [4 x 3], b [3]; y's columns are the change of o, then r */
        feature(b, i, f);
        for (size_t k = 0; k < FEATURES; k++)
            for (size_t c = 0; c < 3; c++) y[c] += f[k] * b->theta[3 * k + c];

        const double aim =
            y[2]
            + alive * (slow[0] * (f[0] + y[0]) + slow[1] * (f[1] + y[1]) + 0.2);

        for (size_t k = 0; k < FEATURES; k++) {
            *gsl_vector_ptr(v, k) += f[k] * aim / EQUATION_ROWS;
            for (size_t j = 0; j < FEATURES; j++)
                *gsl_matrix_ptr(H, k, j) += f[k] * f[j] / EQUATION_ROWS;
        }
    }
    gsl_linalg_LU_decomp(H, p, &sign);
    gsl_linalg_LU_svx(H, p, v);
    for (size_t k = 0; k < FEATURES; k++) linear_w[k] = gsl_vector_get(v, k);
    gsl_vector_set_zero(v);
    for (size_t i = 0; i < EQUATION_ROWS; i++) {
        const float *const next = b->data.next + 2 * i;
        double Q = 0, aim = (double)b->data.reward[i];

        feature(b, i, f);
        for (size_t k = 0; k < FEATURES; k++) Q += f[k] * linear_w[k];
        if (!b->data.end[i])
            aim +=
                0.9
                * (slow[0] * (double)next[0] + slow[1] * (double)next[1] + 0.2);
        for (size_t k = 0; k < FEATURES; k++)
            *gsl_vector_ptr(v, k) -= f[k] * (Q - aim) / EQUATION_ROWS; /* l_w */
    }
    gsl_linalg_LU_svx(H, p, v);
    for (size_t i = 0; i < EQUATION_ROWS; i++) {
        const double alive = b->data.end[i] ? 0 : 0.9;
        double c = 0;

        feature(b, i, f);
        for (size_t k = 0; k < FEATURES; k++)
            c += f[k] * gsl_vector_get(v, k) / EQUATION_ROWS;
        for (size_t k = 0; k < FEATURES; k++) {
            total[3 * k] += c * alive * slow[0] * f[k];
            total[3 * k + 1] += c * alive * slow[1] * f[k];
            total[3 * k + 2] += c * f[k];
        }
    }
    memcpy(out, total, sizeof total);
    gsl_permutation_free(p);
}

START_TEST(of_a_linear_critic_and_model_it_has_a_closed_form)
{
    static const elbo_task_control control = {.equation = &linear_equation};
    equation_bench b;
    equation_lab l = {.b = &b};
    double want[3 * FEATURES], got[3 * FEATURES], ends[EQUATION_ROWS];
    elbo_network_frame frame = {0};
    elbo_gradient_info info = {0};
    elbo_task_pull *pull;
    elbo_node Q, next, leaf[ELBO_ENSEMBLE_LEAVES];

    equation_set_up(
        &b, 1, "implicit(cg(1e-13, 100))",
        "members=1 layers=0 head=deterministic reward=learnt terminal=never "
        "normalise=none holdout=0 batch=60",
        equation_texts[0]);
    ck_assert_uint_eq(b.n, 3 * FEATURES);
    closed_form(&b, want);
    l.tape = elbo_tape_alloc(ELBO_F64);

    elbo_task_nodes *const x = &l.nodes;

    equation_member(&b, l.tape, x);
    case_ok(elbo_task_pull_alloc(&b.route, &control, NULL, l.tape, x, &pull));
    elbo_task_pull_frame(pull, &frame);
    ck_assert(frame.moving(frame.control, l.tape, ELBO_NETWORK_Q, &Q));
    ck_assert(
        frame.moving(frame.control, l.tape, ELBO_NETWORK_TARGET_NEXT, &next));
    ck_assert(
        !frame.moving(frame.control, l.tape, ELBO_NETWORK_LOGPI, &leaf[0]));

    const elbo_node y = equation_bin(&l, ELBO_ADD, x->reward,
                                     elbo_tape_scale(l.tape, next, 0.9));

    l.outer = elbo_tape_scale(
        l.tape,
        elbo_tape_sum(
            l.tape, equation_half_square(&l, equation_bin(&l, ELBO_SUB, Q, y)),
            ELBO_ALL),
        1.0 / EQUATION_ROWS);
    case_ok(elbo_tape_finish(l.tape));
    equation_set_rows(&l, x->o, b.data.o);
    equation_set_rows(&l, x->u, b.data.u);
    equation_set_rows(&l, x->reward, b.data.reward);
    equation_set_rows(&l, x->next, b.data.next);
    for (size_t i = 0; i < EQUATION_ROWS; i++) ends[i] = b.data.end[i];
    elbo_tape_set(l.tape, x->end, ends);
    equation_run(&l, b.theta, l.outer);
    elbo_tape_backward(l.tape, l.outer);
    case_ok(elbo_task_pull_apply(pull, &info));
    equation_read(l.tape, elbo_ensemble_learnt(b.belief.self, x, leaf), leaf,
                  elbo_tape_product, got);
    ck_assert_uint_eq(info.solves, 1);
    ck_assert_uint_eq(info.unconverged, 0);
    for (size_t j = 0; j < b.n; j++)
        ck_assert_double_eq_tol(got[j], want[j],
                                1e-10 * equation_largest(b.n, want));
    elbo_task_pull_free(pull);
    elbo_tape_free(l.tape);
    equation_tear_down(&b);
}
END_TEST

Suite *suite_linear_critic(void)
{
    Suite *const s = suite_create("linear_critic");
    TCase *const t = tcase_create("linear_critic");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(t, of_a_linear_critic_and_model_it_has_a_closed_form);
    suite_add_tcase(s, t);
    return s;
}

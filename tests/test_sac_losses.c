/* tests/test_sac_losses.c -- the losses of soft actor-critic and the density of
 * its policy: derivatives against differences, densities against quadrature.
 */
#include <math.h>
#include <string.h>

#include "control/actor_critic.h"
#include "tests/sac_cases.h"
#include "tests/suites.h"

enum { ROWS = 5, NO = 3, NU = 2, MOST = 512 };

/* A loss as a function of one network's parameters. */
typedef struct loss {
    elbo_tape *tape;
    elbo_soft_shape shape;
    const elbo_mlp *mlp;
    elbo_mlp_leaves leaves;
    elbo_node y;
    double theta[MOST];
} loss;

static void numbers(uint64_t index, size_t n, double scale, double out[])
{
    elbo_rng rng = elbo_rng_stream(2385, "numbers", index);

    elbo_rng_normals(&rng, out, n);
    for (size_t i = 0; i < n; i++) out[i] *= scale;
}

static elbo_node given(elbo_tape *tape, size_t rows, size_t cols,
                       uint64_t index)
{
    static double x[8][MOST]; /* pointed at for as long as tests run */
    const elbo_node leaf = elbo_tape_constant(tape, rows, cols);

    ck_assert(index < 8 && rows * cols <= MOST);
    numbers(index, rows * cols, 0.8, x[index]);
    elbo_tape_point(tape, leaf, x[index]);
    return leaf;
}

static double value(loss *f)
{
    double out;

    elbo_mlp_set(f->mlp, &f->leaves, f->tape, f->theta);
    elbo_tape_forward(f->tape);
    elbo_tape_get(f->tape, f->y, &out);
    return out;
}

/* Five points: what is left is of the step's fourth power, and rounding. */
static void check_slopes(loss *f)
{
    static const double weight[] = {1, -8, 0, 8, -1}, h = 1e-4;
    const size_t n = elbo_mlp_size(f->mlp);
    float grad[MOST];

    value(f);
    elbo_tape_backward(f->tape, f->y);
    elbo_mlp_gradient(f->mlp, &f->leaves, f->tape, grad);
    for (size_t i = 0; i < n; i++) {
        const double at = f->theta[i];
        double slope = 0;

        for (int k = 0; k < 5; k++) {
            f->theta[i] = at + (k - 2) * h;
            if (k != 2) slope += weight[k] * value(f) / (12 * h);
        }
        f->theta[i] = at;
        /* The gradient is handed out in float. */
        ck_assert_msg(fabs(slope - (double)grad[i]) <= 2e-7 * (1 + fabs(slope)),
                      "parameter %zu: %.10g, differences give %.10g", i,
                      (double)grad[i], slope);
    }
}

static loss start(size_t critics, bool choices, bool hard)
{
    loss f = {.tape = elbo_tape_alloc(ELBO_F64)};
    elbo_mlp hidden;

    ck_assert_int_eq(elbo_mlp_shape(&hidden, 1, 2, 7, 1, ELBO_ACT_TANH),
                     ELBO_OK);
    f.shape = (elbo_soft_shape){.critics = critics,
                                .no = NO,
                                .nu = NU,
                                .choices = choices,
                                .hard = hard};
    ck_assert_int_eq(elbo_soft_shape_init(&f.shape, &hidden), ELBO_OK);
    numbers(77, MOST, 0.6, f.theta);
    return f;
}

/* -V of each row, weighed. */
static void policy_loss(loss *f, size_t samples)
{
    double theta[ELBO_CRITICS][MOST];
    elbo_soft_nodes nodes = {.samples = samples,
                             .o = given(f->tape, ROWS, NO, 0),
                             .noise = given(f->tape, ROWS * samples, NU, 1),
                             .alpha = given(f->tape, 1, 1, 2),
                             .smooth = f->shape.critics == 2,
                             .first = f->shape.hard};

    f->mlp = &f->shape.actor;
    elbo_soft_value(&f->shape, f->tape, true, &nodes);
    f->leaves = nodes.actor;
    f->y = elbo_tape_sum(f->tape,
                         elbo_tape_binary(f->tape, ELBO_MUL, nodes.V,
                                          given(f->tape, ROWS, 1, 3)),
                         ELBO_ALL);
    ck_assert_int_eq(elbo_tape_finish(f->tape), ELBO_OK);
    for (size_t k = 0; k < f->shape.critics; k++) {
        numbers(100 + k, MOST, 0.7, theta[k]);
        elbo_mlp_set(&f->shape.critic, &nodes.critic[k], f->tape, theta[k]);
    }
}

START_TEST(the_policys_loss_has_the_slopes_of_differences)
{
    for (size_t which = 0; which < 8; which++) {
        loss f = start(1 + which % 2, which == 4 || which == 5, which > 5);

        policy_loss(&f, which >= 2 && which < 4 ? 3 : 1);
        check_slopes(&f);
        elbo_tape_free(f.tape);
    }
}
END_TEST

START_TEST(the_critics_loss_has_the_slopes_of_differences)
{
    for (size_t choices = 0; choices < 2; choices++) {
        loss f = start(1, choices, false);
        elbo_critic_nodes nodes = {.o = given(f.tape, ROWS, NO, 0),
                                   .u = given(f.tape, ROWS, NU, 1),
                                   .y = given(f.tape, ROWS, 1, 2),
                                   .weight = given(f.tape, ROWS, 1, 3)};

        f.mlp = &f.shape.critic;
        elbo_critic_loss(&f.shape, f.tape, 2 * ROWS, &nodes);
        f.leaves = nodes.critic;
        f.y = nodes.loss;
        ck_assert_int_eq(elbo_tape_finish(f.tape), ELBO_OK);
        check_slopes(&f);
        elbo_tape_free(f.tape);
    }
}
END_TEST

START_TEST(the_temperatures_loss_has_the_slope_of_differences)
{
    static const double h = 1e-4;
    double slope, unused;

    for (double entropy = -2.385; entropy < 2; entropy += 0.7) {
        elbo_temperature_loss(-1.385, entropy, -0.7, &slope);

        const double above =
            elbo_temperature_loss(-1.385 + h, entropy, -0.7, &unused);
        const double below =
            elbo_temperature_loss(-1.385 - h, entropy, -0.7, &unused);

        ck_assert_double_eq_tol((above - below) / (2 * h), slope, 1e-8);
    }
}
END_TEST

/* exp(log pi/pi0) du/2 over [-1, 1], in z where u = tanh(m + s z): du = (1 -
 * u^2) s dz. */
START_TEST(the_density_of_a_box_integrates_to_one)
{
    static const float heads[][2] = {
        {0,      0    },
        {0.385f, -1.2f},
        {-1.7f,  0.5f },
        {2.385f, -3   }
    };

    for (size_t k = 0; k < sizeof heads / sizeof *heads; k++) {
        const double h = 1e-3, s = exp((double)heads[k][1]);
        double mass = 0, mean = 0, kl = 0;

        for (double z = -9; z <= 9; z += h) {
            float u;
            const double logpi = elbo_soft_sample(heads[k], &z, 1, &u);
            const double x = tanh((double)heads[k][0] + s * z);
            const double du = (1 - x * x) * s * h;

            mass += exp(logpi) * du / 2;
            mean += (double)u * exp(logpi) * du / 2;
            kl += logpi * exp(logpi) * du / 2;
        }
        ck_assert_double_eq_tol(mass, 1, 1e-9);
        ck_assert(fabs(mean) < 1);
        ck_assert_double_ge(kl, 0); /* from the uniform density */
    }
}
END_TEST

/* A choice's log pi / pi0 sums to one under pi0, and draws follow it. */
START_TEST(choices_are_drawn_as_their_logits_say)
{
    static const float head[] = {0.385f, -1, 2};
    double sum = 0, expect[3], share[3] = {0};
    float u[3];

    for (size_t a = 0; a < 3; a++) {
        expect[a] = exp((double)head[a]);
        sum += expect[a];
    }
    for (double at = 0.0005; at < 1; at += 0.001) {
        const double logpi = elbo_soft_choose(head, at, 3, u);

        for (size_t a = 0; a < 3; a++) {
            share[a] += (double)u[a] / 1000;
            if (u[a] > 0)
                ck_assert_double_eq_tol(logpi, log(3 * expect[a] / sum), 1e-12);
        }
    }
    for (size_t a = 0; a < 3; a++)
        ck_assert_double_eq_tol(share[a], expect[a] / sum, 1e-3 + 1e-9);
    elbo_soft_choose(head, -1, 3, u);
    ck_assert(u[0] == 0 && u[1] == 0 && u[2] == 1);
}
END_TEST

/* The graph's KL of a box is what one draw in numbers says. */
START_TEST(the_graph_and_the_numbers_have_one_density)
{
    loss f = start(1, false, false);
    elbo_soft_nodes nodes = {.samples = 1,
                             .o = given(f.tape, ROWS, NO, 0),
                             .noise = given(f.tape, ROWS, NU, 1),
                             .alpha = given(f.tape, 1, 1, 2)};
    double noise[ROWS * NU], o[ROWS * NO], kl[ROWS];
    float theta[MOST], x[ROWS * NO], head[ROWS * 2 * NU], u[NU];
    elbo_arena *ws = elbo_arena_alloc(1 << 12);

    elbo_soft_value(&f.shape, f.tape, true, &nodes);
    ck_assert_int_eq(elbo_tape_finish(f.tape), ELBO_OK);
    for (size_t i = 0; i < MOST; i++)
        f.theta[i] = (double)(theta[i] = (float)f.theta[i]);
    elbo_mlp_set(&f.shape.actor, &nodes.actor, f.tape, f.theta);
    numbers(0, ROWS * NO, 0.8, o);
    numbers(1, ROWS * NU, 0.8, noise);
    for (size_t i = 0; i < ROWS * NO; i++) x[i] = (float)o[i];
    ck_assert_int_eq(elbo_mlp_forward(&f.shape.actor, theta, ROWS, x, head, ws),
                     ELBO_OK);
    elbo_tape_forward(f.tape);
    elbo_tape_get(f.tape, nodes.kl, kl);
    for (size_t i = 0; i < ROWS; i++)
        ck_assert_double_eq_tol(
            elbo_soft_sample(head + i * 2 * NU, noise + i * NU, NU, u), kl[i],
            1e-5);
    elbo_arena_free(ws);
    elbo_tape_free(f.tape);
}
END_TEST

START_TEST(an_entropy_is_what_a_kl_from_the_prior_leaves)
{
    const elbo_soft_shape box = {.nu = 3}, choices = {.nu = 3, .choices = true};

    ck_assert_double_eq_tol(elbo_soft_entropy(&box, 0), 3 * log(2), 1e-15);
    ck_assert_double_eq_tol(elbo_soft_entropy(&choices, log(3)), 0, 1e-15);
}
END_TEST

Suite *suite_sac_losses(void)
{
    Suite *suite = suite_create("sac_losses");
    TCase *t = tcase_create("losses");

    tcase_add_test(t, the_policys_loss_has_the_slopes_of_differences);
    tcase_add_test(t, the_critics_loss_has_the_slopes_of_differences);
    tcase_add_test(t, the_temperatures_loss_has_the_slope_of_differences);
    tcase_add_test(t, the_density_of_a_box_integrates_to_one);
    tcase_add_test(t, choices_are_drawn_as_their_logits_say);
    tcase_add_test(t, the_graph_and_the_numbers_have_one_density);
    tcase_add_test(t, an_entropy_is_what_a_kl_from_the_prior_leaves);
    suite_add_tcase(suite, t);
    return suite;
}

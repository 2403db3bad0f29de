/* tests/test_training.c -- training as a whole: float against double, and
 * threads.
 *
 * A network with a Gaussian head, learnt bounds of its log-variance and Adam,
 * on batches drawn from a made-up regression.
 */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/networks/adam.h"
#include "inference/networks/heads.h"
#include "inference/networks/mlp.h"
#include "tests/suites.h"

enum { IN = 5, OUT = 3, MOST = 8192, LARGEST = 64, STEPS = 100 };

static const double roundoff = 0x1p-24; /* of float */

typedef struct learner {
    elbo_mlp mlp;
    elbo_mlp_leaves leaves;
    elbo_tape *tape;
    elbo_node x, y, bounds[2], loss;
    size_t n, size, batch; /* parameters: of all, of the network */
} learner;

static void open(learner *l, elbo_precision precision, size_t width,
                 size_t batch, elbo_activation f)
{
    elbo_tape *t = elbo_tape_alloc(precision);

    *l = (learner){.tape = t, .batch = batch};
    ck_assert_int_eq(elbo_mlp_shape(&l->mlp, IN, 2, width, 2 * OUT, f),
                     ELBO_OK);
    l->size = elbo_mlp_size(&l->mlp);
    l->n = l->size + 2 * OUT;
    ck_assert_uint_le(l->n, MOST);
    l->x = elbo_tape_constant(t, batch, IN);
    l->y = elbo_tape_constant(t, batch, OUT);
    l->leaves = elbo_mlp_leaf(&l->mlp, t, true);
    l->bounds[0] = elbo_tape_input(t, 1, OUT);
    l->bounds[1] = elbo_tape_input(t, 1, OUT);

    const elbo_node out = elbo_mlp_node(&l->mlp, &l->leaves, t, l->x);
    const elbo_node logvar = elbo_head_bound(
        t, elbo_tape_columns(t, out, OUT, OUT), l->bounds[0], l->bounds[1]);
    const elbo_node logp =
        elbo_head_gaussian(t, l->y, elbo_tape_columns(t, out, 0, OUT), logvar);

    l->loss = elbo_tape_scale(t, elbo_tape_sum(t, logp, ELBO_ALL),
                              -1 / (double)batch);
    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
}

static void start(const learner *l, uint64_t index, float theta[])
{
    elbo_rng rng = elbo_rng_stream(2385, "start", index);

    elbo_mlp_draw(&l->mlp, ELBO_START_UNIFORM, &rng, theta);
    for (size_t j = 0; j < OUT; j++) {
        theta[l->size + j] = -10;
        theta[l->size + OUT + j] = 0.5F;
    }
}

/* Numbers that float holds, set in either precision. */
static void set_batch(const learner *l, uint64_t index)
{
    elbo_rng rng = elbo_rng_stream(7, "batch", index);
    float x[LARGEST * IN], y[LARGEST * OUT];

    for (size_t i = 0; i < l->batch; i++) {
        float *const row = x + i * IN;

        for (size_t j = 0; j < IN; j++)
            row[j] = (float)(4 * elbo_rng_uniform(&rng) - 2);
        for (size_t j = 0; j < OUT; j++)
            y[i * OUT + j] = row[j] * row[j + 1]
                             + (float)(0.2 * elbo_rng_uniform(&rng) - 0.1);
    }
    elbo_tape_set_f32(l->tape, l->x, x);
    elbo_tape_set_f32(l->tape, l->y, y);
}

/* ---- float against double ---- */

static double loss_f32(learner *l, const float theta[], float grad[])
{
    double loss;

    elbo_mlp_point(&l->mlp, &l->leaves, l->tape, theta);
    elbo_mlp_point_gradient(&l->mlp, &l->leaves, l->tape, grad);
    for (size_t k = 0; k < 2; k++) {
        const size_t at = l->size + k * OUT;

        elbo_tape_point_f32(l->tape, l->bounds[k], theta + at);
        elbo_tape_point_adjoint_f32(l->tape, l->bounds[k], grad + at);
    }
    elbo_tape_forward(l->tape);
    elbo_tape_backward(l->tape, l->loss);
    elbo_tape_get(l->tape, l->loss, &loss);
    return loss;
}

static double loss_f64(learner *l, const double theta[], double grad[])
{
    double loss;

    elbo_mlp_set(&l->mlp, &l->leaves, l->tape, theta);
    for (size_t k = 0; k < 2; k++)
        elbo_tape_set(l->tape, l->bounds[k], theta + l->size + k * OUT);
    elbo_tape_forward(l->tape);
    elbo_tape_backward(l->tape, l->loss);
    elbo_tape_get(l->tape, l->loss, &loss);
    for (size_t k = 0, at = 0; k < l->mlp.layers; k++) {
        elbo_tape_gradient(l->tape, l->leaves.W[k], grad + at);
        at += l->mlp.width[k] * l->mlp.width[k + 1];
        elbo_tape_gradient(l->tape, l->leaves.b[k], grad + at);
        at += l->mlp.width[k + 1];
    }
    for (size_t k = 0; k < 2; k++)
        elbo_tape_gradient(l->tape, l->bounds[k], grad + l->size + k * OUT);
    return loss;
}

static double largest(const double x[], size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    return most;
}

static double apart(double scale, elbo_rng *rng)
{
    return scale * (2 * elbo_rng_uniform(rng) - 1);
}

/* Adam in double; losses [STEPS]. With `rng`, what float does is imitated:
 * theta is moved by a rounding of its own at each step, and each entry of the
 * gradient by `roundings` of the largest one. */
static void train_f64(elbo_activation f, double roundings, elbo_rng *rng,
                      double theta[MOST], double losses[])
{
    static double grad[MOST], m[MOST], v[MOST];
    static float first[MOST];
    const elbo_adam_config *c = &elbo_adam_defaults;
    learner l;

    open(&l, ELBO_F64, 16, 16, f);
    start(&l, 0, first);
    memset(m, 0, sizeof m);
    memset(v, 0, sizeof v);
    for (size_t i = 0; i < l.n; i++) theta[i] = (double)first[i];
    for (int t = 1; t <= STEPS; t++) {
        set_batch(&l, (uint64_t)t);
        losses[t - 1] = loss_f64(&l, theta, grad);

        const double most = largest(grad, l.n);

        for (size_t i = 0; i < l.n; i++) {
            const double g =
                grad[i] + (rng ? apart(roundings * roundoff * most, rng) : 0);

            m[i] = c->beta1 * m[i] + (1 - c->beta1) * g;
            v[i] = c->beta2 * v[i] + (1 - c->beta2) * g * g;
            theta[i] -= c->rate * (m[i] / (1 - pow(c->beta1, t)))
                        / (sqrt(v[i] / (1 - pow(c->beta2, t))) + c->epsilon);
            if (rng) theta[i] += apart(roundoff * fabs(theta[i]), rng);
        }
    }
    elbo_tape_free(l.tape);
}

static size_t train_f32(elbo_activation f, float theta[MOST], double losses[])
{
    static float grad[MOST];
    elbo_arena *arena = elbo_arena_alloc(1 << 16);
    elbo_adam adam;
    learner l;

    open(&l, ELBO_F32, 16, 16, f);
    elbo_adam_init(&adam, &elbo_adam_defaults, l.n, arena);
    ck_assert(elbo_arena_ok(arena));
    start(&l, 0, theta);
    for (int t = 1; t <= STEPS; t++) {
        set_batch(&l, (uint64_t)t);
        losses[t - 1] = loss_f32(&l, theta, grad);
        elbo_adam_step(&adam, theta, grad, NULL);
    }
    elbo_tape_free(l.tape);
    elbo_arena_free(arena);
    return l.n;
}

/* How far rounding carries theta in 100 steps is asked of the run itself:
 * double runs whose theta and gradients are moved at random by as much as float
 * rounds them. An entry of the gradient sums 16 rows of products through three
 * layers: about 16 roundings of the largest. Adam turns a gradient near 0 into
 * a step of full length, so the distances grow with the runs. Float may go as
 * far as the farthest of three such runs, and a tenth of a per cent of theta's
 * own way is beyond all that rounding does. */
START_TEST(float_trains_as_double_does_to_its_rounding)
{
    static double exact[MOST], moved[MOST], losses[3][STEPS];
    static float theta[MOST], first[MOST];
    const elbo_activation f = _i ? ELBO_ACT_TANH : ELBO_ACT_SILU;
    const size_t n = train_f32(f, theta, losses[0]);
    double reach = 0, reach_of_loss = 0, far = 0, way = 0, loss_far = 0;

    train_f64(f, 0, NULL, exact, losses[1]);
    for (uint64_t run = 0; run < 3; run++) {
        elbo_rng rng = elbo_rng_stream(2385, "rounding", run);

        train_f64(f, 16, &rng, moved, losses[2]);
        for (size_t i = 0; i < n; i++)
            reach = fmax(reach, fabs(moved[i] - exact[i]));
        for (size_t t = 0; t < STEPS; t++)
            reach_of_loss =
                fmax(reach_of_loss, fabs(losses[2][t] - losses[1][t]));
    }

    learner l;

    open(&l, ELBO_F32, 16, 16, f);
    start(&l, 0, first);
    elbo_tape_free(l.tape);
    for (size_t i = 0; i < n; i++) {
        far = fmax(far, fabs((double)theta[i] - exact[i]));
        way = fmax(way, fabs(exact[i] - (double)first[i]));
    }
    for (size_t t = 0; t < STEPS; t++)
        loss_far = fmax(loss_far, fabs(losses[0][t] - losses[1][t]));
    ck_assert_double_ge(losses[1][0],
                        losses[1][STEPS - 1] + 0.1); /* it learns */
    ck_assert_msg(far <= reach && far <= 1e-3 * way,
                  "theta is %g away after a way of %g; rounding reaches %g",
                  far, way, reach);
    /* A loss also has its own rounding: of sums over a batch, 16 of them. */
    ck_assert_msg(
        loss_far <= reach_of_loss + 16 * roundoff * fabs(losses[1][0]),
        "the loss is %g away; rounding reaches %g", loss_far, reach_of_loss);
}
END_TEST

/* ---- threads ---- */

enum { MEMBERS = 5 };

typedef struct ensemble {
    learner of[MEMBERS];
    elbo_adam adam[MEMBERS];
    float theta[MEMBERS][MOST], grad[MEMBERS][MOST];
    uint64_t step;
    bool shared; /* a tape a thread, pointed at each member in turn */
} ensemble;

static void step_members(void *arg, size_t chunk, size_t first, size_t last)
{
    ensemble *e = arg;

    (void)chunk;
    for (size_t k = first; k < last; k++) {
        learner *l = &e->of[e->shared ? (size_t)omp_get_thread_num() : k];

        set_batch(l, e->step * MEMBERS + k);
        loss_f32(l, e->theta[k], e->grad[k]);
        elbo_adam_step(&e->adam[k], e->theta[k], e->grad[k], NULL);
    }
}

static void train_ensemble(ensemble *e, int threads, bool shared)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 20);

    memset(e, 0, sizeof *e);
    e->shared = shared;
    omp_set_num_threads(threads);
    for (size_t k = 0; k < MEMBERS; k++) {
        open(&e->of[k], ELBO_F32, LARGEST, LARGEST, ELBO_ACT_SILU);
        elbo_adam_init(&e->adam[k], &elbo_adam_defaults, e->of[k].n, arena);
        start(&e->of[k], k, e->theta[k]);
    }
    ck_assert(elbo_arena_ok(arena));
    for (e->step = 0; e->step < 20; e->step++)
        elbo_parallel(MEMBERS, SIZE_MAX, e, step_members);
    for (size_t k = 0; k < MEMBERS; k++) elbo_tape_free(e->of[k].tape);
    elbo_arena_free(arena);
}

START_TEST(members_trained_side_by_side_have_the_same_bits_for_any_threads)
{
    static ensemble one, more;

    train_ensemble(&one, 1, false);
    for (int k = 0; k < 5; k++) {
        train_ensemble(&more, 1 << (k + 1) / 2, k % 2 == 0);
        ck_assert_mem_eq(one.theta, more.theta, sizeof one.theta);
        ck_assert_mem_eq(one.grad, more.grad, sizeof one.grad);
    }
    ck_assert(memcmp(one.theta[0], one.theta[1], sizeof one.theta[0]) != 0);
}
END_TEST

Suite *suite_training(void)
{
    Suite *s = suite_create("training");
    TCase *t = tcase_create("steps");

    tcase_add_loop_test(t, float_trains_as_double_does_to_its_rounding, 0, 2);
    tcase_add_test(
        t, members_trained_side_by_side_have_the_same_bits_for_any_threads);
    suite_add_tcase(s, t);
    return s;
}

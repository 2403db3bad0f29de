/* tests/test_adam.c -- Adam against its four lines in double. */
#include "inference/networks/adam.h"

#include <math.h>
#include <string.h>

#include "inference/core/rng.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

enum { N = 37, STEPS = 100 };

static void draw(elbo_rng *rng, float out[N])
{
    for (size_t i = 0; i < N; i++)
        out[i] = (float)(2 * elbo_rng_uniform(rng) - 1);
}

/* Kingma and Ba 2015, Algorithm 1, after the clip of PyTorch's clip_grad_norm_
 * and the decay of its Adam. */
typedef struct reference {
    double theta[N], m[N], v[N];
} reference;

static double reference_step(reference *r, const elbo_adam_config *c, int t,
                             const float grad[N], const float decay[])
{
    double sum = 0;

    for (size_t i = 0; i < N; i++) sum += pow((double)grad[i], 2);

    const double length = sqrt(sum);
    const double scale = length > c->clip ? c->clip / length : 1;

    for (size_t i = 0; i < N; i++) {
        const double g = scale * (double)grad[i]
                         + (decay ? (double)decay[i] * r->theta[i] : 0);

        r->m[i] = c->beta1 * r->m[i] + (1 - c->beta1) * g;
        r->v[i] = c->beta2 * r->v[i] + (1 - c->beta2) * g * g;
        r->theta[i] -= c->rate * (r->m[i] / (1 - pow(c->beta1, t)))
                       / (sqrt(r->v[i] / (1 - pow(c->beta2, t))) + c->epsilon);
    }
    return length;
}

/* A step is at most a few times the rate; its relative error is some units in
 * the last place, of m, v (which forget), the square root and the quotient, and
 * theta is rounded once a step. */
static void check_against_reference(double clip, bool with_decay)
{
    elbo_arena *arena = elbo_arena_alloc(1024);
    elbo_rng rng = elbo_rng_stream(2385, "adam", 0);
    elbo_adam_config config = elbo_adam_defaults;
    reference r = {{0}, {0}, {0}};
    float theta[N], grad[N], decay[N];
    elbo_adam adam;

    config.clip = clip;
    config.rate = 0.00385;
    elbo_adam_init(&adam, &config, N, arena);
    ck_assert(elbo_arena_ok(arena));
    draw(&rng, theta);
    draw(&rng, decay);
    for (size_t i = 0; i < N; i++) r.theta[i] = (double)theta[i];
    for (int t = 1; t <= STEPS; t++) {
        const float *w = with_decay ? decay : NULL;

        draw(&rng, grad);

        const double length = elbo_adam_step(&adam, theta, grad, w);
        const double want = reference_step(&r, &config, t, grad, w);

        ck_assert_double_le(fabs(length - want), 1e-12 * want);
        for (size_t i = 0; i < N; i++)
            ck_assert_double_le(fabs((double)theta[i] - r.theta[i]),
                                t * 0x1p-24 * (2 + 64 * config.rate * 4));
    }
    elbo_arena_free(arena);
}

START_TEST(steps_are_those_of_the_algorithm)
{
    check_against_reference((double)INFINITY, false);
}
END_TEST

START_TEST(clip_comes_before_the_moments_and_decay_after_it)
{
    check_against_reference(2.385, false);
    check_against_reference(2.385, true);
    check_against_reference((double)INFINITY, true);
}
END_TEST

START_TEST(a_gradient_that_is_not_finite_changes_nothing)
{
    elbo_arena *arena = elbo_arena_alloc(1024);
    elbo_rng rng = elbo_rng_stream(2385, "adam", 1);
    float theta[N], grad[N], before[N];
    elbo_adam adam;

    elbo_adam_init(&adam, &elbo_adam_defaults, N, arena);
    draw(&rng, theta);
    draw(&rng, grad);
    elbo_adam_step(&adam, theta, grad, NULL);
    memcpy(before, theta, sizeof before);
    grad[11] = NAN;
    ck_assert(isnan(elbo_adam_step(&adam, theta, grad, NULL)));
    grad[11] = INFINITY;
    ck_assert(isinf(elbo_adam_step(&adam, theta, grad, NULL)));
    ck_assert_mem_eq(before, theta, sizeof before);
    ck_assert_uint_eq(adam.t, 1);
    for (size_t i = 0; i < N; i++) ck_assert(isfinite(adam.m[i]));
    /* The largest floats have a norm that is one. */
    for (size_t i = 0; i < N; i++) grad[i] = 3e38F;
    ck_assert(isfinite(elbo_adam_step(&adam, theta, grad, NULL)));
    elbo_arena_free(arena);
}
END_TEST

START_TEST(a_saved_state_goes_on_to_the_same_bits)
{
    elbo_arena *arena = elbo_arena_alloc(1024);
    elbo_rng rng = elbo_rng_stream(2385, "adam", 2);
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in;
    float theta[N], copy[N], grad[N];
    elbo_adam a, b, other;

    elbo_adam_init(&a, &elbo_adam_defaults, N, arena);
    elbo_adam_init(&b, &elbo_adam_defaults, N, arena);
    elbo_adam_init(&other, &elbo_adam_defaults, N - 1, arena);
    draw(&rng, theta);
    for (int t = 0; t < 5; t++) {
        draw(&rng, grad);
        elbo_adam_step(&a, theta, grad, NULL);
    }
    elbo_writer_section(out, "adam");
    elbo_adam_save(&a, out);
    ck_assert_int_eq(elbo_writer_commit(out, scratch_path), ELBO_OK);
    elbo_writer_free(out);
    ck_assert_int_eq(elbo_reader_open(scratch_path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "adam"), ELBO_OK);
    ck_assert_int_eq(elbo_adam_load(&other, in), ELBO_EDATA);
    ck_assert_int_eq(elbo_reader_section(in, "adam"), ELBO_OK);
    ck_assert_int_eq(elbo_adam_load(&b, in), ELBO_OK);
    elbo_reader_free(in);
    memcpy(copy, theta, sizeof copy);
    for (int t = 0; t < 5; t++) {
        draw(&rng, grad);
        elbo_adam_step(&a, theta, grad, NULL);
        elbo_adam_step(&b, copy, grad, NULL);
    }
    ck_assert_mem_eq(theta, copy, sizeof copy);
    elbo_arena_free(arena);
}
END_TEST

Suite *suite_adam(void)
{
    Suite *s = suite_create("adam");
    TCase *t = tcase_create("steps");

    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, steps_are_those_of_the_algorithm);
    tcase_add_test(t, clip_comes_before_the_moments_and_decay_after_it);
    tcase_add_test(t, a_gradient_that_is_not_finite_changes_nothing);
    tcase_add_test(t, a_saved_state_goes_on_to_the_same_bits);
    suite_add_tcase(s, t);
    return s;
}

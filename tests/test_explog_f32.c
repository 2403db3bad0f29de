/* tests/test_explog_f32.c -- float functions against libm's in double, over all
 * floats.
 */
#include "inference/core/explog_f32.h"

#include <math.h>
#include <stdbool.h>

#include "tests/suites.h"

static float sigmoid(float x)
{
    float slope;

    return elbo_sigmoid_f32(x, &slope);
}

static float sigmoid_slope(float x)
{
    float slope;

    (void)elbo_sigmoid_f32(x, &slope);
    return slope;
}

static float silu(float x)
{
    float slope;

    return elbo_silu_f32(x, &slope);
}

static float silu_slope(float x)
{
    float slope;

    (void)elbo_silu_f32(x, &slope);
    return slope;
}

static double sigmoid_of(double x)
{
    return 1 / (1 + exp(-x));
}

static double sigmoid_slope_of(double x)
{
    const double e = exp(-fabs(x));

    return e / ((1 + e) * (1 + e));
}

static double silu_of(double x)
{
    return isinf(x) && x < 0 ? (double)NAN : x * sigmoid_of(x);
}

static double silu_slope_of(double x)
{
    return isinf(x) ? (double)NAN : sigmoid_of(x) + x * sigmoid_slope_of(x);
}

static double softplus_of(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

/* `least`: an error of so much is none, whatever the value. It is 2^-126 times
 * x where results below that are 0. */
typedef struct function {
    const char *name;
    float (*f)(float);
    double (*exact)(double);
    float low, high; /* of its arguments */
    double units, least;
} function;

static const function functions[] = {
    {"exp",       elbo_exp_f32,      exp,              -INFINITY, INFINITY, 2, 0            },
    {"log",       elbo_log_f32,      log,              -INFINITY, INFINITY, 2, 0            },
    {"log1p",     elbo_log1p_f32,    log1p,            0,         1,        3, 0            },
    {"tanh",      elbo_tanh_f32,     tanh,             -INFINITY, INFINITY, 4, 0            },
    {"sigmoid",   sigmoid,           sigmoid_of,       -INFINITY, INFINITY, 3, 0x1p-126     },
    {"its slope", sigmoid_slope,     sigmoid_slope_of, -INFINITY, INFINITY, 6,
     0x1p-126                                                                               },
    {"silu",      silu,              silu_of,          -INFINITY, INFINITY, 4, 90 * 0x1p-126},
    {"its slope", silu_slope,        silu_slope_of,    -INFINITY, INFINITY, 4, 0x1p-22      },
    {"softplus",  elbo_softplus_f32, softplus_of,      -INFINITY, INFINITY, 4,
     0x1p-126                                                                               },
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* A unit in the last place of a float near x. */
static double unit(double x)
{
    int e;

    frexp(x, &e);
    return fmax(ldexp(1, e - 24), 0x1p-149);
}

static bool is_right(const function *f, float got, double want)
{
    if (isnan(want)) return isnan(got);
    if (isinf((float)want))
        return got == (float)want
               || (!isinf(want) && fabs((double)got) >= 0x1.fffff8p127);
    return fabs((double)got - want) <= fmax(f->units * unit(want), f->least);
}

/* Every 4099th float, by its bits: all exponents and both signs, NaNs too. */
START_TEST(functions_are_right_to_a_few_units_over_all_floats)
{
    const function *const f = &functions[_i];

    for (uint64_t u = 0; u < UINT64_C(1) << 32; u += 4099) {
        const float x = elbo_from_bits_f32((uint32_t)u), y = f->f(x);

        if (x < f->low || x > f->high) continue;
        if (!is_right(f, y, f->exact((double)x)))
            ck_abort_msg("%s(%.9g) = %.9g is %.17g", f->name, (double)x,
                         (double)y, f->exact((double)x));
    }
}
END_TEST

START_TEST(limits_are_those_of_the_functions)
{
    float slope;

    ck_assert(elbo_exp_f32(INFINITY) == INFINITY);
    ck_assert(elbo_exp_f32(-INFINITY) == 0 && elbo_exp_f32(0) == 1);
    ck_assert(elbo_log_f32(0) == -INFINITY && elbo_log_f32(1) == 0);
    ck_assert(elbo_log_f32(INFINITY) == INFINITY && isnan(elbo_log_f32(-1)));
    ck_assert(elbo_tanh_f32(INFINITY) == 1 && elbo_tanh_f32(-INFINITY) == -1);
    ck_assert(elbo_tanh_f32(0) == 0 && elbo_tanh_f32(1e-30F) == 1e-30F);
    ck_assert(elbo_sigmoid_f32(INFINITY, &slope) == 1 && slope == 0);
    ck_assert(elbo_sigmoid_f32(-INFINITY, &slope) == 0 && slope == 0);
    ck_assert(elbo_sigmoid_f32(0, &slope) == 0.5F && slope == 0.25F);
    ck_assert(elbo_softplus_f32(INFINITY) == INFINITY);
    ck_assert(elbo_softplus_f32(-INFINITY) == 0);
    ck_assert(isnan(elbo_exp_f32(NAN)) && isnan(elbo_log_f32(NAN)));
    ck_assert(isnan(elbo_tanh_f32(NAN)) && isnan(elbo_softplus_f32(NAN)));
}
END_TEST

Suite *suite_explog_f32(void)
{
    Suite *s = suite_create("explog_f32");
    TCase *t = tcase_create("functions");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, functions_are_right_to_a_few_units_over_all_floats,
                        0, FUNCTIONS);
    tcase_add_test(t, limits_are_those_of_the_functions);
    suite_add_tcase(s, t);
    return s;
}

/* tests/program_slopes.c -- derivatives through the planner's tables against
 * central differences of the compiled values, random expressions among them.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference/core/rng.h"
#include "tests/program_cases.h"
#include "tests/program_parts.h"

/* Room for every derivative; slopes' pointers lead here. */
typedef struct derivatives {
    elbo_slopes slopes;
    double G[MOST + ROWS], V[NS + 1], Q[ROWS], logpi[ROWS], occupancy[ROWS],
        held[ROWS];
} derivatives;

static double slopes_of(elbo_program *program, derivatives *d)
{
    double value = NAN;
    size_t sample;

    *d = (derivatives){0};
    d->slopes = (elbo_slopes){.V = d->V,
                              .Q = d->Q,
                              .logpi = d->logpi,
                              .occupancy = d->occupancy,
                              .occupancy_held = d->held};
    ck_assert_msg(elbo_program_slopes(program, &small.bind, &value, d->G,
                                      &d->slopes, &sample)
                      == ELBO_OK,
                  "%s", elbo_last_error()->text);
    return value;
}

/* The value's slope in the number *x, which runs read. */
static double difference(elbo_program *program, double *x)
{
    static const double h = 1e-5;
    const double at = *x;

    *x = at + h;

    const double up = program_run(program, NULL);

    *x = at - h;

    const double down = program_run(program, NULL);

    *x = at;
    return (up - down) / (2 * h);
}

static void expect(const char *text, const char *what, size_t i, double got,
                   double want, double scale)
{
    ck_assert_msg(fabs(got - want) <= 1e-6 * (1 + fabs(want) + scale),
                  "%s, %s %zu: %.12g, not %.12g", text, what, i, got, want);
}

/* Every table that the text reads, by differences. Held and moving parts must
 * add up to the whole where the policy's own are not held. */
static void check(const char *text)
{
    elbo_program *program = program_compile(text);
    derivatives d;
    const double value = slopes_of(program, &d), plain = program_run(program, NULL);
    const double scale = 1e-3 * fabs(value);

    ck_assert_msg(fabs(value - plain) <= 1e-11 * (1 + fabs(plain)),
                  "%s: %.17g, not %.17g", text, value, plain);
    for (size_t i = 0; i < small.batch.nnz; i++)
        expect(text, "p", i, d.G[i], difference(program, &small.p[i]), scale);
    for (size_t i = 0; i < ROWS; i++)
        expect(text, "rhat", i, d.G[small.batch.nnz + i],
               difference(program, &small.rhat[i]), scale);
    for (size_t s = 0; s < NS; s++)
        expect(text, "V", s, d.V[s], difference(program, &small.V[s]), scale);
    for (size_t i = 0; i < ROWS; i++) {
        expect(text, "Q", i, d.Q[i], difference(program, &small.Q[i]), scale);
        expect(text, "logpi", i, d.logpi[i],
               difference(program, &small.logpi[i]), scale);
        expect(text, "occupancy", i, d.occupancy[i] + d.held[i],
               difference(program, &small.occupancy[i]), scale);
    }
    expect(text, "J", 0, d.slopes.J, difference(program, &small.bind.J), scale);
    expect(text, "Jmodel", 0, d.slopes.Jmodel + d.slopes.Jmodel_held,
           difference(program, &small.bind.Jmodel), scale);
    elbo_program_free(program);
}

/* Stops are told from differences by hand, below. */
START_TEST(every_slope_is_that_of_differences)
{
    if (!strstr(program_cases[_i].text, "stop")) check(program_cases[_i].text);
}
END_TEST

/* The small kernel with its zeros written out, so that a policy's steps are a
 * matrix: the same values and slopes as entry by entry. */
START_TEST(steps_by_a_matrix_are_the_steps)
{
    static const char *const texts[] = {"-sq(T(4, V(y)) - r)",
                                        "roll(3, sq(V(y)))*r",
                                        "sq(T(3, V(y)) - Td(3, V(y)))"};
    enum { WIDE = NS + 1, FULL = ROWS * WIDE };
    static size_t start[ROWS + 1];
    static uint32_t successor[FULL], entry[SAMPLES];
    static double p[FULL], G[FULL + ROWS];
    elbo_batch full = small.batch;
    elbo_bindings bind = small.bind;
    elbo_program *program, *plain = program_compile(texts[_i]);
    double g[MOST + ROWS] = {0}, value;
    const double want = program_run(plain, g);
    size_t sample;

    memset(p, 0, sizeof p);
    memset(G, 0, sizeof G);
    for (uint32_t i = 0; i < FULL; i++) successor[i] = i % WIDE;
    for (size_t row = 0; row <= ROWS; row++) start[row] = row * WIDE;
    for (size_t row = 0; row < ROWS; row++)
        for (size_t i = small.start[row]; i < small.start[row + 1]; i++)
            p[row * WIDE + small.successor[i]] = small.p[i];
    for (size_t x = 0; x < SAMPLES; x++)
        entry[x] = small.row[x] * WIDE + small.next[x];
    full.nnz = FULL;
    full.start = start;
    full.successor = successor;
    full.entry = entry;
    bind.p = p;
    ck_assert_int_eq(
        elbo_program_alloc(program_expression(texts[_i], true, program_arena),
                           &full, &program, &sample),
        ELBO_OK);
    ck_assert_int_eq(elbo_program_run(program, &bind, &value, G, &sample),
                     ELBO_OK);
    ck_assert_double_eq_tol(value, want, 1e-12 * (1 + fabs(want)));
    for (size_t row = 0; row < ROWS; row++)
        for (size_t i = small.start[row]; i < small.start[row + 1]; i++)
            ck_assert_double_eq_tol(G[row * WIDE + small.successor[i]], g[i],
                                    1e-12 * (1 + fabs(g[i])));
    for (size_t row = 0; row < ROWS; row++)
        ck_assert_double_eq_tol(G[FULL + row], g[small.batch.nnz + row], 1e-12);
    elbo_program_free(program);
    elbo_program_free(plain);
}
END_TEST

/* ---- random expressions ---- */

static const char *const leaves[] = {
    "rhat",       "V_then(next)",  "V_target(s)",   "roll(2, V_target(y))",
    "V(s)",       "V(next)",       "Q(s,a)",        "Q(next,a)",
    "A(s,a)",     "logpi",         "logpi(next,a)", "occupancy",
    "J",          "Jmodel",        "logp",          "r",
    "1.385",      "0.7",           "E(V(y))",       "Var(V(y))",
    "T(2, V(y))", "Td(2, V(y))",
    "V(y)",       "Q(y,a)",        "V_then(y)",     "A(y,a)",
    "logpi(y,a)", "sum(gradV(s))", "sum(gradV(y))",
};
enum { LEAVES = sizeof leaves / sizeof *leaves, OF_Y = 22 };

static const struct {
    const char *before, *between, *after; /* between: two arguments */
    bool binds, hides;                    /* y */
} shapes[] = {
    {"(",           " + ",       ")",      false, false},
    {"(",           " - ",       ")",      false, false},
    {"(",           "*",         ")",      false, false},
    {"(",           "/(3 + sq(", ")))",    false, false},
    {"-",           NULL,        "",       false, false},
    {"sq(",         NULL,        ")",      false, false},
    {"exp(0.1*",    NULL,        ")",      false, false},
    {"log(1 + sq(", NULL,        "))",     false, false},
    {"max(",        ", 0.2 + ",  ")",      false, false},
    {"min(",        ", 0.1 - ",  ")",      false, false},
    {"E(",          NULL,        ")",      true,  false},
    {"E(sq(",       NULL,        "))",     true,  false},
    {"Var(",        NULL,        ")",      true,  false},
    {"Ed(",         NULL,        ")",      false, true },
    {"mean(",       NULL,        ")",      false, true },
    {"(0.5 + sq(",  NULL,        "))^0.7", false, false},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Appends to the text; y has a meaning or not. */
static void write_random(elbo_rng *rng, char *text, size_t room, int height,
                         bool y)
{
    const size_t k = elbo_rng_below(rng, SHAPES);

    if (height == 0 || elbo_rng_below(rng, 5) == 0) {
        const size_t leaf = elbo_rng_below(rng, y ? LEAVES : OF_Y);

        strncat(text, leaves[leaf], room - strlen(text) - 1);
        return;
    }
    y = (y || shapes[k].binds) && !shapes[k].hides;
    strncat(text, shapes[k].before, room - strlen(text) - 1);
    write_random(rng, text, room, height - 1, y);
    if (shapes[k].between) {
        strncat(text, shapes[k].between, room - strlen(text) - 1);
        write_random(rng, text, room, height - 1, y);
    }
    strncat(text, shapes[k].after, room - strlen(text) - 1);
}

START_TEST(slopes_of_random_expressions_are_those_of_differences)
{
    enum { ROOM = 4096 };
    elbo_rng rng = elbo_rng_stream(2385, "slopes", (uint64_t)_i);

    for (int k = 0; k < 25; k++) {
        char text[ROOM] = "";

        write_random(&rng, text, sizeof text, 4, false);
        check(text);
    }
}
END_TEST

/* ---- stop and fixed_pi ---- */

START_TEST(stop_blocks_the_planner_too)
{
    static const char *const both[][2] = {
        {"stop(V(next))*E(V(y))*Q(s,a) + stop(Jmodel*J)*logpi",
         "V(next)*E(V(y))*Q(s,a) + Jmodel*J*logpi"                },
        {"E(stop(V(y)))*J + stop(E(V(y))*occupancy)*J",         ""},
        {"sum(stop(gradV(next)))*J",                            ""},
        {"stop(V(s) + Q(next,a) + logp)",                       ""},
    };

    for (size_t k = 0; k < sizeof both / sizeof *both; k++) {
        elbo_program *program = program_compile(both[k][0]);
        derivatives d;
        const double value = slopes_of(program, &d);

        ck_assert_double_eq_tol(value, program_run(program, NULL),
                                1e-12 * (1 + fabs(value)));
        for (size_t s = 0; s < NS && k > 0; s++) ck_assert(d.V[s] == 0);
        for (size_t i = 0; i < ROWS && k > 0; i++)
            ck_assert(d.Q[i] == 0 && d.occupancy[i] == 0);
        ck_assert(d.slopes.Jmodel == 0);
        if (k != 1 && k != 2) ck_assert(d.slopes.J == 0);
        if (k == 0)
            ck_assert_double_eq_tol(d.Q[small.row[0]],
                                    difference(program, &small.Q[small.row[0]]),
                                    1e-6);
        elbo_program_free(program);
    }
}
END_TEST

START_TEST(held_parts_are_told_apart)
{
    elbo_program *program = program_compile(
        "fixed_pi(occupancy*V(s) + logpi*J*Jmodel) + 2*occupancy*r + Jmodel");
    elbo_program *moving = program_compile("2*occupancy*r + Jmodel");
    elbo_program *held = program_compile("occupancy*V(s) + logpi*J*Jmodel");
    derivatives d, m, h;

    slopes_of(program, &d);
    slopes_of(moving, &m);
    slopes_of(held, &h);
    for (size_t i = 0; i < ROWS; i++) {
        ck_assert_double_eq_tol(d.occupancy[i], m.occupancy[i], 1e-12);
        ck_assert_double_eq_tol(d.held[i], h.occupancy[i], 1e-12);
        ck_assert(d.logpi[i] == 0);
    }
    for (size_t s = 0; s < NS; s++)
        ck_assert_double_eq_tol(d.V[s], h.V[s], 1e-12);
    ck_assert_double_eq_tol(d.slopes.Jmodel, m.slopes.Jmodel, 1e-12);
    ck_assert_double_eq_tol(d.slopes.Jmodel_held, h.slopes.Jmodel, 1e-12);
    ck_assert(d.slopes.J == 0);
    elbo_program_free(program);
    elbo_program_free(moving);
    elbo_program_free(held);
}
END_TEST

START_TEST(a_slope_that_is_not_finite_has_its_place)
{
    elbo_program *program = program_compile("1 + sqrt(V(s))*r");
    derivatives d = {0};
    double value;
    size_t sample = 99;

    for (size_t s = 0; s < NS; s++) small.V[s] = 0.1 * (double)s;
    small.V[3] = 0; /* where transitions 6, 8, 12 and 13 start */
    small.V[0] = 0.1;
    d.slopes.V = d.V;
    ck_assert_int_eq(elbo_program_slopes(program, &small.bind, &value, NULL,
                                         &d.slopes, &sample),
                     ELBO_ENOTFINITE);
    ck_assert_uint_eq(sample, 6);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "derivative"));
    for (size_t s = 0; s < NS; s++) ck_assert(d.V[s] == 0);
    elbo_program_free(program);
}
END_TEST

TCase *program_slopes(void)
{
    TCase *t = tcase_create("slopes");

    tcase_add_checked_fixture(t, program_set_up, program_tear_down);
    tcase_add_loop_test(t, every_slope_is_that_of_differences, 0,
                        (int)program_cases_count);
    tcase_add_loop_test(
        t, slopes_of_random_expressions_are_those_of_differences, 0, 4);
    tcase_add_loop_test(t, steps_by_a_matrix_are_the_steps, 0, 3);
    tcase_add_test(t, stop_blocks_the_planner_too);
    tcase_add_test(t, held_parts_are_told_apart);
    tcase_add_test(t, a_slope_that_is_not_finite_has_its_place);
    return t;
}

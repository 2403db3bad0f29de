/* tests/program_stages.c -- a horizon's stages: the same objective on the world
 * whose states are pairs (stage, state), by the program without stages.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/core/rng.h"
#include "tests/program_cases.h"
#include "tests/program_parts.h"

enum { T = 3, LAYERS = T + 1, WIDE = LAYERS * NS, WIDE_ROWS = WIDE * NA };

static elbo_arena *arena;

/* The small world with values of each stage. */
static program_world world;
static uint32_t stage[SAMPLES];
static double V[LAYERS * (NS + 1)], V_target[LAYERS * (NS + 1)];
static double V_then[ROUNDS * LAYERS * (NS + 1)];
static double Q[T * ROWS], logpi[T * ROWS], occupancy[T * ROWS];

/* The wide one: layer t is stage t, and layer T has no values. */
static struct {
    elbo_batch batch;
    elbo_bindings bind;
    size_t start[WIDE_ROWS + 1];
    uint32_t successor[LAYERS * MOST], row[SAMPLES], next[SAMPLES];
    uint32_t entry[SAMPLES];
    int32_t coord[(WIDE + 1) * DIM];
    double p[LAYERS * MOST], rhat[WIDE_ROWS];
    double V[WIDE + 1], V_target[WIDE + 1], V_then[ROUNDS * (WIDE + 1)];
    double Q[WIDE_ROWS], logpi[WIDE_ROWS], occupancy[WIDE_ROWS];
} wide;

static void draw(elbo_rng *rng, double x[], size_t blocks, size_t width,
                 size_t zeros)
{
    elbo_rng_normals(rng, x, blocks * width);
    for (size_t i = 0; i < blocks * width; i++)
        if (i % width >= width - zeros) x[i] = 0;
}

static void fill_stages(void)
{
    elbo_rng rng = elbo_rng_stream(11, "test stages", 0);

    draw(&rng, V, LAYERS, NS + 1, 1);
    draw(&rng, V_target, LAYERS, NS + 1, 1);
    draw(&rng, V_then, ROUNDS * LAYERS, NS + 1, 1);
    for (size_t i = 0; i <= NS; i++) {
        V[T * (NS + 1) + i] = V_target[T * (NS + 1) + i] = 0;
        for (size_t k = 0; k < ROUNDS; k++)
            V_then[(k * LAYERS + T) * (NS + 1) + i] = 0;
    }
    draw(&rng, Q, T, ROWS, 0);
    draw(&rng, logpi, T, ROWS, 0);
    draw(&rng, occupancy, T, ROWS, 0);
    for (size_t x = 0; x < SAMPLES; x++)
        stage[x] = (uint32_t)elbo_rng_below(&rng, T);
    /* two of one transition at different stages, as data have them */
    world.row[1] = world.row[0];
    world.next[1] = world.next[0];
    world.entry[1] = world.entry[0];
    stage[0] = 0;
    stage[1] = 2;
    world.batch.stages = T;
    world.batch.stage = stage;
    world.bind.V = V;
    world.bind.V_target = V_target;
    world.bind.V_then = V_then;
    world.bind.Q = Q;
    world.bind.logpi = logpi;
    world.bind.occupancy = occupancy;
}

static uint32_t in_layer(size_t layer, uint32_t state)
{
    return state == NS ? WIDE : (uint32_t)(layer * NS + state);
}

static void widen_kernel(void)
{
    const size_t nnz = world.batch.nnz;

    for (size_t t = 0; t < LAYERS; t++) {
        for (size_t row = 0; row < ROWS; row++)
            wide.start[t * ROWS + row] = t * nnz + world.start[row];
        for (size_t i = 0; i < nnz; i++) {
            wide.p[t * nnz + i] = world.p[i];
            wide.successor[t * nnz + i] =
                in_layer(t < T ? t + 1 : T, world.successor[i]);
        }
        for (size_t i = 0; i < NS * DIM; i++) /* layers are far apart */
            wide.coord[t * NS * DIM + i] =
                world.coord[i] + (i % DIM ? 0 : 1000 * (int32_t)t);
        memcpy(wide.rhat + t * ROWS, world.rhat, sizeof world.rhat);
    }
    wide.start[WIDE_ROWS] = LAYERS * nnz;
}

static void widen(void)
{
    widen_kernel();
    for (size_t t = 0; t < T; t++) {
        const size_t from = t * (NS + 1), size = NS * sizeof *V;

        memcpy(wide.V + t * NS, V + from, size);
        memcpy(wide.V_target + t * NS, V_target + from, size);
        for (size_t k = 0; k < ROUNDS; k++)
            memcpy(wide.V_then + k * (WIDE + 1) + t * NS,
                   V_then + k * LAYERS * (NS + 1) + from, size);
    }
    memcpy(wide.Q, Q, sizeof Q);
    memcpy(wide.logpi, logpi, sizeof logpi);
    memcpy(wide.occupancy, occupancy, sizeof occupancy);
    for (size_t x = 0; x < SAMPLES; x++) {
        const size_t t = stage[x];

        wide.row[x] = (uint32_t)(t * ROWS + world.row[x]);
        wide.next[x] = in_layer(t + 1, world.next[x]);
        wide.entry[x] = (uint32_t)(t * world.batch.nnz + world.entry[x]);
    }
    wide.batch = world.batch;
    wide.batch.nS = WIDE;
    wide.batch.row = wide.row;
    wide.batch.next = wide.next;
    wide.batch.entry = wide.entry;
    wide.batch.nnz = LAYERS * world.batch.nnz;
    wide.batch.start = wide.start;
    wide.batch.successor = wide.successor;
    wide.batch.coord = wide.coord;
    wide.batch.stages = 0;
    wide.bind = (elbo_bindings){.p = wide.p,
                                .rhat = wide.rhat,
                                .V = wide.V,
                                .V_target = wide.V_target,
                                .V_then = wide.V_then,
                                .Q = wide.Q,
                                .logpi = wide.logpi,
                                .occupancy = wide.occupancy,
                                .J = world.bind.J,
                                .Jmodel = world.bind.Jmodel};
}

static void set_up(void)
{
    arena = elbo_arena_alloc(4096);
    program_world_init(&world);
    memset(&wide, 0, sizeof wide);
    fill_stages();
    widen();
}

static void tear_down(void)
{
    elbo_arena_free(arena);
}

typedef struct slopes_of {
    elbo_slopes slopes;
    double value;
    double G[LAYERS * MOST + WIDE_ROWS], V[WIDE + 1 + LAYERS], Q[WIDE_ROWS];
    double logpi[WIDE_ROWS], occupancy[WIDE_ROWS], held[WIDE_ROWS];
} slopes_of;

static elbo_program *compile(const char *text, const elbo_batch *batch)
{
    elbo_program *program = NULL;
    size_t column;

    ck_assert_msg(
        elbo_program_alloc(program_expression(text, true, arena), batch,
                           &program, &column)
            == ELBO_OK,
        "%s: %s", text, elbo_last_error()->text);
    return program;
}

static void run(const char *text, const elbo_batch *batch,
                const elbo_bindings *bind, bool sloped, slopes_of *out)
{
    elbo_program *const program = compile(text, batch);
    size_t sample;
    elbo_status s;

    memset(out, 0, sizeof *out);
    out->slopes = (elbo_slopes){.V = out->V,
                                .Q = out->Q,
                                .logpi = out->logpi,
                                .occupancy = out->occupancy,
                                .occupancy_held = out->held};
    if (sloped)
        s = elbo_program_slopes(program, bind, &out->value, out->G,
                                &out->slopes, &sample);
    else
        s = elbo_program_run(program, bind, &out->value, out->G, &sample);
    ck_assert_msg(s == ELBO_OK, "%s: %s", text, elbo_last_error()->text);
    elbo_program_free(program);
}

static void expect(const char *text, const char *what, size_t i, double got,
                   double want)
{
    ck_assert_msg(fabs(got - want) <= 1e-11 * (1 + fabs(want)),
                  "%s, %s %zu: %.17g, not %.17g", text, what, i, got, want);
}

/* clang-format off */
static const char *const texts[] = {
    "logp", "-0.5*sq(E(V(y)) - V(next))", "-0.5*E(sq(V(y) - V(next)))",
    "-abs(E(V(y)) - Ed(V(next)))", "-0.5*sq(Q(s,a) - (r + gamma*Ed(V(next))))",
    "logpi*logp + logpi(next,a)*E(logpi(y,a))", "occupancy*A(s,a) - A(next,a)",
    "-0.5*sum(sq(gradV(next)*V(s) - E(gradV(y))))", "sum(gradV(s))*Var(V(y))",
    "mean(E(V(y)))*sq(mean(V(next)))*r", "E(Q(y,a)*V(y)) + J*Jmodel*V(s)",
    "V_then(next)*E(V_then(y)) - V_then(s)", "sq(V_target(s) - E(V_target(y)))",
    "Epi(E(V(y)))*Epi(Q(s,a)) + Ed(r)", "fixed_pi(occupancy*V(s)) + Jmodel",
    "rhat*sq(r - rhat) + roll(1, V(y))", "sq(T(1, V(y)))", "stop(V(s) + E(V(y)))*V(s)*logp",
};
/* clang-format on */

START_TEST(stages_are_states_of_their_own)
{
    const char *const text = texts[_i];
    const size_t nnz = world.batch.nnz;
    static slopes_of got, want;

    for (int sloped = 0; sloped < 2; sloped++) {
        run(text, &world.batch, &world.bind, sloped, &got);
        run(text, &wide.batch, &wide.bind, sloped, &want);
        expect(text, "value", 0, got.value, want.value);
        for (size_t i = 0; i < nnz; i++) {
            double sum = 0;

            for (size_t t = 0; t < LAYERS; t++) sum += want.G[t * nnz + i];
            expect(text, "p", i, got.G[i], sum);
        }
        for (size_t i = 0; i < ROWS; i++) {
            double sum = 0;

            for (size_t t = 0; t < LAYERS; t++)
                sum += want.G[LAYERS * nnz + t * ROWS + i];
            expect(text, "rhat", i, got.G[nnz + i], sum);
        }
        for (size_t i = 0; i < T * NS; i++)
            expect(text, "V", i, got.V[i / NS * (NS + 1) + i % NS], want.V[i]);
        for (size_t i = 0; i < T * ROWS; i++) {
            expect(text, "Q", i, got.Q[i], want.Q[i]);
            expect(text, "logpi", i, got.logpi[i], want.logpi[i]);
            expect(text, "occupancy", i, got.occupancy[i], want.occupancy[i]);
            expect(text, "held", i, got.held[i], want.held[i]);
        }
    }
}
END_TEST

/* A policy of each step cannot be rolled: said, not guessed. */
START_TEST(what_has_no_meaning_in_stages_is_refused)
{
    elbo_program *program;
    size_t column = 0;

    ck_assert_int_eq(
        elbo_program_alloc(program_expression("r*roll(2, V(y))", true, arena),
                           &world.batch, &program, &column),
        ELBO_EINVAL);
    ck_assert_uint_eq(column, 2);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "horizon"));
}
END_TEST

TCase *program_stages(void)
{
    TCase *t = tcase_create("stages");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, stages_are_states_of_their_own, 0,
                        sizeof texts / sizeof *texts);
    tcase_add_test(t, what_has_no_meaning_in_stages_is_refused);
    return t;
}

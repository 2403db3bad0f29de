/* tests/program_world.c -- the small batch of suite `program`.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "tests/program_cases.h"

/* Numbers without a pattern, in (0, 1). */
static double noise(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return ((double)(*state >> 8) + 0.5) / 16777216;
}

static void fill(double x[], size_t n, double low, double high, unsigned seed)
{
    for (size_t i = 0; i < n; i++) x[i] = low + (high - low) * noise(&seed);
}

/* Row i goes to states i, i + 2, ... mod 7; 6 is END. Ascending. */
static void init_pattern(program_world *w)
{
    unsigned seed = 2385;
    size_t nnz = 0;

    for (size_t row = 0; row < ROWS; row++) {
        const size_t n = 1 + row % 4;
        double sum = 0;

        w->start[row] = nnz;
        for (uint32_t y = 0; y <= NS; y++) {
            const size_t turn = (y + 7 - row % 7) % 7;

            if (turn % 2 == 0 && turn / 2 < n) w->successor[nnz++] = y;
        }
        for (size_t i = w->start[row]; i < nnz; i++)
            sum += w->p[i] = 0.2 + noise(&seed);
        for (size_t i = w->start[row]; i < nnz; i++) w->p[i] /= sum;
    }
    w->start[ROWS] = nnz;
}

/* Every entry of some rows, the last of others, none of rows 4, 8 and 9;
 * rows come back. */
static void init_samples(program_world *w)
{
    static const uint32_t entries[SAMPLES] = {26, 3, 11, 1,  0,  27, 18, 5,
                                              13, 2, 9,  12, 16, 17, 25};
    unsigned seed = 77;

    for (size_t x = 0; x < SAMPLES; x++) {
        const uint32_t i = entries[x];
        uint32_t row = 0;

        while (w->start[row + 1] <= i) row++;
        w->row[x] = row;
        w->entry[x] = i;
        w->next[x] = w->successor[i];
        w->r[x] = noise(&seed) - 0.4;
        w->weight[x] = 0.3 + 2 * noise(&seed);
    }
}

void program_world_init(program_world *w)
{
    static const int32_t cells[NS][DIM] = {
        {0,  0},
        {0,  1},
        {1,  1},
        {2,  1},
        {-3, 5},
        {1,  0}
    };

    memset(w, 0, sizeof *w);
    init_pattern(w);
    init_samples(w);
    memcpy(w->coord, cells, sizeof cells);
    fill(w->V, NS, -2, 3, 5);
    fill(w->Q, ROWS, -3, 3, 6);
    fill(w->logpi, ROWS, -2.3, -0.1, 7);
    fill(w->occupancy, ROWS, 0.01, 0.2, 8);
    fill(w->rhat, ROWS, -1, 1, 9);
    fill(w->V_target, NS, -2, 2, 10);
    for (size_t k = 0; k < ROUNDS; k++)
        fill(w->V_then + k * (NS + 1), NS, -2, 2, 11 + (unsigned)k);
    for (size_t x = 0; x < SAMPLES; x++) w->epoch[x] = (uint32_t)(x % ROUNDS);
    w->batch = (elbo_batch){.nS = NS,
                            .nA = NA,
                            .n = SAMPLES,
                            .row = w->row,
                            .next = w->next,
                            .entry = w->entry,
                            .r = w->r,
                            .weight = w->weight,
                            .nnz = w->start[ROWS],
                            .start = w->start,
                            .successor = w->successor,
                            .gamma = 0.87,
                            .coord = w->coord,
                            .dim = DIM,
                            .epochs = ROUNDS,
                            .epoch = w->epoch};
    w->bind = (elbo_bindings){.p = w->p,
                              .rhat = w->rhat,
                              .V = w->V,
                              .V_target = w->V_target,
                              .V_then = w->V_then,
                              .Q = w->Q,
                              .logpi = w->logpi,
                              .occupancy = w->occupancy,
                              .J = 1.385,
                              .Jmodel = -0.77};
}

elbo_expr *program_expression(const char *text, bool coordinates,
                              elbo_arena *arena)
{
    const elbo_scope scope = {.coordinates = coordinates, .finite = true};
    elbo_expr *e = NULL;
    size_t column;
    const char *nearest;

    ck_assert_msg(elbo_expression_parse(text, arena, &e, &column) == ELBO_OK,
                  "%s: %s", text, elbo_last_error()->text);
    ck_assert_msg(elbo_expression_check(e, &scope, &column, &nearest)
                      == ELBO_OK,
                  "%s: %s", text, elbo_last_error()->text);
    return e;
}

program_world small;
elbo_arena *program_arena;

void program_set_up(void)
{
    program_arena = elbo_arena_alloc(4096);
    program_world_init(&small);
}

void program_tear_down(void)
{
    elbo_arena_free(program_arena);
}

elbo_program *program_compile(const char *text)
{
    elbo_program *program = NULL;
    size_t column;
    const elbo_expr *e = program_expression(text, true, program_arena);

    ck_assert_msg(elbo_program_alloc(e, &small.batch, &program, &column)
                      == ELBO_OK,
                  "%s: %s", text, elbo_last_error()->text);
    return program;
}

double program_run(elbo_program *program, double G[])
{
    double value = NAN;
    size_t sample;

    ck_assert_msg(
        elbo_program_run(program, &small.bind, &value, G, &sample) == ELBO_OK,
        "%s", elbo_last_error()->text);
    return value;
}

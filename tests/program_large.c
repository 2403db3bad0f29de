/* tests/program_large.c -- a batch of many tiles: against loops, for any number
 * of threads, and with faults far from its start.
 */
#include "tests/program_parts.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "tests/program_cases.h"

/* Ragged: row i goes to i % WIDE + 1 states, every second entry is observed.
 * Even: so do ALIKE rows each, and every entry is. */
enum { STATES = 700, ACTIONS = 3, PAIRS = STATES * ACTIONS, WIDE = 7 };
enum { ENTRIES = PAIRS * (WIDE + 1) / 2, ALIKE = 40 };

static struct {
    elbo_batch batch;
    size_t start[PAIRS + 1];
    uint32_t successor[ENTRIES], row[ENTRIES], next[ENTRIES], entry[ENTRIES];
    double r[ENTRIES], weight[ENTRIES], p[ENTRIES], V[STATES + 1];
} large;

static elbo_arena *arena;

static double noise(size_t i)
{
    return (double)(i * 2654435761u % 4294967296u) / 4294967296.0;
}

static size_t width_of(size_t i, bool even)
{
    return (even ? i / ALIKE : i) % WIDE + 1;
}

static void set_up(bool even)
{
    size_t nnz = 0, n = 0;

    arena = elbo_arena_alloc(4096);
    memset(&large, 0, sizeof large);
    for (size_t i = 0; i < PAIRS; i++) {
        large.start[i] = nnz;
        for (size_t k = 0; k < width_of(i, even); k++)
            large.successor[nnz++] =
                (uint32_t)((i * 7 + k * 31) % (STATES + 1));
        for (size_t e = large.start[i]; e < nnz; e++) {
            large.p[e] = (0.5 + noise(e)) / (double)width_of(i, even);
            if (!even && e % 2 == 0) continue;
            large.row[n] = (uint32_t)i;
            large.next[n] = large.successor[e];
            large.entry[n] = (uint32_t)e;
            large.r[n] = noise(e + 3) - 0.5;
            large.weight[n++] = 0.2 + noise(e + 5);
        }
    }
    large.start[PAIRS] = nnz;
    for (size_t s = 0; s < STATES; s++) large.V[s] = 4 * noise(s + 9) - 1.385;
    large.batch = (elbo_batch){.nS = STATES,
                               .nA = ACTIONS,
                               .n = n,
                               .row = large.row,
                               .next = large.next,
                               .entry = large.entry,
                               .r = large.r,
                               .weight = large.weight,
                               .nnz = nnz,
                               .start = large.start,
                               .successor = large.successor,
                               .gamma = 0.9};
}

static void set_up_ragged(void)
{
    set_up(false);
}

static void set_up_even(void)
{
    set_up(true);
}

static void tear_down(void)
{
    elbo_arena_free(arena);
}

static elbo_program *compile(const char *text)
{
    elbo_program *program = NULL;
    size_t column;

    ck_assert_int_eq(elbo_program_alloc(program_expression(text, false, arena),
                                        &large.batch, &program, &column),
                     ELBO_OK);
    return program;
}

static elbo_status run(elbo_program *program, double *value, double G[],
                       size_t *sample)
{
    const elbo_bindings bind = {.p = large.p, .V = large.V};

    return elbo_program_run(program, &bind, value, G, sample);
}

/* m = E V(y) at the row of transition x. */
static double mean_V(size_t x)
{
    double m = 0;

    for (size_t i = large.start[large.row[x]];
         i < large.start[large.row[x] + 1]; i++)
        m += large.p[i] * large.V[large.successor[i]];
    return m;
}

/* d value / d m at transition x goes to the row's entries. */
static void spread(size_t x, double slope, double G[])
{
    for (size_t i = large.start[large.row[x]];
         i < large.start[large.row[x] + 1]; i++)
        G[i] += slope * large.V[large.successor[i]];
}

static double calibrated(double G[])
{
    double sum = 0;

    for (size_t x = 0; x < large.batch.n; x++) {
        const double off = mean_V(x) - large.V[large.next[x]];

        sum -= 0.5 * large.weight[x] * off * off;
        spread(x, -large.weight[x] * off, G);
    }
    return sum;
}

static double by_row(double G[])
{
    double sum = 0;

    for (size_t x = 0; x < large.batch.n; x++) {
        const double c = large.weight[x] * large.r[x];

        sum += c * exp(mean_V(x));
        spread(x, c * exp(mean_V(x)), G);
    }
    return sum;
}

static double of_means(double G[])
{
    double sum = 0, total = 0;

    for (size_t x = 0; x < large.batch.n; x++) {
        sum += large.weight[x] * (mean_V(x) - large.V[large.next[x]]);
        total += large.weight[x];
    }
    for (size_t x = 0; x < large.batch.n; x++)
        spread(x, 2 * sum / total * large.weight[x], G);
    return sum / total * sum;
}

static double log_p(double G[])
{
    double sum = 0;

    for (size_t x = 0; x < large.batch.n; x++) {
        const uint32_t i = large.entry[x];

        sum += large.weight[x] * (log(large.p[i]) + mean_V(x));
        G[i] += large.weight[x] / large.p[i];
        spread(x, large.weight[x], G);
    }
    return sum;
}

static const struct {
    const char *text;
    double (*loop)(double G[]);
} cases[] = {
    {"-0.5*sq(E(V(y)) - V(next))",  calibrated},
    {"r*exp(E(V(y)))",              by_row    },
    {"sq(mean(E(V(y)) - V(next)))", of_means  },
    {"logp + E(V(y))",              log_p     },
};

enum { CASES = sizeof cases / sizeof *cases };

START_TEST(many_tiles_are_worth_their_loop)
{
    static double G[ENTRIES], want[ENTRIES];
    elbo_program *program = compile(cases[_i].text);
    double value;
    size_t sample;

    memset(G, 0, sizeof G);
    memset(want, 0, sizeof want);

    const double loop = cases[_i].loop(want);

    ck_assert_int_eq(run(program, &value, G, &sample), ELBO_OK);
    ck_assert_double_le(fabs(value - loop), 1e-11 * (1 + fabs(loop)));
    for (size_t i = 0; i < large.batch.nnz; i++)
        ck_assert_double_le(fabs(G[i] - want[i]), 1e-11 * (1 + fabs(want[i])));
    elbo_program_free(program);
}
END_TEST

START_TEST(threads_change_no_bit)
{
    static double G[3][ENTRIES];
    const int threads = omp_get_max_threads();
    double value[3];
    size_t sample;

    memset(G, 0, sizeof G);
    for (int k = 0; k < 3; k++) {
        elbo_program *program = compile(cases[_i].text);

        omp_set_num_threads(k + 1);
        ck_assert_int_eq(run(program, &value[k], G[k], &sample), ELBO_OK);
        elbo_program_free(program);
    }
    omp_set_num_threads(threads);
    for (int k = 1; k < 3; k++) {
        ck_assert(value[k] == value[0]);
        ck_assert_mem_eq(G[k], G[0], sizeof G[0]);
    }
}
END_TEST

START_TEST(a_fault_in_the_last_tile_has_its_place)
{
    elbo_program *program = compile("1 + logp + E(V(y))");
    const size_t last = large.batch.n - 3;
    double value = 7.7;
    size_t sample;

    ck_assert_uint_gt(last, 2048);
    large.p[large.entry[last]] = 0;
    ck_assert_int_eq(run(program, &value, NULL, &sample), ELBO_ENOTFINITE);
    ck_assert_uint_eq(sample, last);
    ck_assert(value == 7.7);
    elbo_program_free(program);
}
END_TEST

static TCase *with_batch(const char *name, void (*prepare)(void))
{
    TCase *t = tcase_create(name);

    tcase_add_checked_fixture(t, prepare, tear_down);
    tcase_add_loop_test(t, many_tiles_are_worth_their_loop, 0, CASES);
    tcase_add_loop_test(t, threads_change_no_bit, 0, CASES);
    tcase_add_test(t, a_fault_in_the_last_tile_has_its_place);
    return t;
}

TCase *program_large(void)
{
    return with_batch("large", set_up_ragged);
}

TCase *program_even(void)
{
    return with_batch("even", set_up_even);
}

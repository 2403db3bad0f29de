/* tests/test_task_occupancy.c -- which rows the classifier of an occupancy learns from:
 * a row that is no number stops the step that draws it, and no other.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/weight/task_factors.h"
#include "tests/engine_cases.h"
#include "tests/ensemble_cases.h"
#include "tests/suites.h"

static const elbo_task_factor *const factor = &elbo_task_occupancy;

typedef struct bench {
    elbo_replay data;
    elbo_task_view view;
    void *self;
    double *values;
} bench;

static void open_factor(bench *b, const char *settings)
{
    elbo_values options;

    case_ok(elbo_values_init(&options, factor->options, ensemble_arena));
    case_ok(elbo_values_parse(&options, settings));
    case_ok(factor->open(&options, &b->view, ensemble_arena, &b->self));
}

/* n rows of which the last `recent` are about 1, the others about 0, in units of
 * `unit` from `origin`. */
static bench *set_up(const char *settings, size_t n, size_t recent, double unit,
                     double origin)
{
    bench *const b = elbo_arena_take(ensemble_arena, 1, sizeof *b);
    elbo_rng rng = elbo_rng_stream(8, "rows", 0);

    ck_assert_ptr_nonnull(b);
    case_ok(elbo_replay_init(&b->data, 2, 1, n, ensemble_arena));
    for (size_t i = 0; i < n; i++) {
        const double m = i + recent >= n;
        double e[3];
        float x[3];

        elbo_rng_normals(&rng, e, 3);
        for (size_t k = 0; k < 3; k++) x[k] = (float)(origin + unit * (m + e[k]));

        const elbo_replay_row row = {.o = x, .u = x + 2, .next = x};

        case_ok(elbo_replay_push(&b->data, &row));
    }
    b->view = (elbo_task_view){.data = &b->data, .recent = recent, .seed = 5};
    b->values = elbo_arena_doubles(ensemble_arena, n);
    open_factor(b, settings);
    return b;
}

static elbo_status update(bench *b, uint64_t round)
{
    b->view.round = round;
    return factor->update(b->self, &b->view, b->values, ensemble_ws);
}

/* ---- rows ---- */

/* Half of the first batch are the two recent rows, 64 of them; one in 156 batches has
 * any given row of the data as well. */
START_TEST(every_recent_row_is_drawn)
{
    bench *const b = set_up("where=current steps=1", 10000, 2, 1, 0);

    case_ok(update(b, 0));
    b->data.o[2 * (9998 + _i)] = NAN;
    case_fails(update(b, 1), ELBO_ENOTFINITE, "at step 1, layer 0");
    b->data.o[2 * (9998 + _i)] = 0;
    b->data.o[2 * 9997] = NAN; /* the newest that is not recent */
    case_ok(update(b, 1));
}
END_TEST

/* ... and all others in time. */
START_TEST(every_row_of_the_data_is_drawn)
{
    static const size_t row[] = {0, 30, 59};
    bench *const b = set_up("where=current steps=40", 60, 10, 1, 0);
    const elbo_replay_row one = {
        .o = b->data.o, .u = b->data.u, .next = b->data.next};

    case_ok(update(b, 0));
    /* the ring goes round: slots 0 .. 9 are the recent ones */
    for (int i = 0; i < 10; i++) case_ok(elbo_replay_push(&b->data, &one));
    b->data.o[2 * row[_i]] = NAN;
    case_fails(update(b, 1), ELBO_ENOTFINITE, "layer 0");
}
END_TEST

START_TEST(an_update_is_so_many_steps)
{
    bench *const b = set_up("where=current steps=7", 60, 10, 1, 0);

    for (uint64_t round = 0; round < 2; round++) case_ok(update(b, round));
    for (size_t i = 0; i < 120; i++) b->data.o[i] = NAN;
    case_fails(update(b, 2), ELBO_ENOTFINITE, "at step 14, layer 0");
}
END_TEST

START_TEST(rows_are_those_of_seed_and_round)
{
    static const struct {
        uint64_t seed, round;
    } other[] = {
        {5, 3},
        {5, 4},
        {6, 3},
    };
    bench *const b = set_up("where=current steps=3", 60, 10, 1, 0);

    case_ok(update(b, 3));
    for (size_t k = 0; k < 3; k++) {
        bench *const c = set_up("where=current steps=3", 60, 10, 1, 0);

        c->view.seed = other[k].seed; /* the classifier was drawn by 5 */
        case_ok(update(c, other[k].round));
        ck_assert_int_eq(memcmp(c->values, b->values, 60 * sizeof(double)) == 0,
                         k == 0);
    }
}
END_TEST

/* ---- values ---- */

START_TEST(a_ratio_has_no_units)
{
    bench *const b = set_up("where=current steps=50", 400, 100, 1, 0);
    bench *const c = set_up("where=current steps=50", 400, 100, 512, 1024);
    double least = HUGE_VAL, most = 0;

    case_ok(update(b, 0));
    case_ok(update(c, 0));
    for (size_t i = 0; i < 400; i++) {
        ck_assert_double_eq_tol(c->values[i], b->values[i], 1e-2 * b->values[i]);
        least = fmin(least, b->values[i]);
        most = fmax(most, b->values[i]);
    }
    ck_assert(least < 0.7 && most > 1.4);
}
END_TEST

START_TEST(a_ratio_stays_within_its_clip)
{
    bench *const b = set_up("where=current steps=100 clip=0.25", 400, 100, 1, 0);
    double least = HUGE_VAL, most = 0;

    case_ok(update(b, 0));
    for (size_t i = 0; i < 400; i++) {
        least = fmin(least, b->values[i]);
        most = fmax(most, b->values[i]);
    }
    ck_assert(least == exp(-0.25) && most == exp(0.25));
}
END_TEST

START_TEST(without_recent_rows_the_ratio_is_one)
{
    bench *const b = set_up("where=current", 50, 0, 1, 0);

    case_ok(update(b, 0));
    for (size_t i = 0; i < 50; i++) ck_assert_double_eq(b->values[i], 1);
}
END_TEST

/* Saved after an update and loaded into a new one, the next update has the same bits. */
START_TEST(an_occupancy_goes_on_from_what_was_saved)
{
    char path[] = "/tmp/elbo-occupancy-XXXXXX";
    elbo_writer *const out = elbo_writer_alloc();
    bench *const b = set_up("where=current steps=5", 60, 10, 1, 0);
    bench *const c = set_up("where=current steps=5", 60, 10, 1, 0);
    elbo_reader *in;

    case_file(path, "");
    case_ok(update(b, 0));
    elbo_writer_section(out, "factor");
    factor->save(b->self, out);
    case_ok(elbo_writer_commit(out, path));
    case_ok(elbo_reader_open(path, &in));
    case_ok(elbo_reader_section(in, "factor"));
    case_ok(factor->load(c->self, in));
    case_ok(update(b, 1));
    case_ok(update(c, 1));
    ck_assert_mem_eq(c->values, b->values, 60 * sizeof(double));
    elbo_reader_free(in);
    elbo_writer_free(out);
    remove(path);
}
END_TEST

Suite *suite_task_occupancy(void)
{
    Suite *const s = suite_create("task_occupancy");
    TCase *const t = tcase_create("task_occupancy");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_loop_test(t, every_recent_row_is_drawn, 0, 2);
    tcase_add_loop_test(t, every_row_of_the_data_is_drawn, 0, 3);
    tcase_add_test(t, an_update_is_so_many_steps);
    tcase_add_test(t, rows_are_those_of_seed_and_round);
    tcase_add_test(t, a_ratio_has_no_units);
    tcase_add_test(t, a_ratio_stays_within_its_clip);
    tcase_add_test(t, without_recent_rows_the_ratio_is_one);
    tcase_add_test(t, an_occupancy_goes_on_from_what_was_saved);
    suite_add_tcase(s, t);
    return s;
}

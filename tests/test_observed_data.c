/* tests/test_observed_data.c -- sequences from files, and what is held out of them. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/observed_cases.h"
#include "tests/suites.h"

START_TEST(sequences_are_read_with_what_is_missing)
{
    char path[] = "/tmp/elbo-observed-XXXXXX";
    elbo_arena *arena = elbo_arena_alloc(1 << 12);
    elbo_observed_data data;
    elbo_observed_view view;

    case_file(path, "u1,y2,sequence,y1\n1,2,4,3\n-1,,4,nan\n0.5,7,9,0.25\n");
    case_ok(elbo_observed_data_read(&data, path, 0, 0, 0, arena));
    ck_assert_uint_eq(data.ny, 2);
    ck_assert_uint_eq(data.nu, 1);
    ck_assert_uint_eq(data.n, 2);
    ck_assert_uint_eq(elbo_observed_length(&data, 0), 2);
    ck_assert_uint_eq(elbo_observed_length(&data, 1), 1);
    ck_assert_uint_eq(elbo_observed_longest(&data), 2);
    elbo_observed_sequence(&data, 0, 2, &view);
    ck_assert(gsl_matrix_get(&view.Y, 0, 0) == 3 && gsl_matrix_get(&view.Y, 0, 1) == 2);
    ck_assert(isnan(data.y[2]) && isnan(data.y[3]));
    ck_assert(gsl_matrix_get(&view.U, 1, 0) == -1);
    elbo_observed_sequence(&data, 1, 1, &view);
    ck_assert(data.y[4] == 0.25 && data.y[5] == 7);
    unlink(path);
    elbo_arena_free(arena);
}
END_TEST

static const struct {
    const char *text, *part;
    size_t ny, nu, symbols;
} faults[] = {
    {"sequence,y1\n0,1\n0,x\n",           ":3:3: y1 'x' is not a number", 0, 0, 0},
    {"sequence,y1,u1\n0,1,2\n0,1,\n",     ":3:5: u1",                     0, 0, 0},
    {"sequence,y1\n3,1\n1,1\n",           ":3:1: sequence 1 after 3",     0, 0, 0},
    {"sequence,y1\n-1,1\n",               ":2:1: sequence '-1'",          0, 0, 0},
    {"sequence,y1\n",                     ":2:1: no row of data",         0, 0, 0},
    {"y1\n1\n",                           ":1:1: column 'sequence' is missing", 0, 0, 0},
    {"sequence,u1\n1,1\n",                ":1:1: column 'y1' is missing", 0, 0, 0},
    {"sequence,y1,y3\n1,1,2\n",           ":1:13: unknown column 'y3'",   0, 0, 0},
    {"sequence,y1,v\n1,1,2\n",            ":1:13: unknown column 'v'",    0, 0, 0},
    {"sequence,y1\n1,1\n",                ":1:1: column 'y2' is missing", 2, 0, 0},
    {"sequence,y1\n0,inf\n",              ":2:3: y1 'inf' is not finite", 0, 0, 0},
    {"sequence,y1\n0,4\n",                ":2:3: y1 4 is not in 0 .. 3",  0, 0, 4},
    {"sequence,y1\n0,1.5\n",              ":2:3: y1 '1.5' is not a whole", 0, 0, 4},
    {"sequence,y1\n0,1,1\n",              ":2:5: more than 2 fields",     0, 0, 0},
};

START_TEST(a_fault_in_a_file_has_its_place)
{
    char path[] = "/tmp/elbo-observed-XXXXXX";
    elbo_arena *arena = elbo_arena_alloc(1 << 12);
    elbo_observed_data data;

    case_file(path, faults[_i].text);
    case_fails(elbo_observed_data_read(&data, path, faults[_i].ny, faults[_i].nu,
                                       faults[_i].symbols, arena),
               ELBO_EDATA, faults[_i].part);
    unlink(path);
    case_fails(elbo_observed_data_read(&data, path, 0, 0, 0, arena), ELBO_ENOINPUT,
               path);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(what_is_held_out_is_the_last)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 12);
    elbo_observed_data d;
    double *y, *u;

    case_ok(elbo_observed_data_init(&d, 1, 0, 6, 60, arena));
    for (int i = 0; i < 6; i++) case_ok(elbo_observed_append(&d, 10, &y, &u));
    elbo_observed_hold_out(&d, 0, 0.3, false); /* 1.8 of 6 */
    for (size_t i = 0; i < 6; i++) ck_assert_uint_eq(d.learnt[i], i < 4 ? 10 : 0);
    elbo_observed_hold_out(&d, 3, 0.5, true);
    for (size_t i = 3; i < 6; i++) ck_assert_uint_eq(d.learnt[i], 5);
    ck_assert_uint_eq(elbo_observed_taught(&d), 45);
    case_fails(elbo_observed_append(&d, 1, &y, &u), ELBO_ESIZE, "does not fit");
    elbo_arena_free(arena);
}
END_TEST

/* A drawn world may be taught by a file, of its own shape. */
START_TEST(a_world_with_a_law_reads_data_of_its_shape)
{
    char path[] = "/tmp/elbo-observed-XXXXXX", data[200];
    case_setup c;
    case_text text = {.env = "lds", .env_own = "states=2 outputs=2 inputs=1",
                      .model = "true", .control = "none", .data = data};
    elbo_engine *e;
    elbo_row row;

    case_file(path, "sequence,y1,y2,u1\n0,1,2,1\n0,,1,0\n3,0.5,0.1,-1\n");
    snprintf(data, sizeof data, "source=file file=%s", strrchr(path, '/') + 1);
    case_open(&c, &text);
    c.setup.folder = "/tmp";
    case_ok(elbo_engine_open(&c.setup, 1, &e));
    observed_iterate(e, &row, 1);
    ck_assert_uint_eq(row.env_steps, 3);
    ck_assert_uint_eq(e->observed->data.n, 2);
    observed_close(&c, e);
    text.env_own = "states=2 outputs=3 inputs=1";
    case_open(&c, &text);
    c.setup.folder = "/tmp";
    case_fails(elbo_engine_open(&c.setup, 1, &e), ELBO_EDATA,
               "column 'y3' is missing");
    case_close(&c);
    unlink(path);
}
END_TEST

/* Nothing held out is no column of zeros, and all is nothing to learn from. */
START_TEST(a_share_that_holds_none_or_all_is_refused)
{
    static const char *const share[] = {"held_out=0.1", "held_out=0.9"};
    static const char *const says[] = {"is none", "is all of them"};
    case_setup c;
    elbo_row row;
    elbo_engine *e = observed_open(&c,
                                   &(case_text){.model_own = "states=2",
                                                .data = "steps=30 episode_steps=10",
                                                .evaluation = share[_i]},
                                   1);

    case_fails(elbo_engine_iterate(e, &row), ELBO_EINVAL, says[_i]);
    observed_close(&c, e);
}
END_TEST

Suite *suite_observed_data(void)
{
    Suite *suite = suite_create("observed_data");
    TCase *data = tcase_create("data");

    tcase_add_test(data, sequences_are_read_with_what_is_missing);
    tcase_add_loop_test(data, a_fault_in_a_file_has_its_place, 0,
                        sizeof faults / sizeof *faults);
    tcase_add_test(data, what_is_held_out_is_the_last);
    tcase_add_test(data, a_world_with_a_law_reads_data_of_its_shape);
    tcase_add_loop_test(data, a_share_that_holds_none_or_all_is_refused, 0, 2);
    suite_add_tcase(suite, data);
    return suite;
}

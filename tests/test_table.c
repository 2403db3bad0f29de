/* tests/test_table.c -- worlds from CSV files: what is read, and a corpus of
 * bad files, each refused with its status and its place. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inference/core/csv.h"
#include "tests/suites.h"
#include "tests/world_cases.h"

#define HEAD "state,action,probability,next_state,reward,terminated\n"
#define GOOD HEAD "0,0,0.25,0,2.385,0\n0,0,0.75,1,-1e-3,0\n1,0,1,1,0,1\n"
#define MU   "state,probability\n"

static char folder[32];
static char transitions[64], initial[64];

static void set_up(void)
{
    world_set_up();
    snprintf(folder, sizeof folder, "/tmp/elbo-table-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(transitions, sizeof transitions, "%s/t.csv", folder);
    snprintf(initial, sizeof initial, "%s/i.csv", folder);
}

static void tear_down(void)
{
    if (unlink(transitions) != 0) rmdir(transitions);
    unlink(initial);
    rmdir(folder);
    world_tear_down();
}

static void put(const char *path, const char *bytes, size_t n)
{
    FILE *const f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static elbo_status open_files(const char *t, const char *i, elbo_world *w)
{
    if (t) put(transitions, t, strlen(t));
    if (i) put(initial, i, strlen(i));
    return world_try_open(
        "table", i ? "transitions=t.csv initial=i.csv" : "transitions=t.csv",
        folder, world_arena, w);
}

static elbo_world good_files(const char *t, const char *i)
{
    elbo_world w;

    ck_assert_msg(open_files(t, i, &w) == ELBO_OK, "%s",
                  elbo_last_error()->text);
    return w;
}

/* The last error's text starts with "folder/" and the rest as given. */
static void expect_text(const char *rest)
{
    char text[300];

    snprintf(text, sizeof text, "%s/%s", folder, rest);
    ck_assert_msg(strncmp(elbo_last_error()->text, text, strlen(text)) == 0,
                  "\"%s\" does not start with \"%s\"", elbo_last_error()->text,
                  text);
}

START_TEST(a_table_says_what_its_lines_say)
{
    const elbo_world w = good_files(GOOD, MU "1,0.25\n0,0.75\n");
    elbo_outcome out[2];

    ck_assert_uint_eq(w.nS, 2);
    ck_assert_uint_eq(w.nA, 1);
    ck_assert_uint_eq(w.most, 2);
    ck_assert_uint_eq(world_outcomes(&w, 0, 0, out), 2);
    ck_assert_uint_eq(out[0].next, 0);
    ck_assert_double_eq(out[0].prob, 0.25);
    ck_assert_double_eq(out[0].reward, 2.385);
    ck_assert_uint_eq(out[1].next, 1);
    ck_assert_double_eq(out[1].reward, -1e-3);
    ck_assert(!out[1].terminal);
    ck_assert_uint_eq(world_outcomes(&w, 1, 0, out), 1);
    ck_assert(out[0].terminal);
    ck_assert_double_eq(w.mu[0], 0.75);
    ck_assert_double_eq(w.mu[1], 0.25);
    ck_assert_ptr_null(w.coord);
}
END_TEST

/* Columns shuffled, rows shuffled, CRLF, no last line end. */
START_TEST(equal_tables_may_be_written_differently)
{
    static const char *const same[] = {
        "terminated,reward,next_state,probability,action,state\n"
        "0,2.385,0,0.25,0,0\n0,-1e-3,1,0.75,0,0\n1,0,1,1,0,1\n",
        HEAD "1,0,1,1,0,1\n0,0,0.25,0,2.385,0\n0,0,0.75,1,-0.001,0\n",
        "state,action,probability,next_state,reward,terminated\r\n"
        "0,0,.25,0,2.385,0\r\n0,0,7.5e-1,1,-1e-3,0\r\n1,0,1.0,1,-0,1\r\n",
        HEAD "0,0,0.25,0,2.385,0\n0,0,0.75,1,-1e-3,0\n1,0,1,1,0,1",
        /* An impossible line is no outcome. */
        HEAD "0,0,0.25,0,2.385,0\n0,0,0,1,9,1\n0,0,0.75,1,-1e-3,0\n"
             "1,0,1,1,0,1\n",
    };
    const elbo_world x = good_files(GOOD, NULL);
    const elbo_world y = good_files(same[_i], NULL);

    world_same(&x, &y);
}
END_TEST

START_TEST(lines_that_name_one_successor_add_up)
{
    const elbo_world w = good_files(HEAD "0,0,0.5,0,1,0\n0,0,0.125,0,3,0\n"
                                         "0,0,0.25,0,5,1\n0,0,0.125,0,0,0\n",
                                    NULL);
    elbo_mdp mdp;

    ck_assert_int_eq(elbo_world_mdp(&w, 0.5, 0, world_arena, &mdp), ELBO_OK);
    ck_assert_double_eq(mdp.r[0], 2.125);

    const elbo_pattern *const p = mdp.P.pattern;

    ck_assert_double_eq(mdp.P.prob[elbo_entry(p, 0, 0)], 0.75);
    ck_assert_double_eq(mdp.P.prob[elbo_entry(p, 0, 1)], 0.25);
}
END_TEST

/* State 1 is over; states 2 (it pays) and 3 (it moves on first) are not. */
START_TEST(without_a_start_it_is_any_state_that_is_not_over)
{
    const elbo_world w = good_files(
        HEAD "0,0,1,1,0,1\n1,0,1,1,0,1\n2,0,1,2,0.5,1\n3,0,1,1,0,1\n", NULL);

    for (size_t s = 0; s < 4; s++)
        ck_assert_double_eq(w.mu[s], s == 1 ? 0 : 1. / 3);
}
END_TEST

/* The formatter would align the columns beyond the page. */
/* clang-format off */
static const struct {
    const char *transitions, *text;
} bad[] = {
    {"", "t.csv:1:1: the file is empty"},
    {HEAD, "t.csv:2:1: no rows below the header"},
    {"\n", "t.csv:1:1: unknown column ''"},
    {"state,action,probability,next_state,reward\n",
     "t.csv:1:1: column 'terminated' is missing"},
    {"state,action,state,next_state,reward,terminated\n",
     "t.csv:1:14: column 'state' stands twice"},
    {"state,action,prob,next_state,reward,terminated\n",
     "t.csv:1:14: unknown column 'prob'"},
    {"state, action,probability,next_state,reward,terminated\n",
     "t.csv:1:7: unknown column ' action'"},
    {"\xef\xbb\xbf" HEAD, "t.csv:1:1: unknown column '???state'"},
    {HEAD "0,0,1,0,0,0,0\n", "t.csv:2:13: more than 6 fields"},
    {HEAD "0,0,1,0,0,0,\n", "t.csv:2:13: more than 6 fields"},
    {HEAD "0,0,1,0,0\n", "t.csv:2:9: only 5 of 6 fields"},
    {HEAD "0,0,1,0,0,0\n\n", "t.csv:3:1: only 1 of 6 fields"},
    {HEAD "0,0,nan,0,0,0\n", "t.csv:2:5: probability 'nan' is not finite"},
    {HEAD "0,0,inf,0,0,0\n", "t.csv:2:5: probability 'inf' is not finite"},
    {HEAD "0,0,1e999,0,0,0\n", "t.csv:2:5: probability '1e999' is not finite"},
    {HEAD "0,0,-0.1,0,0,0\n", "t.csv:2:5: probability -0.1 is not in [0, 1]"},
    {HEAD "0,0,1.1,0,0,0\n", "t.csv:2:5: probability 1.1 is not in [0, 1]"},
    {HEAD "0,0,0x1,0,0,0\n", "t.csv:2:5: probability '0x1' is not a number"},
    {HEAD "0,0, 1,0,0,0\n", "t.csv:2:5: probability ' 1' is not a number"},
    {HEAD "0,0,1 ,0,0,0\n", "t.csv:2:5: probability '1 ' is not a number"},
    {HEAD "0,0,\"1\",0,0,0\n", "t.csv:2:5: probability '\"1\"' is not a"},
    {HEAD "0,0,,0,0,0\n", "t.csv:2:5: probability '' is not a number"},
    {HEAD "0,0,1e,0,0,0\n", "t.csv:2:5: probability '1e' is not a number"},
    {HEAD "0,0,1;0,0,0,0\n", "t.csv:2:5: probability '1;0' is not a number"},
    {HEAD "0,0,1,0,0,0\n-1,0,1,0,0,0\n",
     "t.csv:3:1: state '-1' is not a whole number in 0 .. 1"},
    {HEAD "0,0,1,0,0,0\n1.0,0,1,0,0,0\n",
     "t.csv:3:1: state '1.0' is not a whole number in 0 .. 1"},
    {HEAD "0,0,1,0,0,0\n2,0,1,0,0,0\n", "t.csv:3:1: state 2 is not in 0 .. 1"},
    {HEAD "0,0,1,0,0,0\n18446744073709551616,0,1,0,0,0\n",
     "t.csv:3:1: state 18446744073709551616 is not in 0 .. 1"},
    {HEAD "0,x,1,0,0,0\n", "t.csv:2:3: action 'x' is not a whole number"},
    {HEAD "0,4294967296,1,0,0,0\n", "t.csv:2:3: action 4294967296 is not in"},
    {HEAD "0,0,1,+0,0,0\n", "t.csv:2:7: next_state '+0' is not a whole"},
    {HEAD "0,0,0.5,1,0,0\n0,0,0.5,0,0,0\n",
     "t.csv:2:9: next_state 1 is not in 0 .. 0: it has no rows of its own"},
    {HEAD "0,0,1,0,nan,0\n", "t.csv:2:9: reward 'nan' is not finite"},
    {HEAD "0,0,1,0,-inf,0\n", "t.csv:2:9: reward '-inf' is not finite"},
    {HEAD "0,0,1,0,0,2\n", "t.csv:2:11: terminated 2 is not in 0 .. 1"},
    {HEAD "0,0,1,0,0,true\n", "t.csv:2:11: terminated 'true' is not a whole"},
    {HEAD "0,0,1,0,0,0\n0,1,1,0,0,0\n1,1,1,0,0,0\n",
     "t.csv:5:1: ends without a row for state 1, action 0"},
    {HEAD "0,0,1,0,0,0\n1,1,1,0,0,0\n",
     "t.csv:4:1: ends without a row for state 0, action 1"},
    {HEAD "0,0,0.25,0,0,0\n0,1,1,0,0,0\n0,0,0.65,0,0,0\n",
     "t.csv:4:5: the probabilities of state 0, action 0 sum to 0.9, 0.1 short"},
    {HEAD "0,0,1,0,0,0\n0,0,1e-8,0,0,0\n",
     "t.csv:3:5: the probabilities of state 0, action 0 sum to 1.00000001, "
     "1e-08 more"},
    {HEAD "0,0,1,0,0,1\n", "t.csv:1:1: no state to start in"},
};
/* clang-format on */

START_TEST(a_bad_table_is_refused_at_its_place)
{
    elbo_world w;

    ck_assert_int_eq(open_files(bad[_i].transitions, NULL, &w), ELBO_EDATA);
    expect_text(bad[_i].text);
}
END_TEST

/* The formatter would align the columns beyond the page. */
/* clang-format off */
static const struct {
    const char *initial, *text;
} bad_starts[] = {
    {"", "i.csv:1:1: the file is empty"},
    {MU, "i.csv:2:1: the probabilities sum to 0, 1 short of 1"},
    {MU "0,0.5\n1,0.25\n", "i.csv:4:1: the probabilities sum to 0.75, 0.25"},
    {MU "0,0.5\n1,0.25\n0,0.25\n", "i.csv:4:1: state 0 stands twice"},
    {MU "2,1\n", "i.csv:2:1: state 2 is not in 0 .. 1"},
    {MU "0,2\n", "i.csv:2:3: probability 2 is not in [0, 1]"},
    {"probability\n1\n", "i.csv:1:1: column 'state' is missing"},
};
/* clang-format on */

START_TEST(a_bad_start_is_refused_at_its_place)
{
    elbo_world w;

    ck_assert_int_eq(open_files(GOOD, bad_starts[_i].initial, &w), ELBO_EDATA);
    expect_text(bad_starts[_i].text);
}
END_TEST

#define CELLS "state,axis,cell\n"

static elbo_status open_cells(const char *cells, elbo_world *w)
{
    put(transitions, GOOD, strlen(GOOD));
    put(initial, cells, strlen(cells));
    return world_try_open("table", "transitions=t.csv coordinates=i.csv", folder,
                          world_arena, w);
}

START_TEST(states_lie_where_the_file_says)
{
    elbo_world w;

    ck_assert_msg(open_cells(CELLS "1,0,7\n0,1,2\n0,0,5\n1,1,0\n", &w)
                      == ELBO_OK,
                  "%s", elbo_last_error()->text);
    ck_assert_uint_eq(w.dim, 2);
    ck_assert_int_eq(w.coord[0], 5);
    ck_assert_int_eq(w.coord[1], 2);
    ck_assert_int_eq(w.coord[2], 7);
    ck_assert_int_eq(w.coord[3], 0);
    w = good_files(GOOD, NULL);
    ck_assert(w.coord == NULL);
}
END_TEST

/* clang-format off */
static const struct {
    const char *cells, *text;
} bad_cells[] = {
    {CELLS "0,0,5\n", "i.csv:3:1: state 1 has no axis 0"},
    {CELLS "0,0,5\n1,0,5\n0,0,6\n", "i.csv:4:1: state 0, axis 0 stands twice"},
    {CELLS "2,0,5\n", "i.csv:2:1: state 2 is not in 0 .. 1"},
    {CELLS "0,16,5\n", "i.csv:2:3: axis 16 is not in 0 .. 15"},
    {CELLS "0,0,-1\n", "i.csv:2:5: cell"},
};
/* clang-format on */

START_TEST(bad_coordinates_are_refused_at_their_place)
{
    elbo_world w;

    ck_assert_int_eq(open_cells(bad_cells[_i].cells, &w), ELBO_EDATA);
    expect_text(bad_cells[_i].text);
}
END_TEST

START_TEST(a_missing_file_is_no_input)
{
    elbo_world w;

    ck_assert_int_eq(open_files(NULL, NULL, &w), ELBO_ENOINPUT);
    expect_text("t.csv: ");
    ck_assert_int_eq(world_try_open("table", "transitions=t.csv/u.csv", folder,
                                    world_arena, &w),
                     ELBO_ENOINPUT);
    put(transitions, GOOD, strlen(GOOD));
    ck_assert_int_eq(world_try_open("table",
                                    "transitions=t.csv initial=none.csv",
                                    folder, world_arena, &w),
                     ELBO_ENOINPUT);
    expect_text("none.csv: ");
}
END_TEST

START_TEST(only_regular_files_are_read)
{
    elbo_world w;

    ck_assert_int_eq(mkdir(transitions, 0700), 0);
    ck_assert_int_eq(open_files(NULL, NULL, &w), ELBO_EDATA);
    expect_text("t.csv: not a regular file");
    ck_assert_int_eq(rmdir(transitions), 0);
    ck_assert_int_eq(mkfifo(transitions, 0600), 0);
    ck_assert_int_eq(open_files(NULL, NULL, &w), ELBO_EDATA);
    expect_text("t.csv: not a regular file");
}
END_TEST

START_TEST(a_file_beyond_a_gibibyte_is_not_even_read)
{
    elbo_world w;

    put(transitions, GOOD, strlen(GOOD));
    ck_assert_int_eq(truncate(transitions, (off_t)(1 << 30) + 1), 0);
    ck_assert_int_eq(open_files(NULL, NULL, &w), ELBO_EDATA);
    expect_text("t.csv: 1073741825 bytes; at most 1073741824 are read");
}
END_TEST

START_TEST(a_nul_byte_is_refused_at_its_place)
{
    static const char text[] = HEAD "0,0,1\0,0,0,0\n";
    elbo_world w;

    put(transitions, text, sizeof text - 1);
    ck_assert_int_eq(open_files(NULL, NULL, &w), ELBO_EDATA);
    expect_text("t.csv:2:6: a NUL byte");
}
END_TEST

/* Every cut of a good file is either refused or a table: never a crash, and
 * never half a line taken for a whole one without the sum noticing. */
START_TEST(every_truncation_ends_in_a_status)
{
    const size_t whole = strlen(GOOD);
    size_t good = 0;
    elbo_world w;

    for (size_t n = 0; n <= whole; n++) {
        put(transitions, GOOD, n);

        const elbo_mark mark = elbo_arena_mark(world_arena);
        const elbo_status s = open_files(NULL, NULL, &w);

        elbo_arena_release(world_arena, mark);
        ck_assert(s == ELBO_OK || s == ELBO_EDATA);
        good += s == ELBO_OK;
    }
    ck_assert_uint_eq(good, 2); /* with and without its last line end */
}
END_TEST

START_TEST(csv_counts_lines_and_keeps_a_refused_value)
{
    static const char *const names[] = {"b", "a"};
    static const char text[] = "a,b\n17,2.5\nx,1e3\n3,4";
    elbo_csv csv;
    bool more;
    size_t a = 99;
    double b = 99;

    put(transitions, text, sizeof text - 1);
    ck_assert_int_eq(elbo_csv_open(&csv, transitions, names, 2, world_arena),
                     ELBO_OK);
    ck_assert_uint_eq(elbo_csv_most_rows(&csv), 3);
    ck_assert_int_eq(elbo_csv_next(&csv, &more), ELBO_OK);
    ck_assert(more);
    ck_assert_int_eq(elbo_csv_index(&csv, 1, 17, &a), ELBO_EDATA);
    ck_assert_uint_eq(a, 99);
    ck_assert_int_eq(elbo_csv_index(&csv, 1, 18, &a), ELBO_OK);
    ck_assert_uint_eq(a, 17);
    ck_assert_int_eq(elbo_csv_double(&csv, 0, -1, 1, &b), ELBO_EDATA);
    ck_assert_double_eq(b, 99);
    ck_assert_int_eq(elbo_csv_next(&csv, &more), ELBO_OK);
    ck_assert_int_eq(elbo_csv_double(&csv, 0, -1, 1e4, &b), ELBO_OK);
    ck_assert_double_eq(b, 1000);
    ck_assert_int_eq(elbo_csv_fault(&csv, 0, "no %d", 7), ELBO_EDATA);
    expect_text("t.csv:3:3: no 7");
    ck_assert_int_eq(elbo_csv_next(&csv, &more), ELBO_OK);
    ck_assert(more);
    ck_assert_int_eq(elbo_csv_next(&csv, &more), ELBO_OK);
    ck_assert(!more);
    ck_assert_int_eq(elbo_csv_next(&csv, &more), ELBO_OK);
    ck_assert(!more);
}
END_TEST

Suite *suite_table(void)
{
    Suite *const suite = suite_create("table");
    TCase *const t = tcase_create("table");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_table_says_what_its_lines_say);
    tcase_add_loop_test(t, equal_tables_may_be_written_differently, 0, 5);
    tcase_add_test(t, lines_that_name_one_successor_add_up);
    tcase_add_test(t, without_a_start_it_is_any_state_that_is_not_over);
    tcase_add_loop_test(t, a_bad_table_is_refused_at_its_place, 0,
                        sizeof bad / sizeof *bad);
    tcase_add_loop_test(t, a_bad_start_is_refused_at_its_place, 0,
                        sizeof bad_starts / sizeof *bad_starts);
    tcase_add_test(t, states_lie_where_the_file_says);
    tcase_add_loop_test(t, bad_coordinates_are_refused_at_their_place, 0,
                        sizeof bad_cells / sizeof *bad_cells);
    tcase_add_test(t, a_missing_file_is_no_input);
    tcase_add_test(t, only_regular_files_are_read);
    tcase_add_test(t, a_file_beyond_a_gibibyte_is_not_even_read);
    tcase_add_test(t, a_nul_byte_is_refused_at_its_place);
    tcase_add_test(t, every_truncation_ends_in_a_status);
    tcase_add_test(t, csv_counts_lines_and_keeps_a_refused_value);
    suite_add_tcase(suite, t);
    return suite;
}

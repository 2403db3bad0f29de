/* tests/test_checkpoint.c -- the container: its bytes, and what it refuses. */
#include "inference/core/checkpoint.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "inference/core/alloc.h"
#include "tests/suites.h"

enum { LARGEST = 1 << 20 };

/* ---- a folder of its own for every test ---- */

static char folder[64], path[96];

static void make_folder(void)
{
    strcpy(folder, "/tmp/elbo-checkpoint-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/state", folder);
}

/* The number of its files; removes them when told. */
static size_t sweep_folder(bool and_remove)
{
    DIR *dir = opendir(folder);
    size_t n = 0;

    for (struct dirent *e; (e = readdir(dir));) {
        char name[512];

        if (e->d_name[0] == '.') continue;
        n++;
        snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
        if (and_remove) ck_assert_int_eq(remove(name), 0);
    }
    closedir(dir);
    return n;
}

static void remove_folder(void)
{
    sweep_folder(true);
    ck_assert_int_eq(rmdir(folder), 0);
}

static size_t slurp(unsigned char out[LARGEST])
{
    FILE *file = fopen(path, "rb");
    const size_t n = fread(out, 1, LARGEST, file);

    ck_assert_uint_lt(n, LARGEST);
    fclose(file);
    return n;
}

/* As a new file: some file systems flush one that is cut and written again. */
static void spill(const unsigned char data[], size_t n)
{
    remove(path);

    FILE *file = fopen(path, "wb");

    ck_assert_uint_eq(fwrite(data, 1, n, file), n);
    fclose(file);
}

static void write_small(const char *where)
{
    elbo_writer *out = elbo_writer_alloc();

    elbo_writer_section(out, "rng");
    elbo_put_u64(out, 0x0102030405060708);
    elbo_put_f64(out, 2.385);
    elbo_writer_section(out, "theta");
    elbo_put_bytes(out, "abc", 3);
    ck_assert_int_eq(elbo_writer_commit(out, where), ELBO_OK);
    elbo_writer_free(out);
}

/* ---- the format ---- */

static void put_le(unsigned char *at, uint64_t x, int bytes)
{
    for (int i = 0; i < bytes; i++, x /= 256) at[i] = (unsigned char)(x % 256);
}

/* The digest of all that precedes it, written again after a change. */
static void seal(unsigned char file[], size_t n)
{
    put_le(file + n - 8, XXH3_64bits(file, n - 8), 8);
}

/* The file of write_small, laid out from the header's words alone. */
enum { SMALL = 192 + 3 + 8 };

static void lay_out_small(unsigned char file[SMALL])
{
    memset(file, 0, SMALL);
    memcpy(file, "ELBOCKPT", 8);
    put_le(file + 8, 1, 4);
    put_le(file + 12, 2, 4);
    memcpy(file + 128, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
    memcpy(file + 136, "\x14\xae\x47\xe1\x7a\x14\x03\x40", 8); /* 2.385 */
    memcpy(file + 192, "abc", 3);

    memcpy(file + 16, "rng", 3);
    put_le(file + 48, 128, 8);
    put_le(file + 56, 16, 8);
    put_le(file + 64, XXH3_64bits(file + 128, 16), 8);

    memcpy(file + 72, "theta", 5);
    put_le(file + 104, 192, 8);
    put_le(file + 112, 3, 8);
    put_le(file + 120, XXH3_64bits(file + 192, 3), 8);
    seal(file, SMALL);
}

START_TEST(the_file_is_laid_out_as_the_header_says)
{
    static unsigned char file[LARGEST];
    unsigned char expected[SMALL];

    lay_out_small(expected);
    write_small(path);
    ck_assert_uint_eq(slurp(file), SMALL);
    ck_assert_mem_eq(file, expected, SMALL);
    ck_assert_uint_eq(sweep_folder(false), 1);
}
END_TEST

START_TEST(what_was_put_is_got_to_the_bit)
{
    enum { N = 5000 };
    static double x[N], y[N];
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in = NULL;
    const double special[] = {-0.0, (double)NAN, HUGE_VAL, 5e-324, 2.385};
    double back[5];
    uint64_t u = 0;
    char name[40], text[7];

    for (size_t i = 0; i < N; i++) x[i] = sin((double)i) * 1e3;
    for (int k = 0; k < 40; k++) {
        snprintf(name, sizeof name, "section-%d", k);
        elbo_writer_section(out, name);
        elbo_put_u64(out, UINT64_MAX - (uint64_t)k);
        elbo_put_doubles(out, x, (size_t)k * 125);
        elbo_put_doubles(out, special, 5);
        elbo_put_bytes(out, "abcdefg", (size_t)k % 8);
    }
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    elbo_writer_free(out);

    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    for (int k = 40; k-- > 0;) {
        snprintf(name, sizeof name, "section-%d", k);
        ck_assert_int_eq(elbo_reader_section(in, name), ELBO_OK);
        ck_assert_int_eq(elbo_get_u64(in, &u), ELBO_OK);
        ck_assert_uint_eq(u, UINT64_MAX - (uint64_t)k);
        ck_assert_int_eq(elbo_get_doubles(in, y, (size_t)k * 125), ELBO_OK);
        ck_assert_int_eq(memcmp(y, x, (size_t)k * 125 * sizeof *x), 0);
        ck_assert_int_eq(elbo_get_doubles(in, back, 5), ELBO_OK);
        ck_assert_mem_eq(back, special, sizeof special);
        ck_assert_int_eq(elbo_get_bytes(in, text, (size_t)k % 8), ELBO_OK);
        ck_assert_int_eq(memcmp(text, "abcdefg", (size_t)k % 8), 0);
        ck_assert_int_eq(elbo_get_bytes(in, text, 0), ELBO_OK);
        ck_assert_int_eq(elbo_get_bytes(in, text, 1), ELBO_EDATA);
    }
    elbo_reader_free(in);
}
END_TEST

START_TEST(empty_sections_and_an_empty_file_are_kept)
{
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in = NULL;
    double x;

    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "a"), ELBO_EDATA);
    elbo_reader_free(in);

    elbo_writer_section(out, "a");
    elbo_writer_section(out, "b");
    elbo_put_f64(out, 2.385);
    elbo_writer_section(out, "c");
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "a"), ELBO_OK);
    ck_assert_int_eq(elbo_get_f64(in, &x), ELBO_EDATA);
    ck_assert_int_eq(elbo_reader_section(in, "c"), ELBO_OK);
    ck_assert_int_eq(elbo_get_f64(in, &x), ELBO_EDATA);
    ck_assert_int_eq(elbo_reader_section(in, "b"), ELBO_OK);
    ck_assert_int_eq(elbo_get_f64(in, &x), ELBO_OK);
    ck_assert(x == 2.385);
    elbo_reader_free(in);
    elbo_writer_free(out);
}
END_TEST

START_TEST(a_section_read_past_its_end_is_named_and_stays_where_it_was)
{
    elbo_reader *in = NULL;
    double x[4];
    uint64_t u;

    write_small(path);
    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "rng"), ELBO_OK);
    ck_assert_int_eq(elbo_get_u64(in, &u), ELBO_OK);
    ck_assert_int_eq(elbo_get_doubles(in, x, 2), ELBO_EDATA);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "section rng"));
    ck_assert_int_eq(elbo_get_doubles(in, x, SIZE_MAX / 8 + 2), ELBO_EDATA);
    ck_assert_int_eq(elbo_get_bytes(in, x, SIZE_MAX), ELBO_EDATA);
    ck_assert_int_eq(elbo_get_f64(in, x), ELBO_OK);
    ck_assert(x[0] == 2.385);
    ck_assert_int_eq(elbo_get_u64(in, &u), ELBO_EDATA);
    ck_assert_int_eq(elbo_reader_section(in, "missing"), ELBO_EDATA);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "missing"));
    elbo_reader_free(in);
}
END_TEST

/* ---- what is refused ---- */

static void refuse(const unsigned char file[], size_t n)
{
    elbo_reader *in = NULL;

    spill(file, n);
    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_EDATA);
    ck_assert_ptr_null(in);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, path));
}

START_TEST(every_truncation_and_extension_is_refused)
{
    unsigned char file[SMALL + 9] = {0};

    lay_out_small(file);
    for (size_t n = 0; n < SMALL; n++) refuse(file, n);
    for (size_t n = SMALL + 1; n <= SMALL + 9; n++) refuse(file, n);
}
END_TEST

START_TEST(every_flipped_bit_is_refused)
{
    unsigned char file[SMALL];

    lay_out_small(file);
    for (size_t bit = 0; bit < 8 * SMALL; bit++) {
        file[bit / 8] ^= (unsigned char)(1 << bit % 8);
        refuse(file, SMALL);
        file[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}
END_TEST

START_TEST(a_damaged_section_is_named)
{
    unsigned char file[SMALL];

    lay_out_small(file);
    file[193] ^= 4;
    refuse(file, SMALL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "section 1"));
}
END_TEST

/* Well-sealed files with a table that lies. */
START_TEST(hostile_tables_are_refused)
{
    static const struct {
        size_t at;
        int bytes;
        uint64_t x;
    } lie[] = {
        {8, 4, 2},                  /* version */
        {12, 4, 0},                 /* number of sections */
        {12, 4, 1},
        {12, 4, 3},
        {12, 4, 0xffffffff},
        {16, 1, 0},                 /* the name is empty */
        {48, 8, 0},                 /* offsets */
        {48, 8, 64},
        {48, 8, 0xffffffffffffffff},
        {104, 8, 128},              /* on top of the first section */
        {56, 8, 0},                 /* lengths */
        {56, 8, 80},
        {56, 8, 0xfffffffffffffff0},
        {112, 8, 0xffffffffffffffff},
        {112, 8, 4},
        {112, 8, 2},
        {64, 8, 2385},              /* digest of a section */
    };
    unsigned char file[SMALL];

    for (size_t i = 0; i < sizeof lie / sizeof *lie; i++) {
        lay_out_small(file);
        put_le(file + lie[i].at, lie[i].x, lie[i].bytes);
        seal(file, SMALL);
        refuse(file, SMALL);
    }
    lay_out_small(file);
    memset(file + 16, 'x', 32); /* a name without an end */
    seal(file, SMALL);
    refuse(file, SMALL);
}
END_TEST

START_TEST(what_is_no_regular_file_is_refused)
{
    elbo_reader *in = NULL;

    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_ENOINPUT);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, path));
    ck_assert_int_eq(elbo_reader_open(folder, &in), ELBO_EDATA);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_EDATA);
    ck_assert_ptr_null(in);
}
END_TEST

/* ---- what cannot be written ---- */

START_TEST(a_commit_replaces_the_file_and_leaves_nothing_else)
{
    static unsigned char file[LARGEST];
    unsigned char expected[SMALL];

    spill((const unsigned char *)"old", 3);
    write_small(path);
    lay_out_small(expected);
    ck_assert_uint_eq(slurp(file), SMALL);
    ck_assert_mem_eq(file, expected, SMALL);
    ck_assert_uint_eq(sweep_folder(false), 1);
}
END_TEST

START_TEST(a_temporary_left_by_a_dead_process_is_no_hindrance)
{
    char stale[160];
    FILE *file;

    snprintf(stale, sizeof stale, "%s.tmp.%ld", path, (long)getpid());
    file = fopen(stale, "w");
    fputs("half", file);
    fclose(file);
    write_small(path);
    ck_assert_uint_eq(sweep_folder(false), 1);
}
END_TEST

static void commit_fails(const char *where)
{
    elbo_writer *out = elbo_writer_alloc();

    elbo_writer_section(out, "s");
    elbo_put_u64(out, 7);
    ck_assert_int_eq(elbo_writer_commit(out, where), ELBO_EIO);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, where));
    ck_assert_int_eq(elbo_file_replace(where, "x", 1), ELBO_EIO);
    elbo_writer_free(out);
}

START_TEST(a_commit_into_no_folder_fails_and_leaves_nothing)
{
    char where[160];

    snprintf(where, sizeof where, "%s/none/state", folder);
    commit_fails(where);
    ck_assert_uint_eq(sweep_folder(false), 0);
    spill((const unsigned char *)"old", 3);
    snprintf(where, sizeof where, "%s/below", path); /* the folder is a file */
    commit_fails(where);
    ck_assert_uint_eq(sweep_folder(false), 1);
    commit_fails("/proc/elbo-state");
    commit_fails("");
}
END_TEST

/* The rename fails after the temporary was written. */
START_TEST(a_commit_onto_a_folder_fails_and_leaves_nothing)
{
    ck_assert_int_eq(mkdir(path, 0700), 0);
    commit_fails(path);
    ck_assert_uint_eq(sweep_folder(false), 1);
}
END_TEST

/* Nobody may aim the write at another file by a link of the temporary's name. */
START_TEST(a_link_in_the_temporarys_place_is_not_followed)
{
    char name[160];

    snprintf(name, sizeof name, "%s.tmp.%ld", path, (long)getpid());
    ck_assert_int_eq(symlink("/dev/full", name), 0);
    write_small(path);
    ck_assert_uint_eq(sweep_folder(false), 1);
}
END_TEST

/* No file may grow beyond a limit of one page: the write fails half-way. */
START_TEST(a_write_that_fails_half_way_keeps_the_old_file)
{
    static const double x[3000];
    static unsigned char file[LARGEST];
    struct rlimit old, small;
    elbo_writer *out = elbo_writer_alloc();

    spill((const unsigned char *)"old", 3);
    elbo_writer_section(out, "x");
    elbo_put_doubles(out, x, 3000);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 4096;

    void (*const handler)(int) = signal(SIGXFSZ, SIG_IGN);

    setrlimit(RLIMIT_FSIZE, &small);

    const elbo_status s = elbo_writer_commit(out, path);

    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    ck_assert_int_eq(s, ELBO_EIO);
    ck_assert_uint_eq(sweep_folder(false), 1);
    ck_assert_uint_eq(slurp(file), 3);
    ck_assert_mem_eq(file, "old", 3);
    elbo_writer_free(out);
}
END_TEST

START_TEST(a_file_may_be_replaced_in_the_working_folder)
{
    char here[512];
    static unsigned char file[LARGEST];

    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert_int_eq(chdir(folder), 0);

    const elbo_status s = elbo_file_replace("state", "2.385\n", 6);
    const elbo_status empty = elbo_file_replace("empty", NULL, 0);

    ck_assert_int_eq(chdir(here), 0);
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_eq(empty, ELBO_OK);
    ck_assert_uint_eq(slurp(file), 6);
    ck_assert_mem_eq(file, "2.385\n", 6);
    ck_assert_uint_eq(sweep_folder(false), 2);
}
END_TEST

/* ---- memory ---- */

START_TEST(each_allocation_of_the_writer_fails_once_and_cleanly)
{
    static const double x[3000];
    elbo_status s = ELBO_ENOMEM;
    long n = 0;

    spill((const unsigned char *)"old", 3);
    for (; s == ELBO_ENOMEM; n++) {
        static unsigned char file[LARGEST];

        ck_assert_uint_eq(slurp(file), 3);
        elbo_alloc_budget(n);

        elbo_writer *out = elbo_writer_alloc();

        if (out)
            for (int k = 0; k < 20; k++) {
                const char name[] = {(char)('a' + k), '\0'};

                elbo_writer_section(out, name);
                elbo_put_doubles(out, x, 150 * (size_t)k);
                elbo_put_u64(out, 1);
                elbo_put_bytes(out, "ab", 2);
            }
        s = out ? elbo_writer_commit(out, path) : ELBO_ENOMEM;
        elbo_alloc_budget(-1);
        elbo_writer_free(out);
        ck_assert_uint_eq(sweep_folder(false), 1);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(n, 5);
}
END_TEST

START_TEST(an_absurd_size_fails_the_writer_for_good)
{
    elbo_writer *out = elbo_writer_alloc();
    const double x = 2.385;

    elbo_writer_section(out, "a");
    elbo_put_doubles(out, &x, SIZE_MAX / 4);
    elbo_put_u64(out, 1);
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_ENOMEM);
    ck_assert_uint_eq(sweep_folder(false), 0);
    elbo_writer_free(out);
    elbo_writer_free(NULL);
}
END_TEST

START_TEST(each_allocation_of_the_reader_fails_once_and_cleanly)
{
    elbo_status s = ELBO_ENOMEM;
    elbo_reader *in = NULL;
    long n = 0;

    write_small(path);
    for (; s == ELBO_ENOMEM; n++) {
        elbo_alloc_budget(n);
        s = elbo_reader_open(path, &in);
        elbo_alloc_budget(-1);
        ck_assert(s == ELBO_OK || in == NULL);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(n, 2);
    elbo_reader_free(in);
    elbo_reader_free(NULL);
}
END_TEST

Suite *suite_checkpoint(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *t = tcase_create("format");

    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_test(t, the_file_is_laid_out_as_the_header_says);
    tcase_add_test(t, what_was_put_is_got_to_the_bit);
    tcase_add_test(t, empty_sections_and_an_empty_file_are_kept);
    tcase_add_test(t,
                   a_section_read_past_its_end_is_named_and_stays_where_it_was);
    suite_add_tcase(suite, t);

    t = tcase_create("refused");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_test(t, every_truncation_and_extension_is_refused);
    tcase_add_test(t, every_flipped_bit_is_refused);
    tcase_add_test(t, a_damaged_section_is_named);
    tcase_add_test(t, hostile_tables_are_refused);
    tcase_add_test(t, what_is_no_regular_file_is_refused);
    suite_add_tcase(suite, t);

    t = tcase_create("commit");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_test(t, a_commit_replaces_the_file_and_leaves_nothing_else);
    tcase_add_test(t, a_temporary_left_by_a_dead_process_is_no_hindrance);
    tcase_add_test(t, a_commit_into_no_folder_fails_and_leaves_nothing);
    tcase_add_test(t, a_commit_onto_a_folder_fails_and_leaves_nothing);
    tcase_add_test(t, a_link_in_the_temporarys_place_is_not_followed);
    tcase_add_test(t, a_write_that_fails_half_way_keeps_the_old_file);
    tcase_add_test(t, a_file_may_be_replaced_in_the_working_folder);
    tcase_add_test(t, each_allocation_of_the_writer_fails_once_and_cleanly);
    tcase_add_test(t, an_absurd_size_fails_the_writer_for_good);
    tcase_add_test(t, each_allocation_of_the_reader_fails_once_and_cleanly);
    suite_add_tcase(suite, t);
    return suite;
}

/* tests/test_checkpoint.c -- the container: its bytes, and what it refuses. */
#include "inference/core/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "inference/core/alloc.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

enum { LARGEST = 1 << 12 };

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
    write_small(scratch_path);
    ck_assert_uint_eq(scratch_read(file, sizeof file), SMALL);
    ck_assert_mem_eq(file, expected, SMALL);
    ck_assert_uint_eq(scratch_count(), 1);
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
    ck_assert_int_eq(elbo_writer_commit(out, scratch_path), ELBO_OK);
    elbo_writer_free(out);

    ck_assert_int_eq(elbo_reader_open(scratch_path, &in), ELBO_OK);
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

    ck_assert_int_eq(elbo_writer_commit(out, scratch_path), ELBO_OK);
    ck_assert_int_eq(elbo_reader_open(scratch_path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "a"), ELBO_EDATA);
    elbo_reader_free(in);

    elbo_writer_section(out, "a");
    elbo_writer_section(out, "b");
    elbo_put_f64(out, 2.385);
    elbo_writer_section(out, "c");
    ck_assert_int_eq(elbo_writer_commit(out, scratch_path), ELBO_OK);
    ck_assert_int_eq(elbo_reader_open(scratch_path, &in), ELBO_OK);
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

    write_small(scratch_path);
    ck_assert_int_eq(elbo_reader_open(scratch_path, &in), ELBO_OK);
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

    scratch_write(file, n);
    ck_assert_int_eq(elbo_reader_open(scratch_path, &in), ELBO_EDATA);
    ck_assert_ptr_null(in);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, scratch_path));
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
        {8,   4, 2                 }, /* version */
        {12,  4, 0                 }, /* number of sections */
        {12,  4, 1                 },
        {12,  4, 3                 },
        {12,  4, 0xffffffff        },
        {16,  1, 0                 }, /* the name is empty */
        {48,  8, 0                 }, /* offsets */
        {48,  8, 64                },
        {48,  8, 0xffffffffffffffff},
        {104, 8, 128               }, /* on top of the first section */
        {56,  8, 0                 }, /* lengths */
        {56,  8, 80                },
        {56,  8, 0xfffffffffffffff0},
        {112, 8, 0xffffffffffffffff},
        {112, 8, 4                 },
        {112, 8, 2                 },
        {64,  8, 2385              }, /* digest of a section */
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

    ck_assert_int_eq(elbo_reader_open(scratch_path, &in), ELBO_ENOINPUT);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, scratch_path));
    ck_assert_int_eq(elbo_reader_open(scratch_folder, &in), ELBO_EDATA);
    ck_assert_int_eq(mkfifo(scratch_path, 0600), 0);
    ck_assert_int_eq(elbo_reader_open(scratch_path, &in), ELBO_EDATA);
    ck_assert_ptr_null(in);
}
END_TEST

/* ---- what cannot be written ---- */

START_TEST(a_commit_replaces_the_file_and_leaves_nothing_else)
{
    static unsigned char file[LARGEST];
    unsigned char expected[SMALL];

    scratch_write("old", 3);
    write_small(scratch_path);
    lay_out_small(expected);
    ck_assert_uint_eq(scratch_read(file, sizeof file), SMALL);
    ck_assert_mem_eq(file, expected, SMALL);
    ck_assert_uint_eq(scratch_count(), 1);
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

    snprintf(where, sizeof where, "%s/none/state", scratch_folder);
    commit_fails(where);
    ck_assert_uint_eq(scratch_count(), 0);
    scratch_write("old", 3);
    snprintf(where, sizeof where, "%s/below",
             scratch_path); /* the folder is a file */
    commit_fails(where);
    ck_assert_uint_eq(scratch_count(), 1);
    commit_fails("/proc/elbo-state");
    commit_fails("");
}
END_TEST

/* The rename fails after the temporary was written. */
START_TEST(a_commit_onto_a_folder_fails_and_leaves_nothing)
{
    ck_assert_int_eq(mkdir(scratch_path, 0700), 0);
    commit_fails(scratch_path);
    ck_assert_uint_eq(scratch_count(), 1);
}
END_TEST

/* ---- memory ---- */

START_TEST(each_allocation_of_the_writer_fails_once_and_cleanly)
{
    static const double x[3000];
    elbo_status s = ELBO_ENOMEM;
    long n = 0;

    scratch_write("old", 3);
    for (; s == ELBO_ENOMEM; n++) {
        static unsigned char file[LARGEST];

        ck_assert_uint_eq(scratch_read(file, sizeof file), 3);
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
        s = out ? elbo_writer_commit(out, scratch_path) : ELBO_ENOMEM;
        elbo_alloc_budget(-1);
        elbo_writer_free(out);
        ck_assert_uint_eq(scratch_count(), 1);
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
    ck_assert_int_eq(elbo_writer_commit(out, scratch_path), ELBO_ENOMEM);
    ck_assert_uint_eq(scratch_count(), 0);
    elbo_writer_free(out);
    elbo_writer_free(NULL);
}
END_TEST

START_TEST(each_allocation_of_the_reader_fails_once_and_cleanly)
{
    elbo_status s = ELBO_ENOMEM;
    elbo_reader *in = NULL;
    long n = 0;

    write_small(scratch_path);
    for (; s == ELBO_ENOMEM; n++) {
        elbo_alloc_budget(n);
        s = elbo_reader_open(scratch_path, &in);
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

    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, the_file_is_laid_out_as_the_header_says);
    tcase_add_test(t, what_was_put_is_got_to_the_bit);
    tcase_add_test(t, empty_sections_and_an_empty_file_are_kept);
    tcase_add_test(t,
                   a_section_read_past_its_end_is_named_and_stays_where_it_was);
    suite_add_tcase(suite, t);

    t = tcase_create("refused");
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, every_truncation_and_extension_is_refused);
    tcase_add_test(t, every_flipped_bit_is_refused);
    tcase_add_test(t, a_damaged_section_is_named);
    tcase_add_test(t, hostile_tables_are_refused);
    tcase_add_test(t, what_is_no_regular_file_is_refused);
    suite_add_tcase(suite, t);

    t = tcase_create("commit");
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, a_commit_replaces_the_file_and_leaves_nothing_else);
    tcase_add_test(t, a_commit_into_no_folder_fails_and_leaves_nothing);
    tcase_add_test(t, a_commit_onto_a_folder_fails_and_leaves_nothing);
    tcase_add_test(t, each_allocation_of_the_writer_fails_once_and_cleanly);
    tcase_add_test(t, an_absurd_size_fails_the_writer_for_good);
    tcase_add_test(t, each_allocation_of_the_reader_fails_once_and_cleanly);
    suite_add_tcase(suite, t);
    return suite;
}

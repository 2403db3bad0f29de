/* tests/test_replace.c -- a file is replaced whole, or stays as it was. */
#include "inference/core/replace.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inference/core/alloc.h"
#include "inference/core/checkpoint.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

/* scratch_path holds exactly `text`. */
static void check_file(const char *text)
{
    unsigned char file[256];
    const size_t n = strlen(text);

    ck_assert_uint_eq(scratch_read(file, sizeof file), n);
    ck_assert_int_eq(memcmp(file, text, n), 0);
}

START_TEST(the_parts_follow_one_another)
{
    const elbo_part parts[] = {
        {"2.",  2},
        {NULL,  0},
        {"385", 3},
    };

    scratch_write("an old and longer text", 22);
    ck_assert_int_eq(elbo_file_replace_parts(scratch_path, parts, 3), ELBO_OK);
    check_file("2.385");
    ck_assert_uint_eq(scratch_count(), 1);
}
END_TEST

/* The name that a replacement writes under first. */
static const char *temporary(void)
{
    static char name[160];

    snprintf(name, sizeof name, "%s.tmp.%ld", scratch_path, (long)getpid());
    return name;
}

START_TEST(a_temporary_left_by_a_dead_process_is_no_hindrance)
{
    FILE *file = fopen(temporary(), "w");

    fputs("half", file);
    fclose(file);
    ck_assert_int_eq(elbo_file_replace(scratch_path, "new", 3), ELBO_OK);
    check_file("new");
    ck_assert_uint_eq(scratch_count(), 1);
}
END_TEST

/* Nobody may aim the write at another file by a link of the temporary's name.
 */
START_TEST(a_link_in_the_temporarys_place_is_not_followed)
{
    struct stat info;

    ck_assert_int_eq(symlink("/dev/full", temporary()), 0);
    ck_assert_int_eq(elbo_file_replace(scratch_path, "new", 3), ELBO_OK);
    ck_assert_int_eq(lstat(scratch_path, &info), 0);
    ck_assert(S_ISREG(info.st_mode));
    check_file("new");
}
END_TEST

START_TEST(a_temporary_that_cannot_be_made_is_told)
{
    scratch_write("old", 3);
    ck_assert_int_eq(mkdir(temporary(), 0700), 0);
    ck_assert_int_eq(elbo_file_replace(scratch_path, "new", 3), ELBO_EIO);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, temporary()));
    check_file("old");
}
END_TEST

/* No file may grow beyond a page: the write fails half-way. */
START_TEST(a_write_that_fails_half_way_keeps_the_old_file)
{
    static const char data[10000];
    struct rlimit old, small;

    scratch_write("old", 3);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 4096;

    void (*const handler)(int) = signal(SIGXFSZ, SIG_IGN);

    setrlimit(RLIMIT_FSIZE, &small);

    const elbo_status s = elbo_file_replace(scratch_path, data, sizeof data);

    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    ck_assert_int_eq(s, ELBO_EIO);
    check_file("old");
    ck_assert_uint_eq(scratch_count(), 1);
}
END_TEST

START_TEST(a_file_may_be_replaced_in_the_working_folder)
{
    char here[512];

    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert_int_eq(chdir(scratch_folder), 0);

    const elbo_status s = elbo_file_replace("state", "2.385\n", 6);
    const elbo_status empty = elbo_file_replace("empty", NULL, 0);

    ck_assert_int_eq(chdir(here), 0);
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_eq(empty, ELBO_OK);
    check_file("2.385\n");
    ck_assert_uint_eq(scratch_count(), 2);
}
END_TEST

START_TEST(without_memory_the_old_file_stays)
{
    scratch_write("old", 3);
    elbo_alloc_budget(0);

    const elbo_status s = elbo_file_replace(scratch_path, "new", 3);

    elbo_alloc_budget(-1);
    ck_assert_int_eq(s, ELBO_ENOMEM);
    check_file("old");
    ck_assert_uint_eq(scratch_count(), 1);
}
END_TEST

Suite *suite_replace(void)
{
    Suite *suite = suite_create("replace");
    TCase *t = tcase_create("replace");

    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, the_parts_follow_one_another);
    tcase_add_test(t, a_temporary_left_by_a_dead_process_is_no_hindrance);
    tcase_add_test(t, a_link_in_the_temporarys_place_is_not_followed);
    tcase_add_test(t, a_temporary_that_cannot_be_made_is_told);
    tcase_add_test(t, a_write_that_fails_half_way_keeps_the_old_file);
    tcase_add_test(t, a_file_may_be_replaced_in_the_working_folder);
    tcase_add_test(t, without_memory_the_old_file_stays);
    suite_add_tcase(suite, t);
    return suite;
}

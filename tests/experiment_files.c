/* tests/experiment_files.c -- which files an experiment may be and may name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/experiment_cases.h"

static char folder[64];

static void make_folder(void)
{
    case_set_up();
    snprintf(folder, sizeof folder, "/tmp/elbo-experiment-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
    static const char *const names[] = {"x.yaml", "d.csv",     "fifo",
                                        "link",   "sub/d.csv", "sub"};
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        remove(path);
    }
    rmdir(folder);
    case_tear_down();
}

static void put_file(const char *name, const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static elbo_status read_experiment(const char *data_file)
{
    char text[CASE_TEXT], line[256], path[128];

    snprintf(line, sizeof line, "    source: file\n    file: %s", data_file);
    case_build(text, 9, line);
    put_file("x.yaml", text);
    snprintf(path, sizeof path, "%s/x.yaml", folder);
    return elbo_experiment_read(path, NULL, 0, &case_complaints,
                                &case_experiment);
}

START_TEST(a_table_inside_the_folder_is_accepted)
{
    char path[128];

    put_file("d.csv", "state\n");
    ck_assert_int_eq(read_experiment("d.csv"), ELBO_OK);
    ck_assert_str_eq(case_experiment->folder, folder);
    elbo_experiment_free(case_experiment);
    case_experiment = NULL;
    snprintf(path, sizeof path, "%s/sub", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    put_file("sub/d.csv", "state\n");
    ck_assert_int_eq(read_experiment("./sub/d.csv"), ELBO_OK);
}
END_TEST

START_TEST(a_missing_table_is_a_missing_input)
{
    ck_assert_int_eq(read_experiment("d.csv"), ELBO_ENOINPUT);
    ck_assert_uint_eq(case_complaints.n, 1);
    ck_assert_ptr_nonnull(
        strstr(case_complaints.list[0].text, "file: \"d.csv\": No such file"));
    ck_assert_ptr_nonnull(
        strstr(case_complaints.list[0].place, "x.yaml:10:11"));
}
END_TEST

START_TEST(a_table_behind_a_link_that_leaves_the_folder_is_refused)
{
    char path[128];

    snprintf(path, sizeof path, "%s/link", folder);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    ck_assert_int_eq(read_experiment("link"), ELBO_ECONFIG);
    ck_assert_ptr_nonnull(
        strstr(case_complaints.list[0].text, "through a link"));
}
END_TEST

START_TEST(only_regular_files_are_read)
{
    char path[128];

    snprintf(path, sizeof path, "%s/fifo", folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(read_experiment("fifo"), ELBO_ENOINPUT);

    const char *const paths[] = {path, folder, "/dev/zero",
                                 "/nonexistent/x.yaml"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        ck_assert_int_eq(elbo_experiment_read(paths[i], NULL, 0,
                                              &case_complaints,
                                              &case_experiment),
                         ELBO_ENOINPUT);
        ck_assert_uint_eq(case_complaints.n, 1);
        ck_assert_str_eq(case_complaints.list[0].place, paths[i]);
        ck_assert_ptr_null(case_experiment);
    }
}
END_TEST

TCase *tcase_experiment_files(void)
{
    TCase *t = tcase_create("files");

    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_table_inside_the_folder_is_accepted);
    tcase_add_test(t, a_missing_table_is_a_missing_input);
    tcase_add_test(t, a_table_behind_a_link_that_leaves_the_folder_is_refused);
    tcase_add_test(t, only_regular_files_are_read);
    return t;
}

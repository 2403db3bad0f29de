/* tests/test_cgroup.c -- limits of control groups, from files that look like theirs.
 */
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "inference/core/alloc.h"
#include "inference/core/cgroup.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

static void path_of(char out[], size_t room, const char *name)
{
    snprintf(out, room, "%s/%s", scratch_folder, name);
}

static void put(const char *name, const char *text)
{
    char path[256];
    FILE *file;

    path_of(path, sizeof path, name);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void make(const char *name)
{
    char path[256];

    path_of(path, sizeof path, name);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

static size_t room_of(const char *groups)
{
    char path[256];

    put("groups", groups);
    path_of(path, sizeof path, "groups");
    return elbo_cgroup_room(path, scratch_folder);
}

START_TEST(the_tightest_group_on_the_way_up_counts)
{
    make("a");
    make("a/b");
    ck_assert(room_of("0::/a/b\n") == SIZE_MAX);
    put("a/memory.max", "1000000\n");
    put("a/memory.current", "300000\n");
    ck_assert_uint_eq(room_of("0::/a/b\n"), 700000);
    put("a/memory.stat", "anon 17\ninactive_file 100000\nfile 3\n");
    ck_assert_uint_eq(room_of("0::/a/b\n"), 800000);
    put("a/b/memory.max", "max\n");
    put("a/b/memory.current", "250000\n");
    ck_assert_uint_eq(room_of("0::/a/b\n"), 800000);
    put("a/b/memory.max", "650000\n");
    ck_assert_uint_eq(room_of("0::/a/b\n"), 400000);
    put("memory.max", "300000\n");
    put("memory.current", "299000\n");
    ck_assert_uint_eq(room_of("0::/a/b\n"), 1000);
    ck_assert_uint_eq(room_of("0::/elsewhere/c\n"), 1000);
    put("memory.current", "301000\n"); /* over its limit */
    ck_assert_uint_eq(room_of("0::/a\n"), 0);
}
END_TEST

START_TEST(version_1_has_a_tree_of_its_own)
{
    make("memory");
    make("memory/x");
    put("memory/x/memory.limit_in_bytes", "9000000\n");
    put("memory/x/memory.usage_in_bytes", "5000000\n");
    put("memory/x/memory.stat", "cache 4\ntotal_inactive_file 1000000\n");
    ck_assert_uint_eq(room_of("9:cpu,memory:/x\n0::/x\n"), 5000000);
    ck_assert_uint_eq(room_of("4:memory:/x"), 5000000);
    ck_assert(room_of("4:memory_pressure,cpu:/x\n") == SIZE_MAX);
    put("memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("memory/memory.usage_in_bytes", "1\n");
    ck_assert_uint_eq(room_of("4:memory:/x\n"), 5000000);
}
END_TEST

START_TEST(what_cannot_be_read_limits_nothing)
{
    char longest[6000];

    ck_assert(elbo_cgroup_room("/nowhere", scratch_folder) == SIZE_MAX);
    put("memory.max", "many\n");
    put("memory.current", "3\n");
    ck_assert(room_of("0::/\n") == SIZE_MAX);
    ck_assert(room_of("no colons\n:\n") == SIZE_MAX);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    memcpy(longest, "0::/", 4);
    ck_assert(room_of(longest) == SIZE_MAX);
    ck_assert_uint_gt(elbo_alloc_room(), 0);
}
END_TEST

Suite *suite_cgroup(void)
{
    Suite *const s = suite_create("cgroup");
    TCase *const t = tcase_create("cgroup");

    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, the_tightest_group_on_the_way_up_counts);
    tcase_add_test(t, version_1_has_a_tree_of_its_own);
    tcase_add_test(t, what_cannot_be_read_limits_nothing);
    suite_add_tcase(s, t);
    return s;
}

/* tests/test_scores.c -- one number a seed, from run directories by hand. */
#include "inference/program/scores.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "inference/core/alloc.h"
#include "inference/program/folder.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

static char dir[128];

static void put(const char *name, const char *text)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);

    FILE *const file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void put_manifest(const char *seeds)
{
    char text[512];

    snprintf(text, sizeof text,
             "{\"elbo_run\": 1, \"elbo\": \"0\", \"name\": \"x\", "
             "\"folder\": \"/\", \"file\": \"x\", \"seeds\": %s, "
             "\"inputs\": [], \"xxh3\": {\"experiment\": \"0\", "
             "\"resolved\": \"0\", \"settings\": \"0\"}}",
             seeds);
    put("manifest.json", text);
}

static void put_seed(uint64_t seed, const char *rows)
{
    char name[192], text[512];

    snprintf(name, sizeof name, "%s/seed-%" PRIu64, dir, seed);
    ck_assert_int_eq(mkdir(name, 0700), 0);
    snprintf(name, sizeof name, "seed-%" PRIu64 "/summary.json", seed);
    put(name, "{\"verdict\": \"budget\", \"why\": \"w\", \"iterations\": 3}");
    snprintf(name, sizeof name, "seed-%" PRIu64 "/metrics.csv", seed);
    snprintf(text, sizeof text, "iteration,elbo,return_real\n%s", rows);
    put(name, text);
}

/* Seed 2385 has the smaller numbers, so that the order of seeds is not theirs.
 */
static void make(void)
{
    scratch_make();
    snprintf(dir, sizeof dir, "%s/run", scratch_folder);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    put_manifest("[7, 2385]");
    put_seed(7, "1,-5,4.5\n2,-1,6.25\n3,-1,7\n");
    put_seed(2385, "1,-3,1.5\n2,-4,2.5\n3,-2,2.75\n");
}

static void clear(void)
{
    ck_assert_int_eq(elbo_folder_remove(dir), ELBO_OK);
    scratch_remove();
}

START_TEST(the_last_the_best_and_the_mean_row_are_those_by_hand)
{
    static const struct {
        elbo_scores_at at;
        double x[2];
    } row[] = {
        {ELBO_AT_LAST, {2.75, 7}        },
        {ELBO_AT_BEST, {2.75, 6.25}     }, /* the first of the two of -1 */
        {ELBO_AT_MEAN, {2.25, 17.75 / 3}},
    };
    elbo_arena *arena = elbo_arena_alloc(64);

    for (size_t i = 0; i < 3; i++) {
        elbo_sample out;

        ck_assert_int_eq(
            elbo_scores_read(dir, "return_real", row[i].at, arena, &out),
            ELBO_OK);
        ck_assert_uint_eq(out.n, 2);
        ck_assert_double_eq_tol(out.x[0], row[i].x[0], 1e-15);
        ck_assert_double_eq_tol(out.x[1], row[i].x[1], 2e-15);
    }
    elbo_arena_free(arena);
}
END_TEST

static void refused(const char *metric, elbo_status status, const char *text)
{
    elbo_arena *arena = elbo_arena_alloc(64);
    elbo_sample out = {NULL, 2385};

    ck_assert_int_eq(elbo_scores_read(dir, metric, ELBO_AT_LAST, arena, &out),
                     status);
    ck_assert_msg(strstr(elbo_last_error()->text, text), "%s",
                  elbo_last_error()->text);
    ck_assert_uint_eq(out.n, 2385);
    elbo_arena_free(arena);
}

START_TEST(a_wrong_column_gets_the_nearest_one)
{
    refused("return_rael", ELBO_EUSAGE, "did you mean \"return_real\"?");
    refused("zzzzzzzzzzz", ELBO_EUSAGE, "no column \"zzzzzzzzzzz\"");
}
END_TEST

START_TEST(seeds_that_did_not_finish_are_named)
{
    put("seed-2385/summary.json",
        "{\"verdict\": \"stopped\", \"why\": \"SIGINT after iteration 3\", "
        "\"iterations\": 3}");
    refused("elbo", ELBO_EDATA, "seed 2385 did not finish: SIGINT");
    put("seed-2385/summary.json", "{\"verdict\": \"budget\", \"why\": \"w\"}");
    refused("elbo", ELBO_EDATA, "seed-2385/summary.json: ");
    put("seed-2385/summary.json", "[");
    refused("elbo", ELBO_EDATA, "seed-2385/summary.json: line 1");
    put_manifest("[7, 2385, 3]");
    put("seed-2385/summary.json",
        "{\"verdict\": \"converged\", \"why\": \"w\", \"iterations\": 3}");
    refused("elbo", ELBO_EDATA, "seed 3 is not finished");
}
END_TEST

START_TEST(damaged_runs_are_refused_with_their_file)
{
    put("seed-7/metrics.csv", "iteration,elbo,return_real\n1,2,3\n");
    refused("elbo", ELBO_EDATA, "seed-7/metrics.csv: 1 rows");
    put("seed-7/metrics.csv", "iteration,elbo,return_real\n1,nan,3\n");
    refused("elbo", ELBO_EDATA, "seed-7/metrics.csv:2");
    put("seed-7/metrics.csv", "iteration,return_real\n1,2\n2,2\n3,2\n");
    refused("return_real", ELBO_EDATA, "no column \"elbo\"");
    put_manifest("[7]");
    refused("elbo", ELBO_EDATA, "a run of 1 seed");
    put_manifest("[]");
    refused("elbo", ELBO_EDATA, "\"seeds\" is missing");
    put_manifest("[7, -1]");
    refused("elbo", ELBO_EDATA, "seeds[1]");
    put_manifest("[7, 2385.5]");
    refused("elbo", ELBO_EDATA, "seeds[1]");
    snprintf(dir + strlen(dir), 8, "/nope");
    refused("elbo", ELBO_ENOINPUT, "nope/manifest.json");
    dir[strlen(dir) - 5] = '\0';
}
END_TEST

START_TEST(every_allocation_fails_once)
{
    elbo_sample out;
    elbo_status s;
    long n = 0;

    do {
        elbo_alloc_budget(n++);
        elbo_arena *arena = elbo_arena_alloc(64);
        s = arena ? elbo_scores_read(dir, "elbo", ELBO_AT_MEAN, arena, &out)
                  : ELBO_ENOMEM;
        elbo_arena_free(arena);
        elbo_alloc_budget(-1);
        ck_assert(s == ELBO_OK || s == ELBO_ENOMEM);
    } while (s == ELBO_ENOMEM);
    ck_assert_int_gt(n, 3);
}
END_TEST

Suite *suite_scores(void)
{
    Suite *suite = suite_create("scores");
    TCase *t = tcase_create("scores");

    tcase_add_checked_fixture(t, make, clear);
    tcase_add_test(t, the_last_the_best_and_the_mean_row_are_those_by_hand);
    tcase_add_test(t, a_wrong_column_gets_the_nearest_one);
    tcase_add_test(t, seeds_that_did_not_finish_are_named);
    tcase_add_test(t, damaged_runs_are_refused_with_their_file);
    tcase_add_test(t, every_allocation_fails_once);
    suite_add_tcase(suite, t);
    return suite;
}

/* tests/test_matrix_text.c -- matrices as settings write them. */
#include <check.h>
#include <string.h>

#include "inference/core/matrix_text.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

static elbo_arena *arena;

static void begin(void)
{
    arena = elbo_arena_alloc(1 << 12);
}

static void end(void)
{
    elbo_arena_free(arena);
}

START_TEST(rows_and_columns_are_read)
{
    gsl_matrix *M;

    case_ok(elbo_matrix_parse("1 0.1; -2e-1,  3 ;4 5", arena, &M));
    ck_assert_uint_eq(M->size1, 3);
    ck_assert_uint_eq(M->size2, 2);
    ck_assert(gsl_matrix_get(M, 1, 0) == -0.2);
    ck_assert(gsl_matrix_get(M, 2, 1) == 5);
    case_ok(elbo_matrix_parse("7", arena, &M));
    ck_assert_uint_eq(M->size1 * M->size2, 1);
}
END_TEST

static const struct {
    const char *text;
    size_t column;
    const char *part;
} wrong[] = {
    {"",            0, "needs a number"    },
    {"1 x",         2, "needs a number"    },
    {"1 2; 3",      6, "another length"    },
    {"1; 2 3",      6, "another length"    },
    {"1 2;",        4, "needs a number"    },
    {"1;;2",        2, "needs a number"    },
    {"nan",         0, "needs a number"    },
    {"1 inf",       2, "needs a number"    },
    {"1 1e999",     2, "needs a number"    },
    {"1|2",         1, "needs a number"    },
};

START_TEST(faults_have_their_place)
{
    const char *nearest = "not touched";
    size_t column = 99;

    case_fails(elbo_matrix_check(wrong[_i].text, &column, &nearest), ELBO_EINVAL,
               wrong[_i].part);
    ck_assert_uint_eq(column, wrong[_i].column);
    ck_assert_ptr_null(nearest);
}
END_TEST

START_TEST(vectors_may_be_one_number)
{
    gsl_vector *v;

    case_ok(elbo_vector_setting("goal", "3", 2, arena, &v));
    ck_assert(gsl_vector_get(v, 1) == 3);
    case_ok(elbo_vector_setting("goal", "1; 2", 2, arena, &v));
    ck_assert(gsl_vector_get(v, 1) == 2);
    case_fails(elbo_vector_setting("goal", "1 2 3", 2, arena, &v), ELBO_EINVAL,
               "goal: needs 2 numbers or one, not 1 x 3");
}
END_TEST

START_TEST(covariances_are_symmetric_and_not_negative)
{
    gsl_matrix *S;

    case_ok(elbo_covariance_setting("noise", "2", 2, true, arena, &S));
    ck_assert(gsl_matrix_get(S, 1, 1) == 2 && gsl_matrix_get(S, 0, 1) == 0);
    case_ok(elbo_covariance_setting("noise", "1 0", 2, false, arena, &S));
    ck_assert(gsl_matrix_get(S, 1, 1) == 0);
    case_ok(elbo_covariance_setting("noise", "1 1; 1 1", 2, false, arena, &S));
    case_fails(elbo_covariance_setting("noise", "1 1; 1 1", 2, true, arena, &S),
               ELBO_EINVAL, "noise: must be positive definite");
    case_fails(elbo_covariance_setting("noise", "1 2; 2 1", 2, false, arena, &S),
               ELBO_EINVAL, "its least eigenvalue is -1");
    case_fails(elbo_covariance_setting("noise", "1 2; 0 1", 2, false, arena, &S),
               ELBO_EINVAL, "must be symmetric: entries (2, 1) and (1, 2)");
    case_fails(elbo_covariance_setting("noise", "1 2 3", 2, false, arena, &S),
               ELBO_EINVAL, "or 2 x 2, not 1 x 3");
}
END_TEST

Suite *suite_matrix_text(void)
{
    Suite *suite = suite_create("matrix_text");
    TCase *tc = tcase_create("text");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, rows_and_columns_are_read);
    tcase_add_loop_test(tc, faults_have_their_place, 0,
                        sizeof wrong / sizeof *wrong);
    tcase_add_test(tc, vectors_may_be_one_number);
    tcase_add_test(tc, covariances_are_symmetric_and_not_negative);
    suite_add_tcase(suite, tc);
    return suite;
}

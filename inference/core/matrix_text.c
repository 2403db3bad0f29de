#include "inference/core/matrix_text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inference/core/linalg.h"

/* One number, and where it ends; false at a fault. */
static bool read_number(const char **at, double *x)
{
    char *end = NULL;

    errno = 0;
    *x = strtod(*at, &end);
    if (end == *at || errno == ERANGE || !isfinite(*x)) return false;
    *at = end;
    return true;
}

static const char *skip(const char *at, const char *set)
{
    return at + strspn(at, set);
}

/* Shape of the text; NULL, or the place and words of its fault. */
static const char *shape(const char *text, size_t *rows, size_t *cols,
                         const char **words)
{
    const char *at = skip(text, " ,");
    size_t n = 0;
    double x;

    *rows = *cols = 0;
    *words = "needs a number";
    for (;;) {
        if (!read_number(&at, &x)) return at;
        n++;
        if (*at && !strchr(" ,;", *at)) return at;
        at = skip(at, " ,");
        if (*at && *at != ';') continue;
        if (*rows == 0) *cols = n;
        *words = "a row of another length ends here";
        if (n != *cols) return at;
        *words = "needs a number";
        ++*rows;
        n = 0;
        if (!*at) return NULL;
        at = skip(at + 1, " ,");
    }
}

elbo_status elbo_matrix_check(const char *text, size_t *column,
                              const char **nearest)
{
    size_t rows, cols;
    const char *words;
    const char *const fault = shape(text, &rows, &cols, &words);

    if (!fault) return ELBO_OK;
    if (column) *column = (size_t)(fault - text);
    if (nearest) *nearest = NULL;
    return ELBO_FAIL(ELBO_EINVAL,
                     "%s (numbers apart by blanks, rows by ;), not \"%.40s\"",
                     words, fault);
}

elbo_status elbo_matrix_parse(const char *text, elbo_arena *arena,
                              gsl_matrix **out)
{
    size_t rows, cols;
    const char *words;

    if (shape(text, &rows, &cols, &words))
        return elbo_matrix_check(text, NULL, NULL);

    gsl_matrix *const M = elbo_arena_mat(arena, rows, cols);
    const char *at = text;

    ELBO_TRY(elbo_arena_check(arena, "a matrix"));
    for (size_t i = 0; i < rows * cols; i++) {
        at = skip(at, " ,;");
        read_number(&at, &M->data[i]);
    }
    *out = M;
    return ELBO_OK;
}

elbo_status elbo_vector_setting(const char *name, const char *text, size_t n,
                                elbo_arena *arena, gsl_vector **out)
{
    gsl_matrix *M;

    ELBO_TRY(elbo_matrix_parse(text, arena, &M));

    const size_t given = M->size1 * M->size2;

    if (given != 1 && (given != n || (M->size1 != 1 && M->size2 != 1)))
        return ELBO_FAIL(ELBO_EINVAL, "%s: needs %zu numbers or one, not %zu x %zu",
                         name, n, M->size1, M->size2);
    *out = elbo_arena_vec(arena, n);
    ELBO_TRY(elbo_arena_check(arena, name));
    for (size_t i = 0; i < n; i++)
        gsl_vector_set(*out, i, M->data[given == 1 ? 0 : i]);
    return ELBO_OK;
}

static elbo_status check_covariance(const char *name, const gsl_matrix *S,
                                    bool definite, elbo_arena *arena)
{
    const size_t n = S->size1;
    gsl_matrix *const M = elbo_arena_mat(arena, n, n);
    gsl_vector *const w = elbo_arena_vec(arena, n);

    ELBO_TRY(elbo_arena_check(arena, name));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (gsl_matrix_get(S, i, j) != gsl_matrix_get(S, j, i))
                return ELBO_FAIL(ELBO_EINVAL,
                                 "%s: must be symmetric: entries (%zu, %zu) and "
                                 "(%zu, %zu) differ",
                                 name, i + 1, j + 1, j + 1, i + 1);
    gsl_matrix_memcpy(M, S);
    ELBO_TRY(elbo_eig_sym(M, w, arena));

    const double least = gsl_vector_get(w, 0);
    const double largest = gsl_vector_get(w, n - 1);
    const double floor = -1e-12 * fmax(fabs(largest), fabs(least));

    if (least < floor || (definite && !(least > 0)))
        return ELBO_FAIL(ELBO_EINVAL, "%s: must be positive %s: its least eigenvalue is %g",
                         name, definite ? "definite" : "semi-definite", least);
    return ELBO_OK;
}

elbo_status elbo_covariance_setting(const char *name, const char *text, size_t n,
                                    bool definite, elbo_arena *arena,
                                    gsl_matrix **out)
{
    gsl_matrix *M;

    ELBO_TRY(elbo_matrix_parse(text, arena, &M));

    const size_t given = M->size1 * M->size2;
    const bool whole = M->size1 == n && M->size2 == n;
    const bool diagonal =
        given == 1 || (given == n && (M->size1 == 1 || M->size2 == 1));

    if (!whole && !diagonal)
        return ELBO_FAIL(ELBO_EINVAL,
                         "%s: needs one number, %zu on the diagonal, or %zu x "
                         "%zu, not %zu x %zu",
                         name, n, n, n, M->size1, M->size2);
    *out = elbo_arena_mat(arena, n, n);
    ELBO_TRY(elbo_arena_check(arena, name));
    if (whole && n > 1) {
        gsl_matrix_memcpy(*out, M);
    } else {
        gsl_matrix_set_zero(*out);
        for (size_t i = 0; i < n; i++)
            gsl_matrix_set(*out, i, i, M->data[given == 1 ? 0 : i]);
    }
    return check_covariance(name, *out, definite, arena);
}

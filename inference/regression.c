#include "inference/regression.h"

#include <assert.h>
#include <string.h>

#include "inference/core/alloc.h"

/* f = V, as it was when the sample came. */
static void add_value(elbo_regression *r, size_t row, size_t next, double w,
                      const double V[])
{
    const size_t n = r->width;
    double *const A = r->A + row * n * n, *const b = r->b + row * n;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) A[i * n + j] += w * V[i] * V[j];
        b[i] += w * V[i] * V[next];
    }
    r->c[row] += w * V[next] * V[next];
}

/* f_j = [s' = j], for each j. */
static void add_indicators(elbo_regression *r, size_t row, size_t next,
                           double w, const double V[])
{
    const size_t n = r->width;

    (void)V;
    for (size_t i = 0; i < n; i++) r->A[(row * n + i) * n + i] += w;
    r->b[row * n + next] += w;
    r->c[row] += w;
}

static const elbo_regression_kind kinds[] = {
    {"-0.5*sq(E(V_then(y))-V_then(next))", add_value     },
    {"brier",                              add_indicators},
};

/* Equal but for blanks in a. */
static bool same(const char *a, const char *b)
{
    for (;; a++) {
        if (*a == ' ') continue;
        if (*a != *b) return false;
        if (*b++ == '\0') return true;
    }
}

const elbo_regression_kind *elbo_regression_find(const char *likelihood)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (same(likelihood, kinds[i].name)) return &kinds[i];
    return NULL;
}

elbo_status elbo_regression_init(elbo_regression *regression,
                                 const elbo_regression_kind *kind, size_t nS,
                                 size_t nA, elbo_arena *arena)
{
    const size_t width = nS + 1;
    size_t rows, means, squares;

    if (!elbo_size_mul(nS, nA, &rows) || !elbo_size_mul(rows, width, &means)
        || !elbo_size_mul(means, width, &squares))
        return ELBO_FAIL(ELBO_ESIZE, "a regression over %zu states", nS);
    *regression = (elbo_regression){
        .kind = kind,
        .rows = rows,
        .width = width,
        .scale = 1,
        .A = elbo_arena_take(arena, squares, sizeof(double)),
        .b = elbo_arena_take(arena, means, sizeof(double)),
        .c = elbo_arena_take(arena, rows, sizeof(double)),
        .n = elbo_arena_take(arena, rows, sizeof(double)),
    };
    return elbo_arena_check(arena, "a regression's statistics");
}

void elbo_regression_add(elbo_regression *regression, size_t row, size_t next,
                         double w, const double V[])
{
    assert(row < regression->rows && next < regression->width);
    regression->kind->add(regression, row, next, w, V);
    regression->n[row] += w;
}

/* -1/2 (p'A p + tr(A S) - 2 b'p + c) of one row. */
static double row_value(const elbo_regression *r, const double p[],
                        const double S[], size_t row)
{
    const size_t n = r->width;
    const double *const A = r->A + row * n * n, *const b = r->b + row * n;
    double sum = r->c[row];

    for (size_t i = 0; i < n; i++) {
        double Ap = 0;

        for (size_t j = 0; j < n; j++) {
            Ap += A[i * n + j] * p[j];
            if (S) sum += A[i * n + j] * S[i * n + j];
        }
        sum += p[i] * (Ap - 2 * b[i]);
    }
    return -0.5 * sum;
}

double elbo_regression_value(const elbo_regression *regression,
                             const elbo_kernel *p)
{
    const size_t n = regression->width;
    double sum = 0;

    assert(!p->pattern->next && p->pattern->width == n);
    for (size_t row = 0; row < regression->rows; row++)
        sum += row_value(regression, p->prob + row * n,
                         p->spread ? p->spread + row * n * n : NULL, row);
    return regression->scale * sum;
}

void elbo_regression_save(const elbo_regression *regression, elbo_writer *out)
{
    const size_t means = regression->rows * regression->width;

    elbo_put_doubles(out, regression->A, means * regression->width);
    elbo_put_doubles(out, regression->b, means);
    elbo_put_doubles(out, regression->c, regression->rows);
    elbo_put_doubles(out, regression->n, regression->rows);
}

elbo_status elbo_regression_load(elbo_regression *regression, elbo_reader *in)
{
    const size_t means = regression->rows * regression->width;

    ELBO_TRY(elbo_get_doubles(in, regression->A, means * regression->width));
    ELBO_TRY(elbo_get_doubles(in, regression->b, means));
    ELBO_TRY(elbo_get_doubles(in, regression->c, regression->rows));
    return elbo_get_doubles(in, regression->n, regression->rows);
}

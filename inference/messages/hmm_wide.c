#include "inference/messages/hmm_wide.h"

#include "inference/core/explog.h"

/* a b + c between vectors is rounded once, where the machine can. */
#pragma GCC optimize("fp-contract=fast")

/* The registers of this machine, of which a panel with two sums of each vector,
 * or as many rows, fills most. */
#if defined __AVX512F__
enum { LANES = 8, ROWS = 3 };
#elif defined __AVX__
enum { LANES = 4, ROWS = 2 };
#else
enum { LANES = 2, ROWS = 2 };
#endif
enum { PANEL = 7, SUMS = 4 };

typedef double wide
    __attribute__((vector_size(LANES * sizeof(double)), may_alias, aligned(8)));
typedef int64_t mask __attribute__((vector_size(LANES * sizeof(int64_t))));

#define INLINE static inline __attribute__((always_inline))

INLINE const wide *vectors(const double x[])
{
    return (const wide *)(const void *)x;
}

/* `width` vectors of x' M. Additions wait for one another, so rows are taken in
 * turn by `sums` sums. Both are constants wherever this is inlined. */
INLINE void columns(size_t K, size_t n, const double x[], const double M[],
                    double out[], int width, size_t sums)
{
    wide sum[SUMS][PANEL];
    wide *const to = (wide *)(void *)out;
    size_t j = 0;

    for (size_t s = 0; s < sums; s++)
        for (int v = 0; v < width; v++) sum[s][v] = (wide){0};
    for (; j + sums <= K; j += sums)
        for (size_t s = 0; s < sums; s++)
            for (int v = 0; v < width; v++)
                sum[s][v] += x[j + s] * vectors(M + (j + s) * n)[v];
    for (; j < K; j++)
        for (int v = 0; v < width; v++)
            sum[0][v] += x[j] * vectors(M + j * n)[v];
    for (int v = 0; v < width; v++) {
        to[v] = sum[0][v] + sum[1][v];
        if (sums == SUMS) to[v] += sum[2][v] + sum[3][v];
    }
}

/* `rows` rows, `width` vectors of S += a' w */
INLINE void tile(size_t n, size_t steps, const double a[], const double w[],
                 double S[], int rows, int width)
{
    wide sum[ROWS][PANEL];

    for (int i = 0; i < rows; i++)
        for (int v = 0; v < width; v++)
            sum[i][v] = vectors(S + (size_t)i * n)[v];
    for (size_t t = 0; t < steps; t++)
        for (int i = 0; i < rows; i++)
            for (int v = 0; v < width; v++)
                sum[i][v] += a[t * n + (size_t)i] * vectors(w + t * n)[v];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < width; v++)
            ((wide *)(void *)(S + (size_t)i * n))[v] = sum[i][v];
}

INLINE void tiles(size_t K, size_t n, size_t steps, const double a[],
                  const double w[], double S[], int width)
{
    size_t i = 0;

    for (; i + ROWS <= K; i += ROWS)
        tile(n, steps, a + i, w, S + i * n, ROWS, width);
    for (; i < K; i++) tile(n, steps, a + i, w, S + i * n, 1, width);
}

/* body(v) for the number v of vectors, which is a constant in each. */
#define BY_WIDTH(v, body)                                                      \
    switch (v) {                                                               \
    case 1:                                                                    \
        body(1);                                                               \
        break;                                                                 \
    case 2:                                                                    \
        body(2);                                                               \
        break;                                                                 \
    case 3:                                                                    \
        body(3);                                                               \
        break;                                                                 \
    case 4:                                                                    \
        body(4);                                                               \
        break;                                                                 \
    case 5:                                                                    \
        body(5);                                                               \
        break;                                                                 \
    case 6:                                                                    \
        body(6);                                                               \
        break;                                                                 \
    default:                                                                   \
        body(7);                                                               \
        break;                                                                 \
    }

/* Vectors of the panel that starts at `from`: all panels are about as wide. */
static size_t panel(size_t all, size_t from)
{
    const size_t left = all - from, panels = (left + PANEL - 1) / PANEL;

    return (left + panels - 1) / panels;
}

void elbo_hmm_wide_times(size_t K, size_t n, const double x[], const double M[],
                         double out[])
{
    const size_t all = n / LANES;

    for (size_t from = 0, width; from < all; from += width) {
        const double *const at = M + from * LANES;
        double *const to = out + from * LANES;

        width = panel(all, from);
#define COLUMNS(v) columns(K, n, x, at, to, v, v > 3 ? 2 : SUMS)
        BY_WIDTH(width, COLUMNS)
#undef COLUMNS
    }
}

void elbo_hmm_wide_outer(size_t K, size_t n, size_t steps, const double a[],
                         const double w[], double S[])
{
    const size_t all = n / LANES;

    for (size_t from = 0, width; from < all; from += width) {
        const double *const at = w + from * LANES;
        double *const to = S + from * LANES;

        width = panel(all, from);
#define TILES(v) tiles(K, n, steps, a, at, to, v)
        BY_WIDTH(width, TILES)
#undef TILES
    }
}

static double largest_of(size_t n, const double x[])
{
    wide most = vectors(x)[0];

    for (size_t v = 1; v < n / LANES; v++) {
        const wide y = vectors(x)[v];
        const mask more = (mask)(y > most);

        most = (wide)(((mask)y & more) | ((mask)most & ~more));
    }
    for (int half = LANES / 2; half; half /= 2)
        for (int l = 0; l < half; l++)
            most[l] = most[l + half] > most[l] ? most[l + half] : most[l];
    return most[0];
}

ELBO_WIDE void elbo_hmm_wide_emit(size_t K, size_t n, size_t rows,
                                  const double in[], double largest[],
                                  double b[])
{
    const size_t whole = K - K % LANES;

    for (size_t t = 0; t < rows; t++) {
        const double *const from = in + t * K;
        double *const row = b + t * n;

        for (size_t k = 0; k < whole; k++) row[k] = from[k];
        for (size_t k = whole; k < n; k++) row[k] = k < K ? from[k] : -HUGE_VAL;
        largest[t] = largest_of(n, row);
        for (size_t k = 0; k < n; k++) row[k] -= largest[t];
    }
    for (size_t i = 0; i < rows * n; i++) {
        double unused;

        b[i] = elbo_exp(b[i], &unused);
    }
}

double elbo_hmm_wide_meet(size_t n, const double p[], const double b[],
                          double s, const double floor[], double u[],
                          uint64_t *low)
{
    wide sum = {0};
    mask under = {0};

    for (size_t v = 0; v < n / LANES; v++) {
        const wide x = vectors(p)[v] * (vectors(b)[v] * s);

        ((wide *)(void *)u)[v] = x;
        sum += x;
        under |= (mask)(x < vectors(floor)[v]);
    }
    *low = 0;
    for (int l = 0; l < LANES; l++) *low |= (uint64_t)under[l];
    for (int half = LANES / 2; half; half /= 2)
        for (int l = 0; l < half; l++) sum[l] += sum[l + half];
    return sum[0];
}

#include "inference/core/product.h"

#include <gsl/gsl_cblas.h>
#include <math.h>
#include <string.h>

/* V floats a vector, PANEL vectors a panel of B, TILE rows of C at once: as
 * many sums as there are registers for, less those for a row of the panel. */
#if defined __AVX__ && !defined __AVX512F__
enum { V = 8, PANEL = 2, TILE = 6 };
#define MORE_TILES
#define MORE_ROWS(vectors)
#define NAME_MORE
#else
#ifdef __AVX512F__
enum { V = 16, PANEL = 3, TILE = 8 };
#else
enum { V = 4, PANEL = 3, TILE = 8 };
#endif
#define MORE_TILES         TILES(3)
#define MORE_ROWS(vectors) ROWS_OF(7, vectors) ROWS_OF(8, vectors)
#define NAME_MORE          tile_3
#endif

/* Rows of A that stay in the cache while the panels pass; the multiplications
 * and rows that pay for packing. */
enum { BLOCK = 256, CHAIN = 448, WORK_THAT_PAYS = 1000000, ROWS_THAT_PAY = 16 };

#ifdef FP_FAST_FMAF
static const bool fused = true;
#else
static const bool fused = false;
#endif

/* From here on a b + c is one instruction, at any level of optimisation. */
#pragma GCC optimize("fp-contract=fast,expensive-optimizations")

typedef float vector __attribute__((vector_size(4 * V)));

/* Entries [rows x width] of C, width at most PANEL vectors. */
typedef struct tile {
    size_t rows, width, inner;
    const float *a; /* entry (i, k) at i a_row + k a_inner */
    size_t a_row, a_inner;
    const float *panel; /* [inner x vectors V], 0 beyond width */
    const float *start; /* NULL: 0 */
    size_t start_row;
    float *c;
    size_t c_row;
} tile;

/* Of `last` entries; all of a vector in one go. */
static inline vector load(const float x[], bool whole, size_t last)
{
    vector v = {0};

    if (whole)
        memcpy(&v, x, sizeof v);
    else
        memcpy(&v, x, last * sizeof *x);
    return v;
}

static inline void store(float x[], vector v, bool whole, size_t last)
{
    if (whole)
        memcpy(x, &v, sizeof v);
    else
        memcpy(x, &v, last * sizeof *x);
}

/* rows and vectors are constants where this is inlined, and the sums stay in
 * registers. */
static inline __attribute__((always_inline)) void
run_tile(const tile *t, const size_t rows, const size_t vectors)
{
    const size_t last = t->width - (vectors - 1) * V, inner = t->inner;
    const size_t a_row = t->a_row, a_inner = t->a_inner;
    const float *a = t->a, *b = t->panel;
    vector sum[8][3];

    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < vectors; j++) sum[i][j] = (vector){0};
    for (size_t k = 0; k < inner; k++, a += a_inner, b += vectors * V)
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < vectors; j++)
                sum[i][j] += a[i * a_row] * *(const vector *)(b + j * V);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < vectors; j++) {
            const bool whole = j + 1 < vectors || last == V;

            if (t->start)
                sum[i][j] +=
                    load(t->start + i * t->start_row + j * V, whole, last);
            store(t->c + i * t->c_row + j * V, sum[i][j], whole, last);
        }
}

#define ROWS_OF(n, vectors)                                                    \
    case n:                                                                    \
        run_tile(t, n, vectors);                                               \
        return;
#define TILES(vectors)                                                         \
    static void tile_##vectors(const tile *t)                                  \
    {                                                                          \
        switch (t->rows) {                                                     \
            ROWS_OF(1, vectors)                                                \
            ROWS_OF(2, vectors)                                                \
            ROWS_OF(3, vectors)                                                \
            ROWS_OF(4, vectors)                                                \
            ROWS_OF(5, vectors)                                                \
            ROWS_OF(6, vectors)                                                \
            MORE_ROWS(vectors)                                                 \
        }                                                                      \
    }
TILES(1)
TILES(2)
MORE_TILES
static void (*const run_of[])(const tile *t) = {tile_1, tile_2, NAME_MORE};
#undef TILES
#undef MORE_TILES
#undef MORE_ROWS
#undef ROWS_OF
#undef NAME_MORE

/* Columns j .. j + width - 1 of B: [inner x width], padded with zeros to whole
 * vectors. */
static void pack(const elbo_product_f32 *p, size_t j, size_t width, float out[])
{
    const size_t padded = (width + V - 1) / V * V, inner = p->inner;

    for (size_t k = 0; width < padded && k < inner; k++)
        memset(out + k * padded + width, 0, (padded - width) * sizeof *out);
    if (p->transpose_B) {
        const float *const B = p->B + j * inner;

        for (size_t i = 0; i < width; i += 8)
            for (size_t k = 0; k < inner; k++)
                for (size_t l = i; l < i + 8 && l < width; l++)
                    out[k * padded + l] = B[l * inner + k];
    } else {
        for (size_t k = 0; k < inner; k++) {
            const float *const from = p->B + k * p->cols + j;
            float *const to = out + k * padded;
            size_t i = 0;

            for (; width - i >= V; i += V)
                store(to + i, load(from + i, true, V), true, V);
            if (i < width) memcpy(to + i, from + i, (width - i) * sizeof *to);
        }
    }
}

/* Rows top .. bottom - 1 of C, columns from j: in tiles of even heights. */
static void run_panel(const elbo_product_f32 *p, size_t top, size_t bottom,
                      size_t j, size_t width, const float panel[])
{
    const size_t rows = bottom - top, tiles = (rows + TILE - 1) / TILE;
    const size_t vectors = (width + V - 1) / V;
    tile t = {.width = width,
              .inner = p->inner,
              .a_row = p->transpose_A ? 1 : p->inner,
              .a_inner = p->transpose_A ? p->rows : 1,
              .panel = panel,
              .start_row = p->start_row,
              .c_row = p->cols};

    for (size_t q = 0, i = top; q < tiles; q++, i += t.rows) {
        t.rows = rows / tiles + (q < rows % tiles);
        t.a = p->A + i * t.a_row;
        t.start = p->start ? p->start + i * t.start_row + j : NULL;
        t.c = p->C + i * p->cols + j;
        run_of[vectors - 1](&t);
    }
}

/* In panels of even widths. */
static void run_block(const elbo_product_f32 *p, size_t top, size_t bottom)
{
    _Alignas(64) float panel[CHAIN * PANEL * V];
    const size_t vectors = (p->cols + V - 1) / V;
    const size_t panels = (vectors + PANEL - 1) / PANEL;

    for (size_t q = 0, j = 0; q < panels; q++) {
        const size_t most = (vectors / panels + (q < vectors % panels)) * V;
        const size_t width = p->cols - j < most ? p->cols - j : most;

        pack(p, j, width, panel);
        run_panel(p, top, bottom, j, width, panel);
        j += width;
    }
}

/* Where packing pays, vectors are filled and columns of A stay in the cache. */
bool elbo_product_cuts_f32(const elbo_product_f32 *p)
{
    const size_t lanes = (p->cols + V - 1) / V * V;
    const double work = (double)p->rows * (double)p->cols * (double)p->inner;

    return fused && work > WORK_THAT_PAYS && p->rows >= ROWS_THAT_PAY
           && p->inner <= CHAIN && 4 * p->cols >= 3 * lanes
           && (!p->transpose_A || p->rows <= BLOCK);
}

void elbo_product_rows_f32(const elbo_product_f32 *p, size_t first, size_t last)
{
    for (size_t top = first; top < last; top += BLOCK)
        run_block(p, top, last - top < BLOCK ? last : top + BLOCK);
}

/* C = S, and BLAS adds; it would clear the place else. */
#define BLAS(name, type, gemm)                                                 \
    static void name(const type *p)                                            \
    {                                                                          \
        const int A_cols = (int)(p->transpose_A ? p->rows : p->inner);         \
        const int B_cols = (int)(p->transpose_B ? p->inner : p->cols);         \
        const size_t row = p->cols * sizeof *p->C;                             \
                                                                               \
        if (p->rows == 0 || p->cols == 0) return;                              \
        if (!p->start && p->inner == 0) memset(p->C, 0, p->rows *row);         \
        for (size_t i = 0; p->start && p->start != p->C && i < p->rows; i++)   \
            memcpy(p->C + i * p->cols, p->start + i * p->start_row, row);      \
        if (p->inner == 0) return;                                             \
        gemm(CblasRowMajor, p->transpose_A ? CblasTrans : CblasNoTrans,        \
             p->transpose_B ? CblasTrans : CblasNoTrans, (int)p->rows,         \
             (int)p->cols, (int)p->inner, 1, p->A, A_cols, p->B, B_cols,       \
             p->start ? 1 : 0, p->C, (int)p->cols);                            \
    }
BLAS(blas_f32, elbo_product_f32, cblas_sgemm)
BLAS(blas_f64, elbo_product_f64, cblas_dgemm)
#undef BLAS

void elbo_product_run_f32(const elbo_product_f32 *p)
{
    if (elbo_product_cuts_f32(p))
        elbo_product_rows_f32(p, 0, p->rows);
    else
        blas_f32(p);
}

void elbo_product_run_f64(const elbo_product_f64 *p)
{
    blas_f64(p);
}

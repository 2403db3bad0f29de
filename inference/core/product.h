/* inference/core/product.h -- products of matrices, for networks' layers.
 *
 *   C = S + A B     A [rows x inner], B [inner x cols], C [rows x cols];
 *                   S is C itself, one row under every other, or 0
 *
 * In double a call of CBLAS. In float most layers go another way: where a BLAS packs
 * both factors, and clears C before it adds, A is read in its place here, and panels of
 * B are packed while they are used. An entry of A B is then one chain of fused
 * multiply-adds in the order of the inner index, from 0, and S is added last: its bits
 * depend neither on how the rows of C are cut nor on the width of vectors. What is
 * small, narrow or beyond the caches goes to CBLAS, as does everything on a machine
 * without fused multiply-adds.
 */
#ifndef ELBO_PRODUCT_H
#define ELBO_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

/* Row-major; a transposed factor is stored as [inner x rows], or [cols x inner]. S
 * starts at `start` (NULL: 0), its rows `start_row` apart. Dimensions fit in int. C
 * overlaps neither factor. */
#define ELBO_PRODUCT(name, real)                                                         \
    typedef struct name {                                                                \
        size_t rows, cols, inner;                                                        \
        const real *A, *B;                                                               \
        bool transpose_A, transpose_B;                                                   \
        const real *start;                                                               \
        size_t start_row;                                                                \
        real *C;                                                                         \
    } name
ELBO_PRODUCT(elbo_product_f32, float);
ELBO_PRODUCT(elbo_product_f64, double);
#undef ELBO_PRODUCT

void elbo_product_run_f32(const elbo_product_f32 *p);
void elbo_product_run_f64(const elbo_product_f64 *p);

/* Whether it does not go to CBLAS, and so may be made in parts; and rows first ..
 * last - 1 of C, if so. */
bool elbo_product_cuts_f32(const elbo_product_f32 *p);
void elbo_product_rows_f32(const elbo_product_f32 *p, size_t first, size_t last);

#endif

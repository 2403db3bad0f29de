#include "inference/language/tiles.h"

#include <string.h>

#include "inference/core/unroll.h"

enum { RUNS = 4 };

size_t elbo_tile_count(const elbo_program *program)
{
    if (!program->tiled) return 1;

    const size_t n = program->layout.size[program->unit];

    return (n + program->tile - 1) / program->tile;
}

size_t elbo_tile_places(const elbo_program *program, size_t k, elbo_domain at,
                        size_t *first)
{
    const size_t n = program->layout.size[at];

    *first = 0;
    if (!program->tiled || at == ELBO_AT_ALL) return n;
    *first = k * program->tile;
    return n - *first < program->tile ? n - *first : program->tile;
}

void elbo_tile_carry(elbo_program *program)
{
    for (const elbo_transfer *t = program->transfers; t; t = t->rest) {
        double *const end = t->values + t->rows * t->cols;

        elbo_tape_get(program->fixed, t->from, t->values);
        for (size_t i = 0; i < t->fill * t->cols; i++)
            end[i] = t->ends_in_zeros ? 0 : end[i % t->cols - t->cols];
    }
}

/* Numbers from their places, NULL: one after the other from the first. */
static void gather(size_t n, const uint32_t place[], size_t first,
                   const double from[restrict], double to[restrict])
{
    if (place)
        for (size_t i = 0; i < n; i++) to[i] = from[place[first + i]];
    else
        memcpy(to, from + first, n * sizeof *to);
}

/* Added to their places. Neighbours often have the same one, and an addition
 * to memory waits for the last: four runs take turns. */
static void scatter(size_t n, const uint32_t place[], size_t first,
                    const double from[restrict], double to[restrict])
{
    const size_t part = n / RUNS;

    if (!place)
        for (size_t i = 0; i < n; i++) to[first + i] += from[i];
    if (!place) return;
    place += first;
    for (size_t i = 0; i < part; i++)
        for (size_t k = 0; k < RUNS; k++)
            to[place[k * part + i]] += from[k * part + i];
    for (size_t i = RUNS * part; i < n; i++) to[place[i]] += from[i];
}

/* The same where a row's samples are its places, for rows of `length` each:
 * x [rows] to [rows x length], and sums of these added to x. */
static inline void spread_rows(size_t length, size_t rows,
                               const double x[restrict], double to[restrict])
{
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < length; k++) to[row * length + k] = x[row];
}

static inline void sum_rows(size_t length, size_t rows,
                            const double from[restrict], double x[restrict])
{
    for (size_t row = 0; row < rows; row++) {
        double sum = x[row];

        for (size_t k = 0; k < length; k++) sum += from[row * length + k];
        x[row] = sum;
    }
}

/* From sample i of this row on: how many whole rows of one length end before
 * `last`; else the one part of the row that does. */
static size_t rows_alike(const elbo_layout *layout, size_t row, size_t i,
                         size_t last, size_t *length)
{
    const size_t start = layout->samples[row], end = layout->samples[row + 1];
    const size_t most = (last - i) / (end - start), alike = layout->alike[row];

    *length = end - start;
    if (i == start && most > 0) return alike < most ? alike : most;
    *length = (end < last ? end : last) - i;
    return 1;
}

static void gather_rows(const elbo_layout *layout, size_t n,
                        const uint32_t place[], size_t first,
                        const double x[restrict], double to[restrict])
{
    size_t rows, length;

    for (size_t i = 0; i < n; i += rows * length) {
        const size_t row = place[first + i];

        rows = rows_alike(layout, row, first + i, first + n, &length);
        ELBO_UNROLL(length, spread_rows, rows, x + row, to + i)
    }
}

static void scatter_rows(const elbo_layout *layout, size_t n,
                         const uint32_t place[], size_t first,
                         const double from[restrict], double x[restrict])
{
    size_t rows, length;

    for (size_t i = 0; i < n; i += rows * length) {
        const size_t row = place[first + i];

        rows = rows_alike(layout, row, first + i, first + n, &length);
        ELBO_UNROLL(length, sum_rows, rows, from + i, x + row)
    }
}

/* The intake's x at the tile's places. */
static const double *spread(const elbo_program *program, const elbo_intake *in,
                            size_t k)
{
    const size_t cols = in->cols;
    size_t first;
    const size_t n = elbo_tile_places(program, k, program->unit, &first);

    if (cols == 1 && in->place && program->layout.alike)
        gather_rows(&program->layout, n, in->place, first, in->x, in->tile);
    else if (cols == 1)
        gather(n, in->place, first, in->x, in->tile);
    for (size_t i = 0; i < n && cols != 1; i++)
        memcpy(in->tile + i * cols,
               in->x + (in->place ? in->place[first + i] : first + i) * cols,
               cols * sizeof *in->x);
    for (size_t i = n * cols; i < program->tile * cols; i++)
        in->tile[i] = in->tile[i - cols];
    return in->tile;
}

void elbo_tile_forward(elbo_program *program, size_t k)
{
    for (const elbo_transfer *t = program->transfers; t; t = t->rest) {
        const bool moves = program->tiled && t->rows > 1;
        const size_t first = moves ? k * program->tile : 0;

        elbo_tape_point(program->live, t->to, t->values + first * t->cols);
    }
    for (const elbo_intake *in = program->intakes; in; in = in->rest)
        elbo_tape_point(program->live, in->leaf,
                        program->tiled ? spread(program, in, k) : in->x);
    elbo_tape_forward(program->live);
}

static void gather_derivative(const elbo_program *program,
                              const elbo_intake *in, size_t k)
{
    const size_t cols = in->cols;
    size_t first;
    const size_t n = elbo_tile_places(program, k, program->unit, &first);
    const double *const g = elbo_tape_adjoint(program->live, in->leaf);

    if (!g) return;
    if (cols == 1 && in->place && program->layout.alike)
        scatter_rows(&program->layout, n, in->place, first, g, in->g);
    else if (cols == 1)
        scatter(n, in->place, first, g, in->g);
    else
        for (size_t i = 0; i < n * cols; i++) {
            const size_t at = first + i / cols;

            in->g[(in->place ? in->place[at] : at) * cols + i % cols] += g[i];
        }
}

void elbo_tile_backward(elbo_program *program, size_t k)
{
    elbo_tape_backward(program->live, program->total.node);
    for (const elbo_intake *in = program->intakes; in; in = in->rest)
        if (program->tiled)
            gather_derivative(program, in, k);
        else
            elbo_tape_gradient(program->live, in->leaf, in->g);
}

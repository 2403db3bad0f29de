#include "inference/language/tiles.h"

#include <string.h>

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

/* The intake's x at the tile's places. */
static const double *spread(const elbo_program *program, const elbo_intake *in,
                            size_t k)
{
    const size_t cols = in->cols, bytes = cols * sizeof *in->x;
    size_t first;
    const size_t n = elbo_tile_places(program, k, program->unit, &first);

    for (size_t i = 0; i < n && cols == 1; i++)
        in->tile[i] = in->x[in->place ? in->place[first + i] : first + i];
    for (size_t i = 0; i < n && cols != 1; i++)
        memcpy(in->tile + i * cols,
               in->x + (in->place ? in->place[first + i] : first + i) * cols,
               bytes);
    for (size_t i = n; i < program->tile; i++)
        memcpy(in->tile + i * cols, in->tile + (n - 1) * cols, bytes);
    return in->tile;
}

void elbo_tile_forward(elbo_program *program, size_t k)
{
    for (const elbo_transfer *t = program->transfers; t; t = t->rest) {
        const bool moves = program->tiled && t->rows > 1;
        const size_t first = moves ? k * program->tile : 0;

        if (!program->tiled && program->carried) continue;
        elbo_tape_set(program->live, t->to, t->values + first * t->cols);
    }
    program->carried = true;
    for (const elbo_intake *in = program->intakes; in; in = in->rest)
        elbo_tape_set(program->live, in->leaf,
                      program->tiled ? spread(program, in, k) : in->x);
    elbo_tape_forward(program->live);
}

static void gather_derivative(const elbo_program *program,
                              const elbo_intake *in, size_t k)
{
    const size_t cols = in->cols;
    size_t first;
    const size_t n = elbo_tile_places(program, k, program->unit, &first);

    elbo_tape_gradient(program->live, in->leaf, in->tile);
    if (cols == 1)
        for (size_t i = 0; i < n; i++)
            in->g[in->place ? in->place[first + i] : first + i] += in->tile[i];
    else
        for (size_t i = 0; i < n * cols; i++) {
            const size_t at = first + i / cols;

            in->g[(in->place ? in->place[at] : at) * cols + i % cols] +=
                in->tile[i];
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

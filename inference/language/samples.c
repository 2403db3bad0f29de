/* inference/language/samples.c -- means of samples: E(f, n) and usq.
 *
 * With N(x, i) of the n samples of transition x at entry i, drawn at p0,
 *
 *   m  = E(f, n) = sum_i p[i] N[i] f_i / (n p0[i])
 *   S2 = sum_i p[i]^2 N[i] f_i^2 / p0[i]^2             sum of squared terms
 *   usq(m - c)   = [n (m - c)^2 - (S2 / n - 2 c m + c^2)] / (n - 1)
 */
#include <string.h>

#include "inference/core/rng.h"
#include "inference/language/meaning.h"
#include "inference/language/quantity.h"

enum { MOST_CALLS = 256 };

static elbo_draw *append(elbo_compiler *c, size_t n)
{
    elbo_arena *const arena = c->program->arena;
    const size_t pairs = c->program->layout.size[ELBO_AT_PAIR];
    elbo_draw **end = &c->program->draws;
    elbo_draw *const draw = elbo_arena_take(arena, 1, sizeof *draw);
    double *const mean = elbo_arena_take(arena, pairs, sizeof *mean);
    double *const square = elbo_arena_take(arena, pairs, sizeof *square);

    if (c->status != ELBO_OK) return NULL;
    if (!draw || !mean || !square) {
        c->status = ELBO_FAIL(ELBO_ENOMEM, "samples at %zu places", pairs);
        return NULL;
    }
    for (size_t k = 0; *end; k++, end = &(*end)->rest)
        if (k + 2 > MOST_CALLS) {
            c->status = ELBO_FAIL(ELBO_EINVAL, "more than %d means of samples",
                                  MOST_CALLS);
            return NULL;
        }
    *draw = (elbo_draw){.by_mean = mean, .by_square = square, .n = n};
    *end = draw;
    return draw;
}

/* A constant of pairs, set at each draw. */
static elbo_quantity leaf(elbo_compiler *c, elbo_node *node)
{
    const elbo_quantity x = elbo_quantity_leaf(
        c, ELBO_AT_PAIR, c->program->layout.size[ELBO_AT_PAIR], 1, false);

    *node = x.node;
    return x;
}

typedef struct sampled {
    elbo_quantity f, mean, square; /* square: the draw's leaf */
    elbo_draw *draw;               /* NULL: nothing to draw */
} sampled;

static sampled compile(elbo_compiler *c, const elbo_expr *e)
{
    sampled x = {.f = elbo_compile_quantity(c, e->arg[0])};

    x.mean = x.f;
    if (c->status == ELBO_OK) c->column = e->column;
    if (!(x.f.at & ELBO_AT_STATE)) return x;
    x.draw = append(c, (size_t)e->arg[1]->number);
    if (!x.draw) return x;
    x.mean = elbo_model_mean(
        c, elbo_quantity_binary(c, ELBO_MUL, x.f, leaf(c, &x.draw->mean)));
    x.square = leaf(c, &x.draw->square);
    return x;
}

elbo_quantity elbo_samples_mean(elbo_compiler *c, const elbo_expr *e)
{
    return compile(c, e).mean;
}

/* S2 / n */
static elbo_quantity mean_square(elbo_compiler *c, const sampled *x)
{
    const elbo_quantity weighed = elbo_quantity_binary(
        c, ELBO_MUL, elbo_quantity_unary(c, ELBO_SQ, x->f), x->square);
    const elbo_quantity p2 =
        elbo_quantity_unary(c, ELBO_SQ, elbo_model_kernel(c));

    return elbo_quantity_binary(
        c, ELBO_DIV,
        elbo_quantity_sum(c, elbo_quantity_binary(c, ELBO_MUL, p2, weighed),
                          ELBO_AT_SAMPLE),
        elbo_quantity_number((double)x->draw->n));
}

elbo_quantity elbo_samples_usq(elbo_compiler *c, const elbo_expr *e)
{
    const sampled x = compile(c, e->arg[0]->arg[0]);
    const elbo_quantity target = elbo_compile_quantity(c, e->arg[0]->arg[1]);

    if (c->status == ELBO_OK) c->column = e->column;

    const elbo_quantity square = elbo_quantity_unary(
        c, ELBO_SQ, elbo_quantity_binary(c, ELBO_SUB, x.mean, target));

    if (!x.draw) return square;

    const double n = (double)x.draw->n;
    const elbo_quantity cross =
        elbo_quantity_binary(c, ELBO_MUL, elbo_quantity_number(2),
                             elbo_quantity_binary(c, ELBO_MUL, target, x.mean));
    const elbo_quantity own = elbo_quantity_binary(
        c, ELBO_ADD,
        elbo_quantity_binary(c, ELBO_SUB, mean_square(c, &x), cross),
        elbo_quantity_unary(c, ELBO_SQ, target));
    const elbo_quantity all =
        elbo_quantity_binary(c, ELBO_MUL, elbo_quantity_number(n), square);

    return elbo_quantity_binary(c, ELBO_DIV,
                                elbo_quantity_binary(c, ELBO_SUB, all, own),
                                elbo_quantity_number(n - 1));
}

/* ---- drawing ---- */

/* Sample after sample, transition after transition of the layout. */
static void draw_all(const elbo_program *program, elbo_draw *draw,
                     const double p[], elbo_rng *rng)
{
    const elbo_layout *const layout = &program->layout;
    const size_t n = layout->size[ELBO_AT_SAMPLE];
    const size_t pairs = layout->size[ELBO_AT_PAIR];

    memset(draw->by_mean, 0, pairs * sizeof *draw->by_mean);
    memset(draw->by_square, 0, pairs * sizeof *draw->by_square);
    for (size_t t = 0; t < n; t++) {
        const size_t row = program->batch.row[layout->order[t]];
        const size_t first = program->batch.start[row];
        const size_t last = program->batch.start[row + 1];

        for (size_t k = 0; k < draw->n; k++) {
            const size_t i = elbo_rng_categorical(rng, p + first, last - first);
            const double chance = p[first + i];

            draw->by_mean[layout->pairs[t] + i] +=
                1 / ((double)draw->n * chance);
            draw->by_square[layout->pairs[t] + i] += 1 / (chance * chance);
        }
    }
}

static void set(elbo_program *program, const elbo_draw *draw,
                const double mean[], const double square[])
{
    elbo_tape_set(program->fixed, draw->mean, mean);
    elbo_tape_set(program->fixed, draw->square, square);
}

void elbo_program_draw(elbo_program *program, const double p[], uint64_t seed,
                       uint64_t index)
{
    uint64_t k = 0;

    for (elbo_draw *draw = program->draws; draw; draw = draw->rest, k++) {
        elbo_rng rng =
            elbo_rng_stream(seed, "expectation", MOST_CALLS * index + k);

        draw_all(program, draw, p, &rng);
        set(program, draw, draw->by_mean, draw->by_square);
    }
    if (program->draws) program->warm = false;
    program->drawn++;
}

void elbo_draws_share(const elbo_program *program, elbo_program *twin)
{
    const elbo_draw *from = program->draws;

    if (twin->drawn == program->drawn) return;
    for (elbo_draw *to = twin->draws; to; to = to->rest, from = from->rest)
        set(twin, to, from->by_mean, from->by_square);
    twin->drawn = program->drawn;
    twin->warm = false;
}

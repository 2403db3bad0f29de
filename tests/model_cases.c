#include "tests/model_cases.h"

#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"

enum { ROWS = 4, COLS = 5, CELLS = ROWS * COLS };

static size_t tangle_outcomes(const void *world, size_t s, size_t a,
                              elbo_outcome out[])
{
    const tangle *const t = world;
    elbo_rng rng = elbo_rng_stream(t->seed, "tangle", s * 2 + a);
    const size_t offset = elbo_rng_below(&rng, t->nS);
    double sum = 0;

    if (s == t->nS - 1) {
        out[0] = (elbo_outcome){(uint32_t)s, true, 1, 0.385};
        return 1;
    }
    for (size_t k = 0; k < t->branching; k++) {
        /* 1 and nS - 1 are the smallest strides that keep them distinct */
        const size_t next = (offset + k) % t->nS;
        const double p = 0.2 + elbo_rng_uniform(&rng);

        out[k] = (elbo_outcome){(uint32_t)next, k > 1 && s % 3 == a, p,
                                2.385 * elbo_rng_uniform(&rng)};
        sum += p;
    }
    for (size_t k = 0; k < t->branching; k++) out[k].prob /= sum;
    return t->branching;
}

const elbo_env model_case_tangle = {
    .name = "tangle",
    .source = "this test",
    .doc = "random rows",
    .outcomes = tangle_outcomes,
};

static uint32_t grid_move(size_t s, size_t way)
{
    const int row = (int)(s / COLS), col = (int)(s % COLS);
    const int to_row = row + (way == 2) - (way == 0);
    const int to_col = col + (way == 1) - (way == 3);

    if (to_row < 0 || to_row >= ROWS || to_col < 0 || to_col >= COLS)
        return (uint32_t)s;
    return (uint32_t)(to_row * COLS + to_col);
}

static size_t grid_outcomes(const void *world, size_t s, size_t a,
                            elbo_outcome out[])
{
    (void)world;
    if (s == CELLS - 1) {
        out[0] = (elbo_outcome){(uint32_t)s, true, 1, 1};
        return 1;
    }
    for (size_t way = 0; way < 4; way++)
        out[way] = (elbo_outcome){grid_move(s, way), false,
                                  way == a ? 0.7 : 0.1, 0.25 * (double)(s % 3)};
    return 4;
}

const elbo_env model_case_grid = {
    .name = "grid",
    .source = "this test",
    .doc = "4 x 5 cells",
    .outcomes = grid_outcomes,
};

static const int32_t *grid_coordinates(elbo_arena *arena)
{
    int32_t *const coord = elbo_arena_take(arena, CELLS * 2, sizeof *coord);

    for (int s = 0; s < CELLS; s++) {
        coord[2 * s] = s / COLS - 1; /* a map need not begin at 0 */
        coord[2 * s + 1] = s % COLS + 3;
    }
    return coord;
}

static const uint8_t *known_rows(model_case *c)
{
    const elbo_pattern *const pattern = c->mdp.P.pattern;
    const size_t rows = c->mdp.nS * c->mdp.nA;

    c->known = elbo_arena_take(c->arena, rows, 1);
    for (size_t row = 0; row < rows; row++) {
        const size_t i = elbo_entry(pattern, row, c->mdp.nS);

        c->known[row] = i != (size_t)-1 && c->mdp.P.prob[i] == 1;
    }
    return c->known;
}

void model_case_open(model_case *c, const elbo_env *env, const tangle *how,
                     size_t horizon)
{
    elbo_arena *const arena = elbo_arena_alloc(1 << 16);
    const bool grid = env == &model_case_grid;
    const size_t nS = grid ? CELLS : how->nS;
    double *const mu = elbo_arena_doubles(arena, nS);

    ck_assert_ptr_nonnull(mu);
    for (size_t s = 0; s < nS; s++)
        mu[s] = 2 * (double)(s + 1) / (double)(nS * (nS + 1));
    *c = (model_case){.arena = arena};
    c->world = (elbo_world){
        .env = env,
        .self = how,
        .nS = nS,
        .nA = grid ? 4 : 2,
        .most = grid ? 4 : how->branching,
        .mu = mu,
        .coord = grid ? grid_coordinates(arena) : NULL,
        .dim = grid ? 2 : 0,
    };
    ck_assert_int_eq(elbo_world_mdp(&c->world, 0.9, horizon, arena, &c->mdp),
                     ELBO_OK);
    c->context = (elbo_model_context){
        .world = &c->world,
        .mdp = &c->mdp,
        .known = known_rows(c),
        .seed = 11,
    };
}

void model_case_close(model_case *c)
{
    elbo_arena_free(c->arena);
}

elbo_status model_case_try(model_case *c, const char *name,
                           const char *settings)
{
    const elbo_model *const model = elbo_model_find(name);
    elbo_values values;

    ck_assert_ptr_nonnull(model);
    ELBO_TRY(elbo_values_init(&values, model->options, c->arena));
    ELBO_TRY(elbo_values_parse(&values, settings));
    return model->open(&values, &c->context, c->arena, &c->belief);
}

void model_case_belief(model_case *c, const char *name, const char *settings)
{
    const elbo_status s = model_case_try(c, name, settings);

    ck_assert_msg(s == ELBO_OK, "%s %s: %s", name, settings,
                  elbo_last_error()->text);
}

double *model_case_normals(model_case *c, size_t n, uint64_t seed)
{
    elbo_rng rng = elbo_rng_stream(seed, "normals", 0);
    double *const x = elbo_arena_doubles(c->arena, n);

    ck_assert_ptr_nonnull(x);
    elbo_rng_normals(&rng, x, n);
    return x;
}

void model_case_shake(model_case *c, double scale, uint64_t seed)
{
    elbo_belief *const b = &c->belief;
    const double *const x = model_case_normals(c, b->n, seed);

    for (size_t j = 0; j < b->n; j++)
        if (b->model->pullback)
            b->theta[j] += scale * x[j];
        else
            b->theta[j] *= exp(scale * x[j]);
    if (b->model->weigh) { /* on the simplex */
        const double sum = elbo_sum(b->theta, b->n);

        for (size_t j = 0; j < b->n; j++) b->theta[j] /= sum;
    }
    if (b->model->update) b->model->update(b);
}

double *model_case_counts(model_case *c, size_t each, uint64_t seed)
{
    const elbo_pattern *const truth = c->mdp.P.pattern;
    const elbo_pattern *const pattern = c->belief.mean.pattern;
    const size_t rows = c->mdp.nS * c->mdp.nA;
    double *const C = elbo_arena_doubles(c->arena, pattern->nnz);

    ck_assert_ptr_nonnull(C);
    memset(C, 0, pattern->nnz * sizeof *C);
    for (size_t row = 0; row < rows; row++) {
        elbo_rng rng = elbo_rng_stream(seed, "counts", row);
        const size_t begin = elbo_row_begin(truth, row);
        const size_t n = elbo_row_end(truth, row) - begin;

        for (size_t k = 0; k < each; k++) {
            const size_t i =
                begin + elbo_rng_categorical(&rng, c->mdp.P.prob + begin, n);

            C[elbo_entry(pattern, row, elbo_successor(truth, row, i))] += 1.37;
        }
    }
    return C;
}

const model_setting model_settings[] = {
    {"tabular",  ""                                                },
    {"tabular",  "support=world prior_count=3.1"                   },
    {"softmax",  "init_scale=0.7"                                  },
    {"softmax",  "support=world init_scale=0.7 prior_precision=0.3"},
    {"softmax",  "init_scale=0.1 temperature=0.2"                  },
    {"low_rank", "rank=3"                                          },
    {"low_rank", "rank=1 init_scale=0.4"                           },
    {"aliased",  "block=2 init_scale=0.7"                          },
    {"aliased",  "block=3 init_scale=0.7"                          },
    {"aliased",  "groups=7 init_scale=0.7"                         },
    {"candidates", "members=world;swap(0,3,1,2);random noise=0.1"},
    {"mixture",  "members=world;turn(0,9,0,4);random+swap(1,2,3,4)"},
    {"true",     ""                                                },
    {"random",   ""                                                },
    {"random",   "support=world"                                   },
};
const int n_model_settings = sizeof model_settings / sizeof *model_settings;

/* envs/hmm.c -- a hidden Markov chain of which its emissions alone are seen.
 *
 * What is not given is drawn, from stream ("hmm", instance): rows of the transitions
 * are stay times the identity plus the rest times Dirichlet(1), emissions are
 * Dirichlet(concentration) rows over symbols or means N(0, separation^2).
 */
#include <gsl/gsl_randist.h>
#include <math.h>
#include <string.h>

#include "envs/instance.h"
#include "envs/registry.h"
#include "inference/core/matrix_text.h"
#include "inference/observed.h"

static const char drawn[] = "drawn", even[] = "even";

static elbo_status check_drawn(const char *text, size_t *column,
                               const char **nearest)
{
    if (strcmp(text, drawn) != 0) return elbo_matrix_check(text, column, nearest);
    return ELBO_OK;
}

static elbo_status check_even(const char *text, size_t *column, const char **nearest)
{
    if (strcmp(text, even) != 0) return elbo_matrix_check(text, column, nearest);
    return ELBO_OK;
}

static const elbo_option options[] = {
    {.name = "states",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1000,
     .fallback = "3",
     .doc = "K, where the transitions are not given"},
    {.name = "symbols",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .fallback = "0",
     .doc = "above 0: a state emits one of so many symbols; 0: a Gaussian vector"},
    {.name = "outputs",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 200,
     .fallback = "2",
     .doc = "ny of a Gaussian vector, where the emissions are not given"},
    ELBO_INSTANCE_OPTION,
    {.name = "transition",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = drawn,
     .doc = "drawn, or K x K from row to column, as \"0.9 0.1; 0.2 0.8\"",
     .check = check_drawn},
    {.name = "start",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = even,
     .doc = "even, or the K probabilities of the first state",
     .check = check_even},
    {.name = "emission",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = drawn,
     .doc = "drawn, or K rows: probabilities of the symbols, or means",
     .check = check_drawn},
    {.name = "noise",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "1",
     .doc = "the covariance of a Gaussian emission: a number, a diagonal, or a "
            "matrix \"1 0; 0 1\"",
     .check = elbo_matrix_check},
    {.name = "stay",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.7",
     .doc = "share of drawn transitions that stay for sure"},
    {.name = "concentration",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-3,
     .high = 1e3,
     .fallback = "0.3",
     .doc = "of drawn rows over symbols"},
    {.name = "separation",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .fallback = "2",
     .doc = "standard deviation of drawn means"},
    {.name = "missing",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0",
     .doc = "the probability that an observation, the whole row, is not seen"},
    {0},
};

/* Rows that are distributions, into plain memory. */
static elbo_status take_rows(const char *name, const gsl_matrix *M, size_t rows,
                             size_t cols, elbo_arena *arena, double **out)
{
    *out = elbo_arena_doubles(arena, rows * cols);
    ELBO_TRY(elbo_arena_check(arena, "env hmm"));
    if (M->size1 != rows || M->size2 != cols)
        return ELBO_FAIL(ELBO_EINVAL, "%s: is %zu x %zu, must be %zu x %zu", name,
                         M->size1, M->size2, rows, cols);
    for (size_t i = 0; i < rows; i++) {
        double sum = 0;

        for (size_t j = 0; j < cols; j++) {
            const double p = gsl_matrix_get(M, i, j);

            if (!(p >= 0))
                return ELBO_FAIL(ELBO_EINVAL, "%s: row %zu has %g", name, i + 1, p);
            (*out)[i * cols + j] = p;
            sum += p;
        }
        if (!(fabs(sum - 1) < 1e-9))
            return ELBO_FAIL(ELBO_EINVAL, "%s: row %zu sums to %.10g, must be 1",
                             name, i + 1, sum);
    }
    return ELBO_OK;
}

/* Rows ~ Dirichlet(concentration, ..). */
static elbo_status draw_rows(size_t rows, size_t cols, double concentration,
                             elbo_rng *rng, elbo_arena *arena, double **out)
{
    double *const a = elbo_arena_doubles(arena, cols);
    elbo_gsl_rng adaptor;

    *out = elbo_arena_doubles(arena, rows * cols);
    ELBO_TRY(elbo_arena_check(arena, "env hmm"));
    for (size_t j = 0; j < cols; j++) a[j] = concentration;
    for (size_t i = 0; i < rows; i++)
        gsl_ran_dirichlet(elbo_rng_gsl(&adaptor, rng), cols, a, *out + i * cols);
    return ELBO_OK;
}

static elbo_status open_transition(const elbo_values *values, elbo_rng *rng,
                                   elbo_arena *arena, elbo_hmm *out)
{
    const char *const text = elbo_text(values, "transition");
    const double stay = elbo_real(values, "stay");
    gsl_matrix *M;
    double *p;

    out->K = (size_t)elbo_int(values, "states");
    if (strcmp(text, drawn) != 0) {
        ELBO_TRY(elbo_matrix_parse(text, arena, &M));
        out->K = M->size1;
        ELBO_TRY(take_rows("transition", M, out->K, out->K, arena, &p));
        out->transition = p;
        return ELBO_OK;
    }
    ELBO_TRY(draw_rows(out->K, out->K, 1, rng, arena, &p));
    for (size_t i = 0; i < out->K; i++)
        for (size_t j = 0; j < out->K; j++)
            p[i * out->K + j] = (i == j ? stay : 0) + (1 - stay) * p[i * out->K + j];
    out->transition = p;
    return ELBO_OK;
}

static elbo_status open_start(const elbo_values *values, elbo_arena *arena,
                              elbo_hmm *out)
{
    const char *const text = elbo_text(values, "start");
    gsl_matrix *const M = elbo_arena_mat(arena, 1, out->K);
    gsl_vector *given;
    double *p;

    ELBO_TRY(elbo_arena_check(arena, "env hmm"));
    gsl_matrix_set_all(M, 1 / (double)out->K);
    if (strcmp(text, even) != 0) {
        ELBO_TRY(elbo_vector_setting("start", text, out->K, arena, &given));
        gsl_matrix_set_row(M, 0, given);
    }
    ELBO_TRY(take_rows("start", M, 1, out->K, arena, &p));
    out->start = p;
    return ELBO_OK;
}

static elbo_status open_symbols(const elbo_values *values, const gsl_matrix *given,
                                elbo_rng *rng, elbo_arena *arena,
                                elbo_observed_chain *out)
{
    double *p;

    if (given)
        ELBO_TRY(take_rows("emission", given, out->chain.K, out->symbols, arena,
                           &p));
    else
        ELBO_TRY(draw_rows(out->chain.K, out->symbols,
                           elbo_real(values, "concentration"), rng, arena, &p));
    out->symbol = p;
    return ELBO_OK;
}

static elbo_status open_gaussians(const elbo_values *values, const gsl_matrix *given,
                                  elbo_rng *rng, elbo_arena *arena,
                                  elbo_observed_chain *out)
{
    const size_t K = out->chain.K;
    gsl_matrix *W;

    out->ny = given ? given->size2 : (size_t)elbo_int(values, "outputs");

    double *const mean = elbo_arena_doubles(arena, K * out->ny);

    ELBO_TRY(elbo_arena_check(arena, "env hmm"));
    if (given && given->size1 != K)
        return ELBO_FAIL(ELBO_EINVAL, "emission: has %zu rows, must have %zu",
                         given->size1, K);
    elbo_rng_normals(rng, mean, K * out->ny);
    for (size_t i = 0; i < K * out->ny; i++)
        mean[i] = given ? gsl_matrix_get(given, i / out->ny, i % out->ny)
                        : mean[i] * elbo_real(values, "separation");
    ELBO_TRY(elbo_covariance_setting("noise", elbo_text(values, "noise"), out->ny,
                                     true, arena, &W));
    out->mean = mean;
    out->covariance = W;
    return ELBO_OK;
}

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_observed_world *out)
{
    const char *const emission = elbo_text(values, "emission");
    elbo_rng rng = elbo_rng_stream(elbo_instance(values, out->seed), "hmm", 0);
    elbo_observed_chain *const c = elbo_arena_take(arena, 1, sizeof *c);
    gsl_matrix *given = NULL;

    (void)folder;
    ELBO_TRY(elbo_arena_check(arena, "env hmm"));
    c->symbols = (size_t)elbo_int(values, "symbols");
    c->ny = 1;
    ELBO_TRY(open_transition(values, &rng, arena, &c->chain));
    ELBO_TRY(open_start(values, arena, &c->chain));
    if (strcmp(emission, drawn) != 0)
        ELBO_TRY(elbo_matrix_parse(emission, arena, &given));
    if (c->symbols > 0)
        ELBO_TRY(open_symbols(values, given, &rng, arena, c));
    else
        ELBO_TRY(open_gaussians(values, given, &rng, arena, c));
    out->ny = c->ny;
    out->symbols = c->symbols;
    out->hmm = c;
    out->missing = elbo_real(values, "missing");
    return ELBO_OK;
}

const elbo_env elbo_env_hmm = {
    .name = "hmm",
    .source = "Rabiner, A tutorial on hidden Markov models, Proc. IEEE 77, 1989",
    .doc = "a hidden Markov chain of which symbols or Gaussian vectors are seen, "
           "given or drawn",
    .options = options,
    .observed = open_world,
};

#include "tests/lds_cases.h"

#include <math.h>

void lds_case_open(lds_case *c, size_t nx, size_t ny, size_t nu, size_t n,
                   size_t T, uint64_t seed)
{
    kalman_case_open(&c->truth, nx, ny, nu, T, false, seed);
    c->n = n;
    c->data[0] = c->truth.x;
    for (size_t i = 1; i < n; i++)
        c->data[i] = kalman_case_draw(&c->truth, T, 1000 * seed + i);
}

void lds_case_random(lds_case *c, uint64_t seed)
{
    elbo_rng rng = elbo_rng_stream(seed, "lds case", 0);
    const size_t nx = 1 + elbo_rng_below(&rng, 5),
                 ny = 1 + elbo_rng_below(&rng, 5);
    const size_t nu = elbo_rng_below(&rng, 3), n = 1 + elbo_rng_below(&rng, 3);
    const holes what = (holes)elbo_rng_below(&rng, HOLES);

    kalman_case_open(&c->truth, nx, ny, nu, 60, false, seed);
    c->n = n;
    for (size_t i = 0; i < n; i++) {
        kalman_case one = c->truth;

        one.T = 5 + elbo_rng_below(&rng, 50);
        one.x = kalman_case_draw(&c->truth, one.T, 1000 * seed + i);
        if (what != COMPLETE) kalman_case_punch(&one, what, seed);
        c->data[i] = one.x;
    }
}

void lds_case_close(lds_case *c)
{
    kalman_case_close(&c->truth);
}

elbo_lds *lds_open(lds_case *c, const elbo_lds_config *config)
{
    elbo_lds *lds;

    kalman_ok(elbo_lds_open(config, c->data, c->n, c->truth.arena, &lds));
    return lds;
}

static void set_channel(gsl_matrix *A, size_t j, double offset, double factor,
                        size_t from)
{
    for (size_t t = 0; t < A->size1; t++)
        gsl_matrix_set(A, t, j, offset + factor * gsl_matrix_get(A, t, from));
}

void lds_case_degenerate(lds_case *c, lds_degenerate what)
{
    const size_t T = what == FEWER_ROWS_THAN_STATES ? 3
                     : what == ONE_ROW              ? 1
                                                    : 40;

    lds_case_open(c, 6, 3, 2, what == ONE_ROW ? 1 : 2, T, 77);
    for (size_t i = 0; i < c->n; i++) {
        gsl_matrix *Y = elbo_arena_mat(c->truth.arena, T, 3);
        gsl_matrix *U = elbo_arena_mat(c->truth.arena, T, 2);

        gsl_matrix_memcpy(Y, c->data[i].Y);
        gsl_matrix_memcpy(U, c->data[i].U);
        if (what == CONSTANT_CHANNEL) set_channel(Y, 1, 3.7, 0, 1);
        for (size_t j = 0; what == ALL_CONSTANT && j < 3; j++)
            set_channel(Y, j, 2.5, 0, j);
        if (what == COLLINEAR_INPUTS) set_channel(U, 1, 0, -2.385, 0);
        if (what == A_CHANNEL_NEVER_SEEN) set_channel(Y, 2, (double)NAN, 0, 2);
        for (size_t j = 0; what == NOTHING_SEEN && j < 3; j++)
            set_channel(Y, j, (double)NAN, 0, j);
        if (what == TWICE_THE_SAME_CHANNEL) set_channel(Y, 2, 0, 1, 0);
        if (what == UNITS_FAR_APART) {
            set_channel(Y, 0, 0, 1e-7, 0);
            set_channel(Y, 1, 0, 1e7, 1);
        }
        c->data[i] = (elbo_sequence){.Y = Y, .U = U};
    }
}

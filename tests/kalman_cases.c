#include "tests/kalman_cases.h"

#include <gsl/gsl_blas.h>
#include <math.h>

static const double log_2pi = 1.8378770664093454836;

void kalman_ok(elbo_status s)
{
    ck_assert_msg(s == ELBO_OK, "%s", elbo_last_error()->text);
}

void fill_normal(gsl_matrix *A, double scale, elbo_rng *rng)
{
    for (size_t i = 0; i < A->size1; i++)
        elbo_rng_normals(rng, A->data + i * A->tda, A->size2);
    gsl_matrix_scale(A, scale);
}

void fill_covariance(gsl_matrix *S, double least, elbo_rng *rng, elbo_arena *ws)
{
    gsl_matrix *B = elbo_arena_mat(ws, S->size1, S->size1);

    fill_normal(B, 1 / sqrt((double)S->size1), rng);
    gsl_matrix_set_identity(S);
    gsl_blas_dsyrk(CblasLower, CblasNoTrans, 1, B, least, S);
    elbo_sym_from_lower(S);
}

static gsl_vector *normal_vector(size_t n, elbo_rng *rng, elbo_arena *arena)
{
    gsl_vector *v = elbo_arena_vec(arena, n);

    elbo_rng_normals(rng, v->data, n);
    return v;
}

/* Rows of absolute sum 0.95 at most: stable, whatever varies. */
static void shrink(gsl_matrix *A)
{
    for (size_t i = 0; i < A->size1; i++) {
        gsl_vector row = gsl_matrix_row(A, i).vector;
        const double sum = gsl_blas_dasum(&row);

        gsl_vector_scale(&row, 0.95 / (sum > 0.95 ? sum : 0.95));
    }
}

static elbo_lgssm_step draw_step(const elbo_lgssm *s, elbo_rng *rng,
                                 elbo_arena *arena)
{
    gsl_matrix *A = elbo_arena_mat(arena, s->nx, s->nx);
    gsl_matrix *C = elbo_arena_mat(arena, s->ny, s->nx);
    gsl_matrix *B = elbo_arena_mat(arena, s->nx, s->nu);
    gsl_matrix *D = elbo_arena_mat(arena, s->ny, s->nu);
    gsl_matrix *Q = elbo_arena_mat(arena, s->nx, s->nx);
    gsl_matrix *R = elbo_arena_mat(arena, s->ny, s->ny);

    fill_normal(A, 1, rng);
    shrink(A);
    fill_normal(C, 1 / sqrt((double)s->nx), rng);
    fill_normal(B, 1, rng);
    fill_normal(D, 1, rng);
    fill_covariance(Q, 0.1, rng, arena);
    fill_covariance(R, 0.1, rng, arena);
    return (elbo_lgssm_step){.A = A,
                             .B = s->nu ? B : NULL,
                             .Q = Q,
                             .b = normal_vector(s->nx, rng, arena),
                             .C = C,
                             .D = s->nu ? D : NULL,
                             .R = R,
                             .d = normal_vector(s->ny, rng, arena)};
}

/* out += V' D^1/2 e with S = V' D V, which may be singular, e standard normal
 */
static void add_noise(gsl_vector *out, const gsl_matrix *S, elbo_rng *rng,
                      elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    gsl_matrix *V = elbo_arena_mat(ws, S->size1, S->size1);
    gsl_vector *e = elbo_arena_vec(ws, S->size1);
    gsl_vector *values = elbo_arena_vec(ws, S->size1);

    gsl_matrix_memcpy(V, S);
    elbo_rng_normals(rng, e->data, e->size);
    kalman_ok(elbo_eig_sym(V, values, ws));
    for (size_t i = 0; i < e->size; i++)
        e->data[i] *= sqrt(fmax(values->data[i], 0));
    gsl_blas_dgemv(CblasTrans, 1, V, e, 1, out);
    elbo_arena_release(ws, mark);
}

/* y = A x + B u + b */
static void affine(const gsl_matrix *A, const gsl_vector *x,
                   const gsl_matrix *B, const gsl_matrix *U, size_t t,
                   const gsl_vector *b, gsl_vector *y)
{
    gsl_vector_set_zero(y);
    if (b) gsl_vector_memcpy(y, b);
    gsl_blas_dgemv(CblasNoTrans, 1, A, x, 1, y);
    if (B) {
        const gsl_vector u = gsl_matrix_const_row(U, t).vector;

        gsl_blas_dgemv(CblasNoTrans, 1, B, &u, 1, y);
    }
}

static const elbo_lgssm_step *step_of(const elbo_lgssm *s, size_t t)
{
    return &s->steps[s->varying ? t : 0];
}

static elbo_sequence draw(const kalman_case *c, size_t T, gsl_matrix *states,
                          uint64_t seed)
{
    const elbo_lgssm *s = &c->sys;
    elbo_rng rng = elbo_rng_stream(seed, "sequence", 0);
    gsl_matrix *Y = elbo_arena_mat(c->arena, T, s->ny);
    gsl_matrix *U = s->nu ? elbo_arena_mat(c->arena, T, s->nu) : NULL;

    if (U) fill_normal(U, 1, &rng);
    for (size_t t = 0; t < T; t++) {
        gsl_vector x = gsl_matrix_row(states, t).vector;
        gsl_vector y = gsl_matrix_row(Y, t).vector;
        const elbo_lgssm_step *now = step_of(s, t);

        if (t == 0) {
            gsl_vector_memcpy(&x, s->m0);
            add_noise(&x, s->P0, &rng, c->arena);
        } else {
            const gsl_vector before = gsl_matrix_row(states, t - 1).vector;
            const elbo_lgssm_step *then = step_of(s, t - 1);

            affine(then->A, &before, then->B, U, t - 1, then->b, &x);
            add_noise(&x, then->Q, &rng, c->arena);
        }
        affine(now->C, &x, now->D, U, t, now->d, &y);
        add_noise(&y, now->R, &rng, c->arena);
    }
    return (elbo_sequence){.Y = Y, .U = U};
}

void kalman_case_open(kalman_case *c, size_t nx, size_t ny, size_t nu, size_t T,
                      bool varying, uint64_t seed)
{
    elbo_rng rng = elbo_rng_stream(seed, "system", 0);
    const size_t n = varying ? T : 1;

    *c = (kalman_case){.arena = elbo_arena_alloc(1 << 20), .T = T};
    c->sys =
        (elbo_lgssm){.nx = nx, .ny = ny, .nu = nu, .varying = varying ? T : 0};
    c->steps = elbo_arena_take(c->arena, n, sizeof *c->steps);
    for (size_t t = 0; t < n; t++)
        c->steps[t] = draw_step(&c->sys, &rng, c->arena);
    c->sys.steps = c->steps;

    gsl_matrix *P0 = elbo_arena_mat(c->arena, nx, nx);

    fill_covariance(P0, 0.5, &rng, c->arena);
    c->sys.P0 = P0;
    c->sys.m0 = normal_vector(nx, &rng, c->arena);
    c->states = elbo_arena_mat(c->arena, T, nx);
    c->x = draw(c, T, c->states, seed);
}

elbo_sequence kalman_case_draw(const kalman_case *c, size_t T, uint64_t seed)
{
    return draw(c, T, elbo_arena_mat(c->arena, T, c->sys.nx), seed);
}

void kalman_case_close(kalman_case *c)
{
    elbo_arena_free(c->arena);
}

void kalman_case_punch(kalman_case *c, holes what, uint64_t seed)
{
    elbo_rng rng = elbo_rng_stream(seed, "holes", 0);
    gsl_matrix *Y = elbo_arena_mat(c->arena, c->T, c->sys.ny);

    gsl_matrix_memcpy(Y, c->x.Y);
    for (size_t t = 0; t < c->T; t++) {
        const bool row =
            (what == ROWS || what == BOTH)
            && (t == 0 || t + 1 == c->T || elbo_rng_uniform(&rng) < 0.3);

        for (size_t i = 0; i < c->sys.ny; i++)
            if (row
                || ((what == CHANNELS || what == BOTH)
                    && elbo_rng_uniform(&rng) < 0.3))
                gsl_matrix_set(Y, t, i, (double)NAN);
    }
    c->x.Y = Y;
}

elbo_kalman *kalman_case_workspace(const kalman_case *c, double steady)
{
    const elbo_kalman_config config = {.steady = steady};
    elbo_kalman *k;

    kalman_ok(elbo_kalman_init(&config, c->sys.nx, c->sys.ny, c->sys.nu, c->T,
                               c->arena, &k));
    kalman_ok(elbo_kalman_model(k, &c->sys));
    return k;
}

void kalman_near(double a, double b, double tolerance, const char *what,
                 size_t t)
{
    ck_assert_msg(fabs(a - b) <= tolerance * fmax(1, fabs(b)),
                  "%s, row %zu: %.17g and %.17g", what, t, a, b);
}

void kalman_near_block(const gsl_matrix *A, const gsl_matrix *P, size_t row,
                       size_t column, double tolerance, const char *what,
                       size_t t)
{
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++)
            kalman_near(gsl_matrix_get(A, i, j),
                        gsl_matrix_get(P, row + i, column + j), tolerance, what,
                        t);
}

const gsl_matrix *kalman_case_penalty(const kalman_case *c, size_t rank,
                                      uint64_t seed)
{
    const size_t nz = c->sys.nx + c->sys.nu + 1;
    elbo_rng rng = elbo_rng_stream(seed, "penalty", 0);
    gsl_matrix *B = elbo_arena_mat(c->arena, nz, rank);
    gsl_matrix *V = elbo_arena_mat(c->arena, nz, nz);

    fill_normal(B, 0.7, &rng);
    gsl_blas_dsyrk(CblasLower, CblasNoTrans, 1, B, 0, V);
    elbo_sym_from_lower(V);
    return V;
}

/* ---- the dense way ---- */

size_t dense_x(const dense_posterior *p, size_t t)
{
    return t * p->nx;
}

size_t dense_y(const dense_posterior *p, size_t t)
{
    return p->T * p->nx + t * p->ny;
}

static gsl_matrix block(gsl_matrix *P, size_t i, size_t j, size_t n, size_t m)
{
    return gsl_matrix_submatrix(P, i, j, n, m).matrix;
}

/* Cov(x_t, x_s) = A_(t-1) .. A_s P_s for s <= t */
static void prior_of_states(const kalman_case *c, dense_posterior *p)
{
    const elbo_lgssm *s = &c->sys;

    for (size_t t = 0; t < c->T; t++) {
        gsl_matrix own = block(p->P, t * s->nx, t * s->nx, s->nx, s->nx);
        gsl_vector m = gsl_vector_subvector(p->mean, t * s->nx, s->nx).vector;

        if (t == 0) {
            gsl_matrix_memcpy(&own, s->P0);
            gsl_vector_memcpy(&m, s->m0);
            continue;
        }

        const elbo_lgssm_step *then = step_of(s, t - 1);
        const gsl_vector before =
            gsl_vector_subvector(p->mean, (t - 1) * s->nx, s->nx).vector;
        gsl_matrix left = block(p->P, t * s->nx, 0, s->nx, t * s->nx);
        gsl_matrix up = block(p->P, 0, t * s->nx, t * s->nx, s->nx);
        gsl_matrix above = block(p->P, (t - 1) * s->nx, 0, s->nx, t * s->nx);
        gsl_matrix near = block(p->P, t * s->nx, (t - 1) * s->nx, s->nx, s->nx);

        affine(then->A, &before, then->B, c->x.U, t - 1, then->b, &m);
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, then->A, &above, 0,
                       &left);
        gsl_matrix_transpose_memcpy(&up, &left);
        gsl_matrix_memcpy(&own, then->Q);
        gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, &near, then->A, 1, &own);
    }
}

static void prior_of_outputs(const kalman_case *c, dense_posterior *p)
{
    const elbo_lgssm *s = &c->sys;
    const size_t nx = c->T * s->nx, ny = c->T * s->ny;

    for (size_t t = 0; t < c->T; t++) {
        const elbo_lgssm_step *now = step_of(s, t);
        gsl_matrix from = block(p->P, t * s->nx, 0, s->nx, nx);
        gsl_matrix left = block(p->P, nx + t * s->ny, 0, s->ny, nx);
        const gsl_vector x =
            gsl_vector_subvector(p->mean, t * s->nx, s->nx).vector;
        gsl_vector y =
            gsl_vector_subvector(p->mean, nx + t * s->ny, s->ny).vector;

        affine(now->C, &x, now->D, c->x.U, t, now->d, &y);
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, now->C, &from, 0, &left);
    }

    gsl_matrix up = block(p->P, 0, nx, nx, ny),
               left = block(p->P, nx, 0, ny, nx);

    gsl_matrix_transpose_memcpy(&up, &left);
    for (size_t t = 0; t < c->T; t++) {
        const elbo_lgssm_step *now = step_of(s, t);
        gsl_matrix from = block(p->P, nx, t * s->nx, ny, s->nx);
        gsl_matrix to = block(p->P, nx, nx + t * s->ny, ny, s->ny);
        gsl_matrix own =
            block(p->P, nx + t * s->ny, nx + t * s->ny, s->ny, s->ny);

        gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, &from, now->C, 0, &to);
        gsl_matrix_add(&own, now->R);
    }
}

/* Condition on y_o = values at places o[n]: with L L' = P_oo, X = L^-1 P_o. */
static void condition(dense_posterior *p, const size_t o[],
                      const double values[], size_t n, elbo_arena *arena)
{
    const size_t N = p->mean->size;
    const elbo_mark mark = elbo_arena_mark(arena);
    gsl_matrix *L = elbo_arena_mat(arena, n, n),
               *X = elbo_arena_mat(arena, n, N);
    gsl_vector *e = elbo_arena_vec(arena, n);

    if (n == 0) return;
    for (size_t i = 0; i < n; i++) {
        gsl_vector row = gsl_matrix_row(p->P, o[i]).vector;

        gsl_matrix_set_row(X, i, &row);
        for (size_t j = 0; j < n; j++)
            gsl_matrix_set(L, i, j, gsl_matrix_get(p->P, o[i], o[j]));
        gsl_vector_set(e, i, values[i] - gsl_vector_get(p->mean, o[i]));
    }
    kalman_ok(elbo_chol(L));
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, 1, L, X);
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, L, e);
    gsl_blas_dgemv(CblasTrans, 1, X, e, 1, p->mean);
    gsl_blas_dsyrk(CblasLower, CblasTrans, -1, X, 1, p->P);
    elbo_sym_from_lower(p->P);

    const double size = gsl_blas_dnrm2(e);

    p->loglik -=
        0.5 * ((double)n * log_2pi + elbo_chol_logdet(L) + size * size);
    elbo_arena_release(arena, mark);
}

/* One factor exp(-1/2 z'Vz) after the other, as values 0 of V^1/2 z seen
 * without noise beyond 1: with V = sum_k v_k e_k e_k', exp(-1/2 v (e'z)^2) is
 * sqrt(2 pi) N(0; sqrt(v) e'z, 1). */
static void penalise(const kalman_case *c, dense_posterior *p,
                     const gsl_matrix *V, size_t t, elbo_arena *arena)
{
    const size_t nz = V->size1, N = p->mean->size, nx = c->sys.nx;
    const elbo_mark mark = elbo_arena_mark(arena);
    gsl_matrix *W = elbo_arena_mat(arena, nz, nz);
    gsl_vector *values = elbo_arena_vec(arena, nz),
               *g = elbo_arena_vec(arena, N);

    gsl_matrix_memcpy(W, V);
    kalman_ok(elbo_eig_sym(W, values, arena));
    for (size_t k = 0; k < nz; k++) {
        const double root = sqrt(fmax(gsl_vector_get(values, k), 0));
        const gsl_vector e = gsl_matrix_row(W, k).vector;
        double mean = gsl_vector_get(&e, nz - 1), S = 1;

        for (size_t i = 0; i < c->sys.nu; i++)
            mean += gsl_vector_get(&e, nx + i) * gsl_matrix_get(c->x.U, t, i);
        for (size_t i = 0; i < nx; i++)
            mean += gsl_vector_get(&e, i)
                    * gsl_vector_get(p->mean, dense_x(p, t) + i);
        gsl_vector_set_zero(g);
        for (size_t i = 0; i < nx; i++) {
            const gsl_vector row =
                gsl_matrix_row(p->P, dense_x(p, t) + i).vector;

            gsl_blas_daxpy(root * gsl_vector_get(&e, i), &row, g);
        }
        for (size_t i = 0; i < nx; i++)
            S += root * gsl_vector_get(&e, i)
                 * gsl_vector_get(g, dense_x(p, t) + i);
        p->loglik -= 0.5 * (log(S) + root * root * mean * mean / S);
        gsl_blas_daxpy(-root * mean / S, g, p->mean);
        gsl_blas_dsyr(CblasLower, -1 / S, g, p->P);
        elbo_sym_from_lower(p->P);
    }
    elbo_arena_release(arena, mark);
}

dense_posterior dense_condition(const kalman_case *c, elbo_arena *arena)
{
    const elbo_lgssm *s = &c->sys;
    const size_t N = c->T * (s->nx + s->ny);
    dense_posterior p = {.nx = s->nx,
                         .ny = s->ny,
                         .T = c->T,
                         .mean = elbo_arena_vec(arena, N),
                         .P = elbo_arena_mat(arena, N, N)};
    size_t *o = elbo_arena_sizes(arena, c->T * s->ny), n = 0;
    double *values = elbo_arena_doubles(arena, c->T * s->ny);

    prior_of_states(c, &p);
    prior_of_outputs(c, &p);
    for (size_t t = 0; t < c->T; t++) {
        bool seen = false;

        for (size_t i = 0; i < s->ny; i++) {
            const double y = gsl_matrix_get(c->x.Y, t, i);

            if (isnan(y)) continue;
            seen = true;
            o[n] = dense_y(&p, t) + i;
            values[n++] = y;
        }
        if (s->transition_penalty && t + 1 < c->T)
            penalise(c, &p, s->transition_penalty, t, arena);
        if (s->emission_penalty && seen)
            penalise(c, &p, s->emission_penalty, t, arena);
    }
    condition(&p, o, values, n, arena);
    return p;
}

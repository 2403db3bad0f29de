#include <gsl/gsl_blas.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "inference/messages/i2c_state.h"

gsl_matrix elbo_i2c_window(double *data, size_t t, size_t rows, size_t cols)
{
    return gsl_matrix_view_array(data + t * rows * cols, rows, cols).matrix;
}

gsl_vector elbo_i2c_row(double *data, size_t t, size_t n)
{
    return gsl_vector_view_array(data + t * n, n).vector;
}

/* exp(-d' (A + B)^-1 d / 2) */
static elbo_status closeness(const gsl_vector *d, const gsl_matrix *A,
                             const gsl_matrix *B, double *out, elbo_arena *ws)
{
    gsl_matrix *const L = elbo_arena_mat(ws, d->size, d->size);
    gsl_vector *const e = elbo_arena_vec(ws, d->size);
    double square;

    ELBO_TRY(elbo_arena_check(ws, "i2c: a distance"));
    *out = 1;
    if (gsl_vector_isnull(d)) return ELBO_OK; /* also where x is a point */
    gsl_matrix_memcpy(L, A);
    gsl_matrix_add(L, B);
    gsl_vector_memcpy(e, d);
    ELBO_TRY(elbo_chol(L));
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, L, e);
    gsl_blas_ddot(e, e, &square);
    *out = exp(-0.5 * square);
    return ELBO_OK;
}

/* S = [Sx, Sx G'; G Sx, R + G Sx G'], R given in the last block of S */
static void close_loop(const gsl_matrix *Sx, const gsl_matrix *G, gsl_matrix *S)
{
    const size_t nx = Sx->size1, nu = G->size1;
    gsl_matrix xx = gsl_matrix_submatrix(S, 0, 0, nx, nx).matrix;
    gsl_matrix ux = gsl_matrix_submatrix(S, nx, 0, nu, nx).matrix;
    gsl_matrix uu = gsl_matrix_submatrix(S, nx, nx, nu, nu).matrix;

    gsl_matrix_memcpy(&xx, Sx);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, G, Sx, 0, &ux);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, &ux, G, 1, &uu);
    elbo_sym_from_lower(S);
}

/* After an iteration: u = mean_u + G (x - mean_x) + N(0, R), G = w K,
 * R = Cov u - G Cov(x, u) */
static elbo_status prior_joint(const elbo_i2c *i2c, size_t t,
                               const gsl_vector *mx, const gsl_matrix *Sx,
                               bool faded, gsl_vector *m, gsl_matrix *S,
                               elbo_arena *ws)
{
    const size_t nx = i2c->p.nx, nu = i2c->p.nu;
    gsl_vector *const d = elbo_arena_vec(ws, nx);
    gsl_matrix *const G = elbo_arena_mat(ws, nu, nx);
    gsl_vector x = gsl_vector_subvector(m, 0, nx).vector;
    gsl_vector u = gsl_vector_subvector(m, nx, nu).vector;
    gsl_matrix R = gsl_matrix_submatrix(S, nx, nx, nu, nu).matrix;

    ELBO_TRY(elbo_arena_check(ws, "i2c: a prior"));
    gsl_vector_memcpy(&x, mx);
    if (i2c->iteration == 0) {
        const gsl_vector_const_view mu = gsl_matrix_const_row(i2c->p.mu, t);

        gsl_vector_memcpy(&u, &mu.vector);
        gsl_matrix_set_zero(G);
        gsl_matrix_memcpy(&R, i2c->p.Sigma_u);
        close_loop(Sx, G, S);
        return ELBO_OK;
    }

    const gsl_vector post = elbo_i2c_row(i2c->mean, t, i2c->n);
    const gsl_matrix cov = elbo_i2c_window(i2c->cov, t, i2c->n, i2c->n);
    const gsl_matrix K = elbo_i2c_window(i2c->K, t, nu, nx);
    const gsl_matrix_const_view xx =
        gsl_matrix_const_submatrix(&cov, 0, 0, nx, nx);
    const gsl_matrix_const_view xu =
        gsl_matrix_const_submatrix(&cov, 0, nx, nx, nu);
    const gsl_matrix_const_view uu =
        gsl_matrix_const_submatrix(&cov, nx, nx, nu, nu);
    double w = 1;

    memcpy(d->data, post.data, nx * sizeof(double));
    memcpy(u.data, post.data + nx, nu * sizeof(double));
    gsl_vector_scale(d, -1);
    gsl_vector_add(d, mx);
    if (faded) ELBO_TRY(closeness(d, &xx.matrix, Sx, &w, ws));
    gsl_matrix_memcpy(G, &K);
    gsl_matrix_scale(G, w);
    gsl_blas_dgemv(CblasNoTrans, 1, G, d, 1, &u);
    gsl_matrix_memcpy(&R, &uu.matrix);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, -1, G, &xu.matrix, 1, &R);
    close_loop(Sx, G, S);
    return ELBO_OK;
}

elbo_status elbo_i2c_prior(const elbo_i2c *i2c, size_t t, const gsl_vector *mx,
                           const gsl_matrix *Sx, bool faded, gsl_vector *m,
                           gsl_matrix *S, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = prior_joint(i2c, t, mx, Sx, faded, m, S, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* m, P become those given that goal = h + N(0, alpha V); *evidence += its log
 * density. Sz = L L', G = L \ C':  m += G' (L \ e),  P -= G' G */
static elbo_status meet(const elbo_transform *rule, const elbo_map *h,
                        const gsl_vector *goal, double alpha,
                        const gsl_matrix *V, gsl_vector *m, gsl_matrix *P,
                        double *evidence, elbo_arena *ws)
{
    elbo_image z = elbo_image_of(h, ws);
    gsl_matrix *const G = elbo_arena_mat(ws, h->ny, h->nx);
    gsl_matrix *const R = elbo_arena_mat(ws, h->ny, h->ny);
    double square;

    ELBO_TRY(elbo_arena_check(ws, "i2c: a goal"));
    ELBO_TRY(elbo_transform_moments(rule, h, m, P, &z, ws));
    gsl_matrix_memcpy(R, V);
    gsl_matrix_scale(R, alpha);
    gsl_matrix_add(z.cov, R);
    ELBO_TRY(elbo_chol(z.cov));
    gsl_vector_scale(z.mean, -1);
    gsl_vector_add(z.mean, goal);
    gsl_matrix_transpose_memcpy(G, z.cross);
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, z.cov, z.mean);
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, 1, z.cov,
                   G);
    gsl_blas_ddot(z.mean, z.mean, &square);
    *evidence -=
        0.5
        * ((double)h->ny * log(2 * M_PI) + elbo_chol_logdet(z.cov) + square);
    gsl_blas_dgemv(CblasTrans, 1, G, z.mean, 1, m);
    gsl_blas_dsyrk(CblasLower, CblasTrans, -1, G, 1, P);
    elbo_sym_from_lower(P);
    return ELBO_OK;
}

/* (x, u) at t meets its goal, and the dynamics predict x' */
static elbo_status filter_step(elbo_i2c *i2c, size_t t, const gsl_vector *mx,
                               const gsl_matrix *Sx, double *evidence,
                               elbo_arena *ws)
{
    const elbo_i2c_problem *const p = &i2c->p;
    const size_t n = i2c->n, nx = p->nx;
    gsl_vector m1 = elbo_i2c_row(i2c->m1, t, n);
    gsl_matrix S1 = elbo_i2c_window(i2c->S1, t, n, n);
    gsl_vector m3 = elbo_i2c_row(i2c->m3, t, nx);
    gsl_matrix S3 = elbo_i2c_window(i2c->S3, t, nx, nx);
    gsl_matrix C = elbo_i2c_window(i2c->C, t, n, nx);
    elbo_image next = {&m3, &S3, &C};

    ELBO_TRY(elbo_i2c_prior(i2c, t, mx, Sx, i2c->config.fade, &m1, &S1, ws));
    ELBO_TRY(meet(&i2c->joint, &p->h, p->goal, i2c->alpha, i2c->V, &m1, &S1,
                  evidence, ws));
    ELBO_TRY(elbo_transform_moments(&i2c->joint, &p->f, &m1, &S1, &next, ws));
    gsl_matrix_add(&S3, p->Sigma);
    return ELBO_OK;
}

elbo_status elbo_i2c_filter(elbo_i2c *i2c, double *evidence, elbo_arena *ws)
{
    const elbo_i2c_problem *const p = &i2c->p;
    const size_t nx = p->nx;
    gsl_vector end = elbo_i2c_row(i2c->end_mean, 0, nx);
    gsl_matrix end_cov = elbo_i2c_window(i2c->end_cov, 0, nx, nx);

    *evidence = 0;
    for (size_t t = 0; t < p->T; t++) {
        const elbo_mark mark = elbo_arena_mark(ws);
        const gsl_vector mx = t ? elbo_i2c_row(i2c->m3, t - 1, nx) : *p->m0;
        const gsl_matrix Sx =
            t ? elbo_i2c_window(i2c->S3, t - 1, nx, nx) : *p->P0;
        const elbo_status s = filter_step(i2c, t, &mx, &Sx, evidence, ws);

        elbo_arena_release(ws, mark);
        if (s != ELBO_OK) return elbo_fail_prefix("i2c: filter, step %zu", t);
    }
    memcpy(end.data, i2c->m3 + (p->T - 1) * nx, nx * sizeof(double));
    memcpy(end_cov.data, i2c->S3 + (p->T - 1) * nx * nx,
           nx * nx * sizeof(double));
    if (p->h_end.ny == 0) return ELBO_OK;

    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = meet(&i2c->last, &p->h_end, p->goal_end, i2c->alpha,
                               i2c->V_end, &end, &end_cov, evidence, ws);

    elbo_arena_release(ws, mark);
    return s == ELBO_OK ? s : elbo_fail_prefix("i2c: filter, end");
}

/* K = Cov(u, x) Cov(x)^-1, k = m_u - K m_x, S = Cov u - K Cov(x, u). Without
 * variance of x (t = 0 from a point) there is nothing to feed back: K = 0. */
static elbo_status controller(elbo_i2c *i2c, size_t t, elbo_arena *ws)
{
    const size_t n = i2c->n, nx = i2c->p.nx, nu = i2c->p.nu;
    const gsl_vector m = elbo_i2c_row(i2c->mean, t, n);
    const gsl_matrix P = elbo_i2c_window(i2c->cov, t, n, n);
    const gsl_matrix_const_view xx =
        gsl_matrix_const_submatrix(&P, 0, 0, nx, nx);
    const gsl_matrix_const_view ux =
        gsl_matrix_const_submatrix(&P, nx, 0, nu, nx);
    const gsl_matrix_const_view uu =
        gsl_matrix_const_submatrix(&P, nx, nx, nu, nu);
    const gsl_vector_const_view x = gsl_vector_const_subvector(&m, 0, nx);
    gsl_matrix K = elbo_i2c_window(i2c->K, t, nu, nx);
    gsl_matrix S = elbo_i2c_window(i2c->S, t, nu, nu);
    gsl_vector k = elbo_i2c_row(i2c->k, t, nu);
    gsl_matrix *const L = elbo_arena_mat(ws, nx, nx);

    ELBO_TRY(elbo_arena_check(ws, "i2c: a controller"));
    gsl_matrix_set_zero(&K);
    if (gsl_matrix_isnull(&xx.matrix) == 0) {
        gsl_matrix_memcpy(L, &xx.matrix);
        ELBO_TRY(elbo_chol(L));
        gsl_matrix_memcpy(&K, &ux.matrix);
        gsl_blas_dtrsm(CblasRight, CblasLower, CblasTrans, CblasNonUnit, 1, L,
                       &K);
        gsl_blas_dtrsm(CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, 1, L,
                       &K);
    }
    memcpy(k.data, m.data + nx, nu * sizeof(double));
    gsl_blas_dgemv(CblasNoTrans, -1, &K, &x.vector, 1, &k);
    gsl_matrix_memcpy(&S, &uu.matrix);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, -1, &K, &ux.matrix, 1, &S);
    elbo_sym_from_lower(&S);
    return ELBO_OK;
}

/* J = C S3^-1:  m = m1 + J (m_x' - m3),  P = (S1 - J S3 J') + J P_x' J' */
static elbo_status smooth_step(elbo_i2c *i2c, size_t t, const gsl_vector *mx,
                               const gsl_matrix *Px, elbo_arena *ws)
{
    const size_t n = i2c->n, nx = i2c->p.nx;
    const gsl_matrix S3 = elbo_i2c_window(i2c->S3, t, nx, nx);
    const gsl_vector m3 = elbo_i2c_row(i2c->m3, t, nx);
    gsl_vector m = elbo_i2c_row(i2c->mean, t, n);
    gsl_matrix P = elbo_i2c_window(i2c->cov, t, n, n);
    gsl_matrix *const L = elbo_arena_mat(ws, nx, nx);
    gsl_matrix *const J = elbo_arena_mat(ws, n, nx); /* C L^-T, then J */
    gsl_matrix *const JP = elbo_arena_mat(ws, n, nx);
    gsl_vector *const d = elbo_arena_vec(ws, nx);

    ELBO_TRY(elbo_arena_check(ws, "i2c: smoother"));
    gsl_matrix_memcpy(L, &S3);
    ELBO_TRY(elbo_chol(L));
    memcpy(J->data, i2c->C + t * n * nx, n * nx * sizeof(double));
    memcpy(m.data, i2c->m1 + t * n, n * sizeof(double));
    memcpy(P.data, i2c->S1 + t * n * n, n * n * sizeof(double));
    gsl_blas_dtrsm(CblasRight, CblasLower, CblasTrans, CblasNonUnit, 1, L, J);
    gsl_blas_dsyrk(CblasLower, CblasNoTrans, -1, J, 1, &P);
    gsl_blas_dtrsm(CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, 1, L, J);
    gsl_vector_memcpy(d, mx);
    gsl_vector_sub(d, &m3);
    gsl_blas_dgemv(CblasNoTrans, 1, J, d, 1, &m);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, J, Px, 0, JP);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, JP, J, 1, &P);
    elbo_sym_from_lower(&P);
    return controller(i2c, t, ws);
}

/* x_T is the target, or the product of N(m, (1 + anneal i) P) and the target:
 * with F = a P, G = F (F + target)^-1:  m += G (target - m),  P = F - G F */
static elbo_status aim(elbo_i2c *i2c, gsl_vector *m, gsl_matrix *P,
                       elbo_arena *ws)
{
    const elbo_i2c_problem *const p = &i2c->p;
    gsl_matrix *const L = elbo_arena_mat(ws, p->nx, p->nx);
    gsl_matrix *const G = elbo_arena_mat(ws, p->nx, p->nx); /* L \ F */
    gsl_vector *const d = elbo_arena_vec(ws, p->nx);

    ELBO_TRY(elbo_arena_check(ws, "i2c: a target"));
    if (i2c->config.anneal <= 0) {
        gsl_vector_memcpy(m, p->target);
        gsl_matrix_memcpy(P, p->target_cov);
        return ELBO_OK;
    }
    gsl_matrix_scale(P, 1 + i2c->config.anneal * (double)i2c->iteration);
    gsl_matrix_memcpy(L, P);
    gsl_matrix_add(L, p->target_cov);
    ELBO_TRY(elbo_chol(L));
    gsl_matrix_memcpy(G, P);
    gsl_vector_memcpy(d, p->target);
    gsl_vector_sub(d, m);
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, L, d);
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, 1, L, G);
    gsl_blas_dgemv(CblasTrans, 1, G, d, 1, m);
    gsl_blas_dsyrk(CblasLower, CblasTrans, -1, G, 1, P);
    elbo_sym_from_lower(P);
    return ELBO_OK;
}

elbo_status elbo_i2c_smooth(elbo_i2c *i2c, elbo_arena *ws)
{
    const elbo_i2c_problem *const p = &i2c->p;
    const size_t nx = p->nx, n = i2c->n;
    gsl_vector end = elbo_i2c_row(i2c->end_mean, 0, nx);
    gsl_matrix end_cov = elbo_i2c_window(i2c->end_cov, 0, nx, nx);

    if (p->target) ELBO_TRY(aim(i2c, &end, &end_cov, ws));
    for (size_t t = p->T; t-- > 0;) {
        const elbo_mark mark = elbo_arena_mark(ws);
        gsl_vector mx = end;
        gsl_matrix Px = end_cov;

        if (t + 1 < p->T) {
            gsl_vector row = elbo_i2c_row(i2c->mean, t + 1, n);
            gsl_matrix P = elbo_i2c_window(i2c->cov, t + 1, n, n);

            mx = gsl_vector_subvector(&row, 0, nx).vector;
            Px = gsl_matrix_submatrix(&P, 0, 0, nx, nx).matrix;
        }

        const elbo_status s = smooth_step(i2c, t, &mx, &Px, ws);

        elbo_arena_release(ws, mark);
        if (s != ELBO_OK) return elbo_fail_prefix("i2c: smoother, step %zu", t);
    }
    return ELBO_OK;
}

static elbo_status expected_cost(const elbo_transform *rule, const elbo_map *h,
                                 const gsl_vector *goal, const gsl_matrix *W,
                                 const gsl_vector *m, const gsl_matrix *P,
                                 double *cost, elbo_arena *ws)
{
    elbo_image z = elbo_image_of(h, ws);

    ELBO_TRY(elbo_arena_check(ws, "i2c: a cost"));
    ELBO_TRY(elbo_transform_moments(rule, h, m, P, &z, ws));
    gsl_vector_sub(z.mean, goal);
    gsl_blas_dger(1, z.mean, z.mean, z.cov);
    *cost = 0; /* tr W E (z - goal)(z - goal)' */
    for (size_t i = 0; i < h->ny; i++)
        for (size_t j = 0; j < h->ny; j++)
            *cost += gsl_matrix_get(W, i, j) * gsl_matrix_get(z.cov, i, j);
    return ELBO_OK;
}

elbo_status elbo_i2c_cost(const elbo_transform *rule, const elbo_map *h,
                          const gsl_vector *goal, const gsl_matrix *W,
                          const gsl_vector *m, const gsl_matrix *P,
                          double *cost, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = expected_cost(rule, h, goal, W, m, P, cost, ws);

    elbo_arena_release(ws, mark);
    return s;
}

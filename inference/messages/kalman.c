/* inference/messages/kalman.c -- the workspace, the model, the sequence. */
#include "inference/messages/kalman.h"

#include <assert.h>
#include <math.h>

#include "inference/messages/kalman_parts.h"

const elbo_kalman_config elbo_kalman_defaults = {.steady = 0};

static const double lost_pivot = 1e-14; /* of its diagonal element */
static const double zero_value = 1e-14; /* times n: of scaled eigenvalues */
static const double negative_value = 1e-8;

static elbo_kalman_slots slots(elbo_arena *arena, size_t T, size_t rows,
                               size_t cols)
{
    const gsl_matrix *all = elbo_dense_mat(arena, T * rows, cols);

    return (elbo_kalman_slots){all ? all->data : NULL, rows, cols};
}

static elbo_kalman_root root_init(elbo_arena *arena, size_t n)
{
    return (elbo_kalman_root){.U = elbo_dense_mat(arena, n, n),
                              .inverse = elbo_dense_mat(arena, n, n)};
}

static double *padded(elbo_arena *arena, size_t n)
{
    gsl_matrix *row = elbo_dense_mat(arena, 1, n);

    return row ? row->data : NULL;
}

static void take_model(elbo_kalman *k, elbo_arena *arena)
{
    const size_t nx = k->nx, ny = k->ny, nu = k->nu, nz = k->nz;

    k->A = elbo_dense_mat(arena, nx, nx);
    k->At = elbo_dense_mat(arena, nx, nx);
    k->Q = elbo_dense_mat(arena, nx, nx);
    k->P0 = elbo_dense_mat(arena, nx, nx);
    k->Ct = elbo_dense_mat(arena, nx, ny);
    k->R = elbo_dense_mat(arena, ny, ny);
    k->Ur = elbo_dense_mat(arena, ny, ny);
    k->Uri = elbo_dense_mat(arena, ny, ny);
    k->RiC = elbo_dense_mat(arena, ny, nx);
    k->Bt = elbo_dense_mat(arena, nu, nx);
    k->Dt = elbo_dense_mat(arena, nu, ny);
    k->b = padded(arena, nx);
    k->m0 = padded(arena, nx);
    k->d = padded(arena, ny);
    for (size_t i = 1; i < 4; i++) {
        k->penalty[i].V = elbo_dense_mat(arena, nz, nz);
        k->penalty[i].O = elbo_dense_mat(arena, nx, nx);
        k->penalty[i].informed = elbo_dense_mat(arena, nx, nx);
    }
}

static void take_results(elbo_kalman *k, elbo_arena *arena)
{
    const size_t nx = k->nx, ny = k->ny, T = k->capacity;

    k->Kt = slots(arena, T, ny, nx);
    k->Ui = slots(arena, T, ny, ny);
    k->P = slots(arena, T, nx, nx);
    k->Jt = slots(arena, T, nx, nx);
    k->E = slots(arena, T, nx, nx);
    k->logdet = elbo_arena_doubles(arena, T);
    k->whole = elbo_arena_take(arena, T, sizeof *k->whole);
    k->informed = elbo_arena_take(arena, T, sizeof *k->informed);
    k->back = elbo_arena_sizes(arena, T);
    k->row_seen = elbo_arena_sizes(arena, T);
    k->predicted = elbo_dense_mat(arena, T, nx);
    k->m = elbo_dense_mat(arena, T, nx);
    k->Z = elbo_dense_mat(arena, T, k->nz);
    k->sum = elbo_dense_mat(arena, nx, nx);
    k->lag = elbo_dense_mat(arena, nx, nx);
}

static void take_scratch(elbo_kalman *k, elbo_arena *arena)
{
    const size_t nx = k->nx, ny = k->ny, nz = k->nz;
    gsl_matrix **const square[] = {&k->S,  &k->S_before, &k->P_now, &k->F,
                                   &k->n1, &k->n2,       &k->n3,    &k->xx};

    for (size_t i = 0; i < sizeof square / sizeof *square; i++)
        *square[i] = elbo_dense_mat(arena, nx, nx);
    k->root = root_init(arena, nx);
    k->of_x = root_init(arena, nx);
    k->of_y = root_init(arena, ny);
    k->H = elbo_dense_mat(arena, nx, ny);
    k->Ct_seen = elbo_dense_mat(arena, nx, ny);
    k->V = elbo_dense_mat(arena, ny, nx);
    k->VZ = elbo_dense_mat(arena, ny, nx);
    k->Us = elbo_dense_mat(arena, ny, ny);
    k->Ur_seen = elbo_dense_mat(arena, ny, ny);
    k->R_seen = elbo_dense_mat(arena, ny, ny);
    k->Y = elbo_dense_mat(arena, k->capacity, ny);
    k->Rom = elbo_dense_mat(arena, ny, ny);
    k->Gt = elbo_dense_mat(arena, ny, ny);
    k->Ft = elbo_dense_mat(arena, nx, ny);
    k->FP = elbo_dense_mat(arena, ny, nx);
    k->within = elbo_dense_mat(arena, ny, ny);
    k->yy = elbo_dense_mat(arena, ny, ny);
    k->zz = elbo_dense_mat(arena, nz, nz);
    k->xz = elbo_dense_mat(arena, nx, nz);
    k->yz = elbo_dense_mat(arena, ny, nz);
    k->seen = elbo_arena_sizes(arena, ny);
    k->lost = elbo_arena_sizes(arena, ny);
    k->row_e = padded(arena, ny);
    k->row_w = padded(arena, ny);
    k->row_x = padded(arena, nx);
    k->row_z = padded(arena, nz);
    k->row_v = padded(arena, nz);
}

/* What eigen_root takes, and the views of a vector and a matrix. */
static size_t root_room(size_t n)
{
    enum { VIEWS = 8 * 64 };

    return (n * n + 2 * n) * sizeof(double) + elbo_eig_sym_room(n) + VIEWS;
}

elbo_status elbo_kalman_init(const elbo_kalman_config *config, size_t nx,
                             size_t ny, size_t nu, size_t T, elbo_arena *arena,
                             elbo_kalman **out)
{
    elbo_kalman *k = elbo_arena_take(arena, 1, sizeof *k);

    assert(nx >= 1 && ny >= 1 && T >= 1 && config->steady >= 0);
    ELBO_TRY(elbo_arena_check(arena, "kalman"));
    *k = (elbo_kalman){.nx = nx,
                       .ny = ny,
                       .nu = nu,
                       .nz = nx + nu + 1,
                       .capacity = T,
                       .config = *config,
                       .scratch =
                           elbo_arena_within(arena, root_room(nx > ny ? nx : ny))};
    take_model(k, arena);
    take_results(k, arena);
    take_scratch(k, arena);
    ELBO_TRY(elbo_arena_check(arena, "kalman"));
    *out = k;
    return ELBO_OK;
}

/* S = D^1/2 V' diag(values) V D^1/2 with D the diagonal of S. */
static elbo_status eigen_root(const gsl_matrix *S, elbo_kalman_root *root,
                              elbo_arena *scratch)
{
    const size_t n = S->size1;
    gsl_matrix *V = elbo_arena_mat(scratch, n, n);
    gsl_vector *values = elbo_arena_vec(scratch, n);
    double *scale = elbo_arena_doubles(scratch, n);

    ELBO_TRY(elbo_arena_check(scratch, "kalman: root"));
    for (size_t i = 0; i < n; i++) {
        const double s = gsl_matrix_get(S, i, i);

        scale[i] = s > 0 ? sqrt(s) : 0;
        for (size_t j = 0; j <= i; j++) {
            const double both = scale[i] * scale[j],
                         x = gsl_matrix_get(S, i, j);

            if (!(both > 0) && x != 0)
                return ELBO_FAIL(isfinite(x) ? ELBO_ENOTPD : ELBO_ENOTFINITE,
                                 "element (%zu, %zu) is %g", i, j, x);
            gsl_matrix_set(V, i, j, both > 0 ? x / both : 0);
        }
    }
    ELBO_TRY(elbo_eig_sym(V, values, scratch));
    gsl_matrix_set_zero(root->inverse);
    for (size_t v = 0; v < n; v++) {
        const double value = gsl_vector_get(values, v);
        const bool kept = value > zero_value * (double)n;

        if (value < -negative_value)
            return ELBO_FAIL(ELBO_ENOTPD, "eigenvalue %g of the correlations",
                             value);
        for (size_t i = 0; i < n; i++) {
            const double x = gsl_matrix_get(V, v, i);

            gsl_matrix_set(root->U, v, i,
                           kept ? sqrt(value) * x * scale[i] : 0);
            for (size_t j = 0; kept && j < n; j++)
                if (scale[i] > 0 && scale[j] > 0)
                    root->inverse->data[i * root->inverse->tda + j] +=
                        x / scale[i] * gsl_matrix_get(V, v, j) / scale[j]
                        / value;
        }
    }
    return ELBO_OK;
}

elbo_status elbo_kalman_root_of(const gsl_matrix *S, elbo_kalman_root *root,
                                elbo_arena *scratch)
{
    const elbo_mark mark = elbo_arena_mark(scratch);

    elbo_dense_copy(root->U, S);
    root->triangular = elbo_dense_chol(root->U, lost_pivot);
    if (root->triangular) return ELBO_OK;

    const elbo_status s = eigen_root(S, root, scratch);

    elbo_arena_release(scratch, mark);
    return s;
}

static elbo_status finite(const gsl_matrix *A, const char *name)
{
    for (size_t i = 0; A && i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++)
            if (!isfinite(A->data[i * A->tda + j]))
                return ELBO_FAIL(ELBO_ENOTFINITE, "kalman: %s(%zu, %zu) is %g",
                                 name, i, j, A->data[i * A->tda + j]);
    return ELBO_OK;
}

static elbo_status take_vector(const gsl_vector *from, size_t n, double to[],
                               const char *name)
{
    assert(!from || from->size == n);
    for (size_t i = 0; i < n; i++) {
        to[i] = from ? gsl_vector_get(from, i) : 0;
        if (!isfinite(to[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "kalman: %s(%zu) is %g", name, i,
                             to[i]);
    }
    return ELBO_OK;
}

/* The root of a covariance that the model brings; it may be singular. */
static elbo_status covariance(elbo_kalman *k, const gsl_matrix *S,
                              const char *name, elbo_kalman_root *root)
{
    ELBO_TRY(finite(S, name));
    if (elbo_kalman_root_of(S, root, k->scratch) != ELBO_OK)
        return elbo_fail_prefix("kalman: %s", name);
    return ELBO_OK;
}

static elbo_status take_step(elbo_kalman *k, const elbo_lgssm_step *step)
{
    ELBO_TRY(finite(step->A, "A"));
    ELBO_TRY(finite(step->B, "B"));
    ELBO_TRY(finite(step->C, "C"));
    ELBO_TRY(finite(step->D, "D"));
    elbo_dense_copy(k->A, step->A);
    elbo_dense_copy_transposed(k->At, step->A);
    elbo_dense_copy(k->Q, step->Q);
    elbo_dense_copy_transposed(k->Ct, step->C);
    elbo_dense_copy(k->R, step->R);
    gsl_matrix_set_zero(k->Bt);
    gsl_matrix_set_zero(k->Dt);
    if (step->B) elbo_dense_copy_transposed(k->Bt, step->B);
    if (step->D) elbo_dense_copy_transposed(k->Dt, step->D);
    ELBO_TRY(take_vector(step->b, k->nx, k->b, "b"));
    ELBO_TRY(take_vector(step->d, k->ny, k->d, "d"));
    ELBO_TRY(covariance(k, k->Q, "Q", &k->of_x));
    ELBO_TRY(covariance(k, k->R, "R", &k->of_y));
    elbo_dense_copy(k->Ur, k->of_y.U);
    k->Ur_triangular = k->of_y.triangular;
    return ELBO_OK;
}

elbo_status elbo_kalman_prepare(elbo_kalman *k, size_t t)
{
    if (k->sys->varying == 0) return ELBO_OK;
    if (take_step(k, &k->sys->steps[t]) != ELBO_OK)
        return elbo_fail_prefix("row %zu", t);
    return ELBO_OK;
}

static elbo_status take_penalty(elbo_kalman *k, size_t kind,
                                const gsl_matrix *first,
                                const gsl_matrix *second)
{
    elbo_kalman_penalty *const p = &k->penalty[kind];

    p->some = first || second;
    p->is_informed = false;
    gsl_matrix_set_zero(p->V);
    for (size_t i = 0; i < k->nz; i++)
        for (size_t j = 0; j < k->nz; j++)
            p->V->data[i * p->V->tda + j] =
                (first ? gsl_matrix_get(first, i, j) : 0)
                + (second ? gsl_matrix_get(second, i, j) : 0);
    if (!p->some) return ELBO_OK;
    ELBO_TRY(finite(p->V, "penalty"));

    const gsl_matrix xx = elbo_kalman_part(*p->V, k->nx, k->nx);

    elbo_dense_copy(k->n1, &xx);
    ELBO_TRY(covariance(k, k->n1, "penalty", &k->of_x));
    elbo_dense_copy(p->O, k->of_x.U);
    p->is_informed =
        (kind & ELBO_ON_EMISSION) && k->sys->varying == 0 && k->Ur_triangular;
    if (!p->is_informed) return ELBO_OK;
    elbo_dense_nn(ELBO_DENSE_ADD, k->Ct, k->RiC, k->n1);
    elbo_dense_symmetrise(k->n1);
    ELBO_TRY(covariance(k, k->n1, "information", &k->of_x));
    elbo_dense_copy(p->informed, k->of_x.U);
    return ELBO_OK;
}

/* R^-1 C and the inverse root of R. */
static void take_information(elbo_kalman *k)
{
    elbo_dense_copy_transposed(k->RiC, k->Ct);
    elbo_dense_solve_transposed(k->Ur, k->RiC);
    elbo_dense_solve(k->Ur, k->RiC);
    gsl_matrix_set_zero(k->Uri);
    for (size_t i = 0; i < k->ny; i++) k->Uri->data[i * k->Uri->tda + i] = 1;
    elbo_dense_solve(k->Ur, k->Uri);
    k->logdetR = elbo_dense_logdiag(k->Ur);
}

static elbo_status take(elbo_kalman *k, const elbo_lgssm *sys)
{
    const gsl_matrix *f = sys->transition_penalty, *g = sys->emission_penalty;

    if (sys->varying == 0) {
        ELBO_TRY(take_step(k, &sys->steps[0]));
        if (k->Ur_triangular && (f || g)) take_information(k);
    }
    ELBO_TRY(take_vector(sys->m0, k->nx, k->m0, "m0"));
    elbo_dense_copy(k->P0, sys->P0);
    ELBO_TRY(covariance(k, k->P0, "P0", &k->of_x));
    ELBO_TRY(take_penalty(k, ELBO_ON_TRANSITION, f, NULL));
    ELBO_TRY(take_penalty(k, ELBO_ON_EMISSION, NULL, g));
    return take_penalty(k, ELBO_ON_TRANSITION | ELBO_ON_EMISSION, f, g);
}

elbo_status elbo_kalman_model(elbo_kalman *k, const elbo_lgssm *sys)
{
    assert(sys->nx == k->nx && sys->ny == k->ny && sys->nu == k->nu);
    k->sys = sys;
    k->cached = 0;

    const elbo_status s = take(k, sys);

    if (s != ELBO_OK) k->sys = NULL;
    return s;
}

size_t elbo_kalman_look(elbo_kalman *k, size_t t)
{
    const double *y = k->x.Y->data + t * k->x.Y->tda;
    size_t n = 0;

    for (size_t i = 0; i < k->ny; i++)
        if (!isnan(y[i])) k->seen[n++] = i;
    return n;
}

/* A finite x has 0 x = 0; only a row that has none is looked at by value. */
static elbo_status check_row(const elbo_kalman *k, size_t t)
{
    const double *y = k->x.Y->data + t * k->x.Y->tda;

    for (size_t i = 0; i < k->ny; i++)
        if (isinf(y[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "row %zu: y(%zu) is %g", t, i,
                             y[i]);
    for (size_t i = 0; i < k->nu; i++)
        if (!isfinite(k->x.U->data[t * k->x.U->tda + i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "row %zu: u(%zu) is %g", t, i,
                             k->x.U->data[t * k->x.U->tda + i]);
    return ELBO_OK;
}

static elbo_status enter(elbo_kalman *k, const elbo_sequence *x)
{
    assert(k->sys && x->Y->size1 >= 1 && x->Y->size1 <= k->capacity);
    assert(x->Y->size2 == k->ny && (k->nu == 0 || x->U->size2 == k->nu));
    assert(k->sys->varying == 0 || k->sys->varying >= x->Y->size1);
    k->x = *x;
    k->T = x->Y->size1;
    k->complete = true;
    for (size_t t = 0; t < k->T; t++) {
        ELBO_TRY(check_row(k, t));
        k->row_seen[t] = elbo_kalman_look(k, t);
        if (k->row_seen[t] < k->ny) k->complete = false;
    }
    return ELBO_OK;
}

static void tell(const elbo_kalman *k, elbo_kalman_info *info)
{
    *info = (elbo_kalman_info){.loglik = k->loglik,
                               .steady = k->held < k->T ? k->held + 1 : k->T,
                               .singular = k->singular};
    for (size_t t = 0; t < k->T; t++) {
        info->values += k->row_seen[t];
        if (k->row_seen[t]) info->rows++;
    }
    info->missing = k->T * k->ny - info->values;
}

elbo_status elbo_kalman_filter(elbo_kalman *k, const elbo_sequence *x,
                               elbo_kalman_info *info)
{
    ELBO_TRY(enter(k, x));
    ELBO_TRY(elbo_kalman_forward(k, false));
    k->smoothed = false;
    if (k->complete && k->sys->varying == 0) {
        k->cached = k->T;
        k->cached_smoother = false;
    }
    tell(k, info);
    return ELBO_OK;
}

elbo_status elbo_kalman_smooth(elbo_kalman *k, const elbo_sequence *x,
                               elbo_kalman_info *info)
{
    ELBO_TRY(enter(k, x));
    ELBO_TRY(elbo_kalman_forward(k, true));
    elbo_kalman_backward(k);
    k->smoothed = true;
    tell(k, info);
    return ELBO_OK;
}

const gsl_matrix *elbo_kalman_means(const elbo_kalman *k)
{
    return k->m;
}

gsl_matrix elbo_kalman_covariance(const elbo_kalman *k, size_t t)
{
    assert(t < k->T);
    return k->smoothed ? elbo_kalman_slot(&k->E, k->back[t])
                       : elbo_kalman_slot(&k->P, elbo_kalman_gains(k, t));
}

void elbo_kalman_lag_one(elbo_kalman *k, size_t t, gsl_matrix *out)
{
    const gsl_matrix Jt = elbo_kalman_slot(&k->Jt, elbo_kalman_gains(k, t));
    const gsl_matrix P = elbo_kalman_slot(&k->E, k->back[t + 1]);

    assert(k->smoothed && t + 1 < k->T);
    elbo_dense_nn(ELBO_DENSE_SET, &P, &Jt, k->n1);
    elbo_dense_copy(out, k->n1);
}

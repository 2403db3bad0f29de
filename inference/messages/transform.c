#include "inference/messages/transform.h"

#include <assert.h>
#include <float.h>
#include <gsl/gsl_blas.h>
#include <gsl/gsl_integration.h>
#include <math.h>
#include <string.h>

const elbo_transform_config elbo_transform_defaults = {
    .rule = &elbo_transform_cubature,
    .alpha = 1,
    .beta = 2,
    .kappa = 0,
    .order = 5,
};

static const size_t most_points = 10 * 1000 * 1000;

elbo_status elbo_map_value(const elbo_map *f, const double x[], double y[])
{
    f->value(f->self, x, y);
    for (size_t i = 0; i < f->ny; i++)
        if (!isfinite(y[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "component %zu of the map is %g",
                             i, y[i]);
    return ELBO_OK;
}

/* Column j of J: (f(x + h e_j) - f(x - h e_j)) / 2 h */
static void differences(const elbo_map *f, double x[], double high[],
                        double low[], gsl_matrix *J)
{
    for (size_t j = 0; j < f->nx; j++) {
        const double at = x[j];
        const double h = cbrt(DBL_EPSILON) * fmax(1, fabs(at));

        x[j] = at + h;
        f->value(f->self, x, high);
        x[j] = at - h;
        f->value(f->self, x, low);
        x[j] = at;
        for (size_t i = 0; i < f->ny; i++)
            gsl_matrix_set(J, i, j, (high[i] - low[i]) / ((at + h) - (at - h)));
    }
}

static elbo_status jacobian(const elbo_map *f, const double x[], gsl_matrix *J,
                            elbo_arena *ws)
{
    double *const at = elbo_arena_doubles(ws, f->nx);
    double *const high = elbo_arena_doubles(ws, f->ny);
    double *const low = elbo_arena_doubles(ws, f->ny);

    ELBO_TRY(elbo_arena_check(ws, "a Jacobian"));
    memcpy(at, x, f->nx * sizeof *x);
    differences(f, at, high, low, J);
    return ELBO_OK;
}

elbo_status elbo_map_jacobian(const elbo_map *f, const double x[],
                              gsl_matrix *J, elbo_arena *ws)
{
    assert(J->size1 == f->ny && J->size2 == f->nx && J->tda == f->nx);
    if (f->jacobian) {
        f->jacobian(f->self, x, J->data);
    } else {
        const elbo_mark mark = elbo_arena_mark(ws);
        const elbo_status s = jacobian(f, x, J, ws);

        elbo_arena_release(ws, mark);
        ELBO_TRY(s);
    }
    for (size_t i = 0; i < f->ny; i++)
        for (size_t j = 0; j < f->nx; j++)
            if (!isfinite(gsl_matrix_get(J, i, j)))
                return ELBO_FAIL(ELBO_ENOTFINITE,
                                 "entry (%zu, %zu) of the Jacobian is %g", i, j,
                                 gsl_matrix_get(J, i, j));
    return ELBO_OK;
}

elbo_status elbo_chol_psd(gsl_matrix *A)
{
    const size_t n = A->size1;

    assert(n == A->size2);
    for (size_t j = 0; j < n; j++) {
        const double *const row = gsl_matrix_const_ptr(A, j, 0);
        const double a = row[j], slack = 8 * (double)n * DBL_EPSILON * fabs(a);
        double d = a;

        for (size_t k = 0; k < j; k++) d -= row[k] * row[k];
        if (!(d >= -slack))
            return ELBO_FAIL(ELBO_ENOTPD,
                             "pivot %zu of %zu is %g, the diagonal %g", j + 1,
                             n, d, a);

        const double pivot = d > slack ? sqrt(d) : 0;

        for (size_t i = 0; i < n; i++) {
            double s = gsl_matrix_get(A, i, j);

            if (i > j)
                for (size_t k = 0; k < j; k++)
                    s -= gsl_matrix_get(A, i, k) * row[k];
            gsl_matrix_set(A, i, j,
                           i < j       ? 0
                           : i == j    ? pivot
                           : pivot > 0 ? s / pivot
                                       : 0);
        }
    }
    return ELBO_OK;
}

static elbo_status take_points(elbo_transform *out, size_t n, elbo_arena *arena)
{
    out->n = n;
    out->u = elbo_arena_take(arena, n * out->nx, sizeof *out->u);
    out->weight_m = elbo_arena_doubles(arena, n);
    out->weight_P = elbo_arena_doubles(arena, n);
    return elbo_arena_check(arena, "points of a Gaussian");
}

/* u = +-scale e_i, from point `first` on */
static void star(elbo_transform *out, size_t first, double scale, double weight)
{
    for (size_t i = 0; i < 2 * out->nx; i++) {
        const size_t p = first + i;

        out->u[p * out->nx + i / 2] = i % 2 ? -scale : scale;
        out->weight_m[p] = out->weight_P[p] = weight;
    }
}

static elbo_status unscented(const elbo_transform_config *c,
                             elbo_transform *out, elbo_arena *arena)
{
    const double nx = (double)out->nx;
    const double reach = c->alpha * c->alpha * (nx + c->kappa);
    const double lambda = reach - nx;

    if (!(c->alpha > 0 && reach > 0) || !isfinite(reach + c->beta))
        return ELBO_FAIL(ELBO_EINVAL,
                         "unscented: alpha %g, beta %g, kappa %g for %zu "
                         "dimensions",
                         c->alpha, c->beta, c->kappa, out->nx);
    ELBO_TRY(take_points(out, 2 * out->nx + 1, arena));
    out->weight_m[0] = lambda / reach;
    out->weight_P[0] = lambda / reach + 1 - c->alpha * c->alpha + c->beta;
    star(out, 1, sqrt(reach), 0.5 / reach);
    return ELBO_OK;
}

static elbo_status cubature(const elbo_transform_config *c, elbo_transform *out,
                            elbo_arena *arena)
{
    (void)c;
    ELBO_TRY(take_points(out, 2 * out->nx, arena));
    star(out, 0, sqrt((double)out->nx), 0.5 / (double)out->nx);
    return ELBO_OK;
}

/* Point p has the digits of p in base `order` as its nodes. */
static void grid(elbo_transform *out, size_t order, const double node[],
                 const double weight[])
{
    double total = 0;

    for (size_t i = 0; i < order; i++) total += weight[i];
    for (size_t p = 0; p < out->n; p++) {
        size_t digits = p;
        double w = 1;

        for (size_t i = 0; i < out->nx; i++, digits /= order) {
            out->u[p * out->nx + i] = node[digits % order];
            w *= weight[digits % order] / total;
        }
        out->weight_m[p] = out->weight_P[p] = w;
    }
}

static elbo_status gauss_hermite(const elbo_transform_config *c,
                                 elbo_transform *out, elbo_arena *arena)
{
    size_t n = 1;

    if (c->order == 0) return ELBO_FAIL(ELBO_EINVAL, "gauss_hermite: order 0");
    for (size_t i = 0; i < out->nx; i++) {
        if (n > most_points / c->order)
            return ELBO_FAIL(ELBO_ESIZE,
                             "gauss_hermite: order %zu in %zu dimensions is "
                             "over %zu points",
                             c->order, out->nx, most_points);
        n *= c->order;
    }
    ELBO_TRY(take_points(out, n, arena));

    /* the weight exp(-u^2 / 2) */
    gsl_integration_fixed_workspace *const nodes = gsl_integration_fixed_alloc(
        gsl_integration_fixed_hermite, c->order, 0, 0.5, 0, 0);

    if (!nodes)
        return ELBO_FAIL(ELBO_ENOMEM, "gauss_hermite: order %zu", c->order);
    grid(out, c->order, gsl_integration_fixed_nodes(nodes),
         gsl_integration_fixed_weights(nodes));
    gsl_integration_fixed_free(nodes);
    return ELBO_OK;
}

const elbo_transform_rule elbo_transform_linearised = {
    .name = "linearised",
    .source = "Sarkka 2013, algorithm 5.1",
    .doc = "the map's tangent at the mean",
};
const elbo_transform_rule elbo_transform_unscented = {
    .name = "unscented",
    .source = "Julier and Uhlmann 1995; Sarkka 2013, algorithm 5.12",
    .doc = "2 n + 1 points (alpha, beta, kappa)",
    .points = unscented,
};
const elbo_transform_rule elbo_transform_cubature = {
    .name = "cubature",
    .source = "Arasaratnam and Haykin 2009; Sarkka 2013, algorithm 6.8",
    .doc = "2 n points of equal weight",
    .points = cubature,
};
const elbo_transform_rule elbo_transform_gauss_hermite = {
    .name = "gauss_hermite",
    .source = "Sarkka 2013, algorithm 6.5; nodes of Golub and Welsch 1969",
    .doc = "a grid of order^n points",
    .points = gauss_hermite,
};

const elbo_transform_rule *const elbo_transforms[] = {
    &elbo_transform_linearised,
    &elbo_transform_unscented,
    &elbo_transform_cubature,
    &elbo_transform_gauss_hermite,
    NULL,
};

const elbo_transform_rule *elbo_transform_find(const char *name)
{
    for (size_t i = 0; elbo_transforms[i]; i++)
        if (strcmp(elbo_transforms[i]->name, name) == 0)
            return elbo_transforms[i];
    return NULL;
}

elbo_status elbo_transform_open(const elbo_transform_config *config, size_t nx,
                                elbo_arena *arena, elbo_transform *out)
{
    assert(nx >= 1);
    *out = (elbo_transform){.rule = config->rule, .nx = nx};
    if (!config->rule->points) return ELBO_OK;
    return config->rule->points(config, out, arena);
}

elbo_image elbo_image_of(const elbo_map *f, elbo_arena *arena)
{
    return (elbo_image){
        .mean = elbo_arena_vec(arena, f->ny),
        .cov = elbo_arena_mat(arena, f->ny, f->ny),
        .cross = elbo_arena_mat(arena, f->nx, f->ny),
    };
}

/* mean = f(m), cross = P J', cov = J P J' */
static elbo_status linearised(const elbo_map *f, const gsl_vector *m,
                              const gsl_matrix *P, elbo_image *out,
                              elbo_arena *ws)
{
    gsl_matrix *const J = elbo_arena_mat(ws, f->ny, f->nx);

    ELBO_TRY(elbo_arena_check(ws, "a linearisation"));
    ELBO_TRY(elbo_map_value(f, m->data, out->mean->data));
    ELBO_TRY(elbo_map_jacobian(f, m->data, J, ws));
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, P, J, 0, out->cross);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, J, out->cross, 0, out->cov);
    elbo_sym_from_lower(out->cov);
    return ELBO_OK;
}

/* X_p = L u_p,  Y_p = f(m + X_p) */
static elbo_status evaluate(const elbo_transform *rule, const elbo_map *f,
                            const gsl_vector *m, gsl_matrix *X, gsl_matrix *Y,
                            gsl_vector *x)
{
    for (size_t p = 0; p < rule->n; p++) {
        for (size_t i = 0; i < rule->nx; i++)
            x->data[i] = m->data[i] + gsl_matrix_get(X, p, i);

        const elbo_status s =
            elbo_map_value(f, x->data, gsl_matrix_ptr(Y, p, 0));

        if (s != ELBO_OK) return elbo_fail_prefix("point %zu", p);
    }
    return ELBO_OK;
}

/* mean = sum w Y_p,  cov = sum w (Y_p - mean)(Y_p - mean)',  cross likewise */
static elbo_status by_points(const elbo_transform *rule, const elbo_map *f,
                             const gsl_vector *m, const gsl_matrix *P,
                             elbo_image *out, elbo_arena *ws)
{
    const size_t n = rule->n;
    gsl_matrix *const L = elbo_arena_mat(ws, f->nx, f->nx);
    gsl_matrix *const X = elbo_arena_mat(ws, n, f->nx); /* x - m */
    gsl_matrix *const Y = elbo_arena_mat(ws, n, f->ny); /* y, then y - mean */
    gsl_matrix *const W = elbo_arena_mat(ws, n, f->ny); /* weighted Y */
    gsl_vector *const x = elbo_arena_vec(ws, f->nx);

    ELBO_TRY(elbo_arena_check(ws, "points through a map"));
    gsl_matrix_memcpy(L, P);
    ELBO_TRY(elbo_chol_psd(L));

    const gsl_matrix_const_view U =
        gsl_matrix_const_view_array(rule->u, n, f->nx);
    const gsl_vector_const_view w =
        gsl_vector_const_view_array(rule->weight_m, n);

    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, &U.matrix, L, 0, X);
    ELBO_TRY(evaluate(rule, f, m, X, Y, x));
    gsl_blas_dgemv(CblasTrans, 1, Y, &w.vector, 0, out->mean);
    for (size_t p = 0; p < n; p++)
        for (size_t i = 0; i < f->ny; i++) {
            double *const y = gsl_matrix_ptr(Y, p, i);

            *y -= out->mean->data[i];
            gsl_matrix_set(W, p, i, rule->weight_P[p] * *y);
        }
    gsl_blas_dgemm(CblasTrans, CblasNoTrans, 1, Y, W, 0, out->cov);
    elbo_sym_from_lower(out->cov);
    gsl_blas_dgemm(CblasTrans, CblasNoTrans, 1, X, W, 0, out->cross);
    return ELBO_OK;
}

elbo_status elbo_transform_moments(const elbo_transform *rule,
                                   const elbo_map *f, const gsl_vector *m,
                                   const gsl_matrix *P, elbo_image *out,
                                   elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    assert(rule->nx == f->nx && m->size == f->nx && m->stride == 1);
    assert(P->size1 == f->nx && P->size2 == f->nx);

    const elbo_status s = rule->rule->points ? by_points(rule, f, m, P, out, ws)
                                             : linearised(f, m, P, out, ws);

    elbo_arena_release(ws, mark);
    return s;
}

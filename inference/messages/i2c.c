#include "inference/messages/i2c.h"

#include <assert.h>
#include <gsl/gsl_blas.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "inference/messages/i2c_state.h"

const elbo_i2c_config elbo_i2c_defaults = {
    .transform = {.rule = &elbo_transform_cubature,
                  .alpha = 1,
                  .beta = 2,
                  .kappa = 0,
                  .order = 5},
    .alpha = 1,
    .clip = 0,
    .fade = true,
    .anneal = 0,
};

static elbo_status check(const elbo_i2c_config *c, const elbo_i2c_problem *p)
{
    assert(p->nx > 0 && p->nu > 0 && p->T > 0);
    assert(p->f.nx == p->nx + p->nu && p->f.ny == p->nx);
    assert(p->h.nx == p->nx + p->nu && p->h.ny == p->goal->size);
    assert(p->h_end.ny == 0 || p->h_end.nx == p->nx);
    assert(p->mu->size1 == p->T && p->mu->size2 == p->nu);
    assert((p->target == NULL) == (p->target_cov == NULL));
    if (!(c->alpha > 0) || !isfinite(c->alpha))
        return ELBO_FAIL(ELBO_EINVAL, "i2c: alpha %g", c->alpha);
    if (!(c->clip >= 0 && c->clip <= 1))
        return ELBO_FAIL(ELBO_EINVAL, "i2c: clip %g is not in [0, 1]", c->clip);
    if (!(c->anneal >= 0) || !isfinite(c->anneal))
        return ELBO_FAIL(ELBO_EINVAL, "i2c: anneal %g", c->anneal);
    return ELBO_OK;
}

/* A PD matrix's inverse and log determinant, or its name in the error. */
static elbo_status invert(const gsl_matrix *W, const char *name,
                          gsl_matrix **inverse, double *logdet,
                          elbo_arena *arena)
{
    *inverse = elbo_arena_mat(arena, W->size1, W->size1);
    ELBO_TRY(elbo_arena_check(arena, "i2c: weights"));
    gsl_matrix_memcpy(*inverse, W);
    if (elbo_chol(*inverse) != ELBO_OK)
        return elbo_fail_prefix("i2c: %s", name);
    *logdet = elbo_chol_logdet(*inverse);
    return elbo_chol_inverse(*inverse);
}

static elbo_status factors(elbo_i2c *i2c, elbo_arena *arena)
{
    const elbo_i2c_problem *const p = &i2c->p;
    gsl_matrix *unused;
    double logdet;

    ELBO_TRY(invert(p->W, "W", &i2c->V, &i2c->logdet_W, arena));
    if (p->h_end.ny)
        ELBO_TRY(
            invert(p->W_end, "W_end", &i2c->V_end, &i2c->logdet_end, arena));
    ELBO_TRY(invert(p->Sigma_u, "Sigma_u", &unused, &logdet, arena));
    if (p->target)
        ELBO_TRY(invert(p->target_cov, "target_cov", &unused, &logdet, arena));
    return ELBO_OK;
}

elbo_status elbo_i2c_open(const elbo_i2c_config *config,
                          const elbo_i2c_problem *problem, elbo_arena *arena,
                          elbo_i2c **out)
{
    const elbo_i2c_problem *const p = problem;
    const size_t T = p->T, nx = p->nx, nu = p->nu, n = nx + nu;

    ELBO_TRY(check(config, p));
    *out = elbo_arena_take(arena, 1, sizeof **out);
    ELBO_TRY(elbo_arena_check(arena, "i2c"));

    elbo_i2c *const i2c = *out;

    *i2c = (elbo_i2c){
        .p = *p,
        .config = *config,
        .n = n,
        .alpha = config->alpha,
        .K = elbo_arena_take(arena, T * nu * nx, sizeof(double)),
        .k = elbo_arena_take(arena, T * nu, sizeof(double)),
        .S = elbo_arena_take(arena, T * nu * nu, sizeof(double)),
        .mean = elbo_arena_take(arena, T * n, sizeof(double)),
        .cov = elbo_arena_take(arena, T * n * n, sizeof(double)),
        .end_mean = elbo_arena_take(arena, nx, sizeof(double)),
        .end_cov = elbo_arena_take(arena, nx * nx, sizeof(double)),
        .m1 = elbo_arena_doubles(arena, T * n),
        .S1 = elbo_arena_doubles(arena, T * n * n),
        .m3 = elbo_arena_doubles(arena, T * nx),
        .S3 = elbo_arena_doubles(arena, T * nx * nx),
        .C = elbo_arena_doubles(arena, T * n * nx),
    };
    ELBO_TRY(elbo_arena_check(arena, "i2c: messages"));
    ELBO_TRY(elbo_transform_open(&config->transform, n, arena, &i2c->joint));
    ELBO_TRY(elbo_transform_open(&config->transform, nx, arena, &i2c->last));
    return factors(i2c, arena);
}

/* E cost under the posterior */
static elbo_status costs(elbo_i2c *i2c, elbo_i2c_info *info, elbo_arena *ws)
{
    const elbo_i2c_problem *const p = &i2c->p;
    const gsl_vector end = elbo_i2c_row(i2c->end_mean, 0, p->nx);
    const gsl_matrix end_cov = elbo_i2c_window(i2c->end_cov, 0, p->nx, p->nx);

    for (size_t t = 0; t < p->T; t++) {
        const gsl_vector m = elbo_i2c_row(i2c->mean, t, i2c->n);
        const gsl_matrix P = elbo_i2c_window(i2c->cov, t, i2c->n, i2c->n);
        double cost;

        if (elbo_i2c_cost(&i2c->joint, &p->h, p->goal, p->W, &m, &P, &cost, ws))
            return elbo_fail_prefix("i2c: cost, step %zu", t);
        info->cost += cost;
    }
    if (p->h_end.ny == 0) return ELBO_OK;
    return elbo_i2c_cost(&i2c->last, &p->h_end, p->goal_end, p->W_end, &end,
                         &end_cov, &info->cost_end, ws);
}

/* E log p(goals | tau) at the E-step's alpha */
static double likelihood(const elbo_i2c *i2c, const elbo_i2c_info *info)
{
    const elbo_i2c_problem *const p = &i2c->p;
    const double unit = log(2 * M_PI * i2c->alpha);

    return -0.5
           * ((double)p->T * ((double)p->h.ny * unit - i2c->logdet_W)
              + (double)p->h_end.ny * unit - i2c->logdet_end
              + (info->cost + info->cost_end) / i2c->alpha);
}

static elbo_status temperature(elbo_i2c *i2c, const elbo_i2c_info *info)
{
    const elbo_i2c_problem *const p = &i2c->p;
    const double clip = i2c->config.clip;
    const double terms = (double)p->T * (double)p->h.ny + (double)p->h_end.ny;
    const double wanted = (info->cost + info->cost_end) / terms;
    const double ratio = fmax(clip, fmin(2 - clip, wanted / i2c->alpha));

    if (!(wanted > 0) || !isfinite(wanted))
        return ELBO_FAIL(ELBO_ENOTFINITE, "i2c: the temperature becomes %g",
                         wanted);
    i2c->alpha *= ratio;
    return ELBO_OK;
}

/* KL(N(m, P) || N(target, target_cov)) */
static elbo_status divergence(const elbo_i2c_problem *p, gsl_vector *m,
                              gsl_matrix *P, double *kl, elbo_arena *ws)
{
    gsl_matrix *const L = elbo_arena_mat(ws, p->nx, p->nx);
    gsl_matrix *const F = elbo_arena_mat(ws, p->nx, p->nx);
    double square, trace = 0;

    ELBO_TRY(elbo_arena_check(ws, "i2c: a divergence"));
    gsl_matrix_memcpy(L, p->target_cov);
    gsl_matrix_memcpy(F, P);
    ELBO_TRY(elbo_chol(L));
    ELBO_TRY(elbo_chol(F));

    const double logs = elbo_chol_logdet(L) - elbo_chol_logdet(F);

    for (size_t i = 0; i < p->nx; i++)
        for (size_t j = i + 1; j < p->nx; j++) gsl_matrix_set(F, i, j, 0);
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, 1, L, F);
    for (size_t i = 0; i < p->nx * p->nx; i++) trace += F->data[i] * F->data[i];
    gsl_vector_sub(m, p->target);
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, L, m);
    gsl_blas_ddot(m, m, &square);
    *kl = 0.5 * (logs + trace + square - (double)p->nx);
    return ELBO_OK;
}

static elbo_status reached(const elbo_i2c *i2c, double *kl, elbo_arena *ws)
{
    const elbo_i2c_problem *const p = &i2c->p;
    const size_t T = p->T, nx = p->nx;
    double *const mean = elbo_arena_doubles(ws, (T + 1) * nx);
    double *const cov = elbo_arena_doubles(ws, (T + 1) * nx * nx);

    ELBO_TRY(elbo_arena_check(ws, "i2c: marginals"));
    ELBO_TRY(elbo_i2c_propagate(i2c, mean, cov, NULL, ws));

    gsl_vector m = elbo_i2c_row(mean, T, nx);
    gsl_matrix P = elbo_i2c_window(cov, T, nx, nx);

    return divergence(p, &m, &P, kl, ws);
}

static elbo_status iterate(elbo_i2c *i2c, elbo_i2c_info *info, elbo_arena *ws)
{
    ELBO_TRY(elbo_i2c_filter(i2c, &info->elbo, ws));
    ELBO_TRY(elbo_i2c_smooth(i2c, ws));
    i2c->iteration++;
    info->iteration = i2c->iteration;
    info->alpha = i2c->alpha;
    ELBO_TRY(costs(i2c, info, ws));
    info->likelihood = likelihood(i2c, info);
    info->kl = info->likelihood - info->elbo;
    ELBO_TRY(temperature(i2c, info));
    info->alpha_next = i2c->alpha;
    info->kl_target = nan("");
    if (i2c->p.target) ELBO_TRY(reached(i2c, &info->kl_target, ws));
    return ELBO_OK;
}

elbo_status elbo_i2c_iterate(elbo_i2c *i2c, elbo_i2c_info *info, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    *info = (elbo_i2c_info){0};

    const elbo_status s = iterate(i2c, info, ws);

    elbo_arena_release(ws, mark);
    return s;
}

elbo_i2c_view elbo_i2c_posterior(const elbo_i2c *i2c)
{
    return (elbo_i2c_view){
        .nx = i2c->p.nx,
        .nu = i2c->p.nu,
        .T = i2c->p.T,
        .K = i2c->K,
        .k = i2c->k,
        .S = i2c->S,
        .mean = i2c->mean,
        .cov = i2c->cov,
        .end_mean = i2c->end_mean,
        .end_cov = i2c->end_cov,
    };
}

void elbo_i2c_act(const elbo_i2c *i2c, size_t t, const double x[], double u[])
{
    const size_t nx = i2c->p.nx, nu = i2c->p.nu;

    assert(t < i2c->p.T);
    for (size_t i = 0; i < nu; i++) {
        const double *const K = i2c->K + (t * nu + i) * nx;

        u[i] = i2c->k[t * nu + i];
        for (size_t j = 0; j < nx; j++) u[i] += K[j] * x[j];
    }
}

/* (x, u) in closed loop, then x'; *cost += E cost of the step */
static elbo_status propagate_step(const elbo_i2c *i2c, size_t t, double mean[],
                                  double cov[], double *cost, elbo_arena *ws)
{
    const elbo_i2c_problem *const p = &i2c->p;
    const gsl_vector x = elbo_i2c_row(mean, t, p->nx);
    const gsl_matrix P = elbo_i2c_window(cov, t, p->nx, p->nx);
    gsl_vector next = elbo_i2c_row(mean, t + 1, p->nx);
    gsl_matrix next_cov = elbo_i2c_window(cov, t + 1, p->nx, p->nx);
    gsl_vector *const m = elbo_arena_vec(ws, i2c->n);
    gsl_matrix *const S = elbo_arena_mat(ws, i2c->n, i2c->n);
    gsl_matrix *const C = elbo_arena_mat(ws, i2c->n, p->nx);
    elbo_image out = {&next, &next_cov, C};
    double step;

    ELBO_TRY(elbo_arena_check(ws, "i2c: closed loop"));
    ELBO_TRY(elbo_i2c_prior(i2c, t, &x, &P, false, m, S, ws));
    ELBO_TRY(elbo_i2c_cost(&i2c->joint, &p->h, p->goal, p->W, m, S, &step, ws));
    *cost += step;
    ELBO_TRY(elbo_transform_moments(&i2c->joint, &p->f, m, S, &out, ws));
    gsl_matrix_add(&next_cov, p->Sigma);
    return ELBO_OK;
}

elbo_status elbo_i2c_propagate(const elbo_i2c *i2c, double mean[], double cov[],
                               double *cost, elbo_arena *ws)
{
    const elbo_i2c_problem *const p = &i2c->p;
    const size_t nx = p->nx;
    gsl_vector x = elbo_i2c_row(mean, 0, nx);
    gsl_matrix P = elbo_i2c_window(cov, 0, nx, nx);
    double sum = 0, end = 0;

    gsl_vector_memcpy(&x, p->m0);
    gsl_matrix_memcpy(&P, p->P0);
    for (size_t t = 0; t < p->T; t++) {
        const elbo_mark mark = elbo_arena_mark(ws);
        const elbo_status s = propagate_step(i2c, t, mean, cov, &sum, ws);

        elbo_arena_release(ws, mark);
        if (s != ELBO_OK)
            return elbo_fail_prefix("i2c: closed loop, step %zu", t);
    }
    if (!cost) return ELBO_OK;
    x = elbo_i2c_row(mean, p->T, nx);
    P = elbo_i2c_window(cov, p->T, nx, nx);
    if (p->h_end.ny)
        ELBO_TRY(elbo_i2c_cost(&i2c->last, &p->h_end, p->goal_end, p->W_end, &x,
                               &P, &end, ws));
    *cost = sum + end;
    return ELBO_OK;
}

void elbo_i2c_save(const elbo_i2c *i2c, elbo_writer *out)
{
    const size_t T = i2c->p.T, nx = i2c->p.nx, nu = i2c->p.nu, n = i2c->n;

    elbo_put_u64(out, T);
    elbo_put_u64(out, nx);
    elbo_put_u64(out, nu);
    elbo_put_u64(out, i2c->iteration);
    elbo_put_f64(out, i2c->alpha);
    elbo_put_doubles(out, i2c->K, T * nu * nx);
    elbo_put_doubles(out, i2c->k, T * nu);
    elbo_put_doubles(out, i2c->S, T * nu * nu);
    elbo_put_doubles(out, i2c->mean, T * n);
    elbo_put_doubles(out, i2c->cov, T * n * n);
    elbo_put_doubles(out, i2c->end_mean, nx);
    elbo_put_doubles(out, i2c->end_cov, nx * nx);
}

elbo_status elbo_i2c_load(elbo_i2c *i2c, elbo_reader *in)
{
    const size_t T = i2c->p.T, nx = i2c->p.nx, nu = i2c->p.nu, n = i2c->n;
    uint64_t sizes[3], iteration;

    for (size_t i = 0; i < 3; i++) ELBO_TRY(elbo_get_u64(in, &sizes[i]));
    if (sizes[0] != T || sizes[1] != nx || sizes[2] != nu)
        return ELBO_FAIL(ELBO_EDATA,
                         "checkpoint: i2c of %llu steps, %llu states, %llu "
                         "inputs, the problem has %zu, %zu, %zu",
                         (unsigned long long)sizes[0],
                         (unsigned long long)sizes[1],
                         (unsigned long long)sizes[2], T, nx, nu);
    ELBO_TRY(elbo_get_u64(in, &iteration));
    ELBO_TRY(elbo_get_f64(in, &i2c->alpha));
    if (!(i2c->alpha > 0) || !isfinite(i2c->alpha))
        return ELBO_FAIL(ELBO_EDATA, "checkpoint: i2c's alpha is %g",
                         i2c->alpha);
    i2c->iteration = (size_t)iteration;
    ELBO_TRY(elbo_get_doubles(in, i2c->K, T * nu * nx));
    ELBO_TRY(elbo_get_doubles(in, i2c->k, T * nu));
    ELBO_TRY(elbo_get_doubles(in, i2c->S, T * nu * nu));
    ELBO_TRY(elbo_get_doubles(in, i2c->mean, T * n));
    ELBO_TRY(elbo_get_doubles(in, i2c->cov, T * n * n));
    ELBO_TRY(elbo_get_doubles(in, i2c->end_mean, nx));
    return elbo_get_doubles(in, i2c->end_cov, nx * nx);
}

/* inference/messages/lds.c -- opening, E-steps, the order of an iteration. */
#include "inference/messages/lds.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "inference/messages/lds_parts.h"

const elbo_lds_config elbo_lds_defaults = {.method = ELBO_LDS_EM,
                                           .floor = 1e-6,
                                           .prior_precision = 0.1,
                                           .prior_variance = 0.1};

static const char *const names[] = {"start", "transition", "emission"};

static elbo_status check_data(const elbo_lds *lds, const elbo_sequence data[],
                              size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const elbo_sequence *x = &data[i];

        if (x->Y->size1 < 1 || x->Y->size2 != lds->ny)
            return ELBO_FAIL(ELBO_EDATA,
                             "sequence %zu: y is %zu x %zu, and needs %zu "
                             "channels",
                             i, x->Y->size1, x->Y->size2, lds->ny);
        if ((x->U ? x->U->size2 : 0) != lds->nu
            || (x->U && x->U->size1 != x->Y->size1))
            return ELBO_FAIL(
                ELBO_EDATA, "sequence %zu: u is %zu x %zu, and needs %zu x %zu",
                i, x->U ? x->U->size1 : 0, x->U ? x->U->size2 : 0, x->Y->size1,
                lds->nu);
        for (size_t t = 0; t < x->Y->size1; t++) {
            for (size_t j = 0; j < lds->ny; j++)
                if (isinf(gsl_matrix_get(x->Y, t, j)))
                    return ELBO_FAIL(ELBO_ENOTFINITE,
                                     "sequence %zu, row %zu: y(%zu) is %g", i,
                                     t, j, gsl_matrix_get(x->Y, t, j));
            for (size_t j = 0; j < lds->nu; j++)
                if (!isfinite(gsl_matrix_get(x->U, t, j)))
                    return ELBO_FAIL(ELBO_ENOTFINITE,
                                     "sequence %zu, row %zu: u(%zu) is %g", i,
                                     t, j, gsl_matrix_get(x->U, t, j));
        }
    }
    return ELBO_OK;
}

/* Columns of M that are held, and whether all is. */
static void take_holds(const elbo_lds *lds, elbo_lds_regression *r,
                       const unsigned hold[4])
{
    bool all = lds->config.hold & hold[3];

    r->held_W = all;
    for (size_t j = 0; j < r->nz; j++) {
        const size_t kind = j < lds->nx && r->nz > 1 ? 0
                            : j + 1 < r->nz          ? 1
                                                     : 2;

        r->held[j] = lds->config.hold & hold[kind];
        all = all && r->held[j];
    }
    r->whole = all;
}

static elbo_status take_part(elbo_lds *lds, elbo_lds_part p, size_t dim,
                             size_t nz)
{
    static const unsigned hold[ELBO_LDS_PARTS][4] = {
        {0,               0,               ELBO_LDS_HOLD_m0, ELBO_LDS_HOLD_P0},
        {ELBO_LDS_HOLD_A, ELBO_LDS_HOLD_B, ELBO_LDS_HOLD_b,  ELBO_LDS_HOLD_Q },
        {ELBO_LDS_HOLD_C, ELBO_LDS_HOLD_D, ELBO_LDS_HOLD_d,  ELBO_LDS_HOLD_R }
    };
    elbo_lds_regression *const r = &lds->part[p];

    *r = (elbo_lds_regression){
        .dim = dim,
        .nz = nz,
        .M = elbo_arena_mat(lds->arena, dim, nz),
        .W = elbo_arena_mat(lds->arena, dim, dim),
        .M_before = elbo_arena_mat(lds->arena, dim, nz),
        .W_before = elbo_arena_mat(lds->arena, dim, dim),
        .scale = elbo_arena_doubles(lds->arena, dim),
        .held = elbo_arena_take(lds->arena, nz, sizeof(bool)),
        .penalty = elbo_arena_mat(lds->arena, nz, nz)};
    ELBO_TRY(elbo_moments_init(&r->S, dim, nz, lds->arena));
    ELBO_TRY(elbo_mniw_init(&r->prior, dim, nz, lds->arena));
    ELBO_TRY(elbo_mniw_init(&r->q, dim, nz, lds->arena));
    ELBO_TRY(elbo_mniw_init(&r->q_before, dim, nz, lds->arena));
    ELBO_TRY(elbo_mniw_kernel_init(&r->kernel, dim, nz, lds->arena));
    for (size_t i = 0; i < dim; i++) r->scale[i] = 1;
    take_holds(lds, r, hold[p]);
    return ELBO_OK;
}

static gsl_matrix columns(gsl_matrix *M, size_t first, size_t n)
{
    return (gsl_matrix){
        .size1 = M->size1, .size2 = n, .tda = M->tda, .data = M->data + first};
}

static gsl_vector column(gsl_matrix *M, size_t j)
{
    return (gsl_vector){
        .size = M->size1, .stride = M->tda, .data = M->data + j};
}

static void take_views(elbo_lds *lds)
{
    elbo_lds_regression *const start = &lds->part[ELBO_LDS_START];
    elbo_lds_regression *const f = &lds->part[ELBO_LDS_TRANSITION];
    elbo_lds_regression *const g = &lds->part[ELBO_LDS_EMISSION];
    const bool vb = lds->config.method == ELBO_LDS_VB;

    lds->A = columns(f->M, 0, lds->nx);
    lds->B = columns(f->M, lds->nx, lds->nu);
    lds->b = column(f->M, lds->nz - 1);
    lds->C = columns(g->M, 0, lds->nx);
    lds->D = columns(g->M, lds->nx, lds->nu);
    lds->d = column(g->M, lds->nz - 1);
    lds->m0 = column(start->M, 0);
    lds->step = (elbo_lgssm_step){.A = &lds->A,
                                  .B = lds->nu ? &lds->B : NULL,
                                  .Q = f->W,
                                  .b = &lds->b,
                                  .C = &lds->C,
                                  .D = lds->nu ? &lds->D : NULL,
                                  .R = g->W,
                                  .d = &lds->d};
    lds->point = (elbo_lgssm){.nx = lds->nx,
                              .ny = lds->ny,
                              .nu = lds->nu,
                              .steps = &lds->step,
                              .m0 = &lds->m0,
                              .P0 = start->W};
    lds->model = lds->point;
    if (vb && !f->whole) lds->model.transition_penalty = f->penalty;
    if (vb && !g->whole) lds->model.emission_penalty = g->penalty;
}

static elbo_status take_priors(elbo_lds *lds)
{
    const elbo_lds_config *const c = &lds->config;

    for (size_t p = 0; p < ELBO_LDS_PARTS; p++) {
        elbo_lds_regression *const r = &lds->part[p];

        if (c->prior[p]) {
            elbo_mniw_copy(&r->prior, c->prior[p]);
        } else { /* E W = Psi / (nu - dim - 1) = Psi */
            elbo_mniw_isotropic(&r->prior, c->prior_precision, 1,
                                (double)r->dim + 2);
            for (size_t i = 0; i < r->dim; i++)
                gsl_matrix_set(r->prior.Psi, i, i,
                               c->prior_variance * r->scale[i]);
            for (size_t j = lds->nx; p == ELBO_LDS_EMISSION
                                     && c->feedthrough_precision > 0
                                     && j + 1 < r->nz;
                 j++)
                gsl_matrix_set(r->prior.K, j, j, c->feedthrough_precision);
        }
        if (elbo_mniw_check(&r->prior, lds->arena) != ELBO_OK)
            return elbo_fail_prefix("lds: prior of %s", names[p]);
    }
    return ELBO_OK;
}

static elbo_status check_config(const elbo_lds_config *c, const elbo_lds *lds)
{
    assert(c->nx >= 1 && c->floor > 0 && c->steady >= 0);
    assert(!c->initial || (c->initial->nx == c->nx && !c->initial->varying));
    if (c->hold && !c->initial)
        return ELBO_FAIL(ELBO_EINVAL,
                         "lds: what is held needs an initial model");
    if (c->initial && (c->initial->ny != lds->ny || c->initial->nu != lds->nu))
        return ELBO_FAIL(ELBO_EINVAL,
                         "lds: the initial model has ny = %zu, nu = %zu, the "
                         "data %zu, %zu",
                         c->initial->ny, c->initial->nu, lds->ny, lds->nu);
    return ELBO_OK;
}

/* A part is held as a whole or not at all, B and D where there are inputs. */
static elbo_status check_holds(const elbo_lds *lds)
{
    for (size_t p = 0; p < ELBO_LDS_PARTS; p++) {
        const elbo_lds_regression *const r = &lds->part[p];
        bool any = r->held_W;

        for (size_t j = 0; j < r->nz; j++) any = any || r->held[j];
        if (any && !r->whole)
            return ELBO_FAIL(
                ELBO_EINVAL,
                "lds: variational EM holds all of the %s or nothing", names[p]);
    }
    return ELBO_OK;
}

/* VB: a first posterior from the smoother at a point. */
static elbo_status first_posterior(elbo_lds *lds)
{
    elbo_lds_info info = {0};

    ELBO_TRY(take_priors(lds));
    ELBO_TRY(check_holds(lds));
    ELBO_TRY(
        elbo_lds_run(lds, lds->crew, &lds->point, lds->data, lds->n, &info));
    return elbo_lds_mstep(lds, &info, false);
}

static size_t longest(const elbo_sequence data[], size_t n)
{
    size_t T = 1;

    for (size_t i = 0; i < n; i++)
        if (data[i].Y->size1 > T) T = data[i].Y->size1;
    return T;
}

static elbo_status open_lds(elbo_lds *lds)
{
    ELBO_TRY(check_config(&lds->config, lds));
    ELBO_TRY(check_data(lds, lds->data, lds->n));
    ELBO_TRY(take_part(lds, ELBO_LDS_START, lds->nx, 1));
    ELBO_TRY(take_part(lds, ELBO_LDS_TRANSITION, lds->nx, lds->nz));
    ELBO_TRY(take_part(lds, ELBO_LDS_EMISSION, lds->ny, lds->nz));
    take_views(lds);
    lds->longest = longest(lds->data, lds->n);
    lds->most = lds->n > lds->config.sequences ? lds->n : lds->config.sequences;
    ELBO_TRY(elbo_lds_hire(lds, lds->most, lds->longest, true, &lds->crew));
    ELBO_TRY(elbo_lds_start(lds));
    lds->config.initial = NULL; /* borrowed while opening */
    return lds->config.method == ELBO_LDS_VB ? first_posterior(lds) : ELBO_OK;
}

elbo_status elbo_lds_open(const elbo_lds_config *config,
                          const elbo_sequence data[], size_t n,
                          elbo_arena *arena, elbo_lds **out)
{
    elbo_lds *lds = elbo_arena_take(arena, 1, sizeof *lds);

    assert(n >= 1);
    ELBO_TRY(elbo_arena_check(arena, "lds"));
    *lds = (elbo_lds){.config = *config,
                      .nx = config->nx,
                      .ny = data[0].Y->size2,
                      .nu = data[0].U ? data[0].U->size2 : 0,
                      .data = data,
                      .n = n,
                      .arena = arena};
    lds->nz = lds->nx + lds->nu + 1;
    ELBO_TRY(open_lds(lds));
    *out = lds;
    return ELBO_OK;
}

/* What exp E log p has beside the penalties: its constants (and, for the start,
 * where z is always 1, all of its penalty). */
static double constants(const elbo_lds *lds)
{
    double sum = 0;

    for (size_t p = 0; p < ELBO_LDS_PARTS; p++) {
        const elbo_lds_regression *const r = &lds->part[p];

        if (r->whole) continue;
        sum += r->S.n * r->kernel.constant;
        if (p == ELBO_LDS_START)
            sum -= 0.5 * r->S.n * gsl_matrix_get(r->penalty, 0, 0);
    }
    return sum;
}

static void keep(elbo_lds *lds)
{
    for (size_t p = 0; p < ELBO_LDS_PARTS; p++) {
        elbo_lds_regression *const r = &lds->part[p];

        gsl_matrix_memcpy(r->M_before, r->M);
        gsl_matrix_memcpy(r->W_before, r->W);
        if (lds->config.method == ELBO_LDS_VB && !r->whole)
            elbo_mniw_copy(&r->q_before, &r->q);
    }
}

static void restore(elbo_lds *lds)
{
    for (size_t p = 0; p < ELBO_LDS_PARTS; p++) {
        elbo_lds_regression *const r = &lds->part[p];

        gsl_matrix_memcpy(r->M, r->M_before);
        gsl_matrix_memcpy(r->W, r->W_before);
        if (lds->config.method != ELBO_LDS_VB || r->whole) continue;
        elbo_mniw_copy(&r->q, &r->q_before);
        (void)elbo_lds_kernel(lds, r); /* it was one */
    }
}

static void read_kl(const elbo_lds *lds, elbo_lds_info *info)
{
    const bool vb = lds->config.method == ELBO_LDS_VB;

    for (size_t p = 0; p < ELBO_LDS_PARTS; p++)
        info->kl[p] = !vb || lds->part[p].whole ? 0 : lds->part[p].kl;
}

elbo_status elbo_lds_infer(elbo_lds *lds, elbo_lds_info *info)
{
    *info = (elbo_lds_info){.iteration = lds->iteration + 1};
    ELBO_TRY(
        elbo_lds_run(lds, lds->crew, &lds->model, lds->data, lds->n, info));
    if (lds->config.method == ELBO_LDS_VB) info->evidence += constants(lds);
    read_kl(lds, info);
    info->bound = info->evidence - elbo_lds_kl(lds);
    if (!isfinite(info->bound))
        return ELBO_FAIL(ELBO_ENOTFINITE, "lds: the bound is %g", info->bound);
    return ELBO_OK;
}

elbo_status elbo_lds_learn(elbo_lds *lds, elbo_lds_info *info)
{
    elbo_status s;

    keep(lds);
    s = elbo_lds_mstep(lds, info, false);
    if (s != ELBO_OK) {
        const elbo_error error = *elbo_last_error();

        restore(lds);
        elbo_error_restore(&error);
        return s;
    }
    read_kl(lds, info);
    lds->iteration++;
    return ELBO_OK;
}

elbo_status elbo_lds_iterate(elbo_lds *lds, elbo_lds_info *info)
{
    elbo_lds_info after;

    ELBO_TRY(elbo_lds_infer(lds, info));
    after = *info;
    ELBO_TRY(elbo_lds_learn(lds, &after));
    for (size_t p = 0; p < ELBO_LDS_PARTS; p++) {
        info->floored[p] = after.floored[p];
        info->rank[p] = after.rank[p];
    }
    return ELBO_OK;
}

elbo_status elbo_lds_data(elbo_lds *lds, const elbo_sequence data[], size_t n)
{
    if (n > lds->most)
        return ELBO_FAIL(ELBO_ESIZE,
                         "%zu sequences, and no more than %zu were announced", n,
                         lds->most);
    ELBO_TRY(check_data(lds, data, n));
    for (size_t i = 0; i < n; i++)
        if (data[i].Y->size1 > lds->longest)
            return ELBO_FAIL(ELBO_ESIZE,
                             "sequence %zu has %zu rows, and none had more than "
                             "%zu",
                             i, data[i].Y->size1, lds->longest);
    lds->data = data;
    lds->n = n;
    return ELBO_OK;
}

const elbo_lgssm *elbo_lds_point(const elbo_lds *lds)
{
    return &lds->point;
}

double elbo_lds_kl(const elbo_lds *lds)
{
    const bool vb = lds->config.method == ELBO_LDS_VB;
    double sum = 0;

    for (size_t p = 0; p < ELBO_LDS_PARTS; p++)
        if (vb && !lds->part[p].whole) sum += lds->part[p].kl;
    return sum;
}

const elbo_lgssm *elbo_lds_model(const elbo_lds *lds)
{
    return &lds->model;
}

const elbo_mniw *elbo_lds_posterior(const elbo_lds *lds, elbo_lds_part part)
{
    const bool some =
        lds->config.method == ELBO_LDS_VB && !lds->part[part].whole;

    return some ? &lds->part[part].q : NULL;
}

elbo_status elbo_lds_loglik(elbo_lds *lds, const elbo_sequence data[], size_t n,
                            double *loglik)
{
    const elbo_mark mark = elbo_arena_mark(lds->arena);
    elbo_lds_info info = {0};
    elbo_lds_crew *crew;
    elbo_status s;

    ELBO_TRY(check_data(lds, data, n));
    s = elbo_lds_hire(lds, n, longest(data, n), false, &crew);
    if (s == ELBO_OK)
        s = elbo_lds_run(lds, crew, &lds->point, data, n, &info);
    elbo_arena_release(lds->arena, mark);
    *loglik = info.evidence;
    return s;
}

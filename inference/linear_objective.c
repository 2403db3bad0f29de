#include "inference/linear_objective.h"

#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/factor.h"

struct elbo_linear_objective {
    const char *slot;
    const elbo_expr *expr;
    elbo_gaussian *program; /* NULL: no data */
    elbo_gaussian_batch batch;
    size_t capacity;
    double *weight; /* [capacity] */
    bool then;      /* it reads V_then */
    size_t each;    /* transitions a round */
    uint32_t *epoch; /* [capacity], where it does */
    elbo_arena *arena;
    double *table[ELBO_GAUSSIAN_TABLES];
    double *slope[ELBO_GAUSSIAN_TABLES];
};

/* ---- text ---- */

/* On a world where every size goes with every other. */
static elbo_status try_compile(const elbo_expr *expr, size_t *column)
{
    static const double nothing[3];
    static const uint32_t step[1];
    const elbo_gaussian_batch batch = {.nx = 1,
                                       .nu = 1,
                                       .model_stages = 1,
                                       .n = 1,
                                       .x = nothing,
                                       .u = nothing,
                                       .y = nothing,
                                       .weight = nothing,
                                       .step = step,
                                       .gamma = 1};
    elbo_gaussian *program;

    ELBO_TRY(elbo_gaussian_alloc(expr, &batch, &program, column));
    elbo_gaussian_free(program);
    return ELBO_OK;
}

elbo_status elbo_linear_objective_parse(const char *text, elbo_arena *arena,
                                        elbo_expr **out, size_t *column,
                                        const char **nearest)
{
    const elbo_scope scope = {.coordinates = true, .factors = elbo_factor_words};
    const char *near = NULL;
    size_t place = 0;
    elbo_status s = elbo_expression_parse(text, arena, out, &place);

    if (s == ELBO_OK) s = elbo_expression_check(*out, &scope, &place, &near);
    if (s == ELBO_OK) s = try_compile(*out, &place);
    if (column) *column = place;
    if (nearest) *nearest = near;
    return s;
}

/* ---- opening ---- */

static elbo_status take_tables(elbo_linear_objective *o)
{
    for (size_t i = 0; i < ELBO_GAUSSIAN_TABLES; i++) {
        const elbo_gaussian_table which = (elbo_gaussian_table)i;
        const size_t n = elbo_gaussian_rows(&o->batch, which)
                         * elbo_gaussian_cols(&o->batch, which);

        o->table[i] = elbo_arena_take(o->arena, n, sizeof(double));
        o->slope[i] = elbo_arena_take(o->arena, n, sizeof(double));
    }
    return elbo_arena_check(o->arena, "the objective's tables");
}

static void put_matrix(double *to, const gsl_matrix *A)
{
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++) *to++ = gsl_matrix_get(A, i, j);
}

/* Row t of three tables of a quadratic. */
static void put_quadratic(elbo_linear_objective *o, elbo_gaussian_table P, size_t t,
                          const elbo_quadratic *f)
{
    const size_t n = f->p->size;

    put_matrix(o->table[P] + t * n * n, f->P);
    for (size_t i = 0; i < n; i++)
        o->table[P + 1][t * n + i] = gsl_vector_get(f->p, i);
    o->table[P + 2][t] = f->c;
}

elbo_status elbo_linear_objective_open(const char *slot, const char *text,
                                       const elbo_linear_world *world,
                                       size_t model_stages, size_t horizon,
                                       double gamma, size_t rounds, size_t each,
                                       elbo_arena *arena,
                                       elbo_linear_objective **out)
{
    elbo_linear_objective *const o = elbo_arena_take(arena, 1, sizeof *o);
    elbo_expr *expr;
    size_t column;

    ELBO_TRY(elbo_arena_check(arena, "the objective"));
    *o = (elbo_linear_objective){.slot = slot,
                                 .arena = arena,
                                 .batch = {.nx = world->nx,
                                           .nu = world->nu,
                                           .model_stages = model_stages,
                                           .horizon = horizon,
                                           .gamma = gamma}};
    if (elbo_linear_objective_parse(text, arena, &expr, &column, NULL) != ELBO_OK)
        return elbo_fail_prefix("%s, column %zu", slot, column + 1);
    o->expr = expr;
    o->then = elbo_expr_reads(expr, "V_then");
    o->each = each;
    o->batch.epochs = o->then ? rounds : 1;
    ELBO_TRY(take_tables(o));
    put_quadratic(o, ELBO_GAUSSIAN_R_P, 0, &world->reward);
    *out = o;
    return ELBO_OK;
}

void elbo_linear_objective_close(elbo_linear_objective *o)
{
    if (o) elbo_gaussian_free(o->program);
}

const elbo_expr *elbo_linear_objective_expression(const elbo_linear_objective *o)
{
    return o->expr;
}

elbo_status elbo_linear_objective_data(elbo_linear_objective *o,
                                       const elbo_linear_data *data, double scale,
                                       const double weight[])
{
    size_t column;

    elbo_gaussian_free(o->program);
    o->program = NULL;
    if (data->n == 0) return ELBO_OK;
    if (data->n > o->capacity) {
        o->capacity = data->capacity;
        o->weight = elbo_arena_doubles(o->arena, o->capacity);
        o->epoch = elbo_arena_u32(o->arena, o->capacity);
        ELBO_TRY(elbo_arena_check(o->arena, "the objective's weights"));
    }
    for (size_t i = 0; i < data->n; i++) {
        o->weight[i] = scale * (weight ? weight[i] : 1);
        o->epoch[i] = o->then && o->each ? (uint32_t)(i / o->each) : 0;
    }
    o->batch.epoch = o->epoch;
    o->batch.n = data->n;
    o->batch.x = data->x;
    o->batch.u = data->u;
    o->batch.y = data->y;
    o->batch.step = data->step;
    o->batch.weight = o->weight;
    if (elbo_gaussian_alloc(o->expr, &o->batch, &o->program, &column) != ELBO_OK)
        return elbo_fail_prefix("%s, column %zu", o->slot, column + 1);
    return ELBO_OK;
}

bool elbo_linear_objective_reads(const elbo_linear_objective *o,
                                 elbo_gaussian_table table)
{
    return o->program && elbo_gaussian_reads(o->program, table);
}

/* ---- binding ---- */

static void put_map(elbo_linear_objective *o, size_t t,
                    const elbo_linear_dynamics *map)
{
    const size_t nx = o->batch.nx, nu = o->batch.nu, nz1 = nx + nu + 1;
    double *const M = o->table[ELBO_GAUSSIAN_M] + t * nx * nz1;

    for (size_t i = 0; i < nx; i++) {
        for (size_t j = 0; j < nx; j++)
            M[i * nz1 + j] = gsl_matrix_get(map->A, i, j);
        for (size_t j = 0; j < nu; j++)
            M[i * nz1 + nx + j] = gsl_matrix_get(map->B, i, j);
        M[i * nz1 + nx + nu] = map->c ? gsl_vector_get(map->c, i) : 0;
    }
    put_matrix(o->table[ELBO_GAUSSIAN_W] + t * nx * nx, map->W);
}

/* S^-1 and log |S| into row t. */
static elbo_status put_inverse(const gsl_matrix *S, double inverse[], double *logdet,
                               elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    gsl_matrix *const L = elbo_arena_mat(ws, S->size1, S->size1);
    elbo_status s = elbo_arena_check(ws, "a covariance's inverse");

    if (s == ELBO_OK) {
        gsl_matrix_memcpy(L, S);
        s = elbo_chol(L);
    }
    if (s == ELBO_OK) {
        *logdet = elbo_chol_logdet(L);
        s = elbo_chol_inverse(L);
    }
    if (s == ELBO_OK) put_matrix(inverse, L);
    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_linear_objective_model(elbo_linear_objective *o,
                                        const elbo_linear_belief *belief,
                                        elbo_arena *ws)
{
    const size_t nx = o->batch.nx;

    for (size_t t = 0; t < o->batch.model_stages; t++) {
        put_map(o, t, &belief->mean[t]);
        if (!elbo_linear_objective_reads(o, ELBO_GAUSSIAN_PRECISION)) continue;
        if (put_inverse(belief->mean[t].W,
                        o->table[ELBO_GAUSSIAN_PRECISION] + t * nx * nx,
                        o->table[ELBO_GAUSSIAN_LOGDET] + t, ws)
            != ELBO_OK)
            return elbo_fail_prefix("the model's W has no density");
    }
    return ELBO_OK;
}

/* From row `first` on. */
static void put_values(elbo_linear_objective *o, elbo_gaussian_table P, size_t first,
                       const elbo_quadratic V[], const elbo_quadratic *terminal)
{
    const size_t nx = o->batch.nx, T = o->batch.horizon, last = first + T;

    for (size_t t = 0; t < (T ? T : 1); t++) put_quadratic(o, P, first + t, &V[t]);
    if (T == 0) return;
    if (terminal) {
        put_quadratic(o, P, last, terminal);
        return;
    }
    memset(o->table[P] + last * nx * nx, 0, nx * nx * sizeof(double));
    memset(o->table[P + 1] + last * nx, 0, nx * sizeof(double));
    o->table[P + 2][last] = 0;
}

static elbo_status put_policy(elbo_linear_objective *o, size_t t,
                              const elbo_linear_policy *pi, elbo_arena *ws)
{
    const size_t nx = o->batch.nx, nu = o->batch.nu;

    put_matrix(o->table[ELBO_GAUSSIAN_PI_K] + t * nu * nx, pi->K);
    for (size_t i = 0; i < nu; i++)
        o->table[ELBO_GAUSSIAN_PI_k][t * nu + i] = gsl_vector_get(pi->k, i);
    put_matrix(o->table[ELBO_GAUSSIAN_PI_S] + t * nu * nu, pi->S);
    if (!elbo_linear_objective_reads(o, ELBO_GAUSSIAN_PI_PRECISION))
        return ELBO_OK;
    if (put_inverse(pi->S, o->table[ELBO_GAUSSIAN_PI_PRECISION] + t * nu * nu,
                    o->table[ELBO_GAUSSIAN_PI_LOGDET] + t, ws)
        != ELBO_OK)
        return elbo_fail_prefix("the policy has no density");
    return ELBO_OK;
}

elbo_status elbo_linear_objective_plan(elbo_linear_objective *o,
                                       const elbo_linear_plan *plan, elbo_arena *ws)
{
    const size_t stages = o->batch.horizon ? o->batch.horizon : 1;

    put_values(o, ELBO_GAUSSIAN_V_P, 0, plan->V, plan->terminal);
    for (size_t t = 0; t < stages; t++) {
        if (plan->Q[t].P) put_quadratic(o, ELBO_GAUSSIAN_Q_P, t, &plan->Q[t]);
        ELBO_TRY(put_policy(o, t, &plan->pi[t], ws));
    }
    *o->table[ELBO_GAUSSIAN_J] = plan->J;
    *o->table[ELBO_GAUSSIAN_JMODEL] = plan->Jmodel;
    return ELBO_OK;
}

void elbo_linear_objective_error(elbo_linear_objective *o, double error)
{
    *o->table[ELBO_GAUSSIAN_GRADJ_ERROR] = error;
}

double elbo_linear_objective_error_slope(const elbo_linear_objective *o)
{
    return o->program ? *o->slope[ELBO_GAUSSIAN_GRADJ_ERROR] : 0;
}

void elbo_linear_objective_target(elbo_linear_objective *o, const elbo_quadratic V[],
                                  const elbo_quadratic *terminal)
{
    put_values(o, ELBO_GAUSSIAN_TARGET_P, 0, V, terminal);
}

void elbo_linear_objective_then(elbo_linear_objective *o, size_t round,
                                const elbo_quadratic V[],
                                const elbo_quadratic *terminal)
{
    const size_t values = o->batch.horizon ? o->batch.horizon + 1 : 1;

    if (o->then) put_values(o, ELBO_GAUSSIAN_THEN_P, round * values, V, terminal);
}

static size_t size_of(const elbo_linear_objective *o, elbo_gaussian_table table)
{
    return elbo_gaussian_rows(&o->batch, table) * elbo_gaussian_cols(&o->batch, table);
}

void elbo_linear_objective_save(const elbo_linear_objective *o, elbo_writer *out)
{
    for (elbo_gaussian_table t = ELBO_GAUSSIAN_THEN_P;
         o->then && t <= ELBO_GAUSSIAN_THEN_c; t++)
        elbo_put_doubles(out, o->table[t], size_of(o, t));
}

elbo_status elbo_linear_objective_load(elbo_linear_objective *o, elbo_reader *in)
{
    for (elbo_gaussian_table t = ELBO_GAUSSIAN_THEN_P;
         o->then && t <= ELBO_GAUSSIAN_THEN_c; t++)
        ELBO_TRY(elbo_get_doubles(in, o->table[t], size_of(o, t)));
    return ELBO_OK;
}

/* ---- values and slopes ---- */

/* dF/dS of what S^-1 and log |S| carry: -S^-1 G S^-1 + g S^-1, added to dS. */
static void through_inverse(const double inverse[], const double G[], double g,
                            size_t n, gsl_matrix *dS)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = g * inverse[i * n + j];

            for (size_t k = 0; k < n; k++)
                for (size_t l = 0; l < n; l++)
                    sum -= inverse[i * n + k] * (G[k * n + l] + G[l * n + k]) / 2
                           * inverse[l * n + j];
            *gsl_matrix_ptr(dS, i, j) += sum;
        }
}

static void get_slope(const elbo_linear_objective *o, size_t t,
                      elbo_linear_slope *out)
{
    const size_t nx = o->batch.nx, nz1 = nx + o->batch.nu + 1;
    const gsl_matrix_const_view M =
        gsl_matrix_const_view_array(o->slope[ELBO_GAUSSIAN_M] + t * nx * nz1, nx, nz1);
    const gsl_matrix_const_view W =
        gsl_matrix_const_view_array(o->slope[ELBO_GAUSSIAN_W] + t * nx * nx, nx, nx);

    gsl_matrix_memcpy(out->M, &M.matrix);
    gsl_matrix_memcpy(out->W, &W.matrix);
    elbo_sym_mean(out->W);
    if (!elbo_linear_objective_reads(o, ELBO_GAUSSIAN_PRECISION)) return;
    through_inverse(o->table[ELBO_GAUSSIAN_PRECISION] + t * nx * nx,
                    o->slope[ELBO_GAUSSIAN_PRECISION] + t * nx * nx,
                    o->slope[ELBO_GAUSSIAN_LOGDET][t], nx, out->W);
}

elbo_status elbo_linear_slopes_take(elbo_linear_slopes *slopes, size_t nx,
                                    size_t nu, size_t stages, elbo_arena *arena)
{
    *slopes = (elbo_linear_slopes){
        .V = elbo_arena_take(arena, stages, sizeof *slopes->V),
        .Q = elbo_arena_take(arena, stages, sizeof *slopes->Q),
        .K = elbo_arena_take(arena, stages, sizeof *slopes->K),
        .S = elbo_arena_take(arena, stages, sizeof *slopes->S),
        .k = elbo_arena_take(arena, stages, sizeof *slopes->k),
    };
    ELBO_TRY(elbo_arena_check(arena, "slopes of a plan"));
    for (size_t t = 0; t < stages; t++) {
        slopes->V[t] = elbo_quadratic_take(arena, nx);
        slopes->Q[t] = elbo_quadratic_take(arena, nx + nu);
        slopes->K[t] = elbo_arena_mat(arena, nu, nx);
        slopes->S[t] = elbo_arena_mat(arena, nu, nu);
        slopes->k[t] = elbo_arena_vec(arena, nu);
    }
    return elbo_arena_check(arena, "slopes of a plan");
}

static void get_quadratic(const elbo_linear_objective *o, elbo_gaussian_table P,
                          size_t t, elbo_quadratic *out)
{
    const size_t n = out->p->size;
    const gsl_matrix_const_view matrix = gsl_matrix_const_view_array(o->slope[P] + t * n * n, n, n);

    gsl_matrix_memcpy(out->P, &matrix.matrix);
    elbo_sym_mean(out->P);
    for (size_t i = 0; i < n; i++)
        gsl_vector_set(out->p, i, o->slope[P + 1][t * n + i]);
    out->c = o->slope[P + 2][t];
}

static void get_plan(const elbo_linear_objective *o, elbo_linear_slopes *out)
{
    const size_t nx = o->batch.nx, nu = o->batch.nu;
    const size_t stages = o->batch.horizon ? o->batch.horizon : 1;

    for (size_t t = 0; t < stages; t++) {
        const gsl_matrix_const_view K =
            gsl_matrix_const_view_array(o->slope[ELBO_GAUSSIAN_PI_K] + t * nu * nx, nu, nx);
        const gsl_matrix_const_view S =
            gsl_matrix_const_view_array(o->slope[ELBO_GAUSSIAN_PI_S] + t * nu * nu, nu, nu);

        get_quadratic(o, ELBO_GAUSSIAN_V_P, t, &out->V[t]);
        get_quadratic(o, ELBO_GAUSSIAN_Q_P, t, &out->Q[t]);
        gsl_matrix_memcpy(out->K[t], &K.matrix);
        gsl_matrix_memcpy(out->S[t], &S.matrix);
        elbo_sym_mean(out->S[t]);
        for (size_t i = 0; i < nu; i++)
            gsl_vector_set(out->k[t], i, o->slope[ELBO_GAUSSIAN_PI_k][t * nu + i]);
        if (elbo_linear_objective_reads(o, ELBO_GAUSSIAN_PI_PRECISION))
            through_inverse(o->table[ELBO_GAUSSIAN_PI_PRECISION] + t * nu * nu,
                            o->slope[ELBO_GAUSSIAN_PI_PRECISION] + t * nu * nu,
                            o->slope[ELBO_GAUSSIAN_PI_LOGDET][t], nu, out->S[t]);
    }
    out->J = *o->slope[ELBO_GAUSSIAN_J];
    out->Jmodel = *o->slope[ELBO_GAUSSIAN_JMODEL];
}

elbo_status elbo_linear_objective_value(elbo_linear_objective *o, double *value,
                                        elbo_linear_slope slope[],
                                        elbo_linear_slopes *plan)
{
    const size_t stages = o->batch.model_stages;

    *value = 0;
    if (o->program) {
        const elbo_status s =
            elbo_gaussian_run(o->program, (const double *const *)o->table, value,
                              slope || plan ? o->slope : NULL);

        if (s == ELBO_ENOTFINITE) return elbo_fail_prefix("%s", o->slot);
        ELBO_TRY(s);
    }
    for (size_t t = 0; slope && t < stages; t++) {
        if (o->program) get_slope(o, t, &slope[t]);
        if (o->program) continue;
        gsl_matrix_set_zero(slope[t].M);
        gsl_matrix_set_zero(slope[t].W);
    }
    if (plan) get_plan(o, plan);
    return ELBO_OK;
}

elbo_status elbo_linear_objective_weights(elbo_linear_objective *o, double w[])
{
    elbo_status s;

    if (!o->program) return ELBO_OK;
    s = elbo_gaussian_values(o->program, (const double *const *)o->table, w);
    if (s == ELBO_ENOTFINITE) return elbo_fail_prefix("%s", o->slot);
    for (size_t i = 0; s == ELBO_OK && i < o->batch.n; i++)
        if (w[i] < 0)
            return ELBO_FAIL(ELBO_ECHECK, "%s: %g in transition %zu: must not be "
                                          "negative",
                             o->slot, w[i], i);
    return s;
}

void elbo_linear_objective_hold(elbo_linear_objective *o, bool held)
{
    if (o->program) elbo_gaussian_hold(o->program, held);
}

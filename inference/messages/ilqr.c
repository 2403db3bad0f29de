#include "inference/messages/ilqr.h"

#include <assert.h>
#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/messages/lqr.h"

const elbo_ilqr_config elbo_ilqr_defaults = {
    .lambda = 1,
    .least = 1e-6,
    .most = 1e10,
    .factor = 2,
    .halvings = 12,
    .sufficient = 1e-4,
    .tolerance = 1e-12,
};

/* x [(T + 1) x nx] and u [T x nu] with what they cost */
typedef struct path {
    double *x, *u, cost;
} path;

struct elbo_ilqr {
    elbo_ilqr_problem p;
    elbo_ilqr_config config;
    size_t iteration;
    double lambda, pace; /* pace: the factor of the next move of lambda */
    path now, next;
    double *K, *k; /* [T x nu x nx] [T x nu] */
    double *xu;    /* [nx + nu] */
    double *z;     /* [max(nz, nz_end)] */
};

static elbo_status check(const elbo_ilqr_config *c, const elbo_ilqr_problem *p)
{
    assert(p->nx > 0 && p->nu > 0 && p->T > 0);
    assert(p->f.nx == p->nx + p->nu && p->f.ny == p->nx);
    assert(p->h.nx == p->nx + p->nu && p->h.ny == p->goal->size);
    assert(p->h_end.ny == 0 || p->h_end.nx == p->nx);
    assert(p->u->size1 == p->T && p->u->size2 == p->nu);
    if (!(c->lambda >= 0 && c->least > 0 && c->most >= c->lambda)
        || !isfinite(c->most))
        return ELBO_FAIL(ELBO_EINVAL, "ilqr: lambda %g in [%g, %g]", c->lambda,
                         c->least, c->most);
    if (!(c->factor > 1) || !(c->sufficient > 0 && c->sufficient < 1)
        || !(c->tolerance >= 0) || !isfinite(c->factor))
        return ELBO_FAIL(ELBO_EINVAL,
                         "ilqr: factor %g, sufficient %g, tolerance %g",
                         c->factor, c->sufficient, c->tolerance);
    for (size_t i = 0; p->limit && i < p->nu; i++)
        if (!(p->limit[i] > 0))
            return ELBO_FAIL(ELBO_EINVAL, "ilqr: limit %g", p->limit[i]);
    return ELBO_OK;
}

static double cut(const elbo_ilqr_problem *p, size_t i, double u)
{
    return p->limit ? fmax(-p->limit[i], fmin(p->limit[i], u)) : u;
}

/* e'W e, e = z - goal, which replaces z */
static double square(const gsl_matrix *W, const gsl_vector *goal, double z[])
{
    double sum = 0;

    for (size_t i = 0; i < goal->size; i++) z[i] -= gsl_vector_get(goal, i);
    for (size_t i = 0; i < goal->size; i++)
        for (size_t j = 0; j < goal->size; j++)
            sum += z[i] * gsl_matrix_get(W, i, j) * z[j];
    return sum;
}

/* out = the path of u = u_t + a k_t + K_t (x - x_t); ELBO_ENOTFINITE where it
 * leaves the numbers. */
static elbo_status roll(elbo_ilqr *w, double a, path *out)
{
    const elbo_ilqr_problem *const p = &w->p;
    const size_t nx = p->nx, nu = p->nu;

    out->cost = 0;
    memcpy(out->x, p->x0->data, nx * sizeof *out->x);
    for (size_t t = 0; t < p->T; t++) {
        const double *const x = out->x + t * nx, *const x_t = w->now.x + t * nx;

        memcpy(w->xu, x, nx * sizeof *x);
        for (size_t i = 0; i < nu; i++) {
            const double *const K = w->K + (t * nu + i) * nx;
            double u = w->now.u[t * nu + i] + a * w->k[t * nu + i];

            for (size_t j = 0; j < nx; j++) u += K[j] * (x[j] - x_t[j]);
            out->u[t * nu + i] = w->xu[nx + i] = cut(p, i, u);
        }
        if (elbo_map_value(&p->h, w->xu, w->z)
            || elbo_map_value(&p->f, w->xu, out->x + (t + 1) * nx))
            return elbo_fail_prefix("ilqr: step %zu", t);
        out->cost += square(p->W, p->goal, w->z);
    }
    if (p->h_end.ny) {
        if (elbo_map_value(&p->h_end, out->x + p->T * nx, w->z))
            return elbo_fail_prefix("ilqr: end");
        out->cost += square(p->W_end, p->goal_end, w->z);
    }
    if (!isfinite(out->cost))
        return ELBO_FAIL(ELBO_ENOTFINITE, "ilqr: the cost is %g", out->cost);
    return ELBO_OK;
}

static path take_path(const elbo_ilqr_problem *p, elbo_arena *arena)
{
    return (path){
        .x = elbo_arena_take(arena, (p->T + 1) * p->nx, sizeof(double)),
        .u = elbo_arena_take(arena, p->T * p->nu, sizeof(double)),
    };
}

elbo_status elbo_ilqr_open(const elbo_ilqr_config *config,
                           const elbo_ilqr_problem *problem, elbo_arena *arena,
                           elbo_ilqr **out)
{
    const elbo_ilqr_problem *const p = problem;
    const size_t T = p->T, nx = p->nx, nu = p->nu;
    const size_t nz = p->h.ny > p->h_end.ny ? p->h.ny : p->h_end.ny;

    ELBO_TRY(check(config, p));

    elbo_ilqr *const w = elbo_arena_take(arena, 1, sizeof *w);

    ELBO_TRY(elbo_arena_check(arena, "ilqr"));
    *w = (elbo_ilqr){
        .p = *p,
        .config = *config,
        .lambda = config->lambda,
        .pace = 1,
        .now = take_path(p, arena),
        .next = take_path(p, arena),
        .K = elbo_arena_take(arena, T * nu * nx, sizeof(double)),
        .k = elbo_arena_take(arena, T * nu, sizeof(double)),
        .xu = elbo_arena_doubles(arena, nx + nu),
        .z = elbo_arena_doubles(arena, nz),
    };
    ELBO_TRY(elbo_arena_check(arena, "ilqr: trajectories"));
    for (size_t t = 0; t < T; t++)
        for (size_t i = 0; i < nu; i++)
            w->now.u[t * nu + i] = gsl_matrix_get(p->u, t, i);
    *out = w;
    ELBO_TRY(roll(w, 0, &w->now));
    return ELBO_OK;
}

/* The problem in (dx, du) about the trajectory. */
typedef struct expansion {
    elbo_linear_dynamics *map; /* [T] */
    elbo_quadratic *reward;    /* [T], in (dx, du) */
    elbo_quadratic end;        /* in dx */
    gsl_matrix *none;          /* [nx x nx] 0 */
    double *gradient;          /* [T x nu] dJ/du */
    double *curvature;         /* [T x nu] the diagonals of P_uu */
} expansion;

/* reward = -|h - goal|^2_W to second order in Gauss and Newton's way:
 * P = 2 H'W H, p = -2 H'W e, c = -e'W e */
static elbo_status expand_cost(const elbo_map *h, const gsl_vector *goal,
                               const gsl_matrix *W, const double at[],
                               elbo_quadratic *out, elbo_arena *ws)
{
    gsl_matrix *const H = elbo_arena_mat(ws, h->ny, h->nx);
    gsl_matrix *const WH = elbo_arena_mat(ws, h->ny, h->nx);
    gsl_vector *const e = elbo_arena_vec(ws, h->ny);

    ELBO_TRY(elbo_arena_check(ws, "ilqr: a cost"));
    ELBO_TRY(elbo_map_value(h, at, e->data));
    ELBO_TRY(elbo_map_jacobian(h, at, H, ws));
    out->c = -square(W, goal, e->data);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, W, H, 0, WH);
    gsl_blas_dgemm(CblasTrans, CblasNoTrans, 2, H, WH, 0, out->P);
    elbo_sym_from_lower(out->P);
    gsl_blas_dgemv(CblasTrans, -2, WH, e, 0, out->p);
    return ELBO_OK;
}

static elbo_status expand_step(const elbo_ilqr *w, size_t t, expansion *out,
                               elbo_arena *ws)
{
    const elbo_ilqr_problem *const p = &w->p;
    const size_t nx = p->nx, nu = p->nu, n = nx + nu;
    gsl_matrix *const A = elbo_arena_mat(ws, nx, nx);
    gsl_matrix *const B = elbo_arena_mat(ws, nx, nu);

    out->reward[t] = elbo_quadratic_take(ws, n);
    ELBO_TRY(elbo_arena_check(ws, "ilqr: a step"));
    out->map[t] = (elbo_linear_dynamics){.A = A, .B = B, .W = out->none};

    const elbo_mark mark = elbo_arena_mark(ws);
    gsl_matrix *const F = elbo_arena_mat(ws, nx, n);
    double *const at = elbo_arena_doubles(ws, n);

    ELBO_TRY(elbo_arena_check(ws, "ilqr: a step"));
    memcpy(at, w->now.x + t * nx, nx * sizeof *at);
    memcpy(at + nx, w->now.u + t * nu, nu * sizeof *at);
    ELBO_TRY(elbo_map_jacobian(&p->f, at, F, ws));
    ELBO_TRY(expand_cost(&p->h, p->goal, p->W, at, &out->reward[t], ws));
    for (size_t i = 0; i < nx; i++) {
        memcpy(A->data + i * nx, F->data + i * n, nx * sizeof *at);
        memcpy(B->data + i * nu, F->data + i * n + nx, nu * sizeof *at);
    }
    elbo_arena_release(ws, mark);
    return ELBO_OK;
}

/* dJ/du_t = -r_u + B'y, y <- -r_x + A'y, from the end back */
static elbo_status differentiate(const elbo_ilqr *w, expansion *e,
                                 elbo_arena *ws)
{
    const size_t nx = w->p.nx, nu = w->p.nu;
    gsl_vector *const y = elbo_arena_vec(ws, nx);
    gsl_vector *const before = elbo_arena_vec(ws, nx);

    ELBO_TRY(elbo_arena_check(ws, "ilqr: a gradient"));
    for (size_t j = 0; j < nx; j++) y->data[j] = -e->end.p->data[j];
    for (size_t t = w->p.T; t-- > 0;) {
        const double *const r = e->reward[t].p->data;
        gsl_vector_view g = gsl_vector_view_array(e->gradient + t * nu, nu);

        for (size_t j = 0; j < nx; j++) before->data[j] = -r[j];
        for (size_t i = 0; i < nu; i++) g.vector.data[i] = -r[nx + i];
        gsl_blas_dgemv(CblasTrans, 1, e->map[t].B, y, 1, &g.vector);
        gsl_blas_dgemv(CblasTrans, 1, e->map[t].A, y, 1, before);
        gsl_vector_memcpy(y, before);
    }
    return ELBO_OK;
}

static elbo_status expand(const elbo_ilqr *w, expansion *out, elbo_arena *ws)
{
    const elbo_ilqr_problem *const p = &w->p;

    *out = (expansion){
        .map = elbo_arena_take(ws, p->T, sizeof *out->map),
        .reward = elbo_arena_take(ws, p->T, sizeof *out->reward),
        .end = elbo_quadratic_take(ws, p->nx),
        .none = elbo_arena_mat(ws, p->nx, p->nx),
        .gradient = elbo_arena_doubles(ws, p->T * p->nu),
        .curvature = elbo_arena_doubles(ws, p->T * p->nu),
    };
    ELBO_TRY(elbo_arena_check(ws, "ilqr: an expansion"));
    gsl_matrix_set_zero(out->none);
    elbo_quadratic_zero(&out->end);
    for (size_t t = 0; t < p->T; t++)
        if (expand_step(w, t, out, ws) != ELBO_OK)
            return elbo_fail_prefix("ilqr: step %zu", t);
    if (p->h_end.ny
        && expand_cost(&p->h_end, p->goal_end, p->W_end,
                       w->now.x + p->T * p->nx, &out->end, ws))
        return elbo_fail_prefix("ilqr: end");
    return differentiate(w, out, ws);
}

/* Input i of a step does not move: nothing depends on it any more. */
static void freeze(size_t nx, size_t i, elbo_linear_dynamics *map,
                   elbo_quadratic *r)
{
    gsl_matrix B = *map->B;
    gsl_vector column = gsl_matrix_column(&B, i).vector;
    gsl_vector row = gsl_matrix_row(r->P, nx + i).vector;
    gsl_vector mirror = gsl_matrix_column(r->P, nx + i).vector;

    gsl_vector_set_zero(&column);
    gsl_vector_set_zero(&row);
    gsl_vector_set_zero(&mirror);
    gsl_matrix_set(r->P, nx + i, nx + i, 1);
    gsl_vector_set(r->p, nx + i, 0);
}

/* Inputs that press against a limit; the largest gradient of the others. */
static double hold(const elbo_ilqr *w, expansion *e)
{
    const size_t nx = w->p.nx, nu = w->p.nu;
    double largest = 0;

    for (size_t t = 0; t < w->p.T; t++)
        for (size_t i = 0; i < nu; i++) {
            const double u = w->now.u[t * nu + i], g = e->gradient[t * nu + i];

            if (w->p.limit && fabs(u) >= w->p.limit[i] && u * g < 0)
                freeze(nx, i, &e->map[t], &e->reward[t]);
            else
                largest = fmax(largest, fabs(g));
            e->curvature[t * nu + i] =
                gsl_matrix_get(e->reward[t].P, nx + i, nx + i);
        }
    return largest;
}

/* P_uu = curvature + lambda on the diagonal */
static void damp(const elbo_ilqr *w, expansion *e)
{
    const size_t nx = w->p.nx, nu = w->p.nu;

    for (size_t t = 0; t < w->p.T; t++)
        for (size_t i = 0; i < nu; i++)
            gsl_matrix_set(e->reward[t].P, nx + i, nx + i,
                           e->curvature[t * nu + i] + w->lambda);
}

/* K, k of the damped problem; *promised = what it gains over standing still. */
static elbo_status plan(elbo_ilqr *w, expansion *e, double *promised,
                        elbo_arena *ws)
{
    const size_t T = w->p.T, nx = w->p.nx, nu = w->p.nu;
    elbo_lqr lqr = elbo_lqr_defaults;
    elbo_lqr_solution solution;

    lqr.nx = nx;
    lqr.nu = nu;
    lqr.T = T;
    lqr.dynamics = e->map;
    lqr.reward = e->reward;
    lqr.ndynamics = lqr.nreward = T;
    lqr.terminal = &e->end;
    damp(w, e);
    ELBO_TRY(elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &solution, ws));
    *promised = 0;
    for (size_t t = 0; t < T; t++) {
        const elbo_linear_policy *const pi = &solution.stages[t].pi;
        const elbo_quadratic *const Q = &solution.stages[t].Q;

        for (size_t i = 0; i < nu; i++) {
            const double k = gsl_vector_get(pi->k, i);

            w->k[t * nu + i] = k;
            for (size_t j = 0; j < nx; j++)
                w->K[(t * nu + i) * nx + j] = gsl_matrix_get(pi->K, i, j);
            *promised += 0.5 * gsl_vector_get(Q->p, nx + i) * k;
        }
    }
    return ELBO_OK;
}

/* Lambda moves by a factor that grows while it moves the same way. */
static void move_lambda(elbo_ilqr *w, bool up)
{
    const elbo_ilqr_config *const c = &w->config;

    w->pace = up ? fmax(c->factor, w->pace * c->factor)
                 : fmin(1 / c->factor, w->pace / c->factor);
    w->lambda *= w->pace;
    if (up) w->lambda = fmax(w->lambda, c->least);
    if (w->lambda < c->least) w->lambda = 0;
    w->lambda = fmin(w->lambda, c->most);
}

/* a = 1, 1/2, ..: the first whose cost falls enough becomes the trajectory. */
static double search(elbo_ilqr *w, double promised)
{
    double a = 1;

    for (size_t i = 0; i <= w->config.halvings; i++, a /= 2) {
        if (roll(w, a, &w->next) != ELBO_OK) continue;
        if (w->now.cost - w->next.cost < w->config.sufficient * a * promised)
            continue;

        const path old = w->now;

        w->now = w->next;
        w->next = old;
        return a;
    }
    return 0;
}

static elbo_status iterate(elbo_ilqr *w, elbo_ilqr_info *info, elbo_arena *ws)
{
    const elbo_ilqr_config *const c = &w->config;
    expansion e;

    ELBO_TRY(expand(w, &e, ws));
    info->gradient = hold(w, &e);
    while (info->step <= 0 && !info->converged && !info->stuck) {
        const elbo_mark mark = elbo_arena_mark(ws);
        const elbo_status s = plan(w, &e, &info->promised, ws);

        elbo_arena_release(ws, mark);
        if (s != ELBO_OK && s != ELBO_ENOTPD) return s;
        info->lambda = w->lambda;
        info->converged = s == ELBO_OK && w->lambda <= 0
                          && info->promised <= c->tolerance * (1 + w->now.cost);
        if (s == ELBO_OK) info->step = search(w, info->promised);
        info->stuck = info->step <= 0 && w->lambda >= c->most;
        move_lambda(w, info->step <= 0);
    }
    info->iteration = ++w->iteration;
    info->cost = w->now.cost;
    return ELBO_OK;
}

elbo_status elbo_ilqr_iterate(elbo_ilqr *ilqr, elbo_ilqr_info *info,
                              elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    *info = (elbo_ilqr_info){0};

    const elbo_status s = iterate(ilqr, info, ws);

    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_ilqr_solve(elbo_ilqr *ilqr, size_t iterations,
                            elbo_ilqr_info *info, elbo_arena *ws)
{
    *info = (elbo_ilqr_info){.cost = ilqr->now.cost};
    for (size_t i = 0; i < iterations; i++) {
        ELBO_TRY(elbo_ilqr_iterate(ilqr, info, ws));
        if (info->converged || info->stuck) break;
    }
    return ELBO_OK;
}

elbo_ilqr_view elbo_ilqr_trajectory(const elbo_ilqr *ilqr)
{
    return (elbo_ilqr_view){ilqr->now.x, ilqr->now.u, ilqr->K, ilqr->now.cost};
}

void elbo_ilqr_act(const elbo_ilqr *ilqr, size_t t, const double x[],
                   double u[])
{
    const size_t nx = ilqr->p.nx, nu = ilqr->p.nu;
    const double *const x_t = ilqr->now.x + t * nx;

    assert(t < ilqr->p.T);
    for (size_t i = 0; i < nu; i++) {
        const double *const K = ilqr->K + (t * nu + i) * nx;

        u[i] = ilqr->now.u[t * nu + i];
        for (size_t j = 0; j < nx; j++) u[i] += K[j] * (x[j] - x_t[j]);
        u[i] = cut(&ilqr->p, i, u[i]);
    }
}

void elbo_ilqr_save(const elbo_ilqr *ilqr, elbo_writer *out)
{
    const size_t T = ilqr->p.T, nx = ilqr->p.nx, nu = ilqr->p.nu;

    elbo_put_u64(out, T);
    elbo_put_u64(out, nx);
    elbo_put_u64(out, nu);
    elbo_put_u64(out, ilqr->iteration);
    elbo_put_f64(out, ilqr->lambda);
    elbo_put_f64(out, ilqr->pace);
    elbo_put_f64(out, ilqr->now.cost);
    elbo_put_doubles(out, ilqr->now.x, (T + 1) * nx);
    elbo_put_doubles(out, ilqr->now.u, T * nu);
    elbo_put_doubles(out, ilqr->K, T * nu * nx);
}

elbo_status elbo_ilqr_load(elbo_ilqr *ilqr, elbo_reader *in)
{
    const size_t T = ilqr->p.T, nx = ilqr->p.nx, nu = ilqr->p.nu;
    uint64_t sizes[3], iteration;

    for (size_t i = 0; i < 3; i++) ELBO_TRY(elbo_get_u64(in, &sizes[i]));
    if (sizes[0] != T || sizes[1] != nx || sizes[2] != nu)
        return ELBO_FAIL(ELBO_EDATA,
                         "checkpoint: iLQR of %llu steps, %llu states, %llu "
                         "inputs, the problem has %zu, %zu, %zu",
                         (unsigned long long)sizes[0],
                         (unsigned long long)sizes[1],
                         (unsigned long long)sizes[2], T, nx, nu);
    ELBO_TRY(elbo_get_u64(in, &iteration));
    ELBO_TRY(elbo_get_f64(in, &ilqr->lambda));
    ELBO_TRY(elbo_get_f64(in, &ilqr->pace));
    ELBO_TRY(elbo_get_f64(in, &ilqr->now.cost));
    if (!(ilqr->lambda >= 0) || !(ilqr->pace > 0) || !isfinite(ilqr->lambda)
        || !isfinite(ilqr->pace) || !isfinite(ilqr->now.cost))
        return ELBO_FAIL(ELBO_EDATA, "checkpoint: iLQR's lambda is %g",
                         ilqr->lambda);
    ilqr->iteration = (size_t)iteration;
    ELBO_TRY(elbo_get_doubles(in, ilqr->now.x, (T + 1) * nx));
    ELBO_TRY(elbo_get_doubles(in, ilqr->now.u, T * nu));
    return elbo_get_doubles(in, ilqr->K, T * nu * nx);
}

#include "inference/linear_data.h"

#include <assert.h>
#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/csv.h"

elbo_status elbo_linear_data_init(elbo_linear_data *data, size_t nx, size_t nu,
                                  size_t capacity, elbo_arena *arena)
{
    const size_t each = (2 * nx + nu + 1) * sizeof(double) + sizeof(uint32_t);
    const size_t room = elbo_alloc_room();

    if (capacity > room / each)
        return ELBO_FAIL(ELBO_ENOMEM,
                         "data: %zu transitions of %zu bytes; %zu bytes are free",
                         capacity, each, room);
    *data = (elbo_linear_data){
        .capacity = capacity,
        .nx = nx,
        .nu = nu,
        .x = elbo_arena_doubles(arena, capacity * nx),
        .u = elbo_arena_doubles(arena, capacity * nu),
        .y = elbo_arena_doubles(arena, capacity * nx),
        .w = elbo_arena_doubles(arena, capacity),
        .step = elbo_arena_u32(arena, capacity),
    };
    return elbo_arena_check(arena, "data");
}

elbo_status elbo_linear_collector_init(elbo_linear_collector *collector,
                                       size_t nx, uint64_t seed,
                                       elbo_arena *arena)
{
    *collector = (elbo_linear_collector){
        .rng = elbo_rng_stream(seed, "data", 0),
        .x = elbo_arena_doubles(arena, nx),
    };
    ELBO_TRY(elbo_arena_check(arena, "the collector"));
    memset(collector->x, 0, nx * sizeof *collector->x);
    return ELBO_OK;
}

/* ---- stepping ---- */

/* Square roots of covariances and room for one step. */
typedef struct stepper {
    const elbo_linear_world *world;
    const elbo_linear_behaviour *how;
    gsl_matrix *noise, *start; /* L L' = W, P0 */
    gsl_matrix **spread;       /* [stages] L L' = S, NULL where S = 0 */
    gsl_matrix **expert;       /* [stages] of the expert's */
    gsl_vector *e;             /* [max(nx, nu)] */
} stepper;

static elbo_status take_root(const gsl_matrix *S, elbo_arena *ws, gsl_matrix **L)
{
    *L = elbo_arena_mat(ws, S->size1, S->size1);
    ELBO_TRY(elbo_arena_check(ws, "data: collecting"));
    return elbo_psd_factor(S, *L, ws);
}

static elbo_status take_spreads(const elbo_linear_policy *policy, size_t stages,
                                elbo_arena *ws, gsl_matrix **out)
{
    for (size_t t = 0; policy && t < stages; t++)
        if (!gsl_matrix_isnull(policy[t].S))
            ELBO_TRY(take_root(policy[t].S, ws, &out[t]));
    return ELBO_OK;
}

static elbo_status prepare(const elbo_linear_world *world,
                           const elbo_linear_behaviour *how, elbo_arena *ws,
                           stepper *out)
{
    const size_t n = world->nx > world->nu ? world->nx : world->nu;

    *out = (stepper){.world = world,
                     .how = how,
                     .spread = elbo_arena_take(ws, how->stages + 1,
                                               sizeof *out->spread),
                     .expert = elbo_arena_take(ws, how->stages + 1,
                                               sizeof *out->expert),
                     .e = elbo_arena_vec(ws, n)};
    ELBO_TRY(elbo_arena_check(ws, "data: collecting"));
    ELBO_TRY(take_root(world->dynamics.W, ws, &out->noise));
    ELBO_TRY(take_root(world->P0, ws, &out->start));
    ELBO_TRY(take_spreads(how->policy, how->stages, ws, out->spread));
    return take_spreads(how->expert, how->stages, ws, out->expert);
}

/* out += L e, e standard normals. */
static void disturb(const stepper *s, const gsl_matrix *L, elbo_rng *rng,
                    double out[])
{
    gsl_vector_view y = gsl_vector_view_array(out, L->size1);
    gsl_vector_view e = gsl_vector_subvector(s->e, 0, L->size1);

    elbo_rng_normals(rng, e.vector.data, L->size1);
    gsl_blas_dgemv(CblasNoTrans, 1, L, &e.vector, 1, &y.vector);
}

static void act(const stepper *s, elbo_linear_collector *at, double u[])
{
    const elbo_linear_behaviour *how = s->how;
    const elbo_linear_policy *policy = at->by_expert ? how->expert : how->policy;
    gsl_matrix **spread = at->by_expert ? s->expert : s->spread;
    const size_t nu = s->world->nu;
    gsl_vector_view to = gsl_vector_view_array(u, nu);
    gsl_vector_const_view x =
        gsl_vector_const_view_array(at->x, s->world->nx);

    gsl_vector_set_zero(&to.vector);
    if (policy) {
        const size_t t = at->step % how->stages;

        gsl_vector_memcpy(&to.vector, policy[t].k);
        gsl_blas_dgemv(CblasNoTrans, 1, policy[t].K, &x.vector, 1, &to.vector);
        if (spread[t]) disturb(s, spread[t], &at->rng, u);
    }
    if (!at->by_expert && how->epsilon > 0 && elbo_rng_uniform(&at->rng) < how->epsilon) {
        elbo_rng_normals(&at->rng, s->e->data, nu);
        for (size_t i = 0; i < nu; i++) u[i] += how->noise * s->e->data[i];
    }
}

static void begin(const stepper *s, elbo_linear_collector *at)
{
    for (size_t i = 0; i < s->world->nx; i++)
        at->x[i] = gsl_vector_get(s->world->m0, i);
    disturb(s, s->start, &at->rng, at->x);
    at->by_expert =
        s->how->share > 0 && elbo_rng_uniform(&at->rng) < s->how->share;
    at->step = 0;
    at->episodes++;
}

/* y = A x + B u + c + noise. */
static void follow(const stepper *s, elbo_linear_collector *at, const double u[],
                   double y[])
{
    const elbo_linear_dynamics *map = elbo_linear_world_map(s->world, at->step);
    gsl_vector_view to = gsl_vector_view_array(y, s->world->nx);
    gsl_vector_const_view x =
        gsl_vector_const_view_array(at->x, s->world->nx);
    gsl_vector_const_view a = gsl_vector_const_view_array(u, s->world->nu);

    gsl_vector_memcpy(&to.vector, map->c);
    gsl_blas_dgemv(CblasNoTrans, 1, map->A, &x.vector, 1, &to.vector);
    gsl_blas_dgemv(CblasNoTrans, 1, map->B, &a.vector, 1, &to.vector);
    disturb(s, s->noise, &at->rng, y);
}

static bool is_far(const stepper *s, const double x[])
{
    for (size_t j = 0; j < s->world->nx; j++)
        if (!(fabs(x[j]) <= s->how->limit)) return true;
    return false;
}

static void step(elbo_linear_data *data, elbo_linear_collector *at,
                 const stepper *s)
{
    const size_t i = data->n, nx = data->nx;
    double *const u = data->u + i * data->nu, *const y = data->y + i * nx;

    if (!at->running) begin(s, at);
    memcpy(data->x + i * nx, at->x, nx * sizeof *y);
    act(s, at, u);
    follow(s, at, u, y);
    data->w[i] = 1;
    data->step[i] = (uint32_t)at->step;
    data->n++;
    memcpy(at->x, y, nx * sizeof *y);
    at->step++;
    at->running = !is_far(s, y)
                  && !(s->how->episode_steps
                       && at->step >= s->how->episode_steps);
}

static elbo_status collect(elbo_linear_data *data,
                           elbo_linear_collector *collector,
                           const elbo_linear_world *world,
                           const elbo_linear_behaviour *how, size_t n,
                           elbo_arena *ws)
{
    stepper s;

    ELBO_TRY(prepare(world, how, ws, &s));
    for (size_t i = 0; i < n; i++) step(data, collector, &s);
    return ELBO_OK;
}

elbo_status elbo_linear_collect(elbo_linear_data *data,
                                elbo_linear_collector *collector,
                                const elbo_linear_world *world,
                                const elbo_linear_behaviour *how, size_t n,
                                elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    assert(how->stages > 0);
    if (n > data->capacity - data->n)
        return ELBO_FAIL(ELBO_ESIZE,
                         "data: %zu transitions do not fit: %zu of %zu taken", n,
                         data->n, data->capacity);

    const elbo_status s = collect(data, collector, world, how, n, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* ---- a file ---- */

enum { NAME = 12 };

/* x1 .. xnx, u1 .. unu, y1 .. ynx. */
static elbo_status name_columns(size_t nx, size_t nu, elbo_arena *arena,
                                const char **name)
{
    for (size_t i = 0; i < 2 * nx + nu; i++) {
        char text[NAME];
        const char letter = i < nx ? 'x' : i < nx + nu ? 'u' : 'y';
        const size_t first = i < nx ? 0 : i < nx + nu ? nx : nx + nu;

        snprintf(text, sizeof text, "%c%u", letter, (unsigned)(i - first + 1));
        name[i] = elbo_arena_text(arena, text);
    }
    return elbo_arena_check(arena, "data: columns");
}

static elbo_status append(elbo_linear_data *data, const elbo_csv *csv)
{
    const size_t i = data->n, nx = data->nx, nu = data->nu;

    for (size_t j = 0; j < 2 * nx + nu; j++) {
        double *const to = j < nx        ? data->x + i * nx + j
                           : j < nx + nu ? data->u + i * nu + j - nx
                                         : data->y + i * nx + j - nx - nu;

        ELBO_TRY(elbo_csv_double(csv, j, -1e150, 1e150, to));
    }
    data->w[i] = 1;
    data->step[i] = 0;
    data->n++;
    return ELBO_OK;
}

elbo_status elbo_linear_data_read(elbo_linear_data *data, const char *path,
                                  size_t nx, size_t nu, elbo_arena *arena)
{
    const size_t n = 2 * nx + nu;
    const char **name = elbo_arena_take(arena, n, sizeof *name);
    elbo_csv csv;
    bool more = true;

    ELBO_TRY(elbo_arena_check(arena, "data: columns"));
    if (n > ELBO_CSV_COLUMNS)
        return ELBO_FAIL(ELBO_ESIZE, "%s: %zu columns, at most %d can be read",
                         path, n, ELBO_CSV_COLUMNS);
    ELBO_TRY(name_columns(nx, nu, arena, name));
    ELBO_TRY(elbo_csv_open(&csv, path, name, n, arena));
    ELBO_TRY(
        elbo_linear_data_init(data, nx, nu, elbo_csv_most_rows(&csv), arena));
    for (;;) {
        ELBO_TRY(elbo_csv_next(&csv, &more));
        if (!more) return ELBO_OK;
        ELBO_TRY(append(data, &csv));
    }
}

/* ---- what the M-step asks of them ---- */

static elbo_status add_stage(const elbo_linear_data *data, size_t stages,
                             size_t t, elbo_moments *S, elbo_arena *ws)
{
    const size_t nx = data->nx, nu = data->nu, nz = nx + nu + 1;
    size_t n = 0;

    for (size_t i = 0; i < data->n; i++) n += data->step[i] % stages == t;
    if (n == 0) return ELBO_OK;

    gsl_matrix *const Z = elbo_arena_mat(ws, n, nz);
    gsl_matrix *const Y = elbo_arena_mat(ws, n, nx);
    double *const w = elbo_arena_doubles(ws, n);
    size_t k = 0;

    ELBO_TRY(elbo_arena_check(ws, "data: moments"));
    for (size_t i = 0; i < data->n; i++) {
        if (data->step[i] % stages != t) continue;

        double *const z = Z->data + k * Z->tda;

        memcpy(z, data->x + i * nx, nx * sizeof *z);
        memcpy(z + nx, data->u + i * nu, nu * sizeof *z);
        z[nx + nu] = 1;
        memcpy(Y->data + k * Y->tda, data->y + i * nx, nx * sizeof *z);
        w[k++] = data->w[i];
    }
    return elbo_moments_rows(S, Y, Z, w);
}

elbo_status elbo_linear_data_moments(const elbo_linear_data *data, double scale,
                                     size_t stages, elbo_moments S[],
                                     elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_status s = ELBO_OK;

    for (size_t t = 0; s == ELBO_OK && t < stages; t++) {
        elbo_moments_clear(&S[t]);
        s = add_stage(data, stages, t, &S[t], ws);
        elbo_arena_release(ws, mark);
        gsl_matrix_scale(S[t].Szz, scale);
        gsl_matrix_scale(S[t].Syz, scale);
        gsl_matrix_scale(S[t].Syy, scale);
        S[t].n *= scale;
    }
    return s;
}

double elbo_linear_data_ess(const elbo_linear_data *data)
{
    double sum = 0, squares = 0, largest = 0;

    for (size_t i = 0; i < data->n; i++) largest = fmax(largest, data->w[i]);
    if (!(largest > 0)) return 0;
    for (size_t i = 0; i < data->n; i++) {
        const double w = data->w[i] / largest;

        sum += w;
        squares += w * w;
    }
    return sum * sum / squares;
}

/* ---- state ---- */

void elbo_linear_data_save(const elbo_linear_data *data,
                           const elbo_linear_collector *collector,
                           elbo_writer *out)
{
    const size_t n = data->n;

    elbo_put_u64(out, n);
    elbo_put_doubles(out, data->x, n * data->nx);
    elbo_put_doubles(out, data->u, n * data->nu);
    elbo_put_doubles(out, data->y, n * data->nx);
    elbo_put_doubles(out, data->w, n);
    elbo_put_bytes(out, data->step, n * sizeof *data->step);
    elbo_rng_save(&collector->rng, out);
    elbo_put_doubles(out, collector->x, data->nx);
    elbo_put_u64(out, collector->step);
    elbo_put_u64(out, collector->running);
    elbo_put_u64(out, collector->by_expert);
    elbo_put_u64(out, collector->episodes);
}

static elbo_status load_collector(elbo_linear_collector *collector, size_t nx,
                                  elbo_reader *in)
{
    uint64_t running = 0, by_expert = 0;

    ELBO_TRY(elbo_rng_load(&collector->rng, in));
    ELBO_TRY(elbo_get_doubles(in, collector->x, nx));
    ELBO_TRY(elbo_get_u64(in, &collector->step));
    ELBO_TRY(elbo_get_u64(in, &running));
    ELBO_TRY(elbo_get_u64(in, &by_expert));
    ELBO_TRY(elbo_get_u64(in, &collector->episodes));
    if (running > 1 || by_expert > 1 || (running && collector->episodes == 0))
        return ELBO_FAIL(ELBO_EDATA, "collector: running %llu, episodes %llu",
                         (unsigned long long)running,
                         (unsigned long long)collector->episodes);
    collector->running = running;
    collector->by_expert = by_expert;
    return ELBO_OK;
}

elbo_status elbo_linear_data_load(elbo_linear_data *data,
                                  elbo_linear_collector *collector,
                                  elbo_reader *in)
{
    uint64_t saved = 0;

    ELBO_TRY(elbo_get_u64(in, &saved));
    if (saved > data->capacity)
        return ELBO_FAIL(ELBO_EDATA, "data: %llu transitions saved, room for %zu",
                         (unsigned long long)saved, data->capacity);

    const size_t n = (size_t)saved;

    ELBO_TRY(elbo_get_doubles(in, data->x, n * data->nx));
    ELBO_TRY(elbo_get_doubles(in, data->u, n * data->nu));
    ELBO_TRY(elbo_get_doubles(in, data->y, n * data->nx));
    ELBO_TRY(elbo_get_doubles(in, data->w, n));
    ELBO_TRY(elbo_get_bytes(in, data->step, n * sizeof *data->step));
    ELBO_TRY(load_collector(collector, data->nx, in));
    data->n = n;
    return ELBO_OK;
}

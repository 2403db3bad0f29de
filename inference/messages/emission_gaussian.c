/* inference/messages/emission_gaussian.c -- states that emit Gaussian vectors.
 */
#include <gsl/gsl_blas.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "inference/messages/emission.h"
#include "inference/messages/mniw.h"

enum { MOST_NY = 256 };

/* A density is constant - 1/2 |L^-1 (y - m)|^2, or Student's t with `degrees`
 * of freedom: constant - (degrees + ny)/2 log(1 + |L^-1 (y - m)|^2 / degrees)
 */
typedef struct density {
    gsl_matrix *L;
    double constant, degrees;
} density;

typedef struct bells {
    size_t K, ny;
    bool variational;
    double floor;
    elbo_mniw prior;
    elbo_mniw *q;               /* [K]; of ML, M and Psi = W alone are read */
    density *mean, *predictive; /* [K] */
} bells;

static elbo_status take_densities(bells *w, elbo_arena *arena)
{
    w->mean = elbo_arena_take(arena, w->K, sizeof *w->mean);
    w->predictive = elbo_arena_take(arena, w->K, sizeof *w->predictive);
    w->q = elbo_arena_take(arena, w->K, sizeof *w->q);
    ELBO_TRY(elbo_arena_check(arena, "gaussian"));
    for (size_t k = 0; k < w->K; k++) {
        w->mean[k].L = elbo_arena_mat(arena, w->ny, w->ny);
        w->predictive[k].L = elbo_arena_mat(arena, w->ny, w->ny);
        ELBO_TRY(elbo_mniw_init(&w->q[k], w->ny, 1, arena));
        elbo_mniw_copy(&w->q[k], &w->prior);
    }
    return elbo_arena_check(arena, "gaussian");
}

static elbo_status open_bells(const elbo_emission_config *c, size_t K,
                              bool variational, elbo_arena *arena, void **self)
{
    bells *const w = elbo_arena_take(arena, 1, sizeof *w);
    const double nu = c->nu > 0 ? c->nu : (double)c->ny + 2;

    if (c->ny == 0 || c->ny > MOST_NY || !(c->strength > 0) || !(c->scale > 0)
        || !(nu > (double)c->ny - 1) || !(c->floor > 0)
        || !isfinite(c->strength + c->scale + nu + c->floor))
        return ELBO_FAIL(
            ELBO_EINVAL,
            "gaussian: ny %zu, strength %g, scale %g, nu %g, floor "
            "%g",
            c->ny, c->strength, c->scale, nu, c->floor);
    ELBO_TRY(elbo_arena_check(arena, "gaussian"));
    *w = (bells){
        .K = K, .ny = c->ny, .variational = variational, .floor = c->floor};
    ELBO_TRY(elbo_mniw_init(&w->prior, c->ny, 1, arena));
    elbo_mniw_isotropic(&w->prior, c->strength, c->scale, nu);
    *self = w;
    return take_densities(w, arena);
}

/* Of a state: n, sum y, sum y y' */
static size_t block(const bells *w)
{
    return 1 + w->ny + w->ny * w->ny;
}

static size_t count_size(const void *self)
{
    const bells *const w = self;

    return w->K * block(w);
}

static size_t parameter_size(const void *self)
{
    return block(self) - 1;
}

static size_t width(const void *self)
{
    return ((const bells *)self)->ny;
}

static bool missing(const bells *w, const double y[])
{
    for (size_t i = 0; i < w->ny; i++)
        if (!isnan(y[i])) return false;
    return true;
}

static elbo_status check(const void *self, const elbo_hmm_sequence *seq)
{
    const bells *const w = self;

    for (size_t t = 0; t < seq->T; t++) {
        const double *const y = seq->y + t * w->ny;

        if (missing(w, y)) continue;
        for (size_t i = 0; i < w->ny; i++) {
            if (isnan(y[i]))
                return ELBO_FAIL(ELBO_EDATA,
                                 "row %zu is missing in part (column %zu)", t,
                                 i);
            if (!isfinite(y[i]))
                return ELBO_FAIL(ELBO_ENOTFINITE, "row %zu, column %zu is %g",
                                 t, i, y[i]);
        }
    }
    return ELBO_OK;
}

static void add(const bells *w, const double y[], double weight,
                double block_k[])
{
    block_k[0] += weight;
    for (size_t i = 0; i < w->ny; i++) {
        const double wy = weight * y[i];

        block_k[1 + i] += wy;
        for (size_t j = 0; j < w->ny; j++)
            block_k[1 + w->ny + i * w->ny + j] += wy * y[j];
    }
}

static void count(const void *self, const elbo_hmm_sequence *seq,
                  const double occupancy[], double counts[])
{
    const bells *const w = self;

    for (size_t t = 0; t < seq->T; t++) {
        const double *const y = seq->y + t * w->ny;

        if (missing(w, y)) continue;
        for (size_t k = 0; k < w->K; k++)
            add(w, y, occupancy[t * w->K + k], counts + k * block(w));
    }
}

static double distance(const bells *w, const double a[], const double b[])
{
    double sum = 0;

    for (size_t i = 0; i < w->ny; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/* near[i] = squared distance of row i to the nearest of the centres so far */
static void approach(const bells *w, const double *const rows[], size_t n,
                     const double centre[], double near[])
{
    for (size_t i = 0; i < n; i++)
        near[i] = fmin(near[i], distance(w, rows[i], centre));
}

/* Centres as k-means++ draws them (Arthur and Vassilvitskii 2007); each row
 * counts for its nearest. */
static elbo_status begin(const void *self, const elbo_hmm_sequence seq[], size_t n,
                         elbo_rng *rng, double counts[], elbo_arena *ws)
{
    const bells *const w = self;
    size_t total = 0, rows = 0;

    for (size_t i = 0; i < n; i++) total += seq[i].T;

    const double **const row = elbo_arena_take(ws, total, sizeof *row);
    double *const near = elbo_arena_doubles(ws, total);
    const double **const centre = elbo_arena_take(ws, w->K, sizeof *centre);

    ELBO_TRY(elbo_arena_check(ws, "gaussian: centres"));
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < seq[i].T; t++)
            if (!missing(w, seq[i].y + t * w->ny))
                row[rows++] = seq[i].y + t * w->ny;
    if (rows == 0)
        return ELBO_FAIL(ELBO_EDATA, "gaussian: every row is missing");
    for (size_t i = 0; i < rows; i++) near[i] = HUGE_VAL;
    for (size_t k = 0; k < w->K; k++) {
        double sum = 0;

        for (size_t i = 0; k && i < rows; i++) sum += near[i];
        centre[k] = row[k && sum > 0 ? elbo_rng_categorical(rng, near, rows)
                                     : elbo_rng_below(rng, rows)];
        approach(w, row, rows, centre[k], near);
    }
    for (size_t i = 0; i < rows; i++) {
        size_t best = 0;

        for (size_t k = 1; k < w->K; k++)
            if (distance(w, row[i], centre[k])
                < distance(w, row[i], centre[best]))
                best = k;
        add(w, row[i], 1, counts + best * block(w));
    }
    return ELBO_OK;
}

/* |L^-1 (y - m)|^2 */
static double mahalanobis(const gsl_matrix *L, const gsl_matrix *m,
                          const double y[], double d[])
{
    const size_t ny = L->size1;
    double sum = 0;

    for (size_t i = 0; i < ny; i++) {
        const double *const row = L->data + i * L->tda;
        double e = y[i] - m->data[i * m->tda];

        for (size_t j = 0; j < i; j++) e -= row[j] * d[j];
        d[i] = e / row[i];
        sum += d[i] * d[i];
    }
    return sum;
}

static void log_density(const void *self, const elbo_hmm_sequence *seq,
                        bool predictive, double out[])
{
    const bells *const w = self;
    const density *const all = predictive ? w->predictive : w->mean;

    for (size_t t = 0; t < seq->T; t++) {
        const double *const y = seq->y + t * w->ny;
        const bool none = missing(w, y);

        for (size_t k = 0; k < w->K; k++) {
            const density *const p = &all[k];
            double d[MOST_NY];

            if (none) {
                out[t * w->K + k] = 0;
                continue;
            }

            const double square = mahalanobis(p->L, w->q[k].M, y, d);
            const double n = p->degrees;

            out[t * w->K + k] =
                p->constant
                - (isfinite(n) ? 0.5 * (n + (double)w->ny) * log1p(square / n)
                               : 0.5 * square);
        }
    }
}

/* p->L = chol(scale W), the constant of a normal density less `more` */
static elbo_status normal(const gsl_matrix *W, double scale, double more,
                          density *p)
{
    gsl_matrix_memcpy(p->L, W);
    gsl_matrix_scale(p->L, scale);
    ELBO_TRY(elbo_chol(p->L));
    p->degrees = HUGE_VAL;
    p->constant =
        -0.5 * ((double)W->size1 * log(2 * M_PI) + elbo_chol_logdet(p->L))
        + more;
    return ELBO_OK;
}

/* E log N = log N(y; M, Psi / nu) + constant - ny / (2 K); the predictive is
 * Student's t with f = nu - ny + 1 and scale Psi (1 + 1 / K) / f */
static elbo_status beliefs(bells *w, size_t k, elbo_arena *ws)
{
    const elbo_mniw *const q = &w->q[k];
    const double ny = (double)w->ny, K = gsl_matrix_get(q->K, 0, 0);
    const double f = q->nu - ny + 1;
    elbo_mniw_kernel kernel;

    ELBO_TRY(elbo_mniw_kernel_init(&kernel, w->ny, 1, ws));
    ELBO_TRY(elbo_mniw_kernel_of(q, &kernel));
    ELBO_TRY(normal(kernel.W, 1, kernel.constant - 0.5 * ny / K, &w->mean[k]));
    ELBO_TRY(normal(q->Psi, (1 + 1 / K) / f, 0, &w->predictive[k]));
    w->predictive[k].degrees = f;
    w->predictive[k].constant +=
        lgamma(0.5 * (f + ny)) - lgamma(0.5 * f) - 0.5 * ny * (log(0.5 * f));
    return ELBO_OK;
}

static elbo_status tabulate(bells *w, elbo_arena *ws)
{
    for (size_t k = 0; k < w->K; k++) {
        const elbo_mark mark = elbo_arena_mark(ws);
        elbo_status s;

        if (w->variational) {
            s = beliefs(w, k, ws);
        } else {
            s = normal(w->q[k].Psi, 1, 0, &w->mean[k]);
            if (s == ELBO_OK) s = normal(w->q[k].Psi, 1, 0, &w->predictive[k]);
        }
        elbo_arena_release(ws, mark);
        if (s != ELBO_OK) return elbo_fail_prefix("gaussian: state %zu", k);
    }
    return ELBO_OK;
}

static elbo_status update_state(bells *w, size_t k, const double in[],
                                size_t *floored, elbo_arena *ws)
{
    elbo_moments S;
    elbo_mniw_ml_info info = {0};

    if (!w->variational && !(in[0] > 0)) return ELBO_OK;
    ELBO_TRY(elbo_moments_init(&S, w->ny, 1, ws));
    gsl_matrix_set(S.Szz, 0, 0, in[0]);
    memcpy(S.Syz->data, in + 1, w->ny * sizeof *in);
    memcpy(S.Syy->data, in + 1 + w->ny, w->ny * w->ny * sizeof *in);
    elbo_sym_from_lower(S.Syy);
    S.n = in[0];
    if (w->variational) return elbo_mniw_posterior(&w->prior, &S, &w->q[k], ws);
    ELBO_TRY(elbo_mniw_ml(&S, w->floor, w->q[k].M, w->q[k].Psi, &info, ws));
    *floored += info.floored;
    return ELBO_OK;
}

static elbo_status update(void *self, const double counts[], size_t *floored,
                          elbo_arena *ws)
{
    bells *const w = self;

    for (size_t k = 0; k < w->K; k++) {
        const elbo_mark mark = elbo_arena_mark(ws);
        const elbo_status s =
            update_state(w, k, counts + k * block(w), floored, ws);

        elbo_arena_release(ws, mark);
        if (s != ELBO_OK) return elbo_fail_prefix("gaussian: state %zu", k);
    }
    return tabulate(w, ws);
}

static elbo_status kl(const void *self, double *out, elbo_arena *ws)
{
    const bells *const w = self;

    *out = 0;
    for (size_t k = 0; w->variational && k < w->K; k++) {
        double one;

        ELBO_TRY(elbo_mniw_kl(&w->q[k], &w->prior, &one, ws));
        *out += one;
    }
    return ELBO_OK;
}

static void parameters(const void *self, size_t k, double out[])
{
    const bells *const w = self;
    const elbo_mniw *const q = &w->q[k];
    const double scale = w->variational ? 1 / q->nu : 1;

    for (size_t i = 0; i < w->ny; i++) out[i] = gsl_matrix_get(q->M, i, 0);
    for (size_t i = 0; i < w->ny * w->ny; i++)
        out[w->ny + i] = scale * q->Psi->data[i];
}

static void save(const void *self, elbo_writer *out)
{
    const bells *const w = self;

    for (size_t k = 0; k < w->K; k++) elbo_mniw_save(&w->q[k], out);
}

static elbo_status load(void *self, elbo_reader *in, elbo_arena *ws)
{
    bells *const w = self;

    for (size_t k = 0; k < w->K; k++) ELBO_TRY(elbo_mniw_load(&w->q[k], in));
    return tabulate(w, ws);
}

const elbo_emission elbo_emission_gaussian = {
    .name = "gaussian",
    .source = "Rabiner 1989; Bishop 2006, 10.2, for the belief",
    .doc = "a vector with a normal distribution of full covariance",
    .open = open_bells,
    .count_size = count_size,
    .parameter_size = parameter_size,
    .width = width,
    .check = check,
    .begin = begin,
    .log_density = log_density,
    .count = count,
    .update = update,
    .kl = kl,
    .parameters = parameters,
    .save = save,
    .load = load,
};

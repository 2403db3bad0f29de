/* inference/messages/emission_gaussian.c -- states that emit Gaussian vectors.
 */
#include <gsl/gsl_blas.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "inference/messages/centres.h"
#include "inference/messages/emission.h"
#include "inference/messages/mniw.h"
#include "inference/messages/partial.h"

enum { MOST_NY = 256 };

/* A density is constant - 1/2 |L^-1 (y - m)|^2, W = L L', or Student's t with
 * `degrees` of freedom: constant - (degrees + ny)/2 log(1 + |L^-1 (y - m)|^2 /
 * degrees). Its constant is that of the density plus `more`, and so are those of its
 * margins. */
typedef struct density {
    gsl_matrix *W, *L;
    double constant, degrees, more;
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
        density *const both[] = {&w->mean[k], &w->predictive[k]};

        for (size_t i = 0; i < 2; i++) {
            both[i]->W = elbo_arena_mat(arena, w->ny, w->ny);
            both[i]->L = elbo_arena_mat(arena, w->ny, w->ny);
        }
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

static elbo_status check(const void *self, const elbo_hmm_sequence *seq)
{
    const bells *const w = self;

    for (size_t i = 0; i < seq->T * w->ny; i++)
        if (isinf(seq->y[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "row %zu, column %zu is %g",
                             i / w->ny, i % w->ny, seq->y[i]);
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

/* Rows seen in part, under the state's belief: conditional means in the place of what
 * is not seen, and its covariance. */
static elbo_status count_partial(const bells *w, const elbo_hmm_sequence *seq,
                                 const double occupancy[], double counts[],
                                 elbo_arena *ws)
{
    double *const y = elbo_arena_doubles(ws, w->ny);
    elbo_partial_row *rows;
    elbo_partial p;
    size_t n;

    ELBO_TRY(elbo_partial_init(&p, w->ny, ws));
    ELBO_TRY(elbo_partial_rows(seq->y, seq->T, w->ny, ws, &rows, &n));
    for (size_t i = 0, end; i < n; i = end) {
        end = elbo_partial_end(rows, n, i);
        elbo_partial_look(&p, rows[i].y);
        for (size_t k = 0; k < w->K; k++) {
            double *const block_k = counts + k * block(w);
            double *const squares = block_k + 1 + w->ny, total = 0;

            ELBO_TRY(elbo_partial_condition(&p, w->mean[k].W, true));
            for (size_t r = i; r < end; r++) {
                const double weight = occupancy[rows[r].t * w->K + k];

                elbo_partial_fill(&p, w->q[k].M->data, rows[r].y, y);
                add(w, y, weight, block_k);
                total += weight;
            }
            for (size_t a = 0; a < p.lost; a++)
                for (size_t b = 0; b < p.lost; b++)
                    squares[p.away[a] * w->ny + p.away[b]] +=
                        total * gsl_matrix_get(p.within, a, b);
        }
    }
    return ELBO_OK;
}

static elbo_status count(const void *self, const elbo_hmm_sequence *seq,
                         const double occupancy[], double counts[],
                         elbo_arena *ws)
{
    const bells *const w = self;
    bool partial = false;

    for (size_t t = 0; t < seq->T; t++) {
        const double *const y = seq->y + t * w->ny;
        const size_t n = elbo_partial_seen(y, w->ny);

        partial = partial || (n > 0 && n < w->ny);
        for (size_t k = 0; n == w->ny && k < w->K; k++)
            add(w, y, occupancy[t * w->K + k], counts + k * block(w));
    }
    return partial ? count_partial(w, seq, occupancy, counts, ws) : ELBO_OK;
}

/* What is not seen of a row is taken for independent of the rest. */
static elbo_status begin(const void *self, const elbo_hmm_sequence seq[], size_t n,
                         elbo_rng *rng, double counts[], elbo_arena *ws)
{
    const bells *const w = self;
    const size_t ny = w->ny;
    elbo_centres c;

    ELBO_TRY(elbo_centres_draw(seq, n, ny, w->K, rng, &c, ws));
    for (size_t i = 0; i < c.rows; i++) {
        double *const block_k = counts + c.of[i] * block(w);

        add(w, c.y + i * ny, 1, block_k);
        for (size_t j = 0; j < ny; j++)
            if (c.lost[i * ny + j])
                block_k[1 + ny + j * ny + j] += c.variance[j];
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

/* Of n channels, whose W has this determinant. */
static double constant(const density *p, size_t n, double logdet)
{
    const double f = p->degrees, d = (double)n;
    const double normal = -0.5 * (d * log(2 * M_PI) + logdet) + p->more;

    if (!isfinite(f)) return normal;
    return normal + lgamma(0.5 * (f + d)) - lgamma(0.5 * f)
           - 0.5 * d * log(0.5 * f);
}

static double log_of(const density *p, size_t n, double constant_n, double square)
{
    const double f = p->degrees;

    return constant_n
           - (isfinite(f) ? 0.5 * (f + (double)n) * log1p(square / f)
                          : 0.5 * square);
}

/* Of rows seen in part, by their margins. */
static elbo_status partial_density(const bells *w, const elbo_hmm_sequence *seq,
                                   const density all[], double out[], elbo_arena *ws)
{
    elbo_partial_row *rows;
    elbo_partial p;
    size_t n;

    ELBO_TRY(elbo_partial_init(&p, w->ny, ws));
    ELBO_TRY(elbo_partial_rows(seq->y, seq->T, w->ny, ws, &rows, &n));
    for (size_t i = 0, end; i < n; i = end) {
        end = elbo_partial_end(rows, n, i);
        elbo_partial_look(&p, rows[i].y);
        for (size_t k = 0; k < w->K; k++) {
            ELBO_TRY(elbo_partial_condition(&p, all[k].W, false));

            const double c = constant(&all[k], p.n, p.logdet);

            for (size_t r = i; r < end; r++)
                out[rows[r].t * w->K + k] = log_of(
                    &all[k], p.n, c,
                    elbo_partial_square(&p, w->q[k].M->data, rows[r].y));
        }
    }
    return ELBO_OK;
}

static elbo_status log_density(const void *self, const elbo_hmm_sequence *seq,
                               bool predictive, double out[], elbo_arena *ws)
{
    const bells *const w = self;
    const density *const all = predictive ? w->predictive : w->mean;
    bool partial = false;

    for (size_t t = 0; t < seq->T; t++) {
        const double *const y = seq->y + t * w->ny;
        const size_t n = elbo_partial_seen(y, w->ny);

        partial = partial || (n > 0 && n < w->ny);
        for (size_t k = 0; k < w->K; k++) {
            const density *const p = &all[k];
            double d[MOST_NY];

            out[t * w->K + k] =
                n < w->ny ? 0
                          : log_of(p, w->ny, p->constant,
                                   mahalanobis(p->L, w->q[k].M, y, d));
        }
    }
    return partial ? partial_density(w, seq, all, out, ws) : ELBO_OK;
}

/* p of scale W, with `degrees` of freedom, its constant and `more` */
static elbo_status tabulate_density(const gsl_matrix *W, double scale,
                                    double degrees, double more, density *p)
{
    gsl_matrix_memcpy(p->W, W);
    gsl_matrix_scale(p->W, scale);
    gsl_matrix_memcpy(p->L, p->W);
    ELBO_TRY(elbo_chol(p->L));
    p->degrees = degrees;
    p->more = more;
    p->constant = constant(p, W->size1, elbo_chol_logdet(p->L));
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
    ELBO_TRY(tabulate_density(kernel.W, 1, HUGE_VAL,
                              kernel.constant - 0.5 * ny / K, &w->mean[k]));
    return tabulate_density(q->Psi, (1 + 1 / K) / f, f, 0, &w->predictive[k]);
}

static elbo_status tabulate(bells *w, elbo_arena *ws)
{
    for (size_t k = 0; k < w->K; k++) {
        const elbo_mark mark = elbo_arena_mark(ws);
        elbo_status s;

        if (w->variational) {
            s = beliefs(w, k, ws);
        } else {
            s = tabulate_density(w->q[k].Psi, 1, HUGE_VAL, 0, &w->mean[k]);
            if (s == ELBO_OK)
                s = tabulate_density(w->q[k].Psi, 1, HUGE_VAL, 0,
                                     &w->predictive[k]);
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

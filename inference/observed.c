#include "inference/observed.h"

#include <assert.h>
#include <gsl/gsl_blas.h>
#include <gsl/gsl_math.h>

#include "inference/messages/partial.h"

elbo_status elbo_lds_predict(const elbo_lgssm *sys, const elbo_sequence *x,
                             double *loglik, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_kalman_info info = {0};
    elbo_kalman *k;
    elbo_status s = elbo_kalman_init(&elbo_kalman_defaults, sys->nx, sys->ny, sys->nu,
                                     x->Y->size1, ws, &k);

    if (s == ELBO_OK) s = elbo_kalman_model(k, sys);
    if (s == ELBO_OK) s = elbo_kalman_filter(k, x, &info);
    *loglik = info.loglik;
    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_observed_infer(elbo_observed_belief *belief,
                                const elbo_observed_data *data,
                                elbo_observed_evidence *out, elbo_arena *ws)
{
    *out = (elbo_observed_evidence){0};
    for (size_t i = 0; i < data->n; i++) {
        elbo_observed_view view;
        double one;

        if (data->learnt[i] == 0) continue;
        elbo_observed_sequence(data, i, data->learnt[i], &view);
        if (belief->model->predict(belief, &view.sequence, &one, ws) != ELBO_OK)
            return elbo_fail_prefix("sequence %zu", i + 1);
        out->value += one;
    }
    return ELBO_OK;
}

/* ---- hidden Markov chains ---- */

static elbo_status log_symbols(const elbo_observed_chain *c, const gsl_matrix *Y,
                               double out[])
{
    const size_t K = c->chain.K;

    for (size_t t = 0; t < Y->size1; t++) {
        const double y = gsl_matrix_get(Y, t, 0);

        for (size_t k = 0; k < K; k++)
            out[t * K + k] =
                isnan(y) ? 0 : log(c->symbol[k * c->symbols + (size_t)y]);
    }
    return ELBO_OK;
}

/* Rows that are seen in part, by their margins. */
static elbo_status log_margins(const elbo_observed_chain *c, const double y[],
                               size_t T, double out[], elbo_arena *ws)
{
    const size_t K = c->chain.K;
    elbo_partial_row *rows;
    elbo_partial p;
    size_t n;

    ELBO_TRY(elbo_partial_init(&p, c->ny, ws));
    ELBO_TRY(elbo_partial_rows(y, T, c->ny, ws, &rows, &n));
    for (size_t i = 0, end; i < n; i = end) {
        end = elbo_partial_end(rows, n, i);
        elbo_partial_look(&p, rows[i].y);
        ELBO_TRY(elbo_partial_condition(&p, c->covariance, false));

        const double constant = -((double)p.n * log(2 * M_PI) + p.logdet) / 2;

        for (size_t r = i; r < end; r++)
            for (size_t k = 0; k < K; k++)
                out[rows[r].t * K + k] =
                    constant
                    - elbo_partial_square(&p, c->mean + k * c->ny, rows[r].y) / 2;
    }
    return ELBO_OK;
}

static elbo_status log_gaussians(const elbo_observed_chain *c, const gsl_matrix *Y,
                                 double out[], elbo_arena *ws)
{
    const size_t K = c->chain.K, ny = c->ny;
    gsl_matrix *const L = elbo_arena_mat(ws, ny, ny);
    gsl_vector *const e = elbo_arena_vec(ws, ny);

    ELBO_TRY(elbo_arena_check(ws, "a chain's emissions"));
    gsl_matrix_memcpy(L, c->covariance);
    ELBO_TRY(elbo_chol(L));

    const double constant =
        -((double)ny * log(2 * M_PI) + elbo_chol_logdet(L)) / 2;

    for (size_t t = 0; t < Y->size1; t++) {
        const double *const y = gsl_matrix_const_ptr(Y, t, 0);
        const bool whole = elbo_partial_seen(y, ny) == ny;

        for (size_t k = 0; k < K; k++) {
            double square;

            for (size_t i = 0; i < ny; i++)
                gsl_vector_set(e, i, y[i] - c->mean[k * ny + i]);
            gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, L, e);
            gsl_blas_ddot(e, e, &square);
            out[t * K + k] = whole ? constant - square / 2 : 0;
        }
    }
    assert(Y->tda == ny);
    return log_margins(c, Y->data, Y->size1, out, ws);
}

static elbo_status chain_predict(const elbo_observed_chain *c,
                                 const elbo_sequence *x, double *loglik,
                                 elbo_arena *ws)
{
    const size_t T = x->Y->size1;
    double *const logs = elbo_arena_doubles(ws, T * c->chain.K);
    elbo_hmm_posterior out = {0};

    ELBO_TRY(elbo_arena_check(ws, "a chain's emissions"));
    if (c->symbols > 0)
        ELBO_TRY(log_symbols(c, x->Y, logs));
    else
        ELBO_TRY(log_gaussians(c, x->Y, logs, ws));
    ELBO_TRY(elbo_hmm_forward_backward(&c->chain, logs, T, &out, ws));
    *loglik = out.loglik;
    return ELBO_OK;
}

elbo_status elbo_chain_predict(const elbo_observed_chain *chain,
                               const elbo_sequence *x, double *loglik,
                               elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = chain_predict(chain, x, loglik, ws);

    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_observed_predict(const elbo_observed_belief *belief,
                                  const elbo_sequence *x, double *loglik,
                                  elbo_arena *ws)
{
    if (belief->hmm) return elbo_chain_predict(belief->hmm, x, loglik, ws);
    return elbo_lds_predict(belief->lds, x, loglik, ws);
}

const char *elbo_observed_learnt_kind(const elbo_values *options)
{
    return elbo_choice_is(options, "estimate", "em")
               ? "bound, tight: F is the log-likelihood of the sequences after "
                 "each E-step (EM)"
               : "bound: F bounds the log evidence of the sequences (variational "
                 "EM)";
}

const char *elbo_observed_learnt_named(const elbo_values *options)
{
    return elbo_choice_is(options, "estimate", "em") ? "maximum likelihood" : NULL;
}

const char *elbo_observed_fixed_kind(const elbo_values *options)
{
    (void)options;
    return "log-likelihood: F is that of the sequences in a model that is fixed";
}

const char *elbo_observed_fixed_named(const elbo_values *options)
{
    (void)options;
    return NULL;
}

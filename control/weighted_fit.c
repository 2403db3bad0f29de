#include "control/weighted_fit.h"

#include <assert.h>
#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/core/linalg.h"

static elbo_status build(elbo_weighted_fit *f, elbo_arena *arena)
{
    const elbo_task_world *const w = f->policy->world;

    f->tape = elbo_tape_place(ELBO_F32, arena);
    ELBO_TRY(elbo_arena_check(arena, "policy"));
    f->leaves = elbo_mlp_leaf(&f->policy->mlp, f->tape, true);
    f->o = elbo_tape_constant(f->tape, f->batch, w->no);
    f->a = elbo_tape_constant(f->tape, f->batch, w->nu);
    f->weight = elbo_tape_constant(f->tape, f->batch, 1);

    const elbo_task_policy_nodes pi =
        elbo_task_policy_node(f->policy, &f->leaves, f->tape, f->o);

    f->loss = elbo_tape_scale(
        f->tape, elbo_task_policy_nll(f->policy, &pi, f->tape, f->a, f->weight),
        1 / (double)f->batch);
    return elbo_tape_finish(f->tape);
}

elbo_status elbo_weighted_fit_init(elbo_weighted_fit *fit,
                                   const elbo_task_policy *policy, size_t batch,
                                   const elbo_adam_config *adam, uint64_t seed,
                                   elbo_arena *arena)
{
    elbo_rng rng = elbo_rng_stream(seed, "policy", 0);

    *fit = (elbo_weighted_fit){
        .policy = policy, .size = elbo_mlp_size(&policy->mlp), .batch = batch};
    fit->theta = elbo_arena_take(arena, fit->size, sizeof(float));
    fit->gradient = elbo_arena_take(arena, fit->size, sizeof(float));
    elbo_adam_init(&fit->adam, adam, fit->size, arena);
    ELBO_TRY(elbo_arena_check(arena, "policy"));
    elbo_mlp_draw(&policy->mlp, ELBO_START_UNIFORM, &rng, fit->theta);
    return build(fit, arena);
}

elbo_status elbo_weighted_fit_step(elbo_weighted_fit *fit, const float o[],
                                   const float a[], const double weight[],
                                   double *loss)
{
    const elbo_mlp *const mlp = &fit->policy->mlp;

    elbo_mlp_point(mlp, &fit->leaves, fit->tape, fit->theta);
    elbo_tape_set_f32(fit->tape, fit->o, o);
    elbo_tape_set_f32(fit->tape, fit->a, a);
    elbo_tape_set(fit->tape, fit->weight, weight);
    elbo_tape_forward(fit->tape);
    elbo_tape_get(fit->tape, fit->loss, loss);
    if (!isfinite(*loss))
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "the policy, layer %zu: its loss is %g",
                         elbo_mlp_not_finite(mlp, fit->theta), *loss);
    elbo_tape_backward(fit->tape, fit->loss);
    elbo_mlp_gradient(mlp, &fit->leaves, fit->tape, fit->gradient);

    const double norm =
        elbo_adam_step(&fit->adam, fit->theta, fit->gradient, NULL);

    if (!isfinite(norm))
        return ELBO_FAIL(
            ELBO_ENOTFINITE,
            "the policy, layer %zu: its gradient's norm is %g at loss %g",
            elbo_mlp_not_finite(mlp, fit->gradient), norm, *loss);
    return ELBO_OK;
}

/* The normal equations of all components: A [m x m] = X'WX, C [m x nu] = X'W a,
 * with a constant feature at the end of x. Returns the sum of the weights. */
static double gather(size_t n, size_t no, size_t nu, const float o[],
                     const float a[], const double weight[], gsl_matrix *A,
                     gsl_matrix *C, gsl_vector *x)
{
    double total = 0;

    gsl_matrix_set_zero(A);
    gsl_matrix_set_zero(C);
    gsl_vector_set(x, no, 1);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < no; j++)
            gsl_vector_set(x, j, (double)o[i * no + j]);
        gsl_blas_dsyr(CblasLower, weight[i], x, A);
        for (size_t j = 0; j <= no; j++)
            for (size_t d = 0; d < nu; d++)
                *gsl_matrix_ptr(C, j, d) +=
                    weight[i] * gsl_vector_get(x, j) * (double)a[i * nu + d];
        total += weight[i];
    }
    return total;
}

/* The weighted variance of component d about the fit. */
static double left_over(size_t n, size_t no, size_t nu, size_t d,
                        const float o[], const float a[], const double weight[],
                        double total, const gsl_matrix *C)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double gap = (double)a[i * nu + d] - gsl_matrix_get(C, no, d);

        for (size_t j = 0; j < no; j++)
            gap -= gsl_matrix_get(C, j, d) * (double)o[i * no + j];
        sum += weight[i] * gap * gap;
    }
    return sum / total;
}

static elbo_status fit_linear(elbo_weighted_fit *fit, size_t n, const float o[],
                              const float a[], const double weight[],
                              double ridge, elbo_arena *ws)
{
    const elbo_task_policy *const p = fit->policy;
    const size_t no = p->world->no, nu = p->world->nu;
    const size_t outputs = p->mlp.width[1];
    gsl_matrix *const A = elbo_arena_mat(ws, no + 1, no + 1);
    gsl_matrix *const C = elbo_arena_mat(ws, no + 1, nu);
    gsl_vector *const x = elbo_arena_vec(ws, no + 1);

    ELBO_TRY(elbo_arena_check(ws, "policy"));

    const double total = gather(n, no, nu, o, a, weight, A, C, x);

    for (size_t j = 0; j <= no; j++)
        *gsl_matrix_ptr(A, j, j) +=
            ridge * fmax(gsl_matrix_get(A, j, j), total);
    ELBO_TRY(elbo_chol(A));
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, 1, A, C);
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasTrans, CblasNonUnit, 1, A, C);
    memset(fit->theta, 0, fit->size * sizeof *fit->theta);
    for (size_t d = 0; d < nu; d++) {
        for (size_t j = 0; j <= no; j++)
            fit->theta[j * outputs + d] = (float)gsl_matrix_get(C, j, d);
        if (p->fixed) continue;
        fit->theta[no * outputs + nu + d] = (float)elbo_task_policy_raw_std(
            p, sqrt(left_over(n, no, nu, d, o, a, weight, total, C)));
    }
    return ELBO_OK;
}

elbo_status elbo_weighted_fit_linear(elbo_weighted_fit *fit, size_t n,
                                     const float o[], const float a[],
                                     const double weight[], double ridge,
                                     elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    assert(fit->policy->mlp.layers == 1 && !fit->policy->bounded);
    assert(!fit->policy->world->choices);

    const elbo_status s = fit_linear(fit, n, o, a, weight, ridge, ws);

    elbo_arena_release(ws, mark);
    return s;
}

void elbo_weighted_fit_save(const elbo_weighted_fit *fit, elbo_writer *out)
{
    elbo_put_bytes(out, fit->theta, fit->size * sizeof *fit->theta);
    elbo_adam_save(&fit->adam, out);
}

elbo_status elbo_weighted_fit_load(elbo_weighted_fit *fit, elbo_reader *in)
{
    ELBO_TRY(elbo_get_bytes(in, fit->theta, fit->size * sizeof *fit->theta));
    return elbo_adam_load(&fit->adam, in);
}

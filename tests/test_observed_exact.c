/* tests/test_observed_exact.c -- observed worlds against what is known otherwise:
 * dense Gaussians, all paths of a chain, what controllers earn. */
#include <check.h>
#include <gsl/gsl_math.h>
#include <math.h>

#include "tests/observed_cases.h"
#include "tests/suites.h"

/* ---- the likelihood, otherwise ---- */

static double at(const gsl_matrix *M, size_t i, size_t j)
{
    return gsl_matrix_get(M, i, j);
}

/* log N of the values of one sequence that are seen, by the covariance of all its
 * rows: nothing here is recursive but the state's own moments. */
enum { MOST = 64, NX = 4 };
typedef struct dense {
    double m[MOST][NX];          /* E x_t */
    double P[MOST][MOST][NX][NX]; /* Cov(x_t, x_s), t >= s */
} dense;

static void state_moments(const elbo_lgssm *sys, const elbo_sequence *x, dense *d)
{
    const size_t n = sys->nx, T = x->Y->size1;
    const elbo_lgssm_step *const s = sys->steps;

    for (size_t i = 0; i < n; i++) d->m[0][i] = gsl_vector_get(sys->m0, i);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) d->P[0][0][i][j] = at(sys->P0, i, j);
    for (size_t t = 1; t < T; t++) {
        for (size_t i = 0; i < n; i++) {
            d->m[t][i] = s->b ? gsl_vector_get(s->b, i) : 0;
            for (size_t k = 0; k < n; k++) d->m[t][i] += at(s->A, i, k) * d->m[t - 1][k];
            for (size_t k = 0; s->B && k < sys->nu; k++)
                d->m[t][i] += at(s->B, i, k) * at(x->U, t - 1, k);
        }
        for (size_t r = 0; r < t; r++)
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++) {
                    d->P[t][r][i][j] = 0;
                    for (size_t k = 0; k < n; k++)
                        d->P[t][r][i][j] += at(s->A, i, k) * d->P[t - 1][r][k][j];
                }
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                d->P[t][t][i][j] = at(s->Q, i, j);
                for (size_t k = 0; k < n; k++)
                    d->P[t][t][i][j] += d->P[t][t - 1][i][k] * at(s->A, j, k);
            }
    }
}

/* Cov(y_t(i), y_r(j)), t >= r */
static double output_covariance(const elbo_lgssm *sys, const dense *d, size_t t,
                                size_t i, size_t r, size_t j)
{
    const elbo_lgssm_step *const s = sys->steps;
    double sum = t == r ? at(s->R, i, j) : 0;

    for (size_t k = 0; k < sys->nx; k++)
        for (size_t l = 0; l < sys->nx; l++)
            sum += at(s->C, i, k) * d->P[t][r][k][l] * at(s->C, j, l);
    return sum;
}

static double dense_loglik(const elbo_lgssm *sys, const elbo_sequence *x)
{
    static dense d;
    const elbo_lgssm_step *const s = sys->steps;
    const size_t T = x->Y->size1, ny = sys->ny;
    double L[MOST][MOST], e[MOST], value = 0;
    size_t when[MOST], which[MOST], n = 0;

    ck_assert(T * ny <= MOST && sys->nx <= NX);
    state_moments(sys, x, &d);
    for (size_t t = 0; t < T; t++)
        for (size_t i = 0; i < ny; i++) {
            double mean = s->d ? gsl_vector_get(s->d, i) : 0;

            if (isnan(at(x->Y, t, i))) continue;
            for (size_t k = 0; k < sys->nx; k++) mean += at(s->C, i, k) * d.m[t][k];
            for (size_t k = 0; s->D && k < sys->nu; k++)
                mean += at(s->D, i, k) * at(x->U, t, k);
            e[n] = at(x->Y, t, i) - mean;
            when[n] = t;
            which[n++] = i;
        }
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b <= a; b++) {
            double sum = output_covariance(sys, &d, when[a], which[a], when[b],
                                           which[b]);

            for (size_t k = 0; k < b; k++) sum -= L[a][k] * L[b][k];
            L[a][b] = a == b ? sqrt(sum) : sum / L[b][b];
        }
        for (size_t k = 0; k < a; k++) e[a] -= L[a][k] * e[k];
        e[a] /= L[a][a];
        value -= log(L[a][a]) + e[a] * e[a] / 2 + log(2 * M_PI) / 2;
    }
    return value;
}

static double dense_data(const elbo_observed *o, bool taught)
{
    double sum = 0;

    for (size_t i = 0; i < o->data.n; i++) {
        const size_t T = elbo_observed_length(&o->data, i);
        const size_t learnt = o->data.learnt[i];
        elbo_observed_view view;

        if (learnt > 0) {
            elbo_observed_sequence(&o->data, i, learnt, &view);
            if (taught || learnt < T)
                sum += (taught ? 1 : -1) * dense_loglik(o->belief.lds, &view.sequence);
        }
        if (taught || learnt == T) continue;
        elbo_observed_sequence(&o->data, i, T, &view);
        sum += dense_loglik(o->belief.lds, &view.sequence);
    }
    return sum;
}

static const case_text exact[] = {
    {.env_own = "states=2 outputs=3 inputs=2 missing=0.2 drift=0.3 offset=2",
     .model_own = "states=3",
     .data = "steps=47 episode_steps=13",
     .evaluation = "held_out=0.3"},
    {.env_own = "states=2 outputs=3 inputs=0",
     .model_own = "states=2",
     .data = "steps=40 episode_steps=20",
     .evaluation = "held_out=0.4 held_out_of=steps"},
    {.env_own = "states=3 outputs=2 inputs=1 missing=0.1 drift=0.3 offset=2",
     .model = "true",
     .data = "steps=47 episode_steps=13",
     .evaluation = "held_out=0.3"},
    {.env_own = "states=3 outputs=2 inputs=1",
     .model = "random",
     .data = "steps=47 episode_steps=13",
     .evaluation = "held_out=0.3"},
};

START_TEST(the_likelihood_is_that_of_all_values_at_once)
{
    const case_text *text = &exact[_i % 4];
    case_setup c;
    elbo_engine *e = observed_open(&c, text, (unsigned)_i);
    elbo_observed *const o = e->observed;
    elbo_row row;

    observed_iterate(e, &row, 4);

    const double want = dense_data(o, true), held = dense_data(o, false);
    const double rows =
        (double)(o->data.rows - elbo_observed_taught(&o->data));

    ck_assert_uint_eq(row.env_steps, o->data.rows);
    ck_assert_double_eq_tol(row.elbo, want, 1e-10 * fabs(want));
    ck_assert_double_gt(rows, 0);
    ck_assert_double_eq_tol(row.own.x[row.own.n - 1], held / rows,
                            1e-10 * fabs(want));
    observed_close(&c, e);
}
END_TEST

/* p(y) of a chain by all its paths. */
static double enumerate(const elbo_observed_chain *c, const double y[], size_t T)
{
    const size_t K = c->chain.K;
    size_t paths = 1;
    double sum = 0;

    for (size_t t = 0; t < T; t++) paths *= K;
    for (size_t path = 0; path < paths; path++) {
        double p = 1;
        size_t rest = path, before = 0;

        for (size_t t = 0; t < T; t++, rest /= K) {
            const size_t k = rest % K;

            p *= t ? c->chain.transition[before * K + k] : c->chain.start[k];
            before = k;
            if (isnan(y[t])) continue;
            if (c->symbols > 0)
                p *= c->symbol[k * c->symbols + (size_t)y[t]];
            else
                p *= exp(-gsl_pow_2(y[t] - c->mean[k]) / 2
                         / at(c->covariance, 0, 0))
                     / sqrt(2 * M_PI * at(c->covariance, 0, 0));
        }
        sum += p;
    }
    return sum;
}

START_TEST(a_chain_s_likelihood_is_the_sum_over_its_paths)
{
    static const char *const worlds[] = {"states=3 symbols=4 missing=0.2",
                                         "states=3 outputs=1 missing=0.2 noise=0.7"};
    case_setup c;
    elbo_engine *e = observed_open(&c,
                               &(case_text){.env = "hmm",
                                            .env_own = worlds[_i % 2],
                                            .model = "true",
                                            .data = "steps=31 episode_steps=8"},
                               (unsigned)_i);
    elbo_observed *const o = e->observed;
    double want = 0;
    elbo_row row;

    observed_iterate(e, &row, 1);
    for (size_t i = 0; i < o->data.n; i++)
        want += log(enumerate(o->world.hmm, o->data.y + o->data.first[i],
                              elbo_observed_length(&o->data, i)));
    ck_assert_uint_eq(o->data.n, 4);
    ck_assert_double_eq_tol(row.elbo, want, 1e-12 * fabs(want));
    observed_close(&c, e);
}
END_TEST

/* EM from enough data predicts as the truth does, to a few times the cost of its
 * parameters, p/2 nats in all (Wilks). */
START_TEST(learnt_models_predict_as_the_true_one)
{
    static const case_text learnt[] = {
        {.env_own = "states=2 outputs=3 inputs=1", .model_own = "states=2"},
        {.env_own = "states=2 outputs=3 inputs=1",
         .model_own = "states=2 estimate=variational"},
        {.env = "hmm", .env_own = "states=2 symbols=3", .model_own = "states=2"},
        {.env = "hmm",
         .env_own = "states=2 outputs=2",
         .model_own = "states=2 estimate=variational"},
    };
    case_text text = learnt[_i];
    case_setup c, d;
    elbo_row row, truth;

    text.data = "steps=6000 episode_steps=100";
    text.evaluation = "held_out=0.5";
    text.inference = "iterations=200 tolerance=1e-7";

    elbo_engine *e = observed_open(&c, &text, 7);

    text.model = "true";
    text.model_own = NULL;

    elbo_engine *t = observed_open(&d, &text, 7);

    while (elbo_engine_verdict(e) == ELBO_RUNNING) observed_iterate(e, &row, 1);
    observed_iterate(t, &truth, 1);

    const double cost = (double)e->observed->belief.n / 2 / 3000;

    ck_assert_double_ge(row.own.x[row.own.n - 1],
                        truth.own.x[truth.own.n - 1] - 4 * cost);
    observed_close(&c, e);
    observed_close(&d, t);
}
END_TEST

/* Sequences of one row have no dynamics, and the model is factor analysis with a
 * full R: its maximum is that of a Gaussian, whose covariance is the sample's
 * (Ghahramani and Hinton 1996, on the relation). */
START_TEST(sequences_of_one_row_are_a_gaussian)
{
    enum { NY = 3, ROWS = 80 };
    case_setup c;
    elbo_engine *e = observed_open(&c,
                                   &(case_text){.env_own = "states=2 outputs=3 "
                                                           "inputs=0 offset=1",
                                                .model_own = "states=2",
                                                .inference = "iterations=2000 "
                                                             "tolerance=1e-13",
                                                .data = "steps=80 episode_steps=1"},
                                   (unsigned)_i);
    const elbo_observed *const o = e->observed;
    double mean[NY] = {0}, logdet = 0;
    gsl_matrix *S = gsl_matrix_calloc(NY, NY);
    elbo_row row;

    while (elbo_engine_verdict(e) == ELBO_RUNNING) observed_iterate(e, &row, 1);
    for (size_t i = 0; i < ROWS * NY; i++) mean[i % NY] += o->data.y[i] / ROWS;
    for (size_t t = 0; t < ROWS; t++)
        for (size_t i = 0; i < NY; i++)
            for (size_t j = 0; j < NY; j++)
                *gsl_matrix_ptr(S, i, j) += (o->data.y[t * NY + i] - mean[i])
                                            * (o->data.y[t * NY + j] - mean[j])
                                            / ROWS;
    case_ok(elbo_chol(S));
    logdet = elbo_chol_logdet(S);
    ck_assert_uint_eq(o->data.n, ROWS);
    ck_assert_double_eq_tol(row.elbo,
                            -ROWS * (NY * log(2 * M_PI) + logdet + NY) / 2, 1e-6);
    gsl_matrix_free(S);
    observed_close(&c, e);
}
END_TEST

/* ---- control ---- */

static const case_text controlled = {
    .env_own = "states=3 outputs=2 inputs=2 offset=0.5 drift=0.2 goal=1",
    .env_common = "horizon=12 discount=0.9",
    .control = "lqg",
};

/* J of the row against the mean of what the drawn sequences earn. */
START_TEST(the_return_is_what_sequences_earn)
{
    case_text text = controlled;
    case_setup c;
    elbo_row row;
    double sum = 0, squares = 0;

    text.model = _i < 2 ? "true" : "lds";
    text.model_own = _i < 2   ? NULL
                     : _i < 4 ? "states=2 feedthrough=false"
                              : "states=4 feedthrough=false estimate=variational";
    if (_i % 2) text.env_common = "discount=0.9"; /* for ever */
    text.data = "steps=360 episode_steps=12";

    elbo_engine *e = observed_open(&c, &text, 2);
    elbo_observed *const o = e->observed;
    const elbo_observed_cost *const cost = o->world.cost;
    const size_t T = _i % 2 ? 120 : 12, n = 4000;
    const elbo_observed_behaviour how = {.episode_steps = T,
                                         .controller = &o->controller};
    elbo_observed_data data;
    elbo_rng rng = elbo_rng_stream(5, "test", 0);

    observed_iterate(e, &row, 5);
    case_ok(elbo_observed_data_init(&data, 2, 2, n, n * T, c.arena));
    case_ok(elbo_observed_draw(&o->world, &how, n * T, &rng, &data, e->ws));
    for (size_t i = 0; i < n; i++) {
        double J = 0, gamma = 1;

        for (size_t t = 0; t < T; t++, gamma *= 0.9)
            for (size_t k = 0; k < 2; k++) {
                const double y = data.y[(i * T + t) * 2 + k] - 1;
                const double u = data.u[(i * T + t) * 2 + k];

                J -= gamma * (y * y + u * u) / 2;
            }
        sum += J;
        squares += J * J;
    }
    for (size_t i = 0; _i > 1 && i < 4; i++) /* D is 0, or all but */
        ck_assert_double_lt(fabs(at(o->belief.lds->steps->D, i / 2, i % 2)), 1e-9);
    ck_assert(at(cost->Q, 0, 0) == 1 && at(cost->R, 1, 1) == 1);

    const double N = (double)n, mean = sum / N;
    const double error = sqrt((squares / N - mean * mean) / N);

    ck_assert_double_lt(error, 0.05 * fabs(mean));
    ck_assert_double_eq_tol(row.return_real, mean, 4.5 * error);
    ck_assert(row.parts.reward == row.return_model);
    ck_assert(row.elbo == row.parts.reward + row.parts.likelihood + row.parts.prior);
    observed_close(&c, e);
}
END_TEST

/* In the true model promise and truth are one, and nothing learnt earns more: the
 * gap of the first plan, and of the last. */
static void play(int world, double *first, double *last)
{
    case_text text = controlled;
    case_setup c, d;
    elbo_row row, best;

    text.data = "steps=60 mode=online policy=current epsilon=1 noise=0.5";
    text.model = "true";

    elbo_engine *t = observed_open(&d, &text, (unsigned)world);

    observed_iterate(t, &best, 1);
    ck_assert_double_eq_tol(best.return_real, best.return_model,
                            1e-12 * fabs(best.return_real));
    text.model = "lds";
    text.model_own = world % 2 ? "states=3 feedthrough=false"
                               : "states=4 feedthrough=false";

    elbo_engine *e = observed_open(&c, &text, (unsigned)world);

    for (int k = 0; k < 12; k++) {
        observed_iterate(e, &row, 1);
        if (k == 0) *first = best.return_real - row.return_real;
        ck_assert_double_le(row.return_real,
                            best.return_real + 1e-10 * fabs(best.return_real));
    }
    *last = best.return_real - row.return_real;
    observed_close(&c, e);
    observed_close(&d, t);
}

START_TEST(learning_comes_nearer_to_the_true_controller_and_never_above)
{
    double before = 0, after = 0;

    for (int world = 0; world < 20; world++) {
        double first, last;

        play(world, &first, &last);
        before += first;
        after += last;
    }
    ck_assert_double_lt(after, before / 2);
}
END_TEST

/* Of all filters and policies the planned ones are best in the model: a little off,
 * any gain earns less. */
START_TEST(the_plan_is_the_optimum)
{
    case_setup c;
    case_text text = controlled;
    elbo_row row;

    text.model = "lds";
    text.model_own = "states=3 feedthrough=false";
    text.data = "steps=120";

    elbo_engine *e = observed_open(&c, &text, (unsigned)_i);
    elbo_observed *const o = e->observed;

    observed_iterate(e, &row, 3);
    for (size_t k = 0; k < 24; k++) {
        gsl_matrix *const M =
            k % 2 ? o->controller.L[k / 2] : o->controller.policy[k / 2].K;
        double *const x = gsl_matrix_ptr(M, k % M->size1, (k / 3) % M->size2);
        const double kept = *x;

        for (int sign = -1; sign <= 1; sign += 2) {
            double J;

            *x = kept + 1e-3 * sign;
            case_ok(elbo_observed_controller_return(&o->controller, &o->model, &J,
                                                    e->ws));
            ck_assert_double_le(J, row.return_model + 1e-11 * fabs(J));
        }
        *x = kept;
    }
    observed_close(&c, e);
}
END_TEST

Suite *suite_observed_exact(void)
{
    Suite *suite = suite_create("observed_exact");
    TCase *tc = tcase_create("likelihood"), *control = tcase_create("control");

    tcase_add_loop_test(tc, the_likelihood_is_that_of_all_values_at_once, 0, 32);
    tcase_add_loop_test(tc, a_chain_s_likelihood_is_the_sum_over_its_paths, 0, 10);
    tcase_add_loop_test(tc, learnt_models_predict_as_the_true_one, 0, 4);
    tcase_add_loop_test(tc, sequences_of_one_row_are_a_gaussian, 0, 5);
    suite_add_tcase(suite, tc);
    tcase_add_loop_test(control, the_return_is_what_sequences_earn, 0, 6);
    tcase_add_test(control,
                   learning_comes_nearer_to_the_true_controller_and_never_above);
    tcase_add_loop_test(control, the_plan_is_the_optimum, 0, 5);
    suite_add_tcase(suite, control);
    return suite;
}

#include "models/registry.h"

#include <gsl/gsl_randist.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/model_cases.h"
#include "tests/suites.h"

static const tangle small = {7, 3, 5}, wide = {60, 8, 3};

/* sum G mean, the function that pullback differentiates. */
static double weighted_sum(const elbo_belief *b, const double G[])
{
    double sum = 0;

    for (size_t i = 0; i < b->mean.pattern->nnz; i++)
        sum += G[i] * b->mean.prob[i];
    return sum;
}

static void move_theta(elbo_belief *b, size_t j, double to)
{
    b->theta[j] = to;
    b->model->update(b);
}

/* A central difference in parameter j of `value`, of order h^4. */
static double slope(elbo_belief *b, size_t j, const double G[],
                    double (*value)(const elbo_belief *, const double[]))
{
    const double x = b->theta[j], h = 1e-3;
    double f[4];
    const double at[] = {-2, -1, 1, 2};

    for (size_t k = 0; k < 4; k++) {
        move_theta(b, j, x + at[k] * h);
        f[k] = value(b, G);
    }
    move_theta(b, j, x);
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
}

static double prior_value(const elbo_belief *b, const double G[])
{
    (void)G;
    return b->model->log_prior(b, NULL);
}

static void assert_rows(const model_case *c)
{
    const elbo_belief *const b = &c->belief;
    const elbo_pattern *const pattern = b->mean.pattern;

    for (size_t row = 0; row < c->mdp.nS * c->mdp.nA; row++) {
        double sum = 0, geo = 0;

        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++) {
            const double p = b->mean.prob[i], g = b->geo.prob[i];

            ck_assert_double_ge(p, 0);
            ck_assert_double_ge(g, 0);
            ck_assert_double_le(g, p * (1 + 1e-12)); /* Jensen */
            sum += p;
            geo += g;
        }
        ck_assert_double_eq_tol(sum, 1, 1e-12);
        ck_assert_double_le(geo, 1 + 1e-12);
        if (c->known[row])
            ck_assert_double_eq(
                b->geo.prob[elbo_entry(pattern, row, pattern->nS)], 1);
    }
}

START_TEST(every_model_gives_rows_that_sum_to_one)
{
    const model_setting m = model_settings[_i];
    model_case c;

    model_case_open(&c, &model_case_grid, NULL, 0);
    model_case_belief(&c, m.name, m.settings);
    assert_rows(&c);
    model_case_shake(&c, 0.9, 4);
    assert_rows(&c);
    if (strstr(m.settings, "support=world"))
        for (size_t i = 0; i < c.mdp.P.pattern->nnz; i++)
            ck_assert_int_eq(c.belief.mean.prob[i] > 0, c.mdp.P.prob[i] > 0);
    model_case_close(&c);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_bits)
{
    const model_setting m = model_settings[_i];
    model_case a, b;

    model_case_open(&a, &model_case_grid, NULL, 0);
    model_case_open(&b, &model_case_grid, NULL, 0);
    model_case_belief(&a, m.name, m.settings);
    model_case_belief(&b, m.name, m.settings);

    const size_t bytes = a.belief.mean.pattern->nnz * sizeof(double);

    ck_assert_mem_eq(a.belief.mean.prob, b.belief.mean.prob, bytes);
    b.context.seed = 12;
    model_case_belief(&b, m.name, m.settings);

    const bool drawn = strcmp(m.name, "random") == 0
                       || strstr(m.settings, "init_scale")
                       || strstr(m.settings, "random")
                       || strcmp(m.name, "low_rank") == 0;

    ck_assert_int_eq(memcmp(a.belief.mean.prob, b.belief.mean.prob, bytes) != 0,
                     drawn);
    model_case_close(&a);
    model_case_close(&b);
}
END_TEST

START_TEST(pullback_matches_central_differences)
{
    const model_setting m = model_settings[_i];
    model_case c;

    model_case_open(&c, &model_case_grid, NULL, 0);
    model_case_belief(&c, m.name, m.settings);

    elbo_belief *const b = &c.belief;
    const double *const G = model_case_normals(&c, b->mean.pattern->nnz, 21);
    double *const grad = elbo_arena_doubles(c.arena, b->n);

    for (size_t j = 0; j < b->n; j++) grad[j] = 2.385;
    if (b->model->pullback) b->model->pullback(b, G, grad);
    for (size_t j = 0; b->model->pullback && j < b->n; j += 1 + b->n / 97)
        ck_assert_double_eq_tol(grad[j] - 2.385, slope(b, j, G, weighted_sum),
                                1e-9);
    model_case_close(&c);
}
END_TEST

START_TEST(log_prior_is_a_normal_density_with_its_gradient)
{
    const model_setting m = model_settings[_i];
    model_case c;

    model_case_open(&c, &model_case_grid, NULL, 0);
    model_case_belief(&c, m.name, m.settings);

    elbo_belief *const b = &c.belief;
    double *const grad = elbo_arena_doubles(c.arena, b->n);
    const double precision = strstr(m.settings, "0.3") ? 0.3 : 1e-3;
    double expected = 0;

    for (size_t j = 0; j < b->n; j++) grad[j] = 1.5;
    if (b->model->pullback) {
        for (size_t j = 0; j < b->n; j++)
            expected +=
                log(gsl_ran_gaussian_pdf(b->theta[j], 1 / sqrt(precision)));
        ck_assert_double_eq_tol(b->model->log_prior(b, grad), expected,
                                1e-12 * fabs(expected));
        for (size_t j = 0; j < b->n; j += 1 + b->n / 31)
            ck_assert_double_eq_tol(grad[j] - 1.5,
                                    slope(b, j, NULL, prior_value), 1e-8);
    }
    model_case_close(&c);
}
END_TEST

/* -- aliased, random, low rank ----------------------------------------------
 */

static double probability(const model_case *c, size_t row, size_t next)
{
    const size_t i = elbo_entry(c->belief.mean.pattern, row, next);

    return i == (size_t)-1 ? 0 : c->belief.mean.prob[i];
}

START_TEST(aliased_cells_of_a_block_share_displacements)
{
    enum { COLS = 5, INNER = 1 * COLS + 1, CORNER = 0 };
    model_case c;

    model_case_open(&c, &model_case_grid, NULL, 0);
    model_case_belief(&c, "aliased", "block=2 init_scale=1.1");
    for (size_t a = 0; a < 4; a++) {
        const size_t inner = INNER * 4 + a, corner = CORNER * 4 + a;
        const double up = probability(&c, inner, INNER - COLS);
        const double left = probability(&c, inner, INNER - 1);
        const double stay = probability(&c, inner, INNER);

        /* what would leave the map stays in place */
        ck_assert_double_eq_tol(probability(&c, corner, CORNER),
                                stay + up + left, 1e-15);
        ck_assert_double_eq_tol(probability(&c, corner, CORNER + 1),
                                probability(&c, inner, INNER + 1), 1e-15);
        ck_assert_double_eq_tol(probability(&c, corner, CORNER + COLS),
                                probability(&c, inner, INNER + COLS), 1e-15);
        ck_assert_double_eq_tol(probability(&c, corner, 20),
                                probability(&c, inner, 20), 1e-15);
        ck_assert_double_gt(probability(&c, inner, 20), 0);
        /* cell (2, 2) lies in another block */
        ck_assert_double_ne(probability(&c, 12 * 4 + a, 13),
                            probability(&c, inner, INNER + 1));
    }
    ck_assert_uint_eq(c.belief.n, 2 * 3 * 4 * 6); /* 5 moves and END */
    model_case_close(&c);
}
END_TEST

START_TEST(aliased_states_of_a_group_share_rows)
{
    model_case c;

    model_case_open(&c, &model_case_tangle, &small, 0);
    model_case_belief(&c, "aliased", "groups=3 init_scale=1.1");
    ck_assert_uint_eq(c.belief.n, 3 * 2 * (small.nS + 1));
    /* floor(3 s / 7): 0 0 0 1 1 2 2; the rows of state 6 are known */
    for (size_t s = 0; s + 1 < small.nS; s++)
        for (size_t t = 0; t < s; t++)
            ck_assert_int_eq(probability(&c, s * 2 + 1, 4)
                                 == probability(&c, t * 2 + 1, 4),
                             3 * s / 7 == 3 * t / 7);
    model_case_close(&c);
}
END_TEST

START_TEST(random_rows_are_even_on_the_simplex)
{
    enum { SEEDS = 400 };
    const size_t n = small.nS + 1, learnt = (small.nS - 1) * 2;
    const double k = (double)n, draws = (double)(SEEDS * learnt);
    const double variance = (k - 1) / (k * k * (k + 1));
    double sum = 0, square = 0;
    model_case c;

    model_case_open(&c, &model_case_tangle, &small, 0);
    for (int seed = 0; seed < SEEDS; seed++) {
        const elbo_mark mark = elbo_arena_mark(c.arena);

        c.context.seed = (uint64_t)seed;
        model_case_belief(&c, "random", "");
        for (size_t row = 0; row < learnt; row++) {
            const double d = c.belief.mean.prob[row * n + 2] - 1 / k;

            sum += d;
            square += d * d;
        }
        elbo_arena_release(c.arena, mark);
    }
    ck_assert_double_eq_tol(sum / draws, 0, 5 * sqrt(variance / draws));
    /* Beta(1, 7) has kurtosis below 6: Var d^2 < 5 variance^2 */
    ck_assert_double_eq_tol(square / draws, variance,
                            5 * variance * sqrt(5 / draws));
    model_case_close(&c);
}
END_TEST

START_TEST(low_rank_kernels_have_their_rank)
{
    model_case c;

    model_case_open(&c, &model_case_grid, NULL, 0);
    model_case_belief(&c, "low_rank", "rank=1");
    /* rank 1: all rows of an action are one row */
    for (size_t s = 1; s + 1 < c.mdp.nS; s++)
        for (size_t next = 0; next <= c.mdp.nS; next++)
            ck_assert_double_eq_tol(probability(&c, s * 4 + 2, next),
                                    probability(&c, 2, next), 1e-15);
    model_case_belief(&c, "low_rank", "rank=2");
    ck_assert_double_gt(fabs(probability(&c, 6, 3) - probability(&c, 2, 3)),
                        1e-6);
    model_case_close(&c);
}
END_TEST

START_TEST(true_is_the_world)
{
    model_case c;

    model_case_open(&c, &model_case_tangle, &small, 0);
    model_case_belief(&c, "true", "");
    ck_assert_uint_eq(c.belief.n, 0);
    ck_assert_ptr_eq(c.belief.mean.prob, c.mdp.P.prob);
    ck_assert_ptr_eq(c.belief.geo.prob, c.mdp.P.prob);
    model_case_close(&c);
}
END_TEST

/* -- all --------------------------------------------------------------------
 */

static void save_and_load(const model_setting m, const char *path,
                          bool spoil_count, double spoil, elbo_status expected)
{
    model_case c, d;
    elbo_writer *const out = elbo_writer_alloc();
    elbo_reader *in;

    model_case_open(&c, &model_case_grid, NULL, 0);
    model_case_open(&d, &model_case_grid, NULL, 0);
    model_case_belief(&c, m.name, m.settings);
    model_case_belief(&d, m.name, m.settings);
    model_case_shake(&c, 0.4, 6);
    if (c.belief.n) c.belief.theta[0] *= spoil;
    if (spoil_count) c.belief.n++;

    elbo_writer_section(out, "model");
    elbo_belief_save(&c.belief, out);
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "model"), ELBO_OK);
    ck_assert_int_eq(elbo_belief_load(&d.belief, in), expected);
    if (expected == ELBO_OK) {
        const size_t bytes = c.belief.mean.pattern->nnz * sizeof(double);

        ck_assert_mem_eq(c.belief.mean.prob, d.belief.mean.prob, bytes);
        ck_assert_mem_eq(c.belief.geo.prob, d.belief.geo.prob, bytes);
    }
    elbo_reader_free(in);
    elbo_writer_free(out);
    model_case_close(&c);
    model_case_close(&d);
}

START_TEST(saving_and_loading_restores_the_bits)
{
    char folder[] = "/tmp/elbo-models-XXXXXX", path[64];

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/checkpoint", folder);
    for (int i = 0; i < n_model_settings; i++)
        save_and_load(model_settings[i], path, false, 1, ELBO_OK);
    save_and_load(model_settings[0], path, true, 1, ELBO_EDATA);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "parameters"));
    save_and_load(model_settings[2], path, false, NAN, ELBO_EDATA);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "parameter 0"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

static const model_setting wide_settings[] = {
    {"tabular",  ""                        },
    {"softmax",  "init_scale=0.7"          },
    {"low_rank", "rank=9"                  },
    {"aliased",  "groups=11 init_scale=0.7"},
};

START_TEST(threads_do_not_change_the_bits)
{
    const model_setting m = wide_settings[_i];
    const int threads = omp_get_max_threads();
    double *mean[2], *grad[2], prior[2];
    model_case c[2];
    size_t n = 0, nnz = 0;

    for (int t = 0; t < 2; t++) {
        omp_set_num_threads(t + 1);
        model_case_open(&c[t], &model_case_tangle, &wide, 0);
        model_case_belief(&c[t], m.name, m.settings);
        model_case_shake(&c[t], 0.3, 2);

        const elbo_belief *const b = &c[t].belief;

        n = b->n;
        nnz = b->mean.pattern->nnz;
        grad[t] = elbo_arena_doubles(c[t].arena, n);
        memset(grad[t], 0, n * sizeof *grad[t]);
        prior[t] = b->model->log_prior(b, b->model->pullback ? grad[t] : NULL);
        if (b->model->pullback)
            b->model->pullback(b, model_case_normals(&c[t], nnz, 4), grad[t]);
        mean[t] = b->geo.prob;
    }
    omp_set_num_threads(threads);
    ck_assert_mem_eq(mean[0], mean[1], nnz * sizeof(double));
    ck_assert_mem_eq(grad[0], grad[1], n * sizeof(double));
    ck_assert_mem_eq(&prior[0], &prior[1], sizeof(double));
    model_case_close(&c[0]);
    model_case_close(&c[1]);
}
END_TEST

START_TEST(the_registry_finds_its_members)
{
    for (size_t i = 0; elbo_models[i]; i++) {
        ck_assert_ptr_eq(elbo_model_find(elbo_models[i]->name), elbo_models[i]);
        ck_assert_ptr_nonnull(elbo_models[i]->source);
        ck_assert_ptr_nonnull(elbo_models[i]->doc);
    }
    ck_assert_ptr_null(elbo_model_find("tubular"));
    ck_assert_ptr_eq(elbo_model_find("true"), &elbo_model_true);
}
END_TEST

Suite *suite_models(void)
{
    Suite *const suite = suite_create("models");
    TCase *const t = tcase_create("models");
    const int n = n_model_settings;

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, every_model_gives_rows_that_sum_to_one, 0, n);
    tcase_add_loop_test(t, the_same_seed_gives_the_same_bits, 0, n);
    tcase_add_loop_test(t, pullback_matches_central_differences, 0, n);
    tcase_add_loop_test(t, log_prior_is_a_normal_density_with_its_gradient, 0,
                        n);
    tcase_add_loop_test(t, threads_do_not_change_the_bits, 0, 4);
    tcase_add_test(t, aliased_cells_of_a_block_share_displacements);
    tcase_add_test(t, aliased_states_of_a_group_share_rows);
    tcase_add_test(t, random_rows_are_even_on_the_simplex);
    tcase_add_test(t, low_rank_kernels_have_their_rank);
    tcase_add_test(t, true_is_the_world);
    tcase_add_test(t, saving_and_loading_restores_the_bits);
    tcase_add_test(t, the_registry_finds_its_members);
    suite_add_tcase(suite, t);
    suite_add_tcase(suite, models_tabular_case());
    suite_add_tcase(suite, models_failures_case());
    suite_add_tcase(suite, models_slots_case());
    suite_add_tcase(suite, models_features_case());
    return suite;
}

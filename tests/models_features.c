/* tests/models_features.c -- the model of features against its formulas. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/model_cases.h"

enum { K = 5, R = 3, STATES = 20, ACTIONS = 4 };

static char folder[64];

static FILE *new_file(const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);

    FILE *const f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    return f;
}

static void write_file(const char *name, const char *text)
{
    FILE *const f = new_file(name);

    fputs(text, f);
    fclose(f);
}

static double feature(size_t s, size_t a, size_t next, size_t k)
{
    return sin(1.7 * (double)s + 0.5 * (double)a + 0.3 * (double)next
               + (double)k);
}

/* States 3 and 4 are mixtures; the last state's rows are known. */
static bool is_free(size_t s)
{
    return s != 3 && s != 4 && s != STATES - 1;
}

/* Three outcomes a row, one of them the end. */
static size_t outcome(size_t s, size_t a, size_t i)
{
    return i == 2 ? STATES : (s + a + i * 7) % STATES;
}

static void write_files(void)
{
    FILE *f = new_file("f.csv");

    fputs("action,state,next_state,value,feature\n", f);
    for (size_t s = STATES; s-- > 0;)
        for (size_t a = 0; is_free(s) && a < ACTIONS; a++)
            for (size_t i = 0; i < 3; i++)
                for (size_t k = 0; k < K; k++)
                    fprintf(f, "%zu,%zu,%zu,%.17g,%zu\n", a, s,
                            outcome(s, a, i),
                            feature(s, a, outcome(s, a, i), k), k);
    fclose(f);
    write_file("m.csv", "state,part,weight\n4,2,1\n3,0,0.25\n3,7,0.75\n");
    write_file("o.csv", "state,action,next_state,feature,value\n"
                        "0,1,20,0,-1.5\n7,1,20,0,0.5\n");
    f = new_file("r.csv");
    fputs("state,action,feature,value\n", f);
    for (size_t s = 0; s < STATES; s++)
        for (size_t k = 0; k < R; k++)
            fprintf(f, "%zu,%zu,%zu,%.17g\n", s, s % ACTIONS, k,
                    feature(s, 0, 0, k));
    fclose(f);
}

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/elbo-features-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    write_files();
}

static void tear_down(void)
{
    static const char *const names[] = {"f.csv", "m.csv", "o.csv", "r.csv",
                                        "bad.csv"};
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static const char all[] = "transitions=f.csv mixtures=m.csv offsets=o.csv "
                          "rewards=r.csv init_scale=0.8 prior_precision=0.3";

static void open_case(model_case *c, const char *settings)
{
    model_case_open(c, &model_case_grid, NULL, 0);
    c->context.folder = folder;
    model_case_belief(c, "features", settings);
}

/* p(next | s, a) of a free state by the formula. */
static double probability(const double theta[], size_t s, size_t a, size_t next)
{
    double weight[3], sum = 0, p = 0;

    for (size_t i = 0; i < 3; i++) {
        const size_t to = outcome(s, a, i);
        double x =
            to == STATES && a == 1 ? (s == 0) * -1.5 + (s == 7) * 0.5 : 0;

        for (size_t k = 0; k < K; k++) x += theta[k] * feature(s, a, to, k);
        sum += weight[i] = exp(x);
    }
    for (size_t i = 0; i < 3; i++)
        if (outcome(s, a, i) == next) p += weight[i] / sum;
    return p;
}

START_TEST(rows_follow_their_features)
{
    model_case c;

    open_case(&c, all);
    model_case_shake(&c, 0.5, 3);

    const double *const theta = c.belief.theta, *const p = c.belief.mean.prob;

    ck_assert_uint_eq(c.belief.n, K + R);
    for (size_t s = 0; s < STATES; s++)
        for (size_t a = 0; a < ACTIONS; a++)
            for (size_t next = 0; next <= STATES; next++) {
                const double x = p[(s * ACTIONS + a) * (STATES + 1) + next];
                double y = next == STATES; /* known */

                if (is_free(s)) y = probability(theta, s, a, next);
                if (s == 3)
                    y = 0.25 * probability(theta, 0, a, next)
                        + 0.75 * probability(theta, 7, a, next);
                if (s == 4) y = probability(theta, 2, a, next);
                ck_assert_double_eq_tol(x, y, 1e-14);
            }
    for (size_t row = 0; row < STATES * ACTIONS; row++) {
        double r = 0;

        for (size_t k = 0; row / ACTIONS % ACTIONS == row % ACTIONS && k < R;
             k++)
            r += theta[K + k] * feature(row / ACTIONS, 0, 0, k);
        ck_assert_double_eq_tol(c.belief.reward[row], r, 1e-14);
    }
    model_case_close(&c);
}
END_TEST

/* A fixed linear function of kernel and rewards. */
static double weighed(const elbo_belief *b, const double G[])
{
    const size_t nnz = b->mean.pattern->nnz;
    double sum = 0;

    for (size_t i = 0; i < nnz; i++) sum += G[i] * b->mean.prob[i];
    for (size_t i = nnz; i < elbo_belief_slopes(b); i++)
        sum += G[i] * b->reward[i - nnz];
    return sum;
}

static const char *const settings[] = {
    "transitions=f.csv mixtures=m.csv init_scale=0.8", "rewards=r.csv",
    "transitions=f.csv mixtures=m.csv offsets=o.csv rewards=r.csv"};

START_TEST(pullback_matches_central_differences)
{
    model_case c;

    open_case(&c, settings[_i]);
    model_case_shake(&c, 0.5, 3);

    elbo_belief *const b = &c.belief;
    const double *const G = model_case_normals(&c, elbo_belief_slopes(b), 9);
    double grad[K + R] = {0};

    ck_assert(isfinite(b->model->log_prior(b, NULL)));
    b->model->pullback(b, G, grad);
    for (size_t j = 0; j < b->n; j++) {
        const double x = b->theta[j], h = 1e-4;
        double value[2];

        for (int i = 0; i < 2; i++) {
            b->theta[j] = x + (i ? -h : h);
            b->model->update(b);
            value[i] = weighed(b, G);
        }
        b->theta[j] = x;
        ck_assert_double_eq_tol(grad[j], (value[0] - value[1]) / (2 * h), 1e-6);
    }
    model_case_close(&c);
}
END_TEST

START_TEST(without_transitions_the_kernel_is_the_worlds)
{
    model_case c;

    open_case(&c, "rewards=r.csv");
    ck_assert_uint_eq(c.belief.n_kernel, 0);
    ck_assert_ptr_eq(c.belief.mean.prob, c.mdp.P.prob);
    ck_assert_double_eq(c.belief.reward[0], 0);
    model_case_close(&c);
}
END_TEST

/* clang-format off */
static const struct {
    const char *settings, *text, *part;
    elbo_status status;
} bad[] = {
    {"",
     "",
     "nothing to learn", ELBO_EINVAL},
    {"mixtures=m.csv",
     "",
     "mixtures need transitions", ELBO_EINVAL},
    {"rewards=missing.csv",
     "",
     "missing.csv", ELBO_ENOINPUT},
    {"rewards=bad.csv",
     "state,action,feature\n",
     "column 'value' is missing",
     ELBO_EDATA},
    {"rewards=bad.csv",
     "state,action,feature,value\n20,0,0,1\n",
     ":2:1:", ELBO_EDATA},
    {"rewards=bad.csv",
     "state,action,feature,value\n1,0,0,1\n1,0,0,2\n",
     ":3:1: repeats line 2", ELBO_EDATA},
    {"transitions=f.csv mixtures=bad.csv",
     "state,part,weight\n3,0,0.9\n",
     "sum to 0.9", ELBO_EDATA},
    {"transitions=f.csv mixtures=bad.csv",
     "state,part,weight\n3,4,1\n4,0,1\n",
     "part 4 is a mixture", ELBO_EDATA},
    {"transitions=f.csv",
     "",
     "no outcome of state 3", ELBO_EDATA},
    {"transitions=f.csv mixtures=bad.csv",
     "state,part,weight\n3,0,1\n4,0,1\n5,0,1\n",
     "not free", ELBO_EDATA},
    {"transitions=f.csv mixtures=m.csv offsets=bad.csv",
     "state,action,next_state,feature,value\n0,0,1,0,3\n",
     "lists no such outcome", ELBO_EDATA},
};
/* clang-format on */

START_TEST(bad_files_are_refused_with_their_place)
{
    model_case c;

    if (bad[_i].text[0]) write_file("bad.csv", bad[_i].text);
    model_case_open(&c, &model_case_grid, NULL, 0);
    c.context.folder = folder;
    ck_assert_int_eq(model_case_try(&c, "features", bad[_i].settings),
                     bad[_i].status);
    ck_assert_msg(strstr(elbo_last_error()->text, bad[_i].part), "%s",
                  elbo_last_error()->text);
    model_case_close(&c);
}
END_TEST

TCase *models_features_case(void)
{
    TCase *const t = tcase_create("features");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, rows_follow_their_features);
    tcase_add_loop_test(t, pullback_matches_central_differences, 0, 3);
    tcase_add_test(t, without_transitions_the_kernel_is_the_worlds);
    tcase_add_loop_test(t, bad_files_are_refused_with_their_place, 0,
                        sizeof bad / sizeof *bad);
    return t;
}

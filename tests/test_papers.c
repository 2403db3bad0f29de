/* tests/test_papers.c -- the papers' tiny experiments keep their frozen numbers,
 * and the experiments on Gymnasium's tables reach what they claim.
 */
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference/backup.h"
#include "inference/evaluate.h"
#include "inference/program/experiment.h"
#include "inference/program/papers.h"
#include "tests/suites.h"

enum { LINE = 4096 };

static elbo_experiment *read_experiment(const char *path)
{
    elbo_complaints complaints;
    elbo_experiment *experiment = NULL;

    ck_assert_int_eq(elbo_complaints_init(&complaints), ELBO_OK);

    const elbo_status s =
        elbo_experiment_read(path, NULL, 0, &complaints, &experiment);

    ck_assert_msg(s == ELBO_OK, "%s: %s", path,
                  complaints.n ? complaints.list[0].text
                               : elbo_last_error()->text);
    elbo_complaints_free(&complaints);
    return experiment;
}

/* Room for another BLAS: 1e-9, of networks in single precision a thousandth. */
static double room(const elbo_experiment *experiment)
{
    return experiment->setup.env->task ? 1e-3 : 1e-9;
}

/* Every row of tiny.csv, column by column. */
static void compare_rows(elbo_engine *engine, FILE *frozen, const char *path,
                         double tolerance)
{
    char line[LINE];

    ck_assert_ptr_nonnull(fgets(line, LINE, frozen));
    while (fgets(line, LINE, frozen)) {
        double value[ELBO_ROW_COLUMNS];
        elbo_row row;
        char *at = line;

        ck_assert_msg(elbo_engine_iterate(engine, &row) == ELBO_OK, "%s",
                      elbo_last_error()->text);

        const size_t n =
            elbo_row_values(&row, elbo_engine_optimality(engine), value);

        for (size_t i = 0; i < n; i++) {
            const double expected = strtod(at, &at);

            ck_assert_msg(fabs(value[i] - expected) <=
                              tolerance * (1 + fabs(expected)),
                          "%s, iteration %g, column %zu: %.17g, frozen %.17g",
                          path, value[0], i, value[i], expected);
            at += *at == ',';
        }
        ck_assert_msg(*at == '\n', "%s: more columns than the engine has", path);
    }
    ck_assert_int_ne(elbo_engine_verdict(engine), ELBO_RUNNING);
}

START_TEST(tiny_experiments_keep_their_frozen_numbers)
{
    glob_t found;

    ck_assert_int_eq(glob("papers/*/tiny.yaml", 0, NULL, &found), 0);
    ck_assert_uint_ge(found.gl_pathc, 2);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char path[LINE];
        elbo_experiment *experiment = read_experiment(found.gl_pathv[i]);
        elbo_engine *engine = NULL;

        snprintf(path, sizeof path, "%.*scsv",
                 (int)strlen(found.gl_pathv[i]) - 4, found.gl_pathv[i]);

        FILE *frozen = fopen(path, "r");

        ck_assert_msg(frozen, "%s is missing: make papers writes it", path);
        ck_assert_msg(elbo_engine_open(&experiment->setup, experiment->seeds[0],
                                       &engine) == ELBO_OK,
                      "%s", elbo_last_error()->text);
        compare_rows(engine, frozen, path, room(experiment));
        elbo_engine_free(engine);
        elbo_experiment_free(experiment);
        fclose(frozen);
    }
    globfree(&found);
}
END_TEST

/* The survey's 46, in its four categories, each name once. */
START_TEST(the_survey_has_its_46_papers)
{
    static const struct {
        const char *category;
        size_t n;
    } wanted[] = {{"distribution correction", 6},
                  {"control as inference", 3},
                  {"value equivalence", 21},
                  {"differentiable planning", 16}};
    const elbo_paper *p = elbo_papers;

    for (size_t c = 0; c < sizeof wanted / sizeof *wanted; c++)
        for (size_t i = 0; i < wanted[c].n; i++, p++)
            ck_assert_str_eq(p->category, wanted[c].category);
    ck_assert_str_eq(p->category, "outside the survey");
    for (p = elbo_papers; p->name; p++) {
        ck_assert(*p->citation && *p->id && *p->leads && *p->setting);
        for (const elbo_paper *q = elbo_papers; q < p; q++)
            ck_assert_str_ne(q->name, p->name);
    }
}
END_TEST

/* J* of the truth by value iteration, independent of the run's own solver. */
static double best_return(const elbo_mdp *truth)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 20);
    double *V = elbo_arena_doubles(ws, truth->nS + 1);
    double change = 1, J = 0;

    for (size_t s = 0; s <= truth->nS; s++) V[s] = 0;
    while (change > 1e-12) {
        change = 0;
        for (size_t s = 0; s < truth->nS; s++) {
            double best = -INFINITY;

            for (size_t a = 0; a < truth->nA; a++) {
                const size_t row = s * truth->nA + a;
                const elbo_pattern *p = truth->P.pattern;
                double Q = truth->r[row];

                for (size_t i = elbo_row_begin(p, row);
                     i < elbo_row_end(p, row); i++)
                    Q += truth->gamma * truth->P.prob[i] *
                         V[elbo_successor(p, row, i)];
                best = fmax(best, Q);
            }
            change = fmax(change, fabs(best - V[s]));
            V[s] = best;
        }
    }
    for (size_t s = 0; s < truth->nS; s++) J += truth->mu[s] * V[s];
    elbo_arena_free(ws);
    return J;
}

static const struct {
    const char *path;
    uint64_t steps; /* real transitions at most */
} real_inputs[] = {
    {"tests/data/taxi.yaml", 500000},
    {"tests/data/frozen_lake.yaml", 400000},
};

/* |J - J*| <= 0.01 |J*| from the table's initial distribution, within the budget;
 * the first row must be far from it, so that the run shows learning. */
START_TEST(online_learning_on_a_gymnasium_table_reaches_one_per_cent)
{
    elbo_experiment *experiment = read_experiment(real_inputs[_i].path);
    elbo_engine *engine = NULL;
    elbo_row row = {0};
    double first = 0;

    ck_assert_msg(elbo_engine_open(&experiment->setup, experiment->seeds[0],
                                   &engine) == ELBO_OK,
                  "%s", elbo_last_error()->text);

    const double best = best_return(elbo_engine_truth(engine));

    while (elbo_engine_verdict(engine) == ELBO_RUNNING) {
        ck_assert_msg(elbo_engine_iterate(engine, &row) == ELBO_OK, "%s",
                      elbo_last_error()->text);
        if (row.iteration == 1) first = row.return_real;
    }
    ck_assert_uint_le(row.env_steps, real_inputs[_i].steps);
    ck_assert_msg(fabs(row.return_real - best) <= 0.01 * fabs(best),
                  "%s: J = %g, J* = %g after %llu steps", real_inputs[_i].path,
                  row.return_real, best, (unsigned long long)row.env_steps);
    ck_assert_msg(first < best - 0.1 * fabs(best),
                  "%s: nothing was left to learn", real_inputs[_i].path);
    elbo_engine_free(engine);
    elbo_experiment_free(experiment);
}
END_TEST

Suite *suite_papers(void)
{
    Suite *suite = suite_create("papers");
    TCase *tiny = tcase_create("tiny"), *real = tcase_create("real input");

    tcase_set_timeout(tiny, 300);
    tcase_set_timeout(real, 300);
    tcase_add_test(tiny, the_survey_has_its_46_papers);
    tcase_add_test(tiny, tiny_experiments_keep_their_frozen_numbers);
    tcase_add_loop_test(real,
                        online_learning_on_a_gymnasium_table_reaches_one_per_cent,
                        0, (int)(sizeof real_inputs / sizeof *real_inputs));
    suite_add_tcase(suite, tiny);
    suite_add_tcase(suite, real);
    return suite;
}

/* tests/test_search.c -- gradient: search(...): models chosen by what their
 * plans earn, on worlds where all of them can be tried.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inference/engine_state.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

enum { S = 5, A = 2 };

static const double gamma_ = 0.9, alpha = 0.05;

static case_text two_parameters(const char *inference)
{
    return (case_text){
        .env_own = "states=5 actions=2 branching=2 reward=action "
                   "sparsity=0.7 instance=1",
        .env_common = "discount=0.9",
        .model = "features",
        .model_own = "transitions=two_parameters.csv prior_precision=1e-9",
        .control_common = "temperature=0.05 tolerance=1e-12",
        .inference = inference,
        .data = "steps=10",
    };
}

typedef struct search_case {
    case_setup setup;
    elbo_engine *engine;
} search_case;

static void open_case(search_case *x, const char *inference, uint64_t seed)
{
    const case_text text = two_parameters(inference);

    case_open(&x->setup, &text);
    x->setup.setup.folder = "tests/data";
    case_ok(elbo_engine_open(&x->setup.setup, seed, &x->engine));
}

static void close_case(search_case *x)
{
    elbo_engine_free(x->engine);
    case_close(&x->setup);
}

/* p(next | s, a) by the numbers that the file was written from. */
static double weigh(const double theta[], size_t s, size_t a, size_t next)
{
    const double f0 = (double)((next + 7 - s) % 5) - 2;
    const double f1 = (double)((next * 3 + s * 2 + a * 4) % 5) - 2;

    return exp(theta[0] * f0 + theta[1] * f1);
}

/* V by soft backups in the model of theta, then the policy's J in the truth by
 * backups too; nothing of the library but the truth's numbers. */
static double return_of(const double theta[], const elbo_mdp *truth)
{
    double p[S * A][S], Q[S * A], V[S] = {0}, J = 0;

    for (size_t row = 0; row < S * A; row++) {
        double sum = 0;

        for (size_t n = 0; n < S; n++)
            sum += p[row][n] = weigh(theta, row / A, row % A, n);
        for (size_t n = 0; n < S; n++) p[row][n] /= sum;
    }
    for (int sweep = 0; sweep < 400; sweep++) {
        for (size_t row = 0; row < S * A; row++) {
            Q[row] = truth->r[row];
            for (size_t n = 0; n < S; n++) Q[row] += gamma_ * p[row][n] * V[n];
        }
        for (size_t s = 0; s < S; s++) {
            const double top = fmax(Q[s * A], Q[s * A + 1]);

            V[s] = top
                   + alpha
                         * log(0.5 * exp((Q[s * A] - top) / alpha)
                               + 0.5 * exp((Q[s * A + 1] - top) / alpha));
        }
    }
    memset(p, 0, sizeof p);
    for (size_t row = 0; row < S * A; row++)
        for (size_t i = elbo_row_begin(truth->P.pattern, row);
             i < elbo_row_end(truth->P.pattern, row); i++)
            p[row][elbo_successor(truth->P.pattern, row, i)] +=
                truth->P.prob[i];

    double U[S] = {0};

    for (int sweep = 0; sweep < 400; sweep++) {
        double next[S] = {0};

        for (size_t row = 0; row < S * A; row++) {
            const double pi = 0.5 * exp((Q[row] - V[row / A]) / alpha);
            double value = truth->r[row];

            for (size_t n = 0; n < S; n++) value += gamma_ * p[row][n] * U[n];
            next[row / A] += pi * value;
        }
        memcpy(U, next, sizeof U);
    }
    for (size_t s = 0; s < S; s++) J += truth->mu[s] * U[s];
    return J;
}

static double best_on_a_grid(const elbo_mdp *truth)
{
    enum { STEPS = 25 };
    double best = -HUGE_VAL;

    for (int i = 0; i < STEPS * STEPS; i++) {
        const double theta[2] = {-3 + 6. * (i % STEPS) / (STEPS - 1),
                                 -3 + 6. * (i / STEPS) / (STEPS - 1)};

        best = fmax(best, return_of(theta, truth));
    }
    return best;
}

static const struct {
    const char *text;
    double share; /* of what the grid gains over the start */
} methods[] = {
    {"likelihood=J data_scale=1 iterations=1 gradient=search(gp,45)",           0.99},
    {"likelihood=J data_scale=1 iterations=9 tolerance=0 "
     "gradient=search(gp,5)",                                              0.99},
    {"likelihood=J data_scale=1 iterations=3 tolerance=0 "
     "gradient=search(nelder_mead,60)",                                    0.75},
    {"likelihood=J data_scale=1 iterations=1 gradient=search(evolution,200)",
     0.99                                                                           },
    {"likelihood=J data_scale=1 iterations=1 gradient=search(differences,200)",
     0.95                                                                           },
};

START_TEST(the_best_of_two_parameters_earns_what_the_grid_finds)
{
    const double start[2] = {0, 0};
    search_case x;
    elbo_row row = {0};
    double last = -HUGE_VAL;

    open_case(&x, methods[_i].text, 1);
    while (elbo_engine_verdict(x.engine) == ELBO_RUNNING) {
        case_ok(elbo_engine_iterate(x.engine, &row));
        ck_assert_double_ge(row.return_real, last - 1e-6);
        last = row.return_real;
    }

    const elbo_mdp *const truth = elbo_engine_truth(x.engine);
    const double *const theta = elbo_engine_belief(x.engine)->theta;
    const double base = return_of(start, truth);
    const double best = best_on_a_grid(truth);

    /* the run's own J is the one coded here, and what it maximised */
    ck_assert_double_eq_tol(row.return_real, return_of(theta, truth), 1e-8);
    ck_assert_double_eq_tol(row.parts.likelihood, row.return_real, 1e-8);
    ck_assert_double_gt(best, base + 0.05);
    ck_assert_msg(row.return_real >= base + methods[_i].share * (best - base),
                  "J %g from %g; the grid %g", row.return_real, base, best);
    close_case(&x);
}
END_TEST

static void iterate(elbo_engine *e, int n, elbo_row *row)
{
    for (int i = 0; i < n; i++) case_ok(elbo_engine_iterate(e, row));
}

/* Four rounds, and two, a file, and two. */
START_TEST(a_search_resumes_to_the_same_bits)
{
    static const char *const texts[] = {
        "likelihood=J iterations=4 tolerance=0 gradient=search(gp,6)",
        "likelihood=J iterations=4 tolerance=0 gradient=search(nelder_mead,9)",
        "likelihood=J iterations=4 tolerance=0 gradient=search(evolution,15)"};
    char path[] = "/tmp/elbo-search-XXXXXX";
    search_case x, y, z;
    elbo_row a, b;
    elbo_reader *in;
    elbo_writer *const out = elbo_writer_alloc();

    close(mkstemp(path));
    open_case(&x, texts[_i], 2);
    open_case(&y, texts[_i], 2);
    open_case(&z, texts[_i], 2);
    iterate(x.engine, 4, &a);
    iterate(y.engine, 2, &b);
    elbo_engine_save(y.engine, out);
    case_ok(elbo_writer_commit(out, path));
    case_ok(elbo_reader_open(path, &in));
    case_ok(elbo_engine_load(z.engine, in));
    iterate(z.engine, 2, &b);
    ck_assert_mem_eq(&a.elbo, &b.elbo, sizeof a.elbo);
    ck_assert_mem_eq(elbo_engine_belief(x.engine)->theta,
                     elbo_engine_belief(z.engine)->theta, 2 * sizeof(double));
    elbo_reader_free(in);
    elbo_writer_free(out);
    unlink(path);
    close_case(&x);
    close_case(&y);
    close_case(&z);
}
END_TEST

/* A hard planner has no gradient, but a best model. */
START_TEST(a_hard_planner_is_searched_too)
{
    const case_text text = {
        .env_own = "states=6 actions=2 branching=2 reward=action instance=2",
        .model = "aliased",
        .model_own = "groups=2 prior_precision=1e-6",
        .control = "value_iteration",
        .inference = "likelihood=J data_scale=1 iterations=1 "
                     "gradient=search(nelder_mead,400,step=2)",
        .data = "steps=10",
    };
    case_setup c;
    elbo_engine *engine;
    elbo_row row;

    case_open(&c, &text);
    case_ok(elbo_engine_open(&c.setup, 0, &engine));
    case_ok(elbo_engine_iterate(engine, &row));
    ck_assert_double_gt(row.mstep.after, row.mstep.before + 0.1);
    ck_assert_double_eq_tol(row.parts.likelihood, row.return_real, 1e-9);
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

START_TEST(too_many_parameters_are_told_at_the_start)
{
    const case_text text = {.model = "softmax",
                            .inference = "likelihood=J gradient=search(gp)"};
    case_setup c;
    elbo_engine *engine;

    case_open_small(&c, &text);
    case_fails(elbo_engine_open(&c.setup, 0, &engine), ELBO_EINVAL,
               "gp searches 10 parameters at most");
    case_close(&c);
}
END_TEST

/* What training sees is the return from where its data start. */
START_TEST(j_is_measured_where_data_start)
{
    const case_text text = {
        .env = "mazes",
        .env_own = "mazes=4 unseen=2 side=3 obstacles=1 instance=5",
        .env_common = "discount=0.9",
        .model = "softmax",
        .model_own = "support=world",
        .control_common = "temperature=0.1",
        .inference = "likelihood=J+0.01*logp data_scale=1 iterations=1 "
                     "gradient=implicit m_step_iterations=3",
        .data = "steps=30",
    };
    case_setup c;
    elbo_engine *engine;
    elbo_row row;
    double J = 0, seen = 0;

    case_open(&c, &text);
    case_ok(elbo_engine_open(&c.setup, 0, &engine));
    case_ok(elbo_engine_iterate(engine, &row));

    const elbo_world *const w = elbo_engine_world(engine);
    const elbo_mdp *const mdp = elbo_engine_truth(engine);
    const double *const pi = elbo_engine_posterior(engine)->pi;
    double *const V = elbo_arena_doubles(c.arena, mdp->nS + 1);

    for (size_t s = 0; s <= mdp->nS; s++) V[s] = 0;
    for (int sweep = 0; sweep < 500; sweep++)
        for (size_t s = 0; s < mdp->nS; s++) {
            double value = 0;

            for (size_t a = 0; a < mdp->nA; a++) {
                const size_t r = s * mdp->nA + a;
                double Q = mdp->r[r];

                for (size_t i = elbo_row_begin(mdp->P.pattern, r);
                     i < elbo_row_end(mdp->P.pattern, r); i++)
                    Q += 0.9 * mdp->P.prob[i]
                         * V[elbo_successor(mdp->P.pattern, r, i)];
                value += pi[r] * Q;
            }
            V[s] = value;
        }
    for (size_t s = 0; s < mdp->nS; s++) {
        J += w->mu[s] * V[s];
        seen += w->start[s] * V[s];
    }
    ck_assert_double_eq_tol(row.return_real, J, 1e-9);
    ck_assert_double_gt(fabs(J - seen), 1e-4);

    double logp = 0;
    const elbo_kernel *const p = &elbo_engine_belief(engine)->mean;

    for (size_t i = 0; i < engine->data.n; i++) {
        const elbo_data *const d = &engine->data;
        const size_t r = d->s[i] * mdp->nA + d->a[i];
        const size_t next = d->terminal[i] ? mdp->nS : d->next[i];

        logp += log(p->prob[elbo_entry(p->pattern, r, next)]) / 30;
    }
    ck_assert_double_eq_tol(row.parts.likelihood, seen + 0.01 * logp, 1e-8);
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

Suite *suite_search(void)
{
    Suite *const suite = suite_create("search");
    TCase *const t = tcase_create("search");

    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, the_best_of_two_parameters_earns_what_the_grid_finds,
                        0, sizeof methods / sizeof *methods);
    tcase_add_loop_test(t, a_search_resumes_to_the_same_bits, 0, 3);
    tcase_add_test(t, a_hard_planner_is_searched_too);
    tcase_add_test(t, too_many_parameters_are_told_at_the_start);
    tcase_add_test(t, j_is_measured_where_data_start);
    suite_add_tcase(suite, t);
    return suite;
}

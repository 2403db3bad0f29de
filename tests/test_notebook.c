/* tests/test_notebook.c -- free(mode=notebook) against the numbers that the
 * official notebook of "Mismatched No More" printed
 * (github.com/ben-eysenbach/mnm, experiments.ipynb), on worlds and by an
 * evaluation written again after it.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/backup.h"
#include "inference/bound.h"
#include "models/registry.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

enum { A = 4, MOST_STATES = 100, MOST = MOST_STATES * A };

static const double gamma_ = 0.9;

/* A notebook world and its state: p, q [S x A x (S + 1)], END never reached. */
typedef struct book {
    elbo_arena *arena;
    size_t S, start;
    elbo_pattern *pattern;
    double *p;
    double raw[MOST], r[MOST]; /* rewards: the world's, control's */
    elbo_mdp mdp;
    elbo_belief belief;
    elbo_class held;
    elbo_problem problem;
    elbo_posterior post;
} book;

static bool is_wall(size_t size, size_t i, size_t j)
{
    return size == 10 ? i < 6 && (j == 4 || j == 5) : i >= 1;
}

static size_t lead(size_t size, size_t s, size_t a)
{
    static const int di[A] = {-1, 0, 1, 0}, dj[A] = {0, 1, 0, -1};
    const int n = (int)size;
    int i = (int)s / n + di[a], j = (int)s % n + dj[a];

    i = i < 0 ? 0 : i >= n ? n - 1 : i;
    j = j < 0 ? 0 : j >= n ? n - 1 : j;
    return is_wall(size, (size_t)i, (size_t)j) ? s : (size_t)(i * n + j);
}

static double *at(const book *b, double *kernel, size_t s, size_t a)
{
    return kernel + (s * A + a) * (b->S + 1);
}

static void open_book(book *b, size_t size)
{
    memset(b, 0, sizeof *b);
    b->arena = elbo_arena_alloc(1 << 20);
    b->S = size * size;
    ck_assert(elbo_pattern_dense(b->S, A, b->arena, &b->pattern) == ELBO_OK);
    b->p = elbo_arena_doubles(b->arena, b->pattern->nnz);
    memset(b->p, 0, b->pattern->nnz * sizeof *b->p);
}

/* The loop's start: pi uniform, q = p. */
static void start(book *b, const char *setting)
{
    double *mu = elbo_arena_doubles(b->arena, b->S);

    memset(mu, 0, b->S * sizeof *mu);
    mu[b->start] = 1;
    b->mdp = (elbo_mdp){
        .nS = b->S,
        .nA = A,
        .P = {.pattern = b->pattern, .prob = b->p},
        .r = b->r,
        .mu = mu,
        .gamma = gamma_
    };
    b->belief.model = &elbo_model_tabular;
    b->problem.mdp = b->mdp;
    ck_assert(elbo_transition_parse(setting, ELBO_KL_STEP, gamma_, b->arena,
                                    &b->problem.tilt, NULL, NULL)
              == ELBO_OK);
    b->held = (elbo_class){
        .belief = &b->belief,
        .q = b->mdp.P,
        .cost = elbo_arena_doubles(b->arena, b->S * A),
        .base = b->mdp.P,
    };
    b->problem.tilt.held = &b->held;
    ck_assert(elbo_posterior_init(&b->post, &b->problem, b->arena) == ELBO_OK);
    b->held.q.prob = b->post.q;
    ck_assert(elbo_class_charge(&b->problem.tilt, &b->mdp.P, &b->held)
              == ELBO_OK);
}

/* control: c log r + d, or raw */
static void see_rewards(book *b, bool logarithm, double constant)
{
    for (size_t i = 0; i < b->S * A; i++)
        b->r[i] =
            logarithm ? (1 - gamma_) * log(b->raw[i]) + constant : b->raw[i];
}

static double constant(void)
{
    return -(1 - gamma_) * log(1 - gamma_);
}

/* Figures 2a and 3b. */
static void open_maze(book *b, double elsewhere, double goal)
{
    open_book(b, 10);
    for (size_t s = 0; s < b->S; s++)
        for (size_t a = 0; a < A; a++) {
            for (size_t other = 0; other < A; other++)
                at(b, b->p, s, a)[lead(10, s, other)] += 0.5 / A;
            at(b, b->p, s, a)[lead(10, s, a)] += 0.5;
            b->raw[s * A + a] = s == 9 ? goal : elsewhere;
        }
    see_rewards(b, true, constant());
    start(b, "free(mode=notebook)");
}

/* Figure 3a: walls are rows 1 and 2 of 3 x 3 cells. */
static void open_risk(book *b, bool logarithm)
{
    open_book(b, 3);
    b->start = 1;
    for (size_t s = 0; s < b->S; s++)
        for (size_t a = 0; a < A; a++) {
            const bool risky = s % 3 == 2;

            at(b, b->p, s, a)[lead(3, s, a)] += risky ? 0.5 : 1;
            if (risky) at(b, b->p, s, a)[lead(3, s, 3)] += 0.5;
            b->raw[s * A + a] = s % 3 == 0 ? 50 : risky ? 51 : 1;
        }
    see_rewards(b, logarithm, 0);
    start(b, "free(mode=notebook)");
}

static double move(book *b)
{
    elbo_solve_info info;

    ck_assert(
        b->problem.tilt.kind->estep(&b->problem, &b->post, &info, b->arena)
        == ELBO_OK);
    return info.residual;
}

/* The notebook's value_iteration: Q of (pi, kernel, r), its norm and its end.
 */
static void sweep(const book *b, const double kernel[], const double r[],
                  const double pi[], double Q[])
{
    memset(Q, 0, b->S * A * sizeof *Q);
    for (size_t t = 0; t < 1000; t++) {
        double V[MOST_STATES] = {0}, next[MOST], norm = 0;

        for (size_t i = 0; i < b->S * A; i++) V[i / A] += pi[i] * Q[i];
        for (size_t i = 0; i < b->S * A; i++) {
            double sum = 0;

            for (size_t y = 0; y < b->S; y++)
                sum += kernel[i * (b->S + 1) + y] * V[y];
            next[i] = r[i] + gamma_ * sum;
        }
        for (size_t s = 0; s < b->S; s++) {
            double sum = 0;

            for (size_t a = 0; a < A; a++)
                sum += fabs(next[s * A + a] - Q[s * A + a]);
            norm = fmax(norm, sum);
        }
        if (norm < 1e-6) return;
        memcpy(Q, next, b->S * A * sizeof *Q);
    }
}

static size_t first_best(const double Q[])
{
    size_t best = 0;

    for (size_t a = 1; a < A; a++)
        if (Q[a] > Q[best]) best = a;
    return best;
}

/* ---- figure 2a, right ---- */

START_TEST(figure_2a_right_prints_its_differences_and_ends_in_23_iterations)
{
    static const double printed[] = {0.857286543175779, 0.002676412798026717,
                                     4.242812147170483e-06};
    book b;
    size_t t = 0;

    open_maze(&b, 1e-5, 1e9);
    for (double change = 1; change >= 1e-6 && t < 100; t++) {
        change = move(&b);
        if (t % 10 == 0)
            ck_assert_double_eq_tol(change, printed[t / 10],
                                    1e-12 * fmax(printed[t / 10], 1e-3));
    }
    ck_assert_uint_eq(t - 1, 23);
    elbo_arena_free(b.arena);
}
END_TEST

/* ---- figure 3b ---- */

typedef struct columns {
    double real, simple, learned, model, vmbpo;
} columns;

/* The bound with a learnt distribution of the horizon, by its own 300 steps. */
static double learned_horizon(const book *b, const double kl[])
{
    double rho[MOST] = {0}, total = 0, spent = 0, x[300], top = -HUGE_VAL;

    for (size_t a = 0; a < A; a++)
        rho[b->start * A + a] = b->post.pi[b->start * A + a];
    for (size_t t = 0; t < 300; t++) {
        double d[MOST_STATES] = {0}, log_r = 0, now = 0;

        for (size_t i = 0; i < b->S * A; i++) {
            log_r += rho[i] * log(b->raw[i]);
            now -= rho[i] * kl[i];
            for (size_t y = 0; y < b->S; y++)
                d[y] += rho[i] * b->post.q[i * (b->S + 1) + y];
        }
        x[t] = spent + (double)t * log(gamma_) + log_r;
        top = fmax(top, x[t]);
        spent += now;
        for (size_t i = 0; i < b->S * A; i++) rho[i] = d[i / A] * b->post.pi[i];
    }
    for (size_t t = 0; t < 300; t++) total += exp(x[t] - top);
    return top + log(total);
}

/* What the notebook computes in the middle of an iteration, of (pi, q). */
static columns evaluate(const book *b)
{
    const elbo_kernel q = {.pattern = b->pattern, .prob = b->post.q};
    double kl[MOST], charged[MOST], less[MOST], Q[MOST], decide[MOST];
    columns c;

    for (size_t i = 0; i < b->S * A; i++) {
        kl[i] = elbo_row_kl(&q, &b->mdp.P, i);
        charged[i] = b->r[i] - kl[i];
        less[i] = b->raw[i] - kl[i];
    }
    sweep(b, b->post.q, charged, b->post.pi, decide);

    const size_t i = b->start * A + first_best(decide + b->start * A);

    c.simple = decide[i];
    sweep(b, b->p, b->raw, b->post.pi, Q);
    c.real = log(Q[i]);
    sweep(b, b->post.q, b->raw, b->post.pi, Q);
    c.model = log(Q[i]);
    sweep(b, b->post.q, less, b->post.pi, Q);
    c.vmbpo = log(Q[i]);
    c.learned = learned_horizon(b, kl);
    return c;
}

static void assert_columns(const columns *c, const double want[5])
{
    const double have[5] = {c->real, c->simple, c->learned, c->model, c->vmbpo};

    for (size_t k = 0; k < 5; k++)
        ck_assert_double_eq_tol(have[k], want[k], 5.1e-7);
}

START_TEST(figure_3b_prints_its_differences_and_columns)
{
    static const double printed[] = {0.09792465318061616,
                                     0.00027014772344491345};
    static const double rows[][5] = {
        {2.302598, 2.302586, 2.302588, 2.302598, 2.302598},
        {2.311220, 2.305175, 2.305364, 2.313099, 2.313088},
        {2.407519, 2.336569, 2.356620, 2.447979, 2.447455},
    };
    book b;
    columns c = {0};
    size_t t = 0;

    open_maze(&b, 1, 10);
    for (double change = 1; change >= 1e-6 && t < 100; t++) {
        c = evaluate(&b);
        if (t < 2) assert_columns(&c, rows[t]);
        if (t == 5) assert_columns(&c, rows[2]);
        change = move(&b);
        if (t % 10 == 0)
            ck_assert_double_eq_tol(change, printed[t / 10], 1e-13);
    }
    ck_assert_uint_eq(t - 1, 19);
    /* log J stands above both bounds; the objective of VMBPO above log J */
    ck_assert_double_lt(c.simple, c.learned);
    ck_assert_double_lt(c.learned, c.real);
    ck_assert_double_lt(c.real, c.vmbpo);
    ck_assert_double_eq_tol(c.real, 2.42, 0.005);
    ck_assert_double_eq_tol(c.learned, 2.365, 0.005);
    ck_assert_double_eq_tol(c.vmbpo, 2.466, 0.005);
    elbo_arena_free(b.arena);
}
END_TEST

/* ---- the places of the KL's discount ---- */

/* F at its optimum under one convention, by value iteration. */
static double optimum(const book *b, const char *setting)
{
    elbo_problem problem = {
        .mdp = b->mdp, .tolerance = 1e-13, .sweeps = 100000};
    elbo_solve_info info;
    elbo_posterior post;

    ck_assert(elbo_transition_parse(setting, ELBO_KL_STEP, gamma_, b->arena,
                                    &problem.tilt, NULL, NULL)
              == ELBO_OK);
    ck_assert(elbo_posterior_init(&post, &problem, b->arena) == ELBO_OK);
    ck_assert(elbo_solve(&problem, &post, &info, b->arena) == ELBO_OK);
    return post.V[b->start];
}

START_TEST(the_next_convention_is_tightest_then_step_then_the_mix)
{
    book b;
    double iterate, next, step, mixed;

    open_maze(&b, 1, 10);
    for (size_t t = 0; t < 19; t++) move(&b);
    iterate = evaluate(&b).simple;
    for (size_t t = 0; t < 60; t++) move(&b);
    mixed = evaluate(&b).simple;
    step = optimum(&b, "free");
    next = optimum(&b, "free(kl=next)");
    ck_assert_double_eq_tol(evaluate(&b).real, 2.41946792, 2e-6);
    ck_assert_double_lt(next, 2.41946792);
    ck_assert_double_gt(next, step + 1e-4);
    ck_assert_double_gt(step, mixed + 1e-5);
    ck_assert_double_gt(mixed, iterate + 1e-9);
    elbo_arena_free(b.arena);
}
END_TEST

/* ---- figure 3a ---- */

/* The bar's height: greedy(Q) once, then the damped policy, in the world. */
static double bar(bool logarithm)
{
    book b;
    double Q[MOST];

    open_risk(&b, logarithm);
    for (size_t t = 0; t < 100; t++) {
        const book before = b;
        double pi[MOST];

        memcpy(pi, b.post.pi, b.S * A * sizeof *pi);
        if (move(&b) >= 1e-6) continue;
        memcpy(before.post.pi, pi, b.S * A * sizeof *pi); /* it stops first */
        break;
    }

    const size_t i = b.start * A + first_best(b.post.Q + b.start * A);

    sweep(&b, b.p, b.raw, b.post.pi, Q);
    elbo_arena_free(b.arena);
    return Q[i];
}

/* The bar of Q-learning: p in the place of q in Q, while the q that is not used says
 * when the loop ends; and what the solver finds in the same world. */
static double plain_bar(double *solved)
{
    book b;
    double Q[MOST], pi[MOST], V[MOST_STATES];
    size_t i = 0;

    open_risk(&b, false);
    memcpy(pi, b.post.pi, b.S * A * sizeof *pi);
    for (size_t t = 0; t < 100; t++) {
        double mean = 0, most = 0;

        sweep(&b, b.p, b.raw, pi, Q);
        for (size_t s = 0; s < b.S; s++) V[s] = Q[s * A + first_best(Q + s * A)];
        for (size_t s = 0; s < b.S; s++) mean += V[s] / (double)b.S;
        i = b.start * A + first_best(Q + b.start * A);
        for (size_t row = 0; row < b.S * A; row++) {
            double *const q = b.post.q + row * (b.S + 1), next[MOST_STATES], all = 0;

            for (size_t y = 0; y < b.S; y++)
                all += next[y] = b.p[row * (b.S + 1) + y] * exp(V[y] - mean);
            for (size_t y = 0; y < b.S; y++) {
                most = fmax(most, fabs(q[y] - next[y] / all));
                q[y] = (q[y] + next[y] / all) / 2;
            }
        }
        if (most < 1e-6) break;
        for (size_t s = 0; s < b.S; s++)
            for (size_t a = 0; a < A; a++)
                pi[s * A + a] = (pi[s * A + a] + (a == first_best(Q + s * A))) / 2;
    }
    sweep(&b, b.p, b.raw, pi, Q);
    *solved = optimum(&b, "model");
    elbo_arena_free(b.arena);
    return Q[i];
}

START_TEST(figure_3a_has_its_bars)
{
    double solved;
    const double plain = plain_bar(&solved);

    ck_assert_double_eq_tol(plain, 450.99990302142015, 1e-9);
    /* what half of the policy, then half of that, went on to lose */
    ck_assert(solved > plain && solved < plain + 1e-3);
    ck_assert_double_eq_tol(bar(true), 450.9999739927042, 1e-9);
    ck_assert_double_eq_tol(bar(false), 320.3558805827884, 1e-9);
}
END_TEST

Suite *suite_notebook(void)
{
    Suite *s = suite_create("notebook");
    TCase *t = tcase_create("printed");

    tcase_set_timeout(t, 60);
    tcase_add_test(
        t, figure_2a_right_prints_its_differences_and_ends_in_23_iterations);
    tcase_add_test(t, figure_3b_prints_its_differences_and_columns);
    tcase_add_test(t, the_next_convention_is_tightest_then_step_then_the_mix);
    tcase_add_test(t, figure_3a_has_its_bars);
    suite_add_tcase(s, t);
    return s;
}

/* tests/test_minimax.c -- an adversary's weights and values: the closed forms
 * against searches of her classes.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/engine_state.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

/* A chain of 5 states, 2 actions, some data, a random model and a random V. */
typedef struct minimax_case {
    case_setup setup;
    elbo_engine *engine;
    elbo_objective *objective;
    double V[8];
    size_t rows, nS;
    double weight[20][8]; /* shares of (s, a), s' in the data */
} minimax_case;

static void open_case(minimax_case *c, const char *formula, const char *values)
{
    static char control[64];
    const case_text text = {.env = "chain",
                            .env_own = "states=5",
                            .model = "softmax",
                            .model_own = "init_scale=0.8",
                            .control_common = control,
                            .inference = "likelihood=logp-sq(E(V(y)))",
                            .data = "steps=70"};
    elbo_rng rng = elbo_rng_stream(3, "test minimax", 0);
    elbo_row row;

    snprintf(control, sizeof control, "temperature=0.5 values=%s", values);
    memset(c, 0, sizeof *c);
    case_open(&c->setup, &text);
    case_ok(elbo_engine_open(&c->setup.setup, 2, &c->engine));

    elbo_engine *const e = c->engine;

    e->set.ascent.iterations = 1;
    case_ok(elbo_engine_iterate(e, &row));
    c->nS = e->world.nS;
    c->rows = c->nS * e->world.nA;
    for (size_t i = 0; i < e->data.n; i++)
        c->weight[e->data.s[i] * e->world.nA + e->data.a[i]]
                 [e->data.terminal[i] ? c->nS : e->data.next[i]] +=
            1 / (double)e->data.n;
    for (size_t s = 0; s < c->nS; s++)
        c->V[s] = 2 * elbo_rng_uniform(&rng) - 1;
    case_ok(elbo_objective_open(formula, &e->world, &e->truth,
                                e->belief.mean.pattern, e->data.capacity,
                                e->arena, &c->objective));
    case_ok(elbo_objective_members(c->objective, e->members, e->arena));

    const elbo_bindings plan = {.V = c->V};

    elbo_objective_plan(c->objective, &plan);
    case_ok(elbo_objective_data(c->objective, e->belief.mean.pattern, &e->data,
                                1 / (double)e->data.n, e->ws));
}

static void close_case(minimax_case *c)
{
    elbo_objective_close(c->objective);
    elbo_engine_free(c->engine);
    case_close(&c->setup);
}

static double value_of(minimax_case *c, double G[])
{
    double value;

    case_ok(elbo_objective_value(c->objective, &c->engine->belief.mean, &value,
                                 G));
    return value;
}

/* share(s,a) p(x|s,a) less the data's share of (s, a, x); x = nS is END. */
static double excess(const minimax_case *c, size_t row, size_t x)
{
    const elbo_kernel *const p = &c->engine->belief.mean;
    const size_t entry = elbo_entry(p->pattern, row, x);
    double share = 0;

    for (size_t y = 0; y <= c->nS; y++) share += c->weight[row][y];
    return (entry == (size_t)-1 ? 0 : share * p->prob[entry])
           - c->weight[row][x];
}

/* The world's coordinates are the cells of a line. */
static double states_near(size_t s, size_t t, double width)
{
    const double off = (double)s - (double)t;

    if (s == t) return 1;
    return width > 0 ? exp(-off * off / (2 * width * width)) : 0;
}

static double rows_near(const minimax_case *c, size_t i, size_t j, double width)
{
    const size_t nA = c->engine->world.nA;

    return i % nA == j % nA ? states_near(i / nA, j / nA, width) : 0;
}

/* ---- a search of a ball ---- */

enum { MOST = 64 };

/* g'K x / sqrt(x'K x): the mean of a function sum_j x_j k(., j), over its norm. */
typedef struct ball {
    size_t n;
    double K[MOST][MOST], g[MOST];
} ball;

static elbo_status fraction(void *self, const double x[], double *value,
                            double grad[])
{
    const ball *const b = self;
    double Kx[MOST], top = 0, norm = 0;

    for (size_t i = 0; i < b->n; i++) {
        Kx[i] = 0;
        for (size_t j = 0; j < b->n; j++) Kx[i] += b->K[i][j] * x[j];
        top += b->g[i] * Kx[i];
        norm += x[i] * Kx[i];
    }
    if (!(norm > 0)) return ELBO_FAIL(ELBO_ENOTFINITE, "no direction");
    norm = sqrt(norm);
    *value = top / norm;
    for (size_t i = 0; grad && i < b->n; i++) {
        double Kg = 0;

        for (size_t j = 0; j < b->n; j++) Kg += b->K[i][j] * b->g[j];
        grad[i] = Kg / norm - top * Kx[i] / (norm * norm * norm);
    }
    return ELBO_OK;
}

/* The largest that a search from three random starts finds. */
static double search(ball *b)
{
    const elbo_summit summit = {b, b->n, 1, fraction};
    const elbo_ascent how = {.method = &elbo_ascender_bfgs,
                             .iterations = 20000,
                             .tolerance = 1e-13};
    elbo_arena *const ws = elbo_arena_alloc(1 << 14);
    double best = -HUGE_VAL;

    for (unsigned k = 0; k < 3; k++) {
        elbo_rng rng = elbo_rng_stream(k, "test ball", 0);
        elbo_ascent_info info;
        double x[MOST];

        for (size_t i = 0; i < b->n; i++) x[i] = elbo_rng_uniform(&rng) - 0.5;
        case_ok(elbo_ascend(&how, &summit, x, &info, ws));
        case_ok(elbo_ascend(&how, &summit, x, &info, ws));
        best = fmax(best, info.after);
    }
    elbo_arena_free(ws);
    return best;
}

/* ---- weights ---- */

static const double widths[] = {0, 0.7, 1.6};

START_TEST(worst_is_the_largest_mean_over_the_kernels_ball)
{
    char formula[64];
    minimax_case c;
    ball b;

    snprintf(formula, sizeof formula, "worst(E(V(y)) - V(next), %g)",
             widths[_i]);
    open_case(&c, formula, "planner");
    b.n = c.rows;
    for (size_t i = 0; i < c.rows; i++) {
        b.g[i] = 0;
        for (size_t x = 0; x < c.nS; x++) b.g[i] += excess(&c, i, x) * c.V[x];
        for (size_t j = 0; j < c.rows; j++)
            b.K[i][j] = rows_near(&c, i, j, widths[_i]);
    }

    const double best = search(&b), closed = value_of(&c, NULL);

    ck_assert_double_gt(closed, 0.01);
    ck_assert_double_eq_tol(best, closed, 1e-8);
    close_case(&c);
}
END_TEST

/* W spanned by 1 and a factor: the closed form is a sum of squared means. */
START_TEST(squared_means_are_the_largest_over_a_span)
{
    static const char formula[] =
        "sq(mean(E(V(y)) - V(next)))"
        "+ sq(mean(occupancy(uniform)/occupancy(data)*(E(V(y)) - V(next))))";
    minimax_case c;
    ball b = {.n = 2, .K = {{1, 0}, {0, 1}}};
    const double *const *bound;

    open_case(&c, formula, "planner");

    elbo_engine *const e = c.engine;
    const elbo_factor_view view = elbo_engine_view(e);

    case_ok(elbo_factors_join(e->factors,
                              elbo_objective_expression(c.objective), &view,
                              &bound));
    case_ok(elbo_factors_update(e->factors, &view, e->ws));
    elbo_objective_factors(c.objective, bound);
    for (size_t i = 0; i < c.rows; i++)
        for (size_t x = 0; x < c.nS; x++) {
            const double m = excess(&c, i, x) * c.V[x];

            b.g[0] += m;
            if (bound[1][i] > 0) b.g[1] += bound[0][i] / bound[1][i] * m;
        }
    ck_assert_double_gt(fabs(b.g[1]), 0.01);
    ck_assert_double_eq_tol(search(&b), sqrt(value_of(&c, NULL)), 1e-8);
    close_case(&c);
}
END_TEST

/* ---- weights and values ---- */

/* h(s, a, x) in the product of both kernels' spaces. */
START_TEST(the_sum_over_a_kernels_values_is_the_largest_over_both)
{
    const double width = widths[_i], of_values = 1.2;
    char formula[64];
    minimax_case c;
    ball b;

    snprintf(formula, sizeof formula, "sq(worst(E(V(y)) - V(next), %g))",
             width);
    open_case(&c, formula, "kernel(1.2)");
    b.n = c.rows * c.nS;
    ck_assert_uint_le(b.n, MOST);
    for (size_t i = 0; i < b.n; i++) {
        b.g[i] = excess(&c, i / c.nS, i % c.nS);
        for (size_t j = 0; j < b.n; j++)
            b.K[i][j] = rows_near(&c, i / c.nS, j / c.nS, width)
                        * states_near(i % c.nS, j % c.nS, of_values);
    }
    ck_assert_double_eq_tol(search(&b), sqrt(value_of(&c, NULL)), 1e-8);
    close_case(&c);
}
END_TEST

START_TEST(a_kernels_members_add_up_to_it)
{
    static const char *const sets[] = {"kernel(0)", "kernel(1.2)",
                                       "kernel(400)"};
    static const double of[] = {0, 1.2, 400};
    minimax_case c;

    open_case(&c, "worst(E(V(y)), 0)", sets[_i]);

    const elbo_value_set *const set = c.engine->members;
    const size_t n = elbo_value_set_size(set);

    /* the wider the kernel, the fewer functions tell its states apart */
    ck_assert_uint_le(n, _i == 2 ? 4 : c.nS);
    for (size_t s = 0; s <= c.nS; s++)
        for (size_t t = 0; t <= c.nS; t++) {
            const bool over = s == c.nS || t == c.nS;
            double sum = 0;

            for (size_t k = 0; k < n; k++)
                sum += elbo_value_set_member(set, k).V[s]
                       * elbo_value_set_member(set, k).V[t];
            ck_assert_double_eq_tol(sum, over ? 0 : states_near(s, t, of[_i]),
                                    1e-12);
        }
    close_case(&c);
}
END_TEST

/* Simulation lemma with Hoelder's inequality in both spaces: V the model's own
 * value of a policy, w = d / D its visits over the data's. */
START_TEST(the_largest_moment_bounds_the_error_of_a_policys_value)
{
    minimax_case c;
    double error = 0, w = 0, v = 0;

    open_case(&c, "sq(worst(E(V(y)) - V(next), 0))", "kernel(0)");

    elbo_engine *const e = c.engine;
    const double gamma = e->truth.gamma;
    const elbo_plan plan = {.truth = &e->truth,
                            .problem = &e->problem,
                            .model = &e->belief.mean,
                            .post = &e->post};
    /* the data's own process: its frequencies, unseen rows as the model's */
    elbo_kernel seen = e->belief.mean;
    double *const rho = elbo_arena_doubles(e->arena, c.rows);
    double *const V = elbo_arena_doubles(e->arena, 2 * (c.nS + 1));
    double *const prob = elbo_arena_doubles(e->arena, seen.pattern->nnz);

    memcpy(prob, seen.prob, seen.pattern->nnz * sizeof *prob);
    for (size_t i = 0; i < c.rows; i++) {
        double share = 0;

        for (size_t x = 0; x <= c.nS; x++) share += c.weight[i][x];
        for (size_t x = 0; share > 0 && x <= c.nS; x++)
            prob[elbo_entry(seen.pattern, i, x)] = c.weight[i][x] / share;
    }
    seen.prob = prob;
    seen.log_prob = NULL;

    const elbo_chain model = elbo_plan_chain(&plan, &e->truth, &e->belief.mean);
    const elbo_chain data = elbo_plan_chain(&plan, &e->truth, &seen);

    case_ok(elbo_evaluate(&model, e->truth.r, V, e->ws));
    case_ok(elbo_occupancy(&data, rho, e->ws));
    for (size_t i = 0; i < c.rows; i++) {
        double share = 0, m = 0;

        for (size_t x = 0; x <= c.nS; x++) share += c.weight[i][x];
        if (!(share > 0)) continue; /* its row is the model's */
        for (size_t x = 0; x < c.nS; x++) m += excess(&c, i, x) * V[x];
        error += gamma * rho[i] / share * m;
        w += rho[i] / share * rho[i] / share;
    }
    for (size_t s = 0; s < c.nS; s++) v += V[s] * V[s];

    double Jmodel, J;

    case_ok(elbo_occupancy(&data, rho, e->ws));
    J = elbo_return(&e->truth, rho);
    case_ok(elbo_occupancy(&model, rho, e->ws));
    Jmodel = elbo_return(&e->truth, rho);
    ck_assert_double_eq_tol(Jmodel - J, error, 1e-10);
    ck_assert_double_gt(fabs(error), 1e-3);
    ck_assert_double_le(fabs(error),
                        gamma * sqrt(w * v * value_of(&c, NULL)) + 1e-12);
    close_case(&c);
}
END_TEST

/* ---- its slope, and what is refused ---- */

START_TEST(the_slope_matches_differences)
{
    minimax_case c;

    open_case(&c, "-0.5*sq(worst(E(V(y)) - V(next), 1.6)) - "
                  "0.1*worst(E(sq(V(y))), 0)",
              "kernel(0.8)");

    elbo_kernel *const p = &c.engine->belief.mean;
    const size_t nnz = p->pattern->nnz;
    double *const G = elbo_arena_take(c.engine->arena,
                                      elbo_belief_slopes(&c.engine->belief)
                                          + c.rows,
                                      sizeof *G);
    double largest = 0;

    value_of(&c, G);
    for (size_t i = 0; i < nnz; i++) {
        const double x = p->prob[i], h = 1e-4;
        double d;

        p->prob[i] = x + h;
        d = value_of(&c, NULL);
        p->prob[i] = x - h;
        d = (d - value_of(&c, NULL)) / (2 * h);
        p->prob[i] = x;
        ck_assert_double_eq_tol(G[i], d, 1e-8);
        largest = fmax(largest, fabs(d));
    }
    ck_assert_double_gt(largest, 1e-3);
    close_case(&c);
}
END_TEST

/* clang-format off */
static const struct {
    const char *text, *part;
} refused[] = {
    {"worst(E(V(y)), -1)", "a width is 0 or more"},
    {"worst(E(V(y)), r)", "must be a number"},
    {"E(worst(V(y), 0))", "y has a meaning only inside"},
    {"worst(E(V(y)))", "takes 2 arguments"},
    {"worst(E(y) - next, 0)", "must be a scalar"},
};
/* clang-format on */

START_TEST(wrong_calls_are_told)
{
    elbo_arena *const arena = elbo_arena_alloc(1 << 12);
    elbo_expr *expr;

    case_fails(elbo_objective_parse(refused[_i].text, arena, &expr, NULL, NULL),
               ELBO_EINVAL, refused[_i].part);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(a_width_needs_coordinates)
{
    static const case_text text[] = {
        {.model = "softmax",
         .inference = "likelihood=-sq(worst(E(V(y)),0.5))"},
        {.model = "softmax",
         .control_common = "values=kernel(0.5)",
         .inference = "likelihood=-sq(E(V(y)))"}};
    case_setup c;
    elbo_engine *e;

    for (size_t i = 0; i < 2; i++) {
        case_open_small(&c, &text[i]);
        case_fails(elbo_engine_open(&c.setup, 1, &e), ELBO_EINVAL,
                   "no coordinates");
        case_close(&c);
    }
}
END_TEST

Suite *suite_minimax(void)
{
    Suite *suite = suite_create("minimax");
    TCase *t = tcase_create("minimax");

    tcase_add_loop_test(t, worst_is_the_largest_mean_over_the_kernels_ball, 0,
                        3);
    tcase_add_test(t, squared_means_are_the_largest_over_a_span);
    tcase_add_loop_test(
        t, the_sum_over_a_kernels_values_is_the_largest_over_both, 0, 3);
    tcase_add_loop_test(t, a_kernels_members_add_up_to_it, 0, 3);
    tcase_add_test(t, the_largest_moment_bounds_the_error_of_a_policys_value);
    tcase_add_test(t, the_slope_matches_differences);
    tcase_add_loop_test(t, wrong_calls_are_told, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_test(t, a_width_needs_coordinates);
    suite_add_tcase(suite, t);
    return suite;
}

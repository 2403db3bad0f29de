/* tests/test_importance.c -- a policy's return from the episodes of another,
 * coded once more, and as a word of the language.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/engine_state.h"
#include "inference/importance.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

enum { NS = 4, NA = 2, ROWS = NS * NA, MOST = 64, LONG = 6 };

/* Episodes of any length, some ended, some cut. */
typedef struct episodes {
    size_t n, length[MOST];
    bool ended[MOST];
    uint32_t s[MOST][LONG], a[MOST][LONG];
    double r[MOST][LONG], chance[MOST][LONG];
} episodes;

typedef struct logged_case {
    elbo_arena *arena;
    elbo_data data;
    elbo_logged own;
    double logpi[LONG * ROWS];
} logged_case;

static void draw(episodes *e, size_t n, unsigned seed)
{
    elbo_rng rng = elbo_rng_stream(seed, "test episodes", 0);

    e->n = n;
    for (size_t k = 0; k < n; k++) {
        e->length[k] = 1 + elbo_rng_below(&rng, LONG);
        e->ended[k] = elbo_rng_uniform(&rng) < 0.5;
        for (size_t t = 0; t < LONG; t++) {
            e->s[k][t] = (uint32_t)elbo_rng_below(&rng, NS);
            e->a[k][t] = (uint32_t)elbo_rng_below(&rng, NA);
            e->r[k][t] = elbo_rng_uniform(&rng) - 0.3;
            e->chance[k][t] = 0.2 + 0.6 * elbo_rng_uniform(&rng);
        }
    }
}

static void open_case(logged_case *c, const episodes *e, size_t stages)
{
    elbo_rng rng = elbo_rng_stream(7, "test logpi", 0);
    elbo_data *const d = &c->data;

    c->arena = elbo_arena_alloc(1 << 14);
    case_ok(elbo_data_init(d, MOST * LONG, c->arena));
    for (size_t k = 0; k < e->n; k++)
        for (size_t t = 0; t < e->length[k]; t++) {
            const size_t i = d->n++;

            d->s[i] = e->s[k][t];
            d->a[i] = e->a[k][t];
            d->r[i] = e->r[k][t];
            d->chance[i] = e->chance[k][t];
            d->mass[i] = 1;
            d->step[i] = (uint32_t)t;
            d->terminal[i] = e->ended[k] && t + 1 == e->length[k];
        }
    c->own = (elbo_logged){
        .data = d, .nA = NA, .rows = ROWS, .stages = stages, .gamma = 0.83};
    for (size_t i = 0; i < stages * ROWS; i++)
        c->logpi[i] = log(0.1 + 0.8 * elbo_rng_uniform(&rng));
}

static double value_of(logged_case *c)
{
    double value;

    case_ok(elbo_cwpdis(&c->own, c->logpi, &value, 0, NULL, c->arena));
    return value;
}

/* The formula, a step at a time, with plain products. */
static double by_hand(const logged_case *c, const episodes *e)
{
    double sum = 0;

    for (size_t t = 0; t < LONG; t++) {
        double top = 0, bottom = 0;

        for (size_t k = 0; k < e->n; k++) {
            double rho = 1;

            if (t >= e->length[k] && !e->ended[k]) continue;
            for (size_t i = 0; i <= t && i < e->length[k]; i++) {
                const size_t stage = c->own.stages > 1 ? i : 0;

                rho *= exp(c->logpi[stage * ROWS + e->s[k][i] * NA + e->a[k][i]])
                       / e->chance[k][i];
            }
            bottom += rho;
            if (t < e->length[k]) top += rho * e->r[k][t];
        }
        if (bottom > 0) sum += pow(c->own.gamma, (double)t) * top / bottom;
    }
    return sum;
}

/* _i: one block of the policy, or one a step. */
START_TEST(the_estimate_is_the_formula)
{
    episodes e;
    logged_case c = {0};

    draw(&e, 23, (unsigned)_i);
    open_case(&c, &e, _i % 2 ? LONG : 1);
    ck_assert_double_eq_tol(value_of(&c), by_hand(&c, &e), 1e-13);
    ck_assert_double_gt(fabs(value_of(&c)), 0.01);
    elbo_arena_free(c.arena);
}
END_TEST

/* Central, in the policy's i-th log-probability. */
static double difference(logged_case *c, size_t i)
{
    const double x = c->logpi[i], h = 1e-5;
    double d;

    c->logpi[i] = x + h;
    d = value_of(c);
    c->logpi[i] = x - h;
    d = (d - value_of(c)) / (2 * h);
    c->logpi[i] = x;
    return d;
}

START_TEST(its_slope_matches_differences)
{
    episodes e;
    logged_case c = {0};
    double slope[LONG * ROWS], value;

    draw(&e, 23, (unsigned)_i);
    open_case(&c, &e, _i % 2 ? LONG : 1);

    const size_t n = c.own.stages * ROWS;

    for (size_t i = 0; i < n; i++) slope[i] = 0.3; /* added to */
    case_ok(elbo_cwpdis(&c.own, c.logpi, &value, 2, slope, c.arena));
    for (size_t i = 0; i < n; i++)
        ck_assert_double_eq_tol(slope[i], 0.3 + 2 * difference(&c, i), 1e-9);
    elbo_arena_free(c.arena);
}
END_TEST

/* Who collected them is judged: every weight is 1. */
START_TEST(of_the_collectors_own_policy_it_is_the_mean_return)
{
    episodes e;
    logged_case c = {0};
    double mean = 0;

    draw(&e, 40, 5);
    for (size_t k = 0; k < e.n; k++) e.ended[k] = true;
    open_case(&c, &e, 1);
    for (size_t i = 0; i < c.data.n; i++)
        c.data.chance[i] = exp(c.logpi[c.data.s[i] * NA + c.data.a[i]]);
    for (size_t k = 0; k < e.n; k++)
        for (size_t t = 0; t < e.length[k]; t++)
            mean += pow(c.own.gamma, (double)t) * e.r[k][t] / (double)e.n;
    ck_assert_double_eq_tol(value_of(&c), mean, 1e-13);
    elbo_arena_free(c.arena);
}
END_TEST

/* Weights of e^-900 and e^900 are as good as any: only their ratio counts. */
START_TEST(long_episodes_do_not_underflow)
{
    episodes e;
    logged_case c = {0};
    double plain;

    draw(&e, 12, 2);
    for (size_t k = 0; k < e.n; k++) e.length[k] = LONG;
    open_case(&c, &e, 1);
    plain = value_of(&c);
    for (size_t i = 0; i < ROWS; i++) c.logpi[i] -= 300;
    ck_assert_double_eq_tol(value_of(&c), plain, 1e-10);
    for (size_t i = 0; i < ROWS; i++) c.logpi[i] = -HUGE_VAL;
    ck_assert_double_eq(value_of(&c), 0);
    elbo_arena_free(c.arena);
}
END_TEST

/* Each start's episodes on their own, and their mean over episodes; its slope. */
START_TEST(within_starts_each_is_estimated_alone)
{
    episodes e;
    logged_case c = {0}, part = {0};
    double want = 0, slope[LONG * ROWS] = {0}, value;

    draw(&e, 23, (unsigned)_i);
    open_case(&c, &e, 1);
    c.data.by_start = true;
    for (uint32_t s = 0; s < NS; s++) {
        static episodes own;

        own.n = 0;
        for (size_t k = 0; k < e.n; k++) {
            if (e.s[k][0] != s) continue;
            own.length[own.n] = e.length[k];
            own.ended[own.n] = e.ended[k];
            memcpy(own.s[own.n], e.s[k], sizeof e.s[k]);
            memcpy(own.a[own.n], e.a[k], sizeof e.a[k]);
            memcpy(own.r[own.n], e.r[k], sizeof e.r[k]);
            memcpy(own.chance[own.n++], e.chance[k], sizeof e.chance[k]);
        }
        open_case(&part, &own, 1);
        want += (double)own.n / (double)e.n * by_hand(&part, &own);
        elbo_arena_free(part.arena);
    }
    ck_assert_double_eq_tol(value_of(&c), want, 1e-13);
    ck_assert_double_gt(fabs(want - by_hand(&c, &e)), 1e-3);

    case_ok(elbo_cwpdis(&c.own, c.logpi, &value, 1, slope, c.arena));
    for (size_t i = 0; i < ROWS; i++)
        ck_assert_double_eq_tol(slope[i], difference(&c, i), 1e-9);
    elbo_arena_free(c.arena);
}
END_TEST

START_TEST(what_has_no_episodes_is_refused)
{
    episodes e;
    logged_case c = {0};
    double value;

    draw(&e, 5, 1);
    open_case(&c, &e, 1);
    c.data.chance[3] = 0;
    case_fails(elbo_cwpdis(&c.own, c.logpi, &value, 0, NULL, c.arena),
               ELBO_EDATA, "sample 3: how likely");
    c.data.chance[3] = 0.5;
    c.data.mass[2] = 0.25;
    case_fails(elbo_cwpdis(&c.own, c.logpi, &value, 0, NULL, c.arena),
               ELBO_EDATA, "sample 2 is part of a distribution");
    c.data.n = 0;
    ck_assert_double_eq(value_of(&c), 0);
    elbo_arena_free(c.arena);
}
END_TEST

/* ---- as a word ---- */

/* Many episodes of the policy's own world: the estimate is its return. */
START_TEST(with_many_episodes_the_word_is_the_return)
{
    const case_text text = {
        .env_common = "discount=0.8 horizon=4",
        .model = "true",
        .control_common = "temperature=0.7",
        .inference = "weight=1+0*Jcwpdis+0*V(s) iterations=1",
        .data = "steps=40000 policy=uniform"};
    case_setup c;
    elbo_engine *e;
    elbo_row row;
    elbo_objective *word;
    double estimate;

    case_open_small(&c, &text);
    case_ok(elbo_engine_open(&c.setup, 3, &e));
    case_ok(elbo_engine_iterate(e, &row));
    case_ok(elbo_objective_open("Jcwpdis", &e->world, &e->truth,
                                e->belief.mean.pattern, e->data.capacity,
                                e->arena, &word));
    case_ok(elbo_objective_data(word, e->belief.mean.pattern, &e->data,
                                1 / (double)e->data.n, e->ws));
    case_ok(elbo_engine_bind(e, word));
    case_ok(elbo_objective_value(word, &e->belief.mean, &estimate, NULL));
    /* 10 000 episodes; returns within 4 of each other, weights of about 3 */
    ck_assert_double_eq_tol(estimate, row.return_real, 0.06);
    ck_assert_double_gt(fabs(estimate - row.return_real), 1e-9);
    elbo_objective_close(word);
    elbo_engine_free(e);
    case_close(&c);
}
END_TEST

START_TEST(a_distribution_as_data_is_refused_when_read)
{
    const case_text text = {.model = "softmax",
                            .control_common = "temperature=0.7",
                            .inference = "likelihood=Jcwpdis gradient=implicit",
                            .data = "source=population"};
    const char *section, *key;
    case_setup c;

    case_open_small(&c, &text);
    case_fails(elbo_setup_check(&c.setup, 0, &section, &key), ELBO_ECONFIG,
               "weighs episodes");
    ck_assert_str_eq(key, "source");
    case_close(&c);
}
END_TEST

Suite *suite_importance(void)
{
    Suite *suite = suite_create("importance");
    TCase *t = tcase_create("importance");

    tcase_add_loop_test(t, the_estimate_is_the_formula, 0, 6);
    tcase_add_loop_test(t, its_slope_matches_differences, 0, 4);
    tcase_add_test(t, of_the_collectors_own_policy_it_is_the_mean_return);
    tcase_add_test(t, long_episodes_do_not_underflow);
    tcase_add_loop_test(t, within_starts_each_is_estimated_alone, 0, 4);
    tcase_add_test(t, what_has_no_episodes_is_refused);
    tcase_add_test(t, with_many_episodes_the_word_is_the_return);
    tcase_add_test(t, a_distribution_as_data_is_refused_when_read);
    suite_add_tcase(suite, t);
    return suite;
}

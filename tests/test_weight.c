/* tests/test_weight.c -- weights beside their samples, and D as a distribution.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "inference/engine_state.h"
#include "inference/evaluate.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

/* V before the iteration, by hand, at each sample. */
START_TEST(weights_are_the_expression_at_each_sample)
{
    const case_text text = {.inference = "weight=exp(V(next)-V(s))+r",
                            .data = "steps=80 mode=online"};
    case_engine x;
    elbo_row row;
    double V[16], sum = 0, squares = 0;

    case_engine_open(&x, &text);
    case_ok(elbo_engine_iterate(x.engine, &row));
    memcpy(V, x.engine->post.V, 8 * sizeof *V);
    case_ok(elbo_engine_iterate(x.engine, &row));

    const elbo_data *d = &x.engine->data;

    ck_assert_uint_eq(d->n, 160);
    for (size_t i = 0; i < d->n; i++) {
        const double w = exp(V[d->next[i]] - V[d->s[i]]) + d->r[i];

        ck_assert_double_eq_tol(d->w[i], w, 1e-13 * w);
        sum += w;
        squares += w * w;
    }
    ck_assert_double_eq_tol(row.ess, sum * sum / squares, 1e-10);
    case_engine_close(&x);
}
END_TEST

START_TEST(a_mean_in_a_weight_is_over_the_samples)
{
    const case_text text = {.inference = "weight=exp(r)/mean(exp(r))",
                            .data = "steps=80"};
    case_engine x;
    elbo_row row;
    double sum = 0, all = 0;

    case_engine_open(&x, &text);
    case_ok(elbo_engine_iterate(x.engine, &row));
    for (size_t i = 0; i < 80; i++) all += exp(x.engine->data.r[i]) / 80;
    for (size_t i = 0; i < 80; i++) {
        ck_assert_double_eq_tol(x.engine->data.w[i],
                                exp(x.engine->data.r[i]) / all, 1e-13);
        sum += x.engine->data.w[i];
    }
    ck_assert_double_eq_tol(sum, 80, 1e-11);
    case_engine_close(&x);
}
END_TEST

/* One data set in two orders. */
static void swap(elbo_data *d, size_t i, size_t j)
{
#define SWAP(field, type)                                                      \
    do {                                                                       \
        const type kept = d->field[i];                                         \
        d->field[i] = d->field[j];                                             \
        d->field[j] = kept;                                                    \
    } while (0)
    SWAP(s, uint32_t);
    SWAP(a, uint32_t);
    SWAP(next, uint32_t);
    SWAP(terminal, uint8_t);
    SWAP(r, double);
    SWAP(w, double);
    SWAP(epoch, uint32_t);
#undef SWAP
}

/* (data, weights) shuffled jointly: the same weight at the same sample, the same
 * counts, the same objective. */
START_TEST(a_joint_shuffle_changes_nothing)
{
    const case_text text = {
        .model = "softmax",
        .inference = "weight=exp(V(next))*occupancy(real)/occupancy(data) "
                     "likelihood=logp-0.1*sq(E(V(y))-V(next))",
        .data = "steps=70 mode=online"};
    case_engine x;
    elbo_row row;
    double before[210], C[200], value, shuffled;
    size_t at[210];
    unsigned seed = 385;

    case_engine_open(&x, &text);
    for (size_t k = 0; k < 3; k++) case_ok(elbo_engine_iterate(x.engine, &row));

    elbo_engine *e = x.engine;
    const size_t n = e->data.n, nnz = e->belief.mean.pattern->nnz;

    memcpy(before, e->data.w, n * sizeof *before);
    memcpy(C, e->C, nnz * sizeof *C);
    case_ok(elbo_likelihood_value(e->set.likelihood, &e->belief.geo, e->C,
                                  &value, NULL));
    for (size_t i = 0; i < n; i++) at[i] = i;
    for (size_t i = n; i-- > 1;) {
        const size_t j = (seed = seed * 1664525u + 1013904223u) % (i + 1);
        const size_t kept = at[i];

        swap(&e->data, i, j);
        at[i] = at[j];
        at[j] = kept;
    }
    case_ok(elbo_engine_count(e));
    for (size_t i = 0; i < nnz; i++)
        ck_assert_double_eq_tol(e->C[i], C[i], 1e-12 * (1 + C[i]));
    case_ok(elbo_likelihood_value(e->set.likelihood, &e->belief.geo, e->C,
                                  &shuffled, NULL));
    ck_assert_double_eq_tol(shuffled, value, 1e-12 * fabs(value));

    /* weighed again, with V as planned before the last M-step: the same weight
     * at the same sample */
    case_ok(elbo_engine_open_samples(e));
    case_ok(elbo_objective_weights(e->weigher, &e->belief.mean, e->data.w, n,
                                   e->ws));
    for (size_t i = 0; i < n; i++)
        ck_assert_double_eq_tol(e->data.w[i], before[at[i]],
                                1e-13 * (1 + before[at[i]]));
    case_engine_close(&x);
}
END_TEST

START_TEST(a_weight_that_is_none_names_its_sample)
{
    static const struct {
        const char *inference, *part;
    } cases[] = {
        {"weight=r-2", "weight, sample 0: "},
        {"weight=1/(occupancy(real)-occupancy(real))", "weight, sample"},
        {"weight=log(r-r)", "weight, sample"},
    };

    for (size_t i = 0; i < 3; i++) {
        const case_text text = {.inference = cases[i].inference,
                                .data = "steps=30"};
        case_engine x;
        elbo_row row;

        case_engine_open(&x, &text);
        case_fails(elbo_engine_iterate(x.engine, &row), ELBO_ECHECK,
                   cases[i].part);
        case_engine_close(&x);
    }
}
END_TEST

/* A factor under stop is a weight: single steps of one rate go the same way, which is not
 * that of no weight, and the watchdog, which would see the product fall, sleeps. */
START_TEST(a_stopped_factor_is_a_weight)
{
    static const char *const slots[] = {
        "weight=exp(-E(V(y)))/mean(exp(-E(V(y))))",
        "likelihood=stop(exp(-E(V(y)))/mean(exp(-E(V(y)))))*logp", "likelihood=logp"};
    const case_text text = {.model = "softmax", .model_own = "init_scale=0.5"};
    double theta[3][200], apart = 0;
    size_t n = 0;

    for (size_t k = 0; k < 3; k++) {
        case_text own = text;
        case_engine x;
        elbo_row row;
        char inference[240];

        snprintf(inference, sizeof inference,
                 "%s iterations=6 m_step=gd m_step_iterations=1 m_step_rate=0.1 "
                 "m_step_keep=last m_step_tolerance=0 tolerance=0",
                 slots[k]);
        own.inference = inference;
        own.data = "steps=60";
        case_engine_open(&x, &own);
        ck_assert((strstr(elbo_setup_kind(&x.setup.setup), "semi-gradient") != NULL)
                  == (k == 1));
        for (int i = 0; i < 6; i++) case_ok(elbo_engine_iterate(x.engine, &row));
        n = x.engine->belief.n;
        ck_assert_uint_le(n, 200);
        memcpy(theta[k], x.engine->belief.theta, n * sizeof(double));
        case_engine_close(&x);
    }
    for (size_t j = 0; j < n; j++) {
        ck_assert_double_eq_tol(theta[0][j], theta[1][j], 1e-12);
        apart = fmax(apart, fabs(theta[0][j] - theta[2][j]));
    }
    ck_assert_double_gt(apart, 1e-3);
}
END_TEST

START_TEST(moving_weights_do_not_wake_the_watchdog)
{
    const case_text text = {
        .inference = "weight=exp(-V(s))*occupancy(model)/occupancy(data) "
                     "feedback=1 transition=tilt(2) iterations=12",
        .data = "steps=60"};
    case_engine x;
    elbo_row row;

    case_engine_open(&x, &text);
    for (size_t k = 0; k < 12; k++)
        case_ok(elbo_engine_iterate(x.engine, &row));
    case_engine_close(&x);
}
END_TEST

START_TEST(a_weighed_run_resumes_to_the_same_bits)
{
    const case_text text = {
        .inference = "weight=occupancy(aggregate)/occupancy(data)*exp(V(next))",
        .data = "steps=50"};
    char path[] = "/tmp/elbo-weight-XXXXXX";
    case_engine x, y;
    elbo_row first, second;
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in;

    case_engine_open(&x, &text);
    for (size_t k = 0; k < 3; k++)
        case_ok(elbo_engine_iterate(x.engine, &first));
    elbo_engine_save(x.engine, out);
    case_file(path, "");
    case_ok(elbo_writer_commit(out, path));
    case_ok(elbo_reader_open(path, &in));
    case_engine_open(&y, &text);
    case_ok(elbo_engine_load(y.engine, in));
    for (size_t k = 0; k < 2; k++) {
        case_ok(elbo_engine_iterate(x.engine, &first));
        case_ok(elbo_engine_iterate(y.engine, &second));
        ck_assert(first.elbo == second.elbo && first.ess == second.ess);
    }
    unlink(path);
    elbo_reader_free(in);
    elbo_writer_free(out);
    case_engine_close(&x);
    case_engine_close(&y);
}
END_TEST

/* ---- a distribution as data ---- */

/* C = |D| d p, the exact counts; |D| is the ESS at w = 1. */
static void check_population(const char *data, bool rows)
{
    const case_text text = {.data = data};
    case_engine x;
    elbo_row row;
    double pi[21], rho[21], all = 0;

    case_engine_open(&x, &text);
    case_ok(elbo_engine_iterate(x.engine, &row));

    elbo_engine *e = x.engine;
    const elbo_chain chain = {.mdp = &e->truth, .pi = pi, .q = e->truth.P};

    for (size_t i = 0; i < 21; i++) pi[i] = 1. / 3;
    case_ok(elbo_occupancy(&chain, rho, e->ws));
    for (size_t i = 0; i < 21; i++) all += rho[i];
    for (size_t i = 0; i < 21; i++) {
        const double d = rows ? 1. / 21 : rho[i] / all;

        for (size_t k = elbo_row_begin(e->belief.mean.pattern, i);
             k < elbo_row_end(e->belief.mean.pattern, i); k++) {
            const size_t next =
                elbo_successor(e->belief.mean.pattern, i, k);
            const size_t at = elbo_entry(e->truth.P.pattern, i, next);
            const double p =
                at == (size_t)-1 ? 0 : e->truth.P.prob[at];

            ck_assert_double_eq_tol(e->C[k], 500 * d * p, 1e-10);
        }
    }
    ck_assert_double_eq_tol(row.ess, 500, 1e-9);
    ck_assert_uint_eq(row.env_steps, 500);
    case_engine_close(&x);
}

START_TEST(a_population_gives_exact_counts)
{
    check_population("source=population steps=500", false);
    check_population("source=population steps=500 over=rows", true);
}
END_TEST

/* Online, each round adds the visits of the policy as it then is. */
START_TEST(populations_of_current_policies_add_up)
{
    const case_text text = {
        .inference = "iterations=4",
        .data = "source=population steps=300 mode=online policy=current "
                "epsilon=0.25"};
    case_engine x;
    elbo_row row;
    double sum[21] = {0}, got[21] = {0}, pi[21], rho[21];

    case_engine_open(&x, &text);

    elbo_engine *e = x.engine;
    const elbo_chain chain = {.mdp = &e->truth, .pi = pi, .q = e->truth.P};

    for (size_t k = 0; k < 3; k++) {
        double all = 0;

        for (size_t i = 0; i < 21; i++)
            pi[i] = 0.75 * e->post.pi[i] + 0.25 / 3;
        case_ok(elbo_occupancy(&chain, rho, e->ws));
        for (size_t i = 0; i < 21; i++) all += rho[i];
        for (size_t i = 0; i < 21; i++) sum[i] += 300 * rho[i] / all;
        case_ok(elbo_engine_iterate(e, &row));
        ck_assert_uint_eq(e->data.epoch[e->data.n - 1], k);
    }
    for (size_t i = 0; i < e->data.n; i++)
        got[e->data.s[i] * 3 + e->data.a[i]] += e->data.mass[i];
    for (size_t i = 0; i < 21; i++)
        ck_assert_double_eq_tol(got[i], sum[i], 1e-9);
    ck_assert_uint_eq(row.env_steps, 900);
    case_engine_close(&x);
}
END_TEST

/* Weighted by occupancy over the data's own, a population becomes another. */
START_TEST(a_ratio_turns_one_population_into_another)
{
    const case_text from = {
        .inference = "weight=occupancy(real,uniform)/occupancy(data)",
        .data = "source=population over=rows steps=500"};
    const case_text to = {.data = "source=population steps=500"};
    case_engine x, y;
    elbo_row row;

    case_engine_open(&x, &from);
    case_engine_open(&y, &to);
    case_ok(elbo_engine_iterate(x.engine, &row));
    case_ok(elbo_engine_iterate(y.engine, &row));
    for (size_t k = 0; k < x.engine->belief.mean.pattern->nnz; k++)
        ck_assert_double_eq_tol(x.engine->C[k], y.engine->C[k], 1e-9);
    case_engine_close(&x);
    case_engine_close(&y);
}
END_TEST

/* ---- a given policy ---- */

/* At temperature inf the prior is the policy: the world's best, softened. */
START_TEST(an_optimal_prior_is_judged_and_told)
{
    const case_text text = {
        .control_common = "prior=optimal prior_epsilon=0.3 temperature=inf",
        .data = "steps=60"};
    const case_text best = {.model = "true",
                            .control = "value_iteration",
                            .data = "steps=0"};
    case_engine x, y;
    elbo_row row;
    const char *const *names;

    case_engine_open(&x, &text);
    case_engine_open(&y, &best);
    for (size_t k = 0; k < 3; k++) case_ok(elbo_engine_iterate(x.engine, &row));
    case_ok(elbo_engine_iterate(y.engine, &row));
    for (size_t i = 0; i < 21; i++)
        ck_assert_double_eq_tol(x.engine->post.pi[i],
                                0.7 * y.engine->post.pi[i] + 0.1, 1e-14);
    case_ok(elbo_setup_oracles(&x.setup.setup, x.setup.arena, &names));
    ck_assert_str_eq(names[0], "control.prior: optimal");
    ck_assert_ptr_null(names[1]);
    case_engine_close(&x);
    case_engine_close(&y);
}
END_TEST

/* ---- settings ---- */

START_TEST(settings_of_weights_and_populations_must_agree)
{
    static const struct {
        case_text text;
        const char *section, *key;
    } cases[] = {
        {{.data = "over=rows"}, "data", "over"},
        {{.data = "source=population episode_steps=5"}, "data",
         "episode_steps"},
        {{.data = "source=population policy=current"}, "data", "policy"},
        {{.inference = "weight=V(next)", .env_common = "horizon=4",
          .data = "source=file file=x.csv"},
         "data", "source"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        case_setup setup;
        const char *section, *key;

        case_open_small(&setup, &cases[i].text);
        ck_assert_int_eq(elbo_setup_check(&setup.setup, 0, &section, &key),
                         ELBO_ECONFIG);
        ck_assert_str_eq(section, cases[i].section);
        ck_assert_str_eq(key, cases[i].key);
        case_close(&setup);
    }
}
END_TEST

Suite *suite_weight(void)
{
    Suite *s = suite_create("weight");
    TCase *t = tcase_create("weight");

    tcase_add_test(t, weights_are_the_expression_at_each_sample);
    tcase_add_test(t, a_mean_in_a_weight_is_over_the_samples);
    tcase_add_test(t, a_joint_shuffle_changes_nothing);
    tcase_add_test(t, a_weight_that_is_none_names_its_sample);
    tcase_add_test(t, a_stopped_factor_is_a_weight);
    tcase_add_test(t, moving_weights_do_not_wake_the_watchdog);
    tcase_add_test(t, a_weighed_run_resumes_to_the_same_bits);
    tcase_add_test(t, a_population_gives_exact_counts);
    tcase_add_test(t, populations_of_current_policies_add_up);
    tcase_add_test(t, a_ratio_turns_one_population_into_another);
    tcase_add_test(t, an_optimal_prior_is_judged_and_told);
    tcase_add_test(t, settings_of_weights_and_populations_must_agree);
    suite_add_tcase(s, t);
    return s;
}

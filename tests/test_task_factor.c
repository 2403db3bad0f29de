/* tests/test_task_factor.c -- ratios by classifiers against densities that are
 * known.
 */
#include <math.h>
#include <string.h>

#include "inference/weight/task_factors.h"
#include "inference/weight/task_logratio.h"
#include "tests/engine_cases.h"
#include "tests/ensemble_cases.h"
#include "tests/network_cases.h"
#include "tests/suites.h"

/* ---- the classifier ---- */

enum { D = 2, MANY = 2000 };

static const double plus[D] = {0.8, -0.3}, minus[D] = {-0.4, 0.2};

static void normals(elbo_rng *rng, size_t n, const double mean[D], float x[])
{
    double e[D];

    for (size_t i = 0; i < n; i++) {
        elbo_rng_normals(rng, e, D);
        for (size_t k = 0; k < D; k++) x[i * D + k] = (float)(mean[k] + e[k]);
    }
}

/* log N(x; plus, I) / N(x; minus, I) */
static double true_ratio(const float x[D])
{
    double L = 0;

    for (size_t k = 0; k < D; k++)
        L += 0.5
             * (pow((double)x[k] - minus[k], 2)
                - pow((double)x[k] - plus[k], 2));
    return L;
}

START_TEST(two_gaussians_are_told_apart_by_their_log_ratio)
{
    static float x[MANY * D], L[MANY];
    elbo_logistic_config config = elbo_logistic_defaults;
    elbo_rng rng = elbo_rng_stream(1, "gaussians", 0);
    elbo_logistic c;
    double error = 0, size = 0;
    size_t half;

    config.rate = 1e-3;
    case_ok(elbo_logistic_open(&c, &config, D, 3, "test", ensemble_arena));
    half = config.batch / 2;
    normals(&rng, MANY / 2, plus, x);
    normals(&rng, MANY / 2, minus, x + MANY / 2 * D);
    elbo_logistic_scale(&c, MANY, x);
    for (size_t k = 0; k < 3000; k++) {
        normals(&rng, half, plus, c.x);
        normals(&rng, half, minus, c.x + half * D);
        case_ok(elbo_logistic_step(&c));
    }
    case_ok(elbo_logistic_ratio(&c, MANY, x, L, ensemble_ws));
    for (size_t i = 0; i < MANY; i++) {
        error += fabs((double)L[i] - true_ratio(x + i * D)) / MANY;
        size += fabs(true_ratio(x + i * D)) / MANY;
    }
    /* 3000 batches of 128 tell a mean of L to some 0.01; the network bends a
     * little */
    ck_assert_msg(error < 0.1 && size > 0.5, "%g of %g", error, size);
}
END_TEST

START_TEST(a_classifier_is_stored_to_its_last_bit)
{
    char path[] = "/tmp/elbo-logistic-XXXXXX";
    elbo_logistic_config config = elbo_logistic_defaults;
    elbo_logistic a, b;
    elbo_rng rng = elbo_rng_stream(1, "gaussians", 0);
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in;
    float x[64 * D];

    case_file(path, "");
    case_ok(elbo_logistic_open(&a, &config, D, 3, "test", ensemble_arena));
    case_ok(elbo_logistic_open(&b, &config, D, 4, "test", ensemble_arena));
    normals(&rng, 64, plus, x);
    elbo_logistic_scale(&a, 64, x);
    for (size_t k = 0; k < 5; k++) {
        normals(&rng, config.batch, plus, a.x);
        case_ok(elbo_logistic_step(&a));
    }
    elbo_writer_section(out, "factors");
    elbo_logistic_save(&a, out);
    case_ok(elbo_writer_commit(out, path));
    case_ok(elbo_reader_open(path, &in));
    case_ok(elbo_reader_section(in, "factors"));
    case_ok(elbo_logistic_load(&b, in));
    for (size_t k = 0; k < 3; k++) {
        normals(&rng, config.batch, plus, a.x);
        memcpy(b.x, a.x, config.batch * D * sizeof *a.x);
        case_ok(elbo_logistic_step(&a));
        case_ok(elbo_logistic_step(&b));
    }
    ck_assert(memcmp(a.theta, b.theta, a.n * sizeof *a.theta) == 0);
    elbo_reader_free(in);
    elbo_writer_free(out);
    remove(path);
}
END_TEST

START_TEST(a_loss_that_is_not_finite_is_told)
{
    elbo_logistic c;

    case_ok(elbo_logistic_open(&c, &elbo_logistic_defaults, D, 3, "test",
                               ensemble_arena));
    memset(c.x, 0, c.config.batch * D * sizeof *c.x);
    case_ok(elbo_logistic_step(&c));
    c.x[5] = NAN;
    case_fails(elbo_logistic_step(&c), ELBO_ENOTFINITE,
               "nan at step 1, layer 0; the last finite loss was 0.");
    memset(c.x, 0, c.config.batch * D * sizeof *c.x);
    c.theta[(D + 1) * c.config.width + 3] = NAN;
    case_fails(elbo_logistic_step(&c), ELBO_ENOTFINITE, "layer 2");
}
END_TEST

/* In double. */
START_TEST(the_classifiers_loss_has_the_gradient_that_differences_see)
{
    enum { B = 6 };
    const double sign[B] = {1, 1, 1, -1, -1, -1};
    elbo_tape *const t = elbo_tape_place(ELBO_F64, ensemble_arena);
    elbo_rng rng = elbo_rng_stream(1, "gaussians", 0);
    double x[B * D];
    elbo_mlp mlp;

    case_ok(elbo_mlp_shape(&mlp, D, 2, 5, 1, ELBO_ACT_SILU));

    const elbo_mlp_leaves leaves = elbo_mlp_leaf(&mlp, t, true);
    const elbo_node rows = elbo_tape_constant(t, B, D);
    const elbo_node signs = elbo_tape_constant(t, B, 1);
    const elbo_node loss = elbo_logistic_node(&mlp, &leaves, t, rows, signs);

    case_ok(elbo_tape_finish(t));
    elbo_rng_normals(&rng, x, B * D);
    elbo_tape_set(t, rows, x);
    elbo_tape_set(t, signs, sign);
    network_check_gradient(&mlp, &leaves, t, loss,
                           network_draw(&mlp, 8, ensemble_arena), 1e-8);
}
END_TEST

/* ---- factors ---- */

/* o' = o + shift + N(0, I), whatever u. */
static elbo_status draw(const elbo_task_belief *belief, size_t n,
                        const float o[], const float u[],
                        const uint32_t member[], elbo_rng rng[], bool mean,
                        float next[], float reward[], uint8_t end[],
                        elbo_arena *ws)
{
    const double shift = *(const double *)belief->self;
    double e[2];

    (void)u, (void)member, (void)mean, (void)ws;
    for (size_t i = 0; i < n; i++) {
        elbo_rng_normals(&rng[i], e, 2);
        for (size_t k = 0; k < 2; k++)
            next[2 * i + k] = (float)((double)o[2 * i + k] + shift + e[k]);
        reward[i] = 0;
        end[i] = 0;
    }
    return ELBO_OK;
}

static size_t elites(const elbo_task_belief *belief, uint32_t out[])
{
    (void)belief;
    out[0] = 0;
    return 1;
}

static const elbo_task_model shifted = {.draw = draw, .elites = elites};
static double shift = 0.7;

/* n rows more, o ~ N(m, I), next = o + N(0, I), episodes of 10 steps. */
static void push_rows(elbo_replay *data, size_t n, double m, elbo_rng *rng)
{
    for (size_t i = 0; i < n; i++) {
        double e[5];

        elbo_rng_normals(rng, e, 5);

        const float o[] = {(float)(m + e[0]), (float)(m + e[1])};
        const float next[] = {(float)((double)o[0] + e[2]),
                              (float)((double)o[1] + e[3])};
        const float u[] = {(float)e[4]};
        const elbo_replay_row row = {.o = o,
                                     .u = u,
                                     .next = next,
                                     .step = (uint32_t)(i % 10),
                                     .episode = (uint32_t)(data->pushed / 10)};

        case_ok(elbo_replay_push(data, &row));
    }
}

typedef struct bench {
    elbo_task_world world;
    elbo_task_belief belief;
    elbo_replay data, rollouts;
    elbo_task_view view;
    elbo_values options;
    void *self;
    double *values;
} bench;

static void set_up(bench *b, const elbo_task_factor *factor,
                   const char *settings, size_t old, size_t recent,
                   size_t capacity)
{
    elbo_rng rng = elbo_rng_stream(8, "rows", 0);

    b->world = ensemble_world();
    b->belief = (elbo_task_belief){
        .model = &shifted, .self = &shift, .world = &b->world, .members = 1};
    case_ok(elbo_replay_init(&b->data, 2, 1, capacity, ensemble_arena));
    case_ok(elbo_replay_init(&b->rollouts, 2, 1, 1000, ensemble_arena));
    push_rows(&b->data, old, 0, &rng);
    push_rows(&b->data, recent, 1, &rng);
    push_rows(&b->rollouts, 1000, 2, &rng);
    b->view = (elbo_task_view){.world = &b->world,
                               .belief = &b->belief,
                               .data = &b->data,
                               .rollouts = &b->rollouts,
                               .recent = recent,
                               .seed = 5};
    case_ok(elbo_values_init(&b->options, factor->options, ensemble_arena));
    case_ok(elbo_values_parse(&b->options, settings));
    case_ok(factor->open(&b->options, &b->view, ensemble_arena, &b->self));
    b->values = elbo_arena_doubles(ensemble_arena, capacity);
}

static void learn(bench *b, const elbo_task_factor *factor, size_t rounds)
{
    for (size_t k = 0; k < rounds; k++) {
        b->view.round = k;
        case_ok(factor->update(b->self, &b->view, b->values, ensemble_ws));
    }
}

/* Half of the data are N(0, I), half, the recent ones, N(1, I): the ratio is
 * 2 / (1 + exp(1 - o_0 - o_1)). After more rows have pushed the oldest out,
 * slots have the ratios of their new tenants. */
START_TEST(an_occupancy_is_the_ratio_of_recent_rows_to_all_of_them)
{
    const elbo_task_factor *const f = &elbo_task_occupancy;
    bench b;
    double error = 0, mean = 0;

    set_up(&b, f, "where=current steps=300", 1500, 1000, 2000);
    ck_assert_uint_eq(b.data.n, 2000);
    learn(&b, f, 6);
    for (size_t i = 0; i < b.data.n; i++) {
        const float *const o = b.data.o + 2 * i;
        const double want = 2 / (1 + exp(1 - (double)o[0] - (double)o[1]));

        error += fabs(b.values[i] - want) / (double)b.data.n;
        mean += b.values[i] / (double)b.data.n;
    }
    ck_assert_msg(error < 0.12, "off by %g", error);
    ck_assert_double_eq_tol(mean, 1, 0.05);
}
END_TEST

START_TEST(where_all_rows_are_recent_the_ratio_is_one)
{
    bench b;

    set_up(&b, &elbo_task_occupancy, "where=current", 0, 50, 50);
    learn(&b, &elbo_task_occupancy, 1);
    for (size_t i = 0; i < 50; i++) ck_assert_double_eq(b.values[i], 1);
}
END_TEST

/* log N(d; 0, I) / N(d; 0.7, I) of the step d = next - o, wherever it starts:
 * the model is asked where its rollouts are, too. */
START_TEST(a_log_ratio_is_of_steps_not_of_where_they_start)
{
    const elbo_task_factor *const f = &elbo_task_logratio;
    bench b;
    double error = 0, size = 0;

    set_up(&b, f, "clip=8 steps=400", 1000, 500, 1500);
    learn(&b, f, 8);
    for (size_t i = 0; i < b.data.n; i++) {
        double want = 0;

        for (size_t k = 0; k < 2; k++) {
            const double d =
                (double)b.data.next[2 * i + k] - (double)b.data.o[2 * i + k];

            want += 0.5 * (pow(d - shift, 2) - d * d);
        }
        error += fabs(b.values[i] - want) / (double)b.data.n;
        size += fabs(want) / (double)b.data.n;
    }
    ck_assert_msg(error < 0.25 && size > 0.7, "off by %g of %g", error, size);
}
END_TEST

START_TEST(a_log_ratio_stays_within_its_clip)
{
    bench b;
    double least = 0, most = 0;

    set_up(&b, &elbo_task_logratio, "clip=0.25 steps=200", 100, 100, 200);
    learn(&b, &elbo_task_logratio, 2);
    for (size_t i = 0; i < b.data.n; i++) {
        least = fmin(least, b.values[i]);
        most = fmax(most, b.values[i]);
    }
    ck_assert(least == -0.25 && most == 0.25);
}
END_TEST

/* By hand: the least distance to the ten rows of the first recent episode; where none
 * or all is recent, of the first one that is there. */
static const struct {
    size_t recent, first; /* pushed first-th .. */
} paths[] = {
    {40, 30},
    {0,  10},
    {60, 10},
    {70, 10},
};

START_TEST(a_distance_is_that_of_the_nearest_row_of_the_path)
{
    const elbo_task_factor *const f = &elbo_task_distance;
    const size_t first = paths[_i].first;
    bench b;
    double scale[3];

    set_up(&b, f, "", 30, 40, 60);
    b.view.recent = paths[_i].recent;
    learn(&b, f, 1);
    for (size_t k = 0; k < 3; k++) {
        double mean = 0, square = 0;

        for (size_t i = 0; i < 60; i++)
            mean += (double)(k < 2 ? b.data.o[2 * i + k] : b.data.u[i]) / 60;
        for (size_t i = 0; i < 60; i++)
            square +=
                pow((double)(k < 2 ? b.data.o[2 * i + k] : b.data.u[i]) - mean,
                    2)
                / 60;
        scale[k] = sqrt(square);
    }
    for (size_t i = 0; i < 60; i++) {
        double best = HUGE_VAL;

        for (size_t t = first; t < first + 10; t++) {
            const size_t s = t % 60;
            double sum =
                pow(((double)b.data.u[i] - (double)b.data.u[s]) / scale[2], 2);

            for (size_t k = 0; k < 2; k++)
                sum += pow(
                    ((double)b.data.o[2 * i + k] - (double)b.data.o[2 * s + k])
                        / scale[k],
                    2);
            best = fmin(best, sum);
        }
        ck_assert_double_eq_tol(b.values[i], sqrt(best), 1e-5);
    }
}
END_TEST

/* One that is the same in all rows. */
START_TEST(a_constant_column_counts_for_nothing)
{
    const elbo_task_factor *const f = &elbo_task_distance;
    double want[60];
    bench b;

    set_up(&b, f, "", 20, 40, 60);
    for (size_t i = 0; i < 60; i++) b.data.u[i] = 3;
    learn(&b, f, 1);
    memcpy(want, b.values, sizeof want);
    for (size_t i = 0; i < 60; i++) b.data.u[i] = 0;
    learn(&b, f, 1);
    for (size_t i = 0; i < 60; i++) {
        ck_assert(isfinite(want[i]));
        ck_assert_double_eq(want[i], b.values[i]);
    }
}
END_TEST

START_TEST(arguments_of_factors_are_checked)
{
    elbo_arena *arena = ensemble_arena;
    const char *nearest;
    elbo_expr *expr;
    size_t column;

    case_ok(
        elbo_task_objective_parse("logp*occupancy(current, 3)/occupancy(data)",
                                  arena, &expr, &column, &nearest));
    case_fails(elbo_task_objective_parse("logp*logratio(exact)", arena, &expr,
                                         &column, &nearest),
               ELBO_EINVAL, "of must be one of classifier");
    ck_assert_uint_eq(column, 5);
    case_fails(elbo_task_objective_parse("exp(-distance_to(expert))*logp",
                                         arena, &expr, &column, &nearest),
               ELBO_EINVAL, "whose must be one of current");
    ck_assert_uint_eq(column, 5);
}
END_TEST

Suite *suite_task_factor(void)
{
    Suite *s = suite_create("task_factor");
    TCase *t = tcase_create("task_factor");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(t, two_gaussians_are_told_apart_by_their_log_ratio);
    tcase_add_test(t, a_classifier_is_stored_to_its_last_bit);
    tcase_add_test(t, a_loss_that_is_not_finite_is_told);
    tcase_add_test(t, the_classifiers_loss_has_the_gradient_that_differences_see);
    tcase_add_test(t, an_occupancy_is_the_ratio_of_recent_rows_to_all_of_them);
    tcase_add_test(t, where_all_rows_are_recent_the_ratio_is_one);
    tcase_add_test(t, a_log_ratio_is_of_steps_not_of_where_they_start);
    tcase_add_test(t, a_log_ratio_stays_within_its_clip);
    tcase_add_loop_test(t, a_distance_is_that_of_the_nearest_row_of_the_path, 0, 4);
    tcase_add_test(t, a_constant_column_counts_for_nothing);
    tcase_add_test(t, arguments_of_factors_are_checked);
    suite_add_tcase(s, t);
    return s;
}

/* tests/test_task_logratio.c -- which rows the two classifiers of a log ratio learn
 * from, one by one, and what is read of them: a model writes down what it is asked.
 */
#include "inference/weight/task_logratio.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "tests/engine_cases.h"
#include "tests/ensemble_cases.h"
#include "tests/suites.h"

enum { NO = 2, NU = 1, PAIR = NO + NU, TRIPLE = PAIR + NO };
enum { ROWS = 20, HALF = 16, MOST = 4000 };

/* ---- a model that writes down ---- */

typedef struct asked {
    size_t calls, n;
    float row[MOST][TRIPLE];
    uint32_t member[MOST];
    elbo_rng noise[MOST];
} asked;

static elbo_status draw(const elbo_task_belief *belief, size_t n, const float o[],
                        const float u[], const uint32_t member[], elbo_rng rng[],
                        bool mean, float next[], float reward[], uint8_t end[],
                        elbo_arena *ws)
{
    asked *const a = belief->self;

    (void)ws;
    ck_assert(!mean);
    ck_assert_uint_le(a->n + n, MOST);
    a->calls++;
    for (size_t i = 0; i < n; i++, a->n++) {
        double e[NO];

        a->member[a->n] = member[i];
        a->noise[a->n] = rng[i];
        elbo_rng_normals(&rng[i], e, NO);
        for (size_t k = 0; k < NO; k++)
            next[NO * i + k] = (float)((double)o[NO * i + k] + 0.7 + e[k]);
        memcpy(a->row[a->n], o + NO * i, NO * sizeof *o);
        memcpy(a->row[a->n] + NO, u + NU * i, NU * sizeof *u);
        memcpy(a->row[a->n] + PAIR, next + NO * i, NO * sizeof *next);
        reward[i] = 0;
        end[i] = 0;
    }
    return ELBO_OK;
}

static size_t elites(const elbo_task_belief *belief, uint32_t out[])
{
    (void)belief;
    out[0] = 1;
    out[1] = 3;
    return 2;
}

static const elbo_task_model scribe = {.draw = draw, .elites = elites};

/* ---- the bench ---- */

typedef struct bench {
    asked asked;
    elbo_task_world world;
    elbo_task_belief belief;
    elbo_replay data, rollouts;
    elbo_task_view view;
    elbo_task_ratio ratio;
} bench;

static void push_rows(elbo_replay *to, double m, elbo_rng *rng)
{
    for (size_t i = 0; i < ROWS; i++) {
        double e[TRIPLE];
        float x[TRIPLE];

        elbo_rng_normals(rng, e, TRIPLE);
        for (size_t k = 0; k < TRIPLE; k++) x[k] = (float)(m + (double)(k + 1) * e[k]);

        const elbo_replay_row row = {.o = x, .u = x + NO, .next = x + PAIR};

        case_ok(elbo_replay_push(to, &row));
    }
}

static bench *set_up(size_t steps, double clip, uint64_t seed)
{
    const elbo_logistic_config affine = {0, 1, 2 * HALF, 0.05, 0};
    bench *const b = elbo_arena_take(ensemble_arena, 1, sizeof *b);
    elbo_rng rng = elbo_rng_stream(8, "rows", 0);

    ck_assert_ptr_nonnull(b);
    b->world = ensemble_world();
    b->belief = (elbo_task_belief){
        .model = &scribe, .self = &b->asked, .world = &b->world, .members = 4};
    case_ok(elbo_replay_init(&b->data, NO, NU, ROWS, ensemble_arena));
    case_ok(elbo_replay_init(&b->rollouts, NO, NU, ROWS, ensemble_arena));
    push_rows(&b->data, 0, &rng);
    push_rows(&b->rollouts, 2, &rng);
    b->view = (elbo_task_view){.world = &b->world,
                               .belief = &b->belief,
                               .data = &b->data,
                               .rollouts = &b->rollouts,
                               .seed = seed};
    case_ok(elbo_task_ratio_open(&b->ratio, &affine, clip, steps, &b->view,
                                 ensemble_arena));
    return b;
}

static void learn(bench *b, uint64_t round)
{
    b->view.round = round;
    case_ok(elbo_task_ratio_learn(&b->ratio, &b->view, ensemble_ws));
}

static void row_of(const elbo_replay *data, size_t slot, float out[TRIPLE])
{
    memcpy(out, data->o + NO * slot, NO * sizeof *out);
    memcpy(out + NO, data->u + NU * slot, NU * sizeof *out);
    memcpy(out + PAIR, data->next + NO * slot, NO * sizeof *out);
}

/* The row that begins with these n numbers; it fails where there is none. */
static size_t slot_of(const elbo_replay *data, const float x[], size_t n)
{
    float row[TRIPLE];

    for (size_t slot = 0; slot < data->n; slot++) {
        row_of(data, slot, row);
        if (memcmp(row, x, n * sizeof *x) == 0) return slot;
    }
    ck_abort_msg("a row that is not there");
    return 0;
}

/* ---- rows ---- */

/* Of every step's model rows the odd ones start where rollouts do, the even ones where
 * the data do; all of both are drawn, by either elite, each with noise of its own. */
START_TEST(model_rows_start_in_data_and_rollouts_by_turns)
{
    bench *const b = set_up(40, 5, 5);
    const asked *const a = &b->asked;
    size_t drawn[2][ROWS] = {{0}}, of_first = 0;

    learn(b, 0);
    ck_assert_uint_eq(a->calls, 40);
    ck_assert_uint_eq(a->n, 40 * HALF);
    ck_assert_uint_eq(b->ratio.triple.adam.t, 40);
    ck_assert_uint_eq(b->ratio.pair.adam.t, 40);
    for (size_t i = 0; i < a->n; i++) {
        const size_t from = i % 2;

        drawn[from][slot_of(from ? &b->rollouts : &b->data, a->row[i], PAIR)]++;
        ck_assert(a->member[i] == 1 || a->member[i] == 3);
        of_first += a->member[i] == 1;
        for (size_t j = 0; j < i; j++)
            ck_assert(memcmp(&a->noise[i], &a->noise[j], sizeof a->noise[i]) != 0);
    }
    for (size_t i = 0; i < 2 * ROWS; i++) /* 16 times each, but for chance */
        ck_assert_uint_gt(drawn[i / ROWS][i % ROWS], 0);
    /* 320 of 640 with deviation 12.6 */
    ck_assert_double_eq_tol((double)of_first, 320, 63);
}
END_TEST

START_TEST(without_rollouts_all_start_in_the_data)
{
    bench *const b = set_up(10, 5, 5);

    if (_i)
        b->view.rollouts = NULL;
    else
        case_ok(elbo_replay_init(&b->rollouts, NO, NU, ROWS, ensemble_arena));
    learn(b, 0);
    ck_assert_uint_eq(b->asked.n, 10 * HALF);
    for (size_t i = 0; i < b->asked.n; i++)
        slot_of(&b->data, b->asked.row[i], PAIR);
}
END_TEST

/* Mean and deviation of the data, column by column. */
static void check_scale(const elbo_logistic *c, const elbo_replay *data)
{
    for (size_t k = 0; k < c->inputs; k++) {
        double mean = 0, square = 0;
        float x[TRIPLE];

        for (size_t i = 0; i < ROWS; i++) {
            row_of(data, i, x);
            mean += (double)x[k] / ROWS;
        }
        for (size_t i = 0; i < ROWS; i++) {
            row_of(data, i, x);
            square += pow((double)x[k] - mean, 2) / ROWS;
        }
        ck_assert_double_eq_tol((double)c->mean[k], mean, 1e-6);
        ck_assert_double_eq_tol((double)c->scale[k], sqrt(square), 1e-5);
    }
}

static void check_row(const elbo_logistic *c, size_t i, const float x[])
{
    for (size_t k = 0; k < c->inputs; k++) {
        const double z =
            ((double)x[k] - (double)c->mean[k]) / (double)c->scale[k];

        ck_assert_double_eq_tol((double)c->x[i * c->inputs + k], z, 1e-5);
    }
}

/* The slot of the data's row that is the i-th of the last batch. */
static size_t positive(const bench *b, size_t i)
{
    const elbo_logistic *const c = &b->ratio.triple;
    double least = HUGE_VAL;
    size_t best = 0;

    for (size_t slot = 0; slot < ROWS; slot++) {
        float x[TRIPLE];
        double off = 0;

        row_of(&b->data, slot, x);
        for (size_t k = 0; k < TRIPLE; k++)
            off += fabs(((double)x[k] - (double)c->mean[k]) / (double)c->scale[k]
                        - (double)c->x[i * TRIPLE + k]);
        if (off < least) best = slot;
        least = fmin(least, off);
    }
    return best;
}

/* A step's batch stands in the classifiers, normalised: the data's rows, then the
 * model's own; of the pairs the same rows, short of next. Each round draws anew. */
START_TEST(both_classifiers_see_the_same_rows)
{
    bench *const b = set_up(1, 5, 5);
    size_t drawn[ROWS] = {0};

    for (uint64_t round = 0; round < 20; round++) {
        learn(b, round);
        for (size_t i = 0; i < HALF; i++) {
            const float *const made = b->asked.row[b->asked.n - HALF + i];
            const size_t slot = positive(b, i);
            float x[TRIPLE];

            row_of(&b->data, slot, x);
            drawn[slot]++;
            check_row(&b->ratio.triple, i, x);
            check_row(&b->ratio.pair, i, x);
            check_row(&b->ratio.triple, HALF + i, made);
            check_row(&b->ratio.pair, HALF + i, made);
        }
    }
    check_scale(&b->ratio.triple, &b->data);
    check_scale(&b->ratio.pair, &b->data);
    for (size_t i = 0; i < ROWS; i++) ck_assert_uint_gt(drawn[i], 0);
}
END_TEST

/* Whether both drew the same starts in the same order; the same noise; the same
 * classifiers came of it. */
typedef struct same {
    bool starts, noise, theta;
} same;

static same compare(const bench *a, const bench *b)
{
    const elbo_logistic *const c = &a->ratio.triple;
    same s = {.starts = true, .noise = true};

    ck_assert_uint_eq(a->asked.n, b->asked.n);
    for (size_t i = 0; i < a->asked.n; i++) {
        const size_t size = PAIR * sizeof(float);

        if (memcmp(a->asked.row[i], b->asked.row[i], size) != 0) s.starts = false;
        if (memcmp(&a->asked.noise[i], &b->asked.noise[i], sizeof(elbo_rng)) != 0)
            s.noise = false;
    }
    s.theta = memcmp(c->theta, b->ratio.triple.theta, c->n * sizeof(float)) == 0;
    return s;
}

START_TEST(rows_are_those_of_seed_and_round)
{
    static const struct {
        uint64_t seed, round;
    } other[] = {
        {5, 3},
        {5, 4},
        {6, 3},
    };
    bench *const b = set_up(3, 5, 5);

    learn(b, 3);
    for (size_t k = 0; k < 3; k++) {
        bench *const c = set_up(3, 5, other[k].seed);

        learn(c, other[k].round);

        const same s = compare(b, c);

        ck_assert_int_eq(s.starts, k == 0);
        ck_assert_int_eq(s.noise, k == 0);
        ck_assert_int_eq(s.theta, k == 0);
    }
}
END_TEST

/* ---- values ---- */

/* w . z + b of an affine classifier. */
static double affine(const elbo_logistic *c, const float x[])
{
    double L = (double)c->theta[c->inputs];

    for (size_t k = 0; k < c->inputs; k++)
        L += (double)c->theta[k] * ((double)x[k] - (double)c->mean[k])
             / (double)c->scale[k];
    return L;
}

START_TEST(a_value_is_the_triples_less_the_pairs_ratio)
{
    const double clip = 0.8;
    bench *const b = set_up(100, clip, 5);
    size_t cut = 0;
    float x[ROWS * TRIPLE];
    double out[ROWS];

    learn(b, 0);
    for (size_t i = 0; i < ROWS; i++) row_of(&b->rollouts, i, x + i * TRIPLE);
    case_ok(elbo_task_ratio_at(&b->ratio, ROWS, x, out, ensemble_ws));
    for (size_t i = 0; i < ROWS; i++) {
        const double L = affine(&b->ratio.triple, x + i * TRIPLE)
                         - affine(&b->ratio.pair, x + i * TRIPLE);

        ck_assert_double_eq_tol(out[i], fmax(-clip, fmin(clip, L)), 1e-5);
        cut += fabs(L) > clip;
    }
    ck_assert(cut > 0 && cut < ROWS);
}
END_TEST

Suite *suite_task_logratio(void)
{
    Suite *const s = suite_create("task_logratio");
    TCase *const t = tcase_create("task_logratio");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(t, model_rows_start_in_data_and_rollouts_by_turns);
    tcase_add_loop_test(t, without_rollouts_all_start_in_the_data, 0, 2);
    tcase_add_test(t, both_classifiers_see_the_same_rows);
    tcase_add_test(t, rows_are_those_of_seed_and_round);
    tcase_add_test(t, a_value_is_the_triples_less_the_pairs_ratio);
    suite_add_tcase(s, t);
    return s;
}

/* tests/test_reps_samples.c -- what REPS weighs, entry by entry in plain C: the measure,
 * features and their flow, and V.
 */
#include <check.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "control/registry.h"
#include "control/reps_state.h"
#include "tests/engine_cases.h"
#include "tests/ensemble_cases.h"
#include "tests/suites.h"

enum { NO = 2, HELD = 12, WINDOW = 8, MADE = 5, ALL = WINDOW + MADE, N = 6, MOST = 12 };

static const double g = 0.9, real_share = 0.7;
static const char *const kinds[] = {
    "features=fourier features_n=6 window=8",
    "features=quadratic window=8",
    "features=network features_n=6 window=8",
    "features=fourier features_n=6 window=8 draws=3",
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- a model that is certain ---- */

static bool over(const float o[])
{
    return o[0] > 0.5F;
}

static elbo_status imagined(const elbo_task_belief *belief, size_t n, const float o[],
                            const float u[], const uint32_t member[], elbo_rng rng[],
                            bool mean, float next[], float reward[], uint8_t end[],
                            elbo_arena *ws)
{
    (void)belief, (void)member, (void)rng, (void)mean, (void)ws;
    for (size_t i = 0; i < n; i++) {
        next[NO * i] = 0.5F * o[NO * i] - u[i];
        next[NO * i + 1] = o[NO * i];
        reward[i] = 0;
        end[i] = over(o + NO * i);
    }
    return ELBO_OK;
}

static size_t elites(const elbo_task_belief *belief, uint32_t out[])
{
    (void)belief;
    out[0] = 0;
    return 1;
}

static const elbo_task_model certain = {.draw = imagined, .elites = elites};

/* ---- rows ---- */

typedef struct bench {
    elbo_task_world world;
    elbo_task_belief belief;
    elbo_task_problem problem; /* which the control borrows */
    elbo_replay data, made;
    double weight[MADE];
    elbo_task_estep estep;
    elbo_reps *reps;
} bench;

static void push(elbo_replay *to, size_t capacity, size_t n, uint64_t seed)
{
    elbo_rng rng = elbo_rng_stream(seed, "rows", 0);

    case_ok(elbo_replay_init(to, NO, 1, capacity, ensemble_arena));
    for (size_t i = 0; i < n; i++) {
        double z[6];

        elbo_rng_normals(&rng, z, 6);

        const float o[] = {(float)z[0], (float)(3 + 2 * z[1])};
        const float next[] = {(float)z[2], (float)(3 + 2 * z[3])};
        const float u[] = {(float)z[4]};
        const elbo_replay_row row = {.o = o,
                                     .u = u,
                                     .next = next,
                                     .reward = (float)z[5],
                                     .end = i % 4 == 1,
                                     .step = (uint32_t)(i % 3)};

        case_ok(elbo_replay_push(to, &row));
    }
}

static void open_reps(bench *b, const char *settings, uint64_t seed)
{
    const elbo_control *const control = elbo_control_find("reps");
    elbo_values values;

    b->world = ensemble_mute_world(NO, 1);
    b->belief = (elbo_task_belief){.model = &certain, .world = &b->world, .members = 1};
    b->problem = (elbo_task_problem){
        .world = &b->world, .belief = &b->belief, .gamma = g, .seed = seed};
    case_ok(elbo_values_init(&values, control->options, ensemble_arena));
    case_ok(elbo_values_parse(&values, settings));
    case_ok(control->task->open(&values, &b->problem, ensemble_arena,
                                (void **)&b->reps));
}

/* More rows than there is room for: the ring has wrapped. */
static void set_up(bench *b, int kind)
{
    open_reps(b, kinds[kind], 5);
    push(&b->data, HELD, 17, 1);
    push(&b->made, MADE, MADE, 2);
    for (size_t i = 0; i < MADE; i++) b->weight[i] = 0.5 + 0.3 * (double)i;
    b->estep = (elbo_task_estep){.data = &b->data,
                                 .rollouts = &b->made,
                                 .rollout_weight = b->weight,
                                 .real = real_share,
                                 .updates = 3};
}

/* The place of sample i: of the newest rows, oldest first, then of the rollouts. */
static const elbo_replay *place(const bench *b, size_t i, size_t *slot)
{
    *slot = i < WINDOW ? (17 - WINDOW + i) % HELD : i - WINDOW;
    return i < WINDOW ? &b->data : &b->made;
}

/* ---- features ---- */

/* Of all samples. */
static void moments(const bench *b, double mean[NO], double std[NO])
{
    for (size_t j = 0; j < NO; j++) {
        double sum = 0, squares = 0;

        for (size_t i = 0; i < ALL; i++) {
            size_t slot;
            const double x = (double)place(b, i, &slot)->o[slot * NO + j];

            sum += x;
            squares += x * x;
        }
        mean[j] = sum / ALL;
        std[j] = sqrt(squares / ALL - mean[j] * mean[j]);
    }
}

/* phi(o); of a network tanh of what it gives for the standardised o. */
static void features(const bench *b, const double mean[NO], const double std[NO],
                     const float o[], double phi[])
{
    const elbo_reps_features *const f = &b->reps->features;
    double x[NO];
    size_t at = 1 + NO;

    phi[0] = 1;
    for (size_t j = 0; j < NO; j++)
        phi[1 + j] = x[j] = ((double)o[j] - mean[j]) / std[j];
    if (f->kind == ELBO_REPS_NETWORK) {
        const float z[NO] = {(float)x[0], (float)x[1]};
        float h[N];

        case_ok(elbo_mlp_forward(&f->mlp, f->theta, 1, z, h, ensemble_ws));
        for (size_t j = 0; j < N; j++) phi[at++] = tanh((double)h[j]);
    }
    if (f->kind == ELBO_REPS_QUADRATIC) {
        phi[at++] = x[0] * x[0];
        phi[at++] = x[0] * x[1];
        phi[at++] = x[1] * x[1];
    }
    for (size_t j = 0; f->kind == ELBO_REPS_FOURIER && j < N; j++)
        phi[at++] = sqrt(2. / N)
                    * cos(f->w[j * NO] * x[0] + f->w[j * NO + 1] * x[1] + f->b[j]);
}

/* ---- tests ---- */

static void measure(const bench *b, double p[ALL + 1])
{
    double ended = 0, total = 0;

    for (size_t i = 0; i < ALL; i++) {
        size_t slot;
        const elbo_replay *const from = place(b, i, &slot);

        p[i] = i < WINDOW ? real_share / WINDOW
                          : (1 - real_share) / MADE * b->weight[slot];
        if (from->end[slot]) ended += p[i];
        total += p[i];
    }
    p[ALL] = ended * g / (1 - g);
    for (size_t i = 0; i <= ALL; i++) p[i] /= total + ended * g / (1 - g);
}

/* gamma phi(o') - phi(o) + (1 - gamma) phi0, and what flows into the absorbing state. */
START_TEST(the_samples_are_what_the_header_says)
{
    bench b;
    elbo_reps_samples s;
    double mean[NO], std[NO], p[ALL + 1], phi[ALL][MOST], phi0[MOST] = {0}, starts = 0;

    set_up(&b, _i);
    case_ok(elbo_reps_gather(b.reps, &b.estep, &s, ensemble_ws));
    moments(&b, mean, std);
    measure(&b, p);

    const size_t m = b.reps->features.m;

    ck_assert_uint_eq(s.n, ALL);
    for (size_t i = 0; i < ALL; i++) {
        size_t slot;
        const elbo_replay *const from = place(&b, i, &slot);

        features(&b, mean, std, from->o + slot * NO, phi[i]);
        ck_assert_double_eq_tol(s.p[i], p[i], 1e-14);
        ck_assert_double_eq(s.r[i], (double)from->reward[slot]);
        ck_assert(s.u[i] == from->u[slot]);
        for (size_t k = 0; from->step[slot] == 0 && k < m; k++)
            phi0[k] += p[i] * phi[i][k];
        if (from->step[slot] == 0) starts += p[i];
    }
    ck_assert_double_eq_tol(s.p[ALL], p[ALL], 1e-14);
    ck_assert_double_eq(s.r[ALL], 0);
    for (size_t i = 0; i < ALL; i++) {
        size_t slot;
        const elbo_replay *const from = place(&b, i, &slot);
        const float *const o = from->o + slot * NO;
        const float guess[] = {0.5F * o[0] - from->u[slot], o[0]};
        const bool drawn = b.reps->draws > 0;
        const bool ends = drawn ? over(o) : from->end[slot];
        double after[MOST];

        features(&b, mean, std, drawn ? guess : from->next + slot * NO, after);
        for (size_t k = 0; k < m; k++)
            ck_assert_double_eq_tol(gsl_matrix_get(s.D, i, k),
                                    (ends ? 0 : g * after[k]) - phi[i][k]
                                        + (1 - g) * phi0[k] / starts,
                                    1e-6);
        ck_assert_double_eq_tol(gsl_matrix_get(s.D, i, m), ends ? g : 0, 1e-12);
    }
    for (size_t k = 0; k < m; k++)
        ck_assert_double_eq_tol(gsl_matrix_get(s.D, ALL, k), (1 - g) * phi0[k] / starts,
                                1e-6);
    ck_assert_double_eq_tol(gsl_matrix_get(s.D, ALL, m), g - 1, 1e-14);
}
END_TEST

/* For any w and any constant. */
START_TEST(value_is_the_weighted_features_and_its_constant)
{
    bench b;
    elbo_reps_samples s;
    double mean[NO], std[NO], phi[MOST];
    float V[HELD];

    set_up(&b, _i);
    case_ok(elbo_reps_gather(b.reps, &b.estep, &s, ensemble_ws));
    moments(&b, mean, std);
    for (size_t k = 0; k <= b.reps->features.m; k++)
        b.reps->w[k] = sin(1 + 2 * (double)k);
    b.reps->offset = -0.7;
    elbo_reps_value_fill(b.reps);
    case_ok(elbo_reps_value(b.reps, HELD, b.data.o, V, NULL, ensemble_ws));
    for (size_t i = 0; i < HELD; i++) {
        double want = -0.7;

        features(&b, mean, std, b.data.o + i * NO, phi);
        for (size_t k = 0; k < b.reps->features.m; k++) want += b.reps->w[k] * phi[k];
        ck_assert_double_eq_tol((double)V[i], want, 1e-5 * (1 + fabs(want)));
    }
}
END_TEST

/* Scales are those of the first rows, also in a run that was taken up again; what is
 * drawn is the seed's. */
START_TEST(scales_stay_and_draws_follow_the_seed)
{
    char path[] = "/tmp/elbo-reps-XXXXXX";
    const float later[] = {10, -10, 30, 50};
    elbo_writer *const out = elbo_writer_alloc();
    double phi[3][MOST];
    bench b, again, other;
    elbo_reps_samples s;
    elbo_reader *in;

    set_up(&b, _i);
    open_reps(&again, kinds[_i], 5);
    open_reps(&other, kinds[_i], 6);
    case_ok(elbo_reps_gather(b.reps, &b.estep, &s, ensemble_ws));
    close(mkstemp(path));
    elbo_writer_section(out, "reps");
    elbo_reps_features_save(&b.reps->features, out);
    case_ok(elbo_writer_commit(out, path));
    for (size_t k = 0; k < 2; k++) {
        elbo_reps *const r = k ? other.reps : again.reps;

        case_ok(elbo_reader_open(path, &in));
        case_ok(elbo_reader_section(in, "reps"));
        case_ok(elbo_reps_features_load(&r->features, in));
        elbo_reader_free(in);
        elbo_reps_features_scale(&r->features, 2, later);
        case_ok(elbo_reps_features_rows(&r->features, 1, b.data.o, phi[k],
                                        ensemble_ws));
    }
    case_ok(elbo_reps_features_rows(&b.reps->features, 1, b.data.o, phi[2],
                                    ensemble_ws));

    const size_t m = b.reps->features.m;

    ck_assert_mem_eq(phi[0], phi[2], m * sizeof(double));
    if (b.reps->features.kind != ELBO_REPS_QUADRATIC)
        ck_assert_mem_ne(phi[1], phi[2], m * sizeof(double));
    elbo_writer_free(out);
    unlink(path);
}
END_TEST

Suite *suite_reps_samples(void)
{
    Suite *const s = suite_create("reps_samples");
    TCase *const t = tcase_create("reps samples");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_loop_test(t, the_samples_are_what_the_header_says, 0, KINDS);
    tcase_add_loop_test(t, value_is_the_weighted_features_and_its_constant, 0, KINDS);
    tcase_add_loop_test(t, scales_stay_and_draws_follow_the_seed, 0, KINDS);
    suite_add_tcase(s, t);
    return s;
}

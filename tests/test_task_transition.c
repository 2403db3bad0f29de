/* tests/test_task_transition.c -- successors by q: particles against the laws
 * that a Gaussian model and a linear value have.
 *
 *   p = N(o, sigma^2 I), V = g'o: q ~ p exp(c V) is p moved by c sigma^2 g, at
 * a KL of c^2 sigma^2 |g|^2 / 2
 */
#include <math.h>
#include <string.h>

#include "inference/task_state.h"
#include "inference/weight/task_logratio.h"
#include "tests/engine_cases.h"
#include "tests/ensemble_cases.h"
#include "tests/suites.h"

static const double g[2] = {0.6, -0.8}, sigma = 0.5, gamma_ = 0.9;

static elbo_status model_draw(const elbo_task_belief *belief, size_t n,
                              const float o[], const float u[],
                              const uint32_t member[], elbo_rng rng[],
                              bool mean, float next[], float reward[],
                              uint8_t end[], elbo_arena *ws)
{
    double e[2];

    (void)belief, (void)u, (void)member, (void)mean, (void)ws;
    for (size_t i = 0; i < n; i++) {
        elbo_rng_normals(&rng[i], e, 2);
        for (size_t k = 0; k < 2; k++)
            next[2 * i + k] = (float)((double)o[2 * i + k] + sigma * e[k]);
        reward[i] = 3;
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

static elbo_status value(void *self, size_t n, const float o[], float V[],
                         float slope[], elbo_arena *ws)
{
    (void)self, (void)slope, (void)ws;
    for (size_t i = 0; i < n; i++)
        V[i] = (float)(g[0] * (double)o[2 * i] + g[1] * (double)o[2 * i + 1]);
    return ELBO_OK;
}

static const elbo_task_model gaussian = {.draw = model_draw, .elites = elites};
static const elbo_task_control linear = {.value = value};

enum { N = 4000, K = 512 };
static float o[2 * N], u[N], next[2 * N], reward[N];
static uint32_t member[N];
static uint8_t end[N];
static elbo_rng rng[N];
static double kl[N];

static elbo_task_world world;
static elbo_task_belief belief;

static elbo_task_transition of(const char *text, size_t particles)
{
    elbo_task_transition t = {
        .particles = particles, .belief = &belief, .control = &linear};

    world = ensemble_world();
    belief =
        (elbo_task_belief){.model = &gaussian, .world = &world, .members = 1};
    case_ok(elbo_transition_parse(text, ELBO_KL_STEP, gamma_, ensemble_arena,
                                  &t.tilt, NULL, NULL));
    for (size_t i = 0; i < N; i++) rng[i] = elbo_rng_stream(3, "rows", i);
    return t;
}

/* Mean displacement along g and across it, and mean KL. */
static void moved(const elbo_task_transition *t, double *along, double *across,
                  double *mean_kl)
{
    case_ok(elbo_task_transition_draw(t, N, o, u, rng, member, next, reward,
                                      end, kl, ensemble_ws));
    *along = *across = *mean_kl = 0;
    for (size_t i = 0; i < N; i++) {
        const double x = (double)next[2 * i], y = (double)next[2 * i + 1];

        *along += (x * g[0] + y * g[1]) / N;
        *across += (y * g[0] - x * g[1]) / N;
        *mean_kl += kl[i] / N;
    }
}

static const struct {
    const char *text;
    double c; /* of exp(c V) */
} tilts[] = {
    {"tilt(0.5)",          0.9 / 0.5 },
    {"tilt(-0.5)",         -0.9 / 0.5},
    {"tilt(0.5, kl=next)", 1 / 0.5   },
    {"tilt(-3)",           -0.9 / 3  },
};

/* |g| = 1. A mean of 4000 draws is known to sigma / 63; K particles are off by
 * some exp(c^2 sigma^2) / K of the shift. */
START_TEST(a_tilt_moves_a_gaussian_by_its_exact_shift)
{
    const elbo_task_transition t = of(tilts[_i].text, K);
    const double c = tilts[_i].c, shift = c * sigma * sigma;
    double along, across, mean_kl;

    moved(&t, &along, &across, &mean_kl);
    ck_assert_double_eq_tol(along, shift,
                            5 * sigma / sqrt(N) + 0.02 * fabs(shift));
    ck_assert_double_eq_tol(across, 0, 5 * sigma / sqrt(N));
    ck_assert_double_eq_tol(mean_kl, 0.5 * c * c * sigma * sigma,
                            0.03 * c * c * sigma * sigma);
    ck_assert_double_eq(elbo_task_transition_charge(&t),
                        t.tilt.kl == ELBO_KL_NEXT ? gamma_ * t.tilt.beta
                                                  : t.tilt.beta);
}
END_TEST

/* The worst in a KL ball is the tilt whose KL is the radius: moved by -sigma
 * sqrt(2 radius). */
START_TEST(the_worst_of_a_ball_is_a_gaussian_at_its_rim)
{
    const double radius = 0.1, shift = -sigma * sqrt(2 * radius);
    const elbo_task_transition t = of("robust(0.1)", K);
    double along, across, mean_kl;

    moved(&t, &along, &across, &mean_kl);
    ck_assert_double_eq_tol(along, shift,
                            5 * sigma / sqrt(N) + 0.02 * fabs(shift));
    ck_assert_double_eq_tol(across, 0, 5 * sigma / sqrt(N));
    ck_assert_double_eq_tol(mean_kl, radius, 1e-6);
    ck_assert_double_eq(elbo_task_transition_charge(&t), 0);
}
END_TEST

/* Of total variation the worst tenth goes to the worst particle: the mean of
 * the best tenth, -phi(1.2816) / 0.1 sigma above, is lost, the least of K
 * found. */
START_TEST(
    the_worst_in_total_variation_swaps_the_best_tenth_for_the_worst_particle)
{
    const elbo_task_transition t = of("robust(0.1, ball=tv)", K);
    const double tail =
        sigma * 0.17549833193 / 0.1;      /* mean beyond the 0.9 quantile */
    const double least = -sigma * 3.0366; /* expected least of 512 normals */
    double along, across, mean_kl;

    moved(&t, &along, &across, &mean_kl);
    ck_assert_double_eq_tol(along, 0.1 * (least - tail), 5 * sigma / sqrt(N));
    ck_assert_double_eq_tol(across, 0, 5 * sigma / sqrt(N));
}
END_TEST

/* ---- each row's particles ---- */

enum { FEW = 40, EACH = 8 };
static struct {
    size_t n;
    float next[2 * FEW * EACH], reward[FEW * EACH];
    uint8_t end[FEW * EACH];
    uint32_t member[FEW * EACH];
} cloud;

/* Pays, ends, and keeps what it said. */
static elbo_status told_draw(const elbo_task_belief *of_model, size_t n, const float from[],
                             const float a[], const uint32_t by[], elbo_rng noise[],
                             bool mean, float to[], float paid[], uint8_t over[],
                             elbo_arena *ws)
{
    case_ok(model_draw(of_model, n, from, a, by, noise, mean, to, paid, over, ws));
    ck_assert_uint_le(n, FEW * EACH);
    for (size_t i = 0; i < n; i++) {
        paid[i] = 0.3F * to[2 * i] * to[2 * i + 1] + (float)by[i];
        over[i] = to[2 * i] > 0.2F;
    }
    cloud.n = n;
    memcpy(cloud.next, to, 2 * n * sizeof *to);
    memcpy(cloud.reward, paid, n * sizeof *paid);
    memcpy(cloud.end, over, n);
    memcpy(cloud.member, by, n * sizeof *by);
    return ELBO_OK;
}

static size_t two_elites(const elbo_task_belief *of_model, uint32_t out[])
{
    (void)of_model;
    out[0] = 2;
    out[1] = 5;
    return 2;
}

/* q ~ exp(c (V + r / gamma)), V 0 at an end: what is drawn is one of the row's own
 * particles whole, and costs their KL. */
START_TEST(a_row_s_particles_are_weighed_by_what_they_are_worth)
{
    static const elbo_task_model told = {.draw = told_draw, .elites = two_elites};
    const double c = 0.9 / 0.5;
    elbo_task_transition t = of("tilt(0.5)", EACH);
    size_t members[6] = {0};

    belief.model = &told;
    belief.members = 6;
    case_ok(elbo_task_transition_draw(&t, FEW, o, u, rng, member, next, reward, end, kl,
                                      ensemble_ws));
    ck_assert_uint_eq(cloud.n, FEW * EACH);
    for (size_t i = 0; i < FEW; i++) {
        double worth[EACH], total = 0, want = 0;
        size_t found = 0;

        for (size_t k = 0; k < EACH; k++) {
            const size_t j = i * EACH + k;
            const float *const y = cloud.next + 2 * j;
            const double V = g[0] * (double)y[0] + g[1] * (double)y[1];

            worth[k] = (cloud.end[j] ? 0 : V) + (double)cloud.reward[j] / gamma_;
            total += exp(c * worth[k]);
            members[cloud.member[j]]++;
            found += y[0] == next[2 * i] && y[1] == next[2 * i + 1]
                     && cloud.reward[j] == reward[i] && cloud.end[j] == end[i]
                     && cloud.member[j] == member[i];
        }
        for (size_t k = 0; k < EACH; k++) {
            const double q = exp(c * worth[k]) / total;

            want += q * log(q * EACH);
        }
        ck_assert_double_eq_tol(kl[i], want, 1e-5 * (1 + want));
        ck_assert_uint_eq(found, 1);
    }
    ck_assert_uint_gt(members[2], 100);
    ck_assert_uint_gt(members[5], 100);
    ck_assert_uint_eq(members[2] + members[5], FEW * EACH);
}
END_TEST

START_TEST(one_particle_is_the_model)
{
    const elbo_task_transition t = of("tilt(0.01)", 1), plain = of("model", 1);
    double along, across, mean_kl;

    moved(&t, &along, &across, &mean_kl);
    ck_assert_double_eq_tol(along, 0, 5 * sigma / sqrt(N));
    ck_assert_double_eq(mean_kl, 0);
    moved(&plain, &along, &across, &mean_kl);
    ck_assert_double_eq_tol(along, 0, 5 * sigma / sqrt(N));
    ck_assert_double_eq(mean_kl, 0);
    ck_assert(elbo_task_transition_plain(&plain)
              && !elbo_task_transition_plain(&t));
}
END_TEST

static elbo_status broken_value(void *self, size_t n, const float at[],
                                float V[], float slope[], elbo_arena *ws)
{
    (void)self, (void)at, (void)slope, (void)ws;
    for (size_t i = 0; i < n; i++) V[i] = i == 21 ? INFINITY : 0;
    return ELBO_OK;
}

START_TEST(a_particle_without_a_worth_is_named)
{
    static const elbo_task_control broken = {.value = broken_value};
    elbo_task_transition t = of("tilt(1)", 8);

    t.control = &broken;
    case_fails(elbo_task_transition_draw(&t, 4, o, u, rng, member, next, reward,
                                         end, kl, ensemble_ws),
               ELBO_ENOTFINITE, "particle 5 of row 2 is worth inf");
}
END_TEST

/* The world steps by N(0.3, sigma^2 I), the model by N(0, ..): the model's own
 * draws cost KL(q || p) = 0.3^2 / sigma^2. */
START_TEST(free_charges_the_log_ratio_of_the_model_s_draws)
{
    const double step = 0.3;
    elbo_task_transition t = of("free(classifier)", 1);
    elbo_replay data;
    elbo_rng of_rows = elbo_rng_stream(4, "rows", 0);
    elbo_task_view view = {
        .world = &world, .belief = &belief, .data = &data, .seed = 6};
    double along, across, mean_kl;

    case_ok(elbo_replay_init(&data, 2, 1, 2000, ensemble_arena));
    for (size_t i = 0; i < 2000; i++) {
        double e[4];

        elbo_rng_normals(&of_rows, e, 4);

        const float from[] = {(float)e[0], (float)e[1]}, a[] = {0};
        const float to[] = {(float)(e[0] + step + sigma * e[2]),
                            (float)(e[1] + step + sigma * e[3])};
        const elbo_replay_row row = {.o = from, .u = a, .next = to};

        case_ok(elbo_replay_push(&data, &row));
    }
    case_ok(elbo_task_transition_open(&t, &view, ensemble_arena));
    for (size_t k = 0; k < 12; k++) {
        view.round = k;
        case_ok(elbo_task_transition_learn(&t, &view, ensemble_ws));
    }
    moved(&t, &along, &across, &mean_kl);
    ck_assert_double_eq_tol(mean_kl, step * step / (sigma * sigma), 0.12);
    ck_assert_double_eq(elbo_task_transition_charge(&t), 1);
}
END_TEST

/* ---- runs ---- */

static case_text run_of(const char *slots)
{
    case_text text = case_sac(
        "updates=0.25 rollout_batch=20 temperature=0.1 successors=4", slots);

    text.model_own = "members=2 layers=1 width=8 epochs=2 batch=32";
    return text;
}

static const char *const slots[] = {
    "iterations=6 transition=tilt(2)",
    "iterations=6 transition=tilt(-2,kl=next)",
    "iterations=6 transition=robust(0.3)",
    "iterations=6 transition=free(classifier)",
};
enum { SLOTS = sizeof slots / sizeof *slots };

START_TEST(a_resumed_run_goes_on_to_the_same_bits)
{
    const case_text text = run_of(slots[_i]);

    case_resumes(&text, 7);
}
END_TEST

START_TEST(the_bound_charges_the_transitions_of_q_once)
{
    const case_text text = run_of(slots[_i]);
    case_setup c;
    elbo_row row;
    elbo_engine *e = case_start(&c, &text, 7);

    for (int k = 0; k < 3; k++) case_ok(elbo_engine_iterate(e, &row));

    const elbo_parts *const x = &row.parts;
    const double control = x->reward - x->policy_kl - x->transition_kl;
    const double tolerance = 1e-11 * elbo_parts_scale(x);

    /* episode by episode, and mean by mean */
    ck_assert_double_eq_tol(e->task->score.control.value, control, tolerance);
    ck_assert_double_eq_tol(row.elbo, control + x->likelihood + x->prior, tolerance);
    ck_assert(x->policy_kl != 0 && x->likelihood != 0);
    if (_i == 0) ck_assert_double_gt(row.parts.transition_kl, 0);
    if (_i == 1) ck_assert_double_lt(row.parts.transition_kl, 0);
    if (_i == 2) ck_assert_double_eq(row.parts.transition_kl, 0);
    if (_i == 3) ck_assert_double_ne(row.parts.transition_kl, 0);
    case_stop(&c, e);
}
END_TEST

/* What the policy learns from has paid for q's transitions: here the log ratio as it
 * stood when the rollouts were made. */
START_TEST(rollouts_pay_for_the_transitions_of_q)
{
    enum { DIMS = 7 };
    const case_text text = run_of("iterations=6 transition=free(classifier)");
    case_setup c;
    elbo_row row;
    elbo_engine *e = case_start(&c, &text, 7);
    const elbo_task_run *const run = e->task;
    double most = 0;

    for (int k = 0; k < 2; k++) case_ok(elbo_engine_iterate(e, &row));

    const elbo_replay *const d = &run->rollouts;
    const size_t n = d->n;
    float *const x = elbo_arena_take(e->ws, n * DIMS, sizeof(float));
    float *const r = elbo_arena_take(e->ws, n, sizeof(float));
    double *const ratio = elbo_arena_doubles(e->ws, n);

    ck_assert_uint_eq(n, 20);
    for (size_t i = 0; i < n; i++) {
        memcpy(x + DIMS * i, d->o + 3 * i, 3 * sizeof(float));
        x[DIMS * i + 3] = d->u[i];
        memcpy(x + DIMS * i + 4, d->next + 3 * i, 3 * sizeof(float));
    }
    case_ok(elbo_task_ratio_at(run->transition.ratio, n, x, ratio, e->ws));
    run->world.task->reward(run->world.self, n, d->o, d->u, d->next, r);
    for (size_t i = 0; i < n; i++) {
        const double want = (double)r[i] + ratio[i];

        ck_assert_double_eq_tol((double)d->reward[i], want, 1e-4 * (1 + fabs(want)));
        most = fmax(most, fabs(ratio[i]));
    }
    ck_assert_double_gt(most, 0.1);
    case_stop(&c, e);
}
END_TEST

START_TEST(what_has_no_value_or_is_no_kind_of_control_tasks_is_refused)
{
    static const char *const wrong[] = {
        "transition=optimistic(1)", "transition=free", "transition=free(clip(2))"};
    case_text text;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        text = run_of(wrong[i]);
        case_refused(&text, "inference", "transition");
    }
    text = run_of("transition=tilt(1)");
    text.control = "none";
    text.control_own = text.control_common = NULL;
    case_refused(&text, "inference", "transition");
}
END_TEST

Suite *suite_task_transition(void)
{
    Suite *s = suite_create("task_transition");
    TCase *t = tcase_create("task_transition");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_loop_test(t, a_tilt_moves_a_gaussian_by_its_exact_shift, 0,
                        sizeof tilts / sizeof *tilts);
    tcase_add_test(t, the_worst_of_a_ball_is_a_gaussian_at_its_rim);
    tcase_add_test(
        t,
        the_worst_in_total_variation_swaps_the_best_tenth_for_the_worst_particle);
    tcase_add_test(t, a_row_s_particles_are_weighed_by_what_they_are_worth);
    tcase_add_test(t, one_particle_is_the_model);
    tcase_add_test(t, a_particle_without_a_worth_is_named);
    tcase_add_test(t, free_charges_the_log_ratio_of_the_model_s_draws);
    tcase_add_loop_test(t, a_resumed_run_goes_on_to_the_same_bits, 0, SLOTS);
    tcase_add_loop_test(t, the_bound_charges_the_transitions_of_q_once, 0,
                        SLOTS);
    tcase_add_test(t, rollouts_pay_for_the_transitions_of_q);
    tcase_add_test(t,
                   what_has_no_value_or_is_no_kind_of_control_tasks_is_refused);
    suite_add_tcase(s, t);
    return s;
}

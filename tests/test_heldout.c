/* tests/test_heldout.c -- the held-out likelihood against sums written out, and its
 * column against visits counted step by step.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/engine_state.h"
#include "inference/heldout.h"
#include "tests/engine_cases.h"
#include "tests/random_process.h"
#include "tests/suites.h"

static elbo_arena *arena;

static void setup(void)
{
    arena = elbo_arena_alloc(1 << 16);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

/* d of `rows` random shares, one of them 0. */
static double *shares(elbo_rng *rng, size_t rows)
{
    double *d = random_doubles(rng, rows, 0, 1, arena), sum = 0;

    d[rows / 2] = 0;
    for (size_t i = 0; i < rows; i++) sum += d[i];
    for (size_t i = 0; i < rows; i++) d[i] /= sum;
    return d;
}

/* Another kernel of the same pattern. */
static elbo_kernel disturbed(elbo_rng *rng, const elbo_kernel *P)
{
    const elbo_pattern *const p = P->pattern;
    double *prob = random_doubles(rng, p->nnz, 0.1, 1, arena);

    for (size_t row = 0; row < p->nS * p->nA; row++) {
        double sum = 0;

        for (size_t i = elbo_row_begin(p, row); i < elbo_row_end(p, row); i++)
            sum += prob[i] = P->prob[i] > 0 ? prob[i] : 0;
        for (size_t i = elbo_row_begin(p, row); i < elbo_row_end(p, row); i++)
            prob[i] /= sum;
    }
    return (elbo_kernel){.pattern = p, .prob = prob};
}

static double at(const elbo_kernel *P, size_t row, size_t next)
{
    const size_t i = elbo_entry(P->pattern, row, next);

    return i == (size_t)-1 ? 0 : P->prob[i];
}

/* sum d p log(1 / q), over all pairs there are. */
static double by_hand(const elbo_kernel *p, const elbo_kernel *q,
                      const double d[])
{
    const size_t nS = p->pattern->nS, rows = nS * p->pattern->nA;
    double sum = 0;

    for (size_t row = 0; row < rows; row++)
        for (size_t next = 0; next <= nS; next++)
            if (at(p, row, next) > 0)
                sum += d[row] * at(p, row, next) * log(1 / at(q, row, next));
    return sum;
}

START_TEST(every_pair_of_layouts_gives_the_sum_by_hand)
{
    elbo_rng rng = elbo_rng_stream(5, "test", 0);
    const elbo_mdp mdp = random_process(&rng, 9, 3, 4, 0.2, arena);
    const elbo_kernel other = disturbed(&rng, &mdp.P);
    const double *d = shares(&rng, 27);
    const double want = by_hand(&mdp.P, &other, d);
    double nll;

    for (layout k = 0; k < LAYOUTS * LAYOUTS; k++) {
        const elbo_kernel p = in_layout(&mdp.P, k / LAYOUTS, arena);
        const elbo_kernel q = in_layout(&other, k % LAYOUTS, arena);

        case_ok(elbo_heldout_nll(&p, &q, d, &nll));
        ck_assert_double_eq_tol(nll, want, 1e-13);
    }
}
END_TEST

/* Two rows that are known in numbers: a fair coin, and 1/4 against 3/4. */
START_TEST(a_world_costs_its_entropy_and_a_model_its_divergence_more)
{
    const uint32_t next[] = {0, 1, 0, 1};
    const elbo_pattern pattern = {
        .nS = 2, .nA = 1, .width = 2, .next = next, .nnz = 4};
    double p[] = {0.5, 0.5, 0.25, 0.75}, q[] = {0.125, 0.875, 0.5, 0.5};
    const elbo_kernel world = {.pattern = &pattern, .prob = p};
    const elbo_kernel model = {.pattern = &pattern, .prob = q};
    const double d[] = {0.3, 0.7};
    const double entropy =
        0.3 * log(2) + 0.7 * (0.25 * log(4) + 0.75 * log(4. / 3));
    const double divergence = 0.3 * (0.5 * log(4) + 0.5 * log(4. / 7))
                              + 0.7 * (0.25 * log(0.5) + 0.75 * log(1.5));
    double nll;

    case_ok(elbo_heldout_nll(&world, &world, d, &nll));
    ck_assert_double_eq_tol(nll, entropy, 1e-15);
    case_ok(elbo_heldout_nll(&world, &model, d, &nll));
    ck_assert_double_eq_tol(nll, entropy + divergence, 1e-15);
}
END_TEST

/* exp underflows to 0 and the logarithm stands beside it. */
START_TEST(logarithms_are_read_where_they_stand)
{
    const uint32_t next[] = {0, 1, 0, 1};
    const elbo_pattern pattern = {
        .nS = 2, .nA = 1, .width = 2, .next = next, .nnz = 4};
    double p[] = {0.5, 0.5, 1, 0}, q[] = {0, 1, 1, 0};
    const double log_q[] = {-800, 0, 0, -INFINITY};
    const elbo_kernel world = {.pattern = &pattern, .prob = p};
    const elbo_kernel model = {
        .pattern = &pattern, .prob = q, .log_prob = log_q};
    const double d[] = {0.5, 0.5};
    double nll;

    case_ok(elbo_heldout_nll(&world, &model, d, &nll));
    ck_assert_double_eq_tol(nll, 200, 1e-12);
}
END_TEST

START_TEST(the_impossible_is_named_where_anyone_goes)
{
    const uint32_t next[] = {0, 1, 0, 1}, once[] = {0, 0};
    const elbo_pattern pattern = {
        .nS = 2, .nA = 1, .width = 2, .next = next, .nnz = 4};
    const elbo_pattern narrow = {
        .nS = 2, .nA = 1, .width = 1, .next = once, .nnz = 2};
    double p[] = {1, 0, 0.25, 0.75}, q[] = {1, 0, 1, 0}, sure[] = {1, 1};
    const elbo_kernel world = {.pattern = &pattern, .prob = p};
    const elbo_kernel models[] = {{.pattern = &pattern, .prob = q},
                                  {.pattern = &narrow, .prob = sure}};
    const double all[] = {0.5, 0.5}, safe[] = {1, 0};
    double nll;

    for (int k = 0; k < 2; k++) {
        case_fails(elbo_heldout_nll(&world, &models[k], all, &nll),
                   ELBO_ENOTFINITE,
                   "state 1, action 0, next 1: of probability 0.75");
        ck_assert(isinf(nll));
        case_ok(elbo_heldout_nll(&world, &models[k], safe, &nll));
        ck_assert_double_eq(nll, 0);
    }
}
END_TEST

/* ---- the column ---- */

enum { STEPS = 900 }; /* 0.9^900 is 7e-42 */

/* d += share times the visits of pi with a share of random actions: mu moved on
 * step by step. */
static void walk(const elbo_engine *e, const double pi[], size_t stages,
                 double epsilon, double share, double d[])
{
    const elbo_mdp *const mdp = &e->truth;
    const size_t nS = mdp->nS, nA = mdp->nA;
    const size_t steps = mdp->horizon ? mdp->horizon : STEPS;
    double now[8], then[8], left = share;

    memcpy(now, mdp->mu, nS * sizeof *now);
    for (size_t t = 0; t < steps; t++, left *= mdp->gamma) {
        memset(then, 0, sizeof then);
        for (size_t row = 0; row < nS * nA; row++) {
            const double chance =
                now[row / nA]
                * ((1 - epsilon) * pi[t % stages * nS * nA + row]
                   + epsilon / (double)nA);

            d[row] += left * chance;
            for (size_t next = 0; next < nS; next++)
                then[next] += chance * at(&mdp->P, row, next);
        }
        memcpy(now, then, nS * sizeof *now);
    }
}

static void as_collected(const elbo_engine *e, double d[])
{
    const elbo_behaviour *const how = &e->behaviour;

    if (e->set.by_rows) {
        for (size_t row = 0; row < e->truth.nS * e->truth.nA; row++) d[row] = 1;
        return;
    }
    walk(e, how->policy, how->stages, how->epsilon, 1 - how->expert_share, d);
    if (how->expert_share > 0)
        walk(e, how->expert, how->expert_stages, how->epsilon,
             how->expert_share, d);
}

static const case_text runs[] = {
    {.data = "steps=90", .evaluation = "nll=data"},
    {.data = "steps=90 policy=random epsilon=0.3", .evaluation = "nll=data"},
    {.data = "steps=90 policy=optimal expert=0.25 epsilon=0.2 episode_steps=9",
     .evaluation = "nll=data"},
    {.data = "source=population over=rows", .evaluation = "nll=data"},
    {.data = "source=population", .evaluation = "nll=data"},
    {.data = "steps=90", .evaluation = "nll=current"},
    {.data = "steps=90 epsilon=0.4",
     .env_common = "horizon=6 discount=0.9",
     .evaluation = "nll=current"},
    {.data = "steps=90 policy=optimal epsilon=0.1",
     .env_common = "horizon=6 discount=1",
     .evaluation = "nll=data"},
    {.data = "steps=40 mode=online policy=current",
     .evaluation = "nll=data"},
    {.data = "steps=90",
     .model = "softmax",
     .inference = "transition=free(ratio=clip(5),beta=10)",
     .evaluation = "nll=current"},
};

START_TEST(the_column_is_the_loss_of_the_next_real_step)
{
    case_text text = runs[_i];
    double d[24] = {0}, sum = 0;
    elbo_engine *engine;
    case_setup c;
    elbo_row row;

    if (!text.env_common) text.env_common = "discount=0.9";
    case_open_small(&c, &text);
    case_ok(elbo_engine_open(&c.setup, 3, &engine));
    for (int k = 0; k < 3; k++) case_ok(elbo_engine_iterate(engine, &row));
    if (strstr(text.evaluation, "current"))
        walk(engine, engine->post.pi, engine->post.stages, 0, 1, d);
    else
        as_collected(engine, d);
    for (size_t i = 0; i < 21; i++) sum += d[i];
    ck_assert_str_eq(elbo_engine_columns(engine)[11 + row.own.n], "nll");
    ck_assert_ptr_null(elbo_engine_columns(engine)[12 + row.own.n]);
    ck_assert_double_eq_tol(
        row.own.x[row.own.n - 1],
        by_hand(&engine->truth.P, &engine->belief.mean, d) / sum, 1e-11);
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

Suite *suite_heldout(void)
{
    Suite *s = suite_create("heldout");
    TCase *t = tcase_create("sum");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, every_pair_of_layouts_gives_the_sum_by_hand);
    tcase_add_test(t,
                   a_world_costs_its_entropy_and_a_model_its_divergence_more);
    tcase_add_test(t, logarithms_are_read_where_they_stand);
    tcase_add_test(t, the_impossible_is_named_where_anyone_goes);
    suite_add_tcase(s, t);

    t = tcase_create("column");
    tcase_add_loop_test(t, the_column_is_the_loss_of_the_next_real_step, 0,
                        sizeof runs / sizeof *runs);
    suite_add_tcase(s, t);
    return s;
}

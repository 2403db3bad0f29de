/* tests/test_watchdog.c -- the watchdog, and the classic mistakes it is for.
 *
 * A small EM of the public pieces, closed (kappa = 1) with tilt(1.3), in which
 * a mistake can be planted. What must rise is checked after each step, as the
 * engine does.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/watchdog.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

START_TEST(a_rise_and_a_drop_within_rounding_pass)
{
    elbo_watch w = {"E-step", "F_control", -3.5, -3.4, 100, 0};

    case_ok(elbo_watch_check(&w));
    w.after = w.before - 0.99e-8;
    case_ok(elbo_watch_check(&w));
    w.after = w.before - 0.01;
    w.allowance = 0.0101;
    case_ok(elbo_watch_check(&w));
}
END_TEST

START_TEST(a_drop_is_told_with_step_quantity_and_amount)
{
    elbo_watch w = {"E-step", "F_control", -3.5, -3.5 - 1.01e-8, 100, 0};

    case_fails(elbo_watch_check(&w), ELBO_ECHECK, "E-step: F_control fell");
    w.after = -3.75;
    case_fails(elbo_watch_check(&w), ELBO_ECHECK,
               "from -3.5 to -3.75, by 0.25");
    w.allowance = 0.2499;
    case_fails(elbo_watch_check(&w), ELBO_ECHECK, "explain 0.2499");
}
END_TEST

START_TEST(what_is_not_finite_never_passes)
{
    elbo_watch w = {"M-step", "F", -3.5, NAN, 100, 0};

    case_fails(elbo_watch_check(&w), ELBO_ECHECK, "M-step: F is not finite");
    w.after = INFINITY;
    case_fails(elbo_watch_check(&w), ELBO_ECHECK, "not finite");
    w.after = -3, w.before = NAN;
    case_fails(elbo_watch_check(&w), ELBO_ECHECK, "not finite");
    w.before = -3, w.scale = NAN;
    case_fails(elbo_watch_check(&w), ELBO_ECHECK, "the scale of F");
}
END_TEST

/* ---- planted mistakes ---- */

typedef enum mistake {
    NONE,
    NORMALISED_OCCUPANCY, /* expected counts times 1 - gamma */
    MEAN_IN_THE_TILT,     /* E theta where exp(E log theta) belongs */
    STALE_VALUE,          /* pi and q from the V of the round before */
    WRONG_TILT,           /* q tilts down: -beta */
    KL_ADDED              /* F with the KLs' sign turned */
} mistake;

typedef struct loop {
    mistake what;
    elbo_belief belief;
    elbo_problem problem;
    elbo_posterior post;
    const double *C;
    double *rho, *counts, *V; /* scratch */
    elbo_arena *ws;
} loop;

static double bound(loop *l, double *scale)
{
    elbo_parts parts;

    case_ok(elbo_bound_control(&l->problem, &l->post, &parts, l->rho, l->ws));
    parts.likelihood = l->belief.model->expect_log(&l->belief, l->C);
    parts.prior = l->belief.model->log_prior(&l->belief, NULL);
    *scale = elbo_parts_scale(&parts);
    if (l->what == KL_ADDED) {
        parts.policy_kl = -parts.policy_kl;
        parts.transition_kl = -parts.transition_kl;
    }
    return elbo_parts_total(&parts);
}

static void m_step(loop *l)
{
    const size_t nnz = l->belief.mean.pattern->nnz;
    const double gamma = l->problem.mdp.gamma;
    const elbo_mstep step = {.likelihood = &elbo_likelihood_logp,
                             .C = l->C,
                             .kappa = 1,
                             .problem = &l->problem,
                             .post = &l->post};
    elbo_mstep_info info;

    if (l->what != NORMALISED_OCCUPANCY) {
        case_ok(elbo_mstep_run(&step, &l->belief, &info, l->ws));
        return;
    }
    memcpy(l->counts, l->C, nnz * sizeof *l->counts);
    case_ok(elbo_bound_counts(&l->problem, &l->post, l->rho, 1 - gamma,
                              l->counts, l->ws));
    case_ok(l->belief.model->fit(&l->belief, l->counts));
}

static void e_step(loop *l)
{
    elbo_problem problem = l->problem;
    elbo_posterior *post = &l->post;
    elbo_solve_info info;

    if (l->what == STALE_VALUE) {
        elbo_posterior_tilt(&problem, post);
        elbo_backup(&problem, post->pi0, post->V, l->V, post->Q, post->pi);
        memcpy(post->V, l->V, (post->nS + 1) * sizeof *post->V);
        return;
    }
    if (l->what == MEAN_IN_THE_TILT) problem.mdp.P = l->belief.mean;
    if (l->what == WRONG_TILT) problem.tilt.beta = -problem.tilt.beta;
    case_ok(elbo_solve(&problem, post, &info, l->ws));
}

static bool fell(const char *step, double before, double after, double scale)
{
    const elbo_watch watch = {step, "F", before, after, scale, 0};

    return elbo_watch_check(&watch) != ELBO_OK;
}

/* One round of EM; true when the watchdog barked. */
static bool barks(loop *l)
{
    double first, second;
    const double start = bound(l, &first);

    m_step(l);

    const double learnt = bound(l, &second);

    if (fell("M-step", start, learnt, first + second)) return true;
    e_step(l);
    return fell("E-step", learnt, bound(l, &first), first + second);
}

/* `honest` rounds first: near the optimum each mistaken step must lead down. */
static bool barks_in_time(loop *l, mistake what, size_t honest)
{
    for (size_t k = 0; k < honest; k++)
        ck_assert_msg(!barks(l), "%s", elbo_last_error()->text);
    l->what = what;
    for (size_t k = 0; k < 10; k++)
        if (barks(l)) return true;
    return false;
}

static bool caught(mistake what, size_t honest, unsigned world)
{
    case_problem c;

    case_garnet(&c, "states=6 actions=2 branching=3 reward=action", world, 0.9,
                0);

    loop l = {.belief = case_model(&c, "tabular", NULL),
              .ws = elbo_arena_alloc(4096)};
    const size_t nnz = l.belief.mean.pattern->nnz;

    l.problem = case_control(&c, l.belief.geo, "tilt(1.3)", 0.7);
    l.C = case_counts(&c, l.belief.mean.pattern, world, 40);
    case_ok(elbo_posterior_init(&l.post, &l.problem, c.arena));
    elbo_posterior_tilt(&l.problem, &l.post);
    l.rho = elbo_arena_doubles(c.arena, 12);
    l.counts = elbo_arena_doubles(c.arena, nnz);
    l.V = elbo_arena_doubles(c.arena, 7);

    const bool result = barks_in_time(&l, what, honest);

    elbo_arena_free(l.ws);
    case_garnet_close(&c);
    return result;
}

enum { WORLDS = 40 };

/* A stale value is no mistake where nothing moves, so it is planted at once. */
static const struct {
    mistake what;
    size_t honest;
    unsigned least; /* worlds of 40 in which it must be seen */
} planted[] = {
    {NORMALISED_OCCUPANCY, 12, WORLDS},
    {NORMALISED_OCCUPANCY, 0,  1     },
    {MEAN_IN_THE_TILT,     12, WORLDS},
    {MEAN_IN_THE_TILT,     0,  5     },
    {STALE_VALUE,          0,  5     },
    {WRONG_TILT,           12, WORLDS},
    {WRONG_TILT,           0,  30    },
    {KL_ADDED,             0,  30    },
};

START_TEST(without_a_mistake_it_keeps_quiet)
{
    for (unsigned world = 0; world < WORLDS; world++)
        ck_assert_msg(!caught(NONE, 12, world), "world %u: %s", world,
                      elbo_last_error()->text);
}
END_TEST

START_TEST(each_classic_mistake_is_seen)
{
    unsigned seen = 0;

    for (unsigned world = 0; world < WORLDS; world++)
        seen += caught(planted[_i].what, planted[_i].honest, world);
    ck_assert_msg(seen >= planted[_i].least, "seen in %u worlds of %u", seen,
                  WORLDS);
}
END_TEST

Suite *suite_watchdog(void)
{
    Suite *suite = suite_create("watchdog");
    TCase *t = tcase_create("watchdog");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_rise_and_a_drop_within_rounding_pass);
    tcase_add_test(t, a_drop_is_told_with_step_quantity_and_amount);
    tcase_add_test(t, what_is_not_finite_never_passes);
    tcase_add_test(t, without_a_mistake_it_keeps_quiet);
    tcase_add_loop_test(t, each_classic_mistake_is_seen, 0,
                        (int)(sizeof planted / sizeof *planted));
    suite_add_tcase(suite, t);
    return suite;
}

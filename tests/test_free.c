/* tests/test_free.c -- transition: free: q in a class, the environment p behind
 * a log ratio.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/ratio.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

/* Runs an experiment to its end; fails on what the watchdog finds. */
static elbo_engine *run(case_setup *c, const case_text *text, elbo_row *row)
{
    elbo_engine *e;
    const char *section, *key;

    case_open_small(c, text);
    case_ok(elbo_setup_check(&c->setup, 0, &section, &key));
    case_ok(elbo_engine_open(&c->setup, 3, &e));
    do {
        case_ok(elbo_engine_iterate(e, row));
    } while (elbo_engine_verdict(e) == ELBO_RUNNING);
    return e;
}

static void end(case_setup *c, elbo_engine *e)
{
    elbo_engine_free(e);
    case_close(c);
}

/* ---- any row ---- */

static const struct {
    const char *common, *discount, *tilt, *free;
} pairs[] = {
    {"temperature=0.4",         NULL,                   "transition=tilt(0.7)",
     "transition=free(beta=0.7)"        },
    {"temperature=0.4 kl=next", NULL,                   "transition=tilt(0.7)",
     "transition=free(exact,beta=0.7)"  },
    {"temperature=0",           NULL,                   "transition=tilt(1.9,kl=next)",
     "transition=free(beta=1.9,kl=next)"},
    {"temperature=0.4",         "discount=1 horizon=6", "transition=tilt(1)",
     "transition=free"                  },
};

START_TEST(free_rows_are_the_tilt_of_the_world)
{
    const case_text known = {.model = "true",
                             .env_common = pairs[_i].discount,
                             .control_common = pairs[_i].common,
                             .inference = pairs[_i].tilt,
                             .data = "steps=0"};
    const case_text class = {.env_common = pairs[_i].discount,
                             .control_common = pairs[_i].common,
                             .inference = pairs[_i].free};
    case_setup ck, cf;
    elbo_row k, f;
    elbo_engine *known_run = run(&ck, &known, &k);
    elbo_engine *free_run = run(&cf, &class, &f);

    ck_assert_double_eq_tol(f.elbo, k.elbo, 1e-12 * fabs(k.elbo));
    ck_assert_double_eq_tol(f.parts.transition_kl, k.parts.transition_kl,
                            1e-11);
    ck_assert_double_eq_tol(f.return_real, k.return_real, 1e-11);
    /* J in the model is J under q; the known world's own is the real one */
    ck_assert_double_eq_tol(f.return_model, k.parts.reward, 1e-11);
    ck_assert_double_gt(f.return_model, f.return_real);
    ck_assert_double_eq(f.parts.likelihood + f.parts.prior, 0);
    end(&ck, known_run);
    end(&cf, free_run);
}
END_TEST

/* ---- restricted classes ---- */

START_TEST(softmax_rows_come_near_the_tilt_from_below)
{
    const case_text class = {
        .model = "softmax",
        .model_own = "support=world",
        .control_common = "temperature=2",
        .inference = "transition=free(beta=0.7) iterations=60 tolerance=0"};
    const case_text rows = {.control_common = "temperature=2",
                            .inference = "transition=free(beta=0.7)"};
    case_setup cc, cr;
    elbo_row c, r;
    elbo_engine *class_run = run(&cc, &class, &c);
    elbo_engine *rows_run = run(&cr, &rows, &r);

    ck_assert_double_le(c.elbo, r.elbo + 1e-10);
    ck_assert_double_eq_tol(c.elbo, r.elbo, 1e-7);
    ck_assert_double_eq_tol(c.return_model, r.return_model, 1e-3);
    end(&cc, class_run);
    end(&cr, rows_run);
}
END_TEST

/* F_control of a held q, term by term: gamma E_q V less the charge is one fixed
 * point with the bound's parts. */
START_TEST(a_held_model_is_charged_once)
{
    const case_text text = {
        .model = "aliased",
        .model_own = "groups=3",
        .control_common = "temperature=0.4",
        .inference = "transition=free(ratio=clip(3),beta=0.7) iterations=25"};
    case_setup c;
    elbo_row row;
    elbo_engine *e = run(&c, &text, &row);
    const elbo_posterior *post = elbo_engine_posterior(e);
    const elbo_mdp *mdp = elbo_engine_truth(e);
    double F = 0;

    for (size_t s = 0; s < mdp->nS; s++) F += mdp->mu[s] * post->V[s];
    ck_assert_double_eq_tol(F, row.elbo, 1e-8);
    ck_assert_double_gt(row.parts.transition_kl, 0);
    ck_assert(memcmp(post->q, elbo_engine_belief(e)->mean.prob,
                     post->nnz * sizeof *post->q)
              == 0);
    end(&c, e);
}
END_TEST

START_TEST(an_exact_ratio_stops_where_the_model_leaves_the_world)
{
    const case_text text = {.model = "softmax", .inference = "transition=free"};
    case_setup c;
    elbo_engine *e;
    elbo_row row;

    case_open_small(&c, &text);
    case_ok(elbo_engine_open(&c.setup, 1, &e));
    case_fails(elbo_engine_iterate(e, &row), ELBO_ECHECK, "ratio=clip(5)");
    end(&c, e);
}
END_TEST

static const struct {
    case_text text;
    const char *says;
} refused[] = {
    {{.inference = "transition=free feedback=0"},                                "theta is q's"},
    {{.model = "softmax", .inference = "transition=free likelihood=2*logp"},
     "no data teach"                                                                           },
    {{.inference = "transition=free weight=occupancy(real)"},                    "no data term"},
    {{.env_common = "horizon=4",
      .inference = "transition=free(ratio=classifier)"},
     "all stages"                                                                              },
    {{.inference = "transition=free(mode=notebook)"},                            "hard control"},
    {{.control = "value_iteration",
      .model = "softmax",
      .inference = "transition=free(mode=notebook)"},
     "projected"                                                                               },
    {{.inference = "optimality=linear transition=free", .control = "em_policy"},
     "must be model"                                                                           },
};

START_TEST(what_does_not_go_together_is_refused)
{
    const char *section, *key;
    case_setup c;

    case_open_small(&c, &refused[_i].text);
    case_fails(elbo_setup_check(&c.setup, 0, &section, &key), ELBO_ECONFIG,
               refused[_i].says);
    case_close(&c);
}
END_TEST

START_TEST(estimated_ratios_are_no_bound)
{
    static const struct {
        const char *setting, *says;
    } kinds[] = {
        {"transition=free",                   "bound:"     },
        {"transition=free(ratio=clip(5))",    "not a bound"},
        {"transition=free(ratio=classifier)", "not a bound"},
    };

    for (size_t i = 0; i < 3; i++) {
        const case_text text = {.inference = kinds[i].setting};
        case_setup c;

        case_open_small(&c, &text);
        ck_assert_ptr_eq(strstr(elbo_setup_kind(&c.setup), kinds[i].says),
                         elbo_setup_kind(&c.setup));
        case_close(&c);
    }
}
END_TEST

/* ---- ratios ---- */

START_TEST(a_clipped_ratio_is_clipped_in_logs)
{
    case_problem c;

    case_garnet(&c, "states=9 actions=2 branching=4", 5, 0.9, 0);

    const elbo_belief q = case_model(&c, "random", NULL);
    elbo_kernel p;

    case_ok(elbo_kernel_onto(&c.truth.P, q.mean.pattern, c.arena, &p));

    double *out = elbo_arena_doubles(c.arena, p.pattern->nnz);

    elbo_ratio_clip(&p, &q.mean, 0.8, out);
    for (size_t i = 0; i < p.pattern->nnz; i++) {
        const double log_ratio = log(p.prob[i] / q.mean.prob[i]);

        if (!(q.mean.prob[i] > 0)) continue;
        ck_assert_double_eq_tol(log(out[i] / q.mean.prob[i]),
                                fmax(-0.8, fmin(0.8, log_ratio)), 1e-12);
    }
    case_garnet_close(&c);
}
END_TEST

/* Where beta is small, q comes so near to the edge of its simplex that entries
 * underflow; the next q brings some of them back, and is charged for that. */
START_TEST(what_underflows_may_return_at_a_finite_price)
{
    const case_text text = {
        .env_own = "states=20 actions=3 branching=3 instance=6",
        .env_common = "discount=0.9",
        .model = "low_rank",
        .model_own = "rank=3",
        .control_common = "temperature=0.1",
        .inference = "transition=free(ratio=clip(5),beta=0.01) iterations=4 "
                     "m_step_iterations=50"};
    double p[] = {0.25, 0.75, 0}, q[] = {1, 0, 0}, out[3];
    const elbo_pattern pattern = {.nS = 1, .nA = 1, .width = 2, .nnz = 3};
    const elbo_kernel world = {.pattern = &pattern, .prob = p};
    const elbo_kernel model = {.pattern = &pattern, .prob = q};
    elbo_row row;
    case_setup c;

    elbo_ratio_clip(&world, &model, 1, out);
    ck_assert_double_eq_tol(out[0], exp(-1), 1e-15);
    ck_assert(out[1] > 0 && out[1] < 1e-300 && out[2] > 0);
    end(&c, run(&c, &text, &row));
    ck_assert(isfinite(row.parts.transition_kl));
}
END_TEST

/* Data: every outcome of every row as often as the world says, to 1 / 2000. */
static elbo_data census(case_problem *c, size_t each)
{
    const elbo_kernel *P = &c->truth.P;
    const size_t nA = c->truth.nA, rows = c->truth.nS * nA;
    elbo_data data;

    case_ok(elbo_data_init(&data, rows * (each + 8), c->arena));
    for (size_t row = 0; row < rows; row++)
        for (size_t i = elbo_row_begin(P->pattern, row);
             i < elbo_row_end(P->pattern, row); i++) {
            const size_t next = elbo_successor(P->pattern, row, i);
            const size_t n = (size_t)lround(P->prob[i] * (double)each);

            for (size_t k = 0; k < n; k++, data.n++) {
                data.s[data.n] = (uint32_t)(row / nA);
                data.a[data.n] = (uint32_t)(row % nA);
                data.terminal[data.n] = next == c->truth.nS;
                data.next[data.n] = next == c->truth.nS ? 0 : (uint32_t)next;
            }
        }
    return data;
}

START_TEST(the_populations_classifier_is_the_log_ratio)
{
    const elbo_classifier how = {.ridge = 1e-6, .samples = 0};
    case_problem c;

    case_garnet(&c, "states=9 actions=2 branching=4", 5, 0.9, 0);

    const elbo_belief q = case_model(&c, "random", NULL);
    const elbo_data data = census(&c, 2000);
    elbo_rng rng = elbo_rng_stream(1, "logratio", 0);
    double *L = elbo_arena_doubles(c.arena, q.mean.pattern->nnz);
    size_t seen = 0;

    case_ok(elbo_ratio_classify(&how, &data, &q.mean, L, &rng, c.arena));
    for (size_t row = 0; row < 18; row++)
        for (size_t i = elbo_row_begin(c.truth.P.pattern, row);
             i < elbo_row_end(c.truth.P.pattern, row); i++) {
            const double p = c.truth.P.prob[i];
            const size_t j = elbo_entry(
                q.mean.pattern, row, elbo_successor(c.truth.P.pattern, row, i));

            if (c.known[row] || !(p > 0.02) || !(q.mean.prob[j] > 1e-3))
                continue;
            /* counts are whole: 1 / 2000 of a row at most */
            ck_assert_double_eq_tol(L[j], log(p / q.mean.prob[j]),
                                    0.001 / p + 1e-3);
            seen++;
        }
    ck_assert_uint_gt(seen, 40);
    case_garnet_close(&c);
}
END_TEST

/* Its objective, and the slope of that by a central difference: 0. */
static double objective(double n, double m, double ridge, double L)
{
    return -n * log1p(exp(-L)) - m * log1p(exp(L)) - ridge * L * L / 2;
}

START_TEST(the_classifier_maximises_its_own_objective)
{
    const elbo_classifier how = {.ridge = 0.3, .samples = 2};
    case_problem c;

    case_garnet(&c, "states=6 actions=2 branching=3", 2, 0.9, 0);

    const elbo_belief q = case_model(&c, "random", NULL);
    const elbo_data data = census(&c, 12);
    const size_t nnz = q.mean.pattern->nnz;
    elbo_rng rng = elbo_rng_stream(1, "logratio", 0), again = rng;
    double *L = elbo_arena_doubles(c.arena, nnz);
    double *n = elbo_arena_doubles(c.arena, nnz);
    double *m = elbo_arena_doubles(c.arena, nnz);

    case_ok(elbo_ratio_classify(&how, &data, &q.mean, L, &rng, c.arena));
    memset(n, 0, nnz * sizeof *n);
    memset(m, 0, nnz * sizeof *m);
    for (size_t k = 0; k < data.n; k++) {
        const size_t row = data.s[k] * 2 + data.a[k];
        const size_t begin = elbo_row_begin(q.mean.pattern, row);
        const size_t next = data.terminal[k] ? c.truth.nS : data.next[k];

        n[elbo_entry(q.mean.pattern, row, next)] += 1;
        for (size_t j = 0; j < 2; j++)
            m[begin
              + elbo_rng_categorical(&again, q.mean.prob + begin,
                                     elbo_row_end(q.mean.pattern, row)
                                         - begin)] += 0.5;
    }
    for (size_t i = 0; i < nnz; i++) {
        const double h = 1e-4;

        ck_assert_double_eq_tol((objective(n[i], m[i], 0.3, L[i] + h)
                                 - objective(n[i], m[i], 0.3, L[i] - h))
                                    / (2 * h),
                                0, 1e-7);
    }
    case_garnet_close(&c);
}
END_TEST

START_TEST(an_estimated_ratio_of_many_data_gives_the_exact_bound)
{
    const case_text exact = {.control_common = "temperature=0.4",
                             .inference = "transition=free(beta=0.7)"};
    const case_text many = {.control_common = "temperature=0.4",
                            .inference =
                                "iterations=12 transition=free(beta=0.7,"
                                "ratio=classifier(ridge=1e-6,samples=0))",
                            .data = "steps=300000"};
    case_setup ce, cm;
    elbo_row e, m;
    elbo_engine *exact_run = run(&ce, &exact, &e);
    elbo_engine *many_run = run(&cm, &many, &m);

    /* relative errors of counts: about 1 / sqrt(300000 / 21 rows / 3) */
    ck_assert_double_eq_tol(m.elbo, e.elbo, 0.02 * fabs(e.elbo));
    end(&ce, exact_run);
    end(&cm, many_run);
}
END_TEST

START_TEST(the_population_is_told_from_the_model_exactly)
{
    const case_text exact = {.control_common = "temperature=0.4",
                             .inference = "transition=free(beta=0.7)"};
    const case_text all = {.control_common = "temperature=0.4",
                           .inference =
                               "iterations=30 transition=free(beta=0.7,"
                               "ratio=classifier(ridge=1e-9,samples=0))",
                           .data = "source=population over=rows"};
    case_setup ce, ca;
    elbo_row e, a;
    elbo_engine *exact_run = run(&ce, &exact, &e);
    elbo_engine *all_run = run(&ca, &all, &a);

    ck_assert_double_eq_tol(a.elbo, e.elbo, 1e-6 * fabs(e.elbo));
    ck_assert_double_eq_tol(a.return_model, e.return_model, 1e-5);
    end(&ce, exact_run);
    end(&ca, all_run);
}
END_TEST

/* ---- memory ---- */

static const case_text poor[] = {
    {.model = "softmax",
     .control_common = "reward=r-0.1*sqrt(Var(V(y)))",
     .inference = "transition=free(ratio=classifier)"             },
    {.model = "aliased",
     .model_own = "groups=3",
     .control = "value_iteration",
     .inference = "transition=free(ratio=clip(5),mode=notebook)"},
    {.env_common = "discount=0.9 horizon=4",
     .control_common = "return_weight=exp(logratio(classifier,2))"        },
    {.model = "softmax",
     .model_own = "support=world",
     .inference = "feedback=-1 data_scale=budget(0.1) m_step_iterations=5"},
};

START_TEST(each_allocation_fails_once_and_nothing_leaks)
{
    case_setup c;
    elbo_status s = ELBO_ENOMEM;
    long n = 0;

    case_open_small(&c, &poor[_i]);
    for (; s == ELBO_ENOMEM; n++) {
        elbo_engine *engine;
        elbo_row row;

        elbo_alloc_budget(n);
        s = elbo_engine_open(&c.setup, 4, &engine);
        if (s == ELBO_OK) s = elbo_engine_iterate(engine, &row);
        elbo_alloc_budget(-1);
        elbo_engine_free(engine);
    }
    case_ok(s);
    ck_assert_int_ge(n, 4);
    case_close(&c);
}
END_TEST

/* ---- projection ---- */

START_TEST(the_aliased_projection_is_the_mean_displacement_of_a_block)
{
    case_problem c;

    case_garnet(&c, "states=12 actions=2 branching=3", 5, 0.9, 0);

    elbo_belief q = case_model(&c, "aliased", "groups=3");
    elbo_kernel p;

    case_ok(elbo_kernel_onto(&c.truth.P, q.mean.pattern, c.arena, &p));

    double *member = elbo_arena_doubles(c.arena, p.pattern->nnz);

    memcpy(member, p.prob, p.pattern->nnz * sizeof *member);
    q.model->project(&q, member);
    for (size_t row = 0; row < 24; row++)
        for (size_t k = 0; k < 13; k++) {
            const size_t first = row / 2 / 4 * 4;
            double mean = 0;

            for (size_t s = first; s < first + 4; s++)
                mean += p.prob[(s * 2 + row % 2) * 13 + k] / 4;
            ck_assert_double_eq_tol(member[row * 13 + k], mean, 1e-14);
        }
    case_garnet_close(&c);
}
END_TEST

Suite *suite_free(void)
{
    Suite *s = suite_create("free");
    TCase *t = tcase_create("class");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, free_rows_are_the_tilt_of_the_world, 0, 4);
    tcase_add_test(t, softmax_rows_come_near_the_tilt_from_below);
    tcase_add_test(t, a_held_model_is_charged_once);
    tcase_add_test(t, an_exact_ratio_stops_where_the_model_leaves_the_world);
    tcase_add_loop_test(t, what_does_not_go_together_is_refused, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_test(t, estimated_ratios_are_no_bound);
    tcase_add_test(t,
                   the_aliased_projection_is_the_mean_displacement_of_a_block);
    tcase_add_loop_test(t, each_allocation_fails_once_and_nothing_leaks, 0,
                        sizeof poor / sizeof *poor);
    suite_add_tcase(s, t);
    t = tcase_create("ratio");
    tcase_add_test(t, a_clipped_ratio_is_clipped_in_logs);
    tcase_add_test(t, what_underflows_may_return_at_a_finite_price);
    tcase_add_test(t, the_populations_classifier_is_the_log_ratio);
    tcase_add_test(t, the_classifier_maximises_its_own_objective);
    tcase_add_test(t, an_estimated_ratio_of_many_data_gives_the_exact_bound);
    tcase_add_test(t, the_population_is_told_from_the_model_exactly);
    suite_add_tcase(s, t);
    return s;
}

/* tests/test_stages.c -- objectives in worlds with a horizon: each sample at its
 * own stage, by loops over the data and by a backward induction of the test's own.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/engine_state.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

enum { NS = 7, NA = 3, ROWS = NS * NA, T = 4 };

static void open_engine(case_engine *x, case_text text)
{
    if (!text.model) text.model = "softmax";
    if (!text.model_own) text.model_own = "init_scale=0.7";
    if (!text.env_common) text.env_common = "discount=0.9 horizon=4";
    if (!text.control_common) text.control_common = "temperature=0.4";
    if (!text.data) text.data = "steps=60";
    case_engine_open(x, &text);
}

/* V, Q, log pi of the soft plan in a kernel, backwards. */
typedef struct induction {
    double V[T + 1][NS + 1], Q[T][ROWS], logpi[T][ROWS], rho[T][ROWS];
    double J;
} induction;

static double mean_of(const elbo_kernel *P, size_t row, const double V[])
{
    double m = 0;

    for (size_t k = elbo_row_begin(P->pattern, row);
         k < elbo_row_end(P->pattern, row); k++)
        m += P->prob[k] * V[elbo_successor(P->pattern, row, k)];
    return m;
}

/* Visits and return of the plan's policy in the kernel, from the data's start. */
static void visit(const elbo_engine *e, const elbo_kernel *P, induction *x)
{
    const elbo_mdp *const world = &e->seen_truth;
    double d[T + 1][NS + 1] = {{0}};

    memcpy(d[0], world->mu, NS * sizeof(double));
    x->J = 0;
    for (size_t t = 0; t < T; t++)
        for (size_t row = 0; row < ROWS; row++) {
            const double rho = d[t][row / NA] * exp(x->logpi[t][row]);

            x->rho[t][row] = rho;
            x->J += rho * world->r[row];
            for (size_t k = elbo_row_begin(P->pattern, row);
                 k < elbo_row_end(P->pattern, row); k++)
                d[t + 1][elbo_successor(P->pattern, row, k)] +=
                    world->gamma * rho * P->prob[k];
        }
}

static void induce(const elbo_engine *e, const elbo_kernel *P, induction *x)
{
    const double alpha = 0.4;

    memset(x, 0, sizeof *x);
    for (size_t t = T; t-- > 0;)
        for (size_t s = 0; s < NS; s++) {
            double sum = 0;

            for (size_t row = s * NA; row < (s + 1) * NA; row++) {
                x->Q[t][row] = e->truth.r[row]
                               + e->truth.gamma * mean_of(P, row, x->V[t + 1]);
                sum += exp(x->Q[t][row] / alpha) / NA;
            }
            x->V[t][s] = alpha * log(sum);
            for (size_t row = s * NA; row < (s + 1) * NA; row++)
                x->logpi[t][row] = (x->Q[t][row] - x->V[t][s]) / alpha - log(NA);
        }
    visit(e, P, x);
}

/* One sample, as an objective sees it. */
typedef struct sample {
    const elbo_engine *e;
    const induction *x;
    size_t i, t, row, next;
} sample;

static double steps_of(const induction *x)
{
    double sum = 0;

    for (size_t t = 0; t < T; t++)
        for (size_t row = 0; row < ROWS; row++) sum += x->rho[t][row];
    return sum;
}

/* The mean of r + gamma V(next) over samples of the same (s, a) and stage. */
static double target_of(const sample *z)
{
    const elbo_data *const d = &z->e->data;
    double sum = 0, n = 0;

    for (size_t k = 0; k < d->n; k++) {
        const size_t next = d->terminal[k] ? NS : d->next[k];

        if (d->s[k] * NA + d->a[k] != z->row || d->step[k] % T != z->t)
            continue;
        sum += d->r[k] + 0.9 * z->x->V[z->t + 1][next];
        n += 1;
    }
    return sum / n;
}

static double itervaml(const sample *z)
{
    const double *const V = z->x->V[z->t + 1];
    const double d = mean_of(&z->e->belief.mean, z->row, V) - V[z->next];

    return -0.5 * d * d;
}

static double imitation(const sample *z)
{
    return z->x->logpi[z->t][z->row];
}

static double omd(const sample *z)
{
    const double d = z->x->Q[z->t][z->row] - target_of(z);

    return -0.5 * d * d;
}

static double visits(const sample *z)
{
    return z->x->rho[z->t][z->row] / steps_of(z->x)
               * (z->x->V[z->t][z->row / NA] - 2)
           + 0.1 * z->x->J;
}

/* Q at the next state, with the same action; 0 where no stage follows. */
static double next_plan(const sample *z)
{
    if (z->t + 1 == T || z->next == NS) return 0;
    return z->x->Q[z->t + 1][z->next * NA + z->row % NA];
}

static const struct {
    const char *inference;
    double (*of)(const sample *z);
} terms[] = {
    {"likelihood=-0.5*sq(E(V(y))-V(next))",                             itervaml },
    {"likelihood=logpi gradient=implicit",                              imitation},
    {"likelihood=-0.5*sq(Q(s,a)-Ed(r+gamma*V(next))) gradient=implicit", omd     },
    {"likelihood=occupancy*(V(s)-2)+0.1*Jmodel gradient=implicit",      visits   },
    {"likelihood=Q(next,a) gradient=implicit",                          next_plan},
};
enum { TERMS = sizeof terms / sizeof *terms };

static double brute_force(const elbo_engine *e, double (*of)(const sample *z),
                          bool each_mass)
{
    static induction x;
    double sum = 0;

    induce(e, &e->belief.mean, &x);
    for (size_t i = 0; i < e->data.n; i++) {
        const elbo_data *const d = &e->data;
        const sample z = {e,
                          &x,
                          i,
                          d->step[i] % T,
                          d->s[i] * NA + d->a[i],
                          d->terminal[i] ? NS : d->next[i]};

        sum += (each_mass ? d->mass[i] : 1) * of(&z);
    }
    return sum;
}

START_TEST(each_sample_is_read_at_its_own_stage)
{
    elbo_row row;
    case_engine x;

    open_engine(&x, (case_text){.inference = terms[_i].inference});
    x.engine->set.ascent.iterations = 4;
    for (int k = 0; k < 2; k++) {
        case_ok(elbo_engine_iterate(x.engine, &row));

        const double want = brute_force(x.engine, terms[_i].of, false);

        ck_assert_double_gt(fabs(want), 1e-3);
        ck_assert_double_eq_tol(row.parts.likelihood, want,
                                1e-11 * (1 + fabs(want)));
        if (x.engine->outer) ck_assert(x.engine->outer->potential);
    }
    case_engine_close(&x);
}
END_TEST

/* The M-step's own objective, planned again by the test at other thetas. */
START_TEST(the_gradient_is_that_of_plans_made_again)
{
    elbo_row row;
    case_engine x;
    double value, scale = 0;

    open_engine(&x, (case_text){.inference = terms[_i].inference});

    elbo_engine *const e = x.engine;
    elbo_belief *const b = &e->belief;
    double *const grad = elbo_arena_doubles(e->arena, b->n);

    e->set.ascent.iterations = 1;
    case_ok(elbo_engine_iterate(e, &row));

    const elbo_mstep step = elbo_engine_mstep(e);

    case_ok(elbo_mstep_objective(&step, b, &value, grad, e->ws));
    for (size_t j = 0; j < b->n; j++) scale = fmax(scale, fabs(grad[j]));
    ck_assert_double_gt(scale, 1e-4);
    for (size_t j = 0; j < b->n; j += 7) {
        const double at = b->theta[j], h = 1e-3;
        double f[4];

        for (int k = 0; k < 4; k++) {
            b->theta[j] = at + h * (double[]){-2, -1, 1, 2}[k];
            b->model->update(b);
            f[k] = brute_force(e, terms[_i].of, false);
            if (b->model->log_prior) f[k] += b->model->log_prior(b, NULL);
        }
        b->theta[j] = at;
        b->model->update(b);
        ck_assert_double_eq_tol(
            grad[j], (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h),
            1e-6 * scale);
    }
    case_engine_close(&x);
}
END_TEST

/* A weight is a number of its sample's stage; a stage's own policy collects. */
START_TEST(weights_are_of_their_stages)
{
    elbo_row row;
    case_engine x;

    open_engine(&x, (case_text){.inference = "weight=exp(logpi)+sq(V(next))",
                                .data = "mode=online policy=current steps=40"});
    case_ok(elbo_engine_iterate(x.engine, &row));

    static induction plan;
    const elbo_data *const d = &x.engine->data;

    induce(x.engine, &x.engine->belief.mean, &plan);
    case_ok(elbo_engine_iterate(x.engine, &row));
    ck_assert_uint_eq(d->n, 80);
    for (size_t i = 0; i < 80; i++) {
        const size_t t = d->step[i] % T;
        const double V = plan.V[t + 1][d->terminal[i] ? NS : d->next[i]];

        ck_assert_double_eq_tol(
            d->w[i], exp(plan.logpi[t][d->s[i] * NA + d->a[i]]) + V * V, 1e-11);
    }
    case_engine_close(&x);
}
END_TEST

/* The mass of each stage is the share of visits at it. */
START_TEST(a_population_has_stages)
{
    static const char *const texts[] = {"source=population steps=50",
                                        "source=population over=rows steps=50"};
    elbo_row row;
    case_engine x;
    double mass[T] = {0}, want[T] = {1, 0.9, 0.81, 0.729}, all = 3.439;

    open_engine(&x, (case_text){.inference = terms[0].inference,
                                .data = texts[_i]});
    case_ok(elbo_engine_iterate(x.engine, &row));
    for (size_t i = 0; i < x.engine->data.n; i++)
        mass[x.engine->data.step[i]] += x.engine->data.mass[i];
    for (size_t t = 0; t < T; t++)
        ck_assert_double_eq_tol(mass[t], 50 * (_i ? 0.25 : want[t] / all),
                                1e-11);

    const double sum = brute_force(x.engine, terms[0].of, true);

    ck_assert_double_eq_tol(row.parts.likelihood, sum, 1e-10 * fabs(sum));
    case_engine_close(&x);
}
END_TEST

/* V as it was when a sample was met, of the stage that followed it. */
START_TEST(values_of_the_past_have_stages)
{
    static induction past[3];
    elbo_row row;
    case_engine x;
    double sum = 0;

    memset(past, 0, sizeof past);
    open_engine(&x,
                (case_text){
                    .inference = "likelihood=-0.5*sq(E(V_then(y))-V_then(next))"
                                 "+V_target(s) iterations=3 m_step_iterations=3",
                    .control_common = "temperature=0.4 target_rate=1",
                    .data = "mode=online policy=current steps=20"});
    for (size_t k = 0; k < 3; k++) {
        case_ok(elbo_engine_iterate(x.engine, &row));
        if (k < 2) induce(x.engine, &x.engine->belief.mean, &past[k + 1]);
    }

    const elbo_engine *const e = x.engine;
    static induction now;

    induce(e, &e->belief.mean, &now);
    for (size_t i = 0; i < e->data.n; i++) {
        const size_t t = e->data.step[i] % T;
        const double *const V = past[e->data.epoch[i]].V[t + 1];
        const size_t at = e->data.s[i] * NA + e->data.a[i];
        const double d = mean_of(&e->belief.mean, at, V)
                         - V[e->data.terminal[i] ? NS : e->data.next[i]];

        sum += now.V[t][e->data.s[i]] - 0.5 * d * d;
    }
    ck_assert_double_eq_tol(row.parts.likelihood, sum, 1e-10 * fabs(sum));
    case_engine_close(&x);
}
END_TEST

/* Rollouts of T steps: their mean is the exact derivative, to what 40000 leave. */
START_TEST(score_stops_at_the_horizon)
{
    static const char *const routes[] = {
        "likelihood=fixed_pi(Jmodel) gradient=implicit",
        "likelihood=fixed_pi(Jmodel) gradient=score(40000)"};
    double *grad[2], value, away = 0, size = 0;
    case_engine x[2];

    for (int k = 0; k < 2; k++) {
        elbo_row row;

        open_engine(&x[k], (case_text){.inference = routes[k], .data = "steps=1"});
        x[k].engine->set.ascent.iterations = 0;
        case_ok(elbo_engine_iterate(x[k].engine, &row));

        const elbo_mstep step = elbo_engine_mstep(x[k].engine);

        grad[k] = elbo_arena_doubles(x[k].engine->arena, x[k].engine->belief.n);
        case_ok(elbo_mstep_objective(&step, &x[k].engine->belief, &value, grad[k],
                                     x[k].engine->ws));
    }
    for (size_t j = 0; j < x[0].engine->belief.n; j++) {
        away += (grad[1][j] - grad[0][j]) * (grad[1][j] - grad[0][j]);
        size += grad[0][j] * grad[0][j];
    }
    ck_assert_double_lt(sqrt(away / size), 0.05);
    ck_assert_double_gt(sqrt(away / size), 1e-6);
    case_engine_close(&x[0]);
    case_engine_close(&x[1]);
}
END_TEST

Suite *suite_stages(void)
{
    Suite *const s = suite_create("stages");
    TCase *const t = tcase_create("stages");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, each_sample_is_read_at_its_own_stage, 0, TERMS);
    tcase_add_loop_test(t, the_gradient_is_that_of_plans_made_again, 1, TERMS);
    tcase_add_test(t, weights_are_of_their_stages);
    tcase_add_loop_test(t, a_population_has_stages, 0, 2);
    tcase_add_test(t, values_of_the_past_have_stages);
    tcase_add_test(t, score_stops_at_the_horizon);
    suite_add_tcase(s, t);
    return s;
}

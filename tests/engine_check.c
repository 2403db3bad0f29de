/* tests/engine_check.c -- objectives against differences, by their own checker.
 */
#include <math.h>
#include <string.h>

#include "inference/engine_state.h"
#include "inference/evaluate.h"
#include "inference/gradient/kinds.h"
#include "tests/engine_cases.h"
#include "tests/engine_parts.h"

typedef struct check_case {
    case_text text;
    const char *skipped; /* part of it, or NULL */
    bool approximate;
} check_case;

/* clang-format off */
static const check_case cases[] = {
    {{.model = "softmax", .data = "steps=40",
      .inference = "likelihood=logp-0.1*sq(E(V(y))-V(next))"}, NULL, false},
    {{.model = "softmax", .data = "steps=40",
      .inference = "likelihood=stop(exp(E(V(y))))*logp-sq(E(V(y))-V(next))"},
     NULL, false},
    {{.model = "softmax", .data = "steps=40", .inference = "feedback=1"},
     NULL, false},
    {{.model = "low_rank", .model_own = "rank=2 reward=learned",
      .data = "steps=40", .control_common = "temperature=0.5 tolerance=1e-13",
      .inference = "likelihood=logp-sq(r-rhat)-0.5*sq(Q(s,a)-(r+gamma*"
                   "Ed(V(next)))) gradient=implicit"}, NULL, false},
    {{.model = "softmax", .data = "steps=40",
      .control_common = "temperature=0.5 tolerance=1e-13",
      .inference = "likelihood=-0.5*sq(Q(s,a)-stop(r+gamma*V(next))) "
                   "gradient=implicit"}, NULL, false},
    {{.model = "softmax", .data = "steps=40",
      .control_common = "temperature=0.5 tolerance=1e-13",
      .inference = "likelihood=logpi+usq(E(V(y),2)-V(next)) gradient=unroll(5)"},
     NULL, false},
    {{.model = "softmax", .data = "steps=40",
      .control_common = "temperature=0.5 tolerance=1e-13",
      .inference = "likelihood=logpi gradient=implicit(identity)"}, NULL, true},
    {{.model = "softmax", .data = "steps=40",
      .control_common = "temperature=0.5 tolerance=1e-13",
      .inference = "likelihood=logp+fixed_pi(Jmodel) gradient=implicit"},
     NULL, false},
    {{.model = "softmax", .data = "steps=40",
      .control_common = "temperature=0.5 tolerance=1e-13",
      .inference = "likelihood=fixed_pi(logpi*V(s)+Q(next,a)*J)-occupancy*"
                   "fixed_pi(occupancy*E(V(y)))+logpi gradient=implicit "
                   "transition=tilt(1.2)"}, NULL, false},
    {{.model = "low_rank", .model_own = "rank=2", .data = "steps=40",
      .control_common = "temperature=0.3 tolerance=1e-13",
      .inference = "likelihood=fixed_pi(Jmodel*V(next)+A(s,a))-stop(V(s))*"
                   "logp gradient=unroll(4)"}, NULL, false},
    {{.model = "softmax", .data = "steps=40",
      .env_common = "discount=0.9 horizon=5",
      .inference = "likelihood=fixed_pi(logpi*V(s)+Jmodel*J)+occupancy*"
                   "fixed_pi(occupancy*E(V(y)))+logpi gradient=implicit "
                   "transition=tilt(1.2)"}, NULL, false},
    {{.model = "softmax", .data = "steps=40",
      .control_common = "temperature=0.5 tolerance=1e-13 "
                        "reward=r-0.2*sqrt(0.01+Var(V(y)))",
      .inference = "likelihood=fixed_pi(logpi*V(s)+Jmodel)+logpi "
                   "gradient=implicit"}, NULL, false},
    {{.model = "softmax", .data = "steps=40",
      .control_common = "temperature=0.5 tolerance=1e-13",
      .inference = "likelihood=J gradient=search(differences)"},
     "search", false},
    {{.model = "softmax", .model_own = "support=world init_scale=0.7",
      .data = "steps=0", .control_common = "temperature=0.5 tolerance=1e-13",
      .inference = "transition=free(beta=0.7)"}, NULL, false},
    {{.model = "low_rank", .model_own = "rank=2", .data = "steps=0",
      .control_common = "temperature=0.5 tolerance=1e-13",
      .inference = "transition=free(ratio=clip(2))"}, NULL, false},
    {{.model = "softmax", .data = "steps=200",
      .control_common = "temperature=0.5 tolerance=1e-13",
      .inference = "transition=free(ratio=classifier,kl=next)"}, NULL, false},
    {{.model = "tabular", .data = "steps=0",
      .inference = "transition=free"}, "no part", false},
    {{.model = "tabular", .data = "steps=40"}, "closed", false},
    {{.model = "true", .data = "steps=40"}, "no parameters", false},
};
/* clang-format on */
enum { CASES = sizeof cases / sizeof *cases };

START_TEST(an_experiment_checks_its_own_gradient)
{
    const check_case *x = &cases[_i];
    elbo_derivative_check found;
    elbo_engine *engine;
    case_setup c;

    case_open_small(&c, &x->text);
    case_ok(elbo_engine_open(&c.setup, 3, &engine));
    case_ok(elbo_engine_check_gradient(engine, &found));
    if (x->skipped) {
        ck_assert_ptr_nonnull(found.skipped);
        ck_assert_ptr_nonnull(strstr(found.skipped, x->skipped));
    } else {
        ck_assert_ptr_null(found.skipped);
        ck_assert_int_eq(found.approximate, x->approximate);
        ck_assert_uint_eq(found.n, ELBO_DERIVATIVE_CHECKS);
        ck_assert(found.got != 0 || found.want != 0);
        if (!x->approximate)
            ck_assert_double_le(found.relative, 1e-6);
        else /* and the check can tell */
            ck_assert_double_gt(found.relative, 1e-3);
    }
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

/* ---- mistakes that it must find ---- */

/* Jmodel under fixed_pi as if its policy moved: glogpi += rho Q_g. */
static elbo_status forget_to_hold(const elbo_pull *x, elbo_arena *ws)
{
    const elbo_mdp *const mdp = &x->plan->problem->mdp;
    const elbo_chain chain = elbo_plan_chain(x->plan, mdp, x->plan->model);
    const size_t rows = mdp->nS * mdp->nA;
    double *const rho = elbo_arena_doubles(ws, rows);
    double *const V = elbo_arena_doubles(ws, mdp->nS + 1);
    double *const Q = elbo_arena_doubles(ws, rows);
    const elbo_tilt mean = {.gamma = mdp->gamma};

    case_ok(elbo_evaluate(&chain, mdp->r, V, ws));
    case_ok(elbo_occupancy(&chain, rho, ws));
    elbo_transition_model.expect(&mean, x->plan->model, V, 0, rows, Q);
    for (size_t row = 0; row < rows; row++) {
        const double g = x->slopes->Jmodel_held * rho[row]
                         * (Q[row] + mdp->r[row]) / x->plan->problem->alpha;

        x->gQ[row] += g;
        x->gV[row / mdp->nA] -= g;
    }
    return elbo_gradient_implicit.pull(x, ws);
}

/* A tenth too much for the second half of theta. */
static void pull_too_far(const elbo_belief *belief, const double G[],
                         double grad[])
{
    elbo_model_find(belief->model->name)->pullback(belief, G, grad);
    for (size_t j = belief->n / 2; j < belief->n; j++) grad[j] *= 1.1;
}

static elbo_derivative_check check_with(const case_text *text, bool mistaken)
{
    elbo_gradient route = elbo_gradient_implicit;
    elbo_derivative_check found;
    elbo_engine *engine;
    elbo_model model;
    case_setup c;

    route.pull = forget_to_hold;
    case_open_small(&c, text);
    case_ok(elbo_engine_open(&c.setup, 3, &engine));
    model = *engine->belief.model;
    model.pullback = pull_too_far;
    if (mistaken && engine->outer) engine->outer->route.kind = &route;
    if (mistaken && !engine->outer) engine->belief.model = &model;
    case_ok(elbo_engine_check_gradient(engine, &found));
    ck_assert_ptr_null(found.skipped);
    elbo_engine_free(engine);
    case_close(&c);
    return found;
}

START_TEST(a_planted_mistake_is_found)
{
    static const case_text texts[] = {
        {.model = "softmax",
         .data = "steps=40",
         .control_common = "temperature=0.5 tolerance=1e-13",
         .inference = "likelihood=0.01*logp+fixed_pi(Jmodel) "
                      "gradient=implicit"},
        {.model = "softmax",
         .model_own = "support=world init_scale=0.7",
         .data = "steps=0",
         .control_common = "temperature=0.5 tolerance=1e-13",
         .inference = "transition=free(beta=0.7)"},
    };

    ck_assert_double_le(check_with(&texts[_i], false).relative, 1e-6);
    ck_assert_double_gt(check_with(&texts[_i], true).relative,
                        elbo_derivative_tolerance);
}
END_TEST

TCase *engine_check(void)
{
    TCase *t = tcase_create("check");

    tcase_add_loop_test(t, an_experiment_checks_its_own_gradient, 0, CASES);
    tcase_add_loop_test(t, a_planted_mistake_is_found, 0, 2);
    return t;
}

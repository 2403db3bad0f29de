/* tests/engine_check.c -- objectives against differences, by their own checker.
 */
#include <math.h>
#include <string.h>

#include "inference/engine_state.h"
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
     "fixed_pi", false},
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

TCase *engine_check(void)
{
    TCase *t = tcase_create("check");

    tcase_add_loop_test(t, an_experiment_checks_its_own_gradient, 0, CASES);
    return t;
}

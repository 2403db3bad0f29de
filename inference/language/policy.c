/* inference/language/policy.c -- the mean over the policy's actions.
 *
 *   Epi(f)(s) = sum_a pi(a|s) f(s, a)
 */
#include <assert.h>
#include <float.h>

#include "inference/language/meaning.h"
#include "inference/language/quantity.h"

elbo_quantity elbo_policy_mean(elbo_compiler *c, const elbo_expr *e)
{
    const elbo_layout *const layout = &c->program->layout;

    elbo_quantity_untiled(c);

    const elbo_quantity f = elbo_compile_quantity(c, e->arg[0]);

    if (c->status == ELBO_OK) c->column = e->column;
    if (f.at == ELBO_AT_ALL) return f;
    assert(!(f.at & ELBO_AT_STATE)); /* Epi hides y */
    if (f.at != ELBO_AT_ROW)
        return elbo_refuse(c, e,
                           "its mean is of a function of (s, a): Ed(...) makes "
                           "one of what depends on r or next");

    const elbo_quantity pi = elbo_lookup_policy(c, ELBO_AT_ROW);
    const elbo_quantity sum =
        elbo_quantity_runs(c, elbo_quantity_binary(c, ELBO_MUL, pi, f),
                           ELBO_AT_START, layout->states);
    const elbo_quantity seen =
        elbo_quantity_runs(c, pi, ELBO_AT_START, layout->states);
    const elbo_quantity mean = elbo_quantity_binary(
        c, ELBO_DIV, sum,
        elbo_quantity_binary(c, ELBO_MAX, seen, elbo_quantity_number(DBL_MIN)));

    return elbo_quantity_rows(c, mean, ELBO_AT_ROW, layout->of_row);
}

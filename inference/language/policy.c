/* inference/language/policy.c -- means over the policy.
 *
 *   roll(k, f)(s, a) = sum_y p(y|s,a) f_{k-1}(y)
 *   f_j(s) = sum_a pi(a|s) sum_y p(y|s,a) f_{j-1}(y)       f_0 = f
 *   Epi(f)(s) = sum_a pi(a|s) f(s, a)
 *
 * END stays where it is: f_j(END) = f(END).
 */
#include <assert.h>
#include <float.h>

#include "inference/language/meaning.h"
#include "inference/language/quantity.h"

/* 1 at END, 0 at states. */
static elbo_quantity end_mark(elbo_compiler *c)
{
    const size_t nS = c->program->batch.nS;
    double *mark;

    if (c->absorbed.made) return c->absorbed;
    mark = elbo_arena_take(c->program->arena, nS + 1, sizeof *mark);
    if (!mark) {
        if (c->status == ELBO_OK)
            c->status = ELBO_FAIL(ELBO_ENOMEM, "a mark of %zu states", nS);
        return elbo_quantity_number(0);
    }
    mark[nS] = 1;
    c->absorbed = elbo_quantity_constant(c, ELBO_AT_STATE, 1, mark);
    return c->absorbed;
}

/* Runs of the rows of each state; END's is empty. */
static size_t *state_runs(elbo_compiler *c)
{
    const elbo_batch *const batch = &c->program->batch;
    size_t *const start = elbo_arena_sizes(c->program->arena, batch->nS + 2);

    if (!start) {
        if (c->status == ELBO_OK)
            c->status = ELBO_FAIL(ELBO_ENOMEM, "runs of %zu states", batch->nS);
        return NULL;
    }
    for (size_t s = 0; s <= batch->nS; s++) start[s] = s * batch->nA;
    start[batch->nS + 1] = batch->nS * batch->nA;
    return start;
}

/* f_{j+1} from f_j, a function of states. */
static elbo_quantity step(elbo_compiler *c, elbo_quantity f, elbo_quantity pi,
                          const size_t states[])
{
    const elbo_batch *const batch = &c->program->batch;
    const elbo_quantity next =
        elbo_quantity_rows(c, f, ELBO_AT_MODEL_ENTRY, batch->successor);
    const elbo_quantity rows = elbo_quantity_runs(
        c, elbo_quantity_binary(c, ELBO_MUL, elbo_model_everywhere(c), next),
        ELBO_AT_MODEL_ROW, batch->start);
    const elbo_quantity mean = elbo_quantity_runs(
        c, elbo_quantity_binary(c, ELBO_MUL, rows, pi), ELBO_AT_STATE, states);

    return elbo_quantity_binary(
        c, ELBO_ADD, mean, elbo_quantity_binary(c, ELBO_MUL, f, end_mark(c)));
}

elbo_quantity elbo_policy_roll(elbo_compiler *c, const elbo_expr *e)
{
    const size_t steps = (size_t)e->arg[0]->number;
    elbo_quantity f = elbo_compile_quantity(c, e->arg[1]);

    if (c->status == ELBO_OK) c->column = e->column;
    if (!(f.at & ELBO_AT_STATE)) return f;
    if (steps > 1 && c->program->batch.stages)
        return elbo_refuse(c, e, "with a horizon each step has a policy of its "
                                 "own, which it does not follow");
    if (f.at != ELBO_AT_STATE && !c->program->batch.stages)
        return elbo_refuse(c, e, "what it follows is a function of y alone");
    if (steps > 1) {
        const elbo_quantity pi = elbo_lookup_policy(c, ELBO_AT_MODEL_ROW);
        const size_t *const states = state_runs(c);

        for (size_t j = 1; j < steps && c->status == ELBO_OK; j++)
            f = step(c, f, pi, states);
    }
    return elbo_model_mean(c, f);
}

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

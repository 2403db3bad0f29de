/* inference/language/expectation.c -- log p, E and Var over the model's y.
 *
 *   E f = sum_i p[i] f(y_i)        Var f = E (f - E f)^2
 *
 * A mean of what does not depend on y is itself.
 */
#include "inference/language/meaning.h"
#include "inference/language/quantity.h"

elbo_quantity elbo_model_logp(elbo_compiler *c)
{
    if (!c->logp.made) {
        const elbo_quantity p = elbo_quantity_intake(
            c, ELBO_P_SAMPLES, elbo_quantity_number(0), ELBO_AT_SAMPLE);

        c->logp = elbo_quantity_unary(c, ELBO_LOG, p);
    }
    return c->logp;
}

/* For a mean of what theta moves too. */
elbo_quantity elbo_model_kernel(elbo_compiler *c)
{
    if (!c->kernel.made)
        c->kernel = elbo_quantity_intake(
            c, ELBO_P_ENTRIES, elbo_quantity_number(0), ELBO_AT_ENTRY);
    return c->kernel;
}

elbo_quantity elbo_model_everywhere(elbo_compiler *c)
{
    if (!c->everywhere.made)
        c->everywhere = elbo_quantity_intake(
            c, ELBO_P_MODEL, elbo_quantity_number(0), ELBO_AT_MODEL_ENTRY);
    return c->everywhere;
}

elbo_quantity elbo_model_reward(elbo_compiler *c)
{
    if (!c->rhat.made)
        c->rhat = elbo_quantity_intake(c, ELBO_RHAT_ROWS,
                                       elbo_quantity_number(0), ELBO_AT_ROW);
    return c->rhat;
}

elbo_quantity elbo_model_rewards(elbo_compiler *c)
{
    if (!c->rewards.made)
        c->rewards = elbo_quantity_intake(
            c, ELBO_RHAT_MODEL, elbo_quantity_number(0), ELBO_AT_MODEL_ROW);
    return c->rewards;
}

elbo_quantity elbo_model_mean(elbo_compiler *c, elbo_quantity f)
{
    const elbo_domain to = (f.at | ELBO_AT_ROW) & ~(elbo_domain)ELBO_AT_STATE;

    if (!(f.at & ELBO_AT_STATE)) return f;
    if (f.live)
        return elbo_quantity_sum(
            c, elbo_quantity_binary(c, ELBO_MUL, f, elbo_model_kernel(c)), to);
    if (f.at == ELBO_AT_STATE)
        return elbo_quantity_intake(c, ELBO_E_STATES, f, to);
    return elbo_quantity_intake(
        c, f.at == ELBO_AT_ENTRY ? ELBO_E_ENTRIES : ELBO_E_PAIRS, f, to);
}

elbo_quantity elbo_model_variance(elbo_compiler *c, elbo_quantity f)
{
    if (!(f.at & ELBO_AT_STATE)) return elbo_quantity_number(0);

    const elbo_quantity mean = elbo_model_mean(c, f);
    const elbo_quantity off = elbo_quantity_binary(c, ELBO_SUB, f, mean);

    return elbo_model_mean(c, elbo_quantity_unary(c, ELBO_SQ, off));
}

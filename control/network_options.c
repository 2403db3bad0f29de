#include "control/network_options.h"

#include <string.h>

elbo_status elbo_network_hidden(const elbo_values *values, elbo_mlp *out)
{
    static const char *const names[] = {"relu", "leaky_relu", "tanh", "silu"};
    static const elbo_activation of[] = {ELBO_ACT_RELU, ELBO_ACT_LEAKY_RELU,
                                         ELBO_ACT_TANH, ELBO_ACT_SILU};
    elbo_activation f = ELBO_ACT_RELU;

    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (elbo_choice_is(values, "activation", names[i])) f = of[i];
    return elbo_mlp_shape(out, 1, (size_t)elbo_int(values, "layers"),
                          (size_t)elbo_int(values, "width"), 1, f);
}

elbo_adam_config elbo_network_adam(const elbo_values *values, const char *rate)
{
    elbo_adam_config config = elbo_adam_defaults;
    const double own = elbo_real(values, rate);

    config.rate = own > 0 ? own : elbo_real(values, "rate");
    config.clip = elbo_real(values, "clip");
    return config;
}

#include "control/network_options.h"

elbo_status elbo_network_hidden(const elbo_values *values, elbo_mlp *out)
{
    return elbo_mlp_shape(out, 1, (size_t)elbo_int(values, "layers"),
                          (size_t)elbo_int(values, "width"), 1,
                          elbo_activation_named(elbo_text(values, "activation")));
}

elbo_adam_config elbo_network_adam(const elbo_values *values, const char *rate)
{
    elbo_adam_config config = elbo_adam_defaults;
    const double own = elbo_real(values, rate);

    config.rate = own > 0 ? own : elbo_real(values, "rate");
    config.clip = elbo_real(values, "clip");
    return config;
}

elbo_critic_config elbo_network_critic(const elbo_values *values,
                                       const char *rate)
{
    const elbo_adam_config adam = elbo_network_adam(values, rate);

    return (elbo_critic_config){
        .count = 1,
        .hidden = (size_t)elbo_int(values, "layers"),
        .width = (size_t)elbo_int(values, "width"),
        .activation = elbo_activation_named(elbo_text(values, "activation")),
        .batch = (size_t)elbo_int(values, "batch"),
        .rate = adam.rate,
        .clip = adam.clip,
    };
}

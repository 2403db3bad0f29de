/* control/network_options.h -- options that controls with networks share. */
#ifndef ELBO_NETWORK_OPTIONS_H
#define ELBO_NETWORK_OPTIONS_H

#include "inference/core/options.h"
#include "inference/networks/adam.h"
#include "inference/networks/critic.h"
#include "inference/networks/mlp.h"

/* Entries of a control's table: the shape of its networks, `least_` hidden layers ... */
#define ELBO_NETWORK_SHAPE(least_, layers_, width_, activation_)               \
    {.name = "layers",                                                         \
     .type = ELBO_INT,                                                         \
     .unit = "",                                                               \
     .low = (least_),                                                          \
     .high = ELBO_MLP_LAYERS - 1,                                              \
     .fallback = (layers_),                                                    \
     .doc = "hidden layers of each network"},                                  \
        {.name = "width",                                                      \
         .type = ELBO_INT,                                                     \
         .unit = "",                                                           \
         .low = 1,                                                             \
         .high = 4096,                                                         \
         .fallback = (width_),                                                 \
         .doc = "units of a hidden layer"},                                    \
    {                                                                          \
        .name = "activation", .type = ELBO_CHOICE, .unit = "",                 \
        .choices = ELBO_ACTIVATIONS, .fallback = (activation_),                \
        .doc = "of the hidden layers"                                          \
    }

/* ... and how they learn; the doc of `rate` says which. */
#define ELBO_NETWORK_LEARNING(batch_, rate_, rate_doc_)                        \
    {.name = "batch",                                                          \
     .type = ELBO_INT,                                                         \
     .unit = "transitions",                                                    \
     .low = 1,                                                                 \
     .high = 65536,                                                            \
     .fallback = (batch_),                                                     \
     .doc = "that an update learns from"},                                     \
        {.name = "rate",                                                       \
         .type = ELBO_REAL,                                                    \
         .unit = "",                                                           \
         .low = 0,                                                             \
         .high = 1,                                                            \
         .fallback = (rate_),                                                  \
         .doc = (rate_doc_)},                                                  \
    {                                                                          \
        .name = "clip", .type = ELBO_REAL, .unit = "", .low = 1e-12,           \
        .high = INFINITY, .fallback = "inf",                                   \
        .doc = "longest gradient of a network that is not shortened"           \
    }

/* Both, of an actor and its critics. */
#define ELBO_NETWORK_OPTIONS                                                   \
    ELBO_NETWORK_SHAPE(1, "2", "256", "relu"),                                 \
        ELBO_NETWORK_LEARNING("256", "0.0003",                                 \
                              "Adam's step for every network"),                \
    {                                                                          \
        .name = "critic_rate", .type = ELBO_REAL, .unit = "", .low = 0,        \
        .high = 1, .fallback = "0",                                            \
        .doc = "Adam's step for the critics; 0: rate"                          \
    }

/* The hidden layers: a network of one input and one output. ELBO_EINVAL. */
elbo_status elbo_network_hidden(const elbo_values *values, elbo_mlp *out);
/* Adam at `rate`, or at the option of this name where that is not 0. */
elbo_adam_config elbo_network_adam(const elbo_values *values, const char *rate);
/* One critic of that shape that learns so; what it reads is left to the caller. */
elbo_critic_config elbo_network_critic(const elbo_values *values,
                                       const char *rate);

#endif

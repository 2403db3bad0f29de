/* control/network_options.h -- options that controls with networks share. */
#ifndef ELBO_NETWORK_OPTIONS_H
#define ELBO_NETWORK_OPTIONS_H

#include "inference/core/options.h"
#include "inference/networks/adam.h"
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

/* ... and with it how they learn, of an actor and its critics. */
#define ELBO_NETWORK_OPTIONS                                                   \
    ELBO_NETWORK_SHAPE(1, "2", "256", "relu"),                                 \
        {.name = "batch",                                                      \
         .type = ELBO_INT,                                                     \
         .unit = "transitions",                                                \
         .low = 1,                                                             \
         .high = 65536,                                                        \
         .fallback = "256",                                                    \
         .doc = "that an update learns from"},                                 \
        {.name = "rate",                                                       \
         .type = ELBO_REAL,                                                    \
         .unit = "",                                                           \
         .low = 0,                                                             \
         .high = 1,                                                            \
         .fallback = "0.0003",                                                 \
         .doc = "Adam's step for every network"},                              \
        {.name = "critic_rate",                                                \
         .type = ELBO_REAL,                                                    \
         .unit = "",                                                           \
         .low = 0,                                                             \
         .high = 1,                                                            \
         .fallback = "0",                                                      \
         .doc = "... for the critics; 0: rate"},                               \
    {                                                                          \
        .name = "clip", .type = ELBO_REAL, .unit = "", .low = 1e-12,           \
        .high = INFINITY, .fallback = "inf",                                   \
        .doc = "longest gradient of a network that is not shortened"           \
    }

/* The hidden layers: a network of one input and one output. ELBO_EINVAL. */
elbo_status elbo_network_hidden(const elbo_values *values, elbo_mlp *out);
/* Adam at `rate`, or at the option of this name where that is not 0. */
elbo_adam_config elbo_network_adam(const elbo_values *values, const char *rate);

#endif

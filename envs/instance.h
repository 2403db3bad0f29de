/* envs/instance.h -- which of the worlds that can be drawn. */
#ifndef ELBO_INSTANCE_H
#define ELBO_INSTANCE_H

#include "inference/core/options.h"

/* An entry of the table of options of a world that is drawn. */
#define ELBO_INSTANCE_OPTION                                                   \
    {                                                                          \
        .name = "instance", .type = ELBO_INT, .unit = "", .low = -1,           \
        .high = 9007199254740992., .fallback = "0",                            \
        .doc = "which world is drawn, whatever the seed of the run; -1: that " \
               "of the seed's number, so that seeds are worlds"                \
    }

/* The index of its stream of numbers. */
uint64_t elbo_instance(const elbo_values *values, uint64_t seed);

#endif

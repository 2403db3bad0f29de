#include "envs/instance.h"

uint64_t elbo_instance(const elbo_values *values, uint64_t seed)
{
    const int64_t given = elbo_int(values, "instance");

    return given < 0 ? seed : (uint64_t)given;
}

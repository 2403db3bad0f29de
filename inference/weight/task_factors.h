/* inference/weight/task_factors.h -- the factors of control tasks; each is one
 * file.
 */
#ifndef ELBO_WEIGHT_TASK_FACTORS_H
#define ELBO_WEIGHT_TASK_FACTORS_H

#include "inference/task_factor.h"
#include "inference/weight/logistic.h"

extern const elbo_task_factor elbo_task_occupancy, elbo_task_logratio,
    elbo_task_distance;

/* Of every classifier; and what they say. */
#define ELBO_CLASSIFIER_OPTIONS                                                \
    {.name = "clip",                                                           \
     .type = ELBO_REAL,                                                        \
     .unit = "nats",                                                           \
     .low = 0,                                                                 \
     .high = 80,                                                               \
     .fallback = "5",                                                          \
     .doc = "the log ratio stays between -clip and clip"},                     \
        {.name = "steps",                                                      \
         .type = ELBO_INT,                                                     \
         .unit = "",                                                           \
         .low = 1,                                                             \
         .high = 1e9,                                                          \
         .fallback = "200",                                                    \
         .doc = "of the classifier's optimiser, an iteration"},                \
    {                                                                          \
        .name = "width", .type = ELBO_INT, .unit = "", .low = 1, .high = 4096, \
        .fallback = "32", .doc = "of its hidden layer"                         \
    }

elbo_logistic_config elbo_classifier_config(const elbo_values *options);

/* (o, u) of a row; and (o, u, next). */
static inline size_t elbo_pair_size(const elbo_replay *data)
{
    return data->no + data->nu;
}
void elbo_put_pair(const elbo_replay *data, size_t slot, float out[]);

/* The slot of the row that was pushed k before the last one, k < n. */
static inline size_t elbo_slot_back(const elbo_replay *data, size_t k)
{
    return (size_t)((data->pushed - 1 - k) % data->capacity);
}

#endif

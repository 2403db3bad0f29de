/* inference/weight/task_logratio.h -- log p / q of the world and the model, by
 * two classifiers; a weight's factor, and what transition: free charges.
 */
#ifndef ELBO_WEIGHT_TASK_LOGRATIO_H
#define ELBO_WEIGHT_TASK_LOGRATIO_H

#include "inference/task_factor.h"
#include "inference/weight/logistic.h"

typedef struct elbo_task_ratio {
    elbo_logistic triple, pair; /* of (o, u, next), of (o, u) */
    double clip;
    size_t steps; /* of both, an update */
} elbo_task_ratio;

elbo_status elbo_task_ratio_open(elbo_task_ratio *f,
                                 const elbo_logistic_config *config,
                                 double clip, size_t steps,
                                 const elbo_task_view *view, elbo_arena *arena);
/* Steps on the view's data against the model as it stands. */
elbo_status elbo_task_ratio_learn(elbo_task_ratio *f,
                                  const elbo_task_view *view, elbo_arena *ws);
/* log p / q [n], clipped, at rows x [n x (no + nu + no)] of (o, u, next). */
elbo_status elbo_task_ratio_at(const elbo_task_ratio *f, size_t n,
                               const float x[], double out[], elbo_arena *ws);
void elbo_task_ratio_save(const elbo_task_ratio *f, elbo_writer *out);
elbo_status elbo_task_ratio_load(elbo_task_ratio *f, elbo_reader *in);

#endif

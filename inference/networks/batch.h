/* inference/networks/batch.h -- rows for one improvement: some of them real,
 * the rest of a model's making.
 */
#ifndef ELBO_BATCH_H
#define ELBO_BATCH_H

#include "inference/networks/replay.h"

/* n rows side by side, copies. */
typedef struct elbo_batch {
    size_t n, no, nu;
    size_t real;                  /* the first ones are of the data */
    uint32_t *slot;               /* [n] in the replay each came from */
    float *o, *u, *reward, *next; /* [n x no], [n x nu], [n], [n x no] */
    double *weight;               /* [n] */
    uint8_t *end;                 /* [n] */
} elbo_batch;

/* Where rows come from; borrowed. */
typedef struct elbo_batch_source {
    const elbo_replay *data, *rollouts; /* rollouts may be NULL */
    const double *weight; /* [rollouts->capacity]; of data rows, and NULL: 1 */
    double real;          /* the share of data, in [0, 1] */
} elbo_batch_source;

/* Memory from the arena: elbo_arena_ok tells. */
void elbo_batch_init(elbo_batch *batch, size_t n, size_t no, size_t nu,
                     elbo_arena *arena);
/* round(real n) rows uniformly from the data, the others from the rollouts; all
 * from the one where the other holds none. ELBO_EDATA when neither holds a row.
 */
elbo_status elbo_batch_draw(elbo_batch *batch, const elbo_batch_source *source,
                            elbo_rng *rng);

#endif

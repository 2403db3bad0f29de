/* inference/data.h -- the data D: real transitions, in the order they came.
 *
 * x = (s, a, r, s', terminal). Capacity is fixed when the run is opened; weights
 * stand beside the samples and are never shuffled apart from them. |D| is the
 * sum of their masses.
 */
#ifndef ELBO_DATA_H
#define ELBO_DATA_H

#include "inference/core/checkpoint.h"
#include "inference/env.h"

typedef struct elbo_data {
    size_t n, capacity;
    uint32_t *s, *a, *next; /* [capacity] */
    double *r;              /* [capacity] */
    uint8_t *terminal;      /* [capacity] */
    double *w;              /* [capacity] weights, 1 until a weight slot acts */
    double *mass;           /* [capacity] samples that it stands for: 1, unless D is
                               a distribution (data.source: population) */
    double *chance;         /* [capacity] of its action under who collected it; 0:
                               not known */
    uint32_t *epoch;        /* [capacity] round of collection, from 0 */
    uint32_t *step;         /* [capacity] steps of its episode before it */
    bool by_start;          /* episodes weigh those of the same start alone */
} elbo_data;

elbo_status elbo_data_init(elbo_data *data, size_t capacity, elbo_arena *arena);

/* Where the collector stands: one unfinished episode and its stream. */
typedef struct elbo_collector {
    elbo_rng rng;
    uint32_t state;
    uint64_t step;   /* steps taken in this episode */
    bool running;    /* false: the next step starts an episode */
    uint64_t episodes; /* started in total */
    uint64_t steps;  /* real steps in total */
} elbo_collector;

void elbo_collector_init(elbo_collector *collector, uint64_t seed);

/* How D is collected. */
typedef struct elbo_behaviour {
    const double *policy; /* [stages x nS x nA] */
    size_t stages;        /* the episode step t uses block t mod stages */
    /* A second policy, whose share of the episodes is as even as whole episodes
     * allow; NULL: none. Blocks as above. */
    const double *expert;
    size_t expert_stages;
    double expert_share; /* in [0, 1] */
    double epsilon;       /* share of uniformly random actions, in [0, 1] */
    size_t episode_steps; /* an episode is cut after so many; 0: never */
} elbo_behaviour;

/* Append n transitions; ELBO_ESIZE when they do not fit (nothing appended). */
elbo_status elbo_collect(elbo_data *data, elbo_collector *collector,
                         const elbo_world *world, const elbo_behaviour *how,
                         size_t n, elbo_arena *ws);

/* Read transitions from CSV: header state,action,reward,next_state,terminated
 * in any order. known [nS x nA], or NULL, marks the rows that end the episode
 * for sure: their samples must say so. ELBO_EDATA with path:line:col,
 * ELBO_ENOINPUT. The arrays are sized to the file, plus `extra`. */
elbo_status elbo_data_read(elbo_data *data, const char *path,
                           const elbo_world *world, const uint8_t known[],
                           size_t extra, elbo_arena *arena);

/* |D|. */
double elbo_data_size(const elbo_data *data);

/* C[entry] = scale * sum of mass w over the samples with that (s, a, s'), [nnz], on
 * the pattern of a model, where scale = lambda / |D|. ELBO_EDATA names the sample
 * whose successor is outside the pattern. */
elbo_status elbo_data_counts(const elbo_data *data, const elbo_pattern *pattern,
                             double scale, double C[]);

/* (sum m w)^2 / sum m w^2, m the mass; 0 for no data. */
double elbo_data_ess(const elbo_data *data);

/* The same two where all weights are one number and D only grows: what is summed
 * stays summed, to the same bits, so that a round costs its own samples and not
 * all so far. Begins as {.C = zeros [nnz]}; n = 0 forgets. */
typedef struct elbo_tally {
    size_t n;    /* samples in it */
    double mass; /* of them */
    double *C;   /* [nnz] sums of m w */
} elbo_tally;

/* Adds the samples from tally->n on. ELBO_EDATA as elbo_data_counts: C is then
 * between two rounds, forget. */
elbo_status elbo_tally_add(elbo_tally *tally, const elbo_data *data,
                           const elbo_pattern *pattern);
/* (sum m w)^2 / sum m w^2 at that one number. */
double elbo_tally_ess(const elbo_tally *tally, double weight);

void elbo_data_save(const elbo_data *data, const elbo_collector *collector,
                    elbo_writer *out);
elbo_status elbo_data_load(elbo_data *data, elbo_collector *collector,
                           elbo_reader *in);

#endif

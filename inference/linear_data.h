/* inference/linear_data.h -- the data D of linear-Gaussian worlds: real
 * transitions x = (x, u, y), in the order they came.
 *
 * Capacity is fixed when the run is opened; weights stand beside the samples.
 * |D| is their number, or the mass of the moments where D is a distribution.
 */
#ifndef ELBO_LINEAR_DATA_H
#define ELBO_LINEAR_DATA_H

#include "inference/linear.h"

typedef struct elbo_linear_data {
    size_t n, capacity, nx, nu;
    double *x, *u, *y; /* [capacity x nx], [capacity x nu], [capacity x nx] */
    double *w;         /* [capacity] weights, 1 until a weight slot acts */
    uint32_t *step;    /* [capacity] steps of its episode before it */
} elbo_linear_data;

elbo_status elbo_linear_data_init(elbo_linear_data *data, size_t nx, size_t nu,
                                  size_t capacity, elbo_arena *arena);

/* Where the collector stands: one unfinished episode and its stream. */
typedef struct elbo_linear_collector {
    elbo_rng rng;
    double *x;         /* [nx] */
    uint64_t step;     /* steps taken in this episode */
    bool running;      /* false: the next step starts an episode */
    bool by_expert;    /* who acts in this episode */
    uint64_t episodes; /* started in total */
} elbo_linear_collector;

elbo_status elbo_linear_collector_init(elbo_linear_collector *collector,
                                       size_t nx, uint64_t seed,
                                       elbo_arena *arena);

/* u ~ N(K x + k, S) of the step's stage, plus N(0, noise^2 I) in a share epsilon
 * of the steps. An episode that is cut does not end: its last successor counts. */
typedef struct elbo_linear_behaviour {
    const elbo_linear_policy *policy; /* [stages]; NULL: u = 0 */
    size_t stages;                    /* step t uses entry t mod stages */
    double epsilon, noise;
    size_t episode_steps; /* an episode is cut after so many; 0: never */
    const elbo_linear_policy *expert; /* [stages] acts in a share of the episodes, */
    double share;                     /* ... without more noise; 0: never */
    double limit;         /* ... and where a state's modulus is beyond it */
} elbo_linear_behaviour;

/* Append n transitions. ELBO_ESIZE when they do not fit (nothing appended). */
elbo_status elbo_linear_collect(elbo_linear_data *data,
                                elbo_linear_collector *collector,
                                const elbo_linear_world *world,
                                const elbo_linear_behaviour *how, size_t n,
                                elbo_arena *ws);

/* Read transitions from CSV: header x1,..,xnx,u1,..,unu,y1,..,ynx in any order
 * (y: the next state). ELBO_EDATA with path:line:col, ELBO_ENOINPUT; ELBO_ESIZE
 * for more than ELBO_CSV_COLUMNS columns. Sized to the file. */
elbo_status elbo_linear_data_read(elbo_linear_data *data, const char *path,
                                  size_t nx, size_t nu, elbo_arena *arena);

/* S [stages] = scale times the weighted moments of ((x, u, 1), y), each sample at
 * its step mod stages; S is initialised. */
elbo_status elbo_linear_data_moments(const elbo_linear_data *data, double scale,
                                     size_t stages, elbo_moments S[],
                                     elbo_arena *ws);

/* (sum w)^2 / sum w^2; 0 for no data. */
double elbo_linear_data_ess(const elbo_linear_data *data);

/* Into, and from, the current section. ELBO_EDATA when it does not fit. */
void elbo_linear_data_save(const elbo_linear_data *data,
                           const elbo_linear_collector *collector,
                           elbo_writer *out);
elbo_status elbo_linear_data_load(elbo_linear_data *data,
                                  elbo_linear_collector *collector,
                                  elbo_reader *in);

#endif

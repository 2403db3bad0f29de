/* inference/observed_state.h -- the family of observed worlds from within: for
 * observed_*.c alone.
 */
#ifndef ELBO_OBSERVED_STATE_H
#define ELBO_OBSERVED_STATE_H

#include "inference/engine_state.h"
#include "inference/observed.h"
#include "inference/observed_draw.h"

typedef struct elbo_observed {
    elbo_observed_world world;
    elbo_observed_context context;
    elbo_observed_belief belief;
    elbo_observed_data data;
    elbo_observed_behaviour behaviour;
    elbo_rng rng;     /* of what is drawn */
    size_t horizon;   /* 0: none */
    double held;      /* the share that is held out */
    bool held_steps;  /* of each sequence, not of their number */
    bool started;     /* theta has its first value */
    bool inferred;    /* q is that of theta and D */
    elbo_observed_evidence evidence;
    elbo_observed_evidence before; /* the data part of F before the M-step */
    bool learnt;      /* `before` is set */
    size_t first;     /* sequences that theta was started on */
    /* Of a control that plans. */
    const elbo_observed_control *control;
    const elbo_values *control_own;
    elbo_observed_controller controller;
    elbo_observed_system truth, model; /* padded, to be judged in */
    bool planned;
} elbo_observed;

/* observed_rules.c: which settings go together, and what they are. */
elbo_status elbo_observed_check(const elbo_setup *setup, size_t skip,
                                const char **section, const char **key);
const char *elbo_observed_kind(const elbo_setup *setup);
const char *elbo_observed_named(const elbo_setup *setup);

/* observed_plan.c: what a control that plans does; each does nothing where it does
 * not. */
elbo_status elbo_observed_open_control(elbo_engine *engine, const elbo_setup *setup);
elbo_status elbo_observed_plan(elbo_engine *engine);
/* The E-step of pi, watched where it is promised. */
elbo_status elbo_observed_control_step(elbo_engine *engine);
elbo_status elbo_observed_returns(elbo_engine *engine, elbo_row *row);

/* observed_open.c */
elbo_status elbo_observed_open_parts(elbo_engine *engine, const elbo_setup *setup,
                                     uint64_t seed, const char **section);
/* Theta's first value, from the sequences that came first. */
elbo_status elbo_observed_start(elbo_engine *engine);
elbo_status elbo_observed_gather(elbo_engine *engine, elbo_row *row);
/* log p per step of what is held out, given what teaches before it. */
elbo_status elbo_observed_predictive(elbo_engine *engine, double *value);
elbo_extent elbo_observed_extent(const elbo_engine *engine);

/* The scale of rounding in a sum of so many log densities. */
double elbo_observed_scale(const elbo_observed *o);

#endif

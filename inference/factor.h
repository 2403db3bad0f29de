/* inference/factor.h -- auxiliary factors: what expressions name beside theta and
 * the planner.
 *
 * Density ratios, log ratios, policy distances, an adversary's choice: each has
 * its own objective and direction, is brought up to date once an iteration,
 * before the M-step, and stands still in the M- and E-steps. In the language a
 * factor is a name, or a call whose arguments are names and numbers:
 * "ratio(real, aggregate)". Theta never moves it.
 */
#ifndef ELBO_FACTOR_H
#define ELBO_FACTOR_H

#include "inference/data.h"
#include "inference/language/expression.h"
#include "inference/mstep.h"

typedef struct elbo_factor elbo_factor;

/* The M-step, for a factor that learns through its optimum. All borrowed. */
typedef struct elbo_upper {
    /* As it was last run, with the data and the plan of then; NULL: not yet. */
    const elbo_mstep *step;
    elbo_belief *belief; /* may be moved, and is put back */
    elbo_controller *controller;
    const elbo_mdp *truth;       /* both start where data do */
    const elbo_problem *problem;
} elbo_upper;

/* What a factor may look at; all borrowed and const to it. */
typedef struct elbo_factor_view {
    const elbo_world *world;
    const elbo_mdp *truth;       /* only factors that say `real` may read it */
    const elbo_belief *belief;   /* the model as it stands */
    const elbo_problem *problem;
    const elbo_posterior *post;  /* (pi, q) of the last E-step */
    const elbo_data *data;
    const uint8_t *known;        /* [nS x nA] rows that end for sure */
    size_t epochs;               /* rounds of collection at most, from 1 */
    uint64_t seed, iteration;    /* iterations done: at 0 no E-step has been */
    elbo_upper upper;
} elbo_factor_view;

struct elbo_factor {
    const char *name, *source, *doc;
    elbo_factor_shape shape;
    const elbo_option *options; /* arguments, positional; NULL: none */
    /* Whether these options read the true world: an oracle (manifest.json says
     * so). NULL: never. */
    bool (*oracle)(const elbo_values *options);
    /* Its state, in the arena; *self may stay NULL. */
    elbo_status (*open)(const elbo_values *options, const elbo_factor_view *view,
                        elbo_arena *arena, void **self);
    /* values [by its shape] from the view. On entry they are the last ones, 0 at
     * first. There may be no data. */
    elbo_status (*update)(void *self, const elbo_values *options,
                          const elbo_factor_view *view, double values[],
                          elbo_arena *ws);
    /* It is about the model: also brought up to date after the M-step, where
     * control reads it. It has no state, and gives equal values at equal theta. */
    bool follows;
    /* It learns through the M-step's optimum, of a likelihood that reads it. */
    bool learns;
    void (*close)(void *self); /* what the arena does not hold; NULL: nothing */
    /* State beyond `values`; NULL: none. */
    void (*save)(const void *self, elbo_writer *out);
    elbo_status (*load)(void *self, elbo_reader *in);
};

/* inference/weight/registry.c; ends in NULL. */
extern const elbo_factor *const elbo_factors[];
const elbo_factor *elbo_factor_find(const char *name); /* NULL: unknown */
/* Their names, for elbo_scope; ends in {0}. */
extern const elbo_factor_name elbo_factor_words[];

/* The arguments of a call as the factor's options, in the arena. ELBO_EINVAL
 * with *column in the expression's text and the nearest right name, or NULL. */
elbo_status elbo_factor_arguments(const elbo_factor_call *call,
                                  elbo_arena *arena, elbo_values *out,
                                  size_t *column, const char **nearest);
/* The same for all factors of a checked expression, for its check. */
elbo_status elbo_factors_check(const elbo_expr *expr, elbo_arena *arena,
                               size_t *column, const char **nearest);

/* The factors of one run: each is open once, whichever expressions name it. */
typedef struct elbo_factor_set elbo_factor_set;

elbo_status elbo_factors_open(elbo_arena *arena, elbo_factor_set **out);
void elbo_factors_close(elbo_factor_set *set); /* NULL ok; before the arena's end */
/* Opens those of a checked expression that are not open. *values: where their
 * values are, one an element of elbo_expr_factors, in its order; they stay. */
elbo_status elbo_factors_join(elbo_factor_set *set, const elbo_expr *expr,
                              const elbo_factor_view *view,
                              const double *const **values);
/* Brings all of them up to date. ELBO_ENOTFINITE names a factor whose values are
 * not finite. */
elbo_status elbo_factors_update(elbo_factor_set *set,
                                const elbo_factor_view *view, elbo_arena *ws);
/* ... those that follow theta, after the M-step. */
elbo_status elbo_factors_follow(elbo_factor_set *set,
                                const elbo_factor_view *view, elbo_arena *ws);
/* Into, and from, the current section. ELBO_EDATA when it does not fit. */
void elbo_factors_save(const elbo_factor_set *set, elbo_writer *out);
elbo_status elbo_factors_load(elbo_factor_set *set, elbo_reader *in);

#endif

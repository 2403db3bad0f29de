/* inference/language/layout.h -- the places at which an objective has values.
 *
 * A value is one number (or vector) at each place of the smallest domain it
 * depends on, so that E(V(y)) is summed once a row and not once a transition.
 * Transitions are sorted by row: those of a row, and the entries of a row, are
 * runs. With a horizon a row is an (s, a) of one stage; they are sorted by state,
 * then by stage.
 */
#ifndef ELBO_LAYOUT_H
#define ELBO_LAYOUT_H

#include "inference/language/program.h"

/* A set: two values meet at the union of their domains. A sample has a row. */
typedef enum elbo_domain {
    ELBO_AT_ALL = 0,    /* one value */
    ELBO_AT_ROW = 1,    /* each (s, a) of the batch */
    ELBO_AT_SAMPLE = 3, /* each transition */
    ELBO_AT_STATE = 4,  /* each state y, END too; of no row in particular */
    ELBO_AT_ENTRY = 5,  /* each entry of each row of the batch: (s, a), y */
    ELBO_AT_PAIR = 7,   /* each entry of each transition's row: x, y */
    /* These meet no other. */
    ELBO_AT_MODEL_ROW = 8,    /* each (s, a) of the model */
    ELBO_AT_MODEL_ENTRY = 16, /* each entry of the model */
    ELBO_AT_START = 32,       /* each state of the batch's rows */
    ELBO_AT_STAGE = 64        /* each state of each stage, END too */
} elbo_domain;

enum { ELBO_DOMAINS = 65 };

typedef struct elbo_layout {
    const elbo_batch *batch;
    size_t rows;            /* that occur in the batch */
    const uint32_t *row;    /* [rows] their numbers in the pattern, ascending
                               but for stages */
    const uint32_t *stage;  /* [rows] of a horizon; NULL: none */
    const size_t *apart;    /* [aparts + 1] runs of rows, which share entries with
                               no others; NULL: each row does */
    size_t aparts;
    const size_t *samples;  /* [rows + 1] runs of transitions */
    const uint32_t *alike;  /* [rows] rows from this one on with as many
                               transitions; NULL: most differ from the next */
    const size_t *entries;  /* [rows + 1] runs of entries */
    size_t width;           /* entries of every row of the pattern; 0: they
                               differ */
    const uint32_t *order;  /* [n] the batch's numbers of the transitions */
    const size_t *pairs;    /* [n + 1] runs of (transition, entry) */
    const size_t *states;   /* [starts + 1] runs of rows of one state */
    const uint32_t *of_row; /* [rows] a row's run in `states` */
    size_t size[ELBO_DOMAINS];
} elbo_layout;

/* All memory from `arena`. ELBO_ENOMEM. */
elbo_status elbo_layout_init(elbo_layout *layout, const elbo_batch *batch,
                             elbo_arena *arena);

/* One place; what its domain has not is unset. */
typedef struct elbo_place {
    size_t row;    /* < layout->rows */
    size_t sample; /* in the layout's order */
    size_t entry;  /* in the batch's pattern */
    size_t state;  /* y */
} elbo_place;

/* index[i] = of(place i of the domain), [size[at]]. */
typedef uint32_t elbo_place_index(const elbo_layout *layout,
                                  const elbo_place *place);
void elbo_layout_index(const elbo_layout *layout, elbo_domain at,
                       elbo_place_index *of, uint32_t index[]);

/* What stands at a place, as an index of another domain or of a table. */
elbo_place_index elbo_place_row, elbo_place_sample, elbo_place_entry,
    elbo_place_state;
elbo_place_index elbo_place_s, elbo_place_next; /* [nS + 1], as place_state */
elbo_place_index elbo_place_pattern;            /* [nnz] the entry, y's */
elbo_place_index elbo_place_taken; /* [nnz] the entry of the transition */
elbo_place_index elbo_place_epoch; /* [epochs] */
elbo_place_index elbo_place_sa; /* [nS x nA] */
/* The same in tables with a block a stage: values [values x (nS + 1)], of each
 * epoch, and plans [plans x nS x nA] with nA zeros behind them. */
elbo_place_index elbo_place_value_s, elbo_place_value_next, elbo_place_value_y;
elbo_place_index elbo_place_then_s, elbo_place_then_next, elbo_place_then_y;
elbo_place_index elbo_place_plan_s, elbo_place_plan_next, elbo_place_plan_y;

/* The first transition, in the batch's order, to which place i belongs. */
size_t elbo_layout_sample(const elbo_layout *layout, elbo_domain at, size_t i);

#endif

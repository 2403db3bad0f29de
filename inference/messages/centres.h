/* inference/messages/centres.h -- rows of sequences and a centre for each: where
 * mixtures start.
 *
 * Centres are rows, each drawn far from those before it (k-means++; Arthur &
 * Vassilvitskii 2007); a row goes to the nearest, of equals the first.
 */
#ifndef ELBO_CENTRES_H
#define ELBO_CENTRES_H

#include "inference/messages/emission.h"

typedef struct elbo_centres {
    size_t rows;      /* those of which something is seen */
    double *y;        /* [rows x ny], the channel's mean in the place of NaN */
    bool *lost;       /* [rows x ny]: there was NaN */
    size_t *of;       /* [rows], below K */
    double *variance; /* [ny] of what is seen of a channel; 1: nothing is */
} elbo_centres;

/* All from `ws`. ELBO_EDATA when every row is missing, ELBO_ENOMEM. */
elbo_status elbo_centres_draw(const elbo_hmm_sequence seq[], size_t n, size_t ny,
                              size_t K, elbo_rng *rng, elbo_centres *out,
                              elbo_arena *ws);

#endif

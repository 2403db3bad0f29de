/* inference/mdp.h -- a finite decision process, sparse by construction.
 *
 * States 0 .. nS - 1, actions 0 .. nA - 1. Row (s, a) of a kernel is s * nA +
 * a; column nS is the END: where an episode goes when it terminates. V(END) = 0
 * always, so value arrays have nS + 1 entries. A terminating transition is
 * stored as one to END whatever state it names: its successor is never acted
 * in.
 *
 * Time: with horizon T > 0 there are T stages and the last one's successors are
 * worth 0; policies, values and tilted kernels then carry one block a stage.
 * With no horizon there is one stage, which is its own successor.
 */
#ifndef ELBO_MDP_H
#define ELBO_MDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inference/core/arena.h"

/* Where the probability of a kernel may sit. Three layouts, told apart by
 * `width` and `next`:
 *   fixed  width successors a row (1 to 8), entries row * width + k
 *   CSR    width = 0, entries start[row] .. start[row + 1] - 1
 *   dense  next = NULL, width = nS + 1, entry row * (nS + 1) + s'
 * In the sparse layouts a row's successors are distinct and ascending, but for
 * the padding of the fixed layout, which repeats the row's last successor with
 * probability 0. */
typedef struct elbo_pattern {
    size_t nS, nA;
    size_t width;
    const size_t *start;  /* [nS * nA + 1], CSR only */
    const uint32_t *next; /* [nnz], NULL when dense */
    size_t nnz;
} elbo_pattern;

/* Row-stochastic on its pattern, unless `partial`: the kernel exp(E log theta)
 * of a posterior sums to less. Use designated initialisers. */
typedef struct elbo_kernel {
    const elbo_pattern *pattern;
    double *prob;           /* [nnz] */
    const double *log_prob; /* [nnz] exact logarithms where prob may underflow;
                               NULL: log(prob) */
    bool partial;           /* rows may sum to less than 1 */
    /* Of a dense Gaussian kernel: the covariance of each row, whose mean `prob` is
     * then no distribution; NULL: none. [nS * nA x (nS + 1) x (nS + 1)] */
    const double *spread;
    /* Of a dense kernel: `prob` in single precision, for what may be bounded before
     * it is read in full, and the largest sum of a row of |prob| + |rough|; NULL:
     * none. */
    const float *rough;
    double mass;
} elbo_kernel;

/* Borrowed arrays. A plain value: to plan in a model, copy the struct and put
 * the model's kernel in P. */
typedef struct elbo_mdp {
    size_t nS, nA;
    elbo_kernel P;
    const double *r;  /* [nS x nA] expected reward of one step, known */
    const double *mu; /* [nS] initial distribution */
    double gamma;     /* discount: survival, in (0, 1] */
    size_t horizon;   /* steps; 0: none */
} elbo_mdp;

/* One possible outcome of (s, a). */
typedef struct elbo_outcome {
    uint32_t next;
    bool terminal; /* the episode ends here */
    double prob;
    double reward;
} elbo_outcome;

static inline size_t elbo_row_begin(const elbo_pattern *p, size_t row)
{
    return p->start ? p->start[row] : row * p->width;
}

static inline size_t elbo_row_end(const elbo_pattern *p, size_t row)
{
    return p->start ? p->start[row + 1] : (row + 1) * p->width;
}

/* The successor of entry i of `row`. */
static inline size_t elbo_successor(const elbo_pattern *p, size_t row, size_t i)
{
    return p->next ? p->next[i] : i - row * p->width;
}

static inline size_t elbo_stages(const elbo_mdp *mdp)
{
    return mdp->horizon ? mdp->horizon : 1;
}

/* The entry of (row, s') or (size_t)-1 when s' is not in the pattern. Binary
 * search; in the fixed layout never a padding entry. */
size_t elbo_entry(const elbo_pattern *p, size_t row, size_t next);

/* An entry for every successor and END. All memory from `arena`. ELBO_ENOMEM,
 * ELBO_ESIZE. */
elbo_status elbo_pattern_dense(size_t nS, size_t nA, elbo_arena *arena,
                               elbo_pattern **out);

/* Builds a pattern and its probabilities row by row, in row order, from the
 * outcomes of each (s, a): equal successors are added up, terminal outcomes go
 * to END, r gets the rows' expected rewards. The layout is fixed when no row
 * has more than 8 successors and padding at most doubles the entries, dense
 * when half of all entries or more are filled, else CSR. `outcomes` is asked
 * more than once and must give the same answer. All memory from `arena`.
 * ELBO_ENOMEM, ELBO_ESIZE. */
typedef size_t elbo_outcomes(const void *world, size_t s, size_t a,
                             elbo_outcome out[]); /* at most `most` of them */
elbo_status elbo_mdp_build(const void *world, elbo_outcomes *outcomes,
                           size_t nS, size_t nA, size_t most, elbo_arena *arena,
                           elbo_kernel *P, double **r);

/* *out = p with its `rough`, from ws; without, where p is not dense, where it is so
 * small that a core's own cache holds it, where single precision does not reach or
 * where there is no memory. */
void elbo_kernel_round(const elbo_kernel *p, elbo_arena *ws, elbo_kernel *out);

/* A process that can be used: probabilities finite, in [0, 1], rows summing to
 * 1 within 1e-9, mu likewise, rewards finite, gamma in (0, 1]. ELBO_EDATA names
 * the first fault: "state 3, action 1: probabilities sum to 0.9, 0.1 short of
 * 1". */
elbo_status elbo_mdp_check(const elbo_mdp *mdp);

#endif

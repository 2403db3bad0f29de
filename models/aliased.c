/* models/aliased.c -- rows that share their outcomes: a model too coarse.
 *
 *   block: b   all cells of a b x ... x b block share, per action, one softmax
 *              over displacements d (all that the world ever makes) and END:
 *              p(s'|s,a) = sum of the mass of the d with s + d = s'; a d that
 *              leads to no state stays in place
 *   groups: n  the states s with equal floor(s n / nS) share, per action, one
 *              softmax over successors and END
 *
 * Either way a candidate c of state s is one entry of its rows: slot[s][c].
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "models/lattice.h"
#include "models/logits.h"
#include "models/registry.h"
#include "models/rewards.h"
#include "models/support.h"

typedef struct aliased {
    size_t nS, nA;
    size_t m;             /* candidates a tie; the last one is END */
    size_t ties;          /* blocks or groups */
    uint32_t *tie;        /* [nS] of a state */
    size_t *first;        /* [ties + 1] its states: member[first[t]] ... */
    uint32_t *member;     /* [nS] ascending in each tie */
    const uint32_t *slot; /* [nS x m] place in the row; NULL: c itself */
    const uint32_t *owner; /* [nS x m] the candidate that an entry stands for */
    const uint8_t *known; /* [nS x nA] */
    double *p, *g;        /* [ties x nA x m] softmax; scratch: dF/dp */
    double precision;
    const elbo_pattern *pattern;
} aliased;

/* One pass over ties or rows. */
typedef struct pass {
    const aliased *self;
    const elbo_belief *belief;
    const double *G; /* [nnz] */
    double *grad;    /* [n] */
} pass;

static const elbo_option options[] = {
    {"block",  ELBO_INT, "cells", 0, 1e6, NULL, "0",
     "side of a block of tied cells; 0: not given", NULL},
    {"groups", ELBO_INT, "", 0, 1e9, NULL, "0",
     "groups of tied states; 0: not given", NULL},
    {"prior_precision",     ELBO_REAL, "", 1e-12, 1e12, NULL, "1e-3",
     "precision of the Gaussian prior on a logit", NULL},
    {"init_scale",     ELBO_REAL, "", 0, 1e3, NULL, "0",
     "standard deviation of the first logits", NULL},
    ELBO_REWARD_OPTIONS,
    {0},
};

static size_t slot_of(const aliased *self, size_t s, size_t c)
{
    return self->slot ? self->slot[s * self->m + c] : c;
}

static void update_ties(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;
    const size_t m = x->self->m;

    (void)chunk;
    for (size_t i = first; i < last; i++)
        elbo_logits_softmax(x->belief->theta + i * m, NULL, m,
                            x->self->p + i * m);
}

static void update_rows(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;
    const aliased *const self = x->self;

    (void)chunk;
    for (size_t row = first; row < last; row++) {
        const size_t s = row / self->nA, a = row % self->nA;
        const size_t begin = elbo_row_begin(self->pattern, row);
        const size_t end = elbo_row_end(self->pattern, row);
        const double *const mass =
            self->p + (self->tie[s] * self->nA + a) * self->m;
        double *const p = x->belief->mean.prob + begin;

        if (self->known[row]) continue;
        memset(p, 0, (end - begin) * sizeof *p);
        for (size_t c = 0; c < self->m; c++) p[slot_of(self, s, c)] += mass[c];
    }
}

static void update(elbo_belief *belief)
{
    const aliased *const self = belief->self;
    const size_t rows = self->nS * self->nA;
    pass x = {self, belief, NULL, NULL};

    elbo_parallel(self->ties * self->nA, belief->n_kernel * 20, &x, update_ties);
    elbo_parallel(rows, rows * self->m, &x, update_rows);
    elbo_rewards_update(belief);
}

/* dF/dp_c = the sum of G over the rows that share it */
static void pullback_ties(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;
    const aliased *const self = x->self;
    const size_t m = self->m;

    (void)chunk;
    for (size_t i = first; i < last; i++) {
        const size_t tie = i / self->nA, a = i % self->nA;
        double *const g = self->g + i * m;

        memset(g, 0, m * sizeof *g);
        for (size_t k = self->first[tie]; k < self->first[tie + 1]; k++) {
            const size_t s = self->member[k], row = s * self->nA + a;
            const double *const G = x->G + elbo_row_begin(self->pattern, row);

            if (self->known[row]) continue;
            for (size_t c = 0; c < m; c++) g[c] += G[slot_of(self, s, c)];
        }
        elbo_logits_pullback(self->p + i * m, g, NULL, m, x->grad + i * m);
    }
}

static void pullback(const elbo_belief *belief, const double G[], double grad[])
{
    const aliased *const self = belief->self;
    pass x = {self, belief, G, grad};

    elbo_parallel(self->ties * self->nA, self->nS * self->nA * self->m, &x,
                  pullback_ties);
    elbo_rewards_pullback(belief, G, grad);
}

/* The mass of every tie's candidates, the mean over its members. */
static void average_ties(const aliased *self, const double q[])
{
    memset(self->p, 0, self->ties * self->nA * self->m * sizeof *self->p);
    for (size_t row = 0; row < self->nS * self->nA; row++) {
        const size_t s = row / self->nA, tie = self->tie[s];
        const size_t begin = elbo_row_begin(self->pattern, row);
        const double share =
            1 / (double)(self->first[tie + 1] - self->first[tie]);
        double *const p =
            self->p + (tie * self->nA + row % self->nA) * self->m;

        for (size_t i = begin; i < elbo_row_end(self->pattern, row); i++)
            p[self->owner ? self->owner[s * self->m + (i - begin)]
                          : i - begin] += share * q[i];
    }
}

/* The mean of what the members do; a mass of 0 is a logit that exp takes to 0.
 */
static void project(elbo_belief *belief, double q[])
{
    static const double never = -1e4;
    const aliased *const self = belief->self;

    average_ties(self, q);
    for (size_t i = 0; i < self->ties * self->nA * self->m; i++)
        belief->theta[i] = self->p[i] > 0 ? log(self->p[i]) : never;
    update(belief);
    memcpy(q, belief->mean.prob, self->pattern->nnz * sizeof *q);
}

static double log_prior(const elbo_belief *belief, double grad[])
{
    const aliased *const self = belief->self;

    return elbo_logits_log_prior(belief->theta, belief->n_kernel,
                                 self->precision, grad)
           + elbo_rewards_log_prior(belief, grad);
}

/* The members of every tie, from tie[]. */
static void list_members(aliased *self)
{
    size_t *const first = self->first;

    for (size_t s = 0; s < self->nS; s++) first[self->tie[s] + 1]++;
    for (size_t t = 0; t < self->ties; t++) first[t + 1] += first[t];
    for (size_t s = 0; s < self->nS; s++)
        self->member[first[self->tie[s]]++] = (uint32_t)s;
    for (size_t t = self->ties; t > 0; t--) first[t] = first[t - 1];
    first[0] = 0;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* What the construction of a pattern from displacements works with. */
typedef struct layout {
    elbo_lattice lattice;
    const int64_t *d; /* [m - 1] ascending */
    size_t m;
    uint32_t *target; /* [m] where the candidates of a state lead */
    uint32_t *row;    /* [m] the same, distinct and ascending */
    bool *blocked;    /* [m] a displacement that leads to no state */
} layout;

/* Sets target and row for state s; returns the length of row. */
static size_t lay_out_state(const layout *l, size_t s)
{
    const size_t nS = l->lattice.world->nS, m = l->m;
    const int64_t here = elbo_lattice_key(&l->lattice, s);
    size_t n = 0;

    for (size_t c = 0; c + 1 < m; c++) {
        const size_t next = elbo_lattice_state(&l->lattice, here + l->d[c]);

        l->blocked[c] = next >= nS;
        l->target[c] = (uint32_t)(next < nS ? next : s);
    }
    l->target[m - 1] = (uint32_t)nS;
    memcpy(l->row, l->target, m * sizeof *l->row);
    qsort(l->row, m, sizeof *l->row, by_number);
    for (size_t k = 0; k < m; k++)
        if (n == 0 || l->row[k] != l->row[n - 1]) l->row[n++] = l->row[k];
    return n;
}

/* Who stands for the entries of a state's row: the displacement that they are,
 * and where it never occurs one that is blocked. */
static void own_entries(const layout *l, const uint32_t slot[],
                        uint32_t owner[])
{
    for (size_t c = 0; c < l->m; c++)
        if (l->blocked[c]) owner[slot[c]] = (uint32_t)c;
    for (size_t c = 0; c < l->m; c++)
        if (!l->blocked[c]) owner[slot[c]] = (uint32_t)c;
}

/* Fills next, slot and owner of a pattern whose `start` is known. */
static void fill_rows(const layout *l, const elbo_pattern *pattern,
                      uint32_t next[], uint32_t slot[], uint32_t owner[])
{
    for (size_t s = 0; s < pattern->nS; s++) {
        const size_t n = lay_out_state(l, s);

        for (size_t a = 0; a < pattern->nA; a++)
            memcpy(next + pattern->start[s * pattern->nA + a], l->row,
                   n * sizeof *next);
        for (size_t c = 0; c < l->m; c++) {
            const uint32_t *const at =
                bsearch(&l->target[c], l->row, n, sizeof *l->row, by_number);

            slot[s * l->m + c] = (uint32_t)(at - l->row);
        }
        own_entries(l, slot + s * l->m, owner + s * l->m);
    }
}

static elbo_status build_rows(aliased *self, const layout *l, elbo_arena *arena)
{
    const size_t nS = self->nS, nA = self->nA;
    elbo_pattern *const pattern = elbo_arena_take(arena, 1, sizeof *pattern);
    size_t *const start = elbo_arena_sizes(arena, nS * nA + 1);

    ELBO_TRY(elbo_arena_check(arena, "an aliased model's rows"));
    for (size_t s = 0; s < nS; s++) {
        const size_t n = lay_out_state(l, s);

        for (size_t row = s * nA; row < (s + 1) * nA; row++)
            start[row + 1] = start[row] + n;
    }

    uint32_t *const next = elbo_arena_u32(arena, start[nS * nA]);
    uint32_t *const slot = elbo_arena_u32(arena, nS * self->m);
    uint32_t *const owner = elbo_arena_u32(arena, nS * self->m);

    ELBO_TRY(elbo_arena_check(arena, "an aliased model's successors"));
    *pattern = (elbo_pattern){
        .nS = nS,
        .nA = nA,
        .start = start,
        .next = next,
        .nnz = start[nS * nA],
    };
    fill_rows(l, pattern, next, slot, owner);
    self->pattern = pattern;
    self->slot = slot;
    self->owner = owner;
    return ELBO_OK;
}

static elbo_status tie_blocks(aliased *self, const elbo_model_context *context,
                              size_t side, elbo_arena *arena)
{
    layout l;
    int64_t *d;
    size_t n;
    elbo_cell *const cells = elbo_arena_take(arena, self->nS, sizeof *cells);

    ELBO_TRY(elbo_arena_check(arena, "an aliased model's cells"));
    ELBO_TRY(elbo_lattice_init(context->world, arena, &l.lattice));
    ELBO_TRY(elbo_lattice_displacements(&l.lattice, &context->mdp->P,
                                        context->known, arena, &d, &n));
    l.d = d;
    l.m = self->m = n + 1;
    l.target = elbo_arena_u32(arena, l.m);
    l.row = elbo_arena_u32(arena, l.m);
    l.blocked = elbo_arena_take(arena, l.m, sizeof *l.blocked);
    ELBO_TRY(elbo_arena_check(arena, "an aliased model's displacements"));
    self->ties = elbo_lattice_blocks(&l.lattice, side, cells, self->tie);
    return build_rows(self, &l, arena);
}

static elbo_status tie_groups(aliased *self, const elbo_model_context *context,
                              size_t n, elbo_arena *arena)
{
    if (n > self->nS)
        return ELBO_FAIL(ELBO_EINVAL, "groups: %zu of %zu states", n, self->nS);
    self->m = self->nS + 1;
    self->ties = n;
    for (size_t s = 0; s < self->nS; s++)
        self->tie[s] = (uint32_t)(s * n / self->nS);
    return elbo_support_dense(context, arena, &self->pattern);
}

/* The ties, by the one option of the two that was given. */
static elbo_status tie_states(aliased *self, const elbo_values *values,
                              const elbo_model_context *context,
                              elbo_arena *arena)
{
    const int64_t block = elbo_int(values, "block");
    const int64_t groups = elbo_int(values, "groups");

    if ((block > 0) == (groups > 0))
        return ELBO_FAIL(ELBO_EINVAL,
                         "an aliased model needs one of block and groups, not "
                         "block: %lld and groups: %lld",
                         (long long)block, (long long)groups);
    if (block > 0) return tie_blocks(self, context, (size_t)block, arena);
    return tie_groups(self, context, (size_t)groups, arena);
}

static elbo_status open_model(const elbo_values *values,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_belief *out)
{
    const size_t nS = context->mdp->nS, nA = context->mdp->nA;
    aliased *const self = elbo_arena_take(arena, 1, sizeof *self);
    uint32_t *const tie = elbo_arena_u32(arena, nS);

    ELBO_TRY(elbo_arena_check(arena, "an aliased model"));
    *self = (aliased){
        .nS = nS,
        .nA = nA,
        .tie = tie,
        .known = context->known,
        .precision = elbo_real(values, "prior_precision"),
    };
    ELBO_TRY(tie_states(self, values, context, arena));

    const size_t n = self->ties * nA * self->m;
    const elbo_kernel P =
        elbo_support_kernel(self->pattern, context->known, arena);

    self->first = elbo_arena_sizes(arena, self->ties + 1);
    self->member = elbo_arena_u32(arena, nS);
    self->p = elbo_arena_doubles(arena, n);
    self->g = elbo_arena_doubles(arena, n);
    *out = (elbo_belief){
        .model = &elbo_model_aliased,
        .self = self,
        .n = n,
        .mean = P,
        .geo = P,
    };
    elbo_rewards_open(values, context, arena, out);
    ELBO_TRY(elbo_arena_check(arena, "an aliased model's parameters"));
    list_members(self);
    elbo_logits_init(out->theta, out->n_kernel, elbo_real(values, "init_scale"),
                     context->seed);
    update(out);
    return ELBO_OK;
}

const elbo_model elbo_model_aliased = {
    .name = "aliased",
    .source = "state aggregation: rows tied in blocks or groups",
    .doc = "rows that share their outcomes, too coarse on purpose",
    .options = options,
    .open = open_model,
    .update = update,
    .pullback = pullback,
    .log_prior = log_prior,
    .project = project,
};

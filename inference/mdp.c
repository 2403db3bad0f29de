#include "inference/mdp.h"

#include <assert.h>
#include <math.h>

#include "inference/core/alloc.h"
#include "inference/core/parallel.h"

/* The fixed layout holds rows of so many successors at most. */
enum { WIDEST = 8 };

static const double sum_slack = 1e-9;

/* Kernels of fewer entries are not rounded. */
enum { ENTRIES_THAT_PAY = 1 << 18, LANES = 8 };

/* The first entry of begin .. end - 1 that is not below `next`. */
static size_t lower_bound(const elbo_pattern *p, size_t begin, size_t end,
                          size_t next)
{
    while (begin < end) {
        const size_t middle = begin + (end - begin) / 2;

        if (p->next[middle] < next)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/* Padding repeats the last successor, so the first entry found is the true one.
 */
size_t elbo_entry(const elbo_pattern *p, size_t row, size_t next)
{
    const size_t begin = elbo_row_begin(p, row), end = elbo_row_end(p, row);

    assert(row < p->nS * p->nA);
    if (!p->next) return next <= p->nS ? begin + next : (size_t)-1;

    const size_t i = lower_bound(p, begin, end, next);

    return i < end && p->next[i] == next ? i : (size_t)-1;
}

static elbo_status too_large(size_t nS, size_t nA)
{
    return ELBO_FAIL(ELBO_ESIZE,
                     "decision process: %zu states, %zu actions are too many",
                     nS, nA);
}

/* rows * width entries, END and all rows countable. */
static bool entries(size_t nS, size_t nA, size_t width, size_t *nnz)
{
    size_t rows;

    return nS < UINT32_MAX && elbo_size_mul(nS, nA, &rows)
           && elbo_size_mul(rows, width, nnz);
}

elbo_status elbo_pattern_dense(size_t nS, size_t nA, elbo_arena *arena,
                               elbo_pattern **out)
{
    size_t nnz;

    if (!entries(nS, nA, nS + 1, &nnz)) return too_large(nS, nA);
    *out = elbo_arena_take(arena, 1, sizeof **out);
    ELBO_TRY(elbo_arena_check(arena, "dense pattern"));
    **out = (elbo_pattern){.nS = nS, .nA = nA, .width = nS + 1, .nnz = nnz};
    return ELBO_OK;
}

/* What is asked for the rows, and where a row's answer is put. */
typedef struct source {
    const void *world;
    elbo_outcomes *outcomes;
    size_t nS, nA, most;
    elbo_outcome *list; /* [most] */
} source;

/* Ascending by successor; the lists are short and mostly sorted. */
static void sort_outcomes(elbo_outcome x[], size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const elbo_outcome moved = x[i];
        size_t k = i;

        for (; k > 0 && x[k - 1].next > moved.next; k--) x[k] = x[k - 1];
        x[k] = moved;
    }
}

/* The outcomes of a row with END resolved, ascending, equal successors added
 * up; *reward, if not NULL, gets the expected reward. Returns how many. */
static size_t ask(const source *from, size_t row, double *reward)
{
    elbo_outcome *x = from->list;
    const size_t n =
        from->outcomes(from->world, row / from->nA, row % from->nA, x);
    double r = 0;
    size_t distinct = 0;

    assert(n <= from->most);
    for (size_t i = 0; i < n; i++) {
        assert(x[i].terminal || x[i].next < from->nS);
        if (x[i].terminal) x[i].next = (uint32_t)from->nS;
        r += x[i].prob * x[i].reward;
    }
    sort_outcomes(x, n);
    for (size_t i = 0; i < n; i++)
        if (distinct > 0 && x[distinct - 1].next == x[i].next)
            x[distinct - 1].prob += x[i].prob;
        else
            x[distinct++] = x[i];
    if (reward) *reward = r;
    return distinct;
}

/* How the rows are filled: decides the layout. */
typedef struct census {
    size_t entries, widest;
} census;

static census count_entries(const source *from)
{
    census c = {0};

    for (size_t row = 0; row < from->nS * from->nA; row++) {
        const size_t n = ask(from, row, NULL);

        c.entries += n;
        if (n > c.widest) c.widest = n;
    }
    return c;
}

/* A pattern of the layout that suits the census; its successors are not set. */
static elbo_status lay_out(const source *from, elbo_arena *arena,
                           elbo_pattern **out)
{
    const census c = count_entries(from);
    const size_t nS = from->nS, nA = from->nA;
    const size_t width = c.widest > 0 ? c.widest : 1;
    size_t padded, full;
    const bool fixed = width <= WIDEST && entries(nS, nA, width, &padded)
                       && padded - padded / 2 <= c.entries;

    if (!fixed && entries(nS, nA, nS + 1, &full)
        && full - full / 2 <= c.entries)
        return elbo_pattern_dense(nS, nA, arena, out);

    elbo_pattern *p = elbo_arena_take(arena, 1, sizeof *p);
    const size_t nnz = fixed ? padded : c.entries;
    uint32_t *next = elbo_arena_u32(arena, nnz);
    size_t *start = fixed ? NULL : elbo_arena_sizes(arena, nS * nA + 1);

    ELBO_TRY(elbo_arena_check(arena, "decision process: pattern"));
    *p = (elbo_pattern){.nS = nS,
                        .nA = nA,
                        .width = fixed ? width : 0,
                        .start = start,
                        .next = next,
                        .nnz = nnz};
    for (size_t row = 0, at = 0; start && row < nS * nA; row++)
        start[row + 1] = at += ask(from, row, NULL);
    *out = p;
    return ELBO_OK;
}

/* The n outcomes of a row into its entries begin .. end - 1. A row without any
 * is padding altogether, to END. */
static void put_row(const source *from, size_t n, size_t begin, size_t end,
                    uint32_t *next, double *prob)
{
    const elbo_outcome *x = from->list;

    for (size_t i = begin; i < end; i++) {
        const bool padding = i - begin >= n;

        if (next && padding) next[i] = n ? x[n - 1].next : (uint32_t)from->nS;
        if (next && !padding) next[i] = x[i - begin].next;
        prob[i] = 0;
    }
    for (size_t k = 0; k < n; k++)
        prob[begin + (next ? k : x[k].next)] = x[k].prob;
}

elbo_status elbo_mdp_build(const void *world, elbo_outcomes *outcomes,
                           size_t nS, size_t nA, size_t most, elbo_arena *arena,
                           elbo_kernel *P, double **r)
{
    source from = {
        .world = world, .outcomes = outcomes, .nS = nS, .nA = nA, .most = most};
    elbo_pattern *pattern = NULL;
    size_t rows;

    if (!entries(nS, nA, 1, &rows)) return too_large(nS, nA);
    from.list = elbo_arena_take(arena, most, sizeof *from.list);
    ELBO_TRY(elbo_arena_check(arena, "decision process: outcomes"));
    ELBO_TRY(lay_out(&from, arena, &pattern));
    *P = (elbo_kernel){.pattern = pattern,
                       .prob = elbo_arena_doubles(arena, pattern->nnz)};
    *r = elbo_arena_doubles(arena, rows);
    ELBO_TRY(elbo_arena_check(arena, "decision process: probabilities"));
    for (size_t row = 0; row < rows; row++) {
        const size_t n = ask(&from, row, &(*r)[row]);

        /* the pattern is const to all but its maker */
        put_row(&from, n, elbo_row_begin(pattern, row),
                elbo_row_end(pattern, row), (uint32_t *)pattern->next, P->prob);
    }
    return ELBO_OK;
}

typedef struct rounding {
    const elbo_kernel *p;
    float *to;
} rounding;

/* The largest sum of |p| over rows first .. last - 1, where they are rounded;
 * of the rounded ones too, so that what overflows shows. */
static double round_rows(void *arg, size_t first, size_t last)
{
    const rounding *const x = arg;
    const size_t width = x->p->pattern->width;
    double most = 0;

    for (size_t row = first; row < last; row++) {
        const double *restrict const p = x->p->prob + row * width;
        float *restrict const to = x->to + row * width;
        double sum[LANES] = {0}, all = 0;

        for (size_t i = 0; i < width; i++) to[i] = (float)p[i];
        for (size_t i = 0; i + LANES <= width; i += LANES)
            for (size_t k = 0; k < LANES; k++)
                sum[k] += fabs(p[i + k]) + (double)fabsf(to[i + k]);
        for (size_t i = width - width % LANES; i < width; i++)
            all += fabs(p[i]) + (double)fabsf(to[i]);
        for (size_t k = 0; k < LANES; k++) all += sum[k];
        if (isnan(all) || all > most) most = all;
    }
    return most;
}

void elbo_kernel_round(const elbo_kernel *p, elbo_arena *ws, elbo_kernel *out)
{
    const elbo_pattern *const at = p->pattern;
    const size_t rows = at->nS * at->nA;
    const elbo_mark mark = elbo_arena_mark(ws);
    rounding x = {.p = p};

    *out = *p;
    if (at->next || p->spread || at->nnz < ENTRIES_THAT_PAY) return;
    x.to = elbo_arena_take(ws, at->nnz, sizeof *x.to);
    if (x.to) out->mass = elbo_parallel_max(rows, 2 * at->nnz, &x, round_rows);
    if (x.to && isfinite(out->mass))
        out->rough = x.to;
    else
        elbo_arena_release(ws, mark);
}

/* How far a sum is from 1, in words. */
static elbo_status bad_sum(double sum)
{
    return ELBO_FAIL(ELBO_EDATA, "probabilities sum to %.10g, %.3g %s", sum,
                     fabs(sum - 1), sum < 1 ? "short of 1" : "over 1");
}

static bool is_probability(double x)
{
    return x >= 0 && x <= 1;
}

static elbo_status check_row(const elbo_kernel *P, size_t row)
{
    const elbo_pattern *p = P->pattern;
    const size_t end = elbo_row_end(p, row);
    double sum = 0;

    for (size_t i = elbo_row_begin(p, row); i < end; i++) {
        const size_t next = elbo_successor(p, row, i);

        if (!is_probability(P->prob[i])) {
            if (next == p->nS)
                return ELBO_FAIL(ELBO_EDATA, "the probability to end is %.10g",
                                 P->prob[i]);
            return ELBO_FAIL(ELBO_EDATA,
                             "the probability of successor %zu is %.10g", next,
                             P->prob[i]);
        }
        sum += P->prob[i];
    }
    return fabs(sum - 1) <= sum_slack ? ELBO_OK : bad_sum(sum);
}

static elbo_status check_start(const elbo_mdp *mdp)
{
    double sum = 0;

    for (size_t s = 0; s < mdp->nS; s++) {
        if (!is_probability(mdp->mu[s]))
            return ELBO_FAIL(ELBO_EDATA,
                             "initial distribution: state %zu has %.10g", s,
                             mdp->mu[s]);
        sum += mdp->mu[s];
    }
    if (fabs(sum - 1) <= sum_slack) return ELBO_OK;
    (void)bad_sum(sum);
    return elbo_fail_prefix("initial distribution");
}

elbo_status elbo_mdp_check(const elbo_mdp *mdp)
{
    if (!(mdp->gamma > 0 && mdp->gamma <= 1))
        return ELBO_FAIL(ELBO_EDATA, "discount must be in (0, 1], not %.10g",
                         mdp->gamma);
    for (size_t row = 0; row < mdp->nS * mdp->nA; row++) {
        const size_t s = row / mdp->nA, a = row % mdp->nA;

        if (check_row(&mdp->P, row) != ELBO_OK)
            return elbo_fail_prefix("state %zu, action %zu", s, a);
        if (!isfinite(mdp->r[row]))
            return ELBO_FAIL(ELBO_EDATA,
                             "state %zu, action %zu: the reward is %g", s, a,
                             mdp->r[row]);
    }
    return check_start(mdp);
}

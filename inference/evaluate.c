#include "inference/evaluate.h"

#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/resolvent.h"
#include "inference/transition.h"

/* A row with less mass than this loses some at every visit, as it does to END.
 */
static const double whole = 1 - 1e-9;

static elbo_kernel kernel_at(const elbo_chain *chain, size_t stage)
{
    return (elbo_kernel){.pattern = chain->q.pattern,
                         .prob = chain->q.prob + stage * chain->q_stride};
}

/* Where P_pi is gathered: one row after the other. */
typedef struct gathering {
    elbo_sparse P; /* column, value NULL: only counts */
    uint32_t *row; /* [n] the last row + 1 that has this column */
    size_t *place; /* [n] and its entry there */
    double *mass;  /* [n] of a row's entries without END */
} gathering;

/* Add weight to the entry (row, column) at the end of what is gathered. */
static void gather(gathering *g, size_t row, size_t column, double weight,
                   size_t *at)
{
    if (g->row[column] != row + 1) {
        g->row[column] = (uint32_t)row + 1;
        g->place[column] = *at;
        if (g->P.value) {
            g->P.column[*at] = (uint32_t)column;
            g->P.value[*at] = 0;
        }
        ++*at;
    }
    if (g->P.value) g->P.value[g->place[column]] += weight;
}

/* One pass over the chain's first stage; rows' ends go to start. */
static void gather_rows(gathering *g, const elbo_chain *chain)
{
    const elbo_pattern *pattern = chain->q.pattern;
    const size_t nS = chain->mdp->nS, nA = chain->mdp->nA;
    size_t at = 0;

    memset(g->row, 0, nS * sizeof *g->row);
    for (size_t s = 0; s < nS; s++) {
        g->mass[s] = 0;
        for (size_t row = s * nA; row < (s + 1) * nA; row++) {
            const size_t end = elbo_row_end(pattern, row);

            for (size_t i = elbo_row_begin(pattern, row); i < end; i++) {
                const size_t next = elbo_successor(pattern, row, i);
                const double weight = chain->pi[row] * chain->q.prob[i];

                if (next == nS || weight == 0) continue;
                gather(g, s, next, weight, &at);
                g->mass[s] += weight;
            }
        }
        g->P.start[s + 1] = at;
    }
}

/* P_pi [nS x nS] without END, and the mass of its rows. */
static elbo_status gather_chain(const elbo_chain *chain, elbo_sparse *P,
                                double **mass, elbo_arena *ws)
{
    const size_t n = chain->mdp->nS;
    gathering g = {
        .P = {.n = n, .start = elbo_arena_sizes(ws, n + 1)},
        .row = elbo_arena_u32(ws, n),
        .place = elbo_arena_sizes(ws, n),
        .mass = elbo_arena_doubles(ws, n)
    };

    ELBO_TRY(elbo_arena_check(ws, "chain"));
    gather_rows(&g, chain);
    g.P.column = elbo_arena_u32(ws, g.P.start[n]);
    g.P.value = elbo_arena_doubles(ws, g.P.start[n]);
    ELBO_TRY(elbo_arena_check(ws, "chain"));
    gather_rows(&g, chain);
    *P = g.P;
    *mass = g.mass;
    return ELBO_OK;
}

/* Mark all that can be reached from what is marked; queue [n] is scratch. */
static void spread(const elbo_sparse *A, bool marked[], size_t queue[])
{
    size_t n = 0;

    for (size_t s = 0; s < A->n; s++)
        if (marked[s]) queue[n++] = s;
    for (size_t k = 0; k < n; k++)
        for (size_t i = A->start[queue[k]]; i < A->start[queue[k] + 1]; i++) {
            const size_t s = A->column[i];

            if (marked[s]) continue;
            marked[s] = true;
            queue[n++] = s;
        }
}

/* Without discount a sum over time is finite only where absorption is sure:
 * from every state that counts (`from`; NULL: all), a way must lead out. The
 * chain's other states are emptied. P_t is P'. */
static elbo_status check_absorbed(elbo_sparse *P, const elbo_sparse *P_t,
                                  const double mass[], const double from[],
                                  elbo_arena *ws)
{
    const size_t n = P->n;
    bool *out = elbo_arena_take(ws, n, sizeof *out);
    bool *counts = elbo_arena_take(ws, n, sizeof *counts);
    size_t *queue = elbo_arena_sizes(ws, n);

    ELBO_TRY(elbo_arena_check(ws, "absorption"));
    for (size_t s = 0; s < n; s++) {
        out[s] = mass[s] < whole;
        counts[s] = !from || from[s] > 0;
    }
    spread(P_t, out, queue);
    spread(P, counts, queue);
    for (size_t s = 0; s < n; s++) {
        if (counts[s] && !out[s])
            return ELBO_FAIL(ELBO_ESINGULAR,
                             "discount 1, no horizon: from state %zu the "
                             "episode never ends",
                             s);
        for (size_t i = P->start[s]; !counts[s] && i < P->start[s + 1]; i++)
            P->value[i] = 0;
    }
    return ELBO_OK;
}

/* P_pi, with absorption made sure when there is no discount. */
static elbo_status prepare(const elbo_chain *chain, const double from[],
                           elbo_sparse *P, elbo_arena *ws)
{
    double *mass;
    elbo_sparse P_t;

    ELBO_TRY(gather_chain(chain, P, &mass, ws));
    if (chain->mdp->gamma < 1) return ELBO_OK;
    ELBO_TRY(elbo_sparse_transpose(P, &P_t, ws));
    return check_absorbed(P, &P_t, mass, from, ws);
}

elbo_status elbo_chain_matrix(const elbo_chain *chain, elbo_sparse *P,
                              elbo_arena *ws)
{
    return prepare(chain, NULL, P, ws);
}

/* V = b_pi + gamma P_pi V. */
static elbo_status evaluate_forever(const elbo_chain *chain, const double b[],
                                    double V[], elbo_arena *ws)
{
    const size_t nS = chain->mdp->nS, nA = chain->mdp->nA;
    double *b_pi = elbo_arena_doubles(ws, nS);
    elbo_sparse P;

    ELBO_TRY(elbo_arena_check(ws, "evaluation"));
    ELBO_TRY(prepare(chain, NULL, &P, ws));
    for (size_t s = 0; s < nS; s++) {
        b_pi[s] = 0;
        for (size_t row = s * nA; row < (s + 1) * nA; row++)
            if (chain->pi[row] > 0) b_pi[s] += chain->pi[row] * b[row];
    }
    V[nS] = 0;
    return elbo_resolvent(&P, chain->mdp->gamma, b_pi, V, ws);
}

/* One stage of a backward pass. */
typedef struct stage {
    elbo_tilt expectation; /* gamma E_q */
    elbo_kernel q;
    size_t nA;
    const double *pi, *b, *V_next;
    double *V, *ce; /* ce [nS x nA] is scratch */
} stage;

static void evaluate_states(void *arg, size_t chunk, size_t first, size_t last)
{
    const stage *g = arg;

    (void)chunk;
    elbo_transition_model.expect(&g->expectation, &g->q, g->V_next,
                                 first * g->nA, last * g->nA,
                                 g->ce + first * g->nA);
    for (size_t s = first; s < last; s++) {
        double sum = 0;

        for (size_t row = s * g->nA; row < (s + 1) * g->nA; row++)
            if (g->pi[row] > 0) sum += g->pi[row] * (g->b[row] + g->ce[row]);
        g->V[s] = sum;
    }
}

/* V_t = sum_a pi_t (b_t + gamma q_t V_{t+1}), backwards. */
static elbo_status evaluate_stages(const elbo_chain *chain, const double b[],
                                   double V[], elbo_arena *ws)
{
    const elbo_mdp *mdp = chain->mdp;
    const size_t nS = mdp->nS, rows = nS * mdp->nA;
    stage g = {.expectation = {.gamma = mdp->gamma},
               .nA = mdp->nA,
               .ce = elbo_arena_doubles(ws, rows)};

    ELBO_TRY(elbo_arena_check(ws, "evaluation"));
    memset(V + mdp->horizon * (nS + 1), 0, (nS + 1) * sizeof *V);
    for (size_t t = mdp->horizon; t-- > 0;) {
        g.q = kernel_at(chain, t);
        g.pi = chain->pi + t * rows;
        g.b = b + t * rows;
        g.V = V + t * (nS + 1);
        g.V_next = g.V + nS + 1;
        g.V[nS] = 0;
        elbo_parallel(nS, 2 * g.q.pattern->nnz, &g, evaluate_states);
    }
    return ELBO_OK;
}

/* rho = d pi, with d = mu + gamma P_pi' d. Rounding may leave an unreachable
 * state slightly below 0. */
static elbo_status occupy_forever(const elbo_chain *chain, double rho[],
                                  elbo_arena *ws)
{
    const elbo_mdp *mdp = chain->mdp;
    double *d = elbo_arena_doubles(ws, mdp->nS);
    elbo_sparse P, P_t;

    ELBO_TRY(elbo_arena_check(ws, "occupancy"));
    ELBO_TRY(prepare(chain, mdp->mu, &P, ws));
    ELBO_TRY(elbo_sparse_transpose(&P, &P_t, ws));
    ELBO_TRY(elbo_resolvent(&P_t, mdp->gamma, mdp->mu, d, ws));
    for (size_t row = 0; row < mdp->nS * mdp->nA; row++)
        rho[row] = fmax(d[row / mdp->nA], 0) * chain->pi[row];
    return ELBO_OK;
}

/* next += gamma rho' q. */
static void push(const elbo_mdp *mdp, const elbo_kernel *q, const double rho[],
                 double next[])
{
    for (size_t row = 0; row < mdp->nS * mdp->nA; row++) {
        const size_t end = elbo_row_end(q->pattern, row);

        if (rho[row] == 0) continue;
        for (size_t i = elbo_row_begin(q->pattern, row); i < end; i++)
            next[elbo_successor(q->pattern, row, i)] +=
                mdp->gamma * rho[row] * q->prob[i];
    }
}

/* d_0 = mu, rho_t = d_t pi_t, d_{t+1} = gamma rho_t' q_t. */
static elbo_status occupy_stages(const elbo_chain *chain, double rho[],
                                 elbo_arena *ws)
{
    const elbo_mdp *mdp = chain->mdp;
    const size_t nS = mdp->nS, rows = nS * mdp->nA;
    double *d = elbo_arena_doubles(ws, nS + 1); /* END is not looked at */

    ELBO_TRY(elbo_arena_check(ws, "occupancy"));
    memcpy(d, mdp->mu, nS * sizeof *d);
    for (size_t t = 0; t < mdp->horizon; t++) {
        const elbo_kernel q = kernel_at(chain, t);
        const double *pi = chain->pi + t * rows;
        double *rho_t = rho + t * rows;

        for (size_t row = 0; row < rows; row++)
            rho_t[row] = d[row / mdp->nA] * pi[row];
        memset(d, 0, (nS + 1) * sizeof *d);
        push(mdp, &q, rho_t, d);
    }
    return ELBO_OK;
}

elbo_status elbo_evaluate(const elbo_chain *chain, const double b[], double V[],
                          elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = chain->mdp->horizon
                              ? evaluate_stages(chain, b, V, ws)
                              : evaluate_forever(chain, b, V, ws);

    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_occupancy(const elbo_chain *chain, double rho[],
                           elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = chain->mdp->horizon ? occupy_stages(chain, rho, ws)
                                              : occupy_forever(chain, rho, ws);

    elbo_arena_release(ws, mark);
    return s;
}

double elbo_return(const elbo_mdp *mdp, const double rho[])
{
    const size_t rows = mdp->nS * mdp->nA;
    double J = 0;

    for (size_t t = 0; t < elbo_stages(mdp); t++)
        J += elbo_dot(rho + t * rows, mdp->r, rows);
    return J;
}

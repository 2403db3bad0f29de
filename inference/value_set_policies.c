/* inference/value_set_policies.c -- policies of a set: drawn, or met on a search.
 */
#include <gsl/gsl_randist.h>
#include <math.h>
#include <string.h>

#include "inference/evaluate.h"
#include "inference/standing.h"
#include "inference/value_set_state.h"

static void draw_row(double pi[], size_t nA, bool stochastic, elbo_rng *rng)
{
    elbo_gsl_rng adaptor;
    double sum = 0;

    if (!stochastic) {
        pi[elbo_rng_below(rng, nA)] = 1;
        return;
    }
    for (size_t a = 0; a < nA; a++)
        sum += pi[a] = gsl_ran_exponential(elbo_rng_gsl(&adaptor, rng), 1);
    for (size_t a = 0; a < nA; a++) pi[a] /= sum;
}

/* Batch number `batch` of them. */
static void draw_policies(elbo_value_set *set, uint64_t batch)
{
    const size_t nS = set->truth->nS, nA = set->truth->nA, rows = nS * nA;

    for (size_t k = 0; k < set->n; k++) {
        elbo_rng rng =
            elbo_rng_stream(set->seed, "values", batch * set->n + k);

        for (size_t s = 0; s < nS; s++) {
            double *const pi = set->pi + k * rows + s * nA;

            if (set->actions)
                pi[k] = 1;
            else
                draw_row(pi, nA, set->stochastic, &rng);
        }
    }
}

/* ---- policies met on a search ---- */

static const double share = 0.1; /* of states that are updated, or redrawn */
enum { UPDATES = 10 };           /* between two members */

static size_t best_action(const double Q[], size_t nA)
{
    size_t best = 0;

    for (size_t a = 1; a < nA; a++)
        if (Q[a] > Q[best]) best = a;
    return best;
}

/* V(s) <- max Q(s, .) in a tenth of the states, UPDATES times. */
static void update_some(const elbo_mdp *mdp, double V[], double Q[],
                        elbo_rng *rng)
{
    for (size_t k = 0; k < UPDATES; k++) {
        elbo_backup_rows(mdp, V, Q);
        for (size_t s = 0; s < mdp->nS; s++)
            if (elbo_rng_uniform(rng) < share)
                V[s] = Q[s * mdp->nA + best_action(Q + s * mdp->nA, mdp->nA)];
    }
}

/* Greedy in Q, but a random row in a tenth of the states (Grimm et al. 2021,
 * as their code has it). */
static void blur(double pi[], const double Q[], size_t nS, size_t nA,
                 bool stochastic, elbo_rng *rng)
{
    for (size_t s = 0; s < nS; s++)
        if (elbo_rng_uniform(rng) < share)
            draw_row(pi + s * nA, nA, stochastic, rng);
        else
            pi[s * nA + best_action(Q + s * nA, nA)] = 1;
}

static elbo_status search_policies(elbo_value_set *set, uint64_t batch,
                                   elbo_arena *ws)
{
    const elbo_mdp *const truth = set->truth;
    const size_t nS = truth->nS, rows = nS * truth->nA;
    double *const V = elbo_arena_take(ws, nS + 1, sizeof *V);
    double *const Q = elbo_arena_doubles(ws, rows);
    elbo_rng rng = elbo_rng_stream(set->seed, "values search", batch);

    ELBO_TRY(elbo_arena_check(ws, "a search of policies"));
    for (size_t s = 0; s < nS; s++) V[s] = elbo_rng_uniform(&rng);
    for (size_t k = 0; k < set->n; k++) {
        elbo_backup_rows(truth, V, Q);
        blur(set->pi + k * rows, Q, nS, truth->nA, set->stochastic, &rng);
        update_some(truth, V, Q, &rng);
    }
    return ELBO_OK;
}

/* V, Q of every policy in the real world. */
static elbo_status evaluate(elbo_value_set *set, elbo_arena *ws)
{
    const elbo_mdp *const truth = set->truth;
    const size_t nS = truth->nS, rows = nS * truth->nA;
    double *const V = elbo_arena_take(ws, 2 * (nS + 1), sizeof *V);

    ELBO_TRY(elbo_arena_check(ws, "the values of a policy"));
    for (size_t k = 0; k < set->n; k++) {
        const elbo_chain chain = {
            .mdp = truth, .pi = set->pi + k * rows, .q = truth->P};

        ELBO_TRY(elbo_evaluate(&chain, truth->r, V, ws));
        V[nS] = 0;
        memcpy(set->V + k * (nS + 1), V, (nS + 1) * sizeof *V);
        elbo_backup_rows(truth, V, set->Q + k * rows);
    }
    return ELBO_OK;
}

elbo_status elbo_value_set_renew(elbo_value_set *set, uint64_t batch,
                                 elbo_arena *ws)
{
    const size_t all = set->n * set->truth->nS * set->truth->nA;

    memset(set->pi, 0, all * sizeof *set->pi);
    if (set->search)
        ELBO_TRY(search_policies(set, batch, ws));
    else
        draw_policies(set, batch);
    for (size_t i = 0; i < all; i++) set->logpi[i] = log(set->pi[i]);
    if (set->uniform)
        elbo_value_set_draw(set, "values uniform", batch * set->n);
    return set->of_data || set->uniform ? ELBO_OK : evaluate(set, ws);
}

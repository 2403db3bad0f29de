/* control/q_learning.c -- Q-learning in q: one more path a round, all replayed.
 *
 *   path   s_0 ~ mu, a ~ epsilon pi0 + (1 - epsilon) greedy(Q), at first pi0,
 *          s' ~ q(.|s,a)
 *   r~     = r(s,a) - charge KL(q || p)(s,a), kept as it was when it was met
 *   Q(s,a) <- Q(s,a) + rate / steps sum (r~ + gamma V(s') - Q(s,a)), V = max Q,
 *             the sum over every sample of (s,a) so far
 * Sums of samples are kept, not samples. q answers V before the path is drawn. The
 * step grows with the samples of a row, so a rate that is too large ends in values
 * that are not finite.
 */
#include "control/registry.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "control/greedy.h"
#include "control/limits.h"
#include "inference/core/rng.h"

typedef struct q_learning {
    size_t steps;
    double rate, epsilon;
    uint64_t seed, round;
    size_t rows, entries; /* over all stages */
    double *Q;            /* [rows] */
    double *paid;         /* [rows] sum of r~ */
    double *count;        /* [entries] samples by their successors */
} q_learning;

static const elbo_option options[] = {
    {.name = "steps",
     .type = ELBO_INT,
     .unit = "samples",
     .low = 1,
     .high = 1e9,
     .fallback = "200",
     .doc = "length of the path that a round adds"},
    {.name = "rate",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-12,
     .high = 1e12,
     .fallback = "0.01",
     .doc = "a sample moves its Q by rate / steps of its error, in each round"},
    {.name = "epsilon",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.5",
     .doc = "share of the path's actions that the prior policy draws"},
    {0},
};

static elbo_status open_control(const elbo_values *values,
                                const elbo_problem *problem, elbo_arena *arena,
                                elbo_controller *out)
{
    const elbo_mdp *const mdp = &problem->mdp;

    ELBO_TRY(elbo_control_limits(&elbo_control_q_learning, problem));
    if (problem->tilt.kind->free)
        return ELBO_FAIL(ELBO_EINVAL, "q_learning draws from q as a tilt of the "
                                      "model, not from a model that is q itself: "
                                      "transition: tilt(...) or model");

    q_learning *const self = elbo_arena_take(arena, 1, sizeof *self);
    const size_t rows = elbo_stages(mdp) * mdp->nS * mdp->nA;
    const size_t entries = elbo_stages(mdp) * mdp->P.pattern->nnz;
    double *const Q = elbo_arena_doubles(arena, rows);
    double *const paid = elbo_arena_doubles(arena, rows);
    double *const count = elbo_arena_doubles(arena, entries);

    ELBO_TRY(elbo_arena_check(arena, "q_learning"));
    memset(Q, 0, rows * sizeof *Q);
    memset(paid, 0, rows * sizeof *paid);
    memset(count, 0, entries * sizeof *count);
    *self = (q_learning){.steps = (size_t)elbo_int(values, "steps"),
                         .rate = elbo_real(values, "rate"),
                         .epsilon = elbo_real(values, "epsilon"),
                         .seed = problem->seed,
                         .rows = rows,
                         .entries = entries,
                         .Q = Q,
                         .paid = paid,
                         .count = count};
    *out = (elbo_controller){&elbo_control_q_learning, self};
    return ELBO_OK;
}

/* pi greedy on Q, V its value. */
static void follow(const q_learning *self, elbo_posterior *post)
{
    const size_t nS = post->nS, nA = post->nA;

    memcpy(post->Q, self->Q, self->rows * sizeof *post->Q);
    memset(post->pi, 0, self->rows * sizeof *post->pi);
    for (size_t i = 0; i < post->stages * nS; i++) {
        const size_t best = elbo_greedy_action(post->pi0 + i * nA, self->Q + i * nA, nA);

        post->pi[i * nA + best] = 1;
        post->V[i / nS * (nS + 1) + i % nS] = self->Q[i * nA + best];
    }
}

/* ---- a path ---- */

typedef struct place {
    size_t stage, s;
} place;

static place begin(const elbo_problem *problem, elbo_rng *rng)
{
    return (place){0, elbo_rng_categorical(rng, problem->mdp.mu, problem->mdp.nS)};
}

/* Draws a and s', and counts them; *at moves on, to a new start where one ends. */
static elbo_status take_step(q_learning *self, const elbo_problem *problem,
                             const elbo_posterior *post, place *at, elbo_rng *rng)
{
    const elbo_mdp *const mdp = &problem->mdp;
    const elbo_pattern *const pattern = mdp->P.pattern;
    const size_t state = at->stage * mdp->nS + at->s;
    const double *const pi0 = post->pi0 + state * mdp->nA;
    const double explored = self->round == 0 ? 1 : self->epsilon;
    const size_t a = elbo_rng_uniform(rng) < explored
                         ? elbo_rng_categorical(rng, pi0, mdp->nA)
                         : elbo_greedy_action(pi0, self->Q + state * mdp->nA, mdp->nA);
    const size_t row = at->s * mdp->nA + a, i = state * mdp->nA + a;
    const size_t first = elbo_row_begin(pattern, row);
    const size_t n = elbo_row_end(pattern, row) - first;
    const elbo_kernel q = {
        .pattern = pattern,
        .prob = post->q ? post->q + at->stage * pattern->nnz : mdp->P.prob};
    const double charge = elbo_tilt_charge(&problem->tilt);
    double sum = 0;

    for (size_t k = 0; k < n; k++) sum += q.prob[first + k];
    if (!(fabs(sum - 1) < 1e-9))
        return ELBO_FAIL(ELBO_EINVAL,
                         "q_learning: state %zu, action %zu: probabilities sum to "
                         "%g, nothing can be drawn",
                         at->s, a, sum);

    const size_t entry = first + elbo_rng_categorical(rng, q.prob + first, n);
    const size_t next = elbo_successor(pattern, row, entry);

    self->count[at->stage * pattern->nnz + entry]++;
    self->paid[i] += mdp->r[row];
    if (charge != 0) self->paid[i] -= charge * elbo_row_kl(&q, &mdp->P, row);
    *at = (place){mdp->horizon ? at->stage + 1 : 0, next};
    if (next == mdp->nS || at->stage == post->stages) *at = begin(problem, rng);
    return ELBO_OK;
}

/* ---- the replay ---- */

/* All rows at once, from the values before; returns the largest change. */
static double replay(q_learning *self, const elbo_problem *problem,
                     const elbo_posterior *post)
{
    const elbo_mdp *const mdp = &problem->mdp;
    const elbo_pattern *const pattern = mdp->P.pattern;
    const size_t rows = mdp->nS * mdp->nA;
    double most = 0;

    for (size_t i = 0; i < self->rows; i++) {
        const size_t stage = i / rows, row = i % rows;
        const double *const V =
            post->V + (mdp->horizon ? stage + 1 : 0) * (mdp->nS + 1);
        double n = 0, next = 0;

        for (size_t k = elbo_row_begin(pattern, row); k < elbo_row_end(pattern, row);
             k++) {
            const double c = self->count[stage * pattern->nnz + k];
            const size_t y = elbo_successor(pattern, row, k);

            n += c;
            if (y < mdp->nS) next += c * V[y];
        }

        const double change = self->rate / (double)self->steps
                              * (self->paid[i] + mdp->gamma * next - n * self->Q[i]);

        self->Q[i] += change;
        most = fmax(most, fabs(change));
    }
    return most;
}

static elbo_status estep(elbo_controller *controller,
                         const elbo_problem *problem, elbo_posterior *post,
                         elbo_solve_info *info, elbo_arena *ws)
{
    q_learning *const self = controller->self;
    elbo_rng rng = elbo_rng_stream(self->seed, "q_learning", self->round);
    place at = begin(problem, &rng);

    (void)ws;
    follow(self, post);
    elbo_posterior_tilt(problem, post);
    for (size_t k = 0; k < self->steps; k++)
        ELBO_TRY(take_step(self, problem, post, &at, &rng));

    const double change = replay(self, problem, post);

    self->round++;
    follow(self, post);
    elbo_posterior_tilt(problem, post);
    *info = (elbo_solve_info){.sweeps = 1,
                              .residual = change,
                              .converged = change <= problem->tolerance};
    return elbo_control_finite(&elbo_control_q_learning, post);
}

static void save(const elbo_controller *controller, elbo_writer *out)
{
    const q_learning *const self = controller->self;

    elbo_put_u64(out, self->rows);
    elbo_put_u64(out, self->entries);
    elbo_put_u64(out, self->round);
    elbo_put_doubles(out, self->Q, self->rows);
    elbo_put_doubles(out, self->paid, self->rows);
    elbo_put_doubles(out, self->count, self->entries);
}

static elbo_status load(elbo_controller *controller, elbo_reader *in)
{
    q_learning *const self = controller->self;
    uint64_t rows, entries;

    ELBO_TRY(elbo_get_u64(in, &rows));
    ELBO_TRY(elbo_get_u64(in, &entries));
    if (rows != self->rows || entries != self->entries)
        return ELBO_FAIL(ELBO_EDATA,
                         "q_learning: %" PRIu64 " rows of %" PRIu64 " entries, not "
                         "%zu of %zu",
                         rows, entries, self->rows, self->entries);
    ELBO_TRY(elbo_get_u64(in, &self->round));
    ELBO_TRY(elbo_get_doubles(in, self->Q, rows));
    ELBO_TRY(elbo_get_doubles(in, self->paid, rows));
    return elbo_get_doubles(in, self->count, entries);
}

const elbo_control elbo_control_q_learning = {
    .name = "q_learning",
    .source = "Watkins 1989; with a replay of all, Eysenbach et al. 2022, "
              "experiments.ipynb",
    .doc = "paths drawn from q, all of them replayed in each round, no solve",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .hard = true,
    .promise = ELBO_NO_PROMISE,
    .draws = true,
    .open = open_control,
    .estep = estep,
    .save = save,
    .load = load,
};

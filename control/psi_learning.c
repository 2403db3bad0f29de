/* control/psi_learning.c -- posterior policy iteration, one backup a round.
 *
 *   Psi <- Psi - Psibar + r / alpha + gamma E_p Psibar(s'),  pi = exp(Psi -
 * Psibar) Psibar(s) = log sum_a exp Psi(s,a) which is the soft backup with pi0
 * <- pi and V = alpha Psibar carried over. Each step is soft, the limit is the
 * hard optimum. The differences Psi - Psibar = log pi are kept as they are: on
 * worse actions they fall without end, and an action that exp would lose can
 * still come back when theta moves.
 */
#include "control/registry.h"

#include <inttypes.h>
#include <math.h>

#include "control/limits.h"
#include "inference/core/parallel.h"

/* exp of this is still a normal number. */
static const double least_log = -700;

typedef struct psi_learning {
    size_t rounds;
    size_t n;       /* stages * nS * nA */
    bool started;   /* log_pi is set */
    double *log_pi; /* [stages x nS x nA] Psi - Psibar */
} psi_learning;

static const elbo_option options[] = {
    {.name = "rounds",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e6,
     .fallback = "1",
     .doc = "backups, each with the last one's policy as prior, an iteration"},
    {0      },
};

static elbo_status open_control(const elbo_values *values,
                                const elbo_problem *problem, elbo_arena *arena,
                                elbo_controller *out)
{
    const elbo_mdp *mdp = &problem->mdp;

    ELBO_TRY(elbo_control_limits(&elbo_control_psi_learning, problem));
    if (!(problem->alpha > 0 && isfinite(problem->alpha)))
        return ELBO_FAIL(ELBO_EINVAL,
                         "psi_learning needs a positive, finite temperature, "
                         "not %g",
                         problem->alpha);

    psi_learning *self = elbo_arena_take(arena, 1, sizeof *self);
    const size_t n = elbo_stages(mdp) * mdp->nS * mdp->nA;
    double *log_pi = elbo_arena_doubles(arena, n);

    ELBO_TRY(elbo_arena_check(arena, "psi_learning"));
    self->rounds = (size_t)elbo_int(values, "rounds");
    self->n = n;
    self->log_pi = log_pi;
    *out = (elbo_controller){&elbo_control_psi_learning, self};
    return ELBO_OK;
}

/* One stage of one round: Q [nS x nA] is backed up, the rest follows. */
typedef struct stage {
    double alpha;
    size_t nA;
    const double *Q;
    double *log_pi, *pi, *V;
} stage;

/* Psi and Psibar of states first .. last - 1; returns the largest |V - old V|.
 */
static double advance(void *arg, size_t first, size_t last)
{
    const stage *at = arg;
    double most = 0;

    for (size_t s = first; s < last; s++) {
        const double *Q = at->Q + s * at->nA;
        double *psi = at->log_pi + s * at->nA, *pi = at->pi + s * at->nA;
        double top = -INFINITY, sum = 0;

        for (size_t a = 0; a < at->nA; a++) {
            psi[a] += Q[a] / at->alpha;
            top = fmax(top, psi[a]);
        }
        for (size_t a = 0; a < at->nA; a++) sum += exp(psi[a] - top);

        const double psibar = top + log(sum);
        const double change = fabs(at->alpha * psibar - at->V[s]);

        for (size_t a = 0; a < at->nA; a++) {
            psi[a] -= psibar;
            pi[a] = isinf(psi[a]) ? 0 : exp(fmax(psi[a], least_log));
        }
        at->V[s] = at->alpha * psibar;
        most = fmax(most, change);
    }
    return most;
}

/* One backup of every stage, the last one first; V [nS + 1] is scratch. */
static elbo_status sweep(psi_learning *self, const elbo_problem *problem,
                         elbo_posterior *post, double V[], double *residual)
{
    const size_t nS = post->nS, nA = post->nA;
    elbo_problem follow = *problem;

    follow.alpha = INFINITY; /* only Q is wanted: no exponentials */
    *residual = 0;
    for (size_t t = post->stages; t-- > 0;) {
        const size_t i = t * nS * nA;
        const size_t later = problem->mdp.horizon ? t + 1 : t;
        stage at = {.alpha = problem->alpha,
                    .nA = nA,
                    .Q = post->Q + i,
                    .log_pi = self->log_pi + i,
                    .pi = post->pi + i,
                    .V = post->V + t * (nS + 1)};

        elbo_backup(&follow, post->pi + i, post->V + later * (nS + 1), V,
                    post->Q + i, NULL);
        *residual =
            fmax(*residual, elbo_parallel_max(nS, 32 * nS * nA, &at, advance));
    }
    return elbo_control_finite(&elbo_control_psi_learning, post);
}

static elbo_status run(psi_learning *self, const elbo_problem *problem,
                       elbo_posterior *post, elbo_solve_info *info,
                       elbo_arena *ws)
{
    double *V = elbo_arena_doubles(ws, post->nS + 1);

    ELBO_TRY(elbo_arena_check(ws, "psi_learning"));
    for (size_t i = 0; i < self->n && !self->started; i++)
        self->log_pi[i] = log(post->pi0[i]);
    self->started = true;

    *info = (elbo_solve_info){0};
    for (; info->sweeps < self->rounds; info->sweeps++)
        ELBO_TRY(sweep(self, problem, post, V, &info->residual));
    elbo_posterior_tilt(problem, post);
    info->converged = info->residual <= problem->tolerance;
    return ELBO_OK;
}

static elbo_status estep(elbo_controller *controller,
                         const elbo_problem *problem, elbo_posterior *post,
                         elbo_solve_info *info, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status status = run(controller->self, problem, post, info, ws);

    elbo_arena_release(ws, mark);
    return status;
}

static void save(const elbo_controller *controller, elbo_writer *out)
{
    const psi_learning *self = controller->self;

    elbo_put_u64(out, self->n);
    elbo_put_u64(out, self->started);
    if (self->started) elbo_put_doubles(out, self->log_pi, self->n);
}

static elbo_status load(elbo_controller *controller, elbo_reader *in)
{
    psi_learning *self = controller->self;
    uint64_t n, started;

    ELBO_TRY(elbo_get_u64(in, &n));
    ELBO_TRY(elbo_get_u64(in, &started));
    if (n != self->n || started > 1)
        return ELBO_FAIL(ELBO_EDATA,
                         "psi_learning: %" PRIu64 " log-probabilities (flag "
                         "%" PRIu64 "), not %zu",
                         n, started, self->n);
    if (started) ELBO_TRY(elbo_get_doubles(in, self->log_pi, self->n));
    self->started = started == 1;
    return ELBO_OK;
}

const elbo_control elbo_control_psi_learning = {
    .name = "psi_learning",
    .source = "Rawlik, Toussaint, Vijayakumar, RSS 2012; Azar, Gomez, Kappen, "
              "JMLR 2012",
    .doc = "one soft backup a round with pi0 <- pi and values carried over",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .previous_prior = true,
    .promise = ELBO_NO_PROMISE,
    .open = open_control,
    .estep = estep,
    .save = save,
    .load = load,
};

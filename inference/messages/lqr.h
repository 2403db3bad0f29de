/* inference/messages/lqr.h -- the backup of linear-Gaussian worlds.
 *
 *   Q(z) = r(z) + beta log E_p exp(gamma V(y) / beta)         z = (x, u)
 *        = r(z) + gamma beta log E_p exp(V(y) / beta)         under kl_next
 *   V(x) = alpha log E_{pi0} exp(Q(x, u) / alpha)
 *   q    ~ p exp(gamma V(y) / beta),   pi ~ pi0 exp(Q / alpha)
 * for r and V quadratic, p linear-Gaussian and pi0 linear-Gaussian or flat: all of
 * it stays so, and is in closed form. Named cases:
 *   alpha = 0, beta = +-inf      LQR
 *   alpha > 0, beta = +-inf      maximum-entropy LQR: pi has covariance
 *                                alpha (Q_uu + alpha precision)^-1
 *   beta finite                  LEQG (Jacobson 1973; Whittle 1990): beta > 0
 *                                seeks risk, beta < 0 averts it (Hansen, Sargent)
 *   alpha = inf                  pi = pi0
 * With b = beta (gamma beta under kl_next) and s = gamma / b the expectation is
 * gamma V~(F z + c) of inference/messages/tilted.h. W is never inverted: it may be
 * singular, or 0.
 *
 * A value may be infinite, and that is an error in words: ELBO_ENOTPD with the
 * stage when I + s L'P L, W = L L', is not positive definite (beta < 0: the
 * risk-averse value is minus infinity, the breakdown of Jacobson and Whittle), or
 * when Q_uu + alpha precision is not (the value is unbounded above).
 */
#ifndef ELBO_LQR_H
#define ELBO_LQR_H

#include <stdbool.h>

#include "inference/messages/quadratic.h"

/* Everything is borrowed. Arrays have one entry a stage, or a single one for all
 * stages. T = 0 is the infinite horizon: one stage, its own successor. */
typedef struct elbo_lqr {
    size_t nx, nu, T;
    const elbo_linear_dynamics *dynamics; /* [ndynamics] */
    const elbo_quadratic *reward;         /* [nreward], in z */
    const elbo_linear_prior *prior;       /* [nprior]; nprior = 0: flat */
    size_t ndynamics, nreward, nprior;    /* T or 1 */
    const elbo_quadratic *terminal;       /* V(T), in x; NULL: 0; T > 0 alone */
    double gamma;                         /* (0, 1] */
    double alpha;                         /* [0, inf]; inf: prior of full rank */
    double beta;                          /* not 0; +-inf: q = p */
    bool kl_next;                         /* q's KL weighs gamma^(t+1) */
} elbo_lqr;

/* alpha = 0, beta = inf, gamma = 1, nothing set. */
extern const elbo_lqr elbo_lqr_defaults;

/* The stage t that an array of n entries means. */
size_t elbo_lqr_stage_of(size_t n, size_t t);
/* The coefficient b of KL(q || p) in F: beta, or gamma beta; +-inf: not charged. */
double elbo_lqr_charge(const elbo_lqr *lqr);
/* s = gamma / b; 0 when nothing is charged. */
double elbo_lqr_exponent(const elbo_lqr *lqr);

typedef struct elbo_lqr_stage {
    elbo_quadratic V; /* in x */
    elbo_quadratic Q; /* in z */
    elbo_linear_policy pi;
    elbo_linear_dynamics q; /* no G; its matrices are the arena's */
} elbo_lqr_stage;
/* Unset, from `arena`; ask elbo_arena_ok. */
elbo_lqr_stage elbo_lqr_stage_take(elbo_arena *arena, size_t nx, size_t nu);

/* One backup: stage t of the problem, whose successor has value `next` (which may
 * be stage->V). alpha = 0: pi has S = 0; beta = +-inf: q = p, and p's G is not
 * read. ELBO_ENOTPD as above, ELBO_EINVAL when alpha = inf meets a prior without
 * full rank, ELBO_ENOTFINITE when the value is no number; *stage is then
 * undefined. */
elbo_status elbo_lqr_backup(const elbo_lqr *lqr, size_t t,
                            const elbo_quadratic *next, elbo_lqr_stage *stage,
                            elbo_arena *ws);

/* Of the infinite horizon. */
typedef struct elbo_lqr_config {
    double tolerance; /* on the residual */
    size_t sweeps;    /* at most so many after the doubling */
} elbo_lqr_config;
extern const elbo_lqr_config elbo_lqr_config_defaults; /* 1e-12, 10000 */

typedef struct elbo_lqr_info {
    size_t doublings; /* of the Riccati recursion: 2^doublings stages */
    size_t sweeps;    /* backups after them */
    double residual;  /* of the last: largest change of V's coefficients, relative
                         to 1 + the largest coefficient; 0 with a horizon */
    bool converged;   /* residual <= tolerance */
} elbo_lqr_info;

typedef struct elbo_lqr_solution {
    elbo_lqr_stage *stages; /* [max(T, 1)] */
    elbo_lqr_info info;
} elbo_lqr_solution;

/* All stages, from `arena`. Infinite horizon: the limit of V(0) as T grows, which
 * structured doubling (Chu, Fan, Lin, Wang 2004) reaches in O(log T) steps; backups then
 * run until residual <= tolerance, and V, Q, pi, q are those of the last one. As
 * elbo_lqr_backup, and ELBO_ENOCONV when V grows without bound (unstabilisable, or
 * gamma = 1 and a reward at each step for ever): the text says what grew. Not
 * converged is no error. */
elbo_status elbo_lqr_solve(const elbo_lqr *lqr, const elbo_lqr_config *config,
                           elbo_lqr_solution *out, elbo_arena *arena);

/* A policy in a world: what evaluation needs. As in elbo_lqr, T = 0 is the
 * infinite horizon, and arrays have T entries or 1. */
typedef struct elbo_linear_chain {
    size_t nx, nu, T;
    const elbo_linear_dynamics *dynamics; /* [ndynamics]; G is not read */
    const elbo_linear_policy *policy;     /* [npolicy] */
    size_t ndynamics, npolicy;
    double gamma; /* (0, 1]; < 1 when T = 0 */
} elbo_linear_chain;

/* V[t](x) = E sum_k gamma^k r(z_{t+k}), exactly, into values [max(T, 1)], taken by
 * the caller. `reward` [nreward] and `terminal` as in elbo_lqr. ELBO_ENOCONV with
 * the spectral radius when T = 0 and gamma rho(A + B K)^2 >= 1. */
elbo_status elbo_linear_evaluate(const elbo_linear_chain *chain,
                                 const elbo_quadratic *reward, size_t nreward,
                                 const elbo_quadratic *terminal,
                                 elbo_quadratic values[], elbo_arena *ws);

/* Moments of transitions (z, y), not central, weighted and not normalised:
 * mass = sum w, z = sum w E z, zz = sum w E z z', yz = sum w E y z', and so on. */
typedef struct elbo_linear_moments {
    double mass;
    gsl_vector *z, *y;         /* [nz], [nx] */
    gsl_matrix *zz, *yz, *yy;  /* [nz x nz], [nx x nz], [nx x nx] */
} elbo_linear_moments;
elbo_linear_moments elbo_linear_moments_take(elbo_arena *arena, size_t nx,
                                             size_t nu);
/* sum w E f(z), f [nz]; f in x alone [nx] is read as such. */
double elbo_linear_moments_mean(const elbo_linear_moments *m,
                                const elbo_quadratic *f);

/* The occupancy from x_0 ~ N(m0, P0) (P0 NULL: 0) into out [max(T, 1)], taken by
 * the caller: entry t has weight gamma^t; T = 0: one entry, the sum over all t.
 * Statuses as elbo_linear_evaluate. */
elbo_status elbo_linear_occupancy(const elbo_linear_chain *chain,
                                  const gsl_vector *m0, const gsl_matrix *P0,
                                  elbo_linear_moments out[], elbo_arena *ws);
/* into += part. */
void elbo_linear_moments_add(elbo_linear_moments *into,
                             const elbo_linear_moments *part);

/* F_control's parts at (pi, q, theta), with the signs of metrics.csv:
 * F_control = reward - policy_kl - transition_kl. */
typedef struct elbo_lqr_parts {
    double reward;        /* E sum gamma^t r, and gamma^T E terminal */
    double policy_kl;     /* alpha E sum gamma^t KL(pi || pi0); 0: alpha 0, inf */
    double transition_kl; /* b E sum gamma^t KL(q || p); 0: beta = +-inf */
} elbo_lqr_parts;

/* All expectations under `chain`, whose dynamics are q and whose policy is pi; the
 * rest (reward, prior, p, temperatures) is lqr's. nx, nu, T and gamma of both
 * agree. At lqr's optimum the balance is E V(x_0). ELBO_ENOTPD when a charged KL
 * is infinite, and the statuses of elbo_linear_occupancy. */
elbo_status elbo_lqr_parts_at(const elbo_lqr *lqr, const elbo_linear_chain *chain,
                              const gsl_vector *m0, const gsl_matrix *P0,
                              elbo_lqr_parts *out, elbo_arena *ws);

#endif

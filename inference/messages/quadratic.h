/* inference/messages/quadratic.h -- quadratic functions and linear-Gaussian maps.
 *
 *   f(x) = -1/2 x'P x + p'x + c        x, p [n]   P [n x n], symmetric
 *   y  ~ N(A x + B u + c, W)           A [nx x nx], B [nx x nu], W [nx x nx]
 *   u  ~ N(K x + k, S)                 K [nu x nx], S [nu x nu]
 * z = (x, u) [nz = nx + nu] is a transition's input, F = [A B] [nx x nz].
 *
 * What expectations, divergences and log-sum-exps of these cost is in closed form;
 * inference/messages/lqr.h puts them together.
 */
#ifndef ELBO_QUADRATIC_H
#define ELBO_QUADRATIC_H

#include "inference/core/linalg.h"

/* A reward or a value, so that P is positive semi-definite where f is bounded
 * above. P is kept exactly symmetric. */
typedef struct elbo_quadratic {
    gsl_matrix *P;
    gsl_vector *p;
    double c;
} elbo_quadratic;

/* Taken from `arena`, unset; ask elbo_arena_ok. */
elbo_quadratic elbo_quadratic_take(elbo_arena *arena, size_t n);
void elbo_quadratic_zero(elbo_quadratic *f);
void elbo_quadratic_copy(elbo_quadratic *out, const elbo_quadratic *f);

double elbo_quadratic_at(const elbo_quadratic *f, const gsl_vector *x);
/* E f(x), x ~ N(m, S); S may be NULL: 0. */
double elbo_quadratic_mean(const elbo_quadratic *f, const gsl_vector *m,
                           const gsl_matrix *S);

/* Borrowed. W is positive semi-definite and may be 0; c may be NULL: 0.
 *
 * With G the map is that of a posterior over (A, B, W), seen through
 *   exp(E log theta) = N(y; A x + B u + c, W) exp(-1/2 [z;1]' G [z;1] + g0)
 * G [(nz + 1) x (nz + 1)], symmetric; NULL: none, and g0 is not read. It has a say
 * wherever a q is compared with the map, and none in the map's own expectations. */
typedef struct elbo_linear_dynamics {
    const gsl_matrix *A, *B, *W;
    const gsl_vector *c;
    const gsl_matrix *G;
    double g0;
} elbo_linear_dynamics;

/* S = 0: deterministic. */
typedef struct elbo_linear_policy {
    gsl_matrix *K;
    gsl_vector *k;
    gsl_matrix *S;
} elbo_linear_policy;
elbo_linear_policy elbo_linear_policy_take(elbo_arena *arena, size_t nx,
                                           size_t nu);

/* A prior policy N(K x + k, precision^-1), by its precision so that it may be
 * flat: where the precision is 0 (NULL: everywhere) the prior is Lebesgue measure,
 * of density 1, and a KL against it is minus an entropy, of either sign. Borrowed;
 * K, k NULL: 0. The precision is positive semi-definite. */
typedef struct elbo_linear_prior {
    const gsl_matrix *K;
    const gsl_vector *k;
    const gsl_matrix *precision;
} elbo_linear_prior;

/* out(z) = r(z) + gamma E V(y), y as the map says. r, out [nz]; V [ny], ny the rows of
 * A, B and W. `out` may be r. ELBO_ENOMEM alone; out is then undefined. */
elbo_status elbo_quadratic_through(const elbo_quadratic *r, double gamma,
                                   const elbo_linear_dynamics *map,
                                   const elbo_quadratic *V,
                                   elbo_quadratic *out, elbo_arena *ws);

/* out(x) = E Q(x, u), u as the policy says. Q [nz], out [nx]. */
elbo_status elbo_quadratic_under(const elbo_quadratic *Q,
                                 const elbo_linear_policy *policy,
                                 elbo_quadratic *out, elbo_arena *ws);

/* out(z) = KL(q(.|z) || p(.|z)), in nats; p with its G, so that it may be of
 * either sign there. ELBO_ENOTPD when it is infinite: q leaves the range of p's W,
 * or does not fill it. out is then undefined. */
elbo_status elbo_linear_dynamics_kl(const elbo_linear_dynamics *q,
                                    const elbo_linear_dynamics *p,
                                    elbo_quadratic *out, elbo_arena *ws);

/* out(x) = KL(policy(.|x) || prior(.|x)). ELBO_ENOTPD when S is singular. */
elbo_status elbo_linear_policy_kl(const elbo_linear_policy *policy,
                                  const elbo_linear_prior *prior,
                                  elbo_quadratic *out, elbo_arena *ws);

#endif

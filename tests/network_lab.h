/* tests/network_lab.h -- a small model and a value on a tape of doubles, for
 * expressions of networks.
 *
 *   mean = tanh([o u 1] W), std = exp(v) of y [NO]      theta = (W, v)
 *   V(o) = sum_j b_j tanh(o'B_j),  V_target likewise with other b
 *
 *   Q(o, u) = 0.5 u^2 + 0.3 o_0 u + V(o)
 *   pi: u = tanh(m(o) + exp(l(o)) z), or one of three choices
 *
 * and the same in plain C, expectations by Gauss-Hermite sums.
 */
#ifndef ELBO_NETWORK_LAB_H
#define ELBO_NETWORK_LAB_H

#include "inference/language/network.h"

enum {
    NO = 2,
    NU = 1,
    ROWS = 5,
    HIDDEN = 3,
    NZ = NO + NU + 1,
    NTHETA = NZ * NO + NO
};

typedef struct net_lab {
    double theta[NTHETA];
    double o[ROWS * NO], u[ROWS * NU], r[ROWS], next[ROWS * NO], end[ROWS];
    double B[HIDDEN * NO], b[HIDDEN];
    double slow[HIDDEN]; /* b of V_target */
    float table[ELBO_NETWORK_TABLES][ROWS * NO];
    double weight[ROWS], factor[ELBO_NETWORK_FACTORS][ROWS];
    double gamma;
    bool certain; /* the model's deviations count as 0 */
    bool choices; /* the policy's */
    /* the program */
    elbo_arena *arena;
    elbo_tape *tape;
    elbo_node W, v, total;
    elbo_network *program;
    elbo_network_rows rows;
    uint32_t slot[ROWS];
    elbo_expr *expr;
} net_lab;

extern const elbo_factor_name net_lab_factors[];

/* Random data, theta and tables that fit V; no program. */
void net_lab_set_up(net_lab *l, uint64_t seed);
/* Text onto the tape; the total is the sum over rows. *column as
 * elbo_network_alloc. */
elbo_status net_lab_compile(net_lab *l, const char *text, size_t *column);
void net_lab_bind(net_lab *l, elbo_rng *rng);
/* The expression at each slot for theta, at what is bound. */
void net_lab_values(net_lab *l, double out[ROWS]);
void net_lab_gradient(net_lab *l, double out[NTHETA]);
void net_lab_close(net_lab *l);

/* In plain C. */
void net_lab_moments(const net_lab *l, size_t row, double mean[NO],
                     double std[NO]);
double net_lab_V(const net_lab *l, const double o[NO]);
double net_lab_target(const net_lab *l, const double o[NO]);
/* The same at any o, u. */
void net_lab_moments_at(const net_lab *l, const double o[NO], double u,
                        double mean[NO], double std[NO]);
double net_lab_Q(const net_lab *l, const double o[NO], double u);

enum { LAB_ACTIONS = 4, LAB_CHOICES = 3 };
/* How many fixed actions at o; action k, its share and its log density. */
size_t net_lab_actions(const net_lab *l);
double net_lab_action(const net_lab *l, const double o[NO], size_t k,
                      double *share, double *logpi);
/* Of noise z. */
double net_lab_draw(const double o[NO], double z);

/* Points of the Gauss-Hermite sum: E g(z), z ~ N(0, 1), is sum_i share_i g(z_i). */
enum { LAB_POINTS = 12 };
double net_lab_point(size_t i, double *share);

/* E f(y) at a row. */
double net_lab_E(const net_lab *l, size_t row,
                 double (*f)(const net_lab *, size_t, const double[]));

#endif

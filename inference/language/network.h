/* inference/language/network.h -- a checked expression compiled onto a tape,
 * for models by networks: a value a row of a batch of B transitions.
 *
 *   y ~ N(mean, diag(std^2))     o, s, next, y [B x no]     a [B x nu], in
 * rows' units
 *
 * E and Var are exact where f is a polynomial of degree 2 in y, entry by entry
 * or a sum over entries: E y = mean, E sum(w*sq(y - c)), ... Else they are
 * means over y_k = mean + std e_k, e_k ~ N(0, I), ELBO_NETWORK_SAMPLES of them
 * a row (E(f, n): n of its own), through which derivatives flow to theta. A
 * product of two means z, w of samples is
 *
 *   [n^2 z w - sum_k z_k w_k] / (n (n - 1))        unbiased for E z E w
 *
 * so that sq(E(f) - c) is calibrated; E(f, n) is a number, whose square is
 * biased, and usq(E(f, n) - c) is not. Sums of means are means, of E, Epi and roll
 * alike. Other functions of a mean of samples are as biased as the samples are few.
 *
 * V is the control's, its parameters constant unless the frame has it move: V(y)
 * moves with theta through y, and so does V_target(y), by the copy that the
 * critics' own targets read. V_then is known at s and at next: what V said as the
 * row was collected.
 * A state after which the episode is over is worth 0, the model's y too where
 * the data say so. gradV is the slope of the network itself, at s and at next.
 * Epi(f) is a sum over choices, or the mean over as many fixed draws of the policy
 * as make its V: E and rhat within it are the member's at those actions. roll(k, f)
 * takes ELBO_NETWORK_SAMPLES paths of the member and the policy a row, noise of
 * both reparameterised (a choice's is summed over); where the data say that the
 * episode is over V is 0 at their ends, and no other end is followed. roll(1, f) is
 * E(f).
 *
 * Ed(f) is f at the one sample there is: allowed as it is, or inside a square;
 * any other function of it would not be one of the mean and is refused, as is
 * what networks have not (Jmodel, occupancies, ...). mean(f) is over the
 * batch at hand: a nonlinear function of it is as biased as the batch is small.
 */
#ifndef ELBO_NETWORK_H
#define ELBO_NETWORK_H

#include "inference/core/rng.h"
#include "inference/core/tape.h"
#include "inference/language/expression.h"

enum { ELBO_NETWORK_SAMPLES = 4, ELBO_NETWORK_FACTORS = 8 };

/* What control and model say of each row of the data, by slot; constants on the
 * tape. X(name, columns) */
#define ELBO_NETWORK_LIST(X)                                                   \
    X(V, 1)      /* V(s) */                                                    \
    X(V_NEXT, 1) /* V(next), 0 where the episode is over */                    \
    X(SLOPE, no) /* gradV(s) */                                                \
    X(SLOPE_NEXT, no)                                                          \
    X(TARGET, 1)       /* V_target(s) */                                       \
    X(TARGET_NEXT, 1)  /* V_target(next), 0 where the episode is over */       \
    X(Q, 1)            /* Q(s, a) */                                           \
    X(LOGPI, 1)        /* log pi(a|s) / pi0(a|s) */                            \
    X(LOGP, 1)         /* logp, where no member is at hand */                  \
    X(J, 1)            /* J, the same in every row */                          \
    X(THEN, 1)         /* V_then(s) */                                         \
    X(THEN_NEXT, 1)    /* V_then(next) */                                      \
    X(ALEATORIC, 1)    /* max_i |std_i(s, a)| over an ensemble */              \
    X(DISAGREEMENT, 1) /* max_ij |mean_i(s, a) - mean_j(s, a)| */

typedef enum elbo_network_table {
#define ELBO_NETWORK_ENUM(name, cols) ELBO_NETWORK_##name,
    ELBO_NETWORK_LIST(ELBO_NETWORK_ENUM)
#undef ELBO_NETWORK_ENUM
        ELBO_NETWORK_TABLES
} elbo_network_table;

/* Actions of a policy at each of B rows of observations, m a row: those of row b are
 * rows b m .., with shares that sum to 1. */
typedef struct elbo_policy_nodes {
    size_t m;
    elbo_node u;     /* [B m x nu] */
    elbo_node share; /* [B m x 1], or one number of all */
    bool dense;      /* logpi is set: log pi(u|o) / pi0(u), [B m x 1] */
    elbo_node logpi;
} elbo_policy_nodes;
#define ELBO_NO_POLICY_NOISE UINT32_MAX

/* What a member says of other rows: as in the frame. */
typedef struct elbo_network_step {
    elbo_node mean, std, rhat;
} elbo_network_step;

/* Where an expression is compiled. The nodes are there already. */
typedef struct elbo_network_frame {
    elbo_tape *tape;
    size_t rows, no, nu;               /* B */
    elbo_node o, u, reward, next, end; /* of the data */
    bool member; /* what follows is set; else theta has no words
                    but logp, a table */
    elbo_node mean, std, logp;
    bool certain; /* std is 0: E f is f at the mean, without samples */
    bool pays; /* rhat is set: the model knows rewards */
    elbo_node rhat;
    double gamma;
    bool has[ELBO_NETWORK_TABLES]; /* what control gives */
    /* V [n x 1] of o [n x no] on the tape; NULL: none. */
    elbo_status (*value)(void *control, elbo_tape *tape, elbo_node o,
                         elbo_node *V);
    /* The same of its slow copy. */
    elbo_status (*target)(void *control, elbo_tape *tape, elbo_node o,
                          elbo_node *V);
    /* Q [n x 1] of o and u [n x nu]. */
    elbo_status (*action_value)(void *control, elbo_tape *tape, elbo_node o,
                                elbo_node u, elbo_node *Q);
    /* Its actions at o. `noise` [n x policy_noise], standard normals: one draw a
     * row; ELBO_NO_POLICY_NOISE: the fixed ones. Where policy_noise is 0 it has
     * none: its choices, or what it does for sure. */
    elbo_status (*policy)(void *control, elbo_tape *tape, elbo_node o,
                          elbo_node noise, elbo_policy_nodes *out);
    size_t policy_noise;
    /* A node in the place of a table, of a planner that moves with theta; false: it
     * stands still, and its rows are bound. NULL: all stand still. */
    bool (*moving)(void *control, elbo_tape *tape, elbo_network_table table,
                   elbo_node *out);
    void *control; /* of all of these */
    /* The member at other rows; `of` are its nodes. NULL: not told. */
    elbo_status (*step)(const void *model, const void *of, elbo_tape *tape,
                        size_t rows, elbo_node o, elbo_node u,
                        elbo_network_step *out);
    const void *model, *of;
} elbo_network_frame;

/* A factor as the expression calls it; a quotient of occupancies is one, by the
 * name of its numerator. */
typedef struct elbo_network_factor {
    const char *text;      /* canonical, "logratio(classifier)" */
    const elbo_expr *call; /* of the quotient the numerator */
} elbo_network_factor;

typedef struct elbo_network elbo_network;

/* Nodes onto frame->tape, which is not finished; the tree is borrowed.
 * ELBO_EINVAL with *column for what has no meaning here; ELBO_ENOMEM. */
elbo_status elbo_network_alloc(const elbo_expr *expr,
                               const elbo_network_frame *frame,
                               elbo_network **out, size_t *column);
void elbo_network_free(elbo_network *program); /* NULL ok; not the tape */

/* The expression, [B x 1]. */
elbo_node elbo_network_value(const elbo_network *program);
bool elbo_network_reads(const elbo_network *program, elbo_network_table table);
size_t elbo_network_factors(const elbo_network *program,
                            const elbo_network_factor **out);

/* Rows of the data: their slots, and what each slot holds. */
typedef struct elbo_network_rows {
    const uint32_t
        *slot; /* [n], 1 <= n <= B; the last one fills the batch up */
    size_t n;
    const float
        *table[ELBO_NETWORK_TABLES]; /* [slots x cols]; NULL: not read */
    const double
        *factor[ELBO_NETWORK_FACTORS]; /* [slots], in the program's order */
    const double *weight; /* [slots]: mean(f) is by them; NULL: all 1 */
} elbo_network_rows;

/* Values of the leaves that it made, samples of y among them; once the tape is
 * finished, before each forward run. */
void elbo_network_bind(elbo_network *program, const elbo_network_rows *rows,
                       elbo_rng *rng);

/* What may be read: as in the frame. */
typedef struct elbo_network_words {
    bool member, value, target, action_value, policy, steps;
    bool has[ELBO_NETWORK_TABLES];
} elbo_network_words;
elbo_network_words elbo_network_all(bool member);

/* Text to a checked tree, as elbo_expression_check, of what networks can
 * compile; `factors` ends in {0} or is NULL. column, nearest: NULL ok. */
elbo_status elbo_network_parse(const char *text,
                               const elbo_factor_name *factors,
                               const elbo_network_words *words,
                               elbo_arena *arena, elbo_expr **out,
                               size_t *column, const char **nearest);

#endif

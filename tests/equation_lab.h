/* tests/equation_lab.h -- a model, critics whose slow copies are apart from them, rows,
 * and two graphs of a data term through the critics' equation: the M-step's own, and one
 * by hand.
 */
#ifndef ELBO_EQUATION_LAB_H
#define ELBO_EQUATION_LAB_H

#include "control/actor_critic.h"
#include "inference/task_objective.h"
#include "tests/ensemble_cases.h"

enum { EQUATION_ROWS = 60, EQUATION_MOST = 100 };
/* Critics to choose from; the first few are one smooth network. */
enum { EQUATION_CRITICS = 5, EQUATION_SMOOTH = 3 };

/* The two objectives, which the second graph makes again from the equation's parts. */
extern const char *const equation_texts[2];
extern const char equation_model[];
extern const char equation_noisy[]; /* not certain of y */

typedef struct equation_bench {
    elbo_task_world world;
    elbo_task_belief belief;
    elbo_replay data;
    elbo_task_problem problem;
    const elbo_task_control *control;
    elbo_actor_critic *critic;
    elbo_route route;
    elbo_task_objective *objective;
    elbo_task_mstep mstep;
    double theta[EQUATION_MOST];
    size_t n; /* of theta */
} equation_bench;

void equation_set_up(equation_bench *b, size_t which, const char *gradient,
                     const char *model, const char *text);
void equation_tear_down(equation_bench *b);
/* direct [n] and what goes through the critics, of the M-step's graph. */
void equation_derive(equation_bench *b, elbo_precision precision, double direct[],
                     double pulled[]);

/* The member on a tape, after the leaves of its rows. */
void equation_member(const equation_bench *b, elbo_tape *tape, elbo_task_nodes *x);

/* Numbers of n leaves, one after the other. */
typedef void equation_reader(const elbo_tape *tape, elbo_node x, double out[]);
void equation_read(const elbo_tape *tape, size_t n, const elbo_node leaf[],
                   equation_reader *read, double out[]);
double equation_largest(size_t n, const double x[]);

/* The graph by hand, in double. */
typedef struct equation_lab {
    const equation_bench *b;
    elbo_tape *tape;
    elbo_task_nodes nodes;
    elbo_task_unknowns w;
    size_t n_w;
    elbo_node loss, outer;
    elbo_node Q, V, target; /* at the rows' s and a */
} equation_lab;

equation_lab equation_open(const equation_bench *b, size_t text);
/* A node of one entry at theta. */
double equation_run(const equation_lab *l, const double theta[], elbo_node of);
/* d of / dw [n_w] at theta. */
void equation_slope(const equation_lab *l, const double theta[], elbo_node of,
                    double out[]);
elbo_node equation_bin(const equation_lab *l, elbo_binary op, elbo_node x, elbo_node y);
elbo_node equation_half_square(const equation_lab *l, elbo_node x); /* -x^2 / 2 */
void equation_bind(const equation_lab *l); /* the rows */

#endif

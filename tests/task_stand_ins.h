/* tests/task_stand_ins.h -- a task, a model and a control whose every figure has a
 * closed form.
 *
 *   task     x' = a x + b u + s e, e ~ N(0, 1);  r = -x^2 - c u^2;  x_0 ~ N(m, v)
 *            observed as it is; over where x is beyond `end`
 *   model    the task's own, but that each reward is `bias` more
 *   control  u > 0 with probability p, uniform on either side:
 *            log pi/pi0 = log 2p or log 2(1 - p); judged by u = 1/2
 */
#ifndef ELBO_TASK_STAND_INS_H
#define ELBO_TASK_STAND_INS_H

#include "inference/control.h"
#include "inference/model.h"
#include "inference/task_state.h"
#include "tests/engine_cases.h"

/* What they read; set by stand_in_reset, then by the test. */
typedef struct stand_in {
    double a, b, s, c, m, v, end;
    double bias;
    double p;            /* of the control */
    double value, slope; /* V(x) = value + slope x */
    bool moves;        /* p follows the rewards of the batches it is improved on */
    size_t updates;    /* that were asked for in all */
} stand_in;
extern stand_in stand_ins;
void stand_in_reset(void);

/* 25 steps an iteration and short rollouts, of episodes of 20 steps. */
extern const case_text stand_in_text;
/* A checked engine of the three, with the settings of the text (its names are not
 * read). */
elbo_engine *stand_in_start(case_setup *c, const case_text *text, uint64_t seed);

/* The row's column of this name. */
double stand_in_column(const elbo_engine *e, const elbo_row *row, const char *name);

/* E sum_t gamma^t (r - alpha log pi/pi0) over T steps, of u with these moments and KL
 * at each step. */
double stand_in_return(double gamma, size_t T, double mean, double square, double kl,
                       double alpha);

#endif

/* tests/gradient_cases.h -- a planner in a learned model of a small garnet, and
 * slopes that an objective might have.
 */
#ifndef ELBO_GRADIENT_CASES_H
#define ELBO_GRADIENT_CASES_H

#include "inference/gradient.h"
#include "inference/model.h"
#include "tests/engine_cases.h"

/* How a case is set up. */
typedef struct gradient_setting {
    const char *model, *options; /* of the model */
    const char *transition;
    double alpha;
} gradient_setting;

typedef struct gradient_case {
    case_problem c;
    elbo_arena *ws;
    elbo_belief belief;
    elbo_problem problem;
    elbo_posterior post;
    elbo_plan plan;
    elbo_slopes slopes; /* random; what they weigh is objective_of() */
    elbo_route route;
    double *trace;
} gradient_case;

/* With every transition setting, both gradient models, and learned rewards. */
extern const gradient_setting gradient_settings[];
extern const int n_gradient_settings;

void gradient_case_open(gradient_case *g, const gradient_setting *setting,
                        const char *route);
void gradient_case_close(gradient_case *g);

/* Another setting of the slot in the same case. */
void gradient_case_route(gradient_case *g, const char *route);
/* The plan at theta as it stands. */
void gradient_case_solve(gradient_case *g);
/* sum of slopes times what the plan at theta is: linear in all it reads. Where
 * slopes are held, at the policy `held` [nS x nA]. */
double gradient_case_value(gradient_case *g, const double held[]);
/* The slopes at the last plan, pulled back: G [elbo_belief_slopes] from 0. */
elbo_gradient_info gradient_case_pull(gradient_case *g, double G[]);

#endif

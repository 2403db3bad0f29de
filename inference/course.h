/* inference/course.h -- the family of continuous worlds from within: for course*.c
 * alone.
 */
#ifndef ELBO_COURSE_H
#define ELBO_COURSE_H

#include "inference/engine_state.h"
#include "inference/linear_data.h"
#include "inference/plant_model.h"
#include "inference/trajectory.h"

/* Who collects: the controller, or none, plus N(0, noise^2) on a share epsilon of
 * the steps. Inputs are cut to the world's limit. */
typedef struct elbo_course_behaviour {
    bool current;
    double epsilon, noise;
    double limit; /* an episode is cut where a state's modulus is beyond it */
    size_t episode_steps;
} elbo_course_behaviour;

typedef struct elbo_course {
    elbo_plant plant;
    elbo_plant_belief belief;
    elbo_trajectory_problem problem; /* in the model */
    const elbo_trajectory *control;
    void *solver;
    bool planned;
    size_t rounds;    /* of the control, an E-step */
    double F;         /* F_control of the last one */
    size_t episodes;  /* of an evaluation */
    gsl_matrix *noise, *start; /* L L' of the world's own, [nx x nx] */
    elbo_linear_data data;
    elbo_linear_collector collector;
    elbo_course_behaviour behaviour;
} elbo_course;

/* u = K x + k of step t of the controller. */
void elbo_course_steer(const elbo_course *course, size_t t, const double x[],
                       double u[]);
/* x += L e, e standard normals. */
void elbo_course_disturb(double x[], const gsl_matrix *L, elbo_rng *rng);

/* course_data.c: D, and its rows in e->ws. */
elbo_status elbo_course_open_data(elbo_engine *engine, const elbo_setup *setup,
                                  uint64_t seed);
elbo_status elbo_course_gather(elbo_engine *engine, elbo_row *row);
elbo_status elbo_course_rows(elbo_engine *engine, elbo_plant_data *out);

/* course_rules.c */
elbo_status elbo_course_check(const elbo_setup *setup, size_t skip,
                              const char **section, const char **key);
const char *elbo_course_kind(const elbo_setup *setup);

/* course_return.c: the mean of -1/2 cost over the evaluation's episodes, in the
 * world or in the model, drawn from streams (seed, "evaluation", episode) whatever
 * the round. ELBO_ENOTFINITE. */
elbo_status elbo_course_return(elbo_engine *engine, bool model, double *J);

#endif

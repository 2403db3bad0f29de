/* inference/course.h -- the family of continuous worlds from within: for course*.c
 * alone.
 */
#ifndef ELBO_COURSE_H
#define ELBO_COURSE_H

#include "inference/engine_state.h"
#include "inference/trajectory.h"

typedef struct elbo_course {
    elbo_plant plant;
    elbo_trajectory_problem problem;
    const elbo_trajectory *control;
    void *solver;
    double F;         /* of the last round */
    size_t episodes;  /* of an evaluation */
    double *noise, *start; /* [nx] standard deviations */
} elbo_course;

/* course_rules.c */
elbo_status elbo_course_check(const elbo_setup *setup, size_t skip,
                              const char **section, const char **key);
const char *elbo_course_kind(const elbo_setup *setup);

/* course_return.c: the mean of -1/2 cost over the evaluation's episodes, drawn
 * from streams (seed, "evaluation", episode) whatever the round. ELBO_ENOTFINITE
 * names the episode. */
elbo_status elbo_course_return(elbo_engine *engine, double *J);

#endif

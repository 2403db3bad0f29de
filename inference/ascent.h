/* inference/ascent.h -- x <- a better x: maximisers of a function of n numbers.
 *
 * They leave the best point that they saw, so a call never leaves x worse than
 * it was. Each call starts afresh, but for what an archive remembers.
 */
#ifndef ELBO_ASCENT_H
#define ELBO_ASCENT_H

#include <stdbool.h>

#include "inference/archive.h"
#include "inference/balls.h"
#include "inference/core/arena.h"

/* What is maximised. */
typedef struct elbo_summit {
    void *self;
    size_t n;
    double scale; /* tolerances and steps refer to f / scale */
    /* f at x; grad[n] its gradient unless NULL. A failure is a point that is
     * infinitely bad, but for ELBO_ENOMEM and ELBO_ESIZE, which end the search.
     */
    elbo_status (*value)(void *self, const double x[], double *value,
                         double grad[]);
} elbo_summit;

typedef struct elbo_ascender elbo_ascender;

/* How. */
typedef struct elbo_ascent {
    const elbo_ascender *method;
    size_t iterations; /* at most */
    double tolerance;  /* ends at |gradient| <= tolerance max(1, |f|), both
                          divided by scale; with balls, the gradient's
                          projected step */
    double rate;       /* step of adam */
    bool last;         /* x ends where adam stood, better or not */
    const elbo_balls *balls; /* x stays in them; NULL: no bound */
    /* Of searches by values alone. */
    double step;   /* nelder_mead: of the first simplex; differences: of a
                      quotient; evolution: the first deviation; 0: its own */
    double box;    /* gp: looks at |x_j| <= box */
    uint64_t seed; /* gp, evolution: streams "search", "evolution" */
    elbo_archive *archive; /* gp: what it knows, from call to call while f stays
                              the same; NULL: nothing before, nothing after */
} elbo_ascent;

typedef struct elbo_ascent_info {
    double before, after; /* f */
    size_t iterations;
    bool converged;
} elbo_ascent_info;

/* A search under way: for inference/ascent_*.c alone. */
typedef struct elbo_climb {
    const elbo_summit *f;
    const elbo_ascent *how;
    double *x; /* [n] where it stands: the start; the method's own from then */
    double *best;           /* [n] the best point seen */
    elbo_ascent_info *info; /* after: the value of best */
    elbo_status fatal;      /* what no other point can mend */
    elbo_arena *ws;
} elbo_climb;

struct elbo_ascender {
    const char *name, *source, *doc;
    bool bounded;   /* keeps to balls */
    bool remembers; /* has use for an archive */
    size_t most;    /* numbers it can search; 0: any */
    elbo_status (*run)(elbo_climb *climb);
};

/* Along the gradient; iterations count steps. */
extern const elbo_ascender elbo_ascender_bfgs, elbo_ascender_adam,
    elbo_ascender_spg, elbo_ascender_gd;
/* By values alone (inference/gradient/); iterations count evaluations. */
extern const elbo_ascender elbo_ascender_nelder_mead, elbo_ascender_differences,
    elbo_ascender_evolution, elbo_ascender_gp;
enum { ELBO_GP_POINTS = 200 }; /* of an archive: a fit takes their cube */
/* Those of the option m_step, and of search(); both end in NULL. */
extern const elbo_ascender *const elbo_ascenders[];
extern const elbo_ascender *const elbo_searchers[];
const elbo_ascender *elbo_ascender_find(const char *name); /* NULL: unknown */

/* ELBO_EINVAL, in words, when a method cannot search n numbers. */
elbo_status elbo_ascender_check(const elbo_ascender *method, size_t n);

/* x <- the best point found from x on, which lies in the balls (or the last one,
 * where `last` asks for it and f is finite there). A failure of
 * f at x passes through; after any failure x is as it was. */
elbo_status elbo_ascend(const elbo_ascent *how, const elbo_summit *f,
                        double x[], elbo_ascent_info *info, elbo_arena *ws);

/* f at x into *value, -inf where it fails; remembers the best. grad NULL ok;
 * it is 0 where f fails. */
void elbo_climb_try(elbo_climb *climb, const double x[], double *value,
                    double grad[]);

#endif

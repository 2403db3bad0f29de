/* inference/finite_facts.h -- an experiment's settings read together: for
 * finite_slots.c (what goes together) and finite_kind.c (what it is).
 */
#ifndef ELBO_FINITE_FACTS_H
#define ELBO_FINITE_FACTS_H

#include "inference/finite.h"
#include "inference/language/calibration.h"
#include "inference/language/named.h"

typedef struct elbo_facts {
    const elbo_setup *setup;
    elbo_slots slots;
    bool tilted, robust, linear, kl_clash;
    bool expression;  /* the likelihood is not logp */
    elbo_return_facts reward, returned; /* of control: reward, return_weight */
    elbo_weight weight;
    unsigned depends; /* of the likelihood: elbo_expr's set */
    bool stops;       /* gradient: stop */
    bool more;        /* it reads more of the planner than Jmodel */
    bool rhat, then, target; /* it reads rhat, V_then, V_target */
    bool backups;            /* it reads T, and so rewards */
    bool rolls;   /* some expression follows the policy: roll(2, ...) and on */
    bool stages;  /* with a horizon: likelihood or weight read what differs from
                     stage to stage */
    bool episodes;        /* some expression reads Jcwpdis */
    bool gradients;       /* ... or gradJ_error */
    bool learnt;          /* a factor in it learns through the M-step */
    bool learnt_elsewhere; /* ... in the weight, or what control maximises */
    bool samples;          /* it has E(f, n) */
    elbo_calibration calibration;
    const elbo_named *named; /* the published objective that it is, or NULL */
    double kappa;
} elbo_facts;

elbo_status elbo_facts_read(const elbo_setup *setup, elbo_arena *arena,
                            elbo_facts *out);

/* A contradiction between settings: of whom it blames, when, and why. */
typedef struct elbo_clash {
    const char *section, *key;
    bool (*broken)(const elbo_facts *f);
    const char *text;
} elbo_clash;

/* finite_slots_plan.c: those of transition: free, of what control maximises, of
 * the data term as a constraint and of evaluation. */
extern const elbo_clash elbo_plan_clashes[];
extern const size_t elbo_n_plan_clashes;
/* engine_slots_shared.c: those of all families. */
extern const elbo_clash elbo_shared_clashes[];
extern const size_t elbo_n_shared_clashes;
/* ELBO_ECONFIG at the first that holds after `*skip` others, which it counts down. */
elbo_status elbo_clash_check(const elbo_clash list[], size_t n,
                             const elbo_facts *of, size_t *skip,
                             const char **section, const char **key);

/* finite_kind.c: what an objective is whose likelihood or weight is an expression;
 * NULL: neither is. */
const char *elbo_facts_kind(const elbo_facts *facts);

#endif

/* inference/family.h -- one engine, several families of worlds.
 *
 * A family is the kind of factors that an experiment's posterior has: rows of
 * probabilities in finite worlds, Gaussians in linear-Gaussian ones, smoothed latent
 * states in observed ones, networks in control tasks. The engine (inference/engine.c)
 * runs the one loop and its watchdog; a family says how each step is done. The
 * environment decides the family; models and controls say which ones they serve.
 */
#ifndef ELBO_FAMILY_H
#define ELBO_FAMILY_H

#include "inference/engine.h"

/* A setting that a family has no use for: it must be as if nobody had set it. */
typedef struct elbo_absent {
    const char *section, *key;
} elbo_absent;

typedef struct elbo_family {
    const char *noun; /* "finite worlds" */
    const char *unwatched; /* why its steps promise nothing; NULL: they are watched */
    const elbo_absent *absent; /* ends in {0} */
    bool (*serves_model)(const elbo_model *model);
    bool (*serves_control)(const elbo_control *control);
    /* As elbo_setup_check, _kind, _named and _oracles, once the components are of
     * the family. */
    elbo_status (*check)(const elbo_setup *setup, size_t skip,
                         const char **section, const char **key);
    /* As elbo_setup_expression; NULL: its rules refuse all but logp. */
    elbo_status (*expression)(const elbo_setup *setup, const char *key,
                              const char *text, elbo_arena *arena, size_t *column,
                              const char **nearest);
    const char *(*kind)(const elbo_setup *setup);
    const char *(*named)(const elbo_setup *setup);
    elbo_status (*oracles)(const elbo_setup *setup, elbo_arena *arena,
                           const char *const **out); /* NULL: there are none */
    /* The parts of an engine whose settings are read; `close` also after a failed
     * `open`. */
    elbo_status (*open)(elbo_engine *engine, const elbo_setup *setup,
                        uint64_t seed, const char **section);
    void (*close)(elbo_engine *engine);
    /* The steps of one iteration, in this order: D, factors and weights; theta;
     * (pi, q), with *allowance what the solver may have lost of F; the row; F
     * itself, where the loop is one potential (NULL: it never is). */
    elbo_status (*gather)(elbo_engine *engine, elbo_row *row);
    elbo_status (*m_step)(elbo_engine *engine, elbo_row *row);
    elbo_status (*e_step)(elbo_engine *engine, elbo_row *row,
                          double *allowance);
    elbo_status (*record)(elbo_engine *engine, elbo_row *row);
    elbo_status (*watch)(const elbo_engine *engine, const elbo_row *row,
                         double allowance);
    /* F may stand still and move again; NULL: never. */
    bool (*restless)(const elbo_engine *engine, const elbo_row *row);
    /* J in the world of its best policy, and of the present one. */
    elbo_status (*judge)(elbo_engine *engine, double *best, double *present);
    void (*save)(const elbo_engine *engine, elbo_writer *out);
    elbo_status (*load)(elbo_engine *engine, elbo_reader *in);
    elbo_extent (*extent)(const elbo_engine *engine);
    elbo_status (*check_gradient)(elbo_engine *engine,
                                  elbo_derivative_check *out);
} elbo_family;

extern const elbo_family elbo_finite_family, elbo_linear_family,
    elbo_course_family, elbo_observed_family, elbo_task_family;

/* Never NULL. */
const elbo_family *elbo_family_of(const elbo_env *env);

#endif

/* inference/program/worlds.h -- do two runs take place in the same world?
 */
#ifndef ELBO_WORLDS_H
#define ELBO_WORLDS_H

#include "inference/core/arena.h"

/* *difference is the first setting of env, as their resolved.yaml tell, in which
 * the runs differ ("env.slip: 0.3, 0.2"), or NULL. ELBO_ENOINPUT: one has no
 * resolved.yaml; ELBO_EDATA: one has no env in it. */
elbo_status elbo_worlds_differ(const char *dir, const char *other,
                               elbo_arena *arena, const char **difference);

#endif

/* inference/program/json_file.h -- JSON that the program wrote, read back. */
#ifndef ELBO_JSON_FILE_H
#define ELBO_JSON_FILE_H

#include <jansson.h>

#include "inference/core/arena.h"
#include "inference/core/status.h"

/* The value in a file, the caller's to json_decref. As elbo_source_read;
 * ELBO_EDATA: it is no JSON, in a text that begins with the path. */
elbo_status elbo_json_read(const char *path, elbo_arena *arena, json_t **root);

#endif

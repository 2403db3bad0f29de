/* inference/core/replace.h -- a file is replaced whole, or not at all.
 *
 * What checkpoint.c and elbo_file_replace (checkpoint.h) share.
 */
#ifndef ELBO_REPLACE_H
#define ELBO_REPLACE_H

#include <stddef.h>

#include "inference/core/status.h"

/* Bytes of the new file; borrowed. */
typedef struct elbo_part {
    const void *data;
    size_t bytes;
} elbo_part;

/* Write parts[n], one after another, as the file `path`. ELBO_ENOMEM or
 * ELBO_EIO (text: path and reason): the file that stood there before is then
 * untouched and no temporary stays; only when the folder cannot be synced is
 * the new file in its place already. */
elbo_status elbo_file_replace_parts(const char *path, const elbo_part parts[],
                                    size_t n);

#endif

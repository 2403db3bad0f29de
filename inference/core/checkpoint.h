/* inference/core/checkpoint.h -- the container that a run's state is kept in.
 *
 * File (little endian): magic "ELBOCKPT", u32 version, u32 number of sections;
 * per section: name [32 bytes], u64 offset, u64 length, u64 XXH3 of its bytes;
 * the sections, each 64-byte aligned; at the end the XXH3 of all that precedes.
 * A file is written under a temporary name in its folder, synced, renamed, and
 * the folder is synced: a reader sees the old file or the new one, never a part.
 */
#ifndef ELBO_CHECKPOINT_H
#define ELBO_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "inference/core/status.h"

/* Grows in memory; fails sticky, told by elbo_writer_commit. */
typedef struct elbo_writer elbo_writer;
/* A verified file in memory. */
typedef struct elbo_reader elbo_reader;

elbo_writer *elbo_writer_alloc(void); /* NULL: no memory */
void elbo_writer_free(elbo_writer *out);

/* Start the section `name` (under 32 characters, each once). All that is put
 * from here on belongs to it. */
void elbo_writer_section(elbo_writer *out, const char *name);
void elbo_put_u64(elbo_writer *out, uint64_t x);
void elbo_put_f64(elbo_writer *out, double x);
void elbo_put_doubles(elbo_writer *out, const double x[], size_t n);
void elbo_put_bytes(elbo_writer *out, const void *x, size_t bytes);

/* Write the file `path`. ELBO_ENOMEM or ELBO_EIO (text: path and reason); the
 * file that stood there before is then untouched and no temporary file stays. */
elbo_status elbo_writer_commit(elbo_writer *out, const char *path);

/* Read and verify. ELBO_ENOINPUT when there is no such file; ELBO_EDATA, with
 * the section or offset, when it is short, long, of another version or its
 * digest differs. Caller frees. */
elbo_status elbo_reader_open(const char *path, elbo_reader **out);
void elbo_reader_free(elbo_reader *in);

/* Go to a section; ELBO_EDATA when it is missing. */
elbo_status elbo_reader_section(elbo_reader *in, const char *name);
/* The next value(s) of the section; ELBO_EDATA, naming the section, at its end. */
elbo_status elbo_get_u64(elbo_reader *in, uint64_t *x);
elbo_status elbo_get_f64(elbo_reader *in, double *x);
elbo_status elbo_get_doubles(elbo_reader *in, double x[], size_t n);
elbo_status elbo_get_bytes(elbo_reader *in, void *x, size_t bytes);

/* Write `bytes` as the whole file `path` by the same temporary name, sync,
 * rename, sync. ELBO_EIO as above. */
elbo_status elbo_file_replace(const char *path, const void *data, size_t bytes);

#endif

/* tests/scratch_folder.h -- a folder of its own for every test of a case.
 *
 *     tcase_add_checked_fixture(t, scratch_make, scratch_remove);
 */
#ifndef ELBO_SCRATCH_FOLDER_H
#define ELBO_SCRATCH_FOLDER_H

#include <stddef.h>

/* The folder, and a file "state" in it that does not exist at first. */
extern char scratch_folder[64], scratch_path[96];

void scratch_make(void);
void scratch_remove(void);

/* The number of entries in the folder. */
size_t scratch_count(void);

/* All of scratch_path (at most `room` bytes), and scratch_path as a new file:
 * some file systems flush one that is cut and written again. */
size_t scratch_read(unsigned char out[], size_t room);
void scratch_write(const void *data, size_t n);

#endif

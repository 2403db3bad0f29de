/* inference/observed_data.h -- the data D of observed worlds: sequences.
 *
 * Capacity is fixed when the run is opened. A value of y may be missing (NaN), one of
 * u may not.
 */
#ifndef ELBO_OBSERVED_DATA_H
#define ELBO_OBSERVED_DATA_H

#include "inference/core/checkpoint.h"
#include "inference/messages/kalman.h"

typedef struct elbo_observed_data {
    size_t ny, nu;
    size_t rows, capacity;
    size_t n, most; /* sequences */
    double *y;      /* [capacity x ny] */
    double *u;      /* [capacity x nu] */
    size_t *first;  /* [most + 1]: sequence i has the rows first[i] .. first[i+1] - 1 */
    size_t *learnt; /* [most]: so many of them, from its first, teach; the others are
                       held out */
} elbo_observed_data;

/* Room for so many sequences and rows, none taken. */
elbo_status elbo_observed_data_init(elbo_observed_data *data, size_t ny, size_t nu,
                                    size_t sequences, size_t rows,
                                    elbo_arena *arena);

/* One more sequence of T >= 1 rows, all of them to teach, y missing and u zero; for
 * the caller to fill. ELBO_ESIZE when it does not fit. */
elbo_status elbo_observed_append(elbo_observed_data *data, size_t T, double **y,
                                 double **u);

/* A CSV file with the columns sequence, y1 .. yny, u1 .. unu, in any order (nu may be
 * 0): rows in time, sequences by whole numbers that do not fall. An empty field or
 * nan is a missing y. `ny`: how many there must be, with `nu`; 0: as many as there
 * are. symbols > 0: y1 alone, a whole number below it. Sized to the file. ELBO_EDATA
 * with path:line:col, ELBO_ENOINPUT, ELBO_ESIZE for too many columns. */
elbo_status elbo_observed_data_read(elbo_observed_data *data, const char *path,
                                    size_t ny, size_t nu, size_t symbols,
                                    elbo_arena *arena);

/* Hold out a share of the sequences from number `from` on, the last of them, rounded
 * to a whole number; or of the steps of each, its last, at least one of them left to
 * teach. */
void elbo_observed_hold_out(elbo_observed_data *data, size_t from, double share,
                            bool steps);
size_t elbo_observed_taught(const elbo_observed_data *data); /* rows that teach */

/* The first `rows` rows of sequence i, as smoothers read it. Borrows the data;
 * `sequence` points into *out, which must not move. rows >= 1. */
typedef struct elbo_observed_view {
    gsl_matrix Y, U;
    elbo_sequence sequence;
} elbo_observed_view;
void elbo_observed_sequence(const elbo_observed_data *data, size_t i, size_t rows,
                            elbo_observed_view *out);
size_t elbo_observed_length(const elbo_observed_data *data, size_t i);
size_t elbo_observed_longest(const elbo_observed_data *data);

/* Into, and from, the current section. ELBO_EDATA when it does not fit. */
void elbo_observed_data_save(const elbo_observed_data *data, elbo_writer *out);
elbo_status elbo_observed_data_load(elbo_observed_data *data, elbo_reader *in);

#endif

/* inference/core/csv.h -- tables of numbers, read strictly.
 *
 * The first line names the columns, in any order: those asked for, each once,
 * and no other. Every later line is a row with a field for each. Fields are
 * numbers: no quotes, no blanks. Lines end in LF or CRLF. Every failure carries
 * path:line:col.
 *
 *     elbo_csv csv;
 *     bool more;
 *     ELBO_TRY(elbo_csv_open(&csv, path, names, 2, arena));
 *     for (;;) {
 *         ELBO_TRY(elbo_csv_next(&csv, &more));
 *         if (!more) break;
 *         ELBO_TRY(elbo_csv_index(&csv, 0, nS, &s));
 *         ELBO_TRY(elbo_csv_double(&csv, 1, 0, 1, &p));
 *     }
 */
#ifndef ELBO_CSV_H
#define ELBO_CSV_H

#include "inference/core/textfile.h"

enum { ELBO_CSV_COLUMNS = 256 };

/* Field i belongs to the i-th name asked for, wherever its column stands. */
typedef struct elbo_csv {
    elbo_textfile file;
    const char *const *names; /* [n], borrowed */
    size_t n;
    size_t line; /* of the current row, from 1; after the last row, that of the
                    end of the file */
    char *rest;  /* what was not read yet */
    size_t order[ELBO_CSV_COLUMNS];  /* column in the file -> i */
    char *field[ELBO_CSV_COLUMNS];   /* of the current row */
    size_t column[ELBO_CSV_COLUMNS]; /* where field i starts, from 1 */
} elbo_csv;

/* Read the file and its header; n <= ELBO_CSV_COLUMNS. The statuses of
 * elbo_textfile_read; ELBO_EDATA for a wrong header. The arena keeps the text.
 */
elbo_status elbo_csv_open(elbo_csv *csv, const char *path,
                          const char *const names[], size_t n,
                          elbo_arena *arena);

/* The lines that are left; for sizing arrays after the opening. */
size_t elbo_csv_most_rows(const elbo_csv *csv);

/* Go to the next row; *more is false at the end. ELBO_EDATA when the row has
 * too few or too many fields. */
elbo_status elbo_csv_next(elbo_csv *csv, bool *more);

/* Field i as a finite decimal number in [low, high], or as a whole number in
 * 0 .. limit - 1. ELBO_EDATA; *out is then untouched. */
elbo_status elbo_csv_double(const elbo_csv *csv, size_t i, double low,
                            double high, double *out);
elbo_status elbo_csv_index(const elbo_csv *csv, size_t i, size_t limit,
                           size_t *out);

/* Field i says that its value is missing: it is empty, or nan in any case. */
bool elbo_csv_missing(const elbo_csv *csv, size_t i);

/* ELBO_EDATA at field i of the current row: "path:line:col: text". */
elbo_status elbo_csv_fault(const elbo_csv *csv, size_t i, const char *format,
                           ...) __attribute__((format(printf, 3, 4)));

#endif

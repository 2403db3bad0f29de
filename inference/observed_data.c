#include "inference/observed_data.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/csv.h"

static const double largest_label = 9007199254740992.; /* 2^53 */

elbo_status elbo_observed_data_init(elbo_observed_data *data, size_t ny, size_t nu,
                                    size_t sequences, size_t rows,
                                    elbo_arena *arena)
{
    const size_t each = (ny + nu) * sizeof(double), room = elbo_alloc_room();

    if (rows > room / each)
        return ELBO_FAIL(ELBO_ENOMEM,
                         "data: %zu rows of %zu bytes; %zu bytes are free", rows,
                         each, room);
    *data = (elbo_observed_data){
        .ny = ny,
        .nu = nu,
        .capacity = rows,
        .most = sequences,
        .y = elbo_arena_doubles(arena, rows * ny),
        .u = elbo_arena_doubles(arena, rows * nu),
        .first = elbo_arena_sizes(arena, sequences + 1),
        .learnt = elbo_arena_sizes(arena, sequences + 1),
    };
    return elbo_arena_check(arena, "data");
}

elbo_status elbo_observed_append(elbo_observed_data *data, size_t T, double **y,
                                 double **u)
{
    const size_t ny = data->ny, nu = data->nu;

    assert(T >= 1);
    if (T > data->capacity - data->rows || data->n == data->most)
        return ELBO_FAIL(ELBO_ESIZE,
                         "data: a sequence of %zu rows does not fit: %zu of %zu "
                         "rows, %zu of %zu sequences taken",
                         T, data->rows, data->capacity, data->n, data->most);
    *y = data->y + data->rows * ny;
    *u = data->u + data->rows * nu;
    for (size_t i = 0; i < T * ny; i++) (*y)[i] = (double)NAN;
    memset(*u, 0, T * nu * sizeof **u);
    data->learnt[data->n] = T;
    data->rows += T;
    data->first[++data->n] = data->rows;
    return ELBO_OK;
}

/* ---- what stands there ---- */

size_t elbo_observed_length(const elbo_observed_data *data, size_t i)
{
    return data->first[i + 1] - data->first[i];
}

size_t elbo_observed_longest(const elbo_observed_data *data)
{
    size_t most = 0;

    for (size_t i = 0; i < data->n; i++) {
        const size_t T = elbo_observed_length(data, i);

        if (T > most) most = T;
    }
    return most;
}

size_t elbo_observed_taught(const elbo_observed_data *data)
{
    size_t sum = 0;

    for (size_t i = 0; i < data->n; i++) sum += data->learnt[i];
    return sum;
}

static gsl_matrix rows_of(double *x, size_t rows, size_t n)
{
    return (gsl_matrix){.size1 = rows, .size2 = n, .tda = n, .data = x};
}

void elbo_observed_sequence(const elbo_observed_data *data, size_t i, size_t rows,
                            elbo_observed_view *out)
{
    const size_t first = data->first[i];

    assert(i < data->n && rows >= 1 && rows <= elbo_observed_length(data, i));
    out->Y = rows_of(data->y + first * data->ny, rows, data->ny);
    out->U = rows_of(data->u + first * data->nu, rows, data->nu);
    out->sequence = (elbo_sequence){.Y = &out->Y,
                                    .U = data->nu > 0 ? &out->U : NULL};
}

void elbo_observed_hold_out(elbo_observed_data *data, size_t from, double share,
                            bool steps)
{
    const size_t n = data->n - from;
    const size_t kept = n - (size_t)floor(share * (double)n + 0.5);

    for (size_t i = 0; i < n; i++) {
        const size_t T = elbo_observed_length(data, from + i);
        const size_t held = (size_t)floor(share * (double)T + 0.5);

        if (steps)
            data->learnt[from + i] = held < T ? T - held : 1;
        else
            data->learnt[from + i] = i < kept ? T : 0;
    }
}

/* ---- a file ---- */

enum { NAME = 16 };

/* How many columns of the header are a letter and a number. */
static size_t count_columns(const char *header, char letter)
{
    size_t n = 0;
    bool starts = true;

    for (const char *c = header; *c && *c != '\n'; c++) {
        if (starts && *c == letter && c[1] >= '0' && c[1] <= '9') n++;
        starts = *c == ',';
    }
    return n;
}

static elbo_status name_columns(size_t ny, size_t nu, elbo_arena *arena,
                                const char **name)
{
    name[0] = "sequence";
    for (size_t i = 0; i < ny + nu; i++) {
        char text[NAME];

        snprintf(text, sizeof text, "%c%u", i < ny ? 'y' : 'u',
                 (unsigned)(i < ny ? i : i - ny) + 1);
        name[i + 1] = elbo_arena_text(arena, text);
    }
    return elbo_arena_check(arena, "data: columns");
}

static elbo_status open_file(elbo_csv *csv, const char *path, size_t *ny, size_t *nu,
                             elbo_arena *arena)
{
    elbo_textfile file;

    if (*ny == 0) {
        ELBO_TRY(elbo_textfile_read(&file, path, arena));
        *ny = count_columns(file.text, 'y');
        *nu = count_columns(file.text, 'u');
    }
    if (*ny == 0) *ny = 1; /* y1 is then said to be missing */

    const size_t n = 1 + *ny + *nu;
    const char **name = elbo_arena_take(arena, n, sizeof *name);

    ELBO_TRY(elbo_arena_check(arena, "data: columns"));
    if (n > ELBO_CSV_COLUMNS)
        return ELBO_FAIL(ELBO_ESIZE, "%s: %zu columns, at most %d can be read",
                         path, n, ELBO_CSV_COLUMNS);
    ELBO_TRY(name_columns(*ny, *nu, arena, name));
    return elbo_csv_open(csv, path, name, n, arena);
}

static elbo_status read_y(const elbo_csv *csv, size_t i, size_t symbols, double *out)
{
    size_t symbol = 0;

    *out = (double)NAN;
    if (elbo_csv_missing(csv, i)) return ELBO_OK;
    if (symbols == 0) return elbo_csv_double(csv, i, -1e150, 1e150, out);
    ELBO_TRY(elbo_csv_index(csv, i, symbols, &symbol));
    *out = (double)symbol;
    return ELBO_OK;
}

/* The next row; its label goes to *label. */
static elbo_status read_row(elbo_observed_data *data, const elbo_csv *csv,
                            size_t symbols, size_t *label)
{
    const size_t ny = data->ny, nu = data->nu, at = data->rows;
    size_t number = 0;

    ELBO_TRY(elbo_csv_index(csv, 0, (size_t)largest_label, &number));
    if (data->n > 0 && number < *label)
        return elbo_csv_fault(csv, 0, "sequence %zu after %zu: must not fall",
                              number, *label);
    if (data->n == 0 || number > *label) {
        data->learnt[data->n] = 0;
        data->n++;
    }
    *label = number;
    for (size_t i = 0; i < ny; i++)
        ELBO_TRY(read_y(csv, 1 + i, symbols, &data->y[at * ny + i]));
    for (size_t i = 0; i < nu; i++)
        ELBO_TRY(elbo_csv_double(csv, 1 + ny + i, -1e150, 1e150,
                                 &data->u[at * nu + i]));
    data->rows++;
    data->learnt[data->n - 1]++;
    data->first[data->n] = data->rows;
    return ELBO_OK;
}

elbo_status elbo_observed_data_read(elbo_observed_data *data, const char *path,
                                    size_t ny, size_t nu, size_t symbols,
                                    elbo_arena *arena)
{
    elbo_csv csv;
    bool more = true;
    size_t label = 0;

    if (symbols > 0) ny = 1;
    ELBO_TRY(open_file(&csv, path, &ny, &nu, arena));

    const size_t most = elbo_csv_most_rows(&csv);

    ELBO_TRY(elbo_observed_data_init(data, ny, nu, most, most, arena));
    for (;;) {
        ELBO_TRY(elbo_csv_next(&csv, &more));
        if (!more) break;
        ELBO_TRY(read_row(data, &csv, symbols, &label));
    }
    if (data->n == 0)
        return ELBO_FAIL(ELBO_EDATA, "%s:%zu:1: no row of data", path, csv.line);
    return ELBO_OK;
}

/* ---- state ---- */

void elbo_observed_data_save(const elbo_observed_data *data, elbo_writer *out)
{
    elbo_put_u64(out, data->n);
    for (size_t i = 0; i < data->n; i++) {
        elbo_put_u64(out, elbo_observed_length(data, i));
        elbo_put_u64(out, data->learnt[i]);
    }
    elbo_put_doubles(out, data->y, data->rows * data->ny);
    elbo_put_doubles(out, data->u, data->rows * data->nu);
}

elbo_status elbo_observed_data_load(elbo_observed_data *data, elbo_reader *in)
{
    uint64_t n = 0;

    ELBO_TRY(elbo_get_u64(in, &n));
    if (n > data->most)
        return ELBO_FAIL(ELBO_EDATA, "data: %llu sequences saved, room for %zu",
                         (unsigned long long)n, data->most);
    data->n = data->rows = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t T = 0, learnt = 0;
        double *y, *u;

        ELBO_TRY(elbo_get_u64(in, &T));
        ELBO_TRY(elbo_get_u64(in, &learnt));
        if (T < 1 || T > data->capacity || learnt > T)
            return ELBO_FAIL(ELBO_EDATA,
                             "data: sequence %llu of %llu rows, %llu of them to "
                             "teach",
                             (unsigned long long)i + 1, (unsigned long long)T,
                             (unsigned long long)learnt);
        ELBO_TRY(elbo_observed_append(data, (size_t)T, &y, &u));
        data->learnt[data->n - 1] = (size_t)learnt;
    }
    ELBO_TRY(elbo_get_doubles(in, data->y, data->rows * data->ny));
    return elbo_get_doubles(in, data->u, data->rows * data->nu);
}

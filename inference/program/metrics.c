#include "inference/program/metrics.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inference/program/folder.h"
#include "inference/program/source.h"

enum { LINE = 32 * ELBO_COLUMNS, TIMING_LIMIT = 1 << 30 };

static const char timing_head[] = "iteration,seconds\n";

double elbo_seconds_since(const struct timespec *start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec)
           + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

void elbo_record_init(elbo_record *record, const char *const *columns)
{
    *record = (elbo_record){.columns = columns};
    while (record->columns[record->n]) record->n++;
    assert(record->n <= ELBO_COLUMNS);
}

size_t elbo_record_column(const elbo_record *record, const char *name)
{
    size_t i = 0;

    while (i < record->n && strcmp(record->columns[i], name) != 0) i++;
    assert(i < record->n);
    return i;
}

static elbo_status write_all(int fd, const char *path, const char *text,
                             size_t n)
{
    while (n > 0) {
        const ssize_t k = write(fd, text, n);

        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return ELBO_FAIL(ELBO_EIO, "%s: %s", path, strerror(errno));
        text += k;
        n -= (size_t)k;
    }
    return ELBO_OK;
}

static elbo_status open_at(const char *path, off_t bytes, int *fd)
{
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*fd < 0 || ftruncate(*fd, bytes) != 0 || lseek(*fd, 0, SEEK_END) < 0)
        return ELBO_FAIL(ELBO_EIO, "%s: %s", path, strerror(errno));
    return ELBO_OK;
}

static elbo_status write_head(const elbo_metrics *m, elbo_record *record)
{
    char line[LINE];
    int n = 0;

    for (size_t i = 0; i < record->n; i++)
        n += snprintf(line + n, LINE - (size_t)n, "%s%s", i ? "," : "",
                      record->columns[i]);
    n += snprintf(line + n, LINE - (size_t)n, "\n");
    record->bytes = (uint64_t)n;
    return write_all(m->fd, m->path, line, record->bytes);
}

/* The bytes of timing.csv up to the row `rows`, and its seconds. */
static off_t timing_bytes(const char *path, uint64_t rows, double *seconds)
{
    const size_t head = sizeof timing_head - 1;
    elbo_arena *const arena = elbo_arena_alloc(1 << 16);
    elbo_source file = {0};
    size_t kept = 0;

    *seconds = 0;
    if (arena && elbo_source_read(path, TIMING_LIMIT, arena, &file) == ELBO_OK
        && strncmp(file.text, timing_head, head) == 0) {
        const char *line = file.text + head;

        kept = head;
        for (const char *end; (end = strchr(line, '\n')); line = end + 1) {
            uint64_t row;
            double s;

            if (sscanf(line, "%" SCNu64 ",%lf", &row, &s) != 2 || row > rows)
                break;
            *seconds = s;
            kept = (size_t)(end + 1 - file.text);
        }
    }
    elbo_arena_free(arena);
    return (off_t)kept;
}

/* A row as it is written; its length. */
static size_t put_row(const elbo_record *record, const double x[],
                      char line[LINE])
{
    int n = 0;

    for (size_t i = 0; i < record->n; i++)
        n +=
            snprintf(line + n, LINE - (size_t)n, "%s%.17g", i ? "," : "", x[i]);
    return (size_t)(n + snprintf(line + n, LINE - (size_t)n, "\n"));
}

/* The file, where it is cut, ends with the record's last row. */
static elbo_status check_row(int fd, const char *path,
                             const elbo_record *record)
{
    char row[LINE], there[LINE];
    const size_t n = put_row(record, record->last, row);

    if (record->bytes >= n
        && pread(fd, there, n, (off_t)(record->bytes - n)) == (ssize_t)n
        && memcmp(row, there, n) == 0)
        return ELBO_OK;
    return ELBO_FAIL(ELBO_EDATA,
                     "%s: changed: the row that ends at byte %" PRIu64
                     " is not that of iteration %" PRIu64
                     ", which the checkpoint continues",
                     path, record->bytes, record->rows);
}

/* What a checkpoint continues must be there; nothing is made. */
static elbo_status check_rows(const char *path, const elbo_record *record)
{
    struct stat info = {0};
    elbo_status s;
    int fd;

    if (stat(path, &info) != 0 && errno != ENOENT)
        return ELBO_FAIL(ELBO_EIO, "%s: %s", path, strerror(errno));
    if (info.st_size < 0 || (uint64_t)info.st_size < record->bytes)
        return ELBO_FAIL(ELBO_EDATA,
                         "%s: %jd bytes, the checkpoint was taken at %" PRIu64,
                         path, (intmax_t)info.st_size, record->bytes);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ELBO_FAIL(ELBO_EIO, "%s: %s", path, strerror(errno));
    s = check_row(fd, path, record);
    close(fd);
    return s;
}

static elbo_status open_files(elbo_metrics *m, elbo_record *record)
{
    const bool fresh = record->rows == 0;
    const off_t timing =
        fresh ? 0 : timing_bytes(m->timing_path, record->rows, &m->before);

    if (!fresh) ELBO_TRY(check_rows(m->path, record));
    ELBO_TRY(open_at(m->path, fresh ? 0 : (off_t)record->bytes, &m->fd));
    ELBO_TRY(open_at(m->timing_path, timing, &m->timing_fd));
    if (fresh) ELBO_TRY(write_head(m, record));
    if (timing == 0)
        return write_all(m->timing_fd, m->timing_path, timing_head,
                         sizeof timing_head - 1);
    return ELBO_OK;
}

elbo_status elbo_metrics_open(const char *dir, elbo_record *record,
                              elbo_arena *arena, elbo_metrics *out)
{
    elbo_status s;

    *out =
        (elbo_metrics){.fd = -1,
                       .timing_fd = -1,
                       .path = elbo_path(arena, "%s/metrics.csv", dir),
                       .timing_path = elbo_path(arena, "%s/timing.csv", dir)};
    ELBO_TRY(elbo_arena_check(arena, "the metrics"));
    clock_gettime(CLOCK_MONOTONIC, &out->start);
    s = open_files(out, record);
    if (s != ELBO_OK) elbo_metrics_close(out);
    return s;
}

static elbo_status check_finite(const elbo_record *record, const double x[])
{
    for (size_t i = 0; i < record->n; i++)
        if (!isfinite(x[i]))
            return ELBO_FAIL(ELBO_ECHECK, "iteration %.0f: %s is %g", x[0],
                             record->columns[i], x[i]);
    return ELBO_OK;
}

elbo_status elbo_metrics_append(elbo_metrics *metrics, elbo_record *record,
                                const elbo_row *row, elbo_optimality optimality)
{
    const size_t elbo = elbo_record_column(record, "elbo");
    const size_t steps = elbo_record_column(record, "env_steps");
    double x[ELBO_COLUMNS];
    char line[LINE], timing[64];
    size_t n;
    int k;

    elbo_row_values(row, optimality, x);
    ELBO_TRY(check_finite(record, x));
    n = put_row(record, x, line);
    ELBO_TRY(write_all(metrics->fd, metrics->path, line, n));
    k = snprintf(timing, sizeof timing, "%" PRIu64 ",%.6f\n", row->iteration,
                 metrics->before + elbo_seconds_since(&metrics->start));
    ELBO_TRY(
        write_all(metrics->timing_fd, metrics->timing_path, timing, (size_t)k));
    if (record->rows == 0 || x[steps] > record->best[steps]
        || x[elbo] > record->best[elbo])
        memcpy(record->best, x, sizeof x);
    memcpy(record->last, x, sizeof x);
    record->bytes += n;
    record->rows = row->iteration;
    return ELBO_OK;
}

elbo_status elbo_metrics_sync(const elbo_metrics *metrics)
{
    if (fsync(metrics->fd) != 0 && errno != EINVAL)
        return ELBO_FAIL(ELBO_EIO, "%s: %s", metrics->path, strerror(errno));
    return ELBO_OK;
}

void elbo_metrics_close(elbo_metrics *metrics)
{
    if (metrics->fd >= 0) close(metrics->fd);
    if (metrics->timing_fd >= 0) close(metrics->timing_fd);
    metrics->fd = metrics->timing_fd = -1;
}

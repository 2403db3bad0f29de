#include "inference/core/checkpoint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_STATIC_LINKING_ONLY /* a digest's state on the stack */
#include <xxhash.h>

#include "inference/core/alloc.h"
#include "inference/core/replace.h"

enum {
    VERSION = 1,
    MAGIC = 8,  /* bytes of the magic */
    NAME = 32,  /* of a section's name, with its end */
    HEAD = 16,  /* magic, version, number of sections */
    ENTRY = 56, /* name, offset, length, digest */
    DIGEST = 8,
    ALIGN = 64,
    FIRST_ROOM = 4096,
    FIRST_SECTIONS = 16
};

static const char magic[MAGIC + 1] = "ELBOCKPT";

/* Where a section's bytes stand: in the writer's body, or in the file. */
typedef struct section {
    char name[NAME];
    size_t offset, length;
} section;

struct elbo_writer {
    unsigned char *body; /* the sections, each at a multiple of ALIGN */
    size_t used, room;
    section *sections;
    size_t n, n_room;
    elbo_status failed;
};

struct elbo_reader {
    unsigned char *file;
    size_t bytes;
    section *sections;
    size_t n;
    const section *now; /* the section being read */
    size_t at;          /* the next byte of it */
};

static void store(unsigned char out[], uint64_t x, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) out[i] = (unsigned char)(x >> 8 * i);
}

static uint64_t load(const unsigned char in[], size_t bytes)
{
    uint64_t x = 0;

    for (size_t i = 0; i < bytes; i++) x |= (uint64_t)in[i] << 8 * i;
    return x;
}

/* Called with 8 always, so that the compiler sees one move. */
static void store64(unsigned char out[8], uint64_t x)
{
    store(out, x, 8);
}

static uint64_t load64(const unsigned char in[8])
{
    return load(in, 8);
}

static size_t padding(size_t bytes)
{
    return (ALIGN - bytes % ALIGN) % ALIGN;
}

/* ---- writer ---- */

elbo_writer *elbo_writer_alloc(void)
{
    elbo_writer *out = elbo_alloc(1, sizeof *out);

    if (out) *out = (elbo_writer){.failed = ELBO_OK};
    return out;
}

void elbo_writer_free(elbo_writer *out)
{
    if (!out) return;
    elbo_free(out->body);
    elbo_free(out->sections);
    elbo_free(out);
}

/* A block of `room` * size bytes that starts with the `used` * size of `old`,
 * which is freed; NULL, and `old` as it was, without memory. */
static void *regrow(void *old, size_t used, size_t room, size_t size)
{
    void *block = elbo_alloc(room, size);

    if (!block) return NULL;
    if (used) memcpy(block, old, used * size);
    elbo_free(old);
    return block;
}

/* Room for `bytes` more of the body, counted as used; NULL after a failure. */
static unsigned char *reserve(elbo_writer *out, size_t bytes)
{
    size_t need;

    if (out->failed) return NULL;
    if (!elbo_size_add(out->used, bytes, &need)) {
        out->failed = ELBO_ENOMEM;
        return NULL;
    }
    if (need > out->room || !out->body) {
        size_t room = out->room ? 2 * out->room : FIRST_ROOM;

        if (room < need) room = need;

        unsigned char *body = regrow(out->body, out->used, room, 1);

        if (!body) {
            out->failed = ELBO_ENOMEM;
            return NULL;
        }
        out->body = body;
        out->room = room;
    }

    unsigned char *const place = out->body + out->used;

    out->used = need;
    return place;
}

void elbo_writer_section(elbo_writer *out, const char *name)
{
    assert(*name && strlen(name) < NAME);

    const size_t pad = padding(out->used);
    unsigned char *gap = reserve(out, pad);

    if (!gap) return;
    memset(gap, 0, pad);
    for (size_t i = 0; i < out->n; i++)
        assert(strcmp(out->sections[i].name, name) != 0);
    if (out->n == out->n_room) {
        const size_t room = out->n_room ? 2 * out->n_room : FIRST_SECTIONS;
        section *s = regrow(out->sections, out->n, room, sizeof *s);

        if (!s) {
            out->failed = ELBO_ENOMEM;
            return;
        }
        out->sections = s;
        out->n_room = room;
    }
    out->sections[out->n] = (section){.offset = out->used};
    memcpy(out->sections[out->n].name, name, strlen(name));
    out->n++;
}

/* Room in the open section. */
static unsigned char *extend(elbo_writer *out, size_t n, size_t size)
{
    size_t bytes = 0;

    if (!out->failed && !elbo_size_mul(n, size, &bytes))
        out->failed = ELBO_ENOMEM;

    unsigned char *place = reserve(out, bytes);

    if (!place) return NULL;
    assert(out->n > 0);
    out->sections[out->n - 1].length += bytes;
    return place;
}

void elbo_put_u64(elbo_writer *out, uint64_t x)
{
    unsigned char *place = extend(out, 1, sizeof x);

    if (place) store64(place, x);
}

void elbo_put_f64(elbo_writer *out, double x)
{
    elbo_put_doubles(out, &x, 1);
}

void elbo_put_doubles(elbo_writer *out, const double x[], size_t n)
{
    unsigned char *place = extend(out, n, sizeof *x);

    for (size_t i = 0; place && i < n; i++) {
        uint64_t bits;

        memcpy(&bits, &x[i], sizeof bits);
        store64(place + 8 * i, bits);
    }
}

void elbo_put_bytes(elbo_writer *out, const void *x, size_t bytes)
{
    unsigned char *place = extend(out, bytes, 1);

    if (place && bytes) memcpy(place, x, bytes);
}

/* The head and the table, padded: what stands before the body. */
static void write_head(const elbo_writer *out, unsigned char head[],
                       size_t bytes)
{
    memset(head, 0, bytes);
    memcpy(head, magic, MAGIC);
    store(head + 8, VERSION, 4);
    store(head + 12, out->n, 4);
    for (size_t i = 0; i < out->n; i++) {
        const section *s = &out->sections[i];
        unsigned char *entry = head + HEAD + i * ENTRY;

        memcpy(entry, s->name, NAME);
        store64(entry + 32, bytes + s->offset);
        store64(entry + 40, s->length);
        store64(entry + 48, XXH3_64bits(out->body + s->offset, s->length));
    }
}

elbo_status elbo_writer_commit(elbo_writer *out, const char *path)
{
    if (out->failed)
        return ELBO_FAIL(out->failed, "%s: no memory for what to write", path);

    const size_t table = HEAD + out->n * ENTRY;
    const size_t bytes = table + padding(table);
    unsigned char *head = elbo_alloc(1, bytes);
    unsigned char digest[DIGEST];
    XXH3_state_t state;

    if (!head) return ELBO_FAIL(ELBO_ENOMEM, "%s: no memory", path);
    write_head(out, head, bytes);
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, head, bytes);
    XXH3_64bits_update(&state, out->body, out->used);
    store64(digest, XXH3_64bits_digest(&state));

    const elbo_part parts[] = {
        {head,      bytes    },
        {out->body, out->used},
        {digest,    DIGEST   }
    };
    const elbo_status s = elbo_file_replace_parts(path, parts, 3);

    elbo_free(head);
    return s;
}

/* ---- reader ---- */

void elbo_reader_free(elbo_reader *in)
{
    if (!in) return;
    elbo_free(in->file);
    elbo_free(in->sections);
    elbo_free(in);
}

/* Exactly in->bytes bytes, and then the end. */
static elbo_status read_bytes(elbo_reader *in, int fd, const char *path)
{
    unsigned char more;
    size_t got = 0;

    while (got <= in->bytes) {
        const bool all = got == in->bytes;
        const ssize_t n =
            read(fd, all ? &more : in->file + got, all ? 1 : in->bytes - got);

        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return ELBO_FAIL(ELBO_EIO, "%s: %s", path, strerror(errno));
        if (n == 0) break;
        got += (size_t)n;
    }
    if (got != in->bytes)
        return ELBO_FAIL(ELBO_EDATA, "%s: changed while it was read", path);
    return ELBO_OK;
}

static elbo_status read_file(elbo_reader *in, int fd, const char *path)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return ELBO_FAIL(ELBO_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return ELBO_FAIL(ELBO_EDATA, "%s: not a regular file", path);
    in->bytes = (size_t)info.st_size;
    if (in->bytes < HEAD + DIGEST)
        return ELBO_FAIL(ELBO_EDATA, "%s: %zu bytes are too short", path,
                         in->bytes);
    in->file = elbo_alloc(in->bytes, 1);
    if (!in->file)
        return ELBO_FAIL(ELBO_ENOMEM, "%s: no memory for %zu bytes", path,
                         in->bytes);
    return read_bytes(in, fd, path);
}

/* One entry of the table. `place` is where its section must start: sections
 * follow each other without gaps, so that none can point elsewhere. */
static elbo_status read_entry(elbo_reader *in, size_t i, size_t place,
                              const char *path)
{
    const unsigned char *entry = in->file + HEAD + i * ENTRY;
    const size_t end = in->bytes - DIGEST;
    const uint64_t offset = load64(entry + 32), length = load64(entry + 40);
    section *s = &in->sections[i];

    memcpy(s->name, entry, NAME);
    if (s->name[0] == '\0' || s->name[NAME - 1] != '\0')
        return ELBO_FAIL(ELBO_EDATA, "%s: section %zu has no name", path, i);
    if (offset != place || place > end || length > end - place)
        return ELBO_FAIL(ELBO_EDATA,
                         "%s: section %zu at %llu, %llu long, of %zu bytes",
                         path, i, (unsigned long long)offset,
                         (unsigned long long)length, in->bytes);
    s->offset = place;
    s->length = (size_t)length;
    if (XXH3_64bits(in->file + place, s->length) != load64(entry + 48))
        return ELBO_FAIL(ELBO_EDATA, "%s: section %zu has another digest", path,
                         i);
    return ELBO_OK;
}

static elbo_status verify(elbo_reader *in, const char *path)
{
    const size_t end = in->bytes - DIGEST;
    const uint64_t version = load(in->file + 8, 4);

    if (memcmp(in->file, magic, MAGIC) != 0)
        return ELBO_FAIL(ELBO_EDATA, "%s: not a checkpoint", path);
    if (version != VERSION)
        return ELBO_FAIL(ELBO_EDATA, "%s: version %llu, not %d", path,
                         (unsigned long long)version, VERSION);
    in->n = (size_t)load(in->file + 12, 4);
    if (in->n > (end - HEAD) / ENTRY)
        return ELBO_FAIL(ELBO_EDATA, "%s: %zu sections in %zu bytes", path,
                         in->n, in->bytes);
    in->sections = elbo_alloc(in->n, sizeof *in->sections);
    if (!in->sections)
        return ELBO_FAIL(ELBO_ENOMEM, "%s: no memory for %zu sections", path,
                         in->n);

    size_t last = HEAD + in->n * ENTRY;

    last += padding(last);
    for (size_t i = 0; i < in->n; i++) {
        ELBO_TRY(read_entry(in, i, last + padding(last), path));
        last = in->sections[i].offset + in->sections[i].length;
    }
    if (last != end)
        return ELBO_FAIL(ELBO_EDATA,
                         "%s: %zu bytes, but the sections end at %zu", path,
                         in->bytes, last);
    if (XXH3_64bits(in->file, end) != load64(in->file + end))
        return ELBO_FAIL(ELBO_EDATA, "%s: the digest of its %zu bytes differs",
                         path, in->bytes);
    return ELBO_OK;
}

elbo_status elbo_reader_open(const char *path, elbo_reader **out)
{
    /* O_NONBLOCK: a FIFO must be refused, not waited for. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return ELBO_FAIL(ELBO_ENOINPUT, "%s: %s", path, strerror(errno));

    elbo_reader *in = elbo_alloc(1, sizeof *in);
    elbo_status s =
        in ? ELBO_OK : ELBO_FAIL(ELBO_ENOMEM, "%s: no memory", path);

    if (in) {
        *in = (elbo_reader){.bytes = 0};
        s = read_file(in, fd, path);
    }
    close(fd);
    if (s == ELBO_OK) s = verify(in, path);
    if (s != ELBO_OK) {
        elbo_reader_free(in);
        return s;
    }
    *out = in;
    return ELBO_OK;
}

elbo_status elbo_reader_section(elbo_reader *in, const char *name)
{
    for (size_t i = 0; i < in->n; i++)
        if (strcmp(in->sections[i].name, name) == 0) {
            in->now = &in->sections[i];
            in->at = 0;
            return ELBO_OK;
        }
    return ELBO_FAIL(ELBO_EDATA, "the checkpoint has no section %s", name);
}

/* The next n * size bytes of the section; NULL after the failure is told. */
static const unsigned char *next(elbo_reader *in, size_t n, size_t size)
{
    assert(in->now);

    const size_t left = in->now->length - in->at;

    if (n > left / size) {
        (void)ELBO_FAIL(ELBO_EDATA,
                        "section %s: %zu bytes left at %zu, not %zu x %zu",
                        in->now->name, left, in->at, n, size);
        return NULL;
    }

    const unsigned char *place = in->file + in->now->offset + in->at;

    in->at += n * size;
    return place;
}

elbo_status elbo_get_u64(elbo_reader *in, uint64_t *x)
{
    const unsigned char *place = next(in, 1, sizeof *x);

    if (!place) return ELBO_EDATA;
    *x = load64(place);
    return ELBO_OK;
}

elbo_status elbo_get_f64(elbo_reader *in, double *x)
{
    return elbo_get_doubles(in, x, 1);
}

elbo_status elbo_get_doubles(elbo_reader *in, double x[], size_t n)
{
    const unsigned char *place = next(in, n, sizeof *x);

    if (!place) return ELBO_EDATA;
    for (size_t i = 0; i < n; i++) {
        const uint64_t bits = load64(place + 8 * i);

        memcpy(&x[i], &bits, sizeof bits);
    }
    return ELBO_OK;
}

elbo_status elbo_get_bytes(elbo_reader *in, void *x, size_t bytes)
{
    const unsigned char *place = next(in, bytes, 1);

    if (!place) return ELBO_EDATA;
    if (bytes) memcpy(x, place, bytes);
    return ELBO_OK;
}

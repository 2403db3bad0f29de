#include "inference/program/source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW_BEFORE = 56, WINDOW = 72, ESCAPED = 8 };

static elbo_status read_all(int fd, const char *path, size_t bytes, char *text)
{
    size_t done = 0;

    while (done < bytes) {
        const ssize_t n = read(fd, text + done, bytes - done);

        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return ELBO_FAIL(ELBO_ENOINPUT, "%s: %s", path, strerror(errno));
        if (n == 0)
            return ELBO_FAIL(ELBO_ENOINPUT, "%s: ends after %zu of %zu bytes",
                             path, done, bytes);
        done += (size_t)n;
    }
    return ELBO_OK;
}

static elbo_status read_open(int fd, const char *path, size_t limit,
                             elbo_arena *arena, elbo_source *out)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return ELBO_FAIL(ELBO_ENOINPUT, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return ELBO_FAIL(ELBO_ENOINPUT, "%s: not a regular file", path);
    if ((uintmax_t)info.st_size > limit)
        return ELBO_FAIL(ELBO_ESIZE, "the file has %jd bytes, the limit is %zu",
                         (intmax_t)info.st_size, limit);

    const size_t bytes = (size_t)info.st_size;
    char *text = elbo_arena_take(arena, bytes + 1, 1);

    ELBO_TRY(elbo_arena_check(arena, path));
    ELBO_TRY(read_all(fd, path, bytes, text));
    text[bytes] = '\0';
    *out = (elbo_source){.path = path, .text = text, .bytes = bytes};
    return ELBO_OK;
}

elbo_status elbo_source_read(const char *path, size_t limit, elbo_arena *arena,
                             elbo_source *out)
{
    /* O_NONBLOCK: a FIFO without a writer is refused, not waited for. */
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return ELBO_FAIL(ELBO_ENOINPUT, "%s: %s", path, strerror(errno));

    const elbo_status s = read_open(fd, path, limit, arena, out);

    close(fd);
    return s;
}

static size_t sequence_bytes(unsigned char lead)
{
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead < 0xe0) return 2;
    if (lead >= 0xe0 && lead < 0xf0) return 3;
    return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

size_t elbo_utf8_bytes(const char *text, size_t left)
{
    const unsigned char *c = (const unsigned char *)text;
    const size_t n = left ? sequence_bytes(c[0]) : 0;

    if (n == 0 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((c[i] & 0xc0) != 0x80) return 0;
    /* Overlong forms, surrogates and what is above U+10FFFF. */
    if (c[0] == 0xe0 && c[1] < 0xa0) return 0;
    if (c[0] == 0xed && c[1] > 0x9f) return 0;
    if (c[0] == 0xf0 && c[1] < 0x90) return 0;
    if (c[0] == 0xf4 && c[1] > 0x8f) return 0;
    return n;
}

const char *elbo_source_fault(const elbo_source *source, elbo_place *place)
{
    for (size_t i = 0; i < source->bytes;) {
        const size_t n = elbo_utf8_bytes(source->text + i, source->bytes - i);

        if (n == 0 || source->text[i] == '\0') {
            *place = elbo_source_place(source, i);
            return n ? "a NUL byte" : "a byte that is not UTF-8";
        }
        i += n;
    }
    return NULL;
}

static size_t mark_bytes(const char *text, size_t bytes)
{
    return bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static size_t character(const char *text, size_t left)
{
    const size_t n = elbo_utf8_bytes(text, left);

    return n ? n : 1;
}

/* Bytes of the line break at text[0]: YAML 1.1 knows \n, \r, \r\n, U+0085,
 * U+2028 and U+2029. */
static size_t break_bytes(const char *text, size_t left)
{
    if (left && text[0] == '\n') return 1;
    if (left && text[0] == '\r') return left > 1 && text[1] == '\n' ? 2 : 1;
    if (left > 1 && memcmp(text, "\xc2\x85", 2) == 0) return 2;
    if (left > 2 && memcmp(text, "\xe2\x80\xa8", 3) == 0) return 3;
    return left > 2 && memcmp(text, "\xe2\x80\xa9", 3) == 0 ? 3 : 0;
}

elbo_place elbo_source_place(const elbo_source *source, size_t offset)
{
    elbo_place place = {.line = 1, .column = 1};
    size_t i = mark_bytes(source->text, source->bytes);

    while (i < offset && i < source->bytes) {
        const char *const c = source->text + i;
        const size_t left = source->bytes - i, line = break_bytes(c, left);

        if (line) {
            place.line++;
            place.column = 1;
            i += line;
        } else {
            place.column++;
            i += character(c, left);
        }
    }
    return place;
}

size_t elbo_source_offset(const elbo_source *source, elbo_place place)
{
    size_t i = mark_bytes(source->text, source->bytes), line = 1;

    while (line < place.line && i < source->bytes) {
        const size_t n = break_bytes(source->text + i, source->bytes - i);

        line += n > 0;
        i += n ? n : 1;
    }
    for (size_t column = 1; column < place.column; column++) {
        if (i >= source->bytes) break;
        if (break_bytes(source->text + i, source->bytes - i)) break;
        i += character(source->text + i, source->bytes - i);
    }
    return i;
}

static bool is_direction_mark(unsigned code)
{
    return (code >= 0x202a && code <= 0x202e)
           || (code >= 0x2066 && code <= 0x2069) || code == 0x2028
           || code == 0x2029;
}

static unsigned code_point(const char *text, size_t n)
{
    const unsigned char *c = (const unsigned char *)text;

    if (n == 2) return (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu);
    if (n == 3)
        return (c[0] & 0xfu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
    return c[0];
}

/* Spell the character at `text` into out [ESCAPED]; returns its bytes there and
 * in *used those it takes in the source. */
static size_t spell(const char *text, size_t left, char out[], size_t *used)
{
    const size_t n = elbo_utf8_bytes(text, left);
    const unsigned code = n ? code_point(text, n) : (unsigned char)text[0];

    *used = n ? n : 1;
    if (n == 0 || code < 0x20 || code == 0x7f)
        return (size_t)snprintf(out, ESCAPED, "\\x%02x", code);
    if ((n == 2 && code < 0xa0) || (n == 3 && is_direction_mark(code)))
        return (size_t)snprintf(out, ESCAPED, "\\u%04x", code);
    memcpy(out, text, n);
    return n;
}

const char *elbo_escaped(const char *text, size_t bytes, elbo_arena *arena)
{
    char *const out = elbo_arena_take(arena, 6 * bytes + ESCAPED, 1);
    size_t o = 0;

    if (!out) return "";
    for (size_t i = 0, used; i < bytes; i += used)
        o += spell(text + i, bytes - i, out + o, &used);
    out[o] = '\0';
    return out;
}

static size_t line_begin(const char *text, size_t bytes, size_t offset)
{
    size_t i = offset < bytes ? offset : bytes;

    while (i > 0 && text[i - 1] != '\n' && text[i - 1] != '\r'
           && !(i > 1 && break_bytes(text + i - 2, 2) == 2)
           && !(i > 2 && break_bytes(text + i - 3, 3) == 3))
        i--;
    return i > 0 ? i : mark_bytes(text, bytes);
}

/* Columns that a spelt character of o bytes takes, given it was copied or not.
 */
static size_t columns(const char *text, size_t o)
{
    return text[0] == '\\' && o > 1 ? o : 1;
}

const char *elbo_caret(const char *text, size_t bytes, size_t offset,
                       elbo_arena *arena)
{
    enum { ROOM = 16 * WINDOW };
    char line[ROOM], under[ROOM];
    size_t o = 0, u = 0, shown = 0, i = line_begin(text, bytes, offset);
    size_t before = 0;

    for (size_t k = i; k < offset && k < bytes; k += character(text + k, 4))
        before++;
    for (; before > WINDOW_BEFORE; before--)
        i += character(text + i, bytes - i);
    while (i < bytes && shown < WINDOW && !break_bytes(text + i, bytes - i)) {
        size_t used = 1, n = 1;

        if (text[i] == '\t')
            line[o] = '\t';
        else
            n = spell(text + i, bytes - i, line + o, &used);
        if (i < offset) {
            const size_t width = columns(line + o, n);

            memset(under + u, text[i] == '\t' ? '\t' : ' ', width);
            u += width;
        }
        o += n;
        i += used;
        shown++;
    }
    line[o] = under[u] = '\0';

    const size_t room = o + u + 16;
    char *const out = elbo_arena_take(arena, room, 1);

    if (!out) return "";
    snprintf(out, room, "    %s\n    %s^", line, under);
    return out;
}

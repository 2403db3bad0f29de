#include "inference/program/worlds.h"

#include <string.h>

#include "inference/program/folder.h"
#include "inference/program/source.h"

enum { RESOLVED_LIMIT = 1 << 22 };

/* One line of the room env: its setting, without where it came from. */
typedef struct line {
    const char *text; /* behind its indent */
    size_t n;
    const char *next; /* line; NULL: this one is not of the room */
} line;

static line read_line(const char *text)
{
    const char *const end = text + strcspn(text, "\n");
    line l = {.text = text + 2};
    size_t n;

    if (strncmp(text, "  ", 2) != 0) return l;
    l.n = n = (size_t)(end - l.text);
    while (n > 2 && strncmp(l.text + n - 3, " # ", 3) != 0) n--;
    if (n > 2) l.n = n - 3;
    while (l.n > 0 && l.text[l.n - 1] == ' ') l.n--;
    l.next = *end ? end + 1 : end;
    return l;
}

/* The first line behind "env:". */
static elbo_status find_env(const char *dir, elbo_arena *arena,
                            const char **out)
{
    const char *const path = elbo_path(arena, "%s/resolved.yaml", dir);
    elbo_source file;

    ELBO_TRY(elbo_arena_check(arena, dir));
    ELBO_TRY(elbo_source_read(path, RESOLVED_LIMIT, arena, &file));
    *out = strstr(file.text, "\nenv:\n");
    if (!*out) return ELBO_FAIL(ELBO_EDATA, "%s: no room env", path);
    *out += strlen("\nenv:\n");
    return ELBO_OK;
}

static const char *tell(line a, line b, elbo_arena *arena)
{
    const size_t key = strcspn(a.text, ":\n");
    const char *const one = elbo_escaped(a.text, a.n, arena);
    const char *const two = elbo_escaped(b.text, b.n, arena);

    if (!a.next || !b.next || !one || !two ||
        strncmp(a.text, b.text, key + 1) != 0)
        return "env.name";
    return elbo_path(arena, "env.%s,%s", one, two + key + 1);
}

elbo_status elbo_worlds_differ(const char *dir, const char *other,
                               elbo_arena *arena, const char **difference)
{
    const char *left, *right;

    *difference = NULL;
    ELBO_TRY(find_env(dir, arena, &left));
    ELBO_TRY(find_env(other, arena, &right));
    for (;;) {
        const line a = read_line(left), b = read_line(right);

        if (!a.next && !b.next) return ELBO_OK;
        if (!a.next || !b.next || a.n != b.n ||
            memcmp(a.text, b.text, a.n) != 0) {
            *difference = tell(a, b, arena);
            return elbo_arena_check(arena, "a difference");
        }
        left = a.next;
        right = b.next;
    }
}

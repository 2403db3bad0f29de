#include "inference/core/cgroup.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 4096 };

/* The files of one version, and the line of memory.stat. */
typedef struct version {
    const char *limit, *usage, *unused;
} version;

static const version versions[] = {
    {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
    {"memory.max",            "memory.current",        "inactive_file"      },
};

/* directory/file; NULL: it is not there. */
static FILE *open_file(const char *directory, const char *file)
{
    char path[LONGEST + 64];

    snprintf(path, sizeof path, "%s/%s", directory, file);
    return fopen(path, "re");
}

/* The number in the file; false: it has none ("max"), or is not there. */
static bool read_number(const char *directory, const char *file, uint64_t *out)
{
    FILE *const stream = open_file(directory, file);
    bool ok;

    if (!stream) return false;
    ok = fscanf(stream, "%" SCNu64, out) == 1;
    fclose(stream);
    return ok;
}

/* The number behind a word of memory.stat; 0: there is none. */
static uint64_t read_stat(const char *directory, const char *word)
{
    FILE *const stream = open_file(directory, "memory.stat");
    char name[64];
    uint64_t value = 0, found = 0;

    if (!stream) return 0;
    while (fscanf(stream, "%63s %" SCNu64, name, &value) == 2)
        if (strcmp(name, word) == 0) found = value;
    fclose(stream);
    return found;
}

/* Of one group alone. */
static size_t room_of(const version *v, const char *directory)
{
    uint64_t limit, usage;

    if (!read_number(directory, v->limit, &limit)
        || !read_number(directory, v->usage, &usage))
        return SIZE_MAX;

    const uint64_t unused = read_stat(directory, v->unused);
    const uint64_t used = usage > unused ? usage - unused : 0;
    const uint64_t room = limit > used ? limit - used : 0;

    return room < SIZE_MAX ? (size_t)room : SIZE_MAX;
}

/* Of the group `path` below the mount, and of all above it. */
static size_t room_above(const version *v, const char *mount, const char *path)
{
    const size_t top = strlen(mount);
    char directory[LONGEST];
    size_t least = SIZE_MAX;

    if (top + strlen(path) >= sizeof directory) return SIZE_MAX;
    memcpy(directory, mount, top);
    memcpy(directory + top, path, strlen(path) + 1);
    for (;;) {
        const size_t room = room_of(v, directory);
        char *const slash = strrchr(directory + top, '/');

        if (room < least) least = room;
        if (!slash) return least;
        *slash = '\0';
    }
}

/* Whether a list "cpu,memory" holds the word. */
static bool lists_memory(const char *list, size_t n)
{
    static const char word[] = "memory";
    const size_t size = sizeof word - 1;

    for (size_t i = 0; i + size <= n; i++) {
        const bool begins = i == 0 || list[i - 1] == ',';
        const bool ends = i + size == n || list[i + size] == ',';

        if (begins && ends && memcmp(list + i, word, size) == 0) return true;
    }
    return false;
}

/* One line, "7:cpu,memory:/path" or "0::/path". */
static size_t room_of_line(char *line, const char *root)
{
    char mount[LONGEST];
    char *const controllers = strchr(line, ':');
    char *const path = controllers ? strchr(controllers + 1, ':') : NULL;

    if (!path || strlen(root) + sizeof "/memory" > sizeof mount)
        return SIZE_MAX;
    line[strcspn(line, "\n")] = '\0';

    const size_t n = (size_t)(path - controllers) - 1;

    if (n == 0) return room_above(&versions[1], root, path + 1);
    if (!lists_memory(controllers + 1, n)) return SIZE_MAX;
    snprintf(mount, sizeof mount, "%s/memory", root);
    return room_above(&versions[0], mount, path + 1);
}

size_t elbo_cgroup_room(const char *groups, const char *root)
{
    FILE *const stream = fopen(groups, "re");
    char line[LONGEST];
    size_t least = SIZE_MAX;

    while (stream && fgets(line, sizeof line, stream)) {
        const size_t room = room_of_line(line, root);

        if (room < least) least = room;
    }
    if (stream) fclose(stream);
    return least;
}

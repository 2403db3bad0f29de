#include "inference/program/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "inference/program/folder.h"

enum { BLOCK = 1 << 16, MOST_INPUTS = 32 };

static void spell(XXH64_hash_t hash, char out[ELBO_DIGEST_TEXT])
{
    snprintf(out, ELBO_DIGEST_TEXT, "%016" PRIx64, (uint64_t)hash);
}

void elbo_digest_text(const void *bytes, size_t n, char out[ELBO_DIGEST_TEXT])
{
    spell(XXH3_64bits(bytes, n), out);
}

static ssize_t feed(int fd, XXH3_state_t *state)
{
    char block[BLOCK];
    ssize_t n;

    do {
        n = read(fd, block, sizeof block);
    } while (n < 0 && errno == EINTR);
    if (n > 0) XXH3_64bits_update(state, block, (size_t)n);
    return n;
}

elbo_status elbo_digest_file(const char *path, char out[ELBO_DIGEST_TEXT])
{
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    XXH3_state_t *const state = fd < 0 ? NULL : XXH3_createState();
    ssize_t n = -1;

    if (state) {
        XXH3_64bits_reset(state);
        do {
            n = feed(fd, state);
        } while (n > 0);
    }

    const int reason = errno;

    if (fd >= 0) close(fd);
    if (n == 0) spell(XXH3_64bits_digest(state), out);
    XXH3_freeState(state);
    return n == 0 ? ELBO_OK
                  : ELBO_FAIL(ELBO_ENOINPUT, "%s: %s", path, strerror(reason));
}

static elbo_status add_inputs(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_input list[], size_t *n)
{
    for (size_t i = 0; i < values->n; i++) {
        const char *const text = values->value[i].text;

        if (values->options[i].type != ELBO_PATH || !text || !*text) continue;
        if (*n == MOST_INPUTS)
            return ELBO_FAIL(ELBO_ESIZE, "more than %d input files",
                             MOST_INPUTS);
        list[*n].path = text;

        const char *const path = elbo_path(arena, "%s/%s", folder, text);

        ELBO_TRY(elbo_arena_check(arena, "the input files"));
        ELBO_TRY(elbo_digest_file(path, list[*n].digest));
        ++*n;
    }
    return ELBO_OK;
}

elbo_status elbo_inputs(const elbo_experiment *experiment, elbo_arena *arena,
                        elbo_input **out, size_t *n)
{
    const elbo_setup *const s = &experiment->setup;
    const elbo_values *const all[] = {
        s->env_own,        s->env_common, s->model_own, s->control_own,
        s->control_common, s->inference,  s->data,      s->evaluation};

    *out = elbo_arena_take(arena, MOST_INPUTS, sizeof **out);
    *n = 0;
    ELBO_TRY(elbo_arena_check(arena, "the input files"));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        ELBO_TRY(add_inputs(all[i], experiment->folder, arena, *out, n));
    return ELBO_OK;
}

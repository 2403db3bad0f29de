#include "inference/program/json_file.h"

#include "inference/program/source.h"

elbo_status elbo_json_read(const char *path, elbo_arena *arena, json_t **root)
{
    elbo_source source;
    json_error_t error;

    ELBO_TRY(elbo_source_read(path, ELBO_SOURCE_LIMIT, arena, &source));
    *root =
        json_loadb(source.text, source.bytes, JSON_REJECT_DUPLICATES, &error);
    return *root ? ELBO_OK
                 : ELBO_FAIL(ELBO_EDATA, "%s: line %d: %s", path, error.line,
                             error.text);
}

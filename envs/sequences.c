/* envs/sequences.c -- sequences from a file: a world whose law is not known. */
#include "envs/registry.h"
#include "inference/core/textfile.h"
#include "inference/observed.h"

static const elbo_option options[] = {
    {.name = "file",
     .type = ELBO_PATH,
     .unit = "",
     .fallback = NULL,
     .doc = "CSV: sequence,y1,..,u1,.. with rows in time and sequences by rising "
            "numbers; an empty field or nan is a missing y"},
    {.name = "symbols",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .fallback = "0",
     .doc = "above 0: y1 is a symbol, a whole number below this"},
    {0},
};

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_observed_world *out)
{
    elbo_observed_data *const data = elbo_arena_take(arena, 1, sizeof *data);
    const char *const path =
        elbo_textfile_path(folder, elbo_text(values, "file"), arena);
    const size_t symbols = (size_t)elbo_int(values, "symbols");

    ELBO_TRY(elbo_arena_check(arena, "env sequences"));
    ELBO_TRY(elbo_observed_data_read(data, path, 0, 0, symbols, arena));
    out->ny = data->ny;
    out->nu = data->nu;
    out->symbols = symbols;
    out->data = data;
    return ELBO_OK;
}

const elbo_env elbo_env_sequences = {
    .name = "sequences",
    .source = "a file of the user's",
    .doc = "sequences of observations, and of inputs, from a file",
    .options = options,
    .observed = open_world,
};

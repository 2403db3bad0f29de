#include "models/ensemble.h"

enum { VERSION = 1 };

static void put_floats(elbo_writer *out, const float x[], size_t n)
{
    elbo_put_bytes(out, x, n * sizeof *x);
}

void elbo_ensemble_save(const elbo_task_belief *belief, elbo_writer *out)
{
    const elbo_ensemble *const e = belief->self;
    const size_t nin = e->world->no + e->world->nu;

    elbo_put_u64(out, VERSION);
    elbo_put_u64(out, e->members);
    elbo_put_u64(out, e->size);
    put_floats(out, e->theta, e->members * e->size);
    if (e->q) put_floats(out, e->q, 2 * e->size);
    put_floats(out, e->in_mean, nin);
    put_floats(out, e->in_scale, nin);
    put_floats(out, e->out_mean, e->D);
    put_floats(out, e->out_scale, e->D);
    elbo_put_f64(out, e->rows);
    elbo_put_u64(out, e->epochs);
    elbo_put_bytes(out, e->elite, e->members * sizeof *e->elite);
    elbo_put_doubles(out, e->score, e->members);
    elbo_put_doubles(out, e->holdout, e->members);
    for (size_t m = 0; m < e->members; m++) elbo_adam_save(&e->adam[m], out);
}

static elbo_status check_shape(const elbo_ensemble *e, elbo_reader *in)
{
    uint64_t version, members, size;

    ELBO_TRY(elbo_get_u64(in, &version));
    ELBO_TRY(elbo_get_u64(in, &members));
    ELBO_TRY(elbo_get_u64(in, &size));
    if (version != VERSION || members != e->members || size != e->size)
        return ELBO_FAIL(
            ELBO_EDATA,
            "model ensemble: %llu members of %llu parameters, not %zu of "
            "%zu",
            (unsigned long long)members, (unsigned long long)size, e->members,
            e->size);
    return ELBO_OK;
}

static elbo_status get_floats(elbo_reader *in, float x[], size_t n)
{
    return elbo_get_bytes(in, x, n * sizeof *x);
}

/* A permutation of the members. */
static elbo_status check_elites(const elbo_ensemble *e)
{
    uint64_t seen = 0;

    for (size_t m = 0; m < e->members; m++) {
        if (e->elite[m] >= e->members || seen >> e->elite[m] & 1)
            return ELBO_FAIL(ELBO_EDATA,
                             "model ensemble: elite %zu is member %u", m,
                             (unsigned)e->elite[m]);
        seen |= UINT64_C(1) << e->elite[m];
    }
    return ELBO_OK;
}

elbo_status elbo_ensemble_load(elbo_task_belief *belief, elbo_reader *in)
{
    elbo_ensemble *const e = belief->self;
    const size_t nin = e->world->no + e->world->nu;
    uint64_t epochs;

    ELBO_TRY(check_shape(e, in));
    ELBO_TRY(get_floats(in, e->theta, e->members * e->size));
    if (e->q) ELBO_TRY(get_floats(in, e->q, 2 * e->size));
    ELBO_TRY(get_floats(in, e->in_mean, nin));
    ELBO_TRY(get_floats(in, e->in_scale, nin));
    ELBO_TRY(get_floats(in, e->out_mean, e->D));
    ELBO_TRY(get_floats(in, e->out_scale, e->D));
    ELBO_TRY(elbo_get_f64(in, &e->rows));
    ELBO_TRY(elbo_get_u64(in, &epochs));
    e->epochs = (size_t)epochs;
    ELBO_TRY(elbo_get_bytes(in, e->elite, e->members * sizeof *e->elite));
    ELBO_TRY(check_elites(e));
    ELBO_TRY(elbo_get_doubles(in, e->score, e->members));
    ELBO_TRY(elbo_get_doubles(in, e->holdout, e->members));
    for (size_t m = 0; m < e->members; m++)
        ELBO_TRY(elbo_adam_load(&e->adam[m], in));
    return ELBO_OK;
}

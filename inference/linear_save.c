/* inference/linear_save.c -- the state of linear-Gaussian worlds in a checkpoint,
 * and back.
 */
#include "inference/linear_state.h"

static void put_matrix(elbo_writer *out, const gsl_matrix *A)
{
    for (size_t i = 0; i < A->size1; i++)
        elbo_put_doubles(out, A->data + i * A->tda, A->size2);
}

static elbo_status get_matrix(elbo_reader *in, gsl_matrix *A)
{
    for (size_t i = 0; i < A->size1; i++)
        ELBO_TRY(elbo_get_doubles(in, A->data + i * A->tda, A->size2));
    return ELBO_OK;
}

static void put_quadratic(elbo_writer *out, const elbo_quadratic *f)
{
    put_matrix(out, f->P);
    elbo_put_doubles(out, f->p->data, f->p->size);
    elbo_put_f64(out, f->c);
}

static elbo_status get_quadratic(elbo_reader *in, elbo_quadratic *f)
{
    ELBO_TRY(get_matrix(in, f->P));
    ELBO_TRY(elbo_get_doubles(in, f->p->data, f->p->size));
    return elbo_get_f64(in, &f->c);
}

void elbo_linear_save(const elbo_engine *engine, elbo_writer *out)
{
    const elbo_linear *const l = engine->linear;

    elbo_writer_section(out, "data");
    elbo_linear_data_save(&l->data, &l->collector, out);
    elbo_put_f64(out, l->mass);
    for (size_t t = 0; t < l->belief.stages; t++) {
        put_matrix(out, l->D[t].Szz);
        put_matrix(out, l->D[t].Syz);
        put_matrix(out, l->D[t].Syy);
        elbo_put_f64(out, l->D[t].n);
    }
    elbo_writer_section(out, "model");
    if (l->belief.model->save) l->belief.model->save(&l->belief, out);
    if (engine->set.ascent.archive)
        elbo_archive_save(engine->set.ascent.archive, out);
    elbo_writer_section(out, "posterior");
    if (l->objective) elbo_linear_objective_save(l->objective, out);
    if (l->weigher) elbo_linear_objective_save(l->weigher, out);
    elbo_put_u64(out, l->planned);
    elbo_put_u64(out, l->targeted);
    for (size_t t = 0; t < l->stages; t++) {
        const elbo_linear_stage *const s = &l->stage[t];

        put_matrix(out, s->pi.K);
        elbo_put_doubles(out, s->pi.k->data, s->pi.k->size);
        put_matrix(out, s->pi.S);
        put_matrix(out, s->A);
        put_matrix(out, s->B);
        put_matrix(out, s->W);
        elbo_put_doubles(out, s->c->data, s->c->size);
        put_quadratic(out, &s->V);
        put_quadratic(out, &s->Q);
        put_quadratic(out, &s->target);
    }
}

static elbo_status load_data(elbo_linear *l, elbo_reader *in)
{
    ELBO_TRY(elbo_reader_section(in, "data"));
    ELBO_TRY(elbo_linear_data_load(&l->data, &l->collector, in));
    ELBO_TRY(elbo_get_f64(in, &l->mass));
    for (size_t t = 0; t < l->belief.stages; t++) {
        ELBO_TRY(get_matrix(in, l->D[t].Szz));
        ELBO_TRY(get_matrix(in, l->D[t].Syz));
        ELBO_TRY(get_matrix(in, l->D[t].Syy));
        ELBO_TRY(elbo_get_f64(in, &l->D[t].n));
    }
    if (!(l->mass >= 0))
        return ELBO_FAIL(ELBO_EDATA, "checkpoint: data of mass %g", l->mass);
    return ELBO_OK;
}

elbo_status elbo_linear_load(elbo_engine *engine, elbo_reader *in)
{
    elbo_linear *const l = engine->linear;
    uint64_t planned = 0, targeted = 0;

    ELBO_TRY(load_data(l, in));
    ELBO_TRY(elbo_reader_section(in, "model"));
    if (l->belief.model->load) ELBO_TRY(l->belief.model->load(&l->belief, in));
    if (engine->set.ascent.archive)
        ELBO_TRY(elbo_archive_load(engine->set.ascent.archive, in));
    ELBO_TRY(elbo_reader_section(in, "posterior"));
    if (l->objective) ELBO_TRY(elbo_linear_objective_load(l->objective, in));
    if (l->weigher) ELBO_TRY(elbo_linear_objective_load(l->weigher, in));
    ELBO_TRY(elbo_get_u64(in, &planned));
    ELBO_TRY(elbo_get_u64(in, &targeted));
    if (planned > 1 || targeted > 1)
        return ELBO_FAIL(ELBO_EDATA, "checkpoint: planned %llu, targeted %llu",
                         (unsigned long long)planned, (unsigned long long)targeted);
    l->planned = planned;
    l->targeted = targeted;
    for (size_t t = 0; t < l->stages; t++) {
        elbo_linear_stage *const s = &l->stage[t];

        ELBO_TRY(get_matrix(in, s->pi.K));
        ELBO_TRY(elbo_get_doubles(in, s->pi.k->data, s->pi.k->size));
        ELBO_TRY(get_matrix(in, s->pi.S));
        ELBO_TRY(get_matrix(in, s->A));
        ELBO_TRY(get_matrix(in, s->B));
        ELBO_TRY(get_matrix(in, s->W));
        ELBO_TRY(elbo_get_doubles(in, s->c->data, s->c->size));
        ELBO_TRY(get_quadratic(in, &s->V));
        ELBO_TRY(get_quadratic(in, &s->Q));
        ELBO_TRY(get_quadratic(in, &s->target));
    }
    return elbo_linear_reopen(engine);
}

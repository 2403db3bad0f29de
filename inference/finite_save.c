/* inference/finite_save.c -- the state of finite worlds in a checkpoint, and back. */
#include "inference/finite.h"

void elbo_finite_save(const elbo_engine *engine, elbo_writer *out)
{
    const elbo_controller *controller = &engine->controller;

    elbo_writer_section(out, "data");
    elbo_data_save(&engine->data, &engine->collector, out);
    if (engine->belief.model->regress)
        elbo_regression_save(&engine->regression, out);
    elbo_writer_section(out, "model");
    elbo_belief_save(&engine->belief, out);
    elbo_writer_section(out, "factors");
    elbo_factors_save(engine->factors, out);
    elbo_writer_section(out, "standing");
    elbo_standing_save(&engine->standing, out);
    elbo_writer_section(out, "posterior");
    elbo_posterior_save(&engine->post, out);
    elbo_writer_section(out, "search");
    if (engine->set.ascent.archive)
        elbo_archive_save(engine->set.ascent.archive, out);
    elbo_writer_section(out, "control");
    if (controller->control->save) controller->control->save(controller, out);
}

/* The samples must be ones of this world. */
static elbo_status check_data(const elbo_engine *e)
{
    const elbo_data *data = &e->data;
    const size_t nS = e->world.nS, nA = e->world.nA;

    for (size_t i = 0; i < data->n; i++)
        if (data->s[i] >= nS || data->a[i] >= nA || data->next[i] >= nS)
            return ELBO_FAIL(ELBO_EDATA,
                             "checkpoint: sample %zu: state %u, action %u, "
                             "next %u in a world of %zu states, %zu actions",
                             i, data->s[i], data->a[i], data->next[i], nS, nA);
    if (e->collector.state >= nS)
        return ELBO_FAIL(ELBO_EDATA,
                         "checkpoint: the collector stands in state %u of %zu",
                         e->collector.state, nS);
    return ELBO_OK;
}

elbo_status elbo_finite_load(elbo_engine *engine, elbo_reader *in)
{
    const elbo_control *control = engine->controller.control;

    ELBO_TRY(elbo_reader_section(in, "data"));
    ELBO_TRY(elbo_data_load(&engine->data, &engine->collector, in));
    ELBO_TRY(check_data(engine));
    if (engine->belief.model->regress)
        ELBO_TRY(elbo_regression_load(&engine->regression, in));
    ELBO_TRY(elbo_reader_section(in, "model"));
    ELBO_TRY(elbo_belief_load(&engine->belief, in));
    ELBO_TRY(elbo_reader_section(in, "factors"));
    ELBO_TRY(elbo_factors_load(engine->factors, in));
    ELBO_TRY(elbo_reader_section(in, "standing"));
    ELBO_TRY(elbo_standing_load(&engine->standing, in));
    ELBO_TRY(elbo_reader_section(in, "posterior"));
    ELBO_TRY(elbo_posterior_load(&engine->post, in));
    ELBO_TRY(elbo_reader_section(in, "search"));
    if (engine->set.ascent.archive)
        ELBO_TRY(elbo_archive_load(engine->set.ascent.archive, in));
    ELBO_TRY(elbo_reader_section(in, "control"));
    if (control->load) ELBO_TRY(control->load(&engine->controller, in));
    ELBO_TRY(elbo_engine_open_samples(engine));
    engine->tally.n = 0;
    return elbo_engine_count(engine);
}

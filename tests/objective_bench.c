#include "tests/objective_bench.h"

#include <math.h>

double objective_line(const float o[])
{
    return 0.7 * (double)o[0] - 0.4 * (double)o[1] + 0.2;
}

elbo_status objective_value(void *self, size_t n, const float o[], float V[],
                            float slope[], elbo_arena *ws)
{
    const bool bent = *(const bool *)self;

    (void)ws;
    for (size_t i = 0; i < n; i++) {
        const double z = objective_line(o + 2 * i), t = tanh(z),
                     d = bent ? 1 - t * t : 1;

        V[i] = (float)(2 * (bent ? t : z));
        if (slope) slope[2 * i] = (float)(2 * 0.7 * d);
        if (slope) slope[2 * i + 1] = (float)(2 * -0.4 * d);
    }
    return ELBO_OK;
}

static elbo_status value_node(void *self, elbo_tape *tape, elbo_node o,
                              elbo_node *V)
{
    const elbo_node w = elbo_tape_join(tape, elbo_tape_number(tape, 0.7),
                                       elbo_tape_number(tape, -0.4));
    elbo_node z = elbo_tape_matmul(tape, o, false, w, true);

    z = elbo_tape_binary(tape, ELBO_ADD, z, elbo_tape_number(tape, 0.2));
    if (*(const bool *)self) z = elbo_tape_unary(tape, ELBO_TANH, z);
    *V = elbo_tape_scale(tape, z, 2);
    return ELBO_OK;
}

static elbo_status action_value(void *self, size_t n, const float o[],
                                const float u[], float Q[], elbo_arena *ws)
{
    (void)self, (void)ws;
    for (size_t i = 0; i < n; i++) Q[i] = o[2 * i] + 3 * u[i];
    return ELBO_OK;
}

static elbo_status log_policy(void *self, size_t n, const float o[],
                              const float u[], float out[], elbo_arena *ws)
{
    (void)self, (void)o, (void)ws;
    for (size_t i = 0; i < n; i++) out[i] = -u[i] * u[i];
    return ELBO_OK;
}

bool objective_bent = true, objective_straight = false;
static const elbo_task_control telling = {.value = objective_value,
                                          .value_node = value_node,
                                          .action_value = action_value,
                                          .log_policy = log_policy};

void objective_set_up(objective_bench *b, const char *settings, size_t n,
                      double noise, bool *curve)
{
    b->world = ensemble_world();
    b->belief = ensemble_open(&elbo_model_ensemble, settings, &b->world, 5);
    b->data = ensemble_rows(n, noise, 2);
    b->sight = (elbo_task_sight){.world = &b->world,
                                 .belief = &b->belief,
                                 .control = &telling,
                                 .solver = curve,
                                 .gamma = 0.9,
                                 .seed = 4};
}

elbo_task_objective *objective_open(const objective_bench *b, const char *text,
                                    bool weight)
{
    elbo_task_objective *o;

    case_ok(elbo_task_objective_open(weight ? "weight" : "likelihood", text,
                                     weight, &b->sight, b->data.capacity,
                                     ensemble_arena, &o));
    return o;
}

elbo_task_fit objective_fit(objective_bench *b, elbo_task_objective *o)
{
    elbo_task_mstep mstep = ensemble_mstep(&b->data);
    elbo_task_fit info;

    case_ok(elbo_task_objective_plan(o, &b->data, NULL, ensemble_ws));
    mstep.likelihood = elbo_task_objective_likelihood(o);
    case_ok(b->belief.model->fit(&b->belief, &mstep, &info, ensemble_ws));
    case_ok(elbo_task_objective_made(o));
    return info;
}

/* inference/observed_plan.c -- control in observed worlds: LQG in the model, and what
 * it earns there and in the world.
 */
#include <math.h>

#include "inference/observed_state.h"

static elbo_status check_world(const elbo_observed *o, const char *name)
{
    if (!o->world.lds || !o->world.cost)
        return ELBO_FAIL(ELBO_EINVAL,
                         "%s needs a world with costs and inputs: lds", name);
    if (o->belief.feedthrough)
        return ELBO_FAIL(ELBO_EINVAL,
                         "%s needs inputs that do not reach y at once: "
                         "model.feedthrough must be false",
                         name);
    return ELBO_OK;
}

/* Of what is not seen, that a return is the mean over. */
static size_t courses(const elbo_setup *setup)
{
    enum { COURSES = 32 };
    const size_t episodes = (size_t)elbo_int(setup->evaluation, "episodes");

    return episodes > 0 ? episodes : COURSES;
}

elbo_status elbo_observed_open_control(elbo_engine *e, const elbo_setup *setup)
{
    elbo_observed *const o = e->observed;
    const size_t ny = o->world.ny, nu = o->world.nu;
    size_t nx = o->belief.states;

    o->control = setup->control->observed;
    o->control_own = setup->control_own;
    if (!o->control->plan) return ELBO_OK;
    ELBO_TRY(check_world(o, setup->control->name));
    if (nx < o->world.lds->nx) nx = o->world.lds->nx;
    ELBO_TRY(elbo_observed_controller_init(&o->controller, nx, ny, nu, o->horizon,
                                           elbo_real(setup->env_common, "discount"),
                                           e->arena));
    if (o->world.missing > 0)
        ELBO_TRY(elbo_observed_controller_lose(&o->controller, o->world.missing,
                                               courses(setup), o->world.seed,
                                               e->arena));
    ELBO_TRY(elbo_observed_system_init(&o->truth, nx, ny, nu, e->arena));
    ELBO_TRY(elbo_observed_system_init(&o->model, nx, ny, nu, e->arena));
    elbo_observed_system_set(&o->truth, o->world.lds, o->world.cost);
    return ELBO_OK;
}

elbo_status elbo_observed_plan(elbo_engine *e)
{
    elbo_observed *const o = e->observed;

    ELBO_TRY(elbo_observed_controller_plan(&o->controller, o->control,
                                           o->control_own, o->belief.lds,
                                           o->world.cost, e->ws));
    o->planned = true;
    return ELBO_OK;
}

/* -HUGE_VAL where the controller does not stabilise the system. */
static elbo_status read_return(elbo_engine *e, const elbo_observed_system *truth,
                               double *J)
{
    const elbo_status s = elbo_observed_controller_return(&e->observed->controller,
                                                          truth, J, e->ws);

    if (s != ELBO_ENOCONV) return s;
    *J = -HUGE_VAL;
    return ELBO_OK;
}

elbo_status elbo_observed_control_step(elbo_engine *e)
{
    elbo_observed *const o = e->observed;
    /* a steady gain is no optimum while the filter settles: nothing is promised */
    const bool promised = o->planned && o->horizon > 0;
    double before = 0, after;

    if (!o->control->plan) return ELBO_OK;
    elbo_observed_system_set(&o->model, o->belief.lds, o->world.cost);
    if (promised) ELBO_TRY(read_return(e, &o->model, &before));
    ELBO_TRY(elbo_observed_plan(e));
    if (!promised) return ELBO_OK;
    ELBO_TRY(read_return(e, &o->model, &after));

    const elbo_watch watch = {
        .step = "E-step",
        .quantity = "F_control",
        .before = before,
        .after = after,
        .scale = fabs(before) + fabs(after),
    };

    return elbo_watch_check(&watch);
}

static elbo_status finite_return(elbo_engine *e, const elbo_observed_system *truth,
                                 const char *column, const char *where, double *J)
{
    ELBO_TRY(read_return(e, truth, J));
    if (!isinf(*J)) return ELBO_OK;
    return ELBO_FAIL(ELBO_ENOTFINITE,
                     "%s is -inf: the controller does not stabilise the %s (give "
                     "env.horizon or more data)",
                     column, where);
}

elbo_status elbo_observed_returns(elbo_engine *e, elbo_row *row)
{
    elbo_observed *const o = e->observed;

    if (!o->control->plan) return ELBO_OK;
    ELBO_TRY(finite_return(e, &o->model, "return_model", "model",
                           &row->return_model));
    return finite_return(e, &o->truth, "return_real", "world", &row->return_real);
}

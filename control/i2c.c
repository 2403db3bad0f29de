/* control/i2c.c -- input inference for control (inference/messages/i2c.h): each
 * round infers the inputs, then the temperature.
 */
#include <math.h>
#include <string.h>

#include "control/first_inputs.h"
#include "control/registry.h"
#include "inference/core/matrix_text.h"
#include "inference/messages/i2c.h"
#include "inference/trajectory.h"

static elbo_status check_target(const char *text, size_t *column,
                                const char **nearest)
{
    if (strcmp(text, "none") == 0) return ELBO_OK;
    return elbo_matrix_check(text, column, nearest);
}

static const elbo_option options[] = {
    {.name = "inference",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "linearised|unscented|cubature|gauss_hermite",
     .fallback = "cubature",
     .doc = "how Gaussians pass through the dynamics and the costs"},
    {.name = "order",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 64,
     .fallback = "4",
     .doc = "nodes a coordinate of gauss_hermite"},
    {.name = "clip",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0",
     .doc = "the temperature changes by a factor in [clip, 2 - clip] a round; 1: "
            "stays"},
    {.name = "fade",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "true",
     .doc = "feedback of the prior fades where the posterior knows nothing (the "
            "official code's rule; with it F may fall)"},
    {.name = "target",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "none",
     .doc = "covariance control: the mean that the last state is to have, as \"0 "
            "0\", or none",
     .check = check_target},
    {.name = "target_covariance",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "1",
     .doc = "... and its covariance: a number, a diagonal, or a matrix",
     .check = elbo_matrix_check},
    {.name = "anneal",
     .type = ELBO_REAL,
     .unit = "1/round",
     .low = 0,
     .high = 1e6,
     .fallback = "0",
     .doc = "0: the last state is given the target; else the target weighs in with "
            "its covariance times 1 + anneal * round"},
    ELBO_FIRST_INPUTS,
    {0},
};

/* A solver and what its columns say. */
typedef struct solver {
    elbo_i2c *i2c;
    elbo_i2c_problem problem;
    elbo_i2c_info last;
} solver;

/* Covariance control, if a target is given. */
static elbo_status read_target(const elbo_values *values, size_t nx,
                               elbo_arena *arena, elbo_i2c_problem *p)
{
    const char *const text = elbo_text(values, "target");
    gsl_vector *mean;
    gsl_matrix *cov;

    if (strcmp(text, "none") == 0) return ELBO_OK;
    ELBO_TRY(elbo_vector_setting("target", text, nx, arena, &mean));
    ELBO_TRY(elbo_covariance_setting("target_covariance",
                                     elbo_text(values, "target_covariance"), nx,
                                     true, arena, &cov));
    p->target = mean;
    p->target_cov = cov;
    return ELBO_OK;
}

static elbo_status open_solver(const elbo_values *values,
                               const elbo_trajectory_problem *p,
                               elbo_arena *arena, void **self)
{
    const size_t nx = p->plant->dynamics->nx, nu = p->plant->dynamics->nu;
    solver *const s = elbo_arena_take(arena, 1, sizeof *s);
    gsl_matrix *const mu = elbo_arena_mat(arena, p->T, nu);
    gsl_matrix *const Sigma_u = elbo_arena_mat(arena, nu, nu);
    elbo_i2c_config config = elbo_i2c_defaults;

    ELBO_TRY(elbo_arena_check(arena, "control i2c"));
    if (!isfinite(p->prior_variance))
        return ELBO_FAIL(ELBO_EINVAL, "i2c needs a prior over inputs: "
                                      "control.prior_variance must be finite");
    if (!(p->temperature > 0) || !isfinite(p->temperature))
        return ELBO_FAIL(ELBO_EINVAL,
                         "i2c infers a temperature: its first value must be above "
                         "0 and finite, not %g",
                         p->temperature);
    elbo_first_inputs(values, p->seed, mu);
    gsl_matrix_set_identity(Sigma_u);
    gsl_matrix_scale(Sigma_u, p->prior_variance);
    config.transform.rule = elbo_transform_find(elbo_text(values, "inference"));
    config.transform.order = (size_t)elbo_int(values, "order");
    config.alpha = p->temperature;
    config.clip = elbo_real(values, "clip");
    config.fade = elbo_flag(values, "fade");
    config.anneal = elbo_real(values, "anneal");
    s->problem = (elbo_i2c_problem){
        .nx = nx,
        .nu = nu,
        .T = p->T,
        .f = p->f,
        .h = p->h,
        .h_end = p->h_end,
        .m0 = p->m0,
        .P0 = p->P0,
        .Sigma = p->Sigma,
        .goal = p->goal,
        .goal_end = p->goal_end,
        .W = p->W,
        .W_end = p->W_end,
        .mu = mu,
        .Sigma_u = Sigma_u,
    };
    ELBO_TRY(read_target(values, nx, arena, &s->problem));
    *self = s;
    return elbo_i2c_open(&config, &s->problem, arena, &s->i2c);
}

static elbo_status iterate(void *self, elbo_trajectory_info *info,
                           elbo_arena *ws)
{
    solver *const s = self;

    ELBO_TRY(elbo_i2c_iterate(s->i2c, &s->last, ws));
    *info = (elbo_trajectory_info){.reward = s->last.likelihood,
                                   .kl = s->last.kl};
    return ELBO_OK;
}

static elbo_trajectory_view view(const void *self)
{
    const solver *const s = self;
    const elbo_i2c_view v = elbo_i2c_posterior(s->i2c);

    return (elbo_trajectory_view){v.K, v.k, v.S};
}

static const char *const column_names[] = {"temperature", "posterior_cost",
                                           "target_kl", NULL};

static void columns(const void *self, double out[])
{
    const solver *const s = self;

    out[0] = s->last.alpha;
    out[1] = s->last.cost + s->last.cost_end;
    out[2] = s->problem.target ? s->last.kl_target : 0; /* 0: there is none */
}

static void save(const void *self, elbo_writer *out)
{
    const solver *const s = self;

    elbo_i2c_save(s->i2c, out);
}

static elbo_status load(void *self, elbo_reader *in)
{
    solver *const s = self;

    return elbo_i2c_load(s->i2c, in);
}

static const elbo_trajectory trajectory = {
    .kind = "bound: the evidence of optimality by Gaussian messages, in nats at the "
            "temperature of the round; exact where dynamics and costs are linear",
    .open = open_solver,
    .iterate = iterate,
    .view = view,
    .column_names = column_names,
    .columns = columns,
    .save = save,
    .load = load,
};

const elbo_control elbo_control_i2c = {
    .name = "i2c",
    .source = "Watson, Abdulsamad, Peters, CoRL 2019; Watson and Peters, ACC 2021",
    .doc = "input inference for control: a smoother over states and inputs, and the "
           "temperature by EM, in continuous worlds",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .trajectory = &trajectory,
};

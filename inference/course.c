/* inference/course.c -- the steps of EM in continuous worlds: an exact posterior of
 * the model, then rounds of the control in its map.
 */
#include "inference/course.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { EPISODES = 100 }; /* of an evaluation, unless said otherwise */

/* ---- opening ---- */

static elbo_status take_vector(const double x[], size_t n, elbo_arena *arena,
                               gsl_vector **out)
{
    *out = elbo_arena_vec(arena, n);
    ELBO_TRY(elbo_arena_check(arena, "a continuous world"));
    memcpy((*out)->data, x, n * sizeof *x);
    return ELBO_OK;
}

static elbo_status take_diagonal(const double x[], size_t n, elbo_arena *arena,
                                 gsl_matrix **out)
{
    *out = elbo_arena_mat(arena, n, n);
    ELBO_TRY(elbo_arena_check(arena, "a continuous world"));
    gsl_matrix_set_zero(*out);
    for (size_t i = 0; i < n; i++) gsl_matrix_set(*out, i, i, x[i]);
    return ELBO_OK;
}

/* L L' of a diagonal covariance. */
static elbo_status take_root(const double variance[], size_t n, elbo_arena *arena,
                             gsl_matrix **out)
{
    ELBO_TRY(take_diagonal(variance, n, arena, out));
    for (size_t i = 0; i < n; i++)
        gsl_matrix_set(*out, i, i, sqrt(variance[i]));
    return ELBO_OK;
}

static elbo_status open_problem(elbo_course *c, elbo_arena *arena)
{
    const elbo_dynamics *const d = c->plant.dynamics;
    elbo_trajectory_problem *const p = &c->problem;

    p->plant = &c->plant;
    p->f = c->belief.f;
    p->Sigma = c->belief.W;
    p->h = elbo_plant_observe(&c->plant);
    p->h_end = elbo_plant_observe_end(&c->plant);
    ELBO_TRY(take_vector(d->start, d->nx, arena, &p->m0));
    ELBO_TRY(take_vector(d->goal, d->nz, arena, &p->goal));
    ELBO_TRY(take_vector(d->goal, d->nz_end, arena, &p->goal_end));
    ELBO_TRY(take_diagonal(d->start_variance, d->nx, arena, &p->P0));
    ELBO_TRY(take_diagonal(d->weight, d->nz, arena, &p->W));
    ELBO_TRY(take_diagonal(d->weight_end, d->nz_end, arena, &p->W_end));
    ELBO_TRY(take_root(d->start_variance, d->nx, arena, &c->start));
    return take_root(d->noise, d->nx, arena, &c->noise);
}

static void name_columns(elbo_engine *e)
{
    const char *const *own = e->course->control->column_names;
    size_t n = elbo_engine_name_fixed(e);

    while (*own) e->columns[n++] = *own++;
    elbo_engine_name_last(e, n);
}

static elbo_status open_engine(elbo_engine *e, const elbo_setup *setup,
                               uint64_t seed, const char **section)
{
    const size_t horizon = elbo_horizon_read(setup);
    const int64_t episodes = elbo_int(setup->evaluation, "episodes");
    elbo_course *const c = e->course =
        elbo_arena_take(e->arena, 1, sizeof *e->course);

    ELBO_TRY(elbo_arena_check(e->arena, "the engine"));
    *section = "env";
    ELBO_TRY(setup->env->continuous->open(setup->env_own, e->arena, &c->plant));
    *section = "model";
    ELBO_TRY(setup->model->continuous->open(setup->model_own, &c->plant, seed,
                                            e->arena, &c->belief));
    ELBO_TRY(open_problem(c, e->arena));
    c->problem.T = horizon ? horizon : c->plant.dynamics->horizon;
    c->problem.temperature =
        setup->control->hard ? 0 : elbo_real(setup->control_common, "temperature");
    c->problem.prior_variance =
        elbo_real(setup->control_common, "prior_variance");
    c->problem.seed = seed;
    c->rounds = (size_t)elbo_int(setup->control_common, "plan_rounds");
    c->episodes = episodes > 0 ? (size_t)episodes : EPISODES;
    *section = "control";
    c->control = setup->control->trajectory;
    ELBO_TRY(c->control->open(setup->control_own, &c->problem, e->arena,
                              &c->solver));
    *section = "data";
    ELBO_TRY(elbo_course_open_data(e, setup, seed));
    name_columns(e);
    return ELBO_OK;
}

static void close_engine(elbo_engine *e)
{
    (void)e;
}

/* ---- the steps ---- */

/* The data term and the prior at theta. */
static elbo_status read_learnt(elbo_engine *e, double *likelihood, double *prior)
{
    const elbo_plant_belief *const belief = &e->course->belief;
    const elbo_mark mark = elbo_arena_mark(e->ws);
    elbo_plant_data data;

    *likelihood = *prior = 0;
    if (!belief->model->learnt || e->course->data.n == 0) return ELBO_OK;

    elbo_status s = elbo_course_rows(e, &data);

    if (s == ELBO_OK)
        s = belief->model->learnt(belief, &data, likelihood, prior, e->ws);
    elbo_arena_release(e->ws, mark);
    return s;
}

static elbo_status fit(elbo_engine *e)
{
    elbo_plant_belief *const belief = &e->course->belief;
    const elbo_mark mark = elbo_arena_mark(e->ws);
    elbo_plant_data data;
    elbo_status s = elbo_course_rows(e, &data);

    if (s == ELBO_OK) s = belief->model->fit(belief, &data, e->ws);
    elbo_arena_release(e->ws, mark);
    return s;
}

static elbo_status m_step(elbo_engine *e, elbo_row *row)
{
    double before[2], after[2];

    (void)row;
    if (!e->course->belief.model->fit || e->course->data.n == 0) return ELBO_OK;
    /* features are drawn once the first data are there: a standard from then on */
    if (e->iteration == 0) return fit(e);
    ELBO_TRY(read_learnt(e, &before[0], &before[1]));
    ELBO_TRY(fit(e));
    ELBO_TRY(read_learnt(e, &after[0], &after[1]));

    const elbo_watch watch = {
        .step = "M-step",
        .quantity = "lambda E_D[w l] + log p(theta)",
        .before = before[0] + before[1],
        .after = after[0] + after[1],
        .scale = fabs(before[0]) + fabs(before[1]) + fabs(after[0])
                 + fabs(after[1]),
    };

    return elbo_watch_check(&watch);
}

static elbo_status e_step(elbo_engine *e, elbo_row *row, double *allowance)
{
    elbo_course *const c = e->course;
    const bool moved = c->belief.model->fit != NULL;
    elbo_trajectory_info info = {0};

    for (size_t k = 0; k < c->rounds; k++) {
        const elbo_mark mark = elbo_arena_mark(e->ws);
        const elbo_status s = c->control->iterate(c->solver, &info, e->ws);

        elbo_arena_release(e->ws, mark);
        ELBO_TRY(s);
    }
    c->planned = true;
    *allowance = 0;
    row->parts.reward = info.reward;
    row->parts.policy_kl = info.kl;

    const elbo_watch watch = {
        .step = "E-step",
        .quantity = "F_control",
        .before = c->F,
        .after = info.reward - info.kl,
        .scale = fabs(info.reward) + fabs(info.kl) + fabs(c->F),
    };

    c->F = watch.after;
    return info.watched && e->iteration > 0 && !moved ? elbo_watch_check(&watch)
                                                      : ELBO_OK;
}

static elbo_status record(elbo_engine *e, elbo_row *row)
{
    const elbo_trajectory *const control = e->course->control;

    ELBO_TRY(read_learnt(e, &row->parts.likelihood, &row->parts.prior));
    row->elbo = elbo_parts_total(&row->parts);
    ELBO_TRY(elbo_course_return(e, true, &row->return_model));
    ELBO_TRY(elbo_course_return(e, false, &row->return_real));
    row->value_gap = row->return_model - row->return_real;
    row->ess = elbo_linear_data_ess(&e->course->data);
    while (control->column_names[row->own.n]) row->own.n++;
    control->columns(e->course->solver, row->own.x);
    return elbo_row_check(row, ELBO_EXPONENTIAL, e->columns);
}

/* ---- the rest of the family ---- */

static bool serves_model(const elbo_model *model)
{
    return model->continuous != NULL;
}

static bool serves_control(const elbo_control *control)
{
    return control->trajectory != NULL;
}

static const char *named(const elbo_setup *setup)
{
    (void)setup;
    return NULL;
}

static elbo_status judge(elbo_engine *e, double *best, double *present)
{
    (void)e;
    *best = *present = 0;
    return ELBO_FAIL(ELBO_EINVAL, "no best policy is known in this world");
}

static void save(const elbo_engine *e, elbo_writer *out)
{
    const elbo_course *const c = e->course;

    elbo_writer_section(out, "data");
    elbo_linear_data_save(&c->data, &c->collector, out);
    elbo_writer_section(out, "model");
    if (c->belief.model->save) c->belief.model->save(&c->belief, out);
    elbo_writer_section(out, "control");
    elbo_put_f64(out, c->F);
    elbo_put_u64(out, c->planned);
    c->control->save(c->solver, out);
}

static elbo_status load(elbo_engine *e, elbo_reader *in)
{
    elbo_course *const c = e->course;
    uint64_t planned = 0;

    ELBO_TRY(elbo_reader_section(in, "data"));
    ELBO_TRY(elbo_linear_data_load(&c->data, &c->collector, in));
    ELBO_TRY(elbo_reader_section(in, "model"));
    if (c->belief.model->load) ELBO_TRY(c->belief.model->load(&c->belief, in));
    ELBO_TRY(elbo_reader_section(in, "control"));
    ELBO_TRY(elbo_get_f64(in, &c->F));
    ELBO_TRY(elbo_get_u64(in, &planned));
    if (planned > 1)
        return ELBO_FAIL(ELBO_EDATA, "checkpoint: planned %llu",
                         (unsigned long long)planned);
    c->planned = planned;
    return c->control->load(c->solver, in);
}

static elbo_extent extent(const elbo_engine *e)
{
    const elbo_dynamics *const d = e->course->plant.dynamics;
    const double n = (double)(d->nx + d->nu);
    elbo_extent x = {
        .parameters = e->course->belief.n,
        .bytes = 8 * ((double)e->course->problem.T * 12 * n * n
                      + (n + (double)d->nx) * (double)e->course->data.capacity),
    };

    snprintf(x.world, sizeof x.world, "%zu states, %zu inputs, %zu steps of %g s",
             d->nx, d->nu, e->course->problem.T, e->course->plant.dt);
    return x;
}

static elbo_status check_gradient(elbo_engine *e, elbo_derivative_check *out)
{
    out->skipped = e->course->belief.n == 0
                       ? "the model has no parameters"
                       : "the M-step is closed, it follows no gradient";
    return ELBO_OK;
}

static const elbo_absent absent[] = {
    {"inference", "optimality"},
    {"inference", "likelihood"},
    {"inference", "transition"},
    {"inference", "gradient"},
    {"inference", "feedback"},
    {"inference", "norm_bound"},
    {"inference", "m_step"},
    {"inference", "m_step_rate"},
    {"inference", "m_step_keep"},
    {"inference", "m_step_iterations"},
    {"inference", "m_step_tolerance"},
    {"control", "prior"},
    {"control", "prior_epsilon"},
    {"control", "kl"},
    {"control", "reward"},
    {"control", "return_weight"},
    {"control", "value"},
    {"control", "values"},
    {"control", "target_rate"},
    {"control", "tolerance"},
    {"control", "sweeps"},
    {"data", "source"},
    {"data", "file"},
    {"data", "over"},
    {"data", "expert"},
    {"data", "pool"},
    {"evaluation", "regret"},
    {"evaluation", "expert_discount"},
    {"evaluation", "nll"},
    {"evaluation", "held_out"},
    {"evaluation", "held_out_of"},
    {0},
};

const elbo_family elbo_course_family = {
    .noun = "continuous worlds",
    .absent = absent,
    .serves_model = serves_model,
    .serves_control = serves_control,
    .check = elbo_course_check,
    .kind = elbo_course_kind,
    .named = named,
    .open = open_engine,
    .close = close_engine,
    .gather = elbo_course_gather,
    .m_step = m_step,
    .e_step = e_step,
    .record = record,
    .judge = judge,
    .save = save,
    .load = load,
    .extent = extent,
    .check_gradient = check_gradient,
};

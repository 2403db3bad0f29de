/* inference/likelihood/metric.c -- metric(task, rate, limit): the weights of a
 * prediction error, learnt for a task.
 *
 *   theta*(m) = argmax lambda E_D[w l(theta, m)] + log p(theta)       the M-step
 *   log m <- Adam along dT/dlog m,   T(m) = E_D[task at theta*(m) and its plan]
 *
 * one step an iteration, from m = 1, with -limit <= log m <= limit. The task sees
 * theta through the planner's fixed point, theta sees m through the M-step's
 * optimum (inference/hypergradient.h). Rows that D has not stay at 1.
 */
#include <math.h>
#include <string.h>

#include "inference/hypergradient.h"
#include "inference/language/named.h"
#include "inference/weight/factors.h"

/* Kingma and Ba 2015, algorithm 1. */
static const double b1 = 0.9, b2 = 0.999, epsilon = 1e-8;

/* A named objective's formula, or the text itself. */
static const char *formula_of(const char *task)
{
    for (const elbo_named *o = elbo_named_objectives; o->name; o++)
        if (strcmp(o->name, task) == 0) return o->formula;
    return task;
}

static bool reads_any(const elbo_expr *e)
{
    static const char *const standing[] = {"V_then", "V_target", NULL};

    if (e->factor || elbo_expr_samples(e)) return true;
    for (size_t i = 0; standing[i]; i++)
        if (elbo_expr_reads(e, standing[i])) return true;
    for (size_t i = 0; i < e->n; i++)
        if (reads_any(e->arg[i])) return true;
    return false;
}

static elbo_status check_in(const char *task, elbo_arena *arena,
                            size_t *column, const char **nearest)
{
    elbo_expr *expr;

    ELBO_TRY(elbo_objective_parse(formula_of(task), arena, &expr, column,
                                  nearest));
    *column = 0;
    if (!(expr->depends & ELBO_ON_PLANNER))
        return ELBO_FAIL(ELBO_EINVAL,
                         "the task %s asks nothing of the planner", task);
    if (reads_any(expr))
        return ELBO_FAIL(ELBO_EINVAL,
                         "the task %s may read the planner and the data, no "
                         "factors, samples or values of another time",
                         task);
    return ELBO_OK;
}

static elbo_status check_task(const char *task, size_t *column,
                              const char **nearest)
{
    elbo_arena *const arena = elbo_arena_alloc(4096);
    size_t at = 0;

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "a metric's task");

    const char *near = NULL;
    const elbo_status s = check_in(task, arena, &at, &near);

    if (column) *column = at;
    if (nearest) *nearest = near;
    elbo_arena_free(arena);
    return s;
}

static const elbo_option options[] = {
    {.name = "task",
     .type = ELBO_TEXT,
     .unit = "",
     .doc = "what is to be large: J, or the name of an objective of the planner",
     .check = check_task},
    {.name = "rate",
     .type = ELBO_REAL,
     .unit = "nats",
     .low = 0,
     .high = 10,
     .fallback = "0.1",
     .doc = "Adam's step in log m, once an iteration"},
    {.name = "limit",
     .type = ELBO_REAL,
     .unit = "nats",
     .low = 0,
     .high = 300,
     .fallback = "10",
     .doc = "log m stays between -limit and limit"},
    {0},
};

typedef struct metric {
    size_t n; /* rows */
    elbo_objective *task;
    elbo_outer outer; /* the task with its plan */
    double *m, *v;    /* [n] Adam's moments */
    uint64_t steps;
} metric;

static elbo_status open_outer(metric *x, const elbo_factor_view *view,
                              elbo_arena *arena)
{
    x->outer = (elbo_outer){
        .objective = x->task,
        .truth = view->upper.truth,
        .problem = view->upper.problem,
        .controller = view->upper.controller,
        .start = view->post,
        .seed = view->seed,
    };
    ELBO_TRY(elbo_gradient_parse("implicit", arena, &x->outer.route, NULL, NULL));
    return elbo_outer_open(&x->outer, arena);
}

static elbo_status open(const elbo_values *values, const elbo_factor_view *view,
                        elbo_arena *arena, void **self)
{
    const size_t n = view->world->nS * view->world->nA;
    metric *const x = elbo_arena_take(arena, 1, sizeof *x);

    ELBO_TRY(elbo_arena_check(arena, "a metric"));
    *self = x;
    x->n = n;
    x->m = elbo_arena_take(arena, n, sizeof *x->m);
    x->v = elbo_arena_take(arena, n, sizeof *x->v);
    ELBO_TRY(elbo_arena_check(arena, "a metric's moments"));
    ELBO_TRY(elbo_objective_open(
        formula_of(elbo_text(values, "task")), view->world, view->truth,
        view->belief->mean.pattern, view->data->capacity, arena, &x->task));
    elbo_objective_reward(x->task, view->belief->reward, false);
    return open_outer(x, view, arena);
}

static void close(void *self)
{
    metric *const x = self;

    elbo_objective_close(x->task);
}

/* ---- the slope along m ---- */

/* The M-step as the inner problem. */
typedef struct inner {
    const elbo_upper *upper;
    const double *values; /* where the likelihood reads m */
    size_t n;
    elbo_arena *ws;
} inner;

static void move(const inner *x, const double theta[])
{
    elbo_belief *const belief = x->upper->belief;

    memcpy(belief->theta, theta, belief->n * sizeof *theta);
    belief->model->update(belief);
}

static elbo_status slope(void *self, const double theta[], double out[])
{
    const inner *const x = self;
    double unused;

    move(x, theta);
    return elbo_mstep_objective(x->upper->step, x->upper->belief, &unused, out,
                                x->ws);
}

static elbo_status lever(void *self, const double theta[], double out[])
{
    const inner *const x = self;

    move(x, theta);
    return elbo_objective_lever(x->upper->step->likelihood->objective,
                                &x->upper->belief->mean, x->values, out, x->n,
                                x->ws);
}

/* out [belief->n] = dT / dtheta. */
static elbo_status task_slope(metric *x, const elbo_factor_view *view,
                              double out[], elbo_arena *ws)
{
    elbo_belief *const belief = view->upper.belief;
    const size_t k = elbo_belief_slopes(belief);
    const double size = elbo_data_size(view->data);
    double *const G = elbo_arena_doubles(ws, k);
    double unused;

    ELBO_TRY(elbo_arena_check(ws, "a task's slope"));
    memset(G, 0, k * sizeof *G);
    memset(out, 0, belief->n * sizeof *out);
    ELBO_TRY(elbo_objective_data(x->task, belief->mean.pattern, view->data,
                                 size > 0 ? 1 / size : 1, ws));
    elbo_outer_begin(&x->outer, view->iteration);
    ELBO_TRY(elbo_outer_value(&x->outer, belief, &unused, G, ws));
    belief->model->pullback(belief, G, out);
    return ELBO_OK;
}

elbo_status elbo_metric_slope(void *self, const elbo_factor_view *view,
                              const double values[], double out[],
                              elbo_arena *ws)
{
    metric *const x = self;
    elbo_belief *const belief = view->upper.belief;
    inner in = {&view->upper, values, x->n, ws};
    const elbo_lower lower = {&in, belief->n, x->n, slope, lever};
    double *const theta = elbo_arena_doubles(ws, belief->n);
    double *const task = elbo_arena_doubles(ws, belief->n);

    ELBO_TRY(elbo_arena_check(ws, "a metric's slope"));
    memcpy(theta, belief->theta, belief->n * sizeof *theta);
    ELBO_TRY(task_slope(x, view, task, ws));

    const elbo_status s = elbo_hypergradient(&lower, theta, task, out, ws);

    move(&in, theta);
    return s;
}

/* ---- each iteration ---- */

static void step(metric *x, double rate, double limit, const double slope_of[],
                 double values[])
{
    const double i = (double)++x->steps;
    const double fade1 = 1 - pow(b1, i), fade2 = 1 - pow(b2, i);

    for (size_t j = 0; j < x->n; j++) {
        const double g = values[j] * slope_of[j];

        x->m[j] = b1 * x->m[j] + (1 - b1) * g;
        x->v[j] = b2 * x->v[j] + (1 - b2) * g * g;

        const double by = rate * (x->m[j] / fade1)
                          / (sqrt(x->v[j] / fade2) + epsilon);

        values[j] = exp(fmax(-limit, fmin(limit, log(values[j]) + by)));
    }
}

static elbo_status update(void *self, const elbo_values *set,
                          const elbo_factor_view *view, double values[],
                          elbo_arena *ws)
{
    metric *const x = self;
    double *const g = elbo_arena_doubles(ws, x->n);

    ELBO_TRY(elbo_arena_check(ws, "a metric"));
    if (view->iteration == 0)
        for (size_t j = 0; j < x->n; j++) values[j] = 1;
    if (!view->upper.step || view->belief->n == 0) return ELBO_OK;
    ELBO_TRY(elbo_metric_slope(x, view, values, g, ws));
    step(x, elbo_real(set, "rate"), elbo_real(set, "limit"), g, values);
    return ELBO_OK;
}

static void save(const void *self, elbo_writer *out)
{
    const metric *const x = self;

    elbo_put_u64(out, x->steps);
    elbo_put_doubles(out, x->m, x->n);
    elbo_put_doubles(out, x->v, x->n);
}

static elbo_status load(void *self, elbo_reader *in)
{
    metric *const x = self;

    ELBO_TRY(elbo_get_u64(in, &x->steps));
    ELBO_TRY(elbo_get_doubles(in, x->m, x->n));
    return elbo_get_doubles(in, x->v, x->n);
}

/* J is the world's own return. */
static bool oracle(const elbo_values *values)
{
    const char *const formula = formula_of(elbo_text(values, "task"));

    return strcmp(formula, "J") == 0;
}

const elbo_factor elbo_factor_metric = {
    .name = "metric",
    .source = "Bansal, Chen, Mukadam, Amos, TaskMet, NeurIPS 2023",
    .doc = "weights of the prediction error, learnt through the M-step for a task",
    .shape = ELBO_FACTOR_ROW,
    .options = options,
    .oracle = oracle,
    .open = open,
    .update = update,
    .learns = true,
    .close = close,
    .save = save,
    .load = load,
};

/* control/ilqr.c -- iterative LQR (inference/messages/ilqr.h) in continuous worlds:
 * each round one backward pass and a line search.
 */
#include <math.h>
#include <string.h>

#include "control/first_inputs.h"
#include "control/registry.h"
#include "inference/messages/ilqr.h"
#include "inference/trajectory.h"

static const elbo_option options[] = {
    ELBO_FIRST_INPUTS,
    {0},
};

/* A solver, its policy as u = K x + k, and what its columns say. */
typedef struct solver {
    elbo_ilqr *ilqr;
    elbo_ilqr_problem problem;
    double *limit, *k, *S;
    elbo_ilqr_info last;
} solver;

static elbo_status open_solver(const elbo_values *values,
                               const elbo_trajectory_problem *p,
                               elbo_arena *arena, void **self)
{
    const size_t nx = p->plant->dynamics->nx, nu = p->plant->dynamics->nu;
    solver *const s = elbo_arena_take(arena, 1, sizeof *s);
    gsl_matrix *const u = elbo_arena_mat(arena, p->T, nu);

    ELBO_TRY(elbo_arena_check(arena, "control ilqr"));
    s->limit = elbo_arena_doubles(arena, nu);
    s->k = elbo_arena_doubles(arena, p->T * nu);
    s->S = elbo_arena_doubles(arena, p->T * nu * nu);
    ELBO_TRY(elbo_arena_check(arena, "control ilqr"));
    memset(s->S, 0, p->T * nu * nu * sizeof *s->S);
    for (size_t j = 0; j < nu; j++) s->limit[j] = p->plant->limit;
    elbo_first_inputs(values, p->seed, u);
    s->problem = (elbo_ilqr_problem){
        .nx = nx,
        .nu = nu,
        .T = p->T,
        .f = p->f,
        .h = p->h,
        .h_end = p->h_end,
        .x0 = p->m0,
        .goal = p->goal,
        .goal_end = p->goal_end,
        .W = p->W,
        .W_end = p->W_end,
        .limit = isfinite(p->plant->limit) ? s->limit : NULL,
        .u = u,
    };
    *self = s;
    return elbo_ilqr_open(&elbo_ilqr_defaults, &s->problem, arena, &s->ilqr);
}

/* k = u_t - K x_t */
static void center(solver *s)
{
    const elbo_ilqr_view v = elbo_ilqr_trajectory(s->ilqr);
    const size_t nx = s->problem.nx, nu = s->problem.nu;

    for (size_t t = 0; t < s->problem.T; t++)
        for (size_t i = 0; i < nu; i++) {
            const double *const K = v.K + (t * nu + i) * nx;
            double k = v.u[t * nu + i];

            for (size_t j = 0; j < nx; j++) k -= K[j] * v.x[t * nx + j];
            s->k[t * nu + i] = k;
        }
}

static elbo_status iterate(void *self, elbo_trajectory_info *info,
                           elbo_arena *ws)
{
    solver *const s = self;

    ELBO_TRY(elbo_ilqr_iterate(s->ilqr, &s->last, ws));
    center(s);
    *info = (elbo_trajectory_info){.reward = -s->last.cost / 2, .watched = true};
    return ELBO_OK;
}

static elbo_trajectory_view view(const void *self)
{
    const solver *const s = self;

    return (elbo_trajectory_view){elbo_ilqr_trajectory(s->ilqr).K, s->k, s->S};
}

static const char *const column_names[] = {"gradient", "damping", "step", NULL};

static void columns(const void *self, double out[])
{
    const solver *const s = self;

    out[0] = s->last.gradient;
    out[1] = s->last.lambda;
    out[2] = s->last.step;
}

static void save(const void *self, elbo_writer *out)
{
    const solver *const s = self;

    elbo_ilqr_save(s->ilqr, out);
}

static elbo_status load(void *self, elbo_reader *in)
{
    solver *const s = self;

    ELBO_TRY(elbo_ilqr_load(s->ilqr, in));
    center(s);
    return ELBO_OK;
}

static const elbo_trajectory trajectory = {
    .kind = "value: the return of one trajectory without noise, which bounds no "
            "evidence",
    .open = open_solver,
    .iterate = iterate,
    .view = view,
    .column_names = column_names,
    .columns = columns,
    .save = save,
    .load = load,
};

const elbo_control elbo_control_ilqr = {
    .name = "ilqr",
    .source = "Li and Todorov, ICINCO 2004; Tassa, Erez, Todorov, IROS 2012",
    .doc = "iterative LQR with line search, damping and limits on the inputs, in "
           "continuous worlds",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .hard = true,
    .trajectory = &trajectory,
};

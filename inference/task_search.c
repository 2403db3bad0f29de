/* inference/task_search.c -- gradient: search in control tasks.
 *
 *   theta <- argmax lambda E_D[w l(theta, J(theta))] + log p(theta)
 *
 * by values, from where the fit along the derivative ended, in the M-steps of
 * iterations from `from` on; in the fit J is a number, the one that the M-step
 * before found, 0 at first, so that a term -c J moves no fit, and J E(f(y)) does.
 * J(theta) is what the planner that asks p_theta
 * earns in the world: the mean of `episodes` episodes, else of as many as an
 * evaluation has (one, where it has none), the same ones in all of an M-step
 * and none of the evaluation's. With J beneath a minus theta is an
 * adversary that its likelihood holds back: l = logp - c J (Lambert et al.
 * 2020, 4.3, who bound the likelihood; 1/c is that bound's multiplier).
 */
#include "inference/task_state.h"

enum { PLANS, L_FIT, L, J_FIT, J };

const char *const elbo_task_search_columns[] = {"search_plans", "search_l_fit",
                                                "search_l",     "search_J_fit",
                                                "search_J",     NULL};

/* What is maximised, and what it is made of at the theta that was tried last.
 */
typedef struct search {
    elbo_engine *e;
    elbo_task_run *run;
    double scale; /* lambda over the rows */
    double l, J;  /* the mean of w l; the return */
} search;

/* ---- theta as one vector ---- */

static void get(const search *s, double x[])
{
    const elbo_task_belief *const belief = &s->run->belief;

    for (size_t m = 0; m < belief->members; m++) {
        float *theta;
        const size_t n =
            belief->model->numbers(belief, m, s->run->search->output, &theta);

        for (size_t j = 0; j < n; j++) *x++ = (double)theta[j];
    }
}

static void put(const search *s, const double x[])
{
    const elbo_task_belief *const belief = &s->run->belief;

    for (size_t m = 0; m < belief->members; m++) {
        float *theta;
        const size_t n =
            belief->model->numbers(belief, m, s->run->search->output, &theta);

        for (size_t j = 0; j < n; j++) theta[j] = (float)*x++;
    }
}

/* ---- the objective ---- */

static elbo_status mean_term(search *s)
{
    elbo_task_run *const run = s->run;
    const size_t n = run->data.n;
    double *const l = elbo_arena_doubles(s->e->ws, n);

    ELBO_TRY(elbo_arena_check(s->e->ws, "a search's data term"));
    ELBO_TRY(elbo_task_objective_values(run->objective, s->e->iteration, l,
                                        s->e->ws));
    s->l = 0;
    for (size_t i = 0; i < n; i++)
        s->l += (run->weight ? run->weight[i] : 1) * l[i] / (double)n;
    return ELBO_OK;
}

static elbo_status look(search *s)
{
    const elbo_mark mark = elbo_arena_mark(s->e->ws);
    elbo_status status =
        elbo_task_earn(s->e, "search", s->run->search->episodes, &s->J);

    if (status == ELBO_OK) {
        elbo_task_objective_set_return(s->run->objective, s->J);
        status = mean_term(s);
    }
    elbo_arena_release(s->e->ws, mark);
    return status;
}

static elbo_status value_of(void *self, const double x[], double *value,
                            double grad[])
{
    search *const s = self;
    const elbo_task_belief *const belief = &s->run->belief;

    (void)grad;
    put(s, x);
    ELBO_TRY(look(s));
    *value = s->scale * s->l * (double)s->run->data.n;
    if (belief->model->log_prior) *value += belief->model->log_prior(belief);
    return ELBO_OK;
}

/* ---- the M-step's second part ---- */

static elbo_status climb(search *s, double x[])
{
    elbo_task_search_state *const state = s->run->search;
    const elbo_summit f = {s, state->n, 1, value_of};
    elbo_ascent_info info;

    get(s, x);
    ELBO_TRY(look(s));
    state->found[L_FIT] = s->l;
    state->found[J_FIT] = s->J;
    ELBO_TRY(elbo_ascend(&state->how, &f, x, &info, s->e->ws));
    put(s, x);
    ELBO_TRY(look(s));
    state->found[PLANS] = (double)info.iterations;
    state->found[L] = s->l;
    state->found[J] = s->J;
    return ELBO_OK;
}

elbo_status elbo_task_search(elbo_engine *engine, double scale)
{
    const elbo_mark mark = elbo_arena_mark(engine->ws);
    elbo_task_run *const run = engine->task;
    search s = {.e = engine, .run = run, .scale = scale};
    double *const x = elbo_arena_doubles(engine->ws, run->search->n);
    elbo_status status = elbo_arena_check(engine->ws, "a search");

    if (status == ELBO_OK) status = climb(&s, x);
    elbo_arena_release(engine->ws, mark);
    return status;
}

/* ---- the rest ---- */

static size_t count(const elbo_task_belief *belief, bool output)
{
    size_t n = 0;
    float *theta;

    for (size_t m = 0; m < belief->members; m++)
        n += belief->model->numbers(belief, m, output, &theta);
    return n;
}

elbo_status elbo_task_open_search(elbo_engine *e, const elbo_setup *setup)
{
    static const double tolerance = 1e-8;
    elbo_task_run *const run = e->task;
    elbo_task_search_state *state;
    elbo_route route;

    ELBO_TRY(elbo_gradient_parse(elbo_text(setup->inference, "gradient"),
                                 e->arena, &route, NULL, NULL));
    if (!route.search) return ELBO_OK;
    run->search = state = elbo_arena_take(e->arena, 1, sizeof *state);
    ELBO_TRY(elbo_arena_check(e->arena, "a search"));
    *state = (elbo_task_search_state){
        .how = {.method = route.search,
                .iterations = route.n,
                .tolerance = tolerance,
                .step = route.step,
                .box = route.box,
                .seed = run->problem.seed},
        .output = route.output,
        .from = route.from,
        .episodes = route.episodes       ? route.episodes
                    : run->episodes > 0 ? run->episodes
                                        : 1,
        .n = count(&run->belief, route.output),
    };
    if (state->n == 0)
        return ELBO_FAIL(
            ELBO_EINVAL,
            "gradient: search: this posterior is drawn from, and has no "
            "point to search");
    return elbo_ascender_check(route.search, state->n);
}

void elbo_task_search_save(const elbo_engine *engine, elbo_writer *out)
{
    const elbo_task_run *const run = engine->task;

    elbo_writer_section(out, "search");
    if (run->search)
        elbo_put_doubles(out, run->search->found, ELBO_TASK_SEARCH_COLUMNS);
}

elbo_status elbo_task_search_load(elbo_engine *engine, elbo_reader *in)
{
    elbo_task_run *const run = engine->task;

    ELBO_TRY(elbo_reader_section(in, "search"));
    if (!run->search) return ELBO_OK;
    ELBO_TRY(
        elbo_get_doubles(in, run->search->found, ELBO_TASK_SEARCH_COLUMNS));
    elbo_task_objective_set_return(run->objective, run->search->found[J]);
    return ELBO_OK;
}

#include <string.h>

#include "inference/gradient/kinds.h"

const elbo_gradient *const elbo_gradients[] = {
    &elbo_gradient_stop,
    &elbo_gradient_unroll,
    &elbo_gradient_implicit,
    &elbo_gradient_score,
    &elbo_gradient_search,
    NULL,
};

const elbo_solver *const elbo_solvers[] = {
    &elbo_solver_exact,
    &elbo_solver_cg,
    &elbo_solver_neumann,
    &elbo_solver_identity,
    &elbo_solver_woodbury,
    &elbo_solver_adjoint,
    NULL,
};

enum {
    KINDS = sizeof elbo_gradients / sizeof *elbo_gradients - 1,
    SOLVERS = sizeof elbo_solvers / sizeof *elbo_solvers - 1
};

static const elbo_gradient *find_kind(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(elbo_gradients[i]->name, name) == 0)
            return elbo_gradients[i];
    return NULL;
}

static const elbo_solver *find_solver(const char *name)
{
    for (size_t i = 0; i < SOLVERS; i++)
        if (strcmp(elbo_solvers[i]->name, name) == 0) return elbo_solvers[i];
    return NULL;
}

static const elbo_option *lookup_kind(const char *name, bool *known,
                                      const char **nearest)
{
    const elbo_gradient *const kind = find_kind(name);
    const char *names[KINDS];

    for (size_t i = 0; i < KINDS; i++) names[i] = elbo_gradients[i]->name;
    *known = kind != NULL;
    if (!kind) *nearest = elbo_name_nearest(name, names, KINDS);
    return kind ? kind->options : NULL;
}

static const elbo_option *lookup_solver(const char *name, bool *known,
                                        const char **nearest)
{
    const elbo_solver *const solver = find_solver(name);
    const char *names[SOLVERS];

    for (size_t i = 0; i < SOLVERS; i++) names[i] = elbo_solvers[i]->name;
    *known = solver != NULL;
    if (!solver) *nearest = elbo_name_nearest(name, names, SOLVERS);
    return solver ? solver->options : NULL;
}

elbo_status elbo_solver_parse(const char *text, elbo_arena *arena,
                              elbo_route *out, size_t *column,
                              const char **nearest)
{
    elbo_values values;
    const char *name;

    ELBO_TRY(elbo_call_parse(text, lookup_solver, arena, &name, &values, column,
                             nearest));
    out->solver = find_solver(name);
    if (out->solver->set) out->solver->set(&values, out);
    return ELBO_OK;
}

elbo_status elbo_gradient_parse(const char *text, elbo_arena *arena,
                                elbo_route *out, size_t *column,
                                const char **nearest)
{
    elbo_route route = {0};
    elbo_values values;
    const char *name;

    ELBO_TRY(elbo_call_parse(text, lookup_kind, arena, &name, &values, column,
                             nearest));
    route.kind = find_kind(name);
    if (route.kind->set) ELBO_TRY(route.kind->set(&values, &route));
    *out = route;
    return ELBO_OK;
}

const char *elbo_gradient_lasting(const char *word)
{
    static const char *const arguments[] = {
        "k",      "n",           "solver", "tolerance", "rank",       "iterations",
        "method", "evaluations", "step",   "box",       "nelder_mead",
        "differences", "evolution", "over", "output", "gp",          "reach",  "noise",
        "rate"};

    for (size_t i = 0; word && i < KINDS; i++)
        if (strcmp(word, elbo_gradients[i]->name) == 0)
            return elbo_gradients[i]->name;
    for (size_t i = 0; word && i < SOLVERS; i++)
        if (strcmp(word, elbo_solvers[i]->name) == 0)
            return elbo_solvers[i]->name;
    for (size_t i = 0; word && i < sizeof arguments / sizeof *arguments; i++)
        if (strcmp(word, arguments[i]) == 0) return arguments[i];
    return NULL;
}

elbo_status elbo_gradient_check(const char *text, size_t *column,
                                const char **nearest)
{
    elbo_arena *const arena = elbo_arena_alloc(1024);
    const char *word = NULL;
    elbo_route route;

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "gradient: no arena");

    const elbo_status s =
        elbo_gradient_parse(text, arena, &route, column, &word);

    if (nearest) *nearest = elbo_gradient_lasting(word);
    elbo_arena_free(arena);
    return s;
}

bool elbo_route_stops(const elbo_route *route)
{
    return route->kind == &elbo_gradient_stop;
}

bool elbo_route_exact(const elbo_route *route)
{
    return route->kind->exact && route->kind->exact(route);
}

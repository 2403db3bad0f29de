/* inference/likelihood/parse.c -- an objective's text, checked and compiled once. */
#include "inference/factor.h"
#include "inference/linear_objective.h"
#include "inference/objective.h"
#include "inference/task_objective.h"

/* Compiled on a world of one state and no data, where all that the language has
 * for finite worlds can be compiled. */
static elbo_status try_compile(const elbo_expr *expr, size_t *column)
{
    static const size_t start[] = {0, 0};
    static const int32_t coord[2] = {0};
    static const uint32_t none[1] = {0};
    static const double nothing[1] = {0};
    const elbo_batch batch = {.nS = 1,
                              .nA = 1,
                              .row = none,
                              .next = none,
                              .entry = none,
                              .r = nothing,
                              .weight = nothing,
                              .start = start,
                              .successor = none,
                              .gamma = 1,
                              .coord = coord,
                              .dim = 1};
    elbo_program *program;

    ELBO_TRY(elbo_program_alloc(expr, &batch, &program, column));
    elbo_program_free(program);
    return ELBO_OK;
}

elbo_status elbo_objective_parse_finite(const char *text, elbo_arena *arena,
                                        elbo_expr **out, size_t *column,
                                        const char **nearest)
{
    const elbo_scope scope = {
        .coordinates = true, .finite = true, .factors = elbo_factor_words};
    const char *near = NULL;
    size_t place = 0;
    elbo_status s = elbo_expression_parse(text, arena, out, &place);

    if (s == ELBO_OK) s = elbo_expression_check(*out, &scope, &place, &near);
    if (s == ELBO_OK) s = elbo_factors_check(*out, arena, &place, &near);
    if (s == ELBO_OK) s = try_compile(*out, &place);
    if (column) *column = place;
    if (nearest) *nearest = near;
    return s;
}

typedef elbo_status parser(const char *text, elbo_arena *arena, elbo_expr **out,
                           size_t *column, const char **nearest);

/* Of several faults the finite worlds' is told, unless another is a name that no
 * family knows. */
elbo_status elbo_objective_parse(const char *text, elbo_arena *arena,
                                 elbo_expr **out, size_t *column,
                                 const char **nearest)
{
    static parser *const others[] = {elbo_linear_objective_parse,
                                     elbo_task_objective_parse};
    const char *near = NULL;
    size_t place = 0;
    elbo_status s = elbo_objective_parse_finite(text, arena, out, &place, &near);
    elbo_error error = *elbo_last_error();

    for (size_t i = 0; s == ELBO_EINVAL && i < 2; i++) {
        const char *other_near = NULL;
        size_t other = 0;

        s = others[i](text, arena, out, &other, &other_near);
        if (s == ELBO_EINVAL && !(other_near && !near)) continue;
        place = other;
        near = other_near;
        error = *elbo_last_error();
    }
    if (s == ELBO_EINVAL) elbo_error_restore(&error);
    if (column) *column = place;
    if (nearest) *nearest = near;
    return s;
}

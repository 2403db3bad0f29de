#include "inference/returns.h"

#include <string.h>

#include "inference/factor.h"
#include "inference/task_objective.h"

/* Words that average over the data, or look back at them: there are none where
 * a plan is made. */
static const char *const of_data[] = {"Ed", "Td", "mean", "V_then"};
/* ... and words of one successor. */
static const char *const of_next[] = {"next", "logp"};

static bool is_one_of(const char *name, const char *const words[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, words[i]) == 0) return true;
    return false;
}

static bool averages(const elbo_expr *e)
{
    return e->kind == ELBO_EXPR_CALL
           && (strcmp(e->name, "E") == 0 || strcmp(e->name, "Var") == 0
               || strcmp(e->name, "roll") == 0 || strcmp(e->name, "T") == 0);
}

static bool is_named(const elbo_expr *e)
{
    return e->kind == ELBO_EXPR_NAME || e->kind == ELBO_EXPR_CALL;
}

static bool is_shaped(const char *name, elbo_factor_shape shape)
{
    const elbo_factor *factor = elbo_factor_find(name);

    return factor && factor->shape == shape;
}

/* A word that has no meaning here. `alone`: there is no successor; `inside`: but
 * the model's y. */
static bool is_misplaced(const char *name, bool alone, bool inside)
{
    return is_one_of(name, of_data, sizeof of_data / sizeof *of_data)
           || is_shaped(name, ELBO_FACTOR_EPOCH)
           || (alone && is_one_of(name, of_next, 2))
           || (alone && !inside && is_shaped(name, ELBO_FACTOR_ENTRY));
}

/* The first such word, or NULL. */
static const elbo_expr *misplaced(const elbo_expr *e, bool alone, bool inside)
{
    if (is_named(e)) {
        if (is_misplaced(e->name, alone, inside)) return e;
        if (elbo_factor_find(e->name)) return NULL; /* its words are its own */
    }
    for (size_t i = 0; i < e->n; i++) {
        const elbo_expr *found =
            misplaced(e->arg[i], alone, inside || averages(e));

        if (found) return found;
    }
    return NULL;
}

elbo_status elbo_return_parse_finite(const char *text, bool alone,
                                     elbo_arena *arena, size_t *column,
                                     const char **nearest)
{
    const char *near = NULL;
    elbo_expr *expr;
    const elbo_status s =
        elbo_objective_parse_finite(text, arena, &expr, column, &near);

    if (nearest) /* what is suggested must be accepted */
        *nearest = near && is_misplaced(near, alone, false) ? NULL : near;
    ELBO_TRY(s);

    const elbo_expr *found = misplaced(expr, alone, false);

    if (!found) return ELBO_OK;
    if (column) *column = found->column;
    if (nearest) *nearest = NULL;
    return ELBO_FAIL(ELBO_EINVAL, "%s means nothing here: %s", found->name,
                     alone
                         ? "a reward of (s, a) has no successor (but y inside "
                           "E and Var) and no data"
                         : "a plan has no data");
}

/* Of two faults the finite worlds' is told. */
static elbo_status check(const char *text, bool alone, elbo_arena *arena,
                         size_t *column, const char **nearest)
{
    elbo_status s = elbo_return_parse_finite(text, alone, arena, column, nearest);
    const elbo_error error = *elbo_last_error();
    elbo_expr *unused;

    if (s != ELBO_EINVAL) return s;
    s = elbo_task_reward_parse(text, arena, &unused, NULL, NULL);
    if (s == ELBO_EINVAL) elbo_error_restore(&error);
    if (s == ELBO_OK && nearest) *nearest = NULL;
    return s;
}

static elbo_status check_text(const char *text, bool alone, size_t *column,
                              const char **nearest)
{
    elbo_arena *arena = elbo_arena_alloc(4096);

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "an expression: no arena");

    const elbo_status s = check(text, alone, arena, column, nearest);

    elbo_arena_free(arena);
    return s;
}

elbo_status elbo_reward_check(const char *text, size_t *column,
                              const char **nearest)
{
    return check_text(text, true, column, nearest);
}

elbo_status elbo_return_weight_check(const char *text, size_t *column,
                                     const char **nearest)
{
    return check_text(text, false, column, nearest);
}

/* Whether two texts are the same expression. */
static bool equal(const char *canonical, const char *other, elbo_arena *arena)
{
    elbo_expr *expr;
    const char *text = NULL;

    if (elbo_objective_parse(other, arena, &expr, NULL, NULL) == ELBO_OK)
        text = elbo_expression_text(expr, arena);
    return text && strcmp(canonical, text) == 0;
}

static elbo_status read(const char *text, elbo_arena *arena,
                        elbo_return_facts *out)
{
    elbo_factor_call *calls;
    elbo_expr *expr;
    size_t factors;

    ELBO_TRY(elbo_objective_parse(text, arena, &expr, NULL, NULL));
    ELBO_TRY(elbo_expr_factors(expr, arena, &calls, &factors));

    const char *canonical = elbo_expression_text(expr, arena);
    const unsigned planner = ELBO_ON_PLANNER | ELBO_HAS_STOP;

    ELBO_TRY(elbo_arena_check(arena, "an expression's text"));
    *out = (elbo_return_facts){
        .plain = strcmp(canonical, "r") == 0 || strcmp(canonical, "1") == 0,
        .bound =
            equal(canonical, "(1 - gamma)*log(r) - (1 - gamma)*log(1 - gamma)",
                  arena),
        .exact_ratio = equal(canonical, "exp(logratio)", arena),
        .moves = factors > 0 || (expr->depends & (planner | ELBO_ON_THETA)),
        .planned = expr->depends & planner,
        .stops = expr->depends & ELBO_STOPS_THETA,
    };
    return ELBO_OK;
}

elbo_status elbo_return_read(const char *text, elbo_return_facts *out)
{
    elbo_arena *arena = elbo_arena_alloc(4096);

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "an expression: no arena");

    const elbo_status s = read(text, arena, out);

    elbo_arena_free(arena);
    return s;
}

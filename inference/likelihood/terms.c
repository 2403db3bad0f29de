#include "inference/likelihood/terms.h"

/* Whether it reads what a member of the set stands for. */
static bool is_theirs(const elbo_expr *expr, bool policies)
{
    static const char *const words[] = {"V",   "A",    "gradV", "Q", "logpi",
                                        "Epi", "roll", "T",     "Td"};
    const size_t n = policies ? sizeof words / sizeof *words : 3;

    for (size_t i = 0; i < n; i++)
        if (elbo_expr_reads(expr, words[i])) return true;
    return false;
}

/* A node of two arguments in the place of `at`. */
static elbo_expr *combine(elbo_expr_kind kind, const elbo_expr *at,
                          elbo_expr *x, elbo_expr *y, elbo_arena *arena)
{
    elbo_expr *const e = elbo_arena_take(arena, 1, sizeof *e);
    elbo_expr **const arg = elbo_arena_take(arena, 2, sizeof(elbo_expr *));

    if (!e || !arg) return NULL;
    arg[0] = x;
    arg[1] = y;
    *e = (elbo_expr){.kind = kind,
                     .arg = arg,
                     .n = y ? 2 : 1,
                     .column = at->column,
                     .type = at->type,
                     .depends = at->depends};
    return e;
}

static elbo_expr *divide(elbo_expr *term, size_t n, elbo_arena *arena)
{
    elbo_expr *const number = elbo_arena_take(arena, 1, sizeof *number);

    if (!number) return NULL;
    *number = (elbo_expr){.kind = ELBO_EXPR_NUMBER,
                          .number = (double)n,
                          .column = term->column,
                          .type = ELBO_TYPE_SCALAR};
    return combine(ELBO_EXPR_DIV, term, term, number, arena);
}

/* NULL: no memory. */
static elbo_expr *share(elbo_expr *e, size_t n, bool policies,
                        elbo_arena *arena)
{
    const bool sum = e->kind == ELBO_EXPR_ADD || e->kind == ELBO_EXPR_SUB;

    if (!is_theirs(e, policies)) return divide(e, n, arena);
    if (!sum && e->kind != ELBO_EXPR_NEG) return e;

    elbo_expr *const x = share(e->arg[0], n, policies, arena);
    elbo_expr *const y = sum ? share(e->arg[1], n, policies, arena) : NULL;

    if (!x || (sum && !y)) return NULL;
    return combine(e->kind, e, x, y, arena);
}

elbo_status elbo_terms_share(const elbo_expr *expr, size_t n, bool policies,
                             elbo_arena *arena, elbo_expr **out)
{
    /* the tree is not changed: what is shared is only read */
    *out = share((elbo_expr *)expr, n, policies, arena);
    return elbo_arena_check(arena, "an objective's terms");
}

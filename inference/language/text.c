/* inference/language/text.c -- a tree as text, in canonical form.
 *
 * Parentheses stand only where the grammar needs them, blanks only around sums
 * and after commas, and numbers have the fewest digits that read as themselves.
 */
#include <string.h>

#include "inference/language/expression.h"
#include "inference/language/number.h"

/* How tightly a kind binds: the rule of the grammar that makes it. */
typedef enum level { SUM, PRODUCT, UNARY, POWER, PRIMARY } level;

static const struct form {
    level level;       /* of the node */
    level left, right; /* of its operands, at least */
    const char *sign;
} forms[] = {
    [ELBO_EXPR_NUMBER] = {PRIMARY, PRIMARY, PRIMARY, ""   },
    [ELBO_EXPR_NAME] = {PRIMARY, PRIMARY, PRIMARY, ""   },
    [ELBO_EXPR_CALL] = {PRIMARY, SUM,     SUM,     ", " },
    [ELBO_EXPR_NEG] = {UNARY,   UNARY,   UNARY,   "-"  },
    [ELBO_EXPR_ADD] = {SUM,     SUM,     PRODUCT, " + "},
    [ELBO_EXPR_SUB] = {SUM,     SUM,     PRODUCT, " - "},
    [ELBO_EXPR_MUL] = {PRODUCT, PRODUCT, UNARY,   "*"  },
    [ELBO_EXPR_DIV] = {PRODUCT, PRODUCT, UNARY,   "/"  },
    [ELBO_EXPR_POW] = {POWER,   PRIMARY, PRIMARY, "^"  },
};

/* Text that grows; `out` NULL only counts. */
typedef struct writer {
    char *out;
    size_t n;
} writer;

static void put(writer *w, const char *text)
{
    const size_t n = strlen(text);

    if (w->out) memcpy(w->out + w->n, text, n);
    w->n += n;
}

static void put_number(writer *w, double x)
{
    char text[ELBO_NUMBER_TEXT];

    elbo_number_write(x, text);
    put(w, text);
}

static void write_expr(writer *w, const elbo_expr *e, level least);

static void write_operands(writer *w, const elbo_expr *e)
{
    const struct form *form = &forms[e->kind];

    for (size_t i = 0; i < e->n; i++) {
        if (i > 0) put(w, form->sign);
        write_expr(w, e->arg[i], i == 0 ? form->left : form->right);
    }
}

static void write_node(writer *w, const elbo_expr *e)
{
    if (e->kind == ELBO_EXPR_NUMBER) put_number(w, e->number);
    if (e->kind == ELBO_EXPR_NAME || e->kind == ELBO_EXPR_CALL) put(w, e->name);
    if (e->kind == ELBO_EXPR_CALL) put(w, "(");
    if (e->kind == ELBO_EXPR_NEG) put(w, "-");
    write_operands(w, e);
    if (e->kind == ELBO_EXPR_CALL) put(w, ")");
    if (e->kind == ELBO_EXPR_POW) {
        put(w, "^");
        put_number(w, e->number);
    }
}

static void write_expr(writer *w, const elbo_expr *e, level least)
{
    const bool open = forms[e->kind].level < least;

    if (open) put(w, "(");
    write_node(w, e);
    if (open) put(w, ")");
}

const char *elbo_expression_text(const elbo_expr *expr, elbo_arena *arena)
{
    writer count = {0}, w = {0};

    write_expr(&count, expr, SUM);
    w.out = elbo_arena_take(arena, count.n + 1, 1);
    if (w.out) write_expr(&w, expr, SUM);
    return w.out;
}

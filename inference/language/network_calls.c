/* inference/language/network_calls.c -- functions of values, for networks.
 */
#include <float.h>
#include <string.h>

#include "inference/language/network_state.h"

static elbo_tape *tape_of(const elbo_net_compiler *c)
{
    return c->program->frame.tape;
}

/* Argument i, of which e is no linear function. */
static elbo_net_term bent(elbo_net_compiler *c, const elbo_expr *e, size_t i)
{
    const elbo_net_term x = elbo_net_term_of(c, e->arg[i]);

    if (c->status != ELBO_OK) return x;
    c->column = e->column;
    if (x.single)
        elbo_net_without(
            c, e,
            "here one sample stands for Ed's mean, which only sums "
            "and squares bear (an absolute value of one sample fits "
            "the median): write f for Ed(f) if that is meant");
    return elbo_net_plain(c, x);
}

static elbo_net_term pair(elbo_net_compiler *c, elbo_binary op,
                          const elbo_expr *e)
{
    const elbo_net_term x = bent(c, e, 0), y = bent(c, e, 1);

    return elbo_net_binary(c, op, x, y);
}

static elbo_net_term smaller(elbo_net_compiler *c, const elbo_expr *e)
{
    return pair(c, ELBO_MIN, e);
}

static elbo_net_term larger(elbo_net_compiler *c, const elbo_expr *e)
{
    return pair(c, ELBO_MAX, e);
}

static double number_of(const elbo_expr *e)
{
    return e->kind == ELBO_EXPR_NEG ? -e->arg[0]->number : e->number;
}

static elbo_net_term clip(elbo_net_compiler *c, const elbo_expr *e)
{
    elbo_net_term x = bent(c, e, 0);

    if (c->status == ELBO_OK)
        x.x = elbo_tape_clip(tape_of(c), x.x, number_of(e->arg[1]),
                             number_of(e->arg[2]));
    return x;
}

/* At 0 the slope is taken as 0, the value is 1e-19: the least number of floats
 * is constant and comes first. */
static elbo_net_term length(elbo_net_compiler *c, elbo_net_term x)
{
    const elbo_net_term square = elbo_net_sum(c, elbo_net_unary(c, ELBO_SQ, x));
    const elbo_net_term least = elbo_net_number(c, (double)FLT_MIN);

    return elbo_net_unary(c, ELBO_SQRT,
                          elbo_net_binary(c, ELBO_MAX, least, square));
}

static elbo_net_term norm(elbo_net_compiler *c, const elbo_expr *e)
{
    return length(c, bent(c, e, 0));
}

static elbo_net_term normalize(elbo_net_compiler *c, const elbo_expr *e)
{
    const elbo_net_term x = bent(c, e, 0);

    return elbo_net_binary(c, ELBO_DIV, x, length(c, x));
}

static elbo_net_term distance(elbo_net_compiler *c, const elbo_expr *e)
{
    return length(c, pair(c, ELBO_SUB, e));
}

static elbo_net_term sum(elbo_net_compiler *c, const elbo_expr *e)
{
    return elbo_net_sum(c, elbo_net_term_of(c, e->arg[0]));
}

static elbo_net_term dot(elbo_net_compiler *c, const elbo_expr *e)
{
    const elbo_net_term x = elbo_net_term_of(c, e->arg[0]);
    const elbo_net_term y = elbo_net_term_of(c, e->arg[1]);

    if (c->status == ELBO_OK) c->column = e->column;
    return elbo_net_sum(c, elbo_net_binary(c, ELBO_MUL, x, y));
}

static elbo_net_term square(elbo_net_compiler *c, const elbo_expr *e)
{
    return elbo_net_square(c, elbo_net_term_of(c, e->arg[0]));
}

static elbo_net_term stop(elbo_net_compiler *c, const elbo_expr *e)
{
    return elbo_net_stop(c, elbo_net_term_of(c, e->arg[0]));
}

/* Over the batch, by its weights; one sample a row is then a mean. */
static elbo_net_term mean(elbo_net_compiler *c, const elbo_expr *e)
{
    const size_t B = c->program->frame.rows;
    elbo_net_term x;

    if (c->pi)
        return elbo_net_without(c, e, "it cannot stand within Epi");
    x = elbo_net_plain(c, elbo_net_term_of(c, e->arg[0]));
    x.single = false;
    if (c->status != ELBO_OK || x.place == ELBO_NET_ONE) return x;

    const elbo_node share = elbo_net_share(c);

    if (elbo_tape_rows(tape_of(c), x.x) != B) return x; /* memory is gone */
    return elbo_net_one(elbo_tape_matmul(tape_of(c), share, true, x.x, false),
                        x.cols);
}

typedef elbo_net_term meaning(elbo_net_compiler *c, const elbo_expr *e);

static const struct {
    const char *name;
    meaning *call;
} functions[] = {
    {"min",       smaller          },
    {"max",       larger           },
    {"clip",      clip             },
    {"sum",       sum              },
    {"dot",       dot              },
    {"norm",      norm             },
    {"normalize", normalize        },
    {"distance",  distance         },
    {"sq",        square           },
    {"stop",      stop             },
    {"mean",      mean             },
    {"E",         elbo_net_mean    },
    {"Var",       elbo_net_variance},
    {"usq",       elbo_net_unbiased},
    {"Epi",       elbo_net_policy_mean},
    {"roll",      elbo_net_roll},
};

static const struct {
    const char *name;
    elbo_unary op;
} unaries[] = {
    {"exp",  ELBO_EXP },
    {"log",  ELBO_LOG },
    {"sqrt", ELBO_SQRT},
    {"abs",  ELBO_ABS },
    {"relu", ELBO_RELU},
};

bool elbo_net_call(elbo_net_compiler *c, const elbo_expr *e, elbo_net_term *out)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(functions[i].name, e->name) != 0) continue;
        *out = functions[i].call(c, e);
        return true;
    }
    for (size_t i = 0; i < sizeof unaries / sizeof *unaries; i++) {
        if (strcmp(unaries[i].name, e->name) != 0) continue;
        *out = elbo_net_unary(c, unaries[i].op, bent(c, e, 0));
        return true;
    }
    return false;
}

/* inference/language/meaning.c -- the table of words.
 */
#include "inference/language/meaning.h"

#include <float.h>
#include <string.h>

#include "inference/language/quantity.h"

const char *const elbo_table_names[ELBO_TABLES] = {
    [ELBO_TABLE_V] = "V",
    [ELBO_TABLE_Q] = "Q",
    [ELBO_TABLE_LOGPI] = "logpi",
    [ELBO_TABLE_OCCUPANCY] = "occupancy",
    [ELBO_TABLE_J] = "J",
    [ELBO_TABLE_JMODEL] = "Jmodel",
    [ELBO_TABLE_JCWPDIS] = "Jcwpdis",
    [ELBO_TABLE_GRADJ_ERROR] = "gradJ_error",
    [ELBO_TABLE_V_TARGET] = "V_target",
    [ELBO_TABLE_V_THEN] = "V_then",
};

enum { MOST_ARGUMENTS = 3 };

/* Words that work on each number by itself. */
static const struct {
    const char *name;
    elbo_unary op;
} unaries[] = {
    {"exp",  ELBO_EXP },
    {"log",  ELBO_LOG },
    {"sq",   ELBO_SQ  },
    {"sqrt", ELBO_SQRT},
    {"abs",  ELBO_ABS },
    {"relu", ELBO_RELU},
    {"stop", ELBO_STOP},
};

elbo_quantity elbo_refuse(elbo_compiler *c, const elbo_expr *e, const char *why)
{
    if (c->status == ELBO_OK) {
        c->column = e->column;
        c->status = ELBO_FAIL(ELBO_EINVAL, "%s: %s", e->name, why);
    }
    return elbo_quantity_number(0);
}

/* Words of a checked tree that finite worlds have not. */
static elbo_quantity refuse(elbo_compiler *c, const elbo_expr *e)
{
    return elbo_refuse(c, e, "finite worlds have no such word");
}

/* ---- names ---- */

elbo_quantity elbo_meaning_name(elbo_compiler *c, const elbo_expr *e)
{
    if (strcmp(e->name, "r") == 0) return elbo_batch_reward(c);
    if (strcmp(e->name, "gamma") == 0)
        return elbo_quantity_number(c->program->batch.gamma);
    if (strcmp(e->name, "logp") == 0) return elbo_model_logp(c);
    if (strcmp(e->name, "rhat") == 0) return elbo_model_reward(c);
    if (e->type == ELBO_TYPE_STATE) return elbo_lookup_coordinates(c, e);
    for (elbo_table i = 0; i < ELBO_TABLES; i++) {
        if (strcmp(e->name, elbo_table_names[i]) != 0) continue;
        return i == ELBO_TABLE_J || i == ELBO_TABLE_JMODEL
                       || i == ELBO_TABLE_JCWPDIS
                       || i == ELBO_TABLE_GRADJ_ERROR
                   ? elbo_lookup_scalar(c, i)
                   : elbo_lookup_here(c, i);
    }
    return refuse(c, e);
}

/* ---- calls of states ---- */

static elbo_quantity call_V(elbo_compiler *c, const elbo_expr *e)
{
    return elbo_lookup_call(c, ELBO_TABLE_V, e);
}

static elbo_quantity call_Q(elbo_compiler *c, const elbo_expr *e)
{
    return elbo_lookup_call(c, ELBO_TABLE_Q, e);
}

static elbo_quantity call_A(elbo_compiler *c, const elbo_expr *e)
{
    const elbo_quantity Q = elbo_lookup_call(c, ELBO_TABLE_Q, e);

    return elbo_quantity_binary(c, ELBO_SUB, Q,
                                elbo_lookup_call(c, ELBO_TABLE_V, e));
}

static elbo_quantity call_logpi(elbo_compiler *c, const elbo_expr *e)
{
    return elbo_lookup_call(c, ELBO_TABLE_LOGPI, e);
}

static elbo_quantity call_V_target(elbo_compiler *c, const elbo_expr *e)
{
    return elbo_lookup_call(c, ELBO_TABLE_V_TARGET, e);
}

static elbo_quantity call_fixed_pi(elbo_compiler *c, const elbo_expr *e)
{
    const bool before = c->fixed_pi;

    c->fixed_pi = true;

    const elbo_quantity x = elbo_compile_quantity(c, e->arg[0]);

    c->fixed_pi = before;
    return x;
}

/* Words that look at their arguments' text themselves. */
static const struct {
    const char *name;
    elbo_quantity (*build)(elbo_compiler *c, const elbo_expr *e);
} tables[] = {
    {"V",        call_V           },
    {"Q",        call_Q           },
    {"A",        call_A           },
    {"logpi",    call_logpi       },
    {"gradV",    elbo_lookup_slope},
    {"V_target", call_V_target    },
    {"V_then",   elbo_lookup_then },
    {"fixed_pi", call_fixed_pi    },
    {"roll",     elbo_steps_roll  },
    {"T",        elbo_steps_model },
    {"Td",       elbo_steps_data  },
    {"Epi",      elbo_policy_mean },
    {"usq",      elbo_samples_usq },
    {"worst",    elbo_worst_mean  },
};

/* ---- calls of values ---- */

static elbo_quantity dot(elbo_compiler *c, const elbo_quantity x[])
{
    return elbo_quantity_entries(c,
                                 elbo_quantity_binary(c, ELBO_MUL, x[0], x[1]));
}

static elbo_quantity sum(elbo_compiler *c, const elbo_quantity x[])
{
    return elbo_quantity_entries(c, x[0]);
}

/* At 0 the slope of a norm is taken as 0: of a tie, max differentiates the
 * first, which here is constant. The value there is 1.5e-154. */
static elbo_quantity norm(elbo_compiler *c, const elbo_quantity x[])
{
    const elbo_quantity square =
        elbo_quantity_entries(c, elbo_quantity_unary(c, ELBO_SQ, x[0]));

    return elbo_quantity_unary(
        c, ELBO_SQRT,
        elbo_quantity_binary(c, ELBO_MAX, elbo_quantity_number(DBL_MIN),
                             square));
}

static elbo_quantity normalize(elbo_compiler *c, const elbo_quantity x[])
{
    return elbo_quantity_binary(c, ELBO_DIV, x[0], norm(c, x));
}

static elbo_quantity distance(elbo_compiler *c, const elbo_quantity x[])
{
    const elbo_quantity off = elbo_quantity_binary(c, ELBO_SUB, x[0], x[1]);

    return norm(c, &off);
}

static elbo_quantity smaller(elbo_compiler *c, const elbo_quantity x[])
{
    return elbo_quantity_binary(c, ELBO_MIN, x[0], x[1]);
}

static elbo_quantity larger(elbo_compiler *c, const elbo_quantity x[])
{
    return elbo_quantity_binary(c, ELBO_MAX, x[0], x[1]);
}

static elbo_quantity clip(elbo_compiler *c, const elbo_quantity x[])
{
    return elbo_quantity_binary(
        c, ELBO_MIN, elbo_quantity_binary(c, ELBO_MAX, x[0], x[1]), x[2]);
}

static elbo_quantity call_E(elbo_compiler *c, const elbo_quantity x[])
{
    return elbo_model_mean(c, x[0]);
}

static elbo_quantity call_Var(elbo_compiler *c, const elbo_quantity x[])
{
    return elbo_model_variance(c, x[0]);
}

static elbo_quantity call_Ed(elbo_compiler *c, const elbo_quantity x[])
{
    return elbo_batch_row_mean(c, x[0]);
}

static elbo_quantity call_mean(elbo_compiler *c, const elbo_quantity x[])
{
    return elbo_batch_mean(c, x[0]);
}

static const struct {
    const char *name;
    elbo_quantity (*build)(elbo_compiler *c, const elbo_quantity x[]);
    bool hides_y; /* runs over transitions, which have another y each */
    size_t n;
} functions[] = {
    {"E",         call_E,    false, 1},
    {"Var",       call_Var,  false, 1},
    {"Ed",        call_Ed,   true,  1},
    {"mean",      call_mean, true,  1},
    {"min",       smaller,   false, 2},
    {"max",       larger,    false, 2},
    {"clip",      clip,      false, 3},
    {"sum",       sum,       false, 1},
    {"dot",       dot,       false, 2},
    {"norm",      norm,      false, 1},
    {"normalize", normalize, false, 1},
    {"distance",  distance,  false, 2},
};

static elbo_quantity call_function(elbo_compiler *c, const elbo_expr *e,
                                   size_t i)
{
    elbo_quantity x[MOST_ARGUMENTS] = {0};

    if (e->n != functions[i].n) return refuse(c, e);
    for (size_t k = 0; k < e->n; k++) {
        x[k] = elbo_compile_quantity(c, e->arg[k]);
        if (!functions[i].hides_y || !(x[k].at & ELBO_AT_STATE)) continue;
        if (c->status != ELBO_OK) break;
        c->column = e->arg[k]->column;
        c->status = ELBO_FAIL(ELBO_EINVAL,
                              "%s is a mean over data: it has no y", e->name);
    }
    if (c->status == ELBO_OK) c->column = e->column;
    return functions[i].build(c, x);
}

elbo_quantity elbo_meaning_call(elbo_compiler *c, const elbo_expr *e)
{
    if (strcmp(e->name, "E") == 0 && e->n == 2) return elbo_samples_mean(c, e);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (strcmp(tables[i].name, e->name) == 0) return tables[i].build(c, e);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, e->name) == 0)
            return call_function(c, e, i);
    for (size_t i = 0; i < sizeof unaries / sizeof *unaries; i++)
        if (strcmp(unaries[i].name, e->name) == 0) {
            const elbo_quantity x = elbo_compile_quantity(c, e->arg[0]);

            if (c->status == ELBO_OK) c->column = e->column;
            return elbo_quantity_unary(c, unaries[i].op, x);
        }
    return refuse(c, e);
}

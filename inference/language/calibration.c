#include "inference/language/calibration.h"

#include <string.h>

static elbo_calibration worse(elbo_calibration x, elbo_calibration y)
{
    return x > y ? x : y;
}

static bool is_call(const elbo_expr *e, const char *name)
{
    return e->kind == ELBO_EXPR_CALL && strcmp(e->name, name) == 0;
}

static bool is_any(const elbo_expr *e, const char *const names[])
{
    for (size_t i = 0; names[i]; i++)
        if (is_call(e, names[i])) return true;
    return false;
}

static bool has_theta(const elbo_expr *e)
{
    return e->depends & ELBO_ON_THETA;
}

static bool sees_next(const elbo_expr *e)
{
    return e->depends & ELBO_ON_NEXT;
}

/* The sign of what theta does not reach: 1, -1, or 0 for unknown. */
static int sign_of(const elbo_expr *e)
{
    static const char *const positive[] = {"exp",  "sq",   "sqrt",
                                           "abs",  "relu", "norm",
                                           "Var",  "stop", "metric", NULL};
    const bool even = e->kind == ELBO_EXPR_POW && e->number == 2;

    if (e->kind == ELBO_EXPR_NUMBER) return e->number < 0 ? -1 : 1;
    if (e->kind == ELBO_EXPR_NEG) return -sign_of(e->arg[0]);
    if (e->kind == ELBO_EXPR_MUL || e->kind == ELBO_EXPR_DIV)
        return sign_of(e->arg[0]) * sign_of(e->arg[1]);
    if (e->kind == ELBO_EXPR_NAME)
        return strcmp(e->name, "occupancy") == 0
               || strcmp(e->name, "gamma") == 0;
    if (is_call(e, "stop")) return sign_of(e->arg[0]);
    return is_any(e, positive) || even;
}

/* ---- affine in means under the model ---- */

typedef struct affine {
    bool yes;
    bool weighed; /* by a factor that looks at next */
    bool sampled; /* a mean of samples is among them */
} affine;

static affine affine_of(const elbo_expr *e);

/* A name that is a distance itself, 0 where the class is right. */
static bool is_distance(const elbo_expr *e)
{
    return strcmp(e->name, "gradJ_error") == 0;
}

static affine affine_product(const elbo_expr *e)
{
    const bool left = has_theta(e->arg[0]), right = has_theta(e->arg[1]);
    const elbo_expr *const factor = left ? e->arg[1] : e->arg[0];
    affine x = affine_of(left ? e->arg[0] : e->arg[1]);

    if ((left && right) || (e->kind == ELBO_EXPR_DIV && right))
        return (affine){0};
    x.weighed = x.weighed || sees_next(factor);
    return x;
}

static affine affine_call(const elbo_expr *e)
{
    static const char *const means[] = {"E", "roll", "T", NULL};
    static const char *const through[] = {"Epi", "Ed",       "mean", "sum",
                                          "dot", "fixed_pi", NULL};
    const elbo_expr *const f = e->arg[e->n - 1];

    if (is_any(e, means)) {
        const bool samples = is_call(e, "E") && e->n == 2;
        const elbo_expr *const inside = is_call(e, "E") ? e->arg[0] : f;

        return (affine){.yes = !has_theta(inside), .sampled = samples};
    }
    if (is_call(e, "dot")) return affine_product(e);
    return is_any(e, through) ? affine_of(f) : (affine){0};
}

static affine affine_of(const elbo_expr *e)
{
    if (!has_theta(e)) return (affine){.yes = true};
    if (e->kind == ELBO_EXPR_NAME)
        return (affine){.yes = strcmp(e->name, "rhat") == 0 || is_distance(e)};
    if (e->kind == ELBO_EXPR_NEG) return affine_of(e->arg[0]);
    if (e->kind == ELBO_EXPR_MUL || e->kind == ELBO_EXPR_DIV)
        return affine_product(e);
    if (e->kind == ELBO_EXPR_ADD || e->kind == ELBO_EXPR_SUB) {
        const affine x = affine_of(e->arg[0]), y = affine_of(e->arg[1]);

        return (affine){x.yes && y.yes, x.weighed || y.weighed,
                        x.sampled || y.sampled};
    }
    return e->kind == ELBO_EXPR_CALL ? affine_call(e) : (affine){0};
}

/* ---- terms ---- */

static elbo_calibration of_square(const elbo_expr *x, bool unbiased)
{
    const affine a = affine_of(x);

    if (!a.yes) return ELBO_CALIBRATION_UNKNOWN;
    return a.weighed || (a.sampled && !unbiased) ? ELBO_UNCALIBRATED
                                                 : ELBO_CALIBRATED;
}

static elbo_calibration of_distance(const elbo_expr *x)
{
    const affine a = affine_of(x);

    if (!a.yes) return ELBO_CALIBRATION_UNKNOWN;
    return a.weighed || a.sampled || sees_next(x) ? ELBO_UNCALIBRATED
                                                  : ELBO_CALIBRATED;
}

static elbo_calibration of_term(const elbo_expr *e, int sign);

/* A function that is to be small. */
static elbo_calibration of_call(const elbo_expr *e, int sign)
{
    static const char *const through[] = {"sum", "Ed", "mean", "Epi", NULL};
    static const char *const distances[] = {"abs", "norm", NULL};

    if (is_any(e, through)) return of_term(e->arg[0], sign);
    if (sign >= 0) return ELBO_CALIBRATION_UNKNOWN;
    if (is_call(e, "worst")) return of_square(e->arg[0], false);
    if (is_call(e, "sq") && is_call(e->arg[0], "worst"))
        return of_square(e->arg[0]->arg[0], false);
    if (is_call(e, "sq")) return of_square(e->arg[0], false);
    if (is_call(e, "usq")) return of_square(e->arg[0], true);
    if (is_any(e, distances)) return of_distance(e->arg[0]);
    return is_call(e, "E") && !has_theta(e->arg[0]) ? ELBO_UNCALIBRATED
                                                    : ELBO_CALIBRATION_UNKNOWN;
}

static elbo_calibration of_product(const elbo_expr *e, int sign)
{
    const bool left = has_theta(e->arg[0]), right = has_theta(e->arg[1]);
    const elbo_expr *const factor = left ? e->arg[1] : e->arg[0];

    if ((left && right) || (e->kind == ELBO_EXPR_DIV && right))
        return ELBO_CALIBRATION_UNKNOWN;

    const elbo_calibration x =
        of_term(left ? e->arg[0] : e->arg[1], sign * sign_of(factor));

    return sees_next(factor) && x == ELBO_CALIBRATED ? ELBO_UNCALIBRATED : x;
}

static elbo_calibration of_term(const elbo_expr *e, int sign)
{
    if (!has_theta(e)) return ELBO_NO_THETA;
    if (sign == 0) return ELBO_CALIBRATION_UNKNOWN;
    switch (e->kind) {
    case ELBO_EXPR_NAME:
        if (is_distance(e) && sign < 0) return ELBO_CALIBRATED;
        return strcmp(e->name, "logp") == 0 && sign > 0
                   ? ELBO_PROPER
                   : ELBO_CALIBRATION_UNKNOWN;
    case ELBO_EXPR_NEG:
        return of_term(e->arg[0], -sign);
    case ELBO_EXPR_ADD:
        return worse(of_term(e->arg[0], sign), of_term(e->arg[1], sign));
    case ELBO_EXPR_SUB:
        return worse(of_term(e->arg[0], sign), of_term(e->arg[1], -sign));
    case ELBO_EXPR_MUL:
    case ELBO_EXPR_DIV:
        return of_product(e, sign);
    case ELBO_EXPR_POW:
        return e->number == 2 && sign < 0 ? of_square(e->arg[0], false)
                                          : ELBO_CALIBRATION_UNKNOWN;
    case ELBO_EXPR_CALL:
        return of_call(e, sign);
    default:
        return ELBO_CALIBRATION_UNKNOWN;
    }
}

elbo_calibration elbo_expr_calibration(const elbo_expr *checked)
{
    return of_term(checked, 1);
}

const char *elbo_calibration_text(elbo_calibration calibration)
{
    static const char *const texts[] = {
        [ELBO_NO_THETA] = "nothing is asked of the model directly",
        [ELBO_PROPER] = "proper: a weighted likelihood",
        [ELBO_CALIBRATED] = "calibrated: where the class can be right, the "
                            "optimum has the right "
                            "conditional means",
        [ELBO_UNCALIBRATED] =
            "uncalibrated: even where the class can be right, the optimum in a "
            "noisy world has wrong conditional means",
        [ELBO_CALIBRATION_UNKNOWN] = "calibration not known",
    };

    return texts[calibration];
}

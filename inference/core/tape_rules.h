/* inference/core/tape_rules.h -- elementwise functions and their derivatives.
 *
 * Included by tape_f64.c and tape_f32.c, which define REAL, the functions of
 * math.h and the soft functions: sigmoid, softplus, SiLU and their slopes. A
 * rule acts on tiles: short runs of numbers with broadcasting undone, so that
 * its loop is over plain arrays.
 */

enum { TILE = 256 };

/* o = f(u, w) on n numbers; w = u where f has one argument. */
typedef struct tile {
    size_t n;
    const REAL *u, *w, *o;
    REAL k[2]; /* the node's constants */
} tile;

/* out = f, and out += v f_u or another derivative; fresh: = instead of +=. */
typedef void values_of(const tile *t, REAL out[]);
typedef void slopes_of(const tile *t, const REAL v[], bool fresh, REAL out[]);

/* A derivative that is NULL is zero; du dw before duu duw dww. */
typedef struct rule {
    values_of *value;
    slopes_of *du, *dw, *duu, *duw, *dww;
} rule;

/* A function of u, w, o, k for every entry of a tile. */
#define FOR_ENTRIES(statement)                                                 \
    for (size_t j = 0; j < t->n; j++) {                                        \
        const REAL u = t->u[j], w = t->w[j], o = t->o[j], *const k = t->k;     \
                                                                               \
        (void)u, (void)w, (void)o, (void)k;                                    \
        statement;                                                             \
    }
#define VALUES(name, expression)                                               \
    static void name(const tile *t, REAL *restrict out)                        \
    {                                                                          \
        FOR_ENTRIES(out[j] = expression)                                       \
    }
#define SLOPES(name, expression)                                               \
    static void name(const tile *t, const REAL v[], bool fresh,                \
                     REAL *restrict out)                                       \
    {                                                                          \
        if (fresh)                                                             \
            FOR_ENTRIES(out[j] = (expression)*v[j])                            \
        else                                                                   \
            FOR_ENTRIES(out[j] += (expression)*v[j])                           \
    }

#define LEAK ((REAL)0.01)

static inline REAL relu(REAL x) /* a NaN stays one */
{
    return x < 0 ? 0 : x;
}

static inline REAL leaky_relu(REAL x)
{
    return x < 0 ? LEAK * x : x;
}

static inline REAL silu_bend(REAL x)
{
    return sigmoid_slope(x) * (2 + x * (1 - 2 * sigmoid(x)));
}

/* c x^k, which is 0 for c = 0 even where x^k is infinite. */
static inline REAL power(REAL c, REAL x, REAL k)
{
    return c == 0 ? 0 : c * POW(x, k);
}

/* Whether min and max take their second argument: not on ties, and a NaN in
 * either goes on to the value. */
static inline int second_is_less(REAL u, REAL w)
{
    return w < u || isnan(w);
}

static inline int second_is_more(REAL u, REAL w)
{
    return w > u || isnan(w);
}

static inline int inside(REAL u, const REAL k[2])
{
    return u >= k[0] && u <= k[1];
}

/* Derivatives that several rules share. */
SLOPES(first, u)
SLOPES(second, w)
SLOPES(one, 1)
SLOPES(minus_one, -1)
SLOPES(two, 2)

VALUES(same, u)
VALUES(neg, -u)
VALUES(exp_value, EXP(u))
SLOPES(exp_itself, o)
VALUES(log_value, LOG(u))
SLOPES(log_du, 1 / u)
SLOPES(log_duu, -1 / (u * u))
VALUES(sq_value, (u * u))
SLOPES(sq_du, 2 * u)
VALUES(sqrt_value, SQRT(u))
SLOPES(sqrt_du, 1 / (2 * o))
SLOPES(sqrt_duu, -1 / (4 * o * u))
VALUES(abs_value, FABS(u))
SLOPES(abs_du, (REAL)((u > 0) - (u < 0)))
VALUES(relu_value, relu(u))
SLOPES(relu_du, (REAL)(u > 0))
VALUES(tanh_value, TANH(u))
SLOPES(tanh_du, (1 - o) * (1 + o))
SLOPES(tanh_duu, -2 * o * (1 - o) * (1 + o))
VALUES(sigmoid_value, sigmoid(u))
SLOPES(sigmoid_du, sigmoid_slope(u))
SLOPES(sigmoid_duu, sigmoid_slope(u) * (1 - 2 * o))
VALUES(softplus_value, softplus(u))
SLOPES(softplus_du, sigmoid(u))
SLOPES(softplus_duu, sigmoid_slope(u))
VALUES(silu_value, (u * sigmoid(u)))
SLOPES(silu_du, silu_slope(u))
SLOPES(silu_duu, silu_bend(u))
VALUES(leaky_value, leaky_relu(u))
SLOPES(leaky_du, u > 0 ? 1 : LEAK)
VALUES(sin_value, SIN(u))
SLOPES(sin_du, COS(u))
SLOPES(minus_itself, -o)
VALUES(cos_value, COS(u))
SLOPES(cos_du, -SIN(u))
VALUES(pow_value, POW(u, k[0]))
SLOPES(pow_du, power(k[0], u, k[0] - 1))
SLOPES(pow_duu, power(k[0] * (k[0] - 1), u, k[0] - 2))
VALUES(clip_value, u<k[0] ? k[0] : u> k[1] ? k[1] : u)
SLOPES(clip_du, (REAL)inside(u, k))
VALUES(scale_value, (k[0] * u))
SLOPES(scale_du, k[0])

VALUES(add_value, u + w)
VALUES(sub_value, u - w)
VALUES(mul_value, (u * w))
VALUES(div_value, u / w)
SLOPES(div_du, 1 / w)
SLOPES(div_dw, -o / w)
SLOPES(div_duw, -1 / (w * w))
SLOPES(div_dww, 2 * o / (w * w))
VALUES(min_value, second_is_less(u, w) ? w : u)
SLOPES(min_du, (REAL)!second_is_less(u, w))
SLOPES(min_dw, (REAL)second_is_less(u, w))
VALUES(max_value, second_is_more(u, w) ? w : u)
SLOPES(max_du, (REAL)!second_is_more(u, w))
SLOPES(max_dw, (REAL)second_is_more(u, w))
VALUES(atan2_value, ATAN2(u, w))
SLOPES(atan2_du, w / (u * u + w * w))
SLOPES(atan2_dw, -u / (u * u + w * w))
SLOPES(atan2_duu, -2 * u * w / ((u * u + w * w) * (u * u + w * w)))
SLOPES(atan2_duw, (u - w) * (u + w) / ((u * u + w * w) * (u * u + w * w)))
SLOPES(atan2_dww, 2 * u * w / ((u * u + w * w) * (u * u + w * w)))

/* As columns it would be wider than a page. */
/* clang-format off */
static const rule rules[ELBO_RULES] = {
    [ELBO_NEG] = {.value = neg, .du = minus_one},
    [ELBO_EXP] = {.value = exp_value, .du = exp_itself, .duu = exp_itself},
    [ELBO_LOG] = {.value = log_value, .du = log_du, .duu = log_duu},
    [ELBO_SQ] = {.value = sq_value, .du = sq_du, .duu = two},
    [ELBO_SQRT] = {.value = sqrt_value, .du = sqrt_du, .duu = sqrt_duu},
    [ELBO_ABS] = {.value = abs_value, .du = abs_du},
    [ELBO_RELU] = {.value = relu_value, .du = relu_du},
    [ELBO_STOP] = {.value = same},
    [ELBO_TANH] = {.value = tanh_value, .du = tanh_du, .duu = tanh_duu},
    [ELBO_SIGMOID] = {.value = sigmoid_value,
        .du = sigmoid_du, .duu = sigmoid_duu},
    [ELBO_SOFTPLUS] = {.value = softplus_value,
        .du = softplus_du, .duu = softplus_duu},
    [ELBO_SILU] = {.value = silu_value, .du = silu_du, .duu = silu_duu},
    [ELBO_LEAKY_RELU] = {.value = leaky_value, .du = leaky_du},
    [ELBO_SIN] = {.value = sin_value, .du = sin_du, .duu = minus_itself},
    [ELBO_COS] = {.value = cos_value, .du = cos_du, .duu = minus_itself},
    [ELBO_RULE_POW] = {.value = pow_value, .du = pow_du, .duu = pow_duu},
    [ELBO_RULE_CLIP] = {.value = clip_value, .du = clip_du},
    [ELBO_RULE_SCALE] = {.value = scale_value, .du = scale_du},
    [ELBO_RULE_BINARY + ELBO_ADD] = {.value = add_value, .du = one, .dw = one},
    [ELBO_RULE_BINARY + ELBO_SUB] = {.value = sub_value,
        .du = one, .dw = minus_one},
    [ELBO_RULE_BINARY + ELBO_MUL] = {.value = mul_value,
        .du = second, .dw = first, .duw = one},
    [ELBO_RULE_BINARY + ELBO_DIV] = {.value = div_value,
        .du = div_du, .dw = div_dw, .duw = div_duw, .dww = div_dww},
    [ELBO_RULE_BINARY + ELBO_MIN] = {.value = min_value,
        .du = min_du, .dw = min_dw},
    [ELBO_RULE_BINARY + ELBO_MAX] = {.value = max_value,
        .du = max_du, .dw = max_dw},
    [ELBO_RULE_BINARY + ELBO_ATAN2] = {.value = atan2_value,
        .du = atan2_du, .dw = atan2_dw,
        .duu = atan2_duu, .duw = atan2_duw, .dww = atan2_dww},
};
/* clang-format on */

#undef VALUES
#undef SLOPES
#undef FOR_ENTRIES

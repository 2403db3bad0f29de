/* inference/core/tape_rules.h -- elementwise functions and their derivatives.
 *
 * Included by tape_f64.c and tape_f32.c, which define REAL and the functions of
 * math.h. A rule acts on tiles: short runs of numbers with broadcasting undone,
 * so that its loop is over plain arrays.
 */

enum { TILE = 256 };

/* o = f(u, w) on n numbers; w = u where f has one argument. */
typedef struct tile {
    size_t n;
    const REAL *u, *w, *o;
    REAL k[2]; /* the node's constants */
} tile;

typedef void entries(const tile *t, REAL out[]);

/* A derivative that is NULL is zero; du dw before duu duw dww. */
typedef struct rule {
    entries *value, *du, *dw, *duu, *duw, *dww;
} rule;

/* A function of u, w, o, k for every entry of a tile. */
#define ENTRIES(name, expression)                                              \
    static void name(const tile *t, REAL *restrict out)                        \
    {                                                                          \
        const REAL *const k = t->k;                                            \
                                                                               \
        (void)k;                                                               \
        for (size_t j = 0; j < t->n; j++) {                                    \
            const REAL u = t->u[j], w = t->w[j], o = t->o[j];                  \
                                                                               \
            (void)u, (void)w, (void)o;                                         \
            out[j] = expression;                                               \
        }                                                                      \
    }

/* 1 / (1 + e^-x) without overflow, and its derivative without cancellation. */
static inline REAL sigmoid(REAL x)
{
    const REAL e = EXP(-FABS(x));

    return (x < 0 ? e : 1) / (1 + e);
}

static inline REAL sigmoid_slope(REAL x)
{
    const REAL e = EXP(-FABS(x));

    return e / ((1 + e) * (1 + e));
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

/* Constants that several rules share. */
ENTRIES(same, u)
ENTRIES(one, 1)
ENTRIES(minus_one, -1)
ENTRIES(two, 2)

ENTRIES(neg, -u)
ENTRIES(exp_value, EXP(u))
ENTRIES(exp_itself, o)
ENTRIES(log_value, LOG(u))
ENTRIES(log_du, 1 / u)
ENTRIES(log_duu, -1 / (u * u))
ENTRIES(sq_value, (u * u))
ENTRIES(sq_du, 2 * u)
ENTRIES(sqrt_value, SQRT(u))
ENTRIES(sqrt_du, 1 / (2 * o))
ENTRIES(sqrt_duu, -1 / (4 * o * u))
ENTRIES(abs_value, FABS(u))
ENTRIES(abs_du, (REAL)((u > 0) - (u < 0)))
ENTRIES(relu_value, u < 0 ? 0 : u) /* a NaN stays one */
ENTRIES(relu_du, (REAL)(u > 0))
ENTRIES(tanh_value, TANH(u))
ENTRIES(tanh_du, (1 - o) * (1 + o))
ENTRIES(tanh_duu, -2 * o * (1 - o) * (1 + o))
ENTRIES(sigmoid_value, sigmoid(u))
ENTRIES(sigmoid_du, sigmoid_slope(u))
ENTRIES(sigmoid_duu, sigmoid_slope(u) * (1 - 2 * o))
ENTRIES(softplus_value, (u > 0 ? u : 0) + LOG1P(EXP(-FABS(u))))
ENTRIES(softplus_du, sigmoid(u))
ENTRIES(softplus_duu, sigmoid_slope(u))
ENTRIES(silu_value, (u * sigmoid(u)))
ENTRIES(silu_du, sigmoid(u) + u * sigmoid_slope(u))
ENTRIES(silu_duu, sigmoid_slope(u) * (2 + u * (1 - 2 * sigmoid(u))))
ENTRIES(pow_value, POW(u, k[0]))
ENTRIES(pow_du, power(k[0], u, k[0] - 1))
ENTRIES(pow_duu, power(k[0] * (k[0] - 1), u, k[0] - 2))
ENTRIES(clip_value, u<k[0] ? k[0] : u> k[1] ? k[1] : u)
ENTRIES(clip_du, (REAL)inside(u, k))

ENTRIES(add_value, u + w)
ENTRIES(sub_value, u - w)
ENTRIES(mul_value, (u * w))
ENTRIES(mul_du, w)
ENTRIES(div_value, u / w)
ENTRIES(div_du, 1 / w)
ENTRIES(div_dw, -o / w)
ENTRIES(div_duw, -1 / (w * w))
ENTRIES(div_dww, 2 * o / (w * w))
ENTRIES(min_value, second_is_less(u, w) ? w : u)
ENTRIES(min_du, (REAL)!second_is_less(u, w))
ENTRIES(min_dw, (REAL)second_is_less(u, w))
ENTRIES(max_value, second_is_more(u, w) ? w : u)
ENTRIES(max_du, (REAL)!second_is_more(u, w))
ENTRIES(max_dw, (REAL)second_is_more(u, w))

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
    [ELBO_RULE_POW] = {.value = pow_value, .du = pow_du, .duu = pow_duu},
    [ELBO_RULE_CLIP] = {.value = clip_value, .du = clip_du},
    [ELBO_RULE_BINARY + ELBO_ADD] = {.value = add_value, .du = one, .dw = one},
    [ELBO_RULE_BINARY + ELBO_SUB] = {.value = sub_value,
        .du = one, .dw = minus_one},
    [ELBO_RULE_BINARY + ELBO_MUL] = {.value = mul_value,
        .du = mul_du, .dw = same, .duw = one},
    [ELBO_RULE_BINARY + ELBO_DIV] = {.value = div_value,
        .du = div_du, .dw = div_dw, .duw = div_duw, .dww = div_dww},
    [ELBO_RULE_BINARY + ELBO_MIN] = {.value = min_value,
        .du = min_du, .dw = min_dw},
    [ELBO_RULE_BINARY + ELBO_MAX] = {.value = max_value,
        .du = max_du, .dw = max_dw},
};
/* clang-format on */

#undef ENTRIES

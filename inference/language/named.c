/* inference/language/named.c -- published objectives that are expressions. */
#include "inference/language/named.h"

#include <string.h>

#define BASELINE "baseline"
#define VALUE    "value equivalence"
#define PLANNING "differentiable planning"

/* clang-format off */
const elbo_named elbo_named_objectives[] = {
    {"mle", "logp",
     ELBO_NAMED_BOUND, BASELINE, "maximum likelihood", "",
     "maximum likelihood"},
    {"mse", "-0.5*sum(sq(E(y) - next))",
     ELBO_NAMED_CALIBRATED, BASELINE, "least squares", "",
     "squared error of the mean next state"},
    {"itervaml", "-0.5*sq(E(V(y)) - V(next))",
     ELBO_NAMED_CALIBRATED, VALUE, "Farahmand, NeurIPS 2018", "",
     "the value of the next state, its mean inside the square"},
    {"mle_itervaml", "logp - 0.1*sq(E(V(y)) - V(next))",
     ELBO_NAMED_CALIBRATED, VALUE, "a sum of mle and itervaml", "",
     "likelihood with a term for the value"},
    {"muzero_sampled", "-0.5*E(sq(V(y) - V(next)))",
     ELBO_NAMED_UNCALIBRATED, VALUE,
     "Schrittwieser et al., Nature 2020; in this form Voelcker et al., "
     "ICML 2025", "",
     "one model sample inside the square: also shrinks the model's variance"},
    {"cvaml", "-0.5*usq(E(V(y), 2) - V(next))",
     ELBO_NAMED_CALIBRATED, VALUE, "Voelcker et al., ICML 2025", "",
     "two model samples, their variance taken off: itervaml on average"},
    {"value_equivalence",
     "-0.5*sq(rhat + gamma*E(V(y)) - (r + gamma*V(next)))",
     ELBO_NAMED_CALIBRATED, VALUE, "Grimm et al., NeurIPS 2020", "",
     "one Bellman step in the model and in the data; summed over "
     "control's set of values"},
    {"vtr", "-0.5*sq(E(V_then(y)) - V_then(next))",
     ELBO_NAMED_CALIBRATED, VALUE, "Ayoub et al., ICML 2020", "",
     "each sample keeps the value function of its time"},
    {"vagram", "-0.5*sum(sq(stop(gradV(next))*(E(y) - next)))",
     ELBO_NAMED_UNCALIBRATED, VALUE, "Voelcker et al., ICLR 2022", "",
     "each dimension's error weighed by the value's slope there; bounded"},
    {"vagram_unbounded", "-0.5*sq(dot(stop(gradV(next)), E(y) - next))",
     ELBO_NAMED_UNCALIBRATED, VALUE, "Voelcker et al., ICLR 2022", "",
     "the value's error to first order around the real next state"},
    {"model_advantage_l1", "-abs(E(V(y)) - Ed(V(next)))",
     ELBO_NAMED_CALIBRATED, VALUE, "Modhe et al., 2021, arXiv 2106.14080", "",
     "absolute error of the mean value"},
    {"model_advantage_l1_sampled", "-E(abs(V(y) - V(next)))",
     ELBO_NAMED_UNCALIBRATED, VALUE, "Modhe et al., 2021, arXiv 2106.14080",
     "", "absolute error of one model sample's value: fits the median"},
    {"lamps_mm", "-abs(E(V(y)) - V(next))",
     ELBO_NAMED_UNCALIBRATED, VALUE, "Vemula et al., ICML 2023", "",
     "absolute error of the mean value from one next state's: the median"},
    {"mml_uniform", "-abs(mean(E(V(y)) - V(next)))",
     ELBO_NAMED_CALIBRATED, VALUE, "Voloshin et al., AISTATS 2021", "",
     "one moment of the batch, the adversary's weights held at 1"},
    {"mml", "-0.5*sq(worst(E(V(y)) - V(next), 0))",
     ELBO_NAMED_CALIBRATED, VALUE, "Voloshin et al., AISTATS 2021", "",
     "the adversary's weights in the unit ball of a kernel, in closed form; with "
     "control.values: kernel(width) her values too"},
    {"paml", "-gradJ_error",
     ELBO_NAMED_CALIBRATED, VALUE, "Abachi, Ghavamzadeh, Farahmand 2020", "",
     "the model's error in the gradient of the policy's return"},
    {"omd", "-0.5*sq(Q(s,a) - (r + gamma*Ed(V(next))))",
     ELBO_NAMED_OUTER, PLANNING, "Nikishin et al., AAAI 2022", "implicit",
     "the real Bellman error of the model's optimal Q"},
    {"omd_target", "-0.5*sq(Q(s,a) - (r + gamma*V_target(next)))",
     ELBO_NAMED_OUTER, PLANNING, "Nikishin et al., AAAI 2022",
     "implicit(identity)", "as omd, one next state's value from a target copy"},
    {"bm_irl", "logpi + 0.5*logp",
     ELBO_NAMED_OUTER, PLANNING, "Wei et al., CoRL 2023", "implicit",
     "the expert's actions as the model's plan, and the data"},
    {"vin", "logpi",
     ELBO_NAMED_OUTER, PLANNING, "Tamar et al., NeurIPS 2016", "unroll(40)",
     "the expert's actions through unrolled value iteration"},
    {"joseph", "J",
     ELBO_NAMED_OUTER, PLANNING,
     "Joseph et al., ICRA 2013; Bansal et al., CDC 2017", "search(gp)",
     "the model whose plan earns most, found by search"},
    {0},
};
/* clang-format on */

const char *elbo_named_kind_text(elbo_named_kind kind)
{
    static const char *const texts[] = {
        [ELBO_NAMED_BOUND] = "bound",
        [ELBO_NAMED_CALIBRATED] = "calibrated surrogate",
        [ELBO_NAMED_UNCALIBRATED] = "uncalibrated surrogate",
        [ELBO_NAMED_OUTER] = "outer objective",
    };

    return texts[kind];
}

static elbo_status match(const elbo_expr *expr, elbo_arena *ws,
                         const elbo_named **out)
{
    const char *wanted = elbo_expression_text(expr, ws);

    ELBO_TRY(elbo_arena_check(ws, "an expression's text"));
    *out = NULL;
    for (const elbo_named *row = elbo_named_objectives; row->name; row++) {
        elbo_expr *tree;
        size_t column;

        ELBO_TRY(elbo_expression_parse(row->formula, ws, &tree, &column));

        const char *text = elbo_expression_text(tree, ws);

        ELBO_TRY(elbo_arena_check(ws, "an expression's text"));
        if (strcmp(text, wanted) == 0) *out = row;
    }
    return ELBO_OK;
}

elbo_status elbo_named_match(const elbo_expr *expr, elbo_arena *ws,
                             const elbo_named **out)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = match(expr, ws, out);

    elbo_arena_release(ws, mark);
    return s;
}

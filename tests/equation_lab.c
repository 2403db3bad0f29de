#include "tests/equation_lab.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/control.h"
#include "tests/engine_cases.h"

/* The two objectives, which `by_hand` makes again from the equation's parts. */
const char *const equation_texts[2] = {
    "-0.5*sq(Q(s,a) - (r + gamma*V_target(next))) + 0.3*Q(s,a)*V_target(s)",
    "0.01*logp - 0.5*sq(V(s) - r - gamma*V(next)) + 0.2*E(V(y))"};

const char equation_model[] =
    "members=1 layers=1 width=3 activation=tanh head=deterministic "
    "reward=learnt "
    "terminal=learnt normalise=none holdout=0 batch=60";
const char equation_noisy[] =
    "members=1 layers=1 width=3 activation=tanh reward=learnt "
    "terminal=learnt normalise=none holdout=0 batch=60";

static const struct {
    const char *control, *settings;
    bool choices;
} equation_critics[EQUATION_CRITICS] = {
    {"sac", "layers=1 width=1 activation=tanh batch=8 critics=1",                true },
    {"sac", "layers=1 width=1 activation=tanh batch=8 critics=1",                false},
 /* a tanh's best fit would be at infinity */
    {"td3", "layers=1 width=1 activation=silu batch=8 critics=1",                false},
    {"sac", "layers=2 width=4 activation=silu batch=8 critics=2",                false},
    {"sac", "policy=softmax layers=1 width=3 activation=tanh batch=8 critics=2",
     true                                                                             },
};

/* Random rows, of which every seventh is an end. */
static void push_rows(equation_bench *b)
{
    elbo_rng rng = elbo_rng_stream(7, "rows", 0);

    case_ok(elbo_replay_init(&b->data, 2, 2, EQUATION_ROWS, ensemble_arena));
    for (size_t i = 0; i < EQUATION_ROWS; i++) {
        double z[5];
        const bool second = elbo_rng_uniform(&rng) < 0.5;

        elbo_rng_normals(&rng, z, 5);

        const float o[] = {(float)z[0], (float)z[1]};
        const float next[] = {(float)(z[0] + 0.3 * z[2]), (float)(z[1] + z[3])};
        const float box[] = {(float)tanh(z[4]), (float)tanh(z[2])};
        const float one[] = {second ? 0 : 1, second ? 1 : 0};
        const elbo_replay_row row = {.o = o,
                                     .u = b->world.choices ? one : box,
                                     .next = next,
                                     .reward = (float)(z[0] - 0.5 * z[4]),
                                     .end = i % 7 == 3};

        case_ok(elbo_replay_push(&b->data, &row));
    }
}

/* theta [n] moved at random. */
static void move(elbo_rng *rng, size_t n, float theta[])
{
    double z[EQUATION_MOST];

    ck_assert_uint_le(n, EQUATION_MOST);
    elbo_rng_normals(rng, z, n);
    for (size_t i = 0; i < n; i++) theta[i] += (float)(0.3 * z[i]);
}

/* Slow copies that are not the networks themselves. */
static void move_critics(elbo_actor_critic *s)
{
    elbo_rng rng = elbo_rng_stream(3, "apart", 0);

    for (size_t k = 0; k < s->shape.critics; k++)
        move(&rng, s->critic[k].n, s->critic[k].theta);
    if (s->actor.target) move(&rng, s->actor.n, s->actor.theta);
    elbo_actor_critic_value_refresh(s);
}

void equation_set_up(equation_bench *b, size_t which, const char *gradient,
                     const char *model, const char *text)
{
    elbo_values values;
    const elbo_control *const control =
        elbo_control_find(equation_critics[which].control);

    memset(b, 0, sizeof *b);
    b->world = ensemble_mute_world(2, 2);
    if (equation_critics[which].choices) {
        b->world.choices = 2;
        b->world.na = 1;
    }
    push_rows(b);
    b->belief = ensemble_open(&elbo_model_ensemble, model, &b->world, 5);
    b->control = control->task;
    b->problem = (elbo_task_problem){.world = &b->world,
                                     .belief = &b->belief,
                                     .gamma = 0.9,
                                     .temperature = control->hard ? 0 : 0.385,
                                     .seed = 11};
    case_ok(elbo_values_init(&values, control->options, ensemble_arena));
    case_ok(elbo_values_parse(&values, equation_critics[which].settings));
    case_ok(b->control->open(&values, &b->problem, ensemble_arena,
                             (void **)&b->critic));
    move_critics(b->critic);
    case_ok(
        elbo_gradient_parse(gradient, ensemble_arena, &b->route, NULL, NULL));

    const elbo_task_sight sight = {.world = &b->world,
                                   .belief = &b->belief,
                                   .control = b->control,
                                   .solver = b->critic,
                                   .gamma = b->problem.gamma,
                                   .seed = 4,
                                   .route = &b->route};

    case_ok(elbo_task_objective_open("likelihood", text, false, &sight,
                                     EQUATION_ROWS, ensemble_arena,
                                     &b->objective));
    elbo_task_objective_rows(b->objective, &b->data, NULL);
    b->mstep = ensemble_mstep(&b->data);
    b->mstep.likelihood = elbo_task_objective_likelihood(b->objective);
    b->n = b->belief.n;
    ck_assert_uint_le(b->n, EQUATION_MOST);
    for (size_t i = 0; i < b->n; i++)
        b->theta[i] = (double)elbo_ensemble_theta(b->belief.self, 0)[i]
                      + 0.1 * sin((double)i);
}

void equation_tear_down(equation_bench *b)
{
    elbo_task_objective_close(b->objective);
}

/* ---- the M-step's own way ---- */

void equation_read(const elbo_tape *tape, size_t n, const elbo_node leaf[],
                   equation_reader *read, double out[])
{
    for (size_t k = 0; k < n; k++) {
        read(tape, leaf[k], out);
        out += elbo_tape_rows(tape, leaf[k]) * elbo_tape_cols(tape, leaf[k]);
    }
}

/* direct [n] and what goes through the equation_critics, of the M-step's graph.
 */
void equation_derive(equation_bench *b, elbo_precision precision,
                     double direct[], double pulled[])
{
    elbo_ensemble *const e = b->belief.self;
    elbo_ensemble_task t = {.belief = &b->belief, .mstep = &b->mstep};
    elbo_node leaf[ELBO_ENSEMBLE_LEAVES];

    t.rng = elbo_rng_stream(1, "derive", 0);
    case_ok(elbo_ensemble_split(e, &b->data, &t.rows, ensemble_ws));
    case_ok(elbo_ensemble_prepare(&t, ensemble_ws));
    for (size_t i = 0; i < b->n; i++)
        elbo_ensemble_theta(e, 0)[i] = (float)b->theta[i];
    case_ok(elbo_ensemble_build(&t, precision));
    if (precision == ELBO_F64) elbo_ensemble_set(e, b->theta, t.tape, &t.nodes);
    for (size_t i = 0; i < t.batch; i++) t.slot[i] = (uint32_t)i;
    elbo_ensemble_bind(&t);
    case_ok(elbo_ensemble_forward(&t));
    elbo_tape_backward(t.tape, t.objective);

    const size_t leaves = elbo_ensemble_learnt(e, &t.nodes, leaf);
    double part[EQUATION_MOST] = {0};

    equation_read(t.tape, leaves, leaf, elbo_tape_gradient, direct);
    memset(pulled, 0, b->n * sizeof *pulled);
    for (bool more = true; more;) {
        case_ok(b->mstep.likelihood->pull(b->objective, 0, t.tape, &more));
        equation_read(t.tape, leaves, leaf, elbo_tape_product, part);
        for (size_t i = 0; i < b->n; i++) pulled[i] += part[i];
    }
    elbo_tape_free(t.tape);
}

/* ---- a graph of the equation and the objective, by hand ---- */

elbo_node equation_bin(const equation_lab *l, elbo_binary op, elbo_node x,
                       elbo_node y)
{
    return elbo_tape_binary(l->tape, op, x, y);
}

static elbo_node discounted(const equation_lab *l, elbo_node V)
{
    const elbo_node alive =
        equation_bin(l, ELBO_SUB, elbo_tape_number(l->tape, 1), l->nodes.end);

    return elbo_tape_scale(l->tape, equation_bin(l, ELBO_MUL, alive, V),
                           l->b->problem.gamma);
}

elbo_node equation_half_square(const equation_lab *l, elbo_node x)
{
    return elbo_tape_scale(l->tape, elbo_tape_unary(l->tape, ELBO_SQ, x), -0.5);
}

static elbo_node by_hand(const equation_lab *l, size_t text)
{
    const elbo_task_equation *const of = l->b->control->equation;
    void *const s = l->b->critic;
    const elbo_task_nodes *const x = &l->nodes;

    if (text == 0) {
        const elbo_node y =
            equation_bin(l, ELBO_ADD, x->reward,
                         discounted(l, of->target(s, l->tape, x->next)));

        const elbo_node Q = of->Q(s, l->tape, &l->w, x->o, x->u);
        const elbo_node target = of->target(s, l->tape, x->o);

        return equation_bin(
            l, ELBO_ADD,
            equation_half_square(l, equation_bin(l, ELBO_SUB, Q, y)),
            elbo_tape_scale(l->tape, equation_bin(l, ELBO_MUL, Q, target), 0.3));
    }

    const elbo_node V = of->V(s, l->tape, &l->w, x->o);
    const elbo_node next = discounted(l, of->V(s, l->tape, &l->w, x->next));
    const elbo_node off = equation_bin(
        l, ELBO_SUB, equation_bin(l, ELBO_SUB, V, x->reward), next);
    const elbo_node imagined = elbo_tape_scale(
        l->tape, discounted(l, of->V(s, l->tape, &l->w, x->mean)),
        0.2 / l->b->problem.gamma);

    return equation_bin(l, ELBO_ADD,
                        equation_bin(l, ELBO_ADD,
                                     elbo_tape_scale(l->tape, x->logp, 0.01),
                                     equation_half_square(l, off)),
                        imagined);
}

void equation_member(const equation_bench *b, elbo_tape *tape, elbo_task_nodes *x)
{
    x->rows = EQUATION_ROWS;
    x->o = elbo_tape_constant(tape, EQUATION_ROWS, 2);
    x->u = elbo_tape_constant(tape, EQUATION_ROWS, 2);
    x->reward = elbo_tape_constant(tape, EQUATION_ROWS, 1);
    x->next = elbo_tape_constant(tape, EQUATION_ROWS, 2);
    x->end = elbo_tape_constant(tape, EQUATION_ROWS, 1);
    case_ok(b->belief.model->node(&b->belief, 0, true, tape, x));
}

/* What follows in the equation: mean + std z, z what the M-step's graph draws. */
static elbo_node successor(const equation_lab *l)
{
    const elbo_task_nodes *const x = &l->nodes;
    elbo_rng rng = elbo_rng_stream(1, "derive", 0);
    double *const z = elbo_arena_doubles(ensemble_arena, 2 * EQUATION_ROWS);
    elbo_node noise;

    if (x->certain) return x->mean;
    noise = elbo_tape_constant(l->tape, EQUATION_ROWS, 2);
    elbo_rng_normals(&rng, z, 2 * EQUATION_ROWS);
    elbo_tape_point(l->tape, noise, z);
    return equation_bin(l, ELBO_ADD, x->mean,
                        equation_bin(l, ELBO_MUL, x->std, noise));
}

void equation_bind(const equation_lab *l)
{
    const elbo_replay *const data = &l->b->data;
    double ends[EQUATION_ROWS];

    elbo_tape_set_f32(l->tape, l->nodes.o, data->o);
    elbo_tape_set_f32(l->tape, l->nodes.u, data->u);
    elbo_tape_set_f32(l->tape, l->nodes.reward, data->reward);
    elbo_tape_set_f32(l->tape, l->nodes.next, data->next);
    for (size_t i = 0; i < EQUATION_ROWS; i++) ends[i] = data->end[i];
    elbo_tape_set(l->tape, l->nodes.end, ends);
}

equation_lab equation_open(const equation_bench *b, size_t text)
{
    equation_lab l = {.b = b, .tape = elbo_tape_alloc(ELBO_F64)};
    elbo_task_nodes *const x = &l.nodes;

    equation_member(b, l.tape, x);
    b->control->equation->unknowns(b->critic, l.tape, &l.w);
    l.loss = b->control->equation->loss(
        b->critic, l.tape, &l.w,
        &(elbo_task_outcome){x->o, x->u, x->rhat, successor(&l), x->end});
    l.Q = b->control->equation->Q(b->critic, l.tape, &l.w, x->o, x->u);
    l.V = b->control->equation->V(b->critic, l.tape, &l.w, x->o);
    l.target = b->control->equation->target(b->critic, l.tape, x->o);
    l.outer = elbo_tape_scale(
        l.tape, elbo_tape_sum(l.tape, by_hand(&l, text), ELBO_ALL),
        1.0 / EQUATION_ROWS);
    case_ok(elbo_tape_finish(l.tape));
    for (size_t i = 0; i < l.w.n; i++)
        l.n_w += elbo_tape_rows(l.tape, l.w.leaf[i])
                 * elbo_tape_cols(l.tape, l.w.leaf[i]);
    ck_assert_uint_le(l.n_w, EQUATION_MOST);
    equation_bind(&l);
    return l;
}

double equation_run(const equation_lab *l, const double theta[], elbo_node of)
{
    double value;

    elbo_ensemble_set(l->b->belief.self, theta, l->tape, &l->nodes);
    elbo_tape_forward(l->tape);
    elbo_tape_get(l->tape, of, &value);
    return value;
}

/* d of / dw [n_w] at theta. */
void equation_slope(const equation_lab *l, const double theta[], elbo_node of,
                    double out[])
{
    equation_run(l, theta, of);
    elbo_tape_backward(l->tape, of);
    equation_read(l->tape, l->w.n, l->w.leaf, elbo_tape_gradient, out);
}

double equation_largest(size_t n, const double x[])
{
    double most = 0;

    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    return most;
}

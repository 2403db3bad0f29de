/* tests/test_task_gradient.c -- derivatives of a data term through the equation that
 * critics solve.
 */
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <string.h>

#include "control/actor_critic.h"
#include "inference/control.h"
#include "inference/engine.h"
#include "inference/task_objective.h"
#include "tests/engine_cases.h"
#include "tests/ensemble_cases.h"
#include "tests/suites.h"

enum { ROWS = 60, MOST = 100 };

/* The two objectives, which `by_hand` makes again from the equation's parts. */
static const char *const texts[] = {
    "-0.5*sq(Q(s,a) - (r + gamma*V_target(next)))",
    "0.01*logp - 0.5*sq(V(s) - r - gamma*V(next)) + 0.2*E(V(y))"};

static const char learnt_model[] =
    "members=1 layers=1 width=3 activation=tanh head=deterministic reward=learnt "
    "terminal=learnt normalise=none holdout=0 batch=60";

static const struct {
    const char *control, *settings;
    bool choices;
} critics[] = {
    {"sac", "layers=1 width=1 activation=tanh batch=8 critics=1", true },
    {"sac", "layers=1 width=1 activation=tanh batch=8 critics=1", false},
    /* a tanh's best fit would be at infinity */
    {"td3", "layers=1 width=1 activation=silu batch=8 critics=1", false},
    {"sac", "layers=2 width=4 activation=silu batch=8 critics=2", false},
    {"sac", "policy=softmax layers=1 width=3 activation=tanh batch=8 critics=2", true},
};
enum { CRITICS = sizeof critics / sizeof *critics, SMOOTH = 3 };

typedef struct bench {
    elbo_task_world world;
    elbo_task_belief belief;
    elbo_replay data;
    elbo_task_problem problem;
    const elbo_task_control *control;
    elbo_actor_critic *critic;
    elbo_route route;
    elbo_task_objective *objective;
    elbo_task_mstep mstep;
    double theta[MOST];
    size_t n; /* of theta */
} bench;

/* Random rows, of which every seventh is an end. */
static void push_rows(bench *b)
{
    elbo_rng rng = elbo_rng_stream(7, "rows", 0);

    case_ok(elbo_replay_init(&b->data, 2, 2, ROWS, ensemble_arena));
    for (size_t i = 0; i < ROWS; i++) {
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
    double z[MOST];

    ck_assert_uint_le(n, MOST);
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

static void set_up(bench *b, size_t which, const char *gradient,
                   const char *model, const char *text)
{
    elbo_values values;
    const elbo_control *const control =
        elbo_control_find(critics[which].control);

    memset(b, 0, sizeof *b);
    b->world = ensemble_mute_world(2, 2);
    if (critics[which].choices) {
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
    case_ok(elbo_values_parse(&values, critics[which].settings));
    case_ok(b->control->open(&values, &b->problem, ensemble_arena,
                             (void **)&b->critic));
    move_critics(b->critic);
    case_ok(elbo_gradient_parse(gradient, ensemble_arena, &b->route, NULL, NULL));

    const elbo_task_sight sight = {.world = &b->world,
                                   .belief = &b->belief,
                                   .control = b->control,
                                   .solver = b->critic,
                                   .gamma = b->problem.gamma,
                                   .seed = 4,
                                   .route = &b->route};

    case_ok(elbo_task_objective_open("likelihood", text, false, &sight, ROWS,
                                     ensemble_arena, &b->objective));
    elbo_task_objective_rows(b->objective, &b->data, NULL);
    b->mstep = ensemble_mstep(&b->data);
    b->mstep.likelihood = elbo_task_objective_likelihood(b->objective);
    b->n = b->belief.n;
    ck_assert_uint_le(b->n, MOST);
    for (size_t i = 0; i < b->n; i++)
        b->theta[i] =
            (double)elbo_ensemble_theta(b->belief.self, 0)[i] + 0.1 * sin((double)i);
}

static void tear_down(bench *b)
{
    elbo_task_objective_close(b->objective);
}

/* ---- the M-step's own way ---- */

typedef void reader(const elbo_tape *tape, elbo_node x, double out[]);

static void read_leaves(const elbo_tape *tape, size_t n, const elbo_node leaf[],
                        reader *read, double out[])
{
    for (size_t k = 0; k < n; k++) {
        read(tape, leaf[k], out);
        out += elbo_tape_rows(tape, leaf[k]) * elbo_tape_cols(tape, leaf[k]);
    }
}

/* direct [n] and what goes through the critics, of the M-step's graph. */
static void derive(bench *b, elbo_precision precision, double direct[],
                   double pulled[])
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
    if (precision == ELBO_F64)
        elbo_ensemble_set(e, b->theta, t.tape, &t.nodes);
    for (size_t i = 0; i < t.batch; i++) t.slot[i] = (uint32_t)i;
    elbo_ensemble_bind(&t);
    elbo_tape_forward(t.tape);
    elbo_tape_backward(t.tape, t.objective);

    const size_t leaves = elbo_ensemble_learnt(e, &t.nodes, leaf);

    read_leaves(t.tape, leaves, leaf, elbo_tape_gradient, direct);
    case_ok(b->mstep.likelihood->pull(b->objective, 0, t.tape));
    read_leaves(t.tape, leaves, leaf, elbo_tape_product, pulled);
    elbo_tape_free(t.tape);
}

/* ---- a graph of the equation and the objective, by hand ---- */

typedef struct lab {
    const bench *b;
    elbo_tape *tape;
    elbo_task_nodes nodes;
    elbo_task_unknowns w;
    size_t n_w;
    elbo_node loss, outer;
} lab;

static elbo_node bin(const lab *l, elbo_binary op, elbo_node x, elbo_node y)
{
    return elbo_tape_binary(l->tape, op, x, y);
}

static elbo_node discounted(const lab *l, elbo_node V)
{
    const elbo_node alive =
        bin(l, ELBO_SUB, elbo_tape_number(l->tape, 1), l->nodes.end);

    return elbo_tape_scale(l->tape, bin(l, ELBO_MUL, alive, V),
                           l->b->problem.gamma);
}

static elbo_node half_square(const lab *l, elbo_node x)
{
    return elbo_tape_scale(l->tape, elbo_tape_unary(l->tape, ELBO_SQ, x), -0.5);
}

static elbo_node by_hand(const lab *l, size_t text)
{
    const elbo_task_equation *const of = l->b->control->equation;
    void *const s = l->b->critic;
    const elbo_task_nodes *const x = &l->nodes;

    if (text == 0) {
        const elbo_node y =
            bin(l, ELBO_ADD, x->reward,
                discounted(l, of->target(s, l->tape, x->next)));

        return half_square(
            l, bin(l, ELBO_SUB, of->Q(s, l->tape, &l->w, x->o, x->u), y));
    }

    const elbo_node V = of->V(s, l->tape, &l->w, x->o);
    const elbo_node next = discounted(l, of->V(s, l->tape, &l->w, x->next));
    const elbo_node off =
        bin(l, ELBO_SUB, bin(l, ELBO_SUB, V, x->reward), next);
    const elbo_node imagined = elbo_tape_scale(
        l->tape, discounted(l, of->V(s, l->tape, &l->w, x->mean)),
        0.2 / l->b->problem.gamma);

    return bin(l, ELBO_ADD,
               bin(l, ELBO_ADD, elbo_tape_scale(l->tape, x->logp, 0.01),
                   half_square(l, off)),
               imagined);
}

static void set_rows(const lab *l, elbo_node leaf, const float x[])
{
    elbo_tape_set_f32(l->tape, leaf, x);
}

static lab open_lab(const bench *b, size_t text)
{
    lab l = {.b = b, .tape = elbo_tape_alloc(ELBO_F64)};
    elbo_task_nodes *const x = &l.nodes;
    double ends[ROWS];

    x->rows = ROWS;
    x->o = elbo_tape_constant(l.tape, ROWS, 2);
    x->u = elbo_tape_constant(l.tape, ROWS, 2);
    x->reward = elbo_tape_constant(l.tape, ROWS, 1);
    x->next = elbo_tape_constant(l.tape, ROWS, 2);
    x->end = elbo_tape_constant(l.tape, ROWS, 1);
    case_ok(b->belief.model->node(&b->belief, 0, true, l.tape, x));
    b->control->equation->unknowns(b->critic, l.tape, &l.w);
    l.loss = b->control->equation->loss(
        b->critic, l.tape, &l.w,
        &(elbo_task_outcome){x->o, x->u, x->rhat, x->mean, x->end});
    l.outer = elbo_tape_scale(
        l.tape, elbo_tape_sum(l.tape, by_hand(&l, text), ELBO_ALL), 1.0 / ROWS);
    case_ok(elbo_tape_finish(l.tape));
    for (size_t i = 0; i < l.w.n; i++)
        l.n_w += elbo_tape_rows(l.tape, l.w.leaf[i])
                 * elbo_tape_cols(l.tape, l.w.leaf[i]);
    ck_assert_uint_le(l.n_w, MOST);
    set_rows(&l, x->o, b->data.o);
    set_rows(&l, x->u, b->data.u);
    set_rows(&l, x->reward, b->data.reward);
    set_rows(&l, x->next, b->data.next);
    for (size_t i = 0; i < ROWS; i++) ends[i] = b->data.end[i];
    elbo_tape_set(l.tape, x->end, ends);
    return l;
}

static double run(const lab *l, const double theta[], elbo_node of)
{
    double value;

    elbo_ensemble_set(l->b->belief.self, theta, l->tape, &l->nodes);
    elbo_tape_forward(l->tape);
    elbo_tape_get(l->tape, of, &value);
    return value;
}

/* d of / dw [n_w] at theta. */
static void slope(const lab *l, const double theta[], elbo_node of, double out[])
{
    run(l, theta, of);
    elbo_tape_backward(l->tape, of);
    read_leaves(l->tape, l->w.n, l->w.leaf, elbo_tape_gradient, out);
}

static double largest(size_t n, const double x[])
{
    double most = 0;

    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    return most;
}

static const double step = 1e-5;

/* ---- tests ---- */

/* With one critic, in the numbers that the control tells. */
START_TEST(the_equation_is_the_control_s_own_bellman_error)
{
    bench b;
    float Q[ROWS], V[ROWS], next[2 * ROWS];
    double mean[2 * ROWS], reward[ROWS], want = 0;

    set_up(&b, (size_t)_i, "implicit(identity)", learnt_model, texts[0]);

    lab l = open_lab(&b, 0);
    const double got = run(&l, b.theta, l.loss);

    elbo_tape_get(l.tape, l.nodes.mean, mean);
    elbo_tape_get(l.tape, l.nodes.rhat, reward);
    for (size_t i = 0; i < 2 * ROWS; i++) next[i] = (float)mean[i];
    case_ok(b.control->action_value(b.critic, ROWS, b.data.o, b.data.u, Q,
                                    ensemble_ws));
    case_ok(b.control->target_value(b.critic, ROWS, next, V, ensemble_ws));
    for (size_t i = 0; i < ROWS; i++) {
        const double y =
            reward[i] + (b.data.end[i] ? 0 : 0.9 * (double)V[i]);

        want += pow((double)Q[i] - y, 2) / (2 * ROWS);
    }
    ck_assert_double_eq_tol(got, want, 1e-5 * (1 + want));
    /* V asked again is V as it learns */
    case_ok(b.control->value(b.critic, ROWS, next, V, NULL, ensemble_ws));

    double learns = (double)V[5];

    case_ok(b.control->target_value(b.critic, ROWS, next, V, ensemble_ws));
    ck_assert_double_ge(fabs(learns - (double)V[5]), 1e-3);
    elbo_tape_free(l.tape);
    tear_down(&b);
}
END_TEST

/* -g' d2L / dw dtheta by differences of L's slope, and l_theta by those of l. */
START_TEST(identity_is_minus_the_slope_times_the_mixed_derivative)
{
    const size_t which = (size_t)_i % CRITICS, text = (size_t)_i / CRITICS;
    bench b;
    double direct[MOST], pulled[MOST], g[MOST], up[MOST], down[MOST];

    set_up(&b, which, "implicit(identity)", learnt_model, texts[text]);
    derive(&b, ELBO_F64, direct, pulled);

    lab l = open_lab(&b, text);
    const double scale = largest(b.n, pulled), level = largest(b.n, direct);

    slope(&l, b.theta, l.outer, g);
    ck_assert_double_ge(scale, 1e-4);
    ck_assert_int_eq(level > 0, text == 1);
    for (size_t j = 0; j < b.n; j++) {
        const double kept = b.theta[j];
        double want = 0;

        b.theta[j] = kept + step;

        const double above = run(&l, b.theta, l.outer);

        slope(&l, b.theta, l.loss, up);
        b.theta[j] = kept - step;

        const double below = run(&l, b.theta, l.outer);

        slope(&l, b.theta, l.loss, down);
        b.theta[j] = kept;
        for (size_t i = 0; i < l.n_w; i++)
            want -= g[i] * (up[i] - down[i]) / (2 * step);
        ck_assert_double_eq_tol(pulled[j], want, 1e-6 * scale);
        ck_assert_double_eq_tol(direct[j], (above - below) / (2 * step),
                                1e-6 * (1e-3 + level));
    }
    elbo_tape_free(l.tape);
    tear_down(&b);
}
END_TEST

/* x <- (H + mu I)^-1 x, H the curvature of L by products. */
static void newton(const lab *l, double mu, double x[])
{
    const size_t n = l->n_w;
    gsl_matrix *const H = elbo_arena_mat(ensemble_ws, n, n);
    gsl_permutation *const p = gsl_permutation_alloc(n);
    gsl_vector_view view = gsl_vector_view_array(x, n);
    double unit[MOST], column[MOST];
    int sign;

    for (size_t j = 0; j < n; j++) {
        const double *at = unit;

        memset(unit, 0, sizeof unit);
        unit[j] = 1;
        for (size_t i = 0; i < l->w.n; i++) {
            elbo_tape_direction(l->tape, l->w.leaf[i], at);
            at += elbo_tape_rows(l->tape, l->w.leaf[i])
                  * elbo_tape_cols(l->tape, l->w.leaf[i]);
        }
        elbo_tape_hessian(l->tape, l->loss);
        read_leaves(l->tape, l->w.n, l->w.leaf, elbo_tape_product, column);
        for (size_t i = 0; i < n; i++) gsl_matrix_set(H, i, j, column[i]);
        gsl_matrix_set(H, j, j, column[j] + mu);
    }
    gsl_linalg_LU_decomp(H, p, &sign);
    gsl_linalg_LU_svx(H, p, &view.vector);
    gsl_permutation_free(p);
}

/* One step; whether it did not raise the loss, without which it is taken back. */
static bool descend(const lab *l, const double theta[], double mu, bool anyway)
{
    double *const w = l->b->critic->value.now.critic[0]; /* one critic */
    const elbo_mark mark = elbo_arena_mark(ensemble_ws);
    const double before = run(l, theta, l->loss);
    double kept[MOST], x[MOST];

    slope(l, theta, l->loss, x);
    newton(l, mu, x);
    elbo_arena_release(ensemble_ws, mark);
    memcpy(kept, w, l->n_w * sizeof *w);
    for (size_t i = 0; i < l->n_w; i++) w[i] -= x[i];
    if (anyway || run(l, theta, l->loss) <= before) return true;
    memcpy(w, kept, l->n_w * sizeof *w);
    return false;
}

/* w that solves the equation at theta: damped Newton steps from where it is while it is
 * far, then plain ones. */
static void solve(const lab *l, const double theta[])
{
    double x[MOST], mu = 1;

    slope(l, theta, l->loss, x);
    for (size_t round = 0; largest(l->n_w, x) > 1e-6 && round < 5000; round++) {
        mu = descend(l, theta, mu, false) ? mu / 3 : 4 * mu;
        slope(l, theta, l->loss, x);
    }
    for (size_t round = 0; round < 4; round++) descend(l, theta, 0, true);
    slope(l, theta, l->loss, x);
    ck_assert_double_le(largest(l->n_w, x), 1e-10);
}

/* The inner problem solved again at each theta. */
START_TEST(cg_at_the_solution_is_the_derivative_of_the_solved_problem)
{
    const size_t which = (size_t)_i % SMOOTH, text = (size_t)_i / SMOOTH;
    const double h = 1e-5;
    bench b;
    double direct[MOST], pulled[MOST], total[MOST];

    set_up(&b, which, "implicit(cg(1e-12, 5000))", learnt_model, texts[text]);

    lab l = open_lab(&b, text);

    solve(&l, b.theta);
    derive(&b, ELBO_F64, direct, pulled);
    for (size_t j = 0; j < b.n; j++) total[j] = direct[j] + pulled[j];
    ck_assert_uint_eq(elbo_task_objective_solved(b.objective).unconverged, 0);
    ck_assert_double_ge(largest(b.n, pulled), 1e-4);
    for (size_t j = 0; j < b.n; j++) {
        const double kept = b.theta[j];

        b.theta[j] = kept + h;
        solve(&l, b.theta);

        const double above = run(&l, b.theta, l.outer);

        b.theta[j] = kept - h;
        solve(&l, b.theta);

        const double want = (above - run(&l, b.theta, l.outer)) / (2 * h);

        b.theta[j] = kept;
        ck_assert_double_eq_tol(total[j], want, 1e-5 * largest(b.n, total));
    }
    elbo_tape_free(l.tape);
    tear_down(&b);
}
END_TEST

/* sum_{j <= k} (I - H)^j g, with H's products by differences of L's slope. */
START_TEST(neumann_cuts_the_series_of_the_inverse)
{
    bench b;
    double direct[MOST], pulled[MOST], want[MOST], v[MOST], term[MOST], up[MOST],
        down[MOST], kept[MOST];

    set_up(&b, 0, "implicit(neumann(3))", learnt_model, texts[0]);
    derive(&b, ELBO_F64, direct, pulled);

    lab l = open_lab(&b, 0);
    double *const w = b.critic->value.now.critic[0];

    slope(&l, b.theta, l.outer, term);
    memcpy(kept, w, l.n_w * sizeof *w);
    memcpy(v, term, sizeof v);
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < l.n_w; i++) w[i] = kept[i] + step * term[i];
        slope(&l, b.theta, l.loss, up);
        for (size_t i = 0; i < l.n_w; i++) w[i] = kept[i] - step * term[i];
        slope(&l, b.theta, l.loss, down);
        for (size_t i = 0; i < l.n_w; i++) {
            term[i] -= (up[i] - down[i]) / (2 * step);
            v[i] += term[i];
        }
    }
    memcpy(w, kept, l.n_w * sizeof *w);
    for (size_t j = 0; j < b.n; j++) {
        const double at = b.theta[j];

        b.theta[j] = at + step;
        slope(&l, b.theta, l.loss, up);
        b.theta[j] = at - step;
        slope(&l, b.theta, l.loss, down);
        b.theta[j] = at;
        want[j] = 0;
        for (size_t i = 0; i < l.n_w; i++)
            want[j] -= v[i] * (up[i] - down[i]) / (2 * step);
    }
    for (size_t j = 0; j < b.n; j++)
        ck_assert_double_eq_tol(pulled[j], want[j], 1e-6 * largest(b.n, want));
    elbo_tape_free(l.tape);
    tear_down(&b);
}
END_TEST

/* What an M-step runs in, whose w are the floats themselves. */
START_TEST(floats_follow_doubles)
{
    bench b;
    double wide[2][MOST], narrow[2][MOST];

    set_up(&b, (size_t)_i, "implicit(neumann(2))", learnt_model, texts[1]);
    derive(&b, ELBO_F32, narrow[0], narrow[1]);
    for (size_t i = 0; i < b.n; i++) b.theta[i] = (double)(float)b.theta[i];
    derive(&b, ELBO_F64, wide[0], wide[1]);
    for (size_t k = 0; k < 2; k++)
        for (size_t j = 0; j < b.n; j++)
            ck_assert_double_eq_tol(narrow[k][j], wide[k][j],
                                    1e-4 * largest(b.n, wide[k]));
    tear_down(&b);
}
END_TEST

/* The program's own check, with a member that is not certain. */
START_TEST(the_check_follows_the_gradient_slot)
{
    static const char *const gradients[] = {
        "implicit(identity)", "implicit(neumann(2))", "implicit(cg(1e-9, 20))"};
    bench b;
    elbo_derivative_check found = {0};

    set_up(&b, 1, gradients[_i],
           "members=1 layers=1 width=5 activation=silu reward=learnt "
           "terminal=learnt holdout=0 batch=60",
           texts[1]);
    case_ok(b.belief.model->check(&b.belief, &b.mstep, &found, ensemble_ws));
    case_ok(elbo_task_objective_made(b.objective));
    ck_assert_uint_gt(found.n, 5);
    ck_assert_double_le(found.relative, 1e-6);
    ck_assert_double_ge(fabs(found.got) + fabs(found.want), 1e-12);
    tear_down(&b);
}
END_TEST

/* ---- a linear critic ---- */

/* Q = w'(o, u, 1), its slow copy a'o + 0.2 of a fixed policy. */
enum { FEATURES = 5 };
static double linear_w[FEATURES];
static const double slow[] = {0.6, -0.3};

static elbo_node features(elbo_tape *tape, elbo_node o, elbo_node u)
{
    const elbo_node one = elbo_tape_binary(
        tape, ELBO_ADD,
        elbo_tape_scale(tape, elbo_tape_columns(tape, o, 0, 1), 0),
        elbo_tape_number(tape, 1));

    return elbo_tape_join(tape, elbo_tape_join(tape, o, u), one);
}

static void linear_unknowns(void *self, elbo_tape *tape, elbo_task_unknowns *w)
{
    (void)self;
    w->n = 1;
    w->leaf[0] = elbo_tape_input(tape, FEATURES, 1);
    elbo_tape_point(tape, w->leaf[0], linear_w);
}

static elbo_node linear_Q(void *self, elbo_tape *tape,
                          const elbo_task_unknowns *w, elbo_node o, elbo_node u)
{
    (void)self;
    return elbo_tape_matmul(tape, features(tape, o, u), false, w->leaf[0], false);
}

static elbo_node linear_target(void *self, elbo_tape *tape, elbo_node o)
{
    const elbo_node a = elbo_tape_join(tape, elbo_tape_number(tape, slow[0]),
                                       elbo_tape_number(tape, slow[1]));

    (void)self;
    return elbo_tape_binary(tape, ELBO_ADD,
                            elbo_tape_matmul(tape, o, false, a, true),
                            elbo_tape_number(tape, 0.2));
}

static elbo_node linear_loss(void *self, elbo_tape *tape,
                             const elbo_task_unknowns *w,
                             const elbo_task_outcome *x)
{
    const elbo_node alive =
        elbo_tape_binary(tape, ELBO_SUB, elbo_tape_number(tape, 1), x->end);
    const elbo_node next = elbo_tape_scale(
        tape,
        elbo_tape_binary(tape, ELBO_MUL, alive, linear_target(self, tape, x->next)),
        0.9);
    const elbo_node off = elbo_tape_binary(
        tape, ELBO_SUB, linear_Q(self, tape, w, x->o, x->u),
        elbo_tape_binary(tape, ELBO_ADD, x->reward, next));

    return elbo_tape_scale(
        tape, elbo_tape_sum(tape, elbo_tape_unary(tape, ELBO_SQ, off), ELBO_ALL),
        0.5 / ROWS);
}

static const elbo_task_equation linear_equation = {.unknowns = linear_unknowns,
                                                   .loss = linear_loss,
                                                   .Q = linear_Q,
                                                   .target = linear_target};

static void feature(const bench *b, size_t i, double out[FEATURES])
{
    for (size_t k = 0; k < 2; k++) {
        out[k] = (double)b->data.o[2 * i + k];
        out[2 + k] = (double)b->data.u[2 * i + k];
    }
    out[4] = 1;
}

/* w* of an affine model, and l's derivative there: with Phi the features,
 *   w* = H^-1 Phi'y / B,  H = Phi'Phi / B,  y = rhat + gamma (1 - end) (a'next + 0.2)
 *   dl/dtheta = (Phi H^-1 l_w / B)' dy/dtheta
 * and y's derivatives are those of an affine map: z for the reward's column, and
 * gamma (1 - end) a_k z for the k'th of the change. */
static void closed_form(const bench *b, double out[])
{
    gsl_matrix *const H = elbo_arena_mat(ensemble_ws, FEATURES, FEATURES);
    gsl_vector *const v = elbo_arena_vec(ensemble_ws, FEATURES);
    gsl_permutation *const p = gsl_permutation_alloc(FEATURES);
    double f[FEATURES], total[3 * FEATURES] = {0};
    int sign;

    gsl_matrix_set_zero(H);
    gsl_vector_set_zero(v);
    for (size_t i = 0; i < ROWS; i++) {
        const double alive = b->data.end[i] ? 0 : 0.9;
        double y[3] = {0};

        /* theta: W [4 x 3], b [3]; y's columns are the change of o, then r */
        feature(b, i, f);
        for (size_t k = 0; k < FEATURES; k++)
            for (size_t c = 0; c < 3; c++) y[c] += f[k] * b->theta[3 * k + c];

        const double aim = y[2]
                           + alive
                                 * (slow[0] * (f[0] + y[0])
                                    + slow[1] * (f[1] + y[1]) + 0.2);

        for (size_t k = 0; k < FEATURES; k++) {
            *gsl_vector_ptr(v, k) += f[k] * aim / ROWS;
            for (size_t j = 0; j < FEATURES; j++)
                *gsl_matrix_ptr(H, k, j) += f[k] * f[j] / ROWS;
        }
    }
    gsl_linalg_LU_decomp(H, p, &sign);
    gsl_linalg_LU_svx(H, p, v);
    for (size_t k = 0; k < FEATURES; k++) linear_w[k] = gsl_vector_get(v, k);
    gsl_vector_set_zero(v);
    for (size_t i = 0; i < ROWS; i++) {
        const float *const next = b->data.next + 2 * i;
        double Q = 0, aim = (double)b->data.reward[i];

        feature(b, i, f);
        for (size_t k = 0; k < FEATURES; k++) Q += f[k] * linear_w[k];
        if (!b->data.end[i])
            aim += 0.9 * (slow[0] * (double)next[0] + slow[1] * (double)next[1] + 0.2);
        for (size_t k = 0; k < FEATURES; k++)
            *gsl_vector_ptr(v, k) -= f[k] * (Q - aim) / ROWS; /* l_w */
    }
    gsl_linalg_LU_svx(H, p, v);
    for (size_t i = 0; i < ROWS; i++) {
        const double alive = b->data.end[i] ? 0 : 0.9;
        double c = 0;

        feature(b, i, f);
        for (size_t k = 0; k < FEATURES; k++)
            c += f[k] * gsl_vector_get(v, k) / ROWS;
        for (size_t k = 0; k < FEATURES; k++) {
            total[3 * k] += c * alive * slow[0] * f[k];
            total[3 * k + 1] += c * alive * slow[1] * f[k];
            total[3 * k + 2] += c * f[k];
        }
    }
    memcpy(out, total, sizeof total);
    gsl_permutation_free(p);
}

START_TEST(of_a_linear_critic_and_model_it_has_a_closed_form)
{
    static const elbo_task_control control = {.equation = &linear_equation};
    bench b;
    lab l = {.b = &b};
    double want[3 * FEATURES], got[3 * FEATURES], ends[ROWS];
    elbo_network_frame frame = {0};
    elbo_gradient_info info = {0};
    elbo_task_pull *pull;
    elbo_node Q, next, leaf[ELBO_ENSEMBLE_LEAVES];

    set_up(&b, 1, "implicit(cg(1e-13, 100))",
           "members=1 layers=0 head=deterministic reward=learnt terminal=never "
           "normalise=none holdout=0 batch=60",
           texts[0]);
    ck_assert_uint_eq(b.n, 3 * FEATURES);
    closed_form(&b, want);
    l.tape = elbo_tape_alloc(ELBO_F64);

    elbo_task_nodes *const x = &l.nodes;

    x->rows = ROWS;
    x->o = elbo_tape_constant(l.tape, ROWS, 2);
    x->u = elbo_tape_constant(l.tape, ROWS, 2);
    x->reward = elbo_tape_constant(l.tape, ROWS, 1);
    x->next = elbo_tape_constant(l.tape, ROWS, 2);
    x->end = elbo_tape_constant(l.tape, ROWS, 1);
    case_ok(b.belief.model->node(&b.belief, 0, true, l.tape, x));
    case_ok(elbo_task_pull_alloc(&b.route, &control, NULL, l.tape, x, &pull));
    elbo_task_pull_frame(pull, &frame);
    ck_assert(frame.moving(frame.control, l.tape, ELBO_NETWORK_Q, &Q));
    ck_assert(
        frame.moving(frame.control, l.tape, ELBO_NETWORK_TARGET_NEXT, &next));
    ck_assert(
        !frame.moving(frame.control, l.tape, ELBO_NETWORK_LOGPI, &leaf[0]));

    const elbo_node y =
        bin(&l, ELBO_ADD, x->reward, elbo_tape_scale(l.tape, next, 0.9));

    l.outer = elbo_tape_scale(
        l.tape,
        elbo_tape_sum(l.tape, half_square(&l, bin(&l, ELBO_SUB, Q, y)), ELBO_ALL),
        1.0 / ROWS);
    case_ok(elbo_tape_finish(l.tape));
    set_rows(&l, x->o, b.data.o);
    set_rows(&l, x->u, b.data.u);
    set_rows(&l, x->reward, b.data.reward);
    set_rows(&l, x->next, b.data.next);
    for (size_t i = 0; i < ROWS; i++) ends[i] = b.data.end[i];
    elbo_tape_set(l.tape, x->end, ends);
    run(&l, b.theta, l.outer);
    elbo_tape_backward(l.tape, l.outer);
    case_ok(elbo_task_pull_apply(pull, &info));
    read_leaves(l.tape, elbo_ensemble_learnt(b.belief.self, x, leaf), leaf,
                elbo_tape_product, got);
    ck_assert_uint_eq(info.solves, 1);
    ck_assert_uint_eq(info.unconverged, 0);
    for (size_t j = 0; j < b.n; j++)
        ck_assert_double_eq_tol(got[j], want[j], 1e-10 * largest(b.n, want));
    elbo_task_pull_free(pull);
    elbo_tape_free(l.tape);
    tear_down(&b);
}
END_TEST

/* ---- refusals ---- */

START_TEST(a_series_that_grows_is_no_derivative)
{
    bench b;

    set_up(&b, 0, "implicit(neumann(400))", learnt_model, texts[0]);

    elbo_ensemble_task t = {.belief = &b.belief, .mstep = &b.mstep};
    float *const theta = b.critic->critic[0].theta;

    for (size_t i = 0; i < b.critic->critic[0].n; i++) theta[i] *= 8;
    case_ok(elbo_ensemble_split(b.belief.self, &b.data, &t.rows, ensemble_ws));
    case_ok(elbo_ensemble_prepare(&t, ensemble_ws));
    case_ok(elbo_ensemble_build(&t, ELBO_F32));
    ck_assert_int_eq(elbo_ensemble_train(&t), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(
        strstr(elbo_last_error()->text, "the solve does not converge"));
    elbo_tape_free(t.tape);
    tear_down(&b);
}
END_TEST

START_TEST(what_cannot_be_followed_is_refused)
{
    static const elbo_task_control deaf = {0};
    bench b;
    elbo_task_objective *o;

    set_up(&b, 0, "implicit(identity)", learnt_model, texts[0]);

    elbo_task_sight sight = {.world = &b.world,
                             .belief = &b.belief,
                             .control = b.control,
                             .solver = b.critic,
                             .gamma = 0.9,
                             .route = &b.route};
    elbo_task_belief many =
        ensemble_open(&elbo_model_ensemble,
                      "members=3 width=4 reward=learnt terminal=learnt", &b.world, 5);
    static const struct {
        const char *text, *why;
    } wrong[] = {
        {"0*logp + logpi",                       "no density"       },
        {"-0.5*sum(sq(gradV(next)*(E(y)-next)))", "no value function"},
        {"Q(s,a) + E(V_target(y))",              "of the data alone"},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(elbo_task_objective_open("likelihood", wrong[i].text, false,
                                                  &sight, ROWS, ensemble_arena, &o),
                         ELBO_EINVAL);
        ck_assert_msg(strstr(elbo_last_error()->text, wrong[i].why) != NULL,
                      "%s: %s", wrong[i].text, elbo_last_error()->text);
    }
    sight.belief = &many;
    ck_assert_int_eq(elbo_task_objective_open("likelihood", texts[0], false, &sight,
                                              ROWS, ensemble_arena, &o),
                     ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "1 member, not 3"));
    sight.belief = &b.belief;
    sight.control = &deaf;
    ck_assert_int_eq(elbo_task_objective_open("likelihood", texts[0], false, &sight,
                                              ROWS, ensemble_arena, &o),
                     ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "no equation"));
    tear_down(&b);
}
END_TEST

Suite *suite_task_gradient(void)
{
    Suite *const s = suite_create("task_gradient");
    TCase *const t = tcase_create("task_gradient");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_loop_test(t, the_equation_is_the_control_s_own_bellman_error, 0,
                        SMOOTH);
    tcase_add_loop_test(
        t, identity_is_minus_the_slope_times_the_mixed_derivative, 0, 2 * CRITICS);
    tcase_add_loop_test(
        t, cg_at_the_solution_is_the_derivative_of_the_solved_problem, 0,
        2 * SMOOTH);
    tcase_add_test(t, neumann_cuts_the_series_of_the_inverse);
    tcase_add_loop_test(t, floats_follow_doubles, 0, CRITICS);
    tcase_add_loop_test(t, the_check_follows_the_gradient_slot, 0, 3);
    tcase_add_test(t, a_series_that_grows_is_no_derivative);
    tcase_add_test(t, what_cannot_be_followed_is_refused);
    tcase_add_test(t, of_a_linear_critic_and_model_it_has_a_closed_form);
    suite_add_tcase(s, t);
    return s;
}

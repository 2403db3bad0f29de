#include "tests/network_lab.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "tests/engine_cases.h"

const elbo_factor_name net_lab_factors[] = {
    {"occupancy", ELBO_FACTOR_ROW, false},
    {"logratio",      ELBO_FACTOR_ENTRY, false},
    {0 },
};

/* ---- in plain C ---- */

static double value_by(const net_lab *l, const double b[], const double o[NO])
{
    double V = 0;

    for (size_t j = 0; j < HIDDEN; j++)
        V += b[j] * tanh(o[0] * l->B[j * NO] + o[1] * l->B[j * NO + 1]);
    return V;
}

double net_lab_V(const net_lab *l, const double o[NO])
{
    return value_by(l, l->b, o);
}

double net_lab_target(const net_lab *l, const double o[NO])
{
    return value_by(l, l->slow, o);
}

static void slope_of(const net_lab *l, const double o[NO], double out[NO])
{
    out[0] = out[1] = 0;
    for (size_t j = 0; j < HIDDEN; j++) {
        const double t = tanh(o[0] * l->B[j * NO] + o[1] * l->B[j * NO + 1]);

        for (size_t k = 0; k < NO; k++)
            out[k] += l->b[j] * (1 - t * t) * l->B[j * NO + k];
    }
}

void net_lab_moments_at(const net_lab *l, const double o[NO], double u,
                        double mean[NO], double std[NO])
{
    for (size_t k = 0; k < NO; k++) {
        double x = l->theta[(NZ - 1) * NO + k];

        for (size_t i = 0; i < NO; i++) x += o[i] * l->theta[i * NO + k];
        x += u * l->theta[NO * NO + k];
        mean[k] = tanh(x);
        std[k] = exp(l->theta[NZ * NO + k]);
    }
}

void net_lab_moments(const net_lab *l, size_t row, double mean[NO],
                     double std[NO])
{
    net_lab_moments_at(l, l->o + row * NO, l->u[row], mean, std);
}

double net_lab_Q(const net_lab *l, const double o[NO], double u)
{
    return 0.5 * u * u + 0.3 * o[0] * u + net_lab_V(l, o);
}

/* ---- the policy ---- */

static const double fixed_noise[LAB_ACTIONS] = {0.7, -0.7, 1.4, -1.4};
static const double choice[LAB_CHOICES] = {-0.8, 0.3, 1.1};
static const double logit[NO * LAB_CHOICES] = {0.5, -0.2, 0.9, -0.4, 0.3, 0.1};

size_t net_lab_actions(const net_lab *l)
{
    return l->choices ? LAB_CHOICES : LAB_ACTIONS;
}

static double log_std(const double o[NO])
{
    return 0.2 * o[0] - 0.5;
}

double net_lab_draw(const double o[NO], double z)
{
    return tanh(0.6 * o[0] - 0.3 * o[1] + 0.1 + exp(log_std(o)) * z);
}

double net_lab_action(const net_lab *l, const double o[NO], size_t k,
                      double *share, double *logpi)
{
    double Z = 0, own = 0;

    if (!l->choices) {
        *share = 1.0 / LAB_ACTIONS;
        *logpi = -0.5 * fixed_noise[k] * fixed_noise[k] - log_std(o);
        return net_lab_draw(o, fixed_noise[k]);
    }
    for (size_t i = 0; i < LAB_CHOICES; i++) {
        const double g =
            o[0] * logit[i] + o[1] * logit[LAB_CHOICES + i];

        Z += exp(g);
        if (i == k) own = g;
    }
    *logpi = own - log(Z);
    *share = exp(*logpi);
    return choice[k];
}

/* Twelve points for each entry: exact to degree 23. */
static const double nodes[] = {0.31424037625435911, 0.94778839124016374,
                               1.5976826351526048,  2.2795070805010598,
                               3.0206370251208896,  3.8897248978697819};
static const double shares[] = {0.57013523626247958,    0.26049231026416113,
                                0.051607985615883930,   0.0039053905846290619,
                                8.5736870435878587e-05, 2.6585516843563016e-07};

double net_lab_point(size_t i, double *share)
{
    *share = shares[i / 2] / sqrt(acos(-1));
    return sqrt(2) * (i % 2 ? -nodes[i / 2] : nodes[i / 2]);
}

double net_lab_E(const net_lab *l, size_t row,
                 double (*f)(const net_lab *, size_t, const double[]))
{
    double mean[NO], std[NO], sum = 0;

    net_lab_moments(l, row, mean, std);
    for (size_t i = 0; i < 12; i++)
        for (size_t j = 0; j < 12; j++) {
            const double a = i % 2 ? -nodes[i / 2] : nodes[i / 2];
            const double b = j % 2 ? -nodes[j / 2] : nodes[j / 2];
            const double y[NO] = {mean[0] + std[0] * sqrt(2) * a,
                                  mean[1] + std[1] * sqrt(2) * b};

            sum += shares[i / 2] * shares[j / 2] * f(l, row, y);
        }
    return sum / acos(-1);
}

/* ---- data ---- */

static void tell(net_lab *l, size_t i)
{
    double slope[NO];

    l->table[ELBO_NETWORK_V][i] = (float)net_lab_V(l, l->o + i * NO);
    l->table[ELBO_NETWORK_V_NEXT][i] =
        (float)((1 - l->end[i]) * net_lab_V(l, l->next + i * NO));
    l->table[ELBO_NETWORK_TARGET][i] =
        (float)net_lab_target(l, l->o + i * NO);
    l->table[ELBO_NETWORK_TARGET_NEXT][i] =
        (float)((1 - l->end[i]) * net_lab_target(l, l->next + i * NO));
    slope_of(l, l->o + i * NO, slope);
    for (size_t k = 0; k < NO; k++)
        l->table[ELBO_NETWORK_SLOPE][i * NO + k] = (float)slope[k];
    slope_of(l, l->next + i * NO, slope);
    for (size_t k = 0; k < NO; k++)
        l->table[ELBO_NETWORK_SLOPE_NEXT][i * NO + k] = (float)slope[k];
}

void net_lab_set_up(net_lab *l, uint64_t seed)
{
    elbo_rng rng = elbo_rng_stream(seed, "network lab", 0);
    double noise[3 * ROWS];

    memset(l, 0, sizeof *l);
    elbo_rng_normals(&rng, l->theta, NTHETA);
    for (size_t k = 0; k < NO; k++)
        l->theta[NZ * NO + k] = -0.5 + 0.2 * l->theta[NZ * NO + k];
    elbo_rng_normals(&rng, l->o, ROWS * NO);
    elbo_rng_normals(&rng, l->u, ROWS * NU);
    elbo_rng_normals(&rng, l->r, ROWS);
    elbo_rng_normals(&rng, l->next, ROWS * NO);
    elbo_rng_normals(&rng, l->B, HIDDEN * NO);
    elbo_rng_normals(&rng, l->b, HIDDEN);
    elbo_rng_normals(&rng, noise, 3 * ROWS);
    elbo_rng_normals(&rng, l->slow, HIDDEN);
    l->gamma = 0.9;
    for (size_t i = 0; i < ROWS; i++) {
        l->end[i] = i == 3;
        l->slot[i] = (uint32_t)(ROWS - 1 - i); /* rows are not slots */
        l->weight[i] = exp(noise[i]);
        tell(l, i);
        l->table[ELBO_NETWORK_Q][i] = (float)noise[ROWS + i];
        l->table[ELBO_NETWORK_LOGPI][i] = (float)noise[2 * ROWS + i];
        l->table[ELBO_NETWORK_THEN][i] = (float)(2 * noise[i]);
        l->table[ELBO_NETWORK_THEN_NEXT][i] = (float)(3 - noise[i]);
        for (size_t k = 0; k < ELBO_NETWORK_FACTORS; k++)
            l->factor[k][i] = exp(noise[i] / (1 + (double)k));
    }
}

/* ---- on the tape ---- */

static elbo_node borrowed(elbo_tape *tape, size_t rows, size_t cols,
                          const double x[])
{
    const elbo_node leaf = elbo_tape_constant(tape, rows, cols);

    elbo_tape_point(tape, leaf, x);
    return leaf;
}

static elbo_node value_on(const net_lab *l, const double b[], elbo_tape *tape,
                          elbo_node o)
{
    const elbo_node B = borrowed(tape, HIDDEN, NO, l->B);
    const elbo_node h = elbo_tape_unary(
        tape, ELBO_TANH, elbo_tape_matmul(tape, o, false, B, true));

    return elbo_tape_matmul(tape, h, false, borrowed(tape, HIDDEN, 1, b),
                            false);
}

static elbo_status value_node(void *self, elbo_tape *tape, elbo_node o,
                              elbo_node *V)
{
    const net_lab *const l = self;

    *V = value_on(l, l->b, tape, o);
    return ELBO_OK;
}

static elbo_status target_node(void *self, elbo_tape *tape, elbo_node o,
                               elbo_node *V)
{
    const net_lab *const l = self;

    *V = value_on(l, l->slow, tape, o);
    return ELBO_OK;
}

/* ---- the policy on the tape ---- */

/* w'o + b, [B x cols of w]. */
static elbo_node affine(elbo_tape *tape, elbo_node o, size_t cols,
                        const double w[], double b)
{
    return elbo_tape_binary(
        tape, ELBO_ADD,
        elbo_tape_matmul(tape, o, false, borrowed(tape, NO, cols, w), false),
        elbo_tape_number(tape, b));
}

/* o m times, and x [m] beside it: [B m x NO], [B m x 1]. */
static elbo_node spread(elbo_tape *tape, elbo_node o, size_t m, const double x[],
                        elbo_node *beside)
{
    const size_t B = elbo_tape_rows(tape, o);
    const elbo_node zero =
        elbo_tape_scale(tape, elbo_tape_sum(tape, o, ELBO_ROWS), 0);
    uint32_t index[ROWS * 512 * LAB_CHOICES];

    for (size_t i = 0; i < B * m; i++) index[i] = (uint32_t)(i / m);
    *beside = elbo_tape_reshape(
        tape,
        elbo_tape_binary(tape, ELBO_ADD, zero, borrowed(tape, 1, m, x)), B * m,
        1);
    return elbo_tape_gather(tape, o, index, B * m);
}

static elbo_status choices_node(elbo_tape *tape, elbo_node o,
                                elbo_policy_nodes *out)
{
    const size_t B = elbo_tape_rows(tape, o);
    const elbo_node g = affine(tape, o, LAB_CHOICES, logit, 0);
    const elbo_node p = elbo_tape_binary(tape, ELBO_SUB, g,
                                         elbo_tape_logsumexp(tape, g));

    *out = (elbo_policy_nodes){.m = LAB_CHOICES, .dense = true};
    out->logpi = elbo_tape_reshape(tape, p, B * LAB_CHOICES, 1);
    out->share = elbo_tape_unary(tape, ELBO_EXP, out->logpi);
    spread(tape, o, LAB_CHOICES, choice, &out->u);
    return ELBO_OK;
}

static elbo_status policy_node(void *self, elbo_tape *tape, elbo_node o,
                               elbo_node noise, elbo_policy_nodes *out)
{
    static const double mean[NO] = {0.6, -0.3}, scale[NO] = {0.2, 0};
    const net_lab *const l = self;
    const bool fixed = noise == ELBO_NO_POLICY_NOISE;
    elbo_node s, x;

    if (l->choices) return choices_node(tape, o, out);
    *out = (elbo_policy_nodes){.m = fixed ? LAB_ACTIONS : 1, .dense = true};
    if (fixed) o = spread(tape, o, LAB_ACTIONS, fixed_noise, &noise);
    s = affine(tape, o, 1, scale, -0.5);
    x = elbo_tape_binary(tape, ELBO_ADD, affine(tape, o, 1, mean, 0.1),
                         elbo_tape_binary(tape, ELBO_MUL,
                                          elbo_tape_unary(tape, ELBO_EXP, s),
                                          noise));
    out->u = elbo_tape_unary(tape, ELBO_TANH, x);
    out->share = elbo_tape_number(tape, 1.0 / (double)out->m);
    out->logpi = elbo_tape_binary(
        tape, ELBO_SUB,
        elbo_tape_scale(tape, elbo_tape_unary(tape, ELBO_SQ, noise), -0.5), s);
    return ELBO_OK;
}

static elbo_status action_node(void *self, elbo_tape *tape, elbo_node o,
                               elbo_node u, elbo_node *Q)
{
    const net_lab *const l = self;
    const elbo_node first = elbo_tape_columns(tape, o, 0, 1);
    const elbo_node square =
        elbo_tape_scale(tape, elbo_tape_unary(tape, ELBO_SQ, u), 0.5);
    const elbo_node cross = elbo_tape_scale(
        tape, elbo_tape_binary(tape, ELBO_MUL, first, u), 0.3);

    *Q = elbo_tape_binary(
        tape, ELBO_ADD, value_on(l, l->b, tape, o),
        elbo_tape_binary(tape, ELBO_ADD, square, cross));
    return ELBO_OK;
}

/* Row i is what slot[i] holds. */
static elbo_node of_rows(net_lab *l, size_t cols, const double x[])
{
    return elbo_tape_gather(l->tape, borrowed(l->tape, ROWS, cols, x), l->slot,
                            ROWS);
}

/* log N(next; mean, std^2) */
static elbo_node log_density(elbo_tape *tape, const elbo_network_frame *f)
{
    const elbo_node off = elbo_tape_binary(tape, ELBO_SUB, f->next, f->mean);
    const elbo_node z = elbo_tape_binary(tape, ELBO_DIV, off, f->std);
    const elbo_node log_std = elbo_tape_unary(tape, ELBO_LOG, f->std);
    const elbo_node each = elbo_tape_binary(
        tape, ELBO_ADD,
        elbo_tape_scale(tape, elbo_tape_unary(tape, ELBO_SQ, z), 0.5), log_std);
    const elbo_node level =
        elbo_tape_number(tape, NO * 0.5 * log(2 * acos(-1)));
    const elbo_node sum = elbo_tape_sum(tape, each, ELBO_ROWS);

    return elbo_tape_unary(tape, ELBO_NEG,
                           elbo_tape_binary(tape, ELBO_ADD, sum, level));
}

static elbo_status step(const void *model, const void *of, elbo_tape *tape,
                        size_t rows, elbo_node o, elbo_node u,
                        elbo_network_step *out)
{
    const net_lab *const l = model;
    const elbo_node zero =
        elbo_tape_scale(tape, elbo_tape_sum(tape, o, ELBO_ROWS), 0);
    const elbo_node one = elbo_tape_binary(tape, ELBO_ADD, zero,
                                           elbo_tape_number(tape, 1));
    const elbo_node z = elbo_tape_join(tape, elbo_tape_join(tape, o, u), one);

    (void)of, (void)rows;
    out->mean = elbo_tape_unary(tape, ELBO_TANH,
                                elbo_tape_matmul(tape, z, false, l->W, false));
    out->std = elbo_tape_unary(tape, ELBO_EXP,
                               elbo_tape_matmul(tape, one, false, l->v, false));
    out->rhat = elbo_tape_sum(tape, out->mean, ELBO_ROWS);
    return ELBO_OK;
}

static void make_member(net_lab *l, elbo_network_frame *f)
{
    elbo_network_step here;

    l->W = elbo_tape_input(l->tape, NZ, NO);
    l->v = elbo_tape_input(l->tape, 1, NO);
    f->member = f->pays = true;
    f->certain = l->certain;
    step(l, NULL, l->tape, ROWS, f->o, f->u, &here);
    f->mean = here.mean;
    f->std = here.std;
    f->rhat = here.rhat;
    f->step = step;
    f->model = l;
    f->logp = log_density(l->tape, f);
}

elbo_status net_lab_compile(net_lab *l, const char *text, size_t *column)
{
    const elbo_scope scope = {.coordinates = true, .factors = net_lab_factors};
    elbo_network_frame f = {
        .rows = ROWS, .no = NO, .nu = NU, .gamma = l->gamma};

    l->arena = elbo_arena_alloc(1 << 14);
    l->tape = elbo_tape_alloc(ELBO_F64);
    if (!l->arena || !l->tape) return ELBO_FAIL(ELBO_ENOMEM, "a laboratory");
    ELBO_TRY(elbo_expression_parse(text, l->arena, &l->expr, column));
    ELBO_TRY(elbo_expression_check(l->expr, &scope, column, NULL));
    f.tape = l->tape;
    f.o = of_rows(l, NO, l->o);
    f.u = of_rows(l, NU, l->u);
    f.reward = of_rows(l, 1, l->r);
    f.next = of_rows(l, NO, l->next);
    f.end = of_rows(l, 1, l->end);
    make_member(l, &f);
    for (size_t i = 0; i < ELBO_NETWORK_TABLES; i++) f.has[i] = true;
    f.value = value_node;
    f.target = target_node;
    f.action_value = action_node;
    f.policy = policy_node;
    f.policy_noise = l->choices ? 0 : NU;
    f.control = l;
    ELBO_TRY(elbo_network_alloc(l->expr, &f, &l->program, column));
    l->total = elbo_tape_sum(l->tape, elbo_network_value(l->program), ELBO_ALL);
    ELBO_TRY(elbo_tape_finish(l->tape));
    l->rows =
        (elbo_network_rows){.slot = l->slot, .n = ROWS, .weight = l->weight};
    for (size_t i = 0; i < ELBO_NETWORK_TABLES; i++)
        l->rows.table[i] = l->table[i];
    for (size_t i = 0; i < ELBO_NETWORK_FACTORS; i++)
        l->rows.factor[i] = l->factor[i];
    return ELBO_OK;
}

void net_lab_bind(net_lab *l, elbo_rng *rng)
{
    elbo_network_bind(l->program, &l->rows, rng);
}

/* By slot. */
void net_lab_values(net_lab *l, double out[ROWS])
{
    double rows[ROWS];

    elbo_tape_set(l->tape, l->W, l->theta);
    elbo_tape_set(l->tape, l->v, l->theta + NZ * NO);
    elbo_tape_forward(l->tape);
    elbo_tape_get(l->tape, elbo_network_value(l->program), rows);
    for (size_t i = 0; i < ROWS; i++) out[l->slot[i]] = rows[i];
}

void net_lab_gradient(net_lab *l, double out[NTHETA])
{
    elbo_tape_backward(l->tape, l->total);
    elbo_tape_gradient(l->tape, l->W, out);
    elbo_tape_gradient(l->tape, l->v, out + NZ * NO);
}

void net_lab_close(net_lab *l)
{
    elbo_network_free(l->program);
    elbo_tape_free(l->tape);
    elbo_arena_free(l->arena);
    l->program = NULL;
    l->tape = NULL;
    l->arena = NULL;
}

/* control/actor_critic_update.c -- one E-step.
 *
 * Parts that threads share are tasks of equal work: the blocks of a batch's
 * rows, times the critics where each has its own loss.
 */
#include <inttypes.h>
#include <math.h>

#include "control/actor_critic.h"
#include "inference/core/parallel.h"

static const double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8; /* Adam's */

/* A rough number of operations of one pass over a batch. */
static size_t work(const elbo_actor_critic *s)
{
    return 2 * s->batch.rows * (s->actor.n + s->critic[0].n);
}

/* What is done at every n'th update. */
static bool due(const elbo_actor_critic *s, size_t n)
{
    return (s->updates + 1) % n == 0;
}

void elbo_actor_critic_share(size_t tasks, size_t cost, void *arg,
                             void (*body)(void *arg, size_t first, size_t last))
{
    if (tasks == 1)
        body(arg, 0, 1);
    else
        elbo_parallel_rows(tasks, cost, arg, body);
}

/* y = r + gamma (1 - end) V'(next), V' by the target critics. */
static void aim(void *arg, size_t first, size_t last)
{
    elbo_actor_critic *const s = arg;
    const elbo_minibatch *const batch = &s->batch;

    for (size_t b = first; b < last; b++) {
        elbo_tape *const tape = s->block[b].target;

        elbo_tape_forward(tape);

        const float *const V =
            elbo_tape_value_f32(tape, s->block[b].target_nodes.V);

        for (size_t i = batch->first[b]; i < batch->first[b + 1]; i++)
            s->y[i] =
                batch->reward[i]
                + (float)s->gamma * batch->going[i] * V[i - batch->first[b]];
    }
}

static void criticise(void *arg, size_t first, size_t last)
{
    elbo_actor_critic *const s = arg;

    for (size_t i = first; i < last; i++) {
        const size_t k = i % s->shape.critics, b = i / s->shape.critics;
        elbo_tape *const tape = s->block[b].critic[k];

        elbo_tape_forward(tape);
        elbo_tape_backward(tape, s->block[b].critic_nodes[k].loss);
    }
}

static void act_better(void *arg, size_t first, size_t last)
{
    elbo_actor_critic *const s = arg;

    for (size_t b = first; b < last; b++) {
        elbo_tape_forward(s->block[b].actor);
        elbo_tape_backward(s->block[b].actor, s->block[b].actor_loss);
    }
}

static double scalar(const elbo_tape *tape, elbo_node x)
{
    return (double)*elbo_tape_value_f32(tape, x);
}

static double sum_of(const float x[], size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += (double)x[i];
    return sum;
}

/* The critics' losses, and what is told of their values. */
static void tally_critics(elbo_actor_critic *s, double loss[])
{
    const elbo_minibatch *const batch = &s->batch;
    double q = 0, total = 0;

    for (size_t k = 0; k < s->shape.critics; k++) {
        loss[k] = 0;
        for (size_t b = 0; b < batch->blocks; b++) {
            const elbo_tape *const tape = s->block[b].critic[k];
            const elbo_critic_nodes *const nodes = &s->block[b].critic_nodes[k];
            const float *const value = elbo_tape_value_f32(tape, nodes->q);
            const size_t rows = batch->first[b + 1] - batch->first[b];

            loss[k] += scalar(tape, nodes->loss);
            q += sum_of(value, rows);
            for (size_t i = 0; i < rows; i++)
                s->tally.largest_q =
                    fmax(s->tally.largest_q, fabs((double)value[i]));
        }
        total += loss[k];
    }
    s->tally.critic_loss += total / (double)s->shape.critics;
    s->tally.q += q / (double)(batch->rows * s->shape.critics);
}

/* Steps of the critics, each on a thread. */
typedef struct steps {
    elbo_actor_critic *s;
    double loss[ELBO_CRITICS];
    elbo_status status[ELBO_CRITICS];
    elbo_error error[ELBO_CRITICS];
} steps;

static void step_critics(void *arg, size_t first, size_t last)
{
    steps *const a = arg;
    elbo_actor_critic *const s = a->s;

    for (size_t k = first; k < last; k++) {
        a->status[k] =
            elbo_learner_step(&s->critic[k], s->name, s->updates, a->loss[k]);
        if (a->status[k] != ELBO_OK)
            a->error[k] = *elbo_last_error();
        else if (due(s, s->interval))
            elbo_learner_follow(&s->critic[k], s->tau);
    }
}

static elbo_status learn_critics(elbo_actor_critic *s)
{
    const size_t K = s->shape.critics;
    steps a = {.s = s};

    elbo_actor_critic_share(s->batch.blocks * K, 3 * work(s), s, criticise);
    tally_critics(s, a.loss);
    elbo_actor_critic_share(K, 8 * K * s->critic[0].n, &a, step_critics);
    for (size_t k = 0; k < K; k++)
        if (a.status[k] != ELBO_OK) {
            elbo_error_restore(&a.error[k]);
            return a.status[k];
        }
    return ELBO_OK;
}

/* By the critics, at the batch's own observations. */
static elbo_status aim_actor(elbo_actor_critic *s, elbo_rng *rng, double *loss,
                             double *kl)
{
    const elbo_minibatch *const batch = &s->batch;

    (void)rng; /* the noise is drawn */
    elbo_actor_critic_share(batch->blocks, 3 * work(s), s, act_better);
    for (size_t b = 0; b < batch->blocks; b++) {
        const elbo_actor_critic_block *const block = &s->block[b];

        *loss += scalar(block->actor, block->actor_loss);
        *kl += sum_of(elbo_tape_value_f32(block->actor, block->actor_nodes.kl),
                      batch->first[b + 1] - batch->first[b]);
    }
    *kl /= (double)batch->rows;
    return ELBO_OK;
}

/* *kl is the batch's mean of log pi/pi0. */
static elbo_status learn_actor(elbo_actor_critic *s, elbo_rng *rng, double *kl)
{
    double loss = 0;

    *kl = 0;
    ELBO_TRY((s->aim_actor ? s->aim_actor : aim_actor)(s, rng, &loss, kl));
    ELBO_TRY(elbo_learner_step(&s->actor, s->name, s->updates, loss));
    if (s->actor.target && due(s, s->interval))
        elbo_learner_follow(&s->actor, s->tau);
    return ELBO_OK;
}

double elbo_temperature_loss(double log_alpha, double entropy, double target,
                             double *slope)
{
    return *slope = exp(log_alpha) * (entropy - target);
}

/* Adam on log alpha: alpha falls while the policy is more random than asked. */
static elbo_status learn_temperature(elbo_actor_critic *s, double kl)
{
    const double t = (double)(s->updates + 1), last = s->log_alpha;
    double slope;

    elbo_temperature_loss(s->log_alpha, elbo_soft_entropy(&s->shape, kl),
                          s->target_entropy, &slope);
    s->m = beta1 * s->m + (1 - beta1) * slope;
    s->v = beta2 * s->v + (1 - beta2) * slope * slope;
    s->log_alpha -= s->rate * s->m / (1 - pow(beta1, t))
                    / (sqrt(s->v / (1 - pow(beta2, t))) + epsilon);
    s->alpha = (float)exp(s->log_alpha);
    if (!isfinite(s->alpha) || !(s->alpha > 0))
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "%s: the temperature is %g at update %" PRIu64
                         ", after %g",
                         s->name, (double)s->alpha, s->updates, exp(last));
    return ELBO_OK;
}

/* Of the actions in the targets, then of those that are improved. */
static void draw_noise(elbo_actor_critic *s, elbo_rng *rng)
{
    const size_t n = s->batch.rows * s->batch.nu;
    const float scale = (float)s->smoothing, most = (float)s->smoothing_clip;

    if (s->shape.choices || (s->shape.hard && !(scale > 0))) return;
    elbo_minibatch_noise(rng, n, s->noise_next);
    if (!s->shape.hard) elbo_minibatch_noise(rng, n, s->noise);
    for (size_t i = 0; i < n && s->shape.hard; i++)
        s->noise_next[i] = fminf(fmaxf(scale * s->noise_next[i], -most), most);
}

/* Of the slow critics' softmax where the batch's transitions led: there is no other
 * policy to ask. */
static double kl_of_targets(const elbo_actor_critic *s)
{
    double kl = 0;

    for (size_t b = 0; b < s->batch.blocks; b++)
        kl += sum_of(elbo_tape_value_f32(s->block[b].target,
                                         s->block[b].target_nodes.kl),
                     s->batch.first[b + 1] - s->batch.first[b]);
    return kl / (double)s->batch.rows;
}

static elbo_status update(elbo_actor_critic *s, const elbo_task_estep *estep)
{
    elbo_rng rng = elbo_rng_stream(s->seed, "control update", s->updates);
    double kl = 0;

    ELBO_TRY(elbo_minibatch_draw(&s->batch, estep, &rng));
    draw_noise(s, &rng);
    elbo_actor_critic_share(s->batch.blocks, work(s), s, aim);
    ELBO_TRY(learn_critics(s));
    if (s->shape.softmax)
        kl = kl_of_targets(s);
    else if (due(s, s->delay))
        ELBO_TRY(learn_actor(s, &rng, &kl));
    if (s->tune) ELBO_TRY(learn_temperature(s, kl));
    s->tally.kl += kl;
    s->largest_kl = fmax(s->largest_kl, fabs(kl));
    s->tally.updates++;
    s->updates++;
    return ELBO_OK;
}

elbo_status elbo_actor_critic_improve(void *self, const elbo_task_estep *estep,
                                      elbo_arena *ws)
{
    elbo_actor_critic *const s = self;

    (void)ws;
    if (estep->updates) s->tally = (elbo_actor_critic_tally){0};
    for (size_t i = 0; i < estep->updates; i++) ELBO_TRY(update(s, estep));
    elbo_actor_critic_value_refresh(s);
    return ELBO_OK;
}

/* tests/engine_cases.h -- experiments and problems as lines of text. */
#ifndef ELBO_ENGINE_CASES_H
#define ELBO_ENGINE_CASES_H

#include "inference/engine.h"

/* Settings as "name=text name=text"; NULL: all defaults. */
typedef struct case_text {
    const char *env, *env_own, *env_common;
    const char *model, *model_own;
    const char *control, *control_own, *control_common;
    const char *inference, *data, *evaluation;
} case_text;

typedef struct case_setup {
    elbo_arena *arena;
    elbo_setup setup;
    elbo_values env_own, env_common, model_own, control_own, control_common;
    elbo_values inference, data, evaluation;
} case_setup;

/* A small run of SAC in an ensemble on the pendulum. */
case_text case_sac(const char *control_common, const char *inference);

/* Fails the test unless all of it can be parsed. */
void case_open(case_setup *c, const case_text *text);
/* The same on a small garnet, unless the text names a world. */
void case_open_small(case_setup *c, const case_text *text);
void case_close(case_setup *c);

/* Its engine with seed 3: case_open_small, and case_close. */
typedef struct case_engine {
    case_setup setup;
    elbo_engine *engine;
} case_engine;
void case_engine_open(case_engine *x, const case_text *text);
void case_engine_close(case_engine *x);

/* The check blames that setting first. */
void case_refused(const case_text *text, const char *section, const char *key);

/* A checked engine of the setup; and the end of both. */
elbo_engine *case_start(case_setup *c, const case_text *text, uint64_t seed);
void case_stop(case_setup *c, elbo_engine *engine);

/* The state of `from` into `to`, by a file. */
void case_carry(const elbo_engine *from, elbo_engine *to);
/* Five rows, and the fifth of a run that was saved after three into a new engine:
 * equal, bit by bit. */
void case_resumes(const case_text *text, uint64_t seed);
/* The row after so many iterations is the same on one, two and four threads. */
void case_threads(const case_text *text, uint64_t seed, int iterations);

/* A new file with this text; `path` ends in XXXXXX and gets its name. */
void case_file(char path[], const char *text);

/* The parts of an E-step on a garnet, without an engine. */
typedef struct case_problem {
    elbo_arena *arena;
    elbo_world world;
    elbo_mdp truth;
    uint8_t *known;
    elbo_model_context context;
    elbo_values values;
} case_problem;

/* Instance number `instance` of the garnet with these options, discount and
 * horizon. */
void case_garnet(case_problem *c, const char *options, unsigned instance,
                 double gamma, size_t horizon);
/* A model of that world, in its arena. */
elbo_belief case_model(case_problem *c, const char *name, const char *options);
/* `transition` as text, control.kl step. */
elbo_problem case_control(case_problem *c, elbo_kernel P,
                          const char *transition, double alpha);
/* About `total` random counts on the pattern of P, of the world's own kernel.
 */
double *case_counts(case_problem *c, const elbo_pattern *pattern, unsigned seed,
                    size_t total);
/* A posterior with a random policy, prior and q (where the slot has one). */
elbo_posterior case_posterior(case_problem *c, const elbo_problem *problem,
                              unsigned seed);
void case_garnet_close(case_problem *c);

/* ck_assert on a status, with the last error's text. */
#define case_ok(call)                                                          \
    do {                                                                       \
        const elbo_status case_s_ = (call);                                    \
        ck_assert_msg(case_s_ == ELBO_OK, "%s: %s: %s", #call,                 \
                      elbo_status_text(case_s_), elbo_last_error()->text);     \
    } while (0)

/* `call` fails with `status` and a text that holds `part`. */
#define case_fails(call, status, part)                                         \
    do {                                                                       \
        const elbo_status case_s_ = (call);                                    \
        ck_assert_msg(case_s_ == (status), "%s: %s", #call,                    \
                      elbo_status_text(case_s_));                              \
        ck_assert_msg(strstr(elbo_last_error()->text, part) != NULL,           \
                      "\"%s\" is not in \"%s\"", part,                         \
                      elbo_last_error()->text);                                \
    } while (0)

#endif

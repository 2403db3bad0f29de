#include "tests/engine_cases.h"

#include <check.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void values(elbo_values *out, const elbo_option *options,
                   const char *text, elbo_arena *arena)
{
    case_ok(elbo_values_init(out, options, arena));
    if (text) case_ok(elbo_values_parse(out, text));
}

case_text case_sac(const char *control_common, const char *inference)
{
    return (case_text){
        .env = "Pendulum-v1",
        .env_common = "horizon=20",
        .model = "ensemble",
        .model_own = "members=3 elites=2 layers=1 width=8 epochs=2 batch=32",
        .control = "sac",
        .control_own = "width=16 layers=1 batch=16 value_samples=2",
        .control_common = control_common,
        .inference = inference,
        .data = "mode=online policy=current steps=40 initial=40 streams=2",
        .evaluation = "episodes=2",
    };
}

void case_open(case_setup *c, const case_text *text)
{
    const elbo_env *env = elbo_env_find(text->env ? text->env : "garnet");
    const elbo_model *model =
        elbo_model_find(text->model ? text->model : "tabular");
    const elbo_control *control = elbo_control_find(
        text->control ? text->control : "soft_value_iteration");
    elbo_arena *arena = c->arena = elbo_arena_alloc(1 << 14);

    ck_assert(arena && env && model && control);
    values(&c->env_own, env->options, text->env_own, arena);
    values(&c->env_common, elbo_env_options, text->env_common, arena);
    values(&c->model_own, model->options, text->model_own, arena);
    values(&c->control_own, control->options, text->control_own, arena);
    values(&c->control_common, elbo_control_options, text->control_common,
           arena);
    values(&c->inference, elbo_inference_options, text->inference, arena);
    values(&c->data, elbo_data_options, text->data, arena);
    values(&c->evaluation, elbo_evaluation_options, text->evaluation,
           arena);
    c->setup = (elbo_setup){
        .env = env,
        .model = model,
        .control = control,
        .env_own = &c->env_own,
        .env_common = &c->env_common,
        .model_own = &c->model_own,
        .control_own = &c->control_own,
        .control_common = &c->control_common,
        .inference = &c->inference,
        .data = &c->data,
        .evaluation = &c->evaluation,
    };
}

static const char *const small_world =
    "states=7 actions=3 branching=3 reward=action reward_law=uniform";

void case_open_small(case_setup *c, const case_text *given)
{
    case_text text = *given;

    if (!text.env && !text.env_own) text.env_own = small_world;
    case_open(c, &text);
}

void case_engine_open(case_engine *x, const case_text *text)
{
    case_open_small(&x->setup, text);
    case_ok(elbo_engine_open(&x->setup.setup, 3, &x->engine));
}

void case_engine_close(case_engine *x)
{
    elbo_engine_free(x->engine);
    case_close(&x->setup);
}

void case_file(char path[], const char *text)
{
    const int fd = mkstemp(path);

    ck_assert(fd >= 0);
    ck_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

void case_refused(const case_text *text, const char *section, const char *key)
{
    const char *at, *what;
    case_setup c;

    case_open(&c, text);
    ck_assert_int_eq(elbo_setup_check(&c.setup, 0, &at, &what), ELBO_ECONFIG);
    ck_assert_str_eq(at, section);
    ck_assert_str_eq(what, key);
    case_close(&c);
}

elbo_engine *case_start(case_setup *c, const case_text *text, uint64_t seed)
{
    const char *section, *key;
    elbo_engine *engine;

    case_open(c, text);
    case_ok(elbo_setup_check(&c->setup, 0, &section, &key));
    case_ok(elbo_engine_open(&c->setup, seed, &engine));
    return engine;
}

void case_stop(case_setup *c, elbo_engine *engine)
{
    elbo_engine_free(engine);
    case_close(c);
}

static void iterate(elbo_engine *engine, int n, elbo_row *row)
{
    for (int k = 0; k < n; k++) case_ok(elbo_engine_iterate(engine, row));
}

void case_carry(const elbo_engine *from, elbo_engine *to)
{
    char path[] = "/tmp/elbo-case-XXXXXX";
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in;

    case_file(path, "");
    elbo_engine_save(from, out);
    case_ok(elbo_writer_commit(out, path));
    case_ok(elbo_reader_open(path, &in));
    case_ok(elbo_engine_load(to, in));
    elbo_reader_free(in);
    elbo_writer_free(out);
    unlink(path);
}

void case_resumes(const case_text *text, uint64_t seed)
{
    double a[ELBO_ROW_COLUMNS], b[ELBO_ROW_COLUMNS];
    case_setup one, two, three;
    elbo_engine *whole = case_start(&one, text, seed);
    elbo_engine *half = case_start(&two, text, seed);
    elbo_engine *rest = case_start(&three, text, seed);
    elbo_row x, y;

    iterate(whole, 5, &x);
    iterate(half, 3, &y);
    case_carry(half, rest);
    iterate(rest, 2, &y);

    const size_t n = elbo_row_values(&x, elbo_engine_optimality(whole), a);

    ck_assert_uint_eq(elbo_row_values(&y, elbo_engine_optimality(rest), b), n);
    ck_assert(memcmp(a, b, n * sizeof *a) == 0);
    case_stop(&one, whole);
    case_stop(&two, half);
    case_stop(&three, rest);
}

void case_close(case_setup *c)
{
    elbo_arena_free(c->arena);
}

static void mark_known(case_problem *c)
{
    const elbo_mdp *mdp = &c->truth;
    const size_t rows = mdp->nS * mdp->nA;

    c->known = elbo_arena_take(c->arena, rows, 1);
    for (size_t row = 0; row < rows; row++) {
        const size_t end = elbo_entry(mdp->P.pattern, row, mdp->nS);

        c->known[row] = end != (size_t)-1 && mdp->P.prob[end] > 1 - 1e-15;
    }
}

void case_garnet(case_problem *c, const char *options, unsigned instance,
                 double gamma, size_t horizon)
{
    const elbo_env *env = elbo_env_find("garnet");
    char text[200];

    ck_assert(env != NULL);
    c->arena = elbo_arena_alloc(1 << 14);
    ck_assert(c->arena != NULL);
    snprintf(text, sizeof text, "%s instance=%u", options, instance);
    values(&c->values, env->options, text, c->arena);
    case_ok(env->open(&c->values, NULL, c->arena, &c->world));
    c->world.env = env;
    case_ok(elbo_world_mdp(&c->world, gamma, horizon, c->arena, &c->truth));
    mark_known(c);
    c->context = (elbo_model_context){.world = &c->world,
                                      .mdp = &c->truth,
                                      .known = c->known,
                                      .seed = instance};
}

elbo_belief case_model(case_problem *c, const char *name, const char *options)
{
    const elbo_model *model = elbo_model_find(name);
    elbo_belief belief = {.model = model};
    elbo_values own;

    ck_assert(model != NULL);
    values(&own, model->options, options, c->arena);
    case_ok(model->open(&own, &c->context, c->arena, &belief));
    return belief;
}

elbo_problem case_control(case_problem *c, elbo_kernel P,
                          const char *transition, double alpha)
{
    elbo_problem problem = {
        .mdp = c->truth, .alpha = alpha, .tolerance = 1e-12, .sweeps = 100000};

    case_ok(elbo_transition_parse(transition, ELBO_KL_STEP, c->truth.gamma,
                                  c->arena, &problem.tilt, NULL, NULL));
    problem.mdp.P = P;
    return problem;
}

double *case_counts(case_problem *c, const elbo_pattern *pattern, unsigned seed,
                    size_t total)
{
    elbo_rng rng = elbo_rng_stream(seed, "test counts", 0);
    double *C = elbo_arena_doubles(c->arena, pattern->nnz);
    elbo_outcome *scratch =
        elbo_arena_take(c->arena, c->world.most, sizeof *scratch);

    ck_assert(elbo_arena_ok(c->arena));
    memset(C, 0, pattern->nnz * sizeof *C);
    for (size_t i = 0; i < total; i++) {
        const size_t s = elbo_rng_below(&rng, c->world.nS);
        const size_t a = elbo_rng_below(&rng, c->world.nA);
        const elbo_outcome x = elbo_world_step(&c->world, s, a, &rng, scratch);

        C[elbo_entry(pattern, s * c->world.nA + a,
                     x.terminal ? c->world.nS : x.next)] += 1;
    }
    return C;
}

elbo_posterior case_posterior(case_problem *c, const elbo_problem *problem,
                              unsigned seed)
{
    elbo_rng rng = elbo_rng_stream(seed, "test posterior", 0);
    elbo_posterior post;

    case_ok(elbo_posterior_init(&post, problem, c->arena));

    const size_t rows = post.stages * post.nS * post.nA, nA = post.nA;

    for (size_t s = 0; s < rows; s += nA) {
        double sum = 0, sum0 = 0;

        for (size_t a = 0; a < nA; a++) {
            sum += post.pi[s + a] = elbo_rng_uniform(&rng) + 0.01;
            sum0 += post.pi0[s + a] = elbo_rng_uniform(&rng) + 0.01;
        }
        for (size_t a = 0; a < nA; a++) {
            post.pi[s + a] /= sum;
            post.pi0[s + a] /= sum0;
        }
    }
    for (size_t i = 0; i < post.stages; i++)
        for (size_t s = 0; s < post.nS; s++)
            post.V[i * (post.nS + 1) + s] = 2 * elbo_rng_uniform(&rng);
    elbo_posterior_tilt(problem, &post);
    return post;
}

void case_garnet_close(case_problem *c)
{
    elbo_arena_free(c->arena);
}

void case_threads(const case_text *text, uint64_t seed, int iterations)
{
    const int threads = omp_get_max_threads(), some[] = {1, 2, 4};
    double x[3][ELBO_ROW_COLUMNS];
    size_t n = 0;

    for (int k = 0; k < 3; k++) {
        case_setup c;
        elbo_row row;

        omp_set_num_threads(some[k]);

        elbo_engine *e = case_start(&c, text, seed);

        for (int i = 0; i < iterations; i++)
            case_ok(elbo_engine_iterate(e, &row));
        n = elbo_row_values(&row, ELBO_EXPONENTIAL, x[k]);
        case_stop(&c, e);
    }
    omp_set_num_threads(threads);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(memcmp(&x[0][i], &x[1][i], sizeof x[0][i]) == 0
                          && memcmp(&x[0][i], &x[2][i], sizeof x[0][i]) == 0,
                      "column %zu: %g %g %g", i, x[0][i], x[1][i], x[2][i]);
}

/* envs/wrap_distractors.c -- observations that nothing depends on.
 *
 *   white      d ~ N(0, 1) at each observation (Nikishin et al. 2022)
 *   ar1        d' = rho d + sqrt(1 - rho^2) e, e and the first d ~ N(0, 1)
 *   chaotic    y = W d, d' = y + 0.1 sin(O y), and where |d'_i| > 20 it is c_i;
 *              W, c ~ N(0, 1) and O ~ N(0, 10^2) squared, entry by entry; the
 * first d is one such step from N(0, 0.1^2) (Voelcker et al. 2022) decaying d'
 * = decay d from eta ~ U(-1, 1) (Abachi et al. 2020) redundant  cos o, sin o, M
 * o of the task's own observations o, as many of them as are asked for in this
 * order; M ~ U(0, 1) (Abachi et al. 2020)
 *
 * W, c, O, eta and M belong to the world: they are drawn once from the run's
 * seed, so that data and evaluations see the same ones.
 */
#include <math.h>
#include <string.h>

#include "envs/registry.h"
#include "envs/sincos.h"

static const elbo_option options[] = {
    {.name = "kind",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "white|ar1|chaotic|decaying|redundant",
     .doc = "white noise, an AR(1) process, a chaotic map, a decay, functions "
            "of the "
            "other observations"},
    {.name = "n",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 200,
     .doc = "how many"},
    {.name = "rho",
     .type = ELBO_REAL,
     .unit = "",
     .low = -1,
     .high = 1,
     .fallback = "0.95",
     .doc = "of ar1: correlation of neighbours in time"},
    {.name = "decay",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.992",
     .doc = "of decaying: what stays of it a step"},
    {0                 },
};

typedef struct distracted distracted;

typedef struct kind {
    const char *name;
    /* What is drawn once, or NULL. */
    elbo_status (*define)(distracted *w, elbo_rng *rng, elbo_arena *arena);
    /* Those that are states: the first d [n], and the next. */
    void (*start)(const distracted *w, elbo_rng *rng, double d[]);
    void (*advance)(const distracted *w, const double d[], elbo_rng *rng,
                    double next[]);
    /* Those that are not: from the other observations. */
    void (*show)(const distracted *w, const float o[], elbo_rng *rng,
                 float d[]);
} kind;

struct distracted {
    elbo_task_world inner;
    const kind *kind;
    size_t n;
    double rho, decay;
    double *W, *O, *c; /* [n x n], [n x n], [n]; decaying: c is eta; redundant:
                          W is M [no x no] */
};

static double *draw_normals(elbo_rng *rng, size_t n, elbo_arena *arena)
{
    double *const x = elbo_arena_doubles(arena, n);

    if (x) elbo_rng_normals(rng, x, n);
    return x;
}

static double *draw_uniforms(elbo_rng *rng, size_t n, double low, double high,
                             elbo_arena *arena)
{
    double *const x = elbo_arena_doubles(arena, n);

    for (size_t i = 0; x && i < n; i++)
        x[i] = low + (high - low) * elbo_rng_uniform(rng);
    return x;
}

static void white(const distracted *w, const float o[], elbo_rng *rng,
                  float d[])
{
    double z[ELBO_TASK_WIDEST];

    (void)o;
    elbo_rng_normals(rng, z, w->n);
    for (size_t i = 0; i < w->n; i++) d[i] = (float)z[i];
}

static void ar1_start(const distracted *w, elbo_rng *rng, double d[])
{
    elbo_rng_normals(rng, d, w->n);
}

static void ar1_advance(const distracted *w, const double d[], elbo_rng *rng,
                        double next[])
{
    const double fresh = sqrt(1 - w->rho * w->rho);

    elbo_rng_normals(rng, next, w->n);
    for (size_t i = 0; i < w->n; i++) next[i] = w->rho * d[i] + fresh * next[i];
}

static elbo_status chaotic_define(distracted *w, elbo_rng *rng,
                                  elbo_arena *arena)
{
    const size_t n = w->n;

    w->W = draw_normals(rng, n * n, arena);
    w->O = draw_normals(rng, n * n, arena);
    w->c = draw_normals(rng, n, arena);
    for (size_t i = 0; w->O && i < n * n; i++) w->O[i] *= 100 * w->O[i];
    return elbo_arena_check(arena, "distractors");
}

static void chaotic_advance(const distracted *w, const double d[],
                            elbo_rng *rng, double next[])
{
    static const double far = 20;
    const size_t n = w->n;
    double y[ELBO_TASK_WIDEST];

    (void)rng;
    for (size_t i = 0; i < n; i++) {
        y[i] = 0;
        for (size_t j = 0; j < n; j++) y[i] += w->W[i * n + j] * d[j];
    }
    for (size_t i = 0; i < n; i++) {
        double angle = 0, s, c;

        for (size_t j = 0; j < n; j++) angle += w->O[i * n + j] * y[j];
        elbo_sincos(angle, &s, &c);
        next[i] = y[i] + 0.1 * s;
        if (fabs(next[i]) > far) next[i] = w->c[i];
    }
}

static void chaotic_start(const distracted *w, elbo_rng *rng, double d[])
{
    double first[ELBO_TASK_WIDEST];

    elbo_rng_normals(rng, first, w->n);
    for (size_t i = 0; i < w->n; i++) first[i] *= 0.1;
    chaotic_advance(w, first, rng, d);
}

static elbo_status decaying_define(distracted *w, elbo_rng *rng,
                                   elbo_arena *arena)
{
    w->c = draw_uniforms(rng, w->n, -1, 1, arena);
    return elbo_arena_check(arena, "distractors");
}

static void decaying_start(const distracted *w, elbo_rng *rng, double d[])
{
    (void)rng;
    memcpy(d, w->c, w->n * sizeof *d);
}

static void decaying_advance(const distracted *w, const double d[],
                             elbo_rng *rng, double next[])
{
    (void)rng;
    for (size_t i = 0; i < w->n; i++) next[i] = w->decay * d[i];
}

static elbo_status redundant_define(distracted *w, elbo_rng *rng,
                                    elbo_arena *arena)
{
    const size_t no = w->inner.no;

    if (w->n > 3 * no)
        return ELBO_FAIL(
            ELBO_EINVAL,
            "distractors: %zu observations have %zu redundant ones, "
            "not %zu: cosines, sines and mixtures",
            no, 3 * no, w->n);
    w->W = draw_uniforms(rng, no * no, 0, 1, arena);
    return elbo_arena_check(arena, "distractors");
}

static double mixture(const distracted *w, const float o[], size_t i)
{
    double sum = 0;

    for (size_t k = 0; k < w->inner.no; k++)
        sum += w->W[i * w->inner.no + k] * (double)o[k];
    return sum;
}

static void redundant(const distracted *w, const float o[], elbo_rng *rng,
                      float d[])
{
    const size_t no = w->inner.no;

    (void)rng;
    for (size_t i = 0; i < w->n; i++) {
        double s, c;

        elbo_sincos((double)o[i % no], &s, &c);
        d[i] = (float)(i < no ? c : i < 2 * no ? s : mixture(w, o, i - 2 * no));
    }
}

/* clang-format off */
static const kind kinds[] = {
    {.name = "white", .show = white},
    {.name = "ar1", .start = ar1_start, .advance = ar1_advance},
    {.name = "chaotic", .define = chaotic_define, .start = chaotic_start,
     .advance = chaotic_advance},
    {.name = "decaying", .define = decaying_define, .start = decaying_start,
     .advance = decaying_advance},
    {.name = "redundant", .define = redundant_define, .show = redundant},
};
/* clang-format on */

/* ---- the task around them ---- */

static void reset(const void *self, size_t n, elbo_rng rng[], double x[])
{
    const distracted *const w = self;
    double *const kept = &x[w->inner.nx * n], d[ELBO_TASK_WIDEST];

    w->inner.task->reset(w->inner.self, n, rng, x);
    for (size_t j = 0; w->kind->start && j < n; j++) {
        w->kind->start(w, &rng[j], d);
        for (size_t i = 0; i < w->n; i++) kept[i * n + j] = d[i];
    }
}

static void step(const void *self, size_t n, const double x[], const double a[],
                 elbo_rng rng[], double next[], double reward[],
                 uint8_t terminal[])
{
    const distracted *const w = self;
    const double *const kept = &x[w->inner.nx * n];
    double *const then = &next[w->inner.nx * n];
    double d[ELBO_TASK_WIDEST], e[ELBO_TASK_WIDEST];

    w->inner.task->step(w->inner.self, n, x, a, rng, next, reward, terminal);
    for (size_t j = 0; w->kind->advance && j < n; j++) {
        for (size_t i = 0; i < w->n; i++) d[i] = kept[i * n + j];
        w->kind->advance(w, d, &rng[j], e);
        for (size_t i = 0; i < w->n; i++) then[i * n + j] = e[i];
    }
}

/* The rows of the task inside stand close together at first; they move to their
 * places from the last one on. */
static void observe(const void *self, size_t n, const double x[],
                    elbo_rng rng[], float o[])
{
    const distracted *const w = self;
    const size_t no = w->inner.no, wide = no + w->n;
    const double *const kept = &x[w->inner.nx * n];

    w->inner.task->observe(w->inner.self, n, x, rng, o);
    for (size_t j = n; j-- > 0;) {
        float *const row = &o[j * wide];

        memmove(row, &o[j * no], no * sizeof *o);
        if (w->kind->show) w->kind->show(w, row, &rng[j], &row[no]);
        for (size_t i = 0; !w->kind->show && i < w->n; i++)
            row[no + i] = (float)kept[i * n + j];
    }
}

static void state_of(const void *self, size_t n, const float o[], double x[])
{
    const distracted *const w = self;
    const size_t nx = w->inner.nx, no = w->inner.no, wide = no + w->n;
    double alone[ELBO_TASK_WIDEST];

    for (size_t j = 0; j < n; j++) {
        w->inner.task->state(w->inner.self, 1, &o[j * wide], alone);
        for (size_t i = 0; i < nx; i++) x[i * n + j] = alone[i];
        for (size_t i = 0; w->kind->advance && i < w->n; i++)
            x[(nx + i) * n + j] = (double)o[j * wide + no + i];
    }
}

/* A row of a batch serves the task inside as it is, which looks at its own
 * part. */
static void reward_of(const void *self, size_t n, const float o[],
                      const float u[], const float next[], float reward[])
{
    const distracted *const w = self;
    const size_t wide = w->inner.no + w->n;

    for (size_t j = 0; j < n; j++)
        w->inner.task->reward(w->inner.self, 1, &o[j * wide],
                              &u[j * w->inner.nu], &next[j * wide], &reward[j]);
}

static void terminal_of(const void *self, size_t n, const float o[],
                        const float u[], const float next[], uint8_t terminal[])
{
    const distracted *const w = self;
    const size_t wide = w->inner.no + w->n;

    for (size_t j = 0; j < n; j++)
        w->inner.task->terminal(w->inner.self, 1, &o[j * wide],
                                &u[j * w->inner.nu], &next[j * wide],
                                &terminal[j]);
}

static elbo_node reward_node(const void *self, elbo_tape *tape, elbo_node o,
                             elbo_node u, elbo_node next)
{
    const distracted *const w = self;
    const size_t no = w->inner.no;

    return w->inner.task->reward_node(w->inner.self, tape,
                                      elbo_tape_columns(tape, o, 0, no), u,
                                      elbo_tape_columns(tape, next, 0, no));
}

static const kind *find(const elbo_values *values)
{
    size_t i = 0;

    while (!elbo_choice_is(values, "kind", kinds[i].name)) i++;
    return &kinds[i];
}

/* An option that belongs to another kind. */
static elbo_status refuse(const elbo_values *values, const char *option,
                          const char *whose)
{
    const size_t i = elbo_option_find(values->options, option);

    if (!values->value[i].given || elbo_choice_is(values, "kind", whose))
        return ELBO_OK;
    return ELBO_FAIL(ELBO_EINVAL, "distractors: %s is for %s, not for %s",
                     option, whose, elbo_text(values, "kind"));
}

static elbo_status check(const elbo_values *values)
{
    ELBO_TRY(refuse(values, "rho", "ar1"));
    return refuse(values, "decay", "decaying");
}

static elbo_status wrap(const elbo_values *values, size_t place,
                        elbo_arena *arena, elbo_task_world *out)
{
    elbo_rng rng = elbo_rng_stream(out->seed, "distractors", place);
    distracted *w;
    elbo_task *task;
    void *self;

    ELBO_TRY(elbo_wrap(sizeof *w, arena, out, &self, &task));
    w = self;
    w->kind = find(values);
    w->n = (size_t)elbo_int(values, "n");
    w->rho = elbo_real(values, "rho");
    w->decay = elbo_real(values, "decay");
    if (w->kind->define) ELBO_TRY(w->kind->define(w, &rng, arena));
    out->no += w->n;
    if (w->kind->advance) out->nx += w->n;
    task->reset = reset;
    task->step = step;
    task->observe = observe;
    if (task->state) task->state = state_of;
    if (task->reward) task->reward = reward_of;
    if (task->terminal) task->terminal = terminal_of;
    if (task->reward_node) task->reward_node = reward_node;
    return ELBO_OK;
}

const elbo_wrapper elbo_wrapper_distractors = {
    .name = "distractors",
    .source =
        "Voelcker, Liao, Garg, Farahmand 2022; Abachi, Ghavamzadeh, Farahmand "
        "2020; Nikishin, Abachi, Agarwal, Bacon 2022",
    .doc = "appends n observations that nothing depends on",
    .options = options,
    .check = check,
    .wrap = wrap,
};

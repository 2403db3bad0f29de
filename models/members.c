#include "models/members.h"

#include <gsl/gsl_randist.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/parallel.h"
#include "models/support.h"

enum { TEXT_BYTES = 4096, MOST_MEMBERS = 4096 };

const char elbo_members_doc[] =
    "kernels as edits of the world's, apart by ;: world, swap(from, to, x, y), "
    "turn(from, to, first, last), random, joined by +";

/* One edit at work on one member. */
typedef struct edit {
    const elbo_model_context *context;
    const elbo_values *values;
    size_t member;
    double *p; /* [nnz], dense */
} edit;

typedef struct edit_kind {
    const char *name;
    const elbo_option *options;
    elbo_status (*apply)(const edit *e);
} edit_kind;

/* ---- the edits ---- */

#define STATE(title, text)                                                     \
    {                                                                          \
        .name = (title), .type = ELBO_INT, .unit = "", .low = 0, .high = 1e9,  \
        .doc = (text)                                                          \
    }

static const elbo_option swap_options[] = {
    STATE("from", "first state whose rows change"),
    STATE("to", "last state whose rows change"),
    STATE("x", "successor"),
    STATE("y", "successor that changes places with it"),
    {0},
};

static const elbo_option turn_options[] = {
    STATE("from", "first state whose rows change"),
    STATE("to", "last state whose rows change"),
    STATE("first", "first successor of the circle"),
    STATE("last", "last successor of the circle"),
    {0},
};

/* A state of the world by its argument's name. */
static elbo_status state_of(const edit *e, const char *name, size_t *out)
{
    *out = (size_t)elbo_int(e->values, name);
    if (*out < e->context->mdp->nS) return ELBO_OK;
    return ELBO_FAIL(ELBO_EINVAL,
                     "members: %s = %zu, but the world has %zu states", name,
                     *out, e->context->mdp->nS);
}

static void turn_rows(const edit *e, size_t from, size_t to, size_t first,
                      size_t last)
{
    const size_t nA = e->context->mdp->nA, width = e->context->mdp->nS + 1;

    for (size_t row = from * nA; row < (to + 1) * nA; row++) {
        double *const p = e->p + row * width;
        const double kept = p[last];

        if (e->context->known[row]) continue;
        for (size_t j = last; j > first; j--) p[j] = p[j - 1];
        p[first] = kept;
    }
}

static elbo_status apply_turn(const edit *e)
{
    size_t from, to, first, last;

    ELBO_TRY(state_of(e, "from", &from));
    ELBO_TRY(state_of(e, "to", &to));
    ELBO_TRY(state_of(e, "first", &first));
    ELBO_TRY(state_of(e, "last", &last));
    turn_rows(e, from, to, first, last);
    return ELBO_OK;
}

static elbo_status apply_swap(const edit *e)
{
    const size_t nA = e->context->mdp->nA, width = e->context->mdp->nS + 1;
    size_t from, to, x, y;

    ELBO_TRY(state_of(e, "from", &from));
    ELBO_TRY(state_of(e, "to", &to));
    ELBO_TRY(state_of(e, "x", &x));
    ELBO_TRY(state_of(e, "y", &y));
    for (size_t row = from * nA; row < (to + 1) * nA; row++) {
        double *const p = e->p + row * width;
        const double kept = p[x];

        if (e->context->known[row]) continue;
        p[x] = p[y];
        p[y] = kept;
    }
    return ELBO_OK;
}

static elbo_status apply_random(const edit *e)
{
    const size_t rows = e->context->mdp->nS * e->context->mdp->nA;
    const size_t width = e->context->mdp->nS + 1;
    elbo_rng rng = elbo_rng_stream(e->context->seed, "model", e->member);
    elbo_gsl_rng adaptor;
    gsl_rng *const draw = elbo_rng_gsl(&adaptor, &rng);

    for (size_t row = 0; row < rows; row++) {
        double *const p = e->p + row * width;
        double sum = 0;

        if (e->context->known[row]) continue;
        for (size_t j = 0; j < width; j++)
            sum += p[j] = gsl_ran_exponential(draw, 1);
        for (size_t j = 0; j < width; j++) p[j] /= sum;
    }
    return ELBO_OK;
}

static elbo_status apply_world(const edit *e)
{
    (void)e;
    return ELBO_OK;
}

static const edit_kind kinds[] = {
    {"world",  NULL,         apply_world },
    {"swap",   swap_options, apply_swap  },
    {"turn",   turn_options, apply_turn  },
    {"random", NULL,         apply_random},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static const edit_kind *find(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
    return NULL;
}

static const elbo_option *lookup(const char *name, bool *known,
                                 const char **nearest)
{
    const edit_kind *const kind = find(name);
    const char *names[KINDS];

    for (size_t i = 0; i < KINDS; i++) names[i] = kinds[i].name;
    *known = kind != NULL;
    if (!kind) *nearest = elbo_name_nearest(name, names, KINDS);
    return kind ? kind->options : NULL;
}

/* ---- the text ---- */

/* The edit that starts at *at, parsed; *at moves behind it, to ';', '+' or the
 * end. */
static elbo_status next_edit(const char *text, size_t *at, elbo_arena *arena,
                             const edit_kind **kind, elbo_values *values,
                             size_t *column, const char **nearest)
{
    const size_t begin = *at + strspn(text + *at, " "),
                 n = strcspn(text + begin, ";+");
    char *const piece = elbo_arena_take(arena, n + 1, 1);
    const char *name;

    ELBO_TRY(elbo_arena_check(arena, "a member's text"));
    memcpy(piece, text + begin, n);
    for (size_t k = n; k > 0 && piece[k - 1] == ' '; k--) piece[k - 1] = '\0';

    const elbo_status s = elbo_call_parse(piece, lookup, arena, &name, values,
                                          column, nearest);

    if (s != ELBO_OK) {
        if (column) *column += begin;
        return s;
    }
    *kind = find(name);
    *at = begin + n;
    return ELBO_OK;
}

static elbo_status check(const char *text, elbo_arena *arena, size_t *column,
                         const char **nearest)
{
    const edit_kind *kind;
    elbo_values values;

    for (size_t at = 0;; at++) {
        ELBO_TRY(
            next_edit(text, &at, arena, &kind, &values, column, nearest));
        if (text[at] == '\0') return ELBO_OK;
    }
}

/* The same word in memory that stays. */
static const char *lasting(const char *word)
{
    for (size_t i = 0; word && i < KINDS; i++) {
        if (strcmp(word, kinds[i].name) == 0) return kinds[i].name;
        for (const elbo_option *o = kinds[i].options; o && o->name; o++)
            if (strcmp(word, o->name) == 0) return o->name;
    }
    return NULL;
}

elbo_status elbo_members_check(const char *text, size_t *column,
                               const char **nearest)
{
    elbo_arena *const arena = elbo_arena_alloc(TEXT_BYTES);
    const char *word = NULL;

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "members: no arena");

    const elbo_status s = check(text, arena, column, &word);

    if (nearest) *nearest = lasting(word);
    elbo_arena_free(arena);
    return s;
}

static size_t count_members(const char *text)
{
    size_t n = 1;

    for (; *text; text++) n += *text == ';';
    return n;
}

/* ---- the kernels ---- */

/* The world's kernel on the dense pattern. */
static void spread_world(const elbo_kernel *truth, double p[])
{
    const size_t width = truth->pattern->nS + 1;
    const size_t rows = truth->pattern->nS * truth->pattern->nA;

    memset(p, 0, rows * width * sizeof *p);
    for (size_t row = 0; row < rows; row++)
        for (size_t i = elbo_row_begin(truth->pattern, row);
             i < elbo_row_end(truth->pattern, row); i++)
            p[row * width + elbo_successor(truth->pattern, row, i)] +=
                truth->prob[i];
}

static void add_noise(const elbo_members *m, const uint8_t known[],
                      double share)
{
    const size_t width = m->pattern->nS + 1;
    const size_t rows = m->pattern->nS * m->pattern->nA;

    for (size_t i = 0; i < m->K * rows; i++) {
        double *const p = m->prob + i * width;

        if (known[i % rows]) continue;
        for (size_t j = 0; j < width; j++)
            p[j] = (1 - share) * p[j] + share / (double)width;
    }
}

static elbo_status read_members(const char *text,
                                const elbo_model_context *context,
                                elbo_arena *arena, const elbo_members *m)
{
    elbo_values values;
    edit e = {.context = context, .values = &values, .p = m->prob};
    const edit_kind *kind;

    for (size_t at = 0;; at++) {
        ELBO_TRY(next_edit(text, &at, arena, &kind, &values, NULL, NULL));
        ELBO_TRY(kind->apply(&e));
        if (text[at] == '\0') return ELBO_OK;
        e.member += text[at] == ';';
        e.p = m->prob + e.member * m->pattern->nnz;
    }
}

elbo_status elbo_members_open(const elbo_values *options,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_members *out)
{
    const char *const text = elbo_text(options, "members");
    const double noise = elbo_real(options, "noise");
    size_t entries;

    *out = (elbo_members){.K = count_members(text)};
    ELBO_TRY(elbo_support_dense(context, arena, &out->pattern));
    if (out->K > MOST_MEMBERS
        || !elbo_size_mul(out->K, out->pattern->nnz, &entries)
        || entries > ELBO_DENSE_ENTRIES)
        return ELBO_FAIL(ELBO_EINVAL,
                         "members: %zu kernels of %zu entries are too many",
                         out->K, out->pattern->nnz);
    out->prob = elbo_arena_doubles(arena, entries);
    ELBO_TRY(elbo_arena_check(arena, "the members' kernels"));
    for (size_t k = 0; k < out->K; k++)
        spread_world(&context->mdp->P, out->prob + k * out->pattern->nnz);
    ELBO_TRY(read_members(text, context, arena, out));
    if (noise > 0) add_noise(out, context->known, noise);
    return ELBO_OK;
}

/* One pass over the entries. */
typedef struct pass {
    const elbo_members *members;
    const double *weight;
    double *to;
} pass;

static void mix(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;
    const size_t nnz = x->members->pattern->nnz;

    (void)chunk;
    for (size_t i = first; i < last; i++) {
        const double first_one = x->members->prob[i];
        double sum = first_one;

        for (size_t k = 1; k < x->members->K; k++)
            sum += x->weight[k] * (x->members->prob[k * nnz + i] - first_one);
        x->to[i] = fmax(sum, 0);
    }
}

void elbo_members_mix(const elbo_members *members, const double weight[],
                      double to[])
{
    pass x = {members, weight, to};
    const size_t nnz = members->pattern->nnz;

    elbo_parallel(nnz, nnz * members->K * 2, &x, mix);
}

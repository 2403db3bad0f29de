#include "inference/wrapper.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

/* ---- the text ---- */

enum { MOST_NAMES = 32 };

static const elbo_wrapper *find(const char *name)
{
    for (size_t i = 0; elbo_wrappers[i]; i++)
        if (strcmp(elbo_wrappers[i]->name, name) == 0) return elbo_wrappers[i];
    return NULL;
}

static const elbo_option *lookup(const char *name, bool *known,
                                 const char **nearest)
{
    const elbo_wrapper *const wrapper = find(name);
    const char *names[MOST_NAMES];
    size_t n = 0;

    *known = wrapper != NULL;
    if (wrapper) return wrapper->options;
    while (elbo_wrappers[n] && n < MOST_NAMES) {
        names[n] = elbo_wrappers[n]->name;
        n++;
    }
    *nearest = elbo_name_nearest(name, names, n);
    return NULL;
}

static size_t blanks(const char *s)
{
    return strspn(s, " \t\n");
}

/* The length of the call that starts here: a name and what is in parentheses.
 * All of the rest where that is no call, so that its reading tells. */
static size_t call_length(const char *s)
{
    size_t n = 0, depth = 0;

    while (isalnum((unsigned char)s[n]) || s[n] == '_') n++;
    if (n == 0) return strlen(s);
    if (s[n + blanks(s + n)] != '(') return n;
    for (n += blanks(s + n); s[n]; n++) {
        depth += s[n] == '(';
        depth -= s[n] == ')';
        if (depth == 0) return n + 1;
    }
    return n;
}

/* A wrapper with its options. */
typedef struct call {
    const elbo_wrapper *wrapper;
    elbo_values values;
    size_t start, length; /* in the text */
} call;

/* The call that starts at out->start; *column counts from there. */
static elbo_status read_call(const char *text, elbo_arena *arena, call *out,
                             size_t *column, const char **nearest)
{
    const char *name;

    *column = 0;
    out->length = call_length(text + out->start);

    char *const piece = elbo_arena_take(arena, out->length + 1, 1);

    ELBO_TRY(elbo_arena_check(arena, "wrappers"));
    memcpy(piece, text + out->start, out->length);
    ELBO_TRY(elbo_call_parse(piece, lookup, arena, &name, &out->values, column,
                             nearest));
    *column = 0;
    out->wrapper = find(name);
    return out->wrapper->check ? out->wrapper->check(&out->values) : ELBO_OK;
}

static bool is_none(const char *text)
{
    return !text || strcmp(text, "none") == 0;
}

/* The calls in turn, each applied to `world` unless that is NULL. */
static elbo_status read_all(const char *text, elbo_arena *arena,
                            elbo_task_world *world, size_t *column,
                            const char **nearest)
{
    call c = {.start = blanks(text)};

    for (size_t place = 0; place == 0 || text[c.start]; place++) {
        size_t fault = 0;
        const elbo_status s = read_call(text, arena, &c, &fault, nearest);

        *column = c.start + fault;
        if (s != ELBO_OK) return s;
        if (world) {
            ELBO_TRY(c.wrapper->wrap(&c.values, place, arena, world));
            if (world->nx > ELBO_TASK_WIDEST || world->no > ELBO_TASK_WIDEST)
                return ELBO_FAIL(ELBO_EINVAL,
                                 "%s: %zu states and %zu observations are more "
                                 "than %d",
                                 c.wrapper->name, world->nx, world->no,
                                 ELBO_TASK_WIDEST);
        }
        c.start += c.length;
        c.start += blanks(text + c.start);
    }
    return ELBO_OK;
}

elbo_status elbo_wrappers_check(const char *text, size_t *column,
                                const char **nearest)
{
    size_t fault = 0;
    const char *near = NULL;
    elbo_status s = ELBO_OK;

    if (!is_none(text)) {
        elbo_arena *const arena = elbo_arena_alloc(1024);

        s = arena ? read_all(text, arena, NULL, &fault, &near)
                  : ELBO_FAIL(ELBO_ENOMEM, "wrappers");
        elbo_arena_free(arena);
    }
    if (column) *column = s == ELBO_OK ? 0 : fault;
    if (nearest) *nearest = near;
    return s;
}

elbo_status elbo_wrappers_apply(const char *text, elbo_arena *arena,
                                elbo_task_world *world)
{
    const char *nearest = NULL;
    size_t column;

    if (is_none(text)) return ELBO_OK;
    const elbo_status s = read_all(text, arena, world, &column, &nearest);

    return s == ELBO_EINVAL ? elbo_fail_prefix("wrappers") : s;
}

/* ---- tasks that hand all on ---- */

static const elbo_task_world *inside(const void *self)
{
    return self;
}

static void reset(const void *self, size_t n, elbo_rng rng[], double x[])
{
    const elbo_task_world *const w = inside(self);

    w->task->reset(w->self, n, rng, x);
}

static void step(const void *self, size_t n, const double x[], const double a[],
                 elbo_rng rng[], double next[], double reward[],
                 uint8_t terminal[])
{
    const elbo_task_world *const w = inside(self);

    w->task->step(w->self, n, x, a, rng, next, reward, terminal);
}

static void observe(const void *self, size_t n, const double x[],
                    elbo_rng rng[], float o[])
{
    const elbo_task_world *const w = inside(self);

    w->task->observe(w->self, n, x, rng, o);
}

static void state_of(const void *self, size_t n, const float o[], double x[])
{
    const elbo_task_world *const w = inside(self);

    w->task->state(w->self, n, o, x);
}

static void reward_of(const void *self, size_t n, const float o[],
                      const float u[], const float next[], float reward[])
{
    const elbo_task_world *const w = inside(self);

    w->task->reward(w->self, n, o, u, next, reward);
}

static void terminal_of(const void *self, size_t n, const float o[],
                        const float u[], const float next[], uint8_t terminal[])
{
    const elbo_task_world *const w = inside(self);

    w->task->terminal(w->self, n, o, u, next, terminal);
}

static elbo_node reward_node(const void *self, elbo_tape *tape, elbo_node o,
                             elbo_node u, elbo_node next)
{
    const elbo_task_world *const w = inside(self);

    return w->task->reward_node(w->self, tape, o, u, next);
}

elbo_status elbo_wrap(size_t bytes, elbo_arena *arena, elbo_task_world *out,
                      void **self, elbo_task **task)
{
    assert(bytes >= sizeof *out);
    *self = elbo_arena_take(arena, 1, bytes);
    *task = elbo_arena_take(arena, 1, sizeof **task);
    ELBO_TRY(elbo_arena_check(arena, "wrapper"));
    memcpy(*self, out, sizeof *out);
    **task = *out->task;
    (*task)->open = NULL;
    (*task)->reset = reset;
    (*task)->step = step;
    (*task)->observe = observe;
    if (out->task->state) (*task)->state = state_of;
    if (out->task->reward) (*task)->reward = reward_of;
    if (out->task->terminal) (*task)->terminal = terminal_of;
    if (out->task->reward_node) (*task)->reward_node = reward_node;
    out->task = *task;
    out->self = *self;
    return ELBO_OK;
}

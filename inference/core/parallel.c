#include "inference/core/parallel.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <stdint.h>

/* Below these a team of threads, or 64 calls, cost more than they save. */
enum { WORK_THAT_PAYS = 400000, SHORT = 1024, LANES = 8 };

void elbo_chunk(size_t n, size_t c, size_t *first, size_t *last)
{
    const size_t each = n / ELBO_CHUNKS, more = n % ELBO_CHUNKS;

    *first = c * each + (c < more ? c : more);
    *last = *first + each + (c < more);
}

static bool pays(size_t work)
{
    return work > WORK_THAT_PAYS && omp_get_max_threads() > 1
           && !omp_in_parallel();
}

size_t elbo_parallel_threads(size_t most, size_t work)
{
    const size_t all = pays(work) ? (size_t)omp_get_max_threads() : 1;

    return all < most ? all : most;
}

void elbo_parallel_on(size_t threads, size_t n, void *arg,
                      void (*body)(void *arg, size_t thread, size_t chunk,
                                   size_t first, size_t last))
{
    size_t first, last;

    if (threads <= 1) { /* a team of one would cost a microsecond too */
        for (size_t c = 0; c < ELBO_CHUNKS; c++) {
            elbo_chunk(n, c, &first, &last);
            body(arg, 0, c, first, last);
        }
        return;
    }
#pragma omp parallel for schedule(dynamic)                                     \
    num_threads((int)threads) private(first, last)
    for (size_t c = 0; c < ELBO_CHUNKS; c++) {
        elbo_chunk(n, c, &first, &last);
        body(arg, (size_t)omp_get_thread_num(), c, first, last);
    }
}

/* A body that is not told its thread. */
typedef struct chunks {
    void (*body)(void *arg, size_t chunk, size_t first, size_t last);
    void *arg;
} chunks;

static void one_chunk(void *arg, size_t thread, size_t chunk, size_t first,
                      size_t last)
{
    const chunks *c = arg;

    (void)thread;
    c->body(c->arg, chunk, first, last);
}

void elbo_parallel(size_t n, size_t work, void *arg,
                   void (*body)(void *arg, size_t chunk, size_t first,
                                size_t last))
{
    chunks c = {body, arg};

    elbo_parallel_on(elbo_parallel_threads(SIZE_MAX, work), n, &c, one_chunk);
}

/* What to call on each part. */
typedef struct parts {
    void (*body)(void *arg, size_t first, size_t last);
    void *arg;
} parts;

static void one_part(void *arg, size_t chunk, size_t first, size_t last)
{
    const parts *p = arg;

    (void)chunk;
    if (first < last) p->body(p->arg, first, last);
}

void elbo_parallel_rows(size_t n, size_t work, void *arg,
                        void (*body)(void *arg, size_t first, size_t last))
{
    parts p = {body, arg};

    if (pays(work))
        elbo_parallel(n, work, &p, one_part);
    else if (n)
        body(arg, 0, n);
}

/* Who is free and not done. */
typedef struct rota {
    size_t n, taken[ELBO_CHUNKS];
    bool held[ELBO_CHUNKS], done[ELBO_CHUNKS];
} rota;

/* The task with the fewest turns, now held; n: none is free, nor will one be
 * for this thread, since whoever holds one goes on with it. */
static size_t take_turn(rota *r)
{
    size_t best = r->n;

    for (size_t k = 0; k < r->n; k++)
        if (!r->held[k] && !r->done[k]
            && (best == r->n || r->taken[k] < r->taken[best]))
            best = k;
    if (best < r->n) r->held[best] = true;
    return best;
}

static void work_off(rota *r, void *arg, bool (*turn)(void *arg, size_t task))
{
    size_t k;

#pragma omp critical(elbo_rota)
    k = take_turn(r);
    while (k < r->n) {
        const bool more = turn(arg, k);

#pragma omp critical(elbo_rota)
        {
            r->held[k] = false;
            r->done[k] = !more;
            r->taken[k]++;
            k = take_turn(r);
        }
    }
}

void elbo_parallel_turns(size_t n, void *arg,
                         bool (*turn)(void *arg, size_t task))
{
    const size_t most = (size_t)omp_get_max_threads();
    const size_t threads = n < most ? n : most;
    rota r = {.n = n};

    assert(n <= ELBO_CHUNKS);
    if (threads < 2 || omp_in_parallel()) {
        for (size_t k = 0; k < n; k++)
            while (turn(arg, k)) continue;
        return;
    }
#pragma omp parallel num_threads((int)threads)
    work_off(&r, arg, turn);
}

/* A sum or maximum in progress: what to call, and a slot for each chunk. */
typedef struct partials {
    double (*body)(void *arg, size_t first, size_t last);
    void *arg;
    double empty; /* the value of an empty chunk */
    double value[ELBO_CHUNKS];
} partials;

static void fill_partial(void *arg, size_t chunk, size_t first, size_t last)
{
    partials *p = arg;

    p->value[chunk] = first < last ? p->body(p->arg, first, last) : p->empty;
}

static double add(double a, double b)
{
    return a + b;
}

static double larger_or_nan(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

/* ((0 1) (2 3)) ((4 5) (6 7)) ...: the tree is that of the chunks' numbers. */
static double join(partials *p, double (*pair)(double a, double b))
{
    for (size_t n = ELBO_CHUNKS; n > 1; n /= 2)
        for (size_t i = 0; i < n / 2; i++)
            p->value[i] = pair(p->value[2 * i], p->value[2 * i + 1]);
    return p->value[0];
}

double elbo_parallel_sum(size_t n, size_t work, void *arg,
                         double (*body)(void *arg, size_t first, size_t last))
{
    partials p = {.body = body, .arg = arg, .empty = 0};

    elbo_parallel(n, work, &p, fill_partial);
    return join(&p, add);
}

double elbo_parallel_max(size_t n, size_t work, void *arg,
                         double (*body)(void *arg, size_t first, size_t last))
{
    partials p = {.body = body, .arg = arg, .empty = -HUGE_VAL};

    elbo_parallel(n, work, &p, fill_partial);
    return join(&p, larger_or_nan);
}

/* x and y; y is NULL for a plain sum. */
typedef struct operands {
    const double *x, *y;
} operands;

/* The order of the additions is fixed here, lane by lane, which is what lets
 * the compiler use vector registers without -ffast-math. */
static double join_lanes(const double s[LANES])
{
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static double dot_range(void *arg, size_t first, size_t last)
{
    const operands *o = arg;
    const double *const x = o->x, *const y = o->y;
    double s[LANES] = {0}, tail = 0;
    size_t i = first;

    for (; last - i >= LANES; i += LANES)
        for (size_t k = 0; k < LANES; k++) s[k] += x[i + k] * y[i + k];
    for (; i < last; i++) tail += x[i] * y[i];
    return join_lanes(s) + tail;
}

static double sum_range(void *arg, size_t first, size_t last)
{
    const operands *o = arg;
    const double *const x = o->x;
    double s[LANES] = {0}, tail = 0;
    size_t i = first;

    for (; last - i >= LANES; i += LANES)
        for (size_t k = 0; k < LANES; k++) s[k] += x[i + k];
    for (; i < last; i++) tail += x[i];
    return join_lanes(s) + tail;
}

double elbo_dot(const double x[], const double y[], size_t n)
{
    operands o = {x, y};

    if (n <= SHORT) return dot_range(&o, 0, n);
    return elbo_parallel_sum(n, n, &o, dot_range);
}

double elbo_sum(const double x[], size_t n)
{
    operands o = {x, NULL};

    if (n <= SHORT) return sum_range(&o, 0, n);
    return elbo_parallel_sum(n, n, &o, sum_range);
}

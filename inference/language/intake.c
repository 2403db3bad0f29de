#include "inference/language/intake.h"

#include "inference/core/parallel.h"

/* One intake over rows [first, last) of the layout. */
typedef struct pass {
    const elbo_intake *in;
    const elbo_layout *at;
    const double *p; /* [nnz] forward; of rhat [nS x nA] */
    double *G;       /* likewise, backward */
} pass;

/* sum p f over n entries, f strided. Four sums, because one waits for itself.
 */
static double sum_strided(const double p[], const double f[], size_t stride,
                          size_t n)
{
    double sum[4] = {0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++) sum[k] += p[i + k] * f[(i + k) * stride];
    for (; i < n; i++) sum[0] += p[i] * f[i * stride];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static inline double sum_states(const double p[], const double f[],
                                size_t stride, const uint32_t successor[],
                                size_t n)
{
    double sum[4] = {0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            sum[k] += p[i + k] * f[successor[i + k] * stride];
    for (; i < n; i++) sum[0] += p[i] * f[successor[i] * stride];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* The first entry of the layout's row in the pattern, and how many there are.
 */
static size_t entries_of(const elbo_layout *at, size_t row, size_t *n)
{
    *n = at->entries[row + 1] - at->entries[row];
    return at->batch->start[at->row[row]];
}

/* The same where each row of the pattern has `width` entries; 0: it says. */
static inline size_t begin_of(const elbo_layout *at, size_t row, size_t width,
                              size_t *n)
{
    if (!width) return entries_of(at, row, n);
    *n = width;
    return at->row[row] * width;
}

/* Columns and width are arguments so that the compiler may know them. */
static inline void states_sums(const pass *x, size_t first, size_t last,
                               size_t cols, size_t width)
{
    const uint32_t *const successor = x->at->batch->successor;
    double *const out = x->in->x;

    for (size_t row = first; row < last; row++) {
        size_t n;
        const size_t begin = begin_of(x->at, row, width, &n);

        for (size_t c = 0; c < cols; c++)
            out[row * cols + c] = sum_states(x->p + begin, x->in->f + c, cols,
                                             successor + begin, n);
    }
}

static inline void states_slopes(const pass *x, size_t first, size_t last,
                                 size_t cols, size_t width)
{
    const double *const g = x->in->g, *const f = x->in->f;

    for (size_t row = first; row < last; row++) {
        size_t n;
        const size_t begin = begin_of(x->at, row, width, &n);
        const uint32_t *const successor = x->at->batch->successor + begin;
        double *const restrict G = x->G + begin;

        for (size_t c = 0; c < cols; c++)
            for (size_t i = 0; i < n; i++)
                G[i] += g[row * cols + c] * f[successor[i] * cols + c];
    }
}

/* loop(x, first, last, columns, width) with a scalar's 1 column and the usual
 * widths as constants. */
#define ELBO_BY_SHAPE(loop, x, first, last)                                    \
    if ((x)->in->cols > 1) {                                                   \
        loop(x, first, last, (x)->in->cols, 0);                                \
        return;                                                                \
    }                                                                          \
    switch ((x)->at->width) {                                                  \
    case 1:                                                                    \
        loop(x, first, last, 1, 1);                                            \
        break;                                                                 \
    case 2:                                                                    \
        loop(x, first, last, 1, 2);                                            \
        break;                                                                 \
    case 3:                                                                    \
        loop(x, first, last, 1, 3);                                            \
        break;                                                                 \
    case 4:                                                                    \
        loop(x, first, last, 1, 4);                                            \
        break;                                                                 \
    case 5:                                                                    \
        loop(x, first, last, 1, 5);                                            \
        break;                                                                 \
    default:                                                                   \
        loop(x, first, last, 1, 0);                                            \
    }

static void states_forward(const pass *x, size_t first, size_t last)
{
    ELBO_BY_SHAPE(states_sums, x, first, last)
}

static void states_backward(const pass *x, size_t first, size_t last)
{
    ELBO_BY_SHAPE(states_slopes, x, first, last)
}

/* G += g f over one run of entries; all columns. */
static void add_run(double G[], const double g[], const double f[], size_t cols,
                    size_t n)
{
    for (size_t c = 0; c < cols; c++)
        for (size_t i = 0; i < n; i++) G[i] += g[c] * f[i * cols + c];
}

static void entries_forward(const pass *x, size_t first, size_t last)
{
    const size_t cols = x->in->cols;

    for (size_t row = first; row < last; row++) {
        size_t n;
        const double *const p = x->p + entries_of(x->at, row, &n);
        const double *const f = x->in->f + x->at->entries[row] * cols;

        for (size_t c = 0; c < cols; c++)
            x->in->x[row * cols + c] = sum_strided(p, f + c, cols, n);
    }
}

static void entries_backward(const pass *x, size_t first, size_t last)
{
    const size_t cols = x->in->cols;

    for (size_t row = first; row < last; row++) {
        size_t n;
        double *const G = x->G + entries_of(x->at, row, &n);

        add_run(G, x->in->g + row * cols, x->in->f + x->at->entries[row] * cols,
                cols, n);
    }
}

static void pairs_forward(const pass *x, size_t first, size_t last)
{
    const size_t cols = x->in->cols;

    for (size_t row = first; row < last; row++) {
        size_t n;
        const double *const p = x->p + entries_of(x->at, row, &n);
        const size_t end = x->at->samples[row + 1];

        for (size_t t = x->at->samples[row]; t < end; t++)
            for (size_t c = 0; c < cols; c++)
                x->in->x[t * cols + c] = sum_strided(
                    p, x->in->f + x->at->pairs[t] * cols + c, cols, n);
    }
}

static void pairs_backward(const pass *x, size_t first, size_t last)
{
    const size_t cols = x->in->cols;

    for (size_t row = first; row < last; row++) {
        size_t n;
        double *const G = x->G + entries_of(x->at, row, &n);
        const size_t end = x->at->samples[row + 1];

        for (size_t t = x->at->samples[row]; t < end; t++)
            add_run(G, x->in->g + t * cols, x->in->f + x->at->pairs[t] * cols,
                    cols, n);
    }
}

static void samples_forward(const pass *x, size_t first, size_t last)
{
    const size_t end = x->at->samples[last];

    for (size_t t = x->at->samples[first]; t < end; t++)
        x->in->x[t] = x->p[x->at->batch->entry[x->at->order[t]]];
}

static void samples_backward(const pass *x, size_t first, size_t last)
{
    const size_t end = x->at->samples[last];

    for (size_t t = x->at->samples[first]; t < end; t++)
        x->G[x->at->batch->entry[x->at->order[t]]] += x->in->g[t];
}

static void copies_forward(const pass *x, size_t first, size_t last)
{
    for (size_t row = first; row < last; row++) {
        size_t n;
        const double *const p = x->p + entries_of(x->at, row, &n);
        double *const out = x->in->x + x->at->entries[row];

        for (size_t i = 0; i < n; i++) out[i] = p[i];
    }
}

static void copies_backward(const pass *x, size_t first, size_t last)
{
    for (size_t row = first; row < last; row++) {
        size_t n;
        double *const G = x->G + entries_of(x->at, row, &n);
        const double *const g = x->in->g + x->at->entries[row];

        for (size_t i = 0; i < n; i++) G[i] += g[i];
    }
}

/* All rows of the model: first and last count these. */
static void model_forward(const pass *x, size_t first, size_t last)
{
    const size_t *const start = x->at->batch->start;

    for (size_t i = start[first]; i < start[last]; i++) x->in->x[i] = x->p[i];
}

static void model_backward(const pass *x, size_t first, size_t last)
{
    const size_t *const start = x->at->batch->start;

    for (size_t i = start[first]; i < start[last]; i++) x->G[i] += x->in->g[i];
}

static void rewards_forward(const pass *x, size_t first, size_t last)
{
    for (size_t row = first; row < last; row++)
        x->in->x[row] = x->p[x->at->row[row]];
}

static void rewards_backward(const pass *x, size_t first, size_t last)
{
    for (size_t row = first; row < last; row++)
        x->G[x->at->row[row]] += x->in->g[row];
}

static void all_rewards_forward(const pass *x, size_t first, size_t last)
{
    for (size_t row = first; row < last; row++) x->in->x[row] = x->p[row];
}

static void all_rewards_backward(const pass *x, size_t first, size_t last)
{
    for (size_t row = first; row < last; row++) x->G[row] += x->in->g[row];
}

typedef void run_rows(const pass *x, size_t first, size_t last);

static const struct {
    run_rows *forward, *backward;
    elbo_domain work; /* the domain whose size is the cost */
    elbo_domain runs; /* ... over whose places it runs: rows */
} kinds[] = {
    [ELBO_E_STATES] = {states_forward,  states_backward,  ELBO_AT_ENTRY,
                       ELBO_AT_ROW                                                        },
    [ELBO_E_ENTRIES] = {entries_forward, entries_backward, ELBO_AT_ENTRY,
                       ELBO_AT_ROW                                                        },
    [ELBO_E_PAIRS] = {pairs_forward,   pairs_backward,   ELBO_AT_PAIR,        ELBO_AT_ROW},
    [ELBO_P_SAMPLES] = {samples_forward, samples_backward, ELBO_AT_SAMPLE,
                       ELBO_AT_ROW                                                        },
    [ELBO_P_ENTRIES] = {copies_forward,  copies_backward,  ELBO_AT_ENTRY,
                       ELBO_AT_ROW                                                        },
    [ELBO_P_MODEL] = {model_forward,   model_backward,   ELBO_AT_MODEL_ENTRY,
                       ELBO_AT_MODEL_ROW                                                  },
    [ELBO_RHAT_ROWS] = {rewards_forward, rewards_backward, ELBO_AT_ROW,
                       ELBO_AT_ROW                                                        },
    [ELBO_RHAT_MODEL] = {all_rewards_forward, all_rewards_backward,
                       ELBO_AT_MODEL_ROW, ELBO_AT_MODEL_ROW                               },
};

bool elbo_intake_is_reward(const elbo_intake *intake)
{
    return intake->kind == ELBO_RHAT_ROWS || intake->kind == ELBO_RHAT_MODEL;
}

/* What it runs over: rows, or runs of them that share no entries with others. */
static const size_t *runs_in(const pass *x)
{
    return kinds[x->in->kind].runs == ELBO_AT_ROW ? x->at->apart : NULL;
}

static void forward(void *arg, size_t first, size_t last)
{
    const pass *const x = arg;
    const size_t *const runs = runs_in(x);

    kinds[x->in->kind].forward(x, runs ? runs[first] : first,
                               runs ? runs[last] : last);
}

static void backward(void *arg, size_t first, size_t last)
{
    const pass *const x = arg;
    const size_t *const runs = runs_in(x);

    kinds[x->in->kind].backward(x, runs ? runs[first] : first,
                                runs ? runs[last] : last);
}

static size_t work_of(const elbo_intake *intake, const elbo_layout *layout)
{
    return 2 * intake->cols * layout->size[kinds[intake->kind].work];
}

static size_t runs_of(const elbo_intake *intake, const elbo_layout *layout)
{
    const elbo_domain runs = kinds[intake->kind].runs;

    return runs == ELBO_AT_ROW && layout->apart ? layout->aparts
                                                : layout->size[runs];
}

void elbo_intake_forward(const elbo_intake *intake, const elbo_layout *layout,
                         const double p[], const double rhat[])
{
    pass x = {.in = intake,
              .at = layout,
              .p = elbo_intake_is_reward(intake) ? rhat : p};

    elbo_parallel_rows(runs_of(intake, layout), work_of(intake, layout), &x,
                       forward);
}

void elbo_intake_backward(const elbo_intake *intake, const elbo_layout *layout,
                          double G[])
{
    const size_t nnz = layout->size[ELBO_AT_MODEL_ENTRY];
    pass x = {.in = intake,
              .at = layout,
              .G = elbo_intake_is_reward(intake) ? G + nnz : G};

    elbo_parallel_rows(runs_of(intake, layout), work_of(intake, layout), &x,
                       backward);
}

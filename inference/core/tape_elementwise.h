/* inference/core/tape_elementwise.h -- passes over elementwise nodes.
 *
 * Included after tape_linear.h and tape_rules.h. One set of passes serves every
 * rule: with g the adjoint of o = f(u, w), and a dot the derivative along the
 * direction,
 *     backward   u* += g f_u                        w* += g f_w
 *     tangent    o. = f_u u. + f_w w.
 *     second     u*. += g. f_u + g (f_uu u. + f_uw w.)   and so for w
 */

/* How a node's argument is walked with it: 0 repeats a row, or an entry. */
typedef struct stride {
    size_t row, col;
} stride;

typedef struct grid {
    size_t rows, cols;
    stride x, y;
} grid;

static stride stride_of(const elbo_tape_node *x)
{
    return (stride){.row = x->rows == 1 ? 0 : x->cols, .col = x->cols != 1};
}

static bool is_flat(const elbo_tape_node *out, const elbo_tape_node *x)
{
    return x->size == out->size || x->size == 1;
}

/* Whole matrices and single numbers are walked as one long row. */
static grid grid_of(const elbo_tape_node *out, const elbo_tape_node *x,
                    const elbo_tape_node *y)
{
    if (is_flat(out, x) && is_flat(out, y))
        return (grid){.rows = 1,
                      .cols = out->size,
                      .x = {.col = x->size != 1},
                      .y = {.col = y->size != 1}};
    return (grid){.rows = out->rows,
                  .cols = out->cols,
                  .x = stride_of(x),
                  .y = stride_of(y)};
}

/* A place in a node: the run of n entries from (row, first). */
typedef struct run {
    size_t row, first, n;
} run;

static size_t offset(run r, stride s)
{
    return r.row * s.row + r.first * s.col;
}

/* The run's numbers: in their place, or one of them repeated in room[TILE]. */
static const REAL *read_run(const void *buffer, run r, stride s, REAL room[])
{
    const REAL *from = (const REAL *)buffer + offset(r, s);

    if (s.col) return from;
    for (size_t j = 0; j < r.n; j++) room[j] = *from;
    return room;
}

/* Adds the run to its place; a repeated entry gets the sum. */
static void add_run(void *buffer, run r, stride s, const REAL x[])
{
    REAL *restrict to = (REAL *)buffer + offset(r, s);

    if (s.col)
        for (size_t j = 0; j < r.n; j++) to[j] += x[j];
    else
        *to += (REAL)total(x, r.n);
}

/* The nodes of a pass, and room for what is repeated. */
typedef struct pass {
    const elbo_tape_node *out, *x, *y;
    const rule *f;
    grid g;
    REAL u[TILE], w[TILE], du[TILE], dw[TILE];
} pass;

static void start_pass(pass *p, const elbo_tape_node *out,
                       const elbo_tape_node *x, const elbo_tape_node *y)
{
    p->out = out;
    p->x = x;
    p->y = y;
    p->f = &rules[out->rule];
    p->g = grid_of(out, x, y);
}

static REAL *out_run(const pass *p, void *buffer, run r)
{
    return (REAL *)buffer + r.row * p->g.cols + r.first;
}

static tile tile_of(pass *p, run r)
{
    const REAL *u = read_run(p->x->value, r, p->g.x, p->u);

    return (tile){
        .n = r.n,
        .u = u,
        .w = p->y == p->x ? u : read_run(p->y->value, r, p->g.y, p->w),
        .o = out_run(p, p->out->value, r),
        .k = {(REAL)p->out->k[0], (REAL)p->out->k[1]}
    };
}

/* each(p, r) for every run of the node. */
static void walk(pass *p, void (*each)(pass *p, run r))
{
    for (size_t i = 0; i < p->g.rows; i++)
        for (size_t j = 0; j < p->g.cols; j += TILE) {
            const size_t left = p->g.cols - j;

            each(p, (run){i, j, left < TILE ? left : TILE});
        }
}

/* The value is written over what the tile calls o. */
static void forward_run(pass *p, run r)
{
    tile t = tile_of(p, r);

    t.o = t.u;
    p->f->value(&t, out_run(p, p->out->value, r));
}

/* Adds g slope to the adjoint of an argument, or writes it: fresh. */
static void pull_run(const tile *t, slopes_of *slope, const REAL g[],
                     void *adjoint, run r, stride s, bool fresh)
{
    REAL sum[TILE];

    if (s.col) {
        slope(t, g, fresh, (REAL *)adjoint + offset(r, s));
        return;
    }
    slope(t, g, true, sum);
    add_run(adjoint, r, s, sum);
}

static void backward_run(pass *p, run r)
{
    const tile t = tile_of(p, r);
    const REAL *g = out_run(p, p->out->adjoint, r);
    const elbo_tape_node *x = p->x, *y = p->y;

    if (p->f->du && x->adjoint)
        pull_run(&t, p->f->du, g, x->adjoint, r, p->g.x, !x->reached);
    if (p->f->dw && y->adjoint)
        pull_run(&t, p->f->dw, g, y->adjoint, r, p->g.y, !y->reached && y != x);
}

/* sum += slope v; a slope or a tangent that is not there is zero. */
static void push_run(const tile *t, slopes_of *slope, const REAL v[],
                     REAL sum[])
{
    if (slope && v) slope(t, v, false, sum);
}

/* The arguments' tangents; NULL where they do not vary. */
static const REAL *tangent_x(pass *p, run r)
{
    return p->x->tangent ? read_run(p->x->tangent, r, p->g.x, p->du) : NULL;
}

static const REAL *tangent_y(pass *p, run r)
{
    return p->y->tangent ? read_run(p->y->tangent, r, p->g.y, p->dw) : NULL;
}

static void tangent_run(pass *p, run r)
{
    const tile t = tile_of(p, r);
    REAL *out = out_run(p, p->out->tangent, r);

    memset(out, 0, r.n * sizeof *out);
    push_run(&t, p->f->du, tangent_x(p, r), out);
    push_run(&t, p->f->dw, tangent_y(p, r), out);
}

static void second_run(pass *p, run r)
{
    const tile t = tile_of(p, r);
    const rule *f = p->f;
    const REAL *u = tangent_x(p, r), *w = tangent_y(p, r);
    const REAL *g = out_run(p, p->out->adjoint, r);
    const REAL *dg = out_run(p, p->out->adjoint_tangent, r);
    REAL sum[TILE];

    if (f->du && p->x->adjoint) {
        memset(sum, 0, sizeof sum);
        push_run(&t, f->duu, u, sum);
        push_run(&t, f->duw, w, sum);
        for (size_t j = 0; j < r.n; j++) sum[j] *= g[j];
        push_run(&t, f->du, dg, sum);
        add_run(p->x->adjoint_tangent, r, p->g.x, sum);
    }
    if (f->dw && p->y->adjoint) {
        memset(sum, 0, sizeof sum);
        push_run(&t, f->duw, u, sum);
        push_run(&t, f->dww, w, sum);
        for (size_t j = 0; j < r.n; j++) sum[j] *= g[j];
        push_run(&t, f->dw, dg, sum);
        add_run(p->y->adjoint_tangent, r, p->g.y, sum);
    }
}

#define ELEMENTWISE_PASS(name)                                                 \
    static void name##_elementwise(const elbo_tape_node *out,                  \
                                   const elbo_tape_node *x,                    \
                                   const elbo_tape_node *y)                    \
    {                                                                          \
        pass p;                                                                \
                                                                               \
        start_pass(&p, out, x, y);                                             \
        walk(&p, name##_run);                                                  \
    }
ELEMENTWISE_PASS(forward)
ELEMENTWISE_PASS(backward)
ELEMENTWISE_PASS(tangent)
ELEMENTWISE_PASS(second)
#undef ELEMENTWISE_PASS

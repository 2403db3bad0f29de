#include "inference/gradient/spread.h"

void elbo_spread_values(const elbo_kernel *q, double gamma,
                        const double lambda_Q[], double gV[])
{
    const elbo_pattern *const pattern = q->pattern;

    for (size_t row = 0; row < pattern->nS * pattern->nA; row++) {
        const double c = gamma * lambda_Q[row];
        const size_t end = elbo_row_end(pattern, row);

        for (size_t i = elbo_row_begin(pattern, row); i < end; i++) {
            const size_t next = elbo_successor(pattern, row, i);

            if (next < pattern->nS) gV[next] += c * q->prob[i];
        }
    }
}

static elbo_status spread(const elbo_problem *problem, const double V[],
                          const double lambda_Q[], const elbo_into *into,
                          elbo_arena *ws)
{
    const elbo_kernel *const p = &problem->mdp.P;
    const size_t rows = p->pattern->nS * p->pattern->nA;
    double *const slope = elbo_arena_doubles(ws, p->pattern->nnz);

    ELBO_TRY(elbo_arena_check(ws, "the backup's slopes"));
    problem->tilt.kind->slopes(&problem->tilt, p, V, 0, rows, slope);
    for (size_t row = 0; row < rows; row++) {
        const size_t end = elbo_row_end(p->pattern, row);

        for (size_t i = elbo_row_begin(p->pattern, row); i < end; i++)
            into->p[i] += lambda_Q[row] * slope[i];
        if (into->r) into->r[row] += lambda_Q[row];
    }
    return ELBO_OK;
}

elbo_status elbo_spread_theta(const elbo_problem *problem, const double V[],
                              const double lambda_Q[], const elbo_into *into,
                              elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = spread(problem, V, lambda_Q, into, ws);

    elbo_arena_release(ws, mark);
    return s;
}

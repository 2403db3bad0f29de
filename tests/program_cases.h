/* tests/program_cases.h -- a small batch, and objectives beside hand-written
 * loops that say what each is worth at one transition.
 */
#ifndef ELBO_PROGRAM_CASES_H
#define ELBO_PROGRAM_CASES_H

#include "inference/language/program.h"

enum { NS = 6, NA = 2, ROWS = NS * NA, DIM = 2, SAMPLES = 15, MOST = 64 };
enum { ROUNDS = 3 };

/* Everything an objective may read. Rows have 1 to 4 entries, END among them;
 * transitions are unique and in no order; two cells lie apart. */
typedef struct program_world {
    elbo_batch batch;
    elbo_bindings bind;
    size_t start[ROWS + 1];
    uint32_t successor[MOST], row[SAMPLES], next[SAMPLES], entry[SAMPLES];
    double r[SAMPLES], weight[SAMPLES];
    int32_t coord[(NS + 1) * DIM];
    double p[MOST], V[NS + 1], Q[ROWS], logpi[ROWS], occupancy[ROWS];
    double rhat[ROWS], V_target[NS + 1], V_then[ROUNDS * (NS + 1)];
    uint32_t epoch[SAMPLES];
} program_world;

void program_world_init(program_world *w);

/* One for the test at hand: tcase_add_checked_fixture(t, program_set_up,
 * program_tear_down). */
extern program_world small;
extern elbo_arena *program_arena;
void program_set_up(void);
void program_tear_down(void);
/* On its batch; fails the test where that fails. Caller frees. */
elbo_program *program_compile(const char *text);
/* Its value with the small world's bindings; G as elbo_program_run. */
double program_run(elbo_program *program, double G[]);

/* The objective at transition x; `held` is p where a stop holds it. */
typedef double program_oracle(const program_world *w, const double p[],
                              const double held[], size_t x);

typedef struct program_case {
    const char *text;
    program_oracle *oracle;
} program_case;

extern const program_case program_cases[];
extern const size_t program_cases_count;

/* In the arena; fails the test where it is no expression. */
elbo_expr *program_expression(const char *text, bool coordinates,
                              elbo_arena *arena);

#endif

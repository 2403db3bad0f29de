/* tests/test_factor.c -- auxiliary factors: in the language, on the tape, in a
 * run and in its checkpoint.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "inference/engine_state.h"
#include "inference/evaluate.h"
#include "tests/engine_cases.h"
#include "tests/program_cases.h"
#include "tests/suites.h"

/* Names for the language alone, one of each shape. */
static const elbo_factor_name names[] = {
    {"visits",    ELBO_FACTOR_ROW, false},
    {"surprise",  ELBO_FACTOR_ENTRY, false},
    {"height",    ELBO_FACTOR_STATE, false},
    {"age",       ELBO_FACTOR_EPOCH, false},
    {"occupancy", ELBO_FACTOR_ROW, false},
    {0}
};

static const elbo_scope scope = {
    .coordinates = true, .finite = true, .factors = names};

static elbo_expr *checked(const char *text, elbo_arena *arena)
{
    elbo_expr *e;
    size_t column;
    const char *nearest;

    case_ok(elbo_expression_parse(text, arena, &e, &column));
    case_ok(elbo_expression_check(e, &scope, &column, &nearest));
    return e;
}

START_TEST(depends_on_what_its_shape_is_read_at)
{
    static const struct {
        const char *text;
        unsigned depends;
    } cases[] = {
        {"visits",                 ELBO_ON_SAMPLE                },
        {"visits(real)",           ELBO_ON_SAMPLE                },
        {"visits(real, 2, -0.5)",  ELBO_ON_SAMPLE                },
        {"surprise",               ELBO_ON_SAMPLE | ELBO_ON_NEXT },
        {"E(surprise)",            ELBO_ON_SAMPLE | ELBO_ON_THETA},
        {"height(s)",              ELBO_ON_SAMPLE                },
        {"height(kind, next)",     ELBO_ON_SAMPLE | ELBO_ON_NEXT },
        {"E(height(3, y))",        ELBO_ON_SAMPLE | ELBO_ON_THETA},
        {"age",                    ELBO_ON_SAMPLE                },
        {"occupancy",              ELBO_ON_SAMPLE | ELBO_ON_PLANNER},
        {"occupancy(real)",        ELBO_ON_SAMPLE                },
    };
    elbo_arena *arena = elbo_arena_alloc(1 << 12);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(checked(cases[i].text, arena)->depends
                          == cases[i].depends,
                      "%s: %u", cases[i].text,
                      checked(cases[i].text, arena)->depends);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(wrong_calls_are_told_with_place_and_hint)
{
    static const struct {
        const char *text, *why, *nearest;
        size_t column;
    } cases[] = {
        {"2*visit", "unknown name visit", "visits", 2},
        {"visists(real)", "unknown function visists", "visits", 0},
        {"logp + suprise", "unknown name suprise", "surprise", 7},
        {"heigth(next)", "unknown function heigth", "height", 0},
        {"eage", "unknown name eage", "age", 0},
        {"zebrafish", "unknown name zebrafish", NULL, 0},
        {"visits(r + 1)", "must be a name or a number", NULL, 7},
        {"1 - visits(real, sq(2))", "argument 2 of visits", NULL, 17},
        {"height", "needs one as its last argument", NULL, 0},
        {"height(2.385)", "argument 1 of height must be a state", NULL, 7},
        {"height(next, real)", "unknown name real", NULL, 13},
        {"height(y)", "y has a meaning only inside", NULL, 7},
    };
    elbo_arena *arena = elbo_arena_alloc(1 << 12);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_expr *e;
        size_t column;
        const char *nearest;

        case_ok(elbo_expression_parse(cases[i].text, arena, &e, &column));
        case_fails(elbo_expression_check(e, &scope, &column, &nearest),
                   ELBO_EINVAL, cases[i].why);
        ck_assert_msg(column == cases[i].column, "%s: %zu", cases[i].text,
                      column);
        if (cases[i].nearest) ck_assert_str_eq(nearest, cases[i].nearest);
    }
    elbo_arena_free(arena);
}
END_TEST

START_TEST(every_one_letter_typo_finds_its_factor)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 12);

    for (size_t k = 0; k < 4; k++)
        for (size_t at = 0; at < strlen(names[k].name); at++) {
            char text[32];
            elbo_expr *e;
            size_t column;
            const char *nearest;

            /* short words have other neighbours */
            if (strlen(names[k].name) < 6) continue;
            snprintf(text, sizeof text, "%s%s", names[k].name,
                     k == 2 ? "(next)" : "");
            text[at] = 'q';
            case_ok(elbo_expression_parse(text, arena, &e, &column));
            ck_assert(elbo_expression_check(e, &scope, &column, &nearest)
                      == ELBO_EINVAL);
            ck_assert_msg(nearest && strcmp(nearest, names[k].name) == 0,
                          "%s: %s", text, nearest ? nearest : "none");
        }
    elbo_arena_free(arena);
}
END_TEST

START_TEST(distinct_factors_are_listed_by_first_occurrence)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 12);
    elbo_factor_call *calls;
    size_t n;

    case_ok(elbo_expr_factors(
        checked("age*visits( real ,2)*E(height(3,y)) + visits(real,2)"
                " - height(3, next)*surprise*height(next)*visits",
                arena),
        arena, &calls, &n));
    ck_assert_uint_eq(n, 6);
    ck_assert_str_eq(calls[0].text, "age");
    ck_assert_str_eq(calls[1].text, "visits(real, 2)");
    ck_assert_uint_eq(calls[1].n, 2);
    ck_assert_uint_eq(calls[1].expr->column, 4);
    ck_assert_str_eq(calls[2].text, "height(3)");
    ck_assert_uint_eq(calls[2].n, 1);
    ck_assert(calls[2].what.shape == ELBO_FACTOR_STATE);
    ck_assert_str_eq(calls[3].text, "surprise");
    ck_assert_str_eq(calls[4].text, "height");
    ck_assert_str_eq(calls[5].text, "visits");
    case_ok(elbo_expr_factors(checked("logp*occupancy", arena), arena, &calls,
                              &n));
    ck_assert_uint_eq(n, 0);
    elbo_arena_free(arena);
}
END_TEST

/* ---- on the tape ---- */

enum { EPOCHS = 4 };

typedef struct tables {
    double visits[ROWS], surprise[MOST], height[NS + 1], age[EPOCHS];
    uint32_t epoch[SAMPLES];
} tables;

static void fill_tables(tables *t)
{
    unsigned seed = 385;
    double *x[] = {t->visits, t->surprise, t->height, t->age};
    const size_t n[] = {ROWS, MOST, NS + 1, EPOCHS};

    for (size_t k = 0; k < 4; k++)
        for (size_t i = 0; i < n[k]; i++) {
            seed = seed * 1664525u + 1013904223u;
            x[k][i] = 0.2 + (double)(seed >> 8) / 16777216;
        }
    for (size_t x_ = 0; x_ < SAMPLES; x_++)
        t->epoch[x_] = (uint32_t)(x_ * 7 % EPOCHS);
}

typedef double value_at(const program_world *w, const tables *t, size_t x);

static double at_row(const program_world *w, const tables *t, size_t x)
{
    return 2.385 * t->visits[w->row[x]];
}

static double at_entry(const program_world *w, const tables *t, size_t x)
{
    return t->surprise[w->entry[x]] - log(w->p[w->entry[x]]);
}

static double inside_E(const program_world *w, const tables *t, size_t x)
{
    double sum = 0;

    for (size_t i = w->start[w->row[x]]; i < w->start[w->row[x] + 1]; i++)
        sum += w->p[i] * t->surprise[i] * t->height[w->successor[i]];
    return sum * t->visits[w->row[x]];
}

static double at_states(const program_world *w, const tables *t, size_t x)
{
    return t->height[w->row[x] / NA] / t->height[w->next[x]];
}

static double at_epoch(const program_world *w, const tables *t, size_t x)
{
    return t->age[t->epoch[x]] * w->r[x] * t->visits[w->row[x]];
}

static double pairs(const program_world *w, const tables *t, size_t x)
{
    double sum = 0;

    for (size_t i = w->start[w->row[x]]; i < w->start[w->row[x] + 1]; i++) {
        const double off = t->surprise[i] - t->height[w->next[x]];

        sum += w->p[i] * off * off;
    }
    return -0.5 * sum;
}

static double share(const program_world *w, const tables *t, size_t x)
{
    double sum = 0, all = 0;

    for (size_t z = 0; z < SAMPLES; z++) {
        sum += w->weight[z] * t->visits[w->row[z]];
        all += w->weight[z];
    }
    return t->visits[w->row[x]] / (sum / all);
}

static double constant(const program_world *w, const tables *t, size_t x)
{
    (void)w, (void)t, (void)x;
    return -2.385;
}

static const struct {
    const char *text;
    value_at *oracle;
    const char *factors; /* v, s, h, a by first occurrence */
} values[] = {
    {"2.385*visits",                          at_row,    "v"  },
    {"surprise - logp",                       at_entry,  "s"  },
    {"visits*E(surprise*height(y))",          inside_E,  "vsh"},
    {"height(s)/height(next)",                at_states, "h"  },
    {"age*r*visits",                          at_epoch,  "av" },
    {"-0.5*E(sq(surprise - height(next)))",   pairs,     "sh" },
    {"visits/mean(visits)",                   share,     "v"  },
    {"-2.385",                                constant,  ""   },
};

static void bind_factors(const char *which, const tables *t,
                         const double *out[])
{
    for (size_t i = 0; which[i]; i++)
        out[i] = which[i] == 'v'   ? t->visits
                 : which[i] == 's' ? t->surprise
                 : which[i] == 'h' ? t->height
                                   : t->age;
}

START_TEST(values_match_the_loops)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 12);
    program_world w;
    tables t;
    const double *factor[4];
    elbo_program *program;
    size_t column, sample;
    double out[SAMPLES], total, sum = 0;

    program_world_init(&w);
    fill_tables(&t);
    w.batch.epoch = t.epoch;
    w.batch.epochs = EPOCHS;
    bind_factors(values[_i].factors, &t, factor);
    w.bind.factor = factor;
    case_ok(elbo_program_alloc(checked(values[_i].text, arena), &w.batch,
                               &program, &column));
    case_ok(elbo_program_values(program, &w.bind, out, &sample));
    case_ok(elbo_program_run(program, &w.bind, &total, NULL, &sample));
    for (size_t x = 0; x < SAMPLES; x++) {
        const double want = values[_i].oracle(&w, &t, x);

        ck_assert_msg(fabs(out[x] - want) <= 1e-14 * (1 + fabs(want)),
                      "%s at %zu: %.17g, not %.17g", values[_i].text, x, out[x],
                      want);
        sum += w.weight[x] * want;
    }
    ck_assert_double_eq_tol(total, sum, 1e-13 * (1 + fabs(sum)));

    /* and again, with other values */
    for (size_t i = 0; i < ROWS; i++) t.visits[i] *= 1.5;
    t.age[2] = 7;
    case_ok(elbo_program_values(program, &w.bind, out, &sample));
    for (size_t x = 0; x < SAMPLES; x++) {
        const double want = values[_i].oracle(&w, &t, x);

        ck_assert_double_eq_tol(out[x], want, 1e-14 * (1 + fabs(want)));
    }
    elbo_program_free(program);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(a_value_that_is_not_finite_names_its_sample)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 12);
    program_world w;
    tables t;
    const double *factor[] = {t.visits};
    elbo_program *program;
    size_t column, sample;
    double out[SAMPLES];

    program_world_init(&w);
    fill_tables(&t);
    w.bind.factor = factor;
    t.visits[w.row[6]] = 0;
    case_ok(elbo_program_alloc(checked("1/visits", arena), &w.batch, &program,
                               &column));
    case_fails(elbo_program_values(program, &w.bind, out, &sample),
               ELBO_ENOTFINITE, "state");
    ck_assert_uint_eq(w.row[sample], w.row[6]);
    elbo_program_free(program);
    elbo_arena_free(arena);
}
END_TEST

/* ---- in a run ---- */

START_TEST(arguments_are_checked_where_they_stand)
{
    static const struct {
        const char *text, *why, *nearest;
        size_t column;
    } cases[] = {
        {"logp*occupancy(reel)", "where", "real", 15},
        {"logp*occupancy(real, currant)", "policy", "current", 21},
        {"logp*occupancy(real, current, 1.5)", "epsilon must be in [0, 1]",
         NULL, 30},
        {"logp*occupancy(real, current, 0.5, 2)", "takes at most 3", NULL, 5},
        {"logp*ocupancy(real)", "unknown function ocupancy", "occupancy", 5},
    };
    elbo_arena *arena = elbo_arena_alloc(1 << 12);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_expr *e;
        size_t column;
        const char *nearest;

        case_fails(elbo_objective_parse(cases[i].text, arena, &e, &column,
                                        &nearest),
                   ELBO_EINVAL, cases[i].why);
        ck_assert_msg(column == cases[i].column, "%s: %zu", cases[i].text,
                      column);
        if (cases[i].nearest)
            ck_assert_msg(nearest && strcmp(nearest, cases[i].nearest) == 0,
                          "%s: %s", cases[i].text, nearest ? nearest : "none");
    }
    elbo_arena_free(arena);
}
END_TEST

/* The likelihood's term by hand, from the policy before the last iteration. */
START_TEST(a_run_reads_its_factors_once_an_iteration)
{
    const case_text text = {
        .model = "softmax",
        .inference = "likelihood=occupancy(real)*logp",
        .data = "steps=90 mode=online"};
    case_setup setup;
    elbo_engine *e;
    elbo_row row;
    double rho[64], pi[64], sum = 0, all = 0;

    case_open_small(&setup, &text);
    case_ok(elbo_engine_open(&setup.setup, 3, &e));
    for (size_t k = 0; k < 3; k++) {
        memcpy(pi, e->post.pi, e->post.nS * e->post.nA * sizeof *pi);
        case_ok(elbo_engine_iterate(e, &row));
    }

    const elbo_chain chain = {.mdp = &e->truth, .pi = pi, .q = e->truth.P};

    case_ok(elbo_occupancy(&chain, rho, e->ws));
    for (size_t i = 0; i < 21; i++) all += rho[i];
    for (size_t i = 0; i < e->data.n; i++) {
        const size_t at = e->data.s[i] * 3 + e->data.a[i];
        const size_t entry = elbo_entry(e->belief.mean.pattern, at,
                                        e->data.next[i]);

        sum += rho[at] / all * log(e->belief.mean.prob[entry]);
    }
    ck_assert_double_eq_tol(row.parts.likelihood, sum, 1e-12 * fabs(sum));
    elbo_engine_free(e);
    case_close(&setup);
}
END_TEST

START_TEST(a_loaded_run_goes_on_to_the_same_bits)
{
    const case_text text = {
        .model = "softmax",
        .inference = "likelihood=occupancy(aggregate,current,0.1)*logp",
        .data = "steps=90"};
    char path[] = "/tmp/elbo-factor-XXXXXX";
    case_setup setup;
    elbo_engine *e, *f;
    elbo_row first, second;
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in;

    case_open_small(&setup, &text);
    case_ok(elbo_engine_open(&setup.setup, 3, &e));
    for (size_t k = 0; k < 2; k++) case_ok(elbo_engine_iterate(e, &first));
    elbo_engine_save(e, out);
    case_file(path, "");
    case_ok(elbo_writer_commit(out, path));
    case_ok(elbo_engine_open(&setup.setup, 3, &f));
    case_ok(elbo_reader_open(path, &in));
    case_ok(elbo_engine_load(f, in));
    for (size_t k = 0; k < 2; k++) {
        case_ok(elbo_engine_iterate(e, &first));
        case_ok(elbo_engine_iterate(f, &second));
        ck_assert(first.elbo == second.elbo);
        ck_assert(first.parts.likelihood == second.parts.likelihood);
    }
    unlink(path);
    elbo_reader_free(in);
    elbo_writer_free(out);
    elbo_engine_free(e);
    elbo_engine_free(f);
    case_close(&setup);
}
END_TEST

START_TEST(oracles_are_told)
{
    const case_text text = {
        .model = "softmax",
        .inference = "likelihood=(occupancy(real)+occupancy(model)"
                     "+occupancy(data)+occupancy(model,optimal)"
                     "+occupancy(real)+occupancy(aggregate))*logp+J"
                     "-gradJ_error",
        .control_common = "values=policies(2)"};
    case_setup setup;
    const char *const *names_;

    case_open_small(&setup, &text);
    case_ok(elbo_setup_oracles(&setup.setup, setup.arena, &names_));
    ck_assert_str_eq(names_[0], "occupancy(real)");
    ck_assert_str_eq(names_[1], "occupancy(model, optimal)");
    ck_assert_str_eq(names_[2], "occupancy(aggregate)");
    ck_assert_str_eq(names_[3], "J");
    ck_assert_str_eq(names_[4], "gradJ_error");
    ck_assert_str_eq(names_[5], "policies(2)");
    ck_assert_ptr_null(names_[6]);
    case_close(&setup);
}
END_TEST

START_TEST(every_factor_of_the_registry_has_its_name)
{
    for (size_t i = 0; elbo_factors[i]; i++) {
        ck_assert_str_eq(elbo_factors[i]->name, elbo_factor_words[i].name);
        ck_assert(elbo_factors[i]->shape == elbo_factor_words[i].shape);
        ck_assert(elbo_factors[i]->update && elbo_factors[i]->doc);
    }
}
END_TEST

Suite *suite_factor(void)
{
    Suite *s = suite_create("factor");
    TCase *t = tcase_create("factor");

    tcase_add_test(t, depends_on_what_its_shape_is_read_at);
    tcase_add_test(t, wrong_calls_are_told_with_place_and_hint);
    tcase_add_test(t, every_one_letter_typo_finds_its_factor);
    tcase_add_test(t, distinct_factors_are_listed_by_first_occurrence);
    tcase_add_loop_test(t, values_match_the_loops, 0,
                        sizeof values / sizeof *values);
    tcase_add_test(t, a_value_that_is_not_finite_names_its_sample);
    tcase_add_test(t, arguments_are_checked_where_they_stand);
    tcase_add_test(t, a_run_reads_its_factors_once_an_iteration);
    tcase_add_test(t, a_loaded_run_goes_on_to_the_same_bits);
    tcase_add_test(t, oracles_are_told);
    tcase_add_test(t, every_factor_of_the_registry_has_its_name);
    suite_add_tcase(s, t);
    return s;
}

/* tests/weight_runs.c -- the weights of the papers in whole runs. */
#include "tests/weight_runs.h"

#include <math.h>
#include <unistd.h>

#include "inference/engine_state.h"
#include "tests/engine_cases.h"
#include "tests/world_cases.h"

/* The path runs along the top row to the goal. */
START_TEST(distances_are_from_the_path)
{
    const case_text text = {.env = "gridworld",
                            .env_own = "map=S..G/####/....",
                            .env_common = "discount=0.9",
                            .inference = "weight=exp(-distance_to(optimal))",
                            .data = "source=population over=rows steps=400"};
    static const double apart[] = {1, 0, 1, 1}; /* up right down left */
    case_setup setup;
    elbo_engine *e;
    elbo_row row;

    case_open(&setup, &text);
    case_ok(elbo_engine_open(&setup.setup, 3, &e));
    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_uint_gt(e->data.n, 0);
    for (size_t i = 0; i < e->data.n; i++) {
        const int32_t *x = e->world.coord + 2 * e->data.s[i];
        /* the path is cells 0 to 2 of row 0, always to the right */
        const double across = x[1] == 3 ? 1 : 0, down = x[0];
        const double want =
            sqrt(across * across + down * down + apart[e->data.a[i]]);

        ck_assert_double_eq_tol(e->data.w[i], exp(-want), 1e-14);
    }
    elbo_engine_free(e);
    case_close(&setup);
}
END_TEST

START_TEST(recent_data_are_those_of_the_last_rounds)
{
    const case_text text = {.inference = "weight=0.5*recent(2)",
                            .data = "steps=40 mode=online policy=current"};
    case_setup setup;
    elbo_engine *e;
    elbo_row row;

    case_open_small(&setup, &text);
    case_ok(elbo_engine_open(&setup.setup, 3, &e));
    for (size_t k = 0; k < 4; k++) {
        case_ok(elbo_engine_iterate(e, &row));
        ck_assert_double_eq(row.ess, k == 0 ? 40 : 80);
    }
    for (size_t i = 0; i < 160; i++)
        ck_assert_double_eq(e->data.w[i], i < 80 ? 0 : 0.5);
    elbo_engine_free(e);
    case_close(&setup);
}
END_TEST

static const char *const weights[] = {
    "weight=ratio(kliep)",
    "weight=ratio(ulsif,real,data,0.01)",
    "weight=ratio(rulsif,model,data,0.01,0.1,1.5)",
    "weight=ratio(logistic,real,uniform,0.01)",
    "weight=relu(ratio(dualdice,real,data,1))",
    "weight=gamps(real)/occupancy(data)",
    "weight=gamps(model,current,0.1)/occupancy(data)",
    "weight=min(tom(chi2),10)",
    "weight=min(tom(kl,smoothed),10)",
    "weight=min(tom(chi2,none,current,0.2),10)",
    "weight=pdml/mean(pdml)",
    "weight=recent(2)",
    "weight=relu(ampl)",
    "weight=relu(ampl(normalised,current,0.1))",
    "weight=exp(-distance_to(optimal))",
    "weight=(occupancy(model)/occupancy(data))^0.2",
};

/* The whole world is covered: each (s, a) has data. */
START_TEST(a_run_with_any_weight_resumes_to_the_same_bits)
{
    const case_text text = {
        .env = "gridworld",
        .env_own = "rows=4 cols=4 slip=0.1",
        .env_common = "discount=0.9",
        .inference = weights[_i],
        .data = "steps=400 mode=online source=population over=rows"};
    char path[] = "/tmp/elbo-weights-XXXXXX";
    case_setup setup;
    elbo_engine *e, *f;
    elbo_row first, second;
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in;

    case_open(&setup, &text);
    case_ok(elbo_engine_open(&setup.setup, 3, &e));
    for (size_t k = 0; k < 2; k++) case_ok(elbo_engine_iterate(e, &first));
    elbo_engine_save(e, out);
    case_file(path, "");
    case_ok(elbo_writer_commit(out, path));
    case_ok(elbo_reader_open(path, &in));
    case_ok(elbo_engine_open(&setup.setup, 3, &f));
    case_ok(elbo_engine_load(f, in));
    case_ok(elbo_engine_iterate(e, &first));
    case_ok(elbo_engine_iterate(f, &second));
    ck_assert(first.elbo == second.elbo && first.ess == second.ess);
    ck_assert(first.ess > 0 && first.ess <= 1200 * (1 + 1e-12));
    unlink(path);
    elbo_reader_free(in);
    elbo_writer_free(out);
    elbo_engine_free(e);
    elbo_engine_free(f);
    case_close(&setup);
}
END_TEST

TCase *tcase_weight_runs(void)
{
    TCase *t = tcase_create("weights in runs");

    tcase_add_test(t, distances_are_from_the_path);
    tcase_add_test(t, recent_data_are_those_of_the_last_rounds);
    tcase_add_loop_test(t, a_run_with_any_weight_resumes_to_the_same_bits, 0,
                        sizeof weights / sizeof *weights);
    return t;
}

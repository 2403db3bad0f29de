#include <string.h>

#include "inference/core/alloc.h"
#include "tests/model_cases.h"

/* A model asked to open on a world of any size, which it must refuse first. */
static elbo_status open_on_size(const char *name, const char *settings,
                                size_t nS, size_t nA)
{
    elbo_arena *const arena = elbo_arena_alloc(64);
    const elbo_mdp mdp = {.nS = nS, .nA = nA};
    const elbo_model_context context = {.mdp = &mdp};
    const elbo_model *const model = elbo_model_find(name);
    elbo_values values;
    elbo_belief belief;

    ck_assert_int_eq(elbo_values_init(&values, model->options, arena), ELBO_OK);
    ck_assert_int_eq(elbo_values_parse(&values, settings), ELBO_OK);

    const elbo_status s = model->open(&values, &context, arena, &belief);

    elbo_arena_free(arena);
    return s;
}

START_TEST(large_dense_models_are_refused_with_advice)
{
    static const model_setting dense[] = {
        {"tabular",  ""},
        {"softmax",  ""},
        {"random",   ""},
        {"low_rank", ""}
    };

    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(open_on_size(dense[i].name, "", 12000, 1),
                         ELBO_EINVAL);
        ck_assert_ptr_nonnull(
            strstr(elbo_last_error()->text, "use support: world"));
    }
    ck_assert_int_eq(open_on_size("aliased", "groups=5", 12000, 1),
                     ELBO_EINVAL);
    ck_assert_int_eq(open_on_size("low_rank", "rank=65536", 2100, 1),
                     ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "rank 65536"));
}
END_TEST

START_TEST(aliased_wants_one_way_to_tie_that_the_world_has)
{
    model_case c;
    int32_t coord[2 * 20] = {0};

    model_case_open(&c, &model_case_grid, NULL, 0);
    ck_assert_int_eq(model_case_try(&c, "aliased", ""), ELBO_EINVAL);
    ck_assert_int_eq(model_case_try(&c, "aliased", "block=2 groups=2"),
                     ELBO_EINVAL);
    ck_assert_int_eq(model_case_try(&c, "aliased", "groups=21"), ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "21 of 20"));

    for (int s = 0; s < 20; s++) coord[2 * s] = s % 19;
    c.world.coord = coord;
    ck_assert_int_eq(model_case_try(&c, "aliased", "block=2"), ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "states 0 and 19"));

    for (int s = 0; s < 20; s++) coord[2 * s] = s;
    coord[0] = coord[1] = INT32_MIN;
    coord[2] = coord[3] = INT32_MAX;
    ck_assert_int_eq(model_case_try(&c, "aliased", "block=2"), ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "too far"));

    c.world.coord = NULL;
    c.world.dim = 0;
    ck_assert_int_eq(model_case_try(&c, "aliased", "block=2"), ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "use groups"));
    model_case_close(&c);
}
END_TEST

START_TEST(every_lost_allocation_is_reported)
{
    const model_setting m = model_settings[_i];
    model_case c;
    elbo_status s = ELBO_ENOMEM;
    long budget = 0;

    model_case_open(&c, &model_case_grid, NULL, 0);

    elbo_arena *const keep = c.arena;

    while (s == ELBO_ENOMEM) {
        elbo_alloc_budget(budget++);
        c.arena = elbo_arena_alloc(64);
        s = c.arena ? model_case_try(&c, m.name, m.settings) : ELBO_ENOMEM;
        elbo_arena_free(c.arena);
        elbo_alloc_budget(-1);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(budget, 2);
    c.arena = keep;
    model_case_close(&c);
}
END_TEST

TCase *models_failures_case(void)
{
    TCase *const t = tcase_create("failures");

    tcase_add_test(t, large_dense_models_are_refused_with_advice);
    tcase_add_test(t, aliased_wants_one_way_to_tie_that_the_world_has);
    tcase_add_loop_test(t, every_lost_allocation_is_reported, 0,
                        n_model_settings);
    return t;
}

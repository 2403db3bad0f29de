/* tests/test_replay.c -- the ring of transitions. */
#include "inference/networks/replay.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

enum { NO = 3, NU = 2, CAPACITY = 5 };

/* Row k of a made-up stream. */
static void push(elbo_replay *replay, unsigned k)
{
    const float x = (float)k + 0.385F;
    const float o[NO] = {x, 2 * x, 3 * x}, u[NU] = {-x, 0.5F * x};
    const float next[NO] = {x + 1, x + 2, x + 3};
    const elbo_replay_row row = {.o = o,
                                 .u = u,
                                 .next = next,
                                 .reward = 7 * x,
                                 .end = k % 3 == 2,
                                 .step = k % 3,
                                 .episode = k / 3};

    ck_assert_int_eq(elbo_replay_push(replay, &row), ELBO_OK);
}

static void check_slot(const elbo_replay *r, size_t slot, unsigned k)
{
    const float x = (float)k + 0.385F;

    ck_assert(r->o[slot * NO + 2] == 3 * x && r->u[slot * NU] == -x);
    ck_assert(r->next[slot * NO + 1] == x + 2 && r->reward[slot] == 7 * x);
    ck_assert_uint_eq(r->end[slot], k % 3 == 2);
    ck_assert_uint_eq(r->step[slot], k % 3);
    ck_assert_uint_eq(r->episode[slot], k / 3);
}

static elbo_arena *open(elbo_replay *replay)
{
    elbo_arena *arena = elbo_arena_alloc(1024);

    ck_assert_ptr_nonnull(arena);
    ck_assert_int_eq(elbo_replay_init(replay, NO, NU, CAPACITY, arena),
                     ELBO_OK);
    return arena;
}

/* Against a list that is never cut. */
START_TEST(the_oldest_row_goes_and_ids_tell_tenants_apart)
{
    elbo_replay r;
    elbo_arena *arena = open(&r);

    for (unsigned pushed = 1; pushed <= 13; pushed++) {
        push(&r, pushed - 1);
        ck_assert_uint_eq(r.n, pushed < CAPACITY ? pushed : CAPACITY);
        ck_assert_uint_eq(r.pushed, pushed);
        for (unsigned k = pushed - (unsigned)r.n; k < pushed; k++) {
            check_slot(&r, k % CAPACITY, k);
            ck_assert_uint_eq(elbo_replay_id(&r, k % CAPACITY), k);
        }
    }
    elbo_arena_free(arena);
}
END_TEST

START_TEST(after_a_clear_slots_start_at_0_and_no_id_comes_twice)
{
    elbo_replay r;
    elbo_arena *arena = open(&r);

    for (unsigned k = 0; k < 7; k++) push(&r, k);
    elbo_replay_clear(&r);
    ck_assert_uint_eq(r.n, 0);
    push(&r, 20);
    push(&r, 21);
    check_slot(&r, 0, 20);
    check_slot(&r, 1, 21);
    ck_assert_uint_ge(elbo_replay_id(&r, 0), 7);
    ck_assert_uint_eq(elbo_replay_id(&r, 1), elbo_replay_id(&r, 0) + 1);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(what_is_not_finite_is_refused_by_name)
{
    static const char *const names[] = {
        "observation[1] is nan at step 4 of episode 2; the last finite one was %g",
        "action[0] is inf at step 4 of episode 2; the last finite one was %g",
        "next observation[2] is -inf at step 4 of episode 2; the last finite one was %g",
        "reward[0] is nan at step 4 of episode 2; the last finite one was %g"};
    elbo_replay r;
    elbo_arena *arena = open(&r);

    push(&r, 0);
    for (int bad = 0; bad < 4; bad++) {
        const float o[NO] = {1, bad == 0 ? NAN : 2, 3};
        const float u[NU] = {bad == 1 ? INFINITY : 0.5F, 0};
        const float next[NO] = {1, 2, bad == 2 ? -INFINITY : 3};
        const elbo_replay_row row = {.o = o,
                                     .u = u,
                                     .next = next,
                                     .reward = bad == 3 ? NAN : 1,
                                     .step = 4,
                                     .episode = 2};

        ck_assert_int_eq(elbo_replay_push(&r, &row), ELBO_ENOTFINITE);
        const double last[] = {(double)r.next[1], (double)r.u[0], (double)o[2],
                               (double)r.reward[0]};
        char expected[128];

        snprintf(expected, sizeof expected, names[bad], last[bad]);
        ck_assert_str_eq(elbo_last_error()->text, expected);
        ck_assert_uint_eq(r.pushed, 1);
        check_slot(&r, 0, 0);
    }
    elbo_arena_free(arena);
}
END_TEST

/* Chi-square with 4 degrees of freedom: 33.4 has probability 1e-6. */
START_TEST(draws_are_uniform_over_the_rows_held_and_follow_their_stream)
{
    enum { N = 20000 };
    static uint32_t slot[N], again[N];
    double count[CAPACITY] = {0}, chi = 0;
    elbo_rng rng = elbo_rng_stream(2385, "draw", 0), same = rng;
    elbo_replay r;
    elbo_arena *arena = open(&r);

    push(&r, 0);
    push(&r, 1);
    elbo_replay_draw(&r, &rng, 100, slot);
    for (size_t i = 0; i < 100; i++) ck_assert_uint_lt(slot[i], 2);
    for (unsigned k = 2; k < 9; k++) push(&r, k);
    rng = same;
    elbo_replay_draw(&r, &rng, N, slot);
    elbo_replay_draw(&r, &same, N, again);
    ck_assert_mem_eq(slot, again, sizeof slot);
    for (size_t i = 0; i < N; i++) count[slot[i]]++;
    for (size_t k = 0; k < CAPACITY; k++)
        chi += pow(count[k] - N / 5.0, 2) / (N / 5.0);
    ck_assert_double_le(chi, 33.4);
    elbo_arena_free(arena);
}
END_TEST

static elbo_reader *written(const elbo_replay *r)
{
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in;

    elbo_writer_section(out, "replay");
    elbo_replay_save(r, out);
    ck_assert_int_eq(elbo_writer_commit(out, scratch_path), ELBO_OK);
    elbo_writer_free(out);
    ck_assert_int_eq(elbo_reader_open(scratch_path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "replay"), ELBO_OK);
    return in;
}

START_TEST(a_saved_ring_goes_on_where_it_was)
{
    for (unsigned n = 0; n < 13; n += 4) {
        elbo_replay a, b;
        elbo_arena *one = open(&a), *two = open(&b);

        ck_assert_int_eq(elbo_replay_keep_values(&a, one), ELBO_OK);
        ck_assert_int_eq(elbo_replay_keep_values(&b, two), ELBO_OK);
        for (unsigned k = 0; k < n; k++) push(&a, k);
        for (size_t i = 0; i < 2 * a.n; i++) a.then[i] = (float)i - 2.385F;
        push(&b, 30);

        elbo_reader *in = written(&a);

        ck_assert_int_eq(elbo_replay_load(&b, in), ELBO_OK);
        elbo_reader_free(in);
        ck_assert_mem_eq(a.then, b.then, 2 * a.n * sizeof *a.then);
        for (unsigned k = n; k < n + 3; k++) push(&a, k), push(&b, k);
        ck_assert_uint_eq(a.n, b.n);
        ck_assert_uint_eq(a.pushed, b.pushed);
        ck_assert_mem_eq(a.o, b.o, a.n * NO * sizeof *a.o);
        ck_assert_mem_eq(a.u, b.u, a.n * NU * sizeof *a.u);
        ck_assert_mem_eq(a.next, b.next, a.n * NO * sizeof *a.next);
        for (size_t i = 0; i < a.n; i++)
            check_slot(&b, i, (unsigned)elbo_replay_id(&a, i));
        elbo_arena_free(one);
        elbo_arena_free(two);
    }
}
END_TEST

START_TEST(another_shape_is_not_loaded)
{
    elbo_replay a, b;
    elbo_arena *arena = open(&a);

    push(&a, 0);

    elbo_reader *in = written(&a);

    ck_assert_int_eq(elbo_replay_init(&b, NO, NU, CAPACITY + 1, arena),
                     ELBO_OK);
    ck_assert_int_eq(elbo_replay_load(&b, in), ELBO_EDATA);
    ck_assert_str_eq(elbo_last_error()->text,
                     "replay: saved with 5 rows of 3 and 2, not 6 rows of 3 "
                     "and 2");
    elbo_reader_free(in);
    elbo_arena_free(arena);
}
END_TEST

START_TEST(sizes_that_cannot_be_are_refused)
{
    elbo_replay r;
    elbo_arena *arena = elbo_arena_alloc(64);

    ck_assert_int_eq(elbo_replay_init(&r, NO, NU, 0, arena), ELBO_EINVAL);
    ck_assert_int_eq(elbo_replay_init(&r, 0, NU, 4, arena), ELBO_EINVAL);
    ck_assert_int_eq(elbo_replay_init(&r, 1, 1, (size_t)1 << 33, arena),
                     ELBO_ESIZE);
    elbo_alloc_budget(0);
    ck_assert_int_eq(elbo_replay_init(&r, NO, NU, 1000, arena), ELBO_ENOMEM);
    elbo_alloc_budget(-1);
    elbo_arena_free(arena);
}
END_TEST

Suite *suite_replay(void)
{
    Suite *s = suite_create("replay");
    TCase *t = tcase_create("ring");

    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, the_oldest_row_goes_and_ids_tell_tenants_apart);
    tcase_add_test(t, after_a_clear_slots_start_at_0_and_no_id_comes_twice);
    tcase_add_test(t, what_is_not_finite_is_refused_by_name);
    tcase_add_test(
        t, draws_are_uniform_over_the_rows_held_and_follow_their_stream);
    tcase_add_test(t, a_saved_ring_goes_on_where_it_was);
    tcase_add_test(t, another_shape_is_not_loaded);
    tcase_add_test(t, sizes_that_cannot_be_are_refused);
    suite_add_tcase(s, t);
    return s;
}

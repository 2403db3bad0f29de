/* tests/test_call.c -- "name(1, key=x)": what is read, and where it is wrong.
 */
#include <stdio.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/options.h"
#include "tests/suites.h"

static const elbo_option tilt[] = {
    {.name = "beta",
     .type = ELBO_REAL,
     .low = -100,
     .high = 100,
     .fallback = "2.385"},
    {.name = "kl",
     .type = ELBO_CHOICE,
     .choices = "step|next",
     .fallback = "step"},
    {.name = "ratio", .type = ELBO_TEXT, .fallback = "exact"},
    {0       }
};
static const elbo_option robust[] = {
    {.name = "radius", .type = ELBO_REAL, .low = 0, .high = 9},
    {0       }
};

static const elbo_option *lookup(const char *name, bool *known,
                                 const char **nearest)
{
    static const char *const names[] = {"tilt", "robust", "model"};

    *known = true;
    if (strcmp(name, "tilt") == 0) return tilt;
    if (strcmp(name, "robust") == 0) return robust;
    *known = strcmp(name, "model") == 0;
    *nearest = elbo_name_nearest(name, names, 3);
    return NULL;
}

static elbo_arena *arena;
static elbo_values got;
static const char *called;

static void set_up(void)
{
    arena = elbo_arena_alloc(4096);
}

static void tear_down(void)
{
    elbo_arena_free(arena);
}

static const char *why(void)
{
    return elbo_last_error()->text;
}

static void accept(const char *text, const char *name)
{
    size_t column;
    const char *nearest;

    ck_assert_msg(
        elbo_call_parse(text, lookup, arena, &called, &got, &column, &nearest)
            == ELBO_OK,
        "%s: %s", text, why());
    ck_assert_str_eq(called, name);
}

START_TEST(calls_take_arguments_by_place_and_by_name)
{
    accept("model", "model");
    ck_assert_uint_eq(got.n, 0);
    accept(" model ( ) ", "model");
    accept("tilt", "tilt");
    ck_assert(elbo_real(&got, "beta") == 2.385);
    ck_assert(!got.value[0].given);
    accept("tilt()", "tilt");
    accept("tilt(2)", "tilt");
    ck_assert(elbo_real(&got, "beta") == 2);
    ck_assert(elbo_choice_is(&got, "kl", "step"));
    accept("tilt(-3.5, next)", "tilt");
    ck_assert(elbo_real(&got, "beta") == -3.5);
    ck_assert(elbo_choice_is(&got, "kl", "next"));
    accept("\ttilt( 2 ,kl = next )", "tilt");
    ck_assert(elbo_choice_is(&got, "kl", "next"));
    accept("tilt(kl=next,beta=7)", "tilt");
    ck_assert(elbo_real(&got, "beta") == 7);
    accept("tilt(ratio=clip(2, 3), beta=1)", "tilt");
    ck_assert_str_eq(elbo_text(&got, "ratio"), "clip(2, 3)");
    ck_assert(elbo_real(&got, "beta") == 1);
    accept("robust(0.25)", "robust");
    ck_assert(elbo_real(&got, "radius") == 0.25);
}
END_TEST

static const struct wrong_call {
    const char *text;
    size_t column;
    const char *nearest, *why;
} wrong_calls[] = {
    {"",                       0,  NULL,   "a name is expected" },
    {"  (2)",                  2,  NULL,   "a name is expected" },
    {"2tilt",                  0,  NULL,   "a name is expected" },
    {" titl(2)",               1,  "tilt", "unknown name titl"  },
    {"elsewhere",              0,  NULL,   "unknown name"       },
    {"tilt(bta=2)",            5,  "beta", "no argument bta"    },
    {"tilt(2, 2=3)",           8,  NULL,   "kl must be one of"  },
    {"tilt(2, beta=3)",        8,  NULL,   "beta is given twice"},
    {"tilt(kl=step, kl=next)", 14, NULL,   "kl is given twice"  },
    {"tilt(kl=next, 2)",       14, NULL,   "without a name"     },
    {"tilt(2",                 6,  NULL,   "not closed"         },
    {"tilt(",                  5,  NULL,   "not closed"         },
    {"tilt(ratio=clip(2)",     18, NULL,   "not closed"         },
    {"tilt)",                  4,  NULL,   "may follow"         },
    {"tilt(2))",               7,  NULL,   "may follow"         },
    {"tilt(2) x",              8,  NULL,   "may follow"         },
    {"tilt 2",                 5,  NULL,   "may follow"         },
    {"tilt(,2)",               5,  NULL,   "is empty"           },
    {"tilt(2,)",               7,  NULL,   "is empty"           },
    {"tilt(beta=)",            10, NULL,   "is empty"           },
    {"tilt(1, next, a, b)",    17, NULL,   "at most 3"          },
    {"model(1)",               6,  NULL,   "at most 0"          },
    {"robust(1, 2)",           10, NULL,   "at most 1 argument" },
    {"tilt(101)",              5,  NULL,   "not 101"            },
    {"tilt(kl= nxt)",          9,  "next", "kl must be one of"  },
    {"tilt(beta=2.3x)",        13, NULL,   "a number in [-100"  },
    {"robust",                 6,  NULL,   "radius is missing"  },
    {"robust()",               8,  NULL,   "radius is missing"  },
};
enum { WRONG_CALLS = sizeof wrong_calls / sizeof *wrong_calls };

START_TEST(a_wrong_call_is_located_and_explained)
{
    const struct wrong_call *w = &wrong_calls[_i];
    size_t column = 999;
    const char *nearest = "unset";

    ck_assert_int_eq(elbo_call_parse(w->text, lookup, arena, &called, &got,
                                     &column, &nearest),
                     ELBO_EINVAL);
    ck_assert_msg(strstr(why(), w->why), "%s: %s", w->text, why());
    ck_assert_msg(column == w->column, "%s: column %zu", w->text, column);
    if (w->nearest)
        ck_assert_str_eq(nearest, w->nearest);
    else
        ck_assert_ptr_null(nearest);
    ck_assert_int_eq(
        elbo_call_parse(w->text, lookup, arena, &called, &got, NULL, NULL),
        ELBO_EINVAL);
}
END_TEST

START_TEST(each_allocation_fails_once_and_cleanly)
{
    elbo_status s = ELBO_ENOMEM;
    long n = 0;
    char text[400], note[400];

    memset(note, 'x', sizeof note);
    note[sizeof note - 1] = '\0';
    snprintf(text, sizeof text, "tilt(kl=next, ratio=%.300s)", note);
    for (; s == ELBO_ENOMEM; n++) {
        elbo_alloc_budget(n);

        elbo_arena *ws = elbo_arena_alloc(64);

        if (ws) {
            s = elbo_values_init(&got, tilt, ws);
            if (s == ELBO_OK) s = elbo_values_parse(&got, "kl=next beta=3");
            if (s == ELBO_OK)
                s = elbo_call_parse(text, lookup, ws, &called, &got, NULL,
                                    NULL);
        }
        elbo_alloc_budget(-1);
        elbo_arena_free(ws);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(n, 5);
}
END_TEST

Suite *suite_call(void)
{
    Suite *suite = suite_create("call");
    TCase *t = tcase_create("call");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, calls_take_arguments_by_place_and_by_name);
    tcase_add_loop_test(t, a_wrong_call_is_located_and_explained, 0,
                        WRONG_CALLS);
    tcase_add_test(t, each_allocation_fails_once_and_cleanly);
    suite_add_tcase(suite, t);
    return suite;
}

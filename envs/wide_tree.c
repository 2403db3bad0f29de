/* envs/wide_tree.c -- one choice that matters above many leaves that do not.
 *
 * States: 0 the root, 1 bad, 2 good, with relays 3 below bad and 4 below good,
 * then the leaves. Two actions:
 *   root    0 goes to bad, 1 to good; with probability `slip` to the other one
 *   bad, good   pay `bad_reward`, `good_reward`; with relays they lead to
 *               their relay, else they act as relays themselves
 *   relay   action a leads to a leaf of its own quarter of the leaves, evenly:
 *           first bad 0, bad 1, then good 0, good 1
 *   leaf    ends the episode
 */
#include "envs/layout.h"
#include "envs/registry.h"

enum { ROOT, BAD, GOOD, BAD_RELAY, GOOD_RELAY, N_ACTIONS = 2 };

static const elbo_option options[] = {
    {.name = "leaves",
     .type = ELBO_INT,
     .unit = "",
     .low = 4,
     .high = 1e6,
     .fallback = "100",
     .doc = "number of leaves, a multiple of 4"},
    {.name = "slip",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.3",
     .doc = "probability that the root's other child is reached"},
    {.name = "relays",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "true",
     .doc = "a state of its own between each child and its leaves"},
    {.name = "bad_reward",
     .type = ELBO_REAL,
     .unit = "",
     .low = -1e12,
     .high = 1e12,
     .fallback = "-1",
     .doc = "reward of leaving the bad child"},
    {.name = "good_reward",
     .type = ELBO_REAL,
     .unit = "",
     .low = -1e12,
     .high = 1e12,
     .fallback = "0",
     .doc = "reward of leaving the good child"},
    {0},
};

typedef struct tree {
    size_t first_leaf, leaves;
    bool relays;
    double slip, bad_reward, good_reward;
} tree;

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_world *out)
{
    tree *const t = elbo_arena_take(arena, 1, sizeof *t);

    (void)folder;
    ELBO_TRY(elbo_arena_check(arena, "wide_tree"));
    *t = (tree){.leaves = (size_t)elbo_int(values, "leaves"),
                .relays = elbo_flag(values, "relays"),
                .slip = elbo_real(values, "slip"),
                .bad_reward = elbo_real(values, "bad_reward"),
                .good_reward = elbo_real(values, "good_reward")};
    t->first_leaf = t->relays ? GOOD_RELAY + 1 : GOOD + 1;
    if (t->leaves % 4 != 0)
        return ELBO_FAIL(ELBO_EINVAL, "leaves must be a multiple of 4, not %zu",
                         t->leaves);
    *out = (elbo_world){
        .env = &elbo_wide_tree,
        .self = t,
        .nS = t->first_leaf + t->leaves,
        .nA = N_ACTIONS,
        .most = t->leaves / 4 > 2 ? t->leaves / 4 : 2,
    };
    out->mu = elbo_start_at(out->nS, ROOT, arena);
    return elbo_arena_check(arena, "wide_tree");
}

static size_t to_leaves(const tree *t, bool good, size_t a, double reward,
                        elbo_outcome out[])
{
    const size_t n = t->leaves / 4;
    const size_t first = t->first_leaf + (2 * (size_t)good + a) * n;

    for (size_t k = 0; k < n; k++)
        out[k] = (elbo_outcome){.next = (uint32_t)(first + k),
                                .prob = 1 / (double)n,
                                .reward = reward};
    return n;
}

static size_t outcomes(const void *world, size_t s, size_t a,
                       elbo_outcome out[])
{
    const tree *const t = world;
    const double to_good = a == 1 ? 1 - t->slip : t->slip;
    const double reward = s == BAD ? t->bad_reward : t->good_reward;

    if (s >= t->first_leaf) {
        out[0] = (elbo_outcome){
            .next = (uint32_t)s, .terminal = true, .prob = 1, .reward = 0};
        return 1;
    }
    if (s == ROOT) {
        const size_t n = elbo_outcome_add(
            out, 0, (elbo_outcome){.next = BAD, .prob = 1 - to_good});

        return elbo_outcome_add(
            out, n, (elbo_outcome){.next = GOOD, .prob = to_good});
    }
    if (s >= BAD_RELAY) return to_leaves(t, s == GOOD_RELAY, a, 0, out);
    if (!t->relays) return to_leaves(t, s == GOOD, a, reward, out);
    out[0] = (elbo_outcome){.next = s == BAD ? BAD_RELAY : GOOD_RELAY,
                            .prob = 1,
                            .reward = reward};
    return 1;
}

const elbo_env elbo_wide_tree = {
    .name = "wide_tree",
    .source = "Ayoub et al., ICML 2020; with relays Vemula et al., ICML 2023",
    .doc = "one choice that matters above many leaves that do not",
    .options = options,
    .open = open_world,
    .outcomes = outcomes,
};

/* inference/engine_slots_shared.c -- which settings go together, whatever the family
 * of worlds.
 */
#include <string.h>

#include "inference/finite_facts.h"

typedef elbo_facts facts;

static bool is_online(const facts *f)
{
    return elbo_choice_is(f->setup->data, "mode", "online");
}

static bool from_file(const facts *f)
{
    return elbo_choice_is(f->setup->data, "source", "file");
}

static bool no_discount(const facts *f)
{
    return !(f->slots.gamma > 0);
}

static bool likelihood_without_theta(const facts *f)
{
    return f->stops && !(f->depends & ELBO_ON_THETA)
           && !(f->depends & ELBO_ON_PLANNER);
}

static bool likelihood_behind_planner(const facts *f)
{
    return f->stops && !(f->depends & ELBO_ON_THETA)
           && f->depends & ELBO_ON_PLANNER;
}

static bool gradient_unused(const facts *f)
{
    return !f->stops && !(f->depends & ELBO_ON_PLANNER);
}

static bool no_output_layer(const facts *f)
{
    return f->slots.route.output;
}

static bool search_begins_late(const facts *f)
{
    return f->slots.route.search && f->slots.route.from > 1;
}

static bool search_by_episodes(const facts *f)
{
    return f->slots.route.search && f->slots.route.episodes > 0;
}

static bool file_of_stages(const facts *f)
{
    return f->stages && elbo_choice_is(f->setup->data, "source", "file");
}

static bool last_of_others(const facts *f)
{
    return elbo_choice_is(f->setup->inference, "m_step_keep", "last")
           && !elbo_choice_is(f->setup->inference, "m_step", "adam")
           && !elbo_choice_is(f->setup->inference, "m_step", "gd");
}

static bool file_missing(const facts *f)
{
    const char *file = elbo_text(f->setup->data, "file");

    return from_file(f) && (!file || !*file);
}

static bool current_offline(const facts *f)
{
    return !from_file(f) && !is_online(f)
           && elbo_choice_is(f->setup->data, "policy", "current");
}

static bool past_offline(const facts *f)
{
    return f->then && !elbo_choice_is(f->setup->data, "mode", "online");
}

static bool wrong(const facts *f, const char *slot)
{
    elbo_arena *const arena = elbo_arena_alloc(4096);
    const char *nearest;
    size_t column;
    elbo_status s = ELBO_ENOMEM;

    if (arena)
        s = elbo_setup_expression(f->setup, slot, arena, &column, &nearest);
    elbo_arena_free(arena);
    return s == ELBO_EINVAL;
}

static bool wrong_weight(const facts *f)
{
    return wrong(f, "weight");
}

static bool wrong_likelihood(const facts *f)
{
    return wrong(f, "likelihood");
}

static bool wrong_reward(const facts *f)
{
    return wrong(f, "reward");
}

static bool wrong_return_weight(const facts *f)
{
    return wrong(f, "return_weight");
}

/* clang-format off */
const elbo_clash elbo_shared_clashes[] = {
    {"inference", "weight", wrong_weight,
     "it has a word or a form that is not of this family of worlds"},
    {"inference", "likelihood", wrong_likelihood,
     "it has a word or a form that is not of this family of worlds"},
    {"control", "reward", wrong_reward,
     "it has a word or a form that is not of this family of worlds"},
    {"control", "return_weight", wrong_return_weight,
     "it has a word or a form that is not of this family of worlds"},
    {"env", "discount", no_discount, "must be above 0: it is survival"},
    {"inference", "likelihood", likelihood_without_theta,
     "nothing in it depends on theta"},
    {"inference", "likelihood", likelihood_behind_planner,
     "nothing in it depends on theta while gradient is stop: V, Q, logpi, J and "
     "the like see theta through the planner (give gradient: implicit, ...)"},
    {"inference", "gradient", gradient_unused,
     "nothing in the likelihood goes through the planner: must be stop"},
    {"inference", "gradient", no_output_layer,
     "only networks have an output layer: over must be all"},
    {"inference", "gradient", search_begins_late,
     "there is no fit before the search: from must be 1"},
    {"inference", "gradient", search_by_episodes,
     "returns are exact here: episodes must be 0"},
    {"data", "source", file_of_stages,
     "with a horizon V, Q and the policy differ from stage to stage, and a file "
     "does not tell the stages of its samples"},
    {"inference", "m_step_keep", last_of_others,
     "last goes with m_step: adam or gd: others stand where they are best"},
    {"data", "file", file_missing, "needed by source: file"},
    {"data", "policy", current_offline,
     "current needs mode: online: offline nothing is learnt before the data"},
    {"data", "mode", past_offline,
     "an expression reads V_then, but offline there was no V when the data "
     "were collected: must be online"},
};
/* clang-format on */

const size_t elbo_n_shared_clashes =
    sizeof elbo_shared_clashes / sizeof *elbo_shared_clashes;

elbo_status elbo_clash_check(const elbo_clash list[], size_t n,
                             const elbo_facts *of, size_t *skip,
                             const char **section, const char **key)
{
    for (size_t i = 0; i < n; i++) {
        if (!list[i].broken(of) || (*skip)-- > 0) continue;
        *section = list[i].section;
        *key = list[i].key;
        return ELBO_FAIL(ELBO_ECONFIG, "%s.%s: %s", *section, *key, list[i].text);
    }
    return ELBO_OK;
}

#include "inference/program/shelf.h"

#include <string.h>

enum { MOST = 256 };

static elbo_label env_at(size_t i)
{
    const elbo_env *const e = elbo_envs[i];

    return e ? (elbo_label){e->name, e->source, e->doc, e->options}
             : (elbo_label){0};
}

static elbo_label model_at(size_t i)
{
    const elbo_model *const m = elbo_models[i];

    return m ? (elbo_label){m->name, m->source, m->doc, m->options}
             : (elbo_label){0};
}

static elbo_label control_at(size_t i)
{
    const elbo_control *const c = elbo_controls[i];

    return c ? (elbo_label){c->name, c->source, c->doc, c->options}
             : (elbo_label){0};
}

elbo_shelf elbo_shelf_of(size_t kind)
{
    const elbo_shelf shelves[ELBO_SHELVES] = {
        {"env",     "envs",    "environment", elbo_env_options,     env_at    },
        {"model",   "models",  "model",       NULL,                 model_at  },
        {"control", "control", "control",     elbo_control_options, control_at},
    };

    return shelves[kind];
}

size_t elbo_shelf_size(const elbo_shelf *shelf)
{
    size_t n = 0;

    while (shelf->at(n).name) n++;
    return n;
}

size_t elbo_shelf_find(const elbo_shelf *shelf, const char *name,
                       const char **nearest)
{
    const char *names[MOST];
    size_t n = 0;

    if (nearest) *nearest = NULL;
    for (elbo_label l = shelf->at(0); l.name && n < MOST; l = shelf->at(n)) {
        if (strcmp(l.name, name) == 0) return n;
        names[n++] = l.name;
    }
    if (nearest) *nearest = elbo_name_nearest(name, names, n);
    return (size_t)-1;
}

size_t elbo_option_count(const elbo_option *options)
{
    size_t n = 0;

    while (options && options[n].name) n++;
    return n;
}

#include "inference/task_schedule.h"

#include <ctype.h>
#include <string.h>

static const uint64_t most = 1000000; /* steps, iterations */

static elbo_status no_schedule(const char *text)
{
    return ELBO_FAIL(
        ELBO_EINVAL,
        "rollout_length must be a number of steps up to 1000000, or as "
        "1->15 over 20..150, not %s",
        text);
}

/* A whole number at *at, which moves behind it. */
static elbo_status read_number(const char *text, const char **at, uint64_t *out)
{
    const char *const start = *at;

    for (*out = 0; isdigit((unsigned char)**at) && *out <= most; (*at)++)
        *out = 10 * *out + (uint64_t)(**at - '0');
    if (*at > start && *out <= most) return ELBO_OK;
    *at = start;
    return no_schedule(text);
}

/* The word at *at, with blanks around it. */
static elbo_status read_word(const char *text, const char **at,
                             const char *word)
{
    while (**at == ' ') (*at)++;
    if (strncmp(*at, word, strlen(word)) != 0)
        return ELBO_FAIL(ELBO_EINVAL, "rollout_length: \"%s\" is missing in %s",
                         word, text);
    *at += strlen(word);
    while (**at == ' ') (*at)++;
    return ELBO_OK;
}

static elbo_status parse(const char *text, const char **at,
                         elbo_task_schedule *out)
{
    uint64_t x[4];

    ELBO_TRY(read_number(text, at, &x[0]));
    *out = (elbo_task_schedule){(size_t)x[0], (size_t)x[0], 0, 0};
    if (!**at) return ELBO_OK;
    if (**at != ' ' && **at != '-') return no_schedule(text);
    ELBO_TRY(read_word(text, at, "->"));
    ELBO_TRY(read_number(text, at, &x[1]));
    ELBO_TRY(read_word(text, at, "over"));
    ELBO_TRY(read_number(text, at, &x[2]));
    ELBO_TRY(read_word(text, at, ".."));

    const char *const last = *at;

    ELBO_TRY(read_number(text, at, &x[3]));
    if (**at)
        return ELBO_FAIL(ELBO_EINVAL,
                         "rollout_length: nothing may follow in %s", text);
    *out = (elbo_task_schedule){(size_t)x[0], (size_t)x[1], x[2], x[3]};
    if (x[2] < x[3]) return ELBO_OK;
    *at = last;
    return ELBO_FAIL(
        ELBO_EINVAL,
        "rollout_length: from iteration %llu to %llu is no way forward",
        (unsigned long long)x[2], (unsigned long long)x[3]);
}

elbo_status elbo_task_schedule_parse(const char *text, elbo_task_schedule *out,
                                     size_t *column)
{
    const char *at = text;
    const elbo_status s = parse(text, &at, out);

    if (s != ELBO_OK && column) *column = (size_t)(at - text);
    return s;
}

size_t elbo_task_schedule_at(const elbo_task_schedule *s, uint64_t iteration)
{
    if (iteration <= s->first) return s->from;
    if (iteration >= s->last) return s->to;

    const uint64_t done = iteration - s->first, whole = s->last - s->first;

    if (s->to >= s->from)
        return s->from + (size_t)(done * (s->to - s->from) / whole);
    return s->to + (size_t)((whole - done) * (s->from - s->to) / whole);
}

size_t elbo_task_schedule_most(const elbo_task_schedule *s)
{
    return s->from > s->to ? s->from : s->to;
}

elbo_status elbo_rollout_check(const char *text, size_t *column,
                               const char **nearest)
{
    elbo_task_schedule schedule;

    if (nearest) *nearest = NULL;
    return elbo_task_schedule_parse(text, &schedule, column);
}

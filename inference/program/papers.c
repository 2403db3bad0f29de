#include "inference/program/papers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void print_one(const elbo_paper *p)
{
    printf("%s\n    %s\n    %s; %s, led by %s\n    %s\n    %s%s%s\n", p->name,
           p->citation, p->id, p->category, p->leads, p->setting, p->verdict,
           *p->folder ? ": papers/" : "", p->folder);
}

static void print_category(const elbo_paper *first)
{
    size_t n = 0;

    while (first[n].name && strcmp(first[n].category, first->category) == 0)
        n++;
    printf("%s (%zu)\n", first->category, n);
    for (const elbo_paper *p = first; p < first + n; p++)
        printf("  %-25s %s%s%s\n      %s\n", p->name, p->verdict,
               *p->folder ? ": papers/" : "", p->folder, p->setting);
}

static size_t print_all(void)
{
    const elbo_paper *p = elbo_papers;

    for (const char *last = ""; p->name; last = p++->category)
        if (strcmp(p->category, last) != 0) print_category(p);
    return (size_t)(p - elbo_papers);
}

size_t elbo_papers_print(const char *name)
{
    size_t n = 0;

    if (!name) return print_all();
    for (const elbo_paper *p = elbo_papers; p->name; p++) {
        if (strcasecmp(p->name, name) != 0 && strcmp(p->folder, name) != 0)
            continue;
        print_one(p);
        n++;
    }
    return n;
}

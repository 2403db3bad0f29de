/* madvise, MADV_HUGEPAGE, malloc_usable_size and _SC_PHYS_PAGES are Linux's;
 * only this file may see them. */
#define _DEFAULT_SOURCE

#include "inference/core/alloc.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inference/core/cgroup.h"

enum { CACHE_LINE = 64, HUGE_PAGE = 2 << 20, LARGE = 64 << 20 };

static atomic_long budget = -1;
static atomic_ulong count;
static atomic_size_t held;  /* bytes of all live blocks */
static atomic_size_t limit; /* bytes; 0: physical memory */

/* False when the budget is spent; takes one from it otherwise. */
static bool budget_allows(void)
{
    long left = atomic_load(&budget);

    while (left > 0)
        if (atomic_compare_exchange_weak(&budget, &left, left - 1)) return true;
    return left < 0;
}

static size_t physical(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t bytes;

    if (pages <= 0 || page <= 0
        || !elbo_size_mul((size_t)pages, (size_t)page, &bytes))
        return SIZE_MAX;
    return bytes;
}

/* What the system, and the control group that this process is in, could give
 * without killing; SIZE_MAX where they do not say. */
static size_t available(void)
{
    char line[128];
    size_t kib = SIZE_MAX / 1024;
    FILE *const file = fopen("/proc/meminfo", "re");

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %zu kB", &kib) == 1) break;
    if (file) fclose(file);

    const size_t all = kib < SIZE_MAX / 1024 ? kib * 1024 : SIZE_MAX;
    const size_t mine =
        elbo_cgroup_room("/proc/self/cgroup", "/sys/fs/cgroup");

    return all < mine ? all : mine;
}

/* Of all that the machine has, whatever other processes hold. */
static size_t unheld(void)
{
    const size_t set = atomic_load(&limit), used = atomic_load(&held);
    const size_t all = set ? set : physical();

    return all > used ? all - used : 0;
}

size_t elbo_alloc_room(void)
{
    const size_t mine = unheld();
    const size_t all = atomic_load(&limit) ? mine : available();

    return all < mine ? all : mine;
}

void elbo_alloc_limit(size_t bytes)
{
    atomic_store(&limit, bytes);
}

void *elbo_alloc(size_t n, size_t size)
{
    size_t bytes;
    void *block = NULL;

    if (!elbo_size_mul(n, size, &bytes) || bytes > PTRDIFF_MAX) return NULL;
    if (bytes > unheld() || (bytes >= LARGE && bytes > elbo_alloc_room()))
        return NULL;
    if (!budget_allows()) return NULL;

    const bool huge = bytes >= HUGE_PAGE;

    if (posix_memalign(&block, huge ? HUGE_PAGE : CACHE_LINE,
                       bytes ? bytes : 1))
        return NULL;
    atomic_fetch_add(&count, 1);
    atomic_fetch_add(&held, malloc_usable_size(block));
#ifdef MADV_HUGEPAGE
    /* Only advice: the block is as good when the kernel declines. */
    if (huge) (void)madvise(block, bytes, MADV_HUGEPAGE);
#endif
    return block;
}

void elbo_free(void *block)
{
    if (block) atomic_fetch_sub(&held, malloc_usable_size(block));
    free(block);
}

void elbo_alloc_budget(long n)
{
    atomic_store(&budget, n);
}

unsigned long elbo_alloc_count(void)
{
    return atomic_load(&count);
}

bool elbo_size_mul(size_t a, size_t b, size_t *out)
{
    if (b && a > SIZE_MAX / b) return false;
    *out = a * b;
    return true;
}

bool elbo_size_add(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b) return false;
    *out = a + b;
    return true;
}

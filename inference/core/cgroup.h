/* inference/core/cgroup.h -- what a control group still lets its processes hold.
 *
 *   room = min over the group and those above of limit - (usage - inactive files)
 * of version 2 (memory.max, memory.current, memory.stat) or of version 1's memory
 * controller (memory.limit_in_bytes, memory.usage_in_bytes, memory.stat). Pages of
 * files that no one uses are given back before a process is killed.
 */
#ifndef ELBO_CGROUP_H
#define ELBO_CGROUP_H

#include <stddef.h>

/* Bytes. `groups` lists the process's groups as /proc/self/cgroup does; `root` is
 * where they are mounted, /sys/fs/cgroup. What cannot be read, as in a container
 * that does not show its path, limits nothing: the groups above are asked.
 * SIZE_MAX: no limit. Allocates nothing but what stdio does. */
size_t elbo_cgroup_room(const char *groups, const char *root);

#endif

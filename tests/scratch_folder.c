#include "tests/scratch_folder.h"

#include <check.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char scratch_folder[64], scratch_path[96];

void scratch_make(void)
{
    snprintf(scratch_folder, sizeof scratch_folder, "/tmp/elbo-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch_folder));
    snprintf(scratch_path, sizeof scratch_path, "%s/state", scratch_folder);
}

static size_t sweep(const char *folder, bool and_remove)
{
    DIR *dir = opendir(folder);
    size_t n = 0;

    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        struct stat s;
        char name[512];

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        n++;
        snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
        if (!and_remove) continue;
        if (stat(name, &s) == 0 && S_ISDIR(s.st_mode)) sweep(name, true);
        ck_assert_int_eq(remove(name), 0);
    }
    closedir(dir);
    return n;
}

void scratch_remove(void)
{
    sweep(scratch_folder, true);
    ck_assert_int_eq(rmdir(scratch_folder), 0);
}

size_t scratch_count(void)
{
    return sweep(scratch_folder, false);
}

size_t scratch_read(unsigned char out[], size_t room)
{
    FILE *file = fopen(scratch_path, "rb");

    ck_assert_ptr_nonnull(file);

    const size_t n = fread(out, 1, room, file);

    fclose(file);
    return n;
}

void scratch_write(const void *data, size_t n)
{
    remove(scratch_path);

    FILE *file = fopen(scratch_path, "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
}

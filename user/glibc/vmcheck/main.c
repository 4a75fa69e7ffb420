/* SPDX-License-Identifier: MIT
 * What does virtual memory do, as a program sees it? Makes the memory calls in every way that it knows and
 * prints a line for each, so that two kernels can be compared line by line. `vmcheck SECTION` runs one part.
 */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "user/glibc/vmcheck/checks.h"
#include "user/glibc/vmcheck/vmcheck.h"

static const struct section {
    const char *name;
    void (*run)(void);
} sections[] = {
    {"mmap", section_mmap},     {"munmap", section_munmap},     {"zero", section_zero},
    {"rw", section_rw},         {"mprotect", section_mprotect}, {"brk", section_brk},
    {"stack", section_stack},   {"fork", section_fork},         {"file", section_file},
    {"mremap", section_mremap}, {"madvise", section_madvise},   {"mincore", section_mincore},
    {"msync", section_msync},   {"mlock", section_mlock},
};

static int usage(void)
{
    fprintf(stderr, "usage: vmcheck [SECTION], one of");
    for (size_t i = 0; i < COUNT(sections); i++)
        fprintf(stderr, " %s", sections[i].name);
    fprintf(stderr, "\n");
    return 2;
}

int main(int argc, char **argv)
{
    int known = argc == 1;
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none); /* many children crash */
    /* Huge pages make the neighbours of a touched page resident. Elsewhere the call may be unknown. */
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    for (size_t i = 0; i < COUNT(sections) && argc <= 2; i++) {
        if (argc == 2 && strcmp(argv[1], sections[i].name) != 0)
            continue;
        known = 1;
        (argc == 2 ? checks_section : checks_section_apart)(sections[i].name, sections[i].run);
    }
    return known ? checks_end() : usage();
}

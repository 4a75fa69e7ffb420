/* SPDX-License-Identifier: MIT
 * /proc: what its files say about memory that this program has mapped, and wrong calls on them. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/glibc/filecheck/filecheck.h"

#define PAGEMAP "/proc/self/pagemap"
#define MAPS    "/proc/self/maps"
#define VMSTAT  "/proc/vmstat"

enum { ENTRY = 8, TEXT = 1 << 16, COLUMN_32 = 49, COLUMN_64 = 73 };

/* Where nothing else is, here or on Linux. */
#define FIRST ((char *)0x20000000)
enum { APART = 1 << 20, PLACES = 6 };

static char text[TEXT], again[TEXT];
static void *volatile bad = (void *)8; /* nothing is there */

/* ---- pagemap ---- */

/* Where a page's entry is in the file. */
static off_t offset_of(const volatile char *at)
{
    return (off_t)((uintptr_t)at / PAGE * ENTRY);
}

static uint64_t entry_of(int fd, const volatile char *at)
{
    uint64_t entry = 0;
    if (pread(fd, &entry, ENTRY, offset_of(at)) != ENTRY)
        printf("cannot read the entry of %p\n", (const void *)at);
    return entry;
}

static uint64_t frame_of(uint64_t entry)
{
    return entry & ((1ull << 55) - 1);
}

/* Present, swapped, file or shared, exclusive; frames' numbers are for root only. */
static void show_entry(const char *what, int fd, const volatile char *at)
{
    uint64_t e = entry_of(fd, at);
    printf("%s: present %d swapped %d file %d exclusive %d frame %d\n", what, (int)(e >> 63),
           (int)(e >> 62 & 1), (int)(e >> 61 & 1), (int)(e >> 56 & 1),
           frame_of(e) != 0 || (e >> 63 && geteuid() != 0));
}

static void *map(int place, int pages, int prot, int flags, int fd, off_t offset)
{
    void *at = mmap(FIRST + place * APART, (size_t)pages * PAGE, prot, flags | MAP_FIXED, fd, offset);
    CHECK(at == FIRST + place * APART);
    return at;
}

static void in_a_child(int fd, volatile char *page)
{
    int status;
    uint64_t before = frame_of(entry_of(fd, page));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int own = open(PAGEMAP, O_RDONLY);
        show_entry("shared with the parent", own, page);
        CHECK(frame_of(entry_of(own, page)) == before);
        page[0] = 2;
        show_entry("copied", own, page);
        CHECK(geteuid() != 0 || frame_of(entry_of(own, page)) != before);
        CHECK(frame_of(entry_of(fd, page)) == before); /* the parent's file is still about the parent */
        fflush(stdout);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    show_entry("alone again", fd, page);
}

static void check_pagemap(int file)
{
    const int rw = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    uint64_t entries[4];
    int fd = open(PAGEMAP, O_RDONLY);
    volatile char *mine = map(0, 4, rw, anonymous, -1, 0);
    show_entry("untouched", fd, mine);
    show_entry("unmapped", fd, FIRST - APART);
    (void)mine[PAGE];
    mine[2 * PAGE] = 1;
    mine[3 * PAGE] = 1;
    show_entry("read", fd, mine + PAGE);
    show_entry("written", fd, mine + 2 * PAGE);
    CHECK(lseek(fd, offset_of(mine), SEEK_SET) == offset_of(mine));
    CHECK(read(fd, entries, sizeof entries));
    CHECK(entries[0] == 0 && entries[2] == entry_of(fd, mine + 2 * PAGE));
    CHECK(lseek(fd, 0, SEEK_CUR) == offset_of(mine + 4 * PAGE));
    CHECK(geteuid() != 0 || frame_of(entries[2]) != frame_of(entries[3]));
    in_a_child(fd, mine + 2 * PAGE);
    CHECK(madvise((void *)(mine + 2 * PAGE), PAGE, MADV_DONTNEED));
    show_entry("discarded", fd, mine + 2 * PAGE);
    volatile char *shared = map(1, 1, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared[0] = 1;
    show_entry("shared", fd, shared);
    volatile char *one = map(2, 1, PROT_READ, MAP_SHARED, file, PAGE);
    volatile char *two = map(3, 1, rw, MAP_PRIVATE, file, PAGE);
    (void)one[0];
    (void)two[0];
    show_entry("file", fd, one);
    CHECK(entry_of(fd, one) == entry_of(fd, two));
    two[0] = 1;
    show_entry("file, copied", fd, two);
    show_entry("file, alone", fd, one);
    CHECK(pread(fd, entries, ENTRY, 1));
    CHECK(pread(fd, entries, ENTRY - 1, 0));
    CHECK(pread(fd, entries, ENTRY + 1, 0));
    CHECK(pread(fd, entries, 0, 0));
    CHECK(pread(fd, entries, ENTRY, 0));
    CHECK(entries[0] == 0);
    CHECK(pread(fd, entries, ENTRY, (off_t)((1ull << 32) / PAGE * ENTRY)));
    CHECK(pread(fd, bad, ENTRY, 0));
    CHECK(lseek(fd, 3, SEEK_SET));
    CHECK(read(fd, entries, ENTRY));
    CHECK(lseek(fd, 0, SEEK_END));
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
    CHECK(close(fd));
}

/* ---- texts ---- */

/* => the length */
static ssize_t slurp(const char *name, char *to, size_t piece)
{
    int fd = open(name, O_RDONLY);
    ssize_t n, length = 0;
    while ((n = read(fd, to + length,
                     piece < (size_t)(TEXT - 1 - length) ? piece : (size_t)(TEXT - 1 - length))) > 0)
        length += n;
    to[length] = '\0';
    close(fd);
    return n < 0 ? n : length;
}

/* The line of what is mapped at `at`, without device and inode; `path` is what its name should be. */
static void show_map(const void *at, const char *path)
{
    char start[16], end[16], rights[8], offset[16];
    int name = 0;
    snprintf(again, sizeof again, "%08x-", (unsigned)(uintptr_t)at);
    const char *line = strstr(text, again);
    if (line == NULL || sscanf(line, "%8[^-]-%8s %4s %8s %*s %*s%n", start, end, rights, offset, &name) < 4) {
        printf("%s is missing\n", again);
        return;
    }
    name += (int)strspn(line + name, " ");
    size_t length = strcspn(line + name, "\n");
    bool column =
        length == 0 || name == COLUMN_32 || name == COLUMN_64; /* by the width of the kernel's addresses */
    printf("%s-%s %s %s column %d %s\n", start, end, rights, offset, column,
           strncmp(line + name, path, length) == 0 && path[length] == '\0' ? "as it should" : line + name);
}

static void check_many_maps(void)
{
    enum { MANY = 400 };
    int found = 0;
    for (int i = 0; i < MANY; i++)
        mmap(FIRST + 2 * i * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(slurp(MAPS, text, 1000) == (ssize_t)strlen(text));
    for (int i = 0; i < MANY; i++) {
        snprintf(again, sizeof again, "\n%08x-%08x r--p ", (unsigned)(uintptr_t)FIRST + 2 * i * PAGE,
                 (unsigned)(uintptr_t)FIRST + (2 * i + 1) * PAGE);
        found += strstr(text, again) != NULL;
    }
    CHECK(found);
    CHECK(munmap(FIRST, 2 * MANY * PAGE));
}

static void check_maps(int file, const char *path)
{
    const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    map(0, 3, PROT_READ | PROT_WRITE | PROT_EXEC, anonymous, -1, 0);
    CHECK(mprotect(FIRST + PAGE, PAGE, PROT_NONE));
    map(1, 2, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    map(2, 1, PROT_READ, MAP_SHARED, file, PAGE);
    map(3, 2, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    CHECK(slurp(MAPS, text, PAGE) > 0);
    for (int page = 0; page < 3; page++)
        show_map(FIRST + page * PAGE, "");
    show_map(FIRST + 1 * APART, "/dev/zero (deleted)");
    show_map(FIRST + 2 * APART, path);
    show_map(FIRST + 3 * APART, path);
    CHECK(strstr(text, "[stack]\n") != NULL);
    CHECK(strstr(text, "[heap]\n") != NULL);
    CHECK(strncmp(text, "08048000-", 9));
    CHECK(slurp(MAPS, again, 7) == (ssize_t)strlen(text) && strcmp(text, again) == 0);
    CHECK(munmap(FIRST, (size_t)PLACES * APART));
    CHECK(slurp(MAPS, text, PAGE) > 0 && strstr(text, "20000000-") == NULL);
}

/* In the text that was read last. */
static unsigned long value(const char *name)
{
    const char *line = strstr(text, name);
    return line != NULL ? strtoul(line + strlen(name), NULL, 10) : 0;
}

static unsigned long counter(const char *name)
{
    slurp(VMSTAT, text, sizeof text);
    return value(name);
}

static void check_vmstat(void)
{
    volatile char *at = mmap(NULL, 50 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned long before = counter("\npgmajfault ");
    CHECK(strstr(text, "\npswpin ") != NULL && strstr(text, "\npswpout ") != NULL);
    CHECK(counter("\npgmajfault ") >= before);
    before = counter("pgfault ");
    CHECK(before > 0);
    for (int i = 0; i < 50; i++)
        at[i * PAGE] = 1;
    CHECK(counter("pgfault ") >= before + 50);
    int fd = open(VMSTAT, O_RDONLY);
    CHECK(read(fd, text, sizeof text - 1) > 0);
    before = value("pgfault ");
    madvise((void *)at, 50 * PAGE, MADV_DONTNEED);
    for (int i = 0; i < 50; i++)
        at[i * PAGE] = 1;
    CHECK(lseek(fd, 0, SEEK_SET)); /* who reads from the start again sees what is now */
    CHECK(read(fd, text, sizeof text - 1) > 0 && value("pgfault ") >= before + 50);
    CHECK(munmap((void *)at, 50 * PAGE));
    CHECK(lseek(fd, 0, SEEK_SET));
    CHECK(read(fd, text, 1) == 1 && pread(fd, again, 1, 0) == 1 && text[0] == again[0]);
    CHECK(pread(fd, again, 1, 1 << 30));
    CHECK(read(fd, bad, 1));
    CHECK(lseek(fd, 0, SEEK_END));
    CHECK(lseek(fd, 0, SEEK_SET));
    CHECK(lseek(fd, -1, SEEK_CUR));
    CHECK(write(fd, "1", 1));
    CHECK(ftruncate(fd, 0));
    CHECK(fsync(fd));
    CHECK(close(fd));
}

/* ---- names ---- */

/* Which of the names are in a directory, one bit each. */
static int listed(const char *name, const char *const *names)
{
    int found = 0;
    DIR *d = opendir(name);
    if (d == NULL)
        return -1;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        for (int i = 0; names[i] != NULL; i++)
            if (strcmp(e->d_name, names[i]) == 0)
                found += 1 << i;
    closedir(d);
    return found;
}

static void check_proc_names(void)
{
    char pid[16], own[32];
    struct stat st, other;
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    snprintf(own, sizeof own, "/proc/%s", pid);
    CHECK(listed("/proc", (const char *const[]){".", "..", "self", "vmstat", pid, "1000000", NULL}));
    CHECK(listed("/proc/self", (const char *const[]){".", "..", "maps", "pagemap", "vmstat", NULL}));
    CHECK(stat("/proc", &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0555);
    CHECK(stat("/proc/self", &st) == 0 && stat(own, &other) == 0 && S_ISDIR(st.st_mode));
    CHECK(st.st_ino == other.st_ino && st.st_dev == other.st_dev);
    CHECK(stat(MAPS, &st) == 0 && st.st_mode == (S_IFREG | 0444) && st.st_size == 0);
    CHECK(stat(PAGEMAP, &st) == 0 && st.st_mode == (S_IFREG | 0400) && st.st_size == 0);
    CHECK(stat(VMSTAT, &st) == 0 && st.st_mode == (S_IFREG | 0444) && st.st_size == 0);
    int fd = open(MAPS, O_RDONLY);
    CHECK(fstat(fd, &other) == 0 && stat(MAPS, &st) == 0 && st.st_ino == other.st_ino &&
          S_ISREG(other.st_mode));
    CHECK(close(fd));
    CHECK(chdir("/proc/self"));
    CHECK(strcmp(getcwd(text, sizeof text), own));
    CHECK(access("maps", R_OK));
    CHECK(access("../vmstat", R_OK));
    CHECK(access("../../proc/vmstat", F_OK));
    CHECK(chdir(".."));
    CHECK(strcmp(getcwd(text, sizeof text), "/proc"));
    CHECK(chdir("/"));
    const char *const none[] = {"/proc/nosuch", "/proc/self/nosuch", "/proc/1000000", "/proc/01", "/proc/0"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        CHECK(open(none[i], O_RDONLY));
        CHECK(open(none[i], O_RDWR | O_CREAT, 0600));
        CHECK(mkdir(none[i], 0700));
        CHECK(unlink(none[i]));
    }
    CHECK(open("/proc/vmstat/below", O_RDONLY));
    CHECK(open("/proc/self/maps/", O_RDONLY));
    CHECK(open(MAPS, O_RDONLY | O_DIRECTORY));
    CHECK(open(MAPS, O_RDONLY | O_CREAT | O_EXCL, 0600));
    CHECK(open("/proc", O_WRONLY));
    CHECK(open("/proc/self", O_RDWR));
    CHECK(access(VMSTAT, X_OK));
    CHECK(unlink(MAPS));
    CHECK(unlink(VMSTAT));
    CHECK(rmdir(VMSTAT));
    CHECK(mkdir(MAPS, 0700));
    CHECK(chmod(MAPS, 0666));
    CHECK(rename(MAPS, "/proc/self/new"));
    CHECK(rename(VMSTAT, "/tmp/new"));
    CHECK(truncate("/proc/self", 0));
}

void check_proc(const char *path)
{
    char page[PAGE] = "";
    int file = open(path, O_RDWR | O_CREAT, 0600);
    CHECK(write(file, page, sizeof page));
    CHECK(write(file, page, sizeof page));
    free(malloc(1)); /* so that there is a heap */
    check_pagemap(file);
    check_maps(file, path);
    check_many_maps();
    check_vmstat();
    check_proc_names();
    CHECK(unlink(path));
    printf("proc: done\n");
}

void check_proc_writing(void)
{
    const char *const names[] = {PAGEMAP, MAPS, VMSTAT};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CHECK(open(names[i], O_WRONLY));
        CHECK(open(names[i], O_RDWR | O_CREAT, 0600));
        CHECK(open(names[i], O_RDONLY | O_TRUNC));
        CHECK(truncate(names[i], 0));
        CHECK(access(names[i], W_OK));
    }
}

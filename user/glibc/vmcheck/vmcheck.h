/* SPDX-License-Identifier: MIT
 * What the sections of vmcheck share: checks that print one line each, stamped pages, places for mappings,
 * a file in /tmp.
 *
 * A line is "NNN section what: result", the same in every run: results are errno names, numbers, signals, yes
 * and no; never an address, a time or a pid. What Linux leaves to its configuration, its version, the machine
 * or the limits of a container is not asked. Where a 32-bit and a 64-bit kernel answer differently it is not
 * asked either. A result other than the expected one says so in its line. */
#ifndef USER_GLIBC_VMCHECK_H
#define USER_GLIBC_VMCHECK_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define PAGE        4096
#define RW          (PROT_READ | PROT_WRITE)
#define ANON        (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED_ANON (MAP_SHARED | MAP_ANONYMOUS)
#define COUNT(a)    (sizeof(a) / sizeof *(a))

/* No user address, neither of a 32-bit kernel nor of a 64-bit one: that ends at 0xffffe000. */
#define KERNEL_ADDRESS ((char *)0xffffe000)
/* More pages than the smallest pool the test gives this program, so that some are swapped out. */
#define MANY 80

/* Newer than some C libraries. */
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MADV_COLD
#define MADV_COLD    20
#define MADV_PAGEOUT 21
#endif

/* Results in words, as checks print and expect them. */
#define YES  "yes"
#define FINE "fine"
#define SEGV "SIGSEGV"
#define BUS  "SIGBUS"

/* Checks. CHECK_CHILD evaluates its last argument in a child process. */
#define CHECK(what, good)                   check_text(what, (good) ? YES : "no", YES)
#define CHECK_NUMBER(what, expected, value) check_number(what, expected, value)
/* The value is a system call's: 0 or more is "ok", otherwise errno counts. expected is 0 or an errno. */
#define CHECK_CALL(what, expected, value)      check_call(what, expected, (long)(value))
#define CHECK_CHILD(what, good)                CHECK_CHILD_ENDS(what, YES, good)
#define CHECK_CHILD_ENDS(what, expected, good) check_child(what, expected, in_child() ? end_child(good) : 0)

/* => both in one, for checks that a table names; valid until the next call */
const char *joined(const char *what, const char *more);

void check_text(const char *what, const char *got, const char *expected);
void check_number(const char *what, long expected, long got);
void check_call(const char *what, int expected, long returned);
void check_child(const char *what, const char *expected, int none);
/* What happens to a child that reads or writes the byte: FINE, SEGV or BUS. */
void check_read(const char *what, const char *expected, const void *at);
void check_write(const char *what, const char *expected, const void *at);

/* CHECK_CHILD's two halves. => in_child: 1 in the child. end_child does not return. */
int in_child(void);
int end_child(int good);

/* Forks, or ends the program if it cannot. => the child's pid, or 0 */
pid_t must_fork(void);
/* Waits for the child. => "exit N" or the signal's name, valid until the next call */
const char *ended(pid_t pid);
int went_well(pid_t pid); /* waits too. => 1 for exit 0 */
/* Waits until *flag is value; gives up after some seconds, so that nothing hangs. => 1 if it is */
int wait_for(volatile int *flag, int value);

/* A call by number with its arguments, all six, and what it must say. */
struct call {
    const char *what;
    int expected; /* 0 or an errno */
    long number;
    long args[6];
};
#define A(address) ((long)(uintptr_t)(address))
void check_calls(const struct call *calls, size_t n);

/* Stamps say which page of which writer this is, in every word. */
void stamp(void *at, unsigned first, unsigned pages, unsigned tag);
int holds(const void *at, unsigned first, unsigned pages, unsigned tag);
int zeros(const void *at, unsigned pages);
int bytes_are(const void *at, int byte, size_t n);

/* A range of addresses that nothing else uses and where nothing is mapped, with forbidden pages around it. */
char *room(unsigned pages);
void leave(char *at, unsigned pages); /* unmaps whatever is there */
/* Maps at a fixed place in a room, or ends the program. */
char *put(char *at, unsigned pages, int prot, int flags);
char *put_file(char *at, unsigned pages, int prot, int flags, int fd, unsigned offset);
/* Anonymous private pages that are stamped from page 0. */
char *put_stamped(char *at, unsigned pages, unsigned tag);

/* => 1 or 0 as mincore says of one page, or -1 if it fails */
int resident(const char *at);

/* A file in /tmp of stamped pages; one at a time. => fd, or -1 after printing a check that failed */
int file_new(unsigned pages, unsigned tag);
int file_again(int flags); /* opens it once more. => fd or -1 */
void file_end(int fd);     /* closes and unlinks it */
int file_holds(int fd, unsigned first, unsigned pages, unsigned tag);
ssize_t read_at(int fd, off_t at, void *to, size_t n);
ssize_t write_at(int fd, off_t at, const void *from, size_t n);

void section_mmap(void);
void section_munmap(void);
void section_mprotect(void);
void section_mremap(void);
void section_madvise(void);
void section_mincore(void);
void section_msync(void);
void section_mlock(void);
void section_brk(void);
void section_stack(void);
void section_file(void);
void section_fork(void);
void section_rw(void);
void section_zero(void);

#endif

/* SPDX-License-Identifier: MIT
 * Calls on files and pipes, right and wrong ones: one line each with what they returned. The output is the
 * same on Linux and on Faultline, so it holds nothing that depends on the machine, the user or the time.
 * Works in /tmp, in one process, and leaves nothing behind. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "user/glibc/filecheck/filecheck.h"

enum { FILES = 64, NAME_LONGEST = 255, PATH_LONGEST = 4096, BAD_FD = 999, BAD_FLAG = 0x40000000 };

static char dir[64], path[128], other[128], missing[128], below[160], slashed[160];
static char data[2 * PAGE], back[2 * PAGE];
static char *edge; /* the page before it is good, it is not */

/* Wrong on purpose; volatile, so that the compiler does not see it. */
static void *volatile bad = (void *)8; /* nothing is there */
static volatile int negative = -1, too_many = 1025;

void show(const char *what, long long result)
{
    int e = errno;
    if (result == -1)
        printf("%s: -1 %s\n", what, strerrorname_np(e));
    else
        printf("%s: %lld\n", what, result);
    errno = 0;
}

static void put_file(const char *name, size_t bytes)
{
    int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes)
        printf("cannot make a file\n");
    close(fd);
}

static int open_file(int flags)
{
    return open(path, flags);
}

static void check_open(void)
{
    char longest[PATH_LONGEST + 2], name[NAME_LONGEST + 80];
    int fd, at = open("/tmp", O_RDONLY | O_DIRECTORY);
    CHECK(at);
    CHECK(open(missing, O_RDONLY));
    CHECK(open(missing, O_WRONLY));
    CHECK(open("", O_RDONLY));
    CHECK(open("", O_RDWR | O_CREAT, 0600));
    CHECK(open(bad, O_RDONLY));
    CHECK(open(bad, O_RDONLY | O_CREAT, 0600));
    CHECK(fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644));
    CHECK(close(fd));
    CHECK(close(fd));
    CHECK(open(path, O_RDWR | O_CREAT | O_EXCL, 0644));
    CHECK(fd = open(path, O_RDWR | O_CREAT, 0644));
    CHECK(close(fd));
    CHECK(open(path, O_RDONLY | O_DIRECTORY));
    CHECK(open(below, O_RDONLY));
    CHECK(open(below, O_RDWR | O_CREAT, 0600));
    CHECK(open(slashed, O_RDONLY));
    CHECK(open(slashed, O_RDWR | O_CREAT, 0600));
    CHECK(open("/tmp/no-such-directory/file", O_RDWR | O_CREAT, 0600));
    CHECK(open("/tmp", O_RDWR));
    CHECK(open("/tmp", O_WRONLY));
    CHECK(open("/tmp", O_RDONLY | O_CREAT, 0600));
    CHECK(open("/tmp", O_RDONLY | O_CREAT | O_EXCL, 0600));
    CHECK(open("/tmp/", O_RDONLY | O_CREAT, 0600));
    CHECK(open("/tmp/.", O_RDWR | O_CREAT, 0600));
    CHECK(open("/", O_RDWR));
    CHECK(fd = open("//tmp/.././tmp///.", O_RDONLY));
    CHECK(close(fd));
    snprintf(name, sizeof name, "/tmp/%0*d", NAME_LONGEST, 1);
    CHECK(fd = open(name, O_RDWR | O_CREAT, 0600));
    CHECK(close(fd));
    CHECK(unlink(name));
    snprintf(name, sizeof name, "/tmp/%0*d", NAME_LONGEST + 1, 1);
    CHECK(open(name, O_RDWR | O_CREAT, 0600));
    CHECK(open(name, O_RDONLY));
    memset(longest, '/', sizeof longest);
    longest[PATH_LONGEST - 1] = '\0';
    CHECK(fd = open(longest, O_RDONLY));
    CHECK(close(fd));
    longest[PATH_LONGEST - 1] = '/';
    longest[PATH_LONGEST] = '\0';
    CHECK(open(longest, O_RDONLY));
    memset(edge - 5, 'x', 5); /* no NUL before the end of what is mapped */
    CHECK(open(edge - 5, O_RDONLY));
    CHECK(fd = openat(at, path + 5, O_RDONLY)); /* path + 5: without "/tmp/" */
    CHECK(openat(fd, path + 5, O_RDONLY));
    CHECK(openat(BAD_FD, path + 5, O_RDONLY));
    CHECK(openat(-1, path + 5, O_RDONLY));
    CHECK(close(openat(BAD_FD, path, O_RDONLY)));
    CHECK(openat(BAD_FD, "", O_RDONLY));
    CHECK(close(fd));
    CHECK(fd = creat(path, 0644));
    CHECK(read(fd, back, 1));
    CHECK(close(fd));
    CHECK(close(at));
    CHECK(close(-1));
    CHECK(close(BAD_FD));
}

static void check_read_write(void)
{
    int fd, ro, wo, at;
    put_file(path, 0);
    CHECK(fd = open_file(O_RDWR));
    CHECK(write(fd, "hello, world", 12));
    CHECK(read(fd, back, 10));
    CHECK(lseek(fd, 7, SEEK_SET));
    CHECK(read(fd, back, 100));
    CHECK(memcmp(back, "world", 5));
    CHECK(read(fd, back, 100));
    CHECK(read(fd, back, 0));
    CHECK(write(fd, data, 0));
    CHECK(write(fd, bad, 0));
    CHECK(write(fd, bad, 8));
    CHECK(write(fd, (void *)0xffffff00u, 8));
    CHECK(lseek(fd, 0, SEEK_CUR));
    CHECK(lseek(fd, 0, SEEK_SET));
    CHECK(read(fd, bad, 8));
    CHECK(lseek(fd, 0, SEEK_CUR));
    CHECK(read(BAD_FD, back, 1));
    CHECK(read(-1, bad, 1));
    CHECK(write(BAD_FD, data, 1));
    ro = open_file(O_RDONLY);
    wo = open_file(O_WRONLY);
    at = open("/tmp", O_RDONLY);
    CHECK(write(ro, data, 1));
    CHECK(write(ro, data, 0));
    CHECK(read(wo, back, 1));
    CHECK(read(at, back, 1));
    CHECK(write(at, data, 1));
    CHECK(pread(at, back, 1, 0));
    close(at);
    /* what ends at a bad page is done up to there */
    CHECK(lseek(fd, 0, SEEK_SET));
    CHECK(write(fd, edge - PAGE, 2 * PAGE));
    CHECK(lseek(fd, 0, SEEK_CUR));
    CHECK(write(fd, data, PAGE));
    CHECK(lseek(fd, 0, SEEK_SET));
    CHECK(read(fd, edge - PAGE, 2 * PAGE));
    CHECK(lseek(fd, 0, SEEK_CUR));
    CHECK(read(fd, edge, 1));
    /* positions of their own */
    CHECK(pwrite(fd, "abc", 3, 2 * PAGE - 1));
    CHECK(lseek(fd, 0, SEEK_CUR));
    CHECK(lseek(fd, 0, SEEK_END));
    CHECK(pread(fd, back, 10, 2 * PAGE - 2));
    CHECK(memcmp(back + 1, "abc", 3));
    CHECK(pread(fd, back, 10, 3 * PAGE));
    CHECK(pread(fd, back, 10, -1));
    CHECK(pwrite(fd, data, 10, -1));
    CHECK(pread(BAD_FD, back, 10, -1));
    CHECK(pread(BAD_FD, back, 10, 0));
    CHECK(pread(wo, back, 10, 0));
    CHECK(pwrite(ro, data, 10, 0));
    CHECK(pread(fd, bad, 10, 0));
    /* a hole reads as zeros */
    CHECK(pwrite(fd, "end", 3, 5 * PAGE + 5));
    memset(back, 'x', sizeof back);
    CHECK(pread(fd, back, PAGE, 3 * PAGE));
    CHECK(memchr(back, 'x', PAGE) == NULL && back[0] == 0 && back[PAGE - 1] == 0);
    close(ro);
    close(wo);
    close(fd);
    CHECK(fd = open_file(O_WRONLY | O_TRUNC | O_APPEND));
    CHECK(write(fd, "one", 3));
    CHECK(lseek(fd, 0, SEEK_SET));
    CHECK(write(fd, "two", 3));
    CHECK(lseek(fd, 0, SEEK_CUR));
    close(fd);
}

static void check_vectors(void)
{
    struct iovec good[] = {{"ab", 2}, {bad, 0}, {"cdef", 4}}, in[] = {{back, 3}, {back + 100, 100}};
    struct iovec half[] = {{"ab", 2}, {bad, 4}}, below_zero[] = {{"ab", 2}, {data, (size_t)-1}};
    struct iovec many[12];
    int fd = open(path, O_RDWR | O_TRUNC), wo = open_file(O_WRONLY);
    for (int i = 0; i < 12; i++)
        many[i] = (struct iovec){data + i * 100, 100};
    CHECK(writev(fd, good, 3));
    CHECK(writev(fd, good, 0));
    CHECK(writev(fd, bad, 0));
    CHECK(writev(fd, bad, 2));
    CHECK(writev(fd, half + 1, 1));
    CHECK(writev(fd, below_zero, 2));
    CHECK(writev(fd, good, negative));
    CHECK(writev(fd, good, too_many));
    CHECK(writev(BAD_FD, bad, 2));
    CHECK(lseek(fd, 0, SEEK_SET));
    CHECK(readv(fd, in, 2));
    CHECK(memcmp(back, "abc", 3) == 0 && memcmp(back + 100, "def", 3) == 0);
    CHECK(readv(fd, in, 2));
    CHECK(readv(wo, in, 2));
    CHECK(writev(fd, many, 12));
    CHECK(preadv(fd, in, 2, 4));
    CHECK(preadv(fd, in, 2, -1));
    CHECK(pwritev(fd, good, 3, 2000));
    CHECK(lseek(fd, 0, SEEK_END));
    close(fd);
    close(wo);
}

static void check_seek(void)
{
    int fd = open_file(O_RDWR), pipes[2];
    uint64_t at = 0;
    pipe(pipes);
    ftruncate(fd, 1000);
    CHECK(lseek(fd, 100, SEEK_SET));
    CHECK(lseek(fd, -30, SEEK_CUR));
    CHECK(lseek(fd, -1, SEEK_END));
    CHECK(lseek(fd, 5000, SEEK_END));
    CHECK(lseek(fd, -1, SEEK_SET));
    CHECK(lseek(fd, -1001, SEEK_END));
    CHECK(lseek(fd, 0, SEEK_CUR));
    CHECK(lseek(fd, 0, 99));
    CHECK(lseek(fd, 0, -1));
    CHECK(lseek(fd, 1000, SEEK_DATA));
    CHECK(lseek(fd, 1000, SEEK_HOLE));
    CHECK(lseek(fd, -1, SEEK_DATA));
    CHECK(lseek(BAD_FD, 0, 99));
    CHECK(lseek(pipes[0], 0, SEEK_SET));
    CHECK(lseek(pipes[1], 0, SEEK_CUR));
    CHECK(lseek(pipes[1], 0, 99));
    CHECK(syscall(SYS__llseek, fd, 1, 2, &at, SEEK_SET));
    CHECK(at);
    CHECK(read(fd, back, 1));
    CHECK(syscall(SYS__llseek, fd, 0, 7, bad, SEEK_SET));
    CHECK(lseek(fd, 0, SEEK_CUR));
    CHECK(syscall(SYS__llseek, fd, -1, 0, &at, SEEK_CUR));
    CHECK(syscall(SYS__llseek, BAD_FD, 0, 0, &at, SEEK_SET));
    close(fd);
    close(pipes[0]);
    close(pipes[1]);
}

static void check_truncate(void)
{
    int fd, ro;
    put_file(path, 5000);
    fd = open_file(O_RDWR);
    ro = open_file(O_RDONLY);
    CHECK(ftruncate(fd, 4000));
    CHECK(ftruncate(fd, 6000));
    CHECK(pread(fd, back, sizeof back, 3990));
    CHECK(memcmp(back, data + 3990, 10) == 0 && back[10] == 0 && back[2009] == 0);
    CHECK(ftruncate(fd, -1));
    CHECK(ftruncate(ro, 0));
    CHECK(ftruncate(BAD_FD, 0));
    CHECK(ftruncate(BAD_FD, -1));
    CHECK(syscall(SYS_ftruncate64, fd, 123, 0));
    CHECK(syscall(SYS_ftruncate64, fd, 0, -1));
    CHECK(truncate(path, 77));
    CHECK(lseek(fd, 0, SEEK_END));
    CHECK(truncate(path, -1));
    CHECK(truncate(missing, 0));
    CHECK(truncate("/tmp", 0));
    CHECK(truncate(below, 0));
    CHECK(truncate(slashed, 0));
    CHECK(truncate(bad, 0));
    CHECK(truncate("", 0));
    CHECK(syscall(SYS_truncate64, path, 0, 0));
    CHECK(lseek(fd, 0, SEEK_END));
    CHECK(fsync(fd));
    CHECK(fdatasync(ro));
    CHECK(fsync(BAD_FD));
    close(fd);
    close(ro);
}

static const char *type_of(mode_t mode)
{
    return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "directory" : S_ISFIFO(mode) ? "pipe" : "other";
}

static void tell(const char *what, int result, const struct stat *st)
{
    show(what, result);
    if (result != 0)
        return;
    printf("  %s", type_of(st->st_mode));
    if (S_ISREG(st->st_mode))
        printf(" mode=%o links=%u size=%ld", st->st_mode & 07777, (unsigned)st->st_nlink, (long)st->st_size);
    printf("\n");
}

static void check_stat(void)
{
    struct stat st;
    struct statx sx;
    int fd, again, pipes[2], at = open("/tmp", O_RDONLY);
    pipe(pipes);
    put_file(path, 1234);
    fd = open_file(O_RDONLY);
    tell("stat", stat(path, &st), &st);
    tell("lstat", lstat(path, &st), &st);
    tell("fstat", fstat(fd, &st), &st);
    tell("fstat pipe", fstat(pipes[1], &st), &st);
    tell("stat /tmp", stat("/tmp", &st), &st);
    tell("stat /tmp/", stat("/tmp/", &st), &st);
    tell("stat /", stat("/", &st), &st);
    tell("fstat directory", fstat(at, &st), &st);
    CHECK(stat(missing, &st));
    CHECK(stat(below, &st));
    CHECK(stat(slashed, &st));
    CHECK(stat("", &st));
    CHECK(stat(bad, &st));
    CHECK(fstat(BAD_FD, &st));
    CHECK(syscall(SYS_stat64, path, bad));
    CHECK(syscall(SYS_fstat64, fd, bad));
    CHECK(syscall(SYS_fstat64, fd, edge - 95));
    CHECK(syscall(SYS_fstat64, fd, edge - 96));
    CHECK(syscall(SYS_fstatat64, AT_FDCWD, path, back, BAD_FLAG));
    CHECK(syscall(SYS_fstatat64, fd, "", back, 0));
    CHECK(syscall(SYS_fstatat64, fd, "", back, AT_EMPTY_PATH));
    CHECK(syscall(SYS_fstatat64, BAD_FD, "", back, AT_EMPTY_PATH));
    CHECK(syscall(SYS_fstatat64, fd, "x", back, 0));
    CHECK(syscall(SYS_fstatat64, at, path + 5, back, AT_SYMLINK_NOFOLLOW));
    CHECK(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &sx));
    CHECK(sx.stx_size);
    CHECK(sx.stx_mode & S_IFMT);
    CHECK((sx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
    CHECK(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &sx));
    CHECK(statx(AT_FDCWD, path, 0, 0x80000000u, &sx));
    CHECK(statx(AT_FDCWD, path, AT_STATX_SYNC_TYPE, STATX_SIZE, &sx));
    CHECK(statx(AT_FDCWD, path, BAD_FLAG, STATX_SIZE, &sx));
    CHECK(statx(AT_FDCWD, missing, 0, STATX_SIZE, &sx));
    CHECK(syscall(SYS_statx, AT_FDCWD, path, 0, STATX_SIZE, bad));
    CHECK(chmod(path, 0600));
    tell("stat after chmod", stat(path, &st), &st);
    CHECK(fchmod(fd, 04751));
    tell("stat after fchmod", stat(path, &st), &st);
    CHECK(chmod(path, 0644));
    CHECK(chmod(missing, 0644));
    CHECK(chmod(below, 0644));
    CHECK(chmod(bad, 0644));
    CHECK(fchmod(BAD_FD, 0644));
    again = open_file(O_RDONLY);
    fstat(again, &st);
    ino_t first = st.st_ino;
    fstat(fd, &st);
    CHECK(first == st.st_ino);
    close(again);
    close(at);
    close(pipes[0]);
    close(pipes[1]);
    close(fd);
}

static void check_names(void)
{
    struct stat st;
    int fd;
    put_file(path, 100);
    fd = open_file(O_RDWR);
    CHECK(access(path, F_OK));
    CHECK(access(path, R_OK | W_OK));
    CHECK(access(path, X_OK));
    CHECK(access(path, 8));
    CHECK(access(missing, F_OK));
    CHECK(access(below, F_OK));
    CHECK(access(slashed, F_OK));
    CHECK(access(bad, F_OK));
    CHECK(access("/tmp", R_OK | W_OK | X_OK));
    CHECK(access("", F_OK));
    CHECK(syscall(SYS_faccessat, BAD_FD, "x", F_OK));
    CHECK(syscall(SYS_faccessat, BAD_FD, path, F_OK));
    CHECK(syscall(SYS_faccessat2, AT_FDCWD, path, F_OK, BAD_FLAG));
    CHECK(readlink(path, back, 10));
    CHECK(readlink(missing, back, 10));
    CHECK(readlink("/tmp", back, 10));
    CHECK(syscall(SYS_readlink, path, back, 0));
    CHECK(syscall(SYS_readlinkat, BAD_FD, "x", back, 10));
    CHECK(mkdir("/tmp", 0700));
    CHECK(mkdir("/", 0700));
    CHECK(mkdir(path, 0700));
    CHECK(mkdir(below, 0700));
    CHECK(mkdir("", 0700));
    CHECK(rmdir(path));
    CHECK(rmdir(missing));
    CHECK(rmdir("/tmp/."));
    CHECK(rmdir("/tmp/.."));
    CHECK(unlink(missing));
    CHECK(unlink(slashed));
    CHECK(unlink(below));
    CHECK(unlink("/tmp/."));
    CHECK(unlink("/tmp/.."));
    CHECK(unlink("/"));
    CHECK(unlink(""));
    CHECK(unlink(bad));
    CHECK(unlinkat(AT_FDCWD, path, BAD_FLAG));
    CHECK(unlinkat(AT_FDCWD, path, AT_REMOVEDIR));
    CHECK(unlinkat(BAD_FD, "x", 0));
    CHECK(unlinkat(fd, "x", 0));
    CHECK(unlinkat(BAD_FD, path, 0));
    /* the file is there as long as it is open */
    CHECK(open_file(O_RDONLY));
    tell("fstat unlinked", fstat(fd, &st), &st);
    CHECK(pread(fd, back, 200, 0));
    CHECK(memcmp(back, data, 100));
    put_file(path, 7);
    CHECK(pwrite(fd, "more", 4, 100));
    tell("stat the new one", stat(path, &st), &st);
    tell("fstat the old one", fstat(fd, &st), &st);
    close(fd);
}

static void check_rename(void)
{
    struct stat st;
    int fd = open_file(O_RDONLY), old;
    put_file(other, 50);
    old = open(other, O_RDONLY);
    CHECK(rename(path, path));
    CHECK(rename(path, other)); /* takes the name from the one that had it */
    CHECK(access(path, F_OK));
    tell("stat renamed", stat(other, &st), &st);
    tell("fstat renamed", fstat(fd, &st), &st);
    tell("fstat replaced", fstat(old, &st), &st);
    CHECK(pread(old, back, 100, 0));
    CHECK(rename(path, other));
    CHECK(rename(other, below));
    CHECK(rename(other, slashed));
    CHECK(rename(other, "/tmp/."));
    CHECK(rename("/tmp/..", other));
    CHECK(rename(other, ""));
    CHECK(rename(bad, other));
    CHECK(rename(other, bad));
    CHECK(renameat(BAD_FD, "x", AT_FDCWD, other));
    CHECK(renameat(AT_FDCWD, other, BAD_FD, "x"));
    CHECK(syscall(SYS_renameat2, AT_FDCWD, other, AT_FDCWD, other, RENAME_NOREPLACE));
    CHECK(syscall(SYS_renameat2, AT_FDCWD, other, AT_FDCWD, path, BAD_FLAG));
    CHECK(syscall(SYS_renameat2, AT_FDCWD, other, AT_FDCWD, path, RENAME_NOREPLACE));
    CHECK(access(other, F_OK));
    close(fd);
    close(old);
}

static void check_directories(void)
{
    char buffer[8];
    int fd, at = open("/tmp", O_RDONLY), found = 0, file = open_file(O_RDONLY);
    CHECK(chdir("/tmp"));
    CHECK(getcwd(back, 5) != NULL);
    CHECK(strcmp(back, "/tmp"));
    CHECK(syscall(SYS_getcwd, back, 4));
    CHECK(syscall(SYS_getcwd, back, 5));
    CHECK(syscall(SYS_getcwd, bad, 100));
    CHECK(fd = open(path + 5, O_RDONLY));
    CHECK(close(fd));
    CHECK(chdir(path));
    CHECK(chdir(missing));
    CHECK(chdir(bad));
    CHECK(chdir(".."));
    CHECK(strcmp(getcwd(back, 100), "/"));
    CHECK(fchdir(at));
    CHECK(strcmp(getcwd(back, 100), "/tmp"));
    CHECK(fchdir(file));
    CHECK(fchdir(BAD_FD));
    CHECK(chdir("/tmp/../.."));
    CHECK(strcmp(getcwd(back, 100), "/"));
    CHECK(syscall(SYS_getdents64, file, back, sizeof back));
    CHECK(syscall(SYS_getdents64, BAD_FD, back, sizeof back));
    CHECK(syscall(SYS_getdents64, at, buffer, sizeof buffer));
    CHECK(syscall(SYS_getdents64, at, bad, PAGE));
    DIR *d = opendir("/tmp");
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        found += strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
        found += strcmp(e->d_name, path + 5) == 0 && e->d_type == DT_REG ? 100 : 0;
    }
    CHECK(found);
    CHECK(closedir(d));
    CHECK(opendir(path) != NULL);
    CHECK(lseek(at, 0, SEEK_SET));
    close(at);
    close(file);
}

static void check_descriptors(void)
{
    enum { SEEN = O_ACCMODE | O_APPEND | O_NONBLOCK };
    int fd = open(path, O_RDWR | O_TRUNC), copy, last;
    struct termios t;
    CHECK(copy = dup(fd));
    CHECK(write(fd, "abc", 3));
    CHECK(write(copy, "def", 3)); /* one offset for both */
    CHECK(lseek(fd, 0, SEEK_CUR));
    CHECK(close(fd));
    CHECK(pread(copy, back, 10, 0));
    CHECK(memcmp(back, "abcdef", 6));
    CHECK(fd = dup2(copy, 40));
    CHECK(dup2(copy, copy));
    CHECK(dup2(copy, fd));
    CHECK(dup2(BAD_FD, 41));
    CHECK(dup2(BAD_FD, BAD_FD));
    CHECK(dup2(copy, FILES));
    CHECK(dup2(copy, -1));
    CHECK(dup(BAD_FD));
    CHECK(dup3(copy, copy, 0));
    CHECK(dup3(copy, 42, O_APPEND));
    CHECK(dup3(copy, 42, O_CLOEXEC));
    CHECK(fcntl(42, F_GETFD));
    CHECK(fcntl(fd, F_GETFD));
    CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC));
    CHECK(fcntl(fd, F_GETFD));
    CHECK(dup2(copy, fd));
    CHECK(fcntl(fd, F_GETFD));
    CHECK(close(42));
    CHECK(fcntl(copy, F_DUPFD, 50));
    CHECK(fcntl(copy, F_DUPFD_CLOEXEC, 50));
    CHECK(fcntl(50, F_GETFD));
    CHECK(fcntl(51, F_GETFD));
    CHECK(fcntl(copy, F_DUPFD, FILES));
    CHECK(fcntl(copy, F_DUPFD, -1));
    CHECK(fcntl(copy, F_GETFL) & SEEN);
    CHECK(fcntl(copy, F_SETFL, O_APPEND | O_NONBLOCK | O_WRONLY));
    CHECK(fcntl(50, F_GETFL) & SEEN);
    CHECK(pwrite(copy, "ghi", 3, 0)); /* O_APPEND wins on Linux */
    CHECK(lseek(copy, 0, SEEK_END));
    CHECK(fcntl(copy, F_SETFL, 0));
    CHECK(fcntl(BAD_FD, F_GETFL));
    CHECK(fcntl(BAD_FD, 9999));
    CHECK(fcntl(copy, 9999));
    CHECK(fcntl(copy, F_GETPIPE_SZ));
    CHECK(ioctl(copy, TCGETS, &t));
    CHECK(ioctl(BAD_FD, TCGETS, &t));
    CHECK(isatty(copy));
    CHECK(syscall(SYS_umask, 0) >= 0);
    CHECK(syscall(SYS_umask, 07027));
    CHECK(syscall(SYS_umask, 022));
    for (last = copy; (fd = dup(copy)) >= 0;)
        last = fd;
    CHECK(fd);
    CHECK(last);
    CHECK(open_file(O_RDONLY));
    CHECK(open(missing, O_RDONLY));
    CHECK(fcntl(copy, F_DUPFD, 10));
    CHECK(pipe((int *)back));
    CHECK(close(30));
    CHECK(pipe((int *)back)); /* one is not enough, and none is used up */
    CHECK(open_file(O_RDONLY));
    for (fd = copy; fd < FILES; fd++)
        close(fd);
}

static void check_pipes(void)
{
    int p[2], q[2];
    struct iovec parts[] = {{"12", 2}, {"345", 3}};
    CHECK(pipe(bad));
    CHECK(syscall(SYS_pipe2, p, O_APPEND));
    CHECK(pipe(p));
    CHECK(p[1] - p[0]);
    CHECK(write(p[1], "abcdef", 6));
    CHECK(read(p[0], back, 4));
    CHECK(read(p[0], back + 4, 100));
    CHECK(memcmp(back, "abcdef", 6));
    CHECK(writev(p[1], parts, 2));
    CHECK(read(p[0], bad, 3));
    CHECK(read(p[0], back, 100));
    CHECK(read(p[0], back, 0));
    CHECK(write(p[1], bad, 3));
    CHECK(write(p[1], edge - 3, 6));
    CHECK(write(p[1], data, 0));
    CHECK(read(p[1], back, 1));
    CHECK(write(p[0], data, 1));
    CHECK(pread(p[0], back, 1, 0));
    CHECK(pwrite(p[1], data, 1, 0));
    CHECK(ftruncate(p[1], 0));
    CHECK(fsync(p[1]));
    CHECK(fcntl(p[0], F_GETFL));
    CHECK(fcntl(p[1], F_GETFL));
    /* one page, so that it is full at once */
    CHECK(fcntl(p[1], F_SETPIPE_SZ, PAGE));
    CHECK(fcntl(p[0], F_GETPIPE_SZ));
    CHECK(fcntl(p[0], F_SETFL, O_NONBLOCK));
    CHECK(fcntl(p[1], F_SETFL, O_NONBLOCK));
    CHECK(fcntl(p[0], F_GETFL));
    CHECK(read(p[0], back, 1));
    CHECK(write(p[1], data, PAGE - 10));
    CHECK(write(p[1], data, 11));
    CHECK(write(p[1], data, 10));
    CHECK(write(p[1], data, 1));
    CHECK(read(p[0], back, sizeof back));
    CHECK(memcmp(back, data, PAGE - 10));
    CHECK(write(p[1], data, 2 * PAGE)); /* more than PIPE_BUF: what fits */
    CHECK(write(p[1], data, 2 * PAGE));
    CHECK(read(p[0], back, 100));
    CHECK(memcmp(back, data, 100));
    /* the ends go one by one */
    CHECK(close(p[1]));
    CHECK(read(p[0], back, sizeof back));
    CHECK(read(p[0], back, sizeof back));
    CHECK(close(p[0]));
    CHECK(pipe2(q, O_CLOEXEC | O_NONBLOCK));
    CHECK(fcntl(q[0], F_GETFD));
    CHECK(fcntl(q[1], F_GETFL));
    CHECK(p[0] = dup(q[0]));
    CHECK(close(q[0]));
    CHECK(write(q[1], "x", 1));
    CHECK(close(p[0]));
    CHECK(signal(SIGPIPE, SIG_IGN) == SIG_DFL);
    CHECK(write(q[1], "x", 1));
    CHECK(write(q[1], "", 0));
    CHECK(writev(q[1], parts, 2));
    CHECK(close(q[1]));
}

/* What programs do every day. */
static void check_library(void)
{
    char line[64], name[] = "/tmp/filecheckXXXXXX";
    FILE *f = fopen(path, "w+");
    CHECK(f != NULL);
    for (int i = 0; i < 1000; i++)
        fprintf(f, "line %d\n", i);
    CHECK(ftell(f));
    CHECK(fseek(f, 0, SEEK_SET));
    int lines = 0;
    while (fgets(line, sizeof line, f) != NULL)
        lines++;
    CHECK(lines);
    CHECK(strcmp(line, "line 999\n"));
    CHECK(fclose(f));
    CHECK((f = fopen(path, "a")) != NULL);
    CHECK(fputs("last\n", f) >= 0);
    CHECK(fclose(f));
    CHECK((f = fopen(path, "r")) != NULL);
    CHECK(fseek(f, -5, SEEK_END));
    CHECK(strcmp(fgets(line, sizeof line, f), "last\n"));
    CHECK(fclose(f));
    CHECK(fopen(missing, "r") != NULL);
    CHECK((f = tmpfile()) != NULL);
    CHECK(fwrite(data, 1, sizeof data, f));
    rewind(f);
    CHECK(fread(back, 1, sizeof back, f));
    CHECK(memcmp(back, data, sizeof data));
    CHECK(fclose(f));
    int fd = mkstemp(name);
    CHECK(fd);
    CHECK(close(fd));
    CHECK(remove(name));
}

/* The initrd, which nothing can be written to. Linux has no such tree to compare with. */
static void check_initrd(void)
{
    struct stat st;
    int fd, again;
    CHECK(fd = open("/bin/hello", O_RDONLY));
    CHECK(again = open("/bin/hello", O_RDONLY | O_CREAT, 0600));
    CHECK(read(fd, back, 4));
    CHECK(memcmp(back, "\177ELF", 4));
    CHECK(pread(again, back + 4, 4, 0));
    CHECK(memcmp(back, back + 4, 4));
    CHECK(fstat(fd, &st));
    CHECK(lseek(fd, 0, SEEK_END) == st.st_size);
    CHECK(read(fd, back, 1));
    CHECK(st.st_mode);
    CHECK(write(fd, data, 1));
    CHECK(ftruncate(fd, 0));
    CHECK(open("/bin/hello", O_RDWR));
    CHECK(open("/bin/hello", O_RDONLY | O_TRUNC));
    CHECK(open("/bin/hello", O_RDONLY | O_CREAT | O_EXCL, 0600));
    CHECK(open("/bin/no-such", O_WRONLY | O_CREAT, 0600));
    CHECK(open("/no-such", O_RDONLY));
    CHECK(open("/bin/hello/below", O_RDONLY));
    CHECK(open("/bin", O_WRONLY));
    CHECK(unlink("/bin/hello"));
    CHECK(unlink("/bin"));
    CHECK(rmdir("/bin"));
    CHECK(mkdir("/new", 0700));
    CHECK(mkdir("/tmp/new", 0700));
    CHECK(truncate("/bin/hello", 0));
    CHECK(chmod("/bin/hello", 0777));
    CHECK(rename("/bin/hello", "/bin/bye"));
    CHECK(rename("/bin/hello", "/tmp/hello"));
    CHECK(access("/bin/hello", R_OK | X_OK));
    CHECK(access("/bin/hello", W_OK));
    CHECK(access("/", W_OK));
    CHECK(chdir("bin"));
    CHECK(strcmp(getcwd(back, 100), "/bin"));
    CHECK(access("hello", F_OK));
    CHECK(access("../bin/hello", F_OK));
    CHECK(lseek(STDIN_FILENO, 0, SEEK_SET));
    CHECK(fstat(STDOUT_FILENO, &st));
    CHECK(S_ISCHR(st.st_mode));
}

static int usage(void)
{
    printf("usage: filecheck [initrd | proc | procwrite | sigpipe | block | leave | keep | cat]\n");
    return 2;
}

/* Other things to do than the checks, for tests of the kernel. */
static int act(const char *what)
{
    int p[2];
    pipe(p);
    if (strcmp(what, "initrd") == 0) {
        check_initrd();
    } else if (strcmp(what, "proc") == 0) {
        check_proc(path);
    } else if (strcmp(what, "procwrite") == 0) {
        check_proc_writing();
    } else if (strcmp(what, "sigpipe") == 0) {
        close(p[0]);
        write(p[1], "x", 1); /* the end */
        printf("still here\n");
    } else if (strcmp(what, "block") == 0) {
        read(p[0], back, 1); /* nobody will ever write */
        printf("woken\n");
    } else if (strcmp(what, "leave") == 0) {
        /* open files, one without a name, bytes in a pipe: the kernel cleans up */
        write(p[1], data, 100);
        put_file(path, sizeof data);
        open_file(O_RDWR);
        unlink(path);
        open("/bin/hello", O_RDONLY);
        dup(p[0]);
    } else if (strcmp(what, "keep") == 0) {
        put_file("/tmp/kept", sizeof data);
        CHECK(write(open("/tmp/kept", O_WRONLY | O_APPEND), "end", 3));
    } else if (strcmp(what, "cat") == 0) {
        for (ssize_t n; (n = read(STDIN_FILENO, back, sizeof back)) > 0;)
            write(STDOUT_FILENO, back, (size_t)n);
    } else {
        return usage();
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct rlimit limit = {FILES, FILES};
    setrlimit(RLIMIT_NOFILE, &limit); /* Faultline's only limit */
    umask(022);
    snprintf(dir, sizeof dir, "/tmp/filecheck-%d", (int)getpid());
    snprintf(path, sizeof path, "%s-a", dir);
    snprintf(other, sizeof other, "%s-b", dir);
    snprintf(missing, sizeof missing, "%s-missing", dir);
    snprintf(below, sizeof below, "%s/below", path);
    snprintf(slashed, sizeof slashed, "%s/", path);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)('a' + i % 23);
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    edge = pages + PAGE;
    mprotect(edge, PAGE, PROT_NONE);
    errno = 0;
    if (argc > 1)
        return argc == 2 ? act(argv[1]) : usage();
    check_open();
    check_read_write();
    check_vectors();
    check_seek();
    check_truncate();
    check_stat();
    check_names();
    check_rename();
    check_directories();
    check_descriptors();
    check_pipes();
    check_library();
    CHECK(unlink(path));
    CHECK(unlink(other));
    printf("filecheck: done\n");
    return 0;
}

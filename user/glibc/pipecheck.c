/* SPDX-License-Identifier: MIT
 * Processes that share pipes and files: what one writes, others read, in one piece and in order, while both
 * ends come and go. The output is the same on Linux and on Faultline. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STREAM = 200000, WRITERS = 4, RECORD = 100, RECORDS = 300, BLOCK = 1500, BLOCKS = 40, LENGTH = 60000 };

static const char path[] = "/tmp/pipecheck";
static char buffer[65536];

static void make_pipe(int p[2])
{
    if (pipe(p) != 0)
        _exit(1);
}

static pid_t must_fork(void)
{
    pid_t pid = fork();
    if (pid < 0)
        _exit(1);
    return pid;
}

/* The byte at a place of the stream. */
static char byte_at(unsigned long place)
{
    return (char)(place * 7 + place / 251);
}

static void write_stream(int fd)
{
    unsigned long at = 0;
    for (int i = 0; at < STREAM; i++) {
        size_t n = 1 + (size_t)i * 977 % 9000; /* below and above PIPE_BUF */
        n = n < STREAM - at ? n : STREAM - at;
        for (size_t j = 0; j < n; j++)
            buffer[j] = byte_at(at + j);
        if (write(fd, buffer, n) != (ssize_t)n)
            _exit(1);
        at += n;
    }
}

/* More than a pipe holds, in odd pieces, to the end of the file. */
static void stream(void)
{
    int p[2], status;
    unsigned long at = 0, wrong = 0;
    make_pipe(p);
    if (must_fork() == 0) {
        close(p[0]);
        write_stream(p[1]);
        _exit(0);
    }
    close(p[1]);
    ssize_t n;
    for (int i = 0; (n = read(p[0], buffer, 1 + (size_t)i * 613 % 5000)) > 0; i++) {
        for (ssize_t j = 0; j < n; j++)
            wrong += buffer[j] != byte_at(at + (unsigned long)j);
        at += (unsigned long)n;
    }
    wait(&status);
    close(p[0]);
    printf("stream: bytes=%lu wrong=%lu end=%zd writer=%d\n", at, wrong, n, status);
}

/* A writer sleeps in a full pipe when its only reader goes. */
static void reader_goes(int ignored)
{
    int p[2], status;
    make_pipe(p);
    if (must_fork() == 0) {
        close(p[0]);
        if (ignored)
            signal(SIGPIPE, SIG_IGN);
        while (write(p[1], buffer, sizeof buffer) > 0)
            ;
        _exit(errno == EPIPE ? 2 : 1);
    }
    close(p[1]);
    usleep(20000);
    close(p[0]);
    wait(&status);
    printf("reader goes: %s %d\n", WIFSIGNALED(status) ? "signal" : "exit",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* A reader sleeps in an empty pipe when its last writer goes. */
static void writer_goes(void)
{
    int p[2], status;
    make_pipe(p);
    if (must_fork() == 0) {
        close(p[1]);
        _exit(read(p[0], buffer, 1) == 0 ? 0 : 1);
    }
    usleep(20000);
    close(p[1]);
    wait(&status);
    close(p[0]);
    printf("writer goes: reader=%d\n", status);
}

static int mixed(const char *record, size_t size)
{
    return memcmp(record, record + 1, size - 1) != 0;
}

/* Runs the same in every writer, and does not wait for them. */
static void start_writers(int fd, size_t size, int count)
{
    for (int w = 0; w < WRITERS; w++) {
        if (must_fork() != 0)
            continue;
        char record[BLOCK];
        memset(record, 'a' + w, size);
        for (int i = 0; i < count; i++)
            if (write(fd, record, size) != (ssize_t)size)
                _exit(1);
        _exit(0);
    }
}

static int await_writers(void)
{
    int status, failed = 0;
    while (wait(&status) > 0)
        failed += status != 0;
    return failed;
}

/* Up to PIPE_BUF bytes are written in one piece, whoever else writes. */
static void records(void)
{
    int p[2], count = 0, torn = 0;
    char record[RECORD];
    make_pipe(p);
    start_writers(p[1], RECORD, RECORDS);
    close(p[1]);
    for (;;) {
        size_t have = 0;
        ssize_t n;
        while (have < RECORD && (n = read(p[0], record + have, RECORD - have)) > 0)
            have += (size_t)n;
        if (have < RECORD)
            break;
        count++;
        torn += mixed(record, RECORD);
    }
    close(p[0]);
    printf("records: count=%d torn=%d failed=%d\n", count, torn, await_writers());
}

/* So is each write to the end of a file, and to the offset that parent and children share. */
static void blocks(const char *what, int flags)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | flags, 0600), torn = 0;
    char block[BLOCK];
    start_writers(fd, BLOCK, BLOCKS);
    int failed = await_writers();
    long length = (long)lseek(fd, 0, SEEK_CUR);
    for (long at = 0; at < length; at += BLOCK)
        torn += pread(fd, block, BLOCK, at) != BLOCK || mixed(block, BLOCK);
    close(fd);
    printf("%s: length=%ld torn=%d failed=%d\n", what, length, torn, failed);
}

/* A file that is cut and made longer again all the time can be read all the time. */
static void cut_while_read(void)
{
    int fd = open(path, O_RDWR), errors = 0, too_long = 0;
    ftruncate(fd, LENGTH); /* it is as long at any time, or empty */
    pid_t child = must_fork();
    while (child == 0) {
        ftruncate(fd, 0);
        ftruncate(fd, LENGTH);
    }
    for (int i = 0; i < 200; i++) {
        ssize_t n = pread(fd, buffer, sizeof buffer, 0);
        errors += n < 0;
        too_long += n > LENGTH;
    }
    kill(child, SIGKILL);
    wait(NULL);
    close(fd);
    printf("cut while read: errors=%d too-long=%d\n", errors, too_long);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0); /* or children would write what waits in the buffer again */
    stream();
    reader_goes(0);
    reader_goes(1);
    writer_goes();
    records();
    blocks("append", O_APPEND);
    blocks("shared offset", 0);
    cut_while_read();
    unlink(path);
    printf("pipecheck: done\n");
    return 0;
}

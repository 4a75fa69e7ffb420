/* SPDX-License-Identifier: MIT
 * A pipe is one page, used as a ring. Readers sleep while it is empty, writers while it has no room. The
 * lock is held while bytes are copied, because the program's side of the copy may sleep; never while
 * waiting for the other end. */
#include "kernel/pipe.h"
#include "kernel/proc.h"
#include "kernel/signal.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/slab.h"

struct pipe {
    char *ring;           /* PIPE_SIZE bytes */
    uint32_t head, count; /* first byte; bytes in it */
    uint32_t readers, writers;
    uint32_t number;
    struct lock lock;
};

/* Sleeps until the pipe changes. => 0; -EAGAIN or -EINTR when it may or can not be waited for. */
static int32_t wait_for(struct open_file *f)
{
    if (f->flags & O_NONBLOCK)
        return -EAGAIN;
    if (!current->attention)
        proc_sleep_on(f->pipe, 0);
    return current->attention ? -ERESTARTSYS : 0;
}

/* Copies between the ring, from `first` on, and the program: n bytes, in one or two pieces.
 * => 0, or a negative errno when a part of the program's buffer is bad */
static int32_t copy(struct pipe *p, struct user_io *io, uint32_t first, uint32_t n, bool in)
{
    for (uint32_t done = 0; done < n;) {
        uint32_t at = (first + done) % PIPE_SIZE, piece = MIN(n - done, PIPE_SIZE - at);
        int32_t moved = in ? io_take(io, p->ring + at, piece) : io_put(io, p->ring + at, piece);
        if (moved < (int32_t)piece)
            return moved < 0 ? moved : -EFAULT;
        done += piece;
    }
    return 0;
}

/* Takes out what there is, or nothing if it cannot all be copied. => as ops->read */
static int32_t drain(struct pipe *p, struct user_io *io)
{
    uint32_t n = MIN(p->count, io->left);
    int32_t err = copy(p, io, p->head, n, false);
    if (err != 0)
        return err;
    p->head = (p->head + n) % PIPE_SIZE;
    p->count -= n;
    return (int32_t)n;
}

/* Puts in as much as there is room for, or nothing if it cannot all be copied. => as ops->write */
static int32_t fill(struct pipe *p, struct user_io *io)
{
    uint32_t n = MIN(PIPE_SIZE - p->count, io->left);
    int32_t err = copy(p, io, p->head + p->count, n, true);
    if (err != 0)
        return err;
    p->count += n;
    return (int32_t)n;
}

static int32_t pipe_read(struct open_file *f, struct user_io *io, uint64_t *at UNUSED)
{
    struct pipe *p = f->pipe;
    if (io->left == 0)
        return 0;
    for (;;) {
        lock_take(&p->lock);
        int32_t n = drain(p, io);
        lock_release(&p->lock);
        if (n != 0) {
            wake_all(p);
            return n;
        }
        if (p->count > 0) /* somebody wrote while we gave the lock back */
            continue;
        if (p->writers == 0)
            return 0;
        int32_t err = wait_for(f);
        if (err != 0)
            return err;
    }
}

/* Nobody will ever read it. The signal ends a program that does not know about pipes. */
static int32_t broken(void)
{
    signal_send(current, SIGPIPE, (struct signal_info){.code = SI_USER, .value = current->result.pid});
    return -EPIPE;
}

static int32_t pipe_write(struct open_file *f, struct user_io *io, uint64_t *at UNUSED)
{
    struct pipe *p = f->pipe;
    int32_t done = 0, err = 0;
    /* up to PIPE_SIZE bytes go in together or not at all */
    uint32_t room = io->left <= PIPE_SIZE ? io->left : 1;
    while (io->left > 0 && err == 0) {
        lock_take(&p->lock);
        if (p->readers == 0) {
            lock_release(&p->lock);
            err = broken();
            break;
        }
        int32_t n = PIPE_SIZE - p->count >= room ? fill(p, io) : 0;
        lock_release(&p->lock);
        if (n > 0) {
            done += n;
            wake_all(p);
        } else {
            err = n < 0 ? n : wait_for(f);
        }
    }
    return done > 0 ? done : err;
}

static void pipe_close(struct open_file *f)
{
    struct pipe *p = f->pipe;
    if (file_writable(f))
        p->writers--;
    else
        p->readers--;
    if (p->readers + p->writers > 0) {
        wake_all(p);
        return;
    }
    kfree(p->ring);
    kfree(p);
}

static void pipe_stat(const struct open_file *f, struct file_stat *st)
{
    *st = (struct file_stat){
        .device = DEVICE_PIPE, .number = f->pipe->number, .mode = S_IFIFO | 0600, .links = 1};
}

static const struct file_ops read_ops = {.read = pipe_read, .stat = pipe_stat, .close = pipe_close};
static const struct file_ops write_ops = {.write = pipe_write, .stat = pipe_stat, .close = pipe_close};

bool pipe_is(const struct open_file *f)
{
    return f->ops == &read_ops || f->ops == &write_ops;
}

int32_t pipe_open(uint32_t flags, struct open_file **read_end, struct open_file **write_end)
{
    static uint32_t last_number;
    struct pipe *p = kzalloc(sizeof *p);
    char *ring = kmalloc(PIPE_SIZE);
    struct open_file *r = file_new(&read_ops, O_RDONLY | flags), *w = file_new(&write_ops, O_WRONLY | flags);
    if (p == NULL || ring == NULL || r == NULL || w == NULL) {
        static const struct file_ops nothing;
        struct open_file *ends[] = {r, w};
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
            if (ends[i] == NULL)
                continue;
            ends[i]->ops = &nothing; /* there is no pipe to close */
            file_unref(ends[i]);
        }
        kfree(ring);
        kfree(p);
        return -ENOMEM;
    }
    p->ring = ring;
    p->readers = p->writers = 1;
    p->number = ++last_number;
    r->pipe = w->pipe = p;
    *read_end = r;
    *write_end = w;
    return 0;
}

/* SPDX-License-Identifier: MIT
 * System calls on descriptors: read and write in all their forms, seek, dup, fcntl, pipe. */
#include "kernel/pipe.h"
#include "kernel/proc.h"
#include "kernel/syscall.h"
#include "lib/errno.h"
#include "mm/slab.h"

enum { SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE };
enum { STATUS_FLAGS = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME }; /* what F_SETFL may change */

/* Where a file may be read and seeked to: Linux i386's MAX_LFS_FILESIZE, bytes. */
#define OFFSET_MAX (((uint64_t)UINT32_MAX << PAGE_SHIFT) - 1)

static struct open_file *get(uint32_t fd)
{
    return files_get(current->files, fd);
}

/* A descriptor for f, whose reference is used up in any case. */
static int32_t install(struct open_file *f, uint32_t from, bool cloexec)
{
    int32_t fd = files_install(current->files, f, from, cloexec);
    if (fd < 0)
        file_unref(f);
    return fd;
}

/* May this descriptor be read (or written), here or at a position of its own? => 0 or a negative errno */
static int32_t may_transfer(const struct open_file *f, bool write, bool positioned)
{
    if (f == NULL)
        return -EBADF;
    if (positioned && !f->ops->seekable)
        return -ESPIPE;
    return (write ? file_writable(f) : file_readable(f)) ? 0 : -EBADF;
}

/* Moves the parts' bytes at *at, or at the file's offset if at is NULL. => as read(2) */
static int32_t transfer(struct open_file *f, bool write, const struct io_part *parts, uint32_t count,
                        uint64_t *at)
{
    struct user_io io;
    int32_t err = io_start(&io, parts, count);
    if (err != 0)
        return err;
    int32_t (*op)(struct open_file *, struct user_io *, uint64_t *) = write ? f->ops->write : f->ops->read;
    if (op == NULL)
        return -EISDIR;
    if (at != NULL || !f->ops->seekable)
        return op(f, &io, at);
    lock_take(&f->at);
    int32_t n = op(f, &io, &f->offset);
    lock_release(&f->at);
    return n;
}

static int32_t transfer_one(struct trapframe *tf, bool write, uint64_t *at)
{
    struct open_file *f = get(tf->ebx);
    struct io_part part = {tf->ecx, tf->edx};
    int32_t err = may_transfer(f, write, at != NULL);
    return err != 0 ? err : transfer(f, write, &part, 1, at);
}

int32_t sys_read(struct trapframe *tf)
{
    return transfer_one(tf, false, NULL);
}

int32_t sys_write(struct trapframe *tf)
{
    return transfer_one(tf, true, NULL);
}

/* The position is the pair of arguments from ESI on. */
static int32_t position(const struct trapframe *tf, uint64_t *at)
{
    *at = (uint64_t)tf->edi << 32 | tf->esi;
    return (int64_t)*at < 0 ? -EINVAL : 0;
}

int32_t sys_pread64(struct trapframe *tf)
{
    uint64_t at;
    int32_t err = position(tf, &at);
    return err != 0 ? err : transfer_one(tf, false, &at);
}

int32_t sys_pwrite64(struct trapframe *tf)
{
    uint64_t at;
    int32_t err = position(tf, &at);
    return err != 0 ? err : transfer_one(tf, true, &at);
}

/* readv and its kin: fetches the array of parts first, as a whole. */
static int32_t transfer_parts(struct trapframe *tf, bool write, uint64_t *at)
{
    enum { FEW = 8 }; /* so many fit the stack */
    struct io_part few[FEW], *parts = few;
    struct open_file *f = get(tf->ebx);
    uint32_t count = tf->edx;
    int32_t err = may_transfer(f, write, at != NULL);
    if (err != 0)
        return err;
    if (count > IO_PARTS_MAX)
        return -EINVAL;
    if (count > FEW && (parts = kmalloc(count * sizeof *parts)) == NULL)
        return -ENOMEM;
    int32_t result = copy_in(parts, tf->ecx, count * sizeof *parts);
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < count && result == 0; i++) {
        result = (int32_t)parts[i].length < 0 ? -EINVAL : 0;
        bytes |= parts[i].length;
    }
    if (result == 0 && bytes > 0)
        result = transfer(f, write, parts, count, at);
    if (parts != few)
        kfree(parts);
    return result;
}

int32_t sys_readv(struct trapframe *tf)
{
    return transfer_parts(tf, false, NULL);
}

int32_t sys_writev(struct trapframe *tf)
{
    return transfer_parts(tf, true, NULL);
}

int32_t sys_preadv(struct trapframe *tf)
{
    uint64_t at;
    int32_t err = position(tf, &at);
    return err != 0 ? err : transfer_parts(tf, false, &at);
}

int32_t sys_pwritev(struct trapframe *tf)
{
    uint64_t at;
    int32_t err = position(tf, &at);
    return err != 0 ? err : transfer_parts(tf, true, &at);
}

/* Where f's offset goes. => 0 or a negative errno */
static int32_t seek_target(const struct open_file *f, int64_t offset, uint32_t whence, int64_t *to)
{
    struct file_stat st;
    f->ops->stat(f, &st);
    if (((st.mode & S_IFMT) == S_IFDIR || f->ops->endless) && whence > SEEK_CUR)
        return -EINVAL;
    *to = offset;
    if (whence == SEEK_CUR)
        *to += (int64_t)f->offset;
    else if (whence == SEEK_END)
        *to += st.size;
    else if (whence >= SEEK_DATA && (offset < 0 || offset >= st.size))
        return -ENXIO;
    else if (whence == SEEK_HOLE) /* no holes but the one at the end */
        *to = st.size;
    return *to < 0 || (uint64_t)*to > OFFSET_MAX ? -EINVAL : 0;
}

/* => 0, and *offset is what the file's offset is now; or a negative errno */
static int32_t seek(uint32_t fd, int64_t *offset, uint32_t whence)
{
    struct open_file *f = get(fd);
    if (f == NULL)
        return -EBADF;
    if (whence > SEEK_HOLE)
        return -EINVAL;
    if (!f->ops->seekable)
        return -ESPIPE;
    lock_take(&f->at);
    int32_t err = seek_target(f, *offset, whence, offset);
    if (err == 0)
        f->offset = (uint64_t)*offset;
    lock_release(&f->at);
    return err;
}

int32_t sys_lseek(struct trapframe *tf)
{
    int64_t offset = (int32_t)tf->ecx;
    int32_t err = seek(tf->ebx, &offset, tf->edx);
    if (err != 0)
        return err;
    return offset > INT32_MAX ? -EOVERFLOW : (int32_t)offset;
}

int32_t sys_llseek(struct trapframe *tf)
{
    int64_t offset = (int64_t)((uint64_t)tf->ecx << 32 | tf->edx);
    int32_t err = seek(tf->ebx, &offset, tf->edi);
    return err != 0 ? err : copy_out(tf->esi, &offset, sizeof offset);
}

static int32_t truncate_fd(uint32_t fd, int64_t length)
{
    if (length < 0)
        return -EINVAL;
    struct open_file *f = get(fd);
    if (f == NULL)
        return -EBADF;
    if (f->ops->truncate == NULL || !file_writable(f))
        return -EINVAL;
    return f->ops->truncate(f, (uint64_t)length);
}

int32_t sys_ftruncate(struct trapframe *tf)
{
    return truncate_fd(tf->ebx, (int32_t)tf->ecx);
}

int32_t sys_ftruncate64(struct trapframe *tf)
{
    return truncate_fd(tf->ebx, (int64_t)((uint64_t)tf->edx << 32 | tf->ecx));
}

/* Nothing outlives the power. */
int32_t sys_fsync(struct trapframe *tf)
{
    struct open_file *f = get(tf->ebx);
    if (f == NULL)
        return -EBADF;
    return f->ops->synced ? 0 : -EINVAL;
}

int32_t sys_close(struct trapframe *tf)
{
    return files_close(current->files, tf->ebx);
}

/* Another descriptor of the same open file, the lowest from `from` on. */
static int32_t duplicate(struct open_file *f, uint32_t from, bool cloexec)
{
    file_ref(f);
    return install(f, from, cloexec);
}

int32_t sys_dup(struct trapframe *tf)
{
    struct open_file *f = get(tf->ebx);
    return f != NULL ? duplicate(f, 0, false) : -EBADF;
}

static int32_t dup_to(uint32_t from, uint32_t to, bool cloexec)
{
    struct open_file *f = get(from);
    if (f == NULL || to >= FILES_MAX)
        return -EBADF;
    file_ref(f);
    files_close(current->files, to); /* -EBADF if it was free already */
    return install(f, to, cloexec);
}

int32_t sys_dup2(struct trapframe *tf)
{
    if (tf->ebx == tf->ecx)
        return get(tf->ebx) != NULL ? (int32_t)tf->ebx : -EBADF;
    return dup_to(tf->ebx, tf->ecx, false);
}

int32_t sys_dup3(struct trapframe *tf)
{
    if ((tf->edx & ~(uint32_t)O_CLOEXEC) || tf->ebx == tf->ecx)
        return -EINVAL;
    return dup_to(tf->ebx, tf->ecx, tf->edx & O_CLOEXEC);
}

int32_t sys_fcntl64(struct trapframe *tf)
{
    enum {
        F_DUPFD,
        F_GETFD,
        F_SETFD,
        F_GETFL,
        F_SETFL,
        F_DUPFD_CLOEXEC = 1030,
        F_SETPIPE_SZ,
        F_GETPIPE_SZ,
        FD_CLOEXEC = 1,
    };
    uint32_t fd = tf->ebx, arg = tf->edx;
    struct files *fs = current->files;
    struct open_file *f = get(fd);
    if (f == NULL)
        return -EBADF;
    switch (tf->ecx) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return arg < FILES_MAX ? duplicate(f, arg, tf->ecx == F_DUPFD_CLOEXEC) : -EINVAL;
    case F_GETFD:
        return fs->cloexec[fd] ? FD_CLOEXEC : 0;
    case F_SETFD:
        fs->cloexec[fd] = arg & FD_CLOEXEC;
        return 0;
    case F_GETFL:
        return (int32_t)f->flags;
    case F_SETFL:
        f->flags = (f->flags & ~(uint32_t)STATUS_FLAGS) | (arg & STATUS_FLAGS);
        return 0;
    case F_GETPIPE_SZ:
        return pipe_is(f) ? PIPE_SIZE : -EBADF;
    case F_SETPIPE_SZ:
        return !pipe_is(f) ? -EBADF : arg <= PIPE_SIZE ? PIPE_SIZE : -EPERM;
    default:
        return -EINVAL;
    }
}

int32_t sys_ioctl(struct trapframe *tf)
{
    return get(tf->ebx) != NULL ? -ENOTTY : -EBADF;
}

static int32_t make_pipe(vaddr_t out, uint32_t flags)
{
    if (flags & ~(uint32_t)(O_NONBLOCK | O_CLOEXEC | O_DIRECT))
        return -EINVAL;
    struct open_file *ends[2];
    int32_t fds[2] = {-1, -1};
    int32_t err = pipe_open(flags & (uint32_t)(O_NONBLOCK | O_DIRECT), &ends[0], &ends[1]);
    if (err != 0)
        return err;
    for (int i = 0; i < 2; i++) {
        fds[i] = install(ends[i], 0, flags & O_CLOEXEC);
        err = MIN(err, fds[i]);
    }
    if (err == 0)
        err = copy_out(out, fds, sizeof fds);
    for (int i = 0; i < 2 && err != 0; i++)
        if (fds[i] >= 0)
            files_close(current->files, (uint32_t)fds[i]);
    return err;
}

int32_t sys_pipe(struct trapframe *tf)
{
    return make_pipe(tf->ebx, 0);
}

int32_t sys_pipe2(struct trapframe *tf)
{
    return make_pipe(tf->ebx, tf->ecx);
}

int32_t sys_umask(struct trapframe *tf)
{
    enum { UMASK = 0777 };
    uint32_t old = current->files->umask;
    current->files->umask = tf->ebx & UMASK;
    return (int32_t)old;
}

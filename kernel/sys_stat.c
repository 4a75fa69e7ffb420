/* SPDX-License-Identifier: MIT
 * stat64, statx and chmod, by name and by descriptor. */
#include "kernel/proc.h"
#include "kernel/sys_path.h"
#include "kernel/syscall.h"
#include "lib/errno.h"

enum {
    AT_NO_AUTOMOUNT = 0x800,
    AT_EMPTY_PATH = 0x1000,
    AT_STATX_SYNC_TYPE = 0x6000,
    STAT_FLAGS = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE,
    STAT_BLOCK = 512, /* the unit of st_blocks, bytes */
};

/* Linux i386's struct stat64. */
struct stat64 {
    uint64_t dev;
    uint32_t pad, ino32;
    uint32_t mode, links, uid, gid;
    uint64_t rdev;
    uint32_t pad2;
    int64_t size;
    uint32_t block_size;
    uint64_t blocks;
    uint32_t atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
    uint64_t ino;
} __attribute__((packed));
_Static_assert(sizeof(struct stat64) == 96, "as Linux i386 has it");

struct statx_time {
    int64_t seconds;
    uint32_t nanos, reserved;
};

/* Linux's struct statx. */
struct statx {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t links, uid, gid;
    uint16_t mode, pad;
    uint64_t ino, size, blocks, attributes_mask;
    struct statx_time atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t rest[14];
};
_Static_assert(sizeof(struct statx) == 256, "as Linux has it");

static int32_t stat_fd(uint32_t fd, struct file_stat *st)
{
    struct open_file *f = files_get(current->files, fd);
    if (f == NULL)
        return -EBADF;
    f->ops->stat(f, st);
    return 0;
}

/* By name; by descriptor if the name is empty and the flags allow it. => 0 or a negative errno */
static int32_t stat_at(int32_t at, vaddr_t path, uint32_t flags, struct file_stat *st)
{
    struct user_path p;
    struct place place = {.kind = PLACE_DIR, .dir = current->files->cwd};
    if (flags & ~(uint32_t)STAT_FLAGS)
        return -EINVAL;
    int32_t err = user_path_get(&p, at, path, flags & AT_EMPTY_PATH);
    if (err != 0)
        return err;
    bool empty = p.text[0] == '\0';
    if (!empty)
        err = path_walk(&p.from, p.text, &place);
    user_path_put(&p);
    if (empty && at != AT_FDCWD)
        return stat_fd((uint32_t)at, st);
    if (err == 0 && place.kind == PLACE_NONE)
        err = -ENOENT;
    if (err == 0 && place.slash && place.kind != PLACE_DIR)
        err = -ENOTDIR;
    if (err == 0)
        place_stat(&place, st);
    return err;
}

/* Nanoseconds since boot as seconds and the rest. */
static uint32_t split(uint64_t time, uint32_t *nanos)
{
    enum { BILLION = 1000000000 };
    uint32_t seconds = (uint32_t)(time / BILLION);
    *nanos = (uint32_t)(time - (uint64_t)seconds * BILLION);
    return seconds;
}

static int32_t out_stat64(vaddr_t to, const struct file_stat *st)
{
    uint32_t nanos, seconds = split(st->mtime, &nanos);
    struct stat64 s = {.dev = st->device,
                       .ino32 = st->number,
                       .mode = st->mode,
                       .links = st->links,
                       .rdev = st->rdev,
                       .size = st->size,
                       .block_size = PAGE_SIZE,
                       .blocks = ALIGN_UP(st->size, (uint32_t)STAT_BLOCK) / STAT_BLOCK,
                       .atime = seconds,
                       .atime_ns = nanos,
                       .mtime = seconds,
                       .mtime_ns = nanos,
                       .ctime = seconds,
                       .ctime_ns = nanos,
                       .ino = st->number};
    return copy_out(to, &s, sizeof s);
}

static int32_t stat64_at(int32_t at, vaddr_t path, uint32_t flags, vaddr_t out)
{
    struct file_stat st;
    int32_t err = stat_at(at, path, flags, &st);
    return err != 0 ? err : out_stat64(out, &st);
}

int32_t sys_stat64(struct trapframe *tf)
{
    return stat64_at(AT_FDCWD, tf->ebx, 0, tf->ecx);
}

int32_t sys_fstat64(struct trapframe *tf)
{
    struct file_stat st;
    int32_t err = stat_fd(tf->ebx, &st);
    return err != 0 ? err : out_stat64(tf->ecx, &st);
}

int32_t sys_fstatat64(struct trapframe *tf)
{
    return stat64_at((int32_t)tf->ebx, tf->ecx, tf->esi, tf->edx);
}

int32_t sys_statx(struct trapframe *tf)
{
    enum { STATX_BASIC_STATS = 0x7ff, DEV_MINOR_BITS = 8, DEV_MINOR = 0xff };
    const uint32_t reserved = 1u << 31;
    struct file_stat st;
    if ((tf->esi & reserved) || (tf->edx & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
        return -EINVAL;
    int32_t err = stat_at((int32_t)tf->ebx, tf->ecx, tf->edx, &st);
    if (err != 0)
        return err;
    struct statx_time time = {0};
    time.seconds = split(st.mtime, &time.nanos);
    struct statx s = {.mask = STATX_BASIC_STATS,
                      .block_size = PAGE_SIZE,
                      .links = st.links,
                      .mode = (uint16_t)st.mode,
                      .ino = st.number,
                      .size = st.size,
                      .blocks = ALIGN_UP(st.size, (uint32_t)STAT_BLOCK) / STAT_BLOCK,
                      .atime = time,
                      .ctime = time,
                      .mtime = time,
                      .rdev_major = st.rdev >> DEV_MINOR_BITS,
                      .rdev_minor = st.rdev & DEV_MINOR,
                      .dev_minor = st.device};
    return copy_out(tf->edi, &s, sizeof s);
}

static int32_t set_mode(struct inode *i, uint32_t mode)
{
    i->mode = S_IFREG | (mode & S_PERMISSIONS);
    return 0;
}

static int32_t chmod_at(int32_t at, vaddr_t path, uint32_t mode)
{
    struct user_path p;
    struct place place;
    int32_t err = user_path_get(&p, at, path, false);
    if (err != 0)
        return err;
    err = path_walk(&p.from, p.text, &place);
    user_path_put(&p);
    if (err != 0)
        return err;
    if (place.kind == PLACE_NONE)
        return -ENOENT;
    if (place.slash && place.kind != PLACE_DIR)
        return -ENOTDIR;
    /* directories, /tmp among them, are as they are */
    if (place.kind == PLACE_PROC || place.dir.tree == TREE_PROC)
        return -EPERM;
    return place.kind == PLACE_TMP ? set_mode(place.inode, mode) : -EROFS;
}

int32_t sys_chmod(struct trapframe *tf)
{
    return chmod_at(AT_FDCWD, tf->ebx, tf->ecx);
}

int32_t sys_fchmodat(struct trapframe *tf)
{
    return chmod_at((int32_t)tf->ebx, tf->ecx, tf->edx);
}

int32_t sys_fchmod(struct trapframe *tf)
{
    struct open_file *f = files_get(current->files, tf->ebx);
    struct inode *i = f != NULL ? tmpfs_inode(f) : NULL;
    if (i == NULL)
        return f != NULL ? -EROFS : -EBADF;
    return set_mode(i, tf->ecx);
}

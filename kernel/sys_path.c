/* SPDX-License-Identifier: MIT
 * System calls on names: open, unlink, rename, access and the like. */
#include "kernel/sys_path.h"
#include "kernel/proc.h"
#include "kernel/syscall.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/slab.h"

int32_t user_path_get(struct user_path *p, int32_t at, vaddr_t path, bool may_be_empty)
{
    p->text = kmalloc(PATH_MAX);
    if (p->text == NULL)
        return -ENOMEM;
    int32_t length = copy_in_string(p->text, path, PATH_MAX);
    int32_t err = MIN(length, 0);
    if (length == 0 && !may_be_empty)
        err = -ENOENT;
    p->from = current->files->cwd;
    if (length > 0 && p->text[0] != '/' && at != AT_FDCWD) {
        struct open_file *f = files_get(current->files, (uint32_t)at);
        const struct dir *d = f != NULL ? file_dir(f) : NULL;
        if (d != NULL)
            p->from = *d;
        else
            err = f != NULL ? -ENOTDIR : -EBADF;
    }
    if (err != 0)
        user_path_put(p);
    return err;
}

void user_path_put(struct user_path *p)
{
    kfree(p->text);
}

/* The path, fetched and walked; the caller puts p. => 0 or a negative errno, and nothing to put */
static int32_t walk(struct user_path *p, int32_t at, vaddr_t path, struct place *place)
{
    int32_t err = user_path_get(p, at, path, false);
    if (err != 0)
        return err;
    err = path_walk(&p->from, p->text, place);
    if (err != 0)
        user_path_put(p);
    return err;
}

static bool descriptor_free(const struct files *fs)
{
    for (uint32_t fd = 0; fd < FILES_MAX; fd++)
        if (fs->open[fd] == NULL)
            return true;
    return false;
}

static int32_t do_open(int32_t at, vaddr_t path, uint32_t flags, uint32_t mode)
{
    struct files *fs = current->files;
    struct user_path p;
    struct open_file *f;
    if ((flags & O_CREAT) && (flags & O_DIRECTORY))
        return -EINVAL;
    int32_t err = user_path_get(&p, at, path, false);
    if (err != 0)
        return err;
    err = descriptor_free(fs) ? 0 : -EMFILE;
    if (err == 0)
        err = path_open(&p.from, p.text, flags, mode & S_PERMISSIONS & ~fs->umask, &f);
    user_path_put(&p);
    if (err != 0)
        return err;
    int32_t fd = files_install(fs, f, 0, flags & O_CLOEXEC);
    if (fd < 0)
        file_unref(f);
    return fd;
}

int32_t sys_open(struct trapframe *tf)
{
    return do_open(AT_FDCWD, tf->ebx, tf->ecx, tf->edx);
}

int32_t sys_openat(struct trapframe *tf)
{
    return do_open((int32_t)tf->ebx, tf->ecx, tf->edx, tf->esi);
}

int32_t sys_creat(struct trapframe *tf)
{
    return do_open(AT_FDCWD, tf->ebx, O_CREAT | O_WRONLY | O_TRUNC, tf->ecx);
}

/* Why nothing can be done about the name p in a tree that is as it is: the initrd, or /proc. */
static int32_t not_ours(const struct place *p)
{
    if (p->parent.tree != TREE_PROC)
        return -EROFS;
    return p->kind == PLACE_NONE ? -ENOENT : -EPERM;
}

static int32_t unlink_place(const struct place *p)
{
    if (p->length == 0)
        return -EISDIR;
    if (p->parent.tree != TREE_TMP)
        return not_ours(p);
    if (p->kind == PLACE_NONE)
        return -ENOENT;
    if (p->slash)
        return -ENOTDIR;
    tmpfs_unlink(p->inode);
    return 0;
}

/* => 0 or a negative errno, in Linux's order */
static int32_t rename_place(const struct place *from, const struct place *to, bool replace)
{
    if (from->parent.tree != to->parent.tree)
        return -EXDEV;
    if (from->length == 0 || to->length == 0)
        return to->length == 0 && !replace ? -EEXIST : -EBUSY;
    if (from->parent.tree != TREE_TMP)
        return not_ours(from->kind == PLACE_NONE ? from : to);
    if (from->kind == PLACE_NONE)
        return -ENOENT;
    if (to->kind != PLACE_NONE && !replace)
        return -EEXIST;
    if (from->slash || to->slash)
        return -ENOTDIR;
    return tmpfs_rename(from->inode, to->name, to->length);
}

static int32_t do_rename(int32_t old_at, vaddr_t old_path, int32_t new_at, vaddr_t new_path, bool replace)
{
    struct user_path old, new;
    struct place from, to;
    int32_t err = user_path_get(&old, old_at, old_path, false);
    if (err != 0)
        return err;
    err = user_path_get(&new, new_at, new_path, false);
    if (err == 0) {
        /* walked only now: the second path's fetch may have slept */
        err = path_walk(&old.from, old.text, &from);
        if (err == 0)
            err = path_walk(&new.from, new.text, &to);
        if (err == 0)
            err = rename_place(&from, &to, replace);
        user_path_put(&new);
    }
    user_path_put(&old);
    return err;
}

int32_t sys_rename(struct trapframe *tf)
{
    return do_rename(AT_FDCWD, tf->ebx, AT_FDCWD, tf->ecx, true);
}

int32_t sys_renameat(struct trapframe *tf)
{
    return do_rename((int32_t)tf->ebx, tf->ecx, (int32_t)tf->edx, tf->esi, true);
}

int32_t sys_renameat2(struct trapframe *tf)
{
    enum { RENAME_NOREPLACE = 1 };
    if (tf->edi & ~(uint32_t)RENAME_NOREPLACE)
        return -EINVAL;
    return do_rename((int32_t)tf->ebx, tf->ecx, (int32_t)tf->edx, tf->esi, !(tf->edi & RENAME_NOREPLACE));
}

/* No directory is ever ours to remove. */
static int32_t rmdir_place(const struct place *p)
{
    if (p->dots)
        return p->name[1] == '.' ? -ENOTEMPTY : -EINVAL;
    if (p->length == 0)
        return -EBUSY;
    if (p->parent.tree != TREE_TMP && (p->kind == PLACE_DIR || p->parent.tree != TREE_PROC))
        return not_ours(p);
    return p->kind == PLACE_NONE ? -ENOENT : -ENOTDIR;
}

/* /tmp is flat: a file system without mkdir answers EPERM. */
static int32_t mkdir_place(const struct place *p)
{
    if (p->kind != PLACE_NONE)
        return -EEXIST;
    return p->parent.tree == TREE_TMP ? -EPERM : not_ours(p);
}

int32_t user_path_do(int32_t at, vaddr_t path, int32_t (*what)(const struct place *))
{
    struct user_path p;
    struct place place;
    int32_t err = walk(&p, at, path, &place);
    if (err != 0)
        return err;
    err = what(&place);
    user_path_put(&p);
    return err;
}

int32_t sys_unlink(struct trapframe *tf)
{
    return user_path_do(AT_FDCWD, tf->ebx, unlink_place);
}

int32_t sys_unlinkat(struct trapframe *tf)
{
    enum { AT_REMOVEDIR = 0x200 };
    if (tf->edx & ~(uint32_t)AT_REMOVEDIR)
        return -EINVAL;
    return user_path_do((int32_t)tf->ebx, tf->ecx, tf->edx ? rmdir_place : unlink_place);
}

int32_t sys_rmdir(struct trapframe *tf)
{
    return user_path_do(AT_FDCWD, tf->ebx, rmdir_place);
}

int32_t sys_mkdir(struct trapframe *tf)
{
    return user_path_do(AT_FDCWD, tf->ebx, mkdir_place);
}

int32_t sys_mkdirat(struct trapframe *tf)
{
    return user_path_do((int32_t)tf->ebx, tf->ecx, mkdir_place);
}

/* There are no symbolic links. */
static int32_t readlink_place(const struct place *p)
{
    return p->kind == PLACE_NONE ? -ENOENT : p->slash && p->kind != PLACE_DIR ? -ENOTDIR : -EINVAL;
}

int32_t sys_readlink(struct trapframe *tf)
{
    return (int32_t)tf->edx <= 0 ? -EINVAL : user_path_do(AT_FDCWD, tf->ebx, readlink_place);
}

int32_t sys_readlinkat(struct trapframe *tf)
{
    return (int32_t)tf->esi <= 0 ? -EINVAL : user_path_do((int32_t)tf->ebx, tf->ecx, readlink_place);
}

/* Every program is root, who may do everything but write where nobody can, and execute what nobody can. */
static int32_t may_access(const struct place *p, uint32_t mode)
{
    enum { X_OK = 1, W_OK = 2, ANY_X = 0111 };
    struct file_stat st;
    if (p->kind == PLACE_NONE)
        return -ENOENT;
    if (p->slash && p->kind != PLACE_DIR)
        return -ENOTDIR;
    place_stat(p, &st);
    if ((mode & W_OK) && st.device == DEVICE_INITRD)
        return -EROFS;
    if ((mode & W_OK) && st.device == DEVICE_PROC)
        return -EACCES;
    return (mode & X_OK) && !(st.mode & ANY_X) ? -EACCES : 0;
}

static int32_t do_access(int32_t at, vaddr_t path, uint32_t mode)
{
    enum { ACCESS_ALL = 7 };
    struct user_path p;
    struct place place;
    if (mode & ~(uint32_t)ACCESS_ALL)
        return -EINVAL;
    int32_t err = walk(&p, at, path, &place);
    if (err != 0)
        return err;
    err = may_access(&place, mode);
    user_path_put(&p);
    return err;
}

int32_t sys_access(struct trapframe *tf)
{
    return do_access(AT_FDCWD, tf->ebx, tf->ecx);
}

int32_t sys_faccessat(struct trapframe *tf)
{
    return do_access((int32_t)tf->ebx, tf->ecx, tf->edx);
}

int32_t sys_faccessat2(struct trapframe *tf)
{
    enum { AT_EACCESS = 0x200, KNOWN = AT_EACCESS | AT_SYMLINK_NOFOLLOW };
    if (tf->esi & ~(uint32_t)KNOWN)
        return -EINVAL;
    return do_access((int32_t)tf->ebx, tf->ecx, tf->edx);
}

static int32_t truncate_path(vaddr_t path, int64_t length)
{
    struct user_path p;
    struct place place;
    if (length < 0)
        return -EINVAL;
    int32_t err = walk(&p, AT_FDCWD, path, &place);
    if (err != 0)
        return err;
    if (place.kind == PLACE_NONE)
        err = -ENOENT;
    else if (place.kind == PLACE_DIR)
        err = -EISDIR;
    else if (place.slash)
        err = -ENOTDIR;
    else if (place.kind != PLACE_TMP)
        err = place.kind == PLACE_PROC ? -EACCES : -EROFS;
    user_path_put(&p);
    if (err != 0)
        return err;
    tmpfs_ref(place.inode); /* its name may go while we sleep */
    err = tmpfs_truncate(place.inode, (uint64_t)length);
    tmpfs_unref(place.inode);
    return err;
}

int32_t sys_truncate(struct trapframe *tf)
{
    return truncate_path(tf->ebx, (int32_t)tf->ecx);
}

int32_t sys_truncate64(struct trapframe *tf)
{
    return truncate_path(tf->ebx, (int64_t)((uint64_t)tf->edx << 32 | tf->ecx));
}

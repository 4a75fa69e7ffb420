/* SPDX-License-Identifier: MIT
 * System calls on directories: the current one, and what is in one. */
#include "kernel/proc.h"
#include "kernel/sys_path.h"
#include "kernel/syscall.h"
#include "lib/errno.h"
#include "lib/string.h"

static int32_t chdir_place(const struct place *p)
{
    if (p->kind != PLACE_DIR)
        return p->kind == PLACE_NONE ? -ENOENT : -ENOTDIR;
    current->files->cwd = p->dir;
    return 0;
}

int32_t sys_chdir(struct trapframe *tf)
{
    return user_path_do(AT_FDCWD, tf->ebx, chdir_place);
}

int32_t sys_fchdir(struct trapframe *tf)
{
    struct open_file *f = files_get(current->files, tf->ebx);
    const struct dir *d = f != NULL ? file_dir(f) : NULL;
    if (d == NULL)
        return f != NULL ? -ENOTDIR : -EBADF;
    current->files->cwd = *d;
    return 0;
}

/* => the length with the NUL, as Linux does (the C library's returns the pointer). */
int32_t sys_getcwd(struct trapframe *tf)
{
    char text[NAME_MAX + 1];
    uint32_t size = (uint32_t)dir_path(&current->files->cwd, text, sizeof text) + 1;
    if (tf->ecx < size)
        return -ERANGE;
    int32_t err = copy_out(tf->ebx, text, size);
    return err != 0 ? err : (int32_t)size;
}

/* Linux's struct linux_dirent64. */
struct dirent {
    uint64_t number;
    int64_t next; /* the cookie of the entry after this one */
    uint16_t size;
    uint8_t type;
    char name[NAME_MAX + 1];
} __attribute__((packed));

int32_t sys_getdents64(struct trapframe *tf)
{
    enum { TYPE_SHIFT = 12, ALIGNMENT = 8 };
    struct open_file *f = files_get(current->files, tf->ebx);
    const struct dir *d = f != NULL ? file_dir(f) : NULL;
    if (d == NULL)
        return f != NULL ? -ENOTDIR : -EBADF;
    uint32_t done = 0;
    for (;;) {
        struct dir_entry e;
        struct dirent out;
        uint64_t cookie = f->offset;
        if (!dir_next(d, &cookie, &e))
            return (int32_t)done;
        uint32_t size = ALIGN_UP(offsetof(struct dirent, name) + e.length + 1, (uint32_t)ALIGNMENT);
        if (size > tf->edx - done)
            return done > 0 ? (int32_t)done : -EINVAL;
        memset(&out, 0, sizeof out);
        out.number = e.number;
        out.next = (int64_t)cookie;
        out.size = (uint16_t)size;
        out.type = (uint8_t)(e.mode >> TYPE_SHIFT);
        memcpy(out.name, e.name, e.length);
        int32_t err = copy_out(tf->ecx + done, &out, size);
        if (err != 0)
            return done > 0 ? (int32_t)done : err;
        f->offset = cookie;
        done += size;
    }
}

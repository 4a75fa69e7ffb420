/* SPDX-License-Identifier: MIT
 * Reference counts of open files, tables of descriptors. */
#include "kernel/file.h"
#include "kernel/console.h"
#include "kernel/proc.h"
#include "lib/errno.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/space.h"

enum { STDIN, STDOUT, STDERR, UMASK_DEFAULT = 022 };

static struct slab_cache open_files = SLAB_CACHE_INIT(open_files, "open_file", sizeof(struct open_file));

struct open_file *file_new(const struct file_ops *ops, uint32_t flags)
{
    struct open_file *f = slab_alloc(&open_files);
    if (f != NULL)
        *f = (struct open_file){.ops = ops, .refs = 1, .flags = flags};
    return f;
}

void file_ref(struct open_file *f)
{
    f->refs++;
}

void file_unref(struct open_file *f)
{
    ASSERT(f->refs > 0, "file_unref: open file %p is closed already", (void *)f);
    if (--f->refs > 0)
        return;
    if (f->ops->close != NULL)
        f->ops->close(f);
    slab_free(&open_files, f);
}

int32_t file_read_object(struct object *o, struct user_io *io, uint64_t *at)
{
    char chunk[IO_CHUNK];
    int32_t done = 0, err = 0;
    while (io->left > 0 && *at < object_length(o)) {
        uint32_t from = (uint32_t)*at;
        uint32_t n = MIN(MIN(io->left, (uint32_t)sizeof chunk), object_length(o) - from);
        enum vm_result r = object_read(o, current->space->pool, from, chunk, n);
        if (r == VM_BEYOND || (r == VM_OK && object_length(o) < from + n))
            continue; /* it was cut while we slept: look again */
        err = r == VM_OK ? io_put(io, chunk, n) : error_of(r);
        if (err < 0)
            break;
        done += err;
        *at += (uint32_t)err;
    }
    return done > 0 ? done : MIN(err, 0);
}

struct files *files_new(void)
{
    struct files *fs = kzalloc(sizeof *fs);
    struct open_file *in = console_file(O_RDONLY), *out = console_file(O_WRONLY);
    if (fs == NULL || in == NULL || out == NULL) {
        kfree(fs);
        if (in != NULL)
            file_unref(in);
        if (out != NULL)
            file_unref(out);
        return NULL;
    }
    file_ref(out);
    fs->open[STDIN] = in;
    fs->open[STDOUT] = fs->open[STDERR] = out;
    fs->cwd = (struct dir){.prefix = ""};
    fs->umask = UMASK_DEFAULT;
    return fs;
}

struct files *files_fork(const struct files *from)
{
    struct files *fs = kmalloc(sizeof *fs);
    if (fs == NULL)
        return NULL;
    *fs = *from;
    for (uint32_t fd = 0; fd < FILES_MAX; fd++)
        if (fs->open[fd] != NULL)
            file_ref(fs->open[fd]);
    return fs;
}

void files_exec(struct files *fs)
{
    for (uint32_t fd = 0; fd < FILES_MAX; fd++)
        if (fs->cloexec[fd])
            files_close(fs, fd);
}

void files_exit(struct files *fs)
{
    for (uint32_t fd = 0; fd < FILES_MAX; fd++)
        files_close(fs, fd);
    kfree(fs);
}

struct open_file *files_get(const struct files *fs, uint32_t fd)
{
    return fd < FILES_MAX ? fs->open[fd] : NULL;
}

int32_t files_install(struct files *fs, struct open_file *f, uint32_t from, bool cloexec)
{
    for (uint32_t fd = from; fd < FILES_MAX; fd++) {
        if (fs->open[fd] != NULL)
            continue;
        fs->open[fd] = f;
        fs->cloexec[fd] = cloexec;
        return (int32_t)fd;
    }
    return -EMFILE;
}

int32_t files_close(struct files *fs, uint32_t fd)
{
    struct open_file *f = files_get(fs, fd);
    if (f == NULL)
        return -EBADF;
    fs->open[fd] = NULL;
    fs->cloexec[fd] = false;
    file_unref(f);
    return 0;
}

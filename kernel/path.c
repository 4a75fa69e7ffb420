/* SPDX-License-Identifier: MIT
 * Finding names, listing directories. The initrd has no entries for directories that we use: a directory is
 * what the names of its files say. */
#include "kernel/path.h"
#include "lib/errno.h"
#include "lib/string.h"

/* The directories of the root that are not the initrd's, in the order in which they are listed. */
static const struct dir mounts[] = {
    {.tree = TREE_TMP, .prefix = "tmp/", .length = 4},
    {.tree = TREE_PROC, .prefix = "proc/", .length = 5},
};
const struct dir path_root = {.prefix = ""};

/* Inode numbers of the initrd: of the roots of trees, then of what a file's name says. A directory is
 * numbered by the first file that is in it, and by the length of its prefix. */
enum { NUMBER_ROOT = 1, NUMBER_INITRD = 256, NUMBERS_PER_FILE = 256 };

static uint32_t number_of(const struct file *f, uint32_t prefix)
{
    return NUMBER_INITRD + initrd_index(f) * NUMBERS_PER_FILE + prefix;
}

/* The component of f's name below d. => its length; 0 if f is not below d */
static uint32_t component(const struct dir *d, const struct file *f, const char **name)
{
    *name = f->name;
    if (strncmp(f->name, d->prefix, d->length) != 0)
        return 0;
    *name += d->length;
    uint32_t n = 0;
    while ((*name)[n] != '\0' && (*name)[n] != '/')
        n++;
    return n;
}

/* The first file of the initrd whose component below d is name. => NULL if there is none */
static const struct file *below(const struct dir *d, const char *name, uint32_t length)
{
    const struct file *f;
    for (uint32_t i = 0; (f = initrd_file(i)) != NULL; i++) {
        const char *c;
        if (component(d, f, &c) == length && strncmp(c, name, length) == 0)
            return f;
    }
    return NULL;
}

static const struct dir *mount_of(const struct dir *d, const char *name, uint32_t length)
{
    for (size_t i = 0; d->length == 0 && i < ARRAY_SIZE(mounts); i++)
        if (length == mounts[i].length - 1 && strncmp(name, mounts[i].prefix, length) == 0)
            return &mounts[i];
    return NULL;
}

static void child_of_proc(const struct dir *d, const char *name, uint32_t length, struct place *p)
{
    uint32_t pid = d->pid == 0 ? procfs_pid(name, length) : 0;
    p->proc = procfs_find(d->pid, name, length);
    if (p->proc != NULL) {
        p->kind = PLACE_PROC;
    } else if (pid != 0) {
        p->kind = PLACE_DIR;
        p->dir = *d;
        p->dir.pid = pid;
    }
}

static void child(const struct dir *d, const char *name, uint32_t length, struct place *p)
{
    const struct dir *mount = mount_of(d, name, length);
    p->kind = PLACE_NONE;
    if (d->tree == TREE_TMP) {
        p->inode = tmpfs_find(name, length);
        p->kind = p->inode != NULL ? PLACE_TMP : PLACE_NONE;
    } else if (d->tree == TREE_PROC) {
        child_of_proc(d, name, length, p);
    } else if (mount != NULL) {
        p->kind = PLACE_DIR;
        p->dir = *mount;
    } else if ((p->file = below(d, name, length)) != NULL) {
        bool is_dir = p->file->name[d->length + length] == '/';
        p->kind = is_dir ? PLACE_DIR : PLACE_INITRD;
        p->dir = (struct dir){.prefix = p->file->name, .length = d->length + length + 1};
    }
}

static struct dir parent_of(const struct dir *d)
{
    if (d->pid != 0)
        return (struct dir){.tree = d->tree, .prefix = d->prefix, .length = d->length};
    struct dir up = {.prefix = d->prefix, .length = d->length};
    while (up.length > 0 && (up.length == d->length || up.prefix[up.length - 1] != '/'))
        up.length--;
    return up.length > 0 ? up : path_root;
}

int32_t path_walk(const struct dir *from, const char *path, struct place *out)
{
    const char *s = path;
    *out = (struct place){.kind = PLACE_DIR, .dir = *s == '/' ? path_root : *from};
    if (*s == '\0')
        return -ENOENT;
    for (;;) {
        while (*s == '/')
            s++;
        if (*s == '\0')
            return 0;
        if (out->kind != PLACE_DIR)
            return out->kind == PLACE_NONE ? -ENOENT : -ENOTDIR;
        uint32_t length = 0;
        while (s[length] != '\0' && s[length] != '/')
            length++;
        if (length > NAME_MAX)
            return -ENAMETOOLONG;
        out->parent = out->dir;
        out->name = s;
        out->dots = s[0] == '.' && (length == 1 || (length == 2 && s[1] == '.'));
        out->length = out->dots ? 0 : length;
        if (out->dots && length == 2)
            out->dir = parent_of(&out->dir);
        else if (!out->dots)
            child(&out->parent, s, length, out);
        s += length;
        out->slash = *s == '/';
    }
}

static uint32_t dir_number(const struct dir *d)
{
    if (d->tree == TREE_PROC)
        return procfs_number(d->pid, NULL);
    if (d->tree == TREE_TMP || d->length == 0)
        return NUMBER_ROOT;
    uint32_t i = 0;
    while (strncmp(initrd_file(i)->name, d->prefix, d->length) != 0)
        i++;
    return number_of(initrd_file(i), d->length);
}

int dir_path(const struct dir *d, char *text, size_t size)
{
    if (d->pid != 0)
        return format(text, size, "/%s%u", d->prefix, d->pid);
    return format(text, size, "/%.*s", (int)(d->length > 0 ? d->length - 1 : 0), d->prefix);
}

void dir_stat(const struct dir *d, struct file_stat *st)
{
    static const uint8_t devices[] = {DEVICE_INITRD, DEVICE_TMP, DEVICE_PROC}; /* by tree */
    *st = (struct file_stat){.device = devices[d->tree],
                             .number = dir_number(d),
                             .mode = S_IFDIR | (d->tree == TREE_TMP ? 01777 : 0555),
                             .links = 2,
                             .size = d->tree == TREE_PROC ? 0 : PAGE_SIZE};
}

void initrd_stat(const struct file *f, struct file_stat *st)
{
    *st = (struct file_stat){.device = DEVICE_INITRD,
                             .number = number_of(f, 0),
                             .mode = S_IFREG | 0555,
                             .links = 1,
                             .size = f->size};
}

void place_stat(const struct place *p, struct file_stat *st)
{
    if (p->kind == PLACE_DIR)
        dir_stat(&p->dir, st);
    else if (p->kind == PLACE_INITRD)
        initrd_stat(p->file, st);
    else if (p->kind == PLACE_PROC)
        procfs_stat(p->proc, p->parent.pid, st);
    else
        tmpfs_stat(p->inode, st);
}

bool dir_next(const struct dir *d, uint64_t *cookie, struct dir_entry *e)
{
    enum { DOT, DOTDOT, REST }; /* cookies; the rest are the numbers of inodes or files */
    _Static_assert((uint32_t)REST == (uint32_t)TMP_FIRST, "the first file follows the dots");
    if (*cookie < REST) {
        struct dir of = *cookie == DOT ? *d : parent_of(d);
        *e = (struct dir_entry){dir_number(&of), S_IFDIR, "..", (uint32_t)(*cookie == DOT ? 1 : 2), ""};
        ++*cookie;
        return true;
    }
    if (*cookie > UINT32_MAX)
        return false;
    if (d->tree == TREE_PROC) {
        uint32_t at = (uint32_t)*cookie - REST;
        bool found = procfs_entry(d->pid, &at, e);
        *cookie = (uint64_t)at + REST;
        return found;
    }
    if (d->tree == TREE_TMP) {
        struct inode *i = tmpfs_from((uint32_t)*cookie);
        if (i == NULL)
            return false;
        *e = (struct dir_entry){i->number, S_IFREG, i->name, strlen(i->name), ""};
        *cookie = i->number + 1;
        return true;
    }
    const struct file *f;
    while ((f = initrd_file((uint32_t)*cookie - REST)) != NULL) {
        ++*cookie;
        uint32_t n = component(d, f, &e->name);
        if (n == 0 || mount_of(d, e->name, n) != NULL || below(d, e->name, n) != f)
            continue;
        bool is_dir = e->name[n] == '/';
        e->length = n;
        e->mode = is_dir ? S_IFDIR : S_IFREG;
        e->number = number_of(f, is_dir ? d->length + n + 1 : 0);
        return true;
    }
    uint64_t last = REST;
    while (initrd_file((uint32_t)last - REST) != NULL)
        last++;
    if (d->length > 0 || *cookie >= last + ARRAY_SIZE(mounts))
        return false;
    const struct dir *mount = &mounts[*cookie - last];
    ++*cookie;
    *e = (struct dir_entry){dir_number(mount), S_IFDIR, mount->prefix, mount->length - 1, ""};
    return true;
}

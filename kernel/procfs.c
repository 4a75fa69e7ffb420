/* SPDX-License-Identifier: MIT
 * The files of /proc, and how they are read. A text is printed as a whole when it is read from its start, and
 * kept with the open file, so that who reads it in pieces sees one state of things. */
#include "kernel/procfs.h"
#include "kernel/path.h"
#include "kernel/proc.h"
#include "kernel/syscall.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "mm/stats.h"

/* A new file is a line here. What a monitor command prints can be a file too: both take a printer. */
static const struct proc_file machine_files[] = {
    {.name = "buddyinfo", .permissions = 0400, .print = buddy_print_info},
    {.name = "slabinfo", .permissions = 0400, .print = slab_print_info},
    {.name = "vmstat", .permissions = 0444, .print = vmstat_print},
};

static const struct proc_file process_files[] = {
    {.name = "maps", .permissions = 0444, .print_space = maps_print},
    {.name = "pagemap", .permissions = 0400, .number = pagemap_number},
};

/* Inode numbers: so many for each directory, the first for itself. */
enum { NUMBERS_PER_DIR = 16, NUMBER_ROOT = 1 };
_Static_assert(ARRAY_SIZE(machine_files) < NUMBERS_PER_DIR && ARRAY_SIZE(process_files) < NUMBERS_PER_DIR,
               "every file has a number");

static const struct space *space_of(uint32_t pid)
{
    const struct proc *p = proc_find(pid);
    return p != NULL && p->state != PROC_NEW ? p->space : NULL;
}

/* => NULL: there are fewer */
static const struct proc_file *nth(uint32_t pid, uint32_t i)
{
    if (pid == 0)
        return i < ARRAY_SIZE(machine_files) ? &machine_files[i] : NULL;
    return i < ARRAY_SIZE(process_files) && space_of(pid) != NULL ? &process_files[i] : NULL;
}

const struct proc_file *procfs_find(uint32_t pid, const char *name, uint32_t length)
{
    const struct proc_file *f;
    for (uint32_t i = 0; (f = nth(pid, i)) != NULL; i++)
        if (strlen(f->name) == length && strncmp(f->name, name, length) == 0)
            return f;
    return NULL;
}

static const char self[] = "self";

uint32_t procfs_pid(const char *name, uint32_t length)
{
    char digits[PID_TEXT];
    uint32_t pid = 0;
    if (length == sizeof self - 1 && strncmp(name, self, length) == 0)
        return current->space != NULL ? current->result.pid : 0;
    if (length >= sizeof digits || *name == '0')
        return 0;
    memcpy(digits, name, length);
    digits[length] = '\0';
    return parse_u32(digits, false, &pid) && space_of(pid) != NULL ? pid : 0;
}

/* The next process with memory after `pid`. => 0: none */
static uint32_t next_pid(uint32_t pid)
{
    uint32_t next = 0;
    list_for_each (n, &all_procs) {
        uint32_t its = container_of(n, struct proc, all)->result.pid;
        if (its > pid && (next == 0 || its < next) && space_of(its) != NULL)
            next = its;
    }
    return next;
}

uint32_t procfs_number(uint32_t pid, const struct proc_file *f)
{
    const struct proc_file *first = pid == 0 ? machine_files : process_files;
    return NUMBER_ROOT + pid * NUMBERS_PER_DIR + (f != NULL ? (uint32_t)(f - first) + 1 : 0);
}

/* First the files; then, in /proc, self and the processes. */
bool procfs_entry(uint32_t pid, uint32_t *at, struct dir_entry *e)
{
    const struct proc_file *f = nth(pid, *at);
    if (f != NULL) {
        *e = (struct dir_entry){procfs_number(pid, f), S_IFREG, f->name, strlen(f->name), ""};
        ++*at;
        return true;
    }
    if (pid != 0)
        return false;
    uint32_t place = *at - ARRAY_SIZE(machine_files); /* 0: self's; n + 1: of the first process above n */
    uint32_t own = procfs_pid(self, sizeof self - 1);
    if (place == 0 && own != 0) {
        *e = (struct dir_entry){procfs_number(own, NULL), S_IFDIR, self, sizeof self - 1, ""};
        ++*at;
        return true;
    }
    pid = next_pid(place > 0 ? place - 1 : 0);
    if (pid == 0)
        return false;
    *e = (struct dir_entry){.number = procfs_number(pid, NULL), .mode = S_IFDIR, .name = e->number_text};
    e->length = (uint32_t)format(e->number_text, sizeof e->number_text, "%u", pid);
    *at = ARRAY_SIZE(machine_files) + 1 + pid;
    return true;
}

void procfs_stat(const struct proc_file *f, uint32_t pid, struct file_stat *st)
{
    *st = (struct file_stat){
        .device = DEVICE_PROC, .number = procfs_number(pid, f), .mode = S_IFREG | f->permissions, .links = 1};
}

/* => false: the process is gone */
static bool print_text(const struct proc_file *f, uint32_t pid, struct printer *out)
{
    const struct space *s = pid != 0 ? space_of(pid) : NULL;
    if (f->print != NULL)
        f->print(out);
    else if (s != NULL)
        f->print_space(s, out);
    return f->print != NULL || s != NULL;
}

bool procfs_print(const struct proc_file *f, uint32_t pid, struct printer *out)
{
    return f->number == NULL && print_text(f, pid, out);
}

/* Prints the text anew. Room for it is made and it is printed again, until it fits: memory that is taken for
 * it may be what it is about. => 0 or -ENOMEM */
static int32_t print_again(struct open_file *f)
{
    for (;;) {
        struct buffer_printer b;
        buffer_printer_init(&b, f->proc.text, f->proc.room);
        print_text(f->proc.file, f->proc.pid, &b.to);
        f->proc.length = MIN(b.length, f->proc.room);
        if (b.length < f->proc.room)
            return 0;
        uint32_t room = MAX(b.length + b.length / 4, (uint32_t)IO_CHUNK);
        if (room > PAGE_SIZE && kernel_memory_short())
            return -ENOMEM;
        char *text = kmalloc(room);
        if (text == NULL)
            return -ENOMEM;
        kfree(f->proc.text);
        f->proc.text = text;
        f->proc.room = room;
    }
}

static int32_t text_read(struct open_file *f, struct user_io *io, uint64_t *at)
{
    char chunk[IO_CHUNK];
    int32_t done = 0, moved = 0;
    if (*at == 0 || f->proc.text == NULL)
        moved = print_again(f);
    /* the text may be printed again, by another who has this open file, whenever the copy sleeps */
    while (moved >= 0 && io->left > 0 && *at < f->proc.length) {
        uint32_t n = MIN(MIN(io->left, (uint32_t)sizeof chunk), f->proc.length - (uint32_t)*at);
        memcpy(chunk, f->proc.text + *at, n);
        moved = io_put(io, chunk, n);
        if (moved > 0) {
            done += moved;
            *at += (uint32_t)moved;
        }
    }
    return done > 0 ? done : MIN(moved, 0);
}

/* Whole numbers only: anything else is -EINVAL, as on Linux. */
static int32_t number_read(struct open_file *f, struct user_io *io, uint64_t *at)
{
    uint64_t chunk[IO_CHUNK / sizeof(uint64_t)];
    int32_t done = 0;
    if (*at % sizeof *chunk != 0 || io->left % sizeof *chunk != 0)
        return -EINVAL;
    while (io->left > 0) {
        const struct space *s = space_of(f->proc.pid);
        uint32_t n = 0;
        while (s != NULL && n < ARRAY_SIZE(chunk) && n < io->left / sizeof *chunk &&
               f->proc.file->number(s, *at / sizeof *chunk + n, &chunk[n]))
            n++;
        if (n == 0)
            break;
        n *= sizeof *chunk;
        int32_t moved = io_put(io, chunk, n);
        if (moved != (int32_t)n) /* a part of the program's buffer is bad: what it would get is not whole */
            return done > 0 ? done : moved < 0 ? moved : -EFAULT;
        done += moved;
        *at += n;
    }
    return done;
}

static void open_stat(const struct open_file *f, struct file_stat *st)
{
    procfs_stat(f->proc.file, f->proc.pid, st);
}

static void text_close(struct open_file *f)
{
    kfree(f->proc.text);
}

struct open_file *procfs_open(const struct proc_file *file, uint32_t pid, uint32_t flags)
{
    static const struct file_ops text_ops = {
        .read = text_read, .stat = open_stat, .close = text_close, .seekable = true, .endless = true};
    static const struct file_ops number_ops = {
        .read = number_read, .stat = open_stat, .seekable = true, .endless = true};
    struct open_file *f = file_new(file->number != NULL ? &number_ops : &text_ops, flags);
    if (f != NULL) {
        f->proc.file = file;
        f->proc.pid = pid;
    }
    return f;
}

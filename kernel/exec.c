/* SPDX-License-Identifier: MIT
 * execve: a process runs another program. The new address space is complete before the old one goes, so
 * that every failure leaves the caller as it was. */
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "kernel/allot.h"
#include "kernel/elf.h"
#include "kernel/family.h"
#include "kernel/file.h"
#include "kernel/signal.h"
#include "kernel/syscall.h"
#include "kernel/turn.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "lib/trace.h"
#include "mm/exact.h"
#include "mm/slab.h"

enum { PATH_MAX = PAGE_SIZE, NAME_LONGEST = 255 };

/* Programs are the files of the initrd's bin: /bin/NAME, bin/NAME or, as there is no other place, NAME.
 * => NULL after setting *err. */
static const struct file *find_program(const char *path, int32_t *err)
{
    for (const char *part = path, *slash; (slash = strchr(part, '/')) != NULL || *part != '\0';) {
        size_t length = slash != NULL ? (size_t)(slash - part) : strlen(part);
        *err = -ENAMETOOLONG;
        if (length > NAME_LONGEST)
            return NULL;
        part += length + (slash != NULL);
    }
    const char *name = path + (*path == '/');
    *err = -EACCES; /* the directories */
    if ((*path == '/' && *name == '\0') || strcmp(path, ".") == 0 || strcmp(path, "..") == 0 ||
        strcmp(name, "bin") == 0 || strcmp(name, "bin/") == 0)
        return NULL;
    *err = -ENOENT;
    const struct file *f = initrd_find(name);
    return f != NULL || *path == '/' || strchr(path, '/') != NULL ? f : initrd_program(name);
}

static void swallow(struct printer *to UNUSED, const char *text UNUSED, size_t len UNUSED)
{
}

/* A new space with the program in it. => 0, or a negative errno, nothing left behind. */
static int32_t load(const struct file *f, vaddr_t argv, vaddr_t envp, struct space **out,
                    struct program_start *start)
{
    static char no_name[] = "";
    char *nobody[] = {no_name};
    struct printer silent = {swallow};
    struct args args;
    args_init(&args);
    int32_t err = args_add_user(&args, current->space, argv, 0);
    if (err == 0 && args.argc == 0) /* as Linux since 5.18: programs rely on argv[0] */
        err = args_add(&args, 1, nobody);
    if (err == 0)
        err = args_add_user(&args, current->space, 0, envp);
    struct space *s = NULL;
    struct pool *pool = allot_exec_pool(current->space->pool);
    if (err == 0 && (kernel_memory_short() || (s = space_new(pool, current->result.pid)) == NULL))
        err = -ENOMEM;
    pool_put(pool);
    if (err == 0 && exact_begin(s, current->space->always & ~(uint32_t)REGION_LOCKED) != VM_OK)
        err = -ENOMEM;
    if (err == 0)
        err = elf_load(f, s, &args, start, &silent);
    args_free(&args);
    if (err != 0 && s != NULL)
        space_put(s);
    *out = s;
    return err;
}

/* The point of no return is behind: the old memory goes. Faults stay counted in the process. */
static void change_space(struct space *s)
{
    struct space *old = current->space;
    turn_count(old->pool, -1);
    turn_count(s->pool, 1);
    if (!space_shared(old)) {
        s->minor += old->minor;
        s->major += old->major;
        s->pmap.evictions += old->pmap.evictions;
        s->pmap.writebacks += old->pmap.writebacks;
    }
    current->space = s;
    pmap_activate(&s->pmap);
    space_put(old);
    family_release(current);
}

static void reset_state(const char *name)
{
    const char *slash;
    while ((slash = strchr(name, '/')) != NULL)
        name = slash + 1;
    str_copy(current->result.name, sizeof current->result.name, name);
    memset(current->tls, 0, sizeof current->tls);
    write_gs(0);
    cpu_load_tls(current->tls);
    fpu_reset(current->fpu);
    if (cpu_features.fxsr)
        fpu_load(current->fpu);
    signals_exec(current->signals);
}

int32_t sys_execve(struct trapframe *tf)
{
    char *path = kmalloc(PATH_MAX);
    if (path == NULL)
        return -ENOMEM;
    const struct file *f = NULL;
    struct space *s;
    struct program_start start;
    int32_t err = copy_in_string(path, tf->ebx, PATH_MAX);
    if (err >= 0)
        f = find_program(path, &err);
    kfree(path);
    if (f == NULL)
        return err;
    err = load(f, tf->ecx, tf->edx, &s, &start);
    if (err != 0)
        return err;
    change_space(s);
    reset_state(f->name);
    files_exec(current->files);
    *tf = user_frame(start.entry, start.stack);
    if (trace_on(TRACE_PROC))
        trace_put_text(EVENT_START, current->result.pid, current->result.name);
    log_event(LOG_PROC, "exec pid=%u name=%s entry=0x%08x", current->result.pid, current->result.name,
              start.entry);
    return 0;
}

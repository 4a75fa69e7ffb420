/* SPDX-License-Identifier: MIT
 * Copies between system calls and the program, over space_copy_in and space_copy_out. */
#include "kernel/usermem.h"
#include "kernel/proc.h"
#include "lib/errno.h"
#include "lib/string.h"

int32_t error_of(enum vm_result r)
{
    switch (r) {
    case VM_OK:
        return 0;
    case VM_NO_MEMORY:
    case VM_NO_SWAP:
        return -ENOMEM;
    case VM_IO_ERROR:
    case VM_CORRUPT:
        return -EIO;
    case VM_INVALID:
        return -EINVAL;
    case VM_EXISTS:
        return -EEXIST;
    case VM_NO_REGION:
    case VM_FORBIDDEN:
    case VM_BEYOND:
        break;
    }
    return -EFAULT;
}

int32_t copy_in(void *to, vaddr_t from, uint32_t n)
{
    return error_of(space_copy_in(current->space, to, from, n));
}

int32_t copy_out(vaddr_t to, const void *from, uint32_t n)
{
    return error_of(space_copy_out(current->space, to, from, n));
}

int32_t copy_in_string(char *to, vaddr_t from, uint32_t size)
{
    enum { PIECE = 128 }; /* divides a page: a piece is all there or not at all */
    for (uint32_t done = 0; done < size;) {
        uint32_t n = MIN(size - done, PIECE - (from + done) % PIECE);
        int32_t err = copy_in(to + done, from + done, n);
        if (err != 0)
            return err;
        for (uint32_t i = done; i < done + n; i++)
            if (to[i] == '\0')
                return (int32_t)i;
        done += n;
    }
    return -ENAMETOOLONG;
}

int32_t io_start(struct user_io *io, const struct io_part *parts, uint32_t count)
{
    *io = (struct user_io){.part = parts};
    for (uint32_t i = 0; i < count; i++) {
        if (parts[i].base > IO_END || parts[i].length > IO_END - parts[i].base)
            return -EFAULT;
        io->left += MIN(parts[i].length, IO_MAX - io->left);
    }
    return 0;
}

static int32_t move(struct user_io *io, char *kernel, uint32_t n, bool in)
{
    uint32_t done = 0;
    n = MIN(n, io->left);
    while (done < n) {
        const struct io_part *p = io->part;
        if (io->offset == p->length) {
            io->part++;
            io->offset = 0;
            continue;
        }
        /* never across a page: then a piece is either moved or not */
        vaddr_t at = p->base + io->offset;
        uint32_t len = MIN(MIN(n - done, p->length - io->offset), PAGE_SIZE - at % PAGE_SIZE);
        int32_t err = in ? copy_in(kernel + done, at, len) : copy_out(at, kernel + done, len);
        if (err != 0)
            return done > 0 ? (int32_t)done : err;
        done += len;
        io->offset += len;
        io->left -= len;
    }
    return (int32_t)done;
}

int32_t io_take(struct user_io *io, void *to, uint32_t n)
{
    return move(io, to, n, true);
}

int32_t io_put(struct user_io *io, const void *from, uint32_t n)
{
    return move(io, (char *)(uintptr_t)from, n, false);
}

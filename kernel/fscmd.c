/* SPDX-License-Identifier: MIT
 * ls, cat, rm: the commands about files. */
#include "kernel/monitor.h"
#include "kernel/path.h"
#include "lib/command.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/space.h"

/* => false after saying that there is nothing */
static bool find(const char *command, const char *path, struct place *p, struct printer *out)
{
    int32_t err = path_walk(&path_root, path, p);
    if (err == 0 && p->kind != PLACE_NONE)
        return true;
    print(out, "%s: %s: no such file; ls / and ls /tmp list them\n", command, path);
    return false;
}

static void list_one(const struct place *p, const char *name, uint32_t length, struct printer *out)
{
    struct file_stat st;
    place_stat(p, &st);
    print(out, "%10u  %.*s%s\n", st.size, (int)length, name, p->kind == PLACE_DIR ? "/" : "");
}

void complete_files(struct completion *c, const char *directory, bool directories_too)
{
    struct place p;
    struct dir_entry e;
    if (path_walk(&path_root, directory, &p) != 0 || p.kind != PLACE_DIR)
        return;
    for (uint64_t cookie = 0; dir_next(&p.dir, &cookie, &e);) {
        char name[NAME_MAX + 2];
        bool is_dir = (e.mode & S_IFMT) == S_IFDIR;
        format(name, sizeof name, "%.*s%s", (int)e.length, e.name, is_dir ? "/" : "");
        if (name[0] != '.' && (directories_too || !is_dir))
            complete_offer(c, name);
    }
}

/* A path: what is in the directory that is typed so far. */
static void path_complete(int argc, char **argv UNUSED, struct completion *c)
{
    char directory[NAME_MAX + 2];
    const char *word = c->word;
    if (argc != 1)
        return;
    complete_last_item(c, "/");
    format(directory, sizeof directory, "/%.*s", (int)(c->word - word), word);
    complete_files(c, directory, true);
}

static int ls_run(int argc, char **argv, struct printer *out)
{
    static char root[] = "/";
    const char *path = argc > 1 ? argv[1] : root;
    struct place p, entry;
    struct dir_entry e;
    if (argc > 2) {
        print(out, "ls: expected no argument, or one path\n");
        return 1;
    }
    if (!find("ls", path, &p, out))
        return 1;
    if (p.kind != PLACE_DIR)
        list_one(&p, path, strlen(path), out);
    for (uint64_t cookie = 0; p.kind == PLACE_DIR && dir_next(&p.dir, &cookie, &e);) {
        char name[NAME_MAX + 1];
        memcpy(name, e.name, e.length);
        name[e.length] = '\0';
        if (name[0] != '.' && path_walk(&p.dir, name, &entry) == 0 && entry.kind != PLACE_NONE)
            list_one(&entry, e.name, e.length, out);
    }
    return 0;
}

COMMAND(ls, "[PATH]", "files of the initrd (/), of programs (/tmp) and about them (/proc), with their sizes",
        ls_run, .complete = path_complete);

/* What follows starts a line of its own, also if the file does not end one. */
static bool print_object(struct object *o, struct printer *out)
{
    char chunk[IO_CHUNK], last = '\n';
    for (uint32_t at = 0; at < object_length(o);) {
        uint32_t n = MIN((uint32_t)sizeof chunk, object_length(o) - at);
        if (object_read(o, &main_pool, at, chunk, n) != VM_OK)
            return false;
        out->write(out, chunk, n);
        at += n;
        last = chunk[n - 1];
    }
    if (last != '\n')
        print(out, "\n");
    return true;
}

static int cat_run(int argc, char **argv, struct printer *out)
{
    struct place p;
    struct open_file *f;
    if (argc != 2) {
        print(out, "cat: expected one path\n");
        return 1;
    }
    if (!find("cat", argv[1], &p, out))
        return 1;
    if (p.kind == PLACE_PROC) {
        bool text = procfs_print(p.proc, p.parent.pid, out);
        if (!text)
            print(out, "cat: %s: not text, or its process is gone\n", argv[1]);
        return text ? 0 : 1;
    }
    int32_t err = p.kind == PLACE_DIR ? -EISDIR : path_open(&path_root, argv[1], O_RDONLY, 0, &f);
    if (err != 0) {
        print(out, "cat: %s: %s\n", argv[1], err == -EISDIR ? "a directory; expected a file" : "no memory");
        return 1;
    }
    bool ok = print_object(f->ops->object(f), out);
    file_unref(f);
    if (!ok)
        print(out, "cat: %s: cannot be read to its end\n", argv[1]);
    return ok ? 0 : 1;
}

COMMAND(cat, "PATH", "print a file", cat_run, .complete = path_complete);

static int rm_run(int argc, char **argv, struct printer *out)
{
    struct place p;
    if (argc != 2) {
        print(out, "rm: expected one path\n");
        return 1;
    }
    if (!find("rm", argv[1], &p, out))
        return 1;
    if (p.kind != PLACE_TMP) {
        print(out, "rm: %s: only files in /tmp can be removed\n", argv[1]);
        return 1;
    }
    tmpfs_unlink(p.inode);
    return 0;
}

COMMAND(rm, "PATH", "remove a file in /tmp", rm_run, .complete = path_complete);

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the page traces that docs/gip.md measures, in a folder: programs that every Debian has, run under
Valgrind's lackey, with their versions in MANIFEST. `gip_traces.py FOLDER [name ...]`; what is there already
is kept. A trace is held out if the sum of its name's bytes is odd: the policy was tuned on the others only."""
import os
import random
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MAKE_INPUTS = 20_000  # lines of the generated text

SCRIPTS = {
    "dict.py": """
import random
random.seed(5)
d = {}
for i in range(60000):
    k = int(random.paretovariate(0.6)) % 20011
    d.setdefault(k, []).append(i)
    if i % 3 == 0: d.pop(random.randrange(20011), None)
print(len(d), sum(map(len, d.values())))
""",
    "tree.py": """
class Node:
    __slots__ = 'k', 'l', 'r'
    def __init__(s, k): s.k, s.l, s.r = k, None, None
import random
random.seed(6)
root = Node(0.5)
for i in range(9000):
    k, n = random.random(), root
    while True:
        m = n.l if k < n.k else n.r
        if m is None: break
        n = m
    if k < n.k: n.l = Node(k)
    else: n.r = Node(k)
st, c = [root], 0
while st:
    n = st.pop(); c += 1
    st += [x for x in (n.l, n.r) if x]
print(c)
""",
    "words.pl": """
my %n; my @l;
while (<>) { push @l, $_ if $. % 3 == 0; $n{lc $1}++ while /(\\w{3,})/g; }
print "$_ $n{$_}\\n" for (sort { $n{$b} <=> $n{$a} || $a cmp $b } keys %n)[0..20];
print scalar(reverse sort @l) ? 1 : 0, "\\n";
""",
    "matrix.pl": """
my $n = 48; my (@a, @b, @c);
for my $i (0..$n-1) { for my $j (0..$n-1) { $a[$i][$j] = $i*$j % 7; $b[$i][$j] = ($i+$j) % 5; } }
for my $i (0..$n-1) { for my $j (0..$n-1) { my $s = 0; $s += $a[$i][$_]*$b[$_][$j] for 0..$n-1; $c[$i][$j] = $s; } }
print $c[3][4], "\\n";
""",
    "count.awk": """
{ for (i = 1; i <= NF; i++) n[$i]++; len[length($0)]++; if (NR % 100 == 0) keep[NR] = $0 }
END { for (w in n) if (n[w] > best) { best = n[w]; word = w } print word, best; for (k in keep) s += length(keep[k]); print s }
""",
    "loop.sh": """
i=0; s=
while [ $i -lt 1500 ]; do
  i=$((i+1)); eval "v$i=\\$i"; s="$s $((i*i % 97))"
  case $i in *00) set -- $s; s="$*";; esac
done
for x in $s; do eval "w=\\${v$x:-0}"; done; echo ${#s} $w
""",
    "load.sql": """
create table t(a integer primary key, b int, c text);
with recursive n(i) as (select 1 union all select i+1 from n where i < 6000)
insert into t select i, (i*7919) % 10007, printf('row %d %d', i, i*i) from n;
create index tb on t(b);
select count(*), sum(length(c)) from t where b between 2000 and 4000;
update t set c = c || 'x' where a % 5 = 0;
select b % 10 g, count(*), max(c) from t group by g order by g;
delete from t where a % 3 = 0;
select count(*) from t x join t y on x.b = y.b + 1;
""",
    "pi.bc": "scale=400\n4*a(1)\ne(1)\nsqrt(2)\nfor(i=1;i<200;i++)x=x*3+i\nx\n",
    "gdb.cmd": "info functions qsort\nbreak main\nptype struct addrinfo\ninfo scope main\ndisassemble main\nquit\n",
}

# What runs: name -> (command, standard input or None). {d} is the folder of the inputs; {cc1} the compiler proper.
PROGRAMS = {
    "sort": ("sort {d}/text", None),
    "sort-numbers": ("sort -n {d}/numbers", None),
    "gzip": ("gzip -9 -c {d}/text", None),
    "gunzip": ("gzip -dc {d}/text.gz", None),
    "bzip2": ("bzip2 -c {d}/text", None),
    "bunzip2": ("bzip2 -dc {d}/text.bz2", None),
    "xz": ("xz -T1 -5 -c {d}/text", None),
    "unxz": ("xz -T1 -dc {d}/text.xz", None),
    "python-dict": ("{py} {d}/dict.py", None),
    "python-tree": ("{py} {d}/tree.py", None),
    "python-compile": ("{py} -S -c 'compile(open(\"{pylib}/argparse.py\").read(), \"a\", \"exec\")'", None),
    "python-json": ("{py} -c 'import json; d={{str(i):[i,str(i*i)] for i in range(9000)}}; print(len(json.loads(json.dumps(d))))'", None),
    "perl-words": ("perl {d}/words.pl {d}/text", None),
    "perl-matrix": ("perl {d}/matrix.pl", None),
    "perl-pod": ("perl /usr/bin/pod2man {pod}", None),
    "cc1-O0": ("{cc1} -quiet -O0 {d}/pre.c -o {d}/out.s", None),
    "cc1-O2": ("{cc1} -quiet -O2 {d}/pre.c -o {d}/out.s", None),
    "cpp": ("{cc1} -quiet -E {d}/many.c -o {d}/out.i", None),
    "as": ("as {d}/pre.s -o {d}/out.o", None),
    "ld": ("ld -r {libc}/libc_nonshared.a --whole-archive {libc}/libm-2.36.a -o {d}/out.o", None),
    "awk": ("mawk -f {d}/count.awk {d}/text", None),
    "sed": ("sed -E 's/([a-z]+) ([a-z]+)/\\2 \\1/g;y/aeiou/AEIOU/' {d}/text", None),
    "grep": ("grep -rE '(struct|union) [a-z]+_t' /usr/include/linux /usr/include/x86_64-linux-gnu", None),
    "sqlite": ("sqlite3 :memory:", "load.sql"),
    "tar": ("tar -cf - /usr/include/linux", None),
    "untar": ("tar -tvf {d}/include.tar", None),
    "sha256sum": ("sha256sum {d}/text {d}/numbers", None),
    "git-log": ("git -C {d}/repo log --stat -p", None),
    "git-gc": ("git -C {d}/repo pack-objects --all --stdout", ""),
    "git-diff": ("git -C {d}/repo diff HEAD~12 HEAD", None),
    "find": ("find /usr/share -newer /usr/include -name '*a*'", None),
    "bc": ("bc -lq", "pi.bc"),
    "gdb": ("gdb -nx -batch -x {d}/gdb.cmd {d}/small", None),
    "objdump": ("objdump -d {d}/small.o", None),
    "objdump-lines": ("objdump -dlS {d}/small", None),
    "nm": ("nm -C {libc}/libm-2.36.a", None),
    "diff": ("diff {d}/text {d}/text2", None),
    "bash": ("bash {d}/loop.sh", None),
    "dash": ("dash {d}/loop.sh", None),
    "uniq": ("uniq -c {d}/numbers", None),
    "dpkg-query": ("dpkg-query -W -f '${{Package}} ${{Version}}\\n'", None),
    "apt-cache": ("apt-cache --no-generate showpkg bash", None),
    "ls": ("ls -lR /usr/share/doc", None),
    "tsort": ("tsort {d}/graph", None),
    "join": ("join {d}/s1 {d}/s2", None),
    "file": ("file /usr/bin/sort /usr/bin/perl {d}/text.gz {d}/pre.c {d}/small", None),
    "openssl": ("openssl genrsa 1024", None),
    "make": ("make -npr -f /dev/null", None),
    "groff": ("troff -Tutf8 -man {d}/page.man", None),
    "localedef": ("localedef -i en_US -f UTF-8 --no-archive {d}/locale", None),
}


def held_out(name):
    return sum(name.encode()) % 2 == 1


def shell(command, d):
    subprocess.run(command, shell=True, cwd=d, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_inputs(d):
    os.makedirs(d, exist_ok=True)
    if os.path.exists(d + "/done"):
        return
    rng = random.Random(11)
    words = ["".join(rng.choice("etaoinshrdlu") for _ in range(rng.randint(2, 10))) for _ in range(3000)]

    def text(path, lines):
        with open(path, "w") as f:
            for _ in range(lines):
                f.write(" ".join(words[min(2999, int(rng.paretovariate(0.5)))] for _ in range(rng.randint(3, 14))) + "\n")

    for name, body in SCRIPTS.items():
        with open(f"{d}/{name}", "w") as f:
            f.write(body)
    text(d + "/text", MAKE_INPUTS)
    with open(d + "/text") as f, open(d + "/text2", "w") as g:
        g.writelines(line for i, line in enumerate(f) if i % 37 != 5)
    with open(d + "/numbers", "w") as f:
        f.writelines(f"{rng.randrange(10**6)}\n" for _ in range(50000))
    with open(d + "/graph", "w") as f:
        f.writelines(f"{a} {rng.randrange(a + 1, 6000)}\n" for a in range(5000) for _ in range(3))
    for s in "s1", "s2":
        with open(f"{d}/{s}", "w") as f:
            f.writelines(sorted(f"{rng.randrange(30000)} {w}\n" for w in words * 5))
    with open(d + "/many.c", "w") as f:
        f.writelines(f"#include <{h}>\n" for h in "stdio.h stdlib.h string.h unistd.h sys/socket.h netdb.h math.h "
                     "pthread.h signal.h wchar.h sys/stat.h time.h errno.h linux/fs.h linux/netlink.h".split())
    shell("gzip -9kf text; bzip2 -kf text; xz -T1 -kf text; tar cf include.tar /usr/include/linux", d)
    with open(d + "/small.c", "w") as f:
        f.write("#include <netdb.h>\n#include <stdlib.h>\n#include <stdio.h>\n"
                "static int less(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }\n"
                "static struct addrinfo info;\n")
        for i in range(150):
            f.write(f"int f{i}(int x, int *v) {{ int s = {i}; for (int i = 0; i < x; i++) {{ if (v[i] > {i * 7}) "
                    f"s += v[i] * {i + 3}; else {{ s ^= v[x - i - 1]; printf(\"%d {i}\\n\", s); }} }} return s; }}\n")
        f.write("int main(void) { int v[9] = {3, 1, 2}; qsort(v, 9, sizeof v[0], less); int s = info.ai_flags;\n")
        f.writelines(f"s += f{i}(9, v);\n" for i in range(150))
        f.write("return s; }\n")
    shell("gcc -g -O1 small.c -o small; gcc -g -O1 -c small.c -o small.o; gcc -E small.c -o pre.c; gcc -g -O1 -S small.c -o pre.s", d)
    shell("pod2man " + pod() + " page.man", d)
    shell("rm -rf repo; git init -q repo", d)
    with open(d + "/text") as f:
        lines = f.readlines()[:6000]
    for commit in range(30):
        for _ in range(60):
            lines[rng.randrange(len(lines))] = rng.choice(words) + " changed\n"
        for part in range(12):
            with open(f"{d}/repo/part{part}", "w") as f:
                f.writelines(lines[part * 500:part * 500 + 500])
        shell("git add . && git -c user.name=a -c user.email=a@b -c commit.gpgsign=false commit -qm c%d "
              "--date='2020-01-01T00:00:00'" % commit, d + "/repo")
    open(d + "/done", "w").close()


def pod():
    out = subprocess.run(["perl", "-MPod::Usage", "-e", "print $INC{'Pod/Usage.pm'}"], capture_output=True, text=True)
    return out.stdout


def expand(command, d):
    cc1 = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True).stdout.strip()
    libm = subprocess.run(["gcc", "-print-file-name=libm.a"], capture_output=True, text=True).stdout.strip()
    py = "/usr/bin/python3"
    lib = subprocess.run([py, "-c", "import os; print(os.path.dirname(os.__file__))"], capture_output=True, text=True)
    return command.format(d=d, cc1=cc1, libc=os.path.dirname(os.path.realpath(libm)), py=py, pylib=lib.stdout.strip(), pod=pod())


def trace(folder, name, tool):
    d = folder + "/inputs"
    command, stdin = PROGRAMS[name]
    command = expand(command, d)
    source = "/dev/null" if not stdin else f"{d}/{stdin}"
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": d, "LC_ALL": "C", "PYTHONHASHSEED": "0"}
    read_end, write_end = os.pipe()
    filtering = subprocess.Popen([tool, f"{folder}/{name}.flt.new", name], stdin=read_end, stdout=subprocess.PIPE, text=True)
    with open(source, "rb") as given:
        run = subprocess.Popen(["setarch", "-R", "valgrind", "--tool=lackey", "--trace-mem=yes", f"--log-fd={write_end}",
                                *shlex.split(command)], stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=env, pass_fds=[write_end])
    os.close(read_end)
    os.close(write_end)
    said = filtering.communicate()[0].strip()
    run.kill()  # lackey goes on when nobody listens
    run.wait()
    if said == "":
        return f"{name}: failed\n"
    os.rename(f"{folder}/{name}.flt.new", f"{folder}/{name}.flt")
    return f"{'held-out' if held_out(name) else 'tuning'}  {said}  {version_of(command.split()[0])}\n"


def version_of(program):
    path = subprocess.run(["which", program], capture_output=True, text=True).stdout.strip()
    owner = subprocess.run(["dpkg-query", "-S", path, os.path.realpath(path), path.replace("/usr", "", 1)],
                           capture_output=True, text=True, check=False).stdout.split(":")[0]
    return subprocess.run(["dpkg-query", "-W", owner], capture_output=True, text=True, check=False).stdout.strip().replace("\t", " ")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = os.path.abspath(sys.argv[1])
    make_inputs(folder + "/inputs")
    tool = folder + "/pagetrace"
    subprocess.run(["cc", "-O2", "-I" + os.path.dirname(HERE), HERE + "/pagetrace.c", "-o", tool], check=True)
    for name in sys.argv[2:] or PROGRAMS:
        if os.path.exists(f"{folder}/{name}.flt"):
            continue
        said = trace(folder, name, tool)
        print(said, end="", flush=True)
        with open(folder + "/MANIFEST", "a") as f:
            f.write(said)


if __name__ == "__main__":
    main()

/* families WAY [ARG]: a parent with blocks of its own starts a child in one WAY, and each prints what its own image
 * did.
 *
 * The parent allocates 3 blocks (173, 179, 181 bytes) before, keeps two, and one more (191) after. A child that is a
 * forked image frees one that it inherited and allocates 193 bytes of its own. A child that execs runs this program as
 * `leaf`.
 */
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tally.h"

extern char **environ;

static struct tally tally;
static void *inherited; /* 179 bytes, freed by forked children */
static char *self;      /* path of this program */

static void act_as_child(const char *name)
{
    struct tally own = {0}; /* an image's totals are its own events; the inherited block's free is one of them */
    own.frees++;
    free(inherited);
    tally_malloc(&own, 193);
    tally_print(name, &own);
}

static void reap(pid_t child)
{
    int status = -1;
    EXPECT(child > 0 && waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void exec_leaf(void) { execl(self, self, "leaf", (char *)NULL); }

static void by_fork(void)
{
    pid_t child = fork();
    if (child == 0) {
        act_as_child("child");
        exit(7);
    }
    reap(child);
}

/* As a process does that may open nothing more: a child must not need a descriptor to be recorded. */
static void by_crowded_fork(void)
{
    EXPECT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, 3}) == 0);
    by_fork();
}

/* A fork that libc does not know of: no atfork handler runs. */
static void by_clone(void)
{
    long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        act_as_child("child");
        _exit(7);
    }
    reap((pid_t)child);
}

static void by_fork_exec(void)
{
    pid_t child = fork();
    if (child == 0) {
        act_as_child("child");
        exec_leaf();
        _exit(1);
    }
    reap(child);
}

static void by_vfork_exec(void)
{
    pid_t child = vfork();
    if (child == 0) {
        exec_leaf();
        _exit(1);
    }
    reap(child);
}

static void by_spawn(void)
{
    pid_t child = 0;
    char leaf[] = "leaf";
    char *arguments[] = {self, leaf, NULL};
    EXPECT(posix_spawn(&child, self, NULL, NULL, arguments, environ) == 0);
    reap(child);
}

static void by_exec(void)
{
    tally_print("before", &tally);
    exec_leaf();
}

static void by_failed_exec(void)
{
    EXPECT(execl("/nonexistent/program", "program", (char *)NULL) == -1 && errno == ENOENT);
    EXPECT(execl("/", "program", (char *)NULL) == -1 && errno == EACCES);
}

/* Children of children, each of which inherits its parent's own block and adds one. */
static void by_generations(void)
{
    for (int generation = 1; generation <= 3; generation++) {
        pid_t child = fork();
        if (child != 0) {
            reap(child);
            if (generation == 1)
                return;
            _exit(7);
        }
        struct tally own = {0};
        tally_malloc(&own, 193);
        tally_print("child", &own);
    }
    _exit(7);
}

/* A daemon as they all do it; the test waits for its last line. */
static void by_daemon(void)
{
    pid_t child = fork();
    if (child == 0) {
        EXPECT(setsid() > 0);
        pid_t daemon = fork();
        if (daemon == 0) {
            EXPECT(chdir("/") == 0);
            umask(0);
            usleep(200000); /* outlive the parents */
            act_as_child("daemon");
            _exit(0);
        }
        _exit(daemon > 0 ? 7 : 1);
    }
    reap(child);
}

static void by_orphan(void)
{
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        usleep(300000);
        act_as_child("orphan");
        _exit(0);
    }
}

static const struct {
    const char *name;
    void (*go)(void);
} ways[] = {
    {"fork", by_fork},
    {"clone", by_clone},
    {"fork_exec", by_fork_exec},
    {"vfork_exec", by_vfork_exec},
    {"spawn", by_spawn},
    {"exec", by_exec},
    {"daemon", by_daemon},
    {"failed_exec", by_failed_exec},
    {"generations", by_generations},
    {"orphan", by_orphan},
    {"crowded_fork", by_crowded_fork},
};

int main(int argc, char **argv)
{
    self = argv[0];
    const char *way = argc > 1 ? argv[1] : "";
    if (strcmp(way, "leaf") == 0) {
        tally_malloc(&tally, 197);
        tally_print("leaf", &tally);
        return 7;
    }
    tally_malloc(&tally, 173);
    inherited = tally_malloc(&tally, 179);
    tally_release(&tally, tally_malloc(&tally, 181), 181);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(ways[i].name, way) == 0) {
            ways[i].go();
            tally_malloc(&tally, 191);
            tally_print("parent", &tally);
            return 0;
        }
    return 2;
}

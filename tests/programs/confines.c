/* confines WAY DIRECTORY: takes its own means away, and goes on allocating; so does a child.
 *
 * descriptors: closes all, as daemons do, and takes the lowest free ones for itself. chroot: DIRECTORY is its root from
 * then on.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tally.h"

static struct tally tally;

static void churn(void)
{
    for (size_t i = 0; i < 5000; i++)
        tally_release(&tally, tally_malloc(&tally, 347 + i % 64), 347 + i % 64);
}

static void close_descriptors(void)
{
    struct stat status;
    const int output = dup(STDOUT_FILENO);
    for (int fd = 0; fd < 1024; fd++)
        if (fd != output)
            close(fd);
    churn();
    EXPECT(open("/dev/null", O_RDONLY) == 0);
    EXPECT(dup2(output, STDOUT_FILENO) == STDOUT_FILENO && close(output) == 0);
    EXPECT(dup(0) == 2);
    for (int fd = 3; fd < 1024; fd++)
        EXPECT(fstat(fd, &status) == -1);
}

int main(int argc, char **argv)
{
    int status = -1;
    EXPECT(argc > 2);
    churn();
    if (strcmp(argv[1], "descriptors") == 0)
        close_descriptors();
    else
        EXPECT(chroot(argv[2]) == 0 && chdir("/") == 0);
    churn();
    const pid_t child = fork();
    if (child == 0) {
        tally = (struct tally){0};
        churn();
        tally_print("child", &tally);
        if (argc > 3)
            execl(argv[3], argv[3], "5", (char *)NULL);
        _exit(5);
    }
    EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 5);
    tally_print("main", &tally);
    return 0;
}

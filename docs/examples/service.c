/* A service as there are many: it answers requests, keeps a session for each user, and grows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USERS 200

struct session {
    char user[24];
    char *page;
    long hits;
};

static struct session *sessions[USERS];

static struct session *find_session(int user)
{
    if (!sessions[user]) {
        sessions[user] = calloc(1, sizeof *sessions[user]);
        snprintf(sessions[user]->user, sizeof sessions[user]->user, "user-%d", user);
    }
    return sessions[user];
}

static char *render(const struct session *session, const char *page)
{
    size_t size = 4096;
    char *answer = malloc(size);
    snprintf(answer, size, "<h1>%s</h1><p>Hello %s, hit %ld", page, session->user, session->hits);
    return answer;
}

static void remember_page(struct session *session, const char *page)
{
    session->page = strdup(page);
    session->hits++;
}

static size_t handle_request(int user, const char *page)
{
    struct session *session = find_session(user);
    remember_page(session, page);
    char *answer = render(session, page);
    size_t length = strlen(answer);
    free(answer);
    return length;
}

int main(int argc, char **argv)
{
    int requests = argc > 1 ? atoi(argv[1]) : 20000;
    size_t sent = 0;
    for (int i = 0; i < requests; i++) {
        char page[64];
        snprintf(page, sizeof page, "/products/%06d/details", i % 5000);
        sent += handle_request(i % USERS, page);
    }
    printf("%zu bytes sent\n", sent);
    return 0;
}

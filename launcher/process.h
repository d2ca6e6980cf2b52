/* What /proc tells of a process. Everything may fail at any time, since the process may be gone. */
#ifndef VZ_PROCESS_H
#define VZ_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The link /proc/PID/<name> ("exe", "cwd"), as a string to be freed; NULL: unknown. */
char *vz_process_link(pid_t pid, const char *name);

/* A thread's name; empty if unknown. */
void vz_process_thread_name(pid_t pid, uint32_t tid, char name[16]);

/* The ids of all threads in ascending order, to be freed; NULL: unknown. */
uint32_t *vz_process_threads(pid_t pid, size_t *n);

/* Whether a process has this thread. True when in doubt. */
bool vz_process_has_thread(pid_t pid, uint32_t tid);

/* How a process ended that isn't our child: its wait status. pidfd: of it, or -1. False: not known. */
bool vz_process_status(pid_t pid, int pidfd, int *wait_status);

/* Whether a process takes part in the recording: it has the library mapped, or was started with it in LD_PRELOAD. */
bool vz_process_is_recorded(pid_t pid, const char *library);

/* Whether the kernel does not let us see what a process has in memory: it is not dumpable, or another user's. */
bool vz_process_is_hidden(pid_t pid);

/* A process's id as it sees itself, in its own pid namespace; 0: unknown. */
pid_t vz_process_inner_pid(pid_t pid);

/* When a process was started, in the kernel's units; 0: unknown. */
uint64_t vz_process_start(pid_t pid);

/* Calls visit for all other processes that were started at `start` or later, until it returns false. */
void vz_process_for_each_since(uint64_t start, bool (*visit)(pid_t pid, void *context), void *context);

/* Resident bytes now; 0: it has no memory any more. */
uint64_t vz_process_rss(pid_t pid);

/* Proportional set size; UINT64_MAX: unknown. Holds the process's mmap lock for long where it is large. */
uint64_t vz_process_pss(pid_t pid);

#endif

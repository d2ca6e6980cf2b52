/* The one thing that a process which records itself says: that it stops, and why. On the standard error that it started
 * with: should the program have put another file there, or should nobody take it at once, nothing is said.
 */
#ifndef VZ_SOLO_MESSAGE_H
#define VZ_SOLO_MESSAGE_H

/* Remembers what standard error is. In attaching. */
void vz_solo_message_start(void);

/* "vizzy: NAME: REASON; ...". error: -errno. At most once in a process and its forked children. With signals held; it leaves none. */
void vz_solo_message_stop(const char *name, int error);

#endif

/* Finding out what an image runs: see image_texts.h. */
#define _GNU_SOURCE
#include "image_texts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "execs.h"
#include "process.h"

static uint32_t count_arguments(const char *args, size_t bytes)
{
    uint32_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n += args[i] == 0;
    return n;
}

static void copy_arguments(struct vz_image *image, const char *args, size_t bytes)
{
    image->args = malloc(bytes ? bytes : 1);
    image->args_bytes = image->args ? bytes : 0;
    if (image->args)
        memcpy(image->args, args, bytes);
}

static void copy_texts(struct vz_image *image, const struct vz_image *from)
{
    image->exe = from->exe ? strdup(from->exe) : NULL;
    image->cwd = from->cwd ? strdup(from->cwd) : NULL;
    copy_arguments(image, from->args, from->args_bytes);
}

void vz_image_texts_of_command(const struct vz_collector *collector, struct vz_image *image)
{
    image->exe = realpath(collector->program, NULL);
    image->cwd = getcwd(NULL, 0);
    image->args = vz_cli_join_arguments(collector->cli->command, &image->args_bytes);
    image->n_args = count_arguments(image->args, image->args_bytes);
}

void vz_image_texts_free(struct vz_image *image)
{
    free(image->exe);
    free(image->cwd);
    free(image->args);
    image->exe = image->cwd = image->args = NULL;
    image->args_bytes = 0;
}

/* What it runs. A forked child runs what its parent does; another one says so itself, since its process may be gone by now; if
 * it could not, the image before it may have noted its exec. */
void vz_image_texts_read(const struct vz_collector *collector, struct vz_image *image, const struct vz_image *parent,
                         const struct vz_image *former)
{
    const struct vz_note *exec = former ? former->exec_note : NULL;
    if (parent) {
        copy_texts(image, parent);
    } else if (vz_execs_tell_command(image, &image->exe, &image->args, &image->args_bytes)) {
        image->cwd = image->outer_pid ? vz_process_link(image->outer_pid, "cwd") : NULL;
    } else if (image->pid == collector->command && !former) {
        vz_image_texts_of_command(collector, image);
    } else if (exec) {
        image->exe = strndup((const char *)(exec + 1), exec->text_bytes);
        copy_arguments(image, image->exe ? image->exe : "", image->exe ? strlen(image->exe) + 1 : 0);
    }
    if (!image->cwd && former && former->cwd)
        image->cwd = strdup(former->cwd);
    image->n_args = count_arguments(image->args, image->args_bytes);
}
